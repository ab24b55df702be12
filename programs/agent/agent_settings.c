/* SPDX-License-Identifier: MIT
 *
 * The settings (docs/spec/device.md): one table for file, flags and help.
 */
#include "agent.h"

#include "pawl/conf.h"
#include "pawl/text.h"
#include "pawl/url.h"

#include <string.h>

#define FIELD(member) PAWL_CONF_FIELD(struct agent_settings, member)

static const struct pawl_conf_option OPTIONS[] = {
	{ .name = "server-url",
	    .type = PAWL_CONF_TEXT,
	    .min = 1,
	    FIELD(server_url),
	    .help = "Device listener of the server, https://host:port." },
	{ .name = "enrol-url",
	    .type = PAWL_CONF_TEXT,
	    .preset = "",
	    FIELD(enrol_url),
	    .help = "Operator listener, https://host:port; used once, for enrolment." },
	{ .name = "server-pins",
	    .type = PAWL_CONF_LIST,
	    .min = 2,
	    FIELD(server_pins),
	    .help = "Base64 SHA-256 pins of the server's public key; at least two, one a spare." },
	{ .name = "ca-file",
	    .type = PAWL_CONF_PATH,
	    .preset = "",
	    FIELD(ca_file),
	    .help = "PEM of the CA of the server's certificate; checked besides the pins." },
	{ .name = "tenant",
	    .type = PAWL_CONF_TEXT,
	    .min = 1,
	    .preset = "DEFAULT",
	    FIELD(tenant),
	    .help = "Tenant on the server." },
	{ .name = "device-id",
	    .type = PAWL_CONF_TEXT,
	    .min = 1,
	    FIELD(device_id),
	    .help = "Name of this device." },
	{ .name = "product",
	    .type = PAWL_CONF_TEXT,
	    .min = 1,
	    FIELD(product),
	    .help = "What the firmware is for." },
	{ .name = "hardware-class",
	    .type = PAWL_CONF_TEXT,
	    .min = 1,
	    FIELD(hardware_class),
	    .help = "Hardware that the image must fit." },
	{ .name = "group",
	    .type = PAWL_CONF_TEXT,
	    .min = 1,
	    FIELD(group),
	    .help = "Group whose channel decides what this device may run." },
	{ .name = "state-dir",
	    .type = PAWL_CONF_PATH,
	    .min = 1,
	    FIELD(state_dir),
	    .help = "Persistent private folder: identity, trust, state of the update." },
	{ .name = "enrol-token-file",
	    .type = PAWL_CONF_PATH,
	    .preset = "",
	    FIELD(enrol_token_file),
	    .help = "One-time enrolment token; removed when the certificate is there." },
	{ .name = "slot-a",
	    .type = PAWL_CONF_PATH,
	    .min = 1,
	    FIELD(slot[PAWL_SLOT_A]),
	    .help = "File or block device of slot A." },
	{ .name = "slot-b",
	    .type = PAWL_CONF_PATH,
	    .min = 1,
	    FIELD(slot[PAWL_SLOT_B]),
	    .help = "File or block device of slot B." },
	{ .name = "boot-record",
	    .type = PAWL_CONF_PATH,
	    .min = 1,
	    FIELD(boot_record),
	    .help = "File or partition shared with the boot loader." },
	{ .name = "reboot",
	    .type = PAWL_CONF_TEXT,
	    .preset = "system",
	    FIELD(reboot),
	    .help = "system: reboot(2); exit: end with code 75 and leave it to the caller." },
	{ .name = "watchdog",
	    .type = PAWL_CONF_PATH,
	    .preset = "",
	    FIELD(watchdog),
	    .help = "Watchdog device or FIFO to feed; empty: none." },
	{ .name = "health-dir",
	    .type = PAWL_CONF_PATH,
	    .preset = "",
	    FIELD(health_dir),
	    .help = "Executables that must all end with 0 for the device to be healthy." },
	{ .name = "health-timeout-s",
	    .type = PAWL_CONF_DURATION,
	    .unit = "s",
	    .min = 100,
	    .max = 3600000,
	    .preset = "30",
	    FIELD(health_timeout_ms),
	    .help = "Deadline of each health check." },
	{ .name = "probation-s",
	    .type = PAWL_CONF_DURATION,
	    .unit = "s",
	    .max = 86400000,
	    .preset = "60",
	    FIELD(probation_ms),
	    .help = "Time after a start until a new image is confirmed." },
	{ .name = "contact-s",
	    .type = PAWL_CONF_DURATION,
	    .unit = "s",
	    .max = 604800000,
	    .preset = "1800",
	    FIELD(contact_ms),
	    .help = "Time past the probation for a new image to reach the server once." },
	{ .name = "poll-min-s",
	    .type = PAWL_CONF_DURATION,
	    .unit = "s",
	    .min = 100,
	    .max = 86400000,
	    .preset = "30",
	    FIELD(poll_min_ms),
	    .help = "Shortest time between polls, whatever the server asks for." },
	{ .name = "poll-max-s",
	    .type = PAWL_CONF_DURATION,
	    .unit = "s",
	    .min = 100,
	    .max = 86400000,
	    .preset = "3600",
	    FIELD(poll_max_ms),
	    .help = "Longest time between polls, whatever the server asks for." },
	{ .name = "rate-limit-bytes-s",
	    .type = PAWL_CONF_SIZE,
	    .preset = "0",
	    FIELD(rate_limit_bytes_s),
	    .help = "Download speed limit; 0: none." },
	{ .name = "log",
	    .type = PAWL_CONF_TEXT,
	    .preset = "stderr",
	    FIELD(log),
	    .help = "Where events go: stderr." },
	{ .name = "once",
	    .type = PAWL_CONF_BOOL,
	    .preset = "no",
	    FIELD(once),
	    .help = "Do what is due now, then end." },
	{ .name = "i-am-the-device",
	    .type = PAWL_CONF_BOOL,
	    .preset = "no",
	    FIELD(is_the_device),
	    .help = "Allow reboot(2) outside of a container: this machine is the device." },
};

static const struct pawl_conf_program PROGRAM = {
	.name = "pawl-agent",
	.summary = "Keeps the firmware of this device up to date, and never loses the device.",
	.version = PAWL_VERSION,
	.default_file = "/etc/pawl/agent.conf",
	.options = OPTIONS,
	.count = sizeof(OPTIONS) / sizeof(OPTIONS[0]),
};

static pawl_err complain(struct pawl_note *note, const char *what, const char *rule)
{
	pawl_note_add(note, what);
	pawl_note_add(note, ": ");
	pawl_note_add(note, rule);
	return PAWL_ERR_SYNTAX;
}

static pawl_err check_url(const char *name, const char *value, struct pawl_note *note)
{
	struct pawl_url url;
	if (pawl_url_parse(pawl_bytes_of(value), &url) != PAWL_ERR_OK || !url.tls ||
	    !pawl_bytes_is(url.target, "/") || value[strlen(value) - 1] == '/')
		return complain(note, name, "must read https://host:port, without a path");
	return PAWL_ERR_OK;
}

static pawl_err check_name(const char *name, const char *value, size_t max, struct pawl_note *note)
{
	if (pawl_name_is_valid(pawl_bytes_of(value), max))
		return PAWL_ERR_OK;
	return complain(note, name, "letters, digits, '.', '_' and '-' only, no \"..\"");
}

pawl_err agent_settings_pins(const struct agent_settings *settings, size_t capacity, char *ret_pins)
{
	struct pawl_buf out = pawl_buf_of(ret_pins, capacity - 1);
	struct pawl_bytes rest = pawl_bytes_of(settings->server_pins);
	struct pawl_bytes item;
	while (pawl_conf_list_next(&rest, &item)) {
		uint8_t pin[33];
		struct pawl_buf decoded = pawl_buf_of(pin, sizeof(pin));
		if (pawl_base64_decode(item, &decoded) != PAWL_ERR_OK || decoded.size != 32)
			return PAWL_ERR_SYNTAX;
		if (out.size > 0)
			pawl_put_text(&out, ";");
		pawl_put_text(&out, "sha256//");
		pawl_put_bytes(&out, item);
	}
	const pawl_err err = pawl_buf_check(&out);
	if (err == PAWL_ERR_OK)
		ret_pins[out.size] = '\0';
	return err;
}

pawl_err agent_settings_check(const struct agent_settings *settings, struct pawl_note *note)
{
	char pins[sizeof(((struct agent *)0)->pins)];
	pawl_err err = check_url("server-url", settings->server_url, note);
	if (err == PAWL_ERR_OK && settings->enrol_url[0] != '\0')
		err = check_url("enrol-url", settings->enrol_url, note);
	if (err == PAWL_ERR_OK)
		err = check_name("device-id", settings->device_id, PAWL_DEVICE_ID_MAX, note);
	if (err == PAWL_ERR_OK)
		err = check_name("product", settings->product, PAWL_PRODUCT_MAX, note);
	if (err == PAWL_ERR_OK)
		err =
		    check_name("hardware-class", settings->hardware_class, PAWL_HW_CLASS_MAX, note);
	if (err == PAWL_ERR_OK)
		err = check_name("group", settings->group, PAWL_GROUP_MAX, note);
	if (err == PAWL_ERR_OK)
		err = check_name("tenant", settings->tenant, sizeof(settings->tenant) - 1, note);
	if (err != PAWL_ERR_OK)
		return err;
	if (agent_settings_pins(settings, sizeof(pins), pins) != PAWL_ERR_OK)
		return complain(note, "server-pins", "each is the base64 form of 32 bytes");
	if (settings->poll_min_ms > settings->poll_max_ms)
		return complain(note, "poll-min-s", "must not be above poll-max-s");
	if (strcmp(settings->reboot, "system") != 0 && strcmp(settings->reboot, "exit") != 0)
		return complain(note, "reboot", "either system or exit");
	if (strcmp(settings->log, "stderr") != 0)
		return complain(note, "log", "only stderr is known");
	if (strcmp(settings->slot[PAWL_SLOT_A], settings->slot[PAWL_SLOT_B]) == 0)
		return complain(note, "slot-b", "is the same as slot-a");
	return PAWL_ERR_OK;
}

int agent_settings_read(int argc, char *const argv[], struct agent_settings *settings)
{
	struct pawl_note note = { "" };
	bool only_check = false;
	for (int i = 1; i < argc; i++)
		only_check = only_check || strcmp(argv[i], "--check-config") == 0;
	const int code = pawl_conf_start(&PROGRAM, argc, argv, settings, stdout, stderr);
	if (code > 0 || (code == 0 && !only_check))
		return code;
	if (agent_settings_check(settings, &note) == PAWL_ERR_OK)
		return code;
	fprintf(stderr, "pawl-agent: %s\n", note.text);
	return 2;
}
