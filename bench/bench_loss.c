/* SPDX-License-Identifier: MIT */
/* bench_loss.c: cross-entropy of logits with its gradient, and the sigmoid that scoring takes. */
#include "rankmixer/loss.h"

#include <stdlib.h>

#include "rows.h"

/* x holds the logits of one task, dy the labels, a byte each; y becomes the gradient. */
static rmx_status loss(const rows *r, int64_t first, int64_t samples)
{
    const rmx_loss_desc desc = {.samples = samples, .tasks = 1, .scale = 1.0f / 4096.0f};
    return rmx_loss_forward_backward(r->b->ctx, &desc, r->x + first,
                                     (const uint8_t *)(const void *)r->dy + first, NULL, NULL,
                                     (double *)(void *)r->small, r->y + first, r->ws, r->ws_bytes);
}

static rmx_status make_labels(rows *r)
{
    uint8_t *host = malloc((size_t)r->count);
    if (!host) return rmx_fail(&r->b->error, RMX_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < r->count; i++) host[i] = i * 7919 % 5 < 2;
    const rmx_status status = rmx_upload(r->b->ctx, r->dy, host, (size_t)r->count);
    free(host);
    return status;
}

static size_t scratch(const rows *r) { return rmx_loss_scratch(r->count); }

static rmx_status sigmoid(const rows *r, int64_t first, int64_t samples)
{
    const int64_t at = first * rows_unit(r);
    const rmx_sigmoid_args args = {.n = samples * rows_unit(r), .x = r->x + at, .y = r->y + at};
    return rmx_run_sigmoid(r->b->ctx, &args);
}

static const row_case cases[] = {
    {"cross-entropy fwd+bwd", "one task", 1, 1, 2.25, loss, .reset = make_labels,
     .scratch = scratch},
    {"sigmoid", "", 1024, 1, 2, .run = sigmoid},
};

rmx_status bench_loss(bench *b) { return ROWS_MEASURE(b, cases); }
