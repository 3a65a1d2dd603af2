/* SPDX-License-Identifier: MIT */
/* checkpoint_format.h: what the writer and the reader of checkpoints share. */
#ifndef RMX_TRAIN_CHECKPOINT_FORMAT_H
#define RMX_TRAIN_CHECKPOINT_FORMAT_H

#include "train/checkpoint.h"

#define RMX_CHECKPOINT_KIND "checkpoint"
#define RMX_CHECKPOINT_FIX "name one that rmx-train wrote, or train again"
#define RMX_CHECKPOINT_PATH_MAX 4096

/* The scalars: members of "state" in the index. Each has 8 bytes in memory. */
typedef struct rmx_checkpoint_field {
    const char *name;
    char type; /* 'i': int64; 'u': uint64 as 16 hex digits; 'd': double, NaN as null */
    size_t offset;
} rmx_checkpoint_field;

#define RMX_CHECKPOINT_FIELDS 12
extern const rmx_checkpoint_field rmx_checkpoint_fields[RMX_CHECKPOINT_FIELDS];

/* Number of elements, or -1 where a size is below 1 or the tensor would have 2^62 bytes or more. */
int64_t rmx_checkpoint_count(const rmx_checkpoint_tensor *tensor);
/* "/tensor/000000", ... */
void rmx_checkpoint_array_name(int32_t tensor, char out[RMX_CONTAINER_NAME + 1]);

#endif /* RMX_TRAIN_CHECKPOINT_FORMAT_H */
