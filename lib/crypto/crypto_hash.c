/* SPDX-License-Identifier: MIT */
#include "pawl/crypto.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

size_t pawl_hash_size(pawl_hash_kind kind)
{
	switch (kind) {
	case PAWL_HASH_SHA256: return 32;
	case PAWL_HASH_SHA512: return 64;
	case PAWL_HASH_SHA1: return 20;
	case PAWL_HASH_MD5: return 16;
	}
	return 0;
}

static const EVP_MD *algorithm_of(pawl_hash_kind kind)
{
	switch (kind) {
	case PAWL_HASH_SHA256: return EVP_sha256();
	case PAWL_HASH_SHA512: return EVP_sha512();
	case PAWL_HASH_SHA1: return EVP_sha1();
	case PAWL_HASH_MD5: return EVP_md5();
	}
	return NULL;
}

pawl_err pawl_hash_init(struct pawl_hash *hash, pawl_hash_kind kind)
{
	ERR_set_mark();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	/* A machine in FIPS mode has no MD5: that shows here. */
	const bool good =
	    context != NULL && EVP_DigestInit_ex(context, algorithm_of(kind), NULL) == 1;
	ERR_pop_to_mark();

	*hash = (struct pawl_hash){ .kind = kind };
	if (!good) {
		const pawl_err err = context == NULL ? PAWL_ERR_NO_MEMORY : PAWL_ERR_CRYPTO;
		EVP_MD_CTX_free(context);
		return err;
	}
	hash->context = context;
	return PAWL_ERR_OK;
}

pawl_err pawl_hash_update(struct pawl_hash *hash, struct pawl_bytes bytes)
{
	PAWL_ASSERT(hash->context != NULL);
	if (bytes.size == 0)
		return PAWL_ERR_OK;
	ERR_set_mark();
	const int good = EVP_DigestUpdate(hash->context, bytes.at, bytes.size);
	ERR_pop_to_mark();
	return good == 1 ? PAWL_ERR_OK : PAWL_ERR_CRYPTO;
}

pawl_err pawl_hash_peek(const struct pawl_hash *hash, uint8_t *ret_digest)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	PAWL_ASSERT(hash->context != NULL);
	ERR_set_mark();
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	const bool good = copy != NULL && EVP_MD_CTX_copy_ex(copy, hash->context) == 1 &&
			  EVP_DigestFinal_ex(copy, digest, NULL) == 1;
	EVP_MD_CTX_free(copy);
	ERR_pop_to_mark();
	if (!good)
		return PAWL_ERR_NO_MEMORY;
	for (size_t i = 0; i < pawl_hash_size(hash->kind); i++)
		ret_digest[i] = digest[i];
	return PAWL_ERR_OK;
}

void pawl_hash_finish(struct pawl_hash *hash)
{
	if (hash == NULL)
		return;
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
}

static void digest_whole(const EVP_MD *algorithm, struct pawl_bytes bytes, uint8_t *ret_digest)
{
	ERR_set_mark();
	const int good = EVP_Digest(bytes.size == 0 ? (const void *)"" : bytes.at, bytes.size,
	    ret_digest, NULL, algorithm, NULL);
	ERR_pop_to_mark();
	PAWL_ASSERT(good == 1);
}

void pawl_sha256(struct pawl_bytes bytes, uint8_t ret_digest[32])
{
	digest_whole(EVP_sha256(), bytes, ret_digest);
}

void pawl_sha512(struct pawl_bytes bytes, uint8_t ret_digest[64])
{
	digest_whole(EVP_sha512(), bytes, ret_digest);
}

void pawl_hmac_sha256(struct pawl_bytes key, struct pawl_bytes bytes, uint8_t ret_mac[32])
{
	ERR_set_mark();
	uint8_t mac[EVP_MAX_MD_SIZE];
	size_t size = 0;
	const bool good =
	    EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.size == 0 ? (const void *)"" : key.at,
		key.size, bytes.size == 0 ? (const uint8_t *)"" : bytes.at, bytes.size, mac,
		sizeof(mac), &size) != NULL;
	ERR_pop_to_mark();
	PAWL_ASSERT(good && size == 32);
	memcpy(ret_mac, mac, 32);
}
