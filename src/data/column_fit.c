/* SPDX-License-Identifier: MIT */
/* column_fit.c: what fitting fixes, the same from the tables of a dataset, and the schema that
 * follows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/dataset_file.h"
#include "data/table_columns.h"
#include "kernels/numerics.h"

/* ---- Fitting -------------------------------------------------------------------------------- */

static rmx_status use_list(rmx_column_fit *fit, const char *name, rmx_error *error)
{
    rmx_value_free(&fit->table);
    if (fit->listed < (int64_t)UINT32_MAX && rmx_value_number(&fit->table, fit->list, fit->listed))
        return RMX_OK;
    if (fit->table.slots == 0)
        return rmx_fail(error, RMX_ERR_MEMORY,
                        "column '%.100s': its table of %lld values does not fit in memory", name,
                        (long long)fit->listed);
    return rmx_fail(error, RMX_ERR_DATA,
                    "column '%.100s': its table of %lld values is damaged: it has one twice", name,
                    (long long)fit->listed);
}

rmx_status rmx_columns_fit(rmx_columns *columns, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < columns->spec->columns && status == RMX_OK; i++) {
        rmx_column *c = &columns->spec->column[i];
        rmx_column_fit *fit = &columns->fit[i];
        if (c->zscore) {
            const double variance = fit->count > 0 ? fit->squares / (double)fit->count : 0.0;
            c->centre = fit->mean;
            c->factor = variance > 0.0 ? 1.0 / rmx_sqrtd(variance) : 1.0;
            c->fitted = true;
        }
        if (rmx_column_has_table(c)) {
            if (!rmx_value_rank(&fit->table, c->min_count, c->most, &fit->list, &fit->listed))
                return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the values of '%.100s'",
                                c->name);
            status = use_list(fit, c->name, error);
        }
    }
    columns->fitted = true;
    return status;
}

static rmx_status load_table(rmx_column_fit *fit, const char *name, int32_t field,
                             const rmx_dataset_file *file, rmx_error *error)
{
    const rmx_schema *schema = &file->schema;
    const char *path = file->container.path;
    if (field >= schema->sparse_fields || strcmp(schema->names[field], name) != 0)
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: its fields are not those of its column spec",
                        path);
    rmx_status status = rmx_dataset_file_table(file, field, &fit->list, &fit->listed, error);
    if (status != RMX_OK) return status;
    if (!fit->list)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.400s: has no table for '%.100s'; it was not written by rmx-data import",
                        path, name);
    if (schema->vocabulary[field] != fit->listed + 1)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.400s: the table of '%.100s' is not the one that the set's encoding "
                        "names; the file is damaged: import it anew",
                        path, name);
    return use_list(fit, name, error);
}

rmx_status rmx_columns_load(rmx_columns *columns, const char *dataset, rmx_error *error)
{
    rmx_dataset_file file;
    rmx_status status = rmx_dataset_file_open(dataset, &file, error);
    if (status != RMX_OK) return status;
    for (int32_t i = 0, field = 0; i < columns->spec->columns && status == RMX_OK; i++) {
        const rmx_column *c = &columns->spec->column[i];
        rmx_column_fit *fit = &columns->fit[i];
        if (c->zscore && !c->fitted)
            status = rmx_fail(error, RMX_ERR_DATA,
                              "%.400s: its spec has no centre and factor of '%.100s'; it was not "
                              "written by rmx-data import",
                              dataset, c->name);
        else if (rmx_column_has_table(c))
            status = load_table(fit, c->name, field, &file, error);
        field += rmx_column_sparse_fields(c);
    }
    rmx_dataset_file_close(&file);
    columns->fitted = true;
    return status;
}

/* ---- The schema ----------------------------------------------------------------------------- */

typedef struct builder {
    const rmx_columns *columns;
    rmx_schema *out;
    int32_t sparse, dense, task; /* the next of each */
    rmx_error *error;
} builder;

static rmx_status set_field(const builder *b, int32_t field, const char *name, const char *suffix,
                            const char *transform)
{
    char text[RMX_SCHEMA_NAME_MAX + 32];
    snprintf(text, sizeof text, "%s%s", name, suffix);
    rmx_status status = rmx_schema_set(&b->out->names[field], text, b->error);
    if (status == RMX_OK)
        status = rmx_schema_set(&b->out->encoding[field].transform, transform, b->error);
    return status;
}

static rmx_status add_sparse(builder *b, const char *name, const char *suffix, int64_t ids,
                             const char *transform)
{
    const int32_t field = b->sparse++;
    b->out->vocabulary[field] = 1 + ids;
    b->out->encoding[field].unknown = true;
    return set_field(b, field, name, suffix, transform);
}

static rmx_status add_sparse_column(builder *b, int32_t i)
{
    const rmx_column *c = &b->columns->spec->column[i];
    const rmx_column_fit *fit = &b->columns->fit[i];
    const int32_t field = b->sparse;
    char transform[96], last[32] = "";
    if (c->last > 0) snprintf(last, sizeof last, " last=%lld", (long long)c->last);
    if (c->buckets > 0) {
        snprintf(transform, sizeof transform, "buckets=%lld%s", (long long)c->buckets, last);
        return add_sparse(b, c->name, "", c->buckets, transform);
    }
    snprintf(transform, sizeof transform, "table%s", last);
    const rmx_status status = add_sparse(b, c->name, "", fit->listed, transform);
    if (status != RMX_OK) return status;
    b->out->encoding[field].values = fit->listed;
    b->out->encoding[field].hash = XXH3_64bits(fit->list, (size_t)fit->listed * sizeof *fit->list);
    return RMX_OK;
}

/* "log zscore centre=0x1p+3 factor=0x1p-2"; first: the text before " zscore". */
static void number_transform(const rmx_column *c, const char *first, char *out, size_t room)
{
    char scale[96] = "";
    if (c->zscore)
        snprintf(scale, sizeof scale, " zscore centre=%a factor=%a", c->centre, c->factor);
    snprintf(out, room, "%s%s", first, scale);
}

static rmx_status add_dense_column(builder *b, int32_t i)
{
    const rmx_column *c = &b->columns->spec->column[i];
    char transform[160];
    number_transform(c, c->log ? " log" : "", transform, sizeof transform);
    rmx_status status =
        set_field(b, b->dense++, c->name, "", transform[0] ? transform + 1 : "none");
    if (status == RMX_OK && c->flag)
        status = set_field(b, b->dense++, c->name, "_missing", "missing");
    return status;
}

static rmx_status add_time_column(builder *b, int32_t i)
{
    const rmx_column *c = &b->columns->spec->column[i];
    const char *unit = rmx_time_unit_words[c->unit];
    char first[64], transform[160];
    rmx_status status = RMX_OK;
    if (c->hour) {
        snprintf(transform, sizeof transform, "hour unit=%s", unit);
        status = add_sparse(b, c->name, "_hour", 24, transform);
    }
    if (c->weekday && status == RMX_OK) {
        snprintf(transform, sizeof transform, "weekday unit=%s", unit);
        status = add_sparse(b, c->name, "_weekday", 7, transform);
    }
    if (c->seconds && status == RMX_OK) {
        snprintf(first, sizeof first, "seconds unit=%s", unit);
        number_transform(c, first, transform, sizeof transform);
        status = set_field(b, b->dense++, c->name, "_seconds", transform);
    }
    return status;
}

static rmx_status add_columns(builder *b)
{
    const rmx_spec *spec = b->columns->spec;
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < spec->columns && status == RMX_OK; i++) {
        const rmx_column *c = &spec->column[i];
        switch (c->kind) {
        case RMX_COLUMN_LABEL:
            b->out->task_masked[b->task] = c->masked;
            status = rmx_schema_set(&b->out->task_names[b->task++], c->name, b->error);
            break;
        case RMX_COLUMN_SPARSE: status = add_sparse_column(b, i); break;
        case RMX_COLUMN_DENSE: status = add_dense_column(b, i); break;
        case RMX_COLUMN_TIME: status = add_time_column(b, i); break;
        case RMX_COLUMN_SKIP: break;
        }
        if (c->group) b->out->has_group = true;
        if (status == RMX_OK && (c->group || c->key))
            status = rmx_schema_add_text(b->out, c->name, c->group, b->error);
    }
    return status;
}

/* Stores the spec as a text. It is parsed again here, because a spec that cannot be used again
 * would show only at the next import. */
static rmx_status store_spec(const rmx_spec *spec, rmx_schema *out, rmx_error *error)
{
    rmx_spec again;
    char *text = rmx_spec_print(spec);
    if (!text) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the column spec");
    rmx_status status = rmx_spec_parse("the spec to be stored", text, &again, error);
    if (status == RMX_OK) {
        if (!rmx_spec_equal(spec, &again))
            status = rmx_fail(error, RMX_ERR_INTERNAL,
                              "the column spec is not read back as it was; please report it");
        rmx_spec_free(&again);
    }
    if (status == RMX_OK) status = rmx_schema_set(&out->spec, text, error);
    free(text);
    return status;
}

rmx_status rmx_columns_schema(const rmx_columns *columns, rmx_schema *out, rmx_error *error)
{
    int32_t sparse = 0, dense = 0, tasks = 0;
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        sparse += rmx_column_sparse_fields(c);
        dense += rmx_column_dense_fields(c);
        tasks += c->kind == RMX_COLUMN_LABEL;
    }
    rmx_status status = rmx_schema_init(out, sparse, dense, tasks, error);
    if (status != RMX_OK) return status;
    builder b = {.columns = columns, .out = out, .dense = out->sparse_fields, .error = error};
    out->has_label = columns->labelled && tasks > 0;
    out->has_row = true;
    status = add_columns(&b);
    if (status == RMX_OK) status = store_spec(columns->spec, out, error);
    if (status == RMX_OK) status = rmx_schema_check(out, error);
    if (status != RMX_OK) rmx_schema_free(out);
    return status;
}
