/* SPDX-License-Identifier: MIT
 *
 * app.h - what the files of pawl-server share: one struct, its parts, and how
 * a request is answered.
 *
 *   main.c            command line
 *   server_conf.c     settings
 *   server_init.c     `pawl-server init`
 *   app_run.c         start, loop, end
 *   db_bridge.c       effects to the store; answers held until they are durable
 *   fleet_log.c       the fleet's events as log lines
 *   reply.c           answers
 *   route.c           who may ask for what; dispatch
 *   route_*.c         the endpoints of docs/spec/server-api.md
 *   repo_*.c          the signed repository on disk: files, uploads, publication, timestamp
 *
 * One loop thread owns everything here. Only repo_upload.c and repo_publish.c
 * run parts on pool threads, on data of their own, under repo->lock.
 */
#ifndef PAWL_SERVER_APP_H
#define PAWL_SERVER_APP_H

#include "server_conf.h"

#include "pawl/fleet.h"
#include "pawl/http.h"
#include "pawl/json.h"
#include "pawl/log.h"
#include "pawl/num.h"
#include "pawl/store.h"
#include "pawl/url.h"

#include <pthread.h>

enum {
	APP_PATH_MAX = 1024,
	/* The longest answer from memory: a page of 500 devices with every text
	 * at its longest. */
	APP_REPLY_MAX = 8 * 1024 * 1024,
	APP_BODY_MAX = 256 * 1024,
	APP_DEVICE_BODY_MAX = 64 * 1024,
	APP_ENROL_BODY_MAX = 16 * 1024,
	APP_ACTOR_MAX = 96
};

enum { APP_LISTEN_DEVICE = 1, APP_LISTEN_OPERATOR = 2 };

/* The repository on disk. */
struct repo {
	char folder[APP_PATH_MAX];    /* DIR/repository                              */
	char root_path[APP_PATH_MAX]; /* DIR/root.json                               */
	int fd;                       /* the folder, for files that are served        */
	struct pawl_key *key;         /* signs timestamp.json                        */
	pthread_mutex_t lock;         /* changes of what is on disk                  */
};

/* What is being served, for status and for expiry warnings. */
struct repo_versions {
	int64_t root, timestamp, snapshot, targets; /* 0: none                        */
	struct pawl_wall root_expires, timestamp_expires, snapshot_expires, targets_expires;
};

/* An answer that waits until its change is durable. */
struct held_answer {
	struct held_answer *next;
	uint64_t ticket;
	struct pawl_http_token token;
	int status;
	size_t size;
	uint8_t body[];
};

struct app {
	struct server_settings settings;
	char data[APP_PATH_MAX];
	struct pawl_log log;
	struct pawl_http_server *http;
	struct pawl_tls_context *tls_device;
	struct pawl_tls_context *tls_operator;
	struct pawl_fleet *fleet;
	struct pawl_store *store;
	uint8_t *ca_pem; /* with a NUL behind it */
	size_t ca_pem_size;
	struct repo repo;
	struct repo_versions versions;
	bool publishing;
	struct held_answer *held_first;
	struct held_answer *held_last;
	size_t touch_count; /* contacts that the fleet still holds, each device once */
	bool batch_open;    /* rows that were added and not yet submitted             */
	bool audited;       /* among them some that an answer waits for              */
	bool store_failing; /* logged once, until it recovers                         */
	bool failed;        /* ends with exit code 1                                  */
	bool stopping;
	uint8_t *reply; /* APP_REPLY_MAX bytes                                        */
	uint16_t port_device;
	uint16_t port_operator;
	struct pawl_mono started;
};

/* One request in the handler's hands. */
struct call {
	struct app *app;
	const struct pawl_http_request *request;
	struct pawl_target target;
	uint8_t target_memory[PAWL_URL_SIZE_MAX];
	struct pawl_wall now;
	char actor[APP_ACTOR_MAX]; /* "device:dev1", "operator:anna"                  */
	struct pawl_buf out;       /* the answer's body, app->reply                   */
	struct pawl_json_writer json;
};

/* --- reply.c --- */

/* Answers with what was written to call->json; held until durable when the
 * call changed something. */
void reply_json(struct call *call, int status);
/* No body. */
void reply_empty(struct call *call, int status);
/* {"exceptionClass","errorCode","message"}; drops what was written before. */
void reply_error(struct call *call, int status, const char *format, ...) PAWL_PRINTF(3, 4);
/* The error for `result`; `what` says what was looked for or tried, `note` why. */
void reply_result(
    struct call *call, pawl_fleet_result result, const char *what, const struct pawl_note *note);
/* Writes an error body into `out`. */
void put_error(struct pawl_buf *out, int status, struct pawl_bytes message);
/* `offset` and `limit` of the query; false: 400 was answered. */
bool read_page(struct call *call, struct pawl_store_page *ret_page);
void begin_list(struct call *call);
void end_list(struct call *call, uint64_t total, uint64_t size);
/* Base of hrefs, "https://host:port"; false: 400 was answered. */
bool base_url(struct call *call, size_t capacity, char *ret_url);

/* The request's body as a JSON object. `ret_json->tokens` is for free_json.
 * False: 400 was answered. */
bool read_json(struct call *call, pawl_json_type type, struct pawl_json *ret_json);
void free_json(struct pawl_json *json);
/* A text member; absent gives "". False when it is no text or too long: 400
 * was answered, naming the field. */
bool json_field(struct call *call, const struct pawl_json *json, uint32_t object, const char *name,
    size_t capacity, char *ret_text);
bool json_field_int(struct call *call, const struct pawl_json *json, uint32_t object,
    const char *name, int64_t min, int64_t max, int64_t preset, int64_t *ret_value);

/* snprintf that is meant to cut what does not fit: names of bounded length,
 * sentences. */
void print_text(char *at, size_t capacity, const char *format, ...) PAWL_PRINTF(3, 4);

/* --- db_bridge.c --- */

/* Hands what the fleet and the caller added to the store. The ticket to wait
 * for; 0 when nothing changed that an answer depends on. */
uint64_t db_commit(struct app *app);
/* Submits contacts that nobody waits for. */
void db_flush(struct app *app);
/* Rows were added to the store directly: the next commit waits for them. */
void db_extra(struct app *app);
/* The writer made progress: gives the answers that waited. */
void db_progress(struct app *app);
/* Takes the body by copy; answers at once when `ticket` is 0. */
void db_hold(struct app *app, uint64_t ticket, struct pawl_http_token token, int status,
    struct pawl_bytes body);
/* Who did what; joins the batch of this call. */
void db_audit(struct call *call, const char *action, const char *object, const char *detail);
/* Opens the database and fills the fleet. Failures are logged. */
PAWL_MUST_CHECK pawl_err db_open(struct app *app, struct pawl_note *note);

/* --- fleet_log.c --- */

/* Writes a PAWL_FLEET_LOG effect to the log. */
void fleet_log(struct app *app, const struct pawl_fleet_effect *effect);

/* --- route.c --- */

struct pawl_http_handler route_handler(struct app *app);

/* --- endpoints --- */

void route_ddi(struct call *call);
void route_enrol(struct call *call);
void route_targets(struct call *call);
/* .../targets/{controllerId}/actions...; false: no such resource or method. */
bool route_actions(struct call *call, const struct pawl_fleet_device *device);
/* Writes a device into call->json. */
void put_device(struct call *call, const struct pawl_fleet_device *device);
/* Writes a distribution set into call->json. */
void put_set(struct call *call, const struct pawl_fleet_distribution_set *set);
void route_sets(struct call *call);
void route_modules(struct call *call);
void route_rollouts(struct call *call);
/* POST /rest/v1/rollouts. */
void rollout_create(struct call *call);
/* Writes a rollout into call->json. */
void put_rollout(struct call *call, const struct pawl_fleet_rollout *rollout);
void route_pawl(struct call *call);
/* GET and HEAD of /pawl/v1/repository. */
void route_repository(struct call *call);

/* --- repo_file.c --- */

/* The name may stand in a path: no separator, not hidden, no control characters. */
bool repo_name_is_safe(struct pawl_bytes name);
/* Opens a regular file below the repository without following a link.
 * PAWL_ERR_NOT_FOUND for everything that is not one. */
PAWL_MUST_CHECK pawl_err repo_open(const struct repo *repo, const struct pawl_bytes *segments,
    size_t count, int *ret_fd, uint64_t *ret_size);
/* The whole file or the range that was asked for. Takes `fd`. `etag` with quotes. */
void repo_send_file(struct call *call, int fd, uint64_t size, const char *etag,
    const char *cache_control, const char *disposition);
/* Opens what a module sends. */
PAWL_MUST_CHECK pawl_err repo_open_module(const struct repo *repo,
    const struct pawl_fleet_module *module, int *ret_fd, uint64_t *ret_size);

/* --- repo_upload.c --- */

struct upload;
/* Looks at a PUT; a plan that streams, or an answer was given. */
void upload_plan(struct call *call, struct pawl_http_plan *plan);
bool upload_piece(struct upload *upload, struct pawl_bytes piece);
void upload_end(struct upload *upload, struct call *call);
void upload_abort(struct upload *upload);
/* HEAD of an upload path: is it there? */
void upload_head(struct call *call);
/* SHA-1 and MD5 of a target, remembered from its upload, else computed. */
PAWL_MUST_CHECK pawl_err upload_sums(const struct repo *repo, const char *sha256_hex,
    const char *path, char ret_sha1[41], char ret_md5[33]);

/* --- repo_publish.c --- */

void publish_request(struct call *call);
/* At the start: finishes what a crash left, reads what is served, adds its
 * releases to the fleet, signs a fresh timestamp. */
PAWL_MUST_CHECK pawl_err publish_start(struct app *app, struct pawl_note *note);
/* Signs the timestamp again, on a pool thread. */
void publish_renew(struct app *app);

#endif
