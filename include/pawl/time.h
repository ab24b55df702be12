/* SPDX-License-Identifier: MIT
 *
 * pawl/time.h - two kinds of time that can not be mixed up.
 *
 * Pure and freestanding: nothing here reads a clock. The program samples both
 * clocks once per event and hands them down.
 */
#ifndef PAWL_TIME_H
#define PAWL_TIME_H

#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00:00Z, without leap seconds. May jump. */
struct pawl_wall {
	int64_t ms;
};

/* Milliseconds since some fixed moment of this boot. Never goes back. */
struct pawl_mono {
	int64_t ms;
};

#define PAWL_MS_PER_S INT64_C(1000)
#define PAWL_MS_PER_MIN (60 * PAWL_MS_PER_S)
#define PAWL_MS_PER_H (60 * PAWL_MS_PER_MIN)
#define PAWL_MS_PER_DAY (24 * PAWL_MS_PER_H)

#endif
