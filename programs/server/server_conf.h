/* SPDX-License-Identifier: MIT
 *
 * server_conf.h - settings of pawl-server, DIR/server.conf. */
#ifndef PAWL_SERVER_CONF_H
#define PAWL_SERVER_CONF_H

#include "pawl/conf.h"

struct server_settings {
	char listen[64];
	char listen_operator[64];
	char tls_cert[512];
	char ca[512];
	char public_url[256];
	char log_level[8];
	int64_t poll_interval_ms;
	int64_t silence_ms;
	int64_t enrolment_ms;
	int64_t timestamp_renew_ms;
	int64_t devices_max;
	int64_t connections_max;
	int64_t per_address_max;
	int64_t artifact_size_max;
	int64_t handshake_ms;
	int64_t header_ms;
	int64_t idle_ms;
	int64_t body_grace_ms;
	int64_t body_rate;
	int64_t write_stall_ms;
	int64_t shutdown_ms;
};

/* The table of options. */
const struct pawl_conf_option *server_options(size_t *ret_count);
/* Presets, then DIR/server.conf; relative paths are taken from DIR. */
PAWL_MUST_CHECK pawl_err server_conf_read(const char *data, struct pawl_conf *conf,
    struct server_settings *settings, struct pawl_note *note);

#endif
