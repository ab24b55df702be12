/* SPDX-License-Identifier: MIT
 *
 * pawl/tls.h - the server side of TLS 1.3 as a stream engine.
 *
 * No sockets: received bytes go in, bytes to send come out, so any event loop
 * can drive it and a test can cut it at every byte. TLS 1.3 only. Hosted.
 * One context serves many sessions; all calls for one context come from one
 * thread.
 */
#ifndef PAWL_TLS_H
#define PAWL_TLS_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/x509.h"

struct pawl_tls_context;
struct pawl_tls_session;

typedef enum pawl_tls_client_cert {
	PAWL_TLS_CLIENT_REQUIRED, /* the handshake fails without a certificate of the CA */
	PAWL_TLS_CLIENT_OPTIONAL  /* a foreign one still fails the handshake             */
} pawl_tls_client_cert;

struct pawl_tls_options {
	struct pawl_bytes cert_pem; /* server certificate, then its chain            */
	struct pawl_bytes key_pem;  /* PKCS#8, not encrypted                         */
	struct pawl_bytes ca_pem;   /* the CA of client certificates                 */
	pawl_tls_client_cert client_cert;
};

PAWL_MUST_CHECK pawl_err pawl_tls_context_create(const struct pawl_tls_options *options,
    struct pawl_tls_context **ret_context, struct pawl_note *reterr_note);
void pawl_tls_context_destroy(struct pawl_tls_context *context);

/* The session holds what it needs of `context`. */
PAWL_MUST_CHECK pawl_err pawl_tls_session_create(
    struct pawl_tls_context *context, struct pawl_tls_session **ret_session);
void pawl_tls_session_destroy(struct pawl_tls_session *session);

typedef enum pawl_tls_status {
	PAWL_TLS_HANDSHAKE, /* not done yet: send what is pending, receive more  */
	PAWL_TLS_OPEN,      /* application data may flow                         */
	PAWL_TLS_CLOSED,    /* the peer said close_notify                        */
	PAWL_TLS_FAILED     /* broken; pending bytes may hold an alert to send   */
} pawl_tls_status;

/* Feeds bytes from the network, and advances the handshake. All of `bytes`
 * is taken (and dropped when CLOSED or FAILED). After each call read until
 * pawl_tls_read returns 0: the end and failures of an OPEN session show there,
 * and what is not read stays in memory. */
pawl_tls_status pawl_tls_receive(struct pawl_tls_session *session, struct pawl_bytes bytes);
pawl_tls_status pawl_tls_status_of(const struct pawl_tls_session *session);
/* Decrypted application data: writes at most `capacity` bytes, returns how
 * many; 0 when there are none now (look at the status). */
size_t pawl_tls_read(struct pawl_tls_session *session, void *at, size_t capacity);
/* Encrypts all of `bytes` into the outgoing queue, which grows by no more than
 * that and 64 bytes for each 16 KiB. Allowed when OPEN and also when the peer
 * CLOSED its side. PAWL_ERR_REFUSED before OPEN, when FAILED and after pawl_tls_close. */
PAWL_MUST_CHECK pawl_err pawl_tls_write(struct pawl_tls_session *session, struct pawl_bytes bytes);
/* Queues close_notify. */
void pawl_tls_close(struct pawl_tls_session *session);
/* Encrypted bytes to send: copies at most `capacity`, removes them from the queue. */
size_t pawl_tls_pending(const struct pawl_tls_session *session);
size_t pawl_tls_take(struct pawl_tls_session *session, void *at, size_t capacity);
/* The client's certificate, verified. PAWL_ERR_NOT_FOUND when it sent none. */
PAWL_MUST_CHECK pawl_err pawl_tls_peer(
    const struct pawl_tls_session *session, struct pawl_cert_info *ret_info);
/* Why it FAILED, for the log; "" otherwise. */
const char *pawl_tls_error(const struct pawl_tls_session *session);

#endif
