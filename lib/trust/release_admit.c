/* SPDX-License-Identifier: MIT
 *
 * May this device install this release? A list of rules; the first that
 * applies is the answer, and each can say why in one sentence.
 */
#include "pawl/release.h"
#include "pawl/text.h"

#include <string.h>

static const struct {
	const char *id;
	const char *text;
} admit_texts[] = {
#define X(name, id, text) { id, text },
	PAWL_ADMIT_LIST(X)
#undef X
};

const char *pawl_admit_id(pawl_admit verdict)
{
	return (size_t)verdict < sizeof(admit_texts) / sizeof(admit_texts[0])
		   ? admit_texts[verdict].id
		   : "unknown";
}

const char *pawl_admit_text(pawl_admit verdict)
{
	return (size_t)verdict < sizeof(admit_texts) / sizeof(admit_texts[0])
		   ? admit_texts[verdict].text
		   : "unknown verdict";
}

/* All that a rule may look at. `entry` is what the channel says about this
 * path and hardware class, NULL when it says nothing. */
struct question {
	const struct pawl_release_facts *facts;
	const struct pawl_channel *channel;
	const struct pawl_release *release;
	const struct pawl_channel_entry *entry;
	const char *path;
};

static bool lists_hw(const struct pawl_hw_list *hw, const char *hw_class)
{
	for (size_t i = 0; i < hw->count; i++)
		if (strcmp(hw->name[i], hw_class) == 0)
			return true;
	return false;
}

/* --- the rules: true when the verdict applies --- */

static bool is_channel_foreign(const struct question *q)
{
	return strcmp(q->channel->product, q->facts->product) != 0 ||
	       strcmp(q->channel->group, q->facts->group) != 0;
}

static bool is_channel_older(const struct question *q)
{
	return q->channel->counter < q->facts->channel_counter;
}

/* The keys that may sign "fw/<product>/" are the product's own. A release of that
 * name under another path was signed by somebody else's. */
static bool is_path_of(const char *path, const char *product)
{
	const size_t size = strlen(product);

	return strncmp(path, "fw/", 3) == 0 && strncmp(path + 3, product, size) == 0 &&
	       path[3 + size] == '/';
}

static bool is_wrong_product(const struct question *q)
{
	return strcmp(q->release->product, q->facts->product) != 0 ||
	       !is_path_of(q->path, q->facts->product);
}

static bool is_wrong_hardware(const struct question *q)
{
	return !lists_hw(&q->release->hw, q->facts->hw_class);
}

static bool is_not_in_channel(const struct question *q)
{
	return q->entry == NULL;
}

static bool disagrees(const struct question *q)
{
	return strcmp(q->entry->comp, q->release->comp) != 0 ||
	       strcmp(q->entry->version, q->release->version) != 0 ||
	       q->entry->seq != q->release->seq || q->entry->sec != q->release->sec;
}

static bool is_same(const struct question *q)
{
	return q->release->seq == q->facts->installed_seq;
}

static bool is_older(const struct question *q)
{
	return q->release->seq < q->facts->installed_seq &&
	       q->release->seq != q->channel->allow_downgrade_to;
}

static bool is_below_floor(const struct question *q)
{
	return q->release->sec < q->facts->sec_floor;
}

/* --- the sentences --- */

static void say(struct pawl_note *note, const char *before, const char *value, const char *after)
{
	pawl_note_add(note, before);
	pawl_note_add(note, value);
	pawl_note_add(note, after);
}

static void say_number(struct pawl_note *note, const char *before, int64_t value, const char *after)
{
	pawl_note_add(note, before);
	pawl_note_add_int(note, value);
	pawl_note_add(note, after);
}

static void say_release(const struct question *q, struct pawl_note *note)
{
	say(note, "Release ", q->release->version, "");
	say_number(note, " (seq ", q->release->seq, "");
	say_number(note, ", sec ", q->release->sec, ")");
}

static void explain(const struct question *q, pawl_admit verdict, struct pawl_note *note)
{
	const struct pawl_release_facts *facts = q->facts;

	switch (verdict) {
	case PAWL_ADMIT_ADMITTED:
		say_release(q, note);
		say_number(note, " may replace seq ", facts->installed_seq, "");
		say_number(note, " by channel counter ", q->channel->counter, ".");
		return;
	case PAWL_ADMIT_CHANNEL_FOREIGN:
		say(note, "The channel is for ", q->channel->product, "/");
		say(note, q->channel->group, ", this device is ", facts->product);
		say(note, "/", facts->group, ".");
		return;
	case PAWL_ADMIT_CHANNEL_OLDER:
		say_number(note, "Channel counter ", q->channel->counter, "");
		say_number(note, " is below ", facts->channel_counter, ", which was seen before.");
		return;
	case PAWL_ADMIT_WRONG_PRODUCT:
		if (!is_path_of(q->path, facts->product)) {
			say(note, "The path ", q->path, " does not belong to product ");
			say(note, "", facts->product, ".");
			return;
		}
		say(note, "The release is for product ", q->release->product, "");
		say(note, ", this device is ", facts->product, ".");
		return;
	case PAWL_ADMIT_WRONG_HARDWARE_CLASS:
		say(note, "The release is for hardware ", q->release->hw.name[0], "");
		if (q->release->hw.count > 1)
			say_number(note, " and ", (int64_t)q->release->hw.count - 1, " more");
		say(note, ", this device is ", facts->hw_class, ".");
		return;
	case PAWL_ADMIT_NOT_IN_CHANNEL:
		say_number(note, "Channel counter ", q->channel->counter, "");
		say(note, " does not approve ", q->path, "");
		say(note, " for hardware ", facts->hw_class, ".");
		return;
	case PAWL_ADMIT_CHANNEL_DISAGREES:
		say_release(q, note);
		say(note, " stands in the channel as ", q->entry->version, "");
		say_number(note, " (seq ", q->entry->seq, "");
		say_number(note, ", sec ", q->entry->sec, ").");
		return;
	case PAWL_ADMIT_SAME_RELEASE:
		say_release(q, note);
		pawl_note_add(note, " is installed already.");
		return;
	case PAWL_ADMIT_OLDER_RELEASE:
		say_release(q, note);
		say_number(note, " is older than the installed seq ", facts->installed_seq, ".");
		return;
	case PAWL_ADMIT_SECURITY_FLOOR:
		say_release(q, note);
		say_number(note, " is below the anti-rollback floor ", facts->sec_floor, ".");
		return;
	}
}

const struct pawl_channel_entry *pawl_channel_find(
    const struct pawl_channel *channel, const char *hw_class)
{
	for (size_t i = 0; i < channel->count; i++)
		if (lists_hw(&channel->set[i].hw, hw_class))
			return &channel->set[i];
	return NULL;
}

pawl_admit pawl_release_admit(const struct pawl_release_facts *facts,
    const struct pawl_channel *channel, const char *path, const struct pawl_release *release,
    struct pawl_note *ret_note)
{
	/* Older before floor: an older release is refused as such, unless the
	 * channel allows it; then only the floor can stand in its way. */
	static const struct {
		bool (*applies)(const struct question *question);
		pawl_admit verdict;
	} rules[] = {
		{ is_channel_foreign, PAWL_ADMIT_CHANNEL_FOREIGN },
		{ is_channel_older, PAWL_ADMIT_CHANNEL_OLDER },
		{ is_wrong_product, PAWL_ADMIT_WRONG_PRODUCT },
		{ is_wrong_hardware, PAWL_ADMIT_WRONG_HARDWARE_CLASS },
		{ is_not_in_channel, PAWL_ADMIT_NOT_IN_CHANNEL },
		{ disagrees, PAWL_ADMIT_CHANNEL_DISAGREES },
		{ is_same, PAWL_ADMIT_SAME_RELEASE },
		{ is_older, PAWL_ADMIT_OLDER_RELEASE },
		{ is_below_floor, PAWL_ADMIT_SECURITY_FLOOR },
	};
	struct question question = { facts, channel, release, NULL, path };
	pawl_admit verdict = PAWL_ADMIT_ADMITTED;

	for (size_t i = 0; i < channel->count && question.entry == NULL; i++)
		if (lists_hw(&channel->set[i].hw, facts->hw_class) &&
		    strcmp(channel->set[i].full, path) == 0)
			question.entry = &channel->set[i];
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].applies(&question)) {
			verdict = rules[i].verdict;
			break;
		}
	}
	pawl_note_clear(ret_note);
	explain(&question, verdict, ret_note);
	return verdict;
}

/* --- paths --- */

static pawl_err finish_path(struct pawl_buf *buf, size_t capacity, char *ret_path)
{
	PAWL_TRY(pawl_buf_check(buf));
	return pawl_bytes_to_text(pawl_buf_bytes(buf), capacity, ret_path);
}

pawl_err pawl_release_path(
    const char *product, const char *version, const char *hw_class, size_t capacity, char *ret_path)
{
	char text[PAWL_TARGET_PATH_MAX];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));

	if (!pawl_name_is_valid(pawl_bytes_of(product), PAWL_PRODUCT_MAX) ||
	    !pawl_version_is_valid(pawl_bytes_of(version)) ||
	    !pawl_name_is_valid(pawl_bytes_of(hw_class), PAWL_HW_CLASS_MAX))
		return PAWL_ERR_SYNTAX;
	pawl_put_text(&buf, "fw/");
	pawl_put_text(&buf, product);
	pawl_put_text(&buf, "/");
	pawl_put_text(&buf, version);
	pawl_put_text(&buf, ".");
	pawl_put_text(&buf, hw_class);
	pawl_put_text(&buf, ".img");
	return finish_path(&buf, capacity, ret_path);
}

pawl_err pawl_channel_path(const char *product, const char *group, size_t capacity, char *ret_path)
{
	char text[PAWL_TARGET_PATH_MAX];
	struct pawl_buf buf = pawl_buf_of(text, sizeof(text));

	if (!pawl_name_is_valid(pawl_bytes_of(product), PAWL_PRODUCT_MAX) ||
	    !pawl_name_is_valid(pawl_bytes_of(group), PAWL_GROUP_MAX))
		return PAWL_ERR_SYNTAX;
	pawl_put_text(&buf, "channel/");
	pawl_put_text(&buf, product);
	pawl_put_text(&buf, "/");
	pawl_put_text(&buf, group);
	pawl_put_text(&buf, ".json");
	return finish_path(&buf, capacity, ret_path);
}
