/* SPDX-License-Identifier: MIT
 *
 * The folder that stands for a device's storage: slot_a.img, slot_b.img,
 * boot-record.bin, data/, board.conf, and run/ and root/ for the time of a run.
 */
#include "board.h"

#include "pawl/conf.h"
#include "pawl/crypto.h"
#include "pawl/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const slot_files[PAWL_SLOT_COUNT] = { "slot_a.img", "slot_b.img" };
static const char *const folders[] = { "data", "run", "root" };

static pawl_err fail(struct pawl_note *note, const char *path)
{
	const int error = errno;

	pawl_note_add(note, path);
	pawl_note_add(note, ": ");
	pawl_note_add(note, strerror(error));
	switch (error) {
	case ENOENT: return PAWL_ERR_NOT_FOUND;
	case EACCES:
	case EPERM: return PAWL_ERR_DENIED;
	case ENOSPC: return PAWL_ERR_NO_SPACE;
	default: return PAWL_ERR_IO;
	}
}

const char *board_slot_letter(unsigned slot)
{
	return slot == PAWL_SLOT_A ? "a" : slot == PAWL_SLOT_B ? "b" : "none";
}

static pawl_err open_file(
    const char *dir, const char *name, int flags, int *ret_fd, struct pawl_note *note)
{
	char path[PATH_MAX];
	struct stat found;

	PAWL_TRY(pawl_env_join(dir, name, sizeof(path), path));
	const int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(note, path);
	if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
		(void)close(fd);
		pawl_note_add(note, path);
		pawl_note_add(note, " is not a regular file");
		return PAWL_ERR_UNSUPPORTED;
	}
	*ret_fd = fd;
	return PAWL_ERR_OK;
}

/* --- making one --- */

static pawl_err write_all(int fd, struct pawl_bytes bytes, struct pawl_note *note)
{
	for (size_t done = 0; done < bytes.size;) {
		const ssize_t put = write(fd, bytes.at + done, bytes.size - done);
		if (put < 0 && errno != EINTR)
			return fail(note, "slot");
		done += put > 0 ? (size_t)put : 0;
	}
	return PAWL_ERR_OK;
}

static pawl_err make_slot(
    const char *dir, unsigned slot, uint64_t size, struct pawl_bytes image, struct pawl_note *note)
{
	int fd;

	PAWL_TRY(open_file(dir, slot_files[slot], O_WRONLY | O_CREAT | O_TRUNC, &fd, note));
	pawl_err err = write_all(fd, image, note);
	if (err == PAWL_ERR_OK && (ftruncate(fd, (off_t)size) != 0 || fsync(fd) != 0))
		err = fail(note, slot_files[slot]);
	(void)close(fd);
	return err;
}

static pawl_err make_record(
    const struct board_init *init, struct pawl_bytes image, struct pawl_note *note)
{
	struct pawl_env_sectors sectors;
	struct pawl_bootrec record = { .slots = pawl_slots_factory(init->sec) };
	struct pawl_bootrec_image *const first = &record.image[PAWL_SLOT_A];

	first->seq = init->seq;
	first->length = image.size;
	pawl_sha256(image, first->sha256);
	PAWL_TRY(pawl_bytes_to_text(
	    pawl_bytes_of(init->version), sizeof(first->version), first->version));
	PAWL_TRY(
	    open_file(init->dir, "boot-record.bin", O_RDWR | O_CREAT | O_EXCL, &sectors.fd, note));
	const struct pawl_bootrec_device device = { &sectors, pawl_env_sectors_read,
		pawl_env_sectors_write, pawl_env_sectors_sync };
	pawl_err err = PAWL_ERR_OK;
	if (ftruncate(sectors.fd, PAWL_BOOTREC_FILE_SIZE) != 0)
		err = fail(note, "boot-record.bin");
	if (err == PAWL_ERR_OK)
		err = pawl_bootrec_format(&device, &record);
	pawl_env_sectors_close(&sectors);
	return err;
}

static pawl_err make_files(
    const struct board_init *init, struct pawl_bytes image, struct pawl_note *note)
{
	char path[PATH_MAX];
	char text[128];

	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		PAWL_TRY(pawl_env_join(init->dir, folders[i], sizeof(path), path));
		PAWL_TRY(pawl_env_make_folder(path, 0700, note));
	}
	PAWL_TRY(make_slot(init->dir, PAWL_SLOT_A, init->slot_size, image, note));
	PAWL_TRY(make_slot(init->dir, PAWL_SLOT_B, init->slot_size, PAWL_BYTES("", 0), note));
	const int size =
	    snprintf(text, sizeof(text), "hardware-class = %s\n", init->hardware_class);
	PAWL_TRY(pawl_env_join(init->dir, "board.conf", sizeof(path), path));
	PAWL_TRY(pawl_env_write_file(path, 0600, PAWL_BYTES(text, (size_t)size), note));
	/* Last: a board without a record is none yet, and may be made again. */
	return make_record(init, image, note);
}

pawl_err board_create(const struct board_init *init, struct pawl_note *note)
{
	char path[PATH_MAX];
	uint8_t *at;
	size_t size;

	PAWL_TRY(pawl_env_join(init->dir, "boot-record.bin", sizeof(path), path));
	if (pawl_env_exists(path)) {
		pawl_note_add(note, init->dir);
		pawl_note_add(note, " holds a board already");
		return PAWL_ERR_EXISTS;
	}
	PAWL_TRY(pawl_env_make_folder(init->dir, 0700, note));
	pawl_err err = pawl_env_read_file(init->image, init->slot_size, &at, &size, note);
	if (err == PAWL_ERR_LIMIT) {
		pawl_note_add(note, ": the image is larger than a slot");
		return PAWL_ERR_NO_SPACE;
	}
	PAWL_TRY(err);
	err = make_files(init, PAWL_BYTES(at, size), note);
	free(at);
	return err;
}

/* --- using one --- */

pawl_err board_open(const char *dir, struct board *ret_board, struct pawl_note *note)
{
	static const struct pawl_conf_option options[] = {
		{ .name = "hardware-class",
		    .type = PAWL_CONF_TEXT,
		    .min = 1,
		    PAWL_CONF_FIELD(struct board, hardware_class),
		    .help = "What images must be made for." },
	};
	struct pawl_conf conf;
	char path[PATH_MAX];

	*ret_board = (struct board){ .slots = { -1, -1 }, .sectors = { -1 } };
	if (realpath(dir, ret_board->path) == NULL)
		return fail(note, dir);
	PAWL_TRY(pawl_env_join(ret_board->path, "board.conf", sizeof(path), path));
	pawl_conf_init(&conf, options, 1, ret_board);
	PAWL_TRY(pawl_conf_read_file(&conf, path, note));
	PAWL_TRY(pawl_conf_check(&conf, note));
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		PAWL_TRY(open_file(
		    ret_board->path, slot_files[i], O_RDONLY, &ret_board->slots[i], note));
	PAWL_TRY(
	    open_file(ret_board->path, "boot-record.bin", O_RDWR, &ret_board->sectors.fd, note));
	ret_board->device = (struct pawl_bootrec_device){ &ret_board->sectors,
		pawl_env_sectors_read, pawl_env_sectors_write, pawl_env_sectors_sync };
	return PAWL_ERR_OK;
}

void board_close(struct board *board)
{
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		if (board->slots[i] >= 0)
			(void)close(board->slots[i]);
	if (board->sectors.fd >= 0)
		pawl_env_sectors_close(&board->sectors);
}

pawl_err board_map(const struct board *board, unsigned slot, struct pawl_bytes *ret_bytes)
{
	struct stat found;

	if (fstat(board->slots[slot], &found) != 0)
		return PAWL_ERR_IO;
	/* A slot that was cut to nothing can not be mapped; it holds no image. */
	if (found.st_size <= 0) {
		*ret_bytes = PAWL_BYTES(NULL, 0);
		return PAWL_ERR_OK;
	}
	void *const at =
	    mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, board->slots[slot], 0);
	if (at == MAP_FAILED)
		return PAWL_ERR_IO;
	*ret_bytes = PAWL_BYTES(at, (size_t)found.st_size);
	return PAWL_ERR_OK;
}

void board_unmap(struct pawl_bytes bytes)
{
	if (bytes.size > 0)
		(void)munmap((void *)(uintptr_t)bytes.at, bytes.size);
}

/* --- showing one --- */

static void put_digest(struct pawl_json_writer *writer, const char *key, const uint8_t digest[32])
{
	uint8_t text[PAWL_SHA256_HEX];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));

	pawl_put_hex(&buf, PAWL_BYTES(digest, PAWL_SHA256_SIZE));
	pawl_json_member_bytes(writer, key, pawl_buf_bytes(&buf));
}

/* Numbers above 2^53 are no problem of ours: seq and sec end below. */
static void put_number(struct pawl_json_writer *writer, const char *key, uint64_t value)
{
	pawl_json_member_int(writer, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void put_slot(struct pawl_json_writer *writer, const struct pawl_bootrec *record,
    unsigned index, const uint8_t *content_digest)
{
	const struct pawl_slot *slot = &record->slots.slot[index];
	const struct pawl_bootrec_image *image = &record->image[index];

	pawl_json_key(writer, board_slot_letter(index));
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "state", pawl_slot_state_name(slot->state));
	pawl_json_member_int(writer, "tries", slot->tries_left);
	pawl_json_member_text(writer, "failure", pawl_boot_reason_name(slot->failure));
	pawl_json_member_text(writer, "version", image->version);
	put_number(writer, "seq", image->seq);
	put_number(writer, "sec", slot->sec);
	put_number(writer, "length", image->length);
	put_digest(writer, "sha256", image->sha256);
	/* Of the first `length` bytes that really are there. */
	if (content_digest != NULL)
		put_digest(writer, "content_sha256", content_digest);
	pawl_json_end_object(writer);
}

static void print_slot(
    const struct pawl_bootrec *record, unsigned index, const uint8_t *content_digest)
{
	const struct pawl_slot *slot = &record->slots.slot[index];
	const struct pawl_bootrec_image *image = &record->image[index];
	const char *content = "unreadable";

	if (image->length == 0)
		content = "unknown";
	else if (content_digest != NULL)
		content = memcmp(content_digest, image->sha256, PAWL_SHA256_SIZE) == 0
			      ? "as recorded"
			      : "differs";
	printf("slot %s%s: %s, version %s, seq %" PRIu64 ", sec %" PRIu64
	       ", %u tries left, last failure %s, %" PRIu64 " bytes, content %s\n",
	    board_slot_letter(index), record->slots.running == index ? " (runs)" : "",
	    pawl_slot_state_name(slot->state), image->version[0] == '\0' ? "-" : image->version,
	    image->seq, slot->sec, slot->tries_left, pawl_boot_reason_name(slot->failure),
	    image->length, content);
}

/* False when the slot is shorter than its record says. */
static bool hash_content(
    const struct board *board, const struct pawl_bootrec *record, unsigned slot, uint8_t digest[32])
{
	struct pawl_bytes content;

	if (board_map(board, slot, &content) != PAWL_ERR_OK)
		return false;
	const uint64_t length = record->image[slot].length;
	const bool there = length <= content.size;
	if (there)
		pawl_sha256(PAWL_BYTES(content.at, (size_t)length), digest);
	board_unmap(content);
	return there;
}

int board_show(const struct board *board, bool json)
{
	struct pawl_bootrec record;
	uint8_t text[4096];
	uint8_t digests[PAWL_SLOT_COUNT][PAWL_SHA256_SIZE];
	const uint8_t *known[PAWL_SLOT_COUNT];

	const pawl_err err = pawl_bootrec_load(&board->device, &record);
	if (err != PAWL_ERR_OK) {
		fprintf(stderr, "pawl-board: boot record: %s\n", pawl_err_text(err));
		return BOARD_EXIT_DEAD;
	}
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		known[i] = hash_content(board, &record, i, digests[i]) ? digests[i] : NULL;
	if (!json) {
		printf("hardware class %s, floor %" PRIu64 ", last boot %s, record %" PRIu64 "\n",
		    board->hardware_class, record.slots.floor, pawl_boot_reason_name(record.reason),
		    record.sequence);
		for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
			print_slot(&record, i, known[i]);
		return BOARD_EXIT_OK;
	}
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));
	struct pawl_json_writer writer = pawl_json_writer_of(&buf);
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "hardware_class", board->hardware_class);
	put_number(&writer, "sequence", record.sequence);
	put_number(&writer, "floor", record.slots.floor);
	pawl_json_member_text(&writer, "running", board_slot_letter(record.slots.running));
	pawl_json_member_text(&writer, "reason", pawl_boot_reason_name(record.reason));
	pawl_json_key(&writer, "slots");
	pawl_json_begin_object(&writer);
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		put_slot(&writer, &record, i, known[i]);
	pawl_json_end_object(&writer);
	pawl_json_end_object(&writer);
	PAWL_ASSERT(pawl_buf_check(&buf) == PAWL_ERR_OK);
	printf("%.*s\n", (int)buf.size, (const char *)text);
	return BOARD_EXIT_OK;
}
