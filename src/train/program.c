/* SPDX-License-Identifier: MIT */
/* program.c: see program.h. */
#include "train/program.h"

#include <stdio.h>

#include "data/help_option.h"
#include "data/standard_streams.h"
#include "train/config_keys.h"

int rmx_program_begin(const char *program, const struct argp *parser, int argc, char **argv,
                      void *arguments)
{
    static char version[64];
    rmx_streams_begin(program);
    rmx_help_option(argc, argv);
    snprintf(version, sizeof version, "%s %s", program, rmx_version());
    argp_program_version = version;
    argp_err_exit_status = RMX_EXIT_USAGE;
    if (argp_parse(parser, argc, argv, 0, NULL, arguments) == 0) return RMX_EXIT_OK;
    fprintf(stderr, "%s: out of memory\n", program);
    return RMX_EXIT_DEVICE;
}

int rmx_program_exit(const char *program, rmx_status status, const rmx_error *error)
{
    if (status == RMX_OK) return RMX_EXIT_OK;
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program, error->text[0] ? error->text : rmx_status_name(status));
    return rmx_exit_code(status);
}

int rmx_program_main(const rmx_program *program, int argc, char **argv, void *arguments)
{
    rmx_error error = {.text = ""};
    bool stopped = false;
    int code = rmx_program_begin(program->name, program->parser, argc, argv, arguments);
    if (code != RMX_EXIT_OK) return code;
    code = rmx_program_exit(program->name, program->run(arguments, &stopped, &error), &error);
    return code == RMX_EXIT_OK && stopped ? RMX_EXIT_STOPPED : code;
}

bool rmx_program_device(const char *text, rmx_device *out)
{
    const int32_t place = rmx_choice_place(rmx_key_find("run", "device")->choices, text);
    if (place >= 0) *out = (rmx_device)place;
    return place >= 0;
}
