/* SPDX-License-Identifier: MIT
 *
 * The tokenizer: one loop over an explicit stack of open containers. */
#include "json_internal.h"

#include "pawl/json.h"
#include "pawl/text.h"

#include <string.h>

struct parser {
	struct pawl_bytes text;
	size_t at;
	struct pawl_json_token *tokens;
	size_t capacity;
	uint32_t count;
	uint32_t open[PAWL_JSON_DEPTH_MAX]; /* token indexes                 */
	size_t depth;
	const char *what; /* why it failed                                   */
};

static pawl_err fail(struct parser *parser, pawl_err err, const char *what)
{
	parser->what = what;
	return err;
}

static pawl_err syntax(struct parser *parser, const char *what)
{
	if (parser->at >= parser->text.size)
		return fail(parser, PAWL_ERR_TRUNCATED, "the document ends too early");
	return fail(parser, PAWL_ERR_SYNTAX, what);
}

/* The byte at the cursor; 0, which no JSON grammar rule accepts, at the end. */
static uint8_t peek(const struct parser *parser)
{
	return parser->at < parser->text.size ? parser->text.at[parser->at] : 0;
}

static void skip_space(struct parser *parser)
{
	for (;;) {
		const uint8_t byte = peek(parser);
		if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r')
			return;
		parser->at++;
	}
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static pawl_err add_token(struct parser *parser, pawl_json_type type, size_t start, size_t size)
{
	if (parser->count >= parser->capacity)
		return fail(parser, PAWL_ERR_LIMIT, "too many values");
	parser->tokens[parser->count] = (struct pawl_json_token){
		.type = type,
		.start = (uint32_t)start,
		.size = (uint32_t)size,
		.next = parser->count + 1,
	};
	parser->count++;
	return PAWL_ERR_OK;
}

static pawl_err parse_literal(struct parser *parser, const char *word, pawl_json_type type)
{
	const size_t start = parser->at;

	for (; *word != '\0'; word++, parser->at++)
		if (peek(parser) != (uint8_t)*word)
			return syntax(parser, "no such word");
	return add_token(parser, type, start, parser->at - start);
}

static pawl_err skip_digits(struct parser *parser)
{
	if (!is_digit(peek(parser)))
		return syntax(parser, "a digit is missing");
	while (is_digit(peek(parser)))
		parser->at++;
	return PAWL_ERR_OK;
}

static pawl_err parse_number(struct parser *parser)
{
	const size_t start = parser->at;

	if (peek(parser) == '-')
		parser->at++;
	if (peek(parser) == '0') {
		parser->at++;
		if (is_digit(peek(parser)))
			return syntax(parser, "a number with a leading zero");
	} else {
		PAWL_TRY(skip_digits(parser));
	}
	if (peek(parser) == '.') {
		parser->at++;
		PAWL_TRY(skip_digits(parser));
	}
	if (peek(parser) == 'e' || peek(parser) == 'E') {
		parser->at++;
		if (peek(parser) == '+' || peek(parser) == '-')
			parser->at++;
		PAWL_TRY(skip_digits(parser));
	}
	return add_token(parser, PAWL_JSON_NUMBER, start, parser->at - start);
}

static pawl_err read_hex4(struct parser *parser, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++, parser->at++) {
		const uint8_t byte = peek(parser);
		if (is_digit(byte))
			value = value << 4 | (uint32_t)(byte - '0');
		else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((byte | 0x20) - 'a' + 10);
		else
			return syntax(parser, "\\u needs four hexadecimal digits");
	}
	*ret_value = value;
	return PAWL_ERR_OK;
}

/* At the byte after a backslash. */
static pawl_err skip_escape(struct parser *parser)
{
	uint32_t high;
	uint32_t low;
	const uint8_t byte = peek(parser);

	if (byte != 'u') {
		if (byte == 0 || strchr("\"\\/bfnrt", byte) == NULL)
			return syntax(parser, "no such escape");
		parser->at++;
		return PAWL_ERR_OK;
	}
	parser->at++;
	PAWL_TRY(read_hex4(parser, &high));
	if (high < 0xd800 || high > 0xdfff)
		return PAWL_ERR_OK;
	if (high > 0xdbff || peek(parser) != '\\')
		return syntax(parser, "half a surrogate pair");
	parser->at++;
	if (peek(parser) != 'u')
		return syntax(parser, "half a surrogate pair");
	parser->at++;
	PAWL_TRY(read_hex4(parser, &low));
	if (low < 0xdc00 || low > 0xdfff)
		return fail(parser, PAWL_ERR_SYNTAX, "half a surrogate pair");
	return PAWL_ERR_OK;
}

static pawl_err parse_string(struct parser *parser)
{
	bool escaped = false;

	parser->at++;
	const size_t start = parser->at;
	for (;;) {
		const uint8_t byte = peek(parser);
		if (byte == '"')
			break;
		if (byte < 0x20)
			return syntax(parser, "a control character in a string");
		if (byte == '\\') {
			escaped = true;
			parser->at++;
			PAWL_TRY(skip_escape(parser));
			continue;
		}
		const size_t size = pawl_utf8_next(
		    PAWL_BYTES(parser->text.at + parser->at, parser->text.size - parser->at));
		if (size == 0)
			return syntax(parser, "invalid UTF-8");
		parser->at += size;
	}
	PAWL_TRY(add_token(parser, PAWL_JSON_STRING, start, parser->at - start));
	parser->tokens[parser->count - 1].escaped = escaped;
	parser->at++;
	return PAWL_ERR_OK;
}

static pawl_err open_container(struct parser *parser, pawl_json_type type)
{
	if (parser->depth == PAWL_JSON_DEPTH_MAX)
		return fail(parser, PAWL_ERR_LIMIT, "nested too deep");
	parser->open[parser->depth] = parser->count;
	PAWL_TRY(add_token(parser, type, parser->at, 0));
	parser->depth++;
	parser->at++;
	return PAWL_ERR_OK;
}

/* At the closing bracket of the innermost container. */
static pawl_err close_container(struct parser *parser)
{
	const uint32_t index = parser->open[--parser->depth];
	struct pawl_json_token *token = &parser->tokens[index];

	parser->at++;
	token->size = (uint32_t)(parser->at - token->start);
	token->next = parser->count;
	if (token->type == PAWL_JSON_OBJECT) {
		const uint32_t twice = pawl_json_sort_keys(parser->text, parser->tokens, index);
		if (twice != 0) {
			parser->at = parser->tokens[twice].start;
			return fail(parser, PAWL_ERR_SYNTAX, "a member name stands twice");
		}
	}
	return PAWL_ERR_OK;
}

static pawl_err parse_key(struct parser *parser)
{
	skip_space(parser);
	if (peek(parser) != '"')
		return syntax(parser, "a member name is missing");
	PAWL_TRY(parse_string(parser));
	skip_space(parser);
	if (peek(parser) != ':')
		return syntax(parser, "a colon is missing");
	parser->at++;
	return PAWL_ERR_OK;
}

/* One value; of a container only its beginning. Sets `*ret_opened` when a
 * container was opened and a first item, not its end, follows. */
static pawl_err begin_value(struct parser *parser, bool *ret_opened)
{
	bool is_object = false;

	*ret_opened = false;
	skip_space(parser);
	switch (peek(parser)) {
	case '"': return parse_string(parser);
	case 't': return parse_literal(parser, "true", PAWL_JSON_TRUE);
	case 'f': return parse_literal(parser, "false", PAWL_JSON_FALSE);
	case 'n': return parse_literal(parser, "null", PAWL_JSON_NULL);
	case '{': is_object = true; break;
	case '[': break;
	default:
		if (peek(parser) == '-' || is_digit(peek(parser)))
			return parse_number(parser);
		return syntax(parser, "a value is missing");
	}
	PAWL_TRY(open_container(parser, is_object ? PAWL_JSON_OBJECT : PAWL_JSON_ARRAY));
	skip_space(parser);
	if (peek(parser) == (is_object ? '}' : ']'))
		return close_container(parser);
	*ret_opened = true;
	return is_object ? parse_key(parser) : PAWL_ERR_OK;
}

/* After a whole value: closes what ends here, up to the next value's begin. */
static pawl_err end_value(struct parser *parser)
{
	while (parser->depth > 0) {
		struct pawl_json_token *around = &parser->tokens[parser->open[parser->depth - 1]];
		const bool is_object = around->type == PAWL_JSON_OBJECT;

		around->count++;
		skip_space(parser);
		if (peek(parser) == ',') {
			parser->at++;
			return is_object ? parse_key(parser) : PAWL_ERR_OK;
		}
		if (peek(parser) != (is_object ? '}' : ']'))
			return syntax(parser, is_object ? "neither , nor } after a member"
							: "neither , nor ] after an element");
		PAWL_TRY(close_container(parser));
	}
	return PAWL_ERR_OK;
}

static pawl_err parse_document(struct parser *parser)
{
	bool opened;

	if (parser->text.size >= UINT32_MAX)
		return fail(parser, PAWL_ERR_LIMIT, "too long");
	do {
		PAWL_TRY(begin_value(parser, &opened));
		if (!opened)
			PAWL_TRY(end_value(parser));
	} while (parser->depth > 0);
	skip_space(parser);
	if (parser->at != parser->text.size)
		return fail(parser, PAWL_ERR_SYNTAX, "something follows the document");
	return PAWL_ERR_OK;
}

pawl_err pawl_json_parse(struct pawl_bytes text, struct pawl_json_token *tokens,
    size_t token_capacity, struct pawl_json *ret_json, struct pawl_note *reterr_note)
{
	struct parser parser = { .text = text, .tokens = tokens, .capacity = token_capacity };
	const pawl_err err = parse_document(&parser);

	if (err != PAWL_ERR_OK) {
		pawl_note_add(reterr_note, "JSON, byte ");
		pawl_note_add_int(reterr_note, (long long)parser.at);
		pawl_note_add(reterr_note, ": ");
		pawl_note_add(reterr_note, parser.what);
		return err;
	}
	*ret_json = (struct pawl_json){ text, tokens, parser.count };
	return PAWL_ERR_OK;
}

size_t pawl_json_token_bound(struct pawl_bytes text)
{
	/* Each value but the first stands after one of these. */
	size_t bound = 1;

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t byte = text.at[i];
		bound += byte == ',' || byte == ':' || byte == '[' || byte == '{';
	}
	return bound;
}

pawl_err pawl_json_parse_in(struct pawl_arena *arena, struct pawl_bytes text,
    struct pawl_json *ret_json, struct pawl_note *reterr_note)
{
	const size_t bound = pawl_json_token_bound(text);
	struct pawl_json_token *tokens = pawl_arena_take(arena, bound, sizeof(*tokens));

	if (tokens == NULL) {
		pawl_note_add(reterr_note, "the document needs more memory than there is");
		return PAWL_ERR_NO_MEMORY;
	}
	return pawl_json_parse(text, tokens, bound, ret_json, reterr_note);
}
