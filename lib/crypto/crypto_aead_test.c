/* SPDX-License-Identifier: MIT
 *
 * X25519, HKDF-SHA-256 and ChaCha20-Poly1305 against published vectors.
 */
#include "cmocka_setup.h"

#include "pawl/crypto.h"

#include <string.h>

static void from_hex(const char *text, size_t size, uint8_t *ret_bytes)
{
	assert_int_equal(pawl_hex_decode(pawl_bytes_of(text), size, ret_bytes), PAWL_ERR_OK);
}

/* RFC 7748, section 6.1. */
static void two_sides_share_a_secret(void **state)
{
	uint8_t alice[32];
	uint8_t bob[32];
	uint8_t alice_public[32];
	uint8_t bob_public[32];
	uint8_t expected[32];
	uint8_t shared[32];

	(void)state;
	from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", 32, alice);
	from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", 32, bob);
	assert_int_equal(pawl_x25519_public(alice, alice_public), PAWL_ERR_OK);
	from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", 32, expected);
	assert_memory_equal(alice_public, expected, 32);
	assert_int_equal(pawl_x25519_public(bob, bob_public), PAWL_ERR_OK);
	from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", 32, expected);
	assert_memory_equal(bob_public, expected, 32);
	from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", 32, expected);
	assert_int_equal(pawl_x25519_shared(alice, bob_public, shared), PAWL_ERR_OK);
	assert_memory_equal(shared, expected, 32);
	assert_int_equal(pawl_x25519_shared(bob, alice_public, shared), PAWL_ERR_OK);
	assert_memory_equal(shared, expected, 32);
}

/* The points of low order of Curve25519 and their other spellings below 2^256. */
static void points_of_low_order_are_refused(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000080",
	};
	uint8_t secret[32];
	uint8_t untouched[32];
	uint8_t shared[32];
	uint8_t point[32];

	(void)state;
	memset(secret, 0x42, sizeof(secret));
	memset(untouched, 0xa5, sizeof(untouched));
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		memset(shared, 0xa5, sizeof(shared));
		from_hex(points[i], 32, point);
		assert_int_equal(pawl_x25519_shared(secret, point, shared), PAWL_ERR_CRYPTO);
		assert_memory_equal(shared, untouched, sizeof(shared));
	}
}

/* RFC 5869, appendix A.1 to A.3, first 32 bytes of each. */
static void hkdf_follows_its_vectors(void **state)
{
	uint8_t secret[80];
	uint8_t salt[80];
	uint8_t info[80];
	uint8_t expected[32];
	uint8_t key[32];

	(void)state;
	memset(secret, 0x0b, 22);
	for (size_t i = 0; i < 13; i++)
		salt[i] = (uint8_t)i;
	for (size_t i = 0; i < 10; i++)
		info[i] = (uint8_t)(0xf0 + i);
	assert_int_equal(pawl_hkdf_sha256(PAWL_BYTES(secret, 22), PAWL_BYTES(salt, 13),
			     PAWL_BYTES(info, 10), key),
	    PAWL_ERR_OK);
	from_hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf", 32, expected);
	assert_memory_equal(key, expected, 32);

	assert_int_equal(
	    pawl_hkdf_sha256(PAWL_BYTES(secret, 22), PAWL_BYTES(NULL, 0), PAWL_BYTES(NULL, 0), key),
	    PAWL_ERR_OK);
	from_hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d", 32, expected);
	assert_memory_equal(key, expected, 32);

	for (size_t i = 0; i < 80; i++) {
		secret[i] = (uint8_t)i;
		salt[i] = (uint8_t)(0x60 + i);
		info[i] = (uint8_t)(0xb0 + i);
	}
	assert_int_equal(pawl_hkdf_sha256(PAWL_BYTES(secret, 80), PAWL_BYTES(salt, 80),
			     PAWL_BYTES(info, 80), key),
	    PAWL_ERR_OK);
	from_hex("b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c", 32, expected);
	assert_memory_equal(key, expected, 32);
}

static struct pawl_aead test_aead(void)
{
	struct pawl_aead aead;

	for (size_t i = 0; i < sizeof(aead.key); i++)
		aead.key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(aead.nonce); i++)
		aead.nonce[i] = (uint8_t)(0x40 + i);
	return aead;
}

#define PLAIN "Ladies and Gentlemen of the class of 99"
enum { PLAIN_SIZE = sizeof(PLAIN) - 1, SEALED_SIZE = PLAIN_SIZE + PAWL_AEAD_TAG_SIZE };

/* Made with the chacha20-poly1305 of Node.js. */
static void aead_follows_its_vectors(void **state)
{
	const struct pawl_aead aead = test_aead();
	uint8_t expected[SEALED_SIZE];
	uint8_t sealed[SEALED_SIZE];
	uint8_t plain[SEALED_SIZE];

	(void)state;
	from_hex("b43518e81739ce6036abd647de8119a1d1a106766493274f8a64b77b894b5b19"
		 "8393f61606725bb8ab953ad28972667358bc4914b1da7e",
	    SEALED_SIZE, expected);
	assert_int_equal(pawl_aead_seal(&aead, PAWL_BYTES_LIT(PLAIN), sealed), PAWL_ERR_OK);
	assert_memory_equal(sealed, expected, SEALED_SIZE);
	assert_int_equal(
	    pawl_aead_open(&aead, PAWL_BYTES(sealed, SEALED_SIZE), plain), PAWL_ERR_OK);
	assert_memory_equal(plain, PLAIN, PLAIN_SIZE);

	from_hex("2feeb456ec810ae069850c4c40c195c9", PAWL_AEAD_TAG_SIZE, expected);
	assert_int_equal(pawl_aead_seal(&aead, PAWL_BYTES(NULL, 0), sealed), PAWL_ERR_OK);
	assert_memory_equal(sealed, expected, PAWL_AEAD_TAG_SIZE);
	assert_int_equal(
	    pawl_aead_open(&aead, PAWL_BYTES(sealed, PAWL_AEAD_TAG_SIZE), plain), PAWL_ERR_OK);
	assert_int_equal(pawl_aead_open(&aead, PAWL_BYTES(sealed, PAWL_AEAD_TAG_SIZE - 1), plain),
	    PAWL_ERR_DENIED);
}

static void every_changed_bit_is_denied(void **state)
{
	const struct pawl_aead aead = test_aead();
	static const uint8_t zeros[PLAIN_SIZE];
	uint8_t sealed[SEALED_SIZE];
	uint8_t plain[SEALED_SIZE];
	uint8_t in_place[SEALED_SIZE];

	(void)state;
	assert_int_equal(pawl_aead_seal(&aead, PAWL_BYTES_LIT(PLAIN), sealed), PAWL_ERR_OK);
	for (size_t bit = 0; bit < 8 * SEALED_SIZE; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		memset(plain, 0xa5, sizeof(plain));
		assert_int_equal(
		    pawl_aead_open(&aead, PAWL_BYTES(sealed, SEALED_SIZE), plain), PAWL_ERR_DENIED);
		assert_memory_equal(plain, zeros, PLAIN_SIZE);
		memcpy(in_place, sealed, SEALED_SIZE);
		assert_int_equal(pawl_aead_open(&aead, PAWL_BYTES(in_place, SEALED_SIZE), in_place),
		    PAWL_ERR_DENIED);
		assert_memory_equal(in_place, sealed, SEALED_SIZE);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* In place the other way round: another nonce first, then the right one. */
	struct pawl_aead other = aead;
	other.nonce[11] ^= 1;
	memcpy(in_place, sealed, SEALED_SIZE);
	assert_int_equal(
	    pawl_aead_open(&other, PAWL_BYTES(in_place, SEALED_SIZE), in_place), PAWL_ERR_DENIED);
	assert_int_equal(
	    pawl_aead_open(&aead, PAWL_BYTES(in_place, SEALED_SIZE), in_place), PAWL_ERR_OK);
	assert_memory_equal(in_place, PLAIN, PLAIN_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sides_share_a_secret),
		cmocka_unit_test(points_of_low_order_are_refused),
		cmocka_unit_test(hkdf_follows_its_vectors),
		cmocka_unit_test(aead_follows_its_vectors),
		cmocka_unit_test(every_changed_bit_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
