/* SPDX-License-Identifier: MIT
 *
 * The effects of lib/trust: metadata from the network and in its folder.
 *
 * The folder holds root.json, timestamp.json, snapshot.json, targets.json and
 * one file for each delegated role that was needed, with the bytes as
 * received. Each is written as soon as it verified, so that a refresh that
 * fails half-way keeps what was good.
 */
#include "tuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* The four top files and a chain of delegations at the size limit; pages
	 * that are not needed are never touched. */
	MEMORY = 256 * 1024 * 1024,
	/* A root of the largest size. */
	MEMORY_ROOT = 16 * 1024 * 1024,
	FOLDER_MODE = 0755,
	FILE_MODE = 0644
};

static const char *const STORED_NAMES[PAWL_TRUST_ROLE_COUNT] = {
	[PAWL_TRUST_ROOT] = "root.json",
	[PAWL_TRUST_TIMESTAMP] = "timestamp.json",
	[PAWL_TRUST_SNAPSHOT] = "snapshot.json",
	[PAWL_TRUST_TARGETS] = "targets.json",
};

static const size_t STORED_MAX[PAWL_TRUST_ROLE_COUNT] = {
	[PAWL_TRUST_ROOT] = PAWL_TUF_ROOT_SIZE_MAX,
	[PAWL_TRUST_TIMESTAMP] = PAWL_TUF_TIMESTAMP_SIZE_MAX,
	[PAWL_TRUST_SNAPSHOT] = PAWL_TUF_METADATA_SIZE_MAX,
	[PAWL_TRUST_TARGETS] = PAWL_TUF_METADATA_SIZE_MAX,
};

static pawl_err refuse(pawl_trust_verdict verdict, const char *why, struct pawl_note *note)
{
	pawl_note_add(note, why != NULL && why[0] != '\0' ? why : pawl_trust_verdict_text(verdict));
	pawl_note_add(note, " (");
	pawl_note_add(note, pawl_trust_verdict_id(verdict));
	pawl_note_add(note, ")");
	return PAWL_ERR_REFUSED;
}

static pawl_err lock_folder(
    const char *metadata_dir, struct pawl_env_lock *ret_lock, struct pawl_note *note)
{
	char path[PATH_MAX];
	pawl_err err = pawl_env_join(metadata_dir, ".lock", sizeof(path), path);
	if (err == PAWL_ERR_OK)
		err = pawl_env_lock(path, ret_lock, note);
	return err;
}

/* --- init --- */

/* A client that would ask for the next root has accepted this one. */
static pawl_err check_root(struct pawl_bytes root, struct pawl_note *note)
{
	struct pawl_trust trust;
	struct pawl_trust_options options = {
		.memory = malloc(MEMORY_ROOT),
		.memory_size = MEMORY_ROOT,
		.clock = pawl_env_wall(),
		.root = root,
	};
	pawl_err err = PAWL_ERR_OK;
	if (options.memory == NULL)
		return PAWL_ERR_NO_MEMORY;
	pawl_trust_init(&trust, &options);
	const struct pawl_trust_effect effect = pawl_trust_next(&trust);
	if (effect.kind != PAWL_TRUST_FETCH)
		err = refuse(effect.verdict, effect.note, note);
	free(options.memory);
	return err;
}

static pawl_err store_root(const char *metadata_dir, struct pawl_bytes root, struct pawl_note *note)
{
	char path[PATH_MAX];
	struct pawl_env_lock lock = { .fd = -1 };
	pawl_err err = pawl_env_make_folder(metadata_dir, FOLDER_MODE, note);
	if (err == PAWL_ERR_OK)
		err =
		    pawl_env_join(metadata_dir, STORED_NAMES[PAWL_TRUST_ROOT], sizeof(path), path);
	if (err == PAWL_ERR_OK)
		err = lock_folder(metadata_dir, &lock, note);
	if (err == PAWL_ERR_OK)
		err = pawl_env_write_new_file(path, FILE_MODE, root, note);
	pawl_env_unlock(&lock);
	return err;
}

pawl_err tuf_init(const char *metadata_dir, const char *root_file, struct pawl_note *note)
{
	uint8_t *at = NULL;
	size_t size = 0;
	pawl_err err = pawl_env_read_file(root_file, PAWL_TUF_ROOT_SIZE_MAX, &at, &size, note);
	if (err != PAWL_ERR_OK)
		return err;
	err = check_root(PAWL_BYTES(at, size), note);
	if (err == PAWL_ERR_OK)
		err = store_root(metadata_dir, PAWL_BYTES(at, size), note);
	free(at);
	return err;
}

/* --- the folder --- */

static pawl_err load(struct tuf_session *session, const char *name, size_t size_max,
    uint8_t **ret_at, size_t *ret_size, struct pawl_note *note)
{
	char path[PATH_MAX];
	const pawl_err err =
	    pawl_env_join(session->settings->metadata_dir, name, sizeof(path), path);
	return err == PAWL_ERR_OK ? pawl_env_read_file(path, size_max, ret_at, ret_size, note)
				  : err;
}

static pawl_err store(
    struct tuf_session *session, const struct pawl_trust_effect *effect, struct pawl_note *note)
{
	char path[PATH_MAX];
	const pawl_err err =
	    pawl_env_join(session->settings->metadata_dir, effect->name, sizeof(path), path);
	return err == PAWL_ERR_OK ? pawl_env_write_file(path, FILE_MODE, effect->bytes, note) : err;
}

/* A file that can not be used is fetched again; it must not end the look-up. */
static void answer_load(struct tuf_session *session, const struct pawl_trust_effect *effect)
{
	uint8_t *at = NULL;
	size_t size = 0;
	if (load(session, effect->name, effect->size_max, &at, &size, NULL) == PAWL_ERR_OK)
		pawl_trust_provide(&session->trust, PAWL_BYTES(at, size));
	else
		pawl_trust_absent(&session->trust);
	free(at);
}

/* --- the network --- */

static pawl_err answer_fetch(
    struct tuf_session *session, const struct pawl_trust_effect *effect, struct pawl_note *note)
{
	char url[PATH_MAX];
	struct pawl_fetch_answer answer;
	const int length =
	    snprintf(url, sizeof(url), "%s%s", session->settings->metadata_url, effect->name);
	if (length < 0 || (size_t)length >= sizeof(url)) {
		pawl_note_add(note, "the address of a metadata file is too long");
		return PAWL_ERR_LIMIT;
	}
	const struct pawl_fetch_request request = {
		.method = PAWL_FETCH_GET,
		.url = url,
		/* 0 would be the session's own limit. */
		.body_max = effect->size_max > 0 ? effect->size_max : 1,
		.total_timeout_ms = session->settings->timeout_s * 1000,
	};
	const pawl_err err = pawl_fetch_run(session->fetch, &request, &answer, note);
	if (err != PAWL_ERR_OK)
		return err;
	if (answer.status == 200) {
		pawl_trust_provide(&session->trust, answer.body);
		return PAWL_ERR_OK;
	}
	if (answer.status == 404 || answer.status == 403) {
		pawl_trust_absent(&session->trust);
		return PAWL_ERR_OK;
	}
	pawl_note_add(note, effect->name);
	pawl_note_add(note, ": the server answers with status ");
	pawl_note_add_int(note, answer.status);
	return PAWL_ERR_NETWORK;
}

pawl_err tuf_session_run(struct tuf_session *session, struct pawl_note *note)
{
	pawl_err err = PAWL_ERR_OK;
	while (err == PAWL_ERR_OK) {
		const struct pawl_trust_effect effect = pawl_trust_next(&session->trust);
		switch (effect.kind) {
		case PAWL_TRUST_FETCH: err = answer_fetch(session, &effect, note); break;
		case PAWL_TRUST_LOAD: answer_load(session, &effect); break;
		case PAWL_TRUST_STORE: err = store(session, &effect, note); break;
		case PAWL_TRUST_TARGET: break; /* only of a walk */
		case PAWL_TRUST_DONE: return PAWL_ERR_OK;
		case PAWL_TRUST_FAILED: return refuse(effect.verdict, effect.note, note);
		}
	}
	return err;
}

/* --- a run --- */

static pawl_err load_stored(
    struct tuf_session *session, struct pawl_trust_options *options, struct pawl_note *note)
{
	struct pawl_bytes *const files[PAWL_TRUST_ROLE_COUNT] = {
		[PAWL_TRUST_ROOT] = &options->root,
		[PAWL_TRUST_TIMESTAMP] = &options->timestamp,
		[PAWL_TRUST_SNAPSHOT] = &options->snapshot,
		[PAWL_TRUST_TARGETS] = &options->targets,
	};
	for (unsigned i = 0; i < PAWL_TRUST_ROLE_COUNT; i++) {
		size_t size = 0;
		const bool must_be = i == PAWL_TRUST_ROOT;
		const pawl_err err = load(session, STORED_NAMES[i], STORED_MAX[i],
		    &session->stored[i], &size, must_be ? note : NULL);
		/* Larger than any that was ever stored: not ours, and worth nothing. */
		const bool is_absent = err == PAWL_ERR_NOT_FOUND || err == PAWL_ERR_LIMIT;
		if (err != PAWL_ERR_OK && (must_be || !is_absent)) {
			if (!must_be)
				pawl_note_add(note, STORED_NAMES[i]);
			return err;
		}
		*files[i] = PAWL_BYTES(session->stored[i], size);
	}
	return PAWL_ERR_OK;
}

pawl_err tuf_session_start(
    struct tuf_session *session, const struct tuf_settings *settings, struct pawl_note *note)
{
	const struct pawl_fetch_options fetch_options = {
		.ca_file = settings->ca_file,
		.allow_plain_http = true, /* nothing is believed but signatures       */
	};
	*session = (struct tuf_session){ .settings = settings, .lock = { .fd = -1 } };
	struct pawl_trust_options options = {
		.memory = malloc(MEMORY),
		.memory_size = MEMORY,
		.clock = pawl_env_wall(),
	};
	session->memory = options.memory;
	if (session->memory == NULL)
		return PAWL_ERR_NO_MEMORY;
	pawl_err err = lock_folder(settings->metadata_dir, &session->lock, note);
	if (err == PAWL_ERR_OK)
		err = load_stored(session, &options, note);
	if (err == PAWL_ERR_OK)
		err = pawl_fetch_create(&fetch_options, &session->fetch, note);
	if (err != PAWL_ERR_OK)
		return err;
	pawl_trust_init(&session->trust, &options);
	return tuf_session_run(session, note);
}

void tuf_session_finish(struct tuf_session *session)
{
	pawl_fetch_destroy(session->fetch);
	for (unsigned i = 0; i < PAWL_TRUST_ROLE_COUNT; i++)
		free(session->stored[i]);
	free(session->memory);
	pawl_env_unlock(&session->lock);
}
