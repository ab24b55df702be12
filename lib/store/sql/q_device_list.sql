-- All devices, for the start of the server.
SELECT id, controller_id, name, description, product, hardware_class, grp, address,
    created_at, last_request_at, installed_at, attributes_at, state, why, attributes_wanted,
    assigned_id, installed_id, installed_action_id, last_action_id, enrolment, token_sha256,
    token_expires_at, key_pin, requested_at, fingerprint
FROM device ORDER BY id;
