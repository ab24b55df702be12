/* SPDX-License-Identifier: MIT
 *
 * A connection's bytes, in one piece and in pieces: the events must be the
 * same. Also the parsers that get pieces of a request: Range and the target. */
#include "pawl/http1.h"
#include "pawl/num.h"
#include "pawl/prng.h"
#include "pawl/url.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 4096, HEAD_MEMORY = 2048 };

/* What happened, in a form that does not show where the input was cut. */
struct trace {
	uint32_t crc;
	uint64_t body;
	unsigned status;
	size_t consumed;
};

static void record(struct trace *trace, uint8_t mark, struct pawl_bytes bytes)
{
	trace->crc = pawl_crc32(trace->crc, PAWL_BYTES(&mark, 1));
	trace->crc = pawl_crc32(trace->crc, bytes);
}

static void look_at_head(const struct pawl_http1 *http, struct trace *trace)
{
	uint8_t memory[PAWL_URL_SIZE_MAX];
	struct pawl_buf scratch = pawl_buf_of(memory, sizeof(memory));
	struct pawl_target target;
	struct pawl_ranges ranges;

	record(trace, (uint8_t)http->method, http->target);
	record(trace,
	    (uint8_t)(http->keep_alive | http->has_body << 1 | http->expects_continue << 2),
	    pawl_http1_header(http, "range"));
	if (pawl_target_split(http->target, PAWL_URL_SLASH_REFUSE, &scratch, &target) ==
	    PAWL_ERR_OK)
		for (size_t i = 0; i < target.segment_count; i++)
			if (target.segments[i].size == 0 || pawl_bytes_is(target.segments[i], ".."))
				abort();
	if (pawl_range_parse(pawl_http1_header(http, "range"), 1000, &ranges) ==
	    PAWL_RANGE_SATISFIABLE)
		for (size_t i = 0; i < ranges.count; i++)
			if (ranges.ranges[i].first > ranges.ranges[i].last ||
			    ranges.ranges[i].last > 999)
				abort();
}

static struct trace run(struct pawl_bytes input, uint64_t seed)
{
	struct pawl_prng prng = pawl_prng_of(seed);
	uint8_t memory[HEAD_MEMORY];
	struct trace trace = { .crc = 0 };
	struct pawl_http1 http;
	size_t offered = 0; /* bytes that have "arrived" */
	size_t at = 0;
	size_t idle_rounds = 0;

	pawl_http1_init(&http, memory, sizeof(memory), BODY_MAX);
	for (;;) {
		struct pawl_bytes body;
		size_t consumed;
		const pawl_http1_event event = pawl_http1_feed(
		    &http, PAWL_BYTES(input.at + at, offered - at), &consumed, &body);

		if (consumed > offered - at)
			abort();
		at += consumed;
		idle_rounds = consumed == 0 ? idle_rounds + 1 : 0;
		if (idle_rounds > 8 + input.size)
			abort(); /* it spins */
		switch (event) {
		case PAWL_HTTP1_NEED_MORE:
			if (at != offered)
				abort();
			if (offered == input.size) {
				trace.consumed = at;
				return trace;
			}
			offered = seed == 0
				      ? input.size
				      : offered + 1 + pawl_prng_below(&prng, input.size - offered);
			break;
		case PAWL_HTTP1_HEAD_DONE: look_at_head(&http, &trace); break;
		case PAWL_HTTP1_BODY:
			if (body.size == 0)
				abort();
			trace.crc = pawl_crc32(trace.crc, body);
			trace.body += body.size;
			break;
		case PAWL_HTTP1_MESSAGE_DONE: record(&trace, 'M', PAWL_BYTES(NULL, 0)); break;
		case PAWL_HTTP1_REFUSED:
			trace.status = http.status;
			trace.consumed = at;
			return trace;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pawl_bytes input = PAWL_BYTES(data, size);
	const struct trace whole = run(input, 0);

	for (uint64_t seed = 1; seed <= 3; seed++) {
		const struct trace cut = run(input, seed);
		if (cut.crc != whole.crc || cut.body != whole.body || cut.status != whole.status ||
		    cut.consumed != whole.consumed)
			abort();
	}
	return 0;
}
