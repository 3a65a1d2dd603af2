/* SPDX-License-Identifier: MIT */
/* test_spec_resolve.c: patterns meet headers, fitted numbers are handed on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/spec.h"
#include "spec_testing.h"

/* ---- Patterns ------------------------------------------------------------------------------- */

static rmx_status resolve(rmx_spec *s, const char *names, rmx_error *error)
{
    char text[600], *header[64], *rest = NULL;
    int32_t n = 0;
    snprintf(text, sizeof text, "%s", names);
    for (char *at = strtok_r(text, ",", &rest); at; at = strtok_r(NULL, ",", &rest))
        header[n++] = strcmp(at, "-") == 0 ? at + 1 : at;
    return rmx_spec_resolve(s, "t.csv", header, n, error);
}

static void resolves(const char *columns, const char *header, const char *want)
{
    char text[600];
    rmx_error error = {.text = ""};
    snprintf(text, sizeof text, "[file]\nheader = yes\n[columns]\n%s", columns);
    rmx_spec s = parse(text);
    cr_assert_eq(resolve(&s, header, &error), RMX_OK, "%s", error.text);
    char *printed = rmx_spec_print(&s);
    cr_assert_str_eq(strstr(printed, "[columns]\n") + strlen("[columns]\n"), want);
    for (int32_t i = 0; i < s.columns; i++) cr_assert(!s.column[i].pattern);
    free(printed);
    survives(&s);
    rmx_spec_free(&s);
}

static void unresolved(const char *columns, const char *header, const char *says)
{
    char text[600];
    rmx_error error = {.text = ""};
    snprintf(text, sizeof text, "[file]\nheader = yes\n[columns]\n%s", columns);
    rmx_spec s = parse(text), before = parse(text);
    cr_assert_eq(resolve(&s, header, &error), RMX_ERR_ARGUMENT, "%s", columns);
    cr_expect(strstr(error.text, says) && strstr(error.text, "t.csv"), "'%s' lacks '%s'",
              error.text, says);
    cr_assert(rmx_spec_equal(&s, &before));
    rmx_spec_free(&s);
    rmx_spec_free(&before);
}

Test(spec_resolve, patterns_become_columns_in_the_headers_order)
{
    resolves("y = label\nC* = sparse min_count=5\nI? = dense log\nu = group\n",
             "I1,C2,u,C10,I2,C1,y",
             "y = label positive=1 negative=0\nC2 = sparse min_count=5\nC10 = sparse min_count=5\n"
             "C1 = sparse min_count=5\nI1 = dense log\nI2 = dense log\nu = group\n");
    /* a line of its own wins, wherever it stands; then the first pattern; the rest is left out */
    resolves("C* = sparse\nC1? = dense\nC3 = skip\n* = skip\n", "C1,C3,x,C11,-",
             "C1 = sparse\n"
             "C11 = sparse\nC3 = skip\n");
    resolves("C1? = dense\nC* = sparse\n\"C*\" = key\n* = key\n", "C*,C1,C11,x",
             "C11 = dense\nC1 = sparse\n\"C*\" = key\nx = key\n");
    /* a pattern may find only what has its own line; columns need not be in the header */
    resolves("C* = sparse\nC1 = dense\nnowhere = dense\n", "C1", "C1 = dense\nnowhere = dense\n");
    resolves(
        "click_* = label positive=a|b masked\n* = dense\n", "click_1,x,click_",
        "click_1 = label positive=a|b masked\nclick_ = label positive=a|b masked\nx = dense\n");
    resolves("*a*b*c = dense\n* = skip\n", "abc,aXbYc,aabbcc,ab,bc,abcd,cabc",
             "abc = dense\naXbYc = dense\naabbcc = dense\ncabc = dense\n");
    resolves("?x = dense\n* = skip\n", "\xc3\xb6x,ox,xx,x,\xe6\x97\xa5x,oox",
             "\"\xc3\xb6x\" = dense\nox = dense\nxx = dense\n\"\xe6\x97\xa5x\" = dense\n");
    resolves(
        "? = dense\n* = sparse\n", "a b,a=b,a..b,#,*",
        "\"#\" = dense\n\"*\" = dense\n\"a b\" = sparse\n\"a=b\" = sparse\n\"a..b\" = sparse\n");
    /* without patterns nothing is looked at */
    resolves("a = dense\n", "b,b,-", "a = dense\n");
}

Test(spec_resolve, headers_that_are_refused)
{
    unresolved("C* = sparse\n", "C1,x",
               "no line of [columns] is for column 2 of the header, 'x': "
               "name it, or write \"* = skip\"");
    unresolved("C* = sparse\nI* = dense\n", "C1", "'I*' matches none of the 1 names");
    unresolved("C* = sparse\n* = skip\n", "a,b", "'C*' matches none");
    unresolved("C* = sparse\n", "C1,C1", "'C1': the column is there twice");
    unresolved("C* = sparse group\n", "C1,C2", "'C2': a second group column, after 'C1'");
    unresolved("* = sparse\n", "a,-",
               "column 2 of the header, '', which '*' stands for: the name is "
               "empty");
    unresolved("* = sparse\n", "a\xff", "'a?', which '*' stands for: the name is not valid UTF-8");
    unresolved("* = dense flag\n", "a,a_missing", "'a_missing': becomes a field that 'a' becomes");
    unresolved("C* = dense\nC1 = skip\n", "C1", "0 dense or sparse");
}

Test(spec_resolve, many_names_take_no_time)
{
    enum { N = RMX_SPEC_COLUMNS_MAX };
    char **header = calloc(N, sizeof *header), *names = malloc(N * 16);
    char *text = malloc(N * 32), *to = text;
    rmx_error error = {.text = ""};
    to += sprintf(to, "[file]\nheader = yes\n[columns]\n");
    for (int i = 0; i < N; i++) {
        header[i] = names + 16 * i;
        snprintf(header[i], 16, "x%d", i * 7919 % N);
    }
    for (int i = 0; i < N / 2; i++) to += sprintf(to, "x%d = skip\n", i);
    sprintf(to, "y* = skip\nx* = sparse\n");
    rmx_spec s = parse(text);
    cr_assert_eq(rmx_spec_resolve(&s, "t.csv", header, N, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(s.columns, N);
    rmx_spec_free(&s);
    /* a long value times many names would fill all memory */
    to = text + sprintf(text, "[file]\nheader = yes\n[columns]\na = dense\n* = label positive=");
    memset(to, 'v', 20000);
    to[20000] = '\0';
    s = parse(text);
    cr_assert_eq(rmx_spec_resolve(&s, "t.csv", header, N, &error), RMX_ERR_ARGUMENT);
    cr_assert(strstr(error.text, "too long"), "%s", error.text);
    cr_assert_eq(s.columns, 2);
    rmx_spec_free(&s);
    free(header);
    free(names);
    free(text);
}

/* ---- Fitted numbers of another set ---------------------------------------------------------- */

static const char stored[] = "[columns]\ny = label\na = dense log zscore\nb = sparse min_count=5\n"
                             "t = time zscore\nc = sparse buckets=7\n"
                             "[fitted]\na = 1.5 2\nt = 3 0.5\n";

Test(spec_adopt, what_may_differ)
{
    rmx_spec from = parse(stored);
    rmx_error error = {.text = ""};
    rmx_spec s = parse("[file]\ndecimal = comma\nseparator = semicolon\nheader = yes\n[columns]\n"
                       "id = key\na = dense log zscore group\nz = skip\nb = sparse most=9 key\n"
                       "click = label positive=yes\nt = time zscore\nc = sparse buckets=7\n");
    cr_assert_eq(rmx_spec_adopt(&s, &from, "a.h5", &error), RMX_OK, "%s", error.text);
    cr_assert(s.column[1].fitted && s.column[1].centre == 1.5 && s.column[1].factor == 2.0);
    cr_assert(s.column[5].fitted && s.column[5].centre == 3.0 && s.column[5].factor == 0.5);
    cr_assert(s.column[3].min_count == 5 && s.column[3].most == 0 && !s.column[3].fitted);
    cr_assert(s.column[4].kind == RMX_COLUMN_LABEL && s.decimal_comma && s.column[1].group);
    survives(&s);
    rmx_spec_free(&s);
    rmx_spec_free(&from);
}

Test(spec_adopt, what_may_not)
{
    static const struct {
        const char *columns, *says;
    } cases[] = {
        {"a = dense zscore\nb = sparse\nt = time zscore\nc = sparse buckets=7\n",
         "other columns: 'a' had another kind or other options; leave --spec out"},
        {"a = dense log\nb = sparse\nt = time zscore\nc = sparse buckets=7\n", "'a' had another"},
        {"a = dense log zscore flag\nb = sparse\nt = time zscore\nc = sparse buckets=7\n",
         "'a' had"},
        {"a = dense log zscore\nb = sparse last=1\nt = time zscore\nc = sparse buckets=7\n",
         "'b' had"},
        {"a = dense log zscore\nb = dense\nt = time zscore\nc = sparse buckets=7\n", "'b' had"},
        {"a = dense log zscore\nb = sparse\nt = time hour\nc = sparse buckets=7\n", "'t' had"},
        {"a = dense log zscore\nb = sparse\nt = time zscore unit=s\nc = sparse buckets=7\n",
         "'t' had"},
        {"a = dense log zscore\nb = sparse\nt = time zscore\nc = sparse buckets=8\n", "'c' had"},
        {"a = dense log zscore\nb = sparse\nt = time zscore\nc = sparse\n", "'c' had"},
        {"a = dense log zscore\nb = sparse\nt = time zscore\n",
         "where it has 'c' the spec has no more features"},
        {"a = dense log zscore\nb = sparse\nt = time zscore\nc = sparse buckets=7\nd = dense\n",
         "where it has no more features the spec has 'd'"},
        {"b = sparse\na = dense log zscore\nt = time zscore\nc = sparse buckets=7\n",
         "where it has 'a' the spec has 'b'"},
    };
    rmx_spec from = parse(stored);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[400];
        rmx_error error = {.text = ""};
        snprintf(text, sizeof text, "[columns]\n%s", cases[i].columns);
        rmx_spec s = parse(text), before = parse(text);
        cr_assert_eq(rmx_spec_adopt(&s, &from, "a.h5", &error), RMX_ERR_ARGUMENT, "%s", text);
        cr_expect(strstr(error.text, "a.h5 was imported with other columns") &&
                      strstr(error.text, cases[i].says),
                  "'%s' lacks '%s'", error.text, cases[i].says);
        cr_assert(rmx_spec_equal(&s, &before));
        rmx_spec_free(&s);
        rmx_spec_free(&before);
    }
    rmx_error error = {.text = ""};
    rmx_spec unfitted = parse("[columns]\na = dense zscore\n"),
             s = parse("[columns]\na = dense zscore\n");
    cr_assert_eq(rmx_spec_adopt(&s, &unfitted, "a.h5", &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "a.h5 has no centre and factor of 'a'"), "%s", error.text);
    rmx_spec_free(&s);
    rmx_spec_free(&unfitted);
    rmx_spec_free(&from);
}
