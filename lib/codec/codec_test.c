/* SPDX-License-Identifier: MIT
 *
 * Text, URLs, dates and records. */
#include "cmocka_setup.h"

#include "pawl/date.h"
#include "pawl/num.h"
#include "pawl/prng.h"
#include "pawl/record.h"
#include "pawl/text.h"
#include "pawl/url.h"

#include <string.h>
#include <time.h>

static uint8_t memory[4096];

static struct pawl_buf fresh(void)
{
	return pawl_buf_of(memory, sizeof(memory));
}

static void base64_is_strict(void **state)
{
	static const char *const vectors[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" } };
	static const char *const refused[] = { "Zg",
		"Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm-_",
		"Z g=", "=Zg=" };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct pawl_buf out = fresh();
		pawl_put_base64(&out, pawl_bytes_of(vectors[i][0]));
		assert_true(pawl_bytes_is(pawl_buf_bytes(&out), vectors[i][1]));
		assert_int_equal(out.size, PAWL_BASE64_SIZE(strlen(vectors[i][0])));
		out = fresh();
		assert_int_equal(
		    pawl_base64_decode(pawl_bytes_of(vectors[i][1]), &out), PAWL_ERR_OK);
		assert_true(pawl_bytes_is(pawl_buf_bytes(&out), vectors[i][0]));
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct pawl_buf out = fresh();
		if (pawl_base64_decode(pawl_bytes_of(refused[i]), &out) != PAWL_ERR_SYNTAX)
			fail_msg("%s", refused[i]);
		assert_int_equal(out.size, 0);
	}
	struct pawl_buf small = pawl_buf_of(memory, 2);
	assert_int_equal(pawl_base64_decode(PAWL_BYTES_LIT("Zm9v"), &small), PAWL_ERR_LIMIT);
	assert_false(small.overflow);
}

static void names_follow_the_specification(void **state)
{
	(void)state;
	assert_true(pawl_name_is_valid(PAWL_BYTES_LIT("gw-a.1_B"), 48));
	assert_true(pawl_name_is_valid(PAWL_BYTES_LIT("0"), 1));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT("ab"), 1));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT(""), 48));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT(".a"), 48));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT("-a"), 48));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT("a..b"), 48));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT("a/b"), 48));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT("a\0b"), 48));
	assert_false(pawl_name_is_valid(PAWL_BYTES_LIT("a+b"), 48));
	assert_true(pawl_version_is_valid(PAWL_BYTES_LIT("1.2.3-rc.1+build_7")));
	assert_false(pawl_version_is_valid(PAWL_BYTES_LIT("+1")));
	assert_false(pawl_version_is_valid(PAWL_BYTES_LIT("123456789012345678901234567890123")));
}

static void text_is_made_harmless(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *clean;
	} cases[] = {
		{ "plain", 480, "plain" },
		{ "a\nb\x1b[31m\x7f", 480, "a b [31m " },
		{ "a\xffz", 480, "a\xef\xbf\xbdz" },
		{ "\xe2\x80\xaetxt\xe2\x80\xa8\xc2\x85", 480, " txt  " },
		{ "ab\xc3\xa9", 3, "ab" },
		{ "ab\xc3\xa9", 4, "ab\xc3\xa9" },
		{ "abc", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pawl_buf out = fresh();
		pawl_put_clean(&out, pawl_bytes_of(cases[i].text), cases[i].max);
		assert_true(pawl_bytes_is(pawl_buf_bytes(&out), cases[i].clean));
	}
	assert_true(pawl_text_equal_nocase(PAWL_BYTES_LIT("Ab-1"), PAWL_BYTES_LIT("aB-1")));
	assert_false(pawl_text_equal_nocase(PAWL_BYTES_LIT("@"), PAWL_BYTES_LIT("`")));
}

static void utf8_is_the_shortest_form_only(void **state)
{
	static const char *const refused[] = { "\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xe2\x82", "\xf0\x9f\x98", "\xfe" };
	unsigned valid = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(pawl_utf8_is_valid(pawl_bytes_of(refused[i])));
	/* All three-byte sequences: U+0800..U+FFFF without the surrogates. */
	for (uint32_t lead = 0xe0; lead <= 0xef; lead++) {
		for (uint32_t rest = 0; rest < 0x10000; rest++) {
			const uint8_t text[3] = { (uint8_t)lead, (uint8_t)(rest >> 8),
				(uint8_t)rest };
			valid += pawl_utf8_next(PAWL_BYTES(text, 3)) == 3;
		}
	}
	assert_int_equal(valid, 0x10000 - 0x800 - 0x800);
}

static void percent_encoding_is_pythons(void **state)
{
	struct pawl_buf out = fresh();
	uint8_t all[256];

	(void)state;
	pawl_put_percent(&out, PAWL_BYTES_LIT("a/b c?~-._%\xc3\xa9"));
	assert_true(pawl_bytes_is(pawl_buf_bytes(&out), "a%2Fb%20c%3F~-._%25%C3%A9"));
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	out = fresh();
	pawl_put_percent(&out, PAWL_BYTES(all, 256));
	const size_t encoded = out.size;
	assert_int_equal(pawl_percent_decode(PAWL_BYTES(memory, encoded), &out), PAWL_ERR_OK);
	assert_int_equal(out.size - encoded, 256);
	assert_memory_equal(memory + encoded, all, 256);
	out = fresh();
	assert_int_equal(pawl_percent_decode(PAWL_BYTES_LIT("%4"), &out), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_percent_decode(PAWL_BYTES_LIT("%4g"), &out), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_percent_decode(PAWL_BYTES_LIT("%"), &out), PAWL_ERR_SYNTAX);
	assert_int_equal(out.size, 0);
}

static void targets_are_split_and_decoded(void **state)
{
	struct pawl_buf scratch = fresh();
	struct pawl_target target;

	(void)state;
	assert_int_equal(
	    pawl_target_split(PAWL_BYTES_LIT("/rest/v1/t%20x/?q=group==a+b&limit=5&x&=&&"),
		PAWL_URL_SLASH_REFUSE, &scratch, &target),
	    PAWL_ERR_OK);
	assert_int_equal(target.segment_count, 3);
	assert_true(pawl_target_segment_is(&target, 2, "t x"));
	assert_false(pawl_target_segment_is(&target, 3, ""));
	assert_true(target.ends_in_slash);
	assert_true(pawl_bytes_is(pawl_target_query(&target, "q"), "group==a b"));
	assert_true(pawl_bytes_is(pawl_target_query(&target, "limit"), "5"));
	assert_non_null(pawl_target_query(&target, "x").at);
	assert_null(pawl_target_query(&target, "y").at);

	scratch = fresh();
	assert_int_equal(
	    pawl_target_split(PAWL_BYTES_LIT("/"), PAWL_URL_SLASH_REFUSE, &scratch, &target),
	    PAWL_ERR_OK);
	assert_int_equal(target.segment_count, 0);
	assert_null(target.query.at);

	static const char *const refused[] = { "", "x", "//", "/a//b", "/a/../b", "/a/%2e%2E", "/.",
		"/a%00b", "/a%0ab", "/a%2fb", "/a%5Cb", "/a\\b", "/a%", "/a%zz", "/a#b", "/a b",
		"/%ff", "/?a=%00", "/?a=%ff", "/a\x7f" };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		scratch = fresh();
		if (pawl_target_split(pawl_bytes_of(refused[i]), PAWL_URL_SLASH_REFUSE, &scratch,
			&target) != PAWL_ERR_SYNTAX)
			fail_msg("%s", refused[i]);
	}
	scratch = fresh();
	assert_int_equal(pawl_target_split(PAWL_BYTES_LIT("/1.a%2Fb.json"), PAWL_URL_SLASH_ALLOW,
			     &scratch, &target),
	    PAWL_ERR_OK);
	assert_true(pawl_target_segment_is(&target, 0, "1.a/b.json"));
	scratch = fresh();
	assert_int_equal(pawl_target_split(PAWL_BYTES_LIT("/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h"),
			     PAWL_URL_SLASH_REFUSE, &scratch, &target),
	    PAWL_ERR_LIMIT);
	scratch = pawl_buf_of(memory, 1);
	assert_int_equal(
	    pawl_target_split(PAWL_BYTES_LIT("/ab"), PAWL_URL_SLASH_REFUSE, &scratch, &target),
	    PAWL_ERR_LIMIT);
}

static void urls_are_taken_apart(void **state)
{
	struct pawl_url url;
	struct pawl_url other;

	(void)state;
	assert_int_equal(
	    pawl_url_parse(PAWL_BYTES_LIT("https://H.example:8443/a?b"), &url), PAWL_ERR_OK);
	assert_true(url.tls && url.port == 8443 && pawl_bytes_is(url.host, "H.example"));
	assert_true(pawl_bytes_is(url.target, "/a?b"));
	assert_int_equal(
	    pawl_url_parse(PAWL_BYTES_LIT("HTTPS://h.EXAMPLE:8443"), &other), PAWL_ERR_OK);
	assert_true(pawl_url_same_origin(&url, &other) && pawl_bytes_is(other.target, "/"));
	assert_int_equal(pawl_url_parse(PAWL_BYTES_LIT("http://h.example"), &other), PAWL_ERR_OK);
	assert_true(other.port == 80 && !pawl_url_same_origin(&url, &other));
	assert_int_equal(pawl_url_parse(PAWL_BYTES_LIT("https://[::1]:1/"), &url), PAWL_ERR_OK);
	assert_true(pawl_bytes_is(url.host, "[::1]"));

	static const char *const refused[] = { "", "h", "ftp://h/", "https://", "https:///x",
		"https://u@h/", "https://h:0/", "https://h:65536/", "https://h:/", "https://h:1x/",
		"https://h/#f", "https://h /", "https://[::1", "https://[]/", "https://h\\@x/",
		"https://h?x", "https://[::1]x/" };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (pawl_url_parse(pawl_bytes_of(refused[i]), &url) != PAWL_ERR_SYNTAX)
			fail_msg("%s", refused[i]);
}

static void dates_agree_with_the_c_library(void **state)
{
	struct pawl_prng prng = pawl_prng_of(3);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const int64_t seconds =
		    i == 0   ? 0
		    : i == 1 ? PAWL_DATE_MS_MAX / 1000
			     : (int64_t)pawl_prng_below(&prng, (uint64_t)PAWL_DATE_MS_MAX / 1000);
		const time_t moment = (time_t)seconds;
		struct tm tm;
		char wanted[64];
		struct pawl_wall back;
		struct pawl_buf out = fresh();

		assert_non_null(gmtime_r(&moment, &tm));
		strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm);
		pawl_put_date(&out, (struct pawl_wall){ seconds * 1000 + 999 });
		assert_true(pawl_bytes_is(pawl_buf_bytes(&out), wanted));
		assert_int_equal(pawl_date_parse(pawl_buf_bytes(&out), &back), PAWL_ERR_OK);
		assert_true(back.ms == seconds * 1000);
		strftime(wanted, sizeof(wanted), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		out = fresh();
		pawl_put_http_date(&out, (struct pawl_wall){ seconds * 1000 });
		assert_true(pawl_bytes_is(pawl_buf_bytes(&out), wanted));
	}
}

static void dates_are_strict(void **state)
{
	struct pawl_wall moment;
	struct pawl_buf out = fresh();

	(void)state;
	assert_int_equal(
	    pawl_date_parse(PAWL_BYTES_LIT("2000-02-29T23:59:59Z"), &moment), PAWL_ERR_OK);
	static const char *const ranges[] = { "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
		"2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-04-31T00:00:00Z",
		"2025-01-00T00:00:00Z", "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z",
		"2025-06-30T23:59:60Z", "1969-12-31T23:59:59Z" };
	static const char *const syntaxes[] = { "", "2025-01-01", "2025-01-01T00:00:00",
		"2025-01-01t00:00:00Z", "2025-01-01T00:00:00.0Z", "2025-01-01T00:00:00+00:00",
		"2025-1-01T00:00:00Z", "+025-01-01T00:00:00Z", "2025-01-01T00:00:00ZZ" };
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		assert_int_equal(
		    pawl_date_parse(pawl_bytes_of(ranges[i]), &moment), PAWL_ERR_RANGE);
	for (size_t i = 0; i < sizeof(syntaxes) / sizeof(syntaxes[0]); i++)
		assert_int_equal(
		    pawl_date_parse(pawl_bytes_of(syntaxes[i]), &moment), PAWL_ERR_SYNTAX);
	pawl_put_date(&out, (struct pawl_wall){ INT64_MAX });
	pawl_put_date(&out, (struct pawl_wall){ INT64_MIN });
	assert_true(
	    pawl_bytes_is(pawl_buf_bytes(&out), "9999-12-31T23:59:59Z1970-01-01T00:00:00Z"));
}

static void sleep_times_are_hawkbits(void **state)
{
	struct pawl_buf out = fresh();
	int64_t ms = 0;

	(void)state;
	assert_int_equal(pawl_sleep_parse(PAWL_BYTES_LIT("01:02:03"), &ms), PAWL_ERR_OK);
	assert_int_equal(ms, 3723000);
	assert_int_equal(pawl_sleep_parse(PAWL_BYTES_LIT("24:00:00"), &ms), PAWL_ERR_RANGE);
	assert_int_equal(pawl_sleep_parse(PAWL_BYTES_LIT("00:60:00"), &ms), PAWL_ERR_RANGE);
	assert_int_equal(pawl_sleep_parse(PAWL_BYTES_LIT("1:02:03"), &ms), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_sleep_parse(PAWL_BYTES_LIT("PT5M"), &ms), PAWL_ERR_SYNTAX);
	pawl_put_sleep(&out, 1);
	pawl_put_sleep(&out, 3723000);
	pawl_put_sleep(&out, INT64_MAX);
	pawl_put_sleep(&out, -1);
	assert_true(pawl_bytes_is(pawl_buf_bytes(&out), "00:00:0101:02:0323:59:5900:00:00"));
}

static void records_notice_every_damage(void **state)
{
	struct pawl_buf out = fresh();
	struct pawl_bytes payload;
	uint16_t version = 0;

	(void)state;
	pawl_put_record(&out, "PwSt", 2, PAWL_BYTES_LIT("payload"));
	const struct pawl_bytes whole = pawl_buf_bytes(&out);
	assert_int_equal(whole.size, 7 + PAWL_RECORD_OVERHEAD);
	assert_int_equal(pawl_record_decode(whole, "PwSt", 2, &version, &payload), PAWL_ERR_OK);
	assert_true(version == 2 && pawl_bytes_is(payload, "payload"));
	assert_int_equal(
	    pawl_record_decode(whole, "PwSt", 1, &version, &payload), PAWL_ERR_UNSUPPORTED);
	assert_int_equal(pawl_record_decode(whole, "PwSx", 2, &version, &payload), PAWL_ERR_SYNTAX);
	for (size_t size = 0; size < whole.size; size++)
		assert_int_equal(
		    pawl_record_decode(PAWL_BYTES(whole.at, size), "PwSt", 2, &version, &payload),
		    PAWL_ERR_TRUNCATED);
	memory[whole.size] = 0;
	assert_int_equal(
	    pawl_record_decode(PAWL_BYTES(memory, whole.size + 1), "PwSt", 2, &version, &payload),
	    PAWL_ERR_SYNTAX);
	for (size_t bit = 0; bit < 8 * whole.size; bit++) {
		memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
		    pawl_record_decode(whole, "PwSt", UINT16_MAX, &version, &payload), PAWL_ERR_OK);
		memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* The reserved field counts even under a matching checksum. */
	memory[6] = 1;
	struct pawl_buf checksum = pawl_buf_of(memory + whole.size - 4, 4);
	pawl_put_u32_le(&checksum, pawl_crc32(0, PAWL_BYTES(memory, whole.size - 4)));
	assert_int_equal(
	    pawl_record_decode(whole, "PwSt", 2, &version, &payload), PAWL_ERR_CORRUPT);

	struct pawl_buf small = pawl_buf_of(memory, PAWL_RECORD_OVERHEAD);
	pawl_put_record(&small, "PwSt", 1, PAWL_BYTES_LIT("x"));
	assert_int_equal(pawl_buf_check(&small), PAWL_ERR_LIMIT);
	assert_int_equal(small.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(names_follow_the_specification),
		cmocka_unit_test(text_is_made_harmless),
		cmocka_unit_test(utf8_is_the_shortest_form_only),
		cmocka_unit_test(percent_encoding_is_pythons),
		cmocka_unit_test(targets_are_split_and_decoded),
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(dates_agree_with_the_c_library),
		cmocka_unit_test(dates_are_strict),
		cmocka_unit_test(sleep_times_are_hawkbits),
		cmocka_unit_test(records_notice_every_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
