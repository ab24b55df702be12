/* SPDX-License-Identifier: MIT
 *
 * pawl/store.h - the server's database: SQLite, one writer, nothing lost that
 * was acknowledged.
 *
 * Does I/O. Heap. Two threads: the *loop thread* (the caller's; every function
 * here belongs to it unless it says otherwise) and one *writer thread* of the
 * store's own. The loop thread never waits for the disk except in
 * pawl_store_open, _close, _backup, _load and the read functions.
 *
 * Writing. pawl_store_put_*, _add_*, _remove_* copy their row into the open batch;
 * pawl_store_submit hands the batch to the writer and gives its ticket (1, 2,
 * 3, ...). A batch is stored whole or not at all, batches in order. The writer
 * takes what is queued, up to 1000 operations or one larger batch, into one
 * transaction, syncs it, and reports: everything up to ticket N is durable.
 * Answer a request only when its ticket is durable.
 *
 * Failure. When a transaction can not be stored (disk full, I/O error) nothing
 * of it is acknowledged. The writer reports the tickets it has with the
 * reason, keeps every batch, and tries again after `retry_ms` until it succeeds
 * or the store is closed; answer the requests of reported tickets with an
 * error (their change may still be stored later, as after any timeout). While
 * pawl_store_has_room is false refuse what would change something. When
 * retrying can not help (damaged file, an operation that contradicts the
 * schema) the store is *broken*: nothing is written any more; end the program
 * and start again from what is stored.
 */
#ifndef PAWL_STORE_H
#define PAWL_STORE_H

#include "pawl/arena.h"
#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/fleet.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pawl_store;

enum {
	PAWL_STORE_GROUP_MAX = 1000,                /* operations in one transaction              */
	PAWL_STORE_QUEUED_BATCHES = 8192,           /* has_room is false from here on...          */
	PAWL_STORE_QUEUED_BYTES = 64 * 1024 * 1024, /* ...or from here                 */
	PAWL_STORE_KEY_MAX = 64,                    /* of a setting                               */
	PAWL_STORE_LIST_MAX = 500                   /* rows of one page of a list                 */
};

/* Where writing stands. */
struct pawl_store_progress {
	uint64_t durable;      /* every ticket up to this one is on disk; 0: none yet     */
	uint64_t refused;      /* tickets in (durable, refused] were tried in vain; 0: none */
	uint64_t submitted;    /* the newest ticket                                       */
	pawl_err err;          /* PAWL_ERR_OK, or why `refused` failed                    */
	bool broken;           /* for good; see above                                     */
	struct pawl_note note; /* text of `err`                                        */
};

struct pawl_store_options {
	const char *path; /* of the database file                                       */
	/* Called in the writer thread whenever progress changed; it must not call the
	 * store and not block: wake the loop and let it ask pawl_store_progress. May
	 * be NULL. */
	void (*on_progress)(void *context, const struct pawl_store_progress *progress);
	void *context;
	uint32_t retry_ms; /* 1..60000 after a failed transaction; 0: 1000              */
};

/* Opens the database and starts the writer; makes it (private, mode 0600) when
 * the file is absent, and brings an older schema to this version. Checks before
 * anything is written: header, application id, schema version, PRAGMA quick_check.
 *   PAWL_ERR_CORRUPT      damaged, truncated, empty, or not ours; untouched
 *   PAWL_ERR_UNSUPPORTED  made by a newer version; untouched
 *   PAWL_ERR_REFUSED      another process has it open
 *   PAWL_ERR_DENIED, _NOT_FOUND (no such folder), _NO_SPACE, _NO_MEMORY, _IO
 * The note says what and what to do. */
PAWL_MUST_CHECK pawl_err pawl_store_open(const struct pawl_store_options *options,
    struct pawl_store **ret_store, struct pawl_note *note);

/* Stores what is queued, then ends the writer and closes. While nothing can be
 * stored it tries each batch once more and gives up: PAWL_ERR_IO, _NO_SPACE or
 * _CORRUPT, tickets after progress.durable are lost. NULL is fine. The open batch
 * is dropped. After it returns on_progress is not called any more. */
pawl_err pawl_store_close(struct pawl_store *store);

/* The schema version of this build. */
int pawl_store_version(void);

/* --- writing --- */

/* Any thread. */
struct pawl_store_progress pawl_store_progress(struct pawl_store *store);
/* False when the queue is long or the store is broken: refuse new work. A batch is
 * still taken then, up to twice the length. Any thread. */
bool pawl_store_has_room(struct pawl_store *store);

/* Hands the open batch to the writer. An empty batch gets the newest ticket
 * (0 when there is none): waiting for it is right. PAWL_ERR_LIMIT (twice the
 * queue), PAWL_ERR_NO_MEMORY while building the batch, PAWL_ERR_CORRUPT (broken):
 * the batch is dropped and the store is broken, since the caller's state has
 * gone on without it. */
PAWL_MUST_CHECK pawl_err pawl_store_submit(struct pawl_store *store, uint64_t *ret_ticket);
/* Forgets the open batch. */
void pawl_store_drop(struct pawl_store *store);
/* Waits until everything submitted is durable or was tried in vain; for tests and
 * command-line programs. PAWL_ERR_OK, or progress.err. */
PAWL_MUST_CHECK pawl_err pawl_store_wait(struct pawl_store *store);

/* Each adds to the open batch; failures show in pawl_store_submit. Rows are
 * copied at once. put replaces the row with the same key. */
void pawl_store_put_counters(struct pawl_store *store, const struct pawl_fleet_counters *counters);
/* Without attributes. */
void pawl_store_put_device(struct pawl_store *store, const struct pawl_fleet_device *device);
void pawl_store_touch_device(
    struct pawl_store *store, uint32_t device_id, int64_t last_request_at, const char *address);
/* Replaces all attributes of the device by its present ones. */
void pawl_store_put_attributes(struct pawl_store *store, const struct pawl_fleet_device *device);
/* With attributes, credentials, actions, statuses and memberships. */
void pawl_store_remove_device(struct pawl_store *store, uint32_t device_id);
/* With its modules. */
void pawl_store_put_distribution_set(
    struct pawl_store *store, const struct pawl_fleet_distribution_set *set);
void pawl_store_put_action(struct pawl_store *store, const struct pawl_fleet_action *action);
/* From an effect PAWL_FLEET_ADD_ACTION_STATUS. */
void pawl_store_add_status(struct pawl_store *store, const struct pawl_fleet_effect *status);
/* `record` from pawl_fleet_rollout_encode. */
void pawl_store_put_rollout(
    struct pawl_store *store, uint32_t rollout_id, struct pawl_bytes record);
void pawl_store_put_member(struct pawl_store *store, const struct pawl_fleet_member *member);

/* Adds what the effects name, reading rows through the fleet's accessors: the
 * whole caller's side of the promise in pawl/fleet.h is
 *     effects = pawl_fleet_effects(fleet, &count);
 *     pawl_store_add_effects(store, fleet, effects, count);
 *     err = pawl_store_submit(store, &ticket);
 *     pawl_fleet_effects_clear(fleet);
 * LOG effects are skipped: they are the program's. */
void pawl_store_add_effects(struct pawl_store *store, const struct pawl_fleet *fleet,
    const struct pawl_fleet_effect *effects, size_t count);

/* PEM texts of a device's enrolment. An empty slice leaves what is stored. */
void pawl_store_put_credential(struct pawl_store *store, uint32_t device_id, struct pawl_bytes csr,
    struct pawl_bytes certificate);

/* A value under a name, replacing the old one. The name is at most PAWL_STORE_KEY_MAX. */
void pawl_store_put_setting(struct pawl_store *store, const char *key, struct pawl_bytes value);

struct pawl_store_token {
	char name[PAWL_STORE_KEY_MAX + 1]; /* who; unique; put replaces              */
	uint8_t sha256[PAWL_SHA256_SIZE];  /* of the token's text                     */
	int64_t created_at;                /* ms since 1970                           */
	int64_t expires_at;                /* 0: never                                */
};
void pawl_store_put_token(struct pawl_store *store, const struct pawl_store_token *token);
void pawl_store_remove_token(struct pawl_store *store, const char *name);

/* Who did what when; the list only grows. Borrowed texts, never NULL. */
struct pawl_store_audit {
	uint64_t id;        /* given by the store; ignored by add                     */
	int64_t at;         /* ms since 1970                                          */
	const char *actor;  /* "operator:anna", "device:dev1", "server"               */
	const char *action; /* "rollout.start"                                        */
	const char *object; /* "rollout:7"                                            */
	const char *detail; /* one sentence or JSON, may be ""                        */
};
void pawl_store_add_audit(struct pawl_store *store, const struct pawl_store_audit *entry);

/* --- reading, of what is durable --- */

/* Receives stored rows; texts live during the call. A function that returns
 * another value than PAWL_ERR_OK ends the load, which then returns it. */
struct pawl_store_loader {
	void *context;
	pawl_err (*counters)(void *context, const struct pawl_fleet_counters *counters);
	pawl_err (*distribution_set)(void *context, const struct pawl_fleet_distribution_set *row);
	pawl_err (*device)(void *context, const struct pawl_fleet_device *row);
	pawl_err (*attribute)(
	    void *context, uint32_t device_id, const char *key, const char *value);
	pawl_err (*rollout)(void *context, struct pawl_bytes record);
	pawl_err (*member)(void *context, const struct pawl_fleet_member *row);
	pawl_err (*action)(void *context, const struct pawl_fleet_action *row);
};
/* All rows in the order that pawl/fleet.h wants; of each kind by id. Also
 * PAWL_ERR_CORRUPT with the row in the note when a stored value is out of range. */
PAWL_MUST_CHECK pawl_err pawl_store_load(
    struct pawl_store *store, const struct pawl_store_loader *loader, struct pawl_note *note);

/* One page of a list. The rest of this section: PAWL_ERR_NO_MEMORY, _IO,
 * _CORRUPT. A function that returns false ends the listing. */
struct pawl_store_page {
	uint64_t offset;
	uint32_t limit; /* 1..PAWL_STORE_LIST_MAX                                     */
};

struct pawl_store_status {
	uint64_t id;
	uint32_t action_id;
	int64_t at;
	const char *type; /* hawkBit's word: "retrieved"                             */
	bool has_code;
	int32_t code;
	size_t message_count; /* 0..PAWL_FEEDBACK_MESSAGES_MAX                        */
	const char *const *messages;
};
/* Statuses of one action, newest first. */
PAWL_MUST_CHECK pawl_err pawl_store_list_statuses(struct pawl_store *store, uint32_t action_id,
    struct pawl_store_page page,
    bool (*on_status)(void *context, const struct pawl_store_status *status), void *context,
    uint64_t *ret_total);

/* The audit list, newest first. */
PAWL_MUST_CHECK pawl_err pawl_store_list_audit(struct pawl_store *store,
    struct pawl_store_page page,
    bool (*on_entry)(void *context, const struct pawl_store_audit *entry), void *context,
    uint64_t *ret_total);

/* PEM texts into the arena; an empty slice where there is none. PAWL_ERR_NOT_FOUND:
 * nothing stored for the device. PAWL_ERR_LIMIT: the arena is too small. */
PAWL_MUST_CHECK pawl_err pawl_store_credential(struct pawl_store *store, uint32_t device_id,
    struct pawl_arena *arena, struct pawl_bytes *ret_csr, struct pawl_bytes *ret_certificate);

/* PAWL_ERR_NOT_FOUND, PAWL_ERR_LIMIT as above. */
PAWL_MUST_CHECK pawl_err pawl_store_setting(struct pawl_store *store, const char *key,
    struct pawl_arena *arena, struct pawl_bytes *ret_value);

/* The token with this hash that has not expired at `now`. PAWL_ERR_NOT_FOUND. */
PAWL_MUST_CHECK pawl_err pawl_store_token(struct pawl_store *store,
    const uint8_t sha256[PAWL_SHA256_SIZE], struct pawl_wall now,
    struct pawl_store_token *ret_token);
PAWL_MUST_CHECK pawl_err pawl_store_list_tokens(struct pawl_store *store,
    bool (*on_token)(void *context, const struct pawl_store_token *token), void *context);

/* A consistent copy into a new file while the server runs. PAWL_ERR_EXISTS when
 * the path is taken; _NO_SPACE, _DENIED, _IO: what was begun is removed. */
PAWL_MUST_CHECK pawl_err pawl_store_backup(
    struct pawl_store *store, const char *path, struct pawl_note *note);

#endif
