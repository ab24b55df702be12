/* SPDX-License-Identifier: MIT
 *
 * fuzz_main.c - drives a libFuzzer target where libFuzzer is not linked:
 * replays every file of the corpus, then `--runs N` mutations of them with a
 * fixed seed, so that a failure repeats. `make fuzz` links the real engine.
 *
 * usage: TARGET [--runs N] [--seed S] CORPUS_DIR...
 */
#include "pawl/bytes.h"
#include "pawl/num.h"
#include "pawl/prng.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 4096, INPUT_MAX = 1 << 20 };

struct input {
	uint8_t *at;
	size_t size;
};

static struct input inputs[FILES_MAX];
static size_t input_count;

static void load_file(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL || input_count == FILES_MAX) {
		fprintf(stderr, "can not read %s\n", path);
		exit(1);
	}
	uint8_t *at = malloc(INPUT_MAX);
	if (at == NULL)
		abort();
	const size_t size = fread(at, 1, INPUT_MAX, file);
	fclose(file);
	inputs[input_count++] = (struct input){ at, size };
}

static void load_folder(const char *path)
{
	DIR *folder = opendir(path);

	if (folder == NULL) {
		fprintf(stderr, "no corpus at %s\n", path);
		exit(1);
	}
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char name[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		load_file(name);
	}
	closedir(folder);
}

/* An exact heap copy, so that the address sanitizer sees each byte read
 * beyond the end. */
static void run_one(const uint8_t *at, size_t size)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, at, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t mutate(struct pawl_prng *prng, uint8_t *at, size_t size)
{
	const uint64_t edits = 1 + pawl_prng_below(prng, 6);

	for (uint64_t i = 0; i < edits; i++) {
		const size_t where = size == 0 ? 0 : (size_t)pawl_prng_below(prng, size);
		switch (pawl_prng_below(prng, 6)) {
		case 0:
			if (size > 0)
				at[where] ^= (uint8_t)(1u << pawl_prng_below(prng, 8));
			break;
		case 1:
			if (size > 0)
				at[where] = (uint8_t)pawl_prng_next(prng);
			break;
		case 2: size = where; break;
		case 3:
			if (size < INPUT_MAX) {
				memmove(at + where + 1, at + where, size - where);
				at[where] = (uint8_t)pawl_prng_next(prng);
				size++;
			}
			break;
		case 4: { /* repeat a piece */
			const size_t length =
			    size == 0 ? 0 : (size_t)pawl_prng_below(prng, size - where + 1);
			if (size + length <= INPUT_MAX) {
				memmove(at + where + length, at + where, size - where);
				size += length;
			}
			break;
		}
		case 5: { /* splice in a piece of another input */
			const struct input *other = &inputs[pawl_prng_below(prng, input_count)];
			if (other->size == 0)
				break;
			const size_t from = (size_t)pawl_prng_below(prng, other->size);
			const size_t length = (size_t)pawl_prng_below(prng, other->size - from + 1);
			if (where + length <= INPUT_MAX) {
				memcpy(at + where, other->at + from, length);
				size = where + length > size ? where + length : size;
			}
			break;
		}
		default: break;
		}
	}
	return size;
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	if (pawl_parse_u64(pawl_bytes_of(text), UINT64_MAX, &value) != PAWL_ERR_OK) {
		fprintf(stderr, "not a number: %s\n", text);
		exit(1);
	}
	return value;
}

int main(int argc, char **argv)
{
	static uint8_t scratch[2 * INPUT_MAX];
	uint64_t runs = 0;
	uint64_t seed = 1;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			runs = number(argv[++i]);
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = number(argv[++i]);
		else
			load_folder(argv[i]);
	}
	if (input_count == 0) {
		fprintf(stderr, "empty corpus\n");
		return 1;
	}
	for (size_t i = 0; i < input_count; i++)
		run_one(inputs[i].at, inputs[i].size);

	struct pawl_prng prng = pawl_prng_of(seed);
	for (uint64_t run = 0; run < runs; run++) {
		const struct input *base = &inputs[pawl_prng_below(&prng, input_count)];
		memcpy(scratch, base->at, base->size);
		const size_t size = mutate(&prng, scratch, base->size);
		run_one(scratch, size);
	}
	printf("%zu inputs, %" PRIu64 " mutations, seed %" PRIu64 "\n", input_count, runs, seed);
	for (size_t i = 0; i < input_count; i++)
		free(inputs[i].at);
	return 0;
}
