/* SPDX-License-Identifier: MIT */
/* rmx-bench: how fast this machine does it, line by line, beside what it could do at most. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "data/edit_distance.h"
#include "pictures.h"
#include "train/program.h"

static const struct noun {
    const char *name, *title;
    rmx_status (*run)(bench *b);
} nouns[] = {
#define NOUN(noun, title) {#noun, #noun ": " title, bench_##noun},
    BENCH_NOUNS(NOUN)
#undef NOUN
};
#define NOUNS ((int)(sizeof nouns / sizeof *nouns))
#define NOUN_LINE(noun, title) "  " #noun ": " title "\n"

enum {
    KEY_QUICK = 256,
    KEY_ONLY,
    KEY_SECONDS,
    KEY_LAUNCHED,
    KEY_VARIANTS,
    KEY_ALL,
    KEY_LIST,
    KEY_CSV,
    KEY_JSON,
    KEY_MARKDOWN,
    KEY_PLOTS,
    KEY_PNG,
    KEY_DRAW,
    KEY_OPENBLAS,
    KEY_CUBLAS,
    KEY_MEMORY_OF,
    KEY_OUT
};

#define CONFIGS_MOST 8

typedef struct arguments {
    bench_options options;
    bool wanted[NOUNS], any, list, png, quiet;
    const char *csv, *json, *markdown, *plots, *draw;
    char out[3][4096]; /* the files of --out */
    const char *configs[CONFIGS_MOST];
    int32_t config_count;
    int64_t memory_of;
} arguments;

static const struct argp_option options[] = {
    {"device", 'd', "auto|cpu|cuda", 0, "where it runs; auto: a GPU if one works", 0},
    {"threads", 't', "N", 0, "CPU threads; 0: one a core", 0},
    {"all", KEY_ALL, NULL, 0, "every noun", 0},
    {"list", KEY_LIST, NULL, 0, "print the nouns, one a line, and measure nothing", 0},
    {"quick", KEY_QUICK, NULL, 0,
     "small shapes, a few runs: shows that it works, not how fast it is", 0},
    {"config", 'c', "FILE", 0,
     "model of step and memory (its [model], [synthetic] and [train]); may be repeated; "
     "default: builtin:base.ini and builtin:rankmixer-100m.ini, of configs/",
     0},
    {"seconds", KEY_SECONDS, "S", 0,
     "time to spend on each side of a line; default: 0.9 on a CPU, 0.25 on a GPU", 0},
    {"only", KEY_ONLY, "TEXT", 0, "only lines whose op and shape hold TEXT: 'gelu', 'M=1 '", 0},
    {"variants", KEY_VARIANTS, NULL, 0,
     "products on a GPU: also every kernel, against the one that is chosen", 0},
    {"launched", KEY_LAUNCHED, NULL, 0,
     "on a GPU launch every call instead of replaying a graph of them", 0},
    {"csv", KEY_CSV, "FILE", 0, "write the lines as CSV", 0},
    {"json", KEY_JSON, "FILE", 0, "write the lines as JSON, one object a line", 0},
    {"markdown", KEY_MARKDOWN, "FILE", 0, "write the tables as Markdown", 0},
    {"plots", KEY_PLOTS, "DIR", 0, "draw pictures (svg) into a folder, with gnuplot", 0},
    {"draw", KEY_DRAW, "FILE", 0,
     "measure nothing: draw the pictures of a CSV that rmx-bench wrote", 0},
    {"out", KEY_OUT, "DIR", 0,
     "write bench.csv, bench.json, bench.md and the pictures into a folder", 0},
    {"png", KEY_PNG, NULL, 0, "draw them as png too", 0},
    {"openblas", KEY_OPENBLAS, "PATH", 0, "library to compare with on the CPU", 0},
    {"cublas", KEY_CUBLAS, "PATH", 0, "library to compare with on a GPU", 0},
    {"quiet", 'q', NULL, 0, "no tables on stdout", 0},
    {"memory-of", KEY_MEMORY_OF, "B", OPTION_HIDDEN, NULL, 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static int64_t number(struct argp_state *state, const char *name, const char *value, int64_t most)
{
    char *end = NULL;
    errno = 0;
    const long long n = strtoll(value, &end, 10);
    if (errno || end == value || *end || n < 0 || n > most)
        argp_error(state, "--%s=%s: a whole number from 0 to %lld", name, value, (long long)most);
    return n;
}

static double positive(struct argp_state *state, const char *value)
{
    char *end = NULL;
    const double n = strtod(value, &end);
    if (end == value || *end || !(n > 0.0 && n <= 3600.0))
        argp_error(state, "--seconds=%s: a number above 0, at most 3600", value);
    return n;
}

static void want(arguments *a, struct argp_state *state, const char *name)
{
    int near = 0, least = INT_MAX;
    for (int i = 0; i < NOUNS; i++) {
        const bool begins = strlen(name) > 2 && !strncmp(name, nouns[i].name, strlen(name));
        const int letters = rmx_edit_distance(name, nouns[i].name);
        const int distance = begins && letters > 1 ? 1 : letters;
        if (distance < least) near = i;
        if (distance < least) least = distance;
    }
    if (least == 0)
        a->wanted[near] = a->any = true;
    else if (least <= (int)strlen(nouns[near].name) / 3)
        argp_error(state, "there is no '%s'; did you mean '%s'?", name, nouns[near].name);
    else
        argp_error(state, "there is no '%s'; --list shows what there is", name);
}

static void list(void)
{
    for (int i = 0; i < NOUNS; i++) puts(nouns[i].name);
}

static void put_into(arguments *a, struct argp_state *state, const char *folder)
{
    static const char *const names[] = {"bench.csv", "bench.json", "bench.md"};
    if (strlen(folder) > sizeof a->out[0] - 16) argp_error(state, "--out: too long");
    for (int i = 0; i < 3; i++)
        snprintf(a->out[i], sizeof a->out[i], "%.4070s/%s", folder, names[i]);
    a->csv = a->out[0];
    a->json = a->out[1];
    a->markdown = a->out[2];
    a->plots = folder;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'd':
        if (!rmx_program_device(value, &a->options.device))
            argp_error(state, "--device=%s: auto, cpu or cuda", value);
        return 0;
    case 't': a->options.threads = (int32_t)number(state, "threads", value, 1024); return 0;
    case 'q': a->quiet = true; return 0;
    case 'c':
        if (a->config_count == CONFIGS_MOST)
            argp_error(state, "at most %d configs", CONFIGS_MOST);
        else
            a->configs[a->config_count++] = value;
        return 0;
    case KEY_QUICK: a->options.quick = true; return 0;
    case KEY_SECONDS: a->options.seconds = positive(state, value); return 0;
    case KEY_ONLY: a->options.only = value; return 0;
    case KEY_VARIANTS: a->options.variants = true; return 0;
    case KEY_LAUNCHED: a->options.launched = true; return 0;
    case KEY_ALL:
        for (int i = 0; i < NOUNS; i++) a->wanted[i] = true;
        a->any = true;
        return 0;
    case KEY_LIST: a->list = true; return 0;
    case KEY_CSV: a->csv = value; return 0;
    case KEY_JSON: a->json = value; return 0;
    case KEY_MARKDOWN: a->markdown = value; return 0;
    case KEY_PLOTS: a->plots = value; return 0;
    case KEY_PNG: a->png = true; return 0;
    case KEY_DRAW: a->draw = value; return 0;
    case KEY_OUT: put_into(a, state, value); return 0;
    case KEY_OPENBLAS: a->options.openblas = value; return 0;
    case KEY_CUBLAS: a->options.cublas = value; return 0;
    case KEY_MEMORY_OF: a->memory_of = number(state, "memory-of", value, INT32_MAX); return 0;
    case ARGP_KEY_ARG: want(a, state, value); return 0;
    case ARGP_KEY_END:
        if (a->draw && (a->any || !a->plots))
            argp_error(state, "--draw takes no nouns, and needs --plots=DIR");
        if (!a->any && !a->memory_of && !a->draw && !a->list)
            argp_error(state, "name what to measure, such as norm (--list shows all), or --all");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "[NOUN...]",
    "Times operations, blocks and training steps on this machine, after checking that their "
    "results are right."
    "\vNouns:\n" BENCH_NOUNS(NOUN_LINE) "\n"
                                        "A line has the median of many runs and how far the 10th "
                                        "and 90th percentile lie from it; "
                                        "the bytes and operations a second that cannot be "
                                        "avoided; and the share of what this "
                                        "machine can do (its own copy, its own multiply-adds, "
                                        "both measured at the start). Products "
                                        "are compared with OpenBLAS or cuBLAS where one is "
                                        "installed: 1.20x means that ours is 1.2 "
                                        "times as fast.\n\n"
                                        "Example:\n  rmx-bench product norm --threads=2 "
                                        "--csv=bench.csv --plots=bench\n\n"
                                        "Exit codes: 0 ok, 1 error or a wrong result, 2 usage or "
                                        "config, 4 device or memory.",
    NULL,
    NULL,
    NULL};

/* ---- running ----------------------------------------------------------------------------- */

static void describe(const bench *b, records *out)
{
    snprintf(out->device, sizeof out->device, "%s", rmx_context_describe(b->ctx));
    snprintf(out->code, sizeof out->code, "%s", rmx_context_code(b->ctx));
    out->threads = b->threads;
    out->copy_rate = b->copy_rate;
    out->fma_rate = b->fma_rate;
    snprintf(out->yardstick, sizeof out->yardstick, "%s (%.70s)",
             b->yardstick.open ? b->yardstick.name : "none", b->yardstick.where);
}

static rmx_status run_nouns(bench *b, const arguments *a)
{
    for (int i = 0; i < NOUNS; i++) {
        if (!a->wanted[i]) continue;
        b->noun = nouns[i].name;
        records_print_head(b->out, nouns[i].title);
        BENCH_TRY(nouns[i].run(b));
    }
    if (b->out->count > 0) return RMX_OK;
    return rmx_fail(&b->error, RMX_ERR_ARGUMENT, "--only=%s: no line of these nouns holds it",
                    a->options.only);
}

static bool make_folder(const arguments *a)
{
    if (!a->plots || mkdir(a->plots, 0777) == 0 || errno == EEXIST) return true;
    fprintf(stderr, "rmx-bench: %s: %s\n", a->plots, strerror(errno));
    return false;
}

static int draw_again(const arguments *a)
{
    char why[512] = "";
    records all = {.quiet = true};
    bool good = records_read_csv(a->draw, &all, why, sizeof why);
    if (*why) fprintf(stderr, "rmx-bench: %s\n", why);
    good = good && make_folder(a) && pictures_draw(&all, a->plots, a->png);
    records_free(&all);
    return good ? RMX_EXIT_OK : RMX_EXIT_ERROR;
}

static bool write_files(const arguments *a, const records *all)
{
    const struct {
        const char *path;
        bool (*write)(const records *all, const char *path);
    } files[] = {{a->csv, records_write_csv},
                 {a->json, records_write_json},
                 {a->markdown, records_write_markdown}};
    bool good = make_folder(a);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!files[i].path || files[i].write(all, files[i].path)) continue;
        fprintf(stderr, "rmx-bench: %s: %s\n", files[i].path, strerror(errno));
        good = false;
    }
    return good;
}

int main(int argc, char **argv)
{
    static arguments a;
    records all = {.quiet = false};
    bench b = {.out = &all};
    int code = rmx_program_begin("rmx-bench", &parser, argc, argv, &a);
    if (code != RMX_EXIT_OK) return code;
    if (a.list) list();
    if (a.list) return RMX_EXIT_OK;
    if (a.draw) return draw_again(&a);
    all.quiet = a.quiet;
    b.configs = a.configs;
    b.config_count = a.config_count;
    rmx_status status = bench_open(&b, &a.options);
    if (status == RMX_OK && a.memory_of) {
        status = bench_memory_child(&b, a.config_count ? a.configs[0] : NULL, a.memory_of);
    } else if (status == RMX_OK) {
        describe(&b, &all);
        records_print_machine(&all);
        status = run_nouns(&b, &a);
    }
    if (status != RMX_OK && !b.error.text[0] && b.ctx)
        rmx_fail(&b.error, status, "%s", rmx_last_error(b.ctx));
    bench_close(&b);
    code = rmx_program_exit("rmx-bench", status, &b.error);
    if (code == RMX_EXIT_OK && !write_files(&a, &all)) code = RMX_EXIT_ERROR;
    if (code == RMX_EXIT_OK && a.plots && !pictures_draw(&all, a.plots, a.png))
        code = RMX_EXIT_ERROR;
    records_free(&all);
    return code;
}
