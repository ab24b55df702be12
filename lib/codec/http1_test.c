/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/http1.h"

#include <stdio.h>
#include <string.h>

static uint8_t head_memory[PAWL_HTTP1_HEAD_MAX];

/* Feeds `input` in two pieces and writes what happened into `ret_log`. */
static void talk(struct pawl_bytes input, size_t cut, size_t log_size, char *ret_log)
{
	struct pawl_http1 http;
	size_t at = 0;
	size_t offered = cut;
	int written = 0;
	bool in_body = false;

	pawl_http1_init(&http, head_memory, sizeof(head_memory), 64);
	ret_log[0] = '\0';
	for (;;) {
		struct pawl_bytes body;
		size_t consumed = 0;
		const pawl_http1_event event = pawl_http1_feed(
		    &http, PAWL_BYTES(input.at + at, offered - at), &consumed, &body);
		char *to = ret_log + written;
		const size_t room = log_size - (size_t)written;

		at += consumed;
		if (event == PAWL_HTTP1_NEED_MORE) {
			if (offered == input.size)
				return;
			offered = input.size;
		} else if (event == PAWL_HTTP1_HEAD_DONE) {
			written += snprintf(to, room, "%s %.*s%s%s%s(",
			    pawl_http1_method_name(http.method), (int)http.target.size,
			    (const char *)http.target.at, http.has_body ? " body" : "",
			    http.expects_continue ? " continue" : "",
			    http.keep_alive ? "" : " close");
			in_body = true;
		} else if (event == PAWL_HTTP1_BODY) {
			assert_true(in_body && body.size > 0);
			written +=
			    snprintf(to, room, "%.*s", (int)body.size, (const char *)body.at);
		} else if (event == PAWL_HTTP1_MESSAGE_DONE) {
			written += snprintf(to, room, ")");
			in_body = false;
			assert_true(pawl_http1_is_idle(&http));
		} else {
			assert_int_equal(event, PAWL_HTTP1_REFUSED);
			assert_non_null(http.reason);
			assert_false(http.keep_alive);
			snprintf(to, room, "!%u", http.status);
			assert_int_equal(
			    pawl_http1_feed(&http, input, &consumed, &body), PAWL_HTTP1_REFUSED);
			assert_int_equal(consumed, 0);
			return;
		}
	}
}

#define HOST "Host: h\r\n"

static const struct {
	const char *input;
	const char *log;
} cases[] = {
	/* what stock clients send */
	{ "GET /DEFAULT/controller/v1/d HTTP/1.1\r\nHost: h\r\nUser-Agent: libcurl-agent/1.0\r\n"
	  "Accept: application/json\r\nAuthorization: TargetToken x\r\n\r\n",
	    "GET /DEFAULT/controller/v1/d()" },
	{ "POST /a/feedback HTTP/1.1\r\n" HOST
	  "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
	    "POST /a/feedback body continue(hello)" },
	{ "PUT /c HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n006\r\n world\r\n0\r\n"
	  "\r\nGET /n HTTP/1.1\r\n" HOST "\r\n",
	    "PUT /c body(hello world)GET /n()" },
	{ "GET /1 HTTP/1.1\r\n" HOST "\r\nHEAD /2 HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n",
	    "GET /1()HEAD /2 close()" },
	{ "GET /1 HTTP/1.0\r\n\r\n", "GET /1 close()" },
	{ "GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET /1()" },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: x, close , keep-alive\r\n\r\n", "GET / close()" },
	{ "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "GET /()" },
	{ "GET http://h:80/p?q HTTP/1.1\r\n" HOST "\r\n", "GET /p?q()" },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS *()" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n",
	    "POST /()" },
	/* what could be read in two ways */
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
	    "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n", "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "!400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 65\r\n\r\n", "POST / body(!413" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", "!413" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "!501" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "!400" },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\nHost: h\n\n", "!400" },
	{ "GET / HTTP/1.1\r\nA: b\rHost: h\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", "!400" },
	{ "GET / HTTP/1.1\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", "!400" },
	{ "GET / HTTP/1.1\r\n" HOST "nonsense\r\n\r\n", "!400" },
	{ "GET  / HTTP/1.1\r\n" HOST "\r\n", "!400" },
	{ "GET / x HTTP/1.1\r\n" HOST "\r\n", "!400" },
	{ "GET /\r\n", "!400" },
	{ "GET\r\n", "!400" },
	{ "GET /\xc3\xa9 HTTP/1.1\r\n", "!400" },
	{ "GET x HTTP/1.1\r\n", "!400" },
	{ "GET http://h HTTP/1.1\r\n", "!400" },
	{ "GET http://h?/rest/v1 HTTP/1.1\r\n", "!400" },
	{ "GET http:///p HTTP/1.1\r\n", "!400" },
	{ "GET http://h#/p HTTP/1.1\r\n", "!400" },
	{ "\r\n\r\n", "!400" },
	{ "get / HTTP/1.1\r\n" HOST "\r\n", "!501" },
	{ "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n", "!501" },
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", "!505" },
	{ "GET / http/1.1\r\n" HOST "\r\n", "!400" },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!505" },
	{ "POST / HTTP/1.1\r\n" HOST "Expect: rain\r\n\r\n", "!417" },
/* chunks */
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	{ CHUNKED "5;ext=1\r\nhello\r\n", "POST / body(!400" },
	{ CHUNKED "5 \r\nhello\r\n", "POST / body(!400" },
	{ CHUNKED "5\nhello\r\n", "POST / body(!400" },
	{ CHUNKED "\r\n", "POST / body(!400" },
	{ CHUNKED "-1\r\n", "POST / body(!400" },
	{ CHUNKED "0x5\r\n", "POST / body(!400" },
	{ CHUNKED "1\r\nabc\r\n", "POST / body(a!400" },
	{ CHUNKED "0\r\nTrailer: x\r\n\r\n", "POST / body(!400" },
	{ CHUNKED "41\r\n", "POST / body(!413" },
	{ CHUNKED "3\r\nabc\r\n3e\r\n", "POST / body(abc!413" },
	{ CHUNKED "fffffffffffffff\r\n", "POST / body(!413" },
	{ CHUNKED "ffffffffffffffff\r\n", "POST / body(!413" },
};

static void every_cut_gives_the_same_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pawl_bytes input = pawl_bytes_of(cases[i].input);
		for (size_t cut = 0; cut <= input.size; cut++) {
			char log[256];
			talk(input, cut, sizeof(log), log);
			if (strcmp(log, cases[i].log) != 0)
				fail_msg("cut at %zu of\n%s\n%s, not %s", cut, cases[i].input, log,
				    cases[i].log);
		}
	}
}

static void sizes_of_the_head_are_bounded(void **state)
{
	static char input[2 * PAWL_HTTP1_HEAD_MAX];
	char log[64];
	size_t size;

	(void)state;
	memset(input, 'a', sizeof(input));
	memcpy(input, "GET /", 5);
	talk(PAWL_BYTES(input, sizeof(input)), 0, sizeof(log), log);
	assert_string_equal(log, "!414");
	memcpy(input + 5 + PAWL_HTTP1_TARGET_MAX, " HTTP/1.1\r\n", 11);
	talk(PAWL_BYTES(input, sizeof(input)), 0, sizeof(log), log);
	assert_string_equal(log, "!414");
	memcpy(input, "GET / HTTP/1.1\r\nA:", 18);
	talk(PAWL_BYTES(input, sizeof(input)), 0, sizeof(log), log);
	assert_string_equal(log, "!431");

	size = (size_t)snprintf(input, sizeof(input), "GET / HTTP/1.1\r\n" HOST);
	for (int i = 1; i < PAWL_HTTP1_HEADERS_MAX; i++)
		size += (size_t)snprintf(input + size, sizeof(input) - size, "A: %d\r\n", i);
	memcpy(input + size, "\r\n", 2);
	talk(PAWL_BYTES(input, size + 2), 0, sizeof(log), log);
	assert_string_equal(log, "GET /()");
	memcpy(input + size, "B: 1\r\n\r\n", 8);
	talk(PAWL_BYTES(input, size + 8), 0, sizeof(log), log);
	assert_string_equal(log, "!431");
}

static void headers_are_found_in_any_case(void **state)
{
	struct pawl_http1 http;
	struct pawl_bytes body;
	size_t consumed;

	(void)state;
	pawl_http1_init(&http, head_memory, sizeof(head_memory), 10);
	assert_int_equal(pawl_http1_feed(&http,
			     PAWL_BYTES_LIT("PUT /x HTTP/1.1\r\nhOST:\t h \t\r\nX-Empty:\r\n"
					    "Content-Length: 20\r\n\r\n"),
			     &consumed, &body),
	    PAWL_HTTP1_HEAD_DONE);
	assert_true(pawl_bytes_is(pawl_http1_header(&http, "Host"), "h"));
	assert_int_equal(pawl_http1_header(&http, "x-empty").size, 0);
	assert_non_null(pawl_http1_header(&http, "x-empty").at);
	assert_null(pawl_http1_header(&http, "x").at);
	assert_int_equal(pawl_http1_limit_body(&http, 19), PAWL_ERR_LIMIT);
	assert_int_equal(pawl_http1_limit_body(&http, 20), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_http1_feed(&http, PAWL_BYTES_LIT("12345678901234567890GET"), &consumed, &body),
	    PAWL_HTTP1_BODY);
	assert_int_equal(body.size, 20);
	assert_int_equal(
	    pawl_http1_feed(&http, PAWL_BYTES(NULL, 0), &consumed, &body), PAWL_HTTP1_MESSAGE_DONE);
	/* The bound is the connection's again for the next message. */
	assert_int_equal(pawl_http1_feed(&http,
			     PAWL_BYTES_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n"),
			     &consumed, &body),
	    PAWL_HTTP1_HEAD_DONE);
	assert_int_equal(
	    pawl_http1_feed(&http, PAWL_BYTES(NULL, 0), &consumed, &body), PAWL_HTTP1_REFUSED);
	assert_int_equal(http.status, 413);
}

static void response_heads_can_not_be_injected_into(void **state)
{
	uint8_t memory[256];
	struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));
	struct pawl_http1_response response = pawl_http1_respond(&out, 206);

	(void)state;
	pawl_http1_put_header_text(&response, "X-Name", "a\r\nSet-Cookie: b");
	pawl_http1_end_head(&response, 17, true);
	memory[out.size] = '\0';
	assert_string_equal((const char *)memory,
	    "HTTP/1.1 206 Partial Content\r\nX-Name: a  Set-Cookie: b\r\nContent-Length: 17\r\n"
	    "Connection: keep-alive\r\n\r\n");
	assert_string_equal(pawl_http1_status_text(418), "Unknown");

	out.size = 0; /* an answer that can not have a body announces none */
	response = pawl_http1_respond(&out, 204);
	pawl_http1_end_head(&response, 0, false);
	memory[out.size] = '\0';
	assert_string_equal(
	    (const char *)memory, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

static void ranges_follow_rfc_9110(void **state)
{
	static const struct {
		const char *value;
		uint64_t size;
		pawl_range_verdict verdict;
		size_t count;
		uint64_t first, last; /* of the last one */
	} ranges_cases[] = {
		{ "bytes=0-0", 10, PAWL_RANGE_SATISFIABLE, 1, 0, 0 },
		{ "bytes=5-", 10, PAWL_RANGE_SATISFIABLE, 1, 5, 9 },
		{ "Bytes=5-100", 10, PAWL_RANGE_SATISFIABLE, 1, 5, 9 },
		{ "bytes=-3", 10, PAWL_RANGE_SATISFIABLE, 1, 7, 9 },
		{ "bytes=-30", 10, PAWL_RANGE_SATISFIABLE, 1, 0, 9 },
		{ "bytes=0-1, 20-30 ,4-4", 10, PAWL_RANGE_SATISFIABLE, 2, 4, 4 },
		{ "bytes=0-99999999999999999999999", 10, PAWL_RANGE_SATISFIABLE, 1, 0, 9 },
		{ "bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0", 10, PAWL_RANGE_SATISFIABLE, 8, 0, 0 },
		{ "bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
		{ "bytes=10-", 10, PAWL_RANGE_UNSATISFIABLE, 0, 0, 0 },
		{ "bytes=99999999999999999999999-", 10, PAWL_RANGE_UNSATISFIABLE, 0, 0, 0 },
		{ "bytes=-0", 10, PAWL_RANGE_UNSATISFIABLE, 0, 0, 0 },
		{ "bytes=0-", 0, PAWL_RANGE_UNSATISFIABLE, 0, 0, 0 },
		{ "bytes=-1", 0, PAWL_RANGE_UNSATISFIABLE, 0, 0, 0 },
		{ "bytes=5-2", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
		{ "bytes=", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
		{ "bytes=-", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
		{ "bytes=0-1,", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
		{ "bytes=a-b", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
		{ "bytes=1 - 2", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
		{ "lines=0-1", 10, PAWL_RANGE_IGNORE, 0, 0, 0 },
	};
	struct pawl_ranges ranges;

	(void)state;
	assert_int_equal(pawl_range_parse(PAWL_BYTES(NULL, 0), 10, &ranges), PAWL_RANGE_NONE);
	for (size_t i = 0; i < sizeof(ranges_cases) / sizeof(ranges_cases[0]); i++) {
		const pawl_range_verdict verdict = pawl_range_parse(
		    pawl_bytes_of(ranges_cases[i].value), ranges_cases[i].size, &ranges);
		if (verdict != ranges_cases[i].verdict)
			fail_msg("%s: %d", ranges_cases[i].value, (int)verdict);
		if (verdict != PAWL_RANGE_SATISFIABLE)
			continue;
		assert_int_equal(ranges.count, ranges_cases[i].count);
		assert_int_equal(ranges.ranges[ranges.count - 1].first, ranges_cases[i].first);
		assert_int_equal(ranges.ranges[ranges.count - 1].last, ranges_cases[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_gives_the_same_events),
		cmocka_unit_test(sizes_of_the_head_are_bounded),
		cmocka_unit_test(headers_are_found_in_any_case),
		cmocka_unit_test(response_heads_can_not_be_injected_into),
		cmocka_unit_test(ranges_follow_rfc_9110),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
