-- The messages of all actions of a device.
DELETE FROM action_message WHERE status_id IN
    (SELECT s.id FROM action a JOIN action_status s ON s.action_id = a.id WHERE a.device_id = ?1);
