/* SPDX-License-Identifier: MIT
 *
 * REPO/pawl.json: which keys sign which role, for how long, and where the
 * server is. People may edit it, so every complaint names the member. */
#include "pawl_app.h"

#include "pawl/url.h"

#include <string.h>

enum { SETTINGS_SIZE_MAX = 1024 * 1024 };

static const char settings_name[] = "pawl.json";

static pawl_err bad_member(struct app *app, const char *member, pawl_err err, const char *wanted)
{
	return app_fail(app, err == PAWL_ERR_NOT_FOUND ? PAWL_ERR_SYNTAX : err,
	    "%s/%s: member \"%s\" %s; correct it or restore the file from your backup", app->repo,
	    settings_name, member, wanted);
}

static pawl_err load_name(struct app *app, const struct pawl_json *json, uint32_t value,
    const char *member, size_t capacity, char *ret_name)
{
	const pawl_err err = pawl_json_text(json, value, capacity, ret_name);

	if (err != PAWL_ERR_OK)
		return bad_member(app, member, err, "must be a short string");
	/* Names become file names below REPO. */
	if (strchr(ret_name, '/') != NULL || ret_name[0] == '.' || ret_name[0] == '\0')
		return bad_member(app, member, PAWL_ERR_SYNTAX, "must be a name without '/'");
	return PAWL_ERR_OK;
}

static pawl_err load_role(
    struct app *app, const struct pawl_json *json, uint32_t key, struct app_role *role)
{
	const uint32_t keys = pawl_json_get(json, key + 1, "keys");
	pawl_err err = PAWL_ERR_OK;

	PAWL_TRY(load_name(app, json, key, "roles", sizeof(role->name), role->name));
	const char *prefix = app_text(app, "roles.%s", role->name);
	if (!pawl_json_is(json, keys, PAWL_JSON_ARRAY) || pawl_json_count(json, keys) == 0 ||
	    pawl_json_count(json, keys) > APP_ROLE_KEYS_MAX)
		return bad_member(app, app_text(app, "%s.keys", prefix), PAWL_ERR_SYNTAX,
		    "must be a list of 1 to 16 key names");
	for (uint32_t at = pawl_json_first(json, keys); at != PAWL_JSON_NONE;
	     at = pawl_json_after(json, keys, at))
		PAWL_TRY(load_name(app, json, at, app_text(app, "%s.keys", prefix),
		    sizeof(role->keys[0]), role->keys[role->key_count++]));
	err = pawl_json_int(json, pawl_json_get(json, key + 1, "threshold"), 1,
	    (int64_t)role->key_count, &role->threshold);
	if (err != PAWL_ERR_OK)
		return bad_member(app, app_text(app, "%s.threshold", prefix), err,
		    "must be a whole number from 1 to the number of keys");
	err = pawl_json_int(json, pawl_json_get(json, key + 1, "days"), 1, 3650, &role->days);
	if (err != PAWL_ERR_OK)
		return bad_member(app, app_text(app, "%s.days", prefix), err,
		    "must be a whole number from 1 to 3650");
	return PAWL_ERR_OK;
}

static pawl_err load_product(
    struct app *app, const struct pawl_json *json, uint32_t key, struct app_product *product)
{
	const uint32_t groups = pawl_json_get(json, key + 1, "groups");

	PAWL_TRY(load_name(app, json, key, "products", sizeof(product->name), product->name));
	const char *member = app_text(app, "products.%s.groups", product->name);
	if (!pawl_json_is(json, groups, PAWL_JSON_ARRAY) ||
	    pawl_json_count(json, groups) > APP_GROUPS_MAX)
		return bad_member(
		    app, member, PAWL_ERR_SYNTAX, "must be a list of at most 64 names");
	for (uint32_t at = pawl_json_first(json, groups); at != PAWL_JSON_NONE;
	     at = pawl_json_after(json, groups, at))
		PAWL_TRY(load_name(app, json, at, member, sizeof(product->groups[0]),
		    product->groups[product->group_count++]));
	return PAWL_ERR_OK;
}

static pawl_err load_document(struct app *app, const struct pawl_json *json)
{
	struct app_settings *settings = &app->settings;
	const uint32_t url = pawl_json_path(json, 0, "server.operator");
	const uint32_t roles = pawl_json_get(json, 0, "roles");
	const uint32_t products = pawl_json_get(json, 0, "products");
	int64_t v = 0;

	if (pawl_json_int(json, pawl_json_get(json, 0, "v"), 1, 1, &v) != PAWL_ERR_OK)
		return bad_member(app, "v", PAWL_ERR_SYNTAX, "must be 1");
	if (url != PAWL_JSON_NONE) {
		struct pawl_url parsed;
		if (pawl_json_text(json, url, sizeof(settings->operator_url),
			settings->operator_url) != PAWL_ERR_OK ||
		    (settings->operator_url[0] != '\0' &&
			pawl_url_parse(pawl_bytes_of(settings->operator_url), &parsed) !=
			    PAWL_ERR_OK))
			return bad_member(
			    app, "server.operator", PAWL_ERR_SYNTAX, "must be an https URL");
	}
	if (!pawl_json_is(json, roles, PAWL_JSON_OBJECT) ||
	    pawl_json_count(json, roles) > APP_ROLES_MAX)
		return bad_member(app, "roles", PAWL_ERR_SYNTAX, "must be an object");
	for (uint32_t at = pawl_json_first(json, roles); at != PAWL_JSON_NONE;
	     at = pawl_json_after(json, roles, at))
		PAWL_TRY(load_role(app, json, at, &settings->roles[settings->role_count++]));
	if (!pawl_json_is(json, products, PAWL_JSON_OBJECT) ||
	    pawl_json_count(json, products) > APP_PRODUCTS_MAX)
		return bad_member(app, "products", PAWL_ERR_SYNTAX, "must be an object");
	for (uint32_t at = pawl_json_first(json, products); at != PAWL_JSON_NONE;
	     at = pawl_json_after(json, products, at))
		PAWL_TRY(
		    load_product(app, json, at, &settings->products[settings->product_count++]));
	return PAWL_ERR_OK;
}

pawl_err app_settings_load(struct app *app)
{
	const char *path = app_path(app, "%s", settings_name);
	struct pawl_bytes text;
	struct pawl_json json;

	PAWL_TRY(app_check_is_repository(app));
	PAWL_TRY(app_read(app, path, SETTINGS_SIZE_MAX, &text));
	PAWL_TRY(app_json_parse(app, path, text, &json));
	return load_document(app, &json);
}

static void put_names(struct pawl_json_writer *writer, const char *key, const char *names,
    size_t stride, size_t count)
{
	pawl_json_key(writer, key);
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < count; i++)
		pawl_json_put_text(writer, names + i * stride);
	pawl_json_end_array(writer);
}

/* One role or product a line, so that people can read and compare it. */
static void put_line(struct pawl_buf *out, struct pawl_buf *line, const char *name, bool last)
{
	pawl_put_text(out, "    \"");
	pawl_put_text(out, name);
	pawl_put_text(out, "\": ");
	pawl_put_bytes(out, pawl_buf_bytes(line));
	pawl_put_text(out, last ? "\n" : ",\n");
}

pawl_err app_settings_save(struct app *app)
{
	const struct app_settings *settings = &app->settings;
	struct pawl_buf out = app_buffer(app, SETTINGS_SIZE_MAX);
	struct pawl_buf line = app_buffer(app, 16 * 1024);

	pawl_put_text(&out, "{\n  \"v\": 1,\n  \"server\": {\"operator\": \"");
	pawl_put_text(&out, settings->operator_url);
	pawl_put_text(&out, "\"},\n  \"roles\": {\n");
	for (size_t i = 0; i < settings->role_count; i++) {
		const struct app_role *role = &settings->roles[i];
		struct pawl_json_writer writer = pawl_json_writer_of(&line);

		line.size = 0;
		pawl_json_begin_object(&writer);
		put_names(&writer, "keys", role->keys[0], sizeof(role->keys[0]), role->key_count);
		pawl_json_member_int(&writer, "threshold", role->threshold);
		pawl_json_member_int(&writer, "days", role->days);
		pawl_json_end_object(&writer);
		put_line(&out, &line, role->name, i + 1 == settings->role_count);
	}
	pawl_put_text(&out, "  },\n  \"products\": {\n");
	for (size_t i = 0; i < settings->product_count; i++) {
		const struct app_product *product = &settings->products[i];
		struct pawl_json_writer writer = pawl_json_writer_of(&line);

		line.size = 0;
		pawl_json_begin_object(&writer);
		put_names(&writer, "groups", product->groups[0], sizeof(product->groups[0]),
		    product->group_count);
		pawl_json_end_object(&writer);
		put_line(&out, &line, product->name, i + 1 == settings->product_count);
	}
	pawl_put_text(&out, "  }\n}\n");
	if (out.overflow || line.overflow)
		return app_fail(app, PAWL_ERR_LIMIT, "%s becomes too large", settings_name);
	return app_write(app, settings_name, 0644, pawl_buf_bytes(&out));
}

struct app_role *app_settings_role(struct app *app, const char *name)
{
	for (size_t i = 0; i < app->settings.role_count; i++)
		if (strcmp(app->settings.roles[i].name, name) == 0)
			return &app->settings.roles[i];
	return NULL;
}

pawl_err app_settings_add_role(
    struct app *app, const char *name, int64_t threshold, int64_t days, struct app_role **ret_role)
{
	struct app_settings *settings = &app->settings;

	if (settings->role_count == APP_ROLES_MAX)
		return app_fail(
		    app, PAWL_ERR_LIMIT, "a repository has at most %d products", APP_PRODUCTS_MAX);
	struct app_role *role = &settings->roles[settings->role_count++];
	*role = (struct app_role){ .threshold = threshold, .days = days };
	snprintf(role->name, sizeof(role->name), "%s", name);
	*ret_role = role;
	return PAWL_ERR_OK;
}

struct app_product *app_settings_product(struct app *app, const char *name)
{
	for (size_t i = 0; i < app->settings.product_count; i++)
		if (strcmp(app->settings.products[i].name, name) == 0)
			return &app->settings.products[i];
	return NULL;
}

pawl_err app_check_product(struct app *app, const char *product, const char *group)
{
	const struct app_product *found = app_settings_product(app, product);

	if (found == NULL)
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "there is no product \"%s\" in %s; `pawl product list` shows them", product,
		    app->repo);
	if (group == NULL)
		return PAWL_ERR_OK;
	for (size_t i = 0; i < found->group_count; i++)
		if (strcmp(found->groups[i], group) == 0)
			return PAWL_ERR_OK;
	return app_fail(app, PAWL_ERR_NOT_FOUND,
	    "product %s has no group \"%s\"; add it with `pawl product add %s --group %s`", product,
	    group, product, group);
}
