/* SPDX-License-Identifier: MIT
 *
 * pawl key: make, list, show keys and change their passphrase. */
#include "pawl_app.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static pawl_err check_key_name(struct app *app, const char *name)
{
	return app_check_name(app, "key", name, APP_NAME_MAX - 1);
}

/* --- create --- */

static pawl_err key_create(struct app *app)
{
	const char *name = pawl_cli_argument(app->call, 0);
	char passphrase[APP_PASSPHRASE_MAX] = "";
	pawl_sig_scheme scheme = PAWL_SIG_ED25519;

	PAWL_TRY(check_key_name(app, name));
	PAWL_TRY(app_scheme_of(app, pawl_cli_value(app->call, "type"), &scheme));
	PAWL_TRY(app_lock(app));
	if (pawl_cli_flag(app->call, "encrypt"))
		PAWL_TRY(app_new_passphrase(app, "passphrase-file", passphrase));
	/* A cut between its two files has left the private half alone: complete it. */
	const bool is_half =
	    app_key_is_here(app, name) && !pawl_env_exists(app_path(app, "pub/%s.json", name));
	const pawl_err err = is_half ? app_key_make_or_keep(app, name, scheme, passphrase)
				     : app_key_make(app, name, scheme, passphrase);
	pawl_bytes_wipe(passphrase, sizeof(passphrase));
	PAWL_TRY(err);
	const char *const members[] = { "name", name, NULL };
	app_report(app, members);
	return PAWL_ERR_OK;
}

static int run_key_create(struct pawl_cli_call *call)
{
	return app_run(call, key_create);
}

/* --- list --- */

struct key_row {
	const char *name;
	struct pawl_repo_key key;
	const char *private_half; /* "plain", "encrypted", "elsewhere" */
	const char *roles;
};

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct key_row *)a)->name, ((const struct key_row *)b)->name);
}

static pawl_err fill_row(struct app *app, const char *name, struct key_row *row)
{
	bool encrypted = false;

	row->name = name;
	PAWL_TRY(app_key_public(app, name, &row->key));
	row->private_half = "elsewhere";
	if (app_key_is_here(app, name)) {
		PAWL_TRY(app_key_is_encrypted(app, name, &encrypted));
		row->private_half = encrypted ? "encrypted" : "plain";
	}
	row->roles = "";
	for (size_t i = 0; i < app->settings.role_count; i++)
		for (size_t j = 0; j < app->settings.roles[i].key_count; j++)
			if (strcmp(app->settings.roles[i].keys[j], name) == 0)
				row->roles = app_text(app, "%s%s%s", row->roles,
				    row->roles[0] == '\0' ? "" : ",", app->settings.roles[i].name);
	return PAWL_ERR_OK;
}

static pawl_err load_rows(struct app *app, struct key_row *rows, size_t capacity, size_t *ret_count)
{
	static const char suffix[] = ".json";
	DIR *folder = opendir(app_path(app, "pub"));
	pawl_err err = PAWL_ERR_OK;
	size_t count = 0;

	if (folder == NULL)
		return app_fail(app, PAWL_ERR_NOT_FOUND, "there are no keys in %s", app->repo);
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL && err == PAWL_ERR_OK;) {
		const size_t size = strlen(entry->d_name);
		if (size <= strlen(suffix) || entry->d_name[0] == '.' ||
		    strcmp(entry->d_name + size - strlen(suffix), suffix) != 0 || count == capacity)
			continue;
		err = fill_row(app,
		    app_bytes_text(app, PAWL_BYTES(entry->d_name, size - strlen(suffix))),
		    &rows[count]);
		count++;
	}
	closedir(folder);
	if (err != PAWL_ERR_OK)
		return err;
	qsort(rows, count, sizeof(*rows), compare_rows);
	*ret_count = count;
	return PAWL_ERR_OK;
}

static void put_row(struct pawl_json_writer *writer, const struct key_row *row)
{
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "name", row->name);
	pawl_json_member_text(writer, "type", app_scheme_name(row->key.scheme));
	pawl_json_member_text(writer, "keyid", row->key.id.text);
	pawl_json_member_text(writer, "private", row->private_half);
	pawl_json_member_text(writer, "roles", row->roles);
	pawl_json_key(writer, "public");
	pawl_json_put_raw(writer, row->key.json);
	pawl_json_end_object(writer);
}

static pawl_err key_list(struct app *app)
{
	enum { ROWS_MAX = 512, ROW_SIZE = 16 * 1024 };
	static const struct pawl_cli_column columns[] = { { .title = "KEY" }, { .title = "TYPE" },
		{ .title = "PRIVATE HALF" }, { .title = "ROLES" },
		{ .title = "KEY ID", .shrink = true } };
	struct key_row *rows = app_take(app, ROWS_MAX, sizeof(*rows));
	struct pawl_cli_table *table = NULL;
	size_t count = 0;

	if (pawl_env_exists(app_path(app, "pawl.json")))
		PAWL_TRY(app_settings_load(app));
	PAWL_TRY(load_rows(app, rows, ROWS_MAX, &count));
	if (app->call->json) {
		struct app_document document;
		app_document_begin(app, &document, (count + 1) * ROW_SIZE);
		pawl_json_begin_array(&document.writer);
		for (size_t i = 0; i < count; i++)
			put_row(&document.writer, &rows[i]);
		pawl_json_end_array(&document.writer);
		app_document_end(app, &document);
		return PAWL_ERR_OK;
	}
	PAWL_TRY(pawl_cli_table_create(columns, 5, &table));
	pawl_err err = PAWL_ERR_OK;
	for (size_t i = 0; i < count && err == PAWL_ERR_OK; i++) {
		const char *const cells[] = { rows[i].name, app_scheme_name(rows[i].key.scheme),
			rows[i].private_half, rows[i].roles, rows[i].key.id.text };
		err = pawl_cli_table_add(table, cells);
	}
	if (err == PAWL_ERR_OK)
		pawl_cli_table_print(table, app->call->out, 0);
	pawl_cli_table_destroy(table);
	return err;
}

static int run_key_list(struct pawl_cli_call *call)
{
	return app_run(call, key_list);
}

/* --- show --- */

static pawl_err key_show(struct app *app)
{
	const char *name = pawl_cli_argument(app->call, 0);
	struct key_row row;

	PAWL_TRY(check_key_name(app, name));
	if (pawl_env_exists(app_path(app, "pawl.json")))
		PAWL_TRY(app_settings_load(app));
	PAWL_TRY(fill_row(app, name, &row));
	if (app->call->json) {
		struct app_document document;
		app_document_begin(app, &document, 32 * 1024);
		put_row(&document.writer, &row);
		app_document_end(app, &document);
		return PAWL_ERR_OK;
	}
	FILE *out = app->call->out;
	fprintf(out, "key      %s\ntype     %s\nkey id   %s\nprivate  %s\nroles    %s\npublic   ",
	    row.name, app_scheme_name(row.key.scheme), row.key.id.text, row.private_half,
	    row.roles[0] == '\0' ? "-" : row.roles);
	fwrite(row.key.json.at, 1, row.key.json.size, out);
	fputc('\n', out);
	return PAWL_ERR_OK;
}

static int run_key_show(struct pawl_cli_call *call)
{
	return app_run(call, key_show);
}

/* --- passwd --- */

static pawl_err key_passwd(struct app *app)
{
	const char *name = pawl_cli_argument(app->call, 0);
	char passphrase[APP_PASSPHRASE_MAX] = "";
	struct pawl_key *key = NULL;
	pawl_err err = PAWL_ERR_OK;

	PAWL_TRY(check_key_name(app, name));
	/* First: a mistyped folder must not come into being. */
	if (app_key_is_here(app, name))
		PAWL_TRY(app_lock(app));
	PAWL_TRY(app_key_open(app, name, &key));
	if (!pawl_cli_flag(app->call, "remove"))
		err = app_new_passphrase(app, "new-passphrase-file", passphrase);
	if (err == PAWL_ERR_OK)
		err = app_key_store(app, name, key, passphrase, true);
	pawl_key_destroy(key);
	pawl_bytes_wipe(passphrase, sizeof(passphrase));
	PAWL_TRY(err);
	if (app->call->json) {
		const char *const members[] = { "name", name, NULL };
		app_report(app, members);
	} else {
		fprintf(app->call->out, "key %s is %s now\n", name,
		    pawl_cli_flag(app->call, "remove") ? "not encrypted" : "encrypted");
	}
	return PAWL_ERR_OK;
}

static int run_key_passwd(struct pawl_cli_call *call)
{
	return app_run(call, key_passwd);
}

/* --- the table --- */

static const struct pawl_cli_option create_options[] = {
	APP_KEY_TYPE("Kind of key; rsa has 3072 bits."),
	APP_PLAIN_FLAG("encrypt", "Protect the file with a passphrase (AES-256, PBKDF2)."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option passwd_options[] = {
	APP_PRESET("new-passphrase-file", "FILE", NULL,
	    "First line: the new passphrase; otherwise it is asked for twice."),
	APP_PLAIN_FLAG("remove", "Store the key without a passphrase."),
	APP_DRY_RUN,
	{ 0 },
};

const struct pawl_cli_command cmd_key_commands[] = {
	{ .path = "key create",
	    .arguments = "NAME",
	    .summary = "Makes a signing key.",
	    .details =
		"Writes keys/NAME.pem (PKCS#8, mode 0600) and pub/NAME.json (the public half as a "
		"TUF key object). An existing key is never overwritten.",
	    .options = create_options,
	    .run = run_key_create },
	{ .path = "key list",
	    .summary = "Lists keys, where they are and what they sign.",
	    .run = run_key_list },
	{ .path = "key show",
	    .arguments = "NAME",
	    .summary = "Shows the public half and the key id.",
	    .run = run_key_show },
	{ .path = "key passwd",
	    .arguments = "NAME",
	    .summary = "Changes, sets or removes the passphrase of a key.",
	    .options = passwd_options,
	    .run = run_key_passwd },
	{ 0 },
};
