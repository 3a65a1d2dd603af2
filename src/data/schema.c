/* SPDX-License-Identifier: MIT */
/* schema.c: see schema.h. */
#include "data/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/utf8.h"

static rmx_status out_of_memory(rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a dataset's schema");
}

rmx_status rmx_schema_set(char **slot, const char *text, rmx_error *error)
{
    char *copy = strdup(text);
    if (!copy) return out_of_memory(error);
    free(*slot);
    *slot = copy;
    return RMX_OK;
}

static rmx_status check_counts(int32_t sparse, int32_t dense, int32_t tasks, rmx_error *error)
{
    if (sparse < 0 || dense < 0 || sparse > RMX_SCHEMA_FIELDS_MAX ||
        dense > RMX_SCHEMA_FIELDS_MAX || sparse + dense < 1)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "%d sparse and %d dense fields: need at least one field in all, and at "
                        "most %d of each kind",
                        (int)sparse, (int)dense, RMX_SCHEMA_FIELDS_MAX);
    if (tasks < 0 || tasks > RMX_SCHEMA_FIELDS_MAX)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%d tasks: need 0 .. %d", (int)tasks,
                        RMX_SCHEMA_FIELDS_MAX);
    return RMX_OK;
}

static bool default_names(rmx_schema *s)
{
    char name[32];
    for (int32_t i = 0; i < s->sparse_fields + s->dense_fields; i++) {
        if (i < s->sparse_fields)
            snprintf(name, sizeof name, "c%d", (int)i);
        else
            snprintf(name, sizeof name, "d%d", (int)(i - s->sparse_fields));
        if (!(s->names[i] = strdup(name))) return false;
        s->encoding[i].transform = strdup(i < s->sparse_fields ? "id" : "none");
        if (!s->encoding[i].transform) return false;
    }
    for (int32_t i = 0; i < s->tasks; i++) {
        if (s->tasks == 1)
            snprintf(name, sizeof name, "label");
        else
            snprintf(name, sizeof name, "label%d", (int)i);
        if (!(s->task_names[i] = strdup(name))) return false;
    }
    return true;
}

rmx_status rmx_schema_init(rmx_schema *out, int32_t sparse_fields, int32_t dense_fields,
                           int32_t tasks, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    const rmx_status status = check_counts(sparse_fields, dense_fields, tasks, error);
    if (status != RMX_OK) return status;
    const size_t fields = (size_t)sparse_fields + (size_t)dense_fields;
    out->sparse_fields = sparse_fields;
    out->dense_fields = dense_fields;
    out->tasks = tasks;
    out->has_label = tasks > 0;
    out->group_text = -1;
    out->ceiling_auc = (double)NAN;
    out->vocabulary = calloc((size_t)sparse_fields + 1, sizeof *out->vocabulary);
    out->names = calloc(fields, sizeof *out->names);
    out->encoding = calloc(fields, sizeof *out->encoding);
    out->task_names = calloc((size_t)tasks + 1, sizeof *out->task_names);
    out->task_masked = calloc((size_t)tasks + 1, sizeof *out->task_masked);
    out->label_count = calloc((size_t)tasks + 1, sizeof *out->label_count);
    out->text_names = calloc(RMX_SCHEMA_TEXT_COLUMNS_MAX, sizeof *out->text_names);
    out->text_bytes = calloc(RMX_SCHEMA_TEXT_COLUMNS_MAX, sizeof *out->text_bytes);
    out->spec = strdup("");
    out->source = strdup("");
    if (!out->vocabulary || !out->names || !out->encoding || !out->task_names ||
        !out->task_masked || !out->label_count || !out->text_names || !out->text_bytes ||
        !out->spec || !out->source || !default_names(out)) {
        rmx_schema_free(out);
        return out_of_memory(error);
    }
    for (int32_t f = 0; f < sparse_fields; f++) out->vocabulary[f] = 1;
    return RMX_OK;
}

rmx_status rmx_schema_add_text(rmx_schema *schema, const char *name, bool is_group,
                               rmx_error *error)
{
    if (schema->text_columns == RMX_SCHEMA_TEXT_COLUMNS_MAX)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "more than %d keys", RMX_SCHEMA_TEXT_COLUMNS_MAX);
    const rmx_status status =
        rmx_schema_set(&schema->text_names[schema->text_columns], name, error);
    if (status != RMX_OK) return status;
    if (is_group) schema->group_text = schema->text_columns;
    schema->text_columns++;
    return RMX_OK;
}

/* A copy of `count` entries. NULL where memory is out; then *good becomes false. */
static void *copy_of(const void *from, int32_t count, size_t bytes, bool *good)
{
    void *copy = malloc((size_t)count * bytes + 1);
    *good = *good && copy;
    if (copy) memcpy(copy, from, (size_t)count * bytes);
    return copy;
}

static char *text_of(const char *from, bool *good)
{
    return copy_of(from, (int32_t)strlen(from) + 1, 1, good);
}

static char **texts_of(char *const *from, int32_t count, int32_t room, bool *good)
{
    char **copy = calloc((size_t)room + 1, sizeof *copy);
    *good = *good && copy;
    for (int32_t i = 0; copy && i < count; i++) copy[i] = text_of(from[i], good);
    return copy;
}

rmx_status rmx_schema_copy(rmx_schema *out, const rmx_schema *from, rmx_error *error)
{
    const int32_t fields = from->sparse_fields + from->dense_fields, tasks = from->tasks;
    bool good = true;
    *out = *from;
    out->vocabulary =
        copy_of(from->vocabulary, from->sparse_fields, sizeof *out->vocabulary, &good);
    out->names = texts_of(from->names, fields, fields, &good);
    out->encoding = copy_of(from->encoding, fields, sizeof *out->encoding, &good);
    for (int32_t i = 0; out->encoding && i < fields; i++)
        out->encoding[i].transform = text_of(from->encoding[i].transform, &good);
    out->task_names = texts_of(from->task_names, tasks, tasks, &good);
    out->task_masked = copy_of(from->task_masked, tasks, sizeof *out->task_masked, &good);
    out->label_count = copy_of(from->label_count, tasks, sizeof *out->label_count, &good);
    out->text_names =
        texts_of(from->text_names, from->text_columns, RMX_SCHEMA_TEXT_COLUMNS_MAX, &good);
    out->text_bytes =
        copy_of(from->text_bytes, RMX_SCHEMA_TEXT_COLUMNS_MAX, sizeof *out->text_bytes, &good);
    out->spec = text_of(from->spec, &good);
    out->source = text_of(from->source, &good);
    if (good) return RMX_OK;
    rmx_schema_free(out);
    return out_of_memory(error);
}

void rmx_schema_free(rmx_schema *schema)
{
    if (!schema) return;
    const int32_t fields = schema->sparse_fields + schema->dense_fields;
    for (int32_t i = 0; schema->names && i < fields; i++) free(schema->names[i]);
    for (int32_t i = 0; schema->encoding && i < fields; i++) free(schema->encoding[i].transform);
    for (int32_t i = 0; schema->task_names && i < schema->tasks; i++) free(schema->task_names[i]);
    for (int32_t i = 0; schema->text_names && i < schema->text_columns; i++)
        free(schema->text_names[i]);
    free(schema->names);
    free(schema->encoding);
    free(schema->task_names);
    free(schema->task_masked);
    free(schema->label_count);
    free(schema->text_names);
    free(schema->text_bytes);
    free(schema->vocabulary);
    free(schema->spec);
    free(schema->source);
    memset(schema, 0, sizeof *schema);
}

/* ---- Checks --------------------------------------------------------------------------------- */

/* Names stand in JSON, so they have to be UTF-8. */
static rmx_status check_name(const char *name, const char *kind, rmx_error *error)
{
    const size_t length = strlen(name);
    bool plain = rmx_utf8_valid(name, length);
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7f) plain = false;
    }
    if (length < 1 || length > RMX_SCHEMA_NAME_MAX || !plain)
        return rmx_fail(error, RMX_ERR_ARGUMENT,
                        "%s name '%.40s': use 1 to %d bytes of UTF-8 without control characters",
                        kind, plain ? name : "...", RMX_SCHEMA_NAME_MAX);
    return RMX_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static rmx_status check_names(char *const *names, int32_t count, const char *kind,
                              rmx_error *error)
{
    for (int32_t i = 0; i < count; i++) {
        const rmx_status status = check_name(names[i], kind, error);
        if (status != RMX_OK) return status;
    }
    char **sorted = malloc((size_t)count * sizeof *sorted + 1);
    if (!sorted) return out_of_memory(error);
    if (count > 0) memcpy(sorted, names, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_text);
    rmx_status status = RMX_OK;
    for (int32_t i = 1; i < count && status == RMX_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = rmx_fail(error, RMX_ERR_ARGUMENT, "two %ss are called '%s': rename one", kind,
                              sorted[i]);
    free(sorted);
    return status;
}

rmx_status rmx_schema_check(const rmx_schema *s, rmx_error *error)
{
    rmx_status status = check_counts(s->sparse_fields, s->dense_fields, s->tasks, error);
    if (status == RMX_OK)
        status = check_names(s->names, s->sparse_fields + s->dense_fields, "field", error);
    if (status == RMX_OK) status = check_names(s->task_names, s->tasks, "task", error);
    if (status == RMX_OK) status = check_names(s->text_names, s->text_columns, "key", error);
    for (int32_t f = 0; f < s->sparse_fields && status == RMX_OK; f++)
        if (s->vocabulary[f] < 1 || s->vocabulary[f] > UINT32_MAX)
            status = rmx_fail(error, RMX_ERR_ARGUMENT,
                              "field '%s': vocabulary %lld is not within 1 .. 2^32 - 1",
                              s->names[f], (long long)s->vocabulary[f]);
    if (status == RMX_OK &&
        (strlen(s->spec) >= RMX_SCHEMA_TEXT_MAX || strlen(s->source) >= RMX_SCHEMA_TEXT_MAX))
        status = rmx_fail(error, RMX_ERR_ARGUMENT, "spec or source is longer than %d bytes",
                          RMX_SCHEMA_TEXT_MAX - 1);
    return status;
}

int32_t rmx_schema_find(const rmx_schema *schema, const char *name)
{
    for (int32_t i = 0; i < schema->sparse_fields + schema->dense_fields; i++)
        if (strcmp(schema->names[i], name) == 0) return i;
    return -1;
}

/* The first field whose numbers mean something else. */
static rmx_status match_encoding(const rmx_schema *a, const char *a_path, const rmx_schema *b,
                                 const char *b_path, const char *fix, rmx_error *error)
{
    for (int32_t i = 0; i < a->sparse_fields + a->dense_fields; i++) {
        const rmx_encoding *x = &a->encoding[i], *y = &b->encoding[i];
        if (strcmp(x->transform, y->transform) != 0)
            return rmx_fail(error, RMX_ERR_DATA,
                            "field '%.100s' is encoded as '%.100s' in %.150s but as '%.100s' in "
                            "%.150s: %s",
                            a->names[i], y->transform, b_path, x->transform, a_path, fix);
        if (i < a->sparse_fields && a->vocabulary[i] != b->vocabulary[i])
            return rmx_fail(error, RMX_ERR_DATA,
                            "field '%.100s' has vocabulary %lld in %.150s but %lld in %.150s: %s",
                            a->names[i], (long long)b->vocabulary[i], b_path,
                            (long long)a->vocabulary[i], a_path, fix);
        if (x->values != y->values || x->hash != y->hash || x->unknown != y->unknown)
            return rmx_fail(error, RMX_ERR_DATA,
                            "field '%.100s': the ids of %.150s stand for other values than those "
                            "of %.150s: %s",
                            a->names[i], b_path, a_path, fix);
    }
    return RMX_OK;
}

rmx_status rmx_schema_match(const rmx_schema *a, const char *a_path, const rmx_schema *b,
                            const char *b_path, rmx_error *error)
{
    const char *fix = a->spec[0] || b->spec[0] ? "import it with --vocab-from and the training set"
                                               : "make both with one command of rmx-data generate";
    if (a->sparse_fields != b->sparse_fields || a->dense_fields != b->dense_fields)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.200s has %d sparse and %d dense fields, but %.200s has %d and %d: %s",
                        b_path, (int)b->sparse_fields, (int)b->dense_fields, a_path,
                        (int)a->sparse_fields, (int)a->dense_fields, fix);
    for (int32_t i = 0; i < a->sparse_fields + a->dense_fields; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return rmx_fail(error, RMX_ERR_DATA,
                            "field %d is '%.100s' in %.200s but '%.100s' in %.200s: %s", (int)i,
                            b->names[i], b_path, a->names[i], a_path, fix);
    const rmx_status status = match_encoding(a, a_path, b, b_path, fix, error);
    if (status != RMX_OK || !b->has_label) return status;
    if (a->tasks != b->tasks)
        return rmx_fail(error, RMX_ERR_DATA, "%.200s has %d tasks, but %.200s has %d: %s", b_path,
                        (int)b->tasks, a_path, (int)a->tasks, fix);
    for (int32_t i = 0; i < a->tasks; i++)
        if (strcmp(a->task_names[i], b->task_names[i]) != 0)
            return rmx_fail(error, RMX_ERR_DATA,
                            "task %d is '%.100s' in %.200s but '%.100s' in %.200s: %s", (int)i,
                            b->task_names[i], b_path, a->task_names[i], a_path, fix);
    return RMX_OK;
}

rmx_status rmx_schema_need_labels(const rmx_schema *schema, const char *path, rmx_error *error)
{
    if (schema->has_label) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.300s: its rows have no labels, so they can be scored by rmx-predict only; "
                    "import the table with its label columns",
                    path);
}

/* Texts go in as hashes and numbers as 8 bytes, so different lists give different words. */
uint64_t rmx_schema_encoding_hash(const rmx_schema *schema)
{
    uint64_t all = 0;
    for (int32_t i = 0; i < schema->sparse_fields + schema->dense_fields; i++) {
        const rmx_encoding *e = &schema->encoding[i];
        const uint64_t words[7] = {all,
                                   XXH3_64bits(schema->names[i], strlen(schema->names[i])),
                                   XXH3_64bits(e->transform, strlen(e->transform)),
                                   i < schema->sparse_fields ? (uint64_t)schema->vocabulary[i] : 0,
                                   (uint64_t)e->values,
                                   e->hash,
                                   e->unknown};
        all = XXH3_64bits(words, sizeof words);
    }
    return all;
}

int64_t rmx_schema_row_bytes(const rmx_schema *s)
{
    int64_t bytes = (s->has_label ? s->tasks : 0) + 4 * (int64_t)s->dense_fields +
                    4 * (int64_t)s->sparse_fields + (s->has_group ? 8 : 0) + (s->has_row ? 8 : 0);
    for (int32_t i = 0; i < s->text_columns; i++) bytes += s->text_bytes[i];
    return bytes;
}
