/* SPDX-License-Identifier: MIT
 *
 * filter_fuzz.c - any bytes as a filter, and what it parses to on a device. */
#include "pawl/fleet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pawl_fleet_device device = { .controller_id = "aaaaaaaaab",
		.name = "",
		.group = "field",
		.product = "acme",
		.hardware_class = "gw-a" };
	struct pawl_fleet_filter filter;
	struct pawl_note note;

	pawl_note_clear(&note);
	if (pawl_fleet_filter_parse(PAWL_BYTES(data, size), &filter, &note) != PAWL_ERR_OK) {
		PAWL_ASSERT(strlen(note.text) > 0); /* every refusal says where */
		return 0;
	}
	PAWL_ASSERT(filter.term_count <= PAWL_FLEET_FILTER_TERMS_MAX);
	for (uint32_t i = 0; i < filter.term_count; i++)
		PAWL_ASSERT(
		    memchr(filter.term[i].pattern, 0, sizeof(filter.term[i].pattern)) != NULL);
	(void)pawl_fleet_filter_match(&filter, &device);
	return 0;
}
