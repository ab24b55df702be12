/* SPDX-License-Identifier: MIT
 *
 * pawl/slots.h - what the two firmware slots may become, and which one boots.
 *
 * Pure and freestanding: no memory is taken, no clock is read, nothing is
 * written. The caller keeps the pair, stores it (pawl/bootrec.h) and carries
 * out the effects it is handed. The same object code runs in the boot loader,
 * the agent and the simulator. No global state; one pair, one thread.
 *
 * One update, as the agent drives it (slot B while A runs):
 *
 *   WRITE_BEGIN B   EMPTY, STAGED, GOOD or BAD -> WRITING  then write the content
 *   WRITE_DONE  B   WRITING -> STAGED                      after it was read back and hashed
 *   ACTIVATE    B   STAGED  -> STAGED with tries           then reboot
 *   (loader)    B   STAGED  -> TRIAL                       pawl_slots_boot
 *   CONFIRM     B   TRIAL   -> GOOD                        after probation
 *
 * After every healthy start of a GOOD slot the agent sends CONFIRM again: it
 * forgets earlier failed starts and repeats the floor.
 *
 * A staged slot without tries is never booted: only ACTIVATE hands them out.
 * The running slot, and the last good one, can not be overwritten: the table
 * has no such row.
 */
#ifndef PAWL_SLOTS_H
#define PAWL_SLOTS_H

#include "pawl/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	PAWL_SLOT_A = 0,
	PAWL_SLOT_B = 1,
	PAWL_SLOT_COUNT = 2,
	PAWL_SLOT_NONE = 255,   /* "no slot", where a slot index is expected     */
	PAWL_SLOT_TRIES_MAX = 3 /* starts an unconfirmed image gets, and failed
				 * starts a good one may have in a row           */
};

typedef enum pawl_slot_state {
	PAWL_SLOT_EMPTY,   /* nothing usable, nothing arriving                   */
	PAWL_SLOT_WRITING, /* an image is arriving; the content is not usable    */
	PAWL_SLOT_STAGED,  /* complete and verified, never booted                */
	PAWL_SLOT_TRIAL,   /* booted, waiting for its confirmation               */
	PAWL_SLOT_GOOD,    /* confirmed; a place to fall back to                 */
	PAWL_SLOT_BAD      /* failed its verification or its trial               */
} pawl_slot_state;

enum { PAWL_SLOT_STATE_COUNT = PAWL_SLOT_BAD + 1 };

typedef enum pawl_slot_event {
	PAWL_SLOT_WRITE_BEGIN, /* agent: the content is about to be replaced     */
	PAWL_SLOT_WRITE_DONE,  /* agent: read back, and its hash is right; `sec` is set first */
	PAWL_SLOT_ABANDON,     /* agent: give up a download or a staged image    */
	PAWL_SLOT_ACTIVATE,    /* agent: boot it at the next restart             */
	PAWL_SLOT_WITHDRAW,    /* agent: undo ACTIVATE, the image stays staged   */
	PAWL_SLOT_BOOT,        /* loader: about to start it                      */
	PAWL_SLOT_CONFIRM,     /* agent in the running slot: it proved healthy   */
	PAWL_SLOT_FAIL         /* agent or loader: it failed                     */
} pawl_slot_event;

enum { PAWL_SLOT_EVENT_COUNT = PAWL_SLOT_FAIL + 1 };

/* How a boot came about. POWER_ON to IMAGE_UNREADABLE also say how the run
 * before it ended. */
typedef enum pawl_boot_reason {
	PAWL_BOOT_UNKNOWN,          /* never booted, or never failed             */
	PAWL_BOOT_POWER_ON,         /* power came                                */
	PAWL_BOOT_REBOOT,           /* the running system asked for it           */
	PAWL_BOOT_PANIC,            /* init ended                                */
	PAWL_BOOT_WATCHDOG,         /* nobody fed it                             */
	PAWL_BOOT_IMAGE_UNREADABLE, /* the loader could not start the image      */
	PAWL_BOOT_FALLBACK          /* the slot that ran before failed for good;
				     * its `failure` says how                    */
} pawl_boot_reason;

enum { PAWL_BOOT_REASON_COUNT = PAWL_BOOT_FALLBACK + 1 };

/* What the caller must do after a step, in this order. */
enum pawl_slot_effect {
	PAWL_SLOT_STORE = 1 << 0,      /* first of all: store the pair durably      */
	PAWL_SLOT_OVERWRITE = 1 << 1,  /* from now on the content may be overwritten */
	PAWL_SLOT_RUN = 1 << 2,        /* loader: start the slot                    */
	PAWL_SLOT_RAISE_FLOOR = 1 << 3 /* after the pair is stored: pawl_slots_raise_floor,
					* then store again. Given again at each boot and
					* CONFIRM of a good slot, so that a power cut
					* between the two stores does no harm. Before
					* RUN, when both are given. */
};

struct pawl_slot {
	pawl_slot_state state;
	uint8_t tries_left;       /* STAGED, TRIAL: starts left, 0: not activated or
				   * spent. GOOD: failed starts left. Else 0.     */
	pawl_boot_reason failure; /* how its last failed run ended; UNKNOWN: none */
	uint64_t sec;             /* anti-rollback number of the image; 0 while EMPTY */
};

struct pawl_slots {
	struct pawl_slot slot[PAWL_SLOT_COUNT];
	uint8_t running; /* the slot started last; PAWL_SLOT_NONE before the first */
	uint64_t floor;  /* no slot with a lower `sec` is booted; never goes down */
};

/* Applies `event` to slot number `index` (0 or 1). PAWL_ERR_REFUSED: the table
 * has no such row or a guard forbids it; the pair is then unchanged.
 * On PAWL_ERR_OK the pair is changed and `*ret_effects` is a set of
 * pawl_slot_effect; 0 when there was nothing to change. */
PAWL_MUST_CHECK pawl_err pawl_slots_step(
    struct pawl_slots *slots, unsigned index, pawl_slot_event event, unsigned *ret_effects);

/* Raises the floor to the running slot's `sec` when that slot is GOOD. True
 * when the floor changed and the pair must be stored again. */
bool pawl_slots_raise_floor(struct pawl_slots *slots);

/* The slot to boot: an activated or tried one with tries left; else the good
 * one that ran last; else the other good one. Never one below the floor.
 * PAWL_SLOT_NONE: there is none. */
unsigned pawl_slots_choose(const struct pawl_slots *slots);

struct pawl_slots_boot {
	unsigned slot;           /* 0 or 1                                           */
	pawl_boot_reason reason; /* for the booted system                            */
	unsigned effects;        /* STORE and RUN, perhaps RAISE_FLOOR               */
};

/* The boot loader's whole decision. `ended`: how the run of `slots->running`
 * ended (POWER_ON, REBOOT, PANIC, WATCHDOG), or IMAGE_UNREADABLE when it could
 * not be started at all; then call it again. Counts the failure, gives up
 * trials without tries, chooses, spends a try.
 * PAWL_ERR_NOT_FOUND: nothing may be booted; the pair is then unchanged. */
PAWL_MUST_CHECK pawl_err pawl_slots_boot(
    struct pawl_slots *slots, pawl_boot_reason ended, struct pawl_slots_boot *ret_boot);

/* True when every field is within its range; what is read from storage is
 * checked with it (pawl_bootrec_decode does). The other functions panic on a
 * pair that is not valid. */
bool pawl_slots_valid(const struct pawl_slots *slots);

/* A factory pair: slot A is GOOD with `sec`, slot B EMPTY, the floor 0. */
struct pawl_slots pawl_slots_factory(uint64_t sec);

/* Lower case, e.g. "writing", "write-begin", "power-on"; never NULL. Static storage. */
const char *pawl_slot_state_name(pawl_slot_state state);
const char *pawl_slot_event_name(pawl_slot_event event);
const char *pawl_boot_reason_name(pawl_boot_reason reason);

#endif
