/* SPDX-License-Identifier: MIT
 *
 * Lists of the server: a table for people, one JSON document for programs. */
#include "pawl_app.h"

#include <string.h>

enum { COLUMNS_MAX = 12 };

struct list_run {
	const struct app_listing *listing;
	struct pawl_cli_table *table;
	int64_t left;
	size_t count;
};

static void begin_document(struct app *app, const struct list_run *run)
{
	fputs(run->listing->bare ? "[" : "{\"content\":[", app->call->out);
}

static const char *cell_text(struct app *app, const struct pawl_json *json, uint32_t item,
    const struct app_list_column *column)
{
	const char *text = app_json_text(app, json, item, column->member);

	if (column->kind == APP_CELL_TIME && text[0] != '\0')
		return app_time(app, app_json_int(json, item, column->member));
	return text;
}

static pawl_err take_item(
    struct app *app, const struct pawl_json *json, uint32_t item, void *context)
{
	struct list_run *run = context;
	const char *cells[COLUMNS_MAX] = { NULL };

	if (run->left-- <= 0)
		return PAWL_ERR_CANCELLED;
	if (app->call->json) {
		const struct pawl_bytes raw = pawl_json_raw(json, item);
		/* A refusal comes before the first byte of the document. */
		if (run->count++ == 0)
			begin_document(app, run);
		else
			fputc(',', app->call->out);
		fwrite(raw.at, 1, raw.size, app->call->out);
		return PAWL_ERR_OK;
	}
	for (size_t i = 0; i < run->listing->column_count; i++)
		cells[i] = cell_text(app, json, item, &run->listing->columns[i]);
	return pawl_cli_table_add(run->table, cells);
}

static void end_document(struct app *app, const struct list_run *run, int64_t total)
{
	if (run->count == 0)
		begin_document(app, run);
	if (run->listing->bare)
		fputs("]\n", app->call->out);
	else
		fprintf(app->call->out, "],\"total\":%lld,\"size\":%zu}\n", (long long)total,
		    run->count);
}

pawl_err app_show_list(struct app *app, const struct app_listing *listing)
{
	struct pawl_cli_column columns[COLUMNS_MAX];
	struct list_run run = { .listing = listing, .left = listing->most };
	int64_t total = 0;

	PAWL_ASSERT(listing->column_count <= COLUMNS_MAX);
	for (size_t i = 0; i < listing->column_count; i++)
		columns[i] = listing->columns[i].shown;
	PAWL_TRY(pawl_cli_table_create(columns, listing->column_count, &run.table));
	pawl_err err = app_server_list(app, listing->path, false, take_item, &run, &total);
	if (err == PAWL_ERR_CANCELLED)
		err = PAWL_ERR_OK; /* that was enough of them */
	if (err == PAWL_ERR_OK && app->call->json)
		end_document(app, &run, total);
	else if (err == PAWL_ERR_OK)
		pawl_cli_table_print(run.table, app->call->out, 0);
	pawl_cli_table_destroy(run.table);
	return err;
}
