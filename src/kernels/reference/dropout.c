/* SPDX-License-Identifier: MIT */
/* dropout.c: dropout. Its mask is a function of (seed, step, site, element). */
#include "kernels/philox.h"
#include "kernels/reference/reference.h"

rmx_status rmx_reference_dropout(rmx_backend *backend, const rmx_dropout_args *a)
{
    (void)backend;
    const float *x = a->x;
    float *y = a->y;
    const uint64_t step = *a->step_counter * 256 + a->site;
    for (int64_t i = 0; i < a->n; i++) {
        const uint64_t element = a->first + (uint64_t)i;
        const uint32_t word = rmx_random_word(a->seed, RMX_RANDOM_DROPOUT, step, element);
        const bool keep = rmx_uniformf(word) >= a->p;
        y[i] = keep ? rmx_mulf(x[i], a->scale) : 0.0f;
    }
    return RMX_OK;
}
