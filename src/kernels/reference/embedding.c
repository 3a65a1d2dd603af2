/* SPDX-License-Identifier: MIT */
/* embedding.c: the input features, and the gradients of embedding rows that a batch touches. */
#include <string.h>

#include "kernels/reference/reference.h"

rmx_status rmx_reference_embedding_lookup(rmx_backend *backend, const rmx_embedding_lookup_args *a)
{
    (void)backend;
    for (int64_t b = 0; b < a->samples; b++) {
        float *out = (float *)a->out + b * a->out_width;
        for (int64_t j = 0; j < a->out_width; j++) out[j] = 0.0f;
        for (int64_t f = 0; f < a->fields; f++) {
            const int64_t row = a->row_offset[f] + a->ids[b * a->fields + f];
            for (int64_t j = 0; j < a->width; j++)
                out[a->column[f] + j] = a->table[row * a->width + j];
        }
        for (int64_t j = 0; j < a->dense_fields; j++)
            out[a->dense_column[j]] = a->dense[b * a->dense_fields + j];
    }
    return RMX_OK;
}

/* ---- sort ---------------------------------------------------------------------------------- */

/* The row of the table that entry i of the batch touches. */
static uint32_t key(const rmx_embedding_sort_args *a, uint32_t entry)
{
    return (uint32_t)(a->row_offset[entry % a->fields] + a->ids[entry]);
}

/* Merges the sorted runs from[0 .. middle-1] and from[middle .. end-1]. Where keys are equal, the
 * first run's entries go first, so the sort is stable. */
static void merge(const rmx_embedding_sort_args *a, const uint32_t *from, int64_t middle,
                  int64_t end, uint32_t *to)
{
    for (int64_t i = 0, j = middle, at = 0; at < end; at++) {
        const bool first = j == end || (i < middle && key(a, from[i]) <= key(a, from[j]));
        to[at] = first ? from[i++] : from[j++];
    }
}

/* Bytes of the second array that the merge sort needs. */
size_t rmx_reference_embedding_sort_scratch(int64_t samples, int64_t fields)
{
    return sizeof(uint32_t) * (size_t)(samples * fields);
}

rmx_status rmx_reference_embedding_sort(rmx_backend *backend, const rmx_embedding_sort_args *a)
{
    (void)backend;
    const int64_t n = a->samples * a->fields;
    uint32_t *other = a->ws;
    for (int64_t i = 0; i < n; i++) a->order[i] = (uint32_t)i;
    for (int64_t run = 1; run < n; run *= 2) {
        memcpy(other, a->order, sizeof *other * (size_t)n);
        for (int64_t at = 0; at < n; at += 2 * run) {
            const int64_t left = n - at, middle = left < run ? left : run;
            merge(a, other + at, middle, left < 2 * run ? left : 2 * run, a->order + at);
        }
    }
    uint32_t unique = 0;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t row = key(a, a->order[i]);
        if (unique > 0 && row == a->rows[unique - 1]) continue;
        a->rows[unique] = row;
        a->start[unique++] = (uint32_t)i;
    }
    a->start[unique] = (uint32_t)n;
    *a->unique = unique;
    return RMX_OK;
}

/* ---- gradients ----------------------------------------------------------------------------- */

rmx_status rmx_reference_embedding_gradient(rmx_backend *backend,
                                            const rmx_embedding_gradient_args *a)
{
    (void)backend;
    const float *dout = a->dout;
    for (uint32_t u = 0; u < *a->unique; u++)
        for (int64_t j = 0; j < a->width; j++) {
            float sum = 0.0f;
            for (uint32_t i = a->start[u]; i < a->start[u + 1]; i++) {
                const int64_t b = a->order[i] / a->fields, f = a->order[i] % a->fields;
                sum = rmx_addf(sum, dout[b * a->out_width + a->column[f] + j]);
            }
            a->grad[u * a->width + j] = sum;
        }
    return RMX_OK;
}
