/* SPDX-License-Identifier: MIT */
/* pictures.c: hands the curves and bars to pictures.gp, which draws them. */
#include "pictures.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- which lines are in which picture ---------------------------------------------------- */

static bool is_product(const bench_record *r) { return !strcmp(r->noun, "product"); }
static bool is_block(const bench_record *r) { return !strcmp(r->noun, "block"); }
static bool is_mixing(const bench_record *r) { return !strcmp(r->unit, "tokens"); }
static bool is_both_ways(const bench_record *r)
{
    return is_mixing(r) && strstr(r->op, "fwd+bwd");
}
static bool is_forward(const bench_record *r) { return is_mixing(r) && !strstr(r->op, "fwd+bwd"); }
static bool is_step(const bench_record *r) { return !strcmp(r->op, "training step"); }
static bool is_products(const bench_record *r) { return !strcmp(r->op, "its products alone"); }
static bool is_scoring(const bench_record *r) { return !strcmp(r->op, "scoring"); }

static const struct list {
    const char *name;
    bool (*holds)(const bench_record *r);
} lists[] = {
    {"product", is_product}, {"forward", is_forward}, {"both_ways", is_both_ways},
    {"block", is_block},     {"step", is_step},       {"products", is_products},
    {"scoring", is_scoring},
};

/* Of the operations in rows.h. */
static bool is_memory_bound(const bench_record *r)
{
    return !strcmp(r->ceiling, "copy") && isnan(r->flop) && !isnan(r->share);
}

/* ---- data -------------------------------------------------------------------------------- */

static bool is_point(const bench_record *r) { return *r->series && !isnan(r->x); }

/* Whether the curve of this line begins with it. */
static bool begins_curve(const records *all, int32_t at)
{
    for (int32_t i = 0; i < at; i++)
        if (is_point(&all->line[i]) && !strcmp(all->line[i].series, all->line[at].series))
            return false;
    return is_point(&all->line[at]);
}

/* name = 'text', as gnuplot wants it. */
static void put_text(FILE *script, const char *name, const char *text)
{
    fprintf(script, "%s = '", name);
    for (; *text; text++) fprintf(script, *text == '\'' ? "''" : "%c", *text);
    fputs("'\n", script);
}

static void put_curve(FILE *script, const records *all, const char *series)
{
    for (int32_t i = 0; i < all->count; i++) {
        const bench_record *r = &all->line[i];
        const double s = r->time.median;
        if (!is_point(r) || strcmp(r->series, series) != 0) continue;
        fprintf(script, "%.9g %.9g %.9g %.9g %.9g %.9g\n", r->x, s, r->flop / s, r->ratio,
                r->memory / 1048576.0, r->per_second);
    }
    fputs("\n\n", script);
}

static void put_curves(FILE *script, const records *all)
{
    char name[32];
    int count = 0;
    fputs("$curves << EOD\n", script);
    for (int32_t i = 0; i < all->count; i++)
        if (begins_curve(all, i)) put_curve(script, all, all->line[i].series);
    fprintf(script, "EOD\narray name[%d]\n", all->count + 1);
    for (int32_t i = 0; i < all->count; i++) {
        if (!begins_curve(all, i)) continue;
        snprintf(name, sizeof name, "name[%d]", ++count);
        put_text(script, name, all->line[i].series);
    }
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        count = 0;
        fprintf(script, "%s = '", lists[l].name);
        for (int32_t i = 0; i < all->count; i++) {
            if (!begins_curve(all, i)) continue;
            if (lists[l].holds(&all->line[i])) fprintf(script, "%d ", count);
            count++;
        }
        fputs("'\n", script);
    }
}

static void put_bars(FILE *script, const records *all)
{
    int bars = 0;
    fputs("$bars << EOD\n", script);
    for (int32_t i = 0; i < all->count; i++) {
        const bench_record *r = &all->line[i];
        if (!is_memory_bound(r)) continue;
        fprintf(script, "%d %.6g \"%s\"\n", -bars++, 100.0 * r->share, r->series);
    }
    fprintf(script, "EOD\nbars = %d\n", bars);
}

static const char *yardstick_of(const records *all)
{
    for (int32_t i = 0; i < all->count; i++)
        if (is_product(&all->line[i]) && !isnan(all->line[i].ratio)) return all->line[i].yardstick;
    return "";
}

/* ---- gnuplot ----------------------------------------------------------------------------- */

static bool draw(const records *all, const char *folder, const char *type)
{
    FILE *script = popen("gnuplot >/dev/null 2>&1", "w");
    if (!script) return false;
    put_text(script, "folder", folder);
    put_text(script, "type", type);
    put_text(script, "machine", all->device);
    put_text(script, "yardstick", yardstick_of(all));
    fprintf(script, "limit = %.9g\n", isnan(all->fma_rate) ? 0.0 : all->fma_rate);
    put_curves(script, all);
    put_bars(script, all);
    for (const char *const *line = pictures_script; *line; line++) fputs(*line, script);
    const bool written = ferror(script) == 0;
    return pclose(script) == 0 && written;
}

bool pictures_draw(const records *all, const char *folder, bool png)
{
    if (system("command -v gnuplot >/dev/null") != 0) {
        fputs("rmx-bench: no pictures: gnuplot is not here (apt-get install gnuplot-nox; or "
              "--draw the --csv on another machine)\n",
              stderr);
        return true;
    }
    void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* gnuplot may end early */
    const bool good = draw(all, folder, "svg") && (!png || draw(all, folder, "png"));
    if (!good) fputs("rmx-bench: gnuplot failed: some pictures are missing\n", stderr);
    signal(SIGPIPE, before);
    return good;
}
