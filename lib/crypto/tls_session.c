/* SPDX-License-Identifier: MIT
 *
 * One TLS connection over two memory BIOs. OpenSSL reads its error queue to
 * explain a result, so the queue is empty before each call and after it.
 * Looking costs little, clearing all its places does not: only what is there
 * is cleared. For the same reason OpenSSL is not asked to read when nothing
 * has come in.
 */
#include "crypto_internal.h"
#include "tls_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* An idle connection gives back what a large answer made its queue grow to. */
	QUEUE_KEPT_MAX = 32 * 1024,
	/* What a peer may make us queue after the handshake without our caller
	 * having written: answers to key updates, alerts. A peer that asks for
	 * more and does not read is broken. */
	UNASKED_MAX = 4 * 1024,
	ERROR_TEXT_SIZE = 200
};

struct pawl_tls_session {
	SSL *ssl; /* owns both BIOs */
	BIO *incoming;
	BIO *outgoing;
	pawl_tls_status status;
	bool close_sent;
	size_t unasked; /* bytes queued since the queue was last empty, not by a write */
	char error[ERROR_TEXT_SIZE];
};

pawl_err pawl_tls_session_create(
    struct pawl_tls_context *context, struct pawl_tls_session **ret_session)
{
	struct pawl_tls_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return PAWL_ERR_NO_MEMORY;
	ERR_clear_error();
	session->ssl = SSL_new(context->ssl_context);
	session->incoming = BIO_new(BIO_s_mem());
	session->outgoing = BIO_new(BIO_s_mem());
	if (session->ssl == NULL || session->incoming == NULL || session->outgoing == NULL) {
		BIO_free(session->incoming);
		BIO_free(session->outgoing);
		SSL_free(session->ssl);
		free(session);
		ERR_clear_error();
		return PAWL_ERR_NO_MEMORY;
	}
	SSL_set0_rbio(session->ssl, session->incoming);
	SSL_set0_wbio(session->ssl, session->outgoing);
	SSL_set_accept_state(session->ssl);
	*ret_session = session;
	return PAWL_ERR_OK;
}

void pawl_tls_session_destroy(struct pawl_tls_session *session)
{
	if (session == NULL)
		return;
	SSL_free(session->ssl);
	free(session);
}

/* --- failures --- */

static void forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

static void fail(struct pawl_tls_session *session, const char *what, const char *why)
{
	session->status = PAWL_TLS_FAILED;
	if (session->error[0] == '\0')
		snprintf(session->error, sizeof(session->error), "%s: %s", what, why);
}

static void fail_from_queue(struct pawl_tls_session *session, const char *what)
{
	const unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
	const long verdict = SSL_get_verify_result(session->ssl);

	if (verdict != X509_V_OK)
		fail(session, "client certificate", X509_verify_cert_error_string(verdict));
	else
		fail(session, what, reason == NULL ? "the peer broke the protocol" : reason);
}

/* --- queues --- */

/* A queue that is empty and has grown is replaced by a small one. */
static void shrink(struct pawl_tls_session *session, BIO **queue)
{
	BUF_MEM *memory = NULL;

	if (BIO_ctrl_pending(*queue) > 0)
		return;
	BIO_get_mem_ptr(*queue, &memory);
	if (memory == NULL || memory->max <= QUEUE_KEPT_MAX)
		return;
	BIO *fresh = BIO_new(BIO_s_mem());
	if (fresh == NULL)
		return;
	if (queue == &session->incoming)
		SSL_set0_rbio(session->ssl, fresh);
	else
		SSL_set0_wbio(session->ssl, fresh);
	*queue = fresh;
}

static void count_unasked(struct pawl_tls_session *session, size_t pending_before)
{
	session->unasked += BIO_ctrl_pending(session->outgoing) - pending_before;
	if (session->status == PAWL_TLS_OPEN && session->unasked > UNASKED_MAX)
		fail(session, "flood",
		    "the peer asks for key updates and does not read the answers");
}

/* --- receiving --- */

static void handshake(struct pawl_tls_session *session)
{
	const int done = SSL_do_handshake(session->ssl);

	if (done == 1) {
		session->status = PAWL_TLS_OPEN;
		session->unasked = 0;
		return;
	}
	if (SSL_get_error(session->ssl, done) != SSL_ERROR_WANT_READ)
		fail_from_queue(session, "handshake");
}

pawl_tls_status pawl_tls_receive(struct pawl_tls_session *session, struct pawl_bytes bytes)
{
	if (session->status == PAWL_TLS_CLOSED || session->status == PAWL_TLS_FAILED)
		return session->status;
	forget_errors();
	while (bytes.size > 0) {
		const int part = bytes.size > INT_MAX ? INT_MAX : (int)bytes.size;
		if (BIO_write(session->incoming, bytes.at, part) != part) {
			fail(session, "receive", "out of memory");
			break;
		}
		bytes = PAWL_BYTES(bytes.at + part, bytes.size - (size_t)part);
	}
	if (session->status == PAWL_TLS_HANDSHAKE)
		handshake(session);
	forget_errors();
	return session->status;
}

pawl_tls_status pawl_tls_status_of(const struct pawl_tls_session *session)
{
	return session->status;
}

size_t pawl_tls_read(struct pawl_tls_session *session, void *at, size_t capacity)
{
	size_t size = 0;

	if (session->status != PAWL_TLS_OPEN || capacity == 0)
		return 0;
	if (BIO_ctrl_pending(session->incoming) == 0 && SSL_has_pending(session->ssl) == 0) {
		shrink(session, &session->incoming);
		return 0;
	}
	forget_errors();
	const size_t pending = BIO_ctrl_pending(session->outgoing);
	const int result = SSL_read_ex(session->ssl, at, capacity, &size);
	if (result != 1) {
		size = 0;
		switch (SSL_get_error(session->ssl, result)) {
		case SSL_ERROR_WANT_READ: break;
		case SSL_ERROR_ZERO_RETURN: session->status = PAWL_TLS_CLOSED; break;
		default: fail_from_queue(session, "receive"); break;
		}
		shrink(session, &session->incoming);
	}
	count_unasked(session, pending);
	forget_errors();
	return size;
}

/* --- sending --- */

pawl_err pawl_tls_write(struct pawl_tls_session *session, struct pawl_bytes bytes)
{
	size_t written = 0;

	if (session->close_sent || session->status == PAWL_TLS_HANDSHAKE ||
	    session->status == PAWL_TLS_FAILED)
		return PAWL_ERR_REFUSED;
	if (bytes.size == 0)
		return PAWL_ERR_OK;
	forget_errors();
	/* A memory BIO takes everything: anything but success is final. */
	const bool good = SSL_write_ex(session->ssl, bytes.at, bytes.size, &written) == 1 &&
			  written == bytes.size;
	if (!good)
		fail_from_queue(session, "send");
	forget_errors();
	return good ? PAWL_ERR_OK : PAWL_ERR_NO_MEMORY;
}

void pawl_tls_close(struct pawl_tls_session *session)
{
	if (session->close_sent || session->status == PAWL_TLS_HANDSHAKE ||
	    session->status == PAWL_TLS_FAILED)
		return;
	forget_errors();
	(void)SSL_shutdown(session->ssl); /* 0: sent, the peer's has not come yet */
	session->close_sent = true;
	forget_errors();
}

size_t pawl_tls_pending(const struct pawl_tls_session *session)
{
	return BIO_ctrl_pending(session->outgoing);
}

size_t pawl_tls_take(struct pawl_tls_session *session, void *at, size_t capacity)
{
	const int wanted = capacity > INT_MAX ? INT_MAX : (int)capacity;
	const int taken = wanted == 0 ? 0 : BIO_read(session->outgoing, at, wanted);

	if (BIO_ctrl_pending(session->outgoing) == 0) {
		session->unasked = 0;
		shrink(session, &session->outgoing);
	}
	return taken > 0 ? (size_t)taken : 0;
}

/* --- the peer --- */

pawl_err pawl_tls_peer(const struct pawl_tls_session *session, struct pawl_cert_info *ret_info)
{
	if (session->status == PAWL_TLS_HANDSHAKE || session->status == PAWL_TLS_FAILED)
		return PAWL_ERR_NOT_FOUND;
	X509 *cert = SSL_get0_peer_certificate(session->ssl);
	if (cert == NULL || SSL_get_verify_result(session->ssl) != X509_V_OK)
		return PAWL_ERR_NOT_FOUND;
	forget_errors();
	const pawl_err err = pawl_x509_info(cert, ret_info);
	forget_errors();
	return err;
}

const char *pawl_tls_error(const struct pawl_tls_session *session)
{
	return session->error;
}
