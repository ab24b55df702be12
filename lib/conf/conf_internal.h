/* SPDX-License-Identifier: MIT
 *
 * What the files of lib/conf share.
 */
#ifndef CONF_INTERNAL_H
#define CONF_INTERNAL_H

#include "pawl/conf.h"

/* A number or duration as people write it: "250ms", "90s", "64MiB". */
enum { CONF_NUMBER_TEXT = 32 };
void pawl_conf_number_text(
    const struct pawl_conf_option *option, int64_t value, char ret_text[CONF_NUMBER_TEXT]);

/* The highest value that `option` allows, with "0: no bound" resolved. */
int64_t pawl_conf_max_of(const struct pawl_conf_option *option);

/* What is allowed, in a few words: "a duration from 1s to 1h". */
void pawl_conf_add_allowed(struct pawl_note *note, const struct pawl_conf_option *option);

/* `text` in single quotes, cut at 60 bytes, harmless on a terminal. */
void pawl_conf_add_quoted(struct pawl_note *note, struct pawl_bytes text);

/* Checks `value` and stores it in the member of `option`. The note is a clause
 * about the value only. */
PAWL_MUST_CHECK pawl_err pawl_conf_store_value(const struct pawl_conf_option *option,
    struct pawl_bytes value, void *settings, struct pawl_note *note);

/* The index of the option called `name`, or -1. */
int pawl_conf_find(const struct pawl_conf *conf, struct pawl_bytes name);

#endif
