/* SPDX-License-Identifier: MIT */
/* product_lines.h: lines of products against the vendor's. */
#ifndef RMX_BENCH_PRODUCT_LINES_H
#define RMX_BENCH_PRODUCT_LINES_H

#include "bench.h"

/* A layer of M rows and T weight matrices: y = x W, dx = dy W^T, dW += x^T dy. */
typedef enum product_pass { PRODUCT_FORWARD, PRODUCT_OF_INPUT, PRODUCT_OF_WEIGHT } product_pass;
typedef enum product_epilogue {
    PRODUCT_PLAIN,
    PRODUCT_BIAS,     /* y = x W + b */
    PRODUCT_BIAS_GELU /* y = gelu(x W + b) */
} product_epilogue;

typedef struct product_shape {
    int64_t m, n, k, tokens;
    product_pass pass;
    product_epilogue epilogue; /* of PRODUCT_FORWARD */
    bool curve;                /* stands in the picture of products, by M */
} product_shape;

typedef struct product_mean { /* of the ratios to the vendor */
    double logs;
    int count;
} product_mean;

/* Checks and measures it where it is wanted, and adds its ratio to the mean. */
rmx_status product_line(bench *b, const product_shape *shape, product_mean *mean);
/* Of two shapes and more, so many of what: "", ", per-token". */
rmx_status product_mean_line(bench *b, const char *of, const product_mean *mean);

#endif /* RMX_BENCH_PRODUCT_LINES_H */
