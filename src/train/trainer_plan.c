/* SPDX-License-Identifier: MIT */
/* trainer_plan.c: prints what a run would do and need, for --check-config. Nothing is written. */
#include <unistd.h>

#include "data/dataset.h"
#include "train/trainer_internal.h"

/* Describes a set. A set that is not generated yet has only a number of rows. */
static int64_t say_set(const trainer *t, const char *role, const char *path, int64_t to_make)
{
    rmx_schema schema;
    char rows[16];
    if (!*path) return 0;
    if (rmx_dataset_schema(path, &schema, NULL) == RMX_OK) {
        const int64_t found = schema.rows;
        rmx_describe_data(t->progress, role, path, &schema);
        rmx_schema_free(&schema);
        return found;
    }
    rmx_progress_say(t->progress, "%-7s %s: %s rows, to be made from [synthetic]", role, path,
                     rmx_describe_count((double)to_make, rows));
    return to_make;
}

static void say_steps(const trainer *t, int64_t rows)
{
    const int64_t batch = t->config->train.batch;
    const int64_t of_epoch = rows / batch + (rows % batch != 0);
    const int64_t steps = rmx_trainer_steps(t->config, of_epoch);
    char length[64];
    if (of_epoch == 0) return; /* a set has at least one row */
    snprintf(length, sizeof length, "%.3g epochs", (double)steps / (double)of_epoch);
    if (steps % of_epoch == 0)
        snprintf(length, sizeof length, "%lld epoch%s", (long long)(steps / of_epoch),
                 steps == of_epoch ? "" : "s");
    rmx_progress_say(t->progress, "steps   %lld of %lld examples: %s of %lld steps",
                     (long long)steps, (long long)batch, length, (long long)of_epoch);
}

/* Host memory without the model's: windows of the reader, scores of an evaluation, the latest
 * scores and, with a GPU, the copy of parameters and states for checkpoints. */
static int64_t host_bytes(const trainer *t, const rmx_model_memory *m, int64_t rows,
                          int64_t evaluated)
{
    const int64_t tasks = t->schema.tasks, of_score = sizeof(float) + 1;
    const int64_t most = (int64_t)RMX_SHUFFLE_BLOCKS * RMX_DATASET_BLOCK_ROWS;
    const int64_t window = rows < most ? rows : most;
    int64_t bytes =
        m->host_bytes + 2 * window * rmx_schema_row_bytes(&t->schema) +
        evaluated * (tasks * of_score + (int64_t)sizeof(uint64_t)) +
        RMX_LATEST_EXAMPLES * tasks * (int64_t)(2 * sizeof(float) + sizeof(rmx_metrics_term) + 1);
    if (rmx_context_device(t->ctx) != RMX_DEVICE_CPU)
        bytes += m->parameter_bytes + m->optimizer_bytes;
    return bytes;
}

static void say_memory(const trainer *t, const rmx_model_memory *m, int64_t rows,
                       int64_t evaluated)
{
    const bool cpu = rmx_context_device(t->ctx) == RMX_DEVICE_CPU;
    const double host = (double)host_bytes(t, m, rows, evaluated) / 1e6;
    const double model = (double)m->total_bytes / 1e6;
    rmx_describe_memory(t->progress, m);
    if (cpu)
        rmx_progress_say(
            t->progress,
            "        on the host about %.1f MB: the model and %.1f for data and scores",
            model + host, host);
    else
        rmx_progress_say(t->progress,
                         "        on the device %.1f MB; on the host about %.1f MB for data, "
                         "scores and checkpoints",
                         model, host);
}

void rmx_trainer_say_plan(const trainer *t, const rmx_model_memory *m)
{
    const rmx_config_synthetic *s = &t->config->synthetic;
    char count[16], tables[16];
    int64_t rows_of_tables = 0;
    if (t->progress->level < 0) return;
    rmx_progress_say(t->progress, "device  %s", rmx_context_describe(t->ctx));
    const int64_t rows = say_set(t, "train", t->files.train, s->rows_train);
    const int64_t valid = say_set(t, "valid", t->files.valid, s->rows_valid);
    const int64_t test = say_set(t, "test", t->files.test, s->rows_test);
    say_steps(t, rows);
    for (int32_t f = 0; f < t->schema.sparse_fields; f++)
        rows_of_tables += t->schema.vocabulary[f];
    rmx_progress_say(
        t->progress, "model   %lld parameters (%s), %s of them in %d embedding table%s",
        (long long)m->parameters, rmx_describe_count((double)m->parameters, count),
        rmx_describe_count((double)rows_of_tables * (double)t->config->model.embedding_width,
                           tables),
        t->schema.sparse_fields, t->schema.sparse_fields == 1 ? "" : "s");
    say_memory(t, m, rows, valid > test ? valid : test);
}
