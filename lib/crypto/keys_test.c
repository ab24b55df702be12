/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"
#include "openssl_tool.h"

#include "pawl/keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static const pawl_sig_scheme schemes[] = { PAWL_SIG_ED25519, PAWL_SIG_ECDSA_P256_SHA256,
	PAWL_SIG_RSA_PSS_SHA256 };
enum { SCHEMES = 3 };

static struct pawl_key *keys[SCHEMES];

static int make_keys(void **state)
{
	(void)state;
	for (int i = 0; i < SCHEMES; i++)
		if (pawl_key_create(schemes[i], &keys[i]) != PAWL_ERR_OK)
			return -1;
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (int i = 0; i < SCHEMES; i++)
		pawl_key_destroy(keys[i]);
	pawl_key_destroy(NULL);
	return 0;
}

/* The public half in the form pawl_sig_verify takes. */
static struct pawl_bytes public_half(const struct pawl_key *key, uint8_t memory[PAWL_KEY_PEM_MAX])
{
	struct pawl_buf buf = pawl_buf_of(memory, PAWL_KEY_PEM_MAX);

	assert_int_equal(pawl_key_public(key, &buf), PAWL_ERR_OK);
	if (pawl_key_scheme(key) != PAWL_SIG_ED25519)
		return pawl_buf_bytes(&buf);
	uint8_t raw[32];
	assert_int_equal(pawl_hex_decode(pawl_buf_bytes(&buf), sizeof(raw), raw), PAWL_ERR_OK);
	memcpy(memory, raw, sizeof(raw));
	return PAWL_BYTES(memory, sizeof(raw));
}

static void every_scheme_signs_and_only_its_key_verifies(void **state)
{
	const struct pawl_bytes message = PAWL_BYTES_LIT("firmware moves forward only");

	(void)state;
	for (int i = 0; i < SCHEMES; i++) {
		uint8_t public_memory[PAWL_KEY_PEM_MAX];
		uint8_t signature_memory[PAWL_SIGNATURE_MAX];
		struct pawl_buf signature = pawl_buf_of(signature_memory, sizeof(signature_memory));
		struct pawl_key *other = NULL;
		uint8_t other_memory[PAWL_KEY_PEM_MAX];

		assert_int_equal(pawl_key_sign(keys[i], message, &signature), PAWL_ERR_OK);
		const struct pawl_bytes public_key = public_half(keys[i], public_memory);
		assert_int_equal(pawl_key_scheme(keys[i]), schemes[i]);
		assert_int_equal(
		    pawl_sig_verify(schemes[i], public_key, message, pawl_buf_bytes(&signature)),
		    PAWL_ERR_OK);
		assert_int_equal(pawl_key_create(schemes[i], &other), PAWL_ERR_OK);
		assert_int_equal(pawl_sig_verify(schemes[i], public_half(other, other_memory),
				     message, pawl_buf_bytes(&signature)),
		    PAWL_ERR_DENIED);
		for (int j = 0; j < SCHEMES; j++)
			if (j != i)
				assert_int_equal(pawl_sig_verify(schemes[j], public_key, message,
						     pawl_buf_bytes(&signature)),
				    PAWL_ERR_CRYPTO);
		pawl_key_destroy(other);
	}
	assert_int_equal(ERR_peek_error(), 0);
}

static void small_buffers_are_refused(void **state)
{
	uint8_t memory[40];

	(void)state;
	for (int i = 0; i < SCHEMES; i++) {
		struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
		assert_int_equal(pawl_key_save(keys[i], PAWL_BYTES(NULL, 0), &buf), PAWL_ERR_LIMIT);
		buf = pawl_buf_of(memory, sizeof(memory));
		assert_int_equal(pawl_key_public(keys[i], &buf), PAWL_ERR_LIMIT);
		buf = pawl_buf_of(memory, sizeof(memory));
		assert_int_equal(pawl_key_sign(keys[i], PAWL_BYTES_LIT("x"), &buf), PAWL_ERR_LIMIT);
	}
}

static void assert_same_key(const struct pawl_key *a, const struct pawl_key *b)
{
	uint8_t pin_a[32];
	uint8_t pin_b[32];

	assert_int_equal(pawl_key_pin(a, pin_a), PAWL_ERR_OK);
	assert_int_equal(pawl_key_pin(b, pin_b), PAWL_ERR_OK);
	assert_memory_equal(pin_a, pin_b, sizeof(pin_a));
}

static void plain_and_encrypted_keys_round_trip(void **state)
{
	const struct pawl_bytes none = PAWL_BYTES(NULL, 0);
	const struct pawl_bytes right = PAWL_BYTES_LIT("correct horse");

	(void)state;
	for (int i = 0; i < SCHEMES; i++) {
		uint8_t memory[PAWL_KEY_PEM_MAX];
		struct pawl_buf pem = pawl_buf_of(memory, sizeof(memory));
		struct pawl_key *back = NULL;

		assert_int_equal(pawl_key_save(keys[i], none, &pem), PAWL_ERR_OK);
		assert_true(
		    pawl_bytes_starts_with(pawl_buf_bytes(&pem), "-----BEGIN PRIVATE KEY-----"));
		assert_int_equal(pawl_key_load(pawl_buf_bytes(&pem), none, &back), PAWL_ERR_OK);
		assert_same_key(keys[i], back);
		pawl_key_destroy(back);
		/* A passphrase for a key that needs none does no harm. */
		assert_int_equal(pawl_key_load(pawl_buf_bytes(&pem), right, &back), PAWL_ERR_OK);
		pawl_key_destroy(back);

		/* Each use of a passphrase costs a fifth of a second, on purpose. */
		if (schemes[i] != PAWL_SIG_ED25519)
			continue;
		back = NULL;
		pem = pawl_buf_of(memory, sizeof(memory));
		assert_int_equal(pawl_key_save(keys[i], right, &pem), PAWL_ERR_OK);
		assert_true(pawl_bytes_starts_with(
		    pawl_buf_bytes(&pem), "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
		assert_int_equal(pawl_key_load(pawl_buf_bytes(&pem), none, &back), PAWL_ERR_DENIED);
		assert_int_equal(
		    pawl_key_load(pawl_buf_bytes(&pem), PAWL_BYTES_LIT("wrong"), &back),
		    PAWL_ERR_DENIED);
		assert_null(back);
		assert_int_equal(pawl_key_load(pawl_buf_bytes(&pem), right, &back), PAWL_ERR_OK);
		assert_same_key(keys[i], back);
		pawl_key_destroy(back);
	}
	assert_int_equal(ERR_peek_error(), 0);
}

static void what_is_no_pkcs8_key_is_refused(void **state)
{
	static const char *const wrong[] = { "", "not a key",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
		"KEY-----\n",
		"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
		"DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
		"AAAAAAAAAAAAAAAAAAAAAA==\n-----END EC PRIVATE KEY-----\n" };
	struct pawl_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(pawl_key_load(pawl_bytes_of(wrong[i]), PAWL_BYTES(NULL, 0), &key),
		    PAWL_ERR_CRYPTO);
	assert_null(key);
	assert_int_equal(ERR_peek_error(), 0);
}

static void the_openssl_tool_reads_our_keys(void **state)
{
	char folder[] = "/tmp/pawl_keys_XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < SCHEMES; i++) {
		uint8_t memory[PAWL_KEY_PEM_MAX];
		struct pawl_buf pem = pawl_buf_of(memory, sizeof(memory));

		assert_int_equal(pawl_key_save(keys[i], PAWL_BYTES(NULL, 0), &pem), PAWL_ERR_OK);
		const char *path = tool_file(folder, "key.pem", pawl_buf_bytes(&pem));
		assert_true(
		    openssl_agrees((const char *const[]){ "pkey", "-in", path, "-noout", NULL }));
		if (schemes[i] != PAWL_SIG_ECDSA_P256_SHA256)
			continue;
		pem = pawl_buf_of(memory, sizeof(memory));
		assert_int_equal(
		    pawl_key_save(keys[i], PAWL_BYTES_LIT("secret"), &pem), PAWL_ERR_OK);
		path = tool_file(folder, "key.pem", pawl_buf_bytes(&pem));
		assert_true(openssl_agrees((const char *const[]){
		    "pkey", "-in", path, "-noout", "-passin", "pass:secret", NULL }));
		assert_false(openssl_agrees((const char *const[]){
		    "pkey", "-in", path, "-noout", "-passin", "pass:wrong", NULL }));
	}
	unlink(tool_file(folder, "key.pem", PAWL_BYTES_LIT("gone")));
	assert_int_equal(rmdir(folder), 0);
}

/* The RSA key with `exponent` instead of 65537, as PEM. */
static struct pawl_bytes with_exponent(
    const uint8_t *exponent, size_t size, char memory[PAWL_KEY_PEM_MAX])
{
	static const size_t lengths[] = { 2, 21, 26 }; /* of what is around it */
	uint8_t pem[PAWL_KEY_PEM_MAX];
	uint8_t der[1024];
	uint8_t *end = der;
	const struct pawl_bytes text = public_half(keys[2], pem);
	BIO *bio = BIO_new_mem_buf(text.at, (int)text.size);
	EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

	assert_non_null(pkey);
	const int whole = i2d_PUBKEY(pkey, &end);
	assert_true(whole > 300 && whole < 1000);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	assert_memory_equal(der + whole - 5, "\x02\x03\x01\x00\x01", 5);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t *at = der + lengths[i];
		const size_t length = ((size_t)at[0] << 8 | at[1]) + size - 3;
		at[0] = (uint8_t)(length >> 8);
		at[1] = (uint8_t)length;
	}
	der[whole - 4] = (uint8_t)size;
	memcpy(der + whole - 3, exponent, size);
	char base64[2048];
	EVP_EncodeBlock((uint8_t *)base64, der, whole - 3 + (int)size);
	struct pawl_buf out = pawl_buf_of(memory, PAWL_KEY_PEM_MAX);
	pawl_put_text(&out, "-----BEGIN PUBLIC KEY-----\n");
	for (size_t i = 0; i < strlen(base64); i += 64) {
		const size_t left = strlen(base64) - i;
		pawl_put_bytes(&out, PAWL_BYTES(base64 + i, left < 64 ? left : 64));
		pawl_put_text(&out, "\n");
	}
	pawl_put_text(&out, "-----END PUBLIC KEY-----\n");
	assert_int_equal(pawl_buf_check(&out), PAWL_ERR_OK);
	return pawl_buf_bytes(&out);
}

static void only_sound_rsa_exponents_are_taken(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t size;
		pawl_err err; /* of a signature that does not hold */
	} cases[] = {
		{ { 1, 0, 1 }, 3, PAWL_ERR_DENIED },
		{ { 3 }, 1, PAWL_ERR_DENIED },
		/* Every number is its own signature. */
		{ { 1 }, 1, PAWL_ERR_CRYPTO },
		{ { 0 }, 1, PAWL_ERR_CRYPTO },
		{ { 1, 0, 0 }, 3, PAWL_ERR_CRYPTO },
		{ { 1, 0, 0, 0, 0, 0, 0, 0, 1 }, 9, PAWL_ERR_CRYPTO },
	};
	static const uint8_t signature[384] = { 0, 1 };
	char memory[PAWL_KEY_PEM_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(pawl_sig_verify(PAWL_SIG_RSA_PSS_SHA256,
				     with_exponent(cases[i].bytes, cases[i].size, memory),
				     PAWL_BYTES_LIT("x"), PAWL_BYTES(signature, sizeof(signature))),
		    cases[i].err);
	assert_int_equal(ERR_peek_error(), 0);
}

static void a_digest_names_the_key_not_its_text(void **state)
{
	uint8_t memory[PAWL_KEY_PEM_MAX];
	char other[PAWL_KEY_PEM_MAX];
	uint8_t digests[SCHEMES][32];
	uint8_t again[32];

	(void)state;
	for (int i = 0; i < SCHEMES; i++)
		assert_int_equal(
		    pawl_sig_key_digest(schemes[i], public_half(keys[i], memory), digests[i]),
		    PAWL_ERR_OK);
	assert_memory_not_equal(digests[0], digests[1], 32);
	assert_memory_not_equal(digests[1], digests[2], 32);
	const struct pawl_bytes three = with_exponent((const uint8_t[]){ 3 }, 1, other);
	assert_int_equal(pawl_sig_key_digest(schemes[2], three, again), PAWL_ERR_OK);
	assert_memory_equal(digests[2], again, 32);
	assert_int_equal(pawl_sig_key_digest(schemes[1], three, again), PAWL_ERR_CRYPTO);
	assert_int_equal(
	    pawl_sig_key_digest(schemes[0], PAWL_BYTES_LIT("short"), again), PAWL_ERR_CRYPTO);
	assert_int_equal(ERR_peek_error(), 0);
}

static void random_bytes_differ(void **state)
{
	uint8_t a[32] = { 0 };
	uint8_t b[32] = { 0 };

	(void)state;
	pawl_random(a, sizeof(a));
	pawl_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scheme_signs_and_only_its_key_verifies),
		cmocka_unit_test(small_buffers_are_refused),
		cmocka_unit_test(plain_and_encrypted_keys_round_trip),
		cmocka_unit_test(what_is_no_pkcs8_key_is_refused),
		cmocka_unit_test(the_openssl_tool_reads_our_keys),
		cmocka_unit_test(only_sound_rsa_exponents_are_taken),
		cmocka_unit_test(a_digest_names_the_key_not_its_text),
		cmocka_unit_test(random_bytes_differ),
	};

	return cmocka_run_group_tests_name("keys", tests, make_keys, free_keys);
}
