/* SPDX-License-Identifier: MIT */
/* rmx-info: what is in a checkpoint; every checksum is compared on the way. */
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/checkpoint_format.h"
#include "train/json.h"
#include "train/program.h"

typedef struct arguments {
    const char *path;
    bool json;
} arguments;

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "one JSON object instead of tables", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'j': a->json = true; return 0;
    case ARGP_KEY_ARG:
        if (a->path) argp_error(state, "one checkpoint at a time; '%s' is the second", value);
        a->path = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->path) argp_error(state, "needs a checkpoint");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "CHECKPOINT",
    "Verifies a checkpoint and prints its step, config, data fields, tensors and checksums."
    "\vExample:\n  rmx-info runs/base/checkpoints/best.h5\n\n"
    "Exit codes: 0 ok, 1 error, 2 usage, 3 no usable checkpoint, 4 out of memory.",
    NULL,
    NULL,
    NULL};

static void print_tensors(const rmx_checkpoint *c)
{
    int64_t parameters = 0, values = 0;
    puts("\n# tensors: shape, XXH3-64, name");
    for (int32_t i = 0; i < c->tensors; i++) {
        const rmx_checkpoint_tensor *t = &c->tensor[i];
        char shape[96];
        size_t used = 0;
        for (int32_t d = 0; d < t->dims; d++)
            used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", d ? " x " : "",
                                     (long long)t->shape[d]);
        printf("%-24s %016llx %s\n", shape, (unsigned long long)t->checksum, t->name);
        values += rmx_checkpoint_count(t);
        if (t->parameter) parameters += rmx_checkpoint_count(t);
    }
    printf("# %lld parameters, %lld values in all\n", (long long)parameters, (long long)values);
}

static void print_text(const char *path, const rmx_checkpoint *c)
{
    const rmx_checkpoint_state *s = &c->state;
    printf("file           %s (verified)\n", path);
    printf("written by     rankmixer %s\n", c->version);
    printf("step           %lld\n", (long long)s->step);
    printf("next batch     %lld of epoch %lld (both from 0)\n", (long long)s->batch,
           (long long)s->epoch);
    printf("examples       %lld\n", (long long)s->examples);
    printf("seconds        %.1f\n", s->seconds);
    if (s->best_step)
        printf("best AUC       %.6f, step %lld\n", s->best_auc, (long long)s->best_step);
    printf("training data  %016llx\n", (unsigned long long)s->train_fingerprint);
    printf("params_xxh3    %016llx\n", (unsigned long long)s->params_xxh3);
    printf("encoding       %016llx\n", (unsigned long long)rmx_schema_encoding_hash(c->schema));
    printf("numerics       contract %lld\n", (long long)c->numerics);
    printf("\n# config\n%s\n# data fields: name, vocabulary, encoding\n", c->config);
    for (int32_t i = 0; i < c->schema->sparse_fields + c->schema->dense_fields; i++)
        printf("%-24s %10lld %s\n", c->schema->names[i],
               i < c->schema->sparse_fields ? (long long)c->schema->vocabulary[i] : 1,
               c->schema->encoding[i].transform);
    print_tensors(c);
}

static void print_json(const char *path, const rmx_checkpoint *c)
{
    const rmx_checkpoint_state *s = &c->state;
    int64_t parameters = 0;
    for (int32_t i = 0; i < c->tensors; i++)
        if (c->tensor[i].parameter) parameters += rmx_checkpoint_count(&c->tensor[i]);
    fputs("{\"file\":", stdout);
    rmx_json_string(stdout, path);
    fputs(",\"version\":", stdout);
    rmx_json_string(stdout, c->version);
    printf(",\"step\":%lld,\"epoch\":%lld,\"batch\":%lld,\"examples\":%lld,\"best_step\":%lld",
           (long long)s->step, (long long)s->epoch, (long long)s->batch, (long long)s->examples,
           (long long)s->best_step);
    rmx_json_number(stdout, "best_auc", s->best_step ? s->best_auc : NAN);
    rmx_json_number(stdout, "seconds", s->seconds);
    printf(",\"parameters\":%lld,\"params_xxh3\":\"%016llx\",\"config\":", (long long)parameters,
           (unsigned long long)s->params_xxh3);
    rmx_json_string(stdout, c->config);
    puts("}");
}

int main(int argc, char **argv)
{
    arguments a = {.path = NULL};
    rmx_checkpoint checkpoint;
    rmx_error error = {.text = ""};
    const int code = rmx_program_begin("rmx-info", &parser, argc, argv, &a);
    if (code != RMX_EXIT_OK) return code;
    rmx_status status = rmx_checkpoint_verify(a.path, &error);
    if (status == RMX_OK) status = rmx_checkpoint_open(a.path, &checkpoint, &error);
    if (status != RMX_OK) return rmx_program_exit("rmx-info", status, &error);
    if (a.json)
        print_json(a.path, &checkpoint);
    else
        print_text(a.path, &checkpoint);
    rmx_checkpoint_free(&checkpoint);
    return RMX_EXIT_OK;
}
