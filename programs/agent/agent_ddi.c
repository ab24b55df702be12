/* SPDX-License-Identifier: MIT
 *
 * hawkBit's device protocol: poll, deployment, feedback, attributes.
 *
 * Of the links in an answer only the id at their end is used; the addresses
 * are our own. So an answer can not send the device elsewhere, and a server
 * that does not know its own outer name does no harm.
 */
#include "agent.h"

#include "pawl/text.h"
#include "pawl/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- failures --- */

void agent_failed(
    struct agent *agent, struct pawl_device_event *event, pawl_reason reason, const char *sentence)
{
	struct pawl_buf clean = pawl_buf_of(agent->sentence, sizeof(agent->sentence) - 1);
	pawl_put_clean(&clean, pawl_bytes_of(sentence), sizeof(agent->sentence) - 1);
	agent->sentence[clean.size] = '\0';
	event->kind = PAWL_ON_FAILED;
	event->reason = reason;
	event->sentence = agent->sentence;
}

pawl_reason agent_storage_reason(pawl_err err)
{
	return err == PAWL_ERR_NO_SPACE ? PAWL_REASON_DISK_FULL : PAWL_REASON_IO;
}

void agent_net_failed(
    struct agent *agent, struct pawl_device_event *event, pawl_err err, const char *note)
{
	agent_failed(
	    agent, event, PAWL_REASON_NETWORK, note[0] != '\0' ? note : pawl_err_text(err));
}

/* The server's own words, when there are any. */
static void add_message(struct agent *agent, struct pawl_bytes body, struct pawl_note *note)
{
	struct pawl_arena arena = pawl_arena_of(agent->scratch, sizeof(agent->scratch));
	struct pawl_ddi_error error = { 0 };
	if (pawl_ddi_error_parse(body, &arena, &error, NULL) != PAWL_ERR_OK ||
	    error.message.at == NULL)
		return;
	pawl_note_add(note, ": ");
	pawl_note_add_bytes(note, error.message.at, error.message.size);
}

void agent_status_failed(struct agent *agent, struct pawl_device_event *event,
    const struct pawl_fetch_answer *answer, const char *what)
{
	struct pawl_note note = { "" };
	pawl_note_add(&note, "The server answers ");
	pawl_note_add_int(&note, answer->status);
	pawl_note_add(&note, " to ");
	pawl_note_add(&note, what);
	add_message(agent, answer->body, &note);
	agent_failed(agent, event, PAWL_REASON_NETWORK, note.text);
	if (answer->has_retry_after)
		event->retry_after_ms = answer->retry_after_s * PAWL_MS_PER_S;
}

/* --- addresses --- */

static pawl_err base_url(const struct agent *agent, const char *tail, const char *id,
    const char *end, char ret_url[AGENT_URL_MAX])
{
	const struct agent_settings *const settings = &agent->settings;
	const int size = snprintf(ret_url, AGENT_URL_MAX, "%s/%s/controller/v1/%s%s%s%s",
	    settings->server_url, settings->tenant, settings->device_id, tail, id, end);
	return size > 0 && size < AGENT_URL_MAX ? PAWL_ERR_OK : PAWL_ERR_LIMIT;
}

/* The id at the end of a link: behind its last '/', before a '?'. */
static bool id_of(struct pawl_bytes href, char ret_id[PAWL_DDI_ID_MAX + 1])
{
	size_t end = 0;
	while (end < href.size && href.at[end] != '?')
		end++;
	size_t start = end;
	while (start > 0 && href.at[start - 1] != '/')
		start--;
	const struct pawl_bytes id = { href.at + start, end - start };
	if (!pawl_name_is_valid(id, PAWL_DDI_ID_MAX))
		return false;
	return pawl_bytes_to_text(id, PAWL_DDI_ID_MAX + 1, ret_id) == PAWL_ERR_OK;
}

/* A link of ours, if it leads to the server that the settings name. */
static void take_link(const struct agent *agent, struct pawl_bytes href, const char *fallback,
    char ret_url[AGENT_URL_MAX])
{
	struct pawl_url ours;
	struct pawl_url link;
	(void)snprintf(ret_url, AGENT_URL_MAX, "%s%s", agent->settings.server_url, fallback);
	if (href.at == NULL || href.size == 0 || href.at[href.size - 1] != '/' ||
	    pawl_url_parse(pawl_bytes_of(agent->settings.server_url), &ours) != PAWL_ERR_OK ||
	    pawl_url_parse(href, &link) != PAWL_ERR_OK || !pawl_url_same_origin(&ours, &link))
		return;
	char text[AGENT_URL_MAX];
	if (pawl_bytes_to_text(href, sizeof(text), text) == PAWL_ERR_OK)
		memcpy(ret_url, text, href.size + 1);
}

/* --- poll --- */

static void note_reached(struct agent *agent, bool reached, const char *why)
{
	if (reached && agent->unreachable)
		pawl_log_event(&agent->log, PAWL_LOG_INFO, "agent.recovered");
	if (!reached && !agent->unreachable)
		pawl_log_event(
		    &agent->log, PAWL_LOG_WARN, "agent.unreachable", PAWL_LOG_TEXT("reason", why));
	agent->unreachable = !reached;
}

static bool read_poll(struct agent *agent, struct pawl_bytes body, struct pawl_device_event *event,
    struct pawl_note *note)
{
	struct pawl_arena arena = pawl_arena_of(agent->scratch, sizeof(agent->scratch));
	struct pawl_ddi_poll poll = { 0 };
	if (pawl_ddi_poll_parse(body, &arena, &poll, note) != PAWL_ERR_OK)
		return false;
	agent->offered[0] = '\0';
	agent->cancel[0] = '\0';
	if (poll.deployment_base.at != NULL && !id_of(poll.deployment_base, agent->offered)) {
		pawl_note_add(note, "deploymentBase does not end in an action id");
		return false;
	}
	if (poll.cancel_action.at != NULL && !id_of(poll.cancel_action, agent->cancel)) {
		pawl_note_add(note, "cancelAction does not end in an action id");
		return false;
	}
	take_link(agent, poll.pawl_metadata, "/pawl/v1/repository/metadata/", agent->metadata_url);
	take_link(agent, poll.pawl_targets, "/pawl/v1/repository/targets/", agent->targets_url);
	event->kind = PAWL_ON_POLL;
	event->poll.sleep_ms = poll.sleep_ms;
	event->poll.action = agent->offered;
	event->poll.cancel = agent->cancel;
	event->poll.wants_attributes = poll.config_data.at != NULL;
	return true;
}

void agent_poll(struct agent *agent, struct pawl_device_event *event)
{
	char url[AGENT_URL_MAX];
	struct pawl_note note = { "" };
	struct pawl_fetch_answer answer;
	pawl_err err = base_url(agent, "", "", "", url);
	const struct pawl_fetch_request request = { .method = PAWL_FETCH_GET,
		.url = url,
		.headers = { "Accept: application/hal+json" },
		.body_max = AGENT_JSON_MAX };
	agent->polled = true;
	if (err == PAWL_ERR_OK)
		err = agent_request(agent, &request, &answer, &note);
	if (err != PAWL_ERR_OK)
		agent_net_failed(agent, event, err, note.text);
	else if (answer.status != 200)
		agent_status_failed(agent, event, &answer, "the poll");
	else if (!read_poll(agent, answer.body, event, &note))
		agent_failed(agent, event, PAWL_REASON_MALFORMED, note.text);
	if (err != PAWL_ERR_CANCELLED)
		note_reached(agent, event->kind == PAWL_ON_POLL, agent->sentence);
}

/* --- deployment --- */

static bool ends_with(struct pawl_bytes text, const char *tail)
{
	const size_t size = strlen(tail);
	return text.size >= size && memcmp(text.at + text.size - size, tail, size) == 0;
}

/* The artifact for our hardware class; else the first one, so that what is
 * signed about it tells why it is not for us. */
static const struct pawl_ddi_artifact *choose_artifact(
    const struct agent *agent, const struct pawl_ddi_deployment *deployment)
{
	char tail[PAWL_HW_CLASS_MAX + 8];
	const struct pawl_ddi_artifact *first = NULL;
	(void)snprintf(tail, sizeof(tail), ".%s.img", agent->settings.hardware_class);
	for (size_t i = 0; i < deployment->chunk_count; i++) {
		const struct pawl_ddi_chunk *const chunk = &deployment->chunks[i];
		for (size_t j = 0; j < chunk->artifact_count; j++) {
			const struct pawl_ddi_artifact *const artifact = &chunk->artifacts[j];
			if (ends_with(artifact->filename, tail))
				return artifact;
			if (first == NULL)
				first = artifact;
		}
	}
	return first;
}

static bool read_deployment(struct agent *agent, struct pawl_bytes body, void *memory,
    size_t memory_size, struct pawl_device_event *event, char ret_path[PAWL_TARGET_PATH_MAX + 1])
{
	struct pawl_note note = { "" };
	struct pawl_arena arena = pawl_arena_of(memory, memory_size);
	struct pawl_ddi_deployment deployment = { 0 };
	if (pawl_ddi_deployment_parse(body, &arena, &deployment, &note) != PAWL_ERR_OK) {
		agent_failed(agent, event, PAWL_REASON_MALFORMED, note.text);
		return false;
	}
	if (!pawl_bytes_is(deployment.id, agent->device.stored.action)) {
		agent_failed(agent, event, PAWL_REASON_MALFORMED,
		    "The deployment is of another action than was asked for.");
		return false;
	}
	const struct pawl_ddi_artifact *const artifact = choose_artifact(agent, &deployment);
	if (artifact == NULL) {
		agent_failed(agent, event, PAWL_REASON_WRONG_HARDWARE_CLASS,
		    "The offered release has no image for this device.");
		return false;
	}
	const int size =
	    snprintf(ret_path, PAWL_TARGET_PATH_MAX + 1, "fw/%s/%.*s", agent->settings.product,
		(int)artifact->filename.size, (const char *)artifact->filename.at);
	if (size < 0 || size > PAWL_TARGET_PATH_MAX) {
		agent_failed(
		    agent, event, PAWL_REASON_TOO_LARGE, "The artifact's name is too long.");
		return false;
	}
	event->may_download = deployment.download != PAWL_DDI_SKIP;
	event->may_activate =
	    deployment.update != PAWL_DDI_SKIP && deployment.window != PAWL_DDI_WINDOW_UNAVAILABLE;
	return true;
}

bool agent_offered_path(
    struct agent *agent, struct pawl_device_event *event, char ret_path[PAWL_TARGET_PATH_MAX + 1])
{
	char url[AGENT_URL_MAX];
	struct pawl_note note = { "" };
	struct pawl_fetch_answer answer;
	pawl_err err = base_url(agent, "/deploymentBase/", agent->device.stored.action, "", url);
	const struct pawl_fetch_request request = { .method = PAWL_FETCH_GET,
		.url = url,
		.headers = { "Accept: application/hal+json" },
		.body_max = AGENT_JSON_MAX };
	if (err == PAWL_ERR_OK)
		err = agent_request(agent, &request, &answer, &note);
	if (err != PAWL_ERR_OK) {
		agent_net_failed(agent, event, err, note.text);
		return false;
	}
	if (answer.status != 200) {
		agent_status_failed(agent, event, &answer, "the offer");
		return false;
	}
	const size_t memory_size = PAWL_DDI_ARENA_SIZE(answer.body.size);
	void *const memory = malloc(memory_size);
	if (memory == NULL) {
		agent_failed(agent, event, PAWL_REASON_IO, "Out of memory.");
		return false;
	}
	const bool good = read_deployment(agent, answer.body, memory, memory_size, event, ret_path);
	free(memory);
	return good;
}

/* --- feedback --- */

static bool is_final(const struct pawl_device_report *report)
{
	switch (report->kind) {
	case PAWL_REPORT_PROCEEDING:
	case PAWL_REPORT_DOWNLOAD:
	case PAWL_REPORT_DOWNLOADED: return false;
	case PAWL_REPORT_SUCCESS:
	case PAWL_REPORT_FAILURE:
	case PAWL_REPORT_CANCEL_DONE:
	case PAWL_REPORT_CANCEL_REJECTED: return true;
	}
	return true;
}

static struct pawl_ddi_feedback feedback_of(const struct pawl_device_report *report)
{
	struct pawl_ddi_feedback feedback = { .execution = PAWL_DDI_CLOSED,
		.finished = PAWL_DDI_FINISHED_NONE };
	switch (report->kind) {
	case PAWL_REPORT_PROCEEDING: feedback.execution = PAWL_DDI_PROCEEDING; break;
	case PAWL_REPORT_DOWNLOAD: feedback.execution = PAWL_DDI_DOWNLOAD; break;
	case PAWL_REPORT_DOWNLOADED: feedback.execution = PAWL_DDI_DOWNLOADED; break;
	case PAWL_REPORT_CANCEL_REJECTED: feedback.execution = PAWL_DDI_REJECTED; break;
	case PAWL_REPORT_SUCCESS:
	case PAWL_REPORT_CANCEL_DONE: feedback.finished = PAWL_DDI_FINISHED_SUCCESS; break;
	case PAWL_REPORT_FAILURE: feedback.finished = PAWL_DDI_FINISHED_FAILURE; break;
	}
	return feedback;
}

/* What the answer to something we said means for it. */
static void told(struct agent *agent, struct pawl_device_event *event,
    const struct pawl_fetch_answer *answer, bool must_arrive, const char *what)
{
	const int status = answer->status;
	const bool is_taken = status >= 200 && status < 300;
	/* Too many requests or reports: what ends an attempt is said again. */
	const bool is_later =
	    status == 401 || status == 403 || status == 408 || (status == 429 && must_arrive);
	if (is_taken)
		event->kind = PAWL_ON_DONE;
	else if (status >= 400 && status < 500 && !is_later)
		event->kind = PAWL_ON_GONE;
	else
		agent_status_failed(agent, event, answer, what);
	if (event->kind == PAWL_ON_FAILED)
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "report.failed",
		    PAWL_LOG_TEXT("reason", agent->sentence));
}

void agent_send_report(struct agent *agent, struct pawl_device_event *event)
{
	const struct pawl_device_report *const report = &agent->device.stored.reports[0];
	const bool is_cancel =
	    report->kind == PAWL_REPORT_CANCEL_DONE || report->kind == PAWL_REPORT_CANCEL_REJECTED;
	char url[AGENT_URL_MAX];
	char reason[48];
	uint8_t body[2048];
	struct pawl_note note = { "" };
	struct pawl_fetch_answer answer;
	struct pawl_ddi_feedback feedback = feedback_of(report);
	feedback.details[feedback.detail_count++] = pawl_bytes_of(report->sentence);
	if (report->reason != PAWL_REASON_NONE) {
		(void)snprintf(reason, sizeof(reason), "reason=%s", pawl_reason_id(report->reason));
		feedback.details[feedback.detail_count++] = pawl_bytes_of(reason);
	}
	struct pawl_buf out = pawl_buf_of(body, sizeof(body));
	pawl_ddi_feedback_write(&out, &feedback);
	pawl_err err = pawl_buf_check(&out);
	if (err == PAWL_ERR_OK)
		err = base_url(agent, is_cancel ? "/cancelAction/" : "/deploymentBase/",
		    report->action, "/feedback", url);
	const struct pawl_fetch_request request = {
		.method = PAWL_FETCH_POST, .url = url, .body = pawl_buf_bytes(&out)
	};
	if (err == PAWL_ERR_OK)
		err = agent_request(agent, &request, &answer, &note);
	if (err != PAWL_ERR_OK)
		agent_net_failed(agent, event, err, note.text);
	else
		told(agent, event, &answer, is_final(report), "a report");
}

/* --- attributes --- */

struct attributes {
	struct pawl_ddi_pair pairs[16];
	size_t count;
};

static void put(struct attributes *all, const char *key, const char *value)
{
	if (value[0] == '\0')
		return; /* unknown */
	all->pairs[all->count++] =
	    (struct pawl_ddi_pair){ pawl_bytes_of(key), pawl_bytes_of(value) };
}

void agent_send_attributes(struct agent *agent, struct pawl_device_event *event)
{
	const struct agent_settings *const settings = &agent->settings;
	const unsigned running = agent->boot.slots.running;
	const struct pawl_bootrec_image *const image = &agent->boot.image[running];
	char seq[24];
	char sec[24];
	char hash[PAWL_SHA256_HEX + 1] = "";
	char url[AGENT_URL_MAX];
	uint8_t body[4096];
	struct pawl_note note = { "" };
	struct pawl_fetch_answer answer;
	struct attributes all = { .count = 0 };
	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)image->seq);
	(void)snprintf(sec, sizeof(sec), "%llu", (unsigned long long)agent->boot.slots.floor);
	struct pawl_buf hex = pawl_buf_of(hash, sizeof(hash) - 1);
	if (agent->has_image_hash)
		pawl_put_hex(&hex, PAWL_BYTES(agent->image_sha256, sizeof(agent->image_sha256)));
	put(&all, "pawl.product", settings->product);
	put(&all, "pawl.hw", settings->hardware_class);
	put(&all, "pawl.group", settings->group);
	put(&all, "pawl.version", image->version);
	put(&all, "pawl.seq", seq);
	put(&all, "pawl.sec", sec);
	put(&all, "pawl.image_sha256", hash);
	put(&all, "pawl.slot", running == PAWL_SLOT_A ? "a" : "b");
	put(&all, "pawl.slot_state", pawl_slot_state_name(agent->boot.slots.slot[running].state));
	put(&all, "pawl.boot_reason", pawl_boot_reason_name(agent->boot.reason));
	put(&all, "pawl.agent", PAWL_VERSION);
	const struct pawl_ddi_config config = {
		.mode = PAWL_DDI_MERGE, .data = all.pairs, .count = all.count
	};
	struct pawl_buf out = pawl_buf_of(body, sizeof(body));
	pawl_ddi_config_write(&out, &config);
	pawl_err err = pawl_buf_check(&out);
	if (err == PAWL_ERR_OK)
		err = base_url(agent, "/configData", "", "", url);
	const struct pawl_fetch_request request = {
		.method = PAWL_FETCH_PUT, .url = url, .body = pawl_buf_bytes(&out)
	};
	if (err == PAWL_ERR_OK)
		err = agent_request(agent, &request, &answer, &note);
	if (err != PAWL_ERR_OK)
		agent_net_failed(agent, event, err, note.text);
	else
		told(agent, event, &answer, true, "the attributes");
}
