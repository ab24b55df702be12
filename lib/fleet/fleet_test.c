/* SPDX-License-Identifier: MIT */
#include "fleet_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- single assignments --- */

static void success_is_proven_by_the_image_hash(void **state)
{
	struct pawl_fleet_deployment deployment;

	(void)state;
	kit_add("dev1");
	kit_assert_state("dev1", PAWL_DEVICE_REGISTERED, "has not called yet");
	assert_true(kit_poll("dev1").attributes_wanted);
	kit_attribute("dev1", "pawl.image_sha256", image_old);
	assert_false(kit_poll("dev1").attributes_wanted);
	kit_assert_state("dev1", PAWL_DEVICE_IDLE, "");

	const uint32_t id = kit_assign("dev1", release);
	assert_int_equal(id, 11);
	assert_int_equal(kit_poll("dev1").deployment_action_id, id);
	assert_int_equal(kit_read_deployment("dev1", 12, &deployment), PAWL_FLEET_NOT_FOUND);
	assert_int_equal(kit_read_deployment("dev1", id, &deployment), PAWL_FLEET_OK);
	assert_string_equal(deployment.download, "forced");
	assert_string_equal(deployment.module->image_sha256, image_new);
	assert_string_equal(pawl_action_status_name(deployment.action->status), "retrieved");
	kit_assert_state("dev1", PAWL_DEVICE_OFFERED, "is offered acme 2.0.0");
	kit_report("dev1", id, PAWL_EXECUTION_DOWNLOAD, PAWL_FINISHED_NONE, NULL);
	kit_assert_state("dev1", PAWL_DEVICE_DOWNLOADING, "downloads");
	kit_report("dev1", id, PAWL_EXECUTION_DOWNLOADED, PAWL_FINISHED_NONE, NULL);
	kit_assert_state("dev1", PAWL_DEVICE_STAGED, "not activated");
	kit_report("dev1", id, PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, "reason=network");
	kit_assert_state("dev1", PAWL_DEVICE_STAGED, "not activated");
	kit_report("dev1", id, PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, "Restarts.");
	kit_assert_state("dev1", PAWL_DEVICE_PROBATION, "activated the release");

	/* The word alone is not enough; the offer is gone from the next poll on. */
	assert_int_equal(kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL),
	    PAWL_FLEET_OK);
	kit_assert_state("dev1", PAWL_DEVICE_VERIFYING, "has to prove it");
	assert_int_equal(kit_poll("dev1").deployment_action_id, 0);
	assert_true(kit_poll("dev1").attributes_wanted);
	kit_attribute("dev1", "pawl.image_sha256", image_old);
	kit_assert_state("dev1", PAWL_DEVICE_VERIFYING, "has to prove it");
	kit_attribute("dev1", "pawl.image_sha256", image_new);
	kit_assert_state("dev1", PAWL_DEVICE_IDLE, "runs acme 2.0.0, proven by its image hash");
	assert_int_equal(kit_poll("dev1").installed_action_id, id);
	assert_int_equal(
	    pawl_fleet_installed(fleet, pawl_bytes_of("dev1"), id, &deployment), PAWL_FLEET_OK);
	assert_int_equal(kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, NULL),
	    PAWL_FLEET_GONE);
	assert_string_equal(
	    pawl_fleet_update_status(pawl_fleet_device_by_name(fleet, pawl_bytes_of("dev1"))),
	    "in_sync");
}

static void a_claim_without_proof_fails_in_the_end(void **state)
{
	(void)state;
	kit_add("dev1");
	kit_attribute("dev1", "pawl.image_sha256", image_old);
	const uint32_t id = kit_assign("dev1", release);
	kit_must_read("dev1", id);
	kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	for (int i = 0; i < 20; i++) { /* it goes on talking, and that does not help */
		kit_pass(200);
		kit_poll("dev1");
	}
	kit_assert_state(
	    "dev1", PAWL_DEVICE_FAILED, "did not report the release's image within 3600 s");
	assert_int_equal(pawl_fleet_action(fleet, id)->status, PAWL_ACTION_ERROR);
}

static void a_stock_client_is_believed_and_labelled(void **state)
{
	(void)state;
	kit_add("dev1");
	kit_add("dev2");
	uint32_t id = kit_assign("dev1", release);
	kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_NONE, NULL);
	assert_true(kit_poll("dev1").attributes_wanted);
	kit_attribute("dev1", "VIN", "123");
	kit_assert_state("dev1", PAWL_DEVICE_IDLE, "unverified success");
	assert_true(pawl_fleet_action(fleet, id)->unverified);

	id = kit_assign("dev2", release); /* never sends attributes at all */
	kit_report("dev2", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	kit_poll("dev2");
	kit_poll("dev2");
	kit_assert_state("dev2", PAWL_DEVICE_VERIFYING, "");
	kit_poll("dev2");
	kit_assert_state("dev2", PAWL_DEVICE_IDLE, "unverified success");
}

static void failures_and_refusals_are_told_apart(void **state)
{
	(void)state;
	kit_add("dev1");
	uint32_t id = kit_assign("dev1", release);
	kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, "reason=signature");
	kit_assert_state("dev1", PAWL_DEVICE_REFUSED, "refused acme 2.0.0: reason=signature");
	id = kit_assign("dev1", release);
	kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, "no room\x01left");
	kit_assert_state("dev1", PAWL_DEVICE_FAILED, "failed to install acme 2.0.0: no room left");
	id = kit_assign("dev1", release);
	kit_report("dev1", id, PAWL_EXECUTION_CANCELED, PAWL_FINISHED_NONE, NULL);
	kit_report("dev1", id, PAWL_EXECUTION_REJECTED, PAWL_FINISHED_NONE, NULL);
	assert_true(kit_has_effect(PAWL_FLEET_ADD_ACTION_STATUS, "warning"));
	assert_int_equal(pawl_fleet_action(fleet, id)->closed_at, 0);
}

static void cancelling_asks_the_device_that_has_read_it(void **state)
{
	const struct pawl_bytes dev1 = PAWL_BYTES_LIT("dev1");

	(void)state;
	kit_add("dev1");
	uint32_t id = kit_assign("dev1", release);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, id, false, now), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_action(fleet, id)->status, PAWL_ACTION_CANCELED);

	id = kit_assign("dev1", release);
	kit_must_read("dev1", id);
	assert_int_equal(
	    kit_report_cancel("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS),
	    PAWL_FLEET_NOT_CANCELABLE);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, id, false, now), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, id, false, now), PAWL_FLEET_CONFLICT);
	struct pawl_fleet_poll answer = kit_poll("dev1");
	assert_int_equal(answer.cancel_action_id, id);
	assert_int_equal(answer.deployment_action_id, 0);
	assert_int_equal(pawl_fleet_cancel_action(fleet, dev1, id), PAWL_FLEET_OK);
	/* "canceled" is no acceptance; "rejected" brings the offer back. */
	kit_report_cancel("dev1", id, PAWL_EXECUTION_CANCELED, PAWL_FINISHED_SUCCESS);
	assert_int_equal(kit_poll("dev1").cancel_action_id, id);
	kit_report_cancel("dev1", id, PAWL_EXECUTION_REJECTED, PAWL_FINISHED_SUCCESS);
	assert_int_equal(kit_poll("dev1").deployment_action_id, id);

	/* A newer assignment: first the cancel, then the new one. */
	const uint32_t other = kit_add_release("3.0.0", 3, image_old);
	const uint32_t newer = kit_assign("dev1", other);
	assert_int_equal(kit_poll("dev1").cancel_action_id, id);
	assert_int_equal(
	    kit_report_cancel("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS),
	    PAWL_FLEET_OK);
	assert_int_equal(kit_poll("dev1").deployment_action_id, newer);
	assert_int_equal(
	    kit_report_cancel("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS),
	    PAWL_FLEET_GONE);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, newer, true, now), PAWL_FLEET_OK);
	assert_int_equal(kit_poll("dev1").deployment_action_id, 0);
}

static void action_ids_suit_old_clients(void **state)
{
	(void)state;
	kit_add("dev1");
	for (int i = 0; i < 300; i++) {
		const uint32_t id = kit_assign("dev1", release);
		uint32_t rest = id;
		while (rest % 10 == 0)
			rest /= 10;
		assert_true(id >= 11 && rest >= 10);
		pawl_fleet_cancel(fleet, PAWL_BYTES_LIT("dev1"), id, true, now);
	}
}

static void quotas_never_block_the_last_word(void **state)
{
	(void)state;
	kit_add("dev1");
	const uint32_t id = kit_assign("dev1", release);
	pawl_fleet_result result = PAWL_FLEET_OK;
	int taken = 0;
	while (result == PAWL_FLEET_OK) {
		result =
		    kit_report("dev1", id, PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, NULL);
		taken++;
		pawl_fleet_effects_clear(fleet);
	}
	assert_int_equal(result, PAWL_FLEET_QUOTA);
	assert_true(taken > 900 && taken <= PAWL_FLEET_STATUSES_MAX);
	assert_int_equal(kit_report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, NULL),
	    PAWL_FLEET_OK);

	struct pawl_fleet_attribute_input many[PAWL_ATTRIBUTES_MAX + 1];
	char keys[PAWL_ATTRIBUTES_MAX + 1][8];
	for (int i = 0; i <= PAWL_ATTRIBUTES_MAX; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		many[i] = (struct pawl_fleet_attribute_input){ pawl_bytes_of(keys[i]),
			PAWL_BYTES_LIT("v") };
	}
	const struct pawl_bytes dev1 = PAWL_BYTES_LIT("dev1");
	assert_int_equal(pawl_fleet_config_data(fleet, dev1, PAWL_ATTRIBUTES_REPLACE, many,
			     PAWL_ATTRIBUTES_MAX, now, NULL),
	    PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_config_data(fleet, dev1, PAWL_ATTRIBUTES_MERGE,
			     &many[PAWL_ATTRIBUTES_MAX], 1, now, NULL),
	    PAWL_FLEET_QUOTA);
	assert_int_equal(
	    pawl_fleet_config_data(fleet, dev1, PAWL_ATTRIBUTES_REMOVE, many, 90, now, NULL),
	    PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_device_by_name(fleet, dev1)->attribute_count, 10);
}

static void enrolment_binds_a_token_to_one_key(void **state)
{
	const struct pawl_bytes dev1 = PAWL_BYTES_LIT("dev1");
	const uint8_t token[32] = { 1 };
	const uint8_t other[32] = { 2 };
	const uint8_t key[32] = { 3 };
	const uint8_t certificate[32] = { 4 };
	const struct pawl_wall later = { now.ms + 1000 };
	bool is_new = false;

	(void)state;
	kit_add("dev1");
	assert_int_equal(
	    pawl_fleet_enrol(fleet, dev1, token, key, now, &is_new), PAWL_FLEET_DENIED);
	pawl_fleet_enrolment_token(fleet, dev1, token, later, now);
	assert_int_equal(
	    pawl_fleet_enrol(fleet, dev1, other, key, now, &is_new), PAWL_FLEET_DENIED);
	assert_int_equal(
	    pawl_fleet_enrol(fleet, dev1, token, key, later, &is_new), PAWL_FLEET_DENIED);
	assert_int_equal(pawl_fleet_enrol(fleet, dev1, token, key, now, &is_new), PAWL_FLEET_OK);
	assert_true(is_new);
	assert_int_equal(
	    pawl_fleet_enrol(fleet, dev1, token, other, now, &is_new), PAWL_FLEET_CONFLICT);
	assert_int_equal(
	    pawl_fleet_enrolment_issued(fleet, dev1, other, certificate, now), PAWL_FLEET_CONFLICT);
	assert_int_equal(pawl_fleet_certificate_check(fleet, dev1, certificate), PAWL_FLEET_DENIED);
	assert_int_equal(
	    pawl_fleet_enrolment_issued(fleet, dev1, key, certificate, now), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_certificate_check(fleet, dev1, certificate), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_enrol(fleet, dev1, token, key, later, &is_new), PAWL_FLEET_OK);
	assert_false(is_new);

	kit_assign("dev1", release);
	pawl_fleet_enrolment_revoke(fleet, dev1, now);
	struct pawl_fleet_poll answer;
	assert_int_equal(
	    pawl_fleet_poll(fleet, dev1, PAWL_BYTES(NULL, 0), now, &answer), PAWL_FLEET_DENIED);
	assert_int_equal(pawl_fleet_certificate_check(fleet, dev1, certificate), PAWL_FLEET_DENIED);
}

/* --- rollouts --- */

static void a_good_rollout_grows_with_the_evidence(void **state)
{
	uint32_t actions[20];
	int rounds = 0;

	(void)state;
	kit_add_many(20);
	const uint32_t id = kit_create_rollout("v2", release, 3);
	assert_int_equal(kit_poll_all(20, actions), 0);
	kit_assert_state(
	    "dev000000", PAWL_DEVICE_IDLE, "waits for rollout \"v2\": gw-a: not started");
	assert_int_equal(pawl_fleet_rollout_start(fleet, id, now, NULL), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_rollout_start(fleet, id, now, NULL), PAWL_FLEET_CONFLICT);
	assert_int_equal(kit_poll_all(20, actions), 2);
	assert_int_equal(kit_poll_all(20, actions), 2); /* the same two: base is 2 */
	for (; pawl_fleet_rollout(fleet, id)->core.state == PAWL_ROLLOUT_RUNNING; rounds++) {
		kit_poll_all(20, actions);
		for (int i = 0; i < 20; i++) {
			char name[16];
			snprintf(name, sizeof(name), "dev%06d", i);
			if (actions[i] == 0)
				continue;
			kit_must_read(name, actions[i]);
			kit_attribute(name, "pawl.image_sha256", image_new);
			kit_report(
			    name, actions[i], PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
		}
		assert_true(rounds < 20);
	}
	const struct pawl_fleet_rollout_totals totals = pawl_fleet_rollout_totals(fleet, id);
	char why[PAWL_REASON_MAX + 1];
	assert_int_equal(totals.finished, 20);
	pawl_fleet_rollout_why(fleet, id, why);
	assert_string_equal(why, "finished: 20 of 20 devices healthy, 0 failed");
}

static void a_killer_harms_only_the_base_and_silence_counts(void **state)
{
	uint32_t actions[20];
	char why[PAWL_REASON_MAX + 1];

	(void)state;
	kit_add_many(20);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	kit_poll_all(20, actions);
	for (int i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		if (actions[i] != 0)
			kit_must_read(name, actions[i]);
	}
	/* Both are never heard of again. */
	assert_true(pawl_fleet_next_tick(fleet).ms <= now.ms + 600 * PAWL_MS_PER_S);
	kit_pass(601);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 2);
	assert_int_equal(pawl_fleet_rollout(fleet, id)->core.state, PAWL_ROLLOUT_PAUSED);
	pawl_fleet_rollout_why(fleet, id, why);
	assert_string_equal(why, "gw-a: halted: 2 failed and used up the harm budget of 2; "
				 "an operator has to decide");
	assert_true(kit_has_effect(PAWL_FLEET_LOG, "rollout.halted"));
	assert_int_equal(kit_poll_all(20, actions), 0);
	/* The operator goes on: two more. */
	pawl_fleet_rollout_resume(fleet, id, now, NULL);
	assert_int_equal(kit_poll_all(20, actions), 2);
}

static void pausing_withdraws_and_resuming_offers_again(void **state)
{
	uint32_t actions[4];
	struct pawl_fleet_deployment deployment;
	const char *name = NULL;
	uint32_t action = 0;
	char names[4][16];

	(void)state;
	kit_add_many(4);
	const uint32_t id = kit_create_rollout("v2", release, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	kit_poll_all(4, actions);
	for (int i = 0; i < 4; i++) {
		snprintf(names[i], sizeof(names[i]), "dev%06d", i);
		if (actions[i] != 0) {
			name = names[i];
			action = actions[i];
		}
	}
	kit_must_read(name, action);
	kit_report(name, action, PAWL_EXECUTION_DOWNLOADED, PAWL_FINISHED_NONE, NULL);
	pawl_fleet_rollout_pause(fleet, id, now, NULL);
	assert_int_equal(kit_poll_all(4, actions), 0);
	assert_int_equal(kit_read_deployment(name, action, &deployment), PAWL_FLEET_NOT_FOUND);
	kit_assert_state(name, PAWL_DEVICE_STAGED, "withheld");
	/* Silence while nothing is asked is no failure. */
	kit_pass(100 * 600);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 0);
	pawl_fleet_rollout_resume(fleet, id, now, NULL);
	pawl_fleet_tick(fleet, now);
	assert_int_equal(kit_poll(name).deployment_action_id, action);
	/* Stopping cancels: at once what nobody read, by asking what somebody read. */
	assert_int_equal(pawl_fleet_rollout_stop(fleet, id, now, NULL), PAWL_FLEET_OK);
	assert_int_equal(kit_poll(name).cancel_action_id, action);
	kit_report_cancel(name, action, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).running, 0);
	assert_int_equal(kit_poll_all(4, actions), 0);
}

static void the_newest_rollout_wins(void **state)
{
	uint32_t actions[2];

	(void)state;
	kit_add_many(2);
	const uint32_t newer_set = kit_add_release("3.0.0", 3, image_old);
	const uint32_t older = kit_create_rollout("v2", release, 1);
	const uint32_t newer = kit_create_rollout("v3", newer_set, 1);
	pawl_fleet_rollout_start(fleet, older, now, NULL);
	assert_int_equal(kit_poll_all(2, actions), 2);
	pawl_fleet_rollout_start(fleet, newer, now, NULL);
	assert_int_equal(kit_poll_all(2, actions), 2);
	assert_int_equal(pawl_fleet_action(fleet, actions[0])->distribution_set_id, newer_set);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, older).cancelled, 2);
	assert_int_equal(pawl_fleet_rollout(fleet, older)->core.state, PAWL_ROLLOUT_FINISHED);
	/* Removing a device takes it out of the count. */
	assert_int_equal(
	    pawl_fleet_device_remove(fleet, PAWL_BYTES_LIT("dev000001"), now), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, newer).running, 1);
	assert_int_equal(pawl_fleet_rollout(fleet, newer)->member_count, 1);
}

static void rollouts_are_refused_with_the_field(void **state)
{
	struct pawl_fleet_rollout_options options = { .name = PAWL_BYTES_LIT("v2"),
		.filter = PAWL_BYTES_LIT("color==red"),
		.distribution_set_id = release,
		.settings = { .stage_count = 1,
		    .stages = { { PAWL_ROLLOUT_SHARE_ALL, 100, 0 } },
		    .budget_base = 1 },
		.silence_s = 60,
		.seed = PAWL_BYTES_LIT("s") };
	struct pawl_note note;
	uint32_t id;

	(void)state;
	pawl_note_clear(&note);
	assert_int_equal(
	    pawl_fleet_rollout_create(fleet, &options, now, &id, &note), PAWL_FLEET_INVALID);
	assert_non_null(strstr(note.text, "unknown field 'color'"));
	options.filter = PAWL_BYTES_LIT("controllerid==*");
	pawl_note_clear(&note);
	assert_int_equal(
	    pawl_fleet_rollout_create(fleet, &options, now, &id, &note), PAWL_FLEET_INVALID);
	assert_non_null(strstr(note.text, "no device is left"));
	options.distribution_set_id = 77;
	assert_int_equal(
	    pawl_fleet_rollout_create(fleet, &options, now, &id, NULL), PAWL_FLEET_NOT_FOUND);
}

/* --- lists, filters, size --- */

static void filters_select_and_lists_are_sorted(void **state)
{
	struct pawl_fleet_filter filter;
	uint32_t ids[3];
	size_t total;

	(void)state;
	kit_add("b");
	kit_add("c");
	kit_add("a");
	assert_int_equal(pawl_fleet_devices(fleet, NULL, 1, 3, ids, &total), 2);
	assert_int_equal(total, 3);
	assert_string_equal(pawl_fleet_device(fleet, ids[0])->controller_id, "b");
	assert_int_equal(
	    pawl_fleet_filter_parse(
		PAWL_BYTES_LIT("ControllerId==* and group=='field';state==reg*"), &filter, NULL),
	    PAWL_ERR_OK);
	assert_int_equal(filter.term_count, 3);
	assert_int_equal(pawl_fleet_devices(fleet, &filter, 2, 3, ids, &total), 1);
	assert_string_equal(pawl_fleet_device(fleet, ids[0])->controller_id, "c");
	kit_poll("c");
	assert_int_equal(pawl_fleet_devices(fleet, &filter, 0, 3, ids, &total), 2);
}

static void work_follows_what_changed_not_the_fleet(void **state)
{
	enum { MANY = 100000 };

	(void)state;
	kit_add_many(MANY);
	pawl_fleet_effects_clear(fleet);
	const uint32_t id = kit_create_rollout("v2", release, 3);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	pawl_fleet_effects_clear(fleet);

	const uint64_t before = pawl_fleet_visits(fleet);
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i * 97);
		const uint32_t action = kit_poll(name).deployment_action_id;
		if (action != 0) {
			kit_attribute(name, "pawl.image_sha256", image_new);
			kit_report(
			    name, action, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
		}
		now.ms += 1000;
		pawl_fleet_tick(fleet, now);
		pawl_fleet_effects_clear(fleet);
	}
	pawl_fleet_rollout_pause(fleet, id, now, NULL);
	pawl_fleet_rollout_resume(fleet, id, now, NULL);
	assert_true(pawl_fleet_rollout_totals(fleet, id).finished > 100);
	assert_true(pawl_fleet_visits(fleet) - before < 10000);
}

static void broken_rows_are_refused_by_name(void **state)
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
	struct pawl_fleet_action action = { .id = 20, .why = "" };
	struct pawl_note note;
	uint8_t garbage[200] = { 1 };

	(void)state;
	assert_int_equal(pawl_fleet_load_device(fleet, &device, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_fleet_load_device(fleet, &device, NULL), PAWL_ERR_EXISTS);
	device.id = 8;
	device.controller_id = "../etc";
	pawl_note_clear(&note);
	assert_int_equal(pawl_fleet_load_device(fleet, &device, &note), PAWL_ERR_CORRUPT);
	assert_string_equal(note.text, "device 8: wrong controllerId");
	assert_int_equal(pawl_fleet_load_action(fleet, &action, NULL), PAWL_ERR_NOT_FOUND);
	action.device_id = 7;
	action.distribution_set_id = release;
	assert_int_equal(pawl_fleet_load_action(fleet, &action, NULL), PAWL_ERR_CORRUPT);
	action.id = 21;
	assert_int_equal(pawl_fleet_load_action(fleet, &action, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_fleet_load_attribute(fleet, 9, "k", "v", NULL), PAWL_ERR_NOT_FOUND);
	assert_int_equal(pawl_fleet_load_rollout(fleet, PAWL_BYTES(garbage, sizeof(garbage)), NULL),
	    PAWL_ERR_CORRUPT);
	pawl_fleet_load_done(fleet, now);
	assert_int_equal(kit_poll("dev1").deployment_action_id, 21);
	assert_int_equal(kit_assign("dev1", kit_add_release("3.0.0", 3, image_old)), 22);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_begin, kit_end)
	const struct CMUnitTest tests[] = {
		TEST(success_is_proven_by_the_image_hash),
		TEST(a_claim_without_proof_fails_in_the_end),
		TEST(a_stock_client_is_believed_and_labelled),
		TEST(failures_and_refusals_are_told_apart),
		TEST(cancelling_asks_the_device_that_has_read_it),
		TEST(action_ids_suit_old_clients),
		TEST(quotas_never_block_the_last_word),
		TEST(enrolment_binds_a_token_to_one_key),
		TEST(a_good_rollout_grows_with_the_evidence),
		TEST(a_killer_harms_only_the_base_and_silence_counts),
		TEST(pausing_withdraws_and_resuming_offers_again),
		TEST(the_newest_rollout_wins),
		TEST(rollouts_are_refused_with_the_field),
		TEST(filters_select_and_lists_are_sorted),
		TEST(work_follows_what_changed_not_the_fleet),
		TEST(broken_rows_are_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
