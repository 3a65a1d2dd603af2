/* SPDX-License-Identifier: MIT */
/* import_output.c: see import_parts.h. */
#include "data/import_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/same_file.h"
#include "data/whole_file.h"

/* ---- Rows ----------------------------------------------------------------------------------- */

static rmx_status alloc_block(rmx_block *b, const rmx_schema *schema, rmx_error *error)
{
    const size_t texts = (size_t)(RMX_IMPORT_BLOCK * schema->text_columns);
    b->text_bytes = malloc(texts * sizeof *b->text_bytes + 1);
    b->text = malloc(texts * sizeof *b->text + 1);
    b->unknown = calloc((size_t)schema->sparse_fields + 1, sizeof *b->unknown);
    if (!b->text_bytes || !b->text || !b->unknown)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for rows");
    return rmx_rows_alloc(&b->rows, schema, RMX_IMPORT_BLOCK, error);
}

rmx_status rmx_output_open(rmx_output *out, const char *path, const rmx_schema *schema,
                           const rmx_columns *columns, rmx_error *error)
{
    const rmx_spec *spec = columns->spec;
    *out = (rmx_output){.path = path, .schema = schema};
    rmx_status status = alloc_block(&out->block, schema, error);
    if (status == RMX_OK) status = rmx_writer_open(path, schema, 0, &out->writer, error);
    for (int32_t i = 0, field = 0; i < spec->columns && status == RMX_OK; i++) {
        const rmx_column_fit *fit = &columns->fit[i];
        if (rmx_column_has_table(&spec->column[i]))
            status = rmx_writer_table(out->writer, field, fit->list, fit->listed, error);
        field += rmx_column_sparse_fields(&spec->column[i]);
    }
    return status;
}

void rmx_output_free(rmx_output *out)
{
    rmx_writer_discard(out->writer);
    rmx_rows_free(&out->block.rows);
    free(out->block.text_bytes);
    free(out->block.text);
    free(out->block.unknown);
    memset(out, 0, sizeof *out);
}

rmx_status rmx_output_flush(rmx_output *out, rmx_error *error)
{
    const rmx_rows *b = &out->block.rows;
    const rmx_writer_rows rows = {b->label, b->dense, b->sparse,
                                  b->group, b->row,   out->block.text};
    const int64_t count = out->held;
    out->held = 0;
    return count > 0 ? rmx_writer_append(out->writer, count, &rows, error) : RMX_OK;
}

rmx_status rmx_output_add(rmx_output *out, rmx_columns *columns, char *const *value, int64_t row,
                          bool statistics, rmx_error *error)
{
    rmx_columns_write(columns, value, out->schema, &out->block, out->held, statistics);
    out->block.rows.row[out->held] = (uint64_t)row;
    out->rows++;
    return ++out->held == RMX_IMPORT_BLOCK ? rmx_output_flush(out, error) : RMX_OK;
}

/* ---- Files that appear together ------------------------------------------------------------- */

rmx_status rmx_move_begin(rmx_move *move, const char *path, rmx_error *error)
{
    char *temporary = rmx_temporary_name(path), *kept = NULL;
    *move = (rmx_move){.path = path};
    if (!temporary || asprintf(&kept, "%s.old", temporary) < 0) {
        free(temporary);
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    }
    free(temporary);
    (void)unlink(kept); /* a killed process with this number left it */
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
