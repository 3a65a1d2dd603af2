/* SPDX-License-Identifier: MIT */
/* tool.h: what the commands of rmx-data share: signals, log, progress, exit codes. */
#ifndef RMX_DATA_TOOL_H
#define RMX_DATA_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/* The commands; each returns the process's exit code. */
int rmx_tool_generate(int argc, char **argv);
int rmx_tool_import(int argc, char **argv);
int rmx_tool_check(int argc, char **argv);
int rmx_tool_info(int argc, char **argv);

/* SIGINT and SIGTERM ask to stop once; a second one ends the process at once. A full disk or file
 * size limit is an error of write(), not a signal. */
void rmx_tool_signals(void);
bool rmx_tool_stopped(void);

/* Lines on stderr; -q silences all but errors. */
void rmx_tool_quiet(bool quiet);
void rmx_tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A progress callback (dataset.h), drawn by progress_line.h; user is a word like "rows". */
bool rmx_tool_progress(void *user, int64_t done, int64_t total);
void rmx_tool_progress_end(void);

/* 0 for RMX_OK, 143 where a signal asked to stop, otherwise after printing the text: 2 for wrong
 * usage, 3 for data, 4 for memory, 1 for the rest. */
int rmx_tool_exit(rmx_status status, const rmx_error *error);

#endif /* RMX_DATA_TOOL_H */
