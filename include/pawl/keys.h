/* SPDX-License-Identifier: MIT
 *
 * pawl/keys.h - private keys: make, keep, sign.
 *
 * Hosted (heap, the operating system's random numbers). Nothing here touches
 * a file: PEM text goes in and out, the program decides where it lives.
 */
#ifndef PAWL_KEYS_H
#define PAWL_KEYS_H

#include "pawl/bytes.h"
#include "pawl/crypto.h"
#include "pawl/err.h"

/* Opaque; wiped when destroyed. */
struct pawl_key;

/* Largest PEM or signature that comes out of here (RSA-4096 with margin). */
enum { PAWL_KEY_PEM_MAX = 8192, PAWL_SIGNATURE_MAX = 1024 };

/* RSA keys have 3072 bits. */
PAWL_MUST_CHECK pawl_err pawl_key_create(pawl_sig_scheme scheme, struct pawl_key **ret_key);
/* PKCS#8 PEM, plain or encrypted (PBES2). `passphrase` may be empty.
 * PAWL_ERR_DENIED: encrypted and the passphrase is missing or wrong.
 * PAWL_ERR_CRYPTO: no private key of one of the three schemes. */
PAWL_MUST_CHECK pawl_err pawl_key_load(
    struct pawl_bytes pem, struct pawl_bytes passphrase, struct pawl_key **ret_key);
void pawl_key_destroy(struct pawl_key *key);

pawl_sig_scheme pawl_key_scheme(const struct pawl_key *key);
/* PKCS#8 PEM; encrypted with AES-256-CBC and PBKDF2-HMAC-SHA512 when `passphrase` is not empty. */
PAWL_MUST_CHECK pawl_err pawl_key_save(
    const struct pawl_key *key, struct pawl_bytes passphrase, struct pawl_buf *out);
/* The public half as TUF writes it into keyval.public: 64 hex digits for
 * Ed25519, PEM SubjectPublicKeyInfo (with final newline) otherwise. */
PAWL_MUST_CHECK pawl_err pawl_key_public(const struct pawl_key *key, struct pawl_buf *out);
/* SHA-256 of the DER SubjectPublicKeyInfo: a TLS pin. */
PAWL_MUST_CHECK pawl_err pawl_key_pin(const struct pawl_key *key, uint8_t ret_pin[32]);
/* Raw signature bytes as pawl_sig_verify takes them. */
PAWL_MUST_CHECK pawl_err pawl_key_sign(
    const struct pawl_key *key, struct pawl_bytes message, struct pawl_buf *out);

/* Random bytes from the operating system for tokens and nonces. Panics when
 * the system has none to give. */
void pawl_random(void *at, size_t size);

#endif
