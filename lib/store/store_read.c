/* SPDX-License-Identifier: MIT
 *
 * Lists and single values for the loop thread, all on the reading connection.
 */
#include "store_internal.h"

#include <string.h>

/* Text of a column, never NULL; *io_err is set when there is no memory for it. */
static const char *text_of(sqlite3_stmt *statement, int column, pawl_err *io_err)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	if (text == NULL)
		*io_err = PAWL_ERR_NO_MEMORY;
	return text == NULL ? "" : text;
}

static pawl_err count_rows(sqlite3_stmt *statement, uint64_t *ret_count)
{
	const int result = sqlite3_step(statement);
	const uint64_t count = (uint64_t)sqlite3_column_int64(statement, 0);

	(void)sqlite3_reset(statement);
	if (result != SQLITE_ROW)
		return pawl_store_err(result);
	*ret_count = count;
	return PAWL_ERR_OK;
}

/* --- statuses --- */

static pawl_err read_messages(struct pawl_store *store, uint64_t status_id,
    struct pawl_arena *arena, const char **messages, size_t *ret_count)
{
	sqlite3_stmt *statement = NULL;
	pawl_err err = pawl_store_statement(&store->reader, STORE_QUERY_message_list, &statement);
	size_t count = 0;
	int result = SQLITE_ROW;

	if (err != PAWL_ERR_OK)
		return err;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)status_id); /* integers always bind */
	while (err == PAWL_ERR_OK && count < PAWL_FEEDBACK_MESSAGES_MAX &&
	       (result = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *text = text_of(statement, 0, &err);
		char *copy = pawl_arena_take(arena, strlen(text) + 1, 1);

		if (copy == NULL)
			break; /* longer than we store; what is there is shown */
		memcpy(copy, text, strlen(text));
		messages[count++] = copy;
	}
	(void)sqlite3_reset(statement);
	if (err == PAWL_ERR_OK)
		err = pawl_store_err(result);
	*ret_count = count;
	return err;
}

pawl_err pawl_store_list_statuses(struct pawl_store *store, uint32_t action_id,
    struct pawl_store_page page,
    bool (*on_status)(void *context, const struct pawl_store_status *status), void *context,
    uint64_t *ret_total)
{
	/* All messages with their NULs and alignment. */
	enum { ROOM = PAWL_FEEDBACK_MESSAGES_MAX * (PAWL_FLEET_MESSAGE_MAX + 17) };
	uint8_t memory[ROOM];
	const char *messages[PAWL_FEEDBACK_MESSAGES_MAX];
	sqlite3_stmt *statement = NULL;
	uint64_t total = 0;
	int result = SQLITE_DONE;

	PAWL_ASSERT(page.limit >= 1 && page.limit <= PAWL_STORE_LIST_MAX);
	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_status_count, &statement));
	(void)sqlite3_bind_int64(statement, 1, action_id);
	PAWL_TRY(count_rows(statement, &total));
	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_status_list, &statement));
	(void)sqlite3_bind_int64(statement, 1, action_id);
	(void)sqlite3_bind_int64(
	    statement, 2, page.offset > INT64_MAX ? INT64_MAX : (int64_t)page.offset);
	(void)sqlite3_bind_int64(statement, 3, page.limit);
	pawl_err err = PAWL_ERR_OK;
	bool goes_on = true;
	while (goes_on && err == PAWL_ERR_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		struct pawl_arena arena = pawl_arena_of(memory, ROOM);
		struct pawl_store_status status = {
			.id = (uint64_t)sqlite3_column_int64(statement, 0),
			.action_id = action_id,
			.at = sqlite3_column_int64(statement, 1),
			.type = text_of(statement, 2, &err),
			.has_code = sqlite3_column_type(statement, 3) != SQLITE_NULL,
			.code = sqlite3_column_int(statement, 3),
			.messages = messages,
		};
		if (err == PAWL_ERR_OK)
			err = read_messages(
			    store, status.id, &arena, messages, &status.message_count);
		if (err == PAWL_ERR_OK)
			goes_on = on_status(context, &status);
	}
	(void)sqlite3_reset(statement);
	if (err == PAWL_ERR_OK)
		err = pawl_store_err(result);
	if (err == PAWL_ERR_OK)
		*ret_total = total;
	return err;
}

/* --- audit --- */

pawl_err pawl_store_list_audit(struct pawl_store *store, struct pawl_store_page page,
    bool (*on_entry)(void *context, const struct pawl_store_audit *entry), void *context,
    uint64_t *ret_total)
{
	sqlite3_stmt *statement = NULL;
	uint64_t total = 0;
	int result = SQLITE_DONE;

	PAWL_ASSERT(page.limit >= 1 && page.limit <= PAWL_STORE_LIST_MAX);
	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_audit_count, &statement));
	PAWL_TRY(count_rows(statement, &total));
	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_audit_list, &statement));
	(void)sqlite3_bind_int64(
	    statement, 1, page.offset > INT64_MAX ? INT64_MAX : (int64_t)page.offset);
	(void)sqlite3_bind_int64(statement, 2, page.limit);
	pawl_err err = PAWL_ERR_OK;
	bool goes_on = true;
	while (goes_on && err == PAWL_ERR_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		const struct pawl_store_audit entry = {
			.id = (uint64_t)sqlite3_column_int64(statement, 0),
			.at = sqlite3_column_int64(statement, 1),
			.actor = text_of(statement, 2, &err),
			.action = text_of(statement, 3, &err),
			.object = text_of(statement, 4, &err),
			.detail = text_of(statement, 5, &err),
		};
		if (err == PAWL_ERR_OK)
			goes_on = on_entry(context, &entry);
	}
	(void)sqlite3_reset(statement);
	if (err == PAWL_ERR_OK)
		err = pawl_store_err(result);
	if (err == PAWL_ERR_OK)
		*ret_total = total;
	return err;
}

/* --- single values --- */

static pawl_err copy_column(
    sqlite3_stmt *statement, int column, struct pawl_arena *arena, struct pawl_bytes *ret_bytes)
{
	const void *at = sqlite3_column_blob(statement, column);
	const size_t size = (size_t)sqlite3_column_bytes(statement, column);
	const struct pawl_bytes copy = pawl_arena_copy(arena, PAWL_BYTES(at, size));

	if (size > 0 && at == NULL)
		return PAWL_ERR_NO_MEMORY;
	if (size > 0 && copy.at == NULL)
		return PAWL_ERR_LIMIT;
	*ret_bytes = copy;
	return PAWL_ERR_OK;
}

/* Steps to the only row. PAWL_ERR_NOT_FOUND: there is none. */
static pawl_err only_row(sqlite3_stmt *statement)
{
	const int result = sqlite3_step(statement);

	if (result == SQLITE_DONE)
		return PAWL_ERR_NOT_FOUND;
	return result == SQLITE_ROW ? PAWL_ERR_OK : pawl_store_err(result);
}

pawl_err pawl_store_credential(struct pawl_store *store, uint32_t device_id,
    struct pawl_arena *arena, struct pawl_bytes *ret_csr, struct pawl_bytes *ret_certificate)
{
	struct pawl_bytes csr = PAWL_BYTES(NULL, 0);
	struct pawl_bytes certificate = PAWL_BYTES(NULL, 0);
	sqlite3_stmt *statement = NULL;

	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_credential_get, &statement));
	(void)sqlite3_bind_int64(statement, 1, device_id);
	pawl_err err = only_row(statement);
	if (err == PAWL_ERR_OK)
		err = copy_column(statement, 0, arena, &csr);
	if (err == PAWL_ERR_OK)
		err = copy_column(statement, 1, arena, &certificate);
	(void)sqlite3_reset(statement);
	if (err == PAWL_ERR_OK) {
		*ret_csr = csr;
		*ret_certificate = certificate;
	}
	return err;
}

pawl_err pawl_store_setting(struct pawl_store *store, const char *key, struct pawl_arena *arena,
    struct pawl_bytes *ret_value)
{
	sqlite3_stmt *statement = NULL;

	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_setting_get, &statement));
	pawl_err err = pawl_store_err(sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC));
	if (err == PAWL_ERR_OK)
		err = only_row(statement);
	if (err == PAWL_ERR_OK)
		err = copy_column(statement, 0, arena, ret_value);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement); /* the key is the caller's */
	return err;
}

static pawl_err read_token(sqlite3_stmt *statement, struct pawl_store_token *ret_token)
{
	struct pawl_store_token token = { .created_at = sqlite3_column_int64(statement, 2),
		.expires_at = sqlite3_column_int64(statement, 3) };
	pawl_err err = PAWL_ERR_OK;
	const char *name = text_of(statement, 0, &err);
	const void *digest = sqlite3_column_blob(statement, 1);

	if (err != PAWL_ERR_OK)
		return err;
	if (strlen(name) > PAWL_STORE_KEY_MAX || digest == NULL ||
	    sqlite3_column_bytes(statement, 1) != PAWL_SHA256_SIZE)
		return PAWL_ERR_CORRUPT;
	memcpy(token.name, name, strlen(name) + 1);
	memcpy(token.sha256, digest, PAWL_SHA256_SIZE);
	*ret_token = token;
	return PAWL_ERR_OK;
}

pawl_err pawl_store_token(struct pawl_store *store, const uint8_t sha256[PAWL_SHA256_SIZE],
    struct pawl_wall now, struct pawl_store_token *ret_token)
{
	sqlite3_stmt *statement = NULL;

	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_token_get, &statement));
	pawl_err err = pawl_store_err(
	    sqlite3_bind_blob(statement, 1, sha256, PAWL_SHA256_SIZE, SQLITE_STATIC));
	(void)sqlite3_bind_int64(statement, 2, now.ms);
	if (err == PAWL_ERR_OK)
		err = only_row(statement);
	if (err == PAWL_ERR_OK)
		err = read_token(statement, ret_token);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement); /* the digest is the caller's */
	return err;
}

pawl_err pawl_store_list_tokens(struct pawl_store *store,
    bool (*on_token)(void *context, const struct pawl_store_token *token), void *context)
{
	sqlite3_stmt *statement = NULL;
	struct pawl_store_token token;
	int result = SQLITE_DONE;
	bool goes_on = true;

	PAWL_TRY(pawl_store_statement(&store->reader, STORE_QUERY_token_list, &statement));
	pawl_err err = PAWL_ERR_OK;
	while (goes_on && err == PAWL_ERR_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		err = read_token(statement, &token);
		if (err == PAWL_ERR_OK)
			goes_on = on_token(context, &token);
	}
	(void)sqlite3_reset(statement);
	return err != PAWL_ERR_OK ? err : pawl_store_err(result);
}
