/* SPDX-License-Identifier: MIT */
/* test_embedding.c: lookups, the rows that a batch touches, and their gradients. */
#include "cases_features.h"
#include "kernel_testing.h"
#include "layer_testing.h"
#include "rankmixer/embedding.h"
#include "rankmixer/tokenizer.h"
#include "refusals.h"

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
    const embedding_case *c = &embedding_cases[i];
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

Test(embedding, kernels_have_reference_bits)
{
    kernel_cases(CASES(embedding_cases), contract_case);
}

/* ---- lookup -------------------------------------------------------------------------------- */

enum { LOOKUP_FIELDS = 3, LOOKUP_DENSE = 2, LOOKUP_ROWS = 40 };

static void lookup_case(rmx_backend *backend, const char *name, int i)
{
    static const int64_t row_offset[LOOKUP_FIELDS] = {0, 10, 15},
                         vocabulary[LOOKUP_FIELDS] = {10, 5, 25};
    const embedding_lookup_case *c = &embedding_lookup_cases[i];
    kernel_operands all = {.backend = backend};
    float *table = host_filled(LOOKUP_ROWS * c->width, PATTERN_SPECIAL, 1);
    float *dense = host_filled(c->samples * LOOKUP_DENSE, PATTERN_SPECIAL, 2);
    uint32_t *ids = malloc(sizeof *ids * (size_t)(c->samples * LOOKUP_FIELDS + 1));
    for (int64_t b = 0; b < c->samples; b++)
        for (int f = 0; f < LOOKUP_FIELDS; f++)
            ids[b * LOOKUP_FIELDS + f] = (uint32_t)((b * 7 + f * 3) % vocabulary[f]);
    const rmx_embedding_lookup_args args = {
        .samples = c->samples,
        .fields = LOOKUP_FIELDS,
        .width = c->width,
        .dense_fields = LOOKUP_DENSE,
        .out_width = c->out_width,
        .table = kernel_floats(&all, table, LOOKUP_ROWS * c->width),
        .row_offset = kernel_put(&all, row_offset, sizeof row_offset),
        .column = kernel_put(&all, c->column, sizeof c->column),
        .dense_column = kernel_put(&all, c->dense_column, sizeof c->dense_column),
        .ids = kernel_put(&all, ids, sizeof *ids * (size_t)(c->samples * LOOKUP_FIELDS)),
        .dense = kernel_floats(&all, dense, c->samples * LOOKUP_DENSE),
        .out = kernel_floats(&all, NULL, c->samples * c->out_width)};
    cr_assert_eq(backend->ops->embedding_lookup(backend, &args), RMX_OK);
    kernel_compare(backend, args.out, c->samples * c->out_width, name, "features");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(table), free(dense), free(ids);
}

Test(embedding, lookup_has_reference_bits)
{
    kernel_cases(CASES(embedding_lookup_cases), lookup_case);
}

/* A model may have no dense values, or no ids. */
static void one_kind_only(rmx_backend *backend, const char *name)
{
    kernel_operands all = {.backend = backend};
    float dense[4] = {1, 2, 3, 4}, expected[6] = {0, 1, 2, 0, 3, 4}, table[2] = {5, 6};
    const int32_t dense_column[2] = {1, 2}, column[1] = {0};
    const uint32_t ids[2] = {1, 0};
    const int64_t row_offset[1] = {0};
    rmx_embedding_lookup_args args = {.samples = 2,
                                      .dense_fields = 2,
                                      .out_width = 3,
                                      .dense_column =
                                          kernel_put(&all, dense_column, sizeof dense_column),
                                      .dense = kernel_floats(&all, dense, 4),
                                      .out = kernel_floats(&all, NULL, 6)};
    cr_assert_eq(backend->ops->embedding_lookup(backend, &args), RMX_OK);
    kernel_expect(backend, args.out, expected, 6, name, "dense only");
    args =
        (rmx_embedding_lookup_args){.samples = 2,
                                    .fields = 1,
                                    .width = 1,
                                    .out_width = 1,
                                    .table = kernel_floats(&all, table, 2),
                                    .row_offset = kernel_put(&all, row_offset, sizeof row_offset),
                                    .column = kernel_put(&all, column, sizeof column),
                                    .ids = kernel_put(&all, ids, sizeof ids),
                                    .out = args.out};
    cr_assert_eq(backend->ops->embedding_lookup(backend, &args), RMX_OK);
    const float swapped[6] = {6, 5, 2, 0, 3, 4};
    kernel_expect(backend, args.out, swapped, 6, name, "ids only");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

Test(embedding, lookup_one_kind_only) { kernel_each(one_kind_only); }

/* ---- the layer, within a tokenizer: its inputs are the table and the dense values ---------- */

enum { SPARSE = 3, DENSE = 2, E = 4, VOCABULARY = 5, ROWS_TABLE = SPARSE * VOCABULARY };
enum { B = 3, TOKENS = 3, WIDTH = 6 };

typedef struct tokenizer_case {
    rmx_tokenizer_desc desc;
    int32_t column[SPARSE + DENSE];
    uint32_t ids[B * SPARSE];
    rmx_tokenizer_inputs inputs;
    float *features;
} tokenizer_case;

static tokenizer_case make_tokenizer(layer *l)
{
    static const int32_t token_of_field[SPARSE + DENSE] = {0, 1, 1, 2, 0};
    static const int64_t offset[SPARSE] = {0, VOCABULARY, 2 * VOCABULARY};
    tokenizer_case c = {.desc = {.samples = B,
                                 .sparse_fields = SPARSE,
                                 .dense_fields = DENSE,
                                 .embedding_width = E,
                                 .tokens = TOKENS,
                                 .width = WIDTH}};
    operands_must(l->ctx, rmx_tokenizer_layout(l->ctx, &c.desc, token_of_field, c.column, NULL));
    for (int i = 0; i < B * SPARSE; i++) c.ids[i] = (uint32_t)(i * i % VOCABULARY);
    const int64_t *offset_at = layer_put(l, 0, offset, sizeof offset);
    const int32_t *column_at = layer_put(l, 1, c.column, sizeof c.column);
    const uint32_t *ids_at = layer_put(l, 2, c.ids, sizeof c.ids);
    c.inputs = (rmx_tokenizer_inputs){l->in[0], offset_at, column_at, ids_at, l->in[1]};
    c.features = layer_floats(l, 3, B * TOKENS * c.desc.slice);
    return c;
}

static void tokenizer_forward(layer *l)
{
    const tokenizer_case c = make_tokenizer(l);
    operands_must(l->ctx, rmx_tokenizer_forward(l->ctx, &c.desc, &c.inputs, l->in[2], l->in[3],
                                                c.features, l->y));
}

/* The table's gradient comes as rows; the dense fields' lies in dfeatures. */
static void scatter(layer *l, const tokenizer_case *c, const float *dfeatures, operands *more)
{
    const int32_t row_width = TOKENS * c->desc.slice;
    const rmx_embedding_desc desc = {.samples = B,
                                     .fields = SPARSE,
                                     .width = E,
                                     .table_rows = ROWS_TABLE,
                                     .out_width = row_width};
    uint32_t *rows = operands_bytes(more, B * SPARSE * sizeof *rows), touched[B * SPARSE], n;
    uint32_t *unique = operands_bytes(more, sizeof *unique);
    float *gradient = operands_new(more, B * SPARSE * E), host[B * SPARSE * E];
    float table[ROWS_TABLE * E] = {0.0f}, dense[B * DENSE];
    float *features = malloc((size_t)(B * row_width) * sizeof *features);
    const size_t bytes = rmx_embedding_backward_workspace(l->ctx, &desc);
    operands_must(l->ctx, rmx_embedding_backward(l->ctx, &desc, dfeatures, c->inputs.row_offset,
                                                 c->inputs.column, c->inputs.ids, rows, gradient,
                                                 unique, operands_bytes(more, bytes), bytes));
    operands_get(more, &n, unique, sizeof n);
    operands_get(more, touched, rows, sizeof touched);
    operands_get(more, host, gradient, sizeof host);
    operands_get(more, features, dfeatures, (size_t)(B * row_width) * sizeof *features);
    for (uint32_t u = 0; u < n; u++)
        for (uint32_t e = 0; e < E; e++) table[touched[u] * E + e] = host[u * E + e];
    for (int b = 0; b < B; b++)
        for (int j = 0; j < DENSE; j++)
            dense[b * DENSE + j] = features[b * row_width + c->column[SPARSE + j]];
    free(features);
    operands_must(l->ctx, rmx_upload(l->ctx, l->d[0], table, sizeof table));
    operands_must(l->ctx, rmx_upload(l->ctx, l->d[1], dense, sizeof dense));
    operands_must(l->ctx, rmx_sync(l->ctx));
}

static void tokenizer_backward(layer *l)
{
    const tokenizer_case c = make_tokenizer(l);
    operands more;
    operands_begin(&more, l->ctx);
    float *dfeatures = operands_new(&more, B * TOKENS * c.desc.slice);
    const size_t bytes = rmx_tokenizer_backward_workspace(&c.desc);
    operands_must(l->ctx,
                  rmx_tokenizer_backward(l->ctx, &c.desc, l->dy, c.features, l->in[2], dfeatures,
                                         l->d[2], l->d[3], operands_bytes(&more, bytes), bytes));
    scatter(l, &c, dfeatures, &more);
    cr_expect(operands_free(&more));
}

static void make(int i, layer *l)
{
    const int64_t slice = 2 * E; /* token 1 has two sparse fields */
    (void)i;
    l->name = "tokenizer";
    l->forward = tokenizer_forward;
    l->backward = tokenizer_backward;
    l->outputs = B * TOKENS * WIDTH;
    l->gradients = true;
    layer_input(l, "table", ROWS_TABLE * E);
    layer_input(l, "dense", B * DENSE);
    layer_input(l, "w", TOKENS * slice * WIDTH);
    layer_input(l, "b", TOKENS * WIDTH);
}

LAYER_TESTS(embedding, make, 1)

Test(embedding, refusals)
{
    refusals t = refusals_begin();
    const rmx_embedding_desc good = {
        .samples = 2, .fields = 2, .width = 4, .table_rows = 8, .out_width = 8};
    rmx_embedding_desc bad[5] = {good, good, good, good, good};
    static const char *const text[5] = {"desc.samples = -1", "desc.fields = 0", "desc.width = 0",
                                        "desc.table_rows = 0", "desc.out_width = 0"};
    const int64_t *offset = operands_put_bytes(&t.all, (int64_t[2]){0, 4}, 16);
    const int32_t *column = operands_put_bytes(&t.all, (int32_t[2]){0, 4}, 8);
    const uint32_t *ids = operands_put_bytes(&t.all, (uint32_t[4]){0}, 16);
    uint32_t *rows = operands_bytes(&t.all, 16), *unique = operands_bytes(&t.all, 4);
    bad[0].samples = -1;
    bad[1].fields = 0;
    bad[2].width = 0;
    bad[3].table_rows = 0;
    bad[4].out_width = 0;
    for (int i = 0; i < 5; i++) {
        REFUSES(rmx_embedding_forward(t.ctx, &bad[i], t.a, offset, column, ids, t.out), text[i]);
        cr_expect_eq(rmx_embedding_backward_workspace(t.ctx, &bad[i]), 0);
    }
    REFUSES(rmx_embedding_forward(t.ctx, NULL, t.a, offset, column, ids, t.out), "desc: NULL");
    REFUSES(rmx_embedding_forward(t.ctx, &good, NULL, offset, column, ids, t.out), "table: NULL");
    REFUSES(rmx_embedding_forward(t.ctx, &good, t.a, NULL, column, ids, t.out),
            "row_offset: NULL");
    REFUSES(rmx_embedding_forward(t.ctx, &good, t.a, offset, NULL, ids, t.out), "column: NULL");
    REFUSES(rmx_embedding_forward(t.ctx, &good, t.a, offset, column, NULL, t.out), "ids: NULL");
    REFUSES(rmx_embedding_forward(t.ctx, &good, t.out, offset, column, ids, t.out),
            "overlaps table");
    const size_t bytes = rmx_embedding_backward_workspace(t.ctx, &good);
    REFUSES(rmx_embedding_backward(t.ctx, &good, NULL, offset, column, ids, rows, t.out, unique,
                                   t.ws, bytes),
            "dout: NULL");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_embedding_backward(t.ctx, &good, t.a, offset, column, ids, rows, t.out, unique,
                                      t.ws, bytes - 1),
               "ask rmx_embedding_backward_workspace");
    refusals_end(&t);
}
