/* SPDX-License-Identifier: MIT
 *
 * json_internal.h - what the files of the JSON codec share.
 */
#ifndef PAWL_JSON_INTERNAL_H
#define PAWL_JSON_INTERNAL_H

#include "pawl/json.h"

/* The raw bytes of a STRING token, between its quotes. */
struct pawl_bytes pawl_json_inside(struct pawl_bytes text, const struct pawl_json_token *token);
/* The character at `*at` of a string that the tokenizer accepted, unescaped;
 * moves `*at` on. */
uint32_t pawl_json_character(struct pawl_bytes inside, size_t *at);
/* Appends it as UTF-8. */
void pawl_json_put_character(struct pawl_buf *out, uint32_t character);
/* Orders two STRING tokens by their unescaped UTF-8 bytes. */
int pawl_json_compare_strings(struct pawl_bytes text, const struct pawl_json_token *a,
    struct pawl_bytes other_text, const struct pawl_json_token *b);
/* Links the keys of a finished object in sorted order; the index of a key
 * that stands there twice, 0 if there is none. */
uint32_t pawl_json_sort_keys(
    struct pawl_bytes text, struct pawl_json_token *tokens, uint32_t object);

#endif
