/* SPDX-License-Identifier: MIT
 *
 * What can be asked of a client: verdicts as text, and what it trusts now.
 */
#include "trust_internal.h"

#include "pawl/date.h"

static const struct {
	const char *id;
	const char *text;
} verdicts[] = {
#define X(name, id, text) { id, text },
	PAWL_TRUST_VERDICT_LIST(X)
#undef X
};

const char *pawl_trust_verdict_id(pawl_trust_verdict verdict)
{
	return (size_t)verdict < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[verdict].id
									: "unknown";
}

const char *pawl_trust_verdict_text(pawl_trust_verdict verdict)
{
	return (size_t)verdict < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[verdict].text
									: "unknown verdict";
}

/* --- what is trusted now --- */

int64_t pawl_trust_version(const struct pawl_trust *client, pawl_trust_role role)
{
	return client->trusted[role] ? client->files[role].version : 0;
}

struct pawl_wall pawl_trust_expires(const struct pawl_trust *client, pawl_trust_role role)
{
	return client->trusted[role] ? client->files[role].expires : (struct pawl_wall){ 0 };
}

struct pawl_bytes pawl_trust_bytes(const struct pawl_trust *client, pawl_trust_role role)
{
	return client->trusted[role] ? client->files[role].bytes : PAWL_BYTES(NULL, 0);
}

struct pawl_wall pawl_trust_issued(const struct pawl_trust *client)
{
	const struct pawl_trust_file *timestamp = &client->files[PAWL_TRUST_TIMESTAMP];
	struct pawl_wall issued = { 0 };
	struct pawl_bytes text;

	if (!client->trusted[PAWL_TRUST_TIMESTAMP] ||
	    pawl_json_plain(&timestamp->json,
		pawl_json_get(&timestamp->json, timestamp->signed_part, "x-issued"),
		&text) != PAWL_ERR_OK ||
	    pawl_date_parse(text, &issued) != PAWL_ERR_OK)
		return (struct pawl_wall){ 0 };
	/* Offline keys vouch that their files were good when this one was made. */
	for (size_t i = 0; i < PAWL_TRUST_ROLE_COUNT; i++)
		if (client->trusted[i] && client->files[i].expires.ms < issued.ms)
			issued = client->files[i].expires;
	return issued;
}

bool pawl_trust_consistent_snapshot(const struct pawl_trust *client)
{
	const struct pawl_trust_file *root = &client->files[PAWL_TRUST_ROOT];
	bool consistent = false;

	if (client->trusted[PAWL_TRUST_ROOT] &&
	    pawl_json_bool(&root->json,
		pawl_json_get(&root->json, root->signed_part, "consistent_snapshot"),
		&consistent) != PAWL_ERR_OK)
		return false;
	return consistent;
}
