/* SPDX-License-Identifier: MIT
 *
 * Opening: is it ours, is it whole, is it of this version; and making a new one.
 *
 * Nothing is written before every check has passed. A new database is made
 * under another name and renamed when it is complete, so that an empty or
 * half-made file under the real name is always damage.
 */
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_SIZE = 100, PATH_ROOM = 4096 };

static pawl_err refuse(struct pawl_note *note, pawl_err err, const char *path, const char *text)
{
	pawl_note_add(note, path);
	pawl_note_add(note, ": ");
	pawl_note_add(note, text);
	return err;
}

static pawl_err refuse_errno(struct pawl_note *note, const char *path, int error)
{
	pawl_err err = PAWL_ERR_IO;

	if (error == ENOENT || error == ENOTDIR)
		err = PAWL_ERR_NOT_FOUND;
	else if (error == EACCES || error == EPERM || error == EROFS)
		err = PAWL_ERR_DENIED;
	else if (error == ENOSPC || error == EDQUOT)
		err = PAWL_ERR_NO_SPACE;
	else if (error == EEXIST)
		err = PAWL_ERR_EXISTS;
	return refuse(note, err, path, strerror(error));
}

static pawl_err refuse_damaged(struct pawl_note *note, const char *path, const char *what)
{
	pawl_note_add(note, path);
	pawl_note_add(note, ": ");
	pawl_note_add(note, what);
	pawl_note_add(note, "; nothing was changed: move it away together with its -wal file and "
			    "put the last backup in its place");
	return PAWL_ERR_CORRUPT;
}

int pawl_store_version(void)
{
	int version = 0;

	for (const struct pawl_store_sql_file *file = pawl_store_sql_files; file->name != NULL;
	     file++) {
		if (file->name[0] >= '0' && file->name[0] <= '9')
			version++;
	}
	return version;
}

/* --- files --- */

static pawl_err sync_path(const char *path, int flags, struct pawl_note *note)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0)
		return refuse_errno(note, path, errno);
	const int result = fsync(fd);
	const int error = errno;
	(void)close(fd); /* synced or reported */
	return result == 0 ? PAWL_ERR_OK : refuse_errno(note, path, error);
}

static pawl_err sync_folder_of(const char *path, struct pawl_note *note)
{
	char copy[PATH_ROOM];

	snprintf(copy, sizeof(copy), "%s", path);
	return sync_path(dirname(copy), O_DIRECTORY, note);
}

static pawl_err make_private_file(const char *path, struct pawl_note *note)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return refuse_errno(note, path, errno);
	(void)close(fd); /* empty */
	return PAWL_ERR_OK;
}

/* One process at a time; the lock ends with the process, however it ends. */
static pawl_err take_lock(struct pawl_store *store, struct pawl_note *note)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s.lock", store->path);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return refuse_errno(note, path, errno);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return PAWL_ERR_OK;
	if (errno != EWOULDBLOCK)
		return refuse_errno(note, path, errno);
	return refuse(note, PAWL_ERR_REFUSED, store->path,
	    "another process has it open; stop that one first");
}

/* --- checks --- */

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Looks at the first bytes without SQLite, which might recover a log into them. */
static pawl_err check_header(const char *path, struct pawl_note *note)
{
	uint8_t header[HEADER_SIZE];
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return refuse_errno(note, path, errno);
	const ssize_t got = pread(fd, header, sizeof(header), 0);
	const int error = errno;
	(void)close(fd); /* only read from */
	if (got < 0)
		return refuse_errno(note, path, error);
	if (got == 0)
		return refuse_damaged(note, path, "the database is empty");
	if (got < HEADER_SIZE)
		return refuse_damaged(note, path, "the database is cut off");
	if (memcmp(header, "SQLite format 3", 16) != 0)
		return refuse_damaged(note, path, "this is no SQLite database");
	if (be32(header + 68) != STORE_APPLICATION_ID)
		return refuse_damaged(note, path, "this database belongs to another program");
	return PAWL_ERR_OK;
}

static pawl_err read_version(struct store_connection *connection, int *ret_version)
{
	sqlite3_stmt *statement = NULL;

	PAWL_TRY(pawl_store_statement(connection, STORE_QUERY_version, &statement));
	const int result = sqlite3_step(statement);
	const int version = sqlite3_column_int(statement, 0);
	(void)sqlite3_reset(statement);
	if (result != SQLITE_ROW)
		return result == SQLITE_DONE ? PAWL_ERR_CORRUPT : pawl_store_err(result);
	*ret_version = version;
	return PAWL_ERR_OK;
}

static pawl_err check_content(
    struct store_connection *connection, const char *path, struct pawl_note *note)
{
	sqlite3_stmt *statement = NULL;
	char problem[160] = "the database is damaged";
	int version = 0;

	pawl_err err = read_version(connection, &version);
	if (err == PAWL_ERR_OK && version > pawl_store_version()) {
		refuse(note, PAWL_ERR_UNSUPPORTED, path, "its schema version ");
		pawl_note_add_int(note, version);
		pawl_note_add(note, " is newer than this program's ");
		pawl_note_add_int(note, pawl_store_version());
		pawl_note_add(note, "; start the newer program");
		return PAWL_ERR_UNSUPPORTED;
	}
	if (err == PAWL_ERR_OK && version < 1)
		return refuse_damaged(note, path, "the database has no schema version");
	if (err == PAWL_ERR_OK)
		err = pawl_store_statement(connection, STORE_QUERY_check, &statement);
	if (err == PAWL_ERR_OK) {
		const int result = sqlite3_step(statement);
		const char *text =
		    result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
		if (result != SQLITE_ROW)
			err = result == SQLITE_DONE ? PAWL_ERR_CORRUPT : pawl_store_err(result);
		else if (text == NULL)
			err = PAWL_ERR_NO_MEMORY;
		else if (strcmp(text, "ok") != 0)
			err = PAWL_ERR_CORRUPT;
		if (err == PAWL_ERR_CORRUPT && text != NULL)
			snprintf(problem, sizeof(problem), "the database is damaged (%.80s)", text);
		(void)sqlite3_reset(statement);
	}
	if (err == PAWL_ERR_CORRUPT)
		return refuse_damaged(note, path, problem);
	if (err != PAWL_ERR_OK) {
		refuse(note, err, path, "");
		pawl_store_explain(connection, note);
	}
	return err;
}

/* --- making and migrating --- */

/* All migrations after `version`, in one transaction. */
static pawl_err migrate(struct store_connection *connection, int version, struct pawl_note *note)
{
	int number = 0;
	pawl_err err = pawl_store_run(connection, STORE_QUERY_begin);

	if (err != PAWL_ERR_OK)
		pawl_store_explain(connection, note);
	for (const struct pawl_store_sql_file *file = pawl_store_sql_files;
	     err == PAWL_ERR_OK && file->name != NULL; file++) {
		if (file->name[0] < '0' || file->name[0] > '9' || ++number <= version)
			continue;
		err = pawl_store_script(connection, file->name, note);
	}
	if (err == PAWL_ERR_OK) {
		err = pawl_store_run(connection, STORE_QUERY_commit);
		if (err != PAWL_ERR_OK)
			pawl_store_explain(connection, note);
	}
	if (err != PAWL_ERR_OK && sqlite3_get_autocommit(connection->db) == 0)
		(void)pawl_store_run(connection, STORE_QUERY_rollback); /* closed next */
	return err;
}

static void remove_leftovers(const char *path)
{
	static const char *const endings[] = { "", "-journal", "-wal", "-shm" };
	char name[PATH_ROOM];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		(void)unlink(name); /* absent is what is wanted */
	}
}

static pawl_err create_file(const char *path, struct pawl_note *note)
{
	struct store_connection connection = { .db = NULL };
	char fresh[PATH_ROOM];

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	remove_leftovers(fresh);
	pawl_err err = make_private_file(fresh, note);
	if (err == PAWL_ERR_OK)
		err = pawl_store_connect(fresh, &connection, note);
	if (err == PAWL_ERR_OK)
		err = pawl_store_script(&connection, "s_create.sql", note);
	if (err == PAWL_ERR_OK)
		err = migrate(&connection, 0, note);
	pawl_store_disconnect(&connection);
	if (err == PAWL_ERR_OK)
		err = sync_path(fresh, 0, note);
	if (err == PAWL_ERR_OK && rename(fresh, path) != 0)
		err = refuse_errno(note, path, errno);
	if (err == PAWL_ERR_OK)
		err = sync_folder_of(path, note);
	else
		remove_leftovers(fresh);
	return err;
}

/* A write-ahead log without its database: the database was lost, and a new
 * one in its place would be overwritten by the log. */
static pawl_err check_no_orphan(const char *path, struct pawl_note *note)
{
	char wal[PATH_ROOM];
	struct stat status;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (stat(wal, &status) == 0 && status.st_size > 0)
		return refuse_damaged(
		    note, path, "the database is gone but its -wal file is there");
	return PAWL_ERR_OK;
}

static pawl_err open_writer(struct pawl_store *store, struct pawl_note *note)
{
	int version = 0;

	if (access(store->path, F_OK) != 0) {
		if (errno != ENOENT)
			return refuse_errno(note, store->path, errno);
		PAWL_TRY(check_no_orphan(store->path, note));
		PAWL_TRY(create_file(store->path, note));
	}
	PAWL_TRY(check_header(store->path, note));
	PAWL_TRY(pawl_store_connect(store->path, &store->writer, note));
	/* A damaged file must stay as it was found: no log is moved into it. */
	(void)sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	PAWL_TRY(check_content(&store->writer, store->path, note));
	PAWL_TRY(pawl_store_script(&store->writer, "s_writer.sql", note));
	PAWL_TRY(read_version(&store->writer, &version));
	if (version < pawl_store_version())
		PAWL_TRY(migrate(&store->writer, version, note));
	(void)sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return PAWL_ERR_OK;
}

static pawl_err start_writer(struct pawl_store *store)
{
	pthread_condattr_t attributes;

	if (pthread_mutex_init(&store->mutex, NULL) != 0 || pthread_condattr_init(&attributes) != 0)
		return PAWL_ERR_NO_MEMORY;
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* always known on Linux */
	const bool made = pthread_cond_init(&store->work, &attributes) == 0 &&
			  pthread_cond_init(&store->done, &attributes) == 0;
	(void)pthread_condattr_destroy(&attributes);
	if (!made)
		return PAWL_ERR_NO_MEMORY;
	store->has_locks = true;
	store->has_thread = pthread_create(&store->thread, NULL, pawl_store_writer, store) == 0;
	return store->has_thread ? PAWL_ERR_OK : PAWL_ERR_NO_MEMORY;
}

pawl_err pawl_store_open(
    const struct pawl_store_options *options, struct pawl_store **ret_store, struct pawl_note *note)
{
	struct pawl_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return PAWL_ERR_NO_MEMORY;
	store->lock_fd = -1;
	store->on_progress = options->on_progress;
	store->context = options->context;
	store->retry_ms = options->retry_ms == 0 ? 1000 : options->retry_ms;
	store->path = strdup(options->path);
	pawl_err err = store->path == NULL ? PAWL_ERR_NO_MEMORY : PAWL_ERR_OK;
	if (err == PAWL_ERR_OK && strlen(store->path) + 16 > PATH_ROOM)
		err = refuse(note, PAWL_ERR_LIMIT, "database", "the path is too long");
	if (err == PAWL_ERR_OK)
		err = take_lock(store, note);
	if (err == PAWL_ERR_OK)
		err = open_writer(store, note);
	if (err == PAWL_ERR_OK)
		err = pawl_store_connect(store->path, &store->reader, note);
	if (err == PAWL_ERR_OK)
		err = pawl_store_script(&store->reader, "s_reader.sql", note);
	if (err == PAWL_ERR_OK)
		err = start_writer(store);
	if (err != PAWL_ERR_OK) {
		(void)pawl_store_close(store); /* nothing was queued */
		return err;
	}
	*ret_store = store;
	return PAWL_ERR_OK;
}

pawl_err pawl_store_close(struct pawl_store *store)
{
	pawl_err err = PAWL_ERR_OK;

	if (store == NULL)
		return PAWL_ERR_OK;
	if (store->has_thread) {
		pthread_mutex_lock(&store->mutex);
		store->closing = true;
		pthread_cond_signal(&store->work);
		pthread_mutex_unlock(&store->mutex);
		(void)pthread_join(store->thread, NULL);
		if (store->first != NULL || store->progress.broken)
			err = store->progress.err;
	}
	while (store->first != NULL) {
		struct store_batch *batch = store->first;
		store->first = batch->next;
		free(batch->at);
		free(batch);
	}
	pawl_store_drop(store);
	pawl_store_disconnect(&store->reader);
	pawl_store_disconnect(&store->writer);
	if (store->has_locks) {
		(void)pthread_cond_destroy(&store->done);
		(void)pthread_cond_destroy(&store->work);
		(void)pthread_mutex_destroy(&store->mutex);
	}
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd); /* ends the lock */
	free(store->path);
	free(store);
	return err;
}

pawl_err pawl_store_backup(struct pawl_store *store, const char *path, struct pawl_note *note)
{
	struct store_connection connection = { .db = NULL };
	sqlite3_stmt *statement = NULL;

	PAWL_TRY(make_private_file(path, note));
	/* One of its own: the reading connection may not write anywhere. */
	pawl_err err = pawl_store_connect(store->path, &connection, note);
	if (err == PAWL_ERR_OK) {
		err = pawl_store_statement(&connection, STORE_QUERY_backup, &statement);
		if (err == PAWL_ERR_OK)
			err = pawl_store_err(
			    sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC));
		if (err == PAWL_ERR_OK)
			err = pawl_store_err(sqlite3_step(statement));
		if (err != PAWL_ERR_OK)
			pawl_store_explain(&connection, note);
		pawl_store_disconnect(&connection);
	}
	/* SQLite does not sync the copy. */
	if (err == PAWL_ERR_OK)
		err = sync_path(path, 0, note);
	if (err == PAWL_ERR_OK)
		err = sync_folder_of(path, note);
	if (err != PAWL_ERR_OK)
		remove_leftovers(path);
	return err;
}
