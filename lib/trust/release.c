/* SPDX-License-Identifier: MIT
 *
 * The `custom` object of a firmware target and the content of a channel target
 * (docs/spec/repository.md). Reading and writing obey the same rules, so what
 * is written can always be read back.
 */
#include "pawl/release.h"

#include "pawl/json.h"
#include "pawl/text.h"

#include <string.h>

/* Names the member that is wrong. */
static pawl_err wrong(struct pawl_note *note, pawl_err err, const char *member, const char *why)
{
	pawl_note_add(note, member);
	pawl_note_add(note, ": ");
	pawl_note_add(note, why);
	return err;
}

/* --- rules --- */

static pawl_err check_name(const char *name, size_t max, const char *member, struct pawl_note *note)
{
	if (!pawl_name_is_valid(pawl_bytes_of(name), max))
		return wrong(note, PAWL_ERR_RANGE, member, "is not a valid name");
	return PAWL_ERR_OK;
}

static pawl_err check_number(
    int64_t value, int64_t min, int64_t max, const char *member, struct pawl_note *note)
{
	if (value < min || value > max)
		return wrong(note, PAWL_ERR_RANGE, member, "is out of range");
	return PAWL_ERR_OK;
}

static pawl_err check_version(const char *version, struct pawl_note *note)
{
	if (!pawl_version_is_valid(pawl_bytes_of(version)))
		return wrong(note, PAWL_ERR_RANGE, "version", "is not a valid version");
	return PAWL_ERR_OK;
}

static pawl_err check_hw(const struct pawl_hw_list *hw, struct pawl_note *note)
{
	if (hw->count == 0 || hw->count > PAWL_RELEASE_HW_MAX)
		return wrong(note, PAWL_ERR_RANGE, "hw", "names none or too many hardware classes");
	for (size_t i = 0; i < hw->count; i++) {
		PAWL_TRY(check_name(hw->name[i], PAWL_HW_CLASS_MAX, "hw", note));
		for (size_t j = 0; j < i; j++)
			if (strcmp(hw->name[i], hw->name[j]) == 0)
				return wrong(note, PAWL_ERR_RANGE, "hw", "names a class twice");
	}
	return PAWL_ERR_OK;
}

static pawl_err check_release(const struct pawl_release *release, struct pawl_note *note)
{
	PAWL_TRY(check_name(release->comp, PAWL_COMPONENT_MAX, "comp", note));
	PAWL_TRY(check_name(release->product, PAWL_PRODUCT_MAX, "product", note));
	PAWL_TRY(check_hw(&release->hw, note));
	PAWL_TRY(check_version(release->version, note));
	PAWL_TRY(check_number(release->seq, 1, PAWL_SEQ_MAX, "seq", note));
	PAWL_TRY(check_number(release->sec, 0, PAWL_SEC_MAX, "sec", note));
	if (release->plain_length < 1 || release->plain_length > (uint64_t)PAWL_SEQ_MAX)
		return wrong(note, PAWL_ERR_RANGE, "plain.length", "is out of range");
	return PAWL_ERR_OK;
}

static bool share_hw(const struct pawl_hw_list *a, const struct pawl_hw_list *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (strcmp(a->name[i], b->name[j]) == 0)
				return true;
	return false;
}

static pawl_err check_entry(
    const struct pawl_channel *channel, size_t index, struct pawl_note *note)
{
	const struct pawl_channel_entry *entry = &channel->set[index];

	PAWL_TRY(check_name(entry->comp, PAWL_COMPONENT_MAX, "comp", note));
	PAWL_TRY(check_hw(&entry->hw, note));
	PAWL_TRY(check_version(entry->version, note));
	PAWL_TRY(check_number(entry->seq, 1, PAWL_SEQ_MAX, "seq", note));
	PAWL_TRY(check_number(entry->sec, 0, PAWL_SEC_MAX, "sec", note));
	if (entry->full[0] == '\0')
		return wrong(note, PAWL_ERR_RANGE, "full", "is empty");
	for (size_t i = 0; i < index; i++) {
		if (!share_hw(&channel->set[i].hw, &entry->hw))
			continue;
		if (strcmp(channel->set[i].comp, entry->comp) == 0)
			return wrong(note, PAWL_ERR_RANGE, "hw", "stands twice for one component");
		/* An image is of one component: one of the two could never be admitted. */
		if (strcmp(channel->set[i].full, entry->full) == 0)
			return wrong(note, PAWL_ERR_RANGE, "full", "stands twice for one class");
	}
	return PAWL_ERR_OK;
}

static pawl_err check_channel(const struct pawl_channel *channel, struct pawl_note *note)
{
	PAWL_TRY(check_number(channel->counter, 1, PAWL_SEQ_MAX, "counter", note));
	PAWL_TRY(check_name(channel->product, PAWL_PRODUCT_MAX, "product", note));
	PAWL_TRY(check_name(channel->group, PAWL_GROUP_MAX, "group", note));
	PAWL_TRY(
	    check_number(channel->allow_downgrade_to, 0, PAWL_SEQ_MAX, "allowDowngradeTo", note));
	if (channel->count > PAWL_CHANNEL_SET_MAX)
		return wrong(note, PAWL_ERR_RANGE, "set", "has too many entries");
	for (size_t i = 0; i < channel->count; i++) {
		const pawl_err err = check_entry(channel, i, note);
		if (err != PAWL_ERR_OK) {
			pawl_note_add(note, " in set ");
			pawl_note_add_int(note, (long long)i);
			return err;
		}
	}
	return PAWL_ERR_OK;
}

/* --- reading --- */

struct source {
	const struct pawl_json *json;
	uint32_t object;
	struct pawl_note *note;
};

static pawl_err read_text(
    const struct source *source, const char *member, size_t capacity, char *ret_text)
{
	const pawl_err err = pawl_json_text(
	    source->json, pawl_json_get(source->json, source->object, member), capacity, ret_text);

	if (err == PAWL_ERR_NOT_FOUND)
		return wrong(source->note, PAWL_ERR_SYNTAX, member, "is missing");
	if (err == PAWL_ERR_LIMIT)
		return wrong(source->note, PAWL_ERR_LIMIT, member, "is too long");
	if (err != PAWL_ERR_OK)
		return wrong(source->note, PAWL_ERR_SYNTAX, member, "is not text");
	return PAWL_ERR_OK;
}

static pawl_err read_number(
    const struct source *source, const char *member, int64_t min, int64_t max, int64_t *ret_value)
{
	const pawl_err err = pawl_json_int(
	    source->json, pawl_json_get(source->json, source->object, member), min, max, ret_value);

	if (err == PAWL_ERR_NOT_FOUND)
		return wrong(source->note, PAWL_ERR_SYNTAX, member, "is missing");
	if (err == PAWL_ERR_RANGE)
		return wrong(source->note, PAWL_ERR_RANGE, member, "is out of range");
	if (err != PAWL_ERR_OK)
		return wrong(source->note, PAWL_ERR_SYNTAX, member, "is not an integer");
	return PAWL_ERR_OK;
}

static pawl_err read_format(const struct source *source)
{
	int64_t version = 0;

	if (!pawl_json_is(source->json, source->object, PAWL_JSON_OBJECT))
		return wrong(source->note, PAWL_ERR_SYNTAX, "document", "is not an object");
	PAWL_TRY(read_number(source, "v", INT64_MIN, INT64_MAX, &version));
	if (version != 1)
		return wrong(source->note, PAWL_ERR_UNSUPPORTED, "v", "is not 1");
	return PAWL_ERR_OK;
}

static pawl_err read_hw(const struct source *source, struct pawl_hw_list *ret_hw)
{
	const struct pawl_json *json = source->json;
	const uint32_t list = pawl_json_get(json, source->object, "hw");

	if (!pawl_json_is(json, list, PAWL_JSON_ARRAY))
		return wrong(source->note, PAWL_ERR_SYNTAX, "hw", "is not a list");
	ret_hw->count = 0;
	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it)) {
		if (ret_hw->count == PAWL_RELEASE_HW_MAX)
			return wrong(source->note, PAWL_ERR_LIMIT, "hw", "names too many classes");
		if (pawl_json_text(json, it, sizeof(ret_hw->name[0]),
			ret_hw->name[ret_hw->count]) != PAWL_ERR_OK)
			return wrong(
			    source->note, PAWL_ERR_SYNTAX, "hw", "names no hardware class");
		ret_hw->count++;
	}
	return PAWL_ERR_OK;
}

static pawl_err read_plain(const struct source *source, struct pawl_release *ret_release)
{
	const struct source plain = { source->json,
		pawl_json_get(source->json, source->object, "plain"), source->note };
	struct pawl_bytes hex;
	int64_t length = 0;

	if (!pawl_json_is(plain.json, plain.object, PAWL_JSON_OBJECT))
		return wrong(source->note, PAWL_ERR_SYNTAX, "plain", "is not an object");
	PAWL_TRY(read_number(&plain, "length", 1, PAWL_SEQ_MAX, &length));
	ret_release->plain_length = (uint64_t)length;
	if (pawl_json_plain(plain.json, pawl_json_get(plain.json, plain.object, "sha256"), &hex) !=
		PAWL_ERR_OK ||
	    pawl_hex_decode(hex, sizeof(ret_release->plain_sha256), ret_release->plain_sha256) !=
		PAWL_ERR_OK)
		return wrong(source->note, PAWL_ERR_SYNTAX, "plain.sha256", "is not a hash");
	return PAWL_ERR_OK;
}

static pawl_err read_release(const struct source *source, struct pawl_release *ret_release)
{
	char kind[16] = "";

	PAWL_TRY(read_format(source));
	const pawl_err err = read_text(source, "kind", sizeof(kind), kind);
	if (err == PAWL_ERR_SYNTAX)
		return err;
	if (err != PAWL_ERR_OK || strcmp(kind, "full") != 0) {
		pawl_note_clear(source->note);
		return wrong(source->note, PAWL_ERR_UNSUPPORTED, "kind", "is not full");
	}
	ret_release->kind = PAWL_RELEASE_FULL;
	PAWL_TRY(read_text(source, "comp", sizeof(ret_release->comp), ret_release->comp));
	PAWL_TRY(read_text(source, "product", sizeof(ret_release->product), ret_release->product));
	PAWL_TRY(read_hw(source, &ret_release->hw));
	PAWL_TRY(read_text(source, "version", sizeof(ret_release->version), ret_release->version));
	PAWL_TRY(read_number(source, "seq", 1, PAWL_SEQ_MAX, &ret_release->seq));
	PAWL_TRY(read_number(source, "sec", 0, PAWL_SEC_MAX, &ret_release->sec));
	PAWL_TRY(read_plain(source, ret_release));
	return check_release(ret_release, source->note);
}

pawl_err pawl_release_parse(struct pawl_bytes custom, struct pawl_arena *scratch,
    struct pawl_release *ret_release, struct pawl_note *reterr_note)
{
	const size_t mark = scratch->used;
	struct pawl_release release = { .kind = PAWL_RELEASE_FULL };
	struct pawl_json json;
	pawl_err err = pawl_json_parse_in(scratch, custom, &json, reterr_note);

	if (err == PAWL_ERR_OK) {
		const struct source source = { &json, 0, reterr_note };
		err = read_release(&source, &release);
	}
	scratch->used = mark;
	if (err == PAWL_ERR_OK)
		*ret_release = release;
	return err;
}

static pawl_err read_entry(const struct source *source, struct pawl_channel_entry *ret_entry)
{
	if (!pawl_json_is(source->json, source->object, PAWL_JSON_OBJECT))
		return wrong(source->note, PAWL_ERR_SYNTAX, "entry", "is not an object");
	PAWL_TRY(read_text(source, "comp", sizeof(ret_entry->comp), ret_entry->comp));
	PAWL_TRY(read_hw(source, &ret_entry->hw));
	PAWL_TRY(read_text(source, "full", sizeof(ret_entry->full), ret_entry->full));
	PAWL_TRY(read_text(source, "version", sizeof(ret_entry->version), ret_entry->version));
	PAWL_TRY(read_number(source, "seq", 1, PAWL_SEQ_MAX, &ret_entry->seq));
	return read_number(source, "sec", 0, PAWL_SEC_MAX, &ret_entry->sec);
}

static pawl_err read_set(const struct source *source, struct pawl_channel *ret_channel)
{
	const struct pawl_json *json = source->json;
	const uint32_t list = pawl_json_get(json, source->object, "set");

	if (!pawl_json_is(json, list, PAWL_JSON_ARRAY))
		return wrong(source->note, PAWL_ERR_SYNTAX, "set", "is not a list");
	if (pawl_json_count(json, list) > PAWL_CHANNEL_SET_MAX)
		return wrong(source->note, PAWL_ERR_LIMIT, "set", "has too many entries");
	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it)) {
		const struct source entry = { json, it, source->note };
		const pawl_err err = read_entry(&entry, &ret_channel->set[ret_channel->count]);
		if (err != PAWL_ERR_OK) {
			pawl_note_add(source->note, " in set ");
			pawl_note_add_int(source->note, (long long)ret_channel->count);
			return err;
		}
		ret_channel->count++;
	}
	return PAWL_ERR_OK;
}

static pawl_err read_channel(const struct source *source, struct pawl_channel *ret_channel)
{
	PAWL_TRY(read_format(source));
	PAWL_TRY(read_number(source, "counter", 1, PAWL_SEQ_MAX, &ret_channel->counter));
	PAWL_TRY(read_text(source, "product", sizeof(ret_channel->product), ret_channel->product));
	PAWL_TRY(read_text(source, "group", sizeof(ret_channel->group), ret_channel->group));
	if (pawl_json_get(source->json, source->object, "allowDowngradeTo") != PAWL_JSON_NONE)
		PAWL_TRY(read_number(
		    source, "allowDowngradeTo", 1, PAWL_SEQ_MAX, &ret_channel->allow_downgrade_to));
	PAWL_TRY(read_set(source, ret_channel));
	return check_channel(ret_channel, source->note);
}

pawl_err pawl_channel_parse(struct pawl_bytes text, struct pawl_arena *scratch,
    struct pawl_channel *ret_channel, struct pawl_note *reterr_note)
{
	const size_t mark = scratch->used;
	struct pawl_channel *channel = pawl_arena_take(scratch, 1, sizeof(*channel));
	struct pawl_json json;

	if (channel == NULL)
		return PAWL_ERR_NO_MEMORY;
	pawl_err err = text.size > PAWL_CHANNEL_SIZE_MAX
			   ? wrong(reterr_note, PAWL_ERR_LIMIT, "document", "is too long")
			   : pawl_json_parse_in(scratch, text, &json, reterr_note);
	if (err == PAWL_ERR_OK) {
		const struct source source = { &json, 0, reterr_note };
		err = read_channel(&source, channel);
	}
	if (err == PAWL_ERR_OK)
		*ret_channel = *channel;
	scratch->used = mark;
	return err;
}

/* --- writing: members in canonical order --- */

static void put_hw(struct pawl_json_writer *writer, const struct pawl_hw_list *hw)
{
	pawl_json_key(writer, "hw");
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < hw->count; i++)
		pawl_json_put_text(writer, hw->name[i]);
	pawl_json_end_array(writer);
}

pawl_err pawl_release_write(
    const struct pawl_release *release, struct pawl_buf *out, struct pawl_note *reterr_note)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);
	char hex[PAWL_SHA256_HEX];
	struct pawl_buf digits = pawl_buf_of(hex, sizeof(hex));

	PAWL_TRY(check_release(release, reterr_note));
	pawl_put_hex(&digits, PAWL_BYTES(release->plain_sha256, sizeof(release->plain_sha256)));
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "comp", release->comp);
	put_hw(&writer, &release->hw);
	pawl_json_member_text(&writer, "kind", "full");
	pawl_json_key(&writer, "plain");
	pawl_json_begin_object(&writer);
	pawl_json_member_int(&writer, "length", (int64_t)release->plain_length);
	pawl_json_member_bytes(&writer, "sha256", pawl_buf_bytes(&digits));
	pawl_json_end_object(&writer);
	pawl_json_member_text(&writer, "product", release->product);
	pawl_json_member_int(&writer, "sec", release->sec);
	pawl_json_member_int(&writer, "seq", release->seq);
	pawl_json_member_int(&writer, "v", 1);
	pawl_json_member_text(&writer, "version", release->version);
	pawl_json_end_object(&writer);
	return pawl_buf_check(out);
}

pawl_err pawl_channel_write(
    const struct pawl_channel *channel, struct pawl_buf *out, struct pawl_note *reterr_note)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);

	PAWL_TRY(check_channel(channel, reterr_note));
	pawl_json_begin_object(&writer);
	if (channel->allow_downgrade_to > 0)
		pawl_json_member_int(&writer, "allowDowngradeTo", channel->allow_downgrade_to);
	pawl_json_member_int(&writer, "counter", channel->counter);
	pawl_json_member_text(&writer, "group", channel->group);
	pawl_json_member_text(&writer, "product", channel->product);
	pawl_json_key(&writer, "set");
	pawl_json_begin_array(&writer);
	for (size_t i = 0; i < channel->count; i++) {
		const struct pawl_channel_entry *entry = &channel->set[i];
		pawl_json_begin_object(&writer);
		pawl_json_member_text(&writer, "comp", entry->comp);
		pawl_json_member_text(&writer, "full", entry->full);
		put_hw(&writer, &entry->hw);
		pawl_json_member_int(&writer, "sec", entry->sec);
		pawl_json_member_int(&writer, "seq", entry->seq);
		pawl_json_member_text(&writer, "version", entry->version);
		pawl_json_end_object(&writer);
	}
	pawl_json_end_array(&writer);
	pawl_json_member_int(&writer, "v", 1);
	pawl_json_end_object(&writer);
	return pawl_buf_check(out);
}
