/* SPDX-License-Identifier: MIT
 *
 * The state file: a framed JSON object. What is out of range is refused as a
 * whole: a device that starts over is better than one that acts on damage.
 */
#include "device_internal.h"

#include "pawl/arena.h"
#include "pawl/json.h"
#include "pawl/record.h"
#include "pawl/release.h"

#include <string.h>

static const char MAGIC[4] = { 'P', 'A', 'G', 'T' };

enum {
	VERSION = 1,
	/* A queue of full reports, and the fixed part; counted in device_test.c. */
	TOKENS_MAX = 512
};

/* --- writing --- */

static void write_report(struct pawl_json_writer *writer, const struct pawl_device_report *report)
{
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "action", report->action);
	pawl_json_member_int(writer, "kind", (int64_t)report->kind);
	pawl_json_member_text(writer, "reason", pawl_reason_id(report->reason));
	pawl_json_member_text(writer, "sentence", report->sentence);
	pawl_json_end_object(writer);
}

static void write_release(
    struct pawl_json_writer *writer, const struct pawl_device_release *release)
{
	uint8_t hex[PAWL_SHA256_HEX];
	struct pawl_buf buf = pawl_buf_of(hex, sizeof(hex));
	pawl_put_hex(&buf, PAWL_BYTES(release->sha256, sizeof(release->sha256)));
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "path", release->path);
	pawl_json_member_text(writer, "version", release->version);
	pawl_json_member_int(writer, "seq", release->seq);
	pawl_json_member_int(writer, "sec", release->sec);
	pawl_json_member_int(writer, "length", (int64_t)release->length);
	pawl_json_key(writer, "sha256");
	pawl_json_put_string(writer, pawl_buf_bytes(&buf));
	pawl_json_end_object(writer);
}

static void write_state(struct pawl_json_writer *writer, const struct pawl_device_stored *stored)
{
	pawl_json_begin_object(writer);
	pawl_json_member_text(writer, "phase", pawl_phase_name(stored->phase));
	pawl_json_member_text(writer, "action", stored->action);
	pawl_json_member_int(writer, "slot", stored->slot);
	pawl_json_key(writer, "release");
	write_release(writer, &stored->release);
	pawl_json_member_int(writer, "offset", (int64_t)stored->offset);
	pawl_json_member_int(writer, "furthest", (int64_t)stored->furthest);
	pawl_json_member_int(writer, "tries", stored->tries);
	pawl_json_member_int(writer, "rewrites", stored->rewrites);
	pawl_json_member_int(writer, "mismatches", stored->mismatches);
	pawl_json_member_int(writer, "starts", stored->starts);
	pawl_json_member_int(writer, "spent", (int64_t)stored->spent);
	pawl_json_member_text(writer, "reason", pawl_reason_id(stored->reason));
	pawl_json_member_text(writer, "sentence", stored->sentence);
	pawl_json_member_text(writer, "lastAction", stored->last_action);
	pawl_json_member_bool(writer, "lastSuccess", stored->last_success);
	pawl_json_member_text(writer, "lastReason", pawl_reason_id(stored->last_reason));
	pawl_json_member_text(writer, "lastSentence", stored->last_sentence);
	pawl_json_member_int(writer, "channelCounter", stored->channel_counter);
	pawl_json_member_int(writer, "timeFloor", stored->time_floor.ms);
	pawl_json_key(writer, "reports");
	pawl_json_begin_array(writer);
	for (uint32_t i = 0; i < stored->report_count; i++)
		write_report(writer, &stored->reports[i]);
	pawl_json_end_array(writer);
	pawl_json_end_object(writer);
}

pawl_err pawl_device_encode(const struct pawl_device_stored *stored, struct pawl_buf *out)
{
	/* The frame is written around the payload where it stands. */
	if (out->capacity - out->size < PAWL_RECORD_OVERHEAD)
		return PAWL_ERR_LIMIT;
	const size_t half = (out->capacity - out->size) / 2;
	uint8_t *const payload_at = out->at + out->capacity - half;
	struct pawl_buf payload = pawl_buf_of(payload_at, half);
	struct pawl_buf frame = pawl_buf_of(out->at + out->size, out->capacity - out->size - half);
	struct pawl_json_writer writer = pawl_json_writer_of(&payload);
	write_state(&writer, stored);
	PAWL_TRY(pawl_buf_check(&payload));
	pawl_put_record(&frame, MAGIC, VERSION, pawl_buf_bytes(&payload));
	PAWL_TRY(pawl_buf_check(&frame));
	out->size += frame.size;
	return PAWL_ERR_OK;
}

/* --- reading --- */

static pawl_err read_text(
    const struct pawl_json *json, uint32_t object, const char *key, size_t capacity, char *ret_text)
{
	return pawl_json_text(json, pawl_json_get(json, object, key), capacity, ret_text);
}

static pawl_err read_int(
    const struct pawl_json *json, uint32_t object, const char *key, int64_t max, int64_t *ret_value)
{
	return pawl_json_int(json, pawl_json_get(json, object, key), 0, max, ret_value);
}

static pawl_err read_u32(const struct pawl_json *json, uint32_t object, const char *key,
    int64_t max, uint32_t *ret_value)
{
	int64_t value = 0;
	PAWL_TRY(read_int(json, object, key, max, &value));
	*ret_value = (uint32_t)value;
	return PAWL_ERR_OK;
}

/* The counters that another version of the agent may not write: the state is
 * read by the agent of the other slot after an update and after a fallback. */
static pawl_err read_counters(const struct pawl_json *json, struct pawl_device_stored *stored)
{
	int64_t number = 0;
	if (pawl_json_get(json, 0, "mismatches") != PAWL_JSON_NONE)
		PAWL_TRY(read_u32(json, 0, "mismatches", INT32_MAX, &stored->mismatches));
	if (pawl_json_get(json, 0, "starts") != PAWL_JSON_NONE)
		PAWL_TRY(read_u32(json, 0, "starts", INT32_MAX, &stored->starts));
	if (pawl_json_get(json, 0, "spent") != PAWL_JSON_NONE)
		PAWL_TRY(read_int(json, 0, "spent", INT64_MAX, &number));
	stored->spent = (uint64_t)number;
	return PAWL_ERR_OK;
}

static pawl_err read_reason(
    const struct pawl_json *json, uint32_t object, const char *key, pawl_reason *ret_reason)
{
	const uint32_t value = pawl_json_get(json, object, key);
	for (unsigned i = 0; i < PAWL_REASON_COUNT; i++) {
		if (pawl_json_string_is(json, value, pawl_reason_id((pawl_reason)i))) {
			*ret_reason = (pawl_reason)i;
			return PAWL_ERR_OK;
		}
	}
	return PAWL_ERR_RANGE;
}

static pawl_err read_phase(const struct pawl_json *json, uint32_t object, pawl_phase *ret_phase)
{
	const uint32_t value = pawl_json_get(json, object, "phase");
	for (unsigned i = 0; i < PAWL_PHASE_COUNT; i++) {
		if (pawl_json_string_is(json, value, pawl_phase_name((pawl_phase)i))) {
			*ret_phase = (pawl_phase)i;
			return PAWL_ERR_OK;
		}
	}
	return PAWL_ERR_RANGE;
}

static pawl_err read_release(
    const struct pawl_json *json, uint32_t object, struct pawl_device_release *ret_release)
{
	struct pawl_bytes hex;
	int64_t length = 0;
	PAWL_TRY(read_text(json, object, "path", sizeof(ret_release->path), ret_release->path));
	PAWL_TRY(
	    read_text(json, object, "version", sizeof(ret_release->version), ret_release->version));
	PAWL_TRY(read_int(json, object, "seq", PAWL_SEQ_MAX, &ret_release->seq));
	PAWL_TRY(read_int(json, object, "sec", PAWL_SEC_MAX, &ret_release->sec));
	PAWL_TRY(read_int(json, object, "length", INT64_MAX, &length));
	ret_release->length = (uint64_t)length;
	PAWL_TRY(pawl_json_plain(json, pawl_json_get(json, object, "sha256"), &hex));
	return pawl_hex_decode(hex, sizeof(ret_release->sha256), ret_release->sha256);
}

static pawl_err read_reports(
    const struct pawl_json *json, uint32_t array, struct pawl_device_stored *stored)
{
	if (!pawl_json_is(json, array, PAWL_JSON_ARRAY))
		return PAWL_ERR_SYNTAX;
	for (uint32_t item = pawl_json_first(json, array); item != PAWL_JSON_NONE;
	     item = pawl_json_after(json, array, item)) {
		if (stored->report_count == PAWL_DEVICE_REPORTS_MAX)
			return PAWL_ERR_LIMIT;
		struct pawl_device_report *const report = &stored->reports[stored->report_count];
		int64_t kind = 0;
		PAWL_TRY(read_text(json, item, "action", sizeof(report->action), report->action));
		PAWL_TRY(read_int(json, item, "kind", PAWL_REPORT_KIND_COUNT - 1, &kind));
		report->kind = (pawl_report_kind)kind;
		PAWL_TRY(read_reason(json, item, "reason", &report->reason));
		PAWL_TRY(
		    read_text(json, item, "sentence", sizeof(report->sentence), report->sentence));
		stored->report_count++;
	}
	return PAWL_ERR_OK;
}

static pawl_err read_state(const struct pawl_json *json, struct pawl_device_stored *stored)
{
	int64_t number = 0;
	PAWL_TRY(read_phase(json, 0, &stored->phase));
	PAWL_TRY(read_text(json, 0, "action", sizeof(stored->action), stored->action));
	PAWL_TRY(read_int(json, 0, "slot", PAWL_SLOT_NONE, &number));
	if (number >= PAWL_SLOT_COUNT && number != PAWL_SLOT_NONE)
		return PAWL_ERR_RANGE;
	stored->slot = (uint8_t)number;
	PAWL_TRY(read_release(json, pawl_json_get(json, 0, "release"), &stored->release));
	PAWL_TRY(read_int(json, 0, "offset", INT64_MAX, &number));
	stored->offset = (uint64_t)number;
	PAWL_TRY(read_int(json, 0, "furthest", INT64_MAX, &number));
	stored->furthest = (uint64_t)number;
	PAWL_TRY(read_u32(json, 0, "tries", INT32_MAX, &stored->tries));
	PAWL_TRY(read_u32(json, 0, "rewrites", INT32_MAX, &stored->rewrites));
	PAWL_TRY(read_counters(json, stored));
	PAWL_TRY(read_reason(json, 0, "reason", &stored->reason));
	PAWL_TRY(read_text(json, 0, "sentence", sizeof(stored->sentence), stored->sentence));
	PAWL_TRY(
	    read_text(json, 0, "lastAction", sizeof(stored->last_action), stored->last_action));
	PAWL_TRY(
	    pawl_json_bool(json, pawl_json_get(json, 0, "lastSuccess"), &stored->last_success));
	PAWL_TRY(read_reason(json, 0, "lastReason", &stored->last_reason));
	PAWL_TRY(read_text(
	    json, 0, "lastSentence", sizeof(stored->last_sentence), stored->last_sentence));
	PAWL_TRY(read_int(json, 0, "channelCounter", PAWL_SEQ_MAX, &stored->channel_counter));
	PAWL_TRY(read_int(json, 0, "timeFloor", INT64_MAX, &stored->time_floor.ms));
	return read_reports(json, pawl_json_get(json, 0, "reports"), stored);
}

/* What the machine relies on. */
static bool fits_together(const struct pawl_device_stored *stored)
{
	const bool has_slot = stored->slot != PAWL_SLOT_NONE;
	if (stored->offset > stored->release.length)
		return false;
	switch (stored->phase) {
	case PAWL_PHASE_IDLE: return true;
	case PAWL_PHASE_CHECKING: return stored->action[0] != '\0';
	case PAWL_PHASE_DOWNLOADING:
	case PAWL_PHASE_READBACK:
	case PAWL_PHASE_STAGED:
	case PAWL_PHASE_ACTIVATED: return has_slot && stored->action[0] != '\0';
	case PAWL_PHASE_PROBATION:
	case PAWL_PHASE_REVERTING:
	case PAWL_PHASE_ABANDONING: return has_slot;
	}
	return false;
}

pawl_err pawl_device_decode(struct pawl_bytes bytes, void *scratch, size_t scratch_size,
    struct pawl_device_stored *ret_stored)
{
	uint16_t version = 0;
	struct pawl_bytes payload;
	struct pawl_arena arena = pawl_arena_of(scratch, scratch_size);
	struct pawl_json json;
	struct pawl_json_token *const tokens =
	    pawl_arena_take(&arena, TOKENS_MAX, sizeof(struct pawl_json_token));
	struct pawl_device_stored *const stored =
	    pawl_arena_take(&arena, 1, sizeof(struct pawl_device_stored));
	if (tokens == NULL || stored == NULL)
		return PAWL_ERR_NO_MEMORY;
	if (bytes.size > PAWL_DEVICE_STATE_SIZE_MAX)
		return PAWL_ERR_LIMIT;
	PAWL_TRY(pawl_record_decode(bytes, MAGIC, VERSION, &version, &payload));
	PAWL_TRY(pawl_json_parse(payload, tokens, TOKENS_MAX, &json, NULL));
	PAWL_TRY(read_state(&json, stored));
	if (!fits_together(stored))
		return PAWL_ERR_RANGE;
	*ret_stored = *stored;
	return PAWL_ERR_OK;
}
