/* SPDX-License-Identifier: MIT
 *
 * Any bytes: the tokenizer must end, and what it accepts must come out of the
 * writer and of the canonical form with the same meaning. */
#include "pawl/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pawl_err parse(
    struct pawl_bytes text, struct pawl_json_token **ret_tokens, struct pawl_json *ret_json)
{
	const size_t bound = pawl_json_token_bound(text);

	*ret_tokens = calloc(bound, sizeof(**ret_tokens));
	if (*ret_tokens == NULL)
		abort();
	const pawl_err err = pawl_json_parse(text, *ret_tokens, bound, ret_json, NULL);
	/* Depth is the only limit left: the bound suffices for the tokens. */
	if (err == PAWL_ERR_LIMIT && text.size < PAWL_JSON_DEPTH_MAX)
		abort();
	return err;
}

static void print(const struct pawl_json *json, uint32_t value, struct pawl_json_writer *writer)
{
	const bool is_object = pawl_json_is(json, value, PAWL_JSON_OBJECT);

	if (!is_object && !pawl_json_is(json, value, PAWL_JSON_ARRAY)) {
		uint8_t *memory = malloc(pawl_json_raw(json, value).size + 1);
		struct pawl_buf text = pawl_buf_of(memory, pawl_json_raw(json, value).size);
		if (pawl_json_string(json, value, &text) == PAWL_ERR_OK)
			pawl_json_put_string(writer, pawl_buf_bytes(&text));
		else
			pawl_json_put_raw(writer, pawl_json_raw(json, value));
		free(memory);
		return;
	}
	if (is_object)
		pawl_json_begin_object(writer);
	else
		pawl_json_begin_array(writer);
	for (uint32_t it = pawl_json_first(json, value); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, value, it)) {
		if (is_object) {
			uint8_t *memory = malloc(pawl_json_raw(json, it).size + 1);
			struct pawl_buf key = pawl_buf_of(memory, pawl_json_raw(json, it).size);
			if (pawl_json_string(json, it, &key) != PAWL_ERR_OK)
				abort();
			pawl_json_key_bytes(writer, pawl_buf_bytes(&key));
			free(memory);
		}
		print(json, is_object ? it + 1 : it, writer);
	}
	if (is_object)
		pawl_json_end_object(writer);
	else
		pawl_json_end_array(writer);
}

/* The canonical form, empty when there is none. */
static struct pawl_buf canonical(const struct pawl_json *json)
{
	struct pawl_buf out = pawl_buf_of(malloc(json->text.size + 1), json->text.size);
	const pawl_err err = pawl_json_canonical(json, 0, &out);

	if (err == PAWL_ERR_LIMIT)
		abort(); /* it is never longer than the text */
	if (err != PAWL_ERR_OK)
		out.size = 0;
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pawl_json_token *tokens;
	struct pawl_json_token *again;
	struct pawl_json json;
	struct pawl_json back;

	if (parse(PAWL_BYTES(data, size), &tokens, &json) == PAWL_ERR_OK) {
		/* An escape of two characters may become one of six. */
		struct pawl_buf out = pawl_buf_of(malloc(6 * size + 2), 6 * size + 2);
		struct pawl_json_writer writer = pawl_json_writer_of(&out);
		print(&json, 0, &writer);
		if (pawl_buf_check(&out) != PAWL_ERR_OK ||
		    parse(pawl_buf_bytes(&out), &again, &back) != PAWL_ERR_OK ||
		    back.token_count != json.token_count)
			abort();
		struct pawl_buf first = canonical(&json);
		struct pawl_buf second = canonical(&back);
		if (!pawl_bytes_equal(pawl_buf_bytes(&first), pawl_buf_bytes(&second)))
			abort();
		free(again);
		free(out.at);
		free(second.at);
		/* The canonical form of TUF leaves control characters as they are, which
		 * JSON does not allow; without them it is its own canonical form. */
		bool has_controls = false;
		for (size_t i = 0; i < first.size; i++)
			has_controls = has_controls || first.at[i] < 0x20;
		if (first.size > 0 && !has_controls) {
			if (parse(pawl_buf_bytes(&first), &again, &back) != PAWL_ERR_OK)
				abort();
			second = canonical(&back);
			if (!pawl_bytes_equal(pawl_buf_bytes(&first), pawl_buf_bytes(&second)))
				abort();
			free(second.at);
			free(again);
		}
		free(first.at);
	}
	free(tokens);
	return 0;
}
