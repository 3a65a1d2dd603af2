/* SPDX-License-Identifier: MIT */
/* checkpoint_format.c: the scalars of a checkpoint and the checksum over all of it. */
#include "train/checkpoint_format.h"

#include <string.h>

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

uint64_t rmx_checkpoint_checksum(const rmx_checkpoint *checkpoint)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (int32_t i = 0; i < RMX_CHECKPOINT_FIELDS; i++)
        XXH3_64bits_update(&state,
                           (const char *)&checkpoint->state + rmx_checkpoint_fields[i].offset, 8);
    /* Each text with its end: moving a byte from one to the next shows. */
    XXH3_64bits_update(&state, checkpoint->version, strlen(checkpoint->version) + 1);
    XXH3_64bits_update(&state, checkpoint->config, strlen(checkpoint->config) + 1);
    XXH3_64bits_update(&state, checkpoint->schema, strlen(checkpoint->schema) + 1);
    for (int32_t i = 0; i < checkpoint->tensors; i++) {
        const rmx_checkpoint_tensor *tensor = &checkpoint->tensor[i];
        const int64_t head[2] = {tensor->parameter, tensor->dims};
        XXH3_64bits_update(&state, tensor->name, strlen(tensor->name) + 1);
        XXH3_64bits_update(&state, head, sizeof head);
        XXH3_64bits_update(&state, tensor->shape, (size_t)tensor->dims * sizeof(int64_t));
        XXH3_64bits_update(&state, &tensor->checksum, sizeof tensor->checksum);
    }
    return XXH3_64bits_digest(&state);
}
