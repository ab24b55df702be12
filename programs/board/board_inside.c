/* SPDX-License-Identifier: MIT
 *
 * The first process of the machine, from clone(2) to execve(2) of /init. The
 * only privileged code here. Order: nothing we mount may show outside; take
 * hold of the few host files that the machine may see, as detached mounts;
 * make an empty root and leave the host's; only then touch the image, whose
 * symbolic links now lead nowhere but into itself.
 */
#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the machine sees of the host. `from` begins with '/' or stands in the
 * board's folder. All get `nosuid`, and the attributes named here. */
struct window {
	const char *from;
	const char *to;
	bool folder;
	uint64_t attributes;
};

#define FILE_ATTRIBUTES (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static const struct window windows[] = {
	{ "/dev/null", "/dev/null", false, MOUNT_ATTR_NOEXEC },
	{ "/dev/zero", "/dev/zero", false, MOUNT_ATTR_NOEXEC },
	{ "/dev/random", "/dev/random", false, MOUNT_ATTR_NOEXEC },
	{ "/dev/urandom", "/dev/urandom", false, MOUNT_ATTR_NOEXEC },
	{ "run/console", "/dev/console", false, FILE_ATTRIBUTES },
	{ "run/watchdog", "/dev/watchdog", false, FILE_ATTRIBUTES },
	{ "slot_a.img", "/dev/slot_a", false, FILE_ATTRIBUTES },
	{ "slot_b.img", "/dev/slot_b", false, FILE_ATTRIBUTES },
	{ "boot-record.bin", "/dev/boot-record", false, FILE_ATTRIBUTES },
	{ "data", "/data", true, MOUNT_ATTR_NODEV },
};

enum { WINDOW_COUNT = sizeof(windows) / sizeof(windows[0]) };

/* What /init may do as root: files, its own processes, low ports, reboot(2) of
 * its own namespace. No mount, no module, no raw device. */
static const int kept_capabilities[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
	CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_NET_BIND_SERVICE, CAP_SYS_BOOT };

static bool host_fault(struct pawl_note *note, const char *what, const char *detail)
{
	const int error = errno;

	pawl_note_add(note, what);
	pawl_note_add(note, " ");
	pawl_note_add(note, detail);
	pawl_note_add(note, ": ");
	pawl_note_add(note, strerror(error));
	return false;
}

static bool take_window(
    int folder, const struct window *window, int *ret_tree, struct pawl_note *note)
{
	struct mount_attr attributes = { .attr_set = window->attributes | MOUNT_ATTR_NOSUID };
	const int tree = open_tree(
	    folder, window->from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (tree < 0)
		return host_fault(note, "open_tree", window->from);
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0)
		return host_fault(note, "mount_setattr", window->from);
	*ret_tree = tree;
	return true;
}

/* A detached /proc of the new process namespace. Read-only: root in the
 * machine is root, and /proc/sys is the host's. */
static bool take_proc(int *ret_tree, struct pawl_note *note)
{
	const int context = fsopen("proc", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return host_fault(note, "fsopen", "proc");
	*ret_tree = fsmount(context, FSMOUNT_CLOEXEC,
	    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	(void)close(context);
	return *ret_tree >= 0 || host_fault(note, "fsmount", "proc");
}

/* Makes an empty root of memory and leaves the host's. */
static bool change_root(int folder, struct pawl_note *note)
{
	if (fchdir(folder) != 0)
		return host_fault(note, "fchdir", "board");
	if (mount("pawl-board", "root", "tmpfs", MS_NOSUID | MS_NODEV,
		"size=512m,nr_inodes=65536,mode=0755") != 0)
		return host_fault(note, "mount", "tmpfs");
	if (chdir("root") != 0)
		return host_fault(note, "chdir", "root");
	if (syscall(SYS_pivot_root, ".", ".") != 0)
		return host_fault(note, "pivot_root", "root");
	/* The old root lies on top of the new one now. */
	if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return host_fault(note, "umount2", "old root");
	return true;
}

static bool make_folder(const char *path, mode_t mode, struct pawl_note *note)
{
	struct stat found;

	if (mkdir(path, mode) == 0)
		return chmod(path, mode) == 0 || host_fault(note, "chmod", path);
	if (errno == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode))
		return true;
	return host_fault(note, "mkdir", path);
}

static bool write_text(const char *path, const char *text, struct pawl_note *note)
{
	char line[128];
	const int size = snprintf(line, sizeof(line), "%s\n", text);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return host_fault(note, "open", path);
	const bool written = write(fd, line, (size_t)size) == size;
	(void)close(fd);
	return written || host_fault(note, "write", path);
}

static bool attach(int tree, const char *path, bool folder, struct pawl_note *note)
{
	if (folder) {
		if (!make_folder(path, 0755, note))
			return false;
	} else {
		/* Whatever the image has there gives way. */
		(void)unlink(path);
		const int fd =
		    open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return host_fault(note, "open", path);
		(void)close(fd);
	}
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return host_fault(note, "move_mount", path);
	(void)close(tree);
	return true;
}

/* The folders and files that every image finds, whatever is in it. */
static bool furnish(const struct board_inside *inside, const int trees[WINDOW_COUNT], int proc,
    struct pawl_note *note)
{
	if (!make_folder("/dev", 0755, note) || !make_folder("/run", 0755, note) ||
	    !make_folder("/run/board", 0755, note) || !make_folder("/tmp", 01777, note))
		return false;
	for (unsigned i = 0; i < WINDOW_COUNT; i++)
		if (!attach(trees[i], windows[i].to, windows[i].folder, note))
			return false;
	return attach(proc, "/proc", true, note) &&
	       write_text("/run/board/hardware-class", inside->board->hardware_class, note) &&
	       write_text("/run/board/slot", board_slot_letter(inside->boot->slot), note) &&
	       write_text(
		   "/run/board/boot-reason", pawl_boot_reason_name(inside->boot->reason), note);
}

static bool drop_capabilities(struct pawl_note *note)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		bool kept = false;
		for (unsigned i = 0; i < sizeof(kept_capabilities) / sizeof(int); i++)
			kept = kept || kept_capabilities[i] == capability;
		if (!kept && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
			return host_fault(note, "prctl", "PR_CAPBSET_DROP");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return host_fault(note, "prctl", "PR_SET_NO_NEW_PRIVS");
	return true;
}

/* No core dump reaches a helper of the host, and a user's machine has so many
 * processes and no more; for root's see board_limits.c. */
static bool bound(struct pawl_note *note)
{
	const struct rlimit no_core = { 0, 0 };
	const struct rlimit processes = { BOARD_PROCESSES_MAX, BOARD_PROCESSES_MAX };
	struct rlimit now;

	if (setrlimit(RLIMIT_CORE, &no_core) != 0 || getrlimit(RLIMIT_NPROC, &now) != 0)
		return host_fault(note, "setrlimit", "RLIMIT_CORE");
	if (now.rlim_max > processes.rlim_max && setrlimit(RLIMIT_NPROC, &processes) != 0)
		return host_fault(note, "setrlimit", "RLIMIT_NPROC");
	return true;
}

static bool connect_streams(int console, int lock, struct pawl_note *note)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(console, 1) < 0 || dup2(console, 2) < 0)
		return host_fault(note, "dup2", "console");
	/* Nothing of the host is inherited, neither folders nor pipes, but the lock
	 * file, an empty one. */
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0 || fcntl(lock, F_SETFD, 0) != 0)
		return host_fault(note, "close_range", "descriptors");
	return true;
}

/* Until the host is out of sight. False: the host's fault. */
static bool make_world(const struct board_inside *inside, int trees[WINDOW_COUNT], int *ret_proc,
    struct pawl_note *note)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return host_fault(note, "mount", "MS_PRIVATE");
	/* Opened again by name: a descriptor from before belongs to the mounts of
	 * the parent's namespace. */
	const int folder = open(inside->board->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return host_fault(note, "open", inside->board->path);
	for (unsigned i = 0; i < WINDOW_COUNT; i++)
		if (!take_window(folder, &windows[i], &trees[i], note))
			return false;
	if (!take_proc(ret_proc, note) || !change_root(folder, note))
		return false;
	(void)close(folder);
	if (sethostname(inside->board->hardware_class, strlen(inside->board->hardware_class)) != 0)
		return host_fault(note, "sethostname", inside->board->hardware_class);
	return true;
}

static _Noreturn void report(int status, char kind, const struct pawl_note *note)
{
	char text[1 + PAWL_NOTE_SIZE];
	const size_t size = strlen(note->text);

	text[0] = kind;
	memcpy(text + 1, note->text, size);
	_exit(write(status, text, 1 + size) > 0 ? 1 : 2);
}

static bool wait_for_go(int go)
{
	char byte;

	return read(go, &byte, 1) == 1;
}

_Noreturn void board_inside(const struct board_inside *inside)
{
	char *const arguments[] = { (char[]){ "/init" }, NULL };
	char *const environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
		(char[]){ "HOME=/" }, (char[]){ "TERM=dumb" }, NULL };
	struct pawl_note note = { "" };
	int trees[WINDOW_COUNT];
	int proc = -1;
	sigset_t none;

	/* Before the wait: from here on we can not outlive pawl-board. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || !wait_for_go(inside->go))
		_exit(1);
	(void)umask(0022);
	(void)setsid();
	if (!make_world(inside, trees, &proc, &note))
		report(inside->status, BOARD_HOST_FAULT, &note);
	if (!board_unpack(inside->image, &note) || !furnish(inside, trees, proc, &note))
		report(inside->status, BOARD_IMAGE_FAULT, &note);
	if (!connect_streams(inside->console, inside->lock, &note) || !bound(&note) ||
	    !drop_capabilities(&note))
		report(inside->status, BOARD_HOST_FAULT, &note);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);

	const char running = BOARD_RUNNING;
	if (write(inside->status, &running, 1) == 1)
		(void)execve("/init", arguments, environment);
	(void)host_fault(&note, "execve", "/init");
	report(inside->status, BOARD_IMAGE_FAULT, &note);
}
