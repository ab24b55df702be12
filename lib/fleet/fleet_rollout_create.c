/* SPDX-License-Identifier: MIT
 *
 * fleet_rollout_create.c - chooses the devices of a rollout, once, and puts
 * them into strata, order and stages. */
#include "fleet_internal.h"

#include "pawl/crypto.h"

#include <stdlib.h>
#include <string.h>

uint64_t pawl_fleet_member_order(const struct pawl_fleet_rollout *row, const char *controller_id)
{
	uint8_t mac[32];
	uint64_t order = 0;

	pawl_hmac_sha256(PAWL_BYTES(row->seed, row->seed_size), pawl_bytes_of(controller_id), mac);
	for (int i = 0; i < 8; i++)
		order = order << 8 | mac[i];
	return order;
}

static int by_place(const void *a, const void *b)
{
	const struct member *one = *(const struct member *const *)a;
	const struct member *two = *(const struct member *const *)b;

	if (one->stratum != two->stratum)
		return one->stratum < two->stratum ? -1 : 1;
	if (one->stage != two->stage)
		return one->stage < two->stage ? -1 : 1;
	if (one->order != two->order)
		return one->order < two->order ? -1 : 1;
	return one->device->row.id < two->device->row.id   ? -1
	       : one->device->row.id > two->device->row.id ? 1
							   : 0;
}

void pawl_fleet_members_sort(struct rollout *rollout)
{
	if (rollout->row.member_count > 1)
		qsort(rollout->members, rollout->row.member_count, sizeof(*rollout->members),
		    by_place);
}

static pawl_fleet_result invalid(struct pawl_note *note, const char *what)
{
	pawl_note_add(note, what);
	return PAWL_FLEET_INVALID;
}

static bool is_clean_text(struct pawl_bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.at[i] < 0x20 || text.at[i] == 0x7f)
			return false;
	}
	return true;
}

static pawl_fleet_result check_options(const struct pawl_fleet *fleet,
    const struct pawl_fleet_rollout_options *options, struct pawl_note *note)
{
	if (options->name.size == 0 || options->name.size > PAWL_FLEET_NAME_MAX ||
	    !is_clean_text(options->name))
		return invalid(note, "name: 1 to 128 bytes, no control characters");
	if (options->description.size > PAWL_FLEET_DESCRIPTION_MAX ||
	    !is_clean_text(options->description))
		return invalid(note, "description: at most 512 bytes, no control characters");
	if (options->filter.size == 0)
		return invalid(note, "targetFilterQuery: is missing; controllerid==* means all");
	if (options->force == PAWL_FORCE_DOWNLOADONLY)
		return invalid(note, "type: a rollout can not be downloadonly");
	if (options->silence_s < 1 || options->silence_s > 31536000)
		return invalid(note, "pawl.silenceSeconds: must be 1 to 31536000");
	if (options->seed.size < 1 || options->seed.size > PAWL_FLEET_SEED_MAX)
		return invalid(note, "pawl.seed: must have 1 to 32 bytes");
	if (pawl_rollout_check(&options->settings, note) != PAWL_ERR_OK)
		return PAWL_FLEET_INVALID;
	for (uint32_t i = 0; i < fleet->rollout_count; i++) {
		if (pawl_bytes_is(options->name, fleet->rollouts[i]->row.name)) {
			pawl_note_add(note, "name: there is such a rollout already");
			return PAWL_FLEET_CONFLICT;
		}
	}
	return PAWL_FLEET_OK;
}

/* The stratum of a device; a new one when there is none like it. UINT32_MAX
 * when there are too many. */
static uint32_t stratum_of(struct rollout *rollout, const struct device *device)
{
	const bool by_class = rollout->row.strata_kind == PAWL_STRATA_HARDWARE_CLASS;
	const char *name = by_class ? device->row.hardware_class : "all";
	uint32_t *count = &rollout->row.core.stratum_count;

	for (uint32_t i = 0; i < *count; i++) {
		if (strcmp(rollout->names[i], name) == 0)
			return i;
	}
	if (*count == PAWL_ROLLOUT_STRATA_MAX)
		return UINT32_MAX;
	rollout->names[*count] = pawl_fleet_text_copy(pawl_bytes_of(name));
	return (*count)++;
}

/* Finds the members. They are linked to their devices only afterwards, so
 * that a refusal leaves no trace. */
static pawl_fleet_result choose(const struct pawl_fleet *fleet, struct rollout *rollout,
    const struct pawl_fleet_filter *filter, struct member ***ret_chosen, uint32_t *ret_count,
    struct pawl_note *note)
{
	struct member **chosen =
	    pawl_fleet_must_allocate(fleet->device_count, sizeof(struct member *));
	uint32_t count = 0;
	bool too_many = false;

	for (uint32_t i = 0; i < fleet->device_count && !too_many; i++) {
		struct device *device = fleet->sorted[i];
		if (!pawl_fleet_filter_match(filter, &device->row))
			continue;
		if (pawl_fleet_unfit(device, rollout->set) != NULL) {
			rollout->row.excluded_count++;
			continue;
		}
		const uint32_t stratum = stratum_of(rollout, device);
		too_many = stratum == UINT32_MAX;
		struct member *member = pawl_fleet_must_allocate(1, sizeof(*member));
		*member = (struct member){ .rollout = rollout,
			.device = device,
			.order = pawl_fleet_member_order(&rollout->row, device->row.controller_id),
			.stratum = stratum };
		chosen[count++] = member;
	}
	*ret_chosen = chosen;
	*ret_count = count;
	if (too_many)
		return invalid(note, "pawl.strata: more than 64 hardware classes");
	if (count == 0) {
		pawl_note_add(
		    note, "targetFilterQuery: no device is left that can take the release; ");
		pawl_note_add_int(note, rollout->row.excluded_count);
		pawl_note_add(
		    note, " matched but are revoked, of another product or hardware class");
		return PAWL_FLEET_INVALID;
	}
	return PAWL_FLEET_OK;
}

static void link_member(struct member *member)
{
	member->next_of_device = member->device->members; /* the newest rollout */
	member->device->members = member;
}

/* Gives each member its stage: in each stratum the first ones in the order
 * of their HMAC are the canaries. */
static void cut_into_stages(struct rollout *rollout)
{
	const struct pawl_rollout_settings *settings = &rollout->row.core.settings;
	uint32_t begin = 0;

	pawl_fleet_members_sort(rollout); /* every stage is 0 still */
	for (uint32_t stratum = 0; stratum < rollout->row.core.stratum_count; stratum++) {
		uint32_t sizes[PAWL_ROLLOUT_STAGES_MAX];
		uint32_t end = begin;
		while (end < rollout->row.member_count && rollout->members[end]->stratum == stratum)
			end++;
		pawl_rollout_sizes(settings, end - begin, sizes);
		for (uint32_t stage = 0; stage < settings->stage_count; stage++) {
			rollout->row.core.strata[stratum].count[stage].size = sizes[stage];
			for (uint32_t i = 0; i < sizes[stage]; i++)
				rollout->members[begin++]->stage = stage;
		}
	}
}

static struct rollout *rollout_of(
    const struct pawl_fleet_rollout_options *options, struct set *set, int64_t now)
{
	struct rollout *rollout = pawl_fleet_must_allocate(1, sizeof(*rollout));

	rollout->set = set;
	rollout->names = pawl_fleet_must_allocate(PAWL_ROLLOUT_STRATA_MAX, sizeof(*rollout->names));
	rollout->row = (struct pawl_fleet_rollout){ .name = pawl_fleet_text_copy(options->name),
		.description = pawl_fleet_text_copy(options->description),
		.filter = pawl_fleet_text_copy(options->filter),
		.distribution_set_id = set->row.id,
		.force = options->force,
		.force_at = options->force_at,
		.strata_kind = options->strata_kind,
		.silence_s = options->silence_s,
		.seed_size = (uint32_t)options->seed.size,
		.created_at = now,
		.changed_at = now,
		.core = { .settings = options->settings },
		.stratum_names = rollout->names };
	memcpy(rollout->row.seed, options->seed.at, options->seed.size);
	return rollout;
}

pawl_fleet_result pawl_fleet_rollout_create(struct pawl_fleet *fleet,
    const struct pawl_fleet_rollout_options *options, struct pawl_wall now,
    uint32_t *ret_rollout_id, struct pawl_note *reterr_note)
{
	struct set *set = pawl_fleet_set_by_id(fleet, options->distribution_set_id);
	struct pawl_fleet_filter filter;
	pawl_fleet_result result = check_options(fleet, options, reterr_note);

	if (result != PAWL_FLEET_OK)
		return result;
	if (set == NULL) {
		pawl_note_add(reterr_note, "distributionSetId: there is no such distribution set");
		return PAWL_FLEET_NOT_FOUND;
	}
	if (pawl_fleet_filter_parse(options->filter, &filter, reterr_note) != PAWL_ERR_OK)
		return PAWL_FLEET_INVALID;
	if (fleet->counters.rollout == UINT32_MAX)
		return PAWL_FLEET_QUOTA;

	struct rollout *rollout = rollout_of(options, set, now.ms);
	struct member **chosen = NULL;
	uint32_t count = 0;
	result = choose(fleet, rollout, &filter, &chosen, &count, reterr_note);
	if (result != PAWL_FLEET_OK) {
		for (uint32_t i = 0; i < count; i++)
			free(chosen[i]);
		free(chosen);
		pawl_fleet_rollout_free(rollout);
		return result;
	}
	rollout->members = chosen;
	rollout->member_capacity = fleet->device_count;
	rollout->row.member_count = count;
	rollout->row.core.strata = pawl_fleet_must_allocate(
	    rollout->row.core.stratum_count, sizeof(struct pawl_rollout_stratum));
	cut_into_stages(rollout);
	const pawl_err err = pawl_rollout_init(&rollout->row.core, &options->settings,
	    rollout->row.core.strata, rollout->row.core.stratum_count, NULL);
	PAWL_ASSERT(err == PAWL_ERR_OK); /* checked above */
	rollout->row.id = ++fleet->counters.rollout;
	pawl_fleet_rollout_link(fleet, rollout);
	for (uint32_t i = 0; i < count; i++)
		link_member(chosen[i]);
	pawl_fleet_effect_counters(fleet);
	pawl_fleet_effect_rollout(fleet, rollout);
	pawl_fleet_effect_members(fleet, rollout);

	struct sentence text;
	pawl_fleet_sentence_begin(&text);
	pawl_fleet_sentence_put(&text, "rollout=");
	pawl_fleet_sentence_int(&text, rollout->row.id);
	pawl_fleet_sentence_put(&text, " devices=");
	pawl_fleet_sentence_int(&text, count);
	pawl_fleet_sentence_put(&text, " excluded=");
	pawl_fleet_sentence_int(&text, rollout->row.excluded_count);
	pawl_fleet_effect_log(fleet, "rollout.created", now.ms, pawl_fleet_sentence_end(&text));
	*ret_rollout_id = rollout->row.id;
	return PAWL_FLEET_OK;
}
