/* SPDX-License-Identifier: MIT
 *
 * pawl/http1.h - HTTP/1.1 requests in, response heads out (RFC 9110, 9112).
 *
 * Pure; no heap, no socket. Bytes go in as they arrive, cut anywhere; events
 * come out. Everything that two readers could understand differently is
 * refused, so that no request can be smuggled past a proxy: Content-Length
 * together with Transfer-Encoding, either of them twice, folded lines, a bare
 * CR or LF, white space before a colon, chunk extensions and trailers (these
 * two are legal, but no client of ours sends them).
 *
 * The loop of a connection:
 *   for (;;) {
 *           event = pawl_http1_feed(&http, input, &consumed, &body);
 *           input = what is left after `consumed`;
 *           NEED_MORE     read from the socket, then go on
 *           HEAD_DONE     look at method, target, headers; pawl_http1_limit_body;
 *                         send PAWL_HTTP1_CONTINUE if `expects_continue`
 *           BODY          take the slice
 *           MESSAGE_DONE  answer; go on if `keep_alive`, else close
 *           REFUSED       answer `status`, close
 *   }
 */
#ifndef PAWL_HTTP1_H
#define PAWL_HTTP1_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Request line and headers together, bytes; more is refused with 431,
	 * or 414 while it is still the request line. */
	PAWL_HTTP1_HEAD_MAX = 16 * 1024,
	PAWL_HTTP1_TARGET_MAX = 4096,
	PAWL_HTTP1_HEADERS_MAX = 64,
	PAWL_HTTP1_RANGES_MAX = 8
};

#define PAWL_HTTP1_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

typedef enum pawl_http1_event {
	PAWL_HTTP1_NEED_MORE,
	PAWL_HTTP1_HEAD_DONE,
	PAWL_HTTP1_BODY,
	PAWL_HTTP1_MESSAGE_DONE,
	PAWL_HTTP1_REFUSED /* for good: no further byte of this connection is read */
} pawl_http1_event;

typedef enum pawl_http1_method {
	PAWL_HTTP1_GET,
	PAWL_HTTP1_HEAD,
	PAWL_HTTP1_POST,
	PAWL_HTTP1_PUT,
	PAWL_HTTP1_DELETE,
	PAWL_HTTP1_PATCH,
	PAWL_HTTP1_OPTIONS
} pawl_http1_method;

/* Offsets into the head memory. */
struct pawl_http1_field {
	uint16_t name_at, name_size, value_at, value_size;
};

struct pawl_http1 {
	/* Valid from HEAD_DONE to the feed after MESSAGE_DONE. */
	pawl_http1_method method;
	struct pawl_bytes target; /* starts with '/', or is "*" (OPTIONS); absolute
				   * URLs are cut to their path and query        */
	bool has_body;            /* a Content-Length above 0, or chunked        */
	bool is_chunked;
	uint64_t content_length; /* 0 when chunked                              */
	bool expects_continue;   /* the client waits for PAWL_HTTP1_CONTINUE    */
	bool keep_alive;         /* as the client asks; close is always allowed */
	/* Valid at REFUSED. */
	unsigned status;    /* 400 413 414 417 431 501 505                       */
	const char *reason; /* one clause for the error body; static             */

	/* Private. */
	uint8_t *head;
	size_t head_size, head_capacity;
	size_t line_at;
	struct pawl_http1_field fields[PAWL_HTTP1_HEADERS_MAX];
	uint8_t field_count;
	uint8_t state;
	uint8_t digits;
	bool line_has_cr, skipped_line, is_http10, has_length, has_host, wants_close;
	uint64_t default_body_max, body_max, body_seen, left;
};

/* Keeps `head_memory`; less than PAWL_HTTP1_HEAD_MAX lowers that limit, more is
 * not used. `body_max`: bytes of a body unless pawl_http1_limit_body says else. */
void pawl_http1_init(
    struct pawl_http1 *http, void *head_memory, size_t head_capacity, uint64_t body_max);

/* Takes some of `bytes` and says what happened. `*ret_consumed` is always
 * written; `*ret_body` only with BODY, never empty, pointing into `bytes`. May be called
 * with no bytes: after HEAD_DONE the next event may need none. Feeding after
 * MESSAGE_DONE begins the next request of the connection. */
pawl_http1_event pawl_http1_feed(struct pawl_http1 *http, struct pawl_bytes bytes,
    size_t *ret_consumed, struct pawl_bytes *ret_body);

/* Between HEAD_DONE and the next feed: the bound for this message's body.
 * PAWL_ERR_LIMIT when Content-Length says already that it is longer; the next
 * feed is then REFUSED with 413. */
PAWL_MUST_CHECK pawl_err pawl_http1_limit_body(struct pawl_http1 *http, uint64_t body_max);
/* The connection is between two requests: it may be closed without loss. */
bool pawl_http1_is_idle(const struct pawl_http1 *http);
/* Value of the first header `name` (any case), without surrounding white
 * space; at == NULL when there is none. */
struct pawl_bytes pawl_http1_header(const struct pawl_http1 *http, const char *name);
/* "GET" and so on. Static storage. */
const char *pawl_http1_method_name(pawl_http1_method method);

/* --- response heads --- */

struct pawl_http1_response {
	struct pawl_buf *out;
	unsigned status;
};

/* The status line. Keeps `out`. */
struct pawl_http1_response pawl_http1_respond(struct pawl_buf *out, unsigned status);
/* Control characters in the value become spaces: no header can be injected.
 * A `name` that is no token is a bug and panics. */
void pawl_http1_put_header(
    struct pawl_http1_response *response, const char *name, struct pawl_bytes value);
void pawl_http1_put_header_text(
    struct pawl_http1_response *response, const char *name, const char *value);
/* Content-Length (not for 204), Connection (keep-alive or close) and the empty
 * line. For HEAD and 304 `content_length` is that of the answer to GET. */
void pawl_http1_end_head(
    struct pawl_http1_response *response, uint64_t content_length, bool keep_alive);
/* "Not Found" and so on; "Unknown" for a status without a name here. */
const char *pawl_http1_status_text(unsigned status);

/* --- Range (RFC 9110 section 14) --- */

typedef enum pawl_range_verdict {
	PAWL_RANGE_NONE,          /* no such header: answer 200                  */
	PAWL_RANGE_SATISFIABLE,   /* answer 206 with these                       */
	PAWL_RANGE_UNSATISFIABLE, /* answer 416, Content-Range with "*"   */
	PAWL_RANGE_IGNORE         /* another unit, malformed or too many: answer 200 */
} pawl_range_verdict;

struct pawl_range {
	uint64_t first;
	uint64_t last; /* inclusive; below the size of the representation        */
};

struct pawl_ranges {
	struct pawl_range ranges[PAWL_HTTP1_RANGES_MAX]; /* as sent, never reordered */
	size_t count;
};

/* `value`: the header's value, at == NULL without one. `size`: bytes of the
 * whole representation. Ranges that lie beyond its end are left out.
 * `*ret_ranges` is written only with SATISFIABLE. */
pawl_range_verdict pawl_range_parse(
    struct pawl_bytes value, uint64_t size, struct pawl_ranges *ret_ranges);

#endif
