/* SPDX-License-Identifier: MIT */
/* stage.h: what a stage of a model says of itself, once.
 *
 * A block and a model are arrays of stages (stages.h). All that has to know every layer walks
 * them: argument checks, the table of parameters, their first values, the plan of memory, both
 * passes, the count of operations, the search for non-finite values. A kind of stage is one file,
 * stage_*.c; docs/architecture.md says how to add one. */
#ifndef RMX_LAYERS_STAGE_H
#define RMX_LAYERS_STAGE_H

#include <stdbool.h>

#include "core/context.h"
#include "layers/check.h"
#include "rankmixer/model.h"
#include "rankmixer/tokenizer.h"

/* The sizes and options of a pass, which all stages share, and its batch. Plans and checks look at
 * sizes and options only. */
typedef struct rmx_stage_desc {
    rmx_block_desc block; /* the public desc of a block; its ffn holds samples, tokens and width */

    /* of a model */
    rmx_tokenizer_desc tokenizer; /* without samples */
    int32_t tasks;
    rmx_tokenizer_inputs inputs;
    void *dfeatures; /* [samples, tokens * slice]: out */
    const uint8_t *labels;
    const float *task_weight, *sample_weight;
    float loss_scale;
    double *loss; /* accumulated */
} rmx_stage_desc;

typedef struct rmx_stage_parameter {
    const char *name; /* "w1" */
    rmx_parameter_role role;
    rmx_dtype dtype; /* of what the stage is given; the master is fp32 */
    int32_t dims;
    int64_t shape[3]; /* of a weight [..., fan-in, fan-out] */
    float initial;    /* of a vector; a weight starts uniform, by its fan-in */
} rmx_stage_parameter;

/* What the backward pass needs, or what the forward pass writes on its way. */
typedef struct rmx_stage_tensor {
    const char *name; /* "hidden" */
    rmx_dtype dtype;
    int64_t count; /* elements; 0: not wanted in such a pass */
} rmx_stage_tensor;

#define RMX_STAGE_PARAMETERS 8 /* most of a stage */
#define RMX_STAGE_SAVED 8

/* The memory of one call. Parameters and saved tensors come in the order in which the kind lists
 * them. */
typedef struct rmx_stage_memory {
    int32_t layer; /* the number of the block in its model */
    const void *x;
    const void *const *weight;
    void *const *saved;

    /* forward */
    const void *residual; /* to be added to y; NULL: none */
    void *y;

    /* backward */
    const void *dy;
    const void *dx_residual; /* the gradient that reaches x by other ways; NULL: none */
    void *dx;
    float *const *gradient; /* of the parameters, fp32: accumulated */
    void *scratch;
    size_t scratch_bytes;
} rmx_stage_memory;

/* A function that is NULL stands for none of what it says; without output, y has samples * tokens
 * * width values. parameters and saved return the number of what they list. scratch is in bytes, of
 * the backward pass; flop is of the forward pass of one sample. The gradient of a residual is dy:
 * backward has nothing to do for it. */
typedef struct rmx_stage_kind {
    uint32_t
        kernels; /* RMX_USES bits, of both passes: the stage takes the types that these take */
    rmx_status (*check)(rmx_context *ctx, const rmx_stage_desc *desc);
    int32_t (*parameters)(const rmx_stage_desc *desc, rmx_stage_parameter *out);
    int32_t (*saved)(const rmx_stage_desc *desc, rmx_stage_tensor *out);
    int64_t (*output)(const rmx_stage_desc *desc);
    size_t (*scratch)(const rmx_stage_desc *desc);
    double (*flop)(const rmx_stage_desc *desc);
    rmx_status (*forward)(rmx_context *ctx, const rmx_stage_desc *desc, const rmx_stage_memory *m);
    rmx_status (*backward)(rmx_context *ctx, const rmx_stage_desc *desc,
                           const rmx_stage_memory *m);
    bool adds;     /* backward adds dx_residual to dx; else that is done for it */
    bool in_place; /* backward may be given dy as dx */
} rmx_stage_kind;

/* One line for each kind. */
extern const rmx_stage_kind rmx_stage_attention;
extern const rmx_stage_kind rmx_stage_feed_forward;
extern const rmx_stage_kind rmx_stage_head;
extern const rmx_stage_kind rmx_stage_loss;
extern const rmx_stage_kind rmx_stage_norm;
extern const rmx_stage_kind rmx_stage_pooling;
extern const rmx_stage_kind rmx_stage_token_mix;
extern const rmx_stage_kind rmx_stage_token_mixer;
extern const rmx_stage_kind rmx_stage_tokenizer;

/* A weight has the type that products read. groups 0: a plain matrix [in, out] or vector [n]. */
rmx_stage_parameter rmx_stage_weight(const rmx_stage_desc *desc, const char *name, int64_t groups,
                                     int64_t in, int64_t out);
rmx_stage_parameter rmx_stage_vector(const char *name, int64_t groups, int64_t n, float initial);

/* What a LayerNorm needs, for stages that have one inside: gamma and beta; mean and rstd. */
rmx_status rmx_stage_norm_check(rmx_context *ctx, const rmx_stage_desc *desc);
int32_t rmx_stage_norm_parameters(const rmx_stage_desc *desc, rmx_stage_parameter *out);
int32_t rmx_stage_norm_saved(const rmx_stage_desc *desc, rmx_stage_tensor *out);

static inline rmx_dtype rmx_stage_dtype(const rmx_stage_desc *desc)
{
    return desc->block.ffn.dtype;
}
static inline int64_t rmx_stage_rows(const rmx_stage_desc *desc)
{
    return desc->block.ffn.samples * desc->block.ffn.tokens;
}

#endif /* RMX_LAYERS_STAGE_H */
