/* SPDX-License-Identifier: MIT */
/* schema.h: what a dataset holds besides its rows: names, vocabularies, where it came from. */
#ifndef RMX_DATA_SCHEMA_H
#define RMX_DATA_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

#define RMX_SCHEMA_FIELDS_MAX 65536
#define RMX_SCHEMA_NAME_MAX 127           /* bytes of a name, its end not counted */
#define RMX_SCHEMA_TEXT_MAX (1024 * 1024) /* bytes of transform and of source */

typedef struct rmx_schema {
    int64_t rows; /* filled in by the reader; the writer counts for itself */
    int32_t sparse_fields, dense_fields, tasks;
    bool has_group;
    int64_t *vocabulary; /* [sparse_fields], 1 .. 2^32 - 1: ids are below it */
    char **names;        /* [sparse_fields + dense_fields], sparse first, as in rmx_model_config */
    char **task_names;   /* [tasks] */
    char *transform;     /* how columns became values, for people and for later imports; "" */
    char *source;        /* where the rows came from, for people; "" */
    double ceiling_auc;  /* best AUC that any model can reach (synthetic data); NaN: unknown */
    uint64_t fingerprint; /* of schema and rows; equal files have equal ones; 0 before writing */
} rmx_schema;

/* Allocates every array: names "c0", ... and "d0", ..., tasks "label" or "label0", ...,
 * vocabularies 1, texts "", ceiling NaN. Returns RMX_OK, RMX_ERR_ARGUMENT (a count out of
 * range), RMX_ERR_MEMORY; on failure *out holds nothing. */
RMX_NODISCARD rmx_status rmx_schema_init(rmx_schema *out, int32_t sparse_fields,
                                         int32_t dense_fields, int32_t tasks, rmx_error *error);
RMX_NODISCARD rmx_status rmx_schema_copy(rmx_schema *out, const rmx_schema *from,
                                         rmx_error *error);
void rmx_schema_free(rmx_schema *schema); /* leaves zeros; zeros and NULL are fine */

/* Replaces one of the schema's strings (&schema->names[i], &schema->source, ...) by a copy. */
RMX_NODISCARD rmx_status rmx_schema_set(char **slot, const char *text, rmx_error *error);

/* Counts in range, names non-empty, printable, unique and without ',', vocabularies in range.
 * Returns RMX_OK or RMX_ERR_ARGUMENT. */
RMX_NODISCARD rmx_status rmx_schema_check(const rmx_schema *schema, rmx_error *error);

/* The field called name, counted as in names; -1 if there is none. */
int32_t rmx_schema_find(const rmx_schema *schema, const char *name);

/* A set for validation has to look like the one trained on: same fields, names, vocabularies and
 * tasks (rows, texts, group, ceiling and fingerprint may differ). RMX_OK, or RMX_ERR_DATA with a
 * text that names both files and the first difference. */
RMX_NODISCARD rmx_status rmx_schema_match(const rmx_schema *a, const char *a_path,
                                          const rmx_schema *b, const char *b_path,
                                          rmx_error *error);

/* Bytes of one row in the file's types: tasks + 4 dense + 4 sparse (+ 8). */
int64_t rmx_schema_row_bytes(const rmx_schema *schema);

#endif /* RMX_DATA_SCHEMA_H */
