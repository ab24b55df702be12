/* SPDX-License-Identifier: MIT
 *
 * pawl/limits.h - every limit that more than one module shares, with its reason.
 */
#ifndef PAWL_LIMITS_H
#define PAWL_LIMITS_H

enum {
	/* Names that people type and that end up in URLs, file names and X.509
	 * common names (at most 64 characters there, RFC 5280 ub-common-name). */
	PAWL_DEVICE_ID_MAX = 64,
	PAWL_PRODUCT_MAX = 48,
	PAWL_HW_CLASS_MAX = 48,
	PAWL_GROUP_MAX = 48,
	PAWL_VERSION_MAX = 32,
	/* A target path: "fw/<product>/<version>.<hw>.img" and some air. */
	PAWL_TARGET_PATH_MAX = 255,
	/* One sentence for an operator. hawkBit cuts messages at 512. */
	PAWL_REASON_MAX = 480,

	PAWL_SHA256_SIZE = 32,
	PAWL_SHA256_HEX = 64,

	/* Nesting that no sane document needs; bounds every recursion. */
	PAWL_JSON_DEPTH_MAX = 32,
	/* TUF metadata: root and timestamp are fetched before anything vouches
	 * for their length, so their bound is small. */
	PAWL_TUF_ROOT_SIZE_MAX = 512 * 1024,
	PAWL_TUF_TIMESTAMP_SIZE_MAX = 16 * 1024,
	PAWL_TUF_METADATA_SIZE_MAX = 8 * 1024 * 1024,

	/* hawkBit's quotas, so that its clients meet no new refusals. */
	PAWL_ATTRIBUTES_MAX = 100,
	PAWL_ATTRIBUTE_KEY_MAX = 128,
	PAWL_ATTRIBUTE_VALUE_MAX = 128,
	PAWL_FEEDBACK_MESSAGES_MAX = 50
};

#endif
