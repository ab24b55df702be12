/* SPDX-License-Identifier: MIT
 *
 * Metadata that another implementation wrote (tests/vectors/tuf-python): the
 * client must accept it, and reading and writing it again must keep what is
 * signed. The folder is the only argument.
 */
#include "cmocka_setup.h"

#include "pawl/trust.h"
#include "pawl/trust_repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder;
static _Alignas(16) uint8_t client_memory[1024 * 1024];
static _Alignas(16) uint8_t scratch[4 * 1024 * 1024];
static uint8_t contents[65536];
static char stored[1024];

/* at == NULL when there is no such file. */
static struct pawl_bytes read_file(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return PAWL_BYTES(NULL, 0);
	const size_t size = fread(contents, 1, sizeof(contents), file);
	fclose(file);
	return PAWL_BYTES(contents, size);
}

static void drive(struct pawl_trust *client)
{
	for (;;) {
		const struct pawl_trust_effect effect = pawl_trust_next(client);
		struct pawl_bytes bytes;

		switch (effect.kind) {
		case PAWL_TRUST_FETCH:
			bytes = read_file(effect.name);
			if (bytes.at != NULL)
				pawl_trust_provide(client, bytes);
			else
				pawl_trust_absent(client);
			break;
		case PAWL_TRUST_LOAD: pawl_trust_absent(client); break;
		case PAWL_TRUST_STORE:
			strcat(stored, effect.name);
			strcat(stored, " ");
			break;
		case PAWL_TRUST_TARGET: fail_msg("nobody asked for a walk"); return;
		case PAWL_TRUST_DONE: return;
		case PAWL_TRUST_FAILED: fail_msg("%s", effect.note); return;
		}
	}
}

static const struct pawl_trust_target *find(struct pawl_trust *client, const char *path)
{
	assert_int_equal(pawl_trust_find(client, path), PAWL_ERR_OK);
	drive(client);
	return pawl_trust_found(client);
}

static void python_tuf_is_understood(void **state)
{
	struct pawl_bytes root = read_file("1.root.json");
	uint8_t root_copy[8192];
	struct pawl_trust client;
	const struct pawl_trust_options options = {
		.memory = client_memory,
		.memory_size = sizeof(client_memory),
		.clock = { INT64_C(1800000000000) }, /* 2027 */
		.root = PAWL_BYTES(root_copy, root.size),
	};

	(void)state;
	assert_true(root.size > 0 && root.size <= sizeof(root_copy));
	memcpy(root_copy, root.at, root.size);
	pawl_trust_init(&client, &options);
	drive(&client);
	assert_int_equal(pawl_trust_version(&client, PAWL_TRUST_ROOT), 2);

	const struct pawl_trust_target *target = find(&client, "file.txt");
	assert_non_null(target);
	assert_int_equal(pawl_trust_target_check(target, PAWL_BYTES_LIT("hello from python-tuf\n")),
	    PAWL_TRUST_OK);
	assert_true(target->has_sha256 && target->has_sha512);
	target = find(&client, "fw/acme/1.0.img");
	assert_non_null(target);
	assert_true(pawl_bytes_is(target->role, "prod-acme"));
	assert_int_equal(
	    pawl_trust_target_check(target, PAWL_BYTES_LIT("firmware\n")), PAWL_TRUST_OK);
	assert_null(find(&client, "fw/acme/1.1.img"));
	target = find(&client, "odd0");
	assert_non_null(target);
	assert_true(target->has_sha512 && !target->has_sha256);
	assert_string_equal(stored, "root.json timestamp.json snapshot.json targets.json "
				    "prod-acme.json prod-acme.json %C3%A4%2Fodd.json ");
}

static void what_python_signed_is_read_as_the_same_bytes(void **state)
{
	/* Without unknown members and path_hash_prefixes, which our writer lacks. */
	static const char *const names[] = { "1.root.json", "1.prod-acme.json",
		"1.%C3%A4%2Fodd.json" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pawl_arena arena = pawl_arena_of(scratch, sizeof(scratch));
		const struct pawl_bytes bytes = read_file(names[i]);
		uint8_t text[16384];
		struct pawl_buf out = pawl_buf_of(text, sizeof(text));
		struct pawl_note note = { .text = "" };
		struct pawl_repo_file file;
		struct pawl_bytes theirs;
		struct pawl_bytes ours;

		if (pawl_repo_parse(bytes, &arena, &file, &note) != PAWL_ERR_OK)
			fail_msg("%s: %s", names[i], note.text);
		assert_int_equal(pawl_repo_write(&file, &arena, &out, NULL), PAWL_ERR_OK);
		assert_int_equal(
		    pawl_repo_message(pawl_buf_bytes(&out), &arena, &ours), PAWL_ERR_OK);
		assert_int_equal(pawl_repo_signed_bytes(bytes, &arena, &theirs), PAWL_ERR_OK);
		assert_true(pawl_bytes_equal(ours, theirs));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_tuf_is_understood),
		cmocka_unit_test(what_python_signed_is_read_as_the_same_bytes),
	};

	if (argc != 2)
		return 2;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
