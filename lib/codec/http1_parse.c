/* SPDX-License-Identifier: MIT
 *
 * The request parser. The head is gathered byte by byte and judged line by
 * line, so that where the input is cut can not matter; bodies pass through
 * as slices of the input. */
#include "pawl/http1.h"
#include "pawl/num.h"
#include "pawl/text.h"

#include <string.h>

enum state {
	REQUEST_LINE,
	HEADER_LINE,
	HEAD_ENDED,   /* HEAD_DONE was reported, the body not yet judged      */
	LENGTH_BODY,  /* `left` bytes                                         */
	CHUNK_SIZE,   /* hexadecimal digits, gathered in `left`               */
	CHUNK_LF,     /* after the CR of a size line                          */
	CHUNK_DATA,   /* `left` bytes                                         */
	CHUNK_END_CR, /* after the data                                       */
	CHUNK_END_LF,
	LAST_CR, /* after the chunk of size 0                                 */
	LAST_LF,
	MESSAGE_ENDED, /* its end not yet reported                            */
	BETWEEN,       /* reported; the next byte begins a new request        */
	REFUSED
};

enum { CHUNK_DIGITS_MAX = 15 };

static pawl_http1_event refuse(struct pawl_http1 *http, unsigned status, const char *reason)
{
	http->state = REFUSED;
	http->status = status;
	http->reason = reason;
	http->keep_alive = false;
	return PAWL_HTTP1_REFUSED;
}

static void begin_message(struct pawl_http1 *http)
{
	*http = (struct pawl_http1){
		.head = http->head,
		.head_capacity = http->head_capacity,
		.default_body_max = http->default_body_max,
		.body_max = http->default_body_max,
		.state = REQUEST_LINE,
	};
}

void pawl_http1_init(
    struct pawl_http1 *http, void *head_memory, size_t head_capacity, uint64_t body_max)
{
	*http = (struct pawl_http1){
		.head = head_memory,
		.head_capacity =
		    head_capacity < PAWL_HTTP1_HEAD_MAX ? head_capacity : PAWL_HTTP1_HEAD_MAX,
		.default_body_max = body_max,
	};
	begin_message(http);
}

bool pawl_http1_is_idle(const struct pawl_http1 *http)
{
	return http->state == BETWEEN ||
	       (http->state == REQUEST_LINE && http->head_size == 0 && !http->line_has_cr);
}

/* --- the request line --- */

static bool is_token_byte(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9') ||
	       (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static bool is_token(struct pawl_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!is_token_byte(text.at[i]))
			return false;
	return text.size > 0;
}

static const char *const method_names[] = {
	[PAWL_HTTP1_GET] = "GET",
	[PAWL_HTTP1_HEAD] = "HEAD",
	[PAWL_HTTP1_POST] = "POST",
	[PAWL_HTTP1_PUT] = "PUT",
	[PAWL_HTTP1_DELETE] = "DELETE",
	[PAWL_HTTP1_PATCH] = "PATCH",
	[PAWL_HTTP1_OPTIONS] = "OPTIONS",
};

enum { METHOD_COUNT = sizeof(method_names) / sizeof(method_names[0]) };

const char *pawl_http1_method_name(pawl_http1_method method)
{
	PAWL_ASSERT((size_t)method < METHOD_COUNT);
	return method_names[method];
}

static pawl_http1_event take_method(struct pawl_http1 *http, struct pawl_bytes name)
{
	if (!is_token(name))
		return refuse(http, 400, "the request line begins with no method");
	for (size_t i = 0; i < METHOD_COUNT; i++) {
		if (pawl_bytes_is(name, method_names[i])) {
			http->method = (pawl_http1_method)i;
			return PAWL_HTTP1_NEED_MORE;
		}
	}
	return refuse(http, 501, "this method is not known here");
}

static size_t scheme_size(struct pawl_bytes target)
{
	for (size_t size = 7; size <= 8 && size <= target.size; size++)
		if (pawl_text_equal_nocase(PAWL_BYTES(target.at, size),
			size == 7 ? PAWL_BYTES_LIT("http://") : PAWL_BYTES_LIT("https://")))
			return size;
	return 0;
}

static pawl_http1_event take_target(struct pawl_http1 *http, struct pawl_bytes target)
{
	if (target.size > PAWL_HTTP1_TARGET_MAX)
		return refuse(http, 414, "the request target is too long");
	for (size_t i = 0; i < target.size; i++)
		if (target.at[i] <= 0x20 || target.at[i] >= 0x7f)
			return refuse(http, 400, "a character that may not stand in a target");
	/* A server must also take the form that proxies are sent (RFC 9112 3.2.2).
	 * Its path begins at the first '/' behind the host, but not at one that
	 * stands in a query: "http://a?/b" asks for the root. */
	size_t skip = scheme_size(target);
	const size_t host = skip;
	while (skip > 0 && skip < target.size && strchr("/?#", target.at[skip]) == NULL)
		skip++;
	if (skip > 0 && (skip == host || skip == target.size || target.at[skip] != '/'))
		return refuse(http, 400, "an absolute request target without host or path");
	http->target = PAWL_BYTES(target.at + skip, target.size - skip);
	if (http->target.size > 0 && http->target.at[0] == '/')
		return PAWL_HTTP1_NEED_MORE;
	if (http->method == PAWL_HTTP1_OPTIONS && pawl_bytes_is(target, "*"))
		return PAWL_HTTP1_NEED_MORE;
	return refuse(http, 400, "the request target does not start with a slash");
}

static bool is_version(struct pawl_bytes text)
{
	return text.size == 8 && pawl_bytes_starts_with(text, "HTTP/") && text.at[6] == '.' &&
	       text.at[5] >= '0' && text.at[5] <= '9' && text.at[7] >= '0' && text.at[7] <= '9';
}

static pawl_http1_event take_request_line(struct pawl_http1 *http, struct pawl_bytes line)
{
	const uint8_t *first = memchr(line.at, ' ', line.size);
	if (first == NULL)
		return refuse(http, 400, "the request line has no target");
	const struct pawl_bytes name = PAWL_BYTES(line.at, (size_t)(first - line.at));
	const struct pawl_bytes rest = PAWL_BYTES(first + 1, line.size - name.size - 1);
	const uint8_t *second = rest.size == 0 ? NULL : memchr(rest.at, ' ', rest.size);
	if (second == NULL)
		return refuse(http, 400, "the request line has no version");
	const struct pawl_bytes target = PAWL_BYTES(rest.at, (size_t)(second - rest.at));
	const struct pawl_bytes version = PAWL_BYTES(second + 1, rest.size - target.size - 1);

	if (!is_version(version))
		return refuse(http, 400, "the request line does not end in an HTTP version");
	http->is_http10 = pawl_bytes_is(version, "HTTP/1.0");
	if (!http->is_http10 && !pawl_bytes_is(version, "HTTP/1.1"))
		return refuse(http, 505, "only HTTP/1.1 is spoken here");
	if (take_method(http, name) == PAWL_HTTP1_REFUSED)
		return PAWL_HTTP1_REFUSED;
	http->keep_alive = !http->is_http10;
	return take_target(http, target);
}

/* --- headers --- */

static struct pawl_bytes field_name(const struct pawl_http1 *http, size_t index)
{
	const struct pawl_http1_field *field = &http->fields[index];

	return PAWL_BYTES(http->head + field->name_at, field->name_size);
}

static struct pawl_bytes field_value(const struct pawl_http1 *http, size_t index)
{
	const struct pawl_http1_field *field = &http->fields[index];

	return PAWL_BYTES(http->head + field->value_at, field->value_size);
}

struct pawl_bytes pawl_http1_header(const struct pawl_http1 *http, const char *name)
{
	for (size_t i = 0; i < http->field_count; i++)
		if (pawl_text_equal_nocase(field_name(http, i), pawl_bytes_of(name)))
			return field_value(http, i);
	return PAWL_BYTES(NULL, 0);
}

/* Headers with one meaning: two of them mean that someone in between may have
 * read the other one. */
static bool is_single(struct pawl_bytes name)
{
	static const char *const singles[] = { "host", "content-length", "transfer-encoding",
		"content-type", "authorization", "range", "if-range", "expect" };

	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++)
		if (pawl_text_equal_nocase(name, pawl_bytes_of(singles[i])))
			return true;
	return false;
}

static struct pawl_bytes trim(struct pawl_bytes text)
{
	while (text.size > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = PAWL_BYTES(text.at + 1, text.size - 1);
	while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t'))
		text.size--;
	return text;
}

static pawl_http1_event take_length(struct pawl_http1 *http, struct pawl_bytes value)
{
	for (size_t i = 0; i < value.size; i++)
		if (value.at[i] < '0' || value.at[i] > '9')
			return refuse(http, 400, "Content-Length is no number");
	const pawl_err err = pawl_parse_u64(value, INT64_MAX, &http->content_length);
	if (err == PAWL_ERR_RANGE)
		return refuse(http, 413, "the body is too long");
	if (err != PAWL_ERR_OK)
		return refuse(http, 400, "Content-Length is no number");
	http->has_length = true;
	return PAWL_HTTP1_NEED_MORE;
}

static void take_connection(struct pawl_http1 *http, struct pawl_bytes value)
{
	while (value.size > 0) {
		const uint8_t *comma = memchr(value.at, ',', value.size);
		const size_t size = comma == NULL ? value.size : (size_t)(comma - value.at);
		const struct pawl_bytes option = trim(PAWL_BYTES(value.at, size));

		if (pawl_text_equal_nocase(option, PAWL_BYTES_LIT("close"))) {
			http->keep_alive = false;
			http->wants_close = true;
		} else if (pawl_text_equal_nocase(option, PAWL_BYTES_LIT("keep-alive"))) {
			http->keep_alive = !http->wants_close;
		}
		value = comma == NULL ? PAWL_BYTES(NULL, 0)
				      : PAWL_BYTES(comma + 1, value.size - size - 1);
	}
}

/* The few headers that steer the parser itself. */
static pawl_http1_event take_known(
    struct pawl_http1 *http, struct pawl_bytes name, struct pawl_bytes value)
{
	if (pawl_text_equal_nocase(name, PAWL_BYTES_LIT("content-length")))
		return take_length(http, value);
	if (pawl_text_equal_nocase(name, PAWL_BYTES_LIT("transfer-encoding"))) {
		if (!pawl_text_equal_nocase(value, PAWL_BYTES_LIT("chunked")))
			return refuse(http, 501, "no transfer coding but chunked is known here");
		http->is_chunked = true;
	} else if (pawl_text_equal_nocase(name, PAWL_BYTES_LIT("host"))) {
		http->has_host = true;
	} else if (pawl_text_equal_nocase(name, PAWL_BYTES_LIT("connection"))) {
		take_connection(http, value);
	} else if (pawl_text_equal_nocase(name, PAWL_BYTES_LIT("expect"))) {
		if (!pawl_text_equal_nocase(value, PAWL_BYTES_LIT("100-continue")))
			return refuse(http, 417, "no expectation but 100-continue can be met");
		http->expects_continue = true;
	}
	return PAWL_HTTP1_NEED_MORE;
}

static pawl_http1_event take_header_line(struct pawl_http1 *http, struct pawl_bytes line)
{
	const uint8_t *colon = memchr(line.at, ':', line.size);
	if (line.at[0] == ' ' || line.at[0] == '\t')
		return refuse(http, 400, "a header line is folded");
	if (colon == NULL)
		return refuse(http, 400, "a header has no colon");
	const struct pawl_bytes name = PAWL_BYTES(line.at, (size_t)(colon - line.at));
	const struct pawl_bytes value = trim(PAWL_BYTES(colon + 1, line.size - name.size - 1));

	if (!is_token(name))
		return refuse(http, 400, "a header name has a character that may not stand in it");
	if (is_single(name))
		for (size_t i = 0; i < http->field_count; i++)
			if (pawl_text_equal_nocase(field_name(http, i), name))
				return refuse(
				    http, 400, "a header that may stand once stands twice");
	if (http->field_count == PAWL_HTTP1_HEADERS_MAX)
		return refuse(http, 431, "there are too many headers");
	http->fields[http->field_count++] = (struct pawl_http1_field){
		.name_at = (uint16_t)(name.at - http->head),
		.name_size = (uint16_t)name.size,
		.value_at = (uint16_t)(value.at - http->head),
		.value_size = (uint16_t)value.size,
	};
	return take_known(http, name, value);
}

static pawl_http1_event end_head(struct pawl_http1 *http)
{
	if (!http->is_http10 && !http->has_host)
		return refuse(http, 400, "the Host header is missing");
	if (http->is_chunked && http->has_length)
		return refuse(
		    http, 400, "Content-Length and Transfer-Encoding contradict each other");
	if (http->is_chunked && http->is_http10)
		return refuse(http, 400, "HTTP/1.0 knows no Transfer-Encoding");
	http->has_body = http->is_chunked || http->content_length > 0;
	/* Without a body there is nothing to wait for; 1.0 knows no 100. */
	http->expects_continue = http->expects_continue && http->has_body && !http->is_http10;
	http->state = HEAD_ENDED;
	return PAWL_HTTP1_HEAD_DONE;
}

/* A whole line, without its CR LF, lies at the end of the head memory. */
static pawl_http1_event take_line(struct pawl_http1 *http)
{
	const struct pawl_bytes line =
	    PAWL_BYTES(http->head + http->line_at, http->head_size - http->line_at);

	http->line_at = http->head_size;
	if (http->state == REQUEST_LINE) {
		if (line.size == 0) {
			/* One empty line before a request is forgiven (RFC 9112 2.2). */
			if (http->skipped_line)
				return refuse(http, 400, "the request line is empty");
			http->skipped_line = true;
			return PAWL_HTTP1_NEED_MORE;
		}
		http->state = HEADER_LINE;
		return take_request_line(http, line);
	}
	return line.size == 0 ? end_head(http) : take_header_line(http, line);
}

/* How many bytes at the beginning of `bytes` just belong to the line: all of
 * them could go through take_head_byte one by one to the same end. */
static size_t plain_run(const struct pawl_http1 *http, struct pawl_bytes bytes)
{
	const size_t room = http->head_capacity - http->head_size;
	const size_t max = bytes.size < room ? bytes.size : room;
	size_t size = 0;

	while (size < max && bytes.at[size] >= 0x20 && bytes.at[size] != 0x7f)
		size++;
	return size;
}

static size_t take_head_run(struct pawl_http1 *http, struct pawl_bytes bytes)
{
	const size_t size = http->line_has_cr ? 0 : plain_run(http, bytes);

	if (size > 0)
		memcpy(http->head + http->head_size, bytes.at, size);
	http->head_size += size;
	return size;
}

static pawl_http1_event take_head_byte(struct pawl_http1 *http, uint8_t byte)
{
	if (http->line_has_cr) {
		http->line_has_cr = false;
		if (byte != '\n')
			return refuse(http, 400, "a CR without its LF");
		return take_line(http);
	}
	if (byte == '\r') {
		http->line_has_cr = true;
		return PAWL_HTTP1_NEED_MORE;
	}
	if (byte == '\n')
		return refuse(http, 400, "an LF without its CR");
	if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
		return refuse(http, 400, "a control character in the head");
	if (http->head_size == http->head_capacity)
		return http->state == REQUEST_LINE
			   ? refuse(http, 414, "the request line is too long")
			   : refuse(http, 431, "the headers are too long");
	http->head[http->head_size++] = byte;
	return PAWL_HTTP1_NEED_MORE;
}

/* --- bodies --- */

pawl_err pawl_http1_limit_body(struct pawl_http1 *http, uint64_t body_max)
{
	PAWL_ASSERT(http->state == HEAD_ENDED);
	http->body_max = body_max;
	return http->content_length > body_max ? PAWL_ERR_LIMIT : PAWL_ERR_OK;
}

static pawl_http1_event begin_body(struct pawl_http1 *http)
{
	if (http->content_length > http->body_max)
		return refuse(http, 413, "the body is too long");
	http->left = http->content_length;
	http->state = http->is_chunked ? CHUNK_SIZE : http->left > 0 ? LENGTH_BODY : MESSAGE_ENDED;
	return PAWL_HTTP1_NEED_MORE;
}

static pawl_http1_event take_chunk_size_byte(struct pawl_http1 *http, uint8_t byte)
{
	if (byte == '\r' && http->digits > 0) {
		/* `body_seen` never passes `body_max`, so nothing wraps. */
		if (http->left > http->body_max - http->body_seen)
			return refuse(http, 413, "the body is too long");
		http->body_seen += http->left;
		http->digits = 0;
		http->state = CHUNK_LF;
		return PAWL_HTTP1_NEED_MORE;
	}
	uint8_t value;
	if (byte >= '0' && byte <= '9')
		value = (uint8_t)(byte - '0');
	else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')
		value = (uint8_t)((byte | 0x20) - 'a' + 10);
	else
		return refuse(http, 400, "a chunk size is no plain hexadecimal number");
	if (http->digits == CHUNK_DIGITS_MAX)
		return refuse(http, 413, "the body is too long");
	http->digits++;
	http->left = http->left << 4 | value;
	return PAWL_HTTP1_NEED_MORE;
}

/* The bytes between the pieces of a chunked body. */
static pawl_http1_event take_chunk_byte(struct pawl_http1 *http, uint8_t byte)
{
	static const struct {
		uint8_t wanted;
		uint8_t next;
	} steps[] = {
		[CHUNK_LF] = { '\n', CHUNK_DATA },
		[CHUNK_END_CR] = { '\r', CHUNK_END_LF },
		[CHUNK_END_LF] = { '\n', CHUNK_SIZE },
		[LAST_CR] = { '\r', LAST_LF },
		[LAST_LF] = { '\n', MESSAGE_ENDED },
	};

	if (http->state == CHUNK_SIZE)
		return take_chunk_size_byte(http, byte);
	if (byte != steps[http->state].wanted)
		return refuse(http, 400,
		    http->state == LAST_CR ? "trailers are not taken"
					   : "a chunk does not end in CR LF");
	http->state =
	    http->state == CHUNK_LF && http->left == 0 ? LAST_CR : steps[http->state].next;
	return PAWL_HTTP1_NEED_MORE;
}

static pawl_http1_event take_data(struct pawl_http1 *http, struct pawl_bytes bytes,
    size_t *ret_consumed, struct pawl_bytes *ret_body)
{
	const size_t size = bytes.size < http->left ? bytes.size : (size_t)http->left;

	*ret_body = PAWL_BYTES(bytes.at, size);
	*ret_consumed += size;
	http->left -= size;
	if (http->left == 0)
		http->state = http->state == CHUNK_DATA ? CHUNK_END_CR : MESSAGE_ENDED;
	return PAWL_HTTP1_BODY;
}

/* --- the loop --- */

pawl_http1_event pawl_http1_feed(struct pawl_http1 *http, struct pawl_bytes bytes,
    size_t *ret_consumed, struct pawl_bytes *ret_body)
{
	size_t at = 0;
	pawl_http1_event event = PAWL_HTTP1_NEED_MORE;

	*ret_consumed = 0;
	while (event == PAWL_HTTP1_NEED_MORE) {
		/* First what needs no byte. */
		if (http->state == REFUSED)
			return PAWL_HTTP1_REFUSED;
		if (http->state == HEAD_ENDED) {
			event = begin_body(http);
			continue;
		}
		if (http->state == MESSAGE_ENDED) {
			http->state = BETWEEN;
			event = PAWL_HTTP1_MESSAGE_DONE;
			break;
		}
		if (at == bytes.size)
			break;
		if (http->state == BETWEEN)
			begin_message(http);
		if (http->state == REQUEST_LINE || http->state == HEADER_LINE) {
			at += take_head_run(http, PAWL_BYTES(bytes.at + at, bytes.size - at));
			if (at < bytes.size)
				event = take_head_byte(http, bytes.at[at++]);
		} else if (http->state == LENGTH_BODY || http->state == CHUNK_DATA) {
			event = take_data(
			    http, PAWL_BYTES(bytes.at + at, bytes.size - at), &at, ret_body);
		} else {
			event = take_chunk_byte(http, bytes.at[at++]);
		}
	}
	*ret_consumed = at;
	return event;
}
