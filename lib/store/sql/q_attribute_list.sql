-- All attributes of all devices, for the start of the server.
SELECT device_id, key, value FROM attribute ORDER BY device_id, key;
