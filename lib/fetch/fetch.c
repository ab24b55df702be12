/* SPDX-License-Identifier: MIT
 *
 * One blocking request on libcurl. Read pawl_fetch_run first.
 */
#include "fetch_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CONNECT_TIMEOUT_MS = 15000,
	BODY_MAX = 1024 * 1024,
	/* Of an answer that is no success: enough for an error message. */
	ERROR_BODY_MAX = 64 * 1024
};

/* --- session --- */

static bool copy_text(const char *text, char **ret_copy)
{
	*ret_copy = text != NULL && text[0] != '\0' ? strdup(text) : NULL;
	return *ret_copy != NULL || text == NULL || text[0] == '\0';
}

static pawl_err check_readable(const char *path, struct pawl_note *reterr_note)
{
	if (path == NULL || access(path, R_OK) == 0)
		return PAWL_ERR_OK;
	const int number = errno;
	pawl_note_add(reterr_note, "can not read ");
	pawl_note_add(reterr_note, path);
	return number == ENOENT ? PAWL_ERR_NOT_FOUND : PAWL_ERR_IO;
}

static pawl_err check_options(const struct pawl_fetch *fetch, struct pawl_note *reterr_note)
{
	const bool has_ca = fetch->ca_file != NULL || fetch->allow_plain_http;
	if (fetch->pins == NULL && (!has_ca || fetch->by_pins_only)) {
		pawl_note_add(reterr_note, "neither a CA file nor pins say which server is ours");
		return PAWL_ERR_REFUSED;
	}
	if ((fetch->cert_file == NULL) != (fetch->key_file == NULL)) {
		pawl_note_add(reterr_note, "certificate and key file go together");
		return PAWL_ERR_REFUSED;
	}
	pawl_err err = check_readable(fetch->ca_file, reterr_note);
	if (err == PAWL_ERR_OK)
		err = check_readable(fetch->cert_file, reterr_note);
	if (err == PAWL_ERR_OK)
		err = check_readable(fetch->key_file, reterr_note);
	return err;
}

pawl_err pawl_fetch_create(const struct pawl_fetch_options *options, struct pawl_fetch **ret_fetch,
    struct pawl_note *reterr_note)
{
	pawl_err err = PAWL_ERR_NO_MEMORY;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err;
	struct pawl_fetch *fetch = calloc(1, sizeof(*fetch));
	if (fetch == NULL) {
		curl_global_cleanup();
		return err;
	}
	fetch->by_pins_only = options->by_pins_only;
	fetch->allow_plain_http = options->allow_plain_http;
	fetch->connect_timeout_ms =
	    options->connect_timeout_ms != 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	fetch->curl = curl_easy_init();
	if (fetch->curl == NULL || !copy_text(options->ca_file, &fetch->ca_file) ||
	    !copy_text(options->pins, &fetch->pins) ||
	    !copy_text(options->cert_file, &fetch->cert_file) ||
	    !copy_text(options->key_file, &fetch->key_file))
		goto fail;
	err = check_options(fetch, reterr_note);
	if (err != PAWL_ERR_OK)
		goto fail;
	*ret_fetch = fetch;
	return PAWL_ERR_OK;
fail:
	pawl_fetch_destroy(fetch);
	return err;
}

void pawl_fetch_destroy(struct pawl_fetch *fetch)
{
	if (fetch == NULL)
		return;
	curl_easy_cleanup(fetch->curl);
	free(fetch->ca_file);
	free(fetch->pins);
	free(fetch->cert_file);
	free(fetch->key_file);
	free(fetch->memory);
	free(fetch);
	curl_global_cleanup();
}

/* --- receiving --- */

static size_t stop(struct pawl_fetch_transfer *transfer, pawl_err err, const char *why)
{
	transfer->stopped_by = err;
	transfer->stopped_why = why;
	return 0; /* not the number curl waits for: it ends the transfer */
}

static pawl_err keep_in_memory(struct pawl_fetch *fetch, struct pawl_bytes piece)
{
	const size_t need = fetch->memory_size + piece.size + 1;
	if (need > fetch->memory_capacity) {
		size_t capacity = fetch->memory_capacity < 4096 ? 4096 : fetch->memory_capacity;
		while (capacity < need)
			capacity *= 2;
		uint8_t *const larger = realloc(fetch->memory, capacity);
		if (larger == NULL)
			return PAWL_ERR_NO_MEMORY;
		fetch->memory = larger;
		fetch->memory_capacity = capacity;
	}
	memcpy(fetch->memory + fetch->memory_size, piece.at, piece.size);
	fetch->memory_size += piece.size;
	fetch->memory[fetch->memory_size] = 0;
	return PAWL_ERR_OK;
}

/* Before the first byte of a body: does the answer fit the request? */
static bool body_may_begin(struct pawl_fetch_transfer *transfer)
{
	long status = 0;
	(void)curl_easy_getinfo(transfer->fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	transfer->answer.status = (int)status;
	transfer->body_began = true;
	if (pawl_fetch_check_range(transfer) != PAWL_ERR_OK) {
		(void)stop(transfer, PAWL_ERR_SYNTAX, "the server answers with another range");
		return false;
	}
	if (transfer->answer.has_length && transfer->answer.length > transfer->body_max) {
		(void)stop(transfer, PAWL_ERR_LIMIT, "the server announces more than is allowed");
		return false;
	}
	const bool is_success = status == 200 || status == 206;
	if (!is_success || transfer->request->begin == NULL)
		return true;
	const pawl_err err =
	    transfer->request->begin(transfer->request->sink_context, &transfer->answer);
	if (err != PAWL_ERR_OK)
		(void)stop(transfer, err, NULL);
	return err == PAWL_ERR_OK;
}

static size_t on_body(char *at, size_t size, size_t count, void *context)
{
	struct pawl_fetch_transfer *const transfer = context;
	const struct pawl_bytes piece = PAWL_BYTES(at, size * count);
	struct pawl_fetch_answer *const answer = &transfer->answer;
	if (!transfer->body_began && !body_may_begin(transfer))
		return 0;
	if (piece.size > transfer->body_max - answer->received)
		return stop(transfer, PAWL_ERR_LIMIT, "the server sends more than is allowed");
	answer->received += piece.size;

	const bool is_success = answer->status == 200 || answer->status == 206;
	pawl_err err = PAWL_ERR_OK;
	if (is_success && transfer->request->sink != NULL)
		err = transfer->request->sink(transfer->request->sink_context, piece);
	else if (is_success || answer->received <= ERROR_BODY_MAX)
		err = keep_in_memory(transfer->fetch, piece);
	return err == PAWL_ERR_OK ? piece.size : stop(transfer, err, NULL);
}

static int on_progress(
    void *context, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	struct pawl_fetch_transfer *const transfer = context;
	const struct pawl_fetch_request *const request = transfer->request;
	(void)to_get;
	(void)to_send;
	if (request->progress == NULL)
		return 0;
	const pawl_err err =
	    request->progress(request->progress_context, (uint64_t)sent, (uint64_t)got);
	if (err == PAWL_ERR_OK)
		return 0;
	(void)stop(transfer, err, NULL);
	return 1;
}

/* --- sending --- */

static size_t on_upload(char *at, size_t size, size_t count, void *context)
{
	struct pawl_fetch_transfer *const transfer = context;
	const size_t got = fread(at, 1, size * count, transfer->upload);
	return got == 0 && ferror(transfer->upload) != 0 ? CURL_READFUNC_ABORT : got;
}

/* curl sends again from the start when a kept connection turned out dead. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct pawl_fetch_transfer *const transfer = context;
	return fseeko(transfer->upload, (off_t)offset, origin) == 0 ? CURL_SEEKFUNC_OK
								    : CURL_SEEKFUNC_FAIL;
}

static pawl_err open_upload(struct pawl_fetch_transfer *transfer, struct pawl_note *reterr_note)
{
	const char *const path = transfer->request->upload_file;
	struct stat info;
	if (path == NULL)
		return PAWL_ERR_OK;
	transfer->upload = fopen(path, "rbe");
	const int number = errno;
	if (transfer->upload == NULL || fstat(fileno(transfer->upload), &info) != 0 ||
	    !S_ISREG(info.st_mode)) {
		pawl_note_add(reterr_note, "can not read ");
		pawl_note_add(reterr_note, path);
		return transfer->upload == NULL && number == ENOENT ? PAWL_ERR_NOT_FOUND
								    : PAWL_ERR_IO;
	}
	transfer->upload_size = (uint64_t)info.st_size;
	return PAWL_ERR_OK;
}

static bool add_header(struct pawl_fetch_transfer *transfer, const char *name, const char *value)
{
	char line[640];
	const int size = snprintf(line, sizeof(line), "%s%s", name, value);
	if (size < 0 || (size_t)size >= sizeof(line) || strpbrk(line, "\r\n") != NULL)
		return false;
	struct curl_slist *const longer = curl_slist_append(transfer->headers, line);
	if (longer == NULL)
		return false;
	transfer->headers = longer;
	return true;
}

static bool make_headers(struct pawl_fetch_transfer *transfer)
{
	const struct pawl_fetch_request *const request = transfer->request;
	const bool sends = request->method == PAWL_FETCH_POST || request->method == PAWL_FETCH_PUT;
	/* Without waiting for "100 Continue", which not every server sends. */
	bool good = add_header(transfer, "Expect:", "");
	for (size_t i = 0; i < PAWL_FETCH_HEADERS_MAX && request->headers[i] != NULL; i++)
		good = good && add_header(transfer, request->headers[i], "");
	if (sends)
		good = good && add_header(transfer, "Content-Type: ",
				   request->content_type != NULL ? request->content_type
								 : "application/json");
	if (request->resume_offset > 0) {
		char range[48];
		(void)snprintf(range, sizeof(range), "bytes=%llu-",
		    (unsigned long long)request->resume_offset);
		good = good && add_header(transfer, "Range: ", range);
		if (request->if_range != NULL && request->if_range[0] != '\0')
			good = good && add_header(transfer, "If-Range: ", request->if_range);
	}
	return good;
}

/* --- one request --- */

static void set_security(const struct pawl_fetch *fetch)
{
	CURL *const curl = fetch->curl;
	const bool by_system = fetch->ca_file == NULL && fetch->pins == NULL;
	const bool by_chain = by_system || (fetch->ca_file != NULL && !fetch->by_pins_only);
	curl_easy_setopt(
	    curl, CURLOPT_PROTOCOLS_STR, fetch->allow_plain_http ? "http,https" : "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, by_chain ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, by_chain ? 2L : 0L);
	if (!by_system)
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (fetch->ca_file != NULL && by_chain)
		curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file);
	if (fetch->pins != NULL)
		curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, fetch->pins);
	if (fetch->cert_file != NULL) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, fetch->cert_file);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, fetch->key_file);
	}
}

static void set_limits(const struct pawl_fetch_transfer *transfer)
{
	const struct pawl_fetch_request *const request = transfer->request;
	CURL *const curl = transfer->fetch->curl;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(
	    curl, CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->fetch->connect_timeout_ms);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->total_timeout_ms);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)request->low_speed_bytes_s);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)request->low_speed_s);
	const uint64_t rate = request->rate_limit_bytes_s < INT64_MAX ? request->rate_limit_bytes_s
								      : (uint64_t)INT64_MAX;
	curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)rate);
	curl_easy_setopt(curl, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)rate);
}

static void set_callbacks(struct pawl_fetch_transfer *transfer)
{
	CURL *const curl = transfer->fetch->curl;
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->fetch->error);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, pawl_fetch_on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(curl, CURLOPT_URL, transfer->request->url);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "pawl/" PAWL_VERSION);
}

static void set_method(struct pawl_fetch_transfer *transfer)
{
	const struct pawl_fetch_request *const request = transfer->request;
	CURL *const curl = transfer->fetch->curl;
	const bool is_put = request->method == PAWL_FETCH_PUT;
	switch (request->method) {
	case PAWL_FETCH_GET: return;
	case PAWL_FETCH_HEAD: curl_easy_setopt(curl, CURLOPT_NOBODY, 1L); return;
	case PAWL_FETCH_DELETE: curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE"); return;
	case PAWL_FETCH_POST:
	case PAWL_FETCH_PUT: break;
	}
	if (transfer->upload != NULL) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
		curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->upload_size);
	} else {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
		    request->body.size > 0 ? (const char *)request->body.at : "");
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, is_put ? "PUT" : "POST");
}

static pawl_err run(struct pawl_fetch_transfer *transfer, struct pawl_note *reterr_note)
{
	struct pawl_fetch *const fetch = transfer->fetch;
	const pawl_err err = open_upload(transfer, reterr_note);
	if (err != PAWL_ERR_OK)
		return err;
	if (!make_headers(transfer)) {
		pawl_note_add(reterr_note, "a request header is too long or has a line break");
		return PAWL_ERR_LIMIT;
	}
	curl_easy_reset(fetch->curl); /* keeps connections and TLS sessions */
	set_security(fetch);
	set_limits(transfer);
	set_callbacks(transfer);
	set_method(transfer);
	fetch->error[0] = '\0';
	const CURLcode code = curl_easy_perform(fetch->curl);
	if (code != CURLE_OK)
		return pawl_fetch_explain(transfer, code, reterr_note);
	long status = 0;
	(void)curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	transfer->answer.status = (int)status;
	if (pawl_fetch_check_range(transfer) != PAWL_ERR_OK) {
		pawl_note_add(reterr_note, "the server answers with another range");
		return PAWL_ERR_SYNTAX;
	}
	return PAWL_ERR_OK;
}

pawl_err pawl_fetch_run(struct pawl_fetch *fetch, const struct pawl_fetch_request *request,
    struct pawl_fetch_answer *ret_answer, struct pawl_note *reterr_note)
{
	struct pawl_fetch_transfer transfer = {
		.fetch = fetch,
		.request = request,
		.stopped_by = PAWL_ERR_OK,
		.body_max = request->body_max != 0 ? request->body_max : BODY_MAX,
	};
	fetch->memory_size = 0;
	pawl_err err = keep_in_memory(fetch, (struct pawl_bytes){ (const uint8_t *)"", 0 });
	if (err == PAWL_ERR_OK)
		err = run(&transfer, reterr_note);
	curl_slist_free_all(transfer.headers);
	if (transfer.upload != NULL)
		(void)fclose(transfer.upload);
	if (err != PAWL_ERR_OK)
		return err;
	transfer.answer.body = PAWL_BYTES(fetch->memory, fetch->memory_size);
	*ret_answer = transfer.answer;
	return PAWL_ERR_OK;
}
