/* SPDX-License-Identifier: MIT
 *
 * The session with the server.
 */
#include "agent.h"

#include <stdlib.h>

enum {
	REQUEST_TIMEOUT_MS = 30000,
	/* Nobody leaves a device on a shelf for longer and expects its clock to
	 * be believed. */
	CLOCK_AHEAD_DAYS = 3 * 365
};

bool agent_clock_is_plausible(const struct agent *agent, struct pawl_wall now)
{
	const int64_t floor = agent->device.stored.time_floor.ms;
	return now.ms >= floor && now.ms - floor <= CLOCK_AHEAD_DAYS * PAWL_MS_PER_DAY;
}

pawl_err agent_connect(struct agent *agent, struct pawl_note *note)
{
	const struct agent_settings *const settings = &agent->settings;
	char certificate[AGENT_PATH_MAX + 32];
	char key[AGENT_PATH_MAX + 32];
	/* With a clock that can not be right the certificate's dates mean
	 * nothing. The pins alone say who the server is, as they always do. */
	const bool by_pins =
	    settings->ca_file[0] == '\0' || !agent_clock_is_plausible(agent, pawl_env_wall());
	if (agent->fetch != NULL && agent->fetch_by_pins == by_pins)
		return PAWL_ERR_OK;
	pawl_fetch_destroy(agent->fetch);
	agent->fetch = NULL;
	pawl_err err =
	    pawl_env_join(settings->state_dir, "identity.crt", sizeof(certificate), certificate);
	if (err == PAWL_ERR_OK)
		err = pawl_env_join(settings->state_dir, "identity.key", sizeof(key), key);
	if (err != PAWL_ERR_OK)
		return err;
	const struct pawl_fetch_options options = {
		.ca_file = settings->ca_file,
		.pins = agent->pins,
		.cert_file = certificate,
		.key_file = key,
		.by_pins_only = by_pins,
	};
	agent->fetch_by_pins = by_pins;
	return pawl_fetch_create(&options, &agent->fetch, note);
}

pawl_err agent_on_progress(void *context, uint64_t sent, uint64_t received)
{
	struct agent *const agent = context;
	(void)sent;
	(void)received;
	/* Every transfer has a deadline or a lowest speed, so that waiting for
	 * the network is progress, and a hang elsewhere is not fed. */
	agent_feed_watchdog(agent);
	return agent_is_stopping() ? PAWL_ERR_CANCELLED : PAWL_ERR_OK;
}

pawl_err agent_request(struct agent *agent, const struct pawl_fetch_request *request,
    struct pawl_fetch_answer *ret_answer, struct pawl_note *note)
{
	struct pawl_fetch_request timed = *request;
	timed.progress = agent_on_progress;
	timed.progress_context = agent;
	if (timed.total_timeout_ms == 0)
		timed.total_timeout_ms = REQUEST_TIMEOUT_MS;
	const pawl_err err = agent_connect(agent, note);
	return err == PAWL_ERR_OK ? pawl_fetch_run(agent->fetch, &timed, ret_answer, note) : err;
}
