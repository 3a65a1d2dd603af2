/* SPDX-License-Identifier: MIT */
/* mutating.h: containers (data/container.h) with changed bytes or numbers, and checksums that were
 * made right again, as somebody would who means harm. */
#ifndef RMX_MUTATING_H
#define RMX_MUTATING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MUTANT_ROOM = 1 << 18 };

typedef struct mutant {
    unsigned char bytes[MUTANT_ROOM];
    size_t size;
} mutant;

/* Which checksums are made right again, from the innermost to the outermost. */
typedef enum mend_level {
    MEND_NOTHING,
    MEND_HEAD,    /* the head's own, sizes in it */
    MEND_INDEX,   /* and that of the index, and of what is in no array */
    MEND_ARRAYS,  /* and of each array */
    MEND_BLOCKS,  /* and of each block of rows */
    MEND_CONTENT, /* and the encoding hash, fingerprint and params_xxh3 */
    MEND_LEVELS
} mend_level;

/* Bytes anywhere: bits, runs, moves, cuts, additions, pieces of another file. */
void mutant_change_bytes(mutant *m, const mutant *other, uint64_t *chance);
/* A number, text or list of the index becomes another one, goes away or comes twice. */
void mutant_change_index(mutant *m, uint64_t *chance);
/* Bytes of an array of rows or of a tensor. */
void mutant_change_array(mutant *m, uint64_t *chance);
/* Bytes of an HDF5 object header, whose own checksum (lookup3) is made right again. */
void mutant_change_headers(mutant *m, uint64_t *chance);
/* Makes checksums right as far as the file can still be taken apart. */
void mutant_mend(mutant *m, mend_level level);

#endif /* RMX_MUTATING_H */
