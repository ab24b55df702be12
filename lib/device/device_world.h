/* SPDX-License-Identifier: MIT
 *
 * A small world around the machine of pawl/device.h, for its tests: the real slot
 * table, a server, a network and a disk that fail by seed, and power that goes
 * between any two effects. What device.h promises is checked at every effect.
 */
#ifndef PAWL_DEVICE_WORLD_H
#define PAWL_DEVICE_WORLD_H

#include "pawl/device.h"
#include "pawl/prng.h"

enum { WORLD_IMAGE = 5000000, WORLD_CHUNK = 1000000 };

struct world {
	struct pawl_prng prng;
	bool faults;    /* things go wrong at all                               */
	unsigned rate;  /* percent of effects that fail                         */
	unsigned power; /* percent of effects after which the power goes        */
	int64_t now;
	/* the device */
	struct pawl_device device;
	uint8_t disk[PAWL_DEVICE_STATE_SIZE_MAX];
	size_t disk_size;
	struct pawl_slots slots;
	pawl_boot_reason reason;
	uint64_t content[PAWL_SLOT_COUNT]; /* seq of what was written; 0: damaged */
	/* the world around */
	int64_t offered_seq;
	char action[32];
	char cancel[32];
	bool window_closed;
	bool begins_again; /* each download starts from 0 and breaks off */
	bool sick;         /* the new image's health checks fail                  */
	bool dead;         /* the new image does not come up                      */
	bool wrong_bytes;  /* what comes has the right length and another hash    */
	bool bad_flash;    /* the inactive slot never reads back right            */
	bool no_memory;    /* nothing can be saved while the new image runs       */
	bool no_reboot;    /* the machine can not be restarted                    */
	bool no_staging;   /* the boot record can not be stored at STAGE          */
	bool no_resume;    /* the server ignores ranges                           */
	uint64_t creeps;   /* > 0: each download ends this far beyond the one before */
	uint64_t received; /* bytes of image that came over the network           */
	uint64_t downloads;
	bool failed_slot; /* FAIL_SLOT was done since the start                  */
	struct pawl_device_release release;
	char told_end[64][32];
	unsigned told_ends;
	bool success;
	/* what the checks remember */
	bool read_back; /* matching, since the last write                      */
	bool admitted;  /* since the read-back                                 */
	bool polled;    /* since the read-back, and offered                    */
	bool healthy;   /* since the boot                                      */
	bool contact;
	bool saved_since_change;
};

/* What was seen in all worlds together. */
extern unsigned total_effects[PAWL_DO_COUNT];
extern unsigned total_phases[PAWL_PHASE_COUNT];
extern unsigned total_kinds[PAWL_REPORT_KIND_COUNT];

/* Release 1 runs from slot A; release 2 is offered as action 17. */
void world_new(struct world *world, uint64_t seed);
void world_set_text(char ret_text[32], const char *text);
void world_set_release(struct world *world, int64_t seq);
/* The process starts with what is stored; the event is BOOT. */
struct pawl_device_event world_start_agent(struct world *world);
/* Carries one effect out. False: the process ended (reboot). */
bool world_perform(
    struct world *world, const struct pawl_device_effect *effect, struct pawl_device_event *event);
/* Runs until the server has the end of its action, or `steps` are over. */
void world_run(struct world *world, struct pawl_device_event *event, unsigned steps);

#endif
