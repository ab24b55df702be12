/* SPDX-License-Identifier: MIT
 *
 * One target file: streamed into a temporary file while it is hashed, and
 * renamed once it is the one that was signed.
 */
#include "tuf.h"

#include "pawl/crypto.h"
#include "pawl/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOW_SPEED_BYTES_S = 500, PIECE = 64 * 1024, FILE_MODE = 0644, FOLDER_MODE = 0755 };

/* What was signed, and what came so far. */
struct check {
	uint64_t length;
	bool has_sha256;
	bool has_sha512;
	uint8_t want_sha256[32];
	uint8_t want_sha512[64];
	struct pawl_hash sha256;
	struct pawl_hash sha512;
	uint64_t seen;
	int fd; /* where it is written; -1: nowhere                              */
	struct pawl_note *note;
};

static pawl_err begin(
    struct check *check, const struct pawl_trust_target *target, struct pawl_note *note)
{
	*check = (struct check){ .length = target->length,
		.has_sha256 = target->has_sha256,
		.has_sha512 = target->has_sha512,
		.fd = -1,
		.note = note };
	memcpy(check->want_sha256, target->sha256, sizeof(check->want_sha256));
	memcpy(check->want_sha512, target->sha512, sizeof(check->want_sha512));
	const pawl_err err = pawl_hash_init(&check->sha256, PAWL_HASH_SHA256);
	return err == PAWL_ERR_OK ? pawl_hash_init(&check->sha512, PAWL_HASH_SHA512) : err;
}

static void finish(struct check *check)
{
	pawl_hash_finish(&check->sha256);
	pawl_hash_finish(&check->sha512);
	if (check->fd >= 0)
		(void)close(check->fd);
}

static pawl_err system_error(struct pawl_note *note, const char *step, const char *path)
{
	const int number = errno;
	pawl_note_add(note, step);
	pawl_note_add(note, " ");
	pawl_note_add(note, path);
	pawl_note_add(note, ": ");
	pawl_note_add(note, strerror(number));
	if (number == ENOSPC || number == EDQUOT)
		return PAWL_ERR_NO_SPACE;
	if (number == ENOENT)
		return PAWL_ERR_NOT_FOUND;
	return number == EACCES || number == EPERM ? PAWL_ERR_DENIED : PAWL_ERR_IO;
}

static pawl_err write_all(int fd, struct pawl_bytes bytes, struct pawl_note *note)
{
	while (bytes.size > 0) {
		const ssize_t count = write(fd, bytes.at, bytes.size);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return system_error(note, "can not write", "the target");
		bytes.at += count;
		bytes.size -= (size_t)count;
	}
	return PAWL_ERR_OK;
}

static pawl_err take(struct check *check, struct pawl_bytes piece)
{
	if (piece.size > check->length - check->seen) {
		pawl_note_add(check->note, "the file is longer than what was signed");
		return PAWL_ERR_REFUSED;
	}
	check->seen += piece.size;
	pawl_err err = PAWL_ERR_OK;
	if (check->has_sha256)
		err = pawl_hash_update(&check->sha256, piece);
	if (err == PAWL_ERR_OK && check->has_sha512)
		err = pawl_hash_update(&check->sha512, piece);
	if (err == PAWL_ERR_OK && check->fd >= 0)
		err = write_all(check->fd, piece, check->note);
	return err;
}

/* With both hashes stated both must fit; with none nothing was promised. */
static pawl_err is_signed(const struct check *check, bool *ret_is_signed)
{
	uint8_t sha256[32];
	uint8_t sha512[64];
	pawl_err err = pawl_hash_peek(&check->sha256, sha256);
	if (err == PAWL_ERR_OK)
		err = pawl_hash_peek(&check->sha512, sha512);
	if (err != PAWL_ERR_OK)
		return err;
	*ret_is_signed =
	    check->seen == check->length && (check->has_sha256 || check->has_sha512) &&
	    (!check->has_sha256 || memcmp(sha256, check->want_sha256, sizeof(sha256)) == 0) &&
	    (!check->has_sha512 || memcmp(sha512, check->want_sha512, sizeof(sha512)) == 0);
	return PAWL_ERR_OK;
}

/* --- names --- */

void tuf_target_name(const char *path, char ret_name[TUF_NAME_SIZE])
{
	struct pawl_buf buf = pawl_buf_of(ret_name, TUF_NAME_SIZE - 1);
	/* '.' stands for itself in URLs; here ".", ".." and hidden files must not be. */
	if (path[0] == '.')
		pawl_put_text(&buf, "%2E");
	pawl_put_percent(&buf, pawl_bytes_of(path[0] == '.' ? path + 1 : path));
	if (pawl_buf_check(&buf) != PAWL_ERR_OK) {
		uint8_t digest[32];
		pawl_sha256(pawl_bytes_of(path), digest);
		buf = pawl_buf_of(ret_name, TUF_NAME_SIZE - 1);
		pawl_put_text(&buf, "%-");
		pawl_put_hex(&buf, PAWL_BYTES(digest, sizeof(digest)));
	}
	ret_name[buf.size] = '\0';
}

/* --- what is there already --- */

static pawl_err read_through(int fd, struct check *check, const char *path, struct pawl_note *note)
{
	uint8_t piece[PIECE];
	for (;;) {
		const ssize_t count = read(fd, piece, sizeof(piece));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return system_error(note, "can not read", path);
		if (count == 0)
			return PAWL_ERR_OK;
		const pawl_err err = take(check, PAWL_BYTES(piece, (size_t)count));
		if (err != PAWL_ERR_OK)
			return err;
	}
}

/* False also for what can not be read: it will be replaced. */
static bool is_there(const struct pawl_trust_target *target, const char *path)
{
	struct check check;
	struct stat info;
	struct pawl_note unused = { "" };
	bool good = false;
	/* A pipe in its place must not make us wait. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
	    (uint64_t)info.st_size == target->length) {
		if (begin(&check, target, &unused) != PAWL_ERR_OK ||
		    read_through(fd, &check, path, &unused) != PAWL_ERR_OK ||
		    is_signed(&check, &good) != PAWL_ERR_OK)
			good = false;
		finish(&check);
	}
	(void)close(fd);
	return good;
}

/* --- fetching --- */

static pawl_err on_piece(void *context, struct pawl_bytes piece)
{
	return take(context, piece);
}

static pawl_err transfer(
    struct tuf_session *session, const char *url, struct check *check, struct pawl_note *note)
{
	struct pawl_fetch_answer answer;
	bool good = false;
	const struct pawl_fetch_request request = {
		.method = PAWL_FETCH_GET,
		.url = url,
		/* One more than signed, so that `take` sees and says what is wrong. */
		.body_max = check->length < UINT64_MAX ? check->length + 1 : UINT64_MAX,
		.low_speed_bytes_s = LOW_SPEED_BYTES_S,
		.low_speed_s = session->settings->timeout_s,
		.sink = on_piece,
		.sink_context = check,
	};
	pawl_err err = pawl_fetch_run(session->fetch, &request, &answer, note);
	if (err != PAWL_ERR_OK)
		return err;
	if (answer.status != 200) {
		pawl_note_add(note, "the server answers with status ");
		pawl_note_add_int(note, answer.status);
		return answer.status == 404 ? PAWL_ERR_NOT_FOUND : PAWL_ERR_NETWORK;
	}
	err = is_signed(check, &good);
	if (err == PAWL_ERR_OK && !good) {
		pawl_note_add(note, check->seen == check->length
					? "the file does not have the hash that was signed"
					: "the file is shorter than what was signed");
		err = PAWL_ERR_REFUSED;
	}
	return err;
}

/* `temporary` is open as check->fd; renamed to `path` when all of it is right. */
static pawl_err fetch_into(struct tuf_session *session, const char *url, struct check *check,
    const char *temporary, const char *path, struct pawl_note *note)
{
	const pawl_err err = transfer(session, url, check, note);
	if (err != PAWL_ERR_OK)
		return err;
	if (fchmod(check->fd, FILE_MODE) != 0 || fsync(check->fd) != 0)
		return system_error(note, "can not write", temporary);
	return pawl_env_rename(temporary, path, note);
}

static pawl_err replace(struct tuf_session *session, const struct pawl_trust_target *target,
    const char *url, const char *path, struct pawl_note *note)
{
	char temporary[PATH_MAX];
	struct check check;
	pawl_err err = pawl_env_join(
	    session->settings->target_dir, ".pawl-tuf-XXXXXX", sizeof(temporary), temporary);
	if (err != PAWL_ERR_OK)
		return err;
	err = begin(&check, target, note);
	if (err == PAWL_ERR_OK) {
		check.fd = mkostemp(temporary, O_CLOEXEC);
		if (check.fd < 0) {
			err = system_error(note, "can not make", temporary);
		} else {
			err = fetch_into(session, url, &check, temporary, path, note);
			if (err != PAWL_ERR_OK)
				(void)unlink(temporary);
		}
	}
	finish(&check);
	return err;
}

static pawl_err make_url(struct tuf_session *session, const struct pawl_trust_target *target,
    size_t capacity, char *ret_url, struct pawl_note *note)
{
	struct pawl_buf url = pawl_buf_of(ret_url, capacity - 1);
	pawl_put_text(&url, session->settings->target_url);
	if (pawl_buf_check(&url) != PAWL_ERR_OK ||
	    pawl_trust_target_url(&session->trust, target, &url) != PAWL_ERR_OK) {
		pawl_note_add(note, "its address is too long");
		return PAWL_ERR_LIMIT;
	}
	ret_url[url.size] = '\0';
	return PAWL_ERR_OK;
}

pawl_err tuf_target_get(struct tuf_session *session, const char *path, char ret_path[PATH_MAX],
    bool *ret_fetched, struct pawl_note *note)
{
	char name[TUF_NAME_SIZE];
	char url[PATH_MAX];
	pawl_err err = pawl_trust_find(&session->trust, path);
	if (err == PAWL_ERR_OK)
		err = tuf_session_run(session, note);
	if (err != PAWL_ERR_OK)
		return err;
	const struct pawl_trust_target *const target = pawl_trust_found(&session->trust);
	if (target == NULL) {
		pawl_note_add(note, "nobody who may signs for this target");
		return PAWL_ERR_NOT_FOUND;
	}
	tuf_target_name(path, name);
	err = pawl_env_make_folder(session->settings->target_dir, FOLDER_MODE, note);
	if (err == PAWL_ERR_OK)
		err = pawl_env_join(session->settings->target_dir, name, PATH_MAX, ret_path);
	if (err == PAWL_ERR_OK)
		err = make_url(session, target, sizeof(url), url, note);
	if (err != PAWL_ERR_OK)
		return err;
	*ret_fetched = !is_there(target, ret_path);
	return *ret_fetched ? replace(session, target, url, ret_path, note) : PAWL_ERR_OK;
}
