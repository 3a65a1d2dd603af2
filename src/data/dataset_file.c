/* SPDX-License-Identifier: MIT */
/* dataset_file.c: opens a dataset and believes nothing in it.
 *
 * The container (container.h) has checked that every array lies within the file and that nothing
 * between the arrays was changed. Here the arrays are compared with the schema. The schema and the
 * checksums of the rows are compared with the fingerprint. Rows are read in blocks; each block of
 * each array has its own checksum. */
#include "data/dataset_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/dataset.h"
#include "data/schema_json.h"

#define BLOCK_ROWS_MAX (1 << 20)

void rmx_block_hash_name(int set, char out[RMX_CONTAINER_NAME + 1])
{
    snprintf(out, RMX_CONTAINER_NAME + 1, "/xxh3%s", rmx_set_name(set));
}

int64_t rmx_dataset_file_blocks(const rmx_dataset_file *f)
{
    return (f->schema.rows - 1) / f->block_rows + 1;
}

static rmx_status find_set(rmx_dataset_file *f, int set, rmx_error *error)
{
    const int64_t columns = rmx_set_columns(&f->schema, set);
    const char *name = rmx_set_name(set);
    char hash_name[RMX_CONTAINER_NAME + 1];
    if (columns == 0) return RMX_OK;
    const rmx_array *a =
        rmx_container_find(&f->container, name, rmx_sets[set].type, rmx_sets[set].dims);
    if (!a || a->shape[0] != f->schema.rows || (a->dims == 2 && a->shape[1] != columns) ||
        (a->type == RMX_ARRAY_TEXT && a->record_bytes != columns))
        return rmx_container_refuse(&f->container, error, "%s is missing or of another shape",
                                    name);
    rmx_block_hash_name(set, hash_name);
    const rmx_array *hash = rmx_container_find(&f->container, hash_name, RMX_ARRAY_U64, 1);
    if (!hash || hash->shape[0] != rmx_dataset_file_blocks(f))
        return rmx_container_refuse(&f->container, error, "%s is missing or of another shape",
                                    hash_name);
    f->set[set] = a;
    f->block_hash[set] = malloc((size_t)rmx_array_bytes(hash));
    if (!f->block_hash[set])
        return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", f->container.path);
    return rmx_container_load(&f->container, hash, f->block_hash[set], error);
}

static rmx_status check_fingerprint(const rmx_dataset_file *f, rmx_error *error)
{
    uint64_t rows_hash[RMX_SETS];
    for (int set = 0; set < RMX_SETS; set++)
        rows_hash[set] = f->set[set] ? f->set[set]->xxh3 : XXH3_64bits(NULL, 0);
    if (rmx_fingerprint(rmx_schema_hash(&f->schema), rows_hash, f->schema.rows) ==
        f->schema.fingerprint)
        return RMX_OK;
    return rmx_container_refuse(&f->container, error,
                                "its description does not match its fingerprint");
}

static rmx_status read_about(rmx_dataset_file *f, rmx_error *error)
{
    const json_t *index = f->container.index;
    const rmx_array *spec = rmx_container_find(&f->container, "/spec", RMX_ARRAY_U8, 1);
    int64_t rows = 0;
    rmx_status status = rmx_container_requires(&f->container, error);
    if (status != RMX_OK) return status;
    status = rmx_schema_from_json(json_object_get(index, "schema"), f->container.path, &f->schema,
                                  error);
    if (status != RMX_OK) return status;
    if (!rmx_json_get_int(index, "rows", 1, (int64_t)1 << 48, &rows) ||
        !rmx_json_get_int(index, "block_rows", 1, BLOCK_ROWS_MAX, &f->block_rows) ||
        !rmx_json_get_hash(index, "fingerprint", &f->schema.fingerprint))
        return rmx_container_refuse(&f->container, error,
                                    "its index lacks rows, block_rows or fingerprint");
    f->schema.rows = rows;
    if (!spec || rmx_array_bytes(spec) >= RMX_SCHEMA_TEXT_MAX)
        return rmx_container_refuse(&f->container, error, "/spec is missing or of another shape");
    free(f->schema.spec);
    return rmx_container_text(&f->container, spec, &f->schema.spec, error);
}

rmx_status rmx_dataset_file_open(const char *path, rmx_dataset_file *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    rmx_status status = rmx_container_open(path, "dataset", RMX_DATASET_VERSION, RMX_DATASET_FIX,
                                           &out->container, error);
    if (status != RMX_OK) return status;
    status = read_about(out, error);
    for (int set = 0; set < RMX_SETS && status == RMX_OK; set++)
        status = find_set(out, set, error);
    if (status == RMX_OK) status = check_fingerprint(out, error);
    if (status != RMX_OK) rmx_dataset_file_close(out);
    return status;
}

void rmx_dataset_file_close(rmx_dataset_file *f)
{
    rmx_container_close(&f->container);
    for (int set = 0; set < RMX_SETS; set++) free(f->block_hash[set]);
    rmx_schema_free(&f->schema);
    memset(f, 0, sizeof *f);
    f->container.fd = -1;
}

rmx_status rmx_dataset_file_read(const rmx_dataset_file *f, int64_t block, const rmx_rows *rows,
                                 int64_t at, rmx_error *error)
{
    rmx_status status = RMX_OK;
    const rmx_rows part = rmx_rows_at(&f->schema, rows, at);
    const int64_t first = block * f->block_rows, left = f->schema.rows - first;
    const int64_t count = left < f->block_rows ? left : f->block_rows;
    for (int set = 0; set < RMX_SETS && status == RMX_OK; set++) {
        const int64_t row = rmx_set_row_bytes(&f->schema, set);
        void *to = rmx_rows_pointer(&part, set);
        if (!f->set[set] || !to) continue;
        status =
            rmx_container_read(&f->container, f->set[set], first * row, count * row, to, error);
        if (status == RMX_OK &&
            XXH3_64bits(to, (size_t)(count * row)) != f->block_hash[set][block])
            status = rmx_container_refuse(&f->container, error,
                                          "rows %lld to %lld of %s have another checksum than was "
                                          "written",
                                          (long long)first, (long long)(first + count - 1),
                                          rmx_set_name(set));
    }
    if (status == RMX_OK)
        status = rmx_rows_check(&f->schema, f->container.path, first, &part, count, error);
    return status;
}

/* ---- The fingerprint ------------------------------------------------------------------------ */

static uint64_t chain_text(uint64_t hash, const char *text)
{
    const uint64_t words[2] = {hash, XXH3_64bits(text, strlen(text))};
    return XXH3_64bits(words, sizeof words);
}

uint64_t rmx_schema_hash(const rmx_schema *schema)
{
    uint64_t ceiling = 0; /* any NaN counts as unknown */
    if (schema->ceiling_auc == schema->ceiling_auc)
        memcpy(&ceiling, &schema->ceiling_auc, sizeof ceiling);
    const uint64_t words[9] = {(uint64_t)schema->sparse_fields,
                               (uint64_t)schema->dense_fields,
                               (uint64_t)schema->tasks,
                               schema->has_label,
                               schema->has_group,
                               schema->has_row,
                               (uint64_t)schema->text_columns,
                               ceiling,
                               rmx_schema_encoding_hash(schema)};
    uint64_t hash = XXH3_64bits(words, sizeof words);
    for (int32_t i = 0; i < schema->tasks; i++) hash = chain_text(hash, schema->task_names[i]);
    for (int32_t i = 0; i < schema->text_columns; i++)
        hash = chain_text(hash, schema->text_names[i]);
    return hash;
}

uint64_t rmx_fingerprint(uint64_t schema_hash, const uint64_t rows_hash[RMX_SETS], int64_t rows)
{
    uint64_t words[2 + RMX_SETS];
    words[0] = schema_hash;
    memcpy(&words[1], rows_hash, RMX_SETS * sizeof *rows_hash);
    words[1 + RMX_SETS] = (uint64_t)rows;
    return XXH3_64bits(words, sizeof words);
}
