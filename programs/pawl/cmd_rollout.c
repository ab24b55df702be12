/* SPDX-License-Identifier: MIT
 *
 * pawl rollout: sign the channel, publish, then let the server move the group. */
#include "pawl_app.h"

#include "pawl/num.h"

#include <string.h>
#include <unistd.h>

enum {
	STAGES_MAX = 32,
	NAME_SIZE_MAX = 128, /* hawkBit's limit                                 */
	FOLLOW_PERIOD_MS = 1000,
	CREATE_DEADLINE_MS = 60000,
	CREATE_PERIOD_MS = 100
};

/* --- looking --- */

struct wanted_rollout {
	const char *name; /* name or number                                     */
	int64_t id;
};

static pawl_err match_rollout(
    struct app *app, const struct pawl_json *json, uint32_t item, void *context)
{
	struct wanted_rollout *wanted = context;

	if (strcmp(app_json_text(app, json, item, "name"), wanted->name) == 0)
		wanted->id = app_json_int(json, item, "id");
	return PAWL_ERR_OK;
}

/* By name first: a rollout may be called "7". */
static pawl_err find_rollout(struct app *app, const char *name, int64_t *ret_id)
{
	struct wanted_rollout wanted = { .name = name };
	uint64_t number = 0;

	PAWL_TRY(app_server_list(app, "/rest/v1/rollouts", false, match_rollout, &wanted, NULL));
	if (wanted.id == 0 &&
	    pawl_parse_u64(pawl_bytes_of(name), INT64_MAX, &number) == PAWL_ERR_OK)
		wanted.id = (int64_t)number;
	if (wanted.id == 0)
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "the server has no rollout \"%s\"; `pawl rollout list` shows them", name);
	*ret_id = wanted.id;
	return PAWL_ERR_OK;
}

static pawl_err get_rollout(struct app *app, int64_t id, struct pawl_json *ret_json)
{
	return app_server_call(app, PAWL_FETCH_GET,
	    app_text(app, "/rest/v1/rollouts/%lld", (long long)id), PAWL_BYTES(NULL, 0), ret_json);
}

static bool has_ended(struct app *app, const struct pawl_json *json)
{
	const char *status = app_json_text(app, json, 0, "status");

	return strcmp(status, "finished") == 0 || strcmp(status, "paused") == 0 ||
	       strcmp(status, "stopped") == 0;
}

enum { BAR_WIDTH = 20 };

/* [####>>!.............]: '#' healthy, '>' in flight, '!' failed, '.' to come.
 * What is there at all takes one place at least. */
static const char *bar_text(struct app *app, const struct pawl_json *json, uint32_t at)
{
	static const struct {
		const char *member;
		char sign;
	} parts[] = { { "failed", '!' }, { "inFlight", '>' }, { "healthy", '#' } };
	const int64_t size = app_json_int(json, at, "size");
	char *bar = app_take(app, BAR_WIDTH + 1, 1);
	int64_t end = 0;

	memset(bar, '.', BAR_WIDTH);
	/* Numbers of a server: taken for what they are worth. */
	if (size <= 0 || size > INT32_MAX)
		return bar;
	for (size_t i = 3; i-- > 0;) {
		const int64_t count = app_json_int(json, at, parts[i].member);
		if (count <= 0 || count > size)
			continue;
		const int64_t part = count * BAR_WIDTH / size;
		for (int64_t more = part > 0 ? part : 1; more > 0 && end < BAR_WIDTH; more--)
			bar[end++] = parts[i].sign;
	}
	return bar;
}

static int print_stratum(struct app *app, const struct pawl_json *json, uint32_t at)
{
	const long long failed = app_json_int(json, at, "failed");
	int lines = app_print_wrapped(app,
	    app_text(
		app, "  %-8s [%s] ", app_json_text(app, json, at, "name"), bar_text(app, json, at)),
	    app_text(app, "stage %lld/%lld %s", (long long)app_json_int(json, at, "stage"),
		(long long)app_json_int(json, at, "stages"), app_json_text(app, json, at, "state")),
	    4);

	lines += app_print_wrapped(app, "    ",
	    app_text(app, "healthy %lld of %lld, in flight %lld, failed %lld",
		(long long)app_json_int(json, at, "healthy"),
		(long long)app_json_int(json, at, "size"),
		(long long)app_json_int(json, at, "inFlight"), failed),
	    4);
	return lines + app_print_wrapped(app, "    ", app_json_text(app, json, at, "why"), 4);
}

/* Returns how many lines it printed. */
static int print_rollout(struct app *app, const struct pawl_json *json)
{
	const uint32_t strata = pawl_json_path(json, 0, "pawl.strata");
	int lines = app_print_wrapped(app, "",
	    app_text(app, "rollout %s %s: %s", app_json_text(app, json, 0, "id"),
		app_json_text(app, json, 0, "name"), app_json_text(app, json, 0, "status")),
	    2);

	lines += app_print_wrapped(app, "  ", app_json_text(app, json, 0, "pawl.why"), 2);
	for (uint32_t at = pawl_json_first(json, strata); at != PAWL_JSON_NONE;
	     at = pawl_json_after(json, strata, at))
		lines += print_stratum(app, json, at);
	fflush(app->call->out);
	return lines;
}

/* What changes when something happens: compared to print only news. */
static const char *state_text(struct app *app, const struct pawl_json *json)
{
	const uint32_t inner = pawl_json_path(json, 0, "pawl");
	const char *status = app_json_text(app, json, 0, "status");

	return inner == PAWL_JSON_NONE ? status
				       : app_text(app, "%s %s", status,
					     app_bytes_text(app, pawl_json_raw(json, inner)));
}

/* On a terminal the block is redrawn in place, elsewhere each change is printed. */
static pawl_err follow(struct app *app, int64_t id)
{
	const bool terminal = isatty(fileno(app->call->out)) == 1;
	const size_t mark = app->arena.used;
	uint8_t previous[32] = { 0 };
	int lines = 0;

	for (;;) {
		struct pawl_json json;
		uint8_t now[32];

		PAWL_TRY(get_rollout(app, id, &json));
		pawl_sha256(pawl_bytes_of(state_text(app, &json)), now);
		if (memcmp(previous, now, sizeof(now)) != 0) {
			if (terminal && lines > 0)
				fprintf(app->call->out, "\033[%dA\033[J", lines);
			lines = print_rollout(app, &json);
			memcpy(previous, now, sizeof(now));
		}
		if (has_ended(app, &json))
			return PAWL_ERR_OK;
		app->arena.used = mark;
		pawl_env_wait(FOLLOW_PERIOD_MS);
	}
}

static pawl_err show(struct app *app, int64_t id, bool follow_it)
{
	struct pawl_json json;

	if (follow_it && !app->call->json)
		return follow(app, id);
	do {
		const size_t mark = app->arena.used;
		PAWL_TRY(get_rollout(app, id, &json));
		if (!follow_it || has_ended(app, &json))
			break;
		app->arena.used = mark;
		pawl_env_wait(FOLLOW_PERIOD_MS);
	} while (true);
	if (app->call->json) {
		app_document_raw(app, &json);
	} else {
		(void)print_rollout(app, &json);
	}
	return PAWL_ERR_OK;
}

/* --- start --- */

struct start {
	const char *product;
	const char *release;
	const char *group;
	const char *name;
	size_t stage_count;
	int64_t stages[STAGES_MAX];
	int64_t success;
	int64_t error;
	int64_t budget;
	int64_t gain;
	int64_t silence;
};

static pawl_err read_stages(struct app *app, struct start *start)
{
	const char *text = pawl_cli_value(app->call, "stages");

	while (*text != '\0') {
		const size_t size = strcspn(text, ",");
		uint64_t percent = 0;

		if (start->stage_count == STAGES_MAX ||
		    pawl_parse_u64(PAWL_BYTES(text, size), 100, &percent) != PAWL_ERR_OK ||
		    percent == 0)
			return app_usage(app,
			    "--stages takes at most %d percentages from 1 to 100 with commas "
			    "between",
			    STAGES_MAX);
		start->stages[start->stage_count++] = (int64_t)percent;
		text += size + (text[size] == ',');
	}
	if (start->stage_count == 0 || start->stages[start->stage_count - 1] != 100)
		return app_usage(
		    app, "the last stage must be 100: each one is a part of the devices left over");
	return PAWL_ERR_OK;
}

static pawl_err read_start(struct app *app, struct start *start)
{
	start->product = pawl_cli_value(app->call, "product");
	start->release = pawl_cli_value(app->call, "release");
	start->group = pawl_cli_value(app->call, "group");
	start->name = pawl_cli_value(app->call, "name");
	PAWL_TRY(read_stages(app, start));
	PAWL_TRY(app_int(app, "success-threshold", 0, 100, &start->success));
	PAWL_TRY(app_int(app, "error-threshold", 0, 100, &start->error));
	PAWL_TRY(app_int(app, "budget", 1, 1000000, &start->budget));
	PAWL_TRY(app_int(app, "gain-permille", 0, 1000000, &start->gain));
	PAWL_TRY(app_int(app, "silence-s", 1, 365 * 24 * 3600, &start->silence));
	if (start->name == NULL)
		start->name =
		    app_text(app, "%s-%s-%s", start->product, start->release, start->group);
	return PAWL_ERR_OK;
}

static void put_condition(
    struct app *app, struct pawl_json_writer *writer, const char *key, int64_t threshold)
{
	pawl_json_key(writer, key);
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "condition", "THRESHOLD");
	pawl_json_member_text(writer, "expression", app_text(app, "%lld", (long long)threshold));
	pawl_json_end_object(writer);
}

static void put_start(
    struct app *app, struct pawl_json_writer *writer, const struct start *start, int64_t set)
{
	uint8_t seed[16];
	struct pawl_buf hex = app_buffer(app, 2 * sizeof(seed) + 1);

	pawl_random(seed, sizeof(seed));
	pawl_put_hex(&hex, PAWL_BYTES(seed, sizeof(seed)));
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "name", start->name);
	pawl_json_member_int(writer, "distributionSetId", set);
	pawl_json_member_text(writer, "targetFilterQuery",
	    app_text(app, "product==%s;group==%s", start->product, start->group));
	pawl_json_member_text(writer, "type", "forced");
	pawl_json_key(writer, "groups");
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < start->stage_count; i++) {
		pawl_json_begin_object(writer);
		pawl_json_member_text(writer, "name", app_text(app, "stage %zu", i + 1));
		pawl_json_member_int(writer, "targetPercentage", start->stages[i]);
		pawl_json_end_object(writer);
	}
	pawl_json_end_array(writer);
	put_condition(app, writer, "successCondition", start->success);
	put_condition(app, writer, "errorCondition", start->error);
	pawl_json_key(writer, "pawl");
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "strata", "hardwareClass");
	pawl_json_key(writer, "budget");
	pawl_json_begin_object(writer);
	pawl_json_member_int(writer, "base", start->budget);
	pawl_json_member_int(writer, "gainPermille", start->gain);
	pawl_json_end_object(writer);
	pawl_json_member_int(writer, "silenceSeconds", start->silence);
	pawl_json_member_text(writer, "seed", (const char *)hex.at);
	pawl_json_end_object(writer);
	pawl_json_end_object(writer);
}

/* The server may take a moment to sort devices into stages. */
static pawl_err wait_ready(struct app *app, int64_t id)
{
	const int64_t deadline = pawl_env_mono().ms + CREATE_DEADLINE_MS;

	for (;;) {
		struct pawl_json json;
		PAWL_TRY(get_rollout(app, id, &json));
		if (strcmp(app_json_text(app, &json, 0, "status"), "creating") != 0)
			return PAWL_ERR_OK;
		if (pawl_env_mono().ms > deadline)
			return app_fail(app, PAWL_ERR_TIMEOUT,
			    "rollout %lld is still being created; start it later with `pawl "
			    "rollout resume %lld`",
			    (long long)id, (long long)id);
		pawl_env_wait(CREATE_PERIOD_MS);
	}
}

/* Signed and published first: a server that is told to roll out what no
 * channel allows would only collect refusals. */
static pawl_err allow_and_publish(struct app *app, const struct start *start)
{
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	struct pawl_json answer;
	int64_t counter = 0;

	PAWL_TRY(app_repo_load(app, repo));
	PAWL_TRY(
	    app_channel_allow(app, repo, start->product, start->release, start->group, &counter));
	PAWL_TRY(app_repo_commit(app, repo));
	const pawl_err err = app_publish(app, repo, &answer);
	/* Others may work on the repository while this one follows. */
	pawl_env_unlock(&app->lock);
	app->lock.fd = -1;
	if (!app->call->json)
		app_report_written(app);
	return err;
}

static pawl_err rollout_start(struct app *app)
{
	struct start start = { .stage_count = 0 };
	struct app_document body;
	struct pawl_json created;
	int64_t set = 0;

	PAWL_TRY(read_start(app, &start));
	PAWL_TRY(app_begin_change(app));
	PAWL_TRY(app_check_product(app, start.product, start.group));
	PAWL_TRY(allow_and_publish(app, &start));
	if (!app->dry_run)
		PAWL_TRY(app_distribution_set(app, start.product, start.release, &set));
	app_document_begin(app, &body, 32 * 1024);
	put_start(app, &body.writer, &start, set);
	PAWL_TRY(app_server_call(
	    app, PAWL_FETCH_POST, "/rest/v1/rollouts", pawl_buf_bytes(&body.buf), &created));
	if (app->dry_run) {
		if (app->call->json) {
			fwrite(body.buf.at, 1, body.buf.size, app->call->out);
			fputc('\n', app->call->out);
		}
		return PAWL_ERR_OK;
	}
	const int64_t id = app_json_int(&created, 0, "id");
	if (id <= 0)
		return app_fail(app, PAWL_ERR_SYNTAX,
		    "the server's answer names no rollout; `pawl rollout list` shows whether it "
		    "was made");
	PAWL_TRY(wait_ready(app, id));
	PAWL_TRY(app_wrap(app,
	    app_server_call(app, PAWL_FETCH_POST,
		app_text(app, "/rest/v1/rollouts/%lld/start", (long long)id), PAWL_BYTES_LIT("{}"),
		NULL),
	    "rollout %s is made but not started, `pawl rollout resume %s` starts it", start.name,
	    start.name));
	return show(app, id, pawl_cli_flag(app->call, "follow"));
}

static int run_rollout_start(struct pawl_cli_call *call)
{
	return app_run(call, rollout_start);
}

/* --- status, list --- */

struct newest {
	int64_t id;
};

static pawl_err take_newest(
    struct app *app, const struct pawl_json *json, uint32_t item, void *context)
{
	struct newest *newest = context;
	const int64_t id = app_json_int(json, item, "id");

	(void)app;
	if (id > newest->id)
		newest->id = id;
	return PAWL_ERR_OK;
}

static pawl_err rollout_status(struct app *app)
{
	const char *name = pawl_cli_argument(app->call, 0);
	struct newest newest = { 0 };
	int64_t id = 0;

	PAWL_TRY(app_settings_load(app));
	if (name != NULL) {
		PAWL_TRY(find_rollout(app, name, &id));
	} else {
		PAWL_TRY(
		    app_server_list(app, "/rest/v1/rollouts", false, take_newest, &newest, NULL));
		id = newest.id;
		if (id == 0)
			return app_fail(app, PAWL_ERR_NOT_FOUND,
			    "the server has no rollout yet; `pawl rollout start` makes one");
	}
	return show(app, id, pawl_cli_flag(app->call, "follow"));
}

static int run_rollout_status(struct pawl_cli_call *call)
{
	return app_run(call, rollout_status);
}

static pawl_err rollout_list(struct app *app)
{
	static const struct app_list_column columns[] = {
		{ { .title = "ID", .right = true }, "id", APP_CELL_TEXT },
		{ { .title = "NAME" }, "name", APP_CELL_TEXT },
		{ { .title = "STATUS" }, "status", APP_CELL_TEXT },
		{ { .title = "DEVICES", .right = true }, "totalTargets", APP_CELL_TEXT },
		{ { .title = "WHY", .shrink = true }, "pawl.why", APP_CELL_TEXT },
	};
	const struct app_listing listing = { .path = "/rest/v1/rollouts",
		.most = INT64_MAX,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.columns = columns };

	PAWL_TRY(app_settings_load(app));
	return app_show_list(app, &listing);
}

static int run_rollout_list(struct pawl_cli_call *call)
{
	return app_run(call, rollout_list);
}

/* --- pause, resume, abort --- */

static pawl_err send_verb(struct app *app, int64_t id, const char *verb)
{
	PAWL_TRY(app_server_call(app, PAWL_FETCH_POST,
	    app_text(app, "/rest/v1/rollouts/%lld/%s", (long long)id, verb), PAWL_BYTES_LIT("{}"),
	    NULL));
	if (app->dry_run && !app->call->json)
		return PAWL_ERR_OK;
	return show(app, id, false);
}

static pawl_err named_rollout(struct app *app, int64_t *ret_id)
{
	PAWL_TRY(app_settings_load(app));
	return find_rollout(app, pawl_cli_argument(app->call, 0), ret_id);
}

static pawl_err rollout_pause(struct app *app)
{
	int64_t id = 0;

	PAWL_TRY(named_rollout(app, &id));
	return send_verb(app, id, "pause");
}

/* One that was created and never started is started. */
static pawl_err rollout_resume(struct app *app)
{
	struct pawl_json json;
	int64_t id = 0;

	PAWL_TRY(named_rollout(app, &id));
	PAWL_TRY(get_rollout(app, id, &json));
	return send_verb(app, id,
	    strcmp(app_json_text(app, &json, 0, "status"), "ready") == 0 ? "start" : "resume");
}

static pawl_err rollout_abort(struct app *app)
{
	int64_t id = 0;

	PAWL_TRY(named_rollout(app, &id));
	if (!app->dry_run && !pawl_cli_flag(app->call, "yes") &&
	    !pawl_cli_confirm(stdin, app->call->err,
		app_text(app, "Cancel every open action of rollout %s for good?",
		    pawl_cli_argument(app->call, 0))))
		return app_fail(app, PAWL_ERR_CANCELLED,
		    "the rollout goes on; --yes answers the question in scripts");
	return send_verb(app, id, "stop");
}

static int run_rollout_pause(struct pawl_cli_call *call)
{
	return app_run(call, rollout_pause);
}

static int run_rollout_resume(struct pawl_cli_call *call)
{
	return app_run(call, rollout_resume);
}

static int run_rollout_abort(struct pawl_cli_call *call)
{
	return app_run(call, rollout_abort);
}

/* --- the table --- */

static const struct pawl_cli_option start_options[] = {
	APP_NEEDED("product", "PRODUCT", "What the firmware is for."),
	APP_NEEDED("release", "VERSION", "The release to move to."),
	APP_NEEDED("group", "GROUP", "The devices to move."),
	APP_PRESET("name", "NAME", NULL, "What it is called; otherwise PRODUCT-VERSION-GROUP."),
	APP_PRESET("stages", "LIST", "10,50,100",
	    "Percentages, each of the devices that the stages before left over."),
	APP_PRESET("success-threshold", "PERCENT", "100",
	    "Healthy devices that a stage needs before the next one opens."),
	APP_PRESET("error-threshold", "PERCENT", "0",
	    "More failed devices than this in a stage halt the hardware class."),
	APP_PRESET("budget", "N", "2", "Devices of a hardware class that a bad release may harm."),
	APP_PRESET(
	    "gain-permille", "N", "1000", "How much the budget grows with 1000 healthy devices."),
	APP_PRESET("silence-s", "N", "3600",
	    "Seconds without contact after which a device counts as failed."),
	APP_PLAIN_FLAG("follow", "Show progress until it ends."),
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option status_options[] = {
	APP_PLAIN_FLAG("follow", "Show progress until it is finished, paused or stopped."),
	{ 0 },
};

static const struct pawl_cli_option mutate_options[] = { APP_DRY_RUN, { 0 } };

static const struct pawl_cli_option abort_options[] = {
	APP_PLAIN_FLAG("yes", "Do not ask."),
	APP_DRY_RUN,
	{ 0 },
};

const struct pawl_cli_command cmd_rollout_commands[] = {
	{ .path = "rollout start",
	    .summary = "Signs the channel, publishes, and starts moving a group to a release.",
	    .options = start_options,
	    .run = run_rollout_start },
	{ .path = "rollout status",
	    .arguments = "[NAME]",
	    .summary = "Shows where a rollout stands and why; by name or id, else the newest.",
	    .options = status_options,
	    .run = run_rollout_status },
	{ .path = "rollout list", .summary = "Lists rollouts.", .run = run_rollout_list },
	{ .path = "rollout pause",
	    .arguments = "NAME",
	    .summary = "Withdraws offers that are not yet activated.",
	    .options = mutate_options,
	    .run = run_rollout_pause },
	{ .path = "rollout resume",
	    .arguments = "NAME",
	    .summary = "Goes on with a paused rollout.",
	    .options = mutate_options,
	    .run = run_rollout_resume },
	{ .path = "rollout abort",
	    .arguments = "NAME",
	    .summary = "Stops a rollout for good.",
	    .options = abort_options,
	    .run = run_rollout_abort },
	{ 0 },
};
