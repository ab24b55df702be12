/* SPDX-License-Identifier: MIT */
#include "http_test_server.h"

#include "cmocka_setup.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the handler --- */

static pawl_err answer_text(
    struct test_server *server, struct pawl_http_token token, int status, struct pawl_bytes body)
{
	const struct pawl_http_response response = {
		.status = status,
		.content_type = "text/plain",
		.body = body,
		.fields = { { "X-Test", "one\r\ntwo" } },
		.field_count = 1,
	};

	return pawl_http_answer(server->http, token, &response);
}

static void answer_file(
    struct test_server *server, const struct pawl_http_request *request, bool tail)
{
	const struct pawl_http_response response = {
		.status = tail ? 206 : 200,
		.content_type = "application/octet-stream",
		.has_file = true,
		.file = open(server->file, O_RDONLY | O_CLOEXEC),
		.file_offset = tail ? BIG_SIZE - 10 : 0,
		.file_length = tail ? 10 : BIG_SIZE,
	};

	(void)pawl_http_answer(server->http, request->token, &response);
}

static void on_head(
    void *user, const struct pawl_http_request *request, struct pawl_http_plan *plan)
{
	struct test_server *server = user;

	if (pawl_bytes_is(request->target, "/missing")) {
		(void)answer_text(server, request->token, 404, PAWL_BYTES_LIT("nothing here"));
		return;
	}
	plan->body_max = 1000;
	if (request->method == PAWL_HTTP1_PUT) {
		plan->streamed = true;
		plan->stream = server;
		plan->body_max = UINT64_C(1) << 32;
		server->uploaded = 0;
		atomic_fetch_add(&server->streams_open, 1);
	}
}

static bool on_body(void *user, const struct pawl_http_request *request, struct pawl_bytes piece)
{
	struct test_server *server = user;

	server->uploaded += piece.size;
	if (pawl_bytes_starts_with(piece, "poison")) {
		(void)answer_text(server, request->token, 400, PAWL_BYTES_LIT("poisoned"));
		return false;
	}
	return true;
}

static void on_abort(void *user, void *stream)
{
	struct test_server *server = user;

	assert_ptr_equal(stream, server);
	atomic_fetch_sub(&server->streams_open, 1);
	atomic_fetch_add(&server->aborts, 1);
}

static void on_request(void *user, const struct pawl_http_request *request)
{
	struct test_server *server = user;
	char text[64];

	if (pawl_bytes_is(request->target, "/missing")) {
		(void)answer_text(server, request->token, 404, PAWL_BYTES_LIT("nothing here"));
	} else if (pawl_bytes_is(request->target, "/hello")) {
		(void)answer_text(server, request->token, 200, PAWL_BYTES_LIT("hello"));
	} else if (pawl_bytes_is(request->target, "/later")) {
		server->later = request->token;
		atomic_store(&server->has_later, true);
	} else if (pawl_bytes_is(request->target, "/release")) {
		const pawl_err err =
		    answer_text(server, server->later, 200, PAWL_BYTES_LIT("later"));

		atomic_store(&server->release_result, (int)err);
		(void)answer_text(server, request->token, 200, PAWL_BYTES_LIT("released"));
	} else if (pawl_bytes_is(request->target, "/file")) {
		answer_file(server, request, false);
	} else if (pawl_bytes_is(request->target, "/file?tail")) {
		answer_file(server, request, true);
	} else if (pawl_bytes_is(request->target, "/echo")) {
		(void)answer_text(server, request->token, 200, request->body);
	} else if (pawl_bytes_is(request->target, "/up")) {
		atomic_fetch_sub(&server->streams_open, 1);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)server->uploaded);
		(void)answer_text(server, request->token, 200, pawl_bytes_of(text));
	} else if (pawl_bytes_is(request->target, "/peer")) {
		(void)answer_text(server, request->token, 200,
		    pawl_bytes_of(request->has_peer ? request->peer.common_name : "nobody"));
	}
}

static void on_wake(void *user)
{
	struct test_server *server = user;

	atomic_fetch_add(&server->wakes, 1);
}

static void on_timer(void *user)
{
	struct test_server *server = user;

	atomic_fetch_add(&server->timers, 1);
}

static void on_event(void *user, const char *what, const char *address, const char *detail)
{
	struct test_server *server = user;

	assert_string_equal(address, "127.0.0.1");
	assert_non_null(detail);
	pthread_mutex_lock(&server->lock);
	const size_t size = strlen(server->events);
	snprintf(server->events + size, sizeof(server->events) - size, "%s ", what);
	pthread_mutex_unlock(&server->lock);
}

bool test_server_saw(struct test_server *server, const char *event)
{
	pthread_mutex_lock(&server->lock);
	const bool saw = strstr(server->events, event) != NULL;
	pthread_mutex_unlock(&server->lock);
	return saw;
}

/* --- its life --- */

static void *run(void *user)
{
	struct test_server *server = user;

	pawl_http_run(server->http);
	return NULL;
}

static void make_file(struct test_server *server)
{
	uint8_t block[4096];

	snprintf(server->file, sizeof(server->file), "/tmp/pawl-http-test-XXXXXX");
	const int fd = mkstemp(server->file);

	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 7 + i / 256);
	for (int i = 0; i < BIG_SIZE / 4096; i++)
		assert_int_equal(write(fd, block, sizeof(block)), (ssize_t)sizeof(block));
	close(fd);
}

void test_server_start(struct test_server *server, const struct pawl_http_options *options,
    struct pawl_tls_context *tls)
{
	const struct pawl_http_handler handler = {
		.user = server,
		.on_head = on_head,
		.on_body = on_body,
		.on_request = on_request,
		.on_abort = on_abort,
		.on_wake = on_wake,
		.on_event = on_event,
	};
	const struct pawl_http_listener listener = { .host = "127.0.0.1", .tag = 7, .tls = tls };
	struct pawl_http_timer *timer = NULL;

	memset(server, 0, sizeof(*server));
	pthread_mutex_init(&server->lock, NULL);
	atomic_store(&server->release_result, -1);
	make_file(server);
	assert_int_equal(pawl_http_server_create(options, &handler, &server->http), PAWL_ERR_OK);
	assert_int_equal(pawl_http_listen(server->http, &listener, &server->port), PAWL_ERR_OK);
	assert_true(server->port != 0);
	assert_int_equal(
	    pawl_http_timer_start(server->http, 1, 5, on_timer, server, &timer), PAWL_ERR_OK);
	assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

void test_server_end(struct test_server *server, bool stop)
{
	if (stop)
		pawl_http_server_stop(server->http);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	pawl_http_server_destroy(server->http);
	assert_int_equal(open_count(server->file), 0);
	assert_int_equal(atomic_load(&server->streams_open), 0);
	unlink(server->file);
	pthread_mutex_destroy(&server->lock);
}

int open_count(const char *path)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		char target[256];
		const ssize_t size =
		    readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (size <= 0)
			continue;
		target[size] = '\0';
		count += strcmp(target, path) == 0 ? 1 : 0;
	}
	closedir(dir);
	return count;
}

/* --- the client --- */

int client_connect(uint16_t port)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval deadline = { .tv_sec = 10 };

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void client_send(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		const ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);

		assert_true(sent > 0);
		text += sent;
		left -= (size_t)sent;
	}
}

static void read_head(int fd, struct answer *answer)
{
	size_t size = 0;

	while (size < 4 || memcmp(answer->head + size - 4, "\r\n\r\n", 4) != 0) {
		assert_true(size + 1 < sizeof(answer->head));
		assert_int_equal(recv(fd, answer->head + size, 1, 0), 1);
		size++;
	}
	answer->head[size] = '\0';
}

void client_answer(int fd, bool head_only, struct answer *ret_answer)
{
	struct answer answer = { 0 };

	read_head(fd, &answer);
	assert_int_equal(strncmp(answer.head, "HTTP/1.1 ", 9), 0);
	answer.status = (int)strtol(answer.head + 9, NULL, 10);
	answer.closes = strcasestr(answer.head, "\r\nconnection: close\r\n") != NULL;
	const char *length = strcasestr(answer.head, "\r\ncontent-length: ");
	answer.length = length == NULL ? 0 : strtol(length + 18, NULL, 10);

	for (long at = 0; !head_only && answer.status >= 200 && at < answer.length;) {
		char sink[4096];
		char *to = at < (long)sizeof(answer.body) - 1 ? answer.body + at : sink;
		const size_t room =
		    to == sink ? sizeof(sink) : sizeof(answer.body) - 1 - (size_t)at;
		const size_t want =
		    answer.length - at < (long)room ? (size_t)(answer.length - at) : room;
		const ssize_t got = recv(fd, to, want, 0);

		assert_true(got > 0);
		at += got;
	}
	*ret_answer = answer;
}

bool client_at_end(int fd)
{
	char byte;
	const ssize_t got = recv(fd, &byte, 1, 0);

	return got == 0 || (got < 0 && errno == ECONNRESET);
}
