/* SPDX-License-Identifier: MIT
 *
 * seal_bench.c - what sealing costs: recipients wrapped each second (what a
 * new epoch of a fleet takes), unwrapped, and MB of payload each second.
 *
 * usage: seal_bench SECONDS; prints one JSON object. CPU time, one core.
 */
#include "pawl/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 100, PAYLOAD = 32 << 20, SEALED_MAX = PAYLOAD + (PAYLOAD >> 11) };

static struct pawl_seal_writer writer;
static struct pawl_seal_reader reader;
static uint8_t plain[PAYLOAD];
static uint8_t sealed[SEALED_MAX];
static const uint8_t identity[1][32] = { { 0x42 } };
static const uint8_t file_key[16] = { 1 };
static const uint8_t nonce[16] = { 2 };
static struct pawl_seal_recipient recipients[BATCH];

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(bool good)
{
	if (!good)
		abort();
}

/* A key file for one device is a header with one stanza and a payload. */
static size_t seal_epoch_key(const struct pawl_seal_recipient *recipient)
{
	struct pawl_buf out = pawl_buf_of(sealed, sizeof(sealed));
	struct pawl_bytes in = PAWL_BYTES(plain, PAWL_SEAL_IDENTITY_TEXT);

	must(pawl_seal_put_header(&out, file_key, recipient, 1) == PAWL_ERR_OK);
	must(pawl_seal_writer_init(&writer, file_key, nonce) == PAWL_ERR_OK);
	must(pawl_seal_writer_step(&writer, &in, true, &out) == PAWL_SEAL_DONE);
	return out.size;
}

static size_t seal_payload(void)
{
	struct pawl_buf out = pawl_buf_of(sealed, sizeof(sealed));
	struct pawl_bytes in = PAWL_BYTES(plain, sizeof(plain));

	must(pawl_seal_put_header(&out, file_key, recipients, 1) == PAWL_ERR_OK);
	must(pawl_seal_writer_init(&writer, file_key, nonce) == PAWL_ERR_OK);
	must(pawl_seal_writer_step(&writer, &in, true, &out) == PAWL_SEAL_DONE);
	return out.size;
}

static void open_payload(size_t size)
{
	struct pawl_buf out = pawl_buf_of(plain, sizeof(plain));
	struct pawl_bytes in = PAWL_BYTES(sealed, size);

	pawl_seal_reader_init(&reader, identity, 1);
	must(pawl_seal_reader_step(&reader, &in, true, &out) == PAWL_SEAL_DONE);
}

int main(int argc, char **argv)
{
	const double seconds = argc == 2 ? strtod(argv[1], NULL) : 0;

	if (seconds <= 0) {
		fprintf(stderr, "usage: seal_bench SECONDS\n");
		return 2;
	}
	for (size_t i = 0; i < BATCH; i++) {
		recipients[i].ephemeral[0] = (uint8_t)i;
		must(pawl_seal_recipient_of(identity[0], recipients[i].public_key) == PAWL_ERR_OK);
	}

	double count = 0;
	double began = now_s();
	for (; now_s() - began < seconds; count += BATCH) {
		struct pawl_buf out = pawl_buf_of(sealed, sizeof(sealed));
		must(pawl_seal_put_header(&out, file_key, recipients, BATCH) == PAWL_ERR_OK);
	}
	const double wraps = count / (now_s() - began);

	size_t key_file = 0;
	count = 0;
	began = now_s();
	for (; now_s() - began < seconds; count++)
		key_file = seal_epoch_key(&recipients[0]);
	const double key_files = count / (now_s() - began);

	count = 0;
	began = now_s();
	for (; now_s() - began < seconds; count++) {
		uint64_t offset = 0;
		must(pawl_seal_reader_resume(&reader, identity, 1, PAWL_BYTES(sealed, key_file), 0,
			 &offset) == PAWL_SEAL_OK);
	}
	const double unwraps = count / (now_s() - began);

	size_t size = 0;
	count = 0;
	began = now_s();
	for (; now_s() - began < seconds; count += (double)PAYLOAD / 1e6)
		size = seal_payload();
	const double seal_rate = count / (now_s() - began);

	count = 0;
	began = now_s();
	for (; now_s() - began < seconds; count += (double)PAYLOAD / 1e6)
		open_payload(size);
	const double open_rate = count / (now_s() - began);

	printf("{\"wraps_per_s\": %.0f, \"bytes_per_recipient\": %d, \"key_files_per_s\": %.0f, "
	       "\"key_file_bytes\": %zu, \"unwraps_per_s\": %.0f, \"seal_mb_per_s\": %.0f, "
	       "\"open_mb_per_s\": %.0f, \"payload_overhead\": %.6f, \"reader_bytes\": %zu}\n",
	    wraps, PAWL_SEAL_STANZA_SIZE, key_files, key_file, unwraps, seal_rate, open_rate,
	    (double)(size - PAYLOAD) / PAYLOAD, sizeof(struct pawl_seal_reader));
	return 0;
}
