/* SPDX-License-Identifier: MIT
 *
 * pawl/fetch.h - a small blocking HTTPS client.
 *
 * Hosted (network, files, heap). The only folder that sees libcurl. Made for
 * our own servers: TLS 1.3 only, server checked by CA file, by pins, or both
 * (at least one of the two must be set; both must hold then); http:// is refused unless a
 * session was made for signed files (allow_plain_http); redirects are never followed, they come
 * back as their status. No cookies, no proxy unless the environment says so, no compression.
 *
 * One session keeps its connections for reuse, and belongs to one thread.
 * Sessions in different threads are independent.
 */
#ifndef PAWL_FETCH_H
#define PAWL_FETCH_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pawl_fetch; /* opaque */

/* Strings are copied; NULL means not used. */
struct pawl_fetch_options {
	const char *ca_file;   /* PEM; the server's chain must end there         */
	const char *pins;      /* "sha256//<base64>;sha256//<base64>": SHA-256 of
				* the server's SubjectPublicKeyInfo; one must fit.
				* With pins and no ca_file the pin alone vouches. */
	const char *cert_file; /* PEM, the client's certificate                  */
	const char *key_file;  /* PEM, its private key                           */
	/* The pins alone vouch for the server: chain, name and dates of its
	 * certificate are not looked at, for a machine whose clock may be wrong by
	 * years. Needs pins. */
	bool by_pins_only;
	/* Only for files that are verified by signatures of their own, whoever
	 * served them (TUF): http:// is spoken too. With neither ca_file nor pins
	 * https servers are checked with the system's certificates then. */
	bool allow_plain_http;
	unsigned connect_timeout_ms; /* 0: 15,000                                */
};

PAWL_MUST_CHECK pawl_err pawl_fetch_create(const struct pawl_fetch_options *options,
    struct pawl_fetch **ret_fetch, struct pawl_note *reterr_note);
/* Takes NULL. */
void pawl_fetch_destroy(struct pawl_fetch *fetch);

typedef enum pawl_fetch_method {
	PAWL_FETCH_GET,
	PAWL_FETCH_HEAD,
	PAWL_FETCH_POST,
	PAWL_FETCH_PUT,
	PAWL_FETCH_DELETE
} pawl_fetch_method;

/* Called with each piece of the body of a 200 or 206 answer. Anything but
 * PAWL_ERR_OK stops the transfer and is returned by pawl_fetch_run. */
typedef pawl_err pawl_fetch_sink(void *context, struct pawl_bytes piece);
struct pawl_fetch_answer;
/* Called once before the first of these pieces, with all but `body` and
 * `received` filled in; an error stops the transfer before anything is written. */
typedef pawl_err pawl_fetch_begin(void *context, const struct pawl_fetch_answer *answer);
/* Called now and then (about once a second when nothing moves) with the bytes
 * sent and received so far; anything but PAWL_ERR_OK stops the transfer. */
typedef pawl_err pawl_fetch_progress(void *context, uint64_t sent, uint64_t received);

enum { PAWL_FETCH_HEADERS_MAX = 8 };

/* Zero it, then fill in what is needed. */
struct pawl_fetch_request {
	pawl_fetch_method method;
	const char *url; /* absolute, https (or http, with allow_plain_http)     */
	/* "Name: value", without line breaks; a NULL ends the list early. */
	const char *headers[PAWL_FETCH_HEADERS_MAX];
	struct pawl_bytes body;   /* POST, PUT                               */
	const char *content_type; /* of the body; NULL: application/json     */
	const char *upload_file;  /* PUT, POST: its content instead of `body` */
	/* Resuming: a "Range: bytes=<offset>-" is sent when resume_offset > 0.
	 * With `if_range` (an ETag as received, with its quotes) also If-Range. The
	 * answer says by its status whether it obeyed: 206 (its Content-Range must
	 * begin at the offset, else PAWL_ERR_SYNTAX) or 200 from the beginning. */
	uint64_t resume_offset;
	const char *if_range;
	unsigned total_timeout_ms;     /* 0: none; then set the two of low speed  */
	unsigned low_speed_bytes_s;    /* slower than this                        */
	unsigned low_speed_s;          /* for so long: PAWL_ERR_TIMEOUT           */
	uint64_t rate_limit_bytes_s;   /* each direction; 0: none                 */
	uint64_t body_max;             /* more received than this: PAWL_ERR_LIMIT; 0:
					* 1 MiB. Counts the body of this answer.  */
	pawl_fetch_sink *sink;         /* NULL: the body is kept in memory        */
	pawl_fetch_begin *begin;       /* may be NULL                             */
	void *sink_context;            /* of both                                 */
	pawl_fetch_progress *progress; /* may be NULL                            */
	void *progress_context;
};

/* Header values are cut to their field; "" when there was none. */
struct pawl_fetch_answer {
	int status; /* 100 to 599                                 */
	bool has_length;
	uint64_t length; /* Content-Length                             */
	bool has_range;
	uint64_t range_start; /* Content-Range                              */
	uint64_t range_total; /* 0: unknown ("*")                           */
	bool has_retry_after;
	int64_t retry_after_s; /* Retry-After in seconds, 0..86400           */
	char etag[136];        /* with its quotes                            */
	char content_type[64];
	char location[512];
	uint64_t received; /* bytes of body                              */
	/* The body in the session's memory, followed by one NUL that is not
	 * counted; valid until the next call with this session. Empty when a sink
	 * took it; the body of an answer other than 200 and 206 stands here even
	 * then, cut at 64 KiB. */
	struct pawl_bytes body;
};

/* Runs one request to its end. PAWL_ERR_OK whenever a complete answer came,
 * whatever its status. The note says what failed and what to look at.
 *   PAWL_ERR_NETWORK  could not connect, broke off, body shorter than announced
 *   PAWL_ERR_TIMEOUT  a deadline or the low speed limit
 *   PAWL_ERR_DENIED   the server's certificate or pin is wrong, or it refused ours
 *   PAWL_ERR_LIMIT    body larger than body_max
 *   PAWL_ERR_SYNTAX   no HTTP, or an impossible header; bad URL
 *   PAWL_ERR_UNSUPPORTED  not https (nor an allowed http)
 *   PAWL_ERR_NOT_FOUND, PAWL_ERR_IO  upload_file, cert_file, key_file or ca_file unreadable
 *   what `sink` or `progress` returned
 * On failure `ret_answer` is not written. */
PAWL_MUST_CHECK pawl_err pawl_fetch_run(struct pawl_fetch *fetch,
    const struct pawl_fetch_request *request, struct pawl_fetch_answer *ret_answer,
    struct pawl_note *reterr_note);

#endif
