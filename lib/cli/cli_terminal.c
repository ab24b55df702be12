/* SPDX-License-Identifier: MIT
 *
 * The person at the keyboard: progress, secrets, questions.
 */
#include "cli_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { TERMINAL_EVERY_MS = 100, PLAIN_EVERY_MS = 10000 };

struct pawl_cli_progress pawl_cli_progress_of(FILE *out, const char *label, uint64_t total)
{
	return (struct pawl_cli_progress){ .out = out,
		.label = label,
		.total = total,
		.terminal = pawl_cli_terminal_width(out) > 0 };
}

static void print_progress(const struct pawl_cli_progress *progress, uint64_t done)
{
	const double mib = 1024.0 * 1024.0;

	if (progress->terminal)
		fputs("\r\x1b[K", progress->out);
	pawl_cli_print_safe(progress->out, progress->label);
	if (progress->total == 0)
		fprintf(progress->out, ": %.1f MiB", (double)done / mib);
	else
		fprintf(progress->out, ": %.1f of %.1f MiB, %u %%", (double)done / mib,
		    (double)progress->total / mib,
		    (unsigned)((double)done * 100.0 / (double)progress->total));
	if (!progress->terminal)
		fputc('\n', progress->out);
	fflush(progress->out);
}

void pawl_cli_progress_update(
    struct pawl_cli_progress *progress, uint64_t done, struct pawl_mono now)
{
	const int64_t every = progress->terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS;

	if (progress->begun && now.ms - progress->printed.ms < every)
		return;
	progress->begun = true;
	progress->printed = now;
	print_progress(progress, done);
}

void pawl_cli_progress_finish(struct pawl_cli_progress *progress, uint64_t done)
{
	print_progress(progress, done);
	if (progress->terminal)
		fputc('\n', progress->out);
	fflush(progress->out);
}

/* --- secrets --- */

static pawl_err read_line(int fd, size_t capacity, char *text)
{
	size_t size = 0;

	for (;;) {
		char byte = 0;
		const ssize_t got = read(fd, &byte, 1);

		if (got < 0)
			return errno == EINTR ? PAWL_ERR_CANCELLED : PAWL_ERR_IO;
		if (got == 0)
			return PAWL_ERR_CANCELLED;
		if (byte == '\n' || byte == '\r')
			break;
		/* Read on to the end, so that the rest does not reach the shell. */
		if (size < capacity)
			text[size] = byte;
		size++;
	}
	if (size >= capacity)
		return PAWL_ERR_LIMIT;
	text[size] = '\0';
	return PAWL_ERR_OK;
}

static void interrupted(int signal_number)
{
	(void)signal_number; /* read() ends with EINTR, that is all it is for */
}

pawl_err pawl_cli_read_secret_fd(
    int terminal_fd, const char *prompt, size_t capacity, char *ret_text)
{
	const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction old[sizeof(signals) / sizeof(signals[0])];
	struct sigaction quiet = { .sa_handler = interrupted };
	struct termios before;
	char text[1024];

	PAWL_ASSERT(capacity > 0 && capacity <= sizeof(text));
	if (tcgetattr(terminal_fd, &before) != 0)
		return PAWL_ERR_UNSUPPORTED;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &quiet, &old[i]);
	struct termios silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	silent.c_lflag |= ICANON;
	pawl_err err = PAWL_ERR_IO;
	if (tcsetattr(terminal_fd, TCSAFLUSH, &silent) == 0) {
		if (write(terminal_fd, prompt, strlen(prompt)) == (ssize_t)strlen(prompt))
			err = read_line(terminal_fd, capacity, text);
		(void)tcsetattr(terminal_fd, TCSAFLUSH, &before);
		/* The newline that was typed was not shown. */
		if (write(terminal_fd, "\n", 1) != 1 && err == PAWL_ERR_OK)
			err = PAWL_ERR_IO;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &old[i], NULL);
	if (err == PAWL_ERR_OK)
		memcpy(ret_text, text, strlen(text) + 1);
	pawl_bytes_wipe(text, sizeof(text));
	return err;
}

pawl_err pawl_cli_read_secret(const char *prompt, size_t capacity, char *ret_text)
{
	const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return PAWL_ERR_UNSUPPORTED;
	const pawl_err err = pawl_cli_read_secret_fd(fd, prompt, capacity, ret_text);
	(void)close(fd); /* a terminal: nothing to lose */
	return err;
}

bool pawl_cli_confirm(FILE *in, FILE *out, const char *question)
{
	char answer[16];

	if (fileno(in) < 0 || !isatty(fileno(in)))
		return false;
	pawl_cli_print_safe(out, question);
	fputs(" [y/N] ", out);
	fflush(out);
	if (fgets(answer, sizeof(answer), in) == NULL)
		return false;
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0 || strcmp(answer, "Y") == 0 ||
	       strcmp(answer, "YES") == 0;
}
