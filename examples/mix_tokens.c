/* mix_tokens.c: RankMixer's token mixing on two samples of 4 tokens, in twenty lines. */
#include <stdbool.h>
#include <stdio.h>

#include "rankmixer/token_mixer.h"

enum { B = 2, T = 4, D = 8 };

int main(void)
{
    float x[B * T * D], mixed[B * T * D], y[B * T * D], mean[B * T], rstd[B * T], gamma[D],
        beta[D];
    for (int i = 0; i < B * T * D; i++) x[i] = (float)(i / D % T); /* each value: its token */
    for (int i = 0; i < D; i++) gamma[i] = 1.0f, beta[i] = 0.0f;

    rmx_context *ctx;
    const rmx_context_options options = {.device = RMX_DEVICE_CPU};
    if (rmx_context_create(&options, &ctx, NULL, 0) != RMX_OK) return 1;
    const rmx_token_mixer_desc desc = {
        .samples = B, .tokens = T, .width = D, .heads = T, .eps = 1e-5f};
    rmx_status status = rmx_token_mix(ctx, &desc, x, mixed);
    if (status == RMX_OK)
        status = rmx_token_mixer_forward(ctx, &desc, x, gamma, beta, y, mean, rstd);
    if (status != RMX_OK) fprintf(stderr, "%s\n", rmx_last_error(ctx));

    bool moved = status == RMX_OK; /* every mixed token must hold a part of every token */
    for (int i = 0; moved && i < T * D; i++) {
        printf("%g%s", (double)mixed[i], i % D == D - 1 ? "\n" : " ");
        const int from = i % D / (D / T);
        moved = mixed[i] == (float)from;
    }
    rmx_context_destroy(ctx);
    return moved ? 0 : 1;
}
