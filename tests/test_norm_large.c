/* SPDX-License-Identifier: MIT */
/* test_norm_large.c: rows whose sums overflow, which norm_large.h is about. */
#include "cases_rows.h"
#include "kernel_testing.h"

static const float eps = 1e-5f;

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
    const norm_case c = norm_cases[i];
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

Test(norm_large, kernel_has_reference_bits)
{
    kernel_cases(CASES(norm_cases), large_contract_case);
}

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

Test(norm_large, near_float64) { kernel_each(large_near_float64); }

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

Test(norm_large, neighbours) { kernel_each(large_neighbours); }
