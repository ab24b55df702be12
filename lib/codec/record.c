/* SPDX-License-Identifier: MIT */
#include "pawl/record.h"

#include "pawl/num.h"

#include <string.h>

enum { MAGIC_SIZE = 4, CRC_SIZE = 4 };

void pawl_put_record(
    struct pawl_buf *out, const char magic[4], uint16_t version, struct pawl_bytes payload)
{
	const size_t start = out->size;

	if (payload.size > PAWL_RECORD_PAYLOAD_MAX ||
	    out->capacity - out->size < payload.size + PAWL_RECORD_OVERHEAD)
		out->overflow = true;
	if (out->overflow)
		return;
	pawl_put_bytes(out, PAWL_BYTES(magic, MAGIC_SIZE));
	pawl_put_u16_le(out, version);
	pawl_put_u16_le(out, 0);
	pawl_put_u32_le(out, (uint32_t)payload.size);
	pawl_put_bytes(out, payload);
	pawl_put_u32_le(out, pawl_crc32(0, PAWL_BYTES(out->at + start, out->size - start)));
}

pawl_err pawl_record_decode(struct pawl_bytes bytes, const char magic[4], uint16_t version_max,
    uint16_t *ret_version, struct pawl_bytes *ret_payload)
{
	struct pawl_cursor cursor = pawl_cursor_of(bytes);
	struct pawl_bytes seen_magic;
	struct pawl_bytes payload;
	uint16_t version;
	uint16_t reserved;
	uint32_t size;
	uint32_t crc;

	PAWL_TRY(pawl_read_bytes(&cursor, MAGIC_SIZE, &seen_magic));
	if (memcmp(seen_magic.at, magic, MAGIC_SIZE) != 0)
		return PAWL_ERR_SYNTAX;
	PAWL_TRY(pawl_read_u16_le(&cursor, &version));
	PAWL_TRY(pawl_read_u16_le(&cursor, &reserved));
	PAWL_TRY(pawl_read_u32_le(&cursor, &size));
	if (size > PAWL_RECORD_PAYLOAD_MAX)
		return PAWL_ERR_LIMIT;
	PAWL_TRY(pawl_read_bytes(&cursor, size, &payload));
	PAWL_TRY(pawl_read_u32_le(&cursor, &crc));
	if (pawl_cursor_left(&cursor) != 0)
		return PAWL_ERR_SYNTAX;
	if (crc != pawl_crc32(0, PAWL_BYTES(bytes.at, bytes.size - CRC_SIZE)) || reserved != 0)
		return PAWL_ERR_CORRUPT;
	if (version == 0 || version > version_max)
		return PAWL_ERR_UNSUPPORTED;
	*ret_version = version;
	*ret_payload = payload;
	return PAWL_ERR_OK;
}
