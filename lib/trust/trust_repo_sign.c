/* SPDX-License-Identifier: MIT
 *
 * Envelopes: what to sign, and putting signatures on it.
 */
#include "trust_internal.h"

#include "pawl/trust_repo.h"

#include <string.h>

/* Canonical form of one value, in the arena. */
static pawl_err canonical_of(const struct pawl_json *json, uint32_t value, struct pawl_arena *arena,
    struct pawl_bytes *ret_bytes)
{
	const size_t capacity = pawl_json_raw(json, value).size;
	struct pawl_buf buf = pawl_buf_of(pawl_arena_take(arena, capacity, 1), capacity);

	if (buf.at == NULL)
		return PAWL_ERR_NO_MEMORY;
	PAWL_TRY(pawl_json_canonical(json, value, &buf));
	*ret_bytes = pawl_buf_bytes(&buf);
	return PAWL_ERR_OK;
}

pawl_err pawl_repo_message(
    struct pawl_bytes signed_text, struct pawl_arena *arena, struct pawl_bytes *ret_message)
{
	struct pawl_json json;

	PAWL_TRY(pawl_json_parse_in(arena, signed_text, &json, NULL));
	return canonical_of(&json, 0, arena, ret_message);
}

static void put_signature(
    struct pawl_json_writer *writer, const struct pawl_repo_signature *signature)
{
	uint8_t digits[2 * 1024];
	struct pawl_buf hex = pawl_buf_of(digits, sizeof(digits));

	pawl_put_hex(&hex, signature->signature);
	if (pawl_buf_check(&hex) != PAWL_ERR_OK)
		writer->out->overflow = true;
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "keyid", signature->keyid.text);
	pawl_json_member_bytes(writer, "sig", pawl_buf_bytes(&hex));
	pawl_json_end_object(writer);
}

pawl_err pawl_repo_envelope(struct pawl_bytes signed_text,
    const struct pawl_repo_signature *signatures, size_t count, struct pawl_buf *out)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(signatures[i].keyid.text, signatures[j].keyid.text) == 0)
				return PAWL_ERR_EXISTS;
	pawl_json_begin_object(&writer);
	pawl_json_key(&writer, "signatures");
	pawl_json_begin_array(&writer);
	for (size_t i = 0; i < count; i++)
		put_signature(&writer, &signatures[i]);
	pawl_json_end_array(&writer);
	pawl_json_key(&writer, "signed");
	pawl_json_put_raw(&writer, signed_text);
	pawl_json_end_object(&writer);
	return pawl_buf_check(out);
}

/* Parses a file as far as envelopes go. */
static pawl_err open_file(struct pawl_bytes file, struct pawl_arena *arena,
    struct pawl_json *ret_json, uint32_t *ret_signatures, uint32_t *ret_signed)
{
	struct pawl_json json;

	PAWL_TRY(pawl_json_parse_in(arena, file, &json, NULL));
	const uint32_t signatures = pawl_json_get(&json, 0, "signatures");
	const uint32_t signed_part = pawl_json_get(&json, 0, "signed");
	if (!pawl_json_is(&json, signatures, PAWL_JSON_ARRAY) ||
	    !pawl_json_is(&json, signed_part, PAWL_JSON_OBJECT))
		return PAWL_ERR_SYNTAX;
	*ret_json = json;
	*ret_signatures = signatures;
	*ret_signed = signed_part;
	return PAWL_ERR_OK;
}

pawl_err pawl_repo_add_signature(struct pawl_bytes file,
    const struct pawl_repo_signature *signature, struct pawl_arena *arena, struct pawl_buf *out)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);
	struct pawl_json json;
	uint32_t list;
	uint32_t signed_part;

	PAWL_TRY(open_file(file, arena, &json, &list, &signed_part));
	pawl_json_begin_object(&writer);
	pawl_json_key(&writer, "signatures");
	pawl_json_begin_array(&writer);
	for (uint32_t it = pawl_json_first(&json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(&json, list, it))
		if (!pawl_json_string_is(
			&json, pawl_json_get(&json, it, "keyid"), signature->keyid.text))
			pawl_json_put_raw(&writer, pawl_json_raw(&json, it));
	put_signature(&writer, signature);
	pawl_json_end_array(&writer);
	pawl_json_key(&writer, "signed");
	pawl_json_put_raw(&writer, pawl_json_raw(&json, signed_part));
	pawl_json_end_object(&writer);
	return pawl_buf_check(out);
}

pawl_err pawl_repo_signed_bytes(
    struct pawl_bytes file, struct pawl_arena *arena, struct pawl_bytes *ret_signed)
{
	struct pawl_json json;
	uint32_t list;
	uint32_t signed_part;

	PAWL_TRY(open_file(file, arena, &json, &list, &signed_part));
	return canonical_of(&json, signed_part, arena, ret_signed);
}

pawl_err pawl_repo_signatures(struct pawl_bytes file, struct pawl_arena *arena,
    const struct pawl_repo_signature **ret_signatures, size_t *ret_count)
{
	struct pawl_json json;
	uint32_t list;
	uint32_t signed_part;
	size_t count = 0;

	PAWL_TRY(open_file(file, arena, &json, &list, &signed_part));
	struct pawl_repo_signature *found =
	    pawl_arena_take(arena, pawl_json_count(&json, list), sizeof(*found));
	if (found == NULL)
		return PAWL_ERR_NO_MEMORY;
	for (uint32_t it = pawl_json_first(&json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(&json, list, it), count++) {
		struct pawl_bytes hex;

		if (pawl_json_text(&json, pawl_json_get(&json, it, "keyid"),
			sizeof(found[count].keyid.text), found[count].keyid.text) != PAWL_ERR_OK)
			return PAWL_ERR_SYNTAX;
		if (pawl_json_plain(&json, pawl_json_get(&json, it, "sig"), &hex) != PAWL_ERR_OK)
			continue;
		uint8_t *raw = pawl_arena_take(arena, hex.size / 2, 1);
		if (raw == NULL)
			return PAWL_ERR_NO_MEMORY;
		if (pawl_hex_decode(hex, hex.size / 2, raw) == PAWL_ERR_OK)
			found[count].signature = PAWL_BYTES(raw, hex.size / 2);
	}
	*ret_signatures = found;
	*ret_count = count;
	return PAWL_ERR_OK;
}

/* The client's own counting, given role and keys as it knows them: as JSON. */
static pawl_err signers_of(const struct pawl_repo_role *role, const struct pawl_repo_key *keys,
    size_t key_count, struct pawl_arena *arena, struct pawl_json *ret_json)
{
	size_t capacity = 64 + role->keyid_count * (PAWL_SHA256_HEX + 4);

	for (size_t i = 0; i < key_count; i++)
		capacity += keys[i].json.size + PAWL_SHA256_HEX + 8;
	struct pawl_buf buf = pawl_buf_of(pawl_arena_take(arena, capacity, 1), capacity);
	if (buf.at == NULL)
		return PAWL_ERR_NO_MEMORY;

	struct pawl_json_writer writer = pawl_json_writer_of(&buf);
	pawl_json_begin_object(&writer);
	pawl_json_key(&writer, "keyids");
	pawl_json_begin_array(&writer);
	for (size_t i = 0; i < role->keyid_count; i++)
		pawl_json_put_text(&writer, role->keyids[i].text);
	pawl_json_end_array(&writer);
	pawl_json_key(&writer, "keys");
	pawl_json_begin_object(&writer);
	for (size_t i = 0; i < key_count; i++) {
		pawl_json_key(&writer, keys[i].id.text);
		pawl_json_put_raw(&writer, keys[i].json);
	}
	pawl_json_end_object(&writer);
	pawl_json_end_object(&writer);
	PAWL_TRY(pawl_buf_check(&buf));
	return pawl_json_parse_in(arena, pawl_buf_bytes(&buf), ret_json, NULL);
}

pawl_err pawl_repo_count_signatures(struct pawl_bytes file, const struct pawl_repo_role *role,
    const struct pawl_repo_key *keys, size_t key_count, struct pawl_arena *arena, size_t *ret_count)
{
	struct pawl_trust_file opened = { .bytes = file };
	struct pawl_json signers_json;
	uint32_t list;
	int64_t count = 0;

	PAWL_TRY(open_file(file, arena, &opened.json, &list, &opened.signed_part));
	PAWL_TRY(signers_of(role, keys, key_count, arena, &signers_json));
	const struct pawl_trust_signers signers = {
		.json = &signers_json,
		.keys = pawl_json_get(&signers_json, 0, "keys"),
		.role = 0,
	};
	const pawl_trust_verdict verdict = pawl_trust_file_count(
	    arena, &opened, &signers, PAWL_TRUST_KEYIDS_MAX, "", &count, NULL);
	if (verdict != PAWL_TRUST_OK)
		return verdict == PAWL_TRUST_TOO_LARGE ? PAWL_ERR_NO_MEMORY : PAWL_ERR_SYNTAX;
	*ret_count = (size_t)count;
	return PAWL_ERR_OK;
}

struct pawl_repo_meta pawl_repo_meta_of(
    struct pawl_bytes name, int64_t version, struct pawl_bytes file)
{
	struct pawl_repo_meta meta = {
		.name = name,
		.version = version,
		.has_length = true,
		.length = file.size,
		.has_sha256 = true,
	};

	pawl_sha256(file, meta.sha256);
	return meta;
}
