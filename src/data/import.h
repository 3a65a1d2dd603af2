/* SPDX-License-Identifier: MIT */
/* import.h: text tables of others (CSV, TSV, Criteo, Avazu) into a dataset.
 *
 * A column spec (docs/data.md; configs/adult.columns.ini) says what each column becomes. Two
 * passes over the input, both streaming: the first counts values and moments and fixes ids and
 * transforms, the second writes. A set imported with `fitted_on` skips the first pass and uses
 * what is stored in that file, so that train and validation mean the same by the same number. */
#ifndef RMX_DATA_IMPORT_H
#define RMX_DATA_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "data/dataset.h"

typedef struct rmx_import_options {
    const char *format;       /* "csv", "criteo" or "avazu" */
    const char *spec;         /* path of the column spec; needed for csv, else NULL: the preset */
    const char *const *input; /* [inputs] paths, read one after the other */
    int32_t inputs;
    const char *output;       /* path of the dataset */
    const char *fitted_on;    /* dataset whose ids and transforms to use; NULL: fit on the input */
    const char *split_output; /* the rows split off go here; NULL: no split */
    double split_fraction;    /* in (0, 1): share of rows split off */
    bool split_tail;          /* true: the last rows; false: chosen by a hash of row and seed */
    uint64_t split_seed;
    bool strict;                    /* the first bad row is an error */
    rmx_progress_callback progress; /* done and total in bytes of input, over both passes */
    void *user;
} rmx_import_options;

typedef struct rmx_import_result {
    int64_t rows, split_rows; /* written */
    int64_t bad_rows;         /* left out: wrong number of columns, no number where one belongs */
    int64_t unknown_values;   /* sparse values outside the vocabulary, now id 0 */
    int64_t missing_values;   /* dense values that were missing */
    char first_bad[512];      /* "FILE:LINE: why" of the first bad row; "" */
} rmx_import_result;

/* Returns RMX_OK, RMX_ERR_ARGUMENT (options, spec: file:line and the fix), RMX_ERR_DATA (input or
 * output), RMX_ERR_MEMORY; on failure no output is left behind. */
RMX_NODISCARD rmx_status rmx_import(const rmx_import_options *options, rmx_import_result *result,
                                    rmx_error *error);

#endif /* RMX_DATA_IMPORT_H */
