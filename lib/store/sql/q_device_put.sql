-- A device's row, new or changed.
INSERT INTO device (id, controller_id, name, description, product, hardware_class, grp, address,
    created_at, last_request_at, installed_at, attributes_at, state, why, attributes_wanted,
    assigned_id, installed_id, installed_action_id, last_action_id, enrolment, token_sha256,
    token_expires_at, key_pin, requested_at, fingerprint)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
    ?21, ?22, ?23, ?24, ?25)
ON CONFLICT (id) DO UPDATE SET controller_id = excluded.controller_id, name = excluded.name,
    description = excluded.description, product = excluded.product,
    hardware_class = excluded.hardware_class, grp = excluded.grp, address = excluded.address,
    created_at = excluded.created_at, last_request_at = excluded.last_request_at,
    installed_at = excluded.installed_at, attributes_at = excluded.attributes_at,
    state = excluded.state, why = excluded.why, attributes_wanted = excluded.attributes_wanted,
    assigned_id = excluded.assigned_id, installed_id = excluded.installed_id,
    installed_action_id = excluded.installed_action_id, last_action_id = excluded.last_action_id,
    enrolment = excluded.enrolment, token_sha256 = excluded.token_sha256,
    token_expires_at = excluded.token_expires_at, key_pin = excluded.key_pin,
    requested_at = excluded.requested_at, fingerprint = excluded.fingerprint;
