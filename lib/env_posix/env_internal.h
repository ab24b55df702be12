/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of lib/env_posix.
 */
#ifndef PAWL_ENV_INTERNAL_H
#define PAWL_ENV_INTERNAL_H

#include "pawl/err.h"

/* Closes a descriptor at the end of its scope; -1 is ignored. */
void pawl_env_close(int *fd);
#define PAWL_AUTO_FD __attribute__((cleanup(pawl_env_close)))

/* Turns an errno into our error and adds "step path: system's words". */
pawl_err pawl_env_failed(
    const char *step, const char *path, int number, struct pawl_note *reterr_note);

#endif
