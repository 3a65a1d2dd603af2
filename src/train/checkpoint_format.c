/* SPDX-License-Identifier: MIT */
/* checkpoint_format.c: see checkpoint_format.h. */
#include "train/checkpoint_format.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIELD(type, name)                                 \
    {                                                     \
#name, type, offsetof(rmx_checkpoint_state, name) \
    }
const rmx_checkpoint_field rmx_checkpoint_fields[RMX_CHECKPOINT_FIELDS] = {
    FIELD('i', step),
    FIELD('i', epoch),
    FIELD('i', batch),
    FIELD('i', examples),
    FIELD('i', evaluated_step),
    FIELD('i', best_step),
    FIELD('d', best_auc),
    FIELD('d', best_logloss),
    FIELD('d', seconds),
    FIELD('u', train_fingerprint),
    FIELD('u', valid_fingerprint),
    FIELD('u', params_xxh3),
};

int64_t rmx_checkpoint_count(const rmx_checkpoint_tensor *tensor)
{
    int64_t count = 1;
    if (tensor->dims < 1 || tensor->dims > 4) return -1;
    for (int32_t d = 0; d < tensor->dims; d++)
        if (tensor->shape[d] < 1 || __builtin_mul_overflow(count, tensor->shape[d], &count) ||
            count > INT64_MAX / 4)
            return -1;
    return count;
}

uint64_t rmx_checkpoint_params_xxh3(const rmx_checkpoint_tensor *tensor, int32_t tensors)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (int32_t i = 0; i < tensors; i++)
        if (tensor[i].parameter)
            XXH3_64bits_update(&state, tensor[i].data,
                               (size_t)rmx_checkpoint_count(&tensor[i]) * sizeof(float));
    return XXH3_64bits_digest(&state);
}

void rmx_checkpoint_array_name(int32_t tensor, char out[RMX_CONTAINER_NAME + 1])
{
    snprintf(out, RMX_CONTAINER_NAME + 1, "/tensor/%06d", (int)tensor);
}
