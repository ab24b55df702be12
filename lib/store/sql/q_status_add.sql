-- One more status of an action.
INSERT INTO action_status (action_id, at, type, code) VALUES (?1, ?2, ?3, ?4);
