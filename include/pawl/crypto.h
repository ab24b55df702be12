/* SPDX-License-Identifier: MIT
 *
 * pawl/crypto.h - hashes, MACs, signature verification and the three primitives
 * of sealed artifacts.
 *
 * Pure: bytes in, answer out. Backed by OpenSSL 3, which no other folder may
 * include. Key making and signing: pawl/keys.h. Certificates: pawl/x509.h.
 * TLS as bytes in and bytes out: pawl/tls.h.
 */
#ifndef PAWL_CRYPTO_H
#define PAWL_CRYPTO_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stddef.h>
#include <stdint.h>

typedef enum pawl_hash_kind {
	PAWL_HASH_SHA256,
	PAWL_HASH_SHA512,
	PAWL_HASH_SHA1, /* hawkBit's protocol only; never a security decision    */
	PAWL_HASH_MD5   /* the same                                              */
} pawl_hash_kind;

enum { PAWL_HASH_SIZE_MAX = 64 };

/* 32, 64, 20, 16. */
size_t pawl_hash_size(pawl_hash_kind kind);

/* A running hash. Heap inside (OpenSSL); `finish` is always needed. */
struct pawl_hash {
	void *context;
	pawl_hash_kind kind;
};

PAWL_MUST_CHECK pawl_err pawl_hash_init(struct pawl_hash *hash, pawl_hash_kind kind);
PAWL_MUST_CHECK pawl_err pawl_hash_update(struct pawl_hash *hash, struct pawl_bytes bytes);
/* Writes pawl_hash_size(kind) bytes; the hash may go on afterwards. */
PAWL_MUST_CHECK pawl_err pawl_hash_peek(const struct pawl_hash *hash, uint8_t *ret_digest);
/* Frees; takes zeroed and finished objects. */
void pawl_hash_finish(struct pawl_hash *hash);

/* One shot. These panic only when the machine is out of memory. */
void pawl_sha256(struct pawl_bytes bytes, uint8_t ret_digest[32]);
void pawl_sha512(struct pawl_bytes bytes, uint8_t ret_digest[64]);
/* HMAC-SHA-256 (RFC 2104). */
void pawl_hmac_sha256(struct pawl_bytes key, struct pawl_bytes bytes, uint8_t ret_mac[32]);

/* TUF 1.0, section "File formats: general principles": keytype and scheme. */
typedef enum pawl_sig_scheme {
	PAWL_SIG_ED25519,           /* keytype "ed25519"                         */
	PAWL_SIG_ECDSA_P256_SHA256, /* keytype "ecdsa" or legacy "ecdsa-sha2-nistp256" */
	PAWL_SIG_RSA_PSS_SHA256     /* keytype "rsa"                             */
} pawl_sig_scheme;

/* Verifies `signature` over `message`.
 * `public_key`: for Ed25519 the 32 raw bytes; else a PEM SubjectPublicKeyInfo.
 * ECDSA signatures are DER. RSA keys of 2048 to 8192 bits with an odd exponent
 * of 3 to 2^64; PSS salt: any length.
 * PAWL_ERR_OK: it verifies. PAWL_ERR_DENIED: it does not. PAWL_ERR_CRYPTO: the key
 * can not be read or does not fit the scheme. */
PAWL_MUST_CHECK pawl_err pawl_sig_verify(pawl_sig_scheme scheme, struct pawl_bytes public_key,
    struct pawl_bytes message, struct pawl_bytes signature);

/* Names the key itself, whatever text it was written as: a PEM frame with
 * something around it, a compressed point, another exponent to the same RSA
 * modulus give the same digest. PAWL_ERR_CRYPTO as above. */
PAWL_MUST_CHECK pawl_err pawl_sig_key_digest(
    pawl_sig_scheme scheme, struct pawl_bytes public_key, uint8_t ret_digest[32]);
/* --- sealing (lib/seal) --- */

enum {
	PAWL_X25519_SIZE = 32, /* secrets, public keys and shared secrets          */
	PAWL_AEAD_KEY_SIZE = 32,
	PAWL_AEAD_NONCE_SIZE = 12,
	PAWL_AEAD_TAG_SIZE = 16
};

/* X25519 (RFC 7748). A secret is any 32 random bytes.
 * PAWL_ERR_NO_MEMORY: the library could not work. PAWL_ERR_CRYPTO: the shared secret
 * is all zero, because `public_key` is a point of low order. */
PAWL_MUST_CHECK pawl_err pawl_x25519_public(const uint8_t secret[32], uint8_t ret_public_key[32]);
PAWL_MUST_CHECK pawl_err pawl_x25519_shared(
    const uint8_t secret[32], const uint8_t public_key[32], uint8_t ret_shared[32]);

/* HKDF-SHA-256 (RFC 5869), extract and expand: 32 bytes of key out of `secret`,
 * which is not empty. `salt` and `info` may be empty; `info` has at most 1024 bytes.
 * PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_hkdf_sha256(
    struct pawl_bytes secret, struct pawl_bytes salt, struct pawl_bytes info, uint8_t ret_key[32]);

/* ChaCha20-Poly1305 (RFC 8439) without additional data. A pair of key and nonce seals
 * one message only. At most 1 GiB in one call. */
struct pawl_aead {
	uint8_t key[PAWL_AEAD_KEY_SIZE];
	uint8_t nonce[PAWL_AEAD_NONCE_SIZE];
};

/* Writes plain.size + PAWL_AEAD_TAG_SIZE bytes; `ret_sealed` may be `plain.at`.
 * PAWL_ERR_NO_MEMORY: the output is wiped. */
PAWL_MUST_CHECK pawl_err pawl_aead_seal(
    const struct pawl_aead *aead, struct pawl_bytes plain, uint8_t *ret_sealed);
/* Writes sealed.size - PAWL_AEAD_TAG_SIZE bytes; `ret_plain` may be `sealed.at`.
 * PAWL_ERR_DENIED: it is not what the key sealed; PAWL_ERR_NO_MEMORY. The output never
 * holds what the tag does not vouch for: it is wiped then, but after DENIED in place it is
 * the sealed bytes again, so that another nonce may be tried. */
PAWL_MUST_CHECK pawl_err pawl_aead_open(
    const struct pawl_aead *aead, struct pawl_bytes sealed, uint8_t *ret_plain);

#endif
