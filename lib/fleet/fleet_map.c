/* SPDX-License-Identifier: MIT
 *
 * fleet_map.c - memory, texts, the map of ids and the queue of deadlines. */
#include "fleet_internal.h"

#include "pawl/text.h"

#include <stdlib.h>
#include <string.h>

void *pawl_fleet_must_allocate(size_t count, size_t size)
{
	void *at = calloc(count == 0 ? 1 : count, size);

	PAWL_ASSERT(at != NULL); /* the caller starts again from what is stored */
	return at;
}

void *pawl_fleet_must_resize(void *at, size_t count, size_t size)
{
	void *moved;

	PAWL_ASSERT(size == 0 || count <= SIZE_MAX / size);
	moved = realloc(at, count * size);
	PAWL_ASSERT(moved != NULL);
	return moved;
}

const char *pawl_fleet_text_copy(struct pawl_bytes text)
{
	if (text.size == 0)
		return "";
	char *copy = pawl_fleet_must_allocate(text.size + 1, 1);
	memcpy(copy, text.at, text.size);
	return copy;
}

const char *pawl_fleet_text_copy_clean(struct pawl_bytes text, size_t limit)
{
	char *copy = pawl_fleet_must_allocate(limit + 1, 1);
	struct pawl_buf out = pawl_buf_of(copy, limit);

	pawl_put_clean(&out, text, limit);
	if (out.size == 0) {
		free(copy);
		return "";
	}
	return pawl_fleet_must_resize(copy, out.size + 1, 1);
}

void pawl_fleet_text_free(const char *text)
{
	if (text != NULL && text[0] != '\0')
		free((void *)(uintptr_t)text);
}

void pawl_fleet_text_set(const char **slot, struct pawl_bytes text)
{
	const char *copy = pawl_fleet_text_copy(text);

	pawl_fleet_text_free(*slot);
	*slot = copy;
}

/* --- text building --- */

void pawl_fleet_sentence_begin(struct sentence *sentence)
{
	sentence->buf = pawl_buf_of(sentence->text, PAWL_REASON_MAX);
}

void pawl_fleet_sentence_put(struct sentence *sentence, const char *text)
{
	const size_t size = strlen(text);
	size_t room = sentence->buf.capacity - sentence->buf.size;

	/* Not in the middle of a UTF-8 character. */
	while (room > 0 && room < size && ((uint8_t)text[room] & 0xc0) == 0x80)
		room--;
	pawl_put_bytes(&sentence->buf, PAWL_BYTES(text, size < room ? size : room));
}

void pawl_fleet_sentence_int(struct sentence *sentence, int64_t value)
{
	pawl_put_int(&sentence->buf, value);
}

const char *pawl_fleet_sentence_end(struct sentence *sentence)
{
	sentence->text[sentence->buf.size] = '\0';
	return sentence->text;
}

/* --- ids --- */

/* Spreads consecutive ids (Knuth's multiplicative hash). */
static uint32_t home_of(const struct id_map *map, uint32_t key)
{
	return (key * UINT32_C(2654435769)) & (map->capacity - 1);
}

static uint32_t find(const struct id_map *map, uint32_t key)
{
	uint32_t at = home_of(map, key);

	while (map->slot[at].key != 0 && map->slot[at].key != key)
		at = (at + 1) & (map->capacity - 1);
	return at;
}

void *pawl_fleet_id_map_get(const struct id_map *map, uint32_t key)
{
	if (map->count == 0 || key == 0)
		return NULL;
	const uint32_t at = find(map, key);
	return map->slot[at].key == key ? map->slot[at].value : NULL;
}

void pawl_fleet_id_map_put(struct id_map *map, uint32_t key, void *value)
{
	PAWL_ASSERT(key != 0);
	if ((uint64_t)map->count * 2 >= map->capacity) {
		struct id_map bigger = { .capacity = map->capacity == 0 ? 64 : map->capacity * 2,
			.count = map->count };
		bigger.slot = pawl_fleet_must_allocate(bigger.capacity, sizeof(*bigger.slot));
		for (uint32_t i = 0; i < map->capacity; i++) {
			if (map->slot[i].key != 0)
				bigger.slot[find(&bigger, map->slot[i].key)] = map->slot[i];
		}
		free(map->slot);
		*map = bigger;
	}
	const uint32_t at = find(map, key);
	map->count += map->slot[at].key == 0;
	map->slot[at].key = key;
	map->slot[at].value = value;
}

void pawl_fleet_id_map_remove(struct id_map *map, uint32_t key)
{
	if (map->count == 0)
		return;
	uint32_t hole = find(map, key);
	if (map->slot[hole].key != key)
		return;
	map->count--;
	/* Moves back what a look-up would no longer reach past the hole. */
	for (uint32_t at = hole;;) {
		at = (at + 1) & (map->capacity - 1);
		if (map->slot[at].key == 0)
			break;
		const uint32_t home = home_of(map, map->slot[at].key);
		const uint32_t from_home = (at - home) & (map->capacity - 1);
		const uint32_t from_hole = (at - hole) & (map->capacity - 1);
		if (from_home >= from_hole) {
			map->slot[hole] = map->slot[at];
			hole = at;
		}
	}
	map->slot[hole].key = 0;
	map->slot[hole].value = NULL;
}

void pawl_fleet_id_map_finish(struct id_map *map)
{
	free(map->slot);
	*map = (struct id_map){ 0 };
}

/* --- deadlines: a binary heap --- */

static bool is_earlier(struct deadline a, struct deadline b)
{
	return a.at != b.at ? a.at < b.at : a.action_id < b.action_id;
}

void pawl_fleet_deadline_push(struct deadline_queue *queue, struct deadline deadline)
{
	if (queue->count == queue->capacity) {
		queue->capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
		queue->at = pawl_fleet_must_resize(queue->at, queue->capacity, sizeof(*queue->at));
	}
	uint32_t at = queue->count++;
	while (at > 0 && is_earlier(deadline, queue->at[(at - 1) / 2])) {
		queue->at[at] = queue->at[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	queue->at[at] = deadline;
}

struct deadline pawl_fleet_deadline_pop(struct deadline_queue *queue)
{
	PAWL_ASSERT(queue->count > 0);
	const struct deadline top = queue->at[0];
	const struct deadline last = queue->at[--queue->count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= queue->count)
			break;
		if (child + 1 < queue->count && is_earlier(queue->at[child + 1], queue->at[child]))
			child++;
		if (!is_earlier(queue->at[child], last))
			break;
		queue->at[at] = queue->at[child];
		at = child;
	}
	queue->at[at] = last;
	return top;
}
