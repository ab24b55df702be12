/* SPDX-License-Identifier: MIT
 *
 * A real OpenSSL client against our engine, in memory. */
#include "cmocka_setup.h"

#include "pawl/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct identity {
	struct pawl_key *key;
	uint8_t key_memory[PAWL_KEY_PEM_MAX];
	uint8_t cert_memory[PAWL_CERT_PEM_MAX];
	struct pawl_bytes key_pem;
	struct pawl_bytes cert_pem;
};

static struct identity ca;
static struct identity foreign_ca;
static struct identity server;
static struct identity device;
static struct identity stranger; /* of the foreign CA  */
static struct identity expired;

static struct pawl_wall days_from_now(int days)
{
	return (struct pawl_wall){ (int64_t)time(NULL) * 1000 + days * PAWL_MS_PER_DAY };
}

/* A key and its certificate; `issuer` NULL makes a CA. */
static void make_identity(struct identity *who, const struct identity *issuer, pawl_cert_role role,
    const char *name, int until_days)
{
	const char *const names[] = { "localhost" };
	const struct pawl_cert_options options = { .role = role,
		.common_name = name,
		.names = names,
		.name_count = role == PAWL_CERT_SERVER,
		.not_before = days_from_now(-10),
		.not_after = days_from_now(until_days) };
	struct pawl_buf key_pem = pawl_buf_of(who->key_memory, sizeof(who->key_memory));
	struct pawl_buf cert_pem = pawl_buf_of(who->cert_memory, sizeof(who->cert_memory));
	uint8_t request_memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf request = pawl_buf_of(request_memory, sizeof(request_memory));

	PAWL_ASSERT(pawl_key_create(PAWL_SIG_ECDSA_P256_SHA256, &who->key) == PAWL_ERR_OK);
	PAWL_ASSERT(pawl_key_save(who->key, PAWL_BYTES(NULL, 0), &key_pem) == PAWL_ERR_OK);
	PAWL_ASSERT(pawl_csr_make(who->key, name, &request) == PAWL_ERR_OK);
	if (issuer == NULL)
		PAWL_ASSERT(pawl_cert_make_ca(who->key, &options, &cert_pem) == PAWL_ERR_OK);
	else
		PAWL_ASSERT(pawl_cert_issue(issuer->key, issuer->cert_pem, pawl_buf_bytes(&request),
				&options, &cert_pem) == PAWL_ERR_OK);
	who->key_pem = pawl_buf_bytes(&key_pem);
	who->cert_pem = pawl_buf_bytes(&cert_pem);
}

static int make_identities(void **state)
{
	(void)state;
	make_identity(&ca, NULL, PAWL_CERT_CA, "ca", 100);
	make_identity(&foreign_ca, NULL, PAWL_CERT_CA, "ca", 100);
	make_identity(&server, &ca, PAWL_CERT_SERVER, "localhost", 90);
	make_identity(&device, &ca, PAWL_CERT_DEVICE, "dev1", 90);
	make_identity(&stranger, &foreign_ca, PAWL_CERT_DEVICE, "dev1", 90);
	make_identity(&expired, &ca, PAWL_CERT_DEVICE, "dev1", -5);
	return 0;
}

static int free_identities(void **state)
{
	(void)state;
	pawl_key_destroy(ca.key);
	pawl_key_destroy(foreign_ca.key);
	pawl_key_destroy(server.key);
	pawl_key_destroy(device.key);
	pawl_key_destroy(stranger.key);
	pawl_key_destroy(expired.key);
	return 0;
}

static struct pawl_tls_context *context_of(pawl_tls_client_cert mode)
{
	const struct pawl_tls_options options = { .cert_pem = server.cert_pem,
		.key_pem = server.key_pem,
		.ca_pem = ca.cert_pem,
		.client_cert = mode };
	struct pawl_tls_context *context = NULL;
	struct pawl_note note = { "" };

	assert_int_equal(pawl_tls_context_create(&options, &context, &note), PAWL_ERR_OK);
	assert_string_equal(note.text, "");
	return context;
}

/* --- the client, OpenSSL itself --- */

struct client {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in;
	BIO *out;
	bool done;
	bool failed;
};

static struct client client_of(const struct identity *who, int version)
{
	struct client client = { .context = SSL_CTX_new(TLS_client_method()) };
	X509_STORE *store = SSL_CTX_get_cert_store(client.context);
	BIO *bio = BIO_new_mem_buf(ca.cert_pem.at, (int)ca.cert_pem.size);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	X509_STORE_add_cert(store, cert);
	X509_free(cert);
	BIO_free(bio);
	SSL_CTX_set_verify(client.context, SSL_VERIFY_PEER, NULL);
	assert_int_equal(SSL_CTX_set_max_proto_version(client.context, version), 1);
	if (who != NULL) {
		bio = BIO_new_mem_buf(who->cert_pem.at, (int)who->cert_pem.size);
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		assert_int_equal(SSL_CTX_use_certificate(client.context, cert), 1);
		X509_free(cert);
		BIO_free(bio);
		bio = BIO_new_mem_buf(who->key_pem.at, (int)who->key_pem.size);
		EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		assert_int_equal(SSL_CTX_use_PrivateKey(client.context, key), 1);
		EVP_PKEY_free(key);
		BIO_free(bio);
	}
	client.ssl = SSL_new(client.context);
	client.in = BIO_new(BIO_s_mem());
	client.out = BIO_new(BIO_s_mem());
	SSL_set_bio(client.ssl, client.in, client.out);
	SSL_set1_host(client.ssl, "localhost");
	SSL_set_connect_state(client.ssl);
	return client;
}

static void client_free(struct client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
	ERR_clear_error();
}

static void client_step(struct client *client)
{
	if (client->done || client->failed)
		return;
	ERR_clear_error();
	const int result = SSL_do_handshake(client->ssl);
	client->done = result == 1;
	client->failed = result != 1 && SSL_get_error(client->ssl, result) != SSL_ERROR_WANT_READ;
	ERR_clear_error();
}

/* Moves bytes both ways, at most `chunk` at a time, until nothing moves. */
static void shuttle(struct client *client, struct pawl_tls_session *session, size_t chunk)
{
	uint8_t bytes[65536];
	bool moved = true;

	assert_true(chunk <= sizeof(bytes));
	while (moved) {
		moved = false;
		client_step(client);
		const int up = BIO_read(client->out, bytes, (int)chunk);
		if (up > 0) {
			(void)pawl_tls_receive(session, PAWL_BYTES(bytes, (size_t)up));
			moved = true;
		}
		const size_t pending = pawl_tls_pending(session);
		const size_t down = pawl_tls_take(session, bytes, chunk);
		assert_true(pawl_tls_pending(session) == pending - down);
		if (down > 0) {
			assert_int_equal(BIO_write(client->in, bytes, (int)down), (int)down);
			moved = true;
		}
	}
}

/* --- tests --- */

static void a_handshake_survives_every_cut(void **state)
{
	struct pawl_tls_context *context = context_of(PAWL_TLS_CLIENT_REQUIRED);

	(void)state;
	for (size_t chunk = 1; chunk <= 2000; chunk += chunk < 40 ? 1 : 97) {
		struct client client = client_of(&device, TLS1_3_VERSION);
		struct pawl_tls_session *session = NULL;
		struct pawl_cert_info peer;

		assert_int_equal(pawl_tls_session_create(context, &session), PAWL_ERR_OK);
		assert_int_equal(pawl_tls_status_of(session), PAWL_TLS_HANDSHAKE);
		assert_int_equal(
		    pawl_tls_write(session, PAWL_BYTES_LIT("too early")), PAWL_ERR_REFUSED);
		assert_int_equal(pawl_tls_peer(session, &peer), PAWL_ERR_NOT_FOUND);
		shuttle(&client, session, chunk);
		assert_true(client.done);
		assert_int_equal(pawl_tls_status_of(session), PAWL_TLS_OPEN);
		assert_int_equal(pawl_tls_peer(session, &peer), PAWL_ERR_OK);
		assert_string_equal(peer.common_name, "dev1");
		assert_int_equal(peer.role, PAWL_CERT_DEVICE);
		assert_int_equal(SSL_version(client.ssl), TLS1_3_VERSION);
		assert_int_equal(SSL_get_negotiated_group(client.ssl), NID_X25519);
		assert_string_equal(pawl_tls_error(session), "");
		pawl_tls_session_destroy(session);
		client_free(&client);
	}
	pawl_tls_context_destroy(context);
	assert_int_equal(ERR_peek_error(), 0);
}

static void no_certificate_is_fine_where_it_is_optional(void **state)
{
	struct pawl_tls_context *context = context_of(PAWL_TLS_CLIENT_OPTIONAL);
	struct client client = client_of(NULL, TLS1_3_VERSION);
	struct pawl_tls_session *session = NULL;
	struct pawl_cert_info peer;

	(void)state;
	assert_int_equal(pawl_tls_session_create(context, &session), PAWL_ERR_OK);
	shuttle(&client, session, 65536);
	assert_int_equal(pawl_tls_status_of(session), PAWL_TLS_OPEN);
	assert_int_equal(pawl_tls_peer(session, &peer), PAWL_ERR_NOT_FOUND);
	pawl_tls_session_destroy(session);
	pawl_tls_session_destroy(NULL);
	client_free(&client);
	pawl_tls_context_destroy(context);
	pawl_tls_context_destroy(NULL);
}

/* The handshake fails, the reason is told, and the client receives an alert. */
static void expect_refusal(
    pawl_tls_client_cert mode, const struct identity *who, int version, const char *reason)
{
	struct pawl_tls_context *context = context_of(mode);
	struct client client = client_of(who, version);
	struct pawl_tls_session *session = NULL;
	uint8_t byte = 0;

	assert_int_equal(pawl_tls_session_create(context, &session), PAWL_ERR_OK);
	shuttle(&client, session, 65536);
	assert_int_equal(pawl_tls_status_of(session), PAWL_TLS_FAILED);
	if (strstr(pawl_tls_error(session), reason) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", pawl_tls_error(session), reason);
	assert_int_equal(pawl_tls_read(session, &byte, 1), 0);
	assert_int_equal(pawl_tls_write(session, PAWL_BYTES_LIT("x")), PAWL_ERR_REFUSED);
	assert_int_equal(pawl_tls_receive(session, PAWL_BYTES_LIT("more")), PAWL_TLS_FAILED);
	pawl_tls_close(session);
	assert_int_equal(pawl_tls_pending(session), 0);
	/* In TLS 1.3 the client is done before the server looks at its
	 * certificate: the alert comes with its first read. */
	ERR_clear_error();
	assert_int_not_equal(SSL_read(client.ssl, &byte, 1), 1);
	assert_true(client.failed || SSL_get_error(client.ssl, -1) == SSL_ERROR_SSL);
	client_free(&client);
	pawl_tls_session_destroy(session);
	pawl_tls_context_destroy(context);
	assert_int_equal(ERR_peek_error(), 0);
}

static void who_may_not_come_in_is_refused(void **state)
{
	const pawl_tls_client_cert required = PAWL_TLS_CLIENT_REQUIRED;
	const pawl_tls_client_cert optional = PAWL_TLS_CLIENT_OPTIONAL;

	(void)state;
	expect_refusal(required, NULL, TLS1_3_VERSION, "peer did not return a certificate");
	expect_refusal(required, &stranger, TLS1_3_VERSION, "client certificate: ");
	expect_refusal(optional, &stranger, TLS1_3_VERSION, "client certificate: ");
	expect_refusal(required, &expired, TLS1_3_VERSION, "expired");
	expect_refusal(optional, &expired, TLS1_3_VERSION, "expired");
	/* A server's certificate is none of a client. */
	expect_refusal(required, &server, TLS1_3_VERSION, "purpose");
	expect_refusal(required, &device, TLS1_2_VERSION, "protocol");
	expect_refusal(optional, NULL, TLS1_2_VERSION, "protocol");
}

static void garbage_fails_with_an_alert(void **state)
{
	struct pawl_tls_context *context = context_of(PAWL_TLS_CLIENT_REQUIRED);
	struct pawl_tls_session *session = NULL;

	(void)state;
	assert_int_equal(pawl_tls_session_create(context, &session), PAWL_ERR_OK);
	assert_int_equal(
	    pawl_tls_receive(session, PAWL_BYTES_LIT("GET / HTTP/1.1\r\n\r\n")), PAWL_TLS_FAILED);
	assert_non_null(strstr(pawl_tls_error(session), "http request"));
	pawl_tls_session_destroy(session);
	pawl_tls_context_destroy(context);
	assert_int_equal(ERR_peek_error(), 0);
}

enum { BULK = 1 << 20 };

static uint8_t *bulk_of(uint8_t seed)
{
	uint8_t *bulk = malloc(BULK);

	assert_non_null(bulk);
	for (size_t i = 0; i < BULK; i++)
		bulk[i] = (uint8_t)(i * 31 + i / 251 + seed);
	return bulk;
}

static void receive_bulk(
    struct client *client, struct pawl_tls_session *session, const uint8_t *expected)
{
	uint8_t bytes[20000];
	uint8_t plain[7000];
	size_t total = 0;

	for (int up; (up = BIO_read(client->out, bytes, sizeof(bytes))) > 0;) {
		assert_int_equal(
		    pawl_tls_receive(session, PAWL_BYTES(bytes, (size_t)up)), PAWL_TLS_OPEN);
		for (size_t size; (size = pawl_tls_read(session, plain, sizeof(plain))) > 0;) {
			assert_true(total + size <= BULK);
			assert_memory_equal(plain, expected + total, size);
			total += size;
		}
	}
	assert_int_equal(total, BULK);
}

static void send_bulk(
    struct client *client, struct pawl_tls_session *session, const uint8_t *expected)
{
	uint8_t bytes[20000];
	size_t total = 0;

	for (size_t size; (size = pawl_tls_take(session, bytes, sizeof(bytes))) > 0;)
		assert_int_equal(BIO_write(client->in, bytes, (int)size), (int)size);
	for (int size; (size = SSL_read(client->ssl, bytes, sizeof(bytes))) > 0;) {
		assert_true(total + (size_t)size <= BULK);
		assert_memory_equal(bytes, expected + total, (size_t)size);
		total += (size_t)size;
	}
	assert_int_equal(total, BULK);
}

static void a_mebibyte_each_way_and_a_clean_end(void **state)
{
	struct pawl_tls_context *context = context_of(PAWL_TLS_CLIENT_OPTIONAL);
	struct client client = client_of(&device, TLS1_3_VERSION);
	struct pawl_tls_session *session = NULL;
	uint8_t *up = bulk_of(1);
	uint8_t *down = bulk_of(2);
	uint8_t byte = 0;

	(void)state;
	assert_int_equal(pawl_tls_session_create(context, &session), PAWL_ERR_OK);
	shuttle(&client, session, 65536);
	assert_int_equal(SSL_write(client.ssl, up, BULK), BULK);
	receive_bulk(&client, session, up);
	assert_int_equal(pawl_tls_pending(session), 0);
	assert_int_equal(pawl_tls_write(session, PAWL_BYTES(down, BULK)), PAWL_ERR_OK);
	/* Bounded by what was written: 22 bytes for each record of 16 KiB. */
	assert_true(pawl_tls_pending(session) <= BULK + (BULK / 16384 + 1) * 64);
	send_bulk(&client, session, down);

	/* The client ends; we may still answer, then end too. */
	assert_int_equal(SSL_shutdown(client.ssl), 0);
	shuttle(&client, session, 65536);
	assert_int_equal(pawl_tls_read(session, &byte, 1), 0);
	assert_int_equal(pawl_tls_status_of(session), PAWL_TLS_CLOSED);
	assert_int_equal(pawl_tls_write(session, PAWL_BYTES_LIT("bye")), PAWL_ERR_OK);
	pawl_tls_close(session);
	pawl_tls_close(session);
	assert_int_equal(pawl_tls_write(session, PAWL_BYTES_LIT("late")), PAWL_ERR_REFUSED);
	shuttle(&client, session, 65536);
	char text[8] = "";
	assert_int_equal(SSL_read(client.ssl, text, sizeof(text)), 3);
	assert_string_equal(text, "bye");
	assert_int_equal(SSL_shutdown(client.ssl), 1);
	client_free(&client);
	pawl_tls_session_destroy(session);
	pawl_tls_context_destroy(context);
	free(up);
	free(down);
	assert_int_equal(ERR_peek_error(), 0);
}

/* A changed byte in a record breaks the session, whatever byte it is. */
static void a_flipped_bit_is_never_read(void **state)
{
	struct pawl_tls_context *context = context_of(PAWL_TLS_CLIENT_OPTIONAL);

	(void)state;
	for (size_t where = 5; where < 30; where += 3) {
		struct client client = client_of(NULL, TLS1_3_VERSION);
		struct pawl_tls_session *session = NULL;
		uint8_t record[64];
		uint8_t plain[64];

		assert_int_equal(pawl_tls_session_create(context, &session), PAWL_ERR_OK);
		shuttle(&client, session, 65536);
		assert_int_equal(SSL_write(client.ssl, "0123456789", 10), 10);
		const int size = BIO_read(client.out, record, sizeof(record));
		assert_int_equal(size, 5 + 10 + 1 + 16);
		record[where] ^= 1;
		(void)pawl_tls_receive(session, PAWL_BYTES(record, (size_t)size));
		assert_int_equal(pawl_tls_read(session, plain, sizeof(plain)), 0);
		assert_int_equal(pawl_tls_status_of(session), PAWL_TLS_FAILED);
		assert_true(pawl_tls_pending(session) > 0);
		pawl_tls_session_destroy(session);
		client_free(&client);
	}
	pawl_tls_context_destroy(context);
}

/* Each request for new keys is answered; whoever does not read the answers
 * must not make us queue without end. */
static void a_flood_of_key_updates_is_cut(void **state)
{
	struct pawl_tls_context *context = context_of(PAWL_TLS_CLIENT_OPTIONAL);
	struct client client = client_of(NULL, TLS1_3_VERSION);
	struct pawl_tls_session *session = NULL;
	uint8_t bytes[256];

	(void)state;
	assert_int_equal(pawl_tls_session_create(context, &session), PAWL_ERR_OK);
	shuttle(&client, session, 65536);
	for (int i = 0; i < 2000 && pawl_tls_status_of(session) == PAWL_TLS_OPEN; i++) {
		assert_int_equal(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(client.ssl), 1);
		/* OpenSSL answers at its own next write or read. */
		assert_int_equal(SSL_write(client.ssl, "x", 1), 1);
		for (int up; (up = BIO_read(client.out, bytes, sizeof(bytes))) > 0;)
			(void)pawl_tls_receive(session, PAWL_BYTES(bytes, (size_t)up));
		while (pawl_tls_read(session, bytes, sizeof(bytes)) > 0)
			;
	}
	assert_int_equal(pawl_tls_status_of(session), PAWL_TLS_FAILED);
	assert_non_null(strstr(pawl_tls_error(session), "flood"));
	assert_true(pawl_tls_pending(session) < 8192);
	pawl_tls_session_destroy(session);
	client_free(&client);
	pawl_tls_context_destroy(context);
}

static void a_context_says_what_is_wrong(void **state)
{
	const struct pawl_bytes nothing = PAWL_BYTES_LIT("nothing");
	const struct {
		struct pawl_tls_options options;
		const char *reason;
	} wrong[] = {
		{ { nothing, server.key_pem, ca.cert_pem, PAWL_TLS_CLIENT_REQUIRED },
		    "certificate" },
		{ { server.cert_pem, nothing, ca.cert_pem, PAWL_TLS_CLIENT_REQUIRED }, "key" },
		{ { server.cert_pem, device.key_pem, ca.cert_pem, PAWL_TLS_CLIENT_REQUIRED },
		    "key" },
		{ { server.cert_pem, server.key_pem, nothing, PAWL_TLS_CLIENT_REQUIRED }, "CA" },
		{ { server.cert_pem, server.key_pem, device.cert_pem, PAWL_TLS_CLIENT_REQUIRED },
		    "CA" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pawl_tls_context *context = NULL;
		struct pawl_note note = { "" };
		assert_int_equal(
		    pawl_tls_context_create(&wrong[i].options, &context, &note), PAWL_ERR_CRYPTO);
		assert_non_null(strstr(note.text, wrong[i].reason));
		assert_null(context);
	}
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_survives_every_cut),
		cmocka_unit_test(no_certificate_is_fine_where_it_is_optional),
		cmocka_unit_test(who_may_not_come_in_is_refused),
		cmocka_unit_test(garbage_fails_with_an_alert),
		cmocka_unit_test(a_mebibyte_each_way_and_a_clean_end),
		cmocka_unit_test(a_flipped_bit_is_never_read),
		cmocka_unit_test(a_flood_of_key_updates_is_cut),
		cmocka_unit_test(a_context_says_what_is_wrong),
	};

	return cmocka_run_group_tests_name("tls", tests, make_identities, free_identities);
}
