-- All actions of a device.
DELETE FROM action WHERE device_id = ?1;
