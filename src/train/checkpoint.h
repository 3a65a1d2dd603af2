/* SPDX-License-Identifier: MIT */
/* checkpoint.h: a run on disk, from which it continues as if it had never stopped. A checkpoint is
 * one file (data/container.h, docs/formats.md) with named tensors, scalars, the config, and the
 * schema with the encoding of every field. Checksums cover every byte. A file is written under
 * another name, read back, checked and renamed, so a crash at any moment leaves the older
 * checkpoints unchanged. A file may come from anywhere, so it is verified before use. */
#ifndef RMX_TRAIN_CHECKPOINT_H
#define RMX_TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "data/container.h"
#include "data/schema.h"

#define RMX_CHECKPOINT_VERSION 2
#define RMX_CHECKPOINT_NAME 192
#define RMX_CHECKPOINT_TENSORS_MAX 1000000

typedef struct rmx_checkpoint_tensor {
    char name[RMX_CHECKPOINT_NAME]; /* "block.0.ffn.w1", "block.0.ffn.w1:momentum" */
    bool parameter;                 /* else a state of the optimiser */
    rmx_array_type type;            /* RMX_ARRAY_F32; load refuses others */
    int32_t dims;                   /* 1 .. 4 */
    int64_t shape[4];
    float *data;       /* the caller's host memory; open sets NULL */
    uint64_t checksum; /* XXH3-64 of the data; write and open fill it in */
} rmx_checkpoint_tensor;

/* The state of a run. */
typedef struct rmx_checkpoint_state {
    int64_t step;           /* updates done */
    int64_t epoch, batch;   /* the next batch: its epoch and number, both from 0 */
    int64_t examples;       /* seen so far */
    int64_t evaluated_step; /* of the last evaluation; 0: none */
    int64_t best_step;      /* of the best evaluation; 0: none */
    double best_auc;        /* its AUC; NaN: undefined; not used while best_step is 0 */
    double best_logloss;    /* likewise */
    double seconds;         /* of training, over all sessions */
    uint64_t train_fingerprint, valid_fingerprint; /* of the data sets; 0: none */
    uint64_t params_xxh3; /* XXH3-64 of the bytes of all parameters, in order; write fills it in */
} rmx_checkpoint_state;

typedef struct rmx_checkpoint {
    rmx_checkpoint_state state;
    char version[32];   /* of the library that wrote it; write and open fill it in */
    int64_t numerics;   /* RMX_NUMERICS_CONTRACT of that library; likewise */
    char *config;       /* rmx_config_to_text */
    rmx_schema *schema; /* of the training set; rows 0 after open */
    rmx_checkpoint_tensor *tensor;
    int32_t tensors;
} rmx_checkpoint;

/* Checks the free space, writes PATH.tmp.PID, reads it back and verifies every checksum, then puts
 * it in place. Fills in checksums and params_xxh3. On failure the temporary file is removed and an
 * older file at path stays as it was. Returns RMX_OK, RMX_ERR_DATA (the file system; the text says
 * what to do), RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_write(const char *path, rmx_checkpoint *checkpoint,
                                              rmx_error *error);

/* Reads and checks everything but the values of the tensors. Free *out with rmx_checkpoint_free.
 * Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_open(const char *path, rmx_checkpoint *out,
                                             rmx_error *error);
/* Reads the whole file and compares every checksum. Needs a few MB of memory. */
RMX_NODISCARD rmx_status rmx_checkpoint_verify(const char *path, rmx_error *error);
/* Fills tensor[0 .. tensors-1].data with the tensors of the same name and shape. all: the file must
 * not hold other tensors; otherwise it may, as a model for scoring needs no optimiser state. The
 * file is verified before the first value is written. */
RMX_NODISCARD rmx_status rmx_checkpoint_load(const char *path, rmx_checkpoint_tensor *tensor,
                                             int32_t tensors, bool all, rmx_error *error);
/* Checks that the scalars fit each other and the training data, which has `rows` examples in
 * batches of `batch`: step and examples follow from epoch and batch, no evaluation is later than
 * the step, and all numbers are finite and small enough to continue from. Returns RMX_OK or
 * RMX_ERR_DATA. */
RMX_NODISCARD rmx_status rmx_checkpoint_state_check(const rmx_checkpoint_state *state,
                                                    const char *path, int64_t rows, int64_t batch,
                                                    rmx_error *error);
/* Frees what rmx_checkpoint_open returned. A zeroed struct is allowed. */
void rmx_checkpoint_free(rmx_checkpoint *checkpoint);

/* XXH3-64 of the bytes of all parameters, in order. */
uint64_t rmx_checkpoint_params_xxh3(const rmx_checkpoint_tensor *tensor, int32_t tensors);

/* ---- a folder of checkpoints: step-000000000100.h5, ... and the link best.h5 ----------------- */

#define RMX_CHECKPOINT_FILE_NAME 32

/* "step-000000000100.h5"; returns out. */
const char *rmx_checkpoint_name(int64_t step, char out[RMX_CHECKPOINT_FILE_NAME]);
/* Writes FOLDER/step-STEP.h5 into out. */
void rmx_checkpoint_path(const char *folder, int64_t step, char *out, size_t bytes);
/* Points best.h5 at the checkpoint of best_step if it exists. Then removes all checkpoints but the
 * newest `keep`, the best and the one of state->step. */
RMX_NODISCARD rmx_status rmx_checkpoint_tidy(const char *folder, const rmx_checkpoint_state *state,
                                             int64_t keep, rmx_error *error);
/* Removes the temporary files of processes that ended, writes FOLDER/step-STEP.h5, then tidies. The
 * name of the new file goes into path [path_bytes] unless it is NULL. */
RMX_NODISCARD rmx_status rmx_checkpoint_save(const char *folder, rmx_checkpoint *checkpoint,
                                             int64_t keep, char *path, size_t path_bytes,
                                             rmx_error *error);

/* Returns the steps of all checkpoints in a folder, ascending. The caller frees *steps. A folder
 * that does not exist holds none. */
RMX_NODISCARD rmx_status rmx_checkpoint_list(const char *folder, int64_t **steps, int32_t *count,
                                             rmx_error *error);
/* Finds the newest checkpoint that verifies and writes its name into path, "" where the folder
 * holds none. Calls refused, unless it is NULL, for each newer one with wrong content. Returns
 * RMX_OK; RMX_ERR_DATA where none verifies, or where the system could not read one: its content is
 * unknown then, so an older one does not replace it; RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_newest(const char *folder, char *path, size_t path_bytes,
                                               void (*refused)(void *user, const char *text),
                                               void *user, rmx_error *error);
/* Renames the checkpoints after `step` to NAME.aside, as they no longer belong to this run. Returns
 * RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_set_aside(const char *folder, int64_t step,
                                                  rmx_error *error);
/* Removes the temporary files of processes that ended. alone: those of all processes
 * (whole_file.h). */
void rmx_checkpoint_remove_leftovers(const char *folder, bool alone);

#endif /* RMX_TRAIN_CHECKPOINT_H */
