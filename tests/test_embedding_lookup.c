/* SPDX-License-Identifier: MIT */
/* test_embedding_lookup.c: embedding rows and dense values in their columns, +0 elsewhere. */
#include "kernel_testing.h"

enum { FIELDS = 3, DENSE = 2, ROWS = 40 };

typedef struct features_case {
    int64_t samples, width, out_width;
    int32_t column[FIELDS], dense_column[DENSE];
} features_case;

static const features_case cases[] = {
    {0, 4, 14, {0, 4, 8}, {12, 13}},   {1, 1, 8, {7, 0, 3}, {5, 1}},
    {5, 4, 16, {8, 0, 4}, {15, 12}},   {300, 16, 64, {0, 16, 32}, {50, 60}},
    {129, 7, 31, {1, 9, 20}, {0, 30}}, {40, 64, 300, {100, 0, 200}, {64, 299}},
};
enum { CASES = sizeof cases / sizeof *cases };

static void contract_case(rmx_backend *backend, const char *name, int i)
{
    static const int64_t row_offset[FIELDS] = {0, 10, 15}, vocabulary[FIELDS] = {10, 5, 25};
    const features_case *c = &cases[i];
    kernel_operands all = {.backend = backend};
    float *table = host_filled(ROWS * c->width, PATTERN_SPECIAL, 1);
    float *dense = host_filled(c->samples * DENSE, PATTERN_SPECIAL, 2);
    uint32_t *ids = malloc(sizeof *ids * (size_t)(c->samples * FIELDS + 1));
    for (int64_t b = 0; b < c->samples; b++)
        for (int f = 0; f < FIELDS; f++)
            ids[b * FIELDS + f] = (uint32_t)((b * 7 + f * 3) % vocabulary[f]);
    const rmx_embedding_lookup_args args = {
        .samples = c->samples,
        .fields = FIELDS,
        .width = c->width,
        .dense_fields = DENSE,
        .out_width = c->out_width,
        .table = kernel_floats(&all, table, ROWS * c->width),
        .row_offset = kernel_put(&all, row_offset, sizeof row_offset),
        .column = kernel_put(&all, c->column, sizeof c->column),
        .dense_column = kernel_put(&all, c->dense_column, sizeof c->dense_column),
        .ids = kernel_put(&all, ids, sizeof *ids * (size_t)(c->samples * FIELDS)),
        .dense = kernel_floats(&all, dense, c->samples * DENSE),
        .out = kernel_floats(&all, NULL, c->samples * c->out_width)};
    cr_assert_eq(backend->ops->embedding_lookup(backend, &args), RMX_OK);
    kernel_compare(backend, args.out, c->samples * c->out_width, name, "features");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(table), free(dense), free(ids);
}

Test(features, contract) { kernel_cases(CASES, contract_case); }

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

Test(features, one_kind_only) { kernel_each(one_kind_only); }
