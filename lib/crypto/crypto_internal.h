/* SPDX-License-Identifier: MIT
 *
 * crypto_internal.h - what the files of this folder share. OpenSSL objects
 * never leave it.
 *
 * Every public function leaves the thread's OpenSSL error queue as it found
 * it (ERR_set_mark, ERR_pop_to_mark), because other libraries in the process
 * use the same queue.
 */
#ifndef PAWL_CRYPTO_INTERNAL_H
#define PAWL_CRYPTO_INTERNAL_H

#include "pawl/crypto.h"
#include "pawl/keys.h"
#include "pawl/x509.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct pawl_key {
	EVP_PKEY *pkey;
	pawl_sig_scheme scheme;
};

enum {
	PAWL_RSA_BITS_MIN = 2048,
	PAWL_RSA_BITS_MAX = 8192,
	PAWL_RSA_EXPONENT_BITS_MAX = 64,
	/* No PEM text that is read here is longer: a chain of a few RSA-8192
	 * certificates fits. */
	PAWL_PEM_INPUT_MAX = 64 * 1024
};

/* The scheme a key is used with. PAWL_ERR_CRYPTO for other types, curves and
 * sizes. */
PAWL_MUST_CHECK pawl_err pawl_crypto_scheme_of(EVP_PKEY *pkey, pawl_sig_scheme *ret_scheme);

/* A passphrase callback that has none: OpenSSL's own would ask the terminal. */
int pawl_crypto_no_passphrase(char *buf, int size, int writing, void *context);

/* A BIO that reads `bytes`, borrowed. NULL when they are too many or memory is out. */
BIO *pawl_crypto_bio_of(struct pawl_bytes bytes);

/* Appends what was written into a memory BIO. PAWL_ERR_LIMIT when it does not fit. */
PAWL_MUST_CHECK pawl_err pawl_crypto_bio_drain(BIO *bio, struct pawl_buf *out);

/* One certificate from PEM; NULL when there is none. */
X509 *pawl_x509_from_pem(struct pawl_bytes pem);
PAWL_MUST_CHECK pawl_err pawl_x509_info(X509 *cert, struct pawl_cert_info *ret_info);
/* The only commonName (or other field) of a name. PAWL_ERR_NOT_FOUND: there is none;
 * PAWL_ERR_SYNTAX: several, empty, longer than 64 bytes or with control characters. */
PAWL_MUST_CHECK pawl_err pawl_x509_name_field(const X509_NAME *name, int nid, char ret_text[65]);

#endif
