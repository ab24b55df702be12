/* SPDX-License-Identifier: MIT
 *
 * Finds duplicate keys without memory of its own: the key tokens carry a link,
 * and a merge sort of the list they form takes O(n log n) whatever the input,
 * where a hash table could be filled with collisions by an attacker. */
#include "json_internal.h"

struct list {
	uint32_t head;
	uint32_t tail;
};

struct sorter {
	struct pawl_bytes text;
	struct pawl_json_token *tokens;
};

static void append(const struct sorter *sorter, struct list *list, uint32_t key)
{
	if (list->head == 0)
		list->head = key;
	else
		sorter->tokens[list->tail].sorted = key;
	list->tail = key;
}

static int compare(const struct sorter *sorter, uint32_t a, uint32_t b)
{
	return pawl_json_compare_strings(
	    sorter->text, &sorter->tokens[a], sorter->text, &sorter->tokens[b]);
}

/* Moves the smaller head of two runs to the end of `merged`. */
static void merge_runs(const struct sorter *sorter, struct list *merged, uint32_t a, size_t a_left,
    uint32_t b, size_t b_left)
{
	while (a_left > 0 || (b_left > 0 && b != 0)) {
		const bool b_ends = b_left == 0 || b == 0;
		const bool take_a = a_left > 0 && (b_ends || compare(sorter, a, b) <= 0);
		uint32_t *from = take_a ? &a : &b;
		const uint32_t key = *from;

		*from = sorter->tokens[key].sorted;
		*(take_a ? &a_left : &b_left) -= 1;
		append(sorter, merged, key);
	}
}

/* One pass: runs of `width` become runs of twice that; counts the merges. */
static size_t merge_pass(const struct sorter *sorter, struct list *list, size_t width)
{
	struct list merged = { 0, 0 };
	uint32_t a = list->head;
	size_t merges = 0;

	while (a != 0) {
		uint32_t b = a;
		size_t a_size = 0;
		while (a_size < width && b != 0) {
			b = sorter->tokens[b].sorted;
			a_size++;
		}
		uint32_t rest = b;
		for (size_t i = 0; i < width && rest != 0; i++)
			rest = sorter->tokens[rest].sorted;
		merge_runs(sorter, &merged, a, a_size, b, width);
		merges++;
		a = rest;
	}
	sorter->tokens[merged.tail].sorted = 0;
	*list = merged;
	return merges;
}

uint32_t pawl_json_sort_keys(
    struct pawl_bytes text, struct pawl_json_token *tokens, uint32_t object)
{
	const struct sorter sorter = { text, tokens };
	const uint32_t end = tokens[object].next;
	struct list list = { 0, 0 };
	bool ascending = true;

	for (uint32_t key = object + 1; key < end; key = tokens[key + 1].next) {
		if (ascending && list.head != 0)
			ascending = compare(&sorter, list.tail, key) < 0;
		append(&sorter, &list, key);
	}
	if (list.head == 0)
		return 0;
	tokens[list.tail].sorted = 0;
	for (size_t width = 1; !ascending; width *= 2)
		ascending = merge_pass(&sorter, &list, width) <= 1;
	tokens[object].sorted = list.head;

	for (uint32_t key = list.head; tokens[key].sorted != 0; key = tokens[key].sorted)
		if (compare(&sorter, key, tokens[key].sorted) == 0)
			return tokens[key].sorted;
	return 0;
}
