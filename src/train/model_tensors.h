/* SPDX-License-Identifier: MIT */
/* model_tensors.h: the parameters and optimiser states of a model as named tensors on the host. */
#ifndef RMX_TRAIN_MODEL_TENSORS_H
#define RMX_TRAIN_MODEL_TENSORS_H

#include "rankmixer/model.h"
#include "train/checkpoint.h"

/* The parameters of a model, and with `states` the states of its optimisers, as tensors of a
 * checkpoint. On the CPU data points into the model. For a GPU it is host memory, which fetch and
 * store copy. */
typedef struct rmx_model_tensors {
    rmx_checkpoint_tensor *tensor;
    float **device; /* its address on the context; NULL: the caller's own host memory */
    int32_t count, room;
    float *staging; /* NULL on the CPU */
} rmx_model_tensors;

RMX_NODISCARD rmx_status rmx_model_tensors_make(rmx_context *ctx, const rmx_model *model,
                                                bool states, rmx_model_tensors *out,
                                                rmx_error *error);
/* Adds the caller's host memory [rows, cols] under a name. */
RMX_NODISCARD rmx_status rmx_model_tensors_add(rmx_model_tensors *list, const char *name,
                                               int64_t rows, int64_t cols, float *data,
                                               rmx_error *error);
RMX_NODISCARD rmx_status rmx_model_tensors_fetch(rmx_context *ctx, rmx_model_tensors *list,
                                                 rmx_error *error); /* context to host */
RMX_NODISCARD rmx_status rmx_model_tensors_store(rmx_context *ctx, rmx_model_tensors *list,
                                                 rmx_error *error); /* host to context */
void rmx_model_tensors_free(rmx_model_tensors *list);

/* Gives the model the parameters of the checkpoint at path, which is verified first. The state of
 * its optimiser stays as it is. */
RMX_NODISCARD rmx_status rmx_model_tensors_read(rmx_context *ctx, rmx_model *model,
                                                const char *path, rmx_error *error);

#endif /* RMX_TRAIN_MODEL_TENSORS_H */
