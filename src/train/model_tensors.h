/* SPDX-License-Identifier: MIT */
/* model_tensors.h: the parameters and optimiser states of a model as named tensors on the host. */
#ifndef RMX_TRAIN_MODEL_TENSORS_H
#define RMX_TRAIN_MODEL_TENSORS_H

#include "rankmixer/model.h"
#include "train/checkpoint.h"

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

/* Gives the model the parameters of the checkpoint at path, which is verified first. The state of
 * its optimiser stays as it is. */
RMX_NODISCARD rmx_status rmx_model_tensors_read(rmx_context *ctx, rmx_model *model,
                                                const char *path, rmx_error *error);

#endif /* RMX_TRAIN_MODEL_TENSORS_H */
