/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of pawl-tuf, a TUF client for the command line.
 *
 * Reading order: main.c (the command lines), tuf_session.c (a refresh or a
 * look-up: files and network for lib/trust), tuf_target.c (one target file).
 * All judgement is lib/trust's; here are only the effects.
 */
#ifndef TUF_H
#define TUF_H

#include "pawl/env.h"
#include "pawl/fetch.h"
#include "pawl/trust.h"

#include <limits.h>

/* What the command line says. Strings are borrowed from it. */
struct tuf_settings {
	const char *metadata_dir;
	const char *metadata_url; /* NULL: init                                  */
	const char *target_dir;   /* NULL: no download                           */
	const char *target_url;
	const char *ca_file; /* NULL: the system's                               */
	unsigned timeout_s;  /* of one metadata file; and of a target that does not move */
};

/* One run: from one moment of the clock, under one lock of the metadata folder. */
struct tuf_session {
	const struct tuf_settings *settings;
	struct pawl_env_lock lock;
	struct pawl_fetch *fetch;
	struct pawl_trust trust;
	void *memory;
	uint8_t *stored[PAWL_TRUST_ROLE_COUNT];
};

/* Stores the root that everything later is trusted by, once it verifies under
 * its own keys. PAWL_ERR_EXISTS: another one is there already; it is kept. */
PAWL_MUST_CHECK pawl_err tuf_init(
    const char *metadata_dir, const char *root_file, struct pawl_note *note);

/* Opens the stored metadata and refreshes it. `session` must be finished in
 * every case. PAWL_ERR_REFUSED: the repository does not verify. */
PAWL_MUST_CHECK pawl_err tuf_session_start(
    struct tuf_session *session, const struct tuf_settings *settings, struct pawl_note *note);
/* Takes sessions that failed to start. */
void tuf_session_finish(struct tuf_session *session);
/* Carries out what the client asks for until a refresh or look-up is done. */
PAWL_MUST_CHECK pawl_err tuf_session_run(struct tuf_session *session, struct pawl_note *note);

/* Bytes of a target's file name. */
enum { TUF_NAME_SIZE = NAME_MAX + 1 };

/* The name of a target's file in the target folder: percent-encoded, so that
 * it has no '/', and never begins with '.'. Names that do not fit become
 * "%-<sha256 of the path>", which no encoded path looks like. */
void tuf_target_name(const char *path, char ret_name[TUF_NAME_SIZE]);
/* Makes sure that the target folder has the file as it is signed now, at
 * `ret_path`. With `*ret_fetched` false it was there already. What failed to
 * verify is not kept. PAWL_ERR_NOT_FOUND: nobody signs for that path. */
PAWL_MUST_CHECK pawl_err tuf_target_get(struct tuf_session *session, const char *path,
    char ret_path[PATH_MAX], bool *ret_fetched, struct pawl_note *note);

#endif
