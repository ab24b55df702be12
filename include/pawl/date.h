/* SPDX-License-Identifier: MIT
 *
 * pawl/date.h - moments and durations as text.
 *
 * Pure; reads no clock. UTC only, years 1970 to 9999, no leap seconds.
 */
#ifndef PAWL_DATE_H
#define PAWL_DATE_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/time.h"

#include <stdint.h>

/* 9999-12-31T23:59:59Z. */
#define PAWL_DATE_MS_MAX (INT64_C(253402300799) * PAWL_MS_PER_S)

/* Exactly "YYYY-MM-DDTHH:MM:SSZ" (RFC 3339, the form of TUF's `expires`).
 * PAWL_ERR_SYNTAX for another form, PAWL_ERR_RANGE for a day that is not in the
 * calendar, a second of 60 or a year before 1970. */
PAWL_MUST_CHECK pawl_err pawl_date_parse(struct pawl_bytes text, struct pawl_wall *ret_moment);
/* The same form, 20 characters; milliseconds are dropped. A moment outside
 * the range is written as its nearest end. */
void pawl_put_date(struct pawl_buf *out, struct pawl_wall moment);
/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 IMF-fixdate), 29 characters; the
 * range as above. */
void pawl_put_http_date(struct pawl_buf *out, struct pawl_wall moment);

/* hawkBit's polling time: exactly "HH:MM:SS", at most 23:59:59, in ms.
 * PAWL_ERR_SYNTAX, PAWL_ERR_RANGE. */
PAWL_MUST_CHECK pawl_err pawl_sleep_parse(struct pawl_bytes text, int64_t *ret_ms);
/* Rounded up to a second, then into 00:00:00 .. 23:59:59. */
void pawl_put_sleep(struct pawl_buf *out, int64_t ms);

#endif
