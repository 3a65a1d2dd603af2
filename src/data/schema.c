/* SPDX-License-Identifier: MIT */
/* schema.c: see schema.h. */
#include "data/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rmx_status out_of_memory(rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a dataset's schema");
}

rmx_status rmx_schema_set(char **slot, const char *text, rmx_error *error)
{
    char *copy = strdup(text);
    if (!copy) return out_of_memory(error);
    free(*slot);
    *slot = copy;
    return RMX_OK;
}

static rmx_status check_counts(int32_t sparse, int32_t dense, int32_t tasks, rmx_error *error)
{
    if (sparse < 0 || dense < 0 || sparse > RMX_SCHEMA_FIELDS_MAX ||
        dense > RMX_SCHEMA_FIELDS_MAX || sparse + dense < 1)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "%d sparse and %d dense fields: need at least one field in all, and at "
                        "most %d of each kind",
                        (int)sparse, (int)dense, RMX_SCHEMA_FIELDS_MAX);
    if (tasks < 1 || tasks > RMX_SCHEMA_FIELDS_MAX)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%d tasks: need 1 .. %d", (int)tasks,
                        RMX_SCHEMA_FIELDS_MAX);
    return RMX_OK;
}

static bool default_names(rmx_schema *s)
{
    char name[32];
    for (int32_t i = 0; i < s->sparse_fields + s->dense_fields; i++) {
        if (i < s->sparse_fields)
            snprintf(name, sizeof name, "c%d", (int)i);
        else
            snprintf(name, sizeof name, "d%d", (int)(i - s->sparse_fields));
        if (!(s->names[i] = strdup(name))) return false;
    }
    for (int32_t i = 0; i < s->tasks; i++) {
        if (s->tasks == 1)
            snprintf(name, sizeof name, "label");
        else
            snprintf(name, sizeof name, "label%d", (int)i);
        if (!(s->task_names[i] = strdup(name))) return false;
    }
    return true;
}

rmx_status rmx_schema_init(rmx_schema *out, int32_t sparse_fields, int32_t dense_fields,
                           int32_t tasks, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    const rmx_status status = check_counts(sparse_fields, dense_fields, tasks, error);
    if (status != RMX_OK) return status;
    out->sparse_fields = sparse_fields;
    out->dense_fields = dense_fields;
    out->tasks = tasks;
    out->ceiling_auc = (double)NAN;
    out->vocabulary = calloc((size_t)sparse_fields + 1, sizeof *out->vocabulary);
    out->names = calloc((size_t)sparse_fields + (size_t)dense_fields, sizeof *out->names);
    out->task_names = calloc((size_t)tasks, sizeof *out->task_names);
    out->transform = strdup("");
    out->source = strdup("");
    if (!out->vocabulary || !out->names || !out->task_names || !out->transform || !out->source ||
        !default_names(out)) {
        rmx_schema_free(out);
        return out_of_memory(error);
    }
    for (int32_t f = 0; f < sparse_fields; f++) out->vocabulary[f] = 1;
    return RMX_OK;
}

rmx_status rmx_schema_copy(rmx_schema *out, const rmx_schema *from, rmx_error *error)
{
    rmx_status status =
        rmx_schema_init(out, from->sparse_fields, from->dense_fields, from->tasks, error);
    if (status != RMX_OK) return status;
    out->rows = from->rows;
    out->has_group = from->has_group;
    out->ceiling_auc = from->ceiling_auc;
    out->fingerprint = from->fingerprint;
    for (int32_t f = 0; f < from->sparse_fields; f++) out->vocabulary[f] = from->vocabulary[f];
    const int32_t fields = from->sparse_fields + from->dense_fields;
    for (int32_t i = 0; i < fields && status == RMX_OK; i++)
        status = rmx_schema_set(&out->names[i], from->names[i], error);
    for (int32_t i = 0; i < from->tasks && status == RMX_OK; i++)
        status = rmx_schema_set(&out->task_names[i], from->task_names[i], error);
    if (status == RMX_OK) status = rmx_schema_set(&out->transform, from->transform, error);
    if (status == RMX_OK) status = rmx_schema_set(&out->source, from->source, error);
    if (status != RMX_OK) rmx_schema_free(out);
    return status;
}

void rmx_schema_free(rmx_schema *schema)
{
    if (!schema) return;
    for (int32_t i = 0; schema->names && i < schema->sparse_fields + schema->dense_fields; i++)
        free(schema->names[i]);
    for (int32_t i = 0; schema->task_names && i < schema->tasks; i++) free(schema->task_names[i]);
    free(schema->names);
    free(schema->task_names);
    free(schema->vocabulary);
    free(schema->transform);
    free(schema->source);
    memset(schema, 0, sizeof *schema);
}

/* ---- Checks ------------------------------------------------------------------------------- */

static rmx_status check_name(const char *name, const char *kind, rmx_error *error)
{
    const size_t length = strlen(name);
    bool plain = true;
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7f || c == ',') plain = false;
    }
    if (length < 1 || length > RMX_SCHEMA_NAME_MAX || !plain)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "%s name '%.40s': use 1 to %d bytes, without control characters and "
                        "commas",
                        kind, plain ? name : "...", RMX_SCHEMA_NAME_MAX);
    return RMX_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static rmx_status check_names(char *const *names, int32_t count, const char *kind,
                              rmx_error *error)
{
    for (int32_t i = 0; i < count; i++) {
        const rmx_status status = check_name(names[i], kind, error);
        if (status != RMX_OK) return status;
    }
    char **sorted = malloc((size_t)count * sizeof *sorted);
    if (!sorted) return out_of_memory(error);
    memcpy(sorted, names, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_text);
    rmx_status status = RMX_OK;
    for (int32_t i = 1; i < count && status == RMX_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = rmx_fail(error, RMX_ERR_ARGUMENT, "two %ss are called '%s': rename one", kind,
                              sorted[i]);
    free(sorted);
    return status;
}

rmx_status rmx_schema_check(const rmx_schema *s, rmx_error *error)
{
    rmx_status status = check_counts(s->sparse_fields, s->dense_fields, s->tasks, error);
    if (status == RMX_OK)
        status = check_names(s->names, s->sparse_fields + s->dense_fields, "field", error);
    if (status == RMX_OK) status = check_names(s->task_names, s->tasks, "task", error);
    for (int32_t f = 0; f < s->sparse_fields && status == RMX_OK; f++)
        if (s->vocabulary[f] < 1 || s->vocabulary[f] > UINT32_MAX)
            status = rmx_fail(error, RMX_ERR_ARGUMENT,
                              "field '%s': vocabulary %lld is not within 1 .. 2^32 - 1",
                              s->names[f], (long long)s->vocabulary[f]);
    if (status == RMX_OK &&
        (strlen(s->transform) >= RMX_SCHEMA_TEXT_MAX || strlen(s->source) >= RMX_SCHEMA_TEXT_MAX))
        status = rmx_fail(error, RMX_ERR_ARGUMENT, "transform or source is longer than %d bytes",
                          RMX_SCHEMA_TEXT_MAX - 1);
    return status;
}

int32_t rmx_schema_find(const rmx_schema *schema, const char *name)
{
    for (int32_t i = 0; i < schema->sparse_fields + schema->dense_fields; i++)
        if (strcmp(schema->names[i], name) == 0) return i;
    return -1;
}

rmx_status rmx_schema_match(const rmx_schema *a, const char *a_path, const rmx_schema *b,
                            const char *b_path, rmx_error *error)
{
    static const char fix[] = "import it with --vocab-from and the training file";
    if (a->sparse_fields != b->sparse_fields || a->dense_fields != b->dense_fields ||
        a->tasks != b->tasks)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.200s has %d sparse fields, %d dense fields and %d tasks, but %.200s "
                        "has %d, %d and %d: %s",
                        b_path, (int)b->sparse_fields, (int)b->dense_fields, (int)b->tasks, a_path,
                        (int)a->sparse_fields, (int)a->dense_fields, (int)a->tasks, fix);
    for (int32_t i = 0; i < a->sparse_fields + a->dense_fields; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return rmx_fail(error, RMX_ERR_DATA,
                            "field %d is '%s' in %.200s but '%s' in %.200s: %s", (int)i,
                            b->names[i], b_path, a->names[i], a_path, fix);
    for (int32_t i = 0; i < a->sparse_fields; i++)
        if (a->vocabulary[i] != b->vocabulary[i])
            return rmx_fail(error, RMX_ERR_DATA,
                            "field '%s' has vocabulary %lld in %.200s but %lld in %.200s: %s",
                            a->names[i], (long long)b->vocabulary[i], b_path,
                            (long long)a->vocabulary[i], a_path, fix);
    for (int32_t i = 0; i < a->tasks; i++)
        if (strcmp(a->task_names[i], b->task_names[i]) != 0)
            return rmx_fail(error, RMX_ERR_DATA,
                            "task %d is '%s' in %.200s but '%s' in %.200s: %s", (int)i,
                            b->task_names[i], b_path, a->task_names[i], a_path, fix);
    return RMX_OK;
}

int64_t rmx_schema_row_bytes(const rmx_schema *schema)
{
    return (int64_t)schema->tasks + 4 * (int64_t)schema->dense_fields +
           4 * (int64_t)schema->sparse_fields + (schema->has_group ? 8 : 0);
}
