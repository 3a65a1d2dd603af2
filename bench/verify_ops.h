/* SPDX-License-Identifier: MIT */
/* verify_ops.h: the operations that rmx-verify looks at, each as a function from rows to rows. */
#ifndef RMX_BENCH_VERIFY_OPS_H
#define RMX_BENCH_VERIFY_OPS_H

#include "bench.h"

#define VERIFY_ROWS 4096 /* most rows of a batch */

typedef struct verify_memory {
    float *w;       /* weights, biases, gammas: VERIFY_WEIGHTS values */
    float *scratch; /* what an operation keeps or needs besides */
    int64_t scratch_floats;
} verify_memory;
#define VERIFY_WEIGHTS ((int64_t)5 << 20)

typedef struct verify_op verify_op;

/* rows of x [rows, in] to rows of y [rows, out]. theirs: the product is the vendor's, without
 * bias and scale. */
typedef rmx_status verify_run(bench *b, const verify_op *op, const verify_memory *memory,
                              int64_t rows, const float *x, float *y, bool theirs);

struct verify_op {
    const char *name;
    int32_t k, n, count; /* of a product: [rows, k] by [k, n], count of them; else width, tokens */
    int64_t in, out;     /* values of a row */
    bool product;        /* the vendor can be asked too */
    verify_run *run;
    int64_t scratch; /* floats of scratch a row */
    int64_t most;    /* rows of the largest batch */
};

extern const verify_op verify_ops[];
extern const int verify_op_count;

#endif /* RMX_BENCH_VERIFY_OPS_H */
