/* SPDX-License-Identifier: MIT
 *
 * The machine in the world of device_world.h: whatever fails by seed, when the
 * faults stop the device must run the release.
 */
#include "cmocka_setup.h"
#include "device_world.h"

#include <stdio.h>
#include <string.h>

enum { SEEDS = 1500, STEPS = 600, SETTLE_STEPS = 4000 };

static void a_good_release_is_installed(void **state)
{
	(void)state;
	static struct world world;
	world_new(&world, 1);
	struct pawl_device_event event = world_start_agent(&world);
	world_run(&world, &event, 400);
	assert_true(world.success);
	assert_int_equal(world.slots.running, PAWL_SLOT_B);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_GOOD);
	assert_int_equal(world.slots.floor, 2);
	assert_int_equal(world.device.stored.channel_counter, 2);
	assert_int_equal(world.device.stored.time_floor.ms, 2000);
	/* The same release under another action: told at once, without a download. */
	world_set_text(world.action, "18");
	world.success = false;
	const unsigned downloads = total_effects[PAWL_DO_DOWNLOAD];
	world_run(&world, &event, 100);
	assert_true(world.success);
	assert_int_equal(total_effects[PAWL_DO_DOWNLOAD], downloads);
	/* The server lost what it was told: it is told again. */
	world_set_text(world.action, "18");
	world.success = false;
	world_run(&world, &event, 100);
	assert_true(world.success);
	assert_int_equal(total_effects[PAWL_DO_DOWNLOAD], downloads);
}

static void a_sick_or_dead_release_falls_back(void **state)
{
	(void)state;
	static struct world world;
	for (unsigned how = 0; how < 2; how++) {
		world_new(&world, 2 + how);
		world.sick = how == 0;
		world.dead = how == 1;
		struct pawl_device_event event = world_start_agent(&world);
		world_run(&world, &event, 600);
		assert_int_equal(world.action[0], '\0');
		assert_false(world.success);
		assert_int_equal(world.slots.running, PAWL_SLOT_A);
		assert_int_equal(world.slots.slot[PAWL_SLOT_A].state, PAWL_SLOT_GOOD);
		assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_BAD);
		assert_int_equal(world.slots.floor, 1);
		assert_int_equal(world.device.stored.last_reason,
		    how == 0 ? PAWL_REASON_HEALTH : PAWL_REASON_BOOT_FAILED);
	}
}

static void a_closed_window_delays_only_the_activation(void **state)
{
	(void)state;
	static struct world world;
	world_new(&world, 4);
	world.window_closed = true;
	struct pawl_device_event event = world_start_agent(&world);
	world_run(&world, &event, 300);
	assert_int_equal(world.device.stored.phase, PAWL_PHASE_STAGED);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].tries_left, 0);
	world.window_closed = false;
	world_run(&world, &event, 300);
	assert_true(world.success);
}

static void a_cancelled_update_leaves_nothing(void **state)
{
	(void)state;
	static struct world world;
	world_new(&world, 5);
	world.window_closed = true;
	struct pawl_device_event event = world_start_agent(&world);
	world_run(&world, &event, 300);
	world_set_text(world.cancel, "17");
	world_run(&world, &event, 300);
	assert_int_equal(world.action[0], '\0');
	assert_int_equal(world.cancel[0], '\0');
	assert_int_equal(world.device.stored.phase, PAWL_PHASE_IDLE);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_EMPTY);
	/* One that was never begun is accepted as well. */
	world_set_text(world.cancel, "99");
	world_run(&world, &event, 300);
	assert_int_equal(world.cancel[0], '\0');
}

static void a_withdrawn_offer_is_not_activated(void **state)
{
	(void)state;
	static struct world world;
	world_new(&world, 6);
	world.window_closed = true;
	struct pawl_device_event event = world_start_agent(&world);
	world_run(&world, &event, 300);
	world.window_closed = false;
	world.action[0] = '\0';
	for (unsigned i = 0; i < 20; i++)
		world_run(&world, &event, 10);
	assert_int_equal(world.device.stored.phase, PAWL_PHASE_STAGED);
	world_set_text(world.action, "17");
	world_run(&world, &event, 300);
	assert_true(world.success);
}

static void a_larger_image_than_the_slot_is_refused(void **state)
{
	(void)state;
	static struct world world;
	world_new(&world, 7);
	world.release.length = (uint64_t)WORLD_IMAGE + 1;
	struct pawl_device_event event = world_start_agent(&world);
	world_run(&world, &event, 300);
	assert_int_equal(world.action[0], '\0');
	assert_int_equal(world.device.stored.last_reason, PAWL_REASON_SLOT_TOO_SMALL);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_EMPTY);
}

static void a_server_that_always_begins_again_is_given_up(void **state)
{
	(void)state;
	static struct world world;
	world_new(&world, 8);
	world.begins_again = true;
	struct pawl_device_event event = world_start_agent(&world);
	world_run(&world, &event, 600);
	assert_int_equal(world.action[0], '\0');
	assert_int_equal(world.device.stored.last_reason, PAWL_REASON_LENGTH_MISMATCH);
}

/* Faults of every kind by seed, then none: the device must get there. */
static void every_seed_converges(void **state)
{
	(void)state;
	static struct world world;
	for (uint64_t seed = 100; seed < 100 + SEEDS; seed++) {
		world_new(&world, seed);
		world.faults = true;
		world.rate = (unsigned)pawl_prng_below(&world.prng, 40);
		world.power = (unsigned)pawl_prng_below(&world.prng, 15);
		world.sick = pawl_prng_below(&world.prng, 4) == 0;
		world.dead = pawl_prng_below(&world.prng, 6) == 0;
		world.window_closed = pawl_prng_below(&world.prng, 4) == 0;
		struct pawl_device_event event = world_start_agent(&world);
		world_run(&world, &event, STEPS);
		if (pawl_prng_below(&world.prng, 3) == 0)
			snprintf(world.cancel, sizeof(world.cancel), "%s", "17");
		world_run(&world, &event, STEPS / 2);
		world.faults = false;
		world.sick = false;
		world.dead = false;
		world.window_closed = false;
		world_run(&world, &event, SETTLE_STEPS);
		/* A new release, and no fault any more. */
		world_set_release(&world, 3);
		world_set_text(world.action, "18");
		world.cancel[0] = '\0';
		world.success = false;
		world_run(&world, &event, SETTLE_STEPS);
		if (!world.success || world.content[world.slots.running] != 3 ||
		    world.slots.slot[world.slots.running].state != PAWL_SLOT_GOOD)
			fail_msg("seed %u: phase %s, running content %u", (unsigned)seed,
			    pawl_phase_name(world.device.stored.phase),
			    (unsigned)world.content[world.slots.running]);
	}
}

static void every_effect_and_phase_was_seen(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAWL_DO_COUNT; i++) {
		const bool nested = i == PAWL_DO_GO_ON || i == PAWL_DO_PAUSE;
		if (total_effects[i] == 0 && !nested)
			fail_msg("never: %s", pawl_device_effect_name((pawl_device_effect_kind)i));
	}
	for (unsigned i = 0; i < PAWL_PHASE_COUNT; i++) {
		if (total_phases[i] == 0)
			fail_msg("never: %s", pawl_phase_name((pawl_phase)i));
	}
	for (unsigned i = 0; i < PAWL_REPORT_KIND_COUNT; i++) {
		if (total_kinds[i] == 0)
			fail_msg("never reported: %u", i);
	}
}

static void the_largest_state_is_stored_and_read(void **state)
{
	(void)state;
	static struct pawl_device_stored stored;
	static struct pawl_device_stored back;
	static uint8_t bytes[PAWL_DEVICE_STATE_SIZE_MAX];
	static uint8_t scratch[PAWL_DEVICE_SCRATCH];
	stored = pawl_device_fresh((struct pawl_wall){ INT64_MAX });
	stored.phase = PAWL_PHASE_DOWNLOADING;
	stored.slot = PAWL_SLOT_B;
	/* Quotation marks double in JSON. */
	memset(stored.action, 'a', PAWL_DEVICE_ACTION_MAX);
	memset(stored.sentence, '"', PAWL_DEVICE_SENTENCE_MAX);
	memset(stored.last_action, 'b', PAWL_DEVICE_ACTION_MAX);
	memset(stored.last_sentence, '"', PAWL_DEVICE_SENTENCE_MAX);
	memset(stored.release.path, 'p', PAWL_TARGET_PATH_MAX);
	memset(stored.release.version, 'v', PAWL_VERSION_MAX);
	memset(stored.release.sha256, 0xab, 32);
	stored.release.length = INT64_MAX;
	stored.offset = 12345;
	stored.report_count = PAWL_DEVICE_REPORTS_MAX;
	for (unsigned i = 0; i < PAWL_DEVICE_REPORTS_MAX; i++) {
		memset(stored.reports[i].action, 'c', PAWL_DEVICE_ACTION_MAX);
		memset(stored.reports[i].sentence, '"', PAWL_DEVICE_SENTENCE_MAX);
		stored.reports[i].kind = PAWL_REPORT_CANCEL_REJECTED;
		stored.reports[i].reason = PAWL_REASON_CLOCK;
	}
	struct pawl_buf out = pawl_buf_of(bytes, sizeof(bytes));
	assert_int_equal(pawl_device_encode(&stored, &out), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_device_decode(pawl_buf_bytes(&out), scratch, sizeof(scratch), &back), PAWL_ERR_OK);
	assert_memory_equal(&stored, &back, sizeof(stored));
	/* Any damage is seen. */
	for (size_t i = 0; i < out.size; i += 7) {
		bytes[i] ^= 0x10;
		assert_int_not_equal(
		    pawl_device_decode(pawl_buf_bytes(&out), scratch, sizeof(scratch), &back),
		    PAWL_ERR_OK);
		bytes[i] ^= 0x10;
	}
	assert_int_not_equal(
	    pawl_device_decode(PAWL_BYTES(bytes, out.size - 1), scratch, sizeof(scratch), &back),
	    PAWL_ERR_OK);
	out = pawl_buf_of(bytes, 2000);
	assert_int_equal(pawl_device_encode(&stored, &out), PAWL_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_release_is_installed),
		cmocka_unit_test(a_sick_or_dead_release_falls_back),
		cmocka_unit_test(a_closed_window_delays_only_the_activation),
		cmocka_unit_test(a_cancelled_update_leaves_nothing),
		cmocka_unit_test(a_withdrawn_offer_is_not_activated),
		cmocka_unit_test(a_larger_image_than_the_slot_is_refused),
		cmocka_unit_test(a_server_that_always_begins_again_is_given_up),
		cmocka_unit_test(every_seed_converges),
		cmocka_unit_test(every_effect_and_phase_was_seen),
		cmocka_unit_test(the_largest_state_is_stored_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
