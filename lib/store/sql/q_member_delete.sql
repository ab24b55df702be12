-- The memberships of a device.
DELETE FROM rollout_member WHERE device_id = ?1;
