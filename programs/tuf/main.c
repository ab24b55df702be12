/* SPDX-License-Identifier: MIT
 *
 * pawl-tuf - a small TUF client: reads any TUF 1.0 repository and fetches
 * files from it. Its command line is the one that the public conformance
 * suite for TUF clients drives; exit codes are 0 and 1 only.
 */
#include "tuf.h"

#include "pawl/cli.h"
#include "pawl/json.h"

#include <signal.h>

enum { TIMEOUT_MAX = 86400, JSON_SIZE = PATH_MAX * 6 + 256 };

static const struct pawl_cli_option options[] = {
	{ .name = "metadata-dir",
	    .kind = PAWL_CLI_VALUE,
	    .required = true,
	    .value = "DIR",
	    .help = "Folder of the trusted metadata." },
	{ .name = "metadata-url",
	    .kind = PAWL_CLI_VALUE,
	    .value = "URL",
	    .help = "Where metadata is served; file names are appended as they stand." },
	{ .name = "target-name",
	    .kind = PAWL_CLI_REPEAT,
	    .value = "PATH",
	    .help = "A target to download; may be given again." },
	{ .name = "target-dir",
	    .kind = PAWL_CLI_VALUE,
	    .value = "DIR",
	    .help = "Folder for the downloaded targets." },
	{ .name = "target-base-url",
	    .kind = PAWL_CLI_VALUE,
	    .value = "URL",
	    .help = "Where targets are served; paths are appended." },
	{ .name = "ca-file",
	    .kind = PAWL_CLI_VALUE,
	    .value = "FILE",
	    .help = "Certificates that https servers are checked with; otherwise the system's." },
	{ .name = "timeout",
	    .kind = PAWL_CLI_VALUE,
	    .value = "SECONDS",
	    .preset = "60",
	    .help = "For one metadata file, and for a target that comes slower than 500 bytes a "
		    "second." },
	{ 0 },
};

/* --- results --- */

static void print_versions(const struct pawl_cli_call *call, const struct tuf_session *session)
{
	static const char *const names[PAWL_TRUST_ROLE_COUNT] = { "root", "timestamp", "snapshot",
		"targets" };
	for (unsigned i = 0; i < PAWL_TRUST_ROLE_COUNT; i++) {
		const long long version = pawl_trust_version(&session->trust, (pawl_trust_role)i);
		if (call->json)
			fprintf(call->out, "%s\"%s\":%lld", i == 0 ? "{" : ",", names[i], version);
		else
			pawl_cli_print_pair_int(call->out, names[i], version);
	}
	if (call->json)
		fputs("}\n", call->out);
}

static pawl_err print_target(const struct pawl_cli_call *call, size_t index, const char *target,
    const char *path, bool fetched)
{
	char text[JSON_SIZE];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text) - 1);
	struct pawl_json_writer writer = pawl_json_writer_of(&buf);
	if (!call->json) {
		fputs(fetched ? "fetched " : "present ", call->out);
		pawl_cli_print_safe(call->out, path);
		fputc('\n', call->out);
		return PAWL_ERR_OK;
	}
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "target", target);
	pawl_json_member_text(&writer, "path", path);
	pawl_json_member_bool(&writer, "fetched", fetched);
	pawl_json_end_object(&writer);
	text[buf.size] = '\0';
	fprintf(call->out, "%s%s", index == 0 ? "" : ",", text);
	return pawl_buf_check(&buf);
}

/* --- commands --- */

static int run_init(struct pawl_cli_call *call)
{
	struct pawl_note note = { "" };
	const char *const file = pawl_cli_argument(call, 0);
	const pawl_err err = tuf_init(pawl_cli_value(call, "metadata-dir"), file, &note);
	if (err != PAWL_ERR_OK)
		return pawl_cli_fail(call, err, file, &note);
	if (call->json)
		fputs("{}\n", call->out);
	return PAWL_CLI_OK;
}

/* False: said already what is wrong. */
static bool read_settings(
    const struct pawl_cli_call *call, bool with_targets, struct tuf_settings *ret_settings)
{
	int64_t timeout_s = 0;
	if (pawl_cli_int(call, "timeout", 1, TIMEOUT_MAX, &timeout_s) != PAWL_ERR_OK)
		return false;
	*ret_settings = (struct tuf_settings){
		.metadata_dir = pawl_cli_value(call, "metadata-dir"),
		.metadata_url = pawl_cli_value(call, "metadata-url"),
		.target_dir = pawl_cli_value(call, "target-dir"),
		.target_url = pawl_cli_value(call, "target-base-url"),
		.ca_file = pawl_cli_value(call, "ca-file"),
		.timeout_s = (unsigned)timeout_s,
	};
	const char *missing = NULL;
	if (ret_settings->metadata_url == NULL)
		missing = "metadata-url";
	else if (with_targets && pawl_cli_count(call, "target-name") == 0)
		missing = "target-name";
	else if (with_targets && ret_settings->target_dir == NULL)
		missing = "target-dir";
	else if (with_targets && ret_settings->target_url == NULL)
		missing = "target-base-url";
	if (missing != NULL)
		(void)pawl_cli_usage(call, "--%s is missing", missing);
	return missing == NULL;
}

static int run_refresh(struct pawl_cli_call *call)
{
	struct tuf_settings settings;
	struct tuf_session session;
	struct pawl_note note = { "" };
	if (!read_settings(call, false, &settings))
		return PAWL_CLI_USAGE;
	const pawl_err err = tuf_session_start(&session, &settings, &note);
	if (err == PAWL_ERR_OK)
		print_versions(call, &session);
	tuf_session_finish(&session);
	return err == PAWL_ERR_OK ? PAWL_CLI_OK
				  : pawl_cli_fail(call, err, settings.metadata_url, &note);
}

/* In the order given, under one refresh; stops at the first that fails. */
static int download_all(struct pawl_cli_call *call, struct tuf_session *session)
{
	const size_t count = pawl_cli_count(call, "target-name");
	for (size_t i = 0; i < count; i++) {
		const char *const target = pawl_cli_value_at(call, "target-name", i);
		char path[PATH_MAX];
		bool fetched = false;
		struct pawl_note note = { "" };
		pawl_err err = tuf_target_get(session, target, path, &fetched, &note);
		if (err == PAWL_ERR_OK)
			err = print_target(call, i, target, path, fetched);
		if (err != PAWL_ERR_OK)
			return pawl_cli_fail(call, err, target, &note);
	}
	return PAWL_CLI_OK;
}

static int run_download(struct pawl_cli_call *call)
{
	struct tuf_settings settings;
	struct tuf_session session;
	struct pawl_note note = { "" };
	if (!read_settings(call, true, &settings))
		return PAWL_CLI_USAGE;
	int code = PAWL_CLI_OK;
	const pawl_err err = tuf_session_start(&session, &settings, &note);
	if (err != PAWL_ERR_OK) {
		code = pawl_cli_fail(call, err, settings.metadata_url, &note);
	} else {
		if (call->json)
			fputc('[', call->out);
		code = download_all(call, &session);
		if (call->json)
			fputs("]\n", call->out);
	}
	tuf_session_finish(&session);
	return code;
}

static const struct pawl_cli_command commands[] = {
	{ .path = "init",
	    .arguments = "ROOTFILE",
	    .summary = "Trust a root file.",
	    .details = "The file must verify under its own keys; it becomes root.json in the "
		       "metadata folder. Whether it is the right one only you can know. A folder "
		       "that trusts a root already is refused.",
	    .run = run_init },
	{ .path = "refresh",
	    .arguments = "",
	    .summary = "Bring the metadata up to date.",
	    .run = run_refresh },
	{ .path = "download",
	    .arguments = "",
	    .summary = "Refresh, then fetch targets.",
	    .details = "Each becomes one file in the target folder, its path percent-encoded. "
		       "What is there already with the signed hash is not fetched again.",
	    .run = run_download },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct pawl_cli_program program = { .name = "pawl-tuf",
		.version = PAWL_VERSION,
		.summary = "Reads a TUF repository and fetches files from it.",
		.details = "Exit codes: 0 done; 1 anything else.",
		.commands = commands,
		.options = options };

	signal(SIGPIPE, SIG_IGN);
	if (argc < 1)
		return 1;
	return pawl_cli_main(&program, argc, argv, NULL) == PAWL_CLI_OK ? 0 : 1;
}
