/* SPDX-License-Identifier: MIT
 *
 * pawl/seal.h - sealed artifacts: age v1 files with X25519 recipients, as streams.
 *
 * Pure: no clock, no file, no random source. Every random byte (file key, payload nonce,
 * ephemeral secrets) is an argument, and each must be fresh for each file. All memory is the
 * caller's; a reader and a writer have 64 KiB inside, whatever the size of the file. One
 * object serves one thread at a time. Keys are wiped as soon as they are not needed.
 *
 * The format: docs/spec/sealed-artifacts.md. Not supported: passphrases, ASCII armor,
 * plugins; such a file is refused. Sealing hides content and says nothing about who made it:
 * origin is proven by lib/trust alone.
 */
#ifndef PAWL_SEAL_H
#define PAWL_SEAL_H

#include "pawl/bytes.h"
#include "pawl/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAWL_SEAL_KEY_SIZE = 32,      /* an identity or a recipient, X25519          */
	PAWL_SEAL_FILE_KEY_SIZE = 16, /* wrapped for each recipient                  */
	PAWL_SEAL_NONCE_SIZE = 16,    /* first bytes of the payload                  */
	PAWL_SEAL_TAG_SIZE = 16,      /* last bytes of each sealed chunk             */
	PAWL_SEAL_CHUNK_SIZE = 65536, /* plaintext of each chunk but the last        */
	/* Version line, stanzas and MAC: 668 recipients. It is read into the memory of a
	 * chunk, and bounds how many key exchanges a hostile file can ask for. */
	PAWL_SEAL_HEADER_MAX = 65536,
	PAWL_SEAL_HEADER_FRAME = 70,   /* version line and MAC line                   */
	PAWL_SEAL_STANZA_SIZE = 98,    /* one X25519 recipient                        */
	PAWL_SEAL_IDENTITIES_MAX = 8,  /* tried by one reader: own key, group epochs  */
	PAWL_SEAL_RECIPIENT_TEXT = 62, /* "age1..."                                   */
	PAWL_SEAL_IDENTITY_TEXT = 74   /* "AGE-SECRET-KEY-1..."                       */
};

/* X(name, id, text): the id is stable and goes into reports and metrics. */
#define PAWL_SEAL_VERDICT_LIST(X)                                                                  \
	X(OK, "ok", "the file opens")                                                              \
	X(MALFORMED, "malformed", "the header does not follow the age format")                     \
	X(VERSION, "unknown-version", "the file is of another version of the age format")          \
	X(TOO_LARGE, "header-too-large", "the header exceeds the limit of this reader")            \
	X(SHARE, "weak-share", "a key share in the header is of low order")                        \
	X(NO_KEY, "no-matching-key", "the file is not sealed for any of the keys")                 \
	X(HEADER_MAC, "header-mac", "the header was changed after it was written")                 \
	X(CHUNK_TAG, "chunk-tag", "a chunk of the payload was changed")                            \
	X(EMPTY_CHUNK, "empty-last-chunk", "the payload ends with an empty chunk")                 \
	X(TRUNCATED, "truncated", "the file ends too early")                                       \
	X(TRAILING, "trailing-data", "bytes follow the end of the payload")                        \
	X(CRYPTO, "crypto-failed", "the crypto library could not work, most likely for memory")

typedef enum pawl_seal_verdict {
#define X(name, id, text) PAWL_SEAL_##name,
	PAWL_SEAL_VERDICT_LIST(X)
#undef X
} pawl_seal_verdict;

/* Never NULL; static storage. */
const char *pawl_seal_verdict_id(pawl_seal_verdict verdict);
const char *pawl_seal_verdict_text(pawl_seal_verdict verdict);

/* --- keys as text (Bech32) --- */

/* The recipient (public key) of an identity (secret key). PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_seal_recipient_of(
    const uint8_t identity[32], uint8_t ret_recipient[32]);
/* Appends "age1..." or "AGE-SECRET-KEY-1...". */
void pawl_seal_put_recipient(struct pawl_buf *out, const uint8_t recipient[32]);
void pawl_seal_put_identity(struct pawl_buf *out, const uint8_t identity[32]);
/* The text and nothing around it, all lower or all upper case. PAWL_ERR_SYNTAX: another
 * prefix, length or character, spare bits that are not zero, or a wrong checksum. */
PAWL_MUST_CHECK pawl_err pawl_seal_recipient_parse(
    struct pawl_bytes text, uint8_t ret_recipient[32]);
PAWL_MUST_CHECK pawl_err pawl_seal_identity_parse(struct pawl_bytes text, uint8_t ret_identity[32]);

/* --- sealing --- */

/* A sealed file is a header and a payload that share only the file key: one payload may
 * stand behind any of several headers. */

struct pawl_seal_recipient {
	uint8_t public_key[PAWL_SEAL_KEY_SIZE];
	uint8_t ephemeral[PAWL_SEAL_KEY_SIZE]; /* random, fresh for each stanza    */
};

/* Appends the header for 1 or more recipients, PAWL_SEAL_HEADER_FRAME bytes and
 * PAWL_SEAL_STANZA_SIZE for each. PAWL_ERR_LIMIT: it does not fit, or would exceed
 * PAWL_SEAL_HEADER_MAX. PAWL_ERR_CRYPTO: a recipient is no usable key. PAWL_ERR_NO_MEMORY.
 * On failure `out` is as it was. */
PAWL_MUST_CHECK pawl_err pawl_seal_put_header(struct pawl_buf *out, const uint8_t file_key[16],
    const struct pawl_seal_recipient *recipients, size_t recipient_count);

/* Both engines: what a step needs before it can go on. */
typedef enum pawl_seal_step {
	PAWL_SEAL_NEED_INPUT,  /* `in` is used up and was not the end                */
	PAWL_SEAL_OUTPUT_FULL, /* `out` is full; call again with room                */
	PAWL_SEAL_DONE,        /* all is written; repeats                            */
	PAWL_SEAL_FAILED       /* see the verdict; nothing more comes; repeats       */
} pawl_seal_step;

/* Seals a payload: nonce and chunks. Fields are private. */
struct pawl_seal_writer {
	uint8_t chunk[PAWL_SEAL_CHUNK_SIZE + PAWL_SEAL_TAG_SIZE];
	uint8_t key[32];
	uint64_t counter; /* of the chunk being filled                               */
	size_t size;      /* bytes in `chunk`                                        */
	size_t given;     /* of these written to `out`; used when emitting           */
	bool is_emitting;
	bool is_last;
	bool is_failed;
};

/* PAWL_ERR_NO_MEMORY. */
PAWL_MUST_CHECK pawl_err pawl_seal_writer_init(
    struct pawl_seal_writer *writer, const uint8_t file_key[16], const uint8_t nonce[16]);
/* Takes plaintext from the front of `*in`, which shrinks, and appends payload to `out`.
 * `is_end`: nothing follows `*in`; say so with the last bytes or with none. FAILED only for
 * PAWL_SEAL_CRYPTO. */
pawl_seal_step pawl_seal_writer_step(
    struct pawl_seal_writer *writer, struct pawl_bytes *in, bool is_end, struct pawl_buf *out);
/* Wipes; takes NULL. Needed unless the last step said DONE or FAILED. */
void pawl_seal_writer_finish(struct pawl_seal_writer *writer);

/* --- opening --- */

/* Opens a file. Fields are private. */
struct pawl_seal_reader {
	uint8_t chunk[PAWL_SEAL_CHUNK_SIZE + PAWL_SEAL_TAG_SIZE]; /* first: the header */
	uint8_t identities[PAWL_SEAL_IDENTITIES_MAX][PAWL_SEAL_KEY_SIZE];
	size_t identity_count;
	uint8_t file_key[PAWL_SEAL_FILE_KEY_SIZE];
	uint8_t key[32];
	uint64_t payload_at; /* offset in the file of chunk 0                        */
	uint64_t counter;    /* of the chunk being filled or handed out              */
	size_t size;         /* bytes in `chunk`                                     */
	size_t line_at;      /* where the unfinished line of the header begins       */
	size_t given;        /* plaintext of this chunk that `out` has received      */
	bool is_last;        /* this chunk ends the file                             */
	uint8_t state;
	pawl_seal_verdict verdict;
	pawl_seal_verdict verdict_after; /* once this chunk is handed out            */
};

/* Copies 1 to PAWL_SEAL_IDENTITIES_MAX secret keys; they are wiped once the header is read. */
void pawl_seal_reader_init(
    struct pawl_seal_reader *reader, const uint8_t (*identities)[32], size_t identity_count);

/* As init, but goes on at chunk `chunk` of a file whose first bytes are known: `start` holds
 * at least the header and the payload's nonce (pawl_seal_reader_payload_at bytes). On
 * PAWL_SEAL_OK the next byte to feed is that at `*ret_offset` of the file. Else: why the header
 * does not open; TRUNCATED when `start` is too short. The reader then steps to FAILED.
 * Chunks that are skipped are not checked: whoever resumes has kept their plaintext safe. */
PAWL_MUST_CHECK pawl_seal_verdict pawl_seal_reader_resume(struct pawl_seal_reader *reader,
    const uint8_t (*identities)[32], size_t identity_count, struct pawl_bytes start, uint64_t chunk,
    uint64_t *ret_offset);

/* Takes file bytes from the front of `*in`, which shrinks, and appends plaintext to `out`.
 * `is_end`: nothing follows `*in`; say so with the last bytes or with none.
 * Only plaintext whose chunk was authenticated is ever written, whole chunk by whole chunk in
 * order; but the file as a whole is known to be complete only at DONE. */
pawl_seal_step pawl_seal_reader_step(
    struct pawl_seal_reader *reader, struct pawl_bytes *in, bool is_end, struct pawl_buf *out);

/* PAWL_SEAL_OK until a step says FAILED. */
pawl_seal_verdict pawl_seal_reader_verdict(const struct pawl_seal_reader *reader);
/* Bytes of header and nonce: what a caller keeps to resume. 0 until the header was read. */
uint64_t pawl_seal_reader_payload_at(const struct pawl_seal_reader *reader);
/* Chunks handed out completely: where to resume. Their plaintext is this many times
 * PAWL_SEAL_CHUNK_SIZE, less what the last chunk of the file lacks. */
uint64_t pawl_seal_reader_chunks(const struct pawl_seal_reader *reader);
/* Wipes; takes NULL. Needed unless the last step said DONE or FAILED. */
void pawl_seal_reader_finish(struct pawl_seal_reader *reader);

/* Bytes of the payload (nonce and chunks) for `plain_size` bytes below 2^62, and back:
 * PAWL_ERR_SYNTAX when no payload has that size. */
uint64_t pawl_seal_payload_size(uint64_t plain_size);
PAWL_MUST_CHECK pawl_err pawl_seal_plain_size(uint64_t payload_size, uint64_t *ret_plain_size);

#endif
