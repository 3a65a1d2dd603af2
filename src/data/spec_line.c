/* SPDX-License-Identifier: MIT */
/* spec_line.c: a line of a spec, and errors; see spec_parts.h. */
#include "data/spec_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/edit_distance.h"
#include "data/utf8.h"

/* ---- Errors --------------------------------------------------------------------------------- */

rmx_status rmx_spec_fail(rmx_error *error, const char *format, ...)
{
    char text[sizeof((rmx_error *)NULL)->text];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = '\0';
    va_end(args);
    rmx_utf8_mend(text, true);
    return rmx_fail(error, RMX_ERR_ARGUMENT, "%s", text);
}

rmx_status rmx_spec_no_memory(rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a column spec");
}

rmx_status rmx_spec_line_fail(const rmx_spec_line *line, const char *format, ...)
{
    char why[700];
    va_list args;
    va_start(args, format);
    if (vsnprintf(why, sizeof why, format, args) < 0) why[0] = '\0';
    va_end(args);
    const char *key = line->key ? line->key : "", *before = line->key ? "'" : "";
    return rmx_spec_fail(line->error, "%.200s:%d: %s%.100s%s%s", line->source, (int)line->number,
                         before, key, line->key ? "': " : "", why);
}

/* ---- Words ---------------------------------------------------------------------------------- */

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

const char *rmx_spec_hint(char out[RMX_SPEC_HINT], const char *written, const char *const *known,
                          int32_t count, const char *quotes)
{
    int32_t best = 3;
    out[0] = '\0';
    for (int32_t i = 0; i < count; i++) {
        const int32_t away = rmx_edit_distance(written, known[i]);
        if (away >= best || 3 * away > (int32_t)strlen(known[i])) continue;
        best = away;
        snprintf(out, RMX_SPEC_HINT, "; did you mean %c%s%c?", quotes[0], known[i], quotes[1]);
    }
    return out;
}

/* ---- Texts ---------------------------------------------------------------------------------- */

static bool blank(char c) { return c == ' ' || c == '\t'; }

/* Bytes of a text that an error shows. */
static int shown(size_t bytes, size_t most) { return (int)(bytes < most ? bytes : most); }

rmx_status rmx_spec_line_check(const rmx_spec_line *line)
{
    for (const char *at = line->at; at < line->end; at++) {
        const unsigned c = (unsigned char)*at;
        if ((c >= 0x20 && c != 0x7f) || c == '\t') continue;
        if (c == '\r')
            return rmx_spec_line_fail(line,
                                      "byte %td is a carriage return within the line: save "
                                      "the spec with line ends LF or CR LF",
                                      at - line->at + 1);
        return rmx_spec_line_fail(line,
                                  "byte %td is a control character: write it in quotes as "
                                  "\"\\x%02x\"",
                                  at - line->at + 1, c);
    }
    return RMX_OK;
}

/* The value of a hexadecimal digit, or -1. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The character for the escape after a backslash; 0: there is no such escape. */
static char unescape(const char *at, const char *end, int *length)
{
    *length = 1;
    switch (at < end ? *at : '\0') {
    case '"': return '"';
    case '\\': return '\\';
    case 't': return '\t';
    case 'n': return '\n';
    case 'x': break;
    default: return '\0';
    }
    *length = 3;
    if (end - at < 3) return '\0';
    const int high = digit_value(at[1]), low = digit_value(at[2]);
    return high < 0 || low < 0 ? '\0' : (char)(16 * high + low);
}

/* The closing quote of the text at `at`, or NULL. */
static const char *closing_quote(const char *at, const char *end)
{
    while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
    return at < end ? at : NULL;
}

static rmx_status quoted_text(rmx_spec_line *line, char **out)
{
    const char *at = line->at + 1, *end = closing_quote(at, line->end);
    if (!end)
        return rmx_spec_line_fail(line, "the quote has no end: write \\\" for a quote within it");
    char *text = malloc((size_t)(end - at) + 1), *to = text;
    if (!text) return rmx_spec_no_memory(line->error);
    while (at < end) {
        int length = 0;
        char c = *at++;
        if (c == '\\' && (c = unescape(at, end, &length)) == '\0') {
            free(text);
            return rmx_spec_line_fail(line, "within quotes there are \\\" \\\\ \\t \\n and \\x01 "
                                            "to \\xff; write \\\\ for a backslash");
        }
        at += length;
        *to++ = c;
    }
    *to = '\0';
    line->at = end + 1;
    *out = text;
    return RMX_OK;
}

/* Why a text without quotes has two meanings; NULL: it has one. */
static const char *ambiguity(const char *text, size_t n)
{
    if (memchr(text, '"', n)) return "quotes stand around a whole text; write \\\" for one within";
    if (n > 1 && text[0] == '\'' && text[n - 1] == '\'')
        return "use double quotes; an apostrophe that belongs to the text stands within them";
    for (size_t i = 0; i + 1 < n; i++)
        if (text[i] == '\\' && strchr("tnx\\", text[i + 1]))
            return "escapes are for quotes: \"\\t\" is a tab, \"\\\\t\" a backslash and a t";
    return NULL;
}

rmx_status rmx_spec_line_text(rmx_spec_line *line, bool bar, char **out, bool *quoted)
{
    *quoted = line->at < line->end && *line->at == '"';
    if (*quoted) {
        rmx_status status = quoted_text(line, out);
        if (status != RMX_OK || line->at == line->end || blank(*line->at) ||
            (bar && *line->at == '|'))
            return status;
        free(*out);
        *out = NULL;
        return rmx_spec_line_fail(line,
                                  "after a closing quote there is a blank%s or the end of "
                                  "the line; write \\\" for a quote within the text",
                                  bar ? ", '|'" : "");
    }
    const char *start = line->at;
    while (line->at < line->end && !blank(*line->at) && !(bar && *line->at == '|')) line->at++;
    const size_t n = (size_t)(line->at - start);
    if (n == 0) return rmx_spec_line_fail(line, "a text is lacking; write \"\" for the empty one");
    if (start[0] == ';' && n > 1)
        return rmx_spec_line_fail(line,
                                  "'%.*s' could be a comment: write the text in double "
                                  "quotes",
                                  shown(n, 40), start);
    const char *why = ambiguity(start, n);
    if (why) return rmx_spec_line_fail(line, "'%.*s': %s", shown(n, 40), start, why);
    *out = strndup(start, n);
    return *out ? RMX_OK : rmx_spec_no_memory(line->error);
}

rmx_status rmx_spec_line_texts(rmx_spec_line *line, rmx_texts *out)
{
    for (;;) {
        char *text;
        bool quoted;
        const rmx_status status = rmx_spec_line_text(line, true, &text, &quoted);
        if (status != RMX_OK) return status;
        if (!rmx_texts_add(out, text)) return rmx_spec_no_memory(line->error);
        if (line->at == line->end || *line->at != '|') return RMX_OK;
        line->at++;
    }
}

/* ---- Names and words ------------------------------------------------------------------------ */

/* A name without quotes may hold blanks. What could be a comment or another sign is refused. */
static rmx_status plain_name(rmx_spec_line *line, const char *equals, char **name)
{
    const char *end = equals;
    while (end > line->at && blank(end[-1])) end--;
    const size_t n = (size_t)(end - line->at);
    if (n == 0) return rmx_spec_line_fail(line, "there is no name before '='");
    const char *why = ambiguity(line->at, n);
    bool blanks = false;
    for (size_t i = 0; i < n && !why; i++) {
        if (blanks && (line->at[i] == ';' || line->at[i] == '#') && blank(line->at[i - 1]))
            why = "this could be a comment: write the name in double quotes";
        blanks = blanks || blank(line->at[i]);
    }
    if (!why && blanks && memchr(line->at, ':', n))
        why = "the sign between name and value is '='; a name with ':' and blanks needs quotes";
    if (why) return rmx_spec_line_fail(line, "'%.*s': %s", shown(n, 60), line->at, why);
    *name = strndup(line->at, n);
    line->at = equals;
    return *name ? RMX_OK : rmx_spec_no_memory(line->error);
}

rmx_status rmx_spec_line_name(rmx_spec_line *line, char **name, bool *quoted)
{
    static const char form[] = "not of the form name = value";
    *quoted = *line->at == '"';
    if (*quoted) {
        const rmx_status status = quoted_text(line, name);
        if (status != RMX_OK) return status;
        rmx_spec_line_blanks(line);
        if (line->at < line->end && *line->at == '=') {
            line->at++;
            return RMX_OK;
        }
        free(*name);
        return rmx_spec_line_fail(line, "%s: after the quoted name comes '='", form);
    }
    const char *equals = memchr(line->at, '=', (size_t)(line->end - line->at));
    if (!equals) return rmx_spec_line_fail(line, "%s", form);
    const rmx_status status = plain_name(line, equals, name);
    if (status == RMX_OK) line->at++;
    return status;
}

void rmx_spec_line_blanks(rmx_spec_line *line)
{
    while (line->at < line->end && blank(*line->at)) line->at++;
}

bool rmx_spec_line_more(rmx_spec_line *line)
{
    const char *start = line->at;
    rmx_spec_line_blanks(line);
    return line->at < line->end && !(*line->at == ';' && line->at > start);
}

rmx_status rmx_spec_line_end(rmx_spec_line *line)
{
    if (!rmx_spec_line_more(line)) return RMX_OK;
    return rmx_spec_line_fail(line,
                              "'%.*s' follows the value; blanks in a value need double "
                              "quotes, '|' stands without blanks, a comment begins with ' ;'",
                              shown((size_t)(line->end - line->at), 40), line->at);
}

rmx_status rmx_spec_line_word(rmx_spec_line *line, rmx_spec_word *out)
{
    const char *start = line->at;
    if (*start == '"') return rmx_spec_line_fail(line, "kinds and options stand without quotes");
    while (line->at < line->end && !blank(*line->at) && *line->at != '=') line->at++;
    const size_t n = (size_t)(line->at - start), most = sizeof out->text - 1;
    memcpy(out->text, start, n < most ? n : most);
    out->text[n < most ? n : most] = '\0';
    out->equals = line->at < line->end && *line->at == '=';
    if (out->equals) line->at++;
    return RMX_OK;
}

rmx_status rmx_spec_line_number(rmx_spec_line *line, int64_t low, int64_t high, int64_t *out)
{
    const char *start = line->at;
    bool good = true;
    *out = 0;
    for (; line->at < line->end && !blank(*line->at); line->at++) {
        good = good && *line->at >= '0' && *line->at <= '9' && *out <= INT64_MAX / 10 - 1;
        if (good) *out = 10 * *out + (*line->at - '0');
    }
    if (good && line->at > start && *out >= low && *out <= high) return RMX_OK;
    return rmx_spec_line_fail(line,
                              "'%.*s' is out of range: write a whole number from %lld to "
                              "%lld",
                              shown((size_t)(line->at - start), 40), start, (long long)low,
                              (long long)high);
}
