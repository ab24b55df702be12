/* SPDX-License-Identifier: MIT
 *
 * One thing wrong at a time: what the verdict is, what the note says, and what
 * stays stored.
 */
#include "cmocka_setup.h"
#include "trust_kit.h"

#include <stdlib.h>
#include <string.h>

/* Fails with what was said instead. */
#define EXPECT(kit, verdict_wanted)                                                                \
	do {                                                                                       \
		if ((kit)->verdict != (verdict_wanted))                                            \
			fail_msg("%s instead of %s: %s", pawl_trust_verdict_id((kit)->verdict),    \
			    pawl_trust_verdict_id(verdict_wanted), (kit)->client.note.text);       \
	} while (0)

/* --- one thing wrong: after a first refresh, each case changes one thing --- */

static void publish_old_timestamp(struct kit *kit)
{
	kit->timestamp.version = 2;
	kit_publish_timestamp(kit);
	kit_refresh(kit);
	kit->timestamp.version = 1;
	kit_publish_timestamp(kit);
}

static void timestamp_with_older_snapshot(struct kit *kit)
{
	kit_publish_next(kit);
	kit_refresh(kit);
	kit->snapshot.version = 1;
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
}

static void no_timestamp(struct kit *kit)
{
	kit_drop(kit, true, "timestamp.json");
}

static void no_snapshot(struct kit *kit)
{
	kit_publish_next(kit);
	kit_drop(kit, true, "2.snapshot.json");
}

static void no_targets(struct kit *kit)
{
	kit_publish_next(kit);
	kit_drop(kit, true, "2.targets.json");
}

static void expired_timestamp(struct kit *kit)
{
	kit->timestamp.expires = KIT_NOW;
	kit_publish_next(kit);
}

static void expired_snapshot(struct kit *kit)
{
	kit->snapshot.expires = KIT_NOW;
	kit_publish_next(kit);
}

static void expired_targets(struct kit *kit)
{
	kit->targets[0].role.expires = KIT_NOW;
	kit_publish_next(kit);
}

static void expired_root(struct kit *kit)
{
	kit->root.version = 2;
	kit->root.expires = KIT_NOW;
	kit_publish_root(kit);
}

static void root_skips_a_version(struct kit *kit)
{
	kit->root.version = 3;
	kit_publish_root(kit);
	const struct kit_file *root = kit_file(kit, true, "3.root.json");
	kit_put(kit, true, "2.root.json", PAWL_BYTES(root->at, root->size));
}

static void root_repeats_its_version(struct kit *kit)
{
	const struct kit_file *root = kit_file(kit, true, "1.root.json");
	kit_put(kit, true, "2.root.json", PAWL_BYTES(root->at, root->size));
}

static void huge_timestamp(struct kit *kit)
{
	static uint8_t spaces[PAWL_TUF_TIMESTAMP_SIZE_MAX + 1];

	memset(spaces, ' ', sizeof(spaces));
	kit_put(kit, true, "timestamp.json", PAWL_BYTES(spaces, sizeof(spaces)));
}

static void swapped_types(struct kit *kit)
{
	/* Timestamp and snapshot keys are the same here: only _type tells. */
	kit->snapshot.keys[0] = kit->snapshot.signers[0] = 3;
	kit->root.version = 2;
	kit_publish_root(kit);
	kit_publish_next(kit);
	const struct kit_file *snapshot = kit_file(kit, true, "2.snapshot.json");
	kit_put(kit, true, "timestamp.json", PAWL_BYTES(snapshot->at, snapshot->size));
}

static void vanished_role(struct kit *kit)
{
	kit_delegate(kit, 0, "role", "*", false);
	kit_publish_next(kit);
	kit_refresh(kit);
	kit->targets[1].unlisted = true;
	kit_publish_next(kit);
}

static void older_targets(struct kit *kit)
{
	kit_publish_next(kit);
	kit_refresh(kit);
	kit->targets[0].role.version = 1;
	kit->snapshot.version++;
	kit_publish_snapshot(kit);
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
}

static void other_snapshot_version(struct kit *kit)
{
	kit->hashes = false;
	kit_publish_next(kit);
	kit->snapshot.version++;
	kit_publish_snapshot(kit);
	const struct kit_file *newer = kit_file(kit, true, "3.snapshot.json");
	kit_put(kit, true, "2.snapshot.json", PAWL_BYTES(newer->at, newer->size));
}

static void other_targets_version(struct kit *kit)
{
	kit->hashes = false;
	kit_publish_next(kit);
	kit->targets[0].role.version++;
	kit_publish_targets(kit, 0);
	const struct kit_file *newer = kit_file(kit, true, "3.targets.json");
	kit_put(kit, true, "2.targets.json", PAWL_BYTES(newer->at, newer->size));
}

static void two_of_which_one_signs(struct kit *kit)
{
	kit->timestamp.threshold = 2;
	kit->timestamp.keys[1] = 7;
	kit->timestamp.keys[2] = -1;
	kit->root.version = 2;
	kit_publish_root(kit);
	kit_publish_next(kit);
}

static void wrong_key(struct kit *kit)
{
	kit->timestamp.signers[0] = 7;
	kit_publish_next(kit);
}

static void key_twice_in_role(struct kit *kit)
{
	/* Two entries, one key, threshold two. */
	static char from[256];
	static char to[512];
	const char *id = kit_key(3)->id.text;

	strcpy(from, "\"keyids\":[\"");
	strcat(from, id);
	strcat(from, "\"],\"threshold\":1");
	strcpy(to, "\"keyids\":[\"");
	strcat(to, id);
	strcat(to, "\",\"");
	strcat(to, id);
	strcat(to, "\"],\"threshold\":2");
	kit->edit_role = "root";
	kit->edit_from = from;
	kit->edit_to = to;
	kit->root.version = 2;
	kit_publish_root(kit);
}

static void root_edit(struct kit *kit, const char *from, const char *to)
{
	kit->edit_role = "root";
	kit->edit_from = from;
	kit->edit_to = to;
	kit->root.version = 2;
	kit_publish_root(kit);
}

static void threshold_zero(struct kit *kit)
{
	root_edit(kit, "\"threshold\":1}", "\"threshold\":0}");
}
static void threshold_negative(struct kit *kit)
{
	root_edit(kit, "\"threshold\":1}", "\"threshold\":-1}");
}
static void threshold_text(struct kit *kit)
{
	root_edit(kit, "\"threshold\":1}", "\"threshold\":\"1\"}");
}
static void threshold_beyond_int64(struct kit *kit)
{
	/* Not even the canonical form of such a number is defined. */
	root_edit(kit, "\"threshold\":2}", "\"threshold\":9223372036854775807}");
}
static void role_missing(struct kit *kit)
{
	root_edit(kit, "\"snapshot\":{\"keyids\"", "\"snapshoT\":{\"keyids\"");
}
static void spec_version_two(struct kit *kit)
{
	root_edit(kit, "\"spec_version\":\"1.0.31\"", "\"spec_version\":\"2.0.0\"");
}
static void spec_version_bare(struct kit *kit)
{
	root_edit(kit, "\"spec_version\":\"1.0.31\"", "\"spec_version\":\"1\"");
}
static void spec_version_short(struct kit *kit)
{
	root_edit(kit, "\"spec_version\":\"1.0.31\"", "\"spec_version\":\"1.0\"");
}
static void unknown_members(struct kit *kit)
{
	root_edit(
	    kit, "\"version\":2", "\"version\":2,\"x-any\":{\"b\":[1,null],\"a\":\"\\u00e4\"}");
}
static void version_zero(struct kit *kit)
{
	root_edit(kit, "\"version\":2", "\"version\":0");
}
static void version_text(struct kit *kit)
{
	root_edit(kit, "\"version\":2", "\"version\":\"2\"");
}
static void expires_with_zone(struct kit *kit)
{
	root_edit(kit, "Z\",\"spec", "+01:00\",\"spec");
}
static void consistent_text(struct kit *kit)
{
	root_edit(kit, "\"consistent_snapshot\":true", "\"consistent_snapshot\":\"yes\"");
}
static void wrong_keyid(struct kit *kit)
{
	/* The key that signs timestamps no longer hashes to its id. */
	static char from[128];
	static char to[160];

	strcpy(from, "\"");
	strcat(from, kit_key(3)->id.text);
	strcat(from, "\":{\"keytype\":\"ed25519\",\"keyval\":{\"public\"");
	strcpy(to, "\"");
	strcat(to, kit_key(3)->id.text);
	strcat(to, "\":{\"keytype\":\"ed25519\",\"keyval\":{\"x\":1,\"public\"");
	root_edit(kit, from, to);
	kit_publish_next(kit);
}
static void extra_member_in_key(struct kit *kit)
{
	/* What repository tools do: members of their own, the id as it was. */
	static char from[128];
	static char to[160];

	strcpy(from, "\"");
	strcat(from, kit_key(3)->id.text);
	strcat(from, "\":{\"keytype\"");
	strcpy(to, "\"");
	strcat(to, kit_key(3)->id.text);
	strcat(to, "\":{\"keyid_hash_algorithms\":[\"md5\"],\"keytype\"");
	root_edit(kit, from, to);
	kit_publish_next(kit);
}

static void file_cut(struct kit *kit, const char *role, const char *from, const char *to)
{
	kit->cut_role = role;
	kit->cut_from = from;
	kit->cut_to = to;
	kit_publish_next(kit);
}

static void signed_twice_by_one_key(struct kit *kit)
{
	static char to[256];

	strcpy(to, "\"signatures\":[{\"keyid\":\"");
	strcat(to, kit_key(3)->id.text);
	strcat(to, "\",\"sig\":\"00\"},");
	file_cut(kit, "timestamp", "\"signatures\":[", to);
}
static void useless_signatures_besides(struct kit *kit)
{
	file_cut(kit, "timestamp", "\"signatures\":[",
	    "\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\"},{\"keyid\":\"b\",\"sig\":\"zz\"},");
}
static void signature_without_keyid(struct kit *kit)
{
	file_cut(kit, "timestamp", "\"signatures\":[", "\"signatures\":[{\"sig\":\"00\"},");
}
static void no_signatures(struct kit *kit)
{
	file_cut(kit, "timestamp", "\"signatures\":", "\"signaturez\":");
}
static void empty_signature(struct kit *kit)
{
	kit->timestamp.signers[0] = -1;
	kit_publish_next(kit);
}
static void double_member(struct kit *kit)
{
	file_cut(kit, "timestamp", "\"signed\":", "\"signed\":{},\"signed\":");
}
static void foreign_bytes(struct kit *kit)
{
	file_cut(kit, "timestamp", "\"signed\":", "\"\xff\":1,\"signed\":");
}
static void deep_nesting(struct kit *kit)
{
	static char deep[2100];

	memset(deep, '[', 1000);
	memset(deep + 1000, ']', 1000);
	strcpy(deep + 2000, ",\"signed\":");
	static char to[2200] = "\"x\":";
	strcpy(to + 4, deep);
	file_cut(kit, "timestamp", "\"signed\":", to);
}
static void too_many_signatures(struct kit *kit)
{
	static char list[16384] = "\"signatures\":[";

	for (int i = 0; i < 130; i++) {
		char item[64] = "{\"keyid\":\"k000\",\"sig\":\"\"},";
		item[11] = (char)('0' + i / 100);
		item[12] = (char)('0' + i / 10 % 10);
		item[13] = (char)('0' + i % 10);
		strcat(list, item);
	}
	file_cut(kit, "timestamp", "\"signatures\":[", list);
}
static void garbage(struct kit *kit)
{
	kit_put(kit, true, "timestamp.json", PAWL_BYTES_LIT("<html>Log in to the hotel</html>"));
}
static void empty_file(struct kit *kit)
{
	kit_put(kit, true, "timestamp.json", PAWL_BYTES_LIT(""));
}

static void timestamp_edit(struct kit *kit, const char *from, const char *to)
{
	kit->edit_role = "timestamp";
	kit->edit_from = from;
	kit->edit_to = to;
	kit_publish_next(kit);
}
static void fraction_in_signed(struct kit *kit)
{
	/* Nobody can sign it: put it where the signature was made before. */
	file_cut(kit, "timestamp", "\"version\":2", "\"version\":2.5");
}
static void unknown_hash(struct kit *kit)
{
	timestamp_edit(kit, "\"sha256\":", "\"sha999\":");
}
static void unknown_hash_beside(struct kit *kit)
{
	timestamp_edit(kit, "{\"sha256\":", "{\"md5\":\"00\",\"sha256\":");
}
static void no_hash_at_all(struct kit *kit)
{
	static char from[128] = "\"hashes\":{\"sha256\":\"";
	const size_t mark = strlen(from);
	uint8_t digest[32];

	kit_publish_next(kit);
	const struct kit_file *snapshot = kit_file(kit, true, "2.snapshot.json");
	pawl_sha256(PAWL_BYTES(snapshot->at, snapshot->size), digest);
	struct pawl_buf buf = pawl_buf_of(from + mark, sizeof(from) - mark - 1);
	pawl_put_hex(&buf, PAWL_BYTES(digest, 32));
	pawl_put_text(&buf, "\"}");
	from[mark + buf.size] = '\0';
	kit->edit_role = "timestamp";
	kit->edit_from = from;
	kit->edit_to = "\"hashes\":{}";
	kit_publish_timestamp(kit);
}
static void longer_than_stated(struct kit *kit)
{
	timestamp_edit(kit, "\"length\":", "\"length\":1,\"was\":");
}
static void shorter_than_stated(struct kit *kit)
{
	timestamp_edit(kit, "\"length\":", "\"length\":9");
}
static void negative_length(struct kit *kit)
{
	timestamp_edit(kit, "\"length\":", "\"length\":-");
}
static void other_snapshot_bytes(struct kit *kit)
{
	kit_publish_next(kit);
	struct kit_file *snapshot = kit_file(kit, true, "2.snapshot.json");
	snapshot->at[snapshot->size - 2] ^= 1;
}
static void other_targets_bytes(struct kit *kit)
{
	kit_publish_next(kit);
	struct kit_file *targets = kit_file(kit, true, "2.targets.json");
	targets->at[targets->size - 2] ^= 1;
}
static void bad_issued(struct kit *kit)
{
	timestamp_edit(kit, "\"version\":2", "\"x-issued\":\"yesterday\",\"version\":2");
}
static void targets_edit(struct kit *kit, const char *from, const char *to)
{
	kit->edit_role = "targets";
	kit->edit_from = from;
	kit->edit_to = to;
	kit_publish_next(kit);
}
static void target_without_length(struct kit *kit)
{
	targets_edit(kit, "\"length\":8", "\"lengtH\":8");
}
static void target_without_hashes(struct kit *kit)
{
	targets_edit(kit, "\"hashes\":{", "\"hasheS\":{");
}
static void succinct_roles(struct kit *kit)
{
	targets_edit(kit, "\"targets\":{",
	    "\"delegations\":{\"keys\":{},\"succinct_roles\":{}},\"targets\":{");
}
static void delegation_to_root(struct kit *kit)
{
	targets_edit(kit, "\"targets\":{",
	    "\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"root\",\"keyids\":[],"
	    "\"threshold\":1,"
	    "\"terminating\":false,\"paths\":[\"*\"]}]},\"targets\":{");
}
static void delegation_with_both_kinds(struct kit *kit)
{
	targets_edit(kit, "\"targets\":{",
	    "\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"a\",\"keyids\":[],\"threshold\":1,"
	    "\"terminating\":false,\"paths\":[\"*\"],\"path_hash_prefixes\":[\"0\"]}]},"
	    "\"targets\":{");
}
static void targets_not_listed(struct kit *kit)
{
	kit_drop(kit, false, "snapshot.json");
	kit->targets[0].unlisted = true;
	kit_publish_next(kit);
}
static void nothing_wrong(struct kit *kit)
{
	kit_publish_next(kit);
}

static const struct {
	const char *name;
	void (*change)(struct kit *kit);
	pawl_trust_verdict verdict;
	/* Versions stored afterwards: root timestamp snapshot targets. */
	int stored[4];
} wrong_cases[] = {
	{ "nothing", nothing_wrong, PAWL_TRUST_OK, { 1, 2, 2, 2 } },
	{ "timestamp rollback", publish_old_timestamp, PAWL_TRUST_ROLLBACK, { 1, 2, 1, 1 } },
	{ "snapshot rollback in timestamp", timestamp_with_older_snapshot, PAWL_TRUST_ROLLBACK,
	    { 1, 2, 2, 2 } },
	{ "no timestamp", no_timestamp, PAWL_TRUST_MISSING, { 1, 1, 1, 1 } },
	{ "no snapshot", no_snapshot, PAWL_TRUST_MISSING, { 1, 2, 1, 1 } },
	{ "no targets", no_targets, PAWL_TRUST_MISSING, { 1, 2, 2, 1 } },
	{ "expired timestamp", expired_timestamp, PAWL_TRUST_EXPIRED, { 1, 1, 1, 1 } },
	{ "expired snapshot", expired_snapshot, PAWL_TRUST_EXPIRED, { 1, 2, 1, 1 } },
	{ "expired targets", expired_targets, PAWL_TRUST_EXPIRED, { 1, 2, 2, 1 } },
	{ "expired root", expired_root, PAWL_TRUST_EXPIRED, { 2, 1, 1, 1 } },
	{ "root skips a version", root_skips_a_version, PAWL_TRUST_VERSION, { 1, 1, 1, 1 } },
	{ "root repeats", root_repeats_its_version, PAWL_TRUST_ROLLBACK, { 1, 1, 1, 1 } },
	{ "huge timestamp", huge_timestamp, PAWL_TRUST_TOO_LARGE, { 1, 1, 1, 1 } },
	{ "swapped types", swapped_types, PAWL_TRUST_MALFORMED, { 2, 1, 1, 1 } },
	{ "vanished role", vanished_role, PAWL_TRUST_ROLLBACK, { 1, 3, 2, 2 } },
	{ "targets rollback", older_targets, PAWL_TRUST_ROLLBACK, { 1, 3, 2, 2 } },
	{ "other snapshot version", other_snapshot_version, PAWL_TRUST_VERSION, { 1, 2, 1, 1 } },
	{ "other targets version", other_targets_version, PAWL_TRUST_VERSION, { 1, 2, 2, 1 } },
	{ "one of two signatures", two_of_which_one_signs, PAWL_TRUST_SIGNATURE, { 2, 1, 1, 1 } },
	{ "wrong key", wrong_key, PAWL_TRUST_SIGNATURE, { 1, 1, 1, 1 } },
	{ "one key listed twice", key_twice_in_role, PAWL_TRUST_SIGNATURE, { 2, 1, 1, 1 } },
	{ "threshold 0", threshold_zero, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "threshold -1", threshold_negative, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "threshold text", threshold_text, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "threshold huge", threshold_beyond_int64, PAWL_TRUST_SIGNATURE, { 1, 1, 1, 1 } },
	{ "role missing", role_missing, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "spec_version 2.0.0", spec_version_two, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "spec_version 1", spec_version_bare, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "spec_version 1.0", spec_version_short, PAWL_TRUST_OK, { 2, 1, 1, 1 } },
	{ "unknown members", unknown_members, PAWL_TRUST_OK, { 2, 1, 1, 1 } },
	{ "version 0", version_zero, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "version text", version_text, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "expires with zone", expires_with_zone, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "consistent_snapshot text", consistent_text, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "wrong key id", wrong_keyid, PAWL_TRUST_SIGNATURE, { 2, 1, 1, 1 } },
	{ "extra member in key", extra_member_in_key, PAWL_TRUST_OK, { 2, 2, 2, 2 } },
	{ "one key signs twice", signed_twice_by_one_key, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "useless signatures", useless_signatures_besides, PAWL_TRUST_OK, { 1, 2, 2, 2 } },
	{ "signature without keyid", signature_without_keyid, PAWL_TRUST_MALFORMED,
	    { 1, 1, 1, 1 } },
	{ "no signatures", no_signatures, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "unsigned", empty_signature, PAWL_TRUST_SIGNATURE, { 1, 1, 1, 1 } },
	{ "member twice", double_member, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "not UTF-8", foreign_bytes, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "deep nesting", deep_nesting, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "130 signatures", too_many_signatures, PAWL_TRUST_TOO_LARGE, { 1, 1, 1, 1 } },
	{ "captive portal", garbage, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "empty file", empty_file, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "fraction", fraction_in_signed, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "unknown hash", unknown_hash, PAWL_TRUST_HASH, { 1, 2, 1, 1 } },
	{ "unknown hash beside", unknown_hash_beside, PAWL_TRUST_HASH, { 1, 2, 1, 1 } },
	{ "empty hashes", no_hash_at_all, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "longer than stated", longer_than_stated, PAWL_TRUST_LENGTH, { 1, 2, 1, 1 } },
	{ "shorter than stated", shorter_than_stated, PAWL_TRUST_LENGTH, { 1, 2, 1, 1 } },
	{ "negative length", negative_length, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "other snapshot bytes", other_snapshot_bytes, PAWL_TRUST_HASH, { 1, 2, 1, 1 } },
	{ "other targets bytes", other_targets_bytes, PAWL_TRUST_HASH, { 1, 2, 2, 1 } },
	{ "bad x-issued", bad_issued, PAWL_TRUST_MALFORMED, { 1, 1, 1, 1 } },
	{ "target without length", target_without_length, PAWL_TRUST_MALFORMED, { 1, 2, 2, 1 } },
	{ "target without hashes", target_without_hashes, PAWL_TRUST_MALFORMED, { 1, 2, 2, 1 } },
	{ "succinct roles", succinct_roles, PAWL_TRUST_MALFORMED, { 1, 2, 2, 1 } },
	{ "delegation to root", delegation_to_root, PAWL_TRUST_MALFORMED, { 1, 2, 2, 1 } },
	{ "two kinds of paths", delegation_with_both_kinds, PAWL_TRUST_MALFORMED, { 1, 2, 2, 1 } },
	{ "targets not listed", targets_not_listed, PAWL_TRUST_MISSING, { 1, 2, 2, 1 } },
};

static void each_wrong_thing_is_told_apart(void **state)
{
	static const char *const names[4] = { "root.json", "timestamp.json", "snapshot.json",
		"targets.json" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong_cases) / sizeof(wrong_cases[0]); i++) {
		struct kit *kit = kit_create();

		kit_refresh(kit);
		EXPECT(kit, PAWL_TRUST_OK);
		wrong_cases[i].change(kit);
		kit_refresh(kit);
		if (kit->verdict != wrong_cases[i].verdict)
			fail_msg("%s: %s instead of %s: %s", wrong_cases[i].name,
			    pawl_trust_verdict_id(kit->verdict),
			    pawl_trust_verdict_id(wrong_cases[i].verdict), kit->client.note.text);
		for (size_t f = 0; f < 4; f++)
			if (kit_local_version(kit, names[f]) != wrong_cases[i].stored[f])
				fail_msg("%s: %s %d is stored", wrong_cases[i].name, names[f],
				    (int)kit_local_version(kit, names[f]));
		kit_destroy(kit);
	}
}

static void notes_name_role_and_numbers(void **state)
{
	struct kit *kit = kit_create();

	(void)state;
	kit_refresh(kit);
	publish_old_timestamp(kit);
	kit_refresh(kit);
	assert_string_equal(kit->client.note.text, "timestamp 1 is older than 2 which is trusted");
	kit_destroy(kit);

	kit = kit_create();
	kit_refresh(kit);
	two_of_which_one_signs(kit);
	kit_refresh(kit);
	assert_string_equal(kit->client.note.text, "timestamp 2: 1 of 2 signatures");
	kit_destroy(kit);

	kit = kit_create();
	kit_refresh(kit);
	vanished_role(kit);
	kit_refresh(kit);
	assert_string_equal(kit->client.note.text, "snapshot: role.json: is no longer listed");
	kit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wrong_thing_is_told_apart),
		cmocka_unit_test(notes_name_role_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
