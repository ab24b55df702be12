/* SPDX-License-Identifier: MIT
 *
 * A fleet that lives, is stored by its effects, and comes back the same.
 */
#include "cmocka_setup.h"

#include "pawl/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct pawl_wall now = { INT64_C(1795359600000) };

static struct pawl_fleet *new_fleet(void)
{
	const struct pawl_fleet_settings settings = {
		.poll_s = 30, .silence_s = 3600, .hash_seed = 1
	};
	struct pawl_fleet *fleet = NULL;
	struct pawl_note note = { { 0 } };

	if (pawl_fleet_create(&settings, &fleet, &note) != PAWL_ERR_OK)
		fail_msg("%s", note.text);
	return fleet;
}

static pawl_err to_counters(void *fleet, const struct pawl_fleet_counters *row)
{
	pawl_fleet_load_counters(fleet, row);
	return PAWL_ERR_OK;
}

static pawl_err to_set(void *fleet, const struct pawl_fleet_distribution_set *row)
{
	return pawl_fleet_load_distribution_set(fleet, row, NULL);
}

static pawl_err to_device(void *fleet, const struct pawl_fleet_device *row)
{
	return pawl_fleet_load_device(fleet, row, NULL);
}

static pawl_err to_attribute(void *fleet, uint32_t id, const char *key, const char *value)
{
	return pawl_fleet_load_attribute(fleet, id, key, value, NULL);
}

static pawl_err to_rollout(void *fleet, struct pawl_bytes record)
{
	return pawl_fleet_load_rollout(fleet, record, NULL);
}

static pawl_err to_member(void *fleet, const struct pawl_fleet_member *row)
{
	return pawl_fleet_load_member(fleet, row, NULL);
}

static pawl_err to_action(void *fleet, const struct pawl_fleet_action *row)
{
	return pawl_fleet_load_action(fleet, row, NULL);
}

static void drain(struct pawl_store *store, struct pawl_fleet *fleet)
{
	size_t count = 0;
	uint64_t ticket = 0;
	const struct pawl_fleet_effect *effects = pawl_fleet_effects(fleet, &count);

	pawl_store_add_effects(store, fleet, effects, count);
	pawl_fleet_effects_clear(fleet);
	assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_wait(store), PAWL_ERR_OK);
}

static struct pawl_store *open_store(const char *path)
{
	const struct pawl_store_options options = { .path = path };
	struct pawl_store *store = NULL;
	struct pawl_note note = { { 0 } };

	if (pawl_store_open(&options, &store, &note) != PAWL_ERR_OK)
		fail_msg("%s", note.text);
	return store;
}

static uint32_t add_release(struct pawl_store *store, struct pawl_fleet *fleet)
{
	struct pawl_fleet_module module = { .hardware_class = "gw-a",
		.file_name = "2.0.0.gw-a.img",
		.target_path = "fw/acme/2.0.0.gw-a.img",
		.size = 1000 };
	const struct pawl_fleet_distribution_set set = { .product = "acme",
		.version = "2.0.0",
		.seq = 2,
		.sec = 1,
		.module_count = 1,
		.modules = &module };
	uint32_t set_id = 0;

	memset(module.sha256, 'a', 64);
	memset(module.sha1, 'b', 40);
	memset(module.md5, 'c', 32);
	memset(module.image_sha256, 'd', 64);
	assert_int_equal(pawl_fleet_distribution_set_add(fleet, &set, now, &set_id, NULL), 0);
	drain(store, fleet);
	return set_id;
}

static void add_devices(struct pawl_store *store, struct pawl_fleet *fleet)
{
	uint32_t device_id = 0;
	struct pawl_note note = { { 0 } };

	for (int i = 0; i < 12; i++) {
		char id[16];
		snprintf(id, sizeof(id), "dev%d", i);
		const struct pawl_fleet_device_options options = { .controller_id =
								       pawl_bytes_of(id),
			.product = PAWL_BYTES_LIT("acme"),
			.hardware_class = PAWL_BYTES_LIT("gw-a"),
			.group = PAWL_BYTES_LIT("field") };
		assert_int_equal(pawl_fleet_device_add(fleet, &options, now, &device_id, &note), 0);
		drain(store, fleet);
	}
}

static void start_rollout(struct pawl_store *store, struct pawl_fleet *fleet, uint32_t set_id)
{
	uint32_t rollout_id = 0;
	struct pawl_note note = { { 0 } };
	struct pawl_fleet_rollout_options options = { .name = PAWL_BYTES_LIT("v2"),
		.filter = PAWL_BYTES_LIT("group==field"),
		.distribution_set_id = set_id,
		.force = PAWL_FORCE_FORCED,
		.strata_kind = PAWL_STRATA_HARDWARE_CLASS,
		.silence_s = 3600,
		.seed = PAWL_BYTES_LIT("seed") };
	options.settings.stage_count = 2;
	options.settings.stages[0] = (struct pawl_rollout_stage){ 500000, 100, 0 };
	options.settings.stages[1] = (struct pawl_rollout_stage){ PAWL_ROLLOUT_SHARE_ALL, 100, 0 };
	options.settings.budget_base = 3;
	options.settings.budget_gain_permille = 1000;
	if (pawl_fleet_rollout_create(fleet, &options, now, &rollout_id, &note) != PAWL_FLEET_OK)
		fail_msg("%s", note.text);
	drain(store, fleet);
	assert_int_equal(pawl_fleet_rollout_start(fleet, rollout_id, now, &note), PAWL_FLEET_OK);
	drain(store, fleet);
}

/* Everyone calls; who is offered something begins to load it. */
static void let_devices_call(struct pawl_store *store, struct pawl_fleet *fleet)
{
	for (int i = 0; i < 12; i++) {
		char id[16];
		struct pawl_fleet_poll poll;
		const struct pawl_fleet_feedback feedback = { .execution = PAWL_EXECUTION_DOWNLOAD,
			.messages = (const struct pawl_bytes[]){ PAWL_BYTES_LIT("loads") },
			.message_count = 1 };

		snprintf(id, sizeof(id), "dev%d", i);
		assert_int_equal(pawl_fleet_poll(fleet, pawl_bytes_of(id),
				     PAWL_BYTES_LIT("192.0.2.1"), now, &poll),
		    PAWL_FLEET_OK);
		drain(store, fleet);
		if (poll.deployment_action_id == 0)
			continue;
		assert_int_equal(pawl_fleet_feedback(fleet, pawl_bytes_of(id),
				     poll.deployment_action_id, &feedback, now),
		    PAWL_FLEET_OK);
		drain(store, fleet);
	}
}

/* Twelve devices, one release, a rollout that admitted some of them, one removed. */
static void live(struct pawl_store *store, struct pawl_fleet *fleet)
{
	struct pawl_note note = { { 0 } };

	const uint32_t set_id = add_release(store, fleet);
	add_devices(store, fleet);
	start_rollout(store, fleet, set_id);
	let_devices_call(store, fleet);
	const struct pawl_fleet_attribute_input inputs[] = {
		{ PAWL_BYTES_LIT("pawl.slot"), PAWL_BYTES_LIT("a") },
	};
	assert_int_equal(pawl_fleet_config_data(fleet, PAWL_BYTES_LIT("dev1"),
			     PAWL_ATTRIBUTES_MERGE, inputs, 1, now, &note),
	    PAWL_FLEET_OK);
	drain(store, fleet);
	assert_int_equal(
	    pawl_fleet_device_remove(fleet, PAWL_BYTES_LIT("dev0"), now), PAWL_FLEET_OK);
	drain(store, fleet);
}

static bool count_status(void *context, const struct pawl_store_status *status)
{
	size_t *messages = context;

	*messages += status->message_count;
	return true;
}

static void a_fleet_comes_back_as_it_was(void **state)
{
	char folder[] = "/tmp/pawl_effects_XXXXXX";
	char path[64];
	char command[64];
	uint32_t actions = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pawl.db", folder);
	struct pawl_store *store = open_store(path);
	struct pawl_fleet *before = new_fleet();
	pawl_fleet_load_done(before, now);
	live(store, before);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);

	store = open_store(path);
	struct pawl_fleet *after = new_fleet();
	struct pawl_note note = { { 0 } };
	const struct pawl_store_loader loader = { after, to_counters, to_set, to_device,
		to_attribute, to_rollout, to_member, to_action };
	if (pawl_store_load(store, &loader, &note) != PAWL_ERR_OK)
		fail_msg("%s", note.text);
	pawl_fleet_load_done(after, now);

	const struct pawl_fleet_counters a = pawl_fleet_counters(before);
	const struct pawl_fleet_counters b = pawl_fleet_counters(after);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(pawl_fleet_device_count(after), 11);
	for (uint32_t id = 1; id <= 12; id++) {
		const struct pawl_fleet_device *was = pawl_fleet_device(before, id);
		const struct pawl_fleet_device *is = pawl_fleet_device(after, id);
		assert_int_equal(was == NULL, is == NULL);
		if (was == NULL)
			continue;
		assert_string_equal(was->controller_id, is->controller_id);
		assert_int_equal(was->state, is->state);
		assert_int_equal(was->last_request_at, is->last_request_at);
		assert_int_equal(was->attribute_count, is->attribute_count);
		const struct pawl_fleet_action *action = pawl_fleet_newest_action(before, id);
		const struct pawl_fleet_action *same = pawl_fleet_newest_action(after, id);
		assert_int_equal(action == NULL, same == NULL);
		if (action == NULL)
			continue;
		size_t messages = 0;
		uint64_t total = 0;
		actions++;
		assert_int_equal(action->id, same->id);
		assert_int_equal(action->status, same->status);
		assert_int_equal(action->status_count, same->status_count);
		assert_int_equal(
		    pawl_store_list_statuses(store, action->id, (struct pawl_store_page){ 0, 100 },
			count_status, &messages, &total),
		    PAWL_ERR_OK);
		assert_true(total >= 1 && messages >= 1);
	}
	assert_true(actions >= 2); /* three admitted; the removed one may be among them */
	const struct pawl_fleet_rollout_totals was = pawl_fleet_rollout_totals(before, 1);
	const struct pawl_fleet_rollout_totals is = pawl_fleet_rollout_totals(after, 1);
	assert_memory_equal(&was, &is, sizeof(was));
	pawl_fleet_destroy(before);
	pawl_fleet_destroy(after);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_fleet_comes_back_as_it_was) };

	return cmocka_run_group_tests_name("store effects", tests, NULL, NULL);
}
