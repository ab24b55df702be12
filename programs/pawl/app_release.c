/* SPDX-License-Identifier: MIT
 *
 * Releases as the product's role lists them, and the channel files that let
 * groups of devices run them. */
#include "pawl_app.h"

#include <string.h>

pawl_err app_release_images(struct app *app, const struct app_repo *repo, const char *product,
    struct app_image **ret_images, size_t *ret_count)
{
	const char *role_name = app_text(app, "prod-%s", product);
	const struct app_file *role = NULL;

	for (size_t i = 0; i < repo->count; i++)
		if (strcmp(repo->roles[i].role, role_name) == 0)
			role = &repo->roles[i];
	if (role == NULL)
		return app_fail(app, PAWL_ERR_NOT_FOUND, "product %s has no metadata in %s",
		    product, app->repo);
	const struct pawl_repo_targets *targets = &role->file.as.targets;
	struct app_image *images = app_take(app, targets->entry_count + 1, sizeof(*images));
	for (size_t i = 0; i < targets->entry_count; i++) {
		images[i].entry = &targets->entries[i];
		pawl_note_clear(&app->note);
		PAWL_TRY(app_wrap(app,
		    pawl_release_parse(
			targets->entries[i].custom, &app->arena, &images[i].release, &app->note),
		    "%s: target %s", role_name, app_bytes_text(app, targets->entries[i].path)));
	}
	*ret_images = images;
	*ret_count = targets->entry_count;
	return PAWL_ERR_OK;
}

/* --- channels --- */

static pawl_err load_channel(
    struct app *app, const struct pawl_repo_entry *entry, struct pawl_channel *channel)
{
	const char *name = app_target_name(app, entry);
	struct pawl_bytes text;
	uint8_t digest[32];

	PAWL_TRY(app_read(app, app_path(app, "%s", name), PAWL_CHANNEL_SIZE_MAX, &text));
	pawl_sha256(text, digest);
	if (memcmp(digest, entry->sha256, sizeof(digest)) != 0)
		return app_fail(app, PAWL_ERR_CORRUPT,
		    "%s/%s was changed after it was signed; restore it from your backup", app->repo,
		    name);
	pawl_note_clear(&app->note);
	return app_wrap(
	    app, pawl_channel_parse(text, &app->arena, channel, &app->note), "%s", name);
}

static void drop_classes(struct pawl_hw_list *from, const struct pawl_hw_list *dropped)
{
	size_t kept = 0;

	for (size_t i = 0; i < from->count; i++) {
		bool drop = false;
		for (size_t j = 0; j < dropped->count; j++)
			drop = drop || strcmp(from->name[i], dropped->name[j]) == 0;
		if (!drop)
			memmove(from->name[kept++], from->name[i], sizeof(from->name[i]));
	}
	from->count = kept;
}

/* Entries of hardware classes that the release has no image for stay. */
static pawl_err channel_put(
    struct app *app, struct pawl_channel *channel, const struct app_image *image, bool *io_changed)
{
	struct pawl_channel_entry entry = {
		.hw = image->release.hw, .seq = image->release.seq, .sec = image->release.sec
	};
	size_t kept = 0;

	memcpy(entry.comp, image->release.comp, sizeof(entry.comp));
	memcpy(entry.version, image->release.version, sizeof(entry.version));
	PAWL_TRY(pawl_bytes_to_text(image->entry->path, sizeof(entry.full), entry.full));
	for (size_t i = 0; i < image->release.hw.count; i++) {
		const struct pawl_channel_entry *old =
		    pawl_channel_find(channel, image->release.hw.name[i]);
		if (old == NULL || strcmp(old->full, entry.full) != 0 || old->seq != entry.seq)
			*io_changed = true;
	}
	for (size_t i = 0; i < channel->count; i++) {
		if (strcmp(channel->set[i].comp, entry.comp) == 0)
			drop_classes(&channel->set[i].hw, &entry.hw);
		if (channel->set[i].hw.count > 0)
			channel->set[kept++] = channel->set[i];
	}
	if (kept == PAWL_CHANNEL_SET_MAX)
		return app_fail(app, PAWL_ERR_LIMIT, "a channel holds at most %d hardware classes",
		    PAWL_CHANNEL_SET_MAX);
	channel->set[kept++] = entry;
	channel->count = kept;
	return PAWL_ERR_OK;
}

static pawl_err store_channel(
    struct app *app, struct app_file *role, const char *path, const struct pawl_channel *channel)
{
	struct pawl_buf text = app_buffer(app, PAWL_CHANNEL_SIZE_MAX);

	pawl_note_clear(&app->note);
	PAWL_TRY(app_wrap(app, pawl_channel_write(channel, &text, &app->note), "%s", path));
	struct pawl_repo_entry entry = {
		.path = pawl_bytes_of(path), .length = text.size, .has_sha256 = true
	};
	pawl_sha256(pawl_buf_bytes(&text), entry.sha256);
	PAWL_TRY(app_write(app, app_target_name(app, &entry), 0644, pawl_buf_bytes(&text)));
	app_repo_put_entry(app, role, &entry);
	return PAWL_ERR_OK;
}

pawl_err app_channel_allow(struct app *app, struct app_repo *repo, const char *product,
    const char *version, const char *group, int64_t *ret_counter)
{
	struct app_file *role = app_repo_role(repo, app_text(app, "chan-%s", product));
	char *path = app_take(app, PAWL_TARGET_PATH_MAX + 1, 1);
	struct pawl_channel *channel = app_take(app, 1, sizeof(*channel));
	struct app_image *images = NULL;
	size_t count = 0;
	bool found = false;
	bool changed = false;

	if (role == NULL)
		return app_fail(app, PAWL_ERR_NOT_FOUND, "product %s has no channel role", product);
	PAWL_TRY(app_wrap(app, pawl_channel_path(product, group, PAWL_TARGET_PATH_MAX + 1, path),
	    "channel of %s for %s", product, group));
	PAWL_TRY(app_release_images(app, repo, product, &images, &count));
	const struct pawl_repo_entry *entry = app_repo_entry(role, path);
	if (entry != NULL)
		PAWL_TRY(load_channel(app, entry, channel));
	snprintf(channel->product, sizeof(channel->product), "%s", product);
	snprintf(channel->group, sizeof(channel->group), "%s", group);
	for (size_t i = 0; i < count; i++)
		if (strcmp(images[i].release.version, version) == 0) {
			found = true;
			PAWL_TRY(channel_put(app, channel, &images[i], &changed));
		}
	if (!found)
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "product %s has no release %s here; `pawl release list --product %s` shows "
		    "what there is",
		    product, version, product);
	if (changed) {
		channel->counter++;
		PAWL_TRY(store_channel(app, role, path, channel));
	}
	*ret_counter = channel->counter;
	return PAWL_ERR_OK;
}
