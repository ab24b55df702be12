/* SPDX-License-Identifier: MIT
 *
 * The slots and the record that is shared with the boot loader.
 */
#include "agent.h"

#include <string.h>

/* --- boot record --- */

static struct pawl_bootrec_device device_of(struct pawl_env_sectors *sectors)
{
	return (struct pawl_bootrec_device){ .context = sectors,
		.read = pawl_env_sectors_read,
		.write = pawl_env_sectors_write,
		.sync = pawl_env_sectors_sync };
}

pawl_err agent_boot_load(struct agent *agent, struct pawl_note *note)
{
	struct pawl_env_sectors sectors = { -1 };
	pawl_err err = pawl_env_sectors_open(agent->settings.boot_record, &sectors, note);
	if (err != PAWL_ERR_OK)
		return err;
	const struct pawl_bootrec_device device = device_of(&sectors);
	err = pawl_bootrec_load(&device, &agent->boot);
	pawl_env_sectors_close(&sectors);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(note, "boot record ");
		pawl_note_add(note, agent->settings.boot_record);
		pawl_note_add(note, ": ");
		pawl_note_add(note, pawl_err_text(err));
	} else if (agent->boot.slots.running >= PAWL_SLOT_COUNT) {
		pawl_note_add(note, "the boot record names no running slot; was it booted?");
		err = PAWL_ERR_CORRUPT;
	}
	return err;
}

static pawl_err boot_store(struct agent *agent, struct pawl_note *note)
{
	struct pawl_env_sectors sectors = { -1 };
	pawl_err err = pawl_env_sectors_open(agent->settings.boot_record, &sectors, note);
	if (err != PAWL_ERR_OK)
		return err;
	const struct pawl_bootrec_device device = device_of(&sectors);
	err = pawl_bootrec_store(&device, &agent->boot);
	pawl_env_sectors_close(&sectors);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(note, "store the boot record: ");
		pawl_note_add(note, pawl_err_text(err));
	}
	return err;
}

/* One event of the slot table, and what it asks for, in its order. */
static pawl_err slot_step(
    struct agent *agent, unsigned slot, pawl_slot_event event, struct pawl_note *note)
{
	unsigned effects = 0;
	pawl_err err = pawl_slots_step(&agent->boot.slots, slot, event, &effects);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(note, "the slot table refuses ");
		pawl_note_add(note, pawl_slot_event_name(event));
		pawl_note_add(note, " of a slot that is ");
		pawl_note_add(note, pawl_slot_state_name(agent->boot.slots.slot[slot].state));
		return err;
	}
	if ((effects & PAWL_SLOT_STORE) != 0)
		err = boot_store(agent, note);
	if (err == PAWL_ERR_OK && (effects & PAWL_SLOT_RAISE_FLOOR) != 0 &&
	    pawl_slots_raise_floor(&agent->boot.slots))
		err = boot_store(agent, note);
	return err;
}

void agent_boot_event(const struct agent *agent, struct pawl_device_event *event)
{
	event->kind = PAWL_ON_BOOT;
	event->boot.running = agent->boot.slots.running;
	event->boot.reason = agent->boot.reason;
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++) {
		event->boot.state[i] = agent->boot.slots.slot[i].state;
		event->boot.tries[i] = agent->boot.slots.slot[i].tries_left;
		event->boot.failure[i] = agent->boot.slots.slot[i].failure;
	}
}

/* --- effects --- */

static pawl_err begin_write(struct agent *agent, uint8_t slot, struct pawl_note *note)
{
	const struct pawl_device_release *const release = &agent->device.stored.release;
	pawl_err err = PAWL_ERR_OK;
	if (agent->boot.slots.slot[slot].state == PAWL_SLOT_WRITING)
		err = slot_step(agent, slot, PAWL_SLOT_ABANDON, note);
	if (err != PAWL_ERR_OK)
		return err;
	struct pawl_bootrec_image *const image = &agent->boot.image[slot];
	*image =
	    (struct pawl_bootrec_image){ .seq = (uint64_t)release->seq, .length = release->length };
	memcpy(image->sha256, release->sha256, sizeof(image->sha256));
	memcpy(image->version, release->version, strlen(release->version));
	return slot_step(agent, slot, PAWL_SLOT_WRITE_BEGIN, note);
}

static pawl_err abandon(struct agent *agent, uint8_t slot, struct pawl_note *note)
{
	const pawl_slot_state state = agent->boot.slots.slot[slot].state;
	if (state != PAWL_SLOT_WRITING && state != PAWL_SLOT_STAGED)
		return PAWL_ERR_OK; /* nothing of ours is in it */
	return slot_step(agent, slot, PAWL_SLOT_ABANDON, note);
}

static pawl_err apply(
    struct agent *agent, const struct pawl_device_effect *effect, struct pawl_note *note)
{
	const uint8_t slot = effect->slot;
	if (effect->kind == PAWL_DO_CONFIRM)
		return slot_step(agent, agent->boot.slots.running, PAWL_SLOT_CONFIRM, note);
	if (effect->kind == PAWL_DO_FAIL_SLOT)
		return slot_step(agent, agent->boot.slots.running, PAWL_SLOT_FAIL, note);
	PAWL_ASSERT(slot < PAWL_SLOT_COUNT && slot != agent->boot.slots.running);
	if (effect->kind == PAWL_DO_BEGIN_WRITE)
		return begin_write(agent, slot, note);
	if (effect->kind == PAWL_DO_ABANDON)
		return abandon(agent, slot, note);
	if (effect->kind == PAWL_DO_ACTIVATE)
		return slot_step(agent, slot, PAWL_SLOT_ACTIVATE, note);
	PAWL_ASSERT(effect->kind == PAWL_DO_STAGE);
	/* A store that failed after the medium had it. */
	if (agent->boot.slots.slot[slot].state == PAWL_SLOT_STAGED)
		return PAWL_ERR_OK;
	agent->boot.slots.slot[slot].sec = (uint64_t)agent->device.stored.release.sec;
	return slot_step(agent, slot, PAWL_SLOT_WRITE_DONE, note);
}

void agent_slot_effect(
    struct agent *agent, const struct pawl_device_effect *effect, struct pawl_device_event *event)
{
	struct pawl_note note = { "" };
	/* Loaded each time: after a store that failed, memory and medium may differ. */
	pawl_err err = agent_boot_load(agent, &note);
	if (err == PAWL_ERR_OK)
		err = apply(agent, effect, &note);
	if (effect->kind != PAWL_DO_BEGIN_WRITE)
		pawl_env_slot_close(&agent->slot);
	if (err == PAWL_ERR_OK)
		event->kind = PAWL_ON_DONE;
	else
		agent_failed(agent, event, agent_storage_reason(err), note.text);
}

pawl_err agent_fail_trial(struct agent *agent, struct pawl_note *note)
{
	const pawl_err err = agent_boot_load(agent, note);
	if (err != PAWL_ERR_OK)
		return err;
	const unsigned running = agent->boot.slots.running;
	if (agent->boot.slots.slot[running].state != PAWL_SLOT_TRIAL)
		return PAWL_ERR_REFUSED;
	return slot_step(agent, running, PAWL_SLOT_FAIL, note);
}

/* --- content --- */

pawl_err agent_slot_open(struct agent *agent, uint8_t slot, struct pawl_note *note)
{
	PAWL_ASSERT(slot < PAWL_SLOT_COUNT && slot != agent->boot.slots.running);
	const char *const running = agent->settings.slot[agent->boot.slots.running];
	if (agent->slot.fd >= 0)
		return PAWL_ERR_OK;
	if (pawl_env_same_file(agent->settings.slot[slot], running)) {
		pawl_note_add(note, "slot-a and slot-b lead to the same place: ");
		pawl_note_add(note, running);
		return PAWL_ERR_REFUSED;
	}
	return pawl_env_slot_open(agent->settings.slot[slot], true, &agent->slot, note);
}

struct hashing {
	struct agent *agent;
	struct pawl_hash *hash;
};

static pawl_err hash_piece(void *context, struct pawl_bytes bytes)
{
	struct hashing *const hashing = context;
	agent_feed_watchdog(hashing->agent);
	if (agent_is_stopping())
		return PAWL_ERR_CANCELLED;
	return pawl_hash_update(hashing->hash, bytes);
}

pawl_err agent_hash_slot(struct agent *agent, struct pawl_env_slot *slot, uint64_t length,
    bool past_cache, struct pawl_hash *hash, struct pawl_note *note)
{
	struct hashing hashing = { .agent = agent, .hash = hash };
	return pawl_env_slot_read(slot, length, past_cache, hash_piece, &hashing, note);
}

static pawl_err hash_slot(struct agent *agent, struct pawl_env_slot *slot, uint64_t length,
    bool past_cache, uint8_t ret_sha256[32], struct pawl_note *note)
{
	struct pawl_hash hash;
	pawl_err err = pawl_hash_init(&hash, PAWL_HASH_SHA256);
	if (err != PAWL_ERR_OK)
		return err;
	err = agent_hash_slot(agent, slot, length, past_cache, &hash, note);
	if (err == PAWL_ERR_OK)
		err = pawl_hash_peek(&hash, ret_sha256);
	pawl_hash_finish(&hash);
	return err;
}

/* What came was right, or it would not have got this far: it is the storage. */
static void read_back_differs(struct agent *agent, struct pawl_device_event *event)
{
	const uint8_t slot = agent->device.stored.slot;
	struct pawl_note note = { "" };
	pawl_note_add(&note, slot == PAWL_SLOT_A ? "Slot a (" : "Slot b (");
	pawl_note_add(&note, agent->settings.slot[slot]);
	pawl_note_add(&note, ") reads back other bytes than the signed ones that were written to "
			     "it (hash mismatch): look at its storage.");
	agent_failed(agent, event, PAWL_REASON_IO, note.text);
}

void agent_read_back(struct agent *agent, struct pawl_device_event *event)
{
	const struct pawl_device_stored *const stored = &agent->device.stored;
	struct pawl_note note = { "" };
	uint8_t sha256[32];
	pawl_err err = agent_slot_open(agent, stored->slot, &note);
	if (err == PAWL_ERR_OK)
		err = hash_slot(agent, &agent->slot, stored->release.length, true, sha256, &note);
	if (err != PAWL_ERR_OK)
		agent_failed(agent, event, agent_storage_reason(err),
		    note.text[0] != '\0' ? note.text : pawl_err_text(err));
	else if (memcmp(sha256, stored->release.sha256, sizeof(sha256)) != 0)
		read_back_differs(agent, event);
	else
		event->kind = PAWL_ON_DONE;
}

void agent_measure(struct agent *agent)
{
	const unsigned running = agent->boot.slots.running;
	const uint64_t length = agent->boot.image[running].length;
	struct pawl_env_slot slot = { .fd = -1 };
	struct pawl_note note = { "" };
	agent->has_image_hash = false;
	if (length == 0)
		return;
	pawl_err err = pawl_env_slot_open(agent->settings.slot[running], false, &slot, &note);
	if (err == PAWL_ERR_OK)
		err = hash_slot(agent, &slot, length, false, agent->image_sha256, &note);
	pawl_env_slot_close(&slot);
	agent->has_image_hash = err == PAWL_ERR_OK;
	if (err != PAWL_ERR_OK && err != PAWL_ERR_CANCELLED)
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "agent.unmeasured", PAWL_LOG_ERR(err),
		    PAWL_LOG_TEXT("reason", note.text));
}
