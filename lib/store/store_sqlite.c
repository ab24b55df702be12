/* SPDX-License-Identifier: MIT
 *
 * The thin layer over SQLite: connections, statements, what its results mean.
 */
#include "store_internal.h"

#include <string.h>

static const char *const query_files[] = {
#define X(name) "q_" #name ".sql",
	STORE_QUERIES(X)
#undef X
};

const char *pawl_store_query_file(store_query query)
{
	return query_files[query];
}

const char *pawl_store_sql(const char *name)
{
	for (const struct pawl_store_sql_file *file = pawl_store_sql_files; file->name != NULL;
	     file++) {
		if (strcmp(file->name, name) == 0)
			return file->text;
	}
	return NULL;
}

pawl_err pawl_store_err(int sqlite_result)
{
	if (sqlite_result == SQLITE_IOERR_NOMEM)
		return PAWL_ERR_NO_MEMORY;
	switch (sqlite_result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return PAWL_ERR_OK;
	case SQLITE_FULL: return PAWL_ERR_NO_SPACE;
	case SQLITE_NOMEM: return PAWL_ERR_NO_MEMORY;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH: return PAWL_ERR_DENIED;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	/* Below: an operation that contradicts the schema, or a schema that is not ours. */
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
	case SQLITE_MISUSE:
	case SQLITE_ERROR: return PAWL_ERR_CORRUPT;
	default: return PAWL_ERR_IO;
	}
}

void pawl_store_explain(const struct store_connection *connection, struct pawl_note *note)
{
	pawl_note_add(note, sqlite3_errmsg(connection->db));
	pawl_note_add(note, " (SQLite ");
	pawl_note_add_int(note, sqlite3_extended_errcode(connection->db));
	pawl_note_add(note, ")");
}

pawl_err pawl_store_connect(
    const char *path, struct store_connection *ret_connection, struct pawl_note *note)
{
	struct store_connection connection = { .db = NULL };
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	const int result = sqlite3_open_v2(path, &connection.db, flags, NULL);

	if (result != SQLITE_OK) {
		pawl_note_add(note, path);
		pawl_note_add(note, ": ");
		pawl_note_add(note,
		    connection.db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(connection.db));
		pawl_store_disconnect(&connection);
		return pawl_store_err(result);
	}
	(void)sqlite3_extended_result_codes(connection.db, 1);
	(void)sqlite3_busy_timeout(connection.db, 5000);
	*ret_connection = connection;
	return PAWL_ERR_OK;
}

void pawl_store_disconnect(struct store_connection *connection)
{
	for (size_t i = 0; i < STORE_QUERY_COUNT; i++)
		(void)sqlite3_finalize(connection->statements[i]);
	(void)sqlite3_close(connection->db);
	*connection = (struct store_connection){ .db = NULL };
}

pawl_err pawl_store_statement(
    struct store_connection *connection, store_query query, sqlite3_stmt **ret_statement)
{
	if (connection->statements[query] == NULL) {
		const char *text = pawl_store_sql(query_files[query]);

		PAWL_ASSERT(text != NULL);
		const int result = sqlite3_prepare_v3(connection->db, text, -1,
		    SQLITE_PREPARE_PERSISTENT, &connection->statements[query], NULL);
		if (result != SQLITE_OK)
			return pawl_store_err(result);
	}
	/* Reset repeats the failure of the last step; that was reported then. */
	(void)sqlite3_reset(connection->statements[query]);
	(void)sqlite3_clear_bindings(connection->statements[query]);
	*ret_statement = connection->statements[query];
	return PAWL_ERR_OK;
}

pawl_err pawl_store_run(struct store_connection *connection, store_query query)
{
	sqlite3_stmt *statement = NULL;

	PAWL_TRY(pawl_store_statement(connection, query, &statement));
	const int result = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	return pawl_store_err(result);
}

pawl_err pawl_store_script(
    struct store_connection *connection, const char *name, struct pawl_note *note)
{
	const char *text = pawl_store_sql(name);

	if (text == NULL)
		return PAWL_ERR_NOT_FOUND;
	const int result = sqlite3_exec(connection->db, text, NULL, NULL, NULL);
	if (result != SQLITE_OK) {
		pawl_note_add(note, name);
		pawl_note_add(note, ": ");
		pawl_store_explain(connection, note);
	}
	return pawl_store_err(result);
}
