/* SPDX-License-Identifier: MIT */
/* rmx-info: verifies a checkpoint and shows its content. */
#include <argp.h>
#include <math.h>
#include <stdio.h>

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

/* The number of values of the parameters, or of all tensors. */
static int64_t count_values(const rmx_checkpoint *c, bool all)
{
    int64_t values = 0;
    for (int32_t i = 0; i < c->tensors; i++)
        if (all || c->tensor[i].parameter) values += rmx_checkpoint_count(&c->tensor[i]);
    return values;
}

static void print_tensors(const rmx_checkpoint *c)
{
    puts("\n# tensors: shape, XXH3-64, name");
    for (int32_t i = 0; i < c->tensors; i++) {
        const rmx_checkpoint_tensor *t = &c->tensor[i];
        char shape[96];
        size_t used = 0;
        for (int32_t d = 0; d < t->dims; d++)
            used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", d ? " x " : "",
                                     (long long)t->shape[d]);
        printf("%-24s %016llx %s\n", shape, (unsigned long long)t->checksum, t->name);
    }
    printf("# %lld parameters, %lld values in all\n", (long long)count_values(c, false),
           (long long)count_values(c, true));
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
    fputs("{\"file\":", stdout);
    rmx_json_string(stdout, path);
    rmx_json_text(stdout, "version", c->version);
    rmx_json_integer(stdout, "step", s->step);
    rmx_json_integer(stdout, "epoch", s->epoch);
    rmx_json_integer(stdout, "batch", s->batch);
    rmx_json_integer(stdout, "examples", s->examples);
    rmx_json_integer(stdout, "best_step", s->best_step);
    rmx_json_number(stdout, "best_auc", s->best_step ? s->best_auc : NAN);
    rmx_json_number(stdout, "seconds", s->seconds);
    rmx_json_integer(stdout, "parameters", count_values(c, false));
    rmx_json_hash(stdout, "params_xxh3", s->params_xxh3);
    rmx_json_text(stdout, "config", c->config);
    puts("}");
}

static rmx_status run(void *input, bool *stopped, rmx_error *error)
{
    const arguments *a = input;
    rmx_checkpoint checkpoint;
    (void)stopped; /* a signal ends it at once */
    rmx_status status = rmx_checkpoint_verify(a->path, error);
    if (status == RMX_OK) status = rmx_checkpoint_open(a->path, &checkpoint, error);
    if (status != RMX_OK) return status;
    if (a->json)
        print_json(a->path, &checkpoint);
    else
        print_text(a->path, &checkpoint);
    rmx_checkpoint_free(&checkpoint);
    return RMX_OK;
}

int main(int argc, char **argv)
{
    static const rmx_program program = {"rmx-info", &parser, run};
    arguments a = {.path = NULL};
    return rmx_program_main(&program, argc, argv, &a);
}
