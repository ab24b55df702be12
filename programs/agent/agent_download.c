/* SPDX-License-Identifier: MIT
 *
 * DOWNLOAD: from the network straight into the inactive slot. Nothing is
 * believed here: what counts is what is read back later. The hash that is taken
 * on the way only tells the server's fault from the storage's.
 */
#include "agent.h"

#include <string.h>

enum {
	/* How much is written between two moments that survive a power cut. */
	SYNC_BYTES = 4 * 1024 * 1024,
	LOW_SPEED_BYTES_S = 500,
	LOW_SPEED_S = 20
};

struct download {
	struct agent *agent;
	uint64_t offset;    /* written                                              */
	uint64_t synced;    /* on the medium                                        */
	pawl_reason reason; /* why we stopped it; NONE: we did not               */
	bool paused;
	bool begins_again; /* the next piece overwrites what was there           */
	struct pawl_note note;
};

/* --- hash of the stream --- */

void agent_stream_close(struct agent_stream *stream)
{
	if (stream->open)
		pawl_hash_finish(&stream->hash);
	*stream = (struct agent_stream){ .open = false };
}

static pawl_err begin_stream(struct agent *agent)
{
	struct agent_stream *const stream = &agent->stream;
	agent_stream_close(stream);
	const pawl_err err = pawl_hash_init(&stream->hash, PAWL_HASH_SHA256);
	stream->open = err == PAWL_ERR_OK;
	memcpy(stream->sha256, agent->device.stored.release.sha256, sizeof(stream->sha256));
	return err;
}

/* Brings the hash to where the download goes on; after a restart of the agent
 * from what stands in the slot. */
static pawl_err resume_stream(struct agent *agent, uint64_t offset, struct pawl_note *note)
{
	struct agent_stream *const stream = &agent->stream;
	const uint8_t *const sha256 = agent->device.stored.release.sha256;
	if (stream->open && stream->offset == offset &&
	    memcmp(stream->sha256, sha256, sizeof(stream->sha256)) == 0)
		return PAWL_ERR_OK;
	pawl_err err = begin_stream(agent);
	if (err == PAWL_ERR_OK && offset > 0)
		err = agent_hash_slot(agent, &agent->slot, offset, false, &stream->hash, note);
	stream->offset = offset;
	if (err != PAWL_ERR_OK)
		agent_stream_close(stream);
	return err;
}

static pawl_err hash_piece(struct agent *agent, uint64_t offset, struct pawl_bytes piece)
{
	struct agent_stream *const stream = &agent->stream;
	if (!stream->open || stream->offset != offset)
		return PAWL_ERR_CORRUPT;
	stream->offset += piece.size;
	return pawl_hash_update(&stream->hash, piece);
}

static bool stream_is_right(struct agent *agent)
{
	uint8_t sha256[32];
	const struct pawl_device_release *const release = &agent->device.stored.release;
	return agent->stream.open && agent->stream.offset == release->length &&
	       pawl_hash_peek(&agent->stream.hash, sha256) == PAWL_ERR_OK &&
	       memcmp(sha256, release->sha256, sizeof(sha256)) == 0;
}

/* --- what comes --- */

static pawl_err give_up(struct download *download, pawl_reason reason, pawl_err err)
{
	download->reason = reason;
	return err == PAWL_ERR_OK ? PAWL_ERR_CANCELLED : err;
}

static pawl_err sync_slot(struct download *download)
{
	if (download->synced == download->offset)
		return PAWL_ERR_OK;
	const pawl_err err = pawl_env_slot_sync(&download->agent->slot, &download->note);
	if (err != PAWL_ERR_OK)
		return give_up(download, agent_storage_reason(err), err);
	download->synced = download->offset;
	return PAWL_ERR_OK;
}

/* Before the first byte: is it as long as what was signed, and from where? */
static pawl_err on_begin(void *context, const struct pawl_fetch_answer *answer)
{
	struct download *const download = context;
	const uint64_t length = download->agent->device.stored.release.length;
	if (answer->status == 200 && download->offset > 0) {
		download->offset = 0; /* the server ignores ranges */
		download->begins_again = true;
	}
	const bool is_wrong =
	    (answer->has_length && answer->length != length - download->offset) ||
	    (answer->status == 206 && answer->range_total != 0 && answer->range_total != length);
	if (!is_wrong)
		return PAWL_ERR_OK;
	pawl_note_add(&download->note, "The server announces ");
	pawl_note_add_int(&download->note,
	    (long long)(answer->status == 206 ? answer->range_total : answer->length));
	pawl_note_add(&download->note, " bytes where ");
	pawl_note_add_int(&download->note, (long long)length);
	pawl_note_add(&download->note, " were signed.");
	return give_up(download, PAWL_REASON_LENGTH_MISMATCH, PAWL_ERR_OK);
}

/* Says how far the slot is; the answer may ask to pause. */
static pawl_err tell_chunk(struct download *download)
{
	struct agent *const agent = download->agent;
	struct pawl_device_event event = agent_event(PAWL_ON_CHUNK);
	event.offset = download->synced;
	struct pawl_device_effect effect = pawl_device_step(&agent->device, &event);
	if (effect.kind == PAWL_DO_SAVE) {
		struct pawl_note note = { "" };
		event = agent_event(PAWL_ON_DONE);
		const pawl_err saved = agent_save(agent, &note);
		if (saved != PAWL_ERR_OK)
			agent_failed(agent, &event, agent_storage_reason(saved), note.text);
		effect = pawl_device_step(&agent->device, &event);
	}
	download->paused = effect.kind == PAWL_DO_PAUSE;
	return download->paused ? PAWL_ERR_CANCELLED : PAWL_ERR_OK;
}

/* A place to go on from after a power cut; also where a poll may come between. */
static pawl_err reach_chunk(struct download *download)
{
	const pawl_err err = sync_slot(download);
	return err == PAWL_ERR_OK ? tell_chunk(download) : err;
}

/* Nothing that is there is worth anything once it is written over. */
static pawl_err begin_again(struct download *download)
{
	download->begins_again = false;
	download->synced = 0;
	const pawl_err err = begin_stream(download->agent);
	return err == PAWL_ERR_OK ? tell_chunk(download) : err;
}

static pawl_err on_piece(void *context, struct pawl_bytes piece)
{
	struct download *const download = context;
	struct agent *const agent = download->agent;
	const uint64_t length = agent->device.stored.release.length;
	if (agent_is_stopping())
		return PAWL_ERR_CANCELLED;
	agent_feed_watchdog(agent);
	if (piece.size > length - download->offset) {
		pawl_note_add(&download->note, "The server sends more than was signed.");
		return give_up(download, PAWL_REASON_LENGTH_MISMATCH, PAWL_ERR_OK);
	}
	pawl_err err = download->begins_again ? begin_again(download) : PAWL_ERR_OK;
	if (err == PAWL_ERR_OK)
		err = hash_piece(agent, download->offset, piece);
	if (err != PAWL_ERR_OK)
		return err;
	err = pawl_env_slot_write_at(&agent->slot, download->offset, piece, &download->note);
	if (err != PAWL_ERR_OK)
		return give_up(download, agent_storage_reason(err), err);
	download->offset += piece.size;
	const bool is_due = download->offset - download->synced >= SYNC_BYTES;
	/* Without data to sync, time may still ask for a pause. */
	const bool is_late = pawl_env_mono().ms >= agent->device.slice_end_ms;
	return (is_due || is_late) && download->offset < length ? reach_chunk(download)
								: PAWL_ERR_OK;
}

static pawl_err transfer(
    struct download *download, struct pawl_fetch_answer *answer, struct pawl_note *note)
{
	struct agent *const agent = download->agent;
	const uint64_t rate = (uint64_t)agent->settings.rate_limit_bytes_s;
	const uint64_t left = agent->device.stored.release.length - download->offset;
	const struct pawl_fetch_request request = {
		.method = PAWL_FETCH_GET,
		.url = agent->download_url,
		.resume_offset = download->offset,
		.low_speed_bytes_s = rate != 0 && rate / 4 < LOW_SPEED_BYTES_S
					 ? (unsigned)(rate / 4) + 1
					 : LOW_SPEED_BYTES_S,
		.low_speed_s = LOW_SPEED_S,
		.rate_limit_bytes_s = rate,
		/* An answer from the beginning is allowed; on_piece counts. */
		.body_max = left + download->offset,
		.begin = on_begin,
		.sink = on_piece,
		.sink_context = download,
		.progress = agent_on_progress,
		.progress_context = agent,
	};
	const pawl_err err = agent_connect(agent, note);
	return err == PAWL_ERR_OK ? pawl_fetch_run(agent->fetch, &request, answer, note) : err;
}

/* A complete answer that is no image. */
static void on_status(struct download *download, struct pawl_device_event *event,
    const struct pawl_fetch_answer *answer)
{
	struct agent *const agent = download->agent;
	agent_status_failed(agent, event, answer, "the download");
	if (answer->status == 404 || answer->status == 410 || answer->status == 403)
		event->reason = PAWL_REASON_MISSING;
	else if (answer->status == 416)
		event->reason = PAWL_REASON_LENGTH_MISMATCH;
	else if (answer->status < 500 && answer->status != 429 && answer->status != 408)
		event->reason = PAWL_REASON_MALFORMED;
}

static void conclude(struct download *download, struct pawl_device_event *event, pawl_err err,
    const struct pawl_fetch_answer *answer, const char *note)
{
	struct agent *const agent = download->agent;
	const uint64_t length = agent->device.stored.release.length;
	if (download->reason != PAWL_REASON_NONE)
		agent_failed(agent, event, download->reason, download->note.text);
	else if (download->paused)
		event->kind = PAWL_ON_PAUSED;
	else if (err == PAWL_ERR_LIMIT)
		agent_failed(agent, event, PAWL_REASON_LENGTH_MISMATCH, note);
	else if (err == PAWL_ERR_SYNTAX)
		agent_failed(agent, event, PAWL_REASON_MALFORMED, note);
	else if (err != PAWL_ERR_OK)
		agent_net_failed(agent, event, err, note);
	else if (answer->status != 200 && answer->status != 206)
		on_status(download, event, answer);
	else if (download->offset != length)
		agent_failed(agent, event, PAWL_REASON_LENGTH_MISMATCH,
		    "The server sent less than was signed.");
	else if (!stream_is_right(agent))
		agent_failed(agent, event, PAWL_REASON_HASH_MISMATCH,
		    "The artifact's bytes are not the signed ones (hash mismatch): the server, or "
		    "a mirror before it, has another file.");
	else
		event->kind = PAWL_ON_DONE;
}

void agent_download(struct agent *agent, struct pawl_device_event *event)
{
	const struct pawl_device_stored *const stored = &agent->device.stored;
	struct pawl_note note = { "" };
	struct pawl_fetch_answer answer = { .status = 0 };
	struct download download = { .agent = agent,
		.offset = stored->offset,
		.synced = stored->offset,
		.reason = PAWL_REASON_NONE };
	pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.downloading",
	    PAWL_LOG_TEXT("version", stored->release.version),
	    PAWL_LOG_INT("offset", stored->offset), PAWL_LOG_INT("length", stored->release.length));
	pawl_err err = agent_slot_open(agent, stored->slot, &note);
	if (err == PAWL_ERR_OK)
		err = resume_stream(agent, stored->offset, &note);
	if (err != PAWL_ERR_OK) {
		agent_failed(agent, event, agent_storage_reason(err),
		    note.text[0] != '\0' ? note.text : pawl_err_text(err));
		event->offset = stored->offset;
		return;
	}
	if (download.offset < stored->release.length)
		err = transfer(&download, &answer, &note);
	else
		answer.status = 206; /* all of it was there already */
	/* What came is worth keeping, whatever ended it. */
	(void)sync_slot(&download);
	conclude(&download, event, err, &answer, note.text);
	event->offset = download.synced;
	/* A hash that was right for a pause only, or for nothing any more. */
	if (event->kind != PAWL_ON_PAUSED && event->reason != PAWL_REASON_NETWORK)
		agent_stream_close(&agent->stream);
}
