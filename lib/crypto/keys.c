/* SPDX-License-Identifier: MIT
 *
 * Private keys. Whatever held secret bytes is wiped before it is freed:
 * OpenSSL does so for EVP_PKEY, PKCS8_PRIV_KEY_INFO and memory BIOs, the PEM
 * reader does with PEM_FLAG_SECURE.
 */
#include "crypto_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum {
	RSA_BITS_NEW = 3072,
	/* OWASP's figure for PBKDF2-HMAC-SHA512: about a fifth of a second. */
	PBKDF2_ITERATIONS = 210000,
	PBKDF2_SALT_SIZE = 16
};

static pawl_err key_wrap(EVP_PKEY *pkey, struct pawl_key **ret_key)
{
	pawl_sig_scheme scheme = PAWL_SIG_ED25519;

	if (pkey == NULL)
		return PAWL_ERR_CRYPTO;
	const pawl_err err = pawl_crypto_scheme_of(pkey, &scheme);
	struct pawl_key *key = err == PAWL_ERR_OK ? malloc(sizeof(*key)) : NULL;
	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return err == PAWL_ERR_OK ? PAWL_ERR_NO_MEMORY : err;
	}
	*key = (struct pawl_key){ .pkey = pkey, .scheme = scheme };
	*ret_key = key;
	return PAWL_ERR_OK;
}

pawl_err pawl_key_create(pawl_sig_scheme scheme, struct pawl_key **ret_key)
{
	EVP_PKEY *pkey = NULL;

	ERR_set_mark();
	switch (scheme) {
	case PAWL_SIG_ED25519: pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
	case PAWL_SIG_ECDSA_P256_SHA256: pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); break;
	case PAWL_SIG_RSA_PSS_SHA256:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS_NEW);
		break;
	}
	const pawl_err err = key_wrap(pkey, ret_key);
	ERR_pop_to_mark();
	return err;
}

void pawl_key_destroy(struct pawl_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

pawl_sig_scheme pawl_key_scheme(const struct pawl_key *key)
{
	return key->scheme;
}

/* --- loading --- */

static pawl_err pkcs8_plain(const uint8_t *der, long size, struct pawl_key **ret_key)
{
	const uint8_t *at = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, size);
	EVP_PKEY *pkey = info == NULL ? NULL : EVP_PKCS82PKEY(info);

	PKCS8_PRIV_KEY_INFO_free(info);
	return key_wrap(pkey, ret_key);
}

static pawl_err pkcs8_encrypted(
    const uint8_t *der, long size, struct pawl_bytes passphrase, struct pawl_key **ret_key)
{
	const uint8_t *at = der;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &at, size);

	if (sealed == NULL)
		return PAWL_ERR_CRYPTO;
	if (passphrase.size == 0 || passphrase.size > INT_MAX) {
		X509_SIG_free(sealed);
		return PAWL_ERR_DENIED;
	}
	PKCS8_PRIV_KEY_INFO *info =
	    PKCS8_decrypt(sealed, (const char *)passphrase.at, (int)passphrase.size);
	X509_SIG_free(sealed);
	if (info == NULL)
		return PAWL_ERR_DENIED;
	EVP_PKEY *pkey = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return key_wrap(pkey, ret_key);
}

pawl_err pawl_key_load(
    struct pawl_bytes pem, struct pawl_bytes passphrase, struct pawl_key **ret_key)
{
	char *name = NULL;
	char *header = NULL;
	uint8_t *der = NULL;
	long size = 0;
	pawl_err err = PAWL_ERR_CRYPTO;

	ERR_set_mark();
	BIO *bio = pawl_crypto_bio_of(pem);
	if (bio != NULL && PEM_read_bio_ex(bio, &name, &header, &der, &size,
			       PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) == 1) {
		if (strcmp(name, PEM_STRING_PKCS8INF) == 0)
			err = pkcs8_plain(der, size, ret_key);
		else if (strcmp(name, PEM_STRING_PKCS8) == 0)
			err = pkcs8_encrypted(der, size, passphrase, ret_key);
		OPENSSL_secure_free(name);
		OPENSSL_secure_free(header);
		OPENSSL_secure_clear_free(der, (size_t)size);
	}
	BIO_free(bio);
	ERR_pop_to_mark();
	return err;
}

/* --- saving --- */

static X509_SIG *pkcs8_seal(PKCS8_PRIV_KEY_INFO *info, struct pawl_bytes passphrase)
{
	uint8_t salt[PBKDF2_SALT_SIZE];

	if (passphrase.size > INT_MAX)
		return NULL;
	pawl_random(salt, sizeof(salt));
	X509_ALGOR *algorithm = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), PBKDF2_ITERATIONS, salt,
	    (int)sizeof(salt), NULL, NID_hmacWithSHA512);
	if (algorithm == NULL)
		return NULL;
	X509_SIG *sealed =
	    PKCS8_set0_pbe((const char *)passphrase.at, (int)passphrase.size, info, algorithm);
	if (sealed == NULL)
		X509_ALGOR_free(algorithm);
	return sealed;
}

pawl_err pawl_key_save(
    const struct pawl_key *key, struct pawl_bytes passphrase, struct pawl_buf *out)
{
	X509_SIG *sealed = NULL;
	bool good = false;

	ERR_set_mark();
	BIO *bio = BIO_new(BIO_s_secmem());
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
	if (bio != NULL && info != NULL) {
		if (passphrase.size == 0) {
			good = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1;
		} else {
			sealed = pkcs8_seal(info, passphrase);
			good = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;
		}
	}
	const pawl_err err = good ? pawl_crypto_bio_drain(bio, out) : PAWL_ERR_NO_MEMORY;
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(bio);
	ERR_pop_to_mark();
	return err;
}

/* --- the public half --- */

pawl_err pawl_key_public(const struct pawl_key *key, struct pawl_buf *out)
{
	if (key->scheme == PAWL_SIG_ED25519) {
		uint8_t raw[32];
		size_t size = sizeof(raw);

		if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &size) != 1 || size != sizeof(raw))
			return PAWL_ERR_CRYPTO;
		pawl_put_hex(out, PAWL_BYTES(raw, size));
		return pawl_buf_check(out);
	}
	ERR_set_mark();
	BIO *bio = BIO_new(BIO_s_mem());
	const bool good = bio != NULL && PEM_write_bio_PUBKEY(bio, key->pkey) == 1;
	const pawl_err err = good ? pawl_crypto_bio_drain(bio, out) : PAWL_ERR_NO_MEMORY;
	BIO_free(bio);
	ERR_pop_to_mark();
	return err;
}

pawl_err pawl_key_pin(const struct pawl_key *key, uint8_t ret_pin[32])
{
	uint8_t *der = NULL;

	ERR_set_mark();
	const int size = i2d_PUBKEY(key->pkey, &der);
	ERR_pop_to_mark();
	if (size <= 0)
		return PAWL_ERR_NO_MEMORY;
	pawl_sha256(PAWL_BYTES(der, (size_t)size), ret_pin);
	OPENSSL_free(der);
	return PAWL_ERR_OK;
}

/* --- signing --- */

static bool sign_start(EVP_MD_CTX *context, const struct pawl_key *key)
{
	EVP_PKEY_CTX *settings = NULL; /* belongs to `context` */

	switch (key->scheme) {
	case PAWL_SIG_ED25519: return EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) == 1;
	case PAWL_SIG_ECDSA_P256_SHA256:
		return EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1;
	case PAWL_SIG_RSA_PSS_SHA256:
		return EVP_DigestSignInit(context, &settings, EVP_sha256(), NULL, key->pkey) == 1 &&
		       EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(settings, EVP_sha256()) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1;
	}
	return false;
}

pawl_err pawl_key_sign(const struct pawl_key *key, struct pawl_bytes message, struct pawl_buf *out)
{
	uint8_t signature[PAWL_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	ERR_set_mark();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const bool good =
	    context != NULL && sign_start(context, key) &&
	    EVP_DigestSign(context, signature, &size,
		message.size == 0 ? (const uint8_t *)"" : message.at, message.size) == 1;
	EVP_MD_CTX_free(context);
	ERR_pop_to_mark();
	if (!good)
		return PAWL_ERR_CRYPTO;
	pawl_put_bytes(out, PAWL_BYTES(signature, size));
	return pawl_buf_check(out);
}

void pawl_random(void *at, size_t size)
{
	PAWL_ASSERT(size <= INT_MAX);
	const int good = RAND_bytes(at, (int)size);
	PAWL_ASSERT(good == 1);
}
