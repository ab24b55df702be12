/* SPDX-License-Identifier: MIT
 *
 * The fleet's effects into operations: the one file here that looks into a fleet.
 */
#include "store_internal.h"

static void put_rollout(struct pawl_store *store, const struct pawl_fleet *fleet, uint32_t id)
{
	uint8_t record[PAWL_FLEET_ROLLOUT_RECORD_MAX];
	struct pawl_buf buf = pawl_buf_of(record, sizeof(record));
	const pawl_err err = pawl_fleet_rollout_encode(fleet, id, &buf);

	PAWL_ASSERT(err == PAWL_ERR_OK); /* the effect names it, the room suffices */
	pawl_store_put_rollout(store, id, pawl_buf_bytes(&buf));
}

static void put_members(struct pawl_store *store, const struct pawl_fleet *fleet, uint32_t id)
{
	enum { PIECE = 256 };
	struct pawl_fleet_member members[PIECE];
	uint32_t position = 0;
	uint32_t count = 0;

	do {
		count = pawl_fleet_members(fleet, id, position, PIECE, members);
		for (uint32_t i = 0; i < count; i++)
			pawl_store_put_member(store, &members[i]);
		position += count;
	} while (count == PIECE);
}

/* An object that was removed later in the same call is not there any more. */
static void add_device_effect(struct pawl_store *store, const struct pawl_fleet *fleet,
    const struct pawl_fleet_effect *effect)
{
	const struct pawl_fleet_device *device = pawl_fleet_device(fleet, effect->id);

	if (device == NULL)
		return;
	if (effect->kind == PAWL_FLEET_STORE_DEVICE)
		pawl_store_put_device(store, device);
	else if (effect->kind == PAWL_FLEET_TOUCH_DEVICE)
		pawl_store_touch_device(
		    store, device->id, device->last_request_at, device->address);
	else
		pawl_store_put_attributes(store, device);
}

static void add_effect(struct pawl_store *store, const struct pawl_fleet *fleet,
    const struct pawl_fleet_effect *effect)
{
	const struct pawl_fleet_distribution_set *set;
	const struct pawl_fleet_action *action;
	struct pawl_fleet_counters counters;
	struct pawl_fleet_member member;

	switch (effect->kind) {
	case PAWL_FLEET_STORE_COUNTERS:
		counters = pawl_fleet_counters(fleet);
		pawl_store_put_counters(store, &counters);
		return;
	case PAWL_FLEET_STORE_DEVICE:
	case PAWL_FLEET_TOUCH_DEVICE:
	case PAWL_FLEET_STORE_ATTRIBUTES: add_device_effect(store, fleet, effect); return;
	case PAWL_FLEET_REMOVE_DEVICE: pawl_store_remove_device(store, effect->id); return;
	case PAWL_FLEET_STORE_DISTRIBUTION_SET:
		set = pawl_fleet_distribution_set(fleet, effect->id);
		if (set != NULL)
			pawl_store_put_distribution_set(store, set);
		return;
	case PAWL_FLEET_STORE_ACTION:
		action = pawl_fleet_action(fleet, effect->id);
		if (action != NULL)
			pawl_store_put_action(store, action);
		return;
	case PAWL_FLEET_ADD_ACTION_STATUS:
		if (pawl_fleet_action(fleet, effect->id) != NULL)
			pawl_store_add_status(store, effect);
		return;
	case PAWL_FLEET_STORE_ROLLOUT:
		if (pawl_fleet_rollout(fleet, effect->id) != NULL)
			put_rollout(store, fleet, effect->id);
		return;
	case PAWL_FLEET_STORE_MEMBERS: put_members(store, fleet, effect->id); return;
	case PAWL_FLEET_STORE_MEMBER:
		if (pawl_fleet_member(fleet, effect->id, effect->other_id, &member))
			pawl_store_put_member(store, &member);
		return;
	case PAWL_FLEET_LOG: return; /* the program's */
	}
}

void pawl_store_add_effects(struct pawl_store *store, const struct pawl_fleet *fleet,
    const struct pawl_fleet_effect *effects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_effect(store, fleet, &effects[i]);
}
