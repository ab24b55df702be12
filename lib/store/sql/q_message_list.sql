-- The messages of one status.
SELECT text FROM action_message WHERE status_id = ?1 ORDER BY position;
