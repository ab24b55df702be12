/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/prng.h"
#include "pawl/rollout.h"

#include <stdlib.h>
#include <string.h>

enum { STRATA = 4 };

/* A rollout with its memory, and which rows of the table were seen. */
struct world {
	struct pawl_rollout rollout;
	struct pawl_rollout_stratum strata[STRATA];
	struct pawl_rollout_effect effects[PAWL_ROLLOUT_EFFECTS_MAX(STRATA)];
	size_t effect_count;
};

static bool row_hit[PAWL_RULE_COUNT];

static struct pawl_rollout_settings settings_of(uint32_t base, uint32_t gain, uint32_t stage_count,
    const uint32_t *percent, uint32_t success, uint32_t error)
{
	struct pawl_rollout_settings settings = {
		.stage_count = stage_count, .budget_base = base, .budget_gain_permille = gain
	};

	for (uint32_t i = 0; i < stage_count; i++)
		settings.stages[i] =
		    (struct pawl_rollout_stage){ percent[i] * 10000, success, error };
	return settings;
}

static void set_up(struct world *world, const struct pawl_rollout_settings *settings,
    uint32_t stratum_count, const uint32_t *devices)
{
	memset(world, 0, sizeof(*world));
	for (uint32_t i = 0; i < stratum_count; i++) {
		uint32_t sizes[PAWL_ROLLOUT_STAGES_MAX];
		pawl_rollout_sizes(settings, devices[i], sizes);
		for (uint32_t stage = 0; stage < PAWL_ROLLOUT_STAGES_MAX; stage++)
			world->strata[i].count[stage].size = sizes[stage];
	}
	assert_int_equal(
	    pawl_rollout_init(&world->rollout, settings, world->strata, stratum_count, NULL),
	    PAWL_ERR_OK);
}

static void note_rows(struct world *world)
{
	for (uint32_t i = 0; i < world->rollout.stratum_count; i++) {
		char why[PAWL_ROLLOUT_WHY_SIZE];
		row_hit[pawl_rollout_rule_of(&world->rollout, i)] = true;
		pawl_rollout_stratum_why(&world->rollout, i, why);
		assert_true(strlen(why) > 0 && strchr(why, '{') == NULL);
	}
	for (size_t i = 0; i < world->effect_count; i++) {
		row_hit[world->effects[i].rule] = true;
		assert_true(strlen(world->effects[i].why) > 0);
	}
}

static pawl_err step(struct world *world, pawl_rollout_event_kind kind, uint32_t stratum,
    uint32_t stage, uint32_t count)
{
	const struct pawl_rollout_event event = {
		.kind = kind, .stratum = stratum, .stage = stage, .count = count
	};
	const pawl_err err =
	    pawl_rollout_step(&world->rollout, &event, world->effects, &world->effect_count, NULL);

	if (err != PAWL_ERR_OK)
		world->effect_count = 0;
	note_rows(world);
	return err;
}

static void must(struct world *world, pawl_rollout_event_kind kind, uint32_t stratum,
    uint32_t stage, uint32_t count)
{
	assert_int_equal(step(world, kind, stratum, stage, count), PAWL_ERR_OK);
}

static const struct pawl_rollout_effect *effect_of(
    const struct world *world, pawl_rollout_effect_kind kind)
{
	for (size_t i = 0; i < world->effect_count; i++) {
		if (world->effects[i].kind == kind)
			return &world->effects[i];
	}
	return NULL;
}

static void assert_why(const struct world *world, uint32_t stratum, const char *wanted)
{
	char why[PAWL_ROLLOUT_WHY_SIZE];

	pawl_rollout_stratum_why(&world->rollout, stratum, why);
	assert_string_equal(why, wanted);
}

/* --- examples --- */

static void stages_take_shares_of_what_is_left(void **state)
{
	const uint32_t percent[] = { 10, 50, 100 };
	const struct pawl_rollout_settings settings = settings_of(2, 1000, 3, percent, 100, 0);
	uint32_t sizes[PAWL_ROLLOUT_STAGES_MAX];

	(void)state;
	pawl_rollout_sizes(&settings, 100, sizes);
	assert_int_equal(sizes[0], 10);
	assert_int_equal(sizes[1], 45);
	assert_int_equal(sizes[2], 45);
	pawl_rollout_sizes(&settings, 3, sizes); /* the canary stage is never empty */
	assert_int_equal(sizes[0], 1);
	assert_int_equal(sizes[1], 1);
	assert_int_equal(sizes[2], 1);
	pawl_rollout_sizes(&settings, 0, sizes);
	assert_int_equal(sizes[0] + sizes[1] + sizes[2], 0);

	struct pawl_rollout_settings equal = settings;
	for (uint32_t count = 1; count <= PAWL_ROLLOUT_STAGES_MAX; count++) {
		equal.stage_count = count;
		pawl_rollout_equal_stages(count, settings.stages[0], equal.stages);
		assert_int_equal(pawl_rollout_check(&equal, NULL), PAWL_ERR_OK);
		for (uint32_t devices = 0; devices < 500; devices += 7) {
			uint32_t sum = 0;
			pawl_rollout_sizes(&equal, devices, sizes);
			for (uint32_t i = 0; i < count; i++) {
				sum += sizes[i];
				assert_true(sizes[0] - sizes[i] <= 1);
			}
			assert_int_equal(sum, devices);
		}
	}
}

static void settings_are_checked(void **state)
{
	const uint32_t percent[] = { 10, 100 };
	const struct pawl_rollout_settings good = settings_of(2, 1000, 2, percent, 100, 0);
	struct pawl_note note;

	(void)state;
	assert_int_equal(pawl_rollout_check(&good, NULL), PAWL_ERR_OK);
#define REFUSED(change, wanted)                                                                    \
	do {                                                                                       \
		struct pawl_rollout_settings bad = good;                                           \
		change;                                                                            \
		pawl_note_clear(&note);                                                            \
		assert_int_equal(pawl_rollout_check(&bad, &note), PAWL_ERR_RANGE);                 \
		assert_non_null(strstr(note.text, wanted));                                        \
	} while (0)
	REFUSED(bad.stage_count = 0, "groups");
	REFUSED(bad.stage_count = 33, "groups");
	REFUSED(bad.stages[0].share_ppm = 0, "groups[0]: targetPercentage");
	REFUSED(bad.stages[0].share_ppm = 1000001, "groups[0]: targetPercentage");
	REFUSED(bad.stages[1].success_threshold = 101, "groups[1]: successCondition");
	REFUSED(bad.stages[1].error_threshold = 101, "groups[1]: errorCondition");
	REFUSED(bad.stages[1].share_ppm = 500000, "last one must be 100");
	REFUSED(bad.budget_base = 0, "budget.base");
	REFUSED(bad.budget_gain_permille = 1000001, "gainPermille");
#undef REFUSED
}

static void a_bad_release_harms_no_more_than_the_base(void **state)
{
	const uint32_t percent[] = { 100 };
	const struct pawl_rollout_settings settings = settings_of(2, 1000, 1, percent, 100, 100);
	const uint32_t devices[] = { 10 };
	struct world world;

	(void)state;
	set_up(&world, &settings, 1, devices);
	assert_why(&world, 0, "not started yet");
	assert_int_equal(step(&world, PAWL_ROLLOUT_ADMITTED, 0, 0, 1), PAWL_ERR_REFUSED);
	must(&world, PAWL_ROLLOUT_START, 0, 0, 0);
	assert_int_equal(effect_of(&world, PAWL_ROLLOUT_ADMIT)->count, 2);
	assert_int_equal(step(&world, PAWL_ROLLOUT_ADMITTED, 0, 0, 3), PAWL_ERR_REFUSED);
	must(&world, PAWL_ROLLOUT_ADMITTED, 0, 0, 2);
	assert_non_null(effect_of(&world, PAWL_ROLLOUT_HELD));
	assert_why(&world, 0,
	    "2 in flight and 0 failed use up the harm budget of 2; it goes on with the next "
	    "healthy device");
	must(&world, PAWL_ROLLOUT_FAILED, 0, 0, 0);
	must(&world, PAWL_ROLLOUT_FAILED, 0, 0, 0);
	assert_string_equal(effect_of(&world, PAWL_ROLLOUT_HALTED)->why,
	    "2 failed and used up the harm budget of 2; nothing is in flight");
	assert_non_null(effect_of(&world, PAWL_ROLLOUT_CANCEL_OPEN));
	assert_non_null(effect_of(&world, PAWL_ROLLOUT_ENDED_PAUSED));
	assert_int_equal(world.rollout.state, PAWL_ROLLOUT_PAUSED);
	assert_int_equal(pawl_rollout_credit(&world.rollout, 0), 0);
	assert_why(&world, 0,
	    "2 failed and used up the harm budget of 2; an operator has to "
	    "decide");

	/* A person who goes on in spite of it grants the base anew. */
	must(&world, PAWL_ROLLOUT_RESUME, 0, 0, 0);
	assert_int_equal(world.rollout.state, PAWL_ROLLOUT_RUNNING);
	assert_int_equal(pawl_rollout_credit(&world.rollout, 0), 2);
	must(&world, PAWL_ROLLOUT_STOP, 0, 0, 0);
	assert_non_null(effect_of(&world, PAWL_ROLLOUT_CANCEL_ALL));
	assert_int_equal(step(&world, PAWL_ROLLOUT_RESUME, 0, 0, 0), PAWL_ERR_REFUSED);
}

static void error_threshold_is_strict_and_halts_one_stratum_only(void **state)
{
	const uint32_t percent[] = { 100 };
	const struct pawl_rollout_settings settings = settings_of(10, 0, 1, percent, 100, 20);
	const uint32_t devices[] = { 10, 10 };
	struct world world;

	(void)state;
	set_up(&world, &settings, 2, devices);
	must(&world, PAWL_ROLLOUT_START, 0, 0, 0);
	must(&world, PAWL_ROLLOUT_ADMITTED, 0, 0, 5);
	must(&world, PAWL_ROLLOUT_FAILED, 0, 0, 0);
	must(&world, PAWL_ROLLOUT_FAILED, 0, 0, 0); /* 20 %: not more than 20 */
	assert_null(effect_of(&world, PAWL_ROLLOUT_HALTED));
	must(&world, PAWL_ROLLOUT_FAILED, 0, 0, 0);
	assert_string_equal(effect_of(&world, PAWL_ROLLOUT_HALTED)->why,
	    "3 of 10 devices failed in stage 1, more than 20 %");
	assert_int_equal(world.rollout.state, PAWL_ROLLOUT_RUNNING);
	assert_int_equal(pawl_rollout_credit(&world.rollout, 0), 0);
	assert_int_equal(pawl_rollout_credit(&world.rollout, 1), 10);
	assert_why(&world, 0,
	    "3 of 10 devices failed in stage 1 (allowed: 20 %); an operator has to decide");

	/* Pausing and resuming the other one does not wake the halted one. */
	must(&world, PAWL_ROLLOUT_ADMITTED, 1, 0, 10);
	assert_why(&world, 1,
	    "stage 1 of 1: every device of it was admitted; waiting for proof from 10 in flight");
	must(&world, PAWL_ROLLOUT_PAUSE, 0, 0, 0);
	assert_non_null(effect_of(&world, PAWL_ROLLOUT_WITHDRAW));
	must(&world, PAWL_ROLLOUT_RESUME, 0, 0, 0);
	assert_int_equal(world.strata[0].state, PAWL_STRATUM_HALTED);
	for (int i = 0; i < 10; i++)
		must(&world, PAWL_ROLLOUT_HEALTHY, 1, 0, 0);
	assert_int_equal(world.strata[1].state, PAWL_STRATUM_FINISHED);
	assert_int_equal(world.rollout.state, PAWL_ROLLOUT_PAUSED);
}

static void the_next_stage_opens_at_the_threshold(void **state)
{
	const uint32_t percent[] = { 30, 100 };
	const struct pawl_rollout_settings settings = settings_of(9, 0, 2, percent, 67, 50);
	const uint32_t devices[] = { 10 };
	struct world world;

	(void)state;
	set_up(&world, &settings, 1, devices);
	must(&world, PAWL_ROLLOUT_START, 0, 0, 0);
	assert_int_equal(pawl_rollout_credit(&world.rollout, 0), 3);
	assert_int_equal(step(&world, PAWL_ROLLOUT_ADMITTED, 0, 1, 1), PAWL_ERR_REFUSED);
	must(&world, PAWL_ROLLOUT_ADMITTED, 0, 0, 3);
	must(&world, PAWL_ROLLOUT_HEALTHY, 0, 0, 0);
	must(&world, PAWL_ROLLOUT_HEALTHY, 0, 0, 0); /* 2 of 3 are 66.7 %: below 67 */
	assert_null(effect_of(&world, PAWL_ROLLOUT_STAGE_OPENED));
	must(&world, PAWL_ROLLOUT_FAILED, 0, 0, 0); /* within 50 %, and the stage is complete */
	assert_string_equal(effect_of(&world, PAWL_ROLLOUT_STAGE_OPENED)->why,
	    "stage 1 is complete: 2 of 3 devices healthy, 1 failed within the allowed 50 %; "
	    "stage 2 opens");
	assert_int_equal(effect_of(&world, PAWL_ROLLOUT_STAGE_OPENED)->stage, 1);
	must(&world, PAWL_ROLLOUT_ADMITTED, 0, 1, 7);
	for (int i = 0; i < 7; i++)
		must(&world, PAWL_ROLLOUT_HEALTHY, 0, 1, 0);
	assert_non_null(effect_of(&world, PAWL_ROLLOUT_ENDED_FINISHED));
	assert_why(&world, 0, "9 of 10 devices healthy, 1 failed");
	assert_int_equal(step(&world, PAWL_ROLLOUT_HEALTHY, 0, 1, 0), PAWL_ERR_REFUSED);
	assert_int_equal(step(&world, PAWL_ROLLOUT_HEALTHY, 7, 1, 0), PAWL_ERR_RANGE);
}

static void largest_numbers_do_not_wrap(void **state)
{
	const uint32_t percent[] = { 100 };
	const struct pawl_rollout_settings settings =
	    settings_of(PAWL_ROLLOUT_SIZE_MAX, 1000000, 1, percent, 100, 0);
	const uint32_t devices[] = { PAWL_ROLLOUT_SIZE_MAX };
	struct world world;

	(void)state;
	set_up(&world, &settings, 1, devices);
	world.strata[0].count[0].healthy = PAWL_ROLLOUT_SIZE_MAX - 1;
	pawl_rollout_recount(&world.rollout);
	assert_int_equal(pawl_rollout_budget(&world.rollout, 0), UINT32_MAX);
	must(&world, PAWL_ROLLOUT_START, 0, 0, 0);
	assert_int_equal(pawl_rollout_credit(&world.rollout, 0), 1);
	assert_int_equal(step(&world, PAWL_ROLLOUT_DEVICE_ADDED, 0, 0, 0), PAWL_ERR_REFUSED);
	must(&world, PAWL_ROLLOUT_ADMITTED, 0, 0, 1);
	must(&world, PAWL_ROLLOUT_FAILED, 0, 0, 0); /* 1 in 100 million is more than 0 % */
	assert_int_equal(world.strata[0].state, PAWL_STRATUM_HALTED);
}

/* --- properties --- */

/* A plain count of hawkBit's formulas, in floating point as hawkBit computes. */
static bool error_exceeded(const struct world *world, uint32_t index)
{
	const struct pawl_rollout_stratum *stratum = &world->strata[index];

	for (uint32_t i = 0; i <= stratum->stage; i++) {
		const struct pawl_rollout_count *count = &stratum->count[i];
		if (count->size > 0 &&
		    (double)(count->failed - count->accepted) / count->size >
			world->rollout.settings.stages[i].error_threshold / 100.0)
			return true;
	}
	return false;
}

static void check_invariants(
    const struct world *world, const struct world *before, const struct pawl_rollout_event *event)
{
	for (uint32_t i = 0; i < world->rollout.stratum_count; i++) {
		const struct pawl_rollout_stratum *now = &world->strata[i];
		const struct pawl_rollout_stratum *old = &before->strata[i];
		const bool admitted = event->kind == PAWL_ROLLOUT_ADMITTED && event->stratum == i;
		const bool single =
		    event->kind >= PAWL_ROLLOUT_ADMITTED && event->kind <= PAWL_ROLLOUT_WITHDRAWN;

		if (now->total.in_flight > old->total.in_flight) {
			const uint64_t budget = world->rollout.settings.budget_base +
						(uint64_t)now->total.healthy *
						    world->rollout.settings.budget_gain_permille /
						    1000;
			assert_true(admitted);
			assert_true(
			    now->total.in_flight + now->total.failed - now->total.accepted <=
			    budget);
			assert_int_not_equal(old->state, PAWL_STRATUM_HALTED);
			assert_int_equal(before->rollout.state, PAWL_ROLLOUT_RUNNING);
		}
		if (single && event->stratum != i)
			assert_memory_equal(now, old, sizeof(*now));
		if (now->state == PAWL_STRATUM_HALTED || now->state == PAWL_STRATUM_FINISHED)
			assert_int_equal(pawl_rollout_credit(&world->rollout, i), 0);
		if (world->rollout.state == PAWL_ROLLOUT_RUNNING && error_exceeded(world, i))
			assert_int_equal(now->state, PAWL_STRATUM_HALTED);
	}
}

static struct pawl_rollout_settings random_settings(struct pawl_prng *prng)
{
	struct pawl_rollout_settings settings = { .stage_count =
						      1 + (uint32_t)pawl_prng_below(prng, 4),
		.budget_base = 1 + (uint32_t)pawl_prng_below(prng, 6),
		.budget_gain_permille = (uint32_t)pawl_prng_below(prng, 3) * 500 };

	for (uint32_t i = 0; i < settings.stage_count; i++) {
		settings.stages[i] = (struct pawl_rollout_stage){
			.share_ppm = 1 + (uint32_t)pawl_prng_below(prng, PAWL_ROLLOUT_SHARE_ALL),
			.success_threshold = (uint32_t)pawl_prng_below(prng, 101),
			.error_threshold = (uint32_t)pawl_prng_below(prng, 101),
		};
	}
	settings.stages[settings.stage_count - 1].share_ppm = PAWL_ROLLOUT_SHARE_ALL;
	return settings;
}

static struct pawl_rollout_event random_event(struct pawl_prng *prng, const struct world *world)
{
	static const pawl_rollout_event_kind likely[] = { PAWL_ROLLOUT_ADMITTED,
		PAWL_ROLLOUT_ADMITTED, PAWL_ROLLOUT_HEALTHY, PAWL_ROLLOUT_HEALTHY,
		PAWL_ROLLOUT_FAILED, PAWL_ROLLOUT_WITHDRAWN, PAWL_ROLLOUT_TICK };
	const bool rare = pawl_prng_below(prng, 12) == 0;
	struct pawl_rollout_event event = {
		.kind = rare ? (pawl_rollout_event_kind)pawl_prng_below(
				   prng, PAWL_ROLLOUT_DEVICE_REMOVED + 1)
			     : likely[pawl_prng_below(prng, 7)],
		.stratum = (uint32_t)pawl_prng_below(prng, world->rollout.stratum_count),
		.stage = (uint32_t)pawl_prng_below(prng, world->rollout.settings.stage_count),
		.count = 1 + (uint32_t)pawl_prng_below(prng, 3),
	};

	if (event.kind == PAWL_ROLLOUT_STOP && pawl_prng_below(prng, 4) != 0)
		event.kind = PAWL_ROLLOUT_RESUME; /* stopping ends it all: keep that rare */
	return event;
}

static void random_sequences_keep_every_promise(void **state)
{
	uint64_t steps = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 900; seed++) {
		struct pawl_prng prng = pawl_prng_fork(seed, 1);
		const struct pawl_rollout_settings settings = random_settings(&prng);
		uint32_t devices[STRATA];
		struct world world;
		static struct world before;

		for (int i = 0; i < STRATA; i++)
			devices[i] = (uint32_t)pawl_prng_below(&prng, 40);
		set_up(&world, &settings, STRATA, devices);
		for (int i = 0; i < 200; i++, steps++) {
			const struct pawl_rollout_event event = random_event(&prng, &world);
			memcpy(&before.rollout, &world.rollout, sizeof(before.rollout));
			memcpy(before.strata, world.strata, sizeof(before.strata));
			const pawl_err err =
			    step(&world, event.kind, event.stratum, event.stage, event.count);
			if (err != PAWL_ERR_OK)
				assert_memory_equal(
				    before.strata, world.strata, sizeof(before.strata));
			check_invariants(&world, &before, &event);
			pawl_rollout_recount(&world.rollout); /* panics when counters contradict */
		}
	}
	assert_true(steps >= 100000);
}

/* Admits whatever the gates allow. */
static bool admit_some(struct world *world, struct pawl_prng *prng)
{
	bool any = false;

	for (uint32_t i = 0; i < world->rollout.stratum_count; i++) {
		for (uint32_t stage = 0; stage <= world->strata[i].stage; stage++) {
			const struct pawl_rollout_count *count = &world->strata[i].count[stage];
			while (pawl_rollout_credit(&world->rollout, i) > 0 &&
			       count->in_flight + count->healthy + count->failed < count->size) {
				must(world, PAWL_ROLLOUT_ADMITTED, i, stage, 1);
				any = true;
				if (pawl_prng_below(prng, 3) == 0)
					break;
			}
		}
	}
	return any;
}

static bool report_one(struct world *world, struct pawl_prng *prng, pawl_rollout_event_kind outcome)
{
	const uint32_t start = (uint32_t)pawl_prng_below(prng, STRATA);

	for (uint32_t n = 0; n < STRATA; n++) {
		const uint32_t i = (start + n) % STRATA;
		for (uint32_t stage = 0; stage < world->rollout.settings.stage_count; stage++) {
			if (world->strata[i].count[stage].in_flight == 0)
				continue;
			must(world, outcome, i, stage, 0);
			return true;
		}
	}
	return false;
}

static void clean_runs_finish_and_killers_stop_at_the_base(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		for (int killer = 0; killer < 2; killer++) {
			struct pawl_prng prng = pawl_prng_fork(seed, 2);
			struct pawl_rollout_settings settings = random_settings(&prng);
			uint32_t devices[STRATA];
			struct world world;
			bool busy = true;

			for (int i = 0; i < STRATA; i++)
				devices[i] = (uint32_t)pawl_prng_below(&prng, 60);
			set_up(&world, &settings, STRATA, devices);
			must(&world, PAWL_ROLLOUT_START, 0, 0, 0);
			for (int i = 0; i < 2000 && busy; i++) {
				busy = admit_some(&world, &prng);
				busy = report_one(&world, &prng,
					   killer ? PAWL_ROLLOUT_FAILED : PAWL_ROLLOUT_HEALTHY) ||
				       busy;
			}
			assert_false(busy);
			if (!killer)
				assert_int_equal(world.rollout.state, PAWL_ROLLOUT_FINISHED);
			for (int i = 0; i < STRATA && killer; i++)
				assert_true(world.strata[i].total.failed <= settings.budget_base);
		}
	}
}

static void a_device_may_come_and_go(void **state)
{
	const uint32_t percent[] = { 100 };
	const struct pawl_rollout_settings settings = settings_of(1, 1000, 1, percent, 100, 0);
	const uint32_t devices[] = { 1 };
	struct world world;

	(void)state;
	set_up(&world, &settings, 1, devices);
	must(&world, PAWL_ROLLOUT_DEVICE_ADDED, 0, 0, 0);
	must(&world, PAWL_ROLLOUT_START, 0, 0, 0);
	must(&world, PAWL_ROLLOUT_ADMITTED, 0, 0, 1);
	must(&world, PAWL_ROLLOUT_DEVICE_REMOVED, 0, 0, 0);
	assert_int_equal(step(&world, PAWL_ROLLOUT_DEVICE_REMOVED, 0, 0, 0), PAWL_ERR_REFUSED);
	must(&world, PAWL_ROLLOUT_WITHDRAWN, 0, 0, 0);
	assert_int_equal(pawl_rollout_credit(&world.rollout, 0), 1);
	must(&world, PAWL_ROLLOUT_DEVICE_REMOVED, 0, 0, 0);
	assert_int_equal(world.rollout.state, PAWL_ROLLOUT_FINISHED);
}

/* Runs last: every row of the table decided at least once above. */
static void every_row_was_hit(void **state)
{
	(void)state;
	for (unsigned rule = 0; rule < PAWL_RULE_COUNT; rule++) {
		if (!row_hit[rule])
			fail_msg("row %s was never hit",
			    pawl_rollout_rule_name((pawl_rollout_rule)rule));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stages_take_shares_of_what_is_left),
		cmocka_unit_test(settings_are_checked),
		cmocka_unit_test(a_bad_release_harms_no_more_than_the_base),
		cmocka_unit_test(error_threshold_is_strict_and_halts_one_stratum_only),
		cmocka_unit_test(the_next_stage_opens_at_the_threshold),
		cmocka_unit_test(largest_numbers_do_not_wrap),
		cmocka_unit_test(random_sequences_keep_every_promise),
		cmocka_unit_test(clean_runs_finish_and_killers_stop_at_the_base),
		cmocka_unit_test(a_device_may_come_and_go),
		cmocka_unit_test(every_row_was_hit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
