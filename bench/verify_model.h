/* SPDX-License-Identifier: MIT */
/* verify_model.h: one request scored many times, each time among others. */
#ifndef RMX_BENCH_VERIFY_MODEL_H
#define RMX_BENCH_VERIFY_MODEL_H

#include "bench.h"

typedef struct verify_scores {
    int32_t scorings;
    int32_t distinct;        /* different results of ours: 1 */
    int32_t vendor_distinct; /* with the vendor's products in our model's places */
} verify_scores;

/* config NULL: rmx-train's defaults. The parameters are the first ones. */
rmx_status verify_model(bench *b, const char *config, verify_scores *out);

#endif /* RMX_BENCH_VERIFY_MODEL_H */
