/* SPDX-License-Identifier: MIT
 *
 * pawl-board: plays boot loader and hardware of a Linux device. Command lines.
 */
#include "board.h"

#include "pawl/conf.h"

#include <stdio.h>
#include <string.h>

struct settings {
	char dir[PATH_MAX];
	char image[PATH_MAX];
	char version[PAWL_VERSION_MAX + 1];
	char hardware_class[PAWL_HW_CLASS_MAX + 1];
	char console[PATH_MAX];
	int64_t seq;
	int64_t sec;
	int64_t slot_size;
	int64_t watchdog_ms;
	int64_t max_boots;
	bool json;
};

#define SEQ_MAX ((INT64_C(1) << 53) - 1)

/* clang-format off */
#define DIR_OPTION                                                                                 \
	{ .name = "dir", .type = PAWL_CONF_PATH, .min = 1, PAWL_CONF_FIELD(struct settings, dir),  \
	  .help = "The board's folder." }

static const struct pawl_conf_option init_options[] = {
	DIR_OPTION,
	{ .name = "image", .type = PAWL_CONF_PATH, .min = 1,
	  PAWL_CONF_FIELD(struct settings, image), .help = "The firmware it leaves the factory with." },
	{ .name = "version", .type = PAWL_CONF_TEXT, .min = 1,
	  PAWL_CONF_FIELD(struct settings, version), .help = "The version of that firmware." },
	{ .name = "seq", .type = PAWL_CONF_INT, .min = 1, .max = SEQ_MAX,
	  PAWL_CONF_FIELD(struct settings, seq), .help = "Its sequence number." },
	{ .name = "sec", .type = PAWL_CONF_INT, .min = 0, .max = INT32_MAX,
	  PAWL_CONF_FIELD(struct settings, sec), .help = "Its anti-rollback number." },
	{ .name = "hardware-class", .type = PAWL_CONF_TEXT, .min = 1,
	  PAWL_CONF_FIELD(struct settings, hardware_class), .help = "What images must be made for." },
	{ .name = "slot-size", .type = PAWL_CONF_SIZE, .min = 4096, .max = INT64_C(1) << 30,
	  .preset = "64MiB", PAWL_CONF_FIELD(struct settings, slot_size),
	  .help = "Size of each slot." },
};

static const struct pawl_conf_option run_options[] = {
	DIR_OPTION,
	{ .name = "watchdog-ms", .type = PAWL_CONF_DURATION, .unit = "ms", .min = 0, .max = 3600000,
	  .preset = "30000", PAWL_CONF_FIELD(struct settings, watchdog_ms),
	  .help = "Longest time between two feedings of /dev/watchdog; 0: no watchdog." },
	{ .name = "max-boots", .type = PAWL_CONF_INT, .min = 0, .max = INT32_MAX, .preset = "0",
	  PAWL_CONF_FIELD(struct settings, max_boots),
	  .help = "Ends after that many boots; 0: never." },
	{ .name = "console", .type = PAWL_CONF_PATH, .preset = "",
	  PAWL_CONF_FIELD(struct settings, console),
	  .help = "File that the console is appended to; empty: console.log in the folder." },
};

static const struct pawl_conf_option show_options[] = {
	DIR_OPTION,
	{ .name = "json", .type = PAWL_CONF_BOOL, .preset = "no",
	  PAWL_CONF_FIELD(struct settings, json), .help = "One JSON object instead of text." },
};
/* clang-format on */

static int report(pawl_err err, const struct pawl_note *note)
{
	fprintf(stderr, "pawl-board: %s: %s\n", note->text[0] != '\0' ? note->text : "failed",
	    pawl_err_text(err));
	return BOARD_EXIT_FAILED;
}

/* Names end up in files, host names and lines of the log. */
static bool is_name(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._+-";

	return strspn(text, allowed) == strlen(text) && strchr("._+-", text[0]) == NULL;
}

static int run_init(const struct settings *settings)
{
	const struct board_init init = {
		.dir = settings->dir,
		.image = settings->image,
		.version = settings->version,
		.hardware_class = settings->hardware_class,
		.seq = (uint64_t)settings->seq,
		.sec = (uint64_t)settings->sec,
		.slot_size = (uint64_t)settings->slot_size,
	};
	struct pawl_note note = { "" };

	if (!is_name(settings->version) || !is_name(settings->hardware_class)) {
		fprintf(stderr, "pawl-board: version and hardware class are letters, digits and "
				"._+- and begin with a letter or digit\n");
		return BOARD_EXIT_USAGE;
	}
	const pawl_err err = board_create(&init, &note);
	return err == PAWL_ERR_OK ? BOARD_EXIT_OK : report(err, &note);
}

static int with_board(const struct settings *settings, bool run)
{
	const struct board_run how = {
		.watchdog_ms = settings->watchdog_ms,
		.boots_max = settings->max_boots,
		.console = settings->console[0] != '\0' ? settings->console : NULL,
	};
	struct pawl_note note = { "" };
	struct board board;
	int code;

	const pawl_err err = board_open(settings->dir, &board, &note);
	if (err != PAWL_ERR_OK)
		code = report(err, &note);
	else
		code = run ? board_run(&board, &how) : board_show(&board, settings->json);
	board_close(&board);
	return code;
}

static int run_run(const struct settings *settings)
{
	return with_board(settings, true);
}

static int run_show(const struct settings *settings)
{
	return with_board(settings, false);
}

struct command {
	const char *name;
	const char *summary;
	const struct pawl_conf_option *options;
	size_t count;
	int (*run)(const struct settings *settings);
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct command commands[] = {
	{ "init", "Makes a board with one firmware in slot a.", init_options, COUNT(init_options),
	    run_init },
	{ "run", "Powers it on, boots, and boots again, until SIGTERM.", run_options,
	    COUNT(run_options), run_run },
	{ "show", "Shows the boot record and what the slots hold.", show_options,
	    COUNT(show_options), run_show },
};

static void help(FILE *out)
{
	fprintf(out, "usage: pawl-board COMMAND [--option VALUE]...\n\n"
		     "Plays boot loader and hardware of a Linux device with two slots.\n");
	for (size_t i = 0; i < COUNT(commands); i++) {
		fprintf(out, "\n%s: %s\n", commands[i].name, commands[i].summary);
		pawl_conf_help(commands[i].options, commands[i].count, out);
	}
}

int main(int argc, char **argv)
{
	static struct settings settings;
	struct pawl_conf conf;
	struct pawl_note note = { "" };

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "help") == 0) {
			help(stdout);
			return BOARD_EXIT_OK;
		}
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("pawl-board %s\n", PAWL_VERSION);
		return BOARD_EXIT_OK;
	}
	for (size_t i = 0; argc > 1 && i < COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		pawl_conf_init(&conf, commands[i].options, commands[i].count, &settings);
		if (pawl_conf_read_flags(&conf, argc - 2, argv + 2, &note) != PAWL_ERR_OK ||
		    pawl_conf_check(&conf, &note) != PAWL_ERR_OK) {
			fprintf(stderr, "pawl-board %s: %s\n", commands[i].name, note.text);
			return BOARD_EXIT_USAGE;
		}
		return commands[i].run(&settings);
	}
	help(stderr);
	return BOARD_EXIT_USAGE;
}
