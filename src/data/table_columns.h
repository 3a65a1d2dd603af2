/* SPDX-License-Identifier: MIT */
/* table_columns.h: from the values of a text row to a row of the dataset; for src/data only.
 *
 * rmx_columns_read parses the values of a row into cells. After that the pass that fits calls
 * rmx_columns_observe, and the pass that writes calls rmx_columns_write. */
#ifndef RMX_DATA_TABLE_COLUMNS_H
#define RMX_DATA_TABLE_COLUMNS_H

#include "data/bad_rows.h"
#include "data/column_label.h"
#include "data/column_stats.h"
#include "data/dataset_file.h"
#include "data/spec.h"
#include "data/value_table.h"

/* What fitting keeps of a column beside the spec. */
typedef struct rmx_column_fit {
    rmx_value_table table; /* sparse: counts while fitting, then ids */
    uint64_t *list;        /* sparse with a table: the hashes in order of their ids */
    int64_t listed;
    int64_t count; /* dense: values seen; their mean and sum of squared distances (Welford) */
    double mean, squares;
    rmx_label_values label;
    double *missing; /* dense: the spec's missing values that are numbers */
    int32_t missings;
    rmx_column_stats stats; /* dense and time: what became of the values */
} rmx_column_fit;

/* A value as it was read. */
typedef struct rmx_cell {
    bool missing;
    uint8_t label;
    float value;    /* dense: as it is written, where the column is fitted */
    double raw;     /* dense: as read; time: seconds since 1970 */
    double number;  /* dense: after log; time: as raw */
    int64_t second; /* time: raw, rounded down */
    uint64_t hash;  /* sparse */
} rmx_cell;

typedef struct rmx_columns {
    rmx_spec *spec;
    rmx_column_fit *fit; /* [columns] */
    rmx_cell *cell;      /* [columns] of the row read last */
    bool labelled;       /* false: label columns are absent or not wanted */
    bool fitted;
} rmx_columns;

/* Rows of the dataset before the writer takes them, and counts of all rows so far. */
typedef struct rmx_block {
    rmx_rows rows;                              /* without texts */
    char (*text_bytes)[RMX_TEXT_VALUE_MAX + 1]; /* [rows, text_columns] */
    const char **text;                          /* [rows, text_columns] */
    int64_t *unknown;                           /* [sparse_fields] ids that are 0 */
    int64_t missing;                            /* dense values and times */
} rmx_block;

RMX_NODISCARD rmx_status rmx_columns_create(rmx_columns *out, rmx_spec *spec, bool labelled,
                                            rmx_error *error);
void rmx_columns_free(rmx_columns *columns);          /* zeros are fine */
void rmx_columns_forget_labels(rmx_columns *columns); /* which labels were seen */

/* Parses a row; value[i] belongs to column i of the spec, NULL where the table has none. True where
 * the row is good; else *bad says what is wrong. */
bool rmx_columns_read(rmx_columns *columns, char *const *value, rmx_bad *bad);
/* Counts the row that was read. RMX_ERR_MEMORY: too many values. */
RMX_NODISCARD rmx_status rmx_columns_observe(rmx_columns *columns, char *const *value,
                                             rmx_error *error);
/* Writes the row that was read as row `at` of the block. statistics: dense values are looked at
 * for the warnings. */
void rmx_columns_write(rmx_columns *columns, char *const *value, const rmx_schema *schema,
                       rmx_block *block, int64_t at, bool statistics);

/* ---- column_fit.c --------------------------------------------------------------------------- */

/* Fixes ids, centres and factors from what was observed. */
RMX_NODISCARD rmx_status rmx_columns_fit(rmx_columns *columns, rmx_error *error);
/* Takes ids from the tables of a dataset instead, and checks them against its encodings. */
RMX_NODISCARD rmx_status rmx_columns_load(rmx_columns *columns, const char *dataset,
                                          rmx_error *error);
/* Fields, encodings, keys and spec of the dataset that a fitted spec makes. */
RMX_NODISCARD rmx_status rmx_columns_schema(const rmx_columns *columns, rmx_schema *out,
                                            rmx_error *error);

#endif /* RMX_DATA_TABLE_COLUMNS_H */
