/* SPDX-License-Identifier: MIT
 *
 * route.c - who may ask for what, and which file answers it. */
#include "app.h"

#include "pawl/crypto.h"
#include "pawl/env.h"

#include <stdio.h>
#include <string.h>

/* --- who asks --- */

/* `actor` as logs and the audit table show it: "operator:anna". */
static void set_actor(struct call *call, const char *kind, const char *name)
{
	struct pawl_buf out = pawl_buf_of(call->actor, sizeof(call->actor) - 1);

	pawl_put_text(&out, kind);
	pawl_put_text(&out, name);
	call->actor[out.size] = '\0';
}

/* 403 with the reason unless the certificate is the one issued for a device. */
static bool is_device(struct call *call)
{
	const struct pawl_http_request *request = call->request;
	const struct pawl_bytes name = pawl_bytes_of(request->peer.common_name);

	set_actor(call, "device:", request->peer.common_name);
	if (!request->has_peer || request->peer.role != PAWL_CERT_DEVICE) {
		reply_error(call, 403, "This listener needs a device certificate (OU=device).");
		return false;
	}
	switch (pawl_fleet_certificate_check(call->app->fleet, name, request->peer.fingerprint)) {
	case PAWL_FLEET_OK: return true;
	case PAWL_FLEET_NOT_FOUND:
		reply_error(
		    call, 403, "The device %s is not registered here.", request->peer.common_name);
		return false;
	case PAWL_FLEET_DENIED:
	case PAWL_FLEET_GONE:
	case PAWL_FLEET_NOT_CANCELABLE:
	case PAWL_FLEET_CONFLICT:
	case PAWL_FLEET_INVALID:
	case PAWL_FLEET_QUOTA: break;
	}
	reply_error(call, 403,
	    "The certificate of %s is revoked or is not the one issued last; enrol again.",
	    request->peer.common_name);
	return false;
}

static bool has_token(struct call *call)
{
	const struct pawl_bytes header = pawl_http1_header(call->request->head, "authorization");
	struct pawl_store_token token;
	uint8_t digest[32];

	if (!pawl_bytes_starts_with(header, "Bearer ") || header.size > 7 + 512)
		return false;
	/* Only the hash is looked up: how long that takes says nothing of the token. */
	pawl_sha256(PAWL_BYTES(header.at + 7, header.size - 7), digest);
	if (pawl_store_token(call->app->store, digest, call->now, &token) != PAWL_ERR_OK)
		return false;
	set_actor(call, "token:", token.name);
	return true;
}

static bool is_operator(struct call *call)
{
	const struct pawl_http_request *request = call->request;

	if (request->has_peer && request->peer.role == PAWL_CERT_OPERATOR) {
		set_actor(call, "operator:", request->peer.common_name);
		return true;
	}
	if (has_token(call))
		return true;
	pawl_log_event(&call->app->log, PAWL_LOG_WARN, "operator.refused",
	    PAWL_LOG_TEXT("address", request->address), PAWL_LOG_BYTES("target", request->target));
	reply_error(call, 401,
	    "Show an operator's certificate (OU=operator) or `Authorization: Bearer TOKEN`.");
	return false;
}

/* --- which file answers --- */

typedef enum route {
	ROUTE_NONE,
	ROUTE_DDI,
	ROUTE_REPOSITORY,
	ROUTE_ENROL,
	ROUTE_TARGETS,
	ROUTE_SETS,
	ROUTE_MODULES,
	ROUTE_ROLLOUTS,
	ROUTE_UPLOAD,
	ROUTE_PAWL
} route;

struct route_row {
	int listener;
	route route;
	const char *segments[4]; /* "*": any */
	void (*answer)(struct call *call);
	uint64_t body_max;
};

/* The first row whose segments the target begins with. */
static const struct route_row route_table[] = {
	{ APP_LISTEN_DEVICE, ROUTE_REPOSITORY, { "pawl", "v1", "repository" }, route_repository,
	    0 },
	{ APP_LISTEN_DEVICE, ROUTE_DDI, { "*", "controller", "v1" }, route_ddi,
	    APP_DEVICE_BODY_MAX },
	{ APP_LISTEN_OPERATOR, ROUTE_ENROL, { "pawl", "v1", "enrol" }, route_enrol,
	    APP_ENROL_BODY_MAX },
	{ APP_LISTEN_OPERATOR, ROUTE_TARGETS, { "rest", "v1", "targets" }, route_targets,
	    APP_BODY_MAX },
	{ APP_LISTEN_OPERATOR, ROUTE_SETS, { "rest", "v1", "distributionsets" }, route_sets, 0 },
	{ APP_LISTEN_OPERATOR, ROUTE_MODULES, { "rest", "v1", "softwaremodules" }, route_modules,
	    0 },
	{ APP_LISTEN_OPERATOR, ROUTE_ROLLOUTS, { "rest", "v1", "rollouts" }, route_rollouts,
	    APP_BODY_MAX },
	{ APP_LISTEN_OPERATOR, ROUTE_UPLOAD, { "rest", "v1", "pawl", "repository" }, upload_head,
	    0 },
	{ APP_LISTEN_OPERATOR, ROUTE_PAWL, { "rest", "v1", "pawl" }, route_pawl, APP_BODY_MAX },
	{ APP_LISTEN_OPERATOR, ROUTE_PAWL, { "rest", "v1", "userinfo" }, route_pawl, 0 },
};

static bool row_matches(const struct route_row *row, const struct call *call)
{
	if (row->listener != call->request->listener)
		return false;
	for (size_t i = 0; i < 4 && row->segments[i] != NULL; i++) {
		if (i >= call->target.segment_count)
			return false;
		if (strcmp(row->segments[i], "*") != 0 &&
		    !pawl_target_segment_is(&call->target, i, row->segments[i]))
			return false;
	}
	return true;
}

static const struct route_row *find_row(const struct call *call)
{
	for (size_t i = 0; i < sizeof(route_table) / sizeof(route_table[0]); i++) {
		if (row_matches(&route_table[i], call))
			return &route_table[i];
	}
	return NULL;
}

static bool is_allowed(struct call *call, const struct route_row *row)
{
	if (call->request->listener == APP_LISTEN_DEVICE)
		return is_device(call);
	return row->route == ROUTE_ENROL || is_operator(call);
}

/* --- requests --- */

static bool changes_state(const struct call *call, const struct route_row *row)
{
	const pawl_http1_method method = call->request->method;

	return row->route == ROUTE_DDI || (method != PAWL_HTTP1_GET && method != PAWL_HTTP1_HEAD);
}

/* Fills `call`; NULL when the request was answered with an error. */
static const struct route_row *open_call(
    struct app *app, const struct pawl_http_request *request, struct call *call)
{
	struct pawl_buf scratch = pawl_buf_of(call->target_memory, sizeof(call->target_memory));

	call->app = app;
	call->request = request;
	call->now = pawl_env_wall();
	call->out = pawl_buf_of(app->reply, APP_REPLY_MAX);
	call->json = pawl_json_writer_of(&call->out);
	set_actor(call, "address:", request->address);
	if (pawl_target_split(request->target, PAWL_URL_SLASH_REFUSE, &scratch, &call->target) !=
	    PAWL_ERR_OK) {
		reply_error(call, 400, "The request target is not a valid path.");
		return NULL;
	}

	const struct route_row *row = find_row(call);

	if (row == NULL) {
		reply_error(call, 404, "There is no such resource on this listener.");
		return NULL;
	}
	if (!is_allowed(call, row))
		return NULL;
	if (changes_state(call, row) && !pawl_store_has_room(app->store)) {
		reply_error(call, 503, "The database can not keep up; try again later.");
		return NULL;
	}
	return row;
}

static void on_head(
    void *user, const struct pawl_http_request *request, struct pawl_http_plan *plan)
{
	struct call call;
	const struct route_row *row = open_call(user, request, &call);

	if (row == NULL)
		return;
	plan->body_max = row->body_max;
	if (row->route == ROUTE_UPLOAD && request->method == PAWL_HTTP1_PUT)
		upload_plan(&call, plan);
}

static bool on_body(void *user, const struct pawl_http_request *request, struct pawl_bytes piece)
{
	(void)user;
	return upload_piece(request->stream, piece);
}

static void on_request(void *user, const struct pawl_http_request *request)
{
	struct call call;
	const struct route_row *row = open_call(user, request, &call);

	if (row == NULL) {
		if (request->stream != NULL)
			upload_abort(request->stream);
		return;
	}
	if (request->stream != NULL)
		upload_end(request->stream, &call);
	else
		row->answer(&call);
}

static void on_abort(void *user, void *stream)
{
	(void)user;
	upload_abort(stream);
}

static void on_wake(void *user)
{
	db_progress(user);
}

static void on_stopping(void *user)
{
	struct app *app = user;

	app->stopping = true;
	pawl_log_event(&app->log, PAWL_LOG_INFO, "server.stopping",
	    PAWL_LOG_INT("connections", pawl_http_connection_count(app->http)));
}

static void on_event(void *user, const char *what, const char *address, const char *detail)
{
	struct app *app = user;

	if (strcmp(what, "tls-failed") == 0 || strcmp(what, "handshake-timeout") == 0)
		pawl_log_event(&app->log, PAWL_LOG_INFO, "tls.refused", PAWL_LOG_TEXT("what", what),
		    PAWL_LOG_TEXT("address", address), PAWL_LOG_TEXT("why", detail));
	else if (strcmp(what, "too-many") == 0)
		pawl_log_event(&app->log, PAWL_LOG_WARN, "server.limit",
		    PAWL_LOG_TEXT("what", detail), PAWL_LOG_TEXT("address", address));
	else
		pawl_log_event(&app->log, PAWL_LOG_INFO, "request.refused",
		    PAWL_LOG_TEXT("what", what), PAWL_LOG_TEXT("address", address),
		    PAWL_LOG_TEXT("why", detail));
}

struct pawl_http_handler route_handler(struct app *app)
{
	return (struct pawl_http_handler){
		.user = app,
		.on_head = on_head,
		.on_body = on_body,
		.on_request = on_request,
		.on_abort = on_abort,
		.on_wake = on_wake,
		.on_stopping = on_stopping,
		.on_event = on_event,
	};
}
