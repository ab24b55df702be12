-- What a device saw of an action outlives a restart. In files from before it is not
-- known: a device is then asked to give an update up, whether or not it has read it.
ALTER TABLE action ADD COLUMN retrieved INTEGER NOT NULL DEFAULT 1 CHECK (retrieved IN (0, 1));
ALTER TABLE action
    ADD COLUMN leaves_rollout INTEGER NOT NULL DEFAULT 0 CHECK (leaves_rollout IN (0, 1));

PRAGMA user_version = 2;
