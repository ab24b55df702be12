/* SPDX-License-Identifier: MIT
 *
 * The present state of the metadata on disk.
 *
 * The newest snapshot says which version of each targets role counts; a file
 * with a higher version that no snapshot lists is the rest of a change that
 * was cut off and is written again. Root stands by itself. */
#include "pawl_app.h"

#include "pawl/num.h"

#include <dirent.h>
#include <string.h>

/* The highest N of the files "N.<role>.json"; 0 when there is none. */
static int64_t newest_version(struct app *app, const char *role)
{
	const char *suffix = app_text(app, ".%s.json", role);
	DIR *folder = opendir(app_path(app, "metadata"));
	int64_t newest = 0;

	if (folder == NULL)
		return 0;
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		const char *dot = strchr(entry->d_name, '.');
		uint64_t version = 0;

		if (dot == NULL || strcmp(dot, suffix) != 0)
			continue;
		if (pawl_parse_u64(PAWL_BYTES(entry->d_name, (size_t)(dot - entry->d_name)),
			(uint64_t)PAWL_SEQ_MAX, &version) == PAWL_ERR_OK &&
		    (int64_t)version > newest)
			newest = (int64_t)version;
	}
	closedir(folder);
	return newest;
}

static pawl_err load_file(
    struct app *app, const char *role, int64_t version, pawl_repo_kind kind, struct app_file *file)
{
	const char *path = app_path(app, "metadata/%lld.%s.json", (long long)version, role);

	*file = (struct app_file){ .role = role, .version = version };
	PAWL_TRY(app_read(app, path, PAWL_TUF_METADATA_SIZE_MAX, &file->bytes));
	pawl_note_clear(&app->note);
	PAWL_TRY(app_wrap(
	    app, pawl_repo_parse(file->bytes, &app->arena, &file->file, &app->note), "%s", path));
	if (file->file.kind != kind || file->file.version != version)
		return app_fail(app, PAWL_ERR_CORRUPT,
		    "%s does not hold what its name says; restore it from your backup", path);
	return PAWL_ERR_OK;
}

static const char *role_of_meta(struct app *app, const struct pawl_repo_meta *meta)
{
	static const char suffix[] = ".json";
	const size_t cut = sizeof(suffix) - 1;

	if (meta->name.size <= cut ||
	    memcmp(meta->name.at + meta->name.size - cut, suffix, cut) != 0)
		return NULL;
	return app_bytes_text(app, PAWL_BYTES(meta->name.at, meta->name.size - cut));
}

static pawl_err load_listed(
    struct app *app, struct app_repo *repo, const struct pawl_repo_meta *meta)
{
	const char *role = role_of_meta(app, meta);

	if (role == NULL || repo->count == APP_ROLES_MAX)
		return app_fail(app, PAWL_ERR_CORRUPT, "%lld.snapshot.json lists what is no role",
		    (long long)repo->snapshot.version);
	struct app_file *file = &repo->roles[repo->count++];
	PAWL_TRY(load_file(app, role, meta->version, PAWL_REPO_TARGETS, file));
	const struct pawl_repo_meta found =
	    pawl_repo_meta_of(meta->name, file->version, file->bytes);
	if ((meta->has_sha256 && memcmp(meta->sha256, found.sha256, sizeof(found.sha256)) != 0) ||
	    (meta->has_length && meta->length != found.length))
		return app_fail(app, PAWL_ERR_CORRUPT,
		    "metadata/%lld.%s.json is not the file that the snapshot lists; restore it "
		    "from your "
		    "backup",
		    (long long)file->version, role);
	return PAWL_ERR_OK;
}

pawl_err app_repo_load(struct app *app, struct app_repo *ret_repo)
{
	struct app_repo *repo = ret_repo;
	const int64_t root = newest_version(app, "root");
	const int64_t snapshot = newest_version(app, "snapshot");

	*repo = (struct app_repo){ .count = 0 };
	if (root == 0 || snapshot == 0)
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "%s/metadata has no root or snapshot; run `pawl repo init` to its end",
		    app->repo);
	PAWL_TRY(load_file(app, "root", root, PAWL_REPO_ROOT, &repo->root));
	PAWL_TRY(load_file(app, "snapshot", snapshot, PAWL_REPO_SNAPSHOT, &repo->snapshot));
	const struct pawl_repo_snapshot *listed = &repo->snapshot.file.as.snapshot;
	/* Targets first: it says who signs the others. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < listed->meta_count; i++)
			if (pawl_bytes_is(listed->metas[i].name, "targets.json") == (pass == 0))
				PAWL_TRY(load_listed(app, repo, &listed->metas[i]));
	if (repo->count == 0 || strcmp(repo->roles[0].role, "targets") != 0)
		return app_fail(app, PAWL_ERR_CORRUPT,
		    "%lld.snapshot.json does not list targets.json", (long long)snapshot);
	return PAWL_ERR_OK;
}

struct app_file *app_repo_role(struct app_repo *repo, const char *role)
{
	if (strcmp(role, "root") == 0)
		return &repo->root;
	if (strcmp(role, "snapshot") == 0)
		return &repo->snapshot;
	for (size_t i = 0; i < repo->count; i++)
		if (strcmp(repo->roles[i].role, role) == 0)
			return &repo->roles[i];
	return NULL;
}

struct app_file *app_repo_add_role(struct app *app, struct app_repo *repo, const char *role)
{
	PAWL_ASSERT(repo->count < APP_ROLES_MAX);
	struct app_file *file = &repo->roles[repo->count++];

	*file = (struct app_file){ .role = app_text(app, "%s", role),
		.file = { .kind = PAWL_REPO_TARGETS },
		.changed = true };
	return file;
}

pawl_err app_repo_authority(struct app *app, const struct app_repo *repo, const char *role,
    struct pawl_repo_role *ret_role, const struct pawl_repo_key **ret_keys, size_t *ret_key_count)
{
	static const char *const top[] = { "root", "targets", "snapshot", "timestamp" };
	const struct pawl_repo_root *root = &repo->root.file.as.root;
	const struct pawl_repo_targets *targets = &repo->roles[0].file.as.targets;

	for (size_t i = 0; i < sizeof(top) / sizeof(top[0]); i++)
		if (strcmp(role, top[i]) == 0) {
			*ret_role = root->roles[i];
			*ret_keys = root->keys;
			*ret_key_count = root->key_count;
			return PAWL_ERR_OK;
		}
	for (size_t i = 0; i < targets->role_count; i++)
		if (pawl_bytes_is(targets->roles[i].name, role)) {
			*ret_role = targets->roles[i];
			*ret_keys = targets->keys;
			*ret_key_count = targets->key_count;
			return PAWL_ERR_OK;
		}
	return app_fail(app, PAWL_ERR_NOT_FOUND,
	    "there is no role \"%s\" in this repository; `pawl repo status` lists them", role);
}

/* --- targets --- */

void app_repo_put_entry(struct app *app, struct app_file *role, const struct pawl_repo_entry *entry)
{
	struct pawl_repo_targets *targets = &role->file.as.targets;
	struct pawl_repo_entry *entries = app_take(app, targets->entry_count + 1, sizeof(*entries));
	size_t count = 0;

	for (size_t i = 0; i < targets->entry_count; i++)
		if (!pawl_bytes_equal(targets->entries[i].path, entry->path))
			entries[count++] = targets->entries[i];
	entries[count++] = *entry;
	targets->entries = entries;
	targets->entry_count = count;
	role->changed = true;
}

const struct pawl_repo_entry *app_repo_entry(const struct app_file *role, const char *path)
{
	const struct pawl_repo_targets *targets = &role->file.as.targets;

	for (size_t i = 0; i < targets->entry_count; i++)
		if (pawl_bytes_is(targets->entries[i].path, path))
			return &targets->entries[i];
	return NULL;
}

const char *app_target_name(struct app *app, const struct pawl_repo_entry *entry)
{
	const char *path = app_bytes_text(app, entry->path);
	const char *slash = strrchr(path, '/');
	const size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	struct pawl_buf name = app_buffer(app, strlen(path) + 80);

	pawl_put_text(&name, "targets/");
	pawl_put_bytes(&name, PAWL_BYTES(path, folder));
	pawl_put_hex(&name, PAWL_BYTES(entry->sha256, sizeof(entry->sha256)));
	pawl_put_text(&name, ".");
	pawl_put_text(&name, path + folder);
	PAWL_ASSERT(pawl_buf_check(&name) == PAWL_ERR_OK);
	return (const char *)name.at;
}
