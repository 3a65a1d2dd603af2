/* SPDX-License-Identifier: MIT */
/* layer_testing.c: see layer_testing.h. */
#include "layer_testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void layer_input(layer *l, const char *name, int64_t count)
{
    if (l->inputs == GRADCHECK_INPUTS) abort();
    l->input[l->inputs].name = name;
    l->input[l->inputs++].count = count;
}

void *layer_slot(layer *l, int slot, size_t bytes)
{
    if (!l->slot[slot]) l->slot[slot] = operands_bytes(&l->all, bytes);
    return l->slot[slot];
}

float *layer_floats(layer *l, int slot, int64_t count)
{
    return layer_slot(l, slot, (size_t)count * sizeof(float));
}

void *layer_put(layer *l, int slot, const void *host, size_t bytes)
{
    if (!l->slot[slot]) l->slot[slot] = operands_put_bytes(&l->all, host, bytes);
    return l->slot[slot];
}

double layer_golden_max(const layer *l, const char *tensor)
{
    const golden_tensor t = golden_read(l->file, l->golden, tensor);
    return golden_max(&t);
}

/* ---- contexts ------------------------------------------------------------------------------ */

/* Those of operands.h, and the CPU codes that the machine's best hides; NULL: there is none. */
enum { CONTEXTS = OPERANDS_CONTEXTS + 2 };

static rmx_context *context(int i)
{
    static const char *const codes[] = {"avx2", "avx512"};
    if (i < OPERANDS_CONTEXTS) return operands_context(i);
    const rmx_context_options options = {
        .device = RMX_DEVICE_CPU, .threads = 2, .cpu_code = codes[i - OPERANDS_CONTEXTS]};
    rmx_context *ctx = NULL;
    return rmx_context_create(&options, &ctx, NULL, 0) == RMX_OK ? ctx : NULL;
}

void layer_on_contexts(void (*test)(rmx_context *ctx, operands *all))
{
    for (int i = 0; i < OPERANDS_CONTEXTS; i++) {
        rmx_context *ctx = operands_context(i);
        if (!ctx) continue;
        operands all;
        operands_begin(&all, ctx);
        test(ctx, &all);
        if (!operands_free(&all)) {
            fprintf(stderr, "on %s\n", rmx_context_describe(ctx));
            abort();
        }
        rmx_context_destroy(ctx);
    }
}

/* ---- one layer on one context -------------------------------------------------------------- */

static float *host_floats(int64_t count)
{
    float *values = malloc((size_t)(count + 1) * sizeof *values);
    if (!values) abort();
    return values;
}

/* The tensors named in names, one after another. */
static float *from_golden(const layer *l, const char *names, int64_t count)
{
    char list[GOLDEN_NAME], *at = list;
    int64_t used = 0;
    float *values = host_floats(count);
    snprintf(list, sizeof list, "%s", names);
    for (char *name; (name = strtok_r(at, " ", &at));) {
        const golden_tensor t = golden_read(l->file, l->golden, name);
        if (!t.values || used + t.count > count) {
            fprintf(stderr, "%s/%s: not there, or too large\n", l->golden, name);
            abort();
        }
        memcpy(values + used, t.floats, (size_t)t.count * sizeof *values);
        used += t.count;
    }
    if (used != count) {
        fprintf(stderr, "%s/%s: %lld values, not %lld\n", l->golden, names, (long long)used,
                (long long)count);
        abort();
    }
    return values;
}

/* Inputs and dy of a pattern, or, with a file, of the golden case; kept on the host in value[],
 * whose last is dy. A golden case without dy is a loss: dy = 1. */
static void begin(layer *l, rmx_context *ctx, testing_pattern pattern,
                  float *value[GRADCHECK_INPUTS + 1])
{
    l->ctx = ctx;
    operands_begin(&l->all, ctx);
    for (int i = 0; i <= l->inputs; i++) {
        const bool dy = i == l->inputs;
        const char *name = dy ? "dy" : l->input[i].name;
        const int64_t count = dy ? l->outputs : l->input[i].count;
        if (l->file && (!dy || golden_read(l->file, l->golden, name).values)) {
            value[i] = from_golden(l, name, count);
        } else {
            value[i] = host_floats(count);
            testing_fill(value[i], count, pattern, dy ? 100 : (uint64_t)i + 1);
            for (int64_t j = 0; l->file && j < count; j++) value[i][j] = 1.0f;
        }
        if (dy) break;
        l->in[i] = operands_put(&l->all, value[i], count);
        l->d[i] = operands_zeros(&l->all, count);
    }
    l->dy = operands_put(&l->all, value[l->inputs], l->outputs);
    l->y = operands_new(&l->all, l->outputs);
}

static bool end(layer *l, float *value[GRADCHECK_INPUTS + 1])
{
    for (int i = 0; i <= l->inputs; i++) free(value[i]);
    return operands_free(&l->all);
}

/* On the host: result -1 is y, result i the gradient of input i. */
static float *result(layer *l, int i)
{
    const int64_t count = i < 0 ? l->outputs : l->input[i].count;
    float *got = host_floats(count);
    operands_get(&l->all, got, i < 0 ? l->y : l->d[i], (size_t)count * sizeof *got);
    return got;
}

/* Runs check of every case on every context; says where it failed. */
static bool everywhere(layer_maker *make, int cases, bool (*wanted)(const layer *l),
                       bool (*check)(layer *l, rmx_context *ctx))
{
    bool good = true;
    int checked = 0;
    for (int c = 0; c < CONTEXTS; c++) {
        rmx_context *ctx = context(c);
        for (int i = 0; ctx && i < cases; i++) {
            layer l = {.units = 8.0, .step = 0x1p-7};
            make(i, &l);
            if (!wanted(&l)) continue;
            checked++;
            if (check(&l, ctx)) continue;
            fprintf(stderr, "%s: case %d: wrong on %s\n", l.name, i, rmx_context_describe(ctx));
            good = false;
        }
        if (ctx) rmx_context_destroy(ctx);
    }
    return good && checked > 0;
}

/* ---- bits ---------------------------------------------------------------------------------- */

static void run(layer *l)
{
    l->forward(l);
    l->backward(l);
}

static bool same_bits(layer *l, layer *reference, int i)
{
    const int64_t count = i < 0 ? l->outputs : l->input[i].count;
    float *got = result(l, i), *expected = result(reference, i);
    const int64_t at = testing_first_difference(got, expected, count);
    bool good = at < 0;
    if (!good)
        fprintf(stderr, "%s: %s%s[%lld] is %a, not %a\n", l->name, i < 0 ? "y" : "d_",
                i < 0 ? "" : l->input[i].name, (long long)at, (double)got[at],
                (double)expected[at]);
    else if (!testing_sees_flipped_bit(got, expected, count))
        good = false;
    free(got);
    free(expected);
    return good;
}

/* The reference is context 0. */
static bool has_reference_bits(layer_maker *make, int i, testing_pattern pattern,
                               rmx_context *const ctx[CONTEXTS])
{
    float *value[GRADCHECK_INPUTS + 1];
    layer reference = {.units = 8.0};
    bool good = true;
    make(i, &reference);
    begin(&reference, ctx[0], pattern, value);
    run(&reference);
    for (int c = 1; c < CONTEXTS; c++) {
        float *values_here[GRADCHECK_INPUTS + 1];
        layer here = {.units = 8.0};
        bool same = true;
        if (!ctx[c]) continue;
        make(i, &here);
        begin(&here, ctx[c], pattern, values_here);
        run(&here);
        for (int r = -1; r < here.inputs; r++) same = same_bits(&here, &reference, r) && same;
        same = end(&here, values_here) && same;
        if (!same)
            fprintf(stderr, "%s: case %d, %s values: wrong on %s\n", here.name, i,
                    testing_pattern_name(pattern), rmx_context_describe(ctx[c]));
        good = good && same;
    }
    return end(&reference, value) && good;
}

bool layers_have_reference_bits(layer_maker *make, int cases)
{
    static const testing_pattern patterns[] = {PATTERN_NORMAL, PATTERN_WIDE, PATTERN_SPECIAL};
    rmx_context *ctx[CONTEXTS];
    bool good = true;
    for (int c = 0; c < CONTEXTS; c++) ctx[c] = context(c);
    for (int i = 0; i < cases; i++)
        for (int p = 0; p < 3; p++) good = has_reference_bits(make, i, patterns[p], ctx) && good;
    for (int c = 0; c < CONTEXTS; c++)
        if (ctx[c]) rmx_context_destroy(ctx[c]);
    return good && cases > 0;
}

/* ---- differences --------------------------------------------------------------------------- */

typedef struct differences {
    layer *l;
    float **value;
} differences;

static void forward(void *user, float *y)
{
    differences *of = user;
    layer *l = of->l;
    for (int i = 0; i < l->inputs; i++)
        operands_must(l->ctx, rmx_upload(l->ctx, l->in[i], of->value[i],
                                         (size_t)l->input[i].count * sizeof(float)));
    l->forward(l);
    operands_get(&l->all, y, l->y, (size_t)l->outputs * sizeof(float));
}

static bool matches_differences(layer *l, rmx_context *ctx)
{
    float *value[GRADCHECK_INPUTS + 1], *gradient[GRADCHECK_INPUTS];
    differences of = {l, value};
    gradcheck check = {.name = l->name,
                       .inputs = l->inputs,
                       .outputs = l->outputs,
                       .units = l->units,
                       .step = l->step,
                       .forward = forward,
                       .user = &of};
    begin(l, ctx, PATTERN_NORMAL, value);
    run(l);
    for (int i = 0; i < l->inputs; i++) {
        gradient[i] = result(l, i);
        check.input[i] =
            (gradcheck_input){l->input[i].name, value[i], gradient[i], l->input[i].count};
    }
    check.dy = value[l->inputs];
    const bool good = gradcheck_run_and_spoil(&check);
    for (int i = 0; i < l->inputs; i++) free(gradient[i]);
    return end(l, value) && good;
}

static bool has_gradients(const layer *l) { return l->gradients; }

bool layers_match_differences(layer_maker *make, int cases)
{
    return everywhere(make, cases, has_gradients, matches_differences);
}

/* ---- golden values ------------------------------------------------------------------------- */

static bool near(const layer *l, const char *tensor, const float *got, layer_bound bound)
{
    if (bound.units > 0.0)
        return golden_close_to(l->file, l->golden, tensor, got, bound.units, bound.scale);
    const golden_tensor t = golden_read(l->file, l->golden, tensor);
    return t.values && memcmp(got, t.floats, (size_t)t.count * sizeof *got) == 0;
}

/* The gradients of the tensors that an input consists of. */
static bool gradient_near(layer *l, int i)
{
    char list[GOLDEN_NAME], tensor[GOLDEN_NAME], *at = list;
    float *got = result(l, i);
    int64_t used = 0;
    layer_bound bound = {0};
    bool good = true;
    snprintf(list, sizeof list, "%s", l->input[i].name);
    for (char *name; (name = strtok_r(at, " ", &at));) {
        snprintf(tensor, sizeof tensor, "d_%.32s", name);
        if (used == 0) bound = l->bound(l, tensor);
        if (used == 0 && bound.scale == 0.0) bound.scale = layer_golden_max(l, tensor);
        good = near(l, tensor, got + used, bound) && good;
        used += golden_read(l->file, l->golden, tensor).count;
    }
    free(got);
    return good && used == l->input[i].count;
}

static bool matches_golden(layer *l, rmx_context *ctx)
{
    float *value[GRADCHECK_INPUTS + 1];
    l->file = golden_open(testing_path("tests/golden/golden.h5"));
    if (!l->file) return false;
    begin(l, ctx, PATTERN_NORMAL, value);
    run(l);
    float *y = result(l, -1);
    bool good = near(l, "y", y, l->bound(l, "y"));
    for (int i = 0; i < l->inputs; i++) good = gradient_near(l, i) && good;
    good = end(l, value) && good;
    golden_close(l->file);
    free(y);
    return good;
}

static bool has_golden(const layer *l) { return l->golden != NULL; }

/* Every case of the group is the name of a layer. */
static bool all_there(layer_maker *make, int cases, const char *group)
{
    golden *file = golden_open(testing_path("tests/golden/golden.h5"));
    char names[GOLDEN_CASES][GOLDEN_NAME];
    const int count = file ? golden_cases(file, group, names) : 0;
    int found = 0;
    for (int i = 0; i < cases; i++) {
        layer l = {.units = 8.0};
        make(i, &l);
        for (int n = 0; l.golden && n < count; n++) found += strcmp(l.golden, names[n]) == 0;
    }
    if (found != count || count == 0)
        fprintf(stderr, "%s: %d golden cases, %d in the table\n", group, count, found);
    golden_close(file);
    return found == count && count > 0;
}

bool layers_match_golden(layer_maker *make, int cases, const char *const *groups)
{
    bool good = true;
    for (; *groups; groups++) good = all_there(make, cases, *groups) && good;
    return everywhere(make, cases, has_golden, matches_golden) && good;
}
