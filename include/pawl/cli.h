/* SPDX-License-Identifier: MIT
 *
 * pawl/cli.h - command lines for people: a table of commands gives parsing,
 * --help, usage errors, suggestions and bash completion; and what commands
 * print: tables, blocks, progress, questions.
 *
 * Does I/O on the streams it is given; no global state. Heap only inside
 * pawl_cli_main and tables. One thread.
 *
 *     static const struct pawl_cli_option start_options[] = {
 *             { .name = "dry-run", .kind = PAWL_CLI_FLAG, .help = "Only say what would happen." },
 *             { 0 },
 *     };
 *     static const struct pawl_cli_command commands[] = {
 *             { .path = "rollout start", .arguments = "ID", .summary = "Starts a rollout.",
 *               .options = start_options, .run = run_rollout_start },
 *             { 0 },
 *     };
 *     static const struct pawl_cli_program program = { .name = "pawl", .version = PAWL_VERSION,
 *             .summary = "...", .commands = commands };
 *     int main(int argc, char **argv) { return pawl_cli_main(&program, argc, argv, &context); }
 *
 * Every command has --help and --json without listing them. With --json a
 * command prints exactly one JSON document and a newline on `out` and nothing
 * else; failures are one JSON object on `err` (pawl_cli_fail does that).
 * Added by itself: `help [COMMAND]`, `--version`, `completion` (bash script).
 */
#ifndef PAWL_CLI_H
#define PAWL_CLI_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of all programs. What scripts do next differs: 1 needs a look, 3 may
 * be tried again later, 4 needs a person with the key. */
typedef enum pawl_cli_exit {
	PAWL_CLI_OK = 0,
	PAWL_CLI_FAILED = 1,      /* it could not be done, or was examined and refused        */
	PAWL_CLI_USAGE = 2,       /* the command line is wrong; nothing was done              */
	PAWL_CLI_UNREACHABLE = 3, /* the server does not answer                               */
	PAWL_CLI_DENIED = 4       /* a permission, key or passphrase is missing or wrong      */
} pawl_cli_exit;

typedef enum pawl_cli_kind {
	PAWL_CLI_FLAG,  /* --name                                              */
	PAWL_CLI_VALUE, /* --name VALUE or --name=VALUE; at most once          */
	PAWL_CLI_REPEAT /* the same, any number of times, order kept           */
} pawl_cli_kind;

/* A table of options ends with a row whose name is NULL. */
struct pawl_cli_option {
	const char *name; /* long name without dashes                                      */
	char letter;      /* short form, or 0                                              */
	pawl_cli_kind kind;
	bool required;     /* must be given                                                 */
	const char *value; /* what stands for the value in help: "FILE", "DIR" (both are
			      completed as such), "ID"; NULL: "VALUE"                       */
	const char
	    *choices; /* "a|b|c": other values are refused, completion offers these; or NULL */
	const char *preset; /* value when not given; NULL: none                           */
	const char *help;   /* one sentence                                                */
};

struct pawl_cli_call;

/* A table of commands ends with a row whose path is NULL. */
struct pawl_cli_command {
	const char *path;      /* words: "rollout start"; "" (the only row then): the program
				  itself has no commands                                         */
	const char *arguments; /* positional ones: "ID [FILE...]": [] optional, ... repeated,
				  only last; NULL or "": none                               */
	const char *summary;   /* one sentence                                              */
	const char *details;   /* paragraphs for --help, wrapped by us, blank line between; a line
				  that begins with a space is printed as it is; or NULL     */
	const struct pawl_cli_option *options; /* NULL: none                                */
	/* Returns the exit code, a pawl_cli_exit. */
	int (*run)(struct pawl_cli_call *call);
	bool hidden; /* not in lists and completion                                         */
};

/* What "pawl rollout" alone is about; a table ends with a NULL word. Optional. */
struct pawl_cli_group {
	const char *word;
	const char *summary;
};

struct pawl_cli_program {
	const char *name;
	const char *version;
	const char *summary;
	const char *details; /* as in a command; or NULL */
	const struct pawl_cli_command *commands;
	const struct pawl_cli_group *groups;   /* or NULL */
	const struct pawl_cli_option *options; /* every command has these too, before or
						* after its words; or NULL */
};

struct pawl_cli_given {
	const struct pawl_cli_option *option;
	const char *value; /* NULL for a flag */
};

/* One command line, taken apart; valid while `run` runs. Strings point into argv. */
struct pawl_cli_call {
	const struct pawl_cli_program *program;
	const struct pawl_cli_command *command;
	void *context;                /* as handed to pawl_cli_main                         */
	const char *const *arguments; /* the positional ones                                */
	size_t argument_count;        /* already checked against `command->arguments`       */
	const struct pawl_cli_given *given;
	size_t given_count;
	bool json; /* --json was given                                   */
	FILE *out;
	FILE *err;
};

/* Parses, checks and runs; returns the exit code. The second takes other
 * streams than stdout and stderr, for tests. --help goes to `out`, code 0;
 * usage errors go to `err`, code 2, with the nearest name. A failed write to
 * `out` (disk full, closed pipe) turns success into PAWL_CLI_FAILED. */
int pawl_cli_main(
    const struct pawl_cli_program *program, int argc, char *const argv[], void *context);
int pawl_cli_main_to(const struct pawl_cli_program *program, int argc, char *const argv[],
    void *context, FILE *out, FILE *err);

/* What was given. An option that is not in the command's table is a bug. */
bool pawl_cli_flag(const struct pawl_cli_call *call, const char *option);
/* The value, else the preset, else NULL. */
const char *pawl_cli_value(const struct pawl_cli_call *call, const char *option);
size_t pawl_cli_count(const struct pawl_cli_call *call, const char *option);
/* The value of the index-th time it was given, index < pawl_cli_count(). */
const char *pawl_cli_value_at(const struct pawl_cli_call *call, const char *option, size_t index);
/* The index-th positional argument; NULL when it was not given. */
const char *pawl_cli_argument(const struct pawl_cli_call *call, size_t index);
/* A whole number in [min, max]; the preset counts. PAWL_ERR_NOT_FOUND when neither
 * is there, PAWL_ERR_RANGE or PAWL_ERR_SYNTAX when it is wrong: the message has then
 * been printed and the command should return PAWL_CLI_USAGE. */
PAWL_MUST_CHECK pawl_err pawl_cli_int(const struct pawl_cli_call *call, const char *option,
    int64_t min, int64_t max, int64_t *ret_value);

/* Prints "<program> <command>: <message>" and how to get help to call->err;
 * returns PAWL_CLI_USAGE, so that a command can `return pawl_cli_usage(...)`. */
int pawl_cli_usage(const struct pawl_cli_call *call, const char *format, ...) PAWL_PRINTF(2, 3);

/* UNREACHABLE for PAWL_ERR_NETWORK and _TIMEOUT, DENIED for _DENIED, otherwise
 * FAILED; OK for PAWL_ERR_OK. */
pawl_cli_exit pawl_cli_exit_of(pawl_err err);

/* Reports a failure to call->err and returns pawl_cli_exit_of(err):
 *   text   pawl rollout start: <what>: <note or the error's text>
 *   --json {"error":{"code":"<pawl_err_name>","what":"...","message":"..."}}
 * `what` names the thing acted on; it and `note` may be NULL. */
int pawl_cli_fail(
    const struct pawl_cli_call *call, pawl_err err, const char *what, const struct pawl_note *note);

/* The bash completion script. */
void pawl_cli_print_completion(const struct pawl_cli_program *program, FILE *out);

/* --- text on a terminal --- */

/* Columns that `text` takes; invalid UTF-8 counts one column a byte. */
size_t pawl_cli_width(const char *text);
/* Columns of the terminal behind `out`; 0 when it is not one. */
size_t pawl_cli_terminal_width(FILE *out);
/* Prints `text` with control characters and invalid UTF-8 replaced by '?': for anything
 * that came over the network. */
void pawl_cli_print_safe(FILE *out, const char *text);

struct pawl_cli_column {
	const char *title;
	bool right;  /* align to the right: numbers                                         */
	bool shrink; /* may be cut, with "..." at its end, when the terminal is too narrow  */
};

struct pawl_cli_table;

/* PAWL_ERR_NO_MEMORY. Keeps `columns`. */
PAWL_MUST_CHECK pawl_err pawl_cli_table_create(
    const struct pawl_cli_column *columns, size_t count, struct pawl_cli_table **ret_table);
void pawl_cli_table_destroy(struct pawl_cli_table *table);
/* Copies `count` cells, made safe as in pawl_cli_print_safe; NULL and "" become "-".
 * PAWL_ERR_NO_MEMORY: the row is not there. */
PAWL_MUST_CHECK pawl_err pawl_cli_table_add(struct pawl_cli_table *table, const char *const *cells);
/* Titles and rows, two spaces between columns, no trailing spaces. `width` in
 * columns; 0: the terminal's, and as wide as needed when `out` is not one. */
void pawl_cli_table_print(const struct pawl_cli_table *table, FILE *out, size_t width);

/* One `key=value` line; values with spaces, quotes or nothing in them are quoted,
 * control characters are written as \n, \t or \xNN. NULL prints `key=-`. */
void pawl_cli_print_pair(FILE *out, const char *key, const char *value);
void pawl_cli_print_pair_int(FILE *out, const char *key, int64_t value);

/* --- progress --- */

/* On a terminal one line that is rewritten at most ten times a second; otherwise
 * a plain line at the start, at most every ten seconds, and at the end. */
struct pawl_cli_progress {
	FILE *out;
	const char *label;
	uint64_t total; /* bytes; 0: unknown */
	bool terminal;
	bool begun;
	struct pawl_mono printed;
};

/* Keeps `out` (usually stderr) and `label`. Prints nothing. */
struct pawl_cli_progress pawl_cli_progress_of(FILE *out, const char *label, uint64_t total);
void pawl_cli_progress_update(
    struct pawl_cli_progress *progress, uint64_t done, struct pawl_mono now);
/* The last line, whatever the rate limit says, and a newline. */
void pawl_cli_progress_finish(struct pawl_cli_progress *progress, uint64_t done);

/* --- questions --- */

/* Asks on the controlling terminal with echo off; the line without its newline.
 * PAWL_ERR_UNSUPPORTED when there is no terminal, PAWL_ERR_LIMIT when it does not
 * fit, PAWL_ERR_CANCELLED at end of input, PAWL_ERR_IO. Echo is on again in every
 * case, also after Ctrl-C. The caller wipes `ret_text` (pawl_bytes_wipe). */
PAWL_MUST_CHECK pawl_err pawl_cli_read_secret(const char *prompt, size_t capacity, char *ret_text);
/* The same on an open terminal. */
PAWL_MUST_CHECK pawl_err pawl_cli_read_secret_fd(
    int terminal_fd, const char *prompt, size_t capacity, char *ret_text);

/* Asks "<question> [y/N] " on `out` and reads one line from `in`. True only for
 * y or yes. When `in` is not a terminal it does not ask and answers false; say
 * in the command's help that --yes is for scripts. */
bool pawl_cli_confirm(FILE *in, FILE *out, const char *question);

#endif
