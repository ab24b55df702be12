/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"
#include "trust_kit.h"

#include <stdlib.h>
#include <string.h>

static _Alignas(16) uint8_t memory[64 * 1024 * 1024];
static uint8_t text[4 * 1024 * 1024];
static uint8_t second_text[4 * 1024 * 1024];

static struct pawl_bytes remote(struct kit *kit, const char *name)
{
	const struct kit_file *file = kit_file(kit, true, name);

	assert_non_null(file);
	return PAWL_BYTES(file->at, file->size);
}

static void every_role_is_read_back_and_written_the_same(void **state)
{
	static const char *const names[] = { "1.root.json", "2.targets.json", "2.snapshot.json",
		"timestamp.json", "1.a.json" };
	struct kit *kit = kit_create();

	(void)state;
	kit_delegate(kit, 0, "a", "fw/*", true);
	kit->targets[1].entries[0] = "fw/\"quoted\" \xc3\xa4";
	kit->issued = KIT_NOW;
	kit_publish_next(kit);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
		struct pawl_buf out = pawl_buf_of(text, sizeof(text));
		struct pawl_note note = { .text = "" };
		struct pawl_repo_file file;
		struct pawl_bytes message;
		struct pawl_bytes before;

		if (pawl_repo_parse(remote(kit, names[i]), &arena, &file, &note) != PAWL_ERR_OK)
			fail_msg("%s: %s", names[i], note.text);
		assert_int_equal(pawl_repo_write(&file, &arena, &out, &note), PAWL_ERR_OK);
		/* What is signed is equal to the last byte. */
		assert_int_equal(
		    pawl_repo_message(pawl_buf_bytes(&out), &arena, &message), PAWL_ERR_OK);
		assert_int_equal(
		    pawl_repo_signed_bytes(remote(kit, names[i]), &arena, &before), PAWL_ERR_OK);
		assert_true(pawl_bytes_equal(message, before));
	}
	kit_destroy(kit);
}

static void signatures_are_added_replaced_and_counted(void **state)
{
	struct kit *kit = kit_create();
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_buf out = pawl_buf_of(text, sizeof(text));
	const struct pawl_repo_signature *signatures;
	struct pawl_repo_file root;
	size_t count = 0;

	(void)state;
	const struct pawl_bytes file = remote(kit, "1.root.json");
	assert_int_equal(pawl_repo_signatures(file, &arena, &signatures, &count), PAWL_ERR_OK);
	assert_int_equal(count, 2);
	assert_string_equal(signatures[0].keyid.text, kit_key(0)->id.text);
	assert_int_equal(pawl_repo_parse(file, &arena, &root, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_repo_count_signatures(file, &root.as.root.roles[0], root.as.root.keys,
			     root.as.root.key_count, &arena, &count),
	    PAWL_ERR_OK);
	assert_int_equal(count, 2);

	/* A bad signature in place of a good one. */
	struct pawl_repo_signature bad = signatures[0];
	bad.signature = signatures[1].signature;
	assert_int_equal(pawl_repo_add_signature(file, &bad, &arena, &out), PAWL_ERR_OK);
	const struct pawl_bytes changed = pawl_buf_bytes(&out);
	assert_int_equal(pawl_repo_count_signatures(changed, &root.as.root.roles[0],
			     root.as.root.keys, root.as.root.key_count, &arena, &count),
	    PAWL_ERR_OK);
	assert_int_equal(count, 1);
	/* And the good one again. */
	struct pawl_buf repaired = pawl_buf_of(second_text, sizeof(second_text));
	assert_int_equal(
	    pawl_repo_add_signature(changed, &signatures[0], &arena, &repaired), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_repo_count_signatures(pawl_buf_bytes(&repaired), &root.as.root.roles[0],
		root.as.root.keys, root.as.root.key_count, &arena, &count),
	    PAWL_ERR_OK);
	assert_int_equal(count, 2);
	kit_put(kit, false, "root.json", pawl_buf_bytes(&repaired));
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);

	const struct pawl_repo_signature twice[2] = { signatures[0], signatures[0] };
	out = pawl_buf_of(text, sizeof(text));
	assert_int_equal(pawl_repo_envelope(PAWL_BYTES_LIT("{}"), twice, 2, &out), PAWL_ERR_EXISTS);
	kit_destroy(kit);
}

static void keys_keep_their_id(void **state)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));

	(void)state;
	for (int i = 0; i < KIT_KEYS; i++) {
		const struct pawl_repo_key *key = kit_key(i);
		struct pawl_repo_key parsed;
		assert_int_equal(
		    pawl_repo_key_parse(key->json, &arena, &parsed, NULL), PAWL_ERR_OK);
		assert_string_equal(parsed.id.text, key->id.text);
		assert_int_equal(parsed.scheme, key->scheme);
	}
	/* Made with python-securesystemslib by its rules. */
	struct pawl_repo_key key;
	assert_int_equal(
	    pawl_repo_key_make(PAWL_SIG_ECDSA_P256_SHA256,
		PAWL_BYTES_LIT("-----BEGIN PUBLIC KEY-----\n"
			       "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEohqIdE+yTl4OxpX8ZxNUPrg3SL9H\n"
			       "BDnhZuceKkxy2oMhUOxhWweZeG3bfM1T4ZLnJimC6CAYVU5+F5jZCoftRw==\n"
			       "-----END PUBLIC KEY-----\n"),
		&arena, &key),
	    PAWL_ERR_OK);
	assert_string_equal(
	    key.id.text, "762cb22caca65de5e9b7b6baecb84ca989d337280ce6914b6440aea95769ad93");

	struct pawl_note note = { .text = "" };
	assert_int_equal(pawl_repo_key_make(PAWL_SIG_ED25519, PAWL_BYTES_LIT("abcd"), &arena, &key),
	    PAWL_ERR_SYNTAX);
	/* A frame with no key in it: nobody could ever sign for that role. */
	assert_int_equal(pawl_repo_key_make(PAWL_SIG_ECDSA_P256_SHA256,
			     PAWL_BYTES_LIT("-----BEGIN PUBLIC KEY-----\nTm8ga2V5LCB0aGlzLg==\n"
					    "-----END PUBLIC KEY-----\n"),
			     &arena, &key),
	    PAWL_ERR_SYNTAX);
	assert_int_equal(
	    pawl_repo_key_make(PAWL_SIG_RSA_PSS_SHA256, PAWL_BYTES_LIT("abcd"), &arena, &key),
	    PAWL_ERR_SYNTAX);
	assert_int_equal(
	    pawl_repo_key_parse(PAWL_BYTES_LIT("{\"scheme\":\"sphincs\"}"), &arena, &key, &note),
	    PAWL_ERR_UNSUPPORTED);
	assert_int_equal(
	    pawl_repo_key_parse(PAWL_BYTES_LIT("[1"), &arena, &key, &note), PAWL_ERR_TRUNCATED);
}

static void nonsense_is_not_written(void **state)
{
	struct pawl_repo_entry entries[2] = {
		{ .path = PAWL_BYTES_LIT("a"), .length = 1, .has_sha256 = true },
		{ .path = PAWL_BYTES_LIT("b"), .length = 1, .has_sha256 = true },
	};
	struct pawl_bytes path = PAWL_BYTES_LIT("*");
	struct pawl_repo_keyid keyids[2] = { kit_key(0)->id, kit_key(1)->id };
	struct pawl_repo_role role = { .name = PAWL_BYTES_LIT("r"),
		.threshold = 1,
		.keyids = keyids,
		.keyid_count = 2,
		.paths = &path,
		.path_count = 1 };
	struct pawl_repo_file file = { .kind = PAWL_REPO_TARGETS,
		.version = 1,
		.expires = KIT_NOW,
		.as.targets = { entries, 2, kit_key(0), 2, &role, 1 } };
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));

	(void)state;
#define WRITES(wanted)                                                                             \
	do {                                                                                       \
		struct pawl_buf out_ = pawl_buf_of(text, sizeof(text));                            \
		struct pawl_note note_ = { .text = "" };                                           \
		assert_int_equal(pawl_repo_write(&file, &arena, &out_, &note_), wanted);           \
		if ((wanted) != PAWL_ERR_OK) {                                                     \
			assert_int_equal(out_.size, 0);                                            \
			assert_string_not_equal(note_.text, "");                                   \
		}                                                                                  \
	} while (0)
	WRITES(PAWL_ERR_OK);
	file.version = 0;
	WRITES(PAWL_ERR_RANGE);
	file.version = 1;
	role.threshold = 3;
	WRITES(PAWL_ERR_RANGE);
	role.threshold = 0;
	WRITES(PAWL_ERR_RANGE);
	role.threshold = 2;
	keyids[1] = keyids[0];
	WRITES(PAWL_ERR_SYNTAX);
	keyids[1] = kit_key(5)->id;
	WRITES(PAWL_ERR_SYNTAX);
	keyids[1] = kit_key(1)->id;
	entries[1].path = entries[0].path;
	WRITES(PAWL_ERR_SYNTAX);
	entries[1].path = PAWL_BYTES_LIT("\xff");
	WRITES(PAWL_ERR_SYNTAX);
	entries[1].path = PAWL_BYTES_LIT("b");
	entries[0].custom = PAWL_BYTES_LIT("1},\"c\":{");
	WRITES(PAWL_ERR_SYNTAX);
	entries[0].custom = PAWL_BYTES_LIT("{\"a\":1.5}");
	WRITES(PAWL_ERR_SYNTAX);
	entries[0].custom = PAWL_BYTES_LIT("{\"a\":1}");
	entries[0].has_sha256 = false;
	WRITES(PAWL_ERR_RANGE);
	entries[0].has_sha256 = true;
	entries[0].length = UINT64_MAX;
	WRITES(PAWL_ERR_RANGE);
	entries[0].length = 0;
	role.path_count = 0;
	WRITES(PAWL_ERR_RANGE);
	role.path_count = 1;
	file.expires.ms = -1;
	WRITES(PAWL_ERR_RANGE);
	file.expires = KIT_NOW;
	WRITES(PAWL_ERR_OK);

	/* Too little memory and too small a buffer are errors, nothing else. */
	for (size_t size = 0; size < 2000; size += 77) {
		struct pawl_arena small = pawl_arena_of(memory, size);
		struct pawl_buf out = pawl_buf_of(text, sizeof(text));
		const pawl_err err = pawl_repo_write(&file, &small, &out, NULL);
		assert_true(err == PAWL_ERR_NO_MEMORY || err == PAWL_ERR_OK);
		out = pawl_buf_of(text, size);
		const pawl_err short_err = pawl_repo_write(&file, &arena, &out, NULL);
		assert_true(short_err == PAWL_ERR_LIMIT || short_err == PAWL_ERR_OK);
	}
}

static void five_thousand_targets_are_kept(void **state)
{
	static struct pawl_repo_entry entries[5000];
	static char paths[5000][32];
	struct pawl_repo_file file = { .kind = PAWL_REPO_TARGETS,
		.version = 9,
		.expires = KIT_NOW,
		.as.targets = { .entries = entries, .entry_count = 5000 } };
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_buf out = pawl_buf_of(text, sizeof(text));
	struct pawl_buf whole = pawl_buf_of(second_text, sizeof(second_text));
	struct pawl_repo_file back;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct pawl_buf path = pawl_buf_of(paths[i], sizeof(paths[i]));
		pawl_put_text(&path, "fw/acme/");
		pawl_put_int(&path, 4999 - i);
		entries[i] = (struct pawl_repo_entry){ .path = pawl_buf_bytes(&path),
			.length = (uint64_t)i,
			.has_sha256 = true,
			.sha256 = { (uint8_t)i },
			.custom = PAWL_BYTES_LIT("{\"v\":1,\"later\":[true]}") };
	}
	assert_int_equal(pawl_repo_write(&file, &arena, &out, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_repo_envelope(pawl_buf_bytes(&out), NULL, 0, &whole), PAWL_ERR_OK);
	assert_int_equal(pawl_repo_parse(pawl_buf_bytes(&whole), &arena, &back, NULL), PAWL_ERR_OK);
	assert_int_equal(back.as.targets.entry_count, 5000);
	assert_int_equal(back.version, 9);
	for (int i = 0; i < 5000; i++) {
		assert_true(pawl_bytes_equal(back.as.targets.entries[i].path, entries[i].path));
		assert_true(pawl_bytes_equal(back.as.targets.entries[i].custom, entries[i].custom));
		assert_int_equal(back.as.targets.entries[i].length, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_role_is_read_back_and_written_the_same),
		cmocka_unit_test(signatures_are_added_replaced_and_counted),
		cmocka_unit_test(keys_keep_their_id),
		cmocka_unit_test(nonsense_is_not_written),
		cmocka_unit_test(five_thousand_targets_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
