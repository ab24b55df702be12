/* SPDX-License-Identifier: MIT
 *
 * Each allocation of the crypto library fails once, in turn: the answer is an
 * error or the verdict crypto-failed, never a wrong verdict and never bytes
 * that no tag vouched for.
 */
#include "cmocka_setup.h"

#include "pawl/crypto.h"
#include "pawl/seal.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* Allocations that no call here needs: a loop that gets there has found a call that never
 * succeeds again. */
enum { NEVER = -1, MANY = 1000 };

static long allocations_left = NEVER;

static bool is_failing(void)
{
	if (allocations_left == NEVER)
		return false;
	if (allocations_left == 0)
		return true;
	allocations_left--;
	return false;
}

static void *take(size_t size, const char *where, int line)
{
	(void)where;
	(void)line;
	return is_failing() ? NULL : malloc(size);
}

static void *take_again(void *at, size_t size, const char *where, int line)
{
	(void)where;
	(void)line;
	return is_failing() ? NULL : realloc(at, size);
}

static void give_back(void *at, const char *where, int line)
{
	(void)where;
	(void)line;
	free(at);
}

static const uint8_t identity[1][32] = { { 0x42 } };
static const uint8_t file_key[16] = { 1 };
static const uint8_t nonce[16] = { 2 };
static struct pawl_seal_recipient recipient = { .ephemeral = { 3 } };
static struct pawl_seal_writer writer;
static struct pawl_seal_reader reader;
static uint8_t memory[400];

static void stanzas_need_memory(void **state)
{
	long failures = 0;
	pawl_err err = PAWL_ERR_NO_MEMORY;

	(void)state;
	for (long n = 0; err != PAWL_ERR_OK; n++) {
		assert_true(n < MANY);
		uint8_t shared[32];
		uint8_t key[32];
		allocations_left = n;
		err = pawl_x25519_shared(identity[0], recipient.public_key, shared);
		if (err == PAWL_ERR_OK)
			err = pawl_hkdf_sha256(PAWL_BYTES(shared, 32), PAWL_BYTES(NULL, 0),
			    PAWL_BYTES_LIT("info"), key);
		allocations_left = NEVER;
		assert_true(err == PAWL_ERR_OK || err == PAWL_ERR_NO_MEMORY);
		failures += err != PAWL_ERR_OK;
	}
	assert_true(failures > 3);
}

static void payloads_need_memory(void **state)
{
	long failures = 0;
	pawl_seal_step step = PAWL_SEAL_FAILED;

	(void)state;
	for (long n = 0; step != PAWL_SEAL_DONE; n++) {
		assert_true(n < MANY);
		struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
		struct pawl_bytes in = PAWL_BYTES_LIT("some plaintext");
		allocations_left = n;
		if (pawl_seal_writer_init(&writer, file_key, nonce) == PAWL_ERR_OK) {
			step = pawl_seal_writer_step(&writer, &in, true, &out);
			assert_int_equal(out.size, step == PAWL_SEAL_DONE ? 46 : 16);
		}
		allocations_left = NEVER;
		failures += step != PAWL_SEAL_DONE;
	}
	assert_true(failures > 3);
}

static void chunks_need_memory(void **state)
{
	struct pawl_buf file = pawl_buf_of(memory, sizeof(memory));
	struct pawl_bytes plain = PAWL_BYTES_LIT("some plaintext");
	long failures = 0;

	(void)state;
	assert_int_equal(pawl_seal_put_header(&file, file_key, &recipient, 1), PAWL_ERR_OK);
	assert_int_equal(pawl_seal_writer_init(&writer, file_key, nonce), PAWL_ERR_OK);
	assert_int_equal(pawl_seal_writer_step(&writer, &plain, true, &file), PAWL_SEAL_DONE);
	for (long n = 0;; n++) {
		assert_true(n < MANY);
		uint8_t opened[64];
		uint64_t offset = 0;
		struct pawl_buf out = pawl_buf_of(opened, sizeof(opened));
		assert_int_equal(pawl_seal_reader_resume(
				     &reader, identity, 1, pawl_buf_bytes(&file), 0, &offset),
		    PAWL_SEAL_OK);
		struct pawl_bytes in = PAWL_BYTES(file.at + offset, file.size - offset);
		allocations_left = n;
		const pawl_seal_step step = pawl_seal_reader_step(&reader, &in, true, &out);
		allocations_left = NEVER;
		if (step == PAWL_SEAL_DONE) {
			assert_true(pawl_bytes_is(pawl_buf_bytes(&out), "some plaintext"));
			break;
		}
		failures++;
		assert_int_equal(out.size, 0);
		assert_int_equal(pawl_seal_reader_verdict(&reader), PAWL_SEAL_CRYPTO);
	}
	assert_true(failures > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stanzas_need_memory),
		cmocka_unit_test(payloads_need_memory),
		cmocka_unit_test(chunks_need_memory),
	};

	/* Before OpenSSL's first allocation, or it is refused. Then each algorithm once: when
	 * loading one fails, OpenSSL does not try again. */
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
	if (CRYPTO_set_mem_functions(take, take_again, give_back) != 1 ||
	    pawl_seal_recipient_of(identity[0], recipient.public_key) != PAWL_ERR_OK ||
	    pawl_seal_put_header(&out, file_key, &recipient, 1) != PAWL_ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
