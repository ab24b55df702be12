/* SPDX-License-Identifier: MIT
 *
 * json_bench.c - our JSON reader against jansson on one document: parse it
 * and read four fields, as the server does with a feedback.
 *
 * usage: json_bench FILE SECONDS; prints one JSON object.
 */
#include "pawl/json.h"
#include "pawl/num.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DOCUMENT_MAX = 1 << 16, TOKENS_MAX = 4096 };

static char document[DOCUMENT_MAX];
static size_t document_size;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int64_t once_pawl(void)
{
	static struct pawl_json_token tokens[TOKENS_MAX];
	struct pawl_json json;
	int64_t count = 0;
	char text[64];

	if (pawl_json_parse(PAWL_BYTES(document, document_size), tokens, TOKENS_MAX, &json, NULL) !=
	    PAWL_ERR_OK)
		abort();
	if (pawl_json_text(
		&json, pawl_json_path(&json, 0, "status.execution"), sizeof(text), text) ||
	    pawl_json_text(
		&json, pawl_json_path(&json, 0, "status.result.finished"), sizeof(text), text) ||
	    pawl_json_int(
		&json, pawl_json_path(&json, 0, "status.result.progress.cnt"), 0, 1000000, &count))
		abort();
	return count + pawl_json_count(&json, pawl_json_path(&json, 0, "status.details"));
}

static int64_t once_jansson(void)
{
	json_t *root = json_loadb(document, document_size, JSON_REJECT_DUPLICATES, NULL);

	if (root == NULL)
		abort();
	const json_t *status = json_object_get(root, "status");
	const json_t *result = json_object_get(status, "result");
	if (json_string_value(json_object_get(status, "execution")) == NULL ||
	    json_string_value(json_object_get(result, "finished")) == NULL)
		abort();
	const int64_t count =
	    json_integer_value(json_object_get(json_object_get(result, "progress"), "cnt")) +
	    (int64_t)json_array_size(json_object_get(status, "details"));
	json_decref(root);
	return count;
}

static double microseconds_each(int64_t (*once)(void), double seconds)
{
	const int64_t expected = once();
	const double begin = now_s();
	double now = begin;
	long runs = 0;

	while (now - begin < seconds) {
		for (int i = 0; i < 1000; i++)
			if (once() != expected)
				abort();
		runs += 1000;
		now = now_s();
	}
	return (now - begin) / (double)runs * 1e6;
}

int main(int argc, char **argv)
{
	uint64_t seconds = 0;
	FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;

	if (file == NULL || pawl_parse_u64(pawl_bytes_of(argv[2]), 60, &seconds) != PAWL_ERR_OK) {
		fprintf(stderr, "usage: json_bench FILE SECONDS\n");
		return 2;
	}
	document_size = fread(document, 1, sizeof(document), file);
	fclose(file);
	if (once_pawl() != once_jansson())
		abort();
	const double pawl = microseconds_each(once_pawl, (double)seconds);
	const double peer = microseconds_each(once_jansson, (double)seconds);
	printf("{\"bytes\": %zu, \"pawl_us\": %.3f, \"jansson_us\": %.3f, \"ratio\": %.3f}\n",
	    document_size, pawl, peer, pawl / peer);
	return 0;
}
