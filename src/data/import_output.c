/* SPDX-License-Identifier: MIT */
/* import_output.c: see import_output.h. */
#include "data/import_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/same_file.h"
#include "data/whole_file.h"

/* ---- Rows ----------------------------------------------------------------------------------- */

/* Zeroed; *good turns false where memory is out. */
static void *alloc(int64_t count, size_t bytes, bool *good)
{
    void *memory = calloc((size_t)count + 1, bytes);
    if (!memory) *good = false;
    return memory;
}

static bool alloc_block(rmx_output *out)
{
    const rmx_schema *s = out->schema;
    const int64_t n = RMX_IMPORT_BLOCK, texts = n * s->text_columns;
    rmx_block *b = &out->block;
    bool good = true;
    if (s->has_label) b->label = alloc(n * s->tasks, sizeof *b->label, &good);
    if (s->dense_fields > 0) b->dense = alloc(n * s->dense_fields, sizeof *b->dense, &good);
    if (s->sparse_fields > 0) b->sparse = alloc(n * s->sparse_fields, sizeof *b->sparse, &good);
    if (s->has_group) b->group = alloc(n, sizeof *b->group, &good);
    b->row = alloc(n, sizeof *b->row, &good);
    if (texts > 0) b->text_bytes = alloc(texts, RMX_TEXT_VALUE_MAX + 1, &good);
    if (texts > 0) b->text = alloc(texts, sizeof *b->text, &good);
    out->counts.label = alloc(s->tasks, sizeof *out->counts.label, &good);
    out->counts.unknown = alloc(s->sparse_fields, sizeof *out->counts.unknown, &good);
    return good;
}

rmx_status rmx_output_open(rmx_output *out, const char *path, const rmx_schema *schema,
                           const rmx_columns *columns, rmx_error *error)
{
    const rmx_spec *spec = columns->spec;
    memset(out, 0, sizeof *out);
    out->path = path;
    out->schema = schema;
    if (!alloc_block(out)) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for rows");
    rmx_status status = rmx_writer_open(path, schema, 0, &out->writer, error);
    for (int32_t i = 0, field = 0; i < spec->columns && status == RMX_OK; i++) {
        const rmx_column_fit *fit = &columns->fit[i];
        const rmx_column *c = &spec->column[i];
        if (c->kind == RMX_COLUMN_SPARSE && c->buckets == 0)
            status = rmx_writer_table(out->writer, field, fit->list, fit->listed, error);
        field += rmx_columns_sparse(c, fit);
    }
    return status;
}

void rmx_output_free(rmx_output *out)
{
    rmx_writer_discard(out->writer);
    free(out->block.label);
    free(out->block.dense);
    free(out->block.sparse);
    free(out->block.group);
    free(out->block.row);
    free(out->block.text_bytes);
    free(out->block.text);
    free(out->counts.label);
    free(out->counts.unknown);
    memset(out, 0, sizeof *out);
}

rmx_status rmx_output_flush(rmx_output *out, rmx_error *error)
{
    const rmx_block *b = &out->block;
    const rmx_writer_rows rows = {.label = b->label,
                                  .dense = b->dense,
                                  .sparse = b->sparse,
                                  .group = b->group,
                                  .row = b->row,
                                  .text = b->text};
    const int64_t count = out->held;
    out->held = 0;
    return count > 0 ? rmx_writer_append(out->writer, count, &rows, error) : RMX_OK;
}

rmx_status rmx_output_add(rmx_output *out, rmx_columns *columns, char *const *value, int64_t row,
                          bool statistics, rmx_error *error)
{
    rmx_columns_convert(columns, value, out->schema, &out->block, out->held, &out->counts,
                        statistics);
    out->block.row[out->held] = (uint64_t)row;
    out->rows++;
    return ++out->held == RMX_IMPORT_BLOCK ? rmx_output_flush(out, error) : RMX_OK;
}

/* ---- Files that appear together -------------------------------------------------------------- */

rmx_status rmx_move_begin(rmx_move *move, const char *path, rmx_error *error)
{
    char *temporary = rmx_temporary_name(path), *kept = NULL;
    *move = (rmx_move){.path = path};
    if (!temporary || asprintf(&kept, "%s.old", temporary) < 0) {
        free(temporary);
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    }
    free(temporary);
    (void)unlink(kept); /* of a process of this number that was killed */
    if (link(path, kept) == 0) {
        move->kept = kept;
        return RMX_OK;
    }
    move->fresh = errno == ENOENT;
    free(kept);
    return RMX_OK;
}

void rmx_move_undo(rmx_move *move, rmx_error *error)
{
    if (move->kept && rmx_files_same(move->kept, move->path)) {
        (void)unlink(move->kept); /* nothing has taken its place */
    } else if (move->kept && rename(move->kept, move->path) != 0) {
        (void)rmx_fail(error, RMX_ERR_DATA, "%.500s; the older file is %.300s now",
                       error ? error->text : "", move->kept);
    } else if (!move->kept && move->fresh) {
        (void)unlink(move->path);
    }
    free(move->kept);
    move->kept = NULL;
}

void rmx_move_end(rmx_move *move)
{
    if (move->kept) (void)unlink(move->kept);
    free(move->kept);
    move->kept = NULL;
}
