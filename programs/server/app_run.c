/* SPDX-License-Identifier: MIT
 *
 * app_run.c - start, loop, end. */
#include "app_run.h"

#include "pawl/env.h"
#include "pawl/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A failed step: what it was, and the note with why and what to do. */
static bool failed(struct app *app, const char *step, pawl_err err, const struct pawl_note *note)
{
	pawl_log_event(&app->log, PAWL_LOG_ERROR, "server.failed", PAWL_LOG_TEXT("step", step),
	    PAWL_LOG_ERR(err),
	    PAWL_LOG_TEXT("why", note->text[0] == '\0' ? pawl_err_text(err) : note->text));
	return false;
}

static void path_of(const struct app *app, const char *name, char *ret_path)
{
	const int size = snprintf(ret_path, APP_PATH_MAX, "%s/%s", app->data, name);

	PAWL_ASSERT(size > 0 && size < APP_PATH_MAX);
}

/* --- settings and keys --- */

static bool read_settings(struct app *app)
{
	struct pawl_conf conf;
	struct pawl_note note = { "" };
	pawl_log_level level = PAWL_LOG_INFO;
	const pawl_err err = server_conf_read(app->data, &conf, &app->settings, &note);

	if (err != PAWL_ERR_OK)
		return failed(app, "settings", err, &note);
	if (pawl_log_level_of(app->settings.log_level, &level) != PAWL_ERR_OK) {
		pawl_note_add(&note, "log-level must be error, warn, info or debug");
		return failed(app, "settings", PAWL_ERR_SYNTAX, &note);
	}
	app->log = pawl_log_of(STDERR_FILENO, level);
	return true;
}

static bool load_key(struct app *app, const char *name, struct pawl_key **ret_key)
{
	char path[APP_PATH_MAX];
	struct pawl_note note = { "" };
	uint8_t *pem = NULL;
	size_t size = 0;

	path_of(app, name, path);
	pawl_err err = pawl_env_check_private(path, &note);

	if (err == PAWL_ERR_OK)
		err = pawl_env_read_file(path, PAWL_KEY_PEM_MAX, &pem, &size, &note);
	if (err == PAWL_ERR_OK) {
		err = pawl_key_load(PAWL_BYTES(pem, size), PAWL_BYTES(NULL, 0), ret_key);
		pawl_bytes_wipe(pem, size);
	}
	free(pem);
	if (err == PAWL_ERR_NOT_FOUND)
		pawl_note_add(&note, "; make the data folder with `pawl-server init --data DIR`");
	return err == PAWL_ERR_OK || failed(app, name, err, &note);
}

static bool read_pem(
    struct app *app, const char *path, const char *hint, uint8_t **ret_at, size_t *ret_size)
{
	struct pawl_note note = { "" };
	const pawl_err err = pawl_env_read_file(path, 64 * 1024, ret_at, ret_size, &note);

	if (err == PAWL_ERR_OK)
		return true;
	pawl_note_add(&note, "; ");
	pawl_note_add(&note, hint);
	return failed(app, "certificate", err, &note);
}

static bool make_tls(struct app *app, struct pawl_bytes cert, struct pawl_bytes key)
{
	struct pawl_tls_options options = {
		.cert_pem = cert,
		.key_pem = key,
		.ca_pem = PAWL_BYTES(app->ca_pem, app->ca_pem_size),
		.client_cert = PAWL_TLS_CLIENT_REQUIRED,
	};
	struct pawl_note note = { "" };
	pawl_err err = pawl_tls_context_create(&options, &app->tls_device, &note);

	options.client_cert = PAWL_TLS_CLIENT_OPTIONAL;
	if (err == PAWL_ERR_OK)
		err = pawl_tls_context_create(&options, &app->tls_operator, &note);
	return err == PAWL_ERR_OK || failed(app, "tls", err, &note);
}

static bool open_tls(struct app *app)
{
	char key_path[APP_PATH_MAX];
	struct pawl_key *probe = NULL;
	uint8_t *cert = NULL, *key = NULL;
	size_t cert_size = 0, key_size = 0;
	bool good = false;

	path_of(app, "tls.key", key_path);
	good = load_key(app, "tls.key", &probe) &&
	       read_pem(app, app->settings.ca,
		   "copy REPO/ca/ca.pem of the operator's repository to it", &app->ca_pem,
		   &app->ca_pem_size) &&
	       read_pem(app, app->settings.tls_cert,
		   "make it with `pawl server certify --csr DIR/tls.csr --name HOST --out "
		   "DIR/tls.pem`",
		   &cert, &cert_size) &&
	       read_pem(app, key_path, "see `pawl-server init`", &key, &key_size) &&
	       make_tls(app, PAWL_BYTES(cert, cert_size), PAWL_BYTES(key, key_size));
	if (key != NULL)
		pawl_bytes_wipe(key, key_size);
	free(key);
	free(cert);
	pawl_key_destroy(probe);
	return good;
}

/* --- repository --- */

static bool open_repository(struct app *app)
{
	struct pawl_note note = { "" };

	path_of(app, "repository", app->repo.folder);
	path_of(app, "root.json", app->repo.root_path);
	if (strlen(app->repo.folder) > APP_PATH_MAX / 4) {
		pawl_note_add(&note, "the path of the data folder is too long");
		return failed(app, "repository", PAWL_ERR_LIMIT, &note);
	}
	if (!load_key(app, "timestamp.key", &app->repo.key))
		return false;

	const pawl_err err = pawl_env_make_folder(app->repo.folder, 0700, &note);

	if (err != PAWL_ERR_OK)
		return failed(app, "repository", err, &note);
	app->repo.fd = open(app->repo.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (app->repo.fd < 0) {
		pawl_note_add(&note, strerror(errno));
		return failed(app, "repository", PAWL_ERR_IO, &note);
	}
	return true;
}

/* --- listening --- */

/* "host:port", IPv6 in brackets. */
static bool split_address(const char *text, size_t capacity, char *ret_host, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	const char *begin = text;
	size_t size = 0;
	uint64_t port = 0;

	if (colon == NULL ||
	    pawl_parse_u64(pawl_bytes_of(colon + 1), UINT16_MAX, &port) != PAWL_ERR_OK)
		return false;
	size = (size_t)(colon - text);
	if (size >= 2 && text[0] == '[' && colon[-1] == ']') {
		begin++;
		size -= 2;
	}
	if (size == 0 || size >= capacity)
		return false;
	memcpy(ret_host, begin, size);
	ret_host[size] = '\0';
	*ret_port = (uint16_t)port;
	return true;
}

static bool listen_on(
    struct app *app, const char *address, int tag, struct pawl_tls_context *tls, uint16_t *ret_port)
{
	char host[64];
	struct pawl_note note = { "" };
	struct pawl_http_listener listener = { .host = host, .tag = tag, .tls = tls };
	pawl_err err = PAWL_ERR_SYNTAX;

	if (split_address(address, sizeof(host), host, &listener.port))
		err = pawl_http_listen(app->http, &listener, ret_port);
	if (err == PAWL_ERR_OK)
		return true;
	pawl_note_add(&note, "can not listen on ");
	pawl_note_add(&note, address);
	pawl_note_add(&note, err == PAWL_ERR_EXISTS   ? ": the port is taken"
			     : err == PAWL_ERR_SYNTAX ? ": not of the form ADDRESS:PORT"
			     : err == PAWL_ERR_DENIED ? ": ports below 1024 need a privilege"
						      : "");
	return failed(app, "listen", err, &note);
}

static bool write_ports(struct app *app)
{
	char folder[APP_PATH_MAX];
	char path[APP_PATH_MAX];
	char text[64];
	struct pawl_note note = { "" };

	path_of(app, "run", folder);
	path_of(app, "run/ports.json", path);
	print_text(text, sizeof(text), "{\"device\":%u,\"operator\":%u}\n", app->port_device,
	    app->port_operator);

	pawl_err err = pawl_env_make_folder(folder, 0700, &note);

	if (err == PAWL_ERR_OK)
		err = pawl_env_write_file(path, 0600, pawl_bytes_of(text), &note);
	return err == PAWL_ERR_OK || failed(app, "ports", err, &note);
}

/* Scripts wait for the file: one of an earlier run must not answer them. */
static bool forget_ports(struct app *app)
{
	char path[APP_PATH_MAX];
	struct pawl_note note = { "" };

	path_of(app, "run/ports.json", path);
	const pawl_err err =
	    pawl_env_exists(path) ? pawl_env_remove_file(path, &note) : PAWL_ERR_OK;

	return err == PAWL_ERR_OK || failed(app, "ports", err, &note);
}

static bool make_http(struct app *app)
{
	const struct server_settings *settings = &app->settings;
	const struct pawl_http_options options = {
		.handshake_ms = (uint32_t)settings->handshake_ms,
		.header_ms = (uint32_t)settings->header_ms,
		.idle_ms = (uint32_t)settings->idle_ms,
		.body_grace_ms = (uint32_t)settings->body_grace_ms,
		.body_rate_bytes_s = (uint32_t)settings->body_rate,
		.write_stall_ms = (uint32_t)settings->write_stall_ms,
		.shutdown_ms = (uint32_t)settings->shutdown_ms,
		.connections_max = (uint32_t)settings->connections_max,
		.per_address_max = (uint32_t)settings->per_address_max,
		.stop_on_signals = true,
	};
	const struct pawl_http_handler handler = route_handler(app);
	struct pawl_note note = { "" };
	const pawl_err err = pawl_http_server_create(&options, &handler, &app->http);

	return err == PAWL_ERR_OK || failed(app, "http", err, &note);
}

/* --- ticking --- */

static void tick(void *user)
{
	struct app *app = user;

	pawl_fleet_tick(app->fleet, pawl_env_wall());
	(void)db_commit(app);
	db_flush(app);
}

static void renew(void *user)
{
	publish_renew(user);
}

static bool start_timers(struct app *app)
{
	const uint64_t renew_ms = (uint64_t)app->settings.timestamp_renew_ms;
	struct pawl_http_timer *timer = NULL;
	struct pawl_note note = { "" };
	pawl_err err = pawl_http_timer_start(app->http, 1000, 1000, tick, app, &timer);

	if (err == PAWL_ERR_OK)
		err = pawl_http_timer_start(app->http, renew_ms, renew_ms, renew, app, &timer);
	return err == PAWL_ERR_OK || failed(app, "timers", err, &note);
}

/* --- the whole --- */

static bool open_database(struct app *app)
{
	struct pawl_note note = { "" };
	const pawl_err err = db_open(app, &note);

	if (err == PAWL_ERR_OK)
		return true;
	if (err == PAWL_ERR_CORRUPT)
		pawl_log_event(&app->log, PAWL_LOG_ERROR, "store.corrupt",
		    PAWL_LOG_TEXT("why", note.text),
		    PAWL_LOG_TEXT("todo", "nothing was changed; restore a backup of pawl.db, or "
					  "save what is left with "
					  "`sqlite3 pawl.db .recover | sqlite3 new.db`"));
	return failed(app, "database", err, &note);
}

static bool start_repository(struct app *app)
{
	struct pawl_note note = { "" };
	const pawl_err err = publish_start(app, &note);

	return err == PAWL_ERR_OK || failed(app, "repository", err, &note);
}

static bool start(struct app *app)
{
	app->reply = malloc(APP_REPLY_MAX);
	if (app->reply == NULL)
		return false;
	return open_tls(app) && open_repository(app) && make_http(app) && open_database(app) &&
	       forget_ports(app) && start_repository(app) &&
	       listen_on(app, app->settings.listen, APP_LISTEN_DEVICE, app->tls_device,
		   &app->port_device) &&
	       listen_on(app, app->settings.listen_operator, APP_LISTEN_OPERATOR, app->tls_operator,
		   &app->port_operator) &&
	       start_timers(app) && write_ports(app);
}

static void drop_held(struct app *app)
{
	while (app->held_first != NULL) {
		struct held_answer *held = app->held_first;

		app->held_first = held->next;
		free(held);
	}
}

/* Closing the store writes what is queued: nothing acknowledged is lost. */
static bool finish(struct app *app)
{
	struct pawl_note note = { "" };
	pawl_err err = PAWL_ERR_OK;

	if (app->store != NULL) {
		if (app->fleet != NULL && app->http != NULL)
			db_flush(app);
		err = pawl_store_close(app->store);
	}
	pawl_http_server_destroy(app->http);
	pawl_tls_context_destroy(app->tls_device);
	pawl_tls_context_destroy(app->tls_operator);
	if (app->fleet != NULL)
		pawl_fleet_destroy(app->fleet);
	if (app->repo.fd >= 0)
		close(app->repo.fd);
	pawl_key_destroy(app->repo.key);
	drop_held(app);
	free(app->ca_pem);
	free(app->reply);
	return err == PAWL_ERR_OK || failed(app, "database", err, &note);
}

static void app_init(struct app *app, const char *data)
{
	memset(app, 0, sizeof(*app));
	print_text(app->data, sizeof(app->data), "%s", data);
	app->log = pawl_log_of(STDERR_FILENO, PAWL_LOG_INFO);
	app->repo.fd = -1;
	app->started = pawl_env_mono();
	pthread_mutex_init(&app->repo.lock, NULL);
}

int app_run(const char *data)
{
	static struct app app;
	bool good = false;

	app_init(&app, data);
	signal(SIGPIPE, SIG_IGN);
	good = read_settings(&app) && start(&app);
	if (good) {
		pawl_log_event(&app.log, PAWL_LOG_INFO, "server.ready",
		    PAWL_LOG_INT("device_port", app.port_device),
		    PAWL_LOG_INT("operator_port", app.port_operator),
		    PAWL_LOG_INT("devices", pawl_fleet_device_count(app.fleet)),
		    PAWL_LOG_INT("timestamp", app.versions.timestamp));
		pawl_http_run(app.http);
	}
	good = finish(&app) && good && !app.failed;
	if (good)
		pawl_log_event(&app.log, PAWL_LOG_INFO, "server.stopped");
	pthread_mutex_destroy(&app.repo.lock);
	return good ? 0 : 1;
}

int app_check(const char *data)
{
	static struct app app;
	bool good = false;

	app_init(&app, data);
	/* As a start would, without listening or signing anything. */
	good = read_settings(&app);
	if (good) {
		app.reply = malloc(APP_REPLY_MAX);
		good = app.reply != NULL && open_tls(&app) &&
		       load_key(&app, "timestamp.key", &app.repo.key) && make_http(&app) &&
		       open_database(&app);
	}
	good = finish(&app) && good;
	pthread_mutex_destroy(&app.repo.lock);
	return good ? 0 : 1;
}
