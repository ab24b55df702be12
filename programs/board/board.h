/* SPDX-License-Identifier: MIT
 *
 * board.h - the parts of pawl-board: a folder that is a device's hardware, a
 * boot loader for it, and a machine to run the image in.
 *
 * Reading order: board_store.c (the folder), board_loader.c (which slot, and is
 * its image whole), board_machine.c (starts the image and watches it),
 * board_inside.c (the first process of the machine, before it becomes /init),
 * board_unpack.c, main.c (command lines).
 */
#ifndef PAWL_BOARD_H
#define PAWL_BOARD_H

#include "pawl/bootrec.h"
#include "pawl/bytes.h"
#include "pawl/env.h"
#include "pawl/err.h"
#include "pawl/limits.h"
#include "pawl/slots.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	BOARD_EXIT_OK = 0,
	BOARD_EXIT_FAILED = 1, /* this machine could not do it                       */
	BOARD_EXIT_USAGE = 2,
	BOARD_EXIT_DEAD = 3 /* the board has nothing left that it could boot      */
};

/* --- the folder (board_store.c) --- */

struct board {
	char path[PATH_MAX];             /* absolute, without symbolic links                     */
	int slots[PAWL_SLOT_COUNT];      /* slot_a.img, slot_b.img; read-only             */
	struct pawl_env_sectors sectors; /* boot-record.bin                          */
	struct pawl_bootrec_device device;
	char hardware_class[PAWL_HW_CLASS_MAX + 1];
};

struct board_init {
	const char *dir;
	const char *image;
	const char *version;
	const char *hardware_class;
	uint64_t seq;
	uint64_t sec;
	uint64_t slot_size; /* bytes */
};

/* Makes a board with the image in slot A, GOOD. PAWL_ERR_EXISTS: `dir` holds one
 * already. PAWL_ERR_NO_SPACE: the image is larger than a slot. */
PAWL_MUST_CHECK pawl_err board_create(const struct board_init *init, struct pawl_note *note);
/* `ret_board` is closed with board_close also after a failure. */
PAWL_MUST_CHECK pawl_err board_open(
    const char *dir, struct board *ret_board, struct pawl_note *note);
void board_close(struct board *board);
/* The bytes of a slot, mapped read-only; unmap with board_unmap. */
PAWL_MUST_CHECK pawl_err board_map(
    const struct board *board, unsigned slot, struct pawl_bytes *ret_bytes);
void board_unmap(struct pawl_bytes bytes);
/* "a" or "b". */
const char *board_slot_letter(unsigned slot);
/* Prints the record and what the slots really hold; an exit code. */
int board_show(const struct board *board, bool json);

/* --- the boot loader (board_loader.c) --- */

struct board_run {
	int64_t watchdog_ms; /* 0: no watchdog                                       */
	int64_t boots_max;   /* ends after that many boots; 0: never                 */
	const char *console; /* file the console is appended to; NULL: DIR/console.log */
};

/* Boots and boots again until told to stop; an exit code. */
int board_run(struct board *board, const struct board_run *run);

/* --- the machine (board_machine.c) --- */

struct board_machine {
	const struct board *board;
	int64_t watchdog_ms;
	int signals; /* signalfd of SIGCHLD, SIGTERM, SIGINT                         */
	int console; /* console file, appended to                                   */
	int console_fifo;
	int watchdog_fifo;
	int lock;              /* inherited by every process of the machine: the board is free again
				* when the last one is gone, also after pawl-board was killed     */
	uint64_t console_left; /* bytes that still may be written to it               */
	bool is_unbounded;     /* the last machine could have any number of processes */
};

typedef enum board_end {
	BOARD_END_BOOT,  /* it ended by itself or by the watchdog: see the reason    */
	BOARD_END_POWER, /* we were asked to switch it off                           */
	BOARD_END_BROKEN /* this machine can not run boards: see the note            */
} board_end;

/* Opens signals, console and FIFOs. Close with board_machine_close in every case. */
PAWL_MUST_CHECK pawl_err board_machine_open(struct board_machine *machine,
    const struct board *board, const struct board_run *run, int lock, struct pawl_note *note);
void board_machine_close(struct board_machine *machine);
/* Runs `image` until it ends; nothing of it is left then. `ret_reason` is set
 * for BOARD_END_BOOT: REBOOT, PANIC, WATCHDOG or IMAGE_UNREADABLE (see the note). */
board_end board_machine_run(struct board_machine *machine, struct pawl_bytes image,
    const struct pawl_slots_boot *boot, pawl_boot_reason *ret_reason, struct pawl_note *note);

/* --- bounds (board_limits.c) --- */

/* Processes and threads of one machine at once. */
enum { BOARD_PROCESSES_MAX = 512 };

/* Root's machines: bounds `init` and what it will start. `lock` is the board's
 * lock file. False: the host has no such control group, and the machine is not
 * bounded. */
bool board_limit_processes(pid_t init, int lock, char ret_folder[PATH_MAX]);
/* After the machine ended. */
void board_limit_remove(const char *folder);

/* --- inside the machine (board_inside.c, board_unpack.c) --- */

struct board_inside {
	const struct board *board;
	struct pawl_bytes image;
	const struct pawl_slots_boot *boot;
	int go;      /* one byte comes when we may begin                             */
	int status;  /* BOARD_RUNNING, or one of the others and why                  */
	int console; /* becomes stdout and stderr                                    */
	int lock;    /* stays open                                                   */
};

/* First byte on the status pipe; the text of the last two follows it. */
enum { BOARD_RUNNING = 'R', BOARD_IMAGE_FAULT = 'I', BOARD_HOST_FAULT = 'H' };

/* Process 1 of new namespaces: makes the world and becomes /init. */
_Noreturn void board_inside(const struct board_inside *inside);

/* Unpacks a cpio "newc" image into the current folder, which must be the root.
 * False: `note` says why. */
bool board_unpack(struct pawl_bytes image, struct pawl_note *note);

#endif
