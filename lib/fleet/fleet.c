/* SPDX-License-Identifier: MIT
 *
 * fleet.c - the life of a fleet, its indexes, and its devices. */
#include "fleet_internal.h"

#include "pawl/text.h"

#include <stdlib.h>
#include <string.h>

enum { DEVICES_MAX_DEFAULT = 1000000 };

pawl_err pawl_fleet_create(const struct pawl_fleet_settings *settings,
    struct pawl_fleet **ret_fleet, struct pawl_note *reterr_note)
{
	const char *wrong = NULL;

	if (settings->poll_s < 1 || settings->poll_s > 86399)
		wrong = "poll_s must be 1 to 86399";
	else if (settings->silence_s < 1 || settings->silence_s > 31536000)
		wrong = "silence_s must be 1 to 31536000";
	else if (settings->devices_max > DEVICES_MAX_DEFAULT)
		wrong = "devices_max must be at most 1000000";
	if (wrong != NULL) {
		pawl_note_add(reterr_note, wrong);
		return PAWL_ERR_RANGE;
	}
	struct pawl_fleet *fleet = pawl_fleet_must_allocate(1, sizeof(*fleet));
	fleet->settings = *settings;
	if (settings->devices_max == 0)
		fleet->settings.devices_max = DEVICES_MAX_DEFAULT;
	fleet->step_effects = pawl_fleet_must_allocate(
	    PAWL_ROLLOUT_EFFECTS_MAX(PAWL_ROLLOUT_STRATA_MAX), sizeof(*fleet->step_effects));
	*ret_fleet = fleet;
	return PAWL_ERR_OK;
}

static void action_free(struct action *action)
{
	pawl_fleet_text_free(action->row.why);
	free(action);
}

static void attributes_free(struct device *device)
{
	for (uint32_t i = 0; i < device->row.attribute_count; i++) {
		pawl_fleet_text_free(device->attributes[i].key);
		pawl_fleet_text_free(device->attributes[i].value);
	}
	free(device->attributes);
}

static void device_free(struct device *device)
{
	while (device->newest != NULL) {
		struct action *older = device->newest->older;
		action_free(device->newest);
		device->newest = older;
	}
	while (device->members != NULL) {
		struct member *next = device->members->next_of_device;
		free(device->members);
		device->members = next;
	}
	attributes_free(device);
	pawl_fleet_text_free(device->row.controller_id);
	pawl_fleet_text_free(device->row.name);
	pawl_fleet_text_free(device->row.description);
	pawl_fleet_text_free(device->row.product);
	pawl_fleet_text_free(device->row.hardware_class);
	pawl_fleet_text_free(device->row.group);
	pawl_fleet_text_free(device->row.address);
	pawl_fleet_text_free(device->row.why);
	free(device);
}

void pawl_fleet_set_free(struct set *set)
{
	free(set->modules);
	free(set);
}

void pawl_fleet_rollout_free(struct rollout *rollout)
{
	for (uint32_t i = 0; rollout->names != NULL && i < rollout->row.core.stratum_count; i++)
		pawl_fleet_text_free(rollout->names[i]);
	free(rollout->names);
	free(rollout->row.core.strata);
	free(rollout->members);
	pawl_fleet_text_free(rollout->row.name);
	pawl_fleet_text_free(rollout->row.description);
	pawl_fleet_text_free(rollout->row.filter);
	free(rollout);
}

void pawl_fleet_destroy(struct pawl_fleet *fleet)
{
	if (fleet == NULL)
		return;
	pawl_fleet_effects_clear(fleet);
	for (uint32_t i = 0; i < fleet->device_count; i++)
		device_free(fleet->sorted[i]);
	for (uint32_t i = 0; i < fleet->set_count; i++)
		pawl_fleet_set_free(fleet->sets[i]);
	for (uint32_t i = 0; i < fleet->rollout_count; i++)
		pawl_fleet_rollout_free(fleet->rollouts[i]);
	pawl_fleet_id_map_finish(&fleet->devices);
	pawl_fleet_id_map_finish(&fleet->actions);
	pawl_fleet_id_map_finish(&fleet->modules);
	free(fleet->buckets);
	free(fleet->sorted);
	free(fleet->sets);
	free(fleet->rollouts);
	free(fleet->deadlines.at);
	free(fleet->effects);
	free(fleet->step_effects);
	free(fleet);
}

struct pawl_fleet_counters pawl_fleet_counters(const struct pawl_fleet *fleet)
{
	return fleet->counters;
}

/* --- indexes --- */

/* FNV-1a from a secret start, finished so that low bits depend on all. */
static uint32_t hash_of(const struct pawl_fleet *fleet, struct pawl_bytes text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ fleet->settings.hash_seed;

	for (size_t i = 0; i < text.size; i++)
		hash = (hash ^ text.at[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 29;
	hash *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(hash >> 32);
}

struct device *pawl_fleet_find_device(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id)
{
	if (fleet->bucket_count == 0)
		return NULL;
	struct device *device =
	    fleet->buckets[hash_of(fleet, controller_id) & (fleet->bucket_count - 1)];
	while (device != NULL && !pawl_bytes_is(controller_id, device->row.controller_id))
		device = device->next_in_bucket;
	return device;
}

static void bucket_put(struct pawl_fleet *fleet, struct device *device)
{
	const uint32_t hash = hash_of(fleet, pawl_bytes_of(device->row.controller_id));
	struct device **bucket = &fleet->buckets[hash & (fleet->bucket_count - 1)];

	device->next_in_bucket = *bucket;
	*bucket = device;
}

void pawl_fleet_device_link(struct pawl_fleet *fleet, struct device *device)
{
	if (fleet->device_count == fleet->device_capacity) {
		fleet->device_capacity =
		    fleet->device_capacity == 0 ? 64 : fleet->device_capacity * 2;
		fleet->sorted = pawl_fleet_must_resize(
		    fleet->sorted, fleet->device_capacity, sizeof(*fleet->sorted));
		free(fleet->buckets);
		fleet->bucket_count = fleet->device_capacity;
		fleet->buckets =
		    pawl_fleet_must_allocate(fleet->bucket_count, sizeof(*fleet->buckets));
		for (uint32_t i = 0; i < fleet->device_count; i++)
			bucket_put(fleet, fleet->sorted[i]);
	}
	/* Devices that arrive in order keep the list sorted. */
	const bool in_order = fleet->sorted_count == fleet->device_count &&
			      (fleet->device_count == 0 ||
				  strcmp(fleet->sorted[fleet->device_count - 1]->row.controller_id,
				      device->row.controller_id) < 0);
	fleet->sorted[fleet->device_count++] = device;
	if (in_order)
		fleet->sorted_count = fleet->device_count;
	bucket_put(fleet, device);
	pawl_fleet_id_map_put(&fleet->devices, device->row.id, device);
	fleet->state_count[device->row.state]++;
}

static void device_unlink(struct pawl_fleet *fleet, struct device *device)
{
	const uint32_t hash = hash_of(fleet, pawl_bytes_of(device->row.controller_id));
	struct device **slot = &fleet->buckets[hash & (fleet->bucket_count - 1)];
	uint32_t position = 0;

	while (*slot != device)
		slot = &(*slot)->next_in_bucket;
	*slot = device->next_in_bucket;
	while (fleet->sorted[position] != device)
		position++;
	memmove(&fleet->sorted[position], &fleet->sorted[position + 1],
	    (fleet->device_count - position - 1) * sizeof(*fleet->sorted));
	fleet->device_count--;
	if (position < fleet->sorted_count)
		fleet->sorted_count--;
	pawl_fleet_id_map_remove(&fleet->devices, device->row.id);
	fleet->state_count[device->row.state]--;
}

struct set *pawl_fleet_set_by_id(const struct pawl_fleet *fleet, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = fleet->set_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (fleet->sets[middle]->row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < fleet->set_count && fleet->sets[low]->row.id == id ? fleet->sets[low] : NULL;
}

void pawl_fleet_set_link(struct pawl_fleet *fleet, struct set *set)
{
	if (fleet->set_count == fleet->set_capacity) {
		fleet->set_capacity = fleet->set_capacity == 0 ? 16 : fleet->set_capacity * 2;
		fleet->sets =
		    pawl_fleet_must_resize(fleet->sets, fleet->set_capacity, sizeof(*fleet->sets));
	}
	uint32_t at = fleet->set_count++;
	for (; at > 0 && fleet->sets[at - 1]->row.id > set->row.id; at--)
		fleet->sets[at] = fleet->sets[at - 1];
	fleet->sets[at] = set;
	for (uint32_t i = 0; i < set->row.module_count; i++)
		pawl_fleet_id_map_put(&fleet->modules, set->modules[i].id, set);
}

struct rollout *pawl_fleet_rollout_by_id(const struct pawl_fleet *fleet, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = fleet->rollout_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (fleet->rollouts[middle]->row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < fleet->rollout_count && fleet->rollouts[low]->row.id == id
		   ? fleet->rollouts[low]
		   : NULL;
}

void pawl_fleet_rollout_link(struct pawl_fleet *fleet, struct rollout *rollout)
{
	if (fleet->rollout_count == fleet->rollout_capacity) {
		fleet->rollout_capacity =
		    fleet->rollout_capacity == 0 ? 16 : fleet->rollout_capacity * 2;
		fleet->rollouts = pawl_fleet_must_resize(
		    fleet->rollouts, fleet->rollout_capacity, sizeof(*fleet->rollouts));
	}
	uint32_t at = fleet->rollout_count++;
	for (; at > 0 && fleet->rollouts[at - 1]->row.id > rollout->row.id; at--)
		fleet->rollouts[at] = fleet->rollouts[at - 1];
	fleet->rollouts[at] = rollout;
}

/* --- devices --- */

void pawl_fleet_change_state(struct pawl_fleet *fleet, struct device *device,
    pawl_device_state state, const char *why, int64_t now)
{
	if (device->row.state == state && strcmp(device->row.why, why) == 0)
		return;
	fleet->state_count[device->row.state]--;
	fleet->state_count[state]++;
	if (device->row.state != state) {
		device->row.state = state;
		struct sentence text;
		pawl_fleet_sentence_begin(&text);
		pawl_fleet_sentence_put(&text, "device=");
		pawl_fleet_sentence_put(&text, device->row.controller_id);
		pawl_fleet_sentence_put(&text, " state=");
		pawl_fleet_sentence_put(&text, pawl_device_state_name(state));
		pawl_fleet_effect_log(fleet, "device.state", now, pawl_fleet_sentence_end(&text));
	}
	const char *copy = pawl_fleet_text_copy_clean(pawl_bytes_of(why), PAWL_REASON_MAX);
	pawl_fleet_text_free(device->row.why);
	device->row.why = copy;
	pawl_fleet_effect_device(fleet, device);
}

const char *pawl_fleet_attribute_of(const struct device *device, const char *key)
{
	uint32_t low = 0;
	uint32_t high = device->row.attribute_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const int order = strcmp(device->attributes[middle].key, key);
		if (order == 0)
			return device->attributes[middle].value;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct pawl_fleet_module *pawl_fleet_module_for(
    const struct set *set, const struct device *device)
{
	for (uint32_t i = 0; i < set->row.module_count; i++) {
		if (strcmp(set->modules[i].hardware_class, device->row.hardware_class) == 0)
			return &set->modules[i];
	}
	return NULL;
}

const char *pawl_fleet_unfit(const struct device *device, const struct set *set)
{
	if (device->row.enrolment == PAWL_ENROLMENT_REVOKED)
		return "the device's certificate is revoked";
	if (device->row.product[0] != '\0' && strcmp(device->row.product, set->row.product) != 0)
		return "the release is for another product";
	if (pawl_fleet_module_for(set, device) == NULL)
		return "the release has no image for the device's hardware class";
	return NULL;
}

static pawl_fleet_result invalid(struct pawl_note *note, const char *what)
{
	pawl_note_add(note, what);
	return PAWL_FLEET_INVALID;
}

static pawl_fleet_result check_texts(
    const struct pawl_fleet_device_options *options, struct pawl_note *note)
{
	if (!pawl_name_is_valid(options->controller_id, PAWL_DEVICE_ID_MAX))
		return invalid(note, "controllerId: 1 to 64 of A-Z a-z 0-9 . _ -, no \"..\", "
				     "beginning with a letter or digit");
	if (options->name.size > PAWL_FLEET_NAME_MAX ||
	    (options->name.size > 0 && memchr(options->name.at, 0, options->name.size) != NULL))
		return invalid(note, "name: at most 128 bytes, no NUL");
	if (options->description.size > PAWL_FLEET_DESCRIPTION_MAX ||
	    (options->description.size > 0 &&
		memchr(options->description.at, 0, options->description.size) != NULL))
		return invalid(note, "description: at most 512 bytes, no NUL");
	if (options->product.size > 0 && !pawl_name_is_valid(options->product, PAWL_PRODUCT_MAX))
		return invalid(note, "product: at most 48 of A-Z a-z 0-9 . _ -");
	if (options->hardware_class.size > 0 &&
	    !pawl_name_is_valid(options->hardware_class, PAWL_HW_CLASS_MAX))
		return invalid(note, "hardwareClass: at most 48 of A-Z a-z 0-9 . _ -");
	if (options->group.size > 0 && !pawl_name_is_valid(options->group, PAWL_GROUP_MAX))
		return invalid(note, "group: at most 48 of A-Z a-z 0-9 . _ -");
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_device_add(struct pawl_fleet *fleet,
    const struct pawl_fleet_device_options *options, struct pawl_wall now, uint32_t *ret_device_id,
    struct pawl_note *reterr_note)
{
	const pawl_fleet_result checked = check_texts(options, reterr_note);

	if (checked != PAWL_FLEET_OK)
		return checked;
	if (pawl_fleet_find_device(fleet, options->controller_id) != NULL) {
		pawl_note_add(reterr_note, "controllerId: there is such a device already");
		return PAWL_FLEET_CONFLICT;
	}
	if (fleet->device_count >= fleet->settings.devices_max ||
	    fleet->counters.device == UINT32_MAX) {
		pawl_note_add(reterr_note, "the fleet has as many devices as it may have");
		return PAWL_FLEET_QUOTA;
	}
	struct device *device = pawl_fleet_must_allocate(1, sizeof(*device));
	device->row = (struct pawl_fleet_device){ .id = ++fleet->counters.device,
		.controller_id = pawl_fleet_text_copy(options->controller_id),
		.name = pawl_fleet_text_copy(options->name),
		.description = pawl_fleet_text_copy(options->description),
		.product = pawl_fleet_text_copy(options->product),
		.hardware_class = pawl_fleet_text_copy(options->hardware_class),
		.group = pawl_fleet_text_copy(options->group),
		.address = "",
		.created_at = now.ms,
		.state = PAWL_DEVICE_REGISTERED,
		.why = pawl_fleet_text_copy(PAWL_BYTES_LIT("registered; has not called yet")),
		.attributes_wanted = true };
	pawl_fleet_device_link(fleet, device);
	pawl_fleet_effect_counters(fleet);
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_log_device(fleet, "device.added", now.ms, device, NULL, NULL);
	*ret_device_id = device->row.id;
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_device_remove(
    struct pawl_fleet *fleet, struct pawl_bytes controller_id, struct pawl_wall now)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	while (device->open != NULL) {
		device->open->row.leaves_rollout = true;
		pawl_fleet_action_cancelled(fleet, device->open, "the device was removed", now.ms);
	}
	while (device->members != NULL) {
		struct member *member = device->members;
		if (member->state == PAWL_MEMBER_WAITING)
			pawl_fleet_member_leave(fleet, member, now.ms);
		pawl_fleet_effect_rollout(fleet, member->rollout);
		pawl_fleet_member_drop(member);
	}
	for (struct action *action = device->newest; action != NULL; action = action->older)
		pawl_fleet_id_map_remove(&fleet->actions, action->row.id);
	pawl_fleet_effect_remove_device(fleet, device->row.id);
	pawl_fleet_log_device(fleet, "device.removed", now.ms, device, NULL, NULL);
	device_unlink(fleet, device);
	device_free(device);
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_device_change(struct pawl_fleet *fleet,
    const struct pawl_fleet_device_options *options, struct pawl_wall now,
    struct pawl_note *reterr_note)
{
	struct device *device = pawl_fleet_find_device(fleet, options->controller_id);

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	const pawl_fleet_result checked = check_texts(options, reterr_note);
	if (checked != PAWL_FLEET_OK)
		return checked;
	pawl_fleet_text_set(&device->row.name, options->name);
	pawl_fleet_text_set(&device->row.description, options->description);
	pawl_fleet_text_set(&device->row.group, options->group);
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_log_device(fleet, "device.changed", now.ms, device, "group", device->row.group);
	return PAWL_FLEET_OK;
}
