/* SPDX-License-Identifier: MIT
 *
 * The format of each role (spec: tuf 4.3 to 4.6), checked whole once the
 * signatures hold, so that later steps may rely on it. Unknown members are
 * legal everywhere.
 */
#include "trust_internal.h"

#include "pawl/date.h"

#include <string.h>

static const char *const top_names[] = { "root", "timestamp", "snapshot", "targets" };

bool pawl_trust_is_top_name(const char *name)
{
	for (size_t i = 0; i < sizeof(top_names) / sizeof(top_names[0]); i++)
		if (strcmp(name, top_names[i]) == 0)
			return true;
	return false;
}

/* What is wrong and where, while the walk through a body lasts. */
struct body {
	const struct pawl_json *json;
	const char *label;
	struct pawl_note *note;
};

static pawl_trust_verdict malformed(const struct body *body, const char *what)
{
	return pawl_trust_say(body->note, PAWL_TRUST_MALFORMED, body->label, what);
}

static pawl_trust_verdict too_many(const struct body *body, const char *what)
{
	return pawl_trust_say(body->note, PAWL_TRUST_TOO_LARGE, body->label, what);
}

#define CHECK(call)                                                                                \
	do {                                                                                       \
		const pawl_trust_verdict check_ = (call);                                          \
		if (check_ != PAWL_TRUST_OK)                                                       \
			return check_;                                                             \
	} while (0)

/* --- parts that several roles have --- */

static pawl_trust_verdict check_keys(const struct body *body, uint32_t keys)
{
	const struct pawl_json *json = body->json;

	if (!pawl_json_is(json, keys, PAWL_JSON_OBJECT))
		return malformed(body, "has no keys");
	if (pawl_json_count(json, keys) > PAWL_TRUST_KEYS_MAX)
		return too_many(body, "has too many keys");
	for (uint32_t it = pawl_json_first(json, keys); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, keys, it)) {
		if (!pawl_json_is(json, pawl_json_get(json, it + 1, "keytype"), PAWL_JSON_STRING) ||
		    !pawl_json_is(json, pawl_json_get(json, it + 1, "scheme"), PAWL_JSON_STRING) ||
		    !pawl_json_is(json, pawl_json_get(json, it + 1, "keyval"), PAWL_JSON_OBJECT))
			return malformed(body, "has a key without keytype, scheme or keyval");
	}
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_signing(const struct body *body, uint32_t role)
{
	const struct pawl_json *json = body->json;
	const uint32_t keyids = pawl_json_get(json, role, "keyids");
	int64_t threshold;

	if (pawl_json_int(json, pawl_json_get(json, role, "threshold"), 1, INT64_MAX, &threshold) !=
	    PAWL_ERR_OK)
		return malformed(body, "has a threshold below 1");
	if (!pawl_json_is(json, keyids, PAWL_JSON_ARRAY))
		return malformed(body, "has a role without keyids");
	if (pawl_json_count(json, keyids) > PAWL_TRUST_KEYIDS_MAX)
		return too_many(body, "has a role with too many keys");
	for (uint32_t it = pawl_json_first(json, keyids); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, keyids, it))
		if (!pawl_json_is(json, it, PAWL_JSON_STRING))
			return malformed(body, "has a keyid that is no text");
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_hashes(const struct body *body, uint32_t hashes)
{
	const struct pawl_json *json = body->json;

	if (!pawl_json_is(json, hashes, PAWL_JSON_OBJECT) || pawl_json_count(json, hashes) == 0)
		return malformed(body, "has an entry without hashes");
	for (uint32_t it = pawl_json_first(json, hashes); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, hashes, it))
		if (!pawl_json_is(json, it + 1, PAWL_JSON_STRING))
			return malformed(body, "has a hash that is no text");
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_meta(const struct body *body, uint32_t meta)
{
	const struct pawl_json *json = body->json;
	const uint32_t length = pawl_json_get(json, meta, "length");
	const uint32_t hashes = pawl_json_get(json, meta, "hashes");
	int64_t value;

	if (pawl_json_int(json, pawl_json_get(json, meta, "version"), 1, INT64_MAX, &value) !=
	    PAWL_ERR_OK)
		return malformed(body, "lists a file without a positive version");
	if (length != PAWL_JSON_NONE &&
	    pawl_json_int(json, length, 0, INT64_MAX, &value) != PAWL_ERR_OK)
		return malformed(body, "lists a file with a length that is no number");
	return hashes == PAWL_JSON_NONE ? PAWL_TRUST_OK : check_hashes(body, hashes);
}

/* --- the roles --- */

static pawl_trust_verdict check_root(const struct body *body, uint32_t root)
{
	const struct pawl_json *json = body->json;
	const uint32_t consistent = pawl_json_get(json, root, "consistent_snapshot");
	const uint32_t roles = pawl_json_get(json, root, "roles");
	bool flag;

	CHECK(check_keys(body, pawl_json_get(json, root, "keys")));
	if (consistent != PAWL_JSON_NONE && pawl_json_bool(json, consistent, &flag) != PAWL_ERR_OK)
		return malformed(body, "consistent_snapshot is neither true nor false");
	for (size_t i = 0; i < sizeof(top_names) / sizeof(top_names[0]); i++) {
		const uint32_t role = pawl_json_get(json, roles, top_names[i]);
		if (!pawl_json_is(json, role, PAWL_JSON_OBJECT))
			return malformed(body, "lacks one of the four roles");
		CHECK(check_signing(body, role));
	}
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_timestamp(const struct body *body, uint32_t timestamp)
{
	const struct pawl_json *json = body->json;
	const uint32_t issued = pawl_json_get(json, timestamp, "x-issued");
	struct pawl_bytes text;
	struct pawl_wall moment;

	if (issued != PAWL_JSON_NONE && (pawl_json_plain(json, issued, &text) != PAWL_ERR_OK ||
					    pawl_date_parse(text, &moment) != PAWL_ERR_OK))
		return malformed(body, "x-issued is not a UTC date and time");
	return check_meta(
	    body, pawl_json_get(json, pawl_json_get(json, timestamp, "meta"), "snapshot.json"));
}

static pawl_trust_verdict check_snapshot(const struct body *body, uint32_t snapshot)
{
	const struct pawl_json *json = body->json;
	const uint32_t meta = pawl_json_get(json, snapshot, "meta");

	if (!pawl_json_is(json, meta, PAWL_JSON_OBJECT))
		return malformed(body, "has no meta");
	for (uint32_t it = pawl_json_first(json, meta); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, meta, it))
		CHECK(check_meta(body, it + 1));
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_patterns(const struct body *body, uint32_t list)
{
	const struct pawl_json *json = body->json;

	if (!pawl_json_is(json, list, PAWL_JSON_ARRAY))
		return malformed(body, "has a delegation whose paths are no list");
	if (pawl_json_count(json, list) > PAWL_TRUST_PATTERNS_MAX)
		return too_many(body, "has a delegation with too many paths");
	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it))
		if (!pawl_json_is(json, it, PAWL_JSON_STRING))
			return malformed(body, "has a path that is no text");
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_delegation(const struct body *body, uint32_t role)
{
	const struct pawl_json *json = body->json;
	const uint32_t paths = pawl_json_get(json, role, "paths");
	const uint32_t prefixes = pawl_json_get(json, role, "path_hash_prefixes");
	char name[PAWL_TRUST_ROLE_MAX + 1];
	bool terminating;

	const pawl_err err =
	    pawl_json_text(json, pawl_json_get(json, role, "name"), sizeof(name), name);
	if (err == PAWL_ERR_LIMIT)
		return too_many(body, "has a delegation with too long a name");
	if (err != PAWL_ERR_OK || name[0] == '\0' || pawl_trust_is_top_name(name))
		return malformed(body, "has a delegation without a proper name");
	if (pawl_json_bool(json, pawl_json_get(json, role, "terminating"), &terminating) !=
	    PAWL_ERR_OK)
		return malformed(
		    body, "has a delegation that does not say whether it is terminating");
	if ((paths == PAWL_JSON_NONE) == (prefixes == PAWL_JSON_NONE))
		return malformed(body, "has a delegation without exactly one kind of paths");
	CHECK(check_patterns(body, paths != PAWL_JSON_NONE ? paths : prefixes));
	return check_signing(body, role);
}

static pawl_trust_verdict check_delegations(const struct body *body, uint32_t delegations)
{
	const struct pawl_json *json = body->json;
	const uint32_t roles = pawl_json_get(json, delegations, "roles");

	CHECK(check_keys(body, pawl_json_get(json, delegations, "keys")));
	if (!pawl_json_is(json, roles, PAWL_JSON_ARRAY))
		return malformed(body, "has delegations without roles");
	if (pawl_json_count(json, roles) > PAWL_TRUST_ROLES_MAX)
		return too_many(body, "has too many delegations");
	for (uint32_t it = pawl_json_first(json, roles); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, roles, it))
		CHECK(check_delegation(body, it));
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_targets(const struct body *body, uint32_t signed_part)
{
	const struct pawl_json *json = body->json;
	const uint32_t targets = pawl_json_get(json, signed_part, "targets");
	const uint32_t delegations = pawl_json_get(json, signed_part, "delegations");

	if (!pawl_json_is(json, targets, PAWL_JSON_OBJECT))
		return malformed(body, "has no targets");
	for (uint32_t it = pawl_json_first(json, targets); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, targets, it)) {
		int64_t length;
		if (pawl_json_int(json, pawl_json_get(json, it + 1, "length"), 0, INT64_MAX,
			&length) != PAWL_ERR_OK)
			return malformed(body, "has a target without a length");
		CHECK(check_hashes(body, pawl_json_get(json, it + 1, "hashes")));
	}
	return delegations == PAWL_JSON_NONE ? PAWL_TRUST_OK : check_delegations(body, delegations);
}

pawl_trust_verdict pawl_trust_body_check(const struct pawl_trust_file *file, pawl_trust_role role,
    const char *label, struct pawl_note *note)
{
	const struct body body = { &file->json, label, note };

	switch (role) {
	case PAWL_TRUST_ROOT: return check_root(&body, file->signed_part);
	case PAWL_TRUST_TIMESTAMP: return check_timestamp(&body, file->signed_part);
	case PAWL_TRUST_SNAPSHOT: return check_snapshot(&body, file->signed_part);
	case PAWL_TRUST_TARGETS: return check_targets(&body, file->signed_part);
	}
	PAWL_ASSERT(false);
}

/* --- what a parent says about a file --- */

int64_t pawl_trust_meta_version(const struct pawl_json *json, uint32_t meta)
{
	int64_t version = 0;

	if (pawl_json_int(json, pawl_json_get(json, meta, "version"), 1, INT64_MAX, &version) !=
	    PAWL_ERR_OK)
		return 0;
	return version;
}

size_t pawl_trust_meta_length(const struct pawl_json *json, uint32_t meta, size_t limit)
{
	int64_t length = 0;

	if (pawl_json_int(json, pawl_json_get(json, meta, "length"), 0, INT64_MAX, &length) !=
		PAWL_ERR_OK ||
	    (uint64_t)length > limit)
		return limit;
	return (size_t)length;
}

/* Decodes the hashes of an entry into `ret_target`; a hash that is not known
 * can not be checked, and so nothing may pass. */
static pawl_trust_verdict read_hashes(const struct pawl_json *json, uint32_t hashes,
    struct pawl_trust_target *ret_target, const char *label, struct pawl_note *note)
{
	for (uint32_t it = pawl_json_first(json, hashes); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, hashes, it)) {
		struct pawl_bytes hex;
		pawl_err err = pawl_json_plain(json, it + 1, &hex);

		if (pawl_json_string_is(json, it, "sha256")) {
			if (err == PAWL_ERR_OK)
				err = pawl_hex_decode(
				    hex, sizeof(ret_target->sha256), ret_target->sha256);
			ret_target->has_sha256 = true;
		} else if (pawl_json_string_is(json, it, "sha512")) {
			if (err == PAWL_ERR_OK)
				err = pawl_hex_decode(
				    hex, sizeof(ret_target->sha512), ret_target->sha512);
			ret_target->has_sha512 = true;
		} else {
			return pawl_trust_say(note, PAWL_TRUST_HASH, label,
			    "is stated with a hash that is not known");
		}
		if (err != PAWL_ERR_OK)
			return pawl_trust_say(
			    note, PAWL_TRUST_HASH, label, "is stated with a hash that is no hash");
	}
	return PAWL_TRUST_OK;
}

static bool hashes_match(const struct pawl_trust_target *target, struct pawl_bytes bytes)
{
	uint8_t digest[PAWL_HASH_SIZE_MAX];

	if (target->has_sha256) {
		pawl_sha256(bytes, digest);
		if (memcmp(digest, target->sha256, sizeof(target->sha256)) != 0)
			return false;
	}
	if (target->has_sha512) {
		pawl_sha512(bytes, digest);
		if (memcmp(digest, target->sha512, sizeof(target->sha512)) != 0)
			return false;
	}
	return true;
}

pawl_trust_verdict pawl_trust_meta_check(const struct pawl_json *json, uint32_t meta,
    struct pawl_bytes bytes, const char *label, struct pawl_note *note)
{
	struct pawl_trust_target stated = { .length = 0 };
	int64_t length = 0;

	if (pawl_json_int(json, pawl_json_get(json, meta, "length"), 0, INT64_MAX, &length) ==
		PAWL_ERR_OK &&
	    (uint64_t)length != bytes.size) {
		pawl_note_add(note, label);
		pawl_note_add(note, ": ");
		pawl_note_add_int(note, (long long)bytes.size);
		pawl_note_add(note, " bytes instead of ");
		pawl_note_add_int(note, length);
		return PAWL_TRUST_LENGTH;
	}
	CHECK(read_hashes(json, pawl_json_get(json, meta, "hashes"), &stated, label, note));
	if (!hashes_match(&stated, bytes))
		return pawl_trust_say(
		    note, PAWL_TRUST_HASH, label, "does not have the hash its parent states");
	return PAWL_TRUST_OK;
}

pawl_trust_verdict pawl_trust_target_read(const struct pawl_json *json, uint32_t entry,
    struct pawl_trust_target *ret_target, struct pawl_note *note)
{
	const uint32_t custom = pawl_json_get(json, entry, "custom");
	struct pawl_trust_target target = { .length = 0 };
	int64_t length = 0;

	if (pawl_json_int(json, pawl_json_get(json, entry, "length"), 0, INT64_MAX, &length) !=
	    PAWL_ERR_OK)
		return pawl_trust_say(note, PAWL_TRUST_MALFORMED, "target", "has no length");
	CHECK(read_hashes(json, pawl_json_get(json, entry, "hashes"), &target, "target", note));
	target.length = (uint64_t)length;
	if (custom != PAWL_JSON_NONE)
		target.custom = pawl_json_raw(json, custom);
	*ret_target = target;
	return PAWL_TRUST_OK;
}

pawl_trust_verdict pawl_trust_target_check(
    const struct pawl_trust_target *target, struct pawl_bytes file)
{
	if (target->length != file.size)
		return PAWL_TRUST_LENGTH;
	/* Without any hash nothing was promised, so nothing holds. */
	if (!(target->has_sha256 || target->has_sha512) || !hashes_match(target, file))
		return PAWL_TRUST_HASH;
	return PAWL_TRUST_OK;
}
