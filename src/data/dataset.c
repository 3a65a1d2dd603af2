/* SPDX-License-Identifier: MIT */
/* dataset.c: looks at a whole dataset: its schema, its rows, its tables. */
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/dataset_file.h"

rmx_status rmx_dataset_schema(const char *path, rmx_schema *out, rmx_error *error)
{
    rmx_dataset_file file;
    memset(out, 0, sizeof *out);
    const rmx_status status = rmx_dataset_file_open(path, &file, error);
    if (status != RMX_OK) return status;
    *out = file.schema; /* handed over */
    memset(&file.schema, 0, sizeof file.schema);
    rmx_dataset_file_close(&file);
    return RMX_OK;
}

/* Labels and groups counted over the rows. */
typedef struct counting {
    rmx_label_count *label; /* [tasks] */
    int64_t without_group;
} counting;

static rmx_status compare_counts(const rmx_dataset_file *file, const counting *c, rmx_error *error)
{
    const rmx_schema *s = &file->schema;
    bool same = c->without_group == s->rows_without_group;
    for (int32_t t = 0; t < s->tasks; t++)
        same = same && c->label[t].positive == s->label_count[t].positive &&
               c->label[t].negative == s->label_count[t].negative &&
               c->label[t].masked == s->label_count[t].masked;
    if (same) return RMX_OK;
    return rmx_container_refuse(&file->container, error,
                                "its description counts other labels or groups than there are");
}

rmx_status rmx_dataset_check(const char *path, rmx_progress_callback progress, void *user,
                             rmx_error *error)
{
    rmx_dataset_file file;
    rmx_rows rows = {.label = NULL};
    counting counts = {.label = NULL};
    rmx_status status = rmx_dataset_file_open(path, &file, error);
    if (status != RMX_OK) return status;
    const int64_t total = file.schema.rows;
    status = rmx_rows_alloc(&rows, &file.schema, file.block_rows < total ? file.block_rows : total,
                            error);
    counts.label = calloc((size_t)file.schema.tasks + 1, sizeof *counts.label);
    if (!counts.label && status == RMX_OK)
        status = rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", path);
    for (int64_t b = 0; b < rmx_dataset_file_blocks(&file) && status == RMX_OK; b++) {
        const int64_t end = (b + 1) * file.block_rows < total ? (b + 1) * file.block_rows : total;
        status = rmx_dataset_file_read(&file, b, &rows, 0, error);
        if (status == RMX_OK)
            rmx_rows_count(&file.schema, &rows, end - b * file.block_rows, counts.label,
                           &counts.without_group);
        if (status == RMX_OK && progress && !progress(user, end, total))
            status = rmx_fail(error, RMX_ERR_DATA, "stopped");
    }
    if (status == RMX_OK) status = compare_counts(&file, &counts, error);
    /* every array, also those without blocks */
    for (int32_t i = 0; i < file.container.arrays && status == RMX_OK; i++)
        status = rmx_container_load(&file.container, &file.container.array[i], NULL, error);
    free(counts.label);
    rmx_rows_free(&rows);
    rmx_dataset_file_close(&file);
    return status;
}

rmx_status rmx_dataset_file_table(const rmx_dataset_file *file, int32_t field, uint64_t **out,
                                  int64_t *count, rmx_error *error)
{
    char name[RMX_CONTAINER_NAME + 1];
    const rmx_encoding *e = &file->schema.encoding[field];
    rmx_status status = RMX_OK;
    *out = NULL;
    *count = 0;
    snprintf(name, sizeof name, "/table/%d", (int)field);
    const rmx_array *table = rmx_container_find(&file->container, name, RMX_ARRAY_U64, 1);
    if (!table) return RMX_OK;
    if (table->shape[0] != e->values || table->xxh3 != e->hash)
        return rmx_container_refuse(&file->container, error, "%s does not match its encoding",
                                    name);
    *out = malloc((size_t)rmx_array_bytes(table) + 1);
    if (!*out)
        return rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory for %s",
                        file->container.path, name);
    status = rmx_container_load(&file->container, table, *out, error);
    if (status == RMX_OK) {
        *count = table->shape[0];
    } else {
        free(*out);
        *out = NULL;
    }
    return status;
}

rmx_status rmx_dataset_table(const char *path, const char *field, uint64_t **out, int64_t *count,
                             rmx_error *error)
{
    rmx_dataset_file file;
    *out = NULL;
    *count = 0;
    rmx_status status = rmx_dataset_file_open(path, &file, error);
    if (status != RMX_OK) return status;
    const int32_t number = rmx_schema_find(&file.schema, field);
    if (number < 0 || number >= file.schema.sparse_fields)
        status =
            rmx_fail(error, RMX_ERR_DATA, "%.400s: has no sparse field '%.100s'", path, field);
    else
        status = rmx_dataset_file_table(&file, number, out, count, error);
    rmx_dataset_file_close(&file);
    return status;
}

/* The same fields and transforms, and tables that begin with the older ones' entries. */
static rmx_status has_grown(const rmx_dataset_file *file, const rmx_schema *older, bool *grown,
                            rmx_error *error)
{
    const rmx_schema *newer = &file->schema;
    rmx_status status = RMX_OK;
    *grown =
        newer->sparse_fields == older->sparse_fields && newer->dense_fields == older->dense_fields;
    for (int32_t i = 0; *grown && i < newer->sparse_fields + newer->dense_fields; i++) {
        const rmx_encoding *now = &newer->encoding[i], *was = &older->encoding[i];
        *grown = strcmp(newer->names[i], older->names[i]) == 0 &&
                 strcmp(now->transform, was->transform) == 0 && now->unknown == was->unknown &&
                 now->values >= was->values;
    }
    for (int32_t i = 0; *grown && i < newer->sparse_fields && status == RMX_OK; i++) {
        uint64_t *table = NULL;
        int64_t count = 0;
        if (newer->encoding[i].values == 0) continue;
        status = rmx_dataset_file_table(file, i, &table, &count, error);
        *grown = status == RMX_OK && count >= older->encoding[i].values &&
                 XXH3_64bits(table, (size_t)older->encoding[i].values * sizeof *table) ==
                     older->encoding[i].hash;
        free(table);
    }
    return status;
}

rmx_status rmx_dataset_match(const rmx_schema *a, const char *a_path, const char *b_path,
                             rmx_error *error)
{
    rmx_dataset_file file;
    bool grown = false;
    rmx_status status = rmx_dataset_file_open(b_path, &file, error);
    if (status != RMX_OK) return status;
    status = rmx_schema_match(a, a_path, &file.schema, b_path, error);
    if (status == RMX_ERR_DATA && has_grown(&file, a, &grown, NULL) == RMX_OK && grown)
        status = rmx_fail(error, RMX_ERR_DATA,
                          "%.250s knows more values than %.250s: its tables have grown since; "
                          "import its rows with --vocab-from and the set that was trained on",
                          b_path, a_path);
    rmx_dataset_file_close(&file);
    return status;
}
