/* SPDX-License-Identifier: MIT
 *
 * What all sessions of one listener share: the protocol's settings, our
 * certificate and the one CA that client certificates must come from.
 */
#include "crypto_internal.h"
#include "tls_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static bool set_protocol(SSL_CTX *context)
{
	char groups[] = "X25519:P-256:P-384"; /* first is preferred */

	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(context, 1);
	/* No tickets: a resumed session would skip the question whether the
	 * device's certificate was revoked in the meantime. */
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(context, 0) == 1 &&
	       SSL_CTX_set1_groups_list(context, groups) == 1;
}

/* The first certificate is ours, the others are its chain. */
static bool set_certificate(SSL_CTX *context, struct pawl_bytes pem)
{
	BIO *bio = pawl_crypto_bio_of(pem);
	bool good = false;

	if (bio == NULL)
		return false;
	for (;;) {
		X509 *cert = PEM_read_bio_X509(bio, NULL, pawl_crypto_no_passphrase, NULL);
		if (cert == NULL)
			break;
		if (!good) {
			good = SSL_CTX_use_certificate(context, cert) == 1;
			X509_free(cert);
			if (!good)
				break;
		} else if (SSL_CTX_add0_chain_cert(context, cert) != 1) {
			X509_free(cert);
			good = false;
			break;
		}
	}
	BIO_free(bio);
	return good;
}

static bool set_key(SSL_CTX *context, struct pawl_bytes pem)
{
	struct pawl_key *key = NULL;
	bool good = false;

	if (pawl_key_load(pem, PAWL_BYTES(NULL, 0), &key) == PAWL_ERR_OK)
		good = SSL_CTX_use_PrivateKey(context, key->pkey) == 1 &&
		       SSL_CTX_check_private_key(context) == 1;
	pawl_key_destroy(key);
	return good;
}

static bool set_client_ca(SSL_CTX *context, struct pawl_bytes pem, pawl_tls_client_cert mode)
{
	int verify = SSL_VERIFY_PEER;
	X509 *ca = pawl_x509_from_pem(pem);
	const bool good = ca != NULL && X509_check_ca(ca) == 1 &&
			  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1 &&
			  SSL_CTX_add_client_CA(context, ca) == 1 &&
			  SSL_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1;

	X509_free(ca);
	switch (mode) {
	case PAWL_TLS_CLIENT_REQUIRED: verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT; break;
	case PAWL_TLS_CLIENT_OPTIONAL: break;
	}
	SSL_CTX_set_verify(context, verify, NULL);
	/* Nothing may stand between a client's certificate and the CA. */
	SSL_CTX_set_verify_depth(context, 0);
	return good;
}

pawl_err pawl_tls_context_create(const struct pawl_tls_options *options,
    struct pawl_tls_context **ret_context, struct pawl_note *reterr_note)
{
	const char *problem = NULL;

	ERR_set_mark();
	struct pawl_tls_context *context = calloc(1, sizeof(*context));
	if (context != NULL)
		context->ssl_context = SSL_CTX_new(TLS_server_method());
	if (context == NULL || context->ssl_context == NULL)
		problem = "out of memory";
	else if (!set_protocol(context->ssl_context))
		problem = "this OpenSSL does not do TLS 1.3 with X25519";
	else if (!set_certificate(context->ssl_context, options->cert_pem))
		problem = "the server's certificate is no PEM certificate";
	else if (!set_key(context->ssl_context, options->key_pem))
		problem = "the server's key is no unencrypted PKCS#8 key of its certificate";
	else if (!set_client_ca(context->ssl_context, options->ca_pem, options->client_cert))
		problem = "the CA's certificate is no PEM certificate of a CA";
	ERR_pop_to_mark();
	if (problem != NULL) {
		pawl_note_add(reterr_note, problem);
		pawl_tls_context_destroy(context);
		return PAWL_ERR_CRYPTO;
	}
	*ret_context = context;
	return PAWL_ERR_OK;
}

void pawl_tls_context_destroy(struct pawl_tls_context *context)
{
	if (context == NULL)
		return;
	SSL_CTX_free(context->ssl_context);
	free(context);
}
