/* SPDX-License-Identifier: MIT
 *
 * A small world around the machine: the real slot table, a server, a network
 * and a disk that fail by seed, and power that goes between any two effects.
 * What device.h promises is checked at every effect; when the faults stop, the
 * device must run the release.
 */
#include "cmocka_setup.h"

#include "pawl/device.h"
#include "pawl/prng.h"

#include <stdio.h>
#include <string.h>

enum { IMAGE = 5000000, CHUNK = 1000000, SEEDS = 1500, STEPS = 600, SETTLE_STEPS = 4000 };

struct world {
	struct pawl_prng prng;
	bool faults;    /* things go wrong at all                               */
	unsigned rate;  /* percent of effects that fail                         */
	unsigned power; /* percent of effects after which the power goes        */
	int64_t now;
	/* the device */
	struct pawl_device device;
	uint8_t disk[PAWL_DEVICE_STATE_SIZE_MAX];
	size_t disk_size;
	struct pawl_slots slots;
	pawl_boot_reason reason;
	uint64_t content[PAWL_SLOT_COUNT]; /* seq of what was written; 0: damaged */
	/* the world around */
	int64_t offered_seq;
	char action[32];
	char cancel[32];
	bool window_closed;
	bool begins_again; /* each download starts from 0 and breaks off */
	bool sick;         /* the new image's health checks fail                  */
	bool dead;         /* the new image does not come up                      */
	struct pawl_device_release release;
	char told_end[64][32];
	unsigned told_ends;
	bool success;
	/* what the checks remember */
	bool read_back; /* matching, since the last write                      */
	bool admitted;  /* since the read-back                                 */
	bool polled;    /* since the read-back, and offered                    */
	bool healthy;   /* since the boot                                      */
	bool contact;
	bool saved_since_change;
	unsigned hits_effect[PAWL_DO_COUNT];
	unsigned hits_phase[PAWL_PHASE_COUNT];
};

static unsigned total_effects[PAWL_DO_COUNT];
static unsigned total_phases[PAWL_PHASE_COUNT];
static unsigned total_kinds[PAWL_REPORT_KIND_COUNT];

static const struct pawl_device_settings SETTINGS = {
	.poll_min_ms = 1000, .poll_max_ms = 60000, .probation_ms = 10000, .contact_ms = 600000
};

static bool chance(struct world *world, unsigned percent)
{
	return world->faults && pawl_prng_below(&world->prng, 100) < percent;
}

static void set_text(char ret_text[32], const char *text)
{
	(void)snprintf(ret_text, 32, "%s", text);
}

static void set_release(struct world *world, int64_t seq)
{
	world->offered_seq = seq;
	memset(&world->release, 0, sizeof(world->release));
	snprintf(world->release.path, sizeof(world->release.path), "fw/acme/%d.gw-a.img", (int)seq);
	snprintf(world->release.version, sizeof(world->release.version), "%d.0.0", (int)seq);
	world->release.seq = seq;
	world->release.sec = seq;
	world->release.length = IMAGE;
	memset(world->release.sha256, (int)seq, sizeof(world->release.sha256));
}

/* --- power --- */

/* The boot loader's part, with the real table. */
static void boot_loader(struct world *world, pawl_boot_reason ended)
{
	struct pawl_slots_boot boot;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(pawl_slots_boot(&world->slots, ended, &boot), PAWL_ERR_OK);
		if ((boot.effects & PAWL_SLOT_RAISE_FLOOR) != 0)
			(void)pawl_slots_raise_floor(&world->slots);
		assert_true(world->content[boot.slot] != 0);
		world->reason = boot.reason;
		const bool is_new = world->content[boot.slot] > 1;
		if (!(is_new && world->dead))
			return;
		ended = PAWL_BOOT_PANIC;
	}
	fail_msg("no slot comes up");
}

static struct pawl_device_event start_agent(struct world *world)
{
	static uint8_t scratch[PAWL_DEVICE_SCRATCH];
	struct pawl_device_stored stored = pawl_device_fresh((struct pawl_wall){ 1 });
	if (world->disk_size > 0)
		assert_int_equal(pawl_device_decode(PAWL_BYTES(world->disk, world->disk_size),
				     scratch, sizeof(scratch), &stored),
		    PAWL_ERR_OK);
	pawl_device_init(&world->device, &SETTINGS, &stored);
	world->healthy = false;
	world->contact = false;
	/* A restart forgets what was admitted and proven. */
	world->admitted = false;
	world->polled = false;
	struct pawl_device_event event = { .kind = PAWL_ON_BOOT };
	event.boot.running = world->slots.running;
	event.boot.reason = world->reason;
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++) {
		event.boot.state[i] = world->slots.slot[i].state;
		event.boot.tries[i] = world->slots.slot[i].tries_left;
		event.boot.failure[i] = world->slots.slot[i].failure;
	}
	return event;
}

/* --- effects --- */

static void fail_with(struct world *world, struct pawl_device_event *event, pawl_reason reason)
{
	(void)world;
	event->kind = PAWL_ON_FAILED;
	event->reason = reason;
	event->sentence = "it went wrong";
}

static bool slot_step(struct world *world, unsigned slot, pawl_slot_event event)
{
	unsigned effects = 0;
	if (pawl_slots_step(&world->slots, slot, event, &effects) != PAWL_ERR_OK)
		return false;
	if ((effects & PAWL_SLOT_RAISE_FLOOR) != 0)
		(void)pawl_slots_raise_floor(&world->slots);
	return true;
}

static void do_download(struct world *world, struct pawl_device_event *event)
{
	struct pawl_device *const device = &world->device;
	const unsigned slot = device->stored.slot;
	assert_int_equal(world->slots.slot[slot].state, PAWL_SLOT_WRITING);
	assert_int_not_equal(slot, world->slots.running);
	world->read_back = false;
	world->admitted = false;
	uint64_t offset = device->stored.offset;
	if (world->begins_again)
		offset = 0;
	while (offset < device->stored.release.length) {
		if (world->begins_again && offset == 3 * CHUNK) {
			fail_with(world, event, PAWL_REASON_LENGTH_MISMATCH);
			event->offset = offset;
			return;
		}
		if (chance(world, world->rate)) {
			fail_with(world, event,
			    chance(world, 20) ? PAWL_REASON_LENGTH_MISMATCH : PAWL_REASON_NETWORK);
			event->offset = offset;
			return;
		}
		offset += CHUNK;
		world->now += 1500;
		struct pawl_device_event chunk = { .kind = PAWL_ON_CHUNK,
			.now = { world->now },
			.random = pawl_prng_next(&world->prng),
			.offset = offset };
		struct pawl_device_effect effect = pawl_device_step(device, &chunk);
		if (effect.kind == PAWL_DO_SAVE) {
			struct pawl_device_event saved = { .kind = PAWL_ON_DONE,
				.now = { world->now } };
			if (chance(world, world->rate)) {
				fail_with(world, &saved, PAWL_REASON_DISK_FULL);
			} else {
				struct pawl_buf out = pawl_buf_of(world->disk, sizeof(world->disk));
				assert_int_equal(
				    pawl_device_encode(&device->stored, &out), PAWL_ERR_OK);
				world->disk_size = out.size;
			}
			effect = pawl_device_step(device, &saved);
		}
		if (effect.kind == PAWL_DO_PAUSE) {
			event->kind = PAWL_ON_PAUSED;
			event->offset = offset;
			return;
		}
		assert_int_equal(effect.kind, PAWL_DO_GO_ON);
	}
	world->content[slot] = chance(world, world->rate) ? 0 : (uint64_t)world->release.seq;
	event->kind = PAWL_ON_DONE;
}

static void do_check(struct world *world, struct pawl_device_event *event)
{
	if (chance(world, world->rate)) {
		event->kind = PAWL_ON_REFUSE;
		event->reason = chance(world, 30) ? PAWL_REASON_SIGNATURE : PAWL_REASON_EXPIRED;
		event->sentence = "refused";
		return;
	}
	if (world->content[world->slots.running] == (uint64_t)world->offered_seq) {
		event->kind = PAWL_ON_SAME;
		return;
	}
	event->kind = PAWL_ON_ADMIT;
	event->release = &world->release;
	event->slot = (uint8_t)(1 - world->slots.running);
	event->slot_size = IMAGE;
	event->may_download = true;
	event->may_activate = !world->window_closed;
	event->channel_counter = world->offered_seq;
	/* Under faults each admission is news that must be saved, which may fail. */
	event->issued.ms = world->faults ? 3000 + world->now : 1000 * world->offered_seq;
	if (world->read_back && event->may_activate)
		world->admitted = true;
}

static void do_poll(struct world *world, struct pawl_device_event *event)
{
	if (chance(world, world->rate)) {
		fail_with(world, event, PAWL_REASON_NETWORK);
		world->polled = false;
		return;
	}
	world->contact = true;
	world->admitted = false; /* the next activation asks again */
	event->kind = PAWL_ON_POLL;
	event->poll.sleep_ms = 5000;
	event->poll.action = world->cancel[0] != '\0' ? "" : world->action;
	event->poll.cancel = world->cancel;
	if (chance(world, 5))
		event->poll.action = "";
	event->poll.wants_attributes = chance(world, 10);
	world->polled = strcmp(event->poll.action, world->device.stored.action) == 0 &&
			event->poll.action[0] != '\0';
}

static void server_takes(struct world *world, const struct pawl_device_report *report)
{
	total_kinds[report->kind]++;
	const bool ends = report->kind == PAWL_REPORT_SUCCESS ||
			  report->kind == PAWL_REPORT_FAILURE ||
			  report->kind == PAWL_REPORT_CANCEL_DONE;
	if (ends && strcmp(report->action, world->action) == 0) {
		world->success = report->kind == PAWL_REPORT_SUCCESS;
		world->action[0] = '\0';
	}
	if (strcmp(report->action, world->cancel) == 0)
		world->cancel[0] = '\0';
}

static void check_promises(struct world *world, const struct pawl_device_effect *effect)
{
	const struct pawl_device *const device = &world->device;
	const unsigned running = world->slots.running;
	total_effects[effect->kind]++;
	total_phases[device->stored.phase]++;
	if (effect->kind == PAWL_DO_ACTIVATE) {
		assert_true(world->read_back);
		assert_true(world->admitted);
		assert_true(world->polled);
		assert_int_equal(world->content[effect->slot], device->stored.release.seq);
	}
	if (effect->kind == PAWL_DO_CONFIRM &&
	    world->slots.slot[running].state == PAWL_SLOT_TRIAL) {
		assert_true(world->healthy);
		assert_true(world->contact);
	}
	const bool free = effect->kind == PAWL_DO_SAVE || effect->kind == PAWL_DO_POLL ||
			  effect->kind == PAWL_DO_REPORT || effect->kind == PAWL_DO_ATTRIBUTES ||
			  effect->kind == PAWL_DO_WAIT || effect->kind == PAWL_DO_HEALTH ||
			  effect->kind == PAWL_DO_CONFIRM;
	assert_true(free || !device->dirty);
	assert_true(device->stored.report_count <= PAWL_DEVICE_REPORTS_MAX);
}

/* Carries one effect out. False: the process ended (reboot). */
static bool perform(
    struct world *world, const struct pawl_device_effect *effect, struct pawl_device_event *event)
{
	struct pawl_device *const device = &world->device;
	const unsigned slot = effect->slot;
	*event = (struct pawl_device_event){ .kind = PAWL_ON_DONE };
	switch (effect->kind) {
	case PAWL_DO_WAIT:
		assert_true(effect->until.ms > world->now);
		assert_true(effect->until.ms < INT64_MAX);
		world->now = effect->until.ms;
		event->kind = PAWL_ON_TICK;
		break;
	case PAWL_DO_SAVE:
		if (chance(world, world->rate)) {
			fail_with(world, event, PAWL_REASON_DISK_FULL);
		} else {
			struct pawl_buf out = pawl_buf_of(world->disk, sizeof(world->disk));
			assert_int_equal(pawl_device_encode(&device->stored, &out), PAWL_ERR_OK);
			world->disk_size = out.size;
		}
		break;
	case PAWL_DO_POLL: do_poll(world, event); break;
	case PAWL_DO_ATTRIBUTES:
	case PAWL_DO_REPORT:
		if (chance(world, world->rate))
			fail_with(world, event, PAWL_REASON_NETWORK);
		else if (effect->kind == PAWL_DO_REPORT)
			server_takes(world, &device->stored.reports[0]);
		if (event->kind == PAWL_ON_DONE && chance(world, 10))
			event->kind = PAWL_ON_GONE;
		break;
	case PAWL_DO_CHECK: do_check(world, event); break;
	case PAWL_DO_BEGIN_WRITE:
		assert_int_not_equal(slot, world->slots.running);
		if (world->slots.slot[slot].state == PAWL_SLOT_WRITING)
			break;
		if (chance(world, world->rate) || !slot_step(world, slot, PAWL_SLOT_WRITE_BEGIN))
			fail_with(world, event, PAWL_REASON_IO);
		else
			world->content[slot] = 0;
		world->read_back = false;
		break;
	case PAWL_DO_DOWNLOAD: do_download(world, event); break;
	case PAWL_DO_READ_BACK:
		if (chance(world, world->rate) || world->content[slot] == 0)
			fail_with(world, event, PAWL_REASON_HASH_MISMATCH);
		else
			world->read_back = true;
		world->admitted = false;
		world->polled = false;
		break;
	case PAWL_DO_STAGE:
		world->slots.slot[slot].sec = (uint64_t)device->stored.release.sec;
		if (chance(world, world->rate) || !slot_step(world, slot, PAWL_SLOT_WRITE_DONE))
			fail_with(world, event, PAWL_REASON_IO);
		break;
	case PAWL_DO_ACTIVATE:
		if (chance(world, world->rate) || !slot_step(world, slot, PAWL_SLOT_ACTIVATE))
			fail_with(world, event, PAWL_REASON_IO);
		break;
	case PAWL_DO_REBOOT:
		if (chance(world, world->rate)) {
			fail_with(world, event, PAWL_REASON_IO);
			break;
		}
		boot_loader(world, PAWL_BOOT_REBOOT);
		*event = start_agent(world);
		return false;
	case PAWL_DO_HEALTH:
		if ((world->sick && world->content[world->slots.running] > 1) ||
		    chance(world, world->rate))
			fail_with(world, event, PAWL_REASON_HEALTH);
		else
			world->healthy = true;
		break;
	case PAWL_DO_CONFIRM:
		if (chance(world, world->rate) ||
		    !slot_step(world, world->slots.running, PAWL_SLOT_CONFIRM))
			fail_with(world, event, PAWL_REASON_IO);
		break;
	case PAWL_DO_FAIL_SLOT:
		if (chance(world, world->rate) || !slot_step(world, slot, PAWL_SLOT_FAIL))
			fail_with(world, event, PAWL_REASON_IO);
		break;
	case PAWL_DO_ABANDON:
		if (chance(world, world->rate) || !slot_step(world, slot, PAWL_SLOT_ABANDON))
			fail_with(world, event, PAWL_REASON_IO);
		break;
	case PAWL_DO_GO_ON:
	case PAWL_DO_PAUSE: fail_msg("only inside a download");
	}
	return true;
}

/* Runs until the server has the end of its action, or `steps` are over. */
static void run(struct world *world, struct pawl_device_event *event, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		event->now.ms = world->now;
		event->random = pawl_prng_next(&world->prng);
		const struct pawl_device_effect effect = pawl_device_step(&world->device, event);
		check_promises(world, &effect);
		(void)perform(world, &effect, event);
		world->now += 10;
		if (chance(world, world->power)) {
			if (chance(world, 60))
				boot_loader(world, PAWL_BOOT_POWER_ON);
			*event = start_agent(world); /* also: only the process died */
		}
		if (!world->faults && world->action[0] == '\0' && world->cancel[0] == '\0' &&
		    world->device.stored.phase == PAWL_PHASE_IDLE &&
		    world->device.stored.report_count == 0)
			return;
	}
}

static void new_world(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->prng = pawl_prng_of(seed);
	world->now = 1000;
	world->slots = pawl_slots_factory(1);
	world->slots.running = PAWL_SLOT_A;
	world->content[PAWL_SLOT_A] = 1;
	set_release(world, 2);
	set_text(world->action, "17");
}

static void a_good_release_is_installed(void **state)
{
	(void)state;
	static struct world world;
	new_world(&world, 1);
	struct pawl_device_event event = start_agent(&world);
	run(&world, &event, 400);
	assert_true(world.success);
	assert_int_equal(world.slots.running, PAWL_SLOT_B);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_GOOD);
	assert_int_equal(world.slots.floor, 2);
	assert_int_equal(world.device.stored.channel_counter, 2);
	assert_int_equal(world.device.stored.time_floor.ms, 2000);
	/* The same release under another action: told at once, without a download. */
	set_text(world.action, "18");
	world.success = false;
	const unsigned downloads = total_effects[PAWL_DO_DOWNLOAD];
	run(&world, &event, 100);
	assert_true(world.success);
	assert_int_equal(total_effects[PAWL_DO_DOWNLOAD], downloads);
	/* The server lost what it was told: it is told again. */
	set_text(world.action, "18");
	world.success = false;
	run(&world, &event, 100);
	assert_true(world.success);
	assert_int_equal(total_effects[PAWL_DO_DOWNLOAD], downloads);
}

static void a_sick_or_dead_release_falls_back(void **state)
{
	(void)state;
	static struct world world;
	for (unsigned how = 0; how < 2; how++) {
		new_world(&world, 2 + how);
		world.sick = how == 0;
		world.dead = how == 1;
		struct pawl_device_event event = start_agent(&world);
		run(&world, &event, 600);
		assert_int_equal(world.action[0], '\0');
		assert_false(world.success);
		assert_int_equal(world.slots.running, PAWL_SLOT_A);
		assert_int_equal(world.slots.slot[PAWL_SLOT_A].state, PAWL_SLOT_GOOD);
		assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_BAD);
		assert_int_equal(world.slots.floor, 1);
		assert_int_equal(world.device.stored.last_reason,
		    how == 0 ? PAWL_REASON_HEALTH : PAWL_REASON_BOOT_FAILED);
	}
}

static void a_closed_window_delays_only_the_activation(void **state)
{
	(void)state;
	static struct world world;
	new_world(&world, 4);
	world.window_closed = true;
	struct pawl_device_event event = start_agent(&world);
	run(&world, &event, 300);
	assert_int_equal(world.device.stored.phase, PAWL_PHASE_STAGED);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].tries_left, 0);
	world.window_closed = false;
	run(&world, &event, 300);
	assert_true(world.success);
}

static void a_cancelled_update_leaves_nothing(void **state)
{
	(void)state;
	static struct world world;
	new_world(&world, 5);
	world.window_closed = true;
	struct pawl_device_event event = start_agent(&world);
	run(&world, &event, 300);
	set_text(world.cancel, "17");
	run(&world, &event, 300);
	assert_int_equal(world.action[0], '\0');
	assert_int_equal(world.cancel[0], '\0');
	assert_int_equal(world.device.stored.phase, PAWL_PHASE_IDLE);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_EMPTY);
	/* One that was never begun is accepted as well. */
	set_text(world.cancel, "99");
	run(&world, &event, 300);
	assert_int_equal(world.cancel[0], '\0');
}

static void a_withdrawn_offer_is_not_activated(void **state)
{
	(void)state;
	static struct world world;
	new_world(&world, 6);
	world.window_closed = true;
	struct pawl_device_event event = start_agent(&world);
	run(&world, &event, 300);
	world.window_closed = false;
	world.action[0] = '\0';
	for (unsigned i = 0; i < 20; i++)
		run(&world, &event, 10);
	assert_int_equal(world.device.stored.phase, PAWL_PHASE_STAGED);
	set_text(world.action, "17");
	run(&world, &event, 300);
	assert_true(world.success);
}

static void a_larger_image_than_the_slot_is_refused(void **state)
{
	(void)state;
	static struct world world;
	new_world(&world, 7);
	world.release.length = (uint64_t)IMAGE + 1;
	struct pawl_device_event event = start_agent(&world);
	run(&world, &event, 300);
	assert_int_equal(world.action[0], '\0');
	assert_int_equal(world.device.stored.last_reason, PAWL_REASON_SLOT_TOO_SMALL);
	assert_int_equal(world.slots.slot[PAWL_SLOT_B].state, PAWL_SLOT_EMPTY);
}

static void a_server_that_always_begins_again_is_given_up(void **state)
{
	(void)state;
	static struct world world;
	new_world(&world, 8);
	world.begins_again = true;
	struct pawl_device_event event = start_agent(&world);
	run(&world, &event, 600);
	assert_int_equal(world.action[0], '\0');
	assert_int_equal(world.device.stored.last_reason, PAWL_REASON_LENGTH_MISMATCH);
}

/* Faults of every kind by seed, then none: the device must get there. */
static void every_seed_converges(void **state)
{
	(void)state;
	static struct world world;
	for (uint64_t seed = 100; seed < 100 + SEEDS; seed++) {
		new_world(&world, seed);
		world.faults = true;
		world.rate = (unsigned)pawl_prng_below(&world.prng, 40);
		world.power = (unsigned)pawl_prng_below(&world.prng, 15);
		world.sick = pawl_prng_below(&world.prng, 4) == 0;
		world.dead = pawl_prng_below(&world.prng, 6) == 0;
		world.window_closed = pawl_prng_below(&world.prng, 4) == 0;
		struct pawl_device_event event = start_agent(&world);
		run(&world, &event, STEPS);
		if (pawl_prng_below(&world.prng, 3) == 0)
			snprintf(world.cancel, sizeof(world.cancel), "%s", "17");
		run(&world, &event, STEPS / 2);
		world.faults = false;
		world.sick = false;
		world.dead = false;
		world.window_closed = false;
		run(&world, &event, SETTLE_STEPS);
		/* A new release, and no fault any more. */
		set_release(&world, 3);
		set_text(world.action, "18");
		world.cancel[0] = '\0';
		world.success = false;
		run(&world, &event, SETTLE_STEPS);
		if (!world.success || world.content[world.slots.running] != 3 ||
		    world.slots.slot[world.slots.running].state != PAWL_SLOT_GOOD)
			fail_msg("seed %u: phase %s, running content %u", (unsigned)seed,
			    pawl_phase_name(world.device.stored.phase),
			    (unsigned)world.content[world.slots.running]);
	}
}

static void every_effect_and_phase_was_seen(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAWL_DO_COUNT; i++) {
		const bool nested = i == PAWL_DO_GO_ON || i == PAWL_DO_PAUSE;
		if (total_effects[i] == 0 && !nested)
			fail_msg("never: %s", pawl_device_effect_name((pawl_device_effect_kind)i));
	}
	for (unsigned i = 0; i < PAWL_PHASE_COUNT; i++) {
		if (total_phases[i] == 0)
			fail_msg("never: %s", pawl_phase_name((pawl_phase)i));
	}
	for (unsigned i = 0; i < PAWL_REPORT_KIND_COUNT; i++) {
		if (total_kinds[i] == 0)
			fail_msg("never reported: %u", i);
	}
}

static void the_largest_state_is_stored_and_read(void **state)
{
	(void)state;
	static struct pawl_device_stored stored;
	static struct pawl_device_stored back;
	static uint8_t bytes[PAWL_DEVICE_STATE_SIZE_MAX];
	static uint8_t scratch[PAWL_DEVICE_SCRATCH];
	stored = pawl_device_fresh((struct pawl_wall){ INT64_MAX });
	stored.phase = PAWL_PHASE_DOWNLOADING;
	stored.slot = PAWL_SLOT_B;
	/* Quotation marks double in JSON. */
	memset(stored.action, 'a', PAWL_DEVICE_ACTION_MAX);
	memset(stored.sentence, '"', PAWL_DEVICE_SENTENCE_MAX);
	memset(stored.last_action, 'b', PAWL_DEVICE_ACTION_MAX);
	memset(stored.last_sentence, '"', PAWL_DEVICE_SENTENCE_MAX);
	memset(stored.release.path, 'p', PAWL_TARGET_PATH_MAX);
	memset(stored.release.version, 'v', PAWL_VERSION_MAX);
	memset(stored.release.sha256, 0xab, 32);
	stored.release.length = INT64_MAX;
	stored.offset = 12345;
	stored.report_count = PAWL_DEVICE_REPORTS_MAX;
	for (unsigned i = 0; i < PAWL_DEVICE_REPORTS_MAX; i++) {
		memset(stored.reports[i].action, 'c', PAWL_DEVICE_ACTION_MAX);
		memset(stored.reports[i].sentence, '"', PAWL_DEVICE_SENTENCE_MAX);
		stored.reports[i].kind = PAWL_REPORT_CANCEL_REJECTED;
		stored.reports[i].reason = PAWL_REASON_CLOCK;
	}
	struct pawl_buf out = pawl_buf_of(bytes, sizeof(bytes));
	assert_int_equal(pawl_device_encode(&stored, &out), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_device_decode(pawl_buf_bytes(&out), scratch, sizeof(scratch), &back), PAWL_ERR_OK);
	assert_memory_equal(&stored, &back, sizeof(stored));
	/* Any damage is seen. */
	for (size_t i = 0; i < out.size; i += 7) {
		bytes[i] ^= 0x10;
		assert_int_not_equal(
		    pawl_device_decode(pawl_buf_bytes(&out), scratch, sizeof(scratch), &back),
		    PAWL_ERR_OK);
		bytes[i] ^= 0x10;
	}
	assert_int_not_equal(
	    pawl_device_decode(PAWL_BYTES(bytes, out.size - 1), scratch, sizeof(scratch), &back),
	    PAWL_ERR_OK);
	out = pawl_buf_of(bytes, 2000);
	assert_int_equal(pawl_device_encode(&stored, &out), PAWL_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_release_is_installed),
		cmocka_unit_test(a_sick_or_dead_release_falls_back),
		cmocka_unit_test(a_closed_window_delays_only_the_activation),
		cmocka_unit_test(a_cancelled_update_leaves_nothing),
		cmocka_unit_test(a_withdrawn_offer_is_not_activated),
		cmocka_unit_test(a_larger_image_than_the_slot_is_refused),
		cmocka_unit_test(a_server_that_always_begins_again_is_given_up),
		cmocka_unit_test(every_seed_converges),
		cmocka_unit_test(every_effect_and_phase_was_seen),
		cmocka_unit_test(the_largest_state_is_stored_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
