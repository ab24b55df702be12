/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/fetch.h"

/* Nothing listens on port 1: whoever may speak http fails to connect. */
static pawl_err get(const struct pawl_fetch_options *options, const char *url)
{
	const struct pawl_fetch_request request = { .method = PAWL_FETCH_GET, .url = url };
	struct pawl_fetch *fetch = NULL;
	struct pawl_fetch_answer answer;
	struct pawl_note note = { "" };
	pawl_err err = pawl_fetch_create(options, &fetch, &note);
	if (err == PAWL_ERR_OK)
		err = pawl_fetch_run(fetch, &request, &answer, &note);
	pawl_fetch_destroy(fetch);
	return err;
}

static const char PINS[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

static void plain_http_is_refused(void **state)
{
	const struct pawl_fetch_options options = { .pins = PINS };
	(void)state;
	assert_int_equal(get(&options, "http://127.0.0.1:1/"), PAWL_ERR_UNSUPPORTED);
	assert_int_equal(get(&options, "HTTP://127.0.0.1:1/"), PAWL_ERR_UNSUPPORTED);
	assert_int_equal(get(&options, "ftp://127.0.0.1:1/"), PAWL_ERR_UNSUPPORTED);
	assert_int_equal(get(&options, "file:///etc/passwd"), PAWL_ERR_UNSUPPORTED);
	assert_int_equal(get(&options, "https://127.0.0.1:1/"), PAWL_ERR_NETWORK);
}

static void plain_http_is_allowed_by_name(void **state)
{
	const struct pawl_fetch_options options = { .allow_plain_http = true };
	(void)state;
	assert_int_equal(get(&options, "http://127.0.0.1:1/"), PAWL_ERR_NETWORK);
	assert_int_equal(get(&options, "https://127.0.0.1:1/"), PAWL_ERR_NETWORK);
	assert_int_equal(get(&options, "file:///etc/passwd"), PAWL_ERR_UNSUPPORTED);
}

static void something_must_say_which_server_is_ours(void **state)
{
	(void)state;
	assert_int_equal(
	    get(&(struct pawl_fetch_options){ 0 }, "https://127.0.0.1:1/"), PAWL_ERR_REFUSED);
	assert_int_equal(
	    get(&(struct pawl_fetch_options){ .allow_plain_http = true, .by_pins_only = true },
		"https://127.0.0.1:1/"),
	    PAWL_ERR_REFUSED);
	assert_int_equal(get(&(struct pawl_fetch_options){ .pins = PINS, .cert_file = "/dev/null" },
			     "https://127.0.0.1:1/"),
	    PAWL_ERR_REFUSED);
	assert_int_equal(
	    get(&(struct pawl_fetch_options){ .ca_file = "/nowhere" }, "https://127.0.0.1:1/"),
	    PAWL_ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_http_is_refused),
		cmocka_unit_test(plain_http_is_allowed_by_name),
		cmocka_unit_test(something_must_say_which_server_is_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
