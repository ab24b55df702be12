-- Where a device stands in a rollout.
INSERT INTO rollout_member (rollout_id, device_id, stratum, stage, state)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (rollout_id, device_id) DO UPDATE SET stratum = excluded.stratum,
    stage = excluded.stage, state = excluded.state;
