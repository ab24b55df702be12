-- One device's row.
DELETE FROM device WHERE id = ?1;
