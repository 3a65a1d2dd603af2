/* SPDX-License-Identifier: MIT */
/* score_program.c: see score_program.h. */
#include "train/score_program.h"

#include <stdlib.h>
#include <string.h>

#include "train/model_tensors.h"
#include "train/program.h"
#include "train/stop_signal.h"

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

/* Reads the config of the checkpoint and sets up its model. */
static rmx_status read_setup(rmx_scorer *s, const char *path, rmx_error *error)
{
    rmx_error why;
    const char *text = s->checkpoint.config;
    rmx_status status = rmx_config_parse(path, text, strlen(text), NULL, 0, &s->config, &why);
    if (status == RMX_OK) {
        status = rmx_schema_copy(&s->trained, s->checkpoint.schema, error);
        if (status != RMX_OK) return status;
        status = rmx_model_setup_make(&s->config, &s->trained, &s->setup, &why);
    }
    if (status == RMX_OK) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA, "%s: its config cannot be used: %s", path, why.text);
}

static rmx_status open_model(rmx_scorer *s, const rmx_score_arguments *a, rmx_error *error)
{
    char why[512] = "";
    const char *path = a->path[0];
    const rmx_context_options options = {.device = a->device, .threads = a->threads};
    rmx_status status = rmx_checkpoint_open(path, &s->checkpoint, error);
    if (status == RMX_OK) status = read_setup(s, path, error);
    if (status != RMX_OK) return status;
    status = rmx_context_create(&options, &s->ctx, why, sizeof why);
    if (status != RMX_OK) return rmx_fail(error, status, "%s", why);
    status = rmx_model_create(s->ctx, &s->setup.model, NULL, &s->model);
    if (status != RMX_OK)
        return rmx_fail(error, status == RMX_ERR_ARGUMENT ? RMX_ERR_DATA : status, "%s: %s", path,
                        rmx_last_error(s->ctx));
    return rmx_model_tensors_read(s->ctx, s->model, path, error);
}

static rmx_status open_data(rmx_scorer *s, const rmx_score_arguments *a, bool need_labels,
                            rmx_error *error)
{
    const rmx_reader_options how = {.batch = s->config.train.batch, .keys = true};
    s->data_path = a->path[1];
    rmx_status status = rmx_reader_open(s->data_path, &how, &s->reader, error);
    if (status != RMX_OK) return status;
    s->data = rmx_reader_schema(s->reader);
    if (need_labels) status = rmx_schema_need_labels(s->data, s->data_path, error);
    if (status != RMX_OK) return status;
    return rmx_dataset_match(&s->trained, a->path[0], s->data_path, error);
}

rmx_status rmx_scorer_open(const rmx_score_arguments *a, bool need_labels, rmx_scorer *out,
                           rmx_error *error)
{
    memset(out, 0, sizeof *out);
    rmx_stop_install();
    rmx_progress_init(&out->progress, a->level);
    rmx_status status = open_model(out, a, error);
    if (status != RMX_OK) return status;
    rmx_progress_say(&out->progress, "device  %s", rmx_context_describe(out->ctx));
    status = open_data(out, a, need_labels, error);
    if (status == RMX_OK) rmx_describe_data(&out->progress, "data", out->data_path, out->data);
    return status;
}

void rmx_scorer_close(rmx_scorer *scorer)
{
    rmx_reader_close(scorer->reader);
    rmx_model_destroy(scorer->model);
    rmx_context_destroy(scorer->ctx);
    rmx_model_setup_free(&scorer->setup);
    rmx_schema_free(&scorer->trained);
    rmx_config_destroy(&scorer->config);
    rmx_checkpoint_free(&scorer->checkpoint);
}
