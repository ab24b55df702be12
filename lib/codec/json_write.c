/* SPDX-License-Identifier: MIT */
#include "pawl/json.h"
#include "pawl/text.h"

struct pawl_json_writer pawl_json_writer_of(struct pawl_buf *out)
{
	return (struct pawl_json_writer){ .out = out };
}

/* Before a value or a key: the comma, and a check that it may stand here. */
static void separate(struct pawl_json_writer *writer, bool is_key)
{
	if (writer->after_key) {
		PAWL_ASSERT(!is_key);
		writer->after_key = false;
		return;
	}
	if (writer->depth == 0) {
		PAWL_ASSERT(!is_key);
		return;
	}
	PAWL_ASSERT(writer->in_object[writer->depth - 1] == is_key);
	if (writer->has_items[writer->depth - 1])
		pawl_put_u8(writer->out, ',');
	writer->has_items[writer->depth - 1] = true;
}

static void begin(struct pawl_json_writer *writer, bool is_object)
{
	separate(writer, false);
	PAWL_ASSERT(writer->depth < PAWL_JSON_DEPTH_MAX);
	writer->in_object[writer->depth] = is_object;
	writer->has_items[writer->depth] = false;
	writer->depth++;
	pawl_put_u8(writer->out, is_object ? '{' : '[');
}

static void end(struct pawl_json_writer *writer, bool is_object)
{
	PAWL_ASSERT(writer->depth > 0 && !writer->after_key);
	PAWL_ASSERT(writer->in_object[writer->depth - 1] == is_object);
	writer->depth--;
	pawl_put_u8(writer->out, is_object ? '}' : ']');
}

void pawl_json_begin_object(struct pawl_json_writer *writer)
{
	begin(writer, true);
}

void pawl_json_end_object(struct pawl_json_writer *writer)
{
	end(writer, true);
}

void pawl_json_begin_array(struct pawl_json_writer *writer)
{
	begin(writer, false);
}

void pawl_json_end_array(struct pawl_json_writer *writer)
{
	end(writer, false);
}

static void put_escaped(struct pawl_buf *out, uint8_t byte)
{
	switch (byte) {
	case '"': pawl_put_text(out, "\\\""); return;
	case '\\': pawl_put_text(out, "\\\\"); return;
	case '\b': pawl_put_text(out, "\\b"); return;
	case '\f': pawl_put_text(out, "\\f"); return;
	case '\n': pawl_put_text(out, "\\n"); return;
	case '\r': pawl_put_text(out, "\\r"); return;
	case '\t': pawl_put_text(out, "\\t"); return;
	default:
		pawl_put_text(out, "\\u00");
		pawl_put_hex(out, PAWL_BYTES(&byte, 1));
		return;
	}
}

/* How many bytes from `i` on are ASCII that stands as it is. */
static size_t plain_run(struct pawl_bytes text, size_t i)
{
	size_t end = i;

	while (end < text.size && text.at[end] >= 0x20 && text.at[end] < 0x7f &&
	       text.at[end] != '"' && text.at[end] != '\\')
		end++;
	return end - i;
}

static void put_quoted(struct pawl_buf *out, struct pawl_bytes text)
{
	size_t from = 0; /* what stands as it is goes out in one piece */
	size_t i = 0;

	pawl_put_u8(out, '"');
	for (;;) {
		i += plain_run(text, i);
		if (i == text.size)
			break;
		const size_t size = pawl_utf8_next(PAWL_BYTES(text.at + i, text.size - i));
		const uint8_t byte = text.at[i];
		const bool stands =
		    size > 1 || (size == 1 && byte >= 0x20 && byte != '"' && byte != '\\');

		if (stands) {
			i += size;
			continue;
		}
		if (i > from)
			pawl_put_bytes(out, PAWL_BYTES(text.at + from, i - from));
		if (size == 0)
			pawl_put_text(out, "\xef\xbf\xbd");
		else
			put_escaped(out, byte);
		from = ++i;
	}
	if (i > from)
		pawl_put_bytes(out, PAWL_BYTES(text.at + from, i - from));
	pawl_put_u8(out, '"');
}

void pawl_json_key_bytes(struct pawl_json_writer *writer, struct pawl_bytes key)
{
	separate(writer, true);
	put_quoted(writer->out, key);
	pawl_put_u8(writer->out, ':');
	writer->after_key = true;
}

void pawl_json_key(struct pawl_json_writer *writer, const char *key)
{
	pawl_json_key_bytes(writer, pawl_bytes_of(key));
}

void pawl_json_put_string(struct pawl_json_writer *writer, struct pawl_bytes value)
{
	separate(writer, false);
	put_quoted(writer->out, value);
}

void pawl_json_put_text(struct pawl_json_writer *writer, const char *value)
{
	pawl_json_put_string(writer, pawl_bytes_of(value));
}

void pawl_json_put_int(struct pawl_json_writer *writer, int64_t value)
{
	separate(writer, false);
	pawl_put_int(writer->out, value);
}

void pawl_json_put_bool(struct pawl_json_writer *writer, bool value)
{
	separate(writer, false);
	pawl_put_text(writer->out, value ? "true" : "false");
}

void pawl_json_put_null(struct pawl_json_writer *writer)
{
	separate(writer, false);
	pawl_put_text(writer->out, "null");
}

void pawl_json_put_raw(struct pawl_json_writer *writer, struct pawl_bytes json)
{
	separate(writer, false);
	pawl_put_bytes(writer->out, json);
}

void pawl_json_member_text(struct pawl_json_writer *writer, const char *key, const char *value)
{
	pawl_json_key(writer, key);
	pawl_json_put_text(writer, value);
}

void pawl_json_member_bytes(
    struct pawl_json_writer *writer, const char *key, struct pawl_bytes value)
{
	pawl_json_key(writer, key);
	pawl_json_put_string(writer, value);
}

void pawl_json_member_int(struct pawl_json_writer *writer, const char *key, int64_t value)
{
	pawl_json_key(writer, key);
	pawl_json_put_int(writer, value);
}

void pawl_json_member_bool(struct pawl_json_writer *writer, const char *key, bool value)
{
	pawl_json_key(writer, key);
	pawl_json_put_bool(writer, value);
}
