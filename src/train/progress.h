/* SPDX-License-Identifier: MIT */
/* progress.h: what a person sees, on stderr: lines, tables and, on a terminal, one live line. */
#ifndef RMX_TRAIN_PROGRESS_H
#define RMX_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/schema.h"
#include "rankmixer/model.h"

typedef struct rmx_progress {
    bool terminal, color;
    int32_t level; /* -1 quiet: warnings only; 0; 1 verbose: every tensor */
    bool live;     /* a live line stands there */
    double drawn;  /* when it was drawn last */
} rmx_progress;

/* Looks at stderr and NO_COLOR. */
void rmx_progress_init(rmx_progress *progress, int32_t level);
/* A line of its own, unless quiet. */
void rmx_progress_say(rmx_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "warning: ..." always. */
void rmx_progress_warn(rmx_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The live line: replaced on a terminal, at most ten times a second; elsewhere a plain line at
 * most every five seconds. due: whether it would be shown now, so that its text need not be made
 * in vain. */
bool rmx_progress_due(const rmx_progress *progress);
void rmx_progress_live(rmx_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Ends the live line, so that others may print. */
void rmx_progress_end(rmx_progress *progress);

/* The device and why, the table of layers, the memory planned. */
void rmx_progress_model(rmx_progress *progress, const rmx_context *ctx, const rmx_model *model);
void rmx_progress_data(rmx_progress *progress, const char *role, const char *path,
                       const rmx_schema *schema);

/* Seconds of a clock that never goes back. */
double rmx_progress_clock(void);
/* "41.2k", "1.31M". */
const char *rmx_progress_count(double value, char out[16]);
/* "0:07", "1:02:03". */
const char *rmx_progress_duration(double seconds, char out[32]);

#endif /* RMX_TRAIN_PROGRESS_H */
