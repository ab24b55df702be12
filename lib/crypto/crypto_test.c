/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"
#include "crypto_vectors.h"

#include "pawl/crypto.h"

#include <openssl/err.h>
#include <string.h>

static size_t unhex(const char *text, uint8_t *ret_bytes)
{
	const size_t size = strlen(text) / 2;

	assert_int_equal(pawl_hex_decode(pawl_bytes_of(text), size, ret_bytes), PAWL_ERR_OK);
	return size;
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
	char text[2 * PAWL_HASH_SIZE_MAX + 1] = "";
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text) - 1);

	pawl_put_hex(&buf, PAWL_BYTES(bytes, size));
	assert_string_equal(text, expected);
}

static void no_error_is_left_behind(void)
{
	assert_int_equal(ERR_peek_error(), 0);
}

/* FIPS 180-4 and RFC 1321: "abc". */
static void hashes_give_known_answers(void **state)
{
	static const struct {
		pawl_hash_kind kind;
		const char *digest;
	} known[] = {
		{ PAWL_HASH_SHA256,
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ PAWL_HASH_SHA512,
		    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
		{ PAWL_HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ PAWL_HASH_MD5, "900150983cd24fb0d6963f7d28e17f72" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct pawl_hash hash;
		uint8_t digest[PAWL_HASH_SIZE_MAX];
		uint8_t empty_first[PAWL_HASH_SIZE_MAX];

		assert_int_equal(pawl_hash_init(&hash, known[i].kind), PAWL_ERR_OK);
		assert_int_equal(pawl_hash_peek(&hash, empty_first), PAWL_ERR_OK);
		assert_int_equal(pawl_hash_update(&hash, PAWL_BYTES_LIT("a")), PAWL_ERR_OK);
		assert_int_equal(pawl_hash_peek(&hash, digest), PAWL_ERR_OK);
		assert_memory_not_equal(digest, empty_first, pawl_hash_size(known[i].kind));
		assert_int_equal(pawl_hash_update(&hash, PAWL_BYTES(NULL, 0)), PAWL_ERR_OK);
		assert_int_equal(pawl_hash_update(&hash, PAWL_BYTES_LIT("bc")), PAWL_ERR_OK);
		assert_int_equal(pawl_hash_peek(&hash, digest), PAWL_ERR_OK);
		assert_hex(digest, pawl_hash_size(known[i].kind), known[i].digest);
		pawl_hash_finish(&hash);
		pawl_hash_finish(&hash);
	}
	pawl_hash_finish(NULL);
	no_error_is_left_behind();
}

static void one_shots_give_known_answers(void **state)
{
	uint8_t digest[64];

	(void)state;
	pawl_sha256(PAWL_BYTES(NULL, 0), digest);
	assert_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	pawl_sha512(PAWL_BYTES_LIT("abc"), digest);
	assert_hex(digest, 64,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	/* RFC 4231, test case 2. */
	pawl_hmac_sha256(
	    PAWL_BYTES_LIT("Jefe"), PAWL_BYTES_LIT("what do ya want for nothing?"), digest);
	assert_hex(digest, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	/* An empty key and message: computed with Python's hmac module. */
	pawl_hmac_sha256(PAWL_BYTES(NULL, 0), PAWL_BYTES(NULL, 0), digest);
	assert_hex(digest, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* The signature verifies; any flipped bit of it, another message, no bytes
 * and one byte more or less do not. */
static void check_signature(pawl_sig_scheme scheme, struct pawl_bytes key,
    struct pawl_bytes message, const char *signature_hex)
{
	uint8_t signature[1024];
	const size_t size = unhex(signature_hex, signature);

	assert_int_equal(
	    pawl_sig_verify(scheme, key, message, PAWL_BYTES(signature, size)), PAWL_ERR_OK);
	assert_int_equal(pawl_sig_verify(scheme, key, PAWL_BYTES_LIT("another message"),
			     PAWL_BYTES(signature, size)),
	    PAWL_ERR_DENIED);
	assert_int_equal(pawl_sig_verify(scheme, key, message, PAWL_BYTES(signature, size - 1)),
	    PAWL_ERR_DENIED);
	assert_int_equal(
	    pawl_sig_verify(scheme, key, message, PAWL_BYTES(NULL, 0)), PAWL_ERR_DENIED);
	for (size_t bit = 0; bit < 8 * size; bit += 5) {
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(pawl_sig_verify(scheme, key, message, PAWL_BYTES(signature, size)),
		    PAWL_ERR_DENIED);
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	signature[size] = 0;
	assert_int_equal(pawl_sig_verify(scheme, key, message, PAWL_BYTES(signature, size + 1)),
	    PAWL_ERR_DENIED);
	no_error_is_left_behind();
}

static void ed25519_known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ed25519_vectors) / sizeof(ed25519_vectors[0]); i++) {
		uint8_t key[32];
		uint8_t message[8];
		const size_t key_size = unhex(ed25519_vectors[i].public_key, key);
		const size_t size = unhex(ed25519_vectors[i].message, message);

		check_signature(PAWL_SIG_ED25519, PAWL_BYTES(key, key_size),
		    PAWL_BYTES(message, size), ed25519_vectors[i].signature);
	}
}

static void p256_and_rsa_known_answers(void **state)
{
	const struct pawl_bytes p256 = pawl_bytes_of(p256_public);
	const struct pawl_bytes rsa = pawl_bytes_of(rsa_public);
	const struct pawl_bytes message = PAWL_BYTES_LIT("pawl test message");
	uint8_t signature[512];

	(void)state;
	check_signature(PAWL_SIG_ECDSA_P256_SHA256, p256, PAWL_BYTES_LIT("sample"), p256_signature);
	check_signature(PAWL_SIG_RSA_PSS_SHA256, rsa, message, rsa_signature_salt_32);
	check_signature(PAWL_SIG_RSA_PSS_SHA256, rsa, message, rsa_signature_salt_0);
	check_signature(PAWL_SIG_RSA_PSS_SHA256, rsa, message, rsa_signature_salt_222);
	const size_t size = unhex(rsa_signature_pkcs1, signature);
	assert_int_equal(
	    pawl_sig_verify(PAWL_SIG_RSA_PSS_SHA256, rsa, message, PAWL_BYTES(signature, size)),
	    PAWL_ERR_DENIED);
	no_error_is_left_behind();
}

static void keys_that_do_not_fit_the_scheme_are_refused(void **state)
{
	static const char encrypted[] = "-----BEGIN PUBLIC KEY-----\n"
					"Proc-Type: 4,ENCRYPTED\n"
					"DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
					"AAAAAAAAAAAAAAAAAAAAAA==\n"
					"-----END PUBLIC KEY-----\n";
	const struct pawl_bytes message = PAWL_BYTES_LIT("x");
	const struct pawl_bytes signature = PAWL_BYTES_LIT("12345678");
	const struct {
		pawl_sig_scheme scheme;
		struct pawl_bytes key;
	} wrong[] = {
		{ PAWL_SIG_ED25519, PAWL_BYTES_LIT("too short") },
		{ PAWL_SIG_ED25519, pawl_bytes_of(p256_public) },
		{ PAWL_SIG_ECDSA_P256_SHA256, pawl_bytes_of(rsa_public) },
		{ PAWL_SIG_ECDSA_P256_SHA256, pawl_bytes_of(p384_public) },
		{ PAWL_SIG_ECDSA_P256_SHA256, PAWL_BYTES(NULL, 0) },
		{ PAWL_SIG_RSA_PSS_SHA256, pawl_bytes_of(p256_public) },
		{ PAWL_SIG_RSA_PSS_SHA256, pawl_bytes_of(rsa_1024_public) },
		/* Must not ask the terminal for a passphrase. */
		{ PAWL_SIG_RSA_PSS_SHA256, pawl_bytes_of(encrypted) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(pawl_sig_verify(wrong[i].scheme, wrong[i].key, message, signature),
		    PAWL_ERR_CRYPTO);
	no_error_is_left_behind();
}

static void errors_of_others_stay_in_the_queue(void **state)
{
	(void)state;
	ERR_raise(ERR_LIB_USER, 7);
	assert_int_equal(pawl_sig_verify(PAWL_SIG_RSA_PSS_SHA256, PAWL_BYTES_LIT("no key"),
			     PAWL_BYTES_LIT("x"), PAWL_BYTES_LIT("y")),
	    PAWL_ERR_CRYPTO);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), 7);
	no_error_is_left_behind();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_give_known_answers),
		cmocka_unit_test(one_shots_give_known_answers),
		cmocka_unit_test(ed25519_known_answers),
		cmocka_unit_test(p256_and_rsa_known_answers),
		cmocka_unit_test(keys_that_do_not_fit_the_scheme_are_refused),
		cmocka_unit_test(errors_of_others_stay_in_the_queue),
	};

	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
