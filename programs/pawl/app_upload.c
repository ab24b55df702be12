/* SPDX-License-Identifier: MIT
 *
 * Publication: what the snapshot names goes to the server, targets before
 * the metadata that lists them, and the server switches over at the end or
 * not at all. */
#include "pawl_app.h"

#include <string.h>

enum { SHOWN_FROM = 1024 * 1024 };

static pawl_err send_file(struct app *app, const char *name, uint64_t length, size_t *io_sent)
{
	const char *path = app_text(app, "/rest/v1/pawl/repository/%s", name);
	const char *base = strrchr(name, '/') + 1;
	bool has = false;

	if (app->dry_run) {
		if (!app->call->json)
			fprintf(app->call->out, "would send %s if the server lacks it\n", name);
		return PAWL_ERR_OK;
	}
	PAWL_TRY(app_server_has(app, path, &has));
	if (has)
		return PAWL_ERR_OK;
	const char *label = length < SHOWN_FROM
				? NULL
				: app_text(app, "uploading %s",
				      strncmp(name, "targets/", 8) == 0 && strchr(base, '.') != NULL
					  ? strchr(base, '.') + 1
					  : base);
	PAWL_TRY(app_server_upload(app, path, app_path(app, "%s", name), label));
	(*io_sent)++;
	return PAWL_ERR_OK;
}

static pawl_err send_targets(struct app *app, const struct app_file *role, size_t *io_sent)
{
	const struct pawl_repo_targets *targets = &role->file.as.targets;

	for (size_t i = 0; i < targets->entry_count; i++)
		PAWL_TRY(send_file(app, app_target_name(app, &targets->entries[i]),
		    targets->entries[i].length, io_sent));
	return PAWL_ERR_OK;
}

static pawl_err send_metadata(
    struct app *app, const char *role, int64_t version, size_t size, size_t *io_sent)
{
	return send_file(
	    app, app_text(app, "metadata/%lld.%s.json", (long long)version, role), size, io_sent);
}

pawl_err app_publish(struct app *app, const struct app_repo *repo, struct pawl_json *ret_answer)
{
	struct app_document body;
	size_t sent = 0;

	for (size_t i = 0; i < repo->count; i++)
		PAWL_TRY(send_targets(app, &repo->roles[i], &sent));
	for (int64_t version = 1; version <= repo->root.version; version++)
		PAWL_TRY(send_metadata(app, "root", version, 0, &sent));
	for (size_t i = 0; i < repo->count; i++)
		PAWL_TRY(send_metadata(app, repo->roles[i].role, repo->roles[i].version,
		    repo->roles[i].bytes.size, &sent));
	PAWL_TRY(send_metadata(app, "snapshot", repo->snapshot.version, 0, &sent));

	app_document_begin(app, &body, 128);
	pawl_json_begin_object(&body.writer);
	pawl_json_member_int(&body.writer, "root", repo->root.version);
	pawl_json_member_int(&body.writer, "snapshot", repo->snapshot.version);
	pawl_json_end_object(&body.writer);
	return app_server_call(
	    app, PAWL_FETCH_POST, "/rest/v1/pawl/publish", pawl_buf_bytes(&body.buf), ret_answer);
}
