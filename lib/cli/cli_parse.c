/* SPDX-License-Identifier: MIT
 *
 * From argv to a call: find the command, take its options, check its arguments.
 */
#include "cli_internal.h"

#include "pawl/conf.h"
#include "pawl/num.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct pawl_cli_option pawl_cli_common_options[] = {
	{ .name = "json", .kind = PAWL_CLI_FLAG, .help = "Print one JSON document." },
	{ .name = "help", .letter = 'h', .kind = PAWL_CLI_FLAG, .help = "Show this help." },
	{ .name = NULL },
};

const struct pawl_cli_option *pawl_cli_option_at(
    const struct pawl_cli_program *program, const struct pawl_cli_command *command, size_t index)
{
	const struct pawl_cli_option *tables[] = { command == NULL ? NULL : command->options,
		program->options, pawl_cli_common_options };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct pawl_cli_option *option = tables[i];
		     option != NULL && option->name != NULL; option++) {
			if (index-- == 0)
				return option;
		}
	}
	return NULL;
}

bool pawl_cli_is_single(const struct pawl_cli_program *program)
{
	return program->commands[0].path != NULL && program->commands[0].path[0] == '\0';
}

bool pawl_cli_path_begins(const char *path, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const size_t size = strlen(words[i]);

		if (strncmp(path, words[i], size) != 0 || (path[size] != ' ' && path[size] != '\0'))
			return false;
		path += size;
		if (*path == ' ')
			path++;
		else if (i + 1 < count)
			return false;
	}
	return true;
}

static size_t word_count(const char *path)
{
	size_t count = *path != '\0';

	for (; *path != '\0'; path++)
		count += *path == ' ';
	return count;
}

/* --- messages --- */

static void begin_message(const struct pawl_cli_program *program, const char *path, FILE *err)
{
	fprintf(err, "%s%s%s: ", program->name, *path == '\0' ? "" : " ", path);
}

static int end_message(const struct pawl_cli_program *program, const char *path, FILE *err)
{
	fprintf(err, "\nTry '%s%s%s --help'.\n", program->name, *path == '\0' ? "" : " ", path);
	return PAWL_CLI_USAGE;
}

int pawl_cli_usage(const struct pawl_cli_call *call, const char *format, ...)
{
	va_list args;

	begin_message(call->program, call->command->path, call->err);
	va_start(args, format);
	vfprintf(call->err, format, args);
	va_end(args);
	return end_message(call->program, call->command->path, call->err);
}

static void print_json_text(FILE *out, const char *text)
{
	size_t columns = 0;

	fputc('"', out);
	while (*text != '\0') {
		const size_t size = pawl_cli_character(text, &columns);

		if (size == 0)
			fputc('?', out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fwrite(text, 1, size, out);
		text += size == 0 ? 1 : size;
	}
	fputc('"', out);
}

pawl_cli_exit pawl_cli_exit_of(pawl_err err)
{
	switch (err) {
	case PAWL_ERR_OK: return PAWL_CLI_OK;
	case PAWL_ERR_NETWORK:
	case PAWL_ERR_TIMEOUT: return PAWL_CLI_UNREACHABLE;
	case PAWL_ERR_DENIED: return PAWL_CLI_DENIED;
	case PAWL_ERR_IO:
	case PAWL_ERR_NO_SPACE:
	case PAWL_ERR_NO_MEMORY:
	case PAWL_ERR_NOT_FOUND:
	case PAWL_ERR_EXISTS:
	case PAWL_ERR_TRUNCATED:
	case PAWL_ERR_SYNTAX:
	case PAWL_ERR_RANGE:
	case PAWL_ERR_LIMIT:
	case PAWL_ERR_CORRUPT:
	case PAWL_ERR_REFUSED:
	case PAWL_ERR_CRYPTO:
	case PAWL_ERR_UNSUPPORTED:
	case PAWL_ERR_CANCELLED: break;
	}
	return PAWL_CLI_FAILED;
}

int pawl_cli_fail(
    const struct pawl_cli_call *call, pawl_err err, const char *what, const struct pawl_note *note)
{
	const char *message =
	    note != NULL && note->text[0] != '\0' ? note->text : pawl_err_text(err);

	if (call->json) {
		fprintf(call->err, "{\"error\":{\"code\":\"%s\",\"what\":", pawl_err_name(err));
		print_json_text(call->err, what == NULL ? "" : what);
		fprintf(call->err, ",\"message\":");
		print_json_text(call->err, message);
		fprintf(call->err, "}}\n");
	} else {
		begin_message(call->program, call->command->path, call->err);
		if (what != NULL) {
			pawl_cli_print_safe(call->err, what);
			fputs(": ", call->err);
		}
		pawl_cli_print_safe(call->err, message);
		fputc('\n', call->err);
	}
	return (int)pawl_cli_exit_of(err);
}

/* --- finding the command --- */

static const struct pawl_cli_command *find_command(
    const struct pawl_cli_program *program, const char *const *words, size_t count)
{
	const struct pawl_cli_command *best = NULL;

	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		const size_t size = word_count(command->path);

		if (size <= count && pawl_cli_path_begins(command->path, words, size) &&
		    (best == NULL || size > word_count(best->path)))
			best = command;
	}
	return best;
}

/* How many of the words lead to a command or a group. */
static size_t known_words(
    const struct pawl_cli_program *program, const char *const *words, size_t count)
{
	size_t known = 0;

	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		while (known < count && pawl_cli_path_begins(command->path, words, known + 1))
			known++;
	}
	return known;
}

static int refuse_command(
    const struct pawl_cli_program *program, const char *const *words, size_t count, FILE *err)
{
	const size_t known = known_words(program, words, count);
	char group[128] = "";
	char nearest[64] = "";
	int distance = INT_MAX;

	for (size_t i = 0; i < known; i++) {
		strncat(group, i == 0 ? "" : " ", sizeof(group) - strlen(group) - 1);
		strncat(group, words[i], sizeof(group) - strlen(group) - 1);
	}
	begin_message(program, group, err);
	if (known == count) {
		fputs("a command must follow", err);
		return end_message(program, group, err);
	}
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (command->hidden || !pawl_cli_path_begins(command->path, words, known))
			continue;
		const char *rest = command->path + strlen(group) + (known > 0);
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)strcspn(rest, " "), rest);
		if (pawl_conf_is_nearer(words[known], word, &distance))
			memcpy(nearest, word, sizeof(nearest));
	}
	fputs("unknown command '", err);
	pawl_cli_print_safe(err, words[known]);
	fputc('\'', err);
	if (nearest[0] != '\0')
		fprintf(err, "; did you mean '%s'?", nearest);
	return end_message(program, group, err);
}

/* --- options --- */

struct parse {
	const struct pawl_cli_program *program;
	const struct pawl_cli_command *command;
	struct pawl_cli_given *given;
	size_t given_count;
	const char **arguments;
	size_t argument_count;
	FILE *err;
};

static int refuse_option(const struct parse *parse, const char *word, size_t name_size)
{
	char name[64];
	const char *nearest = NULL;
	int distance = INT_MAX;
	const struct pawl_cli_option *option;

	snprintf(name, sizeof(name), "%.*s", (int)name_size, word);
	for (size_t i = 0; (option = pawl_cli_option_at(parse->program, parse->command, i)); i++) {
		if (strncmp(name, "--", 2) == 0 &&
		    pawl_conf_is_nearer(name + 2, option->name, &distance))
			nearest = option->name;
	}
	begin_message(parse->program, parse->command->path, parse->err);
	fputs("unknown option '", parse->err);
	pawl_cli_print_safe(parse->err, name);
	fputc('\'', parse->err);
	if (nearest != NULL)
		fprintf(parse->err, "; did you mean '--%s'?", nearest);
	return end_message(parse->program, parse->command->path, parse->err);
}

static int refuse_use(
    const struct parse *parse, const struct pawl_cli_option *option, const char *problem)
{
	begin_message(parse->program, parse->command->path, parse->err);
	fprintf(parse->err, "--%s: %s", option->name, problem);
	return end_message(parse->program, parse->command->path, parse->err);
}

static bool is_choice(const char *choices, const char *value)
{
	const size_t size = strlen(value);

	for (const char *at = choices;; at++) {
		const size_t length = strcspn(at, "|");
		if (length == size && strncmp(at, value, size) == 0)
			return true;
		at += length;
		if (*at == '\0')
			return false;
	}
}

static int take_value(struct parse *parse, const struct pawl_cli_option *option, const char *value)
{
	for (size_t i = 0; i < parse->given_count && option->kind == PAWL_CLI_VALUE; i++) {
		if (parse->given[i].option == option)
			return refuse_use(parse, option, "given twice");
	}
	if (option->kind != PAWL_CLI_FLAG && option->choices != NULL &&
	    !is_choice(option->choices, value)) {
		begin_message(parse->program, parse->command->path, parse->err);
		fprintf(parse->err, "--%s: '", option->name);
		pawl_cli_print_safe(parse->err, value);
		fprintf(parse->err, "' is not one of %s", option->choices);
		return end_message(parse->program, parse->command->path, parse->err);
	}
	parse->given[parse->given_count++] =
	    (struct pawl_cli_given){ .option = option, .value = value };
	return PAWL_CLI_OK;
}

/* `word` begins with '-'; `next` may be NULL. */
static int take_option(struct parse *parse, const char *word, const char *next, bool *ret_used_next)
{
	const bool is_long = word[1] == '-';
	const size_t name_size = is_long ? strcspn(word, "=") : 2;
	const char *inside = NULL; /* the value, in the same word */
	const struct pawl_cli_option *option;

	for (size_t i = 0; (option = pawl_cli_option_at(parse->program, parse->command, i)); i++) {
		if (is_long ? strlen(option->name) == name_size - 2 &&
				  strncmp(option->name, word + 2, name_size - 2) == 0
			    : option->letter != 0 && option->letter == word[1])
			break;
	}
	if (option == NULL)
		return refuse_option(parse, word, name_size);
	if (word[name_size] != '\0')
		inside = word + name_size + (is_long ? 1 : 0);
	if (option->kind == PAWL_CLI_FLAG) {
		if (inside != NULL)
			return refuse_use(parse, option, "takes no value");
		return take_value(parse, option, NULL);
	}
	if (inside != NULL)
		return take_value(parse, option, inside);
	if (next == NULL)
		return refuse_use(parse, option, "a value must follow");
	*ret_used_next = true;
	return take_value(parse, option, next);
}

/* Reads "ID [FILE...]": how many must and may stand there. */
static void arity_of(const char *arguments, size_t *ret_least, size_t *ret_most)
{
	size_t least = 0;
	size_t most = 0;

	for (const char *at = arguments == NULL ? "" : arguments; *at != '\0';) {
		const size_t size = strcspn(at, " ");

		least += *at != '[';
		most++;
		if (strstr(at, "...") != NULL && strstr(at, "...") < at + size)
			most = SIZE_MAX;
		at += size;
		at += strspn(at, " ");
		if (most == SIZE_MAX)
			break;
	}
	*ret_least = least;
	*ret_most = most;
}

static int check_arguments(const struct parse *parse)
{
	const struct pawl_cli_option *option;
	size_t least = 0;
	size_t most = 0;

	for (size_t i = 0; (option = pawl_cli_option_at(parse->program, parse->command, i)); i++) {
		bool is_given = !option->required;

		for (size_t k = 0; k < parse->given_count; k++)
			is_given = is_given || parse->given[k].option == option;
		if (!is_given)
			return refuse_use(parse, option, "must be given");
	}
	arity_of(parse->command->arguments, &least, &most);
	if (parse->argument_count >= least && parse->argument_count <= most)
		return PAWL_CLI_OK;
	begin_message(parse->program, parse->command->path, parse->err);
	if (parse->argument_count < least) {
		fprintf(parse->err, "missing argument; expected: %s", parse->command->arguments);
	} else {
		fputs("unexpected argument '", parse->err);
		pawl_cli_print_safe(parse->err, parse->arguments[most]);
		fputc('\'', parse->err);
	}
	return end_message(parse->program, parse->command->path, parse->err);
}

static bool asks_for(const struct parse *parse, const char *option)
{
	for (size_t i = 0; i < parse->given_count; i++) {
		if (strcmp(parse->given[i].option->name, option) == 0)
			return true;
	}
	return false;
}

/* Options may stand before, between and after arguments; "--" ends them. */
static int take_words(struct parse *parse, int argc, char *const argv[], int *io_at)
{
	bool only_arguments = false;
	int code = PAWL_CLI_OK;

	for (int i = *io_at; i < argc && code == PAWL_CLI_OK; i++) {
		bool used_next = false;

		if (!only_arguments && strcmp(argv[i], "--") == 0)
			only_arguments = true;
		else if (only_arguments || argv[i][0] != '-' || argv[i][1] == '\0')
			parse->arguments[parse->argument_count++] = argv[i];
		else
			code = take_option(
			    parse, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used_next);
		if (used_next)
			i++;
	}
	*io_at = argc;
	return code;
}

/* `first` is where the words of the command begin. */
static int run_command(
    struct parse *parse, int first, int argc, char *const argv[], void *context, FILE *out)
{
	const char *words[CLI_WORDS_MAX];
	size_t count = 0;
	char path[128];
	int at = first + (int)word_count(parse->command->path);
	int code = take_words(parse, argc, argv, &at);

	if (asks_for(parse, "help")) {
		snprintf(path, sizeof(path), "%s", parse->command->path);
		for (char *rest = path, *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
			words[count++] = word;
		pawl_cli_print_help(parse->program, words, count, out);
		return PAWL_CLI_OK;
	}
	if (code == PAWL_CLI_OK)
		code = check_arguments(parse);
	if (code != PAWL_CLI_OK)
		return code;
	struct pawl_cli_call call = { .program = parse->program,
		.command = parse->command,
		.context = context,
		.arguments = parse->arguments,
		.argument_count = parse->argument_count,
		.given = parse->given,
		.given_count = parse->given_count,
		.json = asks_for(parse, "json"),
		.out = out,
		.err = parse->err };
	return parse->command->run(&call);
}

/* Words that every program with commands understands. -1: none of them. */
static int run_builtin(const struct pawl_cli_program *program, const char *const *words,
    size_t count, bool help, FILE *out, FILE *err)
{
	const bool asks = help || (count > 0 && strcmp(words[0], "help") == 0);

	if (asks) {
		const size_t skip = count > 0 && strcmp(words[0], "help") == 0;
		if (pawl_cli_print_help(program, words + skip, count - skip, out))
			return PAWL_CLI_OK;
		return refuse_command(program, words + skip, count - skip, err);
	}
	/* There is one shell so far; naming it is allowed. */
	if ((count == 1 || (count == 2 && strcmp(words[1], "bash") == 0)) &&
	    strcmp(words[0], "completion") == 0) {
		pawl_cli_print_completion(program, out);
		return PAWL_CLI_OK;
	}
	return -1;
}

/* The program's options may stand before the command's words, like git -C. */
static int take_leading_options(struct parse *parse, int argc, char *const argv[], int *io_at)
{
	int code = PAWL_CLI_OK;
	int at = *io_at;

	while (code == PAWL_CLI_OK && at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
		bool used_next = false;

		code =
		    take_option(parse, argv[at], at + 1 < argc ? argv[at + 1] : NULL, &used_next);
		at += used_next ? 2 : 1;
	}
	*io_at = at;
	return code;
}

static int parse_and_run(const struct pawl_cli_program *program, int argc, char *const argv[],
    void *context, struct parse *parse, FILE *out)
{
	static const struct pawl_cli_command none = { .path = "" };
	const char *words[CLI_WORDS_MAX];
	size_t count = 0;
	int first = 1;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		fprintf(out, "%s %s\n", program->name, program->version);
		return PAWL_CLI_OK;
	}
	parse->command = &none;
	if (!pawl_cli_is_single(program)) {
		const int code = take_leading_options(parse, argc, argv, &first);
		if (code != PAWL_CLI_OK)
			return code;
	}
	while (count < CLI_WORDS_MAX && first + (int)count < argc &&
	       argv[first + (int)count][0] != '-') {
		words[count] = argv[first + (int)count];
		count++;
	}
	const struct pawl_cli_command *command = find_command(program, words, count);
	if (command != NULL) {
		parse->command = command;
		return run_command(parse, first, argc, argv, context, out);
	}
	bool help = false;
	for (int i = 1; i < argc; i++)
		help = help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
	const int code = run_builtin(program, words, count, help, out, parse->err);
	return code >= 0 ? code : refuse_command(program, words, count, parse->err);
}

int pawl_cli_main_to(const struct pawl_cli_program *program, int argc, char *const argv[],
    void *context, FILE *out, FILE *err)
{
	struct parse parse = { .program = program, .err = err };
	const size_t room = argc > 0 ? (size_t)argc : 1;
	int code = PAWL_CLI_FAILED;

	parse.given = calloc(room, sizeof(*parse.given));
	parse.arguments = calloc(room, sizeof(*parse.arguments));
	if (parse.given == NULL || parse.arguments == NULL)
		fprintf(err, "%s: %s\n", program->name, pawl_err_text(PAWL_ERR_NO_MEMORY));
	else
		code = parse_and_run(program, argc, argv, context, &parse, out);
	free(parse.given);
	free(parse.arguments);
	if ((fflush(out) != 0 || ferror(out)) && code == PAWL_CLI_OK) {
		fprintf(err, "%s: the output could not be written completely\n", program->name);
		code = PAWL_CLI_FAILED;
	}
	return code;
}

int pawl_cli_main(
    const struct pawl_cli_program *program, int argc, char *const argv[], void *context)
{
	return pawl_cli_main_to(program, argc, argv, context, stdout, stderr);
}
