/* SPDX-License-Identifier: MIT
 *
 * repo_publish.c - POST /rest/v1/pawl/publish, the timestamp that is signed
 * again every hour, and what the repository needs at the start.
 *
 * Disk and signatures are a pool thread's work (repo_job.h); the fleet learns
 * of new releases on the loop's thread. */
#include "repo_job.h"

#include "pawl/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct publication {
	struct app *app;
	struct pawl_http_token token;
	char actor[APP_ACTOR_MAX];
	struct repo_job job;
	int64_t want_root;
	int64_t want_snapshot;
	struct known_module *known;
	size_t known_count;
	bool done;
};

static void free_publication(struct publication *publication)
{
	job_release(&publication->job);
	free(publication->known);
	free(publication);
}

/* --- what the fleet knows --- */

static bool copy_known(struct publication *publication)
{
	const struct pawl_fleet *fleet = publication->app->fleet;
	const uint32_t count = pawl_fleet_distribution_set_count(fleet);
	size_t total = 0;

	for (uint32_t i = 0; i < count; i++)
		total += pawl_fleet_distribution_set_at(fleet, i)->module_count;
	publication->known = calloc(total + 1, sizeof(*publication->known));
	if (publication->known == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const struct pawl_fleet_distribution_set *set =
		    pawl_fleet_distribution_set_at(fleet, i);

		for (uint32_t k = 0; k < set->module_count; k++) {
			struct known_module *known =
			    &publication->known[publication->known_count++];

			print_text(known->product, sizeof(known->product), "%s", set->product);
			print_text(known->version, sizeof(known->version), "%s", set->version);
			print_text(known->hardware_class, sizeof(known->hardware_class), "%s",
			    set->modules[k].hardware_class);
			print_text(
			    known->sha256, sizeof(known->sha256), "%s", set->modules[k].sha256);
			print_text(known->image_sha256, sizeof(known->image_sha256), "%s",
			    set->modules[k].image_sha256);
			known->seq = set->seq;
			known->sec = set->sec;
		}
	}
	return true;
}

/* A version that exists can not get another content: devices may run it. */
static bool check_known(struct publication *publication)
{
	const struct repo_job *job = &publication->job;

	for (size_t i = 0; i < job->release_count; i++) {
		const struct found_release *found = &job->releases[i];

		for (size_t k = 0; k < publication->known_count; k++) {
			const struct known_module *known = &publication->known[k];
			bool same_class = false;

			if (strcmp(found->product, known->product) != 0 ||
			    strcmp(found->version, known->version) != 0)
				continue;
			for (size_t h = 0; h < found->hw.count; h++)
				same_class = same_class ||
					     strcmp(found->hw.name[h], known->hardware_class) == 0;
			if ((int64_t)known->seq != found->seq || known->sec != found->sec ||
			    (same_class &&
				(strcmp(known->sha256, found->sha256) != 0 ||
				    strcmp(known->image_sha256, found->image_sha256) != 0)))
				return job_fail(&publication->job, 409,
				    "Release %s %s was published before with other content; use a "
				    "new version.",
				    found->product, found->version);
		}
	}
	return true;
}

/* --- telling the fleet --- */

static bool same_release(const struct found_release *a, const struct found_release *b)
{
	return strcmp(a->product, b->product) == 0 && strcmp(a->version, b->version) == 0;
}

static uint32_t add_modules(
    const struct found_release *found, struct pawl_fleet_module *modules, uint32_t count)
{
	for (size_t h = 0; h < found->hw.count && count < PAWL_FLEET_MODULES_MAX; h++) {
		struct pawl_fleet_module *module = &modules[count];
		bool there = false;

		for (uint32_t i = 0; i < count; i++)
			there = there || strcmp(modules[i].hardware_class, found->hw.name[h]) == 0;
		if (there)
			continue; /* the first role that signs for it counts */
		*module = (struct pawl_fleet_module){ .size = found->size };
		print_text(module->hardware_class, sizeof(module->hardware_class), "%s",
		    found->hw.name[h]);
		print_text(module->target_path, sizeof(module->target_path), "%s", found->path);
		print_text(module->file_name, sizeof(module->file_name), "%s",
		    strrchr(found->path, '/') + 1);
		memcpy(module->sha256, found->sha256, sizeof(module->sha256));
		memcpy(module->sha1, found->sha1, sizeof(module->sha1));
		memcpy(module->md5, found->md5, sizeof(module->md5));
		memcpy(module->image_sha256, found->image_sha256, sizeof(module->image_sha256));
		count++;
	}
	return count;
}

/* The release at `first` with all its hardware classes. Its id; 0: the fleet
 * refused it, which was logged. */
static uint32_t add_set(struct app *app, const struct repo_job *job, size_t first)
{
	static struct pawl_fleet_module modules[PAWL_FLEET_MODULES_MAX];
	const struct found_release *found = &job->releases[first];
	struct pawl_fleet_distribution_set set = {
		.seq = (uint64_t)found->seq,
		.sec = (uint32_t)found->sec,
		.modules = modules,
	};
	struct pawl_note note = { "" };
	uint32_t id = 0;

	for (size_t i = first; i < job->release_count; i++) {
		if (same_release(found, &job->releases[i]))
			set.module_count =
			    add_modules(&job->releases[i], modules, set.module_count);
	}
	print_text(set.product, sizeof(set.product), "%s", found->product);
	print_text(set.version, sizeof(set.version), "%s", found->version);

	const pawl_fleet_result result =
	    pawl_fleet_distribution_set_add(app->fleet, &set, job->now, &id, &note);

	if (result == PAWL_FLEET_OK)
		return id;
	pawl_log_event(&app->log, PAWL_LOG_ERROR, "repository.refused",
	    PAWL_LOG_TEXT("product", set.product), PAWL_LOG_TEXT("version", set.version),
	    PAWL_LOG_TEXT(
		"why", note.text[0] == '\0' ? pawl_fleet_result_name(result) : note.text));
	return 0;
}

static bool is_first(const struct repo_job *job, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (same_release(&job->releases[i], &job->releases[index]))
			return false;
	}
	return true;
}

/* Adds all releases; writes the ids, newest first. */
static size_t add_sets(struct app *app, const struct repo_job *job, uint32_t *ret_ids)
{
	size_t count = 0;

	for (size_t i = 0; i < job->release_count; i++) {
		const uint32_t id = is_first(job, i) ? add_set(app, job, i) : 0;
		size_t at = count;

		if (id == 0)
			continue;
		for (; at > 0 && ret_ids[at - 1] < id; at--)
			ret_ids[at] = ret_ids[at - 1];
		ret_ids[at] = id;
		count++;
	}
	return count;
}

/* --- publish --- */

/* Pool thread. */
static void publish_work(void *user)
{
	struct publication *publication = user;
	struct repo_job *job = &publication->job;
	pthread_mutex_t *lock = &publication->app->repo.lock;

	pthread_mutex_lock(lock);
	publication->done =
	    repo_sign_timestamp(job, publication->want_snapshot) && repo_verify(job);
	if (publication->done && job->versions.root != publication->want_root)
		publication->done = job_fail(job, 409,
		    "The trusted root is version %lld, not %lld: a root in between is missing.",
		    (long long)job->versions.root, (long long)publication->want_root);
	publication->done = publication->done && check_known(publication) && repo_commit(job);
	pthread_mutex_unlock(lock);
}

static void put_sets(struct pawl_json_writer *json, const struct pawl_fleet *fleet,
    const uint32_t *ids, size_t count)
{
	pawl_json_key(json, "distributionSets");
	pawl_json_begin_array(json);
	for (size_t i = 0; i < count; i++) {
		const struct pawl_fleet_distribution_set *set =
		    pawl_fleet_distribution_set(fleet, ids[i]);

		pawl_json_begin_object(json);
		pawl_json_member_int(json, "id", set->id);
		pawl_json_member_text(json, "name", set->product);
		pawl_json_member_text(json, "version", set->version);
		pawl_json_end_object(json);
	}
	pawl_json_end_array(json);
}

static void audit_publication(const struct publication *publication)
{
	char object[64];
	const struct pawl_store_audit entry = {
		.at = publication->job.now.ms,
		.actor = publication->actor,
		.action = "repository.publish",
		.object = object,
		.detail = "",
	};

	print_text(
	    object, sizeof(object), "snapshot:%lld", (long long)publication->job.versions.snapshot);
	pawl_store_add_audit(publication->app->store, &entry);
	db_extra(publication->app);
}

static void answer_published(struct publication *publication)
{
	struct app *app = publication->app;
	struct pawl_buf out = pawl_buf_of(app->reply, APP_REPLY_MAX);
	struct pawl_json_writer json = pawl_json_writer_of(&out);
	uint32_t *ids = calloc(publication->job.release_count + 1, sizeof(*ids));
	size_t count = 0;

	PAWL_ASSERT(ids != NULL); /* published is published: a restart tells the fleet */
	app->versions = publication->job.versions;
	count = add_sets(app, &publication->job, ids);
	audit_publication(publication);
	pawl_json_begin_object(&json);
	pawl_json_member_int(&json, "timestamp", app->versions.timestamp);
	put_sets(&json, app->fleet, ids, count);
	pawl_json_end_object(&json);
	free(ids);
	pawl_log_event(&app->log, PAWL_LOG_INFO, "repository.published",
	    PAWL_LOG_INT("timestamp", app->versions.timestamp),
	    PAWL_LOG_INT("snapshot", app->versions.snapshot), PAWL_LOG_INT("releases", count),
	    PAWL_LOG_TEXT("actor", publication->actor));
	db_hold(app, db_commit(app), publication->token, 200, pawl_buf_bytes(&out));
}

/* Loop thread. */
static void publish_done(void *user)
{
	struct publication *publication = user;
	struct app *app = publication->app;
	const struct repo_job *job = &publication->job;

	app->publishing = false;
	if (publication->done) {
		answer_published(publication);
	} else {
		uint8_t memory[1024];
		struct pawl_buf out = pawl_buf_of(memory, sizeof(memory));

		put_error(&out, job->status, pawl_bytes_of(job->why));
		pawl_log_event(&app->log, PAWL_LOG_WARN, "repository.refused",
		    PAWL_LOG_TEXT("why", job->why), PAWL_LOG_TEXT("actor", publication->actor));
		db_hold(app, 0, publication->token, job->status, pawl_buf_bytes(&out));
	}
	free_publication(publication);
}

static bool read_publication(struct call *call, int64_t *ret_root, int64_t *ret_snapshot)
{
	struct pawl_json json;

	if (!read_json(call, PAWL_JSON_OBJECT, &json))
		return false;

	const bool read =
	    json_field_int(call, &json, 0, "root", 1, PAWL_SEQ_MAX, 0, ret_root) &&
	    json_field_int(call, &json, 0, "snapshot", 1, PAWL_SEQ_MAX, 0, ret_snapshot);

	free_json(&json);
	if (read && (*ret_root == 0 || *ret_snapshot == 0)) {
		reply_error(call, 400, "`root` and `snapshot` must both be version numbers.");
		return false;
	}
	return read;
}

static struct publication *create_publication(struct call *call, int64_t root, int64_t snapshot)
{
	struct publication *publication = calloc(1, sizeof(*publication));

	if (publication == NULL)
		return NULL;
	publication->app = call->app;
	publication->token = call->request->token;
	print_text(publication->actor, sizeof(publication->actor), "%s", call->actor);
	publication->want_root = root;
	publication->want_snapshot = snapshot;
	publication->job = (struct repo_job){
		.repo = &call->app->repo,
		.now = call->now,
		.use_staging = true,
		.root_max = root,
		.status = 500,
	};
	if (copy_known(publication))
		return publication;
	free_publication(publication);
	return NULL;
}

void publish_request(struct call *call)
{
	int64_t root = 0;
	int64_t snapshot = 0;

	if (call->app->publishing) {
		reply_error(call, 409, "Another publication is under way; try again.");
		return;
	}
	if (!read_publication(call, &root, &snapshot))
		return;

	struct publication *publication = create_publication(call, root, snapshot);

	if (publication == NULL || pawl_http_work(call->app->http, publish_work, publish_done,
				       publication) != PAWL_ERR_OK) {
		if (publication != NULL)
			free_publication(publication);
		reply_error(call, 503, "The server is out of memory; try again later.");
		return;
	}
	call->app->publishing = true;
}

/* --- the timestamp again --- */

static void warn_of_expiry(struct app *app, const char *role, struct pawl_wall expires)
{
	const int64_t left = expires.ms - pawl_env_wall().ms;

	if (expires.ms != 0 && left < 7 * PAWL_MS_PER_DAY)
		pawl_log_event(&app->log, PAWL_LOG_WARN, "repository.expiring",
		    PAWL_LOG_TEXT("role", role), PAWL_LOG_INT("hours_left", left / PAWL_MS_PER_H));
}

static void renew_work(void *user)
{
	struct publication *publication = user;

	pthread_mutex_lock(&publication->app->repo.lock);
	publication->done = repo_renew(&publication->job);
	pthread_mutex_unlock(&publication->app->repo.lock);
}

static void renew_done(void *user)
{
	struct publication *publication = user;
	struct app *app = publication->app;
	const struct repo_job *job = &publication->job;

	if (publication->done) {
		/* A publication that came between may have signed a newer one. */
		if (job->versions.timestamp > app->versions.timestamp) {
			app->versions.timestamp = job->versions.timestamp;
			app->versions.timestamp_expires = job->versions.timestamp_expires;
		}
		pawl_log_event(&app->log, PAWL_LOG_INFO, "repository.timestamp",
		    PAWL_LOG_INT("version", job->versions.timestamp));
		warn_of_expiry(app, "root", app->versions.root_expires);
		warn_of_expiry(app, "targets", app->versions.targets_expires);
		warn_of_expiry(app, "snapshot", app->versions.snapshot_expires);
	} else if (job->status != 404) {
		pawl_log_event(&app->log, PAWL_LOG_ERROR, "repository.refused",
		    PAWL_LOG_TEXT("why", job->why));
	}
	free_publication(publication);
}

static struct publication *create_renewal(struct app *app)
{
	struct publication *publication = calloc(1, sizeof(*publication));

	if (publication == NULL)
		return NULL;
	publication->app = app;
	publication->job.repo = &app->repo;
	publication->job.now = pawl_env_wall();
	publication->job.root_max = INT64_MAX;
	return publication;
}

void publish_renew(struct app *app)
{
	struct publication *publication = create_renewal(app);

	if (publication != NULL &&
	    pawl_http_work(app->http, renew_work, renew_done, publication) != PAWL_ERR_OK)
		free_publication(publication); /* the next time it works */
}

/* --- at the start --- */

/* Reads what is served and tells the fleet of releases it does not know: a
 * crash may have come between publication and database. */
static void read_published(struct app *app, struct publication *publication)
{
	struct repo_job *job = &publication->job;
	uint32_t *ids = NULL;

	if (repo_verify(job)) {
		app->versions = job->versions;
		ids = calloc(job->release_count + 1, sizeof(*ids));
		PAWL_ASSERT(ids != NULL);
		(void)add_sets(app, job, ids);
		(void)db_commit(app);
		free(ids);
		return;
	}
	/* Devices will refuse it too; what they run stays as it is. */
	app->versions.timestamp = job->versions.timestamp;
	app->versions.snapshot = job->versions.snapshot;
	pawl_log_event(
	    &app->log, PAWL_LOG_ERROR, "repository.refused", PAWL_LOG_TEXT("why", job->why));
}

pawl_err publish_start(struct app *app, struct pawl_note *note)
{
	PAWL_TRY(repo_recover(&app->repo, note));

	struct publication *publication = create_renewal(app);

	if (publication == NULL)
		return PAWL_ERR_NO_MEMORY;

	const bool renewed = repo_renew(&publication->job);

	if (renewed)
		read_published(app, publication);
	else if (publication->job.status != 404)
		pawl_note_add(note, publication->job.why);
	const pawl_err err =
	    renewed || publication->job.status == 404 ? PAWL_ERR_OK : PAWL_ERR_CORRUPT;

	free_publication(publication);
	return err;
}
