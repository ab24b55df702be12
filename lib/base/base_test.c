/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/arena.h"
#include "pawl/bytes.h"
#include "pawl/num.h"
#include "pawl/prng.h"

#include <string.h>

static void errors_have_text_name_and_class(void **state)
{
	(void)state;
	for (int i = PAWL_ERR_OK; i <= PAWL_ERR_CANCELLED; i++) {
		assert_string_not_equal(pawl_err_text((pawl_err)i), "unknown error");
		assert_string_not_equal(pawl_err_name((pawl_err)i), "unknown");
	}
	assert_int_equal(pawl_err_class_of(PAWL_ERR_NETWORK), PAWL_ERR_CLASS_RETRY);
	assert_int_equal(pawl_err_class_of(PAWL_ERR_SYNTAX), PAWL_ERR_CLASS_NEVER);
}

static void notes_are_cut_and_terminated(void **state)
{
	struct pawl_note note;

	(void)state;
	pawl_note_clear(&note);
	pawl_note_add(&note, "offset ");
	pawl_note_add_int(&note, -9223372036854775807LL - 1);
	assert_string_equal(note.text, "offset -9223372036854775808");
	for (int i = 0; i < 100; i++)
		pawl_note_add(&note, "0123456789");
	assert_int_equal(strlen(note.text), PAWL_NOTE_SIZE - 1);
	pawl_note_add(NULL, "nothing happens");
}

static void integers_round_trip_and_never_wrap(void **state)
{
	uint8_t memory[64];
	struct pawl_prng prng = pawl_prng_of(7);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const int64_t value =
		    (int64_t)(pawl_prng_next(&prng) >> pawl_prng_below(&prng, 64)) *
		    (pawl_prng_below(&prng, 2) ? 1 : -1);
		struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
		int64_t back = 0;

		pawl_put_int(&buf, value);
		assert_int_equal(
		    pawl_parse_i64(pawl_buf_bytes(&buf), INT64_MIN, INT64_MAX, &back), PAWL_ERR_OK);
		assert_true(back == value);
	}

	uint64_t u = 5;
	assert_int_equal(
	    pawl_parse_u64(PAWL_BYTES_LIT("18446744073709551615"), UINT64_MAX, &u), PAWL_ERR_OK);
	assert_true(u == UINT64_MAX);
	assert_int_equal(
	    pawl_parse_u64(PAWL_BYTES_LIT("18446744073709551616"), UINT64_MAX, &u), PAWL_ERR_RANGE);
	assert_int_equal(pawl_parse_u64(PAWL_BYTES_LIT("01"), 99, &u), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_parse_u64(PAWL_BYTES_LIT(""), 99, &u), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_parse_u64(PAWL_BYTES_LIT("+1"), 99, &u), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_parse_u64(PAWL_BYTES_LIT("100"), 99, &u), PAWL_ERR_RANGE);

	size_t size = 0;
	assert_int_equal(pawl_add_size(SIZE_MAX, 1, &size), PAWL_ERR_RANGE);
	assert_int_equal(pawl_mul_size(SIZE_MAX / 2, 3, &size), PAWL_ERR_RANGE);
	assert_int_equal(pawl_add_u64(UINT64_MAX, 1, &u), PAWL_ERR_RANGE);
}

static void cursor_stops_at_the_end_and_consumes_nothing(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct pawl_cursor cursor = pawl_cursor_of(PAWL_BYTES(bytes, sizeof(bytes)));
	uint64_t wide = 0;
	uint32_t word = 0;
	uint16_t half = 0;
	uint8_t byte = 0;

	(void)state;
	assert_int_equal(pawl_read_u64_le(&cursor, &wide), PAWL_ERR_TRUNCATED);
	assert_int_equal(pawl_cursor_left(&cursor), 7);
	assert_int_equal(pawl_read_u32_le(&cursor, &word), PAWL_ERR_OK);
	assert_int_equal(word, 0x04030201);
	assert_int_equal(pawl_read_u16_le(&cursor, &half), PAWL_ERR_OK);
	assert_int_equal(half, 0x0605);
	assert_int_equal(pawl_read_u8(&cursor, &byte), PAWL_ERR_OK);
	assert_int_equal(byte, 7);
	assert_int_equal(pawl_read_u8(&cursor, &byte), PAWL_ERR_TRUNCATED);
}

static void writer_refuses_overflow_whole(void **state)
{
	uint8_t memory[4];
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));

	(void)state;
	pawl_put_u16_le(&buf, 0xabcd);
	pawl_put_u32_le(&buf, 1);
	assert_int_equal(buf.size, 2);
	assert_int_equal(pawl_buf_check(&buf), PAWL_ERR_LIMIT);
	pawl_put_u8(&buf, 1);
	assert_int_equal(buf.size, 2);
}

static void hex_is_exact(void **state)
{
	uint8_t bytes[2] = { 0 };

	(void)state;
	assert_int_equal(pawl_hex_decode(PAWL_BYTES_LIT("aB01"), 2, bytes), PAWL_ERR_OK);
	assert_int_equal(bytes[0], 0xab);
	assert_int_equal(pawl_hex_decode(PAWL_BYTES_LIT("ab0"), 2, bytes), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_hex_decode(PAWL_BYTES_LIT("ab0g"), 2, bytes), PAWL_ERR_SYNTAX);
	assert_int_equal(pawl_hex_decode(PAWL_BYTES_LIT("ab0102"), 2, bytes), PAWL_ERR_SYNTAX);
}

static void crc_matches_the_standard_check_value(void **state)
{
	(void)state;
	/* The check value of CRC-32/ISO-HDLC. */
	assert_int_equal(pawl_crc32(0, PAWL_BYTES_LIT("123456789")), 0xcbf43926);
	const uint32_t half = pawl_crc32(0, PAWL_BYTES_LIT("1234"));
	assert_int_equal(pawl_crc32(half, PAWL_BYTES_LIT("56789")), 0xcbf43926);
}

static void text_refuses_nul_and_length(void **state)
{
	char text[4];

	(void)state;
	assert_int_equal(
	    pawl_bytes_to_text(PAWL_BYTES_LIT("abc"), sizeof(text), text), PAWL_ERR_OK);
	assert_string_equal(text, "abc");
	assert_int_equal(
	    pawl_bytes_to_text(PAWL_BYTES_LIT("abcd"), sizeof(text), text), PAWL_ERR_LIMIT);
	assert_int_equal(
	    pawl_bytes_to_text(PAWL_BYTES_LIT("a\0b"), sizeof(text), text), PAWL_ERR_SYNTAX);
}

static void arena_is_bounded_and_aligned(void **state)
{
	_Alignas(16) uint8_t memory[128];
	struct pawl_arena arena = pawl_arena_of(memory, sizeof(memory));

	(void)state;
	assert_non_null(pawl_arena_take(&arena, 1, 1));
	uint64_t *number = pawl_arena_take(&arena, 2, sizeof(*number));
	assert_non_null(number);
	assert_true((uintptr_t)number % _Alignof(max_align_t) == 0);
	assert_null(pawl_arena_take(&arena, SIZE_MAX / 2, 3));
	assert_null(pawl_arena_take(&arena, 1, 128));
	assert_non_null(pawl_arena_take(&arena, 1, 64));
}

static void secret_comparison_and_wiping(void **state)
{
	uint8_t a[3] = { 1, 2, 3 };
	const uint8_t b[3] = { 1, 2, 4 };

	(void)state;
	assert_true(pawl_bytes_equal_secret(a, a, 3));
	assert_false(pawl_bytes_equal_secret(a, b, 3));
	pawl_bytes_wipe(a, 3);
	assert_int_equal(a[0] | a[1] | a[2], 0);
	assert_true(pawl_bytes_compare(PAWL_BYTES(a, 2), PAWL_BYTES(a, 3)) < 0);
}

static void prng_is_reproducible_and_unbiased_in_range(void **state)
{
	struct pawl_prng one = pawl_prng_fork(1, 2);
	struct pawl_prng two = pawl_prng_fork(1, 2);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		const uint64_t draw = pawl_prng_below(&one, 10);
		assert_true(draw < 10);
		assert_true(draw == pawl_prng_below(&two, 10));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_text_name_and_class),
		cmocka_unit_test(notes_are_cut_and_terminated),
		cmocka_unit_test(integers_round_trip_and_never_wrap),
		cmocka_unit_test(cursor_stops_at_the_end_and_consumes_nothing),
		cmocka_unit_test(writer_refuses_overflow_whole),
		cmocka_unit_test(hex_is_exact),
		cmocka_unit_test(crc_matches_the_standard_check_value),
		cmocka_unit_test(text_refuses_nul_and_length),
		cmocka_unit_test(arena_is_bounded_and_aligned),
		cmocka_unit_test(secret_comparison_and_wiping),
		cmocka_unit_test(prng_is_reproducible_and_unbiased_in_range),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
