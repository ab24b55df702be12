/* SPDX-License-Identifier: MIT
 *
 * What the files of lib/store share: connections, queries, batches.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "pawl/store.h"

#include <pthread.h>
#include <sqlite3.h>

/* Every sql/q_*.sql, by its name. */
#define STORE_QUERIES(X)                                                                           \
	X(begin)                                                                                   \
	X(commit)                                                                                  \
	X(rollback)                                                                                \
	X(check)                                                                                   \
	X(version)                                                                                 \
	X(backup)                                                                                  \
	X(counter_put)                                                                             \
	X(counter_list)                                                                            \
	X(device_put)                                                                              \
	X(device_touch)                                                                            \
	X(device_list)                                                                             \
	X(device_delete)                                                                           \
	X(credential_put)                                                                          \
	X(credential_get)                                                                          \
	X(credential_delete)                                                                       \
	X(attribute_put)                                                                           \
	X(attribute_delete)                                                                        \
	X(attribute_list)                                                                          \
	X(set_put)                                                                                 \
	X(set_list)                                                                                \
	X(module_put)                                                                              \
	X(module_list)                                                                             \
	X(action_put)                                                                              \
	X(action_list)                                                                             \
	X(action_delete)                                                                           \
	X(status_add)                                                                              \
	X(status_list)                                                                             \
	X(status_count)                                                                            \
	X(status_delete)                                                                           \
	X(message_add)                                                                             \
	X(message_list)                                                                            \
	X(message_delete)                                                                          \
	X(rollout_put)                                                                             \
	X(rollout_list)                                                                            \
	X(member_put)                                                                              \
	X(member_list)                                                                             \
	X(member_delete)                                                                           \
	X(token_put)                                                                               \
	X(token_delete)                                                                            \
	X(token_get)                                                                               \
	X(token_list)                                                                              \
	X(audit_add)                                                                               \
	X(audit_list)                                                                              \
	X(audit_count)                                                                             \
	X(setting_put)                                                                             \
	X(setting_get)

typedef enum store_query {
#define X(name) STORE_QUERY_##name,
	STORE_QUERIES(X)
#undef X
	    STORE_QUERY_COUNT
} store_query;

enum { STORE_APPLICATION_ID = 1348564844 };

/* The files of sql/, made by tools/embed.py, sorted by name. */
struct pawl_store_sql_file {
	const char *name;
	const char *text;
	size_t size;
};
extern const struct pawl_store_sql_file pawl_store_sql_files[];

/* One SQLite connection; used by one thread at a time. */
struct store_connection {
	sqlite3 *db;
	sqlite3_stmt *statements[STORE_QUERY_COUNT]; /* prepared when first used */
};

/* --- store_sqlite.c --- */

/* Opens an existing file. On failure the connection is closed. */
pawl_err pawl_store_connect(
    const char *path, struct store_connection *ret_connection, struct pawl_note *note);
void pawl_store_disconnect(struct store_connection *connection);
/* The statement, reset and without bindings. */
pawl_err pawl_store_statement(
    struct store_connection *connection, store_query query, sqlite3_stmt **ret_statement);
/* Runs a statement that returns no rows. */
pawl_err pawl_store_run(struct store_connection *connection, store_query query);
/* All statements of an embedded file. PAWL_ERR_NOT_FOUND: no such file. */
pawl_err pawl_store_script(
    struct store_connection *connection, const char *name, struct pawl_note *note);
/* The text of an embedded file, NULL: none. */
const char *pawl_store_sql(const char *name);
const char *pawl_store_query_file(store_query query);
/* What an SQLite result means for our callers. */
pawl_err pawl_store_err(int sqlite_result);
/* The last failure of the connection in words. */
void pawl_store_explain(const struct store_connection *connection, struct pawl_note *note);

/* --- batches (store_writer.c) --- */

/* Operations in the order they were added, as bytes:
 *   u16 query, then for each parameter: 'n' | 'i' u64 | 't' u32 bytes | 'b' u32 bytes,
 *   and 0 at its end. Integers in the machine's order: it never leaves the process. */
struct store_batch {
	struct store_batch *next;
	uint64_t ticket;
	size_t operations;
	uint8_t *at;
	size_t size;
	size_t capacity;
	bool failed; /* no memory while it was built */
};

void pawl_store_op_begin(struct pawl_store *store, store_query query);
void pawl_store_op_int(struct pawl_store *store, int64_t value);
void pawl_store_op_text(struct pawl_store *store, const char *text);
void pawl_store_op_text_bytes(struct pawl_store *store, struct pawl_bytes text);
void pawl_store_op_blob(struct pawl_store *store, struct pawl_bytes bytes);
void pawl_store_op_null(struct pawl_store *store);
void pawl_store_op_end(struct pawl_store *store);

struct pawl_store {
	struct store_connection writer;
	struct store_connection reader;
	char *path;
	int lock_fd;
	uint32_t retry_ms;
	void (*on_progress)(void *context, const struct pawl_store_progress *progress);
	void *context;
	struct store_batch *open; /* being built by the loop thread; NULL: none */

	pthread_t thread;
	bool has_thread;
	bool has_locks;
	pthread_mutex_t mutex; /* protects what follows */
	pthread_cond_t work;   /* something to write, or closing */
	pthread_cond_t done;   /* progress changed */
	struct store_batch *first;
	struct store_batch *last;
	size_t queued_batches;
	size_t queued_bytes;
	bool closing;
	struct pawl_store_progress progress;
};

/* Runs until the store closes. */
void *pawl_store_writer(void *store);

#endif
