/* SPDX-License-Identifier: MIT
 *
 * pawl/err.h - the one error type of every library here.
 *
 * Three things can go wrong, and they are kept apart:
 *   bug      the program broke its own rule      -> PAWL_ASSERT, never returned
 *   error    an operation could not be done      -> pawl_err, must be looked at
 *   verdict  input was examined and turned down  -> an enum of the module's own
 *
 * Libraries return; they never print, log or exit.
 *
 * Three words say who owns memory, in every header of this folder: a function
 * *borrows* its arguments for the call unless it says that it *keeps* them
 * (they must outlive the object) or *takes* them (the owner changes).
 * Out parameters are called `ret_x`, come last, and are not written on failure.
 */
#ifndef PAWL_ERR_H
#define PAWL_ERR_H

#include <stddef.h>

/* X(name, class, text) */
#define PAWL_ERR_LIST(X)                                                                           \
	X(OK, NONE, "success")                                                                     \
	X(IO, RETRY, "the device refused or failed")                                               \
	X(NO_SPACE, OPERATOR, "no space is left")                                                  \
	X(NO_MEMORY, RETRY, "out of memory")                                                       \
	X(NOT_FOUND, NEVER, "there is no such thing")                                              \
	X(EXISTS, NEVER, "it exists already")                                                      \
	X(TRUNCATED, NEVER, "the input ends before its last field")                                \
	X(SYNTAX, NEVER, "the input does not follow its format")                                   \
	X(RANGE, NEVER, "a value is outside its range")                                            \
	X(LIMIT, NEVER, "a documented limit is exceeded")                                          \
	X(CORRUPT, OPERATOR, "stored bytes do not match their checksum")                           \
	X(REFUSED, NEVER, "the request is not allowed in this state")                              \
	X(DENIED, OPERATOR, "permission is missing or the credentials are wrong")                  \
	X(CRYPTO, NEVER, "a key, signature or certificate is not usable")                          \
	X(NETWORK, RETRY, "the peer could not be reached or broke off")                            \
	X(TIMEOUT, RETRY, "it took longer than its deadline")                                      \
	X(UNSUPPORTED, NEVER, "this build or version does not know it")                            \
	X(CANCELLED, NONE, "it was stopped on request")

typedef enum pawl_err {
#define X(name, class, text) PAWL_ERR_##name,
	PAWL_ERR_LIST(X)
#undef X
} pawl_err;

/* What the caller can do about an error. */
typedef enum pawl_err_class {
	PAWL_ERR_CLASS_NONE,    /* not a failure                                 */
	PAWL_ERR_CLASS_RETRY,   /* the same call may succeed later               */
	PAWL_ERR_CLASS_NEVER,   /* the same input will fail again                */
	PAWL_ERR_CLASS_OPERATOR /* a person must change something first          */
} pawl_err_class;

#define PAWL_MUST_CHECK __attribute__((warn_unused_result))
#define PAWL_PRINTF(format_index, first_index)                                                     \
	__attribute__((format(printf, format_index, first_index)))

/* One clause, lower case, no full stop; never NULL. Static storage. */
const char *pawl_err_text(pawl_err err);

/* The enumerator's name without prefix in lower case, e.g. "no_space", for
 * logs and JSON; never NULL. Static storage. */
const char *pawl_err_name(pawl_err err);

pawl_err_class pawl_err_class_of(pawl_err err);

/* Human detail of a failure: what, where, why. Provided by the caller, filled
 * innermost first, never parsed. Always NUL-terminated; too long is cut. */
enum { PAWL_NOTE_SIZE = 256 };
struct pawl_note {
	char text[PAWL_NOTE_SIZE];
};

/* Appends to the note: `text`, or the decimal `value`. `note` may be NULL.
 * No printf here: pure libraries have no stdio. */
void pawl_note_clear(struct pawl_note *note);
void pawl_note_add(struct pawl_note *note, const char *text);
void pawl_note_add_bytes(struct pawl_note *note, const void *at, size_t size);
void pawl_note_add_int(struct pawl_note *note, long long value);

/* The only macro here that hides a return. Allowed only in functions that
 * hold no resource, which is every function of the pure libraries. */
#define PAWL_TRY(call)                                                                             \
	do {                                                                                       \
		const pawl_err pawl_try_ = (call);                                                 \
		if (pawl_try_ != PAWL_ERR_OK)                                                      \
			return pawl_try_;                                                          \
	} while (0)

/* Kept on in every build: a wrong device must stop, not go on. */
#define PAWL_ASSERT(cond) ((cond) ? (void)0 : pawl_panic(#cond, __FILE__, __LINE__))

/* Provided by the program (hosted: prints to stderr and aborts, lib/env_posix;
 * microcontroller: resets into the old slot). */
_Noreturn void pawl_panic(const char *cond, const char *file, int line);

#endif
