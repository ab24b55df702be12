/* SPDX-License-Identifier: MIT */
#include "pawl/prng.h"

#include "pawl/err.h"

struct pawl_prng pawl_prng_of(uint64_t seed)
{
	return (struct pawl_prng){ seed };
}

struct pawl_prng pawl_prng_fork(uint64_t seed, uint64_t label)
{
	struct pawl_prng prng = { seed ^ (label * UINT64_C(0xd1342543de82ef95)) };

	(void)pawl_prng_next(&prng);
	return prng;
}

uint64_t pawl_prng_next(struct pawl_prng *prng)
{
	uint64_t z = (prng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t pawl_prng_below(struct pawl_prng *prng, uint64_t bound)
{
	PAWL_ASSERT(bound > 0);

	/* Draws below 2^64 mod bound would favour small results. */
	const uint64_t reject_below = (0 - bound) % bound;
	for (;;) {
		const uint64_t draw = pawl_prng_next(prng);
		if (draw >= reject_below)
			return draw % bound;
	}
}
