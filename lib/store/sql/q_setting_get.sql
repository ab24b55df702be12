-- The value of a name.
SELECT value FROM setting WHERE key = ?1;
