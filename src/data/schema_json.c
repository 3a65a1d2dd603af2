/* SPDX-License-Identifier: MIT */
/* schema_json.c: see schema_json.h. */
#include "data/schema_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/container.h"

/* ---- Writing -------------------------------------------------------------------------------- */

static json_t *field_json(const rmx_schema *s, int32_t i)
{
    const rmx_encoding *e = &s->encoding[i];
    char hash[17];
    rmx_hash_text(e->hash, hash);
    if (i >= s->sparse_fields)
        return json_pack("{s:s, s:s}", "name", s->names[i], "transform", e->transform);
    return json_pack("{s:s, s:I, s:I, s:s, s:b, s:s}", "name", s->names[i], "vocabulary",
                     (json_int_t)s->vocabulary[i], "values", (json_int_t)e->values, "hash", hash,
                     "unknown", (int)e->unknown, "transform", e->transform);
}

static json_t *task_json(const rmx_schema *s, int32_t i)
{
    const rmx_label_count *n = &s->label_count[i];
    return json_pack("{s:s, s:b, s:I, s:I, s:I}", "name", s->task_names[i], "masked",
                     (int)s->task_masked[i], "positive", (json_int_t)n->positive, "negative",
                     (json_int_t)n->negative, "hidden", (json_int_t)n->masked);
}

static json_t *text_json(const rmx_schema *s, int32_t i)
{
    return json_pack("{s:s, s:i}", "name", s->text_names[i], "bytes", (int)s->text_bytes[i]);
}

/* NULL where an entry cannot be made. */
static json_t *list_json(const rmx_schema *s, int32_t first, int32_t count,
                         json_t *(*entry)(const rmx_schema *s, int32_t i))
{
    json_t *list = json_array();
    for (int32_t i = first; i < first + count; i++)
        if (json_array_append_new(list, entry(s, i)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *rmx_schema_to_json(const rmx_schema *s)
{
    json_t *out = json_object();
    int bad = json_object_set_new(out, "sparse", list_json(s, 0, s->sparse_fields, field_json));
    bad |= json_object_set_new(out, "dense",
                               list_json(s, s->sparse_fields, s->dense_fields, field_json));
    bad |= json_object_set_new(out, "tasks", list_json(s, 0, s->tasks, task_json));
    bad |= json_object_set_new(out, "texts", list_json(s, 0, s->text_columns, text_json));
    bad |= json_object_set_new(out, "group_text", json_integer(s->group_text));
    bad |= json_object_set_new(out, "has_label", json_boolean(s->has_label));
    bad |= json_object_set_new(out, "has_group", json_boolean(s->has_group));
    bad |= json_object_set_new(out, "has_row", json_boolean(s->has_row));
    bad |= json_object_set_new(out, "rows_without_group", json_integer(s->rows_without_group));
    bad |= json_object_set_new(out, "source", rmx_json_text_of(s->source));
    bad |= rmx_json_set_real(out, "ceiling_auc", s->ceiling_auc);
    bad |= rmx_json_set_hash(out, "encoding_hash", rmx_schema_encoding_hash(s));
    if (!bad) return out;
    json_decref(out);
    return NULL;
}

/* ---- Reading -------------------------------------------------------------------------------- */

typedef struct reading {
    const char *path;
    rmx_schema *s;
    rmx_error *error;
} reading;

static rmx_status refuse(const reading *r, const char *what)
{
    return rmx_fail(r->error, RMX_ERR_DATA,
                    "%.300s: its description has no usable '%s'; the file is damaged or was "
                    "changed",
                    r->path, what);
}

static rmx_status read_field(const reading *r, const json_t *from, int32_t i)
{
    rmx_schema *s = r->s;
    rmx_encoding *e = &s->encoding[i];
    const char *name, *transform;
    if (!rmx_json_get_text(from, "name", &name)) return refuse(r, "name");
    if (!rmx_json_get_text(from, "transform", &transform)) return refuse(r, "transform");
    if (i < s->sparse_fields) {
        if (!rmx_json_get_int(from, "vocabulary", 1, UINT32_MAX, &s->vocabulary[i]))
            return refuse(r, "vocabulary");
        if (!rmx_json_get_int(from, "values", 0, UINT32_MAX, &e->values))
            return refuse(r, "values");
        if (!rmx_json_get_hash(from, "hash", &e->hash)) return refuse(r, "hash");
        if (!rmx_json_get_bool(from, "unknown", &e->unknown)) return refuse(r, "unknown");
    }
    const rmx_status status = rmx_schema_set(&s->names[i], name, r->error);
    return status == RMX_OK ? rmx_schema_set(&e->transform, transform, r->error) : status;
}

static rmx_status read_task(const reading *r, const json_t *from, int32_t i)
{
    rmx_label_count *n = &r->s->label_count[i];
    const int64_t most = (int64_t)1 << 48;
    const char *name;
    if (!rmx_json_get_text(from, "name", &name) ||
        !rmx_json_get_bool(from, "masked", &r->s->task_masked[i]) ||
        !rmx_json_get_int(from, "positive", 0, most, &n->positive) ||
        !rmx_json_get_int(from, "negative", 0, most, &n->negative) ||
        !rmx_json_get_int(from, "hidden", 0, most, &n->masked))
        return refuse(r, "tasks");
    return rmx_schema_set(&r->s->task_names[i], name, r->error);
}

static rmx_status read_texts(const reading *r, const json_t *list, int64_t group_text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);
        const char *name;
        int64_t bytes;
        if (!rmx_json_get_text(from, "name", &name) ||
            !rmx_json_get_int(from, "bytes", 1, RMX_TEXT_VALUE_MAX, &bytes))
            return refuse(r, "texts");
        const rmx_status status =
            rmx_schema_add_text(r->s, name, (int64_t)i == group_text, r->error);
        if (status != RMX_OK) return status == RMX_ERR_ARGUMENT ? refuse(r, "texts") : status;
        r->s->text_bytes[i] = (int32_t)bytes;
    }
    return RMX_OK;
}

/* A list of at most RMX_SCHEMA_FIELDS_MAX; -1: none. */
static int32_t count_of(const json_t *list)
{
    const size_t n = json_array_size(list);
    return json_is_array(list) && n <= RMX_SCHEMA_FIELDS_MAX ? (int32_t)n : -1;
}

static rmx_status read_rest(const reading *r, const json_t *json)
{
    rmx_schema *s = r->s;
    const json_t *texts = json_object_get(json, "texts");
    const char *source;
    int64_t group_text;
    rmx_status status = RMX_OK;
    if (!rmx_json_get_bool(json, "has_label", &s->has_label)) return refuse(r, "has_label");
    if (!rmx_json_get_bool(json, "has_group", &s->has_group)) return refuse(r, "has_group");
    if (!rmx_json_get_bool(json, "has_row", &s->has_row)) return refuse(r, "has_row");
    if (s->has_label && s->tasks == 0) return refuse(r, "tasks");
    if (!rmx_json_get_int(json, "rows_without_group", 0, (int64_t)1 << 48, &s->rows_without_group))
        return refuse(r, "rows_without_group");
    if (!rmx_json_get_real(json, "ceiling_auc", &s->ceiling_auc) || s->ceiling_auc < 0.0 ||
        s->ceiling_auc > 1.0)
        return refuse(r, "ceiling_auc");
    if (!rmx_json_get_text(json, "source", &source)) return refuse(r, "source");
    if (!json_is_array(texts) ||
        !rmx_json_get_int(json, "group_text", -1, (int64_t)json_array_size(texts) - 1,
                          &group_text))
        return refuse(r, "texts");
    status = read_texts(r, texts, group_text);
    return status == RMX_OK ? rmx_schema_set(&s->source, source, r->error) : status;
}

rmx_status rmx_schema_from_json(const json_t *json, const char *path, rmx_schema *out,
                                rmx_error *error)
{
    const reading r = {path, out, error};
    rmx_error why = {.text = ""};
    const json_t *sparse = json_object_get(json, "sparse"),
                 *dense = json_object_get(json, "dense");
    const json_t *tasks = json_object_get(json, "tasks");
    const int32_t fs = count_of(sparse), fd = count_of(dense), ft = count_of(tasks);
    uint64_t hash;
    memset(out, 0, sizeof *out);
    if (fs < 0 || fd < 0 || ft < 0 || fs + fd < 1) return refuse(&r, "sparse");
    rmx_status status = rmx_schema_init(out, fs, fd, ft, error);
    for (int32_t i = 0; i < fs && status == RMX_OK; i++)
        status = read_field(&r, json_array_get(sparse, (size_t)i), i);
    for (int32_t i = 0; i < fd && status == RMX_OK; i++)
        status = read_field(&r, json_array_get(dense, (size_t)i), fs + i);
    for (int32_t i = 0; i < ft && status == RMX_OK; i++)
        status = read_task(&r, json_array_get(tasks, (size_t)i), i);
    if (status == RMX_OK) status = read_rest(&r, json);
    if (status == RMX_OK) {
        status = rmx_schema_check(out, &why);
        if (status != RMX_OK)
            status = rmx_fail(error, status == RMX_ERR_ARGUMENT ? RMX_ERR_DATA : status,
                              "%.300s: %.500s", path, why.text);
    }
    if (status == RMX_OK && (!rmx_json_get_hash(json, "encoding_hash", &hash) ||
                             hash != rmx_schema_encoding_hash(out)))
        status = refuse(&r, "encoding_hash");
    if (status != RMX_OK) rmx_schema_free(out);
    return status;
}
