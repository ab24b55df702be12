/* SPDX-License-Identifier: MIT
 *
 * fleet_names.c - the words of the API for each enum, and back. */
#include "fleet_internal.h"

#include <string.h>

const char *pawl_fleet_result_name(pawl_fleet_result result)
{
	switch (result) {
	case PAWL_FLEET_OK: return "ok";
	case PAWL_FLEET_NOT_FOUND: return "not_found";
	case PAWL_FLEET_GONE: return "gone";
	case PAWL_FLEET_DENIED: return "denied";
	case PAWL_FLEET_NOT_CANCELABLE: return "not_cancelable";
	case PAWL_FLEET_CONFLICT: return "conflict";
	case PAWL_FLEET_INVALID: return "invalid";
	case PAWL_FLEET_QUOTA: return "quota";
	}
	return "unknown";
}

const char *pawl_device_state_name(pawl_device_state state)
{
	switch (state) {
	case PAWL_DEVICE_REGISTERED: return "registered";
	case PAWL_DEVICE_IDLE: return "idle";
	case PAWL_DEVICE_OFFERED: return "offered";
	case PAWL_DEVICE_DOWNLOADING: return "downloading";
	case PAWL_DEVICE_STAGED: return "staged";
	case PAWL_DEVICE_PROBATION: return "probation";
	case PAWL_DEVICE_VERIFYING: return "verifying";
	case PAWL_DEVICE_FAILED: return "failed";
	case PAWL_DEVICE_REFUSED: return "refused";
	}
	return "unknown";
}

const char *pawl_enrolment_name(pawl_enrolment enrolment)
{
	switch (enrolment) {
	case PAWL_ENROLMENT_NONE: return "none";
	case PAWL_ENROLMENT_PENDING: return "pending";
	case PAWL_ENROLMENT_ISSUED: return "issued";
	case PAWL_ENROLMENT_REVOKED: return "revoked";
	}
	return "unknown";
}

const char *pawl_action_status_name(pawl_action_status status)
{
	switch (status) {
	case PAWL_ACTION_RUNNING: return "running";
	case PAWL_ACTION_RETRIEVED: return "retrieved";
	case PAWL_ACTION_DOWNLOAD: return "download";
	case PAWL_ACTION_DOWNLOADED: return "downloaded";
	case PAWL_ACTION_SCHEDULED: return "scheduled";
	case PAWL_ACTION_VERIFYING: return "running";
	case PAWL_ACTION_CANCELING: return "canceling";
	case PAWL_ACTION_FINISHED: return "finished";
	case PAWL_ACTION_ERROR: return "error";
	case PAWL_ACTION_CANCELED: return "canceled";
	}
	return "unknown";
}

const char *pawl_force_type_name(pawl_force_type force)
{
	switch (force) {
	case PAWL_FORCE_SOFT: return "soft";
	case PAWL_FORCE_FORCED: return "forced";
	case PAWL_FORCE_TIMEFORCED: return "timeforced";
	case PAWL_FORCE_DOWNLOADONLY: return "downloadonly";
	}
	return "unknown";
}

const char *pawl_member_state_name(pawl_member_state state)
{
	switch (state) {
	case PAWL_MEMBER_WAITING: return "waiting";
	case PAWL_MEMBER_IN_FLIGHT: return "in_flight";
	case PAWL_MEMBER_HEALTHY: return "healthy";
	case PAWL_MEMBER_FAILED: return "failed";
	case PAWL_MEMBER_LEFT: return "left";
	}
	return "unknown";
}

const char *pawl_fleet_update_status(const struct pawl_fleet_device *device)
{
	switch (device->state) {
	case PAWL_DEVICE_REGISTERED: return device->last_action_id == 0 ? "unknown" : "pending";
	case PAWL_DEVICE_IDLE: return device->installed_id == 0 ? "registered" : "in_sync";
	case PAWL_DEVICE_OFFERED:
	case PAWL_DEVICE_DOWNLOADING:
	case PAWL_DEVICE_STAGED:
	case PAWL_DEVICE_PROBATION:
	case PAWL_DEVICE_VERIFYING: return "pending";
	case PAWL_DEVICE_FAILED:
	case PAWL_DEVICE_REFUSED: return "error";
	}
	return "unknown";
}

pawl_err pawl_force_type_parse(struct pawl_bytes text, pawl_force_type *ret_force)
{
	for (unsigned i = 0; i <= PAWL_FORCE_DOWNLOADONLY; i++) {
		if (pawl_bytes_is(text, pawl_force_type_name((pawl_force_type)i))) {
			*ret_force = (pawl_force_type)i;
			return PAWL_ERR_OK;
		}
	}
	return PAWL_ERR_SYNTAX;
}

static pawl_err find_word(
    struct pawl_bytes text, const char *const *words, unsigned count, unsigned *ret_index)
{
	for (unsigned i = 0; i < count; i++) {
		if (pawl_bytes_is(text, words[i])) {
			*ret_index = i;
			return PAWL_ERR_OK;
		}
	}
	return PAWL_ERR_SYNTAX;
}

pawl_err pawl_execution_parse(struct pawl_bytes text, pawl_execution *ret_execution)
{
	static const char *const words[] = { "closed", "proceeding", "canceled", "scheduled",
		"rejected", "resumed", "downloaded", "download" };
	unsigned index;

	PAWL_TRY(find_word(text, words, 8, &index));
	*ret_execution = (pawl_execution)index;
	return PAWL_ERR_OK;
}

pawl_err pawl_finished_parse(struct pawl_bytes text, pawl_finished *ret_finished)
{
	static const char *const words[] = { "none", "success", "failure" };
	unsigned index;

	PAWL_TRY(find_word(text, words, 3, &index));
	*ret_finished = (pawl_finished)index;
	return PAWL_ERR_OK;
}

pawl_err pawl_attributes_mode_parse(struct pawl_bytes text, pawl_attributes_mode *ret_mode)
{
	static const char *const words[] = { "merge", "replace", "remove" };
	unsigned index;

	PAWL_TRY(find_word(text, words, 3, &index));
	*ret_mode = (pawl_attributes_mode)index;
	return PAWL_ERR_OK;
}
