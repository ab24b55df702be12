/* SPDX-License-Identifier: MIT
 *
 * db_bridge.c - between the fleet, which decides, and the store, which keeps.
 *
 * Each call of the fleet ends in db_commit: its effects become one batch.
 * Answers to calls that changed something wait here until their batch is
 * durable. Contacts alone ("touches") are stored in bulk and nobody waits. */
#include "app.h"

#include "pawl/env.h"
#include "pawl/keys.h"

#include <stdlib.h>
#include <string.h>

/* Contacts that are moved to the store together. */
enum { TOUCHES_MAX = 1024 };

/* --- writing --- */

static void store_is_broken(struct app *app, const char *why)
{
	if (app->failed)
		return;
	app->failed = true;
	pawl_log_event(&app->log, PAWL_LOG_ERROR, "server.failed", PAWL_LOG_TEXT("why", why));
	pawl_http_server_stop(app->http);
}

/* Contacts stay with the fleet, which names each device once, until something
 * else happens or db_flush asks for them. */
static bool only_touches(struct app *app, const struct pawl_fleet_effect *effects, size_t count)
{
	for (size_t i = app->touch_count; i < count; i++)
		if (effects[i].kind != PAWL_FLEET_TOUCH_DEVICE)
			return false;
	return true;
}

/* Moves the fleet's effects into the open batch; true: an answer depends on them. */
static bool take_effects(struct app *app, const struct pawl_fleet_effect *effects, size_t count)
{
	bool changed = false;

	for (size_t i = 0; i < count; i++) {
		if (effects[i].kind == PAWL_FLEET_LOG)
			fleet_log(app, &effects[i]);
		else if (effects[i].kind != PAWL_FLEET_TOUCH_DEVICE)
			changed = true;
	}
	pawl_store_add_effects(app->store, app->fleet, effects, count);
	pawl_fleet_effects_clear(app->fleet);
	app->touch_count = 0;
	app->batch_open = app->batch_open || count > 0;
	return changed;
}

uint64_t db_commit(struct app *app)
{
	size_t count = 0;
	const struct pawl_fleet_effect *effects = pawl_fleet_effects(app->fleet, &count);
	const bool waits = app->batch_open && app->audited;
	uint64_t ticket = 0;

	if (!waits && count < TOUCHES_MAX && only_touches(app, effects, count)) {
		app->touch_count = count;
		return 0;
	}

	const bool changed = take_effects(app, effects, count);

	app->audited = false;
	if (!changed && !waits)
		return 0;
	app->batch_open = false;
	if (pawl_store_submit(app->store, &ticket) != PAWL_ERR_OK) {
		store_is_broken(app, "the database takes no more changes");
		return UINT64_MAX; /* never durable: the answer fails */
	}
	return ticket;
}

void db_flush(struct app *app)
{
	size_t count = 0;
	const struct pawl_fleet_effect *effects = pawl_fleet_effects(app->fleet, &count);
	uint64_t ticket = 0;

	(void)take_effects(app, effects, count);
	if (!app->batch_open)
		return;
	app->batch_open = false;
	if (pawl_store_submit(app->store, &ticket) != PAWL_ERR_OK)
		store_is_broken(app, "the database takes no more changes");
}

void db_extra(struct app *app)
{
	app->batch_open = true;
	app->audited = true;
}

void db_audit(struct call *call, const char *action, const char *object, const char *detail)
{
	const struct pawl_store_audit entry = {
		.at = call->now.ms,
		.actor = call->actor,
		.action = action,
		.object = object,
		.detail = detail,
	};

	pawl_store_add_audit(call->app->store, &entry);
	db_extra(call->app);
}

/* --- answers that wait --- */

static void answer(
    struct app *app, struct pawl_http_token token, int status, struct pawl_bytes body)
{
	const struct pawl_http_response response = {
		.status = status,
		.body = body,
		.fields = { { "Retry-After", "5" } },
		.field_count = status == 503 || status == 429 ? 1 : 0,
	};

	/* The connection may be gone; the change stands all the same. */
	(void)pawl_http_answer(app->http, token, &response);
}

static void answer_not_stored(struct app *app, struct pawl_http_token token)
{
	uint8_t memory[512];
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));

	put_error(&buf, 503,
	    PAWL_BYTES_LIT("The change could not be stored (see the server's log: disk full or "
			   "failing); try again later."));
	answer(app, token, 503, pawl_buf_bytes(&buf));
}

void db_hold(struct app *app, uint64_t ticket, struct pawl_http_token token, int status,
    struct pawl_bytes body)
{
	if (ticket == 0) {
		answer(app, token, status, body);
		return;
	}

	struct held_answer *held = malloc(sizeof(*held) + body.size);

	if (held == NULL || ticket == UINT64_MAX) {
		free(held);
		answer_not_stored(app, token);
		return;
	}
	*held = (struct held_answer){ .ticket = ticket, .token = token, .status = status };
	held->size = body.size;
	if (body.size > 0)
		memcpy(held->body, body.at, body.size);
	if (app->held_last == NULL)
		app->held_first = held;
	else
		app->held_last->next = held;
	app->held_last = held;
}

static void log_progress(struct app *app, const struct pawl_store_progress *progress)
{
	if (progress->err != PAWL_ERR_OK && !app->store_failing)
		pawl_log_event(&app->log, PAWL_LOG_ERROR, "store.failed",
		    PAWL_LOG_ERR(progress->err), PAWL_LOG_TEXT("reason", progress->note.text));
	if (progress->err == PAWL_ERR_OK && app->store_failing)
		pawl_log_event(&app->log, PAWL_LOG_WARN, "store.recovered",
		    PAWL_LOG_INT("ticket", progress->durable));
	app->store_failing = progress->err != PAWL_ERR_OK;
	if (progress->broken)
		store_is_broken(app, progress->note.text);
}

void db_progress(struct app *app)
{
	const struct pawl_store_progress progress = pawl_store_progress(app->store);

	log_progress(app, &progress);
	while (app->held_first != NULL) {
		struct held_answer *held = app->held_first;

		if (held->ticket <= progress.durable)
			answer(app, held->token, held->status, PAWL_BYTES(held->body, held->size));
		else if (held->ticket <= progress.refused || progress.broken)
			answer_not_stored(app, held->token);
		else
			break;
		app->held_first = held->next;
		if (app->held_first == NULL)
			app->held_last = NULL;
		free(held);
	}
}

/* --- loading --- */

/* A row that the fleet refuses is a contradiction in the database: starting
 * without it would change the fleet's state silently. */
struct loading {
	struct app *app;
	struct pawl_note *note;
};

static pawl_err load_counters(void *context, const struct pawl_fleet_counters *counters)
{
	const struct loading *loading = context;

	pawl_fleet_load_counters(loading->app->fleet, counters);
	return PAWL_ERR_OK;
}

static pawl_err load_set(void *context, const struct pawl_fleet_distribution_set *row)
{
	const struct loading *loading = context;

	return pawl_fleet_load_distribution_set(loading->app->fleet, row, loading->note);
}

static pawl_err load_device(void *context, const struct pawl_fleet_device *row)
{
	const struct loading *loading = context;

	return pawl_fleet_load_device(loading->app->fleet, row, loading->note);
}

static pawl_err load_attribute(
    void *context, uint32_t device_id, const char *key, const char *value)
{
	const struct loading *loading = context;

	return pawl_fleet_load_attribute(loading->app->fleet, device_id, key, value, loading->note);
}

static pawl_err load_rollout(void *context, struct pawl_bytes record)
{
	const struct loading *loading = context;

	return pawl_fleet_load_rollout(loading->app->fleet, record, loading->note);
}

static pawl_err load_member(void *context, const struct pawl_fleet_member *row)
{
	const struct loading *loading = context;

	return pawl_fleet_load_member(loading->app->fleet, row, loading->note);
}

static pawl_err load_action(void *context, const struct pawl_fleet_action *row)
{
	const struct loading *loading = context;

	return pawl_fleet_load_action(loading->app->fleet, row, loading->note);
}

/* Writer thread. */
static void on_progress(void *context, const struct pawl_store_progress *progress)
{
	struct app *app = context;

	(void)progress;
	pawl_http_wake(app->http);
}

static pawl_err create_fleet(struct app *app, struct pawl_note *note)
{
	struct pawl_fleet_settings settings = {
		.poll_s = (uint32_t)(app->settings.poll_interval_ms / PAWL_MS_PER_S),
		.silence_s = (uint32_t)(app->settings.silence_ms / PAWL_MS_PER_S),
		.devices_max = (uint32_t)app->settings.devices_max,
	};

	pawl_random(&settings.hash_seed, sizeof(settings.hash_seed));
	return pawl_fleet_create(&settings, &app->fleet, note);
}

pawl_err db_open(struct app *app, struct pawl_note *note)
{
	char path[APP_PATH_MAX];
	struct loading loading = { app, note };
	const struct pawl_store_loader loader = {
		.context = &loading,
		.counters = load_counters,
		.distribution_set = load_set,
		.device = load_device,
		.attribute = load_attribute,
		.rollout = load_rollout,
		.member = load_member,
		.action = load_action,
	};
	const struct pawl_store_options options = {
		.path = path,
		.on_progress = on_progress,
		.context = app,
	};

	PAWL_TRY(pawl_env_join(app->data, "pawl.db", sizeof(path), path));
	PAWL_TRY(create_fleet(app, note));
	PAWL_TRY(pawl_store_open(&options, &app->store, note));
	PAWL_TRY(pawl_store_load(app->store, &loader, note));
	pawl_fleet_load_done(app->fleet, pawl_env_wall());
	(void)db_commit(app);
	pawl_log_event(&app->log, PAWL_LOG_INFO, "store.opened",
	    PAWL_LOG_INT("schema", pawl_store_version()),
	    PAWL_LOG_INT("devices", pawl_fleet_device_count(app->fleet)));
	return PAWL_ERR_OK;
}
