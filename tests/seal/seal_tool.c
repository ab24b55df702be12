/* SPDX-License-Identifier: MIT
 *
 * seal_tool.c - lib/seal as a filter, for the tests against other programs.
 *
 * usage: seal_tool keygen
 *        seal_tool seal RECIPIENT...
 *        seal_tool open IDENTITY...
 *        seal_tool resume CHUNK IDENTITY     (standard input is a file)
 *
 * `open` and `resume` end with a line on standard error: the verdict and the
 * number of bytes of header and nonce, 0 when the header did not open.
 * Exit codes: 0 done, 1 the file does not open, 2 wrong usage or no machine.
 */
#include "pawl/keys.h"
#include "pawl/num.h"
#include "pawl/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Odd sizes, so that no chunk ever meets a buffer of its own size. */
enum { IN_SIZE = 30011, OUT_SIZE = 40009, KEYS_MAX = PAWL_SEAL_IDENTITIES_MAX };

static struct pawl_seal_writer writer;
static struct pawl_seal_reader reader;
static uint8_t in_memory[IN_SIZE];
static uint8_t out_memory[OUT_SIZE];
static uint8_t keys[KEYS_MAX][32];

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "seal_tool: %s\n", what);
	exit(2);
}

static struct pawl_bytes read_input(void)
{
	const size_t size = fread(in_memory, 1, sizeof(in_memory), stdin);

	if (ferror(stdin))
		give_up("can not read");
	return PAWL_BYTES(in_memory, size);
}

static void write_output(struct pawl_buf *out)
{
	if (fwrite(out->at, 1, out->size, stdout) != out->size)
		give_up("can not write");
	out->size = 0;
}

static void keygen(void)
{
	uint8_t identity[32];
	uint8_t recipient[32];
	struct pawl_buf out = pawl_buf_of(out_memory, sizeof(out_memory));

	pawl_random(identity, sizeof(identity));
	if (pawl_seal_recipient_of(identity, recipient) != PAWL_ERR_OK)
		give_up("no key");
	pawl_seal_put_identity(&out, identity);
	pawl_put_u8(&out, '\n');
	pawl_seal_put_recipient(&out, recipient);
	pawl_put_u8(&out, '\n');
	write_output(&out);
}

static void seal(char **texts, size_t count)
{
	struct pawl_seal_recipient *recipients = calloc(count, sizeof(*recipients));
	static uint8_t header[PAWL_SEAL_HEADER_MAX];
	struct pawl_buf out = pawl_buf_of(header, sizeof(header));
	uint8_t file_key[PAWL_SEAL_FILE_KEY_SIZE];
	uint8_t nonce[PAWL_SEAL_NONCE_SIZE];
	struct pawl_bytes in = PAWL_BYTES(in_memory, 0);
	pawl_seal_step step = PAWL_SEAL_NEED_INPUT;
	bool is_end = false;

	if (recipients == NULL)
		give_up("out of memory");
	for (size_t i = 0; i < count; i++) {
		if (pawl_seal_recipient_parse(pawl_bytes_of(texts[i]), recipients[i].public_key) !=
		    PAWL_ERR_OK)
			give_up("not a recipient");
		pawl_random(recipients[i].ephemeral, sizeof(recipients[i].ephemeral));
	}
	pawl_random(file_key, sizeof(file_key));
	pawl_random(nonce, sizeof(nonce));
	if (pawl_seal_put_header(&out, file_key, recipients, count) != PAWL_ERR_OK ||
	    pawl_seal_writer_init(&writer, file_key, nonce) != PAWL_ERR_OK)
		give_up("no header");
	free(recipients);
	write_output(&out);
	out = pawl_buf_of(out_memory, sizeof(out_memory));
	while (step == PAWL_SEAL_NEED_INPUT || step == PAWL_SEAL_OUTPUT_FULL) {
		if (step == PAWL_SEAL_NEED_INPUT) {
			in = read_input();
			is_end = in.size == 0;
		}
		step = pawl_seal_writer_step(&writer, &in, is_end, &out);
		write_output(&out);
	}
	pawl_seal_writer_finish(&writer);
	if (step != PAWL_SEAL_DONE)
		give_up("sealing failed");
}

static size_t parse_identities(char **texts, size_t count)
{
	if (count > KEYS_MAX)
		give_up("too many identities");
	for (size_t i = 0; i < count; i++)
		if (pawl_seal_identity_parse(pawl_bytes_of(texts[i]), keys[i]) != PAWL_ERR_OK)
			give_up("not an identity");
	return count;
}

static int report(pawl_seal_verdict verdict)
{
	fprintf(stderr, "%s %" PRIu64 "\n", pawl_seal_verdict_id(verdict),
	    pawl_seal_reader_payload_at(&reader));
	return verdict == PAWL_SEAL_OK ? 0 : 1;
}

static int pump(void)
{
	struct pawl_buf out = pawl_buf_of(out_memory, sizeof(out_memory));
	struct pawl_bytes in = PAWL_BYTES(in_memory, 0);
	pawl_seal_step step = PAWL_SEAL_NEED_INPUT;
	bool is_end = false;

	while (step == PAWL_SEAL_NEED_INPUT || step == PAWL_SEAL_OUTPUT_FULL) {
		if (step == PAWL_SEAL_NEED_INPUT) {
			in = read_input();
			is_end = in.size == 0;
		}
		step = pawl_seal_reader_step(&reader, &in, is_end, &out);
		write_output(&out);
	}
	return report(pawl_seal_reader_verdict(&reader));
}

static int resume(const char *chunk_text, char **identity)
{
	static uint8_t start[PAWL_SEAL_HEADER_MAX + PAWL_SEAL_NONCE_SIZE];
	uint64_t chunk = 0;
	uint64_t offset = 0;
	const size_t key_count = parse_identities(identity, 1);

	if (pawl_parse_u64(pawl_bytes_of(chunk_text), 1 << 20, &chunk) != PAWL_ERR_OK)
		give_up("not a chunk");
	const size_t size = fread(start, 1, sizeof(start), stdin);
	const pawl_seal_verdict verdict = pawl_seal_reader_resume(&reader,
	    (const uint8_t(*)[32])keys, key_count, PAWL_BYTES(start, size), chunk, &offset);
	if (verdict != PAWL_SEAL_OK)
		return report(verdict);
	if (fseeko(stdin, (off_t)offset, SEEK_SET) != 0)
		give_up("standard input is not a file");
	return pump();
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "keygen") == 0) {
		keygen();
		return 0;
	}
	if (argc >= 3 && strcmp(argv[1], "seal") == 0) {
		seal(argv + 2, (size_t)argc - 2);
		return 0;
	}
	if (argc >= 3 && strcmp(argv[1], "open") == 0) {
		const size_t key_count = parse_identities(argv + 2, (size_t)argc - 2);
		pawl_seal_reader_init(&reader, (const uint8_t(*)[32])keys, key_count);
		return pump();
	}
	if (argc == 4 && strcmp(argv[1], "resume") == 0)
		return resume(argv[2], argv + 3);
	give_up("usage: keygen | seal RECIPIENT... | open IDENTITY... | resume CHUNK IDENTITY");
}
