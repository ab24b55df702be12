/* SPDX-License-Identifier: MIT
 *
 * fleet_kit.h - for tests of lib/fleet: one fleet, one clock, and short words
 * for what devices and operators do. */
#ifndef PAWL_FLEET_KIT_H
#define PAWL_FLEET_KIT_H

#include "cmocka_setup.h"

#include "pawl/fleet.h"

extern const char image_old[];
extern const char image_new[];
extern struct pawl_fleet *fleet;
extern struct pawl_wall now;
extern uint32_t release; /* "2.0.0", its image is image_new */

uint32_t kit_add_release(const char *version, uint64_t seq, const char *image);
int kit_begin(void **state);
int kit_end(void **state);
void kit_add(const char *name);
struct pawl_fleet_poll kit_poll(const char *name);
pawl_fleet_result kit_report(const char *name, uint32_t action_id, pawl_execution execution,
    pawl_finished finished, const char *message);
pawl_fleet_result kit_report_cancel(
    const char *name, uint32_t action_id, pawl_execution execution, pawl_finished finished);
void kit_attribute(const char *name, const char *key, const char *value);
void kit_assert_state(const char *name, pawl_device_state wanted, const char *why_part);
uint32_t kit_assign(const char *name, uint32_t set);
pawl_fleet_result kit_read_deployment(
    const char *name, uint32_t action_id, struct pawl_fleet_deployment *deployment);
void kit_must_read(const char *name, uint32_t action_id);
bool kit_has_effect(pawl_fleet_effect_kind kind, const char *name);
uint32_t kit_create_rollout(const char *name, uint32_t set, uint32_t stages);
void kit_add_many(int count);
int kit_poll_all(int count, uint32_t *actions);
/* Time passes, and the fleet looks at it, in steps no longer than it trusts. */
void kit_pass(int64_t seconds);

#endif
