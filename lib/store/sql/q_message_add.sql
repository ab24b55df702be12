-- A message of the newest status of an action.
INSERT INTO action_message (status_id, position, text)
VALUES ((SELECT max(id) FROM action_status WHERE action_id = ?1), ?2, ?3);
