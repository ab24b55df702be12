/* SPDX-License-Identifier: MIT
 *
 * pawl - the operator's command line: keys, the signed repository, releases,
 * devices and rollouts. It wires libraries together; what metadata must say
 * is decided in lib/trust, whom to admit on the server. */
#include "pawl_app.h"

#include <signal.h>
#include <string.h>

static const struct pawl_cli_option global_options[] = {
	{ .name = "repo",
	    .letter = 'C',
	    .kind = PAWL_CLI_VALUE,
	    .value = "DIR",
	    .help =
		"The repository's folder; otherwise $PAWL_REPO, otherwise the current folder." },
	{ .name = "passphrase-file",
	    .kind = PAWL_CLI_VALUE,
	    .value = "FILE",
	    .help = "First line: the passphrase of encrypted keys; otherwise it is asked for." },
	{ 0 },
};

static const struct pawl_cli_group groups[] = {
	{ "key", "Signing keys." },
	{ "repo", "The signed repository." },
	{ "server", "The connection to pawl-server." },
	{ "product", "What firmware is for." },
	{ "release", "Build and publish firmware." },
	{ "channel", "What a group of devices may run." },
	{ "device", "Devices and their enrolment." },
	{ "rollout", "Move a group to a release." },
	{ 0 },
};

static const char details[] =
    "A typical day:\n\n"
    "  pawl release build --product acme --version 2.0.0 --seq 2 --sec 1 --image gw-a=rootfs.img\n"
    "  pawl release publish\n"
    "  pawl rollout start --product acme --release 2.0.0 --group field --follow\n\n"
    "Exit codes: 0 done; 1 failed or refused; 2 the command line is wrong; 3 the server can not be "
    "reached; 4 a permission, key or passphrase is missing or wrong.";

enum { COMMANDS_MAX = 64, ARGUMENTS_MAX = 4096 };

/* How many words the option at `argv[0]` takes: 2, 1, or 0 when it is none of
 * the global ones. */
static int global_words(char *const argv[], int count)
{
	for (const struct pawl_cli_option *option = global_options; option->name != NULL;
	     option++) {
		const size_t size = strlen(option->name);
		const bool is_long =
		    strncmp(argv[0], "--", 2) == 0 && strncmp(argv[0] + 2, option->name, size) == 0;

		if (is_long && argv[0][2 + size] == '=')
			return 1;
		if ((is_long && argv[0][2 + size] == '\0') ||
		    (option->letter != 0 && argv[0][0] == '-' && argv[0][1] == option->letter &&
			argv[0][2] == '\0'))
			return count > 1 ? 2 : 1;
	}
	return 0;
}

/* `pawl -C DIR repo status` as people know it from git: pawl/cli.h wants the
 * command first, so global options before it move behind all the rest. */
static int options_last(int argc, char *const argv[], char *ordered[])
{
	int first = 1;
	int count = 0;

	while (first < argc) {
		const int words = global_words(argv + first, argc - first);
		if (words == 0)
			break;
		first += words;
	}
	ordered[count++] = argv[0];
	int end = first;
	while (end < argc && strcmp(argv[end], "--") != 0)
		ordered[count++] = argv[end++];
	for (int i = 1; i < first; i++)
		ordered[count++] = argv[i];
	while (end < argc)
		ordered[count++] = argv[end++];
	/* There is one shell so far; naming it is allowed. */
	if (count == 3 && strcmp(ordered[1], "completion") == 0 && strcmp(ordered[2], "bash") == 0)
		count--;
	ordered[count] = NULL;
	return count;
}

int main(int argc, char **argv)
{
	const struct pawl_cli_command *const tables[] = { cmd_key_commands, cmd_repo_commands,
		cmd_server_commands, cmd_product_commands, cmd_release_commands,
		cmd_device_commands, cmd_rollout_commands };
	struct pawl_cli_command commands[COMMANDS_MAX] = { { 0 } };
	size_t count = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct pawl_cli_command *command = tables[i]; command->path != NULL;
		     command++) {
			PAWL_ASSERT(count + 1 < COMMANDS_MAX);
			commands[count++] = *command;
		}
	const struct pawl_cli_program program = { .name = "pawl",
		.version = PAWL_VERSION,
		.summary = "Signs firmware, publishes it and moves fleets of devices to it.",
		.details = details,
		.commands = commands,
		.groups = groups,
		.options = global_options };

	/* A server that goes away shows as an error of the call. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 1 || argc >= ARGUMENTS_MAX)
		return PAWL_CLI_USAGE;
	char *ordered[ARGUMENTS_MAX];
	const int count_ordered = options_last(argc, argv, ordered);
	return pawl_cli_main(&program, count_ordered, ordered, NULL);
}
