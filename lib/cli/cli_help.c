/* SPDX-License-Identifier: MIT
 *
 * --help and bash completion, both printed from the table.
 */
#include "cli_internal.h"

#include <string.h>

/* Words of `text` in lines of at most CLI_HELP_WIDTH columns; the first line goes on
 * at `column`. */
static void print_wrapped(FILE *out, const char *text, size_t size, size_t column, size_t indent)
{
	bool first = true;

	for (size_t at = 0; at < size;) {
		size_t end = at;
		while (end < size && text[end] != ' ' && text[end] != '\n')
			end++;
		const size_t width = end - at; /* help texts are ASCII */
		if (!first && column + 1 + width > CLI_HELP_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(text + at, 1, width, out);
		column += width;
		first = false;
		at = end;
		while (at < size && (text[at] == ' ' || text[at] == '\n'))
			at++;
	}
	fputc('\n', out);
}

/* Paragraphs; lines that begin with a space stay as they are. */
static void print_details(FILE *out, const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t size = strcspn(text, "\n");

		if (*text == ' ' || *text == '\n') {
			fprintf(out, "%.*s\n", (int)size, text);
		} else {
			while (text[size] == '\n' && text[size + 1] != '\n' &&
			       text[size + 1] != ' ' && text[size + 1] != '\0')
				size += 1 + strcspn(text + size + 1, "\n");
			print_wrapped(out, text, size, 0, 0);
		}
		text += size + (text[size] == '\n');
	}
}

static void print_row(FILE *out, const char *left, const char *right, size_t column)
{
	const size_t size = strlen(left);

	if (size + 4 > column)
		fprintf(out, "  %s\n%*s", left, (int)column, "");
	else
		fprintf(out, "  %-*s", (int)(column - 2), left);
	print_wrapped(out, right, strlen(right), column, column);
}

static void print_option(FILE *out, const struct pawl_cli_option *option)
{
	char left[160];
	char right[512];
	const char *value = option->value != NULL ? option->value : "VALUE";

	if (option->choices != NULL && option->value == NULL)
		value = option->choices;
	snprintf(left, sizeof(left), "%c%c%s--%s%s%s%s", option->letter ? '-' : ' ',
	    option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
	    option->kind == PAWL_CLI_FLAG ? "" : " ", option->kind == PAWL_CLI_FLAG ? "" : value,
	    option->kind == PAWL_CLI_REPEAT ? " ..." : "");
	snprintf(right, sizeof(right), "%s%s%s%s%s", option->help,
	    option->required ? " Must be given." : "", option->preset != NULL ? " Default: " : "",
	    option->preset != NULL ? option->preset : "", option->preset != NULL ? "." : "");
	print_row(out, left, right, 34);
}

static void print_command_help(
    const struct pawl_cli_program *program, const struct pawl_cli_command *command, FILE *out)
{
	const struct pawl_cli_option *option;
	const char *arguments = command->arguments == NULL ? "" : command->arguments;

	fprintf(out, "Usage: %s%s%s [options]%s%s\n\n", program->name,
	    *command->path == '\0' ? "" : " ", command->path, *arguments == '\0' ? "" : " ",
	    arguments);
	print_wrapped(out, command->summary, strlen(command->summary), 0, 0);
	if (command->details != NULL) {
		fputc('\n', out);
		print_details(out, command->details);
	}
	fputs("\nOptions:\n", out);
	for (size_t i = 0; (option = pawl_cli_option_at(program, command, i)); i++)
		print_option(out, option);
}

static const char *group_summary(const struct pawl_cli_program *program, const char *word)
{
	for (const struct pawl_cli_group *group = program->groups;
	     group != NULL && group->word != NULL; group++) {
		if (strcmp(group->word, word) == 0)
			return group->summary;
	}
	return "";
}

static void print_list_help(
    const struct pawl_cli_program *program, const char *const *words, size_t count, FILE *out)
{
	const struct pawl_cli_option *option;
	size_t widest = 0;

	fprintf(out, "Usage: %s", program->name);
	for (size_t i = 0; i < count; i++)
		fprintf(out, " %s", words[i]);
	fputs(" COMMAND [options]\n\n", out);
	const char *summary = count == 0 ? program->summary : group_summary(program, words[0]);
	if (*summary != '\0')
		print_wrapped(out, summary, strlen(summary), 0, 0);
	fputs("\nCommands:\n", out);
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!command->hidden && pawl_cli_path_begins(command->path, words, count) &&
		    strlen(command->path) > widest)
			widest = strlen(command->path);
	}
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!command->hidden && pawl_cli_path_begins(command->path, words, count))
			print_row(out, command->path, command->summary, widest + 4);
	}
	if (count == 0) {
		fputs("\nOptions of every command:\n", out);
		for (size_t i = 0; (option = pawl_cli_option_at(program, NULL, i)); i++)
			print_option(out, option);
		if (program->details != NULL) {
			fputc('\n', out);
			print_details(out, program->details);
		}
	}
	fprintf(out, "\n'%s help COMMAND' says more about one of them.\n", program->name);
}

bool pawl_cli_print_help(
    const struct pawl_cli_program *program, const char *const *words, size_t count, FILE *out)
{
	bool is_group = false;

	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!pawl_cli_path_begins(command->path, words, count))
			continue;
		/* The whole path, or a program without commands. */
		size_t size = count == 0 ? 0 : count - 1;
		for (size_t i = 0; i < count; i++)
			size += strlen(words[i]);
		if (command->path[size] == '\0') {
			print_command_help(program, command, out);
			return true;
		}
		is_group = true;
	}
	if (is_group)
		print_list_help(program, words, count, out);
	return is_group;
}

/* --- completion --- */

/* The first word of `command` stands in an earlier row already. */
static bool is_repeated(
    const struct pawl_cli_program *program, const struct pawl_cli_command *command)
{
	const size_t first = strcspn(command->path, " ");

	for (const struct pawl_cli_command *earlier = program->commands; earlier != command;
	     earlier++) {
		if (!earlier->hidden && strcspn(earlier->path, " ") == first &&
		    strncmp(earlier->path, command->path, first) == 0)
			return true;
	}
	return false;
}

static void print_first_words(const struct pawl_cli_program *program, FILE *out)
{
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!command->hidden && !is_repeated(program, command))
			fprintf(out, " %.*s", (int)strcspn(command->path, " "), command->path);
	}
}

static void print_group_words(
    const struct pawl_cli_program *program, const struct pawl_cli_command *like, FILE *out)
{
	const size_t first = strcspn(like->path, " ");

	fprintf(out, "\t'%.*s') words=\"", (int)first, like->path);
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!command->hidden && strncmp(command->path, like->path, first) == 0 &&
		    command->path[first] == ' ')
			fprintf(out, "%s ", command->path + first + 1);
	}
	fputs("\" ;;\n", out);
}

static void print_command_case(
    const struct pawl_cli_program *program, const struct pawl_cli_command *command, FILE *out)
{
	const struct pawl_cli_option *option;

	fprintf(out, "\t'%s') options=\"", command->path);
	for (size_t i = 0; (option = pawl_cli_option_at(program, command, i)); i++)
		fprintf(out, "--%s ", option->name);
	fputs("\"\n\t\tcase \"$previous\" in\n", out);
	for (size_t i = 0; (option = pawl_cli_option_at(program, command, i)); i++) {
		if (option->kind == PAWL_CLI_FLAG)
			continue;
		fprintf(out, "\t\t--%s) ", option->name);
		if (option->choices != NULL) {
			fputs("values=\"", out);
			for (const char *at = option->choices; *at != '\0'; at++)
				fputc(*at == '|' ? ' ' : *at, out);
			fputs("\" ;;\n", out);
		} else if (option->value != NULL && strcmp(option->value, "DIR") == 0) {
			fputs("values=-d ;;\n", out);
		} else if (option->value != NULL && strcmp(option->value, "FILE") == 0) {
			fputs("values=-f ;;\n", out);
		} else {
			fputs("values=' ' ;;\n", out);
		}
	}
	fputs("\t\tesac ;;\n", out);
}

/* Takes options before the command out of the words that are looked at. */
static void print_leading_options(const struct pawl_cli_program *program, FILE *out)
{
	const struct pawl_cli_option *option;

	fputs("\tlocal line=(\"${COMP_WORDS[@]}\") count=$COMP_CWORD skip\n"
	      "\twhile [ \"$count\" -gt 1 ]; do\n\t\tcase \"${line[1]}\" in\n",
	    out);
	for (size_t i = 0; (option = pawl_cli_option_at(program, NULL, i)); i++) {
		if (option->kind == PAWL_CLI_FLAG)
			continue;
		fprintf(out, "\t\t--%s) skip=2 ;;\n", option->name);
		if (option->letter != 0)
			fprintf(out, "\t\t-%c) skip=2 ;;\n", option->letter);
	}
	fputs("\t\t-*) skip=1 ;;\n\t\t*) break ;;\n\t\tesac\n"
	      "\t\t[ \"$count\" -gt \"$skip\" ] || break\n"
	      "\t\tline=(\"${line[0]}\" \"${line[@]:$((skip + 1))}\")\n"
	      "\t\tcount=$((count - skip))\n\tdone\n",
	    out);
}

void pawl_cli_print_completion(const struct pawl_cli_program *program, FILE *out)
{
	char function[64];
	size_t size = 0;

	for (const char *at = program->name; *at != '\0' && size + 1 < sizeof(function); at++)
		function[size++] = *at == '-' ? '_' : *at;
	function[size] = '\0';
	fprintf(out,
	    "# bash completion for %s; made by '%s completion'\n"
	    "_%s()\n{\n"
	    "\tlocal current=\"${COMP_WORDS[COMP_CWORD]}\" "
	    "previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n",
	    program->name, program->name, function);
	print_leading_options(program, out);
	fputs("\tlocal one=\"${line[1]}\" two=\"${line[2]}\" words= options= values=\n"
	      "\tif [ \"$count\" -eq 1 ]; then\n\t\twords=\"help completion",
	    out);
	print_first_words(program, out);
	fputs("\"\n\telif [ \"$count\" -eq 2 ]; then\n\tcase \"$one\" in\n", out);
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!command->hidden && strchr(command->path, ' ') != NULL &&
		    !is_repeated(program, command))
			print_group_words(program, command, out);
	}
	fputs("\tesac\n\tfi\n\tlocal command=\"$one $two\"\n\tcase \"$one\" in\n", out);
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!command->hidden && strchr(command->path, ' ') == NULL &&
		    command->path[0] != '\0')
			fprintf(out, "\t'%s') command=\"$one\" ;;\n", command->path);
	}
	fputs("\tesac\n", out);
	if (pawl_cli_is_single(program))
		fputs("\tcommand=''\n", out);
	fputs("\tcase \"$command\" in\n", out);
	for (const struct pawl_cli_command *command = program->commands; command->path != NULL;
	     command++) {
		if (!command->hidden)
			print_command_case(program, command, out);
	}
	fprintf(out,
	    "\tesac\n"
	    "\tcase \"$values\" in\n"
	    "\t-f) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
	    "\t-d) COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n"
	    "\t'') ;;\n"
	    "\t*) COMPREPLY=($(compgen -W \"$values\" -- \"$current\")); return ;;\n"
	    "\tesac\n"
	    "\tif [ -z \"$words\" ] && [ -n \"$options\" ] && [ \"${current#-}\" = \"$current\" ]; "
	    "then\n"
	    "\t\tCOMPREPLY=($(compgen -f -- \"$current\")); return\n"
	    "\tfi\n"
	    "\tCOMPREPLY=($(compgen -W \"$words $options\" -- \"$current\"))\n"
	    "}\n"
	    "complete -o filenames -F _%s %s\n",
	    function, program->name);
}
