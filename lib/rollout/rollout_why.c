/* SPDX-License-Identifier: MIT
 *
 * rollout_why.c - the sentences: names, and words replaced by numbers. */
#include "rollout_internal.h"

#include <string.h>

const char *pawl_rollout_rule_name(pawl_rollout_rule rule)
{
	switch (rule) {
#define X(name, sentence)                                                                          \
	case PAWL_RULE_##name: return #name;
		PAWL_ROLLOUT_RULES(X)
#undef X
	case PAWL_RULE_COUNT: break;
	}
	return "unknown";
}

static const char *sentence_of(pawl_rollout_rule rule)
{
	switch (rule) {
#define X(name, sentence)                                                                          \
	case PAWL_RULE_##name: return sentence;
		PAWL_ROLLOUT_RULES(X)
#undef X
	case PAWL_RULE_COUNT: break;
	}
	return "unknown";
}

const char *pawl_rollout_state_name(pawl_rollout_state state)
{
	switch (state) {
	case PAWL_ROLLOUT_READY: return "ready";
	case PAWL_ROLLOUT_RUNNING: return "running";
	case PAWL_ROLLOUT_PAUSED: return "paused";
	case PAWL_ROLLOUT_FINISHED: return "finished";
	case PAWL_ROLLOUT_STOPPED: return "stopped";
	}
	return "unknown";
}

const char *pawl_stratum_state_name(pawl_stratum_state state)
{
	switch (state) {
	case PAWL_STRATUM_RUNNING: return "running";
	case PAWL_STRATUM_HELD: return "held";
	case PAWL_STRATUM_HALTED: return "halted";
	case PAWL_STRATUM_FINISHED: return "finished";
	}
	return "unknown";
}

enum { WORDS_MAX = 24 };

struct words {
	size_t count;
	struct {
		const char *name;
		uint32_t value;
	} word[WORDS_MAX];
};

static void set(struct words *words, const char *name, uint32_t value)
{
	PAWL_ASSERT(words->count < WORDS_MAX);
	words->word[words->count].name = name;
	words->word[words->count].value = value;
	words->count++;
}

static struct words words_of(const struct pawl_rollout *rollout, uint32_t index, uint32_t stage)
{
	const struct pawl_rollout_stratum *stratum = &rollout->strata[index];
	const struct pawl_rollout_count *count = &stratum->count[stage];
	const struct pawl_rollout_stage *limits = &rollout->settings.stages[stage];
	struct words words = { .count = 0 };

	set(&words, "size", stratum->total.size);
	set(&words, "in_flight", stratum->total.in_flight);
	set(&words, "healthy", stratum->total.healthy);
	set(&words, "failed", stratum->total.failed);
	set(&words, "counted", stratum->total.failed - stratum->total.accepted);
	set(&words, "stage_counted", count->failed - count->accepted);
	set(&words, "stage", stage + 1);
	set(&words, "next_stage", stage + 2);
	set(&words, "stages", rollout->settings.stage_count);
	set(&words, "stage_size", count->size);
	set(&words, "stage_healthy", count->healthy);
	set(&words, "stage_failed", count->failed);
	set(&words, "success", limits->success_threshold);
	set(&words, "error", limits->error_threshold);
	set(&words, "budget", pawl_rollout_budget(rollout, index));
	set(&words, "credit", pawl_rollout_credit(rollout, index));
	set(&words, "halt_stage", stratum->halt_stage + 1);
	set(&words, "halt_failed", stratum->halt_failed);
	set(&words, "halt_size", stratum->halt_size);
	set(&words, "halt_budget", stratum->halt_size);
	set(&words, "halt_error", rollout->settings.stages[stratum->halt_stage].error_threshold);
	return words;
}

/* `name` is not NUL-terminated. A word the table does not know is a bug. */
static uint32_t value_of(const struct words *words, const char *name, size_t size)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *known = words->word[i].name;
		if (strlen(known) == size && memcmp(known, name, size) == 0)
			return words->word[i].value;
	}
	const bool sentence_uses_a_known_word = false;
	PAWL_ASSERT(sentence_uses_a_known_word);
	return 0;
}

void pawl_rollout_sentence(const struct pawl_rollout *rollout, uint32_t stratum, uint32_t stage,
    pawl_rollout_rule rule, char ret_why[PAWL_ROLLOUT_WHY_SIZE])
{
	const struct words words = words_of(rollout, stratum, stage);
	struct pawl_buf out = pawl_buf_of(ret_why, PAWL_ROLLOUT_WHY_SIZE - 1);
	const char *at = sentence_of(rule);

	while (*at != '\0') {
		if (*at != '{') {
			pawl_put_u8(&out, (uint8_t)*at++);
			continue;
		}
		const char *end = strchr(at, '}');
		PAWL_ASSERT(end != NULL);
		pawl_put_int(&out, value_of(&words, at + 1, (size_t)(end - at - 1)));
		at = end + 1;
	}
	PAWL_ASSERT(!out.overflow);
	ret_why[out.size] = '\0';
}
