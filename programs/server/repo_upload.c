/* SPDX-License-Identifier: MIT
 *
 * repo_upload.c - PUT and HEAD of /rest/v1/pawl/repository.
 *
 * A body streams into a file of its own in staging and is hashed on the way.
 * Only when it is complete, right and on the disk does it get its name; a
 * crash leaves a temporary file that the next start removes. Syncing and
 * renaming happen on a pool thread. */
#include "app.h"

#include "pawl/crypto.h"
#include "pawl/env.h"
#include "pawl/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SYNC_EVERY = 8 * 1024 * 1024 };

struct upload {
	struct app *app;
	struct pawl_http_token token;
	char name[APP_PATH_MAX]; /* "metadata/5.snapshot.json", "targets/fw/..."        */
	char temporary[APP_PATH_MAX];
	char want_sha256[PAWL_SHA256_HEX + 1]; /* "" for metadata                       */
	int fd;
	bool discard; /* it is there already; the body is only checked                  */
	uint64_t size;
	uint64_t synced;
	struct pawl_hash sha256, sha1, md5;
	char sha256_hex[65], sha1_hex[41], md5_hex[33];
	char actor[APP_ACTOR_MAX];
	/* Result of the pool thread. */
	int status;
	const char *why;
};

/* --- names --- */

/* "<N>.<role>.json"; the server itself makes timestamp.json. */
static bool metadata_name_is_good(struct pawl_bytes name)
{
	uint64_t version = 0;
	size_t dot = 0;

	while (dot < name.size && name.at[dot] != '.')
		dot++;
	return repo_name_is_safe(name) && name.size <= 200 &&
	       pawl_parse_u64(PAWL_BYTES(name.at, dot), (UINT64_C(1) << 53) - 1, &version) ==
		   PAWL_ERR_OK &&
	       version > 0 && name.size > dot + 6 &&
	       memcmp(name.at + name.size - 5, ".json", 5) == 0;
}

static bool target_name_is_good(struct pawl_bytes name)
{
	if (!repo_name_is_safe(name) || name.size < PAWL_SHA256_HEX + 2 ||
	    name.at[PAWL_SHA256_HEX] != '.')
		return false;
	for (size_t i = 0; i < PAWL_SHA256_HEX; i++) {
		if (strchr("0123456789abcdef", name.at[i]) == NULL)
			return false;
	}
	return true;
}

/* The path below staging or repository; false: 400 was answered. */
static bool upload_name(struct call *call, size_t capacity, char *ret_name)
{
	const struct pawl_bytes *segments = call->target.segments + 4;
	const size_t count = call->target.segment_count - 4;
	const struct pawl_bytes last = segments[count - 1];
	size_t at = 0;

	if (pawl_target_segment_is(&call->target, 4, "metadata")) {
		if (count != 2 || !metadata_name_is_good(last)) {
			reply_error(call, 400, "A metadata file is named <version>.<role>.json.");
			return false;
		}
	} else if (!pawl_target_segment_is(&call->target, 4, "targets") || count != 4 ||
		   (!pawl_bytes_is(segments[1], "fw") && !pawl_bytes_is(segments[1], "channel")) ||
		   !repo_name_is_safe(segments[2]) || !target_name_is_good(last)) {
		reply_error(
		    call, 400, "A target is named targets/fw|channel/<product>/<sha256>.<name>.");
		return false;
	}
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(ret_name + at, capacity - at, "%s%.*s", i == 0 ? "" : "/",
		    (int)segments[i].size, (const char *)segments[i].at);
	return at < capacity;
}

static void below(const struct repo *repo, const char *sub, const char *name, char *ret_path)
{
	const int size = snprintf(ret_path, APP_PATH_MAX, "%s/%s%s", repo->folder, sub, name);

	PAWL_ASSERT(size > 0 && size < APP_PATH_MAX);
}

static bool is_live(const struct repo *repo, const char *name)
{
	char path[APP_PATH_MAX];

	below(repo, "", name, path);
	return pawl_env_exists(path);
}

static bool is_staged(const struct repo *repo, const char *name)
{
	char path[APP_PATH_MAX];

	below(repo, "staging/", name, path);
	return pawl_env_exists(path);
}

void upload_head(struct call *call)
{
	char name[APP_PATH_MAX];

	if (call->target.segment_count < 6 || call->request->method != PAWL_HTTP1_HEAD) {
		reply_error(call, 404, "Only HEAD and PUT of a file are here.");
		return;
	}
	if (!upload_name(call, sizeof(name) / 2, name))
		return;
	/* Staged metadata may still be signed again under the same name: only
	 * what is published counts. A staged target is what its hash says. */
	if (is_live(&call->app->repo, name) ||
	    (pawl_target_segment_is(&call->target, 4, "targets") &&
		is_staged(&call->app->repo, name)))
		reply_empty(call, 200);
	else
		reply_error(call, 404, "This file was not uploaded yet.");
}

/* --- begin --- */

void upload_abort(struct upload *upload)
{
	if (upload->fd >= 0) {
		close(upload->fd);
		unlink(upload->temporary);
	}
	pawl_hash_finish(&upload->sha256);
	pawl_hash_finish(&upload->sha1);
	pawl_hash_finish(&upload->md5);
	free(upload);
}

static bool start_hashes(struct upload *upload)
{
	return pawl_hash_init(&upload->sha256, PAWL_HASH_SHA256) == PAWL_ERR_OK &&
	       pawl_hash_init(&upload->sha1, PAWL_HASH_SHA1) == PAWL_ERR_OK &&
	       pawl_hash_init(&upload->md5, PAWL_HASH_MD5) == PAWL_ERR_OK;
}

static struct upload *create(struct call *call, const char *name, bool is_target)
{
	struct upload *upload = calloc(1, sizeof(*upload));
	uint8_t random[8];
	char unique[32];
	struct pawl_buf buf = pawl_buf_of(unique, sizeof(unique) - 1);

	if (upload == NULL)
		return NULL;
	upload->app = call->app;
	upload->token = call->request->token;
	upload->fd = -1;
	print_text(upload->name, sizeof(upload->name), "%s", name);
	print_text(upload->actor, sizeof(upload->actor), "%s", call->actor);
	if (is_target)
		print_text(upload->want_sha256, sizeof(upload->want_sha256), "%.64s",
		    strrchr(name, '/') + 1);
	if (!start_hashes(upload)) {
		upload_abort(upload);
		return NULL;
	}
	upload->discard =
	    is_target && (is_live(&call->app->repo, name) || is_staged(&call->app->repo, name));
	if (upload->discard)
		return upload;
	pawl_random(random, sizeof(random));
	pawl_put_text(&buf, "tmp.");
	pawl_put_hex(&buf, PAWL_BYTES(random, sizeof(random)));
	unique[buf.size] = '\0';
	below(&call->app->repo, "incoming/", unique, upload->temporary);
	upload->fd =
	    open(upload->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (upload->fd < 0) {
		const int error = errno;

		upload_abort(upload);
		errno = error;
		return NULL;
	}
	return upload;
}

static bool fits_on_disk(struct call *call)
{
	uint64_t free_bytes = 0;

	if (call->request->body_size <= 0 ||
	    pawl_env_free_space(call->app->repo.folder, &free_bytes, NULL) != PAWL_ERR_OK)
		return true;
	return (uint64_t)call->request->body_size < free_bytes;
}

void upload_plan(struct call *call, struct pawl_http_plan *plan)
{
	char name[APP_PATH_MAX];
	const bool is_target = pawl_target_segment_is(&call->target, 4, "targets");

	if (call->target.segment_count < 6) {
		reply_error(call, 404, "Only HEAD and PUT of a file are here.");
		return;
	}
	if (!upload_name(call, sizeof(name) / 2, name))
		return;
	if (!fits_on_disk(call)) {
		reply_error(call, 507, "The disk of the server is too full for this file.");
		return;
	}

	struct upload *upload = create(call, name, is_target);

	if (upload == NULL) {
		reply_error(call, errno == ENOSPC || errno == EDQUOT ? 507 : 500,
		    "The file can not be written: %s.", strerror(errno));
		return;
	}
	plan->streamed = true;
	plan->stream = upload;
	plan->body_max = is_target ? (uint64_t)call->app->settings.artifact_size_max
				   : PAWL_TUF_METADATA_SIZE_MAX;
}

/* --- the body --- */

static void refuse(struct upload *upload, int status, const char *why)
{
	uint8_t memory[512];
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));

	put_error(&buf, status, pawl_bytes_of(why));
	db_hold(upload->app, 0, upload->token, status, pawl_buf_bytes(&buf));
}

static bool write_all(int fd, struct pawl_bytes piece)
{
	while (piece.size > 0) {
		const ssize_t written = write(fd, piece.at, piece.size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		piece = PAWL_BYTES(piece.at + written, piece.size - (size_t)written);
	}
	return true;
}

bool upload_piece(struct upload *upload, struct pawl_bytes piece)
{
	if (pawl_hash_update(&upload->sha256, piece) != PAWL_ERR_OK ||
	    pawl_hash_update(&upload->sha1, piece) != PAWL_ERR_OK ||
	    pawl_hash_update(&upload->md5, piece) != PAWL_ERR_OK) {
		refuse(upload, 500, "The file can not be hashed.");
		return false;
	}
	upload->size += piece.size;
	if (upload->discard)
		return true;
	if (!write_all(upload->fd, piece)) {
		const bool full = errno == ENOSPC || errno == EDQUOT;

		refuse(upload, full ? 507 : 500,
		    full ? "The disk of the server is full; nothing of the file was kept."
			 : "The file can not be written; see the disk of the server.");
		return false;
	}
	/* Lets the disk work early: the sync at the end has little left to do. */
	if (upload->size - upload->synced >= SYNC_EVERY) {
		(void)sync_file_range(upload->fd, (off_t)upload->synced,
		    (off_t)(upload->size - upload->synced), SYNC_FILE_RANGE_WRITE);
		upload->synced = upload->size;
	}
	return true;
}

/* --- the end --- */

static void digest_hex(struct pawl_hash *hash, char *ret_hex)
{
	uint8_t digest[PAWL_HASH_SIZE_MAX];
	const size_t size = pawl_hash_size(hash->kind);
	struct pawl_buf buf = pawl_buf_of(ret_hex, 2 * size);

	if (pawl_hash_peek(hash, digest) == PAWL_ERR_OK)
		pawl_put_hex(&buf, PAWL_BYTES(digest, size));
	ret_hex[buf.size] = '\0';
}

static bool same_file(const char *a, const char *b)
{
	uint8_t *at[2] = { NULL, NULL };
	size_t size[2] = { 0, 0 };
	bool same = pawl_env_read_file(a, PAWL_TUF_METADATA_SIZE_MAX, &at[0], &size[0], NULL) ==
			PAWL_ERR_OK &&
		    pawl_env_read_file(b, PAWL_TUF_METADATA_SIZE_MAX, &at[1], &size[1], NULL) ==
			PAWL_ERR_OK;

	same = same && pawl_bytes_equal(PAWL_BYTES(at[0], size[0]), PAWL_BYTES(at[1], size[1]));
	free(at[0]);
	free(at[1]);
	return same;
}

static pawl_err write_sums(struct upload *upload)
{
	char path[APP_PATH_MAX];
	char text[128];

	below(&upload->app->repo, "sums/", upload->sha256_hex, path);
	print_text(text, sizeof(text), "%s %s\n", upload->sha1_hex, upload->md5_hex);
	return pawl_env_write_file(path, 0600, pawl_bytes_of(text), NULL);
}

static pawl_err move_into_staging(struct upload *upload)
{
	char path[APP_PATH_MAX];
	char folder[APP_PATH_MAX];

	below(&upload->app->repo, "staging/", upload->name, path);
	print_text(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	PAWL_TRY(pawl_env_make_folder(folder, 0700, NULL));
	return pawl_env_rename(upload->temporary, path, NULL);
}

/* Pool thread, under the repository's lock. */
static void finish_locked(struct upload *upload)
{
	char live[APP_PATH_MAX];
	pawl_err err = PAWL_ERR_OK;

	below(&upload->app->repo, "", upload->name, live);
	if (upload->want_sha256[0] == '\0' && pawl_env_exists(live)) {
		/* Published metadata never changes. */
		const bool same = same_file(live, upload->temporary);

		upload->status = same ? 200 : 409;
		upload->why = "A file of this name with other content is published already; "
			      "raise its version.";
		return;
	}
	if (upload->want_sha256[0] != '\0')
		err = write_sums(upload);
	if (err == PAWL_ERR_OK)
		err = move_into_staging(upload);
	if (err == PAWL_ERR_OK)
		upload->temporary[0] = '\0';
	upload->status = err == PAWL_ERR_OK ? 200 : err == PAWL_ERR_NO_SPACE ? 507 : 500;
	upload->why = "The file can not be stored; look at the disk of the server.";
}

static void finish(void *user)
{
	struct upload *upload = user;

	if (fdatasync(upload->fd) != 0) {
		upload->status = errno == ENOSPC || errno == EDQUOT ? 507 : 500;
		upload->why = "The file can not be written to the disk of the server.";
	} else {
		pthread_mutex_lock(&upload->app->repo.lock);
		finish_locked(upload);
		pthread_mutex_unlock(&upload->app->repo.lock);
	}
}

static void finished(void *user)
{
	struct upload *upload = user;

	if (upload->temporary[0] == '\0') { /* it has its name: nothing to remove */
		close(upload->fd);
		upload->fd = -1;
	}
	if (upload->status == 200) {
		pawl_log_event(&upload->app->log, PAWL_LOG_INFO, "repository.uploaded",
		    PAWL_LOG_TEXT("file", upload->name), PAWL_LOG_INT("size", upload->size),
		    PAWL_LOG_TEXT("actor", upload->actor));
		db_hold(upload->app, 0, upload->token, 200, PAWL_BYTES(NULL, 0));
	} else {
		refuse(upload, upload->status, upload->why);
	}
	upload_abort(upload);
}

void upload_end(struct upload *upload, struct call *call)
{
	digest_hex(&upload->sha256, upload->sha256_hex);
	digest_hex(&upload->sha1, upload->sha1_hex);
	digest_hex(&upload->md5, upload->md5_hex);
	if (upload->want_sha256[0] != '\0' &&
	    strcmp(upload->want_sha256, upload->sha256_hex) != 0) {
		reply_error(call, 400,
		    "The SHA-256 of the body is %s, the name begins with another one.",
		    upload->sha256_hex);
		upload_abort(upload);
	} else if (upload->discard) {
		reply_empty(call, 200);
		upload_abort(upload);
	} else if (pawl_http_work(call->app->http, finish, finished, upload) != PAWL_ERR_OK) {
		reply_error(call, 503, "The server is out of memory; try again later.");
		upload_abort(upload);
	}
}

/* --- sums of targets --- */

static pawl_err hash_file(const char *path, char ret_sha1[41], char ret_md5[33])
{
	static const pawl_hash_kind kinds[2] = { PAWL_HASH_SHA1, PAWL_HASH_MD5 };
	struct pawl_hash hashes[2] = { 0 };
	uint8_t buffer[32 * 1024];
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = 0;
	pawl_err err = fd < 0 ? PAWL_ERR_NOT_FOUND : PAWL_ERR_OK;

	for (int i = 0; err == PAWL_ERR_OK && i < 2; i++)
		err = pawl_hash_init(&hashes[i], kinds[i]);
	while (err == PAWL_ERR_OK && (got = read(fd, buffer, sizeof(buffer))) > 0) {
		for (int i = 0; err == PAWL_ERR_OK && i < 2; i++)
			err = pawl_hash_update(&hashes[i], PAWL_BYTES(buffer, (size_t)got));
	}
	if (err == PAWL_ERR_OK && got < 0)
		err = PAWL_ERR_IO;
	if (err == PAWL_ERR_OK) {
		digest_hex(&hashes[0], ret_sha1);
		digest_hex(&hashes[1], ret_md5);
	}
	pawl_hash_finish(&hashes[0]);
	pawl_hash_finish(&hashes[1]);
	if (fd >= 0)
		close(fd);
	return err;
}

pawl_err upload_sums(const struct repo *repo, const char *sha256_hex, const char *path,
    char ret_sha1[41], char ret_md5[33])
{
	char sums[APP_PATH_MAX];
	char text[128];
	size_t size = 0;

	below(repo, "sums/", sha256_hex, sums);
	if (pawl_env_read_into(sums, text, sizeof(text), &size, NULL) != PAWL_ERR_OK || size != 74)
		return hash_file(path, ret_sha1, ret_md5);
	memcpy(ret_sha1, text, 40);
	ret_sha1[40] = '\0';
	memcpy(ret_md5, text + 41, 32);
	ret_md5[32] = '\0';
	return PAWL_ERR_OK;
}
