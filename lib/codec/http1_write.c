/* SPDX-License-Identifier: MIT
 *
 * Response heads and the Range header. */
#include "pawl/http1.h"
#include "pawl/num.h"
#include "pawl/text.h"

#include <string.h>

static const struct {
	unsigned status;
	const char *text;
} statuses[] = {
	{ 100, "Continue" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 423, "Locked" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *pawl_http1_status_text(unsigned status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "Unknown";
}

struct pawl_http1_response pawl_http1_respond(struct pawl_buf *out, unsigned status)
{
	PAWL_ASSERT(status >= 200 && status <= 599);
	pawl_put_text(out, "HTTP/1.1 ");
	pawl_put_int(out, status);
	pawl_put_text(out, " ");
	pawl_put_text(out, pawl_http1_status_text(status));
	pawl_put_text(out, "\r\n");
	return (struct pawl_http1_response){ .out = out, .status = status };
}

/* The value with a space for each control character. */
static void put_clean(struct pawl_buf *out, struct pawl_bytes value)
{
	const size_t from = out->size;

	pawl_put_bytes(out, value);
	for (size_t i = from; i < out->size; i++)
		if (out->at[i] < 0x20 || out->at[i] == 0x7f)
			out->at[i] = ' ';
}

void pawl_http1_put_header(
    struct pawl_http1_response *response, const char *name, struct pawl_bytes value)
{
	PAWL_ASSERT(name[0] != '\0' && strchr(name, ':') == NULL && strchr(name, ' ') == NULL);
	for (const char *at = name; *at != '\0'; at++)
		PAWL_ASSERT(*at > 0x20 && *at < 0x7f);
	pawl_put_text(response->out, name);
	pawl_put_text(response->out, ": ");
	put_clean(response->out, value);
	pawl_put_text(response->out, "\r\n");
}

void pawl_http1_put_header_text(
    struct pawl_http1_response *response, const char *name, const char *value)
{
	pawl_http1_put_header(response, name, pawl_bytes_of(value));
}

void pawl_http1_end_head(
    struct pawl_http1_response *response, uint64_t content_length, bool keep_alive)
{
	PAWL_ASSERT(content_length <= INT64_MAX);
	if (response->status != 204) { /* RFC 9110 8.6 */
		pawl_put_text(response->out, "Content-Length: ");
		pawl_put_int(response->out, (int64_t)content_length);
		pawl_put_text(response->out, "\r\n");
	}
	pawl_http1_put_header_text(response, "Connection", keep_alive ? "keep-alive" : "close");
	pawl_put_text(response->out, "\r\n");
}

/* --- Range --- */

static struct pawl_bytes trim(struct pawl_bytes text)
{
	while (text.size > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = PAWL_BYTES(text.at + 1, text.size - 1);
	while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t'))
		text.size--;
	return text;
}

/* 1*DIGIT, also with leading zeros; what does not fit becomes UINT64_MAX. */
static bool read_position(struct pawl_bytes text, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text.at[i] - '0'), &value))
			value = UINT64_MAX;
		if (value == UINT64_MAX) {
			/* Stays there: only the rest of the form still matters. */
			for (size_t k = i + 1; k < text.size; k++)
				if (text.at[k] < '0' || text.at[k] > '9')
					return false;
			break;
		}
	}
	*ret_value = value;
	return text.size > 0;
}

/* One "first-last", "first-" or "-suffix". False: malformed. `*ret_count` is
 * 0 when it lies outside the representation. */
static bool read_range(
    struct pawl_bytes text, uint64_t size, struct pawl_range *ret_range, size_t *ret_count)
{
	const uint8_t *dash = text.size == 0 ? NULL : memchr(text.at, '-', text.size);
	if (dash == NULL)
		return false;
	const struct pawl_bytes left = PAWL_BYTES(text.at, (size_t)(dash - text.at));
	const struct pawl_bytes right = PAWL_BYTES(dash + 1, text.size - left.size - 1);
	uint64_t first = 0;
	uint64_t last = UINT64_MAX;

	if (left.size == 0) {
		if (!read_position(right, &last))
			return false;
		*ret_count = last > 0 && size > 0;
		if (*ret_count > 0)
			*ret_range = (struct pawl_range){ last < size ? size - last : 0, size - 1 };
		return true;
	}
	if (!read_position(left, &first) || (right.size > 0 && !read_position(right, &last)) ||
	    last < first)
		return false;
	*ret_count = first < size;
	if (*ret_count > 0)
		*ret_range = (struct pawl_range){ first, last < size ? last : size - 1 };
	return true;
}

pawl_range_verdict pawl_range_parse(
    struct pawl_bytes value, uint64_t size, struct pawl_ranges *ret_ranges)
{
	static const char unit[] = "bytes=";
	const size_t unit_size = sizeof(unit) - 1;
	struct pawl_ranges found = { .count = 0 };
	size_t seen = 0;

	if (value.at == NULL)
		return PAWL_RANGE_NONE;
	if (value.size < unit_size ||
	    !pawl_text_equal_nocase(PAWL_BYTES(value.at, unit_size), PAWL_BYTES(unit, unit_size)))
		return PAWL_RANGE_IGNORE;
	struct pawl_bytes rest = PAWL_BYTES(value.at + unit_size, value.size - unit_size);
	while (rest.at != NULL) {
		const uint8_t *comma = rest.size == 0 ? NULL : memchr(rest.at, ',', rest.size);
		const size_t length = comma == NULL ? rest.size : (size_t)(comma - rest.at);
		size_t count = 0;

		/* Every one counts, so that no header makes much work or many parts. */
		if (seen++ == PAWL_HTTP1_RANGES_MAX)
			return PAWL_RANGE_IGNORE;
		if (!read_range(trim(PAWL_BYTES(rest.at, length)), size, &found.ranges[found.count],
			&count))
			return PAWL_RANGE_IGNORE;
		found.count += count;
		rest = comma == NULL ? PAWL_BYTES(NULL, 0)
				     : PAWL_BYTES(comma + 1, rest.size - length - 1);
	}
	if (found.count == 0)
		return PAWL_RANGE_UNSATISFIABLE;
	*ret_ranges = found;
	return PAWL_RANGE_SATISFIABLE;
}
