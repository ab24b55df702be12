/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"
#include "http_test_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"

/* Long deadlines: nothing in a test must end by one unless it is about it. */
static const struct pawl_http_options patient = { .shutdown_ms = 8000 };

static void requests_share_a_connection(void **state)
{
	struct test_server server;
	struct answer answer;

	(void)state;
	test_server_start(&server, &patient, NULL);
	const int fd = client_connect(server.port);

	client_send(fd, GET("/hello"));
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "hello");
	assert_false(answer.closes);
	assert_non_null(strstr(answer.head, "X-Test: one  two\r\n"));
	assert_non_null(strstr(answer.head, "\r\nDate: "));

	client_send(fd, "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
	client_answer(fd, true, &answer);
	assert_int_equal(answer.length, 5);

	client_send(fd, "HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n");
	client_answer(fd, true, &answer);
	assert_int_equal(answer.length, BIG_SIZE);

	client_send(fd, GET("/missing"));
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 404);
	assert_false(answer.closes);

	client_send(fd, GET("/file?tail"));
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 206);
	assert_int_equal(answer.length, 10);

	client_send(fd, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	client_answer(fd, false, &answer);
	assert_true(answer.closes);
	assert_true(client_at_end(fd));
	close(fd);
	test_server_end(&server, true);
}

static void request_cut_at_every_byte(void **state)
{
	static const char request[] =
	    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde";
	struct test_server server;
	struct answer answer;

	(void)state;
	test_server_start(&server, &patient, NULL);
	const int fd = client_connect(server.port);

	for (size_t i = 0; i + 1 < sizeof(request); i++)
		client_send(fd, (char[2]){ request[i], '\0' });
	client_answer(fd, false, &answer);
	assert_string_equal(answer.body, "abcde");
	close(fd);
	test_server_end(&server, true);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct test_server server;
	struct answer answer;

	(void)state;
	test_server_start(&server, &patient, NULL);
	const int first = client_connect(server.port);
	const int second = client_connect(server.port);

	client_send(first, GET("/later") GET("/hello") GET("/file?tail") GET("/missing"));
	WAIT_FOR(atomic_load(&server.has_later));
	client_send(second, GET("/release"));
	client_answer(second, false, &answer);
	assert_int_equal(atomic_load(&server.release_result), PAWL_ERR_OK);
	client_answer(first, false, &answer);
	assert_string_equal(answer.body, "later");
	client_answer(first, false, &answer);
	assert_string_equal(answer.body, "hello");
	client_answer(first, false, &answer);
	assert_int_equal(answer.length, 10);
	client_answer(first, false, &answer);
	assert_int_equal(answer.status, 404);

	/* Answering the same request again changes nothing. */
	client_send(second, GET("/release"));
	client_answer(second, false, &answer);
	assert_int_equal(atomic_load(&server.release_result), PAWL_ERR_NOT_FOUND);
	close(first);
	close(second);
	test_server_end(&server, true);
}

/* As many requests as one piece of input holds: none is answered inside
 * another's callback. */
static void many_pipelined_requests_need_no_depth(void **state)
{
	enum { COUNT = 2000 };
	struct test_server server;
	struct answer answer;
	static char text[COUNT * 40 + 1];
	static const char one[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

	(void)state;
	test_server_start(&server, &patient, NULL);
	const int fd = client_connect(server.port);

	for (size_t i = 0; i < COUNT; i++)
		memcpy(text + i * (sizeof(one) - 1), one, sizeof(one));
	client_send(fd, text);
	for (size_t i = 0; i < COUNT; i++) {
		client_answer(fd, false, &answer);
		assert_string_equal(answer.body, "hello");
	}
	close(fd);
	test_server_end(&server, true);
}

static void a_token_outlives_its_connection(void **state)
{
	struct test_server server;
	struct answer answer;

	(void)state;
	test_server_start(&server, &patient, NULL);
	const int first = client_connect(server.port);

	client_send(first, GET("/later"));
	WAIT_FOR(atomic_load(&server.has_later));
	/* An abortive close: the server learns of it by a reset. */
	const struct linger hard = { .l_onoff = 1 };
	setsockopt(first, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(first);

	for (int i = 0; i < 2000 && atomic_load(&server.release_result) != PAWL_ERR_NOT_FOUND;
	     i++) {
		const int second = client_connect(server.port);

		client_send(second, GET("/release"));
		client_answer(second, false, &answer);
		assert_string_equal(answer.body, "released");
		close(second);
	}
	assert_int_equal(atomic_load(&server.release_result), PAWL_ERR_NOT_FOUND);
	test_server_end(&server, true);
}

static void oversized_input_is_refused(void **state)
{
	struct test_server server;
	struct answer answer;
	static char big[20 * 1024];

	(void)state;
	test_server_start(&server, &patient, NULL);
	int fd = client_connect(server.port);

	memset(big, 'a', sizeof(big) - 1);
	client_send(fd, "GET /hello HTTP/1.1\r\nHost: h\r\nX-Big: ");
	client_send(fd, big);
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 431);
	assert_true(answer.closes);
	close(fd);

	fd = client_connect(server.port);
	client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 413);
	assert_true(answer.closes);
	close(fd);

	fd = client_connect(server.port);
	client_send(fd, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n");
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 413);
	close(fd);
	WAIT_FOR(atomic_load(&server.aborts) == 1);

	fd = client_connect(server.port);
	client_send(fd, "BREW / HTTP/1.1\r\nHost: h\r\n\r\n");
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 501);
	close(fd);
	test_server_end(&server, true);
}

/* Clients that send all of a body before they read learn why it was refused. */
static void a_refused_body_is_read_so_that_the_answer_arrives(void **state)
{
	enum { PIECES = 16 };
	struct test_server server;
	struct answer answer;
	static char piece[1024 * 1024 + 1];

	(void)state;
	test_server_start(&server, &patient, NULL);
	const int fd = client_connect(server.port);

	memset(piece, 'a', sizeof(piece) - 1);
	client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 16777216\r\n\r\n");
	for (int i = 0; i < PIECES; i++)
		client_send(fd, piece);
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 413);
	assert_true(answer.closes);
	close(fd);
	test_server_end(&server, true);
}

/* The client sends for ever and never reads: the server must neither read for
 * ever nor keep the connection. */
static void endless_body_is_cut_off(void **state)
{
	struct test_server server;
	const struct pawl_http_options options = { .linger_ms = 200 };
	long sent_chunks = 0;

	(void)state;
	test_server_start(&server, &options, NULL);
	const int fd = client_connect(server.port);

	client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (send(fd, "5\r\nabcde\r\n", 10, MSG_NOSIGNAL) == 10)
		assert_true(++sent_chunks < 10 * 1000 * 1000);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	close(fd);
	WAIT_FOR(pawl_http_connection_count(server.http) == 0);
	test_server_end(&server, true);
}

static void uploads_stream_and_abort(void **state)
{
	struct test_server server;
	struct answer answer;
	static char piece[64 * 1024 + 1];

	(void)state;
	memset(piece, 'x', sizeof(piece) - 1);
	test_server_start(&server, &patient, NULL);
	int fd = client_connect(server.port);

	client_send(fd, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n"
			"Expect: 100-continue\r\n\r\n");
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 100);
	for (int i = 0; i < 128; i++)
		client_send(fd, piece);
	client_answer(fd, false, &answer);
	assert_string_equal(answer.body, "8388608");
	assert_false(answer.closes);

	client_send(fd, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\npoison");
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 400);
	assert_string_equal(answer.body, "poisoned");
	assert_true(answer.closes);
	close(fd);
	WAIT_FOR(atomic_load(&server.aborts) == 1);

	fd = client_connect(server.port);
	client_send(fd, "PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\nhalf");
	WAIT_FOR(atomic_load(&server.streams_open) == 1);
	close(fd);
	WAIT_FOR(atomic_load(&server.aborts) == 2);
	test_server_end(&server, true);
}

static void files_arrive_whole(void **state)
{
	struct test_server server;
	static uint8_t got[BIG_SIZE];
	static uint8_t want[BIG_SIZE];
	struct answer answer = { 0 };
	size_t size = 0;

	(void)state;
	test_server_start(&server, &patient, NULL);
	FILE *file = fopen(server.file, "rb");
	assert_non_null(file);
	assert_int_equal(fread(want, 1, BIG_SIZE, file), BIG_SIZE);
	fclose(file);
	const int fd = client_connect(server.port);

	client_send(fd, GET("/file") GET("/hello"));
	while (size < 4 || memcmp(answer.head + size - 4, "\r\n\r\n", 4) != 0)
		assert_int_equal(recv(fd, answer.head + size++, 1, 0), 1);
	for (size = 0; size < BIG_SIZE;) {
		const ssize_t part = recv(fd, got + size, BIG_SIZE - size, 0);

		assert_true(part > 0);
		size += (size_t)part;
	}
	assert_memory_equal(got, want, BIG_SIZE);
	client_answer(fd, false, &answer);
	assert_string_equal(answer.body, "hello");
	assert_int_equal(open_count(server.file), 0);
	close(fd);
	test_server_end(&server, true);
}

static void deadlines_end_slow_peers(void **state)
{
	struct test_server server;
	struct answer answer;
	const struct pawl_http_options options = {
		.header_ms = 150,
		.idle_ms = 300,
		.body_grace_ms = 150,
		.body_rate_bytes_s = 1000000,
		.answer_ms = 150,
		.linger_ms = 100,
	};

	(void)state;
	test_server_start(&server, &options, NULL);
	int fd = client_connect(server.port);
	client_send(fd, "GET /hello HTTP/1.1\r\nHost:");
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 408);
	assert_true(client_at_end(fd));
	assert_true(test_server_saw(&server, "header-timeout"));
	close(fd);

	fd = client_connect(server.port);
	client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc");
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 408);
	assert_true(client_at_end(fd));
	assert_true(test_server_saw(&server, "body-timeout"));
	close(fd);

	fd = client_connect(server.port);
	client_send(fd, GET("/never"));
	client_answer(fd, false, &answer);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.head, "Retry-After: "));
	assert_true(client_at_end(fd));
	close(fd);

	fd = client_connect(server.port); /* says nothing at all */
	assert_true(client_at_end(fd));
	close(fd);
	WAIT_FOR(pawl_http_connection_count(server.http) == 0);
	test_server_end(&server, true);
}

static void a_reader_that_stalls_is_dropped_and_its_file_closed(void **state)
{
	struct test_server server;
	const struct pawl_http_options options = { .write_stall_ms = 150 };

	(void)state;
	test_server_start(&server, &options, NULL);
	const int fd = client_connect(server.port);

	client_send(fd, GET("/file"));
	WAIT_FOR(test_server_saw(&server, "write-timeout"));
	WAIT_FOR(open_count(server.file) == 0);
	assert_int_equal(pawl_http_connection_count(server.http), 0);
	close(fd);
	test_server_end(&server, true);
}

static void connections_are_counted(void **state)
{
	struct test_server server;
	struct answer answer;
	const struct pawl_http_options few_each = { .per_address_max = 2, .shutdown_ms = 100 };
	const struct pawl_http_options few = { .connections_max = 2, .shutdown_ms = 100 };

	(void)state;
	test_server_start(&server, &few_each, NULL);
	int fds[3];
	for (int i = 0; i < 2; i++) {
		fds[i] = client_connect(server.port);
		client_send(fds[i], GET("/hello"));
		client_answer(fds[i], false, &answer);
	}
	fds[2] = client_connect(server.port);
	assert_true(client_at_end(fds[2]));
	assert_true(test_server_saw(&server, "too-many"));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	test_server_end(&server, true);

	/* The one that idled longest makes room. */
	test_server_start(&server, &few, NULL);
	for (int i = 0; i < 3; i++) {
		fds[i] = client_connect(server.port);
		client_send(fds[i], GET("/hello"));
		client_answer(fds[i], false, &answer);
	}
	assert_true(client_at_end(fds[0]));
	client_send(fds[1], GET("/later"));
	WAIT_FOR(atomic_load(&server.has_later));
	client_send(fds[2], GET("/never"));
	client_send(fds[1], GET("/hello"));
	client_send(fds[2], GET("/hello"));
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
	WAIT_FOR(pawl_http_connection_count(server.http) <= 2);
	pawl_http_server_stop(server.http);
	test_server_end(&server, false);
}

/* A context with a throw-away CA as its own certificate. */
static struct pawl_tls_context *make_tls(void)
{
	uint8_t key_memory[PAWL_KEY_PEM_MAX];
	uint8_t cert_memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf key_pem = pawl_buf_of(key_memory, sizeof(key_memory));
	struct pawl_buf cert_pem = pawl_buf_of(cert_memory, sizeof(cert_memory));
	const struct pawl_cert_options options = {
		.role = PAWL_CERT_CA,
		.common_name = "test",
		.not_before = { 0 },
		.not_after = { INT64_C(4000000000000) },
	};
	struct pawl_key *key = NULL;
	struct pawl_tls_context *tls = NULL;

	assert_int_equal(pawl_key_create(PAWL_SIG_ECDSA_P256_SHA256, &key), PAWL_ERR_OK);
	assert_int_equal(pawl_key_save(key, PAWL_BYTES(NULL, 0), &key_pem), PAWL_ERR_OK);
	assert_int_equal(pawl_cert_make_ca(key, &options, &cert_pem), PAWL_ERR_OK);
	const struct pawl_tls_options tls_options = {
		.cert_pem = pawl_buf_bytes(&cert_pem),
		.key_pem = pawl_buf_bytes(&key_pem),
		.ca_pem = pawl_buf_bytes(&cert_pem),
		.client_cert = PAWL_TLS_CLIENT_OPTIONAL,
	};
	assert_int_equal(pawl_tls_context_create(&tls_options, &tls, NULL), PAWL_ERR_OK);
	pawl_key_destroy(key);
	return tls;
}

static void handshakes_have_a_deadline(void **state)
{
	struct test_server server;
	const struct pawl_http_options options = { .handshake_ms = 150, .linger_ms = 100 };
	struct pawl_tls_context *tls = make_tls();
	char alert[64];

	(void)state;
	test_server_start(&server, &options, tls);
	int fd = client_connect(server.port); /* half a record, then silence */
	client_send(fd, "\x16\x03\x01\x02");
	assert_true(client_at_end(fd));
	assert_true(test_server_saw(&server, "handshake-timeout"));
	close(fd);

	fd = client_connect(server.port);
	client_send(fd, GET("/hello"));
	while (recv(fd, alert, sizeof(alert), 0) > 0)
		assert_int_not_equal(alert[0], 'H'); /* no plain answer ever */
	assert_true(test_server_saw(&server, "tls-failed"));
	close(fd);
	test_server_end(&server, true);
	pawl_tls_context_destroy(tls);
}

static void stop_finishes_what_is_owed(void **state)
{
	struct test_server server;
	struct answer answer;

	(void)state;
	test_server_start(&server, &patient, NULL);
	const int owed = client_connect(server.port);
	const int idle = client_connect(server.port);
	const int half = client_connect(server.port);

	client_send(idle, GET("/hello"));
	client_answer(idle, false, &answer);
	client_send(half, "GET /rel");
	client_send(owed, GET("/later"));
	WAIT_FOR(atomic_load(&server.has_later));
	WAIT_FOR(pawl_http_connection_count(server.http) == 3);
	client_send(idle, GET("/hello")); /* proves that `half` was accepted and read before */
	client_answer(idle, false, &answer);
	pawl_http_server_stop(server.http);
	assert_true(client_at_end(idle));
	client_send(half, "ease HTTP/1.1\r\nHost: h\r\n\r\n");
	client_answer(half, false, &answer);
	assert_string_equal(answer.body, "released");
	assert_true(answer.closes);
	client_answer(owed, false, &answer);
	assert_string_equal(answer.body, "later");
	assert_true(answer.closes);
	close(owed);
	close(idle);
	close(half);
	test_server_end(&server, false);
}

static void stop_has_a_deadline(void **state)
{
	struct test_server server;
	const struct pawl_http_options options = { .shutdown_ms = 100 };

	(void)state;
	test_server_start(&server, &options, NULL);
	const int fd = client_connect(server.port);

	client_send(fd, GET("/later"));
	WAIT_FOR(atomic_load(&server.has_later));
	pawl_http_server_stop(server.http);
	assert_true(client_at_end(fd));
	close(fd);
	test_server_end(&server, false);
}

static void count_up(void *user)
{
	atomic_fetch_add((atomic_int *)user, 1);
}

static void threads_wake_the_loop_and_timers_fire(void **state)
{
	struct test_server server;
	struct pawl_http_listener bad = { .host = "no address" };
	uint16_t port = 0;

	(void)state;
	test_server_start(&server, &patient, NULL);
	pawl_http_wake(server.http);
	WAIT_FOR(atomic_load(&server.wakes) >= 1);
	WAIT_FOR(atomic_load(&server.timers) >= 3);
	test_server_end(&server, true);

	struct pawl_http_server *idle = NULL;
	atomic_int worked = 0;
	const struct pawl_http_handler none = { 0 };
	assert_int_equal(pawl_http_server_create(&patient, &none, &idle), PAWL_ERR_OK);
	assert_int_equal(pawl_http_listen(idle, &bad, &port), PAWL_ERR_SYNTAX);
	bad.host = "127.0.0.1";
	assert_int_equal(pawl_http_listen(idle, &bad, &port), PAWL_ERR_OK);
	bad.port = port;
	assert_int_equal(pawl_http_listen(idle, &bad, &port), PAWL_ERR_EXISTS);
	assert_int_equal(pawl_http_work(idle, count_up, count_up, &worked), PAWL_ERR_OK);
	pawl_http_server_destroy(idle);
	assert_int_equal(atomic_load(&worked), 2);
	pawl_http_server_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_share_a_connection),
		cmocka_unit_test(request_cut_at_every_byte),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(many_pipelined_requests_need_no_depth),
		cmocka_unit_test(a_token_outlives_its_connection),
		cmocka_unit_test(oversized_input_is_refused),
		cmocka_unit_test(a_refused_body_is_read_so_that_the_answer_arrives),
		cmocka_unit_test(endless_body_is_cut_off),
		cmocka_unit_test(uploads_stream_and_abort),
		cmocka_unit_test(files_arrive_whole),
		cmocka_unit_test(deadlines_end_slow_peers),
		cmocka_unit_test(a_reader_that_stalls_is_dropped_and_its_file_closed),
		cmocka_unit_test(connections_are_counted),
		cmocka_unit_test(handshakes_have_a_deadline),
		cmocka_unit_test(stop_finishes_what_is_owed),
		cmocka_unit_test(stop_has_a_deadline),
		cmocka_unit_test(threads_wake_the_loop_and_timers_fire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
