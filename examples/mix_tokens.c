/* mix_tokens.c: token mixing on two samples of 4 tokens. Afterwards each token holds a head slice
 * of every token. */
#include <stdbool.h>
#include <stdio.h>

#include "rankmixer/token_mixer.h"

enum { B = 2, T = 4, D = 8 };

int main(void)
{
    float x[B * T * D], mixed[B * T * D];
    for (int i = 0; i < B * T * D; i++) x[i] = (float)(i / D % T); /* each value is its token */

    /* A CPU context takes plain memory; a GPU's comes from rmx_alloc and rmx_upload. */
    const rmx_context_options options = {.device = RMX_DEVICE_CPU};
    char why[256];
    rmx_context *ctx;
    if (rmx_context_create(&options, &ctx, why, sizeof why) != RMX_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const rmx_token_mixer_desc desc = {
        .samples = B, .tokens = T, .width = D, .heads = T, .eps = 1e-5f};
    const rmx_status status = rmx_token_mix(ctx, &desc, x, mixed);
    if (status != RMX_OK) fprintf(stderr, "%s\n", rmx_last_error(ctx));
    rmx_context_destroy(ctx);
    if (status != RMX_OK) return 1;

    bool right = true;
    for (int i = 0; i < B * T * D; i++) {
        printf("%g%s", (double)mixed[i], i % D == D - 1 ? "\n" : " ");
        const int token = i % D / (D / T); /* 0 0 1 1 2 2 3 3 */
        right = right && mixed[i] == (float)token;
    }
    return !right;
}
