/* SPDX-License-Identifier: MIT */
/* bench_feed_forward.c: feed-forward networks, one a token, over the batch. */
#include "rankmixer/feed_forward.h"

#include "layers.h"

/* GELU's gradient and the hidden values, [B, T, K] each. */
static int64_t saved(const layer *l) { return 2 * l->samples * l->tokens * l->hidden; }

static rmx_status run(const layer *l, int64_t first, int64_t samples)
{
    const int64_t at = first * layer_unit(l);
    float *hidden = l->saved + saved(l) / 2;
    const rmx_feed_forward_desc desc = layer_network(l, samples);
    const rmx_feed_forward_weights weights = layer_network_weights(l, l->w);
    const rmx_feed_forward_gradients gradients = layer_network_gradients(l, l->dw);
    BENCH_TRY(rmx_feed_forward_forward(l->b->ctx, &desc, &weights, l->x + at, l->x + at, l->saved,
                                       hidden, l->y + at));
    if (!l->backward) return RMX_OK;
    return rmx_feed_forward_backward(l->b->ctx, &desc, &weights, l->dy + at, l->x + at, l->saved,
                                     hidden, l->dy + at, l->dx + at, &gradients, l->ws,
                                     l->ws_bytes);
}

static size_t scratch(const layer *l)
{
    const rmx_feed_forward_desc desc = layer_network(l, l->samples);
    return rmx_feed_forward_backward_workspace(&desc);
}

rmx_status bench_feed_forward(bench *b)
{
    static const layer_kind network = {"feed_forward",     "feed-forward", run,
                                       layer_network_size, saved,          scratch,
                                       layer_network_flop};
    return layers_over_samples(b, &network);
}
