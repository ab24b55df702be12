/* SPDX-License-Identifier: MIT
 *
 * What decodes is canonical and valid. The checksum is mended first, so that
 * mutations reach the fields behind it.
 */
#include "pawl/bootrec.h"
#include "pawl/num.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct pawl_bytes copy)
{
	struct pawl_bootrec record;
	uint8_t again[PAWL_BOOTREC_SIZE];

	if (pawl_bootrec_decode(copy, &record) != PAWL_ERR_OK)
		return;
	PAWL_ASSERT(pawl_slots_valid(&record.slots));
	pawl_bootrec_encode(&record, again);
	PAWL_ASSERT(memcmp(again, copy.at, PAWL_BOOTREC_SIZE) == 0);

	struct pawl_slots_boot boot;
	if (pawl_slots_boot(&record.slots, PAWL_BOOT_WATCHDOG, &boot) == PAWL_ERR_OK)
		pawl_bootrec_encode(&record, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t mended[PAWL_BOOTREC_SIZE];

	check(PAWL_BYTES(data, size));
	if (size < PAWL_BOOTREC_SIZE)
		return 0;
	memcpy(mended, data, PAWL_BOOTREC_SIZE);
	const uint32_t crc = pawl_crc32(0, PAWL_BYTES(mended, PAWL_BOOTREC_SIZE - 4));
	for (unsigned i = 0; i < 4; i++)
		mended[PAWL_BOOTREC_SIZE - 4 + i] = (uint8_t)(crc >> (8 * i));
	check(PAWL_BYTES(mended, sizeof(mended)));
	return 0;
}
