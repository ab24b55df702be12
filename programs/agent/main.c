/* SPDX-License-Identifier: MIT
 *
 * pawl-agent: reads the settings, opens what it needs, runs the core.
 */
#include "agent.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* No moment before this program was written can be now: 2025-01-01. */
#define EARLIEST_MS (INT64_C(1735689600) * PAWL_MS_PER_S)

static volatile sig_atomic_t stopping;

bool agent_is_stopping(void)
{
	return stopping != 0;
}

static void on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static void set_up_process(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
	(void)umask(077);
	/* The private key is in this process: no core files, no debugger. */
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	/* What a health check leaves behind comes to us, and is ended. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	/* Memory of a check goes back to the system when it is freed. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
	(void)mallopt(M_ARENA_MAX, 1);
}

static pawl_err open_state_folder(struct agent *agent, bool *ret_is_locked, struct pawl_note *note)
{
	const char *const folder = agent->settings.state_dir;
	char path[AGENT_PATH_MAX + 32];
	pawl_err err = pawl_env_make_folder(folder, 0700, note);
	if (err == PAWL_ERR_OK)
		err = pawl_env_check_private(folder, note);
	if (err == PAWL_ERR_OK)
		err = pawl_env_join(folder, "tuf", sizeof(path), path);
	/* A full disk must not keep the device from running. */
	if (err == PAWL_ERR_OK && !pawl_env_exists(path))
		err = pawl_env_make_folder(path, 0700, note);
	if (err == PAWL_ERR_OK)
		err = pawl_env_join(folder, "agent.lock", sizeof(path), path);
	if (err != PAWL_ERR_OK)
		return err;
	err = pawl_env_lock(path, &agent->lock, note);
	*ret_is_locked = err == PAWL_ERR_EXISTS;
	return err;
}

/* The stored state, or a fresh one when it can not be used. */
static void load_state(struct agent *agent)
{
	const struct agent_settings *const settings = &agent->settings;
	const struct pawl_device_settings device_settings = {
		.poll_min_ms = settings->poll_min_ms,
		.poll_max_ms = settings->poll_max_ms,
		.probation_ms = settings->probation_ms,
		.contact_ms = settings->contact_ms,
	};
	struct pawl_device_stored stored = pawl_device_fresh((struct pawl_wall){ EARLIEST_MS });
	char path[AGENT_PATH_MAX + 32];
	uint8_t *bytes = NULL;
	size_t size = 0;
	pawl_err err = pawl_env_join(settings->state_dir, "agent.state", sizeof(path), path);
	if (err == PAWL_ERR_OK)
		err = pawl_env_read_file(path, PAWL_DEVICE_STATE_SIZE_MAX, &bytes, &size, NULL);
	void *const scratch = malloc(PAWL_DEVICE_SCRATCH);
	const bool exists = err != PAWL_ERR_NOT_FOUND;
	if (err == PAWL_ERR_OK)
		err = scratch == NULL ? PAWL_ERR_NO_MEMORY
				      : pawl_device_decode(PAWL_BYTES(bytes, size), scratch,
					    PAWL_DEVICE_SCRATCH, &stored);
	if (exists && err != PAWL_ERR_OK)
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "agent.state-lost", PAWL_LOG_ERR(err));
	free(scratch);
	free(bytes);
	if (stored.time_floor.ms < EARLIEST_MS)
		stored.time_floor.ms = EARLIEST_MS;
	pawl_device_init(&agent->device, &device_settings, &stored);
}

static int fail(const struct agent *agent, pawl_err err, const struct pawl_note *note)
{
	pawl_log_event(&agent->log, PAWL_LOG_ERROR, "agent.failed", PAWL_LOG_ERR(err),
	    PAWL_LOG_TEXT("reason", note->text));
	return 1;
}

/* --- a trial that can not start its agent --- */

bool agent_trial_is_over(const struct agent *agent)
{
	return agent->trial_ends_ms != 0 && pawl_env_mono().ms >= agent->trial_ends_ms;
}

static void watch_trial(struct agent *agent)
{
	const struct agent_settings *const settings = &agent->settings;
	const unsigned running = agent->boot.slots.running;
	if (agent->boot.slots.slot[running].state == PAWL_SLOT_TRIAL && !settings->once)
		agent->trial_ends_ms =
		    pawl_env_mono().ms + settings->probation_ms + settings->contact_ms;
}

/* A new image whose data partition is gone, read-only or empty starts, but its
 * agent never reaches the server. Nobody else would bring the old one back. */
static int leave_trial(struct agent *agent, pawl_err err, const struct pawl_note *why)
{
	struct pawl_note note = { "" };
	(void)fail(agent, err, why);
	const pawl_err failed = agent_fail_trial(agent, &note);
	return failed == PAWL_ERR_OK ? agent_reboot(agent) : fail(agent, failed, &note);
}

/* The state folder; on a trial tried again until the trial is over. */
static pawl_err open_patiently(struct agent *agent, struct pawl_note *note)
{
	for (;;) {
		bool is_locked = false;
		pawl_note_clear(note);
		const pawl_err err = open_state_folder(agent, &is_locked, note);
		if (is_locked)
			agent->trial_ends_ms = 0; /* another agent watches the trial */
		if (err == PAWL_ERR_OK || agent->trial_ends_ms == 0 || agent_trial_is_over(agent) ||
		    agent_is_stopping())
			return err;
		agent_wait_until(agent, pawl_env_mono().ms + PAWL_MS_PER_S);
	}
}

static int run(struct agent *agent)
{
	struct pawl_note note = { "" };
	pawl_err err = agent_settings_pins(&agent->settings, sizeof(agent->pins), agent->pins);
	if (err == PAWL_ERR_OK)
		err = agent_boot_load(agent, &note);
	if (err != PAWL_ERR_OK)
		return fail(agent, err, &note);
	watch_trial(agent);
	err = open_patiently(agent, &note);
	if (err != PAWL_ERR_OK && agent_trial_is_over(agent))
		return leave_trial(agent, err, &note);
	if (err != PAWL_ERR_OK)
		return fail(agent, err, &note);
	load_state(agent);
	agent_measure(agent);
	const unsigned running = agent->boot.slots.running;
	pawl_log_event(&agent->log, PAWL_LOG_INFO, "agent.started",
	    PAWL_LOG_TEXT("device", agent->settings.device_id),
	    PAWL_LOG_TEXT("slot", running == PAWL_SLOT_A ? "a" : "b"),
	    PAWL_LOG_TEXT("state", pawl_slot_state_name(agent->boot.slots.slot[running].state)),
	    PAWL_LOG_TEXT("version", agent->boot.image[running].version),
	    PAWL_LOG_TEXT("boot_reason", pawl_boot_reason_name(agent->boot.reason)),
	    PAWL_LOG_TEXT("phase", pawl_phase_name(agent->device.stored.phase)));
	err = agent_enrol(agent);
	if (err == PAWL_ERR_CANCELLED)
		return agent_is_stopping() ? 0 : 1;
	if (err == PAWL_ERR_TIMEOUT) {
		pawl_note_add(&note, "the trial image has no certificate and got none");
		return leave_trial(agent, err, &note);
	}
	if (err != PAWL_ERR_OK)
		return fail(agent, err, &note);
	const int code = agent_run(agent);
	if (code == 0)
		pawl_log_event(&agent->log, PAWL_LOG_INFO, "agent.stopped");
	return code;
}

int main(int argc, char *argv[])
{
	struct agent *const agent = calloc(1, sizeof(*agent));
	if (agent == NULL)
		return 1;
	agent->lock.fd = -1;
	agent->slot.fd = -1;
	agent->watchdog_fd = -1;
	agent->fed_at_ms = INT64_MIN / 2;
	agent->log = pawl_log_of(STDERR_FILENO, PAWL_LOG_INFO);
	int code = agent_settings_read(argc, argv, &agent->settings);
	if (code < 0) {
		set_up_process();
		code = run(agent);
	}
	/* Whoever runs it once and then again later does not want a restart in
	 * between: the "magic close" of watchdog devices. */
	if (agent->settings.once && code == 0 && agent->watchdog_fd >= 0)
		(void)!write(agent->watchdog_fd, "V", 1);
	pawl_fetch_destroy(agent->fetch);
	pawl_env_slot_close(&agent->slot);
	agent_stream_close(&agent->stream);
	pawl_env_unlock(&agent->lock);
	free(agent);
	return code;
}
