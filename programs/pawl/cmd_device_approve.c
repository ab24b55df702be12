/* SPDX-License-Identifier: MIT
 *
 * pawl device approve: fetches pending requests, issues certificates with the
 * CA key, puts them back. A request that is wrong is reported and skipped, so
 * that one device can not keep the others waiting. */
#include "cmd_device.h"
#include "pawl_app.h"

#include "pawl/text.h"

#include <string.h>

enum { WATCH_PERIOD_MS = 1000 };

struct request {
	const struct request *next;
	const char *id;
	const char *csr;
};

struct approvals {
	const char *only; /* NULL: all                                          */
	int64_t days;
	struct pawl_key *ca_key; /* opened when the first request comes         */
	struct pawl_bytes ca_pem;
	const struct request *waiting;
	size_t approved;
	size_t refused; /* at the last look                                     */
	struct app_document document;
};

static pawl_err load_ca(struct app *app, struct approvals *approvals)
{
	if (approvals->ca_key != NULL)
		return PAWL_ERR_OK;
	PAWL_TRY(app_read(app, app_path(app, "ca/ca.pem"), PAWL_CERT_PEM_MAX, &approvals->ca_pem));
	return app_key_open(app, "ca", &approvals->ca_key);
}

static pawl_err issue_for(struct app *app, struct approvals *approvals, const char *id,
    const char *csr, const char **ret_pin)
{
	struct pawl_buf pem = app_buffer(app, PAWL_CERT_PEM_MAX);
	struct pawl_buf pin = app_buffer(app, 65);
	struct pawl_csr_info asked;
	struct app_document body;
	const struct pawl_wall now = pawl_env_wall();
	const struct pawl_cert_options options = { .role = PAWL_CERT_DEVICE,
		.common_name = id,
		.not_before = { now.ms - PAWL_MS_PER_H },
		.not_after = { now.ms + approvals->days * PAWL_MS_PER_DAY } };

	if (pawl_csr_read(pawl_bytes_of(csr), &asked) != PAWL_ERR_OK)
		return app_fail(app, PAWL_ERR_CRYPTO, "the signature of its request does not hold");
	if (strcmp(asked.common_name, id) != 0)
		return app_fail(
		    app, PAWL_ERR_REFUSED, "its request is for the name \"%s\"", asked.common_name);
	pawl_put_hex(&pin, PAWL_BYTES(asked.pin, sizeof(asked.pin)));
	*ret_pin = (const char *)pin.at;
	PAWL_TRY(load_ca(app, approvals));
	PAWL_TRY(app_wrap(app,
	    pawl_cert_issue(
		approvals->ca_key, approvals->ca_pem, pawl_bytes_of(csr), &options, &pem),
	    "certificate for %s", id));
	app_document_begin(app, &body, 2 * PAWL_CERT_PEM_MAX);
	pawl_json_begin_object(&body.writer);
	pawl_json_key(&body.writer, "certificate");
	pawl_json_put_string(&body.writer, pawl_buf_bytes(&pem));
	pawl_json_end_object(&body.writer);
	return app_server_call(app, PAWL_FETCH_PUT,
	    app_text(app, "/rest/v1/pawl/enrolments/%s", app_percent(app, id)),
	    pawl_buf_bytes(&body.buf), NULL);
}

static bool is_about_one_device(pawl_err err)
{
	return err == PAWL_ERR_CRYPTO || err == PAWL_ERR_REFUSED || err == PAWL_ERR_SYNTAX ||
	       err == PAWL_ERR_NOT_FOUND || err == PAWL_ERR_RANGE;
}

static void report(struct app *app, struct approvals *approvals, const char *id, const char *pin,
    const char *problem)
{
	struct pawl_json_writer *writer = &approvals->document.writer;

	if (app->call->json) {
		if (approvals->document.buf.capacity - approvals->document.buf.size < 4096)
			return;
		pawl_json_begin_object(writer);
		pawl_json_member_text(writer, "controllerId", id);
		pawl_json_member_bool(writer, "approved", problem == NULL);
		pawl_json_member_text(writer, "pin", pin);
		pawl_json_member_text(writer, "why", problem == NULL ? "" : problem);
		pawl_json_end_object(writer);
	} else if (problem == NULL) {
		fprintf(app->call->out, "device %s: %s, key pin %s\n", id,
		    app->dry_run ? "would be approved" : "approved", pin);
	} else {
		fprintf(app->call->err, "device %s: not approved: ", id);
		pawl_cli_print_safe(app->call->err, problem);
		fputc('\n', app->call->err);
	}
	fflush(app->call->out);
}

static pawl_err collect_item(
    struct app *app, const struct pawl_json *json, uint32_t item, void *context)
{
	struct approvals *approvals = context;
	const char *id = app_json_text(app, json, item, "controllerId");

	/* The id becomes a part of a URL and of messages. */
	if ((approvals->only != NULL && strcmp(id, approvals->only) != 0) ||
	    !pawl_name_is_valid(pawl_bytes_of(id), PAWL_DEVICE_ID_MAX))
		return PAWL_ERR_OK;
	struct request *request = app_take(app, 1, sizeof(*request));
	*request = (struct request){
		.next = approvals->waiting, .id = id, .csr = app_json_text(app, json, item, "csr")
	};
	approvals->waiting = request;
	return PAWL_ERR_OK;
}

/* All that wait now; collected first, because an approved one leaves the list. */
static pawl_err look_once(struct app *app, struct approvals *approvals)
{
	approvals->waiting = NULL;
	approvals->refused = 0;
	PAWL_TRY(app_server_list(
	    app, "/rest/v1/pawl/enrolments?state=pending", true, collect_item, approvals, NULL));
	for (const struct request *request = approvals->waiting; request != NULL;
	     request = request->next) {
		const char *pin = "";
		const pawl_err err = issue_for(app, approvals, request->id, request->csr, &pin);

		if (err != PAWL_ERR_OK && !is_about_one_device(err))
			return err;
		report(
		    app, approvals, request->id, pin, err == PAWL_ERR_OK ? NULL : app->note.text);
		*(err == PAWL_ERR_OK ? &approvals->approved : &approvals->refused) += 1;
	}
	return PAWL_ERR_OK;
}

static pawl_err watch(struct app *app, struct approvals *approvals, int64_t seconds)
{
	const int64_t until = pawl_env_mono().ms + seconds * PAWL_MS_PER_S;

	/* What stays is allocated before the mark. */
	pawl_err err = look_once(app, approvals);
	while (err == PAWL_ERR_OK && pawl_env_mono().ms < until &&
	       (approvals->only == NULL || approvals->approved == 0)) {
		if (approvals->ca_key == NULL)
			err = load_ca(app, approvals);
		const size_t mark = app->arena.used;
		pawl_env_wait(WATCH_PERIOD_MS);
		if (err == PAWL_ERR_OK)
			err = look_once(app, approvals);
		app->arena.used = mark;
	}
	return err;
}

static pawl_err device_approve(struct app *app)
{
	struct approvals approvals = { .only = pawl_cli_argument(app->call, 0) };
	int64_t seconds = 0;

	if ((approvals.only != NULL) == pawl_cli_flag(app->call, "all"))
		return app_usage(app, "name one device ID or give --all");
	if (approvals.only != NULL)
		PAWL_TRY(app_check_name(app, "device", approvals.only, PAWL_DEVICE_ID_MAX));
	PAWL_TRY(app_int(app, "watch", 0, 7 * 24 * 3600, &seconds));
	PAWL_TRY(app_int(app, "days", 1, 3650, &approvals.days));
	PAWL_TRY(app_settings_load(app));
	app_document_begin(app, &approvals.document, 4 * 1024 * 1024);
	pawl_json_begin_array(&approvals.document.writer);
	const pawl_err err = watch(app, &approvals, seconds);
	pawl_key_destroy(approvals.ca_key);
	PAWL_TRY(err);
	pawl_json_end_array(&approvals.document.writer);
	if (app->call->json)
		app_document_end(app, &approvals.document);
	else if (approvals.approved == 0 && approvals.refused == 0)
		fprintf(app->call->out, "%s\n",
		    approvals.only == NULL ? "no device waits" : "this device does not wait");
	if (approvals.refused > 0)
		return app_fail(app, PAWL_ERR_REFUSED,
		    "%zu request%s not approved; `pawl device token` lets "
		    "a device enrol again",
		    approvals.refused, approvals.refused == 1 ? " was" : "s were");
	if (approvals.only != NULL && approvals.approved == 0)
		return app_fail(
		    app, PAWL_ERR_NOT_FOUND, "device %s has no request waiting", approvals.only);
	return PAWL_ERR_OK;
}

int cmd_device_approve(struct pawl_cli_call *call)
{
	return app_run(call, device_approve);
}
