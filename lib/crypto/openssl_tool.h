/* SPDX-License-Identifier: MIT
 *
 * openssl_tool.h - tests ask the openssl command line for a second opinion. */
#ifndef PAWL_OPENSSL_TOOL_H
#define PAWL_OPENSSL_TOOL_H

#include "pawl/bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `openssl` with these arguments (NULL at the end), silent and without
 * input; true when it exits with 0. */
static inline bool openssl_agrees(const char *const arguments[])
{
	char *argv[32] = { NULL };
	size_t count = 0;
	int status = 0;

	argv[count++] = strdup("openssl");
	for (size_t i = 0; arguments[i] != NULL; i++) {
		assert_true(count + 1 < sizeof(argv) / sizeof(argv[0]));
		argv[count++] = strdup(arguments[i]);
	}
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const int null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd <= 2; fd++)
			(void)dup2(null, fd);
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (size_t i = 0; i < count; i++)
		free(argv[i]);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* `folder`/`name` with this content; the path in static memory. */
static inline const char *tool_file(const char *folder, const char *name, struct pawl_bytes bytes)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.at, 1, bytes.size, file), bytes.size);
	assert_int_equal(fclose(file), 0);
	return path;
}

#endif
