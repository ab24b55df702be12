-- Statuses of one action, newest first.
SELECT id, at, type, code FROM action_status WHERE action_id = ?1
ORDER BY id DESC LIMIT ?3 OFFSET ?2;
