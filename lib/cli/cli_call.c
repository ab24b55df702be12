/* SPDX-License-Identifier: MIT
 *
 * What a command asks about its own command line.
 */
#include "cli_internal.h"

#include "pawl/num.h"

#include <string.h>

static const struct pawl_cli_option *option_named(
    const struct pawl_cli_call *call, const char *name)
{
	const struct pawl_cli_option *option;

	for (size_t i = 0; (option = pawl_cli_option_at(call->program, call->command, i)); i++) {
		if (strcmp(option->name, name) == 0)
			return option;
	}
	PAWL_ASSERT(option != NULL); /* a command asks only for what its table has */
	return NULL;
}

size_t pawl_cli_count(const struct pawl_cli_call *call, const char *option)
{
	const struct pawl_cli_option *wanted = option_named(call, option);
	size_t count = 0;

	for (size_t i = 0; i < call->given_count; i++)
		count += call->given[i].option == wanted;
	return count;
}

const char *pawl_cli_value_at(const struct pawl_cli_call *call, const char *option, size_t index)
{
	const struct pawl_cli_option *wanted = option_named(call, option);

	for (size_t i = 0; i < call->given_count; i++) {
		if (call->given[i].option == wanted && index-- == 0)
			return call->given[i].value;
	}
	return NULL;
}

bool pawl_cli_flag(const struct pawl_cli_call *call, const char *option)
{
	return pawl_cli_count(call, option) > 0;
}

const char *pawl_cli_value(const struct pawl_cli_call *call, const char *option)
{
	const char *value = pawl_cli_value_at(call, option, 0);

	return value != NULL ? value : option_named(call, option)->preset;
}

const char *pawl_cli_argument(const struct pawl_cli_call *call, size_t index)
{
	return index < call->argument_count ? call->arguments[index] : NULL;
}

pawl_err pawl_cli_int(const struct pawl_cli_call *call, const char *option, int64_t min,
    int64_t max, int64_t *ret_value)
{
	const char *text = pawl_cli_value(call, option);

	if (text == NULL)
		return PAWL_ERR_NOT_FOUND;
	const pawl_err err = pawl_parse_i64(pawl_bytes_of(text), min, max, ret_value);
	if (err != PAWL_ERR_OK)
		(void)pawl_cli_usage(call, "--%s: '%.40s' is not a whole number from %lld to %lld",
		    option, text, (long long)min, (long long)max);
	return err;
}
