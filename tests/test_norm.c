/* SPDX-License-Identifier: MIT */
/* test_norm.c: LayerNorm and RMSNorm, forward and backward. */
#include "kernel_testing.h"
#include "kernels/cpu/backend.h"
#include "kernels/cpu/norm_columns.h"
#include "kernels/reference/reference.h"

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
enum { CASES = sizeof cases / sizeof *cases };

static const float eps = 1e-5f;

static void forward_case(rmx_backend *backend, const char *name, norm_case c,
                         testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t ld = c.dim + c.pad, size = c.rows * ld;
    float *x = host_filled(size, pattern, 5), *bx = kernel_floats(&all, x, size);
    float *gamma = host_filled(c.dim, pattern, 6), *beta = host_filled(c.dim, pattern, 7);
    rmx_norm_args args = {.kind = c.kind,
                          .rows = c.rows,
                          .dim = c.dim,
                          .ld_x = ld,
                          .ld_y = ld,
                          .eps = eps,
                          .x = bx,
                          .gamma = c.gamma ? kernel_floats(&all, gamma, c.dim) : NULL,
                          .beta = c.beta ? kernel_floats(&all, beta, c.dim) : NULL,
                          .rstd = kernel_floats(&all, NULL, c.rows)};
    if (c.kind == RMX_NORM_LAYER) args.mean = kernel_floats(&all, NULL, c.rows);
    args.y = c.in_place ? kernel_in_place(&all, bx, x, size) : kernel_floats(&all, NULL, size);
    cr_assert_eq(backend->ops->norm(backend, &args), RMX_OK);
    /* what lies between rows stays, and is compared too */
    kernel_compare(backend, args.y, size, name, testing_pattern_name(pattern));
    kernel_compare(backend, args.rstd, c.rows, name, "rstd");
    if (args.mean) kernel_compare(backend, args.mean, c.rows, name, "mean");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(gamma), free(beta);
}

static void forward_contract(rmx_backend *backend, const char *name, int i)
{
    forward_case(backend, name, cases[i / PATTERN_COUNT], (testing_pattern)(i % PATTERN_COUNT));
}

Test(norm, forward_contract) { kernel_cases(CASES * PATTERN_COUNT, forward_contract); }

/* Every output counts as large: what only large outputs get, streaming stores, on small ones. */
static void stream_everything(void) { rmx_cpu_stream_bytes = 0; }

/* Element j of two rows' product. */
static float add_product(const void *of, int64_t j, float sum)
{
    const float *const *rows = of;
    return rmx_fmaf(rows[0][j], rows[1][j], sum);
}

/* Products that all round to -0: a row with empty partials has the sum +0, a full one -0. */
Test(norm, sums_of_vanishing_products)
{
    float a[RMX_PARTIAL_SUMS], b[RMX_PARTIAL_SUMS];
    rmx_columns *columns = malloc(sizeof *columns);
    cr_assert(columns);
    for (int j = 0; j < RMX_PARTIAL_SUMS; j++) a[j] = 0x1p-100f, b[j] = -0x1p-100f;
    const float *const rows[] = {a, b};
    for (int64_t n = 1; n <= RMX_PARTIAL_SUMS; n++) {
        const float expected = rmx_reference_sum_along(add_product, rows, 0, n);
        const float sum = rmx_lanes_dot(a, b, n);
        cr_assert_eq(signbit(expected) != 0, n == RMX_PARTIAL_SUMS);
        cr_assert_eq(rmx_float_bits(sum), rmx_float_bits(expected), "n %lld", (long long)n);
        rmx_columns_start(columns, 1);
        for (int64_t j = 0; j < n; j++) rmx_columns_add_product(columns, a + j, b + j);
        const float across = rmx_columns_total(columns)[0];
        cr_assert_eq(rmx_float_bits(across), rmx_float_bits(expected), "n %lld", (long long)n);
    }
    free(columns);
}

/* ---- backward ------------------------------------------------------------------------------ */

/* What is asked for. NEGATIVE_ZEROS: dy is -0 in the first half of the rows. */
enum { DX = 1, DGAMMA = 2, DBETA = 4, NEGATIVE_ZEROS = 8 };

static void backward_case(rmx_backend *backend, const char *name, norm_case c,
                          testing_pattern pattern, int parts)
{
    kernel_operands all = {.backend = backend};
    const int64_t ld = c.dim + c.pad, size = c.rows * ld;
    float *dy = host_filled(size, pattern, 8), *x = host_filled(size, pattern, 9);
    float *gamma = host_filled(c.dim, pattern, 10), *residual = host_filled(size, pattern, 13);
    float *mean = host_filled(c.rows, pattern, 11), *rstd = host_filled(c.rows, pattern, 12);
    float *dgamma = host_filled(c.dim, pattern, 14), *dbeta = host_filled(c.dim, pattern, 15);
    for (int64_t i = 0; parts & NEGATIVE_ZEROS && i < c.rows / 2 * ld; i++) dy[i] = -0.0f;
    float *bdy = kernel_floats(&all, dy, size);
    const rmx_norm_backward_args args = {
        .kind = c.kind,
        .rows = c.rows,
        .dim = c.dim,
        .ld = ld,
        .dy = bdy,
        .x = kernel_floats(&all, x, size),
        .gamma = c.gamma ? kernel_floats(&all, gamma, c.dim) : NULL,
        .mean = c.kind == RMX_NORM_LAYER ? kernel_floats(&all, mean, c.rows) : NULL,
        .rstd = kernel_floats(&all, rstd, c.rows),
        .residual = c.beta ? kernel_floats(&all, residual, size) : NULL, /* beta: residual here */
        .dx = !(parts & DX) ? NULL
              : c.in_place  ? kernel_in_place(&all, bdy, dy, size)
                            : kernel_floats(&all, NULL, size),
        .dgamma = parts & DGAMMA ? kernel_floats(&all, dgamma, c.dim) : NULL,
        .dbeta = parts & DBETA ? kernel_floats(&all, dbeta, c.dim) : NULL,
        .ws = kernel_put(&all, NULL, rmx_column_sum_scratch(1, c.rows, c.dim, 2))};
    cr_assert_eq(backend->ops->norm_backward(backend, &args), RMX_OK);
    /* if nothing else was asked for: dy, which nobody may change */
    kernel_compare(backend, args.dx ? args.dx : bdy, size, name, testing_pattern_name(pattern));
    if (args.dgamma) kernel_compare(backend, args.dgamma, c.dim, name, "dgamma");
    if (args.dbeta) kernel_compare(backend, args.dbeta, c.dim, name, "dbeta");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(dy), free(x), free(gamma), free(residual), free(mean), free(rstd);
    free(dgamma), free(dbeta);
}

static void backward_contract(rmx_backend *backend, const char *name, int i)
{
    const norm_case c = cases[i / PATTERN_COUNT];
    backward_case(backend, name, c, (testing_pattern)(i % PATTERN_COUNT),
                  DX | DGAMMA | (c.rows % 2 ? DBETA : 0));
}

Test(norm, backward_contract) { kernel_cases(CASES * PATTERN_COUNT, backward_contract); }

/* Everything that may be left out, of rows that the CPU has code of known sizes for, some of them
 * beyond a multiple of eight; and means of -0, which are +0. */
static void backward_parts(rmx_backend *backend, const char *name, int of)
{
    const int64_t dim = (int64_t)8 << of / 128;
    const int i = of % 128;
    const bool rms = i & 16, gamma = i & 32, residual = i & 64;
    const norm_case c = {
        rms ? RMX_NORM_RMS : RMX_NORM_LAYER, 29, dim, i % 3 * 8, gamma, residual, false};
    backward_case(backend, name, c, PATTERN_NORMAL, i % 16);
}

Test(norm, backward_parts) { kernel_cases(5 * 128, backward_parts); }

static void streamed_case(rmx_backend *backend, const char *name, int i)
{
    forward_case(backend, name, cases[i], PATTERN_NORMAL);
    backward_case(backend, name, cases[i], PATTERN_NORMAL, DX | DGAMMA | DBETA);
}

Test(norm, streamed)
{
    stream_everything();
    kernel_cases(CASES, streamed_case);
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

/* ---- rows whose sums overflow -------------------------------------------------------------- */

/* Rows of all kinds, one after another: three kinds of ordinary ones among those whose sum or sum
 * of squares overflows, and of which x - mean does. The last kind is not finite. */
enum { LARGE_KINDS = 8, NOT_FINITE = LARGE_KINDS - 1 };

static bool large_row(int64_t r)
{
    const int64_t kind = r % LARGE_KINDS;
    return kind > 1 && kind != NOT_FINITE;
}

static float large_value(int64_t r, int64_t j, float normal)
{
    const float unit = fmaxf(-1.0f, fminf(1.0f, normal / 4)); /* within -1 .. 1 */
    switch (r % LARGE_KINDS) {
    case 0: return normal;
    case 1: return 0x1p40f * normal;
    case 2: return FLT_MAX * unit;
    case 3: return j == 0 ? -FLT_MAX : FLT_MAX;
    case 4: return 0x1p127f; /* the variance is 0 */
    case 5: return FLT_MAX * (0.9f + 0.1f * fabsf(unit));
    case 6: return j % 5 == 0 ? -0x1p100f : normal;
    default: return j % 3 == 1 ? -RMX_INF : FLT_MAX;
    }
}

static float *large_rows(int64_t rows, int64_t dim)
{
    float *x = host_filled(rows * dim, PATTERN_NORMAL, 18);
    for (int64_t i = 0; i < rows * dim; i++) x[i] = large_value(i / dim, i % dim, x[i]);
    return x;
}

/* Forward, and backward from what it kept. */
typedef struct large_run {
    rmx_norm_args forward;
    rmx_norm_backward_args back;
} large_run;

static large_run run_large(rmx_backend *backend, kernel_operands *all, rmx_norm_kind kind,
                           int64_t rows, int64_t dim, const float *x, const float *dy,
                           const float *gamma)
{
    large_run run = {.forward = {.kind = kind,
                                 .rows = rows,
                                 .dim = dim,
                                 .ld_x = dim,
                                 .ld_y = dim,
                                 .eps = eps,
                                 .x = kernel_floats(all, x, rows * dim),
                                 .gamma = gamma ? kernel_floats(all, gamma, dim) : NULL,
                                 .y = kernel_floats(all, NULL, rows * dim),
                                 .mean = kernel_floats(all, NULL, rows),
                                 .rstd = kernel_floats(all, NULL, rows)}};
    float *zeros = calloc((size_t)dim, sizeof *zeros);
    cr_assert(zeros);
    cr_assert_eq(backend->ops->norm(backend, &run.forward), RMX_OK);
    run.back = (rmx_norm_backward_args){
        .kind = kind,
        .rows = rows,
        .dim = dim,
        .ld = dim,
        .dy = kernel_floats(all, dy, rows * dim),
        .x = run.forward.x,
        .gamma = run.forward.gamma,
        .mean = run.forward.mean,
        .rstd = run.forward.rstd,
        .dx = kernel_floats(all, NULL, rows * dim),
        .dgamma = kernel_floats(all, zeros, dim),
        .dbeta = kernel_floats(all, zeros, dim),
        .ws = kernel_put(all, NULL, rmx_column_sum_scratch(1, rows, dim, 2))};
    cr_assert_eq(backend->ops->norm_backward(backend, &run.back), RMX_OK);
    free(zeros);
    return run;
}

static void large_contract_case(rmx_backend *backend, const char *name, int i)
{
    const norm_case c = cases[i];
    kernel_operands all = {.backend = backend};
    float *x = large_rows(c.rows, c.dim), *dy = host_filled(c.rows * c.dim, PATTERN_NORMAL, 19);
    float *gamma = host_filled(c.dim, PATTERN_NORMAL, 20);
    const large_run run =
        run_large(backend, &all, c.kind, c.rows, c.dim, x, dy, c.gamma ? gamma : NULL);
    kernel_compare(backend, run.forward.y, c.rows * c.dim, name, "y");
    kernel_compare(backend, run.forward.rstd, c.rows, name, "rstd");
    if (c.kind == RMX_NORM_LAYER) kernel_compare(backend, run.forward.mean, c.rows, name, "mean");
    kernel_compare(backend, run.back.dx, c.rows * c.dim, name, "dx");
    kernel_compare(backend, run.back.dgamma, c.dim, name, "dgamma");
    kernel_compare(backend, run.back.dbeta, c.dim, name, "dbeta");
    rmx_norm_args in_place = run.forward;
    in_place.y = kernel_floats(&all, x, c.rows * c.dim);
    in_place.x = in_place.y;
    cr_assert_eq(backend->ops->norm(backend, &in_place), RMX_OK);
    kernel_compare(backend, in_place.y, c.rows * c.dim, name, "y in place");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(dy), free(gamma);
}

Test(norm, large_contract) { kernel_cases(CASES, large_contract_case); }

/* The same in double precision, of one row; dgamma is added to. */
typedef struct exact_row {
    double mean, rstd, spread; /* spread: |mean| in standard deviations, and 1 */
} exact_row;

static exact_row exact_forward(rmx_norm_kind kind, const float *x, int64_t dim, double *h)
{
    double sum = 0, squares = 0;
    exact_row row = {0};
    for (int64_t j = 0; j < dim; j++) sum += (double)x[j];
    if (kind == RMX_NORM_LAYER) row.mean = sum / (double)dim;
    for (int64_t j = 0; j < dim; j++) squares += pow((double)x[j] - row.mean, 2);
    row.rstd = 1 / sqrt(squares / (double)dim + (double)eps);
    row.spread = 1 + (squares > 0 ? fabs(row.mean) * row.rstd : 0);
    for (int64_t j = 0; j < dim; j++) h[j] = ((double)x[j] - row.mean) * row.rstd;
    return row;
}

static void exact_backward(rmx_norm_kind kind, const float *dy, const double *h, double rstd,
                           int64_t dim, double *dx, double *dgamma)
{
    double a = 0, b = 0;
    for (int64_t j = 0; j < dim; j++) {
        if (kind == RMX_NORM_LAYER) a += (double)dy[j] / (double)dim;
        b += (double)dy[j] * h[j] / (double)dim;
        dgamma[j] += (double)dy[j] * h[j];
    }
    for (int64_t j = 0; j < dim; j++) dx[j] = rstd * ((double)dy[j] - a - h[j] * b);
}

/* What the usual formula makes of a row: is rstd a positive number? */
static bool usual_formula_works(rmx_norm_kind kind, const float *x, int64_t dim)
{
    float sum = 0, squares = 0;
    for (int64_t j = 0; j < dim; j++) sum += x[j];
    const float mean = kind == RMX_NORM_LAYER ? sum / (float)dim : 0;
    for (int64_t j = 0; j < dim; j++) squares += (x[j] - mean) * (x[j] - mean);
    return 1 / sqrtf(squares / (float)dim + eps) > 0;
}

/* Every value of finite rows, whatever their size, is near that of double precision: 2^-20 is 16
 * ulps of 1, to which a mean of so many standard deviations adds its own roundings. dx of large
 * rows is a subnormal number or little more, and may be some units of those away. */
static void large_near_float64_case(rmx_backend *backend, const char *name, rmx_norm_kind kind,
                                    int64_t dim)
{
    enum { ROWS = 2 * LARGE_KINDS - 1 }; /* the last of which is left out, so is the middle one */
    kernel_operands all = {.backend = backend};
    float *x = large_rows(ROWS, dim), *dy = host_filled(ROWS * dim, PATTERN_NORMAL, 19);
    float *y = host_floats(ROWS * dim), *dx = host_floats(ROWS * dim), rstd[ROWS], mean[ROWS];
    float *dgamma = host_floats(dim);
    double *h = calloc((size_t)(3 * dim), sizeof *h), *g = h + dim, *sums = g + dim;
    cr_assert(h);
    for (int64_t j = 0; j < dim; j++) x[NOT_FINITE * dim + j] = 1e30f * (float)(j % 7 - 3);
    const large_run run = run_large(backend, &all, kind, ROWS, dim, x, dy, NULL);
    testing_get(backend, y, run.forward.y, sizeof *y * (size_t)(ROWS * dim));
    testing_get(backend, dx, run.back.dx, sizeof *dx * (size_t)(ROWS * dim));
    testing_get(backend, dgamma, run.back.dgamma, sizeof *dgamma * (size_t)dim);
    testing_get(backend, rstd, run.forward.rstd, sizeof rstd);
    testing_get(backend, mean, run.forward.mean, sizeof mean);
    for (int64_t r = 0; r < ROWS; r++) {
        const float *row = x + r * dim;
        const exact_row e = exact_forward(kind, row, dim, h);
        exact_backward(kind, dy + r * dim, h, e.rstd, dim, g, sums);
        cr_assert_leq(fabs((double)rstd[r] / e.rstd - 1), 0x1p-20 * e.spread, "%s: row %lld", name,
                      (long long)r);
        if (kind == RMX_NORM_LAYER)
            cr_assert_leq(fabs((double)mean[r] - e.mean), 0x1p-20 / e.rstd * e.spread);
        for (int64_t j = 0; j < dim; j++) {
            const double bound = 0x1p-20 * e.spread * (1 + fabs(h[j]));
            cr_assert_leq(fabs((double)y[r * dim + j] - h[j]), bound, "%s: row %lld, %lld: %g, %g",
                          name, (long long)r, (long long)j, (double)y[r * dim + j], h[j]);
            cr_assert_leq(fabs((double)dx[r * dim + j] - g[j]), 16 * bound * e.rstd + 0x1p-148);
        }
        cr_assert(!large_row(r) || !usual_formula_works(kind, row, dim),
                  "negative control: row %lld does not overflow", (long long)r);
    }
    for (int64_t j = 0; j < dim; j++)
        cr_assert_leq(fabs((double)dgamma[j] - sums[j]), 0x1p-9 * (1 + fabs(sums[j])));
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(dy), free(y), free(dx), free(dgamma), free(h);
}

static void large_near_float64(rmx_backend *backend, const char *name)
{
    static const int64_t dims[] = {4, 16, 64, 128, 200, 600, 1000, 4097};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        for (int kind = RMX_NORM_LAYER; kind <= RMX_NORM_RMS; kind++)
            large_near_float64_case(backend, name, (rmx_norm_kind)kind, dims[i]);
}

Test(norm, large_near_float64) { kernel_each(large_near_float64); }

/* A large row among ordinary ones leaves them the bits that they have without it, and a row that
 * is not finite gives NaN. */
static void large_neighbours(rmx_backend *backend, const char *name)
{
    enum { ROWS = 32 };
    static const int64_t dims[] = {16, 64, 72, 600};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        kernel_operands all = {.backend = backend};
        const int64_t dim = dims[i], size = ROWS * dim;
        float *x = host_filled(size, PATTERN_NORMAL, 21),
              *dy = host_filled(size, PATTERN_NORMAL, 22);
        float *alone = host_floats(size), *dx = host_floats(size), *y = host_floats(size);
        large_run run = run_large(backend, &all, RMX_NORM_LAYER, ROWS, dim, x, dy, NULL);
        testing_get(backend, alone, run.forward.y, sizeof *y * (size_t)size);
        testing_get(backend, dx, run.back.dx, sizeof *y * (size_t)size);
        for (int64_t j = 0; j < dim; j++) x[5 * dim + j] *= 0x1p120f, x[20 * dim + j] += RMX_INF;
        run = run_large(backend, &all, RMX_NORM_LAYER, ROWS, dim, x, dy, NULL);
        testing_get(backend, y, run.forward.y, sizeof *y * (size_t)size);
        for (int64_t r = 0; r < ROWS; r++) {
            if (r != 5 && r != 20) kernel_same(y + r * dim, alone + r * dim, dim, name, "y");
            cr_assert_eq(isnan(y[r * dim]) != 0, r == 20, "%s: row %lld", name, (long long)r);
        }
        testing_get(backend, y, run.back.dx, sizeof *y * (size_t)size);
        for (int64_t r = 0; r < ROWS; r++)
            if (r != 5 && r != 20) kernel_same(y + r * dim, dx + r * dim, dim, name, "dx");
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(x), free(dy), free(alone), free(dx), free(y);
    }
}

Test(norm, large_neighbours) { kernel_each(large_neighbours); }
