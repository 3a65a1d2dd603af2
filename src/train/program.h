/* SPDX-License-Identifier: MIT */
/* program.h: the skeleton of a program: what each rmx-* program does around its own work. */
#ifndef RMX_TRAIN_PROGRAM_H
#define RMX_TRAIN_PROGRAM_H

#include <argp.h>
#include <stdbool.h>

#include "core/error.h"
#include "data/exit_code.h"
#include "rankmixer/context.h"

typedef struct rmx_program {
    const char *name;
    const struct argp *parser;
    /* The program's own work, after `arguments` were parsed. It sets *stopped, which is false
     * before, where a signal ended it early. */
    rmx_status (*run)(void *arguments, bool *stopped, rmx_error *error);
} rmx_program;

/* Begins, runs and exits. `arguments` is the parser's input. Returns the exit code. */
int rmx_program_main(const rmx_program *program, int argc, char **argv, void *arguments);

/* Sets up the standard streams, -h and --version, then parses the command line into `arguments`.
 * Returns RMX_EXIT_OK, or the code to exit with. */
int rmx_program_begin(const char *program, const struct argp *parser, int argc, char **argv,
                      void *arguments);
/* Prints "PROGRAM: text" to stderr where the status is a failure; returns the exit code. */
int rmx_program_exit(const char *program, rmx_status status, const rmx_error *error);
/* Reads "auto", "cpu" or "cuda"; returns false for any other text. */
bool rmx_program_device(const char *text, rmx_device *out);

#endif /* RMX_TRAIN_PROGRAM_H */
