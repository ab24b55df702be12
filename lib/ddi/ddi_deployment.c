/* SPDX-License-Identifier: MIT */
#include "ddi_internal.h"

#include "pawl/text.h"

#include <string.h>

static const char *const handling_names[] = {
	[PAWL_DDI_SKIP] = "skip",
	[PAWL_DDI_ATTEMPT] = "attempt",
	[PAWL_DDI_FORCED] = "forced",
};
static const char *const window_names[] = {
	[PAWL_DDI_WINDOW_NONE] = "",
	[PAWL_DDI_WINDOW_AVAILABLE] = "available",
	[PAWL_DDI_WINDOW_UNAVAILABLE] = "unavailable",
};

enum { HANDLINGS = 3, WINDOWS = 3, SHA1_DIGITS = 40, MD5_DIGITS = 32 };

const char *pawl_ddi_handling_name(pawl_ddi_handling handling)
{
	PAWL_ASSERT((size_t)handling < HANDLINGS);
	return handling_names[handling];
}

/* --- parsing --- */

static pawl_err read_digest(const struct pawl_ddi_reader *reader, uint32_t hashes, const char *name,
    size_t digits, struct pawl_bytes *ret_digest)
{
	struct pawl_bytes digest;

	PAWL_TRY(
	    pawl_ddi_string(reader, pawl_json_get(&reader->json, hashes, name), name, &digest));
	for (size_t i = 0; i < digest.size; i++) {
		const uint8_t byte = digest.at[i];
		if (!(byte >= '0' && byte <= '9') &&
		    !((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f'))
			return pawl_ddi_refuse(
			    reader, PAWL_ERR_SYNTAX, name, "it is not hexadecimal");
	}
	if (digest.at != NULL && digest.size != digits)
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, name, "it has another length");
	*ret_digest = digest;
	return PAWL_ERR_OK;
}

/* A file name a device may create: no path, nothing hidden in it. */
static bool is_file_name(struct pawl_bytes name)
{
	if (name.size == 0 || name.size > PAWL_TARGET_PATH_MAX || pawl_bytes_is(name, ".") ||
	    pawl_bytes_is(name, "..") || !pawl_utf8_is_valid(name))
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (name.at[i] < 0x20 || name.at[i] == 0x7f || name.at[i] == '/' ||
		    name.at[i] == '\\')
			return false;
	return true;
}

static pawl_err read_artifact(
    const struct pawl_ddi_reader *reader, uint32_t value, struct pawl_ddi_artifact *ret_artifact)
{
	const struct pawl_json *json = &reader->json;
	const uint32_t hashes = pawl_json_get(json, value, "hashes");
	struct pawl_ddi_artifact artifact;
	int64_t size;

	PAWL_TRY(pawl_ddi_string(
	    reader, pawl_json_get(json, value, "filename"), "filename", &artifact.filename));
	if (!is_file_name(artifact.filename))
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, "filename", "it is no file name");
	const pawl_err err =
	    pawl_json_int(json, pawl_json_get(json, value, "size"), 0, INT64_MAX, &size);
	if (err != PAWL_ERR_OK)
		return pawl_ddi_refuse(reader, err == PAWL_ERR_RANGE ? err : PAWL_ERR_SYNTAX,
		    "size", "it is no length in bytes");
	artifact.size = (uint64_t)size;
	PAWL_TRY(read_digest(reader, hashes, "sha1", SHA1_DIGITS, &artifact.sha1));
	PAWL_TRY(read_digest(reader, hashes, "md5", MD5_DIGITS, &artifact.md5));
	PAWL_TRY(read_digest(reader, hashes, "sha256", PAWL_SHA256_HEX, &artifact.sha256));
	PAWL_TRY(pawl_ddi_href(reader, value, "download", &artifact.download));
	PAWL_TRY(pawl_ddi_href(reader, value, "download-http", &artifact.download_http));
	PAWL_TRY(pawl_ddi_href(reader, value, "md5sum", &artifact.md5sum));
	PAWL_TRY(pawl_ddi_href(reader, value, "md5sum-http", &artifact.md5sum_http));
	if (artifact.download.at == NULL && artifact.download_http.at == NULL)
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, "_links",
		    "neither download nor download-http is there");
	*ret_artifact = artifact;
	return PAWL_ERR_OK;
}

/* Memory for the elements of the array `value`; none when it is not there. */
static pawl_err take_array(const struct pawl_ddi_reader *reader, uint32_t value, const char *member,
    size_t most, size_t size, void **ret_items)
{
	const uint32_t count = pawl_json_count(&reader->json, value);

	if (value != PAWL_JSON_NONE && !pawl_json_is(&reader->json, value, PAWL_JSON_ARRAY))
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "it is no list");
	if (count > most)
		return pawl_ddi_refuse(reader, PAWL_ERR_LIMIT, member, "it has too many elements");
	*ret_items = count == 0 ? NULL : pawl_arena_take(reader->arena, count, size);
	if (count > 0 && *ret_items == NULL)
		return pawl_ddi_refuse(reader, PAWL_ERR_NO_MEMORY, member, "no memory is left");
	return PAWL_ERR_OK;
}

static pawl_err read_metadata(
    const struct pawl_ddi_reader *reader, uint32_t value, struct pawl_ddi_chunk *chunk)
{
	const struct pawl_json *json = &reader->json;
	struct pawl_ddi_pair *pairs;
	void *items = NULL;

	PAWL_TRY(
	    take_array(reader, value, "metadata", PAWL_DDI_METADATA_MAX, sizeof(*pairs), &items));
	pairs = items;
	for (uint32_t it = pawl_json_first(json, value); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, value, it)) {
		PAWL_ASSERT(pairs != NULL);
		struct pawl_ddi_pair *pair = &pairs[chunk->metadata_count];
		PAWL_TRY(
		    pawl_ddi_string(reader, pawl_json_get(json, it, "key"), "key", &pair->key));
		PAWL_TRY(pawl_ddi_string(
		    reader, pawl_json_get(json, it, "value"), "value", &pair->value));
		if (pair->key.at == NULL)
			return pawl_ddi_refuse(
			    reader, PAWL_ERR_SYNTAX, "metadata", "a key is missing");
		chunk->metadata_count++;
	}
	chunk->metadata = pairs;
	return PAWL_ERR_OK;
}

static pawl_err read_needed(const struct pawl_ddi_reader *reader, uint32_t object,
    const char *member, struct pawl_bytes *ret_text)
{
	PAWL_TRY(pawl_ddi_string(
	    reader, pawl_json_get(&reader->json, object, member), member, ret_text));
	if (ret_text->at == NULL)
		return pawl_ddi_refuse(reader, PAWL_ERR_SYNTAX, member, "it is missing");
	return PAWL_ERR_OK;
}

static pawl_err read_chunk(
    const struct pawl_ddi_reader *reader, uint32_t value, struct pawl_ddi_chunk *ret_chunk)
{
	const struct pawl_json *json = &reader->json;
	const uint32_t list = pawl_json_get(json, value, "artifacts");
	const uint32_t encrypted = pawl_json_get(json, value, "encrypted");
	struct pawl_ddi_chunk chunk = { .artifact_count = 0 };
	struct pawl_ddi_artifact *artifacts;
	void *items = NULL;

	PAWL_TRY(read_needed(reader, value, "part", &chunk.part));
	PAWL_TRY(read_needed(reader, value, "version", &chunk.version));
	PAWL_TRY(read_needed(reader, value, "name", &chunk.name));
	chunk.encrypted = pawl_json_is(json, encrypted, PAWL_JSON_TRUE);
	PAWL_TRY(take_array(
	    reader, list, "artifacts", PAWL_DDI_ARTIFACTS_MAX, sizeof(*artifacts), &items));
	artifacts = items;
	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it)) {
		PAWL_ASSERT(artifacts != NULL);
		PAWL_TRY(read_artifact(reader, it, &artifacts[chunk.artifact_count++]));
	}
	chunk.artifacts = artifacts;
	PAWL_TRY(read_metadata(reader, pawl_json_get(json, value, "metadata"), &chunk));
	*ret_chunk = chunk;
	return PAWL_ERR_OK;
}

static pawl_err read_chunks(
    const struct pawl_ddi_reader *reader, struct pawl_ddi_deployment *deployment)
{
	const struct pawl_json *json = &reader->json;
	const uint32_t list = pawl_json_path(json, 0, "deployment.chunks");
	struct pawl_ddi_chunk *chunks;
	void *items = NULL;

	if (list == PAWL_JSON_NONE)
		return pawl_ddi_refuse(
		    reader, PAWL_ERR_SYNTAX, "deployment.chunks", "it is missing");
	PAWL_TRY(take_array(
	    reader, list, "deployment.chunks", PAWL_DDI_CHUNKS_MAX, sizeof(*chunks), &items));
	chunks = items;
	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it)) {
		PAWL_ASSERT(chunks != NULL);
		PAWL_TRY(read_chunk(reader, it, &chunks[deployment->chunk_count++]));
	}
	deployment->chunks = chunks;
	return PAWL_ERR_OK;
}

static pawl_err read_history(
    const struct pawl_ddi_reader *reader, struct pawl_ddi_deployment *deployment)
{
	const struct pawl_json *json = &reader->json;
	const uint32_t list = pawl_json_path(json, 0, "actionHistory.messages");
	struct pawl_bytes *messages;
	void *items = NULL;

	PAWL_TRY(pawl_ddi_string(reader, pawl_json_path(json, 0, "actionHistory.status"),
	    "actionHistory.status", &deployment->history_status));
	PAWL_TRY(
	    take_array(reader, list, "actionHistory.messages", 1000, sizeof(*messages), &items));
	messages = items;
	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it))
		PAWL_TRY(pawl_ddi_string(
		    reader, it, "actionHistory.messages", &messages[deployment->history_count++]));
	deployment->history_messages = messages;
	return PAWL_ERR_OK;
}

static pawl_err read_handling(
    const struct pawl_ddi_reader *reader, struct pawl_ddi_deployment *deployment)
{
	const struct pawl_json *json = &reader->json;
	const uint32_t window = pawl_json_path(json, 0, "deployment.maintenanceWindow");
	size_t index;

	PAWL_TRY(pawl_ddi_word(reader, pawl_json_path(json, 0, "deployment.download"),
	    "deployment.download", handling_names, HANDLINGS, &index));
	deployment->download = (pawl_ddi_handling)index;
	PAWL_TRY(pawl_ddi_word(reader, pawl_json_path(json, 0, "deployment.update"),
	    "deployment.update", handling_names, HANDLINGS, &index));
	deployment->update = (pawl_ddi_handling)index;
	if (window == PAWL_JSON_NONE)
		return PAWL_ERR_OK;
	PAWL_TRY(pawl_ddi_word(
	    reader, window, "deployment.maintenanceWindow", window_names, WINDOWS, &index));
	deployment->window = (pawl_ddi_window)index;
	return PAWL_ERR_OK;
}

pawl_err pawl_ddi_deployment_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_deployment *ret_deployment, struct pawl_note *reterr_note)
{
	struct pawl_ddi_deployment deployment = { .window = PAWL_DDI_WINDOW_NONE };
	struct pawl_ddi_reader reader;

	PAWL_TRY(pawl_ddi_open(text, arena, reterr_note, &reader));
	PAWL_TRY(pawl_ddi_id(&reader, pawl_json_get(&reader.json, 0, "id"), "id", &deployment.id));
	PAWL_TRY(read_handling(&reader, &deployment));
	PAWL_TRY(read_chunks(&reader, &deployment));
	PAWL_TRY(read_history(&reader, &deployment));
	*ret_deployment = deployment;
	return PAWL_ERR_OK;
}

/* --- writing --- */

static void put_text(struct pawl_json_writer *writer, const char *name, struct pawl_bytes text)
{
	if (text.at != NULL)
		pawl_json_member_bytes(writer, name, text);
}

static void put_href(struct pawl_json_writer *writer, const char *name, struct pawl_bytes href)
{
	if (href.at == NULL)
		return;
	pawl_json_key(writer, name);
	pawl_json_begin_object(writer);
	pawl_json_member_bytes(writer, "href", href);
	pawl_json_end_object(writer);
}

static void put_artifact(struct pawl_json_writer *writer, const struct pawl_ddi_artifact *artifact)
{
	PAWL_ASSERT(artifact->size <= INT64_MAX);
	pawl_json_begin_object(writer);
	pawl_json_member_bytes(writer, "filename", artifact->filename);
	pawl_json_key(writer, "hashes");
	pawl_json_begin_object(writer);
	put_text(writer, "sha1", artifact->sha1);
	put_text(writer, "md5", artifact->md5);
	put_text(writer, "sha256", artifact->sha256);
	pawl_json_end_object(writer);
	pawl_json_member_int(writer, "size", (int64_t)artifact->size);
	pawl_json_key(writer, "_links");
	pawl_json_begin_object(writer);
	/* First, for clients with a small buffer that read no further. */
	put_href(writer, "download-http", artifact->download_http);
	put_href(writer, "download", artifact->download);
	put_href(writer, "md5sum-http", artifact->md5sum_http);
	put_href(writer, "md5sum", artifact->md5sum);
	pawl_json_end_object(writer);
	pawl_json_end_object(writer);
}

static void put_chunk(struct pawl_json_writer *writer, const struct pawl_ddi_chunk *chunk)
{
	pawl_json_begin_object(writer);
	/* SWUpdate aborts when one of these is no string. */
	pawl_json_member_bytes(writer, "part", chunk->part);
	pawl_json_member_bytes(writer, "version", chunk->version);
	pawl_json_member_bytes(writer, "name", chunk->name);
	if (chunk->encrypted)
		pawl_json_member_bool(writer, "encrypted", true);
	pawl_json_key(writer, "artifacts");
	pawl_json_begin_array(writer);
	for (size_t i = 0; i < chunk->artifact_count; i++)
		put_artifact(writer, &chunk->artifacts[i]);
	pawl_json_end_array(writer);
	if (chunk->metadata_count > 0) {
		pawl_json_key(writer, "metadata");
		pawl_json_begin_array(writer);
		for (size_t i = 0; i < chunk->metadata_count; i++) {
			pawl_json_begin_object(writer);
			put_text(writer, "key", chunk->metadata[i].key);
			put_text(writer, "value", chunk->metadata[i].value);
			pawl_json_end_object(writer);
		}
		pawl_json_end_array(writer);
	}
	pawl_json_end_object(writer);
}

void pawl_ddi_deployment_write(struct pawl_buf *out, const struct pawl_ddi_deployment *deployment)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);

	pawl_json_begin_object(&writer);
	pawl_json_member_bytes(&writer, "id", deployment->id);
	pawl_json_key(&writer, "deployment");
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "download", pawl_ddi_handling_name(deployment->download));
	pawl_json_member_text(&writer, "update", pawl_ddi_handling_name(deployment->update));
	if (deployment->window != PAWL_DDI_WINDOW_NONE)
		pawl_json_member_text(
		    &writer, "maintenanceWindow", window_names[deployment->window]);
	pawl_json_key(&writer, "chunks");
	pawl_json_begin_array(&writer);
	for (size_t i = 0; i < deployment->chunk_count; i++)
		put_chunk(&writer, &deployment->chunks[i]);
	pawl_json_end_array(&writer);
	pawl_json_end_object(&writer);
	if (deployment->history_status.at != NULL) {
		pawl_json_key(&writer, "actionHistory");
		pawl_json_begin_object(&writer);
		pawl_json_member_bytes(&writer, "status", deployment->history_status);
		pawl_json_key(&writer, "messages");
		pawl_json_begin_array(&writer);
		for (size_t i = 0; i < deployment->history_count; i++)
			pawl_json_put_string(&writer, deployment->history_messages[i]);
		pawl_json_end_array(&writer);
		pawl_json_end_object(&writer);
	}
	pawl_json_end_object(&writer);
}
