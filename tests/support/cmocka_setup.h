/* SPDX-License-Identifier: MIT
 *
 * cmocka_setup.h - what cmocka.h wants included before it, once. */
#ifndef PAWL_CMOCKA_SETUP_H
#define PAWL_CMOCKA_SETUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
