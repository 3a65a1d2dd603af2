/* SPDX-License-Identifier: MIT */
/* plots.h: draws curves.svg from metrics.jsonl with gnuplot. */
#ifndef RMX_TRAIN_PLOTS_H
#define RMX_TRAIN_PLOTS_H

#include "core/error.h"

/* Draws loss and AUC against the step from FOLDER/metrics.jsonl into FOLDER/curves.svg, which is
 * replaced in one move. ceiling_auc is a dashed line; NaN: none. Returns RMX_OK, or an error that
 * says what is missing. A run does not fail because of it. */
RMX_NODISCARD rmx_status rmx_plots_curves(const char *folder, double ceiling_auc,
                                          rmx_error *error);

#endif /* RMX_TRAIN_PLOTS_H */
