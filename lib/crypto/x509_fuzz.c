/* SPDX-License-Identifier: MIT
 *
 * Any bytes as key, request, certificate and public key. */
#include "pawl/keys.h"
#include "pawl/x509.h"

#include <openssl/err.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pawl_bytes bytes = PAWL_BYTES(data, size);
	struct pawl_cert_info cert;
	struct pawl_csr_info request;
	struct pawl_key *key = NULL;
	struct pawl_note note = { "" };

	if (pawl_cert_read(bytes, &cert) == PAWL_ERR_OK) {
		PAWL_ASSERT(cert.role != PAWL_CERT_DEVICE || cert.common_name[0] != '\0');
		(void)!pawl_cert_check(bytes, bytes, cert.not_before, &note);
	}
	if (pawl_csr_read(bytes, &request) == PAWL_ERR_OK)
		PAWL_ASSERT(request.common_name[0] != '\0');
	/* No passphrase: an iteration count out of the input would take for ever. */
	if (pawl_key_load(bytes, PAWL_BYTES(NULL, 0), &key) == PAWL_ERR_OK)
		pawl_key_destroy(key);
	(void)!pawl_sig_verify(PAWL_SIG_ECDSA_P256_SHA256, bytes, PAWL_BYTES_LIT("message"), bytes);
	PAWL_ASSERT(ERR_peek_error() == 0);
	return 0;
}
