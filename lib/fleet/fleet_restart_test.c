/* SPDX-License-Identifier: MIT
 *
 * fleet_restart_test.c - whatever happened: a fleet loaded from what was
 * stored behaves as the one that stored it. */
#include "cmocka_setup.h"
#include "fleet_model.h"

#include "pawl/prng.h"

static void a_restart_changes_nothing(void **state)
{
	struct pawl_fleet_rollout_totals seen = { 0 };

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct pawl_prng prng = pawl_prng_of(seed);
		struct model *model = model_create();

		for (int i = 0; i < 6000; i++) {
			uint8_t op[MODEL_OP_SIZE];
			for (int k = 0; k < MODEL_OP_SIZE; k++)
				op[k] = (uint8_t)pawl_prng_next(&prng);
			model_step(model, op);
			if (i % 10 == 0)
				model_check(model);
			if (pawl_prng_below(&prng, 300) == 0) {
				seen.running += model_totals(model).running;
				model_restart(model);
			}
		}
		model_restart(model);
		model_settle(model);
		model_restart(model);
		const struct pawl_fleet_rollout_totals totals = model_totals(model);
		seen.finished += totals.finished;
		seen.error += totals.error;
		seen.cancelled += totals.cancelled;
		model_destroy(model);
	}
	/* The run is worth something only when all of this happened in it. */
	print_message("finished %u error %u cancelled %u running %u\n", seen.finished, seen.error,
	    seen.cancelled, seen.running);
	assert_true(seen.finished > 50 && seen.error > 20 && seen.cancelled > 20);
	assert_true(seen.running > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_restart_changes_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
