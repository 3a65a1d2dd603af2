/* SPDX-License-Identifier: MIT */
/* ceiling.h: the AUC of the scores that made the labels. */
#ifndef RMX_DATA_CEILING_H
#define RMX_DATA_CEILING_H

#include <stdint.h>

#include "core/error.h"

typedef struct rmx_ceiling {
    uint64_t *key; /* [rows]: the score's rank order in the upper bits, the label in the lowest */
    int64_t rows, most, positives;
} rmx_ceiling;

RMX_NODISCARD rmx_status rmx_ceiling_create(rmx_ceiling *out, int64_t most, rmx_error *error);
void rmx_ceiling_destroy(rmx_ceiling *ceiling);
void rmx_ceiling_add(rmx_ceiling *ceiling, float score, uint8_t label);
/* Share of (positive, negative) pairs in the right order, ties one half; NaN where one class is
 * missing. Exact: whole numbers up to one division. Sorts; add nothing afterwards. */
double rmx_ceiling_auc(rmx_ceiling *ceiling);

#endif /* RMX_DATA_CEILING_H */
