/* SPDX-License-Identifier: MIT
 *
 * server_conf.c - the table of settings. */
#include "server_conf.h"

#include "pawl/env.h"

#include <stdio.h>
#include <string.h>

#define FIELD(member) PAWL_CONF_FIELD(struct server_settings, member)

/* clang-format off */
static const struct pawl_conf_option options[] = {
	{ .name = "listen", .type = PAWL_CONF_TEXT, .min = 3, .preset = "127.0.0.1:8443", FIELD(listen),
	  .help = "Address and port for devices; port 0: any free one." },
	{ .name = "listen-operator", .type = PAWL_CONF_TEXT, .min = 3, .preset = "127.0.0.1:8444",
	  FIELD(listen_operator), .help = "Address and port for operators and enrolment." },
	{ .name = "tls-cert", .type = PAWL_CONF_PATH, .min = 1, .preset = "tls.pem", FIELD(tls_cert),
	  .help = "Certificate of this server; a relative path starts in the data folder." },
	{ .name = "ca", .type = PAWL_CONF_PATH, .min = 1, .preset = "ca.pem", FIELD(ca),
	  .help = "Certificate of the CA that issued device and operator certificates." },
	{ .name = "public-url", .type = PAWL_CONF_TEXT, .preset = "", FIELD(public_url),
	  .help = "Base of the links sent to devices; empty: https and the request's Host." },
	{ .name = "log-level", .type = PAWL_CONF_TEXT, .min = 4, .preset = "info", FIELD(log_level),
	  .help = "Least severe events logged: error, warn, info or debug." },
	{ .name = "poll-interval-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 1000,
	  .max = 86399000, .preset = "300", FIELD(poll_interval_ms),
	  .help = "How long devices sleep between two polls." },
	{ .name = "silence-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 10000,
	  .max = INT64_C(31536000000), .preset = "86400", FIELD(silence_ms),
	  .help = "An assignment without news for so long counts as failed." },
	{ .name = "enrolment-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 60000,
	  .max = INT64_C(31536000000), .preset = "604800", FIELD(enrolment_ms),
	  .help = "How long a one-time enrolment token is good." },
	{ .name = "timestamp-renew-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 1000,
	  .max = 43200000, .preset = "3600", FIELD(timestamp_renew_ms),
	  .help = "How often the timestamp is signed again; it expires after a day." },
	{ .name = "devices-max", .type = PAWL_CONF_INT, .min = 1, .max = 10000000, .preset = "1000000",
	  FIELD(devices_max), .help = "More devices than this are not registered." },
	{ .name = "connections-max", .type = PAWL_CONF_INT, .min = 4, .max = 1000000, .preset = "4096",
	  FIELD(connections_max), .help = "Connections at once; the longest idle one makes room." },
	{ .name = "connections-per-address-max", .type = PAWL_CONF_INT, .min = 1, .max = 1000000,
	  .preset = "1024", FIELD(per_address_max),
	  .help = "Connections at once from one source address." },
	{ .name = "artifact-size-max", .type = PAWL_CONF_SIZE, .min = 1,
	  .max = INT64_C(1099511627776), .preset = "4GiB", FIELD(artifact_size_max),
	  .help = "Largest target file that may be uploaded." },
	{ .name = "handshake-timeout-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 100,
	  .max = 600000, .preset = "10", FIELD(handshake_ms), .help = "Deadline of a TLS handshake." },
	{ .name = "header-timeout-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 100,
	  .max = 600000, .preset = "10", FIELD(header_ms), .help = "Deadline of a request's head." },
	{ .name = "idle-timeout-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 100,
	  .max = 3600000, .preset = "75", FIELD(idle_ms),
	  .help = "An idle connection is closed after this." },
	{ .name = "body-grace-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 100, .max = 600000,
	  .preset = "10", FIELD(body_grace_ms),
	  .help = "Before this the rate of a request's body is not judged." },
	{ .name = "body-rate-min", .type = PAWL_CONF_SIZE, .min = 1, .max = 1073741824,
	  .preset = "512", FIELD(body_rate), .help = "A slower body is cut off; bytes in a second." },
	{ .name = "write-stall-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 100, .max = 3600000,
	  .preset = "30", FIELD(write_stall_ms),
	  .help = "A peer that takes no byte for so long is dropped." },
	{ .name = "shutdown-s", .type = PAWL_CONF_DURATION, .unit = "s", .min = 100, .max = 600000,
	  .preset = "10", FIELD(shutdown_ms), .help = "Deadline of an orderly stop." },
};
/* clang-format on */

const struct pawl_conf_option *server_options(size_t *ret_count)
{
	*ret_count = sizeof(options) / sizeof(options[0]);
	return options;
}

static pawl_err below_data(const char *data, size_t capacity, char *io_path)
{
	char joined[512];

	if (io_path[0] == '/')
		return PAWL_ERR_OK;
	PAWL_TRY(pawl_env_join(data, io_path, sizeof(joined), joined));
	if (strlen(joined) >= capacity)
		return PAWL_ERR_LIMIT;
	memcpy(io_path, joined, strlen(joined) + 1);
	return PAWL_ERR_OK;
}

pawl_err server_conf_read(const char *data, struct pawl_conf *conf,
    struct server_settings *settings, struct pawl_note *note)
{
	char path[512];
	size_t count = 0;
	const struct pawl_conf_option *table = server_options(&count);

	pawl_conf_init(conf, table, count, settings);
	PAWL_TRY(pawl_env_join(data, "server.conf", sizeof(path), path));
	if (pawl_env_exists(path))
		PAWL_TRY(pawl_conf_read_file(conf, path, note));
	PAWL_TRY(pawl_conf_check(conf, note));
	PAWL_TRY(below_data(data, sizeof(settings->tls_cert), settings->tls_cert));
	return below_data(data, sizeof(settings->ca), settings->ca);
}
