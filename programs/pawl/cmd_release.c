/* SPDX-License-Identifier: MIT
 *
 * pawl release, pawl channel: from image files to signed targets. */
#include "cmd_repo_init.h"
#include "pawl_app.h"

#include "pawl/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger than any root file system of the devices this is made for; a disk
 * image given by mistake is noticed before it is copied. */
#define IMAGE_SIZE_MAX (INT64_C(16) << 30)

enum { COPY_PIECE = 1 << 20 };

struct new_image {
	const char *hw;
	const char *file;
	struct pawl_repo_entry entry;
	struct pawl_release release;
};

/* --- copying and hashing --- */

struct copy {
	int from;
	int to; /* -1: only hash, in a dry run                                  */
	uint64_t size;
	uint8_t sha256[32];
};

static pawl_err write_all(struct app *app, int fd, const uint8_t *at, size_t size)
{
	while (size > 0) {
		const ssize_t done = write(fd, at, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return app_fail(app, errno == ENOSPC ? PAWL_ERR_NO_SPACE : PAWL_ERR_IO,
			    "%s/targets: %s", app->repo, strerror(errno));
		at += done;
		size -= (size_t)done;
	}
	return PAWL_ERR_OK;
}

static pawl_err copy_pieces(
    struct app *app, const char *file, struct copy *copy, struct pawl_cli_progress *progress)
{
	uint8_t *piece = app_take(app, COPY_PIECE, 1);
	struct pawl_hash hash = { 0 };
	pawl_err err = pawl_hash_init(&hash, PAWL_HASH_SHA256);

	while (err == PAWL_ERR_OK) {
		const ssize_t size = read(copy->from, piece, COPY_PIECE);
		if (size == 0)
			break;
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0) {
			err = app_fail(app, PAWL_ERR_IO, "%s: %s", file, strerror(errno));
			break;
		}
		copy->size += (uint64_t)size;
		err = pawl_hash_update(&hash, PAWL_BYTES(piece, (size_t)size));
		if (err == PAWL_ERR_OK && copy->to >= 0)
			err = write_all(app, copy->to, piece, (size_t)size);
		if (progress != NULL)
			pawl_cli_progress_update(progress, copy->size, pawl_env_mono());
	}
	if (err == PAWL_ERR_OK)
		err = pawl_hash_peek(&hash, copy->sha256);
	pawl_hash_finish(&hash);
	if (err == PAWL_ERR_OK && copy->to >= 0 && fsync(copy->to) != 0)
		err = app_fail(app, PAWL_ERR_IO, "%s/targets: %s", app->repo, strerror(errno));
	if (err == PAWL_ERR_OK && progress != NULL)
		pawl_cli_progress_finish(progress, copy->size);
	return err;
}

static pawl_err open_image(struct app *app, const char *file, int *ret_fd, uint64_t *ret_size)
{
	struct stat about;
	const int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return app_fail(app, errno == ENOENT ? PAWL_ERR_NOT_FOUND : PAWL_ERR_IO, "%s: %s",
		    file, strerror(errno));
	const bool good = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
	if (!good || about.st_size == 0 || about.st_size > IMAGE_SIZE_MAX) {
		close(fd);
		return app_fail(app, PAWL_ERR_LIMIT,
		    "%s is %s; an image is a file of 1 byte to %lld GiB", file,
		    !good                ? "no regular file"
		    : about.st_size == 0 ? "empty"
					 : "too large",
		    (long long)(IMAGE_SIZE_MAX >> 30));
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)about.st_size;
	return PAWL_ERR_OK;
}

/* What an earlier run left goes; a link that was planted is not written through. */
static int open_fresh(const char *path)
{
	(void)unlink(path);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
}

/* One pass reads, hashes and copies; the copy gets its name, which holds the
 * hash, when it is complete. */
static pawl_err take_image(struct app *app, const char *product, struct new_image *image)
{
	const char *folder = app_path(app, "targets/fw/%s", product);
	const char *temporary = app_text(app, "%s/.incoming", folder);
	struct copy copy = { .from = -1, .to = -1 };
	uint64_t size = 0;

	PAWL_TRY(open_image(app, image->file, &copy.from, &size));
	struct pawl_cli_progress progress =
	    pawl_cli_progress_of(app->call->err, app_text(app, "hashing %s", image->hw), size);
	pawl_err err = PAWL_ERR_OK;
	if (!app->dry_run) {
		pawl_note_clear(&app->note);
		err = pawl_env_make_folder(folder, 0755, &app->note);
		if (err == PAWL_ERR_OK)
			copy.to = open_fresh(temporary);
		if (err == PAWL_ERR_OK && copy.to < 0)
			err = app_fail(app, PAWL_ERR_IO, "%s: %s", temporary, strerror(errno));
	}
	if (err == PAWL_ERR_OK)
		err = copy_pieces(app, image->file, &copy, app->call->json ? NULL : &progress);
	close(copy.from);
	if (copy.to >= 0)
		close(copy.to);
	if (err == PAWL_ERR_OK && copy.size != size)
		err = app_fail(
		    app, PAWL_ERR_IO, "%s changed while it was read; try again", image->file);
	if (err == PAWL_ERR_OK) {
		memcpy(image->entry.sha256, copy.sha256, sizeof(copy.sha256));
		image->entry.has_sha256 = true;
		image->entry.length = size;
		if (!app->dry_run)
			err = pawl_env_rename(temporary,
			    app_path(app, "%s", app_target_name(app, &image->entry)), &app->note);
	}
	if (err != PAWL_ERR_OK && !app->dry_run)
		unlink(temporary);
	return err;
}

/* --- build --- */

struct build {
	const char *product;
	const char *version;
	int64_t seq;
	int64_t sec;
	size_t count;
	struct new_image *images;
};

static pawl_err read_images(struct app *app, struct build *build)
{
	build->count = pawl_cli_count(app->call, "image");
	build->images = app_take(app, build->count, sizeof(*build->images));
	if (build->count > PAWL_CHANNEL_SET_MAX)
		return app_usage(app, "at most %d images", PAWL_CHANNEL_SET_MAX);
	for (size_t i = 0; i < build->count; i++) {
		const char *text = pawl_cli_value_at(app->call, "image", i);
		const char *equals = strchr(text, '=');
		char *path = app_take(app, PAWL_TARGET_PATH_MAX + 1, 1);

		if (equals == NULL || equals[1] == '\0')
			return app_usage(
			    app, "--image takes HARDWARE-CLASS=FILE, not \"%s\"", text);
		struct new_image *image = &build->images[i];
		image->hw = app_bytes_text(app, PAWL_BYTES(text, (size_t)(equals - text)));
		image->file = equals + 1;
		PAWL_TRY(app_check_name(app, "hardware class", image->hw, PAWL_HW_CLASS_MAX));
		for (size_t j = 0; j < i; j++)
			if (strcmp(build->images[j].hw, image->hw) == 0)
				return app_usage(
				    app, "hardware class %s has two images", image->hw);
		PAWL_TRY(pawl_release_path(
		    build->product, build->version, image->hw, PAWL_TARGET_PATH_MAX + 1, path));
		image->entry.path = pawl_bytes_of(path);
	}
	return PAWL_ERR_OK;
}

/* Firmware moves forward only. */
static pawl_err check_forward(
    struct app *app, const struct app_repo *repo, const struct build *build)
{
	struct app_image *images = NULL;
	size_t count = 0;

	PAWL_TRY(app_release_images(app, repo, build->product, &images, &count));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(images[i].release.version, build->version) == 0)
			return app_fail(app, PAWL_ERR_EXISTS,
			    "release %s of %s exists (seq %lld); a release never changes, choose "
			    "another version",
			    build->version, build->product, (long long)images[i].release.seq);
		if (images[i].release.seq >= build->seq)
			return app_fail(app, PAWL_ERR_REFUSED,
			    "seq %lld is not above seq %lld of release %s; use --seq %lld or more",
			    (long long)build->seq, (long long)images[i].release.seq,
			    images[i].release.version, (long long)images[i].release.seq + 1);
		if (images[i].release.sec > build->sec)
			return app_fail(app, PAWL_ERR_REFUSED,
			    "sec %lld is below sec %lld of release %s: devices that confirmed it "
			    "would refuse "
			    "this one",
			    (long long)build->sec, (long long)images[i].release.sec,
			    images[i].release.version);
	}
	return PAWL_ERR_OK;
}

static pawl_err describe(struct app *app, const struct build *build, struct new_image *image)
{
	struct pawl_buf custom = app_buffer(app, 4096);
	struct pawl_release *release = &image->release;

	*release = (struct pawl_release){ .kind = PAWL_RELEASE_FULL,
		.comp = "rootfs",
		.hw = { .count = 1 },
		.seq = build->seq,
		.sec = build->sec,
		.plain_length = image->entry.length };
	snprintf(release->product, sizeof(release->product), "%s", build->product);
	snprintf(release->version, sizeof(release->version), "%s", build->version);
	snprintf(release->hw.name[0], sizeof(release->hw.name[0]), "%s", image->hw);
	memcpy(release->plain_sha256, image->entry.sha256, sizeof(release->plain_sha256));
	pawl_note_clear(&app->note);
	PAWL_TRY(app_wrap(
	    app, pawl_release_write(release, &custom, &app->note), "image for %s", image->hw));
	image->entry.custom = pawl_buf_bytes(&custom);
	return PAWL_ERR_OK;
}

static void report_build(struct app *app, const struct build *build)
{
	struct app_document document;
	struct pawl_json_writer *writer = &document.writer;

	if (!app->call->json) {
		for (size_t i = 0; i < build->count; i++)
			fprintf(app->call->out, "%s %s/%s (%s)\n",
			    app->dry_run ? "would add" : "added", app->repo,
			    app_target_name(app, &build->images[i].entry),
			    app_size(app, build->images[i].entry.length));
		app_report_written(app);
		if (!app->dry_run)
			fprintf(app->call->out, "next: `pawl release publish`\n");
		return;
	}
	app_document_begin(app, &document, 64 * 1024 + build->count * 1024);
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "product", build->product);
	pawl_json_member_text(writer, "version", build->version);
	pawl_json_member_int(writer, "seq", build->seq);
	pawl_json_member_int(writer, "sec", build->sec);
	pawl_json_key(writer, "images");
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < build->count; i++) {
		struct pawl_buf hex = app_buffer(app, 65);
		pawl_put_hex(&hex, PAWL_BYTES(build->images[i].entry.sha256, 32));
		pawl_json_begin_object(writer);
		pawl_json_member_text(writer, "hardwareClass", build->images[i].hw);
		pawl_json_member_int(writer, "length", (int64_t)build->images[i].entry.length);
		pawl_json_member_text(writer, "sha256", (const char *)hex.at);
		pawl_json_end_object(writer);
	}
	pawl_json_end_array(writer);
	app_document_written(app, writer);
	pawl_json_end_object(writer);
	app_document_end(app, &document);
}

static pawl_err release_build(struct app *app)
{
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	struct build build = { .product = pawl_cli_value(app->call, "product"),
		.version = pawl_cli_value(app->call, "version") };

	if (!pawl_version_is_valid(pawl_bytes_of(build.version)))
		return app_usage(app, "\"%s\" is no version: 1 to %d of A-Z a-z 0-9 . _ - +",
		    build.version, PAWL_VERSION_MAX);
	PAWL_TRY(app_int(app, "seq", 1, PAWL_SEQ_MAX, &build.seq));
	PAWL_TRY(app_int(app, "sec", 0, PAWL_SEC_MAX, &build.sec));
	PAWL_TRY(app_check_name(app, "product", build.product, PAWL_PRODUCT_MAX));
	PAWL_TRY(read_images(app, &build));
	PAWL_TRY(app_begin_change(app));
	PAWL_TRY(app_check_product(app, build.product, NULL));
	PAWL_TRY(app_repo_load(app, repo));
	PAWL_TRY(check_forward(app, repo, &build));
	struct app_file *role = app_repo_role(repo, app_text(app, "prod-%s", build.product));
	for (size_t i = 0; i < build.count; i++) {
		PAWL_TRY(take_image(app, build.product, &build.images[i]));
		PAWL_TRY(describe(app, &build, &build.images[i]));
		app_repo_put_entry(app, role, &build.images[i].entry);
	}
	PAWL_TRY(app_repo_commit(app, repo));
	report_build(app, &build);
	return PAWL_ERR_OK;
}

static int run_release_build(struct pawl_cli_call *call)
{
	return app_run(call, release_build);
}

/* --- list, show --- */

static void put_image(
    struct app *app, struct pawl_json_writer *writer, const struct app_image *image)
{
	struct pawl_buf hex = app_buffer(app, 65);

	pawl_put_hex(&hex, PAWL_BYTES(image->entry->sha256, 32));
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "product", image->release.product);
	pawl_json_member_text(writer, "version", image->release.version);
	pawl_json_member_int(writer, "seq", image->release.seq);
	pawl_json_member_int(writer, "sec", image->release.sec);
	pawl_json_member_text(writer, "hardwareClass", image->release.hw.name[0]);
	pawl_json_member_int(writer, "length", (int64_t)image->entry->length);
	pawl_json_member_text(writer, "sha256", (const char *)hex.at);
	pawl_json_member_text(writer, "path", app_bytes_text(app, image->entry->path));
	pawl_json_end_object(writer);
}

static pawl_err add_image_row(
    struct app *app, struct pawl_cli_table *table, const struct app_image *image)
{
	struct pawl_buf hex = app_buffer(app, 65);

	pawl_put_hex(&hex, PAWL_BYTES(image->entry->sha256, 32));
	const char *const cells[] = { image->release.product, image->release.version,
		app_text(app, "%lld", (long long)image->release.seq),
		app_text(app, "%lld", (long long)image->release.sec), image->release.hw.name[0],
		app_size(app, image->entry->length), (const char *)hex.at };
	return pawl_cli_table_add(table, cells);
}

/* Everything, and no hash cut. */
static void print_image(struct app *app, const struct app_image *image)
{
	struct pawl_buf hex = app_buffer(app, 65);

	pawl_put_hex(&hex, PAWL_BYTES(image->entry->sha256, 32));
	fprintf(app->call->out,
	    "%s %s for %s\n  seq     %lld\n  sec     %lld\n  size    %s (%llu bytes)\n"
	    "  sha256  %s\n  path    %s\n",
	    image->release.product, image->release.version, image->release.hw.name[0],
	    (long long)image->release.seq, (long long)image->release.sec,
	    app_size(app, image->entry->length), (unsigned long long)image->entry->length,
	    (const char *)hex.at, app_bytes_text(app, image->entry->path));
}

/* Every image that `product` (NULL: any) and `version` (NULL: any) name. */
static pawl_err list_images(struct app *app, const char *product, const char *version)
{
	static const struct pawl_cli_column columns[] = { { .title = "PRODUCT" },
		{ .title = "VERSION" }, { .title = "SEQ", .right = true },
		{ .title = "SEC", .right = true }, { .title = "HARDWARE" },
		{ .title = "SIZE", .right = true }, { .title = "SHA-256", .shrink = true } };
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	struct pawl_cli_table *table = NULL;
	struct app_document document;
	size_t found = 0;

	PAWL_TRY(app_settings_load(app));
	PAWL_TRY(app_repo_load(app, repo));
	if (product != NULL)
		PAWL_TRY(app_check_product(app, product, NULL));
	PAWL_TRY(pawl_cli_table_create(columns, 7, &table));
	app_document_begin(app, &document, 16 * 1024 * 1024);
	pawl_json_begin_array(&document.writer);
	pawl_err err = PAWL_ERR_OK;
	for (size_t i = 0; i < app->settings.product_count && err == PAWL_ERR_OK; i++) {
		struct app_image *images = NULL;
		size_t count = 0;

		if (product != NULL && strcmp(app->settings.products[i].name, product) != 0)
			continue;
		err =
		    app_release_images(app, repo, app->settings.products[i].name, &images, &count);
		for (size_t j = 0; j < count && err == PAWL_ERR_OK; j++) {
			if (version != NULL && strcmp(images[j].release.version, version) != 0)
				continue;
			found++;
			put_image(app, &document.writer, &images[j]);
			if (version == NULL)
				err = add_image_row(app, table, &images[j]);
			else if (!app->call->json)
				print_image(app, &images[j]);
		}
	}
	pawl_json_end_array(&document.writer);
	if (err == PAWL_ERR_OK && version != NULL && found == 0)
		err = app_fail(app, PAWL_ERR_NOT_FOUND,
		    "there is no release %s here; `pawl release list` shows what there is",
		    version);
	if (err == PAWL_ERR_OK && app->call->json)
		app_document_end(app, &document);
	else if (err == PAWL_ERR_OK && version == NULL)
		pawl_cli_table_print(table, app->call->out, 0);
	pawl_cli_table_destroy(table);
	return err;
}

static pawl_err release_list(struct app *app)
{
	return list_images(app, pawl_cli_value(app->call, "product"), NULL);
}

static int run_release_list(struct pawl_cli_call *call)
{
	return app_run(call, release_list);
}

static pawl_err release_show(struct app *app)
{
	return list_images(
	    app, pawl_cli_value(app->call, "product"), pawl_cli_argument(app->call, 0));
}

static int run_release_show(struct pawl_cli_call *call)
{
	return app_run(call, release_show);
}

/* --- channel set --- */

static pawl_err channel_set(struct app *app)
{
	struct app_repo *repo = app_take(app, 1, sizeof(*repo));
	const char *product = pawl_cli_value(app->call, "product");
	const char *release = pawl_cli_value(app->call, "release");
	const char *group = pawl_cli_value(app->call, "group");
	struct pawl_json answer;
	int64_t counter = 0;

	PAWL_TRY(app_begin_change(app));
	PAWL_TRY(app_check_product(app, product, group));
	PAWL_TRY(app_repo_load(app, repo));
	PAWL_TRY(app_channel_allow(app, repo, product, release, group, &counter));
	PAWL_TRY(app_repo_commit(app, repo));
	if (!pawl_cli_flag(app->call, "no-publish"))
		PAWL_TRY(app_publish(app, repo, &answer));
	if (app->call->json) {
		struct app_document document;
		app_document_begin(app, &document, 16 * 1024);
		pawl_json_begin_object(&document.writer);
		pawl_json_member_text(&document.writer, "product", product);
		pawl_json_member_text(&document.writer, "group", group);
		pawl_json_member_text(&document.writer, "release", release);
		pawl_json_member_int(&document.writer, "counter", counter);
		app_document_written(app, &document.writer);
		pawl_json_end_object(&document.writer);
		app_document_end(app, &document);
		return PAWL_ERR_OK;
	}
	app_report_written(app);
	fprintf(app->call->out, "group %s of %s %s run %s (channel counter %lld)\n", group, product,
	    app->dry_run ? "would be allowed to" : "may", release, (long long)counter);
	return PAWL_ERR_OK;
}

static int run_channel_set(struct pawl_cli_call *call)
{
	return app_run(call, channel_set);
}

/* --- the table --- */

static const struct pawl_cli_option build_options[] = {
	APP_NEEDED("product", "PRODUCT", "What the firmware is for."),
	APP_NEEDED("version", "VERSION", "Name of the release; each one is used once."),
	APP_NEEDED("seq", "N", "Order of releases; above every earlier one."),
	APP_NEEDED(
	    "sec", "N", "Anti-rollback number; raise it when older releases must never run again."),
	{ .name = "image",
	    .kind = PAWL_CLI_REPEAT,
	    .required = true,
	    .value = "HW=FILE",
	    .help = "Hardware class and its image; may be repeated." },
	APP_DRY_RUN,
	{ 0 },
};

static const struct pawl_cli_option publish_options[] = { APP_DRY_RUN, { 0 } };

static const struct pawl_cli_option filter_options[] = {
	APP_PRESET("product", "PRODUCT", NULL, "Only releases of this product."),
	{ 0 },
};

static const struct pawl_cli_option channel_options[] = {
	APP_NEEDED("product", "PRODUCT", "What the firmware is for."),
	APP_NEEDED("release", "VERSION", "The release to allow."),
	APP_NEEDED("group", "GROUP", "The group that may run it."),
	APP_PLAIN_FLAG(
	    "no-publish", "Only sign; `pawl repo publish` brings it to the server later."),
	APP_DRY_RUN,
	{ 0 },
};

const struct pawl_cli_command cmd_release_commands[] = {
	{ .path = "release build",
	    .summary = "Hashes images, copies them into the repository and signs the release.",
	    .options = build_options,
	    .run = run_release_build },
	{ .path = "release publish",
	    .summary =
		"Uploads releases and metadata the server lacks; it switches over at the end.",
	    .options = publish_options,
	    .run = cmd_repo_publish },
	{ .path = "release list",
	    .summary = "Lists releases in the repository.",
	    .options = filter_options,
	    .run = run_release_list },
	{ .path = "release show",
	    .arguments = "VERSION",
	    .summary = "Shows the images of a release.",
	    .options = filter_options,
	    .run = run_release_show },
	{ .path = "channel set",
	    .summary = "Lets a group of devices run a release, without starting a rollout.",
	    .details =
		"The signed channel file is what a device obeys: a server can not offer it what "
		"does not stand there. `pawl rollout start` does this by itself.",
	    .options = channel_options,
	    .run = run_channel_set },
	{ 0 },
};
