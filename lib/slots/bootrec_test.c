/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"

#include "pawl/bootrec.h"
#include "pawl/num.h"
#include "pawl/prng.h"

#include <stdio.h>
#include <string.h>

/* Memory that tears a write, fails the n-th operation or loses bits. */
struct store {
	uint8_t bytes[PAWL_BOOTREC_FILE_SIZE];
	size_t tear_at; /* bytes of the next writes that arrive; SIZE_MAX: all       */
	int fail_at;    /* operations until one fails; -1: none does                 */
	unsigned syncs;
};

static pawl_err count_down(struct store *store)
{
	if (store->fail_at == 0)
		return PAWL_ERR_IO;
	if (store->fail_at > 0)
		store->fail_at--;
	return PAWL_ERR_OK;
}

static pawl_err store_read(void *context, uint64_t offset, void *ret_bytes, size_t size)
{
	struct store *store = context;

	PAWL_TRY(count_down(store));
	assert_true(offset % PAWL_BOOTREC_SECTOR_SIZE == 0 && size == PAWL_BOOTREC_SIZE);
	memcpy(ret_bytes, store->bytes + offset, size);
	return PAWL_ERR_OK;
}

static pawl_err store_write(void *context, uint64_t offset, const void *bytes, size_t size)
{
	struct store *store = context;

	PAWL_TRY(count_down(store));
	assert_true(offset % PAWL_BOOTREC_SECTOR_SIZE == 0 && size == PAWL_BOOTREC_SIZE);
	memcpy(store->bytes + offset, bytes, size < store->tear_at ? size : store->tear_at);
	return PAWL_ERR_OK;
}

static pawl_err store_sync(void *context)
{
	struct store *store = context;

	PAWL_TRY(count_down(store));
	store->syncs++;
	return PAWL_ERR_OK;
}

static struct pawl_bootrec_device device_of(struct store *store)
{
	store->tear_at = SIZE_MAX;
	store->fail_at = -1;
	return (struct pawl_bootrec_device){ store, store_read, store_write, store_sync };
}

static struct pawl_bootrec factory(void)
{
	struct pawl_bootrec record = { .sequence = 1, .slots = pawl_slots_factory(4) };

	record.reason = PAWL_BOOT_POWER_ON;
	record.image[PAWL_SLOT_A].seq = 7;
	record.image[PAWL_SLOT_A].length = 12345678;
	memset(record.image[PAWL_SLOT_A].sha256, 0xa5, PAWL_SHA256_SIZE);
	memcpy(record.image[PAWL_SLOT_A].version, "1.0.0", sizeof("1.0.0"));
	return record;
}

static struct pawl_bootrec random_record(struct pawl_prng *prng)
{
	struct pawl_bootrec record;

	memset(&record, 0, sizeof(record));
	record.sequence = pawl_prng_next(prng);
	record.reason = (pawl_boot_reason)pawl_prng_below(prng, PAWL_BOOT_REASON_COUNT);
	record.slots.floor = pawl_prng_next(prng);
	record.slots.running = (uint8_t)pawl_prng_below(prng, 3);
	if (record.slots.running == 2)
		record.slots.running = PAWL_SLOT_NONE;
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++) {
		struct pawl_slot *slot = &record.slots.slot[i];
		do {
			slot->state = (pawl_slot_state)pawl_prng_below(prng, PAWL_SLOT_STATE_COUNT);
			slot->tries_left = (uint8_t)pawl_prng_below(prng, 4);
			slot->failure =
			    (pawl_boot_reason)pawl_prng_below(prng, PAWL_BOOT_REASON_COUNT);
			slot->sec = pawl_prng_below(prng, 3);
		} while (!pawl_slots_valid(&record.slots));
		record.image[i].seq = pawl_prng_next(prng);
		record.image[i].length = pawl_prng_next(prng);
		for (unsigned b = 0; b < PAWL_SHA256_SIZE; b++)
			record.image[i].sha256[b] = (uint8_t)pawl_prng_next(prng);
		const size_t size = (size_t)pawl_prng_below(prng, PAWL_VERSION_MAX + 1);
		for (size_t b = 0; b < size; b++)
			record.image[i].version[b] =
			    (char)('!' + pawl_prng_below(prng, '~' - '!' + 1));
	}
	return record;
}

static void assert_same(const struct pawl_bootrec *a, const struct pawl_bootrec *b)
{
	uint8_t bytes_a[PAWL_BOOTREC_SIZE];
	uint8_t bytes_b[PAWL_BOOTREC_SIZE];

	pawl_bootrec_encode(a, bytes_a);
	pawl_bootrec_encode(b, bytes_b);
	assert_memory_equal(bytes_a, bytes_b, PAWL_BOOTREC_SIZE);
}

static void records_round_trip(void **state)
{
	struct pawl_prng prng = pawl_prng_of(11);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const struct pawl_bootrec record = random_record(&prng);
		struct pawl_bootrec back;
		uint8_t bytes[PAWL_BOOTREC_SIZE];

		pawl_bootrec_encode(&record, bytes);
		assert_int_equal(
		    pawl_bootrec_decode(PAWL_BYTES(bytes, sizeof(bytes)), &back), PAWL_ERR_OK);
		assert_same(&record, &back);
		assert_true(back.sequence == record.sequence && back.reason == record.reason);
		assert_true(back.slots.floor == record.slots.floor);
		assert_int_equal(back.slots.running, record.slots.running);
		for (unsigned s = 0; s < PAWL_SLOT_COUNT; s++) {
			assert_string_equal(back.image[s].version, record.image[s].version);
			assert_true(back.image[s].length == record.image[s].length);
			assert_true(back.slots.slot[s].sec == record.slots.slot[s].sec);
			assert_int_equal(back.slots.slot[s].state, record.slots.slot[s].state);
			assert_int_equal(back.slots.slot[s].failure, record.slots.slot[s].failure);
		}
	}
}

static void bytes_are_where_the_header_says(void **state)
{
	struct pawl_bootrec record = factory();
	uint8_t bytes[PAWL_BOOTREC_SIZE];

	(void)state;
	record.sequence = 0x0102;
	record.slots.floor = 3;
	pawl_bootrec_encode(&record, bytes);
	assert_memory_equal(bytes, "PBRC\x01\x00\xff\x01\x02\x01", 10);
	assert_int_equal(bytes[16], 3);
	assert_memory_equal(bytes + 24, "\x04\x03\x00\x05\x04\x00\x00\x00\x00\x00\x00\x00\x07", 13);
	assert_int_equal(bytes[24 + 28], 0xa5);
	assert_memory_equal(bytes + 24 + 60, "1.0.0\0", 6);
	assert_int_equal(bytes[120], PAWL_SLOT_EMPTY);
}

static void damaged_copies_are_refused(void **state)
{
	const struct pawl_bootrec record = factory();
	uint8_t bytes[PAWL_BOOTREC_SIZE];
	struct pawl_bootrec back;

	(void)state;
	pawl_bootrec_encode(&record, bytes);
	for (size_t bit = 0; bit < (size_t)8 * PAWL_BOOTREC_SIZE; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(
		    pawl_bootrec_decode(PAWL_BYTES(bytes, sizeof(bytes)), &back), PAWL_ERR_CORRUPT);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < PAWL_BOOTREC_SIZE; size++)
		assert_int_equal(
		    pawl_bootrec_decode(PAWL_BYTES(bytes, size), &back), PAWL_ERR_TRUNCATED);
}

static pawl_err decode_with(size_t offset, uint8_t value)
{
	const struct pawl_bootrec record = factory();
	uint8_t bytes[PAWL_BOOTREC_SIZE];
	struct pawl_bootrec back;

	pawl_bootrec_encode(&record, bytes);
	bytes[offset] = value;
	const uint32_t crc = pawl_crc32(0, PAWL_BYTES(bytes, PAWL_BOOTREC_SIZE - 4));
	for (unsigned i = 0; i < 4; i++)
		bytes[PAWL_BOOTREC_SIZE - 4 + i] = (uint8_t)(crc >> (8 * i));
	return pawl_bootrec_decode(PAWL_BYTES(bytes, sizeof(bytes)), &back);
}

static void wrong_fields_are_refused_by_name(void **state)
{
	(void)state;
	assert_int_equal(decode_with(4, 2), PAWL_ERR_UNSUPPORTED);
	assert_int_equal(decode_with(6, 2), PAWL_ERR_RANGE);
	assert_int_equal(decode_with(7, PAWL_BOOT_REASON_COUNT), PAWL_ERR_RANGE);
	assert_int_equal(decode_with(24, PAWL_SLOT_STATE_COUNT), PAWL_ERR_RANGE);
	assert_int_equal(decode_with(25, PAWL_SLOT_TRIES_MAX + 1), PAWL_ERR_RANGE);
	assert_int_equal(decode_with(26, PAWL_BOOT_REASON_COUNT), PAWL_ERR_RANGE);
	assert_int_equal(decode_with(27, 33), PAWL_ERR_RANGE);
	assert_int_equal(decode_with(27, 6), PAWL_ERR_RANGE);  /* a NUL inside    */
	assert_int_equal(decode_with(27, 4), PAWL_ERR_SYNTAX); /* text behind it */
	assert_int_equal(decode_with(24 + 60, ' '), PAWL_ERR_RANGE);
	assert_int_equal(decode_with(121, 1), PAWL_ERR_RANGE); /* EMPTY with tries */
	assert_int_equal(decode_with(24 + 92, 1), PAWL_ERR_SYNTAX);
	assert_int_equal(decode_with(230, 1), PAWL_ERR_SYNTAX);
}

static void a_torn_write_leaves_the_other_copy(void **state)
{
	unsigned long cuts = 0;

	(void)state;
	for (unsigned parity = 0; parity < 2; parity++)
		for (size_t tear = 0; tear <= PAWL_BOOTREC_SIZE; tear++) {
			struct store store = { { 0 }, 0, 0, 0 };
			const struct pawl_bootrec_device device = device_of(&store);
			struct pawl_bootrec record = factory();
			struct pawl_bootrec back;

			assert_int_equal(pawl_bootrec_format(&device, &record), PAWL_ERR_OK);
			for (unsigned i = 0; i < parity; i++)
				assert_int_equal(pawl_bootrec_store(&device, &record), PAWL_ERR_OK);
			const uint64_t sequence = record.sequence;
			record.slots.floor = 99;
			store.tear_at = tear;
			const pawl_err err = pawl_bootrec_store(&device, &record);
			assert_int_equal(
			    err, tear == PAWL_BOOTREC_SIZE ? PAWL_ERR_OK : PAWL_ERR_CORRUPT);
			store.tear_at = SIZE_MAX;
			assert_int_equal(pawl_bootrec_load(&device, &back), PAWL_ERR_OK);
			if (err == PAWL_ERR_OK)
				assert_true(
				    back.sequence == sequence + 1 && back.slots.floor == 99);
			else
				assert_true(back.sequence == sequence && back.slots.floor == 0);
			/* And it can be stored again. */
			back.slots.floor = 100;
			assert_int_equal(pawl_bootrec_store(&device, &back), PAWL_ERR_OK);
			assert_int_equal(pawl_bootrec_load(&device, &record), PAWL_ERR_OK);
			assert_true(record.slots.floor == 100);
			cuts++;
		}
	printf("%lu torn writes\n", cuts);
}

static void writes_alternate_and_are_synced(void **state)
{
	struct store store = { { 0 }, 0, 0, 0 };
	const struct pawl_bootrec_device device = device_of(&store);
	struct pawl_bootrec record = factory();

	(void)state;
	assert_int_equal(pawl_bootrec_format(&device, &record), PAWL_ERR_OK);
	for (unsigned i = 0; i < 10; i++) {
		uint8_t before[PAWL_BOOTREC_FILE_SIZE];
		memcpy(before, store.bytes, sizeof(before));
		const unsigned syncs = store.syncs;
		assert_int_equal(pawl_bootrec_store(&device, &record), PAWL_ERR_OK);
		assert_int_equal(store.syncs, syncs + 1);
		const bool first = memcmp(before, store.bytes, PAWL_BOOTREC_SIZE) != 0;
		const bool second =
		    memcmp(before + PAWL_BOOTREC_SECTOR_SIZE,
			store.bytes + PAWL_BOOTREC_SECTOR_SIZE, PAWL_BOOTREC_SIZE) != 0;
		assert_int_equal(first, i % 2 == 0);
		assert_int_equal(second, i % 2 == 1);
	}
}

static void failures_of_the_device_are_handed_on(void **state)
{
	int failed = 0;

	(void)state;
	for (int fail_at = 0; fail_at < 8; fail_at++) {
		struct store store = { { 0 }, 0, 0, 0 };
		const struct pawl_bootrec_device device = device_of(&store);
		struct pawl_bootrec record = factory();
		struct pawl_bootrec back;

		assert_int_equal(pawl_bootrec_format(&device, &record), PAWL_ERR_OK);
		const uint64_t sequence = record.sequence;
		store.fail_at = fail_at;
		const pawl_err err = pawl_bootrec_store(&device, &record);
		store.fail_at = -1;
		if (err != PAWL_ERR_OK) {
			failed++;
			assert_true(record.sequence == sequence);
		}
		assert_int_equal(pawl_bootrec_load(&device, &back), PAWL_ERR_OK);
		assert_true(back.sequence == sequence || back.sequence == sequence + 1);
	}
	assert_int_equal(failed, 5); /* two reads, write, sync, read back */
}

static void a_lost_update_and_an_empty_store_are_refused(void **state)
{
	struct store store = { { 0 }, 0, 0, 0 };
	const struct pawl_bootrec_device device = device_of(&store);
	struct pawl_bootrec record = factory();
	struct pawl_bootrec other;

	(void)state;
	assert_int_equal(pawl_bootrec_load(&device, &other), PAWL_ERR_CORRUPT);
	assert_int_equal(pawl_bootrec_store(&device, &record), PAWL_ERR_CORRUPT);
	assert_int_equal(pawl_bootrec_format(&device, &record), PAWL_ERR_OK);
	assert_int_equal(pawl_bootrec_load(&device, &other), PAWL_ERR_OK);
	assert_int_equal(pawl_bootrec_store(&device, &other), PAWL_ERR_OK);
	assert_int_equal(pawl_bootrec_store(&device, &record), PAWL_ERR_REFUSED);
	record.sequence = UINT64_MAX - 1;
	assert_int_equal(pawl_bootrec_format(&device, &record), PAWL_ERR_OK);
	assert_int_equal(pawl_bootrec_store(&device, &record), PAWL_ERR_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_round_trip),
		cmocka_unit_test(bytes_are_where_the_header_says),
		cmocka_unit_test(damaged_copies_are_refused),
		cmocka_unit_test(wrong_fields_are_refused_by_name),
		cmocka_unit_test(a_torn_write_leaves_the_other_copy),
		cmocka_unit_test(writes_alternate_and_are_synced),
		cmocka_unit_test(failures_of_the_device_are_handed_on),
		cmocka_unit_test(a_lost_update_and_an_empty_store_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
