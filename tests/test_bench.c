/* SPDX-License-Identifier: MIT */
/* rmx-bench and rmx-verify as a person runs them: small shapes, exit codes, files that parse. Where
 * gnuplot, OpenBLAS or both are missing they still measure. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testing.h"

static char folder[64];

static void enter(void)
{
    snprintf(folder, sizeof folder, "/tmp/rmx-test-bench.XXXXXX");
    cr_assert(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void leave(void)
{
    char line[96];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(line), 0);
}

TestSuite(bench, .init = enter, .fini = leave);

/* Runs a shell line; stdout and stderr go to the files out and err. Returns the exit code. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
    char line[1024], whole[5400];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "PATH=%s:$PATH; (%s) >out 2>err </dev/null", testing_programs(),
             line);
    const int status = system(whole);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static const char *text_of(const char *name)
{
    static char text[1 << 17];
    FILE *file = fopen(name, "r");
    cr_assert(file, "%s is not there: %s", name, strcmp(name, "err") ? text_of("err") : "");
    const size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

/* ---- a reader of flat JSON objects --------------------------------------------------------- */

static const char *skip_string(const char *at)
{
    if (*at++ != '"') return NULL;
    while (*at && *at != '"') at += *at == '\\' && at[1] ? 2 : 1;
    return *at == '"' ? at + 1 : NULL;
}

static const char *skip_value(const char *at)
{
    char *end = NULL;
    if (*at == '"') return skip_string(at);
    if (!strncmp(at, "null", 4)) return at + 4;
    if (*at != '-' && !isdigit((unsigned char)*at)) return NULL;
    (void)strtod(at, &end);
    return end == at ? NULL : end;
}

/* True if the line is one object of strings, numbers and nulls, with nothing after it. */
static bool is_object(const char *at)
{
    if (*at++ != '{') return false;
    for (;; at++) {
        at = skip_string(at);
        if (!at || *at++ != ':') return false;
        at = skip_value(at);
        if (!at) return false;
        if (*at == '}') return at[1] == '\n' || at[1] == '\0';
        if (*at != ',') return false;
    }
}

static void expect_line(const char *line)
{
    static const char *const keys[] = {
        "group",     "op",           "shape",      "series",       "ceiling",
        "yardstick", "unit",         "device",     "code",         "threads",
        "x",         "median_s",     "p10_s",      "p90_s",        "runs",
        "bytes",     "flop",         "gb_per_s",   "gflop_per_s",  "share",
        "ratio",     "memory_bytes", "per_second", "copy_b_per_s", "fma_flop_per_s"};
    cr_expect(is_object(line), "no JSON object: %s", line);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        char pattern[40];
        snprintf(pattern, sizeof pattern, "\"%s\":", keys[k]);
        cr_expect(strstr(line, pattern), "no %s in: %s", keys[k], line);
    }
}

/* Checks every line of bench.json; returns how many are of the group. */
static int lines_of(const char *group)
{
    char line[4096], pattern[64];
    int count = 0;
    FILE *file = fopen("bench.json", "r");
    cr_assert(file);
    snprintf(pattern, sizeof pattern, "{\"group\":\"%s\"", group);
    while (fgets(line, sizeof line, file)) {
        expect_line(line);
        count += !strncmp(line, pattern, strlen(pattern));
    }
    fclose(file);
    return count;
}

/* ---- rmx-bench ----------------------------------------------------------------------------- */

/* groups: the same, each alone. */
static void run_group(const char *group, int least)
{
    const int code = run("rmx-bench %s --quick --device=cpu --threads=2 --json=bench.json "
                         "--csv=bench.csv --markdown=bench.md",
                         group);
    cr_assert_eq(code, 0, "exit %d: %s", code, text_of("err"));
    const int lines = lines_of(group);
    cr_expect_geq(lines, least, "%s: %d lines, at least %d are expected", group, lines, least);
    cr_expect(strstr(text_of("bench.md"), group));
    cr_expect_eq(run("test \"$(wc -l < bench.csv)\" -eq \"$(($(wc -l < bench.json) + 1))\" && "
                     "test \"$(sed 's/\"[^\"]*\"//g; s/[^,]//g' bench.csv | sort -u | wc -l)\" "
                     "-eq 1"),
                 0, "bench.csv: a line has more or fewer columns than the head");
}

Test(bench, product) { run_group("product", 8); }
Test(bench, grouped) { run_group("grouped", 2); }
Test(bench, gradients) { run_group("gradients", 6); }
Test(bench, rows) { run_group("rows", 44); }
Test(bench, mixers) { run_group("mixers", 8); }
Test(bench, block) { run_group("block", 4); }
Test(bench, step)
{
    run_group("step", 5);
    cr_expect_eq(run("grep '\"training loop\",\"B=128 T=16 D=16 L=2 base\"' bench.csv"), 0,
                 "no line of the training loop");
}
Test(bench, memory) { run_group("memory", 1); }

/* A library that is not there leaves its column empty and says so. */
Test(bench, works_without_a_yardstick)
{
    cr_assert_eq(run("rmx-bench product --quick --device=cpu --threads=1 --json=bench.json "
                     "--openblas=/nowhere/lib.so"),
                 0, "%s", text_of("err"));
    cr_expect(strstr(text_of("out"), "/nowhere/lib.so was not found"), "%s", text_of("out"));
    cr_expect_eq(lines_of("product"), 8);
    cr_expect_eq(run("grep -c '\"yardstick\":\"\".*\"ratio\":null' bench.json | grep -x 8"), 0);
}

Test(bench, draws_where_gnuplot_is)
{
    const bool here = run("command -v gnuplot") == 0;
    const int code = run("rmx-bench product rows mixers block step --quick -q --device=cpu "
                         "--csv=bench.csv --plots=plots --png");
    cr_expect_eq(code, 0, "exit %d: %s", code, text_of("err"));
    cr_expect_eq(run("cd plots && for p in product rows mixers block step; do test -s $p.png && "
                     "tail -n 2 $p.svg | grep -q '</svg>' || exit 1; done"),
                 here ? 0 : 1);
    if (!here) return;
    cr_expect_eq(run("rmx-bench --draw=bench.csv --plots=again && "
                     "for p in plots/*.svg; do cmp $p again/${p#*/} || exit 1; done"),
                 0, "%s%s", text_of("out"), text_of("err"));
}

Test(bench, measures_without_gnuplot)
{
    cr_assert_eq(run("t=$(command -v rmx-bench); PATH=/nowhere \"$t\" product --quick -q "
                     "--device=cpu --out=results"),
                 0, "%s", text_of("err"));
    cr_expect(strstr(text_of("err"), "no pictures: gnuplot is not here"), "%s", text_of("err"));
    cr_expect_eq(run("cd results && test -s bench.csv -a -s bench.json -a -s bench.md && "
                     "test -z \"$(ls *.svg)\""),
                 0, "%s", text_of("err"));
}

/* Drawn from a file, which may be anything. */
Test(bench, refuses_to_draw_what_it_did_not_write)
{
    static const char *const bad[][2] = {
        {"group,op\n", "not a CSV of rmx-bench"},
        {"group,op,shape,x\nstep,a,b\n", "bad.csv:2: 3 fields where the head has 4"},
        {"group,op,shape,x\nstep,\"a,b,1\n", "bad.csv:2: a quote is left open"},
        {"group,op,shape,x\nstep,a,b,1x\n", "bad.csv:2: x is '1x', not a number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FILE *file = fopen("bad.csv", "w");
        cr_assert(file);
        fputs(bad[i][0], file);
        fclose(file);
        cr_expect_eq(run("rmx-bench --draw=bad.csv --plots=plots"), 1);
        cr_expect(strstr(text_of("err"), bad[i][1]), "no '%s' in: %s", bad[i][1], text_of("err"));
    }
}

Test(bench, only_some_lines)
{
    cr_assert_eq(run("rmx-bench --all --quick --device=cpu --only='gelu (tanh)' "
                     "--json=bench.json"),
                 0, "%s", text_of("err"));
    cr_expect_eq(lines_of("rows"), 2);
    cr_expect_eq(run("wc -l < bench.json | grep -x 2"), 0);
    cr_expect_eq(run("rmx-bench rows product --quick --device=cpu --only=gelU"), 2);
    cr_expect(strstr(text_of("err"), "--only=gelU"), "%s", text_of("err"));
}

Test(bench, a_config_sets_the_model)
{
    FILE *file = fopen("small.ini", "w");
    cr_assert(file);
    fputs("[model]\ntokens = 4\nwidth = 8\nlayers = 1\nembedding_width = 4\n[synthetic]\n"
          "sparse_fields = 6\ndense_fields = 2\n",
          file);
    fclose(file);
    cr_assert_eq(run("rmx-bench step --quick --device=cpu --config=small.ini --json=bench.json"),
                 0, "%s", text_of("err"));
    cr_expect(strstr(text_of("bench.json"), "T=4 D=8 L=1 small"));
    cr_assert_eq(run("rmx-bench step --quick --device=cpu --config=builtin:base.ini "
                     "--json=bench.json"),
                 0, "%s", text_of("err"));
    cr_expect(strstr(text_of("bench.json"), "T=16 D=16 L=2 base\""));
    cr_expect_eq(run("rmx-bench step --quick --device=cpu --config=builtin:none.ini"), 2);
    cr_expect(strstr(text_of("err"), "builtin:base.ini"), "%s", text_of("err"));
    cr_expect_eq(run("rmx-bench step --quick --device=cpu --config=missing.ini"), 2);
    cr_expect(strstr(text_of("err"), "missing.ini"), "%s", text_of("err"));
}

Test(bench, refuses_what_it_does_not_know)
{
    static const char *const lines[][2] = {
        {"rmx-bench", "which groups"},
        {"rmx-bench products", "no group is called 'products'"},
        {"rmx-bench --quick --threads=x rows", "--threads=x"},
        {"rmx-bench --device=tpu rows", "--device=tpu"},
        {"rmx-bench --nonsense rows", "nonsense"},
        {"rmx-bench --draw=a.csv", "--plots"},
        {"rmx-bench --draw=a.csv --plots=. rows", "no groups"},
        {"rmx-verify rows", "'rows'"},
        {"rmx-verify --threads=-1", "--threads=-1"},
        {"rmx-verify --device=tpu", "--device=tpu"},
        {"rmx-verify --quick --config=missing.ini", "missing.ini"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const int code = run("%s", lines[i][0]);
        cr_expect_eq(code, 2, "%s: exit %d: %s", lines[i][0], code, text_of("err"));
        cr_expect(strstr(text_of("err"), lines[i][1]), "%s: %s", lines[i][0], text_of("err"));
    }
    cr_expect_eq(run("rmx-bench grouped --quick -q --device=cpu --csv=/nowhere/a.csv"), 1);
    cr_expect(strstr(text_of("err"), "/nowhere/a.csv"), "%s", text_of("err"));
}

/* ---- rmx-verify ---------------------------------------------------------------------------- */

Test(bench, verify_holds)
{
    static const char *const operations[] = {"\nmm ",
                                             "\naddmm ",
                                             "\nbmm ",
                                             "\ngrouped_mm ",
                                             "\nsoftmax ",
                                             "\nlog_softmax ",
                                             "\nmean ",
                                             "\ngelu ",
                                             "\nlayer_norm ",
                                             "\nrms_norm ",
                                             "\ntoken_mixer ",
                                             "\nper_token_ffn ",
                                             "\nattention ",
                                             "\nblock ",
                                             "distinct results: 1 ours",
                                             "\nok: no result depends"};
    const int code = run("rmx-verify --quick --device=cpu --threads=2");
    cr_assert_eq(code, 0, "exit %d: %s", code, text_of("err"));
    const char *out = text_of("out");
    cr_expect(!strstr(out, "DIFFERS"), "%s", out);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        cr_expect(strstr(out, operations[i]), "no '%s' in: %s", operations[i] + 1, out);
}
