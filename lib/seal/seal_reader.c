/* SPDX-License-Identifier: MIT
 *
 * Opening a file, in this order: HEADER (line by line into the memory of a
 * chunk, then opened as a whole), NONCE, and for each chunk FILL, then EMIT.
 *
 * A chunk leaves this file only after its tag was checked; it is decrypted in
 * place, so there is no second buffer that could be handed out by mistake.
 * Whether a full chunk is the last shows by whether a byte follows it.
 */
#include "seal_internal.h"

#include <string.h>

enum reader_state {
	STATE_NONE, /* finished */
	STATE_HEADER,
	STATE_NONCE,
	STATE_FILL,
	STATE_EMIT,
	STATE_DONE,
	STATE_FAILED
};

void pawl_seal_reader_finish(struct pawl_seal_reader *reader)
{
	if (reader != NULL)
		pawl_bytes_wipe(reader, sizeof(*reader));
}

/* All that was secret goes; what callers ask for afterwards stays. */
static void end(struct pawl_seal_reader *reader, uint8_t state, pawl_seal_verdict verdict)
{
	pawl_bytes_wipe(reader->chunk, sizeof(reader->chunk));
	pawl_bytes_wipe(reader->identities, sizeof(reader->identities));
	pawl_bytes_wipe(reader->file_key, sizeof(reader->file_key));
	pawl_bytes_wipe(reader->key, sizeof(reader->key));
	reader->size = 0;
	reader->given = 0;
	reader->state = state;
	reader->verdict = verdict;
}

void pawl_seal_reader_init(
    struct pawl_seal_reader *reader, const uint8_t (*identities)[32], size_t identity_count)
{
	PAWL_ASSERT(identity_count > 0 && identity_count <= PAWL_SEAL_IDENTITIES_MAX);
	memset(reader, 0, sizeof(*reader));
	memcpy(reader->identities, identities, identity_count * PAWL_SEAL_KEY_SIZE);
	reader->identity_count = identity_count;
	reader->state = STATE_HEADER;
}

/* Moves bytes from `*in` into the chunk until it holds `size`; true when it does. */
static bool fill_to(struct pawl_seal_reader *reader, size_t size, struct pawl_bytes *in)
{
	const size_t room = size - reader->size;
	const size_t taken = in->size < room ? in->size : room;

	if (taken > 0) {
		memcpy(reader->chunk + reader->size, in->at, taken);
		reader->size += taken;
		*in = PAWL_BYTES(in->at + taken, in->size - taken);
	}
	return reader->size == size;
}

/* --- header --- */

/* Takes at most one line; true when a line is complete. */
static bool take_line(struct pawl_seal_reader *reader, struct pawl_bytes *in)
{
	const size_t room = PAWL_SEAL_HEADER_MAX - reader->size;
	const size_t reach = in->size < room ? in->size : room;
	const uint8_t *feed = reach == 0 ? NULL : memchr(in->at, '\n', reach);
	const size_t size = feed == NULL ? reach : (size_t)(feed - in->at) + 1;

	(void)fill_to(reader, reader->size + size, in);
	return feed != NULL;
}

static void open_header(struct pawl_seal_reader *reader)
{
	uint8_t file_key[PAWL_SEAL_FILE_KEY_SIZE];
	const pawl_seal_verdict verdict =
	    pawl_seal_header_open(PAWL_BYTES(reader->chunk, reader->size),
		(const uint8_t(*)[32])reader->identities, reader->identity_count, file_key);

	if (verdict != PAWL_SEAL_OK) {
		end(reader, STATE_FAILED, verdict);
		return;
	}
	pawl_bytes_wipe(reader->identities, sizeof(reader->identities));
	memcpy(reader->file_key, file_key, sizeof(file_key));
	pawl_bytes_wipe(file_key, sizeof(file_key));
	reader->payload_at = reader->size + PAWL_SEAL_NONCE_SIZE;
	reader->size = 0;
	reader->state = STATE_NONCE;
}

/* False: more input is needed. */
static bool step_header(struct pawl_seal_reader *reader, struct pawl_bytes *in, bool is_end)
{
	const bool has_line = take_line(reader, in);
	/* Refuses a page of HTML at its first bytes. */
	const pawl_seal_verdict version =
	    pawl_seal_check_version(PAWL_BYTES(reader->chunk, reader->size));

	if (version != PAWL_SEAL_OK && version != PAWL_SEAL_TRUNCATED)
		end(reader, STATE_FAILED, version);
	else if (has_line && reader->chunk[reader->line_at] == '-' &&
		 reader->chunk[reader->line_at + 1] == '-')
		open_header(reader);
	else if (has_line)
		reader->line_at = reader->size;
	else if (reader->size == PAWL_SEAL_HEADER_MAX)
		end(reader, STATE_FAILED, PAWL_SEAL_TOO_LARGE);
	else if (is_end)
		end(reader, STATE_FAILED, PAWL_SEAL_TRUNCATED);
	else
		return false;
	return true;
}

static bool step_nonce(struct pawl_seal_reader *reader, struct pawl_bytes *in, bool is_end)
{
	if (!fill_to(reader, PAWL_SEAL_NONCE_SIZE, in)) {
		if (is_end)
			end(reader, STATE_FAILED, PAWL_SEAL_TRUNCATED);
		return is_end;
	}
	if (pawl_seal_payload_key(reader->file_key, reader->chunk, reader->key) != PAWL_ERR_OK) {
		end(reader, STATE_FAILED, PAWL_SEAL_CRYPTO);
		return true;
	}
	pawl_bytes_wipe(reader->file_key, sizeof(reader->file_key));
	reader->size = 0;
	reader->state = STATE_FILL;
	return true;
}

/* --- payload --- */

/* In place; after PAWL_ERR_DENIED the sealed bytes are there again. */
static pawl_err open_as(struct pawl_seal_reader *reader, bool is_last)
{
	struct pawl_aead aead = pawl_seal_chunk_aead(reader->key, reader->counter, is_last);
	const pawl_err err =
	    pawl_aead_open(&aead, PAWL_BYTES(reader->chunk, reader->size), reader->chunk);

	pawl_bytes_wipe(&aead, sizeof(aead));
	return err;
}

/* A full chunk that is whole, but last where bytes follow it or not last where the file ends,
 * is handed out before the file fails: its tag vouches for it, and the caller who fetches the
 * rest needs it no more. */
static pawl_seal_verdict open_chunk(struct pawl_seal_reader *reader, bool is_last)
{
	pawl_err err = open_as(reader, is_last);

	if (err == PAWL_ERR_DENIED && reader->size == PAWL_SEAL_SEALED_MAX) {
		err = open_as(reader, !is_last);
		if (err == PAWL_ERR_OK)
			reader->verdict_after = is_last ? PAWL_SEAL_TRUNCATED : PAWL_SEAL_TRAILING;
	}
	if (err != PAWL_ERR_OK)
		return err == PAWL_ERR_DENIED ? PAWL_SEAL_CHUNK_TAG : PAWL_SEAL_CRYPTO;
	reader->size -= PAWL_SEAL_TAG_SIZE;
	/* spec: "Payload": the final chunk MUST NOT be empty unless the whole payload is. */
	if (reader->size == 0 && reader->counter > 0)
		return PAWL_SEAL_EMPTY_CHUNK;
	return PAWL_SEAL_OK;
}

static bool step_fill(struct pawl_seal_reader *reader, struct pawl_bytes *in, bool is_end)
{
	(void)fill_to(reader, PAWL_SEAL_SEALED_MAX, in);
	if (in->size == 0 && !is_end)
		return false;
	/* Either the chunk is full and more follows, or this was all. */
	reader->is_last = in->size == 0;
	if (reader->size < PAWL_SEAL_TAG_SIZE) {
		end(reader, STATE_FAILED, PAWL_SEAL_TRUNCATED);
		return true;
	}
	const pawl_seal_verdict verdict = open_chunk(reader, reader->is_last);
	if (verdict != PAWL_SEAL_OK) {
		end(reader, STATE_FAILED, verdict);
		return true;
	}
	reader->given = 0;
	reader->state = STATE_EMIT;
	return true;
}

/* False: `out` is full. */
static bool step_emit(struct pawl_seal_reader *reader, struct pawl_buf *out)
{
	const size_t left = reader->size - reader->given;
	const size_t room = out->capacity - out->size;
	const size_t size = left < room ? left : room;

	pawl_put_bytes(out, PAWL_BYTES(reader->chunk + reader->given, size));
	reader->given += size;
	if (reader->given < reader->size)
		return false;
	reader->counter++;
	reader->size = 0;
	reader->state = STATE_FILL;
	if (reader->verdict_after != PAWL_SEAL_OK)
		end(reader, STATE_FAILED, reader->verdict_after);
	else if (reader->is_last)
		end(reader, STATE_DONE, PAWL_SEAL_OK);
	return true;
}

pawl_seal_step pawl_seal_reader_step(
    struct pawl_seal_reader *reader, struct pawl_bytes *in, bool is_end, struct pawl_buf *out)
{
	PAWL_ASSERT(!out->overflow);
	for (;;) {
		switch (reader->state) {
		case STATE_HEADER:
			if (!step_header(reader, in, is_end))
				return PAWL_SEAL_NEED_INPUT;
			break;
		case STATE_NONCE:
			if (!step_nonce(reader, in, is_end))
				return PAWL_SEAL_NEED_INPUT;
			break;
		case STATE_FILL:
			if (!step_fill(reader, in, is_end))
				return PAWL_SEAL_NEED_INPUT;
			break;
		case STATE_EMIT:
			if (!step_emit(reader, out))
				return PAWL_SEAL_OUTPUT_FULL;
			break;
		case STATE_DONE: return PAWL_SEAL_DONE;
		case STATE_FAILED: return PAWL_SEAL_FAILED;
		/* Finished, never initialised, or written over. */
		default: pawl_panic("a reader that is not ready", __FILE__, __LINE__);
		}
	}
}

pawl_seal_verdict pawl_seal_reader_resume(struct pawl_seal_reader *reader,
    const uint8_t (*identities)[32], size_t identity_count, struct pawl_bytes start, uint64_t chunk,
    uint64_t *ret_offset)
{
	PAWL_ASSERT(chunk < (uint64_t)1 << 46);
	pawl_seal_reader_init(reader, identities, identity_count);
	while (reader->state == STATE_HEADER)
		(void)step_header(reader, &start, start.size == 0);
	if (reader->state == STATE_NONCE)
		(void)step_nonce(reader, &start, true);
	if (reader->state != STATE_FILL)
		return reader->verdict;
	reader->counter = chunk;
	*ret_offset = reader->payload_at + chunk * PAWL_SEAL_SEALED_MAX;
	return PAWL_SEAL_OK;
}

pawl_seal_verdict pawl_seal_reader_verdict(const struct pawl_seal_reader *reader)
{
	return reader->verdict;
}

uint64_t pawl_seal_reader_payload_at(const struct pawl_seal_reader *reader)
{
	return reader->payload_at;
}

uint64_t pawl_seal_reader_chunks(const struct pawl_seal_reader *reader)
{
	return reader->counter;
}
