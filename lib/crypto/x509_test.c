/* SPDX-License-Identifier: MIT */
#include "cmocka_setup.h"
#include "openssl_tool.h"

#include "pawl/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

/* 2026-01-01T00:00:00Z; certificates are checked at moments the test chooses. */
static const int64_t start_ms = INT64_C(1767225600000);

static struct pawl_key *ca_key;
static struct pawl_key *device_key;
static uint8_t ca_memory[PAWL_CERT_PEM_MAX];
static struct pawl_bytes ca;

static struct pawl_cert_options options_of(pawl_cert_role role, const char *name, int days)
{
	return (struct pawl_cert_options){ .role = role,
		.common_name = name,
		.not_before = { start_ms },
		.not_after = { start_ms + days * PAWL_MS_PER_DAY } };
}

static struct pawl_wall day(int days)
{
	return (struct pawl_wall){ start_ms + days * PAWL_MS_PER_DAY };
}

static int make_ca(void **state)
{
	struct pawl_buf buf = pawl_buf_of(ca_memory, sizeof(ca_memory));
	const struct pawl_cert_options options = options_of(PAWL_CERT_CA, "test CA", 3650);

	(void)state;
	if (pawl_key_create(PAWL_SIG_ECDSA_P256_SHA256, &ca_key) != PAWL_ERR_OK ||
	    pawl_key_create(PAWL_SIG_ED25519, &device_key) != PAWL_ERR_OK ||
	    pawl_cert_make_ca(ca_key, &options, &buf) != PAWL_ERR_OK)
		return -1;
	ca = pawl_buf_bytes(&buf);
	return 0;
}

static int free_ca(void **state)
{
	(void)state;
	pawl_key_destroy(ca_key);
	pawl_key_destroy(device_key);
	return 0;
}

static struct pawl_bytes request_of(
    const struct pawl_key *key, const char *name, uint8_t memory[PAWL_CERT_PEM_MAX])
{
	struct pawl_buf buf = pawl_buf_of(memory, PAWL_CERT_PEM_MAX);

	assert_int_equal(pawl_csr_make(key, name, &buf), PAWL_ERR_OK);
	return pawl_buf_bytes(&buf);
}

static void the_ca_is_what_it_says(void **state)
{
	struct pawl_cert_info info;
	uint8_t pin[32];

	(void)state;
	assert_int_equal(pawl_cert_read(ca, &info), PAWL_ERR_OK);
	assert_string_equal(info.common_name, "test CA");
	assert_int_equal(info.role, PAWL_CERT_CA);
	assert_true(info.not_before.ms == start_ms);
	assert_true(info.not_after.ms == day(3650).ms);
	assert_int_equal(strlen(info.serial_hex), 32);
	assert_int_equal(pawl_key_pin(ca_key, pin), PAWL_ERR_OK);
	assert_memory_equal(info.pin, pin, sizeof(pin));
	assert_int_equal(pawl_cert_check(ca, ca, day(1), NULL), PAWL_ERR_OK);
}

static void requests_become_certificates(void **state)
{
	static const pawl_cert_role roles[] = { PAWL_CERT_DEVICE, PAWL_CERT_OPERATOR };
	uint8_t request_memory[PAWL_CERT_PEM_MAX];
	const struct pawl_bytes request = request_of(device_key, "asked-for", request_memory);
	struct pawl_csr_info asked;
	uint8_t pin[32];

	(void)state;
	assert_int_equal(pawl_csr_read(request, &asked), PAWL_ERR_OK);
	assert_string_equal(asked.common_name, "asked-for");
	assert_int_equal(pawl_key_pin(device_key, pin), PAWL_ERR_OK);
	assert_memory_equal(asked.pin, pin, sizeof(pin));
	for (size_t i = 0; i < 2; i++) {
		uint8_t memory[PAWL_CERT_PEM_MAX];
		struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
		const struct pawl_cert_options options = options_of(roles[i], "dev1", 30);
		struct pawl_cert_info info;
		struct pawl_note note = { "" };

		assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_OK);
		assert_int_equal(pawl_cert_read(pawl_buf_bytes(&buf), &info), PAWL_ERR_OK);
		/* The name comes from the options, only the key from the request. */
		assert_string_equal(info.common_name, "dev1");
		assert_int_equal(info.role, roles[i]);
		assert_memory_equal(info.pin, pin, sizeof(pin));
		assert_int_equal(
		    pawl_cert_check(pawl_buf_bytes(&buf), ca, day(29), &note), PAWL_ERR_OK);
		assert_string_equal(note.text, "");
		assert_int_equal(
		    pawl_cert_check(pawl_buf_bytes(&buf), ca, day(31), &note), PAWL_ERR_DENIED);
		assert_non_null(strstr(note.text, "expired"));
		assert_int_equal(
		    pawl_cert_check(pawl_buf_bytes(&buf), ca, day(-1), NULL), PAWL_ERR_DENIED);
	}
	assert_int_equal(ERR_peek_error(), 0);
}

static void a_foreign_ca_is_refused(void **state)
{
	uint8_t request_memory[PAWL_CERT_PEM_MAX];
	uint8_t foreign_memory[PAWL_CERT_PEM_MAX];
	uint8_t memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf foreign = pawl_buf_of(foreign_memory, sizeof(foreign_memory));
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
	const struct pawl_cert_options ca_options = options_of(PAWL_CERT_CA, "test CA", 3650);
	const struct pawl_cert_options options = options_of(PAWL_CERT_DEVICE, "dev1", 30);
	const struct pawl_bytes request = request_of(device_key, "dev1", request_memory);
	struct pawl_key *foreign_key = NULL;

	(void)state;
	assert_int_equal(pawl_key_create(PAWL_SIG_ECDSA_P256_SHA256, &foreign_key), PAWL_ERR_OK);
	assert_int_equal(pawl_cert_make_ca(foreign_key, &ca_options, &foreign), PAWL_ERR_OK);
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_cert_check(pawl_buf_bytes(&buf), pawl_buf_bytes(&foreign), day(1), NULL),
	    PAWL_ERR_DENIED);
	/* A key that is not the CA certificate's, and a device that plays CA. */
	struct pawl_buf none = pawl_buf_of(foreign_memory, sizeof(foreign_memory));
	assert_int_equal(
	    pawl_cert_issue(foreign_key, ca, request, &options, &none), PAWL_ERR_CRYPTO);
	assert_int_equal(
	    pawl_cert_issue(device_key, pawl_buf_bytes(&buf), request, &options, &none),
	    PAWL_ERR_CRYPTO);
	assert_int_equal(none.size, 0);
	pawl_key_destroy(foreign_key);
	assert_int_equal(ERR_peek_error(), 0);
}

/* Base64 decodes, the bits in it are wrong: the self-signature must not hold. */
static void a_changed_request_is_refused(void **state)
{
	uint8_t memory[PAWL_CERT_PEM_MAX];
	uint8_t out_memory[PAWL_CERT_PEM_MAX];
	const struct pawl_bytes request = request_of(device_key, "dev1", memory);
	const struct pawl_cert_options options = options_of(PAWL_CERT_DEVICE, "dev1", 30);
	struct pawl_csr_info info;
	unsigned broken = 0;

	(void)state;
	for (size_t i = 40; i + 40 < request.size; i++) {
		const uint8_t kept = memory[i];
		if (kept == '\n')
			continue;
		memory[i] = kept == 'A' ? 'B' : 'A';
		if (memory[i] == kept)
			continue;
		struct pawl_buf out = pawl_buf_of(out_memory, sizeof(out_memory));
		const pawl_err err = pawl_csr_read(request, &info);
		assert_true(err == PAWL_ERR_SYNTAX || err == PAWL_ERR_CRYPTO);
		broken += err == PAWL_ERR_CRYPTO;
		assert_int_not_equal(
		    pawl_cert_issue(ca_key, ca, request, &options, &out), PAWL_ERR_OK);
		memory[i] = kept;
	}
	assert_true(broken > 50);
	assert_int_equal(pawl_csr_read(request, &info), PAWL_ERR_OK);
	assert_int_equal(pawl_csr_read(PAWL_BYTES_LIT("no request"), &info), PAWL_ERR_SYNTAX);
	assert_int_equal(ERR_peek_error(), 0);
}

/* --- names that two readers could understand differently --- */

struct part {
	int nid; /* 0: the end */
	const char *text;
	int size; /* -1: up to the NUL */
	int set;  /* -1: in the same RDN as the one before */
};

static void put_name(X509_NAME *name, const struct part *parts)
{
	for (; parts->nid != 0; parts++)
		assert_int_equal(X509_NAME_add_entry_by_NID(name, parts->nid, MBSTRING_UTF8,
				     (const uint8_t *)parts->text, parts->size, -1, parts->set),
		    1);
}

/* A request that also asks to become a CA, and a certificate that says the same. */
static void make_strange(const struct part *parts, uint8_t csr_memory[PAWL_CERT_PEM_MAX],
    uint8_t cert_memory[PAWL_CERT_PEM_MAX], struct pawl_bytes *ret_csr, struct pawl_bytes *ret_cert)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509_REQ *request = X509_REQ_new();
	X509 *cert = X509_new();
	STACK_OF(X509_EXTENSION) *wishes = sk_X509_EXTENSION_new_null();
	BIO *bio[2] = { BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()) };

	put_name(X509_REQ_get_subject_name(request), parts);
	put_name(X509_get_subject_name(cert), parts);
	sk_X509_EXTENSION_push(
	    wishes, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE"));
	assert_int_equal(X509_REQ_add_extensions(request, wishes), 1);
	assert_int_equal(X509_REQ_set_pubkey(request, pkey), 1);
	assert_true(X509_REQ_sign(request, pkey, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(bio[0], request), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	assert_int_equal(X509_set_pubkey(cert, pkey), 1);
	assert_true(X509_sign(cert, pkey, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio[1], cert), 1);
	*ret_csr = PAWL_BYTES(csr_memory, (size_t)BIO_read(bio[0], csr_memory, PAWL_CERT_PEM_MAX));
	*ret_cert =
	    PAWL_BYTES(cert_memory, (size_t)BIO_read(bio[1], cert_memory, PAWL_CERT_PEM_MAX));
	sk_X509_EXTENSION_pop_free(wishes, X509_EXTENSION_free);
	BIO_free(bio[0]);
	BIO_free(bio[1]);
	X509_free(cert);
	X509_REQ_free(request);
	EVP_PKEY_free(pkey);
}

#define CN NID_commonName
#define OU NID_organizationalUnitName

static void ambiguous_names_are_refused(void **state)
{
	static const struct {
		struct part parts[4];
		pawl_err csr;
		pawl_err cert;
		pawl_cert_role role;
	} cases[] = {
		{ { { CN, "dev1", -1, 0 } }, PAWL_ERR_OK, PAWL_ERR_OK, PAWL_CERT_UNKNOWN },
		{ { { OU, "operator", -1, 0 }, { CN, "dev1", -1, 0 } }, PAWL_ERR_OK, PAWL_ERR_OK,
		    PAWL_CERT_OPERATOR },
		{ { { OU, "Operator", -1, 0 }, { CN, "dev1", -1, 0 } }, PAWL_ERR_OK, PAWL_ERR_OK,
		    PAWL_CERT_UNKNOWN },
		{ { { OU, "device", -1, 0 }, { OU, "operator", -1, 0 }, { CN, "dev1", -1, 0 } },
		    PAWL_ERR_OK, PAWL_ERR_SYNTAX, PAWL_CERT_UNKNOWN },
		{ { { OU, "device", -1, 0 }, { OU, "operator", -1, -1 }, { CN, "dev1", -1, 0 } },
		    PAWL_ERR_OK, PAWL_ERR_SYNTAX, PAWL_CERT_UNKNOWN },
		{ { { OU, "operator\0x", 10, 0 }, { CN, "dev1", -1, 0 } }, PAWL_ERR_OK,
		    PAWL_ERR_SYNTAX, PAWL_CERT_UNKNOWN },
		{ { { CN, "dev1", -1, 0 }, { CN, "dev2", -1, 0 } }, PAWL_ERR_SYNTAX,
		    PAWL_ERR_SYNTAX, PAWL_CERT_UNKNOWN },
		{ { { CN, "dev1", -1, 0 }, { CN, "dev2", -1, -1 } }, PAWL_ERR_SYNTAX,
		    PAWL_ERR_SYNTAX, PAWL_CERT_UNKNOWN },
		{ { { CN, "dev1\0", 5, 0 } }, PAWL_ERR_SYNTAX, PAWL_ERR_SYNTAX, PAWL_CERT_UNKNOWN },
		{ { { CN, "dev1\n", -1, 0 } }, PAWL_ERR_SYNTAX, PAWL_ERR_SYNTAX,
		    PAWL_CERT_UNKNOWN },
		{ { { OU, "device", -1, 0 } }, PAWL_ERR_SYNTAX, PAWL_ERR_OK, PAWL_CERT_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t csr_memory[PAWL_CERT_PEM_MAX];
		uint8_t cert_memory[PAWL_CERT_PEM_MAX];
		uint8_t out_memory[PAWL_CERT_PEM_MAX];
		struct pawl_buf out = pawl_buf_of(out_memory, sizeof(out_memory));
		const struct pawl_cert_options options = options_of(PAWL_CERT_DEVICE, "dev1", 30);
		struct pawl_csr_info asked;
		struct pawl_cert_info info;
		struct pawl_bytes csr;
		struct pawl_bytes cert;

		make_strange(cases[i].parts, csr_memory, cert_memory, &csr, &cert);
		assert_int_equal(pawl_csr_read(csr, &asked), cases[i].csr);
		assert_int_equal(pawl_cert_read(cert, &info), cases[i].cert);
		if (cases[i].cert == PAWL_ERR_OK)
			assert_int_equal(info.role, cases[i].role);
		assert_int_equal(pawl_cert_issue(ca_key, ca, csr, &options, &out), cases[i].csr);
		if (cases[i].csr != PAWL_ERR_OK)
			continue;
		/* Nothing of what it wished for: not OU=operator, not CA. */
		assert_int_equal(pawl_cert_read(pawl_buf_bytes(&out), &info), PAWL_ERR_OK);
		assert_int_equal(info.role, PAWL_CERT_DEVICE);
		assert_string_equal(info.common_name, "dev1");
		BIO *bio = BIO_new_mem_buf(out_memory, (int)out.size);
		X509 *issued = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		assert_int_equal(X509_check_ca(issued), 0);
		X509_free(issued);
		BIO_free(bio);
	}
	assert_int_equal(ERR_peek_error(), 0);
}

static void options_that_make_no_sense_are_refused(void **state)
{
	uint8_t request_memory[PAWL_CERT_PEM_MAX];
	uint8_t memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
	const struct pawl_bytes request = request_of(device_key, "dev1", request_memory);
	const char *const smuggled[] = { "good.example,IP:10.0.0.1" };
	struct pawl_cert_options options = options_of(PAWL_CERT_SERVER, "server", 30);

	(void)state;
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_REFUSED);
	options.names = smuggled;
	options.name_count = 1;
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_SYNTAX);
	options = options_of(PAWL_CERT_DEVICE, "", 30);
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_SYNTAX);
	options = options_of(PAWL_CERT_DEVICE,
	    "0123456789012345678901234567890123456789012345678901234567890123456", 30);
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_SYNTAX);
	options = options_of(PAWL_CERT_DEVICE, "two\nlines", 30);
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_SYNTAX);
	options = options_of(PAWL_CERT_DEVICE, "dev1", 0);
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_RANGE);
	options = options_of(PAWL_CERT_CA, "sub CA", 30);
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_REFUSED);
	options = options_of(PAWL_CERT_DEVICE, "dev1", 30);
	assert_int_equal(pawl_cert_make_ca(ca_key, &options, &buf), PAWL_ERR_REFUSED);
	assert_int_equal(buf.size, 0);
	assert_int_equal(pawl_csr_make(device_key, "", &buf), PAWL_ERR_SYNTAX);
}

static void no_certificate_outlives_its_ca(void **state)
{
	uint8_t request_memory[PAWL_CERT_PEM_MAX];
	uint8_t memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
	const struct pawl_bytes request = request_of(device_key, "dev1", request_memory);
	const struct pawl_cert_options options = options_of(PAWL_CERT_DEVICE, "dev1", 9999);
	struct pawl_cert_info info;

	(void)state;
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_OK);
	assert_int_equal(pawl_cert_read(pawl_buf_bytes(&buf), &info), PAWL_ERR_OK);
	assert_true(info.not_after.ms == day(3650).ms);
}

/* Another implementation of RFC 5280 path validation agrees, strictly. */
static void openssl_verify_agrees(void **state)
{
	char folder[] = "/tmp/pawl_x509_XXXXXX";
	uint8_t request_memory[PAWL_CERT_PEM_MAX];
	uint8_t memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
	const struct pawl_bytes request = request_of(device_key, "localhost", request_memory);
	const char *const names[] = { "localhost", "127.0.0.1", "::1" };
	struct pawl_cert_options options = options_of(PAWL_CERT_SERVER, "localhost", 90);
	static const struct {
		const char *arguments[4];
		bool passes;
	} cases[] = {
		{ { "sslserver", "-verify_hostname", "localhost" }, true },
		{ { "sslserver", "-verify_hostname", "example.com" }, false },
		{ { "sslserver", "-verify_ip", "127.0.0.1" }, true },
		{ { "sslserver", "-verify_ip", "::1" }, true },
		{ { "sslserver", "-verify_ip", "127.0.0.2" }, false },
		{ { "sslclient", "-verify_hostname", "localhost" }, false },
	};

	(void)state;
	assert_non_null(mkdtemp(folder));
	options.names = names;
	options.name_count = 3;
	assert_int_equal(pawl_cert_issue(ca_key, ca, request, &options, &buf), PAWL_ERR_OK);
	const char *ca_path = tool_file(folder, "ca.pem", ca);
	const char *server = tool_file(folder, "server.pem", pawl_buf_bytes(&buf));
	const char *request_path = tool_file(folder, "request.pem", request);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(openssl_agrees((const char *const[]){ "verify", "-x509_strict",
				"-attime", "1767312000", "-CAfile", ca_path, "-purpose",
				cases[i].arguments[0], cases[i].arguments[1], cases[i].arguments[2],
				server, NULL }) == cases[i].passes);
	assert_true(openssl_agrees(
	    (const char *const[]){ "req", "-verify", "-noout", "-in", request_path, NULL }));
	assert_int_equal(unlink(ca_path) | unlink(server) | unlink(request_path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ca_is_what_it_says),
		cmocka_unit_test(requests_become_certificates),
		cmocka_unit_test(a_foreign_ca_is_refused),
		cmocka_unit_test(a_changed_request_is_refused),
		cmocka_unit_test(ambiguous_names_are_refused),
		cmocka_unit_test(options_that_make_no_sense_are_refused),
		cmocka_unit_test(no_certificate_outlives_its_ca),
		cmocka_unit_test(openssl_verify_agrees),
	};

	return cmocka_run_group_tests_name("x509", tests, make_ca, free_ca);
}
