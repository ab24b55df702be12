/* SPDX-License-Identifier: MIT
 *
 * fleet_load.c - from stored rows to a running fleet.
 *
 * Rows are hostile input like any other: each is checked by itself and against
 * what is there. What a refused row leaves open is mended in load_done. */
#include "fleet_internal.h"

#include "pawl/text.h"

#include <stdlib.h>
#include <string.h>

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void pawl_fleet_load_counters(struct pawl_fleet *fleet, const struct pawl_fleet_counters *counters)
{
	struct pawl_fleet_counters *mine = &fleet->counters;

	mine->device = max_of(mine->device, counters->device);
	mine->distribution_set = max_of(mine->distribution_set, counters->distribution_set);
	mine->module = max_of(mine->module, counters->module);
	mine->action = max_of(mine->action, counters->action);
	mine->rollout = max_of(mine->rollout, counters->rollout);
}

static pawl_err refuse(
    struct pawl_note *note, pawl_err err, const char *kind, uint32_t id, const char *what)
{
	pawl_note_add(note, kind);
	pawl_note_add(note, " ");
	pawl_note_add_int(note, id);
	pawl_note_add(note, ": ");
	pawl_note_add(note, what);
	return err;
}

pawl_err pawl_fleet_load_distribution_set(struct pawl_fleet *fleet,
    const struct pawl_fleet_distribution_set *row, struct pawl_note *reterr_note)
{
	const char *kind = "distribution set";
	const char *fault = pawl_fleet_set_fault(row);

	if (row->id == 0 || fault != NULL)
		return refuse(reterr_note, PAWL_ERR_CORRUPT, kind, row->id,
		    fault == NULL ? "wrong id" : fault);
	if (pawl_fleet_set_by_id(fleet, row->id) != NULL)
		return refuse(reterr_note, PAWL_ERR_EXISTS, kind, row->id, "its id is taken");
	for (uint32_t i = 0; i < row->module_count; i++) {
		bool taken = row->modules[i].id == 0 ||
			     pawl_fleet_id_map_get(&fleet->modules, row->modules[i].id) != NULL;
		for (uint32_t k = 0; k < i; k++)
			taken = taken || row->modules[k].id == row->modules[i].id;
		if (taken)
			return refuse(
			    reterr_note, PAWL_ERR_EXISTS, kind, row->id, "a module's id is taken");
	}
	struct set *set = pawl_fleet_set_copy(row);
	pawl_fleet_set_link(fleet, set);
	fleet->counters.distribution_set = max_of(fleet->counters.distribution_set, row->id);
	for (uint32_t i = 0; i < row->module_count; i++)
		fleet->counters.module = max_of(fleet->counters.module, set->modules[i].id);
	return PAWL_ERR_OK;
}

static const char *device_fault(const struct pawl_fleet_device *row)
{
	if (row->id == 0)
		return "wrong id";
	if (!pawl_name_is_valid(pawl_bytes_of(row->controller_id), PAWL_DEVICE_ID_MAX))
		return "wrong controllerId";
	if (strlen(row->name) > PAWL_FLEET_NAME_MAX ||
	    strlen(row->description) > PAWL_FLEET_DESCRIPTION_MAX ||
	    strlen(row->product) > PAWL_PRODUCT_MAX ||
	    strlen(row->hardware_class) > PAWL_HW_CLASS_MAX ||
	    strlen(row->group) > PAWL_GROUP_MAX || strlen(row->address) > PAWL_FLEET_ADDRESS_MAX ||
	    strlen(row->why) > PAWL_REASON_MAX)
		return "a text is too long";
	if ((unsigned)row->state > PAWL_DEVICE_REFUSED)
		return "wrong state";
	if ((unsigned)row->enrolment > PAWL_ENROLMENT_REVOKED)
		return "wrong enrolment";
	return NULL;
}

pawl_err pawl_fleet_load_device(
    struct pawl_fleet *fleet, const struct pawl_fleet_device *row, struct pawl_note *reterr_note)
{
	const char *fault = device_fault(row);

	if (fault != NULL)
		return refuse(reterr_note, PAWL_ERR_CORRUPT, "device", row->id, fault);
	if (pawl_fleet_id_map_get(&fleet->devices, row->id) != NULL ||
	    pawl_fleet_find_device(fleet, pawl_bytes_of(row->controller_id)) != NULL)
		return refuse(reterr_note, PAWL_ERR_EXISTS, "device", row->id,
		    "its id or controllerId is taken");
	if (fleet->device_count >= fleet->settings.devices_max)
		return refuse(reterr_note, PAWL_ERR_RANGE, "device", row->id, "too many devices");
	struct device *device = pawl_fleet_must_allocate(1, sizeof(*device));
	device->row = *row;
	device->row.controller_id = pawl_fleet_text_copy(pawl_bytes_of(row->controller_id));
	device->row.name = pawl_fleet_text_copy(pawl_bytes_of(row->name));
	device->row.description = pawl_fleet_text_copy(pawl_bytes_of(row->description));
	device->row.product = pawl_fleet_text_copy(pawl_bytes_of(row->product));
	device->row.hardware_class = pawl_fleet_text_copy(pawl_bytes_of(row->hardware_class));
	device->row.group = pawl_fleet_text_copy(pawl_bytes_of(row->group));
	device->row.address = pawl_fleet_text_copy(pawl_bytes_of(row->address));
	device->row.why = pawl_fleet_text_copy(pawl_bytes_of(row->why));
	device->row.attribute_count = 0;
	device->row.attributes = NULL;
	pawl_fleet_device_link(fleet, device);
	fleet->counters.device = max_of(fleet->counters.device, row->id);
	return PAWL_ERR_OK;
}

pawl_err pawl_fleet_load_attribute(struct pawl_fleet *fleet, uint32_t device_id, const char *key,
    const char *value, struct pawl_note *reterr_note)
{
	struct device *device = pawl_fleet_id_map_get(&fleet->devices, device_id);

	if (device == NULL)
		return refuse(reterr_note, PAWL_ERR_NOT_FOUND, "attribute of device", device_id,
		    "there is no such device");
	if (strlen(key) == 0 || strlen(key) > PAWL_ATTRIBUTE_KEY_MAX ||
	    strlen(value) > PAWL_ATTRIBUTE_VALUE_MAX)
		return refuse(reterr_note, PAWL_ERR_CORRUPT, "attribute of device", device_id,
		    "a text is too long");
	if (pawl_fleet_attribute_of(device, key) != NULL)
		return refuse(reterr_note, PAWL_ERR_EXISTS, "attribute of device", device_id,
		    "it is there already");
	uint32_t at = device->row.attribute_count;
	if (at >= PAWL_ATTRIBUTES_MAX)
		return refuse(reterr_note, PAWL_ERR_RANGE, "attribute of device", device_id,
		    "too many attributes");
	device->attributes =
	    pawl_fleet_must_resize(device->attributes, at + 1, sizeof(*device->attributes));
	for (; at > 0 && strcmp(device->attributes[at - 1].key, key) > 0; at--)
		device->attributes[at] = device->attributes[at - 1];
	device->attributes[at] =
	    (struct pawl_fleet_attribute){ pawl_fleet_text_copy(pawl_bytes_of(key)),
		    pawl_fleet_text_copy(pawl_bytes_of(value)) };
	device->row.attributes = device->attributes;
	device->row.attribute_count++;
	return PAWL_ERR_OK;
}

pawl_err pawl_fleet_load_member(
    struct pawl_fleet *fleet, const struct pawl_fleet_member *row, struct pawl_note *reterr_note)
{
	const char *kind = "member, device";
	struct device *device = pawl_fleet_id_map_get(&fleet->devices, row->device_id);
	struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, row->rollout_id);

	if (device == NULL || rollout == NULL)
		return refuse(reterr_note, PAWL_ERR_NOT_FOUND, kind, row->device_id,
		    "its device or rollout is not there");
	if ((unsigned)row->state > PAWL_MEMBER_LEFT ||
	    row->stratum >= rollout->row.core.stratum_count ||
	    row->stage >= rollout->row.core.settings.stage_count)
		return refuse(reterr_note, PAWL_ERR_CORRUPT, kind, row->device_id,
		    "wrong state, stratum or stage");
	if (pawl_fleet_member_of(device, rollout) != NULL)
		return refuse(
		    reterr_note, PAWL_ERR_EXISTS, kind, row->device_id, "it is there already");
	pawl_fleet_member_add(rollout, device, row->stratum, row->stage, row->state);
	return PAWL_ERR_OK;
}

static const char *action_fault(const struct pawl_fleet_action *row, const struct rollout *rollout)
{
	const bool closed = row->status >= PAWL_ACTION_FINISHED;

	if (row->id < PAWL_FLEET_ACTION_ID_MIN || row->id > INT32_MAX ||
	    pawl_fleet_action_id_is_ambiguous(row->id))
		return "wrong id";
	if ((unsigned)row->status > PAWL_ACTION_CANCELED || closed != (row->closed_at != 0))
		return "wrong status";
	if ((unsigned)row->force > PAWL_FORCE_DOWNLOADONLY)
		return "wrong force type";
	if (rollout != NULL && (row->stratum >= rollout->row.core.stratum_count ||
				   row->stage >= rollout->row.core.settings.stage_count))
		return "wrong stratum or stage";
	if (strlen(row->why) > PAWL_REASON_MAX)
		return "a text is too long";
	return NULL;
}

pawl_err pawl_fleet_load_action(
    struct pawl_fleet *fleet, const struct pawl_fleet_action *row, struct pawl_note *reterr_note)
{
	struct device *device = pawl_fleet_id_map_get(&fleet->devices, row->device_id);
	struct set *set = pawl_fleet_set_by_id(fleet, row->distribution_set_id);
	struct rollout *rollout =
	    row->rollout_id == 0 ? NULL : pawl_fleet_rollout_by_id(fleet, row->rollout_id);

	if (device == NULL || set == NULL || (row->rollout_id != 0 && rollout == NULL))
		return refuse(reterr_note, PAWL_ERR_NOT_FOUND, "action", row->id,
		    "its device, distribution set or rollout is not there");
	const char *fault = action_fault(row, rollout);
	if (fault != NULL)
		return refuse(reterr_note, PAWL_ERR_CORRUPT, "action", row->id, fault);
	if (pawl_fleet_id_map_get(&fleet->actions, row->id) != NULL)
		return refuse(reterr_note, PAWL_ERR_EXISTS, "action", row->id, "its id is taken");
	struct action *action = pawl_fleet_must_allocate(1, sizeof(*action));
	action->row = *row;
	action->row.why = pawl_fleet_text_copy(pawl_bytes_of(row->why));
	action->device = device;
	action->set = set;
	action->rollout = rollout;
	pawl_fleet_action_link(fleet, action);
	fleet->counters.action = max_of(fleet->counters.action, row->id);
	if (rollout != NULL && pawl_fleet_action_is_open(action)) {
		struct member *member = pawl_fleet_member_of(device, rollout);
		if (member != NULL && member->state == PAWL_MEMBER_IN_FLIGHT &&
		    member->action == NULL && member->stratum == row->stratum &&
		    member->stage == row->stage) {
			member->action = action;
			action->member = member;
		}
	}
	return PAWL_ERR_OK;
}

/* --- after the last row --- */

static void log_mended(
    struct pawl_fleet *fleet, const struct rollout *rollout, const char *what, int64_t now)
{
	struct sentence text;

	pawl_fleet_sentence_begin(&text);
	pawl_fleet_sentence_put(&text, "rollout=");
	pawl_fleet_sentence_int(&text, rollout->row.id);
	pawl_fleet_sentence_put(&text, " what=\"");
	pawl_fleet_sentence_put(&text, what);
	pawl_fleet_sentence_put(&text, "\"");
	pawl_fleet_effect_log(fleet, "load.mended", now, pawl_fleet_sentence_end(&text));
}

/* Healthy and failed come from the rollout's record, since they outlive
 * removed devices; who is in flight and who waits comes from the members. */
static bool recount(struct pawl_fleet *fleet, struct rollout *rollout, int64_t now)
{
	struct pawl_rollout *core = &rollout->row.core;
	const uint32_t stages = core->settings.stage_count;
	struct pawl_rollout_count *fresh =
	    pawl_fleet_must_allocate((size_t)core->stratum_count * stages, sizeof(*fresh));
	bool mended = false;

	for (uint32_t i = 0; i < rollout->row.member_count; i++) {
		struct member *member = rollout->members[i];
		if (member->state == PAWL_MEMBER_IN_FLIGHT && member->action == NULL) {
			member->state = PAWL_MEMBER_WAITING;
			pawl_fleet_effect_member(fleet, member);
			log_mended(fleet, rollout,
			    "a device in flight without an action waits again", now);
			mended = true;
		}
		struct pawl_rollout_count *count = &fresh[member->stratum * stages + member->stage];
		count->in_flight += member->state == PAWL_MEMBER_IN_FLIGHT;
		count->size +=
		    member->state == PAWL_MEMBER_IN_FLIGHT || member->state == PAWL_MEMBER_WAITING;
	}
	for (uint32_t stratum = 0; stratum < core->stratum_count; stratum++) {
		for (uint32_t stage = 0; stage < stages; stage++) {
			struct pawl_rollout_count *count = &core->strata[stratum].count[stage];
			const struct pawl_rollout_count *members = &fresh[stratum * stages + stage];
			const uint32_t size = members->size + count->healthy + count->failed;
			if (count->size != size || count->in_flight != members->in_flight) {
				log_mended(
				    fleet, rollout, "its counters did not match its devices", now);
				mended = true;
			}
			count->size = size;
			count->in_flight = members->in_flight;
		}
	}
	free(fresh);
	pawl_rollout_recount(core);
	return mended;
}

/* A stored time as one of the fleet clock; none lies in the future. */
static int64_t on_clock(int64_t stored, struct pawl_wall now)
{
	return now.ms > 0 && stored > now.ms ? now.ms : stored;
}

static void set_clocks(struct pawl_fleet *fleet, struct pawl_wall now)
{
	fleet->started_at = now.ms;
	fleet->clock = now.ms;
	fleet->wall = now.ms;
	for (uint32_t i = 0; i < fleet->rollout_count; i++)
		fleet->rollouts[i]->resumed_at = on_clock(fleet->rollouts[i]->row.resumed_at, now);
	for (uint32_t i = 0; i < fleet->device_count; i++) {
		struct device *device = fleet->sorted[i];
		device->heard_at = on_clock(device->row.last_request_at, now);
		for (struct action *open = device->open; open != NULL; open = open->open_next) {
			const struct pawl_fleet_action *row = &open->row;
			open->watched_from = on_clock(
			    row->claimed_at > row->created_at ? row->claimed_at : row->created_at,
			    now);
			pawl_fleet_action_watch(fleet, open);
		}
	}
}

void pawl_fleet_load_done(struct pawl_fleet *fleet, struct pawl_wall now)
{
	set_clocks(fleet, now);
	for (uint32_t i = 0; i < fleet->rollout_count; i++) {
		struct rollout *rollout = fleet->rollouts[i];
		pawl_fleet_members_sort(rollout);
		if (!recount(fleet, rollout, now.ms))
			continue;
		const struct pawl_rollout_event event = { .kind = PAWL_ROLLOUT_TICK, .now = now };
		const pawl_err err = pawl_fleet_rollout_apply(fleet, rollout, &event, NULL);
		PAWL_ASSERT(err == PAWL_ERR_OK);
	}
}
