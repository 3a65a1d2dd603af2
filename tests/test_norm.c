/* SPDX-License-Identifier: MIT */
/* test_norm.c: layer and RMS normalisation, forward and backward; rows whose sums overflow are in
 * test_norm_large.c. */
#include "cases_rows.h"
#include "kernel_testing.h"
#include "kernels/cpu/partial_sums_across.h"
#include "kernels/reference/reference.h"
#include "layer_testing.h"
#include "rankmixer/norm.h"
#include "refusals.h"

enum { NORM_CASES = CASES(norm_cases) };

static const float eps = 1e-5f;

static void forward_case(rmx_backend *backend, const char *name, norm_case c,
                         testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t ld_x = c.dim + c.x_pad, ld_y = c.dim + c.y_pad;
    const int64_t size = c.rows * ld_x, y_size = c.rows * ld_y;
    float *x = host_filled(size, pattern, 5), *bx = kernel_floats(&all, x, size);
    float *gamma = host_filled(c.dim, pattern, 6), *beta = host_filled(c.dim, pattern, 7);
    rmx_norm_args args = {.kind = c.kind,
                          .rows = c.rows,
                          .dim = c.dim,
                          .ld_x = ld_x,
                          .ld_y = ld_y,
                          .eps = eps,
                          .x = bx,
                          .gamma = c.gamma ? kernel_floats(&all, gamma, c.dim) : NULL,
                          .beta = c.beta ? kernel_floats(&all, beta, c.dim) : NULL,
                          .rstd = kernel_floats(&all, NULL, c.rows)};
    if (c.kind == RMX_NORM_LAYER) args.mean = kernel_floats(&all, NULL, c.rows);
    args.y = c.in_place ? kernel_in_place(&all, bx, x, size) : kernel_floats(&all, NULL, y_size);
    cr_assert_eq(backend->ops->norm(backend, &args), RMX_OK);
    /* what lies between rows stays, and is compared too */
    kernel_compare(backend, args.y, y_size, name, testing_pattern_name(pattern));
    kernel_compare(backend, args.rstd, c.rows, name, "rstd");
    if (args.mean) kernel_compare(backend, args.mean, c.rows, name, "mean");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(gamma), free(beta);
}

static void forward_contract(rmx_backend *backend, const char *name, int i)
{
    forward_case(backend, name, norm_cases[i / PATTERN_COUNT],
                 (testing_pattern)(i % PATTERN_COUNT));
}

Test(norm, forward_kernel_has_reference_bits)
{
    kernel_cases(NORM_CASES * PATTERN_COUNT, forward_contract);
}

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
        const float sum = rmx_row_dot(a, b, n);
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
    const int64_t ld = c.dim + c.x_pad, size = c.rows * ld;
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
    const norm_case c = norm_cases[i / PATTERN_COUNT];
    backward_case(backend, name, c, (testing_pattern)(i % PATTERN_COUNT),
                  DX | DGAMMA | (c.rows % 2 ? DBETA : 0));
}

Test(norm, backward_kernel_has_reference_bits)
{
    kernel_cases(NORM_CASES * PATTERN_COUNT, backward_contract);
}

/* Everything that may be left out, of rows that the CPU has code of known sizes for, some of them
 * beyond a multiple of eight; and means of -0, which are +0. */
static void backward_parts(rmx_backend *backend, const char *name, int of)
{
    const int64_t dim = (int64_t)8 << of / 128;
    const int i = of % 128;
    const bool rms = i & 16, gamma = i & 32, residual = i & 64;
    const norm_case c = {.kind = rms ? RMX_NORM_RMS : RMX_NORM_LAYER,
                         .rows = 29,
                         .dim = dim,
                         .x_pad = i % 3 * 8,
                         .gamma = gamma,
                         .beta = residual};
    backward_case(backend, name, c, PATTERN_NORMAL, i % 16);
}

Test(norm, backward_parts) { kernel_cases(5 * 128, backward_parts); }

/* Runs of a chain and a bit, of many chains, of half a chain; every plan of threads. */
static void walk_case(rmx_backend *backend, const char *name, int i)
{
    backward_case(backend, name, norm_walks[i], PATTERN_NORMAL, DX | DGAMMA | DBETA);
}

Test(norm, chains_over_blocks_of_threads) { kernel_cases_on_gpu(CASES(norm_walks), walk_case); }

/* Two rows of a chain in another order give another sum, so equality says something. */
static void order_matters(rmx_backend *backend, const char *name)
{
    enum { ROWS = 128, DIM = 20 };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(ROWS * DIM, PATTERN_NORMAL, 1), zeros[DIM] = {0}, sum[2][DIM];
    float ones[ROWS], none[ROWS];
    for (int r = 0; r < ROWS; r++) ones[r] = 1.0f, none[r] = 0.0f;
    rmx_norm_backward_args args = {
        .kind = RMX_NORM_LAYER,
        .rows = ROWS,
        .dim = DIM,
        .ld = DIM,
        .mean = kernel_floats(&all, none, ROWS),
        .rstd = kernel_floats(&all, ones, ROWS),
        .ws = kernel_put(&all, NULL, rmx_column_sum_scratch(1, ROWS, DIM, 2))};
    for (int swapped = 0; swapped < 2; swapped++) {
        args.x = args.dy = kernel_floats(&all, x, ROWS * DIM);
        args.dgamma = kernel_floats(&all, zeros, DIM);
        cr_assert_eq(backend->ops->norm_backward(backend, &args), RMX_OK);
        testing_get(backend, sum[swapped], args.dgamma, sizeof sum[0]);
        for (int j = 0; j < DIM; j++) {
            const float first = x[j];
            x[j] = x[100 * DIM + j], x[100 * DIM + j] = first;
        }
    }
    cr_assert_geq(testing_first_difference(sum[0], sum[1], DIM), 0, "%s", name);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(norm, order_matters) { kernel_each(order_matters); }

static void streamed_case(rmx_backend *backend, const char *name, int i)
{
    forward_case(backend, name, norm_cases[i], PATTERN_NORMAL);
    backward_case(backend, name, norm_cases[i], PATTERN_NORMAL, DX | DGAMMA | DBETA);
}

Test(norm, streamed)
{
    kernel_stream_everything();
    kernel_cases(NORM_CASES, streamed_case);
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

/* ---- the layer ----------------------------------------------------------------------------- */

static rmx_norm_desc desc_of(const layer *l)
{
    const norm_case *c = l->of;
    return (rmx_norm_desc){.kind = c->kind,
                           .rows = c->rows,
                           .dim = (int32_t)c->dim,
                           .eps = eps,
                           .x_stride = c->dim + c->x_pad,
                           .y_stride = c->dim + c->y_pad};
}

/* Gamma and beta are the inputs after x, where there are such. */
static const float *gamma_of(const layer *l)
{
    return ((const norm_case *)l->of)->gamma ? l->in[1] : NULL;
}

static void forward(layer *l)
{
    const norm_case *c = l->of;
    const rmx_norm_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_zero(l->ctx, l->y, (size_t)l->outputs * sizeof(float)));
    operands_must(l->ctx, rmx_norm_forward(l->ctx, &desc, l->in[0], gamma_of(l),
                                           c->beta ? l->in[l->inputs - 1] : NULL, l->y,
                                           c->kind ? NULL : layer_floats(l, 0, c->rows),
                                           layer_floats(l, 1, c->rows)));
}

static void backward(layer *l)
{
    const norm_case *c = l->of;
    const rmx_norm_desc desc = desc_of(l);
    const size_t bytes = rmx_norm_backward_workspace(&desc);
    operands_must(l->ctx, rmx_norm_backward(l->ctx, &desc, l->dy, l->in[0], gamma_of(l),
                                            c->kind ? NULL : layer_floats(l, 0, c->rows),
                                            layer_floats(l, 1, c->rows), l->d[0],
                                            c->gamma ? l->d[1] : NULL,
                                            c->beta ? l->d[l->inputs - 1] : NULL,
                                            layer_slot(l, 2, bytes), bytes));
}

/* An element of h is off by its own rounding, relative to itself, and by those of mean and rstd,
 * relative to the largest; dx sums three terms of the size of dy, as rstd < 1 for these x. */
static layer_bound bound(const layer *l, const char *tensor)
{
    if (*tensor == 'y') return (layer_bound){12.0, 0.0};
    if (strcmp(tensor, "d_x") == 0) return (layer_bound){8.0, layer_golden_max(l, "dy")};
    return (layer_bound){8.0, fmax(1.0, layer_golden_max(l, tensor))};
}

static void make(int i, layer *l)
{
    const norm_case *c = &norm_cases[i];
    const int64_t x_stride = c->dim + c->x_pad, y_stride = c->dim + c->y_pad;
    l->of = c;
    l->name = c->kind == RMX_NORM_LAYER ? "layer_norm" : "rms_norm";
    l->forward = forward;
    l->backward = backward;
    l->outputs = c->rows ? (c->rows - 1) * y_stride + c->dim : 0;
    l->gradients = c->gradients;
    l->golden = c->golden;
    l->bound = bound;
    layer_input(l, "x", c->rows ? (c->rows - 1) * x_stride + c->dim : 0);
    if (c->gamma) layer_input(l, "gamma", c->dim);
    if (c->beta) layer_input(l, "beta", c->dim);
}

LAYER_TESTS(norm, make, NORM_CASES)
GOLDEN_TESTS(norm, make, NORM_CASES, "layer_norm", "rms_norm")

/* Rows with strides give the bits of contiguous rows, also as neighbours in one matrix: x and y
 * are columns of the same rows. */
static void norm_strides(rmx_context *ctx, operands *all)
{
    enum { ROWS = 140, D = 19, LD = 2 * D + 3 };
    float x[ROWS * D], both[ROWS * LD], want[ROWS * D], want_dx[ROWS * D], gamma[D];
    testing_fill(x, ROWS * D, PATTERN_NORMAL, 5);
    testing_fill(gamma, D, PATTERN_NORMAL, 6);
    memset(both, 0xff, sizeof both);
    for (int64_t r = 0; r < ROWS; r++) memcpy(both + r * LD, x + r * D, D * sizeof *x);
    float *tx = operands_put(all, x, ROWS * D), *g = operands_put(all, gamma, D);
    float *y = operands_new(all, ROWS * D), *dx = operands_new(all, ROWS * D);
    float *mean = operands_new(all, ROWS), *rstd = operands_new(all, ROWS);
    const rmx_norm_desc dense = {RMX_NORM_LAYER, RMX_F32, ROWS, D, 1e-5f, 0, 0},
                        strided = {RMX_NORM_LAYER, RMX_F32, ROWS, D, 1e-5f, LD, LD};
    const size_t bytes = rmx_norm_backward_workspace(&dense);
    void *ws = operands_bytes(all, bytes);
    operands_must(ctx, rmx_norm_forward(ctx, &dense, tx, g, NULL, y, mean, rstd));
    operands_must(ctx,
                  rmx_norm_backward(ctx, &dense, y, tx, g, mean, rstd, dx, NULL, NULL, ws, bytes));
    operands_get(all, want, y, sizeof want);
    operands_get(all, want_dx, dx, sizeof want_dx);
    float *m = operands_put(all, both, ROWS * LD);
    operands_must(ctx, rmx_norm_forward(ctx, &strided, m, g, NULL, m + D, NULL, NULL));
    operands_get(all, both, m, sizeof both);
    for (int64_t r = 0; r < ROWS; r++) {
        cr_expect_arr_eq(both + r * LD, x + r * D, D * sizeof *x, "x changed in row %d", (int)r);
        cr_expect_arr_eq(both + r * LD + D, want + r * D, D * sizeof *x, "y, row %d", (int)r);
        cr_expect(isnan(both[r * LD + 2 * D]), "beyond row %d", (int)r);
    }
    operands_must(ctx, rmx_norm_backward(ctx, &strided, m + D, m, g, mean, rstd, m + D, NULL, NULL,
                                         ws, bytes)); /* dx in place of dy */
    operands_get(all, both, m, sizeof both);
    for (int64_t r = 0; r < ROWS; r++)
        cr_expect_arr_eq(both + r * LD + D, want_dx + r * D, D * sizeof *x, "dx, row %d", (int)r);
    const rmx_norm_desc mixed = {RMX_NORM_LAYER, RMX_F32, ROWS, D, 1e-5f, LD, 0};
    operands_must(
        ctx, rmx_norm_backward(ctx, &mixed, y, m, g, mean, rstd, m + D, NULL, NULL, ws, bytes));
    operands_get(all, both, m, sizeof both);
    for (int64_t r = 0; r < ROWS; r++)
        cr_expect_arr_eq(both + r * LD + D, want_dx + r * D, D * sizeof *x, "mixed, row %d",
                         (int)r);
    operands_must(ctx, rmx_norm_forward(ctx, &dense, tx, g, NULL, tx, NULL, NULL));
    cr_expect(operands_same(all, tx, want, ROWS * D), "in place");
}
Test(norm, views) { layer_on_contexts(norm_strides); }

Test(norm, refusals)
{
    refusals t = refusals_begin();
    float *x = t.a, *g = t.b, *y = t.out, *m = t.c, *r = t.c + 8;
    const rmx_norm_desc good = {RMX_NORM_LAYER, RMX_F32, 4, 8, 1e-5f, 0, 0};
    rmx_norm_desc bad[7] = {good, good, good, good, good, good, good};
    static const char *const text[7] = {"desc.rows = -1",
                                        "desc.dim = 0",
                                        "desc.eps = 0",
                                        "desc.eps = nan",
                                        "desc.x_stride (0: dim) = 7: must be 8",
                                        "desc.y_stride (0: dim) = -8",
                                        "desc.rows * desc.x_stride: more than 2^48"};
    bad[0].rows = -1;
    bad[1].dim = 0;
    bad[2].eps = 0.0f;
    bad[3].eps = NAN;
    bad[4].x_stride = 7;
    bad[5].y_stride = -8;
    bad[6].rows = INT64_C(1) << 46;
    for (int i = 0; i < 7; i++) {
        REFUSES(rmx_norm_forward(t.ctx, &bad[i], x, g, g, y, m, r), text[i]);
        bad[i].kind = RMX_NORM_RMS;
        REFUSES(rmx_norm_forward(t.ctx, &bad[i], x, g, NULL, y, NULL, r), text[i]);
    }
    cr_expect_eq(rmx_norm_backward_workspace(&bad[0]), 0);
    cr_expect_eq(rmx_norm_backward_workspace(NULL), 0);
    REFUSES(rmx_norm_forward(t.ctx, NULL, x, g, g, y, m, r), "desc: NULL");
    const rmx_norm_desc rms = {RMX_NORM_RMS, RMX_F32, 4, 8, 1e-5f, 0, 0},
                        third = {2, RMX_F32, 4, 8, 1e-5f, 0, 0};
    REFUSES(rmx_norm_forward(t.ctx, &third, x, g, NULL, y, NULL, r), "desc.kind = 2");
    REFUSES(rmx_norm_forward(t.ctx, &rms, x, g, g, y, NULL, r), "beta: RMX_NORM_RMS has none");
    REFUSES(rmx_norm_forward(t.ctx, &rms, x, g, NULL, y, m, r), "mean: RMX_NORM_RMS has none");
    REFUSES(rmx_norm_forward(t.ctx, &good, NULL, g, g, y, m, r), "x: NULL");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, g, g, NULL, m, r), "y: NULL");
    REFUSES(rmx_norm_forward(t.ctx, &good, y + 8, g, g, y, m, r), "overlaps x");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, y, g, y, m, r), "overlaps gamma");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, g, g, y, y, r), "mean (16 bytes");
    REFUSES(rmx_norm_forward(t.ctx, &good, x, g, g, y, m, m), "overlaps rstd");
    const size_t bytes = rmx_norm_backward_workspace(&good);
    const rmx_norm_desc apart = {RMX_NORM_LAYER, RMX_F32, 4, 8, 1e-5f, 8, 16};
    REFUSES(rmx_norm_backward(t.ctx, &good, x, x, g, NULL, r, y, NULL, NULL, t.ws, bytes),
            "mean: NULL");
    REFUSES(rmx_norm_backward(t.ctx, &apart, x, x, g, m, r, NULL, NULL, NULL, t.ws, bytes),
            "unequal desc.x_stride");
    REFUSES(rmx_norm_backward(t.ctx, &good, x, y, g, m, r, y, NULL, NULL, t.ws, bytes),
            "overlaps x");
    REFUSES(rmx_norm_backward(t.ctx, &good, x, x, g, m, r, y, y + 8, NULL, t.ws, bytes),
            "dgamma (32 bytes");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_norm_backward(t.ctx, &good, x, x, g, m, r, y, NULL, NULL, t.ws, 4),
               "ask rmx_norm_backward_workspace");
    const rmx_norm_desc none = {RMX_NORM_LAYER, RMX_F32, 0, 8, 1e-5f, 0, 0};
    ACCEPTS(rmx_norm_forward(t.ctx, &none, NULL, g, g, NULL, NULL, NULL));
    ACCEPTS(rmx_norm_backward(t.ctx, &none, NULL, NULL, g, NULL, NULL, NULL, NULL, NULL, NULL, 0));
    refusals_end(&t);
}
