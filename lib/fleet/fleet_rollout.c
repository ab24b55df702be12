/* SPDX-License-Identifier: MIT
 *
 * fleet_rollout.c - hands events to the rollout engine and carries out what
 * it decides; admits devices when they call.
 *
 * A device is admitted when it polls, so that no budget is spent on one that
 * is away, and an action exists only for a device that was admitted. */
#include "fleet_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *log_name_of(pawl_rollout_effect_kind kind)
{
	switch (kind) {
	case PAWL_ROLLOUT_ADMIT: return NULL; /* told by each admission */
	case PAWL_ROLLOUT_WITHDRAW: return "rollout.withdrawn";
	case PAWL_ROLLOUT_CANCEL_OPEN: return NULL; /* told by "halted" */
	case PAWL_ROLLOUT_CANCEL_ALL: return "rollout.stopped";
	case PAWL_ROLLOUT_HALTED: return "rollout.halted";
	case PAWL_ROLLOUT_HELD: return "rollout.held";
	case PAWL_ROLLOUT_STAGE_OPENED: return "rollout.stage_opened";
	case PAWL_ROLLOUT_STRATUM_FINISHED: return "rollout.stratum_finished";
	case PAWL_ROLLOUT_ENDED_PAUSED: return "rollout.paused_by_halt";
	case PAWL_ROLLOUT_ENDED_FINISHED: return "rollout.finished";
	}
	return NULL;
}

static void log_effect(struct pawl_fleet *fleet, const struct rollout *rollout,
    const struct pawl_rollout_effect *effect, int64_t now)
{
	const char *name = log_name_of(effect->kind);
	struct sentence text;

	if (name == NULL)
		return;
	pawl_fleet_sentence_begin(&text);
	pawl_fleet_sentence_put(&text, "rollout=");
	pawl_fleet_sentence_int(&text, rollout->row.id);
	pawl_fleet_sentence_put(&text, " stratum=\"");
	pawl_fleet_sentence_put(&text, rollout->names[effect->stratum]);
	pawl_fleet_sentence_put(&text, "\" why=\"");
	pawl_fleet_sentence_put(&text, effect->why);
	pawl_fleet_sentence_put(&text, "\"");
	pawl_fleet_effect_log(fleet, name, now, pawl_fleet_sentence_end(&text));
}

/* What is not activated in one stratum; or everything that can still be
 * given up, when `all`. A claim is left to be proven. */
static void cancel_open(
    struct pawl_fleet *fleet, struct rollout *rollout, uint64_t strata, bool all, int64_t now)
{
	struct action *next;

	for (struct action *open = rollout->open; open != NULL; open = next) {
		next = open->rollout_next;
		const bool named = (strata >> open->row.stratum & 1) != 0 && !open->row.activated;
		if ((!all && !named) || open->row.status == PAWL_ACTION_VERIFYING)
			continue;
		fleet->visits++;
		pawl_fleet_action_request_cancel(fleet, open, false,
		    all ? "its rollout was stopped" : "its rollout halted", now);
	}
}

pawl_err pawl_fleet_rollout_apply(struct pawl_fleet *fleet, struct rollout *rollout,
    const struct pawl_rollout_event *event, struct pawl_note *note)
{
	size_t count = 0;
	uint64_t strata = 0; /* PAWL_ROLLOUT_STRATA_MAX bits */
	bool all = false;

	PAWL_TRY(pawl_rollout_step(&rollout->row.core, event, fleet->step_effects, &count, note));
	for (size_t i = 0; i < count; i++) {
		const struct pawl_rollout_effect *effect = &fleet->step_effects[i];
		log_effect(fleet, rollout, effect, event->now.ms);
		if (effect->kind == PAWL_ROLLOUT_CANCEL_OPEN)
			strata |= UINT64_C(1) << effect->stratum;
		all = all || effect->kind == PAWL_ROLLOUT_CANCEL_ALL;
	}
	rollout->row.changed_at = event->now.ms;
	pawl_fleet_effect_rollout(fleet, rollout);
	/* Last: cancelling comes back here, and uses step_effects again. */
	if (all || strata != 0)
		cancel_open(fleet, rollout, strata, all, event->now.ms);
	return PAWL_ERR_OK;
}

/* --- members --- */

struct member *pawl_fleet_member_of(const struct device *device, const struct rollout *rollout)
{
	struct member *member = device->members;

	while (member != NULL && member->rollout != rollout)
		member = member->next_of_device;
	return member;
}

static struct pawl_rollout_event event_of(
    const struct member *member, pawl_rollout_event_kind kind, int64_t now)
{
	return (struct pawl_rollout_event){ .kind = kind,
		.now = { now },
		.stratum = member->stratum,
		.stage = member->stage,
		.count = 1 };
}

static pawl_member_state state_after(pawl_rollout_event_kind outcome)
{
	if (outcome == PAWL_ROLLOUT_ADMITTED)
		return PAWL_MEMBER_IN_FLIGHT;
	if (outcome == PAWL_ROLLOUT_HEALTHY)
		return PAWL_MEMBER_HEALTHY;
	return outcome == PAWL_ROLLOUT_FAILED ? PAWL_MEMBER_FAILED : PAWL_MEMBER_WAITING;
}

void pawl_fleet_member_outcome(
    struct pawl_fleet *fleet, struct member *member, pawl_rollout_event_kind outcome, int64_t now)
{
	const struct pawl_rollout_event event = event_of(member, outcome, now);

	member->state = state_after(outcome);
	if (outcome != PAWL_ROLLOUT_ADMITTED)
		member->action = NULL;
	pawl_fleet_effect_member(fleet, member);
	const pawl_err err = pawl_fleet_rollout_apply(fleet, member->rollout, &event, NULL);
	PAWL_ASSERT(err == PAWL_ERR_OK); /* members and counters say the same */
}

void pawl_fleet_member_leave(struct pawl_fleet *fleet, struct member *member, int64_t now)
{
	const struct pawl_rollout_event event = event_of(member, PAWL_ROLLOUT_DEVICE_REMOVED, now);

	PAWL_ASSERT(member->state == PAWL_MEMBER_WAITING);
	member->state = PAWL_MEMBER_LEFT;
	member->rollout->row.left_count++;
	pawl_fleet_effect_member(fleet, member);
	const pawl_err err = pawl_fleet_rollout_apply(fleet, member->rollout, &event, NULL);
	PAWL_ASSERT(err == PAWL_ERR_OK);
}

struct member *pawl_fleet_member_add(struct rollout *rollout, struct device *device,
    uint32_t stratum, uint32_t stage, pawl_member_state state)
{
	struct member *member = pawl_fleet_must_allocate(1, sizeof(*member));
	struct member **slot = &device->members;

	if (rollout->row.member_count == rollout->member_capacity) {
		rollout->member_capacity =
		    rollout->member_capacity == 0 ? 64 : rollout->member_capacity * 2;
		rollout->members = pawl_fleet_must_resize(
		    rollout->members, rollout->member_capacity, sizeof(*rollout->members));
	}
	rollout->members[rollout->row.member_count++] = member;
	rollout->row.left_count += state == PAWL_MEMBER_LEFT;
	while (*slot != NULL && (*slot)->rollout->row.id > rollout->row.id)
		slot = &(*slot)->next_of_device;
	*member = (struct member){ .rollout = rollout,
		.device = device,
		.next_of_device = *slot,
		.order = pawl_fleet_member_order(&rollout->row, device->row.controller_id),
		.stratum = stratum,
		.stage = stage,
		.state = state };
	*slot = member;
	return member;
}

void pawl_fleet_member_drop(struct member *member)
{
	struct rollout *rollout = member->rollout;
	struct member **slot = &member->device->members;
	uint32_t position = 0;

	while (*slot != member)
		slot = &(*slot)->next_of_device;
	*slot = member->next_of_device;
	while (rollout->members[position] != member)
		position++;
	rollout->row.member_count--;
	rollout->row.left_count -= member->state == PAWL_MEMBER_LEFT;
	memmove(&rollout->members[position], &rollout->members[position + 1],
	    (rollout->row.member_count - position) * sizeof(*rollout->members));
	free(member);
}

/* --- admission --- */

static bool has_room(const struct member *member)
{
	const struct pawl_rollout *core = &member->rollout->row.core;

	return core->strata[member->stratum].stage >= member->stage &&
	       pawl_rollout_credit(core, member->stratum) > 0;
}

static bool runs_it_already(const struct member *member)
{
	const struct pawl_fleet_module *module =
	    pawl_fleet_module_for(member->rollout->set, member->device);
	const char *reported = pawl_fleet_attribute_of(member->device, "pawl.image_sha256");

	return module != NULL && reported != NULL && strcmp(module->image_sha256, reported) == 0;
}

/* Gives up what older rollouts began and the device has not activated. True
 * when nothing is open any more. */
static bool clear_the_way(struct pawl_fleet *fleet, const struct member *member, int64_t now)
{
	struct action *next;

	for (struct action *open = member->device->open; open != NULL; open = next) {
		next = open->open_next;
		if (open->rollout != NULL && open->rollout->row.id < member->rollout->row.id &&
		    !open->row.activated)
			pawl_fleet_action_request_cancel(
			    fleet, open, true, "a newer rollout takes its place", now);
	}
	return member->device->open == NULL;
}

static void leave_older(struct pawl_fleet *fleet, const struct member *newest, int64_t now)
{
	for (struct member *older = newest->next_of_device; older != NULL;
	     older = older->next_of_device) {
		if (older->state == PAWL_MEMBER_WAITING &&
		    older->rollout->row.core.state != PAWL_ROLLOUT_STOPPED)
			pawl_fleet_member_leave(fleet, older, now);
	}
}

static void admit(struct pawl_fleet *fleet, struct member *member, int64_t now)
{
	const struct pawl_fleet_rollout *row = &member->rollout->row;

	member->action = pawl_fleet_action_create(
	    fleet, member->device, member->rollout->set, member, row->force, row->force_at, now);
	if (member->action == NULL)
		return; /* no action id is left */
	pawl_fleet_member_outcome(fleet, member, PAWL_ROLLOUT_ADMITTED, now);
	leave_older(fleet, member, now);
}

void pawl_fleet_rollout_admit(struct pawl_fleet *fleet, struct device *device, int64_t now)
{
	/* Newest first: a device gets the release that is current now. */
	for (struct member *member = device->members; member != NULL;
	     member = member->next_of_device) {
		const struct pawl_rollout *core = &member->rollout->row.core;

		fleet->visits++;
		if (member->state != PAWL_MEMBER_WAITING || core->state != PAWL_ROLLOUT_RUNNING ||
		    core->strata[member->stratum].state == PAWL_STRATUM_HALTED)
			continue;
		if (pawl_fleet_unfit(device, member->rollout->set) != NULL ||
		    (device->open == NULL && runs_it_already(member))) {
			pawl_fleet_member_leave(fleet, member, now);
			continue;
		}
		if (has_room(member) && clear_the_way(fleet, member, now))
			admit(fleet, member, now);
		return;
	}
}

/* --- what operators do --- */

static pawl_fleet_result operate(struct pawl_fleet *fleet, uint32_t rollout_id,
    pawl_rollout_event_kind kind, const char *log_name, struct pawl_wall now,
    struct pawl_note *note)
{
	struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, rollout_id);
	const struct pawl_rollout_event event = { .kind = kind, .now = now };
	struct sentence text;

	if (rollout == NULL)
		return PAWL_FLEET_NOT_FOUND;
	if (pawl_fleet_rollout_apply(fleet, rollout, &event, note) != PAWL_ERR_OK)
		return PAWL_FLEET_CONFLICT;
	if (kind == PAWL_ROLLOUT_START)
		rollout->row.started_at = now.ms;
	if (kind == PAWL_ROLLOUT_RESUME) {
		rollout->row.resumed_at = now.ms;
		rollout->resumed_at = pawl_fleet_clock(fleet, now.ms);
	}
	pawl_fleet_sentence_begin(&text);
	pawl_fleet_sentence_put(&text, "rollout=");
	pawl_fleet_sentence_int(&text, rollout->row.id);
	pawl_fleet_effect_log(fleet, log_name, now.ms, pawl_fleet_sentence_end(&text));
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_rollout_start(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note)
{
	return operate(fleet, rollout_id, PAWL_ROLLOUT_START, "rollout.start", now, reterr_note);
}

pawl_fleet_result pawl_fleet_rollout_pause(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note)
{
	return operate(fleet, rollout_id, PAWL_ROLLOUT_PAUSE, "rollout.pause", now, reterr_note);
}

pawl_fleet_result pawl_fleet_rollout_resume(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note)
{
	return operate(fleet, rollout_id, PAWL_ROLLOUT_RESUME, "rollout.resume", now, reterr_note);
}

pawl_fleet_result pawl_fleet_rollout_stop(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note)
{
	return operate(fleet, rollout_id, PAWL_ROLLOUT_STOP, "rollout.stop", now, reterr_note);
}
