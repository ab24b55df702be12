/* SPDX-License-Identifier: MIT
 *
 * fleet_effects.c - the list of what the caller has to store and to log.
 *
 * Each object carries a set of bits: which kinds name it already in this
 * drain, so that the list grows with what changed and not with how often. */
#include "fleet_internal.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024 };

static void *block_take(struct pawl_fleet *fleet, size_t size)
{
	const size_t unit = sizeof(max_align_t);
	const size_t wanted = (size + unit - 1) / unit;
	struct effect_block *block = fleet->blocks;

	if (block == NULL || block->capacity - block->used < wanted) {
		const size_t least = BLOCK_SIZE / unit;
		const size_t capacity = wanted > least ? wanted : least;
		block = pawl_fleet_must_allocate(1, sizeof(*block) + capacity * unit);
		block->capacity = capacity;
		block->next = fleet->blocks;
		fleet->blocks = block;
	}
	void *at = &block->memory[block->used];
	block->used += wanted;
	return at;
}

static const char *block_text(struct pawl_fleet *fleet, const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = block_take(fleet, size);

	memcpy(copy, text, size);
	return copy;
}

static struct pawl_fleet_effect *append(
    struct pawl_fleet *fleet, pawl_fleet_effect_kind kind, uint32_t id)
{
	if (fleet->effect_count == fleet->effect_capacity) {
		fleet->effect_capacity =
		    fleet->effect_capacity == 0 ? 64 : fleet->effect_capacity * 2;
		fleet->effects = pawl_fleet_must_resize(
		    fleet->effects, fleet->effect_capacity, sizeof(*fleet->effects));
	}
	struct pawl_fleet_effect *effect = &fleet->effects[fleet->effect_count++];
	*effect = (struct pawl_fleet_effect){ .kind = kind, .id = id, .name = "" };
	return effect;
}

static void append_once(
    struct pawl_fleet *fleet, unsigned *dirty, pawl_fleet_effect_kind kind, uint32_t id)
{
	const unsigned bit = 1u << kind;

	if ((*dirty & bit) == 0)
		append(fleet, kind, id);
	*dirty |= bit;
}

void pawl_fleet_effect_counters(struct pawl_fleet *fleet)
{
	if (!fleet->counters_dirty)
		append(fleet, PAWL_FLEET_STORE_COUNTERS, 0);
	fleet->counters_dirty = true;
}

void pawl_fleet_effect_device(struct pawl_fleet *fleet, struct device *device)
{
	append_once(fleet, &device->dirty, PAWL_FLEET_STORE_DEVICE, device->row.id);
}

void pawl_fleet_effect_touch(struct pawl_fleet *fleet, struct device *device)
{
	append_once(fleet, &device->dirty, PAWL_FLEET_TOUCH_DEVICE, device->row.id);
}

void pawl_fleet_effect_attributes(struct pawl_fleet *fleet, struct device *device)
{
	append_once(fleet, &device->dirty, PAWL_FLEET_STORE_ATTRIBUTES, device->row.id);
}

void pawl_fleet_effect_remove_device(struct pawl_fleet *fleet, uint32_t device_id)
{
	append(fleet, PAWL_FLEET_REMOVE_DEVICE, device_id);
}

void pawl_fleet_effect_set(struct pawl_fleet *fleet, struct set *set)
{
	append_once(fleet, &set->dirty, PAWL_FLEET_STORE_DISTRIBUTION_SET, set->row.id);
}

void pawl_fleet_effect_action(struct pawl_fleet *fleet, struct action *action)
{
	append_once(fleet, &action->dirty, PAWL_FLEET_STORE_ACTION, action->row.id);
}

void pawl_fleet_effect_rollout(struct pawl_fleet *fleet, struct rollout *rollout)
{
	append_once(fleet, &rollout->dirty, PAWL_FLEET_STORE_ROLLOUT, rollout->row.id);
}

void pawl_fleet_effect_members(struct pawl_fleet *fleet, struct rollout *rollout)
{
	append_once(fleet, &rollout->dirty, PAWL_FLEET_STORE_MEMBERS, rollout->row.id);
}

void pawl_fleet_effect_member(struct pawl_fleet *fleet, struct member *member)
{
	const unsigned bit = 1u << PAWL_FLEET_STORE_MEMBER;

	if ((member->dirty & bit) != 0)
		return;
	member->dirty |= bit;
	append(fleet, PAWL_FLEET_STORE_MEMBER, member->rollout->row.id)->other_id =
	    member->device->row.id;
}

static const char *block_message(struct pawl_fleet *fleet, struct pawl_bytes message)
{
	const char *clean = pawl_fleet_text_copy_clean(message, PAWL_FLEET_MESSAGE_MAX);
	const char *copy = block_text(fleet, clean);

	pawl_fleet_text_free(clean);
	return copy;
}

void pawl_fleet_effect_status(struct pawl_fleet *fleet, struct action *action, const char *name,
    int64_t now, const struct pawl_fleet_feedback *feedback, const char *message)
{
	const size_t own = message == NULL ? 0 : 1;
	size_t from_device = feedback == NULL ? 0 : feedback->message_count;

	if (from_device > PAWL_FEEDBACK_MESSAGES_MAX)
		from_device = PAWL_FEEDBACK_MESSAGES_MAX;
	const char **texts = block_take(fleet, (own + from_device + 1) * sizeof(*texts));
	if (own > 0)
		texts[0] = block_text(fleet, message);
	for (size_t i = 0; i < from_device; i++)
		texts[own + i] = block_message(fleet, feedback->messages[i]);

	struct pawl_fleet_effect *effect =
	    append(fleet, PAWL_FLEET_ADD_ACTION_STATUS, action->row.id);
	effect->name = name;
	effect->at = now;
	effect->has_code = feedback != NULL && feedback->has_code;
	effect->code = effect->has_code ? feedback->code : 0;
	effect->texts = texts;
	effect->text_count = own + from_device;
	action->row.status_count++;
	action->row.changed_at = now;
	if (effect->has_code)
		action->row.last_code = effect->code;
	pawl_fleet_effect_action(fleet, action);
}

void pawl_fleet_effect_log(
    struct pawl_fleet *fleet, const char *name, int64_t now, const char *text)
{
	const char **texts = block_take(fleet, sizeof(*texts));

	texts[0] = block_text(fleet, text);
	struct pawl_fleet_effect *effect = append(fleet, PAWL_FLEET_LOG, 0);
	effect->name = name;
	effect->at = now;
	effect->texts = texts;
	effect->text_count = 1;
}

void pawl_fleet_log_device(struct pawl_fleet *fleet, const char *name, int64_t now,
    const struct device *device, const char *key, const char *value)
{
	struct sentence text;

	pawl_fleet_sentence_begin(&text);
	pawl_fleet_sentence_put(&text, "device=");
	pawl_fleet_sentence_put(&text, device->row.controller_id);
	if (key != NULL) {
		pawl_fleet_sentence_put(&text, " ");
		pawl_fleet_sentence_put(&text, key);
		pawl_fleet_sentence_put(&text, "=\"");
		for (const char *at = value; *at != '\0'; at++) /* a value can not end early */
			pawl_fleet_sentence_put(&text, (char[]){ *at == '"' ? '\'' : *at, '\0' });
		pawl_fleet_sentence_put(&text, "\"");
	}
	pawl_fleet_effect_log(fleet, name, now, pawl_fleet_sentence_end(&text));
}

const struct pawl_fleet_effect *pawl_fleet_effects(
    const struct pawl_fleet *fleet, size_t *ret_count)
{
	*ret_count = fleet->effect_count;
	return fleet->effects;
}

static unsigned *dirty_of(struct pawl_fleet *fleet, const struct pawl_fleet_effect *effect)
{
	struct device *device;
	struct action *action;
	struct rollout *rollout;
	struct set *set;
	struct member *member;

	switch (effect->kind) {
	case PAWL_FLEET_STORE_DEVICE:
	case PAWL_FLEET_TOUCH_DEVICE:
	case PAWL_FLEET_STORE_ATTRIBUTES:
		device = pawl_fleet_id_map_get(&fleet->devices, effect->id);
		return device == NULL ? NULL : &device->dirty;
	case PAWL_FLEET_STORE_DISTRIBUTION_SET:
		set = pawl_fleet_set_by_id(fleet, effect->id);
		return set == NULL ? NULL : &set->dirty;
	case PAWL_FLEET_STORE_ACTION:
		action = pawl_fleet_id_map_get(&fleet->actions, effect->id);
		return action == NULL ? NULL : &action->dirty;
	case PAWL_FLEET_STORE_ROLLOUT:
	case PAWL_FLEET_STORE_MEMBERS:
		rollout = pawl_fleet_rollout_by_id(fleet, effect->id);
		return rollout == NULL ? NULL : &rollout->dirty;
	case PAWL_FLEET_STORE_MEMBER:
		device = pawl_fleet_id_map_get(&fleet->devices, effect->other_id);
		rollout = pawl_fleet_rollout_by_id(fleet, effect->id);
		member = device == NULL || rollout == NULL ? NULL
							   : pawl_fleet_member_of(device, rollout);
		return member == NULL ? NULL : &member->dirty;
	case PAWL_FLEET_STORE_COUNTERS:
	case PAWL_FLEET_REMOVE_DEVICE:
	case PAWL_FLEET_ADD_ACTION_STATUS:
	case PAWL_FLEET_LOG: break;
	}
	return NULL;
}

void pawl_fleet_effects_clear(struct pawl_fleet *fleet)
{
	for (size_t i = 0; i < fleet->effect_count; i++) {
		unsigned *dirty = dirty_of(fleet, &fleet->effects[i]);
		if (dirty != NULL)
			*dirty = 0;
	}
	fleet->counters_dirty = false;
	fleet->effect_count = 0;
	while (fleet->blocks != NULL) {
		struct effect_block *next = fleet->blocks->next;
		free(fleet->blocks);
		fleet->blocks = next;
	}
}
