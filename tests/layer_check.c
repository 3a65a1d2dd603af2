/* SPDX-License-Identifier: MIT */
/* layer_check.c: see layer_check.h. */
#include "layer_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "testing.h"

void *layer_slot(layer *l, int slot, size_t bytes)
{
    if (!l->slot[slot]) l->slot[slot] = operands_bytes(&l->all, bytes);
    return l->slot[slot];
}

float *layer_floats(layer *l, int slot, int64_t count)
{
    return layer_slot(l, slot, (size_t)count * sizeof(float));
}

typedef struct run {
    layer *l;
    float *host[GRADCHECK_INPUTS];
} run;

static void forward(void *user, float *y)
{
    run *r = user;
    layer *l = r->l;
    for (int i = 0; i < l->inputs; i++)
        operands_must(l->ctx, rmx_upload(l->ctx, l->in[i], r->host[i],
                                         (size_t)l->input[i].count * sizeof(float)));
    l->forward(l);
    operands_get(&l->all, y, l->y, (size_t)l->outputs * sizeof(float));
}

static float *host_floats(int64_t count, uint64_t seed)
{
    float *values = malloc((size_t)count * sizeof *values);
    if (!values) abort();
    testing_fill(values, count, PATTERN_NORMAL, seed);
    return values;
}

static bool check_on(layer *l, rmx_context *ctx)
{
    run r = {.l = l};
    gradcheck check = {.name = l->name,
                       .inputs = l->inputs,
                       .outputs = l->outputs,
                       .units = l->units > 0.0 ? l->units : 8.0,
                       .step = l->step > 0.0 ? l->step : 0x1p-7,
                       .forward = forward,
                       .user = &r};
    l->ctx = ctx;
    operands_begin(&l->all, ctx);
    for (int i = 0; i < l->inputs; i++) {
        const int64_t count = l->input[i].count;
        r.host[i] = host_floats(count, (uint64_t)i + 1);
        l->in[i] = operands_put(&l->all, r.host[i], count);
        l->d[i] = operands_zeros(&l->all, count);
    }
    float *dy = host_floats(l->outputs, 100), *y = host_floats(l->outputs, 101);
    l->dy = operands_put(&l->all, dy, l->outputs);
    l->y = operands_new(&l->all, l->outputs);
    forward(&r, y);
    l->backward(l);
    for (int i = 0; i < l->inputs; i++) {
        float *gradient = malloc((size_t)l->input[i].count * sizeof *gradient);
        if (!gradient) abort();
        operands_get(&l->all, gradient, l->d[i], (size_t)l->input[i].count * sizeof *gradient);
        check.input[i] =
            (gradcheck_input){l->input[i].name, r.host[i], gradient, l->input[i].count};
    }
    check.dy = dy;
    bool good = gradcheck_run_and_spoil(&check);
    good = operands_free(&l->all) && good;
    for (int i = 0; i < l->inputs; i++) {
        free((void *)(uintptr_t)check.input[i].gradient);
        free(r.host[i]);
    }
    free(dy);
    free(y);
    return good;
}

bool layer_check(const layer *given)
{
    bool good = true;
    for (int i = 0; i < OPERANDS_CONTEXTS; i++) {
        rmx_context *ctx = operands_context(i);
        if (!ctx) continue;
        layer l = *given;
        if (!check_on(&l, ctx)) {
            fprintf(stderr, "%s: wrong on %s\n", l.name, rmx_context_describe(ctx));
            good = false;
        }
        rmx_context_destroy(ctx);
    }
    return good;
}
