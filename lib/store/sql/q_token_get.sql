-- The token with this hash, unless it expired before ?2.
SELECT name, sha256, created_at, expires_at FROM operator_token
WHERE sha256 = ?1 AND (expires_at = 0 OR expires_at > ?2);
