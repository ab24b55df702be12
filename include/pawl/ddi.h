/* SPDX-License-Identifier: MIT
 *
 * pawl/ddi.h - the messages of hawkBit's device protocol (DDI v1), both ways.
 *
 * Pure; no heap. Each message is a plain struct with a parser and a writer:
 * the server writes what the device parses and the other way round.
 * Parsed structs point into the text and into the caller's arena; both must
 * outlive them. A slice with at == NULL means "not there". Members that we do
 * not know are ignored. On failure an arena keeps what was taken so far.
 *
 * Errors of all parsers: PAWL_ERR_SYNTAX or PAWL_ERR_TRUNCATED (no JSON, or a member that
 * must be there is missing or of the wrong kind), PAWL_ERR_RANGE, PAWL_ERR_LIMIT (a count
 * or length of this header is exceeded), PAWL_ERR_NO_MEMORY (the arena is too
 * small: PAWL_DDI_ARENA_SIZE(text.size) always suffices). The note, which may
 * be NULL, names the member.
 * Writers append to `out`; ask pawl_buf_check at the end. They take what a
 * parser would take; control characters in messages are not their business.
 */
#ifndef PAWL_DDI_H
#define PAWL_DDI_H

#include "pawl/arena.h"
#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAWL_DDI_CHUNKS_MAX = 16,
	PAWL_DDI_ARTIFACTS_MAX = 64, /* in one chunk                             */
	PAWL_DDI_METADATA_MAX = 100, /* in one chunk                             */
	/* hawkBit cuts a message at 512 characters; here bytes. */
	PAWL_DDI_MESSAGE_MAX = 512,
	/* Zephyr's buffer for a URL has 300 bytes; others are more generous. */
	PAWL_DDI_HREF_MAX = 1024,
	PAWL_DDI_ID_MAX = 64
};

/* Tokens, decoded strings and structs of any message of `size` bytes. */
#define PAWL_DDI_ARENA_SIZE(size) ((size)*64 + 16 * 1024)

/* --- poll: GET {base} --- */

struct pawl_ddi_poll {
	int64_t sleep_ms; /* until the next poll, 0 .. 86399000                  */
	struct pawl_bytes deployment_base;
	struct pawl_bytes cancel_action;
	struct pawl_bytes config_data;
	struct pawl_bytes installed_base;
	struct pawl_bytes pawl_metadata; /* ours; ends in '/'                    */
	struct pawl_bytes pawl_targets;  /* ours; ends in '/'                    */
};

/* An answer without config.polling.sleep is no poll answer (a captive portal
 * may speak JSON too): PAWL_ERR_SYNTAX. `_links` may be missing: nothing to do. */
PAWL_MUST_CHECK pawl_err pawl_ddi_poll_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_poll *ret_poll, struct pawl_note *reterr_note);
void pawl_ddi_poll_write(struct pawl_buf *out, const struct pawl_ddi_poll *poll);

/* --- deployment: GET {base}/deploymentBase/{id} and installedBase --- */

typedef enum pawl_ddi_handling {
	PAWL_DDI_SKIP,    /* do not                                              */
	PAWL_DDI_ATTEMPT, /* when it suits the device                            */
	PAWL_DDI_FORCED   /* now                                                 */
} pawl_ddi_handling;

typedef enum pawl_ddi_window {
	PAWL_DDI_WINDOW_NONE, /* no maintenance window is configured             */
	PAWL_DDI_WINDOW_AVAILABLE,
	PAWL_DDI_WINDOW_UNAVAILABLE
} pawl_ddi_window;

struct pawl_ddi_pair {
	struct pawl_bytes key;
	struct pawl_bytes value;
};

struct pawl_ddi_artifact {
	struct pawl_bytes filename; /* no '/', no '..', no control character     */
	uint64_t size;              /* bytes                                     */
	struct pawl_bytes sha1;     /* 40 hexadecimal digits, or not there       */
	struct pawl_bytes md5;      /* 32                                        */
	struct pawl_bytes sha256;   /* 64                                        */
	struct pawl_bytes download;
	struct pawl_bytes download_http;
	struct pawl_bytes md5sum;
	struct pawl_bytes md5sum_http;
};

struct pawl_ddi_chunk {
	struct pawl_bytes part; /* "os", "bApp", "jvm" or a type of one's own    */
	struct pawl_bytes version;
	struct pawl_bytes name;
	bool encrypted;
	const struct pawl_ddi_artifact *artifacts;
	size_t artifact_count;
	const struct pawl_ddi_pair *metadata;
	size_t metadata_count;
};

struct pawl_ddi_deployment {
	struct pawl_bytes id; /* 1 .. PAWL_DDI_ID_MAX of [A-Za-z0-9._-]: safe in a URL */
	pawl_ddi_handling download;
	pawl_ddi_handling update;
	pawl_ddi_window window;
	const struct pawl_ddi_chunk *chunks;
	size_t chunk_count;
	/* Only when asked for with ?actionHistory=. */
	struct pawl_bytes history_status;
	const struct pawl_bytes *history_messages; /* newest first               */
	size_t history_count;
};

/* `id` may be a string or a number. An artifact needs filename, size and at
 * least one of download, download-http. */
PAWL_MUST_CHECK pawl_err pawl_ddi_deployment_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_deployment *ret_deployment, struct pawl_note *reterr_note);
/* Always a string id, download-http before download, `size` an integer. A link or
 * hash that is not there is left out; actionHistory with history_status only. */
void pawl_ddi_deployment_write(struct pawl_buf *out, const struct pawl_ddi_deployment *deployment);
const char *pawl_ddi_handling_name(pawl_ddi_handling handling);

/* --- feedback: POST {base}/deploymentBase|cancelAction/{id}/feedback --- */

typedef enum pawl_ddi_execution {
	PAWL_DDI_CLOSED,
	PAWL_DDI_PROCEEDING,
	PAWL_DDI_CANCELED,
	PAWL_DDI_SCHEDULED,
	PAWL_DDI_REJECTED,
	PAWL_DDI_RESUMED,
	PAWL_DDI_DOWNLOADED,
	PAWL_DDI_DOWNLOAD
} pawl_ddi_execution;

typedef enum pawl_ddi_finished {
	PAWL_DDI_FINISHED_NONE,
	PAWL_DDI_FINISHED_SUCCESS,
	PAWL_DDI_FINISHED_FAILURE
} pawl_ddi_finished;

struct pawl_ddi_feedback {
	struct pawl_bytes id;   /* old clients; not there in new ones            */
	struct pawl_bytes time; /* old clients: "20260101T000000", unchecked     */
	bool has_timestamp;
	int64_t timestamp_ms; /* the device's own clock, since 1970; >= 0        */
	pawl_ddi_execution execution;
	pawl_ddi_finished finished;
	bool has_progress;
	int64_t progress_count; /* of `progress_of`; both >= 0                   */
	int64_t progress_of;
	bool has_code;
	int32_t code;
	/* Each one clean line (pawl_put_clean) of at most PAWL_DDI_MESSAGE_MAX bytes. */
	struct pawl_bytes details[PAWL_FEEDBACK_MESSAGES_MAX];
	size_t detail_count;
	size_t details_dropped; /* what came after the last one that was kept    */
};

/* For a body that a device sent. Only `status.execution` must be there and known,
 * and `status.result.finished` known if it is there: a word we could misread
 * is refused. Whatever else is odd is mended, since a device whose final
 * report is refused would send it for ever: invalid UTF-8, raw control
 * characters and lone surrogates are replaced, messages beyond the 50th
 * dropped, long ones cut, numbers out of range left out. */
PAWL_MUST_CHECK pawl_err pawl_ddi_feedback_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_feedback *ret_feedback, struct pawl_note *reterr_note);
/* Also the body of a cancel action's feedback. */
void pawl_ddi_feedback_write(struct pawl_buf *out, const struct pawl_ddi_feedback *feedback);
/* hawkBit's words: "closed", "success". Static storage. */
const char *pawl_ddi_execution_name(pawl_ddi_execution execution);
const char *pawl_ddi_finished_name(pawl_ddi_finished finished);

/* --- cancel: GET {base}/cancelAction/{id} --- */

struct pawl_ddi_cancel {
	struct pawl_bytes id;      /* as a deployment's                          */
	struct pawl_bytes stop_id; /* the action to stop; equals `id` today      */
};

PAWL_MUST_CHECK pawl_err pawl_ddi_cancel_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_cancel *ret_cancel, struct pawl_note *reterr_note);
void pawl_ddi_cancel_write(struct pawl_buf *out, const struct pawl_ddi_cancel *cancel);

/* --- attributes: PUT {base}/configData --- */

typedef enum pawl_ddi_mode {
	PAWL_DDI_MERGE, /* the default                                           */
	PAWL_DDI_REPLACE,
	PAWL_DDI_REMOVE
} pawl_ddi_mode;

struct pawl_ddi_config {
	pawl_ddi_mode mode;
	/* Keys 1 .. PAWL_ATTRIBUTE_KEY_MAX bytes, values up to
	 * PAWL_ATTRIBUTE_VALUE_MAX; both clean lines. */
	const struct pawl_ddi_pair *data;
	size_t count; /* up to PAWL_ATTRIBUTES_MAX                               */
};

/* PAWL_ERR_LIMIT for too many attributes (answer 429), PAWL_ERR_RANGE for a key that is
 * empty or too long or a value that is too long (400), PAWL_ERR_SYNTAX also for a
 * key with a control character. Numbers and booleans are taken as their text,
 * null as "". */
PAWL_MUST_CHECK pawl_err pawl_ddi_config_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_config *ret_config, struct pawl_note *reterr_note);
void pawl_ddi_config_write(struct pawl_buf *out, const struct pawl_ddi_config *config);

/* --- error body --- */

struct pawl_ddi_error {
	struct pawl_bytes exception_class;
	struct pawl_bytes error_code; /* "hawkbit.server.error..." or "pawl.error..." */
	struct pawl_bytes message;    /* what, why, what to do                   */
};

/* Members that are not strings are taken as not there; any JSON object is accepted. */
PAWL_MUST_CHECK pawl_err pawl_ddi_error_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_error *ret_error, struct pawl_note *reterr_note);
void pawl_ddi_error_write(struct pawl_buf *out, const struct pawl_ddi_error *error);

#endif
