/* SPDX-License-Identifier: MIT
 *
 * The boot loader's decision, put together from steps of the table, and the
 * names of everything.
 */
#include "pawl/slots.h"

#include <stddef.h>

static bool is_failure(pawl_boot_reason ended)
{
	return ended == PAWL_BOOT_PANIC || ended == PAWL_BOOT_WATCHDOG ||
	       ended == PAWL_BOOT_IMAGE_UNREADABLE;
}

/* The table allows the event in the states it is sent in; anything else is a bug. */
static unsigned must_step(struct pawl_slots *slots, unsigned index, pawl_slot_event event)
{
	unsigned effects = 0;

	PAWL_ASSERT(pawl_slots_step(slots, index, event, &effects) == PAWL_ERR_OK);
	return effects;
}

/* Writes down how the last run ended. */
static void account(struct pawl_slots *slots, pawl_boot_reason ended)
{
	if (slots->running == PAWL_SLOT_NONE)
		return;

	const unsigned index = slots->running;
	struct pawl_slot *slot = &slots->slot[index];
	if (slot->state == PAWL_SLOT_TRIAL) {
		/* Whatever ended it, it ended before it was confirmed. */
		slot->failure = ended;
		if (ended == PAWL_BOOT_IMAGE_UNREADABLE)
			(void)must_step(slots, index, PAWL_SLOT_FAIL);
	} else if (slot->state == PAWL_SLOT_GOOD && is_failure(ended)) {
		slot->failure = ended;
		(void)must_step(slots, index, PAWL_SLOT_FAIL);
	} else if (slot->state == PAWL_SLOT_BAD && slot->failure == PAWL_BOOT_UNKNOWN) {
		/* The agent failed its own slot; the reason of the end tells how. */
		slot->failure = ended;
	}
}

pawl_err pawl_slots_boot(
    struct pawl_slots *slots, pawl_boot_reason ended, struct pawl_slots_boot *ret_boot)
{
	PAWL_ASSERT(slots != NULL && ret_boot != NULL && pawl_slots_valid(slots));
	PAWL_ASSERT(ended == PAWL_BOOT_POWER_ON || ended == PAWL_BOOT_REBOOT || is_failure(ended));

	struct pawl_slots next = *slots;
	account(&next, ended);
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		if (next.slot[i].state == PAWL_SLOT_TRIAL && next.slot[i].tries_left == 0)
			(void)must_step(&next, i, PAWL_SLOT_FAIL);

	const unsigned chosen = pawl_slots_choose(&next);
	if (chosen == PAWL_SLOT_NONE)
		return PAWL_ERR_NOT_FOUND;
	const unsigned ran = next.running;
	const bool fell_back =
	    ran != PAWL_SLOT_NONE && ran != chosen && next.slot[ran].state == PAWL_SLOT_BAD;

	/* Always stored: the reason of the boot is part of what is stored. */
	const unsigned effects = must_step(&next, chosen, PAWL_SLOT_BOOT) | PAWL_SLOT_STORE;
	*slots = next;
	*ret_boot = (struct pawl_slots_boot){
		.slot = chosen,
		.reason = fell_back ? PAWL_BOOT_FALLBACK : ended,
		.effects = effects,
	};
	return PAWL_ERR_OK;
}

const char *pawl_slot_state_name(pawl_slot_state state)
{
	switch (state) {
	case PAWL_SLOT_EMPTY: return "empty";
	case PAWL_SLOT_WRITING: return "writing";
	case PAWL_SLOT_STAGED: return "staged";
	case PAWL_SLOT_TRIAL: return "trial";
	case PAWL_SLOT_GOOD: return "good";
	case PAWL_SLOT_BAD: return "bad";
	}
	return "unknown";
}

const char *pawl_slot_event_name(pawl_slot_event event)
{
	switch (event) {
	case PAWL_SLOT_WRITE_BEGIN: return "write-begin";
	case PAWL_SLOT_WRITE_DONE: return "write-done";
	case PAWL_SLOT_ABANDON: return "abandon";
	case PAWL_SLOT_ACTIVATE: return "activate";
	case PAWL_SLOT_WITHDRAW: return "withdraw";
	case PAWL_SLOT_BOOT: return "boot";
	case PAWL_SLOT_CONFIRM: return "confirm";
	case PAWL_SLOT_FAIL: return "fail";
	}
	return "unknown";
}

const char *pawl_boot_reason_name(pawl_boot_reason reason)
{
	switch (reason) {
	case PAWL_BOOT_UNKNOWN: return "unknown";
	case PAWL_BOOT_POWER_ON: return "power-on";
	case PAWL_BOOT_REBOOT: return "reboot";
	case PAWL_BOOT_PANIC: return "panic";
	case PAWL_BOOT_WATCHDOG: return "watchdog";
	case PAWL_BOOT_IMAGE_UNREADABLE: return "image-unreadable";
	case PAWL_BOOT_FALLBACK: return "fallback";
	}
	return "unknown";
}
