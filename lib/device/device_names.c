/* SPDX-License-Identifier: MIT */
#include "device_internal.h"

static const struct {
	const char *id;
	pawl_reason_policy policy;
	const char *text;
} REASONS[PAWL_REASON_COUNT] = {
#define X(name, id_, policy_, text_) { id_, PAWL_POLICY_##policy_, text_ },
	PAWL_REASON_LIST(X)
#undef X
};

static const char *const PHASES[PAWL_PHASE_COUNT] = {
#define X(name, id) id,
	PAWL_PHASE_LIST(X)
#undef X
};

static const char *const EFFECTS[PAWL_DO_COUNT] = {
	[PAWL_DO_WAIT] = "wait",
	[PAWL_DO_SAVE] = "save",
	[PAWL_DO_POLL] = "poll",
	[PAWL_DO_ATTRIBUTES] = "attributes",
	[PAWL_DO_REPORT] = "report",
	[PAWL_DO_CHECK] = "check",
	[PAWL_DO_BEGIN_WRITE] = "begin-write",
	[PAWL_DO_DOWNLOAD] = "download",
	[PAWL_DO_GO_ON] = "go-on",
	[PAWL_DO_PAUSE] = "pause",
	[PAWL_DO_READ_BACK] = "read-back",
	[PAWL_DO_STAGE] = "stage",
	[PAWL_DO_ACTIVATE] = "activate",
	[PAWL_DO_REBOOT] = "reboot",
	[PAWL_DO_HEALTH] = "health",
	[PAWL_DO_CONFIRM] = "confirm",
	[PAWL_DO_FAIL_SLOT] = "fail-slot",
	[PAWL_DO_ABANDON] = "abandon",
};

const char *pawl_reason_id(pawl_reason reason)
{
	PAWL_ASSERT((unsigned)reason < PAWL_REASON_COUNT);
	return REASONS[reason].id;
}

const char *pawl_reason_text(pawl_reason reason)
{
	PAWL_ASSERT((unsigned)reason < PAWL_REASON_COUNT);
	return REASONS[reason].text;
}

pawl_reason_policy pawl_reason_policy_of(pawl_reason reason)
{
	PAWL_ASSERT((unsigned)reason < PAWL_REASON_COUNT);
	return REASONS[reason].policy;
}

const char *pawl_phase_name(pawl_phase phase)
{
	PAWL_ASSERT((unsigned)phase < PAWL_PHASE_COUNT);
	return PHASES[phase];
}

const char *pawl_device_effect_name(pawl_device_effect_kind kind)
{
	PAWL_ASSERT((unsigned)kind < PAWL_DO_COUNT);
	return EFFECTS[kind];
}
