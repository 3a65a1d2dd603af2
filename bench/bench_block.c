/* SPDX-License-Identifier: MIT */
/* bench_block.c: a whole RankMixer block over the batch. */
#include "rankmixer/block.h"

#include "layers.h"

static rmx_block_desc desc_of(const layer *l, int64_t samples)
{
    return (rmx_block_desc){.heads = 16, .eps = 1e-5f, .ffn = layer_network(l, samples)};
}

/* The norms' parameters, then the network's. */
static int64_t parameters(const layer *l) { return 4 * (int64_t)l->width + layer_network_size(l); }

static rmx_status run(const layer *l, int64_t first, int64_t samples)
{
    const int64_t at = first * layer_unit(l), d = l->width;
    const size_t saved_bytes = sizeof(float) * (size_t)l->kind->saved(l);
    float *w = l->w, *g = l->dw;
    const rmx_block_desc desc = desc_of(l, samples);
    const rmx_block_weights weights = {.gamma1 = w,
                                       .beta1 = w + d,
                                       .gamma2 = w + 2 * d,
                                       .beta2 = w + 3 * d,
                                       .ffn = layer_network_weights(l, w + 4 * d)};
    const rmx_block_gradients gradients = {.gamma1 = g,
                                           .beta1 = g + d,
                                           .gamma2 = g + 2 * d,
                                           .beta2 = g + 3 * d,
                                           .ffn = layer_network_gradients(l, g + 4 * d)};
    BENCH_TRY(rmx_block_forward(l->b->ctx, &desc, &weights, l->x + at, l->y + at, l->saved,
                                saved_bytes));
    if (!l->backward) return RMX_OK;
    return rmx_block_backward(l->b->ctx, &desc, &weights, l->dy + at, l->x + at, l->saved,
                              saved_bytes, l->dx + at, &gradients, l->ws, l->ws_bytes);
}

static int64_t saved(const layer *l)
{
    const rmx_block_desc desc = desc_of(l, l->samples);
    return (int64_t)(rmx_block_saved_bytes(&desc) / sizeof(float));
}

static size_t scratch(const layer *l)
{
    const rmx_block_desc desc = desc_of(l, l->samples);
    return rmx_block_backward_workspace(&desc);
}

rmx_status bench_block(bench *b)
{
    static const layer_kind block = {"block", "block",           run, parameters, saved,
                                     scratch, layer_network_flop};
    return layers_over_samples(b, &block);
}
