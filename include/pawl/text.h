/* SPDX-License-Identifier: MIT
 *
 * pawl/text.h - base64, names, UTF-8 and text that is safe to show.
 *
 * Pure; no heap. Nothing is kept.
 */
#ifndef PAWL_TEXT_H
#define PAWL_TEXT_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/limits.h"

#include <stdbool.h>
#include <stddef.h>

/* --- base64 (RFC 4648 section 4: standard alphabet, always padded) --- */

/* Characters that `size` bytes become, without a NUL. */
#define PAWL_BASE64_SIZE(size) (((size) + 2) / 3 * 4)

void pawl_put_base64(struct pawl_buf *out, struct pawl_bytes bytes);
/* Appends the decoded bytes to `out`. PAWL_ERR_SYNTAX for a foreign character
 * (also white space), missing or misplaced padding, or spare bits that are not
 * zero; PAWL_ERR_LIMIT when they do not fit. `out` is unchanged then. */
PAWL_MUST_CHECK pawl_err pawl_base64_decode(struct pawl_bytes text, struct pawl_buf *out);

/* --- names (docs/spec/repository.md) --- */

/* Product, hardware class, group, device id: [A-Za-z0-9][A-Za-z0-9._-]*, no
 * "..", 1 to `max` characters (PAWL_PRODUCT_MAX, PAWL_DEVICE_ID_MAX, ...). */
bool pawl_name_is_valid(struct pawl_bytes name, size_t max);
/* The same with '+' from the second character on, at most PAWL_VERSION_MAX. */
bool pawl_version_is_valid(struct pawl_bytes version);

/* --- UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF) --- */

/* Bytes of the character that `bytes` starts with, 1 to 4; 0 when it starts
 * with none (also when it is empty or ends inside the character). */
size_t pawl_utf8_next(struct pawl_bytes bytes);
bool pawl_utf8_is_valid(struct pawl_bytes bytes);

/* Appends `text` as one harmless line of at most `max` bytes: control
 * characters (C0, DEL, C1), line separators and direction overrides become a
 * space, each invalid byte U+FFFD; what is longer is cut between two
 * characters. If `out` has less room than that, `out->overflow` is set. */
void pawl_put_clean(struct pawl_buf *out, struct pawl_bytes text, size_t max);
/* ASCII letters only, so that no locale has a say. */
bool pawl_text_equal_nocase(struct pawl_bytes a, struct pawl_bytes b);

#endif
