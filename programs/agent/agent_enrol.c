/* SPDX-License-Identifier: MIT
 *
 * Enrolment: the key is made here and never leaves; the server gets a request for
 * a certificate and the one-time token, again and again until an operator has
 * approved it.
 */
#include "agent.h"

#include "pawl/json.h"
#include "pawl/keys.h"
#include "pawl/text.h"
#include "pawl/x509.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOKEN_MAX = 512,
	BODY_MAX = 8 * 1024,
	ANSWER_MAX = 64 * 1024,
	ANSWER_TOKENS = 64,
	RETRY_FIRST_MS = 2000,
	RETRY_PENDING_MAX_MS = 600000
};

struct enrolment {
	struct agent *agent;
	struct pawl_fetch *fetch;
	struct pawl_key *key;
	char url[AGENT_URL_MAX];
	uint8_t body[BODY_MAX];
	size_t body_size;
	char key_path[AGENT_PATH_MAX + 32];
	char certificate_path[AGENT_PATH_MAX + 32];
	int64_t wait_ms; /* before the next try                                  */
	uint32_t failures;
	struct pawl_note note;
};

/* --- key --- */

static pawl_err make_key(struct enrolment *enrolment)
{
	uint8_t pem[PAWL_KEY_PEM_MAX];
	struct pawl_buf out = pawl_buf_of(pem, sizeof(pem));
	pawl_err err = pawl_key_create(PAWL_SIG_ECDSA_P256_SHA256, &enrolment->key);
	if (err != PAWL_ERR_OK)
		return err;
	err = pawl_key_save(enrolment->key, PAWL_BYTES_LIT(""), &out);
	if (err == PAWL_ERR_OK)
		err = pawl_env_write_new_file(
		    enrolment->key_path, 0600, pawl_buf_bytes(&out), &enrolment->note);
	pawl_bytes_wipe(pem, sizeof(pem));
	return err;
}

static pawl_err load_key(struct enrolment *enrolment)
{
	uint8_t pem[PAWL_KEY_PEM_MAX];
	size_t size = 0;
	pawl_err err =
	    pawl_env_read_into(enrolment->key_path, pem, sizeof(pem), &size, &enrolment->note);
	if (err == PAWL_ERR_NOT_FOUND) {
		pawl_note_clear(&enrolment->note);
		return make_key(enrolment);
	}
	if (err == PAWL_ERR_OK)
		err = pawl_env_check_private(enrolment->key_path, &enrolment->note);
	if (err == PAWL_ERR_OK)
		err = pawl_key_load(PAWL_BYTES(pem, size), PAWL_BYTES_LIT(""), &enrolment->key);
	pawl_bytes_wipe(pem, sizeof(pem));
	return err;
}

/* --- request --- */

static pawl_err make_body(struct enrolment *enrolment)
{
	const struct agent_settings *const settings = &enrolment->agent->settings;
	uint8_t csr[PAWL_CERT_PEM_MAX];
	char token[TOKEN_MAX];
	size_t token_size = 0;
	struct pawl_buf csr_out = pawl_buf_of(csr, sizeof(csr));
	struct pawl_buf out = pawl_buf_of(enrolment->body, sizeof(enrolment->body));
	pawl_err err = pawl_env_read_into(
	    settings->enrol_token_file, token, sizeof(token), &token_size, &enrolment->note);
	if (err == PAWL_ERR_OK)
		err = pawl_csr_make(enrolment->key, settings->device_id, &csr_out);
	if (err != PAWL_ERR_OK)
		return err;
	while (token_size > 0 && (token[token_size - 1] == '\n' || token[token_size - 1] == '\r'))
		token_size--;
	struct pawl_json_writer writer = pawl_json_writer_of(&out);
	pawl_json_begin_object(&writer);
	pawl_json_member_text(&writer, "controllerId", settings->device_id);
	pawl_json_key(&writer, "token");
	pawl_json_put_string(&writer, PAWL_BYTES(token, token_size));
	pawl_json_key(&writer, "csr");
	pawl_json_put_string(&writer, pawl_buf_bytes(&csr_out));
	pawl_json_end_object(&writer);
	pawl_bytes_wipe(token, sizeof(token));
	enrolment->body_size = out.size;
	return pawl_buf_check(&out);
}

/* --- answer --- */

/* Only a certificate for our own key and name is of any use. */
static pawl_err check_certificate(struct enrolment *enrolment, struct pawl_bytes pem)
{
	struct pawl_cert_info info;
	uint8_t pin[32];
	pawl_err err = pawl_cert_read(pem, &info);
	if (err == PAWL_ERR_OK)
		err = pawl_key_pin(enrolment->key, pin);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(&enrolment->note, "the certificate can not be read");
		return err;
	}
	if (strcmp(info.common_name, enrolment->agent->settings.device_id) == 0 &&
	    memcmp(info.pin, pin, sizeof(pin)) == 0)
		return PAWL_ERR_OK;
	pawl_note_add(&enrolment->note, "the certificate is for another name or key");
	return PAWL_ERR_DENIED;
}

static pawl_err keep_certificate(struct enrolment *enrolment, struct pawl_bytes pem)
{
	struct pawl_note ignored = { "" };
	pawl_err err = check_certificate(enrolment, pem);
	if (err == PAWL_ERR_OK)
		err = pawl_env_write_file(enrolment->certificate_path, 0600, pem, &enrolment->note);
	/* The token is worth nothing any more; leaving it would only puzzle. */
	if (err == PAWL_ERR_OK)
		(void)!pawl_env_remove_file(enrolment->agent->settings.enrol_token_file, &ignored);
	return err;
}

static pawl_err read_answer(struct enrolment *enrolment, const struct pawl_fetch_answer *answer)
{
	struct pawl_json_token tokens[ANSWER_TOKENS];
	struct pawl_json json;
	uint8_t pem[PAWL_CERT_PEM_MAX];
	struct pawl_buf out = pawl_buf_of(pem, sizeof(pem));
	int64_t seconds = 0;
	if (answer->status != 200 && answer->status != 202) {
		pawl_note_add(&enrolment->note, "the server answers ");
		pawl_note_add_int(&enrolment->note, answer->status);
		pawl_note_add(
		    &enrolment->note, answer->status == 401   ? ": token unknown, used or expired"
				      : answer->status == 409 ? ": the token belongs to another key"
							      : "");
		return PAWL_ERR_DENIED;
	}
	pawl_err err =
	    pawl_json_parse(answer->body, tokens, ANSWER_TOKENS, &json, &enrolment->note);
	if (err != PAWL_ERR_OK)
		return err;
	if (answer->status == 202) {
		if (pawl_json_int(&json, pawl_json_get(&json, 0, "retryAfterSeconds"), 1, 86400,
			&seconds) != PAWL_ERR_OK)
			seconds = 10;
		enrolment->wait_ms = seconds * PAWL_MS_PER_S < RETRY_PENDING_MAX_MS
					 ? seconds * PAWL_MS_PER_S
					 : RETRY_PENDING_MAX_MS;
		return PAWL_ERR_NOT_FOUND; /* not yet */
	}
	err = pawl_json_string(&json, pawl_json_get(&json, 0, "certificate"), &out);
	if (err == PAWL_ERR_OK)
		err = pawl_buf_check(&out);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(&enrolment->note, "the answer has no certificate");
		return err;
	}
	return keep_certificate(enrolment, pawl_buf_bytes(&out));
}

static pawl_err ask(struct enrolment *enrolment)
{
	struct pawl_fetch_answer answer;
	const struct pawl_fetch_request request = {
		.method = PAWL_FETCH_POST,
		.url = enrolment->url,
		.body = PAWL_BYTES(enrolment->body, enrolment->body_size),
		.total_timeout_ms = 30000,
		.body_max = ANSWER_MAX,
		.progress = agent_on_progress,
		.progress_context = enrolment->agent,
	};
	const pawl_err err = pawl_fetch_run(enrolment->fetch, &request, &answer, &enrolment->note);
	return err == PAWL_ERR_OK ? read_answer(enrolment, &answer) : err;
}

static pawl_err prepare(struct enrolment *enrolment)
{
	const struct agent_settings *const settings = &enrolment->agent->settings;
	const struct pawl_fetch_options options = {
		.ca_file = settings->ca_file,
		.pins = enrolment->agent->pins,
		.by_pins_only = settings->ca_file[0] == '\0' ||
				!agent_clock_is_plausible(enrolment->agent, pawl_env_wall()),
	};
	pawl_err err = PAWL_ERR_OK;
	if (settings->enrol_url[0] == '\0' || settings->enrol_token_file[0] == '\0') {
		pawl_note_add(&enrolment->note,
		    "there is no certificate, and no enrol-url and enrol-token-file to get one");
		return PAWL_ERR_REFUSED;
	}
	if (enrolment->key == NULL)
		err = load_key(enrolment);
	if (err == PAWL_ERR_OK)
		err = make_body(enrolment);
	if (err == PAWL_ERR_OK && enrolment->fetch == NULL)
		err = pawl_fetch_create(&options, &enrolment->fetch, &enrolment->note);
	return err;
}

static void wait_for_next(struct enrolment *enrolment, pawl_err err)
{
	struct agent *const agent = enrolment->agent;
	int64_t span = enrolment->wait_ms;
	if (err != PAWL_ERR_NOT_FOUND || span == 0) {
		enrolment->failures++;
		span = RETRY_FIRST_MS;
		for (uint32_t i = 1; i < enrolment->failures && span < agent->settings.poll_max_ms;
		     i++)
			span *= 2;
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "agent.enrolment-failed",
		    PAWL_LOG_ERR(err), PAWL_LOG_TEXT("reason", enrolment->note.text));
	}
	if (span > agent->settings.poll_max_ms)
		span = agent->settings.poll_max_ms;
	const int64_t end = agent->trial_ends_ms;
	const int64_t until = pawl_env_mono().ms + span;
	agent_wait_until(agent, end != 0 && end < until ? end : until);
}

static pawl_err enrol(struct enrolment *enrolment)
{
	for (;;) {
		enrolment->wait_ms = 0;
		pawl_note_clear(&enrolment->note);
		pawl_err err = prepare(enrolment);
		if (err == PAWL_ERR_OK)
			err = ask(enrolment);
		if (err == PAWL_ERR_OK) {
			pawl_log_event(&enrolment->agent->log, PAWL_LOG_INFO, "agent.enrolled",
			    PAWL_LOG_TEXT("device", enrolment->agent->settings.device_id));
			return PAWL_ERR_OK;
		}
		if (agent_is_stopping())
			return PAWL_ERR_CANCELLED;
		if (enrolment->agent->settings.once) {
			pawl_log_event(&enrolment->agent->log, PAWL_LOG_WARN,
			    "agent.enrolment-failed", PAWL_LOG_ERR(err),
			    PAWL_LOG_TEXT("reason", enrolment->note.text));
			return PAWL_ERR_CANCELLED;
		}
		if (agent_trial_is_over(enrolment->agent))
			return PAWL_ERR_TIMEOUT;
		wait_for_next(enrolment, err);
	}
}

pawl_err agent_enrol(struct agent *agent)
{
	struct enrolment *const enrolment = calloc(1, sizeof(*enrolment));
	if (enrolment == NULL)
		return PAWL_ERR_NO_MEMORY;
	enrolment->agent = agent;
	const char *const folder = agent->settings.state_dir;
	pawl_err err =
	    pawl_env_join(folder, "identity.key", sizeof(enrolment->key_path), enrolment->key_path);
	if (err == PAWL_ERR_OK)
		err = pawl_env_join(folder, "identity.crt", sizeof(enrolment->certificate_path),
		    enrolment->certificate_path);
	(void)snprintf(
	    enrolment->url, sizeof(enrolment->url), "%s/pawl/v1/enrol", agent->settings.enrol_url);
	if (err == PAWL_ERR_OK && !pawl_env_exists(enrolment->certificate_path))
		err = enrol(enrolment);
	pawl_key_destroy(enrolment->key);
	pawl_fetch_destroy(enrolment->fetch);
	pawl_bytes_wipe(enrolment, sizeof(*enrolment));
	free(enrolment);
	return err;
}
