/* SPDX-License-Identifier: MIT */
#include "pawl/bytes.h"
#include "pawl/err.h"

#include <string.h>

void pawl_note_clear(struct pawl_note *note)
{
	if (note != NULL)
		note->text[0] = '\0';
}

void pawl_note_add_bytes(struct pawl_note *note, const void *at, size_t size)
{
	if (note == NULL || size == 0)
		return;

	const size_t used = strnlen(note->text, PAWL_NOTE_SIZE - 1);
	const size_t room = PAWL_NOTE_SIZE - 1 - used;
	const size_t taken = size < room ? size : room;
	memcpy(note->text + used, at, taken);
	note->text[used + taken] = '\0';
}

void pawl_note_add(struct pawl_note *note, const char *text)
{
	pawl_note_add_bytes(note, text, strlen(text));
}

void pawl_note_add_int(struct pawl_note *note, long long value)
{
	uint8_t digits[24];
	struct pawl_buf buf = pawl_buf_of(digits, sizeof(digits));

	pawl_put_int(&buf, value);
	pawl_note_add_bytes(note, digits, buf.size);
}
