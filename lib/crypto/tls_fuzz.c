/* SPDX-License-Identifier: MIT
 *
 * A peer that sends anything, in two pieces. */
#include "pawl/tls.h"

#include <openssl/err.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pawl_tls_context *context_once(void)
{
	static struct pawl_tls_context *context;
	uint8_t key_memory[PAWL_KEY_PEM_MAX];
	uint8_t cert_memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf key_pem = pawl_buf_of(key_memory, sizeof(key_memory));
	struct pawl_buf cert_pem = pawl_buf_of(cert_memory, sizeof(cert_memory));
	struct pawl_key *key = NULL;
	const struct pawl_cert_options options = { .role = PAWL_CERT_CA,
		.common_name = "fuzz",
		.not_before = { 0 },
		.not_after = { 100 * 365 * PAWL_MS_PER_DAY } };

	if (context != NULL)
		return context;
	PAWL_ASSERT(pawl_key_create(PAWL_SIG_ECDSA_P256_SHA256, &key) == PAWL_ERR_OK);
	PAWL_ASSERT(pawl_key_save(key, PAWL_BYTES(NULL, 0), &key_pem) == PAWL_ERR_OK);
	PAWL_ASSERT(pawl_cert_make_ca(key, &options, &cert_pem) == PAWL_ERR_OK);
	const struct pawl_tls_options tls = { .cert_pem = pawl_buf_bytes(&cert_pem),
		.key_pem = pawl_buf_bytes(&key_pem),
		.ca_pem = pawl_buf_bytes(&cert_pem),
		.client_cert = PAWL_TLS_CLIENT_OPTIONAL };
	PAWL_ASSERT(pawl_tls_context_create(&tls, &context, NULL) == PAWL_ERR_OK);
	pawl_key_destroy(key);
	return context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pawl_tls_session *session = NULL;
	const size_t cut = size == 0 ? 0 : data[0] % size;
	uint8_t plain[64];

	PAWL_ASSERT(pawl_tls_session_create(context_once(), &session) == PAWL_ERR_OK);
	(void)pawl_tls_receive(session, PAWL_BYTES(data, cut));
	const pawl_tls_status status =
	    pawl_tls_receive(session, PAWL_BYTES(data + cut, size - cut));
	/* Without the keys nobody gets further than the handshake. */
	PAWL_ASSERT(status == PAWL_TLS_HANDSHAKE || status == PAWL_TLS_FAILED);
	PAWL_ASSERT(pawl_tls_read(session, plain, sizeof(plain)) == 0);
	PAWL_ASSERT(pawl_tls_pending(session) < 16384);
	PAWL_ASSERT((status == PAWL_TLS_FAILED) == (pawl_tls_error(session)[0] != '\0'));
	pawl_tls_session_destroy(session);
	PAWL_ASSERT(ERR_peek_error() == 0);
	return 0;
}
