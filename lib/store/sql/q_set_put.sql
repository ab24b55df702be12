-- A distribution set.
INSERT INTO distribution_set (id, product, version, seq, sec, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (id) DO UPDATE SET product = excluded.product, version = excluded.version,
    seq = excluded.seq, sec = excluded.sec, created_at = excluded.created_at;
