/* SPDX-License-Identifier: MIT */
/* container.c: what the writer and the reader of containers share. */
#include "data/container.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/utf8.h"

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
    /* jansson refuses \u0000 in what it reads, so a text has no zero byte inside */
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

int rmx_json_set_hash(json_t *object, const char *key, uint64_t value)
{
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
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
