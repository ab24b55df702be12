/* SPDX-License-Identifier: MIT
 *
 * Plain data to metadata. The text is made first; parsing it back finds
 * double names, and its canonical form is what gets signed.
 */
#include "pawl/date.h"
#include "pawl/json.h"
#include "pawl/text.h"
#include "pawl/trust_repo.h"

#include <string.h>

#define NUMBER_MAX ((INT64_C(1) << 53) - 1) /* what every JSON reader keeps exactly */

/* What is being written, and where a complaint goes. */
struct job {
	struct pawl_json_writer writer;
	struct pawl_arena *arena;
	struct pawl_note *note;
};

static pawl_err complain(const struct job *job, pawl_err err, const char *what)
{
	pawl_note_add(job->note, what);
	return err;
}

static pawl_err complain_about(
    const struct job *job, pawl_err err, struct pawl_bytes name, const char *what)
{
	pawl_note_add_bytes(job->note, name.at, name.size < 80 ? name.size : 80);
	pawl_note_add(job->note, ": ");
	return complain(job, err, what);
}

/* --- parts --- */

static void put_key(struct job *job, const char *key)
{
	pawl_json_key(&job->writer, key);
}

static void put_hex(struct job *job, const char *key, const uint8_t *at, size_t size)
{
	char hex[2 * PAWL_HASH_SIZE_MAX];
	struct pawl_buf buf = pawl_buf_of(hex, sizeof(hex));

	pawl_put_hex(&buf, PAWL_BYTES(at, size));
	pawl_json_member_bytes(&job->writer, key, pawl_buf_bytes(&buf));
}

static void put_moment(struct job *job, const char *key, struct pawl_wall moment)
{
	char text[24];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));

	pawl_put_date(&buf, moment);
	pawl_json_member_bytes(&job->writer, key, pawl_buf_bytes(&buf));
}

/* JSON of the caller must be one whole value without fractions, or it could
 * break out of its place. */
static pawl_err put_foreign(struct job *job, const char *key, struct pawl_bytes text)
{
	const size_t mark = job->arena->used;
	struct pawl_json json;
	pawl_err err = pawl_json_parse_in(job->arena, text, &json, job->note);

	if (err == PAWL_ERR_OK) {
		struct pawl_buf scratch =
		    pawl_buf_of(pawl_arena_take(job->arena, text.size, 1), text.size);
		err = scratch.at == NULL ? PAWL_ERR_NO_MEMORY
					 : pawl_json_canonical(&json, 0, &scratch);
	}
	job->arena->used = mark;
	if (err != PAWL_ERR_OK)
		return complain(job, err, " in JSON of the caller");
	put_key(job, key);
	pawl_json_put_raw(&job->writer, text);
	return PAWL_ERR_OK;
}

static pawl_err put_keys(struct job *job, const struct pawl_repo_key *keys, size_t count)
{
	put_key(job, "keys");
	pawl_json_begin_object(&job->writer);
	for (size_t i = 0; i < count; i++)
		PAWL_TRY(put_foreign(job, keys[i].id.text, keys[i].json));
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

static bool has_key(const struct pawl_repo_key *keys, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].id.text, id) == 0)
			return true;
	return false;
}

/* Members "keyids" and "threshold". */
static pawl_err put_signing(struct job *job, const struct pawl_repo_role *role,
    struct pawl_bytes name, const struct pawl_repo_key *keys, size_t key_count)
{
	if (role->threshold < 1 || (uint64_t)role->threshold > role->keyid_count)
		return complain_about(
		    job, PAWL_ERR_RANGE, name, "threshold is not between 1 and the number of keys");

	put_key(job, "keyids");
	pawl_json_begin_array(&job->writer);
	for (size_t i = 0; i < role->keyid_count; i++) {
		const char *id = role->keyids[i].text;
		for (size_t j = 0; j < i; j++)
			if (strcmp(role->keyids[j].text, id) == 0)
				return complain_about(
				    job, PAWL_ERR_SYNTAX, name, "lists a key twice");
		if (!has_key(keys, key_count, id))
			return complain_about(
			    job, PAWL_ERR_SYNTAX, name, "lists a key that is not there");
		pawl_json_put_text(&job->writer, id);
	}
	pawl_json_end_array(&job->writer);
	return PAWL_ERR_OK;
}

static pawl_err put_meta(struct job *job, const struct pawl_repo_meta *meta)
{
	if (meta->version < 1 || meta->version > NUMBER_MAX)
		return complain_about(job, PAWL_ERR_RANGE, meta->name, "version is out of range");
	if (meta->has_length && meta->length > NUMBER_MAX)
		return complain_about(job, PAWL_ERR_RANGE, meta->name, "length is out of range");
	if (meta->name.size == 0 || !pawl_utf8_is_valid(meta->name))
		return complain_about(job, PAWL_ERR_SYNTAX, meta->name, "is no file name");

	pawl_json_key_bytes(&job->writer, meta->name);
	pawl_json_begin_object(&job->writer);
	if (meta->has_sha256) {
		put_key(job, "hashes");
		pawl_json_begin_object(&job->writer);
		put_hex(job, "sha256", meta->sha256, sizeof(meta->sha256));
		pawl_json_end_object(&job->writer);
	}
	if (meta->has_length)
		pawl_json_member_int(&job->writer, "length", (int64_t)meta->length);
	pawl_json_member_int(&job->writer, "version", meta->version);
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

/* --- the roles --- */

static pawl_err put_root(struct job *job, const struct pawl_repo_root *root)
{
	static const char *const names[] = { "root", "targets", "snapshot", "timestamp" };

	pawl_json_member_bool(&job->writer, "consistent_snapshot", root->consistent_snapshot);
	PAWL_TRY(put_keys(job, root->keys, root->key_count));
	put_key(job, "roles");
	pawl_json_begin_object(&job->writer);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put_key(job, names[i]);
		pawl_json_begin_object(&job->writer);
		PAWL_TRY(put_signing(
		    job, &root->roles[i], pawl_bytes_of(names[i]), root->keys, root->key_count));
		pawl_json_member_int(&job->writer, "threshold", root->roles[i].threshold);
		pawl_json_end_object(&job->writer);
	}
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

static pawl_err put_delegation(
    struct job *job, const struct pawl_repo_targets *targets, const struct pawl_repo_role *role)
{
	if (role->name.size == 0 || !pawl_utf8_is_valid(role->name))
		return complain_about(job, PAWL_ERR_SYNTAX, role->name, "is no role name");
	if (role->path_count == 0)
		return complain_about(job, PAWL_ERR_RANGE, role->name, "has no paths");

	pawl_json_begin_object(&job->writer);
	PAWL_TRY(put_signing(job, role, role->name, targets->keys, targets->key_count));
	pawl_json_member_bytes(&job->writer, "name", role->name);
	put_key(job, "paths");
	pawl_json_begin_array(&job->writer);
	for (size_t i = 0; i < role->path_count; i++) {
		if (role->paths[i].size == 0 || !pawl_utf8_is_valid(role->paths[i]))
			return complain_about(
			    job, PAWL_ERR_SYNTAX, role->name, "has an unusable path");
		pawl_json_put_string(&job->writer, role->paths[i]);
	}
	pawl_json_end_array(&job->writer);
	pawl_json_member_bool(&job->writer, "terminating", role->terminating);
	pawl_json_member_int(&job->writer, "threshold", role->threshold);
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

static pawl_err put_entry(struct job *job, const struct pawl_repo_entry *entry)
{
	if (entry->path.size == 0 || !pawl_utf8_is_valid(entry->path))
		return complain_about(job, PAWL_ERR_SYNTAX, entry->path, "is no path");
	if (!entry->has_sha256 && !entry->has_sha512)
		return complain_about(job, PAWL_ERR_RANGE, entry->path, "has no hash");
	if (entry->length > NUMBER_MAX)
		return complain_about(job, PAWL_ERR_RANGE, entry->path, "length is out of range");

	pawl_json_key_bytes(&job->writer, entry->path);
	pawl_json_begin_object(&job->writer);
	if (entry->custom.size > 0)
		PAWL_TRY(put_foreign(job, "custom", entry->custom));
	put_key(job, "hashes");
	pawl_json_begin_object(&job->writer);
	if (entry->has_sha256)
		put_hex(job, "sha256", entry->sha256, sizeof(entry->sha256));
	if (entry->has_sha512)
		put_hex(job, "sha512", entry->sha512, sizeof(entry->sha512));
	pawl_json_end_object(&job->writer);
	pawl_json_member_int(&job->writer, "length", (int64_t)entry->length);
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

static pawl_err put_targets(struct job *job, const struct pawl_repo_targets *targets)
{
	if (targets->role_count > 0) {
		put_key(job, "delegations");
		pawl_json_begin_object(&job->writer);
		PAWL_TRY(put_keys(job, targets->keys, targets->key_count));
		put_key(job, "roles");
		pawl_json_begin_array(&job->writer);
		for (size_t i = 0; i < targets->role_count; i++) {
			for (size_t j = 0; j < i; j++)
				if (pawl_bytes_equal(
					targets->roles[i].name, targets->roles[j].name))
					return complain_about(job, PAWL_ERR_SYNTAX,
					    targets->roles[i].name, "is delegated to twice");
			PAWL_TRY(put_delegation(job, targets, &targets->roles[i]));
		}
		pawl_json_end_array(&job->writer);
		pawl_json_end_object(&job->writer);
	}
	put_key(job, "targets");
	pawl_json_begin_object(&job->writer);
	for (size_t i = 0; i < targets->entry_count; i++)
		PAWL_TRY(put_entry(job, &targets->entries[i]));
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

static pawl_err put_metas(struct job *job, const struct pawl_repo_meta *metas, size_t count)
{
	put_key(job, "meta");
	pawl_json_begin_object(&job->writer);
	for (size_t i = 0; i < count; i++)
		PAWL_TRY(put_meta(job, &metas[i]));
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

static pawl_err put_file(struct job *job, const struct pawl_repo_file *file)
{
	static const char *const types[] = { "root", "targets", "snapshot", "timestamp" };

	if (file->version < 1 || file->version > NUMBER_MAX)
		return complain(job, PAWL_ERR_RANGE, "version is out of range");
	if (file->expires.ms < 0 || file->expires.ms > PAWL_DATE_MS_MAX)
		return complain(job, PAWL_ERR_RANGE, "expires is out of range");

	pawl_json_begin_object(&job->writer);
	pawl_json_member_text(&job->writer, "_type", types[file->kind]);
	put_moment(job, "expires", file->expires);
	pawl_json_member_text(&job->writer, "spec_version", PAWL_REPO_SPEC_VERSION);
	pawl_json_member_int(&job->writer, "version", file->version);
	switch (file->kind) {
	case PAWL_REPO_ROOT: PAWL_TRY(put_root(job, &file->as.root)); break;
	case PAWL_REPO_TARGETS: PAWL_TRY(put_targets(job, &file->as.targets)); break;
	case PAWL_REPO_SNAPSHOT:
		PAWL_TRY(put_metas(job, file->as.snapshot.metas, file->as.snapshot.meta_count));
		break;
	case PAWL_REPO_TIMESTAMP:
		PAWL_TRY(put_metas(job, &file->as.timestamp.snapshot, 1));
		if (file->as.timestamp.issued.ms != 0)
			put_moment(job, "x-issued", file->as.timestamp.issued);
		break;
	}
	pawl_json_end_object(&job->writer);
	return PAWL_ERR_OK;
}

pawl_err pawl_repo_write(const struct pawl_repo_file *file, struct pawl_arena *arena,
    struct pawl_buf *out, struct pawl_note *reterr_note)
{
	const size_t mark = arena->used;
	const size_t before = out->size;
	struct job job = { .arena = arena, .note = reterr_note };
	struct pawl_json json;

	job.writer = pawl_json_writer_of(out);
	pawl_err err = put_file(&job, file);
	if (err == PAWL_ERR_OK)
		err = pawl_buf_check(out);
	/* Finds two entries with one name. */
	if (err == PAWL_ERR_OK)
		err = pawl_json_parse_in(
		    arena, PAWL_BYTES(out->at + before, out->size - before), &json, reterr_note);
	arena->used = mark;
	if (err != PAWL_ERR_OK)
		out->size = before;
	return err;
}

/* --- keys --- */

static const struct {
	const char *keytype;
	const char *scheme;
} key_names[] = {
	[PAWL_SIG_ED25519] = { "ed25519", "ed25519" },
	[PAWL_SIG_ECDSA_P256_SHA256] = { "ecdsa", "ecdsa-sha2-nistp256" },
	[PAWL_SIG_RSA_PSS_SHA256] = { "rsa", "rsassa-pss-sha256" },
};

static bool public_is_valid(pawl_sig_scheme scheme, struct pawl_bytes text)
{
	static const char last[] = "-----END PUBLIC KEY-----\n";
	uint8_t raw[32];
	uint8_t digest[PAWL_SHA256_SIZE];

	if (scheme == PAWL_SIG_ED25519)
		return pawl_hex_decode(text, sizeof(raw), raw) == PAWL_ERR_OK;
	return text.size > sizeof(last) && text.size < 4096 &&
	       pawl_bytes_starts_with(text, "-----BEGIN PUBLIC KEY-----\n") &&
	       memcmp(text.at + text.size - (sizeof(last) - 1), last, sizeof(last) - 1) == 0 &&
	       pawl_utf8_is_valid(text) && pawl_sig_key_digest(scheme, text, digest) == PAWL_ERR_OK;
}

/* The key id over the canonical form of `json`, which is in the arena. */
static pawl_err finish_key(pawl_sig_scheme scheme, struct pawl_bytes json, struct pawl_arena *arena,
    struct pawl_repo_key *ret_key)
{
	struct pawl_repo_key key = { .scheme = scheme, .json = json };
	const size_t mark = arena->used;
	struct pawl_buf hex = pawl_buf_of(key.id.text, PAWL_SHA256_HEX);
	uint8_t digest[PAWL_SHA256_SIZE];
	struct pawl_bytes canonical;

	PAWL_TRY(pawl_repo_message(json, arena, &canonical));
	pawl_sha256(canonical, digest);
	pawl_put_hex(&hex, PAWL_BYTES(digest, sizeof(digest)));
	arena->used = mark;
	*ret_key = key;
	return PAWL_ERR_OK;
}

pawl_err pawl_repo_key_make(pawl_sig_scheme scheme, struct pawl_bytes public_text,
    struct pawl_arena *arena, struct pawl_repo_key *ret_key)
{
	const size_t capacity = 2 * public_text.size + 256;

	if (!public_is_valid(scheme, public_text))
		return PAWL_ERR_SYNTAX;
	struct pawl_buf buf = pawl_buf_of(pawl_arena_take(arena, capacity, 1), capacity);
	if (buf.at == NULL)
		return PAWL_ERR_NO_MEMORY;

	struct pawl_json_writer writer = pawl_json_writer_of(&buf);
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "keytype", key_names[scheme].keytype);
	pawl_json_key(&writer, "keyval");
	pawl_json_begin_object(&writer);
	pawl_json_member_bytes(&writer, "public", public_text);
	pawl_json_end_object(&writer);
	pawl_json_member_text(&writer, "scheme", key_names[scheme].scheme);
	pawl_json_end_object(&writer);
	PAWL_TRY(pawl_buf_check(&buf));
	return finish_key(scheme, pawl_buf_bytes(&buf), arena, ret_key);
}

pawl_err pawl_repo_key_parse(struct pawl_bytes json, struct pawl_arena *arena,
    struct pawl_repo_key *ret_key, struct pawl_note *reterr_note)
{
	struct pawl_bytes text = pawl_arena_copy(arena, json);
	const size_t mark = arena->used;
	struct pawl_json parsed;
	char public_text[4096];

	if (text.at == NULL)
		return PAWL_ERR_NO_MEMORY;
	PAWL_TRY(pawl_json_parse_in(arena, text, &parsed, reterr_note));
	for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
		if (!pawl_json_string_is(
			&parsed, pawl_json_get(&parsed, 0, "scheme"), key_names[i].scheme))
			continue;
		if (pawl_json_text(&parsed, pawl_json_path(&parsed, 0, "keyval.public"),
			sizeof(public_text), public_text) != PAWL_ERR_OK ||
		    !public_is_valid((pawl_sig_scheme)i, pawl_bytes_of(public_text))) {
			pawl_note_add(
			    reterr_note, "keyval.public is not a public key of the scheme");
			return PAWL_ERR_SYNTAX;
		}
		/* White space around the value, such as a final line end, is no part of it. */
		text = pawl_json_raw(&parsed, 0);
		arena->used = mark;
		return finish_key((pawl_sig_scheme)i, text, arena, ret_key);
	}
	pawl_note_add(reterr_note, "scheme is not known");
	return PAWL_ERR_UNSUPPORTED;
}
