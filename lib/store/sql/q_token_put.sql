-- An operator's token.
INSERT INTO operator_token (name, sha256, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, created_at = excluded.created_at,
    expires_at = excluded.expires_at;
