-- All operator tokens.
SELECT name, sha256, created_at, expires_at FROM operator_token ORDER BY name;
