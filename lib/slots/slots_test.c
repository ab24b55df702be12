/* SPDX-License-Identifier: MIT
 *
 * The machine is small, so these tests are a proof and not a sample: they walk
 * every valid pair of slots x floor x running slot x event.
 */
#include "cmocka_setup.h"

#include "pawl/slots.h"

#include <stdio.h>
#include <string.h>

enum { SEC_COUNT = 3, PER_SLOT_MAX = 64 };

static struct pawl_slot variants[PER_SLOT_MAX];
static size_t variant_count;

/* Every valid slot with `sec` below SEC_COUNT. */
static int make_variants(void **state)
{
	(void)state;
	variant_count = 0;
	for (unsigned s = 0; s < PAWL_SLOT_STATE_COUNT; s++)
		for (unsigned tries = 0; tries <= PAWL_SLOT_TRIES_MAX; tries++)
			for (uint64_t sec = 0; sec < SEC_COUNT; sec++) {
				struct pawl_slots probe = pawl_slots_factory(0);
				probe.slot[1] = (struct pawl_slot){ (pawl_slot_state)s,
					(uint8_t)tries, PAWL_BOOT_UNKNOWN, sec };
				if (!pawl_slots_valid(&probe))
					continue;
				assert_true(variant_count < PER_SLOT_MAX);
				variants[variant_count++] = probe.slot[1];
			}
	return 0;
}

typedef void (*visit)(const struct pawl_slots *before);

static void for_each_pair(visit call)
{
	static const uint8_t runners[] = { 0, 1, PAWL_SLOT_NONE };

	for (size_t a = 0; a < variant_count; a++)
		for (size_t b = 0; b < variant_count; b++)
			for (size_t r = 0; r < 3; r++)
				for (uint64_t floor = 0; floor < SEC_COUNT; floor++) {
					const struct pawl_slots pair = {
						.slot = { variants[a], variants[b] },
						.running = runners[r],
						.floor = floor,
					};
					call(&pair);
				}
}

static bool is_good(const struct pawl_slots *slots, unsigned i)
{
	return slots->slot[i].state == PAWL_SLOT_GOOD && slots->slot[i].sec >= slots->floor;
}

static bool some_good(const struct pawl_slots *slots)
{
	return is_good(slots, 0) || is_good(slots, 1);
}

static bool equal_slot(const struct pawl_slot *a, const struct pawl_slot *b)
{
	return a->state == b->state && a->tries_left == b->tries_left && a->failure == b->failure &&
	       a->sec == b->sec;
}

static bool equal(const struct pawl_slots *a, const struct pawl_slots *b)
{
	return equal_slot(&a->slot[0], &b->slot[0]) && equal_slot(&a->slot[1], &b->slot[1]) &&
	       a->running == b->running && a->floor == b->floor;
}

static unsigned long steps_taken;
static unsigned long steps_refused;
static bool row_hit[PAWL_SLOT_STATE_COUNT][PAWL_SLOT_EVENT_COUNT][PAWL_SLOT_STATE_COUNT];

static void check_step(const struct pawl_slots *before, unsigned i, pawl_slot_event event)
{
	struct pawl_slots after = *before;
	unsigned effects = 0xffff;
	const unsigned other = 1 - i;

	if (pawl_slots_step(&after, i, event, &effects) != PAWL_ERR_OK) {
		assert_true(equal(before, &after));
		assert_int_equal(effects, 0xffff);
		steps_refused++;
		return;
	}
	steps_taken++;
	const struct pawl_slot *was = &before->slot[i];
	const struct pawl_slot *is = &after.slot[i];
	row_hit[was->state][event][is->state] = true;

	assert_true(pawl_slots_valid(&after));
	assert_true(equal_slot(&before->slot[other], &after.slot[other]));
	assert_true(before->floor == after.floor);
	assert_int_equal((effects & PAWL_SLOT_STORE) != 0, !equal(before, &after));
	if (some_good(before))
		assert_true(some_good(&after));
	if (effects & PAWL_SLOT_OVERWRITE) {
		assert_int_equal(event, PAWL_SLOT_WRITE_BEGIN);
		assert_int_equal(before->running, other);
		assert_true(is_good(&after, other));
		assert_int_equal(is->state, PAWL_SLOT_WRITING);
	}
	if (is->state == PAWL_SLOT_WRITING && was->state != PAWL_SLOT_WRITING)
		assert_true(effects & PAWL_SLOT_OVERWRITE);
	if (is->state == PAWL_SLOT_GOOD && was->state != PAWL_SLOT_GOOD) {
		assert_int_equal(was->state, PAWL_SLOT_TRIAL);
		assert_int_equal(event, PAWL_SLOT_CONFIRM);
		assert_int_equal(before->running, i);
		assert_true(effects & PAWL_SLOT_RAISE_FLOOR);
	}
	if (effects & PAWL_SLOT_RAISE_FLOOR)
		assert_int_equal(is->state, PAWL_SLOT_GOOD);
	if (effects & PAWL_SLOT_RUN) {
		assert_int_equal(event, PAWL_SLOT_BOOT);
		assert_int_equal(after.running, i);
		assert_true(is->sec >= after.floor);
		if (is->state == PAWL_SLOT_TRIAL)
			assert_int_equal(is->tries_left, was->tries_left - 1);
		else
			assert_int_equal(was->state, PAWL_SLOT_GOOD);
	} else {
		assert_int_equal(before->running, after.running);
	}
	if (is->tries_left > was->tries_left)
		assert_true(event == PAWL_SLOT_ACTIVATE || event == PAWL_SLOT_CONFIRM);
	if (is->sec != was->sec)
		assert_true(
		    is->sec == 0 && (event == PAWL_SLOT_WRITE_BEGIN || event == PAWL_SLOT_ABANDON));

	/* The floor moves only for a running good slot, and strands nobody. */
	struct pawl_slots raised = after;
	if (pawl_slots_raise_floor(&raised)) {
		assert_true(raised.floor > after.floor);
		assert_int_equal(raised.slot[raised.running].state, PAWL_SLOT_GOOD);
		assert_true(some_good(&raised));
	} else {
		assert_true(equal(&raised, &after));
	}
}

static void check_all_events(const struct pawl_slots *before)
{
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		for (unsigned e = 0; e < PAWL_SLOT_EVENT_COUNT; e++)
			check_step(before, i, (pawl_slot_event)e);
}

static void every_step_keeps_the_invariants(void **state)
{
	(void)state;
	for_each_pair(check_all_events);
	printf("%zu variants of a slot: %lu steps taken, %lu refused\n", variant_count, steps_taken,
	    steps_refused);
}

/* The machine as people read it; a change of the table must be made twice. */
static void the_table_is_this_one(void **state)
{
	static const char expected[] = "empty write-begin writing\n"
				       "writing write-begin writing\n"
				       "writing write-done staged\n"
				       "writing abandon empty\n"
				       "writing fail bad\n"
				       "staged write-begin writing\n"
				       "staged abandon empty\n"
				       "staged activate staged\n"
				       "staged withdraw staged\n"
				       "staged boot trial\n"
				       "staged fail bad\n"
				       "trial boot trial\n"
				       "trial confirm good\n"
				       "trial fail bad\n"
				       "good write-begin writing\n"
				       "good boot good\n"
				       "good confirm good\n"
				       "good fail good\n"
				       "good fail bad\n"
				       "bad write-begin writing\n";
	char seen[4096] = "";
	size_t used = 0;

	(void)state;
	for (unsigned s = 0; s < PAWL_SLOT_STATE_COUNT; s++)
		for (unsigned e = 0; e < PAWL_SLOT_EVENT_COUNT; e++)
			for (int n = PAWL_SLOT_BAD; n >= 0; n--) {
				/* good stays good before it turns bad */
				const unsigned next =
				    (unsigned)(s == PAWL_SLOT_GOOD ? (n + 5) % 6 : n);
				if (!row_hit[s][e][next])
					continue;
				used += (size_t)snprintf(seen + used, sizeof(seen) - used,
				    "%s %s %s\n", pawl_slot_state_name((pawl_slot_state)s),
				    pawl_slot_event_name((pawl_slot_event)e),
				    pawl_slot_state_name((pawl_slot_state)next));
				assert_true(used < sizeof(seen));
			}
	assert_string_equal(seen, expected);
}

static void check_choice(const struct pawl_slots *slots)
{
	const unsigned chosen = pawl_slots_choose(slots);

	if (chosen == PAWL_SLOT_NONE) {
		assert_false(some_good(slots));
		return;
	}
	const struct pawl_slot *slot = &slots->slot[chosen];
	assert_true(slot->sec >= slots->floor);
	if (slot->state == PAWL_SLOT_GOOD) {
		/* The one that ran last goes first. */
		if (slots->running == 1 - chosen)
			assert_false(is_good(slots, 1 - chosen));
		return;
	}
	assert_true(slot->state == PAWL_SLOT_STAGED || slot->state == PAWL_SLOT_TRIAL);
	assert_true(slot->tries_left > 0);
}

static void the_choice_is_never_below_the_floor_nor_unfinished(void **state)
{
	(void)state;
	for_each_pair(check_choice);
}

static const pawl_boot_reason ends[] = { PAWL_BOOT_POWER_ON, PAWL_BOOT_REBOOT, PAWL_BOOT_PANIC,
	PAWL_BOOT_WATCHDOG, PAWL_BOOT_IMAGE_UNREADABLE };

static void check_boots(const struct pawl_slots *before)
{
	for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
		struct pawl_slots slots = *before;
		struct pawl_slots_boot boot;
		unsigned trials = 0;

		/* Everything that boots fails: after the tries of both slots are
		 * spent only a good slot is left, and it stays. */
		for (unsigned n = 0; n < 2 * PAWL_SLOT_TRIES_MAX + 2; n++) {
			const struct pawl_slots was = slots;
			const bool had_good = some_good(&slots);
			if (pawl_slots_boot(&slots, ends[e], &boot) != PAWL_ERR_OK) {
				assert_false(had_good);
				assert_true(equal(&was, &slots));
				break;
			}
			const struct pawl_slot *slot = &slots.slot[boot.slot];
			assert_true(pawl_slots_valid(&slots));
			assert_true(
			    (boot.effects & PAWL_SLOT_STORE) && (boot.effects & PAWL_SLOT_RUN));
			assert_int_equal(slots.running, boot.slot);
			assert_true(slot->sec >= slots.floor && slots.floor == was.floor);
			assert_true(!had_good || some_good(&slots));
			if (slot->state == PAWL_SLOT_TRIAL)
				trials++;
			else
				assert_int_equal(slot->state, PAWL_SLOT_GOOD);
			if (boot.reason == PAWL_BOOT_FALLBACK) {
				assert_int_equal(was.running, 1 - boot.slot);
				assert_int_equal(slots.slot[was.running].state, PAWL_SLOT_BAD);
				if (was.slot[was.running].state != PAWL_SLOT_BAD)
					assert_int_equal(slots.slot[was.running].failure, ends[e]);
			} else {
				assert_int_equal(boot.reason, ends[e]);
			}
		}
		assert_true(trials <= 2 * PAWL_SLOT_TRIES_MAX);
		if (some_good(before))
			assert_int_equal(slots.slot[slots.running].state, PAWL_SLOT_GOOD);
	}
}

static void boots_that_all_fail_end_in_a_good_slot(void **state)
{
	(void)state;
	for_each_pair(check_boots);
}

static unsigned must(struct pawl_slots *slots, unsigned index, pawl_slot_event event)
{
	unsigned effects = 0;

	assert_int_equal(pawl_slots_step(slots, index, event, &effects), PAWL_ERR_OK);
	return effects;
}

static void staged_waits_for_the_agent_and_can_be_withdrawn(void **state)
{
	struct pawl_slots slots = pawl_slots_factory(1);
	struct pawl_slots_boot boot;

	(void)state;
	assert_int_equal(pawl_slots_boot(&slots, PAWL_BOOT_POWER_ON, &boot), PAWL_ERR_OK);
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_WRITE_BEGIN);
	slots.slot[PAWL_SLOT_B].sec = 2;
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_WRITE_DONE);
	assert_int_equal(pawl_slots_choose(&slots), PAWL_SLOT_A);
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_ACTIVATE);
	assert_int_equal(pawl_slots_choose(&slots), PAWL_SLOT_B);
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_WITHDRAW);
	assert_int_equal(pawl_slots_choose(&slots), PAWL_SLOT_A);
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_ACTIVATE);

	assert_int_equal(pawl_slots_boot(&slots, PAWL_BOOT_REBOOT, &boot), PAWL_ERR_OK);
	assert_int_equal(boot.slot, PAWL_SLOT_B);
	assert_int_equal(boot.reason, PAWL_BOOT_REBOOT);
	assert_false(pawl_slots_raise_floor(&slots));
	assert_true(must(&slots, PAWL_SLOT_B, PAWL_SLOT_CONFIRM) & PAWL_SLOT_RAISE_FLOOR);
	assert_true(pawl_slots_raise_floor(&slots));
	assert_true(slots.floor == 2);
	assert_false(pawl_slots_raise_floor(&slots));
}

static void a_failed_trial_falls_back_and_says_why(void **state)
{
	struct pawl_slots slots = pawl_slots_factory(1);
	struct pawl_slots_boot boot;

	(void)state;
	assert_int_equal(pawl_slots_boot(&slots, PAWL_BOOT_POWER_ON, &boot), PAWL_ERR_OK);
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_WRITE_BEGIN);
	slots.slot[PAWL_SLOT_B].sec = 1;
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_WRITE_DONE);
	must(&slots, PAWL_SLOT_B, PAWL_SLOT_ACTIVATE);
	pawl_boot_reason ended = PAWL_BOOT_REBOOT;
	for (unsigned n = 0; n < PAWL_SLOT_TRIES_MAX; n++) {
		assert_int_equal(pawl_slots_boot(&slots, ended, &boot), PAWL_ERR_OK);
		assert_int_equal(boot.slot, PAWL_SLOT_B);
		ended = PAWL_BOOT_WATCHDOG;
	}
	assert_int_equal(pawl_slots_boot(&slots, ended, &boot), PAWL_ERR_OK);
	assert_int_equal(boot.slot, PAWL_SLOT_A);
	assert_int_equal(boot.reason, PAWL_BOOT_FALLBACK);
	assert_int_equal(slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_BAD);
	assert_int_equal(slots.slot[PAWL_SLOT_B].failure, PAWL_BOOT_WATCHDOG);

	/* The next boot of A is no fallback any more. */
	assert_int_equal(pawl_slots_boot(&slots, PAWL_BOOT_REBOOT, &boot), PAWL_ERR_OK);
	assert_int_equal(boot.reason, PAWL_BOOT_REBOOT);
}

static void an_unreadable_trial_is_given_up_at_once(void **state)
{
	struct pawl_slots slots = pawl_slots_factory(1);
	struct pawl_slots_boot boot;

	(void)state;
	slots.slot[PAWL_SLOT_B] =
	    (struct pawl_slot){ PAWL_SLOT_STAGED, PAWL_SLOT_TRIES_MAX, PAWL_BOOT_UNKNOWN, 1 };
	assert_int_equal(pawl_slots_boot(&slots, PAWL_BOOT_POWER_ON, &boot), PAWL_ERR_OK);
	assert_int_equal(boot.slot, PAWL_SLOT_B);
	assert_int_equal(pawl_slots_boot(&slots, PAWL_BOOT_IMAGE_UNREADABLE, &boot), PAWL_ERR_OK);
	assert_int_equal(boot.slot, PAWL_SLOT_A);
	assert_int_equal(boot.reason, PAWL_BOOT_FALLBACK);
	assert_int_equal(slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_BAD);
	assert_int_equal(slots.slot[PAWL_SLOT_B].failure, PAWL_BOOT_IMAGE_UNREADABLE);
}

static void names_are_all_there(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAWL_SLOT_STATE_COUNT; i++)
		assert_string_not_equal(pawl_slot_state_name((pawl_slot_state)i), "unknown");
	for (unsigned i = 0; i < PAWL_SLOT_EVENT_COUNT; i++)
		assert_string_not_equal(pawl_slot_event_name((pawl_slot_event)i), "unknown");
	for (unsigned i = 1; i < PAWL_BOOT_REASON_COUNT; i++)
		assert_string_not_equal(pawl_boot_reason_name((pawl_boot_reason)i), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_keeps_the_invariants),
		cmocka_unit_test(the_table_is_this_one),
		cmocka_unit_test(the_choice_is_never_below_the_floor_nor_unfinished),
		cmocka_unit_test(boots_that_all_fail_end_in_a_good_slot),
		cmocka_unit_test(staged_waits_for_the_agent_and_can_be_withdrawn),
		cmocka_unit_test(a_failed_trial_falls_back_and_says_why),
		cmocka_unit_test(an_unreadable_trial_is_given_up_at_once),
		cmocka_unit_test(names_are_all_there),
	};

	return cmocka_run_group_tests(tests, make_variants, NULL);
}
