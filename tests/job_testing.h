/* SPDX-License-Identifier: MIT */
/* job_testing.h: a folder of a test's own in which shell lines run the programs. */
#ifndef RMX_JOB_TESTING_H
#define RMX_JOB_TESTING_H

#include <stdbool.h>

/* As .init and .fini of a suite: makes a folder under /tmp and stands in it; removes it. */
void job_begin(void);
void job_end(void);

void job_put(const char *name, const char *text);
/* Runs a shell line with the programs on PATH; stdout and stderr go to the files out and err.
 * Returns the exit code, or minus the signal. */
int job_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A file's text, good until the next but one call. A test that asks for
 * a file that is not there ends. */
const char *job_text(const char *name);
/* Whether stderr of the last line holds these words; what it held goes to the log if not. */
bool job_said(const char *words);
/* The 16 digits of "params_xxh3" on stdout of the last line; a test ends where there are
 * none. */
const char *job_params(char out[17]);

#endif /* RMX_JOB_TESTING_H */
