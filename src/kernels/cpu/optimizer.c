/* SPDX-License-Identifier: MIT */
/* optimizer.c: the optimisers' updates, dense and by row. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/partial_sums.h"

typedef struct optim_job {
    const rmx_optimizer_args *a;
    float grad_scale;
} optim_job;

/* Each updates n neighbouring weights; g is multiplied by gs first, w by decay. */

static void sgd(const rmx_optimizer_scalars *s, int64_t n, float gs, const float *grad, float *w)
{
    const float rate = s->lr, decay = s->decay;
    RMX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        w[i] = rmx_fmaf(-rate, rmx_mulf(grad[i], gs), rmx_mulf(w[i], decay));
    }
}

static void sgd_momentum(const rmx_optimizer_scalars *s, int64_t n, float gs, const float *grad,
                         float *w, float *s1)
{
    const float rate = s->lr, decay = s->decay, momentum = s->momentum;
    RMX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const float m = rmx_fmaf(momentum, s1[i], rmx_mulf(grad[i], gs));
        s1[i] = m;
        w[i] = rmx_fmaf(-rate, m, rmx_mulf(w[i], decay));
    }
}

static void rmsprop(const rmx_optimizer_scalars *s, int64_t n, float gs, const float *grad,
                    float *w, float *s1)
{
    const float rate = s->lr, decay = s->decay, eps = s->eps;
    const float beta2 = s->beta2, rest2 = s->one_minus_beta2;
    RMX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const float g = rmx_mulf(grad[i], gs);
        const float v = rmx_fmaf(beta2, s1[i], rmx_mulf(rest2, rmx_mulf(g, g)));
        s1[i] = v;
        const float step = rmx_divf(rmx_mulf(rate, g), rmx_addf(rmx_sqrtf(v), eps));
        w[i] = rmx_subf(rmx_mulf(w[i], decay), step);
    }
}

static void adagrad(const rmx_optimizer_scalars *s, int64_t n, float gs, const float *grad,
                    float *w, float *s1)
{
    const float rate = s->lr, decay = s->decay, eps = s->eps;
    RMX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const float g = rmx_mulf(grad[i], gs);
        const float v = rmx_fmaf(g, g, s1[i]);
        s1[i] = v;
        const float step = rmx_divf(rmx_mulf(rate, g), rmx_addf(rmx_sqrtf(v), eps));
        w[i] = rmx_subf(rmx_mulf(w[i], decay), step);
    }
}

static void adamw(const rmx_optimizer_scalars *s, int64_t n, float gs, const float *grad, float *w,
                  float *s1, float *s2)
{
    const float rate = s->lr, decay = s->decay, eps = s->eps;
    const float beta1 = s->beta1, rest1 = s->one_minus_beta1, bias1 = s->bias1;
    const float beta2 = s->beta2, rest2 = s->one_minus_beta2, bias2 = s->bias2;
    RMX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const float g = rmx_mulf(grad[i], gs);
        const float m = rmx_fmaf(beta1, s1[i], rmx_mulf(rest1, g));
        const float v = rmx_fmaf(beta2, s2[i], rmx_mulf(rest2, rmx_mulf(g, g)));
        s1[i] = m;
        s2[i] = v;
        const float root = rmx_addf(rmx_sqrtf(rmx_mulf(v, bias2)), eps);
        const float step = rmx_divf(rmx_mulf(rate, rmx_mulf(m, bias1)), root);
        w[i] = rmx_subf(rmx_mulf(w[i], decay), step);
    }
}

typedef struct scaled_gradient {
    const float *grad;
    float scale;
} scaled_gradient;

RMX_INLINE rmx_vec scaled_square_step(const void *row, int64_t j, int64_t count, rmx_vec acc)
{
    const scaled_gradient *r = row;
    rmx_vec g = rmx_vec_load_some(r->grad + j, count) * rmx_vec_set(r->scale);
    if (count < RMX_VL) { /* an infinite scale times the +0 beyond the end would be NaN */
        float kept[RMX_VL];
        rmx_vec_store(kept, g);
        g = rmx_vec_load_part(kept, count);
    }
    return rmx_vec_fma(g, g, acc);
}

static float scaled_square_span(const void *row, int64_t begin, int64_t n)
{
    return rmx_sum_span(scaled_square_step, row, begin, n);
}

/* One row, one shared state. */
static void rowwise_adagrad(const rmx_optimizer_scalars *s, int64_t n, float gs, const float *grad,
                            float *w, float *s1)
{
    const float rate = s->lr, decay = s->decay;
    const scaled_gradient row = {grad, gs};
    const float mean = rmx_divf(rmx_sum_row(scaled_square_span, &row, n), (float)n);
    *s1 = rmx_addf(*s1, mean);
    const float root = rmx_addf(rmx_sqrtf(*s1), s->eps);
    RMX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const float step = rmx_divf(rmx_mulf(rate, rmx_mulf(grad[i], gs)), root);
        w[i] = rmx_subf(rmx_mulf(w[i], decay), step);
    }
}

/* n weights from element `at` of w and its states, with the gradient at grad. */
static void update(const rmx_optimizer_args *a, float gs, int64_t at, int64_t n, const float *grad)
{
    const rmx_optimizer_scalars *s = a->scalars;
    float *w = a->w + at;
    switch (a->kind) {
    case RMX_OPTIMIZER_SGD:
        if (a->s1)
            sgd_momentum(s, n, gs, grad, w, a->s1 + at);
        else
            sgd(s, n, gs, grad, w);
        break;
    case RMX_OPTIMIZER_RMSPROP: rmsprop(s, n, gs, grad, w, a->s1 + at); break;
    case RMX_OPTIMIZER_ADAGRAD: adagrad(s, n, gs, grad, w, a->s1 + at); break;
    case RMX_OPTIMIZER_ROWWISE_ADAGRAD:
        rowwise_adagrad(s, n, gs, grad, w, a->s1 + at / a->width);
        break;
    case RMX_OPTIMIZER_ADAMW: adamw(s, n, gs, grad, w, a->s1 + at, a->s2 + at); break;
    }
}

/* items: rows with a gradient */
static void optim_rows_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const optim_job *j = job;
    const rmx_optimizer_args *a = j->a;
    (void)worker;
    for (int64_t u = begin; u < end; u++) {
        const int64_t row = a->row_index ? (int64_t)a->row_index[u] : u;
        update(a, j->grad_scale, row * a->width, a->width, a->grad + u * a->width);
    }
}

/* items: elements of all rows */
static void optim_elements_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const optim_job *j = job;
    (void)worker;
    update(j->a, j->grad_scale, begin, end - begin, j->a->grad + begin);
}

/* w and its states after one step; the formulas are in ops.h.
 * order   none, but for the partial sums of rowwise_adagrad
 * traffic grad read once, w and the states read and written once */
rmx_status rmx_cpu_optimizer(rmx_backend *backend, const rmx_optimizer_args *a)
{
    optim_job job = {a, a->grad_scale ? *a->grad_scale : 1.0f};
    const int64_t rows = a->unique ? (int64_t)*a->unique : a->rows;
    if (job.grad_scale != job.grad_scale || rows * a->width == 0) return RMX_OK;
    if (a->row_index || a->kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD)
        rmx_parallel(rmx_cpu_pool(backend), rows, 1 + 8192 / a->width, optim_rows_task, &job);
    else
        rmx_parallel(rmx_cpu_pool(backend), rows * a->width, 8192, optim_elements_task, &job);
    return RMX_OK;
}
