/* SPDX-License-Identifier: MIT
 *
 * Reading and checking certificates and requests. What is in them comes from
 * strangers: a name that has two common names, a NUL or a line break is
 * refused, never shortened.
 */
#include "crypto_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

static const char *const role_units[] = {
	[PAWL_CERT_CA] = "ca",
	[PAWL_CERT_SERVER] = "server",
	[PAWL_CERT_DEVICE] = "device",
	[PAWL_CERT_OPERATOR] = "operator",
};

X509 *pawl_x509_from_pem(struct pawl_bytes pem)
{
	BIO *bio = pawl_crypto_bio_of(pem);
	X509 *cert = NULL;

	if (bio != NULL)
		cert = PEM_read_bio_X509(bio, NULL, pawl_crypto_no_passphrase, NULL);
	BIO_free(bio);
	return cert;
}

pawl_err pawl_x509_name_field(const X509_NAME *name, int nid, char ret_text[65])
{
	const int at = X509_NAME_get_index_by_NID(name, nid, -1);
	uint8_t *utf8 = NULL;
	pawl_err err = PAWL_ERR_SYNTAX;

	if (at < 0)
		return PAWL_ERR_NOT_FOUND;
	if (X509_NAME_get_index_by_NID(name, nid, at) >= 0)
		return PAWL_ERR_SYNTAX;
	const int size =
	    ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (size < 0)
		return PAWL_ERR_SYNTAX;
	if (size > 0 && size <= 64) {
		err = PAWL_ERR_OK;
		for (int i = 0; i < size; i++)
			if (utf8[i] < 0x20 || utf8[i] == 0x7f)
				err = PAWL_ERR_SYNTAX;
	}
	if (err == PAWL_ERR_OK) {
		memcpy(ret_text, utf8, (size_t)size);
		ret_text[size] = '\0';
	}
	OPENSSL_free(utf8);
	return err;
}

static bool wall_of(const ASN1_TIME *time, struct pawl_wall *ret_wall)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0;
	int seconds = 0;
	const bool good = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;

	ASN1_TIME_free(epoch);
	if (good)
		ret_wall->ms = (int64_t)days * PAWL_MS_PER_DAY + (int64_t)seconds * PAWL_MS_PER_S;
	return good;
}

static bool serial_of(X509 *cert, char ret_hex[41])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	uint8_t bytes[20];
	struct pawl_buf out = pawl_buf_of(ret_hex, 40);
	const bool good = number != NULL && !BN_is_negative(number) && BN_num_bytes(number) <= 20;

	if (good) {
		pawl_put_hex(&out, PAWL_BYTES(bytes, (size_t)BN_bn2bin(number, bytes)));
		ret_hex[out.size] = '\0';
	}
	BN_free(number);
	return good;
}

static bool pin_of(X509_PUBKEY *public_key, uint8_t ret_pin[32])
{
	uint8_t *der = NULL;
	const int size = public_key == NULL ? -1 : i2d_X509_PUBKEY(public_key, &der);

	if (size <= 0)
		return false;
	pawl_sha256(PAWL_BYTES(der, (size_t)size), ret_pin);
	OPENSSL_free(der);
	return true;
}

pawl_err pawl_x509_info(X509 *cert, struct pawl_cert_info *ret_info)
{
	struct pawl_cert_info info = { .role = PAWL_CERT_UNKNOWN };
	const X509_NAME *subject = X509_get_subject_name(cert);
	char unit[65] = "";

	const pawl_err name = pawl_x509_name_field(subject, NID_commonName, info.common_name);
	const pawl_err role = pawl_x509_name_field(subject, NID_organizationalUnitName, unit);
	if (name != PAWL_ERR_OK && name != PAWL_ERR_NOT_FOUND)
		return name;
	if (role != PAWL_ERR_OK && role != PAWL_ERR_NOT_FOUND)
		return role;
	for (int i = PAWL_CERT_CA; i <= PAWL_CERT_OPERATOR && name == PAWL_ERR_OK; i++)
		if (strcmp(unit, role_units[i]) == 0)
			info.role = (pawl_cert_role)i;
	if (X509_digest(cert, EVP_sha256(), info.fingerprint, NULL) != 1 ||
	    !wall_of(X509_get0_notBefore(cert), &info.not_before) ||
	    !wall_of(X509_get0_notAfter(cert), &info.not_after) ||
	    !serial_of(cert, info.serial_hex) || !pin_of(X509_get_X509_PUBKEY(cert), info.pin))
		return PAWL_ERR_SYNTAX;
	*ret_info = info;
	return PAWL_ERR_OK;
}

pawl_err pawl_cert_read(struct pawl_bytes cert_pem, struct pawl_cert_info *ret_info)
{
	ERR_set_mark();
	X509 *cert = pawl_x509_from_pem(cert_pem);
	const pawl_err err = cert == NULL ? PAWL_ERR_SYNTAX : pawl_x509_info(cert, ret_info);
	X509_free(cert);
	ERR_pop_to_mark();
	return err;
}

/* --- requests --- */

static pawl_err request_info(X509_REQ *request, struct pawl_csr_info *ret_info)
{
	struct pawl_csr_info info = { .common_name = "" };
	pawl_sig_scheme scheme = PAWL_SIG_ED25519;
	EVP_PKEY *pkey = X509_REQ_get0_pubkey(request);

	/* The size of the key is looked at before anything is computed with it. */
	if (pkey == NULL || pawl_crypto_scheme_of(pkey, &scheme) != PAWL_ERR_OK)
		return PAWL_ERR_CRYPTO;
	if (X509_REQ_verify(request, pkey) != 1)
		return PAWL_ERR_CRYPTO;
	if (pawl_x509_name_field(X509_REQ_get_subject_name(request), NID_commonName,
		info.common_name) != PAWL_ERR_OK)
		return PAWL_ERR_SYNTAX;
	if (!pin_of(X509_REQ_get_X509_PUBKEY(request), info.pin))
		return PAWL_ERR_CRYPTO;
	*ret_info = info;
	return PAWL_ERR_OK;
}

pawl_err pawl_csr_read(struct pawl_bytes csr_pem, struct pawl_csr_info *ret_info)
{
	pawl_err err = PAWL_ERR_SYNTAX;

	ERR_set_mark();
	BIO *bio = pawl_crypto_bio_of(csr_pem);
	X509_REQ *request =
	    bio == NULL ? NULL : PEM_read_bio_X509_REQ(bio, NULL, pawl_crypto_no_passphrase, NULL);
	if (request != NULL)
		err = request_info(request, ret_info);
	X509_REQ_free(request);
	BIO_free(bio);
	ERR_pop_to_mark();
	return err;
}

/* --- checking --- */

static pawl_err check_chain(
    X509 *cert, X509 *ca, struct pawl_wall now, struct pawl_note *reterr_note)
{
	pawl_err err = PAWL_ERR_NO_MEMORY;
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	if (store != NULL && context != NULL && X509_STORE_add_cert(store, ca) == 1 &&
	    X509_STORE_CTX_init(context, store, cert, NULL) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
		X509_VERIFY_PARAM_set_time(param, (time_t)(now.ms / PAWL_MS_PER_S));
		X509_VERIFY_PARAM_set_depth(param, 0);
		err = X509_verify_cert(context) == 1 ? PAWL_ERR_OK : PAWL_ERR_DENIED;
		if (err != PAWL_ERR_OK)
			pawl_note_add(reterr_note,
			    X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return err;
}

pawl_err pawl_cert_check(struct pawl_bytes cert_pem, struct pawl_bytes ca_pem, struct pawl_wall now,
    struct pawl_note *reterr_note)
{
	pawl_err err = PAWL_ERR_DENIED;

	ERR_set_mark();
	X509 *cert = pawl_x509_from_pem(cert_pem);
	X509 *ca = pawl_x509_from_pem(ca_pem);
	if (cert == NULL || ca == NULL)
		pawl_note_add(reterr_note, cert == NULL
					       ? "the certificate is no PEM certificate"
					       : "the CA's certificate is no PEM certificate");
	else
		err = check_chain(cert, ca, now, reterr_note);
	X509_free(cert);
	X509_free(ca);
	ERR_pop_to_mark();
	return err;
}
