/* SPDX-License-Identifier: MIT */
/* test_spec.c: what column specs mean. What is refused: test_spec_errors.c. The way back:
 * test_spec_print.c. Patterns and fitted numbers: test_spec_resolve.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data/spec.h"
#include "spec_testing.h"

/* One column of a spec that is good otherwise. */
static rmx_column parse_column(const char *line, rmx_spec *spec)
{
    char text[1024];
    snprintf(text, sizeof text, "[columns]\nother = dense\n%s\n", line);
    *spec = parse(text);
    cr_assert_eq(spec->columns, 2, "%s", line);
    return spec->column[1];
}

static void same_list(const rmx_texts *texts, int32_t n, const char *const *want)
{
    cr_assert_eq(texts->count, n);
    for (int32_t i = 0; i < n; i++) cr_assert_str_eq(texts->text[i], want[i]);
}

Test(spec, what_stands_without_a_file_section)
{
    rmx_spec s = parse("[columns]\ny = label\na = dense\nb = sparse\nt = time\nx = skip\n");
    cr_assert_str_eq(s.separator, ",");
    cr_assert_str_eq(s.comment, "");
    cr_assert(s.header == RMX_HEADER_NO && s.trim && s.quotes && !s.pad && !s.decimal_comma);
    cr_assert(s.missing.count == 0 && s.skip_lines == 0 && s.columns == 5);
    static const rmx_column_kind kinds[] = {RMX_COLUMN_LABEL, RMX_COLUMN_DENSE, RMX_COLUMN_SPARSE,
                                            RMX_COLUMN_TIME, RMX_COLUMN_SKIP};
    for (int i = 0; i < 5; i++) {
        const rmx_column *c = &s.column[i];
        cr_assert(c->kind == kinds[i] && !c->group && !c->key && !c->pattern && !c->fitted);
        cr_assert(c->centre == 0.0 && c->factor == 1.0 && c->min_count == 1 && c->most == 0);
        cr_assert(!c->log && !c->zscore && !c->flag && !c->masked && !c->buckets && !c->last);
    }
    same_list(&s.column[0].positive, 1, (const char *const[]){"1"});
    same_list(&s.column[0].negative, 1, (const char *const[]){"0"});
    cr_assert(s.column[3].hour && s.column[3].weekday && s.column[3].seconds);
    cr_assert_eq(s.column[3].unit, RMX_TIME_AUTO);
    rmx_spec_free(&s);
    cr_assert(!s.column && !s.separator);
    rmx_spec_free(&s);
}

Test(spec, every_key_of_file)
{
    rmx_spec s =
        parse("\xef\xbb\xbf; a comment\r\n# another\r\n[file] ; and one\r\n"
              "separator = semicolon\r\nheader=first\r\ntrim = no   ; why not\r\n"
              "quotes =\tno\r\npad = yes\r\nmissing = \"NULL\"|\\N|NA|\"\"|\"not known\"\r\n"
              "decimal = comma\r\ncomment = #\r\nskip_lines = 12\r\n \t\r\n"
              "[columns]\r\na = dense\r\n");
    cr_assert_str_eq(s.separator, ";");
    cr_assert_str_eq(s.comment, "#");
    cr_assert(s.header == RMX_HEADER_FIRST && !s.trim && !s.quotes && s.pad && s.decimal_comma);
    cr_assert_eq(s.skip_lines, 12);
    same_list(&s.missing, 4, (const char *const[]){"NULL", "\\N", "NA", "not known"});
    cr_assert(rmx_texts_have(&s.missing, "\\N") && !rmx_texts_have(&s.missing, "N") &&
              !rmx_texts_have(&s.missing, ""));
    rmx_spec_free(&s);
}

Test(spec, separators_and_quotes)
{
    static const struct {
        const char *written, *text;
        bool quotes;
    } cases[] = {{"comma", ",", true},
                 {"tab", "\t", false},
                 {"space", " ", false},
                 {"semicolon", ";", true},
                 {",", ",", true},
                 {"|", "|", true},
                 {"||", "||", true},
                 {"\"||\"", "||", true},
                 {"\"\\t\"", "\t", false},
                 {"\"\\x01\"", "\x01", true},
                 {"\" \"", " ", false},
                 {"\"tab\"", "tab", true},
                 {"\";\"", ";", true},
                 {"::", "::", true},
                 {"=", "=", true},
                 {"\"a\tb\"", "a\tb", true},
                 {"\"12345678\"", "12345678", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "[file]\nseparator = %s\n[columns]\na = dense\n",
                 cases[i].written);
        rmx_spec s = parse(text);
        cr_assert_str_eq(s.separator, cases[i].text);
        cr_assert_eq(s.quotes, cases[i].quotes, "%s", cases[i].written);
        rmx_spec_free(&s);
    }
    rmx_spec s = parse("[file]\nquotes = yes\nseparator = tab\n[columns]\na = dense\n");
    cr_assert(s.quotes);
    rmx_spec_free(&s);
    s = parse("[file]\nquotes = no\nseparator = \"\\\"\"\n[columns]\na = dense\n");
    cr_assert_str_eq(s.separator, "\"");
    rmx_spec_free(&s);
    s = parse("[file]\nseparator =;\nmissing =;\ncomment = //\n[columns]\na = dense\n");
    cr_assert_str_eq(s.separator, ";");
    cr_assert_str_eq(s.comment, "//");
    same_list(&s.missing, 1, (const char *const[]){";"});
    rmx_spec_free(&s);
    s = parse("[file]\nmissing =;|?|#N/A ; ';' is one of them\n[columns]\na = dense\n");
    same_list(&s.missing, 3, (const char *const[]){";", "?", "#N/A"});
    rmx_spec_free(&s);
    s = parse("[file]\ndecimal = comma\n[columns]\na = dense\n"); /* "1,5" in quotes */
    cr_assert(s.decimal_comma && s.quotes);
    rmx_spec_free(&s);
}

Test(spec, labels)
{
    rmx_spec s;
    rmx_column c = parse_column("y = label positive=>50K|>50K. negative=<=50K|<=50K.", &s);
    same_list(&c.positive, 2, (const char *const[]){">50K", ">50K."});
    same_list(&c.negative, 2, (const char *const[]){"<=50K", "<=50K."});
    cr_assert(!c.masked);
    rmx_spec_free(&s);
    c = parse_column("click = label positive=\"a b\"|\"c|d\"|e=f negative=0 masked", &s);
    same_list(&c.positive, 3, (const char *const[]){"a b", "c|d", "e=f"});
    same_list(&c.negative, 1, (const char *const[]){"0"});
    cr_assert(c.masked);
    rmx_spec_free(&s);
    c = parse_column("y = label positive=yes", &s);
    cr_assert_eq(c.negative.count, 0);
    rmx_spec_free(&s);
    c = parse_column("y = label masked", &s);
    cr_assert(c.masked && rmx_texts_have(&c.positive, "1") && rmx_texts_have(&c.negative, "0"));
    rmx_spec_free(&s);
    c = parse_column("y = label positive=1 negative=\"\"", &s);
    same_list(&c.negative, 1, (const char *const[]){""});
    rmx_spec_free(&s);
    c = parse_column("y = label negative=a;b positive=;|\"\\\\N\\\"\\t\\n\\xe4\" ; comment", &s);
    same_list(&c.negative, 1, (const char *const[]){"a;b"});
    same_list(&c.positive, 2, (const char *const[]){";", "\\N\"\t\n\xe4"});
    rmx_spec_free(&s);
}

Test(spec, features_and_their_options)
{
    rmx_spec s;
    rmx_column c = parse_column("a = dense log zscore flag", &s);
    cr_assert(c.kind == RMX_COLUMN_DENSE && c.log && c.zscore && c.flag);
    rmx_spec_free(&s);
    c = parse_column("a = dense none flag", &s);
    cr_assert(c.kind == RMX_COLUMN_DENSE && !c.log && !c.zscore && c.flag);
    rmx_spec_free(&s);
    c = parse_column("a = sparse last=1024 most=2147483647 min_count=05", &s);
    cr_assert(c.kind == RMX_COLUMN_SPARSE && c.last == 1024 && c.most == INT32_MAX);
    cr_assert(c.min_count == 5 && c.buckets == 0);
    rmx_spec_free(&s);
    c = parse_column("a = sparse buckets=100 last=2", &s);
    cr_assert(c.buckets == 100 && c.last == 2);
    rmx_spec_free(&s);
    c = parse_column("t = time weekday unit=ms", &s);
    cr_assert(c.kind == RMX_COLUMN_TIME && !c.hour && c.weekday && !c.seconds);
    cr_assert_eq(c.unit, RMX_TIME_MS);
    rmx_spec_free(&s);
    c = parse_column("t = time zscore unit=ns", &s);
    cr_assert(c.hour && c.weekday && c.seconds && c.zscore && c.unit == RMX_TIME_NS);
    rmx_spec_free(&s);
    c = parse_column("t = time seconds hour unit=auto", &s);
    cr_assert(c.hour && !c.weekday && c.seconds && !c.zscore && c.unit == RMX_TIME_AUTO);
    rmx_spec_free(&s);
}

Test(spec, groups_and_keys)
{
    static const struct {
        const char *line;
        rmx_column_kind kind;
        bool group, key;
    } cases[] = {{"u = group", RMX_COLUMN_SKIP, true, false},
                 {"u = key", RMX_COLUMN_SKIP, false, true},
                 {"u = key group", RMX_COLUMN_SKIP, true, true},
                 {"u = sparse min_count=5 group key", RMX_COLUMN_SPARSE, true, true},
                 {"u = sparse group buckets=7", RMX_COLUMN_SPARSE, true, false},
                 {"u = dense key zscore", RMX_COLUMN_DENSE, false, true},
                 {"u = time hour group", RMX_COLUMN_TIME, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rmx_spec s;
        const rmx_column c = parse_column(cases[i].line, &s);
        cr_assert(c.kind == cases[i].kind && c.group == cases[i].group && c.key == cases[i].key,
                  "%s", cases[i].line);
        rmx_spec_free(&s);
    }
}

Test(spec, names)
{
    static const struct {
        const char *line, *name;
        bool pattern;
    } cases[] = {{"\"user_id:token\" = sparse", "user_id:token", false},
                 {"user_id:token = sparse", "user_id:token", false},
                 {"hours per week=sparse", "hours per week", false},
                 {"C# = sparse", "C#", false},
                 {"\"a=b;c\" =sparse", "a=b;c", false},
                 {"\"; x\" = sparse", "; x", false},
                 {"\"[file]\" = sparse", "[file]", false},
                 {"\"#n\"\t=\tsparse", "#n", false},
                 {"\" a \\\"b\\\\c \" = sparse", " a \"b\\c ", false},
                 {"\"a..b\" = sparse", "a..b", false},
                 {"\"I1..I3\" = sparse", "I1..I3", false},
                 {"\"C*\" = sparse", "C*", false},
                 {"C* = sparse", "C*", true},
                 {"? = sparse", "?", true},
                 {"gr\xc3\xb6\xc3\x9f_e = sparse", "gr\xc3\xb6\xc3\x9f_e", false},
                 {"a,b = sparse", "a,b", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, "[file]\nheader = yes\n[columns]\n%s\n", cases[i].line);
        rmx_spec s = parse(text);
        cr_assert_str_eq(s.column[0].name, cases[i].name);
        cr_assert_eq(s.column[0].pattern, cases[i].pattern, "%s", cases[i].line);
        rmx_spec_free(&s);
    }
}

Test(spec, ranges)
{
    rmx_spec s = parse("[columns]\nI9..I11 = dense log\nC008..C010 = sparse min_count=3\n"
                       "1..2 = skip\nx1_7..x1_7 = label positive=a\n0..0 = sparse\n");
    static const char *const names[] = {"I9",   "I10", "I11", "C008", "C009",
                                        "C010", "1",   "2",   "x1_7", "0"};
    cr_assert_eq(s.columns, 10);
    for (int i = 0; i < 10; i++) cr_assert_str_eq(s.column[i].name, names[i]);
    cr_assert(s.column[2].kind == RMX_COLUMN_DENSE && s.column[2].log);
    cr_assert(s.column[4].min_count == 3 && s.column[7].kind == RMX_COLUMN_SKIP);
    cr_assert(rmx_texts_have(&s.column[8].positive, "a"));
    rmx_spec_free(&s);
    static const char *const bad[] = {"I1..J3", "I3..I1",     "I01..I100", "I1..",   "..I3",
                                      "a..b",   "I1..I2..I3", "I1...I3",   "I1..I*", "I1 .. I3",
                                      "I1..3",  "C1a..C3a",   ".."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100];
        snprintf(text, sizeof text, "[columns]\n%s = dense\n", bad[i]);
        refused(text, "write a range as I1..I13");
    }
    refused("[columns]\nI1..I65537 = dense\n",
            ":2: 'I1..I65537': 65537 columns are more than 65536");
    refused("[columns]\nI1..I65000 = dense\nJ1..J537 = skip\n", "more than 65536 columns");
    refused("[columns]\nI1..I3 = dense\na = dense\nI2 = skip\n",
            ":4: 'I2': the column is there twice, first in line 2");
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* As many columns as there may be, all to be fitted, in time that grows with their number only. */
Test(spec, many_columns_take_no_time)
{
    enum { N = RMX_SPEC_COLUMNS_MAX };
    char *text = malloc(N * 64 + 64), *to = text;
    to += sprintf(to, "[columns]\n");
    for (int i = 0; i < N; i++) to += sprintf(to, "name_%d = dense zscore\n", i * 7919 % N);
    const double start = seconds();
    rmx_spec s = parse(text);
    const double parsed = seconds() - start;
    cr_assert_eq(s.columns, N);
    for (int i = 0; i < N; i++) {
        s.column[i].fitted = true;
        s.column[i].centre = -1.1e-300 * i;
        s.column[i].factor = 1.1e-300 / (i + 1);
    }
    char *printed = rmx_spec_print(&s);
    cr_assert(printed && strlen(printed) < RMX_SPEC_TEXT_MAX);
    rmx_spec again = parse(printed);
    cr_assert(rmx_spec_equal(&s, &again));
    const double all = seconds() - start;
    cr_assert(parsed < 2.0 && all < 6.0, "%g s to parse, %g s in all", parsed, all);
    rmx_spec_free(&s);
    rmx_spec_free(&again);
    free(printed);
    sprintf(to, "one_more = skip\n");
    refused(text, ":65538: 'one_more': more than 65536 columns");
    free(text);
}

/* A range multiplies its value: the text stays small where memory would not. */
Test(spec, ranges_cannot_take_all_memory)
{
    char *text = malloc(1 << 20);
    const int head = sprintf(text, "[columns]\na = dense\ny1..y65536 = label positive=");
    memset(text + head, 'v', 1 << 19);
    text[head + (1 << 19)] = '\0';
    refused(text, ":3: 'y1..y65536': the columns written out have more than");
    free(text);
    text = malloc(RMX_SPEC_TEXT_MAX + 2);
    memset(text, '\n', RMX_SPEC_TEXT_MAX + 1);
    text[RMX_SPEC_TEXT_MAX + 1] = '\0';
    refused(text, "has more than");
    free(text);
}

static const char *write_file(const char *bytes, size_t n)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/rmx-test-spec-%ld", (long)getpid());
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
    return path;
}

Test(spec, files)
{
    rmx_spec s;
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_spec_load("/nonexistent.ini", &s, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "/nonexistent.ini: cannot open the column spec: No such file"),
              "%s", error.text);
    cr_assert(error.system_error != 0 && s.columns == 0);
    cr_assert_eq(rmx_spec_load("/tmp", &s, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "Is a directory"), "%s", error.text);
    static const char zero[] = "[columns]\na = dense\n\0b = dense\n";
    cr_assert_eq(rmx_spec_load(write_file(zero, sizeof zero - 1), &s, &error), RMX_ERR_ARGUMENT);
    cr_assert(strstr(error.text, "has a zero byte"), "%s", error.text);
    char *large = calloc(1, RMX_SPEC_TEXT_MAX + 1);
    memset(large, '\n', RMX_SPEC_TEXT_MAX + 1);
    cr_assert_eq(rmx_spec_load(write_file(large, RMX_SPEC_TEXT_MAX + 1), &s, &error),
                 RMX_ERR_ARGUMENT);
    cr_assert(strstr(error.text, "has more than"), "%s", error.text);
    free(large);
    static const char good[] = "[columns]\na = dense";
    const char *path = write_file(good, sizeof good - 1);
    cr_assert_eq(rmx_spec_load(path, &s, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(s.columns, 1);
    rmx_spec_free(&s);
    (void)unlink(path);
}
