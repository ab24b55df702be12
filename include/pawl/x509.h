/* SPDX-License-Identifier: MIT
 *
 * pawl/x509.h - the few certificates Pawl needs: its own device CA, the
 * server's certificate, device and operator certificates.
 *
 * Hosted; no files. PEM in, PEM out. Profile: RFC 5280, v3, serial of 128
 * random bits, basicConstraints, keyUsage, extendedKeyUsage, SKI and AKI.
 */
#ifndef PAWL_X509_H
#define PAWL_X509_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/keys.h"
#include "pawl/limits.h"
#include "pawl/time.h"

enum { PAWL_CERT_PEM_MAX = 8192 };

/* Who a certificate speaks for; written as organizationalUnitName. */
typedef enum pawl_cert_role {
	PAWL_CERT_CA,       /* OU=ca                                             */
	PAWL_CERT_SERVER,   /* OU=server,   EKU serverAuth, subjectAltName       */
	PAWL_CERT_DEVICE,   /* OU=device,   EKU clientAuth                       */
	PAWL_CERT_OPERATOR, /* OU=operator, EKU clientAuth                       */
	PAWL_CERT_UNKNOWN   /* any other certificate                             */
} pawl_cert_role;

struct pawl_cert_options {
	pawl_cert_role role;
	const char *common_name;  /* 1..64 characters                             */
	const char *const *names; /* SERVER: DNS names and IP addresses for SAN   */
	size_t name_count;
	struct pawl_wall not_before;
	struct pawl_wall not_after;
};

struct pawl_cert_info {
	char common_name[65];
	pawl_cert_role role;
	struct pawl_wall not_before;
	struct pawl_wall not_after;
	uint8_t fingerprint[32]; /* SHA-256 of the DER                            */
	uint8_t pin[32];         /* SHA-256 of the SubjectPublicKeyInfo           */
	char serial_hex[41];
};

/* A self-signed CA for `key`. */
PAWL_MUST_CHECK pawl_err pawl_cert_make_ca(
    const struct pawl_key *key, const struct pawl_cert_options *options, struct pawl_buf *out);

/* A PKCS#10 request with subject CN=`common_name`. */
PAWL_MUST_CHECK pawl_err pawl_csr_make(
    const struct pawl_key *key, const char *common_name, struct pawl_buf *out);

/* What a request asks for, after its own signature was verified.
 * PAWL_ERR_SYNTAX: no request; PAWL_ERR_CRYPTO: its signature or key does not hold. */
struct pawl_csr_info {
	char common_name[65];
	uint8_t pin[32];
};
PAWL_MUST_CHECK pawl_err pawl_csr_read(struct pawl_bytes csr_pem, struct pawl_csr_info *ret_info);

/* Issues a certificate for the request's key. Subject and extensions come
 * from `options` alone: nothing in the request is trusted but its key. Ends
 * with the CA's certificate when `not_after` is later.
 * PAWL_ERR_REFUSED: role CA or UNKNOWN, or SERVER without names. PAWL_ERR_SYNTAX: a
 * name that is none, or no request. PAWL_ERR_RANGE: ends before it begins.
 * PAWL_ERR_CRYPTO: the request's signature does not hold, or `ca_pem` is no CA
 * certificate of `ca_key`. */
PAWL_MUST_CHECK pawl_err pawl_cert_issue(const struct pawl_key *ca_key, struct pawl_bytes ca_pem,
    struct pawl_bytes csr_pem, const struct pawl_cert_options *options, struct pawl_buf *out);

PAWL_MUST_CHECK pawl_err pawl_cert_read(
    struct pawl_bytes cert_pem, struct pawl_cert_info *ret_info);
/* PAWL_ERR_OK when `cert_pem` is signed by `ca_pem` and valid at `now`;
 * PAWL_ERR_DENIED otherwise (the note says why). */
PAWL_MUST_CHECK pawl_err pawl_cert_check(struct pawl_bytes cert_pem, struct pawl_bytes ca_pem,
    struct pawl_wall now, struct pawl_note *reterr_note);

#endif
