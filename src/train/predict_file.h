/* SPDX-License-Identifier: MIT */
/* predict_file.h: where predictions go: a CSV, or an HDF5 file with /row, /score and /group. */
#ifndef RMX_TRAIN_PREDICT_FILE_H
#define RMX_TRAIN_PREDICT_FILE_H

#include "data/dataset.h"

typedef struct rmx_predict_file rmx_predict_file;

/* Writes PATH.tmp.PID; finish puts it in place. The name's end decides: .h5 or .csv. rows: how
 * many will come. Returns RMX_OK, RMX_ERR_ARGUMENT (another ending), RMX_ERR_DATA or
 * RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_predict_file_open(const char *path, const rmx_schema *schema,
                                               int64_t rows, rmx_predict_file **out,
                                               rmx_error *error);
/* score [view->samples, tasks] probabilities. */
RMX_NODISCARD rmx_status rmx_predict_file_write(rmx_predict_file *file,
                                                const rmx_reader_view *view, const float *score,
                                                rmx_error *error);
/* Closes, fsyncs, renames. Frees the file in every case; on failure nothing is left behind. */
RMX_NODISCARD rmx_status rmx_predict_file_finish(rmx_predict_file *file, rmx_error *error);
void rmx_predict_file_discard(rmx_predict_file *file); /* NULL is fine */

#endif /* RMX_TRAIN_PREDICT_FILE_H */
