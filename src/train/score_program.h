/* SPDX-License-Identifier: MIT */
/* score_program.h: what rmx-eval and rmx-predict share: the options, and how the model of a
 * checkpoint and a data set are opened. */
#ifndef RMX_TRAIN_SCORE_PROGRAM_H
#define RMX_TRAIN_SCORE_PROGRAM_H

#include <argp.h>

#include "data/dataset.h"
#include "rankmixer/model.h"
#include "train/checkpoint.h"
#include "train/config.h"
#include "train/describe.h"
#include "train/model_setup.h"

typedef struct rmx_score_arguments {
    const char *path[2]; /* checkpoint, data */
    int count;
    rmx_device device;
    int32_t threads, level;
} rmx_score_arguments;

enum { RMX_KEY_DEVICE = 256 };
/* clang-format off */
#define RMX_SCORE_OPTIONS \
    {"device", RMX_KEY_DEVICE, "auto|cpu|cuda", 0, "where it runs; auto: a GPU if one works", 0}, \
    {"threads", 't', "N", 0, "CPU threads; 0, the default: one a core", 0}, \
    {"quiet", 'q', NULL, 0, "results only", 0}
/* clang-format on */
/* Parses one of these options or an argument, as argp's parsers do. */
error_t rmx_score_option(int key, char *value, struct argp_state *state, rmx_score_arguments *out);

/* A trained model and the data set to score with it. */
typedef struct rmx_scorer {
    rmx_progress progress;
    rmx_checkpoint checkpoint;
    rmx_config config;
    rmx_schema trained; /* of the training set, with rows 0 */
    rmx_model_setup setup;
    rmx_context *ctx;
    rmx_model *model;
    const char *data_path;
    rmx_reader *reader;
    const rmx_schema *data; /* of the set; the reader owns it */
} rmx_scorer;

/* Reads and verifies the checkpoint, makes the model, opens the set with its keys, and checks that
 * the set has the encoding that the model was trained with. Describes the device and the set on
 * stderr. From here on SIGTERM and SIGINT are requests to stop (stop_signal.h).
 *
 *   need_labels  a set without labels is RMX_ERR_DATA
 *
 * Close *out in every case. Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_DEVICE, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_scorer_open(const rmx_score_arguments *arguments, bool need_labels,
                                         rmx_scorer *out, rmx_error *error);
void rmx_scorer_close(rmx_scorer *scorer);

#endif /* RMX_TRAIN_SCORE_PROGRAM_H */
