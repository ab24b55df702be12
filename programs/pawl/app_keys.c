/* SPDX-License-Identifier: MIT
 *
 * Key files: REPO/keys/<name>.pem (0600, in a folder of 0700) and the public
 * half as a TUF key object, REPO/pub/<name>.json. */
#include "pawl_app.h"

#include <string.h>

static const struct {
	const char *type;
	pawl_sig_scheme scheme;
} types[] = {
	{ "ed25519", PAWL_SIG_ED25519 },
	{ "p256", PAWL_SIG_ECDSA_P256_SHA256 },
	{ "rsa", PAWL_SIG_RSA_PSS_SHA256 },
};

pawl_err app_scheme_of(struct app *app, const char *type, pawl_sig_scheme *ret_scheme)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, type) == 0) {
			*ret_scheme = types[i].scheme;
			return PAWL_ERR_OK;
		}
	return app_usage(app, "\"%s\" is no key type: use ed25519, p256 or rsa", type);
}

const char *app_scheme_name(pawl_sig_scheme scheme)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].scheme == scheme)
			return types[i].type;
	return "?";
}

static const char *pem_name(struct app *app, const char *name)
{
	return app_text(app, "keys/%s.pem", name);
}

static const char *public_name(struct app *app, const char *name)
{
	return app_text(app, "pub/%s.json", name);
}

bool app_key_is_here(struct app *app, const char *name)
{
	return pawl_env_exists(app_path(app, "%s", pem_name(app, name)));
}

static bool has_public(struct app *app, const char *name)
{
	return pawl_env_exists(app_path(app, "%s", public_name(app, name)));
}

pawl_err app_key_store(struct app *app, const char *name, const struct pawl_key *key,
    const char *passphrase, bool replace)
{
	struct pawl_buf pem = app_buffer(app, PAWL_KEY_PEM_MAX);
	struct pawl_buf public_text = app_buffer(app, PAWL_KEY_PEM_MAX);
	struct pawl_buf object = app_buffer(app, 2 * PAWL_KEY_PEM_MAX);
	struct pawl_repo_key public_key;

	if (!replace && app_key_is_here(app, name))
		return app_fail(app, PAWL_ERR_EXISTS,
		    "%s/keys/%s.pem exists and is kept; choose another name", app->repo, name);
	/* Its private half is offline: a new key would take over the name that
	 * signed metadata and pawl.json know it by. */
	if (!replace && has_public(app, name))
		return app_fail(app, PAWL_ERR_EXISTS,
		    "%s/pub/%s.json is a key whose private half is kept elsewhere; choose another "
		    "name",
		    app->repo, name);
	PAWL_TRY(
	    app_wrap(app, pawl_key_save(key, pawl_bytes_of(passphrase), &pem), "key %s", name));
	PAWL_TRY(app_wrap(app, pawl_key_public(key, &public_text), "key %s", name));
	PAWL_TRY(pawl_repo_key_make(
	    pawl_key_scheme(key), pawl_buf_bytes(&public_text), &app->arena, &public_key));
	pawl_put_bytes(&object, public_key.json);
	pawl_put_text(&object, "\n");
	PAWL_TRY(pawl_buf_check(&object));
	PAWL_TRY(app_write(app, pem_name(app, name), 0600, pawl_buf_bytes(&pem)));
	return app_write(app, public_name(app, name), 0644, pawl_buf_bytes(&object));
}

pawl_err app_key_make(
    struct app *app, const char *name, pawl_sig_scheme scheme, const char *passphrase)
{
	struct pawl_key *key = NULL;

	PAWL_TRY(app_wrap(app, pawl_key_create(scheme, &key), "key %s", name));
	const pawl_err err = app_key_store(app, name, key, passphrase, false);
	pawl_key_destroy(key);
	return err;
}

pawl_err app_key_make_or_keep(
    struct app *app, const char *name, pawl_sig_scheme scheme, const char *passphrase)
{
	struct pawl_key *key = NULL;

	if (has_public(app, name))
		return PAWL_ERR_OK;
	if (!app_key_is_here(app, name))
		return app_key_make(app, name, scheme, passphrase);
	PAWL_TRY(app_key_open(app, name, &key));
	const pawl_err err = app_key_store(app, name, key, passphrase, true);
	pawl_key_destroy(key);
	return err;
}

static pawl_err read_pem(struct app *app, const char *name, struct pawl_bytes *ret_pem)
{
	const char *path = app_path(app, "%s", pem_name(app, name));

	if (!pawl_env_exists(path))
		return app_fail(app, PAWL_ERR_NOT_FOUND,
		    "the private key \"%s\" is not here (%s); bring the file if it is kept "
		    "elsewhere",
		    name, path);
	pawl_note_clear(&app->note);
	const pawl_err err = pawl_env_check_private(path, &app->note);
	if (err != PAWL_ERR_OK) {
		pawl_note_add(&app->note, " and consider the key known");
		return err;
	}
	return app_read(app, path, PAWL_KEY_PEM_MAX, ret_pem);
}

pawl_err app_key_is_encrypted(struct app *app, const char *name, bool *ret_is)
{
	struct pawl_bytes pem;

	PAWL_TRY(app_read(app, app_path(app, "%s", pem_name(app, name)), PAWL_KEY_PEM_MAX, &pem));
	*ret_is = pawl_bytes_starts_with(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----");
	return PAWL_ERR_OK;
}

/* --- passphrases --- */

/* The first line of a file. */
static pawl_err passphrase_file(
    struct app *app, const char *path, char ret_text[APP_PASSPHRASE_MAX])
{
	struct pawl_bytes bytes;
	size_t size = 0;

	PAWL_TRY(app_read(app, path, 4096, &bytes));
	while (size < bytes.size && bytes.at[size] != '\n' && bytes.at[size] != '\r')
		size++;
	if (size == 0)
		return app_fail(
		    app, PAWL_ERR_SYNTAX, "%s holds no passphrase in its first line", path);
	return app_wrap(app,
	    pawl_bytes_to_text(PAWL_BYTES(bytes.at, size), APP_PASSPHRASE_MAX, ret_text),
	    "passphrase in %s", path);
}

static pawl_err ask(struct app *app, const char *prompt, char ret_text[APP_PASSPHRASE_MAX])
{
	const pawl_err err = pawl_cli_read_secret(prompt, APP_PASSPHRASE_MAX, ret_text);

	if (err == PAWL_ERR_UNSUPPORTED)
		return app_fail(app, PAWL_ERR_DENIED,
		    "a passphrase is needed and there is no terminal to ask on; use "
		    "--passphrase-file FILE");
	return app_wrap(app, err, "passphrase");
}

pawl_err app_new_passphrase(struct app *app, const char *option, char ret_text[APP_PASSPHRASE_MAX])
{
	const char *path = pawl_cli_value(app->call, option);
	char again[APP_PASSPHRASE_MAX] = "";

	if (path != NULL)
		return passphrase_file(app, path, ret_text);
	PAWL_TRY(ask(app, "New passphrase: ", ret_text));
	if (ret_text[0] == '\0')
		return app_fail(app, PAWL_ERR_CANCELLED, "an empty passphrase protects nothing");
	pawl_err err = ask(app, "Again: ", again);
	if (err == PAWL_ERR_OK && strcmp(ret_text, again) != 0)
		err = app_fail(
		    app, PAWL_ERR_CANCELLED, "the two passphrases differ; nothing was changed");
	pawl_bytes_wipe(again, sizeof(again));
	return err;
}

static pawl_err open_encrypted(
    struct app *app, const char *name, struct pawl_bytes pem, struct pawl_key **ret_key)
{
	const char *path = pawl_cli_value(app->call, "passphrase-file");
	char text[APP_PASSPHRASE_MAX] = "";

	/* The one of the last key: people often use one for several. */
	if (app->passphrase[0] != '\0' &&
	    pawl_key_load(pem, pawl_bytes_of(app->passphrase), ret_key) == PAWL_ERR_OK)
		return PAWL_ERR_OK;
	if (path != NULL)
		PAWL_TRY(passphrase_file(app, path, text));
	else
		PAWL_TRY(ask(app, app_text(app, "Passphrase of key %s: ", name), text));
	const pawl_err err = pawl_key_load(pem, pawl_bytes_of(text), ret_key);
	if (err == PAWL_ERR_OK)
		memcpy(app->passphrase, text, sizeof(text));
	pawl_bytes_wipe(text, sizeof(text));
	if (err == PAWL_ERR_DENIED)
		return app_fail(app, err, "the passphrase of key %s is wrong%s%s", name,
		    path == NULL ? "" : "; it came from ", path == NULL ? "" : path);
	return app_wrap(app, err, "key %s", name);
}

pawl_err app_key_open(struct app *app, const char *name, struct pawl_key **ret_key)
{
	struct pawl_bytes pem = { NULL, 0 };

	PAWL_TRY(read_pem(app, name, &pem));
	pawl_note_clear(&app->note);
	const pawl_err err = pawl_key_load(pem, PAWL_BYTES(NULL, 0), ret_key);
	if (err == PAWL_ERR_DENIED)
		return open_encrypted(app, name, pem, ret_key);
	if (err == PAWL_ERR_CRYPTO)
		return app_fail(
		    app, err, "%s/keys/%s.pem is no PKCS#8 key of a known type", app->repo, name);
	return app_wrap(app, err, "key %s", name);
}

pawl_err app_key_public(struct app *app, const char *name, struct pawl_repo_key *ret_key)
{
	const char *path = app_path(app, "%s", public_name(app, name));
	struct pawl_bytes text;

	PAWL_TRY(app_read(app, path, 2 * PAWL_KEY_PEM_MAX, &text));
	pawl_note_clear(&app->note);
	return app_wrap(
	    app, pawl_repo_key_parse(text, &app->arena, ret_key, &app->note), "%s", path);
}
