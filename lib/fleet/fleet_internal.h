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

void *id_map_get(const struct id_map *map, uint32_t key);
void id_map_put(struct id_map *map, uint32_t key, void *value);
void id_map_remove(struct id_map *map, uint32_t key);
void id_map_finish(struct id_map *map);

/* Deadlines, earliest first. Entries are never taken back: who pops one looks
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

void deadline_push(struct deadline_queue *queue, struct deadline deadline);
struct deadline deadline_pop(struct deadline_queue *queue);

/* Heap memory or a panic. */
void *must_allocate(size_t count, size_t size);
void *must_resize(void *at, size_t count, size_t size);
/* An owned copy; "" is static and never freed. */
const char *text_copy(struct pawl_bytes text);
/* The same, with control characters as spaces and cut at `limit` bytes. */
const char *text_copy_clean(struct pawl_bytes text, size_t limit);
void text_free(const char *text);
void text_set(const char **slot, struct pawl_bytes text);

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
	unsigned dirty;
};

struct device {
	struct pawl_fleet_device row;
	struct pawl_fleet_attribute *attributes; /* row.attributes                 */
	struct device *next_in_bucket;
	struct action *newest;
	struct action *open;    /* oldest open one                               */
	struct member *members; /* newest rollout first                          */
	unsigned dirty;
};

struct rollout {
	struct pawl_fleet_rollout row;
	const char **names; /* row.stratum_names                                 */
	struct set *set;
	struct member **members; /* sorted by stratum, stage, order, device id    */
	uint32_t member_capacity;
	struct action *open;
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
	int64_t started_at; /* silence counts from here at the earliest            */
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

void sentence_begin(struct sentence *sentence);
void sentence_put(struct sentence *sentence, const char *text);
void sentence_int(struct sentence *sentence, int64_t value);
/* NUL-terminated; what did not fit is cut. */
const char *sentence_end(struct sentence *sentence);

/* Letters, digits, '.', '_', '-' (and '+' when `plus`), a letter or digit
 * first, no "..", 1..max characters. */
bool name_is_valid(struct pawl_bytes text, size_t max, bool plus);

/* --- effects (fleet_effects.c) --- */

void effect_counters(struct pawl_fleet *fleet);
void effect_device(struct pawl_fleet *fleet, struct device *device);
void effect_touch(struct pawl_fleet *fleet, struct device *device);
void effect_attributes(struct pawl_fleet *fleet, struct device *device);
void effect_remove_device(struct pawl_fleet *fleet, uint32_t device_id);
void effect_set(struct pawl_fleet *fleet, struct set *set);
void effect_action(struct pawl_fleet *fleet, struct action *action);
void effect_rollout(struct pawl_fleet *fleet, struct rollout *rollout);
void effect_members(struct pawl_fleet *fleet, struct rollout *rollout);
void effect_member(struct pawl_fleet *fleet, struct member *member);
/* A status of the action; counts it. `name` is static. */
void effect_status(struct pawl_fleet *fleet, struct action *action, const char *name, int64_t now,
    const struct pawl_fleet_feedback *feedback, const char *message);
/* `name` is static; `text` is copied. */
void effect_log(struct pawl_fleet *fleet, const char *name, int64_t now, const char *text);
/* key=value for a device and one more pair. */
void log_device(struct pawl_fleet *fleet, const char *name, int64_t now,
    const struct device *device, const char *key, const char *value);

/* --- devices (fleet.c) --- */

struct device *device_by_name(const struct pawl_fleet *fleet, struct pawl_bytes controller_id);
/* Puts a filled device into every index. */
void device_link(struct pawl_fleet *fleet, struct device *device);
struct set *set_by_id(const struct pawl_fleet *fleet, uint32_t id);
void set_link(struct pawl_fleet *fleet, struct set *set);
struct rollout *rollout_by_id(const struct pawl_fleet *fleet, uint32_t id);
void rollout_link(struct pawl_fleet *fleet, struct rollout *rollout);
void rollout_free(struct rollout *rollout);
void set_free(struct set *set);
void set_state(struct pawl_fleet *fleet, struct device *device, pawl_device_state state,
    const char *why, int64_t now);
/* NULL when the device has no such attribute. */
const char *attribute_of(const struct device *device, const char *key);
/* The set's module for the device's hardware class, or NULL. */
const struct pawl_fleet_module *module_for(const struct set *set, const struct device *device);
/* Why the device can not take the set; NULL when it can. */
const char *unfit(const struct device *device, const struct set *set);

/* --- releases (fleet_assign.c) --- */

/* What is wrong with it, by name; NULL when nothing is. */
const char *set_fault(const struct pawl_fleet_distribution_set *set);
struct set *set_copy(const struct pawl_fleet_distribution_set *row);

/* --- actions (fleet_action.c) --- */

bool action_is_open(const struct action *action);
/* True while the device must not see the action: its rollout is paused, or
 * its stratum halted, and it is not activated. */
bool action_is_withheld(const struct action *action);
bool action_id_is_ambiguous(uint32_t id);
/* NULL when no id is left. `member` may be NULL. */
struct action *action_create(struct pawl_fleet *fleet, struct device *device, struct set *set,
    struct member *member, pawl_force_type force, int64_t force_at, int64_t now);
/* Inserts into the lists of device, rollout and the index. */
void action_link(struct pawl_fleet *fleet, struct action *action);
/* When silence (or, for a claim, lack of proof) becomes a failure. */
int64_t action_deadline(const struct pawl_fleet *fleet, const struct action *action);
void action_watch(struct pawl_fleet *fleet, struct action *action);
void action_finish(struct pawl_fleet *fleet, struct action *action, bool unverified, int64_t now);
void action_fail(struct pawl_fleet *fleet, struct action *action, pawl_device_state state,
    const char *why, int64_t now);
void action_cancelled(
    struct pawl_fleet *fleet, struct action *action, const char *why, int64_t now);
/* Asks the device, or closes at once what it never read. */
void action_request_cancel(struct pawl_fleet *fleet, struct action *action, bool leaves_rollout,
    const char *why, int64_t now);
/* Looks whether a claim is proven now, or stands on the device's word. */
void action_try_prove(
    struct pawl_fleet *fleet, struct action *action, bool attributes_came, int64_t now);

/* --- rollouts (fleet_rollout.c, fleet_rollout_create.c) --- */

/* Hands one outcome of a device to its rollout. */
void member_outcome(
    struct pawl_fleet *fleet, struct member *member, pawl_rollout_event_kind outcome, int64_t now);
/* The device no longer takes part; it must not be in flight. */
void member_leave(struct pawl_fleet *fleet, struct member *member, int64_t now);
void rollout_admit(struct pawl_fleet *fleet, struct device *device, int64_t now);
pawl_err rollout_apply(struct pawl_fleet *fleet, struct rollout *rollout,
    const struct pawl_rollout_event *event, struct pawl_note *note);
struct member *member_of(const struct device *device, const struct rollout *rollout);
uint64_t member_order(const struct pawl_fleet_rollout *row, const char *controller_id);
/* Appends to the rollout and to the device's list; does not sort. */
struct member *member_add(struct rollout *rollout, struct device *device, uint32_t stratum,
    uint32_t stage, pawl_member_state state);
void members_sort(struct rollout *rollout);
/* Takes the member out of both lists and frees it. */
void member_drop(struct member *member);

#endif
