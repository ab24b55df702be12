/* SPDX-License-Identifier: MIT
 *
 * Disks that fill up, disks that fail at the n-th operation, memory that runs
 * out, and kill -9 at random moments. What was acknowledged is there afterwards.
 *
 * A thin layer over SQLite's own file layer counts operations and fails them;
 * another over its allocator.
 */
#include "cmocka_setup.h"
#include "store_internal.h"

#include "pawl/prng.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- faults --- */

/* Counts down at each operation; the one that reaches 0 fails, and all after it
 * while `stays` is set. Negative: nothing fails. */
static atomic_int io_left = -1;
static atomic_bool io_stays;
static atomic_int io_result = SQLITE_IOERR_WRITE;
static atomic_int memory_left = -1;
static atomic_bool failed_once;

static bool is_due(atomic_int *left, bool stays)
{
	int now = atomic_load(left);

	if (now < 0)
		return false;
	if (now > 0) {
		atomic_store(left, now - 1);
		return false;
	}
	if (!stays)
		atomic_store(left, -1);
	atomic_store(&failed_once, true);
	return true;
}

static bool io_fails(void)
{
	return is_due(&io_left, atomic_load(&io_stays));
}

/* SQLite hands this file structure to us; the real one stands behind it. */
struct faulty_file {
	sqlite3_file base;
	sqlite3_io_methods methods;
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct faulty_file *)(void *)file)->real;
}

static int faulty_write(sqlite3_file *file, const void *at, int size, sqlite3_int64 offset)
{
	if (io_fails())
		return atomic_load(&io_result);
	return real_of(file)->pMethods->xWrite(real_of(file), at, size, offset);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
	if (io_fails())
		return atomic_load(&io_result) == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (io_fails())
		return SQLITE_IOERR_TRUNCATE;
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int plain_close(sqlite3_file *file)
{
	const int result = real_of(file)->pMethods->xClose(real_of(file));

	free(real_of(file));
	return result;
}

static int plain_read(sqlite3_file *file, void *at, int size, sqlite3_int64 offset)
{
	return real_of(file)->pMethods->xRead(real_of(file), at, size, offset);
}

static int plain_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int plain_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int plain_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int plain_is_reserved(sqlite3_file *file, int *reserved)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int plain_control(sqlite3_file *file, int operation, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int plain_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int plain_traits(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int plain_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}

static int plain_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void plain_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int plain_shm_unmap(sqlite3_file *file, int remove)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods faulty_methods = { .iVersion = 2,
	.xClose = plain_close,
	.xRead = plain_read,
	.xWrite = faulty_write,
	.xTruncate = faulty_truncate,
	.xSync = faulty_sync,
	.xFileSize = plain_size,
	.xLock = plain_lock,
	.xUnlock = plain_unlock,
	.xCheckReservedLock = plain_is_reserved,
	.xFileControl = plain_control,
	.xSectorSize = plain_sector,
	.xDeviceCharacteristics = plain_traits,
	.xShmMap = plain_shm_map,
	.xShmLock = plain_shm_lock,
	.xShmBarrier = plain_shm_barrier,
	.xShmUnmap = plain_shm_unmap };

static int faulty_open(
    sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct faulty_file *faulty = (struct faulty_file *)(void *)file;

	(void)vfs;
	memset(faulty, 0, sizeof(*faulty));
	faulty->real = calloc(1, (size_t)real_vfs->szOsFile);
	if (faulty->real == NULL)
		return SQLITE_NOMEM;
	const int result = real_vfs->xOpen(real_vfs, name, faulty->real, flags, out_flags);
	if (result != SQLITE_OK) {
		free(faulty->real);
		return result;
	}
	faulty->base.pMethods = &faulty_methods;
	return SQLITE_OK;
}

static sqlite3_mem_methods real_memory;

static void *faulty_malloc(int size)
{
	return is_due(&memory_left, false) ? NULL : real_memory.xMalloc(size);
}

static void *faulty_realloc(void *at, int size)
{
	return is_due(&memory_left, false) ? NULL : real_memory.xRealloc(at, size);
}

static void install_faults(void)
{
	static sqlite3_vfs faulty;
	sqlite3_mem_methods memory;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
	memory = real_memory;
	memory.xMalloc = faulty_malloc;
	memory.xRealloc = faulty_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory), SQLITE_OK);
	assert_int_equal(sqlite3_initialize(), SQLITE_OK);
	real_vfs = sqlite3_vfs_find(NULL);
	assert_non_null(real_vfs);
	faulty = *real_vfs;
	faulty.zName = "faulty";
	faulty.szOsFile = (int)sizeof(struct faulty_file);
	faulty.xOpen = faulty_open;
	assert_int_equal(sqlite3_vfs_register(&faulty, 1), SQLITE_OK);
}

static void no_faults(void)
{
	atomic_store(&io_left, -1);
	atomic_store(&io_stays, false);
	atomic_store(&memory_left, -1);
	atomic_store(&failed_once, false);
	atomic_store(&io_result, SQLITE_IOERR_WRITE);
}

/* --- a store to hurt --- */

static char folder[64];
static char path[128];

static int setup(void **state)
{
	(void)state;
	no_faults();
	snprintf(folder, sizeof(folder), "/tmp/pawl_fault_XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pawl.db", folder);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	no_faults();
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
	return 0;
}

static pawl_err try_open(struct pawl_store **ret_store, struct pawl_note *note)
{
	const struct pawl_store_options options = { .path = path, .retry_ms = 1 };

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

static void put_numbered(struct pawl_store *store, uint64_t number)
{
	char key[32];

	snprintf(key, sizeof(key), "n-%llu", (unsigned long long)number);
	pawl_store_put_setting(store, key, PAWL_BYTES_LIT("half a kilobyte would be more"));
	/* Two rows in one batch: both or none. */
	snprintf(key, sizeof(key), "m-%llu", (unsigned long long)number);
	pawl_store_put_setting(store, key, PAWL_BYTES_LIT("x"));
}

static bool has(struct pawl_store *store, char kind, uint64_t number)
{
	char key[32];
	uint8_t memory[64];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_bytes value;

	snprintf(key, sizeof(key), "%c-%llu", kind, (unsigned long long)number);
	return pawl_store_setting(store, key, &arena, &value) == PAWL_ERR_OK;
}

/* Batches 1..durable are there, every batch is whole, and they are a prefix. */
static uint64_t check_prefix(struct pawl_store *store, uint64_t durable, uint64_t submitted)
{
	uint64_t count = 0;

	for (uint64_t i = 1; i <= submitted; i++) {
		assert_int_equal(has(store, 'n', i), has(store, 'm', i));
		if (has(store, 'n', i)) {
			assert_int_equal(i, count + 1);
			count = i;
		}
	}
	assert_true(count >= durable);
	return count;
}

/* --- full disks --- */

static void a_full_disk_acknowledges_nothing_and_recovers(void **state)
{
	uint64_t ticket = 0;

	(void)state;
	struct pawl_store *store = must_open();
	put_numbered(store, 1);
	assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_wait(store), PAWL_ERR_OK);
	atomic_store(&io_result, SQLITE_FULL);
	atomic_store(&io_stays, true);
	atomic_store(&io_left, 0);
	for (uint64_t i = 2; i <= 5; i++) {
		put_numbered(store, i);
		assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
		assert_int_equal(pawl_store_wait(store), PAWL_ERR_NO_SPACE);
		const struct pawl_store_progress progress = pawl_store_progress(store);
		assert_int_equal(progress.durable, 1);
		assert_int_equal(progress.refused, i);
		assert_int_equal(progress.err, PAWL_ERR_NO_SPACE);
		assert_false(progress.broken);
		assert_non_null(strstr(progress.note.text, "full"));
	}
	no_faults();
	/* By itself: everything that was kept is stored now. */
	while (pawl_store_progress(store).durable < 5)
		assert_true(pawl_store_progress(store).err == PAWL_ERR_NO_SPACE ||
			    pawl_store_progress(store).err == PAWL_ERR_OK);
	assert_int_equal(pawl_store_progress(store).err, PAWL_ERR_OK);
	assert_int_equal(pawl_store_progress(store).refused, 0);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
	store = must_open();
	assert_int_equal(check_prefix(store, 5, 6), 5);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
}

static void closing_on_a_full_disk_says_what_is_lost(void **state)
{
	uint64_t ticket = 0;

	(void)state;
	struct pawl_store *store = must_open();
	put_numbered(store, 1);
	assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_wait(store), PAWL_ERR_OK);
	atomic_store(&io_result, SQLITE_FULL);
	atomic_store(&io_stays, true);
	atomic_store(&io_left, 0);
	put_numbered(store, 2);
	assert_int_equal(pawl_store_submit(store, &ticket), PAWL_ERR_OK);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_NO_SPACE);
	no_faults();
	store = must_open();
	assert_int_equal(check_prefix(store, 1, 2), 1);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
}

/* --- the n-th operation fails --- */

/* Opens, writes, closes with one fault armed; afterwards without. Returns whether the
 * fault was met. */
static bool live_with_fault(uint64_t batches)
{
	struct pawl_store *store = NULL;
	struct pawl_note note;
	struct pawl_store_progress progress = { .durable = 0 };
	uint64_t ticket = 0;

	if (try_open(&store, &note) == PAWL_ERR_OK) {
		for (uint64_t i = 1; i <= batches; i++) {
			put_numbered(store, i);
			if (pawl_store_submit(store, &ticket) != PAWL_ERR_OK)
				break;
			/* A failure that passes is tried again until it is stored. */
			while (pawl_store_wait(store) != PAWL_ERR_OK &&
			       !pawl_store_progress(store).broken) {
			}
		}
		progress = pawl_store_progress(store);
		assert_false(progress.broken);
		assert_int_equal(progress.durable, batches);
		(void)pawl_store_close(store);
	}
	const bool met = atomic_load(&failed_once);
	no_faults();
	store = must_open();
	check_prefix(store, progress.durable, batches);
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
	return met;
}

static void forget_database(void)
{
	static const char *const endings[] = { "", "-wal", "-shm", ".lock", ".new" };
	char name[160];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		(void)unlink(name); /* absent is what is wanted */
	}
}

static void every_single_write_or_sync_may_fail(void **state)
{
	static const int results[] = { SQLITE_IOERR_WRITE, SQLITE_FULL };
	int places = 0;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		bool met = true;
		for (int n = 0; met; n++) {
			forget_database();
			no_faults();
			atomic_store(&io_result, results[k]);
			atomic_store(&io_left, n);
			met = live_with_fault(4);
			places += met;
		}
	}
	printf("             faults injected at %d writes and syncs\n", places);
	assert_true(places > 40);
}

static void allocations_of_sqlite_may_fail(void **state)
{
	bool met = true;
	int places = 0;

	(void)state;
	/* Every 61st place: a prime, so that loops inside SQLite are met at all their
	 * allocations, and the test stays short. */
	for (int n = 0; met; n += 61) {
		forget_database();
		no_faults();
		atomic_store(&memory_left, n);
		met = live_with_fault(2);
		places += met;
	}
	printf("             faults injected at %d allocations\n", places);
	assert_true(places > 40);
}

/* --- kill -9 --- */

struct pipe_report {
	int fd;
};

static void report_durable(void *context, const struct pawl_store_progress *progress)
{
	const struct pipe_report *report = context;

	if (write(report->fd, &progress->durable, sizeof(progress->durable)) !=
	    (ssize_t)sizeof(progress->durable))
		_exit(3);
}

_Noreturn static void write_until_killed(int fd, uint64_t begin)
{
	struct pipe_report report = { .fd = fd };
	const struct pawl_store_options options = {
		.path = path, .on_progress = report_durable, .context = &report
	};
	struct pawl_store *store = NULL;
	struct pawl_note note = { { 0 } };
	uint64_t ticket = 0;

	if (pawl_store_open(&options, &store, &note) != PAWL_ERR_OK)
		_exit(2);
	for (uint64_t i = begin;; i++) {
		put_numbered(store, i);
		if (pawl_store_submit(store, &ticket) != PAWL_ERR_OK)
			_exit(4);
		/* Neither one at a time nor without end. */
		if (i % 16 == 0 && pawl_store_wait(store) != PAWL_ERR_OK)
			_exit(5);
	}
}

static uint64_t check_whole(uint64_t begin)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	uint64_t count = begin;

	struct pawl_store *store = must_open();
	while (has(store, 'n', count)) {
		assert_true(has(store, 'm', count));
		count++;
	}
	assert_false(has(store, 'm', count));
	assert_int_equal(pawl_store_close(store), PAWL_ERR_OK);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL), 0);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

static void kill_9_loses_nothing_that_was_acknowledged(void **state)
{
	enum { ROUNDS = 32 };
	struct pawl_prng prng = pawl_prng_of(7);
	uint64_t next = 1;
	uint64_t acknowledged_in_all = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2];
		uint64_t durable = 0;
		uint64_t report = 0;
		/* Killed after so many reports: some moment within the next transaction. */
		uint64_t reports = pawl_prng_below(&prng, 12);
		const long delay_ns = (long)pawl_prng_below(&prng, 3000000);

		assert_int_equal(pipe(ends), 0);
		const pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(ends[0]);
			write_until_killed(ends[1], next);
		}
		close(ends[1]);
		while (reports-- > 0 && read(ends[0], &report, sizeof(report)) == sizeof(report))
			durable = report;
		nanosleep(&(struct timespec){ .tv_nsec = delay_ns }, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		int status = 0;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		/* What it said before it died counts too. */
		while (read(ends[0], &report, sizeof(report)) == sizeof(report))
			durable = report;
		close(ends[0]);
		const uint64_t found = check_whole(next);
		assert_true(found - next >= durable);
		acknowledged_in_all += durable;
		next = found;
	}
	printf("             %d kills, %llu tickets acknowledged, %llu found\n", ROUNDS,
	    (unsigned long long)acknowledged_in_all, (unsigned long long)(next - 1));
	assert_true(acknowledged_in_all > 100);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_full_disk_acknowledges_nothing_and_recovers),
		CASE(closing_on_a_full_disk_says_what_is_lost),
		CASE(every_single_write_or_sync_may_fail),
		CASE(allocations_of_sqlite_may_fail),
		CASE(kill_9_loses_nothing_that_was_acknowledged),
	};

	install_faults();
	return cmocka_run_group_tests_name("store fault", tests, NULL, NULL);
}
