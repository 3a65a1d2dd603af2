/* SPDX-License-Identifier: MIT */
/* predict_csv.c: predictions as CSV. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "train/predict_internal.h"

enum { HEAD_BYTES = RMX_SCHEMA_NAME_MAX + 16 };

static const char *const fixed[] = {"row", "group"};
static const char *const figures[] = {"probability", "logit", "label"};

/* Writes a value, in quotes where a reader would end it early. */
static void put_text(FILE *out, const char *text, size_t bytes)
{
    const size_t length = strnlen(text, bytes);
    bool quote = false;
    for (size_t i = 0; i < length && !quote; i++) quote = strchr("\",\r\n", text[i]) != NULL;
    if (!quote) {
        fwrite(text, 1, length, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') fputc('"', out);
        fputc(text[i], out);
    }
    fputc('"', out);
}

static void head_of_task(const rmx_schema *model, int32_t task, int figure, char out[HEAD_BYTES])
{
    if (model->tasks == 1)
        snprintf(out, HEAD_BYTES, "%s", figures[figure]);
    else
        snprintf(out, HEAD_BYTES, "%s_%s", model->task_names[task], figures[figure]);
}

static bool is_taken(const rmx_schema *model, const char *name)
{
    char head[HEAD_BYTES];
    for (int i = 0; i < 2; i++)
        if (!strcmp(name, fixed[i])) return true;
    for (int32_t t = 0; t < model->tasks; t++)
        for (int figure = 0; figure < 3; figure++) {
            head_of_task(model, t, figure, head);
            if (!strcmp(name, head)) return true;
        }
    return false;
}

void rmx_predict_csv_head(FILE *out, const rmx_predict_columns *columns)
{
    const rmx_schema *set = columns->set, *model = columns->model;
    const int figures_written = set->has_label ? 3 : 2;
    char head[HEAD_BYTES];
    fputs("row", out);
    for (int32_t c = 0; c < set->text_columns; c++) {
        if (c == set->group_text) continue;
        snprintf(head, sizeof head, "%s%s", is_taken(model, set->text_names[c]) ? "key_" : "",
                 set->text_names[c]);
        fputc(',', out);
        put_text(out, head, sizeof head);
    }
    if (set->has_group) fputs(",group", out);
    for (int32_t t = 0; t < model->tasks; t++)
        for (int figure = 0; figure < figures_written; figure++) {
            head_of_task(model, t, figure, head);
            fputc(',', out);
            put_text(out, head, sizeof head);
        }
    fputc('\n', out);
}

/* Writes the keys of a row. *group becomes the text of the group, if there is one. */
static void put_keys(FILE *out, const rmx_schema *schema, const char *text, const char **group)
{
    for (int32_t c = 0; c < schema->text_columns; c++) {
        if (c == schema->group_text) {
            *group = text;
        } else {
            fputc(',', out);
            put_text(out, text, (size_t)schema->text_bytes[c]);
        }
        text += schema->text_bytes[c];
    }
}

static void put_group(FILE *out, const rmx_schema *set, const char *text, uint64_t hash)
{
    fputc(',', out);
    if (text)
        put_text(out, text, (size_t)set->text_bytes[set->group_text]);
    else if (hash)
        fprintf(out, "%llu", (unsigned long long)hash);
}

void rmx_predict_csv_rows(FILE *out, const rmx_predict_columns *columns,
                          const rmx_predictions *rows)
{
    const rmx_schema *set = columns->set;
    const int64_t tasks = columns->model->tasks;
    const rmx_reader_view *view = rows->view;
    const uint64_t *row = view->source ? view->source : view->rows;
    int64_t width = 0;
    for (int32_t c = 0; c < set->text_columns; c++) width += set->text_bytes[c];
    for (int64_t i = 0; i < view->samples; i++) {
        const char *group = NULL;
        fprintf(out, "%llu", (unsigned long long)row[i]);
        if (width) put_keys(out, set, view->text + i * width, &group);
        if (set->has_group) put_group(out, set, group, view->group[i]);
        for (int64_t v = i * tasks; v < (i + 1) * tasks; v++) {
            fprintf(out, ",%.9g,%.9g", (double)rows->probability[v], (double)rows->logit[v]);
            if (!set->has_label) continue;
            fputc(',', out);
            if (view->labels[v] != RMX_LABEL_MASKED) fprintf(out, "%d", view->labels[v]);
        }
        fputc('\n', out);
    }
}
