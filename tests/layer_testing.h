/* SPDX-License-Identifier: MIT */
/* layer_testing.h: the harness of the layers. A layer is two functions over operands on a context,
 * made from a case of a table (cases.h). On every context, its results have the reference's bits,
 * its gradients are near differences of its forward pass, and all are near golden values. */
#ifndef RMX_LAYER_TESTING_H
#define RMX_LAYER_TESTING_H

#include <stdbool.h>

#include "golden.h"
#include "gradcheck.h"
#include "operands.h"
#include "testing.h"

typedef struct layer layer;

/* How far a value may be from the golden one: units of 2^-24 of scale. scale 0: of the largest
 * golden magnitude; units 0: it is the golden value, rounded to fp32. */
typedef struct layer_bound {
    double units, scale;
} layer_bound;

struct layer {
    const char *name;
    const void *of;             /* the case */
    void (*forward)(layer *l);  /* in[] -> y */
    void (*backward)(layer *l); /* in[], y, dy -> d[] */
    int64_t outputs;
    int inputs;
    struct {
        const char
            *name; /* as the golden file calls it; "wq wk wv" are three, one after another */
        int64_t count;
    } input[GRADCHECK_INPUTS];

    bool gradients; /* compare them with differences */
    double units;   /* see gradcheck.h; 0: 8 */
    double step;    /* likewise; 0: 2^-7; smaller for a strongly curved function */

    const char *golden; /* the name of its case there, or NULL */
    /* The bound for "y" and for "d_x" of an input "x". */
    layer_bound (*bound)(const layer *l, const char *tensor);

    /* Filled by the functions below: memory of the context. d[] starts as zeros. */
    rmx_context *ctx;
    operands all;
    float *in[GRADCHECK_INPUTS], *d[GRADCHECK_INPUTS], *y, *dy;
    void *slot[10];
    golden *file; /* where the inputs come from, or NULL */
};

/* For the function that makes a layer from case i. */
void layer_input(layer *l, const char *name, int64_t count);
typedef void layer_maker(int i, layer *l);

/* Memory that forward and backward share, made on first use: bytes; floats; a copy of the
 * host's. */
void *layer_slot(layer *l, int slot, size_t bytes);
float *layer_floats(layer *l, int slot, int64_t count);
void *layer_put(layer *l, int slot, const void *host, size_t bytes);
/* The largest magnitude of a tensor of the layer's golden case. */
double layer_golden_max(const layer *l, const char *tensor);

/* y and all gradients have the reference's bits on every context, for ordinary and special
 * values. */
bool layers_have_reference_bits(layer_maker *make, int cases);
/* Every case that asks for it: all gradients stand, and if each made 5 % too large would not. */
bool layers_match_differences(layer_maker *make, int cases);
/* Every case of the groups is there, and is near its golden values. groups ends with NULL. */
bool layers_match_golden(layer_maker *make, int cases, const char *const *groups);

/* The three for a noun; a group or more, if any, of golden values. */
#define LAYER_TESTS(noun, make, cases)                                                           \
    Test(noun, layer_has_reference_bits) { cr_expect(layers_have_reference_bits(make, cases)); } \
    Test(noun, layer_gradients) { cr_expect(layers_match_differences(make, cases)); }
#define GOLDEN_TESTS(noun, make, cases, ...)                     \
    Test(noun, golden_values)                                    \
    {                                                            \
        static const char *const groups[] = {__VA_ARGS__, NULL}; \
        cr_expect(layers_match_golden(make, cases, groups));     \
    }

/* Runs test on every context. */
void layer_on_contexts(void (*test)(rmx_context *ctx, operands *all));

#endif /* RMX_LAYER_TESTING_H */
