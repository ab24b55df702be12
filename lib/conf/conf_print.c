/* SPDX-License-Identifier: MIT
 *
 * What people read: --help, --print-config, and the nearest name.
 */
#include "conf_internal.h"

#include <string.h>

enum { HELP_WIDTH = 100, NAME_MAX = 48 };

static const char *type_word(pawl_conf_type type)
{
	switch (type) {
	case PAWL_CONF_BOOL: return "";
	case PAWL_CONF_INT: return " NUMBER";
	case PAWL_CONF_SIZE: return " SIZE";
	case PAWL_CONF_DURATION: return " DURATION";
	case PAWL_CONF_TEXT: return " TEXT";
	case PAWL_CONF_PATH: return " PATH";
	case PAWL_CONF_LIST: return " A,B,...";
	}
	return "";
}

/* Words of `text` in lines of at most HELP_WIDTH columns. */
static void print_wrapped(FILE *out, const char *indent, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		const size_t word = strcspn(text, " ");
		if (column == 0) {
			fputs(indent, out);
			column = strlen(indent);
		} else if (column + 1 + word > HELP_WIDTH) {
			fprintf(out, "\n%s", indent);
			column = strlen(indent);
		} else {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)word, text);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void pawl_conf_help(const struct pawl_conf_option *options, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		struct pawl_note note = { { 0 } };

		fprintf(out, "    --%s%s\n", options[i].name, type_word(options[i].type));
		print_wrapped(out, "        ", options[i].help);
		if (options[i].type != PAWL_CONF_TEXT && options[i].type != PAWL_CONF_PATH) {
			pawl_note_add(&note, "allowed: ");
			pawl_conf_add_allowed(&note, &options[i]);
			pawl_note_add(&note, "; ");
		}
		if (options[i].preset == NULL) {
			pawl_note_add(&note, "must be given");
		} else if (options[i].preset[0] == '\0') {
			pawl_note_add(&note, "default: none");
		} else {
			pawl_note_add(&note, "default: ");
			pawl_note_add(&note, options[i].preset);
		}
		print_wrapped(out, "        ", note.text);
	}
}

static void print_text_value(const char *text, FILE *out)
{
	const size_t size = strlen(text);
	const bool plain = strpbrk(text, "\"#\\") == NULL &&
			   (size == 0 || (text[0] != ' ' && text[size - 1] != ' '));

	if (plain) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void pawl_conf_print(const struct pawl_conf *conf, FILE *out)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct pawl_conf_option *option = &conf->options[i];
		const char *member = (const char *)conf->settings + option->offset;
		char number_text[CONF_NUMBER_TEXT];
		int64_t number = 0;
		bool truth = false;

		print_wrapped(out, "# ", option->help);
		if (option->preset == NULL && conf->origin[i] == 0) {
			fprintf(out, "# %s = (must be given)\n\n", option->name);
			continue;
		}
		fprintf(out, "%s = ", option->name);
		switch (option->type) {
		case PAWL_CONF_BOOL:
			memcpy(&truth, member, sizeof(truth));
			fputs(truth ? "yes" : "no", out);
			break;
		case PAWL_CONF_INT:
		case PAWL_CONF_SIZE:
		case PAWL_CONF_DURATION:
			memcpy(&number, member, sizeof(number));
			pawl_conf_number_text(option, number, number_text);
			fputs(number_text, out);
			break;
		case PAWL_CONF_TEXT:
		case PAWL_CONF_PATH:
		case PAWL_CONF_LIST: print_text_value(member, out); break;
		}
		fputs("\n\n", out);
	}
}

/* Edits from `a` to `b`, neighbours swapped counting once; both at most NAME_MAX. */
static int distance_of(const char *a, size_t a_size, const char *b, size_t b_size)
{
	int rows[3][NAME_MAX + 1];

	for (size_t j = 0; j <= b_size; j++)
		rows[0][j] = (int)j;
	for (size_t i = 1; i <= a_size; i++) {
		int *row = rows[i % 3];
		const int *above = rows[(i - 1) % 3];
		const int *two_above = rows[(i + 1) % 3];

		row[0] = (int)i;
		for (size_t j = 1; j <= b_size; j++) {
			const int change = above[j - 1] + (a[i - 1] != b[j - 1]);
			int best = above[j] + 1 < row[j - 1] + 1 ? above[j] + 1 : row[j - 1] + 1;

			best = change < best ? change : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a_size % 3][b_size];
}

bool pawl_conf_is_nearer(const char *word, const char *candidate, int *io_distance)
{
	const size_t word_size = strlen(word);
	const size_t candidate_size = strlen(candidate);

	if (word_size == 0 || word_size > NAME_MAX || candidate_size > NAME_MAX)
		return false;
	int distance = distance_of(word, word_size, candidate, candidate_size);
	const int allowed = 1 + (int)word_size / 4;
	/* The beginning of a name is near it, however long the name goes on. */
	if (distance > allowed && word_size >= 3 && strncmp(word, candidate, word_size) == 0)
		distance = allowed;
	if (distance > allowed || distance >= *io_distance)
		return false;
	*io_distance = distance;
	return true;
}
