/* SPDX-License-Identifier: MIT */
/* test_norm.c: LayerNorm and RMSNorm, forward and backward. */
#include "kernel_testing.h"
#include "kernels/cpu/backend.h"
#include "kernels/cpu/columns.h"

typedef struct norm_case {
    rmx_norm_kind kind;
    int64_t rows, dim, pad;
    bool gamma, beta, in_place;
} norm_case;

static const norm_case cases[] = {
    {RMX_NORM_LAYER, 0, 8, 0, true, true, false},
    {RMX_NORM_LAYER, 3, 1, 0, true, true, false},
    {RMX_NORM_LAYER, 130, 16, 0, true, true, false},
    {RMX_NORM_LAYER, 37, 64, 0, true, true, true},
    {RMX_NORM_RMS, 37, 64, 3, true, false, false},
    {RMX_NORM_LAYER, 37, 64, 0, true, true, false},
    {RMX_NORM_RMS, 17, 512, 16, true, false, false},
    {RMX_NORM_LAYER, 5, 127, 1, false, false, false},
    {RMX_NORM_LAYER, 5, 128, 0, true, false, true},
    {RMX_NORM_LAYER, 5, 129, 0, false, true, false},
    {RMX_NORM_RMS, 300, 200, 0, false, false, true},
    {RMX_NORM_LAYER, 300, 771, 0, true, true, false},
    {RMX_NORM_LAYER, 9, 1000, 0, true, true, false},
    {RMX_NORM_LAYER, 3, 4095, 0, true, true, false},
    {RMX_NORM_RMS, 3, 4096, 0, true, false, false},
    {RMX_NORM_LAYER, 2, 4097, 0, true, true, true},
    {RMX_NORM_LAYER, 2, 8193, 5, true, true, false},
    {RMX_NORM_LAYER, 777, 20, 0, true, true, true},
    {RMX_NORM_RMS, 139, 16, 0, true, false, false},
    {RMX_NORM_LAYER, 149, 32, 16, true, true, false},
    {RMX_NORM_LAYER, 16, 32, 0, false, false, true},
    {RMX_NORM_LAYER, 21, 8, 0, true, true, false},
    {RMX_NORM_RMS, 19, 256, 0, true, false, false},
    {RMX_NORM_LAYER, 131, 768, 0, true, true, false},
    {RMX_NORM_LAYER, 41, 128, 0, false, true, false},
    {RMX_NORM_LAYER, 27, 128, 8, true, false, true},
    {RMX_NORM_RMS, 70, 32, 0, false, false, false},
};

static const float eps = 1e-5f;

/* The forward contract of one row. */
static void naive_forward(const norm_case *c, const float *x, const float *gamma,
                          const float *beta, float *y, float *mean, float *rstd)
{
    const float d = (float)c->dim;
    float *centred = host_floats(c->dim);
    *mean = c->kind == RMX_NORM_LAYER ? naive_lanes(x, NULL, c->dim) / d : 0.0f;
    for (int64_t j = 0; j < c->dim; j++) {
        centred[j] = c->kind == RMX_NORM_LAYER ? x[j] - *mean : x[j];
    }
    const float var = naive_lanes(centred, centred, c->dim) / d;
    *rstd = 1.0f / sqrtf(var + eps);
    for (int64_t j = 0; j < c->dim; j++) {
        const float h = centred[j] * *rstd;
        y[j] = fmaf(h, gamma ? gamma[j] : 1.0f, beta ? beta[j] : 0.0f);
    }
    free(centred);
}

static void forward_case(rmx_backend *backend, const char *name, norm_case c,
                         testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t ld = c.dim + c.pad, size = c.rows * ld;
    float *x = host_filled(size, pattern, 5), *y = host_floats(size);
    float *gamma = host_filled(c.dim, pattern, 6), *beta = host_filled(c.dim, pattern, 7);
    float *mean = host_floats(c.rows), *rstd = host_floats(c.rows);
    rmx_norm_args args = {.kind = c.kind,
                          .rows = c.rows,
                          .dim = c.dim,
                          .ld_x = ld,
                          .ld_y = ld,
                          .eps = eps,
                          .x = kernel_floats(&all, x, size),
                          .gamma = c.gamma ? kernel_floats(&all, gamma, c.dim) : NULL,
                          .beta = c.beta ? kernel_floats(&all, beta, c.dim) : NULL,
                          .rstd = kernel_floats(&all, NULL, c.rows)};
    if (c.kind == RMX_NORM_LAYER) args.mean = kernel_floats(&all, NULL, c.rows);
    args.y = c.in_place ? (float *)(uintptr_t)args.x : kernel_floats(&all, NULL, size);
    if (c.in_place) memcpy(y, x, sizeof *x * (size_t)size); /* what lies between rows stays */
    cr_assert_eq(backend->ops->norm(backend, &args), RMX_OK);
    for (int64_t r = 0; r < c.rows; r++) {
        naive_forward(&c, x + r * ld, c.gamma ? gamma : NULL, c.beta ? beta : NULL, y + r * ld,
                      mean + r, rstd + r);
    }
    kernel_expect(backend, args.y, y, size, name, testing_pattern_name(pattern));
    kernel_expect(backend, args.rstd, rstd, c.rows, name, "rstd");
    if (args.mean) kernel_expect(backend, args.mean, mean, c.rows, name, "mean");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(y), free(gamma), free(beta), free(mean), free(rstd);
}

static void all_forward(rmx_backend *backend, const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (testing_pattern p = 0; p < PATTERN_COUNT; p++) {
            forward_case(backend, name, cases[i], p);
        }
    }
}

Test(norm, forward_contract) { kernel_each(all_forward); }

/* Every output counts as large: what only large outputs get, streaming stores, on small ones. */
static void stream_everything(void) { rmx_cpu_stream_bytes = 0; }

/* Products that all round to -0: a row with empty partials has the sum +0, a full one -0. */
Test(norm, sums_of_vanishing_products)
{
    float a[RMX_LANES], b[RMX_LANES];
    rmx_columns *columns = malloc(sizeof *columns);
    cr_assert(columns);
    for (int j = 0; j < RMX_LANES; j++) a[j] = 0x1p-100f, b[j] = -0x1p-100f;
    for (int64_t n = 1; n <= RMX_LANES; n++) {
        const float expected = naive_lanes(a, b, n), sum = rmx_lanes_dot(a, b, n);
        cr_assert_eq(signbit(expected) != 0, n == RMX_LANES);
        cr_assert_eq(rmx_float_bits(sum), rmx_float_bits(expected), "n %lld", (long long)n);
        rmx_columns_start(columns, 1);
        for (int64_t j = 0; j < n; j++) rmx_columns_add_product(columns, a + j, b + j);
        const float across = rmx_columns_total(columns)[0];
        cr_assert_eq(rmx_float_bits(across), rmx_float_bits(expected), "n %lld", (long long)n);
    }
    free(columns);
}

/* ---- backward ------------------------------------------------------------------------------ */

typedef struct norm_data { /* on the host */
    float *dy, *x, *gamma, *mean, *rstd, *residual, *dx, *h, *dgamma, *dbeta;
} norm_data;

static void naive_dx(const norm_case *c, const norm_data *d, int64_t r, int64_t ld)
{
    const float n = (float)c->dim, *dy = d->dy + r * ld, *h = d->h + r * ld;
    float *g = host_floats(c->dim);
    for (int64_t j = 0; j < c->dim; j++) g[j] = c->gamma ? dy[j] * d->gamma[j] : dy[j];
    const float a = naive_lanes(g, NULL, c->dim) / n, b = naive_lanes(g, h, c->dim) / n;
    for (int64_t j = 0; j < c->dim; j++) {
        const float centred = c->kind == RMX_NORM_LAYER ? g[j] - a : g[j];
        const float v = d->rstd[r] * fmaf(-h[j], b, centred);
        d->dx[r * ld + j] = c->beta ? v + d->residual[r * ld + j] : v; /* beta: residual here */
    }
    free(g);
}

static norm_data make_data(const norm_case *c, testing_pattern pattern, int64_t ld)
{
    const int64_t size = c->rows * ld;
    norm_data d = {.dy = host_filled(size, pattern, 8),
                   .x = host_filled(size, pattern, 9),
                   .gamma = host_filled(c->dim, pattern, 10),
                   .mean = host_filled(c->rows, pattern, 11),
                   .rstd = host_filled(c->rows, pattern, 12),
                   .residual = host_filled(size, pattern, 13),
                   .dx = host_floats(size),
                   .h = host_floats(size),
                   .dgamma = host_filled(c->dim, pattern, 14),
                   .dbeta = host_filled(c->dim, pattern, 15)};
    for (int64_t i = 0; i < size; i++) {
        const float mean = d.mean[i / ld], rstd = d.rstd[i / ld];
        d.h[i] = (c->kind == RMX_NORM_LAYER ? d.x[i] - mean : d.x[i]) * rstd;
    }
    return d;
}

static void free_data(norm_data *d)
{
    free(d->dy), free(d->x), free(d->gamma), free(d->mean), free(d->rstd), free(d->residual);
    free(d->dx), free(d->h), free(d->dgamma), free(d->dbeta);
}

/* What is asked for. NEGATIVE_ZEROS: dy is -0 in the first half of the rows. */
enum { DX = 1, DGAMMA = 2, DBETA = 4, NEGATIVE_ZEROS = 8 };

static void backward_case(rmx_backend *backend, const char *name, norm_case c,
                          testing_pattern pattern, int parts)
{
    kernel_operands all = {.backend = backend};
    const int64_t ld = c.dim + c.pad, size = c.rows * ld;
    norm_data d = make_data(&c, pattern, ld);
    for (int64_t i = 0; parts & NEGATIVE_ZEROS && i < c.rows / 2 * ld; i++) d.dy[i] = -0.0f;
    float *dy = kernel_floats(&all, d.dy, size);
    const rmx_norm_backward_args args = {
        .kind = c.kind,
        .rows = c.rows,
        .dim = c.dim,
        .ld = ld,
        .dy = dy,
        .x = kernel_floats(&all, d.x, size),
        .gamma = c.gamma ? kernel_floats(&all, d.gamma, c.dim) : NULL,
        .mean = c.kind == RMX_NORM_LAYER ? kernel_floats(&all, d.mean, c.rows) : NULL,
        .rstd = kernel_floats(&all, d.rstd, c.rows),
        .residual = c.beta ? kernel_floats(&all, d.residual, size) : NULL,
        .dx = !(parts & DX) ? NULL
              : c.in_place  ? dy
                            : kernel_floats(&all, NULL, size),
        .dgamma = parts & DGAMMA ? kernel_floats(&all, d.dgamma, c.dim) : NULL,
        .dbeta = parts & DBETA ? kernel_floats(&all, d.dbeta, c.dim) : NULL,
        .ws = kernel_put(&all, NULL, rmx_rows_workspace(1, c.rows, c.dim, 2))};
    if (c.in_place) memcpy(d.dx, d.dy, sizeof(float) * (size_t)size);
    cr_assert_eq(backend->ops->norm_backward(backend, &args), RMX_OK);
    for (int64_t r = 0; r < c.rows; r++) naive_dx(&c, &d, r, ld);
    for (int64_t j = 0; j < c.dim; j++) {
        d.dgamma[j] = naive_rows(d.dy + j, d.h + j, ld, c.rows, d.dgamma[j]);
        d.dbeta[j] = naive_rows(d.dy + j, NULL, ld, c.rows, d.dbeta[j]);
    }
    if (args.dx) kernel_expect(backend, args.dx, d.dx, size, name, testing_pattern_name(pattern));
    if (args.dgamma) kernel_expect(backend, args.dgamma, d.dgamma, c.dim, name, "dgamma");
    if (args.dbeta) kernel_expect(backend, args.dbeta, d.dbeta, c.dim, name, "dbeta");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

static void all_backward(rmx_backend *backend, const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (testing_pattern p = 0; p < PATTERN_COUNT; p++) {
            backward_case(backend, name, cases[i], p,
                          DX | DGAMMA | (cases[i].rows % 2 ? DBETA : 0));
        }
    }
}

Test(norm, backward_contract) { kernel_each(all_backward); }

/* Everything that may be left out, of rows that the CPU has code of known sizes for, some of them
 * beyond a multiple of eight; and means of -0, which are +0. */
static void backward_parts(rmx_backend *backend, const char *name)
{
    for (int64_t dim = 8; dim <= 128; dim *= 2) {
        for (int i = 0; i < 128; i++) {
            const bool rms = i & 16, gamma = i & 32, residual = i & 64;
            const norm_case c = {
                rms ? RMX_NORM_RMS : RMX_NORM_LAYER, 29, dim, i % 3 * 8, gamma, residual, false};
            backward_case(backend, name, c, PATTERN_NORMAL, i % 16);
        }
    }
}

Test(norm, backward_parts) { kernel_each(backward_parts); }

static void streamed_cases(rmx_backend *backend, const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forward_case(backend, name, cases[i], PATTERN_NORMAL);
        backward_case(backend, name, cases[i], PATTERN_NORMAL, DX | DGAMMA | DBETA);
    }
}

Test(norm, streamed)
{
    stream_everything();
    kernel_each(streamed_cases);
}

/* ---- place in the batch, and truth --------------------------------------------------------- */

/* Rows first .. first + rows - 1 alone have the bits that they have among all 300. */
static void any_batch(rmx_backend *backend, const char *name)
{
    enum { ROWS = 300, DIM = 72 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(ROWS * DIM, PATTERN_NORMAL, 16), *whole = host_floats(ROWS * DIM);
    rmx_norm_args args = {
        .kind = RMX_NORM_LAYER, .rows = ROWS, .dim = DIM, .ld_x = DIM, .ld_y = DIM, .eps = eps};
    const float *dx = kernel_floats(&all, x, ROWS * DIM);
    float *y = kernel_floats(&all, NULL, ROWS * DIM);
    args.x = dx;
    args.y = y;
    cr_assert_eq(backend->ops->norm(backend, &args), RMX_OK);
    testing_get(backend, whole, y, sizeof(float) * ROWS * DIM);
    for (int64_t rows = 1; rows <= ROWS; rows++) {
        const int64_t first = rows * 37 % (ROWS - rows + 1);
        args.rows = rows;
        args.x = dx + first * DIM;
        cr_assert_eq(backend->ops->norm(backend, &args), RMX_OK);
        kernel_expect(backend, y, whole + first * DIM, rows * DIM, name, "rows alone");
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(whole);
}

Test(norm, any_batch) { kernel_each(any_batch); }

/* Against double: h is about 1; mean, variance and h carry some ulps: 2^-20 is 16 of them. A sum
 * from left to right gives other bits. */
static void near_float64(rmx_backend *backend, const char *name)
{
    enum { DIM = 1000 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(DIM, PATTERN_NORMAL, 17), y[DIM], mean;
    float left_to_right = 0;
    double sum = 0, squares = 0;
    const rmx_norm_args args = {.kind = RMX_NORM_LAYER,
                                .rows = 1,
                                .dim = DIM,
                                .ld_x = DIM,
                                .ld_y = DIM,
                                .eps = eps,
                                .x = kernel_floats(&all, x, DIM),
                                .y = kernel_floats(&all, NULL, DIM),
                                .mean = kernel_floats(&all, NULL, 1)};
    cr_assert_eq(backend->ops->norm(backend, &args), RMX_OK);
    testing_get(backend, y, args.y, sizeof y);
    testing_get(backend, &mean, args.mean, sizeof mean);
    for (int j = 0; j < DIM; j++) sum += (double)x[j], left_to_right += x[j];
    for (int j = 0; j < DIM; j++) squares += pow((double)x[j] - sum / DIM, 2);
    for (int j = 0; j < DIM; j++) {
        const double h = ((double)x[j] - sum / DIM) / sqrt(squares / DIM + (double)eps);
        cr_assert_leq(fabs((double)y[j] - h), 0x1p-20 * (1 + fabs(h)), "%s: %d", name, j);
    }
    cr_assert_neq(left_to_right / (float)DIM, mean, "negative control: a plain sum must differ");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(norm, near_float64) { kernel_each(near_float64); }
