-- All attributes of a device.
DELETE FROM attribute WHERE device_id = ?1;
