/* SPDX-License-Identifier: MIT
 *
 * seal_internal.h - what the files of this folder share. */
#ifndef PAWL_SEAL_INTERNAL_H
#define PAWL_SEAL_INTERNAL_H

#include "pawl/crypto.h"
#include "pawl/seal.h"

enum {
	PAWL_SEAL_RAW64_SIZE = 43, /* 32 bytes in base64 without padding           */
	PAWL_SEAL_LINE_MAX = 64,   /* of a stanza's body                           */
	PAWL_SEAL_SEALED_MAX = PAWL_SEAL_CHUNK_SIZE + PAWL_SEAL_TAG_SIZE
};

#define PAWL_SEAL_VERSION_LINE "age-encryption.org/v1\n"
#define PAWL_SEAL_VERSION_PREFIX "age-encryption.org/"

/* Appends base64 without padding. */
void pawl_seal_put_raw64(struct pawl_buf *out, struct pawl_bytes bytes);
/* Canonical base64 without padding, at most PAWL_SEAL_LINE_MAX characters; appends to `out`.
 * PAWL_ERR_SYNTAX: it is not; PAWL_ERR_LIMIT: `out` is too small. */
PAWL_MUST_CHECK pawl_err pawl_seal_raw64_decode(struct pawl_bytes text, struct pawl_buf *out);

/* Whether `start`, the first bytes of a file, can still become a file of version 1:
 * OK, TRUNCATED (so far), VERSION or MALFORMED. */
pawl_seal_verdict pawl_seal_check_version(struct pawl_bytes start);

/* Opens a whole header, from the version line to the line feed after the MAC.
 * `ret_file_key` is written on PAWL_SEAL_OK only. */
pawl_seal_verdict pawl_seal_header_open(struct pawl_bytes header, const uint8_t (*identities)[32],
    size_t identity_count, uint8_t ret_file_key[16]);

/* The key of the payload, from file key and nonce. */
PAWL_MUST_CHECK pawl_err pawl_seal_payload_key(
    const uint8_t file_key[16], const uint8_t nonce[16], uint8_t ret_key[32]);

/* Key and nonce of one chunk: an 11-byte big-endian counter, then the flag. */
struct pawl_aead pawl_seal_chunk_aead(const uint8_t key[32], uint64_t counter, bool is_last);

#endif
