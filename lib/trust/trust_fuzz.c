/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: bytes decide what a server and a device's store answer. The
 * first byte of the input chooses what it is used for:
 *   even  a metadata file: read back by the writer's parser and, when it can
 *         be, written again and read again with the same content
 *   odd   a script: each byte picks an answer to one request - the right
 *         file, absence, another file, or the rest of the input as a file
 * A refresh that ends well must have ended with files of the repository.
 */
#include "trust_kit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(16) uint8_t memory[8 * 1024 * 1024];
static _Alignas(16) uint8_t client_memory[1024 * 1024];
static uint8_t text[1024 * 1024];
static struct kit *kit;

static void read_and_write(struct pawl_bytes input)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_buf out = pawl_buf_of(text, sizeof(text));
	struct pawl_repo_file file;
	struct pawl_repo_file again;
	struct pawl_note note = { .text = "" };
	const struct pawl_repo_signature *signatures;
	size_t count;

	(void)!pawl_repo_signatures(input, &arena, &signatures, &count);
	pawl_arena_reset(&arena);
	if (pawl_repo_parse(input, &arena, &file, &note) != PAWL_ERR_OK)
		return;
	/* What can be read but not written names things twice or has fractions. */
	if (pawl_repo_write(&file, &arena, &out, &note) != PAWL_ERR_OK)
		return;
	const size_t signed_size = out.size;
	const size_t capacity = sizeof(text) - signed_size;
	struct pawl_buf envelope = pawl_buf_of(text + signed_size, capacity);
	if (pawl_repo_envelope(PAWL_BYTES(text, signed_size), NULL, 0, &envelope) != PAWL_ERR_OK)
		return;
	PAWL_ASSERT(
	    pawl_repo_parse(pawl_buf_bytes(&envelope), &arena, &again, &note) == PAWL_ERR_OK);
	PAWL_ASSERT(again.kind == file.kind && again.version == file.version &&
		    again.expires.ms == file.expires.ms);
	if (file.kind == PAWL_REPO_TARGETS)
		PAWL_ASSERT(again.as.targets.entry_count == file.as.targets.entry_count &&
			    again.as.targets.role_count == file.as.targets.role_count);
	if (file.kind == PAWL_REPO_SNAPSHOT)
		PAWL_ASSERT(again.as.snapshot.meta_count == file.as.snapshot.meta_count);
}

static const struct kit_file *pick(uint8_t choice)
{
	size_t count = 0;

	for (; kit->remote[count].at != NULL; count++)
		;
	return &kit->remote[choice % count];
}

static bool is_published(struct pawl_bytes bytes)
{
	for (size_t i = 0; kit->remote[i].at != NULL; i++)
		if (pawl_bytes_equal(bytes, PAWL_BYTES(kit->remote[i].at, kit->remote[i].size)))
			return true;
	return false;
}

static void answer(struct pawl_trust *client, const struct pawl_trust_effect *effect,
    uint8_t choice, struct pawl_bytes rest)
{
	const struct kit_file *right = kit_file(kit, true, effect->name);
	const struct kit_file *other = pick(choice / 4);

	switch (choice % 4) {
	case 0:
	case 1:
		if (right != NULL)
			pawl_trust_provide(client, PAWL_BYTES(right->at, right->size));
		else
			pawl_trust_absent(client);
		return;
	case 2: pawl_trust_provide(client, PAWL_BYTES(other->at, other->size)); return;
	default:
		if (choice & 4)
			pawl_trust_provide(client, rest);
		else
			pawl_trust_absent(client);
		return;
	}
}

static void play(const uint8_t *data, size_t size)
{
	struct pawl_trust client;
	const struct kit_file *stored[4];
	bool finding = false;

	if (size < 5)
		return;
	for (size_t i = 0; i < 4; i++)
		stored[i] = pick(data[i]);
	const struct kit_file *root =
	    kit_file(kit, true, data[0] & 0x80 ? stored[0]->name : "1.root.json");
	const struct pawl_trust_options options = {
		.memory = client_memory,
		.memory_size = sizeof(client_memory),
		.clock = kit->clock,
		.root = PAWL_BYTES(root->at, root->size),
		.timestamp = PAWL_BYTES(stored[1]->at, stored[1]->size),
		.snapshot = PAWL_BYTES(stored[2]->at, stored[2]->size),
		.targets = PAWL_BYTES(stored[3]->at, stored[3]->size),
	};
	pawl_trust_init(&client, &options);
	for (size_t at = 4; at < size; at++) {
		const struct pawl_trust_effect effect = pawl_trust_next(&client);

		switch (effect.kind) {
		case PAWL_TRUST_FETCH:
		case PAWL_TRUST_LOAD:
			answer(
			    &client, &effect, data[at], PAWL_BYTES(data + at + 1, size - at - 1));
			break;
		case PAWL_TRUST_STORE: PAWL_ASSERT(is_published(effect.bytes)); break;
		case PAWL_TRUST_TARGET: PAWL_ASSERT(pawl_trust_found(&client) != NULL); break;
		case PAWL_TRUST_FAILED: PAWL_ASSERT(effect.note[0] != '\0'); return;
		case PAWL_TRUST_DONE:
			for (int r = PAWL_TRUST_ROOT; r <= PAWL_TRUST_TARGETS; r++)
				PAWL_ASSERT(
				    is_published(pawl_trust_bytes(&client, (pawl_trust_role)r)));
			if (finding && (data[at] & 1))
				return;
			finding = true;
			PAWL_ASSERT(
			    (data[at] & 2 ? pawl_trust_walk(&client)
					  : pawl_trust_find(&client, "fw/1")) == PAWL_ERR_OK);
			break;
		}
	}
}

/* Three states of one repository, so that there is something to mix up. */
static void make_repository(void)
{
	kit = kit_create();
	kit_delegate(kit, 0, "a", "fw/*", true);
	kit_delegate(kit, 1, "b", "fw/?", false);
	kit->targets[2].entries[0] = "fw/1";
	kit_publish_next(kit);
	kit->root.version = 2;
	kit->timestamp.keys[0] = kit->timestamp.signers[0] = 7;
	kit_publish_root(kit);
	kit_publish_next(kit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (kit == NULL)
		make_repository();
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		read_and_write(PAWL_BYTES(data + 1, size - 1));
	else
		play(data + 1, size - 1);
	return 0;
}

__attribute__((destructor)) static void drop_repository(void)
{
	if (kit != NULL)
		kit_destroy(kit);
}
