/* SPDX-License-Identifier: MIT
 *
 * route_rollouts.c - /rest/v1/rollouts. */
#include "app.h"

#include <stdio.h>
#include <string.h>

/* --- as JSON --- */

static void put_totals(struct call *call, const struct pawl_fleet_rollout_totals *totals)
{
	struct pawl_json_writer *json = &call->json;

	pawl_json_key(json, "totalTargetsPerStatus");
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "running", totals->running);
	pawl_json_member_int(json, "notstarted", totals->not_started);
	pawl_json_member_int(json, "scheduled", 0);
	pawl_json_member_int(json, "cancelled", totals->cancelled);
	pawl_json_member_int(json, "finished", totals->finished);
	pawl_json_member_int(json, "error", totals->error);
	pawl_json_end_object(json);
}

static void put_stratum(struct call *call, const struct pawl_fleet_rollout *rollout, uint32_t index)
{
	struct pawl_json_writer *json = &call->json;
	const struct pawl_rollout_stratum *stratum = &rollout->core.strata[index];
	const struct pawl_rollout_count *total = &stratum->total;
	char why[PAWL_ROLLOUT_WHY_SIZE];

	pawl_rollout_stratum_why(&rollout->core, index, why);
	pawl_json_begin_object(json);
	pawl_json_member_text(json, "name", rollout->stratum_names[index]);
	pawl_json_member_text(json, "state", pawl_stratum_state_name(stratum->state));
	pawl_json_member_int(json, "stage", (int64_t)stratum->stage + 1);
	pawl_json_member_int(json, "stages", rollout->core.settings.stage_count);
	pawl_json_member_int(json, "size", total->size);
	pawl_json_member_int(
	    json, "admitted", (int64_t)total->in_flight + total->healthy + total->failed);
	pawl_json_member_int(json, "inFlight", total->in_flight);
	pawl_json_member_int(json, "healthy", total->healthy);
	pawl_json_member_int(json, "failed", total->failed);
	pawl_json_member_text(json, "why", why);
	pawl_json_end_object(json);
}

static void put_pawl(struct call *call, const struct pawl_fleet_rollout *rollout)
{
	struct pawl_json_writer *json = &call->json;
	char why[PAWL_REASON_MAX + 1];

	pawl_fleet_rollout_why(call->app->fleet, rollout->id, why);
	pawl_json_key(json, "pawl");
	pawl_json_begin_object(json);
	pawl_json_member_text(json, "why", why);
	pawl_json_key(json, "budget");
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "base", rollout->core.settings.budget_base);
	pawl_json_member_int(json, "gainPermille", rollout->core.settings.budget_gain_permille);
	pawl_json_end_object(json);
	pawl_json_member_int(json, "silenceSeconds", rollout->silence_s);
	pawl_json_member_int(json, "excluded", rollout->excluded_count);
	pawl_json_member_int(json, "unverified", rollout->unverified_count);
	pawl_json_key(json, "strata");
	pawl_json_begin_array(json);
	for (uint32_t i = 0; i < rollout->core.stratum_count; i++)
		put_stratum(call, rollout, i);
	pawl_json_end_array(json);
	pawl_json_end_object(json);
}

void put_rollout(struct call *call, const struct pawl_fleet_rollout *rollout)
{
	struct pawl_json_writer *json = &call->json;
	const struct pawl_fleet_rollout_totals totals =
	    pawl_fleet_rollout_totals(call->app->fleet, rollout->id);

	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", rollout->id);
	pawl_json_member_text(json, "name", rollout->name);
	pawl_json_member_text(json, "description", rollout->description);
	pawl_json_member_text(json, "status", pawl_rollout_state_name(rollout->core.state));
	pawl_json_member_text(json, "targetFilterQuery", rollout->filter);
	pawl_json_member_int(json, "distributionSetId", rollout->distribution_set_id);
	pawl_json_member_text(json, "type", pawl_force_type_name(rollout->force));
	pawl_json_member_int(json, "totalTargets", rollout->member_count);
	put_totals(call, &totals);
	pawl_json_member_int(json, "totalGroups", rollout->core.settings.stage_count);
	pawl_json_member_bool(json, "deleted", false);
	pawl_json_member_int(json, "createdAt", rollout->created_at);
	pawl_json_member_int(json, "lastModifiedAt", rollout->changed_at);
	put_pawl(call, rollout);
	pawl_json_end_object(json);
}

/* --- groups --- */

static const char *group_status(
    const struct pawl_fleet_rollout *rollout, uint32_t stage, const struct pawl_rollout_count *sum)
{
	bool opened = false;
	bool halted = false;

	for (uint32_t i = 0; i < rollout->core.stratum_count; i++) {
		const struct pawl_rollout_stratum *stratum = &rollout->core.strata[i];

		opened = opened || stratum->stage >= stage;
		halted = halted ||
			 (stratum->state == PAWL_STRATUM_HALTED && stratum->halt_stage == stage);
	}
	if (rollout->core.state == PAWL_ROLLOUT_READY)
		return "ready";
	if (halted)
		return "error";
	if (!opened)
		return "scheduled";
	return sum->healthy + sum->failed >= sum->size ? "finished" : "running";
}

static void put_group(struct call *call, const struct pawl_fleet_rollout *rollout, uint32_t stage)
{
	struct pawl_json_writer *json = &call->json;
	struct pawl_rollout_count sum = { 0 };
	char name[32];

	for (uint32_t i = 0; i < rollout->core.stratum_count; i++) {
		const struct pawl_rollout_count *count = &rollout->core.strata[i].count[stage];

		sum.size += count->size;
		sum.in_flight += count->in_flight;
		sum.healthy += count->healthy;
		sum.failed += count->failed;
	}

	const struct pawl_fleet_rollout_totals totals = {
		.not_started = sum.size - sum.in_flight - sum.healthy - sum.failed,
		.running = sum.in_flight,
		.finished = sum.healthy,
		.error = sum.failed,
	};

	print_text(name, sizeof(name), "stage %u", stage + 1);
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", (int64_t)stage + 1);
	pawl_json_member_text(json, "name", name);
	pawl_json_member_text(json, "status", group_status(rollout, stage, &sum));
	pawl_json_member_int(json, "totalTargets", sum.size);
	put_totals(call, &totals);
	pawl_json_end_object(json);
}

static void list_groups(struct call *call, const struct pawl_fleet_rollout *rollout)
{
	const uint32_t count = rollout->core.settings.stage_count;

	begin_list(call);
	for (uint32_t stage = 0; stage < count; stage++)
		put_group(call, rollout, stage);
	end_list(call, count, count);
}

static void list_group_targets(
    struct call *call, const struct pawl_fleet_rollout *rollout, uint32_t stage)
{
	struct pawl_fleet_member members[256];
	struct pawl_store_page page;
	uint64_t total = 0;
	uint64_t size = 0;
	uint32_t position = 0;
	uint32_t got = 0;

	if (!read_page(call, &page))
		return;
	begin_list(call);
	while (
	    (got = pawl_fleet_members(call->app->fleet, rollout->id, position, 256, members)) > 0) {
		for (uint32_t i = 0; i < got; i++) {
			if (members[i].stage != stage)
				continue;
			if (total >= page.offset && size < page.limit) {
				put_device(call,
				    pawl_fleet_device(call->app->fleet, members[i].device_id));
				size++;
			}
			total++;
		}
		position += got;
	}
	end_list(call, total, size);
}

static bool groups(struct call *call, const struct pawl_fleet_rollout *rollout)
{
	const size_t count = call->target.segment_count;
	uint64_t group = 0;

	if (call->request->method != PAWL_HTTP1_GET || count > 7)
		return false;
	if (count == 5) {
		list_groups(call, rollout);
		return true;
	}
	if (pawl_parse_u64(call->target.segments[5], rollout->core.settings.stage_count, &group) !=
		PAWL_ERR_OK ||
	    group == 0) {
		reply_error(call, 404, "The rollout has no such group.");
		return true;
	}
	if (count == 6) {
		put_group(call, rollout, (uint32_t)group - 1);
		reply_json(call, 200);
		return true;
	}
	if (!pawl_target_segment_is(&call->target, 6, "targets"))
		return false;
	list_group_targets(call, rollout, (uint32_t)group - 1);
	return true;
}

/* --- what operators decide --- */

struct verb {
	const char *name;
	const char *audit;
	pawl_fleet_result (*run)(struct pawl_fleet *fleet, uint32_t rollout_id,
	    struct pawl_wall now, struct pawl_note *note);
};

static const struct verb verbs[] = {
	{ "start", "rollout.start", pawl_fleet_rollout_start },
	{ "pause", "rollout.pause", pawl_fleet_rollout_pause },
	{ "resume", "rollout.resume", pawl_fleet_rollout_resume },
	{ "stop", "rollout.stop", pawl_fleet_rollout_stop },
};

static void run_verb(struct call *call, const struct verb *verb, uint32_t rollout_id)
{
	struct pawl_note note = { "" };
	char object[32];
	const pawl_fleet_result result = verb->run(call->app->fleet, rollout_id, call->now, &note);

	if (result == PAWL_FLEET_OK) {
		print_text(object, sizeof(object), "rollout:%u", rollout_id);
		db_audit(call, verb->audit, object, "");
	}
	reply_result(call, result, "rollout", &note);
}

static bool decide(struct call *call, uint32_t rollout_id)
{
	if (call->request->method != PAWL_HTTP1_POST || call->target.segment_count != 5)
		return false;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!pawl_target_segment_is(&call->target, 4, verbs[i].name))
			continue;
		run_verb(call, &verbs[i], rollout_id);
		return true;
	}
	return false;
}

/* --- dispatch --- */

static void list_rollouts(struct call *call)
{
	const uint32_t count = pawl_fleet_rollout_count(call->app->fleet);
	struct pawl_store_page page;
	uint64_t size = 0;

	if (!read_page(call, &page))
		return;
	begin_list(call);
	for (uint64_t i = page.offset; i < count && size < page.limit; i++, size++)
		put_rollout(call, pawl_fleet_rollout_at(call->app->fleet, (uint32_t)i));
	end_list(call, count, size);
}

static bool one_rollout(struct call *call, const struct pawl_fleet_rollout *rollout)
{
	if (call->target.segment_count == 4 && call->request->method == PAWL_HTTP1_GET) {
		put_rollout(call, rollout);
		reply_json(call, 200);
		return true;
	}
	if (pawl_target_segment_is(&call->target, 4, "deploygroups"))
		return groups(call, rollout);
	return decide(call, rollout->id);
}

void route_rollouts(struct call *call)
{
	const size_t count = call->target.segment_count;
	const pawl_http1_method method = call->request->method;
	const struct pawl_fleet_rollout *rollout = NULL;
	uint64_t id = 0;

	if (count == 3 && method == PAWL_HTTP1_GET) {
		list_rollouts(call);
		return;
	}
	if (count == 3 && method == PAWL_HTTP1_POST) {
		rollout_create(call);
		return;
	}
	if (count > 3 && pawl_parse_u64(call->target.segments[3], UINT32_MAX, &id) == PAWL_ERR_OK)
		rollout = pawl_fleet_rollout(call->app->fleet, (uint32_t)id);
	if (rollout == NULL)
		reply_error(call, 404, "There is no such rollout.");
	else if (!one_rollout(call, rollout))
		reply_error(call, 404, "The rollout has no such resource or method.");
}
