/* SPDX-License-Identifier: MIT */
/* bench_block.c: a whole RankMixer block over the batch. */
#include "rankmixer/block.h"

#include "layers.h"

static rmx_block_desc desc_of(const layer *l, int64_t samples)
{
    return (rmx_block_desc){.heads = 16, .eps = 1e-5f, .ffn = layer_network(l, samples)};
}

enum { PARAMETERS = 8 };

/* Where the parameters lie that follow one another from there; the number of their values. */
static int64_t point(const layer *l, float *from, float *to[PARAMETERS])
{
    const rmx_block_desc desc = desc_of(l, l->samples);
    rmx_block_parameter list[PARAMETERS];
    const int32_t count = rmx_block_parameters(&desc, list, PARAMETERS);
    int64_t at = 0;
    for (int32_t i = 0; i < count; at += list[i++].count) to[i] = from ? from + at : NULL;
    return at;
}

static int64_t parameters(const layer *l)
{
    float *unused[PARAMETERS];
    return point(l, NULL, unused);
}

static rmx_status run(const layer *l, int64_t first, int64_t samples)
{
    const int64_t at = first * layer_unit(l);
    const size_t saved_bytes = sizeof(float) * (size_t)l->kind->saved(l);
    const rmx_block_desc desc = desc_of(l, samples);
    float *weights[PARAMETERS], *gradients[PARAMETERS];
    point(l, l->w, weights);
    point(l, l->dw, gradients);
    BENCH_TRY(rmx_block_forward(l->b->ctx, &desc, (const void *const *)weights, l->x + at,
                                l->y + at, l->saved, saved_bytes));
    if (!l->backward) return RMX_OK;
    return rmx_block_backward(l->b->ctx, &desc, (const void *const *)weights, l->dy + at,
                              l->x + at, l->saved, saved_bytes, l->dx + at, gradients, l->ws,
                              l->ws_bytes);
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
