/* SPDX-License-Identifier: MIT
 *
 * cmd_device.h - the device command that has a file of its own. */
#ifndef PAWL_CMD_DEVICE_H
#define PAWL_CMD_DEVICE_H

#include "pawl/cli.h"

int cmd_device_approve(struct pawl_cli_call *call);

#endif
