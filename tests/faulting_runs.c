/* SPDX-License-Identifier: MIT */
/* faulting_runs.c: what has to be true of a run's files; see faulting.h. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset.h"
#include "faulting.h"
#include "train/checkpoint.h"

bool fault_same_set(const char *a, const char *b)
{
    rmx_schema x, y;
    if (fault_same_file(a, b)) return true;
    if (rmx_dataset_check(a, NULL, NULL, NULL) != RMX_OK) return false;
    if (rmx_dataset_schema(a, &x, NULL) != RMX_OK) return false;
    const bool readable = rmx_dataset_schema(b, &y, NULL) == RMX_OK;
    const bool same = readable && x.fingerprint == y.fingerprint && x.rows == y.rows;
    rmx_schema_free(&x);
    if (readable) rmx_schema_free(&y);
    return same;
}

/* ---- a run -------------------------------------------------------------------------------- */

static bool same_but_clocks(const char *a, const char *b)
{
    size_t n;
    char *x = fault_read(a, &n), *y = fault_read(b, &n);
    if (x) fault_strip_clocks(x);
    if (y) fault_strip_clocks(y);
    const bool same = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

static const char *compare_states(const char *path, const rmx_checkpoint_state *is,
                                  const rmx_checkpoint_state *want)
{
    static char why[FAULT_TEXT];
    const struct {
        const char *name;
        int64_t is, want;
    } fields[] = {{"params_xxh3", (int64_t)is->params_xxh3, (int64_t)want->params_xxh3},
                  {"step", is->step, want->step},
                  {"epoch", is->epoch, want->epoch},
                  {"batch", is->batch, want->batch},
                  {"examples", is->examples, want->examples},
                  {"evaluated_step", is->evaluated_step, want->evaluated_step},
                  {"best_step", is->best_step, want->best_step}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].is != fields[i].want) {
            fault_text(why, "%s: %s is %llx, not %llx", path, fields[i].name,
                       (unsigned long long)fields[i].is, (unsigned long long)fields[i].want);
            return why;
        }
    return NULL;
}

static const char *compare_checkpoints(const char *is, const char *want)
{
    static char why[FAULT_TEXT];
    rmx_checkpoint a, b;
    rmx_error error = {.text = ""};
    if (rmx_checkpoint_verify(is, &error) != RMX_OK ||
        rmx_checkpoint_open(is, &a, &error) != RMX_OK) {
        fault_text(why, "%s", error.text);
        return why;
    }
    if (rmx_checkpoint_open(want, &b, &error) != RMX_OK) abort();
    const char *verdict = compare_states(is, &a.state, &b.state);
    if (!verdict && a.tensors != b.tensors) verdict = "a checkpoint holds other tensors";
    for (int32_t i = 0; !verdict && i < a.tensors; i++)
        if (a.tensor[i].checksum != b.tensor[i].checksum) verdict = "a tensor differs";
    rmx_checkpoint_free(&a);
    rmx_checkpoint_free(&b);
    return verdict;
}

static bool has_step(const int64_t *steps, int32_t count, int64_t step)
{
    for (int32_t i = 0; i < count; i++)
        if (steps[i] == step) return true;
    return false;
}

const char *fault_compare_runs(const char *is, const char *want)
{
    static const char *const files[] = {"metrics.jsonl", "config.ini"};
    static char why[FAULT_TEXT];
    char a[FAULT_TEXT], b[FAULT_TEXT], name[512];
    int64_t *steps[2];
    int32_t count[2];
    for (int i = 0; i < 2; i++) {
        fault_text(a, "%s/run/%s", is, files[i]);
        fault_text(b, "%s/run/%s", want, files[i]);
        fault_text(why, "%s differs", files[i]);
        if (!same_but_clocks(a, b)) return why;
    }
    fault_text(a, "%s/run/checkpoints", is);
    fault_text(b, "%s/run/checkpoints", want);
    if (rmx_checkpoint_list(a, &steps[0], &count[0], NULL) != RMX_OK ||
        rmx_checkpoint_list(b, &steps[1], &count[1], NULL) != RMX_OK)
        return "the checkpoints cannot be listed";
    /* a removal that failed, or a kill before it, may leave older ones */
    const char *verdict = count[0] < count[1] ? "checkpoints are missing" : NULL;
    for (int32_t i = 0; !verdict && i < count[1]; i++)
        if (!has_step(steps[0], count[0], steps[1][i])) verdict = "other checkpoints are kept";
    for (int32_t i = 0; !verdict && i < count[1]; i++) {
        fault_text(a, "%s/run/checkpoints/step-%012lld.h5", is, (long long)steps[1][i]);
        fault_text(b, "%s/run/checkpoints/step-%012lld.h5", want, (long long)steps[1][i]);
        verdict = compare_checkpoints(a, b);
    }
    free(steps[0]);
    free(steps[1]);
    fault_text(a, "%s/run/checkpoints/best.h5", is);
    fault_text(b, "%s/run/checkpoints/best.h5", want);
    if (!verdict && access(b, R_OK) == 0) verdict = compare_checkpoints(a, b);
    if (!verdict && fault_count_names(is, ".aside", name)) verdict = "a checkpoint was put aside";
    return verdict;
}

const char *fault_leftover(const char *folder)
{
    static char why[FAULT_TEXT];
    char name[512];
    if (fault_count_names(folder, ".tmp.", name) == 0) return NULL;
    fault_text(why, "left behind: %s", name);
    return why;
}

/* The files of a folder whose names end in .h5, each by `check`. */
static const char *check_files(const char *folder, rmx_status (*check)(const char *, rmx_error *))
{
    static rmx_error error;
    char path[FAULT_TEXT];
    const char *verdict = NULL;
    DIR *list = opendir(folder);
    for (const struct dirent *e; !verdict && list && (e = readdir(list));) {
        const size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 3, ".h5") != 0) continue;
        fault_text(path, "%s/%s", folder, e->d_name);
        if (check(path, &error) != RMX_OK) verdict = error.text;
    }
    if (list) closedir(list);
    return verdict;
}

static rmx_status check_set(const char *path, rmx_error *error)
{
    return rmx_dataset_check(path, NULL, NULL, error);
}

const char *fault_check_run(const char *folder)
{
    char path[FAULT_TEXT];
    fault_text(path, "%s/run/data", folder);
    const char *verdict = check_files(path, check_set);
    if (verdict) return verdict;
    fault_text(path, "%s/run/checkpoints", folder);
    return check_files(path, rmx_checkpoint_verify);
}
