/* SPDX-License-Identifier: MIT
 *
 * New versions of metadata: write, sign, check, store. Everything is signed
 * and checked in memory before the first byte goes to disk; the snapshot is
 * stored last, so that a cut in between leaves the old state in force. */
#include "pawl_app.h"

#include <string.h>

/* The signing keys of one run, so that each passphrase is asked once. */
struct signer {
	const char *name;
	struct pawl_repo_keyid id;
	struct pawl_key *key;
};

struct commit {
	struct app *app;
	struct app_repo *repo;
	struct signer signers[64];
	size_t signer_count;
};

static pawl_err signer_of(struct commit *commit, const char *name, struct signer **ret_signer)
{
	struct app *app = commit->app;
	struct pawl_repo_key public_key;

	for (size_t i = 0; i < commit->signer_count; i++)
		if (strcmp(commit->signers[i].name, name) == 0) {
			*ret_signer = &commit->signers[i];
			return PAWL_ERR_OK;
		}
	PAWL_ASSERT(commit->signer_count < sizeof(commit->signers) / sizeof(commit->signers[0]));
	PAWL_TRY(app_key_public(app, name, &public_key));
	struct signer *signer = &commit->signers[commit->signer_count];
	*signer = (struct signer){ .name = name, .id = public_key.id };
	PAWL_TRY(app_key_open(app, name, &signer->key));
	commit->signer_count++;
	*ret_signer = signer;
	return PAWL_ERR_OK;
}

static bool role_has_key(const struct pawl_repo_role *role, const struct pawl_repo_keyid *id)
{
	for (size_t i = 0; i < role->keyid_count; i++)
		if (strcmp(role->keyids[i].text, id->text) == 0)
			return true;
	return false;
}

/* Signs with every key of the role whose private half is here. */
static pawl_err sign(struct commit *commit, const struct app_role *settings,
    const struct pawl_repo_role *role, struct pawl_bytes message,
    struct pawl_repo_signature signatures[APP_ROLE_KEYS_MAX], size_t *ret_count)
{
	struct app *app = commit->app;
	size_t count = 0;

	for (size_t i = 0; i < settings->key_count; i++) {
		struct pawl_buf bytes = app_buffer(app, PAWL_SIGNATURE_MAX);
		struct signer *signer = NULL;

		if (!app_key_is_here(app, settings->keys[i]))
			continue;
		PAWL_TRY(signer_of(commit, settings->keys[i], &signer));
		if (!role_has_key(role, &signer->id))
			continue;
		PAWL_TRY(app_wrap(
		    app, pawl_key_sign(signer->key, message, &bytes), "key %s", signer->name));
		signatures[count++] = (struct pawl_repo_signature){ .keyid = signer->id,
			.signature = pawl_buf_bytes(&bytes) };
	}
	*ret_count = count;
	return PAWL_ERR_OK;
}

/* One change adds a few delegations or one release: never this much. */
static size_t capacity_of(const struct app_file *file)
{
	const size_t wanted = file->bytes.size + 256 * 1024;

	return wanted < PAWL_TUF_METADATA_SIZE_MAX ? wanted : PAWL_TUF_METADATA_SIZE_MAX;
}

static pawl_err write_role(struct commit *commit, struct app_file *file)
{
	struct app *app = commit->app;
	const struct app_role *settings = app_settings_role(app, file->role);
	const size_t capacity = capacity_of(file);
	struct pawl_buf text = app_buffer(app, capacity);
	struct pawl_buf whole = app_buffer(app, capacity);
	struct pawl_repo_signature signatures[APP_ROLE_KEYS_MAX];
	const struct pawl_repo_key *keys = NULL;
	struct pawl_repo_role role;
	struct pawl_bytes message;
	size_t key_count = 0;
	size_t count = 0;

	if (settings == NULL)
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "%s/pawl.json: member \"roles.%s\" is missing: which keys sign it? After a cut "
		    "`pawl product add` puts it back",
		    app->repo, file->role);
	PAWL_TRY(app_repo_authority(app, commit->repo, file->role, &role, &keys, &key_count));
	file->file.version = file->version + 1;
	file->file.expires = (struct pawl_wall){ app->now.ms + settings->days * PAWL_MS_PER_DAY };
	pawl_note_clear(&app->note);
	const pawl_err err = pawl_repo_write(&file->file, &app->arena, &text, &app->note);
	if (err == PAWL_ERR_LIMIT)
		return app_fail(app, err, "the metadata of role %s would be larger than %d MiB",
		    file->role, PAWL_TUF_METADATA_SIZE_MAX >> 20);
	PAWL_TRY(app_wrap(app, err, "metadata of role %s", file->role));
	PAWL_TRY(pawl_repo_message(pawl_buf_bytes(&text), &app->arena, &message));
	PAWL_TRY(sign(commit, settings, &role, message, signatures, &count));
	PAWL_TRY(pawl_repo_envelope(pawl_buf_bytes(&text), signatures, count, &whole));
	PAWL_TRY(pawl_repo_count_signatures(
	    pawl_buf_bytes(&whole), &role, keys, key_count, &app->arena, &count));
	if (count < (size_t)role.threshold)
		return app_fail(app, PAWL_ERR_DENIED,
		    "role %s needs %lld signatures and %zu of its keys are here; bring the missing "
		    "files "
		    "into %s/keys, nothing was changed",
		    file->role, (long long)role.threshold, count, app->repo);
	file->version++;
	file->bytes = pawl_buf_bytes(&whole);
	return PAWL_ERR_OK;
}

static pawl_err store(struct app *app, const struct app_file *file)
{
	return app_write(app,
	    app_text(app, "metadata/%lld.%s.json", (long long)file->version, file->role), 0644,
	    file->bytes);
}

static pawl_err commit_all(struct commit *commit)
{
	struct app *app = commit->app;
	struct app_repo *repo = commit->repo;
	bool new_snapshot = repo->snapshot.changed;

	if (repo->root.changed)
		PAWL_TRY(write_role(commit, &repo->root));
	for (size_t i = 0; i < repo->count; i++)
		if (repo->roles[i].changed) {
			PAWL_TRY(write_role(commit, &repo->roles[i]));
			new_snapshot = true;
		}
	if (new_snapshot) {
		struct pawl_repo_meta *metas = app_take(app, repo->count, sizeof(*metas));
		for (size_t i = 0; i < repo->count; i++)
			metas[i] = pawl_repo_meta_of(
			    pawl_bytes_of(app_text(app, "%s.json", repo->roles[i].role)),
			    repo->roles[i].version, repo->roles[i].bytes);
		repo->snapshot.file.as.snapshot =
		    (struct pawl_repo_snapshot){ .metas = metas, .meta_count = repo->count };
		PAWL_TRY(write_role(commit, &repo->snapshot));
	}
	if (repo->root.changed)
		PAWL_TRY(store(app, &repo->root));
	for (size_t i = 0; i < repo->count; i++)
		if (repo->roles[i].changed)
			PAWL_TRY(store(app, &repo->roles[i]));
	return new_snapshot ? store(app, &repo->snapshot) : PAWL_ERR_OK;
}

pawl_err app_repo_commit(struct app *app, struct app_repo *repo)
{
	struct commit *commit = app_take(app, 1, sizeof(*commit));

	*commit = (struct commit){ .app = app, .repo = repo };
	const pawl_err err = commit_all(commit);
	for (size_t i = 0; i < commit->signer_count; i++)
		pawl_key_destroy(commit->signers[i].key);
	repo->root.changed = repo->snapshot.changed = false;
	for (size_t i = 0; i < repo->count; i++)
		repo->roles[i].changed = false;
	return err;
}
