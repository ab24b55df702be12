/* SPDX-License-Identifier: MIT
 *
 * route_enrol.c - POST /pawl/v1/enrol: a device asks for its certificate.
 *
 * The server holds no CA key: it keeps the request until an operator's station
 * has issued the certificate. */
#include "app.h"

#include "pawl/crypto.h"
#include "pawl/x509.h"

#include <string.h>

struct enrolment {
	char controller_id[PAWL_DEVICE_ID_MAX + 1];
	char token[257];
	char csr[PAWL_CERT_PEM_MAX];
};

static bool read_enrolment(struct call *call, struct enrolment *enrolment)
{
	struct pawl_json json;

	if (!read_json(call, PAWL_JSON_OBJECT, &json))
		return false;

	const bool read =
	    json_field(call, &json, 0, "controllerId", sizeof(enrolment->controller_id),
		enrolment->controller_id) &&
	    json_field(call, &json, 0, "token", sizeof(enrolment->token), enrolment->token) &&
	    json_field(call, &json, 0, "csr", sizeof(enrolment->csr), enrolment->csr);

	free_json(&json);
	return read;
}

static void answer_pending(struct call *call)
{
	pawl_json_begin_object(&call->json);
	pawl_json_member_text(&call->json, "state", "pending");
	pawl_json_member_int(&call->json, "retryAfterSeconds", 2);
	pawl_json_end_object(&call->json);
	reply_json(call, 202);
}

static void answer_issued(struct call *call, const struct pawl_fleet_device *device)
{
	static uint8_t memory[4 * PAWL_CERT_PEM_MAX];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_bytes csr;
	struct pawl_bytes certificate = { 0 };
	struct pawl_cert_info info;
	const pawl_err err =
	    pawl_store_credential(call->app->store, device->id, &arena, &csr, &certificate);

	if (err != PAWL_ERR_OK && err != PAWL_ERR_NOT_FOUND) {
		reply_error(call, 500, "The certificate can not be read: %s.", pawl_err_text(err));
		return;
	}
	/* Issued, but not durable yet: what is stored may be none, or the one
	 * of a key before. */
	if (pawl_cert_read(certificate, &info) != PAWL_ERR_OK ||
	    memcmp(info.pin, device->key_pin, sizeof(info.pin)) != 0) {
		answer_pending(call);
		return;
	}
	pawl_json_begin_object(&call->json);
	pawl_json_member_text(&call->json, "state", "issued");
	pawl_json_key(&call->json, "certificate");
	pawl_json_put_string(&call->json, certificate);
	pawl_json_key(&call->json, "ca");
	pawl_json_put_string(&call->json, PAWL_BYTES(call->app->ca_pem, call->app->ca_pem_size));
	pawl_json_end_object(&call->json);
	reply_json(call, 200);
}

static void accepted(struct call *call, const struct enrolment *enrolment, bool is_new)
{
	const struct pawl_fleet_device *device =
	    pawl_fleet_device_by_name(call->app->fleet, pawl_bytes_of(enrolment->controller_id));

	PAWL_ASSERT(device != NULL);
	if (is_new) {
		pawl_store_put_credential(call->app->store, device->id,
		    pawl_bytes_of(enrolment->csr), PAWL_BYTES(NULL, 0));
		db_extra(call->app);
		pawl_log_event(&call->app->log, PAWL_LOG_INFO, "device.enrolment-requested",
		    PAWL_LOG_TEXT("device", enrolment->controller_id),
		    PAWL_LOG_TEXT("address", call->request->address));
	}
	if (device->enrolment == PAWL_ENROLMENT_ISSUED)
		answer_issued(call, device);
	else
		answer_pending(call);
}

static void enrol(struct call *call, struct enrolment *enrolment)
{
	struct pawl_csr_info csr;
	uint8_t digest[32];
	bool is_new = false;

	if (pawl_csr_read(pawl_bytes_of(enrolment->csr), &csr) != PAWL_ERR_OK) {
		reply_error(call, 400,
		    "`csr` is no PEM certificate request with a valid signature and a good key.");
		return;
	}
	if (strcmp(csr.common_name, enrolment->controller_id) != 0) {
		reply_error(call, 400, "The CN of `csr` is not the `controllerId`.");
		return;
	}
	pawl_sha256(pawl_bytes_of(enrolment->token), digest);

	const pawl_fleet_result result = pawl_fleet_enrol(call->app->fleet,
	    pawl_bytes_of(enrolment->controller_id), digest, csr.pin, call->now, &is_new);

	if (result == PAWL_FLEET_OK) {
		accepted(call, enrolment, is_new);
		return;
	}
	pawl_log_event(&call->app->log, PAWL_LOG_WARN, "device.enrolment-refused",
	    PAWL_LOG_TEXT("device", enrolment->controller_id),
	    PAWL_LOG_TEXT("address", call->request->address),
	    PAWL_LOG_TEXT("why", pawl_fleet_result_name(result)));
	if (result == PAWL_FLEET_CONFLICT)
		reply_error(call, 409,
		    "The token is bound to another key already; ask the operator for a new one.");
	else /* one answer for all: nothing can be learned about devices */
		reply_error(call, 401, "Unknown device, or the token is wrong or expired.");
}

void route_enrol(struct call *call)
{
	struct enrolment enrolment = { 0 };

	if (call->request->method != PAWL_HTTP1_POST || call->target.segment_count != 3) {
		reply_error(call, 404, "Only POST /pawl/v1/enrol is here.");
		return;
	}
	if (read_enrolment(call, &enrolment))
		enrol(call, &enrolment);
	pawl_bytes_wipe(enrolment.token, sizeof(enrolment.token));
}
