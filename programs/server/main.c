/* SPDX-License-Identifier: MIT
 *
 * pawl-server: the fleet server. This file is its command line. */
#include "app_run.h"

#include "pawl/crypto.h"
#include "pawl/env.h"
#include "pawl/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --- run --- */

static int print_settings(const struct pawl_cli_call *call, bool print)
{
	struct server_settings settings;
	struct pawl_conf conf;
	struct pawl_note note = { "" };
	const char *data = pawl_cli_value(call, "data");
	const pawl_err err = server_conf_read(data, &conf, &settings, &note);

	if (err != PAWL_ERR_OK)
		return pawl_cli_fail(call, err, data, &note);
	if (print)
		pawl_conf_print(&conf, call->out);
	return PAWL_CLI_OK;
}

static int run(struct pawl_cli_call *call)
{
	if (pawl_cli_flag(call, "print-config"))
		return print_settings(call, true);
	if (pawl_cli_flag(call, "check-config"))
		return print_settings(call, false);
	return app_run(pawl_cli_value(call, "data"));
}

static int check(struct pawl_cli_call *call)
{
	return app_check(pawl_cli_value(call, "data"));
}

/* --- tokens --- */

static pawl_err open_store(
    const struct pawl_cli_call *call, struct pawl_store **ret_store, struct pawl_note *note)
{
	char path[APP_PATH_MAX];
	const struct pawl_store_options options = { .path = path };

	PAWL_TRY(pawl_env_join(pawl_cli_value(call, "data"), "pawl.db", sizeof(path), path));
	if (!pawl_env_exists(path)) {
		pawl_note_add(note, "no database here; make it with `pawl-server init`");
		return PAWL_ERR_NOT_FOUND;
	}
	return pawl_store_open(&options, ret_store, note);
}

/* Waits until what was added is stored. */
static pawl_err store_and_close(struct pawl_store *store)
{
	uint64_t ticket = 0;
	pawl_err err = pawl_store_submit(store, &ticket);

	if (err == PAWL_ERR_OK)
		err = pawl_store_wait(store);

	const pawl_err close_err = pawl_store_close(store);

	return err == PAWL_ERR_OK ? close_err : err;
}

static int token_add(struct pawl_cli_call *call)
{
	struct pawl_store_token token = { .created_at = pawl_env_wall().ms };
	struct pawl_note note = { "" };
	struct pawl_store *store = NULL;
	uint8_t random[24];
	char text[2 * sizeof(random) + 1];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text) - 1);
	pawl_err err = pawl_bytes_to_text(
	    pawl_bytes_of(pawl_cli_argument(call, 0)), sizeof(token.name), token.name);

	pawl_random(random, sizeof(random));
	pawl_put_hex(&buf, PAWL_BYTES(random, sizeof(random)));
	text[buf.size] = '\0';
	pawl_sha256(pawl_buf_bytes(&buf), token.sha256);
	if (err == PAWL_ERR_OK)
		err = open_store(call, &store, &note);
	if (err == PAWL_ERR_OK) {
		pawl_store_put_token(store, &token);
		err = store_and_close(store);
	}
	if (err != PAWL_ERR_OK)
		return pawl_cli_fail(call, err, pawl_cli_argument(call, 0), &note);
	fprintf(call->out, call->json ? "{\"token\":\"%s\"}\n" : "%s\n", text);
	return PAWL_CLI_OK;
}

static int token_remove(struct pawl_cli_call *call)
{
	struct pawl_note note = { "" };
	struct pawl_store *store = NULL;
	pawl_err err = open_store(call, &store, &note);

	if (err == PAWL_ERR_OK) {
		pawl_store_remove_token(store, pawl_cli_argument(call, 0));
		err = store_and_close(store);
	}
	if (err != PAWL_ERR_OK)
		return pawl_cli_fail(call, err, pawl_cli_argument(call, 0), &note);
	if (call->json)
		fputs("{}\n", call->out);
	return PAWL_CLI_OK;
}

/* --- the table --- */

static const struct pawl_cli_option data_option[] = {
	{ .name = "data",
	    .kind = PAWL_CLI_VALUE,
	    .required = true,
	    .value = "DIR",
	    .help = "The server's folder: keys, settings, database, repository." },
	{ 0 },
};

static const struct pawl_cli_option run_options[] = {
	{ .name = "print-config", .kind = PAWL_CLI_FLAG, .help = "Print the settings and end." },
	{ .name = "check-config", .kind = PAWL_CLI_FLAG, .help = "Check the settings and end." },
	{ 0 },
};

static const struct pawl_cli_option no_options[] = { { 0 } };

static const struct pawl_cli_command commands[] = {
	{ .path = "run",
	    .summary = "Serves until SIGTERM; what `pawl-server --data DIR` does.",
	    .options = run_options,
	    .run = run },
	{ .path = "init",
	    .summary = "Makes keys, settings and an empty database in DIR.",
	    .options = no_options,
	    .run = server_init },
	{ .path = "check",
	    .summary = "Says whether a start would succeed.",
	    .options = no_options,
	    .run = check },
	{ .path = "token add",
	    .arguments = "NAME",
	    .options = no_options,
	    .run = token_add,
	    .summary = "Makes an operator's token and prints it; the server must be stopped." },
	{ .path = "token remove",
	    .arguments = "NAME",
	    .options = no_options,
	    .run = token_remove,
	    .summary = "Withdraws a token; the server must be stopped." },
	{ 0 },
};

static const struct pawl_cli_group groups[] = {
	{ "token", "Tokens for management calls without a client certificate." },
	{ 0 },
};

static const struct pawl_cli_program program = {
	.name = "pawl-server",
	.version = PAWL_VERSION,
	.summary = "Fleet server of Pawl: device API, management API, rollouts, repository.",
	.commands = commands,
	.groups = groups,
	.options = data_option,
};

/* Options without a command mean `run`. */
static bool wants_run(int argc, char *const argv[])
{
	return argc > 1 && argv[1][0] == '-' && strcmp(argv[1], "--help") != 0 &&
	       strcmp(argv[1], "-h") != 0 && strcmp(argv[1], "--version") != 0;
}

int main(int argc, char *argv[])
{
	char *with_run[64];

	umask(077);
	if (!wants_run(argc, argv) || argc > 60)
		return pawl_cli_main(&program, argc, argv, NULL);
	static char word[] = "run";

	with_run[0] = argv[0];
	with_run[1] = word;
	for (int i = 1; i <= argc; i++)
		with_run[i + 1] = argv[i];
	return pawl_cli_main(&program, argc + 1, with_run, NULL);
}
