/* SPDX-License-Identifier: MIT */
/* test_token_mixer.c: token mixing, its inverse, and the fused token mixer. */
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

/* Which case is number n of those that are not large; CASES where there are no more. */
static int small_case(int n)
{
    int i = 0;
    for (; i < CASES; i++)
        if (!large(&cases[i]) && n-- == 0) break;
    return i;
}

static int small_cases(void)
{
    int count = 0;
    while (small_case(count) < CASES) count++;
    return count;
}

/* Where in x the element y[b, at] of the mixed sample comes from, by the five steps of the text:
 * head h of token t goes to flat place h * tokens + t. */
static int64_t mixed_from(const mixer_case *c, int64_t at)
{
    const int64_t d = c->width / c->heads, i = at / d;
    const int64_t h = i / c->tokens, t = i % c->tokens;
    return t * c->width + h * d + at % d;
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

static void mix_case(rmx_backend *backend, const char *name, int i)
{
    const mixer_case *c = &cases[i / 2];
    const bool inverse = i % 2;
    kernel_operands all = {.backend = backend};
    const int64_t size = size_of(c);
    float *x = host_filled(size, PATTERN_SPECIAL, 1),
          *residual = host_filled(size, PATTERN_SPECIAL, 2);
    const float *bx = kernel_floats(&all, x, size);
    float *by = kernel_floats(&all, NULL, size), *br = kernel_floats(&all, residual, size);
    mix(backend, c, inverse, bx, NULL, by);
    kernel_compare(backend, by, size, name, "mix");
    mix(backend, c, inverse, bx, br, by);
    kernel_compare(backend, by, size, name, "mix + residual");
    float *onto = kernel_in_place(&all, br, residual, size);
    mix(backend, c, inverse, bx, br, onto);
    kernel_compare(backend, onto, size, name, "mix += ");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(residual);
}

Test(token_mix, contract) { kernel_cases(2 * CASES, mix_case); }

/* The five steps of the text, element by element: head h of token t goes to flat place
 * h * tokens + t. */
static void places(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < CASES; i++) {
        const mixer_case *c = &cases[i];
        if (large(c)) continue;
        kernel_operands all = {.backend = backend};
        const int64_t size = size_of(c), sample = c->tokens * c->width;
        float *x = host_filled(size, PATTERN_NORMAL, 1), *y = host_floats(size);
        const float *bx = kernel_floats(&all, x, size);
        float *by = kernel_floats(&all, NULL, size);
        for (int64_t at = 0; at < size; at++)
            y[at] = x[at / sample * sample + mixed_from(c, at % sample)];
        mix(backend, c, false, bx, NULL, by);
        kernel_expect(backend, by, y, size, name, "places");
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(x), free(y);
    }
}

Test(token_mix, places) { kernel_each(places); }

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
    float *x, *gamma, *beta, *dy, *dgamma, *dbeta;
} mixer_data;

static mixer_data make_data(const mixer_case *c, testing_pattern pattern, bool affine)
{
    mixer_data d = {.size = size_of(c), .rows = c->samples * c->tokens};
    d.x = host_filled(d.size, pattern, 4), d.dy = host_filled(d.size, pattern, 5);
    if (affine) d.gamma = host_filled(c->width, pattern, 6);
    if (affine) d.beta = host_filled(c->width, pattern, 7);
    d.dgamma = host_filled(c->width, pattern, 8), d.dbeta = host_filled(c->width, pattern, 9);
    return d;
}

static void free_data(mixer_data *d)
{
    free(d->x), free(d->gamma), free(d->beta), free(d->dy), free(d->dgamma), free(d->dbeta);
}

/* What is asked for besides dx. */
enum { DGAMMA = 1, DBETA = 2 };

static void backward_case(rmx_backend *backend, const char *name, const mixer_case *c,
                          const mixer_data *d, const rmx_token_mixer_args *forward, int parts)
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
        .ws = kernel_put(&all, NULL, rmx_token_mixer_scratch(c->samples, c->tokens, c->width))};
    if (parts & DGAMMA) args.dgamma = kernel_floats(&all, d->dgamma, c->width);
    if (parts & DBETA) args.dbeta = kernel_floats(&all, d->dbeta, c->width);
    cr_assert_eq(backend->ops->token_mixer_backward(backend, &args), RMX_OK);
    kernel_compare(backend, args.dx, d->size, name, "dx");
    if (args.dgamma) kernel_compare(backend, args.dgamma, c->width, name, "dgamma");
    if (args.dbeta) kernel_compare(backend, args.dbeta, c->width, name, "dbeta");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

/* The arguments stay for the backward pass. */
static rmx_token_mixer_args forward_case(rmx_backend *backend, const char *name,
                                         const mixer_case *c, const mixer_data *d,
                                         kernel_operands *all, const char *what)
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
    kernel_compare(backend, args.y, d->size, name, what);
    kernel_compare(backend, args.mean, d->rows, name, "mean");
    kernel_compare(backend, args.rstd, d->rows, name, "rstd");
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

static void contract_case(rmx_backend *backend, const char *name, int i, testing_pattern p)
{
    mixer_case_run(backend, name, &cases[i], p, (i + (int)p) % 3 != 0, (i + (int)p) % 4);
}

static void normal_case(rmx_backend *backend, const char *name, int i)
{
    contract_case(backend, name, i, PATTERN_NORMAL);
}

static void pattern_case(rmx_backend *backend, const char *name, int i)
{
    const testing_pattern p = (testing_pattern)(1 + i % (PATTERN_COUNT - 1));
    contract_case(backend, name, small_case(i / (PATTERN_COUNT - 1)), p);
}

Test(token_mixer, contract)
{
    kernel_cases(CASES, normal_case);
    kernel_cases(small_cases() * (PATTERN_COUNT - 1), pattern_case);
}

/* Rows of -0 have the mean +0, as their gradients have: sums begin at +0. And gamma without beta,
 * beta without gamma. */
static void negative_zeros(rmx_backend *backend, const char *name, int n)
{
    const int i = small_case(n);
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

Test(token_mixer, negative_zeros) { kernel_cases(small_cases(), negative_zeros); }

/* Every output counts as large: what only large outputs get, streaming stores, on small ones. */
static void stream_everything(void) { rmx_cpu_stream_bytes = 0; }

static void streamed_case(rmx_backend *backend, const char *name, int n)
{
    const int i = small_case(n);
    mixer_case_run(backend, name, &cases[i], PATTERN_NORMAL, i % 2 == 0, DGAMMA | DBETA);
}

Test(token_mixer, streamed)
{
    stream_everything();
    kernel_cases(2 * CASES, mix_case);
    kernel_cases(small_cases(), streamed_case);
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

/* ---- rows whose sums overflow -------------------------------------------------------------- */

/* Every second sample is ordinary. Of the others one has rows z = x + mix(x) whose squares, and
 * z - mean, overflow; one z so large that its sum does too, with the variance 0; in the last one
 * some z are infinite. */
enum { LARGE_KINDS = 6, NOT_FINITE = LARGE_KINDS - 1 };

static void fill_large(const mixer_case *c, float *x)
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
    mixer_data d = make_data(&cases[i], PATTERN_NORMAL, i % 2 == 0);
    fill_large(&cases[i], d.x);
    const rmx_token_mixer_args args = forward_case(backend, name, &cases[i], &d, &all, "large");
    backward_case(backend, name, &cases[i], &d, &args, DGAMMA | DBETA);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

Test(token_mixer, large_contract) { kernel_cases(small_cases(), large_case); }

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

static large_results run_large(rmx_backend *backend, const mixer_case *c, const mixer_data *d,
                               kernel_operands *all)
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
static void check_large_sample(const mixer_case *c, int64_t b, const mixer_data *d,
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
    static const mixer_case shapes[] = {
        {5, 16, 64, 16}, {5, 4, 16, 4}, {5, 4, 768, 4}, {5, 6, 30, 10}, {5, 3, 4098, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const mixer_case *c = &shapes[i];
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

Test(token_mixer, large_near_float64) { kernel_each(large_near_float64); }
