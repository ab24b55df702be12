/* SPDX-License-Identifier: MIT
 *
 * pawl server, pawl audit: the server's certificate, address and state. */
#include "pawl_app.h"

#include "pawl/text.h"
#include "pawl/url.h"

#include <string.h>

/* --- certify --- */

enum { NAMES_MAX = 32 };

static pawl_err issue_server(struct app *app, struct pawl_bytes csr, struct pawl_bytes *ret_pem)
{
	const char *names[NAMES_MAX];
	const size_t count = pawl_cli_count(app->call, "name");
	struct pawl_buf pem = app_buffer(app, PAWL_CERT_PEM_MAX);
	struct pawl_csr_info asked;
	struct pawl_key *ca_key = NULL;
	struct pawl_bytes ca = { NULL, 0 };
	int64_t days = 0;

	PAWL_TRY(app_int(app, "days", 1, 3650, &days));
	if (count > NAMES_MAX)
		return app_usage(app, "at most %d names", NAMES_MAX);
	for (size_t i = 0; i < count; i++)
		names[i] = pawl_cli_value_at(app->call, "name", i);
	const char *csr_path = pawl_cli_value(app->call, "csr");
	pawl_err err = pawl_csr_read(csr, &asked);
	if (err != PAWL_ERR_OK)
		return app_fail(
		    app, err, "%s is no certificate request whose signature holds", csr_path);
	PAWL_TRY(app_read(app, app_path(app, "ca/ca.pem"), PAWL_CERT_PEM_MAX, &ca));
	const struct pawl_cert_options options = { .role = PAWL_CERT_SERVER,
		.common_name = names[0],
		.names = names,
		.name_count = count,
		.not_before = { app->now.ms - PAWL_MS_PER_H },
		.not_after = { app->now.ms + days * PAWL_MS_PER_DAY } };
	PAWL_TRY(app_key_open(app, "ca", &ca_key));
	err = pawl_cert_issue(ca_key, ca, csr, &options, &pem);
	pawl_key_destroy(ca_key);
	if (err == PAWL_ERR_SYNTAX)
		return app_usage(app, "--name takes a host name or an IP address");
	PAWL_TRY(app_wrap(app, err, "certificate for %s", names[0]));
	*ret_pem = pawl_buf_bytes(&pem);
	return PAWL_ERR_OK;
}

static pawl_err server_certify(struct app *app)
{
	const char *out = pawl_cli_value(app->call, "out");
	struct pawl_cert_info info;
	struct pawl_bytes csr = { NULL, 0 };
	struct pawl_bytes pem = { NULL, 0 };

	PAWL_TRY(app_begin_change(app));
	PAWL_TRY(app_read(app, pawl_cli_value(app->call, "csr"), PAWL_CERT_PEM_MAX, &csr));
	PAWL_TRY(issue_server(app, csr, &pem));
	PAWL_TRY(pawl_cert_read(pem, &info));
	PAWL_TRY(app_write(app, "ca/server.pem", 0644, pem));
	pawl_note_clear(&app->note);
	if (!app->dry_run)
		PAWL_TRY(pawl_env_write_file(out, 0644, pem, &app->note));
	struct pawl_buf pin = app_buffer(app, 64);
	pawl_put_base64(&pin, PAWL_BYTES(info.pin, sizeof(info.pin)));
	if (app->call->json) {
		struct app_document document;
		app_document_begin(app, &document, 4096 + 6 * strlen(out));
		pawl_json_begin_object(&document.writer);
		pawl_json_member_text(&document.writer, "out", out);
		pawl_json_member_text(&document.writer, "pin", (const char *)pin.at);
		pawl_json_member_text(&document.writer, "expires", app_date(app, info.not_after));
		app_document_written(app, &document.writer);
		pawl_json_end_object(&document.writer);
		app_document_end(app, &document);
		return PAWL_ERR_OK;
	}
	fprintf(app->call->out, "%s %s: valid until %s, pin %s\n",
	    app->dry_run ? "would write" : "wrote", out, app_date(app, info.not_after),
	    (const char *)pin.at);
	return PAWL_ERR_OK;
}

static int run_server_certify(struct pawl_cli_call *call)
{
	return app_run(call, server_certify);
}

/* --- set-url --- */

static pawl_err server_set_url(struct app *app)
{
	const char *text = pawl_cli_value(app->call, "operator");
	struct pawl_url url;

	if (pawl_url_parse(pawl_bytes_of(text), &url) != PAWL_ERR_OK || !url.tls ||
	    url.target.size > 1 || strlen(text) >= APP_URL_MAX || strpbrk(text, "\"\\") != NULL)
		return app_usage(app, "\"%s\" is no https://HOST:PORT", text);
	PAWL_TRY(app_begin_change(app));
	snprintf(app->settings.operator_url, sizeof(app->settings.operator_url), "%s", text);
	const size_t size = strlen(text);
	if (text[size - 1] == '/')
		app->settings.operator_url[size - 1] = '\0';
	PAWL_TRY(app_settings_save(app));
	const char *const members[] = { "operator", app->settings.operator_url, NULL };
	app_report(app, members);
	return PAWL_ERR_OK;
}

static int run_server_set_url(struct pawl_cli_call *call)
{
	return app_run(call, server_set_url);
}

/* --- status --- */

static pawl_err server_status(struct app *app)
{
	struct pawl_json json;

	PAWL_TRY(app_settings_load(app));
	PAWL_TRY(app_server_call(
	    app, PAWL_FETCH_GET, "/rest/v1/pawl/status", PAWL_BYTES(NULL, 0), &json));
	if (app->call->json) {
		app_document_raw(app, &json);
		return PAWL_ERR_OK;
	}
	fprintf(app->call->out, "server: %s\n", app->settings.operator_url);
	app_json_print(app, &json, 0, 0);
	return PAWL_ERR_OK;
}

static int run_server_status(struct pawl_cli_call *call)
{
	return app_run(call, server_status);
}

/* --- audit --- */

/* No column is cut: this is evidence. */
static pawl_err audit_list(struct app *app)
{
	static const struct app_list_column columns[] = {
		{ { .title = "ID", .right = true }, "id", APP_CELL_TEXT },
		{ { .title = "AT" }, "at", APP_CELL_TIME },
		{ { .title = "ACTOR" }, "actor", APP_CELL_TEXT },
		{ { .title = "ACTION" }, "action", APP_CELL_TEXT },
		{ { .title = "OBJECT" }, "object", APP_CELL_TEXT },
		{ { .title = "DETAIL" }, "detail", APP_CELL_TEXT },
	};
	struct app_listing listing = { .path = "/rest/v1/pawl/audit",
		.bare = true,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.columns = columns };

	PAWL_TRY(app_int(app, "limit", 1, 1000000, &listing.most));
	PAWL_TRY(app_settings_load(app));
	return app_show_list(app, &listing);
}

static int run_audit(struct pawl_cli_call *call)
{
	return app_run(call, audit_list);
}

/* --- the table --- */

static const struct pawl_cli_option certify_options[] = {
	APP_NEEDED("csr", "FILE", "The request, tls.csr of `pawl-server init`."),
	{ .name = "name",
	    .kind = PAWL_CLI_REPEAT,
	    .required = true,
	    .value = "NAME",
	    .help = "Host name or IP address clients use; may be repeated." },
	APP_NEEDED("out", "FILE", "Where the certificate goes."),
	APP_PRESET("days", "N", "365", "How long it is valid."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option url_options[] = {
	APP_NEEDED("operator", "URL", "https://HOST:PORT of the operator listener."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option audit_options[] = {
	APP_PRESET("limit", "N", "100", "How many entries at most."),
	{ 0 },
};

const struct pawl_cli_command cmd_server_commands[] = {
	{ .path = "server certify",
	    .summary = "Issues the server's TLS certificate.",
	    .details = "Also keeps it as ca/server.pem, so that devices can be given its pin.",
	    .options = certify_options,
	    .run = run_server_certify },
	{ .path = "server set-url",
	    .summary = "Says where the server's operator listener is.",
	    .options = url_options,
	    .run = run_server_set_url },
	{ .path = "server status",
	    .summary = "Shows what the server serves and how it is.",
	    .run = run_server_status },
	{ .path = "audit",
	    .summary = "Lists who did what and when at the server.",
	    .options = audit_options,
	    .run = run_audit },
	{ 0 },
};
