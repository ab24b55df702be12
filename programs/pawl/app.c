/* SPDX-License-Identifier: MIT
 *
 * One run of a command: memory, messages, files, exit code. */
#include "pawl_app.h"

#include "pawl/date.h"
#include "pawl/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Address space; pages that nobody touches cost nothing. Parsing metadata takes
 * about thirty times its size, and it has at most 8 MiB. Where so much is not
 * to be had, less does for ordinary repositories. */
enum { ARENA_SIZE = 512 * 1024 * 1024, ARENA_SIZE_MIN = 32 * 1024 * 1024 };

static const char *repo_folder(const struct pawl_cli_call *call)
{
	const char *given = pawl_cli_value(call, "repo");

	if (given == NULL)
		given = getenv("PAWL_REPO");
	return given == NULL || given[0] == '\0' ? "." : given;
}

static bool has_option(const struct pawl_cli_call *call, const char *name)
{
	const struct pawl_cli_option *option = call->command->options;

	for (; option != NULL && option->name != NULL; option++)
		if (strcmp(option->name, name) == 0)
			return true;
	return false;
}

/* Straight from the system: zeroed, and nobody touches what is not used. */
static void *take_pages(size_t *io_size)
{
	for (; *io_size >= ARENA_SIZE_MIN; *io_size /= 2) {
		void *at = mmap(NULL, *io_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (at != MAP_FAILED)
			return at;
	}
	return NULL;
}

int app_run(struct pawl_cli_call *call, pawl_err (*command)(struct app *app))
{
	struct app *app = calloc(1, sizeof(*app));
	size_t size = ARENA_SIZE;
	void *memory = app == NULL ? NULL : take_pages(&size);

	if (memory == NULL) {
		free(app);
		(void)pawl_cli_fail(call, PAWL_ERR_NO_MEMORY, NULL, NULL);
		return PAWL_CLI_FAILED;
	}
	app->call = call;
	app->arena = pawl_arena_of(memory, size);
	app->repo = repo_folder(call);
	app->now = pawl_env_wall();
	app->dry_run = has_option(call, "dry-run") && pawl_cli_flag(call, "dry-run");
	app->key_fd = -1;
	app->lock.fd = -1;
	const pawl_err err = command(app);
	const int code = app->usage ? PAWL_CLI_USAGE : (int)pawl_cli_exit_of(err);
	if (err != PAWL_ERR_OK && !app->usage)
		(void)pawl_cli_fail(call, err, NULL, app->note.text[0] == '\0' ? NULL : &app->note);
	pawl_fetch_destroy(app->fetch);
	if (app->key_fd >= 0)
		close(app->key_fd);
	pawl_env_unlock(&app->lock);
	pawl_bytes_wipe(app->passphrase, sizeof(app->passphrase));
	pawl_bytes_wipe(app->arena.at, app->arena.used);
	(void)munmap(memory, size);
	free(app);
	return code;
}

/* --- messages --- */

pawl_err app_fail(struct app *app, pawl_err err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(app->note.text, sizeof(app->note.text), format, arguments);
	va_end(arguments);
	return err;
}

pawl_err app_wrap(struct app *app, pawl_err err, const char *format, ...)
{
	const struct pawl_note inner = app->note;
	va_list arguments;

	if (err == PAWL_ERR_OK)
		return err;
	va_start(arguments, format);
	vsnprintf(app->note.text, sizeof(app->note.text), format, arguments);
	va_end(arguments);
	pawl_note_add(&app->note, ": ");
	pawl_note_add(&app->note, inner.text[0] == '\0' ? pawl_err_text(err) : inner.text);
	return err;
}

pawl_err app_usage(struct app *app, const char *format, ...)
{
	char text[PAWL_NOTE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)pawl_cli_usage(app->call, "%s", text);
	app->usage = true;
	return PAWL_ERR_SYNTAX;
}

/* --- memory and text --- */

void *app_take(struct app *app, size_t count, size_t size)
{
	void *at = pawl_arena_take(&app->arena, count, size);

	if (at == NULL) {
		fprintf(app->call->err,
		    "pawl: out of memory: the repository or the answer is too large\n");
		exit(PAWL_CLI_FAILED);
	}
	return at;
}

struct pawl_buf app_buffer(struct app *app, size_t capacity)
{
	return pawl_buf_of(app_take(app, capacity, 1), capacity);
}

static PAWL_PRINTF(3, 0) const
    char *format_into(struct app *app, const char *prefix, const char *format, va_list arguments)
{
	va_list again;

	va_copy(again, arguments);
	const int size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	PAWL_ASSERT(size >= 0);
	const size_t before = strlen(prefix);
	char *text = app_take(app, before + (size_t)size + 1, 1);
	snprintf(text, before + 1, "%s", prefix);
	vsnprintf(text + before, (size_t)size + 1, format, arguments);
	return text;
}

const char *app_text(struct app *app, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const char *text = format_into(app, "", format, arguments);
	va_end(arguments);
	return text;
}

const char *app_path(struct app *app, const char *format, ...)
{
	const char *prefix = app_text(app, "%s/", app->repo);
	va_list arguments;

	va_start(arguments, format);
	const char *text = format_into(app, prefix, format, arguments);
	va_end(arguments);
	return text;
}

const char *app_bytes_text(struct app *app, struct pawl_bytes bytes)
{
	char *text = app_take(app, bytes.size + 1, 1);

	if (bytes.size > 0)
		memcpy(text, bytes.at, bytes.size);
	return text;
}

const char *app_date(struct app *app, struct pawl_wall moment)
{
	struct pawl_buf text = app_buffer(app, 24);

	pawl_put_date(&text, moment);
	return (const char *)text.at;
}

const char *app_time(struct app *app, int64_t ms)
{
	/* pawl_put_date writes four digits of a year. */
	const int64_t end = INT64_C(253402300800) * PAWL_MS_PER_S;

	return ms <= 0 || ms >= end ? "-" : app_date(app, (struct pawl_wall){ ms });
}

const char *app_size(struct app *app, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes / 1024.0;
	size_t unit = 0;

	if (bytes < 1024)
		return app_text(app, "%llu B", (unsigned long long)bytes);
	while (size >= 1024.0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		size /= 1024.0;
		unit++;
	}
	return app_text(app, "%.1f %s", size, units[unit]);
}

/* --- files --- */

pawl_err app_read(struct app *app, const char *path, size_t size_max, struct pawl_bytes *ret_bytes)
{
	uint8_t *at = NULL;
	size_t size = 0;

	pawl_note_clear(&app->note);
	const pawl_err err = pawl_env_read_file(path, size_max, &at, &size, &app->note);
	if (err != PAWL_ERR_OK)
		return app->note.text[0] == '\0' ? app_wrap(app, err, "%s", path) : err;
	uint8_t *copy = app_take(app, size + 1, 1);
	memcpy(copy, at, size);
	pawl_bytes_wipe(at, size);
	free(at);
	*ret_bytes = PAWL_BYTES(copy, size);
	return PAWL_ERR_OK;
}

pawl_err app_write(struct app *app, const char *name, unsigned mode, struct pawl_bytes bytes)
{
	const char *path = app_path(app, "%s", name);

	if (app->written_count < APP_WRITTEN_MAX)
		app->written[app->written_count++] = app_text(app, "%s", name);
	if (app->dry_run)
		return PAWL_ERR_OK;
	pawl_note_clear(&app->note);
	const char *folder =
	    app_bytes_text(app, PAWL_BYTES(path, (size_t)(strrchr(path, '/') - path)));
	PAWL_TRY(pawl_env_make_folder(folder, mode == 0600 ? 0700 : 0755, &app->note));
	return pawl_env_write_file(path, mode, bytes, &app->note);
}

void app_report_written(struct app *app)
{
	for (size_t i = 0; i < app->written_count; i++)
		fprintf(app->call->out, "%s %s/%s\n", app->dry_run ? "would write" : "wrote",
		    app->repo, app->written[i]);
}

pawl_err app_check_is_repository(struct app *app)
{
	const char *path = app_path(app, "pawl.json");

	if (access(path, F_OK) == 0)
		return PAWL_ERR_OK;
	/* What can not be looked at may well be there. */
	if (errno != ENOENT && errno != ENOTDIR)
		return app_fail(app, errno == EACCES ? PAWL_ERR_DENIED : PAWL_ERR_IO, "%s: %s",
		    path, strerror(errno));
	return app_fail(app, PAWL_ERR_NOT_FOUND,
	    "there is no repository in %s: give its folder with -C DIR or PAWL_REPO, or make one "
	    "with `pawl repo init`",
	    app->repo);
}

pawl_err app_begin_change(struct app *app)
{
	/* First: a mistyped folder must not come into being. */
	PAWL_TRY(app_check_is_repository(app));
	PAWL_TRY(app_lock(app));
	return app_settings_load(app);
}

pawl_err app_lock(struct app *app)
{
	if (app->dry_run || app->lock.fd >= 0)
		return PAWL_ERR_OK;
	pawl_note_clear(&app->note);
	PAWL_TRY(pawl_env_make_folder(app->repo, 0755, &app->note));
	const pawl_err err = pawl_env_lock(app_path(app, ".lock"), &app->lock, &app->note);
	if (err == PAWL_ERR_EXISTS)
		return app_fail(app, PAWL_ERR_REFUSED,
		    "another pawl is changing %s; wait for it to end and try again", app->repo);
	return err;
}

/* --- arguments --- */

pawl_err app_int(struct app *app, const char *option, int64_t min, int64_t max, int64_t *ret_value)
{
	const pawl_err err = pawl_cli_int(app->call, option, min, max, ret_value);

	if (err == PAWL_ERR_NOT_FOUND)
		return app_usage(app, "--%s is needed", option);
	app->usage = err != PAWL_ERR_OK;
	return err;
}

pawl_err app_check_name(struct app *app, const char *what, const char *name, size_t size_max)
{
	if (pawl_name_is_valid(pawl_bytes_of(name), size_max))
		return PAWL_ERR_OK;
	return app_usage(app,
	    "%s \"%s\" is no name: use 1 to %zu of A-Z a-z 0-9 . _ - and begin with a letter or "
	    "digit",
	    what, name, size_max);
}
