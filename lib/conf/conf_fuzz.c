/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a file: no crash, and what was accepted prints and reads back.
 */
#include "pawl/conf.h"

#include <stdlib.h>
#include <string.h>

struct settings {
	char text[48];
	char list[48];
	int64_t duration;
	int64_t size;
	bool truth;
};

static const struct pawl_conf_option options[] = {
	{ .name = "text",
	    .type = PAWL_CONF_TEXT,
	    .preset = "",
	    PAWL_CONF_FIELD(struct settings, text),
	    .help = "Text." },
	{ .name = "list",
	    .type = PAWL_CONF_LIST,
	    .preset = "",
	    PAWL_CONF_FIELD(struct settings, list),
	    .help = "List." },
	{ .name = "duration",
	    .type = PAWL_CONF_DURATION,
	    .preset = "1",
	    PAWL_CONF_FIELD(struct settings, duration),
	    .help = "Duration." },
	{ .name = "size",
	    .type = PAWL_CONF_SIZE,
	    .preset = "1",
	    PAWL_CONF_FIELD(struct settings, size),
	    .help = "Size." },
	{ .name = "truth",
	    .type = PAWL_CONF_BOOL,
	    .preset = "no",
	    PAWL_CONF_FIELD(struct settings, truth),
	    .help = "Truth." },
};
enum { COUNT = sizeof(options) / sizeof(options[0]) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings = { .size = 0 };
	struct settings again = { .size = 0 };
	struct pawl_conf conf;
	struct pawl_note note = { { 0 } };
	char *text = NULL;
	size_t text_size = 0;

	pawl_conf_init(&conf, options, COUNT, &settings);
	if (pawl_conf_read_text(&conf, "f", PAWL_BYTES(data, size), &note) != PAWL_ERR_OK) {
		PAWL_ASSERT(note.text[0] == 'f');
		return 0;
	}
	FILE *out = open_memstream(&text, &text_size);
	if (out == NULL)
		return 0;
	pawl_conf_print(&conf, out);
	(void)fclose(out);
	pawl_conf_init(&conf, options, COUNT, &again);
	const pawl_err err = pawl_conf_read_text(&conf, "g", PAWL_BYTES(text, text_size), &note);
	PAWL_ASSERT(err == PAWL_ERR_OK);
	PAWL_ASSERT(memcmp(&settings, &again, sizeof(again)) == 0);
	free(text);
	return 0;
}
