/* SPDX-License-Identifier: MIT */
/* setup.h: from a config and a data schema to a model, and from a model to named tensors. */
#ifndef RMX_TRAIN_SETUP_H
#define RMX_TRAIN_SETUP_H

#include "data/schema.h"
#include "rankmixer/model.h"
#include "train/checkpoint.h"
#include "train/config.h"

typedef struct rmx_setup {
    rmx_model_config model; /* borrows names and vocabularies from the schema */
    rmx_model_training training;
    int32_t *token_of_field; /* NULL: auto */
    bool *unknown;           /* [sparse_fields], from the encodings */
} rmx_setup;

/* Resolves [tokenizer]: every field in exactly one token. RMX_ERR_ARGUMENT names the line and
 * the field that is unknown (did you mean), used twice or left out. The schema has to outlive
 * *out, which rmx_setup_free frees. */
RMX_NODISCARD rmx_status rmx_setup_make(const rmx_config *config, const rmx_schema *schema,
                                        rmx_setup *out, rmx_error *error);
void rmx_setup_free(rmx_setup *setup);

/* With tokenizer = auto: how many fields lie in two tokens or more; the first into *field
 * (-1: none). */
int32_t rmx_setup_cut_fields(const rmx_setup *setup, int32_t *field);

/* A model's parameters, and with `states` its optimiser's, as a checkpoint's tensors. On the CPU
 * data points into the model; for a GPU it is host memory that fetch and store copy. */
typedef struct rmx_model_tensors {
    rmx_checkpoint_tensor *tensor;
    float **device; /* where it lives on the context; NULL: the caller's own host memory */
    int32_t count, room;
    float *staging; /* NULL on the CPU */
} rmx_model_tensors;

RMX_NODISCARD rmx_status rmx_model_tensors_make(rmx_context *ctx, const rmx_model *model,
                                                bool states, rmx_model_tensors *out,
                                                rmx_error *error);
/* Adds host memory of the caller's, [rows, cols], under a name. */
RMX_NODISCARD rmx_status rmx_model_tensors_add(rmx_model_tensors *list, const char *name,
                                               int64_t rows, int64_t cols, float *data,
                                               rmx_error *error);
RMX_NODISCARD rmx_status rmx_model_tensors_fetch(rmx_context *ctx, rmx_model_tensors *list,
                                                 rmx_error *error); /* context to host; waits */
RMX_NODISCARD rmx_status rmx_model_tensors_store(rmx_context *ctx, rmx_model_tensors *list,
                                                 rmx_error *error); /* host to context */
void rmx_model_tensors_free(rmx_model_tensors *list);

#endif /* RMX_TRAIN_SETUP_H */
