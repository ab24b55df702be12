-- All distribution sets, for the start of the server.
SELECT id, product, version, seq, sec, created_at FROM distribution_set ORDER BY id;
