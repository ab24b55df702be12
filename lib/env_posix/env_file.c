/* SPDX-License-Identifier: MIT
 *
 * Files. A file is replaced by writing a temporary one beside it and renaming:
 * the order write, fsync, rename, fsync of the folder is what makes the old or
 * the new content, and nothing else, survive a power cut.
 */
#include "env_internal.h"

#include "pawl/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { COPY_PIECE = 64 * 1024 };

void pawl_env_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

pawl_err pawl_env_failed(
    const char *step, const char *path, int number, struct pawl_note *reterr_note)
{
	pawl_note_add(reterr_note, step);
	pawl_note_add(reterr_note, " ");
	pawl_note_add(reterr_note, path);
	pawl_note_add(reterr_note, ": ");
	const char *words = strerrordesc_np(number);
	pawl_note_add(reterr_note, words != NULL ? words : "unknown error");
	switch (number) {
	case ENOENT:
	case ENOTDIR: return PAWL_ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS: return PAWL_ERR_DENIED;
	case ENOSPC:
	case EDQUOT: return PAWL_ERR_NO_SPACE;
	case ENOMEM: return PAWL_ERR_NO_MEMORY;
	case EEXIST: return PAWL_ERR_EXISTS;
	default: return PAWL_ERR_IO;
	}
}

/* --- reading --- */

/* Reads until the end of the file or until `capacity` bytes are there. */
static int read_up_to(int fd, uint8_t *at, size_t capacity, size_t *ret_size)
{
	size_t size = 0;
	while (size < capacity) {
		const ssize_t got = read(fd, at + size, capacity - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		size += (size_t)got;
	}
	*ret_size = size;
	return 0;
}

static pawl_err too_long(const char *path, size_t size_max, struct pawl_note *reterr_note)
{
	pawl_note_add(reterr_note, path);
	pawl_note_add(reterr_note, " is longer than ");
	pawl_note_add_int(reterr_note, (long long)size_max);
	pawl_note_add(reterr_note, " bytes");
	return PAWL_ERR_LIMIT;
}

pawl_err pawl_env_read_file(const char *path, size_t size_max, uint8_t **ret_at, size_t *ret_size,
    struct pawl_note *reterr_note)
{
	PAWL_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	if (fd < 0)
		return pawl_env_failed("open", path, errno, reterr_note);
	if (fstat(fd, &info) != 0)
		return pawl_env_failed("look at", path, errno, reterr_note);
	if (S_ISDIR(info.st_mode))
		return pawl_env_failed("read", path, EISDIR, reterr_note);

	/* Devices and the files of /proc have no size to go by. */
	const bool has_size = S_ISREG(info.st_mode) && info.st_size > 0;
	if (has_size && (uint64_t)info.st_size > size_max)
		return too_long(path, size_max, reterr_note);
	const size_t room = has_size ? (size_t)info.st_size : size_max;
	uint8_t *const at = malloc(room + 2);
	if (at == NULL)
		return PAWL_ERR_NO_MEMORY;
	size_t size = 0;
	const int failure = read_up_to(fd, at, room + 1, &size);
	if (failure != 0 || size > room) {
		free(at);
		return failure != 0 ? pawl_env_failed("read", path, failure, reterr_note)
				    : too_long(path, room, reterr_note);
	}
	at[size] = 0;
	*ret_at = at;
	*ret_size = size;
	return PAWL_ERR_OK;
}

pawl_err pawl_env_read_into(
    const char *path, void *at, size_t capacity, size_t *ret_size, struct pawl_note *reterr_note)
{
	PAWL_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pawl_env_failed("open", path, errno, reterr_note);

	size_t size = 0;
	uint8_t beyond;
	size_t more = 0;
	int failure = read_up_to(fd, at, capacity, &size);
	if (failure == 0)
		failure = read_up_to(fd, &beyond, 1, &more);
	if (failure != 0)
		return pawl_env_failed("read", path, failure, reterr_note);
	if (more != 0)
		return too_long(path, capacity, reterr_note);
	*ret_size = size;
	return PAWL_ERR_OK;
}

/* --- replacing --- */

/* The folder part of `path`: "." when there is none. */
static pawl_err folder_of(const char *path, char ret_folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
	if (size >= PATH_MAX)
		return PAWL_ERR_LIMIT;
	if (size == 0) {
		ret_folder[0] = '.';
		ret_folder[1] = '\0';
		return PAWL_ERR_OK;
	}
	memcpy(ret_folder, path, size);
	ret_folder[size] = '\0';
	return PAWL_ERR_OK;
}

static pawl_err sync_folder_of(const char *path, struct pawl_note *reterr_note)
{
	char folder[PATH_MAX];
	const pawl_err err = folder_of(path, folder);
	if (err != PAWL_ERR_OK)
		return err;
	PAWL_AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return pawl_env_failed("open", folder, errno, reterr_note);
	/* EINVAL: a file system that has nothing to sync in folders. */
	if (fsync(fd) != 0 && errno != EINVAL)
		return pawl_env_failed("sync", folder, errno, reterr_note);
	return PAWL_ERR_OK;
}

static int write_all(int fd, struct pawl_bytes bytes)
{
	size_t done = 0;
	while (done < bytes.size) {
		const ssize_t put = write(fd, bytes.at + done, bytes.size - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno;
		done += (size_t)put;
	}
	return 0;
}

/* A temporary file beside its target, removed again unless it was put in place. */
struct temporary {
	int fd;
	char path[PATH_MAX];
};

static void drop_temporary(struct temporary *temporary)
{
	if (temporary->fd >= 0) {
		(void)close(temporary->fd);
		(void)unlink(temporary->path);
	}
}

static pawl_err open_temporary(
    const char *path, unsigned mode, struct temporary *temporary, struct pawl_note *reterr_note)
{
	static const char SUFFIX[] = ".new";
	const size_t size = strlen(path);
	if (size + sizeof(SUFFIX) > sizeof(temporary->path))
		return pawl_env_failed("write", path, ENAMETOOLONG, reterr_note);
	memcpy(temporary->path, path, size);
	memcpy(temporary->path + size, SUFFIX, sizeof(SUFFIX));
	/* A left-over of an earlier power cut. The name is fixed, so that such
	 * left-overs can not fill the disk; O_EXCL, so that a link planted
	 * there is never written through. */
	(void)unlink(temporary->path);
	temporary->fd =
	    open(temporary->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (temporary->fd < 0)
		return pawl_env_failed("make", temporary->path, errno, reterr_note);
	if (fchmod(temporary->fd, (mode_t)mode) != 0)
		return pawl_env_failed("set the mode of", temporary->path, errno, reterr_note);
	return PAWL_ERR_OK;
}

static pawl_err put_in_place(
    struct temporary *temporary, const char *path, bool only_new, struct pawl_note *reterr_note)
{
	if (fsync(temporary->fd) != 0)
		return pawl_env_failed("sync", temporary->path, errno, reterr_note);
	if (only_new) {
		if (link(temporary->path, path) != 0)
			return pawl_env_failed("make", path, errno, reterr_note);
		(void)unlink(temporary->path);
	} else if (rename(temporary->path, path) != 0) {
		return pawl_env_failed("replace", path, errno, reterr_note);
	}
	(void)close(temporary->fd);
	temporary->fd = -1;
	return sync_folder_of(path, reterr_note);
}

static pawl_err write_file(const char *path, unsigned mode, struct pawl_bytes content,
    bool only_new, struct pawl_note *reterr_note)
{
	__attribute__((cleanup(drop_temporary))) struct temporary temporary = { .fd = -1 };
	pawl_err err = open_temporary(path, mode, &temporary, reterr_note);
	if (err != PAWL_ERR_OK)
		return err;
	const int failure = write_all(temporary.fd, content);
	if (failure != 0)
		return pawl_env_failed("write", temporary.path, failure, reterr_note);
	return put_in_place(&temporary, path, only_new, reterr_note);
}

pawl_err pawl_env_write_file(
    const char *path, unsigned mode, struct pawl_bytes content, struct pawl_note *reterr_note)
{
	return write_file(path, mode, content, false, reterr_note);
}

pawl_err pawl_env_write_new_file(
    const char *path, unsigned mode, struct pawl_bytes content, struct pawl_note *reterr_note)
{
	return write_file(path, mode, content, true, reterr_note);
}

pawl_err pawl_env_copy_file(
    const char *from, const char *to, unsigned mode, struct pawl_note *reterr_note)
{
	PAWL_AUTO_FD int source = open(from, O_RDONLY | O_CLOEXEC);
	if (source < 0)
		return pawl_env_failed("open", from, errno, reterr_note);
	__attribute__((cleanup(drop_temporary))) struct temporary temporary = { .fd = -1 };
	const pawl_err err = open_temporary(to, mode, &temporary, reterr_note);
	if (err != PAWL_ERR_OK)
		return err;

	uint8_t piece[COPY_PIECE];
	for (;;) {
		size_t size = 0;
		int failure = read_up_to(source, piece, sizeof(piece), &size);
		if (failure != 0)
			return pawl_env_failed("read", from, failure, reterr_note);
		if (size == 0)
			return put_in_place(&temporary, to, false, reterr_note);
		failure = write_all(temporary.fd, PAWL_BYTES(piece, size));
		if (failure != 0)
			return pawl_env_failed("write", temporary.path, failure, reterr_note);
	}
}

pawl_err pawl_env_rename(const char *from, const char *to, struct pawl_note *reterr_note)
{
	if (rename(from, to) != 0)
		return pawl_env_failed("rename", from, errno, reterr_note);
	return sync_folder_of(to, reterr_note);
}

pawl_err pawl_env_remove_file(const char *path, struct pawl_note *reterr_note)
{
	if (unlink(path) != 0) {
		if (errno == ENOENT)
			return PAWL_ERR_OK;
		return pawl_env_failed("remove", path, errno, reterr_note);
	}
	return sync_folder_of(path, reterr_note);
}

bool pawl_env_exists(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0;
}

bool pawl_env_same_file(const char *one, const char *other)
{
	struct stat a;
	struct stat b;
	if (stat(one, &a) != 0 || stat(other, &b) != 0)
		return false;
	if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode))
		return a.st_rdev == b.st_rdev;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* --- folders, permissions, space --- */

static pawl_err make_one_folder(const char *path, unsigned mode, struct pawl_note *reterr_note)
{
	struct stat info;
	if (mkdir(path, (mode_t)mode) == 0)
		return sync_folder_of(path, reterr_note);
	if (errno != EEXIST)
		return pawl_env_failed("make", path, errno, reterr_note);
	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		return PAWL_ERR_OK;
	return pawl_env_failed("make", path, EEXIST, reterr_note);
}

pawl_err pawl_env_make_folder(const char *path, unsigned mode, struct pawl_note *reterr_note)
{
	char part[PATH_MAX];
	const size_t size = strlen(path);
	if (size == 0 || size >= sizeof(part))
		return pawl_env_failed("make", path, ENAMETOOLONG, reterr_note);
	for (size_t at = 1; at <= size; at++) {
		if (path[at] != '/' && path[at] != '\0')
			continue;
		memcpy(part, path, at);
		part[at] = '\0';
		const pawl_err err = make_one_folder(part, mode, reterr_note);
		if (err != PAWL_ERR_OK)
			return err;
	}
	return PAWL_ERR_OK;
}

pawl_err pawl_env_check_private(const char *path, struct pawl_note *reterr_note)
{
	struct stat info;
	if (stat(path, &info) != 0)
		return pawl_env_failed("look at", path, errno, reterr_note);
	const bool is_ours = info.st_uid == geteuid() || info.st_uid == 0;
	if (is_ours && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return PAWL_ERR_OK;
	pawl_note_add(reterr_note, path);
	pawl_note_add(reterr_note, is_ours ? " is open to other users; run chmod go= on it"
					   : " belongs to another user; run chown on it");
	return PAWL_ERR_DENIED;
}

pawl_err pawl_env_free_space(const char *path, uint64_t *ret_bytes, struct pawl_note *reterr_note)
{
	struct statvfs info;
	if (statvfs(path, &info) != 0)
		return pawl_env_failed("look at", path, errno, reterr_note);
	*ret_bytes = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
	return PAWL_ERR_OK;
}

pawl_err pawl_env_join(const char *folder, const char *name, size_t capacity, char *ret_path)
{
	const size_t folder_size = strlen(folder);
	const size_t name_size = strlen(name);
	if (folder_size + 1 + name_size + 1 > capacity)
		return PAWL_ERR_LIMIT;
	memcpy(ret_path, folder, folder_size);
	ret_path[folder_size] = '/';
	memcpy(ret_path + folder_size + 1, name, name_size + 1);
	return PAWL_ERR_OK;
}

/* --- lock --- */

pawl_err pawl_env_lock(
    const char *path, struct pawl_env_lock *ret_lock, struct pawl_note *reterr_note)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return pawl_env_failed("open", path, errno, reterr_note);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		const int number = errno;
		(void)close(fd);
		if (number != EWOULDBLOCK)
			return pawl_env_failed("lock", path, number, reterr_note);
		pawl_note_add(reterr_note, path);
		pawl_note_add(reterr_note, " is locked by another process");
		return PAWL_ERR_EXISTS;
	}
	ret_lock->fd = fd;
	return PAWL_ERR_OK;
}

void pawl_env_unlock(struct pawl_env_lock *lock)
{
	pawl_env_close(&lock->fd);
}
