/* SPDX-License-Identifier: MIT
 *
 * Unpacks an image. It runs when the machine's empty root already is "/" and
 * nothing of the host is reachable any more, so that no name in an image leads
 * out of it; libarchive's own checks are the second fence.
 */
#include "board.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

enum { ENTRIES_MAX = 65536, BYTES_MAX = 512 * 1024 * 1024 };

static bool fail(struct pawl_note *note, const char *what, const char *detail)
{
	pawl_note_add(note, what);
	if (detail != NULL) {
		pawl_note_add(note, ": ");
		pawl_note_add(note, detail);
	}
	return false;
}

static bool copy_data(struct archive *reader, struct archive *disk, struct pawl_note *note)
{
	for (;;) {
		const void *at;
		size_t size;
		la_int64_t offset;
		const int got = archive_read_data_block(reader, &at, &size, &offset);
		if (got == ARCHIVE_EOF)
			return true;
		if (got != ARCHIVE_OK)
			return fail(note, "damaged content", archive_error_string(reader));
		if (archive_write_data_block(disk, at, size, offset) < ARCHIVE_OK)
			return fail(note, "can not write", archive_error_string(disk));
	}
}

static bool unpack_entry(struct archive *reader, struct archive *disk, struct archive_entry *entry,
    uint64_t *io_bytes, struct pawl_note *note)
{
	const char *name = archive_entry_pathname(entry);
	const mode_t type = archive_entry_filetype(entry);
	const la_int64_t size = archive_entry_size(entry);

	if (archive_format(reader) != ARCHIVE_FORMAT_CPIO_SVR4_NOCRC)
		return fail(note, "not a cpio archive of the newc format", NULL);
	if (name == NULL || archive_entry_hardlink(entry) != NULL ||
	    (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK))
		return fail(note, "neither file, folder nor symbolic link", name);
	if (size < 0 || (uint64_t)size > BYTES_MAX - *io_bytes)
		return fail(note, "unpacks to too many bytes", name);
	*io_bytes += (uint64_t)size;

	/* No set-id bits, and everything belongs to whoever unpacks: root inside. */
	archive_entry_set_perm(entry, archive_entry_perm(entry) & 0777);
	if (archive_write_header(disk, entry) != ARCHIVE_OK)
		return fail(note, "can not make an entry", archive_error_string(disk));
	if (type == AE_IFREG && !copy_data(reader, disk, note))
		return false;
	if (archive_write_finish_entry(disk) != ARCHIVE_OK)
		return fail(note, "can not finish an entry", archive_error_string(disk));
	return true;
}

static bool unpack_all(struct archive *reader, struct archive *disk, struct pawl_note *note)
{
	uint64_t bytes = 0;

	for (unsigned entries = 0;; entries++) {
		struct archive_entry *entry;
		const int got = archive_read_next_header(reader, &entry);
		if (got == ARCHIVE_EOF && entries > 0)
			return true;
		if (got != ARCHIVE_OK)
			return fail(note, "not an image", archive_error_string(reader));
		if (entries == ENTRIES_MAX)
			return fail(note, "too many entries", NULL);
		if (!unpack_entry(reader, disk, entry, &bytes, note))
			return false;
	}
}

bool board_unpack(struct pawl_bytes image, struct pawl_note *note)
{
	struct archive *reader = archive_read_new();
	struct archive *disk = archive_write_disk_new();
	bool done = false;

	if (reader == NULL || disk == NULL) {
		(void)fail(note, "out of memory", NULL);
	} else if (archive_read_support_format_cpio(reader) != ARCHIVE_OK ||
		   archive_write_disk_set_options(
		       disk, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
				 ARCHIVE_EXTRACT_SECURE_NODOTDOT |
				 ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS) != ARCHIVE_OK) {
		(void)fail(note, "libarchive lacks what is needed", NULL);
	} else if (archive_read_open_memory(reader, image.at, image.size) != ARCHIVE_OK) {
		(void)fail(note, "not an image", archive_error_string(reader));
	} else {
		done = unpack_all(reader, disk, note);
		/* Sets the modes of folders, at the end. */
		if (archive_write_close(disk) != ARCHIVE_OK && done)
			done = fail(note, "can not finish", archive_error_string(disk));
	}
	(void)archive_read_free(reader);
	(void)archive_write_free(disk);
	return done;
}
