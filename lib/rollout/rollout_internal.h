/* SPDX-License-Identifier: MIT
 *
 * rollout_internal.h - what the files of lib/rollout share. */
#ifndef PAWL_ROLLOUT_INTERNAL_H
#define PAWL_ROLLOUT_INTERNAL_H

#include "pawl/rollout.h"

/* Writes the sentence of `rule` with the numbers of now. */
void pawl_rollout_sentence(const struct pawl_rollout *rollout, uint32_t stratum, uint32_t stage,
    pawl_rollout_rule rule, char ret_why[PAWL_ROLLOUT_WHY_SIZE]);

#endif
