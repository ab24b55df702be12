/* SPDX-License-Identifier: MIT
 *
 * fleet_enrol.c - one-time tokens, pending requests, certificates. */
#include "fleet_internal.h"

#include <string.h>

pawl_fleet_result pawl_fleet_enrolment_token(struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, const uint8_t token_sha256[32], struct pawl_wall expires_at,
    struct pawl_wall now)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	device->row.has_token = true;
	memcpy(device->row.token_sha256, token_sha256, 32);
	device->row.token_expires_at = expires_at.ms;
	device->row.has_key_pin = false;
	memset(device->row.key_pin, 0, 32);
	if (device->row.enrolment == PAWL_ENROLMENT_PENDING)
		device->row.enrolment =
		    device->row.has_fingerprint ? PAWL_ENROLMENT_ISSUED : PAWL_ENROLMENT_NONE;
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_log_device(fleet, "enrolment.token", now.ms, device, NULL, NULL);
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_enrol(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    const uint8_t token_sha256[32], const uint8_t key_pin[32], struct pawl_wall now,
    bool *ret_is_new)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL || !device->row.has_token ||
	    !pawl_bytes_equal_secret(device->row.token_sha256, token_sha256, 32))
		return PAWL_FLEET_DENIED;
	if (device->row.has_key_pin) {
		*ret_is_new = false;
		return memcmp(device->row.key_pin, key_pin, 32) == 0 ? PAWL_FLEET_OK
								     : PAWL_FLEET_CONFLICT;
	}
	if (now.ms >= device->row.token_expires_at)
		return PAWL_FLEET_DENIED;
	device->row.has_key_pin = true;
	memcpy(device->row.key_pin, key_pin, 32);
	device->row.enrolment = PAWL_ENROLMENT_PENDING;
	device->row.requested_at = now.ms;
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_log_device(fleet, "enrolment.requested", now.ms, device, NULL, NULL);
	*ret_is_new = true;
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_enrolment_issued(struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, const uint8_t key_pin[32], const uint8_t fingerprint[32],
    struct pawl_wall now)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	if (device->row.enrolment != PAWL_ENROLMENT_PENDING || !device->row.has_key_pin ||
	    memcmp(device->row.key_pin, key_pin, 32) != 0)
		return PAWL_FLEET_CONFLICT;
	device->row.enrolment = PAWL_ENROLMENT_ISSUED;
	device->row.has_fingerprint = true;
	memcpy(device->row.fingerprint, fingerprint, 32);
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_log_device(fleet, "enrolment.issued", now.ms, device, NULL, NULL);
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_enrolment_revoke(
    struct pawl_fleet *fleet, struct pawl_bytes controller_id, struct pawl_wall now)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	device->row.enrolment = PAWL_ENROLMENT_REVOKED;
	device->row.has_token = false;
	device->row.has_key_pin = false;
	device->row.has_fingerprint = false;
	memset(device->row.token_sha256, 0, 32);
	memset(device->row.key_pin, 0, 32);
	memset(device->row.fingerprint, 0, 32);
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_log_device(fleet, "enrolment.revoked", now.ms, device, NULL, NULL);
	while (device->open != NULL) {
		device->open->row.leaves_rollout = true;
		pawl_fleet_action_cancelled(
		    fleet, device->open, "the device's certificate was revoked", now.ms);
	}
	for (struct member *member = device->members; member != NULL;
	     member = member->next_of_device) {
		if (member->state == PAWL_MEMBER_WAITING)
			pawl_fleet_member_leave(fleet, member, now.ms);
	}
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_certificate_check(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id, const uint8_t fingerprint[32])
{
	const struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	if (device->row.enrolment == PAWL_ENROLMENT_REVOKED || !device->row.has_fingerprint ||
	    memcmp(device->row.fingerprint, fingerprint, 32) != 0)
		return PAWL_FLEET_DENIED;
	return PAWL_FLEET_OK;
}
