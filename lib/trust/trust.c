/* SPDX-License-Identifier: MIT
 *
 * The order of steps of a refresh (spec: tuf 5.3 to 5.6). The trusted files
 * stand in the arena in the order root, timestamp, snapshot, targets; a
 * candidate is always the last thing in it, and is moved down over its
 * predecessor once it is accepted.
 */
#include "trust_internal.h"

#include "pawl/date.h"
#include "pawl/url.h"

#include <string.h>

static const char *const role_names[PAWL_TRUST_ROLE_COUNT] = { "root", "timestamp", "snapshot",
	"targets" };

/* --- small helpers --- */

void pawl_trust_fail(struct pawl_trust *client, pawl_trust_verdict verdict)
{
	PAWL_ASSERT(verdict != PAWL_TRUST_OK);
	client->verdict = verdict;
	client->step = PAWL_TRUST_STEP_FAILED;
	client->found = false;
}

bool pawl_trust_set_name(struct pawl_trust *client, int64_t version, const char *role)
{
	struct pawl_buf buf = pawl_buf_of(client->name, sizeof(client->name) - 1);

	if (version > 0) {
		pawl_put_int(&buf, version);
		pawl_put_text(&buf, ".");
	}
	pawl_put_percent(&buf, pawl_bytes_of(role));
	pawl_put_text(&buf, ".json");
	if (pawl_buf_check(&buf) != PAWL_ERR_OK) {
		pawl_trust_fail(client, pawl_trust_say(&client->note, PAWL_TRUST_TOO_LARGE, role,
					    "the name does not fit into a file name"));
		return false;
	}
	client->name[buf.size] = '\0';
	return true;
}

/* Asks the caller for a file. */
static void ask(struct pawl_trust *client, enum pawl_trust_step step, int64_t version,
    pawl_trust_role role, size_t size_max)
{
	if (!pawl_trust_set_name(client, version, role_names[role]))
		return;
	client->size_max = size_max;
	client->step = (int)step;
}

pawl_trust_verdict pawl_trust_check_expiry(
    struct pawl_trust *client, const struct pawl_trust_file *file, const char *label)
{
	uint8_t text[24];
	struct pawl_buf date = pawl_buf_of(text, sizeof(text));

	if (client->now.ms < file->expires.ms)
		return PAWL_TRUST_OK;
	pawl_put_date(&date, file->expires);
	pawl_note_add(&client->note, label);
	pawl_note_add(&client->note, " ");
	pawl_note_add_int(&client->note, file->version);
	pawl_note_add(&client->note, " expired at ");
	pawl_note_add_bytes(&client->note, date.at, date.size);
	return PAWL_TRUST_EXPIRED;
}

static pawl_trust_verdict say_versions(struct pawl_trust *client, pawl_trust_verdict verdict,
    const char *label, int64_t got, const char *relation, int64_t other, const char *rest)
{
	pawl_note_add(&client->note, label);
	pawl_note_add(&client->note, " ");
	pawl_note_add_int(&client->note, got);
	pawl_note_add(&client->note, relation);
	pawl_note_add_int(&client->note, other);
	pawl_note_add(&client->note, rest);
	return verdict;
}

static struct pawl_trust_signers signers_in_root(
    const struct pawl_trust_file *root, pawl_trust_role role)
{
	const struct pawl_json *json = &root->json;

	return (struct pawl_trust_signers){
		.json = json,
		.keys = pawl_json_get(json, root->signed_part, "keys"),
		.role = pawl_json_get(
		    json, pawl_json_get(json, root->signed_part, "roles"), role_names[role]),
	};
}

/* Parses, verifies under the trusted root and checks the format. */
static pawl_trust_verdict accept_top(struct pawl_trust *client, struct pawl_bytes bytes,
    pawl_trust_role role, struct pawl_trust_file *ret_file)
{
	const char *name = role_names[role];
	const struct pawl_trust_signers signers =
	    signers_in_root(&client->files[PAWL_TRUST_ROOT], role);
	struct pawl_trust_file file;

	pawl_trust_verdict verdict =
	    pawl_trust_file_parse(&client->arena, bytes, name, name, &file, &client->note);
	if (verdict != PAWL_TRUST_OK)
		return verdict;
	verdict = pawl_trust_file_verify(&client->arena, &file, &signers, name, &client->note);
	if (verdict == PAWL_TRUST_OK)
		verdict = pawl_trust_body_check(&file, role, name, &client->note);
	if (verdict != PAWL_TRUST_OK) {
		client->arena.used = file.mark;
		return verdict;
	}
	*ret_file = file;
	return PAWL_TRUST_OK;
}

/* Makes a candidate the trusted file of its role. */
static void adopt(struct pawl_trust *client, pawl_trust_role role, struct pawl_trust_file *file)
{
	if (client->trusted[role])
		pawl_trust_file_replace(&client->arena, &client->files[role], file);
	client->files[role] = *file;
	client->trusted[role] = true;
}

/* Takes the stored file of a role, if the present keys vouch for it: it serves to
 * see a rollback. One that does not fit into memory can not be passed over, or
 * what it remembers would be forgotten; the client fails then. False: it did. */
static bool adopt_stored(struct pawl_trust *client, pawl_trust_role role)
{
	struct pawl_trust_file file;
	const pawl_trust_verdict verdict = accept_top(client, client->stored[role], role, &file);

	if (verdict == PAWL_TRUST_OK)
		adopt(client, role, &file);
	if (verdict != PAWL_TRUST_TOO_LARGE)
		return true;
	pawl_trust_fail(client, verdict);
	return false;
}

/* --- root: spec 5.2 and 5.3 --- */

static void start(struct pawl_trust *client)
{
	struct pawl_trust_file file;
	pawl_trust_verdict verdict;

	if (client->stored[PAWL_TRUST_ROOT].size == 0) {
		pawl_trust_fail(client, pawl_trust_say(&client->note, PAWL_TRUST_MISSING, "root",
					    "no trusted root is stored"));
		return;
	}
	verdict = pawl_trust_file_parse(&client->arena, client->stored[PAWL_TRUST_ROOT], "root",
	    "stored root", &file, &client->note);
	if (verdict == PAWL_TRUST_OK) {
		const struct pawl_trust_signers own = signers_in_root(&file, PAWL_TRUST_ROOT);
		verdict = pawl_trust_file_verify(
		    &client->arena, &file, &own, "stored root", &client->note);
	}
	if (verdict == PAWL_TRUST_OK)
		verdict =
		    pawl_trust_body_check(&file, PAWL_TRUST_ROOT, "stored root", &client->note);
	if (verdict != PAWL_TRUST_OK) {
		pawl_trust_fail(client, verdict);
		return;
	}
	adopt(client, PAWL_TRUST_ROOT, &file);
	client->step = PAWL_TRUST_STEP_NEXT_ROOT;
}

static void next_root(struct pawl_trust *client)
{
	if (client->roots == PAWL_TRUST_ROOTS_MAX) {
		pawl_note_add(&client->note, "root: more than ");
		pawl_note_add_int(&client->note, PAWL_TRUST_ROOTS_MAX);
		pawl_note_add(&client->note, " new versions; the next refresh goes on from ");
		pawl_note_add_int(&client->note, client->files[PAWL_TRUST_ROOT].version);
		pawl_trust_fail(client, PAWL_TRUST_TOO_LARGE);
		return;
	}
	ask(client, PAWL_TRUST_STEP_ASK_ROOT, client->files[PAWL_TRUST_ROOT].version + 1,
	    PAWL_TRUST_ROOT, PAWL_TUF_ROOT_SIZE_MAX);
}

/* spec: tuf 5.3.4 and 5.3.5: signed by the old keys and by its own, and exactly
 * the next version. Its expiry does not matter as long as another may follow. */
static void answer_root(struct pawl_trust *client, struct pawl_bytes bytes)
{
	const int64_t wanted = client->files[PAWL_TRUST_ROOT].version + 1;
	struct pawl_trust_file file;
	pawl_trust_verdict verdict = accept_top(client, bytes, PAWL_TRUST_ROOT, &file);

	if (verdict == PAWL_TRUST_OK) {
		const struct pawl_trust_signers own = signers_in_root(&file, PAWL_TRUST_ROOT);
		verdict = pawl_trust_file_verify(
		    &client->arena, &file, &own, "root under its own keys", &client->note);
	}
	if (verdict == PAWL_TRUST_OK && file.version != wanted)
		verdict = say_versions(client,
		    file.version < wanted ? PAWL_TRUST_ROLLBACK : PAWL_TRUST_VERSION, "root",
		    file.version, " stands where ", wanted, " was asked for");
	if (verdict != PAWL_TRUST_OK) {
		pawl_trust_fail(client, verdict);
		return;
	}
	adopt(client, PAWL_TRUST_ROOT, &file);
	client->roots++;
	client->step = PAWL_TRUST_STEP_STORE_ROOT;
}

/* --- timestamp: spec 5.3.10 and 5.4 --- */

/* The root is final. Expiry of the stored timestamp does not matter: it only
 * serves to see a rollback, and only if the present keys vouch for it. */
static void begin_timestamp(struct pawl_trust *client)
{
	const pawl_trust_verdict verdict =
	    pawl_trust_check_expiry(client, &client->files[PAWL_TRUST_ROOT], "root");

	if (verdict != PAWL_TRUST_OK) {
		pawl_trust_fail(client, verdict);
		return;
	}
	if (!adopt_stored(client, PAWL_TRUST_TIMESTAMP))
		return;
	pawl_note_clear(&client->note);
	ask(client, PAWL_TRUST_STEP_ASK_TIMESTAMP, 0, PAWL_TRUST_TIMESTAMP,
	    PAWL_TUF_TIMESTAMP_SIZE_MAX);
}

static uint32_t timestamp_entry(const struct pawl_trust_file *timestamp)
{
	return pawl_json_get(&timestamp->json,
	    pawl_json_get(&timestamp->json, timestamp->signed_part, "meta"), "snapshot.json");
}

static pawl_trust_verdict check_timestamp_rollback(
    struct pawl_trust *client, const struct pawl_trust_file *file)
{
	const struct pawl_trust_file *old = &client->files[PAWL_TRUST_TIMESTAMP];

	if (file->version < old->version)
		return say_versions(client, PAWL_TRUST_ROLLBACK, "timestamp", file->version,
		    " is older than ", old->version, " which is trusted");

	const int64_t had = pawl_trust_meta_version(&old->json, timestamp_entry(old));
	const int64_t has = pawl_trust_meta_version(&file->json, timestamp_entry(file));
	if (has < had)
		return say_versions(client, PAWL_TRUST_ROLLBACK, "timestamp", file->version,
		    " goes back from snapshot ", had, "");
	return PAWL_TRUST_OK;
}

static void answer_timestamp(struct pawl_trust *client, struct pawl_bytes bytes)
{
	struct pawl_trust_file file;
	const bool has_old = client->trusted[PAWL_TRUST_TIMESTAMP];
	pawl_trust_verdict verdict = accept_top(client, bytes, PAWL_TRUST_TIMESTAMP, &file);

	/* spec: tuf 5.4.3.1: the same version changes nothing, whatever it says. */
	if (verdict == PAWL_TRUST_OK && has_old &&
	    file.version == client->files[PAWL_TRUST_TIMESTAMP].version) {
		client->arena.used = file.mark;
		verdict = pawl_trust_check_expiry(
		    client, &client->files[PAWL_TRUST_TIMESTAMP], "timestamp");
		if (verdict == PAWL_TRUST_OK) {
			client->step = PAWL_TRUST_STEP_BEGIN_SNAPSHOT;
			return;
		}
	} else if (verdict == PAWL_TRUST_OK) {
		if (has_old)
			verdict = check_timestamp_rollback(client, &file);
		if (verdict == PAWL_TRUST_OK)
			verdict = pawl_trust_check_expiry(client, &file, "timestamp");
	}
	if (verdict != PAWL_TRUST_OK) {
		pawl_trust_fail(client, verdict);
		return;
	}
	adopt(client, PAWL_TRUST_TIMESTAMP, &file);
	client->step = PAWL_TRUST_STEP_STORE_TIMESTAMP;
}

/* --- snapshot: spec 5.5 --- */

/* One file that the trusted snapshot lists; `entry` is what the new one says
 * about it, NONE when it says nothing. */
static pawl_trust_verdict check_meta_rollback(
    struct pawl_trust *client, uint32_t old_key, const struct pawl_trust_file *file, uint32_t entry)
{
	const struct pawl_json *old = &client->files[PAWL_TRUST_SNAPSHOT].json;
	const int64_t had = pawl_trust_meta_version(old, old_key + 1);
	const int64_t has = pawl_trust_meta_version(&file->json, entry);
	char text[PAWL_TRUST_NAME_SIZE + 2 * PAWL_TRUST_ROLE_MAX];

	if (has >= had)
		return PAWL_TRUST_OK;

	const bool usable = pawl_json_text(old, old_key, sizeof(text), text) == PAWL_ERR_OK;
	const char *name = usable ? text : "a file with an unusable name";
	pawl_note_add(&client->note, "snapshot: ");
	if (entry != PAWL_JSON_NONE)
		return say_versions(client, PAWL_TRUST_ROLLBACK, name, has, " is older than ", had,
		    " which is trusted");
	pawl_note_add(&client->note, name);
	return pawl_trust_say(&client->note, PAWL_TRUST_ROLLBACK, "", "is no longer listed");
}

/* spec: tuf 5.5.5: nothing that was listed may vanish or go back. Both lists
 * are walked in the order of their names: looking each name up would take
 * minutes for the longest lists that are let in. */
static pawl_trust_verdict check_snapshot_rollback(
    struct pawl_trust *client, const struct pawl_trust_file *file)
{
	const struct pawl_trust_file *old = &client->files[PAWL_TRUST_SNAPSHOT];
	uint32_t was =
	    pawl_json_first_sorted(&old->json, pawl_json_get(&old->json, old->signed_part, "meta"));
	uint32_t is = pawl_json_first_sorted(
	    &file->json, pawl_json_get(&file->json, file->signed_part, "meta"));

	for (; was != PAWL_JSON_NONE; was = pawl_json_after_sorted(&old->json, was)) {
		while (
		    is != PAWL_JSON_NONE && pawl_json_compare(&file->json, is, &old->json, was) < 0)
			is = pawl_json_after_sorted(&file->json, is);
		const bool is_listed = is != PAWL_JSON_NONE &&
				       pawl_json_compare(&file->json, is, &old->json, was) == 0;
		const pawl_trust_verdict verdict =
		    check_meta_rollback(client, was, file, is_listed ? is + 1 : PAWL_JSON_NONE);
		if (verdict != PAWL_TRUST_OK)
			return verdict;
	}
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_snapshot_final(
    struct pawl_trust *client, const struct pawl_trust_file *file)
{
	const struct pawl_trust_file *timestamp = &client->files[PAWL_TRUST_TIMESTAMP];
	const int64_t wanted =
	    pawl_trust_meta_version(&timestamp->json, timestamp_entry(timestamp));

	if (file->version != wanted)
		return say_versions(client, PAWL_TRUST_VERSION, "snapshot", file->version,
		    " stands where timestamp names ", wanted, "");
	return pawl_trust_check_expiry(client, file, "snapshot");
}

/* Consistent snapshots put the version in front of the name. */
static int64_t name_version(const struct pawl_trust *client, int64_t version)
{
	return pawl_trust_consistent_snapshot(client) ? version : 0;
}

/* The stored snapshot is final when it is the one the timestamp names. If it is
 * another, it still shows rollback, though its hash no longer stands anywhere. */
static void begin_snapshot(struct pawl_trust *client)
{
	const struct pawl_trust_file *timestamp = &client->files[PAWL_TRUST_TIMESTAMP];
	const uint32_t entry = timestamp_entry(timestamp);
	const struct pawl_bytes stored = client->stored[PAWL_TRUST_SNAPSHOT];

	if (!adopt_stored(client, PAWL_TRUST_SNAPSHOT))
		return;
	if (client->trusted[PAWL_TRUST_SNAPSHOT] &&
	    check_snapshot_final(client, &client->files[PAWL_TRUST_SNAPSHOT]) == PAWL_TRUST_OK &&
	    pawl_trust_meta_check(&timestamp->json, entry, stored, "snapshot", &client->note) ==
		PAWL_TRUST_OK) {
		client->step = PAWL_TRUST_STEP_BEGIN_TARGETS;
		return;
	}
	pawl_note_clear(&client->note);
	ask(client, PAWL_TRUST_STEP_ASK_SNAPSHOT,
	    name_version(client, pawl_trust_meta_version(&timestamp->json, entry)),
	    PAWL_TRUST_SNAPSHOT,
	    pawl_trust_meta_length(&timestamp->json, entry, PAWL_TUF_METADATA_SIZE_MAX));
}

static void answer_snapshot(struct pawl_trust *client, struct pawl_bytes bytes)
{
	const struct pawl_trust_file *timestamp = &client->files[PAWL_TRUST_TIMESTAMP];
	struct pawl_trust_file file;
	pawl_trust_verdict verdict = pawl_trust_meta_check(
	    &timestamp->json, timestamp_entry(timestamp), bytes, "snapshot", &client->note);

	if (verdict == PAWL_TRUST_OK)
		verdict = accept_top(client, bytes, PAWL_TRUST_SNAPSHOT, &file);
	if (verdict == PAWL_TRUST_OK && client->trusted[PAWL_TRUST_SNAPSHOT])
		verdict = check_snapshot_rollback(client, &file);
	if (verdict == PAWL_TRUST_OK)
		verdict = check_snapshot_final(client, &file);
	if (verdict != PAWL_TRUST_OK) {
		pawl_trust_fail(client, verdict);
		return;
	}
	adopt(client, PAWL_TRUST_SNAPSHOT, &file);
	client->step = PAWL_TRUST_STEP_STORE_SNAPSHOT;
}

/* --- targets: spec 5.6 --- */

uint32_t pawl_trust_snapshot_entry(const struct pawl_trust *client, const char *role)
{
	const struct pawl_trust_file *snapshot = &client->files[PAWL_TRUST_SNAPSHOT];
	char name[PAWL_TRUST_ROLE_MAX + sizeof(".json")];
	struct pawl_buf buf = pawl_buf_of(name, sizeof(name) - 1);

	pawl_put_text(&buf, role);
	pawl_put_text(&buf, ".json");
	if (pawl_buf_check(&buf) != PAWL_ERR_OK)
		return PAWL_JSON_NONE;
	name[buf.size] = '\0';
	return pawl_json_get(
	    &snapshot->json, pawl_json_get(&snapshot->json, snapshot->signed_part, "meta"), name);
}

pawl_trust_verdict pawl_trust_accept_targets(struct pawl_trust *client, struct pawl_bytes bytes,
    const char *role, const struct pawl_trust_signers *signers, struct pawl_trust_file *ret_file)
{
	const struct pawl_json *snapshot = &client->files[PAWL_TRUST_SNAPSHOT].json;
	const uint32_t entry = pawl_trust_snapshot_entry(client, role);
	const int64_t wanted = pawl_trust_meta_version(snapshot, entry);
	struct pawl_trust_file file;

	pawl_trust_verdict verdict =
	    pawl_trust_meta_check(snapshot, entry, bytes, role, &client->note);
	if (verdict != PAWL_TRUST_OK)
		return verdict;
	verdict =
	    pawl_trust_file_parse(&client->arena, bytes, "targets", role, &file, &client->note);
	if (verdict != PAWL_TRUST_OK)
		return verdict;
	verdict = pawl_trust_file_verify(&client->arena, &file, signers, role, &client->note);
	if (verdict == PAWL_TRUST_OK)
		verdict = pawl_trust_body_check(&file, PAWL_TRUST_TARGETS, role, &client->note);
	if (verdict == PAWL_TRUST_OK && file.version != wanted)
		verdict = say_versions(client, PAWL_TRUST_VERSION, role, file.version,
		    " stands where snapshot names ", wanted, "");
	if (verdict == PAWL_TRUST_OK)
		verdict = pawl_trust_check_expiry(client, &file, role);
	if (verdict != PAWL_TRUST_OK) {
		client->arena.used = file.mark;
		return verdict;
	}
	*ret_file = file;
	return PAWL_TRUST_OK;
}

static void begin_targets(struct pawl_trust *client)
{
	const struct pawl_json *snapshot = &client->files[PAWL_TRUST_SNAPSHOT].json;
	const uint32_t entry = pawl_trust_snapshot_entry(client, "targets");
	const struct pawl_trust_signers signers =
	    signers_in_root(&client->files[PAWL_TRUST_ROOT], PAWL_TRUST_TARGETS);
	struct pawl_trust_file file;

	if (entry == PAWL_JSON_NONE) {
		pawl_trust_fail(client, pawl_trust_say(&client->note, PAWL_TRUST_MISSING,
					    "snapshot", "targets.json is not listed"));
		return;
	}
	if (pawl_trust_accept_targets(client, client->stored[PAWL_TRUST_TARGETS], "targets",
		&signers, &file) == PAWL_TRUST_OK) {
		adopt(client, PAWL_TRUST_TARGETS, &file);
		client->step = PAWL_TRUST_STEP_REFRESHED;
		return;
	}
	pawl_note_clear(&client->note);
	ask(client, PAWL_TRUST_STEP_ASK_TARGETS,
	    name_version(client, pawl_trust_meta_version(snapshot, entry)), PAWL_TRUST_TARGETS,
	    pawl_trust_meta_length(snapshot, entry, PAWL_TUF_METADATA_SIZE_MAX));
}

static void answer_targets(struct pawl_trust *client, struct pawl_bytes bytes)
{
	const struct pawl_trust_signers signers =
	    signers_in_root(&client->files[PAWL_TRUST_ROOT], PAWL_TRUST_TARGETS);
	struct pawl_trust_file file;
	const pawl_trust_verdict verdict =
	    pawl_trust_accept_targets(client, bytes, "targets", &signers, &file);

	if (verdict != PAWL_TRUST_OK) {
		pawl_trust_fail(client, verdict);
		return;
	}
	adopt(client, PAWL_TRUST_TARGETS, &file);
	client->step = PAWL_TRUST_STEP_STORE_TARGETS;
}

/* --- the loop --- */

void pawl_trust_init(struct pawl_trust *client, const struct pawl_trust_options *options)
{
	memset(client, 0, sizeof(*client));
	client->arena = pawl_arena_of(options->memory, options->memory_size);
	client->now =
	    options->clock.ms > options->time_floor.ms ? options->clock : options->time_floor;
	client->stored[PAWL_TRUST_ROOT] = options->root;
	client->stored[PAWL_TRUST_TIMESTAMP] = options->timestamp;
	client->stored[PAWL_TRUST_SNAPSHOT] = options->snapshot;
	client->stored[PAWL_TRUST_TARGETS] = options->targets;
	client->step = PAWL_TRUST_STEP_START;
}

static struct pawl_trust_effect request(
    const struct pawl_trust *client, pawl_trust_effect_kind kind)
{
	return (struct pawl_trust_effect){
		.kind = kind,
		.name = client->name,
		.size_max = client->size_max,
	};
}

static struct pawl_trust_effect store(
    struct pawl_trust *client, pawl_trust_role role, enum pawl_trust_step next)
{
	/* The names of the top roles always fit. */
	PAWL_ASSERT(pawl_trust_set_name(client, 0, role_names[role]));
	client->step = (int)next;
	return (struct pawl_trust_effect){
		.kind = PAWL_TRUST_STORE,
		.name = client->name,
		.bytes = client->files[role].bytes,
	};
}

static void refreshed(struct pawl_trust *client)
{
	for (size_t i = 0; i < PAWL_TRUST_ROLE_COUNT; i++)
		client->stored[i] = PAWL_BYTES(NULL, 0);
	client->refresh_mark = client->arena.used;
	client->step = PAWL_TRUST_STEP_DONE;
}

struct pawl_trust_effect pawl_trust_next(struct pawl_trust *client)
{
	for (;;) {
		switch ((enum pawl_trust_step)client->step) {
		case PAWL_TRUST_STEP_START: start(client); break;
		case PAWL_TRUST_STEP_NEXT_ROOT: next_root(client); break;
		case PAWL_TRUST_STEP_BEGIN_SNAPSHOT: begin_snapshot(client); break;
		case PAWL_TRUST_STEP_BEGIN_TARGETS: begin_targets(client); break;
		case PAWL_TRUST_STEP_REFRESHED: refreshed(client); break;
		case PAWL_TRUST_STEP_VISIT:
		case PAWL_TRUST_STEP_ENTER:
		case PAWL_TRUST_STEP_FOLLOW: pawl_trust_find_work(client); break;
		case PAWL_TRUST_STEP_YIELD:
			pawl_trust_find_work(client);
			if (client->step == PAWL_TRUST_STEP_YIELD)
				return (struct pawl_trust_effect){ .kind = PAWL_TRUST_TARGET };
			break;
		case PAWL_TRUST_STEP_ASK_ROOT:
		case PAWL_TRUST_STEP_ASK_TIMESTAMP:
		case PAWL_TRUST_STEP_ASK_SNAPSHOT:
		case PAWL_TRUST_STEP_ASK_TARGETS:
		case PAWL_TRUST_STEP_ASK_ROLE: return request(client, PAWL_TRUST_FETCH);
		case PAWL_TRUST_STEP_LOAD_ROLE: return request(client, PAWL_TRUST_LOAD);
		case PAWL_TRUST_STEP_STORE_ROOT:
			return store(client, PAWL_TRUST_ROOT, PAWL_TRUST_STEP_NEXT_ROOT);
		case PAWL_TRUST_STEP_STORE_TIMESTAMP:
			return store(client, PAWL_TRUST_TIMESTAMP, PAWL_TRUST_STEP_BEGIN_SNAPSHOT);
		case PAWL_TRUST_STEP_STORE_SNAPSHOT:
			return store(client, PAWL_TRUST_SNAPSHOT, PAWL_TRUST_STEP_BEGIN_TARGETS);
		case PAWL_TRUST_STEP_STORE_TARGETS:
			return store(client, PAWL_TRUST_TARGETS, PAWL_TRUST_STEP_REFRESHED);
		case PAWL_TRUST_STEP_STORE_ROLE: {
			const struct pawl_trust_visit *visit = &client->visits[client->open];
			if (!pawl_trust_set_name(client, 0, visit->name))
				break;
			client->step = PAWL_TRUST_STEP_ENTER;
			return (struct pawl_trust_effect){ .kind = PAWL_TRUST_STORE,
				.name = client->name,
				.bytes = visit->file.bytes };
		}
		case PAWL_TRUST_STEP_DONE:
			return (struct pawl_trust_effect){ .kind = PAWL_TRUST_DONE };
		case PAWL_TRUST_STEP_FAILED:
			return (struct pawl_trust_effect){
				.kind = PAWL_TRUST_FAILED,
				.verdict = client->verdict,
				.note = client->note.text,
			};
		}
	}
}

/* Before the bytes are looked at. Nobody states the length of root and
 * timestamp: for them, and at the general bound, it is our own limit. */
static void refuse_size(struct pawl_trust *client)
{
	const bool is_ours = client->step == PAWL_TRUST_STEP_ASK_ROOT ||
			     client->step == PAWL_TRUST_STEP_ASK_TIMESTAMP ||
			     client->size_max == PAWL_TUF_METADATA_SIZE_MAX;

	pawl_note_add(&client->note, client->name);
	pawl_note_add(&client->note, ": more than ");
	pawl_note_add_int(&client->note, (long long)client->size_max);
	pawl_note_add(&client->note, " bytes");
	pawl_trust_fail(client, is_ours ? PAWL_TRUST_TOO_LARGE : PAWL_TRUST_LENGTH);
}

static bool is_asking(enum pawl_trust_step step)
{
	return step == PAWL_TRUST_STEP_ASK_ROOT || step == PAWL_TRUST_STEP_ASK_TIMESTAMP ||
	       step == PAWL_TRUST_STEP_ASK_SNAPSHOT || step == PAWL_TRUST_STEP_ASK_TARGETS ||
	       step == PAWL_TRUST_STEP_ASK_ROLE;
}

void pawl_trust_provide(struct pawl_trust *client, struct pawl_bytes bytes)
{
	const enum pawl_trust_step step = (enum pawl_trust_step)client->step;

	if (step == PAWL_TRUST_STEP_LOAD_ROLE) {
		pawl_trust_find_answer(client, bytes);
		return;
	}
	PAWL_ASSERT(is_asking(step));
	if (bytes.size > client->size_max)
		refuse_size(client);
	else if (step == PAWL_TRUST_STEP_ASK_ROOT)
		answer_root(client, bytes);
	else if (step == PAWL_TRUST_STEP_ASK_TIMESTAMP)
		answer_timestamp(client, bytes);
	else if (step == PAWL_TRUST_STEP_ASK_SNAPSHOT)
		answer_snapshot(client, bytes);
	else if (step == PAWL_TRUST_STEP_ASK_TARGETS)
		answer_targets(client, bytes);
	else
		pawl_trust_find_answer(client, bytes);
}

void pawl_trust_absent(struct pawl_trust *client)
{
	const enum pawl_trust_step step = (enum pawl_trust_step)client->step;

	if (step == PAWL_TRUST_STEP_LOAD_ROLE) {
		pawl_trust_find_absent(client);
		return;
	}
	if (step == PAWL_TRUST_STEP_ASK_ROOT) {
		/* spec: tuf 5.3.3: no next root is the normal end of the chain. */
		begin_timestamp(client);
		return;
	}
	PAWL_ASSERT(is_asking(step));
	pawl_trust_fail(client,
	    pawl_trust_say(&client->note, PAWL_TRUST_MISSING, client->name, "is not there"));
}
