/* SPDX-License-Identifier: MIT
 *
 * pawl/prng.h - reproducible chance for simulation, jitter and tests.
 *
 * Pure and freestanding. Not for keys, tokens or nonces: those come from
 * lib/crypto and the environment. Generator: splitmix64 (Steele, Lea, Flood,
 * OOPSLA 2014).
 */
#ifndef PAWL_PRNG_H
#define PAWL_PRNG_H

#include <stdint.h>

struct pawl_prng {
	uint64_t state;
};

struct pawl_prng pawl_prng_of(uint64_t seed);
/* An independent stream for one subject: a new draw in one leaves the others
 * as they were. */
struct pawl_prng pawl_prng_fork(uint64_t seed, uint64_t label);
uint64_t pawl_prng_next(struct pawl_prng *prng);
/* Uniform in [0, bound), without modulo bias; `bound` > 0. */
uint64_t pawl_prng_below(struct pawl_prng *prng, uint64_t bound);

#endif
