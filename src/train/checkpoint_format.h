/* SPDX-License-Identifier: MIT */
/* checkpoint_format.h: what the writer and the reader of checkpoints share. */
#ifndef RMX_TRAIN_CHECKPOINT_FORMAT_H
#define RMX_TRAIN_CHECKPOINT_FORMAT_H

#include "train/checkpoint.h"

#define RMX_CHECKPOINT_FORMAT "rankmixer checkpoint"
#define RMX_CHECKPOINT_PATH_MAX 4096

/* The scalars: attributes of the root, 8 bytes each. */
typedef struct rmx_checkpoint_field {
    const char *name;
    char type; /* 'i' int64, 'u' uint64, 'd' double */
    size_t offset;
} rmx_checkpoint_field;

#define RMX_CHECKPOINT_FIELDS 11
extern const rmx_checkpoint_field rmx_checkpoint_fields[RMX_CHECKPOINT_FIELDS];

/* Elements of a tensor, or -1: a size below 1, or too many for 2^62 bytes. */
int64_t rmx_checkpoint_count(const rmx_checkpoint_tensor *tensor);
/* The checksum over everything: scalars, texts, each tensor's name, shape and checksum. */
uint64_t rmx_checkpoint_checksum(const rmx_checkpoint *checkpoint);

#endif /* RMX_TRAIN_CHECKPOINT_FORMAT_H */
