/* SPDX-License-Identifier: MIT */
/* refusals.h: what the public layers refuse. The text of a refusal must name the argument and its
 * value, and nothing may have been written. */
#ifndef RMX_REFUSALS_H
#define RMX_REFUSALS_H

#include <criterion/criterion.h>
#include <string.h>

#include "operands.h"

#define SHAPE(...) \
    (int64_t[]) { __VA_ARGS__ }
#define REFUSALS_COUNT 64

/* Three inputs of REFUSALS_COUNT zeros and an output and a workspace of NaNs, on the CPU: checks
 * come before a backend is asked. */
typedef struct refusals {
    rmx_context *ctx;
    operands all;
    float *a, *b, *c, *out;
    void *ws;
} refusals;

static inline refusals refusals_begin(void)
{
    refusals t = {.ctx = operands_context(0)};
    operands_begin(&t.all, t.ctx);
    t.a = operands_zeros(&t.all, REFUSALS_COUNT);
    t.b = operands_zeros(&t.all, REFUSALS_COUNT);
    t.c = operands_zeros(&t.all, REFUSALS_COUNT);
    t.out = operands_new(&t.all, REFUSALS_COUNT);
    t.ws = operands_bytes(&t.all, 1 << 16);
    return t;
}

static inline void refusals_end(refusals *t)
{
    cr_expect(operands_untouched(&t->all, t->out, REFUSALS_COUNT),
              "a refused call wrote its output");
    cr_expect(operands_free(&t->all));
    rmx_context_destroy(t->ctx);
}

/* For a refusals t. */
#define REFUSES_AS(status, call, text)                                                            \
    do {                                                                                          \
        const rmx_status got_ = (call);                                                           \
        cr_expect_eq(got_, status, "%s: %s", #call, rmx_status_name(got_));                       \
        cr_expect(strstr(rmx_last_error(t.ctx), text) != NULL, "%s: \"%s\" has no \"%s\"", #call, \
                  rmx_last_error(t.ctx), text);                                                   \
    } while (0)
#define REFUSES(call, text) REFUSES_AS(RMX_ERR_ARGUMENT, call, text)
#define ACCEPTS(call) operands_must(t.ctx, call)

static inline rmx_tensor view2(float *data, int64_t rows, int64_t columns)
{
    return rmx_tensor_of(RMX_F32, data, 2, SHAPE(rows, columns));
}

static inline rmx_tensor view3(float *data, int64_t a, int64_t b, int64_t c)
{
    return rmx_tensor_of(RMX_F32, data, 3, SHAPE(a, b, c));
}

#endif /* RMX_REFUSALS_H */
