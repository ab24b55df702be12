/* SPDX-License-Identifier: MIT
 *
 * pawl_app.h - what the commands of `pawl` share.
 *
 * A command is a function `pawl_err name(struct app *app)`. It returns an
 * error after app_fail() has said what failed, where, why and what to do;
 * app_run() prints that and turns it into the exit code. All memory of a run
 * comes from one arena that ends with it.
 */
#ifndef PAWL_APP_H
#define PAWL_APP_H

#include "pawl/arena.h"
#include "pawl/cli.h"
#include "pawl/env.h"
#include "pawl/fetch.h"
#include "pawl/json.h"
#include "pawl/keys.h"
#include "pawl/limits.h"
#include "pawl/release.h"
#include "pawl/trust_repo.h"
#include "pawl/x509.h"

enum {
	APP_PATH_MAX = 4096,
	APP_NAME_MAX = 80, /* of a key, a role                                   */
	APP_ROLE_KEYS_MAX = 16,
	APP_PRODUCTS_MAX = 64,
	APP_ROLES_MAX = 4 + 2 * APP_PRODUCTS_MAX,
	APP_GROUPS_MAX = 64,
	APP_URL_MAX = 256,
	APP_PASSPHRASE_MAX = 256,
	APP_WRITTEN_MAX = 256
};

struct app_role {
	char name[APP_NAME_MAX];
	int64_t threshold;
	int64_t days; /* until a new version expires                             */
	size_t key_count;
	char keys[APP_ROLE_KEYS_MAX][APP_NAME_MAX];
};

struct app_product {
	char name[PAWL_PRODUCT_MAX + 1];
	size_t group_count;
	char groups[APP_GROUPS_MAX][PAWL_GROUP_MAX + 1];
};

/* REPO/pawl.json. */
struct app_settings {
	char operator_url[APP_URL_MAX]; /* without final '/'; "" until set            */
	size_t role_count;
	struct app_role roles[APP_ROLES_MAX];
	size_t product_count;
	struct app_product products[APP_PRODUCTS_MAX];
};

struct app {
	struct pawl_cli_call *call;
	struct pawl_arena arena;
	const char *repo;
	struct pawl_wall now; /* sampled once                                    */
	bool dry_run;
	bool usage; /* the message was printed already, exit code 2            */
	struct pawl_note note;
	struct app_settings settings;
	char passphrase[APP_PASSPHRASE_MAX]; /* the last one that worked          */
	struct pawl_fetch *fetch;
	int key_fd; /* the operator's decrypted key, in memory only; -1          */
	struct pawl_env_lock lock;
	const char *written[APP_WRITTEN_MAX]; /* files, relative to REPO          */
	size_t written_count;
};

/* --- app.c --- */

int app_run(struct pawl_cli_call *call, pawl_err (*command)(struct app *app));
/* Replaces the note by the text and returns `err`. */
pawl_err app_fail(struct app *app, pawl_err err, const char *format, ...) PAWL_PRINTF(3, 4);
/* Puts "<text>: " before what a library put into the note. */
pawl_err app_wrap(struct app *app, pawl_err err, const char *format, ...) PAWL_PRINTF(3, 4);
pawl_err app_usage(struct app *app, const char *format, ...) PAWL_PRINTF(2, 3);
/* Arena memory; ends the program when there is none left. */
void *app_take(struct app *app, size_t count, size_t size);
struct pawl_buf app_buffer(struct app *app, size_t capacity);
const char *app_text(struct app *app, const char *format, ...) PAWL_PRINTF(2, 3);
/* "REPO/<format>". */
const char *app_path(struct app *app, const char *format, ...) PAWL_PRINTF(2, 3);
const char *app_bytes_text(struct app *app, struct pawl_bytes bytes);
const char *app_date(struct app *app, struct pawl_wall moment);
/* Milliseconds since 1970 from a server as a date in UTC; "-" when out of reach. */
const char *app_time(struct app *app, int64_t ms);
/* "3.0 MiB", for people. */
const char *app_size(struct app *app, uint64_t bytes);
/* A whole file into the arena. */
PAWL_MUST_CHECK pawl_err app_read(
    struct app *app, const char *path, size_t size_max, struct pawl_bytes *ret_bytes);
/* Writes REPO/<name> atomically, or only notes it down in a dry run. */
PAWL_MUST_CHECK pawl_err app_write(
    struct app *app, const char *name, unsigned mode, struct pawl_bytes bytes);
/* Tells what was written (or would be). */
void app_report_written(struct app *app);
/* Keeps other writers out of REPO, which is made when missing, until the end of the run. */
PAWL_MUST_CHECK pawl_err app_lock(struct app *app);
PAWL_MUST_CHECK pawl_err app_check_is_repository(struct app *app);
/* Locks a repository that exists and loads its settings. */
PAWL_MUST_CHECK pawl_err app_begin_change(struct app *app);
PAWL_MUST_CHECK pawl_err app_int(
    struct app *app, const char *option, int64_t min, int64_t max, int64_t *ret_value);
PAWL_MUST_CHECK pawl_err app_check_name(
    struct app *app, const char *what, const char *name, size_t size_max);

/* --- app_json.c --- */

PAWL_MUST_CHECK pawl_err app_json_parse(
    struct app *app, const char *what, struct pawl_bytes text, struct pawl_json *ret_json);
/* The string at `path`, "" when there is none; numbers and booleans as text. */
const char *app_json_text(
    struct app *app, const struct pawl_json *json, uint32_t object, const char *path);
int64_t app_json_int(const struct pawl_json *json, uint32_t object, const char *path);
/* "name: value" lines of everything in it, indented. */
void app_json_print(struct app *app, const struct pawl_json *json, uint32_t value, int indent);

/* `head` and `text` on one line; on a terminal wrapped to its width, further lines
 * behind `indent` spaces. Both are made harmless. Returns the lines it took there. */
int app_print_wrapped(struct app *app, const char *head, const char *text, int indent);

/* One JSON document on `out`. */
struct app_document {
	struct pawl_buf buf;
	struct pawl_json_writer writer;
};
void app_document_begin(struct app *app, struct app_document *document, size_t capacity);
void app_document_end(struct app *app, struct app_document *document);
/* The object: reports what was done as text, or as JSON with these members first:
 * names and texts in turn, NULL at the end. */
void app_report(struct app *app, const char *const *members);
/* The server's document as it came. */
void app_document_raw(struct app *app, const struct pawl_json *json);
/* The member "written": [...] and "dryRun". */
void app_document_written(struct app *app, struct pawl_json_writer *writer);

/* --- app_settings.c --- */

PAWL_MUST_CHECK pawl_err app_settings_load(struct app *app);
PAWL_MUST_CHECK pawl_err app_settings_save(struct app *app);
struct app_role *app_settings_role(struct app *app, const char *name);
PAWL_MUST_CHECK pawl_err app_settings_add_role(
    struct app *app, const char *name, int64_t threshold, int64_t days, struct app_role **ret_role);
struct app_product *app_settings_product(struct app *app, const char *name);
/* The product exists and has this group; says what to do otherwise. */
PAWL_MUST_CHECK pawl_err app_check_product(struct app *app, const char *product, const char *group);

/* --- app_keys.c --- */

/* Makes keys/<name>.pem and pub/<name>.json. PAWL_ERR_EXISTS. */
PAWL_MUST_CHECK pawl_err app_key_make(
    struct app *app, const char *name, pawl_sig_scheme scheme, const char *passphrase);
/* The same, unless it is there. A private half without the public one is what a
 * cut leaves: it is completed. */
PAWL_MUST_CHECK pawl_err app_key_make_or_keep(
    struct app *app, const char *name, pawl_sig_scheme scheme, const char *passphrase);
PAWL_MUST_CHECK pawl_err app_key_store(struct app *app, const char *name,
    const struct pawl_key *key, const char *passphrase, bool replace);
/* The private key, asking for a passphrase when it needs one. */
PAWL_MUST_CHECK pawl_err app_key_open(struct app *app, const char *name, struct pawl_key **ret_key);
PAWL_MUST_CHECK pawl_err app_key_public(
    struct app *app, const char *name, struct pawl_repo_key *ret_key);
bool app_key_is_here(struct app *app, const char *name);
PAWL_MUST_CHECK pawl_err app_key_is_encrypted(struct app *app, const char *name, bool *ret_is);
/* A new passphrase from `option` (a file) or typed twice. */
PAWL_MUST_CHECK pawl_err app_new_passphrase(
    struct app *app, const char *option, char ret_text[APP_PASSPHRASE_MAX]);
PAWL_MUST_CHECK pawl_err app_scheme_of(
    struct app *app, const char *type, pawl_sig_scheme *ret_scheme);
const char *app_scheme_name(pawl_sig_scheme scheme);

/* --- app_repo.c, app_commit.c --- */

/* One metadata file of the present state. */
struct app_file {
	const char *role;
	int64_t version;         /* 0: not written yet                          */
	struct pawl_bytes bytes; /* as on disk                                  */
	struct pawl_repo_file file;
	bool changed; /* gets a new version at the commit                      */
};

struct app_repo {
	struct app_file root;
	struct app_file snapshot;
	size_t count;
	struct app_file roles[APP_ROLES_MAX]; /* targets first, then delegated ones */
};

/* Loads the newest snapshot on disk and what it lists. */
PAWL_MUST_CHECK pawl_err app_repo_load(struct app *app, struct app_repo *ret_repo);
struct app_file *app_repo_role(struct app_repo *repo, const char *role);
/* A delegated role that is not written yet; empty. */
struct app_file *app_repo_add_role(struct app *app, struct app_repo *repo, const char *role);
/* Keys and threshold of a role, as its parent states them. */
PAWL_MUST_CHECK pawl_err app_repo_authority(struct app *app, const struct app_repo *repo,
    const char *role, struct pawl_repo_role *ret_role, const struct pawl_repo_key **ret_keys,
    size_t *ret_key_count);
/* Replaces (same path) or adds a target of a role. */
void app_repo_put_entry(
    struct app *app, struct app_file *role, const struct pawl_repo_entry *entry);
const struct pawl_repo_entry *app_repo_entry(const struct app_file *role, const char *path);
/* Where a target lies in REPO: "targets/fw/acme/<sha256>.2.0.0.gw-a.img". */
const char *app_target_name(struct app *app, const struct pawl_repo_entry *entry);
/* Signs and writes a new version of everything that changed, the snapshot last. */
PAWL_MUST_CHECK pawl_err app_repo_commit(struct app *app, struct app_repo *repo);

/* --- app_release.c --- */

/* The release of a product's targets; `ret_entries` in the arena. */
struct app_image {
	const struct pawl_repo_entry *entry;
	struct pawl_release release;
};
PAWL_MUST_CHECK pawl_err app_release_images(struct app *app, const struct app_repo *repo,
    const char *product, struct app_image **ret_images, size_t *ret_count);
/* Lets `group` run `version`: a new channel target, unless it says so already.
 * Changes `repo`; the caller commits. */
PAWL_MUST_CHECK pawl_err app_channel_allow(struct app *app, struct app_repo *repo,
    const char *product, const char *version, const char *group, int64_t *ret_counter);

/* --- app_server.c, app_upload.c --- */

/* One call of the management API. In a dry run everything but GET is only
 * told. `ret_json` may be NULL; its text is in the arena. An empty answer is {}. */
PAWL_MUST_CHECK pawl_err app_server_call(struct app *app, pawl_fetch_method method,
    const char *path, struct pawl_bytes body, struct pawl_json *ret_json);
/* Calls `each` with every item of a paged list. */
typedef pawl_err app_item(
    struct app *app, const struct pawl_json *json, uint32_t item, void *context);
/* `keep`: arena memory that `each` took stays; otherwise a page's is used again. */
PAWL_MUST_CHECK pawl_err app_server_list(struct app *app, const char *path, bool keep,
    app_item *each, void *context, int64_t *ret_total);
/* True when the server has it already. */
PAWL_MUST_CHECK pawl_err app_server_has(struct app *app, const char *path, bool *ret_has);
PAWL_MUST_CHECK pawl_err app_server_upload(
    struct app *app, const char *path, const char *file, const char *label);
const char *app_percent(struct app *app, const char *text);
/* Uploads what the server lacks and asks it to publish. */
PAWL_MUST_CHECK pawl_err app_publish(
    struct app *app, const struct app_repo *repo, struct pawl_json *ret_answer);
/* The server's id of a release. */
PAWL_MUST_CHECK pawl_err app_distribution_set(
    struct app *app, const char *product, const char *version, int64_t *ret_id);

/* --- app_list.c --- */

typedef enum app_cell_kind { APP_CELL_TEXT, APP_CELL_TIME } app_cell_kind;

struct app_list_column {
	struct pawl_cli_column shown;
	const char *member; /* "pawl.why"                                         */
	app_cell_kind kind; /* TIME: milliseconds, shown as a date                */
};

struct app_listing {
	const char *path;
	int64_t most; /* items                                                    */
	bool bare;    /* the document is a list, not {"content":[...],...}        */
	size_t column_count;
	const struct app_list_column *columns;
};
PAWL_MUST_CHECK pawl_err app_show_list(struct app *app, const struct app_listing *listing);

/* --- the commands --- */

extern const struct pawl_cli_command cmd_key_commands[];
extern const struct pawl_cli_command cmd_repo_commands[];
extern const struct pawl_cli_command cmd_server_commands[];
extern const struct pawl_cli_command cmd_product_commands[];
extern const struct pawl_cli_command cmd_release_commands[];
extern const struct pawl_cli_command cmd_device_commands[];
extern const struct pawl_cli_command cmd_rollout_commands[];

#define APP_DRY_RUN                                                                                \
	{                                                                                          \
		.name = "dry-run", .letter = 'n', .kind = PAWL_CLI_FLAG,                           \
		.help = "Only say what would be done."                                             \
	}
/* A value that must be given. */
#define APP_NEEDED(option_name, shown, text)                                                       \
	{                                                                                          \
		.name = (option_name), .kind = PAWL_CLI_VALUE, .required = true, .value = (shown), \
		.help = (text)                                                                     \
	}
/* A value that has a preset, or NULL. */
#define APP_PRESET(option_name, shown, with, text)                                                 \
	{                                                                                          \
		.name = (option_name), .kind = PAWL_CLI_VALUE, .value = (shown), .preset = (with), \
		.help = (text)                                                                     \
	}
#define APP_PLAIN_FLAG(option_name, text)                                                          \
	{                                                                                          \
		.name = (option_name), .kind = PAWL_CLI_FLAG, .help = (text)                       \
	}
#define APP_KEY_TYPE(text)                                                                         \
	{                                                                                          \
		.name = "type", .kind = PAWL_CLI_VALUE, .value = "TYPE",                           \
		.choices = "ed25519|p256|rsa", .preset = "ed25519", .help = (text)                 \
	}

#endif
