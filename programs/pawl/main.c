/* SPDX-License-Identifier: MIT
 *
 * pawl - the operator's command line: keys, the signed repository, releases,
 * devices and rollouts. It wires libraries together; what metadata must say
 * is decided in lib/trust, whom to admit on the server. */
#include "pawl_app.h"

#include <signal.h>
#include <sys/resource.h>

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

enum { COMMANDS_MAX = 64 };

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
	/* Keys and passphrases do not go into core files. */
	(void)setrlimit(RLIMIT_CORE, &(const struct rlimit){ 0, 0 });
	return pawl_cli_main(&program, argc, argv, NULL);
}
