/* SPDX-License-Identifier: MIT
 *
 * fleet_look.c - accessors, lists, and the sentences for operators. */
#include "fleet_internal.h"

#include <stdlib.h>
#include <string.h>

const struct pawl_fleet_device *pawl_fleet_device(const struct pawl_fleet *fleet, uint32_t id)
{
	const struct device *device = pawl_fleet_id_map_get(&fleet->devices, id);

	return device == NULL ? NULL : &device->row;
}

const struct pawl_fleet_device *pawl_fleet_device_by_name(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id)
{
	const struct device *device = pawl_fleet_find_device(fleet, controller_id);

	return device == NULL ? NULL : &device->row;
}

const struct pawl_fleet_distribution_set *pawl_fleet_distribution_set(
    const struct pawl_fleet *fleet, uint32_t id)
{
	const struct set *set = pawl_fleet_set_by_id(fleet, id);

	return set == NULL ? NULL : &set->row;
}

const struct pawl_fleet_module *pawl_fleet_module(
    const struct pawl_fleet *fleet, uint32_t id, const struct pawl_fleet_distribution_set **ret_set)
{
	const struct set *set = pawl_fleet_id_map_get(&fleet->modules, id);

	if (set == NULL)
		return NULL;
	for (uint32_t i = 0; i < set->row.module_count; i++) {
		if (set->modules[i].id != id)
			continue;
		if (ret_set != NULL)
			*ret_set = &set->row;
		return &set->modules[i];
	}
	return NULL;
}

const struct pawl_fleet_action *pawl_fleet_action(const struct pawl_fleet *fleet, uint32_t id)
{
	const struct action *action = pawl_fleet_id_map_get(&fleet->actions, id);

	return action == NULL ? NULL : &action->row;
}

const struct pawl_fleet_rollout *pawl_fleet_rollout(const struct pawl_fleet *fleet, uint32_t id)
{
	const struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, id);

	return rollout == NULL ? NULL : &rollout->row;
}

const struct pawl_fleet_action *pawl_fleet_newest_action(
    const struct pawl_fleet *fleet, uint32_t device_id)
{
	const struct device *device = pawl_fleet_id_map_get(&fleet->devices, device_id);

	return device == NULL || device->newest == NULL ? NULL : &device->newest->row;
}

const struct pawl_fleet_action *pawl_fleet_older_action(
    const struct pawl_fleet *fleet, const struct pawl_fleet_action *action)
{
	const struct action *known = pawl_fleet_id_map_get(&fleet->actions, action->id);

	return known == NULL || known->older == NULL ? NULL : &known->older->row;
}

uint32_t pawl_fleet_device_count(const struct pawl_fleet *fleet)
{
	return fleet->device_count;
}

uint32_t pawl_fleet_distribution_set_count(const struct pawl_fleet *fleet)
{
	return fleet->set_count;
}

uint32_t pawl_fleet_rollout_count(const struct pawl_fleet *fleet)
{
	return fleet->rollout_count;
}

const struct pawl_fleet_distribution_set *pawl_fleet_distribution_set_at(
    const struct pawl_fleet *fleet, uint32_t position)
{
	return position < fleet->set_count ? &fleet->sets[position]->row : NULL;
}

const struct pawl_fleet_rollout *pawl_fleet_rollout_at(
    const struct pawl_fleet *fleet, uint32_t position)
{
	return position < fleet->rollout_count ? &fleet->rollouts[position]->row : NULL;
}

uint32_t pawl_fleet_state_count(const struct pawl_fleet *fleet, pawl_device_state state)
{
	return fleet->state_count[state];
}

uint64_t pawl_fleet_visits(const struct pawl_fleet *fleet)
{
	return fleet->visits;
}

static struct pawl_fleet_member member_row(const struct member *member)
{
	return (struct pawl_fleet_member){ .rollout_id = member->rollout->row.id,
		.device_id = member->device->row.id,
		.stratum = member->stratum,
		.stage = member->stage,
		.state = member->state };
}

uint32_t pawl_fleet_members(const struct pawl_fleet *fleet, uint32_t rollout_id, uint32_t position,
    uint32_t capacity, struct pawl_fleet_member *ret_members)
{
	const struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, rollout_id);
	uint32_t written = 0;

	if (rollout == NULL)
		return 0;
	while (written < capacity && position < rollout->row.member_count)
		ret_members[written++] = member_row(rollout->members[position++]);
	return written;
}

bool pawl_fleet_member(const struct pawl_fleet *fleet, uint32_t rollout_id, uint32_t device_id,
    struct pawl_fleet_member *ret_member)
{
	const struct device *device = pawl_fleet_id_map_get(&fleet->devices, device_id);
	const struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, rollout_id);
	const struct member *member =
	    device == NULL || rollout == NULL ? NULL : pawl_fleet_member_of(device, rollout);

	if (member == NULL)
		return false;
	*ret_member = member_row(member);
	return true;
}

static bool rollout_has_ended(const struct rollout *rollout)
{
	return rollout->row.core.state == PAWL_ROLLOUT_FINISHED ||
	       rollout->row.core.state == PAWL_ROLLOUT_STOPPED;
}

/* In flight first, else the newest rollout that it waits for. */
static const struct member *current_member(const struct device *device)
{
	const struct member *waiting = NULL;

	for (const struct member *member = device->members; member != NULL;
	     member = member->next_of_device) {
		if (member->state == PAWL_MEMBER_IN_FLIGHT)
			return member;
		if (member->state == PAWL_MEMBER_WAITING && waiting == NULL &&
		    !rollout_has_ended(member->rollout))
			waiting = member;
	}
	return waiting;
}

uint32_t pawl_fleet_device_rollout(const struct pawl_fleet *fleet, uint32_t device_id)
{
	const struct device *device = pawl_fleet_id_map_get(&fleet->devices, device_id);
	const struct member *member = device == NULL ? NULL : current_member(device);

	return member == NULL ? 0 : member->rollout->row.id;
}

/* --- lists --- */

static int by_controller_id(const void *a, const void *b)
{
	const struct device *const *one = a;
	const struct device *const *two = b;

	return strcmp((*one)->row.controller_id, (*two)->row.controller_id);
}

size_t pawl_fleet_devices(struct pawl_fleet *fleet, const struct pawl_fleet_filter *filter,
    size_t offset, size_t capacity, uint32_t *ret_ids, size_t *ret_total)
{
	size_t written = 0;
	size_t matched = 0;

	if (fleet->sorted_count < fleet->device_count) {
		qsort(fleet->sorted, fleet->device_count, sizeof(*fleet->sorted), by_controller_id);
		fleet->sorted_count = fleet->device_count;
	}
	if (filter == NULL || filter->term_count == 0) {
		while (written < capacity && offset < fleet->device_count)
			ret_ids[written++] = fleet->sorted[offset++]->row.id;
		*ret_total = fleet->device_count;
		return written;
	}
	for (uint32_t i = 0; i < fleet->device_count; i++) {
		if (!pawl_fleet_filter_match(filter, &fleet->sorted[i]->row))
			continue;
		if (matched >= offset && written < capacity)
			ret_ids[written++] = fleet->sorted[i]->row.id;
		matched++;
	}
	*ret_total = matched;
	return written;
}

/* --- sentences --- */

/* What the stratum does, for sentences that do not repeat it. */
static const char *prefix_of(pawl_rollout_rule rule)
{
	if (rule == PAWL_RULE_STAYS_HALTED || rule == PAWL_RULE_STAYS_OUT_OF_BUDGET)
		return "halted: ";
	if (rule == PAWL_RULE_HELD)
		return "held: ";
	return rule == PAWL_RULE_ALL_DONE ? "finished: " : "";
}

static void put_stratum_why(struct sentence *text, const struct rollout *rollout, uint32_t stratum)
{
	char why[PAWL_ROLLOUT_WHY_SIZE];

	pawl_rollout_stratum_why(&rollout->row.core, stratum, why);
	if (rollout->row.strata_kind == PAWL_STRATA_HARDWARE_CLASS) {
		pawl_fleet_sentence_put(text, rollout->names[stratum]);
		pawl_fleet_sentence_put(text, ": ");
	}
	pawl_fleet_sentence_put(text, prefix_of(pawl_rollout_rule_of(&rollout->row.core, stratum)));
	pawl_fleet_sentence_put(text, why);
}

/* `rollout "v2"` and why it does not go on for the device, or how it does. */
static void put_rollout_for(
    struct sentence *text, const struct rollout *rollout, uint32_t stratum, uint32_t stage)
{
	const struct pawl_rollout *core = &rollout->row.core;
	const struct pawl_rollout_stratum *counts = &core->strata[stratum];
	const bool halted = counts->state == PAWL_STRATUM_HALTED;

	pawl_fleet_sentence_put(text, "rollout \"");
	pawl_fleet_sentence_put(text, rollout->row.name);
	if (core->state == PAWL_ROLLOUT_PAUSED && !halted) {
		pawl_fleet_sentence_put(text, "\", which is paused by an operator");
		return;
	}
	pawl_fleet_sentence_put(text, "\": ");
	if (core->state == PAWL_ROLLOUT_RUNNING && stage > counts->stage && !halted) {
		pawl_fleet_sentence_put(text, "it is in stage ");
		pawl_fleet_sentence_int(text, (int64_t)stage + 1);
		pawl_fleet_sentence_put(text, ", which is not open yet; ");
	}
	put_stratum_why(text, rollout, stratum);
}

static void put_cancelling(struct sentence *text, const struct action *action)
{
	pawl_fleet_sentence_put(text, "was asked to give ");
	pawl_fleet_sentence_put(text, action->set->row.product);
	pawl_fleet_sentence_put(text, " ");
	pawl_fleet_sentence_put(text, action->set->row.version);
	pawl_fleet_sentence_put(text, " up (");
	pawl_fleet_sentence_put(text, action->row.why);
	pawl_fleet_sentence_put(text, ") and has not answered yet");
}

static void put_device_why(struct sentence *text, const struct device *device)
{
	const struct member *member = current_member(device);

	for (const struct action *open = device->open; open != NULL; open = open->open_next) {
		if (open->row.status == PAWL_ACTION_CANCELING) {
			put_cancelling(text, open);
			return;
		}
	}
	if (device->open != NULL && pawl_fleet_action_is_withheld(device->open)) {
		pawl_fleet_sentence_put(text, "the offer is withheld by ");
		put_rollout_for(text, device->open->rollout, device->open->row.stratum,
		    device->open->row.stage);
		return;
	}
	pawl_fleet_sentence_put(text, device->row.why);
	if (device->open == NULL && member != NULL) {
		pawl_fleet_sentence_put(text, device->row.why[0] == '\0' ? "" : "; ");
		pawl_fleet_sentence_put(text, "waits for ");
		put_rollout_for(text, member->rollout, member->stratum, member->stage);
	}
}

void pawl_fleet_device_why(
    const struct pawl_fleet *fleet, uint32_t device_id, char ret_why[PAWL_REASON_MAX + 1])
{
	const struct device *device = pawl_fleet_id_map_get(&fleet->devices, device_id);
	struct sentence text;

	pawl_fleet_sentence_begin(&text);
	if (device != NULL)
		put_device_why(&text, device);
	const char *why = pawl_fleet_sentence_end(&text);
	memcpy(ret_why, why, strlen(why) + 1);
}

/* The stratum whose sentence says most: halted, then held, then unfinished. */
static uint32_t telling_stratum(const struct pawl_rollout *core)
{
	static const pawl_stratum_state order[] = { PAWL_STRATUM_HALTED, PAWL_STRATUM_HELD,
		PAWL_STRATUM_RUNNING };

	for (size_t wanted = 0; wanted < sizeof(order) / sizeof(order[0]); wanted++) {
		for (uint32_t i = 0; i < core->stratum_count; i++) {
			if (core->strata[i].state == order[wanted])
				return i;
		}
	}
	return 0;
}

static void put_totals(struct sentence *text, const struct pawl_rollout *core, bool is_over)
{
	int64_t size = 0;
	int64_t healthy = 0;
	int64_t in_flight = 0;
	int64_t failed = 0;

	for (uint32_t i = 0; i < core->stratum_count; i++) {
		size += core->strata[i].total.size;
		healthy += core->strata[i].total.healthy;
		in_flight += core->strata[i].total.in_flight;
		failed += core->strata[i].total.failed;
	}
	pawl_fleet_sentence_int(text, healthy);
	pawl_fleet_sentence_put(text, " of ");
	pawl_fleet_sentence_int(text, size);
	pawl_fleet_sentence_put(text, " devices healthy, ");
	if (!is_over) {
		pawl_fleet_sentence_int(text, in_flight);
		pawl_fleet_sentence_put(text, " in flight, ");
	}
	pawl_fleet_sentence_int(text, failed);
	pawl_fleet_sentence_put(text, " failed");
}

/* A device that goes on calling but never comes to an end is in flight for as
 * long as it likes; the name tells an operator where to look. */
static void put_slowest(struct sentence *text, const struct rollout *rollout, uint32_t stratum)
{
	const pawl_rollout_rule rule = pawl_rollout_rule_of(&rollout->row.core, stratum);
	const struct action *slowest = NULL;

	for (const struct action *open = rollout->open; open != NULL; open = open->rollout_next) {
		if (open->row.stratum == stratum &&
		    (slowest == NULL || open->row.id < slowest->row.id))
			slowest = open;
	}
	if (slowest == NULL || (rule != PAWL_RULE_HELD && rule != PAWL_RULE_AWAITS_PROOF))
		return;
	pawl_fleet_sentence_put(text, "; longest in flight: ");
	pawl_fleet_sentence_put(text, slowest->device->row.controller_id);
}

/* Paused by a person when a stratum could go on; else because all halted. */
static void put_unfinished(struct sentence *text, const struct rollout *rollout)
{
	const struct pawl_rollout *core = &rollout->row.core;
	const uint32_t telling = telling_stratum(core);
	bool could_go_on = false;

	for (uint32_t i = 0; i < core->stratum_count; i++)
		could_go_on = could_go_on || core->strata[i].state == PAWL_STRATUM_RUNNING ||
			      core->strata[i].state == PAWL_STRATUM_HELD;
	if (core->state == PAWL_ROLLOUT_PAUSED && could_go_on) {
		pawl_fleet_sentence_put(text, "paused by an operator: ");
		put_totals(text, core, false);
		if (core->strata[telling].state != PAWL_STRATUM_HALTED)
			return;
		pawl_fleet_sentence_put(text, "; ");
	}
	put_stratum_why(text, rollout, telling);
	put_slowest(text, rollout, telling);
}

void pawl_fleet_rollout_why(
    const struct pawl_fleet *fleet, uint32_t rollout_id, char ret_why[PAWL_REASON_MAX + 1])
{
	const struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, rollout_id);
	struct sentence text;

	pawl_fleet_sentence_begin(&text);
	if (rollout != NULL) {
		switch (rollout->row.core.state) {
		case PAWL_ROLLOUT_READY: pawl_fleet_sentence_put(&text, "not started yet"); break;
		case PAWL_ROLLOUT_FINISHED:
			pawl_fleet_sentence_put(&text, "finished: ");
			put_totals(&text, &rollout->row.core, true);
			break;
		case PAWL_ROLLOUT_STOPPED:
			pawl_fleet_sentence_put(&text, "stopped by an operator: ");
			put_totals(&text, &rollout->row.core, false);
			break;
		case PAWL_ROLLOUT_RUNNING:
		case PAWL_ROLLOUT_PAUSED: put_unfinished(&text, rollout); break;
		}
		if (rollout->row.unverified_count > 0) {
			pawl_fleet_sentence_put(&text, "; ");
			pawl_fleet_sentence_int(&text, rollout->row.unverified_count);
			pawl_fleet_sentence_put(
			    &text, " of the healthy ones on their own word alone");
		}
	}
	const char *why = pawl_fleet_sentence_end(&text);
	memcpy(ret_why, why, strlen(why) + 1);
}

struct pawl_fleet_rollout_totals pawl_fleet_rollout_totals(
    const struct pawl_fleet *fleet, uint32_t rollout_id)
{
	const struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, rollout_id);
	struct pawl_fleet_rollout_totals totals = { 0 };
	uint32_t size = 0;

	if (rollout == NULL)
		return totals;
	for (uint32_t i = 0; i < rollout->row.core.stratum_count; i++) {
		const struct pawl_rollout_count *count = &rollout->row.core.strata[i].total;
		size += count->size;
		totals.running += count->in_flight;
		totals.finished += count->healthy;
		totals.error += count->failed;
	}
	totals.not_started = size - totals.running - totals.finished - totals.error;
	totals.cancelled = rollout->row.left_count;
	return totals;
}
