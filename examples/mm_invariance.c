/* mm_invariance.c: a row's product has the same bits alone as in any batch.
 *
 * Most libraries choose a kernel by the batch size. Another kernel adds in another order, so a
 * model scores the same sample differently in other company. Here every output is one accumulator
 * over ascending k, whatever the shape, the threads or the device. */
#include <stdio.h>
#include <string.h>

#include "rankmixer/product.h"

enum { ROWS = 256, K = 700, N = 48 };

static float value(unsigned i) { return (float)(i * 2654435761u >> 8) * 0x1p-23f - 1.0f; }

int main(void)
{
    static float x[ROWS * K], w[K * N], batch[ROWS * N], alone[N];
    for (unsigned i = 0; i < ROWS * K; i++) x[i] = value(i);
    for (unsigned i = 0; i < K * N; i++) w[i] = value(i + 12345u);

    /* A CPU context takes plain memory; a GPU's comes from rmx_alloc and rmx_upload. */
    const rmx_context_options options = {.device = RMX_DEVICE_CPU};
    char why[256];
    rmx_context *ctx;
    if (rmx_context_create(&options, &ctx, why, sizeof why) != RMX_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }

    const rmx_tensor weights = rmx_tensor_of(RMX_F32, w, 2, (int64_t[]){K, N});
    const rmx_tensor all = rmx_tensor_of(RMX_F32, x, 2, (int64_t[]){ROWS, K});
    const rmx_tensor y = rmx_tensor_of(RMX_F32, batch, 2, (int64_t[]){ROWS, N});
    int different = 0;
    rmx_status status = rmx_mm(ctx, &all, &weights, &y);
    for (int row = 0; row < ROWS && status == RMX_OK; row++) {
        const rmx_tensor one = rmx_tensor_of(RMX_F32, x + row * K, 2, (int64_t[]){1, K});
        const rmx_tensor y1 = rmx_tensor_of(RMX_F32, alone, 2, (int64_t[]){1, N});
        status = rmx_mm(ctx, &one, &weights, &y1);
        if (memcmp(alone, batch + row * N, sizeof alone) != 0) different++;
    }
    if (status != RMX_OK)
        fprintf(stderr, "%s\n", rmx_last_error(ctx));
    else
        printf("%s\n%d of %d rows differ between alone and in a batch\n",
               rmx_context_describe(ctx), different, ROWS);
    rmx_context_destroy(ctx);
    return status != RMX_OK || different != 0;
}
