/* SPDX-License-Identifier: MIT
 *
 * server_init.c - `pawl-server init`: keys, certificate request, settings and
 * an empty database in a folder of its own. Nothing that exists is replaced. */
#include "app_run.h"

#include "pawl/env.h"
#include "pawl/keys.h"
#include "pawl/text.h"
#include "pawl/trust_repo.h"
#include "pawl/x509.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIN_TEXT = PAWL_BASE64_SIZE(32) + 1 };

struct init {
	const char *data;
	char pins[2][PIN_TEXT];
	struct pawl_note note;
};

static pawl_err write_new(
    struct init *init, const char *name, unsigned mode, struct pawl_bytes content)
{
	char path[APP_PATH_MAX];

	PAWL_TRY(pawl_env_join(init->data, name, sizeof(path), path));
	return pawl_env_write_new_file(path, mode, content, &init->note);
}

static pawl_err save_key(struct init *init, const char *name, const struct pawl_key *key)
{
	uint8_t memory[PAWL_KEY_PEM_MAX];
	struct pawl_buf pem = pawl_buf_of(memory, sizeof(memory));
	pawl_err err = pawl_key_save(key, PAWL_BYTES(NULL, 0), &pem);

	if (err == PAWL_ERR_OK)
		err = write_new(init, name, 0600, pawl_buf_bytes(&pem));
	pawl_bytes_wipe(memory, sizeof(memory));
	return err;
}

static pawl_err write_csr(struct init *init, const struct pawl_key *key)
{
	uint8_t memory[PAWL_CERT_PEM_MAX];
	struct pawl_buf pem = pawl_buf_of(memory, sizeof(memory));

	PAWL_TRY(pawl_csr_make(key, "pawl-server", &pem));
	return write_new(init, "tls.csr", 0644, pawl_buf_bytes(&pem));
}

static pawl_err pin_text(const struct pawl_key *key, char ret_text[PIN_TEXT])
{
	uint8_t pin[32];
	struct pawl_buf buf = pawl_buf_of(ret_text, PIN_TEXT - 1);

	PAWL_TRY(pawl_key_pin(key, pin));
	pawl_put_base64(&buf, PAWL_BYTES(pin, sizeof(pin)));
	ret_text[buf.size] = '\0';
	return PAWL_ERR_OK;
}

/* The key in use, or the one that devices are told to accept after it. */
static pawl_err make_tls_key(struct init *init, int index)
{
	struct pawl_key *key = NULL;
	pawl_err err = pawl_key_create(PAWL_SIG_ECDSA_P256_SHA256, &key);

	if (err == PAWL_ERR_OK)
		err = save_key(init, index == 0 ? "tls.key" : "tls-next.key", key);
	if (err == PAWL_ERR_OK)
		err = pin_text(key, init->pins[index]);
	if (err == PAWL_ERR_OK && index == 0)
		err = write_csr(init, key);
	pawl_key_destroy(key);
	return err;
}

static pawl_err write_public(struct init *init, const struct pawl_key *key)
{
	uint8_t memory[PAWL_KEY_PEM_MAX];
	uint8_t arena_memory[16 * 1024];
	struct pawl_buf text = pawl_buf_of(memory, sizeof(memory));
	struct pawl_arena arena = pawl_arena_of(arena_memory, sizeof(arena_memory));
	struct pawl_repo_key public_key;

	PAWL_TRY(pawl_key_public(key, &text));
	PAWL_TRY(
	    pawl_repo_key_make(pawl_key_scheme(key), pawl_buf_bytes(&text), &arena, &public_key));
	return write_new(init, "timestamp.pub.json", 0644, public_key.json);
}

static pawl_err make_timestamp_key(struct init *init)
{
	struct pawl_key *key = NULL;
	pawl_err err = pawl_key_create(PAWL_SIG_ED25519, &key);

	if (err == PAWL_ERR_OK)
		err = save_key(init, "timestamp.key", key);
	if (err == PAWL_ERR_OK)
		err = write_public(init, key);
	pawl_key_destroy(key);
	return err;
}

static pawl_err write_settings(struct init *init)
{
	struct server_settings settings;
	struct pawl_conf conf;
	size_t count = 0;
	const struct pawl_conf_option *options = server_options(&count);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	pawl_err err = PAWL_ERR_NO_MEMORY;

	if (out == NULL)
		return err;
	pawl_conf_init(&conf, options, count, &settings);
	fputs("# Settings of pawl-server; see pawl-server(8).\n", out);
	pawl_conf_print(&conf, out);
	if (fclose(out) == 0)
		err = write_new(init, "server.conf", 0600, PAWL_BYTES(text, size));
	free(text);
	return err;
}

static pawl_err make_database(struct init *init)
{
	char path[APP_PATH_MAX];
	const struct pawl_store_options options = { .path = path };
	struct pawl_store *store = NULL;

	PAWL_TRY(pawl_env_join(init->data, "pawl.db", sizeof(path), path));
	PAWL_TRY(pawl_store_open(&options, &store, &init->note));
	return pawl_store_close(store);
}

static pawl_err make_all(struct init *init)
{
	char path[APP_PATH_MAX];

	PAWL_TRY(pawl_env_make_folder(init->data, 0700, &init->note));
	PAWL_TRY(pawl_env_check_private(init->data, &init->note));
	PAWL_TRY(pawl_env_join(init->data, "repository", sizeof(path), path));
	PAWL_TRY(make_tls_key(init, 0));
	PAWL_TRY(make_tls_key(init, 1));
	PAWL_TRY(make_timestamp_key(init));
	PAWL_TRY(pawl_env_make_folder(path, 0700, &init->note));
	PAWL_TRY(make_database(init));
	return write_settings(init);
}

static void print_result(const struct pawl_cli_call *call, const struct init *init)
{
	uint8_t memory[1024];
	struct pawl_buf buf = pawl_buf_of(memory, sizeof(memory));
	struct pawl_json_writer json = pawl_json_writer_of(&buf);

	if (!call->json) {
		fprintf(call->out,
		    "Made %s. Pins of the server, for agent.conf:\n  %s\n  %s\n"
		    "Next, on the operator's side:\n"
		    "  pawl repo init --timestamp-key %s/timestamp.pub.json\n"
		    "  pawl server certify --csr %s/tls.csr --name HOST --out %s/tls.pem\n"
		    "and copy ca/ca.pem and metadata/1.root.json (as root.json) into %s.\n",
		    init->data, init->pins[0], init->pins[1], init->data, init->data, init->data,
		    init->data);
		return;
	}
	pawl_json_begin_object(&json);
	pawl_json_key(&json, "pins");
	pawl_json_begin_array(&json);
	pawl_json_put_text(&json, init->pins[0]);
	pawl_json_put_text(&json, init->pins[1]);
	pawl_json_end_array(&json);
	pawl_json_end_object(&json);
	fprintf(call->out, "%.*s\n", (int)buf.size, (const char *)buf.at);
}

int server_init(struct pawl_cli_call *call)
{
	struct init init = { .data = pawl_cli_value(call, "data") };
	const pawl_err err = make_all(&init);

	if (err != PAWL_ERR_OK)
		return pawl_cli_fail(call, err, init.data, &init.note);
	print_result(call, &init);
	return PAWL_CLI_OK;
}
