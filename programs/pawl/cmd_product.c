/* SPDX-License-Identifier: MIT
 *
 * pawl product: what firmware is for, with signing roles of its own. */
#include "pawl_app.h"

#include <string.h>

enum { DAYS_PRODUCT = 90 };

static pawl_err add_groups(struct app *app, struct app_product *product, size_t *ret_added)
{
	const size_t count = pawl_cli_count(app->call, "group");
	size_t added = 0;

	for (size_t i = 0; i < count; i++) {
		const char *group = pawl_cli_value_at(app->call, "group", i);
		bool known = false;

		PAWL_TRY(app_check_name(app, "group", group, PAWL_GROUP_MAX));
		for (size_t j = 0; j < product->group_count; j++)
			known = known || strcmp(product->groups[j], group) == 0;
		if (known)
			continue;
		if (product->group_count == APP_GROUPS_MAX)
			return app_fail(
			    app, PAWL_ERR_LIMIT, "a product has at most %d groups", APP_GROUPS_MAX);
		snprintf(product->groups[product->group_count++], sizeof(product->groups[0]), "%s",
		    group);
		added++;
	}
	*ret_added = added;
	return PAWL_ERR_OK;
}

static bool is_delegated(const struct app_repo *repo, const char *role_name)
{
	const struct pawl_repo_targets *targets = &repo->roles[0].file.as.targets;

	for (size_t i = 0; i < targets->role_count; i++)
		if (pawl_bytes_is(targets->roles[i].name, role_name))
			return true;
	return false;
}

/* Keys of a delegated role and the role itself, appended to `targets`. What a
 * run that was cut off has left is taken as it is: keys that nothing names
 * yet, or a delegation that did not reach pawl.json. */
static pawl_err delegate(struct app *app, struct app_repo *repo, const char *role_name,
    const char *const *key_names, size_t key_count, const char *pattern, pawl_sig_scheme scheme)
{
	struct pawl_repo_targets *targets = &repo->roles[0].file.as.targets;
	struct pawl_repo_key *keys = app_take(app, targets->key_count + key_count, sizeof(*keys));
	struct pawl_repo_role *roles = app_take(app, targets->role_count + 1, sizeof(*roles));
	struct pawl_repo_keyid *ids = app_take(app, key_count, sizeof(*ids));
	struct pawl_bytes *paths = app_take(app, 1, sizeof(*paths));
	struct app_role *settings = NULL;

	PAWL_TRY(
	    app_settings_add_role(app, role_name, (int64_t)key_count, DAYS_PRODUCT, &settings));
	if (targets->key_count > 0)
		memcpy(keys, targets->keys, targets->key_count * sizeof(*keys));
	if (targets->role_count > 0)
		memcpy(roles, targets->roles, targets->role_count * sizeof(*roles));
	for (size_t i = 0; i < key_count; i++) {
		PAWL_TRY(app_key_make_or_keep(app, key_names[i], scheme, ""));
		PAWL_TRY(app_key_public(app, key_names[i], &keys[targets->key_count + i]));
		ids[i] = keys[targets->key_count + i].id;
		snprintf(settings->keys[settings->key_count++], sizeof(settings->keys[0]), "%s",
		    key_names[i]);
	}
	if (is_delegated(repo, role_name))
		return PAWL_ERR_OK;
	paths[0] = pawl_bytes_of(pattern);
	roles[targets->role_count] = (struct pawl_repo_role){ .name = pawl_bytes_of(settings->name),
		.threshold = (int64_t)key_count,
		.keyids = ids,
		.keyid_count = key_count,
		.paths = paths,
		.path_count = 1,
		.terminating = true };
	targets->keys = keys;
	targets->key_count += key_count;
	targets->roles = roles;
	targets->role_count++;
	repo->roles[0].changed = true;
	(void)app_repo_add_role(app, repo, settings->name);
	return PAWL_ERR_OK;
}

static pawl_err new_product(struct app *app, const char *name)
{
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	const char *const product_keys[] = { app_text(app, "prod-%s-build", name),
		app_text(app, "prod-%s-release", name) };
	const char *const channel_keys[] = { app_text(app, "chan-%s", name) };
	pawl_sig_scheme scheme = PAWL_SIG_ED25519;

	PAWL_TRY(app_scheme_of(app, pawl_cli_value(app->call, "type"), &scheme));
	PAWL_TRY(app_repo_load(app, repo));
	PAWL_TRY(delegate(app, repo, app_text(app, "prod-%s", name), product_keys, 2,
	    app_text(app, "fw/%s/*", name), scheme));
	PAWL_TRY(delegate(app, repo, app_text(app, "chan-%s", name), channel_keys, 1,
	    app_text(app, "channel/%s/*", name), scheme));
	return app_repo_commit(app, repo);
}

static pawl_err product_add(struct app *app)
{
	const char *name = pawl_cli_argument(app->call, 0);
	size_t added = 0;

	PAWL_TRY(app_check_name(app, "product", name, PAWL_PRODUCT_MAX));
	PAWL_TRY(app_begin_change(app));
	struct app_product *product = app_settings_product(app, name);
	const bool is_new = product == NULL;
	if (is_new) {
		if (app->settings.product_count == APP_PRODUCTS_MAX)
			return app_fail(app, PAWL_ERR_LIMIT, "a repository has at most %d products",
			    APP_PRODUCTS_MAX);
		product = &app->settings.products[app->settings.product_count++];
		snprintf(product->name, sizeof(product->name), "%s", name);
	}
	PAWL_TRY(add_groups(app, product, &added));
	if (!is_new && added == 0)
		return app_fail(app, PAWL_ERR_EXISTS,
		    "product %s exists with these groups already; nothing was changed", name);
	if (is_new && app->dry_run) {
		if (!app->call->json)
			fprintf(app->call->out, "would make product %s with 3 keys and 2 roles\n",
			    name);
		return PAWL_ERR_OK;
	}
	if (is_new)
		PAWL_TRY(new_product(app, name));
	PAWL_TRY(app_settings_save(app));
	const char *const members[] = { "product", name, NULL };
	app_report(app, members);
	return PAWL_ERR_OK;
}

static int run_product_add(struct pawl_cli_call *call)
{
	return app_run(call, product_add);
}

/* --- list --- */

static const char *groups_text(struct app *app, const struct app_product *product)
{
	const char *text = "";

	for (size_t i = 0; i < product->group_count; i++)
		text = app_text(app, "%s%s%s", text, i == 0 ? "" : ",", product->groups[i]);
	return text;
}

static void list_json(struct app *app)
{
	struct app_document document;
	struct pawl_json_writer *writer = &document.writer;

	app_document_begin(app, &document, 1024 * 1024);
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < app->settings.product_count; i++) {
		const struct app_product *product = &app->settings.products[i];
		pawl_json_begin_object(writer);
		pawl_json_member_text(writer, "product", product->name);
		pawl_json_key(writer, "groups");
		pawl_json_begin_array(writer);
		for (size_t j = 0; j < product->group_count; j++)
			pawl_json_put_text(writer, product->groups[j]);
		pawl_json_end_array(writer);
		pawl_json_end_object(writer);
	}
	pawl_json_end_array(writer);
	app_document_end(app, &document);
}

static pawl_err product_list(struct app *app)
{
	static const struct pawl_cli_column columns[] = { { .title = "PRODUCT" },
		{ .title = "GROUPS", .shrink = true } };
	struct pawl_cli_table *table = NULL;

	PAWL_TRY(app_settings_load(app));
	if (app->call->json) {
		list_json(app);
		return PAWL_ERR_OK;
	}
	pawl_err err = pawl_cli_table_create(columns, 2, &table);
	for (size_t i = 0; i < app->settings.product_count && err == PAWL_ERR_OK; i++) {
		const char *const cells[] = { app->settings.products[i].name,
			groups_text(app, &app->settings.products[i]) };
		err = pawl_cli_table_add(table, cells);
	}
	if (err == PAWL_ERR_OK)
		pawl_cli_table_print(table, app->call->out, 0);
	pawl_cli_table_destroy(table);
	return err;
}

static int run_product_list(struct pawl_cli_call *call)
{
	return app_run(call, product_list);
}

static const struct pawl_cli_option add_options[] = {
	{ .name = "group",
	    .kind = PAWL_CLI_REPEAT,
	    .value = "GROUP",
	    .help = "A group of devices with a channel of its own; may be repeated." },
	APP_KEY_TYPE("Kind of the new keys."),
	APP_DRY_RUN,
	{ 0 },
};

const struct pawl_cli_command cmd_product_commands[] = {
	{ .path = "product add",
	    .arguments = "PRODUCT",
	    .summary = "Makes a product, or adds groups to one.",
	    .details =
		"A new product gets two signing keys of its own (build and release, both must "
		"sign), a channel key, and delegations that reach its own paths only. The "
		"targets keys must be here.",
	    .options = add_options,
	    .run = run_product_add },
	{ .path = "product list",
	    .summary = "Lists products and their groups.",
	    .run = run_product_list },
	{ 0 },
};
