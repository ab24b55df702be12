-- How many statuses an action has.
SELECT count(*) FROM action_status WHERE action_id = ?1;
