/* SPDX-License-Identifier: MIT
 *
 * cmocka_setup.h - cmocka.h, after the four headers it wants before it. */
#ifndef PAWL_CMOCKA_SETUP_H
#define PAWL_CMOCKA_SETUP_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#endif
