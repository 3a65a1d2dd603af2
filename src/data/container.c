/* SPDX-License-Identifier: MIT */
/* container.c: what the writer and the reader of containers share. */
#include "data/container_head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/utf8.h"
#include "data/whole_file.h"

static int64_t value_bytes(const rmx_array *array)
{
    switch (array->type) {
    case RMX_ARRAY_U8: return 1;
    case RMX_ARRAY_BF16: return 2;
    case RMX_ARRAY_U32:
    case RMX_ARRAY_F32: return 4;
    case RMX_ARRAY_U64: return 8;
    default: return array->record_bytes;
    }
}

int64_t rmx_array_bytes(const rmx_array *array)
{
    int64_t bytes = value_bytes(array);
    if (array->dims < 1 || array->dims > 4 || bytes < 1) return -1;
    for (int32_t d = 0; d < array->dims; d++)
        if (array->shape[d] < 0 || __builtin_mul_overflow(bytes, array->shape[d], &bytes))
            return -1;
    return bytes;
}

/* ---- The head, and what lies between the arrays --------------------------------------------- */

const char *const rmx_array_type_names[RMX_ARRAY_TYPES] = {"u8",  "u32",  "u64",
                                                           "f32", "bf16", "text"};

void rmx_container_head_print(const rmx_container_head *head, const char *kind, int version,
                              char out[RMX_CONTAINER_HEAD])
{
    memset(out, 0, RMX_CONTAINER_HEAD);
    const int n =
        snprintf(out, RMX_CONTAINER_HEAD,
                 "rankmixer %s %d\nfile %020lld\nindex %020lld %020lld %016llx\nrest %016llx\n",
                 kind, version, (long long)head->file_bytes, (long long)head->index_offset,
                 (long long)head->index_bytes, (unsigned long long)head->index_xxh3,
                 (unsigned long long)head->rest_xxh3);
    snprintf(out + n, RMX_CONTAINER_HEAD - (size_t)n, "head %016llx\n",
             (unsigned long long)XXH3_64bits(out, (size_t)n));
}

static int by_offset(const void *left, const void *right)
{
    const rmx_extent *a = left, *b = right;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static rmx_status add_gap(int fd, const char *path, int64_t from, int64_t to, void *buffer,
                          int64_t room, XXH3_state_t *state, rmx_error *error)
{
    for (int64_t at = from; at < to; at += room) {
        const int64_t n = to - at < room ? to - at : room;
        const rmx_status status = rmx_read_fully(fd, path, buffer, n, at, error);
        if (status != RMX_OK) return status;
        (void)XXH3_64bits_update(state, buffer, (size_t)n);
    }
    return RMX_OK;
}

rmx_status rmx_container_rest(int fd, const char *path, int64_t file_bytes, rmx_extent *extent,
                              int64_t extents, uint64_t *xxh3, rmx_error *error)
{
    enum { ROOM = 1 << 16 };
    rmx_status status = RMX_OK;
    int64_t end = RMX_CONTAINER_HEAD;
    char *buffer = malloc(ROOM);
    XXH3_state_t *state = XXH3_createState();
    if (!buffer || !state || XXH3_64bits_reset(state) != XXH_OK) {
        status = rmx_fail(error, RMX_ERR_MEMORY, "%.400s: out of memory for a checksum", path);
        goto cleanup;
    }
    qsort(extent, (size_t)extents, sizeof *extent, by_offset);
    for (int64_t i = 0; i < extents && status == RMX_OK; i++) {
        if (extent[i].bytes == 0) continue;
        if (extent[i].offset < end || extent[i].bytes > file_bytes - extent[i].offset)
            status = rmx_fail(error, RMX_ERR_DATA, "%.400s: two arrays overlap or leave the file",
                              path);
        else
            status = add_gap(fd, path, end, extent[i].offset, buffer, ROOM, state, error);
        end = extent[i].offset + extent[i].bytes;
    }
    if (status == RMX_OK) status = add_gap(fd, path, end, file_bytes, buffer, ROOM, state, error);
    *xxh3 = XXH3_64bits_digest(state);
cleanup:
    XXH3_freeState(state);
    free(buffer);
    return status;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

bool rmx_json_get_int(const json_t *object, const char *key, int64_t low, int64_t high,
                      int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value)) return false;
    *out = (int64_t)json_integer_value(value);
    return *out >= low && *out <= high;
}

bool rmx_json_get_hash(const json_t *object, const char *key, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *text;
    uint64_t value = 0;
    if (!rmx_json_get_text(object, key, &text) || strlen(text) != 16) return false;
    for (const char *c = text; *c; c++) {
        const char *digit = strchr(digits, *c);
        if (!digit) return false;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *out = value;
    return true;
}

bool rmx_json_get_text(const json_t *object, const char *key, const char **out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_string_value(value);
    /* jansson refuses \u0000, so a text has no zero byte inside */
    return *out != NULL;
}

bool rmx_json_get_bool(const json_t *object, const char *key, bool *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_is_true(value);
    return json_is_boolean(value);
}

bool rmx_json_get_real(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_is_null(value) ? (double)NAN : json_number_value(value);
    return json_is_number(value) || json_is_null(value);
}

void rmx_hash_text(uint64_t value, char out[17])
{
    snprintf(out, 17, "%016llx", (unsigned long long)value);
}

int rmx_json_set_hash(json_t *object, const char *key, uint64_t value)
{
    char text[17];
    rmx_hash_text(value, text);
    return json_object_set_new(object, key, json_string(text));
}

int rmx_json_set_real(json_t *object, const char *key, double value)
{
    return json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

json_t *rmx_json_text_of(const char *text)
{
    char *copy = strdup(text);
    if (copy) rmx_utf8_mend(copy, false);
    json_t *json = copy ? json_string(copy) : NULL;
    free(copy);
    return json;
}
