-- The schema version of the file.
PRAGMA user_version;
