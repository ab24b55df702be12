/* SPDX-License-Identifier: MIT
 *
 * rollout_settings.c - checking settings, cutting devices into stages, and
 * setting a rollout up. */
#include "rollout_internal.h"

#include <string.h>

static pawl_err out_of_range(struct pawl_note *note, const char *what)
{
	pawl_note_add(note, what);
	return PAWL_ERR_RANGE;
}

static pawl_err check_stage(
    const struct pawl_rollout_stage *stage, uint32_t index, struct pawl_note *note)
{
	const char *wrong = NULL;

	if (stage->share_ppm == 0 || stage->share_ppm > PAWL_ROLLOUT_SHARE_ALL)
		wrong = "targetPercentage must be above 0 and at most 100";
	else if (stage->success_threshold > 100)
		wrong = "successCondition must be at most 100";
	else if (stage->error_threshold > 100)
		wrong = "errorCondition must be at most 100";
	if (wrong == NULL)
		return PAWL_ERR_OK;
	pawl_note_add(note, "groups[");
	pawl_note_add_int(note, index);
	pawl_note_add(note, "]: ");
	return out_of_range(note, wrong);
}

pawl_err pawl_rollout_check(
    const struct pawl_rollout_settings *settings, struct pawl_note *reterr_note)
{
	if (settings->stage_count == 0 || settings->stage_count > PAWL_ROLLOUT_STAGES_MAX)
		return out_of_range(reterr_note, "groups: 1 to 32 are possible");
	for (uint32_t i = 0; i < settings->stage_count; i++)
		PAWL_TRY(check_stage(&settings->stages[i], i, reterr_note));
	if (settings->stages[settings->stage_count - 1].share_ppm != PAWL_ROLLOUT_SHARE_ALL)
		return out_of_range(
		    reterr_note, "groups: targetPercentage of the last one must be 100");
	if (settings->budget_base == 0 || settings->budget_base > PAWL_ROLLOUT_SIZE_MAX)
		return out_of_range(reterr_note, "pawl.budget.base must be 1 to 100000000");
	if (settings->budget_gain_permille > 1000000)
		return out_of_range(
		    reterr_note, "pawl.budget.gainPermille must be at most 1000000");
	return PAWL_ERR_OK;
}

void pawl_rollout_equal_stages(
    uint32_t count, struct pawl_rollout_stage like, struct pawl_rollout_stage *ret_stages)
{
	for (uint32_t i = 0; i < count; i++) {
		ret_stages[i] = like;
		ret_stages[i].share_ppm = (uint32_t)PAWL_ROLLOUT_SHARE_ALL / (count - i);
	}
}

void pawl_rollout_sizes(const struct pawl_rollout_settings *settings, uint32_t device_count,
    uint32_t ret_sizes[PAWL_ROLLOUT_STAGES_MAX])
{
	uint64_t left = device_count;

	memset(ret_sizes, 0, PAWL_ROLLOUT_STAGES_MAX * sizeof(*ret_sizes));
	for (uint32_t i = 0; i < settings->stage_count; i++) {
		const uint64_t share = settings->stages[i].share_ppm;
		const uint64_t size =
		    (left * share + PAWL_ROLLOUT_SHARE_ALL - 1) / PAWL_ROLLOUT_SHARE_ALL;
		ret_sizes[i] = (uint32_t)size;
		left -= size;
	}
}

void pawl_rollout_recount(struct pawl_rollout *rollout)
{
	for (uint32_t i = 0; i < rollout->stratum_count; i++) {
		struct pawl_rollout_stratum *stratum = &rollout->strata[i];
		struct pawl_rollout_count total = { 0 };

		for (uint32_t stage = 0; stage < rollout->settings.stage_count; stage++) {
			const struct pawl_rollout_count *count = &stratum->count[stage];
			PAWL_ASSERT((uint64_t)count->in_flight + count->healthy + count->failed <=
				    count->size);
			PAWL_ASSERT(count->accepted <= count->failed);
			total.size += count->size;
			total.in_flight += count->in_flight;
			total.healthy += count->healthy;
			total.failed += count->failed;
			total.accepted += count->accepted;
		}
		stratum->total = total;
	}
}

pawl_err pawl_rollout_init(struct pawl_rollout *rollout,
    const struct pawl_rollout_settings *settings, struct pawl_rollout_stratum *strata,
    uint32_t stratum_count, struct pawl_note *reterr_note)
{
	PAWL_TRY(pawl_rollout_check(settings, reterr_note));
	if (stratum_count == 0 || stratum_count > PAWL_ROLLOUT_STRATA_MAX)
		return out_of_range(reterr_note, "1 to 64 strata are possible");
	for (uint32_t i = 0; i < stratum_count; i++) {
		uint64_t size = 0;
		for (uint32_t stage = 0; stage < settings->stage_count; stage++)
			size += strata[i].count[stage].size;
		if (size > PAWL_ROLLOUT_SIZE_MAX)
			return out_of_range(reterr_note, "a stratum has too many devices");
	}
	*rollout = (struct pawl_rollout){ .settings = *settings,
		.state = PAWL_ROLLOUT_READY,
		.strata = strata,
		.stratum_count = stratum_count };
	for (uint32_t i = 0; i < stratum_count; i++) {
		strata[i].state = PAWL_STRATUM_RUNNING;
		strata[i].stage = 0;
	}
	pawl_rollout_recount(rollout);
	return PAWL_ERR_OK;
}
