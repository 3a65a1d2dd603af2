/* SPDX-License-Identifier: MIT */
/* bench_linear.c: the three products of a linear layer: x W + b, dy W^T and dW += x^T dy. Layers
 * are large and small, some of one matrix a token as in base.ini, and one is a task's head. */
#include "product_lines.h"

typedef struct linear {
    int64_t m, n, k, tokens;
} linear;

rmx_status bench_linear(bench *b)
{
    static const linear cpu[] = {{512, 3072, 768, 1},
                                 {512, 768, 3072, 1},
                                 {256, 512, 128, 16},
                                 {256, 128, 512, 16},
                                 {1024, 32, 16, 16},
                                 {4096, 1, 768, 1},
                                 {0}};
    static const linear cuda[] = {
        {512, 3072, 768, 1},   {4096, 3072, 768, 1},  {4096, 768, 3072, 1},
        {4096, 4096, 4096, 1}, {1024, 3072, 768, 16}, {1024, 768, 3072, 16},
        {1024, 32, 16, 16},    {4096, 1, 768, 1},     {0}};
    static const linear quick[] = {{16, 256, 64, 1}, {8, 64, 32, 16}, {64, 1, 32, 1}, {0}};
    product_mean mean = {.count = 0};
    for (const linear *l = b->quick ? quick : b->cuda ? cuda : cpu; l->m; l++) {
        for (int pass = PRODUCT_FORWARD; pass <= PRODUCT_OF_WEIGHT; pass++) {
            const product_shape shape = {.m = l->m,
                                         .n = l->n,
                                         .k = l->k,
                                         .tokens = l->tokens,
                                         .pass = (product_pass)pass,
                                         .epilogue = pass ? PRODUCT_PLAIN : PRODUCT_BIAS};
            BENCH_TRY(product_line(b, &shape, &mean));
        }
    }
    return product_mean_line(b, "", &mean);
}
