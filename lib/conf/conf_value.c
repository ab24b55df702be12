/* SPDX-License-Identifier: MIT
 *
 * One value: from text into the settings struct, and what is allowed in words.
 */
#include "conf_internal.h"

#include "pawl/num.h"

#include <string.h>

struct suffix {
	const char *text;
	int64_t factor;
};

/* Largest first: printing takes the first one that divides the value. */
static const struct suffix duration_suffixes[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "min", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
static const struct suffix size_suffixes[] = {
	{ "GiB", INT64_C(1) << 30 },
	{ "MiB", INT64_C(1) << 20 },
	{ "KiB", INT64_C(1) << 10 },
};

static bool is_number(pawl_conf_type type)
{
	return type == PAWL_CONF_INT || type == PAWL_CONF_SIZE || type == PAWL_CONF_DURATION;
}

int64_t pawl_conf_max_of(const struct pawl_conf_option *option)
{
	if (is_number(option->type))
		return option->max == 0 && option->min == 0 ? INT64_MAX : option->max;
	if (option->max != 0)
		return option->max;
	return (int64_t)option->size - 1;
}

static void number_with_suffix(
    const struct suffix *suffixes, size_t count, int64_t value, struct pawl_buf *buf)
{
	for (size_t i = 0; i < count; i++) {
		if (value != 0 && value % suffixes[i].factor == 0) {
			pawl_put_int(buf, value / suffixes[i].factor);
			pawl_put_text(buf, suffixes[i].text);
			return;
		}
	}
	pawl_put_int(buf, value);
}

void pawl_conf_number_text(
    const struct pawl_conf_option *option, int64_t value, char ret_text[CONF_NUMBER_TEXT])
{
	struct pawl_buf buf = pawl_buf_of(ret_text, CONF_NUMBER_TEXT - 1);

	if (option->type == PAWL_CONF_DURATION)
		number_with_suffix(duration_suffixes,
		    sizeof(duration_suffixes) / sizeof(duration_suffixes[0]), value, &buf);
	else if (option->type == PAWL_CONF_SIZE)
		number_with_suffix(
		    size_suffixes, sizeof(size_suffixes) / sizeof(size_suffixes[0]), value, &buf);
	else
		pawl_put_int(&buf, value);
	ret_text[buf.size] = '\0';
}

void pawl_conf_add_quoted(struct pawl_note *note, struct pawl_bytes text)
{
	enum { SHOWN_MAX = 60 };
	char shown[SHOWN_MAX];
	const size_t size = text.size < SHOWN_MAX ? text.size : (size_t)SHOWN_MAX;

	for (size_t i = 0; i < size; i++)
		shown[i] = text.at[i] < 0x20 || text.at[i] >= 0x7f ? '?' : (char)text.at[i];
	pawl_note_add(note, "'");
	pawl_note_add_bytes(note, shown, size);
	pawl_note_add(note, size < text.size ? "...'" : "'");
}

static void add_number_range(struct pawl_note *note, const struct pawl_conf_option *option)
{
	char text[CONF_NUMBER_TEXT];
	const int64_t max = pawl_conf_max_of(option);

	pawl_conf_number_text(option, option->min, text);
	pawl_note_add(note, max == INT64_MAX ? " of at least " : " from ");
	pawl_note_add(note, text);
	if (max != INT64_MAX) {
		pawl_conf_number_text(option, max, text);
		pawl_note_add(note, " to ");
		pawl_note_add(note, text);
	}
	if (option->type == PAWL_CONF_INT && option->unit != NULL) {
		pawl_note_add(note, " ");
		pawl_note_add(note, option->unit);
	}
}

void pawl_conf_add_allowed(struct pawl_note *note, const struct pawl_conf_option *option)
{
	switch (option->type) {
	case PAWL_CONF_BOOL: pawl_note_add(note, "yes or no"); return;
	case PAWL_CONF_INT:
		pawl_note_add(note, "a whole number");
		add_number_range(note, option);
		return;
	case PAWL_CONF_SIZE:
		pawl_note_add(note, "a number of bytes, or with KiB, MiB, GiB,");
		add_number_range(note, option);
		return;
	case PAWL_CONF_DURATION:
		pawl_note_add(note, "a duration with ms, s, min, h or d (without: ");
		pawl_note_add(note, option->unit == NULL ? "s" : option->unit);
		pawl_note_add(note, ")");
		add_number_range(note, option);
		return;
	case PAWL_CONF_TEXT:
	case PAWL_CONF_PATH:
		pawl_note_add(note, option->type == PAWL_CONF_PATH ? "a path of " : "text of ");
		break;
	case PAWL_CONF_LIST: pawl_note_add(note, "with commas between, "); break;
	}
	const bool bounded = option->type != PAWL_CONF_LIST || option->max != 0;
	if (!bounded) {
		pawl_note_add(note, "at least ");
		pawl_note_add_int(note, option->min);
	} else if (option->min == 0) {
		pawl_note_add(note, "at most ");
		pawl_note_add_int(note, pawl_conf_max_of(option));
	} else {
		pawl_note_add_int(note, option->min);
		pawl_note_add(note, " to ");
		pawl_note_add_int(note, pawl_conf_max_of(option));
	}
	pawl_note_add(note, option->type == PAWL_CONF_LIST ? " items" : " bytes");
}

static pawl_err refuse(struct pawl_note *note, pawl_err err, const char *why,
    const struct pawl_conf_option *option, struct pawl_bytes value)
{
	pawl_conf_add_quoted(note, value);
	pawl_note_add(note, " ");
	pawl_note_add(note, why);
	pawl_note_add(note, "; allowed: ");
	pawl_conf_add_allowed(note, option);
	return err;
}

static bool to_bool(struct pawl_bytes value, bool *ret_value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (pawl_bytes_is(value, words[i])) {
			*ret_value = i % 2 == 1;
			return true;
		}
	}
	return false;
}

static pawl_err to_number(
    const struct pawl_conf_option *option, struct pawl_bytes value, int64_t *ret_number)
{
	const struct suffix *suffixes = NULL;
	size_t count = 0;
	size_t digits = 0;
	int64_t factor = 1;
	int64_t number = 0;

	while (digits < value.size &&
	       (value.at[digits] == '-' || (value.at[digits] >= '0' && value.at[digits] <= '9')))
		digits++;
	struct pawl_bytes suffix = PAWL_BYTES(value.at + digits, value.size - digits);
	while (suffix.size > 0 && suffix.at[0] == ' ')
		suffix = PAWL_BYTES(suffix.at + 1, suffix.size - 1);
	if (option->type == PAWL_CONF_DURATION) {
		suffixes = duration_suffixes;
		count = sizeof(duration_suffixes) / sizeof(duration_suffixes[0]);
		if (suffix.size == 0)
			suffix = pawl_bytes_of(option->unit == NULL ? "s" : option->unit);
	} else if (option->type == PAWL_CONF_SIZE) {
		suffixes = size_suffixes;
		count = sizeof(size_suffixes) / sizeof(size_suffixes[0]);
	}
	if (suffix.size > 0) {
		size_t i = 0;
		while (i < count && !pawl_bytes_is(suffix, suffixes[i].text))
			i++;
		if (i == count)
			return PAWL_ERR_SYNTAX;
		factor = suffixes[i].factor;
	}
	PAWL_TRY(pawl_parse_i64(PAWL_BYTES(value.at, digits), INT64_MIN, INT64_MAX, &number));
	if (__builtin_mul_overflow(number, factor, &number))
		return PAWL_ERR_RANGE;
	*ret_number = number;
	return PAWL_ERR_OK;
}

static bool is_clean_text(struct pawl_bytes value)
{
	for (size_t i = 0; i < value.size; i++) {
		if (value.at[i] < 0x20 || value.at[i] == 0x7f)
			return false;
	}
	return true;
}

/* Removes the blanks around each item; an empty item is not an item. */
static pawl_err store_list(const struct pawl_conf_option *option, struct pawl_bytes value,
    char *member, struct pawl_note *note)
{
	struct pawl_bytes rest = value;
	struct pawl_bytes item;
	char joined[PAWL_CONF_VALUE_MAX + 1];
	struct pawl_buf buf = pawl_buf_of(joined, PAWL_CONF_VALUE_MAX);
	int64_t items = 0;

	if (value.size > 0 && value.at[value.size - 1] == ',')
		return refuse(note, PAWL_ERR_SYNTAX, "has an empty item", option, value);
	while (pawl_conf_list_next(&rest, &item)) {
		if (item.size == 0)
			return refuse(note, PAWL_ERR_SYNTAX, "has an empty item", option, value);
		if (items++ > 0)
			pawl_put_u8(&buf, ',');
		pawl_put_bytes(&buf, item);
	}
	if (items < option->min || (option->max != 0 && items > option->max))
		return refuse(note, PAWL_ERR_RANGE, "has the wrong number of items", option, value);
	if (buf.overflow || buf.size >= option->size)
		return refuse(note, PAWL_ERR_RANGE, "is too long", option, value);
	memcpy(member, joined, buf.size);
	memset(member + buf.size, 0, option->size - buf.size);
	return PAWL_ERR_OK;
}

pawl_err pawl_conf_store_value(const struct pawl_conf_option *option, struct pawl_bytes value,
    void *settings, struct pawl_note *note)
{
	char *member = (char *)settings + option->offset;
	int64_t number = 0;
	bool truth = false;
	pawl_err err = PAWL_ERR_OK;

	if (value.size > PAWL_CONF_VALUE_MAX)
		return refuse(note, PAWL_ERR_RANGE, "is too long", option, value);
	if (!is_clean_text(value))
		return refuse(note, PAWL_ERR_SYNTAX, "contains a control character", option, value);
	switch (option->type) {
	case PAWL_CONF_BOOL:
		if (!to_bool(value, &truth))
			return refuse(note, PAWL_ERR_SYNTAX, "is not understood", option, value);
		memcpy(member, &truth, sizeof(truth));
		return PAWL_ERR_OK;
	case PAWL_CONF_INT:
	case PAWL_CONF_SIZE:
	case PAWL_CONF_DURATION:
		err = to_number(option, value, &number);
		if (err == PAWL_ERR_SYNTAX)
			return refuse(note, err, "is not understood", option, value);
		if (err != PAWL_ERR_OK || number < option->min || number > pawl_conf_max_of(option))
			return refuse(note, PAWL_ERR_RANGE, "is outside its range", option, value);
		memcpy(member, &number, sizeof(number));
		return PAWL_ERR_OK;
	case PAWL_CONF_TEXT:
	case PAWL_CONF_PATH:
		if ((int64_t)value.size > pawl_conf_max_of(option))
			return refuse(note, PAWL_ERR_RANGE, "is too long", option, value);
		if ((int64_t)value.size < option->min)
			return refuse(note, PAWL_ERR_RANGE, "is too short", option, value);
		if (value.size > 0)
			memcpy(member, value.at, value.size);
		memset(member + value.size, 0, option->size - value.size);
		return PAWL_ERR_OK;
	case PAWL_CONF_LIST: return store_list(option, value, member, note);
	}
	return PAWL_ERR_UNSUPPORTED;
}

static struct pawl_bytes trimmed(struct pawl_bytes text)
{
	while (text.size > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = PAWL_BYTES(text.at + 1, text.size - 1);
	while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t'))
		text.size--;
	return text;
}

bool pawl_conf_list_next(struct pawl_bytes *rest, struct pawl_bytes *ret_item)
{
	if (rest->size == 0)
		return false;
	const uint8_t *comma = memchr(rest->at, ',', rest->size);
	const size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->at);

	*ret_item = trimmed(PAWL_BYTES(rest->at, size));
	if (comma == NULL)
		*rest = PAWL_BYTES(NULL, 0);
	else
		*rest = PAWL_BYTES(comma + 1, rest->size - size - 1);
	return true;
}
