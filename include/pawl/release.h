/* SPDX-License-Identifier: MIT
 *
 * pawl/release.h - what a release and a channel say, and whether a device may
 * install: the `custom` object of firmware targets and the content of channel
 * targets (docs/spec/repository.md), as plain structs, and the decision.
 *
 * Pure; no heap. All fields are bounded copies: nothing points into the input.
 */
#ifndef PAWL_RELEASE_H
#define PAWL_RELEASE_H

#include "pawl/arena.h"
#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Hardware classes one image fits. */
	PAWL_RELEASE_HW_MAX = 16,
	/* Entries of one channel: one for each hardware class of a product. */
	PAWL_CHANNEL_SET_MAX = 64,
	/* A channel file with every field at its longest. */
	PAWL_CHANNEL_SIZE_MAX = 128 * 1024,
	PAWL_COMPONENT_MAX = 32
};

/* seq lives in JSON numbers that JavaScript must read exactly. */
#define PAWL_SEQ_MAX ((INT64_C(1) << 53) - 1)
#define PAWL_SEC_MAX INT64_C(0x7fffffff)

struct pawl_hw_list {
	size_t count; /* 1 to PAWL_RELEASE_HW_MAX                                 */
	char name[PAWL_RELEASE_HW_MAX][PAWL_HW_CLASS_MAX + 1];
};

typedef enum pawl_release_kind {
	PAWL_RELEASE_FULL /* "full": the artifact is the whole image              */
} pawl_release_kind;

/* `custom` of a firmware target. */
struct pawl_release {
	pawl_release_kind kind;
	char comp[PAWL_COMPONENT_MAX + 1];
	char product[PAWL_PRODUCT_MAX + 1];
	struct pawl_hw_list hw;
	char version[PAWL_VERSION_MAX + 1];
	int64_t seq;           /* 1 to PAWL_SEQ_MAX                             */
	int64_t sec;           /* 0 to PAWL_SEC_MAX                             */
	uint64_t plain_length; /* bytes of the image, 1 to PAWL_SEQ_MAX         */
	uint8_t plain_sha256[32];
};

struct pawl_channel_entry {
	char comp[PAWL_COMPONENT_MAX + 1];
	struct pawl_hw_list hw;
	char full[PAWL_TARGET_PATH_MAX + 1]; /* target path                       */
	char version[PAWL_VERSION_MAX + 1];
	int64_t seq;
	int64_t sec;
};

/* Content of a channel target. About 85 KiB: not for small stacks. */
struct pawl_channel {
	int64_t counter; /* 1 to PAWL_SEQ_MAX                          */
	char product[PAWL_PRODUCT_MAX + 1];
	char group[PAWL_GROUP_MAX + 1];
	int64_t allow_downgrade_to; /* seq; 0: absent                             */
	size_t count;               /* 0 to PAWL_CHANNEL_SET_MAX                  */
	struct pawl_channel_entry set[PAWL_CHANNEL_SET_MAX];
};

/* Unknown members are ignored. PAWL_ERR_UNSUPPORTED: `v` is not 1, or the kind
 * is unknown. PAWL_ERR_SYNTAX, PAWL_ERR_RANGE, PAWL_ERR_LIMIT: the note names
 * the member. `scratch` gets the
 * parser's tokens (32 bytes for each value) and, for a channel, one struct
 * pawl_channel; it is given back. PAWL_ERR_NO_MEMORY when it is full. */
PAWL_MUST_CHECK pawl_err pawl_release_parse(struct pawl_bytes custom, struct pawl_arena *scratch,
    struct pawl_release *ret_release, struct pawl_note *reterr_note);
/* As above. One hardware class may stand only once for each component and for
 * each path. */
PAWL_MUST_CHECK pawl_err pawl_channel_parse(struct pawl_bytes text, struct pawl_arena *scratch,
    struct pawl_channel *ret_channel, struct pawl_note *reterr_note);

/* Appends JSON in canonical form. PAWL_ERR_RANGE when parsing it back would
 * fail, with the member in the note; PAWL_ERR_LIMIT when `out` is too small. */
PAWL_MUST_CHECK pawl_err pawl_release_write(
    const struct pawl_release *release, struct pawl_buf *out, struct pawl_note *reterr_note);
PAWL_MUST_CHECK pawl_err pawl_channel_write(
    const struct pawl_channel *channel, struct pawl_buf *out, struct pawl_note *reterr_note);

/* "fw/<product>/<version>.<hw>.img" and "channel/<product>/<group>.json".
 * PAWL_ERR_SYNTAX for an invalid name, PAWL_ERR_LIMIT when it does not fit. */
PAWL_MUST_CHECK pawl_err pawl_release_path(const char *product, const char *version,
    const char *hw_class, size_t capacity, char *ret_path);
PAWL_MUST_CHECK pawl_err pawl_channel_path(
    const char *product, const char *group, size_t capacity, char *ret_path);

/* --- may this device install this release? --- */

/* X(name, id, text): the id goes into reports. In order: the first that
 * applies is the answer. */
#define PAWL_ADMIT_LIST(X)                                                                         \
	X(ADMITTED, "admitted", "the release is approved for this device and newer")               \
	X(CHANNEL_FOREIGN, "channel-foreign", "the channel is of another product or group")        \
	X(CHANNEL_OLDER, "channel-older", "the channel is older than one seen before")             \
	X(WRONG_PRODUCT, "wrong-product", "the release is for another product")                    \
	X(WRONG_HARDWARE_CLASS, "wrong-hardware-class", "the release is for other hardware")       \
	X(NOT_IN_CHANNEL, "not-in-channel", "the channel does not approve this release")           \
	X(CHANNEL_DISAGREES, "channel-disagrees", "channel and release contradict each other")     \
	X(SAME_RELEASE, "same-release", "this release is installed already")                       \
	X(OLDER_RELEASE, "older-release", "the release is older than the installed one")           \
	X(SECURITY_FLOOR, "security-floor", "the release is below the anti-rollback floor")

typedef enum pawl_admit {
#define X(name, id, text) PAWL_ADMIT_##name,
	PAWL_ADMIT_LIST(X)
#undef X
} pawl_admit;

/* Never NULL; static storage. */
const char *pawl_admit_id(pawl_admit verdict);
const char *pawl_admit_text(pawl_admit verdict);

struct pawl_release_facts {
	const char *product;
	const char *hw_class;
	const char *group;
	int64_t installed_seq; /* 0: nothing known is installed                 */
	int64_t sec_floor;
	int64_t channel_counter; /* highest seen; 0: none                         */
};

/* Decides. `path` is the target path the release was found under; one that does
 * not begin with "fw/<product>/" is WRONG_PRODUCT. On return the note, which may be NULL, holds one
 * sentence with the numbers, whatever the verdict. */
pawl_admit pawl_release_admit(const struct pawl_release_facts *facts,
    const struct pawl_channel *channel, const char *path, const struct pawl_release *release,
    struct pawl_note *ret_note);

/* The first entry of the channel for a hardware class, NULL when there is none. */
const struct pawl_channel_entry *pawl_channel_find(
    const struct pawl_channel *channel, const char *hw_class);

#endif
