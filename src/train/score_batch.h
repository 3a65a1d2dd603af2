/* SPDX-License-Identifier: MIT */
/* score_batch.h: computes the logits of a batch and refuses those that are not finite. */
#ifndef RMX_TRAIN_SCORE_BATCH_H
#define RMX_TRAIN_SCORE_BATCH_H

#include "data/dataset.h"
#include "rankmixer/model.h"

/* Loads the rows of the view without their labels and computes logits [view->samples, tasks].
 * trained: the schema of the model, which names the tasks. Returns RMX_ERR_NUMERIC where a logit is
 * not finite. Its text names the row, in the file and in its source; the first tensor that holds a
 * NaN or an infinity when this row alone goes through the model; and, unless that is a parameter,
 * the field of the row's largest dense value. Other failures are those of the context, with its
 * text. */
RMX_NODISCARD rmx_status rmx_score(rmx_context *ctx, rmx_model *model, const rmx_schema *trained,
                                   const rmx_reader *reader, const rmx_reader_view *view,
                                   float *logits, rmx_error *error);

#endif /* RMX_TRAIN_SCORE_BATCH_H */
