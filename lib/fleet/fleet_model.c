/* SPDX-License-Identifier: MIT */
#include "fleet_model.h"

#include <stdlib.h>
#include <string.h>

enum { DEVICES_MAX = 4096, ACTIONS_MAX = 32768, ROLLOUTS_MAX = 64, ATTRIBUTES_MAX = 8 };

/* Rows as a database would keep them: texts by value. */
struct stored_device {
	bool used;
	struct pawl_fleet_device row;
	char controller_id[PAWL_DEVICE_ID_MAX + 1];
	char product[PAWL_PRODUCT_MAX + 1];
	char hardware_class[PAWL_HW_CLASS_MAX + 1];
	char group[PAWL_GROUP_MAX + 1];
	char why[PAWL_REASON_MAX + 1];
	uint32_t attribute_count;
	char keys[ATTRIBUTES_MAX][32];
	char values[ATTRIBUTES_MAX][PAWL_ATTRIBUTE_VALUE_MAX + 1];
};

struct stored_action {
	struct pawl_fleet_action row;
	char why[PAWL_REASON_MAX + 1];
};

struct stored_rollout {
	uint8_t *record;
	size_t size;
	bool is_member[DEVICES_MAX];
	struct pawl_fleet_member members[DEVICES_MAX];
};

struct model {
	struct pawl_fleet *fleet;
	struct pawl_wall now;
	struct pawl_fleet_counters counters;
	struct stored_device *devices[DEVICES_MAX];
	struct stored_action *actions[ACTIONS_MAX];
	struct stored_rollout *rollouts[ROLLOUTS_MAX];
	uint32_t sets[2]; /* ids of the two releases                              */
};

static const char *const image_hash[3] = {
	"1111111111111111111111111111111111111111111111111111111111111111",
	"2222222222222222222222222222222222222222222222222222222222222222",
	"3333333333333333333333333333333333333333333333333333333333333333",
};
static const char *const classes[2] = { "gw-a", "gw-b" };

static void *allocate(size_t size)
{
	void *at = calloc(1, size);

	PAWL_ASSERT(at != NULL);
	return at;
}

static void copy_text(char *to, size_t capacity, const char *from)
{
	PAWL_ASSERT(strlen(from) < capacity);
	memcpy(to, from, strlen(from) + 1);
}

/* --- the store --- */

static void store_device(struct model *model, uint32_t id)
{
	const struct pawl_fleet_device *row = pawl_fleet_device(model->fleet, id);

	if (row == NULL)
		return;
	PAWL_ASSERT(id < DEVICES_MAX);
	if (model->devices[id] == NULL)
		model->devices[id] = allocate(sizeof(*model->devices[id]));
	struct stored_device *stored = model->devices[id];
	stored->used = true;
	stored->row = *row;
	copy_text(stored->controller_id, sizeof(stored->controller_id), row->controller_id);
	copy_text(stored->product, sizeof(stored->product), row->product);
	copy_text(stored->hardware_class, sizeof(stored->hardware_class), row->hardware_class);
	copy_text(stored->group, sizeof(stored->group), row->group);
	copy_text(stored->why, sizeof(stored->why), row->why);
	stored->row.controller_id = stored->controller_id;
	stored->row.name = "";
	stored->row.description = "";
	stored->row.product = stored->product;
	stored->row.hardware_class = stored->hardware_class;
	stored->row.group = stored->group;
	stored->row.address = "";
	stored->row.why = stored->why;
}

/* Only what TOUCH_DEVICE promises to be enough. */
static void touch_device(struct model *model, uint32_t id)
{
	const struct pawl_fleet_device *row = pawl_fleet_device(model->fleet, id);

	if (row == NULL)
		return;
	PAWL_ASSERT(id < DEVICES_MAX && model->devices[id] != NULL);
	model->devices[id]->row.last_request_at = row->last_request_at;
}

static void store_attributes(struct model *model, uint32_t id)
{
	const struct pawl_fleet_device *row = pawl_fleet_device(model->fleet, id);

	if (row == NULL)
		return;
	struct stored_device *stored = model->devices[id];
	PAWL_ASSERT(stored != NULL && row->attribute_count <= ATTRIBUTES_MAX);
	stored->attribute_count = row->attribute_count;
	for (uint32_t i = 0; i < row->attribute_count; i++) {
		copy_text(stored->keys[i], sizeof(stored->keys[i]), row->attributes[i].key);
		copy_text(stored->values[i], sizeof(stored->values[i]), row->attributes[i].value);
	}
}

static void remove_device(struct model *model, uint32_t id)
{
	PAWL_ASSERT(id < DEVICES_MAX && model->devices[id] != NULL);
	model->devices[id]->used = false;
	for (uint32_t i = 0; i < ACTIONS_MAX; i++) {
		if (model->actions[i] != NULL && model->actions[i]->row.device_id == id) {
			free(model->actions[i]);
			model->actions[i] = NULL;
		}
	}
	for (uint32_t i = 0; i < ROLLOUTS_MAX; i++) {
		if (model->rollouts[i] != NULL)
			model->rollouts[i]->is_member[id] = false;
	}
}

static void store_action(struct model *model, uint32_t id)
{
	const struct pawl_fleet_action *row = pawl_fleet_action(model->fleet, id);

	if (row == NULL)
		return;
	PAWL_ASSERT(id < ACTIONS_MAX);
	if (model->actions[id] == NULL)
		model->actions[id] = allocate(sizeof(*model->actions[id]));
	model->actions[id]->row = *row;
	copy_text(model->actions[id]->why, sizeof(model->actions[id]->why), row->why);
	model->actions[id]->row.why = model->actions[id]->why;
}

static struct stored_rollout *rollout_slot(struct model *model, uint32_t id)
{
	PAWL_ASSERT(id < ROLLOUTS_MAX);
	if (model->rollouts[id] == NULL)
		model->rollouts[id] = allocate(sizeof(*model->rollouts[id]));
	return model->rollouts[id];
}

static void store_rollout(struct model *model, uint32_t id)
{
	struct stored_rollout *slot = rollout_slot(model, id);
	uint8_t *memory = allocate(PAWL_FLEET_ROLLOUT_RECORD_MAX);
	struct pawl_buf out = pawl_buf_of(memory, PAWL_FLEET_ROLLOUT_RECORD_MAX);
	const pawl_err err = pawl_fleet_rollout_encode(model->fleet, id, &out);

	PAWL_ASSERT(err == PAWL_ERR_OK);
	free(slot->record);
	slot->record = memory;
	slot->size = out.size;
}

static void store_member(struct model *model, uint32_t rollout_id, uint32_t device_id)
{
	struct stored_rollout *slot = rollout_slot(model, rollout_id);
	struct pawl_fleet_member member;

	if (!pawl_fleet_member(model->fleet, rollout_id, device_id, &member))
		return;
	slot->is_member[device_id] = true;
	slot->members[device_id] = member;
}

static void store_members(struct model *model, uint32_t rollout_id)
{
	struct pawl_fleet_member member;

	for (uint32_t i = 0; pawl_fleet_members(model->fleet, rollout_id, i, 1, &member) == 1; i++)
		store_member(model, rollout_id, member.device_id);
}

static void store_one(struct model *model, const struct pawl_fleet_effect *effect)
{
	switch (effect->kind) {
	case PAWL_FLEET_STORE_COUNTERS: model->counters = pawl_fleet_counters(model->fleet); break;
	case PAWL_FLEET_STORE_DEVICE: store_device(model, effect->id); break;
	case PAWL_FLEET_TOUCH_DEVICE: touch_device(model, effect->id); break;
	case PAWL_FLEET_STORE_ATTRIBUTES: store_attributes(model, effect->id); break;
	case PAWL_FLEET_REMOVE_DEVICE: remove_device(model, effect->id); break;
	case PAWL_FLEET_STORE_DISTRIBUTION_SET: break; /* read back from the fleet: immutable */
	case PAWL_FLEET_STORE_ACTION: store_action(model, effect->id); break;
	case PAWL_FLEET_STORE_ROLLOUT: store_rollout(model, effect->id); break;
	case PAWL_FLEET_STORE_MEMBERS: store_members(model, effect->id); break;
	case PAWL_FLEET_STORE_MEMBER: store_member(model, effect->id, effect->other_id); break;
	case PAWL_FLEET_ADD_ACTION_STATUS:
	case PAWL_FLEET_LOG:
		PAWL_ASSERT(effect->name[0] != '\0');
		for (size_t i = 0; i < effect->text_count; i++)
			PAWL_ASSERT(strlen(effect->texts[i]) <= PAWL_FLEET_MESSAGE_MAX);
		break;
	}
}

static void drain(struct model *model)
{
	size_t count;
	const struct pawl_fleet_effect *effects = pawl_fleet_effects(model->fleet, &count);

	for (size_t i = 0; i < count; i++)
		store_one(model, &effects[i]);
	pawl_fleet_effects_clear(model->fleet);
}

static const struct pawl_fleet_settings model_settings = {
	.poll_s = 60, .silence_s = 600, .hash_seed = 99
};

static struct pawl_fleet *load(const struct model *model)
{
	struct pawl_fleet *fleet = NULL;
	pawl_err err = pawl_fleet_create(&model_settings, &fleet, NULL);

	pawl_fleet_load_counters(fleet, &model->counters);
	for (uint32_t i = 0; i < 2; i++)
		err = err == PAWL_ERR_OK
			  ? pawl_fleet_load_distribution_set(fleet,
				pawl_fleet_distribution_set(model->fleet, model->sets[i]), NULL)
			  : err;
	/* Downwards: the order within one kind must not matter. */
	for (uint32_t i = DEVICES_MAX; i-- > 0 && err == PAWL_ERR_OK;) {
		const struct stored_device *stored = model->devices[i];
		if (stored == NULL || !stored->used)
			continue;
		err = pawl_fleet_load_device(fleet, &stored->row, NULL);
		for (uint32_t k = stored->attribute_count; k-- > 0 && err == PAWL_ERR_OK;)
			err = pawl_fleet_load_attribute(
			    fleet, i, stored->keys[k], stored->values[k], NULL);
	}
	for (uint32_t i = ROLLOUTS_MAX; i-- > 0 && err == PAWL_ERR_OK;) {
		const struct stored_rollout *stored = model->rollouts[i];
		if (stored == NULL)
			continue;
		err =
		    pawl_fleet_load_rollout(fleet, PAWL_BYTES(stored->record, stored->size), NULL);
		for (uint32_t k = 0; k < DEVICES_MAX && err == PAWL_ERR_OK; k++) {
			if (stored->is_member[k])
				err = pawl_fleet_load_member(fleet, &stored->members[k], NULL);
		}
	}
	for (uint32_t i = ACTIONS_MAX; i-- > 0 && err == PAWL_ERR_OK;) {
		if (model->actions[i] != NULL)
			err = pawl_fleet_load_action(fleet, &model->actions[i]->row, NULL);
	}
	PAWL_ASSERT(err == PAWL_ERR_OK);
	pawl_fleet_load_done(fleet, (struct pawl_wall){ 0 });
	return fleet;
}

/* --- operations --- */

static void make_sets(struct model *model)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct pawl_fleet_module modules[2] = { { .size = 1000 }, { .size = 2000 } };
		struct pawl_fleet_distribution_set set = {
			.seq = i + 1, .module_count = 2, .modules = modules
		};
		copy_text(set.product, sizeof(set.product), "acme");
		copy_text(set.version, sizeof(set.version), i == 0 ? "1.0.0" : "2.0.0");
		for (int k = 0; k < 2; k++) {
			copy_text(modules[k].hardware_class, sizeof(modules[k].hardware_class),
			    classes[k]);
			copy_text(modules[k].file_name, sizeof(modules[k].file_name), "x.img");
			copy_text(
			    modules[k].target_path, sizeof(modules[k].target_path), "fw/x.img");
			memset(modules[k].sha256, 'a', 64);
			memset(modules[k].sha1, 'b', 40);
			memset(modules[k].md5, 'c', 32);
			copy_text(modules[k].image_sha256, 65, image_hash[i]);
		}
		const pawl_fleet_result result = pawl_fleet_distribution_set_add(
		    model->fleet, &set, model->now, &model->sets[i], NULL);
		PAWL_ASSERT(result == PAWL_FLEET_OK);
	}
}

struct model *model_create(void)
{
	struct model *model = allocate(sizeof(*model));
	const pawl_err err = pawl_fleet_create(&model_settings, &model->fleet, NULL);

	PAWL_ASSERT(err == PAWL_ERR_OK);
	model->now.ms = 1000000;
	pawl_fleet_load_done(model->fleet, (struct pawl_wall){ 0 });
	make_sets(model);
	drain(model);
	return model;
}

void model_destroy(struct model *model)
{
	pawl_fleet_destroy(model->fleet);
	for (uint32_t i = 0; i < DEVICES_MAX; i++)
		free(model->devices[i]);
	for (uint32_t i = 0; i < ACTIONS_MAX; i++)
		free(model->actions[i]);
	for (uint32_t i = 0; i < ROLLOUTS_MAX; i++) {
		if (model->rollouts[i] != NULL)
			free(model->rollouts[i]->record);
		free(model->rollouts[i]);
	}
	free(model);
}

static struct pawl_bytes name_of(uint8_t byte)
{
	static const char *const names[MODEL_NAMES] = { "d00", "d01", "d02", "d03", "d04", "d05",
		"d06", "d07", "d08", "d09", "d10", "d11", "d12", "d13", "d14", "d15", "d16", "d17",
		"d18", "d19", "d20", "d21", "d22", "d23" };

	return pawl_bytes_of(names[byte % MODEL_NAMES]);
}

/* The oldest open action of the device, or sometimes any id at all. */
static uint32_t action_id_of(const struct model *model, struct pawl_bytes name, uint8_t byte)
{
	const struct pawl_fleet_device *device = pawl_fleet_device_by_name(model->fleet, name);

	if (byte % 16 == 0 || device == NULL)
		return byte;
	const struct pawl_fleet_action *found = NULL;
	for (const struct pawl_fleet_action *at =
		 pawl_fleet_newest_action(model->fleet, device->id);
	     at != NULL; at = pawl_fleet_older_action(model->fleet, at)) {
		if (at->closed_at == 0 || found == NULL)
			found = at;
	}
	return found == NULL ? 0 : found->id;
}

static void do_add(struct model *model, const uint8_t *op)
{
	const struct pawl_fleet_device_options options = { .controller_id = name_of(op[1]),
		.product = op[2] % 8 == 0 ? PAWL_BYTES_LIT("other") : PAWL_BYTES_LIT("acme"),
		.hardware_class = pawl_bytes_of(op[3] % 9 == 0 ? "" : classes[op[3] % 2]),
		.group = PAWL_BYTES_LIT("field") };
	uint32_t id;

	if (model->counters.device + 1 < DEVICES_MAX)
		(void)pawl_fleet_device_add(model->fleet, &options, model->now, &id, NULL);
}

static void do_feedback(struct model *model, const uint8_t *op, bool cancel)
{
	static const char *const texts[4] = { "reason=signature", "reason=io", "reason=cancelled",
		"something \"went\" on\n" };
	const struct pawl_bytes messages[2] = { PAWL_BYTES_LIT("a sentence"),
		pawl_bytes_of(texts[op[4] % 4]) };
	const struct pawl_fleet_feedback feedback = {
		.execution =
		    op[2] % 2 == 0 ? PAWL_EXECUTION_CLOSED : (pawl_execution)(op[2] / 2 % 8),
		.finished = (pawl_finished)(op[3] % 3),
		.has_code = op[4] % 2 == 0,
		.code = op[4],
		.messages = messages,
		.message_count = 2,
	};
	const uint32_t id = action_id_of(model, name_of(op[1]), op[4]);

	if (cancel)
		(void)pawl_fleet_cancel_feedback(
		    model->fleet, name_of(op[1]), id, &feedback, model->now);
	else
		(void)pawl_fleet_feedback(model->fleet, name_of(op[1]), id, &feedback, model->now);
}

static void do_config_data(struct model *model, const uint8_t *op)
{
	const struct pawl_fleet_attribute_input inputs[2] = {
		{ op[2] % 4 == 3 ? PAWL_BYTES_LIT("VIN") : PAWL_BYTES_LIT("pawl.image_sha256"),
		    pawl_bytes_of(image_hash[op[2] % 3]) },
		{ PAWL_BYTES_LIT("pawl.hw"), pawl_bytes_of(classes[op[3] % 2]) },
	};

	(void)pawl_fleet_config_data(model->fleet, name_of(op[1]),
	    (pawl_attributes_mode)(op[3] % 3), inputs, op[4] % 4 == 0 ? 2 : 1, model->now, NULL);
}

static void do_create(struct model *model, const uint8_t *op)
{
	const char name[3] = { (char)('a' + op[1] % 26), (char)('a' + op[2] % 26), '\0' };
	const struct pawl_rollout_stage stage = { PAWL_ROLLOUT_SHARE_ALL, op[3] % 101,
		op[4] % 101 };
	struct pawl_fleet_rollout_options options = { .name = pawl_bytes_of(name),
		.filter = op[1] % 3 == 0 ? PAWL_BYTES_LIT("controllerid==d0*")
					 : PAWL_BYTES_LIT("group==field"),
		.distribution_set_id = model->sets[op[2] % 2],
		.force = PAWL_FORCE_FORCED,
		.settings = { .stage_count = 1 + op[3] % 3,
		    .budget_base = 1 + op[4] % 4,
		    .budget_gain_permille = op[1] % 3 * 500u },
		.strata_kind = op[2] % 2 == 0 ? PAWL_STRATA_HARDWARE_CLASS : PAWL_STRATA_NONE,
		.silence_s = 300,
		.seed = PAWL_BYTES(op, 4) };
	uint32_t id;

	pawl_rollout_equal_stages(options.settings.stage_count, stage, options.settings.stages);
	if (model->counters.rollout + 1 < 40)
		(void)pawl_fleet_rollout_create(model->fleet, &options, model->now, &id, NULL);
}

static void do_operate(struct model *model, const uint8_t *op)
{
	const uint32_t id = 1 + op[1] % (model->counters.rollout + 1);

	if (op[2] % 8 < 3)
		(void)pawl_fleet_rollout_start(model->fleet, id, model->now, NULL);
	else if (op[2] % 8 < 5)
		(void)pawl_fleet_rollout_pause(model->fleet, id, model->now, NULL);
	else if (op[2] % 8 < 7 || op[3] % 4 != 0)
		(void)pawl_fleet_rollout_resume(model->fleet, id, model->now, NULL);
	else
		(void)pawl_fleet_rollout_stop(model->fleet, id, model->now, NULL);
}

static void do_enrol(struct model *model, const uint8_t *op)
{
	const uint8_t token[32] = { op[3] };
	const uint8_t pin[32] = { op[4] % 2 };
	bool is_new;

	if (op[2] % 8 == 0)
		(void)pawl_fleet_enrolment_revoke(model->fleet, name_of(op[1]), model->now);
	else if (op[2] % 8 < 4)
		(void)pawl_fleet_enrolment_token(model->fleet, name_of(op[1]), token,
		    (struct pawl_wall){ model->now.ms + 1000 }, model->now);
	else if (op[2] % 8 < 6)
		(void)pawl_fleet_enrol(
		    model->fleet, name_of(op[1]), token, pin, model->now, &is_new);
	else
		(void)pawl_fleet_enrolment_issued(
		    model->fleet, name_of(op[1]), pin, token, model->now);
}

static void do_poll(struct model *model, const uint8_t *op)
{
	struct pawl_fleet_poll poll = { 0 };
	struct pawl_fleet_deployment deployment;
	const struct pawl_fleet_module *module;

	if (pawl_fleet_poll(model->fleet, name_of(op[1]), PAWL_BYTES(NULL, 0), model->now, &poll) !=
	    PAWL_FLEET_OK)
		return;
	PAWL_ASSERT(poll.sleep_s >= 1 && poll.sleep_s <= 60);
	PAWL_ASSERT(poll.cancel_action_id == 0 || poll.deployment_action_id == 0);
	if (poll.cancel_action_id != 0)
		PAWL_ASSERT(pawl_fleet_cancel_action(model->fleet, name_of(op[1]),
				poll.cancel_action_id) == PAWL_FLEET_OK);
	if (poll.deployment_action_id == 0 || op[2] % 4 == 0)
		return;
	PAWL_ASSERT(pawl_fleet_deployment(model->fleet, name_of(op[1]), poll.deployment_action_id,
			model->now, &deployment) == PAWL_FLEET_OK);
	PAWL_ASSERT(pawl_fleet_device_module(model->fleet, name_of(op[1]), deployment.module->id,
			&module) == PAWL_FLEET_OK);
}

/* In steps that the fleet takes for real. */
static void pass(struct model *model, int64_t left)
{
	do {
		const int64_t step = left < 30000 ? left : 30000;
		model->now.ms += step;
		left -= step;
		pawl_fleet_tick(model->fleet, model->now);
	} while (left > 0);
}

void model_step(struct model *model, const uint8_t op[MODEL_OP_SIZE])
{
	uint32_t id;

	model->now.ms += op[4] * 4;
	switch (op[0] % 24) {
	case 0:
	case 1:
	case 2: do_add(model, op); break;
	case 3:
		if (op[2] % 8 == 0)
			(void)pawl_fleet_device_remove(model->fleet, name_of(op[1]), model->now);
		break;
	case 4:
		(void)pawl_fleet_assign(model->fleet, name_of(op[1]),
		    &(struct pawl_fleet_assignment){ model->sets[op[2] % 2],
			(pawl_force_type)(op[3] % 4), model->now.ms + 5000 },
		    model->now, &id, NULL);
		break;
	case 5:
		(void)pawl_fleet_cancel(model->fleet, name_of(op[1]),
		    action_id_of(model, name_of(op[1]), op[3]), op[2] % 4 == 0, model->now);
		break;
	case 6: do_create(model, op); break;
	case 7:
	case 8: do_operate(model, op); break;
	case 9: do_enrol(model, op); break;
	case 10: pass(model, (int64_t)op[1] * (op[2] % 8 == 0 ? 4000 : 40)); break;
	case 11:
	case 12:
	case 13: do_config_data(model, op); break;
	case 14: do_feedback(model, op, true); break;
	case 15:
	case 16:
	case 17:
	case 18: do_feedback(model, op, false); break;
	default: do_poll(model, op); break;
	}
	drain(model);
}

/* --- goodwill --- */

static void obey(struct model *model, struct pawl_bytes name)
{
	static const struct pawl_fleet_feedback done = { .execution = PAWL_EXECUTION_CLOSED,
		.finished = PAWL_FINISHED_SUCCESS };
	struct pawl_fleet_poll poll = { 0 };
	struct pawl_fleet_deployment offer;

	if (pawl_fleet_poll(model->fleet, name, PAWL_BYTES(NULL, 0), model->now, &poll) !=
	    PAWL_FLEET_OK)
		return;
	if (poll.cancel_action_id != 0)
		PAWL_ASSERT(pawl_fleet_cancel_feedback(model->fleet, name, poll.cancel_action_id,
				&done, model->now) == PAWL_FLEET_OK);
	if (poll.deployment_action_id == 0)
		return;
	PAWL_ASSERT(pawl_fleet_deployment(model->fleet, name, poll.deployment_action_id, model->now,
			&offer) == PAWL_FLEET_OK);
	const struct pawl_fleet_attribute_input image = { PAWL_BYTES_LIT("pawl.image_sha256"),
		pawl_bytes_of(offer.module->image_sha256) };
	PAWL_ASSERT(pawl_fleet_feedback(model->fleet, name, poll.deployment_action_id, &done,
			model->now) == PAWL_FLEET_OK);
	PAWL_ASSERT(pawl_fleet_config_data(model->fleet, name, PAWL_ATTRIBUTES_MERGE, &image, 1,
			model->now, NULL) == PAWL_FLEET_OK);
}

/* True when every rollout has ended. */
static bool push_on(struct model *model)
{
	bool ended = true;

	for (uint32_t i = 0; i < pawl_fleet_rollout_count(model->fleet); i++) {
		const struct pawl_fleet_rollout *row = pawl_fleet_rollout_at(model->fleet, i);
		if (row->core.state == PAWL_ROLLOUT_READY)
			(void)pawl_fleet_rollout_start(model->fleet, row->id, model->now, NULL);
		else if (row->core.state == PAWL_ROLLOUT_PAUSED)
			(void)pawl_fleet_rollout_resume(model->fleet, row->id, model->now, NULL);
		ended = ended && (row->core.state == PAWL_ROLLOUT_FINISHED ||
				     row->core.state == PAWL_ROLLOUT_STOPPED);
	}
	return ended;
}

void model_settle(struct model *model)
{
	int rounds = 0;

	while (!push_on(model)) {
		for (uint8_t i = 0; i < MODEL_NAMES; i++)
			obey(model, name_of(i));
		pass(model, 60000);
		drain(model);
		PAWL_ASSERT(++rounds < 500);
	}
	/* Nothing is in flight for ever either. */
	pass(model, 2000 * PAWL_MS_PER_S);
	drain(model);
	PAWL_ASSERT(model_totals(model).running == 0);
}

/* --- checks --- */

static void check_rollout(const struct model *model, const struct pawl_fleet_rollout *rollout)
{
	const struct pawl_rollout *core = &rollout->core;
	uint32_t waiting = 0;
	uint32_t in_flight = 0;
	struct pawl_fleet_member member;

	for (uint32_t i = 0; pawl_fleet_members(model->fleet, rollout->id, i, 1, &member) == 1;
	     i++) {
		waiting += member.state == PAWL_MEMBER_WAITING;
		in_flight += member.state == PAWL_MEMBER_IN_FLIGHT;
	}
	for (uint32_t i = 0; i < core->stratum_count; i++) {
		const struct pawl_rollout_count *total = &core->strata[i].total;
		PAWL_ASSERT(total->in_flight + total->failed - total->accepted <=
			    pawl_rollout_budget(core, i));
		waiting -= total->size - total->in_flight - total->healthy - total->failed;
		in_flight -= total->in_flight;
	}
	PAWL_ASSERT(waiting == 0 && in_flight == 0);
	if (core->state == PAWL_ROLLOUT_READY)
		PAWL_ASSERT(pawl_fleet_rollout_totals(model->fleet, rollout->id).running == 0);
}

void model_check(const struct model *model)
{
	uint32_t total = 0;

	for (unsigned state = 0; state <= PAWL_DEVICE_REFUSED; state++)
		total += pawl_fleet_state_count(model->fleet, (pawl_device_state)state);
	PAWL_ASSERT(total == pawl_fleet_device_count(model->fleet));
	for (uint32_t i = 0; i < pawl_fleet_rollout_count(model->fleet); i++)
		check_rollout(model, pawl_fleet_rollout_at(model->fleet, i));
}

static void same_text(const char *a, const char *b)
{
	PAWL_ASSERT(strcmp(a, b) == 0);
}

static void compare_device(
    struct pawl_fleet *one, struct pawl_fleet *two, const struct pawl_fleet_device *a)
{
	const struct pawl_fleet_device *b = pawl_fleet_device(two, a->id);
	char why_a[PAWL_REASON_MAX + 1];
	char why_b[PAWL_REASON_MAX + 1];

	PAWL_ASSERT(b != NULL);
	same_text(a->controller_id, b->controller_id);
	same_text(a->hardware_class, b->hardware_class);
	PAWL_ASSERT(a->state == b->state && a->enrolment == b->enrolment);
	PAWL_ASSERT(a->assigned_id == b->assigned_id && a->installed_id == b->installed_id);
	PAWL_ASSERT(a->last_action_id == b->last_action_id);
	PAWL_ASSERT(a->attribute_count == b->attribute_count);
	PAWL_ASSERT(a->last_request_at == b->last_request_at);
	PAWL_ASSERT(pawl_fleet_device_rollout(one, a->id) == pawl_fleet_device_rollout(two, a->id));
	pawl_fleet_device_why(one, a->id, why_a);
	pawl_fleet_device_why(two, a->id, why_b);
	same_text(why_a, why_b);
}

static void compare_rollout(
    struct pawl_fleet *one, struct pawl_fleet *two, const struct pawl_fleet_rollout *a)
{
	const struct pawl_fleet_rollout *b = pawl_fleet_rollout(two, a->id);
	char why_a[PAWL_REASON_MAX + 1];
	char why_b[PAWL_REASON_MAX + 1];
	struct pawl_fleet_member m;
	struct pawl_fleet_member n;

	PAWL_ASSERT(b != NULL && a->core.stratum_count == b->core.stratum_count);
	PAWL_ASSERT(a->core.state == b->core.state);
	for (uint32_t i = 0; i < a->core.stratum_count; i++) {
		same_text(a->stratum_names[i], b->stratum_names[i]);
		PAWL_ASSERT(
		    memcmp(&a->core.strata[i], &b->core.strata[i], sizeof(a->core.strata[i])) == 0);
	}
	const struct pawl_fleet_rollout_totals s = pawl_fleet_rollout_totals(one, a->id);
	const struct pawl_fleet_rollout_totals t = pawl_fleet_rollout_totals(two, a->id);
	PAWL_ASSERT(memcmp(&s, &t, sizeof(s)) == 0);
	for (uint32_t i = 0; pawl_fleet_members(one, a->id, i, 1, &m) == 1; i++) {
		PAWL_ASSERT(pawl_fleet_members(two, a->id, i, 1, &n) == 1);
		PAWL_ASSERT(memcmp(&m, &n, sizeof(m)) == 0);
	}
	pawl_fleet_rollout_why(one, a->id, why_a);
	pawl_fleet_rollout_why(two, a->id, why_b);
	same_text(why_a, why_b);
}

static void compare(struct pawl_fleet *one, struct pawl_fleet *two)
{
	uint32_t ids[MODEL_NAMES];
	size_t total;
	const size_t count = pawl_fleet_devices(one, NULL, 0, MODEL_NAMES, ids, &total);

	PAWL_ASSERT(pawl_fleet_device_count(one) == pawl_fleet_device_count(two));
	PAWL_ASSERT(pawl_fleet_rollout_count(one) == pawl_fleet_rollout_count(two));
	for (size_t i = 0; i < count; i++)
		compare_device(one, two, pawl_fleet_device(one, ids[i]));
	for (uint32_t i = 0; i < pawl_fleet_rollout_count(one); i++)
		compare_rollout(one, two, pawl_fleet_rollout_at(one, i));
}

static void compare_polls(const struct model *model, struct pawl_fleet *other)
{
	for (uint8_t i = 0; i < MODEL_NAMES; i++) {
		struct pawl_fleet_poll a = { 0 };
		struct pawl_fleet_poll b = { 0 };
		const struct pawl_bytes none = PAWL_BYTES(NULL, 0);

		PAWL_ASSERT(pawl_fleet_poll(model->fleet, name_of(i), none, model->now, &a) ==
			    pawl_fleet_poll(other, name_of(i), none, model->now, &b));
		PAWL_ASSERT(memcmp(&a, &b, sizeof(a)) == 0);
	}
}

void model_restart(struct model *model)
{
	struct pawl_fleet *loaded = load(model);
	size_t mended;

	(void)pawl_fleet_effects(loaded, &mended);
	PAWL_ASSERT(mended == 0);
	compare(model->fleet, loaded);
	compare_polls(model, loaded);
	pawl_fleet_tick(model->fleet, model->now);
	pawl_fleet_tick(loaded, model->now);
	compare(model->fleet, loaded);
	pawl_fleet_destroy(model->fleet);
	model->fleet = loaded;
	drain(model);
}

struct pawl_fleet_rollout_totals model_totals(const struct model *model)
{
	struct pawl_fleet_rollout_totals sum = { 0 };

	for (uint32_t i = 0; i < pawl_fleet_rollout_count(model->fleet); i++) {
		const struct pawl_fleet_rollout_totals one = pawl_fleet_rollout_totals(
		    model->fleet, pawl_fleet_rollout_at(model->fleet, i)->id);
		sum.not_started += one.not_started;
		sum.running += one.running;
		sum.finished += one.finished;
		sum.error += one.error;
		sum.cancelled += one.cancelled;
	}
	return sum;
}
