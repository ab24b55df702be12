/* SPDX-License-Identifier: MIT
 *
 * Slots and the sectors of the boot record: positioned reads and writes that
 * either move every byte or fail.
 */
#include "env_internal.h"

#include "pawl/env.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_PIECE = 256 * 1024,
	/* What O_DIRECT asks of buffers, offsets and lengths: the largest
	 * logical block that devices have. */
	DIRECT_ALIGN = 4096
};

static int write_all_at(int fd, uint64_t offset, struct pawl_bytes bytes)
{
	size_t done = 0;
	while (done < bytes.size) {
		const ssize_t put =
		    pwrite(fd, bytes.at + done, bytes.size - done, (off_t)(offset + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno;
		if (put == 0)
			return EIO;
		done += (size_t)put;
	}
	return 0;
}

static int read_up_to_at(int fd, uint64_t offset, uint8_t *at, size_t size, size_t *ret_got)
{
	size_t done = 0;
	while (done < size) {
		const ssize_t got = pread(fd, at + done, size - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		done += (size_t)got;
		/* A short direct read means the end, or an unaligned rest that
		 * can not be asked for; the caller counts what it got. */
		if (done % DIRECT_ALIGN != 0)
			break;
	}
	*ret_got = done;
	return 0;
}

/* --- sectors --- */

pawl_err pawl_env_sectors_open(
    const char *path, struct pawl_env_sectors *ret_sectors, struct pawl_note *reterr_note)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return pawl_env_failed("open", path, errno, reterr_note);
	ret_sectors->fd = fd;
	return PAWL_ERR_OK;
}

void pawl_env_sectors_close(struct pawl_env_sectors *sectors)
{
	pawl_env_close(&sectors->fd);
}

pawl_err pawl_env_sectors_read(void *context, uint64_t offset, void *ret_bytes, size_t size)
{
	const struct pawl_env_sectors *const sectors = context;
	uint8_t *const at = ret_bytes;
	size_t done = 0;
	while (done < size) {
		const ssize_t got =
		    pread(sectors->fd, at + done, size - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return PAWL_ERR_IO;
		done += (size_t)got;
	}
	return PAWL_ERR_OK;
}

pawl_err pawl_env_sectors_write(void *context, uint64_t offset, const void *bytes, size_t size)
{
	const struct pawl_env_sectors *const sectors = context;
	const int failure = write_all_at(sectors->fd, offset, PAWL_BYTES(bytes, size));
	return failure == 0 ? PAWL_ERR_OK : pawl_env_failed("write", "sector", failure, NULL);
}

pawl_err pawl_env_sectors_sync(void *context)
{
	const struct pawl_env_sectors *const sectors = context;
	return fsync(sectors->fd) == 0 ? PAWL_ERR_OK : PAWL_ERR_IO;
}

/* --- slot --- */

static pawl_err slot_size(
    int fd, const char *path, uint64_t *ret_size, struct pawl_note *reterr_note)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return pawl_env_failed("look at", path, errno, reterr_note);
	if (S_ISREG(info.st_mode)) {
		*ret_size = (uint64_t)info.st_size;
		return PAWL_ERR_OK;
	}
	if (S_ISBLK(info.st_mode)) {
		if (ioctl(fd, BLKGETSIZE64, ret_size) != 0)
			return pawl_env_failed("measure", path, errno, reterr_note);
		return PAWL_ERR_OK;
	}
	pawl_note_add(reterr_note, path);
	pawl_note_add(reterr_note, " is neither a file nor a block device");
	return PAWL_ERR_UNSUPPORTED;
}

pawl_err pawl_env_slot_open(
    const char *path, bool writable, struct pawl_env_slot *ret_slot, struct pawl_note *reterr_note)
{
	struct pawl_env_slot slot = { .fd = -1, .writable = writable };
	if (strlen(path) >= sizeof(slot.path))
		return pawl_env_failed("open", path, ENAMETOOLONG, reterr_note);
	memcpy(slot.path, path, strlen(path) + 1);
	/* O_NONBLOCK: a FIFO put there by mistake must not stop the program. O_EXCL
	 * without O_CREAT: the system refuses a block device that is mounted. */
	struct stat named;
	const bool is_block = stat(path, &named) == 0 && S_ISBLK(named.st_mode);
	const int access = writable ? (is_block ? O_RDWR | O_EXCL : O_RDWR) : O_RDONLY;
	PAWL_AUTO_FD int fd = open(path, access | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return pawl_env_failed("open", path, errno, reterr_note);
	const pawl_err err = slot_size(fd, path, &slot.size, reterr_note);
	if (err != PAWL_ERR_OK)
		return err;
	slot.fd = fd;
	fd = -1;
	*ret_slot = slot;
	return PAWL_ERR_OK;
}

void pawl_env_slot_close(struct pawl_env_slot *slot)
{
	pawl_env_close(&slot->fd);
}

pawl_err pawl_env_slot_write_at(struct pawl_env_slot *slot, uint64_t offset,
    struct pawl_bytes bytes, struct pawl_note *reterr_note)
{
	if (offset > slot->size || bytes.size > slot->size - offset) {
		pawl_note_add(reterr_note, slot->path);
		pawl_note_add(reterr_note, " has only ");
		pawl_note_add_int(reterr_note, (long long)slot->size);
		pawl_note_add(reterr_note, " bytes");
		return PAWL_ERR_RANGE;
	}
	const int failure = write_all_at(slot->fd, offset, bytes);
	if (failure != 0)
		return pawl_env_failed("write", slot->path, failure, reterr_note);
	return PAWL_ERR_OK;
}

pawl_err pawl_env_slot_sync(struct pawl_env_slot *slot, struct pawl_note *reterr_note)
{
	if (fdatasync(slot->fd) != 0)
		return pawl_env_failed("sync", slot->path, errno, reterr_note);
	return PAWL_ERR_OK;
}

/* A second descriptor that reads past the cache, or -1 where the file system
 * has no such thing; then the cache is dropped instead. */
static int open_past_cache(const struct pawl_env_slot *slot)
{
	const int direct = open(slot->path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (direct < 0)
		return -1;
	struct stat opened;
	struct stat ours;
	/* The path may have been replaced since the slot was opened. */
	if (fstat(direct, &opened) == 0 && fstat(slot->fd, &ours) == 0 &&
	    opened.st_dev == ours.st_dev && opened.st_ino == ours.st_ino &&
	    opened.st_rdev == ours.st_rdev)
		return direct;
	(void)close(direct);
	return -1;
}

static void free_pointer(uint8_t **at)
{
	free(*at);
}

pawl_err pawl_env_slot_read(struct pawl_env_slot *slot, uint64_t length, bool past_cache,
    pawl_env_slot_sink *sink, void *context, struct pawl_note *reterr_note)
{
	if (length > slot->size) {
		pawl_note_add(reterr_note, slot->path);
		pawl_note_add(reterr_note, " is shorter than the image");
		return PAWL_ERR_RANGE;
	}
	__attribute__((cleanup(free_pointer))) uint8_t *piece =
	    aligned_alloc(DIRECT_ALIGN, READ_PIECE);
	if (piece == NULL)
		return PAWL_ERR_NO_MEMORY;
	PAWL_AUTO_FD int direct = -1;
	if (past_cache) {
		if (slot->writable && fsync(slot->fd) != 0)
			return pawl_env_failed("sync", slot->path, errno, reterr_note);
		direct = open_past_cache(slot);
		(void)posix_fadvise(slot->fd, 0, 0, POSIX_FADV_DONTNEED);
	}

	for (uint64_t offset = 0; offset < length;) {
		size_t got = 0;
		int failure =
		    direct >= 0 ? read_up_to_at(direct, offset, piece, READ_PIECE, &got) : EINVAL;
		/* EINVAL: direct reading was refused after all. */
		if (failure == EINVAL)
			failure = read_up_to_at(slot->fd, offset, piece, READ_PIECE, &got);
		if (failure != 0)
			return pawl_env_failed("read", slot->path, failure, reterr_note);
		const uint64_t left = length - offset;
		const size_t size = got < left ? got : (size_t)left;
		if (size == 0 || (size % DIRECT_ALIGN != 0 && size < left))
			return pawl_env_failed("read", slot->path, EIO, reterr_note);
		const pawl_err err = sink(context, PAWL_BYTES(piece, size));
		if (err != PAWL_ERR_OK)
			return err;
		offset += size;
	}
	return PAWL_ERR_OK;
}
