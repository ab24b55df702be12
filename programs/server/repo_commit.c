/* SPDX-License-Identifier: MIT
 *
 * repo_commit.c - signs timestamps and makes a publication visible at once.
 *
 * Order of a publication, each step durable before the next:
 *   1  staging/timestamp.json is written beside the verified files
 *   2  staging is renamed to publishing            <- from here on it happens
 *   3  targets, metadata and roots move to their places; nothing that is
 *      served refers to them yet
 *   4  timestamp.json moves                        <- devices see it
 * A crash before 2 leaves the old state; after it the next start goes on
 * with 3 (repo_recover). Every step may be repeated. */
#include "repo_job.h"

#include "pawl/env.h"
#include "pawl/keys.h"
#include "pawl/trust_repo.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGN_SCRATCH = 1024 * 1024, FOLDER_DEPTH_MAX = 4 };

/* --- moving --- */

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Moves all files below `from` to the same places below `to`; removes the
 * emptied folders. `keep` (a file name) stays where it is. */
static pawl_err move_tree(
    const char *from, const char *to, const char *keep, int depth, struct pawl_note *note)
{
	DIR *dir = opendir(from);
	pawl_err err = PAWL_ERR_OK;

	if (dir == NULL)
		return errno == ENOENT ? PAWL_ERR_OK : PAWL_ERR_IO;
	if (depth == 0 || (err = pawl_env_make_folder(to, 0700, note)) != PAWL_ERR_OK) {
		closedir(dir);
		return depth == 0 ? PAWL_ERR_LIMIT : err;
	}
	for (const struct dirent *entry = readdir(dir); err == PAWL_ERR_OK && entry != NULL;
	     entry = readdir(dir)) {
		char source[APP_PATH_MAX];
		char target[APP_PATH_MAX];
		struct stat status;

		if (is_dot(entry->d_name) || (keep != NULL && strstr(entry->d_name, keep) != NULL))
			continue;
		err = pawl_env_join(from, entry->d_name, sizeof(source), source);
		if (err == PAWL_ERR_OK)
			err = pawl_env_join(to, entry->d_name, sizeof(target), target);
		if (err == PAWL_ERR_OK && lstat(source, &status) != 0)
			err = PAWL_ERR_IO;
		if (err != PAWL_ERR_OK)
			break;
		err = S_ISDIR(status.st_mode) ? move_tree(source, target, keep, depth - 1, note)
					      : pawl_env_rename(source, target, note);
	}
	closedir(dir);
	if (err == PAWL_ERR_OK)
		(void)rmdir(from); /* not empty when `keep` stayed */
	return err;
}

/* Steps 3 and 4. */
static pawl_err finish_publishing(const struct repo *repo, struct pawl_note *note)
{
	char from[APP_PATH_MAX];
	char to[APP_PATH_MAX];

	repo_path(repo, "publishing", "", from);
	if (!pawl_env_exists(from))
		return PAWL_ERR_OK;
	repo_path(repo, "publishing/", "targets", from);
	repo_path(repo, "", "targets", to);
	PAWL_TRY(move_tree(from, to, NULL, FOLDER_DEPTH_MAX, note));
	repo_path(repo, "publishing/", "metadata", from);
	repo_path(repo, "", "metadata", to);
	/* A new root takes effect on its own: as late as possible. */
	PAWL_TRY(move_tree(from, to, ".root.json", FOLDER_DEPTH_MAX, note));
	PAWL_TRY(move_tree(from, to, NULL, FOLDER_DEPTH_MAX, note));
	repo_path(repo, "publishing/", "timestamp.json", from);
	repo_path(repo, "metadata/", "timestamp.json", to);
	if (pawl_env_exists(from))
		PAWL_TRY(pawl_env_rename(from, to, note));
	repo_path(repo, "publishing", "", from);
	(void)rmdir(from);
	return PAWL_ERR_OK;
}

/* A publication whose end failed (disk full) has begun all the same: nothing is
 * signed before it is complete, or a version number would be given twice. */
static bool complete_earlier(struct repo_job *job)
{
	struct pawl_note note = { "" };
	const pawl_err err = finish_publishing(job->repo, &note);

	if (err == PAWL_ERR_OK)
		return true;
	return job_fail(job, err == PAWL_ERR_NO_SPACE ? 507 : 500,
	    "The last publication can not be completed: %s; it is tried again.", note.text);
}

/* --- timestamp --- */

/* Reads and parses a metadata file. The arena gets the bytes and the parts. */
static bool read_metadata(struct repo_job *job, const char *path, size_t max,
    struct pawl_arena *arena, struct pawl_bytes *ret_bytes, struct pawl_repo_file *ret_file)
{
	struct pawl_note note = { "" };
	uint8_t *at = NULL;
	size_t size = 0;

	if (pawl_env_read_file(path, max, &at, &size, &note) != PAWL_ERR_OK)
		return job_fail(job, 404, "%s.", note.text);
	*ret_bytes = pawl_arena_copy(arena, PAWL_BYTES(at, size));
	free(at);
	if (ret_bytes->at == NULL)
		return job_fail(job, 503, "The server is out of memory; try again later.");
	if (pawl_repo_parse(*ret_bytes, arena, ret_file, &note) != PAWL_ERR_OK)
		return job_fail(job, 500, "%s is damaged: %s; publish again.", path, note.text);
	return true;
}

static bool sign(struct repo_job *job, const struct pawl_repo_file *file, struct pawl_arena *arena)
{
	uint8_t public_memory[PAWL_KEY_PEM_MAX];
	uint8_t signature_memory[PAWL_SIGNATURE_MAX];
	uint8_t signed_memory[4096];
	struct pawl_buf public_text = pawl_buf_of(public_memory, sizeof(public_memory));
	struct pawl_buf signature = pawl_buf_of(signature_memory, sizeof(signature_memory));
	struct pawl_buf body = pawl_buf_of(signed_memory, sizeof(signed_memory));
	struct pawl_bytes message;
	struct pawl_repo_key key;
	struct pawl_note note = { "" };
	struct pawl_buf out =
	    pawl_buf_of(malloc(PAWL_TUF_TIMESTAMP_SIZE_MAX), PAWL_TUF_TIMESTAMP_SIZE_MAX);

	if (out.at == NULL)
		return job_fail(job, 503, "The server is out of memory; try again later.");
	if (pawl_repo_write(file, arena, &body, &note) == PAWL_ERR_OK &&
	    pawl_repo_message(pawl_buf_bytes(&body), arena, &message) == PAWL_ERR_OK &&
	    pawl_key_public(job->repo->key, &public_text) == PAWL_ERR_OK &&
	    pawl_repo_key_make(pawl_key_scheme(job->repo->key), pawl_buf_bytes(&public_text), arena,
		&key) == PAWL_ERR_OK &&
	    pawl_key_sign(job->repo->key, message, &signature) == PAWL_ERR_OK &&
	    pawl_repo_envelope(pawl_buf_bytes(&body),
		&(struct pawl_repo_signature){ key.id, pawl_buf_bytes(&signature) }, 1,
		&out) == PAWL_ERR_OK) {
		free(job->timestamp);
		job->timestamp = out.at;
		job->timestamp_size = out.size;
		return true;
	}
	free(out.at);
	return job_fail(job, 500, "The timestamp can not be signed: %s.", note.text);
}

/* The published timestamp's version and snapshot; 0 when there is none. */
static bool published(struct repo_job *job, struct pawl_arena *arena, int64_t *ret_version,
    struct pawl_repo_meta *ret_snapshot)
{
	char path[APP_PATH_MAX];
	struct pawl_bytes bytes;
	struct pawl_repo_file file = { 0 };

	repo_path(job->repo, "metadata/", "timestamp.json", path);
	*ret_version = 0;
	if (!pawl_env_exists(path))
		return true;
	if (!read_metadata(job, path, PAWL_TUF_TIMESTAMP_SIZE_MAX, arena, &bytes, &file))
		return false;
	if (file.kind != PAWL_REPO_TIMESTAMP)
		return job_fail(job, 500, "%s is no timestamp; publish again.", path);
	*ret_version = file.version;
	*ret_snapshot = file.as.timestamp.snapshot;
	job->versions.snapshot = file.as.timestamp.snapshot.version;
	return true;
}

static bool sign_next(struct repo_job *job, struct pawl_arena *arena, int64_t version,
    const struct pawl_repo_meta *snapshot)
{
	struct pawl_repo_file file = {
		.kind = PAWL_REPO_TIMESTAMP,
		.version = version + 1,
		.expires = { job->now.ms + PAWL_MS_PER_DAY },
	};

	file.as.timestamp.snapshot = *snapshot;
	file.as.timestamp.issued = job->now;
	if (!sign(job, &file, arena))
		return false;
	job->versions.timestamp = file.version;
	job->versions.timestamp_expires = file.expires;
	return true;
}

/* The bytes of N.snapshot.json, staged or published. */
static bool read_snapshot(struct repo_job *job, int64_t version, uint8_t **ret_at, size_t *ret_size)
{
	char name[64];
	char path[APP_PATH_MAX];

	print_text(name, sizeof(name), "%lld.snapshot.json", (long long)version);
	repo_path(job->repo, "staging/metadata/", name, path);
	if (pawl_env_read_file(path, PAWL_TUF_METADATA_SIZE_MAX, ret_at, ret_size, NULL) ==
	    PAWL_ERR_OK)
		return true;
	repo_path(job->repo, "metadata/", name, path);
	if (pawl_env_read_file(path, PAWL_TUF_METADATA_SIZE_MAX, ret_at, ret_size, NULL) ==
	    PAWL_ERR_OK)
		return true;
	return job_fail(job, 409, "%s was not uploaded.", name);
}

bool repo_sign_timestamp(struct repo_job *job, int64_t snapshot_version)
{
	void *memory = malloc(SIGN_SCRATCH);
	struct pawl_arena arena = pawl_arena_of(memory, memory == NULL ? 0 : SIGN_SCRATCH);
	struct pawl_repo_meta snapshot;
	int64_t version = 0;
	uint8_t *at = NULL;
	size_t size = 0;
	bool good = complete_earlier(job) && published(job, &arena, &version, &snapshot) &&
		    read_snapshot(job, snapshot_version, &at, &size);

	if (good) {
		snapshot = pawl_repo_meta_of(
		    PAWL_BYTES_LIT("snapshot.json"), snapshot_version, PAWL_BYTES(at, size));
		good = sign_next(job, &arena, version, &snapshot);
	}
	free(at);
	free(memory);
	return good;
}

bool repo_renew(struct repo_job *job)
{
	void *memory = malloc(SIGN_SCRATCH);
	struct pawl_arena arena = pawl_arena_of(memory, memory == NULL ? 0 : SIGN_SCRATCH);
	struct pawl_repo_meta snapshot;
	struct pawl_note note = { "" };
	char path[APP_PATH_MAX];
	int64_t version = 0;
	bool good = complete_earlier(job) && published(job, &arena, &version, &snapshot);

	if (good && version == 0)
		good = job_fail(job, 404, "Nothing was published yet.");
	good = good && sign_next(job, &arena, version, &snapshot);
	repo_path(job->repo, "metadata/", "timestamp.json", path);
	/* On the disk before anyone sees it: its version is never used twice. */
	if (good && pawl_env_write_file(path, 0600, PAWL_BYTES(job->timestamp, job->timestamp_size),
			&note) != PAWL_ERR_OK)
		good = job_fail(job, 500, "%s.", note.text);
	free(memory);
	return good;
}

/* --- a publication --- */

/* Staged metadata that this publication does not use was left by one that
 * never happened; it must not get a name that a later one needs. */
static void drop_unused(struct repo_job *job)
{
	char folder[APP_PATH_MAX];
	char path[APP_PATH_MAX];
	DIR *dir = NULL;

	repo_path(job->repo, "staging/", "metadata", folder);
	dir = opendir(folder);
	if (dir == NULL)
		return;
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		bool used = is_dot(entry->d_name);
		uint64_t version = 0;
		const char *dot = strchr(entry->d_name, '.');

		for (size_t i = 0; i < job->used_count && !used; i++)
			used = strcmp(job->used[i], entry->d_name) == 0;
		/* Older roots are for devices that come from far back. */
		if (!used && dot != NULL && strcmp(dot, ".root.json") == 0 &&
		    pawl_parse_u64(PAWL_BYTES(entry->d_name, (size_t)(dot - entry->d_name)),
			INT64_MAX, &version) == PAWL_ERR_OK)
			used = (int64_t)version <= job->root_max;
		if (!used &&
		    pawl_env_join(folder, entry->d_name, sizeof(path), path) == PAWL_ERR_OK)
			unlink(path);
	}
	closedir(dir);
}

bool repo_commit(struct repo_job *job)
{
	struct pawl_note note = { "" };
	char staging[APP_PATH_MAX];
	char publishing[APP_PATH_MAX];
	char path[APP_PATH_MAX];
	pawl_err err = PAWL_ERR_OK;

	drop_unused(job);
	repo_path(job->repo, "staging/", "timestamp.json", path);
	repo_path(job->repo, "staging", "", staging);
	repo_path(job->repo, "publishing", "", publishing);
	err =
	    pawl_env_write_file(path, 0600, PAWL_BYTES(job->timestamp, job->timestamp_size), &note);
	if (err == PAWL_ERR_OK)
		err = pawl_env_rename(staging, publishing, &note);
	if (err == PAWL_ERR_OK)
		err = pawl_env_make_folder(staging, 0700, &note);
	if (err == PAWL_ERR_OK)
		err = finish_publishing(job->repo, &note);
	if (err != PAWL_ERR_OK)
		return job_fail(job, err == PAWL_ERR_NO_SPACE ? 507 : 500,
		    "The publication was verified but can not be stored: %s.", note.text);
	return true;
}

/* --- at the start --- */

static void empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	char path[APP_PATH_MAX];

	if (dir == NULL)
		return;
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (!is_dot(entry->d_name) &&
		    pawl_env_join(folder, entry->d_name, sizeof(path), path) == PAWL_ERR_OK)
			unlink(path);
	}
	closedir(dir);
}

pawl_err repo_recover(const struct repo *repo, struct pawl_note *note)
{
	static const char *const folders[] = { "metadata", "targets", "staging", "incoming",
		"sums" };
	char path[APP_PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		repo_path(repo, "", folders[i], path);
		PAWL_TRY(pawl_env_make_folder(path, 0700, note));
	}
	repo_path(repo, "", "incoming", path);
	empty_folder(path);
	return finish_publishing(repo, note);
}
