-- The statuses of all actions of a device.
DELETE FROM action_status WHERE action_id IN (SELECT id FROM action WHERE device_id = ?1);
