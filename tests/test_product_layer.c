/* SPDX-License-Identifier: MIT */
/* test_product_layer.c: the products of rankmixer/product.h, bit for bit against their definition:
 * one ascending chain of fused multiply-adds, then the epilogue's roundings. From that follow what
 * the library promises: rows alone and in a batch, views and copies, splits and the whole. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layer_testing.h"
#include "rankmixer/product.h"
#include "refusals.h"

#define MUST(call) operands_must(ctx, call)

static float *values(int64_t count, uint64_t seed)
{
    float *v = malloc((size_t)(count + 1) * sizeof *v);
    testing_fill(v, count, PATTERN_NORMAL, seed);
    return v;
}

/* fma(beta, input, alpha * chain), the chain from start. */
static float element(const float *a, int64_t as, const float *b, int64_t bs, int64_t k,
                     float start, float alpha, float beta, float input)
{
    float v = start;
    for (int64_t i = 0; i < k; i++) v = fmaf(a[i * as], b[i * bs], v);
    if (alpha != 1.0f) v = alpha * v;
    return beta != 0.0f ? fmaf(beta, input, v) : v;
}

static rmx_tensor flipped(float *data, int64_t rows, int64_t columns)
{
    return rmx_tensor_transpose(view2(data, columns, rows), 0, 1);
}

/* [rows, columns] as [columns, rows] */
static float *transposed(const float *v, int64_t rows, int64_t columns)
{
    float *t = malloc((size_t)(rows * columns + 1) * sizeof *t);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) t[j * rows + i] = v[i * columns + j];
    return t;
}

/* ---- mm: every combination of transposed operands gives the chain's bits ------------------- */

static void mm_shape(rmx_context *ctx, operands *all, int64_t m, int64_t n, int64_t k)
{
    float *a = values(m * k, 1), *b = values(k * n, 2);
    float *want = malloc((size_t)(m * n + 1) * sizeof *want);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            want[i * n + j] = element(a + i * k, 1, b + j, n, k, 0.0f, 1.0f, 0.0f, 0.0f);
    float *at = transposed(a, m, k), *bt = transposed(b, k, n), *want_t = transposed(want, m, n);
    const rmx_tensor as[2] = {view2(operands_put(all, a, m * k), m, k),
                              flipped(operands_put(all, at, m * k), m, k)};
    const rmx_tensor bs[2] = {view2(operands_put(all, b, k * n), k, n),
                              flipped(operands_put(all, bt, k * n), k, n)};
    for (int which = 0; which < 8; which++) {
        float *out = operands_new(all, m * n);
        const rmx_tensor y = which & 4 ? flipped(out, m, n) : view2(out, m, n);
        MUST(rmx_mm(ctx, &as[which & 1], &bs[which >> 1 & 1], &y));
        cr_expect(operands_same(all, out, which & 4 ? want_t : want, m * n),
                  "%lldx%lldx%lld, transposed operands %d, %s", (long long)m, (long long)n,
                  (long long)k, which, rmx_context_describe(ctx));
    }
    free(a);
    free(b);
    free(want);
    free(at);
    free(bt);
    free(want_t);
}

static void mm_shapes(rmx_context *ctx, operands *all)
{
    static const int64_t shapes[][3] = {{1, 1, 1},    {1, 7, 5},  {7, 1, 5},    {3, 4, 0},
                                        {33, 17, 65}, {5, 70, 9}, {130, 36, 31}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        mm_shape(ctx, all, shapes[i][0], shapes[i][1], shapes[i][2]);
}
Test(product_layer, mm_is_one_chain) { layer_on_contexts(mm_shapes); }

static void empty_products(rmx_context *ctx, operands *all)
{
    float *b = operands_zeros(all, 12), *out = operands_new(all, 4);
    const rmx_tensor a0 = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 3));
    const rmx_tensor b3 = view2(b, 3, 4), y0 = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 4));
    MUST(rmx_mm(ctx, &a0, &b3, &y0)); /* no rows */
    const rmx_tensor a1 = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(2, 0));
    const rmx_tensor b0 = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 2)), y = view2(out, 2, 2);
    MUST(rmx_mm(ctx, &a1, &b0, &y)); /* no terms */
    cr_expect(operands_same(all, out, (float[4]){0.0f}, 4));
    float *db = operands_put(all, (float[12]){1, 2, 3, 4}, 12);
    const rmx_tensor db3 = view2(db, 3, 4), dy0 = rmx_tensor_of(RMX_F32, NULL, 2, SHAPE(0, 4));
    MUST(rmx_mm_backward(ctx, &dy0, &a0, &b3, &a0, &db3)); /* a batch of none adds nothing */
    cr_expect(operands_same(all, db, (float[12]){1, 2, 3, 4}, 12));
    float *dv = operands_put(all, (float[4]){1, 2, 3, 4}, 4), *dm = operands_new(all, 4);
    const rmx_tensor vector = rmx_tensor_of(RMX_F32, dv, 1, SHAPE(4)), row = view2(dm, 1, 4);
    MUST(rmx_addmm_backward(ctx, 1, 1, &dy0, NULL, NULL, &vector, NULL, NULL, NULL, 0));
    MUST(rmx_addmm_backward(ctx, 1, 1, &dy0, NULL, NULL, &row, NULL, NULL, NULL, 0));
    cr_expect(operands_same(all, dv, (float[4]){1, 2, 3, 4}, 4)); /* a parameter: accumulated */
    cr_expect(operands_same(all, dm, (float[4]){0.0f}, 4));       /* an activation: overwritten */
}
Test(product_layer, empty_operands) { layer_on_contexts(empty_products); }

/* ---- addmm --------------------------------------------------------------------------------- */

static void addmm_inputs(rmx_context *ctx, operands *all)
{
    enum { M = 9, N = 21, K = 40 };
    static const float factors[][2] = {{1, 1}, {0.7f, 1}, {1, -0.3f}, {2.5f, 0.1f}, {0.7f, 0}};
    float *a = values(M * K, 3), *b = values(K * N, 4), *in = values(M * N, 5), want[M * N];
    const rmx_tensor ta = view2(operands_put(all, a, M * K), M, K);
    const rmx_tensor tb = view2(operands_put(all, b, K * N), K, N);
    float *input = operands_put(all, in, M * N), *out = operands_new(all, M * N);
    const rmx_tensor y = view2(out, M, N);
    const rmx_tensor inputs[] = {rmx_tensor_of(RMX_F32, input, 1, SHAPE(N)),
                                 view2(input, M, N),
                                 view2(input, 1, N),
                                 view2(input, M, 1),
                                 rmx_tensor_of(RMX_F32, input, 1, SHAPE(1)),
                                 rmx_tensor_of(RMX_F32, input, 0, NULL)};
    static const int64_t steps[6][2] = {{0, 1}, {N, 1}, {0, 1}, {1, 0}, {0, 0}, {0, 0}};
    for (int s = 0; s < 6; s++)
        for (int f = 0; f < 5; f++) {
            const float alpha = factors[f][0], beta = factors[f][1];
            for (int64_t i = 0; i < M; i++)
                for (int64_t j = 0; j < N; j++)
                    want[i * N + j] = element(a + i * K, 1, b + j, N, K, 0.0f, alpha, beta,
                                              in[i * steps[s][0] + j * steps[s][1]]);
            MUST(rmx_addmm(ctx, alpha, beta, &inputs[s], &ta, &tb, &y));
            cr_expect(operands_same(all, out, want, M * N), "input %d, factors %d", s, f);
        }
    float nan = NAN;
    const rmx_tensor poison = rmx_tensor_of(RMX_F32, operands_put(all, &nan, 1), 0, NULL);
    MUST(rmx_addmm(ctx, 0.7f, 0.0f, &poison, &ta, &tb, &y)); /* beta = 0: input is not read */
    cr_expect(operands_same(all, out, want, M * N));
    MUST(rmx_addmm(ctx, 0.7f, 0.0f, NULL, &ta, &tb, &y));
    cr_expect(operands_same(all, out, want, M * N));
    free(a);
    free(b);
    free(in);
}
Test(product_layer, addmm_inputs_and_factors) { layer_on_contexts(addmm_inputs); }

/* ---- batch invariance ---------------------------------------------------------------------- */

static void row_alone(rmx_context *ctx, operands *all)
{
    enum { M = 200, N = 24, K = 77 };
    float *a = values(M * K, 6), *b = values(K * N, 7), whole[M * N], one[N];
    float *da = operands_put(all, a, M * K), *out = operands_new(all, M * N);
    const rmx_tensor tb = view2(operands_put(all, b, K * N), K, N);
    const rmx_tensor ta = view2(da, M, K), y = view2(out, M, N);
    MUST(rmx_mm(ctx, &ta, &tb, &y));
    operands_get(all, whole, out, sizeof whole);
    for (int64_t size = 1; size <= M; size += size < 20 ? 1 : 13) {
        const int64_t row = (size * 37) % (M - size + 1);
        const rmx_tensor part = view2(da + row * K, size, K), py = view2(out, size, N);
        MUST(rmx_mm(ctx, &part, &tb, &py));
        operands_get(all, one, out, sizeof one);
        cr_expect_arr_eq(one, whole + row * N, sizeof one, "row %d first of %d", (int)row,
                         (int)size);
    }
    free(a);
    free(b);
}
Test(product_layer, a_row_knows_no_batch) { layer_on_contexts(row_alone); }

/* ---- gradients: any split of the rows gives the bits of the whole -------------------------- */

/* dw and dbias of rows first .. first+rows-1, added to what the buffers hold. */
static void gradient_part(rmx_context *ctx, operands *all, float *a, float *dy, int64_t first,
                          int64_t rows, float *dw, float *dbias, float *da, float *w)
{
    enum { N = 18, K = 29 };
    const rmx_tensor ta = view2(a + first * K, rows, K), tdy = view2(dy + first * N, rows, N);
    const rmx_tensor tda = view2(da + first * K, rows, K), tw = view2(w, K, N);
    const rmx_tensor tdw = view2(dw, K, N), bias = rmx_tensor_of(RMX_F32, dbias, 1, SHAPE(N));
    const size_t bytes = rmx_addmm_backward_workspace(&tdy, &bias);
    MUST(rmx_addmm_backward(ctx, 1.0f, 1.0f, &tdy, &ta, &tw, &bias, &tda, &tdw,
                            operands_bytes(all, bytes), bytes));
}

static void splits(rmx_context *ctx, operands *all)
{
    enum { N = 18, K = 29, ROWS = 128 * 5 + 40 };
    float *a = values(ROWS * K, 8), *dy = values(ROWS * N, 9), *w = values(K * N, 10);
    float *ta = operands_put(all, a, ROWS * K), *tdy = operands_put(all, dy, ROWS * N);
    float *tw = operands_put(all, w, K * N), *da = operands_new(all, ROWS * K);
    float *dw = operands_zeros(all, K * N), *dbias = operands_zeros(all, N);
    float want_dw[K * N], want_dbias[N], *want_da = malloc(ROWS * K * sizeof *want_da);
    gradient_part(ctx, all, ta, tdy, 0, ROWS, dw, dbias, da, tw);
    operands_get(all, want_dw, dw, sizeof want_dw);
    operands_get(all, want_dbias, dbias, sizeof want_dbias);
    operands_get(all, want_da, da, ROWS * K * sizeof *want_da);
    for (int64_t i = 0; i < K; i++) /* and it is the chain over the rows */
        for (int64_t j = 0; j < N; j++)
            cr_expect_eq(want_dw[i * N + j],
                         element(a + i, K, dy + j, N, ROWS, 0.0f, 1.0f, 0.0f, 0.0f));
    for (int64_t step = 128; step < ROWS; step += 128) {
        float *part = operands_zeros(all, K * N), *part_bias = operands_zeros(all, N);
        float *part_da = operands_new(all, ROWS * K);
        for (int64_t first = 0; first < ROWS; first += step)
            gradient_part(ctx, all, ta, tdy, first, first + step < ROWS ? step : ROWS - first,
                          part, part_bias, part_da, tw);
        cr_expect(operands_same(all, part, want_dw, K * N), "dw, parts of %d", (int)step);
        cr_expect(operands_same(all, part_bias, want_dbias, N), "dbias, parts of %d", (int)step);
        cr_expect(operands_same(all, part_da, want_da, ROWS * K), "da, parts of %d", (int)step);
    }
    free(a);
    free(dy);
    free(w);
    free(want_da);
}
Test(product_layer, splits_of_the_batch) { layer_on_contexts(splits); }

/* ---- batches and groups -------------------------------------------------------------------- */

static void batches(rmx_context *ctx, operands *all)
{
    enum { P = 4, M = 6, N = 11, K = 13 };
    float *a = values(P * M * K, 11), *b = values(K * N, 12), want[P * M * N];
    const rmx_tensor ta =
        rmx_tensor_of(RMX_F32, operands_put(all, a, P * M * K), 3, SHAPE(P, M, K));
    rmx_tensor tb = rmx_tensor_of(RMX_F32, operands_put(all, b, K * N), 3, SHAPE(1, K, N));
    tb.shape[0] = P; /* one matrix for the whole batch */
    tb.stride[0] = 0;
    float *out = operands_new(all, P * M * N);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, out, 3, SHAPE(P, M, N));
    for (int64_t i = 0; i < P * M; i++)
        for (int64_t j = 0; j < N; j++)
            want[i * N + j] = element(a + i * K, 1, b + j, N, K, 0.0f, 1.0f, 0.0f, 0.0f);
    MUST(rmx_bmm(ctx, &ta, &tb, &y));
    cr_expect(operands_same(all, out, want, P * M * N));
    rmx_tensor ones = rmx_tensor_of(RMX_F32, operands_put(all, (float[1]){1.0f}, 1), 0, NULL);
    MUST(rmx_baddbmm(ctx, -2.0f, 0.5f, &ones, &ta, &tb, &y));
    for (int64_t i = 0; i < P * M * N; i++) want[i] = fmaf(0.5f, 1.0f, -2.0f * want[i]);
    cr_expect(operands_same(all, out, want, P * M * N));
    free(a);
    free(b);
}
Test(product_layer, bmm_repeats_a_matrix) { layer_on_contexts(batches); }

/* x [B1, B2, G, K], contiguous and as a slice of wider rows; each group has its own weights. */
static void groups(rmx_context *ctx, operands *all)
{
    enum { B1 = 3, B2 = 2, G = 4, N = 10, K = 7, WIDE = 12, B = B1 * B2 };
    float *x = values(B * G * WIDE, 13), *w = values(G * K * N, 14), want[B * G * N];
    rmx_tensor tx =
        rmx_tensor_of(RMX_F32, operands_put(all, x, B * G * WIDE), 4, SHAPE(B1, B2, G, WIDE));
    tx.shape[3] = K;
    const rmx_tensor tw =
        rmx_tensor_of(RMX_F32, operands_put(all, w, G * K * N), 3, SHAPE(G, K, N));
    float *out = operands_new(all, B * G * N);
    const rmx_tensor y = rmx_tensor_of(RMX_F32, out, 4, SHAPE(B1, B2, G, N));
    for (int64_t r = 0; r < B; r++)
        for (int64_t g = 0; g < G; g++)
            for (int64_t j = 0; j < N; j++)
                want[(r * G + g) * N + j] = element(x + (r * G + g) * WIDE, 1, w + g * K * N + j,
                                                    N, K, 0.0f, 1.0f, 0.0f, 0.0f);
    MUST(rmx_grouped_mm(ctx, &tx, &tw, &y));
    cr_expect(operands_same(all, out, want, B * G * N));
    rmx_tensor last =
        rmx_tensor_of(RMX_F32, tx.data, 2, SHAPE(G, WIDE)); /* without a batch axis */
    last.shape[1] = K;
    const rmx_tensor y2 = rmx_tensor_of(RMX_F32, out, 2, SHAPE(G, N));
    MUST(rmx_grouped_mm(ctx, &last, &tw, &y2));
    cr_expect(operands_same(all, out, want, B * G * N));
    free(x);
    free(w);
}
Test(product_layer, groups_have_their_own_weights) { layer_on_contexts(groups); }

/* A control: a chain cut in two, a split K, gives other bits, so equality
 * says something. */
Test(product_layer, another_order_differs)
{
    enum { K = 300, ROWS = 64 };
    float *a = values(ROWS * K, 15), *b = values(K, 16);
    int different = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        const float whole = element(a + i * K, 1, b, 1, K, 0.0f, 1.0f, 0.0f, 0.0f);
        const float half = element(a + i * K, 1, b, 1, K / 2, 0.0f, 1.0f, 0.0f, 0.0f);
        const float rest =
            element(a + i * K + K / 2, 1, b + K / 2, 1, K - K / 2, 0.0f, 1.0f, 0.0f, 0.0f);
        if (half + rest != whole) different++;
    }
    cr_expect_gt(different, ROWS / 4);
    free(a);
    free(b);
}
