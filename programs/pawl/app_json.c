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

int app_print_wrapped(struct app *app, const char *head, const char *text, int indent)
{
	FILE *out = app->call->out;
	const size_t width = pawl_cli_terminal_width(out);
	size_t column = pawl_cli_width(head);
	int lines = 1;

	pawl_cli_print_safe(out, head);
	if (width == 0) {
		pawl_cli_print_safe(out, text);
		fputc('\n', out);
		return lines;
	}
	for (bool first = true; *text != '\0'; first = false) {
		const size_t size = strcspn(text, " ");
		const char *word = app_bytes_text(app, PAWL_BYTES(text, size));
		const size_t columns = pawl_cli_width(word);

		if (!first && column + 1 + columns > width) {
			fprintf(out, "\n%*s", indent, "");
			column = (size_t)indent;
			lines++;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		pawl_cli_print_safe(out, word);
		column += columns;
		/* A word that is longer than the line: the terminal breaks it. */
		for (; column > width; column -= width)
			lines++;
		text += size + (text[size] == ' ');
	}
	fputc('\n', out);
	return lines;
}

static bool ends_with(const char *text, const char *end)
{
	const size_t size = strlen(text);

	return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/* Milliseconds and sizes are known by their names. */
static const char *scalar_text(
    struct app *app, const struct pawl_json *json, uint32_t value, const char *key)
{
	const struct pawl_bytes raw = pawl_json_raw(json, value);
	char *text = app_take(app, raw.size + 1, 1);
	int64_t number = 0;

	if (pawl_json_int(json, value, 0, INT64_MAX, &number) == PAWL_ERR_OK) {
		if (ends_with(key, "At"))
			return app_time(app, number);
		if (ends_with(key, "Bytes"))
			return app_size(app, (uint64_t)number);
	}
	if (pawl_json_is(json, value, PAWL_JSON_NULL))
		return "-";
	if (!pawl_json_is(json, value, PAWL_JSON_STRING) ||
	    pawl_json_text(json, value, raw.size + 1, text) != PAWL_ERR_OK)
		memcpy(text, raw.at, raw.size);
	return text[0] == '\0' ? "-" : text;
}

static bool is_container(const struct pawl_json *json, uint32_t value)
{
	return pawl_json_is(json, value, PAWL_JSON_OBJECT) ||
	       pawl_json_is(json, value, PAWL_JSON_ARRAY);
}

/* Recursion is bounded by PAWL_JSON_DEPTH_MAX. */
void app_json_print(struct app *app, const struct pawl_json *json, uint32_t value, int indent)
{
	const bool is_object = pawl_json_is(json, value, PAWL_JSON_OBJECT);

	if (!is_container(json, value)) {
		(void)app_print_wrapped(app, app_text(app, "%*s", indent, ""),
		    scalar_text(app, json, value, ""), indent);
		return;
	}
	for (uint32_t at = pawl_json_first(json, value); at != PAWL_JSON_NONE;
	     at = pawl_json_after(json, value, at)) {
		const uint32_t item = is_object ? at + 1 : at;
		const char *head = app_text(app, "%*s-", indent, "");
		char *key = app_take(app, pawl_json_raw(json, at).size + 1, 1);

		if (is_object) {
			if (pawl_json_text(json, at, pawl_json_raw(json, at).size + 1, key) !=
				PAWL_ERR_OK ||
			    strcmp(key, "_links") == 0)
				continue;
			head = app_text(app, "%*s%s:", indent, "", key);
		}
		if (is_container(json, item)) {
			(void)app_print_wrapped(app, head, "", indent);
			app_json_print(app, json, item, indent + 2);
		} else {
			(void)app_print_wrapped(app, app_text(app, "%s ", head),
			    scalar_text(app, json, item, key), indent + 2);
		}
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

void app_document_raw(struct app *app, const struct pawl_json *json)
{
	fwrite(json->text.at, 1, json->text.size, app->call->out);
	fputc('\n', app->call->out);
}

void app_report(struct app *app, const char *const *members)
{
	struct app_document document;
	size_t capacity = 4096;

	if (!app->call->json) {
		app_report_written(app);
		return;
	}
	for (size_t i = 0; members[i] != NULL; i++)
		capacity += 6 * strlen(members[i]) + 8;
	for (size_t i = 0; i < app->written_count; i++)
		capacity += 6 * strlen(app->written[i]) + 8;
	app_document_begin(app, &document, capacity);
	pawl_json_begin_object(&document.writer);
	for (size_t i = 0; members[i] != NULL; i += 2)
		pawl_json_member_text(&document.writer, members[i], members[i + 1]);
	app_document_written(app, &document.writer);
	pawl_json_end_object(&document.writer);
	app_document_end(app, &document);
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
