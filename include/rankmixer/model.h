/* SPDX-License-Identifier: MIT */
/* model.h: the whole ranker, from ids to logits, and its training step.
 *
 *   features -> tokenizer -> [B, T, D] -> L blocks -> (pre-norm: one last LayerNorm)
 *            -> mean over tokens -> one linear head per task -> logits [B, tasks]
 *
 * A model owns its parameters, gradients, optimiser state and one arena for everything else,
 * planned and allocated once by rmx_model_create; no later call allocates.
 * Result: parameters, logits and loss are the same bits for any micro_batch, thread count and
 * backend. Source: RankMixer, arXiv:2507.15551, Eq. 1-9; docs/model.md. */
#ifndef RANKMIXER_MODEL_H
#define RANKMIXER_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "rankmixer/block.h"
#include "rankmixer/context.h"
#include "rankmixer/optimizer.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_model rmx_model;

typedef enum rmx_feed_forward_kind {
    RMX_FEED_FORWARD_PER_TOKEN,
    RMX_FEED_FORWARD_SHARED
} rmx_feed_forward_kind;

/* Plain data; the arrays are read during rmx_model_create only. */
typedef struct rmx_model_config {
    int32_t tokens;    /* T, >= 1 */
    int32_t width;     /* D, >= 1 */
    int32_t heads;     /* H, divides D; 0: T (RankMixer's own case; then T must divide D) */
    int32_t layers;    /* L, >= 0 */
    int32_t expansion; /* K = expansion * D, >= 1 */
    rmx_mixer mixer;
    rmx_feed_forward_kind ffn;
    rmx_norm_place norm_place;
    rmx_activation activation; /* 0 stands for RMX_ACTIVATION_GELU_ERF */
    float dropout;             /* in [0, 1), on the hidden activations of the feed-forwards */
    float norm_eps;            /* > 0; 0 stands for 1e-5 */

    int32_t embedding_width;        /* E, >= 1 where there are sparse fields */
    int32_t sparse_fields;          /* >= 0 */
    const int64_t *vocabulary;      /* [sparse_fields] rows of each table, >= 1; together < 2^32 */
    const bool *unknown;            /* [sparse_fields]: id 0 stands for values that were not seen,
                                       so that its row starts at zero; NULL: in no field */
    int32_t dense_fields;           /* >= 0; sparse_fields + dense_fields >= 1 */
    const char *const *field_names; /* [sparse_fields + dense_fields], sparse first; or NULL */
    const int32_t *token_of_field;  /* the same order: the token each feature goes to, every
                                       token used; NULL: auto, equal slices (tokenizer.h) */
    int32_t tasks;                  /* >= 1 */
    const float *task_weight;       /* [tasks], finite, >= 0; NULL: ones */

    int64_t batch;       /* most samples of one load, >= 1 */
    int64_t micro_batch; /* samples a pass; a multiple of 128, or >= batch; 0: batch, but on a CPU
                            so few that a pass stays in cache, where weights are small */
    uint64_t seed;       /* of the initial parameters and of dropout */
} rmx_model_config;

/* How to train; NULL in rmx_model_create: a model for scoring, without gradients. */
typedef struct rmx_model_training {
    rmx_optimizer_config dense;     /* everything but the embedding tables */
    rmx_optimizer_config embedding; /* touched rows only */
    float clip;                     /* largest global gradient norm; 0: no clipping */
} rmx_model_training;

/* Bytes, as planned; rmx_model_create allocates exactly total_bytes on the device. */
typedef struct rmx_model_memory {
    int64_t parameter_bytes, gradient_bytes, optimizer_bytes;
    int64_t activation_bytes; /* saved for the backward pass, of one micro-batch */
    int64_t workspace_bytes;  /* scratch, inputs and outputs */
    int64_t total_bytes;
    int64_t host_bytes; /* besides: host memory that input and results pass through */
    int64_t parameters; /* values of all parameters; parameter_bytes has padding besides */
} rmx_model_memory;

typedef enum rmx_parameter_role {
    RMX_ROLE_EMBEDDING, /* a table [V, E]: sparse gradients, the embedding optimiser */
    RMX_ROLE_WEIGHT,    /* a matrix: weight decay applies */
    RMX_ROLE_VECTOR     /* biases, gamma, beta: no weight decay */
} rmx_parameter_role;

#define RMX_PARAMETER_STATES 2

/* A row of the parameter table. Pointers live on the context and stay valid. */
typedef struct rmx_parameter {
    const char *name; /* "block.0.ffn.w1"; owned by the model */
    rmx_parameter_role role;
    int32_t dims;
    int64_t shape[4];
    int64_t count;   /* elements */
    rmx_dtype dtype; /* of value and gradient: RMX_F32 */
    float *value;
    float *gradient;                    /* NULL for tables and in a scoring model */
    float *state[RMX_PARAMETER_STATES]; /* optimiser state, NULL where unused */
    int64_t state_count[RMX_PARAMETER_STATES];
    const char *state_name[RMX_PARAMETER_STATES]; /* "momentum", "sum", ... or NULL */
} rmx_parameter;

/* A batch in host memory, borrowed for the call. */
typedef struct rmx_batch {
    int64_t samples;        /* 0 .. config.batch */
    const uint32_t *sparse; /* [samples, sparse_fields], each below its vocabulary */
    const float *dense;     /* [samples, dense_fields], finite */
    const uint8_t *labels;  /* [samples, tasks], 0, 1 or RMX_LABEL_MASKED (loss.h): the task leaves
                               the sample out; NULL for scoring */
    const float *weights;   /* [samples], finite, >= 0; NULL: ones */
} rmx_batch;

typedef struct rmx_step {
    uint64_t step;      /* 1, 2, ...: counts updates; keys dropout and adamw's bias correction */
    float lr;           /* dense rate */
    float embedding_lr; /* embedding rate */
} rmx_step;

typedef struct rmx_step_result {
    double loss;     /* mean over the batch of the weighted loss */
    float grad_norm; /* before clipping */
    bool finite;     /* false: loss or gradient is NaN or infinite; parameters were kept */
} rmx_step_result;

/* Pure: what rmx_model_create would allocate. Checks as create does; the text goes to ctx. */
RMX_NODISCARD RMX_API rmx_status rmx_model_plan(rmx_context *ctx, const rmx_model_config *config,
                                                const rmx_model_training *training,
                                                rmx_model_memory *out);
/* Parameters are initialised from config->seed: weights uniform with variance 1 / fan_in,
 * embeddings uniform in +-0.05 (rows of unknown values 0), biases 0, gamma 1, beta 0
 * (docs/model.md).
 * Returns RMX_OK, RMX_ERR_ARGUMENT (names the field and its value), RMX_ERR_MEMORY. */
RMX_NODISCARD RMX_API rmx_status rmx_model_create(rmx_context *ctx, const rmx_model_config *config,
                                                  const rmx_model_training *training,
                                                  rmx_model **out);
RMX_API void rmx_model_destroy(rmx_model *model); /* before its context; NULL is fine */

/* Zeros of a model that is NULL; so is every count below. */
RMX_API rmx_model_memory rmx_model_memory_of(const rmx_model *model);
RMX_API int32_t rmx_model_parameter_count(const rmx_model *model);
/* Row i of the table, 0 .. count-1; tables first, then in order of the forward pass, but a norm of
 * a block after the layer that it belongs to (docs/model.md). */
RMX_NODISCARD RMX_API rmx_status rmx_model_parameter(const rmx_model *model, int32_t i,
                                                     rmx_parameter *out);
/* Forward multiply-adds times two of one sample, products only (docs/model.md). */
RMX_API double rmx_model_forward_flop(const rmx_model *model);

/* Copies a batch in; ids, labels and values are checked on the way (RMX_ERR_DATA names row and
 * field). The caller's memory is free again when it returns; the copy to the device goes on beside
 * the step that is still running. */
RMX_NODISCARD RMX_API rmx_status rmx_model_set_batch(rmx_model *model, const rmx_batch *batch);
/* Logits of the loaded batch, without dropout; nothing is kept for a backward pass. */
RMX_NODISCARD RMX_API rmx_status rmx_model_forward(rmx_model *model);
/* Gradients of the mean loss of the loaded batch over all its micro-batches, replacing the old
 * ones; with dropout. Needs labels and a training model. */
RMX_NODISCARD RMX_API rmx_status rmx_model_backward(rmx_model *model, uint64_t step);
/* Clips and applies the gradients. Skipped as a whole where they are not finite; so are later
 * updates until rmx_model_read or rmx_model_read_step has reported it. */
RMX_NODISCARD RMX_API rmx_status rmx_model_update(rmx_model *model, const rmx_step *step);
/* rmx_model_backward, then rmx_model_update. On a GPU one recorded graph; returns before it ran. */
RMX_NODISCARD RMX_API rmx_status rmx_model_step(rmx_model *model, const rmx_step *step);
/* Waits for the last backward, update or step and says how it went. */
RMX_NODISCARD RMX_API rmx_status rmx_model_read(rmx_model *model, rmx_step_result *out);
/* The same of one of the last RMX_MODEL_RESULTS steps, while later ones run: reading a step behind
 * keeps a GPU busy. logits may be NULL; otherwise host memory for that step's [samples, tasks]. */
#define RMX_MODEL_RESULTS 4
RMX_NODISCARD RMX_API rmx_status rmx_model_read_step(rmx_model *model, uint64_t step,
                                                     rmx_step_result *out, float *logits);
/* Waits and copies [samples, tasks] logits (of forward, or of the last backward) to the host. */
RMX_NODISCARD RMX_API rmx_status rmx_model_logits(rmx_model *model, float *host_logits);
/* Runs a step again, on its own batch where that is one of the last two loaded and on the loaded
 * one otherwise, and names the first tensor, in the order of computation, that holds a NaN or an
 * infinity: "block.1.ffn.hidden", "gradient of head.weight", "parameter head.weight". step 0: runs
 * rmx_model_forward again on the loaded batch, which needs no labels and no training model. *where
 * points to the model's memory, or is NULL where all is finite. Parameters are as they are now.
 * Slow; for diagnosis. */
RMX_NODISCARD RMX_API rmx_status rmx_model_find_nonfinite(rmx_model *model, uint64_t step,
                                                          const char **where);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_MODEL_H */
