/* SPDX-License-Identifier: MIT
 *
 * pawl/url.h - percent-encoding, request targets and absolute URLs.
 *
 * Pure; no heap. Results point into the input or into the caller's buffer.
 */
#ifndef PAWL_URL_H
#define PAWL_URL_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* "/DEFAULT/controller/v1/<id>/softwaremodules/<id>/artifacts/<name>" has 8. */
	PAWL_URL_SEGMENTS_MAX = 16,
	PAWL_URL_PAIRS_MAX = 16,
	/* Longest URL or request target that is looked at, bytes. */
	PAWL_URL_SIZE_MAX = 4096
};

/* All but A-Z a-z 0-9 - . _ ~ becomes %XX, upper-case: what Python's
 * quote(x, safe='') does, and so what TUF role file names are made with. */
void pawl_put_percent(struct pawl_buf *out, struct pawl_bytes bytes);
/* Appends the decoded bytes; '+' stays '+'. PAWL_ERR_SYNTAX for a '%' without two
 * hexadecimal digits, PAWL_ERR_LIMIT when they do not fit; `out` is unchanged then. */
PAWL_MUST_CHECK pawl_err pawl_percent_decode(struct pawl_bytes text, struct pawl_buf *out);

/* --- the target of a request (origin-form: path and query) --- */

/* What to do with %2F and %5C, also '\', in a path segment. */
typedef enum pawl_url_slash {
	PAWL_URL_SLASH_REFUSE,
	PAWL_URL_SLASH_ALLOW /* the segment is looked up, never joined to a file path */
} pawl_url_slash;

struct pawl_url_pair {
	struct pawl_bytes key;   /* decoded                                      */
	struct pawl_bytes value; /* decoded; empty without a '='                 */
};

struct pawl_target {
	struct pawl_bytes path;  /* as sent, from the first '/' to before the '?'    */
	struct pawl_bytes query; /* as sent, without the '?'; empty when there is none */
	struct pawl_bytes segments[PAWL_URL_SEGMENTS_MAX]; /* decoded            */
	size_t segment_count;                              /* 0 for "/"          */
	bool ends_in_slash;                                /* also for "/"       */
	struct pawl_url_pair pairs[PAWL_URL_PAIRS_MAX];    /* in order as sent   */
	size_t pair_count;
};

/* Splits and decodes. `scratch` takes the decoded text (as many bytes as
 * `target` always suffice) and must, like `target`, outlive the result.
 * In the query '+' means a space.
 * PAWL_ERR_SYNTAX: does not start with '/', a character that must not stand in a
 * target, a bad escape, an empty segment, "." or "..", decoded text that is no
 * UTF-8 or holds a control character, a slash that is not allowed.
 * PAWL_ERR_LIMIT: longer than PAWL_URL_SIZE_MAX, too many segments or pairs,
 * `scratch` too small. */
PAWL_MUST_CHECK pawl_err pawl_target_split(struct pawl_bytes target, pawl_url_slash slash,
    struct pawl_buf *scratch, struct pawl_target *ret_target);
/* Segment `index` equals `text`; false beyond the end. */
bool pawl_target_segment_is(const struct pawl_target *target, size_t index, const char *text);
/* Value of the first pair with `key`; at == NULL when there is none. */
struct pawl_bytes pawl_target_query(const struct pawl_target *target, const char *key);

/* --- absolute URLs, as hrefs and settings hold them --- */

struct pawl_url {
	bool tls;                 /* https; else http                             */
	struct pawl_bytes host;   /* as written, IPv6 with its brackets           */
	uint16_t port;            /* 443 and 80 when not written                  */
	struct pawl_bytes target; /* path and query as written; "/" when empty   */
};

/* "http://" or "https://" in any case, host of letters, digits, '-', '.', '_'
 * or a bracketed IPv6 address, port 1..65535. No user part, no fragment.
 * PAWL_ERR_SYNTAX, PAWL_ERR_LIMIT. Keeps `text`. */
PAWL_MUST_CHECK pawl_err pawl_url_parse(struct pawl_bytes text, struct pawl_url *ret_url);
/* Same scheme, host (ASCII case ignored) and port. */
bool pawl_url_same_origin(const struct pawl_url *a, const struct pawl_url *b);

#endif
