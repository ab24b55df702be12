/* SPDX-License-Identifier: MIT
 *
 * pawl/bytes.h - slices, a reading cursor and a bounded writer.
 *
 * Pure and freestanding; no heap. Slices borrow: they never own what they
 * point to. All multi-byte integers are written and read with their byte
 * order in the name.
 */
#ifndef PAWL_BYTES_H
#define PAWL_BYTES_H

#include "pawl/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `size` bytes at `at`; `at` may be NULL only when `size` is 0. */
struct pawl_bytes {
	const uint8_t *at;
	size_t size;
};

#define PAWL_BYTES(pointer, length)                                                                \
	((struct pawl_bytes){ .at = (const uint8_t *)(pointer), .size = (length) })
/* A string literal or array without its terminating NUL. */
#define PAWL_BYTES_LIT(literal) PAWL_BYTES("" literal "", sizeof(literal) - 1)

/* The bytes of a NUL-terminated string, without the NUL. */
struct pawl_bytes pawl_bytes_of(const char *text);
bool pawl_bytes_equal(struct pawl_bytes a, struct pawl_bytes b);
/* Compares with a NUL-terminated string. */
bool pawl_bytes_is(struct pawl_bytes a, const char *text);
bool pawl_bytes_starts_with(struct pawl_bytes a, const char *prefix);
/* <0, 0, >0 as memcmp; a prefix sorts first. */
int pawl_bytes_compare(struct pawl_bytes a, struct pawl_bytes b);
/* Takes the same time whatever the content; for secrets and tags. */
bool pawl_bytes_equal_secret(const uint8_t *a, const uint8_t *b, size_t size);
/* Zeroes memory in a way the compiler may not drop. */
void pawl_bytes_wipe(void *at, size_t size);
/* Copies into a C string of `capacity` bytes. PAWL_ERR_LIMIT when it does not
 * fit with its NUL, PAWL_ERR_SYNTAX when it contains a NUL. */
PAWL_MUST_CHECK pawl_err pawl_bytes_to_text(
    struct pawl_bytes bytes, size_t capacity, char *ret_text);

/* --- reading --- */

struct pawl_cursor {
	const uint8_t *at;
	const uint8_t *end;
};

struct pawl_cursor pawl_cursor_of(struct pawl_bytes bytes);
size_t pawl_cursor_left(const struct pawl_cursor *cursor);
/* Each returns PAWL_ERR_TRUNCATED, with nothing consumed, when too little is left. */
PAWL_MUST_CHECK pawl_err pawl_read_u8(struct pawl_cursor *cursor, uint8_t *ret_value);
PAWL_MUST_CHECK pawl_err pawl_read_u16_le(struct pawl_cursor *cursor, uint16_t *ret_value);
PAWL_MUST_CHECK pawl_err pawl_read_u32_le(struct pawl_cursor *cursor, uint32_t *ret_value);
PAWL_MUST_CHECK pawl_err pawl_read_u64_le(struct pawl_cursor *cursor, uint64_t *ret_value);
PAWL_MUST_CHECK pawl_err pawl_read_bytes(
    struct pawl_cursor *cursor, size_t size, struct pawl_bytes *ret_bytes);

/* --- writing --- */

/* A bounded writer into the caller's memory. After the first write that does
 * not fit, `overflow` is set and nothing more is written, so that a sequence
 * of writes may be checked once at its end. */
struct pawl_buf {
	uint8_t *at;
	size_t size;     /* bytes written                                        */
	size_t capacity; /* bytes available at `at`                              */
	bool overflow;
};

struct pawl_buf pawl_buf_of(void *memory, size_t capacity);
struct pawl_bytes pawl_buf_bytes(const struct pawl_buf *buf);
/* PAWL_ERR_LIMIT if anything did not fit. */
PAWL_MUST_CHECK pawl_err pawl_buf_check(const struct pawl_buf *buf);
void pawl_put_bytes(struct pawl_buf *buf, struct pawl_bytes bytes);
void pawl_put_text(struct pawl_buf *buf, const char *text);
void pawl_put_u8(struct pawl_buf *buf, uint8_t value);
void pawl_put_u16_le(struct pawl_buf *buf, uint16_t value);
void pawl_put_u32_le(struct pawl_buf *buf, uint32_t value);
void pawl_put_u64_le(struct pawl_buf *buf, uint64_t value);
/* Decimal, without leading zeros. */
void pawl_put_int(struct pawl_buf *buf, int64_t value);
/* Lower-case hexadecimal, two digits a byte. */
void pawl_put_hex(struct pawl_buf *buf, struct pawl_bytes bytes);

/* Decodes exactly `2 * size` hexadecimal digits (either case).
 * PAWL_ERR_SYNTAX for another length or a foreign character. */
PAWL_MUST_CHECK pawl_err pawl_hex_decode(struct pawl_bytes text, size_t size, uint8_t *ret_bytes);

#endif
