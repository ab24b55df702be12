/* SPDX-License-Identifier: MIT
 *
 * pawl-agent: the hands of pawl/device.h. Nothing is decided here: main.c reads the
 * settings, agent_loop.c carries effects out and hands back what came of them.
 */
#ifndef PAWL_AGENT_H
#define PAWL_AGENT_H

#include "pawl/bootrec.h"
#include "pawl/crypto.h"
#include "pawl/ddi.h"
#include "pawl/device.h"
#include "pawl/env.h"
#include "pawl/fetch.h"
#include "pawl/log.h"
#include "pawl/release.h"
#include "pawl/trust.h"

#include <stdbool.h>

enum {
	AGENT_PATH_MAX = 256,
	AGENT_URL_MAX = 1024,
	AGENT_EXIT_REBOOT = 75,
	/* A poll or deployment answer; ours have about one KiB. */
	AGENT_JSON_MAX = 64 * 1024
};

struct agent_settings {
	char server_url[256];
	char enrol_url[256];
	char server_pins[512];
	char ca_file[AGENT_PATH_MAX];
	char tenant[64];
	char device_id[PAWL_DEVICE_ID_MAX + 1];
	char product[PAWL_PRODUCT_MAX + 1];
	char hardware_class[PAWL_HW_CLASS_MAX + 1];
	char group[PAWL_GROUP_MAX + 1];
	char state_dir[AGENT_PATH_MAX];
	char enrol_token_file[AGENT_PATH_MAX];
	char slot[PAWL_SLOT_COUNT][AGENT_PATH_MAX];
	char boot_record[AGENT_PATH_MAX];
	char reboot[16];
	char watchdog[AGENT_PATH_MAX];
	char health_dir[AGENT_PATH_MAX];
	int64_t health_timeout_ms;
	int64_t probation_ms;
	int64_t contact_ms;
	int64_t poll_min_ms;
	int64_t poll_max_ms;
	int64_t rate_limit_bytes_s;
	char log[16];
	bool once;
	bool is_the_device;
};

/* The SHA-256 of what a download brought so far, kept while it pauses. */
struct agent_stream {
	struct pawl_hash hash;
	bool open;
	uint64_t offset;    /* bytes hashed                                      */
	uint8_t sha256[32]; /* of the artifact they belong to                    */
};

struct agent {
	struct agent_settings settings;
	struct pawl_log log;
	struct pawl_env_lock lock;
	struct pawl_device device;
	struct pawl_bootrec boot;  /* as last loaded or stored                    */
	char pins[640];            /* in libcurl's form                           */
	struct pawl_fetch *fetch;  /* NULL until it is needed                     */
	bool fetch_by_pins;        /* how it was made                             */
	struct pawl_env_slot slot; /* the slot being written; fd -1: closed      */
	struct agent_stream stream;
	int watchdog_fd;
	int64_t fed_at_ms;
	bool has_image_hash;
	uint8_t image_sha256[32]; /* of the running slot                         */
	/* From the latest poll. */
	char offered[PAWL_DDI_ID_MAX + 1];
	char cancel[PAWL_DDI_ID_MAX + 1];
	char metadata_url[AGENT_URL_MAX]; /* both end in '/'                     */
	char targets_url[AGENT_URL_MAX];
	bool unreachable;
	bool polled;
	/* When a trial that can not even start its agent is failed; 0: no trial. */
	int64_t trial_ends_ms;
	/* From the latest admission. */
	char download_url[AGENT_URL_MAX];
	struct pawl_device_release release;
	char etag[136];
	/* What the event's sentence points to. */
	char sentence[PAWL_DEVICE_SENTENCE_MAX + 1];
	/* Memory for JSON answers. */
	uint8_t scratch[PAWL_DDI_ARENA_SIZE(4096)];
};

/* --- main.c: asked to end by a signal --- */

bool agent_is_stopping(void);
bool agent_trial_is_over(const struct agent *agent);

/* --- agent_settings.c --- */

/* -1: go on; else the exit code. */
int agent_settings_read(int argc, char *const argv[], struct agent_settings *settings);
/* PAWL_ERR_SYNTAX with a note when values do not fit together. */
PAWL_MUST_CHECK pawl_err agent_settings_check(
    const struct agent_settings *settings, struct pawl_note *note);
/* "a,b" as base64 to "sha256//a;sha256//b". */
PAWL_MUST_CHECK pawl_err agent_settings_pins(
    const struct agent_settings *settings, size_t capacity, char *ret_pins);

/* --- agent_enrol.c --- */

/* Returns when the certificate is there. PAWL_ERR_CANCELLED: asked to stop;
 * with settings.once also the first failure. PAWL_ERR_TIMEOUT: past
 * agent->trial_ends_ms. */
PAWL_MUST_CHECK pawl_err agent_enrol(struct agent *agent);

/* --- agent_net.c --- */

/* Whether the wall clock can be believed for certificates' dates. */
bool agent_clock_is_plausible(const struct agent *agent, struct pawl_wall now);
/* The session with the device listener, made when needed. */
PAWL_MUST_CHECK pawl_err agent_connect(struct agent *agent, struct pawl_note *note);
/* A request with the deadlines for small answers. */
PAWL_MUST_CHECK pawl_err agent_request(struct agent *agent,
    const struct pawl_fetch_request *request, struct pawl_fetch_answer *ret_answer,
    struct pawl_note *note);
pawl_err agent_on_progress(void *context, uint64_t sent, uint64_t received);

/* --- agent_ddi.c: each fills in the event --- */

void agent_poll(struct agent *agent, struct pawl_device_event *event);
void agent_send_report(struct agent *agent, struct pawl_device_event *event);
void agent_send_attributes(struct agent *agent, struct pawl_device_event *event);
/* The target path that the offer names. False: the event says why not. */
bool agent_offered_path(
    struct agent *agent, struct pawl_device_event *event, char ret_path[PAWL_TARGET_PATH_MAX + 1]);
/* Turns an error of the network into FAILED with a sentence. */
void agent_net_failed(
    struct agent *agent, struct pawl_device_event *event, pawl_err err, const char *note);
/* The same for an answer that is no success. */
void agent_status_failed(struct agent *agent, struct pawl_device_event *event,
    const struct pawl_fetch_answer *answer, const char *what);
/* FAILED with `reason`. */
void agent_failed(
    struct agent *agent, struct pawl_device_event *event, pawl_reason reason, const char *sentence);
/* DISK_FULL for PAWL_ERR_NO_SPACE, IO else. */
pawl_reason agent_storage_reason(pawl_err err);

/* --- agent_trust.c --- */

void agent_check(struct agent *agent, struct pawl_device_event *event);

/* --- agent_slots.c --- */

PAWL_MUST_CHECK pawl_err agent_boot_load(struct agent *agent, struct pawl_note *note);
/* Fills in event->boot. */
void agent_boot_event(const struct agent *agent, struct pawl_device_event *event);
/* BEGIN_WRITE, STAGE, ACTIVATE, CONFIRM, FAIL_SLOT, ABANDON. */
void agent_slot_effect(
    struct agent *agent, const struct pawl_device_effect *effect, struct pawl_device_event *event);
void agent_read_back(struct agent *agent, struct pawl_device_event *event);
/* Hashes the running slot for the attributes. */
void agent_measure(struct agent *agent);
/* Feeds the first `length` bytes of `slot` to `hash`. */
PAWL_MUST_CHECK pawl_err agent_hash_slot(struct agent *agent, struct pawl_env_slot *slot,
    uint64_t length, bool past_cache, struct pawl_hash *hash, struct pawl_note *note);
/* Marks the running trial as failed: the next boot is the old image's. */
PAWL_MUST_CHECK pawl_err agent_fail_trial(struct agent *agent, struct pawl_note *note);
/* Opens the slot for writing unless it is open. */
PAWL_MUST_CHECK pawl_err agent_slot_open(struct agent *agent, uint8_t slot, struct pawl_note *note);

/* --- agent_download.c --- */

void agent_download(struct agent *agent, struct pawl_device_event *event);
/* Takes one that is not open. */
void agent_stream_close(struct agent_stream *stream);

/* --- agent_health.c --- */

void agent_health(struct agent *agent, struct pawl_device_event *event);

/* --- agent_loop.c --- */

/* Until the process shall end; returns its exit code. */
int agent_run(struct agent *agent);
/* Whether `reboot` may be carried out here; when not, the note says why. */
bool agent_may_reboot(const struct agent *agent, struct pawl_note *note);
/* Restarts the machine, or returns: the exit code. */
int agent_reboot(struct agent *agent);
/* Waits that long and feeds the watchdog; shorter when asked to stop. */
void agent_wait_until(struct agent *agent, int64_t until_ms);
void agent_feed_watchdog(struct agent *agent);
/* Stores the state of the device. */
PAWL_MUST_CHECK pawl_err agent_save(struct agent *agent, struct pawl_note *note);
struct pawl_device_event agent_event(pawl_device_event_kind kind);

#endif
