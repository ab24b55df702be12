/* SPDX-License-Identifier: MIT
 *
 * HEALTH: every executable of a folder must end with 0 in time. No shell, a
 * clean environment, and nothing that a check starts outlives it.
 */
#include "agent.h"

#include "pawl/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHECKS_MAX = 64,
	/* The end of what a check printed, for the report. */
	TAIL_MAX = 120,
	TICK_MS = 50,
	DRAIN_READS = 16,
	KILL_TICKS = 100
};

struct tail {
	char text[TAIL_MAX + 1];
	size_t size;
};

static void add_output(struct tail *tail, const char *at, size_t size)
{
	if (size >= TAIL_MAX) {
		memcpy(tail->text, at + size - TAIL_MAX, TAIL_MAX);
		tail->size = TAIL_MAX;
		return;
	}
	const size_t over = tail->size + size > TAIL_MAX ? tail->size + size - TAIL_MAX : 0;
	memmove(tail->text, tail->text + over, tail->size - over);
	tail->size -= over;
	memcpy(tail->text + tail->size, at, size);
	tail->size += size;
}

/* In the child: never returns. */
_Noreturn static void become(const char *path, int output)
{
	char path_variable[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char program[AGENT_PATH_MAX * 2];
	char *const arguments[] = { program, NULL };
	char *const environment[] = { path_variable, NULL };
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)snprintf(program, sizeof(program), "%s", path);
	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
	    chdir("/") != 0)
		_exit(127);
	(void)execve(program, arguments, environment);
	_exit(127);
}

/* Only so much at a time: who prints without end must not keep us from the clock. */
static void drain(int output, struct tail *tail)
{
	char piece[4096];
	for (unsigned i = 0; i < DRAIN_READS; i++) {
		const ssize_t got = read(output, piece, sizeof(piece));
		if (got <= 0)
			return;
		add_output(tail, piece, (size_t)got);
	}
}

static bool has_ended(pid_t child)
{
	siginfo_t info = { .si_pid = 0 };
	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == child;
}

/* Ends the group of `child` while its number is still taken, then reaps it. One that
 * hangs in the kernel is left to reap_strays. */
static void end_check(struct agent *agent, pid_t child, int *ret_status)
{
	(void)kill(-child, SIGKILL);
	(void)kill(child, SIGKILL);
	for (unsigned i = 0; i < KILL_TICKS; i++) {
		if (waitpid(child, ret_status, WNOHANG) == child)
			return;
		agent_feed_watchdog(agent);
		pawl_env_wait(TICK_MS);
	}
}

/* Waits for the end; at the deadline it makes one. True: ended in time. */
static bool await_end(
    struct agent *agent, pid_t child, int output, struct tail *tail, int *ret_status)
{
	const int64_t deadline = pawl_env_mono().ms + agent->settings.health_timeout_ms;
	bool in_time = false;
	for (;;) {
		struct pollfd watch = { .fd = output, .events = POLLIN };
		agent_feed_watchdog(agent);
		drain(output, tail);
		in_time = has_ended(child);
		if (in_time || pawl_env_mono().ms >= deadline || agent_is_stopping())
			break;
		/* The pipe closes early when the check does; then only time helps. */
		if (poll(&watch, 1, TICK_MS) > 0 && (watch.revents & POLLIN) == 0)
			pawl_env_wait(TICK_MS);
	}
	end_check(agent, child, ret_status);
	drain(output, tail);
	return in_time;
}

static bool is_child(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* What a check started and let go, into another session even, is our child now
 * (PR_SET_CHILD_SUBREAPER in main.c). Ends it, and the children that leaves. */
static void reap_strays(struct agent *agent)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	for (unsigned i = 0; i < KILL_TICKS; i++) {
		char text[4096];
		size_t size = 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		FILE *const file = fopen(path, "re");
		if (file == NULL)
			return; /* a kernel without CONFIG_PROC_CHILDREN */
		size = fread(text, 1, sizeof(text) - 1, file);
		(void)fclose(file);
		text[size] = '\0';
		if (size == 0)
			return;
		char *at = text;
		for (;;) {
			char *end = at;
			const long pid = strtol(at, &end, 10);
			if (end == at)
				break;
			/* A number cut off at the end of the buffer is no child. */
			if (pid > 1 && (*end == ' ' || *end == '\0') && is_child((pid_t)pid))
				(void)kill((pid_t)pid, SIGKILL);
			at = end;
		}
		agent_feed_watchdog(agent);
		pawl_env_wait(TICK_MS);
	}
}

static void describe(
    const char *name, bool in_time, int status, const struct tail *tail, struct pawl_note *note)
{
	pawl_note_add(note, "health check ");
	pawl_note_add(note, name);
	if (!in_time) {
		pawl_note_add(note, " did not end in time");
	} else if (WIFSIGNALED(status)) {
		pawl_note_add(note, " was ended by signal ");
		pawl_note_add_int(note, WTERMSIG(status));
	} else {
		pawl_note_add(note, " ended with ");
		pawl_note_add_int(note, WEXITSTATUS(status));
	}
	if (tail->size > 0) {
		pawl_note_add(note, ": ");
		pawl_note_add_bytes(note, tail->text, tail->size);
	}
}

static bool run_check(
    struct agent *agent, const char *path, const char *name, struct pawl_note *note)
{
	int ends[2];
	struct tail tail = { .size = 0 };
	int status = 0;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		pawl_note_add(note, "no pipe for a health check");
		return false;
	}
	const pid_t child = fork();
	if (child == 0)
		become(path, ends[1]);
	(void)close(ends[1]);
	if (child < 0) {
		(void)close(ends[0]);
		pawl_note_add(note, "no process for a health check");
		return false;
	}
	(void)setpgid(child, child); /* also here: the child may not have got to it */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	const bool in_time = await_end(agent, child, ends[0], &tail, &status);
	(void)close(ends[0]);
	reap_strays(agent);
	const bool passed = in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!passed)
		describe(name, in_time, status, &tail, note);
	return passed;
}

static int is_check(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* What anybody may change is not run with the rights of the agent. */
static bool is_safe(const char *path, struct pawl_note *note)
{
	struct stat info;
	if (stat(path, &info) == 0 && (info.st_mode & S_IWOTH) == 0)
		return true;
	pawl_note_add(note, "everybody may write to ");
	pawl_note_add(note, path);
	pawl_note_add(note, "; run chmod o-w on it");
	return false;
}

static bool run_all(struct agent *agent, struct pawl_note *note)
{
	struct dirent **entries = NULL;
	const char *const folder = agent->settings.health_dir;
	if (folder[0] == '\0')
		return true;
	const int count = scandir(folder, &entries, is_check, alphasort);
	if (count < 0 || count > CHECKS_MAX)
		pawl_note_add(note, count < 0 ? "the folder of health checks can not be read"
					      : "there are too many health checks");
	bool passed = count >= 0 && count <= CHECKS_MAX && is_safe(folder, note);
	for (int i = 0; i < count; i++) {
		char path[AGENT_PATH_MAX * 2];
		struct stat info;
		const char *const name = entries[i]->d_name;
		const bool named = pawl_env_join(folder, name, sizeof(path), path) == PAWL_ERR_OK;
		if (passed && named && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
		    (info.st_mode & S_IXUSR) != 0)
			passed = is_safe(path, note) && run_check(agent, path, name, note);
		free(entries[i]);
	}
	free(entries);
	return passed;
}

void agent_health(struct agent *agent, struct pawl_device_event *event)
{
	struct pawl_note note = { "" };
	if (run_all(agent, &note)) {
		event->kind = PAWL_ON_DONE;
		pawl_log_event(&agent->log, PAWL_LOG_DEBUG, "health.passed");
		return;
	}
	agent_failed(agent, event, PAWL_REASON_HEALTH, note.text);
	if (!agent_is_stopping())
		pawl_log_event(&agent->log, PAWL_LOG_WARN, "health.failed",
		    PAWL_LOG_TEXT("reason", agent->sentence));
}
