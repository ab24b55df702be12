/* SPDX-License-Identifier: MIT
 *
 * The boot loader: asks the slot table, stores its answer, checks the image,
 * starts it. Prints one line an event on stdout, listed in pawl-board(1).
 */
#include "board.h"

#include "pawl/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A board that panics at once is not restarted as fast as the machine can. */
enum { PAUSE_AFTER_FAILURE_MS = 200, LOCK_WAIT_MS = 5000, LOCK_POLL_MS = 20 };

static int dead(const char *why)
{
	printf("board.dead why=\"%s\"\n", why);
	(void)fflush(stdout);
	return BOARD_EXIT_DEAD;
}

/* Loads, decides, stores: in this order, and before anything is started. */
static pawl_err decide(const struct board *board, pawl_boot_reason ended,
    struct pawl_bootrec *ret_record, struct pawl_slots_boot *ret_boot)
{
	PAWL_TRY(pawl_bootrec_load(&board->device, ret_record));
	PAWL_TRY(pawl_slots_boot(&ret_record->slots, ended, ret_boot));
	ret_record->reason = ret_boot->reason;
	PAWL_TRY(pawl_bootrec_store(&board->device, ret_record));
	if ((ret_boot->effects & PAWL_SLOT_RAISE_FLOOR) &&
	    pawl_slots_raise_floor(&ret_record->slots))
		PAWL_TRY(pawl_bootrec_store(&board->device, ret_record));
	return PAWL_ERR_OK;
}

/* The image as the record describes it; without a length the whole slot. */
static bool find_image(const struct pawl_bootrec_image *described, struct pawl_bytes slot,
    struct pawl_bytes *ret_image, struct pawl_note *note)
{
	uint8_t digest[PAWL_SHA256_SIZE];

	*ret_image = slot;
	if (described->length == 0)
		return true;
	if (described->length > slot.size) {
		pawl_note_add(note, "the image is longer than the slot");
		return false;
	}
	ret_image->size = (size_t)described->length;
	pawl_sha256(*ret_image, digest);
	if (memcmp(digest, described->sha256, sizeof(digest)) == 0)
		return true;
	pawl_note_add(note, "the content is not what was installed: SHA-256 differs");
	return false;
}

static void print_boot(const struct pawl_bootrec *record, const struct pawl_slots_boot *boot)
{
	const struct pawl_slot *slot = &record->slots.slot[boot->slot];
	const char *version = record->image[boot->slot].version;

	printf("board.boot slot=%s reason=%s state=%s tries=%u version=%s floor=%" PRIu64 "\n",
	    board_slot_letter(boot->slot), pawl_boot_reason_name(boot->reason),
	    pawl_slot_state_name(slot->state), slot->tries_left, version[0] == '\0' ? "-" : version,
	    record->slots.floor);
	(void)fflush(stdout);
}

static void print_end(unsigned slot, pawl_boot_reason reason, const struct pawl_note *note)
{
	char text[PAWL_NOTE_SIZE];

	(void)snprintf(text, sizeof(text), "%s", note->text);
	/* Names from an image may stand in it. */
	for (char *at = text; *at != '\0'; at++)
		if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
			*at = '?';
	printf("board.end slot=%s how=%s", board_slot_letter(slot), pawl_boot_reason_name(reason));
	if (text[0] != '\0')
		printf(" why=\"%s\"", text);
	(void)putchar('\n');
	(void)fflush(stdout);
}

static board_end start_slot(struct board_machine *machine, const struct pawl_bootrec *record,
    const struct pawl_slots_boot *boot, pawl_boot_reason *ret_reason, struct pawl_note *note)
{
	struct pawl_bytes slot;
	struct pawl_bytes image;
	board_end end = BOARD_END_BOOT;

	*ret_reason = PAWL_BOOT_IMAGE_UNREADABLE;
	if (board_map(machine->board, boot->slot, &slot) != PAWL_ERR_OK) {
		pawl_note_add(note, "the slot can not be read");
		return BOARD_END_BOOT;
	}
	if (find_image(&record->image[boot->slot], slot, &image, note))
		end = board_machine_run(machine, image, boot, ret_reason, note);
	board_unmap(slot);
	return end;
}

/* A board whose last image can not be read will not become better. */
static bool is_hopeless(const struct pawl_bootrec *record, unsigned slot, pawl_boot_reason ended)
{
	return ended == PAWL_BOOT_IMAGE_UNREADABLE &&
	       record->slots.slot[slot].state == PAWL_SLOT_GOOD &&
	       record->slots.slot[slot].tries_left == 0;
}

static int boot_for_ever(struct board_machine *machine, int64_t boots_max)
{
	pawl_boot_reason ended = PAWL_BOOT_POWER_ON;

	for (int64_t boots = 1;; boots++) {
		struct pawl_bootrec record;
		struct pawl_slots_boot boot;
		struct pawl_note note = { "" };

		const pawl_err err = decide(machine->board, ended, &record, &boot);
		if (err == PAWL_ERR_NOT_FOUND)
			return dead("no slot holds a firmware that may be booted");
		if (err == PAWL_ERR_CORRUPT)
			return dead("both copies of the boot record are damaged; make the board "
				    "anew with pawl-board init");
		if (err != PAWL_ERR_OK)
			return dead("the boot record can not be read or written");
		print_boot(&record, &boot);
		switch (start_slot(machine, &record, &boot, &ended, &note)) {
		case BOARD_END_BOOT: break;
		case BOARD_END_POWER:
			printf("board.off slot=%s\n", board_slot_letter(boot.slot));
			return BOARD_EXIT_OK;
		case BOARD_END_BROKEN:
			fprintf(stderr, "pawl-board: this machine can not run a board: %s\n",
			    note.text);
			return BOARD_EXIT_FAILED;
		}
		if (machine->is_unbounded && boots == 1)
			printf("board.unbounded why=\"the host has no pids control group for "
			       "root's boards: the number of processes is not limited\"\n");
		print_end(boot.slot, ended, &note);
		if (is_hopeless(&record, boot.slot, ended))
			return dead("the last firmware can not be read");
		if (boots == boots_max)
			return BOARD_EXIT_OK;
		if (ended != PAWL_BOOT_REBOOT)
			pawl_env_wait(PAUSE_AFTER_FAILURE_MS);
	}
}

/* A machine whose pawl-board was killed is just dying: it still holds the lock
 * and may still write. */
static pawl_err take_lock(const char *path, struct pawl_env_lock *ret_lock, struct pawl_note *note)
{
	const struct pawl_mono began = pawl_env_mono();

	for (;;) {
		const pawl_err err = pawl_env_lock(path, ret_lock, note);
		if (err != PAWL_ERR_EXISTS || pawl_env_mono().ms - began.ms >= LOCK_WAIT_MS)
			return err;
		pawl_note_clear(note);
		pawl_env_wait(LOCK_POLL_MS);
	}
}

int board_run(struct board *board, const struct board_run *run)
{
	struct pawl_env_lock lock;
	struct pawl_note note = { "" };
	struct board_machine machine;
	char path[PATH_MAX];

	pawl_err err = pawl_env_join(board->path, "run/lock", sizeof(path), path);
	if (err == PAWL_ERR_OK)
		err = take_lock(path, &lock, &note);
	if (err == PAWL_ERR_EXISTS) {
		fprintf(stderr, "pawl-board: %s runs already\n", board->path);
		return BOARD_EXIT_FAILED;
	}
	int code = BOARD_EXIT_FAILED;
	if (err == PAWL_ERR_OK) {
		err = board_machine_open(&machine, board, run, lock.fd, &note);
		if (err == PAWL_ERR_OK)
			code = boot_for_ever(&machine, run->boots_max);
		board_machine_close(&machine);
		pawl_env_unlock(&lock);
	}
	if (err != PAWL_ERR_OK)
		fprintf(stderr, "pawl-board: %s: %s\n", note.text, pawl_err_text(err));
	return code;
}
