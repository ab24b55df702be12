/* SPDX-License-Identifier: MIT */
#include "pawl/err.h"

const char *pawl_err_text(pawl_err err)
{
	switch (err) {
#define X(name, class, text)                                                                       \
	case PAWL_ERR_##name: return text;
		PAWL_ERR_LIST(X)
#undef X
	}
	return "unknown error";
}

/* The compiler turns the enumerator into text; one table lowers the case. */
const char *pawl_err_name(pawl_err err)
{
	switch (err) {
	case PAWL_ERR_OK: return "ok";
	case PAWL_ERR_IO: return "io";
	case PAWL_ERR_NO_SPACE: return "no_space";
	case PAWL_ERR_NO_MEMORY: return "no_memory";
	case PAWL_ERR_NOT_FOUND: return "not_found";
	case PAWL_ERR_EXISTS: return "exists";
	case PAWL_ERR_TRUNCATED: return "truncated";
	case PAWL_ERR_SYNTAX: return "syntax";
	case PAWL_ERR_RANGE: return "range";
	case PAWL_ERR_LIMIT: return "limit";
	case PAWL_ERR_CORRUPT: return "corrupt";
	case PAWL_ERR_REFUSED: return "refused";
	case PAWL_ERR_DENIED: return "denied";
	case PAWL_ERR_CRYPTO: return "crypto";
	case PAWL_ERR_NETWORK: return "network";
	case PAWL_ERR_TIMEOUT: return "timeout";
	case PAWL_ERR_UNSUPPORTED: return "unsupported";
	case PAWL_ERR_CANCELLED: return "cancelled";
	}
	return "unknown";
}

pawl_err_class pawl_err_class_of(pawl_err err)
{
	switch (err) {
#define X(name, class, text)                                                                       \
	case PAWL_ERR_##name: return PAWL_ERR_CLASS_##class;
		PAWL_ERR_LIST(X)
#undef X
	}
	return PAWL_ERR_CLASS_NEVER;
}
