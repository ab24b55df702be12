-- A rollout, new or changed.
INSERT INTO rollout (id, record) VALUES (?1, ?2)
ON CONFLICT (id) DO UPDATE SET record = excluded.record;
