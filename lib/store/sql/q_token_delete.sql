-- An operator's token is withdrawn.
DELETE FROM operator_token WHERE name = ?1;
