/* SPDX-License-Identifier: MIT
 *
 * cmd_repo_init.h - commands that several tables or files use. */
#ifndef PAWL_CMD_REPO_INIT_H
#define PAWL_CMD_REPO_INIT_H

#include "pawl/cli.h"

int cmd_repo_init(struct pawl_cli_call *call);
int cmd_repo_publish(struct pawl_cli_call *call);

#endif
