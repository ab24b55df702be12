/* SPDX-License-Identifier: MIT
 *
 * One event, one line, one write(2). Everything that came from outside goes
 * through put_value, which is the only place that decides what a line may hold.
 */
#include "pawl/log.h"

#include "pawl/text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Kept free at the end of each line. */
#define CUT " cut=yes\n"
enum { CUT_SIZE = sizeof(CUT) - 1, KEY_MAX = 40 };
/* ... and one byte for a closing quote. */
enum { LINE_ROOM = PAWL_LOG_LINE_MAX - CUT_SIZE - 1 };

struct line {
	char *at;
	size_t size;
	bool cut;
};

static const char *const level_names[] = {
	[PAWL_LOG_ERROR] = "error",
	[PAWL_LOG_WARN] = "warn",
	[PAWL_LOG_INFO] = "info",
	[PAWL_LOG_DEBUG] = "debug",
};
enum { LEVELS = sizeof(level_names) / sizeof(level_names[0]) };

const char *pawl_log_level_name(pawl_log_level level)
{
	return level_names[level];
}

pawl_err pawl_log_level_of(const char *name, pawl_log_level *ret_level)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (pawl_log_level)i;
			return PAWL_ERR_OK;
		}
	}
	return PAWL_ERR_NOT_FOUND;
}

struct pawl_log pawl_log_of(int fd, pawl_log_level least)
{
	return (struct pawl_log){ .fd = fd, .least = least };
}

struct pawl_log_pair pawl_log_pair_text(const char *key, const char *text)
{
	return (struct pawl_log_pair){ .kind = PAWL_LOG_KIND_TEXT,
		.key = key,
		.text = text == NULL ? PAWL_BYTES(NULL, 0) : pawl_bytes_of(text) };
}

/* All of `text` or nothing: a line is never cut inside an escape. */
static void put(struct line *line, const char *text, size_t size)
{
	if (line->cut || line->size + size > LINE_ROOM) {
		line->cut = true;
		return;
	}
	memcpy(line->at + line->size, text, size);
	line->size += size;
}

/* The size of the UTF-8 character at `at`, 0 when there is none that may stand
 * in a line: terminals obey controls and the marks that turn text around. */
static size_t utf8_size(const uint8_t *at, size_t left)
{
	const size_t size = pawl_utf8_next(PAWL_BYTES(at, left));
	uint8_t memory[4];
	struct pawl_buf clean = pawl_buf_of(memory, sizeof(memory));

	if (size <= 1)
		return size;
	pawl_put_clean(&clean, PAWL_BYTES(at, size), sizeof(memory));
	return clean.size == size && memcmp(memory, at, size) == 0 ? size : 0;
}

static bool is_bare(struct pawl_bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		const uint8_t c = text.at[i];
		const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') ||
				  strchr("._:/+-@%,*~[]()", (int)c) != NULL;

		if (!word || c == 0)
			return false;
	}
	return text.size > 0;
}

static void put_value(struct line *line, struct pawl_bytes text)
{
	static const char hex[] = "0123456789abcdef";

	if (text.at == NULL) {
		put(line, "-", 1);
		return;
	}
	if (is_bare(text) && !pawl_bytes_is(text, "-")) {
		/* Long words are cut like quoted ones: what fits stays. */
		for (size_t i = 0; i < text.size; i++)
			put(line, (const char *)text.at + i, 1);
		return;
	}
	put(line, "\"", 1);
	for (size_t i = 0; i < text.size;) {
		const uint8_t c = text.at[i];
		const size_t size = utf8_size(text.at + i, text.size - i);

		if (c == '"' || c == '\\') {
			put(line, (const char[]){ '\\', (char)c }, 2);
			i++;
		} else if (size == 0 || c < 0x20 || c == 0x7f) {
			put(line, (const char[]){ '\\', 'x', hex[c >> 4], hex[c & 15U] }, 4);
			i++;
		} else {
			put(line, (const char *)text.at + i, size);
			i += size;
		}
	}
	put(line, "\"", 1);
}

static void put_time(struct line *line, struct pawl_wall now)
{
	const int64_t ms = now.ms < 0 ? 0 : now.ms;
	const time_t seconds = (time_t)(ms / 1000);
	struct tm utc;
	char text[40];

	if (gmtime_r(&seconds, &utc) == NULL)
		memset(&utc, 0, sizeof(utc));
	const size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	const char fraction[] = { '.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10),
		(char)('0' + ms % 10), 'Z', ' ' };

	put(line, text, size);
	put(line, fraction, sizeof(fraction));
}

static void put_pair(struct line *line, const struct pawl_log_pair *pair)
{
	const size_t before = line->size;
	char number[24];
	struct pawl_buf digits = pawl_buf_of(number, sizeof(number));

	put(line, " ", 1);
	put(line, pair->key, strnlen(pair->key, KEY_MAX));
	put(line, "=", 1);
	const size_t value_begins = line->size;
	if (pair->kind == PAWL_LOG_KIND_INT) {
		pawl_put_int(&digits, pair->number);
		put(line, number, digits.size);
	} else {
		put_value(line, pair->text);
	}
	if (!line->cut)
		return;
	/* A cut number would be another number, and a key needs its value. Text keeps its
	 * beginning; a quote that was opened is closed in the byte that LINE_ROOM leaves. */
	if (pair->kind == PAWL_LOG_KIND_INT || line->size <= value_begins + 1) {
		line->size = before;
		return;
	}
	if (line->at[value_begins] == '"')
		line->at[line->size++] = '"';
}

size_t pawl_log_format(pawl_log_level level, struct pawl_wall now,
    const struct pawl_log_pair *pairs, char ret_line[PAWL_LOG_LINE_MAX])
{
	struct line line = { .at = ret_line };

	put_time(&line, now);
	put(&line, level_names[level], strlen(level_names[level]));
	put(&line, " ", 1);
	put(&line, (const char *)pairs[0].text.at, pairs[0].text.size);
	for (size_t i = 1; pairs[i].kind != PAWL_LOG_KIND_END && !line.cut; i++)
		put_pair(&line, &pairs[i]);
	if (line.cut) {
		memcpy(line.at + line.size, CUT, CUT_SIZE);
		return line.size + CUT_SIZE;
	}
	line.at[line.size++] = '\n';
	return line.size;
}

static struct pawl_wall system_now(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return (struct pawl_wall){ 0 };
	return (struct pawl_wall){ (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 };
}

void pawl_log_write(
    const struct pawl_log *log, pawl_log_level level, const struct pawl_log_pair *pairs)
{
	char line[PAWL_LOG_LINE_MAX];

	if (log->fd < 0 || level > log->least)
		return;
	const size_t size = pawl_log_format(
	    level, log->now == NULL ? system_now() : log->now(log->now_context), pairs, line);
	const int error = errno;
	/* Once: a second write would mix with another thread's line. */
	ssize_t written = -1;
	do
		written = write(log->fd, line, size);
	while (written < 0 && errno == EINTR);
	errno = error;
}
