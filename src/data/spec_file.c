/* SPDX-License-Identifier: MIT */
/* spec_file.c: the lines of [file]; see spec_parts.h. */
#include "data/spec_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum key { SEPARATOR, HEADER, TRIM, QUOTES, PAD, MISSING, DECIMAL, COMMENT, SKIP_LINES };

static const char *const keys[RMX_SPEC_FILE_KEYS] = {
    "separator", "header", "trim", "quotes", "pad", "missing", "decimal", "comment", "skip_lines"};

enum { SEPARATOR_MAX = 8, COMMENT_MAX = 64, SKIP_LINES_MAX = 1000000000 };

/* ---- Values --------------------------------------------------------------------------------- */

/* The place of the value among n words. */
static rmx_status take_choice(rmx_spec_line *line, const char *const *words, int32_t n, int *out)
{
    char *text, all[64];
    bool quoted;
    const rmx_status status = rmx_spec_line_text(line, false, &text, &quoted);
    if (status != RMX_OK) return status;
    *out = 0;
    while (*out < n && strcmp(text, words[*out]) != 0) (*out)++;
    rmx_spec_join(all, sizeof all, words, n, " or ");
    const rmx_status result =
        *out < n ? RMX_OK : rmx_spec_line_fail(line, "write %s, not '%.40s'", all, text);
    free(text);
    return result;
}

static rmx_status take_flag(rmx_spec_line *line, bool *out)
{
    static const char *const words[] = {"yes", "no"};
    int place = 0;
    const rmx_status status = take_choice(line, words, 2, &place);
    *out = place == 0;
    return status;
}

static const struct {
    const char *word, *text;
} separators[] = {{"tab", "\t"}, {"comma", ","}, {"semicolon", ";"}, {"space", " "}};
enum { SEPARATORS = sizeof separators / sizeof *separators };

const char *rmx_spec_separator_word(const char *separator)
{
    for (int i = 0; i < SEPARATORS; i++)
        if (strcmp(separator, separators[i].text) == 0) return separators[i].word;
    return NULL;
}

static bool has_letters(const char *text)
{
    for (; *text; text++)
        if ((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
            (*text >= 'A' && *text <= 'Z'))
            return true;
    return false;
}

/* A separator or the start of comments. Letters need quotes: without them "pipe" is probably a
 * word for '|'. */
static rmx_status take_sign(rmx_spec_line *line, size_t least, size_t most, char **out)
{
    const bool separator = least > 0;
    char *text;
    bool quoted;
    const rmx_status status = rmx_spec_line_text(line, false, &text, &quoted);
    if (status != RMX_OK) return status;
    for (int i = 0; separator && !quoted && i < SEPARATORS; i++)
        if (strcmp(text, separators[i].word) == 0) {
            snprintf(text, strlen(text) + 1, "%s", separators[i].text);
            quoted = true;
        }
    char why[160] = "";
    if (!quoted && (has_letters(text) || strchr(text, '\\')))
        snprintf(why, sizeof why, "'%.40s' is unknown: write %sthe text itself in double quotes",
                 text, separator ? "tab, comma, semicolon, space or " : "");
    else if (strlen(text) < least || strlen(text) > most)
        snprintf(why, sizeof why, "it has %zu bytes: write %zu to %zu", strlen(text), least, most);
    else if (strpbrk(text, "\r\n"))
        snprintf(why, sizeof why, "a line end cannot be within it");
    if (why[0]) {
        free(text);
        return rmx_spec_line_fail(line, "%s", why);
    }
    free(*out);
    *out = text;
    return RMX_OK;
}

/* The empty one is not kept: it always means "missing". */
static rmx_status take_missing(rmx_spec_line *line, rmx_texts *out)
{
    const rmx_status status = rmx_spec_line_texts(line, out);
    int32_t kept = 0;
    for (int32_t i = 0; i < out->count; i++)
        if (out->text[i][0])
            out->text[kept++] = out->text[i];
        else
            free(out->text[i]);
    out->count = kept;
    return status;
}

static rmx_status take_value(rmx_spec_line *line, enum key key, rmx_spec_file *file, rmx_spec *out)
{
    static const char *const headers[] = {"first", "yes", "no"};
    static const char *const quotes[] = {"auto", "yes", "no"};
    static const char *const decimals[] = {"point", "comma"};
    static const rmx_header header[] = {RMX_HEADER_FIRST, RMX_HEADER_YES, RMX_HEADER_NO,
                                        RMX_HEADER_NO};
    int place = 0;
    rmx_status status = RMX_OK;
    switch (key) {
    case SEPARATOR: return take_sign(line, 1, SEPARATOR_MAX, &out->separator);
    case COMMENT: return take_sign(line, 0, COMMENT_MAX, &out->comment);
    case MISSING: return take_missing(line, &out->missing);
    case TRIM: return take_flag(line, &out->trim);
    case PAD: return take_flag(line, &out->pad);
    case SKIP_LINES: return rmx_spec_line_number(line, 0, SKIP_LINES_MAX, &out->skip_lines);
    case HEADER:
        status = take_choice(line, headers, 3, &place);
        out->header = header[place];
        return status;
    case QUOTES:
        status = take_choice(line, quotes, 3, &place);
        file->quotes_known = place > 0;
        out->quotes = place == 1;
        return status;
    case DECIMAL: break;
    }
    status = take_choice(line, decimals, 2, &place);
    out->decimal_comma = place == 1;
    return status;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

rmx_status rmx_spec_file_read(rmx_spec_line *line, rmx_spec_file *file, rmx_spec *out)
{
    int32_t key = 0;
    while (key < RMX_SPEC_FILE_KEYS && strcmp(line->key, keys[key]) != 0) key++;
    if (key == RMX_SPEC_FILE_KEYS) {
        char all[160], hint[RMX_SPEC_HINT];
        rmx_spec_join(all, sizeof all, keys, RMX_SPEC_FILE_KEYS, " and ");
        return rmx_spec_line_fail(line, "unknown; [file] has %s%s", all,
                                  rmx_spec_hint(hint, line->key, keys, RMX_SPEC_FILE_KEYS, "''"));
    }
    if (file->line[key] > 0)
        return rmx_spec_line_fail(line, "is there twice, first in line %d", (int)file->line[key]);
    file->line[key] = line->number;
    if (!rmx_spec_line_more(line))
        return rmx_spec_line_fail(line, "has no value%s",
                                  line->at < line->end
                                      ? ", as ';' after a blank begins a comment: write \";\" for "
                                        "the character itself"
                                      : ": leave the line out, or write \"\" for the empty text");
    const rmx_status status = take_value(line, (enum key)key, file, out);
    return status == RMX_OK ? rmx_spec_line_end(line) : status;
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static rmx_status refuse(rmx_spec_line *line, const rmx_spec_file *file, enum key key,
                         const char *why)
{
    line->key = keys[key];
    line->number = file->line[key];
    return rmx_spec_line_fail(line, "%s", why);
}

rmx_status rmx_spec_file_complete(rmx_spec_line line, const rmx_spec_file *file, rmx_spec *out)
{
    const char *separator = out->separator, *comment = out->comment;
    if (!file->quotes_known)
        out->quotes = strcmp(separator, "\t") != 0 && strcmp(separator, " ") != 0;
    if (out->quotes && strchr(separator, '"'))
        return refuse(&line, file, SEPARATOR,
                      "a quote cannot be in the separator where values stand in quotes: write "
                      "quotes = no");
    if (out->quotes && comment[0] == '"')
        return refuse(&line, file, COMMENT,
                      "lines that begin with a quoted value would be comments: write another, or "
                      "quotes = no");
    if (comment[0] && (begins(separator, comment) || begins(comment, separator)))
        return refuse(&line, file, COMMENT,
                      "lines whose first values are empty would be comments, as separator and "
                      "comment begin alike: write another");
    if (out->decimal_comma && strcmp(separator, ",") == 0 && !out->quotes)
        return refuse(&line, file, DECIMAL,
                      "a comma cannot be both in numbers and between values that stand without "
                      "quotes: write separator = semicolon or tab, or quotes = yes");
    return RMX_OK;
}
