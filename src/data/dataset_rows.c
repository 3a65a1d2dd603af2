/* SPDX-License-Identifier: MIT */
/* dataset_rows.c: rows in memory: which arrays there are, and which values are valid. */
#include <stdlib.h>
#include <string.h>

#include "data/dataset_file.h"

const rmx_set rmx_sets[RMX_SETS] = {
    [RMX_SET_LABEL] = {"/label", RMX_ARRAY_U8, 2, 1},
    [RMX_SET_DENSE] = {"/dense", RMX_ARRAY_F32, 2, 4},
    [RMX_SET_SPARSE] = {"/sparse", RMX_ARRAY_U32, 2, 4},
    [RMX_SET_GROUP] = {"/group", RMX_ARRAY_U64, 1, 8},
    [RMX_SET_ROW] = {"/row", RMX_ARRAY_U64, 1, 8},
    [RMX_SET_TEXT] = {"/text", RMX_ARRAY_TEXT, 1, 1},
};

int64_t rmx_set_columns(const rmx_schema *schema, int set)
{
    int64_t text = 0;
    switch (set) {
    case RMX_SET_LABEL: return schema->has_label ? schema->tasks : 0;
    case RMX_SET_DENSE: return schema->dense_fields;
    case RMX_SET_SPARSE: return schema->sparse_fields;
    case RMX_SET_GROUP: return schema->has_group ? 1 : 0;
    case RMX_SET_ROW: return schema->has_row ? 1 : 0;
    default:
        for (int32_t i = 0; i < schema->text_columns; i++) text += schema->text_bytes[i];
        return text;
    }
}

int64_t rmx_set_row_bytes(const rmx_schema *schema, int set)
{
    return rmx_set_columns(schema, set) * rmx_sets[set].value_bytes;
}

void *rmx_rows_pointer(const rmx_rows *rows, int set)
{
    switch (set) {
    case RMX_SET_LABEL: return rows->label;
    case RMX_SET_DENSE: return rows->dense;
    case RMX_SET_SPARSE: return rows->sparse;
    case RMX_SET_GROUP: return rows->group;
    case RMX_SET_ROW: return rows->row;
    default: return rows->text;
    }
}

/* NULL where the array is absent or memory is out. */
static void *alloc_set(const rmx_schema *schema, int set, int64_t count)
{
    const int64_t row = rmx_set_row_bytes(schema, set);
    int64_t bytes;
    if (row == 0 || __builtin_mul_overflow(row, count, &bytes) || bytes > INT64_MAX - 64)
        return NULL;
    return aligned_alloc(64, ((size_t)bytes + 64) / 64 * 64);
}

rmx_status rmx_rows_alloc(rmx_rows *out, const rmx_schema *schema, int64_t count, rmx_error *error)
{
    out->label = alloc_set(schema, RMX_SET_LABEL, count);
    out->dense = alloc_set(schema, RMX_SET_DENSE, count);
    out->sparse = alloc_set(schema, RMX_SET_SPARSE, count);
    out->group = alloc_set(schema, RMX_SET_GROUP, count);
    out->row = alloc_set(schema, RMX_SET_ROW, count);
    out->text = alloc_set(schema, RMX_SET_TEXT, count);
    for (int set = 0; set < RMX_SETS; set++)
        if (rmx_set_columns(schema, set) > 0 && !rmx_rows_pointer(out, set)) {
            rmx_rows_free(out);
            return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for %lld rows of %lld bytes",
                            (long long)count, (long long)rmx_schema_row_bytes(schema));
        }
    return RMX_OK;
}

void rmx_rows_free(rmx_rows *rows)
{
    free(rows->label);
    free(rows->dense);
    free(rows->sparse);
    free(rows->group);
    free(rows->row);
    free(rows->text);
    memset(rows, 0, sizeof *rows);
}

rmx_rows rmx_rows_at(const rmx_schema *schema, const rmx_rows *rows, int64_t at)
{
    rmx_rows out = *rows;
    if (out.label) out.label += at * schema->tasks;
    if (out.dense) out.dense += at * schema->dense_fields;
    if (out.sparse) out.sparse += at * schema->sparse_fields;
    if (out.group) out.group += at;
    if (out.row) out.row += at;
    if (out.text) out.text += at * rmx_set_columns(schema, RMX_SET_TEXT);
    return out;
}

void rmx_rows_copy(const rmx_schema *schema, const rmx_rows *to, int64_t to_row,
                   const rmx_rows *from, int64_t from_row, int64_t count)
{
    const rmx_rows target = rmx_rows_at(schema, to, to_row);
    const rmx_rows source = rmx_rows_at(schema, from, from_row);
    for (int set = 0; set < RMX_SETS; set++) {
        const int64_t bytes = rmx_set_row_bytes(schema, set) * count;
        if (bytes > 0 && rmx_rows_pointer(&target, set) && rmx_rows_pointer(&source, set))
            memcpy(rmx_rows_pointer(&target, set), rmx_rows_pointer(&source, set), (size_t)bytes);
    }
}

/* ---- Checks: a first pass without branches, a second one only to name the culprit ----------- */

static bool any_masked(const rmx_schema *schema)
{
    bool any = false;
    for (int32_t t = 0; t < schema->tasks; t++) any |= schema->task_masked[t];
    return any;
}

static bool labels_good(const rmx_schema *schema, const uint8_t *label, int64_t n)
{
    uint8_t all = 0;
    if (any_masked(schema)) {
        for (int64_t i = 0; i < n; i++)
            if (label[i] > 1 &&
                !(label[i] == RMX_LABEL_MASKED && schema->task_masked[i % schema->tasks]))
                return false;
        return true;
    }
    for (int64_t i = 0; i < n; i++) all = (uint8_t)(all | label[i]);
    return all <= 1;
}

static bool floats_good(const float *dense, int64_t n)
{
    uint32_t largest = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &dense[i], sizeof bits);
        bits &= 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7f800000u;
}

static bool ids_good(const rmx_schema *schema, const uint32_t *id, int64_t rows)
{
    const int32_t fields = schema->sparse_fields;
    int bad = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int32_t f = 0; f < fields; f++) bad |= id[r * fields + f] >= schema->vocabulary[f];
    return !bad;
}

static rmx_status name_label(const rmx_schema *schema, const char *path, int64_t first,
                             const uint8_t *label, rmx_error *error)
{
    int64_t i = 0;
    while (label[i] <= 1 ||
           (label[i] == RMX_LABEL_MASKED && schema->task_masked[i % schema->tasks]))
        i++;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s: /label, row %lld, task '%s': %u is neither 0 nor 1; write the file "
                    "anew (rmx-data import)",
                    path, (long long)(first + i / schema->tasks),
                    schema->task_names[i % schema->tasks], (unsigned)label[i]);
}

static rmx_status name_float(const rmx_schema *schema, const char *path, int64_t first,
                             const float *dense, rmx_error *error)
{
    int64_t i = 0;
    while (floats_good(dense + i, 1)) i++;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s: /dense, row %lld, field '%s': the value is not finite; write the "
                    "file anew (rmx-data import marks missing values by a flag)",
                    path, (long long)(first + i / schema->dense_fields),
                    schema->names[schema->sparse_fields + i % schema->dense_fields]);
}

static rmx_status name_id(const rmx_schema *schema, const char *path, int64_t first,
                          const uint32_t *id, rmx_error *error)
{
    const int32_t fields = schema->sparse_fields;
    int64_t i = 0;
    while (id[i] < schema->vocabulary[i % fields]) i++;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s: /sparse, row %lld, field '%s': id %u is not below the vocabulary "
                    "%lld; write the file anew (rmx-data import)",
                    path, (long long)(first + i / fields), schema->names[i % fields],
                    (unsigned)id[i], (long long)schema->vocabulary[i % fields]);
}

rmx_status rmx_rows_check(const rmx_schema *schema, const char *path, int64_t first,
                          const rmx_rows *rows, int64_t count, rmx_error *error)
{
    if (schema->has_label && rows->label &&
        !labels_good(schema, rows->label, count * schema->tasks))
        return name_label(schema, path, first, rows->label, error);
    if (rows->dense && !floats_good(rows->dense, count * schema->dense_fields))
        return name_float(schema, path, first, rows->dense, error);
    if (rows->sparse && !ids_good(schema, rows->sparse, count))
        return name_id(schema, path, first, rows->sparse, error);
    return RMX_OK;
}

void rmx_rows_count(const rmx_schema *schema, const rmx_rows *rows, int64_t count,
                    rmx_label_count *label, int64_t *without_group)
{
    for (int64_t i = 0; schema->has_label && rows->label && i < count * schema->tasks; i++) {
        rmx_label_count *n = &label[i % schema->tasks];
        n->positive += rows->label[i] == 1;
        n->negative += rows->label[i] == 0;
        n->masked += rows->label[i] == RMX_LABEL_MASKED;
    }
    for (int64_t i = 0; schema->has_group && rows->group && i < count; i++)
        *without_group += rows->group[i] == 0;
}
