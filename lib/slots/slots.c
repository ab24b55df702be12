/* SPDX-License-Identifier: MIT
 *
 * The life of the two slots as one table of cells, and the guards that look
 * at the other slot. Invariant, proved by slots_test.c over every pair: if a
 * good slot at or above the floor exists, one exists after every step, and
 * the running slot is never written.
 */
#include "pawl/slots.h"

#include <stddef.h>

/* Conditions beyond the slot's own state. */
enum guard {
	OTHER_RUNS = 1 << 0, /* the other slot runs, is GOOD and bootable              */
	THIS_RUNS = 1 << 1,  /* only the slot that runs may confirm itself             */
	HAS_TRY = 1 << 2,    /* a try is left to spend                                 */
	ABOVE_FLOOR = 1 << 3 /* `sec` is not below the floor                           */
};

/* What a step does beside the change of state. */
enum act {
	GIVE_TRIES = 1 << 0,
	TAKE_TRIES = 1 << 1,
	SPEND_TRY = 1 << 2,
	FORGET_IMAGE = 1 << 3, /* the content is no longer what `sec` speaks of          */
	FORGET_FAILURE = 1 << 4,
	STRIKE = 1 << 5 /* a good slot turns BAD only when it may (see strike())  */
};

struct cell {
	bool allowed;
	pawl_slot_state next;
	unsigned guards;
	unsigned acts;
	unsigned effects;
};

/* clang-format off */
#define ROW(state, event, next, guards, acts, effects)                                             \
	[PAWL_SLOT_##state][PAWL_SLOT_##event] = { true, PAWL_SLOT_##next, guards, acts, effects }
#define BEGIN(state)                                                                               \
	ROW(state, WRITE_BEGIN, WRITING, OTHER_RUNS, TAKE_TRIES | FORGET_IMAGE | FORGET_FAILURE,   \
	    PAWL_SLOT_OVERWRITE)

/* The whole machine. What has no row is refused. */
static const struct cell table[PAWL_SLOT_STATE_COUNT][PAWL_SLOT_EVENT_COUNT] = {
	BEGIN(EMPTY),
	BEGIN(WRITING),
	ROW(WRITING, WRITE_DONE, STAGED, ABOVE_FLOOR, TAKE_TRIES, 0),
	ROW(WRITING, ABANDON, EMPTY, 0, TAKE_TRIES | FORGET_IMAGE, 0),
	ROW(WRITING, FAIL, BAD, 0, TAKE_TRIES, 0),
	BEGIN(STAGED),
	ROW(STAGED, ABANDON, EMPTY, OTHER_RUNS, TAKE_TRIES | FORGET_IMAGE, 0),
	ROW(STAGED, ACTIVATE, STAGED, OTHER_RUNS | ABOVE_FLOOR, GIVE_TRIES, 0),
	ROW(STAGED, WITHDRAW, STAGED, 0, TAKE_TRIES, 0),
	ROW(STAGED, BOOT, TRIAL, HAS_TRY | ABOVE_FLOOR, SPEND_TRY, PAWL_SLOT_RUN),
	ROW(STAGED, FAIL, BAD, 0, TAKE_TRIES, 0),
	ROW(TRIAL, BOOT, TRIAL, HAS_TRY | ABOVE_FLOOR, SPEND_TRY, PAWL_SLOT_RUN),
	ROW(TRIAL, CONFIRM, GOOD, THIS_RUNS | ABOVE_FLOOR, GIVE_TRIES | FORGET_FAILURE,
	    PAWL_SLOT_RAISE_FLOOR),
	ROW(TRIAL, FAIL, BAD, 0, TAKE_TRIES, 0),
	BEGIN(GOOD),
	ROW(GOOD, BOOT, GOOD, ABOVE_FLOOR, 0, PAWL_SLOT_RUN | PAWL_SLOT_RAISE_FLOOR),
	ROW(GOOD, CONFIRM, GOOD, THIS_RUNS | ABOVE_FLOOR, GIVE_TRIES, PAWL_SLOT_RAISE_FLOOR),
	ROW(GOOD, FAIL, GOOD, 0, STRIKE, 0),
	BEGIN(BAD),
};
/* clang-format on */

static bool is_good(const struct pawl_slots *slots, unsigned index)
{
	return slots->slot[index].state == PAWL_SLOT_GOOD && slots->slot[index].sec >= slots->floor;
}

static bool guards_hold(const struct pawl_slots *slots, unsigned index, unsigned guards)
{
	const unsigned other = 1 - index;

	if ((guards & OTHER_RUNS) && (slots->running != other || !is_good(slots, other)))
		return false;
	if ((guards & THIS_RUNS) && slots->running != index)
		return false;
	if ((guards & HAS_TRY) && slots->slot[index].tries_left == 0)
		return false;
	if ((guards & ABOVE_FLOOR) && slots->slot[index].sec < slots->floor)
		return false;
	return true;
}

/* A failed start of a good slot. It is given up only when there is another
 * good one: the last good slot is tried for ever. */
static void strike(struct pawl_slots *slots, unsigned index)
{
	struct pawl_slot *slot = &slots->slot[index];

	if (slot->tries_left > 0)
		slot->tries_left--;
	if (slot->tries_left == 0 && is_good(slots, 1 - index))
		slot->state = PAWL_SLOT_BAD;
}

static bool slot_equal(const struct pawl_slot *a, const struct pawl_slot *b)
{
	return a->state == b->state && a->tries_left == b->tries_left && a->failure == b->failure &&
	       a->sec == b->sec;
}

pawl_err pawl_slots_step(
    struct pawl_slots *slots, unsigned index, pawl_slot_event event, unsigned *ret_effects)
{
	PAWL_ASSERT(slots != NULL && ret_effects != NULL && index < PAWL_SLOT_COUNT);
	PAWL_ASSERT((unsigned)event < PAWL_SLOT_EVENT_COUNT && pawl_slots_valid(slots));

	struct pawl_slot *slot = &slots->slot[index];
	const struct cell *cell = &table[slot->state][event];
	if (!cell->allowed || !guards_hold(slots, index, cell->guards))
		return PAWL_ERR_REFUSED;

	const struct pawl_slot before = *slot;
	const uint8_t running_before = slots->running;
	slot->state = cell->next;
	if (cell->acts & GIVE_TRIES)
		slot->tries_left = PAWL_SLOT_TRIES_MAX;
	if (cell->acts & TAKE_TRIES)
		slot->tries_left = 0;
	if (cell->acts & SPEND_TRY)
		slot->tries_left--;
	if (cell->acts & FORGET_IMAGE)
		slot->sec = 0;
	if (cell->acts & FORGET_FAILURE)
		slot->failure = PAWL_BOOT_UNKNOWN;
	if (cell->acts & STRIKE)
		strike(slots, index);
	if (cell->effects & PAWL_SLOT_RUN)
		slots->running = (uint8_t)index;

	const bool changed = !slot_equal(&before, slot) || running_before != slots->running;
	*ret_effects = cell->effects | (changed ? PAWL_SLOT_STORE : 0u);
	return PAWL_ERR_OK;
}

bool pawl_slots_raise_floor(struct pawl_slots *slots)
{
	PAWL_ASSERT(slots != NULL && pawl_slots_valid(slots));
	if (slots->running == PAWL_SLOT_NONE)
		return false;

	const struct pawl_slot *slot = &slots->slot[slots->running];
	if (slot->state != PAWL_SLOT_GOOD || slot->sec <= slots->floor)
		return false;
	slots->floor = slot->sec;
	return true;
}

static bool is_candidate(const struct pawl_slots *slots, unsigned index)
{
	const struct pawl_slot *slot = &slots->slot[index];

	return (slot->state == PAWL_SLOT_STAGED || slot->state == PAWL_SLOT_TRIAL) &&
	       slot->tries_left > 0 && slot->sec >= slots->floor;
}

unsigned pawl_slots_choose(const struct pawl_slots *slots)
{
	PAWL_ASSERT(slots != NULL && pawl_slots_valid(slots));
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		if (is_candidate(slots, i))
			return i;
	if (slots->running != PAWL_SLOT_NONE && is_good(slots, slots->running))
		return slots->running;
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		if (is_good(slots, i))
			return i;
	return PAWL_SLOT_NONE;
}

bool pawl_slots_valid(const struct pawl_slots *slots)
{
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++) {
		const struct pawl_slot *slot = &slots->slot[i];
		if ((unsigned)slot->state >= PAWL_SLOT_STATE_COUNT ||
		    (unsigned)slot->failure >= PAWL_BOOT_REASON_COUNT ||
		    slot->tries_left > PAWL_SLOT_TRIES_MAX)
			return false;
		const bool keeps_tries = slot->state == PAWL_SLOT_STAGED ||
					 slot->state == PAWL_SLOT_TRIAL ||
					 slot->state == PAWL_SLOT_GOOD;
		if (!keeps_tries && slot->tries_left != 0)
			return false;
		if (slot->state == PAWL_SLOT_EMPTY && slot->sec != 0)
			return false;
	}
	return slots->running < PAWL_SLOT_COUNT || slots->running == PAWL_SLOT_NONE;
}

struct pawl_slots pawl_slots_factory(uint64_t sec)
{
	struct pawl_slots slots = { .running = PAWL_SLOT_NONE, .floor = 0 };

	slots.slot[PAWL_SLOT_A].state = PAWL_SLOT_GOOD;
	slots.slot[PAWL_SLOT_A].tries_left = PAWL_SLOT_TRIES_MAX;
	slots.slot[PAWL_SLOT_A].sec = sec;
	return slots;
}
