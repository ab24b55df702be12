/* SPDX-License-Identifier: MIT
 *
 * pawl/http.h - an HTTP/1.1 server on one loop thread, over TLS 1.3 or plain.
 *
 * Hosted; no decisions live here: a handler looks at requests and answers
 * them at once or later. A request is answered in the order it came in on its
 * connection; at most one per connection is in the handler's hands.
 *
 * All functions are for the loop's thread, except pawl_http_wake and
 * pawl_http_server_stop, which any thread may call. Files are sent in chunks
 * as the peer takes them and are never in memory as a whole.
 */
#ifndef PAWL_HTTP_H
#define PAWL_HTTP_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/http1.h"
#include "pawl/time.h"
#include "pawl/tls.h"
#include "pawl/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pawl_http_server;

/* Every limit. A field that is 0 takes its default. Times in milliseconds. */
struct pawl_http_options {
	uint32_t handshake_ms;      /* TLS handshake, all of it; default 10000              */
	uint32_t header_ms;         /* first byte of a request to its empty line; 10000     */
	uint32_t idle_ms;           /* between requests, and before the first; 75000        */
	uint32_t body_grace_ms;     /* before the body's rate is judged; 10000              */
	uint32_t body_rate_bytes_s; /* slower bodies are cut off with 408; 512              */
	uint32_t write_stall_ms;    /* fewer than 512 bytes acknowledged in this long; 30000  */
	uint32_t answer_ms;         /* an answer that is owed for this long becomes 503; 60000 */
	uint32_t linger_ms;         /* to let the peer read an answer before closing, while
				     * at most 64 MiB that it still sends are dropped; 5000 */
	uint32_t shutdown_ms;       /* graceful stop; what is left then is cut off; 10000   */
	uint32_t header_size_max;   /* bytes of request line and headers, else 431; at most
				     * and by default 16384                               */
	uint32_t connections_max;   /* in total; the longest idle one makes room; 4096      */
	uint32_t per_address_max;   /* from one source address; 512                         */
	uint32_t chunk_size;        /* bytes read from a file at a time, 1024..65536; 32768 */
	bool stop_on_signals;       /* SIGTERM and SIGINT call pawl_http_server_stop        */
};

/* Names a connection's request; stays safe to use when the connection died. */
struct pawl_http_token {
	uint32_t slot;
	uint32_t generation;
};

/* Borrowed for the duration of each callback; copy what is needed later. */
struct pawl_http_request {
	struct pawl_http_token token;
	int listener; /* tag of the listener                               */
	pawl_http1_method method;
	struct pawl_bytes target;      /* path and query as sent; pawl/url.h splits it      */
	const struct pawl_http1 *head; /* for pawl_http1_header                             */
	bool has_peer;                 /* the client showed a certificate of the CA         */
	struct pawl_cert_info peer;
	const char *address;    /* source IP address as text                         */
	int64_t body_size;      /* announced; -1: chunked, not known before          */
	struct pawl_bytes body; /* the whole body in on_request, when not streamed       */
	void *stream;           /* what on_head put into the plan                    */
};

/* How to take the body; zeroed before on_head. */
struct pawl_http_plan {
	uint64_t body_max; /* bytes; a bigger body is refused with 413, unread       */
	bool streamed;     /* on_body gets it piece by piece, else on_request whole  */
	void *stream;      /* handed to on_body, on_request and on_abort             */
};

struct pawl_http_handler {
	void *user;
	/* Head is complete. Decide on the body, or call pawl_http_answer at
	 * once: then the body is not read and the connection closes after.
	 * Not called for a GET or HEAD without a body: on_request judges it all. */
	void (*on_head)(
	    void *user, const struct pawl_http_request *request, struct pawl_http_plan *plan);
	/* A piece of a streamed body. False: no more of it is wanted; the
	 * handler has answered. May be NULL when nothing is streamed. */
	bool (*on_body)(
	    void *user, const struct pawl_http_request *request, struct pawl_bytes piece);
	/* Request is complete; answer now or later. */
	void (*on_request)(void *user, const struct pawl_http_request *request);
	/* A plan's `stream` that will see neither on_body nor on_request again.
	 * Called exactly once for each plan with a stream that on_request was
	 * not called for. May be NULL when nothing is streamed. */
	void (*on_abort)(void *user, void *stream);
	/* pawl_http_wake was called (calls may be merged). May be NULL. */
	void (*on_wake)(void *user);
	/* Graceful stop begins: no new requests; answers owed can still be given. May be NULL. */
	void (*on_stopping)(void *user);
	/* A connection ended for a reason worth a log line. May be NULL. `what`
	 * is a stable identifier: tls-failed handshake-timeout header-timeout
	 * body-timeout write-timeout answer-timeout bad-request too-many
	 * file-short. */
	void (*on_event)(void *user, const char *what, const char *address, const char *detail);
};

struct pawl_http_listener {
	const char *host; /* IP address, v4 or v6                             */
	uint16_t port;    /* 0: the system chooses                            */
	int tag;
	struct pawl_tls_context *tls; /* kept; NULL: plain HTTP, for tests                */
};

/* Makes a loop of its own. Copies the structs. */
PAWL_MUST_CHECK pawl_err pawl_http_server_create(const struct pawl_http_options *options,
    const struct pawl_http_handler *handler, struct pawl_http_server **ret_server);
/* Closes everything at once. NULL does nothing. Not inside pawl_http_run. */
void pawl_http_server_destroy(struct pawl_http_server *server);

/* Binds and listens. `ret_port`: the port in use. PAWL_ERR_SYNTAX: no IP
 * address; PAWL_ERR_EXISTS: the port is taken; PAWL_ERR_DENIED; PAWL_ERR_IO. */
PAWL_MUST_CHECK pawl_err pawl_http_listen(
    struct pawl_http_server *server, const struct pawl_http_listener *listener, uint16_t *ret_port);

/* Runs until a stop is complete. */
void pawl_http_run(struct pawl_http_server *server);
/* Begins a graceful stop: accept nothing, close idle connections, finish what
 * is being received or answered with `Connection: close`, cut off the rest
 * after shutdown_ms. Any thread, any number of times. */
void pawl_http_server_stop(struct pawl_http_server *server);
/* Makes the loop call on_wake soon. Any thread. */
void pawl_http_wake(struct pawl_http_server *server);
/* The loop's clock: milliseconds, read once per turn of the loop. */
struct pawl_mono pawl_http_now(const struct pawl_http_server *server);
/* Any thread. */
uint32_t pawl_http_connection_count(const struct pawl_http_server *server);

struct pawl_http_field {
	const char *name;
	const char *value; /* control characters become spaces                       */
};

enum { PAWL_HTTP_FIELDS_MAX = 12 };

/* Content-Length, Date, Connection and Content-Type are added.
 * For HEAD and 304 the body is measured and not sent. */
struct pawl_http_response {
	int status;               /* 200..599                                           */
	const char *content_type; /* NULL: application/json                             */
	struct pawl_bytes body;   /* copied; ignored when `has_file`                    */
	struct pawl_http_field fields[PAWL_HTTP_FIELDS_MAX];
	size_t field_count;
	bool has_file; /* the body is a range of a file                      */
	int file;      /* descriptor; TAKEN: closed on every path            */
	uint64_t file_offset;
	uint64_t file_length;
	bool close; /* close the connection after it                      */
};

/* Answers once. `*response` is borrowed, its file taken even on failure.
 * PAWL_ERR_NOT_FOUND: the connection is gone or the request was answered.
 * PAWL_ERR_NO_MEMORY: the connection is closed. */
pawl_err pawl_http_answer(struct pawl_http_server *server, struct pawl_http_token token,
    const struct pawl_http_response *response);

/* Calls `fire` after `delay_ms`, then every `repeat_ms` (0: once). The timer
 * lives until it is stopped or the server is destroyed; timers do not keep
 * pawl_http_run from ending. */
struct pawl_http_timer;
PAWL_MUST_CHECK pawl_err pawl_http_timer_start(struct pawl_http_server *server, uint64_t delay_ms,
    uint64_t repeat_ms, void (*fire)(void *user), void *user, struct pawl_http_timer **ret_timer);
/* Next firing in `delay_ms` from now; the repetition stays. */
void pawl_http_timer_again(struct pawl_http_timer *timer, uint64_t delay_ms);
void pawl_http_timer_stop(struct pawl_http_timer *timer);

/* Runs `work` on a thread of the pool and then `done` on the loop's thread.
 * For what blocks: disks that sync, large checks. pawl_http_run ends only when
 * all of it is done. */
PAWL_MUST_CHECK pawl_err pawl_http_work(struct pawl_http_server *server, void (*work)(void *user),
    void (*done)(void *user), void *user);

#endif
