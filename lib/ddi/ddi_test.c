/* SPDX-License-Identifier: MIT
 *
 * Messages as hawkBit, SWUpdate, rauc-hawkbit-updater and Zephyr put them. */
#include "cmocka_setup.h"

#include "pawl/ddi.h"

#include <stdio.h>
#include <string.h>

static _Alignas(16) uint8_t arena_memory[512 * 1024];
static uint8_t out_memory[64 * 1024];
static struct pawl_arena arena;
static struct pawl_buf out;
static struct pawl_note note;

static int fresh(void **state)
{
	(void)state;
	arena = pawl_arena_of(arena_memory, sizeof(arena_memory));
	out = pawl_buf_of(out_memory, sizeof(out_memory));
	pawl_note_clear(&note);
	return 0;
}

static void assert_written(const char *text)
{
	assert_int_equal(pawl_buf_check(&out), PAWL_ERR_OK);
	out_memory[out.size] = '\0';
	assert_string_equal((const char *)out_memory, text);
	out.size = 0;
}

static void poll_answers_go_both_ways(void **state)
{
	static const char text[] = "{\"config\":{\"polling\":{\"sleep\":\"00:05:00\"}},\"_links\":{"
				   "\"cancelAction\":{\"href\":\"https://h/c/9\"},"
				   "\"deploymentBase\":{\"href\":\"https://h/d/8?c=-2129030598\"},"
				   "\"installedBase\":{\"href\":\"https://h/i/"
				   "7\"},\"configData\":{\"href\":\"https://h/cd\"},"
				   "\"pawlMetadata\":{\"href\":\"https://h/m/"
				   "\"},\"pawlTargets\":{\"href\":\"https://h/t/\"}}}";
	struct pawl_ddi_poll poll;

	(void)state;
	assert_int_equal(
	    pawl_ddi_poll_parse(pawl_bytes_of(text), &arena, &poll, &note), PAWL_ERR_OK);
	assert_int_equal(poll.sleep_ms, 300000);
	assert_true(pawl_bytes_is(poll.deployment_base, "https://h/d/8?c=-2129030598"));
	assert_true(pawl_bytes_is(poll.cancel_action, "https://h/c/9"));
	assert_true(pawl_bytes_is(poll.pawl_targets, "https://h/t/"));
	pawl_ddi_poll_write(&out, &poll);
	assert_written(text);

	assert_int_equal(pawl_ddi_poll_parse(
			     PAWL_BYTES_LIT("{\"config\":{\"polling\":{\"sleep\":\"12:00:00\"}}}"),
			     &arena, &poll, &note),
	    PAWL_ERR_OK);
	assert_null(poll.deployment_base.at);
	pawl_ddi_poll_write(&out, &poll);
	assert_written("{\"config\":{\"polling\":{\"sleep\":\"12:00:00\"}},\"_links\":{}}");
}

static void what_is_no_poll_answer_is_refused(void **state)
{
	static const char *const refused[] = { "{}", "[]", "<html>", "",
		"{\"config\":{\"polling\":{\"sleep\":300}}}",
		"{\"config\":{\"polling\":{\"sleep\":\"PT5M\"}}}",
		"{\"config\":{\"polling\":{\"sleep\":\"99:99:99\"}}}",
		"{\"config\":{\"polling\":{\"sleep\":\"00:05:00\"}},\"_links\":[]}",
		"{\"config\":{\"polling\":{\"sleep\":\"00:05:00\"}},\"_links\":{\"configData\":{"
		"\"href\":1}}}",
		"{\"config\":{\"polling\":{\"sleep\":\"00:05:00\"}},"
		"\"_links\":{\"configData\":{\"href\":\"http://h/\\r\\nX: y\"}}}" };
	struct pawl_ddi_poll poll;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		pawl_note_clear(&note);
		assert_int_not_equal(
		    pawl_ddi_poll_parse(pawl_bytes_of(refused[i]), &arena, &poll, &note),
		    PAWL_ERR_OK);
		assert_int_not_equal(note.text[0], '\0');
	}
}

#define SHA1 "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
#define MD5 "5d41402abc4b2a76b9719d911017c592"
#define SHA256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static const char deployment_text[] =
    "{\"id\":\"8\",\"deployment\":{\"download\":\"forced\",\"update\":\"attempt\","
    "\"maintenanceWindow\":\"available\",\"chunks\":[{\"part\":\"os\",\"version\":\"1.2\","
    "\"name\":\"fw\",\"encrypted\":true,\"artifacts\":[{\"filename\":\"fw.swu\","
    "\"hashes\":{\"sha1\":\"" SHA1 "\",\"md5\":\"" MD5 "\",\"sha256\":\"" SHA256 "\"},\"size\":123,"
    "\"_links\":{\"download-http\":{\"href\":\"http://h/d\"},\"download\":{\"href\":\"https://h/"
    "d\"},"
    "\"md5sum-http\":{\"href\":\"http://h/d.MD5SUM\"},\"md5sum\":{\"href\":\"https://h/"
    "d.MD5SUM\"}}}],"
    "\"metadata\":[{\"key\":\"k\",\"value\":\"v\"}]}]},"
    "\"actionHistory\":{\"status\":\"RUNNING\",\"messages\":[\"newest\",\"older \\\"\"]}}";

static void deployments_go_both_ways(void **state)
{
	struct pawl_ddi_deployment deployment;

	(void)state;
	assert_int_equal(
	    pawl_ddi_deployment_parse(pawl_bytes_of(deployment_text), &arena, &deployment, &note),
	    PAWL_ERR_OK);
	assert_true(pawl_bytes_is(deployment.id, "8"));
	assert_int_equal(deployment.download, PAWL_DDI_FORCED);
	assert_int_equal(deployment.update, PAWL_DDI_ATTEMPT);
	assert_int_equal(deployment.window, PAWL_DDI_WINDOW_AVAILABLE);
	assert_int_equal(deployment.chunk_count, 1);
	const struct pawl_ddi_chunk *chunk = &deployment.chunks[0];
	assert_true(chunk->encrypted && pawl_bytes_is(chunk->part, "os"));
	assert_int_equal(chunk->artifact_count, 1);
	assert_int_equal(chunk->artifacts[0].size, 123);
	assert_true(pawl_bytes_is(chunk->artifacts[0].sha256, SHA256));
	assert_true(pawl_bytes_is(chunk->artifacts[0].download_http, "http://h/d"));
	assert_true(pawl_bytes_is(chunk->metadata[0].value, "v"));
	assert_true(pawl_bytes_is(deployment.history_messages[1], "older \""));
	pawl_ddi_deployment_write(&out, &deployment);
	assert_written(deployment_text);
}

/* Replaces the one occurrence of `from` and expects the parser's `err`. */
static void expect_changed(const char *from, const char *to, pawl_err err)
{
	static char text[4096];
	const char *at = strstr(deployment_text, from);
	struct pawl_ddi_deployment deployment;

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - deployment_text), deployment_text, to,
	    at + strlen(from));
	arena.used = 0;
	pawl_note_clear(&note);
	const pawl_err seen =
	    pawl_ddi_deployment_parse(pawl_bytes_of(text), &arena, &deployment, &note);
	if (seen != err)
		fail_msg("%s: %s (%s)", to, pawl_err_name(seen), note.text);
	assert_true((err == PAWL_ERR_OK) == (note.text[0] == '\0'));
}

static void deployments_are_checked(void **state)
{
	(void)state;
	expect_changed("\"id\":\"8\"", "\"id\":8", PAWL_ERR_OK);
	expect_changed("\"id\":\"8\"", "\"id\":\"../8\"", PAWL_ERR_SYNTAX);
	expect_changed("\"id\":\"8\",", "", PAWL_ERR_SYNTAX);
	expect_changed("\"maintenanceWindow\":\"available\",", "\"new\":[{}],", PAWL_ERR_OK);
	expect_changed("\"available\"", "\"later\"", PAWL_ERR_SYNTAX);
	expect_changed("\"attempt\"", "\"ATTEMPT\"", PAWL_ERR_SYNTAX);
	expect_changed("\"update\":\"attempt\",", "", PAWL_ERR_SYNTAX);
	expect_changed("\"1.2\"", "1.2", PAWL_ERR_SYNTAX);
	expect_changed("\"fw.swu\"", "\"../fw.swu\"", PAWL_ERR_SYNTAX);
	expect_changed("\"fw.swu\"", "\"..\"", PAWL_ERR_SYNTAX);
	expect_changed("\"fw.swu\"", "\"a\\u0000b\"", PAWL_ERR_SYNTAX);
	expect_changed("123", "-1", PAWL_ERR_RANGE);
	expect_changed("123", "1e3", PAWL_ERR_SYNTAX);
	expect_changed("123", "99999999999999999999", PAWL_ERR_RANGE);
	expect_changed("\"" MD5 "\"", "\"5d41\"", PAWL_ERR_SYNTAX);
	expect_changed("\"md5\":\"" MD5 "\",", "", PAWL_ERR_OK);
	expect_changed("\"sha1\":\"aaf4", "\"sha1\":\"xaf4", PAWL_ERR_SYNTAX);
	expect_changed("\"download\":{\"href\":\"https://h/d\"},", "", PAWL_ERR_OK);
	expect_changed("[{\"part\"", "{\"part\"", PAWL_ERR_SYNTAX);
	expect_changed("\"key\":\"k\",", "", PAWL_ERR_SYNTAX);
}

static struct pawl_ddi_feedback feedback_of(const char *text)
{
	struct pawl_ddi_feedback feedback;

	if (pawl_ddi_feedback_parse(pawl_bytes_of(text), &arena, &feedback, &note) != PAWL_ERR_OK)
		fail_msg("%s: %s", text, note.text);
	return feedback;
}

static void feedback_of_stock_clients_is_read(void **state)
{
	(void)state;
	const struct pawl_ddi_feedback swupdate =
	    feedback_of("{\"id\":11,\"time\":\"20260822T101500\",\"status\":{\"result\":{"
			"\"progress\":{\"cnt\":2,"
			"\"of\":5},\"finished\":\"none\"},\"execution\":\"proceeding\",\"details\":"
			"[\"a\\tb\"]}}");
	assert_true(pawl_bytes_is(swupdate.id, "11"));
	assert_int_equal(swupdate.execution, PAWL_DDI_PROCEEDING);
	assert_true(
	    swupdate.has_progress && swupdate.progress_count == 2 && swupdate.progress_of == 5);
	assert_true(pawl_bytes_is(swupdate.details[0], "a b"));

	const struct pawl_ddi_feedback rauc = feedback_of(
	    "{\"id\":\"12\",\"time\":\"x\",\"status\":{\"execution\":\"downloaded\",\"result\":"
	    "{\"finished\":\"success\"},\"details\":[\"done\"]}}");
	assert_int_equal(rauc.execution, PAWL_DDI_DOWNLOADED);
	assert_int_equal(rauc.finished, PAWL_DDI_FINISHED_SUCCESS);

	const struct pawl_ddi_feedback zephyr = feedback_of(
	    "{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"success\"}}}");
	assert_int_equal(zephyr.execution, PAWL_DDI_CLOSED);
	assert_int_equal(zephyr.detail_count, 0);
	assert_false(zephyr.has_timestamp || zephyr.has_code || zephyr.has_progress);
	assert_null(zephyr.id.at);

	const struct pawl_ddi_feedback ours = feedback_of(
	    "{\"timestamp\":1627997501890,\"status\":{\"execution\":\"closed\",\"code\":-200,"
	    "\"result\":{\"finished\":\"failure\"},\"details\":[\"a\",\"reason=io\"]}}");
	assert_true(ours.has_timestamp && ours.timestamp_ms == INT64_C(1627997501890));
	assert_true(ours.has_code && ours.code == -200);
	pawl_ddi_feedback_write(&out, &ours);
	assert_written(
	    "{\"timestamp\":1627997501890,\"status\":{\"execution\":\"closed\",\"code\":-200,"
	    "\"result\":{\"finished\":\"failure\"},\"details\":[\"a\",\"reason=io\"]}}");
}

static void every_execution_and_result_has_its_word(void **state)
{
	(void)state;
	for (int e = PAWL_DDI_CLOSED; e <= PAWL_DDI_DOWNLOAD; e++) {
		for (int f = PAWL_DDI_FINISHED_NONE; f <= PAWL_DDI_FINISHED_FAILURE; f++) {
			const struct pawl_ddi_feedback sent = { .execution = (pawl_ddi_execution)e,
				.finished = (pawl_ddi_finished)f };
			pawl_ddi_feedback_write(&out, &sent);
			assert_int_equal(pawl_buf_check(&out), PAWL_ERR_OK);
			out_memory[out.size] = '\0';
			const struct pawl_ddi_feedback back = feedback_of((const char *)out_memory);
			assert_int_equal(back.execution, e);
			assert_int_equal(back.finished, f);
			out.size = 0;
		}
	}
}

/* hawkBit answers such reports with an error, and the device sends them for
 * ever; here the end of an update always gets through. */
static void a_final_report_is_mended_not_refused(void **state)
{
	static char text[64 * 1024];
	int size;

	(void)state;
	const struct pawl_ddi_feedback odd =
	    feedback_of("{\"timestamp\":-5,\"status\":{\"code\":1e9,\"execution\":\"closed\","
			"\"result\":{\"finished\":"
			"\"failure\",\"progress\":{\"cnt\":\"x\"}},\"details\":[\"a\xff\","
			"\"b\\ud800\",\"c\td\","
			"\"\\\\ud800 \\ud83d\\ude00\",5,null]},\"time\":[]}");
	assert_int_equal(odd.detail_count, 6);
	assert_true(pawl_bytes_is(odd.details[0], "a?"));
	assert_true(pawl_bytes_is(odd.details[1], "b\xef\xbf\xbd"));
	assert_true(pawl_bytes_is(odd.details[2], "c d"));
	assert_true(pawl_bytes_is(odd.details[3], "\\ud800 \xf0\x9f\x98\x80"));
	assert_true(pawl_bytes_is(odd.details[4], "5"));
	assert_false(odd.has_timestamp || odd.has_code || odd.has_progress);

	size =
	    snprintf(text, sizeof(text), "{\"status\":{\"execution\":\"closed\",\"details\":[\"");
	memset(text + size, 'x', 2000);
	size += 2000;
	for (int i = 0; i < 70; i++)
		size += snprintf(text + size, sizeof(text) - (size_t)size, "\",\"%d", i);
	snprintf(text + size, sizeof(text) - (size_t)size, "\"]}}");
	const struct pawl_ddi_feedback many = feedback_of(text);
	assert_int_equal(many.detail_count, PAWL_FEEDBACK_MESSAGES_MAX);
	assert_int_equal(many.details_dropped, 21);
	assert_int_equal(many.details[0].size, PAWL_DDI_MESSAGE_MAX);
	assert_int_equal(many.finished, PAWL_DDI_FINISHED_NONE);

	const struct pawl_ddi_feedback single =
	    feedback_of("{\"status\":{\"execution\":\"closed\",\"details\":\"one\"}}");
	assert_true(single.detail_count == 1 && pawl_bytes_is(single.details[0], "one"));
}

static void words_that_could_be_misread_are_refused(void **state)
{
	static const char *const refused[] = { "{}", "{\"status\":{}}",
		"{\"status\":{\"execution\":\"CLOSED\"}}", "{\"status\":{\"execution\":1}}",
		"{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"yes\"}}}",
		"{\"status\":{\"execution\":\"closed\",\"execution\":\"download\"}}",
		"{\"status\":{\"execution\":\"closed\"}" };
	struct pawl_ddi_feedback feedback;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_not_equal(
		    pawl_ddi_feedback_parse(pawl_bytes_of(refused[i]), &arena, &feedback, &note),
		    PAWL_ERR_OK);
}

static void cancel_and_error_go_both_ways(void **state)
{
	static const char cancel_text[] = "{\"id\":\"11\",\"cancelAction\":{\"stopId\":\"11\"}}";
	static const char error_text[] =
	    "{\"exceptionClass\":\"e\",\"errorCode\":\"pawl.error.x\",\"message\":\"m\"}";
	struct pawl_ddi_cancel cancel;
	struct pawl_ddi_error error;

	(void)state;
	assert_int_equal(
	    pawl_ddi_cancel_parse(pawl_bytes_of(cancel_text), &arena, &cancel, &note), PAWL_ERR_OK);
	pawl_ddi_cancel_write(&out, &cancel);
	assert_written(cancel_text);
	assert_int_equal(
	    pawl_ddi_cancel_parse(PAWL_BYTES_LIT("{\"id\":\"11\"}"), &arena, &cancel, &note),
	    PAWL_ERR_SYNTAX);
	assert_int_equal(
	    pawl_ddi_error_parse(pawl_bytes_of(error_text), &arena, &error, &note), PAWL_ERR_OK);
	pawl_ddi_error_write(&out, &error);
	assert_written(error_text);
	assert_int_equal(
	    pawl_ddi_error_parse(PAWL_BYTES_LIT("{\"message\":5}"), &arena, &error, &note),
	    PAWL_ERR_OK);
	assert_null(error.message.at);
}

static void attributes_are_bounded(void **state)
{
	static char text[16 * 1024];
	struct pawl_ddi_config config;
	int size;

	(void)state;
	assert_int_equal(
	    pawl_ddi_config_parse(
		PAWL_BYTES_LIT("{\"id\":\"\",\"status\":{},\"mode\":\"replace\",\"data\":"
			       "{\"pn\":\"board\",\"n\":5,\"b\":true,\"z\":null}}"),
		&arena, &config, &note),
	    PAWL_ERR_OK);
	assert_int_equal(config.mode, PAWL_DDI_REPLACE);
	pawl_ddi_config_write(&out, &config);
	assert_written("{\"mode\":\"replace\",\"data\":{\"pn\":\"board\",\"n\":\"5\",\"b\":"
		       "\"true\",\"z\":\"\"}}");
	assert_int_equal(
	    pawl_ddi_config_parse(PAWL_BYTES_LIT("{\"data\":{}}"), &arena, &config, &note),
	    PAWL_ERR_OK);
	assert_true(config.mode == PAWL_DDI_MERGE && config.count == 0);

	static const char *const refused[] = { "{}", "{\"data\":[]}",
		"{\"mode\":\"all\",\"data\":{}}", "{\"data\":{\"a\":[]}}",
		"{\"data\":{\"a\\n\":\"\"}}", "{\"data\":{\"\":\"x\"}}" };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_not_equal(
		    pawl_ddi_config_parse(pawl_bytes_of(refused[i]), &arena, &config, &note),
		    PAWL_ERR_OK);

	for (int count = PAWL_ATTRIBUTES_MAX; count <= PAWL_ATTRIBUTES_MAX + 1; count++) {
		size = snprintf(text, sizeof(text), "{\"data\":{");
		for (int i = 0; i < count; i++)
			size += snprintf(text + size, sizeof(text) - (size_t)size,
			    "%s\"k%d\":\"v\"", i == 0 ? "" : ",", i);
		snprintf(text + size, sizeof(text) - (size_t)size, "}}");
		assert_int_equal(pawl_ddi_config_parse(pawl_bytes_of(text), &arena, &config, &note),
		    count > PAWL_ATTRIBUTES_MAX ? PAWL_ERR_LIMIT : PAWL_ERR_OK);
	}
	for (int length = PAWL_ATTRIBUTE_VALUE_MAX; length <= PAWL_ATTRIBUTE_VALUE_MAX + 1;
	     length++) {
		snprintf(text, sizeof(text), "{\"data\":{\"k\":\"%0*d\"}}", length, 0);
		assert_int_equal(pawl_ddi_config_parse(pawl_bytes_of(text), &arena, &config, &note),
		    length > PAWL_ATTRIBUTE_VALUE_MAX ? PAWL_ERR_RANGE : PAWL_ERR_OK);
	}
}

static void a_small_arena_is_an_error(void **state)
{
	struct pawl_ddi_deployment deployment;

	(void)state;
	for (size_t size = 0; size < 4000; size += 8) {
		struct pawl_arena small = pawl_arena_of(arena_memory, size);
		const pawl_err err = pawl_ddi_deployment_parse(
		    pawl_bytes_of(deployment_text), &small, &deployment, NULL);
		assert_true(err == PAWL_ERR_OK || err == PAWL_ERR_NO_MEMORY);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(poll_answers_go_both_ways),
		TEST(what_is_no_poll_answer_is_refused),
		TEST(deployments_go_both_ways),
		TEST(deployments_are_checked),
		TEST(feedback_of_stock_clients_is_read),
		TEST(every_execution_and_result_has_its_word),
		TEST(a_final_report_is_mended_not_refused),
		TEST(words_that_could_be_misread_are_refused),
		TEST(cancel_and_error_go_both_ways),
		TEST(attributes_are_bounded),
		TEST(a_small_arena_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
