/* SPDX-License-Identifier: MIT */
/* spec.h: what each column of a text table becomes; docs/data.md explains it for people.
 *
 *   [file]
 *   separator = ,          a character, or tab, comma, semicolon, space
 *   header = no            yes: columns are found by the names in the first line
 *   trim = yes             blanks around a value are no part of it
 *   pad = no               yes: values missing at the end of a line are empty ones
 *   missing = ?            this value means "missing", as the empty one always does
 *   [columns]              in the order of the file (header = no: all of them)
 *   age = dense zscore
 *   workclass = sparse min_count=5
 *   fnlwgt = skip
 *   income = label positive=>50K|>50K. negative=<=50K|<=50K.
 *   [fitted]               only in the text stored in a dataset: centre and factor of a column
 *   age = 0x1.3p+5 0x1.8p-4 */
#ifndef RMX_DATA_SPEC_H
#define RMX_DATA_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

#define RMX_SPEC_COLUMNS_MAX 4096
#define RMX_SPEC_LINE 199 /* inih cuts longer lines: they are refused */

typedef enum rmx_column_kind {
    RMX_COLUMN_SKIP,
    RMX_COLUMN_LABEL,
    RMX_COLUMN_DENSE,
    RMX_COLUMN_SPARSE,
    RMX_COLUMN_GROUP
} rmx_column_kind;

typedef struct rmx_column {
    char *name;
    char *text; /* the value as written, "dense zscore" */
    rmx_column_kind kind;
    char *positive, *negative; /* label: values separated by '|'; negative NULL: all others */
    bool log, zscore, flag;    /* dense; log first; flag: a field of its own says "missing" */
    double centre, factor;     /* dense: (x - centre) * factor; 0 and 1 without zscore */
    bool fitted;
    int64_t min_count, most, buckets; /* sparse; most values kept, 0: all; buckets 0: table */
    int64_t last;                     /* sparse: only the last n characters; 0: all */
} rmx_column;

typedef struct rmx_spec {
    char separator;
    bool header, trim, pad;
    char missing[64];
    rmx_column *column;
    int32_t columns;
} rmx_spec;

/* name stands in errors: a path or "the stored spec of ...". RMX_ERR_ARGUMENT with name:line. */
RMX_NODISCARD rmx_status rmx_spec_parse(const char *name, const char *text, rmx_spec *out,
                                        rmx_error *error);
RMX_NODISCARD rmx_status rmx_spec_load(const char *path, rmx_spec *out, rmx_error *error);
void rmx_spec_free(rmx_spec *spec);
/* As a text that rmx_spec_parse reads, with what was fitted; free it. NULL: out of memory. */
char *rmx_spec_print(const rmx_spec *spec);
/* Takes fitted numbers from a stored spec; both must name the same columns and kinds. */
RMX_NODISCARD rmx_status rmx_spec_adopt(rmx_spec *spec, const rmx_spec *fitted, const char *name,
                                        rmx_error *error);
/* The built-in spec of "criteo" or "avazu", else NULL. */
const char *rmx_spec_preset(const char *format);

#endif /* RMX_DATA_SPEC_H */
