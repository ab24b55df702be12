/* SPDX-License-Identifier: MIT
 *
 * pawl/bootrec.h - the boot record: what boot loader and agent share.
 *
 * Pure and freestanding; no heap. Two copies, each in a sector of its own.
 * The valid copy with the higher sequence number counts, and a write always
 * goes to the other one, so that a write cut at any byte leaves the record as
 * it was. One writer at a time: the loader before it starts a slot, the agent
 * after.
 *
 * Layout of one copy, little-endian, PAWL_BOOTREC_SIZE bytes at the start of
 * its sector:
 *
 *   offset size
 *        0    4  "PBRC"
 *        4    2  format version, 1
 *        6    1  running slot: 0, 1 or 255
 *        7    1  reason of the last boot (pawl_boot_reason)
 *        8    8  sequence number
 *       16    8  floor of `sec`
 *       24   96  slot A
 *      120   96  slot B
 *      216   36  0
 *      252    4  CRC-32 of bytes 0 to 251
 *
 * and of one slot:
 *
 *        0    1  state (pawl_slot_state)
 *        1    1  tries left
 *        2    1  how its last failed run ended (pawl_boot_reason)
 *        3    1  length of the version, 0 to 32
 *        4    8  sec
 *       12    8  seq
 *       20    8  image length in bytes
 *       28   32  SHA-256 of the image
 *       60   32  version, printable ASCII, filled up with 0
 *       92    4  0
 */
#ifndef PAWL_BOOTREC_H
#define PAWL_BOOTREC_H

#include "pawl/bytes.h"
#include "pawl/err.h"
#include "pawl/limits.h"
#include "pawl/slots.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	PAWL_BOOTREC_SIZE = 256,         /* bytes of one encoded copy               */
	PAWL_BOOTREC_SECTOR_SIZE = 4096, /* from the start of one copy to the next  */
	PAWL_BOOTREC_COPIES = 2,
	PAWL_BOOTREC_FILE_SIZE = 2 * 4096 /* of the file or partition                */
};

/* What the slot holds, or is about to hold while it is WRITING. The agent
 * fills it in before WRITE_BEGIN is stored; nothing here is trusted without
 * hashing the slot. All zero when nothing is known. */
struct pawl_bootrec_image {
	uint64_t seq;
	uint64_t length; /* bytes of the image from the start of the slot         */
	uint8_t sha256[PAWL_SHA256_SIZE];   /* of these bytes                          */
	char version[PAWL_VERSION_MAX + 1]; /* printable ASCII without space, or ""  */
};

struct pawl_bootrec {
	uint64_t sequence;       /* raised by one by each store                            */
	pawl_boot_reason reason; /* of the last boot                                 */
	struct pawl_slots slots;
	struct pawl_bootrec_image image[PAWL_SLOT_COUNT];
};

/* --- one copy as bytes --- */

/* The record must be valid (pawl_slots_valid, version text); panics otherwise. */
void pawl_bootrec_encode(const struct pawl_bootrec *record, uint8_t ret_copy[PAWL_BOOTREC_SIZE]);

/* Reads the first PAWL_BOOTREC_SIZE bytes; bytes behind them are not looked at.
 * PAWL_ERR_TRUNCATED: fewer bytes; PAWL_ERR_CORRUPT: no such magic or a wrong
 * checksum; PAWL_ERR_UNSUPPORTED: another format version; PAWL_ERR_RANGE: a field
 * outside its range; PAWL_ERR_SYNTAX: a filling byte that is not 0.
 * What decodes encodes to the same bytes again. */
PAWL_MUST_CHECK pawl_err pawl_bootrec_decode(
    struct pawl_bytes copy, struct pawl_bootrec *ret_record);

/* --- two copies --- */

/* The copy that counts, 0 or 1, given what pawl_bootrec_decode said of each.
 * PAWL_ERR_CORRUPT: neither is valid. PAWL_ERR_UNSUPPORTED: neither is valid and
 * one is of another format version. */
PAWL_MUST_CHECK pawl_err pawl_bootrec_choose(const pawl_err verdicts[PAWL_BOOTREC_COPIES],
    const uint64_t sequences[PAWL_BOOTREC_COPIES], unsigned *ret_copy);

/* Where the copies live. Offsets are multiples of PAWL_BOOTREC_SECTOR_SIZE, sizes
 * PAWL_BOOTREC_SIZE. Flash erases the sector in `write`. A file or block device:
 * pread, pwrite and fsync of the whole length, and PAWL_ERR_IO when it is short. */
struct pawl_bootrec_device {
	void *context;
	pawl_err (*read)(void *context, uint64_t offset, void *ret_bytes, size_t size);
	pawl_err (*write)(void *context, uint64_t offset, const void *bytes, size_t size);
	pawl_err (*sync)(void *context); /* everything written so far is durable */
};

/* Reads the record that counts. One copy that can not be read (PAWL_ERR_IO) or
 * is not valid is no error as long as the other is. PAWL_ERR_IO: neither could be
 * read; else as pawl_bootrec_choose. */
PAWL_MUST_CHECK pawl_err pawl_bootrec_load(
    const struct pawl_bootrec_device *device, struct pawl_bootrec *ret_record);

/* Writes the record over the copy that does not count, syncs, reads it back,
 * and only then raises `record->sequence`. PAWL_ERR_REFUSED: the stored record is
 * not the one that `record` was loaded as (someone else stored since, or an
 * earlier store that reported an error did reach the device): load again.
 * PAWL_ERR_CORRUPT: what was read back differs. PAWL_ERR_IO and others: as the
 * device says. After a failure either the old or the new record counts. */
PAWL_MUST_CHECK pawl_err pawl_bootrec_store(
    const struct pawl_bootrec_device *device, struct pawl_bootrec *record);

/* Factory: writes both copies, whatever was there. The sequence numbers are
 * `record->sequence` and one more, which `record` then has. */
PAWL_MUST_CHECK pawl_err pawl_bootrec_format(
    const struct pawl_bootrec_device *device, struct pawl_bootrec *record);

#endif
