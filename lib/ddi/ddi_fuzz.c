/* SPDX-License-Identifier: MIT
 *
 * Any bytes through every parser. What is accepted is written and read again:
 * the second writing must equal the first. */
#include "pawl/ddi.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	struct pawl_arena arena;
	struct pawl_buf first;
	struct pawl_buf second;
};

/* The arena that the header promises to suffice. */
static struct pawl_arena arena_for(size_t size)
{
	void *at = malloc(PAWL_DDI_ARENA_SIZE(size));

	if (at == NULL)
		abort();
	return pawl_arena_of(at, PAWL_DDI_ARENA_SIZE(size));
}

static struct memory memory_for(size_t size)
{
	const size_t room = 8 * size + 4096;

	return (struct memory){ arena_for(size), pawl_buf_of(malloc(room), room),
		pawl_buf_of(malloc(room), room) };
}

static void drop(struct memory *memory)
{
	free(memory->arena.at);
	free(memory->first.at);
	free(memory->second.at);
}

#define CHECK(name, type)                                                                          \
	static void check_##name(struct pawl_bytes text)                                           \
	{                                                                                          \
		struct memory memory = memory_for(text.size);                                      \
		struct type message;                                                               \
		const pawl_err err = pawl_ddi_##name##_parse(text, &memory.arena, &message, NULL); \
		if (err == PAWL_ERR_NO_MEMORY)                                                     \
			abort();                                                                   \
		if (err == PAWL_ERR_OK) {                                                          \
			pawl_ddi_##name##_write(&memory.first, &message);                          \
			if (pawl_buf_check(&memory.first) != PAWL_ERR_OK)                          \
				abort();                                                           \
			struct pawl_arena again = arena_for(memory.first.size);                    \
			if (pawl_ddi_##name##_parse(pawl_buf_bytes(&memory.first), &again,         \
				&message, NULL) != PAWL_ERR_OK)                                    \
				abort();                                                           \
			pawl_ddi_##name##_write(&memory.second, &message);                         \
			if (!pawl_bytes_equal(                                                     \
				pawl_buf_bytes(&memory.first), pawl_buf_bytes(&memory.second)))    \
				abort();                                                           \
			free(again.at);                                                            \
		}                                                                                  \
		drop(&memory);                                                                     \
	}

CHECK(poll, pawl_ddi_poll)
CHECK(deployment, pawl_ddi_deployment)
CHECK(feedback, pawl_ddi_feedback)
CHECK(cancel, pawl_ddi_cancel)
CHECK(config, pawl_ddi_config)
CHECK(error, pawl_ddi_error)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pawl_bytes text = PAWL_BYTES(data, size);

	check_poll(text);
	check_deployment(text);
	check_feedback(text);
	check_cancel(text);
	check_config(text);
	check_error(text);
	return 0;
}
