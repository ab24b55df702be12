/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of lib/fetch.
 */
#ifndef PAWL_FETCH_INTERNAL_H
#define PAWL_FETCH_INTERNAL_H

#include "pawl/fetch.h"

#include <curl/curl.h>
#include <stdio.h>

struct pawl_fetch {
	CURL *curl;
	char *ca_file;
	char *pins;
	char *cert_file;
	char *key_file;
	bool by_pins_only;
	bool allow_plain_http;
	unsigned connect_timeout_ms;
	uint8_t *memory; /* body kept for the caller                             */
	size_t memory_size;
	size_t memory_capacity;
	char error[CURL_ERROR_SIZE];
};

/* One request under way. */
struct pawl_fetch_transfer {
	struct pawl_fetch *fetch;
	const struct pawl_fetch_request *request;
	struct pawl_fetch_answer answer;
	pawl_err stopped_by; /* what a callback wants returned; OK: nothing      */
	const char *stopped_why;
	bool body_began;
	uint64_t body_max;
	FILE *upload;
	uint64_t upload_size;
	struct curl_slist *headers;
};

/* curl's callback for one header line; reads the few we want into `answer`. */
size_t pawl_fetch_on_header(char *at, size_t size, size_t count, void *context);
/* PAWL_ERR_SYNTAX when the answer does not fit what was asked for. */
pawl_err pawl_fetch_check_range(const struct pawl_fetch_transfer *transfer);
/* Turns curl's result into ours and writes the note. */
pawl_err pawl_fetch_explain(
    const struct pawl_fetch_transfer *transfer, CURLcode code, struct pawl_note *reterr_note);

#endif
