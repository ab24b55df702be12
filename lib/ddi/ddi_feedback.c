/* SPDX-License-Identifier: MIT
 *
 * What devices say about themselves: feedback and attributes. */
#include "ddi_internal.h"

#include "pawl/text.h"

#include <string.h>

static const char *const execution_names[] = {
	[PAWL_DDI_CLOSED] = "closed",
	[PAWL_DDI_PROCEEDING] = "proceeding",
	[PAWL_DDI_CANCELED] = "canceled",
	[PAWL_DDI_SCHEDULED] = "scheduled",
	[PAWL_DDI_REJECTED] = "rejected",
	[PAWL_DDI_RESUMED] = "resumed",
	[PAWL_DDI_DOWNLOADED] = "downloaded",
	[PAWL_DDI_DOWNLOAD] = "download",
};
static const char *const finished_names[] = {
	[PAWL_DDI_FINISHED_NONE] = "none",
	[PAWL_DDI_FINISHED_SUCCESS] = "success",
	[PAWL_DDI_FINISHED_FAILURE] = "failure",
};
static const char *const mode_names[] = {
	[PAWL_DDI_MERGE] = "merge",
	[PAWL_DDI_REPLACE] = "replace",
	[PAWL_DDI_REMOVE] = "remove",
};

enum { EXECUTIONS = 8, FINISHES = 3, MODES = 3 };

const char *pawl_ddi_execution_name(pawl_ddi_execution execution)
{
	PAWL_ASSERT((size_t)execution < EXECUTIONS);
	return execution_names[execution];
}

const char *pawl_ddi_finished_name(pawl_ddi_finished finished)
{
	PAWL_ASSERT((size_t)finished < FINISHES);
	return finished_names[finished];
}

/* --- mending what an old client may send --- */

static bool is_hex(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

/* The six bytes at `at` are "\uD8xx".."\uDBxx" or, with `low`, "\uDCxx".."\uDFxx". */
static bool is_surrogate(const uint8_t *at, size_t left, bool low)
{
	if (left < 6 || at[0] != '\\' || at[1] != 'u' || (at[2] | 0x20) != 'd')
		return false;
	const bool is_low = (at[3] | 0x20) >= 'c' && (at[3] | 0x20) <= 'f';
	const bool is_high =
	    at[3] == '8' || at[3] == '9' || (at[3] | 0x20) == 'a' || (at[3] | 0x20) == 'b';

	return (low ? is_low : is_high) && is_hex(at[4]) && is_hex(at[5]);
}

/* Replaces what no JSON text may hold by something of the same length. */
static void mend(uint8_t *at, size_t size)
{
	size_t i = 0;

	while (i < size) {
		const size_t left = size - i;
		const size_t character = pawl_utf8_next(PAWL_BYTES(at + i, left));

		if (character == 0) {
			at[i++] = '?';
		} else if (at[i] < 0x20) {
			at[i++] = ' ';
		} else if (at[i] != '\\') {
			i += character;
		} else if (is_surrogate(at + i, left, false) &&
			   is_surrogate(at + i + 6, left - 6, true)) {
			i += 12;
		} else if (is_surrogate(at + i, left, false) || is_surrogate(at + i, left, true)) {
			memcpy(at + i, "\\ufffd", 6);
			i += 6;
		} else {
			i += left < 2 ? 1 : 2; /* an escape hides the byte after it */
		}
	}
}

/* As pawl_ddi_open, trying again with a mended copy. */
static pawl_err open_mended(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_note *reterr_note, struct pawl_ddi_reader *ret_reader)
{
	const size_t used = arena->used;
	const pawl_err err = pawl_ddi_open(text, arena, NULL, ret_reader);

	if (err == PAWL_ERR_OK) {
		ret_reader->note = reterr_note;
		return PAWL_ERR_OK;
	}
	arena->used = used;
	uint8_t *copy = pawl_arena_take(arena, text.size, 1);
	if (copy == NULL) {
		pawl_note_add(reterr_note, "no memory is left");
		return PAWL_ERR_NO_MEMORY;
	}
	if (text.size > 0)
		memcpy(copy, text.at, text.size);
	mend(copy, text.size);
	return pawl_ddi_open(PAWL_BYTES(copy, text.size), arena, reterr_note, ret_reader);
}

/* --- feedback --- */

static pawl_err read_details(
    const struct pawl_ddi_reader *reader, uint32_t value, struct pawl_ddi_feedback *feedback)
{
	const struct pawl_json *json = &reader->json;
	const bool is_list = pawl_json_is(json, value, PAWL_JSON_ARRAY);
	uint32_t it = is_list ? pawl_json_first(json, value) : value;

	if (pawl_json_is(json, value, PAWL_JSON_NULL))
		return PAWL_ERR_OK;

	while (it != PAWL_JSON_NONE) {
		struct pawl_bytes text;
		if (feedback->detail_count == PAWL_FEEDBACK_MESSAGES_MAX) {
			feedback->details_dropped =
			    pawl_json_count(json, value) - PAWL_FEEDBACK_MESSAGES_MAX;
			return PAWL_ERR_OK;
		}
		if (pawl_json_is(json, it, PAWL_JSON_STRING))
			PAWL_TRY(pawl_ddi_string(reader, it, "details", &text));
		else
			text = pawl_json_raw(json, it);
		PAWL_TRY(pawl_ddi_clean(reader, text, PAWL_DDI_MESSAGE_MAX,
		    &feedback->details[feedback->detail_count]));
		feedback->detail_count++;
		it = is_list ? pawl_json_after(json, value, it) : PAWL_JSON_NONE;
	}
	return PAWL_ERR_OK;
}

/* Numbers that only inform: out of range is as good as not there. */
static void read_numbers(const struct pawl_json *json, struct pawl_ddi_feedback *feedback)
{
	const uint32_t result = pawl_json_path(json, 0, "status.result");
	int64_t code;

	feedback->has_timestamp = pawl_json_int(json, pawl_json_get(json, 0, "timestamp"), 0,
				      INT64_MAX, &feedback->timestamp_ms) == PAWL_ERR_OK;
	feedback->has_progress = pawl_json_int(json, pawl_json_path(json, result, "progress.cnt"),
				     0, INT64_MAX, &feedback->progress_count) == PAWL_ERR_OK &&
				 pawl_json_int(json, pawl_json_path(json, result, "progress.of"), 0,
				     INT64_MAX, &feedback->progress_of) == PAWL_ERR_OK;
	feedback->has_code = pawl_json_int(json, pawl_json_path(json, 0, "status.code"), INT32_MIN,
				 INT32_MAX, &code) == PAWL_ERR_OK;
	feedback->code = feedback->has_code ? (int32_t)code : 0;
	if (!feedback->has_progress)
		feedback->progress_count = feedback->progress_of = 0;
}

/* A scalar member that nothing depends on. */
static pawl_err read_remark(
    const struct pawl_ddi_reader *reader, const char *name, struct pawl_bytes *ret_text)
{
	const uint32_t value = pawl_json_get(&reader->json, 0, name);
	struct pawl_bytes text;

	if (value == PAWL_JSON_NONE || pawl_json_count(&reader->json, value) > 0)
		return PAWL_ERR_OK;
	if (!pawl_json_is(&reader->json, value, PAWL_JSON_STRING) &&
	    !pawl_json_is(&reader->json, value, PAWL_JSON_NUMBER))
		return PAWL_ERR_OK;
	PAWL_TRY(pawl_ddi_scalar(reader, value, name, &text));
	return pawl_ddi_clean(reader, text, PAWL_DDI_ID_MAX, ret_text);
}

pawl_err pawl_ddi_feedback_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_feedback *ret_feedback, struct pawl_note *reterr_note)
{
	struct pawl_ddi_feedback feedback = { .id = PAWL_BYTES(NULL, 0) };
	struct pawl_ddi_reader reader;
	size_t index;

	PAWL_TRY(open_mended(text, arena, reterr_note, &reader));
	const struct pawl_json *json = &reader.json;
	const uint32_t finished = pawl_json_path(json, 0, "status.result.finished");
	PAWL_TRY(pawl_ddi_word(&reader, pawl_json_path(json, 0, "status.execution"),
	    "status.execution", execution_names, EXECUTIONS, &index));
	feedback.execution = (pawl_ddi_execution)index;
	if (finished != PAWL_JSON_NONE && !pawl_json_is(json, finished, PAWL_JSON_NULL)) {
		PAWL_TRY(pawl_ddi_word(
		    &reader, finished, "status.result.finished", finished_names, FINISHES, &index));
		feedback.finished = (pawl_ddi_finished)index;
	}
	PAWL_TRY(read_remark(&reader, "id", &feedback.id));
	PAWL_TRY(read_remark(&reader, "time", &feedback.time));
	read_numbers(json, &feedback);
	PAWL_TRY(read_details(&reader, pawl_json_path(json, 0, "status.details"), &feedback));
	*ret_feedback = feedback;
	return PAWL_ERR_OK;
}

void pawl_ddi_feedback_write(struct pawl_buf *out, const struct pawl_ddi_feedback *feedback)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);

	PAWL_ASSERT(feedback->detail_count <= PAWL_FEEDBACK_MESSAGES_MAX);
	pawl_json_begin_object(&writer);
	if (feedback->id.at != NULL)
		pawl_json_member_bytes(&writer, "id", feedback->id);
	if (feedback->time.at != NULL)
		pawl_json_member_bytes(&writer, "time", feedback->time);
	if (feedback->has_timestamp)
		pawl_json_member_int(&writer, "timestamp", feedback->timestamp_ms);
	pawl_json_key(&writer, "status");
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "execution", pawl_ddi_execution_name(feedback->execution));
	if (feedback->has_code)
		pawl_json_member_int(&writer, "code", feedback->code);
	pawl_json_key(&writer, "result");
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "finished", pawl_ddi_finished_name(feedback->finished));
	if (feedback->has_progress) {
		pawl_json_key(&writer, "progress");
		pawl_json_begin_object(&writer);
		pawl_json_member_int(&writer, "cnt", feedback->progress_count);
		pawl_json_member_int(&writer, "of", feedback->progress_of);
		pawl_json_end_object(&writer);
	}
	pawl_json_end_object(&writer);
	pawl_json_key(&writer, "details");
	pawl_json_begin_array(&writer);
	for (size_t i = 0; i < feedback->detail_count; i++)
		pawl_json_put_string(&writer, feedback->details[i]);
	pawl_json_end_array(&writer);
	pawl_json_end_object(&writer);
	pawl_json_end_object(&writer);
}

/* --- attributes --- */

static pawl_err read_attribute(
    const struct pawl_ddi_reader *reader, uint32_t key, struct pawl_ddi_pair *ret_pair)
{
	struct pawl_bytes name;
	struct pawl_bytes value;

	PAWL_TRY(pawl_ddi_string(reader, key, "data", &name));
	PAWL_TRY(pawl_ddi_scalar(reader, key + 1, "data", &value));
	if (name.size == 0 || name.size > PAWL_ATTRIBUTE_KEY_MAX)
		return pawl_ddi_refuse(reader, PAWL_ERR_RANGE, "data",
		    "the name of an attribute is empty or too long");
	if (value.size > PAWL_ATTRIBUTE_VALUE_MAX)
		return pawl_ddi_refuse(
		    reader, PAWL_ERR_RANGE, "data", "the value of an attribute is too long");
	PAWL_TRY(pawl_ddi_clean(reader, name, PAWL_ATTRIBUTE_KEY_MAX, &ret_pair->key));
	/* Mending a name could make it equal to another one. */
	if (!pawl_bytes_equal(name, ret_pair->key))
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, "data",
		    "a control character in the name of an attribute");
	return pawl_ddi_clean(reader, value, PAWL_ATTRIBUTE_VALUE_MAX, &ret_pair->value);
}

pawl_err pawl_ddi_config_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_config *ret_config, struct pawl_note *reterr_note)
{
	struct pawl_ddi_config config = { .mode = PAWL_DDI_MERGE };
	struct pawl_ddi_reader reader;
	size_t index;

	PAWL_TRY(open_mended(text, arena, reterr_note, &reader));
	const struct pawl_json *json = &reader.json;
	const uint32_t mode = pawl_json_get(json, 0, "mode");
	const uint32_t data = pawl_json_get(json, 0, "data");
	if (mode != PAWL_JSON_NONE && !pawl_json_is(json, mode, PAWL_JSON_NULL)) {
		PAWL_TRY(pawl_ddi_word(&reader, mode, "mode", mode_names, MODES, &index));
		config.mode = (pawl_ddi_mode)index;
	}
	if (!pawl_json_is(json, data, PAWL_JSON_OBJECT))
		return pawl_ddi_refuse(&reader, PAWL_ERR_SYNTAX, "data", "it is no object");
	const uint32_t count = pawl_json_count(json, data);
	if (count > PAWL_ATTRIBUTES_MAX)
		return pawl_ddi_refuse(&reader, PAWL_ERR_LIMIT, "data", "too many attributes");
	struct pawl_ddi_pair *pairs = pawl_arena_take(arena, count, sizeof(*pairs));
	if (pairs == NULL)
		return pawl_ddi_refuse(&reader, PAWL_ERR_NO_MEMORY, "data", "no memory is left");
	for (uint32_t it = pawl_json_first(json, data); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, data, it))
		PAWL_TRY(read_attribute(&reader, it, &pairs[config.count++]));
	config.data = pairs;
	*ret_config = config;
	return PAWL_ERR_OK;
}

void pawl_ddi_config_write(struct pawl_buf *out, const struct pawl_ddi_config *config)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);

	PAWL_ASSERT((size_t)config->mode < MODES);
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "mode", mode_names[config->mode]);
	pawl_json_key(&writer, "data");
	pawl_json_begin_object(&writer);
	for (size_t i = 0; i < config->count; i++) {
		pawl_json_key_bytes(&writer, config->data[i].key);
		pawl_json_put_string(&writer, config->data[i].value);
	}
	pawl_json_end_object(&writer);
	pawl_json_end_object(&writer);
}
