/* SPDX-License-Identifier: MIT */
/* test_token_mixer_large.c: rows x + mix(x) whose sums overflow, which norm_large.h is about. */
#include "token_mixer_testing.h"

/* Every second sample is ordinary. Of the others one has rows z = x + mix(x) whose squares, and
 * z - mean, overflow; one z so large that its sum does too, with the variance 0; in the last one
 * some z are infinite. */
enum { LARGE_KINDS = 6, NOT_FINITE = LARGE_KINDS - 1 };

static void fill_large(const token_mixer_case *c, float *x)
{
    const int64_t sample = c->tokens * c->width;
    for (int64_t i = 0; i < size_of(c); i++) {
        const float unit = fmaxf(-1.0f, fminf(1.0f, x[i] / 2)); /* within -1 .. 1 */
        const int64_t kind = i / sample % LARGE_KINDS;
        if (kind == 1) x[i] = FLT_MAX / 2 * unit;
        if (kind == 3) x[i] = 0x1p126f;
        if (kind == NOT_FINITE) x[i] = i % 7 ? FLT_MAX / 2 * unit : FLT_MAX;
    }
}

static void large_case(rmx_backend *backend, const char *name, int n)
{
    const int i = small_case(n);
    kernel_operands all = {.backend = backend};
    mixer_data d = make_data(&token_mixer_cases[i], PATTERN_NORMAL, i % 2 == 0);
    fill_large(&token_mixer_cases[i], d.x);
    const rmx_token_mixer_args args =
        forward_case(backend, name, &token_mixer_cases[i], &d, &all, "large");
    backward_case(backend, name, &token_mixer_cases[i], &d, &args, DGAMMA | DBETA);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

Test(token_mixer_large, kernel_has_reference_bits) { kernel_cases(small_cases(), large_case); }

/* dz of one row of z, which becomes h; dgamma is added to. In double precision. */
static double exact_row(const float *dy, double *z, int64_t width, double *dz, double *dgamma)
{
    double mean = 0, squares = 0, a = 0, b = 0;
    for (int64_t j = 0; j < width; j++) mean += z[j];
    mean /= (double)width;
    for (int64_t j = 0; j < width; j++) squares += pow(z[j] - mean, 2);
    const double rstd = 1 / sqrt(squares / (double)width + (double)eps);
    for (int64_t j = 0; j < width; j++) {
        z[j] = (z[j] - mean) * rstd;
        a += (double)dy[j] / (double)width;
        b += (double)dy[j] * z[j] / (double)width;
        dgamma[j] += (double)dy[j] * z[j];
    }
    for (int64_t j = 0; j < width; j++) dz[j] = rstd * ((double)dy[j] - a - z[j] * b);
    return rstd;
}

/* Host copies of what a backend made of a case without parameters, whose gradients began at 0. */
typedef struct large_results {
    float *y, *dx, *dgamma;
} large_results;

static large_results run_large(rmx_backend *backend, const token_mixer_case *c,
                               const mixer_data *d, kernel_operands *all)
{
    const rmx_token_mixer_args args = {.samples = c->samples,
                                       .tokens = c->tokens,
                                       .width = c->width,
                                       .heads = c->heads,
                                       .eps = eps,
                                       .x = kernel_floats(all, d->x, d->size),
                                       .y = kernel_floats(all, NULL, d->size),
                                       .mean = kernel_floats(all, NULL, d->rows),
                                       .rstd = kernel_floats(all, NULL, d->rows)};
    const rmx_token_mixer_backward_args back = {
        .samples = c->samples,
        .tokens = c->tokens,
        .width = c->width,
        .heads = c->heads,
        .x = args.x,
        .mean = args.mean,
        .rstd = args.rstd,
        .dy = kernel_floats(all, d->dy, d->size),
        .dx = kernel_floats(all, NULL, d->size),
        .dgamma = kernel_floats(all, d->dgamma, c->width),
        .dbeta = kernel_floats(all, d->dbeta, c->width),
        .ws = kernel_put(all, NULL, rmx_token_mixer_scratch(c->samples, c->tokens, c->width))};
    const large_results r = {host_floats(d->size), host_floats(d->size), host_floats(c->width)};
    cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
    cr_assert_eq(backend->ops->token_mixer_backward(backend, &back), RMX_OK);
    testing_get(backend, r.y, args.y, sizeof *r.y * (size_t)d->size);
    testing_get(backend, r.dx, back.dx, sizeof *r.dx * (size_t)d->size);
    testing_get(backend, r.dgamma, back.dgamma, sizeof *r.dgamma * (size_t)c->width);
    return r;
}

/* Sample b: 2^-18 is 64 ulps of 1, of which a mean of some standard deviations takes a few. Large
 * rows have a dz that is subnormal. scratch: 3 samples. dgamma is added to. */
static void check_large_sample(const token_mixer_case *c, int64_t b, const mixer_data *d,
                               const large_results *got, double *scratch, double *dgamma,
                               const char *name)
{
    const int64_t size = c->tokens * c->width, first = b * size;
    const float *x = d->x + first;
    double *h = scratch, *dz = h + size, *dx = dz + size, most = 0;
    float squares = 0;
    for (int64_t i = 0; i < size; i++) {
        const float z = x[i] + x[mixed_from(c, i)];
        h[i] = (double)z;
        squares += z * z;
    }
    cr_assert_eq(isinf(squares) != 0, b % 2 == 1, "negative control: which samples overflow");
    for (int64_t i = 0; i < size; i += c->width)
        most = fmax(most, exact_row(d->dy + first + i, h + i, c->width, dz + i, dgamma));
    for (int64_t i = 0; i < size; i++) dx[i] = dz[i];
    for (int64_t i = 0; i < size; i++) dx[mixed_from(c, i)] += dz[i];
    for (int64_t i = 0; i < size; i++) {
        const double y = (double)got->y[first + i], slope = (double)got->dx[first + i];
        cr_assert_leq(fabs(y - h[i]), 0x1p-18 * (1 + fabs(h[i])), "%s: sample %lld, %lld: %g, %g",
                      name, (long long)b, (long long)i, y, h[i]);
        cr_assert_leq(fabs(slope - dx[i]), 0x1p-15 * most + 0x1p-147,
                      "%s: sample %lld, dx %lld: %g, %g", name, (long long)b, (long long)i, slope,
                      dx[i]);
    }
}

/* Samples without an infinite z, and the sums over them, against double precision. */
static void large_near_float64(rmx_backend *backend, const char *name)
{
    static const token_mixer_case shapes[] = {{5, 16, 64, 16, NEITHER},
                                              {5, 4, 16, 4, NEITHER},
                                              {5, 4, 768, 4, NEITHER},
                                              {5, 6, 30, 10, NEITHER},
                                              {5, 3, 4098, 3, NEITHER}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const token_mixer_case *c = &shapes[i];
        kernel_operands all = {.backend = backend};
        mixer_data d = make_data(c, PATTERN_NORMAL, false);
        fill_large(c, d.x);
        for (int64_t j = 0; j < c->width; j++) d.dgamma[j] = d.dbeta[j] = 0;
        large_results got = run_large(backend, c, &d, &all);
        double *scratch = calloc((size_t)(3 * c->tokens * c->width + c->width), sizeof *scratch);
        cr_assert(scratch);
        double *dgamma = scratch + 3 * c->tokens * c->width;
        for (int64_t b = 0; b < c->samples; b++)
            check_large_sample(c, b, &d, &got, scratch, dgamma, name);
        for (int64_t j = 0; j < c->width; j++)
            cr_assert_leq(fabs((double)got.dgamma[j] - dgamma[j]),
                          0x1p-14 * (1 + fabs(dgamma[j])));
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(got.y), free(got.dx), free(got.dgamma), free(scratch);
        free_data(&d);
    }
}

Test(token_mixer_large, near_float64) { kernel_each(large_near_float64); }
