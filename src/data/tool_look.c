/* SPDX-License-Identifier: MIT */
/* tool_look.c: rmx-data check and rmx-data info. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/container.h"
#include "data/dataset.h"
#include "data/import_report.h"
#include "data/schema_json.h"
#include "data/tool.h"

typedef struct arguments {
    const char *path;
    bool json;
} arguments;

static const struct argp_option info_options[] = {
    {"json", 'j', NULL, 0, "one JSON object instead of text", 0},
    {"quiet", 'q', NULL, 0, "only errors on stderr", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};
static const struct argp_option *const check_options = &info_options[1];

static error_t parse(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    if (key == 'q') {
        rmx_tool_quiet(true);
    } else if (key == 'j') {
        a->json = true;
    } else if (key == ARGP_KEY_ARG) {
        if (a->path) argp_error(state, "one file at a time");
        a->path = text;
    } else if (key == ARGP_KEY_END) {
        if (!a->path) argp_error(state, "name the file");
    } else {
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- check ---------------------------------------------------------------------------------- */

static void print_tasks(const rmx_schema *s)
{
    for (int32_t i = 0; i < s->tasks && s->has_label; i++) {
        printf("  %-24s ", s->task_names[i]);
        rmx_labels_print(&s->label_count[i]);
    }
}

/* Rows of one class cannot be ranked: AUC is undefined for them. */
static void warn_classes(const char *path, const rmx_schema *s)
{
    for (int32_t i = 0; i < s->tasks && s->has_label; i++) {
        const rmx_label_count *n = &s->label_count[i];
        if (n->positive == 0 || n->negative == 0)
            rmx_tool_say("rmx-data: warning: %s: task '%s' has %s", path, s->task_names[i],
                         n->positive > 0   ? "positive labels only"
                         : n->negative > 0 ? "negative labels only"
                                           : "no label at all");
    }
}

int rmx_tool_check(int argc, char **argv)
{
    static const char doc[] = "Read a whole dataset and verify every row and checksum.\v"
                              "Example: rmx-data check train.h5";
    const struct argp argp = {check_options, parse, "FILE.h5", doc, NULL, NULL, NULL};
    arguments a = {NULL, false};
    rmx_error error = {.text = ""};
    rmx_schema schema;
    char unit[] = "rows";
    rmx_status status = rmx_tool_arguments(&argp, argc, argv, &a, &error);
    if (status == RMX_OK) status = rmx_dataset_check(a.path, rmx_tool_progress, unit, &error);
    rmx_tool_progress_end();
    if (status == RMX_OK) status = rmx_dataset_schema(a.path, &schema, &error);
    if (status == RMX_OK) {
        warn_classes(a.path, &schema);
        printf("%s: good\n", a.path);
        printf("rows         %lld\n", (long long)schema.rows);
        print_tasks(&schema);
        rmx_schema_free(&schema);
    }
    return rmx_tool_exit(status, &error);
}

/* ---- info ----------------------------------------------------------------------------------- */

static void print_fields(const rmx_schema *s)
{
    printf("sparse       %d (name, vocabulary, encoding)\n", (int)s->sparse_fields);
    for (int32_t i = 0; i < s->sparse_fields; i++) {
        const rmx_encoding *e = &s->encoding[i];
        printf("  %-24s %-10lld %s", s->names[i], (long long)s->vocabulary[i], e->transform);
        if (e->values > 0 || e->hash != 0) printf(" %016llx", (unsigned long long)e->hash);
        printf("%s\n", e->unknown ? ", id 0 is unknown" : "");
    }
    printf("dense        %d (name, encoding)\n", (int)s->dense_fields);
    for (int32_t i = s->sparse_fields; i < s->sparse_fields + s->dense_fields; i++)
        printf("  %-24s %s\n", s->names[i], s->encoding[i].transform);
}

static void print_keys(const rmx_schema *s)
{
    if (s->has_group)
        printf("group        %s%s%lld of %lld rows have none\n",
               s->group_text >= 0 ? s->text_names[s->group_text] : "",
               s->group_text >= 0 ? ": " : "", (long long)s->rows_without_group,
               (long long)s->rows);
    else
        printf("group        none\n");
    int32_t keys = 0;
    for (int32_t i = 0; i < s->text_columns; i++)
        if (i != s->group_text) printf("%s%s", keys++ ? ", " : "keys         ", s->text_names[i]);
    if (keys > 0) putchar('\n');
    printf("source rows  %s\n", s->has_row ? "kept" : "not kept");
}

static void print_schema(const char *path, const rmx_schema *s)
{
    printf("file         %s\n", path);
    printf("rows         %lld of %lld bytes\n", (long long)s->rows,
           (long long)rmx_schema_row_bytes(s));
    printf("fingerprint  %016llx\n", (unsigned long long)s->fingerprint);
    printf("encoding     %016llx\n", (unsigned long long)rmx_schema_encoding_hash(s));
    printf("source       %s\n", s->source);
    if (!isnan(s->ceiling_auc)) printf("ceiling AUC  %.5f\n", s->ceiling_auc);
    printf("tasks        %d:", (int)s->tasks);
    for (int32_t i = 0; i < s->tasks; i++) printf(" %s", s->task_names[i]);
    printf("%s\n", s->has_label ? "" : " (the rows have no labels)");
    print_tasks(s);
    print_keys(s);
    print_fields(s);
    if (s->spec[0]) printf("spec\n%s", s->spec);
}

/* file, rows, row_bytes, fingerprint, what schema_json.h lists, and the spec. */
static rmx_status print_json(const char *path, const rmx_schema *s, rmx_error *error)
{
    json_t *all = json_object(), *rest = rmx_schema_to_json(s);
    int bad = !all || !rest;
    bad |= json_object_set_new(all, "file", rmx_json_text_of(path));
    bad |= json_object_set_new(all, "rows", json_integer(s->rows));
    bad |= json_object_set_new(all, "row_bytes", json_integer(rmx_schema_row_bytes(s)));
    bad |= rmx_json_set_hash(all, "fingerprint", s->fingerprint);
    bad |= json_object_update(all, rest);
    bad |= json_object_set_new(all, "spec", rmx_json_text_of(s->spec));
    char *text = bad ? NULL : json_dumps(all, JSON_COMPACT);
    if (text) puts(text);
    const bool good = text != NULL;
    free(text);
    json_decref(rest);
    json_decref(all);
    return good ? RMX_OK : rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a JSON text");
}

int rmx_tool_info(int argc, char **argv)
{
    static const char doc[] = "Print what is in a dataset, without reading its rows.\v"
                              "Example: rmx-data info train.h5";
    const struct argp argp = {info_options, parse, "FILE.h5", doc, NULL, NULL, NULL};
    arguments a = {NULL, false};
    rmx_error error = {.text = ""};
    rmx_schema schema;
    rmx_status status = rmx_tool_arguments(&argp, argc, argv, &a, &error);
    if (status == RMX_OK) status = rmx_dataset_schema(a.path, &schema, &error);
    if (status == RMX_OK) {
        if (a.json)
            status = print_json(a.path, &schema, &error);
        else
            print_schema(a.path, &schema);
        rmx_schema_free(&schema);
    }
    return rmx_tool_exit(status, &error);
}
