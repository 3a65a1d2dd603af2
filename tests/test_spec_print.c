/* SPDX-License-Identifier: MIT */
/* test_spec_print.c: specs print as they are read. */
#include <criterion/criterion.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/spec.h"
#include "spec_testing.h"
#include "testing.h"

Test(spec_print, the_whole_text)
{
    rmx_spec s = parse("[columns]\n\"a b\"=dense log zscore flag group\n\"C*\"=sparse buckets=9\n"
                       "t = time zscore unit=us key\nu = key\ny = label\n"
                       "z = label negative=\"a b\"|c positive=\"\"|d masked\n"
                       "[fitted]\n\"a b\" = 1.5 -0.25 ; by hand\n"
                       "[file]\nmissing = \\N|?|\"\"|NA\nseparator = \"|\"\ncomment = #\n"
                       "skip_lines = 2\n");
    char *text = rmx_spec_print(&s);
    cr_assert_str_eq(text, "[file]\nseparator = \"|\"\nheader = no\ntrim = yes\nquotes = yes\n"
                           "pad = no\nmissing = \"\\\\N\"|?|NA\ndecimal = point\ncomment = \"#\"\n"
                           "skip_lines = 2\n[columns]\n\"a b\" = dense log zscore flag group\n"
                           "\"C*\" = sparse buckets=9\n"
                           "t = time hour weekday seconds zscore unit=us key\nu = key\n"
                           "y = label positive=1 negative=0\n"
                           "z = label positive=\"\"|d negative=\"a b\"|c masked\n"
                           "[fitted]\n\"a b\" = 0x1.8p+0 -0x1p-2\n");
    free(text);
    survives(&s);
    rmx_spec_free(&s);
}

/* Names and values that mean something elsewhere, each at every place where one can stand. */
static const char *const nasty[] = {"a",
                                    " ",
                                    "a b",
                                    " a",
                                    "a ",
                                    ";",
                                    " ;",
                                    "; x",
                                    "a ;b",
                                    "a;b",
                                    "#",
                                    "# x",
                                    "a #b",
                                    "=",
                                    "a=b",
                                    "==",
                                    ":",
                                    "a:b",
                                    "a: b",
                                    "|",
                                    "a|b",
                                    "||",
                                    "\"",
                                    "a\"b",
                                    "\"a\"",
                                    "\"\"",
                                    "\\",
                                    "\\N",
                                    "\\\\",
                                    "\\t",
                                    "\\n",
                                    "\\x41",
                                    "a\\",
                                    "\\\"",
                                    "'",
                                    "'a'",
                                    "[file]",
                                    "[",
                                    "]",
                                    "*",
                                    "?",
                                    "C*",
                                    "..",
                                    "I1..I3",
                                    "...",
                                    "tab",
                                    "comma",
                                    "space",
                                    "yes",
                                    "no",
                                    "first",
                                    "auto",
                                    "skip",
                                    "label",
                                    "dense",
                                    "group",
                                    "key",
                                    "1",
                                    "0",
                                    "1.0",
                                    "-1",
                                    "0x1p3",
                                    "nan",
                                    "NULL",
                                    "none",
                                    "null",
                                    ",",
                                    "a,b",
                                    "$x",
                                    "%d%s%n",
                                    "`",
                                    "{}",
                                    "<=50K.",
                                    ">50K",
                                    "(x)",
                                    "!",
                                    "&",
                                    "~",
                                    "@",
                                    "^",
                                    "a/b",
                                    "gr\xc3\xb6\xc3\x9f_e",
                                    "\xe6\x97\xa5\xe6\x9c\xac",
                                    "\xf0\x9f\x98\x80",
                                    "\xc2\xa0",
                                    "\xef\xbb\xbf",
                                    "\xe2\x80\xa8",
                                    "a_missing_",
                                    "positive=1",
                                    "separator"};
enum { NASTY = sizeof nasty / sizeof *nasty };

static const char *const nasty_values[] = {
    "",     "\t",   "\n",       "a\tb",     "\r",      "a\r\nb",       "\x01",  "\x7f",
    "\xff", "\xc3", "\xe4\xf6", "\xc2\x80", "\x1b[2J", "\xed\xa0\x80", "a\x80z"};
enum { VALUES = NASTY + sizeof nasty_values / sizeof *nasty_values };

static const char *value_at(int i)
{
    return i % VALUES < NASTY ? nasty[i % VALUES] : nasty_values[i % VALUES - NASTY];
}

static rmx_texts texts_of(int first, int count)
{
    rmx_texts out = {.text = calloc((size_t)count + 1, sizeof *out.text)};
    for (int i = 0; i < count; i++) out.text[out.count++] = strdup(value_at(first + i));
    return out;
}

static rmx_column column_of(const char *name, int i)
{
    rmx_column c = {.name = strdup(name), .kind = (rmx_column_kind)(i % 5), .factor = 1.0};
    c.min_count = 1;
    if (c.kind == RMX_COLUMN_LABEL) {
        c.positive = texts_of(i, 1 + i % 3);
        c.negative = texts_of(i + 5, i % 4);
        c.masked = i % 7 == 0;
        return c;
    }
    c.key = i % 11 == 0 && i < 300;
    if (c.kind == RMX_COLUMN_DENSE) c.log = i % 2, c.zscore = i % 3 == 0;
    if (c.kind == RMX_COLUMN_TIME) {
        c.hour = i % 2;
        c.weekday = i % 3 == 0;
        c.seconds = c.zscore = i % 4 == 0 || !(c.hour || c.weekday);
        c.unit = (rmx_time_unit)(i / 5 % 5);
    }
    if (c.kind == RMX_COLUMN_SPARSE) {
        c.buckets = i % 2 ? 1 + i : 0;
        if (!c.buckets) c.min_count = 1 + i % 6, c.most = i % 9;
        c.last = i % 5;
    }
    if (c.zscore && i % 2) {
        c.fitted = true;
        c.centre = (i - 20) * 1.1e-3 * DBL_MIN;
        c.factor = DBL_MAX / (i + 1.5);
    }
    return c;
}

/* A spec per separator and set of file options, each with every name; values turn with it. */
Test(spec_print, nasty_names_and_values_survive)
{
    int specs = 0;
    for (int i = 0; i < 2 * VALUES; i++) {
        const char *separator = value_at(i), *comment = value_at(i + 1 + i / VALUES);
        if (!*separator || strlen(separator) > 8 || strpbrk(separator, "\r\n\"")) separator = ",";
        if (strpbrk(comment, "\r\n\"") || strchr(comment, separator[0]) ||
            strchr(separator, comment[0]))
            comment = "";
        rmx_spec s = {.separator = strdup(separator), .comment = strdup(comment)};
        s.header = (rmx_header)(i % 3);
        s.trim = i % 2;
        s.pad = i % 5 == 0;
        s.quotes = i % 4 != 0 || strcmp(separator, ",") == 0;
        s.decimal_comma = i % 7 == 0;
        s.skip_lines = i % 6;
        const int room = NASTY - i % NASTY; /* values beyond are no values of "missing" */
        s.missing = texts_of(i % NASTY, i % 5 < room ? i % 5 : room);
        s.column = calloc(NASTY, sizeof *s.column);
        for (int k = 0; k < NASTY; k++) {
            s.column[k] = column_of(nasty[k], i + 7 * k);
            s.column[k].group = k == i && s.column[k].kind != RMX_COLUMN_LABEL;
        }
        s.columns = NASTY;
        survives(&s);
        rmx_spec_free(&s);
        specs++;
    }
    cr_assert(specs >= 190, "%d specs", specs);
}

/* As a person writes them: each name and value in quotes, in a text. */
Test(spec_print, texts_with_nasty_values_survive)
{
    for (int i = 0; i < NASTY * NASTY; i++) {
        char text[600], quoted[2][32];
        const char *words[2] = {nasty[i % NASTY], nasty[i / NASTY]};
        for (int k = 0; k < 2; k++) {
            char *to = quoted[k];
            for (const char *at = words[k]; *at; at++) {
                if (*at == '"' || *at == '\\') *to++ = '\\';
                *to++ = *at;
            }
            *to = '\0';
        }
        snprintf(text, sizeof text,
                 "[file]\nmissing = \"%s\"|\"%s\" ; x\n[columns]\n\"%s\" = dense zscore ;; y\n"
                 "n = label negative=\"%s\" positive=\"_%s\"|+\n[fitted]\n\"%s\" = 0x1p-3 3 ; z\n",
                 quoted[0], quoted[1], quoted[1], quoted[0], quoted[1], quoted[1]);
        rmx_spec s = parse(text);
        cr_assert_str_eq(s.missing.text[1], words[1]);
        cr_assert_str_eq(s.column[0].name, words[1]);
        cr_assert_str_eq(s.column[1].negative.text[0], words[0]);
        cr_assert(s.column[0].centre == 0.125 && s.column[0].factor == 3.0);
        if (i % 17 == 0) survives(&s);
        rmx_spec_free(&s);
    }
}

/* A value that stands without quotes is what is taken, or it is refused: never another one. */
Test(spec_print, plain_values_are_taken_whole_or_refused)
{
    int taken = 0;
    for (int i = 0; i < VALUES; i++)
        for (int k = 0; k < 3; k++) {
            static const char *const forms[] = {"missing =%s", "missing = %s", "missing = x|%s"};
            char value[64], text[200];
            rmx_spec s;
            rmx_error error = {.text = ""};
            snprintf(value, sizeof value, forms[k], value_at(i));
            snprintf(text, sizeof text, "[file]\n%s\n[columns]\na = dense\n", value);
            if (rmx_spec_parse("s.ini", text, &s, &error) != RMX_OK) continue;
            const int32_t n = s.missing.count;
            const bool bars = strchr(value_at(i), '|') != NULL, quotes = value_at(i)[0] == '"';
            const char *got = n > 0 ? s.missing.text[n - 1] : "";
            if (!bars && !quotes && !strstr(value_at(i), " ;")) { /* else a comment */
                const char *want = value_at(i) + strspn(value_at(i), " \t");
                cr_assert(strncmp(got, want, strlen(got)) == 0 &&
                              strspn(want + strlen(got), " \t") == strlen(want + strlen(got)),
                          "'%s' became '%s'", text, got);
                taken++;
            }
            survives(&s);
            rmx_spec_free(&s);
        }
    cr_assert(taken > 150, "%d", taken);
}

Test(spec_print, the_presets_mean_what_they_meant)
{
    rmx_spec s = parse(rmx_spec_preset("criteo"));
    cr_assert(s.columns == 40 && strcmp(s.separator, "\t") == 0 && !s.trim && s.pad);
    cr_assert(s.header == RMX_HEADER_NO && !s.quotes && s.missing.count == 0);
    cr_assert(s.column[0].kind == RMX_COLUMN_LABEL && rmx_texts_have(&s.column[0].positive, "1"));
    cr_assert_str_eq(s.column[0].name, "label");
    for (int i = 1; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, i < 14 ? "I%d" : "C%d", i < 14 ? i : i - 13);
        const rmx_column *c = &s.column[i];
        cr_assert_str_eq(c->name, name);
        cr_assert(i < 14 ? c->kind == RMX_COLUMN_DENSE && c->log && c->flag && !c->zscore
                         : c->kind == RMX_COLUMN_SPARSE && c->min_count == 10 && !c->most);
    }
    survives(&s);
    rmx_spec_free(&s);
    s = parse(rmx_spec_preset("avazu"));
    static const char *const names[] = {
        "id",         "click",        "hour",         "C1",
        "banner_pos", "site_id",      "site_domain",  "site_category",
        "app_id",     "app_domain",   "app_category", "device_id",
        "device_ip",  "device_model", "device_type",  "device_conn_type",
        "C14",        "C15",          "C16",          "C17",
        "C18",        "C19",          "C20",          "C21"};
    cr_assert(s.columns == 24 && s.header == RMX_HEADER_YES && !s.trim && s.quotes && !s.pad);
    for (int i = 0; i < 24; i++) cr_assert_str_eq(s.column[i].name, names[i]);
    cr_assert(s.column[0].kind == RMX_COLUMN_SKIP && s.column[1].kind == RMX_COLUMN_LABEL);
    cr_assert(s.column[2].last == 2 && s.column[2].min_count == 1);
    for (int i = 3; i < 24; i++)
        cr_assert(s.column[i].kind == RMX_COLUMN_SPARSE && s.column[i].min_count == 4);
    survives(&s);
    rmx_spec_free(&s);
    cr_assert(!rmx_spec_preset("csv"));
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_spec_load(testing_path("configs/adult.columns.ini"), &s, &error), RMX_OK,
                 "%s", error.text);
    cr_assert_eq(s.columns, 15);
    cr_assert(s.column[0].kind == RMX_COLUMN_SPARSE && s.column[0].min_count == 5);
    survives(&s);
    rmx_spec_free(&s);
}

Test(spec_print, equal_sees_every_difference)
{
    static const char *const lines[] = {"[file]\nseparator = tab",
                                        "[file]\nheader = yes",
                                        "[file]\ntrim = no",
                                        "[file]\nquotes = no",
                                        "[file]\npad = yes",
                                        "[file]\nmissing = a",
                                        "[file]\nmissing = b",
                                        "[file]\ndecimal = comma",
                                        "[file]\ncomment = #",
                                        "[file]\nskip_lines = 1",
                                        "c = skip",
                                        "c = label",
                                        "c = dense",
                                        "c = sparse",
                                        "c = time",
                                        "c = group",
                                        "c = key",
                                        "c = dense log",
                                        "c = dense zscore",
                                        "c = dense flag",
                                        "c = dense key",
                                        "c = label positive=1",
                                        "c = label positive=0 negative=1",
                                        "c = label masked",
                                        "c = sparse min_count=2",
                                        "c = sparse most=2",
                                        "c = sparse buckets=2",
                                        "c = sparse last=2",
                                        "c = time hour",
                                        "c = time weekday",
                                        "c = time seconds",
                                        "c = time unit=s",
                                        "c = time zscore",
                                        "d = skip",
                                        "c = dense zscore\n[fitted]\nc = 1 2",
                                        "c = dense zscore\n[fitted]\nc = 2 2",
                                        "c = dense zscore\n[fitted]\nc = 1 1",
                                        "[file]\nheader = first",
                                        "[file]\nheader = yes\n[columns]\nc* = dense",
                                        "[file]\nheader = yes\n[columns]\n\"c*\" = dense"};
    enum { N = sizeof lines / sizeof *lines };
    rmx_spec s[N];
    for (int i = 0; i < N; i++) {
        char text[200];
        snprintf(text, sizeof text, "[columns]\na = dense\n%s\n", lines[i]);
        s[i] = parse(text);
    }
    for (int i = 0; i < N; i++) {
        survives(&s[i]);
        for (int k = 0; k < N; k++)
            cr_assert_eq(rmx_spec_equal(&s[i], &s[k]), i == k, "%s | %s", lines[i], lines[k]);
    }
    for (int i = 0; i < N; i++) rmx_spec_free(&s[i]);
}
