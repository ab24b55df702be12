-- A device called; nothing else changed.
UPDATE device SET last_request_at = ?2, address = ?3 WHERE id = ?1;
