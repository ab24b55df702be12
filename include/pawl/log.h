/* SPDX-License-Identifier: MIT
 *
 * pawl/log.h - events for operators: one line each, stable names, key=value.
 *
 *     2026-11-22T15:00:00.123Z info device.enrolled device=dev1 product=acme
 *
 * Writes to a file descriptor and reads the wall clock; no other state than
 * the object. Threads: any number may log to one object; a line is one write(2),
 * so lines do not mix (on files opened with O_APPEND, pipes and sockets).
 *
 *     pawl_log_event(&log, PAWL_LOG_INFO, "device.enrolled",
 *         PAWL_LOG_TEXT("device", id), PAWL_LOG_INT("attempt", n));
 *
 * Every event name stands in lib/log/events.txt with its meaning and what to do;
 * tools/check_events.py fails the build otherwise. Nothing a peer sent can start
 * a new line or a new key: values are quoted, control characters and bytes that are
 * not UTF-8 are written as \xNN, and a line ends at 4096 bytes with " cut=yes".
 */
#ifndef PAWL_LOG_H
#define PAWL_LOG_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/time.h"

#include <stdint.h>

typedef enum pawl_log_level {
	PAWL_LOG_ERROR, /* something is broken; a person should look         */
	PAWL_LOG_WARN,  /* it goes on, but not as it should                  */
	PAWL_LOG_INFO,  /* what an operator wants to see a day later         */
	PAWL_LOG_DEBUG  /* for whoever looks for a fault                     */
} pawl_log_level;

enum { PAWL_LOG_LINE_MAX = 4096 };

struct pawl_log {
	int fd;               /* borrowed; -1: nothing is written                    */
	pawl_log_level least; /* events less severe than this are dropped            */
	/* NULL: the system's wall clock. Tests put their own here. */
	struct pawl_wall (*now)(void *context);
	void *now_context;
};

typedef enum pawl_log_kind {
	PAWL_LOG_KIND_END,
	PAWL_LOG_KIND_TEXT,
	PAWL_LOG_KIND_INT
} pawl_log_kind;

struct pawl_log_pair {
	pawl_log_kind kind;
	const char *key; /* [a-z0-9_]+ */
	struct pawl_bytes text;
	int64_t number;
};

/* NUL-terminated text; NULL is written as "-". */
#define PAWL_LOG_TEXT(key_, text_) pawl_log_pair_text(key_, text_)
#define PAWL_LOG_BYTES(key_, bytes_)                                                               \
	((struct pawl_log_pair){ .kind = PAWL_LOG_KIND_TEXT, .key = (key_), .text = (bytes_) })
#define PAWL_LOG_INT(key_, value_)                                                                 \
	((struct pawl_log_pair){                                                                   \
	    .kind = PAWL_LOG_KIND_INT, .key = (key_), .number = (int64_t)(value_) })
/* A pawl_err by its name: error=no_space */
#define PAWL_LOG_ERR(err_) pawl_log_pair_text("error", pawl_err_name(err_))

/* `event_` is a string literal "area.what"; pairs follow. Dropped silently when the
 * descriptor can not be written: a log must not stop what it describes. */
#define pawl_log_event(log_, level_, event_, ...)                                                  \
	pawl_log_write((log_), (level_),                                                           \
	    (const struct pawl_log_pair[]){ pawl_log_pair_text("", "" event_ ""), ##__VA_ARGS__,   \
		{ .kind = PAWL_LOG_KIND_END } })

/* Logs to `fd` (stderr: 2) with the system clock. */
struct pawl_log pawl_log_of(int fd, pawl_log_level least);
struct pawl_log_pair pawl_log_pair_text(const char *key, const char *text);

/* The first pair is the event's name. Use pawl_log_event. */
void pawl_log_write(
    const struct pawl_log *log, pawl_log_level level, const struct pawl_log_pair *pairs);

/* The line as it would be written, for tests and for journals of other kinds.
 * `ret_line` gets the text with its newline, not NUL-terminated; returns its size. */
size_t pawl_log_format(pawl_log_level level, struct pawl_wall now,
    const struct pawl_log_pair *pairs, char ret_line[PAWL_LOG_LINE_MAX]);

/* "error", "warn", "info", "debug". PAWL_ERR_NOT_FOUND for other words. */
const char *pawl_log_level_name(pawl_log_level level);
PAWL_MUST_CHECK pawl_err pawl_log_level_of(const char *name, pawl_log_level *ret_level);

#endif
