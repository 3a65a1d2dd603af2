/* SPDX-License-Identifier: MIT */
/* test_optimizer.c: every optimiser, dense and by row. */
#include "cases_features.h"
#include "kernel_testing.h"

static const rmx_optimizer_scalars scalars = {.lr = 0.01f,
                                              .momentum = 0.9f,
                                              .beta1 = 0.9f,
                                              .beta2 = 0.99f,
                                              .eps = 1e-8f,
                                              .weight_decay = 0.1f,
                                              .decay = 0.999f,
                                              .bias1 = 2.5f,
                                              .bias2 = 40.0f,
                                              .one_minus_beta1 = 0.1f,
                                              .one_minus_beta2 = 0.01f};

typedef struct optimizer_data { /* on the host */
    int64_t size, states, gradients, rows;
    float *w, *s1, *s2, *grad;
    uint32_t *row_index;
} optimizer_data;

static optimizer_data make_data(const optimizer_case *c, testing_pattern pattern)
{
    optimizer_data d = {.size = c->table_rows * c->width};
    d.rows = c->unique < 0 ? c->table_rows : c->unique;
    d.states = c->kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD ? c->table_rows : d.size;
    d.gradients = (d.rows + 3) * c->width; /* more than *unique says */
    d.w = host_filled(d.size, pattern, 1), d.grad = host_filled(d.gradients, pattern, 2);
    d.s1 = host_filled(d.states, pattern, 3), d.s2 = host_filled(d.size, pattern, 4);
    for (int64_t i = 0; i < d.states; i++) d.s1[i] = fabsf(d.s1[i]);
    for (int64_t i = 0; i < d.size; i++) d.s2[i] = fabsf(d.s2[i]);
    d.row_index = malloc(sizeof(uint32_t) * (size_t)(d.rows + 3));
    for (int64_t u = 0; u < d.rows; u++) {
        d.row_index[u] = (uint32_t)(u * c->table_rows / d.rows); /* ascending, no row twice */
    }
    return d;
}

static void free_data(optimizer_data *d)
{
    free(d->w), free(d->s1), free(d->s2), free(d->grad), free(d->row_index);
}

static void run_case(rmx_backend *backend, const char *name, const optimizer_case *c,
                     testing_pattern pattern, float grad_scale)
{
    kernel_operands all = {.backend = backend};
    optimizer_data d = make_data(c, pattern);
    const uint32_t unique = (uint32_t)d.rows;
    rmx_optimizer_args args = {.kind = c->kind,
                               .rows = c->unique < 0 ? d.rows : d.rows + 3,
                               .width = c->width,
                               .w = kernel_floats(&all, d.w, d.size),
                               .s1 = kernel_floats(&all, d.s1, d.states),
                               .s2 = kernel_floats(&all, d.s2, d.size),
                               .grad = kernel_floats(&all, d.grad, d.gradients),
                               .scalars = kernel_put(&all, &scalars, sizeof scalars),
                               .grad_scale =
                                   c->grad_scale ? kernel_floats(&all, &grad_scale, 1) : NULL};
    float *s1 = args.s1, *s2 = args.s2;
    if (c->kind == RMX_OPTIMIZER_SGD && !c->momentum) args.s1 = NULL;
    if (c->kind != RMX_OPTIMIZER_ADAMW) args.s2 = NULL;
    if (c->unique >= 0) {
        args.row_index = kernel_put(&all, d.row_index, sizeof(uint32_t) * (size_t)d.rows);
        args.unique = kernel_put(&all, &unique, sizeof unique);
    }
    cr_assert_eq(backend->ops->optimizer(backend, &args), RMX_OK);
    if (c->grad_scale && isnan(grad_scale)) { /* nothing is changed */
        kernel_expect(backend, args.w, d.w, d.size, name, "w after NaN");
        kernel_expect(backend, s1, d.s1, d.states, name, "s1 after NaN");
        kernel_expect(backend, s2, d.s2, d.size, name, "s2 after NaN");
    }
    kernel_compare(backend, args.w, d.size, name, testing_pattern_name(pattern));
    kernel_compare(backend, s1, d.states, name, "s1");
    kernel_compare(backend, s2, d.size, name, "s2");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

/* Every pattern, then a scale that is NaN and one that is infinite. */
static void contract_case(rmx_backend *backend, const char *name, int i)
{
    enum { KINDS = PATTERN_COUNT + 2 };
    const int kind = i % KINDS;
    const float scale = kind < PATTERN_COUNT ? 0.37f : kind == PATTERN_COUNT ? NAN : INFINITY;
    const testing_pattern pattern = kind < PATTERN_COUNT ? (testing_pattern)kind : PATTERN_NORMAL;
    run_case(backend, name, &optimizer_cases[i / KINDS], pattern, scale);
}

Test(optimizer, kernel_has_reference_bits)
{
    kernel_cases(CASES(optimizer_cases) * (PATTERN_COUNT + 2), contract_case);
}

/* Against double: one AdamW step of plain values, each operation half an ulp. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { N = 1000 };
    const optimizer_case c = {RMX_OPTIMIZER_ADAMW, 1, N, -1, false, false};
    const rmx_optimizer_scalars *s = &scalars;
    kernel_operands all = {.backend = backend};
    optimizer_data d = make_data(&c, PATTERN_NORMAL);
    const rmx_optimizer_args args = {.kind = c.kind,
                                     .rows = 1,
                                     .width = N,
                                     .w = kernel_floats(&all, d.w, N),
                                     .s1 = kernel_floats(&all, d.s1, N),
                                     .s2 = kernel_floats(&all, d.s2, N),
                                     .grad = kernel_floats(&all, d.grad, N),
                                     .scalars = kernel_put(&all, &scalars, sizeof scalars)};
    float w[N];
    cr_assert_eq(backend->ops->optimizer(backend, &args), RMX_OK);
    testing_get(backend, w, args.w, sizeof w);
    for (int i = 0; i < N; i++) {
        const double g = (double)d.grad[i];
        const double m = (double)s->beta1 * (double)d.s1[i] + (double)s->one_minus_beta1 * g;
        const double v = (double)s->beta2 * (double)d.s2[i] + (double)s->one_minus_beta2 * g * g;
        const double step =
            (double)s->lr * m * (double)s->bias1 / (sqrt(v * (double)s->bias2) + (double)s->eps);
        const double exact = (double)d.w[i] * (double)s->decay - step;
        const double size = fabs((double)d.w[i]) + (double)s->lr;
        cr_assert_leq(fabs((double)w[i] - exact), 0x1p-22 * size, "%s: %d", name, i);
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

Test(optimizer, near_float64) { kernel_each(near_float64); }
