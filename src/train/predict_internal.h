/* SPDX-License-Identifier: MIT */
/* predict_internal.h: the two kinds of prediction files behind predict_file.h. */
#ifndef RMX_TRAIN_PREDICT_INTERNAL_H
#define RMX_TRAIN_PREDICT_INTERNAL_H

#include <stdio.h>

#include "train/predict_file.h"

/* Whose rows, and what they are scored for: a set without labels need not name the tasks. */
typedef struct rmx_predict_columns {
    const rmx_schema *set;
    const rmx_schema *model; /* tasks, task_names */
} rmx_predict_columns;

/* A batch, and what was computed of it, [samples, tasks]. */
typedef struct rmx_predictions {
    const rmx_reader_view *view;
    const float *logit, *probability;
} rmx_predictions;

/* predict_csv.c: a line of names, and a line for each row, on a stream of the caller's. */
void rmx_predict_csv_head(FILE *out, const rmx_predict_columns *columns);
void rmx_predict_csv_rows(FILE *out, const rmx_predict_columns *columns,
                          const rmx_predictions *rows);

/* predict_h5.c: takes rows, then writes all of them to a file of the name `temporary`. path: the
 * final name, for errors, and for the folder in which the rows wait. */
typedef struct rmx_predict_h5 rmx_predict_h5;
RMX_NODISCARD rmx_status rmx_predict_h5_open(const char *temporary, const char *path,
                                             const rmx_predict_columns *columns,
                                             rmx_predict_h5 **out, rmx_error *error);
RMX_NODISCARD rmx_status rmx_predict_h5_rows(rmx_predict_h5 *file, const rmx_predictions *rows,
                                             rmx_error *error);
RMX_NODISCARD rmx_status rmx_predict_h5_write(rmx_predict_h5 *file, rmx_error *error);
void rmx_predict_h5_discard(rmx_predict_h5 *file); /* NULL is fine */

#endif /* RMX_TRAIN_PREDICT_INTERNAL_H */
