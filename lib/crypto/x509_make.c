/* SPDX-License-Identifier: MIT
 *
 * Making certificates and requests. Extensions are built as objects, never
 * from text, so that a name can not smuggle in a second one.
 */
#include "crypto_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { SERIAL_SIZE = 16 };

static const char *unit_of(pawl_cert_role role)
{
	switch (role) {
	case PAWL_CERT_CA: return "ca";
	case PAWL_CERT_SERVER: return "server";
	case PAWL_CERT_DEVICE: return "device";
	case PAWL_CERT_OPERATOR: return "operator";
	case PAWL_CERT_UNKNOWN: break;
	}
	return NULL;
}

static bool is_common_name(const char *text)
{
	const size_t size = text == NULL ? 0 : strnlen(text, 65);

	if (size < 1 || size > 64)
		return false;
	for (size_t i = 0; i < size; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

/* --- names --- */

static bool name_put(X509_NAME *name, int nid, const char *text)
{
	return X509_NAME_add_entry_by_NID(
		   name, nid, MBSTRING_UTF8, (const uint8_t *)text, -1, -1, 0) == 1;
}

static bool is_dns_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-*";
	const size_t size = strnlen(text, 254);

	return size > 0 && size < 254 && strspn(text, allowed) == size;
}

static bool alternative_put(GENERAL_NAMES *names, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
	ASN1_STRING *dns = NULL;

	if (name != NULL && address != NULL) {
		GENERAL_NAME_set0_value(name, GEN_IPADD, address);
	} else if (name != NULL && is_dns_name(text) && (dns = ASN1_IA5STRING_new()) != NULL &&
		   ASN1_STRING_set(dns, text, -1) == 1) {
		GENERAL_NAME_set0_value(name, GEN_DNS, dns);
	} else {
		ASN1_OCTET_STRING_free(address);
		ASN1_STRING_free(dns);
		GENERAL_NAME_free(name);
		return false;
	}
	if (sk_GENERAL_NAME_push(names, name) <= 0) {
		GENERAL_NAME_free(name);
		return false;
	}
	return true;
}

/* --- extensions --- */

static bool put_alternatives(X509 *cert, const struct pawl_cert_options *options)
{
	if (options->name_count == 0)
		return options->role != PAWL_CERT_SERVER;
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	bool good = names != NULL;
	for (size_t i = 0; good && i < options->name_count; i++)
		good = alternative_put(names, options->names[i]);
	good = good &&
	       X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return good;
}

static bool put_constraints(X509 *cert, bool is_ca)
{
	BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
	bool good = constraints != NULL;

	if (good && is_ca) {
		constraints->ca = 0xff;
		constraints->pathlen = ASN1_INTEGER_new();
		good =
		    constraints->pathlen != NULL && ASN1_INTEGER_set(constraints->pathlen, 0) == 1;
	}
	good = good && X509_add1_ext_i2d(
			   cert, NID_basic_constraints, constraints, 1, X509V3_ADD_DEFAULT) == 1;
	BASIC_CONSTRAINTS_free(constraints);
	return good;
}

static bool put_key_usage(X509 *cert, bool is_ca)
{
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	bool good = usage != NULL;

	/* Bits of RFC 5280 4.2.1.3: digitalSignature 0, keyCertSign 5, cRLSign 6. */
	if (good && is_ca)
		good = ASN1_BIT_STRING_set_bit(usage, 5, 1) == 1 &&
		       ASN1_BIT_STRING_set_bit(usage, 6, 1) == 1;
	else if (good)
		good = ASN1_BIT_STRING_set_bit(usage, 0, 1) == 1;
	good = good && X509_add1_ext_i2d(cert, NID_key_usage, usage, 1, X509V3_ADD_DEFAULT) == 1;
	ASN1_BIT_STRING_free(usage);
	return good;
}

static bool put_purpose(X509 *cert, pawl_cert_role role)
{
	if (role == PAWL_CERT_CA)
		return true;
	EXTENDED_KEY_USAGE *usage = sk_ASN1_OBJECT_new_null();
	const int purpose = role == PAWL_CERT_SERVER ? NID_server_auth : NID_client_auth;
	const bool good =
	    usage != NULL && sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(purpose)) > 0 &&
	    X509_add1_ext_i2d(cert, NID_ext_key_usage, usage, 0, X509V3_ADD_DEFAULT) == 1;
	sk_ASN1_OBJECT_pop_free(usage, ASN1_OBJECT_free);
	return good;
}

/* Key identifiers are the SHA-1 of the public key (RFC 5280 4.2.1.2): a name
 * for finding certificates, nothing rests on it. */
static bool put_identifiers(X509 *cert, X509 *issuer)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	ASN1_OCTET_STRING *subject = ASN1_OCTET_STRING_new();
	AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	bool good = subject != NULL && authority != NULL;

	good = good && X509_pubkey_digest(cert, EVP_sha1(), digest, &size) == 1 &&
	       ASN1_OCTET_STRING_set(subject, digest, (int)size) == 1 &&
	       X509_add1_ext_i2d(
		   cert, NID_subject_key_identifier, subject, 0, X509V3_ADD_DEFAULT) == 1;
	if (good && issuer != NULL) {
		const ASN1_OCTET_STRING *known = X509_get0_subject_key_id(issuer);
		if (known != NULL)
			good = (authority->keyid = ASN1_OCTET_STRING_dup(known)) != NULL;
	} else if (good) {
		good = (authority->keyid = ASN1_OCTET_STRING_dup(subject)) != NULL;
	}
	if (good && authority->keyid != NULL)
		good = X509_add1_ext_i2d(cert, NID_authority_key_identifier, authority, 0,
			   X509V3_ADD_DEFAULT) == 1;
	ASN1_OCTET_STRING_free(subject);
	AUTHORITY_KEYID_free(authority);
	return good;
}

/* --- certificates --- */

static bool put_serial(X509 *cert)
{
	uint8_t bytes[SERIAL_SIZE];
	BIGNUM *number = NULL;

	pawl_random(bytes, sizeof(bytes));
	bytes[0] |= 0x40; /* never zero, always the same length */
	bytes[0] &= 0x7f; /* one octet less in DER: no sign byte */
	number = BN_bin2bn(bytes, (int)sizeof(bytes), NULL);
	const bool good =
	    number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
	BN_free(number);
	return good;
}

static bool put_validity(X509 *cert, X509 *issuer, const struct pawl_cert_options *options)
{
	const time_t from = (time_t)(options->not_before.ms / PAWL_MS_PER_S);
	time_t until = (time_t)(options->not_after.ms / PAWL_MS_PER_S);

	if (ASN1_TIME_set(X509_getm_notBefore(cert), from) == NULL)
		return false;
	/* A certificate that outlives its issuer verifies nowhere after that. */
	if (issuer != NULL && ASN1_TIME_cmp_time_t(X509_get0_notAfter(issuer), until) < 0)
		return X509_set1_notAfter(cert, X509_get0_notAfter(issuer)) == 1;
	return ASN1_TIME_set(X509_getm_notAfter(cert), until) != NULL;
}

static pawl_err check_options(const struct pawl_cert_options *options)
{
	if (!is_common_name(options->common_name))
		return PAWL_ERR_SYNTAX;
	if (options->not_after.ms <= options->not_before.ms)
		return PAWL_ERR_RANGE;
	if (options->role == PAWL_CERT_SERVER && options->name_count == 0)
		return PAWL_ERR_REFUSED;
	for (size_t i = 0; i < options->name_count; i++) {
		ASN1_OCTET_STRING *address = a2i_IPADDRESS(options->names[i]);
		const bool is_address = address != NULL;
		ASN1_OCTET_STRING_free(address);
		if (!is_address && !is_dns_name(options->names[i]))
			return PAWL_ERR_SYNTAX;
	}
	return PAWL_ERR_OK;
}

/* Builds and signs; `issuer` NULL makes it self-signed. */
static pawl_err make(EVP_PKEY *subject_key, X509 *issuer, const struct pawl_key *signer,
    const struct pawl_cert_options *options, struct pawl_buf *out)
{
	const bool is_ca = options->role == PAWL_CERT_CA;
	const EVP_MD *digest = signer->scheme == PAWL_SIG_ED25519 ? NULL : EVP_sha256();
	X509 *cert = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = cert != NULL && bio != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
		    put_serial(cert) && put_validity(cert, issuer, options) &&
		    X509_set_pubkey(cert, subject_key) == 1;

	good =
	    good &&
	    name_put(
		X509_get_subject_name(cert), NID_organizationalUnitName, unit_of(options->role)) &&
	    name_put(X509_get_subject_name(cert), NID_commonName, options->common_name) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer == NULL ? cert : issuer)) == 1;
	good = good && put_constraints(cert, is_ca) && put_key_usage(cert, is_ca) &&
	       put_purpose(cert, options->role) && put_identifiers(cert, issuer) &&
	       (is_ca || put_alternatives(cert, options));
	good =
	    good && X509_sign(cert, signer->pkey, digest) > 0 && PEM_write_bio_X509(bio, cert) == 1;
	const pawl_err err = good ? pawl_crypto_bio_drain(bio, out) : PAWL_ERR_CRYPTO;
	X509_free(cert);
	BIO_free(bio);
	return err;
}

pawl_err pawl_cert_make_ca(
    const struct pawl_key *key, const struct pawl_cert_options *options, struct pawl_buf *out)
{
	if (options->role != PAWL_CERT_CA)
		return PAWL_ERR_REFUSED;
	ERR_set_mark();
	pawl_err err = check_options(options);
	if (err == PAWL_ERR_OK)
		err = make(key->pkey, NULL, key, options, out);
	ERR_pop_to_mark();
	return err;
}

static pawl_err issue(const struct pawl_key *ca_key, struct pawl_bytes ca_pem, X509_REQ *request,
    const struct pawl_cert_options *options, struct pawl_buf *out)
{
	pawl_err err = PAWL_ERR_CRYPTO;
	X509 *ca = pawl_x509_from_pem(ca_pem);

	if (ca != NULL && X509_check_ca(ca) == 1 && X509_check_private_key(ca, ca_key->pkey) == 1)
		err = make(X509_REQ_get0_pubkey(request), ca, ca_key, options, out);
	X509_free(ca);
	return err;
}

pawl_err pawl_cert_issue(const struct pawl_key *ca_key, struct pawl_bytes ca_pem,
    struct pawl_bytes csr_pem, const struct pawl_cert_options *options, struct pawl_buf *out)
{
	struct pawl_csr_info info;

	if (options->role == PAWL_CERT_CA || options->role == PAWL_CERT_UNKNOWN)
		return PAWL_ERR_REFUSED;
	/* Proves that the applicant holds the private key. */
	PAWL_TRY(pawl_csr_read(csr_pem, &info));
	ERR_set_mark();
	pawl_err err = check_options(options);
	BIO *bio = pawl_crypto_bio_of(csr_pem);
	X509_REQ *request =
	    bio == NULL ? NULL : PEM_read_bio_X509_REQ(bio, NULL, pawl_crypto_no_passphrase, NULL);
	if (err == PAWL_ERR_OK)
		err = request == NULL ? PAWL_ERR_NO_MEMORY
				      : issue(ca_key, ca_pem, request, options, out);
	X509_REQ_free(request);
	BIO_free(bio);
	ERR_pop_to_mark();
	return err;
}

pawl_err pawl_csr_make(const struct pawl_key *key, const char *common_name, struct pawl_buf *out)
{
	const EVP_MD *digest = key->scheme == PAWL_SIG_ED25519 ? NULL : EVP_sha256();

	if (!is_common_name(common_name))
		return PAWL_ERR_SYNTAX;
	ERR_set_mark();
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	const bool good =
	    request != NULL && bio != NULL &&
	    X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
	    name_put(X509_REQ_get_subject_name(request), NID_commonName, common_name) &&
	    X509_REQ_set_pubkey(request, key->pkey) == 1 &&
	    X509_REQ_sign(request, key->pkey, digest) > 0 &&
	    PEM_write_bio_X509_REQ(bio, request) == 1;
	const pawl_err err = good ? pawl_crypto_bio_drain(bio, out) : PAWL_ERR_CRYPTO;
	X509_REQ_free(request);
	BIO_free(bio);
	ERR_pop_to_mark();
	return err;
}
