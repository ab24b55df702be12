/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/release.h"

#include <stdio.h>
#include <string.h>

static _Alignas(16) uint8_t memory[1024 * 1024];

static struct pawl_release a_release(void)
{
	struct pawl_release release = {
		.comp = "rootfs",
		.product = "acme",
		.hw = { 1, { "gw-a" } },
		.version = "2.0.0",
		.seq = 20,
		.sec = 5,
		.plain_length = 21504000,
	};

	memset(release.plain_sha256, 0xab, sizeof(release.plain_sha256));
	return release;
}

static struct pawl_channel channel;

static void set_channel(void)
{
	memset(&channel, 0, sizeof(channel));
	channel =
	    (struct pawl_channel){ .counter = 7, .product = "acme", .group = "field", .count = 2 };
	channel.set[0] = (struct pawl_channel_entry){ .comp = "rootfs",
		.hw = { 1, { "gw-a" } },
		.full = "fw/acme/2.0.0.gw-a.img",
		.version = "2.0.0",
		.seq = 20,
		.sec = 5 };
	channel.set[1] = channel.set[0];
	strcpy(channel.set[1].hw.name[0], "gw-b");
	strcpy(channel.set[1].full, "fw/acme/2.0.0.gw-b.img");
}

static void release_round_trips(void **state)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	const struct pawl_release release = a_release();
	struct pawl_release back;
	uint8_t text[1024];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));

	(void)state;
	assert_int_equal(pawl_release_write(&release, &buf, NULL), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_release_parse(pawl_buf_bytes(&buf), &arena, &back, NULL), PAWL_ERR_OK);
	assert_memory_equal(&release, &back, sizeof(back));
	assert_int_equal(arena.used, 0);
}

static void channel_round_trips(void **state)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	static struct pawl_channel back;
	uint8_t text[2048];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));

	(void)state;
	set_channel();
	channel.allow_downgrade_to = 19;
	assert_int_equal(pawl_channel_write(&channel, &buf, NULL), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_channel_parse(pawl_buf_bytes(&buf), &arena, &back, NULL), PAWL_ERR_OK);
	assert_memory_equal(&channel, &back, sizeof(back));
	assert_ptr_equal(pawl_channel_find(&back, "gw-b"), &back.set[1]);
	assert_null(pawl_channel_find(&back, "gw-c"));
}

static void the_documented_examples_are_read(void **state)
{
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
	struct pawl_release release;
	char custom[512];

	(void)state;
	snprintf(custom, sizeof(custom),
	    "{\"v\":1,\"kind\":\"full\",\"comp\":\"rootfs\",\"product\":\"acme\",\"hw\":[\"gw-a\"],"
	    "\"version\":\"2.0.0\",\"seq\":2,\"sec\":1,\n "
	    "\"plain\":{\"length\":21504000,\"sha256\":"
	    "\"%064d\"},\"later\":[1.5]}",
	    0);
	assert_int_equal(
	    pawl_release_parse(pawl_bytes_of(custom), &arena, &release, NULL), PAWL_ERR_OK);
	assert_int_equal(release.seq, 2);
	assert_string_equal(release.hw.name[0], "gw-a");
	assert_int_equal(
	    pawl_channel_parse(
		PAWL_BYTES_LIT("{\"v\":1,\"counter\":3,\"product\":\"acme\",\"group\":\"field\","
			       "\"set\":[{\"comp\":\"rootfs\",\"hw\":[\"gw-a\"],\"full\":"
			       "\"fw/acme/2.0.0.gw-a.img\",\"version\":\"2.0.0\",\"seq\":2,"
			       "\"sec\":1}]}"),
		&arena, &channel, NULL),
	    PAWL_ERR_OK);
	assert_int_equal(channel.counter, 3);
	assert_int_equal(channel.allow_downgrade_to, 0);
}

/* Each row replaces one piece of a good document. */
static void wrong_fields_are_named(void **state)
{
	static const char good_release[] =
	    "{\"v\":1,\"kind\":\"full\",\"comp\":\"rootfs\",\"product\":\"acme\",\"hw\":[\"gw-a\"],"
	    "\"version\":\"2.0.0\",\"seq\":2,\"sec\":1,\"plain\":{\"length\":3,\"sha256\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000000\"}}";
	static const char good_channel[] =
	    "{\"v\":1,\"counter\":3,\"product\":\"acme\",\"group\":\"field\",\"allowDowngradeTo\":"
	    "1,"
	    "\"set\":[{\"comp\":\"rootfs\",\"hw\":[\"gw-a\"],\"full\":\"f\",\"version\":\"2.0.0\","
	    "\"seq\":2,\"sec\":1},{\"comp\":\"rootfs\",\"hw\":[\"gw-b\"],\"full\":\"f\","
	    "\"version\":\"2.0.0\",\"seq\":2,\"sec\":1}]}";
	static const struct {
		bool is_channel;
		const char *from;
		const char *to;
		pawl_err err;
		const char *note;
	} cases[] = {
		{ false, "\"v\":1", "\"v\":2", PAWL_ERR_UNSUPPORTED, "v: is not 1" },
		{ false, "\"v\":1,", "", PAWL_ERR_SYNTAX, "v: is missing" },
		{ false, "\"full\"", "\"delta\"", PAWL_ERR_UNSUPPORTED, "kind: is not full" },
		{ false, "\"full\"", "\"a-kind-with-a-long-name\"", PAWL_ERR_UNSUPPORTED,
		    "kind: is not full" },
		{ false, "\"full\"", "1", PAWL_ERR_SYNTAX, "kind: is not text" },
		{ false, "acme", "../acme", PAWL_ERR_RANGE, "product: is not a valid name" },
		{ false, "acme",
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    PAWL_ERR_LIMIT, "product: is too long" },
		{ false, "[\"gw-a\"]", "[]", PAWL_ERR_RANGE,
		    "hw: names none or too many hardware classes" },
		{ false, "[\"gw-a\"]", "\"gw-a\"", PAWL_ERR_SYNTAX, "hw: is not a list" },
		{ false, "[\"gw-a\"]", "[\"gw-a\",\"gw-a\"]", PAWL_ERR_RANGE,
		    "hw: names a class twice" },
		{ false, "2.0.0", "2 0", PAWL_ERR_RANGE, "version: is not a valid version" },
		{ false, "\"seq\":2", "\"seq\":0", PAWL_ERR_RANGE, "seq: is out of range" },
		{ false, "\"seq\":2", "\"seq\":9007199254740992", PAWL_ERR_RANGE,
		    "seq: is out of range" },
		{ false, "\"seq\":2", "\"seq\":2.0", PAWL_ERR_SYNTAX, "seq: is not an integer" },
		{ false, "\"sec\":1", "\"sec\":-1", PAWL_ERR_RANGE, "sec: is out of range" },
		{ false, "\"sec\":1", "\"sec\":2147483648", PAWL_ERR_RANGE,
		    "sec: is out of range" },
		{ false, "\"length\":3", "\"length\":0", PAWL_ERR_RANGE,
		    "length: is out of range" },
		{ false, "\"00", "\"0", PAWL_ERR_SYNTAX, "plain.sha256: is not a hash" },
		{ false, "\"plain\"", "\"plane\"", PAWL_ERR_SYNTAX, "plain: is not an object" },
		{ true, "\"v\":1", "\"v\":2", PAWL_ERR_UNSUPPORTED, "v: is not 1" },
		{ true, "\"counter\":3", "\"counter\":0", PAWL_ERR_RANGE,
		    "counter: is out of range" },
		{ true, "field", "", PAWL_ERR_RANGE, "group: is not a valid name" },
		{ true, "\"allowDowngradeTo\":1", "\"allowDowngradeTo\":0", PAWL_ERR_RANGE,
		    "allowDowngradeTo: is out of range" },
		{ true, "\"set\":[", "\"set\":[1,", PAWL_ERR_SYNTAX,
		    "entry: is not an object in set 0" },
		{ true, "gw-b", "gw-a", PAWL_ERR_RANGE,
		    "hw: stands twice for one component in set 1" },
		{ true, "},{\"comp\":\"rootfs\",\"hw\":[\"gw-b\"]",
		    "},{\"comp\":\"kernel\",\"hw\":[\"gw-a\"]", PAWL_ERR_RANGE,
		    "full: stands twice for one class in set 1" },
		{ true, "\"full\":\"f\"", "\"full\":\"\"", PAWL_ERR_RANGE,
		    "full: is empty in set 0" },
		{ true, "\"seq\":2", "\"seq\":\"2\"", PAWL_ERR_SYNTAX,
		    "seq: is not an integer in set 0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));
		const char *good = cases[i].is_channel ? good_channel : good_release;
		const char *at = strstr(good, cases[i].from);
		struct pawl_release release = { .seq = 77 };
		struct pawl_note note = { .text = "" };
		char text[2048];

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, cases[i].to,
		    at + strlen(cases[i].from));
		channel.counter = 77;
		const pawl_err err =
		    cases[i].is_channel
			? pawl_channel_parse(pawl_bytes_of(text), &arena, &channel, &note)
			: pawl_release_parse(pawl_bytes_of(text), &arena, &release, &note);
		if (err != cases[i].err || strcmp(note.text, cases[i].note) != 0)
			fail_msg("case %zu: %s, %s", i, pawl_err_name(err), note.text);
		assert_int_equal(cases[i].is_channel ? channel.counter : release.seq, 77);
	}
}

static void writing_refuses_what_reading_would(void **state)
{
	struct pawl_release release = a_release();
	uint8_t text[512];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));
	struct pawl_note note = { .text = "" };

	(void)state;
	release.seq = 0;
	assert_int_equal(pawl_release_write(&release, &buf, &note), PAWL_ERR_RANGE);
	assert_string_equal(note.text, "seq: is out of range");
	assert_int_equal(buf.size, 0);
	release = a_release();
	buf = pawl_buf_of(text, 40);
	assert_int_equal(pawl_release_write(&release, &buf, NULL), PAWL_ERR_LIMIT);
	set_channel();
	strcpy(channel.group, "a/b");
	assert_int_equal(pawl_channel_write(&channel, &buf, NULL), PAWL_ERR_RANGE);
}

/* What the decision must be, written down a second time and differently. */
static pawl_admit expected(bool foreign, int64_t counter, bool product, bool hardware, bool listed,
    bool agrees, int64_t installed, int64_t allowed, int64_t floor)
{
	if (foreign)
		return PAWL_ADMIT_CHANNEL_FOREIGN;
	if (counter > 7)
		return PAWL_ADMIT_CHANNEL_OLDER;
	if (!product)
		return PAWL_ADMIT_WRONG_PRODUCT;
	if (!hardware)
		return PAWL_ADMIT_WRONG_HARDWARE_CLASS;
	if (!listed)
		return PAWL_ADMIT_NOT_IN_CHANNEL;
	if (!agrees)
		return PAWL_ADMIT_CHANNEL_DISAGREES;
	if (installed == 20)
		return PAWL_ADMIT_SAME_RELEASE;
	if (installed == 21 && allowed != 20)
		return PAWL_ADMIT_OLDER_RELEASE;
	return floor == 6 ? PAWL_ADMIT_SECURITY_FLOOR : PAWL_ADMIT_ADMITTED;
}

static void admit_holds_for_every_combination(void **state)
{
	unsigned seen[PAWL_ADMIT_SECURITY_FLOOR + 1] = { 0 };

	(void)state;
	for (unsigned bits = 0; bits < 3 * 3 * 2 * 2 * 2 * 5 * 3 * 3 * 3; bits++) {
		unsigned rest = bits;
		const unsigned foreign = rest % 3;
		rest /= 3;
		const int64_t counter = (int64_t)(6 + rest % 3); /* 6 7 8; the channel has 7 */
		rest /= 3;
		const bool product = rest % 2;
		rest /= 2;
		const bool hardware = rest % 2;
		rest /= 2;
		const bool listed = rest % 2;
		rest /= 2;
		const unsigned disagreement = rest % 5;
		rest /= 5;
		const int64_t installed = (int64_t)(19 + rest % 3);
		rest /= 3;
		const int64_t allowed = rest % 3 == 0 ? 0 : (int64_t)(18 + rest % 3);
		rest /= 3;
		const int64_t floor = (int64_t)(4 + rest % 3);

		set_channel();
		struct pawl_release release = a_release();
		const struct pawl_release_facts facts = {
			.product = foreign == 1 ? "beta" : "acme",
			.hw_class = "gw-a",
			.group = foreign == 2 ? "lab" : "field",
			.installed_seq = installed,
			.sec_floor = floor,
			.channel_counter = counter,
		};
		struct pawl_note note;
		if (!product)
			strcpy(release.product, "other");
		if (!hardware)
			strcpy(release.hw.name[0], "gw-z");
		if (disagreement == 1)
			strcpy(channel.set[0].version, "2.0.1");
		if (disagreement == 2)
			channel.set[0].seq = 21;
		if (disagreement == 3)
			channel.set[0].sec = 6;
		if (disagreement == 4)
			strcpy(channel.set[0].comp, "kernel");
		channel.allow_downgrade_to = allowed;
		const char *path = listed ? "fw/acme/2.0.0.gw-a.img" : "fw/acme/2.0.0.gw-b.img";
		const pawl_admit verdict =
		    pawl_release_admit(&facts, &channel, path, &release, &note);

		assert_int_equal(verdict, expected(foreign != 0, counter, product, hardware, listed,
					      disagreement == 0, installed, allowed, floor));
		assert_true(note.text[0] != '\0' && note.text[strlen(note.text) - 1] == '.');
		assert_true(strlen(note.text) < PAWL_NOTE_SIZE - 1);
		seen[verdict]++;
	}
	for (size_t v = 0; v < sizeof(seen) / sizeof(seen[0]); v++)
		assert_true(seen[v] > 0);
}

/* Keys of another product vouch for their own paths only, whatever the release
 * under them calls itself, and whatever the channel lists. */
static void a_path_of_another_product_is_refused(void **state)
{
	static const char *const paths[] = { "fw/other/2.0.0.gw-a.img", "fw/acm/2.0.0.gw-a.img",
		"fw/acme2/2.0.0.gw-a.img", "fw/acme", "fw/acme.img", "acme/2.0.0.gw-a.img", "fw/",
		"channel/acme/2.0.0.gw-a.img" };
	const struct pawl_release release = a_release();
	const struct pawl_release_facts facts = { "acme", "gw-a", "field", 19, 0, 0 };
	struct pawl_note note;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		set_channel();
		strcpy(channel.set[0].full, paths[i]);
		assert_int_equal(pawl_release_admit(&facts, &channel, paths[i], &release, &note),
		    PAWL_ADMIT_WRONG_PRODUCT);
		assert_non_null(strstr(note.text, paths[i]));
	}
}

static void sentences_have_the_numbers(void **state)
{
	struct pawl_release release = a_release();
	struct pawl_release_facts facts = { "acme", "gw-a", "field", 21, 0, 0 };
	struct pawl_note note;

	(void)state;
	set_channel();
	assert_int_equal(pawl_release_admit(&facts, &channel, channel.set[0].full, &release, &note),
	    PAWL_ADMIT_OLDER_RELEASE);
	assert_string_equal(
	    note.text, "Release 2.0.0 (seq 20, sec 5) is older than the installed seq 21.");
	channel.allow_downgrade_to = 20;
	facts.sec_floor = 6;
	assert_int_equal(pawl_release_admit(&facts, &channel, channel.set[0].full, &release, &note),
	    PAWL_ADMIT_SECURITY_FLOOR);
	assert_string_equal(
	    note.text, "Release 2.0.0 (seq 20, sec 5) is below the anti-rollback floor 6.");
	assert_int_equal(pawl_release_admit(&facts, &channel, channel.set[0].full, &release, NULL),
	    PAWL_ADMIT_SECURITY_FLOOR);
	for (int v = PAWL_ADMIT_ADMITTED; v <= PAWL_ADMIT_SECURITY_FLOOR; v++) {
		assert_string_not_equal(pawl_admit_id((pawl_admit)v), "unknown");
		assert_string_not_equal(pawl_admit_text((pawl_admit)v), "unknown verdict");
	}
}

static void paths_follow_the_contract(void **state)
{
	char path[PAWL_TARGET_PATH_MAX + 1];
	char tiny[8];

	(void)state;
	assert_int_equal(
	    pawl_release_path("acme", "2.0.0+b1", "gw-a", sizeof(path), path), PAWL_ERR_OK);
	assert_string_equal(path, "fw/acme/2.0.0+b1.gw-a.img");
	assert_int_equal(pawl_channel_path("acme", "field", sizeof(path), path), PAWL_ERR_OK);
	assert_string_equal(path, "channel/acme/field.json");
	assert_int_equal(
	    pawl_channel_path("acme", "../field", sizeof(path), path), PAWL_ERR_SYNTAX);
	assert_int_equal(
	    pawl_release_path("acme", "1/2", "gw-a", sizeof(path), path), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_channel_path("acme", "field", sizeof(tiny), tiny), PAWL_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(release_round_trips),
		cmocka_unit_test(channel_round_trips),
		cmocka_unit_test(the_documented_examples_are_read),
		cmocka_unit_test(wrong_fields_are_named),
		cmocka_unit_test(writing_refuses_what_reading_would),
		cmocka_unit_test(admit_holds_for_every_combination),
		cmocka_unit_test(a_path_of_another_product_is_refused),
		cmocka_unit_test(sentences_have_the_numbers),
		cmocka_unit_test(paths_follow_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
