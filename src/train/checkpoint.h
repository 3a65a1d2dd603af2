/* SPDX-License-Identifier: MIT */
/* checkpoint.h: a run on disk, so that it can go on as if it had never stopped.
 *
 * One file (data/container.h; docs/training.md has its layout): named tensors, scalars, the config,
 * and the schema with the encoding of every field. Every byte is covered by a checksum. A file is
 * written beside its place, checked by reading it back, and renamed: a crash at any moment leaves
 * the older checkpoints as they were. A file is input from outside: it is checked before use. */
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
    bool parameter;                 /* else state */
    rmx_array_type type;            /* RMX_ARRAY_F32; others are refused by load */
    int32_t dims;                   /* 1 .. 4 */
    int64_t shape[4];
    float *data;       /* host memory of the caller's; NULL in what open returns */
    uint64_t checksum; /* XXH3-64 of the data; filled in by write and open */
} rmx_checkpoint_tensor;

/* Where the run stands. */
typedef struct rmx_checkpoint_state {
    int64_t step;           /* updates done */
    int64_t epoch, batch;   /* the next batch: its epoch and number, both from 0 */
    int64_t examples;       /* seen so far */
    int64_t evaluated_step; /* of the last evaluation, 0: none */
    int64_t best_step;      /* of the evaluation with the highest AUC, 0: none */
    double best_auc;        /* its AUC, NaN where it has none; nothing while best_step is 0 */
    double best_logloss;    /* likewise */
    double seconds;         /* of training, over all sessions */
    uint64_t train_fingerprint, valid_fingerprint; /* of the data; 0: none */
    uint64_t params_xxh3; /* XXH3-64 over all parameters' bytes, in order; filled in by write */
} rmx_checkpoint_state;

typedef struct rmx_checkpoint {
    rmx_checkpoint_state state;
    char version[32];   /* of the library that wrote it; filled in by write and open */
    int64_t numerics;   /* RMX_NUMERICS_CONTRACT of that library; likewise */
    char *config;       /* rmx_config_to_text */
    rmx_schema *schema; /* of the training set; rows 0 after open */
    rmx_checkpoint_tensor *tensor;
    int32_t tensors;
} rmx_checkpoint;

/* Writes a checkpoint to path: checks free space, writes PATH.tmp.PID, fsyncs it, reads it back
 * and verifies every checksum, renames, fsyncs the folder. On failure the temporary file is gone
 * and an older file under path untouched. Fills in checksums and params_xxh3.
 * Returns RMX_OK, RMX_ERR_DATA (the file system; the text says what to do), RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_write(const char *path, rmx_checkpoint *checkpoint,
                                              rmx_error *error);

/* Reads everything but the tensors' values, with every check that this allows. Free *out with
 * rmx_checkpoint_free. Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_open(const char *path, rmx_checkpoint *out,
                                             rmx_error *error);
/* Reads the values too and compares every checksum; needs memory for a few MB only. */
RMX_NODISCARD rmx_status rmx_checkpoint_verify(const char *path, rmx_error *error);
/* Fills tensor[0 .. tensors-1].data from the file, by name; shapes must be equal. all: the file
 * may hold no others (else it may: a model for scoring needs no optimiser state). The file is
 * verified before the first value is written. */
RMX_NODISCARD rmx_status rmx_checkpoint_load(const char *path, rmx_checkpoint_tensor *tensor,
                                             int32_t tensors, bool all, rmx_error *error);
/* Whether the scalars fit each other and the data: of `rows` examples, `batch` an update, step,
 * epoch, batch and examples say the same place; no evaluation lies ahead of the step; all is finite
 * and small enough to count on from. Returns RMX_OK or RMX_ERR_DATA. */
RMX_NODISCARD rmx_status rmx_checkpoint_state_check(const rmx_checkpoint_state *state,
                                                    const char *path, int64_t rows, int64_t batch,
                                                    rmx_error *error);
/* For what rmx_checkpoint_open returned; zeros are fine. */
void rmx_checkpoint_free(rmx_checkpoint *checkpoint);

/* XXH3-64 over the bytes of all parameters, in order. */
uint64_t rmx_checkpoint_params_xxh3(const rmx_checkpoint_tensor *tensor, int32_t tensors);

/* ---- a folder of them: step-000000000100.h5, ... and best.h5, a link ------------------------ */

#define RMX_CHECKPOINT_FILE_NAME 32

/* "step-000000000100.h5"; returns out. */
const char *rmx_checkpoint_name(int64_t step, char out[RMX_CHECKPOINT_FILE_NAME]);
/* FOLDER/step-STEP.h5. */
void rmx_checkpoint_path(const char *folder, int64_t step, char *out, size_t bytes);
/* Points best.h5 at best_step's file, if there is one, then removes all but the newest `keep`, the
 * best and the state's own. */
RMX_NODISCARD rmx_status rmx_checkpoint_tidy(const char *folder, const rmx_checkpoint_state *state,
                                             int64_t keep, rmx_error *error);
/* Removes temporary files of processes that have died, writes FOLDER/step-STEP.h5, then tidies.
 * path [path_bytes], or NULL, gets the new file's name. */
RMX_NODISCARD rmx_status rmx_checkpoint_save(const char *folder, rmx_checkpoint *checkpoint,
                                             int64_t keep, char *path, size_t path_bytes,
                                             rmx_error *error);

/* Steps of the generations in a folder, ascending; *steps is to be freed. A folder that does not
 * exist holds none. */
RMX_NODISCARD rmx_status rmx_checkpoint_list(const char *folder, int64_t **steps, int32_t *count,
                                             rmx_error *error);
/* The newest that verifies into path; each newer one whose content is wrong is told to refused
 * (which may be NULL). RMX_OK with path "" where the folder holds none; RMX_ERR_DATA where none
 * verifies, or where the system could not read one: what is in it is unknown then, so no older one
 * is taken for it; RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_newest(const char *folder, char *path, size_t path_bytes,
                                               void (*refused)(void *user, const char *text),
                                               void *user, rmx_error *error);
/* Renames generations after `step` to NAME.aside: they are not this run's future any more.
 * Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_checkpoint_set_aside(const char *folder, int64_t step,
                                                  rmx_error *error);
/* Removes the temporary files of processes that have died; alone: of all (whole_file.h). */
void rmx_checkpoint_remove_leftovers(const char *folder, bool alone);

#endif /* RMX_TRAIN_CHECKPOINT_H */
