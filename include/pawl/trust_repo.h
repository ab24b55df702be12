/* SPDX-License-Identifier: MIT
 *
 * pawl/trust_repo.h - writes and re-reads TUF 1.0 metadata (docs/spec/repository.md).
 *
 * Pure; no heap, no keys: the caller signs the bytes it gets. Making a file:
 *   pawl_repo_write     plain data            -> the `signed` part as JSON text
 *   pawl_repo_message   that text             -> the bytes to sign (canonical form)
 *   pawl_repo_envelope  text and signatures   -> the file
 * Text and message differ where a PEM key stands in it: the canonical form
 * leaves line ends unescaped and is then no JSON any more. The next version of
 * a file starts from pawl_repo_parse of the present one.
 *
 * Scratch memory comes from an arena of the caller, about thirty times the
 * size of the file; results that point into it live as long as it is not
 * reset. Unknown members of keys and of `custom` are preserved; unknown
 * members elsewhere are not (this is the writer of our own repositories).
 */
#ifndef PAWL_TRUST_REPO_H
#define PAWL_TRUST_REPO_H

#include "pawl/arena.h"
#include "pawl/bytes.h"
#include "pawl/crypto.h"
#include "pawl/err.h"
#include "pawl/limits.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is written as spec_version. */
#define PAWL_REPO_SPEC_VERSION "1.0.31"

/* 64 lower-case hexadecimal digits and a NUL. */
struct pawl_repo_keyid {
	char text[PAWL_SHA256_HEX + 1];
};

/* A public key. */
struct pawl_repo_key {
	struct pawl_repo_keyid id;
	pawl_sig_scheme scheme;
	struct pawl_bytes json; /* the key object, compact JSON without fractions    */
};

/* Keys and threshold of a role, and for a delegated role its paths. */
struct pawl_repo_role {
	struct pawl_bytes name; /* "root" ... or a delegated role                 */
	int64_t threshold;      /* 1 to keyid_count                               */
	const struct pawl_repo_keyid *keyids;
	size_t keyid_count;
	/* Delegated roles only. */
	const struct pawl_bytes *paths; /* patterns, at least one                 */
	size_t path_count;
	bool terminating;
};

/* A metadata file as its parent lists it. */
struct pawl_repo_meta {
	struct pawl_bytes name; /* "snapshot.json", "prod-acme.json"              */
	int64_t version;        /* 1 to 2^53-1                                    */
	bool has_length;
	uint64_t length; /* bytes, up to 2^53-1                            */
	bool has_sha256;
	uint8_t sha256[32];
};

/* A target file. */
struct pawl_repo_entry {
	struct pawl_bytes path; /* "fw/acme/2.0.0.gw-a.img"                     */
	uint64_t length;        /* bytes, up to 2^53-1                          */
	bool has_sha256;        /* at least one of the two                      */
	bool has_sha512;
	uint8_t sha256[32];
	uint8_t sha512[64];
	struct pawl_bytes custom; /* JSON without fractions; empty: absent        */
};

typedef enum pawl_repo_kind {
	PAWL_REPO_ROOT,
	PAWL_REPO_TARGETS, /* also delegated roles                                */
	PAWL_REPO_SNAPSHOT,
	PAWL_REPO_TIMESTAMP
} pawl_repo_kind;

struct pawl_repo_root {
	const struct pawl_repo_key *keys;
	size_t key_count;
	struct pawl_repo_role roles[4]; /* in the order of pawl_repo_kind; names are ignored */
	bool consistent_snapshot;       /* true in our repositories               */
};

struct pawl_repo_targets {
	const struct pawl_repo_entry *entries; /* any order; paths are unique     */
	size_t entry_count;
	const struct pawl_repo_key *keys; /* of the delegations              */
	size_t key_count;
	const struct pawl_repo_role *roles; /* in order of priority; none: no delegations */
	size_t role_count;
};

struct pawl_repo_snapshot {
	const struct pawl_repo_meta *metas;
	size_t meta_count;
};

struct pawl_repo_timestamp {
	struct pawl_repo_meta snapshot;
	struct pawl_wall issued; /* x-issued, whole seconds; {0}: not written     */
};

/* One metadata file as plain data. */
struct pawl_repo_file {
	pawl_repo_kind kind;
	int64_t version;          /* 1 to 2^53-1                                   */
	struct pawl_wall expires; /* whole seconds; a rest is cut                 */
	union {
		struct pawl_repo_root root;
		struct pawl_repo_targets targets;
		struct pawl_repo_snapshot snapshot;
		struct pawl_repo_timestamp timestamp;
	} as;
};

/* A key object from the public half as pawl_key_public writes it. The result's
 * `json` is in the arena. PAWL_ERR_SYNTAX: not 64 hex digits, or no PEM of a key of the scheme.
 * PAWL_ERR_NO_MEMORY: the arena is full. */
PAWL_MUST_CHECK pawl_err pawl_repo_key_make(pawl_sig_scheme scheme, struct pawl_bytes public_text,
    struct pawl_arena *arena, struct pawl_repo_key *ret_key);
/* The same from a key object in JSON (REPO/pub/<name>.json).
 * PAWL_ERR_SYNTAX with a note, PAWL_ERR_UNSUPPORTED for another key type,
 * PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_repo_key_parse(struct pawl_bytes json, struct pawl_arena *arena,
    struct pawl_repo_key *ret_key, struct pawl_note *reterr_note);

/* Appends the `signed` part as compact JSON to `out`.
 * PAWL_ERR_RANGE: a version, expiry, length or threshold out of range, or an
 * entry without a hash. PAWL_ERR_SYNTAX: `custom` is no JSON or has fractions;
 * two entries or keys are the same; a role lists a key twice or an unknown
 * one; text is not UTF-8. PAWL_ERR_LIMIT: `out` is too small.
 * PAWL_ERR_NO_MEMORY: the arena is full. The note, which may be NULL, names
 * the member. */
PAWL_MUST_CHECK pawl_err pawl_repo_write(const struct pawl_repo_file *file,
    struct pawl_arena *arena, struct pawl_buf *out, struct pawl_note *reterr_note);
/* The bytes to sign for a `signed` part, in the arena.
 * PAWL_ERR_SYNTAX, PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_repo_message(
    struct pawl_bytes signed_text, struct pawl_arena *arena, struct pawl_bytes *ret_message);

/* A signature: raw bytes as pawl_key_sign gives them. */
struct pawl_repo_signature {
	struct pawl_repo_keyid keyid;
	struct pawl_bytes signature;
};

/* Appends the whole file {"signatures":[...],"signed":...} to `out`; `signed_text` is
 * taken as it stands. With `count` 0 it is a file that waits for signatures.
 * PAWL_ERR_EXISTS: one key twice. PAWL_ERR_LIMIT: `out` is too small. */
PAWL_MUST_CHECK pawl_err pawl_repo_envelope(struct pawl_bytes signed_text,
    const struct pawl_repo_signature *signatures, size_t count, struct pawl_buf *out);
/* Appends `file` with one more signature to `out`; a signature by the same key
 * is replaced, all else stands as it was. PAWL_ERR_SYNTAX: `file` is no
 * metadata. PAWL_ERR_LIMIT, PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_repo_add_signature(struct pawl_bytes file,
    const struct pawl_repo_signature *signature, struct pawl_arena *arena, struct pawl_buf *out);
/* What the signatures of a file are over, in the arena.
 * PAWL_ERR_SYNTAX, PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_repo_signed_bytes(
    struct pawl_bytes file, struct pawl_arena *arena, struct pawl_bytes *ret_signed);
/* Its signatures, in the arena. An undecodable signature has size 0. */
PAWL_MUST_CHECK pawl_err pawl_repo_signatures(struct pawl_bytes file, struct pawl_arena *arena,
    const struct pawl_repo_signature **ret_signatures, size_t *ret_count);

/* How many keys of `role` have signed `file` validly, each counted once.
 * `keys` are those of the file that names the role.
 * PAWL_ERR_SYNTAX, PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_repo_count_signatures(struct pawl_bytes file,
    const struct pawl_repo_role *role, const struct pawl_repo_key *keys, size_t key_count,
    struct pawl_arena *arena, size_t *ret_count);

/* A file back into plain data, without checking signatures or expiry.
 * Everything in the result is in the arena. PAWL_ERR_SYNTAX, PAWL_ERR_RANGE,
 * PAWL_ERR_UNSUPPORTED (spec_version, key type, hash, path_hash_prefixes),
 * PAWL_ERR_LIMIT, PAWL_ERR_NO_MEMORY; the note says where. */
PAWL_MUST_CHECK pawl_err pawl_repo_parse(struct pawl_bytes file, struct pawl_arena *arena,
    struct pawl_repo_file *ret_file, struct pawl_note *reterr_note);

/* The entry that a parent (snapshot, timestamp) writes about `file`. */
struct pawl_repo_meta pawl_repo_meta_of(
    struct pawl_bytes name, int64_t version, struct pawl_bytes file);

#endif
