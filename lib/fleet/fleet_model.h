/* SPDX-License-Identifier: MIT
 *
 * fleet_model.h - for tests: a fleet with a model of the store behind it, and
 * operations chosen by bytes. The restart test draws the bytes from a seed,
 * the fuzz target gets them from the fuzzer. */
#ifndef PAWL_FLEET_MODEL_H
#define PAWL_FLEET_MODEL_H

#include "pawl/fleet.h"

enum { MODEL_NAMES = 24, MODEL_OP_SIZE = 5 };

struct model;

struct model *model_create(void);
void model_destroy(struct model *model);
/* Does one operation and stores its effects. */
void model_step(struct model *model, const uint8_t op[MODEL_OP_SIZE]);
/* Panics when a promise of the header is broken. */
void model_check(const struct model *model);
/* Loads a second fleet from what is stored, panics when it behaves otherwise
 * than the first, and goes on with the second. */
void model_restart(struct model *model);
/* From here on everybody does what is wanted: operators start and resume,
 * devices obey. Panics when a rollout does not end then. */
void model_settle(struct model *model);
/* Totals over all rollouts, so that a test can see that something happened. */
struct pawl_fleet_rollout_totals model_totals(const struct model *model);

#endif
