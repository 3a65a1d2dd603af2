/* SPDX-License-Identifier: MIT */
/* faulting_jobs.c: the programs of faulting.h, each with a small job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "faulting.h"

#define MODEL "model/checkpoints/best.h5"
fault_job fault_jobs[] = {
    {"train", {"rmx-train", "-q", "given.ini"}, {NULL}, true, false, false, {0}},
    {"resume", {"rmx-train", "-q", "given.ini"}, {NULL}, true, true, false, {0}},
    {"synthetic", {"rmx-train", "-q", "job.ini"}, {NULL}, true, false, true, {0}},
    {"import",
     {"rmx-data", "import", "-q", "--spec", "spec.ini", "table.csv", "-o", "out.h5", "--split",
      "split.h5"},
     {"out.h5", "split.h5"},
     false,
     false,
     false,
     {0}},
    {"import-like",
     {"rmx-data", "import", "-q", "--vocab-from", "train.h5", "table.csv", "-o", "out.h5"},
     {"out.h5"},
     false,
     false,
     false,
     {0}},
    {"generate",
     {"rmx-data", "generate", "-q", "-o", "made", "--rows-train", "200", "--rows-valid", "100"},
     {"made/train.h5", "made/valid.h5"},
     false,
     false,
     true,
     {0}},
    {"check", {"rmx-data", "check", "train.h5"}, {NULL}, false, false, false, {0}},
    {"info", {"rmx-data", "info", "train.h5"}, {NULL}, false, false, false, {0}},
    {"eval", {"rmx-eval", "-q", MODEL, "valid.h5"}, {NULL}, false, false, false, {0}},
    {"predict",
     {"rmx-predict", "-q", MODEL, "valid.h5", "-o", "scores.csv"},
     {"scores.csv"},
     false,
     false,
     false,
     {0}},
    {"predict-to-h5",
     {"rmx-predict", "-q", MODEL, "valid.h5", "-o", "scores.h5"},
     {"scores.h5"},
     false,
     false,
     false,
     {0}},
    {"look", {"rmx-info", MODEL}, {NULL}, false, false, false, {0}},
};
const int fault_jobs_count = sizeof fault_jobs / sizeof *fault_jobs;

fault_job *fault_job_called(const char *name)
{
    for (int i = 0; i < fault_jobs_count; i++)
        if (strcmp(fault_jobs[i].name, name) == 0) return &fault_jobs[i];
    return NULL;
}

/* ---- inputs ------------------------------------------------------------------------------- */

static void write_table(const char *folder, const char *name, int rows, uint64_t state)
{
    char path[FAULT_TEXT], *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) abort();
    fputs("user,item,price,age,click\n", out);
    for (int i = 0; i < rows; i++) {
        const unsigned user = (unsigned)(fault_random(&state) % 20);
        const unsigned item = (unsigned)(fault_random(&state) % 30);
        const unsigned price = (unsigned)(fault_random(&state) % 1000);
        fprintf(out, "u%u,\"i%u\",%u.%02u,%u,%s\n", user, item, price, user, 18 + item,
                (user + item + price) % 3 ? "no" : "yes");
    }
    fclose(out);
    fault_text(path, "%s/%s", folder, name);
    fault_write(path, text, bytes);
    free(text);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[FAULT_TEXT];
    fault_text(path, "%s/%s", folder, name);
    fault_write(path, text, strlen(text));
}

static void write_job(const char *folder)
{
    static const char settings[] =
        "[model]\ntokens = 2\nwidth = 4\nlayers = 1\nexpansion = 1\nembedding_width = 2\n"
        "[train]\nbatch = 64\nepochs = 3\nlog_every = 1\neval_every = 4\nsave_every = 2\n";
    static const char spec[] = "[file]\nseparator = comma\nheader = yes\n[columns]\n"
                               "user = sparse min_count=2\nitem = sparse buckets=16\n"
                               "price = dense log zscore\nage = dense zscore flag\n"
                               "click = label positive=yes negative=no\n";
    char text[4096];
    if (mkdir(folder, 0777) != 0) abort();
    write_table(folder, "table.csv", 300, 1);
    write_table(folder, "other.csv", 120, 2);
    write_text(folder, "spec.ini", spec);
    snprintf(text, sizeof text,
             "[run]\ndir = run\nthreads = 1\n[synthetic]\nrows_train = 300\nrows_valid = 100\n"
             "sparse_fields = 3\ndense_fields = 3\nvocabulary = 12\ngroups = 10\n%s",
             settings);
    write_text(folder, "job.ini", text);
    snprintf(text, sizeof text,
             "[run]\ndir = run\nthreads = 1\n[data]\ntrain = train.h5\nvalid = valid.h5\n%s",
             settings);
    write_text(folder, "given.ini", text);
}

/* want-JOB: what a job makes of the inputs; old-JOB: of others. */
static void run_undisturbed(fault_job *j)
{
    static fault_end end;
    char folder[FAULT_TEXT], from[FAULT_TEXT], to[FAULT_TEXT];
    fault_text(folder, "%s", fault_path("want-%s", j->name));
    fault_copy_tree(fault_path(j->begun ? "begun" : "base"), folder);
    fault_must_run(folder, j->words, &j->end);
    fault_strip_clocks(j->end.out);
    if (!j->outputs[0]) return;
    fault_text(folder, "%s", fault_path("old-%s", j->name));
    fault_copy_tree(fault_path("base"), folder);
    const bool predict = strcmp(j->words[0], "rmx-predict") == 0;
    fault_text(from, "%s/%s", folder, predict ? "train.h5" : "other.csv");
    fault_text(to, "%s/%s", folder, predict ? "valid.h5" : "table.csv");
    if (rename(from, to) != 0) abort();
    fault_must_run(folder, j->words, &end);
}

void fault_jobs_prepare(void)
{
    static const char *const import[] = {"rmx-data", "import",    "-q", "--spec",
                                         "spec.ini", "table.csv", "-o", "train.h5",
                                         "--split",  "valid.h5",  NULL};
    static const char *const half[] = {"rmx-train",     "-q", "given.ini", "--set",
                                       "train.steps=6", NULL};
    static fault_end end;
    char base[FAULT_TEXT];
    fault_text(base, "%s", fault_path("base"));
    write_job(base);
    fault_must_run(base, import, &end);
    fault_copy_tree(base, fault_path("begun"));
    fault_must_run(fault_path("begun"), half, &end);
    for (int i = 0; i < fault_jobs_count; i++) {
        run_undisturbed(&fault_jobs[i]);
        if (i == 0) fault_copy_tree(fault_path("want-train/run"), fault_path("base/model"));
    }
}

void fault_job_begin(const fault_job *j, const char *folder, bool old)
{
    fault_remove_tree(folder);
    if (mkdir(folder, 0777) != 0) abort();
    fault_fill_job(j, folder, old);
}

void fault_fill_job(const fault_job *j, const char *folder, bool old)
{
    char to[FAULT_TEXT];
    fault_copy_tree(fault_path(j->begun ? "begun" : "base"), folder);
    for (int i = 0; old && i < 2 && j->outputs[i]; i++) {
        size_t n;
        fault_text(to, "%s/%s", folder, j->outputs[i]);
        if (strchr(j->outputs[i], '/')) fault_make_folder_of(to);
        char *bytes = fault_read(fault_path("old-%s/%s", j->name, j->outputs[i]), &n);
        if (!bytes) abort();
        fault_write(to, bytes, n);
        free(bytes);
    }
}

/* ---- what has to be true ------------------------------------------------------------------ */

static bool same_output(const char *path, const char *kind, const char *job, const char *name)
{
    const char *other = fault_path("%s-%s/%s", kind, job, name);
    return strstr(name, "scores") ? fault_same_file(path, other) : fault_same_set(path, other);
}

const char *fault_job_done(const fault_job *j, const char *folder, fault_end *end)
{
    static char why[FAULT_TEXT];
    char is[FAULT_TEXT];
    for (int i = 0; i < 2 && j->outputs[i]; i++) {
        fault_text(is, "%s/%s", folder, j->outputs[i]);
        if (same_output(is, "want", j->name, j->outputs[i])) continue;
        fault_text(why, "exit 0, but %s is not as an undisturbed run makes it", j->outputs[i]);
        return why;
    }
    fault_strip_clocks(end->out);
    if (strcmp(end->out, j->end.out) != 0) return "exit 0, but its stdout is another";
    return j->train ? fault_compare_runs(folder, fault_path("want-%s", j->name)) : NULL;
}

const char *fault_job_whole(const fault_job *j, const char *folder, bool absent)
{
    static char why[FAULT_TEXT];
    char is[FAULT_TEXT];
    for (int i = 0; i < 2 && j->outputs[i]; i++) {
        fault_text(is, "%s/%s", folder, j->outputs[i]);
        if (same_output(is, "want", j->name, j->outputs[i])) continue;
        if (same_output(is, "old", j->name, j->outputs[i])) continue;
        if (absent && fault_same_file(is, "/absent")) continue;
        fault_text(why, "%s is neither old nor whole%s", j->outputs[i],
                   absent ? " nor absent" : "");
        return why;
    }
    return j->train ? fault_check_run(folder) : NULL;
}

const char *fault_job_refused(const fault_job *j, const char *folder, const fault_end *end)
{
    static char why[FAULT_TEXT];
    static fault_end again;
    const fault_plan undisturbed = {.preload = true};
    if (end->err[0] == 0) return "it fails and says nothing on stderr";
    if (strstr(end->err, ": \n")) return "it fails and gives no reason";
    if (end->code < 1 || end->code > 4) return "an exit code of another meaning";
    const char *verdict = fault_job_whole(j, folder, false);
    if (verdict || !j->train) return verdict;
    fault_run(folder, j->words, &undisturbed, &again);
    if (again.code != 0) {
        fault_text(why, "given again it ends with %d: %.900s", again.code, again.err);
        return why;
    }
    verdict = fault_compare_runs(folder, fault_path("want-%s", j->name));
    if (!verdict) verdict = fault_leftover(folder);
    if (verdict) fault_text(why, "given again: %.900s", verdict);
    return verdict ? why : NULL;
}
