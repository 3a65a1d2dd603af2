/* SPDX-License-Identifier: MIT */
/* model_internal.h: what a model is made of. model_config.c checks, model_stages.c lists the
 * stages, model_layout.c plans, model_init.c fills the parameters, model_batch.c brings input in,
 * model_pass.c runs a micro-batch, model_step.c a step, model_diagnose.c looks for NaNs, model.c
 * creates and describes. */
#ifndef RMX_MODEL_INTERNAL_H
#define RMX_MODEL_INTERNAL_H

#include "core/arena.h"
#include "core/context.h"
#include "layers/stages.h"
#include "rankmixer/embedding.h"

/* Parameters of one role lie together: an optimiser call covers a role. */
#define RMX_ROLES 3

#define MODEL_NAME_BYTES 320 /* of a parameter: a field name of 255 bytes fits */

typedef struct model_parameter {
    char name[MODEL_NAME_BYTES];
    rmx_parameter_role role;
    int32_t dims;
    int64_t shape[4], count;
    int64_t offset; /* elements, from the start of its role's region */
    float initial;  /* of a vector */
} model_parameter;

/* Small values on the device, one of each. Offsets are the same everywhere. */
typedef struct model_head { /* written by the host before a step */
    uint64_t step;
    rmx_optimizer_scalars scalars[RMX_ROLES];
} model_head;

typedef struct model_control {
    model_head head;
    /* written by the step */
    double loss;        /* sum over the batch */
    double sum_squares; /* of all gradients */
    float grad_norm, grad_scale;
    uint32_t nonfinite, unique;
} model_control;

/* A batch's input: one piece of memory, cut alike on the host and on the device. Two slots, so
 * that the next batch travels while this one is computed on. */
#define MODEL_SLOTS 2
typedef struct model_input {
    void *base;
    uint32_t *ids;
    float *dense, *weights;
    uint8_t *labels;
} model_input;

/* What a step leaves for the host. */
typedef struct model_result {
    uint64_t step;
    int64_t samples;
    bool has_weights;
    uint64_t load;          /* number of the load it worked on */
    model_control *control; /* a copy in host memory */
    float *logits;
} model_result;

/* A step recorded by the device, and what it was recorded for. */
#define MODEL_RECORDINGS 8
typedef struct model_recording {
    void *recording;
    int32_t slot;
    int64_t samples;
    bool has_weights;
} model_recording;

/* Events: a slot has arrived, a slot was read for the last time, a result is on the host. */
enum {
    EVENT_FILLED = 0,
    EVENT_CONSUMED = EVENT_FILLED + MODEL_SLOTS,
    EVENT_DONE = EVENT_CONSUMED + MODEL_SLOTS
};

struct rmx_model {
    rmx_context *ctx;
    rmx_model_config config; /* resolved: no zeros that stand for defaults, no borrowed arrays */
    bool training;
    rmx_model_training how;
    rmx_tokenizer_desc tokenizer; /* samples: set by each pass */
    int64_t features;             /* tokenizer.tokens * slice */
    int64_t table_rows;           /* of all embedding tables */

    /* host memory */
    int64_t *vocabulary, *row_offset; /* [sparse_fields] */
    bool *unknown;                    /* [sparse_fields] */
    int32_t *column;                  /* [sparse_fields + dense_fields] */
    float *task_weight;               /* [tasks] */
    model_parameter *parameters;
    int32_t parameter_count, parameter_capacity;
    rmx_stages stages;
    int32_t logits_value;              /* of the stages: set by each pass */
    const void **weight;               /* [parameter_count], as the table; */
    float **weight_gradient;           /* NULL for tables and in a scoring model */
    char where[MODEL_NAME_BYTES + 32]; /* of rmx_model_find_nonfinite */

    /* device memory: one allocation, cut by model_layout.c */
    void *memory;
    rmx_model_memory plan;
    int64_t region_count[RMX_ROLES]; /* elements, padded */
    float *value[RMX_ROLES], *gradient[RMX_ROLES];
    float *state[RMX_ROLES][RMX_PARAMETER_STATES];
    int64_t *dev_row_offset;
    int32_t *dev_column;
    float *dev_task_weight;
    model_control *control;

    /* host memory of host_alloc: staging of the input, results */
    void *host_memory;
    model_input staging[MODEL_SLOTS];
    model_result results[RMX_MODEL_RESULTS];
    uint64_t results_begun;
    model_recording recordings[MODEL_RECORDINGS];
    uint32_t next_recording;

    /* the loaded batch, and what is kept of a whole batch */
    int64_t samples;
    uint64_t load; /* number of loads so far; the last one lies in slot load % MODEL_SLOTS */
    int32_t slot;
    bool loaded; /* a batch, maybe an empty one */
    bool has_labels, has_weights;
    bool has_logits; /* of the loaded batch */
    model_input input[MODEL_SLOTS];
    size_t input_bytes;
    float *logits;    /* [batch, tasks] */
    float *dfeatures; /* [batch, features] */

    /* of a step */
    uint32_t *touched;         /* [batch * sparse_fields]: rows of embedding_gradient */
    float *embedding_gradient; /* [batch * sparse_fields, E] */
    void *scratch;
    size_t scratch_bytes;
};

/* model_config.c: checks everything and fills the host part of *model. On failure what was
 * allocated hangs on the model: rmx_model_destroy frees it. */
rmx_status rmx_model_resolve(rmx_model *model, const rmx_model_config *config,
                             const rmx_model_training *training);
/* model_stages.c: the stages; the sizes and options of a pass. */
rmx_status rmx_model_list_stages(rmx_model *model);
rmx_stage_desc rmx_model_stage_desc(const rmx_model *model, int64_t samples, bool train);
/* model_layout.c: the parameter table; then all pieces from the arena, twice: to plan with base
 * NULL, and to cut. Fills plan. */
rmx_status rmx_model_list_parameters(rmx_model *model, const char *const *field_names);
void rmx_model_choose_passes(rmx_model *model); /* where config.micro_batch is 0 */
void rmx_model_cut(rmx_model *model, rmx_arena *arena, rmx_arena *host);
/* model_init.c */
rmx_status rmx_model_initialise(rmx_model *model);
/* model_pass.c: one micro-batch of the loaded batch, from sample `first`. */
rmx_stage_desc rmx_model_begin_pass(rmx_model *model, int64_t first, int64_t samples, bool train);
rmx_embedding_desc rmx_model_embedding_desc(const rmx_model *model, int64_t samples);
rmx_status rmx_model_forward_pass(rmx_model *model, int64_t first, int64_t samples, bool train);
rmx_status rmx_model_backward_pass(rmx_model *model, int64_t first, int64_t samples);
/* model_batch.c: around every use of the loaded batch: it has arrived; it is used up. */
rmx_status rmx_model_begin(rmx_model *model);
rmx_status rmx_model_end(rmx_model *model);
/* Is there a batch at all. */
rmx_status rmx_model_check_loaded(rmx_model *model);
/* model_step.c: can this model train on what is loaded; all gradients of the loaded batch. */
rmx_status rmx_model_check_step(rmx_model *model, uint64_t step);
/* The result of a step, NULL if it is not one of the last RMX_MODEL_RESULTS. */
const model_result *rmx_model_result(const rmx_model *model, uint64_t step);
rmx_status rmx_model_run_backward(rmx_model *model);

#endif /* RMX_MODEL_INTERNAL_H */
