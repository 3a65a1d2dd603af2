/* SPDX-License-Identifier: MIT */
/* dataset.h: rows for training in an HDF5 file: the writer, the checks and the reader.
 * docs/formats.md lists the arrays.
 *
 * A file is input from outside. Everything in it is checked before it is used, and a reader checks
 * every row that it gives. Errors name file, array, row and what to do. */
#ifndef RMX_DATA_DATASET_H
#define RMX_DATA_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "data/schema.h"
#include "rankmixer/model.h"

#define RMX_DATASET_VERSION 2
#define RMX_DATASET_BLOCK_ROWS 4096 /* the writer's default */
#define RMX_SHUFFLE_BLOCKS 16       /* blocks of a shuffle window */

/* Called from time to time during long work. false asks to stop: then the working function cleans
 * up and returns RMX_ERR_DATA with the text "stopped". total < 0: unknown. */
typedef bool (*rmx_progress_callback)(void *user, int64_t done, int64_t total);

/* ---- Writing -------------------------------------------------------------------------------- */

typedef struct rmx_writer rmx_writer;

/* Appends rows to PATH.tmp.PID in the same folder; rmx_writer_finish renames it to path and so
 * replaces what was there. Copies the schema. block_rows 0: the default; otherwise 1 .. 2^20.
 * Needs memory for one block. Returns RMX_OK, RMX_ERR_ARGUMENT, RMX_ERR_MEMORY, RMX_ERR_DATA
 * (folder missing, not writable). */
RMX_NODISCARD rmx_status rmx_writer_open(const char *path, const rmx_schema *schema,
                                         int64_t block_rows, rmx_writer **out, rmx_error *error);
/* Row-major arrays as in the file; NULL where the schema has none. */
typedef struct rmx_writer_rows {
    const uint8_t *label;
    const float *dense;
    const uint32_t *sparse;
    const uint64_t *group;   /* rmx_value_hash of the value; 0: none */
    const uint64_t *row;     /* number of the data row in the source */
    const char *const *text; /* [rows, text_columns], each at most RMX_TEXT_VALUE_MAX bytes */
} rmx_writer_rows;

/* Values are checked (RMX_ERR_DATA names the row, counted in the file). A full disk is
 * RMX_ERR_DATA here or in finish. After a failure only discard is allowed. */
RMX_NODISCARD rmx_status rmx_writer_append(rmx_writer *writer, int64_t rows,
                                           const rmx_writer_rows *values, rmx_error *error);
/* Stores /table/<sparse_field>: see import.h. */
RMX_NODISCARD rmx_status rmx_writer_table(rmx_writer *writer, int32_t sparse_field,
                                          const uint64_t *table, int64_t count, rmx_error *error);
/* The schema with the counts of labels and groups so far. */
const rmx_schema *rmx_writer_schema(const rmx_writer *writer);
void rmx_writer_set_ceiling(rmx_writer *writer, double auc); /* before finish */
/* Writes the whole file under its temporary name, opens it again as a reader does, verifies it and
 * fsyncs it. So what can fail is done before the rename: where two outputs belong together, both
 * are completed before the first is finished. The file needs one row at least. */
RMX_NODISCARD rmx_status rmx_writer_complete(rmx_writer *writer, rmx_error *error);
/* Completes the file unless that was done, renames it and fsyncs the folder. Frees the writer in
 * every case. On failure the temporary file is removed and an older file under path stays as it
 * was. fingerprint may be NULL. */
RMX_NODISCARD rmx_status rmx_writer_finish(rmx_writer *writer, uint64_t *fingerprint,
                                           rmx_error *error);
void rmx_writer_discard(rmx_writer *writer); /* removes the temporary file; NULL is fine */

/* ---- Looking at a file ---------------------------------------------------------------------- */

/* Reads and checks everything but the rows. Free *out with rmx_schema_free.
 * Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_dataset_schema(const char *path, rmx_schema *out, rmx_error *error);

/* Reads every row too: labels, ids, finite values, checksums and the fingerprint. */
RMX_NODISCARD rmx_status rmx_dataset_check(const char *path, rmx_progress_callback progress,
                                           void *user, rmx_error *error);

/* The file's table of a sparse field: *out (free it) and *count; NULL and 0 where it has none. */
RMX_NODISCARD rmx_status rmx_dataset_table(const char *path, const char *field, uint64_t **out,
                                           int64_t *count, rmx_error *error);

/* As rmx_schema_match for the set at b_path. The error says so where its tables begin with the
 * entries of a's tables and have more. */
RMX_NODISCARD rmx_status rmx_dataset_match(const rmx_schema *a, const char *a_path,
                                           const char *b_path, rmx_error *error);

/* ---- Reading batches ------------------------------------------------------------------------ */

typedef struct rmx_reader rmx_reader;

/* Plain data; zero-initialise and set what differs. */
typedef struct rmx_reader_options {
    int64_t batch; /* rows of a batch, >= 1; the last of an epoch may be smaller, never empty */
    bool shuffle;  /* false: the file's order in every epoch */
    uint64_t seed; /* of the shuffle */
    bool keys;     /* read /row and /text too */
} rmx_reader_options;

/* Host memory of the reader, valid until the next call of next, seek or close. Pointers are
 * 64-byte aligned; those of absent datasets are NULL. */
typedef struct rmx_reader_view {
    uint64_t epoch;         /* 0, 1, ... */
    int64_t index;          /* of the batch in its epoch */
    int64_t samples;        /* 0: the epoch is over */
    const uint32_t *sparse; /* [samples, Fs] */
    const float *dense;     /* [samples, Fd] */
    const uint8_t *labels;  /* [samples, tasks] */
    const uint64_t *group;  /* [samples] */
    const uint64_t *rows;   /* [samples], row numbers in the file, from 0 */
    const uint64_t *source; /* [samples], rows of the source; NULL where the file has no /row, or
                               keys were not asked for; likewise the next */
    const char *text;       /* [samples, sum of text_bytes] zero-padded */
} rmx_reader_view;

/* Opens and checks the file, and starts a thread that prepares batches ahead. The first batch is
 * batch 0 of epoch 0. Needs memory for two windows (of RMX_SHUFFLE_BLOCKS blocks) and a few
 * batches, whatever the size of the file. Returns RMX_OK, RMX_ERR_ARGUMENT, RMX_ERR_DATA,
 * RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_reader_open(const char *path, const rmx_reader_options *options,
                                         rmx_reader **out, rmx_error *error);
void rmx_reader_close(rmx_reader *reader); /* NULL is fine */

const rmx_schema *rmx_reader_schema(const rmx_reader *reader);
const char *rmx_reader_path(const rmx_reader *reader);
int64_t rmx_reader_batches(const rmx_reader *reader); /* of an epoch: ceil(rows / batch) */

/* The next batch. After the last batch of an epoch comes one view with samples 0, then the first
 * batch of the next epoch. The order depends on the file, the seed and the epoch alone
 * (docs/formats.md has the algorithm): not on the batch size, on time, or on where reading began.
 * RMX_ERR_DATA: a damaged row; then the reader can only be closed or moved by rmx_reader_seek. */
RMX_NODISCARD rmx_status rmx_reader_next(rmx_reader *reader, rmx_reader_view *out,
                                         rmx_error *error);
/* Makes batch number `batch` of `epoch` the next one, 0 <= batch <= rmx_reader_batches; the upper
 * bound is the end of the epoch. Costs the reading of one window at most. epoch < 2^48. */
RMX_NODISCARD rmx_status rmx_reader_seek(rmx_reader *reader, uint64_t epoch, int64_t batch,
                                         rmx_error *error);

/* The view as the model takes it; weights NULL. */
rmx_batch rmx_reader_batch(const rmx_reader_view *view);

#endif /* RMX_DATA_DATASET_H */
