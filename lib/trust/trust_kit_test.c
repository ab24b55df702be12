/* SPDX-License-Identifier: MIT
 *
 * See trust_kit.h.
 */
#include "trust_kit.h"

#include "pawl/keys.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY = 4 * 1024 * 1024, TEXT = 1024 * 1024 };

static struct pawl_key *private_keys[KIT_KEYS];
static struct pawl_repo_key public_keys[KIT_KEYS];
static uint8_t key_memory[64 * 1024];
static _Alignas(16) uint8_t client_memory[MEMORY];
static _Alignas(16) uint8_t scratch[32 * TEXT];
static uint8_t text_memory[TEXT];
static uint8_t edited_memory[TEXT];

/* Keys are made once: RSA takes its time. */
static void make_keys(void)
{
	struct pawl_arena arena = pawl_arena_of(key_memory, sizeof(key_memory));

	for (int i = 0; i < KIT_KEYS && private_keys[i] == NULL; i++) {
		uint8_t text[4096];
		struct pawl_buf buf = pawl_buf_of(text, sizeof(text));
		const pawl_sig_scheme scheme = i == KIT_RSA     ? PAWL_SIG_RSA_PSS_SHA256
					       : i == KIT_ECDSA ? PAWL_SIG_ECDSA_P256_SHA256
								: PAWL_SIG_ED25519;
		PAWL_ASSERT(pawl_key_create(scheme, &private_keys[i]) == PAWL_ERR_OK);
		PAWL_ASSERT(pawl_key_public(private_keys[i], &buf) == PAWL_ERR_OK);
		PAWL_ASSERT(pawl_repo_key_make(scheme, pawl_buf_bytes(&buf), &arena,
				&public_keys[i]) == PAWL_ERR_OK);
	}
}

__attribute__((destructor)) static void drop_keys(void)
{
	for (int i = 0; i < KIT_KEYS; i++)
		pawl_key_destroy(private_keys[i]);
}

const struct pawl_repo_key *kit_key(int index)
{
	make_keys();
	return &public_keys[index];
}

/* --- files --- */

struct kit_file *kit_file(struct kit *kit, bool remote, const char *name)
{
	struct kit_file *files = remote ? kit->remote : kit->local;
	const size_t count = remote ? KIT_FILES : sizeof(kit->local) / sizeof(kit->local[0]);

	for (size_t i = 0; i < count; i++)
		if (files[i].at != NULL && strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

void kit_put(struct kit *kit, bool remote, const char *name, struct pawl_bytes bytes)
{
	struct kit_file *file = kit_file(kit, remote, name);
	struct kit_file *files = remote ? kit->remote : kit->local;

	for (size_t i = 0; file == NULL; i++) {
		PAWL_ASSERT(i < (remote ? KIT_FILES : sizeof(kit->local) / sizeof(kit->local[0])));
		if (files[i].at == NULL)
			file = &files[i];
	}
	uint8_t *copy = malloc(bytes.size + 1);
	PAWL_ASSERT(copy != NULL);
	if (bytes.size > 0)
		memcpy(copy, bytes.at, bytes.size);
	free(file->at);
	file->at = copy;
	file->size = bytes.size;
	PAWL_ASSERT(
	    pawl_bytes_to_text(pawl_bytes_of(name), sizeof(file->name), file->name) == PAWL_ERR_OK);
}

void kit_drop(struct kit *kit, bool remote, const char *name)
{
	struct kit_file *file = kit_file(kit, remote, name);

	if (file != NULL) {
		free(file->at);
		*file = (struct kit_file){ .at = NULL };
	}
}

/* --- publishing --- */

struct pawl_bytes kit_seal(const struct kit_role *role, struct pawl_bytes signed_text)
{
	struct pawl_arena arena = pawl_arena_of(scratch, sizeof(scratch));
	struct pawl_repo_signature signatures[KIT_ROLE_KEYS];
	uint8_t raw[KIT_ROLE_KEYS][PAWL_SIGNATURE_MAX];
	struct pawl_bytes message;
	size_t count = 0;

	PAWL_ASSERT(pawl_repo_message(signed_text, &arena, &message) == PAWL_ERR_OK);
	for (; role->signers[count] >= 0; count++) {
		const int key = role->signers[count];
		struct pawl_buf buf = pawl_buf_of(raw[count], sizeof(raw[count]));

		PAWL_ASSERT(pawl_key_sign(private_keys[key], message, &buf) == PAWL_ERR_OK);
		signatures[count].keyid = public_keys[key].id;
		signatures[count].signature = pawl_buf_bytes(&buf);
	}
	const size_t capacity = signed_text.size + 16384;
	struct pawl_buf out = pawl_buf_of(malloc(capacity), capacity);
	PAWL_ASSERT(out.at != NULL);
	PAWL_ASSERT(pawl_repo_envelope(signed_text, signatures, count, &out) == PAWL_ERR_OK);
	return pawl_buf_bytes(&out);
}

static struct pawl_bytes replace(struct pawl_bytes text, const char *from, const char *to)
{
	struct pawl_buf out = pawl_buf_of(edited_memory, sizeof(edited_memory));
	const uint8_t *at = memmem(text.at, text.size, from, strlen(from));

	PAWL_ASSERT(at != NULL); /* an edit that does nothing would prove nothing */
	const size_t before = (size_t)(at - text.at);
	pawl_put_bytes(&out, PAWL_BYTES(text.at, before));
	pawl_put_text(&out, to);
	pawl_put_bytes(&out, PAWL_BYTES(at + strlen(from), text.size - before - strlen(from)));
	PAWL_ASSERT(pawl_buf_check(&out) == PAWL_ERR_OK);
	return pawl_buf_bytes(&out);
}

static bool is_named(const char *name, const char *role)
{
	return name != NULL && strcmp(name, role) == 0;
}

static void publish(struct kit *kit, const struct kit_role *role, const char *name,
    const char *file_name, const struct pawl_repo_file *file)
{
	struct pawl_arena arena = pawl_arena_of(scratch, sizeof(scratch));
	struct pawl_buf text = pawl_buf_of(text_memory, sizeof(text_memory));

	PAWL_ASSERT(pawl_repo_write(file, &arena, &text, NULL) == PAWL_ERR_OK);
	struct pawl_bytes signed_text = pawl_buf_bytes(&text);
	if (is_named(kit->edit_role, name))
		signed_text = replace(signed_text, kit->edit_from, kit->edit_to);
	const struct pawl_bytes sealed = kit_seal(role, signed_text);
	if (is_named(kit->cut_role, name))
		kit_put(kit, true, file_name, replace(sealed, kit->cut_from, kit->cut_to));
	else
		kit_put(kit, true, file_name, sealed);
	free((void *)(uintptr_t)sealed.at);
}

static void versioned(const struct kit *kit, int64_t version, const char *name, char ret_name[300])
{
	struct pawl_buf buf = pawl_buf_of(ret_name, 299);

	if (version > 0 && !kit->flat) {
		pawl_put_int(&buf, version);
		pawl_put_text(&buf, ".");
	}
	pawl_put_text(&buf, name);
	pawl_put_text(&buf, ".json");
	ret_name[buf.size] = '\0';
}

static struct pawl_repo_role signing_of(
    const struct kit_role *role, struct pawl_repo_keyid keyids[KIT_ROLE_KEYS])
{
	struct pawl_repo_role result = { .threshold = role->threshold, .keyids = keyids };

	for (size_t i = 0; role->keys[i] >= 0; i++)
		keyids[result.keyid_count++] = public_keys[role->keys[i]].id;
	return result;
}

void kit_publish_root(struct kit *kit)
{
	const struct kit_role *roles[4] = { &kit->root, &kit->targets[0].role, &kit->snapshot,
		&kit->timestamp };
	struct pawl_repo_keyid keyids[4][KIT_ROLE_KEYS];
	struct pawl_repo_file file = {
		.kind = PAWL_REPO_ROOT, .version = kit->root.version, .expires = kit->root.expires
	};
	char name[300];

	file.as.root.keys = public_keys;
	file.as.root.key_count = KIT_KEYS;
	file.as.root.consistent_snapshot = !kit->flat;
	for (size_t i = 0; i < 4; i++)
		file.as.root.roles[i] = signing_of(roles[i], keyids[i]);

	struct pawl_buf buf = pawl_buf_of(name, sizeof(name) - 1);
	pawl_put_int(&buf, kit->root.version);
	pawl_put_text(&buf, ".root.json");
	name[buf.size] = '\0';
	publish(kit, &kit->root, "root", name, &file);
}

void kit_publish_targets(struct kit *kit, size_t index)
{
	const struct kit_targets *targets = &kit->targets[index];
	struct pawl_repo_entry entries[8];
	struct pawl_repo_role roles[KIT_TARGETS];
	struct pawl_bytes paths[KIT_TARGETS][4];
	static struct pawl_repo_keyid keyids[KIT_TARGETS][KIT_ROLE_KEYS];
	struct pawl_repo_file file = {
		.kind = PAWL_REPO_TARGETS,
		.version = targets->role.version,
		.expires = targets->role.expires,
	};
	char name[300];
	size_t count = 0;

	for (; count < 8 && targets->entries[count] != NULL; count++) {
		entries[count] = (struct pawl_repo_entry){
			.path = pawl_bytes_of(targets->entries[count]),
			.length = strlen(targets->entries[count]),
			.has_sha256 = true,
			.custom = PAWL_BYTES_LIT("{\"v\": 1}"),
		};
		pawl_sha256(entries[count].path, entries[count].sha256);
	}
	file.as.targets.entries = entries;
	file.as.targets.entry_count = count;
	count = 0;
	for (size_t i = 1; i < kit->targets_count; i++) {
		if (kit->targets[i].parent != (int)index)
			continue;
		roles[count] = signing_of(&kit->targets[i].role, keyids[count]);
		roles[count].name = pawl_bytes_of(kit->targets[i].name);
		roles[count].terminating = kit->targets[i].terminating;
		for (size_t p = 0; p < 4 && kit->targets[i].paths[p] != NULL; p++)
			paths[count][roles[count].path_count++] =
			    pawl_bytes_of(kit->targets[i].paths[p]);
		roles[count].paths = paths[count];
		count++;
	}
	file.as.targets.roles = roles;
	file.as.targets.role_count = count;
	file.as.targets.keys = public_keys;
	file.as.targets.key_count = KIT_KEYS;
	versioned(kit, targets->role.version, targets->name, name);
	publish(kit, &targets->role, targets->name, name, &file);
}

static struct pawl_repo_meta meta_of(
    struct kit *kit, const char *meta_name, const char *role, int64_t version)
{
	char name[300];

	versioned(kit, version, role, name);
	const struct kit_file *file = kit_file(kit, true, name);
	PAWL_ASSERT(file != NULL);
	struct pawl_repo_meta meta =
	    pawl_repo_meta_of(pawl_bytes_of(meta_name), version, PAWL_BYTES(file->at, file->size));
	meta.has_length = meta.has_sha256 = kit->hashes;
	return meta;
}

void kit_publish_snapshot(struct kit *kit)
{
	struct pawl_repo_meta metas[KIT_TARGETS];
	static char names[KIT_TARGETS][300];
	struct pawl_repo_file file = {
		.kind = PAWL_REPO_SNAPSHOT,
		.version = kit->snapshot.version,
		.expires = kit->snapshot.expires,
	};
	char name[300];
	size_t count = 0;

	for (size_t i = 0; i < kit->targets_count; i++) {
		if (kit->targets[i].unlisted)
			continue;
		struct pawl_buf buf = pawl_buf_of(names[count], sizeof(names[count]) - 1);
		pawl_put_text(&buf, kit->targets[i].name);
		pawl_put_text(&buf, ".json");
		names[count][buf.size] = '\0';
		metas[count] =
		    meta_of(kit, names[count], kit->targets[i].name, kit->targets[i].role.version);
		count++;
	}
	file.as.snapshot.metas = metas;
	file.as.snapshot.meta_count = count;
	versioned(kit, kit->snapshot.version, "snapshot", name);
	publish(kit, &kit->snapshot, "snapshot", name, &file);
}

void kit_publish_timestamp(struct kit *kit)
{
	struct pawl_repo_file file = {
		.kind = PAWL_REPO_TIMESTAMP,
		.version = kit->timestamp.version,
		.expires = kit->timestamp.expires,
	};

	file.as.timestamp.snapshot =
	    meta_of(kit, "snapshot.json", "snapshot", kit->snapshot.version);
	file.as.timestamp.issued = kit->issued;
	publish(kit, &kit->timestamp, "timestamp", "timestamp.json", &file);
}

void kit_publish_next(struct kit *kit)
{
	for (size_t i = 0; i < kit->targets_count; i++) {
		kit->targets[i].role.version++;
		kit_publish_targets(kit, i);
	}
	kit->snapshot.version++;
	kit_publish_snapshot(kit);
	kit->timestamp.version++;
	kit_publish_timestamp(kit);
}

static struct kit_role role_of(int key, int64_t version)
{
	return (struct kit_role){
		.keys = { key, -1 },
		.signers = { key, -1 },
		.threshold = 1,
		.version = version,
		.expires = { KIT_NOW.ms + 30 * PAWL_MS_PER_DAY },
	};
}

size_t kit_delegate(
    struct kit *kit, int parent, const char *name, const char *path, bool terminating)
{
	PAWL_ASSERT(kit->targets_count < KIT_TARGETS);
	kit->targets[kit->targets_count] = (struct kit_targets){
		.role = role_of(6, 0),
		.name = name,
		.parent = parent,
		.paths = { path },
		.terminating = terminating,
	};
	return kit->targets_count++;
}

struct kit *kit_create(void)
{
	struct kit *kit = calloc(1, sizeof(*kit));

	PAWL_ASSERT(kit != NULL);
	make_keys();
	kit->root = role_of(0, 1);
	memcpy(kit->root.keys, (int[]){ 0, 1, 2, -1 }, 4 * sizeof(int));
	memcpy(kit->root.signers, (int[]){ 0, 1, -1 }, 3 * sizeof(int));
	kit->root.threshold = 2;
	kit->timestamp = role_of(3, 0);
	kit->snapshot = role_of(4, 0);
	kit->targets[0] =
	    (struct kit_targets){ .role = role_of(5, 0), .name = "targets", .parent = -1 };
	kit->targets[0].entries[0] = "file.txt";
	kit->targets_count = 1;
	kit->hashes = true;
	kit->clock = KIT_NOW;
	kit->memory_size = sizeof(client_memory);
	kit_publish_root(kit);
	kit_publish_next(kit);
	const struct kit_file *root = kit_file(kit, true, "1.root.json");
	kit_put(kit, false, "root.json", PAWL_BYTES(root->at, root->size));
	return kit;
}

void kit_destroy(struct kit *kit)
{
	for (size_t i = 0; i < KIT_FILES; i++)
		free(kit->remote[i].at);
	for (size_t i = 0; i < sizeof(kit->local) / sizeof(kit->local[0]); i++)
		free(kit->local[i].at);
	free(kit);
}

/* --- the device --- */

static void answer(struct kit *kit, const struct pawl_trust_effect *effect)
{
	const bool remote = effect->kind == PAWL_TRUST_FETCH;
	const struct kit_file *file = kit_file(kit, remote, effect->name);

	if (remote && strlen(kit->log) + strlen(effect->name) + 2 < sizeof(kit->log)) {
		strcat(kit->log, effect->name);
		strcat(kit->log, " ");
	}
	if (file == NULL) {
		pawl_trust_absent(&kit->client);
		return;
	}
	/* An exact copy, so that a read beyond the end shows. */
	uint8_t *copy = malloc(file->size + (file->size == 0));
	PAWL_ASSERT(copy != NULL);
	memcpy(copy, file->at, file->size);
	pawl_trust_provide(&kit->client, PAWL_BYTES(copy, file->size));
	free(copy);
}

static pawl_trust_verdict drive(struct kit *kit)
{
	for (int steps = 0; steps < 10000; steps++) {
		const struct pawl_trust_effect effect = pawl_trust_next(&kit->client);

		switch (effect.kind) {
		case PAWL_TRUST_FETCH:
		case PAWL_TRUST_LOAD: answer(kit, &effect); break;
		case PAWL_TRUST_STORE: kit_put(kit, false, effect.name, effect.bytes); break;
		case PAWL_TRUST_TARGET: break;
		case PAWL_TRUST_DONE: return kit->verdict = PAWL_TRUST_OK;
		case PAWL_TRUST_FAILED:
			PAWL_ASSERT(effect.note[0] != '\0');
			return kit->verdict = effect.verdict;
		}
	}
	PAWL_ASSERT(false);
}

static struct pawl_bytes local_copy(struct kit *kit, const char *name)
{
	const struct kit_file *file = kit_file(kit, false, name);

	if (file == NULL)
		return PAWL_BYTES(NULL, 0);
	uint8_t *copy = malloc(file->size + 1);
	PAWL_ASSERT(copy != NULL);
	memcpy(copy, file->at, file->size);
	return PAWL_BYTES(copy, file->size);
}

pawl_trust_verdict kit_refresh(struct kit *kit)
{
	struct pawl_trust_options options = {
		.memory = client_memory + (sizeof(client_memory) - kit->memory_size),
		.memory_size = kit->memory_size,
		.clock = kit->clock,
		.root = local_copy(kit, "root.json"),
		.timestamp = local_copy(kit, "timestamp.json"),
		.snapshot = local_copy(kit, "snapshot.json"),
		.targets = local_copy(kit, "targets.json"),
	};

	kit->log[0] = '\0';
	pawl_trust_init(&kit->client, &options);
	const pawl_trust_verdict verdict = drive(kit);
	free((void *)(uintptr_t)options.root.at);
	free((void *)(uintptr_t)options.timestamp.at);
	free((void *)(uintptr_t)options.snapshot.at);
	free((void *)(uintptr_t)options.targets.at);
	return verdict;
}

const struct pawl_trust_target *kit_find(struct kit *kit, const char *path)
{
	kit->log[0] = '\0';
	PAWL_ASSERT(pawl_trust_find(&kit->client, path) == PAWL_ERR_OK);
	return drive(kit) == PAWL_TRUST_OK ? pawl_trust_found(&kit->client) : NULL;
}

int64_t kit_local_version(struct kit *kit, const char *name)
{
	const struct kit_file *file = kit_file(kit, false, name);
	struct pawl_arena arena = pawl_arena_of(scratch, sizeof(scratch));
	struct pawl_json json;
	int64_t version = 0;

	if (file == NULL)
		return 0;
	PAWL_ASSERT(pawl_json_parse_in(&arena, PAWL_BYTES(file->at, file->size), &json, NULL) ==
		    PAWL_ERR_OK);
	PAWL_ASSERT(pawl_json_int(&json, pawl_json_path(&json, 0, "signed.version"), 1, INT64_MAX,
			&version) == PAWL_ERR_OK);
	return version;
}
