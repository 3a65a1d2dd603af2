/* SPDX-License-Identifier: MIT */
/* rmx-bench and rmx-verify as a person runs them: small shapes, exit codes, files that parse. Where
 * gnuplot, OpenBLAS or both are missing they still measure. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_testing.h"
#include "testing.h"

TestSuite(bench, .init = job_begin, .fini = job_end);

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
        "noun",      "op",           "shape",      "series",       "ceiling",
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

/* Checks every line of bench.json; returns how many are of the noun. */
static int lines_of(const char *noun)
{
    char line[4096], pattern[64];
    int count = 0;
    FILE *file = fopen("bench.json", "r");
    cr_assert(file);
    snprintf(pattern, sizeof pattern, "{\"noun\":\"%s\"", noun);
    while (fgets(line, sizeof line, file)) {
        expect_line(line);
        count += !strncmp(line, pattern, strlen(pattern));
    }
    fclose(file);
    return count;
}

/* ---- rmx-bench ----------------------------------------------------------------------------- */

typedef struct noun {
    const char *name;
    int least; /* lines */
} noun;

static void run_nouns(const noun *nouns, size_t count)
{
    char names[256] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), " %s", nouns[i].name);
    const int code = job_run("rmx-bench %s --quick --device=cpu --threads=2 --json=bench.json "
                             "--csv=bench.csv --markdown=bench.md",
                             names);
    cr_assert_eq(code, 0, "exit %d: %s", code, job_text("err"));
    for (size_t i = 0; i < count; i++) {
        const int lines = lines_of(nouns[i].name);
        cr_expect_geq(lines, nouns[i].least, "%s: %d lines, at least %d are expected",
                      nouns[i].name, lines, nouns[i].least);
        cr_expect_eq(job_run("grep -qx '### %s' bench.md", nouns[i].name), 0);
    }
    cr_expect_eq(
        job_run("test \"$(wc -l < bench.csv)\" -eq \"$(($(wc -l < bench.json) + 1))\" && "
                "test \"$(sed 's/\"[^\"]*\"//g; s/[^,]//g' bench.csv | sort -u | wc -l)\" "
                "-eq 1"),
        0, "bench.csv: a line has more or fewer columns than the head");
}
#define RUN_NOUNS(...)                                     \
    do {                                                   \
        static const noun nouns_[] = {__VA_ARGS__};        \
        run_nouns(nouns_, sizeof nouns_ / sizeof *nouns_); \
    } while (0)

Test(bench, products) { RUN_NOUNS({"product", 10}, {"linear", 9}); }
Test(bench, memory_bound)
{
    RUN_NOUNS({"norm", 6}, {"softmax", 6}, {"mean", 4}, {"activation", 5}, {"dropout", 1},
              {"pooling", 2}, {"embedding", 3}, {"loss", 2}, {"optimizer", 5}, {"column_sum", 2},
              {"gradient_norm", 1});
}
Test(bench, layers)
{
    RUN_NOUNS({"token_mixer", 12}, {"attention", 4}, {"feed_forward", 4}, {"block", 4});
}
Test(bench, models)
{
    RUN_NOUNS({"step", 5}, {"memory", 1});
    cr_expect_eq(job_run("grep '\"training loop\",\"B=128 T=16 D=16 L=2 base\"' bench.csv"), 0,
                 "no line of the training loop");
}

/* A shell can go through the list. */
Test(bench, lists_its_nouns)
{
    cr_assert_eq(job_run("rmx-bench --list"), 0);
    cr_expect(strstr(job_text("out"), "product\nlinear\nnorm\n"), "%s", job_text("out"));
    cr_expect_eq(job_run("for n in $(rmx-bench --list); do "
                         "rmx-bench --help | grep -q \"^  $n: \" || exit 1; done"),
                 0);
}

/* A library that is not there leaves its column empty and says so. */
Test(bench, works_without_a_yardstick)
{
    cr_assert_eq(job_run("rmx-bench product --quick --device=cpu --threads=1 --json=bench.json "
                         "--openblas=/nowhere/lib.so"),
                 0, "%s", job_text("err"));
    cr_expect(strstr(job_text("out"), "/nowhere/lib.so was not found"), "%s", job_text("out"));
    cr_expect_eq(lines_of("product"), 10);
    cr_expect_eq(job_run("grep -c '\"yardstick\":\"\".*\"ratio\":null' bench.json | grep -x 10"),
                 0);
}

Test(bench, draws_where_gnuplot_is)
{
    const bool here = job_run("command -v gnuplot") == 0;
    const int code =
        job_run("rmx-bench product norm token_mixer block step --quick -q --device=cpu "
                "--csv=bench.csv --plots=plots --png");
    cr_expect_eq(code, 0, "exit %d: %s", code, job_text("err"));
    cr_expect_eq(job_run("cd plots && for p in product memory_bound token_mixer block step; do "
                         "test -s $p.png && "
                         "tail -n 2 $p.svg | grep -q '</svg>' || exit 1; done"),
                 here ? 0 : 1);
    if (!here) return;
    cr_expect_eq(job_run("rmx-bench --draw=bench.csv --plots=again && "
                         "for p in plots/*.svg; do cmp $p again/${p#*/} || exit 1; done"),
                 0, "%s%s", job_text("out"), job_text("err"));
}

Test(bench, measures_without_gnuplot)
{
    cr_assert_eq(job_run("t=$(command -v rmx-bench); PATH=/nowhere \"$t\" product --quick -q "
                         "--device=cpu --out=results"),
                 0, "%s", job_text("err"));
    cr_expect(strstr(job_text("err"), "no pictures: gnuplot is not here"), "%s", job_text("err"));
    cr_expect_eq(job_run("cd results && test -s bench.csv -a -s bench.json -a -s bench.md && "
                         "test -z \"$(ls *.svg)\""),
                 0, "%s", job_text("err"));
}

/* Drawn from a file, which may be anything. */
Test(bench, refuses_to_draw_what_it_did_not_write)
{
    static const char *const bad[][2] = {
        {"noun,op\n", "not a CSV of rmx-bench"},
        {"noun,op,shape,x\nstep,a,b\n", "bad.csv:2: 3 fields where the head has 4"},
        {"noun,op,shape,x\nstep,\"a,b,1\n", "bad.csv:2: a quote is left open"},
        {"noun,op,shape,x\nstep,a,b,1x\n", "bad.csv:2: x is '1x', not a number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        job_put("bad.csv", bad[i][0]);
        cr_expect_eq(job_run("rmx-bench --draw=bad.csv --plots=plots"), 1);
        cr_expect(strstr(job_text("err"), bad[i][1]), "no '%s' in: %s", bad[i][1],
                  job_text("err"));
    }
}

Test(bench, only_some_lines)
{
    cr_assert_eq(job_run("rmx-bench --all --quick --device=cpu --only='gelu (tanh)' "
                         "--json=bench.json"),
                 0, "%s", job_text("err"));
    cr_expect_eq(lines_of("activation"), 2);
    cr_expect_eq(job_run("wc -l < bench.json | grep -x 2"), 0);
    cr_expect_eq(job_run("rmx-bench norm product --quick --device=cpu --only=gelU"), 2);
    cr_expect(strstr(job_text("err"), "--only=gelU"), "%s", job_text("err"));
}

Test(bench, a_config_sets_the_model)
{
    job_put("small.ini", "[model]\ntokens = 4\nwidth = 8\nlayers = 1\nembedding_width = 4\n"
                         "[synthetic]\nsparse_fields = 6\ndense_fields = 2\n");
    cr_assert_eq(
        job_run("rmx-bench step --quick --device=cpu --config=small.ini --json=bench.json"), 0,
        "%s", job_text("err"));
    cr_expect(strstr(job_text("bench.json"), "T=4 D=8 L=1 small"));
    cr_assert_eq(job_run("rmx-bench step --quick --device=cpu --config=builtin:base.ini "
                         "--json=bench.json"),
                 0, "%s", job_text("err"));
    cr_expect(strstr(job_text("bench.json"), "T=16 D=16 L=2 base\""));
    cr_expect_eq(job_run("rmx-bench step --quick --device=cpu --config=builtin:none.ini"), 2);
    cr_expect(strstr(job_text("err"), "builtin:base.ini"), "%s", job_text("err"));
    cr_expect_eq(job_run("rmx-bench step --quick --device=cpu --config=missing.ini"), 2);
    cr_expect(strstr(job_text("err"), "missing.ini"), "%s", job_text("err"));
}

Test(bench, refuses_what_it_does_not_know)
{
    static const char *const lines[][2] = {
        {"rmx-bench", "--list shows all"},
        {"rmx-bench nrom", "there is no 'nrom'; did you mean 'norm'?"},
        {"rmx-bench embed", "there is no 'embed'; did you mean 'embedding'?"},
        {"rmx-bench nonsense", "there is no 'nonsense'; --list"},
        {"rmx-bench --quick --threads=x norm", "--threads=x"},
        {"rmx-bench --device=tpu norm", "--device=tpu"},
        {"rmx-bench --seconds=0 norm", "--seconds=0: a number above 0"},
        {"rmx-bench --nonsense norm", "nonsense"},
        {"rmx-bench --draw=a.csv", "--plots"},
        {"rmx-bench --draw=a.csv --plots=. norm", "no nouns"},
        {"rmx-verify rows", "'rows'"},
        {"rmx-verify --threads=-1", "--threads=-1"},
        {"rmx-verify --device=tpu", "--device=tpu"},
        {"rmx-verify --quick --config=missing.ini", "missing.ini"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const int code = job_run("%s", lines[i][0]);
        cr_expect_eq(code, 2, "%s: exit %d: %s", lines[i][0], code, job_text("err"));
        cr_expect(strstr(job_text("err"), lines[i][1]), "%s: %s", lines[i][0], job_text("err"));
    }
    cr_expect_eq(job_run("rmx-bench linear --quick -q --device=cpu --csv=/nowhere/a.csv"), 1);
    cr_expect(strstr(job_text("err"), "/nowhere/a.csv"), "%s", job_text("err"));
}

/* ---- compare.sh ------------------------------------------------------------------------------ */

/* A folder with a program in place of rmx-bench: of its two lines layer_norm takes so long. */
static void put_build(const char *folder, const char *seconds)
{
    static const char program[] =
        "#!/bin/sh\n"
        "for a; do case $a in --json=*) to=${a#--json=} ;; --list) echo norm; exit ;;\n"
        "--help) exit ;; esac; done\n"
        "echo $0 >>order\n"
        "line() { printf '{\"noun\":\"norm\",\"op\":\"%%s\",\"shape\":\"D=16\",\"x\":null,"
        "\"median_s\":%%s,\"p10_s\":%%s}\\n' $1 $2 $2; }\n"
        "{ line layer_norm %s; line rms_norm 0.0001; } >$to\n";
    char script[1024], path[64];
    cr_assert_eq(job_run("mkdir -p %s", folder), 0);
    snprintf(script, sizeof script, program, seconds);
    snprintf(path, sizeof path, "%s/rmx-bench", folder);
    job_put(path, script);
    cr_assert_eq(job_run("chmod +x %s", path), 0);
}

static int compare(const char *arguments)
{
    return job_run("%s %s", testing_path("bench/compare.sh"), arguments);
}

Test(bench, compares_two_builds_in_turns)
{
    put_build("old", "1e-04");
    put_build("new", "0.000104"); /* 4 % on one line of two: 2 % in the mean */
    cr_assert_eq(compare("-n 3 old new"), 0, "%s", job_text("err"));
    cr_expect_eq(job_run("cat order | sed 's,.*/\\(.*\\)/.*,\\1,' | tr '\\n' ' ' | "
                         "grep -x 'old new new old old new '"),
                 0, "the builds take turns, the first one alternating");
    cr_assert_eq(compare("-n 2 old new"), 0);
    cr_expect(strstr(job_text("out"), "  100.0 us   104.0 us   1.040    +-0.0 %\n"), "%s",
              job_text("out"));
}

Test(bench, compare_finds_what_is_slower)
{
    put_build("old", "1e-04");
    put_build("new/bin", "0.000107"); /* a bundle; 3.4 % in the mean */
    cr_expect_eq(compare("-n 3 old new"), 1);
    cr_expect(strstr(job_text("out"), "1 slower than allowed"), "%s", job_text("out"));
    put_build("new/bin", "0.000111");
    cr_expect_eq(compare("-n 3 old new norm -- --quick"), 1);
    cr_expect(strstr(job_text("out"), "2 slower than allowed"), "%s", job_text("out"));
    cr_expect_eq(compare("-n 3 new old"), 0);
}

Test(bench, compare_refuses_what_is_no_build)
{
    put_build("old", "1e-04");
    cr_expect_eq(compare("old"), 2);
    cr_expect(strstr(job_text("err"), "usage"));
    cr_expect_eq(compare("old nowhere"), 2);
    cr_expect(strstr(job_text("err"), "nowhere: neither"));
    cr_expect_eq(compare("-n 0 old old"), 2);
    cr_expect_eq(compare("old \"$(command -v rmx-bench)\" nrom"), 2);
    cr_expect(strstr(job_text("err"), "did you mean 'norm'"), "%s", job_text("err"));
}

/* With the program itself, whose lines it has to read. */
Test(bench, compares_itself)
{
    const int code = compare("-n 1 \"$(command -v rmx-bench)\" \"$(command -v rmx-bench)\" "
                             "column_sum -- --quick --device=cpu");
    cr_expect(code == 0 || code == 1, "exit %d: %s", code, job_text("err"));
    cr_expect(strstr(job_text("out"), "\ncolumn_sum: bias gradient  N=16 "), "%s",
              job_text("out"));
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
    const int code = job_run("rmx-verify --quick --device=cpu --threads=2");
    cr_assert_eq(code, 0, "exit %d: %s", code, job_text("err"));
    const char *out = job_text("out");
    cr_expect(!strstr(out, "DIFFERS"), "%s", out);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        cr_expect(strstr(out, operations[i]), "no '%s' in: %s", operations[i] + 1, out);
}
