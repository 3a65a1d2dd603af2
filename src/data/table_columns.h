/* SPDX-License-Identifier: MIT */
/* table_columns.h: from the values of a text row to a row of the dataset; for src/data only. */
#ifndef RMX_DATA_TABLE_COLUMNS_H
#define RMX_DATA_TABLE_COLUMNS_H

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
} rmx_column_fit;

typedef struct rmx_columns {
    rmx_spec *spec;
    rmx_column_fit *fit;      /* [columns] */
    int64_t unknown, missing; /* values so far */
    char why[200];            /* of the last bad row */
} rmx_columns;

RMX_NODISCARD rmx_status rmx_columns_create(rmx_columns *out, rmx_spec *spec, rmx_error *error);
void rmx_columns_free(rmx_columns *columns);

/* True where the row is good; else why says what is wrong. value[i] belongs to column i of the
 * spec; NULL for columns to skip. */
bool rmx_columns_good(rmx_columns *columns, char *const *value);
/* Takes a good row into account; false: out of memory or too many values (why says it). */
bool rmx_columns_observe(rmx_columns *columns, char *const *value);
/* Fixes ids, centres and factors from what was observed. */
RMX_NODISCARD rmx_status rmx_columns_fit(rmx_columns *columns, rmx_error *error);
/* Takes ids from the tables of a dataset instead. */
RMX_NODISCARD rmx_status rmx_columns_load(rmx_columns *columns, const char *dataset,
                                          rmx_error *error);
/* Fields, vocabularies and transform of the dataset that a fitted spec makes. */
RMX_NODISCARD rmx_status rmx_columns_schema(const rmx_columns *columns, rmx_schema *out,
                                            rmx_error *error);
/* Writes a good row as row `at` of rows. */
void rmx_columns_convert(rmx_columns *columns, char *const *value, const rmx_schema *schema,
                         const rmx_rows *rows, int64_t at);

#endif /* RMX_DATA_TABLE_COLUMNS_H */
