/* SPDX-License-Identifier: MIT */
/* progress_line.h: lines on stderr during long work. On a terminal one live line shows the
 * progress; it is replaced as the work goes on and removed when it ends. */
#ifndef RMX_DATA_PROGRESS_LINE_H
#define RMX_DATA_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rmx_progress {
    bool terminal, color;
    int32_t level; /* -1 quiet: warnings only; 0; 1 verbose: every tensor */
    bool live;     /* a live line stands there */
    double drawn;  /* when it was drawn last */
    double began;  /* when the work that rmx_progress_work shows began; 0: none */
} rmx_progress;

/* Looks at stderr, TERM and NO_COLOR. */
void rmx_progress_init(rmx_progress *progress, int32_t level);
/* A line of its own, unless quiet. */
void rmx_progress_say(rmx_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "warning: ..." always. */
void rmx_progress_warn(rmx_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The live line. On a terminal it is replaced at most ten times a second; elsewhere it is a plain
 * line at most every five seconds. It is cut on the right where the terminal is narrower, so put
 * what matters most first. due: whether it would be shown now; if not, its text need not be
 * made. */
bool rmx_progress_due(const rmx_progress *progress);
void rmx_progress_live(rmx_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A live line for work of known size: " 42 %  ETA 0:07  [####......]  WHAT". The time left follows
 * from the time since the first call after rmx_progress_end. */
void rmx_progress_work(rmx_progress *progress, int64_t done, int64_t total, const char *what);
/* Clears the live line, so that others may print. */
void rmx_progress_end(rmx_progress *progress);

/* Seconds of a clock that never goes back. */
double rmx_progress_clock(void);
/* "0:07", "1:02:03". */
const char *rmx_progress_duration(double seconds, char out[32]);
/* Cuts UTF-8 text to at most `columns` of a terminal, between characters, in place. Characters
 * that may be wide count as two; bytes that are no text become '?'. */
void rmx_progress_cut(char *text, int32_t columns);

#endif /* RMX_DATA_PROGRESS_LINE_H */
