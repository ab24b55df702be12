/* SPDX-License-Identifier: MIT
 *
 * What the files of lib/cli share.
 */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "pawl/cli.h"

/* Columns that no help text exceeds. */
enum { CLI_HELP_WIDTH = 100, CLI_OPTIONS_MAX = 64, CLI_WORDS_MAX = 4 };

/* What every command has. */
extern const struct pawl_cli_option pawl_cli_common_options[];

/* All options of a command (its own, the program's, the common ones) by index;
 * NULL at the end. `command` may be NULL. */
const struct pawl_cli_option *pawl_cli_option_at(
    const struct pawl_cli_program *program, const struct pawl_cli_command *command, size_t index);

bool pawl_cli_is_single(const struct pawl_cli_program *program);

/* Does `path` begin with the words before `size` in `words`, and end there or go on? */
bool pawl_cli_path_begins(const char *path, const char *const *words, size_t count);

/* Help of the whole program (0 words), a group or a command. False: no such thing. */
bool pawl_cli_print_help(
    const struct pawl_cli_program *program, const char *const *words, size_t count, FILE *out);

/* The size of the valid UTF-8 character at `at`, with its columns; 0: invalid
 * or a control character. `at` is NUL-terminated. */
size_t pawl_cli_character(const char *at, size_t *ret_columns);

#endif
