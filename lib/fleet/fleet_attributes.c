/* SPDX-License-Identifier: MIT
 *
 * fleet_attributes.c - configData: what a device says about itself. */
#include "fleet_internal.h"

#include "pawl/text.h"

#include <stdlib.h>
#include <string.h>

static pawl_fleet_result check_inputs(pawl_attributes_mode mode,
    const struct pawl_fleet_attribute_input *inputs, size_t count, struct pawl_note *note)
{
	if (count > PAWL_ATTRIBUTES_MAX) {
		pawl_note_add(note, "data: at most 100 attributes");
		return PAWL_FLEET_QUOTA;
	}
	for (size_t i = 0; i < count; i++) {
		const struct pawl_bytes key = inputs[i].key;
		const struct pawl_bytes value = inputs[i].value;
		if (key.size == 0 || key.size > PAWL_ATTRIBUTE_KEY_MAX ||
		    memchr(key.at, 0, key.size) != NULL) {
			pawl_note_add(note, "data: a key must have 1 to 128 bytes and no NUL");
			return PAWL_FLEET_INVALID;
		}
		if (mode != PAWL_ATTRIBUTES_REMOVE &&
		    (value.size > PAWL_ATTRIBUTE_VALUE_MAX ||
			(value.size > 0 && memchr(value.at, 0, value.size) != NULL))) {
			pawl_note_add(note, "data: a value must have at most 128 bytes and no NUL");
			return PAWL_FLEET_INVALID;
		}
	}
	return PAWL_FLEET_OK;
}

/* A set under construction: borrows until it is adopted. */
struct draft {
	uint32_t count;
	struct pawl_fleet_attribute_input item[2 * PAWL_ATTRIBUTES_MAX];
};

static uint32_t draft_find(const struct draft *draft, struct pawl_bytes key)
{
	uint32_t i = 0;

	while (i < draft->count && !pawl_bytes_equal(draft->item[i].key, key))
		i++;
	return i;
}

static void draft_set(struct draft *draft, const struct pawl_fleet_attribute_input *input)
{
	const uint32_t at = draft_find(draft, input->key);

	draft->item[at] = *input;
	draft->count += at == draft->count;
}

static void draft_remove(struct draft *draft, struct pawl_bytes key)
{
	const uint32_t at = draft_find(draft, key);

	if (at < draft->count)
		draft->item[at] = draft->item[--draft->count];
}

static int by_key(const void *a, const void *b)
{
	const struct pawl_fleet_attribute *one = a;
	const struct pawl_fleet_attribute *two = b;

	return strcmp(one->key, two->key);
}

static void adopt(struct device *device, const struct draft *draft)
{
	struct pawl_fleet_attribute *fresh = pawl_fleet_must_allocate(draft->count, sizeof(*fresh));

	for (uint32_t i = 0; i < draft->count; i++) {
		fresh[i].key = pawl_fleet_text_copy(draft->item[i].key);
		fresh[i].value = pawl_fleet_text_copy(draft->item[i].value);
	}
	if (draft->count > 1)
		qsort(fresh, draft->count, sizeof(*fresh), by_key);
	for (uint32_t i = 0; i < device->row.attribute_count; i++) {
		pawl_fleet_text_free(device->attributes[i].key);
		pawl_fleet_text_free(device->attributes[i].value);
	}
	free(device->attributes);
	device->attributes = fresh;
	device->row.attributes = fresh;
	device->row.attribute_count = draft->count;
}

/* The operator's word stands; an empty field is filled by the device. */
static void fill_field(const struct device *device, const char **slot, const char *key, size_t max)
{
	const char *value = pawl_fleet_attribute_of(device, key);

	if (value != NULL && (*slot)[0] == '\0' && pawl_name_is_valid(pawl_bytes_of(value), max))
		pawl_fleet_text_set(slot, pawl_bytes_of(value));
}

pawl_fleet_result pawl_fleet_config_data(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    pawl_attributes_mode mode, const struct pawl_fleet_attribute_input *inputs, size_t input_count,
    struct pawl_wall now, struct pawl_note *reterr_note)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	const pawl_fleet_result checked = check_inputs(mode, inputs, input_count, reterr_note);
	if (checked != PAWL_FLEET_OK)
		return checked;

	struct draft draft = { .count = 0 };
	for (uint32_t i = 0; mode != PAWL_ATTRIBUTES_REPLACE && i < device->row.attribute_count;
	     i++) {
		draft.item[draft.count++] =
		    (struct pawl_fleet_attribute_input){ pawl_bytes_of(device->attributes[i].key),
			    pawl_bytes_of(device->attributes[i].value) };
	}
	for (size_t i = 0; i < input_count; i++) {
		if (mode == PAWL_ATTRIBUTES_REMOVE)
			draft_remove(&draft, inputs[i].key);
		else
			draft_set(&draft, &inputs[i]);
	}
	if (draft.count > PAWL_ATTRIBUTES_MAX) {
		pawl_note_add(reterr_note, "data: a device has at most 100 attributes");
		return PAWL_FLEET_QUOTA;
	}
	adopt(device, &draft);
	fleet->visits++;
	device->row.last_request_at = now.ms;
	device->heard_at = pawl_fleet_clock(fleet, now.ms);
	device->row.attributes_at = now.ms;
	device->row.attributes_wanted = false;
	fill_field(device, &device->row.product, "pawl.product", PAWL_PRODUCT_MAX);
	fill_field(device, &device->row.hardware_class, "pawl.hw", PAWL_HW_CLASS_MAX);
	fill_field(device, &device->row.group, "pawl.group", PAWL_GROUP_MAX);
	pawl_fleet_effect_attributes(fleet, device);
	pawl_fleet_effect_device(fleet, device);

	struct action *next;
	for (struct action *open = device->open; open != NULL; open = next) {
		next = open->open_next;
		pawl_fleet_action_try_prove(fleet, open, true, now.ms);
	}
	return PAWL_FLEET_OK;
}
