/* SPDX-License-Identifier: MIT */
/* predict_internal.h: the two kinds of files behind predict_file.h. */
#ifndef RMX_TRAIN_PREDICT_INTERNAL_H
#define RMX_TRAIN_PREDICT_INTERNAL_H

#include <stdio.h>

#include "train/predict_file.h"

/* The schemas of the rows and of the model. A set without labels need not name the tasks. */
typedef struct rmx_predict_columns {
    const rmx_schema *set;
    const rmx_schema *model; /* tasks, task_names */
} rmx_predict_columns;

/* A batch and its results [samples, tasks]. */
typedef struct rmx_predictions {
    const rmx_reader_view *view;
    const float *logit, *probability;
} rmx_predictions;

/* predict_csv.c: writes the header, and a line for each row, to the caller's stream. */
void rmx_predict_csv_head(FILE *out, const rmx_predict_columns *columns);
void rmx_predict_csv_rows(FILE *out, const rmx_predict_columns *columns,
                          const rmx_predictions *rows);

/* predict_h5.c: collects rows, then writes all of them to the file `temporary`. path: the final
 * name, for errors and for the folder of the spool files. */
typedef struct rmx_predict_h5 rmx_predict_h5;
RMX_NODISCARD rmx_status rmx_predict_h5_open(const char *temporary, const char *path,
                                             const rmx_predict_columns *columns,
                                             rmx_predict_h5 **out, rmx_error *error);
RMX_NODISCARD rmx_status rmx_predict_h5_rows(rmx_predict_h5 *file, const rmx_predictions *rows,
                                             rmx_error *error);
RMX_NODISCARD rmx_status rmx_predict_h5_write(rmx_predict_h5 *file, rmx_error *error);
void rmx_predict_h5_discard(rmx_predict_h5 *file); /* NULL is fine */

#endif /* RMX_TRAIN_PREDICT_INTERNAL_H */
