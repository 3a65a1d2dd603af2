/* SPDX-License-Identifier: MIT */
/* table_columns.c: see table_columns.h. */
#include "data/table_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "kernels/numerics.h"

rmx_status rmx_columns_create(rmx_columns *out, rmx_spec *spec, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->spec = spec;
    out->fit = calloc((size_t)spec->columns, sizeof *out->fit);
    if (out->fit) return RMX_OK;
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for %d columns", (int)spec->columns);
}

void rmx_columns_free(rmx_columns *columns)
{
    for (int32_t i = 0; columns->fit && i < columns->spec->columns; i++) {
        rmx_value_free(&columns->fit[i].table);
        free(columns->fit[i].list);
    }
    free(columns->fit);
    columns->fit = NULL;
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool missing(const rmx_spec *spec, const char *value)
{
    return value[0] == '\0' || (spec->missing[0] && strcmp(value, spec->missing) == 0);
}

/* Is value one of the alternatives "A|B|C"? */
static bool among(const char *alternatives, const char *value)
{
    const size_t n = strlen(value);
    for (const char *at = alternatives;; at++) {
        const size_t length = strcspn(at, "|");
        if (length == n && memcmp(at, value, n) == 0) return true;
        at += length;
        if (!*at) return false;
    }
}

static bool finite_float(float x) { return x - x == 0.0f; }

/* A number in decimal or hexadecimal, finite as a float; log applied. */
static bool number(const rmx_column *c, const char *value, float *out)
{
    char *end;
    const float x = strtof(value, &end);
    if (end == value || *end != '\0' || !finite_float(x)) return false;
    *out = c->log && x > 0.0f ? rmx_log1pf(x) : x;
    return true;
}

static uint64_t hash_of(const rmx_column *c, const char *value)
{
    size_t n = strlen(value);
    if (c->last > 0 && n > (size_t)c->last) {
        value += n - (size_t)c->last;
        n = (size_t)c->last;
    }
    return rmx_value_hash(value, n);
}

bool rmx_columns_good(rmx_columns *columns, char *const *value)
{
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        float x;
        if (c->kind == RMX_COLUMN_LABEL && c->negative && !among(c->positive, value[i]) &&
            !among(c->negative, value[i])) {
            snprintf(columns->why, sizeof columns->why,
                     "column '%.60s': '%.60s' is neither a positive nor a negative label", c->name,
                     value[i]);
            return false;
        }
        if (c->kind == RMX_COLUMN_DENSE && !missing(columns->spec, value[i]) &&
            !number(c, value[i], &x)) {
            snprintf(columns->why, sizeof columns->why,
                     "column '%.60s': '%.60s' is no finite number", c->name, value[i]);
            return false;
        }
    }
    return true;
}

/* ---- Fitting -------------------------------------------------------------------------------- */

bool rmx_columns_observe(rmx_columns *columns, char *const *value)
{
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        rmx_column_fit *fit = &columns->fit[i];
        float x;
        if (c->kind == RMX_COLUMN_DENSE && !missing(columns->spec, value[i]) &&
            number(c, value[i], &x)) {
            const double away = (double)x - fit->mean;
            fit->count++;
            fit->mean += away / (double)fit->count;
            fit->squares += away * ((double)x - fit->mean);
        }
        if (c->kind == RMX_COLUMN_SPARSE && c->buckets == 0 &&
            !rmx_value_count(&fit->table, hash_of(c, value[i]))) {
            snprintf(columns->why, sizeof columns->why,
                     "column '%.60s' has too many different values for the memory or for 2^27: "
                     "use buckets=N for it",
                     c->name);
            return false;
        }
    }
    return true;
}

static rmx_status use_list(rmx_column_fit *fit, const char *name, rmx_error *error)
{
    rmx_value_free(&fit->table);
    if (fit->listed < (int64_t)UINT32_MAX && rmx_value_number(&fit->table, fit->list, fit->listed))
        return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA,
                    "column '%.100s': its table of %lld values is damaged or does not fit in "
                    "memory",
                    name, (long long)fit->listed);
}

rmx_status rmx_columns_fit(rmx_columns *columns, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < columns->spec->columns && status == RMX_OK; i++) {
        rmx_column *c = &columns->spec->column[i];
        rmx_column_fit *fit = &columns->fit[i];
        if (c->kind == RMX_COLUMN_DENSE && c->zscore) {
            const double variance = fit->count > 0 ? fit->squares / (double)fit->count : 0.0;
            c->centre = fit->mean;
            c->factor = variance > 0.0 ? 1.0 / rmx_sqrtd(variance) : 1.0;
            c->fitted = true;
        }
        if (c->kind == RMX_COLUMN_SPARSE && c->buckets == 0) {
            if (!rmx_value_rank(&fit->table, c->min_count, c->most, &fit->list, &fit->listed))
                return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the values of '%.100s'",
                                c->name);
            status = use_list(fit, c->name, error);
        }
    }
    return status;
}

rmx_status rmx_columns_load(rmx_columns *columns, const char *dataset, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < columns->spec->columns && status == RMX_OK; i++) {
        const rmx_column *c = &columns->spec->column[i];
        rmx_column_fit *fit = &columns->fit[i];
        if (c->kind != RMX_COLUMN_SPARSE || c->buckets > 0) continue;
        status = rmx_dataset_table(dataset, c->name, &fit->list, &fit->listed, error);
        if (status == RMX_OK && !fit->list)
            status = rmx_fail(error, RMX_ERR_DATA,
                              "%.400s: has no table for '%.100s'; it was not written by rmx-data "
                              "import",
                              dataset, c->name);
        if (status == RMX_OK) status = use_list(fit, c->name, error);
    }
    return status;
}

/* ---- Output --------------------------------------------------------------------------------- */

static rmx_status name_fields(const rmx_columns *columns, rmx_schema *out, rmx_error *error)
{
    int32_t sparse = 0, dense = out->sparse_fields, task = 0;
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < columns->spec->columns && status == RMX_OK; i++) {
        const rmx_column *c = &columns->spec->column[i];
        if (c->kind == RMX_COLUMN_LABEL)
            status = rmx_schema_set(&out->task_names[task++], c->name, error);
        if (c->kind == RMX_COLUMN_GROUP) out->has_group = true;
        if (c->kind == RMX_COLUMN_SPARSE) {
            out->vocabulary[sparse] = 1 + (c->buckets > 0 ? c->buckets : columns->fit[i].listed);
            status = rmx_schema_set(&out->names[sparse++], c->name, error);
        }
        if (c->kind == RMX_COLUMN_DENSE) {
            status = rmx_schema_set(&out->names[dense++], c->name, error);
            if (status == RMX_OK && c->flag) {
                char name[RMX_SPEC_LINE + 16];
                snprintf(name, sizeof name, "%s_missing", c->name);
                status = rmx_schema_set(&out->names[dense++], name, error);
            }
        }
    }
    return status;
}

rmx_status rmx_columns_schema(const rmx_columns *columns, rmx_schema *out, rmx_error *error)
{
    int32_t sparse = 0, dense = 0, tasks = 0;
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        tasks += c->kind == RMX_COLUMN_LABEL;
        sparse += c->kind == RMX_COLUMN_SPARSE;
        if (c->kind == RMX_COLUMN_DENSE) dense += c->flag ? 2 : 1;
    }
    rmx_status status = rmx_schema_init(out, sparse, dense, tasks, error);
    if (status != RMX_OK) return status;
    status = name_fields(columns, out, error);
    char *text = status == RMX_OK ? rmx_spec_print(columns->spec) : NULL;
    if (status == RMX_OK && !text)
        status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the column spec");
    if (status == RMX_OK) status = rmx_schema_set(&out->transform, text, error);
    free(text);
    if (status == RMX_OK) status = rmx_schema_check(out, error);
    if (status != RMX_OK) rmx_schema_free(out);
    return status;
}

static float dense_value(rmx_columns *columns, const rmx_column *c, const char *value, float *flag)
{
    float x;
    *flag = missing(columns->spec, value) || !number(c, value, &x) ? 1.0f : 0.0f;
    if (*flag != 0.0f) {
        columns->missing++;
        return 0.0f; /* with zscore: the mean */
    }
    if (!c->zscore) return x;
    const float y = (float)(((double)x - c->centre) * c->factor);
    return finite_float(y) ? y : 0.0f;
}

static uint32_t sparse_id(rmx_columns *columns, int32_t i, const char *value)
{
    const rmx_column *c = &columns->spec->column[i];
    if (c->buckets > 0)
        return missing(columns->spec, value)
                   ? 0
                   : 1 + (uint32_t)(hash_of(c, value) % (uint64_t)c->buckets);
    const uint32_t id = rmx_value_id(&columns->fit[i].table, hash_of(c, value));
    columns->unknown += id == 0;
    return id;
}

void rmx_columns_convert(rmx_columns *columns, char *const *value, const rmx_schema *schema,
                         const rmx_rows *rows, int64_t at)
{
    int64_t sparse = at * schema->sparse_fields, dense = at * schema->dense_fields;
    int64_t task = at * schema->tasks;
    for (int32_t i = 0; i < columns->spec->columns; i++) {
        const rmx_column *c = &columns->spec->column[i];
        switch (c->kind) {
        case RMX_COLUMN_LABEL: rows->label[task++] = among(c->positive, value[i]); break;
        case RMX_COLUMN_GROUP: rows->group[at] = rmx_value_hash(value[i], strlen(value[i])); break;
        case RMX_COLUMN_SPARSE: rows->sparse[sparse++] = sparse_id(columns, i, value[i]); break;
        case RMX_COLUMN_DENSE: {
            float flag;
            rows->dense[dense++] = dense_value(columns, c, value[i], &flag);
            if (c->flag) rows->dense[dense++] = flag;
            break;
        }
        case RMX_COLUMN_SKIP: break;
        }
    }
}
