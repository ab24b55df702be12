/* SPDX-License-Identifier: MIT
 *
 * Files that are not what they should be: each is refused with a note that
 * says what to do, and is byte for byte what it was.
 */
#include "cmocka_setup.h"
#include "store_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char path[128];
static char wal[144];

static pawl_err try_open(struct pawl_store **ret_store, struct pawl_note *note)
{
	const struct pawl_store_options options = { .path = path };

	pawl_note_clear(note);
	return pawl_store_open(&options, ret_store, note);
}

static struct pawl_store *must_open(void)
{
	struct pawl_store *store = NULL;
	struct pawl_note note;

	if (try_open(&store, &note) != PAWL_ERR_OK)
		fail_msg("%s", note.text);
	return store;
}

static void put(struct pawl_store *store, const char *key)
{
	uint64_t ticket = 0;

	pawl_store_put_setting(store, key, PAWL_BYTES_LIT("value"));
	assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_wait(store), PAWL_ERR_OK);
}

static bool has(struct pawl_store *store, const char *key)
{
	uint8_t memory[64];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_bytes value;

	return pawl_store_setting(store, key, &arena, &value) == PAWL_ERR_OK;
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/pawl_damage_XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pawl.db", folder);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
	return 0;
}

static uint8_t *read_file(const char *name, size_t *ret_size)
{
	struct stat status;
	const int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	uint8_t *bytes = malloc((size_t)status.st_size + 1);
	assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
	close(fd);
	*ret_size = (size_t)status.st_size;
	return bytes;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* The file is refused with `err` and a note that has `part`, and stays as it is. */
static void assert_refused(pawl_err err, const char *part)
{
	struct pawl_store *store = NULL;
	struct pawl_note note;
	size_t before_size = 0;
	size_t after_size = 0;
	uint8_t *before = read_file(path, &before_size);

	const pawl_err got = try_open(&store, &note);
	uint8_t *after = read_file(path, &after_size);
	if (strstr(note.text, part) == NULL)
		fail_msg("'%s' lacks '%s'", note.text, part);
	assert_int_equal(got, err);
	assert_null(store);
	assert_int_equal(before_size, after_size);
	assert_memory_equal(before, after, before_size);
	free(before);
	free(after);
}

static void change_file(size_t at, const void *bytes, size_t size)
{
	const int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, (off_t)at), size);
	close(fd);
}

/* A database with enough rows that every kind of page is there. */
static void make_database(void)
{
	struct pawl_store *store = must_open();
	uint64_t ticket = 0;

	for (int i = 0; i < 500; i++) {
		char key[32];
		snprintf(key, sizeof(key), "key-%d", i);
		pawl_store_put_setting(store, key, PAWL_BYTES_LIT("a value of some length"));
		const struct pawl_store_audit entry = { .at = i,
			.actor = "operator:anna",
			.action = "rollout.start",
			.object = "rollout:7",
			.detail = "why not" };
		pawl_store_add_audit(store, &entry);
	}
	assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
}

static void a_new_database_is_private_and_opens_again(void **state)
{
	struct stat status;

	(void)state;
	struct pawl_store *store = must_open();
	put(store, "key");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stat(wal, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
	assert_int_equal(pawl_store_close(NULL), PAWL_ERR_OK);
	assert_int_not_equal(stat(wal, &status), 0);
	store = must_open();
	assert_true(has(store, "key"));
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
}

static void foreign_and_empty_files_are_refused(void **state)
{
	char garbage[8192];

	(void)state;
	write_file(path, "", 0);
	assert_refused(PAWL_ERR_CORRUPT,
	    "pawl.db: the database is empty; nothing was changed: move "
	    "it away together with its -wal file and put the last "
	    "backup in its place");
	memset(garbage, 0x55, sizeof(garbage));
	write_file(path, garbage, sizeof(garbage));
	assert_refused(PAWL_ERR_CORRUPT, "this is no SQLite database");
	write_file(path, "SQLite format 3", 16);
	assert_refused(PAWL_ERR_CORRUPT, "the database is cut off");
	unlink(path);
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_refused(PAWL_ERR_CORRUPT, "this database belongs to another program");
}

static void newer_and_missing_versions_are_refused(void **state)
{
	const uint8_t newer[] = { 0, 0, 0, 99 };
	const uint8_t none[] = { 0, 0, 0, 0 };

	(void)state;
	make_database();
	change_file(60, newer, 4);
	assert_refused(PAWL_ERR_UNSUPPORTED,
	    "its schema version 99 is newer than this program's 2; start the newer program");
	change_file(60, none, 4);
	assert_refused(PAWL_ERR_CORRUPT, "the database has no schema version");
}

static void cut_databases_are_refused(void **state)
{
	size_t size = 0;

	(void)state;
	make_database();
	uint8_t *whole = read_file(path, &size);
	assert_true(size > 5 * 4096);
	for (size_t cut = 50; cut < size; cut += 4096 + 13) {
		write_file(path, whole, cut);
		assert_refused(PAWL_ERR_CORRUPT, "; nothing was changed: ");
	}
	write_file(path, whole, size);
	assert_int_equal(pawl_store_close(must_open()), PAWL_ERR_OK);
	free(whole);
}

static void flipped_pages_are_refused(void **state)
{
	uint8_t garbage[4096];
	size_t size = 0;
	size_t pages = 0;

	(void)state;
	make_database();
	uint8_t *whole = read_file(path, &size);
	memset(garbage, 0xa5, sizeof(garbage));
	for (size_t page = 1; page < size / 4096; page++) {
		write_file(path, whole, size);
		change_file(page * 4096, garbage, sizeof(garbage));
		assert_refused(PAWL_ERR_CORRUPT, "; nothing was changed: ");
		pages++;
	}
	assert_true(pages > 5);
	free(whole);
}

/* Copies of database and log of a store that is still open: a power cut. */
static void cut_the_power(
    uint8_t **ret_db, size_t *ret_db_size, uint8_t **ret_wal, size_t *ret_wal_size)
{
	make_database();
	struct pawl_store *store = must_open();
	put(store, "last-1");
	put(store, "last-2");
	*ret_db = read_file(path, ret_db_size);
	*ret_wal = read_file(wal, ret_wal_size);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
}

static void a_half_written_log_loses_only_its_end(void **state)
{
	uint8_t *db = NULL;
	uint8_t *log = NULL;
	size_t db_size = 0;
	size_t log_size = 0;
	size_t both = 0;
	size_t one = 0;

	(void)state;
	cut_the_power(&db, &db_size, &log, &log_size);
	for (size_t size = 0; size <= log_size; size += size < log_size ? 509 : 1) {
		const size_t cut = size + 509 > log_size && size != log_size ? log_size : size;

		write_file(path, db, db_size);
		write_file(wal, log, cut);
		struct pawl_store *store = must_open();
		assert_true(has(store, "key-499"));
		const bool has_first = has(store, "last-1");
		const bool has_second = has(store, "last-2");
		assert_true(has_first || !has_second);
		both += has_first && has_second;
		one += has_first && !has_second;
		assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
		if (cut == log_size)
			break;
	}
	assert_int_equal(both, 1); /* only with the whole log */
	assert_true(one > 0);
	/* A log of garbage is no log. */
	memset(log, 0x3c, log_size);
	write_file(path, db, db_size);
	write_file(wal, log, log_size);
	struct pawl_store *store = must_open();
	assert_true(has(store, "key-499"));
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
	free(db);
	free(log);
}

static void a_damaged_database_keeps_its_log(void **state)
{
	uint8_t *db = NULL;
	uint8_t *log = NULL;
	size_t db_size = 0;
	size_t log_size = 0;
	size_t after_size = 0;
	uint8_t garbage[4096];

	(void)state;
	cut_the_power(&db, &db_size, &log, &log_size);
	memset(garbage, 0xa5, sizeof(garbage));
	write_file(path, db, db_size);
	write_file(wal, log, log_size);
	/* A page that the log does not bring back. */
	change_file(20 * 4096, garbage, sizeof(garbage));
	assert_refused(PAWL_ERR_CORRUPT, "the database is damaged");
	uint8_t *after = read_file(wal, &after_size);
	assert_int_equal(after_size, log_size);
	assert_memory_equal(after, log, log_size);
	free(after);
	/* The database itself is gone: the log is not thrown away. */
	unlink(path);
	struct pawl_store *store = NULL;
	struct pawl_note note;
	assert_int_equal(try_open(&store, &note), PAWL_ERR_CORRUPT);
	assert_non_null(strstr(note.text, "the database is gone but its -wal file is there"));
	free(db);
	free(log);
}

static void a_second_process_is_refused(void **state)
{
	struct pawl_store *second = NULL;
	struct pawl_note note;

	(void)state;
	struct pawl_store *store = must_open();
	assert_int_equal(try_open(&second, &note), PAWL_ERR_REFUSED);
	assert_non_null(strstr(note.text, "another process has it open; stop that one first"));
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
	assert_int_equal(pawl_store_close(must_open()), PAWL_ERR_OK);
}

static void leftovers_of_a_cut_creation_do_no_harm(void **state)
{
	char fresh[144];

	(void)state;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	write_file(fresh, "half", 4);
	assert_int_equal(pawl_store_close(must_open()), PAWL_ERR_OK);
	assert_int_not_equal(access(fresh, F_OK), 0);
}

/* In a child without privileges: root may write everywhere. */
static int open_as_nobody(void)
{
	int status = -1;
	const pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct pawl_store *store = NULL;
		struct pawl_note note = { { 0 } };
		const struct pawl_store_options options = { .path = path };

		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		_exit((int)pawl_store_open(&options, &store, &note));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void folders_that_can_not_be_used_are_told_apart(void **state)
{
	struct pawl_store *store = NULL;
	struct pawl_note note;

	(void)state;
	assert_int_equal(chmod(folder, 0555), 0);
	assert_int_equal(open_as_nobody(), PAWL_ERR_DENIED);
	assert_int_equal(chmod(folder, 0755), 0);
	make_database();
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(folder, 0555), 0);
	assert_int_equal(open_as_nobody(), PAWL_ERR_DENIED);
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/nowhere/pawl.db", folder);
	assert_int_equal(try_open(&store, &note), PAWL_ERR_NOT_FOUND);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_new_database_is_private_and_opens_again),
		CASE(foreign_and_empty_files_are_refused),
		CASE(newer_and_missing_versions_are_refused),
		CASE(cut_databases_are_refused),
		CASE(flipped_pages_are_refused),
		CASE(a_half_written_log_loses_only_its_end),
		CASE(a_damaged_database_keeps_its_log),
		CASE(a_second_process_is_refused),
		CASE(leftovers_of_a_cut_creation_do_no_harm),
		CASE(folders_that_can_not_be_used_are_told_apart),
	};

	return cmocka_run_group_tests_name("store damage", tests, NULL, NULL);
}
