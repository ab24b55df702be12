-- All members of all rollouts, for the start of the server.
SELECT rollout_id, device_id, stratum, stage, state FROM rollout_member
ORDER BY rollout_id, device_id;
