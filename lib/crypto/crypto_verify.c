/* SPDX-License-Identifier: MIT
 *
 * Signature verification. A key is first read and held against its scheme
 * (type, curve, size), so that a signature is never checked with an algorithm
 * that the metadata did not name.
 */
#include "crypto_internal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

enum { ED25519_PUBLIC_SIZE = 32 };

/* The type of pem_password_cb. */
int pawl_crypto_no_passphrase(
    char *buf, int size, int writing, void *context) /* NOLINT(readability-non-const-parameter) */
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

BIO *pawl_crypto_bio_of(struct pawl_bytes bytes)
{
	if (bytes.size > PAWL_PEM_INPUT_MAX)
		return NULL;
	return BIO_new_mem_buf(bytes.size == 0 ? (const void *)"" : bytes.at, (int)bytes.size);
}

pawl_err pawl_crypto_bio_drain(BIO *bio, struct pawl_buf *out)
{
	char *at = NULL;
	const long size = BIO_get_mem_data(bio, &at);

	if (size < 0)
		return PAWL_ERR_NO_MEMORY;
	pawl_put_bytes(out, PAWL_BYTES(at, (size_t)size));
	return pawl_buf_check(out);
}

/* With the exponent 1 every number is its own signature; an even one belongs to
 * no key; a long one costs a thousand times the work. */
static bool rsa_exponent_is_sound(EVP_PKEY *pkey)
{
	BIGNUM *exponent = NULL;
	const bool good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
			  BN_is_odd(exponent) && !BN_is_one(exponent) &&
			  BN_num_bits(exponent) <= PAWL_RSA_EXPONENT_BITS_MAX;

	BN_free(exponent);
	return good;
}

pawl_err pawl_crypto_scheme_of(EVP_PKEY *pkey, pawl_sig_scheme *ret_scheme)
{
	char group[32] = "";

	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_ED25519: *ret_scheme = PAWL_SIG_ED25519; return PAWL_ERR_OK;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
		    strcmp(group, "prime256v1") != 0)
			return PAWL_ERR_CRYPTO;
		*ret_scheme = PAWL_SIG_ECDSA_P256_SHA256;
		return PAWL_ERR_OK;
	case EVP_PKEY_RSA: {
		const int bits = EVP_PKEY_get_bits(pkey);
		if (bits < PAWL_RSA_BITS_MIN || bits > PAWL_RSA_BITS_MAX ||
		    !rsa_exponent_is_sound(pkey))
			return PAWL_ERR_CRYPTO;
		*ret_scheme = PAWL_SIG_RSA_PSS_SHA256;
		return PAWL_ERR_OK;
	}
	default: return PAWL_ERR_CRYPTO;
	}
}

static EVP_PKEY *public_key_of(pawl_sig_scheme scheme, struct pawl_bytes bytes)
{
	if (scheme == PAWL_SIG_ED25519) {
		if (bytes.size != ED25519_PUBLIC_SIZE)
			return NULL;
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes.at, bytes.size);
	}

	BIO *bio = pawl_crypto_bio_of(bytes);
	EVP_PKEY *pkey = NULL;
	pawl_sig_scheme found = PAWL_SIG_ED25519;

	if (bio != NULL)
		pkey = PEM_read_bio_PUBKEY(bio, NULL, pawl_crypto_no_passphrase, NULL);
	BIO_free(bio);
	if (pkey != NULL &&
	    (pawl_crypto_scheme_of(pkey, &found) != PAWL_ERR_OK || found != scheme)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

/* Without an own SHA-256 of Ed25519: it hashes inside. */
static bool verify_start(EVP_MD_CTX *context, pawl_sig_scheme scheme, EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *settings = NULL; /* belongs to `context` */

	switch (scheme) {
	case PAWL_SIG_ED25519: return EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1;
	case PAWL_SIG_ECDSA_P256_SHA256:
		return EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1;
	case PAWL_SIG_RSA_PSS_SHA256:
		return EVP_DigestVerifyInit(context, &settings, EVP_sha256(), NULL, pkey) == 1 &&
		       EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(settings, EVP_sha256()) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_AUTO) == 1;
	}
	return false;
}

pawl_err pawl_sig_verify(pawl_sig_scheme scheme, struct pawl_bytes public_key,
    struct pawl_bytes message, struct pawl_bytes signature)
{
	pawl_err err = PAWL_ERR_CRYPTO;

	ERR_set_mark();
	EVP_PKEY *pkey = public_key_of(scheme, public_key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (context == NULL)
		err = PAWL_ERR_NO_MEMORY;
	else if (pkey != NULL && verify_start(context, scheme, pkey))
		err =
		    signature.size > 0 && EVP_DigestVerify(context, signature.at, signature.size,
					      message.size == 0 ? (const uint8_t *)"" : message.at,
					      message.size) == 1
			? PAWL_ERR_OK
			: PAWL_ERR_DENIED;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	return err;
}

/* Appends one number of a key, big-endian, padded to `size`. */
static bool put_number(EVP_PKEY *pkey, const char *name, int size, struct pawl_buf *out)
{
	uint8_t bytes[PAWL_RSA_BITS_MAX / 8];
	BIGNUM *number = NULL;
	const bool good = EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
			  BN_bn2binpad(number, bytes, size) == size;

	BN_free(number);
	if (good)
		pawl_put_bytes(out, PAWL_BYTES(bytes, (size_t)size));
	return good && pawl_buf_check(out) == PAWL_ERR_OK;
}

static bool put_key_value(EVP_PKEY *pkey, pawl_sig_scheme scheme, struct pawl_buf *out)
{
	uint8_t raw[ED25519_PUBLIC_SIZE];
	size_t size = sizeof(raw);

	switch (scheme) {
	case PAWL_SIG_ED25519:
		if (EVP_PKEY_get_raw_public_key(pkey, raw, &size) != 1)
			return false;
		pawl_put_bytes(out, PAWL_BYTES(raw, size));
		return true;
	case PAWL_SIG_ECDSA_P256_SHA256:
		return put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32, out) &&
		       put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32, out);
	case PAWL_SIG_RSA_PSS_SHA256:
		return put_number(pkey, OSSL_PKEY_PARAM_RSA_N, PAWL_RSA_BITS_MAX / 8, out);
	}
	return false;
}

pawl_err pawl_sig_key_digest(
    pawl_sig_scheme scheme, struct pawl_bytes public_key, uint8_t ret_digest[32])
{
	uint8_t value[PAWL_RSA_BITS_MAX / 8];
	struct pawl_buf out = pawl_buf_of(value, sizeof(value));

	ERR_set_mark();
	EVP_PKEY *pkey = public_key_of(scheme, public_key);
	const bool good = pkey != NULL && put_key_value(pkey, scheme, &out);
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	if (!good)
		return PAWL_ERR_CRYPTO;
	pawl_sha256(pawl_buf_bytes(&out), ret_digest);
	return PAWL_ERR_OK;
}
