/* SPDX-License-Identifier: MIT
 *
 * Keys as text: Bech32 (BIP 173, without its length limit), and base64
 * without padding. Both decoders accept one spelling of a value only, but for
 * Bech32 in upper case.
 */
#include "seal_internal.h"

#include "pawl/text.h"

#include <string.h>

static const struct {
	const char *id;
	const char *text;
} verdicts[] = {
#define X(name, id, text) { id, text },
	PAWL_SEAL_VERDICT_LIST(X)
#undef X
};

const char *pawl_seal_verdict_id(pawl_seal_verdict verdict)
{
	return (size_t)verdict < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[verdict].id
									: "unknown";
}

const char *pawl_seal_verdict_text(pawl_seal_verdict verdict)
{
	return (size_t)verdict < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[verdict].text
									: "unknown verdict";
}

/* --- base64 without padding --- */

void pawl_seal_put_raw64(struct pawl_buf *out, struct pawl_bytes bytes)
{
	uint8_t memory[PAWL_BASE64_SIZE(48)];
	struct pawl_buf padded = pawl_buf_of(memory, sizeof(memory));

	pawl_put_base64(&padded, bytes);
	PAWL_ASSERT(!padded.overflow);
	while (padded.size > 0 && memory[padded.size - 1] == '=')
		padded.size--;
	pawl_put_bytes(out, pawl_buf_bytes(&padded));
}

pawl_err pawl_seal_raw64_decode(struct pawl_bytes text, struct pawl_buf *out)
{
	uint8_t memory[PAWL_SEAL_LINE_MAX];
	struct pawl_buf padded = pawl_buf_of(memory, sizeof(memory));

	if (text.size > PAWL_SEAL_LINE_MAX || text.size % 4 == 1)
		return PAWL_ERR_SYNTAX;
	if (text.size > 0 && memchr(text.at, '=', text.size) != NULL)
		return PAWL_ERR_SYNTAX;
	pawl_put_bytes(&padded, text);
	while (padded.size % 4 != 0)
		pawl_put_u8(&padded, '=');
	return pawl_base64_decode(pawl_buf_bytes(&padded), out);
}

/* --- Bech32 --- */

enum {
	KEY_DIGITS = 52, /* 32 bytes in digits of 5 bits                          */
	SUM_DIGITS = 6,
	TEXT_MAX = PAWL_SEAL_IDENTITY_TEXT
};

static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/* As the checksum sees them. */
static const char recipient_prefix[] = "age";
static const char identity_prefix[] = "age-secret-key-";

static uint32_t sum_step(uint32_t sum, uint8_t value)
{
	static const uint32_t generator[5] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
		0x2a1462b3 };
	const uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ value;
	for (unsigned i = 0; i < 5; i++)
		sum ^= (top >> i & 1) != 0 ? generator[i] : 0;
	return sum;
}

static uint32_t sum_of_prefix(const char *prefix)
{
	uint32_t sum = 1;

	for (const char *at = prefix; *at != '\0'; at++)
		sum = sum_step(sum, (uint8_t)((uint8_t)*at >> 5));
	sum = sum_step(sum, 0);
	for (const char *at = prefix; *at != '\0'; at++)
		sum = sum_step(sum, (uint8_t)((uint8_t)*at & 31));
	return sum;
}

/* Lower case, into `out`. */
static void put_bech32(struct pawl_buf *out, const char *prefix, const uint8_t key[32])
{
	uint32_t sum = sum_of_prefix(prefix);
	unsigned bits = 0;
	unsigned bit_count = 0;
	size_t next = 0;

	pawl_put_text(out, prefix);
	pawl_put_u8(out, '1');
	for (size_t i = 0; i < KEY_DIGITS; i++) {
		if (bit_count < 5) {
			/* The last digit is filled up with zero bits. */
			bits = bits << 8 | (next < PAWL_SEAL_KEY_SIZE ? key[next] : 0u);
			next++;
			bit_count += 8;
		}
		bit_count -= 5;
		const uint8_t value = (uint8_t)(bits >> bit_count & 31);
		sum = sum_step(sum, value);
		pawl_put_u8(out, (uint8_t)digits[value]);
	}
	for (unsigned i = 0; i < SUM_DIGITS; i++)
		sum = sum_step(sum, 0);
	sum ^= 1;
	for (unsigned i = 0; i < SUM_DIGITS; i++)
		pawl_put_u8(out, (uint8_t)digits[sum >> 5 * (SUM_DIGITS - 1 - i) & 31]);
}

/* Copies in lower case; false when the cases are mixed. */
static bool to_lower(struct pawl_bytes text, uint8_t lower[TEXT_MAX])
{
	bool has_upper = false;
	bool has_lower = false;

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t byte = text.at[i];
		const bool is_upper = byte >= 'A' && byte <= 'Z';
		has_upper = has_upper || is_upper;
		has_lower = has_lower || (byte >= 'a' && byte <= 'z');
		lower[i] = (uint8_t)(is_upper ? byte + ('a' - 'A') : byte);
	}
	return !(has_upper && has_lower);
}

/* `text` is in lower case. */
static pawl_err read_bech32(const uint8_t *text, const char *prefix, uint8_t key[32])
{
	const size_t prefix_size = strlen(prefix);
	const uint8_t *digit_at = text + prefix_size + 1;
	uint32_t sum = sum_of_prefix(prefix);
	unsigned bits = 0;
	unsigned bit_count = 0;
	size_t size = 0;

	if (memcmp(text, prefix, prefix_size) != 0 || text[prefix_size] != '1')
		return PAWL_ERR_SYNTAX;
	for (size_t i = 0; i < KEY_DIGITS + SUM_DIGITS; i++) {
		const char *found = digit_at[i] == 0 ? NULL : strchr(digits, digit_at[i]);
		if (found == NULL)
			return PAWL_ERR_SYNTAX;
		const uint8_t value = (uint8_t)(found - digits);
		sum = sum_step(sum, value);
		if (i >= KEY_DIGITS)
			continue;
		bits = (bits << 5 | value) & 0xfff;
		bit_count += 5;
		if (bit_count >= 8) {
			bit_count -= 8;
			key[size++] = (uint8_t)(bits >> bit_count);
		}
	}
	PAWL_ASSERT(size == PAWL_SEAL_KEY_SIZE && bit_count == 4);
	return sum == 1 && (bits & 15) == 0 ? PAWL_ERR_OK : PAWL_ERR_SYNTAX;
}

static pawl_err parse_bech32(
    struct pawl_bytes text, const char *prefix, size_t size, uint8_t ret_key[32])
{
	uint8_t lower[TEXT_MAX];
	uint8_t key[PAWL_SEAL_KEY_SIZE];
	pawl_err err = PAWL_ERR_SYNTAX;

	if (text.size != size)
		return PAWL_ERR_SYNTAX;
	if (to_lower(text, lower))
		err = read_bech32(lower, prefix, key);
	if (err == PAWL_ERR_OK)
		memcpy(ret_key, key, sizeof(key));
	pawl_bytes_wipe(lower, sizeof(lower));
	pawl_bytes_wipe(key, sizeof(key));
	return err;
}

pawl_err pawl_seal_recipient_parse(struct pawl_bytes text, uint8_t ret_recipient[32])
{
	return parse_bech32(text, recipient_prefix, PAWL_SEAL_RECIPIENT_TEXT, ret_recipient);
}

pawl_err pawl_seal_identity_parse(struct pawl_bytes text, uint8_t ret_identity[32])
{
	return parse_bech32(text, identity_prefix, PAWL_SEAL_IDENTITY_TEXT, ret_identity);
}

void pawl_seal_put_recipient(struct pawl_buf *out, const uint8_t recipient[32])
{
	put_bech32(out, recipient_prefix, recipient);
}

void pawl_seal_put_identity(struct pawl_buf *out, const uint8_t identity[32])
{
	uint8_t memory[TEXT_MAX];
	struct pawl_buf text = pawl_buf_of(memory, sizeof(memory));

	put_bech32(&text, identity_prefix, identity);
	PAWL_ASSERT(text.size == PAWL_SEAL_IDENTITY_TEXT);
	for (size_t i = 0; i < text.size; i++)
		if (memory[i] >= 'a' && memory[i] <= 'z')
			memory[i] = (uint8_t)(memory[i] - ('a' - 'A'));
	pawl_put_bytes(out, pawl_buf_bytes(&text));
	pawl_bytes_wipe(memory, sizeof(memory));
}
