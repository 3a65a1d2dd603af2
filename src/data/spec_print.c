/* SPDX-License-Identifier: MIT */
/* spec_print.c: a spec as a text that rmx_spec_parse reads to the same spec.
 *
 * The text is valid UTF-8 without control characters, whatever is in the spec: what is not stands
 * as an escape. What could be taken for something else stands in quotes. */
#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/spec_file.h"
#include "data/spec_text.h"
#include "data/utf8.h"

typedef struct output {
    char *text;
    size_t used, room;
    bool failed;
} output;

static bool reserve(output *o, size_t more)
{
    if (o->failed || o->room - o->used > more) return !o->failed;
    const size_t room = 2 * (o->used + more) + 256;
    char *grown = realloc(o->text, room);
    o->failed = !grown;
    if (!grown) return false;
    o->text = grown;
    o->room = room;
    return true;
}

static void put_bytes(output *o, const char *text, size_t n)
{
    if (!reserve(o, n)) return;
    memcpy(o->text + o->used, text, n);
    o->used += n;
    o->text[o->used] = '\0';
}

static void put(output *o, const char *text) { put_bytes(o, text, strlen(text)); }

__attribute__((format(printf, 2, 3))) static void put_format(output *o, const char *format, ...)
{
    char text[96];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        o->failed = true;
    else
        put_bytes(o, text, (size_t)n);
}

static void put_quoted(output *o, const char *text)
{
    put(o, "\"");
    while (*text) {
        uint32_t c = 0;
        const size_t n = rmx_utf8_character(text, &c);
        if (*text == '"' || *text == '\\')
            put_bytes(o, (char[]){'\\', *text}, 2);
        else if (*text == '\t')
            put(o, "\\t");
        else if (*text == '\n')
            put(o, "\\n");
        else if (n == 0 || rmx_utf8_control(c))
            for (size_t i = 0; i < (n ? n : 1); i++)
                put_format(o, "\\x%02x", (unsigned)(unsigned char)text[i]);
        else
            put_bytes(o, text, n);
        text += n ? n : 1;
    }
    put(o, "\"");
}

/* Only of letters, digits and what is in `signs`. */
static bool plain(const char *text, const char *signs)
{
    for (const char *at = text; *at; at++)
        if (!((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
              (*at >= 'A' && *at <= 'Z') || strchr(signs, *at)))
            return false;
    return *text != '\0';
}

static void put_name(output *o, const char *name)
{
    if (plain(name, "_-.$%&/()+") && !strstr(name, ".."))
        put(o, name);
    else
        put_quoted(o, name);
}

static void put_texts(output *o, const char *before, const rmx_texts *texts)
{
    for (int32_t i = 0; i < texts->count; i++) {
        put(o, i == 0 ? before : "|");
        if (plain(texts->text[i], "_-.$%&/()+<>=:?*!"))
            put(o, texts->text[i]);
        else
            put_quoted(o, texts->text[i]);
    }
}

static void put_flag(output *o, bool flag, const char *word)
{
    if (flag) put(o, word);
}

static void put_number(output *o, const char *before, int64_t value, int64_t standard)
{
    if (value != standard) put_format(o, "%s%lld", before, (long long)value);
}

static void put_value(output *o, const rmx_column *c)
{
    static const char *const units[] = {"auto", "s", "ms", "us", "ns"};
    switch (c->kind) {
    case RMX_COLUMN_SKIP:
        if (!c->group && !c->key) put(o, " skip");
        break;
    case RMX_COLUMN_LABEL:
        put(o, " label");
        put_texts(o, " positive=", &c->positive);
        put_texts(o, " negative=", &c->negative);
        put_flag(o, c->masked, " masked");
        break;
    case RMX_COLUMN_DENSE:
        put(o, " dense");
        put_flag(o, c->log, " log");
        put_flag(o, c->zscore, " zscore");
        put_flag(o, c->flag, " flag");
        break;
    case RMX_COLUMN_SPARSE:
        put(o, " sparse");
        put_number(o, " min_count=", c->min_count, 1);
        put_number(o, " most=", c->most, 0);
        put_number(o, " buckets=", c->buckets, 0);
        put_number(o, " last=", c->last, 0);
        break;
    case RMX_COLUMN_TIME:
        put(o, " time");
        put_flag(o, c->hour, " hour");
        put_flag(o, c->weekday, " weekday");
        put_flag(o, c->seconds, " seconds");
        put_flag(o, c->zscore, " zscore");
        if (c->unit != RMX_TIME_AUTO) put_format(o, " unit=%s", units[c->unit]);
        break;
    }
    put_flag(o, c->group, " group");
    put_flag(o, c->key, " key");
}

static void put_file(output *o, const rmx_spec *s)
{
    static const char *const headers[] = {"no", "yes", "first"};
    const char *word = rmx_spec_separator_word(s->separator);
    put(o, "[file]\nseparator = ");
    if (word)
        put(o, word);
    else
        put_quoted(o, s->separator);
    put_format(o, "\nheader = %s\ntrim = %s\nquotes = %s\npad = %s\n", headers[s->header],
               s->trim ? "yes" : "no", s->quotes ? "yes" : "no", s->pad ? "yes" : "no");
    put_texts(o, "missing = ", &s->missing);
    put_flag(o, s->missing.count > 0, "\n");
    put_format(o, "decimal = %s\n", s->decimal_comma ? "comma" : "point");
    if (s->comment[0]) {
        put(o, "comment = ");
        put_quoted(o, s->comment);
        put(o, "\n");
    }
    if (s->skip_lines) put_format(o, "skip_lines = %lld\n", (long long)s->skip_lines);
}

/* to_come: what is not fitted yet stands as numbers of the greatest length. */
static void put_fitted(output *o, const rmx_spec *s, bool to_come)
{
    bool headed = false;
    for (int32_t i = 0; i < s->columns; i++) {
        const rmx_column *c = &s->column[i];
        if (!c->fitted && !(to_come && c->zscore)) continue;
        const double longest = -DBL_MIN * (2.0 - DBL_EPSILON);
        put_flag(o, !headed, "[fitted]\n");
        headed = true;
        put_name(o, c->name);
        put_format(o, " = %a %a\n", c->fitted ? c->centre : longest,
                   c->fitted ? c->factor : longest);
    }
}

static output print(const rmx_spec *s, bool to_come)
{
    output o = {NULL, 0, 0, false};
    put_file(&o, s);
    put(&o, "[columns]\n");
    for (int32_t i = 0; i < s->columns; i++) {
        if (s->column[i].pattern) /* it was without quotes, so it can be so again */
            put(&o, s->column[i].name);
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

char *rmx_spec_print(const rmx_spec *spec) { return print(spec, false).text; }

size_t rmx_spec_size(const rmx_spec *spec)
{
    const output o = print(spec, true);
    free(o.text);
    return o.failed ? 0 : o.used;
}

size_t rmx_column_size(const rmx_column *column)
{
    output o = {NULL, 0, 0, false};
    put_value(&o, column);
    free(o.text);
    return o.failed ? 0 : o.used;
}
