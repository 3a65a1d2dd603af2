/* SPDX-License-Identifier: MIT */
/* text_cut.h: cuts one row of text into values. */
#ifndef RMX_DATA_TEXT_CUT_H
#define RMX_DATA_TEXT_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "data/text_rows.h"

/* The values of the last row, and the format. */
typedef struct rmx_text_cutter {
    char separator[8];
    size_t separator_bytes;
    bool quotes, trim;
    char *text;     /* the values' bytes */
    char **value;   /* [RMX_TEXT_COLUMNS_MAX] */
    int32_t values; /* RMX_TEXT_COLUMNS_MAX + 1 where there are more */
} rmx_text_cutter;

RMX_NODISCARD rmx_status rmx_text_cutter_open(const rmx_text_format *format, rmx_text_cutter *out,
                                              rmx_error *error);
void rmx_text_cutter_close(rmx_text_cutter *cutter); /* zeros are fine */

/* A whole row, of at most RMX_TEXT_LINE_MAX bytes, in which no quote has a meaning. */
void rmx_text_cut_plain(rmx_text_cutter *cutter, const char *row, size_t bytes);

typedef enum rmx_text_cut {
    RMX_TEXT_CUT,      /* used: bytes of the row, without its line end */
    RMX_TEXT_MORE,     /* the row goes on after these bytes; never where they are the last */
    RMX_TEXT_NO_END,   /* a quote has no end; only where they are the last */
    RMX_TEXT_AFTER_END /* something other than a separator follows a quote's end */
} rmx_text_cut;

/* A row that may go over several lines, as values may stand in quotes; `last`: the text ends after
 * these bytes, of which there are at most RMX_TEXT_LINE_MAX + RMX_TEXT_CUT_EXTRA. */
#define RMX_TEXT_CUT_EXTRA 16
rmx_text_cut rmx_text_cut_quoted(rmx_text_cutter *cutter, const char *row, size_t bytes, bool last,
                                 size_t *used);

#endif /* RMX_DATA_TEXT_CUT_H */
