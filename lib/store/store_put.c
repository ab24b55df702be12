/* SPDX-License-Identifier: MIT
 *
 * Rows into operations. The order of parameters is that of the query's file.
 */
#include "store_internal.h"

#include <string.h>

#define OP(store, query) pawl_store_op_begin((store), STORE_QUERY_##query)
#define INT(store, value) pawl_store_op_int((store), (int64_t)(value))

static void put_counter(struct pawl_store *store, const char *name, uint32_t value)
{
	OP(store, counter_put);
	pawl_store_op_text(store, name);
	INT(store, value);
	pawl_store_op_end(store);
}

void pawl_store_put_counters(struct pawl_store *store, const struct pawl_fleet_counters *counters)
{
	put_counter(store, "device", counters->device);
	put_counter(store, "distribution_set", counters->distribution_set);
	put_counter(store, "module", counters->module);
	put_counter(store, "action", counters->action);
	put_counter(store, "rollout", counters->rollout);
}

static void digest_or_null(struct pawl_store *store, bool is_there, const uint8_t digest[32])
{
	if (is_there)
		pawl_store_op_blob(store, PAWL_BYTES(digest, 32));
	else
		pawl_store_op_null(store);
}

void pawl_store_put_device(struct pawl_store *store, const struct pawl_fleet_device *device)
{
	OP(store, device_put);
	INT(store, device->id);
	pawl_store_op_text(store, device->controller_id);
	pawl_store_op_text(store, device->name);
	pawl_store_op_text(store, device->description);
	pawl_store_op_text(store, device->product);
	pawl_store_op_text(store, device->hardware_class);
	pawl_store_op_text(store, device->group);
	pawl_store_op_text(store, device->address);
	INT(store, device->created_at);
	INT(store, device->last_request_at);
	INT(store, device->installed_at);
	INT(store, device->attributes_at);
	INT(store, device->state);
	pawl_store_op_text(store, device->why);
	INT(store, device->attributes_wanted);
	INT(store, device->assigned_id);
	INT(store, device->installed_id);
	INT(store, device->installed_action_id);
	INT(store, device->last_action_id);
	INT(store, device->enrolment);
	digest_or_null(store, device->has_token, device->token_sha256);
	INT(store, device->token_expires_at);
	digest_or_null(store, device->has_key_pin, device->key_pin);
	INT(store, device->requested_at);
	digest_or_null(store, device->has_fingerprint, device->fingerprint);
	pawl_store_op_end(store);
}

void pawl_store_touch_device(
    struct pawl_store *store, uint32_t device_id, int64_t last_request_at, const char *address)
{
	OP(store, device_touch);
	INT(store, device_id);
	INT(store, last_request_at);
	pawl_store_op_text(store, address);
	pawl_store_op_end(store);
}

static void with_id(struct pawl_store *store, store_query query, uint32_t id)
{
	pawl_store_op_begin(store, query);
	INT(store, id);
	pawl_store_op_end(store);
}

void pawl_store_put_attributes(struct pawl_store *store, const struct pawl_fleet_device *device)
{
	with_id(store, STORE_QUERY_attribute_delete, device->id);
	for (uint32_t i = 0; i < device->attribute_count; i++) {
		OP(store, attribute_put);
		INT(store, device->id);
		pawl_store_op_text(store, device->attributes[i].key);
		pawl_store_op_text(store, device->attributes[i].value);
		pawl_store_op_end(store);
	}
}

void pawl_store_remove_device(struct pawl_store *store, uint32_t device_id)
{
	/* Messages are found through statuses, those through actions. */
	with_id(store, STORE_QUERY_message_delete, device_id);
	with_id(store, STORE_QUERY_status_delete, device_id);
	with_id(store, STORE_QUERY_action_delete, device_id);
	with_id(store, STORE_QUERY_member_delete, device_id);
	with_id(store, STORE_QUERY_attribute_delete, device_id);
	with_id(store, STORE_QUERY_credential_delete, device_id);
	with_id(store, STORE_QUERY_device_delete, device_id);
}

void pawl_store_put_distribution_set(
    struct pawl_store *store, const struct pawl_fleet_distribution_set *set)
{
	OP(store, set_put);
	INT(store, set->id);
	pawl_store_op_text(store, set->product);
	pawl_store_op_text(store, set->version);
	INT(store, set->seq);
	INT(store, set->sec);
	INT(store, set->created_at);
	pawl_store_op_end(store);
	for (uint32_t i = 0; i < set->module_count; i++) {
		const struct pawl_fleet_module *module = &set->modules[i];

		OP(store, module_put);
		INT(store, module->id);
		INT(store, set->id);
		pawl_store_op_text(store, module->hardware_class);
		pawl_store_op_text(store, module->file_name);
		pawl_store_op_text(store, module->target_path);
		INT(store, module->size);
		pawl_store_op_text(store, module->sha256);
		pawl_store_op_text(store, module->sha1);
		pawl_store_op_text(store, module->md5);
		pawl_store_op_text(store, module->image_sha256);
		INT(store, module->created_at);
		pawl_store_op_end(store);
	}
}

void pawl_store_put_action(struct pawl_store *store, const struct pawl_fleet_action *action)
{
	OP(store, action_put);
	INT(store, action->id);
	INT(store, action->device_id);
	INT(store, action->distribution_set_id);
	INT(store, action->rollout_id);
	INT(store, action->stratum);
	INT(store, action->stage);
	INT(store, action->status);
	INT(store, action->force);
	INT(store, action->force_at);
	INT(store, action->activated);
	INT(store, action->unverified);
	INT(store, action->created_at);
	INT(store, action->changed_at);
	INT(store, action->claimed_at);
	INT(store, action->closed_at);
	INT(store, action->last_code);
	INT(store, action->claimed_polls);
	INT(store, action->status_count);
	pawl_store_op_text(store, action->why);
	INT(store, action->retrieved);
	INT(store, action->leaves_rollout);
	pawl_store_op_end(store);
}

void pawl_store_add_status(struct pawl_store *store, const struct pawl_fleet_effect *status)
{
	OP(store, status_add);
	INT(store, status->id);
	INT(store, status->at);
	pawl_store_op_text(store, status->name);
	if (status->has_code)
		INT(store, status->code);
	else
		pawl_store_op_null(store);
	pawl_store_op_end(store);
	for (size_t i = 0; i < status->text_count; i++) {
		OP(store, message_add);
		INT(store, status->id);
		INT(store, i);
		pawl_store_op_text(store, status->texts[i]);
		pawl_store_op_end(store);
	}
}

void pawl_store_put_rollout(struct pawl_store *store, uint32_t rollout_id, struct pawl_bytes record)
{
	OP(store, rollout_put);
	INT(store, rollout_id);
	pawl_store_op_blob(store, record);
	pawl_store_op_end(store);
}

void pawl_store_put_member(struct pawl_store *store, const struct pawl_fleet_member *member)
{
	OP(store, member_put);
	INT(store, member->rollout_id);
	INT(store, member->device_id);
	INT(store, member->stratum);
	INT(store, member->stage);
	INT(store, member->state);
	pawl_store_op_end(store);
}

void pawl_store_put_credential(struct pawl_store *store, uint32_t device_id, struct pawl_bytes csr,
    struct pawl_bytes certificate)
{
	OP(store, credential_put);
	INT(store, device_id);
	pawl_store_op_text_bytes(store, csr);
	pawl_store_op_text_bytes(store, certificate);
	pawl_store_op_end(store);
}

void pawl_store_put_setting(struct pawl_store *store, const char *key, struct pawl_bytes value)
{
	PAWL_ASSERT(strlen(key) <= PAWL_STORE_KEY_MAX);
	OP(store, setting_put);
	pawl_store_op_text(store, key);
	pawl_store_op_blob(store, value);
	pawl_store_op_end(store);
}

void pawl_store_put_token(struct pawl_store *store, const struct pawl_store_token *token)
{
	OP(store, token_put);
	pawl_store_op_text(store, token->name);
	pawl_store_op_blob(store, PAWL_BYTES(token->sha256, sizeof(token->sha256)));
	INT(store, token->created_at);
	INT(store, token->expires_at);
	pawl_store_op_end(store);
}

void pawl_store_remove_token(struct pawl_store *store, const char *name)
{
	OP(store, token_delete);
	pawl_store_op_text(store, name);
	pawl_store_op_end(store);
}

void pawl_store_add_audit(struct pawl_store *store, const struct pawl_store_audit *entry)
{
	OP(store, audit_add);
	INT(store, entry->at);
	pawl_store_op_text(store, entry->actor);
	pawl_store_op_text(store, entry->action);
	pawl_store_op_text(store, entry->object);
	pawl_store_op_text(store, entry->detail);
	pawl_store_op_end(store);
}
