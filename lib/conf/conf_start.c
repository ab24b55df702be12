/* SPDX-License-Identifier: MIT
 *
 * The start of a daemon: presets, file, flags, and the questions about them.
 */
#include "conf_internal.h"

#include <string.h>
#include <unistd.h>

enum { EXIT_GO_ON = -1, EXIT_ANSWERED = 0, EXIT_USAGE = 2, WORDS_MAX = 256 };

struct request {
	const char *file; /* of --config; NULL: not given */
	bool help;
	bool version;
	bool print;
	bool check;
	char *words[WORDS_MAX]; /* what is left: flags of the table */
	int word_count;
};

static int complain(const struct pawl_conf_program *program, FILE *err, const char *text)
{
	fprintf(err, "%s: %s\n", program->name, text);
	fprintf(err, "Try '%s --help'.\n", program->name);
	return EXIT_USAGE;
}

/* Takes our own questions out of the command line. False: a value is missing. */
static bool split_words(int argc, char *const argv[], struct request *request)
{
	for (int i = 1; i < argc && request->word_count < WORDS_MAX; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			request->help = true;
		} else if (strcmp(word, "--version") == 0) {
			request->version = true;
		} else if (strcmp(word, "--print-config") == 0) {
			request->print = true;
		} else if (strcmp(word, "--check-config") == 0) {
			request->check = true;
		} else if (strncmp(word, "--config=", 9) == 0) {
			request->file = word + 9;
		} else if (strcmp(word, "--config") == 0) {
			if (i + 1 == argc)
				return false;
			request->file = argv[++i];
		} else {
			request->words[request->word_count++] = argv[i];
		}
	}
	return true;
}

static void print_help(const struct pawl_conf_program *program, FILE *out)
{
	fprintf(out, "%s - %s\n\n", program->name, program->summary);
	fprintf(out, "Usage: %s [--config FILE] [--key value]...\n\n", program->name);
	fprintf(out, "    --config FILE\n        Settings, one 'key = value' a line");
	if (program->default_file != NULL)
		fprintf(out, "; default: %s, when it exists", program->default_file);
	fprintf(out, ".\n    --check-config\n        Only say whether the settings are right.\n"
		     "    --print-config\n        Print all settings in the file's format.\n"
		     "    --help, --version\n\n"
		     "Each key of the file is also a flag, which wins over the file:\n\n");
	pawl_conf_help(program->options, program->count, out);
}

static pawl_err read_all(const struct pawl_conf_program *program, struct request *request,
    struct pawl_conf *conf, struct pawl_note *note)
{
	pawl_err err = PAWL_ERR_OK;

	if (request->file != NULL) {
		err = pawl_conf_read_file(conf, request->file, note);
	} else if (program->default_file != NULL && access(program->default_file, F_OK) == 0) {
		err = pawl_conf_read_file(conf, program->default_file, note);
	}
	if (err == PAWL_ERR_OK)
		err = pawl_conf_read_flags(conf, request->word_count, request->words, note);
	return err;
}

int pawl_conf_start(const struct pawl_conf_program *program, int argc, char *const argv[],
    void *settings, FILE *out, FILE *err)
{
	struct request request = { .file = NULL };
	struct pawl_conf conf;
	struct pawl_note note = { { 0 } };

	pawl_conf_init(&conf, program->options, program->count, settings);
	if (!split_words(argc, argv, &request))
		return complain(program, err, "--config: a file name must follow");
	if (request.help) {
		print_help(program, out);
		return EXIT_ANSWERED;
	}
	if (request.version) {
		fprintf(out, "%s %s\n", program->name, program->version);
		return EXIT_ANSWERED;
	}
	if (read_all(program, &request, &conf, &note) != PAWL_ERR_OK)
		return complain(program, err, note.text);
	if (request.print) {
		pawl_conf_print(&conf, out);
		return EXIT_ANSWERED;
	}
	if (pawl_conf_check(&conf, &note) != PAWL_ERR_OK)
		return complain(program, err, note.text);
	if (request.check) {
		fprintf(out, "the settings are right\n");
		return EXIT_ANSWERED;
	}
	return EXIT_GO_ON;
}
