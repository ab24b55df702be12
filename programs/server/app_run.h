/* SPDX-License-Identifier: MIT
 *
 * app_run.h - the server itself, as the command line starts it. */
#ifndef PAWL_SERVER_APP_RUN_H
#define PAWL_SERVER_APP_RUN_H

#include "app.h"

#include "pawl/cli.h"

/* Runs until it is stopped; the exit code. What goes wrong is logged. */
int app_run(const char *data);
/* Looks whether a start would succeed; the exit code. */
int app_check(const char *data);
/* `pawl-server init`. */
int server_init(struct pawl_cli_call *call);

#endif
