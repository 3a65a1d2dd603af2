/* SPDX-License-Identifier: MIT */
/* synthetic.h: click data from a planted model, whose best AUC is known.
 *
 * The planted logit has effects of features that stand in different tokens, and values whose
 * meaning differs from field to field (docs/data.md has the formula). So token mixing and
 * per-token feed-forwards both matter. Philox and numerics.h make every value from (seed, row):
 * the same bits on every machine. */
#ifndef RMX_DATA_SYNTHETIC_H
#define RMX_DATA_SYNTHETIC_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "data/dataset.h"

typedef struct rmx_synthetic_config {
    uint64_t seed;
    int64_t rows_train, rows_valid, rows_test; /* each 0 .. 2^40 */
    int32_t sparse_fields;                     /* 2 .. 4096 */
    int32_t dense_fields;                      /* 0 .. 4096 */
    int64_t vocabulary;                        /* ids of each sparse field, 2 .. 2^24 */
    int64_t groups;   /* users, for GAUC, written as /group; 0: none; below 2^32 */
    double zipf;      /* skew of the ids: id k has weight (k + 1)^-zipf; 0: uniform; 0 .. 4 */
    double base_rate; /* mean click probability, 0.01 .. 0.99 */
    double strength;  /* standard deviation of the planted logit, 0.1 .. 20: the ceiling */
    double noise;     /* that of a part of the logit that no feature shows, 0 .. 20 */
} rmx_synthetic_config;

/* A number of the config. */
typedef struct rmx_synthetic_field {
    const char *name, *help;
    char kind;        /* u: uint64_t of any value, i: int64_t, w: int32_t, d: double */
    size_t offset;    /* in rmx_synthetic_config */
    double low, high; /* what it may be */
} rmx_synthetic_field;
#define RMX_SYNTHETIC_FIELDS 12
extern const rmx_synthetic_field rmx_synthetic_fields[RMX_SYNTHETIC_FIELDS];

/* The set of configs/base.ini. */
rmx_synthetic_config rmx_synthetic_default(void);

/* RMX_OK, or RMX_ERR_ARGUMENT that names the field, its value and its range. */
RMX_NODISCARD rmx_status rmx_synthetic_check(const rmx_synthetic_config *config, rmx_error *error);

/* The schema of the sets: names, vocabularies, and encodings that tell one planted model from
 * another. Free *out with rmx_schema_free. */
RMX_NODISCARD rmx_status rmx_synthetic_schema(const rmx_synthetic_config *config, rmx_schema *out,
                                              rmx_error *error);

typedef struct rmx_synthetic_result {
    int64_t rows;
    double base_rate;   /* share of labels that are 1 */
    double ceiling_auc; /* of the planted logits on these rows; NaN if one class only */
    uint64_t fingerprint;
} rmx_synthetic_result;

/* Which of the three sets: they share the planted model and differ in their rows. */
typedef enum rmx_synthetic_split {
    RMX_SYNTHETIC_TRAIN = 0,
    RMX_SYNTHETIC_VALID = 1,
    RMX_SYNTHETIC_TEST = 2
} rmx_synthetic_split;

/* Writes one set to path; the folder must exist. Stores ceiling_auc in the file. Memory: 8 bytes
 * a row beside the writer's block. Returns RMX_OK, RMX_ERR_ARGUMENT, RMX_ERR_DATA, RMX_ERR_MEMORY;
 * on failure nothing is left behind. progress and result may be NULL. */
RMX_NODISCARD rmx_status rmx_synthetic_write(const rmx_synthetic_config *config,
                                             rmx_synthetic_split split, const char *path,
                                             rmx_progress_callback progress, void *user,
                                             rmx_synthetic_result *result, rmx_error *error);

/* Rows first .. first + rows - 1 of a set, without a file. logit is the planted one, without the
 * noise. Outputs that the set lacks are not touched and may be NULL. Shapes as in dataset.h. */
typedef struct rmx_synthetic rmx_synthetic;
RMX_NODISCARD rmx_status rmx_synthetic_create(const rmx_synthetic_config *config,
                                              rmx_synthetic **out, rmx_error *error);
void rmx_synthetic_destroy(rmx_synthetic *synthetic); /* NULL is fine */
void rmx_synthetic_rows(const rmx_synthetic *synthetic, rmx_synthetic_split split, int64_t first,
                        int64_t rows, uint8_t *label, float *dense, uint32_t *sparse,
                        uint64_t *group, float *logit);

#endif /* RMX_DATA_SYNTHETIC_H */
