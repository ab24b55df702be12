/* SPDX-License-Identifier: MIT
 *
 * The queue and the writer thread.
 *
 * The loop thread appends batches at the end of a list, the writer takes them
 * from its beginning; a batch leaves the list only when it is durable. Between
 * `first` and the last batch of the group the writer holds no lock: the loop
 * thread touches only `last->next`, under the mutex, and the writer reads
 * `next` of batches inside the group, which were linked before.
 */
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- building a batch --- */

static void append(struct pawl_store *store, const void *bytes, size_t size)
{
	struct store_batch *batch = store->open;

	if (batch == NULL || batch->failed)
		return;
	if (size > batch->capacity - batch->size) {
		const size_t capacity = (batch->capacity + size) * 2;
		uint8_t *grown = realloc(batch->at, capacity);

		if (grown == NULL) {
			batch->failed = true;
			return;
		}
		batch->at = grown;
		batch->capacity = capacity;
	}
	memcpy(batch->at + batch->size, bytes, size);
	batch->size += size;
}

static void append_tag(struct pawl_store *store, char tag)
{
	append(store, &tag, 1);
}

void pawl_store_op_begin(struct pawl_store *store, store_query query)
{
	const uint16_t number = (uint16_t)query;

	if (store->open == NULL) {
		store->open = calloc(1, sizeof(*store->open));
		if (store->open == NULL) {
			/* Nowhere to remember it but here; submit reports it. */
			pthread_mutex_lock(&store->mutex);
			store->progress.broken = true;
			store->progress.err = PAWL_ERR_NO_MEMORY;
			pthread_mutex_unlock(&store->mutex);
			return;
		}
	}
	append(store, &number, sizeof(number));
	store->open->operations++;
}

void pawl_store_op_int(struct pawl_store *store, int64_t value)
{
	append_tag(store, 'i');
	append(store, &value, sizeof(value));
}

static void append_sized(struct pawl_store *store, char tag, struct pawl_bytes bytes)
{
	const uint32_t size = (uint32_t)bytes.size;

	PAWL_ASSERT(bytes.size <= UINT32_MAX);
	append_tag(store, tag);
	append(store, &size, sizeof(size));
	if (size > 0)
		append(store, bytes.at, size);
}

void pawl_store_op_text_bytes(struct pawl_store *store, struct pawl_bytes text)
{
	append_sized(store, 't', text);
}

void pawl_store_op_text(struct pawl_store *store, const char *text)
{
	append_sized(store, 't', pawl_bytes_of(text));
}

void pawl_store_op_blob(struct pawl_store *store, struct pawl_bytes bytes)
{
	append_sized(store, 'b', bytes);
}

void pawl_store_op_null(struct pawl_store *store)
{
	append_tag(store, 'n');
}

void pawl_store_op_end(struct pawl_store *store)
{
	append_tag(store, '\0');
}

static void free_batch(struct store_batch *batch)
{
	if (batch == NULL)
		return;
	free(batch->at);
	free(batch);
}

void pawl_store_drop(struct pawl_store *store)
{
	free_batch(store->open);
	store->open = NULL;
}

/* --- the queue, loop thread --- */

struct pawl_store_progress pawl_store_progress(struct pawl_store *store)
{
	pthread_mutex_lock(&store->mutex);
	const struct pawl_store_progress progress = store->progress;
	pthread_mutex_unlock(&store->mutex);
	return progress;
}

/* With the mutex held. */
static bool is_below(const struct pawl_store *store, size_t times)
{
	return store->queued_batches < times * PAWL_STORE_QUEUED_BATCHES &&
	       store->queued_bytes < times * PAWL_STORE_QUEUED_BYTES;
}

bool pawl_store_has_room(struct pawl_store *store)
{
	pthread_mutex_lock(&store->mutex);
	const bool has_room = !store->progress.broken && is_below(store, 1);
	pthread_mutex_unlock(&store->mutex);
	return has_room;
}

pawl_err pawl_store_submit(struct pawl_store *store, uint64_t *ret_ticket)
{
	struct store_batch *batch = store->open;
	pawl_err err = PAWL_ERR_OK;

	store->open = NULL;
	pthread_mutex_lock(&store->mutex);
	if (store->progress.broken)
		err = store->progress.err == PAWL_ERR_OK ? PAWL_ERR_CORRUPT : store->progress.err;
	else if (batch != NULL && batch->failed)
		err = PAWL_ERR_NO_MEMORY;
	else if (batch != NULL && !is_below(store, 2))
		err = PAWL_ERR_LIMIT;
	if (err != PAWL_ERR_OK && !store->progress.broken) {
		store->progress.broken = true;
		store->progress.err = err;
	}
	if (err == PAWL_ERR_OK && batch != NULL) {
		batch->ticket = ++store->progress.submitted;
		if (store->last == NULL)
			store->first = batch;
		else
			store->last->next = batch;
		store->last = batch;
		store->queued_batches++;
		store->queued_bytes += batch->size;
		batch = NULL;
		pthread_cond_signal(&store->work);
	}
	const uint64_t ticket = store->progress.submitted;
	pthread_mutex_unlock(&store->mutex);
	free_batch(batch);
	if (err == PAWL_ERR_OK)
		*ret_ticket = ticket;
	return err;
}

pawl_err pawl_store_wait(struct pawl_store *store)
{
	pthread_mutex_lock(&store->mutex);
	const uint64_t wanted = store->progress.submitted;
	while (store->progress.durable < wanted && store->progress.refused < wanted &&
	       !store->progress.broken)
		pthread_cond_wait(&store->done, &store->mutex);
	const pawl_err err = store->progress.durable >= wanted ? PAWL_ERR_OK : store->progress.err;
	pthread_mutex_unlock(&store->mutex);
	return err;
}

/* --- the writer thread --- */

static const uint8_t *take(const uint8_t *at, void *to, size_t size)
{
	memcpy(to, at, size);
	return at + size;
}

/* Binds the parameters behind `at`; returns where the next operation begins. */
static const uint8_t *bind(const uint8_t *at, sqlite3_stmt *statement, int *ret_result)
{
	int result = SQLITE_OK;
	uint32_t size = 0;
	int64_t value = 0;
	int index = 1;

	for (;; index++) {
		const char tag = (char)*at++;
		int bound = SQLITE_OK;

		if (tag == '\0')
			break;
		if (tag == 'i') {
			at = take(at, &value, sizeof(value));
			bound = sqlite3_bind_int64(statement, index, value);
		} else if (tag == 'n') {
			bound = sqlite3_bind_null(statement, index);
		} else {
			at = take(at, &size, sizeof(size));
			/* The batch outlives the step: nothing needs to be copied. */
			bound = tag == 't' ? sqlite3_bind_text(statement, index, (const char *)at,
						 (int)size, SQLITE_STATIC)
					   : sqlite3_bind_blob(
						 statement, index, at, (int)size, SQLITE_STATIC);
			at += size;
		}
		if (result == SQLITE_OK)
			result = bound;
	}
	if (result == SQLITE_OK && index - 1 != sqlite3_bind_parameter_count(statement))
		result = SQLITE_MISUSE;
	*ret_result = result;
	return at;
}

static pawl_err run_batch(struct store_connection *connection, const struct store_batch *batch)
{
	const uint8_t *at = batch->at;

	for (size_t i = 0; i < batch->operations; i++) {
		sqlite3_stmt *statement = NULL;
		uint16_t query = 0;
		int result = SQLITE_OK;

		at = take(at, &query, sizeof(query));
		PAWL_ASSERT(query < STORE_QUERY_COUNT);
		PAWL_TRY(pawl_store_statement(connection, (store_query)query, &statement));
		at = bind(at, statement, &result);
		if (result == SQLITE_OK)
			result = sqlite3_step(statement);
		if (result != SQLITE_DONE)
			return result == SQLITE_ROW ? PAWL_ERR_CORRUPT : pawl_store_err(result);
		(void)sqlite3_reset(statement);
		(void)sqlite3_clear_bindings(statement);
	}
	return PAWL_ERR_OK;
}

/* One transaction. On failure nothing of it stays. */
static pawl_err store_group(struct store_connection *connection, const struct store_batch *first,
    uint64_t last_ticket, struct pawl_note *note)
{
	pawl_err err = pawl_store_run(connection, STORE_QUERY_begin);

	for (const struct store_batch *batch = first; err == PAWL_ERR_OK; batch = batch->next) {
		err = run_batch(connection, batch);
		if (batch->ticket == last_ticket)
			break;
	}
	if (err == PAWL_ERR_OK)
		err = pawl_store_run(connection, STORE_QUERY_commit);
	if (err == PAWL_ERR_OK)
		return PAWL_ERR_OK;
	pawl_store_explain(connection, note);
	for (size_t i = 0; i < STORE_QUERY_COUNT; i++) {
		/* An unfinished statement would keep the transaction open. */
		(void)sqlite3_reset(connection->statements[i]);
	}
	/* Some failures have rolled back already. */
	if (sqlite3_get_autocommit(connection->db) == 0) {
		const pawl_err undone = pawl_store_run(connection, STORE_QUERY_rollback);
		if (undone != PAWL_ERR_OK && sqlite3_get_autocommit(connection->db) == 0) {
			pawl_note_add(note, "; the transaction can not be undone");
			return PAWL_ERR_CORRUPT;
		}
	}
	return err;
}

/* With the mutex held: the last ticket of the next transaction. */
static uint64_t end_of_group(const struct pawl_store *store, bool single)
{
	const struct store_batch *batch = store->first;
	size_t operations = batch->operations;

	while (!single && batch->next != NULL &&
	       operations + batch->next->operations <= PAWL_STORE_GROUP_MAX) {
		batch = batch->next;
		operations += batch->operations;
	}
	return batch->ticket;
}

/* With the mutex held. */
static void remove_through(struct pawl_store *store, uint64_t ticket)
{
	while (store->first != NULL && store->first->ticket <= ticket) {
		struct store_batch *batch = store->first;

		store->first = batch->next;
		if (store->first == NULL)
			store->last = NULL;
		store->queued_batches--;
		store->queued_bytes -= batch->size;
		free_batch(batch);
	}
}

/* With the mutex held: sleeps until `ms` passed or the store closes. */
static void wait_before_retry(struct pawl_store *store, uint32_t ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (
	    !store->closing && pthread_cond_timedwait(&store->work, &store->mutex, &until) == 0) {
		/* woken by a new batch: it can not be stored before the older ones */
	}
}

/* With the mutex held; leaves it for the callback. */
static void report(struct pawl_store *store)
{
	const struct pawl_store_progress progress = store->progress;

	pthread_cond_broadcast(&store->done);
	if (store->on_progress == NULL)
		return;
	pthread_mutex_unlock(&store->mutex);
	store->on_progress(store->context, &progress);
	pthread_mutex_lock(&store->mutex);
}

/* With the mutex held. False: the writer gives up. */
static bool note_failure(
    struct pawl_store *store, pawl_err err, const struct pawl_note *note, bool *io_single)
{
	const bool is_alone = *io_single || store->first->next == NULL;

	if (err == PAWL_ERR_CORRUPT && !is_alone) {
		/* Find the batch that is to blame: what stands before it is stored. */
		*io_single = true;
		return true;
	}
	store->progress.err = err;
	store->progress.note = *note;
	store->progress.refused = store->progress.submitted;
	store->progress.broken = store->progress.broken || err == PAWL_ERR_CORRUPT;
	report(store);
	if (store->progress.broken || store->closing)
		return false;
	wait_before_retry(store, store->retry_ms);
	return true;
}

void *pawl_store_writer(void *argument)
{
	struct pawl_store *store = argument;
	bool single = false;
	bool goes_on = true;

	pthread_mutex_lock(&store->mutex);
	while (goes_on) {
		struct pawl_note note = { { 0 } };

		while (store->first == NULL && !store->closing)
			pthread_cond_wait(&store->work, &store->mutex);
		if (store->first == NULL)
			break;
		const struct store_batch *first = store->first;
		const uint64_t last_ticket = end_of_group(store, single);
		pthread_mutex_unlock(&store->mutex);
		const pawl_err err = store_group(&store->writer, first, last_ticket, &note);
		pthread_mutex_lock(&store->mutex);
		if (err != PAWL_ERR_OK) {
			goes_on = note_failure(store, err, &note, &single);
			continue;
		}
		remove_through(store, last_ticket);
		store->progress.durable = last_ticket;
		/* Broken from the other side stays so, and keeps its reason. */
		if (!store->progress.broken) {
			store->progress.refused = 0;
			store->progress.err = PAWL_ERR_OK;
			pawl_note_clear(&store->progress.note);
		}
		report(store);
	}
	pthread_mutex_unlock(&store->mutex);
	return NULL;
}
