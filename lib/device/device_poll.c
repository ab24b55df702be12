/* SPDX-License-Identifier: MIT
 *
 * What the answer to a poll means for the attempt under way.
 */
#include "device_internal.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

/* Whether the running attempt can still be taken back. */
static bool can_be_abandoned(pawl_phase phase)
{
	switch (phase) {
	case PAWL_PHASE_CHECKING:
	case PAWL_PHASE_DOWNLOADING:
	case PAWL_PHASE_READBACK:
	case PAWL_PHASE_STAGED: return true;
	case PAWL_PHASE_IDLE:
	case PAWL_PHASE_ACTIVATED:
	case PAWL_PHASE_PROBATION:
	case PAWL_PHASE_REVERTING:
	case PAWL_PHASE_ABANDONING: return false;
	}
	return false;
}

/* A final report for `action` waits to be sent already. */
static bool is_told(const struct pawl_device_stored *stored, const char *action, bool cancel)
{
	for (uint32_t i = 0; i < stored->report_count; i++) {
		const struct pawl_device_report *const report = &stored->reports[i];
		const bool is_cancel = report->kind == PAWL_REPORT_CANCEL_DONE ||
				       report->kind == PAWL_REPORT_CANCEL_REJECTED;
		const bool is_end = is_cancel || report->kind == PAWL_REPORT_SUCCESS ||
				    report->kind == PAWL_REPORT_FAILURE;
		if (is_end && is_cancel == cancel && strcmp(report->action, action) == 0)
			return true;
	}
	return false;
}

static void on_cancel(struct pawl_device *device, const char *action)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (is_told(stored, action, true))
		return;
	if (same(action, stored->action) && can_be_abandoned(stored->phase)) {
		pawl_device_give_up(device, PAWL_REPORT_CANCEL_DONE, PAWL_REASON_CANCELLED,
		    "Cancelled before the new image was activated.");
	} else if (same(action, stored->action)) {
		pawl_device_report(device, action, PAWL_REPORT_CANCEL_REJECTED, PAWL_REASON_NONE,
		    "Too late to cancel: the new image is activated already.");
	} else if (same(action, stored->last_action) && stored->last_success) {
		pawl_device_report(device, action, PAWL_REPORT_CANCEL_REJECTED, PAWL_REASON_NONE,
		    "Too late to cancel: the update is complete.");
	} else {
		pawl_device_report(device, action, PAWL_REPORT_CANCEL_DONE, PAWL_REASON_CANCELLED,
		    "Cancelled; nothing is under way.");
	}
}

static void on_offer(struct pawl_device *device, const char *action)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (same(action, stored->action)) {
		device->offered = true;
		return;
	}
	if (can_be_abandoned(stored->phase)) {
		pawl_device_give_up(device, PAWL_REPORT_FAILURE, PAWL_REASON_CANCELLED,
		    "Given up because the server offers another action now.");
		device->poll_at_ms = 0;
		return;
	}
	if (stored->phase != PAWL_PHASE_IDLE)
		return;
	if (!same(action, stored->last_action)) {
		pawl_device_begin(device, action);
		return;
	}
	/* The server forgot, or never got, how it ended. */
	if (!is_told(stored, action, false) && !is_told(stored, action, true))
		pawl_device_report(device, action,
		    stored->last_success ? PAWL_REPORT_SUCCESS : PAWL_REPORT_FAILURE,
		    stored->last_reason, stored->last_sentence);
}

void pawl_device_on_poll(struct pawl_device *device, const struct pawl_device_event *event)
{
	const struct pawl_device_settings *const settings = &device->settings;
	int64_t interval = event->poll.sleep_ms;
	if (interval < settings->poll_min_ms)
		interval = settings->poll_min_ms;
	if (interval > settings->poll_max_ms)
		interval = settings->poll_max_ms;
	/* 90 to 110 percent, so that a fleet spreads out by itself. */
	const int64_t tenth = interval / 10;
	const int64_t chance = (int64_t)(event->random % (uint64_t)(2 * tenth + 1));
	device->poll_interval_ms = interval;
	device->poll_at_ms = event->now.ms + interval - tenth + chance;
	device->poll_failures = 0;
	device->contact = true;
	device->held = false;
	device->offered = false;
	if (device->stored.phase == PAWL_PHASE_STAGED)
		device->admitted = false;
	if (event->poll.wants_attributes && !device->attributes_due) {
		device->attributes_due = true;
		device->attributes_at_ms = 0;
	}
	if (event->poll.cancel[0] != '\0')
		on_cancel(device, event->poll.cancel);
	if (event->poll.action[0] != '\0')
		on_offer(device, event->poll.action);
}
