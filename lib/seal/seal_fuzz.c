/* SPDX-License-Identifier: MIT
 *
 * The first byte says what the rest is: a file to open, a key as text, or
 * plaintext to seal, harm and open again.
 *
 * Must hold: a reader gives the same answer however its input is cut; a key
 * that parses prints as it was, but for the case; a harmed file never opens and
 * never yields other bytes than the first ones of the plaintext.
 */
#include "seal_internal.h"

#include "pawl/prng.h"
#include "pawl/seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 18 };

/* The example identity of the specification. */
static const uint8_t identity[1][32] = { { 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
    0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
    0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42 } };
static const uint8_t file_key[16] = { 1 };
static const uint8_t nonce[16] = { 2 };

struct result {
	uint8_t *plain;
	size_t size;
	pawl_seal_verdict verdict;
};

static struct result open_in_steps(struct pawl_bytes file, size_t in_step, size_t out_step)
{
	struct pawl_seal_reader *reader = malloc(sizeof(*reader));
	struct result result = { .plain = malloc(file.size + 1) };
	struct pawl_buf out = pawl_buf_of(result.plain, 0);
	struct pawl_bytes in = PAWL_BYTES(file.at, 0);
	pawl_seal_step step = PAWL_SEAL_NEED_INPUT;

	if (reader == NULL || result.plain == NULL)
		abort();
	pawl_seal_reader_init(reader, identity, 1);
	while (step == PAWL_SEAL_NEED_INPUT || step == PAWL_SEAL_OUTPUT_FULL) {
		if (step == PAWL_SEAL_NEED_INPUT) {
			in.size = file.size < in_step ? file.size : in_step;
			in.at = file.at;
			file = PAWL_BYTES(file.at + in.size, file.size - in.size);
		} else {
			out.capacity += out_step; /* never beyond: plaintext is shorter */
		}
		step = pawl_seal_reader_step(reader, &in, file.size == 0, &out);
	}
	result.size = out.size;
	result.verdict = pawl_seal_reader_verdict(reader);
	if ((step == PAWL_SEAL_DONE) != (result.verdict == PAWL_SEAL_OK) ||
	    result.verdict == PAWL_SEAL_CRYPTO)
		abort();
	free(reader);
	return result;
}

/* Opens with two cuts, which must agree. */
static struct result open_file(struct pawl_bytes file, size_t step)
{
	const struct result whole = open_in_steps(file, SIZE_MAX, 1 << 16);
	const struct result cut = open_in_steps(file, step, step);

	if (whole.verdict != cut.verdict || whole.size != cut.size ||
	    memcmp(whole.plain, cut.plain, whole.size) != 0)
		abort();
	free(cut.plain);
	return whole;
}

static size_t seal_file(struct pawl_bytes plain, uint8_t *file)
{
	struct pawl_seal_writer *writer = malloc(sizeof(*writer));
	struct pawl_buf out = pawl_buf_of(file, FILE_MAX);
	struct pawl_seal_recipient recipient = { .ephemeral = { 3 } };

	if (writer == NULL ||
	    pawl_seal_recipient_of(identity[0], recipient.public_key) != PAWL_ERR_OK ||
	    pawl_seal_put_header(&out, file_key, &recipient, 1) != PAWL_ERR_OK ||
	    pawl_seal_writer_init(writer, file_key, nonce) != PAWL_ERR_OK ||
	    pawl_seal_writer_step(writer, &plain, true, &out) != PAWL_SEAL_DONE)
		abort();
	free(writer);
	return out.size;
}

static void try_file(struct pawl_bytes file)
{
	const struct result result = open_file(file, 1 + file.size % 97);
	uint64_t plain_size = 0;

	/* One of the corpus as it is, or one that happens to be spelled anew. */
	if (result.verdict == PAWL_SEAL_OK) {
		const size_t payload = (size_t)pawl_seal_payload_size(result.size);
		if (payload > file.size ||
		    pawl_seal_plain_size(payload, &plain_size) != PAWL_ERR_OK ||
		    plain_size != result.size)
			abort();
	}
	free(result.plain);
}

static void try_text(struct pawl_bytes text)
{
	uint8_t key[32];
	uint8_t memory[PAWL_SEAL_IDENTITY_TEXT];
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));

	if (pawl_seal_recipient_parse(text, key) == PAWL_ERR_OK)
		pawl_seal_put_recipient(&out, key);
	else if (pawl_seal_identity_parse(text, key) == PAWL_ERR_OK)
		pawl_seal_put_identity(&out, key);
	else
		return;
	if (out.size != text.size)
		abort();
	for (size_t i = 0; i < out.size; i++)
		if ((memory[i] | 0x20) != (text.at[i] | 0x20))
			abort();
}

static void harm(struct pawl_prng *prng, uint8_t *file, size_t *size)
{
	const size_t at = (size_t)pawl_prng_below(prng, *size);

	switch (pawl_prng_below(prng, 4)) {
	case 0: file[at] ^= (uint8_t)(1u << pawl_prng_below(prng, 8)); break;
	case 1: *size = at; break;
	case 2: file[(*size)++] = (uint8_t)pawl_prng_next(prng); break;
	case 3:
		memmove(file + at + 1, file + at, *size - at);
		file[at] ^= 1;
		++*size;
		break;
	default: break;
	}
}

/* Seals, opens, harms and opens again. */
static void try_plain(struct pawl_bytes plain)
{
	uint8_t *file = malloc(FILE_MAX);
	struct pawl_prng prng = pawl_prng_of(plain.size);

	if (file == NULL)
		abort();
	for (size_t i = 0; i < plain.size; i++)
		prng.state = prng.state * 31 + plain.at[i];
	/* Sizes around a chunk out of few bytes of input. */
	uint8_t *padded = calloc(1, FILE_MAX / 2);
	if (padded == NULL)
		abort();
	plain.size = plain.size < 1024 ? plain.size : 1024;
	if (plain.size > 0)
		memcpy(padded, plain.at, plain.size);
	const size_t size_plain =
	    pawl_prng_below(&prng, 4) != 0
		? plain.size
		: PAWL_SEAL_CHUNK_SIZE - 20 + (size_t)pawl_prng_below(&prng, 40);
	size_t size = seal_file(PAWL_BYTES(padded, size_plain), file);
	struct result result = open_file(PAWL_BYTES(file, size), 1021);
	if (result.verdict != PAWL_SEAL_OK || result.size != size_plain ||
	    memcmp(result.plain, padded, size_plain) != 0)
		abort();
	free(result.plain);
	harm(&prng, file, &size);
	result = open_file(PAWL_BYTES(file, size), 1021);
	if (result.verdict == PAWL_SEAL_OK || result.size > size_plain ||
	    memcmp(result.plain, padded, result.size) != 0)
		abort();
	free(result.plain);
	free(padded);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct pawl_bytes rest = PAWL_BYTES(data + 1, size - 1);

	switch (data[0] % 4) {
	case 0:
	case 1: try_file(rest); break;
	case 2: try_text(rest); break;
	case 3: try_plain(rest); break;
	default: break;
	}
	return 0;
}
