/* SPDX-License-Identifier: MIT
 *
 * The management API of pawl-server (docs/spec/server-api.md), as the operator
 * whose certificate is in REPO/ca. */
#include "pawl_app.h"

#include "pawl/url.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	ANSWER_SIZE_MAX = 16 * 1024 * 1024,
	ANSWER_TIMEOUT_MS = 60000,
	LIST_PAGE = 200,
	LIST_ITEMS_MAX = 10 * 1000 * 1000,
	/* An upload that stands still for so long has failed. */
	STALL_S = 30
};

/* --- the connection --- */

/* libcurl reads the key from a path. An encrypted one is opened here and
 * handed over in memory that has no name in any file system. */
static pawl_err key_path(struct app *app, const char **ret_path)
{
	struct pawl_buf pem = app_buffer(app, PAWL_KEY_PEM_MAX);
	struct pawl_key *key = NULL;
	bool encrypted = false;

	if (!app_key_is_here(app, "operator"))
		return app_fail(app, PAWL_ERR_DENIED,
		    "%s/keys/operator.pem is missing: the server lets in operators with a "
		    "certificate only",
		    app->repo);
	PAWL_TRY(app_key_is_encrypted(app, "operator", &encrypted));
	if (!encrypted) {
		*ret_path = app_path(app, "keys/operator.pem");
		return PAWL_ERR_OK;
	}
	PAWL_TRY(app_key_open(app, "operator", &key));
	const pawl_err err = pawl_key_save(key, PAWL_BYTES(NULL, 0), &pem);
	pawl_key_destroy(key);
	PAWL_TRY(err);
	app->key_fd = memfd_create("pawl-operator-key", MFD_CLOEXEC);
	if (app->key_fd < 0 || write(app->key_fd, pem.at, pem.size) != (ssize_t)pem.size)
		return app_fail(app, PAWL_ERR_IO, "no memory file for the operator's key");
	pawl_bytes_wipe(pem.at, pem.size);
	*ret_path = app_text(app, "/proc/self/fd/%d", app->key_fd);
	return PAWL_ERR_OK;
}

static pawl_err connect_once(struct app *app)
{
	const char *key = NULL;

	if (app->fetch != NULL)
		return PAWL_ERR_OK;
	if (app->settings.operator_url[0] == '\0')
		return app_fail(app, PAWL_ERR_REFUSED,
		    "%s knows no server; set it with `pawl server set-url --operator "
		    "https://HOST:PORT`",
		    app->repo);
	PAWL_TRY(key_path(app, &key));
	const struct pawl_fetch_options options = { .ca_file = app_path(app, "ca/ca.pem"),
		.cert_file = app_path(app, "ca/operator.pem"),
		.key_file = key };
	pawl_note_clear(&app->note);
	return pawl_fetch_create(&options, &app->fetch, &app->note);
}

/* The client library's note names the URL, the cause and what to look at. */
static pawl_err explain_transport(struct app *app, pawl_err err)
{
	return app->note.text[0] == '\0'
		   ? app_wrap(app, err, "server %s", app->settings.operator_url)
		   : err;
}

static pawl_err error_of_status(int status)
{
	if (status >= 200 && status < 300)
		return PAWL_ERR_OK;
	if (status == 401 || status == 403)
		return PAWL_ERR_DENIED;
	if (status == 404)
		return PAWL_ERR_NOT_FOUND;
	if (status == 507)
		return PAWL_ERR_NO_SPACE;
	return status >= 500 ? PAWL_ERR_IO : PAWL_ERR_REFUSED;
}

/* The server says what, why and what to do; its status stands behind it. */
static pawl_err explain_status(
    struct app *app, const struct pawl_fetch_answer *answer, const char *path)
{
	const pawl_err err = error_of_status(answer->status);
	struct pawl_json json;
	const char *message = "";

	if (err == PAWL_ERR_OK)
		return err;
	if (app_json_parse(app, "answer", answer->body, &json) == PAWL_ERR_OK)
		message = app_json_text(app, &json, 0, "message");
	/* A proxy, or no pawl-server at all. */
	if (message[0] == '\0')
		return app_fail(app, err,
		    "%s answered HTTP %d to %s without a message: is it the operator listener of "
		    "pawl-server? Its log says more",
		    app->settings.operator_url, answer->status, path);
	return app_fail(
	    app, err, "the server answered: %s (HTTP %d to %s)", message, answer->status, path);
}

static void tell_dry_run(
    struct app *app, pawl_fetch_method method, const char *path, struct pawl_bytes body)
{
	static const char *const names[] = { [PAWL_FETCH_GET] = "GET",
		[PAWL_FETCH_HEAD] = "HEAD",
		[PAWL_FETCH_POST] = "POST",
		[PAWL_FETCH_PUT] = "PUT",
		[PAWL_FETCH_DELETE] = "DELETE" };

	if (app->call->json)
		return;
	fprintf(app->call->out, "would send %s %s", names[method], path);
	if (body.size > 0)
		fprintf(app->call->out, " %.*s", (int)body.size, (const char *)body.at);
	fputc('\n', app->call->out);
}

pawl_err app_server_call(struct app *app, pawl_fetch_method method, const char *path,
    struct pawl_bytes body, struct pawl_json *ret_json)
{
	struct pawl_fetch_answer answer;

	if (app->dry_run && method != PAWL_FETCH_GET) {
		tell_dry_run(app, method, path, body);
		return ret_json == NULL
			   ? PAWL_ERR_OK
			   : app_json_parse(app, "answer", PAWL_BYTES_LIT("{}"), ret_json);
	}
	PAWL_TRY(connect_once(app));
	const struct pawl_fetch_request request = { .method = method,
		.url = app_text(app, "%s%s", app->settings.operator_url, path),
		.headers = { "Accept: application/json" },
		.body = body,
		.total_timeout_ms = ANSWER_TIMEOUT_MS,
		.body_max = ANSWER_SIZE_MAX };
	pawl_note_clear(&app->note);
	const pawl_err err = pawl_fetch_run(app->fetch, &request, &answer, &app->note);
	if (err != PAWL_ERR_OK)
		return explain_transport(app, err);
	PAWL_TRY(explain_status(app, &answer, path));
	if (ret_json == NULL)
		return PAWL_ERR_OK;
	/* The session's memory is reused by the next call. */
	const struct pawl_bytes text = answer.body.size == 0
					   ? PAWL_BYTES_LIT("{}")
					   : pawl_bytes_of(app_bytes_text(app, answer.body));
	return app_json_parse(
	    app, app_text(app, "the server's answer to %s", path), text, ret_json);
}

/* --- lists --- */

pawl_err app_server_list(
    struct app *app, const char *path, bool keep, app_item *each, void *context, int64_t *ret_total)
{
	const char *joint = strchr(path, '?') == NULL ? "?" : "&";
	int64_t offset = 0;
	int64_t total = 0;

	/* Its memory is not a page's. */
	PAWL_TRY(connect_once(app));
	do {
		struct pawl_json json;
		const size_t mark = app->arena.used;
		PAWL_TRY(app_server_call(app, PAWL_FETCH_GET,
		    app_text(
			app, "%s%soffset=%lld&limit=%d", path, joint, (long long)offset, LIST_PAGE),
		    PAWL_BYTES(NULL, 0), &json));
		const bool bare = pawl_json_is(&json, 0, PAWL_JSON_ARRAY);
		const uint32_t content = bare ? 0 : pawl_json_get(&json, 0, "content");
		for (uint32_t at = pawl_json_first(&json, content); at != PAWL_JSON_NONE;
		     at = pawl_json_after(&json, content, at))
			PAWL_TRY(each(app, &json, at, context));
		const uint32_t count =
		    content == PAWL_JSON_NONE ? 0 : pawl_json_count(&json, content);
		offset += count;
		total = bare ? offset : app_json_int(&json, 0, "total");
		if (!keep)
			app->arena.used = mark;
		/* Each page brings something, or a server could keep us for ever. */
		if (count == 0 || offset > LIST_ITEMS_MAX)
			break;
	} while (offset < total);
	if (ret_total != NULL)
		*ret_total = total;
	return PAWL_ERR_OK;
}

const char *app_percent(struct app *app, const char *text)
{
	struct pawl_buf out = app_buffer(app, 3 * strlen(text) + 1);

	pawl_put_percent(&out, pawl_bytes_of(text));
	return (const char *)out.at;
}

struct wanted_set {
	const char *product;
	const char *version;
	int64_t id;
};

static pawl_err match_set(
    struct app *app, const struct pawl_json *json, uint32_t item, void *context)
{
	struct wanted_set *wanted = context;

	if (strcmp(app_json_text(app, json, item, "name"), wanted->product) == 0 &&
	    strcmp(app_json_text(app, json, item, "version"), wanted->version) == 0)
		wanted->id = app_json_int(json, item, "id");
	return PAWL_ERR_OK;
}

pawl_err app_distribution_set(
    struct app *app, const char *product, const char *version, int64_t *ret_id)
{
	struct wanted_set wanted = { .product = product, .version = version };

	PAWL_TRY(
	    app_server_list(app, "/rest/v1/distributionsets", false, match_set, &wanted, NULL));
	if (wanted.id == 0)
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "the server has no release %s of %s; `pawl release publish` brings it there",
		    version, product);
	*ret_id = wanted.id;
	return PAWL_ERR_OK;
}

/* --- uploads --- */

pawl_err app_server_has(struct app *app, const char *path, bool *ret_has)
{
	struct pawl_fetch_answer answer;

	PAWL_TRY(connect_once(app));
	const struct pawl_fetch_request request = { .method = PAWL_FETCH_HEAD,
		.url = app_text(app, "%s%s", app->settings.operator_url, path),
		.total_timeout_ms = ANSWER_TIMEOUT_MS };
	pawl_note_clear(&app->note);
	const pawl_err err = pawl_fetch_run(app->fetch, &request, &answer, &app->note);
	if (err != PAWL_ERR_OK)
		return explain_transport(app, err);
	if (answer.status != 404)
		PAWL_TRY(explain_status(app, &answer, path));
	*ret_has = answer.status != 404;
	return PAWL_ERR_OK;
}

static pawl_err upload_progress(void *context, uint64_t sent, uint64_t received)
{
	(void)received;
	pawl_cli_progress_update(context, sent, pawl_env_mono());
	return PAWL_ERR_OK;
}

pawl_err app_server_upload(struct app *app, const char *path, const char *file, const char *label)
{
	struct pawl_fetch_answer answer;
	struct pawl_env_slot slot = { .fd = -1 };
	/* Small files and scripts need no progress line. */
	const bool shown = label != NULL && !app->call->json;

	PAWL_TRY(connect_once(app));
	pawl_note_clear(&app->note);
	PAWL_TRY(pawl_env_slot_open(file, false, &slot, &app->note));
	struct pawl_cli_progress progress = pawl_cli_progress_of(app->call->err, label, slot.size);
	const uint64_t size = slot.size;
	pawl_env_slot_close(&slot);
	const struct pawl_fetch_request request = { .method = PAWL_FETCH_PUT,
		.url = app_text(app, "%s%s", app->settings.operator_url, path),
		.content_type = "application/octet-stream",
		.upload_file = file,
		.low_speed_bytes_s = 1,
		.low_speed_s = STALL_S,
		.progress = shown ? upload_progress : NULL,
		.progress_context = &progress };
	const pawl_err err = pawl_fetch_run(app->fetch, &request, &answer, &app->note);
	if (shown && err == PAWL_ERR_OK)
		pawl_cli_progress_finish(&progress, size);
	if (err != PAWL_ERR_OK)
		return explain_transport(app, err);
	return explain_status(app, &answer, path);
}
