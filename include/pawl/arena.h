/* SPDX-License-Identifier: MIT
 *
 * pawl/arena.h - bump allocation in the caller's memory.
 *
 * Pure and freestanding. There is no free: the caller resets or drops the
 * whole arena. Every result is aligned for any object and zeroed.
 */
#ifndef PAWL_ARENA_H
#define PAWL_ARENA_H

#include "pawl/bytes.h"

#include <stddef.h>
#include <stdint.h>

struct pawl_arena {
	uint8_t *at;
	size_t used;
	size_t capacity;
};

/* Keeps `memory`. */
struct pawl_arena pawl_arena_of(void *memory, size_t capacity);
void pawl_arena_reset(struct pawl_arena *arena);
/* `count` objects of `size` bytes; NULL when it does not fit or would wrap. */
void *pawl_arena_take(struct pawl_arena *arena, size_t count, size_t size);
/* A copy of `bytes` in the arena; at == NULL when it does not fit and size > 0. */
struct pawl_bytes pawl_arena_copy(struct pawl_arena *arena, struct pawl_bytes bytes);

#endif
