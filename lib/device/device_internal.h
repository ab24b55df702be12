/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of lib/device. Read device.c (what comes of an event)
 * and device_plan.c (what to do next).
 */
#ifndef PAWL_DEVICE_INTERNAL_H
#define PAWL_DEVICE_INTERNAL_H

#include "pawl/device.h"

/* What ends an attempt, and how often something is tried. */
typedef enum pawl_reason_policy {
	PAWL_POLICY_FINAL,
	PAWL_POLICY_CONTENT,
	PAWL_POLICY_PATIENT
} pawl_reason_policy;

pawl_reason_policy pawl_reason_policy_of(pawl_reason reason);

/* --- device_plan.c --- */

struct pawl_device_effect pawl_device_plan(struct pawl_device *device, int64_t now);

/* --- device_attempt.c --- */

/* Copies a sentence, cut where it is too long; NULL is "". */
void pawl_device_say(char ret_text[PAWL_DEVICE_SENTENCE_MAX + 1], const char *sentence);
/* Queues a report; a full queue loses its oldest report that is not final. */
void pawl_device_report(struct pawl_device *device, const char *action, pawl_report_kind kind,
    pawl_reason reason, const char *sentence);
/* How long to wait after the n-th failure in a row. */
int64_t pawl_device_backoff(
    const struct pawl_device *device, uint32_t failures, const struct pawl_device_event *event);
/* A new attempt for `action`. */
void pawl_device_begin(struct pawl_device *device, const char *action);
/* The attempt ends with its final report; what it wrote is freed. */
void pawl_device_give_up(
    struct pawl_device *device, pawl_report_kind kind, pawl_reason reason, const char *sentence);
/* The attempt ends with its final report, and nothing is left to free. */
void pawl_device_end(
    struct pawl_device *device, pawl_report_kind kind, pawl_reason reason, const char *sentence);
/* A step of the attempt failed: try again later or give up. */
void pawl_device_retry(struct pawl_device *device, const struct pawl_device_event *event);
/* The new image runs and is not good: back to the old one. */
void pawl_device_revert(struct pawl_device *device, pawl_reason reason, const char *sentence);

/* --- device_boot.c, device_poll.c --- */

void pawl_device_on_boot(struct pawl_device *device, const struct pawl_device_event *event);
void pawl_device_on_poll(struct pawl_device *device, const struct pawl_device_event *event);

#endif
