/* SPDX-License-Identifier: MIT */
/* mutating_mend.c: makes the checksums of a changed container right again; see mutating.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/dataset_file.h"
#include "mutating_parts.h"

/* ---- bytes -------------------------------------------------------------------------------- */

static int by_offset(const void *left, const void *right)
{
    const rmx_extent *a = left, *b = right;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Of all bytes in no array. */
static uint64_t rest_of(mutant *m, const mutant_parts *p)
{
    rmx_extent extent[256];
    size_t n = 0, i;
    json_t *a;
    int64_t end = RMX_CONTAINER_HEAD;
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset(state);
    extent[n++] = (rmx_extent){p->head.index_offset, p->head.index_bytes};
    json_array_foreach(json_object_get(p->index, "arrays"), i, a)
    {
        const char *name = json_string_value(json_object_get(a, "name"));
        size_t bytes = 0;
        const unsigned char *at = name ? mutant_array(m, p->index, name, &bytes, NULL) : NULL;
        if (at && bytes > 0 && n < 256) extent[n++] = (rmx_extent){at - m->bytes, (int64_t)bytes};
    }
    qsort(extent, n, sizeof *extent, by_offset);
    for (i = 0; i < n; i++) {
        if (extent[i].offset > end)
            XXH3_64bits_update(state, m->bytes + end, (size_t)(extent[i].offset - end));
        if (extent[i].offset + extent[i].bytes > end) end = extent[i].offset + extent[i].bytes;
    }
    if ((int64_t)m->size > end) XXH3_64bits_update(state, m->bytes + end, m->size - (size_t)end);
    const uint64_t hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return hash;
}

static void mend_blocks(mutant *m, const mutant_parts *p)
{
    const int64_t rows = json_integer_value(json_object_get(p->index, "rows"));
    const int64_t block = json_integer_value(json_object_get(p->index, "block_rows"));
    for (int set = 0; set < RMX_SETS && rows > 0 && block > 0; set++) {
        char name[RMX_CONTAINER_NAME + 1];
        size_t bytes = 0, hashes = 0;
        const unsigned char *data = mutant_array(m, p->index, rmx_set_name(set), &bytes, NULL);
        rmx_block_hash_name(set, name);
        unsigned char *to = mutant_array(m, p->index, name, &hashes, NULL);
        if (!data || !to) continue;
        const size_t row = bytes / (size_t)rows, piece = row * (size_t)block;
        for (size_t b = 0; b < hashes / 8 && b * piece < bytes && piece > 0; b++) {
            const size_t n = bytes - b * piece < piece ? bytes - b * piece : piece;
            const uint64_t hash = XXH3_64bits(data + b * piece, n);
            memcpy(to + 8 * b, &hash, sizeof hash);
        }
    }
}

static void mend_arrays(mutant *m, const mutant_parts *p)
{
    size_t i, bytes = 0;
    json_t *a, *entry = NULL;
    json_array_foreach(json_object_get(p->index, "arrays"), i, a)
    {
        const char *name = json_string_value(json_object_get(a, "name"));
        const unsigned char *data = name ? mutant_array(m, p->index, name, &bytes, &entry) : NULL;
        if (data) (void)rmx_json_set_hash(entry, "xxh3", XXH3_64bits(data, bytes));
    }
}

/* ---- what stands for the content ---------------------------------------------------------- */

enum { LIST_MAX = 64 };

static char *text_of(const json_t *object, const char *key)
{
    static char nothing[] = "";
    const char *text = json_string_value(json_object_get(object, key));
    return text ? (char *)(uintptr_t)text : nothing;
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void mend_table(mutant *m, const json_t *index, json_t *field, int32_t i)
{
    char name[RMX_CONTAINER_NAME + 1];
    size_t bytes = 0;
    snprintf(name, sizeof name, "/table/%d", (int)i);
    const unsigned char *table = mutant_array(m, index, name, &bytes, NULL);
    if (table) (void)rmx_json_set_hash(field, "hash", XXH3_64bits(table, bytes));
}

/* A schema that only borrows its texts, without any check. */
typedef struct borrowed {
    rmx_schema s;
    char *names[2 * LIST_MAX], *task_names[LIST_MAX], *text_names[LIST_MAX];
    rmx_encoding encoding[2 * LIST_MAX];
    int64_t vocabulary[LIST_MAX];
    int32_t text_bytes[LIST_MAX];
} borrowed;

static void borrow_fields(borrowed *b, const json_t *list, bool sparse)
{
    size_t i;
    json_t *field;
    json_array_foreach(list, i, field)
    {
        const int32_t n = b->s.sparse_fields + b->s.dense_fields;
        if (i >= LIST_MAX) break;
        b->names[n] = text_of(field, "name");
        b->encoding[n].transform = text_of(field, "transform");
        if (sparse) {
            b->vocabulary[n] = number_of(field, "vocabulary");
            b->encoding[n].values = number_of(field, "values");
            (void)rmx_json_get_hash(field, "hash", &b->encoding[n].hash);
            b->encoding[n].unknown = json_is_true(json_object_get(field, "unknown"));
            b->s.sparse_fields++;
        } else {
            b->s.dense_fields++;
        }
    }
}

static int32_t borrow_names(const json_t *list, char **names)
{
    int32_t n = 0;
    for (; n < LIST_MAX && n < (int32_t)json_array_size(list); n++)
        names[n] = text_of(json_array_get(list, (size_t)n), "name");
    return n;
}

static void borrow(borrowed *b, const json_t *schema)
{
    memset(b, 0, sizeof *b);
    b->s.names = b->names;
    b->s.encoding = b->encoding;
    b->s.vocabulary = b->vocabulary;
    b->s.task_names = b->task_names;
    b->s.text_names = b->text_names;
    b->s.text_bytes = b->text_bytes;
    borrow_fields(b, json_object_get(schema, "sparse"), true);
    borrow_fields(b, json_object_get(schema, "dense"), false);
    b->s.tasks = borrow_names(json_object_get(schema, "tasks"), b->task_names);
    b->s.text_columns = borrow_names(json_object_get(schema, "texts"), b->text_names);
    b->s.has_label = json_is_true(json_object_get(schema, "has_label"));
    b->s.has_group = json_is_true(json_object_get(schema, "has_group"));
    b->s.has_row = json_is_true(json_object_get(schema, "has_row"));
    (void)rmx_json_get_real(schema, "ceiling_auc", &b->s.ceiling_auc);
}

void mutant_mend_schema(json_t *schema)
{
    static borrowed b;
    borrow(&b, schema);
    (void)rmx_json_set_hash(schema, "encoding_hash", rmx_schema_encoding_hash(&b.s));
}

static uint64_t fingerprint_of(mutant *m, const json_t *index, const rmx_schema *s)
{
    uint64_t hash[RMX_SETS];
    for (int set = 0; set < RMX_SETS; set++) {
        size_t bytes = 0;
        const unsigned char *data = mutant_array(m, index, rmx_set_name(set), &bytes, NULL);
        hash[set] = XXH3_64bits(data, data ? bytes : 0);
    }
    return rmx_fingerprint(rmx_schema_hash(s), hash, number_of(index, "rows"));
}

static uint64_t params_of(mutant *m, const json_t *index)
{
    size_t i;
    json_t *tensor;
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset(state);
    json_array_foreach(json_object_get(index, "tensors"), i, tensor)
    {
        size_t bytes = 0;
        const unsigned char *data = mutant_array(m, index, text_of(tensor, "array"), &bytes, NULL);
        if (data && json_is_true(json_object_get(tensor, "parameter")))
            XXH3_64bits_update(state, data, bytes);
    }
    const uint64_t hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return hash;
}

static void mend_content(mutant *m, json_t *index)
{
    static borrowed b;
    json_t *schema = json_object_get(index, "schema"), *state = json_object_get(index, "state");
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(schema, "sparse"), i, field)
        mend_table(m, index, field, (int32_t)i);
    mutant_mend_schema(schema);
    borrow(&b, schema);
    if (json_object_get(index, "fingerprint"))
        (void)rmx_json_set_hash(index, "fingerprint", fingerprint_of(m, index, &b.s));
    if (json_object_get(state, "params_xxh3"))
        (void)rmx_json_set_hash(state, "params_xxh3", params_of(m, index));
}

void mutant_mend(mutant *m, mend_level level)
{
    mutant_parts p = mutant_take_apart(m);
    if (level == MEND_NOTHING || p.kind[0] == 0) {
        json_decref(p.index);
        return;
    }
    if (!p.inside) level = MEND_HEAD;
    if (p.index && level >= MEND_BLOCKS) mend_blocks(m, &p);
    if (p.index && level >= MEND_ARRAYS) mend_arrays(m, &p);
    if (p.index && level >= MEND_CONTENT) mend_content(m, p.index);
    if (p.index && level >= MEND_ARRAYS) mutant_put_index(m, &p);
    if (level >= MEND_INDEX) {
        p.head.index_xxh3 =
            XXH3_64bits(m->bytes + p.head.index_offset, (size_t)p.head.index_bytes);
        p.head.rest_xxh3 = rest_of(m, &p);
    }
    mutant_put_head(m, &p);
    json_decref(p.index);
}
