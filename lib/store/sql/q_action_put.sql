-- One device's part, new or changed.
INSERT INTO action (id, device_id, distribution_set_id, rollout_id, stratum, stage, status, force,
    force_at, activated, unverified, created_at, changed_at, claimed_at, closed_at, last_code,
    claimed_polls, status_count, why, retrieved, leaves_rollout)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
    ?20, ?21)
ON CONFLICT (id) DO UPDATE SET device_id = excluded.device_id,
    distribution_set_id = excluded.distribution_set_id, rollout_id = excluded.rollout_id,
    stratum = excluded.stratum, stage = excluded.stage, status = excluded.status,
    force = excluded.force, force_at = excluded.force_at, activated = excluded.activated,
    unverified = excluded.unverified, created_at = excluded.created_at,
    changed_at = excluded.changed_at, claimed_at = excluded.claimed_at,
    closed_at = excluded.closed_at, last_code = excluded.last_code,
    claimed_polls = excluded.claimed_polls, status_count = excluded.status_count,
    why = excluded.why, retrieved = excluded.retrieved,
    leaves_rollout = excluded.leaves_rollout;
