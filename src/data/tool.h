/* SPDX-License-Identifier: MIT */
/* tool.h: what the commands of rmx-data share: signals, log, progress, exit codes. */
#ifndef RMX_DATA_TOOL_H
#define RMX_DATA_TOOL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "data/progress_line.h"

/* The commands; each returns the process's exit code. */
int rmx_tool_generate(int argc, char **argv);
int rmx_tool_import(int argc, char **argv);
int rmx_tool_check(int argc, char **argv);
int rmx_tool_info(int argc, char **argv);

/* SIGINT and SIGTERM ask to stop once; the second one ends the process at once. A full disk or a
 * limit of file sizes is an error of write(), not a signal. */
void rmx_tool_signals(void);
bool rmx_tool_stopped(void);

/* Reads the command line. RMX_ERR_MEMORY; wrong usage ends the process. */
RMX_NODISCARD rmx_status rmx_tool_arguments(const struct argp *argp, int argc, char **argv,
                                            void *out, rmx_error *error);

/* Lines on stderr; -q silences all but errors. */
void rmx_tool_quiet(bool quiet);
rmx_progress *rmx_tool_terminal(void);
#define rmx_tool_say(...) rmx_progress_say(rmx_tool_terminal(), __VA_ARGS__)

/* A progress callback (dataset.h), drawn by progress_line.h; user is a word like "rows". */
bool rmx_tool_progress(void *user, int64_t done, int64_t total);
void rmx_tool_progress_end(void);

/* The exit code (exit_code.h), after printing why it is not 0. */
int rmx_tool_exit(rmx_status status, const rmx_error *error);

#endif /* RMX_DATA_TOOL_H */
