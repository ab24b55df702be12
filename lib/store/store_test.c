/* SPDX-License-Identifier: MIT
 *
 * Rows in and out, tickets, lists, backup.
 */
#include "cmocka_setup.h"
#include "store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
	char folder[64];
	char path[128];
	struct pawl_store *store;
};

static void open_again(struct world *world)
{
	const struct pawl_store_options options = { .path = world->path };
	struct pawl_note note = { { 0 } };

	assert_int_equal(pawl_store_close(world->store), PAWL_ERR_OK);
	world->store = NULL;
	if (pawl_store_open(&options, &world->store, &note) != PAWL_ERR_OK)
		fail_msg("%s", note.text);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	snprintf(world->folder, sizeof(world->folder), "/tmp/pawl_store_test_XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/pawl.db", world->folder);
	open_again(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	pawl_store_close(world->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	assert_int_equal(system(command), 0);
	free(world);
	return 0;
}

static void commit(struct pawl_store *store)
{
	uint64_t ticket = 0;

	assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_wait(store), PAWL_ERR_OK);
	assert_int_equal(pawl_store_progress(store).durable, ticket);
}

/* --- rows --- */

static const struct pawl_fleet_device a_device = { .id = 7,
	.controller_id = "dev1",
	.name = "Pump \"1\"",
	.description = "'; DROP TABLE device; --",
	.product = "acme",
	.hardware_class = "gw-a",
	.group = "field",
	.address = "192.0.2.1",
	.created_at = 1,
	.last_request_at = 2,
	.installed_at = 3,
	.attributes_at = 4,
	.state = PAWL_DEVICE_PROBATION,
	.why = "because",
	.attributes_wanted = true,
	.assigned_id = 5,
	.installed_id = 6,
	.installed_action_id = 11,
	.last_action_id = 12,
	.enrolment = PAWL_ENROLMENT_ISSUED,
	.has_token = true,
	.token_sha256 = { 1, 2, 3 },
	.token_expires_at = INT64_C(1795359600000),
	.requested_at = 8,
	.has_fingerprint = true,
	.fingerprint = { 9, 9 },
	.attribute_count = 2,
	.attributes = (const struct pawl_fleet_attribute[]){ { "a", "1" }, { "b", "" } } };

static const struct pawl_fleet_action an_action = { .id = 12,
	.device_id = 7,
	.distribution_set_id = 5,
	.rollout_id = 3,
	.stratum = 1,
	.stage = 2,
	.status = PAWL_ACTION_VERIFYING,
	.force = PAWL_FORCE_TIMEFORCED,
	.force_at = 99,
	.retrieved = true,
	.leaves_rollout = true,
	.activated = true,
	.unverified = true,
	.created_at = 1,
	.changed_at = 2,
	.claimed_at = 3,
	.closed_at = 4,
	.last_code = -5,
	.claimed_polls = 2,
	.status_count = 3,
	.why = "waits for proof" };

static const struct pawl_fleet_module modules[] = {
	{ .id = 1,
	    .hardware_class = "gw-a",
	    .file_name = "2.0.0.gw-a.img",
	    .target_path = "fw/acme/2.0.0.gw-a.img",
	    .size = UINT64_C(5000000000),
	    .sha256 = "aa",
	    .sha1 = "bb",
	    .md5 = "cc",
	    .image_sha256 = "dd",
	    .created_at = 10 },
	{ .id = 2, .hardware_class = "gw-b", .file_name = "2.0.0.gw-b.img" },
};
static const struct pawl_fleet_distribution_set a_set = { .id = 5,
	.product = "acme",
	.version = "2.0.0",
	.seq = UINT64_C(9007199254740991),
	.sec = 3,
	.created_at = 10,
	.module_count = 2,
	.modules = modules };

static const struct pawl_fleet_member a_member = {
	.rollout_id = 3, .device_id = 7, .stratum = 1, .stage = 2, .state = PAWL_MEMBER_HEALTHY
};

/* What a load brought, in order, and whether it was what was put. */
struct seen {
	char order[32];
	bool as_put;
};

static void see(struct seen *seen, const char *what, bool as_put)
{
	strncat(seen->order, what, sizeof(seen->order) - strlen(seen->order) - 1);
	seen->as_put = seen->as_put && as_put;
	if (!as_put)
		fprintf(stderr, "not as put: %s\n", what);
}

static pawl_err see_counters(void *context, const struct pawl_fleet_counters *counters)
{
	see(context, "c",
	    counters->device == 7 && counters->action == 12 && counters->rollout == 3 &&
		counters->module == 2 && counters->distribution_set == 5);
	return PAWL_ERR_OK;
}

static pawl_err see_set(void *context, const struct pawl_fleet_distribution_set *set)
{
	see(context, "s",
	    set->id == 5 && strcmp(set->product, "acme") == 0 &&
		strcmp(set->version, "2.0.0") == 0 && set->seq == a_set.seq && set->sec == 3 &&
		set->module_count == 2 &&
		memcmp(&set->modules[0], &modules[0], sizeof(modules[0])) == 0 &&
		strcmp(set->modules[1].hardware_class, "gw-b") == 0);
	return PAWL_ERR_OK;
}

static pawl_err see_device(void *context, const struct pawl_fleet_device *device)
{
	const struct pawl_fleet_device *put = &a_device;
	const bool texts = strcmp(device->controller_id, put->controller_id) == 0 &&
			   strcmp(device->name, put->name) == 0 &&
			   strcmp(device->description, put->description) == 0 &&
			   strcmp(device->product, put->product) == 0 &&
			   strcmp(device->hardware_class, put->hardware_class) == 0 &&
			   strcmp(device->group, put->group) == 0 &&
			   strcmp(device->address, "192.0.2.2") == 0 &&
			   strcmp(device->why, put->why) == 0;
	const bool numbers = device->id == 7 && device->created_at == 1 &&
			     device->last_request_at == 22 && device->installed_at == 3 &&
			     device->attributes_at == 4 && device->state == put->state &&
			     device->attributes_wanted && device->assigned_id == 5 &&
			     device->installed_id == 6 && device->installed_action_id == 11 &&
			     device->last_action_id == 12;
	const bool enrolment = device->enrolment == put->enrolment && device->has_token &&
			       memcmp(device->token_sha256, put->token_sha256, 32) == 0 &&
			       device->token_expires_at == put->token_expires_at &&
			       !device->has_key_pin && device->requested_at == 8 &&
			       device->has_fingerprint &&
			       memcmp(device->fingerprint, put->fingerprint, 32) == 0;

	see(context, "d", texts && numbers && enrolment);
	return PAWL_ERR_OK;
}

static pawl_err see_attribute(void *context, uint32_t device_id, const char *key, const char *value)
{
	see(context, key, device_id == 7 && strcmp(value, key[0] == 'a' ? "1" : "") == 0);
	return PAWL_ERR_OK;
}

static pawl_err see_rollout(void *context, struct pawl_bytes record)
{
	see(context, "r", pawl_bytes_equal(record, PAWL_BYTES_LIT("re\0cord")));
	return PAWL_ERR_OK;
}

static pawl_err see_member(void *context, const struct pawl_fleet_member *member)
{
	see(context, "m", memcmp(member, &a_member, sizeof(*member)) == 0);
	return PAWL_ERR_OK;
}

static pawl_err see_action(void *context, const struct pawl_fleet_action *action)
{
	struct pawl_fleet_action copy = *action;

	copy.why = an_action.why;
	see(context, "x",
	    strcmp(action->why, an_action.why) == 0 && copy.id == 12 && copy.device_id == 7 &&
		copy.distribution_set_id == 5 && copy.rollout_id == 3 && copy.stratum == 1 &&
		copy.stage == 2 && copy.status == an_action.status &&
		copy.force == an_action.force && copy.force_at == 99 && copy.retrieved &&
		copy.leaves_rollout && copy.activated && copy.unverified && copy.created_at == 1 &&
		copy.changed_at == 2 && copy.claimed_at == 3 && copy.closed_at == 4 &&
		copy.last_code == -5 && copy.claimed_polls == 2 && copy.status_count == 3);
	return PAWL_ERR_OK;
}

static pawl_err keep_action(void *context, const struct pawl_fleet_action *action)
{
	struct pawl_fleet_action *kept = context;

	*kept = *action;
	kept->why = "";
	return PAWL_ERR_OK;
}

static pawl_err skip_counters(void *context, const struct pawl_fleet_counters *counters)
{
	(void)context;
	(void)counters;
	return PAWL_ERR_OK;
}

static struct seen load(struct pawl_store *store)
{
	struct seen seen = { .as_put = true };
	struct pawl_note note = { { 0 } };
	const struct pawl_store_loader loader = { &seen, see_counters, see_set, see_device,
		see_attribute, see_rollout, see_member, see_action };

	if (pawl_store_load(store, &loader, &note) != PAWL_ERR_OK)
		fail_msg("%s", note.text);
	return seen;
}

static void put_everything(struct pawl_store *store)
{
	const struct pawl_fleet_counters counters = { 7, 5, 2, 12, 3 };
	const char *const texts[] = { "first \xe2\x9c\x93", "reason=io" };

	pawl_store_put_action(store, &an_action);
	pawl_store_put_member(store, &a_member);
	pawl_store_put_counters(store, &counters);
	pawl_store_put_device(store, &a_device);
	pawl_store_put_attributes(store, &a_device);
	pawl_store_put_distribution_set(store, &a_set);
	pawl_store_put_rollout(store, 3, PAWL_BYTES_LIT("re\0cord"));
	pawl_store_touch_device(store, 7, 22, "192.0.2.2");
	pawl_store_put_credential(store, 7, PAWL_BYTES_LIT("csr"), PAWL_BYTES(NULL, 0));
	pawl_store_add_status(store,
	    &(struct pawl_fleet_effect){
		.kind = PAWL_FLEET_ADD_ACTION_STATUS, .id = 12, .at = 1000, .name = "retrieved" });
	pawl_store_add_status(
	    store, &(struct pawl_fleet_effect){ .kind = PAWL_FLEET_ADD_ACTION_STATUS,
		       .id = 12,
		       .at = 2000,
		       .name = "error",
		       .has_code = true,
		       .code = -1,
		       .text_count = 2,
		       .texts = texts });
}

static void rows_come_back_as_they_were_put(void **state)
{
	struct world *world = *state;

	put_everything(world->store);
	commit(world->store);
	open_again(world);
	struct seen seen = load(world->store);
	assert_string_equal(seen.order, "csdabrmx");
	assert_true(seen.as_put);
	/* Once more over the same rows. */
	put_everything(world->store);
	commit(world->store);
	seen = load(world->store);
	assert_string_equal(seen.order, "csdabrmx");
	assert_true(seen.as_put);
}

static void a_removed_device_leaves_nothing(void **state)
{
	struct world *world = *state;
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;

	put_everything(world->store);
	pawl_store_remove_device(world->store, 7);
	commit(world->store);
	assert_string_equal(load(world->store).order, "csr");
	assert_int_equal(pawl_store_close(world->store), PAWL_ERR_OK);
	world->store = NULL;
	assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
			     "SELECT (SELECT count(*) FROM action_status) + (SELECT count(*) FROM "
			     "action_message) + (SELECT count(*) FROM credential)",
			     -1, &statement, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(statement, 0), 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static bool append_status(void *context, const struct pawl_store_status *status)
{
	char *text = context;

	snprintf(text + strlen(text), 256 - strlen(text), "%s@%d", status->type, (int)status->at);
	if (status->has_code)
		snprintf(text + strlen(text), 256 - strlen(text), "#%d", status->code);
	for (size_t i = 0; i < status->message_count; i++)
		snprintf(text + strlen(text), 256 - strlen(text), "[%s]", status->messages[i]);
	strcat(text, ";");
	return true;
}

static void statuses_come_newest_first_in_pages(void **state)
{
	struct world *world = *state;
	char text[256] = "";
	uint64_t total = 0;

	put_everything(world->store);
	commit(world->store);
	assert_int_equal(pawl_store_list_statuses(world->store, 12,
			     (struct pawl_store_page){ 0, 10 }, append_status, text, &total),
	    PAWL_ERR_OK);
	assert_string_equal(text, "error@2000#-1[first \xe2\x9c\x93][reason=io];retrieved@1000;");
	assert_int_equal(total, 2);
	text[0] = '\0';
	assert_int_equal(pawl_store_list_statuses(world->store, 12,
			     (struct pawl_store_page){ 1, 1 }, append_status, text, &total),
	    PAWL_ERR_OK);
	assert_string_equal(text, "retrieved@1000;");
	text[0] = '\0';
	assert_int_equal(
	    pawl_store_list_statuses(world->store, 12, (struct pawl_store_page){ UINT64_MAX, 1 },
		append_status, text, &total),
	    PAWL_ERR_OK);
	assert_string_equal(text, "");
	assert_int_equal(pawl_store_list_statuses(world->store, 13,
			     (struct pawl_store_page){ 0, 10 }, append_status, text, &total),
	    PAWL_ERR_OK);
	assert_int_equal(total, 0);
}

static bool append_audit(void *context, const struct pawl_store_audit *entry)
{
	char *text = context;

	snprintf(text + strlen(text), 256 - strlen(text), "%d %d %s %s %s %s;", (int)entry->id,
	    (int)entry->at, entry->actor, entry->action, entry->object, entry->detail);
	return strlen(text) < 40;
}

static void the_audit_list_is_paged(void **state)
{
	struct world *world = *state;
	char text[256] = "";
	uint64_t total = 0;

	for (int i = 1; i <= 5; i++) {
		const struct pawl_store_audit entry = { .at = i,
			.actor = "operator:anna",
			.action = "rollout.start",
			.object = "rollout:7",
			.detail = "" };
		pawl_store_add_audit(world->store, &entry);
	}
	commit(world->store);
	assert_int_equal(pawl_store_list_audit(world->store, (struct pawl_store_page){ 1, 10 },
			     append_audit, text, &total),
	    PAWL_ERR_OK);
	assert_string_equal(text, "4 4 operator:anna rollout.start rollout:7 ;"); /* it said stop */
	assert_int_equal(total, 5);
}

static void credentials_settings_and_tokens_are_found(void **state)
{
	struct world *world = *state;
	uint8_t memory[256];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_bytes csr;
	struct pawl_bytes certificate;
	struct pawl_store_token token = { .name = "anna", .sha256 = { 1 }, .expires_at = 100 };
	struct pawl_store_token found;

	pawl_store_put_credential(world->store, 1, PAWL_BYTES_LIT("request"), PAWL_BYTES(NULL, 0));
	pawl_store_put_credential(world->store, 1, PAWL_BYTES(NULL, 0), PAWL_BYTES_LIT("cert"));
	pawl_store_put_setting(world->store, "key", PAWL_BYTES_LIT("a\0b"));
	pawl_store_put_setting(world->store, "none", PAWL_BYTES(NULL, 0));
	pawl_store_put_token(world->store, &token);
	commit(world->store);
	assert_int_equal(
	    pawl_store_credential(world->store, 1, &arena, &csr, &certificate), PAWL_ERR_OK);
	assert_true(pawl_bytes_is(csr, "request"));
	assert_true(pawl_bytes_is(certificate, "cert"));
	assert_int_equal(
	    pawl_store_credential(world->store, 2, &arena, &csr, &certificate), PAWL_ERR_NOT_FOUND);
	assert_int_equal(pawl_store_setting(world->store, "key", &arena, &csr), PAWL_ERR_OK);
	assert_true(pawl_bytes_equal(csr, PAWL_BYTES_LIT("a\0b")));
	assert_int_equal(pawl_store_setting(world->store, "none", &arena, &csr), PAWL_ERR_OK);
	assert_int_equal(csr.size, 0);
	assert_int_equal(
	    pawl_store_setting(world->store, "other", &arena, &csr), PAWL_ERR_NOT_FOUND);
	struct pawl_arena tiny = pawl_arena_of(memory, 1);
	assert_int_equal(pawl_store_setting(world->store, "key", &tiny, &csr), PAWL_ERR_LIMIT);

	assert_int_equal(
	    pawl_store_token(world->store, token.sha256, (struct pawl_wall){ 99 }, &found),
	    PAWL_ERR_OK);
	assert_string_equal(found.name, "anna");
	assert_int_equal(
	    pawl_store_token(world->store, token.sha256, (struct pawl_wall){ 100 }, &found),
	    PAWL_ERR_NOT_FOUND);
	pawl_store_remove_token(world->store, "anna");
	commit(world->store);
	assert_int_equal(
	    pawl_store_token(world->store, token.sha256, (struct pawl_wall){ 1 }, &found),
	    PAWL_ERR_NOT_FOUND);
}

static void a_value_out_of_range_ends_the_load(void **state)
{
	struct world *world = *state;
	struct seen seen = { .as_put = true };
	struct pawl_note note = { { 0 } };
	struct pawl_fleet_device device = a_device;
	const struct pawl_store_loader loader = { &seen, see_counters, see_set, see_device,
		see_attribute, see_rollout, see_member, see_action };

	put_everything(world->store);
	device.state = (pawl_device_state)99;
	pawl_store_put_device(world->store, &device);
	commit(world->store);
	assert_int_equal(pawl_store_load(world->store, &loader, &note), PAWL_ERR_CORRUPT);
	assert_string_equal(
	    note.text, "stored row id=7: column state is out of range; restore the last backup");
}

/* --- tickets --- */

static void batches_are_whole_and_tickets_in_order(void **state)
{
	struct world *world = *state;
	uint64_t ticket = 99;

	assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_OK);
	assert_int_equal(ticket, 0);
	assert_int_equal(pawl_store_wait(world->store), PAWL_ERR_OK);
	for (uint64_t i = 1; i <= 3000; i++) {
		pawl_store_put_setting(world->store, "n", PAWL_BYTES(&i, sizeof(i)));
		assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_OK);
		assert_int_equal(ticket, i);
	}
	pawl_store_put_setting(world->store, "dropped", PAWL_BYTES_LIT("x"));
	pawl_store_drop(world->store);
	assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_OK);
	assert_int_equal(ticket, 3000);
	assert_int_equal(pawl_store_wait(world->store), PAWL_ERR_OK);
	const struct pawl_store_progress progress = pawl_store_progress(world->store);
	assert_int_equal(progress.durable, 3000);
	assert_int_equal(progress.refused, 0);
	assert_true(pawl_store_has_room(world->store));
}

static void close_stores_what_is_queued(void **state)
{
	struct world *world = *state;
	uint8_t memory[64];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_bytes value;
	uint64_t ticket = 0;

	for (uint64_t i = 1; i <= 500; i++) {
		pawl_store_put_setting(world->store, "n", PAWL_BYTES(&i, sizeof(i)));
		assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_OK);
	}
	pawl_store_put_setting(world->store, "unsubmitted", PAWL_BYTES_LIT("x"));
	open_again(world);
	uint64_t last = 0;
	assert_int_equal(pawl_store_setting(world->store, "n", &arena, &value), PAWL_ERR_OK);
	memcpy(&last, value.at, sizeof(last));
	assert_int_equal(last, 500);
	assert_int_equal(
	    pawl_store_setting(world->store, "unsubmitted", &arena, &value), PAWL_ERR_NOT_FOUND);
}

static void a_contradiction_breaks_the_store_and_spares_its_neighbours(void **state)
{
	struct world *world = *state;
	uint8_t memory[64];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_bytes value;
	struct pawl_fleet_device twin = a_device;
	uint64_t ticket = 0;

	twin.id = 8; /* the same controller id twice */
	pawl_store_put_device(world->store, &a_device);
	assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_OK);
	pawl_store_put_setting(world->store, "before", PAWL_BYTES_LIT("x"));
	assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_OK);
	pawl_store_put_setting(world->store, "beside", PAWL_BYTES_LIT("x"));
	pawl_store_put_device(world->store, &twin);
	assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_wait(world->store), PAWL_ERR_CORRUPT);
	const struct pawl_store_progress progress = pawl_store_progress(world->store);
	assert_int_equal(progress.durable, 2);
	assert_int_equal(progress.refused, 3);
	assert_true(progress.broken);
	assert_non_null(strstr(progress.note.text, "UNIQUE constraint failed"));
	assert_false(pawl_store_has_room(world->store));
	pawl_store_put_setting(world->store, "after", PAWL_BYTES_LIT("x"));
	assert_int_equal(pawl_store_submit(world->store, &ticket), PAWL_ERR_CORRUPT);
	assert_int_equal(pawl_store_close(world->store), PAWL_ERR_CORRUPT);
	world->store = NULL;
	open_again(world);
	assert_int_equal(pawl_store_setting(world->store, "before", &arena, &value), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_store_setting(world->store, "beside", &arena, &value), PAWL_ERR_NOT_FOUND);
}

static void a_backup_opens_as_a_database(void **state)
{
	struct world *world = *state;
	char copy[128];
	struct pawl_note note = { { 0 } };
	struct stat status;

	put_everything(world->store);
	commit(world->store);
	snprintf(copy, sizeof(copy), "%s/copy.db", world->folder);
	if (pawl_store_backup(world->store, copy, &note) != PAWL_ERR_OK)
		fail_msg("%s", note.text);
	assert_int_equal(pawl_store_backup(world->store, copy, &note), PAWL_ERR_EXISTS);
	assert_int_equal(stat(copy, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(pawl_store_close(world->store), PAWL_ERR_OK);
	world->store = NULL;
	snprintf(world->path, sizeof(world->path), "%s", copy);
	open_again(world);
	assert_true(load(world->store).as_put);
	assert_int_equal(stat(world->path, &status), 0);
}

/* A file of the first version, with an action in it. */
static void make_first_version(const char *path)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, pawl_store_sql("s_create.sql"), NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, pawl_store_sql("0001_init.sql"), NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "INSERT INTO action VALUES (12,7,5,3,1,2,1,1,0,0,0,1,2,0,0,0,0,1,'')",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void an_older_file_is_brought_up_to_date(void **state)
{
	struct world *world = *state;
	struct pawl_fleet_action action = { .id = 0 };
	struct pawl_note note = { { 0 } };
	const struct pawl_store_loader loader = { &action, skip_counters, NULL, NULL, NULL, NULL,
		NULL, keep_action };

	assert_int_equal(pawl_store_close(world->store), PAWL_ERR_OK);
	world->store = NULL;
	assert_int_equal(unlink(world->path), 0);
	make_first_version(world->path);
	for (int i = 0; i < 2; i++) { /* once only: the second time it is new already */
		open_again(world);
		if (pawl_store_load(world->store, &loader, &note) != PAWL_ERR_OK)
			fail_msg("%s", note.text);
		assert_int_equal(action.id, 12);
		assert_int_equal(action.status, PAWL_ACTION_RETRIEVED);
		/* Unknown in the old file: asking the device is the safe side. */
		assert_true(action.retrieved);
		assert_false(action.leaves_rollout);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_come_back_as_they_were_put, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removed_device_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    statuses_come_newest_first_in_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(the_audit_list_is_paged, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    credentials_settings_and_tokens_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_value_out_of_range_ends_the_load, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    batches_are_whole_and_tickets_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(close_stores_what_is_queued, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_contradiction_breaks_the_store_and_spares_its_neighbours, setup, teardown),
		cmocka_unit_test_setup_teardown(a_backup_opens_as_a_database, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_older_file_is_brought_up_to_date, setup, teardown),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
