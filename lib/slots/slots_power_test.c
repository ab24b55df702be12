/* SPDX-License-Identifier: MIT
 *
 * Cuts the power at every operation of agent and boot loader, then at random
 * pairs of operations, and lets the device go on. After every cut the loader
 * must find a slot to boot whose content was written completely, the floor
 * must never go down, and once the cuts stop the device must end where it
 * would have ended without them.
 *
 * The world: a two-copy record store and two slots of a few blocks, all with
 * a cache. A cut tears the write under way, and each write that was not synced
 * arrives completely, torn or not at all.
 */
#include "cmocka_setup.h"

#include "pawl/bootrec.h"
#include "pawl/prng.h"

#include <stdio.h>
#include <string.h>

enum { BLOCKS = 4, PENDING_MAX = 16, BOOTS_MAX = 60, CUTS_MAX = 3, SEEDS = 6000 };

/* Releases: what the fleet offers, in this order. Number 0 comes from the factory. */
struct release {
	uint64_t seq;
	uint64_t sec;
	uint32_t image; /* content of each block                                     */
	bool healthy;
};

static const struct release releases[] = {
	{ 1, 1, 100, true },
	{ 2, 2, 200, true },
	{ 3, 3, 300, false }, /* panics at each start                                */
	{ 4, 3, 400, true },
	{ 5, 4, 500, true },
};

enum { RELEASE_COUNT = sizeof(releases) / sizeof(releases[0]) };

struct pending {
	size_t offset;
	size_t size;
	uint8_t bytes[PAWL_BOOTREC_SIZE];
};

/* The record file, then the blocks of both slots, on one cached medium. */
enum {
	SLOTS_AT = PAWL_BOOTREC_FILE_SIZE,
	BLOCK_SIZE = 8,
	MEDIUM_SIZE = SLOTS_AT + PAWL_SLOT_COUNT * BLOCKS * BLOCK_SIZE
};

struct world {
	uint8_t durable[MEDIUM_SIZE];
	struct pending pending[PENDING_MAX];
	size_t pending_count;
	struct pawl_prng chance; /* what becomes of unsynced writes                  */
	int tear;                /* bytes of the cut write that arrive; -1: by chance */
	uint64_t operations;
	uint64_t cut_at[CUTS_MAX]; /* operation numbers, ascending; 0: no cut        */
	unsigned cut_next;
	bool power;
	/* what the checkers remember */
	uint64_t floor_seen;
	unsigned cuts_done;
	unsigned boots;
};

/* Each operation on the medium goes through here. */
static bool has_power(struct world *world)
{
	if (!world->power)
		return false;
	world->operations++;
	if (world->cut_next < CUTS_MAX && world->cut_at[world->cut_next] == world->operations) {
		world->cut_next++;
		world->cuts_done++;
		world->power = false;
		return false;
	}
	return true;
}

static void settle(struct world *world, const struct pending *write, size_t size)
{
	memcpy(world->durable + write->offset, write->bytes, size);
}

static size_t fate(struct world *world, size_t size)
{
	switch (pawl_prng_below(&world->chance, 3)) {
	case 0: return 0;
	case 1: return size;
	default: return (size_t)pawl_prng_below(&world->chance, size);
	}
}

static void lose_cache(struct world *world)
{
	for (size_t i = 0; i < world->pending_count; i++)
		settle(world, &world->pending[i], fate(world, world->pending[i].size));
	world->pending_count = 0;
}

static pawl_err medium_sync(void *context)
{
	struct world *world = context;

	if (!has_power(world))
		return PAWL_ERR_IO;
	for (size_t i = 0; i < world->pending_count; i++)
		settle(world, &world->pending[i], world->pending[i].size);
	world->pending_count = 0;
	return PAWL_ERR_OK;
}

static pawl_err medium_write(void *context, uint64_t offset, const void *bytes, size_t size)
{
	struct world *world = context;
	struct pending write = { .offset = (size_t)offset, .size = size };
	const bool had_power = world->power;

	assert_true(size <= sizeof(write.bytes) && offset + size <= MEDIUM_SIZE);
	memcpy(write.bytes, bytes, size);
	if (!has_power(world)) {
		if (had_power) {
			/* Cut in the middle of this very write. */
			lose_cache(world);
			const size_t part =
			    world->tear < 0 ? fate(world, size) : (size_t)world->tear;
			settle(world, &write, part < size ? part : size);
		}
		return PAWL_ERR_IO;
	}
	assert_true(world->pending_count < PENDING_MAX);
	world->pending[world->pending_count++] = write;
	return PAWL_ERR_OK;
}

static pawl_err medium_read(void *context, uint64_t offset, void *ret_bytes, size_t size)
{
	struct world *world = context;
	uint8_t *out = ret_bytes;

	if (!has_power(world))
		return PAWL_ERR_IO;
	memcpy(out, world->durable + offset, size);
	for (size_t i = 0; i < world->pending_count; i++) {
		const struct pending *write = &world->pending[i];
		for (size_t b = 0; b < write->size; b++)
			if (write->offset + b >= offset && write->offset + b < offset + size)
				out[write->offset + b - offset] = write->bytes[b];
	}
	return PAWL_ERR_OK;
}

static struct pawl_bootrec_device device_of(struct world *world)
{
	return (struct pawl_bootrec_device){ world, medium_read, medium_write, medium_sync };
}

static void make_block(const struct release *release, unsigned block, uint8_t ret_bytes[BLOCK_SIZE])
{
	memset(ret_bytes, (int)block, BLOCK_SIZE);
	ret_bytes[0] = (uint8_t)release->image;
	ret_bytes[BLOCK_SIZE - 1] = (uint8_t)(release->image >> 8);
}

static size_t block_offset(unsigned slot, unsigned block)
{
	return SLOTS_AT + ((size_t)slot * BLOCKS + block) * BLOCK_SIZE;
}

static bool is_complete(const uint8_t *medium, unsigned slot, const struct release *release)
{
	for (unsigned block = 0; block < BLOCKS; block++) {
		uint8_t expected[BLOCK_SIZE];
		make_block(release, block, expected);
		if (memcmp(medium + block_offset(slot, block), expected, BLOCK_SIZE) != 0)
			return false;
	}
	return true;
}

/* Carries out the effects of a step: store, then the floor, then store again. */
static pawl_err carry_out(struct world *world, const struct pawl_bootrec_device *device,
    struct pawl_bootrec *record, unsigned effects)
{
	(void)world;
	if (effects & PAWL_SLOT_STORE)
		PAWL_TRY(pawl_bootrec_store(device, record));
	if ((effects & PAWL_SLOT_RAISE_FLOOR) && pawl_slots_raise_floor(&record->slots))
		PAWL_TRY(pawl_bootrec_store(device, record));
	return PAWL_ERR_OK;
}

static pawl_err agent_step(struct world *world, const struct pawl_bootrec_device *device,
    struct pawl_bootrec *record, unsigned slot, pawl_slot_event event)
{
	unsigned effects;

	PAWL_TRY(pawl_slots_step(&record->slots, slot, event, &effects));
	return carry_out(world, device, record, effects);
}

static pawl_err write_release(struct world *world, const struct pawl_bootrec_device *device,
    struct pawl_bootrec *record, unsigned slot, const struct release *release)
{
	unsigned effects;

	PAWL_TRY(pawl_slots_step(&record->slots, slot, PAWL_SLOT_WRITE_BEGIN, &effects));
	assert_true(effects & PAWL_SLOT_OVERWRITE);
	record->slots.slot[slot].sec = release->sec;
	record->image[slot] = (struct pawl_bootrec_image){ .seq = release->seq };
	PAWL_TRY(pawl_bootrec_store(device, record));
	for (unsigned block = 0; block < BLOCKS; block++) {
		uint8_t bytes[BLOCK_SIZE];
		make_block(release, block, bytes);
		PAWL_TRY(medium_write(world, block_offset(slot, block), bytes, BLOCK_SIZE));
	}
	PAWL_TRY(medium_sync(world));
	PAWL_TRY(agent_step(world, device, record, slot, PAWL_SLOT_WRITE_DONE));
	return agent_step(world, device, record, slot, PAWL_SLOT_ACTIVATE);
}

typedef enum outcome { OUTCOME_CUT, OUTCOME_REBOOT, OUTCOME_PANIC, OUTCOME_DONE } outcome;

/* The agent in the slot that was booted, offered release number `target`. */
static outcome run_system(struct world *world, const struct pawl_bootrec_device *device,
    const struct release *running, const struct release *target)
{
	struct pawl_bootrec record;

	if (!running->healthy)
		return OUTCOME_PANIC;
	/* A cut between the reads of the two copies lets the load succeed. */
	if (pawl_bootrec_load(device, &record) != PAWL_ERR_OK || !world->power)
		return OUTCOME_CUT;
	const unsigned self = record.slots.running;
	const unsigned other = 1 - self;
	if (agent_step(world, device, &record, self, PAWL_SLOT_CONFIRM) != PAWL_ERR_OK)
		return OUTCOME_CUT;

	const struct pawl_slot *slot = &record.slots.slot[other];
	const bool holds_target = record.image[other].seq == target->seq;
	if (running->seq == target->seq || (slot->state == PAWL_SLOT_BAD && holds_target))
		return OUTCOME_DONE;
	pawl_err err;
	if (slot->state == PAWL_SLOT_STAGED && holds_target)
		err = slot->tries_left > 0
			  ? PAWL_ERR_OK
			  : agent_step(world, device, &record, other, PAWL_SLOT_ACTIVATE);
	else
		err = write_release(world, device, &record, other, target);
	/* No step may be refused here: only the power ends an update. */
	assert_true(err != PAWL_ERR_REFUSED);
	return err == PAWL_ERR_OK ? OUTCOME_REBOOT : OUTCOME_CUT;
}

static const struct release *release_in(const struct world *world, unsigned slot)
{
	for (size_t i = 0; i < RELEASE_COUNT; i++)
		if (is_complete(world->durable, slot, &releases[i]))
			return &releases[i];
	return NULL;
}

/* The boot loader. Returns the release it starts, NULL when the power went. */
static const struct release *load_and_start(
    struct world *world, const struct pawl_bootrec_device *device, pawl_boot_reason ended)
{
	struct pawl_bootrec record;
	struct pawl_slots_boot boot;

	if (pawl_bootrec_load(device, &record) != PAWL_ERR_OK) {
		assert_false(world->power); /* a readable copy is always there */
		return NULL;
	}
	if (!world->power)
		return NULL;
	assert_true(record.slots.floor >= world->floor_seen);
	world->floor_seen = record.slots.floor;
	assert_int_equal(pawl_slots_boot(&record.slots, ended, &boot), PAWL_ERR_OK);
	record.reason = boot.reason;

	/* Not only what boots now: nothing that may ever boot is half written. */
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++) {
		const pawl_slot_state state = record.slots.slot[i].state;
		if (state != PAWL_SLOT_STAGED && state != PAWL_SLOT_TRIAL &&
		    state != PAWL_SLOT_GOOD)
			continue;
		const struct release *content = release_in(world, i);
		assert_non_null(content);
		assert_true(record.image[i].seq == content->seq);
		assert_true(record.slots.slot[i].sec == content->sec);
	}
	const struct release *release = release_in(world, boot.slot);
	assert_non_null(release);
	assert_true(release->sec >= record.slots.floor);
	assert_int_not_equal(record.slots.slot[boot.slot].state, PAWL_SLOT_WRITING);
	if (carry_out(world, device, &record, boot.effects) != PAWL_ERR_OK)
		return NULL;
	world->boots++;
	return release;
}

/* Runs one release after the other to its end; the seq that runs at the end. */
static uint64_t live(struct world *world)
{
	const struct pawl_bootrec_device device = device_of(world);
	pawl_boot_reason ended = PAWL_BOOT_POWER_ON;
	uint64_t running_seq = 0;
	unsigned target = 1;

	for (unsigned boots = 0; target < RELEASE_COUNT; boots++) {
		assert_true(boots < BOOTS_MAX); /* it converges */
		if (!world->power) {
			lose_cache(world);
			world->power = true;
			ended = PAWL_BOOT_POWER_ON;
		}
		const struct release *release = load_and_start(world, &device, ended);
		if (release == NULL)
			continue;
		outcome end = OUTCOME_DONE;
		while (target < RELEASE_COUNT && end == OUTCOME_DONE) {
			end = run_system(world, &device, release, &releases[target]);
			if (end == OUTCOME_DONE)
				target++;
		}
		running_seq = release->seq;
		ended = end == OUTCOME_PANIC ? PAWL_BOOT_PANIC : PAWL_BOOT_REBOOT;
	}
	return running_seq;
}

static void make_world(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->chance = pawl_prng_of(seed);
	world->tear = -1;
	world->power = true;
	for (unsigned block = 0; block < BLOCKS; block++)
		make_block(&releases[0], block, world->durable + block_offset(0, block));

	const struct pawl_bootrec_device device = device_of(world);
	struct pawl_bootrec record = { .slots = pawl_slots_factory(releases[0].sec) };
	record.image[0].seq = releases[0].seq;
	assert_int_equal(pawl_bootrec_format(&device, &record), PAWL_ERR_OK);
	world->operations = 0;
}

/* The last release runs, is confirmed, and its floor holds. False in the one
 * other end there is: as many cuts as tries hit its trial, and it was given up
 * with that reason. */
static bool check_end(struct world *world, uint64_t running_seq)
{
	const struct release *last = &releases[RELEASE_COUNT - 1];
	const struct pawl_bootrec_device device = device_of(world);
	struct pawl_bootrec record;

	/* Cuts beyond the end do not come any more. */
	world->cut_next = CUTS_MAX;
	assert_int_equal(pawl_bootrec_load(&device, &record), PAWL_ERR_OK);
	const unsigned self = record.slots.running;
	const unsigned other = 1 - self;
	assert_int_equal(record.slots.slot[self].state, PAWL_SLOT_GOOD);
	assert_true(record.slots.floor == record.slots.slot[self].sec);
	if (running_seq == last->seq) {
		assert_true(record.slots.floor == last->sec);
		return true;
	}
	assert_true(world->cuts_done >= PAWL_SLOT_TRIES_MAX);
	assert_int_equal(record.slots.slot[other].state, PAWL_SLOT_BAD);
	assert_int_equal(record.slots.slot[other].failure, PAWL_BOOT_POWER_ON);
	assert_true(record.image[other].seq == last->seq);
	return false;
}

static uint64_t operations_without_cut(void)
{
	struct world world;

	make_world(&world, 1);
	const uint64_t running_seq = live(&world);
	const uint64_t operations = world.operations;
	assert_true(check_end(&world, running_seq));
	return operations;
}

static void a_cut_at_every_operation_is_survived(void **state)
{
	static const int tears[] = { -1, 0, 1, 7, 8, 128, 255, 256 };
	const uint64_t operations = operations_without_cut();
	unsigned long runs = 0;
	unsigned long boots = 0;

	(void)state;
	for (uint64_t cut = 1; cut <= operations; cut++)
		for (size_t t = 0; t < sizeof(tears) / sizeof(tears[0]); t++) {
			struct world world;
			make_world(&world, cut * 8 + t);
			world.cut_at[0] = cut;
			world.tear = tears[t];
			assert_true(check_end(&world, live(&world)));
			assert_int_equal(world.cuts_done, 1);
			runs++;
			boots += world.boots;
		}
	printf("%llu operations without a cut; %lu single cuts, %lu boots\n",
	    (unsigned long long)operations, runs, boots);
}

static void random_pairs_and_triples_of_cuts_are_survived(void **state)
{
	const uint64_t operations = operations_without_cut();
	unsigned long cuts = 0;
	unsigned long boots = 0;
	unsigned long given_up = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;
		make_world(&world, seed);
		struct pawl_prng where = pawl_prng_fork(seed, 77);
		uint64_t at = 1 + pawl_prng_below(&where, operations);
		for (unsigned i = 0; i < 2 + seed % 2; i++) {
			world.cut_at[i] = at;
			/* Often right after the first: during recovery. */
			at += 1 + pawl_prng_below(&where, i % 2 ? operations : 30);
		}
		given_up += check_end(&world, live(&world)) ? 0u : 1u;
		cuts += world.cuts_done;
		boots += world.boots;
	}
	printf("%d seeds: %lu cuts, %lu boots, %lu times three cuts spent all tries\n", SEEDS, cuts,
	    boots, given_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_at_every_operation_is_survived),
		cmocka_unit_test(random_pairs_and_triples_of_cuts_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
