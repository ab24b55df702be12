/* SPDX-License-Identifier: MIT */
#include "pawl/env.h"
#include "pawl/err.h"

#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;
	PAWL_ASSERT(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * PAWL_MS_PER_S + (int64_t)now.tv_nsec / 1000000;
}

struct pawl_wall pawl_env_wall(void)
{
	return (struct pawl_wall){ clock_ms(CLOCK_REALTIME) };
}

struct pawl_mono pawl_env_mono(void)
{
	return (struct pawl_mono){ clock_ms(CLOCK_BOOTTIME) };
}

void pawl_env_wait(int64_t ms)
{
	if (ms <= 0)
		return;
	const struct timespec span = { .tv_sec = (time_t)(ms / PAWL_MS_PER_S),
		.tv_nsec = (long)(ms % PAWL_MS_PER_S) * 1000000L };
	(void)nanosleep(&span, NULL);
}
