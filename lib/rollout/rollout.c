/* SPDX-License-Identifier: MIT
 *
 * rollout.c - the rollout engine: one table of rules, and the events.
 *
 * Reading order: the table `rules` (each row is a predicate over one stratum
 * and the first that applies decides), then `decide`, which carries a row
 * out, then pawl_rollout_step, where events only move counters.
 * Invariants: in_flight + failed - accepted <= budget at every admission; a
 * halted stratum admits nobody; counters of a stage never exceed its size. */
#include "rollout_internal.h"

#include <string.h>

/* --- numbers --- */

static uint32_t waiting_in(const struct pawl_rollout_count *count)
{
	return count->size - count->in_flight - count->healthy - count->failed;
}

static uint32_t waiting_in_open_stages(const struct pawl_rollout_stratum *stratum)
{
	uint32_t waiting = 0;

	for (uint32_t stage = 0; stage <= stratum->stage; stage++)
		waiting += waiting_in(&stratum->count[stage]);
	return waiting;
}

/* Failures an operator has seen and accepted no longer count. */
static uint32_t counted_failures(const struct pawl_rollout_count *count)
{
	return count->failed - count->accepted;
}

uint32_t pawl_rollout_budget(const struct pawl_rollout *rollout, uint32_t stratum)
{
	PAWL_ASSERT(stratum < rollout->stratum_count);
	const uint64_t healthy = rollout->strata[stratum].total.healthy;
	const uint64_t budget =
	    rollout->settings.budget_base + healthy * rollout->settings.budget_gain_permille / 1000;
	return budget > UINT32_MAX ? UINT32_MAX : (uint32_t)budget;
}

/* What the budget leaves over, whoever waits. */
static uint32_t room_in_budget(const struct pawl_rollout *rollout, uint32_t index)
{
	const struct pawl_rollout_count *total = &rollout->strata[index].total;
	const uint32_t budget = pawl_rollout_budget(rollout, index);
	const uint32_t used = total->in_flight + counted_failures(total);

	return used >= budget ? 0 : budget - used;
}

uint32_t pawl_rollout_credit(const struct pawl_rollout *rollout, uint32_t stratum)
{
	PAWL_ASSERT(stratum < rollout->stratum_count);
	const struct pawl_rollout_stratum *one = &rollout->strata[stratum];

	if (rollout->state != PAWL_ROLLOUT_RUNNING || one->state == PAWL_STRATUM_HALTED ||
	    one->state == PAWL_STRATUM_FINISHED)
		return 0;
	const uint32_t room = room_in_budget(rollout, stratum);
	const uint32_t waiting = waiting_in_open_stages(one);
	return room < waiting ? room : waiting;
}

/* --- the table --- */

/* What a rule looks at. A rule that is about one stage says which. */
struct view {
	const struct pawl_rollout *rollout;
	const struct pawl_rollout_stratum *stratum;
	uint32_t index;
	uint32_t stage;
};

static bool not_started(struct view *view)
{
	return view->rollout->state == PAWL_ROLLOUT_READY;
}

static bool stopped(struct view *view)
{
	return view->rollout->state == PAWL_ROLLOUT_STOPPED;
}

static bool stays_halted(struct view *view)
{
	return view->stratum->state == PAWL_STRATUM_HALTED &&
	       view->stratum->halt_rule == PAWL_RULE_ERRORS;
}

static bool stays_out_of_budget(struct view *view)
{
	return view->stratum->state == PAWL_STRATUM_HALTED &&
	       view->stratum->halt_rule == PAWL_RULE_BUDGET_SPENT;
}

/* hawkBit: halted when failed / size > threshold / 100, strictly. */
static bool errors(struct view *view)
{
	for (uint32_t stage = 0; stage <= view->stratum->stage; stage++) {
		const struct pawl_rollout_count *count = &view->stratum->count[stage];
		const uint64_t allowed = view->rollout->settings.stages[stage].error_threshold;
		if ((uint64_t)counted_failures(count) * 100 > allowed * count->size) {
			view->stage = stage;
			return true;
		}
	}
	return false;
}

static bool all_done(struct view *view)
{
	const struct pawl_rollout_count *total = &view->stratum->total;

	return total->healthy + total->failed == total->size;
}

static bool has_next_stage(const struct view *view)
{
	return view->stratum->stage + 1 < view->rollout->settings.stage_count;
}

/* hawkBit: the next one opens when finished / size >= threshold / 100. */
static bool stage_proven(struct view *view)
{
	const struct pawl_rollout_count *count = &view->stratum->count[view->stage];
	const uint64_t wanted = view->rollout->settings.stages[view->stage].success_threshold;

	return has_next_stage(view) && (uint64_t)count->healthy * 100 >= wanted * count->size;
}

static bool stage_complete(struct view *view)
{
	const struct pawl_rollout_count *count = &view->stratum->count[view->stage];

	return has_next_stage(view) && count->healthy + count->failed == count->size;
}

static bool paused(struct view *view)
{
	return view->rollout->state == PAWL_ROLLOUT_PAUSED;
}

static bool awaits_proof(struct view *view)
{
	return waiting_in_open_stages(view->stratum) == 0;
}

static bool budget_spent(struct view *view)
{
	return view->stratum->total.in_flight == 0 &&
	       room_in_budget(view->rollout, view->index) == 0;
}

static bool held(struct view *view)
{
	return room_in_budget(view->rollout, view->index) == 0;
}

static bool admits(struct view *view)
{
	(void)view;
	return true;
}

/* clang-format off */
static bool (*const rules[PAWL_RULE_COUNT])(struct view *view) = {
	[PAWL_RULE_NOT_STARTED]         = not_started,
	[PAWL_RULE_STOPPED]             = stopped,
	[PAWL_RULE_STAYS_HALTED]        = stays_halted,
	[PAWL_RULE_STAYS_OUT_OF_BUDGET] = stays_out_of_budget,
	[PAWL_RULE_ERRORS]              = errors,
	[PAWL_RULE_ALL_DONE]            = all_done,
	[PAWL_RULE_STAGE_PROVEN]        = stage_proven,
	[PAWL_RULE_STAGE_COMPLETE]      = stage_complete,
	[PAWL_RULE_PAUSED]              = paused,
	[PAWL_RULE_AWAITS_PROOF]        = awaits_proof,
	[PAWL_RULE_BUDGET_SPENT]        = budget_spent,
	[PAWL_RULE_HELD]                = held,
	[PAWL_RULE_ADMITS]              = admits,
};
/* clang-format on */

static pawl_rollout_rule first_rule(
    const struct pawl_rollout *rollout, uint32_t index, uint32_t *ret_stage)
{
	struct view view = { .rollout = rollout,
		.stratum = &rollout->strata[index],
		.index = index,
		.stage = rollout->strata[index].stage };
	unsigned rule = 0;

	while (!rules[rule](&view)) /* the last row always applies */
		rule++;
	*ret_stage = view.stage;
	return (pawl_rollout_rule)rule;
}

pawl_rollout_rule pawl_rollout_rule_of(const struct pawl_rollout *rollout, uint32_t stratum)
{
	uint32_t stage;

	PAWL_ASSERT(stratum < rollout->stratum_count);
	return first_rule(rollout, stratum, &stage);
}

void pawl_rollout_stratum_why(
    const struct pawl_rollout *rollout, uint32_t stratum, char ret_why[PAWL_ROLLOUT_WHY_SIZE])
{
	uint32_t stage;

	PAWL_ASSERT(stratum < rollout->stratum_count);
	const pawl_rollout_rule rule = first_rule(rollout, stratum, &stage);
	pawl_rollout_sentence(rollout, stratum, stage, rule, ret_why);
}

/* --- carrying a decision out --- */

struct output {
	struct pawl_rollout_effect *effects;
	size_t count;
	size_t capacity;
};

static void emit(const struct pawl_rollout *rollout, struct output *out,
    pawl_rollout_effect_kind kind, uint32_t index, uint32_t stage, pawl_rollout_rule rule)
{
	PAWL_ASSERT(out->count < out->capacity);
	struct pawl_rollout_effect *effect = &out->effects[out->count++];
	*effect = (struct pawl_rollout_effect){
		.kind = kind, .stratum = index, .stage = stage, .rule = rule
	};
	pawl_rollout_sentence(rollout, index, stage, rule, effect->why);
}

static void halt(struct pawl_rollout *rollout, uint32_t index, uint32_t stage,
    pawl_rollout_rule rule, struct output *out)
{
	struct pawl_rollout_stratum *stratum = &rollout->strata[index];
	const bool one_stage = rule == PAWL_RULE_ERRORS;

	emit(rollout, out, PAWL_ROLLOUT_HALTED, index, stage, rule);
	stratum->halt_rule = rule;
	stratum->halt_stage = stage;
	stratum->halt_failed =
	    counted_failures(one_stage ? &stratum->count[stage] : &stratum->total);
	stratum->halt_size =
	    one_stage ? stratum->count[stage].size : pawl_rollout_budget(rollout, index);
	stratum->state = PAWL_STRATUM_HALTED;
	emit(rollout, out, PAWL_ROLLOUT_CANCEL_OPEN, index, stage, rule);
}

static void enter(struct pawl_rollout *rollout, uint32_t index, uint32_t stage,
    pawl_rollout_rule rule, pawl_stratum_state state, pawl_rollout_effect_kind kind,
    struct output *out)
{
	if (rollout->strata[index].state == state)
		return;
	rollout->strata[index].state = state;
	emit(rollout, out, kind, index, stage, rule);
}

static void decide(struct pawl_rollout *rollout, uint32_t index, struct output *out)
{
	struct pawl_rollout_stratum *stratum = &rollout->strata[index];
	uint32_t stage;
	pawl_rollout_rule rule = first_rule(rollout, index, &stage);

	while (rule == PAWL_RULE_STAGE_PROVEN || rule == PAWL_RULE_STAGE_COMPLETE) {
		emit(rollout, out, PAWL_ROLLOUT_STAGE_OPENED, index, stage, rule);
		out->effects[out->count - 1].stage = stage + 1;
		stratum->stage = stage + 1;
		rule = first_rule(rollout, index, &stage);
	}
	switch (rule) {
	case PAWL_RULE_NOT_STARTED:
	case PAWL_RULE_STOPPED:
	case PAWL_RULE_STAYS_HALTED:
	case PAWL_RULE_STAYS_OUT_OF_BUDGET:
	case PAWL_RULE_STAGE_PROVEN:
	case PAWL_RULE_STAGE_COMPLETE:
	case PAWL_RULE_COUNT: break;
	case PAWL_RULE_ERRORS:
	case PAWL_RULE_BUDGET_SPENT: halt(rollout, index, stage, rule, out); break;
	case PAWL_RULE_ALL_DONE:
		enter(rollout, index, stage, rule, PAWL_STRATUM_FINISHED,
		    PAWL_ROLLOUT_STRATUM_FINISHED, out);
		break;
	case PAWL_RULE_HELD:
		enter(rollout, index, stage, rule, PAWL_STRATUM_HELD, PAWL_ROLLOUT_HELD, out);
		break;
	case PAWL_RULE_PAUSED:
	case PAWL_RULE_AWAITS_PROOF: stratum->state = PAWL_STRATUM_RUNNING; break;
	case PAWL_RULE_ADMITS:
		stratum->state = PAWL_STRATUM_RUNNING;
		emit(rollout, out, PAWL_ROLLOUT_ADMIT, index, stage, rule);
		out->effects[out->count - 1].count = pawl_rollout_credit(rollout, index);
		break;
	}
}

static uint32_t strata_in(const struct pawl_rollout *rollout, pawl_stratum_state state)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < rollout->stratum_count; i++)
		found += rollout->strata[i].state == state;
	return found;
}

/* Whether the whole rollout ended or has to wait for a person. `index` is the
 * stratum that decided last. */
static void conclude(struct pawl_rollout *rollout, uint32_t index, struct output *out)
{
	const uint32_t finished = strata_in(rollout, PAWL_STRATUM_FINISHED);
	const uint32_t halted = strata_in(rollout, PAWL_STRATUM_HALTED);

	if (rollout->state != PAWL_ROLLOUT_RUNNING && rollout->state != PAWL_ROLLOUT_PAUSED)
		return;
	if (finished == rollout->stratum_count) {
		rollout->state = PAWL_ROLLOUT_FINISHED;
		emit(rollout, out, PAWL_ROLLOUT_ENDED_FINISHED, index, rollout->strata[index].stage,
		    PAWL_RULE_ALL_DONE);
	} else if (rollout->state == PAWL_ROLLOUT_RUNNING &&
		   finished + halted == rollout->stratum_count) {
		uint32_t culprit = 0;
		while (rollout->strata[culprit].state != PAWL_STRATUM_HALTED)
			culprit++;
		uint32_t stage;
		const pawl_rollout_rule rule = first_rule(rollout, culprit, &stage);
		rollout->state = PAWL_ROLLOUT_PAUSED;
		emit(rollout, out, PAWL_ROLLOUT_ENDED_PAUSED, culprit, stage, rule);
	}
}

static void decide_all(struct pawl_rollout *rollout, struct output *out)
{
	for (uint32_t i = 0; i < rollout->stratum_count; i++)
		decide(rollout, i, out);
	conclude(rollout, 0, out);
}

/* --- events --- */

static pawl_err refuse(struct pawl_note *note, const char *why)
{
	pawl_note_add(note, why);
	return PAWL_ERR_REFUSED;
}

static void withdraw_all(struct pawl_rollout *rollout, struct output *out)
{
	for (uint32_t i = 0; i < rollout->stratum_count; i++) {
		if (rollout->strata[i].total.in_flight > 0)
			emit(rollout, out, PAWL_ROLLOUT_WITHDRAW, i, rollout->strata[i].stage,
			    PAWL_RULE_PAUSED);
	}
}

/* The operator goes on although strata halted: what failed is accepted. */
static void accept_failures(struct pawl_rollout *rollout)
{
	for (uint32_t i = 0; i < rollout->stratum_count; i++) {
		struct pawl_rollout_stratum *stratum = &rollout->strata[i];
		if (stratum->state != PAWL_STRATUM_HALTED)
			continue;
		for (uint32_t stage = 0; stage < rollout->settings.stage_count; stage++)
			stratum->count[stage].accepted = stratum->count[stage].failed;
		stratum->total.accepted = stratum->total.failed;
		stratum->state = PAWL_STRATUM_RUNNING;
	}
}

/* Events of the whole rollout. */
static pawl_err step_whole(struct pawl_rollout *rollout, pawl_rollout_event_kind kind,
    struct output *out, struct pawl_note *note)
{
	const pawl_rollout_state state = rollout->state;

	if (kind == PAWL_ROLLOUT_START) {
		if (state != PAWL_ROLLOUT_READY)
			return refuse(note, "the rollout was started already");
		rollout->state = PAWL_ROLLOUT_RUNNING;
	} else if (kind == PAWL_ROLLOUT_PAUSE) {
		if (state != PAWL_ROLLOUT_RUNNING)
			return refuse(note, "only a running rollout can be paused");
		rollout->state = PAWL_ROLLOUT_PAUSED;
		withdraw_all(rollout, out);
	} else if (kind == PAWL_ROLLOUT_RESUME) {
		if (state != PAWL_ROLLOUT_PAUSED)
			return refuse(note,
			    state == PAWL_ROLLOUT_RUNNING &&
				    strata_in(rollout, PAWL_STRATUM_HALTED) > 0
				? "what halted can be taken up when the rest is done; to go on "
				  "before that, stop the rollout and make a new one"
				: "only a paused rollout can be resumed");
		if (strata_in(rollout, PAWL_STRATUM_RUNNING) +
			strata_in(rollout, PAWL_STRATUM_HELD) ==
		    0)
			accept_failures(rollout);
		rollout->state = PAWL_ROLLOUT_RUNNING;
	} else if (kind == PAWL_ROLLOUT_STOP) {
		if (state == PAWL_ROLLOUT_FINISHED || state == PAWL_ROLLOUT_STOPPED)
			return refuse(note, "the rollout has ended already");
		rollout->state = PAWL_ROLLOUT_STOPPED;
		emit(rollout, out, PAWL_ROLLOUT_CANCEL_ALL, 0, rollout->strata[0].stage,
		    PAWL_RULE_STOPPED);
	}
	decide_all(rollout, out);
	return PAWL_ERR_OK;
}

/* Adds `step` (which may be "minus one", modulo 2^32) to a counter of the
 * stage and of the total. */
#define MOVE(stratum, stage, field, step)                                                          \
	do {                                                                                       \
		(stratum)->count[stage].field += (step);                                           \
		(stratum)->total.field += (step);                                                  \
	} while (0)
#define MINUS_ONE UINT32_MAX

static pawl_err step_outcome(struct pawl_rollout_stratum *stratum,
    const struct pawl_rollout_event *event, struct pawl_note *note)
{
	const uint32_t stage = event->stage;

	if (stratum->count[stage].in_flight == 0)
		return refuse(note, "nothing is in flight in that stage");
	MOVE(stratum, stage, in_flight, MINUS_ONE);
	if (event->kind == PAWL_ROLLOUT_HEALTHY)
		MOVE(stratum, stage, healthy, 1);
	else if (event->kind == PAWL_ROLLOUT_FAILED)
		MOVE(stratum, stage, failed, 1);
	return PAWL_ERR_OK;
}

static pawl_err step_membership(struct pawl_rollout_stratum *stratum,
    const struct pawl_rollout_event *event, struct pawl_note *note)
{
	if (event->kind == PAWL_ROLLOUT_DEVICE_ADDED) {
		if (stratum->total.size >= PAWL_ROLLOUT_SIZE_MAX)
			return refuse(note, "the stratum is full");
		MOVE(stratum, event->stage, size, 1);
		return PAWL_ERR_OK;
	}
	if (waiting_in(&stratum->count[event->stage]) == 0)
		return refuse(note, "no device of that stage waits");
	MOVE(stratum, event->stage, size, MINUS_ONE);
	return PAWL_ERR_OK;
}

/* Events of one device of one stratum. */
static pawl_err step_stratum(struct pawl_rollout *rollout, const struct pawl_rollout_event *event,
    struct output *out, struct pawl_note *note)
{
	struct pawl_rollout_stratum *stratum = &rollout->strata[event->stratum];

	switch (event->kind) {
	case PAWL_ROLLOUT_ADMITTED:
		if (event->count == 0 ||
		    event->count > pawl_rollout_credit(rollout, event->stratum) ||
		    event->stage > stratum->stage ||
		    event->count > waiting_in(&stratum->count[event->stage]))
			return refuse(note, "more admitted than the gates allow");
		MOVE(stratum, event->stage, in_flight, event->count);
		break;
	case PAWL_ROLLOUT_HEALTHY:
	case PAWL_ROLLOUT_FAILED:
	case PAWL_ROLLOUT_WITHDRAWN: PAWL_TRY(step_outcome(stratum, event, note)); break;
	case PAWL_ROLLOUT_DEVICE_ADDED:
	case PAWL_ROLLOUT_DEVICE_REMOVED:
		if (rollout->state == PAWL_ROLLOUT_FINISHED)
			return refuse(note, "the rollout has finished");
		PAWL_TRY(step_membership(stratum, event, note));
		break;
	case PAWL_ROLLOUT_START:
	case PAWL_ROLLOUT_PAUSE:
	case PAWL_ROLLOUT_RESUME:
	case PAWL_ROLLOUT_STOP:
	case PAWL_ROLLOUT_TICK: break; /* not of one stratum; never here */
	}
	decide(rollout, event->stratum, out);
	conclude(rollout, event->stratum, out);
	return PAWL_ERR_OK;
}

pawl_err pawl_rollout_step(struct pawl_rollout *rollout, const struct pawl_rollout_event *event,
    struct pawl_rollout_effect *effects, size_t *ret_effect_count, struct pawl_note *reterr_note)
{
	struct output out = { .effects = effects,
		.capacity = PAWL_ROLLOUT_EFFECTS_MAX(rollout->stratum_count) };
	pawl_err err = PAWL_ERR_RANGE; /* a kind that is none */

	switch (event->kind) {
	case PAWL_ROLLOUT_START:
	case PAWL_ROLLOUT_PAUSE:
	case PAWL_ROLLOUT_RESUME:
	case PAWL_ROLLOUT_STOP:
	case PAWL_ROLLOUT_TICK: err = step_whole(rollout, event->kind, &out, reterr_note); break;
	case PAWL_ROLLOUT_ADMITTED:
	case PAWL_ROLLOUT_HEALTHY:
	case PAWL_ROLLOUT_FAILED:
	case PAWL_ROLLOUT_WITHDRAWN:
	case PAWL_ROLLOUT_DEVICE_ADDED:
	case PAWL_ROLLOUT_DEVICE_REMOVED:
		if (event->stratum >= rollout->stratum_count ||
		    event->stage >= rollout->settings.stage_count) {
			pawl_note_add(reterr_note, "no such stratum or stage");
			return PAWL_ERR_RANGE;
		}
		err = step_stratum(rollout, event, &out, reterr_note);
		break;
	}
	if (err == PAWL_ERR_OK)
		*ret_effect_count = out.count;
	return err;
}
