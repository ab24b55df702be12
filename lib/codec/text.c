/* SPDX-License-Identifier: MIT */
#include "pawl/text.h"

/* --- base64 --- */

void pawl_put_base64(struct pawl_buf *out, struct pawl_bytes bytes)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < bytes.size; i += 3) {
		const size_t left = bytes.size - i;
		const uint32_t group = (uint32_t)bytes.at[i] << 16 |
				       (left > 1 ? (uint32_t)bytes.at[i + 1] << 8 : 0) |
				       (left > 2 ? (uint32_t)bytes.at[i + 2] : 0);
		const char quad[4] = { alphabet[group >> 18], alphabet[group >> 12 & 63],
			left > 1 ? alphabet[group >> 6 & 63] : '=',
			left > 2 ? alphabet[group & 63] : '=' };
		pawl_put_bytes(out, PAWL_BYTES(quad, 4));
	}
}

/* 0..63, or 64 for a character outside the alphabet. */
static uint32_t base64_value(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (uint32_t)(byte - 'A');
	if (byte >= 'a' && byte <= 'z')
		return (uint32_t)(byte - 'a' + 26);
	if (byte >= '0' && byte <= '9')
		return (uint32_t)(byte - '0' + 52);
	return byte == '+' ? 62 : byte == '/' ? 63 : 64;
}

pawl_err pawl_base64_decode(struct pawl_bytes text, struct pawl_buf *out)
{
	struct pawl_buf trial = *out;

	if (text.size % 4 != 0)
		return PAWL_ERR_SYNTAX;
	for (size_t i = 0; i < text.size; i += 4) {
		const uint8_t *quad = text.at + i;
		const bool is_last = i + 4 == text.size;
		const size_t padding = !is_last || quad[3] != '=' ? 0 : quad[2] != '=' ? 1 : 2;
		uint32_t group = 0;

		for (size_t k = 0; k < 4 - padding; k++) {
			const uint32_t value = base64_value(quad[k]);
			if (value == 64)
				return PAWL_ERR_SYNTAX;
			group |= value << (18 - 6 * k);
		}
		/* Spare bits that are not zero would give one value two spellings. */
		if ((padding == 1 && (group & 0xff) != 0) ||
		    (padding == 2 && (group & 0xffff) != 0))
			return PAWL_ERR_SYNTAX;
		for (size_t k = 0; k < 3 - padding; k++)
			pawl_put_u8(&trial, (uint8_t)(group >> (16 - 8 * k)));
	}
	PAWL_TRY(pawl_buf_check(&trial));
	*out = trial;
	return PAWL_ERR_OK;
}

/* --- names --- */

static bool is_alphanumeric(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9');
}

static bool is_name(struct pawl_bytes name, size_t max, bool allow_plus)
{
	if (name.size == 0 || name.size > max || !is_alphanumeric(name.at[0]))
		return false;
	for (size_t i = 1; i < name.size; i++) {
		const uint8_t byte = name.at[i];
		if (!is_alphanumeric(byte) && byte != '.' && byte != '_' && byte != '-' &&
		    !(allow_plus && byte == '+'))
			return false;
		if (byte == '.' && name.at[i - 1] == '.')
			return false;
	}
	return true;
}

bool pawl_name_is_valid(struct pawl_bytes name, size_t max)
{
	return is_name(name, max, false);
}

bool pawl_version_is_valid(struct pawl_bytes version)
{
	return is_name(version, PAWL_VERSION_MAX, true);
}

/* --- UTF-8 --- */

size_t pawl_utf8_next(struct pawl_bytes bytes)
{
	/* The second byte alone tells overlong forms, surrogates and what is
	 * beyond U+10FFFF (Unicode, table 3-7). */
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t size;

	if (bytes.size == 0)
		return 0;
	const uint8_t lead = bytes.at[0];
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		size = 2;
	else if (lead >= 0xe0 && lead <= 0xef)
		size = 3;
	else if (lead >= 0xf0 && lead <= 0xf4)
		size = 4;
	else
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (bytes.size < size || bytes.at[1] < low || bytes.at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if (bytes.at[i] < 0x80 || bytes.at[i] > 0xbf)
			return 0;
	return size;
}

bool pawl_utf8_is_valid(struct pawl_bytes bytes)
{
	while (bytes.size > 0) {
		const size_t size = pawl_utf8_next(bytes);
		if (size == 0)
			return false;
		bytes = PAWL_BYTES(bytes.at + size, bytes.size - size);
	}
	return true;
}

/* Controls, line separators, and what turns the direction of writing round. */
static bool is_unsafe(const uint8_t *at, size_t size)
{
	if (size == 1)
		return at[0] < 0x20 || at[0] == 0x7f;
	if (size == 2) /* U+0080..U+009F, U+061C */
		return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
	if (size != 3 || at[0] != 0xe2)
		return false;
	if (at[1] == 0x80) /* U+200E, U+200F, U+2028..U+202E */
		return at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae);
	return at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9; /* U+2066..U+2069 */
}

void pawl_put_clean(struct pawl_buf *out, struct pawl_bytes text, size_t max)
{
	size_t written = 0;

	while (text.size > 0) {
		const size_t size = pawl_utf8_next(text);
		struct pawl_bytes piece = PAWL_BYTES(text.at, size);

		if (size == 0)
			piece = PAWL_BYTES_LIT("\xef\xbf\xbd");
		else if (is_unsafe(text.at, size))
			piece = PAWL_BYTES_LIT(" ");
		if (piece.size > max - written)
			return;
		pawl_put_bytes(out, piece);
		written += piece.size;
		text = PAWL_BYTES(
		    text.at + (size == 0 ? 1 : size), text.size - (size == 0 ? 1 : size));
	}
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

bool pawl_text_equal_nocase(struct pawl_bytes a, struct pawl_bytes b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (lower(a.at[i]) != lower(b.at[i]))
			return false;
	return true;
}
