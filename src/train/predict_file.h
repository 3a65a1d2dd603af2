/* SPDX-License-Identifier: MIT */
/* predict_file.h: where predictions go: a CSV, or an HDF5 file.
 *
 * CSV (RFC 4180, LF line ends): a header, then a line a row in the order of the set.
 *   row                         of the source, from 0; of the set where it has no /row
 *   the keys as written         under their names ("key_NAME" where a name is one of these here)
 *   group                       where the set has groups: as written, or the hash where the set
 *                               does not have its text; empty where the row has none
 *   probability, logit, label   with several tasks NAME_probability, NAME_logit, NAME_label for
 *                               each; label only where the set has labels, empty where masked.
 *                               Numbers have 9 significant digits: every fp32 reads back as itself
 * HDF5 (data/container.h, kind "predictions"): /row [N] u64, /probability and /logit [N, tasks]
 * f32, /label [N, tasks] u8 (255: masked), /group [N] u64 (0: none), /text [N] with the keys and
 * the group as written; the index holds `rows` and the names of `tasks`. */
#ifndef RMX_TRAIN_PREDICT_FILE_H
#define RMX_TRAIN_PREDICT_FILE_H

#include "data/dataset.h"

typedef struct rmx_predict_file rmx_predict_file;

/* Returns RMX_ERR_ARGUMENT where the name ends in neither .h5 nor .csv. */
RMX_NODISCARD rmx_status rmx_predict_file_check(const char *path, rmx_error *error);
/* Makes the folder if it is missing and creates PATH.tmp.PID; finish puts it in place. set: the
 * schema whose rows, all of them, will be written. model: the schema of the checkpoint, whose tasks
 * are scored. Both have to outlive the file. Returns RMX_OK, RMX_ERR_ARGUMENT, RMX_ERR_DATA or
 * RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_predict_file_open(const char *path, const rmx_schema *set,
                                               const rmx_schema *model, rmx_predict_file **out,
                                               rmx_error *error);
/* logits [view->samples, tasks]: finite. The view has to have keys. */
RMX_NODISCARD rmx_status rmx_predict_file_write(rmx_predict_file *file,
                                                const rmx_reader_view *view, const float *logits,
                                                rmx_error *error);
/* Completes the file and puts it in place. Frees it in every case. On failure nothing is left
 * behind. */
RMX_NODISCARD rmx_status rmx_predict_file_finish(rmx_predict_file *file, rmx_error *error);
void rmx_predict_file_discard(rmx_predict_file *file); /* NULL is fine */

#endif /* RMX_TRAIN_PREDICT_FILE_H */
