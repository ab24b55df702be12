/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/fleet.h"

#include <string.h>

static pawl_err parse(const char *text, struct pawl_fleet_filter *filter, struct pawl_note *note)
{
	pawl_note_clear(note);
	return pawl_fleet_filter_parse(pawl_bytes_of(text), filter, note);
}

static void wrong_filters_are_refused_with_the_place(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} wrong[] = {
		{ "group", "byte 5: only '=='" },
		{ "group=field", "byte 5: only '=='" },
		{ "group!=field", "only '=='" },
		{ "group==", "the value is missing" },
		{ "group==a and", "joined by" },
		{ "group==a;", "a term is missing" },
		{ "group==a b", "joined by" },
		{ "group=='a", "closing quote" },
		{ "colour==red", "unknown field 'colour'" },
		{ "group==a,group==b", "in quotes" },
		{ "(group==a)", "unknown field" },
		{ "==a", "byte 0" },
	};
	struct pawl_fleet_filter filter;
	struct pawl_note note;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(wrong[i].text, &filter, &note), PAWL_ERR_SYNTAX);
		if (strstr(note.text, wrong[i].says) == NULL)
			fail_msg("%s: %s", wrong[i].text, note.text);
	}
}

static void limits_are_kept(void **state)
{
	struct pawl_fleet_filter filter;
	struct pawl_note note;
	char text[PAWL_FLEET_FILTER_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "name==", 6);
	text[6 + PAWL_FLEET_FILTER_VALUE_MAX] = '\0';
	assert_int_equal(parse(text, &filter, &note), PAWL_ERR_OK);
	text[6 + PAWL_FLEET_FILTER_VALUE_MAX] = 'a';
	text[6 + PAWL_FLEET_FILTER_VALUE_MAX + 1] = '\0';
	assert_int_equal(parse(text, &filter, &note), PAWL_ERR_LIMIT);
	text[0] = '\0';
	for (int i = 0; i <= PAWL_FLEET_FILTER_TERMS_MAX; i++)
		strcat(text, i == 0 ? "name==a" : ";name==a");
	assert_int_equal(parse(text, &filter, &note), PAWL_ERR_LIMIT);
	memset(text, ' ', sizeof(text));
	assert_int_equal(pawl_fleet_filter_parse(PAWL_BYTES(text, sizeof(text)), &filter, &note),
	    PAWL_ERR_LIMIT);
	assert_int_equal(parse("", &filter, &note), PAWL_ERR_OK);
	assert_int_equal(filter.term_count, 0);
}

static void stars_stand_for_anything(void **state)
{
	static const struct {
		const char *filter;
		bool matches;
	} cases[] = {
		{ "controllerid==gw-0815", true },
		{ "controllerid==*", true },
		{ "controllerid==gw*15", true },
		{ "controllerid==*0*1*", true },
		{ "controllerid==gw", false },
		{ "controllerid==*16", false },
		{ "controllerid==GW-0815", false },
		{ "name==gw-*", true }, /* without a name the id stands for it */
		{ "group==''", true },
		{ "Product==\"acme\" AND hardwareClass==gw-a", true },
		{ "product==acme;hardwareclass==gw-b", false },
		{ "updatestatus==registered;state==idle", true },
	};
	const struct pawl_fleet_device device = { .controller_id = "gw-0815",
		.name = "",
		.group = "",
		.product = "acme",
		.hardware_class = "gw-a",
		.state = PAWL_DEVICE_IDLE };
	struct pawl_fleet_filter filter;
	struct pawl_note note;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].filter, &filter, &note), PAWL_ERR_OK);
		if (pawl_fleet_filter_match(&filter, &device) != cases[i].matches)
			fail_msg("%s", cases[i].filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_filters_are_refused_with_the_place),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(stars_stand_for_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
