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
                            "set grid ytics lc rgb '#e4e7eb' lt 1 lw 0.8\n"
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
} canvas;

static bool in_group(const bench_record *r, const char *group)
{
    return !strcmp(r->group, group) && *r->series && !isnan(r->x);
}

static bool has_group(const records *all, const char *group)
{
    for (int32_t i = 0; i < all->count; i++)
        if (!strcmp(all->line[i].group, group)) return true;
    return false;
}

/* True at the first line of its curve. */
static bool first_of_series(const records *all, int32_t at)
{
    for (int32_t i = 0; i < at; i++)
        if (!strcmp(all->line[i].group, all->line[at].group) &&
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

/* ---- curves ------------------------------------------------------------------------------ */

typedef double value_of(const bench_record *r);

/* "$tag_0 << EOD" ... for every curve of a group that has values; returns how many. */
static int put_points(const canvas *c, const char *tag, const char *group, value_of *value,
                      const char *titles[], int most)
{
    int curves = 0;
    for (int32_t i = 0; i < c->all->count && curves < most; i++) {
        const bench_record *r = &c->all->line[i];
        if (!in_group(r, group) || !first_of_series(c->all, i) || isnan(value(r))) continue;
        fprintf(c->script, "$%s_%d << EOD\n", tag, curves);
        for (int32_t j = i; j < c->all->count; j++) {
            const bench_record *s = &c->all->line[j];
            if (in_group(s, group) && !strcmp(s->series, r->series) && !isnan(value(s)))
                fprintf(c->script, "%.9g %.9g\n", s->x, value(s));
        }
        fputs("EOD\n", c->script);
        titles[curves++] = r->series;
    }
    return curves;
}

/* Adds the curves to a plot command that has begun; titles NULL: they stand beside it already. */
static void put_curves(const canvas *c, const char *tag, int curves, const char *titles[],
                       int first_style)
{
    for (int i = 0; i < curves; i++) {
        fprintf(c->script, "%s$%s_%d using 1:2 with linespoints ls %d ", i ? ", " : "", tag, i,
                first_style + i);
        fputs(titles ? "title '" : "notitle", c->script);
        if (!titles) continue;
        put_text(c->script, titles[i]);
        fputs("' noenhanced", c->script);
    }
}

static void end_plot(const canvas *c) { fputc('\n', c->script); }

static double get_ratio(const bench_record *r) { return r->ratio; }
static double get_ms(const bench_record *r) { return r->time.median * 1e3; }
static double get_memory(const bench_record *r) { return r->memory / 1048576.0; }
static double get_gflop(const bench_record *r) { return r->flop / r->time.median * 1e-9; }

/* ---- the pictures ------------------------------------------------------------------------ */

#define MOST 6

static bool draw_product(const canvas *c)
{
    const char *titles[MOST];
    const char *name = "";
    for (int32_t i = 0; i < c->all->count; i++)
        if (!strcmp(c->all->line[i].group, "product") && *c->all->line[i].yardstick)
            name = c->all->line[i].yardstick;
    const int curves = put_points(c, "p", "product", get_ratio, titles, MOST);
    if (curves == 0) return false;
    fprintf(c->script,
            "set title 'fp32 product x W: speed against %s, equal threads'\n"
            "set logscale x 2\nset format x '%%.0f'\nset xlabel 'rows M'\n"
            "set ylabel '%s time / our time'\nset yrange [0:*]\nset key outside right center Left "
            "reverse\n"
            "set bmargin at screen 0.17\nset offsets 0, 0, graph 0.08, 0\nplot 1 with lines ls 20 "
            "title 'as fast', ",
            name, name);
    put_curves(c, "p", curves, titles, 1);
    end_plot(c);
    return true;
}

/* Bars that lie, in the order of the table; the longest names fit beside them. */
static bool draw_rows(const canvas *c)
{
    int bars = 0;
    fputs("$rows << EOD\n", c->script);
    for (int32_t i = 0; i < c->all->count; i++) {
        const bench_record *r = &c->all->line[i];
        if (strcmp(r->group, "rows") != 0 || isnan(r->share)) continue;
        fprintf(c->script, "%d %.6g \"%s\"\n", -bars, 100.0 * r->share, r->series);
        bars++;
    }
    fprintf(c->script,
            "EOD\nset title 'Necessary bytes a second, %% of a copy'\n"
            "set yrange [%.1f:0.7]\nset xrange [0:*]\nset offsets 0, graph 0.08, 0, 0\n"
            "set lmargin 33\nset bmargin at screen 0.1\n"
            "unset grid\nset grid xtics lc rgb '#e4e7eb' lt 1 lw 0.8\nset border 1\n"
            "set ytics scale 0 noenhanced\nset arrow 1 from 100, graph 0 to 100, graph 1 nohead "
            "ls 20\nset style fill solid 1.0\n"
            "plot $rows using ($2/2):1:($2/2):(0.36):ytic(3) with boxxyerror lc rgb '#0b4f8a' "
            "notitle, $rows using 2:1:(sprintf(' %%.0f', $2)) with labels left font ',10' "
            "tc rgb '#333333' notitle\n",
            -(double)bars + 0.3);
    return bars > 0;
}

/* Room for the key above curves on a logarithmic axis. */
static void put_room(const canvas *c, const char *group, const char *other, value_of *value,
                     double factor)
{
    double most = 0.0;
    for (int32_t i = 0; i < c->all->count; i++) {
        const bench_record *r = &c->all->line[i];
        if ((in_group(r, group) || in_group(r, other)) && value(r) > most) most = value(r);
    }
    fprintf(c->script, "set yrange [*:%.3g]\n", most * factor);
}

static void log_axes(const canvas *c, const char *x, const char *y)
{
    fprintf(c->script,
            "set logscale x 2\nset logscale y 10\nset format x '%%.0f'\nset format y '%%g'\n"
            "set xlabel '%s'\nset ylabel '%s'\nset key top left Left reverse\n",
            x, y);
}

static bool draw_mixers(const canvas *c)
{
    static const char *const colours[] = {"#0b4f8a", "#d1495b"};
    const char *titles[MOST], *unused[MOST];
    const int curves = put_points(c, "t", "mixers", get_ms, titles, 4);
    if (put_points(c, "m", "mixers", get_memory, unused, 4) == 0 || curves != 4) return false;
    for (int i = 0; i < 4; i++) /* one colour a mixer, dashes for forward alone */
        fprintf(c->script, "set style line %d lc rgb '%s' lw 2.4 pt %d ps 0.7 %s\n", i + 1,
                colours[i % 2], i % 2 ? 5 : 7, i < 2 ? "dt (3,3)" : "dt 1");
    fputs("set multiplot layout 1,2 margins 0.085,0.985,0.2,0.9 spacing 0.1,0\n", c->script);
    log_axes(c, "tokens T", "ms a batch");
    put_room(c, "mixers", "mixers", get_ms, 60.0);
    fputs("set title 'Time'\nplot ", c->script);
    put_curves(c, "t", 4, titles, 1);
    end_plot(c);
    log_axes(c, "tokens T", "MiB a batch");
    put_room(c, "mixers", "mixers", get_memory, 4.0);
    fputs("unset label 1\nset title 'Memory: kept for backward, and its scratch'\n"
          "plot $m_2 using 1:2 with linespoints ls 3 title 'token mixer', "
          "$m_3 using 1:2 with linespoints ls 4 title 'self-attention'\nunset multiplot\n",
          c->script);
    return true;
}

static bool draw_batch(const canvas *c)
{
    const char *block[MOST], *step[MOST], *block_ms[MOST], *step_ms[MOST];
    const int blocks = put_points(c, "bs", "block", get_gflop, block, 2);
    const int steps = put_points(c, "ss", "step", get_gflop, step, 6);
    const int blocks_ms = put_points(c, "bt", "block", get_ms, block_ms, 2);
    const int steps_ms = put_points(c, "st", "step", get_ms, step_ms, 6);
    if (blocks + steps == 0) return false;
    fputs("set multiplot layout 1,2 margins 0.085,0.985,0.2,0.9 spacing 0.1,0\n"
          "set logscale x 2\nset format x '%.0f'\nset xlabel 'batch B'\n"
          "set ylabel 'GFLOP/s'\nset yrange [0:*]\nset offsets 0, 0, graph 0.12, 0\n"
          "set key top left Left reverse\nset title 'Products of a call per second'\n",
          c->script);
    if (isnan(c->all->fma_rate))
        fputs("plot ", c->script);
    else
        fprintf(c->script, "plot %.6g with lines ls 20 title 'multiply-adds of this machine', ",
                c->all->fma_rate * 1e-9);
    put_curves(c, "bs", blocks, NULL, 1);
    if (blocks && steps) fputs(", ", c->script);
    put_curves(c, "ss", steps, NULL, 3);
    end_plot(c);
    log_axes(c, "batch B", "ms a call");
    put_room(c, "block", "step", get_ms, 300.0);
    fputs("unset label 1\nset title 'Time'\nplot ", c->script);
    put_curves(c, "bt", blocks_ms, block_ms, 1);
    if (blocks_ms && steps_ms) fputs(", ", c->script);
    put_curves(c, "st", steps_ms, step_ms, 3);
    end_plot(c);
    fputs("unset multiplot\n", c->script);
    return true;
}

static const struct picture {
    const char *name, *group, *other;
    int width, height;
    bool (*draw)(const canvas *c);
} pictures[] = {
    {"product", "product", "product", 820, 480, draw_product},
    {"rows", "rows", "rows", 820, 640, draw_rows},
    {"mixers", "mixers", "mixers", 1080, 480, draw_mixers},
    {"batch", "block", "step", 1080, 480, draw_batch},
};

/* ---- gnuplot ----------------------------------------------------------------------------- */

typedef enum outcome { DRAWN, NOTHING_TO_SHOW, FAILED } outcome;

static outcome draw(const records *all, const struct picture *p, const char *folder, bool png)
{
    FILE *script = popen("gnuplot >/dev/null 2>&1", "w");
    const canvas c = {all, script};
    if (!script) return FAILED;
    fprintf(script, "set terminal %s size %d,%d %s font 'Helvetica,12' background '#ffffff'\n",
            png ? "pngcairo" : "svg", p->width, p->height, png ? "" : "enhanced");
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
        [NOTHING_TO_SHOW] = "there is nothing to compare with", [FAILED] = "gnuplot failed"};
    bool good = true;
    if (system("command -v gnuplot >/dev/null") != 0) {
        fputs("rmx-bench: no pictures: gnuplot is not here (apt-get install gnuplot-nox)\n",
              stderr);
        return true;
    }
    void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* gnuplot may end early */
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        const struct picture *p = &pictures[i];
        if (!has_group(all, p->group) && !has_group(all, p->other)) continue;
        outcome came = draw(all, p, folder, false);
        if (came == DRAWN && png) came = draw(all, p, folder, true);
        if (came == DRAWN) continue;
        fprintf(stderr, "rmx-bench: no picture of %s: %s\n", p->name, why[came]);
        good = good && came != FAILED;
    }
    signal(SIGPIPE, before);
    return good;
}
