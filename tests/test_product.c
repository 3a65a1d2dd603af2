/* SPDX-License-Identifier: MIT */
/* test_product.c: the product on every backend against the reference's, bit for bit. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases_products.h"
#include "testing.h"

/* Where the elements of an operand lie; T is batch[1], a token of [rows, T, cols]. */
typedef enum layout {
    ROWS,       /* row-major, a few floats between rows */
    COLUMNS,    /* transposed */
    TOKENS,     /* one token of [rows, T, cols] */
    TOKENS_T,   /* the same, transposed: [cols, T, rows] */
    ODD,        /* nothing is next to anything */
    SHARED,     /* row-major, one for all of batch[1] */
    ONE_ROW,    /* rs = 0 */
    ONE_COLUMN, /* cs = 0 */
    IN_PLACE,   /* C itself */
    ABSENT
} layout;

typedef struct spec {
    int64_t m, n, k, batch[2];
    layout a, b, c, bias, activation_gradient, multiplier, residual;
    bool accumulate;
    float alpha, beta;
    rmx_activation activation;
    testing_pattern pattern;
    bool not_generic; /* too much of it for the generic code */
} spec;

/* Backends that a test compares with the reference, which takes longer than they do. */
typedef struct backends {
    rmx_backend *reference, *at[12];
    int count;
} backends;

/* An operand: as given, as the reference leaves it, and the place of its first element. */
typedef struct buffer {
    int64_t count;
    float *given, *expected, *device;
    rmx_matrix at;
} buffer;

enum { A, B, C, BIAS, ACTIVATION_GRADIENT, MULTIPLIER, RESIDUAL, OPERANDS };

static uint64_t seed = 1;

static int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }

/* Strides of a layout, and how many floats it spans. */
static int64_t lay(layout how, int64_t rows, int64_t cols, const int64_t batch[2], rmx_matrix *at)
{
    const int64_t tokens = batch[1];
    int64_t one = 0; /* floats of one product's operand, or of all of batch[1] */
    *at = (rmx_matrix){.rs = cols + 3, .cs = 1};
    switch (how) {
    case COLUMNS: *at = (rmx_matrix){.rs = 1, .cs = rows + 1}; break;
    case TOKENS: *at = (rmx_matrix){.rs = tokens * cols, .cs = 1}; break;
    case TOKENS_T: *at = (rmx_matrix){.rs = 1, .cs = tokens * rows}; break;
    case ODD: *at = (rmx_matrix){.rs = 3 * cols + 1, .cs = 3}; break;
    case ONE_ROW: at->rs = 0; break;
    case ONE_COLUMN: *at = (rmx_matrix){.rs = 1, .cs = 0}; break;
    default: break;
    }
    one = largest(rows - 1, 0) * at->rs + largest(cols - 1, 0) * at->cs + 1;
    at->batch[1] = how == TOKENS ? cols : how == TOKENS_T ? rows : how == SHARED ? 0 : one + 2;
    at->batch[0] =
        how == TOKENS || how == TOKENS_T ? rows * cols * tokens : at->batch[1] * tokens + one;
    return largest(batch[0] - 1, 0) * at->batch[0] + largest(tokens - 1, 0) * at->batch[1] + one;
}

static void buffer_new(buffer *x, layout how, int64_t rows, int64_t cols, const spec *s)
{
    x->count = lay(how, rows, cols, s->batch, &x->at);
    x->given = malloc((size_t)x->count * sizeof(float));
    x->expected = malloc((size_t)x->count * sizeof(float));
    testing_fill(x->given, x->count, s->pattern, seed++);
    memcpy(x->expected, x->given, (size_t)x->count * sizeof(float));
}

static rmx_matrix_out out_of(rmx_matrix x, const float *p)
{
    rmx_matrix_out out = {.rs = x.rs, .batch = {x.batch[0], x.batch[1]}};
    memcpy(&out.p, &p, sizeof p); /* the buffers are ours to write */
    return out;
}

static rmx_product_args args_of(const spec *s, const buffer x[OPERANDS], bool device)
{
    rmx_matrix at[OPERANDS];
    for (int i = 0; i < OPERANDS; i++) {
        at[i] = x[i].at;
        at[i].p = device ? x[i].device : x[i].expected;
    }
    return (rmx_product_args){.m = s->m,
                              .n = s->n,
                              .k = s->k,
                              .batch = {s->batch[0], s->batch[1]},
                              .a = at[A],
                              .b = at[B],
                              .c = out_of(at[C], at[C].p),
                              .accumulate = s->accumulate,
                              .alpha = s->alpha,
                              .beta = s->beta,
                              .bias = at[BIAS],
                              .activation_gradient =
                                  out_of(at[ACTIVATION_GRADIENT], at[ACTIVATION_GRADIENT].p),
                              .activation = s->activation,
                              .multiplier = at[MULTIPLIER],
                              .residual = at[RESIDUAL]};
}

static void run_and_compare(rmx_backend *backend, const spec *s, buffer x[OPERANDS],
                            const layout how[OPERANDS])
{
    for (int i = 0; i < OPERANDS; i++) {
        if (how[i] == ABSENT) continue;
        if (how[i] == IN_PLACE) {
            x[i].device = x[C].device;
            continue;
        }
        x[i].device = testing_floats(backend, x[i].count);
        testing_put(backend, x[i].device, x[i].given, (size_t)x[i].count * sizeof(float));
    }
    const rmx_product_args args = args_of(s, x, true);
    cr_assert(backend->ops->product(backend, &args) == RMX_OK);
    for (int i = 0; i < OPERANDS; i++) {
        if (how[i] == ABSENT || how[i] == IN_PLACE) continue;
        float *got = malloc((size_t)x[i].count * sizeof(float));
        testing_get(backend, got, x[i].device, (size_t)x[i].count * sizeof(float));
        const int64_t at = testing_first_difference(got, x[i].expected, x[i].count);
        cr_assert(at < 0,
                  "%s: m %ld n %ld k %ld batch %ld %ld layouts %d %d %d %d %d %d %d accumulate %d "
                  "alpha %g beta %g act %d %s: operand %d at %ld is %a, not %a",
                  backend->ops->code, (long)s->m, (long)s->n, (long)s->k, (long)s->batch[0],
                  (long)s->batch[1], s->a, s->b, s->c, s->bias, s->activation_gradient,
                  s->multiplier, s->residual, s->accumulate, s->alpha, s->beta, s->activation,
                  testing_pattern_name(s->pattern), i, (long)at, got[at], x[i].expected[at]);
        cr_assert(testing_sees_flipped_bit(got, x[i].expected, x[i].count), "operand %d", i);
        cr_assert(testing_guards_ok(backend, x[i].device), "operand %d: guard overwritten", i);
        testing_free(backend, x[i].device);
        free(got);
    }
}

static void check(const backends *all, const spec *s)
{
    const layout how[OPERANDS] = {s->a,          s->b,       s->c, s->bias, s->activation_gradient,
                                  s->multiplier, s->residual};
    buffer x[OPERANDS] = {0};
    for (int i = 0; i < OPERANDS; i++)
        if (how[i] == IN_PLACE)
            x[i] = x[C];
        else if (how[i] != ABSENT)
            buffer_new(&x[i], how[i], i == B ? s->k : s->m, i == A ? s->k : s->n, s);
    const rmx_product_args expected = args_of(s, x, false);
    cr_assert(all->reference->ops->product(all->reference, &expected) == RMX_OK); /* host memory */
    for (int i = 0; i < all->count; i++)
        if (!s->not_generic || strcmp(all->at[i]->ops->code, "generic") != 0)
            run_and_compare(all->at[i], s, x, how);
    for (int i = 0; i < OPERANDS; i++) {
        if (how[i] == ABSENT || how[i] == IN_PLACE) continue;
        free(x[i].given);
        free(x[i].expected);
    }
}

static spec plain(int64_t m, int64_t n, int64_t k)
{
    return (spec){.m = m,
                  .n = n,
                  .k = k,
                  .batch = {1, 1},
                  .bias = ABSENT,
                  .activation_gradient = ABSENT,
                  .multiplier = ABSENT,
                  .residual = ABSENT,
                  .alpha = 1.0f,
                  .beta = 1.0f};
}

/* The reference, and all other backends of this machine with so many threads. */
static backends backends_new(int least_threads, int most_threads)
{
    static const char *const codes[] = {"generic", "avx2", "avx512", "cuda"};
    backends all = {.reference = testing_backend("reference", 1)};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const int most = strcmp(codes[i], "cuda") == 0 ? least_threads : most_threads;
        for (int threads = least_threads; threads <= most; threads++) {
            rmx_backend *backend = testing_backend(codes[i], threads);
            if (backend) all.at[all.count++] = backend;
        }
    }
    cr_assert(all.reference && all.count > 0);
    return all;
}

static void backends_free(backends *all)
{
    for (int i = 0; i < all->count; i++) testing_backend_free(all->at[i]);
    testing_backend_free(all->reference);
}

static void together(void (*test)(const backends *), int least_threads, int most_threads)
{
    backends all = backends_new(least_threads, most_threads);
    test(&all);
    backends_free(&all);
}

static void one_by_one(void (*test)(rmx_backend *), int least_threads, int most_threads)
{
    backends all = backends_new(least_threads, most_threads);
    test(all.reference);
    for (int i = 0; i < all.count; i++) test(all.at[i]);
    backends_free(&all);
}

/* ---- sizes and layouts -------------------------------------------------------------------- */

static const layout a_layouts[] = {ROWS, COLUMNS, TOKENS, TOKENS_T, ODD, SHARED};
static const layout c_layouts[] = {ROWS, TOKENS};

static void sizes(const backends *all)
{
    size_t turn = 0;
    for (size_t i = 0; i < (size_t)CASES(product_edges_m); i++)
        for (size_t j = 0; j < (size_t)CASES(product_edges_n); j++)
            for (size_t l = 0; l < (size_t)CASES(product_edges_k); l++, turn++) {
                spec s = plain(product_edges_m[i], product_edges_n[j], product_edges_k[l]);
                s.a = a_layouts[turn % 6];
                s.b = a_layouts[turn / 5 % 6];
                s.c = c_layouts[turn / 7 % 2];
                s.batch[0] = 1 + (int64_t)(turn / 3 % 2);
                s.batch[1] = 1 + (int64_t)(turn / 2 % 3);
                s.accumulate = turn / 4 % 2;
                s.bias = turn % 3 ? ABSENT : ONE_ROW;
                s.residual = turn % 4 ? ABSENT : IN_PLACE;
                s.activation = turn % 5 ? RMX_ACTIVATION_NONE : RMX_ACTIVATION_GELU_ERF;
                check(all, &s);
            }
}

Test(product, every_size_near_a_tile_edge) { together(sizes, 1, 3); }

/* Sizes where k, rows or columns are cut into blocks. */
static void blocks(const backends *all)
{
    size_t turn = 0;
    for (size_t i = 0; i < (size_t)CASES(product_blocks); i++)
        for (size_t a = 0; a < 6; a++)
            for (size_t b = 0; b < 6; b++, turn++) {
                spec s = plain(product_blocks[i][0], product_blocks[i][1], product_blocks[i][2]);
                if (s.m * s.n * s.k > 2000000 && turn % 5) continue;
                s.a = a_layouts[a];
                s.b = a_layouts[b];
                s.c = c_layouts[turn / 3 % 2];
                s.batch[1] = s.m * s.n * s.k < 500000 ? 2 : 1;
                s.accumulate = turn % 2;
                s.residual = turn % 3 ? ABSENT : turn % 2 ? ROWS : IN_PLACE;
                s.multiplier = turn % 5 ? ABSENT : IN_PLACE;
                s.not_generic = turn % 7 != 0;
                check(all, &s);
            }
}

Test(product, every_layout_in_blocks) { together(blocks, 1, 3); }

static void many_products(const backends *all)
{
    spec s = plain(16, 16, 4);
    s.a = s.b = TOKENS;
    s.batch[0] = 37;
    s.batch[1] = 12;
    check(all, &s);
    s.b = COLUMNS;
    s.alpha = 0.5f;
    check(all, &s);
    s = plain(70, 40, 30);
    s.a = s.c = TOKENS;
    s.batch[1] = 16;
    check(all, &s);
    s.batch[0] = 0;
    check(all, &s);
}

Test(product, many_small_products) { together(many_products, 1, 3); }

/* ---- epilogues and values ----------------------------------------------------------------- */

static void epilogues(const backends *all)
{
    static const layout bias[] = {ABSENT, ROWS, ONE_ROW, ONE_COLUMN};
    static const layout multiplier[] = {ABSENT, ROWS, IN_PLACE, ONE_ROW, ONE_COLUMN};
    static const layout residual[] = {ABSENT, ODD, IN_PLACE, ONE_ROW, ONE_COLUMN};
    static const float alphas[] = {1.0f, 0.25f, -1.7f, 0.0f};
    size_t turn = 0;
    for (size_t i = 0; i < (size_t)CASES(product_epilogues); i++)
        for (size_t b = 0; b < 4; b++)
            for (size_t activation_gradient = 0; activation_gradient < 2; activation_gradient++)
                for (size_t act = 0; act < 3; act++)
                    for (size_t f = 0; f < 5; f++)
                        for (size_t r = 0; r < 5; r++, turn++) {
                            spec s = plain(product_epilogues[i][0], product_epilogues[i][1],
                                           product_epilogues[i][2]);
                            s.batch[1] = 2;
                            s.bias = bias[b];
                            s.activation_gradient = activation_gradient ? TOKENS : ABSENT;
                            s.activation = (rmx_activation)act;
                            s.multiplier = multiplier[f];
                            s.residual = residual[r];
                            s.alpha = alphas[turn / 2 % 4];
                            s.beta = alphas[turn / 5 % 4];
                            s.accumulate = turn / 3 % 2;
                            check(all, &s);
                        }
}

Test(product, every_epilogue) { together(epilogues, 2, 2); }

static void patterns(const backends *all)
{
    for (int pattern = 0; pattern < PATTERN_COUNT; pattern++)
        for (size_t i = 0; i < (size_t)CASES(product_patterns); i++)
            for (int finish = 0; finish < 3; finish++) {
                spec s =
                    plain(product_patterns[i][0], product_patterns[i][1], product_patterns[i][2]);
                s.pattern = (testing_pattern)pattern;
                s.accumulate = finish == 1;
                s.bias = finish == 2 ? ROWS : ABSENT;
                s.activation = finish == 2 ? RMX_ACTIVATION_GELU_ERF : RMX_ACTIVATION_NONE;
                s.activation_gradient = finish == 2 ? ROWS : ABSENT;
                s.multiplier = finish == 1 ? ROWS : ABSENT;
                s.residual = finish == 2 ? IN_PLACE : ABSENT;
                check(all, &s);
            }
}

Test(product, every_value_pattern) { together(patterns, 2, 2); }

/* ---- what the chain promises --------------------------------------------------------------- */

/* Operands of a plain row-major product on the backend, and its result on the host. */
typedef struct product {
    rmx_backend *backend;
    int64_t m, n, k;
    float *a, *b, *c;
} product;

static product product_new(rmx_backend *backend, int64_t m, int64_t n, int64_t k, float *host_a,
                           float *host_b)
{
    product p = {backend,
                 m,
                 n,
                 k,
                 testing_floats(backend, m * k),
                 testing_floats(backend, k * n),
                 testing_floats(backend, m * n)};
    testing_fill(host_a, m * k, PATTERN_NORMAL, 11);
    testing_fill(host_b, k * n, PATTERN_NORMAL, 12);
    testing_put(backend, p.a, host_a, (size_t)(m * k) * sizeof(float));
    testing_put(backend, p.b, host_b, (size_t)(k * n) * sizeof(float));
    return p;
}

static void product_free(product *p)
{
    cr_assert(testing_guards_ok(p->backend, p->c));
    testing_free(p->backend, p->a);
    testing_free(p->backend, p->b);
    testing_free(p->backend, p->c);
}

/* Rows [row, row + rows) and k [from, to) of the product, to host [rows, n]. */
static void multiply(const product *p, int64_t row, int64_t rows, int64_t from, int64_t to,
                     bool accumulate, float *host)
{
    const rmx_product_args args = {.m = rows,
                                   .n = p->n,
                                   .k = to - from,
                                   .batch = {1, 1},
                                   .a = {.p = p->a + row * p->k + from, .rs = p->k, .cs = 1},
                                   .b = {.p = p->b + from * p->n, .rs = p->n, .cs = 1},
                                   .c = {.p = p->c + row * p->n, .rs = p->n},
                                   .accumulate = accumulate,
                                   .alpha = 1.0f};
    cr_assert(p->backend->ops->product(p->backend, &args) == RMX_OK);
    testing_get(p->backend, host, p->c + row * p->n, (size_t)(rows * p->n) * sizeof(float));
}

static void alone(rmx_backend *backend)
{
    enum { M = 320, N = 50, K = 70 };
    static float a[M * K], b[K * N], whole[M * N], part[M * N];
    product p = product_new(backend, M, N, K, a, b);
    multiply(&p, 0, M, 0, K, false, whole);
    const bool slow = strcmp(backend->ops->code, "reference") == 0; /* fewer of them */
    for (int64_t rows = 1; rows <= 300; rows += slow ? 13 : 1) {
        for (int64_t place = 0; place < 3; place++) {
            const int64_t row = place * 7919 * rows % (M - rows + 1);
            multiply(&p, row, rows, 0, K, false, part);
            const int64_t at = testing_first_difference(part, whole + row * N, rows * N);
            cr_assert(at < 0, "%s: %ld rows from %ld differ from the batch's at %ld",
                      backend->ops->code, (long)rows, (long)row, (long)at);
        }
    }
    product_free(&p);
}

Test(product, a_row_alone_is_the_row_in_a_batch) { one_by_one(alone, 2, 2); }

/* The chain goes on where it stopped; and, as the control that shows what these tests can see, a
 * sum of two half chains is another number. */
static void halves(rmx_backend *backend)
{
    enum { M = 64, N = 96, K = 1000 };
    static float a[M * K], b[K * N], whole[M * N], first[M * N], second[M * N], both[M * N];
    product p = product_new(backend, M, N, K, a, b);
    multiply(&p, 0, M, 0, K, false, whole);
    const int64_t step = strcmp(backend->ops->code, "reference") == 0 ? 500 : 125; /* it is slow */
    for (int64_t cut = 0; cut <= K; cut += step) {
        multiply(&p, 0, M, 0, cut, false, first);
        multiply(&p, 0, M, cut, K, true, both);
        cr_assert(testing_first_difference(both, whole, M * N) < 0, "%s: cut at %ld",
                  backend->ops->code, (long)cut);
    }
    multiply(&p, 0, M, 0, K / 2, false, first);
    multiply(&p, 0, M, K / 2, K, false, second);
    for (int64_t i = 0; i < M * N; i++) both[i] = first[i] + second[i];
    cr_assert(testing_first_difference(both, whole, M * N) >= 0, "split k gave the same bits");
    product_free(&p);
}

Test(product, two_halves_of_k_make_the_whole) { one_by_one(halves, 1, 2); }

/* A chain of k roundings is off by at most k * 2^-24 / (1 - k * 2^-24) of the sum of |a b|. */
static void bound(rmx_backend *backend)
{
    enum { M = 33, N = 65, K = 3000 };
    static float a[M * K], b[K * N], c[M * N];
    product p = product_new(backend, M, N, K, a, b);
    multiply(&p, 0, M, 0, K, false, c);
    const double unit = K * 0x1p-24, gamma = unit / (1.0 - unit);
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < N; j++) {
            double exact = 0.0, size = 0.0;
            for (int64_t k = 0; k < K; k++) {
                exact += (double)a[i * K + k] * b[k * N + j];
                size += fabs((double)a[i * K + k] * b[k * N + j]);
            }
            cr_assert(fabs(c[i * N + j] - exact) <= gamma * size, "%s: (%ld, %ld) is off by %g",
                      backend->ops->code, (long)i, (long)j, c[i * N + j] - exact);
        }
    product_free(&p);
}

Test(product, float64_reference) { one_by_one(bound, 2, 2); }
