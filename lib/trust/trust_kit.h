/* SPDX-License-Identifier: MIT
 *
 * trust_kit.h - a repository, a server and a device's store in memory, for the
 * tests of this folder. Change a field, publish, refresh, look at the verdict.
 */
#ifndef PAWL_TRUST_KIT_H
#define PAWL_TRUST_KIT_H

#include "pawl/trust.h"
#include "pawl/trust_repo.h"

enum {
	KIT_KEYS = 12, /* the last two: ECDSA and RSA                             */
	KIT_ECDSA = 10,
	KIT_RSA = 11,
	KIT_ROLE_KEYS = 8,
	KIT_TARGETS = 48,
	KIT_FILES = 2400,
	KIT_LOG = 65536
};

/* 2026-01-01T00:00:00Z */
#define KIT_NOW ((struct pawl_wall){ INT64_C(1767225600000) })

/* A role: who may sign, who does, what it says about itself. Key lists end
 * with -1. */
struct kit_role {
	int keys[KIT_ROLE_KEYS + 1];
	int signers[KIT_ROLE_KEYS + 1];
	int64_t threshold;
	int64_t version;
	struct pawl_wall expires;
};

struct kit_targets {
	struct kit_role role;
	const char *name;
	int parent;
	const char *paths[4];
	bool terminating;
	const char *entries[8]; /* target paths; content is the path itself       */
	bool unlisted;          /* missing from the snapshot                      */
};

struct kit_file {
	char name[300];
	uint8_t *at;
	size_t size;
};

struct kit {
	struct kit_role root;
	struct kit_role timestamp;
	struct kit_role snapshot;
	struct kit_targets targets[KIT_TARGETS]; /* 0: the top one               */
	size_t targets_count;
	bool hashes; /* whether metadata is listed with length and hash           */
	bool flat;   /* no consistent snapshots                                   */
	struct pawl_wall issued;
	/* Text replaced in the signed part of `edit_role` before it is signed. */
	const char *edit_role;
	const char *edit_from;
	const char *edit_to;
	/* The same in the finished file. */
	const char *cut_role;
	const char *cut_from;
	const char *cut_to;
	struct kit_file remote[KIT_FILES];
	struct kit_file local[KIT_TARGETS + 8];
	char log[KIT_LOG]; /* names of what was fetched, each followed by a space */
	struct pawl_wall clock;
	size_t memory_size;
	struct pawl_trust client;
	pawl_trust_verdict verdict;
};

/* A consistent little repository: all roles version 1, root 2 of 3. */
struct kit *kit_create(void);
void kit_destroy(struct kit *kit);
const struct pawl_repo_key *kit_key(int index);

void kit_publish_root(struct kit *kit);
void kit_publish_targets(struct kit *kit, size_t index);
void kit_publish_snapshot(struct kit *kit);
void kit_publish_timestamp(struct kit *kit);
/* All but the root, each with a version one higher. */
void kit_publish_next(struct kit *kit);
/* A delegated role; published with the next kit_publish_next. */
size_t kit_delegate(
    struct kit *kit, int parent, const char *name, const char *path, bool terminating);

struct kit_file *kit_file(struct kit *kit, bool remote, const char *name);
void kit_put(struct kit *kit, bool remote, const char *name, struct pawl_bytes bytes);
void kit_drop(struct kit *kit, bool remote, const char *name);
/* Signs a `signed` text as `role` does and wraps it; result from malloc. */
struct pawl_bytes kit_seal(const struct kit_role *role, struct pawl_bytes signed_text);

/* A device with a fresh memory and the stored files. */
pawl_trust_verdict kit_refresh(struct kit *kit);
/* After a refresh; NULL when not found or failed (see kit->verdict). */
const struct pawl_trust_target *kit_find(struct kit *kit, const char *path);
int64_t kit_local_version(struct kit *kit, const char *name);

#endif
