/* SPDX-License-Identifier: MIT
 *
 * pawl repo: status, sign, publish. */
#include "cmd_repo_init.h"
#include "pawl_app.h"

#include <string.h>

/* --- status --- */

enum { WARN_DAYS_ROOT = 60, WARN_DAYS = 10 };

struct role_status {
	const char *role;
	int64_t version;
	struct pawl_wall expires;
	int64_t days_left;
	size_t present;
	int64_t needed;
	const char *state;   /* one or two words */
	const char *warning; /* "" when all is well, otherwise what to do */
};

static pawl_err status_of(struct app *app, const struct app_repo *repo, const struct app_file *file,
    struct role_status *ret_status)
{
	const int64_t left_ms = file->file.expires.ms - app->now.ms;
	const bool is_root = strcmp(file->role, "root") == 0;
	const struct pawl_repo_key *keys = NULL;
	struct pawl_repo_role role;
	size_t key_count = 0;

	PAWL_TRY(app_repo_authority(app, repo, file->role, &role, &keys, &key_count));
	*ret_status = (struct role_status){ .role = file->role,
		.version = file->version,
		.expires = file->file.expires,
		.days_left = left_ms < 0 ? -1 : left_ms / PAWL_MS_PER_DAY,
		.needed = role.threshold,
		.state = "ok",
		.warning = "" };
	PAWL_TRY(app_wrap(app,
	    pawl_repo_count_signatures(
		file->bytes, &role, keys, key_count, &app->arena, &ret_status->present),
	    "role %s", file->role));
	if (ret_status->present < (size_t)role.threshold) {
		ret_status->state = "unsigned";
		ret_status->warning = "too few valid signatures: run `pawl repo sign`";
	} else if (left_ms < 0) {
		ret_status->state = "expired";
		ret_status->warning = "expired: run `pawl repo sign`, then `pawl repo publish`";
	} else if (ret_status->days_left < (is_root ? WARN_DAYS_ROOT : WARN_DAYS)) {
		ret_status->state = "expires soon";
		ret_status->warning =
		    "expires soon: run `pawl repo sign`, then `pawl repo publish`";
	}
	return PAWL_ERR_OK;
}

static void print_status_json(
    struct app *app, const struct role_status *rows, size_t count, bool good)
{
	struct app_document document;
	struct pawl_json_writer *writer = &document.writer;

	app_document_begin(app, &document, 4096 + count * 1024);
	pawl_json_begin_object(writer);
	pawl_json_member_bool(writer, "ok", good);
	pawl_json_key(writer, "roles");
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < count; i++) {
		pawl_json_begin_object(writer);
		pawl_json_member_text(writer, "role", rows[i].role);
		pawl_json_member_int(writer, "version", rows[i].version);
		pawl_json_member_text(writer, "expires", app_date(app, rows[i].expires));
		pawl_json_member_int(writer, "daysLeft", rows[i].days_left);
		pawl_json_member_int(writer, "signatures", (int64_t)rows[i].present);
		pawl_json_member_int(writer, "threshold", rows[i].needed);
		pawl_json_member_text(writer, "warning", rows[i].warning);
		pawl_json_end_object(writer);
	}
	pawl_json_end_array(writer);
	pawl_json_end_object(writer);
	app_document_end(app, &document);
}

static pawl_err print_status_table(struct app *app, const struct role_status *rows, size_t count)
{
	static const struct pawl_cli_column columns[] = { { .title = "ROLE" },
		{ .title = "VERSION", .right = true }, { .title = "EXPIRES" },
		{ .title = "DAYS LEFT", .right = true }, { .title = "SIGNATURES" },
		{ .title = "STATE" } };
	struct pawl_cli_table *table = NULL;
	pawl_err err = pawl_cli_table_create(columns, 6, &table);

	for (size_t i = 0; i < count && err == PAWL_ERR_OK; i++) {
		const char *const cells[] = { rows[i].role,
			app_text(app, "%lld", (long long)rows[i].version),
			app_date(app, rows[i].expires),
			rows[i].days_left < 0 ? "expired"
					      : app_text(app, "%lld", (long long)rows[i].days_left),
			app_text(
			    app, "%zu, needs %lld", rows[i].present, (long long)rows[i].needed),
			rows[i].state };
		err = pawl_cli_table_add(table, cells);
	}
	if (err == PAWL_ERR_OK)
		pawl_cli_table_print(table, app->call->out, 0);
	pawl_cli_table_destroy(table);
	for (size_t i = 0; i < count && err == PAWL_ERR_OK; i++)
		if (rows[i].warning[0] != '\0')
			(void)app_print_wrapped(
			    app, app_text(app, "%s ", rows[i].role), rows[i].warning, 2);
	return err;
}

static pawl_err repo_status(struct app *app)
{
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	bool good = true;

	PAWL_TRY(app_settings_load(app));
	PAWL_TRY(app_repo_load(app, repo));
	const size_t count = repo->count + 2;
	struct role_status *rows = app_take(app, count, sizeof(*rows));
	PAWL_TRY(status_of(app, repo, &repo->root, &rows[0]));
	PAWL_TRY(status_of(app, repo, &repo->snapshot, &rows[1]));
	for (size_t i = 0; i < repo->count; i++)
		PAWL_TRY(status_of(app, repo, &repo->roles[i], &rows[2 + i]));
	for (size_t i = 0; i < count; i++)
		good = good && rows[i].warning[0] == '\0';
	if (!app->call->json)
		return print_status_table(app, rows, count);
	print_status_json(app, rows, count, good);
	return PAWL_ERR_OK;
}

static int run_repo_status(struct pawl_cli_call *call)
{
	return app_run(call, repo_status);
}

/* --- sign --- */

static pawl_err repo_sign(struct app *app)
{
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	const char *role = pawl_cli_argument(app->call, 0);
	const bool all = pawl_cli_flag(app->call, "all");

	if ((role != NULL) == all)
		return app_usage(app, "name one ROLE or give --all");
	PAWL_TRY(app_begin_change(app));
	PAWL_TRY(app_repo_load(app, repo));
	struct app_file *file = all ? NULL : app_repo_role(repo, role);
	if (!all && file == NULL)
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "there is no role \"%s\" here; `pawl repo status` lists them", role);
	if (file != NULL)
		file->changed = true;
	repo->root.changed = repo->root.changed || all;
	repo->snapshot.changed = repo->snapshot.changed || all;
	for (size_t i = 0; all && i < repo->count; i++)
		repo->roles[i].changed = true;
	PAWL_TRY(app_repo_commit(app, repo));
	app_report(app, &(const char *){ NULL });
	return PAWL_ERR_OK;
}

static int run_repo_sign(struct pawl_cli_call *call)
{
	return app_run(call, repo_sign);
}

/* --- publish --- */

static pawl_err repo_publish(struct app *app)
{
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	struct pawl_json answer;

	PAWL_TRY(app_settings_load(app));
	PAWL_TRY(app_repo_load(app, repo));
	PAWL_TRY(app_publish(app, repo, &answer));
	FILE *out = app->call->out;
	if (app->call->json) {
		app_document_raw(app, &answer);
		return PAWL_ERR_OK;
	}
	if (app->dry_run)
		return PAWL_ERR_OK;
	fprintf(out, "published root %lld, snapshot %lld, timestamp %lld\n",
	    (long long)repo->root.version, (long long)repo->snapshot.version,
	    (long long)app_json_int(&answer, 0, "timestamp"));
	const uint32_t sets = pawl_json_get(&answer, 0, "distributionSets");
	for (uint32_t at = pawl_json_first(&answer, sets); at != PAWL_JSON_NONE;
	     at = pawl_json_after(&answer, sets, at)) {
		pawl_cli_print_safe(out, app_text(app, "release %s %s can be rolled out",
					     app_json_text(app, &answer, at, "name"),
					     app_json_text(app, &answer, at, "version")));
		fputc('\n', out);
	}
	return PAWL_ERR_OK;
}

int cmd_repo_publish(struct pawl_cli_call *call)
{
	return app_run(call, repo_publish);
}

/* --- the table --- */

static const struct pawl_cli_option init_options[] = {
	APP_NEEDED("timestamp-key", "FILE",
	    "Public TUF key of the server, timestamp.pub.json of `pawl-server init`."),
	APP_PRESET("root-keys", "N", "3", "How many root keys, 1 to 16."),
	APP_PRESET("root-threshold", "N", "2", "How many of them must sign."),
	APP_PRESET("targets-keys", "N", "3", "How many targets keys, 1 to 16."),
	APP_PRESET("targets-threshold", "N", "2", "How many of them must sign."),
	APP_KEY_TYPE("Kind of the TUF keys."),
	APP_PLAIN_FLAG("encrypt", "Protect root, targets and CA keys with a passphrase."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option sign_options[] = {
	APP_PLAIN_FLAG("all", "Every role, root included."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option publish_options[] = { APP_DRY_RUN, { 0 } };

const struct pawl_cli_command cmd_repo_commands[] = {
	{ .path = "repo init",
	    .summary = "Makes keys, the first metadata, the device CA and an operator certificate.",
	    .details =
		"Move the root and targets keys off this machine afterwards: daily work needs "
		"neither. A run that was cut off goes on where it stopped.",
	    .options = init_options,
	    .run = cmd_repo_init },
	{ .path = "repo status",
	    .summary = "Shows versions, expiry and signatures of every role.",
	    .run = run_repo_status },
	{ .path = "repo sign",
	    .arguments = "[ROLE]",
	    .summary = "Signs a role again: a new version with a new expiry.",
	    .options = sign_options,
	    .run = run_repo_sign },
	{ .path = "repo publish",
	    .summary = "Uploads what the server lacks and asks it to switch over.",
	    .options = publish_options,
	    .run = cmd_repo_publish },
	{ 0 },
};
