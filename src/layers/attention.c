/* SPDX-License-Identifier: MIT */
/* attention.c: plain self-attention from products and a softmax; see
 * rankmixer/attention.h. Queries, keys and values are three planes [B, T, D]; head h of sample b
 * is the [T, d] matrix of rows D apart that starts at b * T * D + h * d. */
#include "core/arena.h"
#include "layers/check_layers.h"
#include "layers/projection.h"
#include "rankmixer/attention.h"

typedef struct sizes {
    rmx_dtype dtype;
    int64_t value;            /* bytes of one */
    int64_t b, t, d, h, head; /* samples, tokens, width, heads, width of a head */
    int64_t x, p;             /* elements of [B, T, D] and of [B, H, T, T] */
    float scale;              /* 1 / sqrt(head), rounded once from double */
} sizes;

static sizes sizes_of(const rmx_attention_desc *desc)
{
    sizes s = {.dtype = desc->dtype,
               .b = desc->samples,
               .t = desc->tokens,
               .d = desc->width,
               .h = desc->heads};
    s.value = (int64_t)rmx_dtype_size(s.dtype);
    s.head = s.d / s.h;
    s.x = s.b * s.t * s.d;
    s.p = s.b * s.h * s.t * s.t;
    s.scale = (float)rmx_divd(1.0, rmx_sqrtd((double)s.head));
    return s;
}

/* Rows of x to those of the three planes, and from P V to y. */
static rmx_projection planes_of(const sizes *s)
{
    return (rmx_projection){.dtype = s->dtype,
                            .groups = 3,
                            .rows = s->b * s->t,
                            .in = s->d,
                            .out = s->d,
                            .x_row = s->d,
                            .y_row = s->d,
                            .y_group = s->x};
}

static rmx_projection output_of(const sizes *s)
{
    rmx_projection p = planes_of(s);
    p.groups = 1;
    p.y_group = 0;
    return p;
}

/* Three parts of x values each, one after another: queries, keys and values. */
typedef struct planes {
    void *q, *k, *v;
} planes;

static planes planes_at(const sizes *s, void *qkv)
{
    char *q = qkv;
    return (planes){q, q + s->x * s->value, q + 2 * s->x * s->value};
}

/* Head matrices [T, d] of a plane, and the same transposed; batch (sample, head). */
static rmx_matrix head(const sizes *s, const void *plane)
{
    return (rmx_matrix){.p = plane, .rs = s->d, .cs = 1, .batch = {s->t * s->d, s->head}};
}

static rmx_matrix head_transposed(const sizes *s, const void *plane)
{
    return (rmx_matrix){.p = plane, .rs = 1, .cs = s->d, .batch = {s->t * s->d, s->head}};
}

static rmx_matrix_out head_out(const sizes *s, void *plane)
{
    return (rmx_matrix_out){.p = plane, .rs = s->d, .batch = {s->t * s->d, s->head}};
}

/* Score matrices [T, T]. */
static rmx_matrix score(const sizes *s, const void *p)
{
    return (rmx_matrix){.p = p, .rs = s->t, .cs = 1, .batch = {s->h * s->t * s->t, s->t * s->t}};
}

static rmx_matrix score_transposed(const sizes *s, const void *p)
{
    return (rmx_matrix){.p = p, .rs = 1, .cs = s->t, .batch = {s->h * s->t * s->t, s->t * s->t}};
}

static rmx_matrix_out score_out(const sizes *s, void *p)
{
    return (rmx_matrix_out){.p = p, .rs = s->t, .batch = {s->h * s->t * s->t, s->t * s->t}};
}

/* One product per (sample, head): c = alpha * a b. */
static rmx_status per_head(rmx_context *ctx, const sizes *s, int64_t n, int64_t k, float alpha,
                           rmx_matrix a, rmx_matrix b, rmx_matrix_out c)
{
    const rmx_product_args args = {.dtype = s->dtype,
                                   .out_dtype = s->dtype,
                                   .math = rmx_math_of(s->dtype),
                                   .m = s->t,
                                   .n = n,
                                   .k = k,
                                   .batch = {s->b, s->h},
                                   .a = a,
                                   .b = b,
                                   .c = c,
                                   .alpha = alpha};
    return rmx_run_product(ctx, &args);
}

static rmx_status check_operands(rmx_context *ctx, const rmx_attention_desc *desc,
                                 const rmx_attention_weights *w, const rmx_attention_saved *saved)
{
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(rmx_check_attention_desc(ctx, desc));
    const int64_t count = desc->samples * desc->tokens * desc->width;
    RMX_TRY(rmx_check_pointer(ctx, "weights", w));
    RMX_TRY(rmx_check_pointer(ctx, "weights.wqkv", w->wqkv));
    RMX_TRY(rmx_check_pointer(ctx, "weights.bqkv", w->bqkv));
    RMX_TRY(rmx_check_pointer(ctx, "weights.wo", w->wo));
    RMX_TRY(rmx_check_pointer(ctx, "weights.bo", w->bo));
    RMX_TRY(rmx_check_pointer(ctx, "saved", saved));
    RMX_TRY(rmx_check_array(ctx, "saved.qkv", saved->qkv, count));
    RMX_TRY(rmx_check_array(ctx, "saved.probabilities", saved->probabilities, count));
    return rmx_check_array(ctx, "saved.mixed", saved->mixed, count);
}

rmx_status rmx_attention_forward(rmx_context *ctx, const rmx_attention_desc *desc,
                                 const rmx_attention_weights *weights, const void *x,
                                 const void *residual, const rmx_attention_saved *saved, void *y)
{
    RMX_TRY(check_operands(ctx, desc, weights, saved));
    const sizes s = sizes_of(desc);
    const int64_t bytes = s.x * s.value;
    RMX_TRY(rmx_check_array(ctx, "x", x, s.x));
    RMX_TRY(rmx_check_optional(ctx, "residual", residual));
    RMX_TRY(rmx_check_array(ctx, "y", y, s.x));
    const rmx_range outs[] = {{"y", y, bytes},
                              {"saved.qkv", saved->qkv, 3 * bytes},
                              {"saved.probabilities", saved->probabilities, s.p * s.value},
                              {"saved.mixed", saved->mixed, bytes}};
    const rmx_range ins[] = {{"x", x, bytes}, {"residual", residual, bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 4, ins, 2));
    RMX_TRY(rmx_check_kernels(ctx, s.dtype, RMX_USES(product) | RMX_USES(softmax)));

    const planes in = planes_at(&s, saved->qkv);
    const rmx_projection inner = planes_of(&s), output = output_of(&s);
    const rmx_projection_epilogue add = {.residual = residual};
    RMX_TRY(rmx_project(ctx, &inner, x, weights->wqkv, weights->bqkv, NULL, saved->qkv));
    RMX_TRY(per_head(ctx, &s, s.t, s.head, s.scale, head(&s, in.q), head_transposed(&s, in.k),
                     score_out(&s, saved->probabilities)));
    const rmx_softmax_args softmax = {.dtype = s.dtype,
                                      .outer = s.b * s.h * s.t,
                                      .n = s.t,
                                      .inner = 1,
                                      .x = saved->probabilities,
                                      .y = saved->probabilities};
    RMX_TRY(rmx_run_softmax(ctx, &softmax));
    RMX_TRY(per_head(ctx, &s, s.head, s.t, 1.0f, score(&s, saved->probabilities), head(&s, in.v),
                     head_out(&s, saved->mixed)));
    return rmx_project(ctx, &output, saved->mixed, weights->wo, weights->bo, &add, y);
}

/* Gradients of [B, T, D] mixed, of the three planes, of the scores; sums down the rows. */
typedef struct scratch {
    void *dmixed, *dqkv, *dscores, *rows;
} scratch;

static scratch scratch_of(const sizes *s, rmx_arena *arena)
{
    scratch w;
    const size_t value = (size_t)s->value;
    w.dmixed = rmx_arena_take(arena, rmx_size_mul(value, s->x));
    w.dqkv = rmx_arena_take(arena, rmx_size_mul(value, 3 * s->x));
    w.dscores = rmx_arena_take(arena, rmx_size_mul(value, s->p));
    w.rows = rmx_arena_take(arena, rmx_column_sum_scratch(3, s->b * s->t, s->d, 1));
    return w;
}

size_t rmx_attention_backward_workspace(const rmx_attention_desc *desc)
{
    if (!desc || rmx_check_attention_desc(NULL, desc) != RMX_OK) return 0;
    const sizes s = sizes_of(desc);
    rmx_arena arena = {0};
    scratch_of(&s, &arena);
    return arena.used;
}

/* From the gradient of P V to those of Q, K, V. */
static rmx_status heads_backward(rmx_context *ctx, const sizes *s,
                                 const rmx_attention_saved *saved, const scratch *w)
{
    const planes in = planes_at(s, saved->qkv), d = planes_at(s, w->dqkv);
    RMX_TRY(per_head(ctx, s, s->head, s->t, 1.0f, score_transposed(s, saved->probabilities),
                     head(s, w->dmixed), head_out(s, d.v)));
    RMX_TRY(per_head(ctx, s, s->t, s->head, 1.0f, head(s, w->dmixed), head_transposed(s, in.v),
                     score_out(s, w->dscores)));
    const rmx_softmax_backward_args softmax = {.dtype = s->dtype,
                                               .outer = s->b * s->h * s->t,
                                               .n = s->t,
                                               .inner = 1,
                                               .y = saved->probabilities,
                                               .dy = w->dscores,
                                               .dx = w->dscores};
    RMX_TRY(rmx_run_softmax_backward(ctx, &softmax));
    RMX_TRY(per_head(ctx, s, s->head, s->t, s->scale, score(s, w->dscores), head(s, in.k),
                     head_out(s, d.q)));
    return per_head(ctx, s, s->head, s->t, s->scale, score_transposed(s, w->dscores),
                    head(s, in.q), head_out(s, d.k));
}

/* dx = dq Wq^T + dk Wk^T + dv Wv^T (+ residual), one chain over the three; bf16 rounds
 * after each. */
static rmx_status input_gradient(rmx_context *ctx, const sizes *s, const void *wqkv,
                                 const void *dqkv, const void *residual, void *dx)
{
    const int64_t x_bytes = s->x * s->value, w_bytes = s->d * s->d * s->value;
    for (int64_t plane = 0; plane < 3; plane++) {
        const rmx_product_args args = {
            .dtype = s->dtype,
            .out_dtype = s->dtype,
            .math = rmx_math_of(s->dtype),
            .m = s->b * s->t,
            .n = s->d,
            .k = s->d,
            .batch = {1, 1},
            .a = {.p = (const char *)dqkv + plane * x_bytes, .rs = s->d, .cs = 1},
            .b = {.p = (const char *)wqkv + plane * w_bytes, .rs = 1, .cs = s->d},
            .c = {.p = dx, .rs = s->d},
            .accumulate = plane > 0,
            .alpha = 1.0f,
            .residual = {.p = plane == 2 ? residual : NULL, .rs = s->d, .cs = 1}};
        RMX_TRY(rmx_run_product(ctx, &args));
    }
    return RMX_OK;
}

static rmx_status check_backward(rmx_context *ctx, const sizes *s, const void *dy, const void *x,
                                 const rmx_attention_saved *saved, const void *residual,
                                 const void *dx, const rmx_attention_gradients *g, const void *ws,
                                 size_t needed)
{
    const int64_t bytes = s->x * s->value;
    RMX_TRY(rmx_check_array(ctx, "dy", dy, s->x));
    RMX_TRY(rmx_check_array(ctx, "x", x, s->x));
    RMX_TRY(rmx_check_optional(ctx, "residual", residual));
    RMX_TRY(rmx_check_array(ctx, "dx", dx, s->x));
    RMX_TRY(rmx_check_pointer(ctx, "gradients", g));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.wqkv", g->wqkv));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.bqkv", g->bqkv));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.wo", g->wo));
    RMX_TRY(rmx_check_pointer(ctx, "gradients.bo", g->bo));
    const rmx_range outs[] = {{"dx", dx, bytes}, {"ws", ws, (int64_t)needed}};
    const rmx_range ins[] = {{"dy", dy, bytes},
                             {"x", x, bytes},
                             {"residual", residual, bytes},
                             {"saved.qkv", saved->qkv, 3 * bytes},
                             {"saved.probabilities", saved->probabilities, s->p * s->value},
                             {"saved.mixed", saved->mixed, bytes}};
    return rmx_check_ranges(ctx, outs, 2, ins, 6);
}

rmx_status rmx_attention_backward(rmx_context *ctx, const rmx_attention_desc *desc,
                                  const rmx_attention_weights *weights, const void *dy,
                                  const void *x, const rmx_attention_saved *saved,
                                  const void *residual, void *dx,
                                  const rmx_attention_gradients *gradients, void *ws,
                                  size_t ws_bytes)
{
    RMX_TRY(check_operands(ctx, desc, weights, saved));
    const size_t needed = rmx_attention_backward_workspace(desc);
    RMX_TRY(rmx_check_workspace(ctx, "rmx_attention_backward_workspace", ws, ws_bytes, needed));
    const sizes s = sizes_of(desc);
    RMX_TRY(check_backward(ctx, &s, dy, x, saved, residual, dx, gradients, ws, needed));
    RMX_TRY(rmx_check_kernels(
        ctx, s.dtype, RMX_USES(product) | RMX_USES(column_sum) | RMX_USES(softmax_backward)));
    rmx_arena arena = {.base = ws};
    const scratch w = scratch_of(&s, &arena);

    const rmx_projection inner = planes_of(&s), output = output_of(&s);
    RMX_TRY(rmx_project_gradients(ctx, &output, saved->mixed, dy, gradients->wo, gradients->bo,
                                  w.rows));
    RMX_TRY(rmx_project_back(ctx, &output, dy, weights->wo, NULL, NULL, w.dmixed));
    RMX_TRY(heads_backward(ctx, &s, saved, &w));
    RMX_TRY(
        rmx_project_gradients(ctx, &inner, x, w.dqkv, gradients->wqkv, gradients->bqkv, w.rows));
    return input_gradient(ctx, &s, weights->wqkv, w.dqkv, residual, dx);
}
