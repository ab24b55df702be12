-- The modules of one distribution set.
SELECT id, hardware_class, file_name, target_path, size, sha256, sha1, md5, image_sha256,
    created_at
FROM module WHERE distribution_set_id = ?1 ORDER BY id;
