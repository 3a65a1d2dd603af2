/* SPDX-License-Identifier: MIT */
/* tool_look.c: rmx-data check and rmx-data info. */
#include <argp.h>
#include <math.h>
#include <stdio.h>

#include "data/dataset.h"
#include "data/tool.h"

static const struct argp_option options[] = {
    {"quiet", 'q', NULL, 0, "only errors on stderr", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    const char **path = state->input;
    if (key == 'q') {
        rmx_tool_quiet(true);
    } else if (key == ARGP_KEY_ARG) {
        if (*path) argp_error(state, "one file at a time");
        *path = text;
    } else if (key == ARGP_KEY_END) {
        if (!*path) argp_error(state, "name the file");
    } else {
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

int rmx_tool_check(int argc, char **argv)
{
    static const char doc[] = "Read a whole dataset and verify every row and checksum.\v"
                              "Example: rmx-data check train.h5";
    const struct argp argp = {options, parse, "FILE.h5", doc, NULL, NULL, NULL};
    const char *path = NULL;
    rmx_error error = {""};
    char unit[] = "rows";
    argp_parse(&argp, argc, argv, 0, NULL, &path);
    const rmx_status status = rmx_dataset_check(path, rmx_tool_progress, unit, &error);
    rmx_tool_progress_end();
    if (status == RMX_OK) printf("%s: good\n", path);
    return rmx_tool_exit(status, &error);
}

static void print_schema(const char *path, const rmx_schema *s)
{
    printf("file         %s\n", path);
    printf("rows         %lld of %lld bytes\n", (long long)s->rows,
           (long long)rmx_schema_row_bytes(s));
    printf("fingerprint  %016llx\n", (unsigned long long)s->fingerprint);
    printf("source       %s\n", s->source);
    printf("group        %s\n", s->has_group ? "yes" : "no");
    if (!isnan(s->ceiling_auc)) printf("ceiling AUC  %.5f\n", s->ceiling_auc);
    printf("tasks        %d:", (int)s->tasks);
    for (int32_t i = 0; i < s->tasks; i++) printf(" %s", s->task_names[i]);
    printf("\nsparse       %d (name, vocabulary)\n", (int)s->sparse_fields);
    for (int32_t i = 0; i < s->sparse_fields; i++)
        printf("  %-24s %lld\n", s->names[i], (long long)s->vocabulary[i]);
    printf("dense        %d\n", (int)s->dense_fields);
    for (int32_t i = 0; i < s->dense_fields; i++) printf("  %s\n", s->names[s->sparse_fields + i]);
    if (s->transform[0]) printf("transform\n%s", s->transform);
}

int rmx_tool_info(int argc, char **argv)
{
    static const char doc[] = "Print what is in a dataset, without reading its rows.\v"
                              "Example: rmx-data info train.h5";
    const struct argp argp = {options, parse, "FILE.h5", doc, NULL, NULL, NULL};
    const char *path = NULL;
    rmx_error error = {""};
    rmx_schema schema;
    argp_parse(&argp, argc, argv, 0, NULL, &path);
    const rmx_status status = rmx_dataset_schema(path, &schema, &error);
    if (status == RMX_OK) {
        print_schema(path, &schema);
        rmx_schema_free(&schema);
    }
    return rmx_tool_exit(status, &error);
}
