/* SPDX-License-Identifier: MIT */
/* plots.h: curves.svg from metrics.jsonl, drawn by gnuplot. */
#ifndef RMX_TRAIN_PLOTS_H
#define RMX_TRAIN_PLOTS_H

#include "core/error.h"

/* Draws loss and AUC against the step from FOLDER/metrics.jsonl into FOLDER/curves.svg (replaced
 * in one move); ceiling_auc as a dashed line, NaN: none. Returns RMX_OK, or says what is missing: a
 * run does not fail for it. */
RMX_NODISCARD rmx_status rmx_plots_curves(const char *folder, double ceiling_auc,
                                          rmx_error *error);

#endif /* RMX_TRAIN_PLOTS_H */
