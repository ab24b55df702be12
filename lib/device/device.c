/* SPDX-License-Identifier: MIT
 *
 * What comes of an event. Every handler only changes the state; what to do
 * next is always decided in device_plan.c.
 */
#include "device_internal.h"

#include <string.h>

enum {
	/* A download runs at least this long between two polls. */
	SLICE_MIN_MS = 5000,
	HEALTH_PERIOD_MIN_MS = 500,
	/* Failed clean-ups before the slot is left as it is; the next attempt
	 * writes over it. */
	ABANDON_TRIES = 4
};

struct pawl_device_stored pawl_device_fresh(struct pawl_wall time_floor)
{
	return (struct pawl_device_stored){
		.phase = PAWL_PHASE_IDLE, .slot = PAWL_SLOT_NONE, .time_floor = time_floor
	};
}

void pawl_device_init(struct pawl_device *device, const struct pawl_device_settings *settings,
    const struct pawl_device_stored *stored)
{
	PAWL_ASSERT(settings->poll_min_ms > 0 && settings->poll_max_ms >= settings->poll_min_ms);
	memset(device, 0, sizeof(*device));
	device->settings = *settings;
	device->stored = *stored;
	device->doing = PAWL_DO_WAIT;
	device->running = PAWL_SLOT_NONE;
}

/* --- trust --- */

static void learn(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (event->issued.ms > stored->time_floor.ms) {
		stored->time_floor = event->issued;
		device->dirty = true;
	}
	if (event->channel_counter > stored->channel_counter) {
		stored->channel_counter = event->channel_counter;
		device->dirty = true;
	}
}

static bool is_same_release(
    const struct pawl_device_release *a, const struct pawl_device_release *b)
{
	return a->length == b->length && a->seq == b->seq && a->sec == b->sec &&
	       memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0 &&
	       strcmp(a->path, b->path) == 0;
}

/* A release that is not the one under way: from the beginning. */
static void take_release(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	struct pawl_note note = { "" };
	stored->release = *event->release;
	stored->slot = event->slot;
	stored->phase = PAWL_PHASE_DOWNLOADING;
	stored->offset = 0;
	stored->furthest = 0;
	stored->tries = 0;
	stored->rewrites = 0;
	stored->mismatches = 0;
	stored->starts = 0;
	stored->spent = 0;
	device->slot_ready = false;
	device->proven = false;
	device->dirty = true;
	pawl_note_add(&note, "Downloads version ");
	pawl_note_add(&note, stored->release.version);
	pawl_note_add(&note, ", ");
	pawl_note_add_int(&note, (long long)stored->release.length);
	pawl_note_add(&note, " bytes.");
	pawl_device_report(
	    device, stored->action, PAWL_REPORT_DOWNLOAD, PAWL_REASON_NONE, note.text);
}

static void on_admit(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	PAWL_ASSERT(device->doing == PAWL_DO_CHECK && event->release != NULL);
	learn(device, event);
	if (event->release->length > event->slot_size) {
		struct pawl_note note = { "" };
		pawl_note_add(&note, "The image has ");
		pawl_note_add_int(&note, (long long)event->release->length);
		pawl_note_add(&note, " bytes, the slot only ");
		pawl_note_add_int(&note, (long long)event->slot_size);
		pawl_note_add(&note, ".");
		pawl_device_give_up(
		    device, PAWL_REPORT_FAILURE, PAWL_REASON_SLOT_TOO_SMALL, note.text);
		return;
	}
	if (stored->phase == PAWL_PHASE_STAGED) {
		const bool is_ours = is_same_release(&stored->release, event->release);
		if (is_ours) {
			device->admitted = event->may_activate;
			device->held = !event->may_activate;
			return;
		}
	}
	if (!event->may_download) {
		device->held = true;
		device->dirty = device->dirty || stored->starts > 0;
		stored->starts = 0; /* it is the server that waits */
		return;
	}
	if (stored->phase == PAWL_PHASE_CHECKING || stored->slot != event->slot ||
	    !is_same_release(&stored->release, event->release))
		take_release(device, event);
	device->admitted = true;
}

/* --- the download --- */

static void advance(struct pawl_device *device, uint64_t offset)
{
	struct pawl_device_stored *const stored = &device->stored;
	PAWL_ASSERT(offset <= stored->release.length);
	if (offset == stored->offset)
		return;
	device->begins_again = device->begins_again || offset < stored->offset;
	const uint64_t got = offset < stored->offset ? offset : offset - stored->offset;
	stored->spent = got < INT64_MAX - stored->spent ? stored->spent + got : INT64_MAX;
	/* A server that begins again and again makes no progress. */
	if (offset > stored->furthest) {
		stored->furthest = offset;
		stored->tries = 0;
		stored->starts = 0;
		stored->reason = PAWL_REASON_NONE;
	}
	stored->offset = offset;
	device->dirty = true;
}

static struct pawl_device_effect go_on(struct pawl_device *device, int64_t now)
{
	const bool saves = device->dirty && now >= device->save_at_ms;
	/* Who can not go on later would only begin again after each pause. */
	const bool pauses = now >= device->slice_end_ms && !device->begins_again;
	const pawl_device_effect_kind kind = saves    ? PAWL_DO_SAVE
					     : pauses ? PAWL_DO_PAUSE
						      : PAWL_DO_GO_ON;
	device->doing = kind;
	return (struct pawl_device_effect){ .kind = kind, .slot = device->stored.slot };
}

static void on_downloaded(struct pawl_device *device)
{
	advance(device, device->stored.release.length);
	device->stored.phase = PAWL_PHASE_READBACK;
	device->proven = false;
	device->dirty = true;
}

static void on_staged(struct pawl_device *device)
{
	struct pawl_device_stored *const stored = &device->stored;
	stored->phase = PAWL_PHASE_STAGED;
	stored->tries = 0;
	stored->reason = PAWL_REASON_NONE;
	device->offered = false;
	device->admitted = false;
	device->poll_at_ms = 0; /* ask whether it is still wanted */
	pawl_device_report(device, stored->action, PAWL_REPORT_DOWNLOADED, PAWL_REASON_NONE,
	    "The image is in the inactive slot, read back and right.");
}

/* --- health --- */

/* The end of the probation, or the next look before it. */
static int64_t next_look(const struct pawl_device *device, int64_t now)
{
	int64_t period = device->settings.probation_ms / 4;
	if (period < HEALTH_PERIOD_MIN_MS)
		period = HEALTH_PERIOD_MIN_MS;
	const int64_t end = device->started_ms + device->settings.probation_ms;
	return now < end && now + period > end ? end : now + period;
}

static void on_health(struct pawl_device *device, const struct pawl_device_event *event)
{
	const bool passed = event->kind == PAWL_ON_DONE;
	const int64_t now = event->now.ms;
	const int64_t end = device->started_ms + device->settings.probation_ms;
	if (device->stored.phase == PAWL_PHASE_IDLE) {
		/* An image that was good before: never failed for this. */
		device->healthy = passed;
		if (!passed)
			device->work_at_ms = now + pawl_device_backoff(device, 1, event);
		return;
	}
	if (passed && now >= end && device->contact) {
		device->healthy = true;
		return;
	}
	if (!passed && now >= end) {
		pawl_device_revert(device, PAWL_REASON_HEALTH,
		    event->sentence != NULL ? event->sentence : "a health check failed.");
		return;
	}
	if (now >= end + device->settings.contact_ms) {
		pawl_device_revert(device, PAWL_REASON_HEALTH,
		    "the server could not be reached from the new image.");
		return;
	}
	device->work_at_ms = next_look(device, now);
}

static void on_confirmed(struct pawl_device *device)
{
	device->healthy = false;
	device->confirm_due = false;
	if (device->stored.phase == PAWL_PHASE_PROBATION)
		pawl_device_end(device, PAWL_REPORT_SUCCESS, PAWL_REASON_NONE,
		    "The new image is healthy and confirmed.");
	device->attributes_due = true;
	device->attributes_at_ms = 0;
}

/* --- results --- */

static void on_told(struct pawl_device *device)
{
	struct pawl_device_stored *const stored = &device->stored;
	stored->report_count--;
	memmove(&stored->reports[0], &stored->reports[1],
	    stored->report_count * sizeof(stored->reports[0]));
	device->tell_failures = 0;
	device->report_at_ms = 0;
	device->dirty = true;
}

static void on_done(struct pawl_device *device, const struct pawl_device_event *event)
{
	switch (device->doing) {
	case PAWL_DO_SAVE:
		device->dirty = false;
		device->save_failures = 0;
		device->save_at_ms = 0;
		return;
	case PAWL_DO_ATTRIBUTES:
		device->attributes_due = false;
		device->tell_failures = 0;
		return;
	case PAWL_DO_REPORT: on_told(device); return;
	case PAWL_DO_BEGIN_WRITE: device->slot_ready = true; return;
	case PAWL_DO_DOWNLOAD: on_downloaded(device); return;
	case PAWL_DO_READ_BACK: device->proven = true; return;
	case PAWL_DO_STAGE: on_staged(device); return;
	case PAWL_DO_ACTIVATE:
		device->stored.phase = PAWL_PHASE_ACTIVATED;
		device->stored.tries = 0;
		device->stuck_failures = 0;
		pawl_device_report(device, device->stored.action, PAWL_REPORT_PROCEEDING,
		    PAWL_REASON_NONE, "Restarts into the new image.");
		return;
	case PAWL_DO_HEALTH: on_health(device, event); return;
	case PAWL_DO_CONFIRM:
		device->stuck_failures = 0;
		on_confirmed(device);
		return;
	case PAWL_DO_FAIL_SLOT:
		device->stuck_failures = 0;
		device->slot_ready = false;
		device->slot_failed = true;
		return;
	case PAWL_DO_ABANDON:
		device->stored.phase = PAWL_PHASE_IDLE;
		device->stored.slot = PAWL_SLOT_NONE;
		device->stored.tries = 0;
		device->dirty = true;
		return;
	case PAWL_DO_WAIT:
	case PAWL_DO_POLL:
	case PAWL_DO_CHECK:
	case PAWL_DO_GO_ON:
	case PAWL_DO_PAUSE:
	case PAWL_DO_REBOOT: pawl_panic("DONE answers this effect", __FILE__, __LINE__);
	}
}

static void on_save_failed(struct pawl_device *device, const struct pawl_device_event *event)
{
	device->save_failures++;
	device->save_at_ms =
	    event->now.ms + pawl_device_backoff(device, device->save_failures, event);
	struct pawl_device_stored *const stored = &device->stored;
	if (stored->action[0] == '\0' || stored->reason == event->reason ||
	    stored->phase == PAWL_PHASE_REVERTING)
		return;
	stored->reason = event->reason;
	pawl_device_report(
	    device, stored->action, PAWL_REPORT_PROCEEDING, event->reason, event->sentence);
}

static void on_tell_failed(struct pawl_device *device, const struct pawl_device_event *event)
{
	device->tell_failures++;
	const int64_t later =
	    event->now.ms + pawl_device_backoff(device, device->tell_failures, event);
	if (device->doing == PAWL_DO_REPORT)
		device->report_at_ms = later;
	else
		device->attributes_at_ms = later;
}

static void on_abandon_failed(struct pawl_device *device, const struct pawl_device_event *event)
{
	device->stored.tries++;
	device->dirty = true;
	device->work_at_ms =
	    event->now.ms + pawl_device_backoff(device, device->stored.tries, event);
	if (device->stored.tries < ABANDON_TRIES)
		return;
	device->stored.phase = PAWL_PHASE_IDLE;
	device->stored.slot = PAWL_SLOT_NONE;
	device->stored.tries = 0;
}

static const char *sentence_of(const struct pawl_device_event *event)
{
	return event->sentence != NULL ? event->sentence : pawl_reason_text(event->reason);
}

/* From the first byte again, unless that was done often enough. Counted apart
 * from `tries`, which a download that moves sets back. */
static void fetch_again(
    struct pawl_device *device, const struct pawl_device_event *event, bool is_last)
{
	struct pawl_device_stored *const stored = &device->stored;
	stored->phase = PAWL_PHASE_DOWNLOADING;
	stored->offset = 0;
	stored->furthest = 0;
	device->proven = false;
	device->dirty = true;
	if (is_last)
		pawl_device_give_up(device, PAWL_REPORT_FAILURE, event->reason, sentence_of(event));
	else
		pawl_device_retry(device, event);
}

/* Bytes cost money where the link is metered: an end to it, however it goes. */
static bool is_too_dear(struct pawl_device *device)
{
	const struct pawl_device_stored *const stored = &device->stored;
	const uint64_t length = stored->release.length;
	const uint64_t most = length < UINT64_MAX / PAWL_DEVICE_DOWNLOAD_TIMES
				  ? length * PAWL_DEVICE_DOWNLOAD_TIMES
				  : UINT64_MAX;
	if (stored->spent < most)
		return false;
	struct pawl_note note = { "" };
	pawl_note_add(&note, "Given up: ");
	pawl_note_add_int(&note, (long long)stored->spent);
	pawl_note_add(&note, " bytes came for an artifact of ");
	pawl_note_add_int(&note, (long long)length);
	pawl_note_add(&note, ", and it is not complete.");
	pawl_device_give_up(device, PAWL_REPORT_FAILURE, PAWL_REASON_NETWORK, note.text);
	return true;
}

static void on_download_failed(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (event->reason != PAWL_REASON_HASH_MISMATCH) {
		advance(device, event->offset);
		if (!is_too_dear(device))
			pawl_device_retry(device, event);
		return;
	}
	advance(device, stored->release.length);
	stored->mismatches++;
	fetch_again(device, event, stored->mismatches >= PAWL_DEVICE_MISMATCHES);
}

static void on_read_back_failed(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	stored->rewrites++;
	device->slot_ready = false;
	fetch_again(device, event, stored->rewrites >= PAWL_DEVICE_WRITES);
}

/* What must be done and can not be: tried for ever, and said once. Only a
 * reboot into an image that nothing depends on yet is given up. */
static void on_stuck(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	device->stuck_failures++;
	device->work_at_ms =
	    event->now.ms + pawl_device_backoff(device, device->stuck_failures, event);
	if (stored->phase == PAWL_PHASE_ACTIVATED &&
	    device->stuck_failures >= PAWL_DEVICE_CONTENT_TRIES)
		pawl_device_give_up(device, PAWL_REPORT_FAILURE, event->reason, sentence_of(event));
	else if (device->stuck_failures == 1)
		pawl_device_report(device, stored->action, PAWL_REPORT_PROCEEDING, event->reason,
		    sentence_of(event));
}

static void on_failed(struct pawl_device *device, const struct pawl_device_event *event)
{
	switch (device->doing) {
	case PAWL_DO_SAVE: on_save_failed(device, event); return;
	case PAWL_DO_ATTRIBUTES:
	case PAWL_DO_REPORT: on_tell_failed(device, event); return;
	case PAWL_DO_POLL:
		device->poll_failures++;
		device->offered = false;
		device->poll_at_ms =
		    event->now.ms + pawl_device_backoff(device, device->poll_failures, event);
		return;
	case PAWL_DO_DOWNLOAD: on_download_failed(device, event); return;
	case PAWL_DO_READ_BACK: on_read_back_failed(device, event); return;
	case PAWL_DO_STAGE:
		device->proven = false;
		pawl_device_retry(device, event);
		return;
	case PAWL_DO_CHECK:
	case PAWL_DO_BEGIN_WRITE:
	case PAWL_DO_ACTIVATE: pawl_device_retry(device, event); return;
	case PAWL_DO_HEALTH: on_health(device, event); return;
	case PAWL_DO_ABANDON: on_abandon_failed(device, event); return;
	case PAWL_DO_REBOOT:
	case PAWL_DO_CONFIRM:
	case PAWL_DO_FAIL_SLOT: on_stuck(device, event); return;
	case PAWL_DO_WAIT:
	case PAWL_DO_GO_ON:
	case PAWL_DO_PAUSE: pawl_panic("FAILED answers this effect", __FILE__, __LINE__);
	}
}

static void on_gone(struct pawl_device *device)
{
	if (device->doing == PAWL_DO_REPORT) {
		on_told(device);
		return;
	}
	PAWL_ASSERT(device->doing == PAWL_DO_ATTRIBUTES);
	device->attributes_due = false;
}

static void on_event(struct pawl_device *device, const struct pawl_device_event *event)
{
	switch (event->kind) {
	case PAWL_ON_BOOT: pawl_device_on_boot(device, event); return;
	case PAWL_ON_TICK: PAWL_ASSERT(device->doing == PAWL_DO_WAIT); return;
	case PAWL_ON_DONE: on_done(device, event); return;
	case PAWL_ON_FAILED: on_failed(device, event); return;
	case PAWL_ON_GONE: on_gone(device); return;
	case PAWL_ON_POLL:
		PAWL_ASSERT(device->doing == PAWL_DO_POLL);
		pawl_device_on_poll(device, event);
		return;
	case PAWL_ON_ADMIT: on_admit(device, event); return;
	case PAWL_ON_SAME:
		PAWL_ASSERT(device->doing == PAWL_DO_CHECK);
		learn(device, event);
		pawl_device_give_up(
		    device, PAWL_REPORT_SUCCESS, PAWL_REASON_NONE, "This release runs already.");
		return;
	case PAWL_ON_REFUSE:
		PAWL_ASSERT(device->doing == PAWL_DO_CHECK);
		learn(device, event);
		pawl_device_retry(device, event);
		return;
	case PAWL_ON_PAUSED:
		PAWL_ASSERT(device->doing == PAWL_DO_DOWNLOAD);
		advance(device, event->offset);
		device->poll_at_ms = 0;
		device->offered = false;
		(void)is_too_dear(device);
		return;
	case PAWL_ON_CHUNK: pawl_panic("handled before", __FILE__, __LINE__);
	}
}

struct pawl_device_effect pawl_device_step(
    struct pawl_device *device, const struct pawl_device_event *event)
{
	const int64_t now = event->now.ms;
	PAWL_ASSERT(device->booted || event->kind == PAWL_ON_BOOT);
	if (device->downloading) {
		/* Inside DOWNLOAD: chunks, and saves between them. */
		const bool is_chunk = event->kind == PAWL_ON_CHUNK;
		if (is_chunk)
			advance(device, event->offset);
		if (!is_chunk && device->doing == PAWL_DO_SAVE)
			on_event(device, event);
		if (is_chunk || device->doing == PAWL_DO_SAVE)
			return go_on(device, now);
		device->downloading = false;
		device->doing = PAWL_DO_DOWNLOAD;
	}
	on_event(device, event);

	const struct pawl_device_effect effect = pawl_device_plan(device, now);
	device->doing = effect.kind;
	if (effect.kind == PAWL_DO_DOWNLOAD) {
		const int64_t slice = device->poll_interval_ms > SLICE_MIN_MS
					  ? device->poll_interval_ms
					  : SLICE_MIN_MS;
		device->downloading = true;
		device->begins_again = false;
		device->slice_end_ms = now + slice;
	}
	return effect;
}
