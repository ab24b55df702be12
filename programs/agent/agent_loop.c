/* SPDX-License-Identifier: MIT
 *
 * One effect after the other, and what came of each.
 */
#include "agent.h"

#include "pawl/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WAIT_PIECE_MS = 500,
	FEED_PERIOD_MS = 250,
	/* /proc/self/ns/pid of the first PID namespace: PROC_PID_INIT_INO of
	 * include/linux/proc_ns.h. */
	FIRST_PID_NAMESPACE = (int)0xEFFFFFFC
};

struct pawl_device_event agent_event(pawl_device_event_kind kind)
{
	struct pawl_device_event event = { .kind = kind, .now = pawl_env_mono() };
	pawl_random(&event.random, sizeof(event.random));
	return event;
}

/* --- watchdog --- */

void agent_feed_watchdog(struct agent *agent)
{
	const int64_t now = pawl_env_mono().ms;
	if (agent->settings.watchdog[0] == '\0' || now - agent->fed_at_ms < FEED_PERIOD_MS)
		return;
	agent->fed_at_ms = now;
	if (agent->watchdog_fd < 0)
		agent->watchdog_fd =
		    open(agent->settings.watchdog, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	/* A full FIFO is fed well enough. */
	if (agent->watchdog_fd >= 0 && (write(agent->watchdog_fd, "\n", 1) == 1 || errno == EAGAIN))
		return;
	static const int64_t QUIET_MS = 60000;
	static int64_t said_at_ms = -60000;
	if (now - said_at_ms >= QUIET_MS) {
		said_at_ms = now;
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "watchdog.failed",
		    PAWL_LOG_TEXT("path", agent->settings.watchdog),
		    PAWL_LOG_TEXT("reason", strerrordesc_np(errno)));
	}
	if (agent->watchdog_fd >= 0) {
		(void)close(agent->watchdog_fd);
		agent->watchdog_fd = -1;
	}
}

/* --- state file --- */

pawl_err agent_save(struct agent *agent, struct pawl_note *note)
{
	char path[AGENT_PATH_MAX + 32];
	pawl_err err = pawl_env_join(agent->settings.state_dir, "agent.state", sizeof(path), path);
	uint8_t *const bytes = malloc(PAWL_DEVICE_STATE_SIZE_MAX);
	if (err != PAWL_ERR_OK || bytes == NULL) {
		free(bytes);
		return err != PAWL_ERR_OK ? err : PAWL_ERR_NO_MEMORY;
	}
	struct pawl_buf out = pawl_buf_of(bytes, PAWL_DEVICE_STATE_SIZE_MAX);
	err = pawl_device_encode(&agent->device.stored, &out);
	if (err == PAWL_ERR_OK)
		err = pawl_env_write_file(path, 0600, pawl_buf_bytes(&out), note);
	free(bytes);
	return err;
}

static void save(struct agent *agent, struct pawl_device_event *event)
{
	struct pawl_note note = { "" };
	const pawl_err err = agent_save(agent, &note);
	if (err == PAWL_ERR_OK) {
		event->kind = PAWL_ON_DONE;
		return;
	}
	agent_failed(agent, event, agent_storage_reason(err), note.text);
	pawl_log_event(&agent->log, PAWL_LOG_WARN, "agent.state-unsaved", PAWL_LOG_ERR(err),
	    PAWL_LOG_TEXT("reason", agent->sentence));
}

/* --- reboot --- */

/* A test or a container on a developer's machine must never reboot it. */
bool agent_may_reboot(const struct agent *agent, struct pawl_note *note)
{
	struct stat info;
	if (agent->settings.is_the_device || strcmp(agent->settings.reboot, "exit") == 0)
		return true;
	if (stat("/proc/self/ns/pid", &info) == 0 &&
	    info.st_ino != (ino_t)(unsigned)FIRST_PID_NAMESPACE)
		return true;
	pawl_note_add(note, "This device may not restart itself: the agent runs outside of a "
			    "container, and agent.conf has neither i-am-the-device = yes nor "
			    "reboot = exit.");
	return false;
}

static void reboot_system(struct agent *agent, struct pawl_device_event *event)
{
	struct pawl_note note = { "" };
	if (!agent_may_reboot(agent, &note)) {
		agent_failed(agent, event, PAWL_REASON_IO, note.text);
	} else {
		sync();
		(void)reboot(LINUX_REBOOT_CMD_RESTART);
		agent_failed(agent, event, PAWL_REASON_IO, "reboot(2) failed.");
	}
	pawl_log_event(
	    &agent->log, PAWL_LOG_ERROR, "agent.failed", PAWL_LOG_TEXT("reason", agent->sentence));
}

int agent_reboot(struct agent *agent)
{
	struct pawl_device_event event = { .kind = PAWL_ON_DONE };
	pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.rebooting");
	if (strcmp(agent->settings.reboot, "exit") == 0)
		return AGENT_EXIT_REBOOT;
	reboot_system(agent, &event);
	return 1;
}

/* --- effects --- */

void agent_wait_until(struct agent *agent, int64_t until_ms)
{
	while (!agent_is_stopping()) {
		const int64_t left = until_ms - pawl_env_mono().ms;
		if (left <= 0)
			return;
		agent_feed_watchdog(agent);
		pawl_env_wait(left < WAIT_PIECE_MS ? left : WAIT_PIECE_MS);
	}
}

static void perform(
    struct agent *agent, const struct pawl_device_effect *effect, struct pawl_device_event *event)
{
	switch (effect->kind) {
	case PAWL_DO_WAIT:
		agent_wait_until(agent, effect->until.ms);
		event->kind = PAWL_ON_TICK;
		return;
	case PAWL_DO_SAVE: save(agent, event); return;
	case PAWL_DO_POLL: agent_poll(agent, event); return;
	case PAWL_DO_ATTRIBUTES: agent_send_attributes(agent, event); return;
	case PAWL_DO_REPORT: agent_send_report(agent, event); return;
	case PAWL_DO_CHECK: agent_check(agent, event); return;
	case PAWL_DO_DOWNLOAD: agent_download(agent, event); return;
	case PAWL_DO_READ_BACK: agent_read_back(agent, event); return;
	case PAWL_DO_HEALTH: agent_health(agent, event); return;
	case PAWL_DO_BEGIN_WRITE:
	case PAWL_DO_STAGE:
	case PAWL_DO_ACTIVATE:
	case PAWL_DO_CONFIRM:
	case PAWL_DO_FAIL_SLOT:
	case PAWL_DO_ABANDON: agent_slot_effect(agent, effect, event); return;
	case PAWL_DO_REBOOT: reboot_system(agent, event); return;
	case PAWL_DO_GO_ON:
	case PAWL_DO_PAUSE: pawl_panic("only inside a download", __FILE__, __LINE__);
	}
}

/* --- log --- */

/* What an operator wants to see: the changes of phase and the ends. */
static void log_end(struct agent *agent, const char *action, pawl_phase before)
{
	const struct pawl_device_stored *const stored = &agent->device.stored;
	if (strcmp(stored->last_action, action) != 0)
		return;
	const char *const reason = pawl_reason_id(stored->last_reason);
	if (stored->last_success)
		pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.confirmed",
		    PAWL_LOG_TEXT("action", action));
	else if (stored->last_reason == PAWL_REASON_CANCELLED)
		pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.cancelled",
		    PAWL_LOG_TEXT("action", action));
	else if (before == PAWL_PHASE_CHECKING)
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "update.refused",
		    PAWL_LOG_TEXT("action", action), PAWL_LOG_TEXT("reason", reason),
		    PAWL_LOG_TEXT("why", stored->last_sentence));
	else if (before == PAWL_PHASE_ACTIVATED || before == PAWL_PHASE_PROBATION ||
		 before == PAWL_PHASE_REVERTING)
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "update.rolled-back",
		    PAWL_LOG_TEXT("action", action), PAWL_LOG_TEXT("reason", reason),
		    PAWL_LOG_TEXT("why", stored->last_sentence));
	else
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "update.failed",
		    PAWL_LOG_TEXT("action", action), PAWL_LOG_TEXT("reason", reason),
		    PAWL_LOG_TEXT("why", stored->last_sentence));
}

static void log_change(struct agent *agent, pawl_phase before, const char *action)
{
	const struct pawl_device_stored *const stored = &agent->device.stored;
	if (action[0] != '\0' && strcmp(stored->action, action) != 0)
		log_end(agent, action, before);
	if (stored->phase == before)
		return;
	if (stored->phase == PAWL_PHASE_CHECKING)
		pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.offered",
		    PAWL_LOG_TEXT("action", stored->action));
	else if (stored->phase == PAWL_PHASE_STAGED)
		pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.staged",
		    PAWL_LOG_TEXT("version", stored->release.version));
	else if (stored->phase == PAWL_PHASE_PROBATION)
		pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.probation",
		    PAWL_LOG_TEXT("version", stored->release.version));
}

static void log_failure(struct agent *agent, const struct pawl_device_effect *effect,
    const struct pawl_device_event *event)
{
	if (event->kind != PAWL_ON_FAILED && event->kind != PAWL_ON_REFUSE)
		return;
	if (effect->kind == PAWL_DO_CHECK || effect->kind == PAWL_DO_DOWNLOAD ||
	    effect->kind == PAWL_DO_READ_BACK || effect->kind == PAWL_DO_STAGE ||
	    effect->kind == PAWL_DO_ACTIVATE || effect->kind == PAWL_DO_BEGIN_WRITE ||
	    effect->kind == PAWL_DO_CONFIRM)
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "update.step-failed",
		    PAWL_LOG_TEXT("step", pawl_device_effect_name(effect->kind)),
		    PAWL_LOG_TEXT("reason", pawl_reason_id(event->reason)),
		    PAWL_LOG_TEXT("why", event->sentence));
}

/* --- loop --- */

int agent_run(struct agent *agent)
{
	struct pawl_device_event event = agent_event(PAWL_ON_BOOT);
	agent_boot_event(agent, &event);
	for (;;) {
		char action[PAWL_DEVICE_ACTION_MAX + 1];
		const pawl_phase before = agent->device.stored.phase;
		memcpy(action, agent->device.stored.action, sizeof(action));
		const struct pawl_device_effect effect = pawl_device_step(&agent->device, &event);
		log_change(agent, before, action);
		if (agent_is_stopping() ||
		    (agent->settings.once && effect.kind == PAWL_DO_WAIT && agent->polled))
			return 0;
		agent_feed_watchdog(agent);
		if (effect.kind == PAWL_DO_REBOOT) {
			pawl_log_event(&agent->log, PAWL_LOG_INFO, "update.rebooting");
			if (strcmp(agent->settings.reboot, "exit") == 0)
				return AGENT_EXIT_REBOOT;
		}
		event = agent_event(PAWL_ON_DONE);
		perform(agent, &effect, &event);
		event.now = pawl_env_mono();
		log_failure(agent, &effect, &event);
	}
}
