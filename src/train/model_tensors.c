/* SPDX-License-Identifier: MIT */
/* model_tensors.c: see model_tensors.h. */
#include "train/model_tensors.h"

#include <stdlib.h>
#include <string.h>

#include "train/checkpoint_format.h"

static rmx_checkpoint_tensor *grow(rmx_model_tensors *list, float *device)
{
    if (list->count == list->room) {
        const int32_t room = list->room ? 2 * list->room : 64;
        rmx_checkpoint_tensor *tensor = realloc(list->tensor, (size_t)room * sizeof *tensor);
        if (!tensor) return NULL;
        list->tensor = tensor;
        float **places = realloc(list->device, (size_t)room * sizeof *places);
        if (!places) return NULL;
        list->device = places;
        list->room = room;
    }
    list->device[list->count] = device;
    rmx_checkpoint_tensor *tensor = &list->tensor[list->count++];
    memset(tensor, 0, sizeof *tensor);
    return tensor;
}

static rmx_status add_parameter(rmx_model_tensors *list, const rmx_parameter *p)
{
    rmx_checkpoint_tensor *tensor = grow(list, p->value);
    if (!tensor) return RMX_ERR_MEMORY;
    snprintf(tensor->name, sizeof tensor->name, "%s", p->name);
    tensor->parameter = true;
    tensor->dims = p->dims;
    memcpy(tensor->shape, p->shape, sizeof tensor->shape);
    return RMX_OK;
}

static rmx_status add_state(rmx_model_tensors *list, const rmx_parameter *p, int i)
{
    rmx_checkpoint_tensor *tensor = grow(list, p->state[i]);
    if (!tensor) return RMX_ERR_MEMORY;
    snprintf(tensor->name, sizeof tensor->name, "%s:%s", p->name, p->state_name[i]);
    const bool whole = p->state_count[i] == p->count;
    tensor->dims = whole ? p->dims : 1;
    memcpy(tensor->shape, p->shape, sizeof tensor->shape);
    if (!whole) tensor->shape[0] = p->state_count[i];
    return RMX_OK;
}

static bool on_host(const rmx_context *ctx) { return rmx_context_device(ctx) == RMX_DEVICE_CPU; }

/* On the CPU the list points into the model. For a GPU one block of host memory holds all
 * tensors. */
static rmx_status place(rmx_context *ctx, rmx_model_tensors *list)
{
    int64_t total = 0;
    for (int32_t i = 0; i < list->count; i++) {
        list->tensor[i].data = list->device[i];
        total += rmx_checkpoint_count(&list->tensor[i]);
    }
    if (on_host(ctx)) return RMX_OK;
    list->staging = malloc((size_t)total * sizeof(float) + 1);
    if (!list->staging) return RMX_ERR_MEMORY;
    float *at = list->staging;
    for (int32_t i = 0; i < list->count; i++) {
        list->tensor[i].data = at;
        at += rmx_checkpoint_count(&list->tensor[i]);
    }
    return RMX_OK;
}

rmx_status rmx_model_tensors_make(rmx_context *ctx, const rmx_model *model, bool states,
                                  rmx_model_tensors *out, rmx_error *error)
{
    rmx_status status = RMX_OK;
    rmx_parameter p;
    const int32_t count = rmx_model_parameter_count(model);
    memset(out, 0, sizeof *out);
    for (int32_t i = 0; status == RMX_OK && i < count; i++) {
        status = rmx_model_parameter(model, i, &p);
        if (status == RMX_OK) status = add_parameter(out, &p);
    }
    for (int32_t i = 0; status == RMX_OK && states && i < count; i++) {
        status = rmx_model_parameter(model, i, &p);
        for (int s = 0; status == RMX_OK && s < RMX_PARAMETER_STATES; s++)
            if (p.state[s]) status = add_state(out, &p, s);
    }
    if (status == RMX_OK) status = place(ctx, out);
    if (status == RMX_OK) return RMX_OK;
    rmx_model_tensors_free(out);
    return rmx_fail(error, status, "out of memory for a copy of the model on the host");
}

rmx_status rmx_model_tensors_add(rmx_model_tensors *list, const char *name, int64_t rows,
                                 int64_t cols, float *data, rmx_error *error)
{
    rmx_checkpoint_tensor *tensor = grow(list, NULL);
    if (!tensor) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->dims = 2;
    tensor->shape[0] = rows;
    tensor->shape[1] = cols;
    tensor->data = data;
    return RMX_OK;
}

rmx_status rmx_model_tensors_fetch(rmx_context *ctx, rmx_model_tensors *list, rmx_error *error)
{
    rmx_status status = rmx_sync(ctx);
    for (int32_t i = 0; status == RMX_OK && !on_host(ctx) && i < list->count; i++)
        if (list->device[i])
            status = rmx_download(ctx, list->tensor[i].data, list->device[i],
                                  (size_t)rmx_checkpoint_count(&list->tensor[i]) * sizeof(float));
    return status == RMX_OK ? status : rmx_fail(error, status, "%s", rmx_last_error(ctx));
}

rmx_status rmx_model_tensors_store(rmx_context *ctx, rmx_model_tensors *list, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int32_t i = 0; status == RMX_OK && !on_host(ctx) && i < list->count; i++)
        if (list->device[i])
            status = rmx_upload(ctx, list->device[i], list->tensor[i].data,
                                (size_t)rmx_checkpoint_count(&list->tensor[i]) * sizeof(float));
    if (status == RMX_OK) status = rmx_sync(ctx);
    return status == RMX_OK ? status : rmx_fail(error, status, "%s", rmx_last_error(ctx));
}

void rmx_model_tensors_free(rmx_model_tensors *list)
{
    free(list->tensor);
    free(list->device);
    free(list->staging);
    memset(list, 0, sizeof *list);
}

rmx_status rmx_model_tensors_read(rmx_context *ctx, rmx_model *model, const char *path,
                                  rmx_error *error)
{
    rmx_model_tensors list;
    rmx_status status = rmx_model_tensors_make(ctx, model, false, &list, error);
    if (status != RMX_OK) return status;
    status = rmx_checkpoint_load(path, list.tensor, list.count, false, error);
    if (status == RMX_OK) status = rmx_model_tensors_store(ctx, &list, error);
    rmx_model_tensors_free(&list);
    return status;
}
