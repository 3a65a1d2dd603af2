/* SPDX-License-Identifier: MIT */
/* workload.h: a model of a config with random examples in memory. */
#ifndef RMX_BENCH_WORKLOAD_H
#define RMX_BENCH_WORKLOAD_H

#include "core/error.h"
#include "rankmixer/model.h"
#include "train/config.h"
#include "train/model_setup.h"

typedef struct workload {
    rmx_config config;
    rmx_schema schema;
    rmx_model_setup setup;
    int64_t rows; /* examples that are there */
    uint32_t *ids;
    float *dense;
    uint8_t *labels;
} workload;

/* The configs of configs/ that are compiled in; the last one's name is NULL. */
typedef struct shipped_config {
    const char *name, *text;
} shipped_config;
extern const shipped_config shipped_configs[];

/* A config is a file's path, or SHIPPED and the name of one that is compiled in, or NULL: what
 * rmx-train does without a word in its config. sets as in rmx_config_read. */
#define SHIPPED "builtin:"
rmx_status workload_config(const char *config, const char *const *sets, int32_t count,
                           rmx_config *out, rmx_error *error);
/* What a line calls it: "base", "defaults". */
typedef struct workload_title {
    char text[24];
} workload_title;
workload_title workload_name(const char *config);

/* Fields and vocabularies are those of [synthetic], whatever [data] says; ids are uniform. Close
 * it in every case. */
rmx_status workload_open(const char *config, int64_t rows, workload *out, rmx_error *error);
void workload_close(workload *w);

/* Rows first .. first + samples - 1 of it. */
rmx_batch workload_batch(const workload *w, int64_t first, int64_t samples);

#endif /* RMX_BENCH_WORKLOAD_H */
