/* SPDX-License-Identifier: MIT
 *
 * Where an attempt goes on after a start of the agent. The boot record tells
 * what happened; the stored phase tells what was meant to happen. They may
 * differ by one step, since the power may go between the two stores.
 */
#include "device_internal.h"

#include <string.h>

struct boot {
	const struct pawl_device_boot *facts;
	bool in_target;         /* the running slot is the one being updated             */
	pawl_slot_state target; /* state of the slot being updated               */
};

static void begin_probation(struct pawl_device *device, const char *sentence)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (stored->phase != PAWL_PHASE_PROBATION)
		pawl_device_report(
		    device, stored->action, PAWL_REPORT_PROCEEDING, PAWL_REASON_NONE, sentence);
	stored->phase = PAWL_PHASE_PROBATION;
	stored->tries = 0;
	stored->reason = PAWL_REASON_NONE;
	device->dirty = true;
}

/* The running slot is on trial and no attempt knows of it: the state was lost.
 * It is watched and confirmed all the same, only nobody is told. */
static void adopt_trial(struct pawl_device *device)
{
	device->stored.phase = PAWL_PHASE_PROBATION;
	device->stored.slot = device->running;
	device->dirty = true;
}

static void end_after_fallback(struct pawl_device *device, const struct boot *boot)
{
	struct pawl_device_stored *const stored = &device->stored;
	struct pawl_note note = { "" };
	const pawl_boot_reason failure = boot->facts->failure[stored->slot];
	pawl_note_add(&note, "Runs the old image again: ");
	if (stored->phase == PAWL_PHASE_REVERTING) {
		pawl_note_add(&note, stored->sentence);
		pawl_device_end(device, PAWL_REPORT_FAILURE, stored->reason, note.text);
		return;
	}
	pawl_note_add(&note, "the new one did not prove itself; its last run ended by ");
	pawl_note_add(&note, pawl_boot_reason_name(failure));
	pawl_note_add(&note, ".");
	pawl_device_end(device, PAWL_REPORT_FAILURE, PAWL_REASON_BOOT_FAILED, note.text);
}

/* The attempt was before its activation. */
static void resume_before_activation(struct pawl_device *device, const struct boot *boot)
{
	struct pawl_device_stored *const stored = &device->stored;
	const bool is_known = stored->slot != PAWL_SLOT_NONE;
	if (is_known && boot->in_target) {
		pawl_device_end(device, PAWL_REPORT_FAILURE, PAWL_REASON_IO,
		    "The slots changed under the update; it was given up.");
		return;
	}
	if (stored->phase != PAWL_PHASE_STAGED) {
		device->dirty = true;
		if (++stored->starts > PAWL_DEVICE_STARTS) {
			pawl_device_give_up(device, PAWL_REPORT_FAILURE, PAWL_REASON_IO,
			    "Given up: the agent was started again and again and got no further.");
			return;
		}
	}
	if (!is_known)
		return;
	if (boot->target == PAWL_SLOT_STAGED) {
		/* STAGE was stored; it is only done after a matching read-back. */
		if (stored->phase == PAWL_PHASE_READBACK) {
			stored->phase = PAWL_PHASE_STAGED;
			device->dirty = true;
		}
		if (stored->phase == PAWL_PHASE_STAGED)
			return;
	}
	device->slot_ready = boot->target == PAWL_SLOT_WRITING;
	if (device->slot_ready && stored->phase != PAWL_PHASE_STAGED)
		return;
	stored->phase = PAWL_PHASE_CHECKING;
	stored->offset = 0;
	device->slot_ready = false;
	device->dirty = true;
}

static void resume_activated(struct pawl_device *device, const struct boot *boot)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (boot->target != PAWL_SLOT_STAGED) {
		end_after_fallback(device, boot);
		return;
	}
	device->dirty = true;
	stored->tries++;
	if (stored->tries > PAWL_DEVICE_CONTENT_TRIES) {
		pawl_device_give_up(device, PAWL_REPORT_FAILURE, PAWL_REASON_BOOT_FAILED,
		    "The boot loader did not start the new image.");
		return;
	}
	/* Either the reboot did not happen yet, or the activation was lost. */
	if (boot->facts->tries[stored->slot] == 0)
		stored->phase = PAWL_PHASE_STAGED;
}

/* The attempt's own image runs. */
static void resume_in_target(struct pawl_device *device, const struct boot *boot)
{
	struct pawl_device_stored *const stored = &device->stored;
	if (stored->phase == PAWL_PHASE_REVERTING) {
		device->slot_ready = boot->target == PAWL_SLOT_TRIAL;
		device->dirty = true;
		/* Never a device that restarts for ever. */
		if (boot->target == PAWL_SLOT_GOOD || ++stored->tries > PAWL_DEVICE_CONTENT_TRIES)
			pawl_device_end(device, PAWL_REPORT_FAILURE, stored->reason,
			    "The new image failed, but the boot loader keeps starting it.");
		return;
	}
	if (boot->target == PAWL_SLOT_TRIAL)
		begin_probation(device, "Started the new image; it is on probation.");
	else if (boot->target == PAWL_SLOT_GOOD)
		pawl_device_end(
		    device, PAWL_REPORT_SUCCESS, PAWL_REASON_NONE, "The new image is confirmed.");
	else
		pawl_device_revert(
		    device, PAWL_REASON_BOOT_FAILED, "the running image is marked as failed.");
}

static void resume(struct pawl_device *device, const struct boot *boot)
{
	switch (device->stored.phase) {
	case PAWL_PHASE_IDLE: return;
	case PAWL_PHASE_CHECKING:
	case PAWL_PHASE_DOWNLOADING:
	case PAWL_PHASE_READBACK: resume_before_activation(device, boot); return;
	case PAWL_PHASE_STAGED:
		/* ACTIVATE may have been stored when the power went. */
		if (boot->in_target)
			resume_in_target(device, boot);
		else
			resume_before_activation(device, boot);
		return;
	case PAWL_PHASE_ACTIVATED:
		if (boot->in_target)
			resume_in_target(device, boot);
		else
			resume_activated(device, boot);
		return;
	case PAWL_PHASE_PROBATION:
	case PAWL_PHASE_REVERTING:
		if (boot->in_target)
			resume_in_target(device, boot);
		else
			end_after_fallback(device, boot);
		return;
	case PAWL_PHASE_ABANDONING:
		/* Whatever runs now is not to be freed. */
		if (boot->in_target)
			pawl_device_end(device, PAWL_REPORT_FAILURE, PAWL_REASON_NONE, "");
		return;
	}
}

void pawl_device_on_boot(struct pawl_device *device, const struct pawl_device_event *event)
{
	struct pawl_device_stored *const stored = &device->stored;
	const struct pawl_device_boot *const facts = &event->boot;
	PAWL_ASSERT(!device->booted && facts->running < PAWL_SLOT_COUNT);
	const struct boot boot = {
		.facts = facts,
		.in_target = stored->slot == facts->running,
		.target =
		    stored->slot < PAWL_SLOT_COUNT ? facts->state[stored->slot] : PAWL_SLOT_EMPTY,
	};
	device->booted = true;
	device->running = facts->running;
	device->attributes_due = true;
	device->started_ms = event->now.ms;
	device->poll_interval_ms = device->settings.poll_min_ms;
	resume(device, &boot);

	const pawl_slot_state state = facts->state[facts->running];
	const bool is_watched =
	    (stored->phase == PAWL_PHASE_PROBATION || stored->phase == PAWL_PHASE_REVERTING) &&
	    stored->slot == facts->running;
	if (state == PAWL_SLOT_TRIAL && !is_watched) {
		if (stored->phase != PAWL_PHASE_IDLE)
			pawl_device_end(device, PAWL_REPORT_FAILURE, PAWL_REASON_IO,
			    "The slots changed under the update; it was given up.");
		adopt_trial(device);
	}
	device->confirm_due = state == PAWL_SLOT_GOOD;
	/* A site that gets its power back does not call in one instant; who has
	 * something to do or to prove does not wait. */
	if (stored->phase == PAWL_PHASE_IDLE && stored->report_count == 0)
		device->poll_at_ms =
		    event->now.ms +
		    (int64_t)(event->random % (uint64_t)(device->settings.poll_min_ms + 1));
}
