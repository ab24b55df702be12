/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 2026-11-22T15:00:00.007Z */
static const struct pawl_wall noon = { INT64_C(1795359600007) };

static struct pawl_wall fixed_clock(void *context)
{
	(void)context;
	return noon;
}

static const char *line_of(const struct pawl_log_pair *pairs)
{
	static char line[PAWL_LOG_LINE_MAX + 1];
	const size_t size = pawl_log_format(PAWL_LOG_INFO, noon, pairs, line);

	assert_true(size <= PAWL_LOG_LINE_MAX);
	line[size] = '\0';
	return line;
}

static void lines_look_as_documented(void **state)
{
	const struct pawl_log_pair pairs[] = { pawl_log_pair_text("", "device.enrolled"),
		PAWL_LOG_TEXT("device", "dev1"), PAWL_LOG_INT("count", -7),
		PAWL_LOG_TEXT("name", "two words"), PAWL_LOG_TEXT("none", NULL),
		PAWL_LOG_TEXT("empty", ""), PAWL_LOG_TEXT("dash", "-"),
		PAWL_LOG_ERR(PAWL_ERR_NO_SPACE), PAWL_LOG_TEXT("url", "https://host:8443/a-b_c.d"),
		{ .kind = PAWL_LOG_KIND_END } };

	(void)state;
	assert_string_equal(line_of(pairs),
	    "2026-11-22T15:00:00.007Z info device.enrolled device=dev1 count=-7 "
	    "name=\"two words\" none=- empty=\"\" dash=\"-\" error=no_space "
	    "url=https://host:8443/a-b_c.d\n");
}

static void nothing_can_be_injected(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
	} cases[] = {
		{ "a\n2026-11-22T15:00:00.000Z info fake.event",
		    "\"a\\x0a2026-11-22T15:00:00.000Z info fake.event\"" },
		{ "x y=z", "\"x y=z\"" },
		{ "a\" b=\"c", "\"a\\\" b=\\\"c\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "\x1b[2J", "\"\\x1b[2J\"" },
		{ "\xc2\x9b"
		  "2J",
		    "\"\\xc2\\x9b2J\"" },
		{ "\xff\xfe", "\"\\xff\\xfe\"" },
		{ "\xe2\x80\xae", "\"\\xe2\\x80\\xae\"" },
		{ "\xd8\x9c", "\"\\xd8\\x9c\"" }, /* U+061C, turns text round too */
		{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"" },
		{ "\xc0\xaf", "\"\\xc0\\xaf\"" },
		{ "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
		{ "\xf0\x9f\x94\xa7", "\"\xf0\x9f\x94\xa7\"" },
		{ "\x7f", "\"\\x7f\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[256];

		snprintf(expected, sizeof(expected), "2026-11-22T15:00:00.007Z info a.b k=%s\n",
		    cases[i].shown);
		assert_string_equal(
		    line_of((const struct pawl_log_pair[]){ pawl_log_pair_text("", "a.b"),
			PAWL_LOG_TEXT("k", cases[i].text), { .kind = PAWL_LOG_KIND_END } }),
		    expected);
	}
	const struct pawl_log_pair with_nul[] = { pawl_log_pair_text("", "a.b"),
		PAWL_LOG_BYTES("k", PAWL_BYTES_LIT("a\0b")), { .kind = PAWL_LOG_KIND_END } };
	assert_string_equal(line_of(with_nul), "2026-11-22T15:00:00.007Z info a.b k=\"a\\x00b\"\n");
}

static void long_lines_end_well_whatever_their_length(void **state)
{
	char text[PAWL_LOG_LINE_MAX + 64];

	(void)state;
	for (size_t size = PAWL_LOG_LINE_MAX - 200; size < sizeof(text); size++) {
		for (int quoted = 0; quoted < 2; quoted++) {
			memset(text, quoted ? '\n' : 'x', size);
			const struct pawl_log_pair pairs[] = { pawl_log_pair_text("", "a.b"),
				PAWL_LOG_BYTES("k", PAWL_BYTES(text, size)), PAWL_LOG_INT("n", 123),
				{ .kind = PAWL_LOG_KIND_END } };
			const char *line = line_of(pairs);
			const size_t length = strlen(line);

			assert_ptr_equal(strchr(line, '\n'), line + length - 1);
			const bool whole = strcmp(line + length - 7, " n=123\n") == 0;
			const bool cut = strcmp(line + length - 9, " cut=yes\n") == 0;
			assert_true(whole != cut);
			if (cut && quoted && strstr(line, "k=") != NULL)
				assert_int_equal(line[length - 10], '"');
		}
	}
}

static void levels_are_filtered_and_lines_reach_the_descriptor(void **state)
{
	int ends[2];
	char text[256];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	struct pawl_log log = pawl_log_of(ends[1], PAWL_LOG_WARN);
	log.now = fixed_clock;
	pawl_log_event(&log, PAWL_LOG_INFO, "test.dropped");
	pawl_log_event(&log, PAWL_LOG_ERROR, "test.kept", PAWL_LOG_INT("n", 1));
	pawl_log_event(&log, PAWL_LOG_WARN, "test.bare");
	close(ends[1]);
	const ssize_t got = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	assert_true(got > 0);
	text[got] = '\0';
	assert_string_equal(text, "2026-11-22T15:00:00.007Z error test.kept n=1\n"
				  "2026-11-22T15:00:00.007Z warn test.bare\n");

	const struct pawl_log nowhere = pawl_log_of(-1, PAWL_LOG_DEBUG);
	pawl_log_event(&nowhere, PAWL_LOG_ERROR, "test.nowhere");
}

static void levels_have_names(void **state)
{
	pawl_log_level level = PAWL_LOG_ERROR;

	(void)state;
	assert_int_equal(pawl_log_level_of("debug", &level), PAWL_ERR_OK);
	assert_int_equal(level, PAWL_LOG_DEBUG);
	assert_string_equal(pawl_log_level_name(PAWL_LOG_WARN), "warn");
	assert_int_equal(pawl_log_level_of("loud", &level), PAWL_ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_look_as_documented),
		cmocka_unit_test(nothing_can_be_injected),
		cmocka_unit_test(long_lines_end_well_whatever_their_length),
		cmocka_unit_test(levels_are_filtered_and_lines_reach_the_descriptor),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
