/* SPDX-License-Identifier: MIT
 *
 * pawl/device.h - the agent's decisions: what to do next, and what to say about it.
 *
 * Pure; no heap, no clock, no random source: both come inside events. One
 * object is used by one thread.
 *
 * The shell hands in one event and gets one effect, carries it out, and hands
 * in what came of it as the next event:
 *
 *   struct pawl_device_event event = { .kind = PAWL_ON_BOOT, ... };
 *   for (;;) {
 *           struct pawl_device_effect effect = pawl_device_step(&device, &event);
 *           event = perform(&effect);
 *   }
 *
 * What this promises, whatever the events, also when the power goes between
 * any two effects (device_test.c and device_fuzz.c check it):
 *   - while something that must survive a restart is not stored, nothing but
 *     asking, telling, waiting, HEALTH, CONFIRM and the way back to the old
 *     image is done: SAVE comes before what depends on it (a full or dead disk
 *     must neither cost a healthy image its confirmation nor keep a device on a
 *     bad one; the slot table alone remembers both well enough);
 *   - no ACTIVATE without a matching READ_BACK and a fresh admission by
 *     CHECK, both after the last write to the slot;
 *   - no ACTIVATE for an action that the latest poll did not offer;
 *   - no CONFIRM of a trial without passed health checks, and none before the
 *     server was reached from the new image;
 *   - one attempt at a time; each ends in exactly one final report, which stays
 *     queued until the server took it or says that nobody waits for it;
 *   - every failure leads back to IDLE, and IDLE keeps polling;
 *   - an attempt gets at most PAWL_DEVICE_DOWNLOAD_TIMES + 1 times the length of
 *     its artifact over the network.
 */
#ifndef PAWL_DEVICE_H
#define PAWL_DEVICE_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/limits.h"
#include "pawl/slots.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why an attempt was refused or failed. X(name, id, policy, text). The id
 * stands in reports (docs/spec/device.md). Policy: FINAL ends the attempt;
 * CONTENT is tried again a few times, since what came may have been damaged on
 * the way; PATIENT is tried again for long, since it is about the world around. */
#define PAWL_REASON_LIST(X)                                                                        \
	X(NONE, "none", FINAL, "nothing is wrong")                                                 \
	X(WRONG_HARDWARE_CLASS, "wrong-hardware-class", FINAL, "it is for other hardware")         \
	X(OLDER_RELEASE, "older-release", FINAL, "it is older than the installed one")             \
	X(SECURITY_FLOOR, "security-floor", FINAL, "it is below the anti-rollback floor")          \
	X(NOT_IN_CHANNEL, "not-in-channel", FINAL, "the channel of this device does not allow it") \
	X(SIGNATURE, "signature", FINAL, "signatures are missing or wrong")                        \
	X(EXPIRED, "expired", CONTENT, "signed metadata has expired")                              \
	X(ROLLBACK, "rollback", CONTENT, "signed metadata is older than what was seen")            \
	X(HASH_MISMATCH, "hash-mismatch", CONTENT, "the bytes are not those that were signed")     \
	X(LENGTH_MISMATCH, "length-mismatch", CONTENT, "the length is not the one signed")         \
	X(MISSING, "missing", CONTENT, "a file is not there")                                      \
	X(MALFORMED, "malformed", CONTENT, "an answer does not follow its format")                 \
	X(TOO_LARGE, "too-large", FINAL, "it exceeds a limit of this device")                      \
	X(SLOT_TOO_SMALL, "slot-too-small", FINAL, "the image does not fit into the slot")         \
	X(DISK_FULL, "disk-full", PATIENT, "no space is left on the device")                       \
	X(IO, "io", CONTENT, "the storage of the device failed")                                   \
	X(NETWORK, "network", PATIENT, "the network or the server failed")                         \
	X(HEALTH, "health", FINAL, "the new image is not healthy")                                 \
	X(BOOT_FAILED, "boot-failed", FINAL, "the new image did not start")                        \
	X(CANCELLED, "cancelled", FINAL, "it was cancelled")                                       \
	X(CLOCK, "clock", CONTENT, "the clock of the device can not be right")

typedef enum pawl_reason {
#define X(name, id, policy, text) PAWL_REASON_##name,
	PAWL_REASON_LIST(X)
#undef X
} pawl_reason;

enum {
	PAWL_REASON_COUNT = PAWL_REASON_CLOCK + 1,
	/* Tries without progress until an attempt is given up. */
	PAWL_DEVICE_CONTENT_TRIES = 4,
	PAWL_DEVICE_PATIENT_TRIES = 40,
	/* Times a slot is written: once more after it read back wrong. */
	PAWL_DEVICE_WRITES = 2,
	/* Times the whole artifact may come with another hash than the signed one. */
	PAWL_DEVICE_MISMATCHES = 2,
	/* No further download once so many lengths of the artifact came. */
	PAWL_DEVICE_DOWNLOAD_TIMES = 5,
	/* Starts of the agent without progress until an attempt is given up: what
	 * is offered may be what ends it. */
	PAWL_DEVICE_STARTS = 40,
	/* hawkBit's ids are decimal numbers; others use longer ones. */
	PAWL_DEVICE_ACTION_MAX = 64,
	/* One sentence; details[0] of a feedback. */
	PAWL_DEVICE_SENTENCE_MAX = 240,
	/* One attempt makes up to eight; some attempts may end while offline. */
	PAWL_DEVICE_REPORTS_MAX = 24,
	/* An encoded state with every field at its longest. */
	PAWL_DEVICE_STATE_SIZE_MAX = 64 * 1024
};

/* Never NULL; static storage. */
const char *pawl_reason_id(pawl_reason reason);
const char *pawl_reason_text(pawl_reason reason);

/* Where the one attempt stands. */
#define PAWL_PHASE_LIST(X)                                                                         \
	X(IDLE, "idle")               /* no attempt                                         */     \
	X(CHECKING, "checking")       /* offered; trust and channel are to be asked         */     \
	X(DOWNLOADING, "downloading") /* the inactive slot is being written                 */     \
	X(READBACK, "readback")       /* complete; the slot is to be read and hashed        */     \
	X(STAGED, "staged")           /* proven; waits for leave to activate                */     \
	X(ACTIVATED, "activated")     /* marked to boot; the reboot comes or has come       */     \
	X(PROBATION, "probation")     /* the new image runs and must prove itself           */     \
	X(REVERTING, "reverting")     /* the new image failed; back to the old one          */     \
	X(ABANDONING, "abandoning")   /* given up before activation; the slot is to be freed */

typedef enum pawl_phase {
#define X(name, id) PAWL_PHASE_##name,
	PAWL_PHASE_LIST(X)
#undef X
} pawl_phase;

enum { PAWL_PHASE_COUNT = PAWL_PHASE_ABANDONING + 1 };

const char *pawl_phase_name(pawl_phase phase);

/* What is to be installed, as signed. */
struct pawl_device_release {
	char path[PAWL_TARGET_PATH_MAX + 1]; /* target path                      */
	char version[PAWL_VERSION_MAX + 1];
	int64_t seq;
	int64_t sec;
	uint64_t length; /* bytes of artifact and image                          */
	uint8_t sha256[32];
};

typedef enum pawl_report_kind {
	PAWL_REPORT_PROCEEDING,
	PAWL_REPORT_DOWNLOAD,
	PAWL_REPORT_DOWNLOADED,
	PAWL_REPORT_SUCCESS,        /* closed, success                           */
	PAWL_REPORT_FAILURE,        /* closed, failure                           */
	PAWL_REPORT_CANCEL_DONE,    /* to cancelAction: closed, success          */
	PAWL_REPORT_CANCEL_REJECTED /* to cancelAction: rejected                 */
} pawl_report_kind;

enum { PAWL_REPORT_KIND_COUNT = PAWL_REPORT_CANCEL_REJECTED + 1 };

struct pawl_device_report {
	char action[PAWL_DEVICE_ACTION_MAX + 1];
	pawl_report_kind kind;
	pawl_reason reason; /* NONE: no second detail                            */
	char sentence[PAWL_DEVICE_SENTENCE_MAX + 1];
};

/* Fixed at start. */
struct pawl_device_settings {
	int64_t poll_min_ms; /* bounds on what the server may ask for            */
	int64_t poll_max_ms;
	int64_t probation_ms;
	/* Past the probation: time to reach the server once from the new image. */
	int64_t contact_ms;
};

/* What survives a restart. */
struct pawl_device_stored {
	pawl_phase phase;
	char action[PAWL_DEVICE_ACTION_MAX + 1]; /* "" in PROBATION: a trial nobody remembers */
	uint8_t slot;                            /* the one being updated        */
	struct pawl_device_release release;
	uint64_t offset;     /* bytes of the image that are on the medium          */
	uint64_t furthest;   /* highest offset so far; only beyond it is progress    */
	uint32_t tries;      /* failures in a row without progress                   */
	uint32_t rewrites;   /* times the slot did not read back right              */
	uint32_t mismatches; /* times all bytes came and their hash was wrong        */
	uint32_t starts;     /* starts of the agent since there was progress        */
	uint64_t spent;      /* bytes of this release that came over the network    */
	pawl_reason reason;  /* REVERTING, ABANDONING: why; else the last one reported */
	char sentence[PAWL_DEVICE_SENTENCE_MAX + 1]; /* the same in words        */
	/* The last attempt that ended, so that it is not begun again. */
	char last_action[PAWL_DEVICE_ACTION_MAX + 1];
	bool last_success;
	pawl_reason last_reason;
	char last_sentence[PAWL_DEVICE_SENTENCE_MAX + 1];

	int64_t channel_counter;     /* highest seen                            */
	struct pawl_wall time_floor; /* never goes back                         */
	uint32_t report_count;
	struct pawl_device_report reports[PAWL_DEVICE_REPORTS_MAX]; /* oldest first */
};

/* --- events --- */

typedef enum pawl_device_event_kind {
	PAWL_ON_BOOT,   /* first of all; `boot`                                  */
	PAWL_ON_TICK,   /* WAIT or GO_ON is over                                 */
	PAWL_ON_DONE,   /* the effect was carried out                            */
	PAWL_ON_FAILED, /* it was not; `reason`, `sentence`, `retry_after_ms`    */
	PAWL_ON_GONE,   /* SEND_REPORT, SEND_ATTRIBUTES: the server will never take it */
	PAWL_ON_POLL,   /* POLL was answered; `poll`                             */
	PAWL_ON_ADMIT,  /* CHECK: admitted; `release`, `channel_counter`, `issued` */
	PAWL_ON_SAME,   /* CHECK: the running image is this release, by its hash */
	PAWL_ON_REFUSE, /* CHECK: turned down; `reason`, `sentence`, and what
			 * is known of `channel_counter` and `issued` (else 0)   */
	PAWL_ON_CHUNK,  /* inside DOWNLOAD: synced up to `offset`. A lower one than
			 * before: the server begins again, said before anything is
			 * overwritten; there is no PAUSE after that              */
	PAWL_ON_PAUSED  /* DOWNLOAD stopped because it was told PAUSE; `offset`  */
} pawl_device_event_kind;

enum { PAWL_ON_COUNT = PAWL_ON_PAUSED + 1 };

struct pawl_device_boot {
	uint8_t running; /* slot                                   */
	pawl_slot_state state[PAWL_SLOT_COUNT];
	uint8_t tries[PAWL_SLOT_COUNT];
	pawl_boot_reason reason;
	pawl_boot_reason failure[PAWL_SLOT_COUNT];
};

struct pawl_device_poll {
	int64_t sleep_ms;   /* the server's wish                                */
	const char *action; /* offered; "" for none                             */
	const char *cancel; /* action to cancel; "" for none                    */
	bool wants_attributes;
};

struct pawl_device_event {
	pawl_device_event_kind kind;
	struct pawl_mono now;
	uint64_t random; /* 64 fresh bits, for jitter                            */
	struct pawl_device_boot boot;
	struct pawl_device_poll poll;
	/* ADMIT, SAME, REFUSE */
	const struct pawl_device_release *release; /* ADMIT                      */
	uint8_t slot;            /* ADMIT: the inactive one                       */
	uint64_t slot_size;      /* ADMIT: bytes it can hold                      */
	bool may_download;       /* ADMIT: the server allows it now               */
	bool may_activate;       /* ADMIT: the same                               */
	int64_t channel_counter; /* highest seen in verified metadata; 0: none   */
	struct pawl_wall issued; /* of the verified timestamp, no later than the
				  * expiry of what offline keys signed; {0}: none */
	/* FAILED, REFUSE */
	pawl_reason reason;
	const char *sentence;   /* may be NULL                                   */
	int64_t retry_after_ms; /* 0: nothing was asked for                      */
	/* CHUNK, PAUSED, and FAILED of a DOWNLOAD. HASH_MISMATCH of a DOWNLOAD: all
	 * bytes came and they are not the signed ones. */
	uint64_t offset;
};

/* --- effects --- */

typedef enum pawl_device_effect_kind {
	/* answered by                                                        */
	PAWL_DO_WAIT,        /* TICK: at `until`, or earlier                  */
	PAWL_DO_SAVE,        /* DONE, FAILED: store pawl_device_encode's bytes */
	PAWL_DO_POLL,        /* POLL, FAILED                                  */
	PAWL_DO_ATTRIBUTES,  /* DONE, GONE, FAILED: send them                 */
	PAWL_DO_REPORT,      /* DONE, GONE, FAILED: send stored.reports[0]    */
	PAWL_DO_CHECK,       /* ADMIT, REFUSE, FAILED: deployment, trust, channel, release */
	PAWL_DO_BEGIN_WRITE, /* DONE, FAILED: slot table WRITE_BEGIN, stored  */
	PAWL_DO_DOWNLOAD,    /* DONE: all there, and the hash of what came is right;
			      * PAUSED, FAILED: from stored.offset on; CHUNK inside */
	PAWL_DO_GO_ON,       /* answer to CHUNK: keep downloading             */
	PAWL_DO_PAUSE,       /* answer to CHUNK: sync and stop, then PAUSED   */
	PAWL_DO_READ_BACK,   /* DONE: the hash is right; FAILED               */
	PAWL_DO_STAGE,       /* DONE, FAILED: slot table WRITE_DONE           */
	PAWL_DO_ACTIVATE,    /* DONE, FAILED: slot table ACTIVATE             */
	PAWL_DO_REBOOT,      /* the process ends; FAILED when it could not    */
	PAWL_DO_HEALTH,      /* DONE, FAILED: run the health checks           */
	PAWL_DO_CONFIRM,     /* DONE, FAILED: CONFIRM the running slot, raise the floor */
	PAWL_DO_FAIL_SLOT,   /* DONE, FAILED: slot table FAIL for the running slot */
	PAWL_DO_ABANDON      /* DONE, FAILED: slot table ABANDON              */
} pawl_device_effect_kind;

enum { PAWL_DO_COUNT = PAWL_DO_ABANDON + 1 };

struct pawl_device_effect {
	pawl_device_effect_kind kind;
	struct pawl_mono until; /* WAIT                                          */
	uint8_t slot;           /* slot effects                                  */
};

/* Lower case, for logs and tests. Static storage. */
const char *pawl_device_effect_name(pawl_device_effect_kind kind);

/* --- the machine --- */

/* The whole state. `stored` may be read; the rest is internal. About 25 KiB. */
struct pawl_device {
	struct pawl_device_settings settings;
	struct pawl_device_stored stored;
	pawl_device_effect_kind doing; /* the effect under way                   */
	bool downloading;              /* inside DOWNLOAD                                     */
	bool booted;
	bool dirty;        /* `stored` differs from what was saved            */
	bool offered;      /* the latest poll offers stored.action            */
	bool held;         /* the server says not now; asked again at the next poll */
	bool admitted;     /* CHECK said yes; since the latest poll when STAGED */
	bool slot_ready;   /* the slot is WRITING for stored.release          */
	bool proven;       /* read back since the last write, and right       */
	bool healthy;      /* the latest HEALTH passed, and it was the last one needed */
	bool contact;      /* the server was reached since the start          */
	bool begins_again; /* the server of this DOWNLOAD ignored the range        */
	bool slot_failed;  /* FAIL_SLOT was done since the start                   */
	bool confirm_due;  /* the running slot is GOOD; it is to be confirmed again */
	bool attributes_due;
	uint8_t running;
	int64_t started_ms; /* monotonic; all of these                         */
	int64_t save_at_ms;
	int64_t attributes_at_ms;
	int64_t report_at_ms;
	int64_t work_at_ms;
	int64_t poll_at_ms;
	int64_t slice_end_ms; /* when a download pauses for a poll               */
	int64_t poll_interval_ms;
	uint32_t save_failures;
	uint32_t tell_failures;
	uint32_t poll_failures;
	uint32_t stuck_failures; /* of REBOOT, CONFIRM, FAIL_SLOT in a row       */
};

/* A device without history. */
struct pawl_device_stored pawl_device_fresh(struct pawl_wall time_floor);

/* `stored` is copied: pawl_device_fresh or pawl_device_decode. */
void pawl_device_init(struct pawl_device *device, const struct pawl_device_settings *settings,
    const struct pawl_device_stored *stored);

/* See the top of the file. The first event is BOOT, and there is only one; an
 * event that does not answer the last effect is a bug of the shell and panics
 * where it can be told. */
struct pawl_device_effect pawl_device_step(
    struct pawl_device *device, const struct pawl_device_event *event);

/* --- the state file --- */

/* A record (pawl/record.h, magic "PAGT", version 1) that holds JSON. */
PAWL_MUST_CHECK pawl_err pawl_device_encode(
    const struct pawl_device_stored *stored, struct pawl_buf *out);
/* PAWL_ERR_CORRUPT, PAWL_ERR_SYNTAX, PAWL_ERR_TRUNCATED, PAWL_ERR_RANGE,
 * PAWL_ERR_LIMIT, PAWL_ERR_UNSUPPORTED, PAWL_ERR_NO_MEMORY. `scratch` gets the
 * parser's tokens: PAWL_DEVICE_SCRATCH bytes suffice. Borrows `bytes`. */
enum { PAWL_DEVICE_SCRATCH = 64 * 1024 };
PAWL_MUST_CHECK pawl_err pawl_device_decode(struct pawl_bytes bytes, void *scratch,
    size_t scratch_size, struct pawl_device_stored *ret_stored);

#endif
