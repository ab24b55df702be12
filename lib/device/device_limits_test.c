/* SPDX-License-Identifier: MIT
 *
 * What must end, ends: no wedged phase, no endless download, no lost way back.
 */
#include "cmocka_setup.h"
#include "device_world.h"

#include "pawl/record.h"

#include <string.h>

static struct world world;
static struct pawl_device_event event;

static void begin(uint64_t seed)
{
	world_new(&world, seed);
	event = world_start_agent(&world);
}

static void expect_failure(pawl_reason reason)
{
	assert_int_equal(world.action[0], '\0');
	assert_false(world.success);
	assert_int_equal(world.device.stored.phase, PAWL_PHASE_IDLE);
	assert_int_equal(world.device.stored.last_reason, reason);
	assert_int_equal(world.slots.running, PAWL_SLOT_A);
	assert_int_equal(world.slots.slot[PAWL_SLOT_A].state, PAWL_SLOT_GOOD);
}

/* The next release, honestly served, goes in as if nothing had been. */
static void expect_that_it_goes_on(void)
{
	world_set_release(&world, 3);
	world_set_text(world.action, "18");
	world_run(&world, &event, 2000);
	assert_true(world.success);
	assert_int_equal(world.content[world.slots.running], 3);
}

static void wrong_bytes_come_at_most_twice(void **state)
{
	(void)state;
	begin(1);
	world.wrong_bytes = true;
	world_run(&world, &event, 2000);
	expect_failure(PAWL_REASON_HASH_MISMATCH);
	assert_int_equal(world.received, 2 * (uint64_t)WORLD_IMAGE);
	world.wrong_bytes = false;
	expect_that_it_goes_on();
}

static void a_slot_that_reads_back_wrong_is_written_at_most_twice(void **state)
{
	(void)state;
	begin(2);
	world.bad_flash = true;
	world_run(&world, &event, 2000);
	expect_failure(PAWL_REASON_HASH_MISMATCH);
	assert_int_equal(world.received, 2 * (uint64_t)WORLD_IMAGE);
	world.bad_flash = false;
	expect_that_it_goes_on();
}

static void a_boot_record_that_fails_costs_no_download(void **state)
{
	(void)state;
	begin(3);
	world.no_staging = true;
	world_run(&world, &event, 2000);
	expect_failure(PAWL_REASON_IO);
	assert_int_equal(world.received, (uint64_t)WORLD_IMAGE);
	world.no_staging = false;
	expect_that_it_goes_on();
}

/* Each download begins at 0 and gets one byte further than the one before. */
static void a_server_that_creeps_is_given_up(void **state)
{
	(void)state;
	begin(4);
	world.creeps = 1;
	world.downloads = 2500000;
	world_run(&world, &event, 20000);
	expect_failure(PAWL_REASON_NETWORK);
	assert_true(world.received <= (uint64_t)(PAWL_DEVICE_DOWNLOAD_TIMES + 1) * WORLD_IMAGE);
	world.creeps = 0;
	expect_that_it_goes_on();
}

/* Longer than one poll interval, from a server without ranges. */
static void a_server_without_ranges_can_be_slow(void **state)
{
	(void)state;
	begin(5);
	world.no_resume = true;
	world_run(&world, &event, 2000);
	assert_true(world.success);
	assert_true(world.received <= 2 * (uint64_t)WORLD_IMAGE);
}

static void a_bad_image_that_breaks_the_disk_is_left(void **state)
{
	(void)state;
	begin(6);
	world.sick = true;
	world.no_memory = true;
	world_run(&world, &event, 3000);
	assert_int_equal(world.slots.running, PAWL_SLOT_A);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_BAD);
	expect_failure(PAWL_REASON_BOOT_FAILED);
}

static void a_machine_that_can_not_restart_says_so(void **state)
{
	(void)state;
	begin(7);
	world.no_reboot = true;
	world_run(&world, &event, 3000);
	expect_failure(PAWL_REASON_IO);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_EMPTY);
	world.no_reboot = false;
	expect_that_it_goes_on();
}

/* Whatever the offer does to the agent, it does not do it for ever. */
static void an_offer_that_kills_the_agent_is_given_up(void **state)
{
	(void)state;
	begin(8);
	unsigned starts = 0;
	while (world.action[0] != '\0' && starts < 200) {
		event.now.ms = world.now;
		const struct pawl_device_effect effect = pawl_device_step(&world.device, &event);
		if (effect.kind == PAWL_DO_CHECK) {
			starts++;
			event = world_start_agent(&world);
			continue;
		}
		(void)world_perform(&world, &effect, &event);
	}
	assert_true(starts > PAWL_DEVICE_CONTENT_TRIES && starts < 60);
	expect_failure(PAWL_REASON_IO);
	expect_that_it_goes_on();
}

/* After an update and after a fallback the other version's agent reads it. */
static void a_state_without_the_newer_counters_is_read(void **state)
{
	(void)state;
	static const char TEXT[] =
	    "{\"phase\":\"idle\",\"action\":\"\",\"slot\":255,\"release\":{\"path\":\"\","
	    "\"version\":\"\",\"seq\":0,\"sec\":0,\"length\":0,\"sha256\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000000\"},"
	    "\"offset\":0,\"furthest\":0,\"tries\":0,\"rewrites\":0,\"reason\":\"none\","
	    "\"sentence\":\"\",\"lastAction\":\"16\",\"lastSuccess\":true,\"lastReason\":"
	    "\"none\",\"lastSentence\":\"done\",\"channelCounter\":3,\"timeFloor\":7,"
	    "\"reports\":[],\"of-a-later-version\":[1]}";
	static struct pawl_device_stored stored;
	static uint8_t scratch[PAWL_DEVICE_SCRATCH];
	uint8_t bytes[1024];
	struct pawl_buf out = pawl_buf_of(bytes, sizeof(bytes));
	pawl_put_record(&out, "PAGT", 1, pawl_bytes_of(TEXT));
	assert_int_equal(
	    pawl_device_decode(pawl_buf_bytes(&out), scratch, sizeof(scratch), &stored),
	    PAWL_ERR_OK);
	assert_int_equal(stored.channel_counter, 3);
	assert_int_equal(stored.mismatches + stored.starts + stored.spent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_bytes_come_at_most_twice),
		cmocka_unit_test(a_slot_that_reads_back_wrong_is_written_at_most_twice),
		cmocka_unit_test(a_boot_record_that_fails_costs_no_download),
		cmocka_unit_test(a_server_that_creeps_is_given_up),
		cmocka_unit_test(a_server_without_ranges_can_be_slow),
		cmocka_unit_test(a_bad_image_that_breaks_the_disk_is_left),
		cmocka_unit_test(a_machine_that_can_not_restart_says_so),
		cmocka_unit_test(a_state_without_the_newer_counters_is_read),
		cmocka_unit_test(an_offer_that_kills_the_agent_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
