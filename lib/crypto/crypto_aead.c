/* SPDX-License-Identifier: MIT
 *
 * What sealing needs: X25519, HKDF-SHA-256 and ChaCha20-Poly1305, one shot
 * each, so that no OpenSSL object lives longer than a call.
 */
#include "pawl/crypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

enum { HKDF_INFO_MAX = 1024, AEAD_INPUT_MAX = 1 << 30 };

/* OpenSSL takes no NULL, also where the size is 0. */
static const uint8_t *at_of(struct pawl_bytes bytes)
{
	return bytes.size == 0 ? (const uint8_t *)"" : bytes.at;
}

/* --- X25519 --- */

pawl_err pawl_x25519_public(const uint8_t secret[32], uint8_t ret_public_key[32])
{
	size_t size = PAWL_X25519_SIZE;

	ERR_set_mark();
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, size);
	const bool good =
	    key != NULL && EVP_PKEY_get_raw_public_key(key, ret_public_key, &size) == 1;
	EVP_PKEY_free(key);
	ERR_pop_to_mark();
	PAWL_ASSERT(!good || size == PAWL_X25519_SIZE);
	return good ? PAWL_ERR_OK : PAWL_ERR_NO_MEMORY;
}

static pawl_err shared_of(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[32])
{
	size_t size = PAWL_X25519_SIZE;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
	pawl_err err = PAWL_ERR_NO_MEMORY;

	if (context != NULL && EVP_PKEY_derive_init(context) == 1 &&
	    EVP_PKEY_derive_set_peer(context, peer) == 1)
		/* Nothing else is left that it could refuse but a point of low order. */
		err = EVP_PKEY_derive(context, shared, &size) == 1 && size == PAWL_X25519_SIZE
			  ? PAWL_ERR_OK
			  : PAWL_ERR_CRYPTO;
	EVP_PKEY_CTX_free(context);
	return err;
}

pawl_err pawl_x25519_shared(
    const uint8_t secret[32], const uint8_t public_key[32], uint8_t ret_shared[32])
{
	static const uint8_t zeros[PAWL_X25519_SIZE];
	uint8_t shared[PAWL_X25519_SIZE] = { 0 };
	pawl_err err = PAWL_ERR_NO_MEMORY;

	ERR_set_mark();
	EVP_PKEY *own =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, PAWL_X25519_SIZE);
	EVP_PKEY *peer =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, PAWL_X25519_SIZE);
	if (own != NULL && peer != NULL)
		err = shared_of(own, peer, shared);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	ERR_pop_to_mark();

	/* OpenSSL refuses it too; that the rule holds must not hang on that. */
	if (err == PAWL_ERR_OK && pawl_bytes_equal_secret(shared, zeros, sizeof(shared)))
		err = PAWL_ERR_CRYPTO;
	if (err == PAWL_ERR_OK)
		memcpy(ret_shared, shared, sizeof(shared));
	pawl_bytes_wipe(shared, sizeof(shared));
	return err;
}

/* --- HKDF-SHA-256 --- */

static OSSL_PARAM octets(const char *name, struct pawl_bytes bytes)
{
	/* OSSL_PARAM is used both ways and therefore knows no const; this one is read. */
	union {
		const void *constant;
		void *plain;
	} at = { .constant = at_of(bytes) };

	return OSSL_PARAM_construct_octet_string(name, at.plain, bytes.size);
}

pawl_err pawl_hkdf_sha256(
    struct pawl_bytes secret, struct pawl_bytes salt, struct pawl_bytes info, uint8_t ret_key[32])
{
	char hash_name[] = "SHA256";
	const OSSL_PARAM settings[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash_name, 0),
		octets(OSSL_KDF_PARAM_KEY, secret),
		octets(OSSL_KDF_PARAM_SALT, salt),
		octets(OSSL_KDF_PARAM_INFO, info),
		OSSL_PARAM_construct_end(),
	};

	PAWL_ASSERT(secret.size > 0 && info.size <= HKDF_INFO_MAX);
	ERR_set_mark();
	EVP_KDF *algorithm = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = algorithm == NULL ? NULL : EVP_KDF_CTX_new(algorithm);
	const bool good = context != NULL && EVP_KDF_derive(context, ret_key, 32, settings) == 1;
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(algorithm);
	ERR_pop_to_mark();
	return good ? PAWL_ERR_OK : PAWL_ERR_NO_MEMORY;
}

/* --- ChaCha20-Poly1305 --- */

pawl_err pawl_aead_seal(const struct pawl_aead *aead, struct pawl_bytes plain, uint8_t *ret_sealed)
{
	int written = 0;
	int rest = 0;

	PAWL_ASSERT(plain.size <= AEAD_INPUT_MAX);
	ERR_set_mark();
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	const bool good =
	    context != NULL &&
	    EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), NULL, aead->key, aead->nonce) ==
		1 &&
	    EVP_EncryptUpdate(context, ret_sealed, &written, at_of(plain), (int)plain.size) == 1 &&
	    EVP_EncryptFinal_ex(context, ret_sealed + plain.size, &rest) == 1 &&
	    EVP_CIPHER_CTX_ctrl(
		context, EVP_CTRL_AEAD_GET_TAG, PAWL_AEAD_TAG_SIZE, ret_sealed + plain.size) == 1;
	EVP_CIPHER_CTX_free(context);
	ERR_pop_to_mark();
	if (!good) {
		pawl_bytes_wipe(ret_sealed, plain.size + PAWL_AEAD_TAG_SIZE);
		return PAWL_ERR_NO_MEMORY;
	}
	PAWL_ASSERT((size_t)written == plain.size && rest == 0);
	return PAWL_ERR_OK;
}

/* The cipher is its own inverse: the same key stream over the plaintext. */
static bool seal_again(const struct pawl_aead *aead, uint8_t *at, size_t size)
{
	int written = 0;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	const bool good = context != NULL &&
			  EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), NULL, aead->key,
			      aead->nonce) == 1 &&
			  EVP_EncryptUpdate(context, at, &written, at, (int)size) == 1;

	EVP_CIPHER_CTX_free(context);
	return good;
}

static pawl_err open_sealed(const struct pawl_aead *aead, struct pawl_bytes sealed,
    uint8_t tag[PAWL_AEAD_TAG_SIZE], uint8_t *plain)
{
	const int plain_size = (int)(sealed.size - PAWL_AEAD_TAG_SIZE);
	int written = 0;
	int rest = 0;
	uint8_t nothing[1]; /* never written: there is no block to complete */
	pawl_err err = PAWL_ERR_NO_MEMORY;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (context != NULL &&
	    EVP_DecryptInit_ex(context, EVP_chacha20_poly1305(), NULL, aead->key, aead->nonce) ==
		1 &&
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, PAWL_AEAD_TAG_SIZE, tag) == 1 &&
	    (plain_size == 0 ||
		EVP_DecryptUpdate(context, plain, &written, sealed.at, plain_size) == 1))
		err = EVP_DecryptFinal_ex(context, nothing, &rest) == 1 ? PAWL_ERR_OK
									: PAWL_ERR_DENIED;
	EVP_CIPHER_CTX_free(context);
	PAWL_ASSERT(err != PAWL_ERR_OK || (written == plain_size && rest == 0));
	return err;
}

pawl_err pawl_aead_open(const struct pawl_aead *aead, struct pawl_bytes sealed, uint8_t *ret_plain)
{
	uint8_t tag[PAWL_AEAD_TAG_SIZE];

	if (sealed.size < PAWL_AEAD_TAG_SIZE)
		return PAWL_ERR_DENIED;

	const size_t plain_size = sealed.size - PAWL_AEAD_TAG_SIZE;
	PAWL_ASSERT(plain_size <= AEAD_INPUT_MAX);
	memcpy(tag, sealed.at + plain_size, sizeof(tag));
	ERR_set_mark();
	pawl_err err = open_sealed(aead, sealed, tag, ret_plain);
	if (err == PAWL_ERR_DENIED && ret_plain == sealed.at && plain_size > 0 &&
	    !seal_again(aead, ret_plain, plain_size))
		err = PAWL_ERR_NO_MEMORY;
	ERR_pop_to_mark();
	if (err == PAWL_ERR_NO_MEMORY || (err == PAWL_ERR_DENIED && ret_plain != sealed.at))
		pawl_bytes_wipe(ret_plain, plain_size);
	return err;
}
