/* SPDX-License-Identifier: MIT */
/* pictures.c: see pictures.h. The points travel within gnuplot's script, so it reads no file. */
#include "pictures.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- what all pictures share ------------------------------------------------------------- */

/* Colours that are told apart in grey and by most eyes; the first is ours. */
static const char style[] = "set border 3 lc rgb '#666666' lw 0.8\n"
                            "set tics nomirror out scale 0.5 tc rgb '#333333'\n"
                            "set grid back ytics lc rgb '#e4e7eb' lt 1 lw 0.8\n"
                            "set style line 1 lc rgb '#0b4f8a' lw 2.4 pt 7 ps 0.7\n"
                            "set style line 2 lc rgb '#d1495b' lw 2.4 pt 5 ps 0.7\n"
                            "set style line 3 lc rgb '#2a9d8f' lw 2.4 pt 9 ps 0.8\n"
                            "set style line 4 lc rgb '#e09f3e' lw 2.4 pt 13 ps 0.8\n"
                            "set style line 5 lc rgb '#6d597a' lw 2.4 pt 11 ps 0.8\n"
                            "set style line 6 lc rgb '#7f8c8d' lw 2.4 pt 4 ps 0.7\n"
                            "set style line 7 lc rgb '#8c564b' lw 2.4 pt 6 ps 0.7\n"
                            "set style line 8 lc rgb '#e377c2' lw 2.4 pt 8 ps 0.8\n"
                            "set style line 20 lc rgb '#888888' lw 1.2 dt (6,5)\n"
                            "set key tc rgb '#333333' samplen 2 spacing 1.15\n"
                            "set title font ',14' tc rgb '#222222'\n"
                            "set xlabel tc rgb '#333333'\nset ylabel tc rgb '#333333'\n";

typedef struct canvas {
    const records *all;
    FILE *script;
    int plotted; /* curves of the plot that has begun */
} canvas;

/* True at the first line of its curve. */
static bool first_of_series(const records *all, int32_t at)
{
    for (int32_t i = 0; i < at; i++)
        if (!strcmp(all->line[i].noun, all->line[at].noun) &&
            !strcmp(all->line[i].series, all->line[at].series))
            return false;
    return true;
}

/* Text within single quotes. */
static void put_text(FILE *script, const char *text)
{
    for (; *text; text++) fprintf(script, *text == '\'' ? "''" : "%c", *text);
}

/* The machine, small, at the foot. */
static void foot(const canvas *c)
{
    fputs("set label 1 '", c->script);
    put_text(c->script, c->all->device);
    fputs("' at screen 0.985, 0.022 right font ',9' tc rgb '#888888' noenhanced\n", c->script);
}

/* ---- what is drawn of a line, and which lines -------------------------------------------- */

typedef double value_of(const bench_record *r);

static double get_ratio(const bench_record *r) { return r->ratio; }
static double get_time(const bench_record *r) { return r->time.median; }
static double get_memory(const bench_record *r) { return r->memory / 1048576.0; }
static double get_per_second(const bench_record *r) { return r->per_second; }
static double get_flops(const bench_record *r) { return r->flop / r->time.median; }
static double get_their_flops(const bench_record *r) { return get_flops(r) / r->ratio; }

typedef bool filter(const bench_record *r);

static bool is_product(const bench_record *r) { return !strcmp(r->noun, "product"); }
static bool is_block(const bench_record *r) { return !strcmp(r->noun, "block"); }
static bool is_memory_bound(const bench_record *r)
{
    return !strcmp(r->ceiling, "copy") && isnan(r->flop) && !isnan(r->share);
}
static bool is_mixing(const bench_record *r) { return !strcmp(r->unit, "tokens"); }
static bool is_both_ways(const bench_record *r)
{
    return is_mixing(r) && strstr(r->op, "fwd+bwd");
}
static bool is_forward(const bench_record *r) { return is_mixing(r) && !strstr(r->op, "fwd+bwd"); }
static bool is_step(const bench_record *r) { return !strcmp(r->op, "training step"); }
static bool is_products(const bench_record *r) { return !strcmp(r->op, "its products alone"); }
static bool is_training(const bench_record *r) { return is_step(r) || is_products(r); }
static bool is_scoring(const bench_record *r) { return !strcmp(r->op, "scoring"); }
static bool is_of_model(const bench_record *r) { return !strcmp(r->noun, "step"); }

static int lines_of(const records *all, filter *wanted)
{
    int count = 0;
    for (int32_t i = 0; i < all->count; i++) count += wanted(&all->line[i]);
    return count;
}

static bool has_point(const bench_record *r, filter *wanted, value_of *value)
{
    return wanted(r) && *r->series && !isnan(r->x) && !isnan(value(r));
}

/* ---- curves ------------------------------------------------------------------------------ */

#define MOST 8

typedef struct curves {
    const char *tag; /* of its data: "$tag_0", ... */
    const char *title[MOST];
    int count;
} curves;

/* The curves of the lines that are wanted and have values, as data in the script. */
static curves put_points(const canvas *c, const char *tag, filter *wanted, value_of *value)
{
    curves out = {.tag = tag};
    for (int32_t i = 0; i < c->all->count && out.count < MOST; i++) {
        const bench_record *r = &c->all->line[i];
        if (!has_point(r, wanted, value) || !first_of_series(c->all, i)) continue;
        fprintf(c->script, "$%s_%d << EOD\n", tag, out.count);
        for (int32_t j = i; j < c->all->count; j++) {
            const bench_record *s = &c->all->line[j];
            if (has_point(s, wanted, value) && !strcmp(s->series, r->series))
                fprintf(c->script, "%.9g %.9g\n", s->x, value(s));
        }
        fputs("EOD\n", c->script);
        out.title[out.count++] = r->series;
    }
    return out;
}

static void begin_plot(canvas *c)
{
    fputs("plot ", c->script);
    c->plotted = 0;
}

static void comma(canvas *c)
{
    if (c->plotted++) fputs(", ", c->script);
}

/* Each in the style of its number; by is "lines" or "linespoints", more is added to the style. */
static void put_drawn(canvas *c, const curves *of, const char *by, const char *more, bool key)
{
    for (int i = 0; i < of->count; i++) {
        comma(c);
        fprintf(c->script, "$%s_%d using 1:2 with %s ls %d %s ", of->tag, i, by, 1 + i, more);
        fputs(key ? "title '" : "notitle", c->script);
        if (!key) continue;
        put_text(c->script, of->title[i]);
        fputs("' noenhanced", c->script);
    }
}

static void put_curves(canvas *c, const curves *of, const char *more, bool key)
{
    put_drawn(c, of, "linespoints", more, key);
}

static void put_level(canvas *c, double level, const char *title)
{
    comma(c);
    fprintf(c->script, "%.9g with lines ls 20 title '%s'", level, title);
}

static void put_machine(canvas *c)
{
    if (!isnan(c->all->fma_rate)) put_level(c, c->all->fma_rate, "multiply-adds, measured");
}

/* ---- panels ------------------------------------------------------------------------------ */

#define DASHED "dt (5,4)"

static void begin_panels(const canvas *c, int count)
{
    fprintf(c->script,
            "set multiplot layout 1,%d margins %s,0.97,0.2,0.9 spacing %s,0\n"
            "set logscale x 2\nset format x '%%.0f'\n",
            count, count == 3 ? "0.055" : "0.08", count == 3 ? "0.07" : "0.1");
}

static void put_labels(const canvas *c, const char *title, const char *x, const char *y)
{
    fprintf(c->script,
            "set title '%s' noenhanced\nset xlabel '%s'\nset ylabel '%s'\n"
            "set key top left Left reverse\n",
            title, x, y);
}

/* A y axis from zero on, with room above the curves for so many lines of key. */
static void linear_axis(const canvas *c, const char *format, int key)
{
    const double room = 0.075 * key;
    fprintf(c->script,
            "unset logscale y\nset yrange [0:*]\nset offsets 0, 0, graph %.3f, 0\n"
            "set format y '%s'\n",
            0.05 + room / (1.0 - room), format);
}

/* The same, logarithmic and around the values of the lines that are wanted. */
static void log_axis(const canvas *c, const char *format, int key, filter *wanted, value_of *value)
{
    double least = INFINITY, most = 0.0;
    for (int32_t i = 0; i < c->all->count; i++) {
        const bench_record *r = &c->all->line[i];
        if (!has_point(r, wanted, value) || !(value(r) > 0.0)) continue;
        least = fmin(least, value(r));
        most = fmax(most, value(r));
    }
    const double room = 0.075 * key, decades = fmax(log10(1.5 * most / least), 0.3);
    fprintf(c->script,
            "set logscale y 10\nset offsets 0, 0, 0, 0\nset yrange [%.3g:%.3g]\n"
            "set format y '%s'\n",
            least / 1.3, 1.3 * most * pow(10.0, decades * room / (1.0 - room)), format);
}

#define SECONDS "%.0s %cs"
#define SCALED "%.0s%c"

/* The machine stands under the first one only. */
static void end_panel(const canvas *c) { fputs("\nunset label 1\n", c->script); }
static void end_panels(const canvas *c) { fputs("unset multiplot\n", c->script); }

/* ---- the pictures ------------------------------------------------------------------------ */

static const char *yardstick_of(const canvas *c)
{
    for (int32_t i = 0; i < c->all->count; i++)
        if (has_point(&c->all->line[i], is_product, get_ratio)) return c->all->line[i].yardstick;
    return NULL;
}

/* Ours in full lines, theirs dashed in the same colours; beside it the ratio of the two. */
static bool draw_product(canvas *c)
{
    char title[96] = "fp32 product x W", axis[64];
    const char *name = yardstick_of(c);
    const curves ours = put_points(c, "p", is_product, get_flops);
    const curves theirs = put_points(c, "v", is_product, get_their_flops);
    const curves ratio = put_points(c, "r", is_product, get_ratio);
    if (ours.count == 0) return false;
    if (name) snprintf(title, sizeof title, "fp32 product x W; dashed: %s", name);
    begin_panels(c, name ? 2 : 1);
    put_labels(c, title, "rows M", "FLOP/s");
    log_axis(c, SCALED, 0, is_product, get_flops);
    fputs("set yrange [*:*]\nset key bottom right\n", c->script); /* theirs may be lower */
    begin_plot(c);
    put_machine(c);
    put_curves(c, &ours, "", true);
    put_drawn(c, &theirs, "lines", "lw 1.4 " DASHED, false);
    end_panel(c);
    if (name) {
        snprintf(title, sizeof title, "Speed against %s", name);
        snprintf(axis, sizeof axis, "%s time / our time", name);
        put_labels(c, title, "rows M", axis);
        linear_axis(c, "%.1f", 1);
        begin_plot(c);
        put_level(c, 1.0, "as fast");
        put_curves(c, &ratio, "", false);
        end_panel(c);
    }
    end_panels(c);
    return true;
}

/* Horizontal bars in the order of the table. A number stands within its bar, at the end, or beside
 * it where the bar is short. */
static bool draw_memory_bound(canvas *c)
{
    int bars = 0;
    fputs("$bars << EOD\n", c->script);
    for (int32_t i = 0; i < c->all->count; i++) {
        const bench_record *r = &c->all->line[i];
        if (!is_memory_bound(r)) continue;
        fprintf(c->script, "%d %.6g \"%s\"\n", -bars, 100.0 * r->share, r->series);
        bars++;
    }
    fprintf(c->script,
            "EOD\nset title 'Necessary bytes a second, %% of a copy'\n"
            "set yrange [%.1f:0.7]\nset xrange [0:*]\nset offsets 0, graph 0.02, 0, 0\n"
            "set lmargin 37\nset tmargin 3\nset bmargin 4\n"
            "unset grid\nset grid xtics lc rgb '#e4e7eb' lt 1 lw 0.8\nset border 1\n"
            "set ytics scale 0 noenhanced\nset arrow 1 from 100, graph 0 to 100, graph 1 nohead "
            "back ls 20\nset style fill solid 1.0\n"
            "plot $bars using ($2/2):1:($2/2):(0.36):ytic(3) with boxxyerror lc rgb '#0b4f8a' "
            "notitle, $bars using ($2 < 8 ? NaN : $2):1:(sprintf('%%.0f', $2)) with labels right "
            "offset -0.5,0 font ',10' tc rgb '#ffffff' notitle, "
            "$bars using ($2 < 8 ? $2 : NaN):1:(sprintf('%%.0f', $2)) with labels left "
            "offset 0.5,0 font ',10' tc rgb '#333333' notitle\n",
            -(double)bars + 0.3);
    return bars > 0;
}

/* A colour each for token mixing and attention; dashes for forward alone; the key stands in the
 * first panel. */
static bool draw_token_mixer(canvas *c)
{
    static const struct {
        const char *title, *axis, *format;
        value_of *value;
        bool apart; /* forward alone is another value */
    } panels[] = {{"Time of a batch", "", SECONDS, get_time, true},
                  {"Kept for backward, and its scratch", "MiB", "%g", get_memory, false},
                  {"Speed", "tokens a second", SCALED, get_per_second, true}};
    begin_panels(c, 3);
    for (int i = 0; i < 3; i++) {
        const curves one = put_points(c, "one", is_forward, panels[i].value);
        const curves two = put_points(c, "two", is_both_ways, panels[i].value);
        if (two.count == 0) return false;
        put_labels(c, panels[i].title, "tokens T", panels[i].axis);
        log_axis(c, panels[i].format, i ? 0 : 4, is_mixing, panels[i].value);
        begin_plot(c);
        if (panels[i].apart) put_curves(c, &one, DASHED, i == 0);
        put_curves(c, &two, "", i == 0);
        end_panel(c);
    }
    end_panels(c);
    return true;
}

static bool draw_block(canvas *c)
{
    const curves rate = put_points(c, "r", is_block, get_flops);
    const curves time = put_points(c, "t", is_block, get_time);
    if (rate.count == 0) return false;
    begin_panels(c, 2);
    put_labels(c, "Speed of its products", "batch B", "FLOP/s");
    linear_axis(c, SCALED, rate.count + 1);
    begin_plot(c);
    put_machine(c);
    put_curves(c, &rate, "", true);
    end_panel(c);
    put_labels(c, "Time of a call", "batch B", "");
    log_axis(c, SECONDS, 0, is_block, get_time);
    begin_plot(c);
    put_curves(c, &time, "", false);
    end_panel(c);
    end_panels(c);
    return true;
}

/* One colour a model. */
static bool draw_step(canvas *c)
{
    const curves step = put_points(c, "t", is_step, get_time);
    const curves products = put_points(c, "p", is_products, get_time);
    const curves trained = put_points(c, "st", is_step, get_per_second);
    const curves scored = put_points(c, "ss", is_scoring, get_per_second);
    if (step.count == 0) return false;
    begin_panels(c, 2);
    put_labels(c, "Time of a training step", "batch B", "");
    log_axis(c, SECONDS, step.count + products.count, is_training, get_time);
    begin_plot(c);
    put_curves(c, &step, "", true);
    put_curves(c, &products, DASHED, true);
    end_panel(c);
    put_labels(c, "Training and scoring", "batch B", "samples a second");
    log_axis(c, SCALED, trained.count + scored.count, is_of_model, get_per_second);
    begin_plot(c);
    put_curves(c, &scored, DASHED, true);
    put_curves(c, &trained, "", true);
    end_panel(c);
    end_panels(c);
    return true;
}

static const struct picture {
    const char *name;
    filter *of;              /* the lines that it shows */
    int width, height, line; /* the height grows with each of its lines */
    bool (*draw)(canvas *c);
} pictures[] = {
    {"product", is_product, 1080, 480, 0, draw_product},
    {"memory_bound", is_memory_bound, 820, 110, 19, draw_memory_bound},
    {"token_mixer", is_mixing, 1440, 480, 0, draw_token_mixer},
    {"block", is_block, 1080, 480, 0, draw_block},
    {"step", is_of_model, 1080, 480, 0, draw_step},
};

/* ---- gnuplot ----------------------------------------------------------------------------- */

typedef enum outcome { DRAWN, NOTHING_TO_SHOW, FAILED } outcome;

static outcome draw(const records *all, const struct picture *p, const char *folder, bool png)
{
    FILE *script = popen("gnuplot >/dev/null 2>&1", "w");
    canvas c = {all, script, 0};
    if (!script) return FAILED;
    fprintf(script, "set terminal %s size %d,%d %s font 'Helvetica,12' background '#ffffff'\n",
            png ? "pngcairo" : "svg", p->width, p->height + p->line * lines_of(all, p->of),
            png ? "" : "enhanced");
    fputs("set output '", script);
    put_text(script, folder);
    fprintf(script, "/%s.%s'\n", p->name, png ? "png" : "svg");
    fputs(style, script);
    foot(&c);
    const bool drawn = p->draw(&c);
    fputs("unset output\n", script);
    const bool failed = ferror(script) != 0;
    if (pclose(script) != 0 || failed) return FAILED;
    return drawn ? DRAWN : NOTHING_TO_SHOW;
}

bool pictures_draw(const records *all, const char *folder, bool png)
{
    static const char *const why[] = {
        [NOTHING_TO_SHOW] = "there is nothing to show", [FAILED] = "gnuplot failed"};
    bool good = true;
    if (system("command -v gnuplot >/dev/null") != 0) {
        fputs("rmx-bench: no pictures: gnuplot is not here (apt-get install gnuplot-nox; or "
              "--draw the --csv on another machine)\n",
              stderr);
        return true;
    }
    void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* gnuplot may end early */
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        const struct picture *p = &pictures[i];
        if (!lines_of(all, p->of)) continue;
        outcome came = draw(all, p, folder, false);
        if (came == DRAWN && png) came = draw(all, p, folder, true);
        if (came == DRAWN) continue;
        fprintf(stderr, "rmx-bench: no picture of %s: %s\n", p->name, why[came]);
        good = good && came != FAILED;
    }
    signal(SIGPIPE, before);
    return good;
}
