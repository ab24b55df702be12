/* SPDX-License-Identifier: MIT
 *
 * The small messages: poll answer, cancel action, error body. */
#include "ddi_internal.h"

#include "pawl/date.h"

/* --- poll --- */

pawl_err pawl_ddi_poll_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_poll *ret_poll, struct pawl_note *reterr_note)
{
	struct pawl_ddi_reader reader;
	struct pawl_ddi_poll poll;
	struct pawl_bytes sleep;

	PAWL_TRY(pawl_ddi_open(text, arena, reterr_note, &reader));
	const uint32_t value = pawl_json_path(&reader.json, 0, "config.polling.sleep");
	PAWL_TRY(pawl_ddi_string(&reader, value, "config.polling.sleep", &sleep));
	const pawl_err err = pawl_sleep_parse(sleep, &poll.sleep_ms);
	if (err != PAWL_ERR_OK)
		return pawl_ddi_refuse(&reader, err, "config.polling.sleep", "it is no HH:MM:SS");
	/* hawkBit leaves `_links` out when there is none; but not null or a list. */
	const uint32_t links = pawl_json_get(&reader.json, 0, "_links");
	if (links != PAWL_JSON_NONE && !pawl_json_is(&reader.json, links, PAWL_JSON_OBJECT))
		return pawl_ddi_refuse(&reader, PAWL_ERR_SYNTAX, "_links", "it is no object");
	PAWL_TRY(pawl_ddi_href(&reader, 0, "deploymentBase", &poll.deployment_base));
	PAWL_TRY(pawl_ddi_href(&reader, 0, "cancelAction", &poll.cancel_action));
	PAWL_TRY(pawl_ddi_href(&reader, 0, "configData", &poll.config_data));
	PAWL_TRY(pawl_ddi_href(&reader, 0, "installedBase", &poll.installed_base));
	PAWL_TRY(pawl_ddi_href(&reader, 0, "pawlMetadata", &poll.pawl_metadata));
	PAWL_TRY(pawl_ddi_href(&reader, 0, "pawlTargets", &poll.pawl_targets));
	*ret_poll = poll;
	return PAWL_ERR_OK;
}

static void put_link(struct pawl_json_writer *writer, const char *name, struct pawl_bytes href)
{
	if (href.at == NULL)
		return;
	pawl_json_key(writer, name);
	pawl_json_begin_object(writer);
	pawl_json_member_bytes(writer, "href", href);
	pawl_json_end_object(writer);
}

void pawl_ddi_poll_write(struct pawl_buf *out, const struct pawl_ddi_poll *poll)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);
	uint8_t memory[8];
	struct pawl_buf sleep = pawl_buf_of(memory, sizeof(memory));

	pawl_put_sleep(&sleep, poll->sleep_ms);
	pawl_json_begin_object(&writer);
	pawl_json_key(&writer, "config");
	pawl_json_begin_object(&writer);
	pawl_json_key(&writer, "polling");
	pawl_json_begin_object(&writer);
	pawl_json_member_bytes(&writer, "sleep", pawl_buf_bytes(&sleep));
	pawl_json_end_object(&writer);
	pawl_json_end_object(&writer);
	pawl_json_key(&writer, "_links");
	pawl_json_begin_object(&writer);
	put_link(&writer, "cancelAction", poll->cancel_action);
	put_link(&writer, "deploymentBase", poll->deployment_base);
	put_link(&writer, "installedBase", poll->installed_base);
	put_link(&writer, "configData", poll->config_data);
	put_link(&writer, "pawlMetadata", poll->pawl_metadata);
	put_link(&writer, "pawlTargets", poll->pawl_targets);
	pawl_json_end_object(&writer);
	pawl_json_end_object(&writer);
}

/* --- cancel --- */

pawl_err pawl_ddi_cancel_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_cancel *ret_cancel, struct pawl_note *reterr_note)
{
	struct pawl_ddi_reader reader;
	struct pawl_ddi_cancel cancel;

	PAWL_TRY(pawl_ddi_open(text, arena, reterr_note, &reader));
	PAWL_TRY(pawl_ddi_id(&reader, pawl_json_get(&reader.json, 0, "id"), "id", &cancel.id));
	PAWL_TRY(pawl_ddi_id(&reader, pawl_json_path(&reader.json, 0, "cancelAction.stopId"),
	    "cancelAction.stopId", &cancel.stop_id));
	*ret_cancel = cancel;
	return PAWL_ERR_OK;
}

void pawl_ddi_cancel_write(struct pawl_buf *out, const struct pawl_ddi_cancel *cancel)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);

	pawl_json_begin_object(&writer);
	pawl_json_member_bytes(&writer, "id", cancel->id);
	pawl_json_key(&writer, "cancelAction");
	pawl_json_begin_object(&writer);
	pawl_json_member_bytes(&writer, "stopId", cancel->stop_id);
	pawl_json_end_object(&writer);
	pawl_json_end_object(&writer);
}

/* --- error body --- */

static pawl_err error_member(
    const struct pawl_ddi_reader *reader, const char *name, struct pawl_bytes *ret_text)
{
	const uint32_t value = pawl_json_get(&reader->json, 0, name);

	if (!pawl_json_is(&reader->json, value, PAWL_JSON_STRING)) {
		*ret_text = PAWL_BYTES(NULL, 0);
		return PAWL_ERR_OK;
	}
	return pawl_ddi_string(reader, value, name, ret_text);
}

pawl_err pawl_ddi_error_parse(struct pawl_bytes text, struct pawl_arena *arena,
    struct pawl_ddi_error *ret_error, struct pawl_note *reterr_note)
{
	struct pawl_ddi_reader reader;
	struct pawl_ddi_error error;

	PAWL_TRY(pawl_ddi_open(text, arena, reterr_note, &reader));
	PAWL_TRY(error_member(&reader, "exceptionClass", &error.exception_class));
	PAWL_TRY(error_member(&reader, "errorCode", &error.error_code));
	PAWL_TRY(error_member(&reader, "message", &error.message));
	*ret_error = error;
	return PAWL_ERR_OK;
}

void pawl_ddi_error_write(struct pawl_buf *out, const struct pawl_ddi_error *error)
{
	struct pawl_json_writer writer = pawl_json_writer_of(out);

	pawl_json_begin_object(&writer);
	if (error->exception_class.at != NULL)
		pawl_json_member_bytes(&writer, "exceptionClass", error->exception_class);
	if (error->error_code.at != NULL)
		pawl_json_member_bytes(&writer, "errorCode", error->error_code);
	if (error->message.at != NULL)
		pawl_json_member_bytes(&writer, "message", error->message);
	pawl_json_end_object(&writer);
}
