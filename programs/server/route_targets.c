/* SPDX-License-Identifier: MIT
 *
 * route_targets.c - /rest/v1/targets: devices as operators see them. */
#include "app.h"

#include "pawl/crypto.h"
#include "pawl/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pawl_fleet_device *find_device(struct call *call)
{
	const struct pawl_fleet_device *device =
	    pawl_fleet_device_by_name(call->app->fleet, call->target.segments[3]);

	if (device == NULL)
		reply_error(call, 404, "There is no device %.*s.",
		    (int)call->target.segments[3].size, (const char *)call->target.segments[3].at);
	return device;
}

/* --- as JSON --- */

static const char *attribute(const struct pawl_fleet_device *device, const char *key)
{
	for (uint32_t i = 0; i < device->attribute_count; i++) {
		if (strcmp(device->attributes[i].key, key) == 0)
			return device->attributes[i].value;
	}
	return NULL;
}

static void member_or_null(struct pawl_json_writer *json, const char *key, const char *value)
{
	pawl_json_key(json, key);
	if (value == NULL || value[0] == '\0')
		pawl_json_put_null(json);
	else
		pawl_json_put_text(json, value);
}

static void put_pawl_object(struct call *call, const struct pawl_fleet_device *device)
{
	struct pawl_json_writer *json = &call->json;
	char why[PAWL_REASON_MAX + 1];
	uint64_t seq = 0;
	const char *seq_text = attribute(device, "pawl.seq");
	const uint32_t rollout = pawl_fleet_device_rollout(call->app->fleet, device->id);

	pawl_fleet_device_why(call->app->fleet, device->id, why);
	pawl_json_key(json, "pawl");
	pawl_json_begin_object(json);
	pawl_json_member_text(json, "product", device->product);
	pawl_json_member_text(json, "hardwareClass", device->hardware_class);
	pawl_json_member_text(json, "group", device->group);
	pawl_json_member_text(json, "state", pawl_device_state_name(device->state));
	pawl_json_member_text(json, "why", why);
	member_or_null(json, "slot", attribute(device, "pawl.slot"));
	member_or_null(json, "version", attribute(device, "pawl.version"));
	pawl_json_key(json, "seq");
	if (seq_text != NULL &&
	    pawl_parse_u64(pawl_bytes_of(seq_text), INT64_MAX, &seq) == PAWL_ERR_OK)
		pawl_json_put_int(json, (int64_t)seq);
	else
		pawl_json_put_null(json);
	member_or_null(json, "imageSha256", attribute(device, "pawl.image_sha256"));
	member_or_null(json, "bootReason", attribute(device, "pawl.boot_reason"));
	pawl_json_member_text(json, "enrolment", pawl_enrolment_name(device->enrolment));
	pawl_json_key(json, "lastActionId");
	if (device->last_action_id != 0)
		pawl_json_put_int(json, device->last_action_id);
	else
		pawl_json_put_null(json);
	pawl_json_key(json, "rollout");
	if (rollout != 0)
		pawl_json_put_int(json, rollout);
	else
		pawl_json_put_null(json);
	pawl_json_end_object(json);
}

static void member_time(struct pawl_json_writer *json, const char *key, int64_t at)
{
	if (at != 0)
		pawl_json_member_int(json, key, at);
}

void put_device(struct call *call, const struct pawl_fleet_device *device)
{
	struct pawl_json_writer *json = &call->json;

	pawl_json_begin_object(json);
	pawl_json_member_text(json, "controllerId", device->controller_id);
	pawl_json_member_text(
	    json, "name", device->name[0] != '\0' ? device->name : device->controller_id);
	pawl_json_member_text(json, "description", device->description);
	pawl_json_member_text(json, "group", device->group);
	pawl_json_member_text(json, "updateStatus", pawl_fleet_update_status(device));
	member_or_null(json, "ipAddress", device->address);
	pawl_json_member_int(json, "createdAt", device->created_at);
	member_time(json, "lastControllerRequestAt", device->last_request_at);
	member_time(json, "installedAt", device->installed_at);
	pawl_json_member_bool(json, "requestAttributes", device->attributes_wanted);
	if (device->last_request_at != 0) {
		const int64_t next = device->last_request_at + call->app->settings.poll_interval_ms;

		pawl_json_key(json, "pollStatus");
		pawl_json_begin_object(json);
		pawl_json_member_int(json, "lastRequestAt", device->last_request_at);
		pawl_json_member_int(json, "nextExpectedRequestAt", next);
		pawl_json_member_bool(
		    json, "overdue", call->now.ms > next + call->app->settings.poll_interval_ms);
		pawl_json_end_object(json);
	}
	put_pawl_object(call, device);
	pawl_json_end_object(json);
}

/* --- list --- */

static void list_devices(struct call *call)
{
	struct pawl_store_page page;
	struct pawl_fleet_filter filter;
	struct pawl_note note = { "" };
	uint32_t ids[PAWL_STORE_LIST_MAX];
	size_t total = 0;

	if (!read_page(call, &page))
		return;
	if (pawl_fleet_filter_parse(pawl_target_query(&call->target, "q"), &filter, &note) !=
	    PAWL_ERR_OK) {
		reply_error(call, 400, "`q` is not a filter: %s.", note.text);
		return;
	}

	const size_t count = pawl_fleet_devices(
	    call->app->fleet, &filter, (size_t)page.offset, page.limit, ids, &total);

	begin_list(call);
	for (size_t i = 0; i < count; i++)
		put_device(call, pawl_fleet_device(call->app->fleet, ids[i]));
	end_list(call, total, count);
}

/* --- register --- */

struct device_text {
	char controller_id[PAWL_DEVICE_ID_MAX + 1];
	char name[PAWL_FLEET_NAME_MAX + 1];
	char description[PAWL_FLEET_DESCRIPTION_MAX + 1];
	char group[PAWL_GROUP_MAX + 1];
	char product[PAWL_PRODUCT_MAX + 1];
	char hardware_class[PAWL_HW_CLASS_MAX + 1];
};

static bool read_device(
    struct call *call, const struct pawl_json *json, uint32_t item, struct device_text *text)
{
	if (!pawl_json_is(json, item, PAWL_JSON_OBJECT)) {
		reply_error(call, 400, "Each element of the array must be an object.");
		return false;
	}
	return json_field(call, json, item, "controllerId", sizeof(text->controller_id),
		   text->controller_id) &&
	       json_field(call, json, item, "name", sizeof(text->name), text->name) &&
	       json_field(
		   call, json, item, "description", sizeof(text->description), text->description) &&
	       json_field(call, json, item, "group", sizeof(text->group), text->group) &&
	       json_field(call, json, item, "product", sizeof(text->product), text->product) &&
	       json_field(call, json, item, "hardwareClass", sizeof(text->hardware_class),
		   text->hardware_class);
}

static bool add_device(struct call *call, const struct device_text *text, uint32_t *ret_id)
{
	struct pawl_note note = { "" };
	const struct pawl_fleet_device_options options = {
		.controller_id = pawl_bytes_of(text->controller_id),
		.name = pawl_bytes_of(text->name),
		.description = pawl_bytes_of(text->description),
		.product = pawl_bytes_of(text->product),
		.hardware_class = pawl_bytes_of(text->hardware_class),
		.group = pawl_bytes_of(text->group),
	};
	const pawl_fleet_result result =
	    pawl_fleet_device_add(call->app->fleet, &options, call->now, ret_id, &note);

	if (result == PAWL_FLEET_OK)
		return true;
	if (result == PAWL_FLEET_CONFLICT)
		reply_error(call, 409, "The device %s exists already.", text->controller_id);
	else
		reply_result(call, result, "device", &note);
	return false;
}

/* Takes back what one request added before one of its devices was refused. */
static void undo(struct call *call, const uint32_t *ids, size_t count)
{
	char name[PAWL_DEVICE_ID_MAX + 1];

	for (size_t i = 0; i < count; i++) {
		const struct pawl_fleet_device *device =
		    pawl_fleet_device(call->app->fleet, ids[i]);

		if (device == NULL)
			continue;
		print_text(name, sizeof(name), "%s", device->controller_id);
		db_audit(call, "target.delete", name, "taken back");
		(void)pawl_fleet_device_remove(call->app->fleet, pawl_bytes_of(name), call->now);
	}
	(void)db_commit(call->app);
}

static void add_devices(struct call *call, const struct pawl_json *json)
{
	uint32_t ids[PAWL_STORE_LIST_MAX];
	size_t count = 0;

	if (pawl_json_count(json, 0) > PAWL_STORE_LIST_MAX) {
		reply_error(call, 400, "At most %d devices in one request.", PAWL_STORE_LIST_MAX);
		return;
	}
	for (uint32_t item = pawl_json_first(json, 0); item != PAWL_JSON_NONE;
	     item = pawl_json_after(json, 0, item)) {
		struct device_text text;

		if (!read_device(call, json, item, &text) ||
		    !add_device(call, &text, &ids[count])) {
			undo(call, ids, count);
			return;
		}
		count++;
		db_audit(call, "target.create", text.controller_id, "");
		pawl_log_event(&call->app->log, PAWL_LOG_INFO, "device.registered",
		    PAWL_LOG_TEXT("device", text.controller_id),
		    PAWL_LOG_TEXT("actor", call->actor));
	}
	pawl_json_begin_array(&call->json);
	for (size_t i = 0; i < count; i++)
		put_device(call, pawl_fleet_device(call->app->fleet, ids[i]));
	pawl_json_end_array(&call->json);
	reply_json(call, 201);
}

static void post_devices(struct call *call)
{
	struct pawl_json json;

	if (!read_json(call, PAWL_JSON_ARRAY, &json))
		return;
	add_devices(call, &json);
	free_json(&json);
}

/* --- one device --- */

static void delete_device(struct call *call, const struct pawl_fleet_device *device)
{
	char name[PAWL_DEVICE_ID_MAX + 1];

	print_text(name, sizeof(name), "%s", device->controller_id);
	const pawl_fleet_result result =
	    pawl_fleet_device_remove(call->app->fleet, pawl_bytes_of(name), call->now);

	if (result == PAWL_FLEET_OK) {
		db_audit(call, "target.delete", name, "");
		pawl_log_event(&call->app->log, PAWL_LOG_INFO, "device.deleted",
		    PAWL_LOG_TEXT("device", name), PAWL_LOG_TEXT("actor", call->actor));
	}
	reply_result(call, result, "device", NULL);
}

static void attributes(struct call *call, const struct pawl_fleet_device *device)
{
	pawl_json_begin_object(&call->json);
	for (uint32_t i = 0; i < device->attribute_count; i++)
		pawl_json_member_text(
		    &call->json, device->attributes[i].key, device->attributes[i].value);
	pawl_json_end_object(&call->json);
	reply_json(call, 200);
}

static void set_of_device(struct call *call, uint32_t set_id)
{
	const struct pawl_fleet_distribution_set *set =
	    pawl_fleet_distribution_set(call->app->fleet, set_id);

	if (set == NULL) {
		reply_empty(call, 204);
		return;
	}
	put_set(call, set);
	reply_json(call, 200);
}

/* --- enrolment token --- */

static void new_token(struct call *call, const struct pawl_fleet_device *device)
{
	uint8_t random[24];
	uint8_t digest[32];
	char token[sizeof(random) * 2 + 1];
	struct pawl_buf buf = pawl_buf_of(token, sizeof(token) - 1);
	const struct pawl_wall expires = { call->now.ms + call->app->settings.enrolment_ms };

	pawl_random(random, sizeof(random));
	pawl_put_hex(&buf, PAWL_BYTES(random, sizeof(random)));
	token[buf.size] = '\0';
	pawl_sha256(pawl_buf_bytes(&buf), digest);

	const pawl_fleet_result result = pawl_fleet_enrolment_token(
	    call->app->fleet, pawl_bytes_of(device->controller_id), digest, expires, call->now);

	if (result != PAWL_FLEET_OK) {
		reply_result(call, result, "device", NULL);
		return;
	}
	db_audit(call, "enrolment.token", device->controller_id, "");
	pawl_json_begin_object(&call->json);
	pawl_json_member_text(&call->json, "controllerId", device->controller_id);
	pawl_json_member_text(&call->json, "token", token);
	pawl_json_member_int(&call->json, "expiresAt", expires.ms);
	pawl_json_end_object(&call->json);
	reply_json(call, 200);
}

/* --- assignment --- */

static void put_assignment(struct call *call, uint32_t action_id)
{
	pawl_json_begin_object(&call->json);
	pawl_json_member_int(&call->json, "assigned", action_id != 0 ? 1 : 0);
	pawl_json_member_int(&call->json, "alreadyAssigned", action_id != 0 ? 0 : 1);
	pawl_json_member_int(&call->json, "total", 1);
	pawl_json_key(&call->json, "assignedActions");
	pawl_json_begin_array(&call->json);
	if (action_id != 0) {
		pawl_json_begin_object(&call->json);
		pawl_json_member_int(&call->json, "id", action_id);
		pawl_json_end_object(&call->json);
	}
	pawl_json_end_array(&call->json);
	pawl_json_end_object(&call->json);
	reply_json(call, 200);
}

static bool read_assignment(struct call *call, struct pawl_fleet_assignment *ret_assignment)
{
	struct pawl_json json;
	char type[16];
	int64_t set_id = 0;
	int64_t force_at = 0;

	if (!read_json(call, PAWL_JSON_OBJECT, &json))
		return false;

	const bool read = json_field_int(call, &json, 0, "id", 1, UINT32_MAX, 0, &set_id) &&
			  json_field_int(call, &json, 0, "forcetime", 0, INT64_MAX, 0, &force_at) &&
			  json_field(call, &json, 0, "type", sizeof(type), type);

	free_json(&json);
	if (!read)
		return false;
	if (set_id == 0) {
		reply_error(call, 400, "`id` of the distribution set is missing.");
		return false;
	}
	ret_assignment->distribution_set_id = (uint32_t)set_id;
	ret_assignment->force_at = force_at;
	if (pawl_force_type_parse(pawl_bytes_of(type[0] == '\0' ? "forced" : type),
		&ret_assignment->force) == PAWL_ERR_OK)
		return true;
	reply_error(call, 400, "`type` must be soft, forced, timeforced or downloadonly.");
	return false;
}

static void assign(struct call *call, const struct pawl_fleet_device *device)
{
	struct pawl_fleet_assignment assignment;
	struct pawl_note note = { "" };
	uint32_t action_id = 0;
	char detail[64];

	if (!read_assignment(call, &assignment))
		return;

	const pawl_fleet_result result = pawl_fleet_assign(call->app->fleet,
	    pawl_bytes_of(device->controller_id), &assignment, call->now, &action_id, &note);

	if (result != PAWL_FLEET_OK) {
		reply_result(call, result, "device or distribution set", &note);
		return;
	}
	print_text(detail, sizeof(detail), "distribution set %u, action %u",
	    assignment.distribution_set_id, action_id);
	db_audit(call, "target.assign", device->controller_id, detail);
	put_assignment(call, action_id);
}

/* --- dispatch --- */

static bool device_reads(struct call *call, const struct pawl_fleet_device *device)
{
	if (pawl_target_segment_is(&call->target, 4, "attributes"))
		attributes(call, device);
	else if (pawl_target_segment_is(&call->target, 4, "assignedDS"))
		set_of_device(call, device->assigned_id);
	else if (pawl_target_segment_is(&call->target, 4, "installedDS"))
		set_of_device(call, device->installed_id);
	else
		return false;
	return true;
}

static bool device_posts(struct call *call, const struct pawl_fleet_device *device)
{
	if (pawl_target_segment_is(&call->target, 4, "assignedDS"))
		assign(call, device);
	else if (pawl_target_segment_is(&call->target, 4, "enrolment"))
		new_token(call, device);
	else
		return false;
	return true;
}

static bool one_device(struct call *call, const struct pawl_fleet_device *device)
{
	const size_t count = call->target.segment_count;
	const pawl_http1_method method = call->request->method;

	if (count == 4 && method == PAWL_HTTP1_GET) {
		put_device(call, device);
		reply_json(call, 200);
		return true;
	}
	if (count == 4 && method == PAWL_HTTP1_DELETE) {
		delete_device(call, device);
		return true;
	}
	if (count >= 5 && pawl_target_segment_is(&call->target, 4, "actions"))
		return route_actions(call, device);
	if (count == 5 && method == PAWL_HTTP1_GET)
		return device_reads(call, device);
	return count == 5 && method == PAWL_HTTP1_POST && device_posts(call, device);
}

void route_targets(struct call *call)
{
	const size_t count = call->target.segment_count;
	const pawl_http1_method method = call->request->method;

	if (count == 3 && method == PAWL_HTTP1_GET) {
		list_devices(call);
	} else if (count == 3 && method == PAWL_HTTP1_POST) {
		post_devices(call);
	} else if (count == 3) {
		reply_error(call, 404, "The targets have no such method.");
	} else {
		const struct pawl_fleet_device *device = find_device(call);

		if (device != NULL && !one_device(call, device))
			reply_error(call, 404, "The target has no such resource or method.");
	}
}
