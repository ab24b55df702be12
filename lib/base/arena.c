/* SPDX-License-Identifier: MIT */
#include "pawl/arena.h"

#include "pawl/num.h"

#include <stddef.h>
#include <string.h>

struct pawl_arena pawl_arena_of(void *memory, size_t capacity)
{
	return (struct pawl_arena){ .at = memory, .capacity = capacity };
}

void pawl_arena_reset(struct pawl_arena *arena)
{
	arena->used = 0;
}

void *pawl_arena_take(struct pawl_arena *arena, size_t count, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	const size_t misfit = (size_t)((uintptr_t)(arena->at + arena->used) % align);
	const size_t padding = misfit == 0 ? 0 : align - misfit;
	size_t wanted;
	size_t end;

	if (pawl_mul_size(count, size, &wanted) != PAWL_ERR_OK ||
	    pawl_add_size(arena->used, padding, &end) != PAWL_ERR_OK ||
	    pawl_add_size(end, wanted, &end) != PAWL_ERR_OK || end > arena->capacity)
		return NULL;

	uint8_t *at = arena->at + arena->used + padding;
	arena->used = end;
	memset(at, 0, wanted);
	return at;
}

struct pawl_bytes pawl_arena_copy(struct pawl_arena *arena, struct pawl_bytes bytes)
{
	uint8_t *at = pawl_arena_take(arena, bytes.size, 1);

	if (at == NULL)
		return PAWL_BYTES(NULL, 0);
	if (bytes.size > 0)
		memcpy(at, bytes.at, bytes.size);
	return PAWL_BYTES(at, bytes.size);
}
