/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/env.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *const at = path[turn++ % 4];
	assert_int_equal(pawl_env_join(folder, name, 256, at), PAWL_ERR_OK);
	return at;
}

static int make_test_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/pawl-env-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)type;
	(void)walk;
	return remove(path);
}

static int remove_test_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void expect_content(const char *path, const char *content)
{
	uint8_t *at = NULL;
	size_t size = 0;
	assert_int_equal(pawl_env_read_file(path, 4096, &at, &size, NULL), PAWL_ERR_OK);
	assert_int_equal(size, strlen(content));
	assert_string_equal((const char *)at, content);
	free(at);
}

static void files_are_replaced_at_once(void **state)
{
	(void)state;
	const char *path = in_folder("file");
	struct stat info;
	assert_int_equal(pawl_env_write_file(path, 0600, PAWL_BYTES_LIT("one"), NULL), PAWL_ERR_OK);
	expect_content(path, "one");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(pawl_env_write_file(path, 0644, PAWL_BYTES_LIT("two"), NULL), PAWL_ERR_OK);
	expect_content(path, "two");
	assert_int_equal(
	    pawl_env_write_new_file(path, 0600, PAWL_BYTES_LIT("three"), NULL), PAWL_ERR_EXISTS);
	expect_content(path, "two");
	assert_false(pawl_env_exists(in_folder("file.new")));
	assert_int_equal(pawl_env_copy_file(path, in_folder("copy"), 0600, NULL), PAWL_ERR_OK);
	expect_content(in_folder("copy"), "two");
	assert_int_equal(pawl_env_rename(in_folder("copy"), in_folder("moved"), NULL), PAWL_ERR_OK);
	expect_content(in_folder("moved"), "two");
	assert_int_equal(pawl_env_remove_file(in_folder("moved"), NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_remove_file(in_folder("moved"), NULL), PAWL_ERR_OK);
}

static void a_planted_link_is_not_written_through(void **state)
{
	(void)state;
	const char *victim = in_folder("victim");
	assert_int_equal(
	    pawl_env_write_file(victim, 0600, PAWL_BYTES_LIT("mine"), NULL), PAWL_ERR_OK);
	assert_int_equal(symlink(victim, in_folder("target.new")), 0);
	assert_int_equal(
	    pawl_env_write_file(in_folder("target"), 0600, PAWL_BYTES_LIT("new"), NULL),
	    PAWL_ERR_OK);
	expect_content(victim, "mine");
	expect_content(in_folder("target"), "new");
}

static void reading_is_bounded(void **state)
{
	(void)state;
	uint8_t *at = NULL;
	size_t size = 0;
	uint8_t small[4];
	struct pawl_note note = { "" };
	const char *path = in_folder("bounded");
	assert_int_equal(
	    pawl_env_write_file(path, 0600, PAWL_BYTES_LIT("12345"), NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_read_file(path, 4, &at, &size, &note), PAWL_ERR_LIMIT);
	assert_non_null(strstr(note.text, "bounded is longer than 4 bytes"));
	assert_int_equal(
	    pawl_env_read_into(path, small, sizeof(small), &size, NULL), PAWL_ERR_LIMIT);
	assert_int_equal(pawl_env_read_file(path, 5, &at, &size, NULL), PAWL_ERR_OK);
	free(at);
	pawl_note_clear(&note);
	assert_int_equal(
	    pawl_env_read_file(in_folder("absent"), 5, &at, &size, &note), PAWL_ERR_NOT_FOUND);
	assert_non_null(strstr(note.text, "absent: No such file"));
	assert_int_equal(pawl_env_read_file(folder, 5, &at, &size, NULL), PAWL_ERR_IO);
	/* What has no size, as files of /proc, is read all the same. */
	assert_int_equal(
	    pawl_env_read_file("/proc/self/stat", 4096, &at, &size, NULL), PAWL_ERR_OK);
	assert_true(size > 0);
	free(at);
}

static void proc_files_have_content(void **state)
{
	(void)state;
	uint8_t line[1024];
	size_t size = 0;
	assert_int_equal(
	    pawl_env_read_into("/proc/self/stat", line, sizeof(line), &size, NULL), PAWL_ERR_OK);
	assert_true(size > 0);
}

static void folders_are_private(void **state)
{
	(void)state;
	struct pawl_note note = { "" };
	const char *path = in_folder("a/b/c");
	assert_int_equal(pawl_env_make_folder(path, 0700, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_make_folder(path, 0700, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_check_private(path, NULL), PAWL_ERR_OK);
	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(pawl_env_check_private(path, &note), PAWL_ERR_DENIED);
	assert_non_null(strstr(note.text, "chmod"));
	assert_int_equal(
	    pawl_env_write_file(in_folder("plain"), 0600, PAWL_BYTES_LIT("x"), NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_make_folder(in_folder("plain"), 0700, NULL), PAWL_ERR_EXISTS);
	uint64_t bytes = 0;
	assert_int_equal(pawl_env_free_space(folder, &bytes, NULL), PAWL_ERR_OK);
	char tiny[8];
	assert_int_equal(pawl_env_join("abcd", "efg", sizeof(tiny), tiny), PAWL_ERR_LIMIT);
	assert_int_equal(pawl_env_join("abc", "efg", sizeof(tiny), tiny), PAWL_ERR_OK);
	assert_string_equal(tiny, "abc/efg");
}

static void a_full_disk_keeps_the_old_content(void **state)
{
	(void)state;
	const char *disk = in_folder("disk");
	assert_int_equal(pawl_env_make_folder(disk, 0700, NULL), PAWL_ERR_OK);
	if (mount("none", disk, "tmpfs", 0, "size=64k") != 0) {
		print_message("no permission to mount a small disk\n");
		skip();
	}
	char path[256];
	static uint8_t large[100 * 1024];
	assert_int_equal(pawl_env_join(disk, "state", sizeof(path), path), PAWL_ERR_OK);
	assert_int_equal(pawl_env_write_file(path, 0600, PAWL_BYTES_LIT("old"), NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_write_file(path, 0600, PAWL_BYTES(large, sizeof(large)), NULL),
	    PAWL_ERR_NO_SPACE);
	expect_content(path, "old");
	uint64_t bytes = 0;
	assert_int_equal(pawl_env_free_space(disk, &bytes, NULL), PAWL_ERR_OK);
	assert_true(bytes > 0 && bytes < 64 * 1024);
	assert_int_equal(umount(disk), 0);
}

static void one_process_holds_the_lock(void **state)
{
	(void)state;
	struct pawl_env_lock first = { -1 };
	struct pawl_env_lock second = { -1 };
	assert_int_equal(pawl_env_lock(in_folder("lock"), &first, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_lock(in_folder("lock"), &second, NULL), PAWL_ERR_EXISTS);
	assert_int_equal(second.fd, -1);
	pawl_env_unlock(&first);
	assert_int_equal(pawl_env_lock(in_folder("lock"), &second, NULL), PAWL_ERR_OK);
	pawl_env_unlock(&second);
	pawl_env_unlock(&second);
}

static void sectors_move_whole_blocks(void **state)
{
	(void)state;
	static const uint8_t ZERO[8192];
	uint8_t back[256];
	const char *path = in_folder("sectors");
	struct pawl_env_sectors sectors = { -1 };
	assert_int_equal(pawl_env_sectors_open(path, &sectors, NULL), PAWL_ERR_NOT_FOUND);
	assert_int_equal(
	    pawl_env_write_file(path, 0600, PAWL_BYTES(ZERO, sizeof(ZERO)), NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_sectors_open(path, &sectors, NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_sectors_write(&sectors, 4096, "abcd", 4), PAWL_ERR_OK);
	assert_int_equal(pawl_env_sectors_sync(&sectors), PAWL_ERR_OK);
	assert_int_equal(pawl_env_sectors_read(&sectors, 4096, back, sizeof(back)), PAWL_ERR_OK);
	assert_memory_equal(back, "abcd", 5);
	assert_int_equal(
	    pawl_env_sectors_read(&sectors, 8192 - 10, back, sizeof(back)), PAWL_ERR_IO);
	pawl_env_sectors_close(&sectors);
}

struct gathered {
	uint8_t at[700000];
	size_t size;
	unsigned stop_after;
};

static pawl_err gather(void *context, struct pawl_bytes bytes)
{
	struct gathered *const all = context;
	assert_true(all->size + bytes.size <= sizeof(all->at));
	memcpy(all->at + all->size, bytes.at, bytes.size);
	all->size += bytes.size;
	return all->stop_after != 0 && --all->stop_after == 0 ? PAWL_ERR_CANCELLED : PAWL_ERR_OK;
}

static void slots_never_grow_and_read_back(void **state)
{
	(void)state;
	static uint8_t content[600001];
	static struct gathered all;
	const char *path = in_folder("slot");
	struct pawl_env_slot slot = { .fd = -1 };
	assert_int_equal(
	    pawl_env_write_file(path, 0600, PAWL_BYTES(content, sizeof(content)), NULL),
	    PAWL_ERR_OK);
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(pawl_env_slot_open(folder, false, &slot, NULL), PAWL_ERR_UNSUPPORTED);
	assert_int_equal(pawl_env_slot_open(path, true, &slot, NULL), PAWL_ERR_OK);
	assert_int_equal(slot.size, sizeof(content));
	assert_int_equal(
	    pawl_env_slot_write_at(&slot, 0, PAWL_BYTES(content, 1000), NULL), PAWL_ERR_OK);
	assert_int_equal(pawl_env_slot_write_at(
			     &slot, 1000, PAWL_BYTES(content + 1000, sizeof(content) - 1000), NULL),
	    PAWL_ERR_OK);
	assert_int_equal(
	    pawl_env_slot_write_at(&slot, sizeof(content), PAWL_BYTES(content, 1), NULL),
	    PAWL_ERR_RANGE);
	assert_int_equal(pawl_env_slot_write_at(&slot, UINT64_MAX, PAWL_BYTES(content, 1), NULL),
	    PAWL_ERR_RANGE);
	assert_int_equal(pawl_env_slot_sync(&slot, NULL), PAWL_ERR_OK);
	const size_t lengths[] = { 0, 1, 4096, 300000, sizeof(content) };
	for (unsigned past_cache = 0; past_cache < 2; past_cache++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			all.size = 0;
			assert_int_equal(pawl_env_slot_read(&slot, lengths[i], past_cache != 0,
					     gather, &all, NULL),
			    PAWL_ERR_OK);
			assert_int_equal(all.size, lengths[i]);
			assert_memory_equal(all.at, content, all.size);
		}
	}
	assert_int_equal(pawl_env_slot_read(&slot, sizeof(content) + 1, true, gather, &all, NULL),
	    PAWL_ERR_RANGE);
	all.size = 0;
	all.stop_after = 1;
	assert_int_equal(pawl_env_slot_read(&slot, sizeof(content), true, gather, &all, NULL),
	    PAWL_ERR_CANCELLED);
	pawl_env_slot_close(&slot);
	pawl_env_slot_close(&slot);
}

static void clocks_run(void **state)
{
	(void)state;
	const struct pawl_mono before = pawl_env_mono();
	pawl_env_wait(-5);
	pawl_env_wait(2);
	assert_true(pawl_env_mono().ms >= before.ms);
	assert_true(pawl_env_wall().ms > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_replaced_at_once),
		cmocka_unit_test(a_planted_link_is_not_written_through),
		cmocka_unit_test(reading_is_bounded),
		cmocka_unit_test(proc_files_have_content),
		cmocka_unit_test(folders_are_private),
		cmocka_unit_test(a_full_disk_keeps_the_old_content),
		cmocka_unit_test(one_process_holds_the_lock),
		cmocka_unit_test(sectors_move_whole_blocks),
		cmocka_unit_test(slots_never_grow_and_read_back),
		cmocka_unit_test(clocks_run),
	};
	return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
