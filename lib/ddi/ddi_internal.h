/* SPDX-License-Identifier: MIT
 *
 * ddi_internal.h - how the parsers of all messages take members out of JSON.
 */
#ifndef PAWL_DDI_INTERNAL_H
#define PAWL_DDI_INTERNAL_H

#include "pawl/arena.h"
#include "pawl/ddi.h"
#include "pawl/json.h"

struct pawl_ddi_reader {
	struct pawl_json json;
	struct pawl_arena *arena;
	struct pawl_note *note; /* may be NULL                               */
};

/* The document, which must be an object. */
PAWL_MUST_CHECK pawl_err pawl_ddi_open(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_note *reterr_note, struct pawl_ddi_reader *ret_reader);
/* Adds "`member`: what" to the note and returns `err`. */
pawl_err pawl_ddi_refuse(
    const struct pawl_ddi_reader *reader, pawl_err err, const char *member, const char *what);
/* The decoded string `value`, in the text or in the arena. at == NULL for NONE. */
PAWL_MUST_CHECK pawl_err pawl_ddi_string(const struct pawl_ddi_reader *reader, uint32_t value,
    const char *member, struct pawl_bytes *ret_text);
/* The same for a scalar of any type: numbers and booleans as they stand, null as "". */
PAWL_MUST_CHECK pawl_err pawl_ddi_scalar(const struct pawl_ddi_reader *reader, uint32_t value,
    const char *member, struct pawl_bytes *ret_text);
/* One clean line of at most `max` bytes, in the arena. */
PAWL_MUST_CHECK pawl_err pawl_ddi_clean(const struct pawl_ddi_reader *reader,
    struct pawl_bytes text, size_t max, struct pawl_bytes *ret_text);
/* An action id: a string or a number that may stand in a URL. */
PAWL_MUST_CHECK pawl_err pawl_ddi_id(const struct pawl_ddi_reader *reader, uint32_t value,
    const char *member, struct pawl_bytes *ret_id);
/* `object`._links.`name`.href; at == NULL without one. */
PAWL_MUST_CHECK pawl_err pawl_ddi_href(const struct pawl_ddi_reader *reader, uint32_t object,
    const char *name, struct pawl_bytes *ret_href);
/* Index of a string among `count` names; PAWL_ERR_SYNTAX when it is none of them. */
PAWL_MUST_CHECK pawl_err pawl_ddi_word(const struct pawl_ddi_reader *reader, uint32_t value,
    const char *member, const char *const *names, size_t count, size_t *ret_index);

#endif
