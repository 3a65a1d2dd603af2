/* SPDX-License-Identifier: MIT */
/* nonfinite.c: how many values are NaN or infinite. */
#include <math.h>

#include "kernels/reference/reference.h"

rmx_status rmx_reference_nonfinite(rmx_backend *backend, const rmx_nonfinite_args *a)
{
    (void)backend;
    const float *x = a->x;
    uint32_t count = 0;
    for (int64_t i = 0; i < a->n; i++) count += isfinite(x[i]) ? 0 : 1;
    *a->count = count;
    return RMX_OK;
}
