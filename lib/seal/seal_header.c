/* SPDX-License-Identifier: MIT
 *
 * The header: stanzas that wrap the file key, and the MAC that binds them.
 *
 * The parser reads like the ABNF of the specification ("Header"): anything it
 * does not spell out is malformed. The whole header is parsed before a verdict
 * about keys is given, and the MAC is checked before anything is believed.
 */
#include "seal_internal.h"

#include <string.h>

enum { MAC_MARK_SIZE = 3 };

static const char wrap_info[] = "age-encryption.org/v1/X25519";

/* spec: "Header MAC" */
static pawl_err mac_of(
    const uint8_t file_key[16], struct pawl_bytes header_to_mark, uint8_t ret_mac[32])
{
	uint8_t key[32];

	PAWL_TRY(pawl_hkdf_sha256(PAWL_BYTES(file_key, PAWL_SEAL_FILE_KEY_SIZE),
	    PAWL_BYTES(NULL, 0), PAWL_BYTES_LIT("header"), key));
	pawl_hmac_sha256(PAWL_BYTES(key, sizeof(key)), header_to_mark, ret_mac);
	pawl_bytes_wipe(key, sizeof(key));
	return PAWL_ERR_OK;
}

pawl_err pawl_seal_payload_key(
    const uint8_t file_key[16], const uint8_t nonce[16], uint8_t ret_key[32])
{
	return pawl_hkdf_sha256(PAWL_BYTES(file_key, PAWL_SEAL_FILE_KEY_SIZE),
	    PAWL_BYTES(nonce, PAWL_SEAL_NONCE_SIZE), PAWL_BYTES_LIT("payload"), ret_key);
}

struct pawl_aead pawl_seal_chunk_aead(const uint8_t key[32], uint64_t counter, bool is_last)
{
	struct pawl_aead aead = { .nonce = { 0 } };

	memcpy(aead.key, key, sizeof(aead.key));
	for (size_t i = 0; i < sizeof(counter); i++)
		aead.nonce[10 - i] = (uint8_t)(counter >> 8 * i);
	aead.nonce[11] = is_last ? 1 : 0;
	return aead;
}

/* Key and nonce that wrap the file key, from the secret of one side and the public key of
 * the other. spec: "X25519 recipient stanza" */
static pawl_err wrap_aead(const uint8_t secret[32], const uint8_t peer[32], const uint8_t share[32],
    const uint8_t recipient[32], struct pawl_aead *ret_aead)
{
	uint8_t salt[2 * PAWL_SEAL_KEY_SIZE];
	uint8_t shared[PAWL_X25519_SIZE];

	memcpy(salt, share, PAWL_SEAL_KEY_SIZE);
	memcpy(salt + PAWL_SEAL_KEY_SIZE, recipient, PAWL_SEAL_KEY_SIZE);
	memset(ret_aead->nonce, 0, sizeof(ret_aead->nonce));
	PAWL_TRY(pawl_x25519_shared(secret, peer, shared));
	const pawl_err err = pawl_hkdf_sha256(PAWL_BYTES(shared, sizeof(shared)),
	    PAWL_BYTES(salt, sizeof(salt)), pawl_bytes_of(wrap_info), ret_aead->key);
	pawl_bytes_wipe(shared, sizeof(shared));
	return err;
}

pawl_err pawl_seal_recipient_of(const uint8_t identity[32], uint8_t ret_recipient[32])
{
	return pawl_x25519_public(identity, ret_recipient);
}

/* --- writing --- */

static pawl_err put_stanza(
    struct pawl_buf *out, const uint8_t file_key[16], const struct pawl_seal_recipient *recipient)
{
	uint8_t share[PAWL_SEAL_KEY_SIZE];
	uint8_t body[PAWL_SEAL_FILE_KEY_SIZE + PAWL_SEAL_TAG_SIZE];
	struct pawl_aead aead;

	PAWL_TRY(pawl_x25519_public(recipient->ephemeral, share));
	PAWL_TRY(wrap_aead(
	    recipient->ephemeral, recipient->public_key, share, recipient->public_key, &aead));
	const pawl_err err =
	    pawl_aead_seal(&aead, PAWL_BYTES(file_key, PAWL_SEAL_FILE_KEY_SIZE), body);
	pawl_bytes_wipe(&aead, sizeof(aead));
	PAWL_TRY(err);
	pawl_put_text(out, "-> X25519 ");
	pawl_seal_put_raw64(out, PAWL_BYTES(share, sizeof(share)));
	pawl_put_u8(out, '\n');
	pawl_seal_put_raw64(out, PAWL_BYTES(body, sizeof(body)));
	pawl_put_u8(out, '\n');
	return PAWL_ERR_OK;
}

static pawl_err put_header(struct pawl_buf *out, const uint8_t file_key[16],
    const struct pawl_seal_recipient *recipients, size_t recipient_count)
{
	const size_t began = out->size;
	uint8_t mac[32];

	pawl_put_text(out, PAWL_SEAL_VERSION_LINE);
	for (size_t i = 0; i < recipient_count; i++)
		PAWL_TRY(put_stanza(out, file_key, &recipients[i]));
	pawl_put_text(out, "---");
	PAWL_TRY(mac_of(file_key, PAWL_BYTES(out->at + began, out->size - began), mac));
	pawl_put_u8(out, ' ');
	pawl_seal_put_raw64(out, PAWL_BYTES(mac, sizeof(mac)));
	pawl_put_u8(out, '\n');
	return pawl_buf_check(out);
}

pawl_err pawl_seal_put_header(struct pawl_buf *out, const uint8_t file_key[16],
    const struct pawl_seal_recipient *recipients, size_t recipient_count)
{
	const size_t recipients_max =
	    (PAWL_SEAL_HEADER_MAX - PAWL_SEAL_HEADER_FRAME) / PAWL_SEAL_STANZA_SIZE;
	const size_t began = out->size;

	PAWL_ASSERT(recipient_count > 0);
	if (out->overflow || recipient_count > recipients_max ||
	    out->capacity - began <
		PAWL_SEAL_HEADER_FRAME + recipient_count * PAWL_SEAL_STANZA_SIZE)
		return PAWL_ERR_LIMIT;
	const pawl_err err = put_header(out, file_key, recipients, recipient_count);
	if (err != PAWL_ERR_OK)
		out->size = began;
	return err;
}

/* --- reading --- */

struct stanza {
	struct pawl_bytes kind;   /* first argument                                   */
	struct pawl_bytes second; /* second argument, empty when there is none        */
	size_t argument_count;
	uint8_t body[PAWL_SEAL_FILE_KEY_SIZE + PAWL_SEAL_TAG_SIZE]; /* its first bytes */
	size_t body_size;
};

/* What the stanzas said so far. */
struct opened {
	const uint8_t (*identities)[32];
	size_t identity_count;
	size_t stanza_count;
	bool has_scrypt;
	bool has_file_key;
	uint8_t file_key[PAWL_SEAL_FILE_KEY_SIZE];
};

pawl_seal_verdict pawl_seal_check_version(struct pawl_bytes start)
{
	static const char whole[] = PAWL_SEAL_VERSION_LINE;
	const size_t whole_size = sizeof(whole) - 1;
	const size_t common = start.size < whole_size ? start.size : whole_size;

	if (common == 0 || memcmp(start.at, whole, common) == 0)
		return common == whole_size ? PAWL_SEAL_OK : PAWL_SEAL_TRUNCATED;
	return pawl_bytes_starts_with(start, PAWL_SEAL_VERSION_PREFIX) ? PAWL_SEAL_VERSION
								       : PAWL_SEAL_MALFORMED;
}

/* A line without its line feed. */
static pawl_err read_line(struct pawl_cursor *cursor, struct pawl_bytes *ret_line)
{
	const size_t left = pawl_cursor_left(cursor);
	const uint8_t *end = left == 0 ? NULL : memchr(cursor->at, '\n', left);

	if (end == NULL)
		return PAWL_ERR_TRUNCATED;
	PAWL_TRY(pawl_read_bytes(cursor, (size_t)(end - cursor->at), ret_line));
	cursor->at++;
	return PAWL_ERR_OK;
}

/* arg-line = "-> " argument *(SP argument); argument = 1*VCHAR */
static pawl_err read_arguments(struct pawl_bytes line, struct stanza *stanza)
{
	if (!pawl_bytes_starts_with(line, "-> "))
		return PAWL_ERR_SYNTAX;
	/* A space at the end leaves an empty argument behind it, which is refused. */
	for (size_t at = 3, end = 0; end < line.size; at = end + 1) {
		for (end = at; end < line.size && line.at[end] != ' '; end++)
			if (line.at[end] < 0x21 || line.at[end] > 0x7e)
				return PAWL_ERR_SYNTAX;
		if (end == at)
			return PAWL_ERR_SYNTAX;
		if (stanza->argument_count == 0)
			stanza->kind = PAWL_BYTES(line.at + at, end - at);
		else if (stanza->argument_count == 1)
			stanza->second = PAWL_BYTES(line.at + at, end - at);
		stanza->argument_count++;
	}
	return PAWL_ERR_OK;
}

/* *full-line final-line: 64 characters each, then fewer, maybe none. */
static pawl_err read_body(struct pawl_cursor *cursor, struct stanza *stanza)
{
	struct pawl_bytes line;

	do {
		uint8_t memory[PAWL_SEAL_LINE_MAX];
		struct pawl_buf decoded = pawl_buf_of(memory, sizeof(memory));
		PAWL_TRY(read_line(cursor, &line));
		PAWL_TRY(pawl_seal_raw64_decode(line, &decoded));
		for (size_t i = 0; i < decoded.size; i++)
			if (stanza->body_size + i < sizeof(stanza->body))
				stanza->body[stanza->body_size + i] = memory[i];
		stanza->body_size += decoded.size;
	} while (line.size == PAWL_SEAL_LINE_MAX);
	return PAWL_ERR_OK;
}

/* Tries one identity. NO_KEY: it is not for this one. */
static pawl_seal_verdict unwrap(const struct stanza *stanza, const uint8_t share[32],
    const uint8_t identity[32], uint8_t ret_file_key[16])
{
	uint8_t recipient[PAWL_SEAL_KEY_SIZE];
	struct pawl_aead aead;

	if (pawl_x25519_public(identity, recipient) != PAWL_ERR_OK)
		return PAWL_SEAL_CRYPTO;
	pawl_err err = wrap_aead(identity, share, share, recipient, &aead);
	if (err == PAWL_ERR_CRYPTO)
		return PAWL_SEAL_SHARE;
	if (err == PAWL_ERR_OK)
		err = pawl_aead_open(
		    &aead, PAWL_BYTES(stanza->body, sizeof(stanza->body)), ret_file_key);
	pawl_bytes_wipe(&aead, sizeof(aead));
	if (err == PAWL_ERR_DENIED)
		return PAWL_SEAL_NO_KEY;
	return err == PAWL_ERR_OK ? PAWL_SEAL_OK : PAWL_SEAL_CRYPTO;
}

static pawl_seal_verdict open_x25519(const struct stanza *stanza, struct opened *opened)
{
	uint8_t share[PAWL_SEAL_KEY_SIZE];
	struct pawl_buf out = pawl_buf_of(share, sizeof(share));

	/* The size of the body is checked before it is decrypted, against partitioning oracles. */
	if (stanza->argument_count != 2 || stanza->second.size != PAWL_SEAL_RAW64_SIZE ||
	    stanza->body_size != sizeof(stanza->body) ||
	    pawl_seal_raw64_decode(stanza->second, &out) != PAWL_ERR_OK)
		return PAWL_SEAL_MALFORMED;
	for (size_t i = 0; i < opened->identity_count && !opened->has_file_key; i++) {
		const pawl_seal_verdict verdict =
		    unwrap(stanza, share, opened->identities[i], opened->file_key);
		if (verdict != PAWL_SEAL_OK && verdict != PAWL_SEAL_NO_KEY)
			return verdict;
		opened->has_file_key = verdict == PAWL_SEAL_OK;
	}
	return PAWL_SEAL_OK;
}

static pawl_seal_verdict read_stanza(
    struct pawl_bytes line, struct pawl_cursor *cursor, struct opened *opened)
{
	struct stanza stanza = { .body_size = 0 };

	if (read_arguments(line, &stanza) != PAWL_ERR_OK ||
	    read_body(cursor, &stanza) != PAWL_ERR_OK)
		return PAWL_SEAL_MALFORMED;
	opened->stanza_count++;
	/* spec: "The scrypt recipient type": it stands alone, or who knows the passphrase could
	 * have written the file. */
	opened->has_scrypt = opened->has_scrypt || pawl_bytes_is(stanza.kind, "scrypt");
	if (opened->has_scrypt && opened->stanza_count > 1)
		return PAWL_SEAL_MALFORMED;
	return pawl_bytes_is(stanza.kind, "X25519") ? open_x25519(&stanza, opened) : PAWL_SEAL_OK;
}

/* `cursor` behind `line`, which is the last one. */
static pawl_seal_verdict check_mac(struct pawl_bytes header, struct pawl_bytes line,
    const struct pawl_cursor *cursor, const struct opened *opened)
{
	uint8_t stated[32];
	uint8_t mac[32];
	struct pawl_buf out = pawl_buf_of(stated, sizeof(stated));
	const size_t size_to_mark = (size_t)(line.at - header.at) + MAC_MARK_SIZE;

	if (!pawl_bytes_starts_with(line, "--- ") || opened->stanza_count == 0 ||
	    line.size != MAC_MARK_SIZE + 1 + PAWL_SEAL_RAW64_SIZE ||
	    pawl_cursor_left(cursor) != 0 ||
	    pawl_seal_raw64_decode(
		PAWL_BYTES(line.at + MAC_MARK_SIZE + 1, PAWL_SEAL_RAW64_SIZE), &out) != PAWL_ERR_OK)
		return PAWL_SEAL_MALFORMED;
	if (!opened->has_file_key)
		return PAWL_SEAL_NO_KEY;
	if (mac_of(opened->file_key, PAWL_BYTES(header.at, size_to_mark), mac) != PAWL_ERR_OK)
		return PAWL_SEAL_CRYPTO;
	return pawl_bytes_equal_secret(mac, stated, sizeof(mac)) ? PAWL_SEAL_OK
								 : PAWL_SEAL_HEADER_MAC;
}

static pawl_seal_verdict read_header(struct pawl_bytes header, struct opened *opened)
{
	struct pawl_cursor cursor = pawl_cursor_of(header);
	struct pawl_bytes line;

	const pawl_seal_verdict version = pawl_seal_check_version(header);
	if (version != PAWL_SEAL_OK)
		return version;
	if (read_line(&cursor, &line) != PAWL_ERR_OK)
		return PAWL_SEAL_MALFORMED;
	while (read_line(&cursor, &line) == PAWL_ERR_OK) {
		if (pawl_bytes_starts_with(line, "---"))
			return check_mac(header, line, &cursor, opened);
		const pawl_seal_verdict verdict = read_stanza(line, &cursor, opened);
		if (verdict != PAWL_SEAL_OK)
			return verdict;
	}
	return PAWL_SEAL_MALFORMED;
}

pawl_seal_verdict pawl_seal_header_open(struct pawl_bytes header, const uint8_t (*identities)[32],
    size_t identity_count, uint8_t ret_file_key[16])
{
	struct opened opened = { .identities = identities, .identity_count = identity_count };
	const pawl_seal_verdict verdict = read_header(header, &opened);

	if (verdict == PAWL_SEAL_OK)
		memcpy(ret_file_key, opened.file_key, PAWL_SEAL_FILE_KEY_SIZE);
	pawl_bytes_wipe(&opened, sizeof(opened));
	return verdict;
}
