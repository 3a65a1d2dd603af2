/* SPDX-License-Identifier: MIT */
/* synthetic.c: planted rows into a file. */
#include "data/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/ceiling.h"
#include "data/dataset_file.h"

rmx_synthetic_config rmx_synthetic_default(void)
{
    const rmx_synthetic_config config = {
        .seed = 1,
        .rows_train = 300000,
        .rows_valid = 40000,
        .rows_test = 0,
        .sparse_fields = 30,
        .dense_fields = 8,
        .vocabulary = 50,
        .groups = 1000,
        .zipf = 0.0,
        .base_rate = 0.4,
        .strength = 3.0,
        .noise = 0.0,
    };
    return config;
}

#define AT(member) offsetof(rmx_synthetic_config, member)
const rmx_synthetic_field rmx_synthetic_fields[RMX_SYNTHETIC_FIELDS] = {
    {"seed", "of the planted model and the rows", 'u', AT(seed), 0, 0},
    {"rows_train", "rows for training; 0: no such file", 'i', AT(rows_train), 0, 0x1p40},
    {"rows_valid", "rows for validation; 0: no such file", 'i', AT(rows_valid), 0, 0x1p40},
    {"rows_test", "rows for a last test; 0: no such file", 'i', AT(rows_test), 0, 0x1p40},
    {"sparse_fields", "sparse fields", 'w', AT(sparse_fields), 2, 4096},
    {"dense_fields", "dense fields", 'w', AT(dense_fields), 0, 4096},
    {"vocabulary", "ids of each sparse field", 'i', AT(vocabulary), 2, 0x1p24},
    {"groups", "users, for GAUC; 0: none", 'i', AT(groups), 0, UINT32_MAX},
    {"zipf", "skew of the ids; 0: uniform", 'd', AT(zipf), 0, 4},
    {"base_rate", "mean click probability", 'd', AT(base_rate), 0.01, 0.99},
    {"strength", "standard deviation of the planted logit", 'd', AT(strength), 0.1, 20},
    {"noise", "that of a part no feature shows", 'd', AT(noise), 0, 20},
};
#undef AT

rmx_status rmx_synthetic_check(const rmx_synthetic_config *c, rmx_error *error)
{
    for (int i = 0; i < RMX_SYNTHETIC_FIELDS; i++) {
        const rmx_synthetic_field *f = &rmx_synthetic_fields[i];
        const void *at = (const char *)c + f->offset;
        if (f->kind == 'u') continue;
        if (f->kind == 'd') {
            const double value = *(const double *)at;
            if (!(value >= f->low && value <= f->high))
                return rmx_fail(error, RMX_ERR_ARGUMENT,
                                "synthetic data: %s %g is not within %g .. %g", f->name, value,
                                f->low, f->high);
            continue;
        }
        const int64_t value = f->kind == 'w' ? *(const int32_t *)at : *(const int64_t *)at;
        if (value < (int64_t)f->low || value > (int64_t)f->high)
            return rmx_fail(error, RMX_ERR_ARGUMENT,
                            "synthetic data: %s %lld is not within %lld .. %lld", f->name,
                            (long long)value, (long long)f->low, (long long)f->high);
    }
    return RMX_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static int64_t rows_of(const rmx_synthetic_config *c, rmx_synthetic_split split)
{
    return split == RMX_SYNTHETIC_TRAIN   ? c->rows_train
           : split == RMX_SYNTHETIC_VALID ? c->rows_valid
                                          : c->rows_test;
}

rmx_status rmx_synthetic_schema(const rmx_synthetic_config *c, rmx_schema *out, rmx_error *error)
{
    char transform[64];
    rmx_status status = rmx_schema_init(out, c->sparse_fields, c->dense_fields, 1, error);
    if (status != RMX_OK) return status;
    for (int32_t f = 0; f < c->sparse_fields; f++) out->vocabulary[f] = c->vocabulary;
    out->has_group = c->groups > 0;
    snprintf(transform, sizeof transform, "planted seed=%llu", (unsigned long long)c->seed);
    for (int32_t i = 0; i < c->sparse_fields + c->dense_fields && status == RMX_OK; i++)
        status = rmx_schema_set(&out->encoding[i].transform, transform, error);
    if (status != RMX_OK) rmx_schema_free(out);
    return status;
}

static rmx_status make_schema(const rmx_synthetic_config *c, rmx_synthetic_split split,
                              rmx_schema *out, rmx_error *error)
{
    static const char *const names[] = {"train", "valid", "test"};
    rmx_status status = rmx_synthetic_schema(c, out, error);
    if (status != RMX_OK) return status;
    char source[512];
    snprintf(source, sizeof source,
             "synthetic, set %s: seed %llu, rows %lld, sparse_fields %d, dense_fields %d, "
             "vocabulary %lld, groups %lld, zipf %g, base_rate %g, strength %g, noise %g",
             names[split], (unsigned long long)c->seed, (long long)rows_of(c, split),
             (int)c->sparse_fields, (int)c->dense_fields, (long long)c->vocabulary,
             (long long)c->groups, c->zipf, c->base_rate, c->strength, c->noise);
    status = rmx_schema_set(&out->source, source, error);
    if (status != RMX_OK) rmx_schema_free(out);
    return status;
}

/* What writing one set needs. */
typedef struct job {
    rmx_synthetic *plant;
    rmx_synthetic_split split;
    int64_t rows;
    rmx_schema schema;
    rmx_writer *writer;
    rmx_rows block;
    float *logit; /* of the block */
    rmx_ceiling ceiling;
    rmx_progress_callback progress;
    void *user;
} job;

static rmx_status write_rows(job *j, rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int64_t first = 0; first < j->rows && status == RMX_OK;) {
        const int64_t left = j->rows - first;
        const int64_t count = left < RMX_DATASET_BLOCK_ROWS ? left : RMX_DATASET_BLOCK_ROWS;
        const rmx_rows *b = &j->block;
        rmx_synthetic_rows(j->plant, j->split, first, count, b->label, b->dense, b->sparse,
                           b->group, j->logit);
        for (int64_t r = 0; r < count; r++) rmx_ceiling_add(&j->ceiling, j->logit[r], b->label[r]);
        const rmx_writer_rows values = {
            .label = b->label, .dense = b->dense, .sparse = b->sparse, .group = b->group};
        status = rmx_writer_append(j->writer, count, &values, error);
        first += count;
        if (status == RMX_OK && j->progress && !j->progress(j->user, first, j->rows))
            status = rmx_fail(error, RMX_ERR_DATA, "stopped");
    }
    return status;
}

static rmx_status prepare(job *j, const rmx_synthetic_config *config, const char *path,
                          rmx_error *error)
{
    rmx_status status = rmx_synthetic_create(config, &j->plant, error);
    if (status != RMX_OK) return status;
    j->rows = rows_of(config, j->split);
    status = make_schema(config, j->split, &j->schema, error);
    if (status == RMX_OK) status = rmx_ceiling_create(&j->ceiling, j->rows, error);
    if (status == RMX_OK)
        status = rmx_rows_alloc(&j->block, &j->schema, RMX_DATASET_BLOCK_ROWS, error);
    if (status == RMX_OK) {
        j->logit = malloc(RMX_DATASET_BLOCK_ROWS * sizeof *j->logit);
        if (!j->logit) status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a block");
    }
    if (status == RMX_OK) status = rmx_writer_open(path, &j->schema, 0, &j->writer, error);
    return status;
}

rmx_status rmx_synthetic_write(const rmx_synthetic_config *config, rmx_synthetic_split split,
                               const char *path, rmx_progress_callback progress, void *user,
                               rmx_synthetic_result *result, rmx_error *error)
{
    rmx_synthetic_result found = {0, 0.0, 0.0, 0};
    job j;
    memset(&j, 0, sizeof j);
    j.split = split;
    j.progress = progress;
    j.user = user;
    rmx_status status = prepare(&j, config, path, error);
    if (status == RMX_OK) status = write_rows(&j, error);
    if (status == RMX_OK) {
        found.rows = j.rows;
        found.base_rate = (double)j.ceiling.positives / (double)(j.rows > 0 ? j.rows : 1);
        found.ceiling_auc = rmx_ceiling_auc(&j.ceiling);
        rmx_writer_set_ceiling(j.writer, found.ceiling_auc);
        status = rmx_writer_finish(j.writer, &found.fingerprint, error);
        j.writer = NULL; /* freed by finish in every case */
    }
    rmx_writer_discard(j.writer);
    rmx_ceiling_destroy(&j.ceiling);
    rmx_rows_free(&j.block);
    free(j.logit);
    rmx_schema_free(&j.schema);
    rmx_synthetic_destroy(j.plant);
    if (status == RMX_OK && result) *result = found;
    return status;
}
