/* SPDX-License-Identifier: MIT
 *
 * pawl/record.h - the frame of a state file: says what it is and that it is whole.
 *
 * Pure; no heap. All integers little-endian:
 *   0  4  magic
 *   4  2  format version
 *   6  2  zero
 *   8  4  payload length n
 *  12  n  payload
 *  12+n 4 CRC-32 of all before it
 */
#ifndef PAWL_RECORD_H
#define PAWL_RECORD_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stdint.h>

enum {
	PAWL_RECORD_OVERHEAD = 16,
	/* A state file is small; a length above this is damage. */
	PAWL_RECORD_PAYLOAD_MAX = 16 * 1024 * 1024
};

/* Appends the framed payload; too little room or too long a payload sets
 * `out->overflow`. `payload` must not lie in the free part of `out`. */
void pawl_put_record(
    struct pawl_buf *out, const char magic[4], uint16_t version, struct pawl_bytes payload);
/* Takes exactly one record; the payload points into `bytes`.
 * PAWL_ERR_TRUNCATED: it ends too early. PAWL_ERR_SYNTAX: another magic, or bytes
 * after its end. PAWL_ERR_CORRUPT: the CRC-32 or the reserved field does not hold.
 * PAWL_ERR_LIMIT: the length is beyond PAWL_RECORD_PAYLOAD_MAX. PAWL_ERR_UNSUPPORTED:
 * whole, but of a version above `version_max` or 0. */
PAWL_MUST_CHECK pawl_err pawl_record_decode(struct pawl_bytes bytes, const char magic[4],
    uint16_t version_max, uint16_t *ret_version, struct pawl_bytes *ret_payload);

#endif
