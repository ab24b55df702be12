-- All rollouts, for the start of the server.
SELECT id, record FROM rollout ORDER BY id;
