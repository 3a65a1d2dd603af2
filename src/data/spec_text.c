/* SPDX-License-Identifier: MIT */
/* spec_text.c: see spec_text.h. */
#include "data/spec_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/edit_distance.h"
#include "data/schema.h"
#include "data/utf8.h"

/* ---- Errors --------------------------------------------------------------------------------- */

static void scrub(char *text)
{
    while (*text) {
        uint32_t character;
        const size_t n = rmx_utf8_character(text, &character);
        if (n == 0 || rmx_utf8_control(character))
            for (size_t i = 0; i < (n ? n : 1); i++) text[i] = '?';
        text += n ? n : 1;
    }
}

rmx_status rmx_spec_fail(rmx_error *error, rmx_status status, const char *format, ...)
{
    char text[sizeof((rmx_error *)NULL)->text];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = '\0';
    va_end(args);
    scrub(text);
    return rmx_fail(error, status, "%s", text);
}

rmx_status rmx_spec_no_memory(rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a column spec");
}

/* ---- Names ----------------------------------------------------------------------------------- */

const char *rmx_spec_name_fault(const char *name, const char *suffix)
{
    if (!*name) return "the name is empty";
    for (const char *at = name; *at;) {
        uint32_t character;
        const size_t n = rmx_utf8_character(at, &character);
        if (n == 0) return "the name is not valid UTF-8: save the text as UTF-8";
        if (rmx_utf8_control(character)) return "the name has a control character";
        at += n;
    }
    if (strlen(name) + strlen(suffix) <= RMX_SCHEMA_NAME_MAX) return NULL;
    return *suffix ? "the names of its fields have more than 127 bytes: shorten it"
                   : "the name has more than 127 bytes: shorten it";
}

/* ---- Slips of the fingers ------------------------------------------------------------------- */

const char *rmx_spec_suggest(const char *written, const char *const *known, int32_t count)
{
    const char *found = NULL;
    int32_t best = 3;
    for (int32_t i = 0; i < count; i++) {
        const int32_t away = rmx_edit_distance(written, known[i]);
        if (away >= best || 3 * away > (int32_t)strlen(known[i])) continue;
        best = away;
        found = known[i];
    }
    return found;
}

void rmx_spec_join(char *out, size_t bytes, const char *const *known, int32_t count,
                   const char *last)
{
    size_t used = 0;
    out[0] = '\0';
    for (int32_t i = 0; i < count && used < bytes; i++) {
        const char *before = i == 0 ? "" : i + 1 < count ? ", " : last;
        const int n = snprintf(out + used, bytes - used, "%s%s", before, known[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* ---- Columns and lists of texts ------------------------------------------------------------- */

bool rmx_texts_add(rmx_texts *texts, char *text)
{
    const int32_t n = texts->count;
    if (text && (n & (n - 1)) == 0) { /* room for 1, 2, 4, 8, ... */
        const size_t room = n == 0 ? 1 : 2 * (size_t)n;
        char **grown = realloc(texts->text, room * sizeof *grown);
        if (!grown) {
            free(text);
            return false;
        }
        texts->text = grown;
    }
    if (!text) return false;
    texts->text[texts->count++] = text;
    return true;
}

void rmx_texts_free(rmx_texts *texts)
{
    for (int32_t i = 0; i < texts->count; i++) free(texts->text[i]);
    free(texts->text);
    *texts = (rmx_texts){NULL, 0};
}

bool rmx_texts_have(const rmx_texts *texts, const char *value)
{
    for (int32_t i = 0; i < texts->count; i++)
        if (strcmp(texts->text[i], value) == 0) return true;
    return false;
}

static bool copy_texts(rmx_texts *out, const rmx_texts *from)
{
    *out = (rmx_texts){NULL, 0};
    for (int32_t i = 0; i < from->count; i++)
        if (!rmx_texts_add(out, strdup(from->text[i]))) {
            rmx_texts_free(out);
            return false;
        }
    return true;
}

bool rmx_column_copy(rmx_column *out, const rmx_column *from, const char *name)
{
    *out = *from;
    out->positive = out->negative = (rmx_texts){NULL, 0};
    out->name = strdup(name);
    if (out->name && copy_texts(&out->positive, &from->positive) &&
        copy_texts(&out->negative, &from->negative))
        return true;
    rmx_column_free(out);
    return false;
}

void rmx_column_free(rmx_column *column)
{
    free(column->name);
    rmx_texts_free(&column->positive);
    rmx_texts_free(&column->negative);
    memset(column, 0, sizeof *column);
}
