/* SPDX-License-Identifier: MIT
 *
 * fleet_filter.c - the part of FIQL that lists and rollouts take:
 *     filter = [ term *( ( ";" / 1*SP "and" 1*SP ) term ) ]
 *     term   = field "==" value
 *     value  = '"' *any-but-dquote '"' / "'" *any-but-squote "'" / 1*plain
 * A plain value ends before ';' or white space. */
#include "fleet_internal.h"

#include <string.h>

static const char *const field_names[] = { [PAWL_FILTER_CONTROLLERID] = "controllerid",
	[PAWL_FILTER_NAME] = "name",
	[PAWL_FILTER_GROUP] = "group",
	[PAWL_FILTER_UPDATESTATUS] = "updatestatus",
	[PAWL_FILTER_HARDWARECLASS] = "hardwareclass",
	[PAWL_FILTER_PRODUCT] = "product",
	[PAWL_FILTER_STATE] = "state" };

enum { FIELD_COUNT = sizeof(field_names) / sizeof(field_names[0]) };

struct reader {
	struct pawl_cursor at;
	const uint8_t *begin;
	struct pawl_note *note;
};

static pawl_err fail(const struct reader *reader, pawl_err err, const char *what)
{
	pawl_note_add(reader->note, "filter, byte ");
	pawl_note_add_int(reader->note, reader->at.at - reader->begin);
	pawl_note_add(reader->note, ": ");
	pawl_note_add(reader->note, what);
	return err;
}

static bool at_end(const struct reader *reader)
{
	return reader->at.at == reader->at.end;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool skip_blanks(struct reader *reader)
{
	const uint8_t *before = reader->at.at;

	while (!at_end(reader) && is_blank(*reader->at.at))
		reader->at.at++;
	return reader->at.at != before;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool same_word(struct pawl_bytes text, const char *word)
{
	if (text.size != strlen(word))
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (lower(text.at[i]) != lower((uint8_t)word[i]))
			return false;
	}
	return true;
}

static bool is_letter(uint8_t c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static struct pawl_bytes read_word(struct reader *reader)
{
	const uint8_t *begin = reader->at.at;

	while (!at_end(reader) && is_letter(*reader->at.at))
		reader->at.at++;
	return PAWL_BYTES(begin, (size_t)(reader->at.at - begin));
}

static pawl_err read_field(struct reader *reader, pawl_filter_field *ret_field)
{
	const struct reader start = *reader;
	const struct pawl_bytes word = read_word(reader);

	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		if (same_word(word, field_names[i])) {
			*ret_field = (pawl_filter_field)i;
			return PAWL_ERR_OK;
		}
	}
	pawl_note_add(reader->note, "unknown field '");
	pawl_note_add_bytes(reader->note, word.at, word.size < 32 ? word.size : 32);
	pawl_note_add(reader->note, "'; ");
	return fail(&start, PAWL_ERR_SYNTAX,
	    "a field is one of controllerid name group updatestatus hardwareclass product state");
}

static pawl_err read_value(struct reader *reader, char ret_pattern[PAWL_FLEET_FILTER_VALUE_MAX + 1])
{
	const uint8_t quote = !at_end(reader) && (*reader->at.at == '"' || *reader->at.at == '\'')
				  ? *reader->at.at
				  : 0;
	size_t size = 0;

	reader->at.at += quote != 0;
	for (; !at_end(reader); reader->at.at++) {
		const uint8_t c = *reader->at.at;
		if (quote != 0 ? c == quote : c == ';' || is_blank(c))
			break;
		if (c == 0 ||
		    (quote == 0 && (c == '"' || c == '\'' || c == '(' || c == ')' || c == ',')))
			return fail(
			    reader, PAWL_ERR_SYNTAX, "put a value with this character in quotes");
		if (size == PAWL_FLEET_FILTER_VALUE_MAX)
			return fail(reader, PAWL_ERR_LIMIT, "a value has at most 128 bytes");
		ret_pattern[size++] = (char)c;
	}
	if (quote != 0 && at_end(reader))
		return fail(reader, PAWL_ERR_SYNTAX, "the closing quote is missing");
	reader->at.at += quote != 0;
	if (size == 0 && quote == 0)
		return fail(reader, PAWL_ERR_SYNTAX, "the value is missing");
	ret_pattern[size] = '\0';
	return PAWL_ERR_OK;
}

/* Whatever stands between two terms. */
static pawl_err read_and(struct reader *reader)
{
	const bool blanks = skip_blanks(reader);

	if (!at_end(reader) && *reader->at.at == ';') {
		reader->at.at++;
		skip_blanks(reader);
		return PAWL_ERR_OK;
	}
	if (!blanks || !same_word(read_word(reader), "and") || !skip_blanks(reader))
		return fail(reader, PAWL_ERR_SYNTAX, "terms are joined by ';' or ' and '");
	return PAWL_ERR_OK;
}

pawl_err pawl_fleet_filter_parse(
    struct pawl_bytes text, struct pawl_fleet_filter *ret_filter, struct pawl_note *reterr_note)
{
	struct reader reader = {
		.at = pawl_cursor_of(text), .begin = text.at, .note = reterr_note
	};
	struct pawl_fleet_filter filter = { .term_count = 0 };

	if (text.size > PAWL_FLEET_FILTER_MAX)
		return fail(&reader, PAWL_ERR_LIMIT, "a filter has at most 1024 bytes");
	skip_blanks(&reader);
	while (!at_end(&reader)) {
		if (filter.term_count == PAWL_FLEET_FILTER_TERMS_MAX)
			return fail(&reader, PAWL_ERR_LIMIT, "a filter has at most 16 terms");
		PAWL_TRY(read_field(&reader, &filter.term[filter.term_count].field));
		skip_blanks(&reader);
		if (pawl_cursor_left(&reader.at) < 2 || memcmp(reader.at.at, "==", 2) != 0)
			return fail(&reader, PAWL_ERR_SYNTAX, "only '==' is possible here");
		reader.at.at += 2;
		skip_blanks(&reader);
		PAWL_TRY(read_value(&reader, filter.term[filter.term_count].pattern));
		filter.term_count++;
		const struct reader after = reader;
		skip_blanks(&reader);
		if (at_end(&reader))
			break;
		reader = after;
		PAWL_TRY(read_and(&reader));
		if (at_end(&reader))
			return fail(&reader, PAWL_ERR_SYNTAX, "a term is missing at the end");
	}
	*ret_filter = filter;
	return PAWL_ERR_OK;
}

/* '*' stands for any bytes. Goes back only to the last '*', so the work is
 * bounded by the product of the lengths. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *retry = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static const char *value_of(const struct pawl_fleet_device *device, pawl_filter_field field)
{
	switch (field) {
	case PAWL_FILTER_CONTROLLERID: return device->controller_id;
	case PAWL_FILTER_NAME:
		return device->name[0] != '\0' ? device->name : device->controller_id;
	case PAWL_FILTER_GROUP: return device->group;
	case PAWL_FILTER_UPDATESTATUS: return pawl_fleet_update_status(device);
	case PAWL_FILTER_HARDWARECLASS: return device->hardware_class;
	case PAWL_FILTER_PRODUCT: return device->product;
	case PAWL_FILTER_STATE: return pawl_device_state_name(device->state);
	}
	return "";
}

bool pawl_fleet_filter_match(
    const struct pawl_fleet_filter *filter, const struct pawl_fleet_device *device)
{
	for (uint32_t i = 0; i < filter->term_count; i++) {
		if (!matches(filter->term[i].pattern, value_of(device, filter->term[i].field)))
			return false;
	}
	return true;
}
