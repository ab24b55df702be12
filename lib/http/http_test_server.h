/* SPDX-License-Identifier: MIT
 *
 * http_test_server.h - the server under test, on its own thread, and a plain
 * socket client that waits with a deadline for everything. */
#ifndef PAWL_HTTP_TEST_SERVER_H
#define PAWL_HTTP_TEST_SERVER_H

#include "pawl/http.h"

#include <pthread.h>
#include <stdatomic.h>

enum { BIG_SIZE = 8 * 1024 * 1024, EVENT_NAME_MAX = 32 };

/* Routes: /hello; /later (answered by /release on another connection);
 * /file and /file?tail (whole, or the last 10 bytes); PUT /up (streamed);
 * POST /echo (at most 1000 bytes); /peer (common name of the certificate);
 * /never (is not answered); anything else: 404 from on_head. */
struct test_server {
	struct pawl_http_server *http;
	pthread_t thread;
	uint16_t port;
	char file[64];
	struct pawl_http_token later;
	atomic_bool has_later;
	atomic_int release_result; /* pawl_err of the answer by /release, -1 before */
	atomic_int streams_open;
	atomic_int aborts;
	atomic_int wakes;
	atomic_int timers;
	uint64_t uploaded;
	pthread_mutex_t lock;
	char events[512]; /* names of all events, space-separated */
};

void test_server_start(struct test_server *server, const struct pawl_http_options *options,
    struct pawl_tls_context *tls);
/* Waits for the loop's end; stops it first when `stop`. */
void test_server_end(struct test_server *server, bool stop);
bool test_server_saw(struct test_server *server, const char *event);
/* Waits up to 10 s. */
#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		int waits_ = 0;                                                                    \
		while (!(condition)) {                                                             \
			assert_true(++waits_ < 2000);                                              \
			usleep(5000);                                                              \
		}                                                                                  \
	} while (0)
/* Open descriptors of this process on `path`. */
int open_count(const char *path);

int client_connect(uint16_t port);
void client_send(int fd, const char *text);
struct answer {
	int status;
	bool closes;
	long length;
	char head[2048];
	char body[4096]; /* as much as fits */
};
/* Reads one answer; `head_only` for HEAD. Fails the test on anything else. */
void client_answer(int fd, bool head_only, struct answer *ret_answer);
/* The peer closed and sent nothing before. */
bool client_at_end(int fd);

#endif
