/* SPDX-License-Identifier: MIT
 *
 * All rows at the start of the server. A value that does not fit its field is
 * damage: the load ends and names the row, it guesses nothing.
 */
#include "store_internal.h"

#include <string.h>

/* A row being read; `bad` is the first column that does not fit, -1: none. */
struct row {
	sqlite3_stmt *statement;
	int bad;
	bool no_memory;
};

static int64_t get_time(struct row *row, int column)
{
	return sqlite3_column_int64(row->statement, column);
}

static uint64_t get_number(struct row *row, int column, uint64_t max)
{
	const int64_t value = sqlite3_column_int64(row->statement, column);

	if ((value < 0 || (uint64_t)value > max) && row->bad < 0)
		row->bad = column;
	return (uint64_t)value;
}

static uint32_t get_u32(struct row *row, int column)
{
	return (uint32_t)get_number(row, column, UINT32_MAX);
}

static bool get_bool(struct row *row, int column)
{
	return get_number(row, column, 1) != 0;
}

static const char *get_text(struct row *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row->statement, column);

	if (text == NULL)
		row->no_memory = true;
	else if (strlen(text) != (size_t)sqlite3_column_bytes(row->statement, column) &&
		 row->bad < 0)
		row->bad = column; /* a NUL inside */
	return text == NULL ? "" : text;
}

static void get_array(struct row *row, int column, size_t capacity, char *array)
{
	const char *text = get_text(row, column);

	if (strlen(text) >= capacity) {
		if (row->bad < 0)
			row->bad = column;
		return;
	}
	memcpy(array, text, strlen(text) + 1);
}

static bool get_digest(struct row *row, int column, uint8_t digest[32])
{
	if (sqlite3_column_type(row->statement, column) == SQLITE_NULL)
		return false;
	const void *blob = sqlite3_column_blob(row->statement, column);
	if (blob == NULL || sqlite3_column_bytes(row->statement, column) != 32) {
		if (row->bad < 0)
			row->bad = column;
		return false;
	}
	memcpy(digest, blob, 32);
	return true;
}

static pawl_err check_row(const struct row *row, struct pawl_note *note)
{
	if (row->no_memory)
		return PAWL_ERR_NO_MEMORY;
	if (row->bad < 0)
		return PAWL_ERR_OK;
	pawl_note_add(note, "stored row ");
	const char *table = sqlite3_column_name(row->statement, 0);
	pawl_note_add(note, table == NULL ? "" : table);
	pawl_note_add(note, "=");
	const char *key = (const char *)sqlite3_column_text(row->statement, 0);
	pawl_note_add(note, key == NULL ? "" : key);
	pawl_note_add(note, ": column ");
	const char *column = sqlite3_column_name(row->statement, row->bad);
	pawl_note_add(note, column == NULL ? "" : column);
	pawl_note_add(note, " is out of range; restore the last backup");
	return PAWL_ERR_CORRUPT;
}

struct load {
	struct pawl_store *store;
	const struct pawl_store_loader *loader;
	struct pawl_note *note;
	struct pawl_fleet_counters counters;
};

static pawl_err load_counter(struct load *load, struct row *row)
{
	const char *name = get_text(row, 0);
	const uint32_t value = get_u32(row, 1);

	PAWL_TRY(check_row(row, load->note));
	if (strcmp(name, "device") == 0)
		load->counters.device = value;
	else if (strcmp(name, "distribution_set") == 0)
		load->counters.distribution_set = value;
	else if (strcmp(name, "module") == 0)
		load->counters.module = value;
	else if (strcmp(name, "action") == 0)
		load->counters.action = value;
	else if (strcmp(name, "rollout") == 0)
		load->counters.rollout = value;
	return PAWL_ERR_OK;
}

static pawl_err read_modules(struct load *load, uint32_t set_id,
    struct pawl_fleet_module modules[PAWL_FLEET_MODULES_MAX], uint32_t *ret_count)
{
	struct row row = { .bad = -1 };
	uint32_t count = 0;
	int result = SQLITE_DONE;
	pawl_err err =
	    pawl_store_statement(&load->store->reader, STORE_QUERY_module_list, &row.statement);

	if (err != PAWL_ERR_OK)
		return err;
	(void)sqlite3_bind_int64(row.statement, 1, set_id); /* integers always bind */
	while (err == PAWL_ERR_OK && (result = sqlite3_step(row.statement)) == SQLITE_ROW) {
		if (count == PAWL_FLEET_MODULES_MAX) {
			err = PAWL_ERR_CORRUPT;
			break;
		}
		struct pawl_fleet_module *module = &modules[count++];
		module->id = get_u32(&row, 0);
		get_array(&row, 1, sizeof(module->hardware_class), module->hardware_class);
		get_array(&row, 2, sizeof(module->file_name), module->file_name);
		get_array(&row, 3, sizeof(module->target_path), module->target_path);
		module->size = get_number(&row, 4, INT64_MAX);
		get_array(&row, 5, sizeof(module->sha256), module->sha256);
		get_array(&row, 6, sizeof(module->sha1), module->sha1);
		get_array(&row, 7, sizeof(module->md5), module->md5);
		get_array(&row, 8, sizeof(module->image_sha256), module->image_sha256);
		module->created_at = get_time(&row, 9);
		err = check_row(&row, load->note);
	}
	(void)sqlite3_reset(row.statement);
	if (err == PAWL_ERR_OK)
		err = pawl_store_err(result);
	if (err == PAWL_ERR_OK)
		*ret_count = count;
	return err;
}

static pawl_err load_set(struct load *load, struct row *row)
{
	struct pawl_fleet_module modules[PAWL_FLEET_MODULES_MAX] = { { .id = 0 } };
	struct pawl_fleet_distribution_set set = { .id = get_u32(row, 0), .modules = modules };

	get_array(row, 1, sizeof(set.product), set.product);
	get_array(row, 2, sizeof(set.version), set.version);
	set.seq = get_number(row, 3, INT64_MAX);
	set.sec = get_u32(row, 4);
	set.created_at = get_time(row, 5);
	PAWL_TRY(check_row(row, load->note));
	PAWL_TRY(read_modules(load, set.id, modules, &set.module_count));
	return load->loader->distribution_set(load->loader->context, &set);
}

static pawl_err load_device(struct load *load, struct row *row)
{
	struct pawl_fleet_device device = {
		.id = get_u32(row, 0),
		.controller_id = get_text(row, 1),
		.name = get_text(row, 2),
		.description = get_text(row, 3),
		.product = get_text(row, 4),
		.hardware_class = get_text(row, 5),
		.group = get_text(row, 6),
		.address = get_text(row, 7),
		.created_at = get_time(row, 8),
		.last_request_at = get_time(row, 9),
		.installed_at = get_time(row, 10),
		.attributes_at = get_time(row, 11),
		.state = (pawl_device_state)get_number(row, 12, PAWL_DEVICE_REFUSED),
		.why = get_text(row, 13),
		.attributes_wanted = get_bool(row, 14),
		.assigned_id = get_u32(row, 15),
		.installed_id = get_u32(row, 16),
		.installed_action_id = get_u32(row, 17),
		.last_action_id = get_u32(row, 18),
		.enrolment = (pawl_enrolment)get_number(row, 19, PAWL_ENROLMENT_REVOKED),
		.token_expires_at = get_time(row, 21),
		.requested_at = get_time(row, 23),
	};

	device.has_token = get_digest(row, 20, device.token_sha256);
	device.has_key_pin = get_digest(row, 22, device.key_pin);
	device.has_fingerprint = get_digest(row, 24, device.fingerprint);
	PAWL_TRY(check_row(row, load->note));
	return load->loader->device(load->loader->context, &device);
}

static pawl_err load_attribute(struct load *load, struct row *row)
{
	const uint32_t device_id = get_u32(row, 0);
	const char *key = get_text(row, 1);
	const char *value = get_text(row, 2);

	PAWL_TRY(check_row(row, load->note));
	return load->loader->attribute(load->loader->context, device_id, key, value);
}

static pawl_err load_rollout(struct load *load, struct row *row)
{
	const void *at = sqlite3_column_blob(row->statement, 1);
	const size_t size = (size_t)sqlite3_column_bytes(row->statement, 1);

	(void)get_u32(row, 0);
	if (at == NULL || size > PAWL_FLEET_ROLLOUT_RECORD_MAX)
		row->bad = 1;
	PAWL_TRY(check_row(row, load->note));
	return load->loader->rollout(load->loader->context, PAWL_BYTES(at, size));
}

static pawl_err load_member(struct load *load, struct row *row)
{
	const struct pawl_fleet_member member = {
		.rollout_id = get_u32(row, 0),
		.device_id = get_u32(row, 1),
		.stratum = get_u32(row, 2),
		.stage = get_u32(row, 3),
		.state = (pawl_member_state)get_number(row, 4, PAWL_MEMBER_LEFT),
	};

	PAWL_TRY(check_row(row, load->note));
	return load->loader->member(load->loader->context, &member);
}

static pawl_err load_action(struct load *load, struct row *row)
{
	const int64_t code = sqlite3_column_int64(row->statement, 15);
	const struct pawl_fleet_action action = {
		.id = get_u32(row, 0),
		.device_id = get_u32(row, 1),
		.distribution_set_id = get_u32(row, 2),
		.rollout_id = get_u32(row, 3),
		.stratum = get_u32(row, 4),
		.stage = get_u32(row, 5),
		.status = (pawl_action_status)get_number(row, 6, PAWL_ACTION_CANCELED),
		.force = (pawl_force_type)get_number(row, 7, PAWL_FORCE_DOWNLOADONLY),
		.force_at = get_time(row, 8),
		.activated = get_bool(row, 9),
		.unverified = get_bool(row, 10),
		.created_at = get_time(row, 11),
		.changed_at = get_time(row, 12),
		.claimed_at = get_time(row, 13),
		.closed_at = get_time(row, 14),
		.last_code = (int32_t)code,
		.claimed_polls = get_u32(row, 16),
		.status_count = get_u32(row, 17),
		.why = get_text(row, 18),
		.retrieved = get_bool(row, 19),
		.leaves_rollout = get_bool(row, 20),
	};

	if (code < INT32_MIN || code > INT32_MAX)
		row->bad = 15;
	PAWL_TRY(check_row(row, load->note));
	return load->loader->action(load->loader->context, &action);
}

static pawl_err load_all(
    struct load *load, store_query query, pawl_err (*load_row)(struct load *, struct row *))
{
	struct row row = { .bad = -1 };
	pawl_err err = pawl_store_statement(&load->store->reader, query, &row.statement);
	int result = SQLITE_DONE;

	while (err == PAWL_ERR_OK && (result = sqlite3_step(row.statement)) == SQLITE_ROW) {
		row.bad = -1;
		err = load_row(load, &row);
	}
	if (err == PAWL_ERR_OK && result != SQLITE_DONE) {
		err = pawl_store_err(result);
		pawl_store_explain(&load->store->reader, load->note);
	}
	if (row.statement != NULL)
		(void)sqlite3_reset(row.statement);
	return err;
}

pawl_err pawl_store_load(
    struct pawl_store *store, const struct pawl_store_loader *loader, struct pawl_note *note)
{
	struct load load = { .store = store, .loader = loader, .note = note };

	PAWL_TRY(load_all(&load, STORE_QUERY_counter_list, load_counter));
	PAWL_TRY(loader->counters(loader->context, &load.counters));
	PAWL_TRY(load_all(&load, STORE_QUERY_set_list, load_set));
	PAWL_TRY(load_all(&load, STORE_QUERY_device_list, load_device));
	PAWL_TRY(load_all(&load, STORE_QUERY_attribute_list, load_attribute));
	PAWL_TRY(load_all(&load, STORE_QUERY_rollout_list, load_rollout));
	PAWL_TRY(load_all(&load, STORE_QUERY_member_list, load_member));
	return load_all(&load, STORE_QUERY_action_list, load_action);
}
