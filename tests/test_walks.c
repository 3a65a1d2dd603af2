/* SPDX-License-Identifier: MIT */
/* test_walks.c: gradients of so many rows that a GPU's blocks of threads share runs of them and
 * hand chains down the rows on (kernels/cuda/rows_walk.cuh): the reference's bits. */
#include "kernel_testing.h"

typedef struct walk_case {
    int64_t samples, tokens, width, heads; /* heads 0: rows of a plain norm */
} walk_case;

/* Runs of a chain and a bit, of many chains, of half a chain; every plan of threads. */
static const walk_case cases[] = {{2200, 16, 64, 16},  {2111, 32, 16, 16}, {1061, 8, 260, 5},
                                  {600, 16, 768, 16},  {331, 32, 256, 32}, {1300, 8, 1024, 8},
                                  {300, 32, 1536, 32}, {34567, 1, 64, 0},  {17001, 1, 1040, 0},
                                  {9000, 1, 768, 0},   {70001, 1, 20, 0}};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct walk_data {
    float *dy, *x, *gamma, *mean, *rstd; /* inputs, on the host */
    float *dx, *dgamma, *dbeta;          /* results */
} walk_data;

static int64_t rows_of(const walk_case *c) { return c->samples * c->tokens; }

static walk_data make(const walk_case *c)
{
    const int64_t rows = rows_of(c), size = rows * c->width;
    walk_data d = {.dy = host_filled(size, PATTERN_NORMAL, 1),
                   .x = host_filled(size, PATTERN_NORMAL, 2),
                   .gamma = host_filled(c->width, PATTERN_NORMAL, 3),
                   .mean = host_filled(rows, PATTERN_NORMAL, 4),
                   .rstd = host_filled(rows, PATTERN_NORMAL, 5),
                   .dx = host_floats(size),
                   .dgamma = host_floats(c->width),
                   .dbeta = host_floats(c->width)};
    return d;
}

static void drop(walk_data *d)
{
    free(d->dy), free(d->x), free(d->gamma), free(d->mean), free(d->rstd);
    free(d->dx), free(d->dgamma), free(d->dbeta);
}

/* The gradients on a backend, as host arrays. */
static void run(rmx_backend *backend, const walk_case *c, walk_data *d)
{
    kernel_operands all = {.backend = backend};
    const int64_t rows = rows_of(c), size = rows * c->width;
    const float *dy = kernel_floats(&all, d->dy, size), *x = kernel_floats(&all, d->x, size);
    const float *gamma = kernel_floats(&all, d->gamma, c->width);
    const float *mean = kernel_floats(&all, d->mean, rows);
    const float *rstd = kernel_floats(&all, d->rstd, rows);
    float *dx = kernel_floats(&all, NULL, size);
    float *sums = host_filled(2 * c->width, PATTERN_NORMAL, 6);
    float *dgamma = kernel_floats(&all, sums, c->width);
    float *dbeta = kernel_floats(&all, sums + c->width, c->width);
    if (c->heads) {
        const rmx_token_mixer_backward_args args = {
            .samples = c->samples,
            .tokens = c->tokens,
            .width = c->width,
            .heads = c->heads,
            .dy = dy,
            .x = x,
            .gamma = gamma,
            .mean = mean,
            .rstd = rstd,
            .dx = dx,
            .dgamma = dgamma,
            .dbeta = dbeta,
            .ws =
                kernel_put(&all, NULL, rmx_token_mixer_scratch(c->samples, c->tokens, c->width))};
        cr_assert_eq(backend->ops->token_mixer_backward(backend, &args), RMX_OK);
    } else {
        const rmx_norm_backward_args args = {
            .kind = RMX_NORM_LAYER,
            .rows = rows,
            .dim = c->width,
            .ld = c->width,
            .dy = dy,
            .x = x,
            .gamma = gamma,
            .mean = mean,
            .rstd = rstd,
            .dx = dx,
            .dgamma = dgamma,
            .dbeta = dbeta,
            .ws = kernel_put(&all, NULL, rmx_column_sum_scratch(1, rows, c->width, 2))};
        cr_assert_eq(backend->ops->norm_backward(backend, &args), RMX_OK);
    }
    testing_get(backend, d->dx, dx, sizeof(float) * (size_t)size);
    testing_get(backend, d->dgamma, dgamma, sizeof(float) * (size_t)c->width);
    testing_get(backend, d->dbeta, dbeta, sizeof(float) * (size_t)c->width);
    cr_assert(kernel_end(&all), "guard bytes");
    free(sums);
}

static void expect_equal(const walk_case *c, int i, const walk_data *a, const walk_data *b)
{
    cr_assert_eq(testing_first_difference(a->dx, b->dx, rows_of(c) * c->width), -1, "%d: dx", i);
    cr_assert_eq(testing_first_difference(a->dgamma, b->dgamma, c->width), -1, "%d: dgamma", i);
    cr_assert_eq(testing_first_difference(a->dbeta, b->dbeta, c->width), -1, "%d: dbeta", i);
}

Test(walks, gpu_has_the_bits_of_the_reference)
{
    rmx_backend *gpu = testing_backend("cuda", 1), *reference = testing_backend("reference", 1);
    if (!gpu) cr_skip("no GPU");
    for (int i = 0; i < CASES; i++) {
        walk_data here = make(&cases[i]), there = make(&cases[i]);
        run(reference, &cases[i], &here);
        run(gpu, &cases[i], &there);
        expect_equal(&cases[i], i, &here, &there);
        run(gpu, &cases[i], &there); /* the flags are as they were */
        expect_equal(&cases[i], i, &here, &there);
        drop(&here), drop(&there);
    }
    testing_backend_free(gpu);
    testing_backend_free(reference);
}

/* The comparison can fail: two rows of a chain in another order give another sum. */
Test(walks, order_matters)
{
    rmx_backend *reference = testing_backend("reference", 1);
    const walk_case c = {300, 1, 20, 0};
    walk_data a = make(&c), b = make(&c);
    for (int64_t j = 0; j < c.width; j++) {
        const float dy = b.dy[j], x = b.x[j];
        b.dy[j] = b.dy[100 * c.width + j], b.dy[100 * c.width + j] = dy;
        b.x[j] = b.x[100 * c.width + j], b.x[100 * c.width + j] = x;
    }
    b.mean[0] = a.mean[100], b.mean[100] = a.mean[0];
    b.rstd[0] = a.rstd[100], b.rstd[100] = a.rstd[0];
    run(reference, &c, &a);
    run(reference, &c, &b);
    cr_assert_neq(testing_first_difference(a.dgamma, b.dgamma, c.width), -1);
    drop(&a), drop(&b);
    testing_backend_free(reference);
}
