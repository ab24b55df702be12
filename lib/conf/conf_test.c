/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/conf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	char server_url[64];
	char state_dir[32];
	char pins[64];
	int64_t poll_min_ms;
	int64_t rate_limit;
	int64_t workers;
	bool verbose;
};

static const struct pawl_conf_option options[] = {
	{ .name = "server-url",
	    .type = PAWL_CONF_TEXT,
	    .min = 1,
	    PAWL_CONF_FIELD(struct settings, server_url),
	    .help = "Where the device listener of the server is; every poll, download and report "
		    "of this device goes there and nowhere else." },
	{ .name = "state-dir",
	    .type = PAWL_CONF_PATH,
	    .preset = "/var/lib/pawl",
	    PAWL_CONF_FIELD(struct settings, state_dir),
	    .help = "Private directory." },
	{ .name = "server-pins",
	    .type = PAWL_CONF_LIST,
	    .min = 2,
	    .max = 4,
	    .preset = "",
	    PAWL_CONF_FIELD(struct settings, pins),
	    .help = "Pins of the server." },
	{ .name = "poll-min-s",
	    .type = PAWL_CONF_DURATION,
	    .unit = "s",
	    .min = 1000,
	    .max = 3600000,
	    .preset = "30",
	    PAWL_CONF_FIELD(struct settings, poll_min_ms),
	    .help = "Shortest time between polls." },
	{ .name = "rate-limit-bytes-s",
	    .type = PAWL_CONF_SIZE,
	    .preset = "0",
	    PAWL_CONF_FIELD(struct settings, rate_limit),
	    .help = "Highest download rate; 0: none." },
	{ .name = "workers",
	    .type = PAWL_CONF_INT,
	    .unit = "threads",
	    .min = 1,
	    .max = 16,
	    .preset = "2",
	    PAWL_CONF_FIELD(struct settings, workers),
	    .help = "Threads." },
	{ .name = "verbose",
	    .type = PAWL_CONF_BOOL,
	    .preset = "no",
	    PAWL_CONF_FIELD(struct settings, verbose),
	    .help = "Say more." },
};
enum { COUNT = sizeof(options) / sizeof(options[0]) };

static pawl_err read_text(struct settings *settings, const char *text, struct pawl_note *note)
{
	struct pawl_conf conf;

	pawl_note_clear(note);
	pawl_conf_init(&conf, options, COUNT, settings);
	return pawl_conf_read_text(&conf, "agent.conf", pawl_bytes_of(text), note);
}

static void file_sets_every_type(void **state)
{
	struct settings settings;
	struct pawl_note note;
	const char *text = "# a comment\n"
			   "\r\n"
			   "server-url = https://host:8443 # a comment\n"
			   "  state-dir=\"/with # and \\\" and \\\\\" # comment\n"
			   "server-pins = AA=, BB=,CC=\r\n"
			   "poll-min-s = 5 min\n"
			   "rate-limit-bytes-s = 64KiB\n"
			   "workers = 16\n"
			   "verbose = on";

	(void)state;
	assert_int_equal(read_text(&settings, text, &note), PAWL_ERR_OK);
	assert_string_equal(settings.server_url, "https://host:8443");
	assert_string_equal(settings.state_dir, "/with # and \" and \\");
	assert_string_equal(settings.pins, "AA=,BB=,CC=");
	assert_int_equal(settings.poll_min_ms, 300000);
	assert_int_equal(settings.rate_limit, 65536);
	assert_int_equal(settings.workers, 16);
	assert_true(settings.verbose);

	struct pawl_bytes rest = pawl_bytes_of(settings.pins);
	struct pawl_bytes item;
	size_t items = 0;
	while (pawl_conf_list_next(&rest, &item)) {
		assert_int_equal(item.size, 3);
		items++;
	}
	assert_int_equal(items, 3);
}

static void presets_stand_when_nothing_is_given(void **state)
{
	struct settings settings;
	struct pawl_note note;

	(void)state;
	memset(&settings, 0x5a, sizeof(settings));
	assert_int_equal(read_text(&settings, "", &note), PAWL_ERR_OK);
	assert_string_equal(settings.server_url, "");
	assert_string_equal(settings.state_dir, "/var/lib/pawl");
	assert_string_equal(settings.pins, "");
	assert_int_equal(settings.poll_min_ms, 30000);
	assert_int_equal(settings.workers, 2);
	assert_false(settings.verbose);
}

/* Operators grep these. */
static void messages_name_file_line_field_and_what_is_allowed(void **state)
{
	static const struct {
		const char *text;
		pawl_err err;
		const char *message;
	} cases[] = {
		{ "\nserver-ulr = x", PAWL_ERR_NOT_FOUND,
		    "agent.conf:2: unknown key 'server-ulr'; did you mean 'server-url'?" },
		{ "wibble = x", PAWL_ERR_NOT_FOUND, "agent.conf:1: unknown key 'wibble'" },
		{ "poll-min-s = 2h", PAWL_ERR_RANGE,
		    "agent.conf:1: poll-min-s: '2h' is outside its range; allowed: a duration with "
		    "ms, s, min, h or d (without: s) from 1s to 1h" },
		{ "poll-min-s = 2 weeks", PAWL_ERR_SYNTAX,
		    "agent.conf:1: poll-min-s: '2 weeks' is not understood; allowed: a duration "
		    "with ms, s, min, h or d (without: s) from 1s to 1h" },
		{ "workers = 17", PAWL_ERR_RANGE,
		    "agent.conf:1: workers: '17' is outside its range; allowed: a whole number "
		    "from 1 to 16 threads" },
		{ "workers = 1e3", PAWL_ERR_SYNTAX,
		    "agent.conf:1: workers: '1e3' is not understood; allowed: a whole number "
		    "from 1 to 16 threads" },
		{ "workers = ", PAWL_ERR_SYNTAX,
		    "agent.conf:1: workers: '' is not understood; allowed: a whole number "
		    "from 1 to 16 threads" },
		{ "rate-limit-bytes-s = 9223372036854775807KiB", PAWL_ERR_RANGE,
		    "agent.conf:1: rate-limit-bytes-s: '9223372036854775807KiB' is outside its "
		    "range; allowed: a number of bytes, or with KiB, MiB, GiB, of at least 0" },
		{ "rate-limit-bytes-s = -1", PAWL_ERR_RANGE,
		    "agent.conf:1: rate-limit-bytes-s: '-1' is outside its "
		    "range; allowed: a number of bytes, or with KiB, MiB, GiB, of at least 0" },
		{ "verbose = maybe", PAWL_ERR_SYNTAX,
		    "agent.conf:1: verbose: 'maybe' is not understood; allowed: yes or no" },
		{ "server-url = ", PAWL_ERR_RANGE,
		    "agent.conf:1: server-url: '' is too short; allowed: text of 1 to 63 bytes" },
		{ "state-dir = /0123456789012345678901234567890123456789", PAWL_ERR_RANGE,
		    "agent.conf:1: state-dir: '/0123456789012345678901234567890123456789' is too "
		    "long; allowed: a path of at most 31 bytes" },
		{ "server-pins = AA", PAWL_ERR_RANGE,
		    "agent.conf:1: server-pins: 'AA' has the wrong number of items; allowed: with "
		    "commas between, 2 to 4 items" },
		{ "server-pins = AA,,BB", PAWL_ERR_SYNTAX,
		    "agent.conf:1: server-pins: 'AA,,BB' has an empty item; allowed: with "
		    "commas between, 2 to 4 items" },
		{ "server-pins = AA,BB,", PAWL_ERR_SYNTAX,
		    "agent.conf:1: server-pins: 'AA,BB,' has an empty item; allowed: with "
		    "commas between, 2 to 4 items" },
		{ "workers 3", PAWL_ERR_SYNTAX,
		    "agent.conf:1: expected 'key = value', found 'workers 3'" },
		{ "workers = 3\n\nworkers = 4", PAWL_ERR_EXISTS,
		    "agent.conf:3: workers: given twice; the first is in line 1" },
		{ "server-url = \"x", PAWL_ERR_SYNTAX,
		    "agent.conf:1: the closing quote is missing" },
		{ "server-url = \"x\" y", PAWL_ERR_SYNTAX,
		    "agent.conf:1: text after the closing quote: 'y'" },
		{ "server-url = \"\\n\"", PAWL_ERR_SYNTAX,
		    "agent.conf:1: after \\ only \" or \\ may stand" },
		{ "server-url = a\x1b[2Jb", PAWL_ERR_SYNTAX,
		    "agent.conf:1: server-url: 'a?[2Jb' contains a control character; allowed: "
		    "text of 1 to 63 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct settings settings;
		struct pawl_note note;

		assert_int_equal(read_text(&settings, cases[i].text, &note), cases[i].err);
		assert_string_equal(note.text, cases[i].message);
	}
}

static void a_refused_value_changes_nothing(void **state)
{
	struct settings settings;
	struct pawl_conf conf;

	(void)state;
	pawl_conf_init(&conf, options, COUNT, &settings);
	assert_int_equal(
	    pawl_conf_set(&conf, "workers", PAWL_BYTES_LIT("99"), NULL), PAWL_ERR_RANGE);
	assert_int_equal(settings.workers, 2);
	assert_int_equal(
	    pawl_conf_set(&conf, "server-pins", PAWL_BYTES_LIT("a"), NULL), PAWL_ERR_RANGE);
	assert_string_equal(settings.pins, "");
}

/* argv is not const in C; literals are. */
static pawl_err read_flags(struct pawl_conf *conf, const char *const *words, struct pawl_note *note)
{
	char copies[8][32];
	char *argv[8];
	int argc = 0;

	for (; words[argc] != NULL; argc++) {
		argv[argc] = copies[argc];
		snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
	}
	pawl_note_clear(note);
	return pawl_conf_read_flags(conf, argc, argv, note);
}

static void flags_use_the_same_rules(void **state)
{
	struct settings settings;
	struct pawl_conf conf;
	struct pawl_note note = { { 0 } };
	const char *const words[] = { "--workers", "3", "--verbose", "--state-dir=/tmp/x",
		"--poll-min-s", "1500ms", NULL };
	const char *const wrong[] = { "--wrokers", "3", NULL };
	const char *const missing[] = { "--workers", NULL };
	const char *const bare[] = { "workers", NULL };
	const char *const range[] = { "--workers=0", NULL };

	(void)state;
	pawl_conf_init(&conf, options, COUNT, &settings);
	assert_int_equal(read_flags(&conf, words, &note), PAWL_ERR_OK);
	assert_int_equal(settings.workers, 3);
	assert_int_equal(settings.poll_min_ms, 1500);
	assert_true(settings.verbose);
	assert_string_equal(settings.state_dir, "/tmp/x");
	assert_int_equal(read_flags(&conf, wrong, &note), PAWL_ERR_NOT_FOUND);
	assert_string_equal(note.text, "unknown key 'wrokers'; did you mean 'workers'?");
	pawl_note_clear(&note);
	assert_int_equal(read_flags(&conf, missing, &note), PAWL_ERR_SYNTAX);
	assert_string_equal(note.text,
	    "--workers: a value must follow; allowed: a whole number from 1 to 16 threads");
	pawl_note_clear(&note);
	assert_int_equal(read_flags(&conf, bare, &note), PAWL_ERR_SYNTAX);
	assert_string_equal(note.text, "unexpected argument 'workers'; allowed: --key value");
	pawl_note_clear(&note);
	assert_int_equal(read_flags(&conf, range, &note), PAWL_ERR_RANGE);
	assert_string_equal(note.text,
	    "--workers: '0' is outside its range; allowed: a whole number from 1 to 16 threads");
	pawl_note_clear(&note);
	assert_int_equal(pawl_conf_check(&conf, &note), PAWL_ERR_NOT_FOUND);
	assert_string_equal(note.text, "must be given: server-url");
}

static char *printed(const struct pawl_conf *conf)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	pawl_conf_print(conf, out);
	fclose(out);
	return text;
}

static void what_is_printed_reads_back_the_same(void **state)
{
	struct settings settings;
	struct settings again;
	struct pawl_conf conf;
	struct pawl_note note = { { 0 } };

	(void)state;
	assert_int_equal(read_text(&settings,
			     "server-url = \" a # \\\"b\\\\ \"\nserver-pins=x,y\nverbose=1\n"
			     "poll-min-s=90s\nrate-limit-bytes-s=1048576\n",
			     &note),
	    PAWL_ERR_OK);
	pawl_conf_init(&conf, options, COUNT, &again);
	memcpy(&again, &settings, sizeof(again));
	conf.origin[0] = 1;
	char *text = printed(&conf);
	assert_non_null(strstr(text, "\npoll-min-s = 90s\n"));
	assert_non_null(strstr(text, "\nrate-limit-bytes-s = 1MiB\n"));
	memset(&again, 0, sizeof(again));
	assert_int_equal(read_text(&again, text, &note), PAWL_ERR_OK);
	assert_string_equal(again.server_url, settings.server_url);
	assert_string_equal(again.pins, settings.pins);
	assert_int_equal(again.poll_min_ms, settings.poll_min_ms);
	assert_int_equal(again.rate_limit, settings.rate_limit);
	assert_true(again.verbose);
	free(text);
}

static void files_that_can_not_be_read_are_told_apart(void **state)
{
	char path[] = "/tmp/pawl_conf_test_XXXXXX";
	struct settings settings;
	struct pawl_conf conf;
	struct pawl_note note = { { 0 } };
	const int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	pawl_conf_init(&conf, options, COUNT, &settings);
	assert_int_equal(pawl_conf_read_file(&conf, path, &note), PAWL_ERR_OK);
	assert_int_equal(write(fd, "workers = 5\n", 12), 12);
	assert_int_equal(pawl_conf_read_file(&conf, path, &note), PAWL_ERR_OK);
	assert_int_equal(settings.workers, 5);
	assert_int_equal(ftruncate(fd, PAWL_CONF_FILE_SIZE_MAX + 1), 0);
	assert_int_equal(pawl_conf_read_file(&conf, path, &note), PAWL_ERR_LIMIT);
	close(fd);
	unlink(path);
	pawl_note_clear(&note);
	assert_int_equal(pawl_conf_read_file(&conf, path, &note), PAWL_ERR_NOT_FOUND);
	assert_non_null(strstr(note.text, ": No such file or directory"));
	assert_int_equal(pawl_conf_read_file(&conf, "/", &note), PAWL_ERR_IO);
}

static int start(const char *const *words, char **ret_out, char **ret_err)
{
	static const struct pawl_conf_program program = { .name = "pawl-agent",
		.summary = "Keeps a device up to date.",
		.version = "0.1.0",
		.default_file = "/nowhere/agent.conf",
		.options = options,
		.count = COUNT };
	struct settings settings;
	size_t out_size = 0;
	size_t err_size = 0;
	FILE *out = open_memstream(ret_out, &out_size);
	FILE *err = open_memstream(ret_err, &err_size);
	char copies[5][32];
	char *argv[5];
	int argc = 0;

	for (; argc < 5 && words[argc] != NULL; argc++) {
		argv[argc] = copies[argc];
		snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
	}
	const int code = pawl_conf_start(&program, argc, argv, &settings, out, err);
	fclose(out);
	fclose(err);
	return code;
}

static void start_answers_on_the_right_stream(void **state)
{
	static const struct {
		const char *argv[5];
		int code;
		const char *out;
		const char *err;
	} cases[] = {
		{ { "x", "--help" }, 0, "    --poll-min-s DURATION\n", NULL },
		{ { "x", "--version" }, 0, "pawl-agent 0.1.0\n", NULL },
		{ { "x" }, 2, NULL,
		    "pawl-agent: must be given: server-url\nTry 'pawl-agent --help'.\n" },
		{ { "x", "--server-url", "a" }, -1, NULL, NULL },
		{ { "x", "--server-url", "a", "--check-config" }, 0, "the settings are right\n",
		    NULL },
		{ { "x", "--print-config" }, 0, "# server-url = (must be given)\n", NULL },
		{ { "x", "--config" }, 2, NULL, "--config: a file name must follow" },
		{ { "x", "--config", "/nowhere/x" }, 2, NULL, "/nowhere/x: No such file" },
		{ { "x", "--verbos" }, 2, NULL, "unknown key 'verbos'; did you mean 'verbose'?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = NULL;
		char *err = NULL;

		assert_int_equal(start(cases[i].argv, &out, &err), cases[i].code);
		if (cases[i].out == NULL)
			assert_string_equal(out, "");
		else
			assert_non_null(strstr(out, cases[i].out));
		if (cases[i].err == NULL)
			assert_string_equal(err, "");
		else
			assert_non_null(strstr(err, cases[i].err));
		for (const char *line = out; *line != '\0'; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 100);
		free(out);
		free(err);
	}
}

static void nearest_name_is_near(void **state)
{
	int distance = INT_MAX;

	(void)state;
	assert_true(pawl_conf_is_nearer("rolout", "rollout", &distance));
	assert_false(pawl_conf_is_nearer("rolout", "rollback", &distance));
	distance = INT_MAX;
	assert_false(pawl_conf_is_nearer("x", "rollout", &distance));
	assert_false(pawl_conf_is_nearer("", "r", &distance));
	assert_true(pawl_conf_is_nearer("dep", "deployment", &distance));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_sets_every_type),
		cmocka_unit_test(presets_stand_when_nothing_is_given),
		cmocka_unit_test(messages_name_file_line_field_and_what_is_allowed),
		cmocka_unit_test(a_refused_value_changes_nothing),
		cmocka_unit_test(flags_use_the_same_rules),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(files_that_can_not_be_read_are_told_apart),
		cmocka_unit_test(start_answers_on_the_right_stream),
		cmocka_unit_test(nearest_name_is_near),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
