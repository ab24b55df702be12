/* SPDX-License-Identifier: MIT
 *
 * tls_internal.h - the context as its sessions see it. */
#ifndef PAWL_TLS_INTERNAL_H
#define PAWL_TLS_INTERNAL_H

#include "pawl/tls.h"

#include <openssl/ssl.h>

struct pawl_tls_context {
	SSL_CTX *ssl_context;
};

#endif
