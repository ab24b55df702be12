-- The highest id given out of one kind.
INSERT INTO counter (name, value) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
