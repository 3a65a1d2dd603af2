/* SPDX-License-Identifier: MIT */
/* rmx-data.c: the program that makes, imports, checks and shows datasets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/exit_code.h"
#include "data/help_option.h"
#include "data/standard_streams.h"
#include "data/tool.h"
#include "rankmixer/context.h"

static const struct {
    const char *name, *program;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"generate", "rmx-data generate", rmx_tool_generate},
    {"import", "rmx-data import", rmx_tool_import},
    {"check", "rmx-data check", rmx_tool_check},
    {"info", "rmx-data info", rmx_tool_info},
};

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "rmx-data %s\n", rmx_version());
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG)
        argp_error(state, "unknown command '%s': there are generate, import, check and info",
                   text);
    if (key == ARGP_KEY_NO_ARGS) argp_error(state, "name a command");
    return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
    static const char doc[] =
        "Make, import, check and show datasets for training.\v"
        "Commands (each has its own --help):\n"
        "  generate  click data from a planted model\n"
        "  import    text tables: CSV, Criteo, Avazu\n"
        "  check     read a whole dataset and verify it\n"
        "  info      what is in a dataset\n"
        "Example: rmx-data generate -o data && rmx-data info data/train.h5\n"
        "Exit codes: 0 done, 1 error, 2 wrong usage or spec, 3 data, 4 out of memory, "
        "143 stopped by a signal.";
    const struct argp argp = {NULL, parse, "COMMAND [OPTION...]", doc, NULL, NULL, NULL};
    argp_err_exit_status = RMX_EXIT_USAGE;
    argp_program_version_hook = print_version;
    rmx_streams_begin("rmx-data");
    rmx_help_option(argc, argv);
    rmx_tool_signals();
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            char *program = strdup(commands[i].program); /* argp wants it in argv */
            if (!program) goto out_of_memory;
            argv[1] = program;
            program_invocation_name = program;
            const int code = commands[i].run(argc - 1, argv + 1);
            free(program);
            return code;
        }
    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL) == 0) return 0;
out_of_memory:
    fputs("rmx-data: out of memory\n", stderr);
    return rmx_exit_code(RMX_ERR_MEMORY);
}
