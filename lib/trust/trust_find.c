/* SPDX-License-Identifier: MIT
 *
 * Look-ups (spec: tuf 5.6.7): delegated roles in pre-order, depth first, each
 * name once. Visits form a tree by their parent links; `open` is the one whose
 * delegations are followed now. Leaving a visit frees its file, so memory
 * follows the depth, not the number of roles.
 */
#include "trust_internal.h"

#include "pawl/text.h"
#include "pawl/url.h"

#include <string.h>

/* --- patterns --- */

static size_t character_at(struct pawl_bytes text, size_t at)
{
	const size_t size = pawl_utf8_next(PAWL_BYTES(text.at + at, text.size - at));

	return size == 0 ? 1 : size;
}

/* Since '/' only matches itself, a '*' never has to be tried again once its
 * segment is left: the last one is enough. */
bool pawl_trust_pattern_matches(struct pawl_bytes pattern, struct pawl_bytes path)
{
	size_t p = 0;
	size_t t = 0;
	size_t star = SIZE_MAX;
	size_t star_text = 0;

	while (t < path.size || p < pattern.size) {
		const int want = p < pattern.size ? pattern.at[p] : -1;

		if (want == '*') {
			star = p++;
			star_text = t;
		} else if (want == '?' && t < path.size && path.at[t] != '/') {
			t += character_at(path, t);
			p++;
		} else if (want != '?' && want >= 0 && t < path.size && path.at[t] == want) {
			t++;
			p++;
		} else if (star != SIZE_MAX && star_text < path.size && path.at[star_text] != '/') {
			star_text += character_at(path, star_text);
			t = star_text;
			p = star + 1;
		} else {
			return false;
		}
	}
	return true;
}

/* The paths of a delegation, or its path_hash_prefixes. */
static uint32_t patterns_of(const struct pawl_json *json, uint32_t role, bool *ret_by_hash)
{
	const uint32_t paths = pawl_json_get(json, role, "paths");

	*ret_by_hash = paths == PAWL_JSON_NONE;
	return *ret_by_hash ? pawl_json_get(json, role, "path_hash_prefixes") : paths;
}

/* A pattern that is longer than any path here matches nothing. */
static bool patterns_cover(
    const struct pawl_json *json, uint32_t patterns, bool by_hash, struct pawl_bytes path)
{
	uint8_t digest[PAWL_SHA256_SIZE];
	char hex[PAWL_SHA256_HEX];
	struct pawl_buf buf = pawl_buf_of(hex, sizeof(hex));

	if (by_hash) {
		pawl_sha256(path, digest);
		pawl_put_hex(&buf, PAWL_BYTES(digest, sizeof(digest)));
	}
	for (uint32_t it = pawl_json_first(json, patterns); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, patterns, it)) {
		char text[PAWL_TRUST_PATH_MAX + 1];

		if (pawl_json_text(json, it, sizeof(text), text) != PAWL_ERR_OK)
			continue;
		if (by_hash ? pawl_bytes_starts_with(pawl_buf_bytes(&buf), text)
			    : pawl_trust_pattern_matches(pawl_bytes_of(text), path))
			return true;
	}
	return false;
}

/* --- starting --- */

static pawl_err begin(struct pawl_trust *client, bool walking)
{
	const size_t wanted = walking ? PAWL_TRUST_WALK_MAX : PAWL_TRUST_VISITS_MAX;

	client->arena.used = client->refresh_mark;
	client->walking = walking;
	client->found = false;
	client->visits = pawl_arena_take(&client->arena, wanted + 1, sizeof(*client->visits));
	if (client->visits == NULL) {
		pawl_trust_fail(client, pawl_trust_say(&client->note, PAWL_TRUST_TOO_LARGE,
					    "look-up", "needs more memory than there is"));
		return PAWL_ERR_OK;
	}
	client->visit_max = (uint32_t)wanted + 1;
	client->visit_count = 1;
	client->visits[0] = (struct pawl_trust_visit){
		.parent = PAWL_JSON_NONE,
		.delegation = PAWL_JSON_NONE,
		.name = "targets",
		.file = client->files[PAWL_TRUST_TARGETS],
	};
	client->open = 0;
	client->step = PAWL_TRUST_STEP_ENTER;
	return PAWL_ERR_OK;
}

static bool is_ready(const struct pawl_trust *client)
{
	return client->step == PAWL_TRUST_STEP_DONE;
}

pawl_err pawl_trust_find(struct pawl_trust *client, const char *path)
{
	const size_t size = strlen(path);

	if (!is_ready(client))
		return PAWL_ERR_REFUSED;
	if (size == 0 || size > PAWL_TRUST_PATH_MAX)
		return PAWL_ERR_LIMIT;
	/* The path may be that of the last result. */
	memmove(client->path, path, size + 1);
	return begin(client, false);
}

pawl_err pawl_trust_walk(struct pawl_trust *client)
{
	if (!is_ready(client))
		return PAWL_ERR_REFUSED;
	return begin(client, true);
}

const struct pawl_trust_target *pawl_trust_found(const struct pawl_trust *client)
{
	return client->found ? &client->target : NULL;
}

/* --- entering a role --- */

static uint32_t signed_member(const struct pawl_trust_file *file, const char *name)
{
	return pawl_json_get(&file->json, file->signed_part, name);
}

/* Makes the entry the result. False when the client failed. */
static bool take_target(struct pawl_trust *client, uint32_t entry)
{
	const struct pawl_trust_visit *visit = &client->visits[client->open];
	const pawl_trust_verdict verdict =
	    pawl_trust_target_read(&visit->file.json, entry, &client->target, &client->note);

	if (verdict != PAWL_TRUST_OK) {
		pawl_note_add(&client->note, ": ");
		pawl_note_add(&client->note, client->path);
		pawl_trust_fail(client, verdict);
		return false;
	}
	client->target.path = pawl_bytes_of(client->path);
	client->target.role = pawl_bytes_of(visit->name);
	client->found = true;
	return true;
}

static void enter(struct pawl_trust *client)
{
	struct pawl_trust_visit *visit = &client->visits[client->open];
	const struct pawl_json *json = &visit->file.json;

	visit->targets = signed_member(&visit->file, "targets");
	visit->roles = pawl_json_get(json, signed_member(&visit->file, "delegations"), "roles");
	visit->cursor = pawl_json_first(json, visit->roles);
	if (client->walking) {
		client->item = pawl_json_first(json, visit->targets);
		client->step = PAWL_TRUST_STEP_YIELD;
		return;
	}
	const uint32_t entry = pawl_json_get(json, visit->targets, client->path);
	if (entry == PAWL_JSON_NONE)
		client->step = PAWL_TRUST_STEP_FOLLOW;
	else if (take_target(client, entry))
		client->step = PAWL_TRUST_STEP_DONE;
}

/* Every delegation from the open role up to the top must cover the path. */
static bool chain_covers(const struct pawl_trust *client, struct pawl_bytes path)
{
	for (uint32_t v = client->open; v != 0; v = client->visits[v].parent) {
		const struct pawl_trust_visit *visit = &client->visits[v];
		if (!patterns_cover(&client->visits[visit->parent].file.json, visit->patterns,
			visit->by_hash, path))
			return false;
	}
	return true;
}

/* Stays in this step as long as there is a target to yield. */
static void yield(struct pawl_trust *client)
{
	const struct pawl_trust_visit *visit = &client->visits[client->open];
	const struct pawl_json *json = &visit->file.json;

	client->found = false;
	while (client->item != PAWL_JSON_NONE) {
		const uint32_t it = client->item;

		client->item = pawl_json_after(json, visit->targets, it);
		if (pawl_json_text(json, it, sizeof(client->path), client->path) != PAWL_ERR_OK) {
			pawl_trust_fail(
			    client, pawl_trust_say(&client->note, PAWL_TRUST_TOO_LARGE, visit->name,
					"has a target with too long a path"));
			return;
		}
		if (chain_covers(client, pawl_bytes_of(client->path))) {
			(void)take_target(client, it + 1);
			return;
		}
	}
	client->step = PAWL_TRUST_STEP_FOLLOW;
}

/* --- following delegations --- */

static bool was_visited(const struct pawl_trust *client, const char *name)
{
	for (uint32_t v = 0; v < client->visit_count; v++)
		if (strcmp(client->visits[v].name, name) == 0)
			return true;
	return false;
}

/* A terminating delegation that matches ends the search outside of it. */
static void close_all(struct pawl_trust *client)
{
	for (uint32_t v = client->open; v != PAWL_JSON_NONE; v = client->visits[v].parent)
		client->visits[v].cursor = PAWL_JSON_NONE;
}

static void leave(struct pawl_trust *client)
{
	const struct pawl_trust_visit *visit = &client->visits[client->open];

	if (client->open == 0) {
		client->step = PAWL_TRUST_STEP_DONE;
		return;
	}
	client->arena.used = visit->file.mark;
	client->open = visit->parent;
}

static void descend(struct pawl_trust *client, uint32_t delegation)
{
	const struct pawl_json *json = &client->visits[client->open].file.json;
	struct pawl_trust_visit visit = { .parent = client->open, .delegation = delegation };

	visit.patterns = patterns_of(json, delegation, &visit.by_hash);
	/* The body was checked: the name fits. */
	PAWL_ASSERT(pawl_json_text(json, pawl_json_get(json, delegation, "name"),
			sizeof(visit.name), visit.name) == PAWL_ERR_OK);
	if (was_visited(client, visit.name))
		return;
	if (client->visit_count == client->visit_max) {
		pawl_note_add(&client->note, "look-up: more than ");
		pawl_note_add_int(&client->note, client->visit_max - 1);
		pawl_note_add(&client->note, " delegated roles");
		pawl_trust_fail(client, PAWL_TRUST_TOO_LARGE);
		return;
	}
	client->open = client->visit_count;
	client->visits[client->visit_count++] = visit;
	client->step = PAWL_TRUST_STEP_VISIT;
}

static void follow(struct pawl_trust *client)
{
	struct pawl_trust_visit *visit = &client->visits[client->open];
	const struct pawl_json *json = &visit->file.json;
	const uint32_t delegation = visit->cursor;
	bool terminating = false;
	bool by_hash = false;

	if (delegation == PAWL_JSON_NONE) {
		leave(client);
		return;
	}
	visit->cursor = pawl_json_after(json, visit->roles, delegation);
	if (client->walking) {
		descend(client, delegation);
		return;
	}
	const uint32_t patterns = patterns_of(json, delegation, &by_hash);
	if (!patterns_cover(json, patterns, by_hash, pawl_bytes_of(client->path)))
		return;
	if (pawl_json_bool(json, pawl_json_get(json, delegation, "terminating"), &terminating) ==
		PAWL_ERR_OK &&
	    terminating)
		close_all(client);
	descend(client, delegation);
}

/* --- getting a role --- */

static void visit_role(struct pawl_trust *client)
{
	const struct pawl_trust_visit *visit = &client->visits[client->open];
	const uint32_t entry = pawl_trust_snapshot_entry(client, visit->name);

	if (entry == PAWL_JSON_NONE) {
		pawl_note_add(&client->note, "snapshot does not list ");
		pawl_note_add(&client->note, visit->name);
		pawl_trust_fail(client, PAWL_TRUST_MISSING);
		return;
	}
	if (!pawl_trust_set_name(client, 0, visit->name))
		return;
	client->size_max = pawl_trust_meta_length(
	    &client->files[PAWL_TRUST_SNAPSHOT].json, entry, PAWL_TUF_METADATA_SIZE_MAX);
	client->step = PAWL_TRUST_STEP_LOAD_ROLE;
}

static void ask_role(struct pawl_trust *client)
{
	const struct pawl_trust_visit *visit = &client->visits[client->open];
	const int64_t version = pawl_trust_meta_version(&client->files[PAWL_TRUST_SNAPSHOT].json,
	    pawl_trust_snapshot_entry(client, visit->name));

	pawl_note_clear(&client->note);
	if (pawl_trust_set_name(
		client, pawl_trust_consistent_snapshot(client) ? version : 0, visit->name))
		client->step = PAWL_TRUST_STEP_ASK_ROLE;
}

void pawl_trust_find_work(struct pawl_trust *client)
{
	if (client->step == PAWL_TRUST_STEP_VISIT)
		visit_role(client);
	else if (client->step == PAWL_TRUST_STEP_ENTER)
		enter(client);
	else if (client->step == PAWL_TRUST_STEP_YIELD)
		yield(client);
	else
		follow(client);
}

/* A stored role must satisfy all that a fetched one must, under this
 * delegator; if it does not, a fresh one is asked for. */
void pawl_trust_find_answer(struct pawl_trust *client, struct pawl_bytes bytes)
{
	struct pawl_trust_visit *visit = &client->visits[client->open];
	const struct pawl_trust_file *parent = &client->visits[visit->parent].file;
	const struct pawl_trust_signers signers = {
		.json = &parent->json,
		.keys = pawl_json_get(&parent->json, signed_member(parent, "delegations"), "keys"),
		.role = visit->delegation,
	};
	const bool was_stored = client->step == PAWL_TRUST_STEP_LOAD_ROLE;
	const pawl_trust_verdict verdict =
	    pawl_trust_accept_targets(client, bytes, visit->name, &signers, &visit->file);

	if (verdict == PAWL_TRUST_OK)
		client->step = was_stored ? PAWL_TRUST_STEP_ENTER : PAWL_TRUST_STEP_STORE_ROLE;
	else if (was_stored)
		ask_role(client);
	else
		pawl_trust_fail(client, verdict);
}

void pawl_trust_find_absent(struct pawl_trust *client)
{
	ask_role(client);
}

/* --- where a target is served --- */

static void put_segments(struct pawl_buf *out, struct pawl_bytes path)
{
	size_t from = 0;

	for (size_t i = 0; i <= path.size; i++) {
		if (i < path.size && path.at[i] != '/')
			continue;
		pawl_put_percent(out, PAWL_BYTES(path.at + from, i - from));
		if (i < path.size)
			pawl_put_u8(out, '/');
		from = i + 1;
	}
}

pawl_err pawl_trust_target_url(
    const struct pawl_trust *client, const struct pawl_trust_target *target, struct pawl_buf *out)
{
	const struct pawl_bytes path = target->path;
	size_t name = 0;

	for (size_t i = 0; i < path.size; i++)
		if (path.at[i] == '/')
			name = i + 1;
	put_segments(out, PAWL_BYTES(path.at, name));
	if (pawl_trust_consistent_snapshot(client)) {
		if (target->has_sha256)
			pawl_put_hex(out, PAWL_BYTES(target->sha256, sizeof(target->sha256)));
		else
			pawl_put_hex(out, PAWL_BYTES(target->sha512, sizeof(target->sha512)));
		pawl_put_u8(out, '.');
	}
	put_segments(out, PAWL_BYTES(path.at + name, path.size - name));
	return pawl_buf_check(out);
}
