/* workload.h: a model of a config file with random examples in memory. */
#ifndef RMX_BENCH_WORKLOAD_H
#define RMX_BENCH_WORKLOAD_H

#include "core/error.h"
#include "rankmixer/model.h"
#include "train/config.h"
#include "train/setup.h"

typedef struct workload {
    rmx_config config;
    rmx_schema schema;
    rmx_setup setup;
    int64_t rows; /* examples that are there */
    uint32_t *ids;
    float *dense;
    uint8_t *labels;
} workload;

/* path NULL: what rmx-train does without a word in its config. Fields and vocabularies are those
 * of [synthetic], whatever [data] says; ids are uniform. Close it in every case. */
rmx_status workload_open(const char *path, int64_t rows, workload *out, rmx_error *error);
void workload_close(workload *w);

/* Rows first .. first + samples - 1 of it. */
rmx_batch workload_batch(const workload *w, int64_t first, int64_t samples);

#endif /* RMX_BENCH_WORKLOAD_H */
