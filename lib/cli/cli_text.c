/* SPDX-License-Identifier: MIT
 *
 * Text on a terminal: widths, tables, key=value blocks.
 */
#include "cli_internal.h"

#include "pawl/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* --- characters --- */

struct range {
	uint32_t first;
	uint32_t last;
};

/* Take no column of their own: combining marks, joiners, variation selectors. */
static const struct range zero_width[] = {
	{ 0x300, 0x36f },
	{ 0x483, 0x489 },
	{ 0x591, 0x5bd },
	{ 0x610, 0x61a },
	{ 0x64b, 0x65f },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x200b, 0x200d },
	{ 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
};
/* Take two: East Asian wide characters and most emoji. */
static const struct range two_wide[] = {
	{ 0x1100, 0x115f },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0xa4cf },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};

static bool is_in(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}

size_t pawl_cli_character(const char *at, size_t *ret_columns)
{
	static const uint8_t lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const size_t size = pawl_utf8_next(PAWL_BYTES(at, strnlen(at, 4)));
	uint32_t code = (uint8_t)at[0] & lead[size];
	uint8_t memory[4];
	struct pawl_buf clean = pawl_buf_of(memory, sizeof(memory));

	*ret_columns = 1;
	pawl_put_clean(&clean, PAWL_BYTES(at, size), sizeof(memory));
	if (size == 0 || clean.size != size || memcmp(memory, at, size) != 0)
		return 0;
	for (size_t i = 1; i < size; i++)
		code = code << 6 | ((uint8_t)at[i] & 0x3fU);
	if (is_in(code, zero_width, sizeof(zero_width) / sizeof(zero_width[0])))
		*ret_columns = 0;
	else if (is_in(code, two_wide, sizeof(two_wide) / sizeof(two_wide[0])))
		*ret_columns = 2;
	return size;
}

size_t pawl_cli_width(const char *text)
{
	size_t width = 0;

	while (*text != '\0') {
		size_t columns = 1;
		const size_t size = pawl_cli_character(text, &columns);

		width += columns;
		text += size == 0 ? 1 : size;
	}
	return width;
}

void pawl_cli_print_safe(FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t columns = 1;
		const size_t size = pawl_cli_character(text, &columns);

		if (size == 0)
			fputc('?', out);
		else
			fwrite(text, 1, size, out);
		text += size == 0 ? 1 : size;
	}
}

size_t pawl_cli_terminal_width(FILE *out)
{
	struct winsize size = { .ws_col = 0 };
	const int fd = fileno(out);

	if (fd < 0 || !isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* --- tables --- */

enum { CELL_GAP = 2, SHRUNK_MIN = 8 };

struct pawl_cli_table {
	const struct pawl_cli_column *columns;
	size_t count;
	char **cells; /* `count` for each row */
	size_t cell_count;
	size_t capacity;
	size_t *widths; /* widest cell of each column */
};

pawl_err pawl_cli_table_create(
    const struct pawl_cli_column *columns, size_t count, struct pawl_cli_table **ret_table)
{
	struct pawl_cli_table *table = calloc(1, sizeof(*table));

	PAWL_ASSERT(count > 0);
	if (table == NULL)
		return PAWL_ERR_NO_MEMORY;
	table->columns = columns;
	table->count = count;
	table->widths = calloc(count, sizeof(*table->widths));
	if (table->widths == NULL) {
		pawl_cli_table_destroy(table);
		return PAWL_ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < count; i++)
		table->widths[i] = pawl_cli_width(columns[i].title);
	*ret_table = table;
	return PAWL_ERR_OK;
}

void pawl_cli_table_destroy(struct pawl_cli_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->widths);
	free(table);
}

/* A copy in which pawl_cli_character accepts everything. */
static char *copy_safe(const char *text)
{
	char *copy = strdup(text == NULL || *text == '\0' ? "-" : text);

	for (char *at = copy; copy != NULL && *at != '\0';) {
		size_t columns = 1;
		const size_t size = pawl_cli_character(at, &columns);

		if (size == 0)
			*at = '?';
		at += size == 0 ? 1 : size;
	}
	return copy;
}

pawl_err pawl_cli_table_add(struct pawl_cli_table *table, const char *const *cells)
{
	if (table->cell_count + table->count > table->capacity) {
		const size_t capacity = table->capacity * 2 + table->count * 16;
		char **grown = reallocarray(table->cells, capacity, sizeof(*grown));

		if (grown == NULL)
			return PAWL_ERR_NO_MEMORY;
		table->cells = grown;
		table->capacity = capacity;
	}
	char **row = table->cells + table->cell_count;
	for (size_t i = 0; i < table->count; i++) {
		row[i] = copy_safe(cells[i]);
		if (row[i] == NULL) {
			while (i-- > 0)
				free(row[i]);
			return PAWL_ERR_NO_MEMORY;
		}
	}
	for (size_t i = 0; i < table->count; i++) {
		const size_t width = pawl_cli_width(row[i]);
		if (width > table->widths[i])
			table->widths[i] = width;
	}
	table->cell_count += table->count;
	return PAWL_ERR_OK;
}

/* The width of column `index` when the whole table may have `width` columns: the
 * columns that may shrink share evenly what is missing. */
static size_t column_width(const struct pawl_cli_table *table, size_t index, size_t width)
{
	size_t total = CELL_GAP * (table->count - 1);
	size_t shrinking = 0;

	for (size_t i = 0; i < table->count; i++) {
		total += table->widths[i];
		shrinking += table->columns[i].shrink;
	}
	if (width == 0 || total <= width || !table->columns[index].shrink)
		return table->widths[index];
	const size_t each = (total - width + shrinking - 1) / shrinking;
	const size_t wanted = table->widths[index] > each ? table->widths[index] - each : 0;
	const size_t least =
	    table->widths[index] < SHRUNK_MIN ? table->widths[index] : (size_t)SHRUNK_MIN;
	return wanted > least ? wanted : least;
}

static void print_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
	const size_t whole = pawl_cli_width(text);
	size_t used = 0;

	if (whole > width) {
		while (*text != '\0') {
			size_t columns = 1;
			const size_t size = pawl_cli_character(text, &columns);

			if (used + columns > width - 3)
				break;
			fwrite(text, 1, size, out);
			used += columns;
			text += size;
		}
		fputs("...", out);
		used += 3;
	} else {
		if (right)
			fprintf(out, "%*s", (int)(width - whole), "");
		fputs(text, out);
		used = right ? width : whole;
	}
	if (!last)
		fprintf(out, "%*s", (int)(width - used + CELL_GAP), "");
	else
		fputc('\n', out);
}

void pawl_cli_table_print(const struct pawl_cli_table *table, FILE *out, size_t width)
{
	if (table->count == 0)
		return;
	if (width == 0)
		width = pawl_cli_terminal_width(out);
	for (size_t i = 0; i < table->count; i++)
		print_cell(out, table->columns[i].title, column_width(table, i, width),
		    table->columns[i].right, i + 1 == table->count);
	for (size_t i = 0; i < table->cell_count; i++) {
		const size_t column = i % table->count;
		print_cell(out, table->cells[i], column_width(table, column, width),
		    table->columns[column].right, column + 1 == table->count);
	}
}

/* --- blocks --- */

static bool is_plain(const char *value)
{
	for (const char *at = value; *at != '\0'; at++) {
		if ((uint8_t)*at <= 0x20 || (uint8_t)*at >= 0x7f || strchr("\"\\'$`#;&|<>", *at))
			return false;
	}
	return *value != '\0' && strcmp(value, "-") != 0;
}

void pawl_cli_print_pair(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s=", key);
	if (value == NULL || is_plain(value)) {
		fprintf(out, "%s\n", value == NULL ? "-" : value);
		return;
	}
	fputc('"', out);
	while (*value != '\0') {
		size_t columns = 1;
		const size_t size = pawl_cli_character(value, &columns);

		if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '\t')
			fputs("\\t", out);
		else if (size == 0)
			fprintf(out, "\\x%02x", (unsigned)(uint8_t)*value);
		else
			fwrite(value, 1, size, out);
		value += size == 0 ? 1 : size;
	}
	fputs("\"\n", out);
}

void pawl_cli_print_pair_int(FILE *out, const char *key, int64_t value)
{
	fprintf(out, "%s=%lld\n", key, (long long)value);
}
