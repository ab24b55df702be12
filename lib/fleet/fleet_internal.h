/* SPDX-License-Identifier: MIT
 *
 * fleet_internal.h - what the files of lib/fleet share.
 *
 * Reading order: fleet.c (life, devices), fleet_action.c (how one action
 * lives), fleet_ddi.c (what devices call), fleet_rollout.c (who is admitted),
 * fleet_load.c and fleet_record.c (restart). Objects point at each other;
 * only rows (the public structs) leave this folder. */
#ifndef PAWL_FLEET_INTERNAL_H
#define PAWL_FLEET_INTERNAL_H

#include "pawl/fleet.h"

/* --- maps and queues (fleet_map.c) --- */

/* From ids (never 0) to pointers; open addressing. */
struct id_map {
	struct {
		uint32_t key; /* 0: free                                          */
		void *value;
	} * slot;
	uint32_t capacity; /* a power of two, or 0                             */
	uint32_t count;
};

void *pawl_fleet_id_map_get(const struct id_map *map, uint32_t key);
void pawl_fleet_id_map_put(struct id_map *map, uint32_t key, void *value);
void pawl_fleet_id_map_remove(struct id_map *map, uint32_t key);
void pawl_fleet_id_map_finish(struct id_map *map);

/* Deadlines on the fleet clock, earliest first. Entries are never taken back: who pops one looks
 * whether it still means anything. */
struct deadline {
	int64_t at;
	uint32_t action_id;
};
struct deadline_queue {
	struct deadline *at;
	uint32_t count;
	uint32_t capacity;
};

void pawl_fleet_deadline_push(struct deadline_queue *queue, struct deadline deadline);
struct deadline pawl_fleet_deadline_pop(struct deadline_queue *queue);

/* Heap memory or a panic. */
void *pawl_fleet_must_allocate(size_t count, size_t size);
void *pawl_fleet_must_resize(void *at, size_t count, size_t size);
/* An owned copy; "" is static and never freed. */
const char *pawl_fleet_text_copy(struct pawl_bytes text);
/* The same as pawl_put_clean has it, at most `limit` bytes. */
const char *pawl_fleet_text_copy_clean(struct pawl_bytes text, size_t limit);
void pawl_fleet_text_free(const char *text);
void pawl_fleet_text_set(const char **slot, struct pawl_bytes text);

/* --- objects --- */

struct device;
struct action;
struct rollout;

struct set {
	struct pawl_fleet_distribution_set row;
	struct pawl_fleet_module *modules; /* row.modules                        */
	unsigned dirty;
};

struct member {
	struct rollout *rollout;
	struct device *device;
	struct member *next_of_device; /* towards older rollouts                  */
	struct action *action;         /* while IN_FLIGHT                          */
	uint64_t order;                /* first bytes of the HMAC                   */
	uint32_t stratum;
	uint32_t stage;
	pawl_member_state state;
	unsigned dirty;
};

struct action {
	struct pawl_fleet_action row;
	struct device *device;
	struct set *set;
	struct rollout *rollout;         /* NULL: assigned by hand                       */
	struct member *member;           /* NULL: not a rollout's, or it left             */
	struct action *older;            /* of the device                                 */
	struct action *open_next;        /* of the device, oldest first, while open      */
	struct action *rollout_previous; /* open actions of the rollout          */
	struct action *rollout_next;
	int64_t watched_from; /* fleet clock: made, or claimed                            */
	unsigned dirty;
};

struct device {
	struct pawl_fleet_device row;
	struct pawl_fleet_attribute *attributes; /* row.attributes                 */
	struct device *next_in_bucket;
	struct action *newest;
	struct action *open;    /* oldest open one                               */
	struct member *members; /* newest rollout first                          */
	int64_t heard_at;       /* fleet clock                                   */
	unsigned dirty;
};

struct rollout {
	struct pawl_fleet_rollout row;
	const char **names; /* row.stratum_names                                 */
	struct set *set;
	struct member **members; /* sorted by stratum, stage, order, device id    */
	uint32_t member_capacity;
	struct action *open;
	int64_t resumed_at; /* fleet clock                                       */
	unsigned dirty;
};

struct effect_block {
	struct effect_block *next;
	size_t used;
	size_t capacity;
	max_align_t memory[];
};

struct pawl_fleet {
	struct pawl_fleet_settings settings;
	struct pawl_fleet_counters counters;
	bool counters_dirty;
	struct device **buckets; /* by controllerId                               */
	uint32_t bucket_count;
	struct id_map devices;
	struct id_map actions;
	struct id_map modules;  /* module id -> struct set                        */
	struct device **sorted; /* by controllerId, the first sorted_count are in order */
	uint32_t sorted_count;
	uint32_t device_count;
	uint32_t device_capacity;
	struct set **sets; /* ascending id                                       */
	uint32_t set_count;
	uint32_t set_capacity;
	struct rollout **rollouts; /* ascending id                               */
	uint32_t rollout_count;
	uint32_t rollout_capacity;
	struct deadline_queue deadlines;
	int64_t started_at; /* fleet clock: silence counts from here at the earliest */
	/* Silence is counted on a clock of its own, in ms: it begins as the wall
	 * clock and follows it, but never back and never far at once, so that a
	 * wrong date fails nobody. */
	int64_t clock;
	int64_t wall; /* when `clock` was read last; 0: not yet                    */
	uint32_t state_count[PAWL_DEVICE_REFUSED + 1];
	struct pawl_fleet_effect *effects;
	size_t effect_count;
	size_t effect_capacity;
	struct effect_block *blocks;
	struct pawl_rollout_effect *step_effects; /* scratch of one rollout step   */
	uint64_t visits;
};

/* --- text building --- */

struct sentence {
	char text[PAWL_REASON_MAX + 1];
	struct pawl_buf buf;
};

void pawl_fleet_sentence_begin(struct sentence *sentence);
void pawl_fleet_sentence_put(struct sentence *sentence, const char *text);
void pawl_fleet_sentence_int(struct sentence *sentence, int64_t value);
/* NUL-terminated; what did not fit is cut. */
const char *pawl_fleet_sentence_end(struct sentence *sentence);

/* --- effects (fleet_effects.c) --- */

void pawl_fleet_effect_counters(struct pawl_fleet *fleet);
void pawl_fleet_effect_device(struct pawl_fleet *fleet, struct device *device);
void pawl_fleet_effect_touch(struct pawl_fleet *fleet, struct device *device);
void pawl_fleet_effect_attributes(struct pawl_fleet *fleet, struct device *device);
void pawl_fleet_effect_remove_device(struct pawl_fleet *fleet, uint32_t device_id);
void pawl_fleet_effect_set(struct pawl_fleet *fleet, struct set *set);
void pawl_fleet_effect_action(struct pawl_fleet *fleet, struct action *action);
void pawl_fleet_effect_rollout(struct pawl_fleet *fleet, struct rollout *rollout);
void pawl_fleet_effect_members(struct pawl_fleet *fleet, struct rollout *rollout);
void pawl_fleet_effect_member(struct pawl_fleet *fleet, struct member *member);
/* A status of the action; counts it. `name` is static. */
void pawl_fleet_effect_status(struct pawl_fleet *fleet, struct action *action, const char *name,
    int64_t now, const struct pawl_fleet_feedback *feedback, const char *message);
/* `name` is static; `text` is copied. */
void pawl_fleet_effect_log(
    struct pawl_fleet *fleet, const char *name, int64_t now, const char *text);
/* key=value for a device and one more pair. */
void pawl_fleet_log_device(struct pawl_fleet *fleet, const char *name, int64_t now,
    const struct device *device, const char *key, const char *value);

/* --- devices (fleet.c) --- */

struct device *pawl_fleet_find_device(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id);
/* Puts a filled device into every index. */
void pawl_fleet_device_link(struct pawl_fleet *fleet, struct device *device);
struct set *pawl_fleet_set_by_id(const struct pawl_fleet *fleet, uint32_t id);
void pawl_fleet_set_link(struct pawl_fleet *fleet, struct set *set);
struct rollout *pawl_fleet_rollout_by_id(const struct pawl_fleet *fleet, uint32_t id);
void pawl_fleet_rollout_link(struct pawl_fleet *fleet, struct rollout *rollout);
void pawl_fleet_rollout_free(struct rollout *rollout);
void pawl_fleet_set_free(struct set *set);
void pawl_fleet_change_state(struct pawl_fleet *fleet, struct device *device,
    pawl_device_state state, const char *why, int64_t now);
/* NULL when the device has no such attribute. */
const char *pawl_fleet_attribute_of(const struct device *device, const char *key);
/* The set's module for the device's hardware class, or NULL. */
const struct pawl_fleet_module *pawl_fleet_module_for(
    const struct set *set, const struct device *device);
/* Why the device can not take the set; NULL when it can. */
const char *pawl_fleet_unfit(const struct device *device, const struct set *set);

/* --- releases (fleet_assign.c) --- */

/* What is wrong with it, by name; NULL when nothing is. */
const char *pawl_fleet_set_fault(const struct pawl_fleet_distribution_set *set);
struct set *pawl_fleet_set_copy(const struct pawl_fleet_distribution_set *row);

/* --- actions (fleet_action.c) --- */

bool pawl_fleet_action_is_open(const struct action *action);
/* True while the device must not see the action: its rollout is paused, or
 * its stratum halted, and it is not activated. */
bool pawl_fleet_action_is_withheld(const struct action *action);
bool pawl_fleet_action_id_is_ambiguous(uint32_t id);
/* NULL when no id is left. `member` may be NULL. */
struct action *pawl_fleet_action_create(struct pawl_fleet *fleet, struct device *device,
    struct set *set, struct member *member, pawl_force_type force, int64_t force_at, int64_t now);
/* Inserts into the lists of device, rollout and the index. */
void pawl_fleet_action_link(struct pawl_fleet *fleet, struct action *action);
/* Lets the fleet clock follow the wall clock, and reads it. */
int64_t pawl_fleet_clock(struct pawl_fleet *fleet, int64_t now);
/* When silence (or, for a claim, lack of proof) becomes a failure; fleet clock. */
int64_t pawl_fleet_action_deadline(const struct pawl_fleet *fleet, const struct action *action);
void pawl_fleet_action_watch(struct pawl_fleet *fleet, struct action *action);
void pawl_fleet_action_finish(
    struct pawl_fleet *fleet, struct action *action, bool unverified, int64_t now);
/* Download-only: the device has what it was to have, and runs what it ran. */
void pawl_fleet_action_downloaded(struct pawl_fleet *fleet, struct action *action, int64_t now);
void pawl_fleet_action_fail(struct pawl_fleet *fleet, struct action *action,
    pawl_device_state state, const char *why, int64_t now);
void pawl_fleet_action_cancelled(
    struct pawl_fleet *fleet, struct action *action, const char *why, int64_t now);
/* Asks the device, or closes at once what it never read. */
void pawl_fleet_action_request_cancel(struct pawl_fleet *fleet, struct action *action,
    bool leaves_rollout, const char *why, int64_t now);
/* The device sends attributes of ours, so its image hash can be asked for. */
bool pawl_fleet_speaks_pawl(const struct device *device);
/* Looks whether a claim is proven now, or stands on the device's word. */
void pawl_fleet_action_try_prove(
    struct pawl_fleet *fleet, struct action *action, bool attributes_came, int64_t now);

/* --- rollouts (fleet_rollout.c, fleet_rollout_create.c) --- */

/* Hands one outcome of a device to its rollout. */
void pawl_fleet_member_outcome(
    struct pawl_fleet *fleet, struct member *member, pawl_rollout_event_kind outcome, int64_t now);
/* The device no longer takes part; it must not be in flight. */
void pawl_fleet_member_leave(struct pawl_fleet *fleet, struct member *member, int64_t now);
void pawl_fleet_rollout_admit(struct pawl_fleet *fleet, struct device *device, int64_t now);
pawl_err pawl_fleet_rollout_apply(struct pawl_fleet *fleet, struct rollout *rollout,
    const struct pawl_rollout_event *event, struct pawl_note *note);
struct member *pawl_fleet_member_of(const struct device *device, const struct rollout *rollout);
uint64_t pawl_fleet_member_order(const struct pawl_fleet_rollout *row, const char *controller_id);
/* Appends to the rollout and to the device's list; does not sort. */
struct member *pawl_fleet_member_add(struct rollout *rollout, struct device *device,
    uint32_t stratum, uint32_t stage, pawl_member_state state);
void pawl_fleet_members_sort(struct rollout *rollout);
/* Takes the member out of both lists and frees it. */
void pawl_fleet_member_drop(struct member *member);

#endif
