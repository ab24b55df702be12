/* SPDX-License-Identifier: MIT
 *
 * http_send.c - answers out: memory and files, in chunks, as the peer takes them. */
#include "http_internal.h"

#include "pawl/date.h"
#include "pawl/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_HEAD_MAX = 8192 };

void http_release_out(struct http_conn *conn)
{
	struct http_out *out = &conn->out;

	if (out->blob_capacity == HTTP_BLOCK_SIZE)
		http_block_give(conn->server, out->blob);
	else
		free(out->blob);
	if (out->file >= 0)
		close(out->file);
	*out = (struct http_out){ .file = -1 };
}

/* --- composing --- */

/* The clock is asked for each answer, the date made once a second. */
static const char *date_now(struct pawl_http_server *server)
{
	uv_timeval64_t now = { 0 };

	uv_gettimeofday(&now);
	if (now.tv_sec != server->date_s) {
		struct pawl_buf buf = pawl_buf_of(server->date, sizeof(server->date) - 1);

		pawl_put_http_date(&buf, (struct pawl_wall){ now.tv_sec * PAWL_MS_PER_S });
		server->date[buf.size] = '\0';
		server->date_s = now.tv_sec;
	}
	return server->date;
}

static void put_head(struct http_conn *conn, const struct pawl_http_response *response,
    struct pawl_buf *out, uint64_t length)
{
	struct pawl_http1_response head = pawl_http1_respond(out, (unsigned)response->status);

	pawl_http1_put_header_text(&head, "Date", date_now(conn->server));
	if (length > 0 && response->status != 304)
		pawl_http1_put_header_text(&head, "Content-Type",
		    response->content_type == NULL ? "application/json" : response->content_type);
	for (size_t i = 0; i < response->field_count; i++)
		pawl_http1_put_header_text(
		    &head, response->fields[i].name, response->fields[i].value);
	pawl_http1_end_head(&head, length, !conn->close_after);
}

/* Head, and body when it is in memory, as one block. */
static pawl_err compose(struct http_conn *conn, const struct pawl_http_response *response)
{
	const uint64_t length = response->has_file ? response->file_length : response->body.size;
	const bool with_body = conn->http.method != PAWL_HTTP1_HEAD && response->status != 304 &&
			       response->status != 204;
	const size_t in_memory = response->has_file || !with_body ? 0 : response->body.size;
	const size_t wanted = ANSWER_HEAD_MAX + in_memory;
	const size_t capacity = wanted > HTTP_BLOCK_SIZE ? wanted : HTTP_BLOCK_SIZE;
	uint8_t *blob = wanted > HTTP_BLOCK_SIZE ? malloc(capacity) : http_block_take(conn->server);

	if (blob == NULL)
		return PAWL_ERR_NO_MEMORY;

	struct pawl_buf buf = pawl_buf_of(blob, capacity);

	put_head(conn, response, &buf, length);
	if (in_memory > 0)
		pawl_put_bytes(&buf, response->body);
	if (pawl_buf_check(&buf) != PAWL_ERR_OK) {
		free(blob);
		return PAWL_ERR_LIMIT;
	}
	conn->out.blob = blob;
	conn->out.blob_capacity = capacity;
	conn->out.blob_size = buf.size;
	conn->out.blob_at = 0;
	if (response->has_file && with_body) {
		conn->out.file = response->file;
		conn->out.file_at = response->file_offset;
		conn->out.file_left = response->file_length;
	} else if (response->has_file) {
		close(response->file);
	}
	return PAWL_ERR_OK;
}

static bool may_answer(const struct http_conn *conn)
{
	return !conn->answered &&
	       (conn->state == HTTP_HEAD || conn->state == HTTP_BODY || conn->state == HTTP_OWED);
}

static pawl_err answer_on(struct http_conn *conn, const struct pawl_http_response *response)
{
	/* The rest of a body that nobody reads can not be told from a request. */
	if (conn->state != HTTP_OWED && conn->http.has_body)
		conn->close_after = true;
	if (response->close || conn->server->stopping)
		conn->close_after = true;

	const pawl_err err = compose(conn, response);

	if (err != PAWL_ERR_OK) {
		if (response->has_file)
			close(response->file);
		http_close(conn);
		return err;
	}
	conn->answered = true;
	conn->stalls = false;
	http_enter(conn, HTTP_SENDING);
	if (!conn->processing)
		http_pump(conn);
	return PAWL_ERR_OK;
}

pawl_err pawl_http_answer(struct pawl_http_server *server, struct pawl_http_token token,
    const struct pawl_http_response *response)
{
	struct http_conn *conn = http_conn_of(server, token);

	if (conn == NULL || !may_answer(conn)) {
		if (response->has_file)
			close(response->file);
		return PAWL_ERR_NOT_FOUND;
	}
	return answer_on(conn, response);
}

void http_refuse(struct http_conn *conn, int status, const char *message)
{
	char text[512];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));
	struct pawl_json_writer json = pawl_json_writer_of(&buf);

	pawl_json_begin_object(&json);
	pawl_json_member_text(&json, "exceptionClass", "pawl.http");
	pawl_json_member_text(&json, "errorCode", "pawl.error.http");
	pawl_json_member_text(&json, "message", message);
	pawl_json_end_object(&json);

	const struct pawl_http_response response = {
		.status = status,
		.body = pawl_buf_bytes(&buf),
		.fields = { { "Retry-After", "5" } },
		.field_count = status == 503 ? 1 : 0,
		.close = true,
	};

	if (conn->answered) { /* half an answer is out already */
		http_close(conn);
		return;
	}
	(void)answer_on(conn, &response);
}

/* --- sending --- */

/* Adds bytes of the file to `size` that are in `at`. False: it ended before its
 * announced length. */
static bool read_file(struct http_out *out, uint8_t *at, size_t capacity, size_t *io_size)
{
	size_t want = capacity - *io_size;

	if (want > out->file_left)
		want = (size_t)out->file_left;

	const ssize_t got = pread(out->file, at + *io_size, want, (off_t)out->file_at);

	if (got <= 0)
		return false;
	out->file_at += (uint64_t)got;
	out->file_left -= (uint64_t)got;
	*io_size += (size_t)got;
	return true;
}

/* The next plain bytes to send: a piece of the answer in memory, or of its head
 * and the file, put together in server->network. */
static bool produce(struct http_conn *conn, struct pawl_bytes *ret_bytes)
{
	struct http_out *out = &conn->out;
	const size_t max = conn->server->options.chunk_size;
	uint8_t *at = conn->server->network;
	size_t size = out->blob_size - out->blob_at;

	if (out->interim) {
		out->interim = false;
		*ret_bytes = PAWL_BYTES_LIT(PAWL_HTTP1_CONTINUE);
		return true;
	}
	if (size > max)
		size = max;
	*ret_bytes = PAWL_BYTES(out->blob + out->blob_at, size);
	out->blob_at += size;
	if (out->file_left == 0 || size == max)
		return true;
	memcpy(at, ret_bytes->at, size);
	if (!read_file(out, at, max, &size))
		return false;
	*ret_bytes = PAWL_BYTES(at, size);
	return true;
}

/* Bytes for the wire; none when nothing is left. */
static bool next_bytes(struct http_conn *conn, struct pawl_bytes *ret_bytes)
{
	uint8_t *wire = conn->server->wire;
	struct pawl_bytes plain = { 0 };

	if (conn->tls == NULL)
		return produce(conn, ret_bytes);
	if (pawl_tls_pending(conn->tls) == 0) {
		if (!produce(conn, &plain))
			return false;
		if (plain.size > 0 && pawl_tls_write(conn->tls, plain) != PAWL_ERR_OK)
			return false;
	}
	*ret_bytes = PAWL_BYTES(wire, pawl_tls_take(conn->tls, wire, HTTP_WIRE_SIZE));
	return true;
}

static void shut_down(uv_shutdown_t *request, int status)
{
	struct http_conn *conn = request->data;

	(void)status;
	if (conn->state != HTTP_CLOSED && conn->eof)
		http_close(conn);
}

static void answer_sent(struct http_conn *conn)
{
	http_release_out(conn);
	http_release_request(conn);
	if (conn->close_after) {
		http_drain(conn);
		return;
	}
	http_enter(conn, HTTP_IDLE);
	http_process(conn);
}

/* Nothing is left to send now. */
static void all_sent(struct http_conn *conn)
{
	free(conn->chunk);
	conn->chunk = NULL;
	if (conn->state == HTTP_SENDING) {
		answer_sent(conn);
	} else if (conn->state == HTTP_DRAIN) {
		http_enter(conn, HTTP_LINGER);
		uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, shut_down);
	}
}

static void written(uv_write_t *request, int status)
{
	struct http_conn *conn = request->data;

	conn->writing = false;
	if (conn->state == HTTP_CLOSED)
		return;
	if (status != 0)
		http_close(conn);
	else
		http_pump(conn);
}

/* What the socket did not take at once waits in the connection's own memory. */
static void write_later(struct http_conn *conn, struct pawl_bytes rest)
{
	if (conn->chunk == NULL)
		conn->chunk = malloc(HTTP_WIRE_SIZE);
	if (conn->chunk == NULL) {
		http_close(conn);
		return;
	}
	memcpy(conn->chunk, rest.at, rest.size);

	const uv_buf_t buf = uv_buf_init((char *)conn->chunk, (unsigned)rest.size);

	if (conn->state == HTTP_SENDING && !conn->stalls) {
		conn->stalls = true;
		conn->acknowledged = http_acknowledged(conn);
	}
	conn->handed += rest.size;
	conn->writing = true;
	if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, written) != 0) {
		conn->writing = false;
		http_close(conn);
	}
}

/* Bytes that the socket took, 0 when it is full; negative: the connection is broken. */
static int try_write(struct http_conn *conn, struct pawl_bytes bytes)
{
	union {
		const uint8_t *borrowed;
		char *base;
	} at = { .borrowed = bytes.at };
	const uv_buf_t buf = uv_buf_init(at.base, (unsigned)bytes.size);
	const int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);

	return sent == UV_EAGAIN ? 0 : sent;
}

void http_pump(struct http_conn *conn)
{
	if (conn->writing || conn->state == HTTP_CLOSED || conn->state == HTTP_LINGER)
		return;
	for (unsigned i = 0;; i++) {
		struct pawl_bytes bytes = { 0 };
		int sent = 0;

		if (!next_bytes(conn, &bytes)) {
			http_event(conn, "file-short", "a file ended before its announced length");
			http_close(conn);
			return;
		}
		if (bytes.size == 0) {
			all_sent(conn);
			return;
		}
		if (i < HTTP_CHUNKS_MAX)
			sent = try_write(conn, bytes);
		if (sent < 0) {
			http_close(conn);
			return;
		}
		conn->handed += (uint64_t)sent;
		if ((size_t)sent < bytes.size) {
			write_later(conn, PAWL_BYTES(bytes.at + sent, bytes.size - (size_t)sent));
			return;
		}
	}
}
