/* SPDX-License-Identifier: MIT
 *
 * How many processes a machine may have. Without root the user namespace has
 * a count of its own that RLIMIT_NPROC bounds (board_inside.c). Root is exempt
 * from that, so its machines get a control group below pawl-board's own, where
 * the host has one: version 1 or 2, with the pids controller.
 */
#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_number(const char *folder, const char *name, long number)
{
	char path[PATH_MAX];
	char text[24];

	if (pawl_env_join(folder, name, sizeof(path), path) != PAWL_ERR_OK)
		return false;
	const int size = snprintf(text, sizeof(text), "%ld", number);
	const int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool written = write(fd, text, (size_t)size) == size;
	(void)close(fd);
	return written;
}

static bool enter(const char *folder, pid_t init)
{
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return false;
	if (write_number(folder, "pids.max", BOARD_PROCESSES_MAX) &&
	    write_number(folder, "cgroup.procs", init))
		return true;
	(void)rmdir(folder);
	return false;
}

/* "8:pids:/path" is of version 1, "0::/path" of version 2. */
static bool enter_line(char *line, pid_t init, unsigned long name, char folder[PATH_MAX])
{
	char *const controllers = strchr(line, ':');
	char *const path = controllers == NULL ? NULL : strchr(controllers + 1, ':');

	if (path == NULL)
		return false;
	*path = '\0';
	path[1 + strcspn(path + 1, "\n")] = '\0';
	const bool first = strcmp(controllers + 1, "pids") == 0;
	if (!first && controllers[1] != '\0')
		return false;
	const int size = snprintf(folder, PATH_MAX, "/sys/fs/cgroup%s%s/pawl-board-%lu",
	    first ? "/pids" : "", path + 1, name);
	return size > 0 && size < PATH_MAX && enter(folder, init);
}

bool board_limit_processes(pid_t init, int lock, char ret_folder[PATH_MAX])
{
	char line[PATH_MAX];
	FILE *const file = fopen("/proc/self/cgroup", "re");
	struct stat found;
	bool entered = false;

	ret_folder[0] = '\0';
	if (file == NULL)
		return false;
	/* The same name for the same board: a group that a killed pawl-board left
	 * is used again. */
	const bool is_named = fstat(lock, &found) == 0;
	while (is_named && !entered && fgets(line, sizeof(line), file) != NULL)
		entered = enter_line(line, init, (unsigned long)found.st_ino, ret_folder);
	(void)fclose(file);
	if (!entered)
		ret_folder[0] = '\0';
	return entered;
}

void board_limit_remove(const char *folder)
{
	if (folder[0] != '\0')
		(void)rmdir(folder); /* an empty group that stays does no harm */
}
