/* SPDX-License-Identifier: MIT */
#include "pawl/num.h"

pawl_err pawl_add_size(size_t a, size_t b, size_t *ret_sum)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return PAWL_ERR_RANGE;
	*ret_sum = sum;
	return PAWL_ERR_OK;
}

pawl_err pawl_mul_size(size_t a, size_t b, size_t *ret_product)
{
	size_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return PAWL_ERR_RANGE;
	*ret_product = product;
	return PAWL_ERR_OK;
}

pawl_err pawl_add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return PAWL_ERR_RANGE;
	*ret_sum = sum;
	return PAWL_ERR_OK;
}

pawl_err pawl_parse_u64(struct pawl_bytes text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text.size == 0 || (text.size > 1 && text.at[0] == '0'))
		return PAWL_ERR_SYNTAX;
	for (size_t i = 0; i < text.size; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return PAWL_ERR_SYNTAX;
	for (size_t i = 0; i < text.size; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text.at[i] - '0'), &value))
			return PAWL_ERR_RANGE;
	if (value > max)
		return PAWL_ERR_RANGE;
	*ret_value = value;
	return PAWL_ERR_OK;
}

pawl_err pawl_parse_i64(struct pawl_bytes text, int64_t min, int64_t max, int64_t *ret_value)
{
	const bool negative = text.size > 0 && text.at[0] == '-';
	uint64_t magnitude = 0;

	if (negative)
		text = PAWL_BYTES(text.at + 1, text.size - 1);
	PAWL_TRY(pawl_parse_u64(text, (uint64_t)INT64_MAX + (negative ? 1 : 0), &magnitude));

	const int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	if (value < min || value > max)
		return PAWL_ERR_RANGE;
	*ret_value = value;
	return PAWL_ERR_OK;
}

uint32_t pawl_crc32(uint32_t crc, struct pawl_bytes bytes)
{
	crc = ~crc;
	for (size_t i = 0; i < bytes.size; i++) {
		crc ^= bytes.at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
	}
	return ~crc;
}
