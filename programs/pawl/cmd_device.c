/* SPDX-License-Identifier: MIT
 *
 * pawl device: registration, enrolment, state. Certificates are issued here,
 * because the CA key never goes to the server. */
#include "cmd_device.h"

#include "pawl_app.h"

#include <string.h>

/* hawkBit's limit of a name. */
enum { NAME_MAX_SHOWN = 128 };

/* --- add, token --- */

/* The settings, and the device's path at the server; `id` is checked. */
static pawl_err device_path(struct app *app, const char *id, const char **ret_path)
{
	PAWL_TRY(app_check_name(app, "device", id, PAWL_DEVICE_ID_MAX));
	PAWL_TRY(app_settings_load(app));
	*ret_path = app_text(app, "/rest/v1/targets/%s", app_percent(app, id));
	return PAWL_ERR_OK;
}

static pawl_err fetch_token(struct app *app, const char *id, const char **ret_token)
{
	struct pawl_json answer;

	PAWL_TRY(app_server_call(app, PAWL_FETCH_POST,
	    app_text(app, "/rest/v1/targets/%s/enrolment", app_percent(app, id)),
	    PAWL_BYTES_LIT("{}"), &answer));
	*ret_token = app_json_text(app, &answer, 0, "token");
	if ((*ret_token)[0] == '\0' && !app->dry_run)
		return app_fail(app, PAWL_ERR_SYNTAX, "the server gave no token for %s", id);
	return PAWL_ERR_OK;
}

/* The token is a secret until it is used: into a private file, or on the
 * terminal when no file was named. */
static pawl_err hand_over(struct app *app, const char *id, const char *token)
{
	const char *path = pawl_cli_value(app->call, "token-out");

	if (app->dry_run)
		return PAWL_ERR_OK;
	pawl_note_clear(&app->note);
	if (path != NULL)
		PAWL_TRY(app_wrap(app,
		    pawl_env_write_file(
			path, 0600, pawl_bytes_of(app_text(app, "%s\n", token)), &app->note),
		    "the server made a token but it could not be stored, get another with `pawl "
		    "device token %s`",
		    id));
	if (app->call->json) {
		struct app_document document;
		app_document_begin(
		    app, &document, 4096 + 6 * (strlen(token) + (path == NULL ? 0 : strlen(path))));
		pawl_json_begin_object(&document.writer);
		pawl_json_member_text(&document.writer, "controllerId", id);
		if (path == NULL)
			pawl_json_member_text(&document.writer, "token", token);
		else
			pawl_json_member_text(&document.writer, "tokenFile", path);
		pawl_json_end_object(&document.writer);
		app_document_end(app, &document);
	} else if (path != NULL) {
		fprintf(app->call->out, "device %s: one-time token in %s\n", id, path);
	} else {
		fprintf(app->call->out, "device %s: one-time token ", id);
		pawl_cli_print_safe(app->call->out, token);
		fputc('\n', app->call->out);
	}
	return PAWL_ERR_OK;
}

static pawl_err device_add(struct app *app)
{
	const char *id = pawl_cli_argument(app->call, 0);
	const char *product = pawl_cli_value(app->call, "product");
	const char *hw = pawl_cli_value(app->call, "hw");
	const char *group = pawl_cli_value(app->call, "group");
	const char *name = pawl_cli_value(app->call, "name");
	const char *token = "";
	struct app_document body;

	if (name != NULL && strlen(name) > NAME_MAX_SHOWN)
		return app_usage(app, "--name takes at most %d characters", NAME_MAX_SHOWN);
	PAWL_TRY(app_check_name(app, "device", id, PAWL_DEVICE_ID_MAX));
	PAWL_TRY(app_check_name(app, "hardware class", hw, PAWL_HW_CLASS_MAX));
	PAWL_TRY(app_settings_load(app));
	PAWL_TRY(app_check_product(app, product, group));
	app_document_begin(app, &body, 4096 + (name == NULL ? 0 : 6 * strlen(name)));
	pawl_json_begin_array(&body.writer);
	pawl_json_begin_object(&body.writer);
	pawl_json_member_text(&body.writer, "controllerId", id);
	pawl_json_member_text(&body.writer, "name", name == NULL ? id : name);
	pawl_json_member_text(&body.writer, "product", product);
	pawl_json_member_text(&body.writer, "hardwareClass", hw);
	pawl_json_member_text(&body.writer, "group", group);
	pawl_json_end_object(&body.writer);
	pawl_json_end_array(&body.writer);
	PAWL_TRY(app_server_call(
	    app, PAWL_FETCH_POST, "/rest/v1/targets", pawl_buf_bytes(&body.buf), NULL));
	PAWL_TRY(app_wrap(app, fetch_token(app, id, &token),
	    "device %s is registered, get its token with `pawl device token`", id));
	return hand_over(app, id, token);
}

static int run_device_add(struct pawl_cli_call *call)
{
	return app_run(call, device_add);
}

static pawl_err device_token(struct app *app)
{
	const char *id = pawl_cli_argument(app->call, 0);
	const char *token = "";

	PAWL_TRY(app_check_name(app, "device", id, PAWL_DEVICE_ID_MAX));
	PAWL_TRY(app_settings_load(app));
	PAWL_TRY(fetch_token(app, id, &token));
	return hand_over(app, id, token);
}

static int run_device_token(struct pawl_cli_call *call)
{
	return app_run(call, device_token);
}

/* --- list --- */

static pawl_err device_list(struct app *app)
{
	static const struct app_list_column columns[] = {
		{ { .title = "DEVICE" }, "controllerId", APP_CELL_TEXT },
		{ { .title = "PRODUCT" }, "pawl.product", APP_CELL_TEXT },
		{ { .title = "HARDWARE" }, "pawl.hardwareClass", APP_CELL_TEXT },
		{ { .title = "GROUP" }, "pawl.group", APP_CELL_TEXT },
		{ { .title = "VERSION" }, "pawl.version", APP_CELL_TEXT },
		{ { .title = "STATE" }, "pawl.state", APP_CELL_TEXT },
		{ { .title = "ENROLMENT" }, "pawl.enrolment", APP_CELL_TEXT },
		{ { .title = "WHY", .shrink = true }, "pawl.why", APP_CELL_TEXT },
	};
	const char *query = pawl_cli_value(app->call, "q");
	const char *path = query == NULL
			       ? "/rest/v1/targets"
			       : app_text(app, "/rest/v1/targets?q=%s", app_percent(app, query));
	const struct app_listing listing = { .path = path,
		.most = INT64_MAX,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.columns = columns };

	PAWL_TRY(app_settings_load(app));
	return app_show_list(app, &listing);
}

static int run_device_list(struct pawl_cli_call *call)
{
	return app_run(call, device_list);
}

/* --- show --- */

/* What the device said during its last action; empty when there was none. */
static pawl_err last_messages(
    struct app *app, const char *id, const struct pawl_json *target, struct pawl_json *ret_status)
{
	const int64_t action = app_json_int(target, 0, "pawl.lastActionId");

	if (action <= 0)
		return app_json_parse(
		    app, "answer", PAWL_BYTES_LIT("{\"content\":[]}"), ret_status);
	return app_server_call(app, PAWL_FETCH_GET,
	    app_text(app, "/rest/v1/targets/%s/actions/%lld/status?limit=50", app_percent(app, id),
		(long long)action),
	    PAWL_BYTES(NULL, 0), ret_status);
}

static void print_messages(struct app *app, const struct pawl_json *status)
{
	const uint32_t content = pawl_json_get(status, 0, "content");

	fputs("last action:\n", app->call->out);
	for (uint32_t at = pawl_json_first(status, content); at != PAWL_JSON_NONE;
	     at = pawl_json_after(status, content, at)) {
		const uint32_t messages = pawl_json_get(status, at, "messages");
		const int64_t ms = app_json_int(status, at, "reportedAt");

		fprintf(app->call->out, "  %s ", app_time(app, ms));
		pawl_cli_print_safe(app->call->out, app_json_text(app, status, at, "type"));
		fputc('\n', app->call->out);
		app_json_print(app, status, messages, 4);
	}
}

/* The server's object with two members more. */
static pawl_err print_device_json(struct app *app, const struct pawl_json *target,
    const struct pawl_json *attributes, const struct pawl_json *status)
{
	const struct pawl_bytes whole = pawl_json_raw(target, 0);
	const uint32_t content = pawl_json_get(status, 0, "content");
	const struct pawl_bytes list =
	    content == PAWL_JSON_NONE ? PAWL_BYTES_LIT("[]") : pawl_json_raw(status, content);
	FILE *out = app->call->out;

	fwrite(whole.at, 1, whole.size - 1, out);
	fputs(pawl_json_count(target, 0) == 0 ? "" : ",", out);
	fputs("\"attributes\":", out);
	fwrite(attributes->text.at, 1, attributes->text.size, out);
	fputs(",\"lastActionStatus\":", out);
	fwrite(list.at, 1, list.size, out);
	fputs("}\n", out);
	return PAWL_ERR_OK;
}

static pawl_err device_show(struct app *app)
{
	const char *id = pawl_cli_argument(app->call, 0);
	const char *path = NULL;
	struct pawl_json target;
	struct pawl_json attributes;
	struct pawl_json status;

	PAWL_TRY(device_path(app, id, &path));
	PAWL_TRY(app_server_call(app, PAWL_FETCH_GET, path, PAWL_BYTES(NULL, 0), &target));
	/* An answer about another device would be read as one about this. */
	if (strcmp(app_json_text(app, &target, 0, "controllerId"), id) != 0)
		return app_fail(app, PAWL_ERR_SYNTAX,
		    "the server's answer to %s is not about device %s", path, id);
	PAWL_TRY(app_server_call(app, PAWL_FETCH_GET, app_text(app, "%s/attributes", path),
	    PAWL_BYTES(NULL, 0), &attributes));
	PAWL_TRY(last_messages(app, id, &target, &status));
	if (app->call->json)
		return print_device_json(app, &target, &attributes, &status);
	app_json_print(app, &target, 0, 0);
	fputs("attributes:\n", app->call->out);
	app_json_print(app, &attributes, 0, 2);
	print_messages(app, &status);
	return PAWL_ERR_OK;
}

static int run_device_show(struct pawl_cli_call *call)
{
	return app_run(call, device_show);
}

/* --- revoke, remove, assign --- */

static pawl_err done(struct app *app, const char *id, const char *what)
{
	if (app->dry_run && !app->call->json)
		return PAWL_ERR_OK;
	if (app->call->json) {
		struct app_document document;
		app_document_begin(app, &document, 4096 + 6 * strlen(what));
		pawl_json_begin_object(&document.writer);
		pawl_json_member_text(&document.writer, "controllerId", id);
		pawl_json_member_text(&document.writer, "done", what);
		pawl_json_member_bool(&document.writer, "dryRun", app->dry_run);
		pawl_json_end_object(&document.writer);
		app_document_end(app, &document);
	} else {
		fprintf(app->call->out, "device %s: ", id);
		pawl_cli_print_safe(app->call->out, what);
		fputc('\n', app->call->out);
	}
	return PAWL_ERR_OK;
}

static pawl_err device_revoke(struct app *app)
{
	const char *id = pawl_cli_argument(app->call, 0);

	PAWL_TRY(app_check_name(app, "device", id, PAWL_DEVICE_ID_MAX));
	PAWL_TRY(app_settings_load(app));
	PAWL_TRY(app_server_call(app, PAWL_FETCH_DELETE,
	    app_text(app, "/rest/v1/pawl/enrolments/%s", app_percent(app, id)), PAWL_BYTES(NULL, 0),
	    NULL));
	return done(app, id, "certificate revoked, effective at once");
}

static int run_device_revoke(struct pawl_cli_call *call)
{
	return app_run(call, device_revoke);
}

static pawl_err device_remove(struct app *app)
{
	const char *id = pawl_cli_argument(app->call, 0);
	const char *path = NULL;

	PAWL_TRY(device_path(app, id, &path));
	if (!app->dry_run && !pawl_cli_flag(app->call, "yes") &&
	    !pawl_cli_confirm(stdin, app->call->err,
		app_text(app, "Remove device %s and its history from the server?", id)))
		return app_fail(app, PAWL_ERR_CANCELLED,
		    "device %s was not removed; --yes answers the question in scripts", id);
	PAWL_TRY(app_server_call(app, PAWL_FETCH_DELETE, path, PAWL_BYTES(NULL, 0), NULL));
	return done(app, id, "removed");
}

static int run_device_remove(struct pawl_cli_call *call)
{
	return app_run(call, device_remove);
}

static pawl_err device_assign(struct app *app)
{
	const char *id = pawl_cli_argument(app->call, 0);
	const char *version = pawl_cli_value(app->call, "release");
	const char *path = NULL;
	struct pawl_json target;
	struct pawl_json answer;
	int64_t set = 0;

	PAWL_TRY(device_path(app, id, &path));
	PAWL_TRY(app_server_call(app, PAWL_FETCH_GET, path, PAWL_BYTES(NULL, 0), &target));
	const char *product = app_json_text(app, &target, 0, "pawl.product");
	PAWL_TRY(app_distribution_set(app, product, version, &set));
	PAWL_TRY(app_server_call(app, PAWL_FETCH_POST, app_text(app, "%s/assignedDS", path),
	    pawl_bytes_of(app_text(app, "{\"id\":%lld,\"type\":\"forced\"}", (long long)set)),
	    &answer));
	if (app->call->json && !app->dry_run) {
		app_document_raw(app, &answer);
		return PAWL_ERR_OK;
	}
	const bool is_new = app->dry_run || app_json_int(&answer, 0, "assigned") > 0;
	return done(app, id,
	    app_text(
		app, "release %s of %s is offered%s", version, product, is_new ? "" : " already"));
}

static int run_device_assign(struct pawl_cli_call *call)
{
	return app_run(call, device_assign);
}

/* --- the table --- */

#define TOKEN_OUT                                                                                  \
	APP_PRESET("token-out", "FILE", NULL,                                                      \
	    "Write the one-time token there (mode 0600) instead of printing it.")

static const struct pawl_cli_option add_options[] = {
	APP_NEEDED("product", "PRODUCT", "What it runs."),
	APP_NEEDED("hw", "CLASS", "Its hardware class."),
	APP_NEEDED("group", "GROUP", "The group whose channel it follows."),
	APP_PRESET("name", "TEXT", NULL, "A name for people."),
	TOKEN_OUT,
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option token_options[] = { TOKEN_OUT, APP_DRY_RUN, { 0 } };

static const struct pawl_cli_option list_options[] = {
	APP_PRESET("q", "FIQL", NULL,
	    "Only these, e.g. \"group==field;state==failed\"; * stands for anything."),
	{ 0 },
};

static const struct pawl_cli_option approve_options[] = {
	APP_PLAIN_FLAG("all", "Every device that waits."),
	APP_PRESET("watch", "SECONDS", "0", "Keep looking for so long."),
	APP_PRESET("days", "N", "3650", "How long the certificates are valid."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option assign_options[] = {
	APP_NEEDED("release", "VERSION", "The release to offer."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option remove_options[] = {
	APP_PLAIN_FLAG("yes", "Do not ask."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option revoke_options[] = { APP_DRY_RUN, { 0 } };

const struct pawl_cli_command cmd_device_commands[] = {
	{ .path = "device add",
	    .arguments = "ID",
	    .summary = "Registers a device and gets its one-time enrolment token.",
	    .options = add_options,
	    .run = run_device_add },
	{ .path = "device token",
	    .arguments = "ID",
	    .summary = "Gets a new enrolment token for a device; older ones become void.",
	    .options = token_options,
	    .run = run_device_token },
	{ .path = "device list",
	    .summary = "Lists devices, what they run and why they are where they are.",
	    .options = list_options,
	    .run = run_device_list },
	{ .path = "device show",
	    .arguments = "ID",
	    .summary = "Shows everything about a device and what its last action said.",
	    .run = run_device_show },
	{ .path = "device approve",
	    .arguments = "[ID]",
	    .summary = "Issues certificates for devices that wait for them.",
	    .details =
		"The certificate is made here with the CA key, which the server does not have. The "
		"pin that is printed identifies the device's key; compare it where that matters.",
	    .options = approve_options,
	    .run = cmd_device_approve },
	{ .path = "device assign",
	    .arguments = "ID",
	    .summary = "Offers a release to one device, outside any rollout.",
	    .details = "The device installs it only if the channel of its group allows it.",
	    .options = assign_options,
	    .run = run_device_assign },
	{ .path = "device revoke",
	    .arguments = "ID",
	    .summary = "Revokes a device's certificate.",
	    .options = revoke_options,
	    .run = run_device_revoke },
	{ .path = "device remove",
	    .arguments = "ID",
	    .summary = "Removes a device from the server.",
	    .options = remove_options,
	    .run = run_device_remove },
	{ 0 },
};
