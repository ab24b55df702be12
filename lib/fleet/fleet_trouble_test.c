/* SPDX-License-Identifier: MIT
 *
 * fleet_trouble_test.c - clocks that jump, operators who change their minds,
 * devices that say things late, and the sentences that are shown then. */
#include "fleet_kit.h"

#include "pawl/text.h"

#include <stdio.h>
#include <string.h>

enum { YEAR_S = 365 * 86400 };

static void assert_rollout_why(uint32_t id, const char *wanted)
{
	char why[PAWL_REASON_MAX + 1];

	pawl_fleet_rollout_why(fleet, id, why);
	assert_string_equal(why, wanted);
}

static void a_clock_that_jumps_fails_nobody(void **state)
{
	const int64_t jumps[] = { YEAR_S * PAWL_MS_PER_S, -2 * YEAR_S * PAWL_MS_PER_S,
		YEAR_S * PAWL_MS_PER_S };
	uint32_t actions[2];

	(void)state;
	now.ms += 3 * YEAR_S * PAWL_MS_PER_S;
	kit_add_many(2);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	assert_int_equal(kit_poll_all(2, actions), 2);
	kit_must_read("dev000000", actions[0]);
	kit_report("dev000000", actions[0], PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	for (int i = 0; i < 3; i++) {
		now.ms += jumps[i];
		pawl_fleet_tick(fleet, now);
		assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 0);
		kit_poll("dev000001");
		assert_int_equal(
		    pawl_fleet_device_by_name(fleet, PAWL_BYTES_LIT("dev000001"))->last_request_at,
		    now.ms);
	}
	/* Whatever the date: who is silent for 600 s is silent, and not earlier. */
	now.ms -= YEAR_S * PAWL_MS_PER_S;
	pawl_fleet_tick(fleet, now);
	assert_true(pawl_fleet_next_tick(fleet).ms >= now.ms);
	assert_true(pawl_fleet_next_tick(fleet).ms <= now.ms + 600 * PAWL_MS_PER_S);
	kit_pass(400);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 0);
	kit_pass(201);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 2);
}

static void rows_from_the_future_do_not_hide_silence(void **state)
{
	struct pawl_fleet_device device = { .id = 7,
		.controller_id = "dev1",
		.name = "",
		.description = "",
		.product = "acme",
		.hardware_class = "gw-a",
		.group = "",
		.address = "",
		.why = "" };
	struct pawl_fleet_action action = { .id = 21,
		.device_id = 7,
		.distribution_set_id = release,
		.status = PAWL_ACTION_RETRIEVED,
		.retrieved = true,
		.why = "" };

	(void)state;
	device.last_request_at = now.ms + YEAR_S * PAWL_MS_PER_S;
	action.created_at = device.last_request_at;
	assert_int_equal(pawl_fleet_load_device(fleet, &device, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_fleet_load_action(fleet, &action, NULL), PAWL_ERR_OK);
	pawl_fleet_load_done(fleet, now);
	kit_pass(3599);
	assert_int_equal(pawl_fleet_action(fleet, 21)->closed_at, 0);
	kit_pass(2);
	assert_int_equal(pawl_fleet_action(fleet, 21)->status, PAWL_ACTION_ERROR);
}

static void a_claim_asks_for_proof_although_the_clock_went_back(void **state)
{
	(void)state;
	now.ms += YEAR_S * PAWL_MS_PER_S;
	kit_add("dev1");
	const uint32_t id = kit_assign("dev1", release);
	kit_must_read("dev1", id);
	kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	kit_attribute("dev1", "pawl.image_sha256", image_old);
	now.ms -= YEAR_S * PAWL_MS_PER_S;
	assert_true(kit_poll("dev1").attributes_wanted);
}

static void download_only_installs_nothing(void **state)
{
	const struct pawl_fleet_assignment only = { release, PAWL_FORCE_DOWNLOADONLY, 0 };
	uint32_t id = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "dev1" : "dev2";
		kit_add(name);
		assert_int_equal(
		    pawl_fleet_assign(fleet, pawl_bytes_of(name), &only, now, &id, NULL),
		    PAWL_FLEET_OK);
		kit_must_read(name, id);
		kit_report(name, id, i == 0 ? PAWL_EXECUTION_DOWNLOADED : PAWL_EXECUTION_CLOSED,
		    PAWL_FINISHED_SUCCESS, NULL);
		assert_int_equal(pawl_fleet_action(fleet, id)->status, PAWL_ACTION_FINISHED);
		kit_assert_state(name, PAWL_DEVICE_IDLE,
		    "has downloaded acme 2.0.0; it was not asked to install it");
		const struct pawl_fleet_device *device =
		    pawl_fleet_device_by_name(fleet, pawl_bytes_of(name));
		assert_int_equal(device->installed_id, 0);
		assert_int_equal(device->installed_action_id, 0);
	}
}

/* --- operators who change their minds --- */

static void another_assignment_takes_a_waiting_device_out(void **state)
{
	uint32_t actions[1];

	(void)state;
	kit_add_many(1);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	const uint32_t newer = kit_add_release("3.0.0", 3, image_old);
	const uint32_t action = kit_assign("dev000000", newer);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).cancelled, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	assert_int_equal(kit_poll_all(1, actions), 1);
	assert_int_equal(actions[0], action);
	kit_attribute("dev000000", "pawl.image_sha256", image_old);
	kit_report("dev000000", action, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	/* Not back to the older release. */
	assert_int_equal(kit_poll_all(1, actions), 0);
	assert_int_equal(pawl_fleet_rollout(fleet, id)->core.state, PAWL_ROLLOUT_FINISHED);
}

static void a_claim_survives_a_newer_assignment(void **state)
{
	const struct pawl_bytes dev = PAWL_BYTES_LIT("dev000000");
	uint32_t actions[1];

	(void)state;
	kit_add_many(1);
	kit_attribute("dev000000", "pawl.image_sha256", image_old);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	const uint32_t newer = kit_add_release(
	    "3.0.0", 3, "3333333333333333333333333333333333333333333333333333333333333333");
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	kit_poll_all(1, actions);
	kit_must_read("dev000000", actions[0]);
	kit_report("dev000000", actions[0], PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	/* It installed the release: there is nothing left to call back. */
	assert_int_equal(
	    pawl_fleet_cancel(fleet, dev, actions[0], false, now), PAWL_FLEET_CONFLICT);
	const uint32_t second = kit_assign("dev000000", newer);
	struct pawl_fleet_poll answer = kit_poll("dev000000");
	assert_int_equal(answer.cancel_action_id, 0);
	assert_int_equal(answer.deployment_action_id, second);
	kit_attribute("dev000000", "pawl.image_sha256", image_new);
	assert_int_equal(pawl_fleet_action(fleet, actions[0])->status, PAWL_ACTION_FINISHED);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).finished, 1);
}

static void a_claim_that_was_overtaken_is_no_failure(void **state)
{
	uint32_t actions[1];

	(void)state;
	kit_add_many(1);
	kit_attribute("dev000000", "pawl.image_sha256", image_old);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	const char image[] = "3333333333333333333333333333333333333333333333333333333333333333";
	const uint32_t newer = kit_add_release("3.0.0", 3, image);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	kit_poll_all(1, actions);
	kit_must_read("dev000000", actions[0]);
	kit_report("dev000000", actions[0], PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	const uint32_t second = kit_assign("dev000000", newer);
	kit_must_read("dev000000", second);
	kit_attribute("dev000000", "pawl.image_sha256", image);
	kit_report("dev000000", second, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	kit_pass(700);
	kit_assert_state("dev000000", PAWL_DEVICE_IDLE, "runs acme 3.0.0");
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 0);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).cancelled, 1);
	assert_int_equal(pawl_fleet_rollout(fleet, id)->core.state, PAWL_ROLLOUT_FINISHED);
}

static void a_cancel_that_nobody_answers_is_said(void **state)
{
	(void)state;
	kit_add("dev1");
	const uint32_t id = kit_assign("dev1", release);
	kit_must_read("dev1", id);
	kit_report("dev1", id, PAWL_EXECUTION_DOWNLOAD, PAWL_FINISHED_NONE, NULL);
	pawl_fleet_cancel(fleet, PAWL_BYTES_LIT("dev1"), id, false, now);
	kit_assert_state("dev1", PAWL_DEVICE_DOWNLOADING,
	    "was asked to give acme 2.0.0 up (cancelled by an operator) and has not answered yet");
}

/* --- late words --- */

static void success_of_a_cancelled_action_counts(void **state)
{
	uint32_t actions[1];

	(void)state;
	kit_add_many(1);
	kit_attribute("dev000000", "pawl.image_sha256", image_old);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	kit_poll_all(1, actions);
	kit_must_read("dev000000", actions[0]);
	kit_report("dev000000", actions[0], PAWL_EXECUTION_DOWNLOADED, PAWL_FINISHED_NONE, NULL);
	/* It restarts while it is called back, and was faster. */
	pawl_fleet_rollout_stop(fleet, id, now, NULL);
	kit_report("dev000000", actions[0], PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, NULL);
	assert_int_equal(kit_poll("dev000000").cancel_action_id, actions[0]);
	kit_report("dev000000", actions[0], PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	assert_int_equal(kit_poll("dev000000").cancel_action_id, 0);
	kit_attribute("dev000000", "pawl.image_sha256", image_new);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).finished, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(kit_report("dev000000", actions[0], PAWL_EXECUTION_CLOSED,
				     PAWL_FINISHED_SUCCESS, NULL),
		    PAWL_FLEET_GONE);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).running, 0);
}

/* hawkBit's table of feedback on an action that is not being cancelled. */
static void every_word_means_what_it_means_in_hawkbit(void **state)
{
	static const struct {
		pawl_execution execution;
		pawl_finished finished;
		pawl_action_status status;
	} rows[] = {
		{ PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, PAWL_ACTION_VERIFYING },
		{ PAWL_EXECUTION_CLOSED, PAWL_FINISHED_NONE, PAWL_ACTION_VERIFYING },
		{ PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, PAWL_ACTION_ERROR },
		{ PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_FAILURE, PAWL_ACTION_RUNNING },
		{ PAWL_EXECUTION_SCHEDULED, PAWL_FINISHED_NONE, PAWL_ACTION_SCHEDULED },
		{ PAWL_EXECUTION_RESUMED, PAWL_FINISHED_NONE, PAWL_ACTION_RUNNING },
		{ PAWL_EXECUTION_DOWNLOAD, PAWL_FINISHED_SUCCESS, PAWL_ACTION_DOWNLOAD },
		{ PAWL_EXECUTION_DOWNLOADED, PAWL_FINISHED_FAILURE, PAWL_ACTION_DOWNLOADED },
		{ PAWL_EXECUTION_CANCELED, PAWL_FINISHED_SUCCESS, PAWL_ACTION_RETRIEVED },
		{ PAWL_EXECUTION_REJECTED, PAWL_FINISHED_SUCCESS, PAWL_ACTION_RETRIEVED },
	};
	static const struct {
		pawl_execution execution;
		pawl_finished finished;
		pawl_action_status status;
	} cancels[] = {
		{ PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, PAWL_ACTION_CANCELED },
		{ PAWL_EXECUTION_CLOSED, PAWL_FINISHED_NONE, PAWL_ACTION_CANCELED },
		{ PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, PAWL_ACTION_RUNNING },
		{ PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, PAWL_ACTION_CANCELING },
		{ PAWL_EXECUTION_SCHEDULED, PAWL_FINISHED_NONE, PAWL_ACTION_CANCELING },
		{ PAWL_EXECUTION_RESUMED, PAWL_FINISHED_NONE, PAWL_ACTION_CANCELING },
		{ PAWL_EXECUTION_DOWNLOAD, PAWL_FINISHED_NONE, PAWL_ACTION_CANCELING },
		{ PAWL_EXECUTION_DOWNLOADED, PAWL_FINISHED_NONE, PAWL_ACTION_CANCELING },
		{ PAWL_EXECUTION_CANCELED, PAWL_FINISHED_SUCCESS, PAWL_ACTION_CANCELING },
		{ PAWL_EXECUTION_REJECTED, PAWL_FINISHED_NONE, PAWL_ACTION_RUNNING },
	};
	const struct pawl_bytes dev1 = PAWL_BYTES_LIT("dev1");

	(void)state;
	kit_add("dev1");
	kit_attribute("dev1", "pawl.image_sha256", image_old);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint32_t id = kit_assign("dev1", release);
		kit_must_read("dev1", id);
		assert_int_equal(kit_report("dev1", id, rows[i].execution, rows[i].finished, NULL),
		    PAWL_FLEET_OK);
		assert_int_equal(pawl_fleet_action(fleet, id)->status, rows[i].status);
		(void)pawl_fleet_cancel(fleet, dev1, id, true, now);
	}
	for (size_t i = 0; i < sizeof(cancels) / sizeof(cancels[0]); i++) {
		const uint32_t id = kit_assign("dev1", release);
		kit_must_read("dev1", id);
		(void)pawl_fleet_cancel(fleet, dev1, id, false, now);
		assert_int_equal(
		    kit_report_cancel("dev1", id, cancels[i].execution, cancels[i].finished),
		    PAWL_FLEET_OK);
		assert_int_equal(pawl_fleet_action(fleet, id)->status, cancels[i].status);
		(void)pawl_fleet_cancel(fleet, dev1, id, true, now);
	}
}

static void a_removed_device_stops_no_rollout(void **state)
{
	uint32_t actions[3];

	(void)state;
	kit_add_many(3);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	assert_int_equal(kit_poll_all(3, actions), 2);
	for (int i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		if (actions[i] != 0)
			assert_int_equal(pawl_fleet_device_remove(fleet, pawl_bytes_of(name), now),
			    PAWL_FLEET_OK);
	}
	const struct pawl_rollout *core = &pawl_fleet_rollout(fleet, id)->core;
	assert_int_equal(core->strata[0].total.in_flight, 0);
	assert_int_equal(core->strata[0].total.size, 1);
	assert_int_equal(pawl_rollout_credit(core, 0), 1);
}

/* --- sentences of rollouts --- */

static void sentences_say_it_once(void **state)
{
	uint32_t actions[6];

	(void)state;
	kit_add_many(6);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	assert_rollout_why(id, "not started yet");
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	assert_int_equal(kit_poll_all(6, actions), 2);
	int slowest = 0;
	while (actions[slowest] == 0)
		slowest++;
	char wanted[PAWL_REASON_MAX + 1];
	snprintf(wanted, sizeof(wanted),
	    "gw-a: held: 2 in flight and 0 failed use up the harm budget of 2; it goes on with "
	    "the next healthy device; longest in flight: dev%06d",
	    slowest);
	assert_rollout_why(id, wanted);
	pawl_fleet_rollout_pause(fleet, id, now, NULL);
	assert_rollout_why(
	    id, "paused by an operator: 0 of 6 devices healthy, 2 in flight, 0 failed");
	for (int i = 0; i < 6; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		kit_assert_state(name, actions[i] == 0 ? PAWL_DEVICE_IDLE : PAWL_DEVICE_OFFERED,
		    actions[i] == 0 ? "waits for rollout \"v2\", which is paused by an operator"
				    : "the offer is withheld by rollout \"v2\", which is paused by "
				      "an operator");
	}
	pawl_fleet_rollout_resume(fleet, id, now, NULL);
	kit_pass(601);
	assert_rollout_why(id,
	    "gw-a: halted: 2 failed and used up the harm budget of 2; an operator has to decide");
	for (int i = 0; i < 6; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		if (actions[i] == 0)
			kit_assert_state(name, PAWL_DEVICE_IDLE,
			    "waits for rollout \"v2\": gw-a: halted: 2 failed");
	}
	pawl_fleet_rollout_stop(fleet, id, now, NULL);
	assert_rollout_why(
	    id, "stopped by an operator: 0 of 6 devices healthy, 0 in flight, 2 failed");
}

/* A device's words in sentences and statuses: whole characters, no tricks. */
static void words_of_devices_are_made_harmless(void **state)
{
	char longer[600];

	(void)state;
	kit_add("dev1");
	uint32_t id = kit_assign("dev1", release);
	kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE,
	    "a\xe2\x80\xae"
	    "b\xff"
	    "c\x1b[2J");
	kit_assert_state("dev1", PAWL_DEVICE_FAILED,
	    "2.0.0: a b\xef\xbf\xbd"
	    "c [2J");
	/* Cut between two characters, wherever it is cut. */
	for (size_t at = 0; at + 3 < sizeof(longer); at += 3)
		memcpy(longer + at, "\xe2\x82\xac", 4);
	id = kit_assign("dev1", release);
	kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, longer);
	assert_true(pawl_utf8_is_valid(pawl_bytes_of(pawl_fleet_action(fleet, id)->why)));
	assert_non_null(strstr(pawl_fleet_action(fleet, id)->why, "\xe2\x82\xac"));
}

/* hawkBit's "name" may be anything; a sentence that it makes too long is cut. */
static void a_long_name_does_not_cut_a_character(void **state)
{
	char name[PAWL_FLEET_NAME_MAX + 1] = "x";
	char why[PAWL_REASON_MAX + 1];

	(void)state;
	for (size_t at = 1; at + 3 < sizeof(name); at += 3)
		memcpy(name + at, "\xe2\x82\xac", 4);
	kit_add_many(1);
	kit_create_rollout(name, release, 1);
	kit_poll("dev000000");
	pawl_fleet_device_why(
	    fleet, pawl_fleet_device_by_name(fleet, PAWL_BYTES_LIT("dev000000"))->id, why);
	assert_true(pawl_utf8_is_valid(pawl_bytes_of(why)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_begin, kit_end)
	const struct CMUnitTest tests[] = {
		TEST(a_clock_that_jumps_fails_nobody),
		TEST(rows_from_the_future_do_not_hide_silence),
		TEST(a_claim_asks_for_proof_although_the_clock_went_back),
		TEST(download_only_installs_nothing),
		TEST(another_assignment_takes_a_waiting_device_out),
		TEST(a_claim_survives_a_newer_assignment),
		TEST(a_claim_that_was_overtaken_is_no_failure),
		TEST(a_cancel_that_nobody_answers_is_said),
		TEST(success_of_a_cancelled_action_counts),
		TEST(every_word_means_what_it_means_in_hawkbit),
		TEST(a_removed_device_stops_no_rollout),
		TEST(sentences_say_it_once),
		TEST(words_of_devices_are_made_harmless),
		TEST(a_long_name_does_not_cut_a_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
