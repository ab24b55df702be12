/* SPDX-License-Identifier: MIT
 *
 * route_actions.c - /rest/v1/targets/{controllerId}/actions. */
#include "app.h"

#include <stdio.h>

static void put_action(struct call *call, const struct pawl_fleet_action *action)
{
	struct pawl_json_writer *json = &call->json;
	const bool open = action->closed_at == 0;
	const struct pawl_fleet_rollout *rollout =
	    pawl_fleet_rollout(call->app->fleet, action->rollout_id);

	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", action->id);
	pawl_json_member_text(
	    json, "type", action->status == PAWL_ACTION_CANCELING ? "cancel" : "update");
	pawl_json_member_bool(json, "active", open);
	pawl_json_member_text(json, "status", open ? "pending" : "finished");
	pawl_json_member_text(json, "detailStatus", pawl_action_status_name(action->status));
	pawl_json_member_text(json, "forceType", pawl_force_type_name(action->force));
	if (action->force_at != 0)
		pawl_json_member_int(json, "forceTime", action->force_at);
	if (action->last_code != 0)
		pawl_json_member_int(json, "lastStatusCode", action->last_code);
	if (rollout != NULL) {
		pawl_json_member_int(json, "rollout", rollout->id);
		pawl_json_member_text(json, "rolloutName", rollout->name);
	}
	pawl_json_member_int(json, "createdAt", action->created_at);
	pawl_json_member_int(json, "lastModifiedAt", action->changed_at);
	pawl_json_key(json, "pawl");
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "distributionSetId", action->distribution_set_id);
	pawl_json_member_text(json, "why", action->why);
	pawl_json_member_bool(json, "unverified", action->unverified);
	pawl_json_end_object(json);
	pawl_json_end_object(json);
}

static void list_actions(struct call *call, const struct pawl_fleet_device *device)
{
	struct pawl_store_page page;
	uint64_t total = 0;
	uint64_t size = 0;

	if (!read_page(call, &page))
		return;
	begin_list(call);
	for (const struct pawl_fleet_action *action =
		 pawl_fleet_newest_action(call->app->fleet, device->id);
	     action != NULL; action = pawl_fleet_older_action(call->app->fleet, action)) {
		if (total >= page.offset && size < page.limit) {
			put_action(call, action);
			size++;
		}
		total++;
	}
	end_list(call, total, size);
}

static bool put_status(void *context, const struct pawl_store_status *status)
{
	struct call *call = context;
	struct pawl_json_writer *json = &call->json;

	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", (int64_t)status->id);
	pawl_json_member_text(json, "type", status->type);
	pawl_json_key(json, "messages");
	pawl_json_begin_array(json);
	for (size_t i = 0; i < status->message_count; i++)
		pawl_json_put_text(json, status->messages[i]);
	pawl_json_end_array(json);
	pawl_json_member_int(json, "reportedAt", status->at);
	if (status->has_code)
		pawl_json_member_int(json, "code", status->code);
	pawl_json_end_object(json);
	return true;
}

static void list_statuses(struct call *call, uint32_t action_id)
{
	struct pawl_store_page page;
	uint64_t total = 0;

	if (!read_page(call, &page))
		return;
	begin_list(call);

	const pawl_err err =
	    pawl_store_list_statuses(call->app->store, action_id, page, put_status, call, &total);

	if (err != PAWL_ERR_OK)
		reply_error(call, 500, "The statuses can not be read: %s.", pawl_err_text(err));
	else
		end_list(call, total,
		    page.offset >= total               ? 0
		    : total - page.offset < page.limit ? total - page.offset
						       : page.limit);
}

static void cancel(struct call *call, const struct pawl_fleet_device *device, uint32_t action_id)
{
	char detail[32];
	const struct pawl_bytes force = pawl_target_query(&call->target, "force");
	const pawl_fleet_result result =
	    pawl_fleet_cancel(call->app->fleet, pawl_bytes_of(device->controller_id), action_id,
		pawl_bytes_is(force, "true"), call->now);

	if (result != PAWL_FLEET_OK) {
		reply_result(call, result, "action", NULL);
		return;
	}
	print_text(detail, sizeof(detail), "action %u", action_id);
	db_audit(call, "action.cancel", device->controller_id, detail);
	reply_empty(call, 204);
}

bool route_actions(struct call *call, const struct pawl_fleet_device *device)
{
	const size_t count = call->target.segment_count;
	const pawl_http1_method method = call->request->method;
	uint64_t id = 0;

	if (count == 5) {
		if (method != PAWL_HTTP1_GET)
			return false;
		list_actions(call, device);
		return true;
	}

	const struct pawl_fleet_action *action =
	    pawl_parse_u64(call->target.segments[5], UINT32_MAX, &id) == PAWL_ERR_OK
		? pawl_fleet_action(call->app->fleet, (uint32_t)id)
		: NULL;

	if (action == NULL || action->device_id != device->id) {
		reply_error(call, 404, "The device %s has no such action.", device->controller_id);
	} else if (count == 6 && method == PAWL_HTTP1_GET) {
		put_action(call, action);
		reply_json(call, 200);
	} else if (count == 6 && method == PAWL_HTTP1_DELETE) {
		cancel(call, device, action->id);
	} else if (count == 7 && method == PAWL_HTTP1_GET &&
		   pawl_target_segment_is(&call->target, 6, "status")) {
		list_statuses(call, action->id);
	} else {
		return false;
	}
	return true;
}
