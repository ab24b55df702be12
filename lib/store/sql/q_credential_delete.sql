-- PEM texts of one device.
DELETE FROM credential WHERE device_id = ?1;
