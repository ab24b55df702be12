/* SPDX-License-Identifier: MIT
 *
 * For tests/agent/test_fetch.py: requests from "key=value" arguments, one after
 * each "go" in one session; prints what came of each as "key=value" lines.
 */
#include "pawl/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
	struct pawl_fetch_options options;
	struct pawl_fetch_request request;
	struct pawl_fetch *fetch;
	unsigned header_count;
	/* The sink stops after so many bytes; -1: never. */
	long long stop_at;
	bool refuses; /* already before the first byte                           */
	unsigned long long begun;
	unsigned long long sunk;
};

static pawl_err on_begin(void *context, const struct pawl_fetch_answer *answer)
{
	struct call *const call = context;
	call->begun++;
	printf("begin=%d\n", answer->status);
	return call->refuses ? PAWL_ERR_REFUSED : PAWL_ERR_OK;
}

static pawl_err on_piece(void *context, struct pawl_bytes piece)
{
	struct call *const call = context;
	call->sunk += piece.size;
	return call->stop_at >= 0 && call->sunk > (unsigned long long)call->stop_at
		   ? PAWL_ERR_NO_SPACE
		   : PAWL_ERR_OK;
}

static const char *err_name(pawl_err err)
{
	switch (err) {
#define X(name, class, text)                                                                       \
	case PAWL_ERR_##name: return #name;
		PAWL_ERR_LIST(X)
#undef X
	}
	return "?";
}

static pawl_fetch_method method_of(const char *name)
{
	static const char *const NAMES[] = { "GET", "HEAD", "POST", "PUT", "DELETE" };
	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcmp(NAMES[i], name) == 0)
			return (pawl_fetch_method)i;
	}
	abort();
}

/* True when the key is known. */
static bool set_number(struct call *call, const char *key, long long value)
{
	struct pawl_fetch_request *const request = &call->request;
	if (strcmp(key, "by-pins") == 0)
		call->options.by_pins_only = value != 0;
	else if (strcmp(key, "body-max") == 0)
		request->body_max = (uint64_t)value;
	else if (strcmp(key, "total-ms") == 0)
		request->total_timeout_ms = (unsigned)value;
	else if (strcmp(key, "slow-bytes") == 0)
		request->low_speed_bytes_s = (unsigned)value;
	else if (strcmp(key, "slow-s") == 0)
		request->low_speed_s = (unsigned)value;
	else if (strcmp(key, "resume") == 0)
		request->resume_offset = (uint64_t)value;
	else if (strcmp(key, "stop-at") == 0)
		call->stop_at = value;
	else if (strcmp(key, "refuse") == 0)
		call->refuses = value != 0;
	else
		return false;
	return true;
}

static void set(struct call *call, const char *key, const char *value)
{
	struct pawl_fetch_request *const request = &call->request;
	if (strcmp(key, "ca") == 0)
		call->options.ca_file = value;
	else if (strcmp(key, "pins") == 0)
		call->options.pins = value;
	else if (strcmp(key, "cert") == 0)
		call->options.cert_file = value;
	else if (strcmp(key, "key") == 0)
		call->options.key_file = value;
	else if (strcmp(key, "method") == 0)
		request->method = method_of(value);
	else if (strcmp(key, "url") == 0)
		request->url = value;
	else if (strcmp(key, "body") == 0)
		request->body = PAWL_BYTES(value, strlen(value));
	else if (strcmp(key, "upload") == 0)
		request->upload_file = value;
	else if (strcmp(key, "if-range") == 0)
		request->if_range = value;
	else if (strcmp(key, "header") == 0)
		request->headers[call->header_count++] = value;
	else if (!set_number(call, key, strtoll(value, NULL, 10)))
		abort();
}

static void go(struct call *call)
{
	struct pawl_note note = { "" };
	struct pawl_fetch_answer answer = { .status = 0 };
	pawl_err err = PAWL_ERR_OK;
	call->sunk = 0;
	if (call->stop_at != -2) {
		call->request.sink = on_piece;
		call->request.begin = on_begin;
		call->request.sink_context = call;
	}
	if (call->fetch == NULL)
		err = pawl_fetch_create(&call->options, &call->fetch, &note);
	if (err == PAWL_ERR_OK)
		err = pawl_fetch_run(call->fetch, &call->request, &answer, &note);
	printf("err=%s\nnote=%s\nstatus=%d\nreceived=%llu\nsunk=%llu\netag=%s\nlocation=%s\n",
	    err_name(err), note.text, answer.status, (unsigned long long)answer.received,
	    call->sunk, answer.etag, answer.location);
	printf("range=%llu/%llu\nretry=%lld\nsize=%llu\nbody=%.*s\n",
	    (unsigned long long)answer.range_start, (unsigned long long)answer.range_total,
	    (long long)answer.retry_after_s, (unsigned long long)answer.body.size,
	    (int)(answer.body.size < 200 ? answer.body.size : 200),
	    answer.body.at != NULL ? (const char *)answer.body.at : "");
}

int main(int argc, char *argv[])
{
	struct call call = { .stop_at = -2 };
	for (int i = 1; i < argc; i++) {
		char *const equals = strchr(argv[i], '=');
		if (equals == NULL) {
			go(&call);
			continue;
		}
		*equals = '\0';
		set(&call, argv[i], equals + 1);
	}
	pawl_fetch_destroy(call.fetch);
	return 0;
}
