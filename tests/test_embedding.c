/* SPDX-License-Identifier: MIT */
/* test_embedding.c: the rows that a batch touches, and their gradients. */
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
enum { CASES = sizeof cases / sizeof *cases };

typedef struct batch { /* on the host */
    int64_t n;
    int64_t row_offset[32];
    uint32_t *ids;
} batch;

static batch make_batch(const embedding_case *c)
{
    batch b = {.n = c->samples * c->fields};
    b.ids = malloc(sizeof(uint32_t) * (size_t)(b.n + 1));
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

/* What a sort is, whoever did it: all entries, by key, equal keys in their order; and the runs of
 * equal keys. */
static void expect_sorted(rmx_backend *backend, const char *name, const embedding_case *c,
                          const batch *b, const rmx_embedding_sort_args *sort)
{
    const size_t bytes = sizeof(uint32_t) * (size_t)(b->n + 1);
    uint32_t *order = malloc(bytes), *rows = malloc(bytes), *start = malloc(bytes), unique;
    testing_get(backend, order, sort->order, bytes - sizeof *order);
    testing_get(backend, rows, sort->rows, bytes - sizeof *rows);
    testing_get(backend, start, sort->start, bytes);
    testing_get(backend, &unique, sort->unique, sizeof unique);
    cr_assert(start[0] == 0 && start[unique] == b->n, "%s: runs", name);
    uint64_t before = 0;
    for (uint32_t u = 0; u < unique; u++) {
        cr_assert(u == 0 || rows[u] > before, "%s: row %u", name, u);
        cr_assert(start[u] < start[u + 1], "%s: run %u", name, u);
        before = rows[u];
        for (uint32_t i = start[u]; i < start[u + 1]; i++) {
            const uint64_t key = (uint64_t)b->row_offset[order[i] % c->fields] + b->ids[order[i]];
            cr_assert_eq(key, rows[u], "%s: entry %u", name, i);
            cr_assert(i == start[u] || order[i] > order[i - 1], "%s: entry %u", name, i);
        }
    }
    free(order), free(rows), free(start);
}

static void grad_case(rmx_backend *backend, const char *name, const embedding_case *c,
                      const rmx_embedding_sort_args *sort, int64_t width, testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t out_width = width * c->fields + 3, entries = c->samples * c->fields;
    int32_t column[32];
    for (int64_t f = 0; f < c->fields; f++) column[f] = (int32_t)((c->fields - 1 - f) * width + 3);
    float *dout = host_filled(c->samples * out_width, pattern, 2);
    const rmx_embedding_gradient_args args = {
        .samples = c->samples,
        .fields = c->fields,
        .width = width,
        .out_width = out_width,
        .column = kernel_put(&all, column, sizeof *column * (size_t)c->fields),
        .dout = kernel_floats(&all, dout, c->samples * out_width),
        .order = sort->order,
        .start = sort->start,
        .unique = sort->unique,
        .grad = kernel_floats(&all, NULL, entries * width)}; /* stays NaN beyond *unique rows */
    cr_assert_eq(backend->ops->embedding_gradient(backend, &args), RMX_OK);
    kernel_compare(backend, args.grad, entries * width, name, testing_pattern_name(pattern));
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(dout);
}

static void contract_case(rmx_backend *backend, const char *name, int i)
{
    const embedding_case *c = &cases[i];
    kernel_operands all = {.backend = backend};
    batch b = make_batch(c);
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
        .ws = kernel_put(&all, NULL, backend->ops->embedding_sort_scratch(c->samples, c->fields))};
    uint32_t unique;
    cr_assert_eq(backend->ops->embedding_sort(backend, &args), RMX_OK);
    if (kernel_is_reference(backend)) expect_sorted(backend, name, c, &b, &args);
    testing_get(backend, &unique, args.unique, sizeof unique);
    kernel_compare_words(backend, args.unique, 1, name, "unique");
    kernel_compare_words(backend, args.order, b.n, name, "order");
    kernel_compare_words(backend, args.rows, unique, name, "rows");
    kernel_compare_words(backend, args.start, (int64_t)unique + 1, name, "start");
    for (testing_pattern p = 0; p < PATTERN_COUNT; p++) {
        const int64_t width = p == PATTERN_NORMAL ? 16 : 1 + (int64_t)p * 3;
        grad_case(backend, name, c, &args, width, p);
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(b.ids);
}

Test(embedding_kernel, contract) { kernel_cases(CASES, contract_case); }
