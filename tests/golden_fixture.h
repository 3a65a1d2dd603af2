/* SPDX-License-Identifier: MIT */
/* golden_fixture.h: runs a Criterion test over the golden cases of a group, on every context. */
#ifndef RMX_GOLDEN_FIXTURE_H
#define RMX_GOLDEN_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "golden.h"
#include "operands.h"
#include "testing.h"

typedef struct fixture {
    golden *file;
    rmx_context *ctx;
    operands all;
    const char *name; /* of the case */
} fixture;

typedef void case_test(fixture *f);

/* Runs test for every case of a group on every context; counts them, so that a missing group
 * fails. */
static inline void for_cases(const char *group, int expected, case_test *test)
{
    for (int i = 0; i < OPERANDS_CONTEXTS; i++) {
        fixture f = {.ctx = operands_context(i)};
        if (!f.ctx) continue;
        f.file = golden_open(testing_path("tests/golden/golden.h5"));
        cr_assert_not_null(f.file);
        char names[GOLDEN_CASES][GOLDEN_NAME];
        const int n = golden_cases(f.file, group, names);
        cr_assert_eq(n, expected, "%s: %d cases, expected %d", group, n, expected);
        for (int c = 0; c < n; c++) {
            f.name = names[c];
            operands_begin(&f.all, f.ctx);
            test(&f);
            cr_expect(operands_free(&f.all), "%s on %s", f.name, rmx_context_describe(f.ctx));
        }
        golden_close(f.file);
        rmx_context_destroy(f.ctx);
    }
}

static inline float *put(fixture *f, const char *tensor)
{
    const golden_tensor t = golden_read(f->file, f->name, tensor);
    cr_assert_not_null(t.values, "%s/%s", f->name, tensor);
    return operands_put(&f->all, t.floats, t.count);
}

/* k units of scale for the array at `at`, which has the golden tensor's shape. */
static inline void expect(fixture *f, const char *tensor, const float *at, double k, double scale)
{
    const golden_tensor t = golden_read(f->file, f->name, tensor);
    float *got = malloc((size_t)t.count * sizeof *got);
    operands_get(&f->all, got, at, (size_t)t.count * sizeof *got);
    cr_expect(golden_close_to(f->file, f->name, tensor, got, k, scale), "%s/%s on %s", f->name,
              tensor, rmx_context_describe(f->ctx));
    free(got);
}

static inline double max_of(fixture *f, const char *tensor)
{
    const golden_tensor t = golden_read(f->file, f->name, tensor);
    return golden_max(&t);
}

#endif /* RMX_GOLDEN_FIXTURE_H */
