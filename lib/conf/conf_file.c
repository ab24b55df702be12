/* SPDX-License-Identifier: MIT
 *
 * The readers: a file, its lines, the flags. All of them end in pawl_conf_set.
 */
#include "conf_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { ORIGIN_FLAG = -1 };

void pawl_conf_init(
    struct pawl_conf *conf, const struct pawl_conf_option *options, size_t count, void *settings)
{
	PAWL_ASSERT(count <= PAWL_CONF_OPTIONS_MAX);
	*conf = (struct pawl_conf){ .options = options, .count = count, .settings = settings };
	for (size_t i = 0; i < count; i++) {
		PAWL_ASSERT(options[i].size > 0 && options[i].help != NULL);
		memset((char *)settings + options[i].offset, 0, options[i].size);
		if (options[i].preset == NULL)
			continue;
		/* "" is how an option says "none": it may stand below the minimum. */
		if (options[i].preset[0] == '\0' && options[i].type >= PAWL_CONF_TEXT)
			continue;
		const pawl_err err = pawl_conf_store_value(
		    &options[i], pawl_bytes_of(options[i].preset), settings, NULL);
		PAWL_ASSERT(err == PAWL_ERR_OK);
	}
}

int pawl_conf_find(const struct pawl_conf *conf, struct pawl_bytes name)
{
	for (size_t i = 0; i < conf->count; i++) {
		if (pawl_bytes_is(name, conf->options[i].name))
			return (int)i;
	}
	return -1;
}

static pawl_err refuse_name(
    const struct pawl_conf *conf, struct pawl_bytes name, struct pawl_note *note)
{
	char word[64];
	const char *nearest = NULL;
	int distance = INT_MAX;

	pawl_note_add(note, "unknown key ");
	pawl_conf_add_quoted(note, name);
	if (pawl_bytes_to_text(name, sizeof(word), word) == PAWL_ERR_OK) {
		for (size_t i = 0; i < conf->count; i++) {
			if (pawl_conf_is_nearer(word, conf->options[i].name, &distance))
				nearest = conf->options[i].name;
		}
	}
	if (nearest != NULL) {
		pawl_note_add(note, "; did you mean '");
		pawl_note_add(note, nearest);
		pawl_note_add(note, "'?");
	}
	return PAWL_ERR_NOT_FOUND;
}

/* Sets one option and remembers where the value came from. The note gets the
 * whole message after its prefix. */
static pawl_err set_from(struct pawl_conf *conf, struct pawl_bytes name, struct pawl_bytes value,
    int32_t origin, struct pawl_note *note)
{
	const int index = pawl_conf_find(conf, name);
	struct pawl_note detail = { { 0 } };

	if (index < 0)
		return refuse_name(conf, name, note);
	const pawl_err err =
	    pawl_conf_store_value(&conf->options[index], value, conf->settings, &detail);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(note, conf->options[index].name);
		pawl_note_add(note, ": ");
		pawl_note_add(note, detail.text);
		return err;
	}
	conf->origin[index] = origin;
	return PAWL_ERR_OK;
}

pawl_err pawl_conf_set(
    struct pawl_conf *conf, const char *name, struct pawl_bytes value, struct pawl_note *note)
{
	return set_from(conf, pawl_bytes_of(name), value, ORIGIN_FLAG, note);
}

/* --- the file --- */

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static struct pawl_bytes trim(struct pawl_bytes text)
{
	while (text.size > 0 && is_blank(text.at[0]))
		text = PAWL_BYTES(text.at + 1, text.size - 1);
	while (text.size > 0 && is_blank(text.at[text.size - 1]))
		text.size--;
	return text;
}

/* The value after '=': quoted, or up to a comment. `scratch` holds a quoted one. */
static pawl_err read_value(struct pawl_bytes text, struct pawl_buf *scratch,
    struct pawl_bytes *ret_value, struct pawl_note *note)
{
	size_t at = 0;

	text = trim(text);
	if (text.size == 0 || text.at[0] != '"') {
		while (at < text.size &&
		       !(text.at[at] == '#' && (at == 0 || is_blank(text.at[at - 1]))))
			at++;
		*ret_value = trim(PAWL_BYTES(text.at, at));
		return PAWL_ERR_OK;
	}
	for (at = 1; at < text.size && text.at[at] != '"'; at++) {
		if (text.at[at] == '\\') {
			at++;
			if (at == text.size || (text.at[at] != '"' && text.at[at] != '\\')) {
				pawl_note_add(note, "after \\ only \" or \\ may stand");
				return PAWL_ERR_SYNTAX;
			}
		}
		pawl_put_u8(scratch, text.at[at]);
	}
	if (at >= text.size) {
		pawl_note_add(note, "the closing quote is missing");
		return PAWL_ERR_SYNTAX;
	}
	const struct pawl_bytes rest = trim(PAWL_BYTES(text.at + at + 1, text.size - at - 1));
	if (rest.size > 0 && rest.at[0] != '#') {
		pawl_note_add(note, "text after the closing quote: ");
		pawl_conf_add_quoted(note, rest);
		return PAWL_ERR_SYNTAX;
	}
	if (scratch->overflow) {
		pawl_note_add(note, "the value is too long; allowed: at most ");
		pawl_note_add_int(note, PAWL_CONF_VALUE_MAX);
		pawl_note_add(note, " bytes");
		return PAWL_ERR_LIMIT;
	}
	*ret_value = pawl_buf_bytes(scratch);
	return PAWL_ERR_OK;
}

static pawl_err read_line(struct pawl_conf *conf, struct pawl_bytes line, int32_t line_number,
    int32_t *lines_seen, struct pawl_note *note)
{
	uint8_t quoted[PAWL_CONF_VALUE_MAX];
	struct pawl_buf scratch = pawl_buf_of(quoted, sizeof(quoted));
	struct pawl_bytes value = PAWL_BYTES(NULL, 0);

	line = trim(line);
	if (line.size > 0 && line.at[line.size - 1] == '\r')
		line = trim(PAWL_BYTES(line.at, line.size - 1));
	if (line.size == 0 || line.at[0] == '#')
		return PAWL_ERR_OK;
	const uint8_t *equals = memchr(line.at, '=', line.size);
	if (equals == NULL) {
		pawl_note_add(note, "expected 'key = value', found ");
		pawl_conf_add_quoted(note, line);
		return PAWL_ERR_SYNTAX;
	}
	const size_t name_size = (size_t)(equals - line.at);
	const struct pawl_bytes name = trim(PAWL_BYTES(line.at, name_size));
	PAWL_TRY(
	    read_value(PAWL_BYTES(equals + 1, line.size - name_size - 1), &scratch, &value, note));
	const int index = pawl_conf_find(conf, name);
	if (index >= 0 && lines_seen[index] != 0) {
		pawl_note_add(note, conf->options[index].name);
		pawl_note_add(note, ": given twice; the first is in line ");
		pawl_note_add_int(note, lines_seen[index]);
		return PAWL_ERR_EXISTS;
	}
	PAWL_TRY(set_from(conf, name, value, line_number, note));
	lines_seen[index] = line_number;
	return PAWL_ERR_OK;
}

pawl_err pawl_conf_read_text(
    struct pawl_conf *conf, const char *file_name, struct pawl_bytes text, struct pawl_note *note)
{
	int32_t lines_seen[PAWL_CONF_OPTIONS_MAX] = { 0 };
	int32_t line_number = 0;

	while (text.size > 0) {
		const uint8_t *newline = memchr(text.at, '\n', text.size);
		const size_t size = newline == NULL ? text.size : (size_t)(newline - text.at);
		struct pawl_note detail = { { 0 } };

		line_number++;
		const pawl_err err =
		    read_line(conf, PAWL_BYTES(text.at, size), line_number, lines_seen, &detail);
		if (err != PAWL_ERR_OK) {
			pawl_note_add(note, file_name);
			pawl_note_add(note, ":");
			pawl_note_add_int(note, line_number);
			pawl_note_add(note, ": ");
			pawl_note_add(note, detail.text);
			return err;
		}
		const size_t used = newline == NULL ? size : size + 1;
		text = PAWL_BYTES(text.at + used, text.size - used);
	}
	return PAWL_ERR_OK;
}

static pawl_err refuse_file(const char *path, int error, struct pawl_note *note)
{
	pawl_note_add(note, path);
	pawl_note_add(note, ": ");
	pawl_note_add(note, strerror(error));
	if (error == ENOENT || error == ENOTDIR)
		return PAWL_ERR_NOT_FOUND;
	return error == EACCES || error == EPERM ? PAWL_ERR_DENIED : PAWL_ERR_IO;
}

pawl_err pawl_conf_read_file(struct pawl_conf *conf, const char *path, struct pawl_note *note)
{
	uint8_t text[PAWL_CONF_FILE_SIZE_MAX + 1];
	size_t size = 0;
	ssize_t got = 1;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return refuse_file(path, errno, note);
	while (got > 0 && size < sizeof(text)) {
		got = read(fd, text + size, sizeof(text) - size);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			size += (size_t)got;
	}
	const int error = errno;
	(void)close(fd); /* only read from */
	if (got < 0)
		return refuse_file(path, error, note);
	if (size > PAWL_CONF_FILE_SIZE_MAX) {
		pawl_note_add(note, path);
		pawl_note_add(note, ": longer than the allowed bytes: ");
		pawl_note_add_int(note, PAWL_CONF_FILE_SIZE_MAX);
		return PAWL_ERR_LIMIT;
	}
	return pawl_conf_read_text(conf, path, PAWL_BYTES(text, size), note);
}

/* --- flags --- */

static bool is_bool_option(const struct pawl_conf *conf, struct pawl_bytes name)
{
	const int index = pawl_conf_find(conf, name);

	return index >= 0 && conf->options[index].type == PAWL_CONF_BOOL;
}

static pawl_err read_flag(struct pawl_conf *conf, const char *word, const char *next,
    bool *ret_used_next, struct pawl_note *note)
{
	struct pawl_bytes name = pawl_bytes_of(word + 2);
	struct pawl_bytes value = PAWL_BYTES_LIT("yes");
	const char *equals = strchr(word + 2, '=');
	struct pawl_note detail = { { 0 } };
	bool used_next = false;

	if (equals != NULL) {
		name.size = (size_t)(equals - word - 2);
		value = pawl_bytes_of(equals + 1);
	} else if (!is_bool_option(conf, name) && pawl_conf_find(conf, name) >= 0) {
		if (next == NULL) {
			pawl_note_add(note, word);
			pawl_note_add(note, ": a value must follow; allowed: ");
			pawl_conf_add_allowed(note, &conf->options[pawl_conf_find(conf, name)]);
			return PAWL_ERR_SYNTAX;
		}
		value = pawl_bytes_of(next);
		used_next = true;
	}
	const pawl_err err = set_from(conf, name, value, ORIGIN_FLAG, &detail);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(note, err == PAWL_ERR_NOT_FOUND ? "" : "--");
		pawl_note_add(note, detail.text);
		return err;
	}
	*ret_used_next = used_next;
	return PAWL_ERR_OK;
}

pawl_err pawl_conf_read_flags(
    struct pawl_conf *conf, int argc, char *const argv[], struct pawl_note *note)
{
	for (int i = 0; i < argc; i++) {
		bool used_next = false;

		if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0') {
			pawl_note_add(note, "unexpected argument ");
			pawl_conf_add_quoted(note, pawl_bytes_of(argv[i]));
			pawl_note_add(note, "; allowed: --key value");
			return PAWL_ERR_SYNTAX;
		}
		PAWL_TRY(
		    read_flag(conf, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used_next, note));
		if (used_next)
			i++;
	}
	return PAWL_ERR_OK;
}

pawl_err pawl_conf_check(const struct pawl_conf *conf, struct pawl_note *note)
{
	bool complete = true;

	for (size_t i = 0; i < conf->count; i++) {
		if (conf->options[i].preset != NULL || conf->origin[i] != 0)
			continue;
		pawl_note_add(note, complete ? "must be given: " : ", ");
		pawl_note_add(note, conf->options[i].name);
		complete = false;
	}
	return complete ? PAWL_ERR_OK : PAWL_ERR_NOT_FOUND;
}
