/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* --- a program to test with --- */

static int run_start(struct pawl_cli_call *call)
{
	int64_t base = 0;

	if (pawl_cli_int(call, "budget", 1, 100, &base) != PAWL_ERR_OK)
		return PAWL_CLI_USAGE;
	fprintf(call->out, "start id=%s budget=%d dry=%d json=%d mode=%s",
	    pawl_cli_argument(call, 0), (int)base, pawl_cli_flag(call, "dry-run"), call->json,
	    pawl_cli_value(call, "mode"));
	for (size_t i = 0; i < pawl_cli_count(call, "tag"); i++)
		fprintf(call->out, " tag=%s", pawl_cli_value_at(call, "tag", i));
	fputc('\n', call->out);
	return PAWL_CLI_OK;
}

static int run_list(struct pawl_cli_call *call)
{
	fprintf(call->out, "list %zu repo=%s\n", call->argument_count,
	    pawl_cli_value(call, "repository"));
	return PAWL_CLI_OK;
}

static int run_fail(struct pawl_cli_call *call)
{
	const struct pawl_note note = { "the \"server\"\nsaid no" };

	return pawl_cli_fail(call, PAWL_ERR_REFUSED, "rollout 7", &note);
}

static int run_misuse(struct pawl_cli_call *call)
{
	return pawl_cli_usage(call, "%s and %s exclude each other", "--a", "--b");
}

static const struct pawl_cli_option start_options[] = {
	{ .name = "dry-run", .letter = 'n', .kind = PAWL_CLI_FLAG, .help = "Only say what would." },
	{ .name = "budget",
	    .kind = PAWL_CLI_VALUE,
	    .value = "NUMBER",
	    .required = true,
	    .help = "How many devices a bad release may harm before the first of them has proven "
		    "that it is healthy; the operator writes it down beforehand." },
	{ .name = "tag", .letter = 't', .kind = PAWL_CLI_REPEAT, .help = "A tag." },
	{ .name = "mode",
	    .kind = PAWL_CLI_VALUE,
	    .choices = "soft|forced",
	    .preset = "soft",
	    .help = "How." },
	{ .name = NULL },
};
static const struct pawl_cli_option program_options[] = {
	{ .name = "repository",
	    .letter = 'C',
	    .kind = PAWL_CLI_VALUE,
	    .value = "DIR",
	    .preset = ".",
	    .help = "The repository." },
	{ .name = NULL },
};
static const struct pawl_cli_command commands[] = {
	{ .path = "rollout start",
	    .arguments = "ID",
	    .summary = "Starts a rollout.",
	    .details = "A first paragraph that goes on for quite a while, so that it has to be "
		       "wrapped somewhere before it reaches the right end of the terminal.\n\n"
		       "  kept as it is",
	    .options = start_options,
	    .run = run_start },
	{ .path = "rollout list",
	    .arguments = "[FILTER...]",
	    .summary = "Lists rollouts.",
	    .run = run_list },
	{ .path = "device list", .summary = "Lists devices.", .run = run_list },
	{ .path = "fail", .summary = "Fails.", .run = run_fail },
	{ .path = "misuse", .summary = "Is misused.", .run = run_misuse, .hidden = true },
	{ .path = NULL },
};
static const struct pawl_cli_group groups[] = {
	{ "rollout", "Moving a group of devices to a release." },
	{ NULL, NULL },
};
static const struct pawl_cli_program program = { .name = "pawl",
	.version = "0.1.0",
	.summary = "Signs and rolls out firmware.",
	.commands = commands,
	.groups = groups,
	.options = program_options };

struct result {
	int code;
	char out[8192];
	char err[2048];
};

/* `line` is split at spaces. */
static struct result run(const struct pawl_cli_program *which, const char *line)
{
	struct result result = { .code = -1 };
	char text[256];
	char *argv[32] = { NULL };
	int argc = 0;
	FILE *out = fmemopen(result.out, sizeof(result.out), "w");
	FILE *err = fmemopen(result.err, sizeof(result.err), "w");

	assert_non_null(out);
	assert_non_null(err);
	snprintf(text, sizeof(text), "%s", line);
	for (char *rest = text, *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
		argv[argc++] = word;
	result.code = pawl_cli_main_to(which, argc, argv, NULL, out, err);
	fclose(out);
	fclose(err);
	return result;
}

static void commands_get_what_was_given(void **state)
{
	(void)state;
	struct result result = run(
	    &program, "pawl rollout start -n --tag=a 7 --budget 3 -t b -tc --mode forced --json");
	assert_string_equal(result.err, "");
	assert_string_equal(
	    result.out, "start id=7 budget=3 dry=1 json=1 mode=forced tag=a tag=b tag=c\n");
	assert_int_equal(result.code, PAWL_CLI_OK);
	result = run(&program, "pawl rollout start --budget 3 -- -7");
	assert_string_equal(result.out, "start id=-7 budget=3 dry=0 json=0 mode=soft\n");
	result = run(&program, "pawl rollout list a b c -C /x");
	assert_string_equal(result.out, "list 3 repo=/x\n");
	result = run(&program, "pawl -C /x --json rollout list a");
	assert_string_equal(result.out, "list 1 repo=/x\n");
	result = run(&program, "pawl --repository=/x rollout list");
	assert_string_equal(result.out, "list 0 repo=/x\n");
	result = run(&program, "pawl rollout list");
	assert_string_equal(result.out, "list 0 repo=.\n");
	assert_int_equal(result.code, PAWL_CLI_OK);
}

/* Operators and scripts grep these. */
static void usage_errors_name_the_fault(void **state)
{
	static const struct {
		const char *line;
		const char *message;
	} cases[] = {
		{ "pawl", "pawl: a command must follow\nTry 'pawl --help'.\n" },
		{ "pawl rolout", "pawl: unknown command 'rolout'; did you mean 'rollout'?\n"
				 "Try 'pawl --help'.\n" },
		{ "pawl rollout", "pawl rollout: a command must follow\n"
				  "Try 'pawl rollout --help'.\n" },
		{ "pawl rollout strat 7",
		    "pawl rollout: unknown command 'strat'; did you mean 'start'?\n"
		    "Try 'pawl rollout --help'.\n" },
		{ "pawl wibble", "pawl: unknown command 'wibble'\nTry 'pawl --help'.\n" },
		{ "pawl --wibble", "pawl: unknown option '--wibble'\nTry 'pawl --help'.\n" },
		{ "pawl rollout start 7", "pawl rollout start: --budget: must be given\n"
					  "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --budget 7",
		    "pawl rollout start: missing argument; expected: ID\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --budget 7 1 2",
		    "pawl rollout start: unexpected argument '2'\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --bugdet 7 1",
		    "pawl rollout start: unknown option '--bugdet'; did you mean '--budget'?\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start -x", "pawl rollout start: unknown option '-x'\n"
					   "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --budget",
		    "pawl rollout start: --budget: a value must follow\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --budget 1 --budget 2 1",
		    "pawl rollout start: --budget: given twice\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --dry-run=yes --budget 1 1",
		    "pawl rollout start: --dry-run: takes no value\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --mode hard --budget 1 1",
		    "pawl rollout start: --mode: 'hard' is not one of soft|forced\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl rollout start --budget 101 1",
		    "pawl rollout start: --budget: '101' is not a whole number from 1 to 100\n"
		    "Try 'pawl rollout start --help'.\n" },
		{ "pawl device list x", "pawl device list: unexpected argument 'x'\n"
					"Try 'pawl device list --help'.\n" },
		{ "pawl misuse", "pawl misuse: --a and --b exclude each other\n"
				 "Try 'pawl misuse --help'.\n" },
		{ "pawl help nothing", "pawl: unknown command 'nothing'\nTry 'pawl --help'.\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct result result = run(&program, cases[i].line);

		assert_string_equal(result.err, cases[i].message);
		assert_string_equal(result.out, "");
		assert_int_equal(result.code, PAWL_CLI_USAGE);
	}
}

static void help_goes_to_stdout_within_100_columns(void **state)
{
	static const struct {
		const char *line;
		const char *part;
	} cases[] = {
		{ "pawl --help", "  rollout start  Starts a rollout.\n" },
		{ "pawl help", "Usage: pawl COMMAND [options]\n" },
		{ "pawl -h", "      --json" },
		{ "pawl -C x --help", "Usage: pawl COMMAND" },
		{ "pawl rollout --help", "Moving a group of devices to a release.\n" },
		{ "pawl help rollout", "  rollout list   Lists rollouts.\n" },
		{ "pawl rollout start --help", "Usage: pawl rollout start [options] ID\n" },
		{ "pawl help rollout start", "  -n, --dry-run" },
		{ "pawl help rollout start", "      --mode soft|forced" },
		{ "pawl help rollout start", "\n  kept as it is\n" },
		{ "pawl rollout start --help --wrong", "Must be given." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct result result = run(&program, cases[i].line);

		if (strstr(result.out, cases[i].part) == NULL)
			fail_msg("'%s' lacks '%s':\n%s", cases[i].line, cases[i].part, result.out);
		assert_null(strstr(result.out, "misuse"));
		for (const char *line = result.out; *line != '\0';) {
			assert_true(strcspn(line, "\n") <= 100);
			line += strcspn(line, "\n") + 1;
		}
	}
	const struct result version = run(&program, "pawl --version");
	assert_string_equal(version.out, "pawl 0.1.0\n");
	assert_int_equal(version.code, PAWL_CLI_OK);
}

static void failures_are_reported_as_text_and_json(void **state)
{
	(void)state;
	struct result result = run(&program, "pawl fail");
	assert_string_equal(result.err, "pawl fail: rollout 7: the \"server\"?said no\n");
	assert_int_equal(result.code, PAWL_CLI_FAILED);
	result = run(&program, "pawl fail --json");
	assert_string_equal(result.err, "{\"error\":{\"code\":\"refused\",\"what\":\"rollout 7\","
					"\"message\":\"the \\\"server\\\"?said no\"}}\n");
	assert_string_equal(result.out, "");
}

static void exit_codes_tell_scripts_what_to_do_next(void **state)
{
	(void)state;
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_OK), 0);
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_REFUSED), 1);
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_EXISTS), 1);
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_CANCELLED), 1);
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_IO), 1);
	assert_int_equal(PAWL_CLI_USAGE, 2);
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_NETWORK), 3);
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_TIMEOUT), 3);
	assert_int_equal(pawl_cli_exit_of(PAWL_ERR_DENIED), 4);
}

static void a_program_may_be_one_command(void **state)
{
	static const struct pawl_cli_command only[] = {
		{ .path = "", .arguments = "[X]", .summary = "Does it.", .run = run_list },
		{ .path = NULL },
	};
	static const struct pawl_cli_program board = { .name = "pawl-board",
		.version = "1",
		.summary = "A board.",
		.commands = only,
		.options = program_options };

	(void)state;
	struct result result = run(&board, "pawl-board here --repository=/y");
	assert_string_equal(result.out, "list 1 repo=/y\n");
	result = run(&board, "pawl-board a b");
	assert_string_equal(
	    result.err, "pawl-board: unexpected argument 'b'\nTry 'pawl-board --help'.\n");
	result = run(&board, "pawl-board --help");
	assert_non_null(strstr(result.out, "Usage: pawl-board [options] [X]\n"));
	assert_int_equal(result.code, PAWL_CLI_OK);
}

static void output_that_can_not_be_written_is_a_failure(void **state)
{
	char *argv[] = { (char[]){ "pawl" }, (char[]){ "device" }, (char[]){ "list" }, NULL };
	FILE *full = fopen("/dev/full", "w");
	FILE *err = tmpfile();

	(void)state;
	assert_non_null(full);
	assert_int_equal(pawl_cli_main_to(&program, 3, argv, NULL, full, err), PAWL_CLI_FAILED);
	fclose(full);
	fclose(err);
}

static void completion_works_in_bash(void **state)
{
	static const struct {
		const char *words; /* before the cursor */
		const char *offered;
	} cases[] = {
		{ "pawl ro", "rollout" },
		{ "pawl rollout st", "start" },
		{ "pawl rollout start --bud", "--budget" },
		{ "pawl rollout start --mode f", "forced" },
		{ "pawl fail --js", "--json" },
		{ "pawl device ", "list" },
		{ "pawl -C /tmp --json rollout st", "start" },
		{ "pawl mis", "" },
	};
	const struct result script = run(&program, "pawl completion");
	const struct result named = run(&program, "pawl completion bash");
	char path[] = "/tmp/pawl_cli_test_XXXXXX";
	const int fd = mkstemp(path);

	(void)state;
	assert_string_equal(named.out, script.out);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, script.out, strlen(script.out)), strlen(script.out));
	close(fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char command[512];
		char offered[128] = "";

		snprintf(command, sizeof(command),
		    "bash -c 'complete() { :; }; . %s; line=\"%s\"; COMP_WORDS=($line); "
		    "[ \"${line%% }\" != \"$line\" ] && COMP_WORDS+=(\"\"); "
		    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _pawl; echo ${COMPREPLY[*]}'",
		    path, cases[i].words);
		FILE *bash = popen(command, "r");
		assert_non_null(bash);
		assert_non_null(fgets(offered, sizeof(offered), bash));
		assert_int_equal(pclose(bash), 0);
		offered[strcspn(offered, "\n")] = '\0';
		assert_string_equal(offered, cases[i].offered);
	}
	unlink(path);
}

/* --- text --- */

static void widths_are_columns(void **state)
{
	(void)state;
	assert_int_equal(pawl_cli_width("abc"), 3);
	assert_int_equal(pawl_cli_width("gr\xc3\xbc\xc3\x9f"), 4);
	assert_int_equal(pawl_cli_width("e\xcc\x81"), 1);
	assert_int_equal(pawl_cli_width("\xe6\xbc\xa2\xe5\xad\x97"), 4);
	assert_int_equal(pawl_cli_width("\xff\xfe"), 2);
	assert_int_equal(pawl_cli_width("\xe6\xbc"), 2);
}

static const char *printed_table(size_t width)
{
	static const struct pawl_cli_column columns[] = { { .title = "ID", .right = true },
		{ .title = "NAME", .shrink = true }, { .title = "STATE" } };
	static char text[1024];
	struct pawl_cli_table *table = NULL;
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_int_equal(pawl_cli_table_create(columns, 3, &table), PAWL_ERR_OK);
	assert_int_equal(pawl_cli_table_add(table, (const char *[]){ "7", "pump", "idle" }), 0);
	assert_int_equal(pawl_cli_table_add(table,
			     (const char *[]){ "123", "gr\xc3\xbcne Anlage hinten links", NULL }),
	    0);
	assert_int_equal(pawl_cli_table_add(table, (const char *[]){ "8", "a\x1b[2Jb\nc", "" }), 0);
	pawl_cli_table_print(table, out, width);
	pawl_cli_table_destroy(table);
	fclose(out);
	return text;
}

static void tables_are_aligned_cut_and_safe(void **state)
{
	(void)state;
	assert_string_equal(printed_table(0), " ID  NAME                       STATE\n"
					      "  7  pump                       idle\n"
					      "123  gr\xc3\xbcne Anlage hinten links  -\n"
					      "  8  a?[2Jb?c                   -\n");
	assert_string_equal(printed_table(24), " ID  NAME          STATE\n"
					       "  7  pump          idle\n"
					       "123  gr\xc3\xbcne Anl...  -\n"
					       "  8  a?[2Jb?c      -\n");
	pawl_cli_table_destroy(NULL);
}

static void pairs_are_quoted(void **state)
{
	char text[256];
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	pawl_cli_print_pair(out, "plain", "a-b.c/d");
	pawl_cli_print_pair(out, "none", NULL);
	pawl_cli_print_pair(out, "empty", "");
	pawl_cli_print_pair(out, "words", "two \"words\"\n\t\x1b");
	pawl_cli_print_pair(out, "dollar", "$HOME");
	pawl_cli_print_pair_int(out, "count", -5);
	fclose(out);
	assert_string_equal(text,
	    "plain=a-b.c/d\nnone=-\nempty=\"\"\n"
	    "words=\"two \\\"words\\\"\\n\\t\\x1b\"\ndollar=\"$HOME\"\ncount=-5\n");
}

static void progress_is_plain_and_rare_when_nobody_watches(void **state)
{
	char text[1024];
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	struct pawl_cli_progress progress = pawl_cli_progress_of(out, "upload", 4 << 20);
	for (int64_t ms = 0; ms < 20000; ms += 10)
		pawl_cli_progress_update(
		    &progress, (uint64_t)ms * 100, (struct pawl_mono){ .ms = ms });
	pawl_cli_progress_finish(&progress, 4 << 20);
	fclose(out);
	assert_string_equal(text, "upload: 0.0 of 4.0 MiB, 0 %\n"
				  "upload: 1.0 of 4.0 MiB, 23 %\n"
				  "upload: 4.0 of 4.0 MiB, 100 %\n");
}

/* --- a terminal --- */

static int open_terminal(int *ret_slave)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	*ret_slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(*ret_slave >= 0);
	return master;
}

/* In a child: waits for the prompt on the master, then types. */
static pid_t type_after_prompt(int master, const char *prompt, const char *typed)
{
	const pid_t child = fork();

	assert_true(child >= 0);
	if (child != 0)
		return child;
	char seen[64] = "";
	size_t size = 0;
	while (strstr(seen, prompt) == NULL && size + 1 < sizeof(seen)) {
		if (read(master, seen + size, 1) != 1)
			_exit(1);
		seen[++size] = '\0';
	}
	_exit(write(master, typed, strlen(typed)) == (ssize_t)strlen(typed) ? 0 : 1);
}

static void wait_for_typist(pid_t child)
{
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void secrets_are_read_without_echo(void **state)
{
	static const struct {
		const char *typed;
		pawl_err err;
		const char *secret;
	} cases[] = {
		{ "hunter 2\n", PAWL_ERR_OK, "hunter 2" },
		{ "\n", PAWL_ERR_OK, "" },
		{ "this is far too long\n", PAWL_ERR_LIMIT, "unchanged" },
		{ "\x04", PAWL_ERR_CANCELLED, "unchanged" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int slave = -1;
		const int master = open_terminal(&slave);
		char secret[16] = "unchanged";
		char seen[128] = "";
		struct termios after;

		const pid_t child = type_after_prompt(master, "Word: ", cases[i].typed);
		assert_int_equal(
		    pawl_cli_read_secret_fd(slave, "Word: ", sizeof(secret), secret), cases[i].err);
		wait_for_typist(child);
		assert_string_equal(secret, cases[i].secret);
		assert_int_equal(tcgetattr(slave, &after), 0);
		assert_true((after.c_lflag & ECHO) != 0);
		fcntl(master, F_SETFL, O_NONBLOCK);
		const ssize_t got = read(master, seen, sizeof(seen) - 1);
		assert_true(got >= 0);
		assert_string_equal(seen, "\r\n"); /* nothing of what was typed */
		close(slave);
		close(master);
	}
	int pipe_ends[2];
	char secret[16];
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(pawl_cli_read_secret_fd(pipe_ends[0], "x", sizeof(secret), secret),
	    PAWL_ERR_UNSUPPORTED);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void only_yes_confirms(void **state)
{
	static const struct {
		const char *typed;
		bool yes;
	} cases[] = { { "y\n", true }, { "yes\n", true }, { "\n", false }, { "n\n", false },
		{ "yesterday\n", false }, { "\x04", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int slave = -1;
		const int master = open_terminal(&slave);
		FILE *in = fdopen(slave, "r+");

		assert_non_null(in);
		FILE *out = fdopen(dup(slave), "w");
		const pid_t child = type_after_prompt(master, "[y/N] ", cases[i].typed);
		assert_int_equal(pawl_cli_confirm(in, out, "Really?"), cases[i].yes);
		wait_for_typist(child);
		fclose(in);
		fclose(out);
		close(master);
	}
	FILE *in = tmpfile();
	fputs("yes\n", in);
	rewind(in);
	assert_false(pawl_cli_confirm(in, in, "Really?"));
	fclose(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_get_what_was_given),
		cmocka_unit_test(usage_errors_name_the_fault),
		cmocka_unit_test(help_goes_to_stdout_within_100_columns),
		cmocka_unit_test(failures_are_reported_as_text_and_json),
		cmocka_unit_test(exit_codes_tell_scripts_what_to_do_next),
		cmocka_unit_test(a_program_may_be_one_command),
		cmocka_unit_test(output_that_can_not_be_written_is_a_failure),
		cmocka_unit_test(completion_works_in_bash),
		cmocka_unit_test(widths_are_columns),
		cmocka_unit_test(tables_are_aligned_cut_and_safe),
		cmocka_unit_test(pairs_are_quoted),
		cmocka_unit_test(progress_is_plain_and_rare_when_nobody_watches),
		cmocka_unit_test(secrets_are_read_without_echo),
		cmocka_unit_test(only_yes_confirms),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
