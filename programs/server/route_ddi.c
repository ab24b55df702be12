/* SPDX-License-Identifier: MIT
 *
 * route_ddi.c - hawkBit's device protocol: /{tenant}/controller/v1/{controllerId}. */
#include "app.h"

#include "pawl/ddi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HREF_MAX = PAWL_DDI_HREF_MAX, HISTORY_MAX = 50 };

static struct pawl_bytes device_name(const struct call *call)
{
	return pawl_bytes_of(call->request->peer.common_name);
}

/* Adds "/DEFAULT/controller/v1/dev1". */
static void put_device_path(const struct call *call, struct pawl_buf *out)
{
	pawl_put_u8(out, '/');
	pawl_put_bytes(out, call->target.segments[0]);
	pawl_put_text(out, "/controller/v1/");
	pawl_put_bytes(out, device_name(call));
}

/* "https://host/DEFAULT/controller/v1/dev1"; false: 400 was answered. */
static bool device_base(struct call *call, size_t capacity, char *ret_base)
{
	char base[512];
	struct pawl_buf out = pawl_buf_of(ret_base, capacity - 1);

	if (!base_url(call, sizeof(base), base))
		return false;
	pawl_put_text(&out, base);
	put_device_path(call, &out);
	ret_base[out.size] = '\0';
	return true;
}

/* The number in segment `index`; false: 404 was answered. */
static bool read_id(struct call *call, size_t index, uint32_t *ret_id)
{
	uint64_t id = 0;

	if (pawl_parse_u64(call->target.segments[index], UINT32_MAX, &id) != PAWL_ERR_OK ||
	    id == 0) {
		reply_error(call, 404, "There is no action or module with that id.");
		return false;
	}
	*ret_id = (uint32_t)id;
	return true;
}

/* --- poll --- */

/* The hrefs of one answer, in one piece of memory. */
struct hrefs {
	struct pawl_buf memory;
	struct pawl_bytes origin; /* https://host                             */
	struct pawl_bytes base;   /* https://host/DEFAULT/controller/v1/dev1  */
};

/* `start` with `path` behind it, and `id` when it is not 0. */
static struct pawl_bytes href_of(
    struct hrefs *hrefs, struct pawl_bytes start, const char *path, uint32_t id)
{
	const size_t from = hrefs->memory.size;

	pawl_put_bytes(&hrefs->memory, start);
	pawl_put_text(&hrefs->memory, path);
	if (id != 0)
		pawl_put_int(&hrefs->memory, id);
	return PAWL_BYTES(hrefs->memory.at + from, hrefs->memory.size - from);
}

static struct pawl_bytes deployment_href(struct hrefs *hrefs, const struct pawl_fleet_poll *poll)
{
	struct pawl_bytes href =
	    href_of(hrefs, hrefs->base, "/deploymentBase/", poll->deployment_action_id);
	const size_t before = hrefs->memory.size;

	pawl_put_text(&hrefs->memory, "?c=");
	pawl_put_int(&hrefs->memory, (int32_t)poll->revision);
	href.size += hrefs->memory.size - before;
	return href;
}

static void put_poll(struct call *call, const char *origin, const struct pawl_fleet_poll *poll)
{
	uint8_t memory[8 * (HREF_MAX / 2)];
	struct hrefs hrefs = { .memory = pawl_buf_of(memory, sizeof(memory)) };
	struct pawl_ddi_poll message = { .sleep_ms = (int64_t)poll->sleep_s * PAWL_MS_PER_S };

	hrefs.origin = pawl_bytes_of(origin);
	hrefs.base = href_of(&hrefs, hrefs.origin, "", 0);
	put_device_path(call, &hrefs.memory);
	hrefs.base.size = hrefs.memory.size;
	if (poll->deployment_action_id != 0)
		message.deployment_base = deployment_href(&hrefs, poll);
	if (poll->cancel_action_id != 0)
		message.cancel_action =
		    href_of(&hrefs, hrefs.base, "/cancelAction/", poll->cancel_action_id);
	if (poll->attributes_wanted)
		message.config_data = href_of(&hrefs, hrefs.base, "/configData", 0);
	if (poll->installed_action_id != 0)
		message.installed_base =
		    href_of(&hrefs, hrefs.base, "/installedBase/", poll->installed_action_id);
	message.pawl_metadata = href_of(&hrefs, hrefs.origin, "/pawl/v1/repository/metadata/", 0);
	message.pawl_targets = href_of(&hrefs, hrefs.origin, "/pawl/v1/repository/targets/", 0);
	if (pawl_buf_check(&hrefs.memory) != PAWL_ERR_OK) {
		reply_error(call, 400, "The Host header and the path are too long.");
		return;
	}
	pawl_ddi_poll_write(&call->out, &message);
	reply_json(call, 200);
}

static void poll(struct call *call)
{
	struct pawl_fleet_poll poll;
	char origin[HREF_MAX / 2];

	if (!base_url(call, sizeof(origin), origin))
		return;

	const pawl_fleet_result result = pawl_fleet_poll(call->app->fleet, device_name(call),
	    pawl_bytes_of(call->request->address), call->now, &poll);

	if (result != PAWL_FLEET_OK)
		reply_result(call, result, "device", NULL);
	else
		put_poll(call, origin, &poll);
}

/* --- attributes --- */

static pawl_attributes_mode fleet_mode(pawl_ddi_mode mode)
{
	switch (mode) {
	case PAWL_DDI_MERGE: return PAWL_ATTRIBUTES_MERGE;
	case PAWL_DDI_REPLACE: return PAWL_ATTRIBUTES_REPLACE;
	case PAWL_DDI_REMOVE: return PAWL_ATTRIBUTES_REMOVE;
	}
	return PAWL_ATTRIBUTES_MERGE;
}

/* Memory for one parsed message; freed by the caller. at == NULL: 503 was answered. */
static struct pawl_arena message_arena(struct call *call)
{
	const size_t size = PAWL_DDI_ARENA_SIZE(call->request->body.size);
	void *memory = malloc(size);

	if (memory == NULL)
		reply_error(call, 503, "The server is out of memory; try again later.");
	return pawl_arena_of(memory, memory == NULL ? 0 : size);
}

static void config_data_in(struct call *call, struct pawl_arena *arena)
{
	struct pawl_ddi_config config;
	struct pawl_fleet_attribute_input inputs[PAWL_ATTRIBUTES_MAX];
	struct pawl_note note = { "" };
	const pawl_err err = pawl_ddi_config_parse(call->request->body, arena, &config, &note);

	if (err != PAWL_ERR_OK) {
		reply_error(call, err == PAWL_ERR_LIMIT ? 429 : 400,
		    "The attributes are not acceptable: %s.", note.text);
		return;
	}
	for (size_t i = 0; i < config.count; i++)
		inputs[i] =
		    (struct pawl_fleet_attribute_input){ config.data[i].key, config.data[i].value };

	const pawl_fleet_result result = pawl_fleet_config_data(call->app->fleet, device_name(call),
	    fleet_mode(config.mode), inputs, config.count, call->now, &note);

	reply_result(call, result, "device", &note);
}

static void config_data(struct call *call)
{
	struct pawl_arena arena = message_arena(call);

	if (arena.at != NULL)
		config_data_in(call, &arena);
	free(arena.at);
}

/* --- deployment --- */

static pawl_ddi_handling handling_of(const char *word)
{
	if (strcmp(word, "skip") == 0)
		return PAWL_DDI_SKIP;
	return strcmp(word, "attempt") == 0 ? PAWL_DDI_ATTEMPT : PAWL_DDI_FORCED;
}

struct artifact_links {
	char file[HREF_MAX];
	char md5sum[HREF_MAX];
};

static struct pawl_ddi_artifact artifact_of(
    const char *base, const struct pawl_fleet_module *module, struct artifact_links *links)
{
	print_text(links->file, sizeof(links->file), "%s/softwaremodules/%u/artifacts/%s", base,
	    module->id, module->file_name);
	print_text(links->md5sum, sizeof(links->md5sum),
	    "%s/softwaremodules/%u/artifacts/%s.MD5SUM", base, module->id, module->file_name);
	return (struct pawl_ddi_artifact){
		.filename = pawl_bytes_of(module->file_name),
		.size = module->size,
		.sha1 = pawl_bytes_of(module->sha1),
		.md5 = pawl_bytes_of(module->md5),
		.sha256 = pawl_bytes_of(module->sha256),
		.download = pawl_bytes_of(links->file),
		.download_http = pawl_bytes_of(links->file),
		.md5sum = pawl_bytes_of(links->md5sum),
		.md5sum_http = pawl_bytes_of(links->md5sum),
	};
}

/* The newest messages of an action, for ?actionHistory=N. */
struct history {
	struct pawl_bytes messages[HISTORY_MAX];
	size_t count;
	size_t wanted;
	struct pawl_arena arena;
};

static bool add_history(void *context, const struct pawl_store_status *status)
{
	struct history *history = context;

	for (size_t i = 0; i < status->message_count && history->count < history->wanted; i++) {
		const struct pawl_bytes copy =
		    pawl_arena_copy(&history->arena, pawl_bytes_of(status->messages[i]));

		if (copy.at == NULL && status->messages[i][0] != '\0')
			return false;
		history->messages[history->count++] = copy;
	}
	return history->count < history->wanted;
}

static void read_history(struct call *call, uint32_t action_id, struct history *history)
{
	const struct pawl_bytes text = pawl_target_query(&call->target, "actionHistory");
	int64_t wanted = 0;
	uint64_t total = 0;

	if (text.at == NULL || pawl_parse_i64(text, INT32_MIN, INT32_MAX, &wanted) != PAWL_ERR_OK)
		return;
	history->wanted = wanted < 0 || wanted > HISTORY_MAX ? HISTORY_MAX : (size_t)wanted;
	if (history->wanted == 0)
		return;
	/* A history that can not be read is no reason to withhold an update. */
	if (pawl_store_list_statuses(call->app->store, action_id,
		(struct pawl_store_page){ 0, HISTORY_MAX }, add_history, history,
		&total) != PAWL_ERR_OK)
		history->count = 0;
}

static void put_deployment(struct call *call, const struct pawl_fleet_deployment *deployment)
{
	static uint8_t history_memory[HISTORY_MAX * (PAWL_FLEET_MESSAGE_MAX + 16)];
	struct history history = {
		.arena = pawl_arena_of(history_memory, sizeof(history_memory)),
	};
	struct artifact_links links;
	char base[HREF_MAX / 2], id[16], name[128];

	if (!device_base(call, sizeof(base), base))
		return;
	print_text(id, sizeof(id), "%u", deployment->action->id);
	print_text(name, sizeof(name), "%s-%s", deployment->set->product,
	    deployment->module->hardware_class);
	read_history(call, deployment->action->id, &history);

	const struct pawl_ddi_artifact artifact = artifact_of(base, deployment->module, &links);
	const struct pawl_ddi_chunk chunk = {
		.part = PAWL_BYTES_LIT("os"),
		.version = pawl_bytes_of(deployment->set->version),
		.name = pawl_bytes_of(name),
		.artifacts = &artifact,
		.artifact_count = 1,
	};
	const struct pawl_ddi_deployment message = {
		.id = pawl_bytes_of(id),
		.download = handling_of(deployment->download),
		.update = handling_of(deployment->update),
		.chunks = &chunk,
		.chunk_count = 1,
		.history_status = history.wanted > 0 ? pawl_bytes_of(pawl_action_status_name(
							   deployment->action->status))
						     : (struct pawl_bytes){ 0 },
		.history_messages = history.messages,
		.history_count = history.count,
	};

	pawl_ddi_deployment_write(&call->out, &message);
	reply_json(call, 200);
}

static void deployment_base(struct call *call, uint32_t action_id)
{
	struct pawl_fleet_deployment deployment;
	const pawl_fleet_result result = pawl_fleet_deployment(
	    call->app->fleet, device_name(call), action_id, call->now, &deployment);

	if (result != PAWL_FLEET_OK)
		reply_result(call, result, "action", NULL);
	else
		put_deployment(call, &deployment);
}

static void installed_base(struct call *call, uint32_t action_id)
{
	struct pawl_fleet_deployment deployment;
	const pawl_fleet_result result =
	    pawl_fleet_installed(call->app->fleet, device_name(call), action_id, &deployment);

	if (result != PAWL_FLEET_OK)
		reply_result(call, result, "action", NULL);
	else
		put_deployment(call, &deployment);
}

static void cancel_action(struct call *call, uint32_t action_id)
{
	char id[16];
	const pawl_fleet_result result =
	    pawl_fleet_cancel_action(call->app->fleet, device_name(call), action_id);

	if (result != PAWL_FLEET_OK) {
		reply_result(call, result, "action", NULL);
		return;
	}
	print_text(id, sizeof(id), "%u", action_id);
	pawl_ddi_cancel_write(&call->out,
	    &(struct pawl_ddi_cancel){ .id = pawl_bytes_of(id), .stop_id = pawl_bytes_of(id) });
	reply_json(call, 200);
}

/* --- feedback --- */

static pawl_execution fleet_execution(pawl_ddi_execution execution)
{
	switch (execution) {
	case PAWL_DDI_CLOSED: return PAWL_EXECUTION_CLOSED;
	case PAWL_DDI_PROCEEDING: return PAWL_EXECUTION_PROCEEDING;
	case PAWL_DDI_CANCELED: return PAWL_EXECUTION_CANCELED;
	case PAWL_DDI_SCHEDULED: return PAWL_EXECUTION_SCHEDULED;
	case PAWL_DDI_REJECTED: return PAWL_EXECUTION_REJECTED;
	case PAWL_DDI_RESUMED: return PAWL_EXECUTION_RESUMED;
	case PAWL_DDI_DOWNLOADED: return PAWL_EXECUTION_DOWNLOADED;
	case PAWL_DDI_DOWNLOAD: return PAWL_EXECUTION_DOWNLOAD;
	}
	return PAWL_EXECUTION_PROCEEDING;
}

static pawl_finished fleet_finished(pawl_ddi_finished finished)
{
	switch (finished) {
	case PAWL_DDI_FINISHED_NONE: return PAWL_FINISHED_NONE;
	case PAWL_DDI_FINISHED_SUCCESS: return PAWL_FINISHED_SUCCESS;
	case PAWL_DDI_FINISHED_FAILURE: return PAWL_FINISHED_FAILURE;
	}
	return PAWL_FINISHED_NONE;
}

static void feedback_in(
    struct call *call, uint32_t action_id, bool is_cancel, struct pawl_arena *arena)
{
	struct pawl_ddi_feedback message;
	struct pawl_note note = { "" };

	if (pawl_ddi_feedback_parse(call->request->body, arena, &message, &note) != PAWL_ERR_OK) {
		reply_error(call, 400, "The feedback can not be read: %s.", note.text);
		return;
	}

	const struct pawl_fleet_feedback feedback = {
		.execution = fleet_execution(message.execution),
		.finished = fleet_finished(message.finished),
		.has_code = message.has_code,
		.code = message.code,
		.messages = message.details,
		.message_count = message.detail_count,
	};
	const pawl_fleet_result result =
	    is_cancel ? pawl_fleet_cancel_feedback(
			    call->app->fleet, device_name(call), action_id, &feedback, call->now)
		      : pawl_fleet_feedback(
			    call->app->fleet, device_name(call), action_id, &feedback, call->now);

	reply_result(call, result, "action", NULL);
}

static void feedback(struct call *call, uint32_t action_id, bool is_cancel)
{
	struct pawl_arena arena = message_arena(call);

	if (arena.at != NULL)
		feedback_in(call, action_id, is_cancel, &arena);
	free(arena.at);
}

/* --- artifacts --- */

static const struct pawl_fleet_module *find_module(struct call *call)
{
	const struct pawl_fleet_module *module = NULL;
	uint32_t id = 0;

	if (!read_id(call, 5, &id))
		return NULL;

	const pawl_fleet_result result =
	    pawl_fleet_device_module(call->app->fleet, device_name(call), id, &module);

	if (result != PAWL_FLEET_OK) {
		reply_result(call, result, "module for this device", NULL);
		return NULL;
	}
	return module;
}

static void list_artifacts(struct call *call, const struct pawl_fleet_module *module)
{
	struct artifact_links links;
	char base[HREF_MAX / 2];

	if (!device_base(call, sizeof(base), base))
		return;
	(void)artifact_of(base, module, &links);
	pawl_json_begin_array(&call->json);
	pawl_json_begin_object(&call->json);
	pawl_json_member_text(&call->json, "filename", module->file_name);
	pawl_json_key(&call->json, "hashes");
	pawl_json_begin_object(&call->json);
	pawl_json_member_text(&call->json, "sha1", module->sha1);
	pawl_json_member_text(&call->json, "md5", module->md5);
	pawl_json_member_text(&call->json, "sha256", module->sha256);
	pawl_json_end_object(&call->json);
	pawl_json_member_int(&call->json, "size", (int64_t)module->size);
	pawl_json_key(&call->json, "_links");
	pawl_json_begin_object(&call->json);
	for (int i = 0; i < 2; i++) {
		pawl_json_key(&call->json, i == 0 ? "download" : "download-http");
		pawl_json_begin_object(&call->json);
		pawl_json_member_text(&call->json, "href", links.file);
		pawl_json_end_object(&call->json);
	}
	pawl_json_end_object(&call->json);
	pawl_json_end_object(&call->json);
	pawl_json_end_array(&call->json);
	reply_json(call, 200);
}

static void send_md5sum(struct call *call, const struct pawl_fleet_module *module)
{
	char text[400];
	char disposition[320];

	print_text(text, sizeof(text), "%s  %s", module->md5, module->file_name);
	print_text(
	    disposition, sizeof(disposition), "attachment;filename=%s.MD5SUM", module->file_name);

	const struct pawl_http_response response = {
		.status = 200,
		.content_type = "text/plain",
		.body = pawl_bytes_of(text),
		.fields = { { "Content-Disposition", disposition } },
		.field_count = 1,
	};

	(void)pawl_http_answer(call->app->http, call->request->token, &response);
}

static void send_artifact(struct call *call, const struct pawl_fleet_module *module)
{
	char etag[64];
	char disposition[320];
	uint64_t size = 0;
	int fd = -1;

	if (repo_open_module(&call->app->repo, module, &fd, &size) != PAWL_ERR_OK ||
	    size != module->size) {
		if (fd >= 0)
			close(fd);
		reply_error(call, 500,
		    "The artifact %s is missing on the server; publish it again.",
		    module->file_name);
		return;
	}
	print_text(etag, sizeof(etag), "\"%s\"", module->sha1);
	print_text(disposition, sizeof(disposition), "attachment;filename=%s", module->file_name);
	repo_send_file(call, fd, size, etag, "private, max-age=86400", disposition);
}

static void artifacts(struct call *call)
{
	const struct pawl_fleet_module *module = find_module(call);
	const size_t count = call->target.segment_count;
	char md5_name[PAWL_TARGET_PATH_MAX + 8];

	if (module == NULL)
		return;
	if (count == 7) {
		list_artifacts(call, module);
		return;
	}
	print_text(md5_name, sizeof(md5_name), "%s.MD5SUM", module->file_name);
	if (pawl_target_segment_is(&call->target, 7, module->file_name))
		send_artifact(call, module);
	else if (pawl_target_segment_is(&call->target, 7, md5_name))
		send_md5sum(call, module);
	else
		reply_error(call, 404, "The module has no such artifact.");
}

/* --- dispatch --- */

typedef enum ddi_resource {
	DDI_DEPLOYMENT,
	DDI_CANCEL,
	DDI_INSTALLED,
	DDI_RESOURCE_COUNT
} ddi_resource;

static const char *const resource_names[DDI_RESOURCE_COUNT] = {
	"deploymentBase",
	"cancelAction",
	"installedBase",
};

static void answer_resource(struct call *call, ddi_resource resource, uint32_t id)
{
	switch (resource) {
	case DDI_DEPLOYMENT: deployment_base(call, id); break;
	case DDI_CANCEL: cancel_action(call, id); break;
	case DDI_INSTALLED: installed_base(call, id); break;
	case DDI_RESOURCE_COUNT: break;
	}
}

/* .../{resource}/{id}[/feedback]; false when it is none of these. */
static bool action_resource(struct call *call)
{
	const size_t count = call->target.segment_count;
	const pawl_http1_method method = call->request->method;
	uint32_t id = 0;

	for (int i = 0; i < DDI_RESOURCE_COUNT; i++) {
		if (!pawl_target_segment_is(&call->target, 4, resource_names[i]))
			continue;
		if (count == 6 && method == PAWL_HTTP1_GET) {
			if (read_id(call, 5, &id))
				answer_resource(call, (ddi_resource)i, id);
			return true;
		}
		if (count == 7 && method == PAWL_HTTP1_POST && i != DDI_INSTALLED &&
		    pawl_target_segment_is(&call->target, 6, "feedback")) {
			if (read_id(call, 5, &id))
				feedback(call, id, i == DDI_CANCEL);
			return true;
		}
	}
	return false;
}

void route_ddi(struct call *call)
{
	const struct pawl_target *target = &call->target;
	const pawl_http1_method method = call->request->method;
	const bool reads = method == PAWL_HTTP1_GET || method == PAWL_HTTP1_HEAD;

	if (!pawl_target_segment_is(target, 0, "DEFAULT") &&
	    !pawl_target_segment_is(target, 0, "default")) {
		reply_error(call, 404, "There is no such tenant; use DEFAULT.");
	} else if (target->segment_count < 4 ||
		   !pawl_bytes_equal(target->segments[3], device_name(call))) {
		reply_error(call, 403,
		    "The certificate is of %s, not of the controllerId in the path.",
		    call->request->peer.common_name);
	} else if (target->segment_count == 4 && method == PAWL_HTTP1_GET) {
		poll(call);
	} else if (target->segment_count == 5 && method == PAWL_HTTP1_PUT &&
		   pawl_target_segment_is(target, 4, "configData")) {
		config_data(call);
	} else if ((target->segment_count == 7 || target->segment_count == 8) && reads &&
		   pawl_target_segment_is(target, 4, "softwaremodules") &&
		   pawl_target_segment_is(target, 6, "artifacts")) {
		artifacts(call);
	} else if (!action_resource(call)) {
		reply_error(call, 404, "The device API has no such resource or method.");
	}
}
