/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: channel files and the `custom` of firmware targets. What can be
 * read must be written and read back the same, and a decision about it must
 * come with a sentence. The first byte chooses which of the two it is.
 */
#include "pawl/release.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(16) uint8_t memory[8 * 1024 * 1024];
static uint8_t text[PAWL_CHANNEL_SIZE_MAX];
static struct pawl_channel channel;
static struct pawl_channel channel_again;

static void try_release(struct pawl_bytes input)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_buf out = pawl_buf_of(text, sizeof(text));
	struct pawl_release release;
	struct pawl_release again;
	struct pawl_note note = { .text = "" };

	if (pawl_release_parse(input, &arena, &release, &note) != PAWL_ERR_OK) {
		PAWL_ASSERT(note.text[0] != '\0');
		return;
	}
	PAWL_ASSERT(pawl_release_write(&release, &out, NULL) == PAWL_ERR_OK);
	PAWL_ASSERT(pawl_release_parse(pawl_buf_bytes(&out), &arena, &again, NULL) == PAWL_ERR_OK);
	PAWL_ASSERT(memcmp(&release, &again, sizeof(again)) == 0);
}

static void try_channel(struct pawl_bytes input)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_buf out = pawl_buf_of(text, sizeof(text));
	struct pawl_note note = { .text = "" };

	if (pawl_channel_parse(input, &arena, &channel, &note) != PAWL_ERR_OK) {
		PAWL_ASSERT(note.text[0] != '\0');
		return;
	}
	PAWL_ASSERT(pawl_channel_write(&channel, &out, NULL) == PAWL_ERR_OK);
	PAWL_ASSERT(
	    pawl_channel_parse(pawl_buf_bytes(&out), &arena, &channel_again, NULL) == PAWL_ERR_OK);
	PAWL_ASSERT(memcmp(&channel, &channel_again, sizeof(channel)) == 0);
	if (channel.count == 0)
		return;

	const struct pawl_channel_entry *entry = &channel.set[channel.count - 1];
	struct pawl_release release = { .hw = entry->hw, .seq = entry->seq, .sec = entry->sec };
	memcpy(release.comp, entry->comp, sizeof(release.comp));
	memcpy(release.product, channel.product, sizeof(release.product));
	memcpy(release.version, entry->version, sizeof(release.version));
	const struct pawl_release_facts facts = {
		.product = channel.product, .hw_class = entry->hw.name[0], .group = channel.group
	};
	char folder[PAWL_PRODUCT_MAX + 5];
	struct pawl_buf start = pawl_buf_of(folder, sizeof(folder) - 1);
	pawl_put_text(&start, "fw/");
	pawl_put_text(&start, channel.product);
	pawl_put_text(&start, "/");
	folder[start.size] = '\0';
	PAWL_ASSERT(pawl_release_admit(&facts, &channel, entry->full, &release, &note) ==
		    (pawl_bytes_starts_with(pawl_bytes_of(entry->full), folder)
			    ? PAWL_ADMIT_ADMITTED
			    : PAWL_ADMIT_WRONG_PRODUCT));
	PAWL_ASSERT(note.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		try_release(PAWL_BYTES(data + 1, size - 1));
	else
		try_channel(PAWL_BYTES(data + 1, size - 1));
	return 0;
}
