/* SPDX-License-Identifier: MIT */
#include "json_internal.h"

#include "pawl/json.h"
#include "pawl/num.h"
#include "pawl/text.h"

#include <string.h>

/* --- characters of a string that the tokenizer accepted --- */

struct pawl_bytes pawl_json_inside(struct pawl_bytes text, const struct pawl_json_token *token)
{
	return PAWL_BYTES(text.at + token->start, token->size);
}

static uint32_t hex4(const uint8_t *at)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value =
		    value << 4 | (uint32_t)(at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
	return value;
}

/* At the byte after the backslash. */
static uint32_t escaped_character(struct pawl_bytes inside, size_t *at)
{
	const uint8_t byte = inside.at[(*at)++];

	switch (byte) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case 'u': break;
	default: return byte;
	}
	const uint32_t high = hex4(inside.at + *at);
	*at += 4;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	const uint32_t low = hex4(inside.at + *at + 2);
	*at += 6;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

uint32_t pawl_json_character(struct pawl_bytes inside, size_t *at)
{
	const uint8_t lead = inside.at[(*at)++];
	uint32_t character;
	size_t more;

	if (lead == '\\')
		return escaped_character(inside, at);
	if (lead < 0x80)
		return lead;
	more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	character = lead & (0x3fu >> more);
	while (more-- > 0)
		character = character << 6 | (inside.at[(*at)++] & 0x3fu);
	return character;
}

void pawl_json_put_character(struct pawl_buf *out, uint32_t character)
{
	uint8_t bytes[4];
	size_t size = 0;

	if (character < 0x80) {
		bytes[size++] = (uint8_t)character;
	} else if (character < 0x800) {
		bytes[size++] = (uint8_t)(0xc0 | character >> 6);
	} else if (character < 0x10000) {
		bytes[size++] = (uint8_t)(0xe0 | character >> 12);
		bytes[size++] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
	} else {
		bytes[size++] = (uint8_t)(0xf0 | character >> 18);
		bytes[size++] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
		bytes[size++] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
	}
	if (character >= 0x80)
		bytes[size++] = (uint8_t)(0x80 | (character & 0x3f));
	pawl_put_bytes(out, PAWL_BYTES(bytes, size));
}

int pawl_json_compare_strings(struct pawl_bytes text, const struct pawl_json_token *a,
    struct pawl_bytes other_text, const struct pawl_json_token *b)
{
	const struct pawl_bytes left = pawl_json_inside(text, a);
	const struct pawl_bytes right = pawl_json_inside(other_text, b);
	size_t i = 0;
	size_t k = 0;

	if (!a->escaped && !b->escaped)
		return pawl_bytes_compare(left, right);
	/* Code points sort as their UTF-8 bytes do. */
	while (i < left.size && k < right.size) {
		const uint32_t one = pawl_json_character(left, &i);
		const uint32_t other = pawl_json_character(right, &k);
		if (one != other)
			return one < other ? -1 : 1;
	}
	return (i < left.size) - (k < right.size);
}

/* --- values --- */

static const struct pawl_json_token *token_at(const struct pawl_json *json, uint32_t value)
{
	return value < json->token_count ? &json->tokens[value] : NULL;
}

pawl_json_type pawl_json_type_of(const struct pawl_json *json, uint32_t value)
{
	const struct pawl_json_token *token = token_at(json, value);

	return token == NULL ? PAWL_JSON_NULL : token->type;
}

bool pawl_json_is(const struct pawl_json *json, uint32_t value, pawl_json_type type)
{
	const struct pawl_json_token *token = token_at(json, value);

	return token != NULL && token->type == type;
}

/* PAWL_ERR_NOT_FOUND for NONE, PAWL_ERR_SYNTAX for another type. */
static pawl_err expect(const struct pawl_json *json, uint32_t value, pawl_json_type type,
    const struct pawl_json_token **ret_token)
{
	const struct pawl_json_token *token = token_at(json, value);

	if (token == NULL)
		return PAWL_ERR_NOT_FOUND;
	if (token->type != type)
		return PAWL_ERR_SYNTAX;
	*ret_token = token;
	return PAWL_ERR_OK;
}

static bool string_equals(
    const struct pawl_json *json, const struct pawl_json_token *token, struct pawl_bytes text)
{
	const struct pawl_bytes inside = pawl_json_inside(json->text, token);
	size_t i = 0;
	size_t matched = 0;

	if (!token->escaped)
		return pawl_bytes_equal(inside, text);
	while (i < inside.size) {
		uint8_t memory[4];
		struct pawl_buf one = pawl_buf_of(memory, sizeof(memory));

		pawl_json_put_character(&one, pawl_json_character(inside, &i));
		if (text.size - matched < one.size ||
		    memcmp(text.at + matched, one.at, one.size) != 0)
			return false;
		matched += one.size;
	}
	return matched == text.size;
}

static uint32_t get(const struct pawl_json *json, uint32_t object, struct pawl_bytes key)
{
	if (!pawl_json_is(json, object, PAWL_JSON_OBJECT))
		return PAWL_JSON_NONE;
	for (uint32_t it = pawl_json_first(json, object); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, object, it))
		if (string_equals(json, &json->tokens[it], key))
			return it + 1;
	return PAWL_JSON_NONE;
}

uint32_t pawl_json_get(const struct pawl_json *json, uint32_t object, const char *key)
{
	return get(json, object, pawl_bytes_of(key));
}

uint32_t pawl_json_path(const struct pawl_json *json, uint32_t object, const char *path)
{
	for (;;) {
		const char *dot = strchr(path, '.');
		const size_t size = dot == NULL ? strlen(path) : (size_t)(dot - path);

		object = get(json, object, PAWL_BYTES(path, size));
		if (dot == NULL || object == PAWL_JSON_NONE)
			return object;
		path = dot + 1;
	}
}

uint32_t pawl_json_first(const struct pawl_json *json, uint32_t container)
{
	return pawl_json_count(json, container) == 0 ? PAWL_JSON_NONE : container + 1;
}

uint32_t pawl_json_after(const struct pawl_json *json, uint32_t container, uint32_t item)
{
	if (pawl_json_count(json, container) == 0 || token_at(json, item) == NULL)
		return PAWL_JSON_NONE;
	const struct pawl_json_token *around = &json->tokens[container];
	const uint32_t value = around->type == PAWL_JSON_OBJECT ? item + 1 : item;
	if (value >= around->next)
		return PAWL_JSON_NONE;
	const uint32_t next = json->tokens[value].next;
	return next < around->next ? next : PAWL_JSON_NONE;
}

uint32_t pawl_json_count(const struct pawl_json *json, uint32_t container)
{
	const struct pawl_json_token *token = token_at(json, container);

	/* Scalars have a count of 0. */
	return token == NULL ? 0 : token->count;
}

uint32_t pawl_json_first_sorted(const struct pawl_json *json, uint32_t object)
{
	if (!pawl_json_is(json, object, PAWL_JSON_OBJECT) || json->tokens[object].count == 0)
		return PAWL_JSON_NONE;
	return json->tokens[object].sorted;
}

uint32_t pawl_json_after_sorted(const struct pawl_json *json, uint32_t key)
{
	const struct pawl_json_token *token = token_at(json, key);

	return token == NULL || token->sorted == 0 ? PAWL_JSON_NONE : token->sorted;
}

int pawl_json_compare(
    const struct pawl_json *json, uint32_t a, const struct pawl_json *other, uint32_t b)
{
	PAWL_ASSERT(pawl_json_is(json, a, PAWL_JSON_STRING));
	PAWL_ASSERT(pawl_json_is(other, b, PAWL_JSON_STRING));
	return pawl_json_compare_strings(
	    json->text, &json->tokens[a], other->text, &other->tokens[b]);
}

struct pawl_bytes pawl_json_raw(const struct pawl_json *json, uint32_t value)
{
	const struct pawl_json_token *token = token_at(json, value);

	if (token == NULL)
		return PAWL_BYTES(NULL, 0);
	if (token->type == PAWL_JSON_STRING)
		return PAWL_BYTES(json->text.at + token->start - 1, (size_t)token->size + 2);
	return PAWL_BYTES(json->text.at + token->start, token->size);
}

pawl_err pawl_json_string(const struct pawl_json *json, uint32_t value, struct pawl_buf *out)
{
	const struct pawl_json_token *token;
	struct pawl_buf trial = *out;

	PAWL_TRY(expect(json, value, PAWL_JSON_STRING, &token));
	const struct pawl_bytes inside = pawl_json_inside(json->text, token);
	if (!token->escaped)
		pawl_put_bytes(&trial, inside);
	for (size_t i = 0; token->escaped && i < inside.size;)
		pawl_json_put_character(&trial, pawl_json_character(inside, &i));
	PAWL_TRY(pawl_buf_check(&trial));
	*out = trial;
	return PAWL_ERR_OK;
}

pawl_err pawl_json_text(
    const struct pawl_json *json, uint32_t value, size_t capacity, char *ret_text)
{
	const struct pawl_json_token *token;
	size_t size = 0;

	PAWL_TRY(expect(json, value, PAWL_JSON_STRING, &token));
	const struct pawl_bytes inside = pawl_json_inside(json->text, token);
	/* Looked through first: `ret_text` is not touched on failure. */
	for (size_t i = 0; i < inside.size;) {
		const uint32_t character = pawl_json_character(inside, &i);
		if (character == 0)
			return PAWL_ERR_SYNTAX;
		size += character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	}
	if (size >= capacity)
		return PAWL_ERR_LIMIT;
	struct pawl_buf out = pawl_buf_of(ret_text, size);
	PAWL_TRY(pawl_json_string(json, value, &out));
	ret_text[size] = '\0';
	return PAWL_ERR_OK;
}

pawl_err pawl_json_plain(const struct pawl_json *json, uint32_t value, struct pawl_bytes *ret_bytes)
{
	const struct pawl_json_token *token;

	PAWL_TRY(expect(json, value, PAWL_JSON_STRING, &token));
	if (token->escaped)
		return PAWL_ERR_SYNTAX;
	*ret_bytes = pawl_json_inside(json->text, token);
	return PAWL_ERR_OK;
}

bool pawl_json_string_is(const struct pawl_json *json, uint32_t value, const char *text)
{
	const struct pawl_json_token *token;

	if (expect(json, value, PAWL_JSON_STRING, &token) != PAWL_ERR_OK)
		return false;
	return string_equals(json, token, pawl_bytes_of(text));
}

pawl_err pawl_json_int(
    const struct pawl_json *json, uint32_t value, int64_t min, int64_t max, int64_t *ret_value)
{
	const struct pawl_json_token *token;

	PAWL_TRY(expect(json, value, PAWL_JSON_NUMBER, &token));
	return pawl_parse_i64(pawl_json_inside(json->text, token), min, max, ret_value);
}

pawl_err pawl_json_bool(const struct pawl_json *json, uint32_t value, bool *ret_value)
{
	if (token_at(json, value) == NULL)
		return PAWL_ERR_NOT_FOUND;
	if (!pawl_json_is(json, value, PAWL_JSON_TRUE) &&
	    !pawl_json_is(json, value, PAWL_JSON_FALSE))
		return PAWL_ERR_SYNTAX;
	*ret_value = pawl_json_is(json, value, PAWL_JSON_TRUE);
	return PAWL_ERR_OK;
}

/* --- canonical form --- */

static void put_canonical_string(
    struct pawl_buf *out, struct pawl_bytes text, const struct pawl_json_token *token)
{
	const struct pawl_bytes inside = pawl_json_inside(text, token);

	pawl_put_u8(out, '"');
	for (size_t i = 0; i < inside.size;) {
		const uint32_t character = pawl_json_character(inside, &i);
		if (character == '"' || character == '\\')
			pawl_put_u8(out, '\\');
		pawl_json_put_character(out, character);
	}
	pawl_put_u8(out, '"');
}

static pawl_err put_canonical_number(
    struct pawl_buf *out, struct pawl_bytes text, const struct pawl_json_token *token)
{
	int64_t value;

	if (pawl_parse_i64(pawl_json_inside(text, token), INT64_MIN, INT64_MAX, &value) !=
	    PAWL_ERR_OK)
		return PAWL_ERR_SYNTAX;
	pawl_put_int(out, value);
	return PAWL_ERR_OK;
}

/* Recursion is bounded by PAWL_JSON_DEPTH_MAX: the tokenizer let nothing deeper pass. */
static pawl_err put_canonical(const struct pawl_json *json, uint32_t value, struct pawl_buf *out)
{
	const struct pawl_json_token *token = &json->tokens[value];

	switch (token->type) {
	case PAWL_JSON_NULL:
	case PAWL_JSON_FALSE:
	case PAWL_JSON_TRUE: pawl_put_bytes(out, pawl_json_raw(json, value)); break;
	case PAWL_JSON_NUMBER: return put_canonical_number(out, json->text, token);
	case PAWL_JSON_STRING: put_canonical_string(out, json->text, token); break;
	case PAWL_JSON_ARRAY:
		pawl_put_u8(out, '[');
		for (uint32_t it = pawl_json_first(json, value); it != PAWL_JSON_NONE;
		     it = pawl_json_after(json, value, it)) {
			if (it != value + 1)
				pawl_put_u8(out, ',');
			PAWL_TRY(put_canonical(json, it, out));
		}
		pawl_put_u8(out, ']');
		break;
	case PAWL_JSON_OBJECT:
		pawl_put_u8(out, '{');
		for (uint32_t key = token->sorted; key != 0; key = json->tokens[key].sorted) {
			if (key != token->sorted)
				pawl_put_u8(out, ',');
			put_canonical_string(out, json->text, &json->tokens[key]);
			pawl_put_u8(out, ':');
			PAWL_TRY(put_canonical(json, key + 1, out));
		}
		pawl_put_u8(out, '}');
		break;
	}
	return PAWL_ERR_OK;
}

pawl_err pawl_json_canonical(const struct pawl_json *json, uint32_t value, struct pawl_buf *out)
{
	if (token_at(json, value) == NULL)
		return PAWL_ERR_NOT_FOUND;
	PAWL_TRY(put_canonical(json, value, out));
	return pawl_buf_check(out);
}
