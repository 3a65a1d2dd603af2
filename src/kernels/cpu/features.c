/* SPDX-License-Identifier: MIT */
/* features.c: builds the tokenizer's input: embedding rows and dense values in their columns. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"

static void features_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const rmx_embedding_lookup_args *a = job;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        float *out = (float *)a->out + b * a->out_width;
        const uint32_t *ids = a->ids + b * a->fields;
        for (int64_t f = 0; f < a->fields; f++) { /* the rows are far apart: ask for all of them */
            __builtin_prefetch(a->table + (a->row_offset[f] + ids[f]) * a->width);
        }
        memset(out, 0, sizeof *out * (size_t)a->out_width);
        for (int64_t f = 0; f < a->fields; f++) {
            const float *row = a->table + (a->row_offset[f] + ids[f]) * a->width;
            if (a->width > RMX_VL) {
                memcpy(out + a->column[f], row, sizeof *row * (size_t)a->width);
            } else { /* a call would take longer than the copy */
                rmx_lanes_store(out + a->column[f], rmx_lanes_load(row, a->width), a->width);
            }
        }
        for (int64_t j = 0; j < a->dense_fields; j++) {
            out[a->dense_column[j]] = a->dense[b * a->dense_fields + j];
        }
    }
}

/* out[b] = embedding rows and dense values of sample b, each at its column, +0 elsewhere.
 * order   none: copies
 * traffic ids, dense and one table row per id read, out written once */
rmx_status rmx_cpu_embedding_lookup(rmx_backend *backend, const rmx_embedding_lookup_args *a)
{
    rmx_embedding_lookup_args job = *a;
    rmx_parallel(rmx_cpu_pool(backend), a->samples, 1 + 4096 / (a->out_width + 1), features_task,
                 &job);
    return RMX_OK;
}
