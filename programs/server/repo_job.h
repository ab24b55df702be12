/* SPDX-License-Identifier: MIT
 *
 * repo_job.h - one verification or publication of the repository; no app, no
 * fleet: what a pool thread may touch.
 *
 *   repo_verify.c  runs lib/trust over staged and published files
 *   repo_commit.c  signs timestamps, makes a publication visible at once
 *   repo_publish.c starts both, tells the fleet
 */
#ifndef PAWL_SERVER_REPO_JOB_H
#define PAWL_SERVER_REPO_JOB_H

#include "app.h"

#include "pawl/release.h"

/* A firmware target that the metadata signs for. */
struct found_release {
	char product[PAWL_PRODUCT_MAX + 1];
	char version[PAWL_VERSION_MAX + 1];
	char path[PAWL_TARGET_PATH_MAX + 1];
	int64_t seq;
	int64_t sec;
	uint64_t size;
	struct pawl_hw_list hw;
	char sha256[65];
	char sha1[41];
	char md5[33];
	char image_sha256[65];
};

/* A module that the fleet knows already. */
struct known_module {
	char product[PAWL_PRODUCT_MAX + 1];
	char version[PAWL_VERSION_MAX + 1];
	char hardware_class[PAWL_HW_CLASS_MAX + 1];
	char sha256[65];
	char image_sha256[65];
	uint64_t seq;
	uint32_t sec;
};

struct repo_job {
	const struct repo *repo;
	struct pawl_wall now;
	/* What to verify: timestamp bytes, and whether staged files count. */
	uint8_t *timestamp;
	size_t timestamp_size;
	bool use_staging;
	int64_t root_max; /* roots above this are not looked at                    */
	/* Results. */
	struct repo_versions versions;
	struct found_release *releases; /* heap                                    */
	size_t release_count;
	size_t release_capacity;
	char (*used)[256]; /* metadata names that were read, heap                   */
	size_t used_count;
	int status; /* HTTP status of the failure; 200                             */
	char why[600];
};

/* Frees what is inside. */
void job_release(struct repo_job *job);
/* Notes a failure; returns false so that a step can return it. */
bool job_fail(struct repo_job *job, int status, const char *format, ...) PAWL_PRINTF(3, 4);

/* Verifies everything that the timestamp leads to and collects its releases.
 * False: status and why say what is wrong. */
bool repo_verify(struct repo_job *job);

/* Signs a timestamp for snapshot `version`, staged or published, into
 * job->timestamp; its own version follows the published one. */
bool repo_sign_timestamp(struct repo_job *job, int64_t snapshot_version);
/* Makes what is staged visible: files first, roots, then the timestamp. */
bool repo_commit(struct repo_job *job);
/* Finishes what a crash interrupted, and removes half uploads. */
PAWL_MUST_CHECK pawl_err repo_recover(const struct repo *repo, struct pawl_note *note);
/* Signs the published snapshot's timestamp again. False without a snapshot
 * (status 404) or on failure. */
bool repo_renew(struct repo_job *job);

/* "<folder>/<sub><name>" */
void repo_path(const struct repo *repo, const char *sub, const char *name, char *ret_path);

#endif
