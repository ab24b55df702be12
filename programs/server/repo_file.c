/* SPDX-License-Identifier: MIT
 *
 * repo_file.c - serves files of the signed repository.
 *
 * Every file is opened segment by segment below one directory descriptor and
 * without following links, so that no request can name anything outside. */
#include "app.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENT_MAX = 255, DEPTH_MAX = 8 };

bool repo_name_is_safe(struct pawl_bytes name)
{
	if (name.size == 0 || name.size > SEGMENT_MAX || name.at[0] == '.')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		if (name.at[i] <= ' ' || name.at[i] >= 0x7f || name.at[i] == '/' ||
		    name.at[i] == '\\')
			return false;
	}
	return true;
}

static int open_segment(int folder, struct pawl_bytes name, bool last)
{
	char text[SEGMENT_MAX + 1];
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);

	if (!repo_name_is_safe(name) || pawl_bytes_to_text(name, sizeof(text), text) != PAWL_ERR_OK)
		return -1;
	return openat(folder, text, flags);
}

pawl_err repo_open(const struct repo *repo, const struct pawl_bytes *segments, size_t count,
    int *ret_fd, uint64_t *ret_size)
{
	struct stat status;
	int fd = repo->fd;

	if (count == 0 || count > DEPTH_MAX)
		return PAWL_ERR_NOT_FOUND;
	for (size_t i = 0; i < count; i++) {
		const int next = open_segment(fd, segments[i], i + 1 == count);

		if (fd != repo->fd)
			close(fd);
		if (next < 0)
			return PAWL_ERR_NOT_FOUND;
		fd = next;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return PAWL_ERR_NOT_FOUND;
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)status.st_size;
	return PAWL_ERR_OK;
}

pawl_err repo_open_module(const struct repo *repo, const struct pawl_fleet_module *module,
    int *ret_fd, uint64_t *ret_size)
{
	/* "fw/<product>/<file>" is kept as "targets/fw/<product>/<sha256>.<file>". */
	const char *product = module->target_path + 3;
	const char *slash = strrchr(module->target_path, '/');
	char file[SEGMENT_MAX + 1];

	if (strncmp(module->target_path, "fw/", 3) != 0 || slash <= product)
		return PAWL_ERR_NOT_FOUND;
	print_text(file, sizeof(file), "%s.%s", module->sha256, slash + 1);

	const struct pawl_bytes segments[] = {
		PAWL_BYTES_LIT("targets"),
		PAWL_BYTES_LIT("fw"),
		PAWL_BYTES(product, (size_t)(slash - product)),
		pawl_bytes_of(file),
	};

	return repo_open(repo, segments, 4, ret_fd, ret_size);
}

/* --- sending --- */

/* One of the comma-separated tags, or "*". Weak tags compare by their opaque part. */
static bool tag_is_listed(struct pawl_bytes list, const char *etag)
{
	const size_t size = strlen(etag);

	if (pawl_bytes_is(list, "*"))
		return true;
	for (size_t at = 0; at + size <= list.size; at++) {
		if (memcmp(list.at + at, etag, size) == 0)
			return true;
	}
	return false;
}

/* The part of the file to send; 200, 206 or 416. */
static int choose_range(
    struct call *call, uint64_t size, const char *etag, struct pawl_range *ret_range)
{
	const struct pawl_bytes if_range = pawl_http1_header(call->request->head, "if-range");
	struct pawl_ranges ranges;

	*ret_range = (struct pawl_range){ 0, size == 0 ? 0 : size - 1 };
	if (call->request->method != PAWL_HTTP1_GET)
		return 200; /* RFC 9110 14.2 */
	if (if_range.at != NULL && !pawl_bytes_is(if_range, etag))
		return 200; /* it changed meanwhile: send all of it */
	switch (pawl_range_parse(pawl_http1_header(call->request->head, "range"), size, &ranges)) {
	case PAWL_RANGE_NONE:
	case PAWL_RANGE_IGNORE: return 200;
	case PAWL_RANGE_UNSATISFIABLE: return 416;
	case PAWL_RANGE_SATISFIABLE: break;
	}
	if (ranges.count != 1)
		return 200; /* several ranges: the whole file is a right answer too */
	*ret_range = ranges.ranges[0];
	return 206;
}

static void add_field(struct pawl_http_response *response, const char *name, const char *value)
{
	if (value != NULL)
		response->fields[response->field_count++] = (struct pawl_http_field){ name, value };
}

void repo_send_file(struct call *call, int fd, uint64_t size, const char *etag,
    const char *cache_control, const char *disposition)
{
	struct pawl_http_response response = {
		.content_type = "application/octet-stream",
		.has_file = true,
		.file = fd,
		.file_length = size,
	};
	const struct pawl_bytes none_match =
	    pawl_http1_header(call->request->head, "if-none-match");
	struct pawl_range range;
	char content_range[80];

	response.status = choose_range(call, size, etag, &range);
	if (none_match.at != NULL && tag_is_listed(none_match, etag))
		response.status = 304;
	add_field(&response, "ETag", etag);
	add_field(&response, "Accept-Ranges", "bytes");
	add_field(&response, "Cache-Control", cache_control);
	add_field(&response, "Content-Disposition", disposition);
	if (response.status == 206) {
		response.file_offset = range.first;
		response.file_length = range.last - range.first + 1;
		print_text(content_range, sizeof(content_range), "bytes %llu-%llu/%llu",
		    (unsigned long long)range.first, (unsigned long long)range.last,
		    (unsigned long long)size);
		add_field(&response, "Content-Range", content_range);
	} else if (response.status == 416) {
		close(fd);
		response.has_file = false;
		print_text(
		    content_range, sizeof(content_range), "bytes */%llu", (unsigned long long)size);
		add_field(&response, "Content-Range", content_range);
	}
	(void)pawl_http_answer(call->app->http, call->request->token, &response);
}

/* --- /pawl/v1/repository --- */

static void send_target(struct call *call, int fd, uint64_t size, struct pawl_bytes name)
{
	char etag[80] = "";

	/* "<sha256>.<name>": the hash is the tag. */
	if (name.size > PAWL_SHA256_HEX && name.at[PAWL_SHA256_HEX] == '.')
		print_text(etag, sizeof(etag), "\"%.64s\"", (const char *)name.at);
	repo_send_file(call, fd, size, etag[0] == '\0' ? "\"-\"" : etag,
	    "public, max-age=31536000, immutable", NULL);
}

static void send_metadata(struct call *call, int fd, uint64_t size, struct pawl_bytes name)
{
	char etag[SEGMENT_MAX + 40];
	struct stat status;

	print_text(etag, sizeof(etag), "\"%.*s\"", (int)name.size, (const char *)name.at);
	if (!pawl_bytes_is(name, "timestamp.json")) {
		repo_send_file(call, fd, size, etag, "public, max-age=31536000, immutable", NULL);
		return;
	}
	/* The one file that changes: its tag must change with it. */
	if (fstat(fd, &status) == 0)
		print_text(etag, sizeof(etag), "\"timestamp.json-%lld%09ld\"",
		    (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
	repo_send_file(call, fd, size, etag, "no-cache", NULL);
}

void route_repository(struct call *call)
{
	const struct pawl_target *target = &call->target;
	const pawl_http1_method method = call->request->method;
	const bool metadata =
	    pawl_target_segment_is(target, 3, "metadata") && target->segment_count == 5;
	const bool targets =
	    pawl_target_segment_is(target, 3, "targets") && target->segment_count > 5;
	uint64_t size = 0;
	int fd = -1;

	if ((method != PAWL_HTTP1_GET && method != PAWL_HTTP1_HEAD) || (!metadata && !targets) ||
	    target->ends_in_slash ||
	    repo_open(&call->app->repo, target->segments + 3, target->segment_count - 3, &fd,
		&size) != PAWL_ERR_OK) {
		reply_error(call, 404, "The repository has no such file.");
		return;
	}

	const struct pawl_bytes name = target->segments[target->segment_count - 1];

	if (metadata)
		send_metadata(call, fd, size, name);
	else
		send_target(call, fd, size, name);
}
