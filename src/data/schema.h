/* SPDX-License-Identifier: MIT */
/* schema.h: what a dataset holds besides its rows: names, encodings, its source.
 *
 * The encoding of a field gives its numbers their meaning: the value table of a sparse field, the
 * centre and scale of a dense one. Two sets can be used together only where the encodings of all
 * fields are equal: rmx_schema_match compares them. */
#ifndef RMX_DATA_SCHEMA_H
#define RMX_DATA_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "rankmixer/loss.h" /* RMX_LABEL_MASKED */

#define RMX_SCHEMA_FIELDS_MAX 65536
#define RMX_SCHEMA_NAME_MAX 127        /* bytes of a name, its end not counted */
#define RMX_SCHEMA_TEXT_MAX (16 << 20) /* bytes of spec (RMX_SPEC_TEXT_MAX) and of source */
#define RMX_SCHEMA_TEXT_COLUMNS_MAX 64
#define RMX_TEXT_VALUE_MAX 255 /* bytes of a key */

typedef struct rmx_encoding {
    char *transform; /* what turns a value into a number: "table", "table last=2", "buckets=100",
                        "id", "log zscore centre=0x1.8p+3 factor=0x1p-2"; never NULL */
    int64_t values;  /* entries of the value table; 0: none */
    uint64_t hash;   /* XXH3-64 of those entries, 8 little-endian bytes each; 0 without a table */
    bool unknown;    /* sparse: id 0 means unknown, rare or missing: its embedding starts at 0 */
} rmx_encoding;

/* Counts over the rows; the writer counts, the reader fills in. */
typedef struct rmx_label_count {
    int64_t positive, negative, masked;
} rmx_label_count;

typedef struct rmx_schema {
    int64_t rows; /* filled in by the reader; the writer counts for itself */
    int32_t sparse_fields, dense_fields, tasks; /* tasks 0: the set has no labels by design */
    bool has_label;                             /* false: rows to be scored only */
    bool has_group;                             /* /group: a hash for GAUC, 0: the row has none */
    bool has_row;        /* /row: number of the data row in the source, from 0 */
    int64_t *vocabulary; /* [sparse_fields], 1 .. 2^32 - 1: ids are below it */
    char **names;        /* [sparse_fields + dense_fields], sparse first, as in rmx_model_config */
    rmx_encoding *encoding;       /* [sparse_fields + dense_fields] */
    char **task_names;            /* [tasks] */
    bool *task_masked;            /* [tasks]: labels may be RMX_LABEL_MASKED */
    rmx_label_count *label_count; /* [tasks] */
    int64_t rows_without_group;   /* filled in by the reader */
    int32_t text_columns;         /* texts kept as written: keys, and the group */
    char **text_names;            /* [text_columns] */
    int32_t *text_bytes;  /* [text_columns] bytes of the widest value, >= 1; known when written */
    int32_t group_text;   /* the text column that is the group as written; -1: none */
    char *spec;           /* the column spec with what was fitted, for later imports; "" */
    char *source;         /* where the rows came from, for people; no content; "" */
    double ceiling_auc;   /* best AUC that any model can reach (synthetic data); NaN: unknown */
    uint64_t fingerprint; /* of content: encodings, names, rows; not of source; 0 before writing */
} rmx_schema;

/* Allocates every array: names "c0", ... and "d0", ..., tasks "label" or "label0", ..., encodings
 * "id" and "none", vocabularies 1, texts "", ceiling NaN, has_label where tasks > 0. Returns
 * RMX_OK, RMX_ERR_ARGUMENT (a count out of range), RMX_ERR_MEMORY; on failure *out is empty. */
RMX_NODISCARD rmx_status rmx_schema_init(rmx_schema *out, int32_t sparse_fields,
                                         int32_t dense_fields, int32_t tasks, rmx_error *error);
/* Adds a text column; is_group: it is the group as written. */
RMX_NODISCARD rmx_status rmx_schema_add_text(rmx_schema *schema, const char *name, bool is_group,
                                             rmx_error *error);
RMX_NODISCARD rmx_status rmx_schema_copy(rmx_schema *out, const rmx_schema *from,
                                         rmx_error *error);
void rmx_schema_free(rmx_schema *schema); /* leaves zeros; zeros and NULL are fine */

/* Replaces one of the schema's strings (&schema->names[i], &schema->source, ...) by a copy. */
RMX_NODISCARD rmx_status rmx_schema_set(char **slot, const char *text, rmx_error *error);

/* Counts in range, names non-empty, valid UTF-8, printable and unique, vocabularies in range.
 * Returns RMX_OK or RMX_ERR_ARGUMENT. */
RMX_NODISCARD rmx_status rmx_schema_check(const rmx_schema *schema, rmx_error *error);

/* The field called name, counted as in names; -1 if there is none. */
int32_t rmx_schema_find(const rmx_schema *schema, const char *name);

/* Whether a number means the same in both sets, as in a set for training and one for validation.
 * Fields, names, encodings, vocabularies and, where both have labels, tasks must be equal. Rows,
 * texts, group, ceiling and fingerprint may differ. RMX_OK, or RMX_ERR_DATA with a text that names
 * both files, the first difference and --vocab-from. */
RMX_NODISCARD rmx_status rmx_schema_match(const rmx_schema *a, const char *a_path,
                                          const rmx_schema *b, const char *b_path,
                                          rmx_error *error);
/* One number for the encodings of all fields, as rmx-data info and rmx-info print it. */
uint64_t rmx_schema_encoding_hash(const rmx_schema *schema);
/* RMX_ERR_DATA, with what to do, where the set has no labels. For training and evaluation. */
RMX_NODISCARD rmx_status rmx_schema_need_labels(const rmx_schema *schema, const char *path,
                                                rmx_error *error);

/* Bytes of one row in the file's types. */
int64_t rmx_schema_row_bytes(const rmx_schema *schema);

#endif /* RMX_DATA_SCHEMA_H */
