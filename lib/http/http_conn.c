/* SPDX-License-Identifier: MIT
 *
 * http_conn.c - one connection: its place, its deadline, its socket, its end. */
#include "http_internal.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

void http_event(struct http_conn *conn, const char *what, const char *detail)
{
	const struct pawl_http_handler *handler = &conn->server->handler;

	if (handler->on_event != NULL)
		handler->on_event(handler->user, what, conn->address, detail);
}

/* --- the end --- */

static void conn_free(struct http_conn *conn)
{
	http_release_request(conn);
	http_release_out(conn);
	pawl_tls_session_destroy(conn->tls);
	http_block_give(conn->server, conn->in);
	free(conn->chunk);
	free(conn);
}

static void handle_closed(uv_handle_t *handle)
{
	struct http_conn *conn = handle->data;

	if (--conn->open_handles > 0)
		return;
	conn_free(conn);
}

void http_close(struct http_conn *conn)
{
	if (conn->state == HTTP_CLOSED)
		return;
	conn->state = HTTP_CLOSED;
	http_conn_gone(conn);
	http_release_request(conn);
	http_release_out(conn);
	uv_close((uv_handle_t *)&conn->tcp, handle_closed);
	uv_close((uv_handle_t *)&conn->timer, handle_closed);
}

void http_drain(struct http_conn *conn)
{
	if (conn->tls != NULL && pawl_tls_status_of(conn->tls) == PAWL_TLS_OPEN)
		pawl_tls_close(conn->tls);
	http_enter(conn, HTTP_DRAIN);
	http_read_control(conn);
	http_pump(conn);
}

/* --- deadlines --- */

uint64_t http_acknowledged(struct http_conn *conn)
{
	uv_os_fd_t fd = -1;
	int in_kernel = 0;
	uint64_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);

	if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0 && ioctl(fd, SIOCOUTQ, &in_kernel) == 0)
		unsent += (uint64_t)in_kernel;
	return unsent > conn->handed ? 0 : conn->handed - unsent;
}

static void deadline(uv_timer_t *timer);

static void start_timer(struct http_conn *conn, uint64_t ms)
{
	conn->timer_at = uv_now(&conn->server->loop) + ms;
	uv_timer_start(&conn->timer, deadline, ms, 0);
}

/* A request passes through five states in a millisecond, and almost no
 * deadline is ever met. So a deadline that moves away only moves a number; the
 * timer finds out when it fires. */
static void arm(struct http_conn *conn, uint64_t ms)
{
	conn->deadline_at = uv_now(&conn->server->loop) + ms;
	if (conn->timer_at == 0 || conn->deadline_at < conn->timer_at)
		start_timer(conn, ms);
}

static void check_write(struct http_conn *conn)
{
	const uint64_t acknowledged = http_acknowledged(conn);

	const uint64_t progress = acknowledged - conn->acknowledged;

	/* A few bytes now and then are a way to hold a connection, not to read. */
	if (acknowledged <= conn->acknowledged ||
	    (progress < HTTP_PROGRESS_MIN && conn->handed - acknowledged >= HTTP_PROGRESS_MIN)) {
		http_event(conn, "write-timeout", "the peer takes no bytes");
		http_close(conn);
		return;
	}
	conn->acknowledged = acknowledged;
	arm(conn, conn->server->options.write_stall_ms);
}

static void check_body(struct http_conn *conn)
{
	const struct pawl_http_options *options = &conn->server->options;
	const uint64_t elapsed = uv_now(&conn->server->loop) - conn->body_since;
	const uint64_t paid_ms = conn->body_received * 1000 / options->body_rate_bytes_s;
	const uint64_t allowed = options->body_grace_ms + paid_ms;

	if (elapsed < allowed) {
		arm(conn, allowed - elapsed);
		return;
	}
	http_event(conn, "body-timeout", "the body comes too slowly");
	http_refuse(conn, 408, "The body came too slowly; send it again on a faster link.");
}

static void answer_overdue(struct http_conn *conn)
{
	http_event(conn, "answer-timeout", "the handler did not answer in time");
	http_refuse(conn, 503, "The server is too busy to answer; try again later.");
}

static void deadline(uv_timer_t *timer)
{
	struct http_conn *conn = timer->data;
	const uint64_t now = uv_now(&conn->server->loop);

	conn->timer_at = 0;
	if (now < conn->deadline_at) {
		start_timer(conn, conn->deadline_at - now);
		return;
	}
	switch (conn->state) {
	case HTTP_HANDSHAKE:
		http_event(conn, "handshake-timeout", "no complete TLS handshake in time");
		http_close(conn);
		break;
	case HTTP_IDLE: http_drain(conn); break;
	case HTTP_HEAD:
		http_event(conn, "header-timeout", "no complete request head in time");
		http_refuse(conn, 408, "The request head did not arrive in time.");
		break;
	case HTTP_BODY: check_body(conn); break;
	case HTTP_OWED: answer_overdue(conn); break;
	case HTTP_SENDING: check_write(conn); break;
	case HTTP_DRAIN:
	case HTTP_LINGER: http_close(conn); break;
	case HTTP_CLOSED: break;
	}
}

void http_enter(struct http_conn *conn, http_state state)
{
	const struct pawl_http_options *options = &conn->server->options;

	PAWL_ASSERT(conn->state != HTTP_CLOSED);
	conn->state = state;
	switch (state) {
	case HTTP_HANDSHAKE: arm(conn, options->handshake_ms); break;
	case HTTP_IDLE:
		conn->idle_since = uv_now(&conn->server->loop);
		arm(conn, options->idle_ms);
		break;
	case HTTP_HEAD: arm(conn, options->header_ms); break;
	case HTTP_BODY:
		conn->body_since = uv_now(&conn->server->loop);
		arm(conn, options->body_grace_ms);
		break;
	case HTTP_OWED: arm(conn, options->answer_ms); break;
	case HTTP_SENDING: arm(conn, options->write_stall_ms); break;
	case HTTP_DRAIN:
	case HTTP_LINGER: arm(conn, options->linger_ms); break;
	case HTTP_CLOSED: break;
	}
}

/* --- reading --- */

/* TLS is read into the loop's one buffer and decrypted from there; plain
 * bytes go straight into the connection's own. */
static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct http_conn *conn = handle->data;

	(void)suggested;
	*ret_buf = uv_buf_init((char *)conn->server->network, sizeof(conn->server->network));
	if (conn->tls != NULL || conn->state == HTTP_LINGER || conn->state == HTTP_DRAIN)
		return;
	if (conn->in == NULL) {
		conn->in = http_block_take(conn->server);
		conn->in_at = conn->in_size = 0;
	}
	if (conn->in == NULL) {
		*ret_buf = uv_buf_init(NULL, 0);
		return;
	}
	if (conn->in_at > 0) {
		memmove(conn->in, conn->in + conn->in_at, conn->in_size);
		conn->in_at = 0;
	}
	*ret_buf = uv_buf_init(
	    (char *)conn->in + conn->in_size, (unsigned)(HTTP_INPUT_SIZE - conn->in_size));
}

static void discard(struct http_conn *conn, size_t size)
{
	conn->lingered += size;
	if (conn->lingered > HTTP_LINGER_BYTES)
		http_close(conn);
}

static void tls_failed(struct http_conn *conn)
{
	http_event(conn, "tls-failed", pawl_tls_error(conn->tls));
	if (conn->state == HTTP_HANDSHAKE)
		http_drain(conn); /* its alert tells the peer why */
	else
		http_close(conn);
}

/* The peer will send no more. What is being answered still goes out: it may
 * have shut only its own half. */
static void ended(struct http_conn *conn)
{
	conn->eof = true;
	conn->close_after = true;
	if (conn->state == HTTP_OWED || conn->state == HTTP_SENDING || conn->state == HTTP_DRAIN)
		http_read_control(conn);
	else
		http_close(conn);
}

/* Reading may have met the end of the session or broken it, and may have made
 * it queue something of its own. */
static void tls_after(struct http_conn *conn)
{
	switch (pawl_tls_status_of(conn->tls)) {
	case PAWL_TLS_FAILED: tls_failed(conn); return;
	case PAWL_TLS_CLOSED:
		if (conn->state != HTTP_LINGER)
			ended(conn);
		break;
	case PAWL_TLS_HANDSHAKE:
	case PAWL_TLS_OPEN: break;
	}
	if (conn->state != HTTP_CLOSED && pawl_tls_pending(conn->tls) > 0)
		http_pump(conn);
}

static void tls_received(struct http_conn *conn, size_t size)
{
	const pawl_tls_status status =
	    pawl_tls_receive(conn->tls, PAWL_BYTES(conn->server->network, size));

	if (conn->state == HTTP_HANDSHAKE && status == PAWL_TLS_OPEN) {
		conn->has_peer = pawl_tls_peer(conn->tls, &conn->peer) == PAWL_ERR_OK;
		http_enter(conn, HTTP_IDLE);
	}
	if (status == PAWL_TLS_OPEN)
		http_process(conn);
	if (conn->state != HTTP_CLOSED)
		tls_after(conn);
}

static void received(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
	struct http_conn *conn = stream->data;

	(void)buf;
	if (count == 0 || conn->state == HTTP_CLOSED)
		return;
	if (count == UV_EOF) {
		ended(conn);
	} else if (count < 0) {
		http_close(conn);
	} else if (conn->state == HTTP_LINGER || conn->state == HTTP_DRAIN) {
		discard(conn, (size_t)count);
	} else if (conn->tls != NULL) {
		tls_received(conn, (size_t)count);
	} else {
		conn->in_size += (size_t)count;
		http_process(conn);
	}
}

void http_read_control(struct http_conn *conn)
{
	const bool waits = conn->state == HTTP_OWED || conn->state == HTTP_SENDING;
	const bool has_room = conn->in == NULL || conn->in_size < HTTP_INPUT_SIZE;
	const bool want = !conn->eof && conn->state != HTTP_CLOSED && (!waits || has_room);

	if (want == conn->reading || conn->state == HTTP_CLOSED)
		return;
	conn->reading = want;
	if (want)
		uv_read_start((uv_stream_t *)&conn->tcp, give_buffer, received);
	else
		uv_read_stop((uv_stream_t *)&conn->tcp);
}

/* --- the beginning --- */

static void address_text(struct http_conn *conn)
{
	struct sockaddr_storage peer = { 0 };
	int size = (int)sizeof(peer);

	if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&peer, &size) != 0 ||
	    uv_ip_name((const struct sockaddr *)&peer, conn->address, sizeof(conn->address)) != 0)
		memcpy(conn->address, "unknown", sizeof("unknown"));
}

/* One pass: how many come from `conn`'s address, and who has idled longest. */
static uint32_t count_address(const struct pawl_http_server *server, const struct http_conn *conn,
    struct http_conn **ret_idlest)
{
	uint32_t count = 0;
	struct http_conn *idlest = NULL;

	for (uint32_t slot = 0; slot < server->options.connections_max; slot++) {
		struct http_conn *other = server->slots[slot];

		if (other == NULL || other->state == HTTP_CLOSED)
			continue;
		count += strcmp(other->address, conn->address) == 0 ? 1 : 0;
		if (other->state == HTTP_IDLE &&
		    (idlest == NULL || other->idle_since < idlest->idle_since))
			idlest = other;
	}
	*ret_idlest = idlest;
	return count;
}

static bool take_slot(struct http_conn *conn)
{
	struct pawl_http_server *server = conn->server;

	for (uint32_t slot = 0; slot < server->options.connections_max; slot++) {
		if (server->slots[slot] != NULL)
			continue;
		conn->slot = slot;
		conn->generation = server->generations[slot];
		server->slots[slot] = conn;
		server->connection_count++;
		return true;
	}
	return false;
}

static void rejected_closed(uv_handle_t *handle)
{
	struct http_conn *conn = handle->data;

	if (--conn->open_handles == 0)
		free(conn);
}

static void reject(struct http_conn *conn, const char *detail)
{
	http_event(conn, "too-many", detail);
	conn->state = HTTP_CLOSED;
	uv_close((uv_handle_t *)&conn->tcp, rejected_closed);
	uv_close((uv_handle_t *)&conn->timer, rejected_closed);
}

static void begin(struct http_conn *conn)
{
	uv_tcp_nodelay(&conn->tcp, 1);
	if (conn->listener->tls == NULL) {
		http_enter(conn, HTTP_IDLE);
	} else if (pawl_tls_session_create(conn->listener->tls, &conn->tls) != PAWL_ERR_OK) {
		http_close(conn);
		return;
	} else {
		http_enter(conn, HTTP_HANDSHAKE);
	}
	http_read_control(conn);
}

static void retry_accept(uv_timer_t *timer)
{
	http_accept(timer->data);
}

void http_accept(struct http_listener *listener)
{
	struct pawl_http_server *server = listener->server;
	struct http_conn *conn = calloc(1, sizeof(*conn));
	struct http_conn *idlest = NULL;

	if (conn == NULL) {
		uv_timer_start(&listener->retry, retry_accept, 100, 0);
		return;
	}
	conn->server = server;
	conn->listener = listener;
	conn->out.file = -1;
	conn->open_handles = 2;
	uv_tcp_init(&server->loop, &conn->tcp);
	uv_timer_init(&server->loop, &conn->timer);
	conn->tcp.data = conn->timer.data = conn->write.data = conn->shutdown.data = conn;
	if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&conn->tcp) != 0) {
		conn->state = HTTP_CLOSED;
		uv_close((uv_handle_t *)&conn->tcp, rejected_closed);
		uv_close((uv_handle_t *)&conn->timer, rejected_closed);
		return;
	}
	address_text(conn);
	if (count_address(server, conn, &idlest) >= server->options.per_address_max) {
		reject(conn, "limit of connections from one address");
		return;
	}
	/* A full house: whoever has been silent longest between two requests
	 * makes room. */
	if (server->connection_count == server->options.connections_max && idlest != NULL)
		http_close(idlest);
	if (take_slot(conn))
		begin(conn);
	else
		reject(conn, "limit of connections");
}
