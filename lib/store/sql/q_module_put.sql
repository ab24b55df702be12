-- A module of a distribution set.
INSERT INTO module (id, distribution_set_id, hardware_class, file_name, target_path, size, sha256,
    sha1, md5, image_sha256, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (id) DO UPDATE SET distribution_set_id = excluded.distribution_set_id,
    hardware_class = excluded.hardware_class, file_name = excluded.file_name,
    target_path = excluded.target_path, size = excluded.size, sha256 = excluded.sha256,
    sha1 = excluded.sha1, md5 = excluded.md5, image_sha256 = excluded.image_sha256,
    created_at = excluded.created_at;
