/* SPDX-License-Identifier: MIT
 *
 * Metadata back into plain data. The client's parser and format rules are used
 * first, so that what is read here is what a device would accept.
 */
#include "trust_internal.h"

#include "pawl/date.h"
#include "pawl/trust_repo.h"

#include <string.h>

#define NUMBER_MAX ((INT64_C(1) << 53) - 1)

struct reader {
	const struct pawl_json *json;
	struct pawl_arena *arena;
	struct pawl_note *note;
};

static pawl_err unsupported(const struct reader *reader, const char *what)
{
	pawl_note_add(reader->note, what);
	return PAWL_ERR_UNSUPPORTED;
}

static pawl_err read_text(const struct reader *reader, uint32_t value, struct pawl_bytes *ret_text)
{
	const size_t size = pawl_json_raw(reader->json, value).size;

	if (pawl_json_plain(reader->json, value, ret_text) == PAWL_ERR_OK)
		return PAWL_ERR_OK;
	struct pawl_buf buf = pawl_buf_of(pawl_arena_take(reader->arena, size, 1), size);
	if (buf.at == NULL)
		return PAWL_ERR_NO_MEMORY;
	PAWL_TRY(pawl_json_string(reader->json, value, &buf));
	*ret_text = pawl_buf_bytes(&buf);
	return PAWL_ERR_OK;
}

static pawl_err read_keyid(
    const struct reader *reader, uint32_t value, struct pawl_repo_keyid *ret_keyid)
{
	if (pawl_json_text(reader->json, value, sizeof(ret_keyid->text), ret_keyid->text) !=
	    PAWL_ERR_OK)
		return unsupported(reader, "a key id has more than 64 characters");
	return PAWL_ERR_OK;
}

static pawl_err read_keys(const struct reader *reader, uint32_t keys,
    const struct pawl_repo_key **ret_keys, size_t *ret_count)
{
	const struct pawl_json *json = reader->json;
	size_t count = 0;
	struct pawl_repo_key *list =
	    pawl_arena_take(reader->arena, pawl_json_count(json, keys), sizeof(*list));

	if (list == NULL)
		return PAWL_ERR_NO_MEMORY;
	for (uint32_t it = pawl_json_first(json, keys); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, keys, it), count++) {
		PAWL_TRY(read_keyid(reader, it, &list[count].id));
		if (!pawl_trust_key_scheme(json, it + 1, &list[count].scheme))
			return unsupported(reader, "a key has a type that is not known");
		list[count].json = pawl_json_raw(json, it + 1);
	}
	*ret_keys = list;
	*ret_count = count;
	return PAWL_ERR_OK;
}

/* Threshold and key ids. */
static pawl_err read_signing(
    const struct reader *reader, uint32_t role, struct pawl_repo_role *ret_role)
{
	const struct pawl_json *json = reader->json;
	const uint32_t keyids = pawl_json_get(json, role, "keyids");
	struct pawl_repo_keyid *list =
	    pawl_arena_take(reader->arena, pawl_json_count(json, keyids), sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return PAWL_ERR_NO_MEMORY;
	for (uint32_t it = pawl_json_first(json, keyids); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, keyids, it), count++)
		PAWL_TRY(read_keyid(reader, it, &list[count]));
	ret_role->keyids = list;
	ret_role->keyid_count = count;
	return pawl_json_int(
	    json, pawl_json_get(json, role, "threshold"), 1, NUMBER_MAX, &ret_role->threshold);
}

static pawl_err read_root(
    const struct reader *reader, uint32_t root, struct pawl_repo_root *ret_root)
{
	static const char *const names[] = { "root", "targets", "snapshot", "timestamp" };
	const struct pawl_json *json = reader->json;
	const uint32_t roles = pawl_json_get(json, root, "roles");
	const uint32_t consistent = pawl_json_get(json, root, "consistent_snapshot");

	ret_root->consistent_snapshot = pawl_json_is(json, consistent, PAWL_JSON_TRUE);
	PAWL_TRY(read_keys(
	    reader, pawl_json_get(json, root, "keys"), &ret_root->keys, &ret_root->key_count));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ret_root->roles[i].name = pawl_bytes_of(names[i]);
		PAWL_TRY(read_signing(
		    reader, pawl_json_get(json, roles, names[i]), &ret_root->roles[i]));
	}
	return PAWL_ERR_OK;
}

/* Hashes of an entry or meta file; others than these two can not be kept. */
static pawl_err read_hashes(
    const struct reader *reader, uint32_t hashes, struct pawl_repo_entry *ret_hashes)
{
	const struct pawl_json *json = reader->json;

	for (uint32_t it = pawl_json_first(json, hashes); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, hashes, it)) {
		struct pawl_bytes hex;

		PAWL_TRY(pawl_json_plain(json, it + 1, &hex));
		if (pawl_json_string_is(json, it, "sha256")) {
			PAWL_TRY(
			    pawl_hex_decode(hex, sizeof(ret_hashes->sha256), ret_hashes->sha256));
			ret_hashes->has_sha256 = true;
		} else if (pawl_json_string_is(json, it, "sha512")) {
			PAWL_TRY(
			    pawl_hex_decode(hex, sizeof(ret_hashes->sha512), ret_hashes->sha512));
			ret_hashes->has_sha512 = true;
		} else {
			return unsupported(reader, "a hash is neither sha256 nor sha512");
		}
	}
	return PAWL_ERR_OK;
}

static pawl_err read_entry(
    const struct reader *reader, uint32_t member, struct pawl_repo_entry *ret_entry)
{
	const struct pawl_json *json = reader->json;
	const uint32_t custom = pawl_json_get(json, member + 1, "custom");
	int64_t length = 0;

	PAWL_TRY(read_text(reader, member, &ret_entry->path));
	PAWL_TRY(
	    pawl_json_int(json, pawl_json_get(json, member + 1, "length"), 0, NUMBER_MAX, &length));
	ret_entry->length = (uint64_t)length;
	if (custom != PAWL_JSON_NONE)
		ret_entry->custom = pawl_json_raw(json, custom);
	return read_hashes(reader, pawl_json_get(json, member + 1, "hashes"), ret_entry);
}

static pawl_err read_role(
    const struct reader *reader, uint32_t delegation, struct pawl_repo_role *ret_role)
{
	const struct pawl_json *json = reader->json;
	const uint32_t paths = pawl_json_get(json, delegation, "paths");
	size_t count = 0;

	if (paths == PAWL_JSON_NONE)
		return unsupported(reader, "a delegation uses path_hash_prefixes");
	struct pawl_bytes *list =
	    pawl_arena_take(reader->arena, pawl_json_count(json, paths), sizeof(*list));
	if (list == NULL)
		return PAWL_ERR_NO_MEMORY;
	for (uint32_t it = pawl_json_first(json, paths); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, paths, it), count++)
		PAWL_TRY(read_text(reader, it, &list[count]));
	ret_role->paths = list;
	ret_role->path_count = count;
	ret_role->terminating =
	    pawl_json_is(json, pawl_json_get(json, delegation, "terminating"), PAWL_JSON_TRUE);
	PAWL_TRY(read_text(reader, pawl_json_get(json, delegation, "name"), &ret_role->name));
	return read_signing(reader, delegation, ret_role);
}

static pawl_err read_targets(
    const struct reader *reader, uint32_t signed_part, struct pawl_repo_targets *ret_targets)
{
	const struct pawl_json *json = reader->json;
	const uint32_t targets = pawl_json_get(json, signed_part, "targets");
	const uint32_t delegations = pawl_json_get(json, signed_part, "delegations");
	const uint32_t roles = pawl_json_get(json, delegations, "roles");
	size_t count = 0;
	struct pawl_repo_entry *entries =
	    pawl_arena_take(reader->arena, pawl_json_count(json, targets), sizeof(*entries));
	struct pawl_repo_role *list =
	    pawl_arena_take(reader->arena, pawl_json_count(json, roles), sizeof(*list));

	if (entries == NULL || list == NULL)
		return PAWL_ERR_NO_MEMORY;
	for (uint32_t it = pawl_json_first(json, targets); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, targets, it), count++)
		PAWL_TRY(read_entry(reader, it, &entries[count]));
	ret_targets->entries = entries;
	ret_targets->entry_count = count;

	count = 0;
	for (uint32_t it = pawl_json_first(json, roles); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, roles, it), count++)
		PAWL_TRY(read_role(reader, it, &list[count]));
	ret_targets->roles = list;
	ret_targets->role_count = count;
	return read_keys(reader, pawl_json_get(json, delegations, "keys"), &ret_targets->keys,
	    &ret_targets->key_count);
}

static pawl_err read_meta(
    const struct reader *reader, uint32_t member, struct pawl_repo_meta *ret_meta)
{
	const struct pawl_json *json = reader->json;
	struct pawl_repo_entry hashes = { .length = 0 };
	const uint32_t stated = pawl_json_get(json, member + 1, "length");
	int64_t length = 0;

	PAWL_TRY(read_text(reader, member, &ret_meta->name));
	PAWL_TRY(pawl_json_int(
	    json, pawl_json_get(json, member + 1, "version"), 1, NUMBER_MAX, &ret_meta->version));
	if (stated != PAWL_JSON_NONE)
		PAWL_TRY(pawl_json_int(json, stated, 0, NUMBER_MAX, &length));
	ret_meta->has_length = stated != PAWL_JSON_NONE;
	ret_meta->length = (uint64_t)length;
	PAWL_TRY(read_hashes(reader, pawl_json_get(json, member + 1, "hashes"), &hashes));
	if (hashes.has_sha512)
		return unsupported(reader, "a metadata file is listed with sha512");
	ret_meta->has_sha256 = hashes.has_sha256;
	memcpy(ret_meta->sha256, hashes.sha256, sizeof(ret_meta->sha256));
	return PAWL_ERR_OK;
}

static pawl_err read_snapshot(
    const struct reader *reader, uint32_t signed_part, struct pawl_repo_snapshot *ret_snapshot)
{
	const struct pawl_json *json = reader->json;
	const uint32_t meta = pawl_json_get(json, signed_part, "meta");
	struct pawl_repo_meta *list =
	    pawl_arena_take(reader->arena, pawl_json_count(json, meta), sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return PAWL_ERR_NO_MEMORY;
	for (uint32_t it = pawl_json_first(json, meta); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, meta, it), count++)
		PAWL_TRY(read_meta(reader, it, &list[count]));
	ret_snapshot->metas = list;
	ret_snapshot->meta_count = count;
	return PAWL_ERR_OK;
}

static pawl_err read_timestamp(
    const struct reader *reader, uint32_t signed_part, struct pawl_repo_timestamp *ret_timestamp)
{
	const struct pawl_json *json = reader->json;
	const uint32_t meta = pawl_json_get(json, signed_part, "meta");
	const uint32_t issued = pawl_json_get(json, signed_part, "x-issued");
	struct pawl_bytes text;

	for (uint32_t it = pawl_json_first(json, meta); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, meta, it))
		if (pawl_json_string_is(json, it, "snapshot.json"))
			PAWL_TRY(read_meta(reader, it, &ret_timestamp->snapshot));
	if (issued == PAWL_JSON_NONE)
		return PAWL_ERR_OK;
	PAWL_TRY(pawl_json_plain(json, issued, &text));
	return pawl_date_parse(text, &ret_timestamp->issued);
}

static pawl_err read_body(
    const struct reader *reader, uint32_t signed_part, struct pawl_repo_file *ret_file)
{
	switch (ret_file->kind) {
	case PAWL_REPO_ROOT: return read_root(reader, signed_part, &ret_file->as.root);
	case PAWL_REPO_TARGETS: return read_targets(reader, signed_part, &ret_file->as.targets);
	case PAWL_REPO_SNAPSHOT: return read_snapshot(reader, signed_part, &ret_file->as.snapshot);
	case PAWL_REPO_TIMESTAMP:
		return read_timestamp(reader, signed_part, &ret_file->as.timestamp);
	}
	return PAWL_ERR_UNSUPPORTED;
}

static const struct {
	const char *type;
	pawl_trust_role role;
} kinds[] = {
	[PAWL_REPO_ROOT] = { "root", PAWL_TRUST_ROOT },
	[PAWL_REPO_TARGETS] = { "targets", PAWL_TRUST_TARGETS },
	[PAWL_REPO_SNAPSHOT] = { "snapshot", PAWL_TRUST_SNAPSHOT },
	[PAWL_REPO_TIMESTAMP] = { "timestamp", PAWL_TRUST_TIMESTAMP },
};

/* Its `_type`, with the arena as it was. */
static pawl_err peek_kind(struct pawl_bytes file, struct pawl_arena *arena,
    pawl_repo_kind *ret_kind, struct pawl_note *reterr_note)
{
	const size_t mark = arena->used;
	struct pawl_json json;
	pawl_err err = pawl_json_parse_in(arena, file, &json, reterr_note);

	if (err == PAWL_ERR_OK) {
		err = PAWL_ERR_SYNTAX;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (pawl_json_string_is(
				&json, pawl_json_path(&json, 0, "signed._type"), kinds[i].type)) {
				*ret_kind = (pawl_repo_kind)i;
				err = PAWL_ERR_OK;
			}
		}
		if (err != PAWL_ERR_OK)
			pawl_note_add(reterr_note, "signed._type is none of the four");
	}
	arena->used = mark;
	return err;
}

pawl_err pawl_repo_parse(struct pawl_bytes file, struct pawl_arena *arena,
    struct pawl_repo_file *ret_file, struct pawl_note *reterr_note)
{
	struct pawl_repo_file result = { .kind = PAWL_REPO_ROOT };
	struct pawl_trust_file opened;

	PAWL_TRY(peek_kind(file, arena, &result.kind, reterr_note));
	/* Enough for the copy and the tokens, so that what fails below is the content. */
	if (arena->capacity - arena->used <
	    file.size + (pawl_json_token_bound(file) + 1) * sizeof(struct pawl_json_token) + 64)
		return PAWL_ERR_NO_MEMORY;

	const char *type = kinds[result.kind].type;
	pawl_trust_verdict verdict =
	    pawl_trust_file_parse(arena, file, type, type, &opened, reterr_note);
	if (verdict == PAWL_TRUST_OK)
		verdict =
		    pawl_trust_body_check(&opened, kinds[result.kind].role, type, reterr_note);
	if (verdict != PAWL_TRUST_OK)
		return verdict == PAWL_TRUST_TOO_LARGE ? PAWL_ERR_LIMIT : PAWL_ERR_SYNTAX;
	if (opened.version > NUMBER_MAX) {
		pawl_note_add(reterr_note, "version is above 2^53-1");
		return PAWL_ERR_RANGE;
	}

	const struct reader reader = { &opened.json, arena, reterr_note };
	result.version = opened.version;
	result.expires = opened.expires;
	PAWL_TRY(read_body(&reader, opened.signed_part, &result));
	*ret_file = result;
	return PAWL_ERR_OK;
}
