/* SPDX-License-Identifier: MIT
 *
 * Starts an image in namespaces of its own and plays the hardware around it:
 * console, watchdog, power switch. The machine's first process is /init; when
 * it ends the kernel ends every other process of the machine before waitpid(2)
 * tells us.
 */
#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONSOLE_BYTES_MAX = 64 * 1024 * 1024, STATUS_MAX = 1 + PAWL_NOTE_SIZE };

static pawl_err fail(struct pawl_note *note, const char *what)
{
	const int error = errno;

	pawl_note_add(note, what);
	pawl_note_add(note, ": ");
	pawl_note_add(note, strerror(error));
	return PAWL_ERR_IO;
}

/* A FIFO of ours in the board's run folder, open at both ends so that it never
 * reports end of file. */
static pawl_err open_fifo(
    const struct board *board, const char *name, int *ret_fd, struct pawl_note *note)
{
	char path[PATH_MAX];
	struct stat found;

	PAWL_TRY(pawl_env_join(board->path, name, sizeof(path), path));
	if (mkfifo(path, 0600) != 0 && errno != EEXIST)
		return fail(note, name);
	const int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(note, name);
	*ret_fd = fd;
	if (fstat(fd, &found) != 0 || !S_ISFIFO(found.st_mode)) {
		errno = EEXIST;
		return fail(note, name);
	}
	return PAWL_ERR_OK;
}

pawl_err board_machine_open(struct board_machine *machine, const struct board *board,
    const struct board_run *run, int lock, struct pawl_note *note)
{
	char path[PATH_MAX];
	sigset_t handled;

	*machine = (struct board_machine){
		.board = board,
		.watchdog_ms = run->watchdog_ms,
		.signals = -1,
		.console = -1,
		.console_fifo = -1,
		.watchdog_fifo = -1,
		.lock = lock,
		.console_left = CONSOLE_BYTES_MAX,
	};
	(void)sigemptyset(&handled);
	(void)sigaddset(&handled, SIGCHLD);
	(void)sigaddset(&handled, SIGTERM);
	(void)sigaddset(&handled, SIGINT);
	if (sigprocmask(SIG_BLOCK, &handled, NULL) != 0)
		return fail(note, "sigprocmask");
	machine->signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
	if (machine->signals < 0)
		return fail(note, "signalfd");
	PAWL_TRY(open_fifo(board, "run/console", &machine->console_fifo, note));
	PAWL_TRY(open_fifo(board, "run/watchdog", &machine->watchdog_fifo, note));
	PAWL_TRY(pawl_env_join(board->path, "console.log", sizeof(path), path));
	machine->console = open(run->console != NULL ? run->console : path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return machine->console < 0 ? fail(note, "console file") : PAWL_ERR_OK;
}

void board_machine_close(struct board_machine *machine)
{
	const int fds[] = { machine->signals, machine->console, machine->console_fifo,
		machine->watchdog_fifo };

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

/* True when anything was there. */
static bool drain(int fd)
{
	char bytes[4096];
	bool any = false;

	while (read(fd, bytes, sizeof(bytes)) > 0)
		any = true;
	return any;
}

/* A console that nobody can write to any more must not stop the device, and one
 * that is written to without end must not fill the disk. */
static void copy_console(struct board_machine *machine)
{
	char bytes[4096];

	for (;;) {
		const ssize_t got = read(machine->console_fifo, bytes, sizeof(bytes));
		if (got <= 0)
			return;
		const size_t size = (uint64_t)got < machine->console_left
					? (size_t)got
					: (size_t)machine->console_left;
		machine->console_left -= size;
		if (size > 0 && write(machine->console, bytes, size) < 0)
			machine->console_left = 0;
	}
}

static bool write_map(pid_t child, const char *name, const char *text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)child, name);
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	(void)close(fd);
	return written;
}

/* Without root: we are root inside a user namespace, and nobody else exists. */
static bool write_maps(pid_t child)
{
	char user[64];
	char group[64];

	(void)snprintf(user, sizeof(user), "0 %u 1\n", (unsigned)geteuid());
	(void)snprintf(group, sizeof(group), "0 %u 1\n", (unsigned)getegid());
	return write_map(child, "setgroups", "deny\n") && write_map(child, "gid_map", group) &&
	       write_map(child, "uid_map", user);
}

/* One machine that is running. */
struct running {
	pid_t init;
	int status;            /* pipe, -1 once it ended                           */
	char said[STATUS_MAX]; /* what came through it                             */
	size_t said_size;
	struct pawl_mono fed; /* when the watchdog was armed or fed last          */
	bool bitten;          /* the watchdog ended it                            */
	bool switched_off;
	char group[PATH_MAX]; /* control group; "": none                           */
};

static pawl_err start(struct board_machine *machine, struct pawl_bytes image,
    const struct pawl_slots_boot *boot, struct running *running, struct pawl_note *note)
{
	const bool is_root = geteuid() == 0;
	const unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
				    (is_root ? 0ul : (unsigned long)CLONE_NEWUSER) |
				    (unsigned long)SIGCHLD;
	int go[2];
	int status[2];

	if (pipe2(go, O_CLOEXEC) != 0)
		return fail(note, "pipe");
	if (pipe2(status, O_CLOEXEC) != 0) {
		(void)close(go[0]);
		(void)close(go[1]);
		return fail(note, "pipe");
	}
	(void)drain(machine->watchdog_fifo);
	running->fed = pawl_env_mono();
	/* As fork(2), but with namespaces; there are no other threads. */
	running->init = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (running->init == 0) {
		const struct board_inside inside = {
			.board = machine->board,
			.image = image,
			.boot = boot,
			.go = go[0],
			.status = status[1],
			.console = machine->console_fifo,
			.lock = machine->lock,
		};
		(void)close(go[1]);
		(void)close(status[0]);
		board_inside(&inside);
	}
	(void)close(go[0]);
	(void)close(status[1]);
	running->status = status[0];
	const pawl_err err = running->init < 0 ? fail(note, "clone") : PAWL_ERR_OK;
	if (err == PAWL_ERR_OK && is_root &&
	    !board_limit_processes(running->init, machine->lock, running->group))
		machine->is_unbounded = true;
	const bool may_go = err == PAWL_ERR_OK && (is_root || write_maps(running->init)) &&
			    write(go[1], "", 1) == 1;
	/* Without the byte it ends by itself at the closed pipe. */
	(void)close(go[1]);
	if (err == PAWL_ERR_OK && !may_go)
		pawl_note_add(note, "can not map the user into a namespace");
	return err;
}

static void hear_status(struct running *running)
{
	char *const at = running->said + running->said_size;
	const size_t room = sizeof(running->said) - running->said_size;
	const ssize_t got = read(running->status, at, room);

	if (got > 0) {
		running->said_size += (size_t)got;
		return;
	}
	if (got == 0 || errno != EINTR) {
		(void)close(running->status);
		running->status = -1;
	}
}

static void hear_signals(struct board_machine *machine, struct running *running)
{
	struct signalfd_siginfo info;

	while (read(machine->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
			running->switched_off = true;
			(void)kill(running->init, SIGKILL);
		}
	}
}

/* Milliseconds until the watchdog bites; -1: there is none. */
static int patience(const struct board_machine *machine, const struct running *running)
{
	if (machine->watchdog_ms == 0 || running->bitten)
		return -1;
	const int64_t left = running->fed.ms + machine->watchdog_ms - pawl_env_mono().ms;
	return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Serves the machine until its first process ended; the wait status. */
static int serve(struct board_machine *machine, struct running *running)
{
	int wait_status;

	for (;;) {
		struct pollfd polled[] = {
			{ .fd = machine->signals, .events = POLLIN },
			{ .fd = machine->console_fifo, .events = POLLIN },
			{ .fd = machine->watchdog_fifo, .events = POLLIN },
			{ .fd = running->status, .events = POLLIN },
		};
		(void)poll(polled, 4, patience(machine, running));
		copy_console(machine);
		if (drain(machine->watchdog_fifo))
			running->fed = pawl_env_mono();
		if (running->status >= 0 && polled[3].revents != 0)
			hear_status(running);
		hear_signals(machine, running);
		if (patience(machine, running) == 0) {
			running->bitten = true;
			(void)kill(running->init, SIGKILL);
		}
		/* After everything it wrote was there to be read. */
		if (waitpid(running->init, &wait_status, WNOHANG) == running->init)
			break;
	}
	copy_console(machine);
	while (running->status >= 0)
		hear_status(running);
	return wait_status;
}

board_end board_machine_run(struct board_machine *machine, struct pawl_bytes image,
    const struct pawl_slots_boot *boot, pawl_boot_reason *ret_reason, struct pawl_note *note)
{
	struct running running = { .init = -1, .status = -1 };

	if (start(machine, image, boot, &running, note) != PAWL_ERR_OK) {
		if (running.status >= 0)
			(void)close(running.status);
		return BOARD_END_BROKEN;
	}
	const int status = serve(machine, &running);
	board_limit_remove(running.group);
	const char *const said = running.said;
	/* After RUNNING nothing follows but a failed execve. */
	const size_t skip = running.said_size > 0 && said[0] == BOARD_RUNNING ? 1 : 0;

	if (running.said_size > skip)
		pawl_note_add_bytes(note, said + skip + 1, running.said_size - skip - 1);
	if (running.switched_off)
		return BOARD_END_POWER;
	if (running.bitten) {
		*ret_reason = PAWL_BOOT_WATCHDOG;
		return BOARD_END_BOOT;
	}
	if (running.said_size > skip && said[skip] == BOARD_IMAGE_FAULT) {
		*ret_reason = PAWL_BOOT_IMAGE_UNREADABLE;
		return BOARD_END_BOOT;
	}
	if (running.said_size != 1 || skip != 1) {
		if (running.said_size == 0)
			pawl_note_add(note, "the first process ended before it began");
		return BOARD_END_BROKEN;
	}
	/* reboot(2) in a process namespace ends its first process this way: SIGHUP
	 * for a restart, SIGINT for power off and halt. */
	const bool asked =
	    WIFSIGNALED(status) && (WTERMSIG(status) == SIGHUP || WTERMSIG(status) == SIGINT);
	*ret_reason = asked ? PAWL_BOOT_REBOOT : PAWL_BOOT_PANIC;
	return BOARD_END_BOOT;
}
