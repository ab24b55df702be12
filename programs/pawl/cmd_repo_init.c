/* SPDX-License-Identifier: MIT
 *
 * pawl repo init. The settings file is written last: as long as it is
 * missing the repository does not exist, and a second run takes the keys that
 * the first one made. */
#include "cmd_repo_init.h"

#include "pawl_app.h"

#include <string.h>

enum {
	DAYS_ROOT = 365,
	DAYS_TARGETS = 180,
	DAYS_SNAPSHOT = 30,
	DAYS_TIMESTAMP = 1,
	DAYS_CA = 3650,
	DAYS_OPERATOR = 730
};

struct init {
	struct app *app;
	pawl_sig_scheme scheme;
	char passphrase[APP_PASSPHRASE_MAX];
	struct pawl_repo_key keys[2 * APP_ROLE_KEYS_MAX + 2];
	size_t key_count;
};

static pawl_err add_role_key(struct init *init, struct app_role *role, const char *name)
{
	struct app *app = init->app;
	struct pawl_repo_key key;

	PAWL_TRY(app_key_public(app, name, &key));
	for (size_t i = 0; i < init->key_count; i++)
		if (strcmp(init->keys[i].id.text, key.id.text) == 0)
			return app_fail(app, PAWL_ERR_REFUSED,
			    "key %s is used twice: every role needs keys of its own", name);
	init->keys[init->key_count++] = key;
	snprintf(role->keys[role->key_count++], sizeof(role->keys[0]), "%s", name);
	return PAWL_ERR_OK;
}

/* `count` keys "<role>-1"...; a single one is called like the role. */
static pawl_err make_role(struct init *init, const char *name, int64_t count, int64_t threshold,
    int64_t days, const char *passphrase)
{
	struct app *app = init->app;
	struct app_role *role = NULL;

	if (threshold > count)
		return app_usage(app, "--%s-threshold %lld is more than --%s-keys %lld", name,
		    (long long)threshold, name, (long long)count);
	PAWL_TRY(app_settings_add_role(app, name, threshold, days, &role));
	for (int64_t i = 1; i <= count; i++) {
		const char *key = strcmp(name, "snapshot") == 0
				      ? name
				      : app_text(app, "%s-%lld", name, (long long)i);
		PAWL_TRY(app_key_make_or_keep(app, key, init->scheme, passphrase));
		PAWL_TRY(add_role_key(init, role, key));
	}
	return PAWL_ERR_OK;
}

static pawl_err take_timestamp_key(struct init *init)
{
	struct app *app = init->app;
	const char *path = pawl_cli_value(app->call, "timestamp-key");
	struct pawl_repo_key key;
	struct app_role *role = NULL;
	struct pawl_bytes text;

	PAWL_TRY(app_read(app, path, 2 * PAWL_KEY_PEM_MAX, &text));
	pawl_note_clear(&app->note);
	PAWL_TRY(app_wrap(app, pawl_repo_key_parse(text, &app->arena, &key, &app->note),
	    "%s is no TUF key", path));
	PAWL_TRY(app_write(app, "pub/timestamp.json", 0644, text));
	PAWL_TRY(app_settings_add_role(app, "timestamp", 1, DAYS_TIMESTAMP, &role));
	return add_role_key(init, role, "timestamp");
}

static const struct pawl_repo_keyid *ids_of(
    struct init *init, const struct app_role *role, size_t *ret_count)
{
	struct app *app = init->app;
	struct pawl_repo_keyid *ids = app_take(app, role->key_count, sizeof(*ids));

	for (size_t i = 0; i < role->key_count; i++) {
		struct pawl_repo_key key;
		/* It was read a moment ago. */
		PAWL_ASSERT(app_key_public(app, role->keys[i], &key) == PAWL_ERR_OK);
		ids[i] = key.id;
	}
	*ret_count = role->key_count;
	return ids;
}

static pawl_err write_metadata(struct init *init)
{
	static const char *const names[] = { "root", "targets", "snapshot", "timestamp" };
	struct app *app = init->app;
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));

	repo->root = (struct app_file){ .role = "root",
		.changed = true,
		.file = { .kind = PAWL_REPO_ROOT,
		    .as.root = { .keys = init->keys,
			.key_count = init->key_count,
			.consistent_snapshot = true } } };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct app_role *settings = app_settings_role(app, names[i]);
		struct pawl_repo_role *role = &repo->root.file.as.root.roles[i];
		*role = (struct pawl_repo_role){ .threshold = settings->threshold };
		role->keyids = ids_of(init, settings, &role->keyid_count);
	}
	repo->snapshot = (struct app_file){
		.role = "snapshot", .changed = true, .file = { .kind = PAWL_REPO_SNAPSHOT }
	};
	(void)app_repo_add_role(app, repo, "targets");
	return app_repo_commit(app, repo);
}

/* --- certificates --- */

static pawl_err make_ca(struct init *init, const char *passphrase, struct pawl_bytes *ret_pem)
{
	struct app *app = init->app;
	struct pawl_buf pem = app_buffer(app, PAWL_CERT_PEM_MAX);
	struct pawl_key *key = NULL;
	const struct pawl_cert_options options = { .role = PAWL_CERT_CA,
		.common_name = "Pawl device CA",
		.not_before = { app->now.ms - PAWL_MS_PER_H },
		.not_after = { app->now.ms + DAYS_CA * PAWL_MS_PER_DAY } };

	PAWL_TRY(app_key_make_or_keep(app, "ca", PAWL_SIG_ECDSA_P256_SHA256, passphrase));
	PAWL_TRY(app_key_open(app, "ca", &key));
	const pawl_err err = pawl_cert_make_ca(key, &options, &pem);
	pawl_key_destroy(key);
	PAWL_TRY(app_wrap(app, err, "CA certificate"));
	*ret_pem = pawl_buf_bytes(&pem);
	return app_write(app, "ca/ca.pem", 0644, *ret_pem);
}

static pawl_err make_operator(struct init *init, struct pawl_bytes ca_pem)
{
	struct app *app = init->app;
	struct pawl_buf request = app_buffer(app, PAWL_CERT_PEM_MAX);
	struct pawl_buf pem = app_buffer(app, PAWL_CERT_PEM_MAX);
	struct pawl_key *ca_key = NULL;
	struct pawl_key *key = NULL;
	const struct pawl_cert_options options = { .role = PAWL_CERT_OPERATOR,
		.common_name = "operator",
		.not_before = { app->now.ms - PAWL_MS_PER_H },
		.not_after = { app->now.ms + DAYS_OPERATOR * PAWL_MS_PER_DAY } };

	PAWL_TRY(app_key_make_or_keep(app, "operator", PAWL_SIG_ECDSA_P256_SHA256, ""));
	PAWL_TRY(app_key_open(app, "operator", &key));
	pawl_err err = pawl_csr_make(key, "operator", &request);
	pawl_key_destroy(key);
	PAWL_TRY(app_wrap(app, err, "operator certificate"));
	PAWL_TRY(app_key_open(app, "ca", &ca_key));
	err = pawl_cert_issue(ca_key, ca_pem, pawl_buf_bytes(&request), &options, &pem);
	pawl_key_destroy(ca_key);
	PAWL_TRY(app_wrap(app, err, "operator certificate"));
	return app_write(app, "ca/operator.pem", 0644, pawl_buf_bytes(&pem));
}

static pawl_err init_all(struct init *init)
{
	struct app *app = init->app;
	int64_t root_keys = 0;
	int64_t root_threshold = 0;
	int64_t targets_keys = 0;
	int64_t targets_threshold = 0;
	struct pawl_bytes ca_pem;

	PAWL_TRY(app_int(app, "root-keys", 1, APP_ROLE_KEYS_MAX, &root_keys));
	PAWL_TRY(app_int(app, "root-threshold", 1, APP_ROLE_KEYS_MAX, &root_threshold));
	PAWL_TRY(app_int(app, "targets-keys", 1, APP_ROLE_KEYS_MAX, &targets_keys));
	PAWL_TRY(app_int(app, "targets-threshold", 1, APP_ROLE_KEYS_MAX, &targets_threshold));
	PAWL_TRY(app_scheme_of(app, pawl_cli_value(app->call, "type"), &init->scheme));
	if (root_threshold > root_keys || targets_threshold > targets_keys)
		return app_usage(app, "a threshold is larger than its number of keys");
	if (pawl_env_exists(app_path(app, "pawl.json")))
		return app_fail(app, PAWL_ERR_EXISTS,
		    "%s holds a repository already; nothing was changed", app->repo);
	/* Its first versions would be replaced by others of the same number. */
	if (pawl_env_exists(app_path(app, "metadata/2.snapshot.json")) ||
	    pawl_env_exists(app_path(app, "metadata/2.root.json")))
		return app_fail(app, PAWL_ERR_EXISTS,
		    "%s holds a repository whose pawl.json is missing; restore that file from your "
		    "backup, nothing was changed",
		    app->repo);
	if (app->dry_run) {
		if (app->call->json)
			return PAWL_ERR_OK;
		fprintf(app->call->out,
		    "would make a repository in %s: root %lld of %lld, targets %lld of %lld\n",
		    app->repo, (long long)root_threshold, (long long)root_keys,
		    (long long)targets_threshold, (long long)targets_keys);
		return PAWL_ERR_OK;
	}
	PAWL_TRY(app_lock(app));
	if (pawl_cli_flag(app->call, "encrypt"))
		PAWL_TRY(app_new_passphrase(app, "passphrase-file", init->passphrase));
	memcpy(app->passphrase, init->passphrase, sizeof(app->passphrase));
	PAWL_TRY(make_role(init, "root", root_keys, root_threshold, DAYS_ROOT, init->passphrase));
	PAWL_TRY(make_role(
	    init, "targets", targets_keys, targets_threshold, DAYS_TARGETS, init->passphrase));
	PAWL_TRY(make_role(init, "snapshot", 1, 1, DAYS_SNAPSHOT, ""));
	PAWL_TRY(take_timestamp_key(init));
	PAWL_TRY(make_ca(init, init->passphrase, &ca_pem));
	PAWL_TRY(make_operator(init, ca_pem));
	PAWL_TRY(write_metadata(init));
	return app_settings_save(app);
}

static pawl_err repo_init(struct app *app)
{
	struct init *init = app_take(app, 1, sizeof(*init));

	init->app = app;
	const pawl_err err = init_all(init);
	pawl_bytes_wipe(init->passphrase, sizeof(init->passphrase));
	PAWL_TRY(err);
	if (app->call->json) {
		struct app_document document;
		app_document_begin(app, &document, 64 * 1024);
		pawl_json_begin_object(&document.writer);
		pawl_json_member_text(&document.writer, "repository", app->repo);
		app_document_written(app, &document.writer);
		pawl_json_end_object(&document.writer);
		app_document_end(app, &document);
	} else if (!app->dry_run) {
		app_report_written(app);
		fprintf(app->call->out, "next: `pawl server certify`, `pawl product add`\n");
	}
	return PAWL_ERR_OK;
}

int cmd_repo_init(struct pawl_cli_call *call)
{
	return app_run(call, repo_init);
}
