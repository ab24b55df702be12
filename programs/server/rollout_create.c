/* SPDX-License-Identifier: MIT
 *
 * rollout_create.c - reads the body of POST /rest/v1/rollouts (docs/spec/rollout.md). */
#include "app.h"

#include "pawl/keys.h"

#include <stdio.h>
#include <string.h>

/* What a rollout has unless its body says otherwise: nothing may fail, every
 * device of a stage must be proven before the next one opens. */
enum {
	SUCCESS_PRESET = 100,
	ERROR_PRESET = 0,
	BASE_PRESET = 2,
	GAIN_PRESET = 1000,
	SEED_RANDOM = 16
};

struct rollout_body {
	char name[PAWL_FLEET_NAME_MAX + 1];
	char description[PAWL_FLEET_DESCRIPTION_MAX + 1];
	char filter[PAWL_FLEET_FILTER_MAX + 1];
	uint8_t seed[PAWL_FLEET_SEED_MAX];
	struct pawl_fleet_rollout_options options;
};

/* {"condition":"THRESHOLD","expression":"10"} */
static bool read_condition(struct call *call, const struct pawl_json *json, uint32_t object,
    const char *name, uint32_t preset, uint32_t *ret_percent)
{
	const uint32_t condition = pawl_json_get(json, object, name);
	char kind[32];
	char text[16];
	uint64_t percent = preset;

	*ret_percent = preset;
	if (condition == PAWL_JSON_NONE || pawl_json_is(json, condition, PAWL_JSON_NULL))
		return true;
	if (!json_field(call, json, condition, "condition", sizeof(kind), kind) ||
	    !json_field(call, json, condition, "expression", sizeof(text), text))
		return false;
	if ((kind[0] != '\0' && strcmp(kind, "THRESHOLD") != 0) ||
	    pawl_parse_u64(pawl_bytes_of(text), 100, &percent) != PAWL_ERR_OK) {
		reply_error(call, 400,
		    "`%s` must be {\"condition\":\"THRESHOLD\",\"expression\":\"0\" to \"100\"}.",
		    name);
		return false;
	}
	*ret_percent = (uint32_t)percent;
	return true;
}

/* A JSON number from 0 to 100 with at most four decimals, as millionths. */
static bool percent_to_ppm(struct pawl_bytes text, uint32_t *ret_ppm)
{
	uint64_t whole = 0;
	uint64_t part = 0;
	size_t dot = 0;

	while (dot < text.size && text.at[dot] != '.')
		dot++;
	if (pawl_parse_u64(PAWL_BYTES(text.at, dot), 100, &whole) != PAWL_ERR_OK)
		return false;
	for (size_t i = dot + 1; i < dot + 5; i++) {
		const bool there = i < text.size;

		if (there && (text.at[i] < '0' || text.at[i] > '9'))
			return false;
		part = part * 10 + (there ? (uint64_t)(text.at[i] - '0') : 0);
	}
	for (size_t i = dot + 5; i < text.size; i++) {
		if (text.at[i] != '0')
			return false;
	}
	*ret_ppm = (uint32_t)(whole * 10000 + part);
	return *ret_ppm <= PAWL_ROLLOUT_SHARE_ALL;
}

static bool read_groups(struct call *call, const struct pawl_json *json, uint32_t groups,
    struct pawl_rollout_stage like, struct pawl_rollout_settings *settings)
{
	if (pawl_json_count(json, groups) < 1 ||
	    pawl_json_count(json, groups) > PAWL_ROLLOUT_STAGES_MAX) {
		reply_error(
		    call, 400, "`groups` must have 1 to %d elements.", PAWL_ROLLOUT_STAGES_MAX);
		return false;
	}
	for (uint32_t item = pawl_json_first(json, groups); item != PAWL_JSON_NONE;
	     item = pawl_json_after(json, groups, item)) {
		struct pawl_rollout_stage *stage = &settings->stages[settings->stage_count++];
		const uint32_t share = pawl_json_get(json, item, "targetPercentage");

		stage->share_ppm = PAWL_ROLLOUT_SHARE_ALL;
		if (!read_condition(call, json, item, "successCondition", like.success_threshold,
			&stage->success_threshold) ||
		    !read_condition(call, json, item, "errorCondition", like.error_threshold,
			&stage->error_threshold))
			return false;
		if (share != PAWL_JSON_NONE &&
		    (!pawl_json_is(json, share, PAWL_JSON_NUMBER) ||
			!percent_to_ppm(pawl_json_raw(json, share), &stage->share_ppm))) {
			reply_error(
			    call, 400, "`targetPercentage` must be a number from 0 to 100.");
			return false;
		}
	}
	return true;
}

static bool read_stages(
    struct call *call, const struct pawl_json *json, struct pawl_rollout_settings *settings)
{
	const uint32_t groups = pawl_json_get(json, 0, "groups");
	struct pawl_rollout_stage like = { .share_ppm = PAWL_ROLLOUT_SHARE_ALL };
	int64_t amount = 0;

	if (!read_condition(
		call, json, 0, "successCondition", SUCCESS_PRESET, &like.success_threshold) ||
	    !read_condition(call, json, 0, "errorCondition", ERROR_PRESET, &like.error_threshold) ||
	    !json_field_int(call, json, 0, "amountGroups", 1, PAWL_ROLLOUT_STAGES_MAX, 1, &amount))
		return false;
	if (pawl_json_is(json, groups, PAWL_JSON_ARRAY))
		return read_groups(call, json, groups, like, settings);
	if (groups != PAWL_JSON_NONE && !pawl_json_is(json, groups, PAWL_JSON_NULL)) {
		reply_error(call, 400, "`groups` must be an array.");
		return false;
	}
	settings->stage_count = (uint32_t)amount;
	pawl_rollout_equal_stages((uint32_t)amount, like, settings->stages);
	return true;
}

static bool read_seed(
    struct call *call, const struct pawl_json *json, uint32_t pawl, struct rollout_body *body)
{
	char hex[2 * PAWL_FLEET_SEED_MAX + 1];
	size_t size = 0;

	if (!json_field(call, json, pawl, "seed", sizeof(hex), hex))
		return false;
	size = strlen(hex) / 2;
	if (hex[0] == '\0') {
		size = SEED_RANDOM;
		pawl_random(body->seed, size);
	} else if (pawl_hex_decode(pawl_bytes_of(hex), size, body->seed) != PAWL_ERR_OK) {
		reply_error(call, 400, "`pawl.seed` must be 2 to 64 hexadecimal digits.");
		return false;
	}
	body->options.seed = PAWL_BYTES(body->seed, size);
	return true;
}

static bool read_pawl(struct call *call, const struct pawl_json *json, struct rollout_body *body)
{
	const uint32_t pawl = pawl_json_get(json, 0, "pawl");
	const uint32_t budget = pawl_json_get(json, pawl, "budget");
	const int64_t silence_preset = call->app->settings.silence_ms / PAWL_MS_PER_S;
	int64_t base = 0, gain = 0, silence = 0;
	char strata[32];

	if (!json_field(call, json, pawl, "strata", sizeof(strata), strata) ||
	    !json_field_int(
		call, json, budget, "base", 1, PAWL_ROLLOUT_SIZE_MAX, BASE_PRESET, &base) ||
	    !json_field_int(call, json, budget, "gainPermille", 0, 1000000, GAIN_PRESET, &gain) ||
	    !json_field_int(
		call, json, pawl, "silenceSeconds", 1, 31536000, silence_preset, &silence) ||
	    !read_seed(call, json, pawl, body))
		return false;
	if (strata[0] != '\0' && strcmp(strata, "hardwareClass") != 0 &&
	    strcmp(strata, "none") != 0) {
		reply_error(call, 400, "`pawl.strata` must be hardwareClass or none.");
		return false;
	}
	body->options.strata_kind =
	    strcmp(strata, "none") == 0 ? PAWL_STRATA_NONE : PAWL_STRATA_HARDWARE_CLASS;
	body->options.settings.budget_base = (uint32_t)base;
	body->options.settings.budget_gain_permille = (uint32_t)gain;
	body->options.silence_s = (uint32_t)silence;
	return true;
}

static bool read_body(struct call *call, const struct pawl_json *json, struct rollout_body *body)
{
	char type[16];
	int64_t set_id = 0;

	if (!json_field(call, json, 0, "name", sizeof(body->name), body->name) ||
	    !json_field(
		call, json, 0, "description", sizeof(body->description), body->description) ||
	    !json_field(call, json, 0, "targetFilterQuery", sizeof(body->filter), body->filter) ||
	    !json_field(call, json, 0, "type", sizeof(type), type) ||
	    !json_field_int(call, json, 0, "distributionSetId", 1, UINT32_MAX, 0, &set_id) ||
	    !json_field_int(call, json, 0, "forcetime", 0, INT64_MAX, 0, &body->options.force_at) ||
	    !read_stages(call, json, &body->options.settings) || !read_pawl(call, json, body))
		return false;
	if (set_id == 0) {
		reply_error(call, 400, "`distributionSetId` is missing.");
		return false;
	}
	if (pawl_force_type_parse(pawl_bytes_of(type[0] == '\0' ? "forced" : type),
		&body->options.force) != PAWL_ERR_OK) {
		reply_error(call, 400, "`type` must be soft, forced or timeforced.");
		return false;
	}
	body->options.name = pawl_bytes_of(body->name);
	body->options.description = pawl_bytes_of(body->description);
	body->options.filter = pawl_bytes_of(body->filter);
	body->options.distribution_set_id = (uint32_t)set_id;
	return true;
}

void rollout_create(struct call *call)
{
	struct rollout_body body = { 0 };
	struct pawl_json json;
	struct pawl_note note = { "" };
	uint32_t id = 0;
	char object[32];

	if (!read_json(call, PAWL_JSON_OBJECT, &json))
		return;

	const bool read = read_body(call, &json, &body);

	free_json(&json);
	if (!read)
		return;

	const pawl_fleet_result result =
	    pawl_fleet_rollout_create(call->app->fleet, &body.options, call->now, &id, &note);

	if (result != PAWL_FLEET_OK) {
		reply_result(call, result, "rollout or distribution set", &note);
		return;
	}
	print_text(object, sizeof(object), "rollout:%u", id);
	db_audit(call, "rollout.create", object, body.name);
	pawl_log_event(&call->app->log, PAWL_LOG_INFO, "rollout.created",
	    PAWL_LOG_INT("rollout", id), PAWL_LOG_TEXT("name", body.name),
	    PAWL_LOG_TEXT("actor", call->actor));
	put_rollout(call, pawl_fleet_rollout(call->app->fleet, id));
	reply_json(call, 201);
}
