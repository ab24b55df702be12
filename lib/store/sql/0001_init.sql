-- The first schema. Times are milliseconds since 1970, 0: never. Rows refer to each
-- other without foreign keys: the order of rows in one batch is free.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    controller_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    product TEXT NOT NULL,
    hardware_class TEXT NOT NULL,
    grp TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_request_at INTEGER NOT NULL,
    installed_at INTEGER NOT NULL,
    attributes_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    why TEXT NOT NULL,
    attributes_wanted INTEGER NOT NULL CHECK (attributes_wanted IN (0, 1)),
    assigned_id INTEGER NOT NULL,
    installed_id INTEGER NOT NULL,
    installed_action_id INTEGER NOT NULL,
    last_action_id INTEGER NOT NULL,
    enrolment INTEGER NOT NULL,
    token_sha256 BLOB CHECK (length(token_sha256) = 32),
    token_expires_at INTEGER NOT NULL,
    key_pin BLOB CHECK (length(key_pin) = 32),
    requested_at INTEGER NOT NULL,
    fingerprint BLOB CHECK (length(fingerprint) = 32)
) STRICT;

-- PEM texts of a device's enrolment; read only when asked for.
CREATE TABLE credential (
    device_id INTEGER PRIMARY KEY,
    csr TEXT NOT NULL,
    certificate TEXT NOT NULL
) STRICT;

CREATE TABLE attribute (
    device_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (device_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE distribution_set (
    id INTEGER PRIMARY KEY,
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    seq INTEGER NOT NULL,
    sec INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (product, version)
) STRICT;

CREATE TABLE module (
    id INTEGER PRIMARY KEY,
    distribution_set_id INTEGER NOT NULL,
    hardware_class TEXT NOT NULL,
    file_name TEXT NOT NULL,
    target_path TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    sha1 TEXT NOT NULL,
    md5 TEXT NOT NULL,
    image_sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (distribution_set_id, hardware_class)
) STRICT;

CREATE TABLE action (
    id INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL,
    distribution_set_id INTEGER NOT NULL,
    rollout_id INTEGER NOT NULL,
    stratum INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    status INTEGER NOT NULL,
    force INTEGER NOT NULL,
    force_at INTEGER NOT NULL,
    activated INTEGER NOT NULL CHECK (activated IN (0, 1)),
    unverified INTEGER NOT NULL CHECK (unverified IN (0, 1)),
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    last_code INTEGER NOT NULL,
    claimed_polls INTEGER NOT NULL,
    status_count INTEGER NOT NULL,
    why TEXT NOT NULL
) STRICT;
CREATE INDEX action_device ON action (device_id);

CREATE TABLE action_status (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    action_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    code INTEGER
) STRICT;
CREATE INDEX action_status_action ON action_status (action_id, id);

CREATE TABLE action_message (
    status_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (status_id, position)
) STRICT, WITHOUT ROWID;

-- The record is the fleet's own form, with a version and a CRC-32 inside.
CREATE TABLE rollout (
    id INTEGER PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;

CREATE TABLE rollout_member (
    rollout_id INTEGER NOT NULL,
    device_id INTEGER NOT NULL,
    stratum INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (rollout_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollout_member_device ON rollout_member (device_id);

CREATE TABLE operator_token (
    name TEXT PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
