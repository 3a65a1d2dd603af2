/* SPDX-License-Identifier: MIT */
/* tool_import.c: rmx-data import. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/import.h"
#include "data/import_report.h"
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
    {"unlabelled", 'U', NULL, 0, "the rows have no labels; rmx-predict can score them", 0},
    {"split", 'S', "VALID.h5", 0, "split some of the rows off into this file", 1},
    {"split-fraction", 'F', "X", 0, "how many of them (default 0.1)", 1},
    {"split-by", 'B', "HOW", 0,
     "hash: rows chosen at random (default); tail: the last rows; group: whole groups, chosen at "
     "random; time=COLUMN: the latest rows by that column; column=COLUMN: all rows with one value "
     "go one way, chosen at random",
     1},
    {"split-column", 'C', "COLUMN", 0, "the column of --split-by time or column", 1},
    {"split-seed", 'R', "N", 0, "of choices at random (default 1)", 1},
    {"max-bad", 'M', "SHARE", 0,
     "more bad rows than this share of all are an error (default 1%; 0.05 and 5% are the same; "
     "100% lets all pass); fewer are left out and counted",
     2},
    {"bad", 'b', "FILE", 0, "keep bad rows here as they stand, to be mended and imported", 2},
    {"strict", 'x', NULL, 0, "a bad row, or a row that pad = yes would fill, is an error", 2},
    {"quiet", 'q', NULL, 0, "only errors and bad rows on stderr", 3},
    {NULL, 0, NULL, 0, NULL, 0},
};

static void take_number(struct argp_state *state, int key, const char *text)
{
    rmx_import_options *o = &((arguments *)state->input)->options;
    char *end = NULL;
    errno = 0;
    if (key == 'R') {
        o->split_seed = strtoull(text, &end, 10);
    } else {
        double x = strtod(text, &end);
        if (key == 'M' && *end == '%') {
            x /= 100.0;
            end++;
        }
        if (key == 'M' && !(x >= 0.0 && x <= 1.0))
            argp_error(state, "--max-bad is 0 .. 1 or 0%% .. 100%%, not '%s'", text);
        if (key == 'M')
            o->max_bad = x == 0.0 ? -1.0 : x;
        else
            o->split_fraction = x;
    }
    if (errno != 0 || end == text || *end || text[0] == '-')
        argp_error(state, "'%s' is not a number that fits here", text);
}

/* HOW, or HOW=COLUMN */
static void take_split(struct argp_state *state, const char *text)
{
    static const char *const names[] = {"hash", "tail", "group", "time", "column"};
    rmx_import_options *o = &((arguments *)state->input)->options;
    const size_t n = strcspn(text, "=");
    for (int i = 0; i < 5; i++) {
        if (strlen(names[i]) != n || strncmp(names[i], text, n) != 0) continue;
        if (text[n] && i != RMX_SPLIT_TIME && i != RMX_SPLIT_COLUMN) break;
        o->split_by = (rmx_split_by)i;
        if (text[n]) o->split_column = text + n + 1;
        return;
    }
    argp_error(state, "--split-by is hash, tail, group, time=COLUMN or column=COLUMN, not '%s'",
               text);
}

static void check(struct argp_state *state, const rmx_import_options *o)
{
    const bool column = o->split_by == RMX_SPLIT_TIME || o->split_by == RMX_SPLIT_COLUMN;
    if (o->inputs == 0) argp_error(state, "name at least one input file");
    if (!o->output) argp_error(state, "name the output: -o OUT.h5");
    if (column && !o->split_column)
        argp_error(state, "name the column to split by: --split-column COLUMN");
    if (o->split_column && !column)
        argp_error(state, "--split-column goes with --split-by time or column");
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
    case 'U': o->unlabelled = true; break;
    case 'S': o->split_output = text; break;
    case 'B': take_split(state, text); break;
    case 'C': o->split_column = text; break;
    case 'F':
    case 'M':
    case 'R': take_number(state, key, text); break;
    case 'b': o->bad_output = text; break;
    case 'x': o->strict = true; break;
    case 'q': rmx_tool_quiet(true); break;
    case ARGP_KEY_ARG: a->input[o->inputs++] = text; break;
    case ARGP_KEY_END: check(state, o); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

int rmx_tool_import(int argc, char **argv)
{
    static const char doc[] =
        "Turn text tables into a dataset. INPUT is a file, plain or compressed by gzip or zstd, "
        "or - for the standard input; several are one table.\v"
        "Results are on stdout; bad rows by reason and column, and warnings, on stderr.\n"
        "Example: rmx-data import --spec configs/adult.columns.ini adult.data -o train.h5 "
        "--split valid.h5\n"
        "         rmx-data import --vocab-from train.h5 adult.test -o test.h5\n"
        "         rmx-data import --spec log.ini --split valid.h5 --split-by time=when "
        "day*.csv.gz -o train.h5\n"
        "         rmx-data import --vocab-from train.h5 --unlabelled new.csv -o new.h5";
    const struct argp argp = {options, parse, "INPUT...", doc, NULL, NULL, NULL};
    rmx_error error = {.text = ""};
    rmx_import_result result;
    char unit[] = "bytes";
    arguments a = {.options = {.format = "csv",
                               .split_fraction = 0.1,
                               .split_seed = 1,
                               .progress = rmx_tool_progress,
                               .user = unit}};
    a.input = calloc((size_t)argc + 1, sizeof *a.input);
    if (!a.input) return rmx_tool_exit(rmx_fail(&error, RMX_ERR_MEMORY, "out of memory"), &error);
    memset(&result, 0, sizeof result);
    rmx_status status = rmx_tool_arguments(&argp, argc, argv, &a, &error);
    a.options.input = a.input;
    if (status == RMX_OK) status = rmx_import(&a.options, &result, &error);
    rmx_tool_progress_end();
    if (!rmx_tool_stopped()) rmx_import_warn(&a.options, &result);
    if (status == RMX_OK) rmx_import_report(&a.options, &result);
    rmx_import_result_free(&result);
    free(a.input);
    return rmx_tool_exit(status, &error);
}
