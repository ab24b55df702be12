/* SPDX-License-Identifier: MIT
 *
 * fleet_assign.c - releases, and what operators do with single devices. */
#include "fleet_internal.h"

#include "pawl/text.h"

#include <stdlib.h>
#include <string.h>

/* --- releases --- */

static bool is_hex(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const char c = text[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return text[size] == '\0';
}

static bool ends(const char *text, size_t capacity)
{
	return memchr(text, 0, capacity) != NULL;
}

static const char *module_fault(const struct pawl_fleet_module *module)
{
	if (!ends(module->hardware_class, sizeof(module->hardware_class)) ||
	    !pawl_name_is_valid(pawl_bytes_of(module->hardware_class), PAWL_HW_CLASS_MAX))
		return "hardware class";
	if (!ends(module->file_name, sizeof(module->file_name)) || module->file_name[0] == '\0')
		return "file name";
	if (!ends(module->target_path, sizeof(module->target_path)))
		return "target path";
	if (module->size > INT64_MAX)
		return "size";
	if (!is_hex(module->sha256, 64) || !is_hex(module->sha1, 40) || !is_hex(module->md5, 32) ||
	    !is_hex(module->image_sha256, 64))
		return "hash";
	return NULL;
}

const char *pawl_fleet_set_fault(const struct pawl_fleet_distribution_set *set)
{
	if (!ends(set->product, sizeof(set->product)) ||
	    !pawl_name_is_valid(pawl_bytes_of(set->product), PAWL_PRODUCT_MAX))
		return "product";
	if (!ends(set->version, sizeof(set->version)) ||
	    !pawl_version_is_valid(pawl_bytes_of(set->version)))
		return "version";
	if (set->seq > INT64_MAX || set->sec > INT32_MAX)
		return "seq or sec";
	if (set->module_count == 0 || set->module_count > PAWL_FLEET_MODULES_MAX)
		return "number of modules";
	for (uint32_t i = 0; i < set->module_count; i++) {
		const char *fault = module_fault(&set->modules[i]);
		if (fault != NULL)
			return fault;
		for (uint32_t k = 0; k < i; k++) {
			if (strcmp(set->modules[i].hardware_class,
				set->modules[k].hardware_class) == 0)
				return "hardware class (two modules for one)";
		}
	}
	return NULL;
}

struct set *pawl_fleet_set_copy(const struct pawl_fleet_distribution_set *row)
{
	struct set *set = pawl_fleet_must_allocate(1, sizeof(*set));

	set->modules = pawl_fleet_must_allocate(row->module_count, sizeof(*set->modules));
	memcpy(set->modules, row->modules, row->module_count * sizeof(*set->modules));
	set->row = *row;
	set->row.modules = set->modules;
	return set;
}

static bool modules_equal(const struct pawl_fleet_module *a, const struct pawl_fleet_module *b)
{
	return strcmp(a->hardware_class, b->hardware_class) == 0 &&
	       strcmp(a->file_name, b->file_name) == 0 &&
	       strcmp(a->target_path, b->target_path) == 0 && a->size == b->size &&
	       strcmp(a->sha256, b->sha256) == 0 && strcmp(a->image_sha256, b->image_sha256) == 0;
}

static bool sets_equal(
    const struct pawl_fleet_distribution_set *a, const struct pawl_fleet_distribution_set *b)
{
	if (a->seq != b->seq || a->sec != b->sec || a->module_count != b->module_count)
		return false;
	for (uint32_t i = 0; i < a->module_count; i++) {
		uint32_t k = 0;
		while (k < b->module_count && !modules_equal(&a->modules[i], &b->modules[k]))
			k++;
		if (k == b->module_count)
			return false;
	}
	return true;
}

pawl_fleet_result pawl_fleet_distribution_set_add(struct pawl_fleet *fleet,
    const struct pawl_fleet_distribution_set *options, struct pawl_wall now, uint32_t *ret_set_id,
    struct pawl_note *reterr_note)
{
	const char *fault = pawl_fleet_set_fault(options);

	if (fault != NULL) {
		pawl_note_add(reterr_note, "distribution set: wrong ");
		pawl_note_add(reterr_note, fault);
		return PAWL_FLEET_INVALID;
	}
	for (uint32_t i = 0; i < fleet->set_count; i++) {
		const struct pawl_fleet_distribution_set *known = &fleet->sets[i]->row;
		if (strcmp(known->product, options->product) != 0 ||
		    strcmp(known->version, options->version) != 0)
			continue;
		if (!sets_equal(known, options)) {
			pawl_note_add(
			    reterr_note, "this product and version exists with other content");
			return PAWL_FLEET_CONFLICT;
		}
		*ret_set_id = known->id;
		return PAWL_FLEET_OK;
	}
	if (fleet->counters.distribution_set == UINT32_MAX ||
	    fleet->counters.module > UINT32_MAX - options->module_count)
		return PAWL_FLEET_QUOTA;
	struct set *set = pawl_fleet_set_copy(options);
	set->row.id = ++fleet->counters.distribution_set;
	set->row.created_at = now.ms;
	for (uint32_t i = 0; i < set->row.module_count; i++) {
		set->modules[i].id = ++fleet->counters.module;
		set->modules[i].created_at = now.ms;
	}
	pawl_fleet_set_link(fleet, set);
	pawl_fleet_effect_counters(fleet);
	pawl_fleet_effect_set(fleet, set);

	struct sentence text;
	pawl_fleet_sentence_begin(&text);
	pawl_fleet_sentence_put(&text, "product=");
	pawl_fleet_sentence_put(&text, set->row.product);
	pawl_fleet_sentence_put(&text, " version=");
	pawl_fleet_sentence_put(&text, set->row.version);
	pawl_fleet_effect_log(
	    fleet, "distributionset.added", now.ms, pawl_fleet_sentence_end(&text));
	*ret_set_id = set->row.id;
	return PAWL_FLEET_OK;
}

/* --- assignments --- */

static uint32_t open_count(const struct device *device)
{
	uint32_t count = 0;

	for (const struct action *action = device->open; action != NULL; action = action->open_next)
		count++;
	return count;
}

/* Else a rollout would take the device back to its own release afterwards. */
static void leave_others(
    struct pawl_fleet *fleet, const struct device *device, const struct set *set, int64_t now)
{
	for (struct member *member = device->members; member != NULL;
	     member = member->next_of_device) {
		if (member->state == PAWL_MEMBER_WAITING && member->rollout->set != set &&
		    member->rollout->row.core.state != PAWL_ROLLOUT_STOPPED)
			pawl_fleet_member_leave(fleet, member, now);
	}
}

pawl_fleet_result pawl_fleet_assign(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    const struct pawl_fleet_assignment *assignment, struct pawl_wall now, uint32_t *ret_action_id,
    struct pawl_note *reterr_note)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);
	struct set *set = pawl_fleet_set_by_id(fleet, assignment->distribution_set_id);

	if (device == NULL || set == NULL) {
		pawl_note_add(reterr_note, device == NULL ? "there is no such device"
							  : "there is no such distribution set");
		return PAWL_FLEET_NOT_FOUND;
	}
	const char *why = pawl_fleet_unfit(device, set);
	if (why != NULL) {
		pawl_note_add(reterr_note, why);
		return PAWL_FLEET_CONFLICT;
	}
	for (const struct action *open = device->open; open != NULL; open = open->open_next) {
		if (open->set == set && open->row.status != PAWL_ACTION_CANCELING) {
			*ret_action_id = 0;
			return PAWL_FLEET_OK;
		}
	}
	if (open_count(device) >= PAWL_FLEET_OPEN_ACTIONS_MAX) {
		pawl_note_add(reterr_note, "too many actions of this device are open");
		return PAWL_FLEET_QUOTA;
	}
	struct action *next;
	for (struct action *open = device->open; open != NULL; open = next) {
		next = open->open_next;
		if (open->row.status != PAWL_ACTION_VERIFYING) /* done already: to be proven */
			pawl_fleet_action_request_cancel(
			    fleet, open, true, "a newer assignment takes its place", now.ms);
	}
	leave_others(fleet, device, set, now.ms);
	struct action *action = pawl_fleet_action_create(
	    fleet, device, set, NULL, assignment->force, assignment->force_at, now.ms);
	if (action == NULL) {
		pawl_note_add(reterr_note, "every action id was used");
		return PAWL_FLEET_QUOTA;
	}
	*ret_action_id = action->row.id;
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_cancel(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    uint32_t action_id, bool force, struct pawl_wall now)
{
	const struct device *device = pawl_fleet_find_device(fleet, controller_id);
	struct action *action = pawl_fleet_id_map_get(&fleet->actions, action_id);

	if (device == NULL || action == NULL || action->device != device)
		return PAWL_FLEET_NOT_FOUND;
	if (!pawl_fleet_action_is_open(action))
		return PAWL_FLEET_GONE;
	if (force) {
		action->row.leaves_rollout = true;
		pawl_fleet_action_cancelled(
		    fleet, action, "cancelled by an operator, by force", now.ms);
		return PAWL_FLEET_OK;
	}
	if (action->row.status == PAWL_ACTION_CANCELING)
		return PAWL_FLEET_CONFLICT;
	if (action->row.status == PAWL_ACTION_VERIFYING)
		return PAWL_FLEET_CONFLICT;
	pawl_fleet_action_request_cancel(fleet, action, true, "cancelled by an operator", now.ms);
	return PAWL_FLEET_OK;
}
