/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char image_old[] = "0000000000000000000000000000000000000000000000000000000000000000";
static const char image_new[] = "1111111111111111111111111111111111111111111111111111111111111111";

static struct pawl_fleet *fleet;
static struct pawl_wall now;
static uint32_t release;

static uint32_t add_release(const char *version, uint64_t seq, const char *image)
{
	struct pawl_fleet_module module = { .size = 1000 };
	struct pawl_fleet_distribution_set set = {
		.seq = seq, .module_count = 1, .modules = &module
	};
	uint32_t id = 0;

	strcpy(set.product, "acme");
	strcpy(set.version, version);
	strcpy(module.hardware_class, "gw-a");
	strcpy(module.file_name, "x.gw-a.img");
	strcpy(module.target_path, "fw/acme/x.gw-a.img");
	memset(module.sha256, 'a', 64);
	memset(module.sha1, 'b', 40);
	memset(module.md5, 'c', 32);
	strcpy(module.image_sha256, image);
	assert_int_equal(
	    pawl_fleet_distribution_set_add(fleet, &set, now, &id, NULL), PAWL_FLEET_OK);
	return id;
}

static int begin(void **state)
{
	const struct pawl_fleet_settings settings = { .poll_s = 300, .silence_s = 3600 };

	(void)state;
	now.ms = 1000000;
	if (pawl_fleet_create(&settings, &fleet, NULL) != PAWL_ERR_OK)
		return 1;
	pawl_fleet_load_done(fleet, now);
	release = add_release("2.0.0", 2, image_new);
	return 0;
}

static int end(void **state)
{
	(void)state;
	pawl_fleet_destroy(fleet);
	return 0;
}

static void add(const char *name)
{
	const struct pawl_fleet_device_options options = { .controller_id = pawl_bytes_of(name),
		.product = PAWL_BYTES_LIT("acme"),
		.hardware_class = PAWL_BYTES_LIT("gw-a"),
		.group = PAWL_BYTES_LIT("field") };
	uint32_t id;

	assert_int_equal(pawl_fleet_device_add(fleet, &options, now, &id, NULL), PAWL_FLEET_OK);
}

static struct pawl_fleet_poll poll(const char *name)
{
	struct pawl_fleet_poll answer = { 0 };

	assert_int_equal(
	    pawl_fleet_poll(fleet, pawl_bytes_of(name), PAWL_BYTES_LIT("10.0.0.1"), now, &answer),
	    PAWL_FLEET_OK);
	return answer;
}

static pawl_fleet_result report(const char *name, uint32_t action_id, pawl_execution execution,
    pawl_finished finished, const char *message)
{
	const struct pawl_bytes text = pawl_bytes_of(message == NULL ? "" : message);
	const struct pawl_fleet_feedback feedback = { .execution = execution,
		.finished = finished,
		.messages = &text,
		.message_count = message == NULL ? 0 : 1 };

	return pawl_fleet_feedback(fleet, pawl_bytes_of(name), action_id, &feedback, now);
}

static pawl_fleet_result report_cancel(
    const char *name, uint32_t action_id, pawl_execution execution, pawl_finished finished)
{
	const struct pawl_fleet_feedback feedback = { .execution = execution,
		.finished = finished };

	return pawl_fleet_cancel_feedback(fleet, pawl_bytes_of(name), action_id, &feedback, now);
}

static void attribute(const char *name, const char *key, const char *value)
{
	const struct pawl_fleet_attribute_input input = { pawl_bytes_of(key),
		pawl_bytes_of(value) };

	assert_int_equal(pawl_fleet_config_data(fleet, pawl_bytes_of(name), PAWL_ATTRIBUTES_MERGE,
			     &input, 1, now, NULL),
	    PAWL_FLEET_OK);
}

static void assert_state(const char *name, pawl_device_state wanted, const char *why_part)
{
	const struct pawl_fleet_device *device =
	    pawl_fleet_device_by_name(fleet, pawl_bytes_of(name));
	char why[PAWL_REASON_MAX + 1];

	assert_string_equal(pawl_device_state_name(device->state), pawl_device_state_name(wanted));
	pawl_fleet_device_why(fleet, device->id, why);
	if (strstr(why, why_part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why_part, why);
}

static uint32_t assign(const char *name, uint32_t set)
{
	const struct pawl_fleet_assignment assignment = { set, PAWL_FORCE_FORCED, 0 };
	uint32_t id = 0;

	assert_int_equal(pawl_fleet_assign(fleet, pawl_bytes_of(name), &assignment, now, &id, NULL),
	    PAWL_FLEET_OK);
	return id;
}

static pawl_fleet_result read_deployment(
    const char *name, uint32_t action_id, struct pawl_fleet_deployment *deployment)
{
	return pawl_fleet_deployment(fleet, pawl_bytes_of(name), action_id, now, deployment);
}

static void must_read(const char *name, uint32_t action_id)
{
	struct pawl_fleet_deployment deployment;

	assert_int_equal(read_deployment(name, action_id, &deployment), PAWL_FLEET_OK);
}

static bool has_effect(pawl_fleet_effect_kind kind, const char *name)
{
	size_t count;
	const struct pawl_fleet_effect *effects = pawl_fleet_effects(fleet, &count);

	for (size_t i = 0; i < count; i++) {
		if (effects[i].kind == kind && (name == NULL || strcmp(effects[i].name, name) == 0))
			return true;
	}
	return false;
}

/* --- single assignments --- */

static void success_is_proven_by_the_image_hash(void **state)
{
	struct pawl_fleet_deployment deployment;

	(void)state;
	add("dev1");
	assert_state("dev1", PAWL_DEVICE_REGISTERED, "has not called yet");
	assert_true(poll("dev1").attributes_wanted);
	attribute("dev1", "pawl.image_sha256", image_old);
	assert_false(poll("dev1").attributes_wanted);
	assert_state("dev1", PAWL_DEVICE_IDLE, "");

	const uint32_t id = assign("dev1", release);
	assert_int_equal(id, 11);
	assert_int_equal(poll("dev1").deployment_action_id, id);
	assert_int_equal(read_deployment("dev1", 12, &deployment), PAWL_FLEET_NOT_FOUND);
	assert_int_equal(read_deployment("dev1", id, &deployment), PAWL_FLEET_OK);
	assert_string_equal(deployment.download, "forced");
	assert_string_equal(deployment.module->image_sha256, image_new);
	assert_string_equal(pawl_action_status_name(deployment.action->status), "retrieved");
	assert_state("dev1", PAWL_DEVICE_OFFERED, "is offered acme 2.0.0");
	report("dev1", id, PAWL_EXECUTION_DOWNLOAD, PAWL_FINISHED_NONE, NULL);
	assert_state("dev1", PAWL_DEVICE_DOWNLOADING, "downloads");
	report("dev1", id, PAWL_EXECUTION_DOWNLOADED, PAWL_FINISHED_NONE, NULL);
	assert_state("dev1", PAWL_DEVICE_STAGED, "not activated");
	report("dev1", id, PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, "reason=network");
	assert_state("dev1", PAWL_DEVICE_STAGED, "not activated");
	report("dev1", id, PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, "Restarts.");
	assert_state("dev1", PAWL_DEVICE_PROBATION, "activated the release");

	/* The word alone is not enough; the offer is gone from the next poll on. */
	assert_int_equal(
	    report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL), PAWL_FLEET_OK);
	assert_state("dev1", PAWL_DEVICE_VERIFYING, "has to prove it");
	assert_int_equal(poll("dev1").deployment_action_id, 0);
	assert_true(poll("dev1").attributes_wanted);
	attribute("dev1", "pawl.image_sha256", image_old);
	assert_state("dev1", PAWL_DEVICE_VERIFYING, "has to prove it");
	attribute("dev1", "pawl.image_sha256", image_new);
	assert_state("dev1", PAWL_DEVICE_IDLE, "runs acme 2.0.0, proven by its image hash");
	assert_int_equal(poll("dev1").installed_action_id, id);
	assert_int_equal(
	    pawl_fleet_installed(fleet, pawl_bytes_of("dev1"), id, &deployment), PAWL_FLEET_OK);
	assert_int_equal(report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, NULL),
	    PAWL_FLEET_GONE);
	assert_string_equal(
	    pawl_fleet_update_status(pawl_fleet_device_by_name(fleet, pawl_bytes_of("dev1"))),
	    "in_sync");
}

static void a_claim_without_proof_fails_in_the_end(void **state)
{
	(void)state;
	add("dev1");
	attribute("dev1", "pawl.image_sha256", image_old);
	const uint32_t id = assign("dev1", release);
	must_read("dev1", id);
	report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	for (int i = 0; i < 20; i++) { /* it goes on talking, and that does not help */
		now.ms += 200 * PAWL_MS_PER_S;
		poll("dev1");
		pawl_fleet_tick(fleet, now);
	}
	assert_state(
	    "dev1", PAWL_DEVICE_FAILED, "did not report the release's image within 3600 s");
	assert_int_equal(pawl_fleet_action(fleet, id)->status, PAWL_ACTION_ERROR);
}

static void a_stock_client_is_believed_and_labelled(void **state)
{
	(void)state;
	add("dev1");
	add("dev2");
	uint32_t id = assign("dev1", release);
	report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_NONE, NULL);
	assert_true(poll("dev1").attributes_wanted);
	attribute("dev1", "VIN", "123");
	assert_state("dev1", PAWL_DEVICE_IDLE, "unverified success");
	assert_true(pawl_fleet_action(fleet, id)->unverified);

	id = assign("dev2", release); /* never sends attributes at all */
	report("dev2", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
	poll("dev2");
	poll("dev2");
	assert_state("dev2", PAWL_DEVICE_VERIFYING, "");
	poll("dev2");
	assert_state("dev2", PAWL_DEVICE_IDLE, "unverified success");
}

static void failures_and_refusals_are_told_apart(void **state)
{
	(void)state;
	add("dev1");
	uint32_t id = assign("dev1", release);
	report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, "reason=signature");
	assert_state("dev1", PAWL_DEVICE_REFUSED, "refused acme 2.0.0: reason=signature");
	id = assign("dev1", release);
	report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, "no room\x01left");
	assert_state("dev1", PAWL_DEVICE_FAILED, "failed to install acme 2.0.0: no room left");
	id = assign("dev1", release);
	report("dev1", id, PAWL_EXECUTION_CANCELED, PAWL_FINISHED_NONE, NULL);
	report("dev1", id, PAWL_EXECUTION_REJECTED, PAWL_FINISHED_NONE, NULL);
	assert_true(has_effect(PAWL_FLEET_ADD_ACTION_STATUS, "warning"));
	assert_int_equal(pawl_fleet_action(fleet, id)->closed_at, 0);
}

static void cancelling_asks_the_device_that_has_read_it(void **state)
{
	const struct pawl_bytes dev1 = PAWL_BYTES_LIT("dev1");

	(void)state;
	add("dev1");
	uint32_t id = assign("dev1", release);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, id, false, now), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_action(fleet, id)->status, PAWL_ACTION_CANCELED);

	id = assign("dev1", release);
	must_read("dev1", id);
	assert_int_equal(report_cancel("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS),
	    PAWL_FLEET_NOT_CANCELABLE);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, id, false, now), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, id, false, now), PAWL_FLEET_CONFLICT);
	struct pawl_fleet_poll answer = poll("dev1");
	assert_int_equal(answer.cancel_action_id, id);
	assert_int_equal(answer.deployment_action_id, 0);
	assert_int_equal(pawl_fleet_cancel_action(fleet, dev1, id), PAWL_FLEET_OK);
	/* "canceled" is no acceptance; "rejected" brings the offer back. */
	report_cancel("dev1", id, PAWL_EXECUTION_CANCELED, PAWL_FINISHED_SUCCESS);
	assert_int_equal(poll("dev1").cancel_action_id, id);
	report_cancel("dev1", id, PAWL_EXECUTION_REJECTED, PAWL_FINISHED_SUCCESS);
	assert_int_equal(poll("dev1").deployment_action_id, id);

	/* A newer assignment: first the cancel, then the new one. */
	const uint32_t other = add_release("3.0.0", 3, image_old);
	const uint32_t newer = assign("dev1", other);
	assert_int_equal(poll("dev1").cancel_action_id, id);
	assert_int_equal(
	    report_cancel("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS), PAWL_FLEET_OK);
	assert_int_equal(poll("dev1").deployment_action_id, newer);
	assert_int_equal(report_cancel("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS),
	    PAWL_FLEET_GONE);
	assert_int_equal(pawl_fleet_cancel(fleet, dev1, newer, true, now), PAWL_FLEET_OK);
	assert_int_equal(poll("dev1").deployment_action_id, 0);
}

static void action_ids_suit_old_clients(void **state)
{
	(void)state;
	add("dev1");
	for (int i = 0; i < 300; i++) {
		const uint32_t id = assign("dev1", release);
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
	add("dev1");
	const uint32_t id = assign("dev1", release);
	pawl_fleet_result result = PAWL_FLEET_OK;
	int taken = 0;
	while (result == PAWL_FLEET_OK) {
		result = report("dev1", id, PAWL_EXECUTION_PROCEEDING, PAWL_FINISHED_NONE, NULL);
		taken++;
		pawl_fleet_effects_clear(fleet);
	}
	assert_int_equal(result, PAWL_FLEET_QUOTA);
	assert_true(taken > 900 && taken <= PAWL_FLEET_STATUSES_MAX);
	assert_int_equal(
	    report("dev1", id, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_FAILURE, NULL), PAWL_FLEET_OK);

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
	add("dev1");
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

	assign("dev1", release);
	pawl_fleet_enrolment_revoke(fleet, dev1, now);
	struct pawl_fleet_poll answer;
	assert_int_equal(
	    pawl_fleet_poll(fleet, dev1, PAWL_BYTES(NULL, 0), now, &answer), PAWL_FLEET_DENIED);
	assert_int_equal(pawl_fleet_certificate_check(fleet, dev1, certificate), PAWL_FLEET_DENIED);
}

/* --- rollouts --- */

static uint32_t create_rollout(const char *name, uint32_t set, uint32_t stages)
{
	struct pawl_fleet_rollout_options options = { .name = pawl_bytes_of(name),
		.filter = PAWL_BYTES_LIT("group==field"),
		.distribution_set_id = set,
		.force = PAWL_FORCE_FORCED,
		.settings = { .stage_count = stages,
		    .budget_base = 2,
		    .budget_gain_permille = 1000 },
		.strata_kind = PAWL_STRATA_HARDWARE_CLASS,
		.silence_s = 600,
		.seed = PAWL_BYTES_LIT("seed") };
	const struct pawl_rollout_stage stage = { PAWL_ROLLOUT_SHARE_ALL, 100, 100 };
	uint32_t id = 0;

	pawl_rollout_equal_stages(stages, stage, options.settings.stages);
	assert_int_equal(pawl_fleet_rollout_create(fleet, &options, now, &id, NULL), PAWL_FLEET_OK);
	return id;
}

static void add_many(int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		add(name);
	}
}

/* Polls all of them once; returns how many have an offer. */
static int poll_all(int count, uint32_t *actions)
{
	int offered = 0;

	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		actions[i] = poll(name).deployment_action_id;
		offered += actions[i] != 0;
	}
	return offered;
}

static void a_good_rollout_grows_with_the_evidence(void **state)
{
	uint32_t actions[20];
	int rounds = 0;

	(void)state;
	add_many(20);
	const uint32_t id = create_rollout("v2", release, 3);
	assert_int_equal(poll_all(20, actions), 0);
	assert_state("dev000000", PAWL_DEVICE_IDLE, "waits for rollout \"v2\": gw-a: not started");
	assert_int_equal(pawl_fleet_rollout_start(fleet, id, now, NULL), PAWL_FLEET_OK);
	assert_int_equal(pawl_fleet_rollout_start(fleet, id, now, NULL), PAWL_FLEET_CONFLICT);
	assert_int_equal(poll_all(20, actions), 2);
	assert_int_equal(poll_all(20, actions), 2); /* the same two: base is 2 */
	for (; pawl_fleet_rollout(fleet, id)->core.state == PAWL_ROLLOUT_RUNNING; rounds++) {
		poll_all(20, actions);
		for (int i = 0; i < 20; i++) {
			char name[16];
			snprintf(name, sizeof(name), "dev%06d", i);
			if (actions[i] == 0)
				continue;
			must_read(name, actions[i]);
			attribute(name, "pawl.image_sha256", image_new);
			report(
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
	add_many(20);
	const uint32_t id = create_rollout("v2", release, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	poll_all(20, actions);
	for (int i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		if (actions[i] != 0)
			must_read(name, actions[i]);
	}
	/* Both are never heard of again. */
	assert_true(pawl_fleet_next_tick(fleet).ms <= now.ms + 600 * PAWL_MS_PER_S);
	now.ms += 601 * PAWL_MS_PER_S;
	pawl_fleet_tick(fleet, now);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 2);
	assert_int_equal(pawl_fleet_rollout(fleet, id)->core.state, PAWL_ROLLOUT_PAUSED);
	pawl_fleet_rollout_why(fleet, id, why);
	assert_string_equal(why,
	    "gw-a: halted: 2 devices failed and the harm budget of 2 is spent; "
	    "an operator has to decide");
	assert_true(has_effect(PAWL_FLEET_LOG, "rollout.halted"));
	assert_int_equal(poll_all(20, actions), 0);
	/* The operator goes on: two more. */
	pawl_fleet_rollout_resume(fleet, id, now, NULL);
	assert_int_equal(poll_all(20, actions), 2);
}

static void pausing_withdraws_and_resuming_offers_again(void **state)
{
	uint32_t actions[4];
	struct pawl_fleet_deployment deployment;
	const char *name = NULL;
	uint32_t action = 0;
	char names[4][16];

	(void)state;
	add_many(4);
	const uint32_t id = create_rollout("v2", release, 1);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	poll_all(4, actions);
	for (int i = 0; i < 4; i++) {
		snprintf(names[i], sizeof(names[i]), "dev%06d", i);
		if (actions[i] != 0) {
			name = names[i];
			action = actions[i];
		}
	}
	must_read(name, action);
	report(name, action, PAWL_EXECUTION_DOWNLOADED, PAWL_FINISHED_NONE, NULL);
	pawl_fleet_rollout_pause(fleet, id, now, NULL);
	assert_int_equal(poll_all(4, actions), 0);
	assert_int_equal(read_deployment(name, action, &deployment), PAWL_FLEET_NOT_FOUND);
	assert_state(name, PAWL_DEVICE_STAGED, "withheld");
	/* Silence while nothing is asked is no failure. */
	now.ms += 100 * 600 * PAWL_MS_PER_S;
	pawl_fleet_tick(fleet, now);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).error, 0);
	pawl_fleet_rollout_resume(fleet, id, now, NULL);
	pawl_fleet_tick(fleet, now);
	assert_int_equal(poll(name).deployment_action_id, action);
	/* Stopping cancels: at once what nobody read, by asking what somebody read. */
	assert_int_equal(pawl_fleet_rollout_stop(fleet, id, now, NULL), PAWL_FLEET_OK);
	assert_int_equal(poll(name).cancel_action_id, action);
	report_cancel(name, action, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS);
	assert_int_equal(pawl_fleet_rollout_totals(fleet, id).running, 0);
	assert_int_equal(poll_all(4, actions), 0);
}

static void the_newest_rollout_wins(void **state)
{
	uint32_t actions[2];

	(void)state;
	add_many(2);
	const uint32_t newer_set = add_release("3.0.0", 3, image_old);
	const uint32_t older = create_rollout("v2", release, 1);
	const uint32_t newer = create_rollout("v3", newer_set, 1);
	pawl_fleet_rollout_start(fleet, older, now, NULL);
	assert_int_equal(poll_all(2, actions), 2);
	pawl_fleet_rollout_start(fleet, newer, now, NULL);
	assert_int_equal(poll_all(2, actions), 2);
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
	add("b");
	add("c");
	add("a");
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
	poll("c");
	assert_int_equal(pawl_fleet_devices(fleet, &filter, 0, 3, ids, &total), 2);
}

static void work_follows_what_changed_not_the_fleet(void **state)
{
	enum { MANY = 100000 };

	(void)state;
	add_many(MANY);
	pawl_fleet_effects_clear(fleet);
	const uint32_t id = create_rollout("v2", release, 3);
	pawl_fleet_rollout_start(fleet, id, now, NULL);
	pawl_fleet_effects_clear(fleet);

	const uint64_t before = pawl_fleet_visits(fleet);
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i * 97);
		const uint32_t action = poll(name).deployment_action_id;
		if (action != 0) {
			attribute(name, "pawl.image_sha256", image_new);
			report(name, action, PAWL_EXECUTION_CLOSED, PAWL_FINISHED_SUCCESS, NULL);
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
	assert_int_equal(poll("dev1").deployment_action_id, 21);
	assert_int_equal(assign("dev1", add_release("3.0.0", 3, image_old)), 22);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
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
