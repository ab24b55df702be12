/* SPDX-License-Identifier: MIT
 *
 * pawl/trust.h - a complete TUF 1.0 client as a state machine without I/O.
 *
 * Pure; no heap, no clock. It asks for files and says what to store; the
 * caller fetches, stores and answers. Memory comes from the caller and is
 * kept until the object is dropped; there is nothing to free. One object is
 * used by one thread at a time.
 *
 *   pawl_trust_init(&client, &options);
 *   for (;;) {
 *           const struct pawl_trust_effect effect = pawl_trust_next(&client);
 *           switch (effect.kind) {
 *           case PAWL_TRUST_FETCH:  // get BASE/effect.name, at most effect.size_max bytes
 *                   found ? pawl_trust_provide(&client, bytes) : pawl_trust_absent(&client);
 *                   break;
 *           case PAWL_TRUST_LOAD:   // the same from local storage
 *           case PAWL_TRUST_STORE:  // write effect.bytes to effect.name before going on
 *           case PAWL_TRUST_TARGET: // only while walking
 *           case PAWL_TRUST_DONE:   // refreshed; pawl_trust_find may follow
 *           case PAWL_TRUST_FAILED: // effect.verdict and effect.note say why
 *           }
 *   }
 *
 * The same loop drives an offline check: answer FETCH from a folder. A server
 * that is about to publish signs its next timestamp in memory first and offers
 * that, with what it serves now as the stored files, so that rollback is
 * checked as every device will check it.
 *
 * A stored file that no longer verifies is ignored and overwritten in time;
 * nothing is ever removed. Path patterns know '*' and '?' only (neither
 * matches '/'); "[a-z]" stands for itself. Succinct roles (TAP 15) are refused.
 */
#ifndef PAWL_TRUST_H
#define PAWL_TRUST_H

#include "pawl/arena.h"
#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/json.h"
#include "pawl/limits.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, id, text): the id is stable and goes into reports and metrics. */
#define PAWL_TRUST_VERDICT_LIST(X)                                                                 \
	X(OK, "ok", "the metadata verifies")                                                       \
	X(SIGNATURE, "signature", "too few valid signatures by the keys of the role")              \
	X(EXPIRED, "expired", "the metadata is past its expiry")                                   \
	X(ROLLBACK, "rollback", "the metadata is older than what was trusted before")              \
	X(VERSION, "version-mismatch", "the metadata has another version than its parent states")  \
	X(HASH, "hash-mismatch", "the bytes do not have the stated hash")                          \
	X(LENGTH, "length-mismatch", "the bytes do not have the stated length")                    \
	X(MISSING, "missing", "a metadata file that must exist does not")                          \
	X(MALFORMED, "malformed", "the metadata does not follow the TUF 1.0 format")               \
	X(TOO_LARGE, "too-large", "the metadata exceeds a limit of this client")

typedef enum pawl_trust_verdict {
#define X(name, id, text) PAWL_TRUST_##name,
	PAWL_TRUST_VERDICT_LIST(X)
#undef X
} pawl_trust_verdict;

/* Never NULL; static storage. */
const char *pawl_trust_verdict_id(pawl_trust_verdict verdict);
const char *pawl_trust_verdict_text(pawl_trust_verdict verdict);

/* Bounds on hostile input, each far above any sane repository. Sizes of files
 * are in pawl/limits.h. */
enum {
	/* New roots in one refresh; each was stored, so the next one goes on. */
	PAWL_TRUST_ROOTS_MAX = 1024,
	/* Keys in one file: linear searches stay short. */
	PAWL_TRUST_KEYS_MAX = 1024,
	/* Keys of one role and signatures on one file; also bounds the number of
	 * public-key operations one file can cost. */
	PAWL_TRUST_KEYIDS_MAX = 128,
	PAWL_TRUST_SIGNATURES_MAX = 128,
	/* Delegations of one targets role, and patterns of one delegation. */
	PAWL_TRUST_ROLES_MAX = 4096,
	PAWL_TRUST_PATTERNS_MAX = 4096,
	/* Delegated roles one look-up may visit (python-tuf stops at 32 as well). */
	PAWL_TRUST_VISITS_MAX = 32,
	/* Delegated roles one walk over everything may visit. */
	PAWL_TRUST_WALK_MAX = 1024,
	/* Bytes of a role name. Percent-encoded it may be three times that; names
	 * that go over the 255 bytes of a POSIX file name are refused. */
	PAWL_TRUST_ROLE_MAX = 160,
	PAWL_TRUST_NAME_SIZE = 256,
	/* Bytes of a target path (third-party repositories have longer ones than ours). */
	PAWL_TRUST_PATH_MAX = 1024,
	/* Memory that repositories of ordinary size (hundreds of targets) need. */
	PAWL_TRUST_MEMORY_USUAL = 4 * 1024 * 1024
};

typedef enum pawl_trust_role {
	PAWL_TRUST_ROOT,
	PAWL_TRUST_TIMESTAMP,
	PAWL_TRUST_SNAPSHOT,
	PAWL_TRUST_TARGETS
} pawl_trust_role;

enum { PAWL_TRUST_ROLE_COUNT = PAWL_TRUST_TARGETS + 1 };

typedef enum pawl_trust_effect_kind {
	PAWL_TRUST_FETCH,  /* answer with pawl_trust_provide or pawl_trust_absent  */
	PAWL_TRUST_LOAD,   /* the same, from local storage                         */
	PAWL_TRUST_STORE,  /* replace the file atomically, bytes exactly as given  */
	PAWL_TRUST_TARGET, /* walk: pawl_trust_found is one target that is signed for */
	PAWL_TRUST_DONE,   /* refresh, look-up or walk has ended well              */
	PAWL_TRUST_FAILED  /* it has ended; what was stored before stays good      */
} pawl_trust_effect_kind;

struct pawl_trust_effect {
	pawl_trust_effect_kind kind;
	/* FETCH: "3.root.json", "timestamp.json", "7.a%2Fb.json": append to the
	 * metadata URL as it stands. LOAD, STORE: "root.json", "a%2Fb.json": one
	 * file name without '/'. Valid until the next call. */
	const char *name;
	/* FETCH, LOAD: an answer of more bytes is refused; stop reading there. */
	size_t size_max;
	/* STORE: valid until the next call. */
	struct pawl_bytes bytes;
	/* FAILED. `note` is one clause with names and numbers. */
	pawl_trust_verdict verdict;
	const char *note;
};

/* One target file as signed. Slices are valid until the next find or walk, and
 * while walking until the next call of pawl_trust_next. */
struct pawl_trust_target {
	struct pawl_bytes path; /* unescaped UTF-8; a NUL follows */
	struct pawl_bytes role; /* name of the role that signed it              */
	uint64_t length;        /* bytes, exact                                 */
	bool has_sha256;        /* at least one of the two                      */
	bool has_sha512;
	uint8_t sha256[32];
	uint8_t sha512[64];
	struct pawl_bytes custom; /* raw JSON value; empty when absent            */
};

struct pawl_trust_options {
	/* Kept. PAWL_TRUST_MEMORY_USUAL is a good size; too little shows as
	 * TOO_LARGE. Room for about ten times the size of the metadata is needed. */
	void *memory;
	size_t memory_size;
	/* Sampled once, at the start of the update. Expiry is judged at the later
	 * of the two for the whole life of the object. */
	struct pawl_wall clock;
	struct pawl_wall time_floor;
	/* Stored files, exact bytes; borrowed until pawl_trust_next first returns
	 * DONE or FAILED. `root` must be there; empty means absent otherwise. */
	struct pawl_bytes root;
	struct pawl_bytes timestamp;
	struct pawl_bytes snapshot;
	struct pawl_bytes targets;
};

/* One verified file. Internal to the library. */
struct pawl_trust_file {
	struct pawl_bytes bytes; /* as received                                   */
	struct pawl_json json;
	size_t mark; /* where its memory starts in the arena                      */
	uint32_t signed_part;
	int64_t version;
	struct pawl_wall expires;
};

/* One role on the way of a look-up. Internal to the library. */
struct pawl_trust_visit {
	uint32_t parent;     /* index of the visit that delegated                 */
	uint32_t patterns;   /* what it was delegated to, in the parent's file    */
	uint32_t delegation; /* token of the delegation there                     */
	bool by_hash;        /* the patterns are path_hash_prefixes               */
	uint32_t targets;    /* the lists in its own file, found once: hostile    */
	uint32_t roles;      /* files have many members in front of them          */
	uint32_t cursor;     /* the next delegation to look at                    */
	char name[PAWL_TRUST_ROLE_MAX + 1];
	struct pawl_trust_file file;
};

/* The whole state; every field is internal. About 3 KiB. */
struct pawl_trust {
	struct pawl_arena arena;
	struct pawl_wall now;
	struct pawl_bytes stored[PAWL_TRUST_ROLE_COUNT];
	struct pawl_trust_file files[PAWL_TRUST_ROLE_COUNT];
	bool trusted[PAWL_TRUST_ROLE_COUNT];
	int step;
	unsigned roots;
	char name[PAWL_TRUST_NAME_SIZE];
	size_t size_max;
	bool walking;
	char path[PAWL_TRUST_PATH_MAX + 1];
	size_t refresh_mark;
	struct pawl_trust_visit *visits;
	uint32_t visit_count;
	uint32_t visit_max;
	uint32_t open; /* visit whose delegations are being followed              */
	uint32_t item; /* walk: the target to yield next                          */
	bool found;
	struct pawl_trust_target target;
	pawl_trust_verdict verdict;
	struct pawl_note note;
};

/* Starts a refresh (spec 5.3 to 5.6). Keeps options->memory. Every outcome
 * shows in pawl_trust_next. */
void pawl_trust_init(struct pawl_trust *client, const struct pawl_trust_options *options);

/* What to do now. STORE and TARGET need no answer: call again once done. FETCH
 * and LOAD return again unchanged until answered. After FAILED it stays FAILED. */
struct pawl_trust_effect pawl_trust_next(struct pawl_trust *client);

/* Answers FETCH or LOAD. `bytes` is borrowed for the call. Calling either
 * when nothing was asked for is a bug and panics. A caller that can not fetch
 * for another reason than absence (HTTP 403 and 404 are absence) drops the
 * object: nothing half-done is left. */
void pawl_trust_provide(struct pawl_trust *client, struct pawl_bytes bytes);
void pawl_trust_absent(struct pawl_trust *client);

/* After DONE: starts a look-up (spec 5.6.7, pre-order depth first); go on with
 * pawl_trust_next until DONE, then ask pawl_trust_found.
 * PAWL_ERR_REFUSED before DONE or after FAILED; PAWL_ERR_LIMIT for an empty
 * path or one longer than PAWL_TRUST_PATH_MAX. Nothing is changed then. */
PAWL_MUST_CHECK pawl_err pawl_trust_find(struct pawl_trust *client, const char *path);

/* After DONE: loads and verifies every delegated role and yields each target
 * that its delegations allow, role by role; a role that several delegate to
 * counts under the first. Where two roles sign for one path
 * both are yielded; pawl_trust_find tells which one counts.
 * PAWL_ERR_REFUSED as above. */
PAWL_MUST_CHECK pawl_err pawl_trust_walk(struct pawl_trust *client);

/* The target of the last look-up or TARGET effect; NULL when nobody who may
 * signs for that path. Valid until the next find or walk. */
const struct pawl_trust_target *pawl_trust_found(const struct pawl_trust *client);

/* The verified version of a top role; 0 when it is not trusted (yet). */
int64_t pawl_trust_version(const struct pawl_trust *client, pawl_trust_role role);
/* Its expiry; {0} when it is not trusted (yet). */
struct pawl_wall pawl_trust_expires(const struct pawl_trust *client, pawl_trust_role role);
/* "x-issued" of the verified timestamp: the caller raises its time floor to
 * it. {0} when it has none. Never later than the expiry of any role: a stolen
 * timestamp key could date its file a century ahead, and with a floor there
 * nothing would be fresh ever again. */
struct pawl_wall pawl_trust_issued(const struct pawl_trust *client);
/* Whether target files are served as "dir/<hash>.name". */
bool pawl_trust_consistent_snapshot(const struct pawl_trust *client);
/* Exact bytes of a verified top role, valid as long as the object. Empty when
 * it is not trusted (yet). */
struct pawl_bytes pawl_trust_bytes(const struct pawl_trust *client, pawl_trust_role role);

/* Where a target is served, relative to the target URL: "fw/acme/<sha256>.x.img"
 * (the plain path without consistent snapshots), each segment percent-encoded
 * (RFC 3986 unreserved characters stand for themselves). `out` gets no NUL.
 * PAWL_ERR_LIMIT when it does not fit. */
PAWL_MUST_CHECK pawl_err pawl_trust_target_url(
    const struct pawl_trust *client, const struct pawl_trust_target *target, struct pawl_buf *out);

/* Checks a whole file in memory against what was signed. LENGTH, HASH or OK. */
pawl_trust_verdict pawl_trust_target_check(
    const struct pawl_trust_target *target, struct pawl_bytes file);

/* '*' and '?' as above, case-sensitive. */
bool pawl_trust_pattern_matches(struct pawl_bytes pattern, struct pawl_bytes path);

#endif
