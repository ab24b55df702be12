/* SPDX-License-Identifier: MIT
 *
 * Sealing a payload. A chunk is known to be the last only when the input ends,
 * so a full chunk waits for one more byte or for the end.
 */
#include "seal_internal.h"

#include <string.h>

pawl_err pawl_seal_writer_init(
    struct pawl_seal_writer *writer, const uint8_t file_key[16], const uint8_t nonce[16])
{
	memset(writer, 0, sizeof(*writer));
	PAWL_TRY(pawl_seal_payload_key(file_key, nonce, writer->key));
	/* The nonce is the first thing to be handed out. */
	memcpy(writer->chunk, nonce, PAWL_SEAL_NONCE_SIZE);
	writer->size = PAWL_SEAL_NONCE_SIZE;
	writer->is_emitting = true;
	return PAWL_ERR_OK;
}

void pawl_seal_writer_finish(struct pawl_seal_writer *writer)
{
	if (writer != NULL)
		pawl_bytes_wipe(writer, sizeof(*writer));
}

/* True when all of the chunk is out. */
static bool emit(struct pawl_seal_writer *writer, struct pawl_buf *out)
{
	const size_t left = writer->size - writer->given;
	const size_t room = out->capacity - out->size;
	const size_t size = left < room ? left : room;

	pawl_put_bytes(out, PAWL_BYTES(writer->chunk + writer->given, size));
	writer->given += size;
	return writer->given == writer->size;
}

static void fill(struct pawl_seal_writer *writer, struct pawl_bytes *in)
{
	const size_t room = PAWL_SEAL_CHUNK_SIZE - writer->size;
	const size_t size = in->size < room ? in->size : room;

	if (size == 0)
		return;
	memcpy(writer->chunk + writer->size, in->at, size);
	writer->size += size;
	*in = PAWL_BYTES(in->at + size, in->size - size);
}

static bool seal_chunk(struct pawl_seal_writer *writer)
{
	struct pawl_aead aead = pawl_seal_chunk_aead(writer->key, writer->counter, writer->is_last);
	const pawl_err err =
	    pawl_aead_seal(&aead, PAWL_BYTES(writer->chunk, writer->size), writer->chunk);

	pawl_bytes_wipe(&aead, sizeof(aead));
	if (err != PAWL_ERR_OK) {
		pawl_seal_writer_finish(writer);
		writer->is_failed = true;
		return false;
	}
	writer->size += PAWL_SEAL_TAG_SIZE;
	writer->given = 0;
	writer->counter++;
	writer->is_emitting = true;
	return true;
}

pawl_seal_step pawl_seal_writer_step(
    struct pawl_seal_writer *writer, struct pawl_bytes *in, bool is_end, struct pawl_buf *out)
{
	PAWL_ASSERT(!out->overflow);
	while (!writer->is_failed) {
		if (writer->is_emitting) {
			if (!emit(writer, out))
				return PAWL_SEAL_OUTPUT_FULL;
			if (writer->is_last) {
				pawl_bytes_wipe(writer->key, sizeof(writer->key));
				return PAWL_SEAL_DONE;
			}
			writer->is_emitting = false;
			writer->size = 0;
		}
		fill(writer, in);
		if (in->size == 0 && !is_end)
			return PAWL_SEAL_NEED_INPUT;
		/* Either the chunk is full and more follows, or this was all. */
		writer->is_last = in->size == 0;
		(void)seal_chunk(writer); /* a failure ends the loop */
	}
	return PAWL_SEAL_FAILED;
}

uint64_t pawl_seal_payload_size(uint64_t plain_size)
{
	const uint64_t chunks = plain_size == 0 ? 1 : (plain_size - 1) / PAWL_SEAL_CHUNK_SIZE + 1;

	PAWL_ASSERT(plain_size < (uint64_t)1 << 62);
	return PAWL_SEAL_NONCE_SIZE + plain_size + chunks * PAWL_SEAL_TAG_SIZE;
}

pawl_err pawl_seal_plain_size(uint64_t payload_size, uint64_t *ret_plain_size)
{
	if (payload_size < PAWL_SEAL_NONCE_SIZE + PAWL_SEAL_TAG_SIZE || payload_size >= (uint64_t)1
											    << 62)
		return PAWL_ERR_SYNTAX;
	const uint64_t sealed = payload_size - PAWL_SEAL_NONCE_SIZE;
	const uint64_t full = sealed / PAWL_SEAL_SEALED_MAX;
	const uint64_t rest = sealed % PAWL_SEAL_SEALED_MAX;
	/* A last chunk without plaintext is allowed only alone. */
	if (rest != 0 && rest <= PAWL_SEAL_TAG_SIZE && !(full == 0 && rest == PAWL_SEAL_TAG_SIZE))
		return PAWL_ERR_SYNTAX;
	*ret_plain_size = full * PAWL_SEAL_CHUNK_SIZE + (rest == 0 ? 0 : rest - PAWL_SEAL_TAG_SIZE);
	return PAWL_ERR_OK;
}
