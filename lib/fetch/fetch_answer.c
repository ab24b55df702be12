/* SPDX-License-Identifier: MIT
 *
 * What comes back: the few headers we read, and errors in words that say what
 * to look at.
 */
#include "fetch_internal.h"

#include "pawl/num.h"

#include <string.h>
#include <strings.h>

/* --- headers --- */

static struct pawl_bytes trimmed(struct pawl_bytes text)
{
	while (text.size > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
		text.at++;
		text.size--;
	}
	while (text.size > 0 && memchr(" \t\r\n", text.at[text.size - 1], 4) != NULL)
		text.size--;
	return text;
}

static void keep(struct pawl_bytes value, size_t capacity, char *ret_text)
{
	const size_t size = value.size < capacity ? value.size : capacity - 1;
	memcpy(ret_text, value.at, size);
	ret_text[size] = '\0';
}

/* "bytes 5-9/10", with "*" for an unknown total; has_range stays false for anything else. */
static void read_content_range(struct pawl_bytes value, struct pawl_fetch_answer *answer)
{
	if (!pawl_bytes_starts_with(value, "bytes "))
		return;
	const struct pawl_bytes range = { value.at + 6, value.size - 6 };
	const uint8_t *const dash = memchr(range.at, '-', range.size);
	const uint8_t *const slash = memchr(range.at, '/', range.size);
	if (dash == NULL || slash == NULL || dash > slash)
		return;
	const struct pawl_bytes first = { range.at, (size_t)(dash - range.at) };
	const struct pawl_bytes total = { slash + 1, (size_t)(range.at + range.size - slash - 1) };
	uint64_t start = 0;
	uint64_t size = 0;
	if (pawl_parse_u64(first, INT64_MAX, &start) != PAWL_ERR_OK)
		return;
	if (!pawl_bytes_is(total, "*") && pawl_parse_u64(total, INT64_MAX, &size) != PAWL_ERR_OK)
		return;
	answer->has_range = true;
	answer->range_start = start;
	answer->range_total = size;
}

static void read_field(
    struct pawl_bytes name, struct pawl_bytes value, struct pawl_fetch_answer *answer)
{
	char word[24];
	uint64_t number = 0;
	if (pawl_bytes_to_text(name, sizeof(word), word) != PAWL_ERR_OK)
		return;
	if (strcasecmp(word, "ETag") == 0) {
		/* A cut ETag would never match again; better none. */
		if (value.size < sizeof(answer->etag))
			keep(value, sizeof(answer->etag), answer->etag);
	} else if (strcasecmp(word, "Content-Type") == 0) {
		keep(value, sizeof(answer->content_type), answer->content_type);
	} else if (strcasecmp(word, "Location") == 0) {
		keep(value, sizeof(answer->location), answer->location);
	} else if (strcasecmp(word, "Content-Range") == 0) {
		read_content_range(value, answer);
	} else if (strcasecmp(word, "Content-Length") == 0) {
		if (pawl_parse_u64(value, INT64_MAX, &number) == PAWL_ERR_OK) {
			answer->has_length = true;
			answer->length = number;
		}
	} else if (strcasecmp(word, "Retry-After") == 0) {
		if (pawl_parse_u64(value, 86400, &number) == PAWL_ERR_OK) {
			answer->has_retry_after = true;
			answer->retry_after_s = (int64_t)number;
		}
	}
}

size_t pawl_fetch_on_header(char *at, size_t size, size_t count, void *context)
{
	struct pawl_fetch_transfer *const transfer = context;
	const struct pawl_bytes line = PAWL_BYTES(at, size * count);
	/* Trailers come after the body; what was decided on stays as it is. */
	if (transfer->body_began)
		return size * count;
	if (pawl_bytes_starts_with(line, "HTTP/")) {
		/* A new answer begins; an interim one (1xx) came before. */
		transfer->answer = (struct pawl_fetch_answer){ 0 };
		return size * count;
	}
	const uint8_t *const colon = memchr(line.at, ':', line.size);
	if (colon != NULL) {
		const struct pawl_bytes name = { line.at, (size_t)(colon - line.at) };
		const struct pawl_bytes value = { colon + 1,
			(size_t)(line.at + line.size - colon - 1) };
		read_field(name, trimmed(value), &transfer->answer);
	}
	return size * count;
}

pawl_err pawl_fetch_check_range(const struct pawl_fetch_transfer *transfer)
{
	const struct pawl_fetch_answer *const answer = &transfer->answer;
	if (answer->status != 206)
		return PAWL_ERR_OK;
	const bool obeyed = transfer->request->resume_offset > 0 && answer->has_range &&
			    answer->range_start == transfer->request->resume_offset;
	return obeyed ? PAWL_ERR_OK : PAWL_ERR_SYNTAX;
}

/* --- errors --- */

/* What a result of curl means to us, and what a person should look at. */
struct meaning {
	CURLcode code;
	pawl_err err;
	const char *look_at;
};

static const struct meaning MEANINGS[] = {
	{ CURLE_UNSUPPORTED_PROTOCOL, PAWL_ERR_UNSUPPORTED, "only https:// is spoken" },
	{ CURLE_URL_MALFORMAT, PAWL_ERR_SYNTAX, "correct the URL" },
	{ CURLE_COULDNT_RESOLVE_HOST, PAWL_ERR_NETWORK, "check the name and the DNS server" },
	{ CURLE_COULDNT_RESOLVE_PROXY, PAWL_ERR_NETWORK, "check the proxy setting" },
	{ CURLE_COULDNT_CONNECT, PAWL_ERR_NETWORK,
	    "check that the server runs and that no firewall is in between" },
	{ CURLE_OPERATION_TIMEDOUT, PAWL_ERR_TIMEOUT, "check the network and the server's load" },
	{ CURLE_PARTIAL_FILE, PAWL_ERR_NETWORK, "the body is shorter than announced" },
	{ CURLE_GOT_NOTHING, PAWL_ERR_NETWORK, "the server closed without an answer" },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, PAWL_ERR_DENIED,
	    "the server's key is none of the pinned ones: it is another server, or the pins are "
	    "out of date" },
	{ CURLE_PEER_FAILED_VERIFICATION, PAWL_ERR_DENIED,
	    "check the CA file, the host name and this machine's clock" },
	{ CURLE_SSL_CERTPROBLEM, PAWL_ERR_DENIED, "check our certificate and key file" },
	{ CURLE_SSL_CACERT_BADFILE, PAWL_ERR_IO, "check the CA file" },
	{ CURLE_SSL_ISSUER_ERROR, PAWL_ERR_DENIED, "check the CA file" },
	{ CURLE_WEIRD_SERVER_REPLY, PAWL_ERR_SYNTAX, "what answers there is no HTTP server" },
	{ CURLE_BAD_CONTENT_ENCODING, PAWL_ERR_SYNTAX, "the server sent what nobody asked for" },
	{ CURLE_READ_ERROR, PAWL_ERR_IO, "the file to send could not be read" },
	{ CURLE_OUT_OF_MEMORY, PAWL_ERR_NO_MEMORY, "memory is short" },
};

/* TLS 1.3 servers turn a client certificate down after the handshake: all
 * that shows is an alert in the text of a read or connect error. */
static bool is_about_our_certificate(const char *error)
{
	return strstr(error, "alert") != NULL &&
	       (strstr(error, "certificate") != NULL || strstr(error, "unknown ca") != NULL ||
		   strstr(error, "access denied") != NULL);
}

static struct meaning meaning_of(CURLcode code, const char *error)
{
	for (size_t i = 0; i < sizeof(MEANINGS) / sizeof(MEANINGS[0]); i++) {
		if (MEANINGS[i].code == code)
			return MEANINGS[i];
	}
	if (is_about_our_certificate(error))
		return (struct meaning){ code, PAWL_ERR_DENIED,
			"the server does not accept our certificate: missing, expired or revoked" };
	if (code == CURLE_SSL_CONNECT_ERROR)
		return (struct meaning){ code, PAWL_ERR_NETWORK,
			"no TLS 1.3 handshake: check port and server" };
	return (struct meaning){ code, PAWL_ERR_NETWORK, "the connection broke" };
}

static const char *method_name(pawl_fetch_method method)
{
	switch (method) {
	case PAWL_FETCH_GET: return "GET ";
	case PAWL_FETCH_HEAD: return "HEAD ";
	case PAWL_FETCH_POST: return "POST ";
	case PAWL_FETCH_PUT: return "PUT ";
	case PAWL_FETCH_DELETE: return "DELETE ";
	}
	return "";
}

pawl_err pawl_fetch_explain(
    const struct pawl_fetch_transfer *transfer, CURLcode code, struct pawl_note *reterr_note)
{
	const char *const url = transfer->request->url;
	const char *const error =
	    transfer->fetch->error[0] != '\0' ? transfer->fetch->error : curl_easy_strerror(code);
	pawl_note_add(reterr_note, method_name(transfer->request->method));
	pawl_note_add_bytes(reterr_note, url, strnlen(url, 80));
	pawl_note_add(reterr_note, strnlen(url, 81) > 80 ? "...: " : ": ");
	if (transfer->stopped_by != PAWL_ERR_OK) {
		pawl_note_add(reterr_note, transfer->stopped_why != NULL
					       ? transfer->stopped_why
					       : pawl_err_text(transfer->stopped_by));
		return transfer->stopped_by;
	}
	const struct meaning meaning = meaning_of(code, error);
	pawl_note_add_bytes(reterr_note, error, strnlen(error, 90));
	pawl_note_add(reterr_note, "; ");
	pawl_note_add(reterr_note, meaning.look_at);
	return meaning.err;
}
