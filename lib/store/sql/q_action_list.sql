-- All actions, for the start of the server.
SELECT id, device_id, distribution_set_id, rollout_id, stratum, stage, status, force, force_at,
    activated, unverified, created_at, changed_at, claimed_at, closed_at, last_code,
    claimed_polls, status_count, why, retrieved, leaves_rollout
FROM action ORDER BY id;
