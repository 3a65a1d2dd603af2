/* SPDX-License-Identifier: MIT */
/* layer_check.h: checks a layer's backward pass against differences of its forward pass, on
 * every context. A layer is two functions over operands on the context. */
#ifndef RMX_LAYER_CHECK_H
#define RMX_LAYER_CHECK_H

#include <stdbool.h>

#include "gradcheck.h"
#include "operands.h"

typedef struct layer layer;
struct layer {
    const char *name;
    void (*forward)(layer *l);  /* in[] -> y */
    void (*backward)(layer *l); /* in[], y, dy -> d[] */
    int64_t outputs;
    int inputs;
    struct {
        const char *name;
        int64_t count;
    } input[GRADCHECK_INPUTS];
    double units; /* see gradcheck.h; 0: 8 */
    double step;  /* likewise; 0: 2^-7; smaller for a strongly curved function */
    int variant;  /* for the functions' own use */

    /* Filled by layer_check: memory of the context. d[] starts as zeros. */
    rmx_context *ctx;
    operands all;
    float *in[GRADCHECK_INPUTS], *d[GRADCHECK_INPUTS], *y, *dy;
    void *slot[8];
};

/* Memory that forward and backward share, made on first use. */
void *layer_slot(layer *l, int slot, size_t bytes);
float *layer_floats(layer *l, int slot, int64_t count);

/* True if all gradients stand, and if each made 5 % too large would not. */
bool layer_check(const layer *l);

#endif /* RMX_LAYER_CHECK_H */
