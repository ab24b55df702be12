/* SPDX-License-Identifier: MIT */
#include "pawl/url.h"

#include "pawl/num.h"
#include "pawl/text.h"

#include <string.h>

static bool is_alphanumeric(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9');
}

void pawl_put_percent(struct pawl_buf *out, struct pawl_bytes bytes)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < bytes.size; i++) {
		const uint8_t byte = bytes.at[i];
		if (is_alphanumeric(byte) || (byte != 0 && strchr("-._~", byte) != NULL)) {
			pawl_put_u8(out, byte);
			continue;
		}
		const char escape[3] = { '%', digits[byte >> 4], digits[byte & 15] };
		pawl_put_bytes(out, PAWL_BYTES(escape, sizeof(escape)));
	}
}

/* How many bytes from `i` on mean themselves. */
static size_t plain_run(struct pawl_bytes text, size_t i, bool plus_is_space)
{
	size_t end = i;

	while (end < text.size && text.at[end] != '%' && !(plus_is_space && text.at[end] == '+'))
		end++;
	return end - i;
}

static pawl_err decode(struct pawl_bytes text, bool plus_is_space, struct pawl_buf *out)
{
	struct pawl_buf trial = *out;

	for (size_t i = 0; i < text.size; i++) {
		const size_t run = plain_run(text, i, plus_is_space);
		pawl_put_bytes(&trial, PAWL_BYTES(text.at + i, run));
		i += run;
		if (i == text.size)
			break;
		uint8_t byte = text.at[i];
		if (byte == '%') {
			if (text.size - i < 3)
				return PAWL_ERR_SYNTAX;
			PAWL_TRY(pawl_hex_decode(PAWL_BYTES(text.at + i + 1, 2), 1, &byte));
			i += 2;
		} else if (byte == '+' && plus_is_space) {
			byte = ' ';
		}
		pawl_put_u8(&trial, byte);
	}
	PAWL_TRY(pawl_buf_check(&trial));
	*out = trial;
	return PAWL_ERR_OK;
}

pawl_err pawl_percent_decode(struct pawl_bytes text, struct pawl_buf *out)
{
	return decode(text, false, out);
}

/* --- request targets --- */

/* The piece of `*rest` up to `separator`, which is dropped; all of it when
 * there is none. False when nothing was left at all. */
static bool take_piece(struct pawl_bytes *rest, uint8_t separator, struct pawl_bytes *ret_piece)
{
	if (rest->at == NULL)
		return false;
	const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->at, separator, rest->size);
	if (end == NULL) {
		*ret_piece = *rest;
		*rest = PAWL_BYTES(NULL, 0);
		return true;
	}
	const size_t size = (size_t)(end - rest->at);
	*ret_piece = PAWL_BYTES(rest->at, size);
	*rest = PAWL_BYTES(end + 1, rest->size - size - 1);
	return true;
}

static bool is_clean(struct pawl_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.at[i] < 0x20 || text.at[i] == 0x7f)
			return false;
	return pawl_utf8_is_valid(text);
}

static pawl_err decode_clean(struct pawl_bytes text, bool plus_is_space, struct pawl_buf *scratch,
    struct pawl_bytes *ret_decoded)
{
	const size_t start = scratch->size;

	PAWL_TRY(decode(text, plus_is_space, scratch));
	const struct pawl_bytes decoded = PAWL_BYTES(scratch->at + start, scratch->size - start);
	if (!is_clean(decoded))
		return PAWL_ERR_SYNTAX;
	*ret_decoded = decoded;
	return PAWL_ERR_OK;
}

static pawl_err split_path(
    pawl_url_slash slash, struct pawl_buf *scratch, struct pawl_target *target)
{
	struct pawl_bytes rest = PAWL_BYTES(target->path.at + 1, target->path.size - 1);
	struct pawl_bytes piece;

	while (take_piece(&rest, '/', &piece)) {
		struct pawl_bytes segment;
		if (piece.size == 0) {
			/* Empty only behind the last slash. */
			if (rest.at != NULL)
				return PAWL_ERR_SYNTAX;
			target->ends_in_slash = true;
			break;
		}
		PAWL_TRY(decode_clean(piece, false, scratch, &segment));
		if (pawl_bytes_is(segment, ".") || pawl_bytes_is(segment, ".."))
			return PAWL_ERR_SYNTAX;
		if (slash == PAWL_URL_SLASH_REFUSE &&
		    (memchr(segment.at, '/', segment.size) != NULL ||
			memchr(segment.at, '\\', segment.size) != NULL))
			return PAWL_ERR_SYNTAX;
		if (target->segment_count == PAWL_URL_SEGMENTS_MAX)
			return PAWL_ERR_LIMIT;
		target->segments[target->segment_count++] = segment;
	}
	return PAWL_ERR_OK;
}

static pawl_err split_query(struct pawl_buf *scratch, struct pawl_target *target)
{
	struct pawl_bytes rest = target->query;
	struct pawl_bytes piece;

	while (take_piece(&rest, '&', &piece)) {
		struct pawl_bytes key;
		struct pawl_url_pair pair = { .value = PAWL_BYTES_LIT("") };
		if (piece.size == 0)
			continue;
		(void)take_piece(&piece, '=', &key); /* never fails: not empty */
		PAWL_TRY(decode_clean(key, true, scratch, &pair.key));
		if (piece.at != NULL)
			PAWL_TRY(decode_clean(piece, true, scratch, &pair.value));
		if (target->pair_count == PAWL_URL_PAIRS_MAX)
			return PAWL_ERR_LIMIT;
		target->pairs[target->pair_count++] = pair;
	}
	return PAWL_ERR_OK;
}

/* Visible ASCII without '#', which begins a fragment and is never sent. */
static bool is_target_text(struct pawl_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.at[i] <= 0x20 || text.at[i] >= 0x7f || text.at[i] == '#')
			return false;
	return true;
}

pawl_err pawl_target_split(struct pawl_bytes target, pawl_url_slash slash, struct pawl_buf *scratch,
    struct pawl_target *ret_target)
{
	struct pawl_target split = { .query = PAWL_BYTES(NULL, 0) };
	struct pawl_bytes rest = target;

	if (target.size > PAWL_URL_SIZE_MAX)
		return PAWL_ERR_LIMIT;
	if (target.size == 0 || target.at[0] != '/' || !is_target_text(target))
		return PAWL_ERR_SYNTAX;
	(void)take_piece(&rest, '?', &split.path); /* never fails: not empty */
	split.query = rest;
	PAWL_TRY(split_path(slash, scratch, &split));
	PAWL_TRY(split_query(scratch, &split));
	*ret_target = split;
	return PAWL_ERR_OK;
}

bool pawl_target_segment_is(const struct pawl_target *target, size_t index, const char *text)
{
	return index < target->segment_count && pawl_bytes_is(target->segments[index], text);
}

struct pawl_bytes pawl_target_query(const struct pawl_target *target, const char *key)
{
	for (size_t i = 0; i < target->pair_count; i++)
		if (pawl_bytes_is(target->pairs[i].key, key))
			return target->pairs[i].value;
	return PAWL_BYTES(NULL, 0);
}

/* --- absolute URLs --- */

static bool starts_with_nocase(struct pawl_bytes text, const char *prefix)
{
	const size_t size = strlen(prefix);

	return text.size >= size &&
	       pawl_text_equal_nocase(PAWL_BYTES(text.at, size), pawl_bytes_of(prefix));
}

/* The host at the beginning of an authority; its length, 0 when it is none. */
static size_t host_size(struct pawl_bytes authority)
{
	const bool is_ipv6 = authority.size > 0 && authority.at[0] == '[';
	size_t i = is_ipv6;

	for (; i < authority.size; i++) {
		const uint8_t byte = authority.at[i];
		if (is_ipv6 ? byte != ':' && byte != '.' &&
				  !((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f') &&
				  !(byte >= '0' && byte <= '9')
			    : !is_alphanumeric(byte) && byte != '-' && byte != '.' && byte != '_')
			break;
	}
	if (!is_ipv6)
		return i;
	return i > 2 && i < authority.size && authority.at[i] == ']' ? i + 1 : 0;
}

pawl_err pawl_url_parse(struct pawl_bytes text, struct pawl_url *ret_url)
{
	struct pawl_url url = { .tls = starts_with_nocase(text, "https://") };
	const size_t scheme_size = url.tls ? 8 : 7;
	uint64_t port = url.tls ? 443 : 80;

	if (text.size > PAWL_URL_SIZE_MAX)
		return PAWL_ERR_LIMIT;
	if ((!url.tls && !starts_with_nocase(text, "http://")) || !is_target_text(text))
		return PAWL_ERR_SYNTAX;
	const struct pawl_bytes rest = PAWL_BYTES(text.at + scheme_size, text.size - scheme_size);
	size_t end = 0;
	while (end < rest.size && rest.at[end] != '/' && rest.at[end] != '?')
		end++;

	const struct pawl_bytes authority = PAWL_BYTES(rest.at, end);
	url.target = PAWL_BYTES(rest.at + end, rest.size - end);
	if (url.target.size == 0)
		url.target = PAWL_BYTES_LIT("/");
	else if (url.target.at[0] != '/')
		return PAWL_ERR_SYNTAX;
	url.host = PAWL_BYTES(authority.at, host_size(authority));
	if (url.host.size == 0)
		return PAWL_ERR_SYNTAX;
	if (url.host.size < authority.size) {
		const size_t at = url.host.size + 1;
		if (authority.at[url.host.size] != ':' ||
		    pawl_parse_u64(PAWL_BYTES(authority.at + at, authority.size - at), UINT16_MAX,
			&port) != PAWL_ERR_OK ||
		    port == 0)
			return PAWL_ERR_SYNTAX;
	}
	url.port = (uint16_t)port;
	*ret_url = url;
	return PAWL_ERR_OK;
}

bool pawl_url_same_origin(const struct pawl_url *a, const struct pawl_url *b)
{
	return a->tls == b->tls && a->port == b->port && pawl_text_equal_nocase(a->host, b->host);
}
