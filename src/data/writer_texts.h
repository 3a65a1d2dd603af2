/* SPDX-License-Identifier: MIT */
/* writer_texts.h: the text columns of a set while it is written. Their widths are known only at
 * the end. Until then values stand one after the other, each after a byte with its length; then
 * they become records of fixed widths. */
#ifndef RMX_DATA_WRITER_TEXTS_H
#define RMX_DATA_WRITER_TEXTS_H

#include "data/spool.h"

typedef struct rmx_writer_texts {
    int32_t columns;
    int32_t *widest;  /* [columns], at least 1 */
    rmx_spool values; /* as they come */
    char *buffer;     /* of values not in the spool yet */
    int64_t held;
} rmx_writer_texts;

/* near: a file of the folder to use. */
RMX_NODISCARD rmx_status rmx_writer_texts_open(const char *near, int32_t columns,
                                               rmx_writer_texts *out, rmx_error *error);
RMX_NODISCARD rmx_status rmx_writer_texts_add(rmx_writer_texts *texts, const char *name,
                                              int64_t rows, const char *const *text,
                                              rmx_error *error);
/* Writes the records of all rows to `out`, which is open. *all and block_hash: the XXH3-64 of all
 * of them and of each block of block_rows. */
RMX_NODISCARD rmx_status rmx_writer_texts_records(rmx_writer_texts *texts, const char *name,
                                                  int64_t rows, int64_t block_rows, rmx_spool *out,
                                                  uint64_t *all, uint64_t *block_hash,
                                                  rmx_error *error);
void rmx_writer_texts_close(rmx_writer_texts *texts); /* zeros are fine */

#endif /* RMX_DATA_WRITER_TEXTS_H */
