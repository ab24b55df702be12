/* SPDX-License-Identifier: MIT */
#include "pawl/bytes.h"

#include <string.h>

struct pawl_bytes pawl_bytes_of(const char *text)
{
	return PAWL_BYTES(text, strlen(text));
}

bool pawl_bytes_equal(struct pawl_bytes a, struct pawl_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

bool pawl_bytes_is(struct pawl_bytes a, const char *text)
{
	return pawl_bytes_equal(a, pawl_bytes_of(text));
}

bool pawl_bytes_starts_with(struct pawl_bytes a, const char *prefix)
{
	const size_t size = strlen(prefix);

	return a.size >= size && (size == 0 || memcmp(a.at, prefix, size) == 0);
}

int pawl_bytes_compare(struct pawl_bytes a, struct pawl_bytes b)
{
	const size_t common = a.size < b.size ? a.size : b.size;
	const int order = common == 0 ? 0 : memcmp(a.at, b.at, common);

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

bool pawl_bytes_equal_secret(const uint8_t *a, const uint8_t *b, size_t size)
{
	volatile uint8_t difference = 0;

	for (size_t i = 0; i < size; i++)
		difference = (uint8_t)(difference | (a[i] ^ b[i]));
	return difference == 0;
}

void pawl_bytes_wipe(void *at, size_t size)
{
	volatile uint8_t *byte = at;

	while (size-- > 0)
		*byte++ = 0;
}

pawl_err pawl_bytes_to_text(struct pawl_bytes bytes, size_t capacity, char *ret_text)
{
	if (bytes.size >= capacity)
		return PAWL_ERR_LIMIT;
	if (bytes.size > 0 && memchr(bytes.at, 0, bytes.size) != NULL)
		return PAWL_ERR_SYNTAX;
	if (bytes.size > 0)
		memcpy(ret_text, bytes.at, bytes.size);
	ret_text[bytes.size] = '\0';
	return PAWL_ERR_OK;
}

/* --- reading --- */

struct pawl_cursor pawl_cursor_of(struct pawl_bytes bytes)
{
	return (struct pawl_cursor){ bytes.at, bytes.size == 0 ? bytes.at : bytes.at + bytes.size };
}

size_t pawl_cursor_left(const struct pawl_cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

pawl_err pawl_read_bytes(struct pawl_cursor *cursor, size_t size, struct pawl_bytes *ret_bytes)
{
	if (pawl_cursor_left(cursor) < size)
		return PAWL_ERR_TRUNCATED;
	*ret_bytes = PAWL_BYTES(cursor->at, size);
	cursor->at += size;
	return PAWL_ERR_OK;
}

static pawl_err read_le(struct pawl_cursor *cursor, size_t size, uint64_t *ret_value)
{
	struct pawl_bytes bytes;
	uint64_t value = 0;

	PAWL_TRY(pawl_read_bytes(cursor, size, &bytes));
	for (size_t i = size; i-- > 0;)
		value = value << 8 | bytes.at[i];
	*ret_value = value;
	return PAWL_ERR_OK;
}

pawl_err pawl_read_u8(struct pawl_cursor *cursor, uint8_t *ret_value)
{
	uint64_t value = 0;

	PAWL_TRY(read_le(cursor, 1, &value));
	*ret_value = (uint8_t)value;
	return PAWL_ERR_OK;
}

pawl_err pawl_read_u16_le(struct pawl_cursor *cursor, uint16_t *ret_value)
{
	uint64_t value = 0;

	PAWL_TRY(read_le(cursor, 2, &value));
	*ret_value = (uint16_t)value;
	return PAWL_ERR_OK;
}

pawl_err pawl_read_u32_le(struct pawl_cursor *cursor, uint32_t *ret_value)
{
	uint64_t value = 0;

	PAWL_TRY(read_le(cursor, 4, &value));
	*ret_value = (uint32_t)value;
	return PAWL_ERR_OK;
}

pawl_err pawl_read_u64_le(struct pawl_cursor *cursor, uint64_t *ret_value)
{
	return read_le(cursor, 8, ret_value);
}

/* --- writing --- */

struct pawl_buf pawl_buf_of(void *memory, size_t capacity)
{
	return (struct pawl_buf){ .at = memory, .capacity = capacity };
}

struct pawl_bytes pawl_buf_bytes(const struct pawl_buf *buf)
{
	return PAWL_BYTES(buf->at, buf->size);
}

pawl_err pawl_buf_check(const struct pawl_buf *buf)
{
	return buf->overflow ? PAWL_ERR_LIMIT : PAWL_ERR_OK;
}

void pawl_put_bytes(struct pawl_buf *buf, struct pawl_bytes bytes)
{
	if (buf->overflow || bytes.size == 0)
		return;
	if (buf->capacity - buf->size < bytes.size) {
		buf->overflow = true;
		return;
	}
	memcpy(buf->at + buf->size, bytes.at, bytes.size);
	buf->size += bytes.size;
}

void pawl_put_text(struct pawl_buf *buf, const char *text)
{
	pawl_put_bytes(buf, pawl_bytes_of(text));
}

static void put_le(struct pawl_buf *buf, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++, value >>= 8)
		bytes[i] = (uint8_t)value;
	pawl_put_bytes(buf, PAWL_BYTES(bytes, size));
}

/* Not through put_le: writers put single characters in their inner loops. */
void pawl_put_u8(struct pawl_buf *buf, uint8_t value)
{
	if (buf->overflow || buf->size == buf->capacity) {
		buf->overflow = true;
		return;
	}
	buf->at[buf->size++] = value;
}

void pawl_put_u16_le(struct pawl_buf *buf, uint16_t value)
{
	put_le(buf, value, 2);
}

void pawl_put_u32_le(struct pawl_buf *buf, uint32_t value)
{
	put_le(buf, value, 4);
}

void pawl_put_u64_le(struct pawl_buf *buf, uint64_t value)
{
	put_le(buf, value, 8);
}

void pawl_put_int(struct pawl_buf *buf, int64_t value)
{
	uint8_t digits[20];
	size_t at = sizeof(digits);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (uint8_t)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		pawl_put_u8(buf, '-');
	pawl_put_bytes(buf, PAWL_BYTES(digits + at, sizeof(digits) - at));
}

void pawl_put_hex(struct pawl_buf *buf, struct pawl_bytes bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.size; i++) {
		const uint8_t pair[2] = { (uint8_t)digits[bytes.at[i] >> 4],
			(uint8_t)digits[bytes.at[i] & 15] };
		pawl_put_bytes(buf, PAWL_BYTES(pair, 2));
	}
}

static int hex_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

pawl_err pawl_hex_decode(struct pawl_bytes text, size_t size, uint8_t *ret_bytes)
{
	if (text.size / 2 != size || text.size % 2 != 0)
		return PAWL_ERR_SYNTAX;
	for (size_t i = 0; i < text.size; i++)
		if (hex_value(text.at[i]) < 0)
			return PAWL_ERR_SYNTAX;
	for (size_t i = 0; i < size; i++)
		ret_bytes[i] =
		    (uint8_t)(hex_value(text.at[2 * i]) * 16 + hex_value(text.at[2 * i + 1]));
	return PAWL_ERR_OK;
}
