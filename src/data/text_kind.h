/* SPDX-License-Identifier: MIT */
/* text_kind.h: names what is given for a text table and is none, with the way to go on. */
#ifndef RMX_DATA_TEXT_KIND_H
#define RMX_DATA_TEXT_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "data/text_rows.h"

#define RMX_TEXT_HEAD_BYTES (64 << 10) /* of a file are looked at */

typedef struct rmx_text_kind {
    const char *name;   /* "a zip archive" */
    const char *advice; /* "unpack it first, ..." */
} rmx_text_kind;

/* By the first bytes; NULL: no binary format is known by them, and they look like text. */
const rmx_text_kind *rmx_binary_kind(const unsigned char *head, size_t bytes);
/* Text that is no table, by its first lines (after those that the format leaves out): libsvm,
 * libffm, JSON, ... It is named only where all of them have its shape and the separator does not
 * make a table of them: a table is never taken for something else. whole: head is all. */
const rmx_text_kind *rmx_text_shape(const char *head, size_t bytes, bool whole,
                                    const rmx_text_format *format);

#endif /* RMX_DATA_TEXT_KIND_H */
