/* SPDX-License-Identifier: MIT
 *
 * fleet_action.c - how one action lives: made, watched, proven, failed,
 * called back. Every end of an action passes through `close_action`, and
 * tells the rollout exactly once. */
#include "fleet_internal.h"

#include <string.h>

bool pawl_fleet_action_is_open(const struct action *action)
{
	return action->row.closed_at == 0;
}

bool pawl_fleet_action_is_withheld(const struct action *action)
{
	if (action->rollout == NULL || action->row.activated)
		return false;
	const struct pawl_rollout *core = &action->rollout->row.core;
	return core->state == PAWL_ROLLOUT_PAUSED ||
	       core->strata[action->row.stratum].state == PAWL_STRATUM_HALTED;
}

bool pawl_fleet_action_id_is_ambiguous(uint32_t id)
{
	while (id >= 10 && id % 10 == 0)
		id /= 10;
	return id < 10;
}

/* --- making --- */

/* 0 when every id was used. */
static uint32_t next_action_id(struct pawl_fleet *fleet)
{
	uint32_t id = fleet->counters.action;

	if (id < PAWL_FLEET_ACTION_ID_MIN - 1)
		id = PAWL_FLEET_ACTION_ID_MIN - 1;
	do {
		if (id >= INT32_MAX)
			return 0;
		id++;
	} while (pawl_fleet_action_id_is_ambiguous(id));
	fleet->counters.action = id;
	pawl_fleet_effect_counters(fleet);
	return id;
}

static void link_open(struct action *action)
{
	struct action **slot = &action->device->open;

	while (*slot != NULL && (*slot)->row.id < action->row.id)
		slot = &(*slot)->open_next;
	action->open_next = *slot;
	*slot = action;
	if (action->rollout != NULL) {
		action->rollout_previous = NULL;
		action->rollout_next = action->rollout->open;
		if (action->rollout_next != NULL)
			action->rollout_next->rollout_previous = action;
		action->rollout->open = action;
	}
}

void pawl_fleet_action_link(struct pawl_fleet *fleet, struct action *action)
{
	struct action **slot = &action->device->newest;

	while (*slot != NULL && (*slot)->row.id > action->row.id)
		slot = &(*slot)->older;
	action->older = *slot;
	*slot = action;
	pawl_fleet_id_map_put(&fleet->actions, action->row.id, action);
	if (pawl_fleet_action_is_open(action))
		link_open(action);
}

static void unlink_open(struct action *action)
{
	struct action **slot = &action->device->open;

	while (*slot != action)
		slot = &(*slot)->open_next;
	*slot = action->open_next;
	action->open_next = NULL;
	if (action->rollout == NULL)
		return;
	if (action->rollout_previous != NULL)
		action->rollout_previous->rollout_next = action->rollout_next;
	else
		action->rollout->open = action->rollout_next;
	if (action->rollout_next != NULL)
		action->rollout_next->rollout_previous = action->rollout_previous;
	action->rollout_previous = NULL;
	action->rollout_next = NULL;
}

struct action *pawl_fleet_action_create(struct pawl_fleet *fleet, struct device *device,
    struct set *set, struct member *member, pawl_force_type force, int64_t force_at, int64_t now)
{
	const uint32_t id = next_action_id(fleet);

	if (id == 0)
		return NULL;
	struct action *action = pawl_fleet_must_allocate(1, sizeof(*action));
	action->device = device;
	action->set = set;
	action->member = member;
	action->rollout = member == NULL ? NULL : member->rollout;
	action->watched_from = pawl_fleet_clock(fleet, now);
	action->row = (struct pawl_fleet_action){ .id = id,
		.device_id = device->row.id,
		.distribution_set_id = set->row.id,
		.rollout_id = member == NULL ? 0 : member->rollout->row.id,
		.stratum = member == NULL ? 0 : member->stratum,
		.stage = member == NULL ? 0 : member->stage,
		.status = PAWL_ACTION_RUNNING,
		.force = force,
		.force_at = force_at,
		.created_at = now,
		.changed_at = now,
		.why = pawl_fleet_text_copy(PAWL_BYTES_LIT("waits for the device to read it")) };
	pawl_fleet_action_link(fleet, action);
	device->row.last_action_id = id;
	device->row.assigned_id = set->row.id;
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_effect_status(fleet, action, "running", now, NULL, "Assignment initiated");
	pawl_fleet_action_watch(fleet, action);

	struct sentence why;
	pawl_fleet_sentence_begin(&why);
	pawl_fleet_sentence_put(&why, "is offered ");
	pawl_fleet_sentence_put(&why, set->row.product);
	pawl_fleet_sentence_put(&why, " ");
	pawl_fleet_sentence_put(&why, set->row.version);
	if (member != NULL) {
		pawl_fleet_sentence_put(&why, " by rollout \"");
		pawl_fleet_sentence_put(&why, member->rollout->row.name);
		pawl_fleet_sentence_put(&why, "\"");
	}
	pawl_fleet_change_state(
	    fleet, device, PAWL_DEVICE_OFFERED, pawl_fleet_sentence_end(&why), now);
	pawl_fleet_log_device(fleet, "action.assigned", now, device, "version", set->row.version);
	return action;
}

/* --- deadlines --- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t pawl_fleet_clock(struct pawl_fleet *fleet, int64_t now)
{
	const int64_t step_max = PAWL_FLEET_STEP_MAX_S * PAWL_MS_PER_S;

	if (fleet->wall == 0) {
		fleet->clock = now;
	} else if (now > fleet->wall) {
		const uint64_t step = (uint64_t)now - (uint64_t)fleet->wall;
		fleet->clock += step > (uint64_t)step_max ? step_max : (int64_t)step;
	}
	fleet->wall = now;
	return fleet->clock;
}

int64_t pawl_fleet_action_deadline(const struct pawl_fleet *fleet, const struct action *action)
{
	const uint32_t silence_s =
	    action->rollout != NULL ? action->rollout->row.silence_s : fleet->settings.silence_s;
	const bool claimed = action->row.status == PAWL_ACTION_VERIFYING;
	/* A claim must be proven in time, whether or not the device goes on talking. */
	int64_t from = claimed ? action->watched_from : action->device->heard_at;

	from = later(from, action->watched_from);
	from = later(from, fleet->started_at);
	if (action->rollout != NULL)
		from = later(from, action->rollout->resumed_at);
	if (from > INT64_MAX / 2)
		return INT64_MAX;
	return from + (int64_t)silence_s * PAWL_MS_PER_S;
}

/* An assignment by hand waits as long as it takes until the device reads it;
 * a rollout admits only devices that are calling. */
void pawl_fleet_action_watch(struct pawl_fleet *fleet, struct action *action)
{
	if (action->rollout == NULL && !action->row.retrieved)
		return;
	pawl_fleet_deadline_push(&fleet->deadlines,
	    (struct deadline){ pawl_fleet_action_deadline(fleet, action), action->row.id });
}

static void overdue(struct pawl_fleet *fleet, struct action *action, int64_t now)
{
	struct sentence why;
	const uint32_t silence_s =
	    action->rollout != NULL ? action->rollout->row.silence_s : fleet->settings.silence_s;

	pawl_fleet_sentence_begin(&why);
	if (action->row.status == PAWL_ACTION_VERIFYING) {
		const char *reported = pawl_fleet_attribute_of(action->device, "pawl.image_sha256");
		pawl_fleet_sentence_put(
		    &why, "said it succeeded, but did not report the release's image within ");
		pawl_fleet_sentence_int(&why, silence_s);
		pawl_fleet_sentence_put(&why, " s; it reports ");
		pawl_fleet_sentence_put(&why, reported == NULL ? "none" : reported);
	} else {
		pawl_fleet_sentence_put(&why, "was not heard of for more than ");
		pawl_fleet_sentence_int(&why, silence_s);
		pawl_fleet_sentence_put(&why, " s after it was offered the release");
	}
	pawl_fleet_action_fail(
	    fleet, action, PAWL_DEVICE_FAILED, pawl_fleet_sentence_end(&why), now);
}

void pawl_fleet_tick(struct pawl_fleet *fleet, struct pawl_wall now)
{
	const int64_t clock = pawl_fleet_clock(fleet, now.ms);

	while (fleet->deadlines.count > 0 && fleet->deadlines.at[0].at <= clock) {
		const struct deadline due = pawl_fleet_deadline_pop(&fleet->deadlines);
		struct action *action = pawl_fleet_id_map_get(&fleet->actions, due.action_id);

		if (action == NULL || !pawl_fleet_action_is_open(action))
			continue;
		fleet->visits++;
		int64_t deadline = pawl_fleet_action_deadline(fleet, action);
		/* Nothing is asked of a device whose offer is withheld. */
		if (pawl_fleet_action_is_withheld(action) &&
		    action->row.status != PAWL_ACTION_CANCELING)
			deadline = later(deadline, clock + PAWL_MS_PER_MIN);
		if (deadline > clock)
			pawl_fleet_deadline_push(
			    &fleet->deadlines, (struct deadline){ deadline, action->row.id });
		else
			overdue(fleet, action, now.ms);
	}
}

struct pawl_wall pawl_fleet_next_tick(const struct pawl_fleet *fleet)
{
	if (fleet->deadlines.count == 0)
		return (struct pawl_wall){ INT64_MAX };
	const int64_t left = fleet->deadlines.at[0].at - fleet->clock;
	return (
	    struct pawl_wall){ left > INT64_MAX - fleet->wall ? INT64_MAX : fleet->wall + left };
}

/* --- ending --- */

static void close_action(struct pawl_fleet *fleet, struct action *action, pawl_action_status status,
    const char *status_name, const char *why, int64_t now)
{
	PAWL_ASSERT(pawl_fleet_action_is_open(action));
	unlink_open(action);
	action->row.status = status;
	action->row.closed_at = now > 0 ? now : 1;
	const char *clean = pawl_fleet_text_copy_clean(pawl_bytes_of(why), PAWL_REASON_MAX);
	pawl_fleet_text_free(action->row.why);
	action->row.why = clean;
	pawl_fleet_effect_status(fleet, action, status_name, now, NULL, why);
	pawl_fleet_log_device(fleet,
	    status == PAWL_ACTION_FINISHED ? "action.finished"
	    : status == PAWL_ACTION_ERROR  ? "action.failed"
					   : "action.cancelled",
	    now, action->device, "why", why);
}

/* The device's assigned set after an action ended without success. */
static void reassign(struct device *device)
{
	device->row.assigned_id =
	    device->open != NULL ? device->open->set->row.id : device->row.installed_id;
}

void pawl_fleet_action_downloaded(struct pawl_fleet *fleet, struct action *action, int64_t now)
{
	struct device *device = action->device;
	struct sentence why;

	pawl_fleet_sentence_begin(&why);
	pawl_fleet_sentence_put(&why, "has downloaded ");
	pawl_fleet_sentence_put(&why, action->set->row.product);
	pawl_fleet_sentence_put(&why, " ");
	pawl_fleet_sentence_put(&why, action->set->row.version);
	pawl_fleet_sentence_put(&why, "; it was not asked to install it");
	close_action(
	    fleet, action, PAWL_ACTION_FINISHED, "finished", pawl_fleet_sentence_end(&why), now);
	reassign(device);
	pawl_fleet_effect_device(fleet, device);
	if (device->open == NULL)
		pawl_fleet_change_state(fleet, device, PAWL_DEVICE_IDLE, action->row.why, now);
}

/* Claims that were not proven before the device went on to something newer can
 * not be proven any more; that is nobody's failure. */
static void drop_overtaken(
    struct pawl_fleet *fleet, struct device *device, uint32_t id, int64_t now)
{
	struct action *next;

	for (struct action *open = device->open; open != NULL; open = next) {
		next = open->open_next;
		if (open->row.status != PAWL_ACTION_VERIFYING || open->row.id > id)
			continue;
		open->row.leaves_rollout = true;
		pawl_fleet_action_cancelled(fleet, open,
		    "the device went on to another release before it proved this one", now);
	}
}

void pawl_fleet_action_finish(
    struct pawl_fleet *fleet, struct action *action, bool unverified, int64_t now)
{
	struct device *device = action->device;
	struct member *member = action->member;
	struct sentence why;

	pawl_fleet_sentence_begin(&why);
	pawl_fleet_sentence_put(&why, "runs ");
	pawl_fleet_sentence_put(&why, action->set->row.product);
	pawl_fleet_sentence_put(&why, " ");
	pawl_fleet_sentence_put(&why, action->set->row.version);
	pawl_fleet_sentence_put(&why, unverified ? ", by its own word alone (unverified success)"
						 : ", proven by its image hash");
	action->row.unverified = unverified;
	close_action(
	    fleet, action, PAWL_ACTION_FINISHED, "finished", pawl_fleet_sentence_end(&why), now);
	device->row.installed_id = action->set->row.id;
	device->row.installed_action_id = action->row.id;
	device->row.installed_at = now;
	pawl_fleet_effect_device(fleet, device);
	drop_overtaken(fleet, device, action->row.id, now);
	if (device->open == NULL)
		pawl_fleet_change_state(fleet, device, PAWL_DEVICE_IDLE, action->row.why, now);
	if (member != NULL) {
		member->rollout->row.unverified_count += unverified;
		pawl_fleet_member_outcome(fleet, member, PAWL_ROLLOUT_HEALTHY, now);
	}
}

void pawl_fleet_action_fail(struct pawl_fleet *fleet, struct action *action,
    pawl_device_state state, const char *why, int64_t now)
{
	struct device *device = action->device;
	struct member *member = action->member;

	close_action(fleet, action, PAWL_ACTION_ERROR, "error", why, now);
	reassign(device);
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_change_state(fleet, device, state, why, now);
	if (member != NULL)
		pawl_fleet_member_outcome(fleet, member, PAWL_ROLLOUT_FAILED, now);
}

void pawl_fleet_action_cancelled(
    struct pawl_fleet *fleet, struct action *action, const char *why, int64_t now)
{
	struct device *device = action->device;
	struct member *member = action->member;

	close_action(fleet, action, PAWL_ACTION_CANCELED, "canceled", why, now);
	reassign(device);
	pawl_fleet_effect_device(fleet, device);
	if (device->open == NULL)
		pawl_fleet_change_state(fleet, device, PAWL_DEVICE_IDLE, why, now);
	if (member == NULL)
		return;
	pawl_fleet_member_outcome(fleet, member, PAWL_ROLLOUT_WITHDRAWN, now);
	if (action->row.leaves_rollout && member->state == PAWL_MEMBER_WAITING)
		pawl_fleet_member_leave(fleet, member, now);
}

void pawl_fleet_action_request_cancel(struct pawl_fleet *fleet, struct action *action,
    bool leaves_rollout, const char *why, int64_t now)
{
	if (leaves_rollout && !action->row.leaves_rollout) {
		action->row.leaves_rollout = true;
		pawl_fleet_effect_action(fleet, action);
	}
	if (!action->row.retrieved) {
		pawl_fleet_action_cancelled(fleet, action, why, now);
		return;
	}
	if (action->row.status == PAWL_ACTION_CANCELING)
		return;
	action->row.status = PAWL_ACTION_CANCELING;
	pawl_fleet_text_set(&action->row.why, pawl_bytes_of(why));
	pawl_fleet_effect_status(fleet, action, "canceling", now, NULL, why);
}

/* --- proving --- */

static bool reports_image(const struct action *action)
{
	const struct pawl_fleet_module *module = pawl_fleet_module_for(action->set, action->device);
	const char *reported = pawl_fleet_attribute_of(action->device, "pawl.image_sha256");

	return module != NULL && reported != NULL && strcmp(reported, module->image_sha256) == 0;
}

bool pawl_fleet_speaks_pawl(const struct device *device)
{
	for (uint32_t i = 0; i < device->row.attribute_count; i++) {
		if (strncmp(device->attributes[i].key, "pawl.", 5) == 0)
			return true;
	}
	return false;
}

void pawl_fleet_action_try_prove(
    struct pawl_fleet *fleet, struct action *action, bool attributes_came, int64_t now)
{
	const bool reports = reports_image(action);

	if (action->row.status == PAWL_ACTION_VERIFYING) {
		if (reports)
			pawl_fleet_action_finish(fleet, action, false, now);
		else if (!pawl_fleet_speaks_pawl(action->device) &&
			 (attributes_came || action->row.claimed_polls >= 3))
			pawl_fleet_action_finish(fleet, action, true, now);
		return;
	}
	if (reports && !action->row.activated && action->row.retrieved) {
		action->row.activated = true;
		pawl_fleet_effect_action(fleet, action);
		pawl_fleet_change_state(fleet, action->device, PAWL_DEVICE_PROBATION,
		    "runs the release's image and has not confirmed it yet", now);
	}
}
