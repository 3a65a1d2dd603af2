/* SPDX-License-Identifier: MIT */
/* bench_product.c: y = x W over M rows; and one weight matrix a token, with bias and GELU, which
 * the vendor's product has not. */
#include "product_lines.h"

static const int64_t quick_rows[] = {1, 16, 0};

static rmx_status plain(bench *b)
{
    static const int64_t cpu_rows[] = {1, 16, 128, 1024, 4096, 0};
    static const int64_t cuda_rows[] = {1, 16, 64, 256, 1024, 4096, 16384, 0};
    static const int64_t cpu[][2] = {{3072, 768}, {768, 3072}, {256, 64}, {1024, 1024}, {0}};
    static const int64_t cuda[][2] = {{3072, 768},  {768, 3072},  {4096, 4096},
                                      {1536, 6144}, {6144, 1536}, {0}};
    const int64_t *rows = b->quick ? quick_rows : b->cuda ? cuda_rows : cpu_rows;
    product_mean mean = {.count = 0};
    for (const int64_t(*nk)[2] = b->cuda ? cuda : cpu; (*nk)[0]; nk++) {
        for (const int64_t *m = rows; *m; m++) {
            const product_shape shape = {
                .m = *m, .n = (*nk)[0], .k = (*nk)[1], .tokens = 1, .curve = true};
            BENCH_TRY(product_line(b, &shape, &mean));
        }
    }
    return product_mean_line(b, "", &mean);
}

static rmx_status per_token(bench *b)
{
    static const int64_t cpu[] = {1, 8, 64, 256, 0}, cuda[] = {1, 64, 512, 4096, 0};
    product_mean mean = {.count = 0};
    for (const int64_t *m = b->quick ? quick_rows : b->cuda ? cuda : cpu; *m; m++) {
        const product_shape shape = {.m = *m,
                                     .n = b->quick ? 256 : 3072,
                                     .k = b->quick ? 64 : 768,
                                     .tokens = 16,
                                     .epilogue = PRODUCT_BIAS_GELU};
        BENCH_TRY(product_line(b, &shape, &mean));
    }
    return product_mean_line(b, ", per-token", &mean);
}

rmx_status bench_product(bench *b)
{
    BENCH_TRY(plain(b));
    return per_token(b);
}
