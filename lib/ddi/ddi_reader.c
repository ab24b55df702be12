/* SPDX-License-Identifier: MIT */
#include "ddi_internal.h"

#include "pawl/text.h"

pawl_err pawl_ddi_refuse(
    const struct pawl_ddi_reader *reader, pawl_err err, const char *member, const char *what)
{
	pawl_note_add(reader->note, member);
	pawl_note_add(reader->note, ": ");
	pawl_note_add(reader->note, what);
	return err;
}

pawl_err pawl_ddi_open(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_note *reterr_note, struct pawl_ddi_reader *ret_reader)
{
	struct pawl_ddi_reader reader = { .arena = arena, .note = reterr_note };

	PAWL_TRY(pawl_json_parse_in(arena, text, &reader.json, reterr_note));
	if (!pawl_json_is(&reader.json, 0, PAWL_JSON_OBJECT))
		return pawl_ddi_refuse(&reader, PAWL_ERR_SYNTAX, "the message", "it is no object");
	*ret_reader = reader;
	return PAWL_ERR_OK;
}

pawl_err pawl_ddi_string(const struct pawl_ddi_reader *reader, uint32_t value, const char *member,
    struct pawl_bytes *ret_text)
{
	if (value == PAWL_JSON_NONE) {
		*ret_text = PAWL_BYTES(NULL, 0);
		return PAWL_ERR_OK;
	}
	if (!pawl_json_is(&reader->json, value, PAWL_JSON_STRING))
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "it is no string");
	if (pawl_json_plain(&reader->json, value, ret_text) == PAWL_ERR_OK)
		return PAWL_ERR_OK;
	/* Unescaping never makes a string longer. */
	const size_t size = pawl_json_raw(&reader->json, value).size;
	void *memory = pawl_arena_take(reader->arena, size, 1);
	if (memory == NULL)
		return pawl_ddi_refuse(reader, PAWL_ERR_NO_MEMORY, member, "no memory is left");
	struct pawl_buf out = pawl_buf_of(memory, size);
	PAWL_TRY(pawl_json_string(&reader->json, value, &out));
	*ret_text = pawl_buf_bytes(&out);
	return PAWL_ERR_OK;
}

pawl_err pawl_ddi_scalar(const struct pawl_ddi_reader *reader, uint32_t value, const char *member,
    struct pawl_bytes *ret_text)
{
	switch (pawl_json_type_of(&reader->json, value)) {
	case PAWL_JSON_NULL: *ret_text = PAWL_BYTES_LIT(""); return PAWL_ERR_OK;
	case PAWL_JSON_FALSE:
	case PAWL_JSON_TRUE:
	case PAWL_JSON_NUMBER: *ret_text = pawl_json_raw(&reader->json, value); return PAWL_ERR_OK;
	case PAWL_JSON_STRING: return pawl_ddi_string(reader, value, member, ret_text);
	case PAWL_JSON_ARRAY:
	case PAWL_JSON_OBJECT: break;
	}
	return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "it is no string");
}

pawl_err pawl_ddi_clean(const struct pawl_ddi_reader *reader, struct pawl_bytes text, size_t max,
    struct pawl_bytes *ret_text)
{
	/* An invalid byte becomes three. */
	const size_t size = text.size < max / 3 ? 3 * text.size : max;
	void *memory = pawl_arena_take(reader->arena, size, 1);

	if (memory == NULL)
		return pawl_ddi_refuse(reader, PAWL_ERR_NO_MEMORY, "a text", "no memory is left");
	struct pawl_buf out = pawl_buf_of(memory, size);
	pawl_put_clean(&out, text, size);
	*ret_text = pawl_buf_bytes(&out);
	return PAWL_ERR_OK;
}

pawl_err pawl_ddi_id(const struct pawl_ddi_reader *reader, uint32_t value, const char *member,
    struct pawl_bytes *ret_id)
{
	struct pawl_bytes id;

	if (value == PAWL_JSON_NONE)
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "it is missing");
	PAWL_TRY(pawl_ddi_scalar(reader, value, member, &id));
	if (!pawl_name_is_valid(id, PAWL_DDI_ID_MAX))
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "it is no action id");
	*ret_id = id;
	return PAWL_ERR_OK;
}

pawl_err pawl_ddi_href(const struct pawl_ddi_reader *reader, uint32_t object, const char *name,
    struct pawl_bytes *ret_href)
{
	const struct pawl_json *json = &reader->json;
	const uint32_t links = pawl_json_get(json, object, "_links");
	const uint32_t link = pawl_json_get(json, links, name);
	struct pawl_bytes href;

	PAWL_TRY(pawl_ddi_string(reader, pawl_json_get(json, link, "href"), name, &href));
	if (href.size > PAWL_DDI_HREF_MAX)
		return pawl_ddi_refuse(reader, PAWL_ERR_LIMIT, name, "the link is too long");
	for (size_t i = 0; i < href.size; i++)
		if (href.at[i] <= 0x20 || href.at[i] >= 0x7f)
			return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, name, "the link is no URL");
	*ret_href = href.size == 0 ? PAWL_BYTES(NULL, 0) : href;
	return PAWL_ERR_OK;
}

pawl_err pawl_ddi_word(const struct pawl_ddi_reader *reader, uint32_t value, const char *member,
    const char *const *names, size_t count, size_t *ret_index)
{
	if (value == PAWL_JSON_NONE)
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "it is missing");
	for (size_t i = 0; i < count; i++) {
		if (pawl_json_string_is(&reader->json, value, names[i])) {
			*ret_index = i;
			return PAWL_ERR_OK;
		}
	}
	return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "no such word is known");
}
