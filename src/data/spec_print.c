/* SPDX-License-Identifier: MIT */
/* spec_print.c: a spec as a text that rmx_spec_parse reads to the same spec.
 *
 * The text is valid UTF-8 without control characters: other bytes become escapes. A text with two
 * readings stands in quotes. */
#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/spec_parts.h"
#include "data/utf8.h"

typedef struct output {
    char *text;
    size_t used, room;
    bool failed;
} output;

__attribute__((format(printf, 2, 3))) static void put(output *o, const char *format, ...)
{
    while (!o->failed) {
        va_list args;
        va_start(args, format);
        const int n =
            vsnprintf(o->text ? o->text + o->used : NULL, o->room - o->used, format, args);
        va_end(args);
        o->failed = n < 0;
        if (!o->failed && (size_t)n < o->room - o->used) {
            o->used += (size_t)n;
            return;
        }
        const size_t room = 2 * (o->used + (size_t)n) + 256;
        char *grown = o->failed ? NULL : realloc(o->text, room);
        o->failed = !grown;
        if (!grown) return;
        o->text = grown;
        o->room = room;
    }
}

static void put_quoted(output *o, const char *text)
{
    put(o, "\"");
    while (*text) {
        uint32_t c = 0;
        const size_t n = rmx_utf8_character(text, &c), bytes = n ? n : 1;
        if (*text == '"' || *text == '\\')
            put(o, "\\%c", *text);
        else if (*text == '\t' || *text == '\n')
            put(o, *text == '\t' ? "\\t" : "\\n");
        else if (n == 0 || rmx_utf8_control(c))
            for (size_t i = 0; i < bytes; i++) put(o, "\\x%02x", (unsigned)(unsigned char)text[i]);
        else
            put(o, "%.*s", (int)bytes, text);
        text += bytes;
    }
    put(o, "\"");
}

/* Without quotes where all is letters, digits and what is in `signs`. */
static void put_text(output *o, const char *text, const char *signs)
{
    bool plain = *text != '\0';
    for (const char *at = text; *at && plain; at++)
        plain = (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
                (*at >= 'A' && *at <= 'Z') || strchr(signs, *at);
    if (plain)
        put(o, "%s", text);
    else
        put_quoted(o, text);
}

/* ".." in a name would be a range. */
static void put_name(output *o, const char *name)
{
    put_text(o, name, strstr(name, "..") ? "" : "_-.$%&/()+");
}

static void put_texts(output *o, const char *before, const rmx_texts *texts)
{
    for (int32_t i = 0; i < texts->count; i++) {
        put(o, "%s", i == 0 ? before : "|");
        put_text(o, texts->text[i], "_-.$%&/()+<>=:?*!");
    }
}

/* Leaves an option out where the column would be the same without it. */
static void put_option(output *o, const rmx_spec_option *option, const rmx_column *c)
{
    const void *at = (const char *)c + option->offset;
    char before[32];
    snprintf(before, sizeof before, " %s=", option->name);
    switch (option->type) {
    case RMX_SPEC_NONE: break;
    case RMX_SPEC_FLAG:
        if (*(const bool *)at) put(o, " %s", option->name);
        break;
    case RMX_SPEC_NUMBER:
        if (*(const int64_t *)at != option->standard)
            put(o, "%s%lld", before, (long long)*(const int64_t *)at);
        break;
    case RMX_SPEC_TEXTS: put_texts(o, before, at); break;
    case RMX_SPEC_UNIT:
        if (c->unit != RMX_TIME_AUTO) put(o, "%s%s", before, rmx_time_unit_words[c->unit]);
        break;
    }
}

static void put_value(output *o, const rmx_column *c)
{
    if (c->kind != RMX_COLUMN_SKIP || (!c->group && !c->key))
        put(o, " %s", rmx_spec_kinds[c->kind]);
    for (int i = 0; i < RMX_SPEC_OPTIONS; i++)
        if (rmx_spec_options[i].kinds & 1 << c->kind) put_option(o, &rmx_spec_options[i], c);
}

static const char *yes_or_no(bool flag) { return flag ? "yes" : "no"; }

static void put_file(output *o, const rmx_spec *s)
{
    static const char *const headers[] = {"no", "yes", "first"};
    const char *word = rmx_spec_separator_word(s->separator);
    put(o, "[file]\nseparator = ");
    if (word)
        put(o, "%s", word);
    else
        put_quoted(o, s->separator);
    put(o, "\nheader = %s\ntrim = %s\nquotes = %s\npad = %s", headers[s->header],
        yes_or_no(s->trim), yes_or_no(s->quotes), yes_or_no(s->pad));
    put_texts(o, "\nmissing = ", &s->missing);
    put(o, "\ndecimal = %s\n", s->decimal_comma ? "comma" : "point");
    if (s->comment[0]) {
        put(o, "comment = ");
        put_quoted(o, s->comment);
        put(o, "\n");
    }
    if (s->skip_lines) put(o, "skip_lines = %lld\n", (long long)s->skip_lines);
}

/* to_come: numbers that are not fitted yet are printed with the greatest length. */
static void put_fitted(output *o, const rmx_spec *s, bool to_come)
{
    const double longest = -DBL_MIN * (2.0 - DBL_EPSILON);
    bool headed = false;
    for (int32_t i = 0; i < s->columns; i++) {
        const rmx_column *c = &s->column[i];
        if (!c->fitted && !(to_come && c->zscore)) continue;
        put(o, "%s", headed ? "" : "[fitted]\n");
        headed = true;
        put_name(o, c->name);
        put(o, " = %a %a\n", c->fitted ? c->centre : longest, c->fitted ? c->factor : longest);
    }
}

static output print(const rmx_spec *s, bool to_come)
{
    output o = {NULL, 0, 0, false};
    put_file(&o, s);
    put(&o, "[columns]\n");
    for (int32_t i = 0; i < s->columns; i++) {
        if (s->column[i].pattern) /* it was read without quotes */
            put(&o, "%s", s->column[i].name);
        else
            put_name(&o, s->column[i].name);
        put(&o, " =");
        put_value(&o, &s->column[i]);
        put(&o, "\n");
    }
    put_fitted(&o, s, to_come);
    if (!o.failed) return o;
    free(o.text);
    return (output){NULL, 0, 0, true};
}

/* Frees the text; 0: out of memory. */
static size_t bytes_of(output o)
{
    free(o.text);
    return o.failed ? 0 : o.used;
}

char *rmx_spec_print(const rmx_spec *spec) { return print(spec, false).text; }

size_t rmx_spec_size(const rmx_spec *spec) { return bytes_of(print(spec, true)); }

size_t rmx_column_size(const rmx_column *column)
{
    output o = {NULL, 0, 0, false};
    put_value(&o, column);
    return bytes_of(o);
}
