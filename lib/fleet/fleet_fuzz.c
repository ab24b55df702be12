/* SPDX-License-Identifier: MIT
 *
 * fleet_fuzz.c - the input is a list of operations on a fleet; 0xff in front
 * of five bytes restarts it. */
#include "fleet_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPERATIONS_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model *model = model_create();

	for (size_t i = 0; i < OPERATIONS_MAX && (i + 1) * MODEL_OP_SIZE <= size; i++) {
		const uint8_t *op = data + i * MODEL_OP_SIZE;
		if (op[0] == 0xff)
			model_restart(model);
		else
			model_step(model, op);
	}
	model_check(model);
	model_destroy(model);
	return 0;
}
