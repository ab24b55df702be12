/* SPDX-License-Identifier: MIT
 *
 * jansson is the judge of what is JSON. Where the two differ on purpose is
 * written in `differs_on_purpose`. */
#include "cmocka_setup.h"

#include "pawl/json.h"
#include "pawl/prng.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 4096 };

static struct pawl_json_token tokens[TOKENS];

static struct pawl_json parsed(const char *text)
{
	struct pawl_json json;
	struct pawl_note note = { "" };

	if (pawl_json_parse(pawl_bytes_of(text), tokens, TOKENS, &json, &note) != PAWL_ERR_OK)
		fail_msg("%s: %s", text, note.text);
	return json;
}

static pawl_err verdict(const char *text)
{
	struct pawl_json json;

	return pawl_json_parse(pawl_bytes_of(text), tokens, TOKENS, &json, NULL);
}

static void values_are_read_by_path(void **state)
{
	(void)state;
	const struct pawl_json json =
	    parsed(" {\"a\" : {\"b.c\":1, "
		   "\"b\":{\"c\":[true,false,null,-12,\"x\\u00e9\\ud83d\\ude00\"]}},\"e\":{}}\n");
	const uint32_t list = pawl_json_path(&json, 0, "a.b.c");
	int64_t number = 0;
	bool flag = false;
	char text[16];
	uint32_t it = pawl_json_first(&json, list);

	assert_int_equal(pawl_json_count(&json, list), 5);
	assert_int_equal(pawl_json_bool(&json, it, &flag), PAWL_ERR_OK);
	assert_true(flag);
	it = pawl_json_after(&json, list, it);
	it = pawl_json_after(&json, list, it);
	assert_true(pawl_json_is(&json, it, PAWL_JSON_NULL));
	it = pawl_json_after(&json, list, it);
	assert_int_equal(pawl_json_int(&json, it, -12, 0, &number), PAWL_ERR_OK);
	assert_int_equal(number, -12);
	assert_int_equal(pawl_json_int(&json, it, 0, 5, &number), PAWL_ERR_RANGE);
	it = pawl_json_after(&json, list, it);
	assert_int_equal(pawl_json_text(&json, it, sizeof(text), text), PAWL_ERR_OK);
	assert_string_equal(text, "x\xc3\xa9\xf0\x9f\x98\x80");
	assert_true(pawl_json_string_is(&json, it, text));
	assert_int_equal(pawl_json_text(&json, it, 7, text), PAWL_ERR_LIMIT);
	assert_int_equal(pawl_json_text(&json, it, 8, text), PAWL_ERR_OK);
	struct pawl_bytes plain;
	assert_int_equal(pawl_json_plain(&json, it, &plain), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_json_after(&json, list, it), PAWL_JSON_NONE);
	assert_int_equal(pawl_json_first(&json, pawl_json_get(&json, 0, "e")), PAWL_JSON_NONE);
	assert_true(pawl_bytes_is(pawl_json_raw(&json, it), "\"x\\u00e9\\ud83d\\ude00\""));
}

static void nothing_is_answered_like_a_wrong_type(void **state)
{
	const struct pawl_json json = parsed("{\"a\":\"b\\u0000\"}");
	int64_t number;
	bool flag;
	char text[8];
	uint8_t memory[8];
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));

	(void)state;
	const uint32_t none = pawl_json_get(&json, 0, "z");
	assert_int_equal(none, PAWL_JSON_NONE);
	assert_int_equal(pawl_json_path(&json, none, "a.b"), PAWL_JSON_NONE);
	assert_int_equal(pawl_json_int(&json, none, 0, 1, &number), PAWL_ERR_NOT_FOUND);
	assert_int_equal(pawl_json_bool(&json, none, &flag), PAWL_ERR_NOT_FOUND);
	assert_int_equal(pawl_json_bool(&json, 0, &flag), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_json_text(&json, 2, sizeof(text), text), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_json_string(&json, 2, &out), PAWL_ERR_OK);
	assert_int_equal(out.size, 2);
	assert_int_equal(pawl_json_first(&json, none), PAWL_JSON_NONE);
	assert_false(pawl_json_is(&json, none, PAWL_JSON_NULL));
	assert_int_equal(pawl_json_raw(&json, none).size, 0);
}

static void refusals_have_their_kind(void **state)
{
	static const struct {
		const char *text;
		pawl_err err;
	} cases[] = {
		{ "", PAWL_ERR_TRUNCATED },
		{ "[1,", PAWL_ERR_TRUNCATED },
		{ "{\"a\"", PAWL_ERR_TRUNCATED },
		{ "\"a", PAWL_ERR_TRUNCATED },
		{ "tru", PAWL_ERR_TRUNCATED },
		{ "-", PAWL_ERR_TRUNCATED },
		{ "1.", PAWL_ERR_TRUNCATED },
		{ "[1,]", PAWL_ERR_SYNTAX },
		{ "{\"a\":1,}", PAWL_ERR_SYNTAX },
		{ "01", PAWL_ERR_SYNTAX },
		{ "+1", PAWL_ERR_SYNTAX },
		{ "NaN", PAWL_ERR_SYNTAX },
		{ "1 2", PAWL_ERR_SYNTAX },
		{ "'a'", PAWL_ERR_SYNTAX },
		{ "\"\x01\"", PAWL_ERR_SYNTAX },
		{ "\"\xc0\x80\"", PAWL_ERR_SYNTAX },
		{ "\"\xed\xa0\x80\"", PAWL_ERR_SYNTAX },
		{ "\"\xf4\x90\x80\x80\"", PAWL_ERR_SYNTAX },
		{ "\"\\ud800\"", PAWL_ERR_SYNTAX },
		{ "\"\\ud800\\u0041\"", PAWL_ERR_SYNTAX },
		{ "\"\\udc00x\"", PAWL_ERR_SYNTAX },
		{ "\"\\udc00\\udc00\"", PAWL_ERR_SYNTAX },
		{ "\"\\x\"", PAWL_ERR_SYNTAX },
		{ "\xef\xbb\xbf{}", PAWL_ERR_SYNTAX },
		{ "{\"a\":1,\"b\":2,\"a\":3}", PAWL_ERR_SYNTAX },
		{ "{\"a\":1,\"\\u0061\":3}", PAWL_ERR_SYNTAX },
		{ "{\"\":1,\"\":3}", PAWL_ERR_SYNTAX },
		{ "{\"\xc3\xa9\":1,\"\\u00E9\":3}", PAWL_ERR_SYNTAX },
		{ "[{\"a\":{\"b\":1,\"b\":1}}]", PAWL_ERR_SYNTAX },
		{ "[{\"a\":{\"b\":1},\"b\":1}]", PAWL_ERR_OK },
		{ "/**/1", PAWL_ERR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (verdict(cases[i].text) != cases[i].err)
			fail_msg("%s: %s", cases[i].text, pawl_err_name(verdict(cases[i].text)));

	struct pawl_note note = { "" };
	struct pawl_json json;
	assert_int_equal(pawl_json_parse(PAWL_BYTES_LIT("[1, x]"), tokens, TOKENS, &json, &note),
	    PAWL_ERR_SYNTAX);
	assert_string_equal(note.text, "JSON, byte 4: a value is missing");
}

static void depth_and_tokens_are_bounded(void **state)
{
	char text[2 * PAWL_JSON_DEPTH_MAX + 3] = { 0 };

	(void)state;
	memset(text, '[', PAWL_JSON_DEPTH_MAX);
	memset(text + PAWL_JSON_DEPTH_MAX, ']', PAWL_JSON_DEPTH_MAX);
	assert_int_equal(verdict(text), PAWL_ERR_OK);
	memset(text, '[', PAWL_JSON_DEPTH_MAX + 1);
	memset(text + PAWL_JSON_DEPTH_MAX + 1, ']', PAWL_JSON_DEPTH_MAX + 1);
	assert_int_equal(verdict(text), PAWL_ERR_LIMIT);

	struct pawl_json json;
	const struct pawl_bytes four = PAWL_BYTES_LIT("[1,2,3]");
	assert_int_equal(pawl_json_parse(four, tokens, 4, &json, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_json_parse(four, tokens, 3, &json, NULL), PAWL_ERR_LIMIT);
	assert_int_equal(pawl_json_parse(four, tokens, 0, &json, NULL), PAWL_ERR_LIMIT);
	assert_int_equal(pawl_json_token_bound(four), 4);
}

static void arena_parse_takes_what_it_needs(void **state)
{
	_Alignas(16) uint8_t memory[256];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_json json;

	(void)state;
	assert_int_equal(
	    pawl_json_parse_in(&arena, PAWL_BYTES_LIT("{\"a\":[1]}"), &json, NULL), PAWL_ERR_OK);
	assert_int_equal(json.token_count, 4);
	assert_int_equal(
	    pawl_json_parse_in(&arena, PAWL_BYTES_LIT("[1,2,3,4,5,6,7,8,9]"), &json, NULL),
	    PAWL_ERR_NO_MEMORY);
}

/* A million members, in falling order and then with one of them twice. */
static void a_million_members_are_sorted_in_place(void **state)
{
	enum { MEMBERS = 1000000, LINE = 12 };
	char *text = malloc((size_t)MEMBERS * LINE + 32);
	struct pawl_json_token *many = calloc(2 * MEMBERS + 3, sizeof(*many));
	struct pawl_json json;
	size_t size = 0;

	(void)state;
	assert_non_null(text);
	assert_non_null(many);
	text[size++] = '{';
	for (int i = MEMBERS; i > 0; i--)
		size +=
		    (size_t)snprintf(text + size, LINE + 1, "\"%07d\":0%c", i, i == 1 ? '}' : ',');
	assert_int_equal(
	    pawl_json_parse(PAWL_BYTES(text, size), many, 2 * MEMBERS + 3, &json, NULL),
	    PAWL_ERR_OK);
	assert_int_equal(pawl_json_count(&json, 0), MEMBERS);
	uint32_t key = many[0].sorted;
	for (int i = 1; i <= MEMBERS; i++, key = many[key].sorted)
		assert_int_equal(key, 1 + 2 * (MEMBERS - i));
	assert_int_equal(key, 0);

	size += (size_t)snprintf(text + size - 1, 32, ",\"0500000\":1}") - 1;
	assert_int_equal(
	    pawl_json_parse(PAWL_BYTES(text, size), many, 2 * MEMBERS + 3, &json, NULL),
	    PAWL_ERR_SYNTAX);
	free(many);
	free(text);
}

/* Keys in order whatever their place and spelling, and held against another
 * document. */
static void keys_are_walked_in_order(void **state)
{
	static const char *const order[] = { "", "A", "a", "ab", "b", "\xc3\xa4" };
	static const char text[] =
	    "{\"b\":{\"x\":1},\"\\u00e4\":1,\"\":[1],\"ab\":1,\"A\":1,\"\\u0061\":1}";
	struct pawl_json_token memory[32];
	struct pawl_json_token second[32];
	struct pawl_json json;
	struct pawl_json other;
	size_t seen = 0;

	(void)state;
	assert_int_equal(pawl_json_parse(pawl_bytes_of(text), memory, 32, &json, NULL), 0);
	assert_int_equal(
	    pawl_json_parse(PAWL_BYTES_LIT("[\"ab\",{},1]"), second, 32, &other, NULL), 0);
	for (uint32_t key = pawl_json_first_sorted(&json, 0); key != PAWL_JSON_NONE;
	     key = pawl_json_after_sorted(&json, key), seen++) {
		assert_true(seen < sizeof(order) / sizeof(order[0]));
		assert_true(pawl_json_string_is(&json, key, order[seen]));
		const int wanted = (seen > 3) - (seen < 3);
		const int found = pawl_json_compare(&json, key, &other, 1);
		assert_int_equal((found > 0) - (found < 0), wanted);
	}
	assert_int_equal(seen, sizeof(order) / sizeof(order[0]));
	assert_int_equal(pawl_json_first_sorted(&other, 0), PAWL_JSON_NONE);
	assert_int_equal(pawl_json_first_sorted(&other, 2), PAWL_JSON_NONE);
	assert_int_equal(pawl_json_first_sorted(&other, PAWL_JSON_NONE), PAWL_JSON_NONE);
	assert_int_equal(pawl_json_after_sorted(&other, PAWL_JSON_NONE), PAWL_JSON_NONE);
}

static void canonical_form_sorts_and_escapes_little(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
	} cases[] = {
		{ "{}", "{}" },
		{ " [ ] ", "[]" },
		{ "{\"b\":1,\"a\":[true , null],\"\":-0}", "{\"\":0,\"a\":[true,null],\"b\":1}" },
		{ "\"a\\n\\/\\\\\\\"\\u00e9\"", "\"a\n/\\\\\\\"\xc3\xa9\"" },
		{ "{\"\xef\xbf\xbd\":1,\"\xf0\x9f\x98\x80\":2,\"Z\":3,\"aa\":4,\"a\":5}",
		    "{\"Z\":3,\"a\":5,\"aa\":4,\"\xef\xbf\xbd\":1,\"\xf0\x9f\x98\x80\":2}" },
		{ "{\"a\\u0062\":1,\"aa\":{\"y\":1,\"x\":{\"d\":1,\"c\":2}}}",
		    "{\"aa\":{\"x\":{\"c\":2,\"d\":1},\"y\":1},\"ab\":1}" },
		{ "[9223372036854775807,-9223372036854775808]",
		    "[9223372036854775807,-9223372036854775808]" },
	};
	uint8_t memory[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pawl_json json = parsed(cases[i].text);
		struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
		assert_int_equal(pawl_json_canonical(&json, 0, &out), PAWL_ERR_OK);
		if (!pawl_bytes_is(pawl_buf_bytes(&out), cases[i].canonical))
			fail_msg("%s: %.*s", cases[i].text, (int)out.size, (const char *)memory);
	}

	static const char *const refused[] = { "1.0", "1e3", "[9223372036854775808]" };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct pawl_json json = parsed(refused[i]);
		struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
		assert_int_equal(pawl_json_canonical(&json, 0, &out), PAWL_ERR_SYNTAX);
	}
	const struct pawl_json json = parsed("[1,2]");
	struct pawl_buf small = pawl_buf_of(memory, 4);
	assert_int_equal(pawl_json_canonical(&json, 0, &small), PAWL_ERR_LIMIT);
}

static void writer_puts_commas_and_escapes(void **state)
{
	uint8_t memory[256];
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
	struct pawl_json_writer writer = pawl_json_writer_of(&out);

	(void)state;
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "a", "q\"\\\n\x01/\xc3\xa9");
	pawl_json_member_bytes(&writer, "b", PAWL_BYTES_LIT("x\xff\0y"));
	pawl_json_member_int(&writer, "i", INT64_MIN);
	pawl_json_member_bool(&writer, "t", true);
	pawl_json_key_bytes(&writer, PAWL_BYTES_LIT("k\t"));
	pawl_json_begin_array(&writer);
	pawl_json_put_null(&writer);
	pawl_json_put_raw(&writer, PAWL_BYTES_LIT("[1]"));
	pawl_json_begin_object(&writer);
	pawl_json_end_object(&writer);
	pawl_json_end_array(&writer);
	pawl_json_end_object(&writer);
	assert_int_equal(pawl_buf_check(&out), PAWL_ERR_OK);
	memory[out.size] = '\0';
	assert_string_equal((const char *)memory,
	    "{\"a\":\"q\\\"\\\\\\n\\u0001/\xc3\xa9\",\"b\":\"x\xef\xbf\xbd\\u0000y\","
	    "\"i\":-9223372036854775808,\"t\":true,\"k\\t\":[null,[1],{}]}");
}

/* --- against jansson --- */

/* jansson turns numbers into C types, refuses U+0000 in keys, nests deeper, and
 * skips zero bytes between values (so none are tried); all else must agree. */
static bool differs_on_purpose(const json_error_t *error)
{
	const enum json_error_code code = json_error_code(error);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

/* Compares our reading of `value` with jansson's. */
static void assert_same(const struct pawl_json *json, uint32_t value, const json_t *other)
{
	uint8_t memory[4096];
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));

	switch (pawl_json_type_of(json, value)) {
	case PAWL_JSON_NULL: assert_true(json_is_null(other)); break;
	case PAWL_JSON_FALSE: assert_true(json_is_false(other)); break;
	case PAWL_JSON_TRUE: assert_true(json_is_true(other)); break;
	case PAWL_JSON_NUMBER: {
		int64_t number;
		assert_true(json_is_number(other));
		if (pawl_json_int(json, value, INT64_MIN, INT64_MAX, &number) == PAWL_ERR_OK)
			assert_true(json_is_integer(other) && json_integer_value(other) == number);
		break;
	}
	case PAWL_JSON_STRING:
		assert_int_equal(pawl_json_string(json, value, &out), PAWL_ERR_OK);
		assert_true(json_is_string(other));
		assert_int_equal(out.size, json_string_length(other));
		assert_memory_equal(memory, json_string_value(other), out.size);
		break;
	case PAWL_JSON_ARRAY: {
		size_t i = 0;
		assert_int_equal(pawl_json_count(json, value), json_array_size(other));
		for (uint32_t it = pawl_json_first(json, value); it != PAWL_JSON_NONE;
		     it = pawl_json_after(json, value, it))
			assert_same(json, it, json_array_get(other, i++));
		break;
	}
	case PAWL_JSON_OBJECT:
		assert_int_equal(pawl_json_count(json, value), json_object_size(other));
		for (uint32_t it = pawl_json_first(json, value); it != PAWL_JSON_NONE;
		     it = pawl_json_after(json, value, it)) {
			struct pawl_buf key = pawl_buf_of(memory, sizeof(memory) - 1);
			assert_int_equal(pawl_json_string(json, it, &key), PAWL_ERR_OK);
			memory[key.size] = '\0';
			assert_same(json, it + 1, json_object_get(other, (const char *)memory));
		}
		break;
	}
}

/* Random text that is JSON more often than not. */
static size_t invent(struct pawl_prng *prng, char *text, size_t capacity, int depth)
{
	static const char *const scalars[] = { "null", "true", "false", "0", "-0", "12", "-3.25",
		"1e5", "0.1E-2", "\"\"", "\"a\"", "\"\\u0041\"", "\"\\ud83d\\ude00\"",
		"\"\xc3\xa9\"", "\"\\\\\"", "\"\\/\\b\\f\\n\\r\\t\"", "\"\\u0000\"",
		"9223372036854775807", "[]", "{}" };
	static const char *const keys[] = { "\"a\"", "\"b\"", "\"\\u0061\"", "\"c\"", "\"dd\"",
		"\"\"", "\"\xf0\x9f\x98\x80\"", "\"\xef\xbf\xbf\"", "\"e\"", "\"f\"", "\"g\"" };
	const uint64_t choice = depth > 4 || capacity < 512 ? 0 : pawl_prng_below(prng, 3);
	size_t size = 0;

	if (choice == 0) {
		const char *scalar =
		    scalars[pawl_prng_below(prng, sizeof(scalars) / sizeof(scalars[0]))];
		memcpy(text, scalar, strlen(scalar));
		return strlen(scalar);
	}
	text[size++] = choice == 1 ? '[' : '{';
	const uint64_t count = pawl_prng_below(prng, 5);
	for (uint64_t i = 0; i < count && capacity - size > 512; i++) {
		if (i > 0)
			text[size++] = ',';
		if (choice == 2) {
			const char *key =
			    keys[pawl_prng_below(prng, sizeof(keys) / sizeof(keys[0]))];
			memcpy(text + size, key, strlen(key));
			size += strlen(key);
			text[size++] = ':';
		}
		if (pawl_prng_below(prng, 8) == 0)
			text[size++] = " \t\r\n"[pawl_prng_below(prng, 4)];
		size += invent(prng, text + size, capacity - size, depth + 1);
	}
	text[size++] = choice == 1 ? ']' : '}';
	return size;
}

static void jansson_agrees(void **state)
{
	static char text[8192];
	struct pawl_prng prng = pawl_prng_of(11);
	unsigned accepted = 0;
	unsigned refused = 0;

	(void)state;
	for (int run = 0; run < 60000; run++) {
		size_t size = invent(&prng, text, 4096, 0);
		for (uint64_t edits = pawl_prng_below(&prng, 3); edits > 0 && size > 0; edits--) {
			const size_t at = (size_t)pawl_prng_below(&prng, size);
			if (pawl_prng_below(&prng, 2) == 0)
				text[at] = (char)(1 + pawl_prng_below(&prng, 255));
			else
				text[at] = "{}[],:\"\\u0e.-tn \x7f"[pawl_prng_below(&prng, 17)];
		}
		json_error_t error;
		json_t *other = json_loadb(
		    text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
		struct pawl_json json;
		const pawl_err err =
		    pawl_json_parse(PAWL_BYTES(text, size), tokens, TOKENS, &json, NULL);

		if ((err == PAWL_ERR_OK) != (other != NULL) &&
		    !(other == NULL && differs_on_purpose(&error)))
			fail_msg("%.*s: we say %s, jansson %s", (int)size, text, pawl_err_name(err),
			    other == NULL ? error.text : "ok");
		if (err == PAWL_ERR_OK && other != NULL)
			assert_same(&json, 0, other);
		accepted += other != NULL;
		refused += other == NULL;
		json_decref(other);
	}
	/* The comparison is worth something only with plenty of both. */
	assert_true(accepted > 5000 && refused > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_by_path),
		cmocka_unit_test(nothing_is_answered_like_a_wrong_type),
		cmocka_unit_test(refusals_have_their_kind),
		cmocka_unit_test(depth_and_tokens_are_bounded),
		cmocka_unit_test(arena_parse_takes_what_it_needs),
		cmocka_unit_test(a_million_members_are_sorted_in_place),
		cmocka_unit_test(keys_are_walked_in_order),
		cmocka_unit_test(canonical_form_sorts_and_escapes_little),
		cmocka_unit_test(writer_puts_commas_and_escapes),
		cmocka_unit_test(jansson_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
