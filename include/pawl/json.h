/* SPDX-License-Identifier: MIT
 *
 * pawl/json.h - strict JSON (RFC 8259) in the caller's memory.
 *
 * Pure; no heap. A document is parsed into an array of tokens in document
 * order; values are then read by token index. The text must outlive the
 * tokens, which point into it. Refused: duplicate keys in one object, invalid
 * UTF-8, lone surrogates, nesting deeper than PAWL_JSON_DEPTH_MAX, trailing
 * bytes, NaN and the like. Time is O(n log n) in the size of the document.
 *
 * The canonical form is the one TUF signs (OLPC canonical JSON): sorted keys,
 * no white space, only '"' and '\' escaped, no floating point.
 */
#ifndef PAWL_JSON_H
#define PAWL_JSON_H

#include "pawl/arena.h"
#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pawl_json_type {
	PAWL_JSON_NULL,
	PAWL_JSON_FALSE,
	PAWL_JSON_TRUE,
	PAWL_JSON_NUMBER,
	PAWL_JSON_STRING,
	PAWL_JSON_ARRAY,
	PAWL_JSON_OBJECT
} pawl_json_type;

struct pawl_json_token {
	pawl_json_type type;
	bool escaped;    /* STRING: contains a backslash                          */
	uint32_t start;  /* offset of the first byte; STRING: after the quote     */
	uint32_t size;   /* bytes of the text; STRING: without the quotes         */
	uint32_t count;  /* ARRAY: elements; OBJECT: members                      */
	uint32_t next;   /* index of the token after this value and all inside it */
	uint32_t sorted; /* OBJECT: its key that sorts first; a key: the one after it;
			  * 0 for none                                           */
};

struct pawl_json {
	struct pawl_bytes text;
	const struct pawl_json_token *tokens;
	uint32_t token_count;
};

/* "No such value"; every reader takes it and answers as for a wrong type. */
#define PAWL_JSON_NONE UINT32_MAX

/* Parses `text` into `tokens`; token 0 is the document's value. Keeps both.
 * A document of n bytes never needs more than n tokens + 1.
 * PAWL_ERR_SYNTAX, PAWL_ERR_TRUNCATED, PAWL_ERR_LIMIT (tokens or depth). The note, which
 * may be NULL, says where (byte offset) and what. */
PAWL_MUST_CHECK pawl_err pawl_json_parse(struct pawl_bytes text, struct pawl_json_token *tokens,
    size_t token_capacity, struct pawl_json *ret_json, struct pawl_note *reterr_note);

/* At least as many tokens as `text` needs, found in one pass over it. */
size_t pawl_json_token_bound(struct pawl_bytes text);
/* The same as pawl_json_parse with just enough tokens from `arena`, which must
 * outlive the result; also PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_json_parse_in(struct pawl_arena *arena, struct pawl_bytes text,
    struct pawl_json *ret_json, struct pawl_note *reterr_note);

/* PAWL_JSON_NULL for NONE; pawl_json_is is false for NONE whatever the type. */
pawl_json_type pawl_json_type_of(const struct pawl_json *json, uint32_t value);
bool pawl_json_is(const struct pawl_json *json, uint32_t value, pawl_json_type type);
/* Value of member `key` (compared after unescaping), PAWL_JSON_NONE when
 * absent or when `object` is no object. */
uint32_t pawl_json_get(const struct pawl_json *json, uint32_t object, const char *key);
/* `path` names nested members with dots: "_links.deploymentBase.href". */
uint32_t pawl_json_path(const struct pawl_json *json, uint32_t object, const char *path);

/* Iteration, for arrays and objects alike:
 *   for (uint32_t it = pawl_json_first(json, v); it != PAWL_JSON_NONE; it = pawl_json_after(json,
 * v, it)) In an object `it` is the key (a STRING) and `it + 1` its value. */
uint32_t pawl_json_first(const struct pawl_json *json, uint32_t container);
uint32_t pawl_json_after(const struct pawl_json *json, uint32_t container, uint32_t item);
uint32_t pawl_json_count(const struct pawl_json *json, uint32_t container);
/* The keys of an object in the order of their unescaped bytes, so that two
 * objects can be walked side by side in linear time; PAWL_JSON_NONE at the end
 * and for what is no object. */
uint32_t pawl_json_first_sorted(const struct pawl_json *json, uint32_t object);
uint32_t pawl_json_after_sorted(const struct pawl_json *json, uint32_t key);
/* Orders two strings of any two documents by their unescaped bytes: below 0,
 * 0, above 0. Both must be strings. */
int pawl_json_compare(
    const struct pawl_json *json, uint32_t a, const struct pawl_json *other, uint32_t b);

/* The bytes of any value as they stand in the text (a string with its quotes). */
struct pawl_bytes pawl_json_raw(const struct pawl_json *json, uint32_t value);

/* Unescaped string as UTF-8 with a NUL. PAWL_ERR_NOT_FOUND for NONE, PAWL_ERR_SYNTAX for
 * another type or an embedded U+0000, PAWL_ERR_LIMIT when longer than `capacity` - 1. */
PAWL_MUST_CHECK pawl_err pawl_json_text(
    const struct pawl_json *json, uint32_t value, size_t capacity, char *ret_text);
/* Unescaped string appended to `out` (U+0000 allowed). PAWL_ERR_NOT_FOUND,
 * PAWL_ERR_SYNTAX, PAWL_ERR_LIMIT; `out` is unchanged then. */
PAWL_MUST_CHECK pawl_err pawl_json_string(
    const struct pawl_json *json, uint32_t value, struct pawl_buf *out);
/* A string without escapes, in place. PAWL_ERR_NOT_FOUND, PAWL_ERR_SYNTAX (also
 * when it has any). */
PAWL_MUST_CHECK pawl_err pawl_json_plain(
    const struct pawl_json *json, uint32_t value, struct pawl_bytes *ret_bytes);
bool pawl_json_string_is(const struct pawl_json *json, uint32_t value, const char *text);
/* An integer written without fraction and exponent. PAWL_ERR_NOT_FOUND,
 * PAWL_ERR_SYNTAX, PAWL_ERR_RANGE. */
PAWL_MUST_CHECK pawl_err pawl_json_int(
    const struct pawl_json *json, uint32_t value, int64_t min, int64_t max, int64_t *ret_value);
PAWL_MUST_CHECK pawl_err pawl_json_bool(
    const struct pawl_json *json, uint32_t value, bool *ret_value);

/* Canonical form of `value` and all inside it, appended to `out`. PAWL_ERR_SYNTAX for a
 * number with fraction or exponent or outside int64, PAWL_ERR_LIMIT when `out` is
 * too small, PAWL_ERR_NOT_FOUND for NONE. On failure `out` may hold a part. Never
 * longer than the value as it stands. */
PAWL_MUST_CHECK pawl_err pawl_json_canonical(
    const struct pawl_json *json, uint32_t value, struct pawl_buf *out);

/* --- writing --- */

/* Writes compact JSON; puts the commas itself. Misuse (a value without a key
 * in an object, unbalanced ends) is a bug and panics; a full buffer shows in
 * pawl_buf_check. */
struct pawl_json_writer {
	struct pawl_buf *out;
	uint8_t depth;
	bool in_object[PAWL_JSON_DEPTH_MAX];
	bool has_items[PAWL_JSON_DEPTH_MAX];
	bool after_key;
};

struct pawl_json_writer pawl_json_writer_of(struct pawl_buf *out);
void pawl_json_begin_object(struct pawl_json_writer *writer);
void pawl_json_end_object(struct pawl_json_writer *writer);
void pawl_json_begin_array(struct pawl_json_writer *writer);
void pawl_json_end_array(struct pawl_json_writer *writer);
void pawl_json_key(struct pawl_json_writer *writer, const char *key);
void pawl_json_key_bytes(struct pawl_json_writer *writer, struct pawl_bytes key);
/* Invalid UTF-8 is replaced by U+FFFD. */
void pawl_json_put_string(struct pawl_json_writer *writer, struct pawl_bytes value);
void pawl_json_put_text(struct pawl_json_writer *writer, const char *value);
void pawl_json_put_int(struct pawl_json_writer *writer, int64_t value);
void pawl_json_put_bool(struct pawl_json_writer *writer, bool value);
void pawl_json_put_null(struct pawl_json_writer *writer);
/* Bytes that are valid JSON already. */
void pawl_json_put_raw(struct pawl_json_writer *writer, struct pawl_bytes json);
/* Key and value in one. */
void pawl_json_member_text(struct pawl_json_writer *writer, const char *key, const char *value);
void pawl_json_member_bytes(
    struct pawl_json_writer *writer, const char *key, struct pawl_bytes value);
void pawl_json_member_int(struct pawl_json_writer *writer, const char *key, int64_t value);
void pawl_json_member_bool(struct pawl_json_writer *writer, const char *key, bool value);

#endif
