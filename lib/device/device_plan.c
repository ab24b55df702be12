/* SPDX-License-Identifier: MIT
 *
 * What to do next. The order of pawl_device_plan is the order of importance,
 * and it is what makes SAVE come before everything that depends on it.
 */
#include "device_internal.h"

#define NEVER INT64_MAX

/* One thing that could be done, not before `at_ms`. */
struct chance {
	pawl_device_effect_kind kind;
	int64_t at_ms;
};

#define NOTHING ((struct chance){ PAWL_DO_WAIT, NEVER })

static struct chance at(pawl_device_effect_kind kind, int64_t at_ms)
{
	return (struct chance){ kind, at_ms };
}

static struct chance work_of_download(const struct pawl_device *device)
{
	if (!device->offered || device->held)
		return NOTHING;
	if (!device->admitted)
		return at(PAWL_DO_CHECK, device->work_at_ms);
	if (!device->slot_ready)
		return at(PAWL_DO_BEGIN_WRITE, device->work_at_ms);
	return at(PAWL_DO_DOWNLOAD, device->work_at_ms);
}

static struct chance work_of_staged(const struct pawl_device *device)
{
	if (!device->offered || device->held)
		return NOTHING;
	return at(device->admitted ? PAWL_DO_ACTIVATE : PAWL_DO_CHECK, device->work_at_ms);
}

/* The next step of the attempt. */
static struct chance work_of(const struct pawl_device *device)
{
	switch (device->stored.phase) {
	case PAWL_PHASE_IDLE:
		if (!device->confirm_due)
			return NOTHING;
		return at(device->healthy ? PAWL_DO_CONFIRM : PAWL_DO_HEALTH, device->work_at_ms);
	case PAWL_PHASE_CHECKING:
	case PAWL_PHASE_DOWNLOADING: return work_of_download(device);
	case PAWL_PHASE_READBACK:
		return at(device->proven ? PAWL_DO_STAGE : PAWL_DO_READ_BACK, device->work_at_ms);
	case PAWL_PHASE_STAGED: return work_of_staged(device);
	case PAWL_PHASE_ACTIVATED: return at(PAWL_DO_REBOOT, device->work_at_ms);
	case PAWL_PHASE_PROBATION:
		return at(device->healthy ? PAWL_DO_CONFIRM : PAWL_DO_HEALTH, device->work_at_ms);
	case PAWL_PHASE_REVERTING:
		return at(
		    device->slot_ready ? PAWL_DO_FAIL_SLOT : PAWL_DO_REBOOT, device->work_at_ms);
	case PAWL_PHASE_ABANDONING: return at(PAWL_DO_ABANDON, device->work_at_ms);
	}
	return NOTHING;
}

/* Nothing that changes the device while its memory is not safe, but for the
 * confirmation and the way back: after a restart the slot table alone tells how
 * that went. A restart is part of the way back only after this very run marked
 * the slot, so that it can not go round. */
static struct chance allowed(const struct pawl_device *device, struct chance work)
{
	const bool is_free = work.kind == PAWL_DO_HEALTH || work.kind == PAWL_DO_CONFIRM ||
			     work.kind == PAWL_DO_FAIL_SLOT ||
			     (work.kind == PAWL_DO_REBOOT && device->slot_failed);
	return device->dirty && !is_free ? NOTHING : work;
}

struct pawl_device_effect pawl_device_plan(struct pawl_device *device, int64_t now)
{
	const struct chance chances[] = {
		device->dirty ? at(PAWL_DO_SAVE, device->save_at_ms) : NOTHING,
		device->attributes_due ? at(PAWL_DO_ATTRIBUTES, device->attributes_at_ms) : NOTHING,
		device->stored.report_count > 0 ? at(PAWL_DO_REPORT, device->report_at_ms)
						: NOTHING,
		allowed(device, work_of(device)),
		at(PAWL_DO_POLL, device->poll_at_ms),
	};
	int64_t until = NEVER;
	for (size_t i = 0; i < sizeof(chances) / sizeof(chances[0]); i++) {
		if (chances[i].kind == PAWL_DO_WAIT)
			continue;
		if (chances[i].at_ms <= now)
			return (struct pawl_device_effect){ .kind = chances[i].kind,
				.slot = device->stored.slot };
		if (chances[i].at_ms < until)
			until = chances[i].at_ms;
	}
	return (struct pawl_device_effect){
		.kind = PAWL_DO_WAIT, .until = { until }, .slot = PAWL_SLOT_NONE
	};
}
