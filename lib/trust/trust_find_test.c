/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"
#include "trust_kit.h"

#include <stdlib.h>
#include <string.h>

static struct kit *kit;

static int make_kit(void **state)
{
	(void)state;
	kit = kit_create();
	return 0;
}

static int drop_kit(void **state)
{
	(void)state;
	kit_destroy(kit);
	return 0;
}

static void publish_and_refresh(void)
{
	kit_publish_next(kit);
	if (kit_refresh(kit) != PAWL_TRUST_OK)
		fail_msg("%s", kit->client.note.text);
}

static void patterns_match_within_segments(void **state)
{
	static const struct {
		const char *pattern;
		const char *path;
		bool matches;
	} cases[] = {
		{ "*", "a", true },
		{ "*", "", true },
		{ "*", "a/b", false },
		{ "fw/acme/*", "fw/acme/2.0.0.gw-a.img", true },
		{ "fw/acme/*", "fw/acme/", true },
		{ "fw/acme/*", "fw/acme/sub/x", false },
		{ "fw/acme/*", "fw/Acme/x", false },
		{ "fw/*/x", "fw/acme/x", true },
		{ "fw/*/x", "fw/a/b/x", false },
		{ "*/*", "a/b", true },
		{ "*.py", "a.py", true },
		{ "*.py", "a.pyc", false },
		{ "a*b*c", "aXbYbZc", true },
		{ "a*b*c", "aXbY/bZc", false },
		{ "**", "abc", true },
		{ "?", "a", true },
		{ "?", "/", false },
		{ "?", "", false },
		{ "??", "\xc3\xa4x", true },
		{ "?", "\xc3\xa4", true },
		{ "[ab]", "a", false },
		{ "[ab]", "[ab]", true },
		{ "", "", true },
		{ "a", "", false },
		{ "*aaaaab", "aaaaaaaaaaaaaaaaaaaaab", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (pawl_trust_pattern_matches(pawl_bytes_of(cases[i].pattern),
			pawl_bytes_of(cases[i].path)) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].path);
}

/* One letter a role; "-" before it: terminating. */
struct edge {
	char from; /* 't': targets                                                */
	const char *to;
	const char *path;
};

static int index_of(char letter)
{
	for (size_t i = 1; i < kit->targets_count; i++)
		if (kit->targets[i].name[0] == letter)
			return (int)i;
	return 0;
}

static void delegations_are_followed_in_order(void **state)
{
	static const struct {
		struct edge edges[6];
		const char *order;
	} graphs[] = {
		{ { { 't', "A", "*" } }, "1.A.json " },
		{ { { 't', "A", "*" }, { 't', "B", "*" } }, "1.A.json 1.B.json " },
		{ { { 't', "A", "*" }, { 't', "B", "*" }, { 'A', "C", "*" }, { 'A', "D", "*" } },
		    "1.A.json 1.C.json 1.D.json 1.B.json " },
		{ { { 't', "A", "*" }, { 't', "B", "*" }, { 'A', "-C", "*" }, { 'A', "D", "*" } },
		    "1.A.json 1.C.json " },
		{ { { 't', "A", "*" }, { 't', "B", "*" }, { 'A', "-C", "*" }, { 'C', "D", "*" } },
		    "1.A.json 1.C.json 1.D.json " },
		{ { { 't', "A", "*.py" }, { 't', "B", "*" }, { 'A', "C", "*" } }, "1.B.json " },
		{ { { 't', "-A", "x/*" }, { 't', "B", "*" } }, "1.B.json " },
		{ { { 't', "-A", "*" }, { 't', "B", "*" } }, "1.A.json " },
	};

	(void)state;
	for (size_t g = 0; g < sizeof(graphs) / sizeof(graphs[0]); g++) {
		kit_destroy(kit);
		kit = kit_create();
		for (const struct edge *edge = graphs[g].edges; edge->to != NULL; edge++) {
			const bool terminating = edge->to[0] == '-';
			kit_delegate(kit, edge->from == 't' ? 0 : index_of(edge->from),
			    edge->to + terminating, edge->path, terminating);
		}
		publish_and_refresh();
		assert_null(kit_find(kit, "missing"));
		if (kit->verdict != PAWL_TRUST_OK)
			fail_msg("graph %zu: %s", g, kit->client.note.text);
		assert_string_equal(kit->log, graphs[g].order);
		/* The second time all is stored. */
		assert_null(kit_find(kit, "missing"));
		assert_string_equal(kit->log, "");
	}
}

static void the_first_role_that_signs_wins(void **state)
{
	const size_t a = kit_delegate(kit, 0, "prod-acme", "fw/acme/*", true);
	const size_t b = kit_delegate(kit, 0, "other", "fw/*/*", false);

	(void)state;
	kit->targets[a].entries[0] = "fw/acme/1.img";
	kit->targets[b].entries[0] = "fw/acme/1.img";
	kit->targets[b].entries[1] = "fw/acme/2.img";
	kit->targets[b].entries[2] = "fw/beta/1.img";
	publish_and_refresh();

	const struct pawl_trust_target *target = kit_find(kit, "fw/acme/1.img");
	assert_non_null(target);
	assert_true(pawl_bytes_is(target->role, "prod-acme"));
	assert_true(pawl_bytes_is(target->path, "fw/acme/1.img"));
	/* Terminating: what prod-acme does not sign for, nobody may. */
	assert_null(kit_find(kit, "fw/acme/2.img"));
	target = kit_find(kit, "fw/beta/1.img");
	assert_non_null(target);
	assert_true(pawl_bytes_is(target->role, "other"));

	uint8_t text[256];
	struct pawl_buf url = pawl_buf_of(text, sizeof(text));
	struct pawl_trust_target odd = *target;
	odd.path = PAWL_BYTES_LIT("a b/c%/d e");
	assert_int_equal(pawl_trust_target_url(&kit->client, &odd, &url), PAWL_ERR_OK);
	assert_int_equal(memcmp(text, "a%20b/c%25/", 11), 0);
	assert_int_equal(url.size, 11 + 64 + 1 + 5);
}

static void a_role_is_checked_like_the_others(void **state)
{
	const size_t a = kit_delegate(kit, 0, "a", "*", false);

	(void)state;
	publish_and_refresh();
	kit->targets[a].role.signers[0] = 7;
	publish_and_refresh();
	assert_null(kit_find(kit, "x"));
	assert_int_equal(kit->verdict, PAWL_TRUST_SIGNATURE);

	kit->targets[a].role.signers[0] = 6;
	kit->targets[a].role.expires = KIT_NOW;
	publish_and_refresh();
	assert_null(kit_find(kit, "x"));
	assert_int_equal(kit->verdict, PAWL_TRUST_EXPIRED);
	assert_null(kit_file(kit, false, "a.json"));

	kit->targets[a].role.expires.ms += PAWL_MS_PER_DAY;
	publish_and_refresh();
	kit_drop(kit, true, "4.a.json");
	assert_null(kit_find(kit, "x"));
	assert_int_equal(kit->verdict, PAWL_TRUST_MISSING);
	assert_int_equal(pawl_trust_find(&kit->client, "x"), PAWL_ERR_REFUSED);

	kit_publish_next(kit);
	kit_file(kit, true, "5.a.json")->at[20] ^= 1;
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	assert_null(kit_find(kit, "x"));
	assert_int_equal(kit->verdict, PAWL_TRUST_HASH);
}

static void an_unlisted_role_is_never_fetched(void **state)
{
	const size_t a = kit_delegate(kit, 0, "a", "*", false);

	(void)state;
	kit->targets[a].unlisted = true;
	publish_and_refresh();
	assert_null(kit_find(kit, "x"));
	assert_int_equal(kit->verdict, PAWL_TRUST_MISSING);
	assert_string_equal(kit->log, "");
}

static void a_revoked_delegation_kills_what_is_stored(void **state)
{
	const size_t a = kit_delegate(kit, 0, "a", "*", false);

	(void)state;
	kit->targets[a].entries[0] = "x";
	publish_and_refresh();
	assert_non_null(kit_find(kit, "x"));
	/* Only the delegating file changes: the stored role no longer verifies. */
	kit->targets[a].role.keys[0] = 7;
	kit->targets[0].role.version++;
	kit_publish_targets(kit, 0);
	kit->snapshot.version++;
	kit_publish_snapshot(kit);
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	assert_null(kit_find(kit, "x"));
	assert_int_equal(kit->verdict, PAWL_TRUST_SIGNATURE);
}

static void odd_role_names_are_quoted(void **state)
{
	static const struct {
		const char *name;
		const char *quoted;
	} cases[] = { { "?", "1.%3F.json " }, { "#", "1.%23.json " },
		{ "/role", "1.%2Frole.json " }, { "../role", "1...%2Frole.json " },
		{ "\xc3\xa4 b~", "1.%C3%A4%20b~.json " } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char plain[300];

		kit_destroy(kit);
		kit = kit_create();
		kit_delegate(kit, 0, cases[i].name, "*", false);
		publish_and_refresh();
		/* The kit stores under the plain name: serve it under the quoted one. */
		strcpy(plain, "1.");
		strcat(plain, cases[i].name);
		strcat(plain, ".json");
		char quoted[300];
		strcpy(quoted, cases[i].quoted);
		quoted[strlen(quoted) - 1] = '\0';
		const struct kit_file *file = kit_file(kit, true, plain);
		assert_non_null(file);
		kit_put(kit, true, quoted, PAWL_BYTES(file->at, file->size));
		assert_null(kit_find(kit, "nothing"));
		assert_int_equal(kit->verdict, PAWL_TRUST_OK);
		assert_string_equal(kit->log, cases[i].quoted);
		assert_non_null(kit_file(kit, false, quoted + 2));
	}
}

static void cycles_end_and_long_chains_are_refused(void **state)
{
	static char names[40][4];

	(void)state;
	for (int i = 0; i < 40; i++) {
		names[i][0] = 'r';
		names[i][1] = (char)('0' + i / 10);
		names[i][2] = (char)('0' + i % 10);
		kit_delegate(kit, i, names[i], "*", false);
	}
	kit->targets[32].entries[0] = "deep";
	kit->targets[33].entries[0] = "deeper";
	publish_and_refresh();
	assert_non_null(kit_find(kit, "deep"));
	assert_null(kit_find(kit, "deeper"));
	assert_int_equal(kit->verdict, PAWL_TRUST_TOO_LARGE);

	kit_destroy(kit);
	kit = kit_create();
	kit_delegate(kit, 0, "A", "*", false);
	kit_delegate(kit, 1, "B", "*", false);
	kit_delegate(kit, 2, "A", "*", false); /* B delegates back to A */
	kit->targets_count = 4;
	kit->targets[3].unlisted = true;
	for (size_t i = 0; i < 3; i++) {
		kit->targets[i].role.version++;
		kit_publish_targets(kit, i);
	}
	kit->snapshot.version++;
	kit_publish_snapshot(kit);
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	assert_null(kit_find(kit, "missing"));
	assert_int_equal(kit->verdict, PAWL_TRUST_OK);
	assert_string_equal(kit->log, "1.A.json 1.B.json ");
}

static void hash_prefixes_are_followed(void **state)
{
	/* sha256("x") starts with 2d71, sha256("y") with a1fc. */
	(void)state;
	kit_delegate(kit, 0, "a", "*", false);
	kit->targets[1].entries[0] = "x";
	kit->targets[1].entries[1] = "y";
	kit->edit_role = "targets";
	kit->edit_from = "\"paths\":[\"*\"]";
	kit->edit_to = "\"path_hash_prefixes\":[\"00\",\"2d7\"]";
	publish_and_refresh();
	assert_non_null(kit_find(kit, "x"));
	assert_null(kit_find(kit, "y"));
	assert_int_equal(kit->verdict, PAWL_TRUST_OK);
}

static void without_consistent_snapshots_names_are_plain(void **state)
{
	(void)state;
	kit->flat = true;
	kit->root.version = 2;
	kit_publish_root(kit);
	kit_delegate(kit, 0, "a", "*", false);
	kit->targets[1].entries[0] = "x";
	kit_publish_next(kit);
	assert_int_equal(kit_refresh(kit), PAWL_TRUST_OK);
	assert_string_equal(
	    kit->log, "2.root.json 3.root.json timestamp.json snapshot.json targets.json ");
	const struct pawl_trust_target *target = kit_find(kit, "x");
	assert_non_null(target);
	assert_string_equal(kit->log, "a.json ");
	uint8_t text[8];
	struct pawl_buf url = pawl_buf_of(text, sizeof(text));
	assert_int_equal(pawl_trust_target_url(&kit->client, target, &url), PAWL_ERR_OK);
	assert_true(pawl_bytes_is(pawl_buf_bytes(&url), "x"));
}

static void a_walk_yields_what_is_allowed(void **state)
{
	char seen[512] = "";

	(void)state;
	kit_delegate(kit, 0, "a", "fw/*", true);
	kit_delegate(kit, 1, "c", "*", false); /* through a: no more than a may */
	kit_delegate(kit, 0, "b", "channel/*", false);
	kit->targets[1].entries[0] = "fw/1";
	kit->targets[1].entries[1] = "channel/stolen";
	kit->targets[2].entries[0] = "plain";
	kit->targets[3].entries[0] = "channel/1";
	publish_and_refresh();
	assert_int_equal(pawl_trust_walk(&kit->client), PAWL_ERR_OK);
	for (;;) {
		const struct pawl_trust_effect effect = pawl_trust_next(&kit->client);
		if (effect.kind == PAWL_TRUST_DONE)
			break;
		if (effect.kind == PAWL_TRUST_LOAD) {
			pawl_trust_absent(&kit->client);
		} else if (effect.kind == PAWL_TRUST_FETCH) {
			const struct kit_file *file = kit_file(kit, true, effect.name);
			pawl_trust_provide(&kit->client, PAWL_BYTES(file->at, file->size));
		} else if (effect.kind == PAWL_TRUST_TARGET) {
			const struct pawl_trust_target *target = pawl_trust_found(&kit->client);
			assert_non_null(target);
			strncat(seen, (const char *)target->role.at, target->role.size);
			strcat(seen, "=");
			strncat(seen, (const char *)target->path.at, target->path.size);
			strcat(seen, " ");
		} else {
			assert_int_equal(effect.kind, PAWL_TRUST_STORE);
		}
	}
	assert_string_equal(seen, "targets=file.txt a=fw/1 b=channel/1 ");
	/* Look-ups go on as before. */
	assert_non_null(kit_find(kit, "fw/1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_kit, drop_kit)
	const struct CMUnitTest tests[] = {
		TEST(patterns_match_within_segments),
		TEST(delegations_are_followed_in_order),
		TEST(the_first_role_that_signs_wins),
		TEST(a_role_is_checked_like_the_others),
		TEST(an_unlisted_role_is_never_fetched),
		TEST(a_revoked_delegation_kills_what_is_stored),
		TEST(odd_role_names_are_quoted),
		TEST(cycles_end_and_long_chains_are_refused),
		TEST(hash_prefixes_are_followed),
		TEST(without_consistent_snapshots_names_are_plain),
		TEST(a_walk_yields_what_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
