/* SPDX-License-Identifier: MIT
 *
 * repo_verify.c - checks a repository as every device will check it, with the
 * same code: lib/trust. */
#include "repo_job.h"

#include "pawl/env.h"
#include "pawl/trust.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Address space only: pages that are not needed are never touched. */
enum { TRUST_MEMORY = 128 * 1024 * 1024, RELEASE_SCRATCH = 64 * 1024 };

void job_release(struct repo_job *job)
{
	free(job->timestamp);
	free(job->releases);
	free(job->used);
	job->timestamp = NULL;
	job->releases = NULL;
	job->used = NULL;
	job->release_count = job->release_capacity = job->used_count = 0;
}

bool job_fail(struct repo_job *job, int status, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(job->why, sizeof(job->why), format, list);
	va_end(list);
	job->status = status;
	return false;
}

void repo_path(const struct repo *repo, const char *sub, const char *name, char *ret_path)
{
	const int size = snprintf(ret_path, APP_PATH_MAX, "%s/%s%s", repo->folder, sub, name);

	PAWL_ASSERT(size > 0 && size < APP_PATH_MAX);
}

static bool remember_used(struct repo_job *job, const char *name)
{
	void *grown = realloc(job->used, (job->used_count + 1) * sizeof(job->used[0]));

	if (grown == NULL)
		return false;
	job->used = grown;
	print_text(job->used[job->used_count++], sizeof(job->used[0]), "%s", name);
	return true;
}

static bool is_future_root(const struct repo_job *job, const char *name)
{
	const char *dot = strchr(name, '.');
	uint64_t version = 0;

	return dot != NULL && strcmp(dot, ".root.json") == 0 &&
	       pawl_parse_u64(PAWL_BYTES(name, (size_t)(dot - name)), INT64_MAX, &version) ==
		   PAWL_ERR_OK &&
	       (int64_t)version > job->root_max;
}

/* Answers FETCH from staged files, then from published ones. */
static void fetch(struct repo_job *job, struct pawl_trust *client, const char *name, size_t max)
{
	static const char *const places[2] = { "staging/metadata/", "metadata/" };
	char path[APP_PATH_MAX];
	uint8_t *at = NULL;
	size_t size = 0;

	if (strcmp(name, "timestamp.json") == 0) {
		pawl_trust_provide(client, PAWL_BYTES(job->timestamp, job->timestamp_size));
		return;
	}
	if (is_future_root(job, name) || !repo_name_is_safe(pawl_bytes_of(name))) {
		pawl_trust_absent(client);
		return;
	}
	for (int i = job->use_staging ? 0 : 1; i < 2; i++) {
		repo_path(job->repo, places[i], name, path);
		if (pawl_env_read_file(path, max, &at, &size, NULL) != PAWL_ERR_OK)
			continue;
		pawl_trust_provide(client, PAWL_BYTES(at, size));
		free(at);
		(void)remember_used(job, name);
		return;
	}
	pawl_trust_absent(client);
}

/* --- targets --- */

/* Where "dir/name" is kept: "targets/dir/<sha256>.name". */
static bool stored_path(struct repo_job *job, const struct pawl_trust_target *target,
    const char *sha256, uint64_t *ret_size, char *ret_path)
{
	const char *path = (const char *)target->path.at;
	const char *slash = strrchr(path, '/');
	char name[APP_PATH_MAX / 2];
	struct stat status;

	if (slash == NULL || strstr(path, "..") != NULL || target->path.size > PAWL_TARGET_PATH_MAX)
		return false;
	print_text(
	    name, sizeof(name), "targets/%.*s/%s.%s", (int)(slash - path), path, sha256, slash + 1);
	for (int i = job->use_staging ? 0 : 1; i < 2; i++) {
		repo_path(job->repo, i == 0 ? "staging/" : "", name, ret_path);
		if (lstat(ret_path, &status) == 0 && S_ISREG(status.st_mode)) {
			*ret_size = (uint64_t)status.st_size;
			return true;
		}
	}
	return false;
}

static struct found_release *new_release(struct repo_job *job)
{
	if (job->release_count == job->release_capacity) {
		const size_t capacity = job->release_capacity == 0 ? 16 : 2 * job->release_capacity;
		struct found_release *grown = realloc(job->releases, capacity * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		job->releases = grown;
		job->release_capacity = capacity;
	}
	memset(&job->releases[job->release_count], 0, sizeof(*job->releases));
	return &job->releases[job->release_count++];
}

static void hex(const uint8_t *bytes, char ret_hex[65])
{
	struct pawl_buf buf = pawl_buf_of(ret_hex, 64);

	pawl_put_hex(&buf, PAWL_BYTES(bytes, 32));
	ret_hex[64] = '\0';
}

static bool add_release(struct repo_job *job, const struct pawl_trust_target *target,
    const char *sha256, const char *file)
{
	static _Thread_local uint8_t memory[RELEASE_SCRATCH];
	struct pawl_arena scratch = pawl_arena_of(memory, sizeof(memory));
	struct pawl_release release;
	struct pawl_note note = { "" };
	const char *path = (const char *)target->path.at;

	if (pawl_release_parse(target->custom, &scratch, &release, &note) != PAWL_ERR_OK)
		return job_fail(
		    job, 409, "The release %s has an unusable `custom`: %s.", path, note.text);

	struct found_release *found = new_release(job);

	if (found == NULL)
		return job_fail(job, 503, "The server is out of memory; try again later.");
	print_text(found->product, sizeof(found->product), "%s", release.product);
	print_text(found->version, sizeof(found->version), "%s", release.version);
	print_text(found->path, sizeof(found->path), "%s", path);
	print_text(found->sha256, sizeof(found->sha256), "%s", sha256);
	found->seq = release.seq;
	found->sec = release.sec;
	found->size = target->length;
	found->hw = release.hw;
	hex(release.plain_sha256, found->image_sha256);
	if (upload_sums(job->repo, sha256, file, found->sha1, found->md5) != PAWL_ERR_OK)
		return job_fail(job, 500, "The target %s can not be read.", path);
	return true;
}

static bool check_target(struct repo_job *job, const struct pawl_trust_target *target)
{
	const char *path = (const char *)target->path.at;
	char file[APP_PATH_MAX];
	char sha256[65];
	uint64_t size = 0;

	if (!target->has_sha256)
		return job_fail(job, 409, "The target %s has no SHA-256.", path);
	hex(target->sha256, sha256);
	if (!stored_path(job, target, sha256, &size, file))
		return job_fail(
		    job, 409, "The target %s is signed for but was not uploaded.", path);
	if (size != target->length)
		return job_fail(job, 409, "The target %s has %llu bytes, %llu are signed for.",
		    path, (unsigned long long)size, (unsigned long long)target->length);
	if (strncmp(path, "fw/", 3) == 0)
		return add_release(job, target, sha256, file);
	return true;
}

/* --- the loop --- */

static void read_versions(struct repo_job *job, const struct pawl_trust *client)
{
	job->versions = (struct repo_versions){
		.root = pawl_trust_version(client, PAWL_TRUST_ROOT),
		.timestamp = pawl_trust_version(client, PAWL_TRUST_TIMESTAMP),
		.snapshot = pawl_trust_version(client, PAWL_TRUST_SNAPSHOT),
		.targets = pawl_trust_version(client, PAWL_TRUST_TARGETS),
		.root_expires = pawl_trust_expires(client, PAWL_TRUST_ROOT),
		.timestamp_expires = pawl_trust_expires(client, PAWL_TRUST_TIMESTAMP),
		.snapshot_expires = pawl_trust_expires(client, PAWL_TRUST_SNAPSHOT),
		.targets_expires = pawl_trust_expires(client, PAWL_TRUST_TARGETS),
	};
}

/* Until DONE. */
static bool drive(struct repo_job *job, struct pawl_trust *client)
{
	for (;;) {
		const struct pawl_trust_effect effect = pawl_trust_next(client);

		switch (effect.kind) {
		case PAWL_TRUST_FETCH: fetch(job, client, effect.name, effect.size_max); break;
		case PAWL_TRUST_LOAD: pawl_trust_absent(client); break;
		case PAWL_TRUST_STORE: break; /* what counts is in the repository already */
		case PAWL_TRUST_TARGET:
			if (!check_target(job, pawl_trust_found(client)))
				return false;
			break;
		case PAWL_TRUST_DONE: return true;
		case PAWL_TRUST_FAILED:
			return job_fail(job, 409, "The metadata was refused (%s): %s: %s.",
			    pawl_trust_verdict_id(effect.verdict),
			    pawl_trust_verdict_text(effect.verdict), effect.note);
		}
	}
}

/* The files that a device which is up to date has stored: so that rollback is
 * checked as it will check it. */
struct stored {
	uint8_t *root, *timestamp, *snapshot;
	size_t root_size, timestamp_size, snapshot_size;
};

static void free_stored(struct stored *stored)
{
	free(stored->root);
	free(stored->timestamp);
	free(stored->snapshot);
}

static bool read_stored(struct repo_job *job, struct stored *stored)
{
	char path[APP_PATH_MAX];
	char name[64];

	if (pawl_env_read_file(job->repo->root_path, PAWL_TUF_ROOT_SIZE_MAX, &stored->root,
		&stored->root_size, NULL) != PAWL_ERR_OK)
		return job_fail(job, 409,
		    "The server has no trusted root: copy REPO/metadata/1.root.json of the "
		    "operator's "
		    "repository to %s and publish again.",
		    job->repo->root_path);
	if (!job->use_staging)
		return true;
	repo_path(job->repo, "metadata/", "timestamp.json", path);
	if (pawl_env_read_file(path, PAWL_TUF_TIMESTAMP_SIZE_MAX, &stored->timestamp,
		&stored->timestamp_size, NULL) != PAWL_ERR_OK)
		return true; /* the first publication */
	print_text(name, sizeof(name), "%lld.snapshot.json", (long long)job->versions.snapshot);
	repo_path(job->repo, "metadata/", name, path);
	if (pawl_env_read_file(path, PAWL_TUF_METADATA_SIZE_MAX, &stored->snapshot,
		&stored->snapshot_size, NULL) != PAWL_ERR_OK)
		stored->snapshot_size = 0;
	return true;
}

static bool verify_with(struct repo_job *job, const struct stored *stored, void *memory)
{
	static _Thread_local struct pawl_trust client;
	const struct pawl_trust_options options = {
		.memory = memory,
		.memory_size = TRUST_MEMORY,
		.clock = job->now,
		.root = PAWL_BYTES(stored->root, stored->root_size),
		.timestamp = PAWL_BYTES(stored->timestamp, stored->timestamp_size),
		.snapshot = PAWL_BYTES(stored->snapshot, stored->snapshot_size),
	};

	pawl_trust_init(&client, &options);
	if (!drive(job, &client))
		return false;
	read_versions(job, &client);
	if (pawl_trust_walk(&client) != PAWL_ERR_OK)
		return job_fail(job, 500, "The metadata can not be walked.");
	return drive(job, &client);
}

bool repo_verify(struct repo_job *job)
{
	struct stored stored = { 0 };
	void *memory = malloc(TRUST_MEMORY);
	bool good = false;

	if (memory == NULL)
		job_fail(job, 503, "The server is out of memory; try again later.");
	else
		good = read_stored(job, &stored) && verify_with(job, &stored, memory);
	free_stored(&stored);
	free(memory);
	return good;
}
