/* SPDX-License-Identifier: MIT
 *
 * fleet_ddi.c - what devices call: poll, deployment, feedback, cancel.
 *
 * hawkBit's table of meanings (execution x finished), with one difference:
 * closed/success is a claim that the image hash has to prove. */
#include "fleet_internal.h"

#include <string.h>

static void touch(struct pawl_fleet *fleet, struct device *device, int64_t now)
{
	fleet->visits++;
	device->row.last_request_at = now;
	device->heard_at = pawl_fleet_clock(fleet, now);
	pawl_fleet_effect_touch(fleet, device);
}

/* What the device is to see now: the oldest cancel, else the oldest offer. */
static void offers(
    const struct device *device, const struct action **ret_cancel, const struct action **ret_offer)
{
	*ret_cancel = NULL;
	*ret_offer = NULL;
	for (const struct action *open = device->open; open != NULL; open = open->open_next) {
		if (open->row.status == PAWL_ACTION_CANCELING) {
			*ret_cancel = open;
			return;
		}
	}
	for (const struct action *open = device->open; open != NULL; open = open->open_next) {
		if (open->row.status != PAWL_ACTION_VERIFYING &&
		    !pawl_fleet_action_is_withheld(open)) {
			*ret_offer = open;
			return;
		}
	}
}

static bool is_forced(const struct action *action, int64_t now)
{
	return action->row.force == PAWL_FORCE_FORCED ||
	       (action->row.force == PAWL_FORCE_TIMEFORCED && now >= action->row.force_at);
}

/* Up to a tenth less than the interval, always the same for one device. */
static uint32_t sleep_of(const struct pawl_fleet *fleet, const struct device *device)
{
	const uint32_t poll_s = fleet->settings.poll_s;
	const uint32_t spread = device->row.id * UINT32_C(2654435769) >> 8;

	return poll_s - spread % (poll_s / 10 + 1);
}

static void examine_claims(struct pawl_fleet *fleet, struct device *device, int64_t now)
{
	struct action *next;

	for (struct action *open = device->open; open != NULL; open = next) {
		next = open->open_next;
		if (open->row.status != PAWL_ACTION_VERIFYING)
			continue;
		if (open->row.claimed_polls < 3) {
			open->row.claimed_polls++;
			pawl_fleet_effect_action(fleet, open);
		}
		pawl_fleet_action_try_prove(fleet, open, false, now);
	}
}

pawl_fleet_result pawl_fleet_poll(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    struct pawl_bytes address, struct pawl_wall now, struct pawl_fleet_poll *ret_poll)
{
	struct device *device = pawl_fleet_find_device(fleet, controller_id);
	const struct action *cancel;
	const struct action *offer;

	if (device == NULL)
		return PAWL_FLEET_NOT_FOUND;
	if (device->row.enrolment == PAWL_ENROLMENT_REVOKED)
		return PAWL_FLEET_DENIED;
	touch(fleet, device, now.ms);
	if (address.size > 0 && !pawl_bytes_is(address, device->row.address)) {
		pawl_fleet_text_free(device->row.address);
		device->row.address = pawl_fleet_text_copy_clean(address, PAWL_FLEET_ADDRESS_MAX);
	}
	if (device->row.state == PAWL_DEVICE_REGISTERED && device->open == NULL)
		pawl_fleet_change_state(fleet, device, PAWL_DEVICE_IDLE, "nothing to do", now.ms);
	examine_claims(fleet, device, now.ms);
	pawl_fleet_rollout_admit(fleet, device, now.ms);
	offers(device, &cancel, &offer);

	bool verifying = false;
	for (const struct action *open = device->open; open != NULL; open = open->open_next)
		verifying = verifying || open->row.status == PAWL_ACTION_VERIFYING;
	/* A claim waits for fresh attributes, but is not asked for at every turn:
	 * some clients call again at once after each answer. */
	const int64_t quiet = (int64_t)fleet->settings.poll_s * PAWL_MS_PER_S;
	*ret_poll = (struct pawl_fleet_poll){
		.sleep_s = sleep_of(fleet, device),
		.cancel_action_id = cancel == NULL ? 0 : cancel->row.id,
		.deployment_action_id = offer == NULL ? 0 : offer->row.id,
		.installed_action_id = device->row.installed_action_id,
		.attributes_wanted =
		    device->row.attributes_wanted ||
		    (verifying && (now.ms < device->row.attributes_at ||
				      now.ms - device->row.attributes_at >= quiet)),
	};
	if (offer != NULL)
		ret_poll->revision = offer->row.id * 31 + is_forced(offer, now.ms);
	return PAWL_FLEET_OK;
}

static struct action *action_of(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id, uint32_t action_id)
{
	const struct device *device = pawl_fleet_find_device(fleet, controller_id);
	struct action *action = pawl_fleet_id_map_get(&fleet->actions, action_id);

	return device == NULL || action == NULL || action->device != device ? NULL : action;
}

static pawl_fleet_result describe(
    const struct action *action, int64_t now, struct pawl_fleet_deployment *ret_deployment)
{
	const struct pawl_fleet_module *module = pawl_fleet_module_for(action->set, action->device);
	const bool forced = is_forced(action, now);

	if (module == NULL)
		return PAWL_FLEET_NOT_FOUND;
	*ret_deployment = (struct pawl_fleet_deployment){ .action = &action->row,
		.set = &action->set->row,
		.module = module,
		.download = forced ? "forced" : "attempt",
		.update = forced ? "forced" : "attempt" };
	if (action->row.force == PAWL_FORCE_DOWNLOADONLY) {
		ret_deployment->download = "forced";
		ret_deployment->update = "skip";
	}
	return PAWL_FLEET_OK;
}

/* The first sign that the device has seen the action. */
static void mark_retrieved(struct pawl_fleet *fleet, struct action *action)
{
	if (action->row.retrieved)
		return;
	action->row.retrieved = true;
	pawl_fleet_effect_action(fleet, action);
	if (action->rollout == NULL)
		pawl_fleet_action_watch(fleet, action); /* by hand: silence counts from here on */
}

pawl_fleet_result pawl_fleet_deployment(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    uint32_t action_id, struct pawl_wall now, struct pawl_fleet_deployment *ret_deployment)
{
	struct action *action = action_of(fleet, controller_id, action_id);

	if (action == NULL || !pawl_fleet_action_is_open(action) ||
	    action->row.status == PAWL_ACTION_CANCELING ||
	    action->row.status == PAWL_ACTION_VERIFYING || pawl_fleet_action_is_withheld(action))
		return PAWL_FLEET_NOT_FOUND;
	const pawl_fleet_result result = describe(action, now.ms, ret_deployment);
	if (result != PAWL_FLEET_OK)
		return result;
	touch(fleet, action->device, now.ms);
	if (!action->row.retrieved && action->row.status == PAWL_ACTION_RUNNING) {
		action->row.status = PAWL_ACTION_RETRIEVED;
		pawl_fleet_effect_status(fleet, action, "retrieved", now.ms, NULL,
		    "Target retrieved update action and should start now the download.");
	}
	mark_retrieved(fleet, action);
	return PAWL_FLEET_OK;
}

pawl_fleet_result pawl_fleet_installed(const struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, uint32_t action_id,
    struct pawl_fleet_deployment *ret_deployment)
{
	const struct action *action = action_of(fleet, controller_id, action_id);

	if (action == NULL || action->row.status != PAWL_ACTION_FINISHED ||
	    action->row.force == PAWL_FORCE_DOWNLOADONLY)
		return PAWL_FLEET_NOT_FOUND;
	return describe(action, action->row.closed_at, ret_deployment);
}

pawl_fleet_result pawl_fleet_cancel_action(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id, uint32_t action_id)
{
	const struct action *action = action_of(fleet, controller_id, action_id);

	return action != NULL && action->row.status == PAWL_ACTION_CANCELING ? PAWL_FLEET_OK
									     : PAWL_FLEET_NOT_FOUND;
}

pawl_fleet_result pawl_fleet_device_module(const struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, uint32_t module_id,
    const struct pawl_fleet_module **ret_module)
{
	const struct device *device = pawl_fleet_find_device(fleet, controller_id);

	if (device == NULL || device->row.enrolment == PAWL_ENROLMENT_REVOKED)
		return PAWL_FLEET_NOT_FOUND;
	for (const struct action *action = device->newest; action != NULL; action = action->older) {
		const struct pawl_fleet_module *module = pawl_fleet_module_for(action->set, device);
		if (module == NULL || module->id != module_id)
			continue;
		if (action->row.status == PAWL_ACTION_CANCELED ||
		    pawl_fleet_action_is_withheld(action))
			continue;
		*ret_module = module;
		return PAWL_FLEET_OK;
	}
	return PAWL_FLEET_NOT_FOUND;
}

/* --- feedback --- */

static bool has_reason(const struct pawl_fleet_feedback *feedback, struct pawl_bytes *ret_reason)
{
	for (size_t i = 0; i < feedback->message_count; i++) {
		if (!pawl_bytes_starts_with(feedback->messages[i], "reason="))
			continue;
		*ret_reason =
		    PAWL_BYTES(feedback->messages[i].at + 7, feedback->messages[i].size - 7);
		return true;
	}
	return false;
}

/* The reasons of docs/spec/device.md that mean "I will not take this release". */
static bool is_refusal(struct pawl_bytes reason)
{
	static const char *const refusals[] = { "wrong-hardware-class", "older-release",
		"security-floor", "not-in-channel", "signature", "expired", "rollback",
		"hash-mismatch", "length-mismatch", "missing", "malformed", "too-large" };

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (pawl_bytes_is(reason, refusals[i]))
			return true;
	}
	return false;
}

static void closed_failure(struct pawl_fleet *fleet, struct action *action,
    const struct pawl_fleet_feedback *feedback, int64_t now)
{
	struct pawl_bytes reason = { 0 };
	struct sentence why;
	const bool known = has_reason(feedback, &reason);

	if (known && pawl_bytes_is(reason, "cancelled") &&
	    (action->row.status == PAWL_ACTION_CANCELING ||
		pawl_fleet_action_is_withheld(action))) {
		pawl_fleet_action_cancelled(
		    fleet, action, "the device gave the update up when asked to", now);
		return;
	}
	const bool refused = known && is_refusal(reason);
	pawl_fleet_sentence_begin(&why);
	pawl_fleet_sentence_put(&why, refused ? "refused " : "failed to install ");
	pawl_fleet_sentence_put(&why, action->set->row.product);
	pawl_fleet_sentence_put(&why, " ");
	pawl_fleet_sentence_put(&why, action->set->row.version);
	for (size_t i = 0; i < feedback->message_count && i < 2; i++) {
		const char *clean = pawl_fleet_text_copy_clean(feedback->messages[i], 180);
		pawl_fleet_sentence_put(&why, i == 0 ? ": " : " (");
		pawl_fleet_sentence_put(&why, clean);
		pawl_fleet_sentence_put(&why, i == 0 ? "" : ")");
		pawl_fleet_text_free(clean);
	}
	pawl_fleet_action_fail(fleet, action, refused ? PAWL_DEVICE_REFUSED : PAWL_DEVICE_FAILED,
	    pawl_fleet_sentence_end(&why), now);
}

static void claim(struct pawl_fleet *fleet, struct action *action,
    const struct pawl_fleet_feedback *feedback, int64_t now)
{
	struct device *device = action->device;

	if (action->row.status == PAWL_ACTION_VERIFYING)
		return; /* said again: nothing new */
	if (action->row.force == PAWL_FORCE_DOWNLOADONLY) {
		pawl_fleet_effect_status(fleet, action, "downloaded", now, feedback, NULL);
		pawl_fleet_action_downloaded(fleet, action, now);
		return;
	}
	pawl_fleet_effect_status(fleet, action, "running", now, feedback,
	    "Device claims success; waiting for its image hash.");
	action->row.status = PAWL_ACTION_VERIFYING;
	action->row.claimed_at = now > 0 ? now : 1;
	action->row.claimed_polls = 0;
	action->watched_from = pawl_fleet_clock(fleet, now);
	action->row.activated = true;
	device->row.attributes_wanted = true;
	pawl_fleet_change_state(fleet, device, PAWL_DEVICE_VERIFYING,
	    "says it succeeded; its image hash has to prove it", now);
	pawl_fleet_effect_device(fleet, device);
	pawl_fleet_action_watch(fleet, action);
	pawl_fleet_action_try_prove(fleet, action, false, now);
}

/* What an intermediate report changes, unless a cancel or a claim is pending. */
static void progress(struct pawl_fleet *fleet, struct action *action, pawl_action_status status,
    pawl_device_state state, const char *why, int64_t now)
{
	if (action->row.status == PAWL_ACTION_CANCELING ||
	    action->row.status == PAWL_ACTION_VERIFYING)
		return;
	action->row.status = status;
	/* Only forward: progress lines go on after the image is staged. */
	if (state > action->device->row.state || action->device->row.state > PAWL_DEVICE_VERIFYING)
		pawl_fleet_change_state(fleet, action->device, state, why, now);
}

/* Our agent says "proceeding" after "downloaded" when it activates the image;
 * with a reason it says that it still waits for something. Other clients send
 * progress lines at any time, which mean nothing of the kind. */
static bool restarts_into_it(
    const struct action *action, const struct pawl_fleet_feedback *feedback)
{
	struct pawl_bytes reason;

	return action->device->row.state == PAWL_DEVICE_STAGED &&
	       pawl_fleet_speaks_pawl(action->device) && !has_reason(feedback, &reason);
}

static void activated(struct pawl_fleet *fleet, struct action *action, int64_t now)
{
	action->row.activated = true;
	progress(fleet, action, PAWL_ACTION_RUNNING, PAWL_DEVICE_PROBATION,
	    "activated the release and has not confirmed it yet", now);
}

static void intermediate(struct pawl_fleet *fleet, struct action *action,
    const struct pawl_fleet_feedback *feedback, int64_t now)
{
	switch (feedback->execution) {
	case PAWL_EXECUTION_DOWNLOAD:
		pawl_fleet_effect_status(fleet, action, "download", now, feedback, NULL);
		progress(fleet, action, PAWL_ACTION_DOWNLOAD, PAWL_DEVICE_DOWNLOADING,
		    "downloads the release", now);
		break;
	case PAWL_EXECUTION_DOWNLOADED:
		pawl_fleet_effect_status(fleet, action, "downloaded", now, feedback, NULL);
		progress(fleet, action, PAWL_ACTION_DOWNLOADED, PAWL_DEVICE_STAGED,
		    "has downloaded the release and not activated it yet", now);
		if (action->row.force == PAWL_FORCE_DOWNLOADONLY)
			pawl_fleet_action_downloaded(fleet, action, now);
		break;
	case PAWL_EXECUTION_SCHEDULED:
		pawl_fleet_effect_status(fleet, action, "scheduled", now, feedback, NULL);
		progress(fleet, action, PAWL_ACTION_SCHEDULED, PAWL_DEVICE_STAGED,
		    "waits for its moment to activate the release", now);
		break;
	case PAWL_EXECUTION_PROCEEDING:
	case PAWL_EXECUTION_RESUMED:
		pawl_fleet_effect_status(fleet, action, "running", now, feedback, NULL);
		if (restarts_into_it(action, feedback))
			activated(fleet, action, now);
		else
			progress(fleet, action, PAWL_ACTION_RUNNING, PAWL_DEVICE_DOWNLOADING,
			    "works on the release", now);
		break;
	case PAWL_EXECUTION_CANCELED:
		if (action->row.status == PAWL_ACTION_CANCELING) {
			pawl_fleet_effect_status(fleet, action, "canceled", now, feedback, NULL);
			pawl_fleet_action_cancelled(
			    fleet, action, "the device gave the update up", now);
		} else {
			pawl_fleet_effect_status(fleet, action, "warning", now, feedback,
			    "Device says canceled, but nobody cancels.");
		}
		break;
	case PAWL_EXECUTION_REJECTED:
		pawl_fleet_effect_status(
		    fleet, action, "warning", now, feedback, "Device rejects.");
		break;
	case PAWL_EXECUTION_CLOSED: break; /* handled before */
	}
}

static bool over_quota(const struct action *action, const struct pawl_fleet_feedback *feedback)
{
	return action->row.status_count >= PAWL_FLEET_STATUSES_MAX ||
	       feedback->message_count > PAWL_FEEDBACK_MESSAGES_MAX;
}

pawl_fleet_result pawl_fleet_feedback(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    uint32_t action_id, const struct pawl_fleet_feedback *feedback, struct pawl_wall now)
{
	struct action *action = action_of(fleet, controller_id, action_id);

	if (action == NULL)
		return PAWL_FLEET_NOT_FOUND;
	if (!pawl_fleet_action_is_open(action))
		return PAWL_FLEET_GONE;
	/* A device whose last word is refused would be stuck for ever. */
	if (feedback->execution != PAWL_EXECUTION_CLOSED && over_quota(action, feedback))
		return PAWL_FLEET_QUOTA;
	touch(fleet, action->device, now.ms);
	mark_retrieved(fleet, action);
	if (feedback->execution != PAWL_EXECUTION_CLOSED) {
		intermediate(fleet, action, feedback, now.ms);
	} else if (feedback->finished == PAWL_FINISHED_FAILURE) {
		pawl_fleet_effect_status(fleet, action, "error", now.ms, feedback, NULL);
		closed_failure(fleet, action, feedback, now.ms);
	} else {
		claim(fleet, action, feedback, now.ms);
	}
	return PAWL_FLEET_OK;
}

/* The device goes on with what it was told to give up: it knows better. */
static void cancel_rejected(struct pawl_fleet *fleet, struct action *action,
    const struct pawl_fleet_feedback *feedback, int64_t now)
{
	pawl_fleet_effect_status(
	    fleet, action, "cancel_rejected", now, feedback, "Device rejects the cancel.");
	action->row.status = PAWL_ACTION_RUNNING;
	action->row.activated = true;
	action->row.leaves_rollout = false;
	pawl_fleet_effect_action(fleet, action);
}

pawl_fleet_result pawl_fleet_cancel_feedback(struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, uint32_t action_id, const struct pawl_fleet_feedback *feedback,
    struct pawl_wall now)
{
	struct action *action = action_of(fleet, controller_id, action_id);

	if (action == NULL)
		return PAWL_FLEET_NOT_FOUND;
	if (!pawl_fleet_action_is_open(action))
		return PAWL_FLEET_GONE;
	if (action->row.status != PAWL_ACTION_CANCELING)
		return PAWL_FLEET_NOT_CANCELABLE;
	if (feedback->execution != PAWL_EXECUTION_CLOSED && over_quota(action, feedback))
		return PAWL_FLEET_QUOTA;
	touch(fleet, action->device, now.ms);
	switch (feedback->execution) {
	case PAWL_EXECUTION_CLOSED:
		if (feedback->finished == PAWL_FINISHED_FAILURE) {
			cancel_rejected(fleet, action, feedback, now.ms);
			break;
		}
		pawl_fleet_effect_status(fleet, action, "canceled", now.ms, feedback, NULL);
		pawl_fleet_action_cancelled(
		    fleet, action, "the device gave the update up when asked to", now.ms);
		break;
	case PAWL_EXECUTION_REJECTED: cancel_rejected(fleet, action, feedback, now.ms); break;
	case PAWL_EXECUTION_CANCELED:
		/* Not an acceptance: hawkBit waits for "closed". */
		pawl_fleet_effect_status(fleet, action, "warning", now.ms, feedback, NULL);
		break;
	case PAWL_EXECUTION_PROCEEDING:
	case PAWL_EXECUTION_SCHEDULED:
	case PAWL_EXECUTION_RESUMED:
	case PAWL_EXECUTION_DOWNLOADED:
	case PAWL_EXECUTION_DOWNLOAD:
		pawl_fleet_effect_status(fleet, action, "canceling", now.ms, feedback, NULL);
		break;
	}
	return PAWL_FLEET_OK;
}
