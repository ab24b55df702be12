/* SPDX-License-Identifier: MIT
 *
 * CHECK: the offer, the signed metadata, the channel and the release. All
 * judgement is lib/trust's; here are only the files and the network.
 */
#include "agent.h"

#include "pawl/arena.h"
#include "pawl/date.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* When a repository outgrows the usual memory. */
	MEMORY_LARGE = 64 * 1024 * 1024,
	SCRATCH = 256 * 1024,
	TARGET_URL_MAX = 768
};

/* Everything one check needs, freed together. */
struct check {
	struct agent *agent;
	struct pawl_device_event *event; /* says why, when a step returns false   */
	struct pawl_trust trust;
	void *memory;
	size_t memory_size;
	uint8_t *stored[PAWL_TRUST_ROLE_COUNT];
	size_t stored_size[PAWL_TRUST_ROLE_COUNT];
	struct pawl_channel channel;
	struct pawl_release release;
	uint8_t scratch[SCRATCH];
	char path[PAWL_TARGET_PATH_MAX + 1];
	bool too_large;
};

static const char *const STORED_NAMES[PAWL_TRUST_ROLE_COUNT] = {
	[PAWL_TRUST_ROOT] = "root.json",
	[PAWL_TRUST_TIMESTAMP] = "timestamp.json",
	[PAWL_TRUST_SNAPSHOT] = "snapshot.json",
	[PAWL_TRUST_TARGETS] = "targets.json",
};

static const size_t STORED_MAX[PAWL_TRUST_ROLE_COUNT] = {
	[PAWL_TRUST_ROOT] = PAWL_TUF_ROOT_SIZE_MAX,
	[PAWL_TRUST_TIMESTAMP] = PAWL_TUF_TIMESTAMP_SIZE_MAX,
	[PAWL_TRUST_SNAPSHOT] = PAWL_TUF_METADATA_SIZE_MAX,
	[PAWL_TRUST_TARGETS] = PAWL_TUF_METADATA_SIZE_MAX,
};

/* --- verdicts --- */

static pawl_reason reason_of_trust(pawl_trust_verdict verdict)
{
	switch (verdict) {
	case PAWL_TRUST_OK: return PAWL_REASON_NONE;
	case PAWL_TRUST_SIGNATURE: return PAWL_REASON_SIGNATURE;
	case PAWL_TRUST_EXPIRED: return PAWL_REASON_EXPIRED;
	case PAWL_TRUST_ROLLBACK:
	case PAWL_TRUST_VERSION: return PAWL_REASON_ROLLBACK;
	case PAWL_TRUST_HASH: return PAWL_REASON_HASH_MISMATCH;
	case PAWL_TRUST_LENGTH: return PAWL_REASON_LENGTH_MISMATCH;
	case PAWL_TRUST_MISSING: return PAWL_REASON_MISSING;
	case PAWL_TRUST_MALFORMED: return PAWL_REASON_MALFORMED;
	case PAWL_TRUST_TOO_LARGE: return PAWL_REASON_TOO_LARGE;
	}
	return PAWL_REASON_MALFORMED;
}

static pawl_reason reason_of_admit(pawl_admit verdict)
{
	switch (verdict) {
	case PAWL_ADMIT_ADMITTED: return PAWL_REASON_NONE;
	case PAWL_ADMIT_CHANNEL_OLDER: return PAWL_REASON_ROLLBACK;
	case PAWL_ADMIT_CHANNEL_FOREIGN:
	case PAWL_ADMIT_WRONG_PRODUCT:
	case PAWL_ADMIT_NOT_IN_CHANNEL:
	case PAWL_ADMIT_CHANNEL_DISAGREES: return PAWL_REASON_NOT_IN_CHANNEL;
	case PAWL_ADMIT_WRONG_HARDWARE_CLASS: return PAWL_REASON_WRONG_HARDWARE_CLASS;
	case PAWL_ADMIT_SAME_RELEASE:
	case PAWL_ADMIT_OLDER_RELEASE: return PAWL_REASON_OLDER_RELEASE;
	case PAWL_ADMIT_SECURITY_FLOOR: return PAWL_REASON_SECURITY_FLOOR;
	}
	return PAWL_REASON_NOT_IN_CHANNEL;
}

static void refuse(struct check *check, pawl_reason reason, const char *sentence)
{
	agent_failed(check->agent, check->event, reason, sentence);
	check->event->kind = PAWL_ON_REFUSE;
}

static void add_date(struct pawl_note *note, struct pawl_wall moment)
{
	char text[32];
	struct pawl_buf out = pawl_buf_of(text, sizeof(text));
	pawl_put_date(&out, moment);
	pawl_note_add_bytes(note, text, out.size);
}

static void refuse_trust(struct check *check, pawl_trust_verdict verdict, const char *why)
{
	struct pawl_note note = { "" };
	pawl_note_add(
	    &note, why != NULL && why[0] != '\0' ? why : pawl_trust_verdict_text(verdict));
	if (verdict == PAWL_TRUST_EXPIRED) {
		pawl_note_add(&note, "; the clock of the device says ");
		add_date(&note, pawl_env_wall());
	}
	refuse(check, reason_of_trust(verdict), note.text);
}

/* --- local files --- */

static pawl_err stored_path(struct check *check, const char *name, size_t capacity, char *ret_path)
{
	char folder[AGENT_PATH_MAX + 8];
	const pawl_err err =
	    pawl_env_join(check->agent->settings.state_dir, "tuf", sizeof(folder), folder);
	return err == PAWL_ERR_OK ? pawl_env_join(folder, name, capacity, ret_path) : err;
}

static pawl_err load(
    struct check *check, const char *name, size_t size_max, uint8_t **ret_at, size_t *ret_size)
{
	char path[2 * AGENT_PATH_MAX];
	const pawl_err err = stored_path(check, name, sizeof(path), path);
	return err == PAWL_ERR_OK ? pawl_env_read_file(path, size_max, ret_at, ret_size, NULL)
				  : err;
}

static bool load_stored(struct check *check)
{
	for (unsigned i = 0; i < PAWL_TRUST_ROLE_COUNT; i++) {
		const pawl_err err = load(check, STORED_NAMES[i], STORED_MAX[i], &check->stored[i],
		    &check->stored_size[i]);
		if (err == PAWL_ERR_NO_MEMORY || (i == PAWL_TRUST_ROOT && err != PAWL_ERR_OK)) {
			agent_failed(check->agent, check->event, PAWL_REASON_IO,
			    "The trusted root (tuf/root.json) can not be read.");
			return false;
		}
	}
	return true;
}

static bool store(struct check *check, const struct pawl_trust_effect *effect)
{
	char path[2 * AGENT_PATH_MAX];
	struct pawl_note note = { "" };
	pawl_err err = stored_path(check, effect->name, sizeof(path), path);
	if (err == PAWL_ERR_OK)
		err = pawl_env_write_file(path, 0600, effect->bytes, &note);
	if (err == PAWL_ERR_OK)
		return true;
	agent_failed(check->agent, check->event, agent_storage_reason(err), note.text);
	return false;
}

static void answer_load(struct check *check, const struct pawl_trust_effect *effect)
{
	uint8_t *at = NULL;
	size_t size = 0;
	if (load(check, effect->name, effect->size_max, &at, &size) == PAWL_ERR_OK)
		pawl_trust_provide(&check->trust, PAWL_BYTES(at, size));
	else
		pawl_trust_absent(&check->trust);
	free(at);
}

/* --- network --- */

/* GET base/name. True with a 200 answer, and with `*ret_absent` for 403 and 404. */
static bool get(struct check *check, const char *base, const char *name, size_t size_max,
    struct pawl_fetch_answer *ret_answer, bool *ret_absent)
{
	char url[AGENT_URL_MAX + TARGET_URL_MAX];
	struct pawl_note note = { "" };
	const int size = snprintf(url, sizeof(url), "%s%s", base, name);
	if (size < 0 || (size_t)size >= sizeof(url)) {
		refuse(check, PAWL_REASON_TOO_LARGE, "An address in the repository is too long.");
		return false;
	}
	const struct pawl_fetch_request request = {
		.method = PAWL_FETCH_GET, .url = url, .body_max = size_max
	};
	const pawl_err err = agent_request(check->agent, &request, ret_answer, &note);
	if (err == PAWL_ERR_LIMIT) {
		refuse(check, PAWL_REASON_LENGTH_MISMATCH, note.text);
		return false;
	}
	if (err != PAWL_ERR_OK) {
		agent_net_failed(check->agent, check->event, err, note.text);
		return false;
	}
	*ret_absent = ret_answer->status == 404 || ret_answer->status == 403;
	if (ret_answer->status == 200 || *ret_absent)
		return true;
	agent_status_failed(check->agent, check->event, ret_answer, name);
	return false;
}

static bool answer_fetch(struct check *check, const struct pawl_trust_effect *effect)
{
	struct pawl_fetch_answer answer;
	bool absent = false;
	if (!get(check, check->agent->metadata_url, effect->name, effect->size_max, &answer,
		&absent))
		return false;
	if (absent)
		pawl_trust_absent(&check->trust);
	else
		pawl_trust_provide(&check->trust, answer.body);
	return true;
}

/* Carries the client's wishes out until it is done with a refresh or look-up. */
static bool run_trust(struct check *check)
{
	for (;;) {
		const struct pawl_trust_effect effect = pawl_trust_next(&check->trust);
		switch (effect.kind) {
		case PAWL_TRUST_FETCH:
			if (!answer_fetch(check, &effect))
				return false;
			break;
		case PAWL_TRUST_LOAD: answer_load(check, &effect); break;
		case PAWL_TRUST_STORE:
			if (!store(check, &effect))
				return false;
			break;
		case PAWL_TRUST_TARGET: break; /* only of a walk */
		case PAWL_TRUST_DONE: return true;
		case PAWL_TRUST_FAILED:
			check->too_large = effect.verdict == PAWL_TRUST_TOO_LARGE;
			refuse_trust(check, effect.verdict, effect.note);
			return false;
		}
	}
}

/* --- steps --- */

static bool refresh(struct check *check)
{
	struct pawl_trust_options options = {
		.memory = check->memory,
		.memory_size = check->memory_size,
		.clock = pawl_env_wall(),
		.time_floor = check->agent->device.stored.time_floor,
		.root =
		    PAWL_BYTES(check->stored[PAWL_TRUST_ROOT], check->stored_size[PAWL_TRUST_ROOT]),
		.timestamp = PAWL_BYTES(
		    check->stored[PAWL_TRUST_TIMESTAMP], check->stored_size[PAWL_TRUST_TIMESTAMP]),
		.snapshot = PAWL_BYTES(
		    check->stored[PAWL_TRUST_SNAPSHOT], check->stored_size[PAWL_TRUST_SNAPSHOT]),
		.targets = PAWL_BYTES(
		    check->stored[PAWL_TRUST_TARGETS], check->stored_size[PAWL_TRUST_TARGETS]),
	};
	if (options.clock.ms < options.time_floor.ms)
		pawl_log_event(&check->agent->log, PAWL_LOG_WARN, "clock.behind");
	pawl_trust_init(&check->trust, &options);
	if (!run_trust(check))
		return false;
	/* A stolen timestamp key could date its file far ahead and make every
	 * later one look expired. What offline keys signed was not expired when
	 * the timestamp was made, so the floor never needs to go beyond that. */
	struct pawl_wall issued = pawl_trust_issued(&check->trust);
	for (unsigned i = 0; i < PAWL_TRUST_ROLE_COUNT; i++) {
		const struct pawl_wall expires =
		    pawl_trust_expires(&check->trust, (pawl_trust_role)i);
		if (i != PAWL_TRUST_TIMESTAMP && expires.ms < issued.ms)
			issued = expires;
	}
	check->event->issued = issued;
	return true;
}

static const struct pawl_trust_target *find(struct check *check, const char *path)
{
	struct pawl_note note = { "" };
	if (pawl_trust_find(&check->trust, path) != PAWL_ERR_OK) {
		refuse(check, PAWL_REASON_TOO_LARGE, "The target path is too long.");
		return NULL;
	}
	if (!run_trust(check))
		return NULL;
	const struct pawl_trust_target *const target = pawl_trust_found(&check->trust);
	if (target == NULL) {
		pawl_note_add(&note, "Nobody who may has signed for ");
		pawl_note_add(&note, path);
		refuse(check, PAWL_REASON_MISSING, note.text);
	}
	return target;
}

static bool target_url(
    struct check *check, const struct pawl_trust_target *target, char ret_url[TARGET_URL_MAX])
{
	struct pawl_buf out = pawl_buf_of(ret_url, TARGET_URL_MAX - 1);
	if (pawl_trust_target_url(&check->trust, target, &out) != PAWL_ERR_OK) {
		refuse(check, PAWL_REASON_TOO_LARGE, "The address of a target is too long.");
		return false;
	}
	ret_url[out.size] = '\0';
	return true;
}

static bool get_channel(struct check *check)
{
	const struct agent_settings *const settings = &check->agent->settings;
	char path[PAWL_TARGET_PATH_MAX + 1];
	char url[TARGET_URL_MAX];
	struct pawl_note note = { "" };
	struct pawl_fetch_answer answer;
	bool absent = false;
	if (pawl_channel_path(settings->product, settings->group, sizeof(path), path) !=
	    PAWL_ERR_OK) {
		refuse(check, PAWL_REASON_NOT_IN_CHANNEL, "The channel's path is too long.");
		return false;
	}
	const struct pawl_trust_target *const target = find(check, path);
	if (target == NULL || !target_url(check, target, url))
		return false;
	if (target->length > PAWL_CHANNEL_SIZE_MAX) {
		refuse(check, PAWL_REASON_TOO_LARGE, "The channel file is too large.");
		return false;
	}
	if (!get(check, check->agent->targets_url, url, (size_t)target->length, &answer, &absent))
		return false;
	if (absent) {
		refuse(check, PAWL_REASON_MISSING, "The channel file is not on the server.");
		return false;
	}
	const pawl_trust_verdict verdict = pawl_trust_target_check(target, answer.body);
	if (verdict != PAWL_TRUST_OK) {
		refuse_trust(check, verdict, "The channel file is not the one that was signed.");
		return false;
	}
	struct pawl_arena arena = pawl_arena_of(check->scratch, sizeof(check->scratch));
	if (pawl_channel_parse(answer.body, &arena, &check->channel, &note) != PAWL_ERR_OK) {
		refuse(check, PAWL_REASON_MALFORMED, note.text);
		return false;
	}
	return true;
}

static bool get_release(struct check *check)
{
	struct agent *const agent = check->agent;
	struct pawl_device_release *const release = &agent->release;
	struct pawl_note note = { "" };
	char url[TARGET_URL_MAX];
	const struct pawl_trust_target *const target = find(check, check->path);
	if (target == NULL || !target_url(check, target, url))
		return false;
	struct pawl_arena arena = pawl_arena_of(check->scratch, sizeof(check->scratch));
	if (pawl_release_parse(target->custom, &arena, &check->release, &note) != PAWL_ERR_OK) {
		refuse(check, PAWL_REASON_MALFORMED, note.text);
		return false;
	}
	if (!target->has_sha256 || target->length != check->release.plain_length ||
	    memcmp(target->sha256, check->release.plain_sha256, sizeof(target->sha256)) != 0) {
		refuse(check, PAWL_REASON_MALFORMED,
		    "The release's image is not the artifact that was signed.");
		return false;
	}
	if (strlen(agent->targets_url) + strlen(url) >= sizeof(agent->download_url)) {
		refuse(check, PAWL_REASON_TOO_LARGE, "The address of the image is too long.");
		return false;
	}
	(void)stpcpy(stpcpy(agent->download_url, agent->targets_url), url);
	*release = (struct pawl_device_release){
		.seq = check->release.seq, .sec = check->release.sec, .length = target->length
	};
	memcpy(release->sha256, target->sha256, sizeof(release->sha256));
	memcpy(release->version, check->release.version, sizeof(release->version));
	memcpy(release->path, check->path, sizeof(release->path));
	return true;
}

static void admit(struct check *check)
{
	struct agent *const agent = check->agent;
	struct pawl_device_event *const event = check->event;
	const unsigned running = agent->boot.slots.running;
	struct pawl_note note = { "" };
	const struct pawl_release_facts facts = {
		.product = agent->settings.product,
		.hw_class = agent->settings.hardware_class,
		.group = agent->settings.group,
		.installed_seq = (int64_t)agent->boot.image[running].seq,
		.sec_floor = (int64_t)agent->boot.slots.floor,
		.channel_counter = agent->device.stored.channel_counter,
	};
	const pawl_admit verdict =
	    pawl_release_admit(&facts, &check->channel, check->path, &check->release, &note);
	if (verdict != PAWL_ADMIT_CHANNEL_FOREIGN && verdict != PAWL_ADMIT_CHANNEL_OLDER)
		event->channel_counter = check->channel.counter;
	if (verdict == PAWL_ADMIT_SAME_RELEASE && agent->has_image_hash &&
	    memcmp(agent->image_sha256, agent->release.sha256, sizeof(agent->image_sha256)) == 0) {
		event->kind = PAWL_ON_SAME;
		return;
	}
	if (verdict != PAWL_ADMIT_ADMITTED) {
		refuse(check, reason_of_admit(verdict), note.text);
		return;
	}
	const uint8_t slot = running == PAWL_SLOT_A ? PAWL_SLOT_B : PAWL_SLOT_A;
	if (agent_slot_open(agent, slot, &note) != PAWL_ERR_OK) {
		agent_failed(agent, event, PAWL_REASON_IO, note.text);
		return;
	}
	event->kind = PAWL_ON_ADMIT;
	event->release = &agent->release;
	event->slot = slot;
	event->slot_size = agent->slot.size;
}

static void run_check(struct check *check)
{
	struct pawl_note note = { "" };
	/* Better now than with an image that waits for a restart for ever. */
	if (!agent_may_reboot(check->agent, &note)) {
		refuse(check, PAWL_REASON_IO, note.text);
		return;
	}
	if (agent_offered_path(check->agent, check->event, check->path) && load_stored(check) &&
	    refresh(check) && get_channel(check) && get_release(check))
		admit(check);
}

static bool check_once(struct agent *agent, struct pawl_device_event *event, size_t memory_size)
{
	bool too_large = false;
	struct check *const check = calloc(1, sizeof(*check));
	void *const memory = malloc(memory_size);
	if (check == NULL || memory == NULL) {
		agent_failed(agent, event, PAWL_REASON_IO, "Out of memory.");
	} else {
		check->agent = agent;
		check->event = event;
		check->memory = memory;
		check->memory_size = memory_size;
		run_check(check);
		too_large = check->too_large;
		for (unsigned i = 0; i < PAWL_TRUST_ROLE_COUNT; i++)
			free(check->stored[i]);
	}
	free(memory);
	free(check);
	return too_large;
}

void agent_check(struct agent *agent, struct pawl_device_event *event)
{
	/* Pages that are not needed are never touched, so that the size costs
	 * only as much memory as the metadata needs. */
	if (check_once(agent, event, PAWL_TRUST_MEMORY_USUAL)) {
		*event = agent_event(PAWL_ON_DONE);
		(void)check_once(agent, event, MEMORY_LARGE);
	}
}
