/* SPDX-License-Identifier: MIT
 *
 * http_internal.h - what the four files of this library share.
 *
 *   http_server.c  loop, listeners, limits, stop, timers
 *   http_conn.c    one connection: its deadline, its socket, its end
 *   http_recv.c    bytes in: head, body, calls to the handler
 *   http_send.c    answers out: memory and files in chunks
 */
#ifndef PAWL_HTTP_INTERNAL_H
#define PAWL_HTTP_INTERNAL_H

#include "pawl/http.h"

#include <stdatomic.h>
#include <uv.h>

enum {
	HTTP_LISTENERS_MAX = 8,
	HTTP_NETWORK_BUFFER = 64 * 1024,
	/* A peer that keeps sending after we closed gets this much patience: many
	 * clients read the answer only when they have sent all of their body. */
	HTTP_LINGER_BYTES = 64 * 1024 * 1024,
	/* Bytes that a reader must take in write_stall_ms. */
	HTTP_PROGRESS_MIN = 512,
	HTTP_INPUT_SIZE = 16 * 1024,
	/* Input, head and answer of a request take a block each, as long as they
	 * need no more. A few are kept: most requests come and go within one turn. */
	HTTP_BLOCK_SIZE = 16 * 1024,
	HTTP_BLOCKS_KEPT = 4,
	/* What TLS adds to a chunk: 64 bytes for each record of 16 KiB, and what
	 * it had queued before. */
	HTTP_WIRE_SIZE = HTTP_NETWORK_BUFFER + 8 * 1024,
	/* Chunks that one connection sends before others have their turn. */
	HTTP_CHUNKS_MAX = 4,
	HTTP_ADDRESS_MAX = 64
};

/* A connection is in exactly one of these; its deadline belongs to the state. */
typedef enum http_state {
	HTTP_HANDSHAKE, /* TLS is not open yet                                       */
	HTTP_IDLE,      /* between requests                                          */
	HTTP_HEAD,      /* part of a head is here                                    */
	HTTP_BODY,      /* head is done, body is coming                              */
	HTTP_OWED,      /* the handler has the request                               */
	HTTP_SENDING,   /* an answer is on its way                                   */
	HTTP_DRAIN,     /* nothing more is answered; send what is pending, then shut */
	HTTP_LINGER,    /* our side is shut; discard until the peer closes           */
	HTTP_CLOSED     /* handles are closing                                       */
} http_state;

struct http_listener {
	struct pawl_http_server *server;
	struct pawl_tls_context *tls;
	uv_tcp_t tcp;
	uv_timer_t retry; /* accepts again after memory ran out */
	int tag;
	bool open;
};

/* What is being sent. */
struct http_out {
	uint8_t *blob; /* head, and the body when it is in memory */
	size_t blob_capacity;
	size_t blob_size;
	size_t blob_at;
	int file; /* -1: none */
	uint64_t file_at;
	uint64_t file_left;
	bool interim; /* "100 Continue" is owed before anything else */
};

struct http_conn {
	struct pawl_http_server *server;
	const struct http_listener *listener;
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_write_t write;
	uv_shutdown_t shutdown;
	int open_handles;
	uint32_t slot;
	uint32_t generation;
	http_state state;
	struct pawl_tls_session *tls;
	char address[HTTP_ADDRESS_MAX];
	bool has_peer;
	struct pawl_cert_info peer;
	uint64_t idle_since;  /* loop time, ms                            */
	uint64_t deadline_at; /* loop time, ms: of the state               */
	uint64_t timer_at;    /* loop time, ms: when `timer` fires; 0: not */

	bool reading;
	bool writing;
	bool processing; /* http_process is at work: it sends and goes on by itself */
	bool eof;
	bool close_after; /* this request is the connection's last */
	bool answered;

	/* Buffers exist only while a request is on the connection. */
	uint8_t *in; /* HTTP_INPUT_SIZE: received and not yet looked at */
	size_t in_at;
	size_t in_size;
	uint8_t *head; /* a block: where `http` keeps the head */
	struct pawl_http1 http;
	struct pawl_http_request request;
	struct pawl_http_plan plan; /* plan.stream is NULL once it was handed over */
	uint8_t *body_at;
	size_t body_size;
	size_t body_capacity;
	uint64_t body_received;
	uint64_t body_since; /* loop time, ms */
	uint64_t lingered;

	struct http_out out;
	uint8_t *chunk;        /* bytes of the write in progress; HTTP_WIRE_SIZE bytes        */
	uint64_t handed;       /* bytes given to the socket so far                    */
	uint64_t acknowledged; /* of them, at the last look of the stall check        */
	bool stalls;           /* the answer did not fit the socket: the check is on  */
};

struct pawl_http_timer {
	struct pawl_http_server *server;
	struct pawl_http_timer *next;
	uv_timer_t uv;
	uint64_t repeat_ms;
	void (*fire)(void *user);
	void *user;
};

struct pawl_http_server {
	struct pawl_http_options options;
	struct pawl_http_handler handler;
	uv_loop_t loop;
	uv_async_t async;
	uv_signal_t signals[2];
	uv_timer_t stop_timer;
	atomic_bool stop_asked;
	atomic_bool wake_asked;
	bool stopping;
	bool running;
	struct http_listener listeners[HTTP_LISTENERS_MAX];
	size_t listener_count;
	struct http_conn **slots; /* connections_max entries, NULL when free */
	uint32_t *generations;
	atomic_uint connection_count;
	struct pawl_http_timer *timers;
	uint32_t work_count; /* on the pool or waiting for it */
	void *blocks[HTTP_BLOCKS_KEPT];
	size_t block_count;
	char date[40]; /* the Date header of `date_s` */
	int64_t date_s;
	uint8_t network[HTTP_NETWORK_BUFFER]; /* received, or plain bytes of a file */
	uint8_t wire[HTTP_WIRE_SIZE];         /* to be sent                         */
};

/* http_conn.c */
void http_accept(struct http_listener *listener);
/* Changes the state and arms its deadline. */
void http_enter(struct http_conn *conn, http_state state);
/* Starts or stops reading, as the state and the room for input want. */
void http_read_control(struct http_conn *conn);
/* Ends the connection at once. */
void http_close(struct http_conn *conn);
/* Ends it politely: sends what is pending, then shuts. */
void http_drain(struct http_conn *conn);
void http_event(struct http_conn *conn, const char *what, const char *detail);
/* Bytes that the peer has acknowledged since the connection began. */
uint64_t http_acknowledged(struct http_conn *conn);

/* http_recv.c */
/* Works on what has been received, as far as it goes. */
void http_process(struct http_conn *conn);
void http_release_request(struct http_conn *conn);
/* An error answer of the library's own; the connection closes after it. */
void http_refuse(struct http_conn *conn, int status, const char *message);

/* http_send.c */
/* Sends what there is to send, as far as the socket takes it. */
void http_pump(struct http_conn *conn);
void http_release_out(struct http_conn *conn);

/* http_server.c */
/* HTTP_BLOCK_SIZE bytes; NULL when memory ran out. */
void *http_block_take(struct pawl_http_server *server);
/* NULL does nothing. */
void http_block_give(struct pawl_http_server *server, void *block);
/* Frees the connection's place; its tokens are void from here on. */
void http_conn_gone(struct http_conn *conn);
struct http_conn *http_conn_of(struct pawl_http_server *server, struct pawl_http_token token);

#endif
