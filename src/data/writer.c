/* SPDX-License-Identifier: MIT */
/* writer.c: rows into a dataset. The number of rows is known only at the end, so the rows of each
 * array wait in a spool until the file can be laid out (container.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "data/dataset.h"
#include "data/dataset_file.h"
#include "data/list.h"
#include "data/schema_json.h"
#include "data/whole_file.h"
#include "data/writer_texts.h"

struct rmx_writer {
    char *path, *temporary;
    rmx_schema schema; /* rows: appended so far; text_bytes: known at the end */
    int64_t block_rows;
    int64_t held; /* rows in block, not in the spools yet */
    rmx_rows block;
    rmx_spool spool[RMX_SETS];
    XXH3_state_t *hash[RMX_SETS];
    uint64_t *block_hash[RMX_SETS];
    int64_t blocks;
    rmx_writer_texts texts;
    uint64_t **table; /* [sparse fields] */
    bool begun;       /* the temporary file may exist */
    bool complete;
};

/* ---- Opening -------------------------------------------------------------------------------- */

static bool has_set(const rmx_writer *w, int set)
{
    return set == RMX_SET_TEXT ? w->schema.text_columns > 0 : rmx_set_columns(&w->schema, set) > 0;
}

static rmx_status open_spools(rmx_writer *w, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int s = 0; s < RMX_SETS && status == RMX_OK; s++) {
        w->hash[s] = XXH3_createState();
        if (!w->hash[s] || XXH3_64bits_reset(w->hash[s]) != XXH_OK)
            return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", w->path);
        if (has_set(w, s)) status = rmx_spool_open(w->path, &w->spool[s], error);
    }
    return status;
}

rmx_status rmx_writer_open(const char *path, const rmx_schema *schema, int64_t block_rows,
                           rmx_writer **out, rmx_error *error)
{
    *out = NULL;
    rmx_status status = rmx_schema_check(schema, error);
    if (status != RMX_OK) return status;
    if (block_rows < 0 || block_rows > 1 << 20)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%lld rows a block: use 1 .. 2^20, or 0",
                        (long long)block_rows);
    rmx_writer *w = calloc(1, sizeof *w);
    if (!w) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a writer");
    for (int s = 0; s < RMX_SETS; s++) w->spool[s].fd = -1;
    w->block_rows = block_rows ? block_rows : RMX_DATASET_BLOCK_ROWS;
    w->path = strdup(path);
    w->temporary = rmx_temporary_name(path);
    status = w->path && w->temporary ? RMX_OK
                                     : rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    if (status == RMX_OK) status = rmx_schema_copy(&w->schema, schema, error);
    if (status == RMX_OK) {
        w->schema.rows = w->schema.rows_without_group = 0;
        memset(w->schema.label_count, 0, (size_t)schema->tasks * sizeof *w->schema.label_count);
        memset(w->schema.text_bytes, 0, (size_t)schema->text_columns * sizeof(int32_t));
        w->table = calloc((size_t)schema->sparse_fields + 1, sizeof *w->table);
        if (!w->table) status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a writer");
    }
    if (status == RMX_OK) status = rmx_rows_alloc(&w->block, &w->schema, w->block_rows, error);
    if (status == RMX_OK) status = rmx_make_folder_of(path, error);
    if (status == RMX_OK) status = open_spools(w, error);
    if (status == RMX_OK)
        status = rmx_writer_texts_open(path, w->schema.text_columns, &w->texts, error);
    if (status == RMX_OK)
        *out = w;
    else
        rmx_writer_discard(w);
    return status;
}

/* ---- Appending ------------------------------------------------------------------------------ */

static rmx_status write_block(rmx_writer *w, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int s = 0; s < RMX_SETS && status == RMX_OK; s++) {
        const void *rows = rmx_rows_pointer(&w->block, s);
        const size_t bytes = (size_t)(rmx_set_row_bytes(&w->schema, s) * w->held);
        uint64_t *grown = rmx_list_grow(w->block_hash[s], w->blocks, sizeof *grown);
        if (!grown)
            return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory for checksums", w->path);
        w->block_hash[s] = grown;
        if (!rows) continue;
        w->block_hash[s][w->blocks] = XXH3_64bits(rows, bytes);
        (void)XXH3_64bits_update(w->hash[s], rows, bytes);
        status = rmx_spool_write(&w->spool[s], w->path, rows, (int64_t)bytes, error);
    }
    w->blocks++;
    w->held = 0;
    return status;
}

rmx_status rmx_writer_append(rmx_writer *w, int64_t rows, const rmx_writer_rows *values,
                             rmx_error *error)
{
    /* not written through; rmx_rows has no const */
    const rmx_rows from = {.label = (uint8_t *)(uintptr_t)values->label,
                           .dense = (float *)(uintptr_t)values->dense,
                           .sparse = (uint32_t *)(uintptr_t)values->sparse,
                           .group = (uint64_t *)(uintptr_t)values->group,
                           .row = (uint64_t *)(uintptr_t)values->row};
    for (int s = 0; s < RMX_SETS; s++)
        if (rows > 0 && has_set(w, s) &&
            !(s == RMX_SET_TEXT ? (const void *)values->text : rmx_rows_pointer(&from, s)))
            return rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: no values given for %s", w->path,
                            rmx_set_name(s));
    rmx_status status = rmx_rows_check(&w->schema, w->path, w->schema.rows, &from, rows, error);
    if (status == RMX_OK && w->schema.text_columns > 0)
        status = rmx_writer_texts_add(&w->texts, w->path, rows, values->text, error);
    if (status == RMX_OK)
        rmx_rows_count(&w->schema, &from, rows, w->schema.label_count,
                       &w->schema.rows_without_group);
    for (int64_t at = 0; at < rows && status == RMX_OK;) {
        const int64_t space = w->block_rows - w->held;
        const int64_t n = rows - at < space ? rows - at : space;
        rmx_rows_copy(&w->schema, &w->block, w->held, &from, at, n);
        w->held += n;
        w->schema.rows += n;
        at += n;
        if (w->held == w->block_rows) status = write_block(w, error);
    }
    return status;
}

rmx_status rmx_writer_table(rmx_writer *w, int32_t sparse_field, const uint64_t *table,
                            int64_t entries, rmx_error *error)
{
    if (sparse_field < 0 || sparse_field >= w->schema.sparse_fields || entries < 0)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: a table of %lld values for field %d",
                        w->path, (long long)entries, (int)sparse_field);
    rmx_encoding *e = &w->schema.encoding[sparse_field];
    free(w->table[sparse_field]);
    w->table[sparse_field] = malloc((size_t)entries * sizeof *table + 1);
    if (!w->table[sparse_field])
        return rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory for a table", w->path);
    if (entries > 0) memcpy(w->table[sparse_field], table, (size_t)entries * sizeof *table);
    e->values = entries;
    e->hash = XXH3_64bits(w->table[sparse_field], (size_t)entries * sizeof *table);
    return RMX_OK;
}

const rmx_schema *rmx_writer_schema(const rmx_writer *w) { return &w->schema; }

void rmx_writer_set_ceiling(rmx_writer *w, double auc) { w->schema.ceiling_auc = auc; }

/* ---- The end -------------------------------------------------------------------------------- */

/* The arrays of the file, with room for all. */
typedef struct layout {
    rmx_array *array;
    rmx_array_data *data;
    int32_t arrays;
} layout;

static rmx_array *add_array(layout *l, rmx_array_type type, int64_t rows, const void *memory)
{
    rmx_array *a = &l->array[l->arrays];
    *a = (rmx_array){.type = type, .dims = 1, .shape = {rows}};
    l->data[l->arrays++] = (rmx_array_data){.memory = memory, .fd = -1};
    return a;
}

static void add_bytes(layout *l, const char *name, rmx_array_type type, int64_t count_of,
                      const void *memory)
{
    rmx_array *a = add_array(l, type, count_of, memory);
    snprintf(a->name, sizeof a->name, "%s", name);
    a->xxh3 = XXH3_64bits(memory, (size_t)rmx_array_bytes(a));
}

static void add_set(layout *l, const rmx_writer *w, int set, uint64_t xxh3)
{
    char hash_name[RMX_CONTAINER_NAME + 1];
    rmx_array *a = add_array(l, rmx_sets[set].type, w->schema.rows, NULL);
    snprintf(a->name, sizeof a->name, "%s", rmx_set_name(set));
    a->xxh3 = xxh3;
    a->dims = rmx_sets[set].dims;
    if (a->dims == 2) a->shape[1] = rmx_set_columns(&w->schema, set);
    rmx_array_data *d = &l->data[l->arrays - 1];
    d->fd = w->spool[set].fd;
    if (set == RMX_SET_TEXT) {
        a->record_bytes = (int32_t)rmx_set_columns(&w->schema, set);
        d->text_names = w->schema.text_names;
        d->text_bytes = w->schema.text_bytes;
        d->texts = w->schema.text_columns;
    }
    rmx_block_hash_name(set, hash_name);
    add_bytes(l, hash_name, RMX_ARRAY_U64, w->blocks, w->block_hash[set]);
}

/* NULL: out of memory. */
static json_t *about_json(const rmx_writer *w)
{
    char fingerprint[17];
    json_t *schema = rmx_schema_to_json(&w->schema);
    rmx_hash_text(w->schema.fingerprint, fingerprint);
    json_t *about =
        schema ? json_pack("{s:[], s:I, s:I, s:s, s:O}", "requires", "rows",
                           (json_int_t)w->schema.rows, "block_rows", (json_int_t)w->block_rows,
                           "fingerprint", fingerprint, "schema", schema)
               : NULL;
    json_decref(schema);
    return about;
}

static rmx_status write_file(rmx_writer *w, const uint64_t rows_hash[RMX_SETS], rmx_error *error)
{
    const size_t room = 2 * RMX_SETS + 1 + (size_t)w->schema.sparse_fields;
    layout l = {calloc(room, sizeof *l.array), calloc(room, sizeof *l.data), 0};
    json_t *about = about_json(w);
    rmx_status status = RMX_OK;
    if (!l.array || !l.data || !about) {
        status = rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", w->path);
        goto cleanup;
    }
    for (int s = 0; s < RMX_SETS; s++)
        if (has_set(w, s)) add_set(&l, w, s, rows_hash[s]);
    add_bytes(&l, "/spec", RMX_ARRAY_U8, (int64_t)strlen(w->schema.spec), w->schema.spec);
    for (int32_t f = 0; f < w->schema.sparse_fields; f++) {
        char name[RMX_CONTAINER_NAME + 1];
        snprintf(name, sizeof name, "/table/%d", (int)f);
        if (w->table[f])
            add_bytes(&l, name, RMX_ARRAY_U64, w->schema.encoding[f].values, w->table[f]);
    }
    w->begun = true;
    status = rmx_container_write(w->temporary, w->path, "dataset", RMX_DATASET_VERSION, l.array,
                                 l.data, l.arrays, about, error);
cleanup:
    json_decref(about);
    free(l.data);
    free(l.array);
    return status;
}

/* Opens the file as a reader does. */
static rmx_status look_again(const rmx_writer *w, rmx_error *error)
{
    rmx_dataset_file file;
    rmx_status status = rmx_dataset_file_open(w->temporary, &file, error);
    if (status == RMX_OK) rmx_dataset_file_close(&file);
    return status;
}

rmx_status rmx_writer_complete(rmx_writer *w, rmx_error *error)
{
    uint64_t rows_hash[RMX_SETS];
    rmx_status status = RMX_OK;
    if (w->complete) return RMX_OK;
    if (w->schema.rows < 1)
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: no row to write", w->path);
    if (w->held > 0) status = write_block(w, error);
    for (int s = 0; s < RMX_SETS; s++) rows_hash[s] = XXH3_64bits_digest(w->hash[s]);
    if (status == RMX_OK && w->schema.text_columns > 0) {
        status = rmx_writer_texts_records(&w->texts, w->path, w->schema.rows, w->block_rows,
                                          &w->spool[RMX_SET_TEXT], &rows_hash[RMX_SET_TEXT],
                                          w->block_hash[RMX_SET_TEXT], error);
        for (int32_t i = 0; i < w->schema.text_columns; i++)
            w->schema.text_bytes[i] = w->texts.widest[i];
    }
    if (status != RMX_OK) return status;
    w->schema.fingerprint =
        rmx_fingerprint(rmx_schema_hash(&w->schema), rows_hash, w->schema.rows);
    status = write_file(w, rows_hash, error);
    if (status == RMX_OK) status = look_again(w, error);
    w->complete = status == RMX_OK;
    return status;
}

rmx_status rmx_writer_finish(rmx_writer *w, uint64_t *fingerprint, rmx_error *error)
{
    rmx_status status = rmx_writer_complete(w, error);
    if (status == RMX_OK) status = rmx_put_in_place(w->temporary, w->path, error);
    if (status == RMX_OK && fingerprint) *fingerprint = w->schema.fingerprint;
    rmx_writer_discard(w); /* after the rename there is nothing left to remove */
    return status;
}

void rmx_writer_discard(rmx_writer *w)
{
    if (!w) return;
    if (w->begun) (void)unlink(w->temporary);
    for (int s = 0; s < RMX_SETS; s++) {
        rmx_spool_close(&w->spool[s]);
        XXH3_freeState(w->hash[s]);
        free(w->block_hash[s]);
    }
    rmx_writer_texts_close(&w->texts);
    for (int32_t f = 0; w->table && f < w->schema.sparse_fields; f++) free(w->table[f]);
    free(w->table);
    rmx_rows_free(&w->block);
    rmx_schema_free(&w->schema);
    free(w->temporary);
    free(w->path);
    free(w);
}
