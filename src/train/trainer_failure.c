/* SPDX-License-Identifier: MIT */
/* trainer_failure.c: explains a step that was not finite: where the first NaN or infinity appeared,
 * what the likely cause is, and which checkpoint is good. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/trainer_internal.h"

/* A larger input value is mentioned, whatever the cause is. */
#define SUSPICIOUS 1e6

/* ---- checkpoints -------------------------------------------------------------------------- */

/* The newest checkpoint before `step` in the run's folder, or 0. */
static int64_t checkpoint_before(const trainer *t, int64_t step)
{
    int64_t *steps, found = 0;
    int32_t count;
    if (rmx_checkpoint_list(t->folder, &steps, &count, NULL) != RMX_OK) return 0;
    for (int32_t i = 0; i < count; i++)
        if (steps[i] < step && steps[i] > found) found = steps[i];
    free(steps);
    return found;
}

void rmx_trainer_checkpoint_note(const trainer *t, int64_t failed, char *out, size_t bytes)
{
    char name[RMX_CHECKPOINT_FILE_NAME];
    const int64_t saved = t->saved_step;
    if (!t->last_checkpoint[0]) {
        snprintf(out, bytes, "no checkpoint was written yet");
        return;
    }
    /* The parameters after step s are good if step s + 1, or an evaluation after s, was finite. */
    if (saved < failed - 1 || (saved > 0 && t->state.evaluated_step == saved)) {
        snprintf(out, bytes, "the last good checkpoint is %s", t->last_checkpoint);
        return;
    }
    const int64_t good = checkpoint_before(t, saved);
    if (good)
        snprintf(out, bytes,
                 "%s holds the parameters that failed; the last good checkpoint is %s beside it",
                 t->last_checkpoint, rmx_checkpoint_name(good, name));
    else
        snprintf(out, bytes, "%s holds the parameters that failed; no older checkpoint is left",
                 t->last_checkpoint);
}

/* ---- the input ---------------------------------------------------------------------------- */

typedef struct largest_input {
    int32_t field; /* of the dense fields; -1: none */
    uint64_t row;  /* from 0; in the source where the file holds it, else in the file */
    bool of_source;
    float value;
} largest_input;

/* Reads the batch of a step again and finds its dense value of the largest size. */
static largest_input look_at_input(const trainer *t, int64_t step)
{
    largest_input found = {.field = -1};
    const rmx_reader_options options = {
        .batch = t->config->train.batch, .shuffle = true, .seed = (uint64_t)t->config->run.seed};
    const int64_t before = step - 1, fields = t->schema.dense_fields;
    rmx_reader *reader = NULL;
    rmx_reader_view view;
    if (rmx_reader_open(t->files.train, &options, &reader, NULL) != RMX_OK) return found;
    if (rmx_reader_seek(reader, (uint64_t)(before / t->epoch_batches), before % t->epoch_batches,
                        NULL) == RMX_OK &&
        rmx_reader_next(reader, &view, NULL) == RMX_OK)
        for (int64_t i = 0; i < view.samples * fields; i++)
            if (found.field < 0 || fabsf(view.dense[i]) > fabsf(found.value))
                found = (largest_input){.field = (int32_t)(i % fields),
                                        .row = (view.source ? view.source : view.rows)[i / fields],
                                        .of_source = view.source != NULL,
                                        .value = view.dense[i]};
    rmx_reader_close(reader);
    return found;
}

/* Before the first update only the input can be wrong. Later the rates are suspected first. */
static void advise(const trainer *t, int64_t step, char *out, size_t bytes)
{
    char input[400] = "";
    const largest_input found = look_at_input(t, step);
    if (found.field >= 0)
        snprintf(input, sizeof input,
                 "dense field '%s' is %g in row %llu (from 0) of %s, the largest of the batch; "
                 "import it with zscore or log",
                 t->schema.names[t->schema.sparse_fields + found.field], (double)found.value,
                 (unsigned long long)found.row,
                 found.of_source ? "what was imported" : "the training set");
    if (step == 1 && found.field >= 0)
        snprintf(out, bytes, "no update came before, so the input is at fault: %s", input);
    else if (step == 1)
        snprintf(out, bytes,
                 "no update came before, and there is no dense field: please report it");
    else
        snprintf(out, bytes,
                 "lower train.lr or train.embedding_lr, or set train.clip, and start anew with "
                 "--resume never: the same config fails at this step again%s%s",
                 fabs((double)found.value) > SUSPICIOUS ? "; besides, " : "",
                 fabs((double)found.value) > SUSPICIOUS ? input : "");
}

/* ---- the text ----------------------------------------------------------------------------- */

rmx_status rmx_trainer_not_finite(trainer *t, int64_t step)
{
    const char *where = NULL;
    char note[4700], advice[640];
    if (rmx_model_find_nonfinite(t->model, (uint64_t)step, &where) != RMX_OK) where = NULL;
    rmx_trainer_checkpoint_note(t, step, note, sizeof note);
    advise(t, step, advice, sizeof advice);
    return rmx_fail(t->error, RMX_ERR_NUMERIC,
                    "step %lld: NaN or infinity, first in '%.100s'; the update was not made; "
                    "%.300s; %s",
                    (long long)step, where ? where : "the gradient norm", note, advice);
}
