/* SPDX-License-Identifier: MIT
 *
 * fleet_log.c - the fleet's events as log lines.
 *
 * An event's text is a list of pairs: key=value key="value with spaces". Some
 * values are free text that came from a device or an operator; a text that can
 * be read in two ways becomes one value, so that nobody adds pairs to the log. */
#include "app.h"

#include <string.h>

enum { PAIRS_MAX = 8 };

/* Takes one pair off `*io_at` and ends its key and value with a NUL. */
static bool take_pair(char **io_at, struct pawl_log_pair *ret_pair)
{
	char *key = *io_at;
	const size_t key_size = strspn(key, "abcdefghijklmnopqrstuvwxyz_");
	char *value = key + key_size + 1;
	char *end = NULL;

	if (key_size == 0 || key[key_size] != '=')
		return false;
	if (*value == '"') {
		value++;
		end = strchr(value, '"');
		if (end == NULL || (end[1] != '\0' && end[1] != ' '))
			return false;
		*end++ = '\0';
	} else {
		end = value + strcspn(value, " \"");
		if (*end == '"')
			return false;
	}
	if (*end == ' ')
		*end++ = '\0';
	key[key_size] = '\0';
	*ret_pair = PAWL_LOG_TEXT(key, value);
	*io_at = end;
	return true;
}

static bool has_key(const struct pawl_log_pair *pairs, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(pairs[i].key, key) == 0)
			return true;
	}
	return false;
}

/* False when `text` is no such list, or names a key twice. */
static bool split_pairs(char *text, struct pawl_log_pair *ret_pairs, size_t *ret_count)
{
	size_t count = 0;

	while (*text != '\0') {
		if (count == PAIRS_MAX || !take_pair(&text, &ret_pairs[count]) ||
		    has_key(ret_pairs, count, ret_pairs[count].key))
			return false;
		count++;
	}
	*ret_count = count;
	return true;
}

void fleet_log(struct app *app, const struct pawl_fleet_effect *effect)
{
	const char *text = effect->text_count > 0 ? effect->texts[0] : "";
	struct pawl_log_pair pairs[PAIRS_MAX + 2] = { pawl_log_pair_text("", effect->name) };
	char copy[PAWL_REASON_MAX + 1];
	size_t count = 0;

	print_text(copy, sizeof(copy), "%s", text);
	if (strlen(text) >= sizeof(copy) || !split_pairs(copy, pairs + 1, &count)) {
		pairs[1] = PAWL_LOG_TEXT("detail", text);
		count = 1;
	}
	pairs[1 + count].kind = PAWL_LOG_KIND_END;
	pawl_log_write(&app->log, PAWL_LOG_INFO, pairs);
}
