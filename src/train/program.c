/* SPDX-License-Identifier: MIT */
/* program.c: see program.h. */
#include "train/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/help_option.h"
#include "data/standard_streams.h"

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

error_t rmx_score_option(int key, char *value, struct argp_state *state, rmx_score_arguments *a)
{
    char *end;
    long number;
    switch (key) {
    case RMX_KEY_DEVICE:
        if (!rmx_program_device(value, &a->device))
            argp_error(state, "--device is auto, cpu or cuda, not '%s'", value);
        return 0;
    case 't':
        number = strtol(value, &end, 10);
        if (end == value || *end || number < 0 || number > 1024)
            argp_error(state, "--threads is 0 .. 1024, not '%s'", value);
        a->threads = (int32_t)number;
        return 0;
    case 'q': a->level = -1; return 0;
    case ARGP_KEY_ARG:
        if (a->count == 2) argp_error(state, "too many arguments: '%s'", value);
        a->path[a->count++] = value;
        return 0;
    case ARGP_KEY_END:
        if (a->count < 2) argp_error(state, "needs a checkpoint and a data set");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int rmx_program_exit(const char *program, rmx_status status, const rmx_error *error)
{
    if (status == RMX_OK) return RMX_EXIT_OK;
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program, error->text[0] ? error->text : rmx_status_name(status));
    switch (status) {
    case RMX_ERR_ARGUMENT: return RMX_EXIT_USAGE;
    case RMX_ERR_DATA: return RMX_EXIT_DATA;
    case RMX_ERR_DEVICE:
    case RMX_ERR_MEMORY: return RMX_EXIT_DEVICE;
    default: return RMX_EXIT_ERROR;
    }
}

bool rmx_program_device(const char *text, rmx_device *out)
{
    static const char *const names[] = {"auto", "cpu", "cuda"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(text, names[i])) {
            *out = (rmx_device)i;
            return true;
        }
    return false;
}

static rmx_status make_model(rmx_scorer *s, const char *path, rmx_error *error)
{
    rmx_model_tensors tensors;
    rmx_status status = rmx_model_create(s->ctx, &s->setup.model, NULL, &s->model);
    if (status != RMX_OK)
        return rmx_fail(error, status == RMX_ERR_ARGUMENT ? RMX_ERR_DATA : status, "%s: %s", path,
                        rmx_last_error(s->ctx));
    status = rmx_model_tensors_make(s->ctx, s->model, false, &tensors, error);
    if (status != RMX_OK) return status;
    status = rmx_checkpoint_load(path, tensors.tensor, tensors.count, false, error);
    if (status == RMX_OK) status = rmx_model_tensors_store(s->ctx, &tensors, error);
    rmx_model_tensors_free(&tensors);
    return status;
}

rmx_status rmx_scorer_open(const char *path, rmx_device device, int32_t threads, rmx_scorer *out,
                           rmx_error *error)
{
    char why[512] = "";
    rmx_error inner;
    const rmx_context_options options = {.device = device, .threads = threads};
    memset(out, 0, sizeof *out);
    rmx_status status = rmx_checkpoint_open(path, &out->checkpoint, error);
    if (status != RMX_OK) return status;
    const char *config = out->checkpoint.config;
    status = rmx_config_parse(path, config, strlen(config), NULL, 0, &out->config, &inner);
    if (status != RMX_OK)
        return rmx_fail(error, RMX_ERR_DATA, "%s: its config cannot be used: %s", path,
                        inner.text);
    status = rmx_schema_copy(&out->schema, out->checkpoint.schema, error);
    if (status != RMX_OK) return status;
    status = rmx_setup_make(&out->config, &out->schema, &out->setup, &inner);
    if (status != RMX_OK)
        return rmx_fail(error, RMX_ERR_DATA, "%s: its config cannot be used: %s", path,
                        inner.text);
    status = rmx_context_create(&options, &out->ctx, why, sizeof why);
    if (status != RMX_OK) return rmx_fail(error, status, "%s", why);
    return make_model(out, path, error);
}

void rmx_scorer_close(rmx_scorer *scorer)
{
    rmx_model_destroy(scorer->model);
    rmx_context_destroy(scorer->ctx);
    rmx_setup_free(&scorer->setup);
    rmx_schema_free(&scorer->schema);
    rmx_config_destroy(&scorer->config);
    rmx_checkpoint_free(&scorer->checkpoint);
}
