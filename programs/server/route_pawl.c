/* SPDX-License-Identifier: MIT
 *
 * route_pawl.c - /rest/v1/pawl and /rest/v1/userinfo: our additions. */
#include "app.h"

#include "pawl/env.h"
#include "pawl/x509.h"

#include <stdio.h>
#include <string.h>

/* --- status --- */

static int64_t resident_bytes(void)
{
	char text[128];
	size_t size = 0;
	long long pages = 0;

	if (pawl_env_read_into("/proc/self/statm", text, sizeof(text) - 1, &size, NULL) !=
	    PAWL_ERR_OK)
		return 0;
	text[size] = '\0';
	return sscanf(text, "%*d %lld", &pages) == 1 ? pages * 4096 : 0;
}

static void put_metadata(
    struct call *call, const char *role, int64_t version, struct pawl_wall expires)
{
	pawl_json_key(&call->json, role);
	pawl_json_begin_object(&call->json);
	pawl_json_member_int(&call->json, "version", version);
	pawl_json_member_int(&call->json, "expiresAt", expires.ms);
	pawl_json_end_object(&call->json);
}

static void put_counts(struct call *call)
{
	struct pawl_json_writer *json = &call->json;
	const struct pawl_fleet *fleet = call->app->fleet;

	pawl_json_key(json, "counts");
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "targets", pawl_fleet_device_count(fleet));
	pawl_json_member_int(json, "distributionSets", pawl_fleet_distribution_set_count(fleet));
	pawl_json_member_int(json, "rollouts", pawl_fleet_rollout_count(fleet));
	pawl_json_member_int(json, "connections", pawl_http_connection_count(call->app->http));
	for (int i = PAWL_DEVICE_REGISTERED; i <= PAWL_DEVICE_REFUSED; i++)
		pawl_json_member_int(json, pawl_device_state_name((pawl_device_state)i),
		    pawl_fleet_state_count(fleet, (pawl_device_state)i));
	pawl_json_end_object(json);
}

static void status(struct call *call)
{
	struct pawl_json_writer *json = &call->json;
	const struct repo_versions *versions = &call->app->versions;
	const struct pawl_store_progress progress = pawl_store_progress(call->app->store);

	pawl_json_begin_object(json);
	pawl_json_member_text(json, "version", PAWL_VERSION);
	pawl_json_member_int(
	    json, "uptimeSeconds", (pawl_env_mono().ms - call->app->started.ms) / PAWL_MS_PER_S);
	pawl_json_member_int(json, "residentBytes", resident_bytes());
	pawl_json_key(json, "metadata");
	pawl_json_begin_object(json);
	put_metadata(call, "root", versions->root, versions->root_expires);
	put_metadata(call, "timestamp", versions->timestamp, versions->timestamp_expires);
	put_metadata(call, "snapshot", versions->snapshot, versions->snapshot_expires);
	put_metadata(call, "targets", versions->targets, versions->targets_expires);
	pawl_json_end_object(json);
	put_counts(call);
	pawl_json_key(json, "store");
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "queued", (int64_t)(progress.submitted - progress.durable));
	pawl_json_member_text(json, "error", pawl_err_name(progress.err));
	pawl_json_end_object(json);
	pawl_json_end_object(json);
	reply_json(call, 200);
}

/* --- audit --- */

struct audit_list {
	struct call *call;
	uint64_t size;
};

static bool put_audit(void *context, const struct pawl_store_audit *entry)
{
	struct audit_list *list = context;
	struct pawl_json_writer *json = &list->call->json;

	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", (int64_t)entry->id);
	pawl_json_member_int(json, "at", entry->at);
	pawl_json_member_text(json, "actor", entry->actor);
	pawl_json_member_text(json, "action", entry->action);
	pawl_json_member_text(json, "object", entry->object);
	pawl_json_member_text(json, "detail", entry->detail);
	pawl_json_end_object(json);
	list->size++;
	return true;
}

static void audit(struct call *call)
{
	struct pawl_store_page page;
	struct audit_list list = { .call = call };
	uint64_t total = 0;

	if (!read_page(call, &page))
		return;
	begin_list(call);

	const pawl_err err =
	    pawl_store_list_audit(call->app->store, page, put_audit, &list, &total);

	if (err != PAWL_ERR_OK)
		reply_error(call, 500, "The audit list can not be read: %s.", pawl_err_text(err));
	else
		end_list(call, total, list.size);
}

/* --- enrolments --- */

static void put_pending(struct call *call, const struct pawl_fleet_device *device)
{
	static uint8_t memory[4 * PAWL_CERT_PEM_MAX];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_bytes csr = { 0 };
	struct pawl_bytes certificate;

	/* Not durable yet: the next call lists it. */
	if (pawl_store_credential(call->app->store, device->id, &arena, &csr, &certificate) !=
		PAWL_ERR_OK ||
	    csr.size == 0)
		return;
	pawl_json_begin_object(&call->json);
	pawl_json_member_text(&call->json, "controllerId", device->controller_id);
	pawl_json_key(&call->json, "csr");
	pawl_json_put_string(&call->json, csr);
	pawl_json_member_int(&call->json, "requestedAt", device->requested_at);
	pawl_json_end_object(&call->json);
}

/* At most PAWL_STORE_LIST_MAX of them; approving makes room for the next. */
static void list_enrolments(struct call *call)
{
	uint32_t ids[PAWL_STORE_LIST_MAX];
	size_t total = 0;
	size_t offset = 0;
	size_t listed = 0;
	size_t got = 0;

	if (!pawl_bytes_is(pawl_target_query(&call->target, "state"), "pending")) {
		reply_error(call, 400, "Only `?state=pending` can be listed.");
		return;
	}
	pawl_json_begin_array(&call->json);
	while (
	    listed < PAWL_STORE_LIST_MAX && (got = pawl_fleet_devices(call->app->fleet, NULL,
						 offset, PAWL_STORE_LIST_MAX, ids, &total)) > 0) {
		for (size_t i = 0; i < got && listed < PAWL_STORE_LIST_MAX; i++) {
			const struct pawl_fleet_device *device =
			    pawl_fleet_device(call->app->fleet, ids[i]);

			if (device->enrolment != PAWL_ENROLMENT_PENDING)
				continue;
			put_pending(call, device);
			listed++;
		}
		offset += got;
	}
	pawl_json_end_array(&call->json);
	reply_json(call, 200);
}

/* The certificate must be for the pending key, its CN, OU=device, our CA. */
static bool check_certificate(struct call *call, struct pawl_bytes controller_id,
    struct pawl_bytes pem, struct pawl_cert_info *ret_info)
{
	const struct pawl_bytes ca = PAWL_BYTES(call->app->ca_pem, call->app->ca_pem_size);
	struct pawl_note note = { "" };

	if (pawl_cert_read(pem, ret_info) != PAWL_ERR_OK) {
		reply_error(call, 400, "`certificate` is no PEM certificate.");
	} else if (!pawl_bytes_is(controller_id, ret_info->common_name)) {
		reply_error(call, 409, "The CN of the certificate is %s.", ret_info->common_name);
	} else if (ret_info->role != PAWL_CERT_DEVICE) {
		reply_error(call, 409, "The certificate does not have OU=device.");
	} else if (pawl_cert_check(pem, ca, call->now, &note) != PAWL_ERR_OK) {
		reply_error(
		    call, 409, "The certificate is not good under the CA here: %s.", note.text);
	} else {
		return true;
	}
	return false;
}

static void put_certificate(struct call *call, const char *pem)
{
	const struct pawl_bytes name = call->target.segments[4];
	const struct pawl_fleet_device *device = pawl_fleet_device_by_name(call->app->fleet, name);
	struct pawl_cert_info info;

	if (device == NULL) {
		reply_error(call, 404, "There is no such device.");
		return;
	}
	if (!check_certificate(call, name, pawl_bytes_of(pem), &info))
		return;

	const pawl_fleet_result result = pawl_fleet_enrolment_issued(
	    call->app->fleet, name, info.pin, info.fingerprint, call->now);

	if (result == PAWL_FLEET_CONFLICT) {
		reply_error(call, 409, "No request for the key of this certificate is pending.");
		return;
	}
	if (result == PAWL_FLEET_OK) {
		pawl_store_put_credential(
		    call->app->store, device->id, PAWL_BYTES(NULL, 0), pawl_bytes_of(pem));
		db_audit(call, "enrolment.issue", device->controller_id, info.serial_hex);
		pawl_log_event(&call->app->log, PAWL_LOG_INFO, "device.enrolled",
		    PAWL_LOG_TEXT("device", device->controller_id),
		    PAWL_LOG_TEXT("serial", info.serial_hex), PAWL_LOG_TEXT("actor", call->actor));
	}
	reply_result(call, result, "device", NULL);
}

static void issue(struct call *call)
{
	static char pem[PAWL_CERT_PEM_MAX];
	struct pawl_json json;

	if (!read_json(call, PAWL_JSON_OBJECT, &json))
		return;

	const bool read = json_field(call, &json, 0, "certificate", sizeof(pem), pem);

	free_json(&json);
	if (read)
		put_certificate(call, pem);
}

static void revoke(struct call *call)
{
	const struct pawl_bytes name = call->target.segments[4];
	const struct pawl_fleet_device *device = pawl_fleet_device_by_name(call->app->fleet, name);
	const pawl_fleet_result result =
	    pawl_fleet_enrolment_revoke(call->app->fleet, name, call->now);

	if (result == PAWL_FLEET_OK && device != NULL) {
		db_audit(call, "enrolment.revoke", device->controller_id, "");
		pawl_log_event(&call->app->log, PAWL_LOG_WARN, "device.revoked",
		    PAWL_LOG_TEXT("device", device->controller_id),
		    PAWL_LOG_TEXT("actor", call->actor));
	}
	reply_result(call, result, "device", NULL);
}

static bool enrolments(struct call *call)
{
	const size_t count = call->target.segment_count;

	if (count == 4 && call->request->method == PAWL_HTTP1_GET)
		list_enrolments(call);
	else if (count == 5 && call->request->method == PAWL_HTTP1_PUT)
		issue(call);
	else if (count == 5 && call->request->method == PAWL_HTTP1_DELETE)
		revoke(call);
	else
		return false;
	return true;
}

/* --- who am I --- */

static void user_info(struct call *call)
{
	pawl_json_begin_object(&call->json);
	pawl_json_member_text(&call->json, "tenant", "DEFAULT");
	pawl_json_member_text(&call->json, "username", strchr(call->actor, ':') + 1);
	pawl_json_end_object(&call->json);
	reply_json(call, 200);
}

void route_pawl(struct call *call)
{
	const struct pawl_target *target = &call->target;
	const size_t count = target->segment_count;
	const pawl_http1_method method = call->request->method;

	if (pawl_target_segment_is(target, 2, "userinfo") && count == 3 && method == PAWL_HTTP1_GET)
		user_info(call);
	else if (count == 4 && method == PAWL_HTTP1_GET &&
		 pawl_target_segment_is(target, 3, "status"))
		status(call);
	else if (count == 4 && method == PAWL_HTTP1_GET &&
		 pawl_target_segment_is(target, 3, "audit"))
		audit(call);
	else if (count == 4 && method == PAWL_HTTP1_POST &&
		 pawl_target_segment_is(target, 3, "publish"))
		publish_request(call);
	else if (!pawl_target_segment_is(target, 3, "enrolments") || !enrolments(call))
		reply_error(call, 404, "There is no such resource or method.");
}
