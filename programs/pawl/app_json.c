/* SPDX-License-Identifier: MIT
 *
 * Reading answers and printing documents. */
#include "pawl_app.h"

#include <string.h>

pawl_err app_json_parse(
    struct app *app, const char *what, struct pawl_bytes text, struct pawl_json *ret_json)
{
	size_t tokens = 2;

	/* Every value and key but the first follows one of these. */
	for (size_t i = 0; i < text.size; i++)
		tokens += text.at[i] == ',' || text.at[i] == ':' || text.at[i] == '[' ||
			  text.at[i] == '{';
	struct pawl_json_token *memory = app_take(app, tokens, sizeof(*memory));
	pawl_note_clear(&app->note);
	const pawl_err err = pawl_json_parse(text, memory, tokens, ret_json, &app->note);
	return app_wrap(app, err, "%s is no JSON", what);
}

const char *app_json_text(
    struct app *app, const struct pawl_json *json, uint32_t object, const char *path)
{
	const uint32_t value = pawl_json_path(json, object, path);

	if (value == PAWL_JSON_NONE || pawl_json_is(json, value, PAWL_JSON_NULL))
		return "";
	const struct pawl_bytes raw = pawl_json_raw(json, value);
	char *text = app_take(app, raw.size + 1, 1);
	if (pawl_json_is(json, value, PAWL_JSON_STRING)) {
		if (pawl_json_text(json, value, raw.size + 1, text) != PAWL_ERR_OK)
			return "";
	} else {
		memcpy(text, raw.at, raw.size);
	}
	return text;
}

int64_t app_json_int(const struct pawl_json *json, uint32_t object, const char *path)
{
	int64_t value = 0;

	(void)!pawl_json_int(
	    json, pawl_json_path(json, object, path), INT64_MIN, INT64_MAX, &value);
	return value;
}

static void print_scalar(struct app *app, const struct pawl_json *json, uint32_t value)
{
	const struct pawl_bytes raw = pawl_json_raw(json, value);
	char *text = app_take(app, raw.size + 1, 1);

	if (!pawl_json_is(json, value, PAWL_JSON_STRING) ||
	    pawl_json_text(json, value, raw.size + 1, text) != PAWL_ERR_OK)
		memcpy(text, raw.at, raw.size);
	pawl_cli_print_safe(app->call->out, text[0] == '\0' ? "-" : text);
	fputc('\n', app->call->out);
}

static bool is_container(const struct pawl_json *json, uint32_t value)
{
	return pawl_json_is(json, value, PAWL_JSON_OBJECT) ||
	       pawl_json_is(json, value, PAWL_JSON_ARRAY);
}

/* Recursion is bounded by PAWL_JSON_DEPTH_MAX. */
void app_json_print(struct app *app, const struct pawl_json *json, uint32_t value, int indent)
{
	FILE *out = app->call->out;
	const bool is_object = pawl_json_is(json, value, PAWL_JSON_OBJECT);

	if (!is_container(json, value)) {
		fprintf(out, "%*s", indent, "");
		print_scalar(app, json, value);
		return;
	}
	for (uint32_t at = pawl_json_first(json, value); at != PAWL_JSON_NONE;
	     at = pawl_json_after(json, value, at)) {
		const uint32_t item = is_object ? at + 1 : at;

		if (is_object) {
			const struct pawl_bytes raw = pawl_json_raw(json, at);
			char *key = app_take(app, raw.size + 1, 1);

			if (pawl_json_text(json, at, raw.size + 1, key) != PAWL_ERR_OK ||
			    strcmp(key, "_links") == 0)
				continue;
			fprintf(out, "%*s", indent, "");
			pawl_cli_print_safe(out, key);
			fputs(is_container(json, item) ? ":\n" : ": ", out);
		} else if (is_container(json, item)) {
			fprintf(out, "%*s-\n", indent, "");
		} else {
			fprintf(out, "%*s- ", indent, "");
		}
		if (is_container(json, item))
			app_json_print(app, json, item, indent + 2);
		else
			print_scalar(app, json, item);
	}
}

/* --- writing --- */

void app_document_begin(struct app *app, struct app_document *document, size_t capacity)
{
	document->buf = app_buffer(app, capacity);
	document->writer = pawl_json_writer_of(&document->buf);
}

void app_document_end(struct app *app, struct app_document *document)
{
	PAWL_ASSERT(pawl_buf_check(&document->buf) == PAWL_ERR_OK);
	fwrite(document->buf.at, 1, document->buf.size, app->call->out);
	fputc('\n', app->call->out);
}

void app_document_written(struct app *app, struct pawl_json_writer *writer)
{
	pawl_json_key(writer, "written");
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < app->written_count; i++)
		pawl_json_put_text(writer, app->written[i]);
	pawl_json_end_array(writer);
	pawl_json_member_bool(writer, "dryRun", app->dry_run);
}
