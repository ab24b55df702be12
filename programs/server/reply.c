/* SPDX-License-Identifier: MIT
 *
 * reply.c - answers, and what is read from a request. */
#include "app.h"

#include "pawl/ddi.h"
#include "pawl/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void print_text(char *at, size_t capacity, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(at, capacity, format, list);
	va_end(list);
}

/* --- errors --- */

struct error_words {
	int status;
	const char *exception_class;
	const char *error_code;
};

/* hawkBit's words where it has them. The last row is for every other status. */
static const struct error_words error_table[] = {
	{ 400, "pawl.InvalidInput", "hawkbit.server.error.rest.body.notReadable" },
	{ 401, "pawl.Unauthenticated", "pawl.error.unauthenticated" },
	{ 403, "pawl.Denied", "hawkbit.server.error.insufficientpermission" },
	{ 404, "pawl.NotFound", "hawkbit.server.error.repo.entityNotFound" },
	{ 405, "pawl.NotAllowed", "hawkbit.server.error.action.notCancelable" },
	{ 409, "pawl.Conflict", "pawl.error.conflict" },
	{ 410, "pawl.Gone", "pawl.error.gone" },
	{ 413, "pawl.TooLarge", "pawl.error.tooLarge" },
	{ 416, "pawl.Range", "pawl.error.range" },
	{ 429, "pawl.Quota", "hawkbit.server.error.quota.tooManyEntries" },
	{ 503, "pawl.Unavailable", "pawl.error.unavailable" },
	{ 507, "pawl.DiskFull", "pawl.error.diskFull" },
	{ 500, "pawl.Internal", "pawl.error.internal" },
};

static const struct error_words *words_of(int status)
{
	size_t i = 0;

	while (
	    i + 1 < sizeof(error_table) / sizeof(error_table[0]) && error_table[i].status != status)
		i++;
	return &error_table[i];
}

void put_error(struct pawl_buf *out, int status, struct pawl_bytes message)
{
	const struct error_words *words = words_of(status);

	pawl_ddi_error_write(
	    out, &(struct pawl_ddi_error){ .exception_class = pawl_bytes_of(words->exception_class),
		     .error_code = pawl_bytes_of(words->error_code),
		     .message = message });
}

void reply_error(struct call *call, int status, const char *format, ...)
{
	char text[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	call->out.size = 0;
	call->out.overflow = false;
	put_error(&call->out, status, pawl_bytes_of(text));
	if (status >= 500)
		pawl_log_event(&call->app->log, PAWL_LOG_WARN, "request.failed",
		    PAWL_LOG_TEXT("actor", call->actor), PAWL_LOG_INT("status", status),
		    PAWL_LOG_BYTES("target", call->request->target), PAWL_LOG_TEXT("why", text));
	else
		pawl_log_event(&call->app->log, PAWL_LOG_DEBUG, "request.refused",
		    PAWL_LOG_TEXT("actor", call->actor), PAWL_LOG_INT("status", status),
		    PAWL_LOG_BYTES("target", call->request->target), PAWL_LOG_TEXT("why", text));
	db_hold(call->app, db_commit(call->app), call->request->token, status,
	    pawl_buf_bytes(&call->out));
}

void reply_result(
    struct call *call, pawl_fleet_result result, const char *what, const struct pawl_note *note)
{
	const char *why = note == NULL ? "" : note->text;
	const char *gap = why[0] == '\0' ? "" : ": ";

	switch (result) {
	case PAWL_FLEET_OK: reply_empty(call, 200); break;
	case PAWL_FLEET_NOT_FOUND:
		reply_error(call, 404, "There is no such %s%s%s.", what, gap, why);
		break;
	case PAWL_FLEET_GONE:
		reply_error(call, 410, "The %s is closed already; nothing was changed.", what);
		break;
	case PAWL_FLEET_DENIED:
		reply_error(call, 403, "The %s is not allowed%s%s: the certificate was revoked.",
		    what, gap, why);
		break;
	case PAWL_FLEET_NOT_CANCELABLE:
		reply_error(call, 405, "The %s is not being cancelled.", what);
		break;
	case PAWL_FLEET_CONFLICT:
		reply_error(
		    call, 409, "The state of the %s does not allow it%s%s.", what, gap, why);
		break;
	case PAWL_FLEET_INVALID:
		reply_error(call, 400, "The request is not valid%s%s.", gap, why);
		break;
	case PAWL_FLEET_QUOTA:
		reply_error(call, 429, "A quota of the %s is used up%s%s.", what, gap, why);
		break;
	}
}

/* --- good answers --- */

void reply_json(struct call *call, int status)
{
	if (pawl_buf_check(&call->out) != PAWL_ERR_OK) {
		reply_error(call, 500, "The answer is too long; ask for a smaller `limit`.");
		return;
	}
	db_hold(call->app, db_commit(call->app), call->request->token, status,
	    pawl_buf_bytes(&call->out));
}

void reply_empty(struct call *call, int status)
{
	db_hold(call->app, db_commit(call->app), call->request->token, status, PAWL_BYTES(NULL, 0));
}

void begin_list(struct call *call)
{
	pawl_json_begin_object(&call->json);
	pawl_json_key(&call->json, "content");
	pawl_json_begin_array(&call->json);
}

void end_list(struct call *call, uint64_t total, uint64_t size)
{
	pawl_json_end_array(&call->json);
	pawl_json_member_int(&call->json, "total", (int64_t)total);
	pawl_json_member_int(&call->json, "size", (int64_t)size);
	pawl_json_end_object(&call->json);
	reply_json(call, 200);
}

/* --- what is read from a request --- */

static bool query_int(struct call *call, const char *key, uint64_t max, uint64_t *io_value)
{
	const struct pawl_bytes text = pawl_target_query(&call->target, key);

	if (text.at == NULL)
		return true;
	if (pawl_parse_u64(text, max, io_value) == PAWL_ERR_OK)
		return true;
	reply_error(call, 400, "`%s` in the query is not a number from 0 to %llu.", key,
	    (unsigned long long)max);
	return false;
}

bool read_page(struct call *call, struct pawl_store_page *ret_page)
{
	uint64_t offset = 0;
	uint64_t limit = 50;

	if (!query_int(call, "offset", INT64_MAX, &offset) ||
	    !query_int(call, "limit", UINT32_MAX, &limit))
		return false;
	if (limit > PAWL_STORE_LIST_MAX)
		limit = PAWL_STORE_LIST_MAX;
	*ret_page = (struct pawl_store_page){ offset, limit == 0 ? 1 : (uint32_t)limit };
	return true;
}

bool base_url(struct call *call, size_t capacity, char *ret_url)
{
	const char *public_url = call->app->settings.public_url;
	const struct pawl_bytes host = pawl_http1_header(call->request->head, "host");
	struct pawl_url url;

	struct pawl_buf out = pawl_buf_of(ret_url, capacity - 1);

	if (public_url[0] != '\0') {
		pawl_put_text(&out, public_url);
	} else {
		pawl_put_text(&out, "https://");
		pawl_put_bytes(&out, PAWL_BYTES(host.at, host.size > 200 ? 200 : host.size));
	}
	ret_url[out.size] = '\0';
	if (pawl_url_parse(pawl_bytes_of(ret_url), &url) == PAWL_ERR_OK)
		return true;
	reply_error(call, 400, "The Host header is no host name with an optional port.");
	return false;
}

bool read_json(struct call *call, pawl_json_type type, struct pawl_json *ret_json)
{
	const struct pawl_bytes body = call->request->body;
	struct pawl_json_token *tokens = calloc(body.size + 2, sizeof(*tokens));
	struct pawl_note note = { "" };
	struct pawl_json json = { 0 };

	if (tokens == NULL) {
		reply_error(call, 503, "The server is out of memory; try again later.");
		return false;
	}
	if (pawl_json_parse(body, tokens, body.size + 2, &json, &note) != PAWL_ERR_OK) {
		reply_error(call, 400, "The body is no valid JSON: %s.", note.text);
	} else if (!pawl_json_is(&json, 0, type)) {
		reply_error(call, 400, "The body must be a JSON %s.",
		    type == PAWL_JSON_ARRAY ? "array" : "object");
	} else {
		*ret_json = json;
		return true;
	}
	free(tokens);
	return false;
}

void free_json(struct pawl_json *json)
{
	union {
		const struct pawl_json_token *borrowed;
		struct pawl_json_token *owned;
	} tokens = { .borrowed = json->tokens };

	free(tokens.owned);
}

bool json_field(struct call *call, const struct pawl_json *json, uint32_t object, const char *name,
    size_t capacity, char *ret_text)
{
	const uint32_t value = pawl_json_get(json, object, name);

	ret_text[0] = '\0';
	if (value == PAWL_JSON_NONE || pawl_json_is(json, value, PAWL_JSON_NULL))
		return true;
	const pawl_err err = pawl_json_text(json, value, capacity, ret_text);

	if (err == PAWL_ERR_OK)
		return true;
	if (err == PAWL_ERR_LIMIT)
		reply_error(
		    call, 400, "`%s` is longer than %u bytes.", name, (unsigned)(capacity - 1));
	else
		reply_error(call, 400, "`%s` must be text.", name);
	return false;
}

bool json_field_int(struct call *call, const struct pawl_json *json, uint32_t object,
    const char *name, int64_t min, int64_t max, int64_t preset, int64_t *ret_value)
{
	const uint32_t value = pawl_json_get(json, object, name);
	int64_t number = preset;

	if (value != PAWL_JSON_NONE && !pawl_json_is(json, value, PAWL_JSON_NULL) &&
	    pawl_json_int(json, value, min, max, &number) != PAWL_ERR_OK) {
		reply_error(call, 400, "`%s` must be a whole number from %lld to %lld.", name,
		    (long long)min, (long long)max);
		return false;
	}
	*ret_value = number;
	return true;
}
