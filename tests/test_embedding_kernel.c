/* SPDX-License-Identifier: MIT */
/* test_embedding_kernel.c: the rows that a batch touches, and their gradients. */
#include "kernel_testing.h"

/* How the fields' tables lie. */
typedef enum tables { IN_TURN, IN_REVERSE, SHARED } tables;

typedef struct embedding_case {
    int64_t samples, fields, vocabulary; /* rows of each field's table */
    int skew;                            /* ids are powers of this of a uniform number */
    tables tables;
} embedding_case;

static const embedding_case cases[] = {
    {0, 3, 5, 1, IN_TURN},          {1, 1, 1, 1, IN_TURN},
    {7, 2, 1, 1, IN_TURN},          {50, 3, 4, 1, IN_TURN},
    {300, 5, 2048, 1, IN_TURN},     {129, 4, 512, 3, IN_TURN},
    {4097, 2, 70000, 2, IN_TURN},   {3000, 26, 3000000, 4, IN_TURN},
    {2000, 8, 1000, 8, IN_TURN},    {6000, 26, 1000, 3, IN_TURN},
    {10, 1, 2049, 1, IN_TURN},      {1000, 4, 1000000000, 1, IN_TURN},
    {129, 4, 512, 3, IN_REVERSE},   {3000, 26, 3000000, 4, IN_REVERSE},
    {1, 7, 3, 1, SHARED},           {300, 5, 2048, 1, SHARED},
    {3000, 26, 3000000, 4, SHARED},
};

typedef struct batch { /* on the host */
    int64_t n;
    int64_t row_offset[32];
    uint32_t *ids, *order, *rows, *start;
    uint32_t unique;
} batch;

static batch make_batch(const embedding_case *c)
{
    batch b = {.n = c->samples * c->fields};
    const size_t bytes = sizeof(uint32_t) * (size_t)(b.n + 1);
    b.ids = malloc(bytes), b.order = malloc(bytes), b.rows = malloc(bytes);
    b.start = malloc(bytes);
    float *noise = host_filled(b.n, PATTERN_NORMAL, 1);
    for (int64_t f = 0; f < c->fields; f++) {
        const int64_t table = c->tables == IN_TURN      ? f
                              : c->tables == IN_REVERSE ? c->fields - 1 - f
                                                        : 0;
        b.row_offset[f] = table * c->vocabulary;
    }
    for (int64_t i = 0; i < b.n; i++) {
        const double u = fabs(fmod((double)noise[i] * 1000, 1.0));
        b.ids[i] = (uint32_t)((double)c->vocabulary * pow(u, c->skew));
    }
    free(noise);
    return b;
}

static uint64_t key_of(const embedding_case *c, const batch *b, uint32_t entry)
{
    return (uint64_t)b->row_offset[entry % c->fields] + b->ids[entry];
}

static const embedding_case *sorting;
static const batch *sorted;

static int by_key(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const uint64_t kx = key_of(sorting, sorted, x), ky = key_of(sorting, sorted, y);
    return kx != ky ? (kx < ky ? -1 : 1) : (x > y) - (x < y);
}

/* The contract: qsort by (key, place), which is a stable sort by key. */
static void naive_sort(const embedding_case *c, batch *b)
{
    for (int64_t i = 0; i < b->n; i++) b->order[i] = (uint32_t)i;
    sorting = c;
    sorted = b;
    qsort(b->order, (size_t)b->n, sizeof *b->order, by_key);
    for (int64_t i = 0; i < b->n; i++) {
        const uint64_t key = key_of(c, b, b->order[i]);
        if (i > 0 && key == key_of(c, b, b->order[i - 1])) continue;
        b->rows[b->unique] = (uint32_t)key;
        b->start[b->unique++] = (uint32_t)i;
    }
    b->start[b->unique] = (uint32_t)b->n;
}

static void free_batch(batch *b) { free(b->ids), free(b->order), free(b->rows), free(b->start); }

/* The first `count` numbers on the backend are these. */
static void expect_words(rmx_backend *backend, const char *name, const char *what,
                         const uint32_t *got, const uint32_t *expected, int64_t count)
{
    uint32_t *host = malloc(sizeof *host * (size_t)(count + 1));
    testing_get(backend, host, got, sizeof *host * (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        cr_assert_eq(host[i], expected[i], "%s: %s[%lld]", name, what, (long long)i);
    }
    free(host);
}

static void grad_case(rmx_backend *backend, const char *name, const embedding_case *c,
                      const batch *b, const rmx_embedding_sort_args *sort, int64_t width,
                      testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t out_width = width * c->fields + 3;
    int32_t column[32];
    for (int64_t f = 0; f < c->fields; f++) column[f] = (int32_t)((c->fields - 1 - f) * width + 3);
    float *dout = host_filled(c->samples * out_width, pattern, 2);
    float *grad = host_floats(b->n * width); /* NaN where nothing is written */
    for (int64_t u = 0; u < b->unique; u++) {
        for (int64_t j = 0; j < width; j++) {
            float sum = 0.0f;
            for (uint32_t i = b->start[u]; i < b->start[u + 1]; i++) {
                const int64_t sample = b->order[i] / c->fields, f = b->order[i] % c->fields;
                sum = sum + dout[sample * out_width + column[f] + j];
            }
            grad[u * width + j] = sum;
        }
    }
    const rmx_embedding_grad_args args = {
        .samples = c->samples,
        .fields = c->fields,
        .width = width,
        .out_width = out_width,
        .column = kernel_put(&all, column, sizeof *column * (size_t)c->fields),
        .dout = kernel_floats(&all, dout, c->samples * out_width),
        .order = sort->order,
        .start = sort->start,
        .unique = sort->unique,
        .grad = kernel_floats(&all, NULL, b->n * width)};
    cr_assert_eq(backend->ops->embedding_grad(backend, &args), RMX_OK);
    kernel_expect(backend, args.grad, grad, b->n * width, name, testing_pattern_name(pattern));
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(dout), free(grad);
}

static void run_case(rmx_backend *backend, const char *name, const embedding_case *c)
{
    kernel_operands all = {.backend = backend};
    batch b = make_batch(c);
    naive_sort(c, &b);
    const size_t bytes = sizeof(uint32_t) * (size_t)b.n;
    const rmx_embedding_sort_args args = {
        .samples = c->samples,
        .fields = c->fields,
        .table_rows = c->fields * c->vocabulary,
        .row_offset = kernel_put(&all, b.row_offset, sizeof b.row_offset),
        .ids = kernel_put(&all, b.ids, bytes),
        .order = kernel_put(&all, NULL, bytes),
        .rows = kernel_put(&all, NULL, bytes),
        .start = kernel_put(&all, NULL, bytes + sizeof(uint32_t)),
        .unique = kernel_put(&all, NULL, sizeof(uint32_t)),
        .ws =
            kernel_put(&all, NULL, backend->ops->embedding_sort_workspace(c->samples, c->fields))};
    cr_assert_eq(backend->ops->embedding_sort(backend, &args), RMX_OK);
    expect_words(backend, name, "unique", args.unique, &b.unique, 1);
    expect_words(backend, name, "order", args.order, b.order, b.n);
    expect_words(backend, name, "rows", args.rows, b.rows, b.unique);
    expect_words(backend, name, "start", args.start, b.start, b.unique + 1);
    for (testing_pattern p = 0; p < PATTERN_COUNT; p++) {
        const int64_t width = p == PATTERN_NORMAL ? 16 : 1 + (int64_t)p * 3;
        grad_case(backend, name, c, &b, &args, width, p);
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_batch(&b);
}

static void all_cases(rmx_backend *backend, const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(backend, name, &cases[i]);
}

Test(embedding_kernel, contract) { kernel_each(all_cases); }
