/* SPDX-License-Identifier: MIT
 *
 * pawl/fleet.h - the core of the server: devices, releases, actions, rollouts
 * and everything that may happen to them.
 *
 * Pure: no clock, no file, no socket; `now` comes with every event. One
 * thread. The hot state of the whole fleet is in memory (heap; running out of
 * it is a panic, and loses nothing: see below). Functions either change
 * something and append effects, or only look. What an effect names is read
 * through the const accessors and stored by the caller.
 *
 * The caller's promise, on which restarts rely: after each call it drains the
 * effects and commits them in ONE transaction before it answers. A start is
 * then pawl_fleet_create, every stored row through pawl_fleet_load_*, and
 * pawl_fleet_load_done; the fleet goes on where it was.
 *
 * Words: a device is hawkBit's target, a distribution set is a release, a
 * module is its image for one hardware class, an action is one device's part.
 *
 * Const pointers that functions here return live until the object is removed
 * (pawl_fleet_device_remove, pawl_fleet_destroy); texts inside them until the
 * next call that changes that object. Texts are never NULL; "" is "none".
 */
#ifndef PAWL_FLEET_H
#define PAWL_FLEET_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/limits.h"
#include "pawl/rollout.h"
#include "pawl/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAWL_FLEET_NAME_MAX = 128, /* name of a device or rollout           */
	PAWL_FLEET_DESCRIPTION_MAX = 512,
	PAWL_FLEET_FILTER_MAX = 1024, /* bytes of a filter text                */
	PAWL_FLEET_ADDRESS_MAX = 64,
	PAWL_FLEET_MODULES_MAX = 64,     /* hardware classes of one release       */
	PAWL_FLEET_STATUSES_MAX = 1000,  /* statuses of one action, as hawkBit    */
	PAWL_FLEET_OPEN_ACTIONS_MAX = 8, /* open at once on one device            */
	PAWL_FLEET_SEED_MAX = 32,
	PAWL_FLEET_STEP_MAX_S = 60,   /* silence never grows by more at once   */
	PAWL_FLEET_MESSAGE_MAX = 512, /* one message of a device, longer is cut */
	/* Action ids: >= 11, < 2^31, never used twice, and never d * 10^k, which
	 * old Zephyr clients can not tell from d when a cancel arrives. */
	PAWL_FLEET_ACTION_ID_MIN = 11
};

struct pawl_fleet;

struct pawl_fleet_settings {
	uint32_t poll_s;      /* 1..86399: what devices are told to sleep; each a
			       * little less, fixed per device, to spread them     */
	uint32_t silence_s;   /* assignments outside rollouts: silent or unproven for
			       * longer after the action began is a failure        */
	uint32_t devices_max; /* 0: 1,000,000                                     */
	uint64_t hash_seed;   /* random; so that nobody can choose colliding names */
};

/* --- what the answer to a call is --- */

typedef enum pawl_fleet_result {
	PAWL_FLEET_OK,
	PAWL_FLEET_NOT_FOUND,      /* 404: no such device, action, release, rollout   */
	PAWL_FLEET_GONE,           /* 410: the action is closed                       */
	PAWL_FLEET_DENIED,         /* 403: revoked; 401 for an enrolment              */
	PAWL_FLEET_NOT_CANCELABLE, /* 405: the action is not being cancelled          */
	PAWL_FLEET_CONFLICT,       /* 409: it exists, or the state does not allow it  */
	PAWL_FLEET_INVALID,        /* 400: a field is wrong; the note names it        */
	PAWL_FLEET_QUOTA           /* 429: a quota is used up                         */
} pawl_fleet_result;

/* "ok", "not_found", ...; never NULL. */
const char *pawl_fleet_result_name(pawl_fleet_result result);

/* --- what there is --- */

typedef enum pawl_device_state {
	PAWL_DEVICE_REGISTERED, /* never called                                     */
	PAWL_DEVICE_IDLE,       /* nothing to do                                    */
	PAWL_DEVICE_OFFERED,    /* an action is there, the device did not start it  */
	PAWL_DEVICE_DOWNLOADING,
	PAWL_DEVICE_STAGED,    /* downloaded, not activated                        */
	PAWL_DEVICE_PROBATION, /* activated, not yet confirmed                     */
	PAWL_DEVICE_VERIFYING, /* says it succeeded; its image hash must prove it  */
	PAWL_DEVICE_FAILED,
	PAWL_DEVICE_REFUSED /* it turned the release down (signature, older...) */
} pawl_device_state;

typedef enum pawl_enrolment {
	PAWL_ENROLMENT_NONE,
	PAWL_ENROLMENT_PENDING, /* a request waits for the operator's station      */
	PAWL_ENROLMENT_ISSUED,
	PAWL_ENROLMENT_REVOKED
} pawl_enrolment;

struct pawl_fleet_attribute {
	const char *key;
	const char *value;
};

/* A device; also the row that is stored. */
struct pawl_fleet_device {
	uint32_t id; /* >= 1; never used again                                  */
	const char *controller_id;
	const char *name; /* "" -> show controller_id                              */
	const char *description;
	const char *product;
	const char *hardware_class;
	const char *group;
	const char *address; /* of the last poll                                   */
	int64_t created_at;  /* all times: ms since 1970; 0: never                 */
	int64_t last_request_at;
	int64_t installed_at;
	int64_t attributes_at; /* last configData                                  */
	pawl_device_state state;
	const char *why; /* the sentence of the last change of state               */
	bool attributes_wanted;
	uint32_t assigned_id;         /* distribution set, 0: none                 */
	uint32_t installed_id;        /* the same                                  */
	uint32_t installed_action_id; /* the action that installed it, 0: none     */
	uint32_t last_action_id;      /* newest action, 0: none                    */
	/* Enrolment. CSR and certificate texts are the caller's to keep. */
	pawl_enrolment enrolment;
	bool has_token;
	uint8_t token_sha256[32];
	int64_t token_expires_at;
	bool has_key_pin; /* the token is bound to this key                        */
	uint8_t key_pin[32];
	int64_t requested_at; /* of the pending request                            */
	bool has_fingerprint;
	uint8_t fingerprint[32]; /* SHA-256 of the certificate issued last         */
	uint32_t attribute_count;
	const struct pawl_fleet_attribute *attributes; /* sorted by key            */
};

struct pawl_fleet_module {
	uint32_t id; /* >= 1; 0 when adding                              */
	char hardware_class[PAWL_HW_CLASS_MAX + 1];
	char file_name[PAWL_TARGET_PATH_MAX + 1];   /* "<version>.<hw>.img"        */
	char target_path[PAWL_TARGET_PATH_MAX + 1]; /* "fw/<product>/<file_name>"  */
	uint64_t size;   /* of the artifact as it travels                    */
	char sha256[65]; /* of the artifact, lower-case hex                  */
	char sha1[41];
	char md5[33];
	char image_sha256[65]; /* of the image in the slot: custom.plain.sha256    */
	int64_t created_at;
};

/* A release. Immutable. `product` is hawkBit's name of the distribution set. */
struct pawl_fleet_distribution_set {
	uint32_t id; /* >= 1                                                    */
	char product[PAWL_PRODUCT_MAX + 1];
	char version[PAWL_VERSION_MAX + 1];
	uint64_t seq;
	uint32_t sec;
	int64_t created_at;
	uint32_t module_count;
	const struct pawl_fleet_module *modules; /* one for each hardware class    */
};

typedef enum pawl_action_status {
	PAWL_ACTION_RUNNING,   /* assigned, or the device said "proceeding"        */
	PAWL_ACTION_RETRIEVED, /* the device read deploymentBase                   */
	PAWL_ACTION_DOWNLOAD,
	PAWL_ACTION_DOWNLOADED,
	PAWL_ACTION_SCHEDULED,
	PAWL_ACTION_VERIFYING, /* device claims success (hawkBit shows "running")  */
	PAWL_ACTION_CANCELING,
	PAWL_ACTION_FINISHED, /* closed from here on                              */
	PAWL_ACTION_ERROR,
	PAWL_ACTION_CANCELED
} pawl_action_status;

typedef enum pawl_force_type {
	PAWL_FORCE_SOFT,
	PAWL_FORCE_FORCED,
	PAWL_FORCE_TIMEFORCED, /* soft before force_at, forced from then on        */
	PAWL_FORCE_DOWNLOADONLY
} pawl_force_type;

/* An action; also the row that is stored. */
struct pawl_fleet_action {
	uint32_t id;
	uint32_t device_id;
	uint32_t distribution_set_id;
	uint32_t rollout_id; /* 0: assigned by hand                                 */
	uint32_t stratum;    /* place in the rollout                                */
	uint32_t stage;
	pawl_action_status status;
	pawl_force_type force;
	int64_t force_at;
	bool retrieved;      /* the device has read it, so only the device can give it up */
	bool leaves_rollout; /* when it closes its device leaves the rollout       */
	bool activated;      /* it may be running the new image: no silent withdrawal   */
	bool unverified;     /* FINISHED on the device's word alone                     */
	int64_t created_at;
	int64_t changed_at;
	int64_t claimed_at;     /* closed/success received                       */
	int64_t closed_at;      /* 0: open                                       */
	int32_t last_code;      /* 0: none                                       */
	uint32_t claimed_polls; /* polls since claimed_at, at most 3             */
	uint32_t status_count;  /* statuses kept, for the quota                  */
	const char *why;
};

typedef enum pawl_strata_kind {
	PAWL_STRATA_NONE, /* one stratum                                   */
	PAWL_STRATA_HARDWARE_CLASS
} pawl_strata_kind;

struct pawl_fleet_rollout {
	uint32_t id; /* >= 1                                                    */
	const char *name;
	const char *description;
	const char *filter;
	uint32_t distribution_set_id;
	pawl_force_type force;
	int64_t force_at;
	pawl_strata_kind strata_kind;
	uint32_t silence_s;
	uint8_t seed[PAWL_FLEET_SEED_MAX];
	uint32_t seed_size;
	int64_t created_at;
	int64_t changed_at;
	int64_t started_at;
	int64_t resumed_at;
	uint32_t member_count;     /* devices known as members now, those that left included */
	uint32_t left_count;       /* of them: left before they began                    */
	uint32_t excluded_count;   /* matched the filter but can not take the release  */
	uint32_t unverified_count; /* healthy on the device's word alone              */
	struct pawl_rollout core;  /* states, settings, counters                       */
	const char *const *stratum_names; /* core.stratum_count of them                */
};

/* Where a device stands in a rollout. */
typedef enum pawl_member_state {
	PAWL_MEMBER_WAITING,
	PAWL_MEMBER_IN_FLIGHT,
	PAWL_MEMBER_HEALTHY,
	PAWL_MEMBER_FAILED,
	PAWL_MEMBER_LEFT /* it runs the release already, or a newer rollout took it   */
} pawl_member_state;

struct pawl_fleet_member {
	uint32_t rollout_id;
	uint32_t device_id;
	uint32_t stratum;
	uint32_t stage;
	pawl_member_state state;
};

/* Names as the API writes them ("registered", "pending", "running", "forced",
 * "hardwareClass"...); never NULL. The parsers give PAWL_ERR_SYNTAX for another word. */
const char *pawl_device_state_name(pawl_device_state state);
const char *pawl_enrolment_name(pawl_enrolment enrolment);
/* hawkBit's word; VERIFYING reads "running". */
const char *pawl_action_status_name(pawl_action_status status);
const char *pawl_force_type_name(pawl_force_type force);
PAWL_MUST_CHECK pawl_err pawl_force_type_parse(struct pawl_bytes text, pawl_force_type *ret_force);
const char *pawl_member_state_name(pawl_member_state state);
/* hawkBit's updateStatus: "unknown", "registered", "pending", "in_sync", "error". */
const char *pawl_fleet_update_status(const struct pawl_fleet_device *device);

/* --- effects --- */

typedef enum pawl_fleet_effect_kind {
	PAWL_FLEET_STORE_COUNTERS,         /* pawl_fleet_counters changed                   */
	PAWL_FLEET_STORE_DEVICE,           /* id: insert or replace the row (not attributes) */
	PAWL_FLEET_TOUCH_DEVICE,           /* id: only last_request_at and address changed; may
					    * be stored late and in bulk                     */
	PAWL_FLEET_STORE_ATTRIBUTES,       /* id of the device: replace the whole set       */
	PAWL_FLEET_REMOVE_DEVICE,          /* id: with its attributes, actions, memberships  */
	PAWL_FLEET_STORE_DISTRIBUTION_SET, /* id: with its modules                    */
	PAWL_FLEET_STORE_ACTION,           /* id                                             */
	PAWL_FLEET_ADD_ACTION_STATUS,      /* id of the action: append a status            */
	PAWL_FLEET_STORE_ROLLOUT,          /* id: pawl_fleet_rollout_encode                  */
	PAWL_FLEET_STORE_MEMBERS, /* id of the rollout: all its members (once, when made) */
	PAWL_FLEET_STORE_MEMBER,  /* id of the rollout, other_id of the device      */
	PAWL_FLEET_LOG            /* an event for the log                           */
} pawl_fleet_effect_kind;

/* Stored rows never depend on the order of effects within one drain, and each
 * object is named at most once per STORE kind there. An object that is gone
 * by then (its accessor gives NULL) is skipped. */
struct pawl_fleet_effect {
	pawl_fleet_effect_kind kind;
	uint32_t id;
	uint32_t other_id;
	int64_t at; /* ADD_ACTION_STATUS, LOG                                     */
	/* ADD_ACTION_STATUS: hawkBit's type ("running", "retrieved", "download",
	 * "downloaded", "warning", "error", "finished", "canceling", "canceled",
	 * "cancel_rejected", "scheduled"); LOG: the event's stable name. */
	const char *name;
	bool has_code;
	int32_t code;
	/* ADD_ACTION_STATUS: the messages. LOG: one text of key=value pairs. */
	size_t text_count;
	const char *const *texts;
};

/* Everything since the last clear, oldest first; lives until then. */
const struct pawl_fleet_effect *pawl_fleet_effects(
    const struct pawl_fleet *fleet, size_t *ret_count);
void pawl_fleet_effects_clear(struct pawl_fleet *fleet);

/* --- life --- */

/* Copies the settings. PAWL_ERR_RANGE with the field in the note. */
PAWL_MUST_CHECK pawl_err pawl_fleet_create(const struct pawl_fleet_settings *settings,
    struct pawl_fleet **ret_fleet, struct pawl_note *reterr_note);
void pawl_fleet_destroy(struct pawl_fleet *fleet);

/* The highest ids ever given out; stored so that none is used twice. */
struct pawl_fleet_counters {
	uint32_t device;
	uint32_t distribution_set;
	uint32_t module;
	uint32_t action;
	uint32_t rollout;
};
struct pawl_fleet_counters pawl_fleet_counters(const struct pawl_fleet *fleet);

/* Loading stored rows, before anything else happens, in this order of kinds
 * (any order within one): counters, distribution sets, devices, attributes,
 * rollouts, members, actions. Each copies its row. A row that contradicts a
 * rule or names something that is not there is refused with PAWL_ERR_CORRUPT,
 * PAWL_ERR_EXISTS, PAWL_ERR_RANGE or PAWL_ERR_NOT_FOUND and a note; the fleet is unchanged and goes
 * on loading, and the caller reports the row: nothing is dropped silently. */
void pawl_fleet_load_counters(struct pawl_fleet *fleet, const struct pawl_fleet_counters *counters);
PAWL_MUST_CHECK pawl_err pawl_fleet_load_distribution_set(struct pawl_fleet *fleet,
    const struct pawl_fleet_distribution_set *row, struct pawl_note *reterr_note);
/* `attributes` of the row are ignored. */
PAWL_MUST_CHECK pawl_err pawl_fleet_load_device(
    struct pawl_fleet *fleet, const struct pawl_fleet_device *row, struct pawl_note *reterr_note);
PAWL_MUST_CHECK pawl_err pawl_fleet_load_attribute(struct pawl_fleet *fleet, uint32_t device_id,
    const char *key, const char *value, struct pawl_note *reterr_note);
/* `record` from pawl_fleet_rollout_encode. */
PAWL_MUST_CHECK pawl_err pawl_fleet_load_rollout(
    struct pawl_fleet *fleet, struct pawl_bytes record, struct pawl_note *reterr_note);
PAWL_MUST_CHECK pawl_err pawl_fleet_load_member(
    struct pawl_fleet *fleet, const struct pawl_fleet_member *row, struct pawl_note *reterr_note);
PAWL_MUST_CHECK pawl_err pawl_fleet_load_action(
    struct pawl_fleet *fleet, const struct pawl_fleet_action *row, struct pawl_note *reterr_note);
/* Ends loading: counters of rollouts are recomputed from members, silence
 * deadlines begin at `now` at the earliest (devices could not call while the
 * server was down). May append effects. Also needed after loading nothing. */
void pawl_fleet_load_done(struct pawl_fleet *fleet, struct pawl_wall now);

/* The stored form of a rollout: versioned, little-endian, with a CRC-32.
 * PAWL_ERR_NOT_FOUND, PAWL_ERR_LIMIT when `out` is too small. */
enum { PAWL_FLEET_ROLLOUT_RECORD_MAX = 64 * 1024 };
PAWL_MUST_CHECK pawl_err pawl_fleet_rollout_encode(
    const struct pawl_fleet *fleet, uint32_t rollout_id, struct pawl_buf *out);

/* --- devices: what operators do --- */

struct pawl_fleet_device_options {
	struct pawl_bytes controller_id; /* [A-Za-z0-9][A-Za-z0-9._-]*, at most 64, no ".." */
	struct pawl_bytes name;          /* UTF-8 as given; may be empty, as all below */
	struct pawl_bytes description;
	struct pawl_bytes product;
	struct pawl_bytes hardware_class;
	struct pawl_bytes group;
};

/* CONFLICT: the id is taken. INVALID: the note names the field. QUOTA: devices_max. */
pawl_fleet_result pawl_fleet_device_add(struct pawl_fleet *fleet,
    const struct pawl_fleet_device_options *options, struct pawl_wall now, uint32_t *ret_device_id,
    struct pawl_note *reterr_note);
/* With its actions; in running rollouts it leaves the count. NOT_FOUND. */
pawl_fleet_result pawl_fleet_device_remove(
    struct pawl_fleet *fleet, struct pawl_bytes controller_id, struct pawl_wall now);
/* Changes `group` (moves no running rollout), name and description. */
pawl_fleet_result pawl_fleet_device_change(struct pawl_fleet *fleet,
    const struct pawl_fleet_device_options *options, struct pawl_wall now,
    struct pawl_note *reterr_note);

/* --- enrolment --- */

/* A new one-time token; old ones are void. A certificate that was issued
 * stays good until the next one is. */
pawl_fleet_result pawl_fleet_enrolment_token(struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, const uint8_t token_sha256[32], struct pawl_wall expires_at,
    struct pawl_wall now);
/* A device asks with its token and the pin of its CSR's key. OK: look at the
 * device's enrolment: PENDING (the caller stores the CSR when *ret_is_new) or
 * ISSUED (the caller sends the certificate). DENIED: unknown device, wrong or
 * expired token (a token that is bound stays usable by its own key).
 * CONFLICT: bound to another key. */
pawl_fleet_result pawl_fleet_enrol(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    const uint8_t token_sha256[32], const uint8_t key_pin[32], struct pawl_wall now,
    bool *ret_is_new);
/* The operator's station issued a certificate for the pending key.
 * CONFLICT: nothing is pending or the pin is another one. */
pawl_fleet_result pawl_fleet_enrolment_issued(struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, const uint8_t key_pin[32], const uint8_t fingerprint[32],
    struct pawl_wall now);
/* Revokes certificate and token at once; open actions are closed. */
pawl_fleet_result pawl_fleet_enrolment_revoke(
    struct pawl_fleet *fleet, struct pawl_bytes controller_id, struct pawl_wall now);
/* May the holder of this certificate act as this device? OK, NOT_FOUND, or
 * DENIED (revoked, or not the certificate that was issued last). */
pawl_fleet_result pawl_fleet_certificate_check(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id, const uint8_t fingerprint[32]);

/* --- devices: what they call (DDI) --- */

struct pawl_fleet_poll {
	uint32_t sleep_s;
	uint32_t cancel_action_id;     /* 0: no link. At most one of these two      */
	uint32_t deployment_action_id; /* 0: no link, also while withheld           */
	uint32_t installed_action_id;  /* 0: no link                                */
	bool attributes_wanted;        /* configData link                           */
	uint32_t revision;             /* for ?c=: changes when the offer changes   */
};

/* Records the contact, and admits the device when a running rollout has
 * room for it. `address` as text, may be empty. NOT_FOUND, DENIED. */
pawl_fleet_result pawl_fleet_poll(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    struct pawl_bytes address, struct pawl_wall now, struct pawl_fleet_poll *ret_poll);

/* "skip", "attempt" or "forced", as in hawkBit's table. */
struct pawl_fleet_deployment {
	const struct pawl_fleet_action *action;
	const struct pawl_fleet_distribution_set *set;
	const struct pawl_fleet_module *module;
	const char *download;
	const char *update;
};
/* What deploymentBase answers; the action becomes RETRIEVED. NOT_FOUND:
 * unknown, another device's, being cancelled, withheld or closed. */
pawl_fleet_result pawl_fleet_deployment(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    uint32_t action_id, struct pawl_wall now, struct pawl_fleet_deployment *ret_deployment);
/* What installedBase answers: finished actions only. */
pawl_fleet_result pawl_fleet_installed(const struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, uint32_t action_id,
    struct pawl_fleet_deployment *ret_deployment);
/* What cancelAction answers: OK when the action is being cancelled, else NOT_FOUND. */
pawl_fleet_result pawl_fleet_cancel_action(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id, uint32_t action_id);
/* The module with this id, if one of the device's actions may send it. NOT_FOUND. */
pawl_fleet_result pawl_fleet_device_module(const struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, uint32_t module_id,
    const struct pawl_fleet_module **ret_module);

typedef enum pawl_execution {
	PAWL_EXECUTION_CLOSED,
	PAWL_EXECUTION_PROCEEDING,
	PAWL_EXECUTION_CANCELED,
	PAWL_EXECUTION_SCHEDULED,
	PAWL_EXECUTION_REJECTED,
	PAWL_EXECUTION_RESUMED,
	PAWL_EXECUTION_DOWNLOADED,
	PAWL_EXECUTION_DOWNLOAD
} pawl_execution;

typedef enum pawl_finished {
	PAWL_FINISHED_NONE,
	PAWL_FINISHED_SUCCESS,
	PAWL_FINISHED_FAILURE
} pawl_finished;

PAWL_MUST_CHECK pawl_err pawl_execution_parse(
    struct pawl_bytes text, pawl_execution *ret_execution);
PAWL_MUST_CHECK pawl_err pawl_finished_parse(struct pawl_bytes text, pawl_finished *ret_finished);

struct pawl_fleet_feedback {
	pawl_execution execution;
	pawl_finished finished;
	bool has_code;
	int32_t code;
	const struct pawl_bytes *messages; /* at most PAWL_FEEDBACK_MESSAGES_MAX; each cut
					    * at PAWL_FLEET_MESSAGE_MAX; control
					    * characters become spaces             */
	size_t message_count;
};

/* deploymentBase feedback. closed/success is a claim: the action waits in
 * VERIFYING for the release's image hash in the attributes. A message
 * "reason=<id>" beside closed/failure says whether it failed or refused
 * (docs/spec/device.md). GONE: closed already, nothing changes. QUOTA: too
 * many statuses or messages; what closes the action is taken all the same. */
pawl_fleet_result pawl_fleet_feedback(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    uint32_t action_id, const struct pawl_fleet_feedback *feedback, struct pawl_wall now);
/* cancelAction feedback. NOT_CANCELABLE: it is open but not being cancelled.
 * GONE: closed. */
pawl_fleet_result pawl_fleet_cancel_feedback(struct pawl_fleet *fleet,
    struct pawl_bytes controller_id, uint32_t action_id, const struct pawl_fleet_feedback *feedback,
    struct pawl_wall now);

typedef enum pawl_attributes_mode {
	PAWL_ATTRIBUTES_MERGE,
	PAWL_ATTRIBUTES_REPLACE,
	PAWL_ATTRIBUTES_REMOVE
} pawl_attributes_mode;

PAWL_MUST_CHECK pawl_err pawl_attributes_mode_parse(
    struct pawl_bytes text, pawl_attributes_mode *ret_mode);

struct pawl_fleet_attribute_input {
	struct pawl_bytes key; /* 1..128 bytes, as the value at most 128; neither has a NUL */
	struct pawl_bytes value;
};

/* All or nothing. `pawl.product`, `pawl.hw` and `pawl.group` fill the
 * device's own fields where the operator left them empty. INVALID, QUOTA. */
pawl_fleet_result pawl_fleet_config_data(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    pawl_attributes_mode mode, const struct pawl_fleet_attribute_input *inputs, size_t input_count,
    struct pawl_wall now, struct pawl_note *reterr_note);

/* --- releases, assignments --- */

/* Adds a release; ids in `options` are ignored. The same product and version
 * with equal content gives the id that is there; with other content CONFLICT. */
pawl_fleet_result pawl_fleet_distribution_set_add(struct pawl_fleet *fleet,
    const struct pawl_fleet_distribution_set *options, struct pawl_wall now, uint32_t *ret_set_id,
    struct pawl_note *reterr_note);

struct pawl_fleet_assignment {
	uint32_t distribution_set_id;
	pawl_force_type force;
	int64_t force_at;
};
/* A new action; older open ones are cancelled first, except claims, which are
 * still to be proven. Rollouts of other releases that the device waits for lose it. OK with
 * *ret_action_id 0 when the set is assigned already and its action is open (hawkBit's
 * alreadyAssigned). NOT_FOUND: the note says which. CONFLICT: no module for the
 * hardware class, other product, revoked. QUOTA: too many open actions. */
pawl_fleet_result pawl_fleet_assign(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    const struct pawl_fleet_assignment *assignment, struct pawl_wall now, uint32_t *ret_action_id,
    struct pawl_note *reterr_note);
/* Asks the device to give up an action; closed at once when the device has not
 * read it yet, or when `force`. GONE: closed. CONFLICT, unless `force`: being
 * cancelled already, or the device says it succeeded and has to prove it. */
pawl_fleet_result pawl_fleet_cancel(struct pawl_fleet *fleet, struct pawl_bytes controller_id,
    uint32_t action_id, bool force, struct pawl_wall now);

/* --- rollouts --- */

struct pawl_fleet_rollout_options {
	struct pawl_bytes name; /* 1..128                                   */
	struct pawl_bytes description;
	struct pawl_bytes filter; /* as pawl_fleet_filter_parse; required     */
	uint32_t distribution_set_id;
	pawl_force_type force; /* not DOWNLOADONLY                         */
	int64_t force_at;
	struct pawl_rollout_settings settings;
	pawl_strata_kind strata_kind;
	uint32_t silence_s;     /* 1..31536000                              */
	struct pawl_bytes seed; /* 1..32 bytes; random when the operator gave none */
};

/* Chooses its devices now, once: those the filter matches, of the release's
 * product, with a module for their hardware class, not revoked. INVALID: a
 * field, or no device is left. CONFLICT: the name is taken. NOT_FOUND: the release. */
pawl_fleet_result pawl_fleet_rollout_create(struct pawl_fleet *fleet,
    const struct pawl_fleet_rollout_options *options, struct pawl_wall now,
    uint32_t *ret_rollout_id, struct pawl_note *reterr_note);
/* NOT_FOUND; CONFLICT when the state does not allow it (the note says why). */
pawl_fleet_result pawl_fleet_rollout_start(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note);
pawl_fleet_result pawl_fleet_rollout_pause(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note);
pawl_fleet_result pawl_fleet_rollout_resume(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note);
pawl_fleet_result pawl_fleet_rollout_stop(struct pawl_fleet *fleet, uint32_t rollout_id,
    struct pawl_wall now, struct pawl_note *reterr_note);

/* Time passed: silence deadlines. Costs work in proportion to what is due.
 * Call at least once a second or so: silence counts only while somebody looks.
 * When `now` went back nothing has passed since the last event, and when it
 * went ahead by more than PAWL_FLEET_STEP_MAX_S just that much, so that a clock
 * that is set, or a machine that slept, fails no device. */
void pawl_fleet_tick(struct pawl_fleet *fleet, struct pawl_wall now);
/* When pawl_fleet_tick has something to do next; INT64_MAX when nothing is due. */
struct pawl_wall pawl_fleet_next_tick(const struct pawl_fleet *fleet);

/* --- looking --- */

/* NULL when there is none. */
const struct pawl_fleet_device *pawl_fleet_device(const struct pawl_fleet *fleet, uint32_t id);
const struct pawl_fleet_device *pawl_fleet_device_by_name(
    const struct pawl_fleet *fleet, struct pawl_bytes controller_id);
const struct pawl_fleet_distribution_set *pawl_fleet_distribution_set(
    const struct pawl_fleet *fleet, uint32_t id);
/* Also says to which set the module belongs; `ret_set` may be NULL. */
const struct pawl_fleet_module *pawl_fleet_module(const struct pawl_fleet *fleet, uint32_t id,
    const struct pawl_fleet_distribution_set **ret_set);
const struct pawl_fleet_action *pawl_fleet_action(const struct pawl_fleet *fleet, uint32_t id);
const struct pawl_fleet_rollout *pawl_fleet_rollout(const struct pawl_fleet *fleet, uint32_t id);
/* The newest action of a device, and the next older one; NULL at the end. */
const struct pawl_fleet_action *pawl_fleet_newest_action(
    const struct pawl_fleet *fleet, uint32_t device_id);
const struct pawl_fleet_action *pawl_fleet_older_action(
    const struct pawl_fleet *fleet, const struct pawl_fleet_action *action);

uint32_t pawl_fleet_device_count(const struct pawl_fleet *fleet);
uint32_t pawl_fleet_distribution_set_count(const struct pawl_fleet *fleet);
uint32_t pawl_fleet_rollout_count(const struct pawl_fleet *fleet);
/* By position in the order of their ids, 0 .. count - 1. */
const struct pawl_fleet_distribution_set *pawl_fleet_distribution_set_at(
    const struct pawl_fleet *fleet, uint32_t position);
const struct pawl_fleet_rollout *pawl_fleet_rollout_at(
    const struct pawl_fleet *fleet, uint32_t position);

/* Members of a rollout in the order of (stratum, stage, HMAC), from `position`. */
uint32_t pawl_fleet_members(const struct pawl_fleet *fleet, uint32_t rollout_id, uint32_t position,
    uint32_t capacity, struct pawl_fleet_member *ret_members);
/* One member; false when the device is none. */
bool pawl_fleet_member(const struct pawl_fleet *fleet, uint32_t rollout_id, uint32_t device_id,
    struct pawl_fleet_member *ret_member);
/* The rollout that a device waits in or is in flight in, 0: none. */
uint32_t pawl_fleet_device_rollout(const struct pawl_fleet *fleet, uint32_t device_id);

/* Why the device is where it is: one sentence, with the numbers of its
 * rollout when it waits for one. "" when there is no such device. */
void pawl_fleet_device_why(
    const struct pawl_fleet *fleet, uint32_t device_id, char ret_why[PAWL_REASON_MAX + 1]);
/* Why the rollout is where it is: names the stratum that decided. */
void pawl_fleet_rollout_why(
    const struct pawl_fleet *fleet, uint32_t rollout_id, char ret_why[PAWL_REASON_MAX + 1]);
/* hawkBit's total target counts: "notstarted", "running", "finished", "error", "cancelled". */
struct pawl_fleet_rollout_totals {
	uint32_t not_started;
	uint32_t running;
	uint32_t finished;
	uint32_t error;
	uint32_t cancelled;
};
struct pawl_fleet_rollout_totals pawl_fleet_rollout_totals(
    const struct pawl_fleet *fleet, uint32_t rollout_id);

/* --- filters and lists --- */

enum { PAWL_FLEET_FILTER_TERMS_MAX = 16, PAWL_FLEET_FILTER_VALUE_MAX = 128 };

typedef enum pawl_filter_field {
	PAWL_FILTER_CONTROLLERID,
	PAWL_FILTER_NAME,
	PAWL_FILTER_GROUP,
	PAWL_FILTER_UPDATESTATUS,
	PAWL_FILTER_HARDWARECLASS,
	PAWL_FILTER_PRODUCT,
	PAWL_FILTER_STATE
} pawl_filter_field;

/* A conjunction; no terms match everything. */
struct pawl_fleet_filter {
	uint32_t term_count;
	struct {
		pawl_filter_field field;
		char pattern[PAWL_FLEET_FILTER_VALUE_MAX + 1]; /* '*' stands for anything */
	} term[PAWL_FLEET_FILTER_TERMS_MAX];
};

/* Terms `field==value`, joined by ';' or ' and '; field names in any case; a
 * value may stand in single or double quotes. Empty text: no terms.
 * PAWL_ERR_SYNTAX, PAWL_ERR_LIMIT; the note names the field or the place. */
PAWL_MUST_CHECK pawl_err pawl_fleet_filter_parse(
    struct pawl_bytes text, struct pawl_fleet_filter *ret_filter, struct pawl_note *reterr_note);
bool pawl_fleet_filter_match(
    const struct pawl_fleet_filter *filter, const struct pawl_fleet_device *device);

/* Devices sorted by controllerId: writes ids from the `offset`-th match on, at
 * most `capacity`; returns how many it wrote. `ret_total` counts all matches.
 * `filter` may be NULL. May sort an index inside, so `fleet` is not const. */
size_t pawl_fleet_devices(struct pawl_fleet *fleet, const struct pawl_fleet_filter *filter,
    size_t offset, size_t capacity, uint32_t *ret_ids, size_t *ret_total);

/* How many devices in each state and in all; kept up to date, costs nothing. */
uint32_t pawl_fleet_state_count(const struct pawl_fleet *fleet, pawl_device_state state);

/* Devices and actions that decisions have looked at so far: shows that work
 * follows what changed and not the size of the fleet. */
uint64_t pawl_fleet_visits(const struct pawl_fleet *fleet);

#endif
