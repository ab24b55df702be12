/* SPDX-License-Identifier: MIT
 *
 * http_server.c - the loop: listeners, stop, wake, timers. */
#include "http_internal.h"

#include <stdlib.h>
#include <string.h>

static void default_u32(uint32_t *field, uint32_t value)
{
	if (*field == 0)
		*field = value;
}

static void fill_defaults(struct pawl_http_options *options)
{
	default_u32(&options->handshake_ms, 10000);
	default_u32(&options->header_ms, 10000);
	default_u32(&options->idle_ms, 75000);
	default_u32(&options->body_grace_ms, 10000);
	default_u32(&options->body_rate_bytes_s, 512);
	default_u32(&options->write_stall_ms, 30000);
	default_u32(&options->answer_ms, 60000);
	default_u32(&options->linger_ms, 5000);
	default_u32(&options->shutdown_ms, 10000);
	default_u32(&options->header_size_max, 16384);
	default_u32(&options->connections_max, 4096);
	default_u32(&options->per_address_max, 512);
	default_u32(&options->chunk_size, 32768);
	if (options->chunk_size < 1024)
		options->chunk_size = 1024;
	if (options->chunk_size > HTTP_NETWORK_BUFFER)
		options->chunk_size = HTTP_NETWORK_BUFFER;
	if (options->header_size_max > HTTP_BLOCK_SIZE)
		options->header_size_max = HTTP_BLOCK_SIZE;
}

/* --- memory --- */

void *http_block_take(struct pawl_http_server *server)
{
	if (server->block_count > 0)
		return server->blocks[--server->block_count];
	return malloc(HTTP_BLOCK_SIZE);
}

void http_block_give(struct pawl_http_server *server, void *block)
{
	if (block != NULL && server->block_count < HTTP_BLOCKS_KEPT)
		server->blocks[server->block_count++] = block;
	else
		free(block);
}

/* --- stop and wake --- */

static void stop_deadline(uv_timer_t *timer)
{
	struct pawl_http_server *server = timer->data;

	for (uint32_t slot = 0; slot < server->options.connections_max; slot++) {
		if (server->slots[slot] != NULL)
			http_close(server->slots[slot]);
	}
}

static void close_listeners(struct pawl_http_server *server)
{
	for (size_t i = 0; i < server->listener_count; i++) {
		struct http_listener *listener = &server->listeners[i];

		if (!listener->open)
			continue;
		listener->open = false;
		uv_close((uv_handle_t *)&listener->tcp, NULL);
		uv_close((uv_handle_t *)&listener->retry, NULL);
	}
}

static void begin_stop(struct pawl_http_server *server)
{
	if (server->stopping)
		return;
	server->stopping = true;
	close_listeners(server);
	if (server->handler.on_stopping != NULL)
		server->handler.on_stopping(server->handler.user);
	for (uint32_t slot = 0; slot < server->options.connections_max; slot++) {
		struct http_conn *conn = server->slots[slot];

		if (conn == NULL)
			continue;
		conn->close_after = true;
		if (conn->state == HTTP_IDLE)
			http_drain(conn);
		else if (conn->state == HTTP_HANDSHAKE)
			http_close(conn);
	}
	uv_timer_start(&server->stop_timer, stop_deadline, server->options.shutdown_ms, 0);
	if (server->connection_count == 0)
		uv_stop(&server->loop);
}

static void woken(uv_async_t *async)
{
	struct pawl_http_server *server = async->data;

	if (atomic_exchange(&server->stop_asked, false))
		begin_stop(server);
	if (atomic_exchange(&server->wake_asked, false) && server->handler.on_wake != NULL)
		server->handler.on_wake(server->handler.user);
}

static void signalled(uv_signal_t *handle, int number)
{
	(void)number;
	begin_stop(handle->data);
}

void pawl_http_server_stop(struct pawl_http_server *server)
{
	atomic_store(&server->stop_asked, true);
	uv_async_send(&server->async);
}

void pawl_http_wake(struct pawl_http_server *server)
{
	atomic_store(&server->wake_asked, true);
	uv_async_send(&server->async);
}

/* --- life --- */

static void start_signals(struct pawl_http_server *server)
{
	static const int numbers[2] = { SIGTERM, SIGINT };

	for (int i = 0; i < 2; i++) {
		server->signals[i].data = server;
		if (server->options.stop_on_signals)
			uv_signal_start(&server->signals[i], signalled, numbers[i]);
	}
}

pawl_err pawl_http_server_create(const struct pawl_http_options *options,
    const struct pawl_http_handler *handler, struct pawl_http_server **ret_server)
{
	struct pawl_http_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return PAWL_ERR_NO_MEMORY;
	server->options = *options;
	fill_defaults(&server->options);
	server->handler = *handler;
	server->slots = calloc(server->options.connections_max, sizeof(*server->slots));
	server->generations = calloc(server->options.connections_max, sizeof(uint32_t));
	if (server->slots == NULL || server->generations == NULL ||
	    uv_loop_init(&server->loop) != 0) {
		free(server->slots);
		free(server->generations);
		free(server);
		return PAWL_ERR_NO_MEMORY;
	}
	/* These fail only when the process has no descriptors left; the loop
	 * could not work then either. */
	PAWL_ASSERT(uv_async_init(&server->loop, &server->async, woken) == 0);
	PAWL_ASSERT(uv_signal_init(&server->loop, &server->signals[0]) == 0);
	PAWL_ASSERT(uv_signal_init(&server->loop, &server->signals[1]) == 0);
	uv_timer_init(&server->loop, &server->stop_timer);
	server->async.data = server;
	server->stop_timer.data = server;
	start_signals(server);
	*ret_server = server;
	return PAWL_ERR_OK;
}

void pawl_http_server_destroy(struct pawl_http_server *server)
{
	if (server == NULL)
		return;
	close_listeners(server);
	stop_deadline(&server->stop_timer);
	while (server->timers != NULL)
		pawl_http_timer_stop(server->timers);
	uv_close((uv_handle_t *)&server->async, NULL);
	uv_close((uv_handle_t *)&server->stop_timer, NULL);
	uv_close((uv_handle_t *)&server->signals[0], NULL);
	uv_close((uv_handle_t *)&server->signals[1], NULL);
	while (uv_loop_alive(&server->loop) != 0)
		uv_run(&server->loop, UV_RUN_DEFAULT);
	PAWL_ASSERT(uv_loop_close(&server->loop) == 0);
	while (server->block_count > 0)
		free(server->blocks[--server->block_count]);
	free(server->slots);
	free(server->generations);
	free(server);
}

void pawl_http_run(struct pawl_http_server *server)
{
	server->running = true;
	while (!(server->stopping && server->connection_count == 0 && server->work_count == 0))
		uv_run(&server->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&server->stop_timer);
	server->running = false;
}

struct pawl_mono pawl_http_now(const struct pawl_http_server *server)
{
	return (struct pawl_mono){ (int64_t)uv_now(&server->loop) };
}

uint32_t pawl_http_connection_count(const struct pawl_http_server *server)
{
	return atomic_load(&server->connection_count);
}

/* --- listeners --- */

static void incoming(uv_stream_t *stream, int status)
{
	if (status == 0)
		http_accept(stream->data);
}

static pawl_err uv_to_err(int status)
{
	if (status == UV_EADDRINUSE)
		return PAWL_ERR_EXISTS;
	if (status == UV_EACCES || status == UV_EPERM)
		return PAWL_ERR_DENIED;
	return PAWL_ERR_IO;
}

static bool parse_address(const char *host, uint16_t port, struct sockaddr_storage *ret_address)
{
	return uv_ip4_addr(host, port, (struct sockaddr_in *)ret_address) == 0 ||
	       uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret_address) == 0;
}

static int bind_and_listen(
    struct http_listener *entry, const struct sockaddr_storage *address, uint16_t *ret_port)
{
	struct sockaddr_storage bound = { 0 };
	int bound_size = (int)sizeof(bound);
	int status = uv_tcp_bind(&entry->tcp, (const struct sockaddr *)address, 0);

	if (status == 0)
		status = uv_listen((uv_stream_t *)&entry->tcp, 1024, incoming);
	if (status == 0)
		status = uv_tcp_getsockname(&entry->tcp, (struct sockaddr *)&bound, &bound_size);
	if (status != 0)
		return status;
	*ret_port =
	    ntohs(bound.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&bound)->sin6_port
					      : ((const struct sockaddr_in *)&bound)->sin_port);
	return 0;
}

pawl_err pawl_http_listen(
    struct pawl_http_server *server, const struct pawl_http_listener *listener, uint16_t *ret_port)
{
	struct sockaddr_storage address = { 0 };

	if (server->listener_count == HTTP_LISTENERS_MAX)
		return PAWL_ERR_LIMIT;
	if (!parse_address(listener->host, listener->port, &address))
		return PAWL_ERR_SYNTAX;

	struct http_listener *entry = &server->listeners[server->listener_count++];

	entry->server = server;
	entry->tls = listener->tls;
	entry->tag = listener->tag;
	entry->open = true;
	uv_tcp_init(&server->loop, &entry->tcp);
	uv_timer_init(&server->loop, &entry->retry);
	entry->tcp.data = entry;
	entry->retry.data = entry;

	const int status = bind_and_listen(entry, &address, ret_port);

	if (status != 0) {
		entry->open = false;
		uv_close((uv_handle_t *)&entry->tcp, NULL);
		uv_close((uv_handle_t *)&entry->retry, NULL);
		return uv_to_err(status);
	}
	return PAWL_ERR_OK;
}

/* --- connections as the server sees them --- */

struct http_conn *http_conn_of(struct pawl_http_server *server, struct pawl_http_token token)
{
	if (token.slot >= server->options.connections_max)
		return NULL;

	struct http_conn *conn = server->slots[token.slot];

	return conn != NULL && conn->generation == token.generation ? conn : NULL;
}

void http_conn_gone(struct http_conn *conn)
{
	struct pawl_http_server *server = conn->server;

	server->generations[conn->slot] = conn->generation + 1;
	server->slots[conn->slot] = NULL;
	server->connection_count--;
	if (server->stopping && server->connection_count == 0)
		uv_stop(&server->loop);
}

/* --- timers --- */

static void timer_fired(uv_timer_t *uv)
{
	struct pawl_http_timer *timer = uv->data;

	timer->fire(timer->user);
}

pawl_err pawl_http_timer_start(struct pawl_http_server *server, uint64_t delay_ms,
    uint64_t repeat_ms, void (*fire)(void *user), void *user, struct pawl_http_timer **ret_timer)
{
	struct pawl_http_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return PAWL_ERR_NO_MEMORY;
	timer->server = server;
	timer->fire = fire;
	timer->user = user;
	timer->repeat_ms = repeat_ms;
	uv_timer_init(&server->loop, &timer->uv);
	timer->uv.data = timer;
	uv_timer_start(&timer->uv, timer_fired, delay_ms, repeat_ms);
	timer->next = server->timers;
	server->timers = timer;
	*ret_timer = timer;
	return PAWL_ERR_OK;
}

void pawl_http_timer_again(struct pawl_http_timer *timer, uint64_t delay_ms)
{
	uv_timer_start(&timer->uv, timer_fired, delay_ms, timer->repeat_ms);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void pawl_http_timer_stop(struct pawl_http_timer *timer)
{
	struct pawl_http_timer **link = &timer->server->timers;

	while (*link != timer)
		link = &(*link)->next;
	*link = timer->next;
	uv_close((uv_handle_t *)&timer->uv, timer_closed);
}

/* --- work on the pool --- */

struct http_work {
	uv_work_t uv;
	struct pawl_http_server *server;
	void (*work)(void *user);
	void (*done)(void *user);
	void *user;
};

static void work_run(uv_work_t *uv)
{
	struct http_work *work = uv->data;

	work->work(work->user);
}

static void work_done(uv_work_t *uv, int status)
{
	struct http_work *work = uv->data;

	(void)status; /* nothing here cancels */
	work->server->work_count--;
	work->done(work->user);
	if (work->server->stopping)
		uv_stop(&work->server->loop);
	free(work);
}

pawl_err pawl_http_work(
    struct pawl_http_server *server, void (*work)(void *user), void (*done)(void *user), void *user)
{
	struct http_work *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return PAWL_ERR_NO_MEMORY;
	entry->uv.data = entry;
	entry->server = server;
	server->work_count++;
	entry->work = work;
	entry->done = done;
	entry->user = user;
	uv_queue_work(&server->loop, &entry->uv, work_run, work_done);
	return PAWL_ERR_OK;
}
