-- One attribute of a device.
INSERT INTO attribute (device_id, key, value) VALUES (?1, ?2, ?3)
ON CONFLICT (device_id, key) DO UPDATE SET value = excluded.value;
