/* SPDX-License-Identifier: MIT */
/* import.h: text tables (CSV, TSV, Criteo, Avazu) into a dataset.
 *
 * A column spec (docs/data.md) says what each column becomes. The input is read in two passes. The
 * first one counts values and moments and fixes ids and transforms; the second one writes. With
 * `fitted_on` there is no first pass: the import uses the ids and transforms of that file, so that
 * a number means the same in training and validation. */
#ifndef RMX_DATA_IMPORT_H
#define RMX_DATA_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "data/bad_rows.h"
#include "data/dataset.h"

typedef enum rmx_split_by {
    RMX_SPLIT_HASH,  /* of row and seed */
    RMX_SPLIT_TAIL,  /* the last rows */
    RMX_SPLIT_GROUP, /* by a hash of the group and seed: a group's rows stay together */
    RMX_SPLIT_TIME,  /* the latest rows by split_column */
    RMX_SPLIT_COLUMN /* by a hash of the value in split_column and seed */
} rmx_split_by;

#define RMX_MAX_BAD 0.01 /* the default share of bad rows that is let pass */

typedef struct rmx_import_options {
    const char *format;       /* "csv", "criteo" or "avazu" */
    const char *spec;         /* path of the column spec; needed for csv, else NULL: the preset */
    const char *const *input; /* [inputs] paths, read one after the other; "-": standard input */
    int32_t inputs;
    const char *output;       /* path of the dataset */
    const char *fitted_on;    /* dataset whose ids and transforms to use; NULL: fit on the input */
    const char *split_output; /* the rows split off go here; NULL: no split */
    double split_fraction;    /* in (0, 1): share of rows split off */
    rmx_split_by split_by;
    const char *split_column;
    uint64_t split_seed;
    const char *bad_output; /* bad rows are kept here as they stand; NULL: nowhere */
    double max_bad;         /* largest share of bad rows; 0: RMX_MAX_BAD; below 0: none may be */
    bool strict;            /* the first bad or padded row is an error */
    bool unlabelled;        /* the rows have no labels: for rmx-predict only */
    rmx_progress_callback progress; /* done and total in bytes of input, over all passes */
    void *user;
} rmx_import_options;

/* What went into one output. */
typedef struct rmx_import_output {
    int64_t rows;
    int64_t rows_without_group;
    int64_t sparse_values, unknown_values; /* of columns with a table; outside of it: now id 0 */
    char worst[RMX_SCHEMA_NAME_MAX + 1];   /* the column with the largest share of those; "" */
    int64_t worst_values, worst_unknown;
    int64_t missing_values; /* dense values and times that were missing */
    rmx_label_count *label; /* [tasks] */
} rmx_import_output;

typedef struct rmx_import_result {
    int64_t rows, split_rows; /* written */
    int64_t data_rows;        /* of the input, good and bad */
    int64_t bad_rows;         /* left out */
    char first_bad[512];      /* "FILE:LINE: why" of the first bad row; "" */
    rmx_bad_reason *reason;   /* [reasons] the commonest first */
    int32_t reasons;
    int64_t padded_rows, padded_values;
    int64_t unknown_values, missing_values; /* of both outputs */
    bool no_labels, has_group;
    int32_t tasks;
    char **task;                 /* [tasks] names */
    rmx_import_output output[2]; /* the second: of the split */
    char **warning;              /* [warnings] a sentence each */
    int32_t warnings;
} rmx_import_result;

/* Returns RMX_OK, RMX_ERR_ARGUMENT (options, spec: file:line and the fix), RMX_ERR_DATA (input or
 * output; too many bad rows), RMX_ERR_MEMORY. On failure no output is written, and older files
 * under their names stay as they were. In every case *result holds what is known so far, such as
 * the bad rows: free it with rmx_import_result_free. It may be NULL. */
RMX_NODISCARD rmx_status rmx_import(const rmx_import_options *options, rmx_import_result *result,
                                    rmx_error *error);
void rmx_import_result_free(rmx_import_result *result); /* leaves zeros; zeros are fine */

#endif /* RMX_DATA_IMPORT_H */
