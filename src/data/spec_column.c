/* SPDX-License-Identifier: MIT */
/* spec_column.c: the lines of [columns]; see spec_parts.h. */
#include "data/spec_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names ---------------------------------------------------------------------------------- */

bool rmx_spec_is_pattern(const char *name) { return strpbrk(name, "*?") != NULL; }

/* *start: where the number at the end of name[0 .. n - 1] begins. Returns its value; -1: there is
 * none or it is too long. */
static int64_t number_at_end(const char *name, size_t n, size_t *start)
{
    size_t at = n;
    int64_t value = 0;
    while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9') at--;
    *start = at;
    if (at == n || n - at > 18) return -1;
    for (; at < n; at++) value = 10 * value + (name[at] - '0');
    return value;
}

rmx_status rmx_spec_range_read(const rmx_spec_line *line, const char *name, rmx_spec_range *out)
{
    static const char form[] = "write a range as I1..I13 or C01..C26, the same name with "
                               "ascending numbers; a name with '..' needs quotes";
    *out = (rmx_spec_range){0, 0, 1, 0};
    const char *dots = strstr(name, "..");
    if (!dots) return RMX_OK;
    if (rmx_spec_is_pattern(name)) return rmx_spec_line_fail(line, "%s", form);
    const char *second = dots + 2;
    const size_t n = (size_t)(dots - name), m = strlen(second);
    size_t start, other;
    out->first = number_at_end(name, n, &start);
    out->last = number_at_end(second, m, &other);
    if (out->first < 0 || out->last < out->first || start != other ||
        memcmp(name, second, start) != 0)
        return rmx_spec_line_fail(line, "%s", form);
    if (n == m)
        out->width = (int)(n - start);
    else if (name[start] == '0' && n - start > 1)
        return rmx_spec_line_fail(line, "%s; with leading zeros both have as many digits", form);
    if (out->last - out->first >= RMX_SPEC_COLUMNS_MAX)
        return rmx_spec_line_fail(line, "%lld columns are more than %d",
                                  (long long)(out->last - out->first + 1), RMX_SPEC_COLUMNS_MAX);
    out->prefix = (int)start;
    return RMX_OK;
}

/* ---- Kinds and options ---------------------------------------------------------------------- */

const char *const rmx_spec_kinds[] = {"skip", "label", "dense", "sparse", "time", "group", "key"};
enum { KINDS = 5, KINDS_AND_FLAGS = 7, OPTIONS = RMX_SPEC_OPTIONS };

const char *const rmx_time_unit_words[] = {"auto", "s", "ms", "us", "ns"};

enum {
    OF_SKIP = 1 << RMX_COLUMN_SKIP,
    OF_LABEL = 1 << RMX_COLUMN_LABEL,
    OF_DENSE = 1 << RMX_COLUMN_DENSE,
    OF_SPARSE = 1 << RMX_COLUMN_SPARSE,
    OF_TIME = 1 << RMX_COLUMN_TIME,
    OF_FEATURES = OF_DENSE | OF_SPARSE | OF_TIME
};

/* They are printed in this order. */
#define AT(member) offsetof(rmx_column, member)
const rmx_spec_option rmx_spec_options[OPTIONS] = {
    {"positive", "positive=A|B", OF_LABEL, RMX_SPEC_TEXTS, AT(positive), 0, 0},
    {"negative", "negative=C|D", OF_LABEL, RMX_SPEC_TEXTS, AT(negative), 0, 0},
    {"masked", "masked", OF_LABEL, RMX_SPEC_FLAG, AT(masked), 0, 0},
    {"none", "none", OF_DENSE, RMX_SPEC_NONE, 0, 0, 0},
    {"log", "log", OF_DENSE, RMX_SPEC_FLAG, AT(log), 0, 0},
    {"hour", "hour", OF_TIME, RMX_SPEC_FLAG, AT(hour), 0, 0},
    {"weekday", "weekday", OF_TIME, RMX_SPEC_FLAG, AT(weekday), 0, 0},
    {"seconds", "seconds", OF_TIME, RMX_SPEC_FLAG, AT(seconds), 0, 0},
    {"zscore", "zscore", OF_DENSE | OF_TIME, RMX_SPEC_FLAG, AT(zscore), 0, 0},
    {"flag", "flag", OF_DENSE, RMX_SPEC_FLAG, AT(flag), 0, 0},
    {"unit", "unit=auto|s|ms|us|ns", OF_TIME, RMX_SPEC_UNIT, AT(unit), 0, 0},
    {"min_count", "min_count=N", OF_SPARSE, RMX_SPEC_NUMBER, AT(min_count), INT32_MAX, 1},
    {"most", "most=N", OF_SPARSE, RMX_SPEC_NUMBER, AT(most), INT32_MAX, 0},
    {"buckets", "buckets=N", OF_SPARSE, RMX_SPEC_NUMBER, AT(buckets), INT32_MAX, 0},
    {"last", "last=N", OF_SPARSE, RMX_SPEC_NUMBER, AT(last), 1024, 0},
    {"group", "group", OF_SKIP | OF_FEATURES, RMX_SPEC_FLAG, AT(group), 0, 0},
    {"key", "key", OF_SKIP | OF_FEATURES, RMX_SPEC_FLAG, AT(key), 0, 0},
};
#undef AT

static rmx_status kind_fail(const rmx_spec_line *line, const char *word)
{
    char all[100], hint[RMX_SPEC_HINT];
    rmx_spec_join(all, sizeof all, rmx_spec_kinds, KINDS_AND_FLAGS, " or ");
    return rmx_spec_line_fail(line, "write %s first, not '%s'%s", all, word,
                              rmx_spec_hint(hint, word, rmx_spec_kinds, KINDS_AND_FLAGS, "''"));
}

/* The kind, or `group` or `key` alone. */
static rmx_status take_kind(rmx_spec_line *line, rmx_column *out, bool *skip)
{
    rmx_spec_word word = {"", false};
    if (!rmx_spec_line_more(line)) return kind_fail(line, "");
    const rmx_status status = rmx_spec_line_word(line, &word);
    if (status != RMX_OK) return status;
    int kind = 0;
    while (kind < KINDS_AND_FLAGS && strcmp(word.text, rmx_spec_kinds[kind]) != 0) kind++;
    if (kind == KINDS_AND_FLAGS || word.equals) return kind_fail(line, word.text);
    *skip = kind == RMX_COLUMN_SKIP;
    if (kind < KINDS) out->kind = (rmx_column_kind)kind;
    out->group = strcmp(word.text, "group") == 0;
    out->key = strcmp(word.text, "key") == 0;
    return RMX_OK;
}

static rmx_status unknown_option(const rmx_spec_line *line, const rmx_column *c, bool skip,
                                 const char *word)
{
    const char *known[OPTIONS], *shown[OPTIONS];
    char all[200], hint[RMX_SPEC_HINT];
    int32_t n = 0;
    for (int32_t i = 0; i < OPTIONS; i++)
        if (rmx_spec_options[i].kinds & 1 << c->kind) {
            known[n] = rmx_spec_options[i].name;
            shown[n++] = rmx_spec_options[i].shown;
        }
    if (skip) return rmx_spec_line_fail(line, "skip takes nothing more, such as '%s'", word);
    if (c->kind == RMX_COLUMN_SKIP)
        return rmx_spec_line_fail(line,
                                  "group and key take nothing more, such as '%s'; of a "
                                  "feature they follow its kind: sparse group key",
                                  word);
    rmx_spec_join(all, sizeof all, shown, n, " and ");
    return rmx_spec_line_fail(line, "%s takes %s, not '%s'%s", rmx_spec_kinds[c->kind], all, word,
                              rmx_spec_hint(hint, word, known, n, "''"));
}

static rmx_status take_unit(rmx_spec_line *line, rmx_time_unit *out)
{
    rmx_spec_word word = {"", false};
    const rmx_status status = rmx_spec_line_word(line, &word);
    if (status != RMX_OK) return status;
    for (int i = 0; i < 5; i++)
        if (strcmp(word.text, rmx_time_unit_words[i]) == 0 && !word.equals) {
            *out = (rmx_time_unit)i;
            return RMX_OK;
        }
    return rmx_spec_line_fail(line, "unit=%s is unknown: write auto, s, ms, us or ns", word.text);
}

static rmx_status take_value(rmx_spec_line *line, const rmx_spec_option *o, rmx_column *out)
{
    void *to = (char *)out + o->offset;
    switch (o->type) {
    case RMX_SPEC_NONE: return RMX_OK;
    case RMX_SPEC_FLAG: *(bool *)to = true; return RMX_OK;
    case RMX_SPEC_NUMBER: return rmx_spec_line_number(line, 1, o->high, to);
    case RMX_SPEC_TEXTS: return rmx_spec_line_texts(line, to);
    case RMX_SPEC_UNIT: break;
    }
    return take_unit(line, to);
}

static rmx_status take_option(rmx_spec_line *line, rmx_column *out, bool skip, unsigned *seen)
{
    rmx_spec_word word = {"", false};
    rmx_status status = rmx_spec_line_word(line, &word);
    if (status != RMX_OK) return status;
    int32_t i = 0;
    while (i < OPTIONS && strcmp(rmx_spec_options[i].name, word.text) != 0) i++;
    if (i == OPTIONS || skip || !(rmx_spec_options[i].kinds & 1 << out->kind))
        return unknown_option(line, out, skip, word.text);
    if (*seen & 1u << i) return rmx_spec_line_fail(line, "%s is there twice", word.text);
    *seen |= 1u << i;
    const bool wants = rmx_spec_options[i].type >= RMX_SPEC_NUMBER;
    if (wants != word.equals)
        return rmx_spec_line_fail(
            line, wants ? "write %s, without blanks around '='" : "%s takes no value",
            rmx_spec_options[i].shown);
    const char *start = line->at;
    status = take_value(line, &rmx_spec_options[i], out);
    if (status == RMX_OK && wants && line->at == start)
        status = rmx_spec_line_fail(line, "write %s", rmx_spec_options[i].shown);
    return status;
}

/* ---- What goes together --------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Refuses a value that is there twice. */
static rmx_status check_label(const rmx_spec_line *line, const rmx_column *c)
{
    if (c->positive.count == 0)
        return rmx_spec_line_fail(line, "say which values are positive, too: positive=1");
    const int32_t n = c->positive.count + c->negative.count;
    char **sorted = malloc((size_t)n * sizeof *sorted);
    if (!sorted) return rmx_spec_no_memory(line->error);
    for (int32_t i = 0; i < n; i++)
        sorted[i] =
            i < c->positive.count ? c->positive.text[i] : c->negative.text[i - c->positive.count];
    qsort(sorted, (size_t)n, sizeof *sorted, by_text);
    rmx_status status = RMX_OK;
    for (int32_t i = 1; i < n && status == RMX_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = rmx_spec_line_fail(line,
                                        "the value '%.60s' is there twice: it is positive "
                                        "or negative",
                                        sorted[i]);
    free(sorted);
    return status;
}

static rmx_status complete(rmx_spec_line *line, rmx_column *c, unsigned seen)
{
    if (c->kind == RMX_COLUMN_LABEL) {
        if (c->positive.count == 0 && c->negative.count == 0 &&
            (!rmx_texts_add(&c->positive, strdup("1")) ||
             !rmx_texts_add(&c->negative, strdup("0"))))
            return rmx_spec_no_memory(line->error);
        return check_label(line, c);
    }
    for (int32_t i = 0; i < OPTIONS; i++) {
        if (!(seen & 1u << i)) continue;
        if (c->buckets > 0 && (rmx_spec_options[i].offset == offsetof(rmx_column, min_count) ||
                               rmx_spec_options[i].offset == offsetof(rmx_column, most)))
            return rmx_spec_line_fail(line,
                                      "buckets= makes no table, so %s= has no use: leave "
                                      "one of them out",
                                      rmx_spec_options[i].name);
        if (rmx_spec_options[i].type == RMX_SPEC_NONE && (c->log || c->zscore))
            return rmx_spec_line_fail(line, "none says that neither log nor zscore is wanted: "
                                            "leave it out");
    }
    if (c->kind == RMX_COLUMN_TIME && !c->hour && !c->weekday && !c->seconds)
        c->hour = c->weekday = c->seconds = true;
    if (c->kind == RMX_COLUMN_TIME && c->zscore && !c->seconds)
        return rmx_spec_line_fail(line, "zscore is for seconds: write time seconds zscore");
    return RMX_OK;
}

rmx_status rmx_spec_column_read(rmx_spec_line *line, rmx_column *out)
{
    *out = (rmx_column){.factor = 1.0, .min_count = 1};
    bool skip = false;
    rmx_status status = take_kind(line, out, &skip);
    unsigned seen = 0;
    for (int32_t i = 0; i < OPTIONS; i++)
        if ((out->group && rmx_spec_options[i].offset == offsetof(rmx_column, group)) ||
            (out->key && rmx_spec_options[i].offset == offsetof(rmx_column, key)))
            seen |= 1u << i;
    while (status == RMX_OK && rmx_spec_line_more(line))
        status = take_option(line, out, skip, &seen);
    return status == RMX_OK ? complete(line, out, seen) : status;
}
