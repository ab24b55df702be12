/* SPDX-License-Identifier: MIT
 *
 * pawl/conf.h - settings: one table describes every option of a program, and
 * the file parser, the flags, --help and --print-config all read that table.
 *
 * Reads files; no global state. No heap: values land in the program's own
 * settings struct, text as fixed char arrays, so the struct may be copied and
 * needs no freeing. Any thread, as long as each object is used by one at a time.
 *
 *     struct settings { char server_url[256]; int64_t poll_min_ms; bool verbose; };
 *     static const struct pawl_conf_option options[] = {
 *             { .name = "server-url", .type = PAWL_CONF_TEXT, .min = 1,
 *               PAWL_CONF_FIELD(struct settings, server_url), .help = "Where the server is." },
 *             { .name = "poll-min-s", .type = PAWL_CONF_DURATION, .unit = "s",
 *               .min = 1000, .max = 3600000, .preset = "30",
 *               PAWL_CONF_FIELD(struct settings, poll_min_ms), .help = "Shortest poll." },
 *     };
 *
 * The file: one `key = value` a line; `#` begins a comment at the start of a
 * line or after white space; a value may stand in double quotes, inside which
 * \" and \\ are escapes and # is a character. A key given twice in one file is
 * an error; flags win over the file, the file over presets.
 */
#ifndef PAWL_CONF_H
#define PAWL_CONF_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum pawl_conf_type {
	/* type of the member     what may be written                                     */
	PAWL_CONF_BOOL,     /* bool          yes no true false on off 1 0; as a flag: bare = yes */
	PAWL_CONF_INT,      /* int64_t       decimal, optional '-'                           */
	PAWL_CONF_SIZE,     /* int64_t bytes decimal, optional KiB MiB GiB                   */
	PAWL_CONF_DURATION, /* int64_t ms    decimal, optional ms s min h d; without: `unit` */
	PAWL_CONF_TEXT,     /* char[N]       bytes that are no control characters                */
	PAWL_CONF_PATH,     /* char[N]       as TEXT                                         */
	PAWL_CONF_LIST      /* char[N]       items with commas between; see pawl_conf_list_next */
} pawl_conf_type;

struct pawl_conf_option {
	const char *name; /* lower case with hyphens, as in the file and after "--"    */
	pawl_conf_type type;
	const char *unit;   /* of a number without suffix: "s" or "ms" for DURATION
			       (NULL: "s"); for INT only shown to people; may be NULL    */
	int64_t min;        /* lowest value; TEXT, PATH: bytes; LIST: number of items    */
	int64_t max;        /* highest; 0 with min 0 for numbers: any that is not negative;
			       0 for TEXT, PATH, LIST: what the member holds             */
	const char *preset; /* the default, written as in a file; NULL: the option must be
			       given; "": empty text or no items                       */
	size_t offset;      /* of the member in the settings struct                    */
	size_t size;        /* of the member in bytes                                  */
	const char *help;   /* one sentence                                            */
};

/* Sets .offset and .size of an option. */
#define PAWL_CONF_FIELD(type_, member_)                                                            \
	.offset = offsetof(type_, member_), .size = sizeof(((type_ *)0)->member_)

enum {
	PAWL_CONF_OPTIONS_MAX = 64,          /* rows of a table; more is a bug                */
	PAWL_CONF_FILE_SIZE_MAX = 64 * 1024, /* nobody writes a longer file by hand       */
	PAWL_CONF_VALUE_MAX = 4096           /* bytes of one value                            */
};

/* A settings struct being filled. */
struct pawl_conf {
	const struct pawl_conf_option *options;
	size_t count;
	void *settings;
	/* For each option, where its value comes from: 0 preset or missing, -1 a
	 * flag, otherwise the line of the file. */
	int32_t origin[PAWL_CONF_OPTIONS_MAX];
};

/* Begins with the presets in `*settings` (numbers 0 and text "" where there is
 * none). Keeps `options` and `settings`. A wrong table is a bug and panics. */
void pawl_conf_init(
    struct pawl_conf *conf, const struct pawl_conf_option *options, size_t count, void *settings);

/* Sets one option from text. PAWL_ERR_NOT_FOUND for an unknown name (the note
 * names the nearest), PAWL_ERR_SYNTAX or PAWL_ERR_RANGE for a bad value (the
 * note says what is allowed). The value is then unchanged. */
PAWL_MUST_CHECK pawl_err pawl_conf_set(
    struct pawl_conf *conf, const char *name, struct pawl_bytes value, struct pawl_note *note);

/* Reads a whole file from memory; `file_name` is for messages. The errors of
 * pawl_conf_set, PAWL_ERR_EXISTS for a key given twice; the note begins with
 * "file:line: ". Lines before the failing one have been applied. */
PAWL_MUST_CHECK pawl_err pawl_conf_read_text(
    struct pawl_conf *conf, const char *file_name, struct pawl_bytes text, struct pawl_note *note);

/* The same from a file. Also PAWL_ERR_NOT_FOUND when it is missing,
 * PAWL_ERR_DENIED, PAWL_ERR_IO, PAWL_ERR_LIMIT above PAWL_CONF_FILE_SIZE_MAX. */
PAWL_MUST_CHECK pawl_err pawl_conf_read_file(
    struct pawl_conf *conf, const char *path, struct pawl_note *note);

/* Reads `--key value` and `--key=value` from `argv` (without the program's
 * name); BOOL as `--key` or `--key=no`. Anything else is PAWL_ERR_SYNTAX. */
PAWL_MUST_CHECK pawl_err pawl_conf_read_flags(
    struct pawl_conf *conf, int argc, char *const argv[], struct pawl_note *note);

/* PAWL_ERR_NOT_FOUND, naming the options, when one without preset was not given. */
PAWL_MUST_CHECK pawl_err pawl_conf_check(const struct pawl_conf *conf, struct pawl_note *note);

/* Prints every option with its value in the file's format, the help sentence
 * above it as a comment; what is printed can be read back. */
void pawl_conf_print(const struct pawl_conf *conf, FILE *out);

/* Prints the options section of --help, at most 100 columns. */
void pawl_conf_help(const struct pawl_conf_option *options, size_t count, FILE *out);

/* Steps through a LIST value: takes the first item off `*rest` (start with
 * pawl_bytes_of(member)). False at the end. The item points into the member. */
bool pawl_conf_list_next(struct pawl_bytes *rest, struct pawl_bytes *ret_item);

/* --- the start of a daemon --- */

struct pawl_conf_program {
	const char *name;    /* "pawl-server" */
	const char *summary; /* one sentence  */
	const char *version; /* "0.1.0"       */
	const char
	    *default_file; /* read when --config is not given and the file exists; may be NULL */
	const struct pawl_conf_option *options;
	size_t count;
};

/* What every daemon does first: presets, then the file of --config FILE, then
 * flags; answers --help, --version, --print-config and --check-config. Returns -1
 * when the program should go on with `*settings` filled and checked, else the
 * exit code: 0 when the question was answered on `out`, 2 when something was
 * wrong and `err` says what. */
int pawl_conf_start(const struct pawl_conf_program *program, int argc, char *const argv[],
    void *settings, FILE *out, FILE *err);

/* --- nearest names, also used by pawl/cli.h --- */

/* True when `candidate` is near enough to `word` to suggest it and nearer than
 * `*io_distance`, which is then lowered. Start with INT_MAX. */
bool pawl_conf_is_nearer(const char *word, const char *candidate, int *io_distance);

#endif
