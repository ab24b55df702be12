/* SPDX-License-Identifier: MIT
 *
 * mini_fleet.c - a server and twelve devices in one process: the libraries at
 * work, small enough to be read in one sitting.
 *
 * Usage: mini_fleet [SEED]. A line for each change of state; the same seed
 * prints the same. Exit code 1: a promise was broken.
 *
 * Release 2 is good and reaches everybody. Release 3 dies on hardware class
 * gw-b on probation: the rollout halts there, those devices fall back to
 * release 2, and gw-a goes on to release 3.
 *
 * The cores decide and do nothing; this file does what they say. Start with
 * main() at the end, and read the header of each core when you meet it:
 *   pawl/device.h   what a device does next    turn(), perform()
 *   pawl/slots.h    which image boots          slot_step(), start()
 *   pawl/fleet.h    what the server answers    serve(), commit()
 *   pawl/rollout.h  who may begin, what halts  roll_out()
 *   pawl/ddi.h      the text between the two   written by one side, parsed by the other
 * Then programs/server/route_ddi.c and programs/agent/agent_loop.c: the same
 * two halves with sockets, disks and a database.
 *
 * Trust is NOT here: these devices believe the hash that the server names, so
 * whoever owns the server owns them. A real one believes only what offline keys
 * signed: pawl/trust.h, pawl/release.h, programs/agent/agent_trust.c.
 */
#include "pawl/crypto.h"
#include "pawl/ddi.h"
#include "pawl/device.h"
#include "pawl/fleet.h"
#include "pawl/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES = 12, CLASSES = 2, IMAGE = 4096, CHUNK = 512, LETTER = 4096, BAD = 3 };
static const char *const CLASS[CLASSES] = { "gw-a", "gw-b" };

struct node {
	char name[16];
	unsigned class;
	uint32_t id; /* in the fleet */
	struct pawl_prng prng;
	/* What a power cut leaves; the slot table in the boot record (pawl/bootrec.h). */
	struct pawl_slots slots;
	uint8_t flash[PAWL_SLOT_COUNT][IMAGE]; /* the first byte is the release's number */
	uint8_t disk[PAWL_DEVICE_STATE_SIZE_MAX];
	size_t disk_size;
	/* What it takes. */
	struct pawl_device device;
	struct pawl_device_release release;
	char action[PAWL_DDI_ID_MAX + 1], cancel[PAWL_DDI_ID_MAX + 1];
	uint64_t received;
	/* The next event and its time. */
	struct pawl_device_event event;
	int64_t due;
	pawl_device_state shown;
	bool harmed; /* the bad release was started here */
};

struct world {
	int64_t now; /* ms, everybody's clock; jumps from event to event */
	struct pawl_fleet *fleet;
	struct node nodes[DEVICES];
	uint32_t rollout; /* the newest */
	pawl_stratum_state shown[CLASSES];
	unsigned events, broken;
	uint8_t scratch[PAWL_DDI_ARENA_SIZE(LETTER)]; /* of whoever parses */
};

/* For what can not fail here. Both enums of answers begin with OK. */
#define MUST(call) PAWL_ASSERT((int)(call) == 0)
#define PRINT(array, ...) (void)snprintf(array, sizeof(array), __VA_ARGS__)

static const struct pawl_device_settings SETTINGS = {
	.poll_min_ms = 1000, .poll_max_ms = 60000, .probation_ms = 30000, .contact_ms = 600000
};

static void show(const struct world *world, const char *who, const char *class, const char *state,
    const struct node *node, const char *why)
{
	const long long s = world->now / PAWL_MS_PER_S;
	printf("%02lld:%02lld:%02lld  %-6s %-5s %-12s", s / 3600, s / 60 % 60, s % 60, who, class,
	    state);
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		printf("%c%c %-8s", node != NULL && node->slots.running == i ? '>' : ' ',
		    node == NULL ? ' ' : "-123"[node->flash[i][0] & 3],
		    node == NULL ? "" : pawl_slot_state_name(node->slots.slot[i].state));
	printf(" %s\n", why);
}

static void promise(struct world *world, bool kept, const char *who, const char *what)
{
	if (!kept)
		show(world, who, "", "BROKEN", NULL, what);
	world->broken += !kept;
}

static void build_image(unsigned version, unsigned class, uint8_t ret_image[IMAGE])
{
	struct pawl_prng noise = pawl_prng_fork(version, class);
	for (unsigned i = 0; i < IMAGE; i++)
		ret_image[i] = i == 0 ? (uint8_t)version : (uint8_t)pawl_prng_next(&noise);
}

static void image_hex(const uint8_t image[IMAGE], char ret_hex[65])
{
	uint8_t raw[32];
	struct pawl_buf out = pawl_buf_of(ret_hex, 64);
	pawl_sha256(PAWL_BYTES(image, IMAGE), raw);
	pawl_put_hex(&out, PAWL_BYTES(raw, sizeof(raw)));
	ret_hex[64] = '\0';
}

/* --- the server --- */

/* What the last call changed. A real server stores all of it in one
 * transaction before it answers (pawl/store.h); this one has no disk. */
static void commit(struct world *world)
{
	size_t count;
	const struct pawl_fleet_effect *const effects = pawl_fleet_effects(world->fleet, &count);
	for (const struct pawl_fleet_effect *it = effects; it < effects + count; it++) {
		if (it->kind == PAWL_FLEET_STORE_DEVICE) {
			const struct pawl_fleet_device *row =
			    pawl_fleet_device(world->fleet, it->id);
			struct node *const node = &world->nodes[row->id - 1];
			if (node->shown != row->state)
				show(world, row->controller_id, row->hardware_class,
				    pawl_device_state_name(row->state), node, row->why);
			node->shown = row->state;
		} else if (it->kind == PAWL_FLEET_STORE_ROLLOUT) {
			const struct pawl_fleet_rollout *row =
			    pawl_fleet_rollout(world->fleet, it->id);
			for (uint32_t i = 0; i < row->core.stratum_count; i++) {
				char why[PAWL_ROLLOUT_WHY_SIZE];
				pawl_rollout_stratum_why(&row->core, i, why);
				if (world->shown[i] != row->core.strata[i].state)
					show(world, row->name, row->stratum_names[i],
					    pawl_stratum_state_name(row->core.strata[i].state),
					    NULL, why);
				world->shown[i] = row->core.strata[i].state;
			}
		}
	}
	pawl_fleet_effects_clear(world->fleet);
}

/* What an operator does: publish a release, and roll it out in two stages to
 * each hardware class by itself. At most `budget_base` devices are in danger
 * before the first one proved itself, and no failure is accepted. */
static void roll_out(struct world *world, unsigned version)
{
	const struct pawl_wall now = { world->now };
	struct pawl_fleet_module modules[CLASSES] = { 0 };
	struct pawl_fleet_distribution_set set = {
		.seq = version, .sec = version, .module_count = CLASSES, .modules = modules
	};
	PRINT(set.product, "mini");
	PRINT(set.version, "%u.0.0", version);
	for (unsigned i = 0; i < CLASSES; i++) {
		struct pawl_fleet_module *const module = &modules[i];
		uint8_t image[IMAGE];
		build_image(version, i, image);
		image_hex(image, module->sha256);
		image_hex(image, module->image_sha256);
		memset(module->sha1, '0', 40); /* hawkBit's other hashes: not sent here */
		memset(module->md5, '0', 32);
		module->size = IMAGE;
		PRINT(module->hardware_class, "%s", CLASS[i]);
		PRINT(module->file_name, "%s.%s.img", set.version, CLASS[i]);
		PRINT(module->target_path, "fw/mini/%s.%s.img", set.version, CLASS[i]);
	}
	struct pawl_fleet_rollout_options options = { .name = PAWL_BYTES(set.version, 5),
		.filter = PAWL_BYTES_LIT("product==mini"),
		.force = PAWL_FORCE_FORCED,
		.settings = { .stage_count = 2, .budget_base = 2, .budget_gain_permille = 1000 },
		.strata_kind = PAWL_STRATA_HARDWARE_CLASS,
		.silence_s = 3600,
		.seed = PAWL_BYTES_LIT("not secret") };
	pawl_rollout_equal_stages(
	    2, (struct pawl_rollout_stage){ 1, 100, 0 }, options.settings.stages);
	MUST(pawl_fleet_distribution_set_add(
	    world->fleet, &set, now, &options.distribution_set_id, NULL));
	MUST(pawl_fleet_rollout_create(world->fleet, &options, now, &world->rollout, NULL));
	MUST(pawl_fleet_rollout_start(world->fleet, world->rollout, now, NULL));
	commit(world);
}

static void put_poll(const struct pawl_fleet_poll *poll, struct pawl_buf *out)
{
	char deployment[32], cancel[32];
	struct pawl_ddi_poll message = { .sleep_ms = poll->sleep_s * PAWL_MS_PER_S };
	PRINT(deployment, "/deploymentBase/%u", poll->deployment_action_id);
	PRINT(cancel, "/cancelAction/%u", poll->cancel_action_id);
	if (poll->deployment_action_id != 0)
		message.deployment_base = pawl_bytes_of(deployment);
	if (poll->cancel_action_id != 0)
		message.cancel_action = pawl_bytes_of(cancel);
	if (poll->attributes_wanted)
		message.config_data = PAWL_BYTES_LIT("/configData");
	pawl_ddi_poll_write(out, &message);
}

static void put_deployment(
    const struct pawl_fleet_deployment *deployment, const char *id, struct pawl_buf *out)
{
	const struct pawl_ddi_artifact artifact = {
		.filename = pawl_bytes_of(deployment->module->file_name),
		.size = deployment->module->size,
		.sha256 = pawl_bytes_of(deployment->module->sha256),
		.download_http = PAWL_BYTES_LIT("/artifact"),
	};
	const struct pawl_ddi_chunk chunk = { .part = PAWL_BYTES_LIT("os"),
		.version = pawl_bytes_of(deployment->set->version),
		.name = pawl_bytes_of(deployment->set->product),
		.artifacts = &artifact,
		.artifact_count = 1 };
	const struct pawl_ddi_deployment message = { .id = pawl_bytes_of(id),
		.download = PAWL_DDI_FORCED,
		.update = PAWL_DDI_FORCED,
		.chunks = &chunk,
		.chunk_count = 1 };
	pawl_ddi_deployment_write(out, &message);
}

/* The protocol on one page: hawkBit's DDI without its HTTP. */
static pawl_fleet_result serve(struct world *world, const char *name, const char *path,
    struct pawl_bytes body, struct pawl_buf *out)
{
	const struct pawl_bytes who = pawl_bytes_of(name);
	const struct pawl_wall now = { world->now };
	const char *const digits = strpbrk(path, "0123456789");
	const uint32_t id = digits == NULL ? 0 : (uint32_t)strtoul(digits, NULL, 10);
	struct pawl_arena arena = pawl_arena_of(world->scratch, sizeof(world->scratch));
	pawl_fleet_result result;
	if (strcmp(path, "/configData") == 0) {
		struct pawl_fleet_attribute_input inputs[PAWL_ATTRIBUTES_MAX];
		struct pawl_ddi_config config;
		MUST(pawl_ddi_config_parse(body, &arena, &config, NULL)); /* really: 400 */
		for (size_t i = 0; i < config.count; i++)
			inputs[i] = (struct pawl_fleet_attribute_input){ config.data[i].key,
				config.data[i].value };
		result = pawl_fleet_config_data(
		    world->fleet, who, PAWL_ATTRIBUTES_MERGE, inputs, config.count, now, NULL);
	} else if (body.size > 0) {
		struct pawl_ddi_feedback heard;
		MUST(pawl_ddi_feedback_parse(body, &arena, &heard, NULL));
		struct pawl_fleet_feedback said = { .messages = heard.details,
			.message_count = heard.detail_count };
		MUST(pawl_execution_parse(
		    pawl_bytes_of(pawl_ddi_execution_name(heard.execution)), &said.execution));
		MUST(pawl_finished_parse(
		    pawl_bytes_of(pawl_ddi_finished_name(heard.finished)), &said.finished));
		result = path[1] == 'c'
			     ? pawl_fleet_cancel_feedback(world->fleet, who, id, &said, now)
			     : pawl_fleet_feedback(world->fleet, who, id, &said, now);
	} else if (id > 0) {
		struct pawl_fleet_deployment deployment;
		result = pawl_fleet_deployment(world->fleet, who, id, now, &deployment);
		if (result == PAWL_FLEET_OK)
			put_deployment(&deployment, digits, out);
	} else {
		struct pawl_fleet_poll poll;
		result = pawl_fleet_poll(world->fleet, who, who, now, &poll);
		if (result == PAWL_FLEET_OK)
			put_poll(&poll, out);
	}
	commit(world);
	return result;
}

/* --- a device --- */

/* The network loses one message in sixteen: on its way there, or the answer,
 * when the server has acted already. Asking again must do no harm. What the
 * server will never take is GONE, so that nobody says it for ever. */
static bool ask(struct world *world, struct node *node, const char *path, struct pawl_bytes body,
    struct pawl_buf *answer)
{
	const uint64_t luck = pawl_prng_below(&node->prng, 32);
	const pawl_fleet_result result =
	    luck == 0 ? PAWL_FLEET_OK : serve(world, node->name, path, body, answer);
	if (luck > 1 && result == PAWL_FLEET_OK)
		return true;
	node->event.kind = luck > 1 && body.size > 0 ? PAWL_ON_GONE : PAWL_ON_FAILED;
	node->event.reason = PAWL_REASON_NETWORK;
	return false;
}

static void last_part(struct pawl_bytes href, char ret_part[PAWL_DDI_ID_MAX + 1])
{
	size_t start = href.size;
	while (start > 0 && href.at[start - 1] != '/')
		start--;
	MUST(pawl_bytes_to_text(
	    PAWL_BYTES(href.at + start, href.size - start), PAWL_DDI_ID_MAX + 1, ret_part));
}

static void do_poll(struct world *world, struct node *node, struct pawl_buf *letter)
{
	struct pawl_arena arena = pawl_arena_of(world->scratch, sizeof(world->scratch));
	struct pawl_ddi_poll poll;
	if (!ask(world, node, "", (struct pawl_bytes){ 0 }, letter))
		return;
	MUST(pawl_ddi_poll_parse(pawl_buf_bytes(letter), &arena, &poll, NULL));
	last_part(poll.deployment_base, node->action);
	last_part(poll.cancel_action, node->cancel);
	node->event.kind = PAWL_ON_POLL;
	node->event.poll = (struct pawl_device_poll){ .sleep_ms = poll.sleep_ms,
		.action = node->action,
		.cancel = node->cancel,
		.wants_attributes = poll.config_data.size > 0 };
}

/* Where trust belongs (see the top): is what is offered to be installed? */
static void do_check(struct world *world, struct node *node, struct pawl_buf *letter)
{
	struct pawl_arena arena = pawl_arena_of(world->scratch, sizeof(world->scratch));
	struct pawl_ddi_deployment deployment;
	char path[96];
	PRINT(path, "/deploymentBase/%s", node->device.stored.action);
	if (!ask(world, node, path, (struct pawl_bytes){ 0 }, letter))
		return;
	MUST(pawl_ddi_deployment_parse(pawl_buf_bytes(letter), &arena, &deployment, NULL));
	const struct pawl_ddi_chunk *const chunk = deployment.chunks;
	struct pawl_device_release *const release = &node->release;
	*release = (struct pawl_device_release){ .seq = chunk->version.at[0] - '0',
		.sec = chunk->version.at[0] - '0',
		.length = chunk->artifacts->size };
	MUST(pawl_bytes_to_text(chunk->version, sizeof(release->version), release->version));
	MUST(pawl_bytes_to_text(chunk->artifacts->filename, sizeof(release->path), release->path));
	MUST(pawl_hex_decode(chunk->artifacts->sha256, 32, release->sha256));
	node->event.kind = PAWL_ON_ADMIT;
	node->event.release = release;
	node->event.slot = (uint8_t)(1 - node->slots.running);
	node->event.slot_size = IMAGE;
	node->event.may_download = deployment.download != PAWL_DDI_SKIP;
	node->event.may_activate = deployment.update != PAWL_DDI_SKIP;
}

/* Proof of what runs: hashed from the flash, never copied from a record. */
static void do_attributes(struct world *world, struct node *node, struct pawl_buf *letter)
{
	char hex[65];
	image_hex(node->flash[node->slots.running], hex);
	const struct pawl_ddi_pair pair = { PAWL_BYTES_LIT("pawl.image_sha256"),
		pawl_bytes_of(hex) };
	pawl_ddi_config_write(letter, &(struct pawl_ddi_config){ .data = &pair, .count = 1 });
	(void)ask(world, node, "/configData", pawl_buf_bytes(letter), NULL);
}

static void do_report(struct world *world, struct node *node, struct pawl_buf *letter)
{
	static const struct pawl_ddi_feedback WORDS[PAWL_REPORT_KIND_COUNT] = {
		[PAWL_REPORT_PROCEEDING] = { .execution = PAWL_DDI_PROCEEDING },
		[PAWL_REPORT_DOWNLOAD] = { .execution = PAWL_DDI_DOWNLOAD },
		[PAWL_REPORT_DOWNLOADED] = { .execution = PAWL_DDI_DOWNLOADED },
		[PAWL_REPORT_SUCCESS] = { .finished = PAWL_DDI_FINISHED_SUCCESS },
		[PAWL_REPORT_FAILURE] = { .finished = PAWL_DDI_FINISHED_FAILURE },
		[PAWL_REPORT_CANCEL_DONE] = { .finished = PAWL_DDI_FINISHED_SUCCESS },
		[PAWL_REPORT_CANCEL_REJECTED] = { .execution = PAWL_DDI_REJECTED },
	};
	const struct pawl_device_report *const report = &node->device.stored.reports[0];
	struct pawl_ddi_feedback feedback = WORDS[report->kind];
	char path[112], reason[48];
	PRINT(path, "/%s/%s/feedback",
	    report->kind >= PAWL_REPORT_CANCEL_DONE ? "cancelAction" : "deploymentBase",
	    report->action);
	PRINT(reason, "reason=%s", pawl_reason_id(report->reason));
	feedback.details[0] = pawl_bytes_of(report->sentence);
	feedback.details[1] = pawl_bytes_of(reason);
	feedback.detail_count = report->reason == PAWL_REASON_NONE ? 1 : 2;
	pawl_ddi_feedback_write(letter, &feedback);
	(void)ask(world, node, path, pawl_buf_bytes(letter), NULL);
}

static bool is_bad(const struct node *node)
{
	return node->class == 1 && node->flash[node->slots.running][0] == BAD;
}

static void fail(struct node *node, pawl_reason reason)
{
	node->event.kind = PAWL_ON_FAILED;
	node->event.reason = reason;
}

/* The boot loader, then the process that it starts. The slot table says which
 * image: a trial has three starts to prove itself, then the good one runs again. */
static void start(struct world *world, struct node *node, pawl_boot_reason ended)
{
	struct pawl_device_stored stored = pawl_device_fresh((struct pawl_wall){ 1 });
	struct pawl_slots_boot boot;
	MUST(pawl_slots_boot(&node->slots, ended, &boot));
	if ((boot.effects & PAWL_SLOT_RAISE_FLOOR) != 0)
		(void)pawl_slots_raise_floor(&node->slots);
	if (node->disk_size > 0)
		MUST(pawl_device_decode(PAWL_BYTES(node->disk, node->disk_size), world->scratch,
		    sizeof(world->scratch), &stored));
	pawl_device_init(&node->device, &SETTINGS, &stored);
	node->event = (struct pawl_device_event){ .kind = PAWL_ON_BOOT };
	node->event.boot.running = node->slots.running;
	node->event.boot.reason = boot.reason;
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++) {
		node->event.boot.state[i] = node->slots.slot[i].state;
		node->event.boot.tries[i] = node->slots.slot[i].tries_left;
		node->event.boot.failure[i] = node->slots.slot[i].failure;
	}
	node->due = world->now + 15000 + (int64_t)pawl_prng_below(&node->prng, 10000);
	node->harmed = node->harmed || is_bad(node);
	show(world, node->name, CLASS[node->class], "boots", node,
	    pawl_boot_reason_name(boot.reason));
}

static void slot_step(struct node *node, unsigned slot, pawl_slot_event event)
{
	unsigned effects = 0;
	if (pawl_slots_step(&node->slots, slot, event, &effects) != PAWL_ERR_OK)
		fail(node, PAWL_REASON_IO);
	if ((effects & PAWL_SLOT_RAISE_FLOOR) != 0)
		(void)pawl_slots_raise_floor(&node->slots);
}

/* One piece of the download (really HTTP with ranges); now and then the power goes. */
static void do_chunk(struct world *world, struct node *node)
{
	uint8_t image[IMAGE];
	if (node->received == IMAGE)
		return;
	if (pawl_prng_below(&node->prng, 40) == 0) {
		start(world, node, PAWL_BOOT_POWER_ON);
		return;
	}
	build_image((unsigned)node->device.stored.release.seq, node->class, image);
	memcpy(
	    node->flash[node->device.stored.slot] + node->received, image + node->received, CHUNK);
	node->received += CHUNK;
	node->event.kind = PAWL_ON_CHUNK;
	node->event.offset = node->received;
}

static bool is_right(const struct node *node)
{
	uint8_t digest[32];
	pawl_sha256(PAWL_BYTES(node->flash[node->device.stored.slot], IMAGE), digest);
	return memcmp(digest, node->device.stored.release.sha256, sizeof(digest)) == 0;
}

/* Carries one effect out. What came of it is the next event. */
static void perform(struct world *world, struct node *node, struct pawl_device_effect effect)
{
	uint8_t memory[LETTER];
	struct pawl_buf letter = pawl_buf_of(memory, sizeof(memory));
	struct pawl_buf disk = pawl_buf_of(node->disk, sizeof(node->disk));
	node->event = (struct pawl_device_event){ .kind = PAWL_ON_DONE };
	node->due = world->now + 100 + (int64_t)pawl_prng_below(&node->prng, 400);
	switch (effect.kind) {
	case PAWL_DO_WAIT:
		node->event.kind = PAWL_ON_TICK;
		node->due = effect.until.ms;
		break;
	case PAWL_DO_SAVE:
		MUST(pawl_device_encode(&node->device.stored, &disk));
		node->disk_size = disk.size;
		break;
	case PAWL_DO_POLL: do_poll(world, node, &letter); break;
	case PAWL_DO_ATTRIBUTES: do_attributes(world, node, &letter); break;
	case PAWL_DO_REPORT: do_report(world, node, &letter); break;
	case PAWL_DO_CHECK: do_check(world, node, &letter); break;
	case PAWL_DO_BEGIN_WRITE:
		if (node->slots.slot[effect.slot].state != PAWL_SLOT_WRITING)
			slot_step(node, effect.slot, PAWL_SLOT_WRITE_BEGIN);
		break;
	case PAWL_DO_DOWNLOAD:
		node->received = node->device.stored.offset;
		do_chunk(world, node);
		break;
	case PAWL_DO_GO_ON: do_chunk(world, node); break;
	case PAWL_DO_PAUSE:
		node->event.kind = PAWL_ON_PAUSED;
		node->event.offset = node->received;
		break;
	case PAWL_DO_READ_BACK:
		if (!is_right(node))
			fail(node, PAWL_REASON_HASH_MISMATCH);
		break;
	case PAWL_DO_STAGE:
		node->slots.slot[effect.slot].sec = (uint64_t)node->device.stored.release.sec;
		slot_step(node, effect.slot, PAWL_SLOT_WRITE_DONE);
		break;
	case PAWL_DO_ACTIVATE: slot_step(node, effect.slot, PAWL_SLOT_ACTIVATE); break;
	case PAWL_DO_REBOOT: start(world, node, PAWL_BOOT_REBOOT); break;
	case PAWL_DO_HEALTH: /* the bad release fails its checks, or takes the system down */
		if (is_bad(node) && pawl_prng_below(&node->prng, 2) == 0)
			fail(node, PAWL_REASON_HEALTH);
		else if (is_bad(node))
			start(world, node, PAWL_BOOT_PANIC);
		break;
	case PAWL_DO_CONFIRM: slot_step(node, node->slots.running, PAWL_SLOT_CONFIRM); break;
	case PAWL_DO_FAIL_SLOT: slot_step(node, effect.slot, PAWL_SLOT_FAIL); break;
	case PAWL_DO_ABANDON: slot_step(node, effect.slot, PAWL_SLOT_ABANDON); break;
	}
}

/* --- the world --- */

/* At every moment: each device can boot, and no more are harmed than the budget
 * of their stratum allows. True when nothing is under way any more. */
static bool check(struct world *world)
{
	const struct pawl_rollout *const core =
	    &pawl_fleet_rollout(world->fleet, world->rollout)->core;
	unsigned harmed = 0;
	bool is_quiet = core->state != PAWL_ROLLOUT_RUNNING;
	for (unsigned i = 0; i < DEVICES; i++) {
		const struct node *const node = &world->nodes[i];
		const struct pawl_fleet_action *const action =
		    pawl_fleet_newest_action(world->fleet, node->id);
		const unsigned slot = pawl_slots_choose(&node->slots);
		promise(world, slot != PAWL_SLOT_NONE && node->flash[slot][0] != 0, node->name,
		    "nothing to boot");
		harmed += node->harmed;
		is_quiet = is_quiet && node->device.stored.phase == PAWL_PHASE_IDLE &&
			   node->device.stored.report_count == 0 &&
			   (action == NULL || action->closed_at != 0);
	}
	promise(world, harmed <= pawl_rollout_budget(core, 1), CLASS[1], "more harm than budget");
	return is_quiet;
}

/* Jumps from event to event until nothing is under way. */
static void run(struct world *world)
{
	const int64_t end = world->now + PAWL_MS_PER_DAY;
	while (!check(world) && world->broken == 0) {
		struct node *next = &world->nodes[0];
		for (unsigned i = 1; i < DEVICES; i++)
			next = world->nodes[i].due < next->due ? &world->nodes[i] : next;
		world->now = next->due;
		world->events++;
		promise(world, world->now < end, "world", "it does not come to an end");
		pawl_fleet_tick(world->fleet, (struct pawl_wall){ world->now });
		commit(world);
		next->event.now.ms = world->now;
		next->event.random = pawl_prng_next(&next->prng);
		perform(world, next, pawl_device_step(&next->device, &next->event));
	}
}

/* At rest: who runs what, and did it prove itself, for the device and the server? */
static void check_end(struct world *world, unsigned version, bool is_good)
{
	const struct pawl_rollout *const core =
	    &pawl_fleet_rollout(world->fleet, world->rollout)->core;
	promise(world, core->strata[0].state == PAWL_STRATUM_FINISHED, CLASS[0], "not finished");
	promise(world,
	    core->strata[1].state == (is_good ? PAWL_STRATUM_FINISHED : PAWL_STRATUM_HALTED),
	    CLASS[1], is_good ? "not finished" : "not halted");
	for (unsigned i = 0; i < DEVICES; i++) {
		const struct node *const node = &world->nodes[i];
		const struct pawl_fleet_device *const row =
		    pawl_fleet_device(world->fleet, node->id);
		const unsigned wanted = node->class == 0 || is_good ? version : version - 1;
		char hex[65];
		image_hex(node->flash[node->slots.running], hex);
		promise(world, node->slots.slot[node->slots.running].state == PAWL_SLOT_GOOD,
		    node->name, "runs an image that is not proven");
		promise(world, node->flash[node->slots.running][0] == wanted, node->name,
		    "runs another release than the rollout left it with");
		const struct pawl_fleet_distribution_set *const set =
		    pawl_fleet_distribution_set(world->fleet, row->installed_id);
		promise(world,
		    set != NULL && strcmp(set->modules[node->class].image_sha256, hex) == 0,
		    node->name, "the server believes that it runs something else");
	}
}

int main(int argc, char **argv)
{
	static struct world world;
	const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	const struct pawl_fleet_settings settings = {
		.poll_s = 60, .silence_s = 3600, .hash_seed = seed
	};
	unsigned harmed = 0;
	MUST(pawl_fleet_create(&settings, &world.fleet, NULL));
	pawl_fleet_load_done(world.fleet, (struct pawl_wall){ 0 });
	printf("time      who    class state       %-10s %-10s why\n", "  slot A", "  slot B");
	for (unsigned i = 0; i < DEVICES; i++) {
		struct node *const node = &world.nodes[i];
		node->class = i % CLASSES;
		node->prng = pawl_prng_fork(seed, i);
		node->slots = pawl_slots_factory(1);
		build_image(1, node->class, node->flash[PAWL_SLOT_A]);
		PRINT(node->name, "dev%02u", i + 1);
		const struct pawl_fleet_device_options options = { .controller_id =
								       pawl_bytes_of(node->name),
			.product = PAWL_BYTES_LIT("mini"),
			.hardware_class = pawl_bytes_of(CLASS[node->class]) };
		MUST(pawl_fleet_device_add(
		    world.fleet, &options, (struct pawl_wall){ 0 }, &node->id, NULL));
		start(&world, node, PAWL_BOOT_POWER_ON);
	}
	for (unsigned version = 2; version <= BAD && world.broken == 0; version++) {
		roll_out(&world, version);
		run(&world);
		check_end(&world, version, version != BAD);
	}
	for (unsigned i = 0; i < DEVICES; i++)
		harmed += world.nodes[i].harmed;
	printf("seed %llu: %u events, %lld s; the bad release was started on %u devices; %s\n",
	    (unsigned long long)seed, world.events, (long long)(world.now / PAWL_MS_PER_S), harmed,
	    world.broken == 0 ? "every promise kept" : "PROMISES BROKEN");
	pawl_fleet_destroy(world.fleet);
	return world.broken == 0 ? 0 : 1;
}
