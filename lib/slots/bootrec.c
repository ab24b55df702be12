/* SPDX-License-Identifier: MIT
 *
 * The boot record: bytes of one copy, and the rule of two copies. The order
 * in pawl_bootrec_store is the whole point: the copy that counts is never
 * touched, so that a cut at any byte leaves it readable.
 */
#include "pawl/bootrec.h"

#include "pawl/num.h"

#include <string.h>

enum { FORMAT_VERSION = 1, CRC_OFFSET = PAWL_BOOTREC_SIZE - 4, SLOTS_END = 216 };

static const char magic[] = "PBRC";

static bool is_version_text(const char *text)
{
	for (size_t i = 0; i <= PAWL_VERSION_MAX; i++) {
		if (text[i] == '\0')
			return true;
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return false;
}

static bool is_valid(const struct pawl_bootrec *record)
{
	return pawl_slots_valid(&record->slots) &&
	       (unsigned)record->reason < PAWL_BOOT_REASON_COUNT &&
	       is_version_text(record->image[PAWL_SLOT_A].version) &&
	       is_version_text(record->image[PAWL_SLOT_B].version);
}

static void put_zeros(struct pawl_buf *buf, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pawl_put_u8(buf, 0);
}

static void put_slot(
    struct pawl_buf *buf, const struct pawl_slot *slot, const struct pawl_bootrec_image *image)
{
	const size_t version_size = strlen(image->version);

	pawl_put_u8(buf, (uint8_t)slot->state);
	pawl_put_u8(buf, slot->tries_left);
	pawl_put_u8(buf, (uint8_t)slot->failure);
	pawl_put_u8(buf, (uint8_t)version_size);
	pawl_put_u64_le(buf, slot->sec);
	pawl_put_u64_le(buf, image->seq);
	pawl_put_u64_le(buf, image->length);
	pawl_put_bytes(buf, PAWL_BYTES(image->sha256, PAWL_SHA256_SIZE));
	pawl_put_bytes(buf, PAWL_BYTES(image->version, version_size));
	put_zeros(buf, PAWL_VERSION_MAX - version_size + 4);
}

void pawl_bootrec_encode(const struct pawl_bootrec *record, uint8_t ret_copy[PAWL_BOOTREC_SIZE])
{
	PAWL_ASSERT(record != NULL && ret_copy != NULL && is_valid(record));

	struct pawl_buf buf = pawl_buf_of(ret_copy, PAWL_BOOTREC_SIZE);
	pawl_put_text(&buf, magic);
	pawl_put_u16_le(&buf, FORMAT_VERSION);
	pawl_put_u8(&buf, record->slots.running);
	pawl_put_u8(&buf, (uint8_t)record->reason);
	pawl_put_u64_le(&buf, record->sequence);
	pawl_put_u64_le(&buf, record->slots.floor);
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		put_slot(&buf, &record->slots.slot[i], &record->image[i]);
	put_zeros(&buf, CRC_OFFSET - SLOTS_END);
	pawl_put_u32_le(&buf, pawl_crc32(0, pawl_buf_bytes(&buf)));
	PAWL_ASSERT(!buf.overflow && buf.size == PAWL_BOOTREC_SIZE);
}

static pawl_err skip_zeros(struct pawl_cursor *cursor, size_t count)
{
	struct pawl_bytes filling;

	PAWL_TRY(pawl_read_bytes(cursor, count, &filling));
	for (size_t i = 0; i < filling.size; i++)
		if (filling.at[i] != 0)
			return PAWL_ERR_SYNTAX;
	return PAWL_ERR_OK;
}

static pawl_err read_slot(
    struct pawl_cursor *cursor, struct pawl_slot *ret_slot, struct pawl_bootrec_image *ret_image)
{
	uint8_t state;
	uint8_t failure;
	uint8_t version_size;
	struct pawl_bytes bytes;

	PAWL_TRY(pawl_read_u8(cursor, &state));
	PAWL_TRY(pawl_read_u8(cursor, &ret_slot->tries_left));
	PAWL_TRY(pawl_read_u8(cursor, &failure));
	PAWL_TRY(pawl_read_u8(cursor, &version_size));
	/* Before the casts: a value outside the enum must not become one. */
	if (state >= PAWL_SLOT_STATE_COUNT || failure >= PAWL_BOOT_REASON_COUNT ||
	    version_size > PAWL_VERSION_MAX)
		return PAWL_ERR_RANGE;
	ret_slot->state = (pawl_slot_state)state;
	ret_slot->failure = (pawl_boot_reason)failure;
	PAWL_TRY(pawl_read_u64_le(cursor, &ret_slot->sec));
	PAWL_TRY(pawl_read_u64_le(cursor, &ret_image->seq));
	PAWL_TRY(pawl_read_u64_le(cursor, &ret_image->length));
	PAWL_TRY(pawl_read_bytes(cursor, PAWL_SHA256_SIZE, &bytes));
	memcpy(ret_image->sha256, bytes.at, PAWL_SHA256_SIZE);
	PAWL_TRY(pawl_read_bytes(cursor, version_size, &bytes));
	memset(ret_image->version, 0, sizeof(ret_image->version));
	memcpy(ret_image->version, bytes.at, version_size);
	/* A NUL inside the text would make another length of it. */
	if (!is_version_text(ret_image->version) || strlen(ret_image->version) != version_size)
		return PAWL_ERR_RANGE;
	return skip_zeros(cursor, (size_t)(PAWL_VERSION_MAX - version_size) + 4);
}

pawl_err pawl_bootrec_decode(struct pawl_bytes copy, struct pawl_bootrec *ret_record)
{
	PAWL_ASSERT(ret_record != NULL);
	if (copy.size < PAWL_BOOTREC_SIZE)
		return PAWL_ERR_TRUNCATED;

	struct pawl_cursor cursor = pawl_cursor_of(PAWL_BYTES(copy.at, PAWL_BOOTREC_SIZE));
	struct pawl_cursor tail =
	    pawl_cursor_of(PAWL_BYTES(copy.at + CRC_OFFSET, PAWL_BOOTREC_SIZE - CRC_OFFSET));
	struct pawl_bytes found;
	uint32_t crc;
	uint16_t version;
	uint8_t reason;
	struct pawl_bootrec record = { .sequence = 0 };

	PAWL_TRY(pawl_read_u32_le(&tail, &crc));
	PAWL_TRY(pawl_read_bytes(&cursor, 4, &found));
	if (!pawl_bytes_is(found, magic) || pawl_crc32(0, PAWL_BYTES(copy.at, CRC_OFFSET)) != crc)
		return PAWL_ERR_CORRUPT;
	PAWL_TRY(pawl_read_u16_le(&cursor, &version));
	if (version != FORMAT_VERSION)
		return PAWL_ERR_UNSUPPORTED;
	PAWL_TRY(pawl_read_u8(&cursor, &record.slots.running));
	PAWL_TRY(pawl_read_u8(&cursor, &reason));
	if (reason >= PAWL_BOOT_REASON_COUNT)
		return PAWL_ERR_RANGE;
	record.reason = (pawl_boot_reason)reason;
	PAWL_TRY(pawl_read_u64_le(&cursor, &record.sequence));
	PAWL_TRY(pawl_read_u64_le(&cursor, &record.slots.floor));
	for (unsigned i = 0; i < PAWL_SLOT_COUNT; i++)
		PAWL_TRY(read_slot(&cursor, &record.slots.slot[i], &record.image[i]));
	PAWL_TRY(skip_zeros(&cursor, CRC_OFFSET - SLOTS_END));
	if (!is_valid(&record))
		return PAWL_ERR_RANGE;
	*ret_record = record;
	return PAWL_ERR_OK;
}

pawl_err pawl_bootrec_choose(const pawl_err verdicts[PAWL_BOOTREC_COPIES],
    const uint64_t sequences[PAWL_BOOTREC_COPIES], unsigned *ret_copy)
{
	const bool first = verdicts[0] == PAWL_ERR_OK;
	const bool second = verdicts[1] == PAWL_ERR_OK;

	if (!first && !second) {
		const bool foreign =
		    verdicts[0] == PAWL_ERR_UNSUPPORTED || verdicts[1] == PAWL_ERR_UNSUPPORTED;
		return foreign ? PAWL_ERR_UNSUPPORTED : PAWL_ERR_CORRUPT;
	}
	*ret_copy = second && (!first || sequences[1] > sequences[0]) ? 1 : 0;
	return PAWL_ERR_OK;
}

static uint64_t offset_of(unsigned copy)
{
	return (uint64_t)copy * PAWL_BOOTREC_SECTOR_SIZE;
}

static pawl_err load(const struct pawl_bootrec_device *device, struct pawl_bootrec *ret_record,
    unsigned *ret_copy, unsigned *ret_unread)
{
	struct pawl_bootrec records[PAWL_BOOTREC_COPIES];
	pawl_err verdicts[PAWL_BOOTREC_COPIES];
	uint64_t sequences[PAWL_BOOTREC_COPIES] = { 0, 0 };
	unsigned unread = 0;

	for (unsigned copy = 0; copy < PAWL_BOOTREC_COPIES; copy++) {
		uint8_t bytes[PAWL_BOOTREC_SIZE];
		verdicts[copy] =
		    device->read(device->context, offset_of(copy), bytes, sizeof(bytes));
		if (verdicts[copy] != PAWL_ERR_OK) {
			unread++;
			continue;
		}
		verdicts[copy] =
		    pawl_bootrec_decode(PAWL_BYTES(bytes, sizeof(bytes)), &records[copy]);
		if (verdicts[copy] == PAWL_ERR_OK)
			sequences[copy] = records[copy].sequence;
	}
	if (unread == PAWL_BOOTREC_COPIES)
		return PAWL_ERR_IO;

	unsigned chosen;
	PAWL_TRY(pawl_bootrec_choose(verdicts, sequences, &chosen));
	*ret_record = records[chosen];
	*ret_copy = chosen;
	*ret_unread = unread;
	return PAWL_ERR_OK;
}

pawl_err pawl_bootrec_load(
    const struct pawl_bootrec_device *device, struct pawl_bootrec *ret_record)
{
	unsigned copy;
	unsigned unread;

	PAWL_ASSERT(device != NULL && ret_record != NULL);
	return load(device, ret_record, &copy, &unread);
}

static pawl_err write_copy(
    const struct pawl_bootrec_device *device, unsigned copy, const struct pawl_bootrec *record)
{
	uint8_t bytes[PAWL_BOOTREC_SIZE];
	uint8_t back[PAWL_BOOTREC_SIZE];

	pawl_bootrec_encode(record, bytes);
	PAWL_TRY(device->write(device->context, offset_of(copy), bytes, sizeof(bytes)));
	PAWL_TRY(device->sync(device->context));
	PAWL_TRY(device->read(device->context, offset_of(copy), back, sizeof(back)));
	return memcmp(bytes, back, sizeof(bytes)) == 0 ? PAWL_ERR_OK : PAWL_ERR_CORRUPT;
}

pawl_err pawl_bootrec_store(const struct pawl_bootrec_device *device, struct pawl_bootrec *record)
{
	struct pawl_bootrec stored;
	unsigned copy;
	unsigned unread;

	PAWL_ASSERT(device != NULL && record != NULL && is_valid(record));
	PAWL_TRY(load(device, &stored, &copy, &unread));
	/* A copy that can not be read now may be the one `record` came from. */
	if (stored.sequence != record->sequence)
		return unread > 0 ? PAWL_ERR_IO : PAWL_ERR_REFUSED;

	struct pawl_bootrec next = *record;
	PAWL_TRY(pawl_add_u64(record->sequence, 1, &next.sequence));
	PAWL_TRY(write_copy(device, 1 - copy, &next));
	record->sequence = next.sequence;
	return PAWL_ERR_OK;
}

pawl_err pawl_bootrec_format(const struct pawl_bootrec_device *device, struct pawl_bootrec *record)
{
	PAWL_ASSERT(device != NULL && record != NULL && is_valid(record));

	struct pawl_bootrec next = *record;
	PAWL_TRY(pawl_add_u64(record->sequence, 1, &next.sequence));
	PAWL_TRY(write_copy(device, 0, record));
	PAWL_TRY(write_copy(device, 1, &next));
	record->sequence = next.sequence;
	return PAWL_ERR_OK;
}
