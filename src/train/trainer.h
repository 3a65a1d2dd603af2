/* SPDX-License-Identifier: MIT */
/* trainer.h: a training run, from a config to a trained model on disk. */
#ifndef RMX_TRAIN_TRAINER_H
#define RMX_TRAIN_TRAINER_H

#include <stdio.h>

#include "train/config.h"
#include "train/describe.h"

typedef struct rmx_trainer_options {
    const char *resume; /* "auto": from the newest checkpoint, if any; "never"; or a path */
    bool check_only;    /* check everything, write nothing */
} rmx_trainer_options;

/* Trains as the config says, or continues from a checkpoint. Writes the JSON line of results to
 * `results`, and files under run.dir (docs/training.md). After SIGTERM or SIGINT it saves and
 * returns RMX_OK with *stopped set. Returns RMX_OK; RMX_ERR_ARGUMENT (the config does not fit the
 * data, the checkpoint or itself; nothing was written); RMX_ERR_DATA; RMX_ERR_DEVICE;
 * RMX_ERR_MEMORY; RMX_ERR_NUMERIC (a NaN: the text names the tensor, the last good checkpoint and
 * what to change). */
RMX_NODISCARD rmx_status rmx_trainer_run(const rmx_config *config,
                                         const rmx_trainer_options *options,
                                         rmx_progress *progress, FILE *results, bool *stopped,
                                         rmx_error *error);

#endif /* RMX_TRAIN_TRAINER_H */
