/* SPDX-License-Identifier: MIT
 *
 * Attacks that need somebody's key, or a device that is short of memory: what
 * is left to the attacker then must stay as small as TUF promises.
 */
#include "cmocka_setup.h"
#include "trust_kit.h"

#include "pawl/text.h"

#include <stdlib.h>
#include <string.h>

static _Alignas(16) uint8_t memory[1024 * 1024];

/* --- one key under several ids --- */

static struct pawl_repo_key key_of_pem(struct pawl_arena *arena, const char *pem)
{
	struct pawl_repo_key key = { .json = PAWL_BYTES(NULL, 0) };

	assert_int_equal(
	    pawl_repo_key_make(PAWL_SIG_ECDSA_P256_SHA256, pawl_bytes_of(pem), arena, &key),
	    PAWL_ERR_OK);
	return key;
}

/* The PEM text of the kit's ECDSA key. */
static void pem_of(struct pawl_arena *arena, char ret_pem[512])
{
	struct pawl_json json;

	assert_int_equal(
	    pawl_json_parse_in(arena, kit_key(KIT_ECDSA)->json, &json, NULL), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_json_text(&json, pawl_json_path(&json, 0, "keyval.public"), 512, ret_pem),
	    PAWL_ERR_OK);
}

/* The same key with its point compressed: RFC 5480 allows both. */
static void compress(const char *pem, char ret_pem[512])
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
	char digits[256];
	uint8_t der[128];
	size_t size = 0;
	struct pawl_buf whole = pawl_buf_of(der, sizeof(der));
	struct pawl_buf out = pawl_buf_of(ret_pem, 511);

	for (const char *at = pem + strlen(begin); *at != '-'; at++)
		if (*at != '\n')
			digits[size++] = *at;
	assert_int_equal(pawl_base64_decode(PAWL_BYTES(digits, size), &whole), PAWL_ERR_OK);
	/* SEQUENCE of 23 bytes that name the curve, BIT STRING 00 04 X Y. */
	assert_int_equal(whole.size, 91);
	assert_int_equal(der[26], 4);
	der[1] = 57;
	der[24] = 34;
	der[26] = (uint8_t)(2 + (der[90] & 1));
	pawl_put_text(&out, begin);
	pawl_put_base64(&out, PAWL_BYTES(der, 59));
	pawl_put_text(&out, "\n-----END PUBLIC KEY-----\n");
	assert_int_equal(pawl_buf_check(&out), PAWL_ERR_OK);
	ret_pem[out.size] = '\0';
}

static void one_key_counts_once_in_every_encoding(void **state)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	const struct kit_role signer = { .signers = { KIT_ECDSA, -1 } };
	struct pawl_repo_key keys[3] = { *kit_key(KIT_ECDSA) };
	const struct pawl_bytes text = PAWL_BYTES_LIT("{\"_type\":\"targets\"}");
	const struct pawl_bytes sealed = kit_seal(&signer, text);
	const struct pawl_repo_signature *made;
	struct pawl_repo_signature signatures[3];
	struct pawl_repo_keyid keyids[3];
	uint8_t file[4096];
	struct pawl_buf out = pawl_buf_of(file, sizeof(file));
	char pem[512];
	char other[512];
	size_t count = 0;

	(void)state;
	pem_of(&arena, pem);
	compress(pem, other);
	keys[1] = key_of_pem(&arena, other);
	strcpy(other, pem);
	strcat(other, "once more\n-----END PUBLIC KEY-----\n");
	keys[2] = key_of_pem(&arena, other);
	assert_int_equal(pawl_repo_signatures(sealed, &arena, &made, &count), PAWL_ERR_OK);
	assert_int_equal(count, 1);
	for (size_t i = 0; i < 3; i++) {
		keyids[i] = keys[i].id;
		signatures[i] = (struct pawl_repo_signature){ keys[i].id, made->signature };
	}
	assert_int_equal(pawl_repo_envelope(text, signatures, 3, &out), PAWL_ERR_OK);

	const struct pawl_repo_role role = { .threshold = 2, .keyids = keyids, .keyid_count = 3 };
	assert_int_equal(
	    pawl_repo_count_signatures(pawl_buf_bytes(&out), &role, keys, 3, &arena, &count),
	    PAWL_ERR_OK);
	assert_int_equal(count, 1);
	/* Each of them does verify. */
	for (size_t i = 0; i < 3; i++) {
		const struct pawl_repo_role alone = { .keyids = &keyids[i], .keyid_count = 1 };
		assert_int_equal(pawl_repo_count_signatures(
				     pawl_buf_bytes(&out), &alone, keys, 3, &arena, &count),
		    PAWL_ERR_OK);
		assert_int_equal(count, 1);
	}
	free((void *)(uintptr_t)sealed.at);
}

/* --- rollback --- */

static void a_snapshot_too_large_to_read_is_not_forgotten(void **state)
{
	static char junk[100 * 1024];
	struct kit *kit = kit_create();
	size_t size = strlen(strcpy(junk, "\"_type\":\"snapshot\",\"junk\":[0"));

	(void)state;
	while (size < sizeof(junk) - 3) {
		junk[size++] = ',';
		junk[size++] = '0';
	}
	strcpy(junk + size, "]");
	kit->edit_role = "snapshot";
	kit->edit_from = "\"_type\":\"snapshot\"";
	kit->edit_to = junk;
	kit_publish_next(kit);
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	assert_int_equal(kit_local_version(kit, "targets.json"), 2);

	/* Whoever has the keys of snapshot and timestamp, and the old targets. */
	kit->edit_role = NULL;
	kit->targets[0].role.version = 1;
	kit->snapshot.version++;
	kit_publish_snapshot(kit);
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
	kit->memory_size = 512 * 1024;
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_TOO_LARGE);
	kit->memory_size = 4 * 1024 * 1024;
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_ROLLBACK);
	assert_int_equal(kit_local_version(kit, "targets.json"), 2);
	kit_destroy(kit);
}

/* Names before, between and after those that stay. */
static void whatever_a_snapshot_drops_or_lowers_is_seen(void **state)
{
	static const char *const roles[] = { "A", "b", "targetz", "z" };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(roles) / sizeof(roles[0]); i++) {
		struct kit *kit = kit_create();
		struct kit_targets *victim = &kit->targets[1 + i / 2];

		for (size_t k = 0; k < sizeof(roles) / sizeof(roles[0]); k++)
			kit_delegate(kit, 0, roles[k], "*", false);
		kit_publish_next(kit);
		kit_publish_next(kit);
		assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
		kit_delegate(kit, 0, "c", "*", false);
		kit_publish_next(kit);
		assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
		if (i % 2 == 0)
			victim->unlisted = true;
		else
			victim->role.version = 1;
		kit->snapshot.version++;
		kit_publish_snapshot(kit);
		kit->timestamp.version++;
		kit_publish_timestamp(kit);
		assert_int_equal(kit_refresh(kit), PAWL_TRUST_ROLLBACK);
		assert_non_null(strstr(kit->client.note.text, victim->name));
		kit_destroy(kit);
	}
}

/* One name, spelled differently. */
static void an_escaped_name_is_the_same_name(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	kit->edit_role = "snapshot";
	kit->edit_from = "\"targets.json\"";
	kit->edit_to = "\"t\\u0061rgets\\u002ejson\"";
	kit_publish_next(kit);
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	kit->edit_role = NULL;
	kit_publish_next(kit);
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	assert_int_equal(kit_local_version(kit, "targets.json"), 3);
	kit_destroy(kit);
}

/* Whoever has the timestamp's key could else make everything look expired for
 * good: a time floor never goes back. */
static void a_timestamp_of_the_next_century_raises_no_floor_beyond_expiry(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	kit->issued = (struct pawl_wall){ KIT_NOW.ms + 36500 * PAWL_MS_PER_DAY };
	kit->timestamp.expires = (struct pawl_wall){ kit->issued.ms + PAWL_MS_PER_DAY };
	kit->snapshot.expires = (struct pawl_wall){ KIT_NOW.ms + 7 * PAWL_MS_PER_DAY };
	kit_publish_next(kit);
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	assert_true(pawl_trust_issued(&kit->client).ms == kit->snapshot.expires.ms);
	kit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_counts_once_in_every_encoding),
		cmocka_unit_test(a_snapshot_too_large_to_read_is_not_forgotten),
		cmocka_unit_test(whatever_a_snapshot_drops_or_lowers_is_seen),
		cmocka_unit_test(an_escaped_name_is_the_same_name),
		cmocka_unit_test(a_timestamp_of_the_next_century_raises_no_floor_beyond_expiry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
