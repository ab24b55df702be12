/* SPDX-License-Identifier: MIT
 *
 * http_recv.c - bytes in: head, body, calls to the handler. */
#include "http_internal.h"

#include <stdlib.h>
#include <string.h>

/* Ends what the request holds; safe to call at any time. */
void http_release_request(struct http_conn *conn)
{
	const struct pawl_http_handler *handler = &conn->server->handler;
	void *stream = conn->plan.stream;

	conn->plan.stream = NULL;
	if (stream != NULL && handler->on_abort != NULL)
		handler->on_abort(handler->user, stream);
	free(conn->body_at);
	conn->body_at = NULL;
	conn->body_size = conn->body_capacity = 0;
	http_block_give(conn->server, conn->head);
	conn->head = NULL;
}

/* Moves decrypted bytes into the input buffer. False when there is nothing new. */
static bool refill(struct http_conn *conn)
{
	if (conn->tls == NULL)
		return false;
	if (conn->in == NULL) {
		conn->in = http_block_take(conn->server);
		conn->in_at = conn->in_size = 0;
		if (conn->in == NULL) {
			http_close(conn);
			return false;
		}
	}
	if (conn->in_at > 0) {
		memmove(conn->in, conn->in + conn->in_at, conn->in_size);
		conn->in_at = 0;
	}

	const size_t got =
	    pawl_tls_read(conn->tls, conn->in + conn->in_size, HTTP_INPUT_SIZE - conn->in_size);

	conn->in_size += got;
	return got > 0;
}

static bool begin_request(struct http_conn *conn)
{
	const size_t capacity = conn->server->options.header_size_max;

	conn->head = http_block_take(conn->server);
	if (conn->head == NULL) {
		http_close(conn);
		return false;
	}
	conn->server->generations[conn->slot] = ++conn->generation;
	conn->answered = false;
	conn->body_received = 0;
	pawl_http1_init(&conn->http, conn->head, capacity, 0);
	http_enter(conn, HTTP_HEAD);
	return true;
}

/* --- the head --- */

static void describe(struct http_conn *conn)
{
	const struct pawl_http1 *http = &conn->http;

	conn->request = (struct pawl_http_request){
		.token = { conn->slot, conn->generation },
		.listener = conn->listener->tag,
		.method = http->method,
		.target = http->target,
		.head = http,
		.has_peer = conn->has_peer,
		.peer = conn->peer,
		.address = conn->address,
		.body_size = http->is_chunked ? -1 : (int64_t)http->content_length,
	};
}

/* A GET is judged once, when it is complete: it is complete already. */
static bool may_carry_body(pawl_http1_method method)
{
	return method != PAWL_HTTP1_GET && method != PAWL_HTTP1_HEAD;
}

static void head_done(struct http_conn *conn)
{
	const struct pawl_http_handler *handler = &conn->server->handler;

	describe(conn);
	conn->plan = (struct pawl_http_plan){ 0 };
	if (!conn->http.keep_alive || conn->server->stopping)
		conn->close_after = true;
	if (!conn->http.has_body && !may_carry_body(conn->http.method)) {
		http_enter(conn, HTTP_BODY);
		return;
	}
	handler->on_head(handler->user, &conn->request, &conn->plan);
	if (conn->state == HTTP_CLOSED)
		return;
	if (conn->answered) {
		http_release_request(conn);
		return;
	}
	conn->request.stream = conn->plan.stream;
	/* Too long: the next feed is REFUSED with 413. */
	const bool fits = pawl_http1_limit_body(&conn->http, conn->plan.body_max) == PAWL_ERR_OK;

	http_enter(conn, HTTP_BODY);
	if (fits && conn->http.expects_continue && conn->http.has_body && conn->in_size == 0) {
		conn->out.interim = true;
		http_pump(conn);
	}
}

/* --- the body --- */

static bool append_body(struct http_conn *conn, struct pawl_bytes piece)
{
	if (conn->body_capacity - conn->body_size < piece.size) {
		size_t capacity = conn->body_capacity == 0 ? 1024 : conn->body_capacity;

		while (capacity - conn->body_size < piece.size)
			capacity *= 2; /* bounded by the plan's body_max */

		uint8_t *grown = realloc(conn->body_at, capacity);

		if (grown == NULL)
			return false;
		conn->body_at = grown;
		conn->body_capacity = capacity;
	}
	memcpy(conn->body_at + conn->body_size, piece.at, piece.size);
	conn->body_size += piece.size;
	return true;
}

static void body_piece(struct http_conn *conn, struct pawl_bytes piece)
{
	const struct pawl_http_handler *handler = &conn->server->handler;

	conn->body_received += piece.size;
	if (!conn->plan.streamed) {
		if (!append_body(conn, piece))
			http_close(conn);
		return;
	}
	if (handler->on_body(handler->user, &conn->request, piece) || conn->state == HTTP_CLOSED)
		return;
	if (!conn->answered)
		http_refuse(conn, 500, "The request was given up.");
	if (conn->state != HTTP_CLOSED)
		http_release_request(conn);
}

static void message_done(struct http_conn *conn)
{
	const struct pawl_http_handler *handler = &conn->server->handler;

	conn->request.body = PAWL_BYTES(conn->body_at, conn->body_size);
	conn->plan.stream = NULL; /* on_request owns it now */
	http_enter(conn, HTTP_OWED);
	handler->on_request(handler->user, &conn->request);
}

static void refused(struct http_conn *conn)
{
	char message[160];
	struct pawl_buf buf = pawl_buf_of(message, sizeof(message) - 1);

	pawl_put_text(&buf, "The request was refused: ");
	pawl_put_text(&buf, conn->http.reason);
	message[buf.size] = '\0';
	http_event(conn, "bad-request", conn->http.reason);
	http_refuse(conn, (int)conn->http.status, message);
}

/* --- both --- */

/* One event of the parser. False when it needs more bytes than there are. */
static bool step(struct http_conn *conn)
{
	struct pawl_bytes piece = { 0 };
	size_t consumed = 0;
	const pawl_http1_event event = pawl_http1_feed(&conn->http,
	    PAWL_BYTES(conn->in == NULL ? NULL : conn->in + conn->in_at, conn->in_size), &consumed,
	    &piece);

	conn->in_at += consumed;
	conn->in_size -= consumed;
	switch (event) {
	case PAWL_HTTP1_NEED_MORE: return consumed > 0 && conn->in_size > 0;
	case PAWL_HTTP1_HEAD_DONE: head_done(conn); break;
	case PAWL_HTTP1_BODY: body_piece(conn, piece); break;
	case PAWL_HTTP1_MESSAGE_DONE: message_done(conn); break;
	case PAWL_HTTP1_REFUSED: refused(conn); break;
	}
	return true;
}

static bool is_receiving(const struct http_conn *conn)
{
	return conn->state == HTTP_IDLE || conn->state == HTTP_HEAD || conn->state == HTTP_BODY;
}

static void rest(struct http_conn *conn)
{
	if (is_receiving(conn) && conn->eof) {
		http_close(conn);
		return;
	}
	if (conn->state == HTTP_IDLE && conn->in_size == 0) {
		http_block_give(conn->server, conn->in);
		conn->in = NULL;
	}
	http_read_control(conn);
}

/* A handler may answer inside its callback, and what it borrowed must last until
 * it returns: so answers leave from here, after the step. */
void http_process(struct http_conn *conn)
{
	if (conn->processing)
		return;
	conn->processing = true;
	while (is_receiving(conn)) {
		const bool more = refill(conn);

		if (conn->state == HTTP_CLOSED)
			break;
		if (conn->state == HTTP_IDLE && (conn->in_size == 0 || !begin_request(conn)))
			break;
		if (!step(conn) && !more)
			break;
		if (conn->state == HTTP_SENDING)
			http_pump(conn);
	}
	conn->processing = false;
	if (conn->state == HTTP_OWED || conn->state == HTTP_SENDING)
		(void)refill(conn);
	if (conn->state != HTTP_CLOSED)
		rest(conn);
}
