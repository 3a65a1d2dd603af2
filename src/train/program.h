/* SPDX-License-Identifier: MIT */
/* program.h: what the programs share: exit codes and a checkpoint made into a model. */
#ifndef RMX_TRAIN_PROGRAM_H
#define RMX_TRAIN_PROGRAM_H

#include <argp.h>

#include "rankmixer/model.h"
#include "train/config.h"
#include "train/progress.h"
#include "train/setup.h"

enum {
    RMX_EXIT_OK = 0,
    RMX_EXIT_ERROR = 1,
    RMX_EXIT_USAGE = 2, /* usage or config */
    RMX_EXIT_DATA = 3,
    RMX_EXIT_DEVICE = 4,   /* no usable device, or too little memory, its own or the host's */
    RMX_EXIT_STOPPED = 143 /* by SIGTERM or SIGINT, after saving */
};

/* What every program does first: standard streams, -h, --version, and the command line by `parser`
 * into `arguments`. Returns RMX_EXIT_OK, or the code to leave with. */
int rmx_program_begin(const char *program, const struct argp *parser, int argc, char **argv,
                      void *arguments);
/* Prints "PROGRAM: text" to stderr where the status is a failure; returns the exit code. */
int rmx_program_exit(const char *program, rmx_status status, const rmx_error *error);
/* "auto", "cpu" or "cuda"; false: none of them. */
bool rmx_program_device(const char *text, rmx_device *out);

/* Of the programs that score a data set by a checkpoint. */
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
/* As argp's parsers are. */
error_t rmx_score_option(int key, char *value, struct argp_state *state, rmx_score_arguments *out);

/* A trained model for scoring. */
typedef struct rmx_scorer {
    rmx_context *ctx;
    rmx_checkpoint checkpoint;
    rmx_config config;
    rmx_schema schema; /* of what it was trained on; rows 0 */
    rmx_setup setup;
    rmx_model *model;
} rmx_scorer;

/* Reads and verifies the checkpoint, then makes the model. threads 0: one a core. Close it in
 * every case. Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_DEVICE, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_scorer_open(const char *path, rmx_device device, int32_t threads,
                                         rmx_scorer *out, rmx_error *error);
void rmx_scorer_close(rmx_scorer *scorer);

#endif /* RMX_TRAIN_PROGRAM_H */
