/* SPDX-License-Identifier: MIT */
#include "fleet_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char image_old[] = "0000000000000000000000000000000000000000000000000000000000000000";
const char image_new[] = "1111111111111111111111111111111111111111111111111111111111111111";

struct pawl_fleet *fleet;
struct pawl_wall now;
uint32_t release;

uint32_t kit_add_release(const char *version, uint64_t seq, const char *image)
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

int kit_begin(void **state)
{
	const struct pawl_fleet_settings settings = { .poll_s = 300, .silence_s = 3600 };

	(void)state;
	now.ms = 1000000;
	if (pawl_fleet_create(&settings, &fleet, NULL) != PAWL_ERR_OK)
		return 1;
	pawl_fleet_load_done(fleet, now);
	release = kit_add_release("2.0.0", 2, image_new);
	return 0;
}

int kit_end(void **state)
{
	(void)state;
	pawl_fleet_destroy(fleet);
	return 0;
}

void kit_add(const char *name)
{
	const struct pawl_fleet_device_options options = { .controller_id = pawl_bytes_of(name),
		.product = PAWL_BYTES_LIT("acme"),
		.hardware_class = PAWL_BYTES_LIT("gw-a"),
		.group = PAWL_BYTES_LIT("field") };
	uint32_t id;

	assert_int_equal(pawl_fleet_device_add(fleet, &options, now, &id, NULL), PAWL_FLEET_OK);
}

struct pawl_fleet_poll kit_poll(const char *name)
{
	struct pawl_fleet_poll answer = { 0 };

	assert_int_equal(
	    pawl_fleet_poll(fleet, pawl_bytes_of(name), PAWL_BYTES_LIT("10.0.0.1"), now, &answer),
	    PAWL_FLEET_OK);
	return answer;
}

pawl_fleet_result kit_report(const char *name, uint32_t action_id, pawl_execution execution,
    pawl_finished finished, const char *message)
{
	const struct pawl_bytes text = pawl_bytes_of(message == NULL ? "" : message);
	const struct pawl_fleet_feedback feedback = { .execution = execution,
		.finished = finished,
		.messages = &text,
		.message_count = message == NULL ? 0 : 1 };

	return pawl_fleet_feedback(fleet, pawl_bytes_of(name), action_id, &feedback, now);
}

pawl_fleet_result kit_report_cancel(
    const char *name, uint32_t action_id, pawl_execution execution, pawl_finished finished)
{
	const struct pawl_fleet_feedback feedback = { .execution = execution,
		.finished = finished };

	return pawl_fleet_cancel_feedback(fleet, pawl_bytes_of(name), action_id, &feedback, now);
}

void kit_attribute(const char *name, const char *key, const char *value)
{
	const struct pawl_fleet_attribute_input input = { pawl_bytes_of(key),
		pawl_bytes_of(value) };

	assert_int_equal(pawl_fleet_config_data(fleet, pawl_bytes_of(name), PAWL_ATTRIBUTES_MERGE,
			     &input, 1, now, NULL),
	    PAWL_FLEET_OK);
}

void kit_assert_state(const char *name, pawl_device_state wanted, const char *why_part)
{
	const struct pawl_fleet_device *device =
	    pawl_fleet_device_by_name(fleet, pawl_bytes_of(name));
	char why[PAWL_REASON_MAX + 1];

	assert_string_equal(pawl_device_state_name(device->state), pawl_device_state_name(wanted));
	pawl_fleet_device_why(fleet, device->id, why);
	if (strstr(why, why_part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why_part, why);
}

uint32_t kit_assign(const char *name, uint32_t set)
{
	const struct pawl_fleet_assignment assignment = { set, PAWL_FORCE_FORCED, 0 };
	uint32_t id = 0;

	assert_int_equal(pawl_fleet_assign(fleet, pawl_bytes_of(name), &assignment, now, &id, NULL),
	    PAWL_FLEET_OK);
	return id;
}

pawl_fleet_result kit_read_deployment(
    const char *name, uint32_t action_id, struct pawl_fleet_deployment *deployment)
{
	return pawl_fleet_deployment(fleet, pawl_bytes_of(name), action_id, now, deployment);
}

void kit_must_read(const char *name, uint32_t action_id)
{
	struct pawl_fleet_deployment deployment;

	assert_int_equal(kit_read_deployment(name, action_id, &deployment), PAWL_FLEET_OK);
}

bool kit_has_effect(pawl_fleet_effect_kind kind, const char *name)
{
	size_t count;
	const struct pawl_fleet_effect *effects = pawl_fleet_effects(fleet, &count);

	for (size_t i = 0; i < count; i++) {
		if (effects[i].kind == kind && (name == NULL || strcmp(effects[i].name, name) == 0))
			return true;
	}
	return false;
}

uint32_t kit_create_rollout(const char *name, uint32_t set, uint32_t stages)
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

void kit_add_many(int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		kit_add(name);
	}
}

/* Polls all of them once; returns how many have an offer. */
int kit_poll_all(int count, uint32_t *actions)
{
	int offered = 0;

	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof(name), "dev%06d", i);
		actions[i] = kit_poll(name).deployment_action_id;
		offered += actions[i] != 0;
	}
	return offered;
}

void kit_pass(int64_t seconds)
{
	const int64_t end = now.ms + seconds * PAWL_MS_PER_S;

	while (now.ms < end) {
		const int64_t left = end - now.ms;
		now.ms += left < 30 * PAWL_MS_PER_S ? left : 30 * PAWL_MS_PER_S;
		pawl_fleet_tick(fleet, now);
	}
}
