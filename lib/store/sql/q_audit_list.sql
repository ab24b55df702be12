-- The audit list, newest first.
SELECT id, at, actor, action, object, detail FROM audit ORDER BY id DESC LIMIT ?2 OFFSET ?1;
