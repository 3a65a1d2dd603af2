/* SPDX-License-Identifier: MIT */
/* training_loop.c: see training_loop.h. The trainer stamps every entry of its event file with the
 * time of day, so the loop is timed as it is, with nothing added to it. */
#include "training_loop.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/trainer.h"
#include "workload.h"

#define STAMPS_MOST 512
#define STAMPS_SKIPPED 3 /* the first steps record, warm up and save */

typedef struct stamp {
    int64_t step;
    double time;
} stamp;

/* ---- the event file ---------------------------------------------------------------------- */

/* The stamp of a record: field 1 the time, field 2 the step, field 5 a summary, which the events
 * that open the file lack. */
static bool stamp_of(const unsigned char *data, size_t bytes, stamp *out)
{
    size_t at = 1 + sizeof(double);
    unsigned shift = 0;
    if (bytes < at + 3 || data[0] != (1 << 3 | 1) || data[at++] != (2 << 3 | 0)) return false;
    memcpy(&out->time, data + 1, sizeof out->time);
    out->step = 0;
    do {
        out->step |= (int64_t)(data[at] & 127) << shift;
        shift += 7;
    } while (data[at++] & 128 && at < bytes && shift < 63);
    return at < bytes && data[at] == (5 << 3 | 2);
}

/* The first entry of every logged step; returns how many. A record is its length, four bytes of
 * checksum, the data and four more. */
static int read_stamps(FILE *file, stamp *out)
{
    unsigned char data[512];
    uint64_t length = 0;
    uint32_t checksum = 0;
    int count = 0;
    while (count < STAMPS_MOST && fread(&length, sizeof length, 1, file) == 1 &&
           fread(&checksum, sizeof checksum, 1, file) == 1 && length <= sizeof data &&
           fread(data, 1, length, file) == length &&
           fread(&checksum, sizeof checksum, 1, file) == 1) {
        stamp s;
        if (!stamp_of(data, length, &s)) continue;
        if (count == 0 || out[count - 1].step != s.step) out[count++] = s;
    }
    return count;
}

static FILE *open_events(const char *folder)
{
    char path[4400] = "";
    snprintf(path, sizeof path, "%s/tensorboard", folder);
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir && (entry = readdir(dir)) && entry->d_name[0] == '.') continue;
    if (entry) snprintf(path, sizeof path, "%s/tensorboard/%s", folder, entry->d_name);
    FILE *file = entry ? fopen(path, "rb") : NULL;
    if (dir) closedir(dir);
    return file;
}

static rmx_status times_of_stamps(bench *b, const char *folder, bench_times *out)
{
    static stamp stamps[STAMPS_MOST];
    static double seconds[STAMPS_MOST];
    FILE *file = open_events(folder);
    const int count = file ? read_stamps(file, stamps) : 0;
    int32_t intervals = 0;
    for (int i = STAMPS_SKIPPED; i < count; i++)
        seconds[intervals++] =
            (stamps[i].time - stamps[i - 1].time) / (double)(stamps[i].step - stamps[i - 1].step);
    if (file) fclose(file);
    if (intervals == 0)
        return rmx_fail(&b->error, RMX_ERR_INTERNAL, "%s: no times in its event file", folder);
    *out = bench_times_of(seconds, intervals);
    return RMX_OK;
}

/* ---- the run ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static rmx_status train(bench *b, const char *config, int64_t batch, const char *folder)
{
    char dir[4200], device[32], threads[32], rows[48], size[48], steps[48];
    const char *const sets[] = {dir,
                                device,
                                threads,
                                "synthetic.rows_valid=1000",
                                rows,
                                size,
                                steps,
                                "train.eval_every=1000000",
                                "train.save_every=1000000"};
    const rmx_trainer_options options = {.resume = "never"};
    rmx_progress progress;
    rmx_config c;
    bool stopped = false;
    snprintf(dir, sizeof dir, "run.dir=%s", folder);
    snprintf(device, sizeof device, "run.device=%s", b->cuda ? "cuda" : "cpu");
    snprintf(threads, sizeof threads, "run.threads=%d", b->cuda ? 0 : b->threads);
    snprintf(rows, sizeof rows, "synthetic.rows_train=%lld", b->quick ? 20000LL : 300000LL);
    snprintf(size, sizeof size, "train.batch=%lld", (long long)batch);
    snprintf(steps, sizeof steps, "train.steps=%d", b->quick ? 120 : b->cuda ? 4000 : 240);
    BENCH_TRY(workload_config(config, sets, sizeof sets / sizeof *sets, &c, &b->error));
    FILE *results = fopen("/dev/null", "w");
    rmx_progress_init(&progress, -1);
    const rmx_status status =
        results ? rmx_trainer_run(&c, &options, &progress, results, &stopped, &b->error)
                : rmx_fail(&b->error, RMX_ERR_INTERNAL, "/dev/null: %s", strerror(errno));
    if (results) fclose(results);
    rmx_config_destroy(&c);
    return status;
}

rmx_status training_loop_measure(bench *b, const char *config, int64_t batch, bench_times *out)
{
    const char *temporary = getenv("TMPDIR");
    char folder[4096];
    snprintf(folder, sizeof folder, "%.4000s/rmx-bench.XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(folder))
        return rmx_fail(&b->error, RMX_ERR_INTERNAL, "%s: %s", folder, strerror(errno));
    rmx_status status = train(b, config, batch, folder);
    if (status == RMX_OK) status = times_of_stamps(b, folder, out);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}
