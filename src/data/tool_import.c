/* SPDX-License-Identifier: MIT */
/* tool_import.c: rmx-data import. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/import.h"
#include "data/tool.h"

typedef struct arguments {
    rmx_import_options options;
    const char **input;
} arguments;

static const struct argp_option options[] = {
    {"format", 'f', "NAME", 0, "csv (default), criteo or avazu", 0},
    {"spec", 's', "SPEC.ini", 0, "what each column becomes (see docs/data.md)", 0},
    {"output", 'o', "OUT.h5", 0, "the dataset to write", 0},
    {"vocab-from", 'V', "TRAIN.h5", 0, "use the ids and transforms of this set", 0},
    {"split", 'S', "VALID.h5", 0, "split some of the rows off into this file", 0},
    {"split-fraction", 'F', "X", 0, "how many of them (default 0.1)", 0},
    {"split-by", 'B', "HOW", 0, "hash: chosen at random (default); tail: the last ones", 0},
    {"split-seed", 'R', "N", 0, "of the choice by hash (default 1)", 0},
    {"strict", 'x', NULL, 0, "a bad row is an error; else it is left out and counted", 0},
    {"quiet", 'q', NULL, 0, "only errors on stderr", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static void take_split(struct argp_state *state, int key, const char *text)
{
    rmx_import_options *o = &((arguments *)state->input)->options;
    char *end = NULL;
    errno = 0;
    if (key == 'F') {
        o->split_fraction = strtod(text, &end);
    } else if (key == 'R') {
        o->split_seed = strtoull(text, &end, 10);
    } else {
        o->split_tail = strcmp(text, "tail") == 0;
        if (!o->split_tail && strcmp(text, "hash") != 0)
            argp_error(state, "--split-by is hash or tail, not '%s'", text);
        return;
    }
    if (errno != 0 || end == text || *end || text[0] == '-')
        argp_error(state, "'%s' is not a number that fits here", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    rmx_import_options *o = &a->options;
    switch (key) {
    case 'f': o->format = text; break;
    case 's': o->spec = text; break;
    case 'o': o->output = text; break;
    case 'V': o->fitted_on = text; break;
    case 'S': o->split_output = text; break;
    case 'F':
    case 'B':
    case 'R': take_split(state, key, text); break;
    case 'x': o->strict = true; break;
    case 'q': rmx_tool_quiet(true); break;
    case ARGP_KEY_ARG: a->input[o->inputs++] = text; break;
    case ARGP_KEY_END:
        if (o->inputs == 0) argp_error(state, "name at least one input file");
        if (!o->output) argp_error(state, "name the output: -o OUT.h5");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void report(const rmx_import_options *o, const rmx_import_result *r)
{
    printf("%s: %lld rows\n", o->output, (long long)r->rows);
    if (o->split_output) printf("%s: %lld rows\n", o->split_output, (long long)r->split_rows);
    printf("bad rows left out: %lld%s%s\n", (long long)r->bad_rows,
           r->bad_rows ? ", the first: " : "", r->first_bad);
    printf("sparse values outside the vocabulary (id 0): %lld\n", (long long)r->unknown_values);
    printf("missing dense values: %lld\n", (long long)r->missing_values);
}

int rmx_tool_import(int argc, char **argv)
{
    static const char doc[] =
        "Turn text tables into a dataset.\v"
        "Example: rmx-data import --spec configs/adult.columns.ini adult.data -o train.h5 "
        "--split valid.h5\n"
        "         rmx-data import --vocab-from train.h5 adult.test -o test.h5";
    const struct argp argp = {options, parse, "INPUT...", doc, NULL, NULL, NULL};
    rmx_error error = {""};
    rmx_import_result result;
    memset(&result, 0, sizeof result);
    arguments a;
    memset(&a, 0, sizeof a);
    a.options.format = "csv";
    a.options.split_fraction = 0.1;
    a.options.split_seed = 1;
    a.options.progress = rmx_tool_progress;
    char unit[] = "bytes";
    a.options.user = unit;
    a.input = calloc((size_t)argc + 1, sizeof *a.input);
    if (!a.input) return rmx_tool_exit(rmx_fail(&error, RMX_ERR_MEMORY, "out of memory"), &error);
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    a.options.input = a.input;
    const rmx_status status = rmx_import(&a.options, &result, &error);
    rmx_tool_progress_end();
    if (status == RMX_OK) report(&a.options, &result);
    free(a.input);
    return rmx_tool_exit(status, &error);
}
