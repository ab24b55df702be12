/* SPDX-License-Identifier: MIT
 *
 * Keys as text, and headers that are wrong in one place each.
 */
#include "cmocka_setup.h"
#include "seal_internal.h"

#include "pawl/prng.h"
#include "pawl/seal.h"

#include <string.h>

/* From the specification, "The X25519 recipient type". */
#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static void keys_follow_the_specification(void **state)
{
	uint8_t memory[128];
	uint8_t identity[32];
	uint8_t expected[32];
	uint8_t recipient[32];
	uint8_t parsed[32];

	(void)state;
	memset(expected, 0x42, sizeof(expected));
	assert_int_equal(pawl_seal_identity_parse(PAWL_BYTES_LIT(IDENTITY), identity), PAWL_ERR_OK);
	assert_memory_equal(identity, expected, 32);
	assert_int_equal(pawl_seal_recipient_of(identity, recipient), PAWL_ERR_OK);
	assert_int_equal(pawl_seal_recipient_parse(PAWL_BYTES_LIT(RECIPIENT), parsed), PAWL_ERR_OK);
	assert_memory_equal(parsed, recipient, 32);
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
	pawl_seal_put_recipient(&out, recipient);
	assert_true(pawl_bytes_is(pawl_buf_bytes(&out), RECIPIENT));
	assert_int_equal(out.size, PAWL_SEAL_RECIPIENT_TEXT);
	out = pawl_buf_of(memory, sizeof(memory));
	pawl_seal_put_identity(&out, identity);
	assert_true(pawl_bytes_is(pawl_buf_bytes(&out), IDENTITY));
	assert_int_equal(out.size, PAWL_SEAL_IDENTITY_TEXT);
	/* Neither is taken for the other. */
	assert_int_equal(
	    pawl_seal_identity_parse(PAWL_BYTES_LIT(RECIPIENT), parsed), PAWL_ERR_SYNTAX);
	assert_int_equal(
	    pawl_seal_recipient_parse(PAWL_BYTES_LIT(IDENTITY), parsed), PAWL_ERR_SYNTAX);
}

static void keys_round_trip_in_both_cases(void **state)
{
	struct pawl_prng prng = pawl_prng_of(3);

	(void)state;
	for (unsigned run = 0; run < 500; run++) {
		uint8_t key[32];
		uint8_t back[32];
		uint8_t memory[PAWL_SEAL_IDENTITY_TEXT];
		for (size_t i = 0; i < 32; i++)
			key[i] = (uint8_t)pawl_prng_next(&prng);
		struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
		pawl_seal_put_identity(&out, key);
		assert_int_equal(pawl_seal_identity_parse(pawl_buf_bytes(&out), back), PAWL_ERR_OK);
		assert_memory_equal(key, back, 32);
		for (size_t i = 0; i < out.size; i++)
			if (memory[i] >= 'A' && memory[i] <= 'Z')
				memory[i] |= 0x20;
		assert_int_equal(pawl_seal_identity_parse(pawl_buf_bytes(&out), back), PAWL_ERR_OK);
		memory[0] = 'A';
		assert_int_equal(
		    pawl_seal_identity_parse(pawl_buf_bytes(&out), back), PAWL_ERR_SYNTAX);
	}
}

static void every_wrong_character_is_refused(void **state)
{
	char text[] = RECIPIENT;
	uint8_t untouched[32];
	uint8_t parsed[32];

	(void)state;
	memset(parsed, 0xa5, sizeof(parsed));
	memset(untouched, 0xa5, sizeof(untouched));
	for (size_t at = 0; at < PAWL_SEAL_RECIPIENT_TEXT; at++) {
		for (unsigned value = 0; value < 256; value++) {
			if ((char)value == RECIPIENT[at])
				continue;
			text[at] = (char)value;
			assert_int_equal(pawl_seal_recipient_parse(
					     PAWL_BYTES(text, PAWL_SEAL_RECIPIENT_TEXT), parsed),
			    PAWL_ERR_SYNTAX);
		}
		text[at] = RECIPIENT[at];
	}
	for (size_t size = 0; size <= sizeof(text); size++)
		if (size != PAWL_SEAL_RECIPIENT_TEXT)
			assert_int_equal(pawl_seal_recipient_parse(PAWL_BYTES(text, size), parsed),
			    PAWL_ERR_SYNTAX);
	/* The checksum is right; a spare bit of the last digit is set. */
	assert_int_equal(
	    pawl_seal_recipient_parse(
		PAWL_BYTES_LIT("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73epp9g8nq"),
		parsed),
	    PAWL_ERR_SYNTAX);
	assert_memory_equal(parsed, untouched, 32);
}

static void base64_has_one_spelling(void **state)
{
	static const char *const refused[] = { "A", "AAAAA", "AB", "AAB", "QQ==", "QUI=", "=", "A-",
		"A_", " AA", "AA\r",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	uint8_t memory[64];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
		if (pawl_seal_raw64_decode(pawl_bytes_of(refused[i]), &out) != PAWL_ERR_SYNTAX)
			fail_msg("%s", refused[i]);
	}
	for (size_t size = 0; size <= 48; size++) {
		uint8_t bytes[48];
		uint8_t text[64];
		struct pawl_buf out = pawl_buf_of(text, sizeof(text));
		struct pawl_buf back = pawl_buf_of(memory, sizeof(memory));
		memset(bytes, (int)(0x5a + size), sizeof(bytes));
		pawl_seal_put_raw64(&out, PAWL_BYTES(bytes, size));
		assert_int_equal(pawl_seal_raw64_decode(pawl_buf_bytes(&out), &back), PAWL_ERR_OK);
		assert_true(pawl_bytes_equal(pawl_buf_bytes(&back), PAWL_BYTES(bytes, size)));
	}
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(pawl_seal_verdict_id(PAWL_SEAL_OK), "ok");
	assert_string_equal(pawl_seal_verdict_id(PAWL_SEAL_CHUNK_TAG), "chunk-tag");
	assert_string_equal(pawl_seal_verdict_text(PAWL_SEAL_TRUNCATED), "the file ends too early");
	assert_string_equal(pawl_seal_verdict_id((pawl_seal_verdict)99), "unknown");
	for (unsigned i = 0; i <= PAWL_SEAL_CRYPTO; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(pawl_seal_verdict_id((pawl_seal_verdict)i),
			    pawl_seal_verdict_id((pawl_seal_verdict)j));
}

/* --- headers --- */

static uint8_t file[PAWL_SEAL_HEADER_MAX + 512];

/* A file with `extra` before its one stanza, the MAC over all of it, and an empty payload.
 * The MAC is right, so that a refusal is about `extra`. */
static struct pawl_bytes file_with(const char *extra)
{
	static const uint8_t file_key[16] = { 1 };
	static const uint8_t nonce[16] = { 2 };
	struct pawl_seal_recipient recipient = { .ephemeral = { 3 } };
	uint8_t header[168];
	struct pawl_buf made = pawl_buf_of(header, sizeof(header));
	struct pawl_buf out = pawl_buf_of(file, sizeof(file));
	uint8_t key[32];
	uint8_t mac[32];

	assert_int_equal(pawl_seal_recipient_parse(PAWL_BYTES_LIT(RECIPIENT), recipient.public_key),
	    PAWL_ERR_OK);
	assert_int_equal(pawl_seal_put_header(&made, file_key, &recipient, 1), PAWL_ERR_OK);
	pawl_put_text(&out, PAWL_SEAL_VERSION_LINE);
	pawl_put_text(&out, extra);
	pawl_put_bytes(&out, PAWL_BYTES(header + 22, PAWL_SEAL_STANZA_SIZE));
	pawl_put_text(&out, "---");
	assert_int_equal(pawl_hkdf_sha256(PAWL_BYTES(file_key, 16), PAWL_BYTES(NULL, 0),
			     PAWL_BYTES_LIT("header"), key),
	    PAWL_ERR_OK);
	pawl_hmac_sha256(PAWL_BYTES(key, 32), pawl_buf_bytes(&out), mac);
	pawl_put_u8(&out, ' ');
	pawl_seal_put_raw64(&out, PAWL_BYTES(mac, 32));
	pawl_put_u8(&out, '\n');
	pawl_put_bytes(&out, PAWL_BYTES(nonce, 16));
	assert_int_equal(pawl_seal_payload_key(file_key, nonce, key), PAWL_ERR_OK);
	const struct pawl_aead aead = pawl_seal_chunk_aead(key, 0, true);
	assert_true(out.capacity - out.size >= 16);
	assert_int_equal(
	    pawl_aead_seal(&aead, PAWL_BYTES(NULL, 0), out.at + out.size), PAWL_ERR_OK);
	out.size += 16;
	assert_int_equal(pawl_buf_check(&out), PAWL_ERR_OK);
	return pawl_buf_bytes(&out);
}

static pawl_seal_verdict verdict_of(struct pawl_bytes bytes)
{
	static struct pawl_seal_reader reader;
	uint8_t identity[1][32];
	uint8_t memory[1];
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));

	memset(identity, 0x42, sizeof(identity));
	pawl_seal_reader_init(&reader, (const uint8_t(*)[32])identity, 1);
	const pawl_seal_step step = pawl_seal_reader_step(&reader, &bytes, true, &out);
	assert_true(step == PAWL_SEAL_DONE || step == PAWL_SEAL_FAILED);
	assert_int_equal(out.size, 0);
	return pawl_seal_reader_verdict(&reader);
}

#define LINE64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SHARE "TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc"
#define BODY "EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U"

static void other_stanzas_are_skipped(void **state)
{
	static const char *const extras[] = { "", "-> foreign\n\n", "-> a b c d\nAAAA\n",
		"-> !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ x\n\n", "-> x25519 " SHARE "\n" BODY "\n",
		"-> wide\n" LINE64 "\n\n", "-> wide\n" LINE64 "\n" LINE64 "\nAAA\n", "-> ---\n\n",
		/* Another's stanza of our own type. */
		"-> X25519 " SHARE "\n" BODY "\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++)
		if (verdict_of(file_with(extras[i])) != PAWL_SEAL_OK)
			fail_msg("%s", extras[i]);
}

static void malformed_stanzas_are_refused(void **state)
{
	static const char *const extras[] = { "\n", "x\n", "->\n\n", "-> \n\n", "->x\n\n",
		"-> a  b\n\n", "->  a\n\n", "-> a \n\n", "-> a\tb\n\n", "-> a\r\n\n", "-> \x7f\n\n",
		"-> \xc3\xa4\n\n", "-> a\n", "-> a\nA\n", "-> a\nAB\n", "-> a\nAA==\n",
		"-> a\nAA \n", "-> a\n" LINE64 "\n", "-> a\n" LINE64 "A\n", "-> a\nAA\nAA\n",
		"--\n", "-- a\n\n", "---\n", "--- \n", "---" LINE64 "\n", "-> X25519\n\n",
		"-> X25519 " SHARE "\n\n", "-> X25519 " SHARE " more\n" BODY "\n",
		"-> X25519 " SHARE "A\n" BODY "\n", "-> X25519 " SHARE "=\n" BODY "\n",
		"-> X25519 AA\n" BODY "\n", "-> X25519 " SHARE "\n" BODY "AAAA\n",
		"-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCd\n" BODY "\n",
		"-> scrypt AAAAAAAAAAAAAAAAAAAAAA 18\n" BODY "\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++)
		if (verdict_of(file_with(extras[i])) != PAWL_SEAL_MALFORMED)
			fail_msg("%s", extras[i]);
	assert_int_equal(
	    verdict_of(file_with("-> X25519 "
				 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" BODY "\n")),
	    PAWL_SEAL_SHARE);
}

static void other_files_are_refused_at_once(void **state)
{
	static const struct {
		const char *text;
		pawl_seal_verdict verdict;
	} cases[] = {
		{ "", PAWL_SEAL_TRUNCATED },
		{ "age-enc", PAWL_SEAL_TRUNCATED },
		{ "age-encryption.org/v1\n", PAWL_SEAL_TRUNCATED },
		{ "age-encryption.org/v2\n", PAWL_SEAL_VERSION },
		{ "age-encryption.org/v1\r\n", PAWL_SEAL_VERSION },
		{ "age-encryption.com/v1\n", PAWL_SEAL_MALFORMED },
		{ "<html>", PAWL_SEAL_MALFORMED },
		{ "-----BEGIN AGE ENCRYPTED FILE-----\n", PAWL_SEAL_MALFORMED },
		{ "age-encryption.org/v1\n--- " SHARE "\n", PAWL_SEAL_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (verdict_of(pawl_bytes_of(cases[i].text)) != cases[i].verdict)
			fail_msg("%s", cases[i].text);
}

/* One line without end, and lines without end. */
static void headers_are_bounded(void **state)
{
	(void)state;
	memset(file, 'A', sizeof(file));
	memcpy(file, PAWL_SEAL_VERSION_LINE, 22);
	assert_int_equal(verdict_of(PAWL_BYTES(file, sizeof(file))), PAWL_SEAL_TOO_LARGE);
	for (size_t at = 100; at < sizeof(file); at += 65)
		file[at] = '\n';
	assert_int_equal(verdict_of(PAWL_BYTES(file, sizeof(file))), PAWL_SEAL_TOO_LARGE);
	assert_int_equal(
	    verdict_of(PAWL_BYTES(file, PAWL_SEAL_HEADER_MAX - 1)), PAWL_SEAL_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_follow_the_specification),
		cmocka_unit_test(keys_round_trip_in_both_cases),
		cmocka_unit_test(every_wrong_character_is_refused),
		cmocka_unit_test(base64_has_one_spelling),
		cmocka_unit_test(verdicts_have_names),
		cmocka_unit_test(other_stanzas_are_skipped),
		cmocka_unit_test(malformed_stanzas_are_refused),
		cmocka_unit_test(other_files_are_refused_at_once),
		cmocka_unit_test(headers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
