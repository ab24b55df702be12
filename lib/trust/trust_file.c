/* SPDX-License-Identifier: MIT
 *
 * One metadata file: the envelope, what all roles share, and who signed it.
 * A file lives in the arena as its bytes followed by its tokens.
 */
#include "trust_internal.h"

#include "pawl/date.h"

#include <string.h>

pawl_trust_verdict pawl_trust_say(
    struct pawl_note *note, pawl_trust_verdict verdict, const char *label, const char *what)
{
	pawl_note_add(note, label);
	pawl_note_add(note, ": ");
	pawl_note_add(note, what);
	return verdict;
}

/* --- parsing --- */

/* spec: tuf 4.3, "1.0", "1.0.31": the same major version. */
static bool is_known_spec_version(const char *text)
{
	if (strncmp(text, "1.", 2) != 0)
		return false;
	for (const char *at = text + 2; *at != '\0'; at++)
		if ((*at < '0' || *at > '9') && *at != '.')
			return false;
	return text[2] != '\0';
}

/* One list entry {"keyid":...,"sig":...}. A key that signs twice voids the
 * whole file: otherwise two readers could count differently. */
static pawl_trust_verdict check_signature_list(
    const struct pawl_json *json, uint32_t list, const char *label, struct pawl_note *note)
{
	uint32_t seen[PAWL_TRUST_SIGNATURES_MAX];
	size_t count = 0;

	if (!pawl_json_is(json, list, PAWL_JSON_ARRAY))
		return pawl_trust_say(
		    note, PAWL_TRUST_MALFORMED, label, "has no list of signatures");
	if (pawl_json_count(json, list) > PAWL_TRUST_SIGNATURES_MAX)
		return pawl_trust_say(note, PAWL_TRUST_TOO_LARGE, label, "has too many signatures");

	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it)) {
		struct pawl_bytes keyid;
		struct pawl_bytes other;
		const uint32_t id = pawl_json_get(json, it, "keyid");

		if (pawl_json_plain(json, id, &keyid) != PAWL_ERR_OK ||
		    keyid.size >= PAWL_TRUST_KEYID_SIZE ||
		    !pawl_json_is(json, pawl_json_get(json, it, "sig"), PAWL_JSON_STRING))
			return pawl_trust_say(note, PAWL_TRUST_MALFORMED, label,
			    "has a signature without keyid or sig");
		for (size_t i = 0; i < count; i++)
			if (pawl_json_plain(json, seen[i], &other) == PAWL_ERR_OK &&
			    pawl_bytes_equal(keyid, other))
				return pawl_trust_say(note, PAWL_TRUST_MALFORMED, label,
				    "is signed twice by one key");
		seen[count++] = id;
	}
	return PAWL_TRUST_OK;
}

static pawl_trust_verdict check_common(
    struct pawl_trust_file *file, const char *type, const char *label, struct pawl_note *note)
{
	const struct pawl_json *json = &file->json;
	struct pawl_bytes expires;
	char spec_version[32];

	file->signed_part = pawl_json_get(json, 0, "signed");
	if (!pawl_json_is(json, file->signed_part, PAWL_JSON_OBJECT))
		return pawl_trust_say(note, PAWL_TRUST_MALFORMED, label, "has no signed part");
	if (!pawl_json_string_is(json, pawl_json_get(json, file->signed_part, "_type"), type))
		return pawl_trust_say(note, PAWL_TRUST_MALFORMED, label, "has another _type");
	if (pawl_json_text(json, pawl_json_get(json, file->signed_part, "spec_version"),
		sizeof(spec_version), spec_version) != PAWL_ERR_OK ||
	    !is_known_spec_version(spec_version))
		return pawl_trust_say(note, PAWL_TRUST_MALFORMED, label, "spec_version is not 1.x");
	/* The successor's number must be expressible as well. */
	if (pawl_json_int(json, pawl_json_get(json, file->signed_part, "version"), 1, INT64_MAX - 1,
		&file->version) != PAWL_ERR_OK)
		return pawl_trust_say(
		    note, PAWL_TRUST_MALFORMED, label, "version is not a positive number");
	if (pawl_json_plain(json, pawl_json_get(json, file->signed_part, "expires"), &expires) !=
		PAWL_ERR_OK ||
	    pawl_date_parse(expires, &file->expires) != PAWL_ERR_OK)
		return pawl_trust_say(
		    note, PAWL_TRUST_MALFORMED, label, "expires is not a UTC date and time");
	return check_signature_list(json, pawl_json_get(json, 0, "signatures"), label, note);
}

pawl_trust_verdict pawl_trust_file_parse(struct pawl_arena *arena, struct pawl_bytes bytes,
    const char *type, const char *label, struct pawl_trust_file *ret_file, struct pawl_note *note)
{
	struct pawl_trust_file file = { .mark = arena->used };
	struct pawl_note detail = { .text = "" };
	pawl_trust_verdict verdict;

	if (bytes.size == 0)
		return pawl_trust_say(note, PAWL_TRUST_MALFORMED, label, "is empty");

	file.bytes = pawl_arena_copy(arena, bytes);
	if (file.bytes.at == NULL)
		return pawl_trust_say(
		    note, PAWL_TRUST_TOO_LARGE, label, "needs more memory than there is");

	const pawl_err err = pawl_json_parse_in(arena, file.bytes, &file.json, &detail);
	if (err == PAWL_ERR_NO_MEMORY)
		verdict = pawl_trust_say(
		    note, PAWL_TRUST_TOO_LARGE, label, "needs more memory than there is");
	else if (err != PAWL_ERR_OK)
		verdict = pawl_trust_say(note, PAWL_TRUST_MALFORMED, label, detail.text);
	else
		verdict = check_common(&file, type, label, note);

	if (verdict != PAWL_TRUST_OK) {
		arena->used = file.mark;
		return verdict;
	}
	*ret_file = file;
	return PAWL_TRUST_OK;
}

void pawl_trust_file_replace(
    struct pawl_arena *arena, const struct pawl_trust_file *old, struct pawl_trust_file *file)
{
	/* Both start at an aligned address, so all that follows stays aligned. */
	const size_t from = (size_t)(file->bytes.at - arena->at);
	const size_t to = (size_t)(old->bytes.at - arena->at);
	const size_t distance = from - to;

	PAWL_ASSERT(from >= to && from <= arena->used);
	memmove(arena->at + to, arena->at + from, arena->used - from);
	const size_t tokens = (size_t)((const uint8_t *)file->json.tokens - arena->at) - distance;

	file->bytes.at -= distance;
	file->json.text.at -= distance;
	file->json.tokens = (const struct pawl_json_token *)(const void *)(arena->at + tokens);
	file->mark = old->mark;
	arena->used -= distance;
}

/* --- keys --- */

bool pawl_trust_key_scheme(const struct pawl_json *json, uint32_t key, pawl_sig_scheme *ret_scheme)
{
	/* spec: tuf 4.2.1; the second ecdsa name is what older repositories use. */
	static const struct {
		const char *keytype;
		const char *scheme;
		pawl_sig_scheme value;
	} known[] = {
		{ "ed25519", "ed25519", PAWL_SIG_ED25519 },
		{ "ecdsa", "ecdsa-sha2-nistp256", PAWL_SIG_ECDSA_P256_SHA256 },
		{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", PAWL_SIG_ECDSA_P256_SHA256 },
		{ "rsa", "rsassa-pss-sha256", PAWL_SIG_RSA_PSS_SHA256 },
	};
	const uint32_t keytype = pawl_json_get(json, key, "keytype");
	const uint32_t scheme = pawl_json_get(json, key, "scheme");

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (pawl_json_string_is(json, keytype, known[i].keytype) &&
		    pawl_json_string_is(json, scheme, known[i].scheme)) {
			*ret_scheme = known[i].value;
			return true;
		}
	}
	return false;
}

static bool digest_is(struct pawl_bytes bytes, const char *hex)
{
	uint8_t digest[PAWL_SHA256_SIZE];
	char text[PAWL_SHA256_HEX];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));

	pawl_sha256(bytes, digest);
	pawl_put_hex(&buf, PAWL_BYTES(digest, sizeof(digest)));
	return pawl_bytes_is(pawl_buf_bytes(&buf), hex);
}

/* spec: tuf 4.2.1, "clients MUST calculate each KEYID". Over the whole object,
 * as the specification says; or over the three members it defines, as
 * securesystemslib does before a repository tool adds members of its own. */
static bool keyid_is_true(
    struct pawl_arena *arena, const struct pawl_json *json, uint32_t key, const char *keyid)
{
	const size_t mark = arena->used;
	const size_t capacity = pawl_json_raw(json, key).size + 64;
	struct pawl_buf buf = pawl_buf_of(pawl_arena_take(arena, capacity, 1), capacity);
	bool is_true = false;

	if (buf.at != NULL && pawl_json_canonical(json, key, &buf) == PAWL_ERR_OK) {
		is_true = digest_is(pawl_buf_bytes(&buf), keyid);
		if (!is_true) {
			buf = pawl_buf_of(buf.at, capacity);
			pawl_put_text(&buf, "{\"keytype\":");
			const pawl_err a =
			    pawl_json_canonical(json, pawl_json_get(json, key, "keytype"), &buf);
			pawl_put_text(&buf, ",\"keyval\":");
			const pawl_err b =
			    pawl_json_canonical(json, pawl_json_get(json, key, "keyval"), &buf);
			pawl_put_text(&buf, ",\"scheme\":");
			const pawl_err c =
			    pawl_json_canonical(json, pawl_json_get(json, key, "scheme"), &buf);
			pawl_put_text(&buf, "}");
			is_true = a == PAWL_ERR_OK && b == PAWL_ERR_OK && c == PAWL_ERR_OK &&
				  pawl_buf_check(&buf) == PAWL_ERR_OK &&
				  digest_is(pawl_buf_bytes(&buf), keyid);
		}
	}
	arena->used = mark;
	return is_true;
}

bool pawl_trust_key_read(struct pawl_arena *arena, const struct pawl_json *json, uint32_t key,
    const char *keyid, pawl_sig_scheme *ret_scheme, struct pawl_buf *ret_public)
{
	pawl_sig_scheme scheme;

	/* Its id may be asked for once for each entry of a role's list. */
	if (pawl_json_raw(json, key).size > PAWL_TRUST_KEY_SIZE_MAX ||
	    !pawl_trust_key_scheme(json, key, &scheme) || !keyid_is_true(arena, json, key, keyid))
		return false;

	const uint32_t text = pawl_json_path(json, key, "keyval.public");
	if (scheme == PAWL_SIG_ED25519) {
		struct pawl_bytes hex;
		uint8_t raw[32];
		if (pawl_json_plain(json, text, &hex) != PAWL_ERR_OK ||
		    pawl_hex_decode(hex, sizeof(raw), raw) != PAWL_ERR_OK)
			return false;
		pawl_put_bytes(ret_public, PAWL_BYTES(raw, sizeof(raw)));
	} else if (pawl_json_string(json, text, ret_public) != PAWL_ERR_OK) {
		return false;
	}
	*ret_scheme = scheme;
	return pawl_buf_check(ret_public) == PAWL_ERR_OK;
}

/* --- signatures --- */

static uint32_t find_signature(const struct pawl_json *json, const char *keyid)
{
	const uint32_t list = pawl_json_get(json, 0, "signatures");

	for (uint32_t it = pawl_json_first(json, list); it != PAWL_JSON_NONE;
	     it = pawl_json_after(json, list, it))
		if (pawl_json_string_is(json, pawl_json_get(json, it, "keyid"), keyid))
			return pawl_json_get(json, it, "sig");
	return PAWL_JSON_NONE;
}

static bool verifies(const struct pawl_trust_file *file, const char *keyid, pawl_sig_scheme scheme,
    struct pawl_bytes public_key, struct pawl_bytes message)
{
	struct pawl_bytes hex;
	uint8_t signature[1024];

	if (pawl_json_plain(&file->json, find_signature(&file->json, keyid), &hex) != PAWL_ERR_OK ||
	    hex.size == 0 || hex.size % 2 != 0 || hex.size / 2 > sizeof(signature) ||
	    pawl_hex_decode(hex, hex.size / 2, signature) != PAWL_ERR_OK)
		return false;
	return pawl_sig_verify(scheme, public_key, message, PAWL_BYTES(signature, hex.size / 2)) ==
	       PAWL_ERR_OK;
}

static bool is_seen(const uint8_t (*seen)[32], int64_t count, const uint8_t digest[32])
{
	for (int64_t i = 0; i < count; i++)
		if (memcmp(seen[i], digest, 32) == 0)
			return true;
	return false;
}

static int64_t count_valid(struct pawl_arena *arena, const struct pawl_trust_file *file,
    const struct pawl_trust_signers *signers, int64_t enough, struct pawl_bytes message)
{
	const struct pawl_json *json = signers->json;
	const uint32_t keyids = pawl_json_get(json, signers->role, "keyids");
	uint8_t seen[PAWL_TRUST_KEYIDS_MAX][32];
	int64_t count = 0;
	unsigned looked_at = 0;

	for (uint32_t it = pawl_json_first(json, keyids);
	     it != PAWL_JSON_NONE && count < enough && looked_at < PAWL_TRUST_KEYIDS_MAX;
	     it = pawl_json_after(json, keyids, it), looked_at++) {
		char keyid[PAWL_TRUST_KEYID_SIZE];
		uint8_t public_memory[PAWL_TRUST_PUBLIC_SIZE];
		struct pawl_buf public_key = pawl_buf_of(public_memory, sizeof(public_memory));
		pawl_sig_scheme scheme;

		if (pawl_json_text(json, it, sizeof(keyid), keyid) != PAWL_ERR_OK ||
		    find_signature(&file->json, keyid) == PAWL_JSON_NONE ||
		    !pawl_trust_key_read(arena, json, pawl_json_get(json, signers->keys, keyid),
			keyid, &scheme, &public_key) ||
		    pawl_sig_key_digest(scheme, pawl_buf_bytes(&public_key), seen[count]) !=
			PAWL_ERR_OK)
			continue;
		/* One key counts once, whatever its ids and encodings. */
		if (!is_seen((const uint8_t(*)[32])seen, count, seen[count]) &&
		    verifies(file, keyid, scheme, pawl_buf_bytes(&public_key), message))
			count++;
	}
	return count;
}

pawl_trust_verdict pawl_trust_file_count(struct pawl_arena *arena,
    const struct pawl_trust_file *file, const struct pawl_trust_signers *signers, int64_t enough,
    const char *label, int64_t *ret_count, struct pawl_note *note)
{
	/* The canonical form is never longer than the text. */
	const size_t mark = arena->used;
	const size_t capacity = pawl_json_raw(&file->json, file->signed_part).size;
	struct pawl_buf message = pawl_buf_of(pawl_arena_take(arena, capacity, 1), capacity);

	if (message.at == NULL) {
		arena->used = mark;
		return pawl_trust_say(
		    note, PAWL_TRUST_TOO_LARGE, label, "needs more memory than there is");
	}
	if (pawl_json_canonical(&file->json, file->signed_part, &message) != PAWL_ERR_OK) {
		arena->used = mark;
		return pawl_trust_say(
		    note, PAWL_TRUST_MALFORMED, label, "has a number that is not an integer");
	}
	*ret_count = count_valid(arena, file, signers, enough, pawl_buf_bytes(&message));
	arena->used = mark;
	return PAWL_TRUST_OK;
}

pawl_trust_verdict pawl_trust_file_verify(struct pawl_arena *arena,
    const struct pawl_trust_file *file, const struct pawl_trust_signers *signers, const char *label,
    struct pawl_note *note)
{
	int64_t threshold = 0;
	int64_t count = 0;

	/* The body of the delegating file was checked; this guards the caller. */
	if (pawl_json_int(signers->json, pawl_json_get(signers->json, signers->role, "threshold"),
		1, INT64_MAX, &threshold) != PAWL_ERR_OK)
		return pawl_trust_say(note, PAWL_TRUST_MALFORMED, label, "has no threshold");

	const pawl_trust_verdict verdict =
	    pawl_trust_file_count(arena, file, signers, threshold, label, &count, note);
	if (verdict != PAWL_TRUST_OK || count >= threshold)
		return verdict;

	pawl_note_add(note, label);
	pawl_note_add(note, " ");
	pawl_note_add_int(note, file->version);
	pawl_note_add(note, ": ");
	pawl_note_add_int(note, count);
	pawl_note_add(note, " of ");
	pawl_note_add_int(note, threshold);
	pawl_note_add(note, " signatures");
	return PAWL_TRUST_SIGNATURE;
}
