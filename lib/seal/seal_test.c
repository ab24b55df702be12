/* SPDX-License-Identifier: MIT
 *
 * Sealing and opening: sizes, splits, every changed bit, every truncation,
 * keys, resuming. What other programs make of our files: tests/seal.
 */
#include "cmocka_setup.h"
#include "seal_internal.h"

#include "pawl/prng.h"
#include "pawl/seal.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = PAWL_SEAL_CHUNK_SIZE, SEALED = CHUNK + 16, FILE_MAX = 5 * SEALED };

static struct pawl_seal_writer writer;
static struct pawl_seal_reader reader;
static uint8_t plain[4 * CHUNK];
static uint8_t file[FILE_MAX];
static uint8_t opened[4 * CHUNK + 1];
static uint8_t file_key[16];
static uint8_t nonce[16];
static uint8_t identities[3][32]; /* the last one is nobody's recipient */
static struct pawl_seal_recipient recipients[2];

static void fill(struct pawl_prng *prng, uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)pawl_prng_next(prng);
}

static int set_up(void **state)
{
	struct pawl_prng prng = pawl_prng_of(7);

	(void)state;
	fill(&prng, plain, sizeof(plain));
	fill(&prng, file_key, sizeof(file_key));
	fill(&prng, nonce, sizeof(nonce));
	fill(&prng, identities[0], sizeof(identities));
	for (size_t i = 0; i < 2; i++) {
		fill(&prng, recipients[i].ephemeral, 32);
		if (pawl_seal_recipient_of(identities[i], recipients[i].public_key) != PAWL_ERR_OK)
			return -1;
	}
	return 0;
}

static size_t at_most(size_t size, size_t limit)
{
	return size < limit ? size : limit;
}

/* Seals `size` bytes of `plain` behind what `out` holds, with buffers of these sizes. */
static void seal_payload(size_t size, size_t in_step, size_t out_step, struct pawl_buf *out)
{
	const size_t capacity = out->capacity;
	size_t fed = 0;
	struct pawl_bytes in = PAWL_BYTES(plain, 0);
	pawl_seal_step step = PAWL_SEAL_NEED_INPUT;

	assert_int_equal(pawl_seal_writer_init(&writer, file_key, nonce), PAWL_ERR_OK);
	out->capacity = out->size;
	while (step != PAWL_SEAL_DONE) {
		if (step == PAWL_SEAL_NEED_INPUT) {
			assert_int_equal(in.size, 0);
			in = PAWL_BYTES(plain + fed, at_most(in_step, size - fed));
			fed += in.size;
		}
		if (step == PAWL_SEAL_OUTPUT_FULL) {
			assert_int_equal(out->size, out->capacity);
			out->capacity = at_most(out->size + out_step, capacity);
			assert_true(out->capacity > out->size);
		}
		step = pawl_seal_writer_step(&writer, &in, fed == size, out);
		assert_int_not_equal(step, PAWL_SEAL_FAILED);
	}
	out->capacity = capacity;
	pawl_seal_writer_finish(&writer);
}

static size_t seal_file(size_t size, size_t recipient_count)
{
	struct pawl_buf out = pawl_buf_of(file, sizeof(file));

	assert_int_equal(
	    pawl_seal_put_header(&out, file_key, recipients, recipient_count), PAWL_ERR_OK);
	assert_int_equal(
	    out.size, PAWL_SEAL_HEADER_FRAME + recipient_count * PAWL_SEAL_STANZA_SIZE);
	seal_payload(size, SIZE_MAX, SIZE_MAX - sizeof(file), &out);
	return out.size;
}

/* Feeds `bytes` to the reader as it is now; returns how much it handed out. */
static size_t pump(struct pawl_bytes bytes, size_t in_step, size_t out_step, bool is_end_late)
{
	struct pawl_buf out = pawl_buf_of(opened, 0);
	size_t fed = 0;
	struct pawl_bytes in = bytes;
	pawl_seal_step step = PAWL_SEAL_NEED_INPUT;
	bool is_end = false;

	in.size = 0;
	while (step != PAWL_SEAL_DONE && step != PAWL_SEAL_FAILED) {
		if (step == PAWL_SEAL_NEED_INPUT) {
			assert_int_equal(in.size, 0);
			assert_false(is_end);
			is_end = fed == bytes.size;
			in = PAWL_BYTES(bytes.at + fed, at_most(in_step, bytes.size - fed));
			fed += in.size;
			is_end = is_end || (fed == bytes.size && !is_end_late);
		}
		if (step == PAWL_SEAL_OUTPUT_FULL) {
			assert_int_equal(out.size, out.capacity);
			out.capacity = at_most(out.size + out_step, sizeof(opened));
			assert_true(out.capacity > out.size);
		}
		step = pawl_seal_reader_step(&reader, &in, is_end, &out);
	}
	assert_int_equal(step == PAWL_SEAL_DONE, pawl_seal_reader_verdict(&reader) == PAWL_SEAL_OK);
	/* Both answers repeat. */
	assert_int_equal(pawl_seal_reader_step(&reader, &in, true, &out), step);
	/* Whatever came out is a prefix of the truth, also of a file that fails. */
	assert_true(out.size <= sizeof(plain));
	return out.size;
}

static pawl_seal_verdict open_with(const uint8_t (*keys)[32], size_t key_count,
    struct pawl_bytes bytes, size_t in_step, size_t *ret_size)
{
	pawl_seal_reader_init(&reader, keys, key_count);
	*ret_size = pump(bytes, in_step, sizeof(opened), false);
	assert_memory_equal(opened, plain, *ret_size);
	const pawl_seal_verdict verdict = pawl_seal_reader_verdict(&reader);
	pawl_seal_reader_finish(&reader);
	return verdict;
}

static pawl_seal_verdict open_file(size_t size, size_t *ret_size)
{
	return open_with(
	    (const uint8_t(*)[32])identities, 1, PAWL_BYTES(file, size), SIZE_MAX, ret_size);
}

static pawl_seal_verdict verdict_of(size_t size)
{
	size_t released = 0;

	return open_file(size, &released);
}

static const size_t sizes[] = { 0, 1, 15, 16, 17, 1000, CHUNK - 17, CHUNK - 16, CHUNK - 1, CHUNK,
	CHUNK + 1, CHUNK + 16, CHUNK + 17, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK,
	4 * CHUNK - 1, 4 * CHUNK };

static void every_size_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t released = 0;
		uint64_t back = 0;
		const size_t size = seal_file(sizes[i], 1);
		assert_int_equal(size, 168 + pawl_seal_payload_size(sizes[i]));
		assert_int_equal(pawl_seal_plain_size(size - 168, &back), PAWL_ERR_OK);
		assert_int_equal(back, sizes[i]);
		assert_int_equal(open_file(size, &released), PAWL_SEAL_OK);
		assert_int_equal(released, sizes[i]);
	}
}

static void sizes_without_a_payload_are_refused(void **state)
{
	uint64_t size = 99;
	uint64_t last = 0;

	(void)state;
	for (uint64_t payload = 0; payload < 3 * SEALED; payload++) {
		if (pawl_seal_plain_size(payload, &size) == PAWL_ERR_OK) {
			assert_int_equal(pawl_seal_payload_size(size), payload);
			assert_true(size == 0 || size == last + 1);
			last = size;
		}
	}
	assert_int_equal(last, 3 * (uint64_t)CHUNK - 16 - 1);
	assert_int_equal(pawl_seal_plain_size(UINT64_MAX, &size), PAWL_ERR_SYNTAX);
}

/* The same bytes come out however they are cut, on both sides and both ways. */
static void every_split_gives_the_same(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 15, 16, 17, 167, 168, 169, 65535, 65536, 65537,
		65551, 65552, 65553, 200000 };
	static uint8_t whole[FILE_MAX];

	(void)state;
	for (size_t small = 0; small < 2; small++) {
		const size_t plain_size = small == 0 ? 5 : 2 * CHUNK + 3;
		const size_t size = seal_file(plain_size, 1);
		memcpy(whole, file, size);
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
				if (small == 1 && i > 0 && j > 0 && i != j)
					continue; /* the small file has all pairs */
				struct pawl_buf out = pawl_buf_of(file, sizeof(file));
				out.size = 168;
				seal_payload(plain_size, steps[i], steps[j], &out);
				assert_int_equal(out.size, size);
				assert_memory_equal(file, whole, size);
				pawl_seal_reader_init(&reader, (const uint8_t(*)[32])identities, 1);
				assert_int_equal(pump(PAWL_BYTES(file, size), steps[i], steps[j],
						     (i + j) % 2 == 0),
				    plain_size);
				assert_memory_equal(opened, plain, plain_size);
				assert_int_equal(pawl_seal_reader_verdict(&reader), PAWL_SEAL_OK);
			}
		}
	}
}

/* Two pieces, cut at every byte of a small file. */
static void every_cut_gives_the_same(void **state)
{
	const size_t size = seal_file(7, 2);

	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		struct pawl_buf out = pawl_buf_of(opened, sizeof(opened));
		struct pawl_bytes in = PAWL_BYTES(file, cut);
		pawl_seal_reader_init(&reader, (const uint8_t(*)[32])identities, 1);
		assert_int_equal(
		    pawl_seal_reader_step(&reader, &in, false, &out), PAWL_SEAL_NEED_INPUT);
		assert_int_equal(out.size, 0);
		in = PAWL_BYTES(file + cut, size - cut);
		assert_int_equal(pawl_seal_reader_step(&reader, &in, true, &out), PAWL_SEAL_DONE);
		assert_int_equal(out.size, 7);
		assert_memory_equal(opened, plain, 7);
	}
}

static void every_changed_bit_is_refused(void **state)
{
	const size_t size = seal_file(9, 2);

	(void)state;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		size_t released = 99;
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		const pawl_seal_verdict verdict = open_file(size, &released);
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(verdict, PAWL_SEAL_OK);
		assert_int_not_equal(verdict, PAWL_SEAL_CRYPTO);
		assert_int_equal(released, 0);
		if (bit / 8 >= PAWL_SEAL_HEADER_FRAME + 2 * PAWL_SEAL_STANZA_SIZE)
			assert_int_equal(verdict, PAWL_SEAL_CHUNK_TAG);
	}
}

/* Of a long file the chunks before the change may come out, and nothing of the changed one. */
static void a_change_stops_at_its_chunk(void **state)
{
	const size_t size = seal_file(2 * CHUNK + 100, 1);
	const size_t payload_at = 168 + 16;

	(void)state;
	for (size_t at = payload_at; at < size; at += 1021) {
		size_t released = 0;
		file[at] ^= 0x10;
		assert_int_equal(open_file(size, &released), PAWL_SEAL_CHUNK_TAG);
		file[at] ^= 0x10;
		assert_int_equal(released, (at - payload_at) / SEALED * CHUNK);
	}
}

static void every_truncation_is_refused(void **state)
{
	size_t size = seal_file(9, 2);

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		size_t released = 99;
		const pawl_seal_verdict verdict = open_file(cut, &released);
		assert_true(verdict == PAWL_SEAL_TRUNCATED || verdict == PAWL_SEAL_CHUNK_TAG);
		assert_int_equal(released, 0);
	}
	size = seal_file(2 * CHUNK + 20, 1);
	for (size_t cut = 168; cut < size; cut++) {
		const size_t in_chunk = (cut - 184) % SEALED;
		if (cut > 300 && in_chunk > 40 && in_chunk < SEALED - 40 && in_chunk % 1999 != 0)
			continue;
		size_t released = 99;
		const pawl_seal_verdict verdict = open_file(cut, &released);
		assert_true(verdict == PAWL_SEAL_TRUNCATED || verdict == PAWL_SEAL_CHUNK_TAG);
		assert_int_equal(released, cut < 184 ? 0 : (cut - 184) / SEALED * CHUNK);
		/* Between two chunks it is plain what happened. */
		if (cut > 184 && in_chunk == 0)
			assert_int_equal(verdict, PAWL_SEAL_TRUNCATED);
	}
}

static void nothing_may_follow_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t size = seal_file(sizes[i], 1);
		for (size_t more = 1; more < 40; more += 3) {
			size_t released = 0;
			memset(file + size, 0, more);
			const pawl_seal_verdict verdict = open_file(size + more, &released);
			const bool is_full = sizes[i] > 0 && sizes[i] % CHUNK == 0;
			assert_int_equal(
			    verdict, is_full ? PAWL_SEAL_TRAILING : PAWL_SEAL_CHUNK_TAG);
			assert_int_equal(released, sizes[i] / CHUNK * CHUNK);
		}
	}
}

/* Seals `size` bytes as chunk `counter` at `at`, whatever the rules say. */
static size_t put_chunk(uint8_t *at, size_t size, uint64_t counter, bool is_last)
{
	uint8_t key[32];

	assert_int_equal(pawl_seal_payload_key(file_key, nonce, key), PAWL_ERR_OK);
	const struct pawl_aead aead = pawl_seal_chunk_aead(key, counter, is_last);
	assert_int_equal(pawl_aead_seal(&aead, PAWL_BYTES(plain, size), at), PAWL_ERR_OK);
	return size + PAWL_SEAL_TAG_SIZE;
}

static void chunks_keep_their_place(void **state)
{
	static uint8_t spare[SEALED];
	size_t released = 0;
	size_t size = seal_file(3 * CHUNK, 1);

	(void)state;
	/* Two chunks swapped. */
	memcpy(spare, file + 184, SEALED);
	memcpy(file + 184, file + 184 + SEALED, SEALED);
	memcpy(file + 184 + SEALED, spare, SEALED);
	assert_int_equal(open_file(size, &released), PAWL_SEAL_CHUNK_TAG);
	assert_int_equal(released, 0);
	/* An empty last chunk behind a full one. */
	size = 184 + put_chunk(file + 184, CHUNK, 0, false);
	size += put_chunk(file + size, 0, 1, true);
	assert_int_equal(open_file(size, &released), PAWL_SEAL_EMPTY_CHUNK);
	assert_int_equal(released, CHUNK);
	/* A short chunk that claims not to be the last. */
	size = 184 + put_chunk(file + 184, 10, 0, false);
	assert_int_equal(open_file(size, &released), PAWL_SEAL_CHUNK_TAG);
	/* The counter is big-endian before the flag. */
	const struct pawl_aead aead = pawl_seal_chunk_aead(identities[0], 0x0102030405060708, true);
	static const uint8_t expected[12] = { 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1 };
	assert_memory_equal(aead.nonce, expected, sizeof(expected));
}

/* --- keys --- */

static void any_matching_identity_opens(void **state)
{
	const size_t size = seal_file(20, 2);
	const struct pawl_bytes bytes = PAWL_BYTES(file, size);
	size_t released = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    open_with((const uint8_t(*)[32])identities + i, 1, bytes, SIZE_MAX, &released),
		    PAWL_SEAL_OK);
	assert_int_equal(
	    open_with((const uint8_t(*)[32])identities + 2, 1, bytes, SIZE_MAX, &released),
	    PAWL_SEAL_NO_KEY);
	assert_int_equal(released, 0);
	assert_int_equal(
	    open_with((const uint8_t(*)[32])identities + 1, 2, bytes, SIZE_MAX, &released),
	    PAWL_SEAL_OK);
}

/* One payload behind two headers: what the release station does for single devices. */
static void header_and_payload_separate(void **state)
{
	const size_t size = seal_file(CHUNK + 5, 1);
	struct pawl_buf header = pawl_buf_of(file, 168);
	size_t released = 0;

	(void)state;
	assert_int_equal(pawl_seal_put_header(&header, file_key, recipients + 1, 1), PAWL_ERR_OK);
	assert_int_equal(verdict_of(size), PAWL_SEAL_NO_KEY);
	assert_int_equal(open_with((const uint8_t(*)[32])identities + 1, 1, PAWL_BYTES(file, size),
			     SIZE_MAX, &released),
	    PAWL_SEAL_OK);
	assert_int_equal(released, CHUNK + 5);
}

static void unusable_recipients_are_refused(void **state)
{
	struct pawl_seal_recipient both[2] = { recipients[0], recipients[1] };
	struct pawl_buf out = pawl_buf_of(file, sizeof(file));

	(void)state;
	pawl_put_text(&out, "before");
	memset(both[1].public_key, 0, 32);
	assert_int_equal(pawl_seal_put_header(&out, file_key, both, 2), PAWL_ERR_CRYPTO);
	assert_int_equal(out.size, 6);
	out.capacity = 6 + 167;
	assert_int_equal(pawl_seal_put_header(&out, file_key, both, 1), PAWL_ERR_LIMIT);
	assert_int_equal(out.size, 6);
	assert_false(out.overflow);
}

static void the_largest_header_opens(void **state)
{
	static struct pawl_seal_recipient many[669];
	struct pawl_buf out = pawl_buf_of(file, sizeof(file));
	size_t released = 0;

	(void)state;
	for (size_t i = 0; i < 669; i++) {
		many[i] = recipients[i == 667 ? 1 : 0];
		many[i].ephemeral[0] = (uint8_t)i;
		many[i].ephemeral[1] = (uint8_t)(i >> 8);
	}
	assert_int_equal(pawl_seal_put_header(&out, file_key, many, 669), PAWL_ERR_LIMIT);
	assert_int_equal(pawl_seal_put_header(&out, file_key, many, 668), PAWL_ERR_OK);
	assert_true(out.size <= PAWL_SEAL_HEADER_MAX);
	seal_payload(3, SIZE_MAX, sizeof(file), &out);
	assert_int_equal(open_with((const uint8_t(*)[32])identities + 1, 1, pawl_buf_bytes(&out),
			     100, &released),
	    PAWL_SEAL_OK);
	assert_int_equal(released, 3);
}

static void nothing_secret_stays_behind(void **state)
{
	static const uint8_t zeros[SEALED];
	const size_t size = seal_file(100, 1);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		file[size - 1] ^= (uint8_t)i; /* once DONE, once FAILED */
		pawl_seal_reader_init(&reader, (const uint8_t(*)[32])identities, 1);
		assert_int_equal(pump(PAWL_BYTES(file, size), 64, 64, true), i == 0 ? 100 : 0);
		assert_memory_equal(reader.chunk, zeros, sizeof(reader.chunk));
		assert_memory_equal(reader.identities, zeros, sizeof(reader.identities));
		assert_memory_equal(reader.file_key, zeros, sizeof(reader.file_key));
		assert_memory_equal(reader.key, zeros, sizeof(reader.key));
	}
	pawl_seal_reader_finish(NULL);
	pawl_seal_writer_finish(NULL);
}

/* --- resuming --- */

static void reading_resumes_at_every_chunk(void **state)
{
	const size_t plain_size = 3 * CHUNK + 77;
	const size_t size = seal_file(plain_size, 1);
	const uint8_t(*keys)[32] = (const uint8_t(*)[32])identities;
	uint64_t offset = 99;

	(void)state;
	for (size_t chunk = 0; chunk < 4; chunk++) {
		assert_int_equal(pawl_seal_reader_resume(&reader, keys, 1,
				     PAWL_BYTES(file, 184 + chunk), chunk, &offset),
		    PAWL_SEAL_OK);
		assert_int_equal(offset, 184 + chunk * SEALED);
		assert_int_equal(pawl_seal_reader_payload_at(&reader), 184);
		assert_int_equal(pump(PAWL_BYTES(file + offset, size - offset), 4096, 1000, true),
		    plain_size - chunk * CHUNK);
		assert_int_equal(pawl_seal_reader_verdict(&reader), PAWL_SEAL_OK);
		assert_memory_equal(opened, plain + chunk * CHUNK, plain_size - chunk * CHUNK);
		assert_int_equal(pawl_seal_reader_chunks(&reader), 4);
	}
	/* Another chunk than the one it was told. */
	assert_int_equal(
	    pawl_seal_reader_resume(&reader, keys, 1, PAWL_BYTES(file, 184), 2, &offset),
	    PAWL_SEAL_OK);
	assert_int_equal(pump(PAWL_BYTES(file + 184, SEALED), 4096, 1000, true), 0);
	assert_int_equal(pawl_seal_reader_verdict(&reader), PAWL_SEAL_CHUNK_TAG);
	/* Beyond the end. */
	assert_int_equal(
	    pawl_seal_reader_resume(&reader, keys, 1, PAWL_BYTES(file, 184), 4, &offset),
	    PAWL_SEAL_OK);
	assert_int_equal(pump(PAWL_BYTES(file, 0), 1, 1, true), 0);
	assert_int_equal(pawl_seal_reader_verdict(&reader), PAWL_SEAL_TRUNCATED);
}

static void resuming_needs_the_whole_header(void **state)
{
	const uint8_t(*keys)[32] = (const uint8_t(*)[32])identities;
	uint64_t offset = 99;
	struct pawl_buf out = pawl_buf_of(opened, sizeof(opened));
	struct pawl_bytes in = PAWL_BYTES(NULL, 0);

	(void)state;
	(void)seal_file(10, 1);
	for (size_t cut = 0; cut < 184; cut++) {
		assert_int_equal(
		    pawl_seal_reader_resume(&reader, keys, 1, PAWL_BYTES(file, cut), 1, &offset),
		    PAWL_SEAL_TRUNCATED);
		assert_int_equal(
		    pawl_seal_reader_step(&reader, &in, false, &out), PAWL_SEAL_FAILED);
	}
	file[100] ^= 1;
	assert_int_not_equal(
	    pawl_seal_reader_resume(&reader, keys, 1, PAWL_BYTES(file, 184), 1, &offset),
	    PAWL_SEAL_OK);
	assert_int_equal(offset, 99);
}

/* A broken download: what was handed out is kept, the rest is fetched later. */
static void a_broken_download_goes_on(void **state)
{
	const size_t plain_size = 3 * CHUNK + 77;
	const size_t size = seal_file(plain_size, 1);
	const uint8_t(*keys)[32] = (const uint8_t(*)[32])identities;

	(void)state;
	for (size_t cut = 200; cut < size; cut += 7919) {
		uint64_t offset = 0;
		pawl_seal_reader_init(&reader, keys, 1);
		const size_t first = pump(PAWL_BYTES(file, cut), 1400, 5000, true);
		const uint64_t chunks = pawl_seal_reader_chunks(&reader);
		assert_int_equal(first, chunks * CHUNK);
		assert_int_equal(pawl_seal_reader_payload_at(&reader), 184);
		assert_int_equal(pawl_seal_reader_resume(
				     &reader, keys, 1, PAWL_BYTES(file, 184), chunks, &offset),
		    PAWL_SEAL_OK);
		assert_int_equal(pump(PAWL_BYTES(file + offset, size - offset), 1400, 5000, true),
		    plain_size - first);
		assert_memory_equal(opened, plain + first, plain_size - first);
		assert_int_equal(pawl_seal_reader_verdict(&reader), PAWL_SEAL_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_round_trips),
		cmocka_unit_test(sizes_without_a_payload_are_refused),
		cmocka_unit_test(every_split_gives_the_same),
		cmocka_unit_test(every_cut_gives_the_same),
		cmocka_unit_test(every_changed_bit_is_refused),
		cmocka_unit_test(a_change_stops_at_its_chunk),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(nothing_may_follow_the_end),
		cmocka_unit_test(chunks_keep_their_place),
		cmocka_unit_test(any_matching_identity_opens),
		cmocka_unit_test(header_and_payload_separate),
		cmocka_unit_test(unusable_recipients_are_refused),
		cmocka_unit_test(the_largest_header_opens),
		cmocka_unit_test(nothing_secret_stays_behind),
		cmocka_unit_test(reading_resumes_at_every_chunk),
		cmocka_unit_test(resuming_needs_the_whole_header),
		cmocka_unit_test(a_broken_download_goes_on),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
