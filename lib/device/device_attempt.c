/* SPDX-License-Identifier: MIT
 *
 * How an attempt begins, is tried again and ends, and what is said about it.
 */
#include "device_internal.h"

#include <string.h>

void pawl_device_say(char ret_text[PAWL_DEVICE_SENTENCE_MAX + 1], const char *sentence)
{
	const size_t size = sentence != NULL ? strnlen(sentence, PAWL_DEVICE_SENTENCE_MAX) : 0;
	if (size > 0)
		memmove(ret_text, sentence, size);
	ret_text[size] = '\0';
}

/* --- reports --- */

static bool is_final(pawl_report_kind kind)
{
	switch (kind) {
	case PAWL_REPORT_PROCEEDING:
	case PAWL_REPORT_DOWNLOAD:
	case PAWL_REPORT_DOWNLOADED: return false;
	case PAWL_REPORT_SUCCESS:
	case PAWL_REPORT_FAILURE:
	case PAWL_REPORT_CANCEL_DONE:
	case PAWL_REPORT_CANCEL_REJECTED: return true;
	}
	return true;
}

static void make_room(struct pawl_device_stored *stored)
{
	if (stored->report_count < PAWL_DEVICE_REPORTS_MAX)
		return;
	uint32_t victim = 0;
	for (uint32_t i = 0; i < stored->report_count; i++) {
		if (!is_final(stored->reports[i].kind)) {
			victim = i;
			break;
		}
	}
	stored->report_count--;
	memmove(&stored->reports[victim], &stored->reports[victim + 1],
	    (stored->report_count - victim) * sizeof(stored->reports[0]));
}

void pawl_device_report(struct pawl_device *device, const char *action, pawl_report_kind kind,
    pawl_reason reason, const char *sentence)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (action[0] == '\0')
		return; /* a trial that nobody asked for and nobody waits for */
	make_room(stored);
	struct pawl_device_report *const report = &stored->reports[stored->report_count++];
	*report = (struct pawl_device_report){ .kind = kind, .reason = reason };
	memcpy(report->action, action, strnlen(action, PAWL_DEVICE_ACTION_MAX));
	pawl_device_say(report->sentence, sentence);
	device->dirty = true;
}

/* --- time --- */

int64_t pawl_device_backoff(
    const struct pawl_device *device, uint32_t failures, const struct pawl_device_event *event)
{
	const struct pawl_device_settings *const settings = &device->settings;
	int64_t span = settings->poll_min_ms;
	for (uint32_t i = 1; i < failures && span < settings->poll_max_ms; i++)
		span *= 2;
	if (span > settings->poll_max_ms)
		span = settings->poll_max_ms;
	/* Half of it by chance, so that a fleet that failed together does not
	 * come back together. */
	const int64_t chance = (int64_t)(event->random % (uint64_t)(span / 2 + 1));
	span = span - span / 2 + chance;
	int64_t asked = event->kind == PAWL_ON_FAILED ? event->retry_after_ms : 0;
	if (asked > settings->poll_max_ms)
		asked = settings->poll_max_ms;
	return span > asked ? span : asked;
}

/* --- life of an attempt --- */

static void forget_attempt(struct pawl_device *device)
{
	struct pawl_device_stored *const stored = &device->stored;
	stored->action[0] = '\0';
	stored->slot = PAWL_SLOT_NONE;
	stored->release = (struct pawl_device_release){ 0 };
	stored->offset = 0;
	stored->furthest = 0;
	stored->tries = 0;
	stored->rewrites = 0;
	stored->mismatches = 0;
	stored->starts = 0;
	stored->spent = 0;
	stored->reason = PAWL_REASON_NONE;
	stored->sentence[0] = '\0';
	device->offered = false;
	device->held = false;
	device->admitted = false;
	device->slot_ready = false;
	device->proven = false;
	device->healthy = false;
	device->work_at_ms = 0;
	device->dirty = true;
}

void pawl_device_begin(struct pawl_device *device, const char *action)
{
	forget_attempt(device);
	device->stored.phase = PAWL_PHASE_CHECKING;
	memset(device->stored.action, 0, sizeof(device->stored.action));
	memcpy(device->stored.action, action, strnlen(action, PAWL_DEVICE_ACTION_MAX));
	device->offered = true;
}

/* Queues the final report and remembers it, in case the server asks again. */
static void tell_the_end(
    struct pawl_device *device, pawl_report_kind kind, pawl_reason reason, const char *sentence)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (stored->action[0] == '\0')
		return;
	pawl_device_report(device, stored->action, kind, reason, sentence);
	memcpy(stored->last_action, stored->action, sizeof(stored->last_action));
	stored->last_success = kind == PAWL_REPORT_SUCCESS;
	stored->last_reason = reason;
	pawl_device_say(stored->last_sentence, sentence);
}

void pawl_device_end(
    struct pawl_device *device, pawl_report_kind kind, pawl_reason reason, const char *sentence)
{
	tell_the_end(device, kind, reason, sentence);
	forget_attempt(device);
	device->stored.phase = PAWL_PHASE_IDLE;
}

void pawl_device_give_up(
    struct pawl_device *device, pawl_report_kind kind, pawl_reason reason, const char *sentence)
{
	const uint8_t slot = device->stored.slot;
	const bool touched = slot != PAWL_SLOT_NONE;
	tell_the_end(device, kind, reason, sentence);
	forget_attempt(device);
	device->stored.phase = touched ? PAWL_PHASE_ABANDONING : PAWL_PHASE_IDLE;
	device->stored.slot = slot;
}

static uint32_t tries_of(pawl_reason reason)
{
	switch (pawl_reason_policy_of(reason)) {
	case PAWL_POLICY_FINAL: return 1;
	case PAWL_POLICY_CONTENT: return PAWL_DEVICE_CONTENT_TRIES;
	case PAWL_POLICY_PATIENT: return PAWL_DEVICE_PATIENT_TRIES;
	}
	return 1;
}

void pawl_device_retry(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	const char *const sentence =
	    event->sentence != NULL ? event->sentence : pawl_reason_text(event->reason);
	stored->tries++;
	device->dirty = true;
	device->admitted = false;
	if (stored->tries >= tries_of(event->reason)) {
		pawl_device_give_up(device, PAWL_REPORT_FAILURE, event->reason, sentence);
		return;
	}
	/* Said once, not at every try: servers limit the reports of an action. */
	if (stored->reason != event->reason) {
		stored->reason = event->reason;
		pawl_device_report(
		    device, stored->action, PAWL_REPORT_PROCEEDING, event->reason, sentence);
	}
	device->work_at_ms = event->now.ms + pawl_device_backoff(device, stored->tries, event);
}

void pawl_device_revert(struct pawl_device *device, pawl_reason reason, const char *sentence)
{
	struct pawl_device_stored *const stored = &device->stored;
	stored->phase = PAWL_PHASE_REVERTING;
	stored->reason = reason;
	pawl_device_say(stored->sentence, sentence);
	stored->tries = 0;
	device->healthy = false;
	device->slot_ready = true; /* still to be failed */
	device->work_at_ms = 0;
	device->dirty = true;
}
