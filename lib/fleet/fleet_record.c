/* SPDX-License-Identifier: MIT
 *
 * fleet_record.c - the stored form of a rollout.
 *
 * Version 1, little-endian: the fields in the order of `put_rollout`, texts
 * with a 16-bit length before them, a CRC-32 of everything at the end. */
#include "fleet_internal.h"

#include "pawl/num.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_VERSION = 1 };

static void put_text(struct pawl_buf *out, const char *text)
{
	pawl_put_u16_le(out, (uint16_t)strlen(text));
	pawl_put_text(out, text);
}

static void put_stratum(struct pawl_buf *out, const char *name,
    const struct pawl_rollout_stratum *stratum, uint32_t stage_count)
{
	put_text(out, name);
	pawl_put_u8(out, (uint8_t)stratum->state);
	pawl_put_u8(out, (uint8_t)stratum->halt_rule);
	pawl_put_u32_le(out, stratum->stage);
	pawl_put_u32_le(out, stratum->halt_stage);
	pawl_put_u32_le(out, stratum->halt_failed);
	pawl_put_u32_le(out, stratum->halt_size);
	for (uint32_t i = 0; i < stage_count; i++) {
		pawl_put_u32_le(out, stratum->count[i].size);
		pawl_put_u32_le(out, stratum->count[i].in_flight);
		pawl_put_u32_le(out, stratum->count[i].healthy);
		pawl_put_u32_le(out, stratum->count[i].failed);
		pawl_put_u32_le(out, stratum->count[i].accepted);
	}
}

static void put_rollout(struct pawl_buf *out, const struct rollout *rollout)
{
	const struct pawl_fleet_rollout *row = &rollout->row;
	const struct pawl_rollout_settings *settings = &row->core.settings;

	pawl_put_u8(out, RECORD_VERSION);
	pawl_put_u32_le(out, row->id);
	put_text(out, row->name);
	put_text(out, row->description);
	put_text(out, row->filter);
	pawl_put_u32_le(out, row->distribution_set_id);
	pawl_put_u8(out, (uint8_t)row->force);
	pawl_put_u64_le(out, (uint64_t)row->force_at);
	pawl_put_u8(out, (uint8_t)row->strata_kind);
	pawl_put_u32_le(out, row->silence_s);
	pawl_put_u8(out, (uint8_t)row->seed_size);
	pawl_put_bytes(out, PAWL_BYTES(row->seed, row->seed_size));
	pawl_put_u64_le(out, (uint64_t)row->created_at);
	pawl_put_u64_le(out, (uint64_t)row->changed_at);
	pawl_put_u64_le(out, (uint64_t)row->started_at);
	pawl_put_u64_le(out, (uint64_t)row->resumed_at);
	pawl_put_u32_le(out, row->excluded_count);
	pawl_put_u32_le(out, row->unverified_count);
	pawl_put_u8(out, (uint8_t)row->core.state);
	pawl_put_u32_le(out, settings->budget_base);
	pawl_put_u32_le(out, settings->budget_gain_permille);
	pawl_put_u32_le(out, settings->stage_count);
	for (uint32_t i = 0; i < settings->stage_count; i++) {
		pawl_put_u32_le(out, settings->stages[i].share_ppm);
		pawl_put_u32_le(out, settings->stages[i].success_threshold);
		pawl_put_u32_le(out, settings->stages[i].error_threshold);
	}
	pawl_put_u32_le(out, row->core.stratum_count);
	for (uint32_t i = 0; i < row->core.stratum_count; i++)
		put_stratum(out, rollout->names[i], &row->core.strata[i], settings->stage_count);
}

pawl_err pawl_fleet_rollout_encode(
    const struct pawl_fleet *fleet, uint32_t rollout_id, struct pawl_buf *out)
{
	const struct rollout *rollout = pawl_fleet_rollout_by_id(fleet, rollout_id);
	const size_t begin = out->size;

	if (rollout == NULL)
		return PAWL_ERR_NOT_FOUND;
	put_rollout(out, rollout);
	PAWL_TRY(pawl_buf_check(out));
	pawl_put_u32_le(out, pawl_crc32(0, PAWL_BYTES(out->at + begin, out->size - begin)));
	return pawl_buf_check(out);
}

/* --- reading --- */

static pawl_err get_text(struct pawl_cursor *at, size_t max, const char **ret_text)
{
	uint16_t size;
	struct pawl_bytes bytes;

	PAWL_TRY(pawl_read_u16_le(at, &size));
	if (size > max)
		return PAWL_ERR_LIMIT;
	PAWL_TRY(pawl_read_bytes(at, size, &bytes));
	if (size > 0 && memchr(bytes.at, 0, size) != NULL)
		return PAWL_ERR_SYNTAX;
	pawl_fleet_text_set(ret_text, bytes);
	return PAWL_ERR_OK;
}

static pawl_err get_time(struct pawl_cursor *at, int64_t *ret_time)
{
	uint64_t bits;

	PAWL_TRY(pawl_read_u64_le(at, &bits));
	*ret_time = (int64_t)bits;
	return PAWL_ERR_OK;
}

static pawl_err get_small(struct pawl_cursor *at, unsigned max, unsigned *ret_value)
{
	uint8_t value;

	PAWL_TRY(pawl_read_u8(at, &value));
	if (value > max)
		return PAWL_ERR_RANGE;
	*ret_value = value;
	return PAWL_ERR_OK;
}

static pawl_err get_count(struct pawl_cursor *at, struct pawl_rollout_count *count, uint64_t *sum)
{
	PAWL_TRY(pawl_read_u32_le(at, &count->size));
	PAWL_TRY(pawl_read_u32_le(at, &count->in_flight));
	PAWL_TRY(pawl_read_u32_le(at, &count->healthy));
	PAWL_TRY(pawl_read_u32_le(at, &count->failed));
	PAWL_TRY(pawl_read_u32_le(at, &count->accepted));
	*sum += count->size;
	if ((uint64_t)count->in_flight + count->healthy + count->failed > count->size ||
	    count->accepted > count->failed || *sum > PAWL_ROLLOUT_SIZE_MAX)
		return PAWL_ERR_RANGE;
	return PAWL_ERR_OK;
}

static pawl_err get_stratum(struct pawl_cursor *at, const char **name,
    struct pawl_rollout_stratum *stratum, uint32_t stage_count)
{
	unsigned state;
	unsigned rule;
	uint64_t sum = 0;

	PAWL_TRY(get_text(at, PAWL_HW_CLASS_MAX, name));
	PAWL_TRY(get_small(at, PAWL_STRATUM_FINISHED, &state));
	PAWL_TRY(get_small(at, PAWL_RULE_COUNT - 1, &rule));
	stratum->state = (pawl_stratum_state)state;
	stratum->halt_rule = (pawl_rollout_rule)rule;
	PAWL_TRY(pawl_read_u32_le(at, &stratum->stage));
	PAWL_TRY(pawl_read_u32_le(at, &stratum->halt_stage));
	PAWL_TRY(pawl_read_u32_le(at, &stratum->halt_failed));
	PAWL_TRY(pawl_read_u32_le(at, &stratum->halt_size));
	if (stratum->stage >= stage_count || stratum->halt_stage >= stage_count)
		return PAWL_ERR_RANGE;
	if (stratum->state == PAWL_STRATUM_HALTED && rule != PAWL_RULE_ERRORS &&
	    rule != PAWL_RULE_BUDGET_SPENT)
		return PAWL_ERR_RANGE;
	for (uint32_t i = 0; i < stage_count; i++)
		PAWL_TRY(get_count(at, &stratum->count[i], &sum));
	return PAWL_ERR_OK;
}

static pawl_err get_core(struct pawl_cursor *at, struct rollout *rollout, struct pawl_note *note)
{
	struct pawl_rollout *core = &rollout->row.core;
	struct pawl_rollout_settings *settings = &core->settings;
	unsigned state;
	uint32_t stratum_count;

	PAWL_TRY(get_small(at, PAWL_ROLLOUT_STOPPED, &state));
	core->state = (pawl_rollout_state)state;
	PAWL_TRY(pawl_read_u32_le(at, &settings->budget_base));
	PAWL_TRY(pawl_read_u32_le(at, &settings->budget_gain_permille));
	PAWL_TRY(pawl_read_u32_le(at, &settings->stage_count));
	if (settings->stage_count > PAWL_ROLLOUT_STAGES_MAX)
		return PAWL_ERR_RANGE;
	for (uint32_t i = 0; i < settings->stage_count; i++) {
		PAWL_TRY(pawl_read_u32_le(at, &settings->stages[i].share_ppm));
		PAWL_TRY(pawl_read_u32_le(at, &settings->stages[i].success_threshold));
		PAWL_TRY(pawl_read_u32_le(at, &settings->stages[i].error_threshold));
	}
	PAWL_TRY(pawl_rollout_check(settings, note));
	PAWL_TRY(pawl_read_u32_le(at, &stratum_count));
	if (stratum_count == 0 || stratum_count > PAWL_ROLLOUT_STRATA_MAX)
		return PAWL_ERR_RANGE;
	core->strata = pawl_fleet_must_allocate(stratum_count, sizeof(*core->strata));
	core->stratum_count = stratum_count;
	for (uint32_t i = 0; i < stratum_count; i++)
		PAWL_TRY(
		    get_stratum(at, &rollout->names[i], &core->strata[i], settings->stage_count));
	return PAWL_ERR_OK;
}

static pawl_err get_rollout(struct pawl_cursor *at, struct rollout *rollout, struct pawl_note *note)
{
	struct pawl_fleet_rollout *row = &rollout->row;
	struct pawl_bytes seed;
	unsigned version;
	unsigned force;
	unsigned kind;

	PAWL_TRY(get_small(at, UINT8_MAX, &version));
	if (version != RECORD_VERSION)
		return PAWL_ERR_UNSUPPORTED;
	PAWL_TRY(pawl_read_u32_le(at, &row->id));
	PAWL_TRY(get_text(at, PAWL_FLEET_NAME_MAX, &row->name));
	PAWL_TRY(get_text(at, PAWL_FLEET_DESCRIPTION_MAX, &row->description));
	PAWL_TRY(get_text(at, PAWL_FLEET_FILTER_MAX, &row->filter));
	PAWL_TRY(pawl_read_u32_le(at, &row->distribution_set_id));
	PAWL_TRY(get_small(at, PAWL_FORCE_TIMEFORCED, &force));
	row->force = (pawl_force_type)force;
	PAWL_TRY(get_time(at, &row->force_at));
	PAWL_TRY(get_small(at, PAWL_STRATA_HARDWARE_CLASS, &kind));
	row->strata_kind = (pawl_strata_kind)kind;
	PAWL_TRY(pawl_read_u32_le(at, &row->silence_s));
	PAWL_TRY(get_small(at, PAWL_FLEET_SEED_MAX, &row->seed_size));
	PAWL_TRY(pawl_read_bytes(at, row->seed_size, &seed));
	if (row->id == 0 || row->silence_s == 0 || row->silence_s > 31536000 || seed.size == 0)
		return PAWL_ERR_RANGE;
	memcpy(row->seed, seed.at, seed.size);
	PAWL_TRY(get_time(at, &row->created_at));
	PAWL_TRY(get_time(at, &row->changed_at));
	PAWL_TRY(get_time(at, &row->started_at));
	PAWL_TRY(get_time(at, &row->resumed_at));
	PAWL_TRY(pawl_read_u32_le(at, &row->excluded_count));
	PAWL_TRY(pawl_read_u32_le(at, &row->unverified_count));
	PAWL_TRY(get_core(at, rollout, note));
	return pawl_cursor_left(at) == 0 ? PAWL_ERR_OK : PAWL_ERR_SYNTAX;
}

static pawl_err adopt(struct pawl_fleet *fleet, struct rollout *rollout, struct pawl_note *note)
{
	rollout->set = pawl_fleet_set_by_id(fleet, rollout->row.distribution_set_id);
	if (rollout->set == NULL) {
		pawl_note_add(note, "names a distribution set that is not there");
		return PAWL_ERR_NOT_FOUND;
	}
	if (pawl_fleet_rollout_by_id(fleet, rollout->row.id) != NULL) {
		pawl_note_add(note, "its id is taken");
		return PAWL_ERR_EXISTS;
	}
	pawl_rollout_recount(&rollout->row.core);
	pawl_fleet_rollout_link(fleet, rollout);
	if (fleet->counters.rollout < rollout->row.id)
		fleet->counters.rollout = rollout->row.id;
	return PAWL_ERR_OK;
}

pawl_err pawl_fleet_load_rollout(
    struct pawl_fleet *fleet, struct pawl_bytes record, struct pawl_note *reterr_note)
{
	pawl_note_add(reterr_note, "rollout: ");
	if (record.size < 4 || record.size > PAWL_FLEET_ROLLOUT_RECORD_MAX)
		return PAWL_ERR_CORRUPT;
	struct pawl_cursor end = pawl_cursor_of(PAWL_BYTES(record.at + record.size - 4, 4));
	struct pawl_cursor at = pawl_cursor_of(PAWL_BYTES(record.at, record.size - 4));
	uint32_t crc;
	PAWL_TRY(pawl_read_u32_le(&end, &crc));
	if (crc != pawl_crc32(0, PAWL_BYTES(record.at, record.size - 4))) {
		pawl_note_add(reterr_note, "its checksum does not match");
		return PAWL_ERR_CORRUPT;
	}
	struct rollout *rollout = pawl_fleet_must_allocate(1, sizeof(*rollout));
	rollout->names = pawl_fleet_must_allocate(PAWL_ROLLOUT_STRATA_MAX, sizeof(*rollout->names));
	rollout->row.stratum_names = rollout->names;
	pawl_err err = get_rollout(&at, rollout, reterr_note);
	if (err == PAWL_ERR_OK)
		err = adopt(fleet, rollout, reterr_note);
	else
		err = PAWL_ERR_CORRUPT;
	if (err != PAWL_ERR_OK)
		pawl_fleet_rollout_free(rollout);
	return err;
}
