/* SPDX-License-Identifier: MIT */
#include "device_world.h"

#include "cmocka_setup.h"

#include <string.h>

unsigned total_effects[PAWL_DO_COUNT];
unsigned total_phases[PAWL_PHASE_COUNT];
unsigned total_kinds[PAWL_REPORT_KIND_COUNT];

static const struct pawl_device_settings SETTINGS = {
	.poll_min_ms = 1000, .poll_max_ms = 60000, .probation_ms = 10000, .contact_ms = 600000
};

static bool chance(struct world *world, unsigned percent)
{
	return world->faults && pawl_prng_below(&world->prng, 100) < percent;
}

static void put(
    size_t capacity, char *ret_text, const char *before, int64_t number, const char *after)
{
	struct pawl_buf out = pawl_buf_of(ret_text, capacity - 1);
	pawl_put_text(&out, before);
	if (number > 0)
		pawl_put_int(&out, number);
	pawl_put_text(&out, after);
	assert_int_equal(pawl_buf_check(&out), PAWL_ERR_OK);
	ret_text[out.size] = '\0';
}

void world_set_text(char ret_text[32], const char *text)
{
	put(32, ret_text, text, 0, "");
}

void world_set_release(struct world *world, int64_t seq)
{
	world->offered_seq = seq;
	memset(&world->release, 0, sizeof(world->release));
	put(sizeof(world->release.path), world->release.path, "fw/acme/", seq, ".gw-a.img");
	put(sizeof(world->release.version), world->release.version, "", seq, ".0.0");
	world->release.seq = seq;
	world->release.sec = seq;
	world->release.length = WORLD_IMAGE;
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

struct pawl_device_event world_start_agent(struct world *world)
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
	world->failed_slot = false;
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

/* As the agent does when an answer begins at 0 though another offset was asked for. */
static uint64_t begin_at_zero(struct world *world)
{
	struct pawl_device *const device = &world->device;
	struct pawl_device_event back = { .kind = PAWL_ON_CHUNK, .now = { world->now } };
	if (device->stored.offset == 0)
		return 0;
	const struct pawl_device_effect effect = pawl_device_step(device, &back);
	assert_int_not_equal(effect.kind, PAWL_DO_PAUSE);
	if (effect.kind == PAWL_DO_SAVE) {
		back.kind = PAWL_ON_DONE;
		(void)pawl_device_step(device, &back);
	}
	return 0;
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
	if (world->begins_again || world->no_resume || world->creeps > 0)
		offset = begin_at_zero(world);
	const uint64_t end = world->creeps * ++world->downloads;
	while (offset < device->stored.release.length) {
		if (world->begins_again && offset == 3 * WORLD_CHUNK) {
			fail_with(world, event, PAWL_REASON_LENGTH_MISMATCH);
			event->offset = offset;
			return;
		}
		if (world->creeps > 0 && offset + WORLD_CHUNK > end) {
			fail_with(world, event, PAWL_REASON_NETWORK);
			world->received += end - offset;
			event->offset = end;
			return;
		}
		if (chance(world, world->rate)) {
			fail_with(world, event,
			    chance(world, 20) ? PAWL_REASON_LENGTH_MISMATCH : PAWL_REASON_NETWORK);
			event->offset = offset;
			return;
		}
		offset += WORLD_CHUNK;
		world->received += WORLD_CHUNK;
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
	if (world->wrong_bytes || chance(world, world->rate / 4)) {
		fail_with(world, event, PAWL_REASON_HASH_MISMATCH);
		return;
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
	event->slot_size = WORLD_IMAGE;
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
			  effect->kind == PAWL_DO_CONFIRM || effect->kind == PAWL_DO_FAIL_SLOT ||
			  (effect->kind == PAWL_DO_REBOOT && world->failed_slot);
	assert_true(free || !device->dirty);
	assert_true(device->stored.report_count <= PAWL_DEVICE_REPORTS_MAX);
}

bool world_perform(
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
		if (chance(world, world->rate) ||
		    (world->no_memory && world->content[world->slots.running] > 1)) {
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
		if (chance(world, world->rate) || world->content[slot] == 0 || world->bad_flash)
			fail_with(world, event, PAWL_REASON_HASH_MISMATCH);
		else
			world->read_back = true;
		world->admitted = false;
		world->polled = false;
		break;
	case PAWL_DO_STAGE:
		world->slots.slot[slot].sec = (uint64_t)device->stored.release.sec;
		if (world->no_staging || chance(world, world->rate) ||
		    !slot_step(world, slot, PAWL_SLOT_WRITE_DONE))
			fail_with(world, event, PAWL_REASON_IO);
		break;
	case PAWL_DO_ACTIVATE:
		if (chance(world, world->rate) || !slot_step(world, slot, PAWL_SLOT_ACTIVATE))
			fail_with(world, event, PAWL_REASON_IO);
		break;
	case PAWL_DO_REBOOT:
		if (world->no_reboot || chance(world, world->rate)) {
			fail_with(world, event, PAWL_REASON_IO);
			break;
		}
		boot_loader(world, PAWL_BOOT_REBOOT);
		*event = world_start_agent(world);
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
		else
			world->failed_slot = true;
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

void world_run(struct world *world, struct pawl_device_event *event, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		event->now.ms = world->now;
		event->random = pawl_prng_next(&world->prng);
		const struct pawl_device_effect effect = pawl_device_step(&world->device, event);
		check_promises(world, &effect);
		(void)world_perform(world, &effect, event);
		world->now += 10;
		if (chance(world, world->power)) {
			if (chance(world, 60))
				boot_loader(world, PAWL_BOOT_POWER_ON);
			*event = world_start_agent(world); /* also: only the process died */
		}
		if (!world->faults && world->action[0] == '\0' && world->cancel[0] == '\0' &&
		    world->device.stored.phase == PAWL_PHASE_IDLE &&
		    world->device.stored.report_count == 0)
			return;
	}
}

void world_new(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->prng = pawl_prng_of(seed);
	world->now = 1000;
	world->slots = pawl_slots_factory(1);
	world->slots.running = PAWL_SLOT_A;
	world->content[PAWL_SLOT_A] = 1;
	world_set_release(world, 2);
	world_set_text(world->action, "17");
}
