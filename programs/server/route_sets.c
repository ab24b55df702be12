/* SPDX-License-Identifier: MIT
 *
 * route_sets.c - /rest/v1/distributionsets and /rest/v1/softwaremodules: what
 * publication made of signed metadata. Read only. */
#include "app.h"

#include <stdio.h>

static void put_module(struct call *call, const struct pawl_fleet_distribution_set *set,
    const struct pawl_fleet_module *module)
{
	struct pawl_json_writer *json = &call->json;
	char name[PAWL_PRODUCT_MAX + PAWL_HW_CLASS_MAX + 2];

	print_text(name, sizeof(name), "%s-%s", set->product, module->hardware_class);
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", module->id);
	pawl_json_member_text(json, "name", name);
	pawl_json_member_text(json, "version", set->version);
	pawl_json_member_text(json, "type", "os");
	pawl_json_member_int(json, "createdAt", module->created_at);
	pawl_json_key(json, "pawl");
	pawl_json_begin_object(json);
	pawl_json_member_text(json, "hardwareClass", module->hardware_class);
	pawl_json_member_text(json, "targetPath", module->target_path);
	pawl_json_member_text(json, "imageSha256", module->image_sha256);
	pawl_json_end_object(json);
	pawl_json_end_object(json);
}

void put_set(struct call *call, const struct pawl_fleet_distribution_set *set)
{
	struct pawl_json_writer *json = &call->json;

	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", set->id);
	pawl_json_member_text(json, "name", set->product);
	pawl_json_member_text(json, "version", set->version);
	pawl_json_member_text(json, "type", "os");
	pawl_json_member_bool(json, "complete", true);
	pawl_json_member_int(json, "createdAt", set->created_at);
	pawl_json_key(json, "modules");
	pawl_json_begin_array(json);
	for (uint32_t i = 0; i < set->module_count; i++)
		put_module(call, set, &set->modules[i]);
	pawl_json_end_array(json);
	pawl_json_key(json, "pawl");
	pawl_json_begin_object(json);
	pawl_json_member_int(json, "seq", (int64_t)set->seq);
	pawl_json_member_int(json, "sec", set->sec);
	pawl_json_end_object(json);
	pawl_json_end_object(json);
}

static void put_artifact(struct call *call, const struct pawl_fleet_module *module)
{
	struct pawl_json_writer *json = &call->json;

	pawl_json_begin_object(json);
	pawl_json_member_int(json, "id", module->id);
	pawl_json_member_text(json, "providedFilename", module->file_name);
	pawl_json_member_int(json, "size", (int64_t)module->size);
	pawl_json_key(json, "hashes");
	pawl_json_begin_object(json);
	pawl_json_member_text(json, "sha1", module->sha1);
	pawl_json_member_text(json, "md5", module->md5);
	pawl_json_member_text(json, "sha256", module->sha256);
	pawl_json_end_object(json);
	pawl_json_member_int(json, "createdAt", module->created_at);
	pawl_json_end_object(json);
}

static bool segment_id(const struct call *call, uint32_t *ret_id)
{
	uint64_t id = 0;

	if (pawl_parse_u64(call->target.segments[3], UINT32_MAX, &id) != PAWL_ERR_OK)
		return false;
	*ret_id = (uint32_t)id;
	return true;
}

/* `name==` and `version==` in the query, exact, joined by ';': what scripts ask for. */
static bool set_matches(struct pawl_bytes query, const struct pawl_fleet_distribution_set *set)
{
	char name[PAWL_PRODUCT_MAX + 16];
	char version[PAWL_VERSION_MAX + 16];

	while (query.size > 0) {
		size_t size = 0;

		while (size < query.size && query.at[size] != ';')
			size++;
		const struct pawl_bytes term = PAWL_BYTES(query.at, size);

		print_text(name, sizeof(name), "name==%s", set->product);
		print_text(version, sizeof(version), "version==%s", set->version);
		if (!pawl_bytes_is(term, name) && !pawl_bytes_is(term, version))
			return false;
		size += size < query.size ? 1 : 0;
		query = PAWL_BYTES(query.at + size, query.size - size);
	}
	return true;
}

static void list_sets(struct call *call)
{
	const struct pawl_bytes query = pawl_target_query(&call->target, "q");
	const uint32_t count = pawl_fleet_distribution_set_count(call->app->fleet);
	struct pawl_store_page page;
	uint64_t total = 0;
	uint64_t size = 0;

	if (!read_page(call, &page))
		return;
	begin_list(call);
	for (uint32_t i = 0; i < count; i++) {
		const struct pawl_fleet_distribution_set *set =
		    pawl_fleet_distribution_set_at(call->app->fleet, i);

		if (!set_matches(query, set))
			continue;
		if (total >= page.offset && size < page.limit) {
			put_set(call, set);
			size++;
		}
		total++;
	}
	end_list(call, total, size);
}

void route_sets(struct call *call)
{
	const struct pawl_fleet_distribution_set *set = NULL;
	const size_t count = call->target.segment_count;
	uint32_t id = 0;

	if (call->request->method != PAWL_HTTP1_GET || count > 4) {
		reply_error(
		    call, 404, "Distribution sets are made by `pawl release publish`; GET only.");
		return;
	}
	if (count == 3) {
		list_sets(call);
		return;
	}
	if (segment_id(call, &id))
		set = pawl_fleet_distribution_set(call->app->fleet, id);
	if (set == NULL) {
		reply_error(call, 404, "There is no such distribution set.");
		return;
	}
	put_set(call, set);
	reply_json(call, 200);
}

static void list_modules(struct call *call)
{
	const uint32_t count = pawl_fleet_distribution_set_count(call->app->fleet);
	struct pawl_store_page page;
	uint64_t total = 0;
	uint64_t size = 0;

	if (!read_page(call, &page))
		return;
	begin_list(call);
	for (uint32_t i = 0; i < count; i++) {
		const struct pawl_fleet_distribution_set *set =
		    pawl_fleet_distribution_set_at(call->app->fleet, i);

		for (uint32_t k = 0; k < set->module_count; k++, total++) {
			if (total < page.offset || size >= page.limit)
				continue;
			put_module(call, set, &set->modules[k]);
			size++;
		}
	}
	end_list(call, total, size);
}

void route_modules(struct call *call)
{
	const struct pawl_fleet_distribution_set *set = NULL;
	const struct pawl_fleet_module *module = NULL;
	const size_t count = call->target.segment_count;
	uint32_t id = 0;

	if (call->request->method != PAWL_HTTP1_GET || count > 5) {
		reply_error(
		    call, 404, "Software modules are made by `pawl release publish`; GET only.");
		return;
	}
	if (count == 3) {
		list_modules(call);
		return;
	}
	if (segment_id(call, &id))
		module = pawl_fleet_module(call->app->fleet, id, &set);
	if (module == NULL) {
		reply_error(call, 404, "There is no such software module.");
	} else if (count == 4) {
		put_module(call, set, module);
		reply_json(call, 200);
	} else if (pawl_target_segment_is(&call->target, 4, "artifacts")) {
		pawl_json_begin_array(&call->json);
		put_artifact(call, module);
		pawl_json_end_array(&call->json);
		reply_json(call, 200);
	} else {
		reply_error(call, 404, "The software module has no such resource.");
	}
}
