/* SPDX-License-Identifier: MIT
 *
 * pawl/num.h - integers that can not wrap unseen, and their text form.
 *
 * Pure and freestanding.
 */
#ifndef PAWL_NUM_H
#define PAWL_NUM_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stddef.h>
#include <stdint.h>

/* PAWL_ERR_RANGE when the result does not fit; `*ret_x` is then unchanged. */
PAWL_MUST_CHECK pawl_err pawl_add_size(size_t a, size_t b, size_t *ret_sum);
PAWL_MUST_CHECK pawl_err pawl_mul_size(size_t a, size_t b, size_t *ret_product);
PAWL_MUST_CHECK pawl_err pawl_add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum);

/* Decimal digits only, no sign, no spaces, no leading zeros except "0".
 * PAWL_ERR_SYNTAX for anything else, PAWL_ERR_RANGE above `max`. */
PAWL_MUST_CHECK pawl_err pawl_parse_u64(struct pawl_bytes text, uint64_t max, uint64_t *ret_value);
/* The same with an optional leading '-'. */
PAWL_MUST_CHECK pawl_err pawl_parse_i64(
    struct pawl_bytes text, int64_t min, int64_t max, int64_t *ret_value);

/* CRC-32 (IEEE 802.3, reflected, as zlib's crc32). Start with `crc` 0. */
uint32_t pawl_crc32(uint32_t crc, struct pawl_bytes bytes);

#endif
