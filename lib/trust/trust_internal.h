/* SPDX-License-Identifier: MIT
 *
 * trust_internal.h - what the files of lib/trust share.
 *
 * Reading order: trust.c (the order of steps), trust_file.c (one file: parse,
 * signatures), trust_body.c (format rules of each role), trust_find.c (look-ups),
 * trust_view.c (questions).
 */
#ifndef PAWL_TRUST_INTERNAL_H
#define PAWL_TRUST_INTERNAL_H

#include "pawl/crypto.h"
#include "pawl/trust.h"

/* ASK_* and LOAD_* wait for an answer; STORE_* has one effect to hand out. */
enum pawl_trust_step {
	PAWL_TRUST_STEP_START,
	PAWL_TRUST_STEP_ASK_ROOT,
	PAWL_TRUST_STEP_STORE_ROOT,
	PAWL_TRUST_STEP_NEXT_ROOT,
	PAWL_TRUST_STEP_ASK_TIMESTAMP,
	PAWL_TRUST_STEP_STORE_TIMESTAMP,
	PAWL_TRUST_STEP_BEGIN_SNAPSHOT,
	PAWL_TRUST_STEP_ASK_SNAPSHOT,
	PAWL_TRUST_STEP_STORE_SNAPSHOT,
	PAWL_TRUST_STEP_BEGIN_TARGETS,
	PAWL_TRUST_STEP_ASK_TARGETS,
	PAWL_TRUST_STEP_STORE_TARGETS,
	PAWL_TRUST_STEP_REFRESHED,
	PAWL_TRUST_STEP_DONE,
	/* look-ups */
	PAWL_TRUST_STEP_VISIT,
	PAWL_TRUST_STEP_LOAD_ROLE,
	PAWL_TRUST_STEP_ASK_ROLE,
	PAWL_TRUST_STEP_STORE_ROLE,
	PAWL_TRUST_STEP_ENTER,
	PAWL_TRUST_STEP_YIELD,
	PAWL_TRUST_STEP_FOLLOW,
	PAWL_TRUST_STEP_FAILED
};

enum {
	PAWL_TRUST_KEYID_SIZE = 130,
	PAWL_TRUST_PUBLIC_SIZE = 4096,
	/* Bytes of a key object, members of other tools included. */
	PAWL_TRUST_KEY_SIZE_MAX = 16 * 1024
};

/* Whose signatures count: `keys` and `role` are tokens in `json`. */
struct pawl_trust_signers {
	const struct pawl_json *json;
	uint32_t keys;
	uint32_t role;
};

/* --- trust_file.c: one file --- */

/* Adds ": <what>" details; returns `verdict` so that callers can return it. */
pawl_trust_verdict pawl_trust_say(
    struct pawl_note *note, pawl_trust_verdict verdict, const char *label, const char *what);
/* Copies `bytes` into the arena and checks what all roles share. On failure the
 * arena is as it was. */
pawl_trust_verdict pawl_trust_file_parse(struct pawl_arena *arena, struct pawl_bytes bytes,
    const char *type, const char *label, struct pawl_trust_file *ret_file, struct pawl_note *note);
/* Counts valid signatures by different keys of the role, at most `enough`. */
pawl_trust_verdict pawl_trust_file_count(struct pawl_arena *arena,
    const struct pawl_trust_file *file, const struct pawl_trust_signers *signers, int64_t enough,
    const char *label, int64_t *ret_count, struct pawl_note *note);
/* The same against the threshold of the role. */
pawl_trust_verdict pawl_trust_file_verify(struct pawl_arena *arena,
    const struct pawl_trust_file *file, const struct pawl_trust_signers *signers, const char *label,
    struct pawl_note *note);
/* Moves `file`, the last thing in the arena, down over `old`. */
void pawl_trust_file_replace(
    struct pawl_arena *arena, const struct pawl_trust_file *old, struct pawl_trust_file *file);

/* A key object: scheme and public half as pawl_sig_verify takes them. False
 * for key types that are not known and for keys whose id is not `keyid`. */
bool pawl_trust_key_read(struct pawl_arena *arena, const struct pawl_json *json, uint32_t key,
    const char *keyid, pawl_sig_scheme *ret_scheme, struct pawl_buf *ret_public);
bool pawl_trust_key_scheme(const struct pawl_json *json, uint32_t key, pawl_sig_scheme *ret_scheme);

/* --- trust_body.c: the rules of each role --- */

pawl_trust_verdict pawl_trust_body_check(const struct pawl_trust_file *file, pawl_trust_role role,
    const char *label, struct pawl_note *note);
/* Length and hashes, where `meta` has them. */
pawl_trust_verdict pawl_trust_meta_check(const struct pawl_json *json, uint32_t meta,
    struct pawl_bytes bytes, const char *label, struct pawl_note *note);
/* Version of a meta entry that was checked; 0 for none. */
int64_t pawl_trust_meta_version(const struct pawl_json *json, uint32_t meta);
/* Stated length, or `limit` when there is none. */
size_t pawl_trust_meta_length(const struct pawl_json *json, uint32_t meta, size_t limit);
/* Reads one entry of `targets`. HASH for an unknown hash algorithm. */
pawl_trust_verdict pawl_trust_target_read(const struct pawl_json *json, uint32_t entry,
    struct pawl_trust_target *ret_target, struct pawl_note *note);
bool pawl_trust_is_top_name(const char *name);

/* --- trust.c --- */

/* Ends in failure; client->note must say why. */
void pawl_trust_fail(struct pawl_trust *client, pawl_trust_verdict verdict);
/* client->name = ["<version>."]<quoted name>".json"; fails the client when too long. */
bool pawl_trust_set_name(struct pawl_trust *client, int64_t version, const char *role);
/* Expired at client->now? Then says so. */
pawl_trust_verdict pawl_trust_check_expiry(
    struct pawl_trust *client, const struct pawl_trust_file *file, const char *label);
/* The entry about a role in the trusted snapshot; NONE when it is not listed. */
uint32_t pawl_trust_snapshot_entry(const struct pawl_trust *client, const char *role);
/* Everything that a targets role must satisfy. On failure the arena is as it was. */
pawl_trust_verdict pawl_trust_accept_targets(struct pawl_trust *client, struct pawl_bytes bytes,
    const char *role, const struct pawl_trust_signers *signers, struct pawl_trust_file *ret_file);

/* --- trust_find.c: the steps of a look-up --- */

void pawl_trust_find_work(struct pawl_trust *client);
void pawl_trust_find_answer(struct pawl_trust *client, struct pawl_bytes bytes);
void pawl_trust_find_absent(struct pawl_trust *client);

#endif
