/* SPDX-License-Identifier: MIT
 *
 * The state file from hostile bytes: the frame is put around them, so that the
 * JSON inside is reached. What decodes encodes to a form that decodes again to the
 * same state, and a device that starts with it asks for something sensible.
 */
#include "pawl/device.h"
#include "pawl/record.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
	static uint8_t framed[PAWL_DEVICE_STATE_SIZE_MAX];
	static uint8_t again[PAWL_DEVICE_STATE_SIZE_MAX];
	static uint8_t scratch[PAWL_DEVICE_SCRATCH];
	static struct pawl_device_stored stored;
	static struct pawl_device_stored back;
	static struct pawl_device device;
	static const struct pawl_device_settings SETTINGS = {
		.poll_min_ms = 1000, .poll_max_ms = 60000, .probation_ms = 1000
	};

	(void)!pawl_device_decode(PAWL_BYTES(at, size), scratch, sizeof(scratch), &stored);
	struct pawl_buf out = pawl_buf_of(framed, sizeof(framed));
	pawl_put_record(&out, "PAGT", 1, PAWL_BYTES(at, size));
	if (out.overflow || pawl_device_decode(pawl_buf_bytes(&out), scratch, sizeof(scratch),
				&stored) != PAWL_ERR_OK)
		return 0;
	out = pawl_buf_of(again, sizeof(again));
	PAWL_ASSERT(pawl_device_encode(&stored, &out) == PAWL_ERR_OK);
	PAWL_ASSERT(pawl_device_decode(pawl_buf_bytes(&out), scratch, sizeof(scratch), &back) ==
		    PAWL_ERR_OK);
	PAWL_ASSERT(memcmp(&stored, &back, sizeof(stored)) == 0);

	pawl_device_init(&device, &SETTINGS, &stored);
	struct pawl_device_event event = { .kind = PAWL_ON_BOOT, .random = size };
	event.boot.running = size % 2 == 0 ? PAWL_SLOT_A : PAWL_SLOT_B;
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		event.boot.state[i] =
		    (pawl_slot_state)((size / (2 + 3 * i)) % PAWL_SLOT_STATE_COUNT);
	(void)pawl_device_step(&device, &event);
	return 0;
}
