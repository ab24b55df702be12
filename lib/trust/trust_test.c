/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"
#include "trust_kit.h"

#include <stdlib.h>
#include <string.h>

/* Fails with what was said instead. */
#define EXPECT(kit, verdict_wanted)                                                                \
	do {                                                                                       \
		if ((kit)->verdict != (verdict_wanted))                                            \
			fail_msg("%s instead of %s: %s", pawl_trust_verdict_id((kit)->verdict),    \
			    pawl_trust_verdict_id(verdict_wanted), (kit)->client.note.text);       \
	} while (0)

static bool same_file(struct kit *kit, const char *local, const char *remote)
{
	const struct kit_file *a = kit_file(kit, false, local);
	const struct kit_file *b = kit_file(kit, true, remote);

	return a != NULL && b != NULL && a->size == b->size && memcmp(a->at, b->at, a->size) == 0;
}

static void asks_exactly_what_is_needed(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_string_equal(kit->log, "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
	assert_true(same_file(kit, "timestamp.json", "timestamp.json"));
	assert_true(same_file(kit, "snapshot.json", "1.snapshot.json"));
	assert_true(same_file(kit, "targets.json", "1.targets.json"));
	assert_int_equal(pawl_trust_version(&kit->client, PAWL_TRUST_TARGETS), 1);

	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_string_equal(kit->log, "2.root.json timestamp.json ");

	kit_publish_next(kit);
	kit->root.version = 2;
	kit_publish_root(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_string_equal(
	    kit->log, "2.root.json 3.root.json timestamp.json 2.snapshot.json 2.targets.json ");
	assert_true(same_file(kit, "root.json", "2.root.json"));

	const struct pawl_trust_target *target = kit_find(kit, "file.txt");
	assert_non_null(target);
	assert_int_equal(target->length, 8);
	assert_true(pawl_bytes_is(target->custom, "{\"v\": 1}"));
	assert_true(pawl_bytes_is(target->role, "targets"));
	assert_int_equal(
	    pawl_trust_target_check(target, PAWL_BYTES_LIT("file.txt")), PAWL_TRUST_OK);
	assert_int_equal(
	    pawl_trust_target_check(target, PAWL_BYTES_LIT("file.txT")), PAWL_TRUST_HASH);
	assert_int_equal(
	    pawl_trust_target_check(target, PAWL_BYTES_LIT("file.tx")), PAWL_TRUST_LENGTH);
	assert_null(kit_find(kit, "file.tx"));
	EXPECT(kit, PAWL_TRUST_OK);
	kit_destroy(kit);
}

static void the_same_timestamp_version_changes_nothing(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	kit_refresh(kit);
	kit->edit_role = "timestamp";
	kit->edit_from = "\"version\":1}}";
	kit->edit_to = "\"version\":100}}";
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_string_equal(kit->log, "2.root.json timestamp.json ");
	assert_false(same_file(kit, "timestamp.json", "timestamp.json"));
	/* It still has to be fresh. */
	kit->clock.ms += 31 * PAWL_MS_PER_DAY;
	kit->root.version = 2;
	kit->root.expires.ms += 300 * PAWL_MS_PER_DAY;
	kit_publish_root(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_EXPIRED);
	kit_destroy(kit);
}

static void a_flipped_bit_never_passes(void **state)
{
	static const char *const names[] = { "2.root.json", "timestamp.json", "2.snapshot.json",
		"2.targets.json" };
	static const char *const stored[] = { "root.json", "timestamp.json", "snapshot.json",
		"targets.json" };
	struct kit *kit = kit_create();

	(void)state;
	kit->hashes = false; /* so that signatures alone must hold */
	kit_refresh(kit);
	kit->root.version = 2;
	kit_publish_root(kit);
	kit_publish_next(kit);
	for (size_t f = 0; f < sizeof(names) / sizeof(names[0]); f++) {
		struct kit_file *file = kit_file(kit, true, names[f]);
		/* Primes, so that every kind of position comes up. */
		for (size_t at = 0; at < file->size; at += f == 0 ? 23 : 5) {
			char saved[4][8192];
			size_t size[4];
			for (size_t s = 0; s < 4; s++) {
				const struct kit_file *old = kit_file(kit, false, stored[s]);
				assert_true(old->size <= sizeof(saved[s]));
				memcpy(saved[s], old->at, size[s] = old->size);
			}
			file->at[at] ^= 1;
			kit_refresh(kit);
			if (kit->verdict == PAWL_TRUST_OK)
				fail_msg("%s passes with byte %zu flipped", names[f], at);
			assert_int_equal(kit_local_version(kit, stored[f]), 1);
			file->at[at] ^= 1;
			for (size_t s = 0; s < 4; s++)
				kit_put(kit, false, stored[s], PAWL_BYTES(saved[s], size[s]));
		}
	}
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	kit_destroy(kit);
}

/* --- roots --- */

static void set_keys(int list[KIT_ROLE_KEYS + 1], const int *from)
{
	memcpy(list, from, (KIT_ROLE_KEYS + 1) * sizeof(int));
}

static void root_rotation_needs_old_and_new_keys(void **state)
{
	static const struct {
		int keys[KIT_ROLE_KEYS + 1];
		int64_t threshold;
		int signers[KIT_ROLE_KEYS + 1];
		pawl_trust_verdict verdict;
	} cases[] = {
		/* before: keys 0 1 2, threshold 2 */
		{ { 0, 1, 2, -1 }, 2, { 1, 2, -1 }, PAWL_TRUST_OK },
		{ { 0, 1, 7, -1 }, 2, { 0, 1, -1 }, PAWL_TRUST_OK },
		{ { 7, 8, -1 }, 2, { 0, 2, 7, 8, -1 }, PAWL_TRUST_OK },
		{ { 7, 8, -1 }, 2, { 7, 8, 9, -1 }, PAWL_TRUST_SIGNATURE },
		{ { 7, 8, -1 }, 2, { 0, 1, 2, -1 }, PAWL_TRUST_SIGNATURE },
		{ { 7, 8, -1 }, 2, { 0, 1, 7, -1 }, PAWL_TRUST_SIGNATURE },
		{ { 7, 8, -1 }, 1, { 0, 7, 8, -1 }, PAWL_TRUST_SIGNATURE },
		{ { 0, 1, 2, -1 }, 3, { 0, 1, -1 }, PAWL_TRUST_SIGNATURE },
		{ { 0, 1, 2, -1 }, 3, { 0, 1, 2, -1 }, PAWL_TRUST_OK },
		{ { 0, 1, 2, -1 }, 1, { 1, -1 }, PAWL_TRUST_SIGNATURE },
		{ { 0, 1, 2, -1 }, 1, { 0, 1, -1 }, PAWL_TRUST_OK },
		{ { KIT_ECDSA, KIT_RSA, -1 }, 2, { 0, 1, KIT_ECDSA, KIT_RSA, -1 }, PAWL_TRUST_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit *kit = kit_create();

		set_keys(kit->root.keys, cases[i].keys);
		set_keys(kit->root.signers, cases[i].signers);
		kit->root.threshold = cases[i].threshold;
		kit->root.version = 2;
		kit_publish_root(kit);
		kit_refresh(kit);
		if (kit->verdict != cases[i].verdict)
			fail_msg("case %zu: %s", i, kit->client.note.text);
		assert_int_equal(
		    kit_local_version(kit, "root.json"), cases[i].verdict == PAWL_TRUST_OK ? 2 : 1);
		/* The next one needs only the new keys. */
		if (cases[i].verdict == PAWL_TRUST_OK) {
			set_keys(kit->root.signers, cases[i].keys);
			kit->root.version = 3;
			kit_publish_root(kit);
			kit_refresh(kit);
			EXPECT(kit, PAWL_TRUST_OK);
			assert_int_equal(kit_local_version(kit, "root.json"), 3);
		}
		kit_destroy(kit);
	}
}

static void a_bad_first_root_asks_for_nothing(void **state)
{
	struct kit *kit = kit_create();
	struct kit_file *root = kit_file(kit, false, "root.json");

	(void)state;
	uint8_t *at = memmem(root->at, root->size, "\"version\":", 10);
	at[3] = 'x';
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_MALFORMED);
	assert_string_equal(kit->log, "");

	at[3] = 'r';
	at = memmem(root->at, root->size, "\"sig\":\"", 7);
	at[7] = at[7] == '0' ? '1' : '0';
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_SIGNATURE);
	assert_string_equal(kit->log, "");

	kit_drop(kit, false, "root.json");
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_MISSING);
	assert_string_equal(kit->log, "");
	kit_destroy(kit);
}

static void eleven_hundred_roots_take_two_refreshes(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	kit->root.threshold = 1;
	for (kit->root.version = 2; kit->root.version <= 1100; kit->root.version++)
		kit_publish_root(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_TOO_LARGE);
	assert_int_equal(kit_local_version(kit, "root.json"), 1 + PAWL_TRUST_ROOTS_MAX);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_int_equal(kit_local_version(kit, "root.json"), 1100);
	kit_destroy(kit);
}

/* --- recovery from a fast forward --- */

static void rotate(struct kit *kit, struct kit_role *role, int key)
{
	role->keys[0] = role->signers[0] = key;
	kit->root.version++;
	kit_publish_root(kit);
}

static void new_keys_undo_a_fast_forward(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	/* A stolen timestamp key ran ahead. */
	kit->timestamp.version = 99999;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	kit->timestamp.version = 2;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_ROLLBACK);
	rotate(kit, &kit->timestamp, 7);
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_int_equal(kit_local_version(kit, "timestamp.json"), 2);

	/* A stolen snapshot key: both online keys change. */
	kit->snapshot.version = 99999;
	kit_publish_snapshot(kit);
	kit->timestamp.version = 3;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	kit->snapshot.version = 2;
	rotate(kit, &kit->snapshot, 8);
	kit_publish_snapshot(kit);
	rotate(kit, &kit->timestamp, 9);
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_int_equal(kit_local_version(kit, "snapshot.json"), 2);

	/* Targets ran ahead: a new snapshot key makes its listing forgotten. */
	kit->targets[0].role.version = 99999;
	kit_publish_targets(kit, 0);
	kit->snapshot.version = 3;
	kit_publish_snapshot(kit);
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	kit->targets[0].role.version = 2;
	kit_publish_targets(kit, 0);
	rotate(kit, &kit->snapshot, 7);
	kit->snapshot.version = 4;
	kit_publish_snapshot(kit);
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_int_equal(kit_local_version(kit, "targets.json"), 2);
	kit_destroy(kit);
}

static void a_revoked_key_is_dead_at_the_next_refresh(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	kit_refresh(kit);
	kit->root.version = 2;
	kit->timestamp.keys[0] = 7; /* the thief keeps signing with 3 */
	kit_publish_root(kit);
	kit_publish_next(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_SIGNATURE);
	kit_destroy(kit);
}

/* --- time --- */

static void expiry_counts_from_the_later_of_clock_and_floor(void **state)
{
	struct kit *kit = kit_create();
	static _Alignas(16) uint8_t memory[262144];
	const struct kit_file *root = kit_file(kit, false, "root.json");
	struct pawl_trust_options options = {
		.memory = memory,
		.memory_size = sizeof(memory),
		.clock = { 0 }, /* no battery: 1970 */
		.time_floor = { kit->root.expires.ms },
		.root = PAWL_BYTES(root->at, root->size),
	};

	(void)state;
	pawl_trust_init(&kit->client, &options);
	assert_int_equal(pawl_trust_next(&kit->client).kind, PAWL_TRUST_FETCH);
	pawl_trust_absent(&kit->client);
	assert_int_equal(pawl_trust_next(&kit->client).verdict, PAWL_TRUST_EXPIRED);
	options.time_floor.ms--;
	pawl_trust_init(&kit->client, &options);
	assert_int_equal(pawl_trust_next(&kit->client).kind, PAWL_TRUST_FETCH);
	pawl_trust_absent(&kit->client);
	assert_int_equal(pawl_trust_next(&kit->client).kind, PAWL_TRUST_FETCH);

	assert_true(pawl_trust_issued(&kit->client).ms == 0);
	kit->issued = (struct pawl_wall){ KIT_NOW.ms - 5000 };
	kit_publish_next(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	assert_true(pawl_trust_issued(&kit->client).ms == kit->issued.ms);
	assert_true(
	    pawl_trust_expires(&kit->client, PAWL_TRUST_TIMESTAMP).ms == kit->timestamp.expires.ms);
	kit_destroy(kit);
}

static void expired_stored_files_still_guard_against_rollback(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	kit->timestamp.version = 4;
	kit->timestamp.expires.ms = KIT_NOW.ms + PAWL_MS_PER_DAY;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	kit->clock.ms += 2 * PAWL_MS_PER_DAY;
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_EXPIRED);
	kit->timestamp.expires.ms = KIT_NOW.ms + 30 * PAWL_MS_PER_DAY;
	kit->timestamp.version = 3;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_ROLLBACK);
	kit->timestamp.version = 5;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	EXPECT(kit, PAWL_TRUST_OK);
	kit_destroy(kit);
}

/* --- memory --- */

static void too_little_memory_is_a_verdict(void **state)
{
	struct kit *kit = kit_create();
	size_t enough = 0;

	(void)state;
	for (size_t size = 0; size < 200000 && enough == 0; size += 331) {
		kit->memory_size = size;
		kit_drop(kit, false, "timestamp.json");
		kit_drop(kit, false, "snapshot.json");
		kit_drop(kit, false, "targets.json");
		if (kit_refresh(kit) == PAWL_TRUST_OK)
			enough = size;
		else
			EXPECT(kit, PAWL_TRUST_TOO_LARGE);
	}
	assert_true(enough > 0);
	kit_destroy(kit);
}

static void verdicts_have_ids_and_texts(void **state)
{
	(void)state;
	for (int v = PAWL_TRUST_OK; v <= PAWL_TRUST_TOO_LARGE; v++) {
		assert_string_not_equal(pawl_trust_verdict_id((pawl_trust_verdict)v), "unknown");
		assert_string_not_equal(
		    pawl_trust_verdict_text((pawl_trust_verdict)v), "unknown verdict");
		for (int w = PAWL_TRUST_OK; w < v; w++)
			assert_string_not_equal(pawl_trust_verdict_id((pawl_trust_verdict)v),
			    pawl_trust_verdict_id((pawl_trust_verdict)w));
	}
	/* Reasons that docs/spec/device.md lists. */
	assert_string_equal(pawl_trust_verdict_id(PAWL_TRUST_HASH), "hash-mismatch");
	assert_string_equal(pawl_trust_verdict_id(PAWL_TRUST_LENGTH), "length-mismatch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_exactly_what_is_needed),
		cmocka_unit_test(the_same_timestamp_version_changes_nothing),
		cmocka_unit_test(a_flipped_bit_never_passes),
		cmocka_unit_test(root_rotation_needs_old_and_new_keys),
		cmocka_unit_test(a_bad_first_root_asks_for_nothing),
		cmocka_unit_test(eleven_hundred_roots_take_two_refreshes),
		cmocka_unit_test(new_keys_undo_a_fast_forward),
		cmocka_unit_test(a_revoked_key_is_dead_at_the_next_refresh),
		cmocka_unit_test(expiry_counts_from_the_later_of_clock_and_floor),
		cmocka_unit_test(expired_stored_files_still_guard_against_rollback),
		cmocka_unit_test(too_little_memory_is_a_verdict),
		cmocka_unit_test(verdicts_have_ids_and_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
