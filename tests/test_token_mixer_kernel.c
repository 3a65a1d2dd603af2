/* SPDX-License-Identifier: MIT */
/* test_token_mixer_kernel.c: token mixing, its inverse, and the fused token mixer. */
#include "kernel_testing.h"
#include "kernels/cpu/backend.h"

typedef struct mixer_case {
    int64_t samples, tokens, width, heads;
} mixer_case;

/* Pieces of 1, 2, 4 ... elements, and blocks of rows that end within a sample. One takes over
 * 4 MiB a sample. Rows of 16 to 128 elements with heads dividing tokens are the CPU's short ones,
 * which threads also part within a sample (of 128 and 256 rows), and some remain of eight. */
static const mixer_case cases[] = {
    {0, 4, 8, 4},       {1, 1, 1, 1},      {3, 1, 6, 3},      {5, 16, 64, 16},
    {9, 16, 64, 4},     {7, 4, 32, 16},    {2, 16, 768, 16},  {3, 6, 30, 10},
    {130, 3, 9, 3},     {300, 2, 8, 4},    {2, 5, 125, 5},    {1, 130, 260, 130},
    {3, 17, 34, 17},    {2, 3, 4098, 3},   {3, 8, 64, 8},     {2, 8, 48, 8},
    {3, 12, 96, 12},    {3, 20, 80, 20},   {9, 16, 16, 16},   {5, 8, 8, 8},
    {2, 48, 48, 48},    {3, 16, 32, 16},   {2, 24, 48, 24},   {3, 16, 32, 32},
    {25, 12, 12, 12},   {25, 12, 48, 12},  {9, 36, 16, 16},   {7, 10, 20, 10},
    {1, 300, 4096, 2},  {40, 16, 768, 16}, {19, 32, 128, 64}, {2, 40, 2000, 8},
    {3, 64, 1024, 64},  {5, 16, 128, 16},  {3, 8, 128, 8},    {9, 4, 64, 4},
    {13, 2, 16, 2},     {21, 1, 64, 1},    {11, 12, 64, 4},   {6, 20, 16, 4},
    {7, 18, 32, 2},     {3, 32, 64, 32},   {2, 64, 64, 64},   {2, 64, 128, 64},
    {1, 128, 128, 128}, {1, 256, 64, 16},  {300, 4, 16, 4},   {3, 2, 128, 1},
    {5, 32, 128, 32},   {25, 8, 16, 4}};
enum { CASES = sizeof cases / sizeof *cases };

static int64_t size_of(const mixer_case *c) { return c->samples * c->tokens * c->width; }
static bool large(const mixer_case *c) { return size_of(c) > 200000; } /* fewer rounds of it */

/* Where in x the element y[b, at] of the mixed sample comes from, by the five steps of the text:
 * head h of token t goes to flat place h * tokens + t. */
static int64_t mixed_from(const mixer_case *c, int64_t at)
{
    const int64_t d = c->width / c->heads, i = at / d;
    const int64_t h = i / c->tokens, t = i % c->tokens;
    return t * c->width + h * d + at % d;
}

static void naive_mix(const mixer_case *c, bool inverse, const float *x, float *y)
{
    const int64_t sample = c->tokens * c->width;
    for (int64_t b = 0; b < c->samples; b++) {
        for (int64_t at = 0; at < sample; at++) {
            const int64_t from = mixed_from(c, at);
            if (inverse)
                y[b * sample + from] = x[b * sample + at];
            else
                y[b * sample + at] = x[b * sample + from];
        }
    }
}

static void mix(rmx_backend *backend, const mixer_case *c, bool inverse, const float *x,
                const float *residual, float *y)
{
    const rmx_token_mix_args args = {.samples = c->samples,
                                     .tokens = c->tokens,
                                     .width = c->width,
                                     .heads = c->heads,
                                     .inverse = inverse,
                                     .x = x,
                                     .residual = residual,
                                     .y = y};
    cr_assert_eq(backend->ops->token_mix(backend, &args), RMX_OK);
}

static void mix_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < CASES * 2; i++) {
        const mixer_case *c = &cases[i / 2];
        const bool inverse = i % 2;
        kernel_operands all = {.backend = backend};
        const int64_t size = size_of(c);
        float *x = host_filled(size, PATTERN_SPECIAL, 1), *y = host_floats(size);
        float *residual = host_filled(size, PATTERN_SPECIAL, 2);
        const float *bx = kernel_floats(&all, x, size);
        float *by = kernel_floats(&all, NULL, size), *br = kernel_floats(&all, residual, size);
        naive_mix(c, inverse, x, y);
        mix(backend, c, inverse, bx, NULL, by);
        kernel_expect(backend, by, y, size, name, "mix");
        for (int64_t j = 0; j < size; j++) y[j] = y[j] + residual[j];
        mix(backend, c, inverse, bx, br, by);
        kernel_expect(backend, by, y, size, name, "mix + residual");
        mix(backend, c, inverse, bx, br, br);
        kernel_expect(backend, br, y, size, name, "mix += ");
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(x), free(y), free(residual);
    }
}

Test(token_mix, contract) { kernel_each(mix_cases); }

/* Revert undoes mix; for heads == tokens mixing twice does too; mixing alone is not nothing. */
static void inverses(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < CASES; i++) {
        const mixer_case *c = &cases[i];
        kernel_operands all = {.backend = backend};
        const int64_t size = size_of(c);
        float *x = host_filled(size, PATTERN_NORMAL, 3), *host = host_floats(size);
        const float *bx = kernel_floats(&all, x, size);
        float *once = kernel_floats(&all, NULL, size), *back = kernel_floats(&all, NULL, size);
        mix(backend, c, false, bx, NULL, once);
        testing_get(backend, host, once, sizeof *host * (size_t)size);
        const bool moves = c->heads > 1 && c->tokens > 1 && size > 0;
        cr_assert_eq(testing_first_difference(host, x, size) >= 0, moves, "%s: %d", name, i);
        mix(backend, c, true, once, NULL, back);
        kernel_expect(backend, back, x, size, name, "revert(mix(x))");
        if (c->heads == c->tokens) {
            mix(backend, c, false, once, NULL, back);
            kernel_expect(backend, back, x, size, name, "mix(mix(x))");
        }
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(x), free(host);
    }
}

Test(token_mix, inverses) { kernel_each(inverses); }

/* ---- the fused mixer ----------------------------------------------------------------------- */

static const float eps = 1e-5f;

typedef struct mixer_data { /* on the host */
    int64_t size, rows;
    float *x, *z, *h, *gamma, *beta, *y, *mean, *rstd, *dy, *dz, *dx, *dgamma, *dbeta;
} mixer_data;

static void naive_forward(const mixer_case *c, mixer_data *d)
{
    const int64_t width = c->width;
    naive_mix(c, false, d->x, d->z);
    for (int64_t i = 0; i < d->size; i++) d->z[i] = d->x[i] + d->z[i];
    for (int64_t r = 0; r < d->rows; r++) {
        float *z = d->z + r * width, *h = d->h + r * width, *y = d->y + r * width;
        d->mean[r] = naive_lanes(z, NULL, width) / (float)width;
        for (int64_t j = 0; j < width; j++) h[j] = z[j] - d->mean[r];
        const float var = naive_lanes(h, h, width) / (float)width;
        d->rstd[r] = 1.0f / sqrtf(var + eps);
        for (int64_t j = 0; j < width; j++) {
            h[j] = h[j] * d->rstd[r];
            y[j] = fmaf(h[j], d->gamma ? d->gamma[j] : 1.0f, d->beta ? d->beta[j] : 0.0f);
        }
    }
}

static void naive_backward(const mixer_case *c, mixer_data *d)
{
    const int64_t width = c->width;
    float *g = host_floats(width);
    for (int64_t r = 0; r < d->rows; r++) {
        const float *dy = d->dy + r * width, *h = d->h + r * width;
        for (int64_t j = 0; j < width; j++) g[j] = d->gamma ? dy[j] * d->gamma[j] : dy[j];
        const float a = naive_lanes(g, NULL, width) / (float)width;
        const float b = naive_lanes(g, h, width) / (float)width;
        for (int64_t j = 0; j < width; j++) {
            d->dz[r * width + j] = d->rstd[r] * fmaf(-h[j], b, g[j] - a);
        }
    }
    naive_mix(c, true, d->dz, d->dx);
    for (int64_t i = 0; i < d->size; i++) d->dx[i] = d->dz[i] + d->dx[i];
    for (int64_t j = 0; j < width; j++) {
        d->dgamma[j] = naive_rows(d->dy + j, d->h + j, width, d->rows, d->dgamma[j]);
        d->dbeta[j] = naive_rows(d->dy + j, NULL, width, d->rows, d->dbeta[j]);
    }
    free(g);
}

static mixer_data make_data(const mixer_case *c, testing_pattern pattern, bool affine)
{
    mixer_data d = {.size = size_of(c), .rows = c->samples * c->tokens};
    d.x = host_filled(d.size, pattern, 4), d.dy = host_filled(d.size, pattern, 5);
    if (affine) d.gamma = host_filled(c->width, pattern, 6);
    if (affine) d.beta = host_filled(c->width, pattern, 7);
    d.dgamma = host_filled(c->width, pattern, 8), d.dbeta = host_filled(c->width, pattern, 9);
    d.z = host_floats(d.size), d.h = host_floats(d.size), d.y = host_floats(d.size);
    d.dz = host_floats(d.size), d.dx = host_floats(d.size);
    d.mean = host_floats(d.rows), d.rstd = host_floats(d.rows);
    return d;
}

static void free_data(mixer_data *d)
{
    free(d->x), free(d->z), free(d->h), free(d->gamma), free(d->beta), free(d->y), free(d->mean);
    free(d->rstd), free(d->dy), free(d->dz), free(d->dx), free(d->dgamma), free(d->dbeta);
}

/* What is asked for besides dx. */
enum { DGAMMA = 1, DBETA = 2 };

static void backward_case(rmx_backend *backend, const char *name, const mixer_case *c,
                          mixer_data *d, const rmx_token_mixer_args *forward, int parts)
{
    kernel_operands all = {.backend = backend};
    rmx_token_mixer_backward_args args = {
        .samples = c->samples,
        .tokens = c->tokens,
        .width = c->width,
        .heads = c->heads,
        .x = forward->x,
        .gamma = forward->gamma,
        .mean = forward->mean,
        .rstd = forward->rstd,
        .dy = kernel_floats(&all, d->dy, d->size),
        .dx = kernel_floats(&all, NULL, d->size),
        .ws = kernel_put(&all, NULL, rmx_token_mixer_workspace(c->samples, c->tokens, c->width))};
    if (parts & DGAMMA) args.dgamma = kernel_floats(&all, d->dgamma, c->width);
    if (parts & DBETA) args.dbeta = kernel_floats(&all, d->dbeta, c->width);
    naive_backward(c, d);
    cr_assert_eq(backend->ops->token_mixer_backward(backend, &args), RMX_OK);
    kernel_expect(backend, args.dx, d->dx, d->size, name, "dx");
    if (args.dgamma) kernel_expect(backend, args.dgamma, d->dgamma, c->width, name, "dgamma");
    if (args.dbeta) kernel_expect(backend, args.dbeta, d->dbeta, c->width, name, "dbeta");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

/* The arguments stay for the backward pass. */
static rmx_token_mixer_args forward_case(rmx_backend *backend, const char *name,
                                         const mixer_case *c, mixer_data *d, kernel_operands *all,
                                         const char *what)
{
    const rmx_token_mixer_args args = {
        .samples = c->samples,
        .tokens = c->tokens,
        .width = c->width,
        .heads = c->heads,
        .eps = eps,
        .x = kernel_floats(all, d->x, d->size),
        .gamma = d->gamma ? kernel_floats(all, d->gamma, c->width) : NULL,
        .beta = d->beta ? kernel_floats(all, d->beta, c->width) : NULL,
        .y = kernel_floats(all, NULL, d->size),
        .mean = kernel_floats(all, NULL, d->rows),
        .rstd = kernel_floats(all, NULL, d->rows)};
    cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
    naive_forward(c, d);
    kernel_expect(backend, args.y, d->y, d->size, name, what);
    kernel_expect(backend, args.mean, d->mean, d->rows, name, "mean");
    kernel_expect(backend, args.rstd, d->rstd, d->rows, name, "rstd");
    return args;
}

static void mixer_case_run(rmx_backend *backend, const char *name, const mixer_case *c,
                           testing_pattern pattern, bool affine, int parts)
{
    kernel_operands all = {.backend = backend};
    mixer_data d = make_data(c, pattern, affine);
    const rmx_token_mixer_args args =
        forward_case(backend, name, c, &d, &all, testing_pattern_name(pattern));
    backward_case(backend, name, c, &d, &args, parts);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

static void mixer_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < CASES; i++) {
        const testing_pattern patterns = large(&cases[i]) ? 1 : PATTERN_COUNT;
        for (testing_pattern p = 0; p < patterns; p++) {
            mixer_case_run(backend, name, &cases[i], p, (i + (int)p) % 3 != 0, (i + (int)p) % 4);
        }
    }
}

Test(token_mixer, contract) { kernel_each(mixer_cases); }

/* Rows of -0 have the mean +0, as their gradients have: sums begin at +0. And gamma without beta,
 * beta without gamma. */
static void negative_zeros(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < CASES; i++) {
        if (large(&cases[i])) continue;
        kernel_operands all = {.backend = backend};
        mixer_data d = make_data(&cases[i], PATTERN_NORMAL, true);
        float *left_out = i % 2 ? d.gamma : d.beta;
        if (i % 2)
            d.gamma = NULL;
        else
            d.beta = NULL;
        for (int64_t j = 0; j < cases[i].width && d.beta; j++) d.beta[j] = -0.0f;
        const int64_t zeros = d.rows / 2 * cases[i].width; /* the first half of the rows */
        for (int64_t j = 0; j < zeros; j++) d.x[j] = d.dy[j] = -0.0f;
        const rmx_token_mixer_args args = forward_case(backend, name, &cases[i], &d, &all, "-0");
        backward_case(backend, name, &cases[i], &d, &args, DGAMMA | DBETA);
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(left_out);
        free_data(&d);
    }
}

Test(token_mixer, negative_zeros) { kernel_each(negative_zeros); }

/* Every output counts as large: what only large outputs get, streaming stores, on small ones. */
static void stream_everything(void) { rmx_cpu_stream_bytes = 0; }

static void streamed_cases(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < CASES; i++) {
        if (!large(&cases[i]))
            mixer_case_run(backend, name, &cases[i], PATTERN_NORMAL, i % 2 == 0, DGAMMA | DBETA);
    }
}

Test(token_mixer, streamed)
{
    stream_everything();
    kernel_each(mix_cases);
    kernel_each(streamed_cases);
}

/* Heads == tokens: changing any one token changes every token of the output, of its sample only.
 * "Permute, flatten, undo both" would change one. */
static void information_moves(rmx_backend *backend, const char *name)
{
    enum { T = 8, D = 32, SAMPLES = 3, SIZE = SAMPLES * T * D };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(SIZE, PATTERN_NORMAL, 10), before[SIZE], after[SIZE];
    float *bx = kernel_floats(&all, x, SIZE);
    const rmx_token_mixer_args args = {.samples = SAMPLES,
                                       .tokens = T,
                                       .width = D,
                                       .heads = T,
                                       .eps = eps,
                                       .x = bx,
                                       .y = kernel_floats(&all, NULL, SIZE)};
    cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
    testing_get(backend, before, args.y, sizeof before);
    for (int t = 0; t < T; t++) {
        float changed[SIZE];
        memcpy(changed, x, sizeof changed);
        for (int j = 0; j < D; j++) changed[(T + t) * D + j] += 1.0f + (float)(j % 5);
        testing_put(backend, bx, changed, sizeof changed);
        cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
        testing_get(backend, after, args.y, sizeof after);
        for (int r = 0; r < SAMPLES * T; r++) {
            const bool same = testing_first_difference(before + r * D, after + r * D, D) < 0;
            cr_assert_eq(same, r / T != 1, "%s: token %d, output row %d", name, t, r);
        }
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(token_mixer, information_moves) { kernel_each(information_moves); }

static void any_batch(rmx_backend *backend, const char *name)
{
    enum { SAMPLES = 300, T = 4, D = 24, SIZE = SAMPLES * T * D };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(SIZE, PATTERN_NORMAL, 11), *whole = host_floats(SIZE);
    const float *bx = kernel_floats(&all, x, SIZE);
    rmx_token_mixer_args args = {.samples = SAMPLES,
                                 .tokens = T,
                                 .width = D,
                                 .heads = T,
                                 .eps = eps,
                                 .x = bx,
                                 .y = kernel_floats(&all, NULL, SIZE)};
    cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
    testing_get(backend, whole, args.y, sizeof(float) * SIZE);
    for (int64_t samples = 1; samples <= SAMPLES; samples++) {
        const int64_t first = samples * 37 % (SAMPLES - samples + 1);
        args.samples = samples;
        args.x = bx + first * T * D;
        cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
        kernel_expect(backend, args.y, whole + first * T * D, samples * T * D, name, "alone");
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(whole);
}

Test(token_mixer, any_batch) { kernel_each(any_batch); }
