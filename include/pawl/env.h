/* SPDX-License-Identifier: MIT
 *
 * pawl/env.h - clock, files and slot devices of the machine.
 *
 * Hosted: everything here does I/O. No global state; an object belongs to one
 * thread at a time, the plain functions may be called from any. Paths are
 * borrowed, NUL-terminated. Where a function takes `reterr_note` (may be NULL) it adds which
 * path failed in which step and what the system said.
 *
 * Errors of all of these, where not said otherwise: PAWL_ERR_NOT_FOUND (no
 * such path), PAWL_ERR_DENIED (permission), PAWL_ERR_NO_SPACE (disk or quota
 * full), PAWL_ERR_NO_MEMORY, PAWL_ERR_IO (the rest).
 */
#ifndef PAWL_ENV_H
#define PAWL_ENV_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- clock --- */

/* The system's wall clock; may be wrong by decades and may jump. */
struct pawl_wall pawl_env_wall(void);
/* Counts also while the machine is suspended. */
struct pawl_mono pawl_env_mono(void);
/* Waits that long, or shorter when a signal arrives. Nothing below 0. */
void pawl_env_wait(int64_t ms);

/* --- files --- */

/* The whole file, of at most `size_max` bytes, in new memory that the caller
 * frees with free(). One NUL follows the content, not counted, so that text
 * may be used as a string. `ret_at` is never NULL on success.
 * PAWL_ERR_LIMIT: it is longer. */
PAWL_MUST_CHECK pawl_err pawl_env_read_file(const char *path, size_t size_max, uint8_t **ret_at,
    size_t *ret_size, struct pawl_note *reterr_note);

/* The same into the caller's memory of `capacity` bytes; no NUL is added. */
PAWL_MUST_CHECK pawl_err pawl_env_read_into(
    const char *path, void *at, size_t capacity, size_t *ret_size, struct pawl_note *reterr_note);

/* Replaces (or makes) the file at once: temporary file in the same folder
 * with `mode` (not subject to the umask), fsync, rename, fsync of the folder.
 * On any failure, and after a power cut at any moment, the path has either the
 * old content or the new. One writer for a path at a time. */
PAWL_MUST_CHECK pawl_err pawl_env_write_file(
    const char *path, unsigned mode, struct pawl_bytes content, struct pawl_note *reterr_note);

/* The same, but PAWL_ERR_EXISTS when there is a file already: it is kept. */
PAWL_MUST_CHECK pawl_err pawl_env_write_new_file(
    const char *path, unsigned mode, struct pawl_bytes content, struct pawl_note *reterr_note);

/* Copies a file as pawl_env_write_file does, in pieces of fixed size. */
PAWL_MUST_CHECK pawl_err pawl_env_copy_file(
    const char *from, const char *to, unsigned mode, struct pawl_note *reterr_note);

/* Renames within one file system and syncs the target's folder; replaces `to`. */
PAWL_MUST_CHECK pawl_err pawl_env_rename(
    const char *from, const char *to, struct pawl_note *reterr_note);

/* Removes a file and syncs its folder. A path that is not there is no error. */
PAWL_MUST_CHECK pawl_err pawl_env_remove_file(const char *path, struct pawl_note *reterr_note);

bool pawl_env_exists(const char *path);

/* Whether both paths lead, over links or not, to one file or one device. False
 * also when one of them is not there. */
bool pawl_env_same_file(const char *one, const char *other);

/* Makes the folder and its parents with `mode` (0700: private). A folder that
 * is there already keeps its mode. PAWL_ERR_EXISTS: something else is there. */
PAWL_MUST_CHECK pawl_err pawl_env_make_folder(
    const char *path, unsigned mode, struct pawl_note *reterr_note);

/* PAWL_ERR_DENIED unless the path belongs to this user (or root) and nobody
 * else may read or write it: for private keys and the folders they live in. */
PAWL_MUST_CHECK pawl_err pawl_env_check_private(const char *path, struct pawl_note *reterr_note);

/* Bytes an unprivileged writer may still use on the file system of `path`. */
PAWL_MUST_CHECK pawl_err pawl_env_free_space(
    const char *path, uint64_t *ret_bytes, struct pawl_note *reterr_note);

/* "folder/name" into the caller's memory. PAWL_ERR_LIMIT when it does not fit. */
PAWL_MUST_CHECK pawl_err pawl_env_join(
    const char *folder, const char *name, size_t capacity, char *ret_path);

/* Takes the lock of a file, which is made when missing; held until
 * pawl_env_unlock or the end of the process. PAWL_ERR_EXISTS: another process
 * holds it. */
struct pawl_env_lock {
	int fd; /* -1: not held                                                  */
};
PAWL_MUST_CHECK pawl_err pawl_env_lock(
    const char *path, struct pawl_env_lock *ret_lock, struct pawl_note *reterr_note);
/* Takes locks that are not held (fd -1). */
void pawl_env_unlock(struct pawl_env_lock *lock);

/* --- sectors: a small file or partition that holds the boot record --- */

/* read, write and sync fit struct pawl_bootrec_device (pawl/bootrec.h), with
 * this object as the context. */
struct pawl_env_sectors {
	int fd; /* -1: closed                                                    */
};
/* Opens for reading and writing; never makes it. */
PAWL_MUST_CHECK pawl_err pawl_env_sectors_open(
    const char *path, struct pawl_env_sectors *ret_sectors, struct pawl_note *reterr_note);
void pawl_env_sectors_close(struct pawl_env_sectors *sectors);
/* PAWL_ERR_IO also when fewer bytes could be moved than asked for. */
pawl_err pawl_env_sectors_read(void *context, uint64_t offset, void *ret_bytes, size_t size);
pawl_err pawl_env_sectors_write(void *context, uint64_t offset, const void *bytes, size_t size);
pawl_err pawl_env_sectors_sync(void *context);

/* --- slot: a file or block device that holds one image --- */

/* Never grows or shrinks what it opened. One user at a time; other objects
 * may be open on the same path for reading. */
struct pawl_env_slot {
	int fd;         /* -1: closed                                               */
	bool writable;  /* opened for writing                                   */
	uint64_t size;  /* bytes the slot can hold                              */
	char path[256]; /* for notes and for opening it again past the cache        */
};
/* PAWL_ERR_UNSUPPORTED: neither a regular file nor a block device. PAWL_ERR_IO for
 * writing to a block device that is in use, as a mounted one is. */
PAWL_MUST_CHECK pawl_err pawl_env_slot_open(
    const char *path, bool writable, struct pawl_env_slot *ret_slot, struct pawl_note *reterr_note);
void pawl_env_slot_close(struct pawl_env_slot *slot);
/* All of `bytes` or an error. PAWL_ERR_RANGE: they would end behind the slot;
 * nothing is written then. */
PAWL_MUST_CHECK pawl_err pawl_env_slot_write_at(struct pawl_env_slot *slot, uint64_t offset,
    struct pawl_bytes bytes, struct pawl_note *reterr_note);
/* Everything written so far is on the medium. */
PAWL_MUST_CHECK pawl_err pawl_env_slot_sync(
    struct pawl_env_slot *slot, struct pawl_note *reterr_note);

/* Reads `length` bytes from the start of the slot in pieces and hands each to
 * `sink`, which stops it by returning an error. With `past_cache` the bytes
 * come from the medium, not from what this machine remembers having written
 * (O_DIRECT where the file system has it, else the cache is dropped after a
 * sync). Takes one buffer of fixed size from the heap.
 * PAWL_ERR_RANGE: the slot is shorter. */
typedef pawl_err pawl_env_slot_sink(void *context, struct pawl_bytes bytes);
PAWL_MUST_CHECK pawl_err pawl_env_slot_read(struct pawl_env_slot *slot, uint64_t length,
    bool past_cache, pawl_env_slot_sink *sink, void *context, struct pawl_note *reterr_note);

#endif
