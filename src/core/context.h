/* SPDX-License-Identifier: MIT */
/* context.h: a context as the library's own layers see it. */
#ifndef RMX_CORE_CONTEXT_H
#define RMX_CORE_CONTEXT_H

#include "kernels/ops.h"
#include "rankmixer/context.h"

rmx_backend *rmx_context_backend(rmx_context *ctx);

/* Keeps the text as the context's last error and returns status. ctx may be NULL, as in a query of
 * a size; then no text is kept. */
rmx_status rmx_context_fail(rmx_context *ctx, rmx_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes the backend's error the context's last error if status is not RMX_OK; returns status. */
rmx_status rmx_context_check(rmx_context *ctx, rmx_status status);

/* Returns RMX_OK if the context's kernel has code for all of `needs` (RMX_TAKES_ bits). */
rmx_status rmx_context_takes(rmx_context *ctx, rmx_kernel kernel, const char *name, int needs);

/* One call for each kernel: rmx_run_norm(ctx, &args) runs the kernel of the context's backend and
 * keeps its error as the context's last error. */
#define RMX_RUN(kernel, needs)                                                                   \
    static inline rmx_status rmx_run_##kernel(rmx_context *ctx, const rmx_##kernel##_args *args) \
    {                                                                                            \
        rmx_backend *backend = rmx_context_backend(ctx);                                         \
        const rmx_status status = rmx_context_takes(ctx, RMX_KERNEL_##kernel, #kernel, needs);   \
        if (status != RMX_OK) return status;                                                     \
        return rmx_context_check(ctx, backend->ops->kernel(backend, args));                      \
    }
#define RMX_RUN_TYPED(kernel) RMX_RUN(kernel, 1 << args->dtype)
#define RMX_RUN_FLOAT(kernel) RMX_RUN(kernel, 0)
RMX_RUN(product, 1 << args->dtype | 1 << args->out_dtype |
                     (args->math == RMX_MATH_TENSOR ? RMX_TAKES_TENSOR : 0))
RMX_TYPED_KERNELS(RMX_RUN_TYPED)
RMX_FLOAT_KERNELS(RMX_RUN_FLOAT)
#undef RMX_RUN_FLOAT
#undef RMX_RUN_TYPED
#undef RMX_RUN

/* Memory on the backend for small values of one call, such as an optimiser's scalars. It is valid
 * until the next public call. */
#define RMX_CONTEXT_SCRATCH_BYTES 1024
void *rmx_context_scratch(rmx_context *ctx);

#endif /* RMX_CORE_CONTEXT_H */
