/* SPDX-License-Identifier: MIT
 *
 * pawl/rollout.h - whom a rollout may admit, when it holds, when it halts,
 * and why, in a sentence with the numbers that decided.
 *
 * Pure: step(state, event) -> effects. No heap: the caller owns the rollout,
 * its strata and the array that effects are written to. No threads. The
 * engine knows no device, only numbers: who stands in which stage is the
 * caller's business (pawl/fleet.h), and so is reporting each outcome once.
 *
 * A stratum is a set of devices alike; each runs the stages by itself. The
 * decision of a stratum is the first row of a table that applies
 * (PAWL_ROLLOUT_RULES); docs/spec/rollout.md explains each row. Two gates
 * stand side by side: fixed stages with thresholds, and the harm budget
 *     in_flight + failed <= base + gain_permille / 1000 * healthy
 * which holds at every admission. An evidence engine would be a third gate:
 * more fields of a stratum and more rows of the table, the same events.
 *
 *     count waiting = size - in_flight - healthy - failed
 */
#ifndef PAWL_ROLLOUT_H
#define PAWL_ROLLOUT_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAWL_ROLLOUT_STAGES_MAX = 32,
	PAWL_ROLLOUT_STRATA_MAX = 64,
	/* One stratum's devices; keeps every product below within 64 bits. */
	PAWL_ROLLOUT_SIZE_MAX = 100000000,
	PAWL_ROLLOUT_WHY_SIZE = 256,
	/* All of what a stage's devices leave over. */
	PAWL_ROLLOUT_SHARE_ALL = 1000000
};

typedef enum pawl_rollout_state {
	PAWL_ROLLOUT_READY, /* made, not started                                 */
	PAWL_ROLLOUT_RUNNING,
	PAWL_ROLLOUT_PAUSED,   /* by a person, or because every unfinished stratum halted */
	PAWL_ROLLOUT_FINISHED, /* every stratum finished                            */
	PAWL_ROLLOUT_STOPPED   /* by a person, for good                             */
} pawl_rollout_state;

typedef enum pawl_stratum_state {
	PAWL_STRATUM_RUNNING, /* may admit, or waits for the outcome of those in flight */
	PAWL_STRATUM_HELD,    /* the harm budget is used up for now; resumes by itself  */
	PAWL_STRATUM_HALTED,  /* a person must act                                 */
	PAWL_STRATUM_FINISHED /* every device is healthy or failed                 */
} pawl_stratum_state;

/* The decision table of one stratum, in order; the first row that applies
 * wins. X(name, sentence); {words} stand for numbers. A sentence does not
 * repeat the stratum's state, which is shown in front of it. */
#define PAWL_ROLLOUT_RULES(X)                                                                      \
	X(NOT_STARTED, "not started yet")                                                          \
	X(STOPPED, "stopped by an operator: {healthy} of {size} devices healthy, "                 \
		   "{in_flight} in flight, {failed} failed")                                       \
	X(STAYS_HALTED, "{halt_failed} of {halt_size} devices failed in stage {halt_stage} "       \
			"(allowed: {halt_error} %); an operator has to decide")                    \
	X(STAYS_OUT_OF_BUDGET, "{halt_failed} failed and used up the harm budget of "              \
			       "{halt_budget}; an operator has to decide")                         \
	X(ERRORS, "{stage_counted} of {stage_size} devices failed in stage {stage}, "              \
		  "more than {error} %")                                                           \
	X(ALL_DONE, "{healthy} of {size} devices healthy, {failed} failed")                        \
	X(STAGE_PROVEN, "stage {stage} is proven: {stage_healthy} of {stage_size} devices "        \
			"healthy, {success} % wanted; stage {next_stage} opens")                   \
	X(STAGE_COMPLETE, "stage {stage} is complete: {stage_healthy} of {stage_size} devices "    \
			  "healthy, {stage_failed} failed within the allowed {error} %; "          \
			  "stage {next_stage} opens")                                              \
	X(PAUSED, "paused by an operator: {healthy} of {size} devices healthy, "                   \
		  "{in_flight} in flight, {failed} failed")                                        \
	X(AWAITS_PROOF, "stage {stage} of {stages}: every device of it was admitted; waiting "     \
			"for proof from {in_flight} in flight")                                    \
	X(BUDGET_SPENT, "{counted} failed and used up the harm budget of {budget}; nothing is "    \
			"in flight")                                                               \
	X(HELD, "{in_flight} in flight and {counted} failed use up the harm budget of "            \
		"{budget}; it goes on with the next healthy device")                               \
	X(ADMITS,                                                                                  \
	    "stage {stage} of {stages}: {healthy} of {size} devices healthy, "                     \
	    "{in_flight} in flight, {failed} failed; {credit} more may begin when they call")

typedef enum pawl_rollout_rule {
#define X(name, sentence) PAWL_RULE_##name,
	PAWL_ROLLOUT_RULES(X)
#undef X
	    PAWL_RULE_COUNT
} pawl_rollout_rule;

struct pawl_rollout_stage {
	uint32_t share_ppm;         /* 1..1000000: millionths of what earlier stages left over;
				     * all of it in the last stage                    */
	uint32_t success_threshold; /* 0..100 percent healthy to open the next stage           */
	uint32_t error_threshold;   /* 0..100 percent; more failed than this halts             */
};

struct pawl_rollout_settings {
	uint32_t stage_count; /* 1..PAWL_ROLLOUT_STAGES_MAX                       */
	struct pawl_rollout_stage stages[PAWL_ROLLOUT_STAGES_MAX];
	uint32_t budget_base;          /* 1..PAWL_ROLLOUT_SIZE_MAX devices        */
	uint32_t budget_gain_permille; /* 0..1000000                              */
};

/* Counters of one stage of one stratum; in devices. */
struct pawl_rollout_count {
	uint32_t size;
	uint32_t in_flight;
	uint32_t healthy;
	uint32_t failed;
	uint32_t accepted; /* of `failed`: seen by the operator who resumed after a halt;
			    * they count neither against threshold nor budget     */
};

struct pawl_rollout_stratum {
	pawl_stratum_state state;
	uint32_t stage; /* index of the last open stage                           */
	struct pawl_rollout_count count[PAWL_ROLLOUT_STAGES_MAX];
	struct pawl_rollout_count total; /* the sum over all stages               */
	/* What halted it; meaningful while HALTED. Kept, since counters go on. */
	pawl_rollout_rule halt_rule; /* ERRORS or BUDGET_SPENT                    */
	uint32_t halt_stage;
	uint32_t halt_failed;
	uint32_t halt_size; /* ERRORS: devices of the stage; BUDGET_SPENT: the budget */
};

struct pawl_rollout {
	struct pawl_rollout_settings settings;
	pawl_rollout_state state;
	struct pawl_rollout_stratum *strata; /* the caller's                      */
	uint32_t stratum_count;
};

typedef enum pawl_rollout_event_kind {
	PAWL_ROLLOUT_START,
	PAWL_ROLLOUT_ADMITTED,  /* `count` devices of (stratum, stage) began             */
	PAWL_ROLLOUT_HEALTHY,   /* one in flight is proven healthy                       */
	PAWL_ROLLOUT_FAILED,    /* one in flight failed, refused or fell silent          */
	PAWL_ROLLOUT_WITHDRAWN, /* one in flight was called back before it activated: waits again */
	PAWL_ROLLOUT_PAUSE,
	/* Takes up the strata that did not halt. When every unfinished stratum
	 * halted, resuming is the operator's decision to go on in spite of it:
	 * their failures so far are accepted and the budget begins anew. */
	PAWL_ROLLOUT_RESUME,
	PAWL_ROLLOUT_STOP,
	PAWL_ROLLOUT_TICK,          /* decides again; changes nothing by itself          */
	PAWL_ROLLOUT_DEVICE_ADDED,  /* one more waits in (stratum, stage)                */
	PAWL_ROLLOUT_DEVICE_REMOVED /* one that waits left (stratum, stage)              */
} pawl_rollout_event_kind;

struct pawl_rollout_event {
	pawl_rollout_event_kind kind;
	struct pawl_wall now;
	uint32_t stratum; /* index; ignored by START, PAUSE, RESUME, STOP, TICK   */
	uint32_t stage;   /* index; the same                                      */
	uint32_t count;   /* ADMITTED: how many, >= 1                             */
};

typedef enum pawl_rollout_effect_kind {
	PAWL_ROLLOUT_ADMIT,       /* up to `count` devices of open stages may begin     */
	PAWL_ROLLOUT_WITHDRAW,    /* take offers that are not activated out of sight;
				   * they stay in flight until the caller reports more  */
	PAWL_ROLLOUT_CANCEL_OPEN, /* a stratum halted: cancel what is not activated     */
	PAWL_ROLLOUT_CANCEL_ALL,  /* stopped: cancel every open action of all strata    */
	PAWL_ROLLOUT_HALTED,
	PAWL_ROLLOUT_HELD,
	PAWL_ROLLOUT_STAGE_OPENED, /* `stage` is the new one                             */
	PAWL_ROLLOUT_STRATUM_FINISHED,
	PAWL_ROLLOUT_ENDED_PAUSED,  /* every unfinished stratum halted                    */
	PAWL_ROLLOUT_ENDED_FINISHED /* the whole rollout                                  */
} pawl_rollout_effect_kind;

struct pawl_rollout_effect {
	pawl_rollout_effect_kind kind;
	uint32_t stratum;
	uint32_t stage;
	uint32_t count;
	pawl_rollout_rule rule; /* the row that decided                            */
	char why[PAWL_ROLLOUT_WHY_SIZE];
};

/* Most effects that one event can have on `stratum_count` strata: each may
 * open all its stages and then end, and the rollout may end. */
#define PAWL_ROLLOUT_EFFECTS_MAX(stratum_count)                                                    \
	((size_t)(stratum_count) * (PAWL_ROLLOUT_STAGES_MAX + 3) + 2)

/* Checks the settings. PAWL_ERR_RANGE with the field in the note. */
PAWL_MUST_CHECK pawl_err pawl_rollout_check(
    const struct pawl_rollout_settings *settings, struct pawl_note *reterr_note);

/* `count` stages of equal size, as hawkBit's amountGroups; thresholds from `like`. */
void pawl_rollout_equal_stages(
    uint32_t count, struct pawl_rollout_stage like, struct pawl_rollout_stage *ret_stages);

/* How `device_count` devices fall into the stages: each takes its share of
 * what is left over, rounded up, so that a stage is empty only when no device
 * is left. The last one takes all that remain. */
void pawl_rollout_sizes(const struct pawl_rollout_settings *settings, uint32_t device_count,
    uint32_t ret_sizes[PAWL_ROLLOUT_STAGES_MAX]);

/* A rollout in state READY. Copies checked `settings`; keeps `strata`, of
 * which the caller has filled count[].size and nothing else. PAWL_ERR_RANGE as
 * pawl_rollout_check, or too many strata or devices. */
PAWL_MUST_CHECK pawl_err pawl_rollout_init(struct pawl_rollout *rollout,
    const struct pawl_rollout_settings *settings, struct pawl_rollout_stratum *strata,
    uint32_t stratum_count, struct pawl_note *reterr_note);

/* Applies one event. `effects` has room for PAWL_ROLLOUT_EFFECTS_MAX entries.
 * PAWL_ERR_REFUSED: the event does not fit the state (started twice, ADMITTED
 * beyond the credit, HEALTHY with nothing in flight): nothing is changed, and
 * the note says why. PAWL_ERR_RANGE: no such stratum or stage. */
PAWL_MUST_CHECK pawl_err pawl_rollout_step(struct pawl_rollout *rollout,
    const struct pawl_rollout_event *event, struct pawl_rollout_effect *effects,
    size_t *ret_effect_count, struct pawl_note *reterr_note);

/* How many devices of the stratum may begin now; 0 unless it is running.
 * A device may begin when its stage is open and this is not 0. */
uint32_t pawl_rollout_credit(const struct pawl_rollout *rollout, uint32_t stratum);
/* The harm budget in devices now: base + gain * healthy, at most UINT32_MAX. */
uint32_t pawl_rollout_budget(const struct pawl_rollout *rollout, uint32_t stratum);
/* The row of the table that applies to the stratum now. */
pawl_rollout_rule pawl_rollout_rule_of(const struct pawl_rollout *rollout, uint32_t stratum);

/* One sentence each, NUL-terminated. */
void pawl_rollout_stratum_why(
    const struct pawl_rollout *rollout, uint32_t stratum, char ret_why[PAWL_ROLLOUT_WHY_SIZE]);
/* The name of the row in capitals, "ADMITS"; never NULL. */
const char *pawl_rollout_rule_name(pawl_rollout_rule rule);
/* "ready", "running", ...; never NULL. */
const char *pawl_rollout_state_name(pawl_rollout_state state);
/* "running", "held", "halted", "finished"; never NULL. */
const char *pawl_stratum_state_name(pawl_stratum_state state);

/* Recomputes `total` from `count` and panics when a counter contradicts
 * another. For callers that restored a rollout, and for tests. */
void pawl_rollout_recount(struct pawl_rollout *rollout);

#endif
