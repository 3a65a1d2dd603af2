/* SPDX-License-Identifier: MIT */
/* vendor.h: the product of another library, as a yardstick: OpenBLAS on the CPU, cuBLAS on a GPU.
 *
 * It is opened at run time and nothing else depends on it; where it is missing there is nothing
 * to compare with, and that is said. */
#ifndef RMX_BENCH_VENDOR_H
#define RMX_BENCH_VENDOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/context.h"

/* C[p] = A[p] B[p] (+ C[p] where accumulate), p < count; fp32, row-major, ld from row to row.
 * A transposed operand is stored the other way round. */
typedef struct vendor_product {
    int64_t m, n, k, count;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc, step_a, step_b, step_c;
    bool trans_a, trans_b, accumulate;
} vendor_product;

typedef struct vendor {
    bool open;
    char name[16];   /* "OpenBLAS", "cuBLAS" */
    char where[160]; /* the library's file, or why there is none */
    void *library, *handle;
    void *sgemm, *batched, *destroy; /* functions of the library */
    rmx_context *ctx;
    void *workspace; /* of cuBLAS: its own would be allocated while a graph is recorded */
} vendor;

/* path NULL: by the library's usual names, in the loader's path. On a GPU it works on the
 * context's stream, in fp32 without TF32; on the CPU with as many threads as the context. */
bool vendor_open(vendor *v, rmx_context *ctx, const char *path);
void vendor_close(vendor *v);
rmx_status vendor_run(const vendor *v, const vendor_product *p);

/* The product inside one of our calls, without what follows the chain; false where the vendor's
 * interface cannot say it. outer is how often it repeats, steps of the operands in floats. */
typedef struct vendor_repeat {
    int64_t count, step_a, step_b, step_c;
} vendor_repeat;
bool vendor_of_args(const rmx_product_args *args, vendor_product *product, vendor_repeat *outer);
rmx_status vendor_run_args(const vendor *v, const rmx_product_args *args);

#endif /* RMX_BENCH_VENDOR_H */
