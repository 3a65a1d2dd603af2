/* SPDX-License-Identifier: MIT */
/* records.c: see records.h. One table of columns serves the terminal and Markdown. */
#include "records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bench_record bench_record_none(const char *noun, const char *op, const char *shape)
{
    bench_record r;
    memset(&r, 0, sizeof r);
    snprintf(r.noun, sizeof r.noun, "%s", noun);
    snprintf(r.op, sizeof r.op, "%s", op);
    snprintf(r.shape, sizeof r.shape, "%s", shape);
    r.x = r.bytes = r.flop = r.share = r.ratio = r.memory = r.per_second = NAN;
    r.time = (bench_times){.median = NAN, .p10 = NAN, .p90 = NAN};
    return r;
}

void records_free(records *out)
{
    free(out->line);
    memset(out, 0, sizeof *out);
}

/* ---- quantities -------------------------------------------------------------------------- */

/* Three digits that count. */
static int decimals(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

void records_quantity(char *out, size_t bytes, double value, const char *unit)
{
    static const char prefix[] = {' ', 'k', 'M', 'G', 'T', 'P'};
    size_t i = 0;
    if (isnan(value)) {
        snprintf(out, bytes, "%s", "");
        return;
    }
    for (; fabs(value) >= 999.5 && i + 1 < sizeof prefix; i++) value /= 1000.0;
    if (i == 0)
        snprintf(out, bytes, "%.*f %s", decimals(value), value, unit);
    else
        snprintf(out, bytes, "%.*f %c%s", decimals(value), value, prefix[i], unit);
}

void records_seconds(char *out, size_t bytes, double seconds)
{
    static const char *const unit[] = {"s", "ms", "us", "ns"};
    size_t i = 0;
    snprintf(out, bytes, "%s", "");
    if (isnan(seconds)) return;
    for (; seconds < 0.9995 && i < 3; i++) seconds *= 1000.0;
    snprintf(out, bytes, "%.*f %s", decimals(seconds), seconds, unit[i]);
}

/* ---- columns for people ------------------------------------------------------------------ */

typedef struct column {
    const char *title;
    int width; /* on a terminal; negative: to the left */
    void (*put)(const bench_record *r, char *out, size_t bytes);
} column;

static void put_op(const bench_record *r, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s", r->op);
}
static void put_shape(const bench_record *r, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s", r->shape);
}
static void put_time(const bench_record *r, char *out, size_t bytes)
{
    records_seconds(out, bytes, r->time.median);
}
static void put_spread(const bench_record *r, char *out, size_t bytes)
{
    const bench_times *t = &r->time;
    snprintf(out, bytes, "%s", "");
    if (t->runs)
        snprintf(out, bytes, "%+.0f %+.0f %%", 100.0 * (t->p10 / t->median - 1.0),
                 100.0 * (t->p90 / t->median - 1.0));
}
static void put_bytes_rate(const bench_record *r, char *out, size_t bytes)
{
    records_quantity(out, bytes, r->bytes / r->time.median, "B/s");
}
static void put_flop_rate(const bench_record *r, char *out, size_t bytes)
{
    records_quantity(out, bytes, r->flop / r->time.median, "FLOP/s");
}
static void put_share(const bench_record *r, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s", "");
    const double percent = 100.0 * r->share;
    if (!isnan(percent))
        snprintf(out, bytes, "%.*f %% %s", percent < 9.95 ? 1 : 0, percent, r->ceiling);
}
static void put_ratio(const bench_record *r, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s", "");
    if (!isnan(r->ratio)) snprintf(out, bytes, "%.2fx %s", r->ratio, r->yardstick);
}
static void put_memory(const bench_record *r, char *out, size_t bytes)
{
    records_quantity(out, bytes, r->memory, "B");
}
static void put_per_second(const bench_record *r, char *out, size_t bytes)
{
    char unit[24];
    snprintf(unit, sizeof unit, "%s/s", r->unit);
    records_quantity(out, bytes, r->per_second, unit);
}

static const column columns[] = {
    {"op", -26, put_op},           {"shape", -36, put_shape},
    {"time", 9, put_time},         {"p10 p90", 11, put_spread},
    {"moved", 10, put_bytes_rate}, {"computed", 13, put_flop_rate},
    {"of ceiling", 14, put_share}, {"against", 18, put_ratio},
    {"memory", 9, put_memory},     {"per second", 16, put_per_second},
};
#define COLUMNS ((int)(sizeof columns / sizeof *columns))

/* ---- terminal ---------------------------------------------------------------------------- */

void records_print_machine(const records *out)
{
    char copy[32], fma[32];
    if (out->quiet) return;
    records_quantity(copy, sizeof copy, out->copy_rate, "B/s");
    records_quantity(fma, sizeof fma, out->fma_rate, "FLOP/s");
    printf("device     %s\nceilings   copy %s (read + written)%s%s\nyardstick  %s\n", out->device,
           copy, *fma ? ", multiply-add " : "", fma, out->yardstick);
    fflush(stdout);
}

void records_print_head(const records *out, const char *title)
{
    if (out->quiet) return;
    printf("\n%s\n", title);
    for (int c = 0; c < COLUMNS; c++)
        printf("%*s%s", columns[c].width, columns[c].title, c + 1 < COLUMNS ? " " : "\n");
}

static void print_line(const bench_record *r)
{
    char text[64], line[320];
    size_t used = 0;
    for (int c = 0; c < COLUMNS; c++) {
        columns[c].put(r, text, sizeof text);
        used += (size_t)snprintf(line + used, sizeof line - used, "%*s ", columns[c].width, text);
    }
    while (used > 0 && line[used - 1] == ' ') line[--used] = '\0';
    puts(line);
    fflush(stdout);
}

bool records_add(records *out, const bench_record *record)
{
    if (out->count == out->room) {
        const int32_t room = out->room ? 2 * out->room : 128;
        bench_record *line = realloc(out->line, sizeof *line * (size_t)room);
        if (!line) return false;
        out->line = line;
        out->room = room;
    }
    out->line[out->count++] = *record;
    if (!out->quiet) print_line(record);
    return true;
}

/* ---- Markdown ---------------------------------------------------------------------------- */

/* A column stands in a noun's table where one of its lines fills it. */
static bool column_used(const records *all, int32_t first, int32_t end, int c)
{
    char text[64];
    for (int32_t i = first; i < end; i++) {
        columns[c].put(&all->line[i], text, sizeof text);
        if (*text) return true;
    }
    return false;
}

static void write_row(FILE *file, const bench_record *r, const bool *used)
{
    char text[64];
    for (int c = 0; c < COLUMNS; c++) {
        if (!used[c]) continue;
        columns[c].put(r, text, sizeof text);
        fprintf(file, "| %s ", text);
    }
    fputs("|\n", file);
}

static void write_noun(FILE *file, const records *all, int32_t first, int32_t end)
{
    bool used[COLUMNS];
    fprintf(file, "\n### %s\n\n", all->line[first].noun);
    for (int c = 0; c < COLUMNS; c++) {
        used[c] = column_used(all, first, end, c);
        if (used[c]) fprintf(file, "| %s ", columns[c].title);
    }
    fputs("|\n", file);
    for (int c = 0; c < COLUMNS; c++)
        if (used[c]) fputs(columns[c].width < 0 ? "|---" : "|---:", file);
    fputs("|\n", file);
    for (int32_t i = first; i < end; i++) write_row(file, &all->line[i], used);
}

bool records_close(FILE *file)
{
    const bool good = ferror(file) == 0;
    return fclose(file) == 0 && good;
}

bool records_write_markdown(const records *all, const char *path)
{
    char copy[32], fma[32];
    FILE *file = fopen(path, "w");
    if (!file) return false;
    records_quantity(copy, sizeof copy, all->copy_rate, "B/s");
    records_quantity(fma, sizeof fma, all->fma_rate, "FLOP/s");
    fprintf(file, "Device: %s. Ceilings measured: copy %s, multiply-add %s. Yardstick: %s.\n",
            all->device, copy, *fma ? fma : "not measured here", all->yardstick);
    for (int32_t first = 0, end; first < all->count; first = end) {
        end = first;
        while (end < all->count && !strcmp(all->line[end].noun, all->line[first].noun)) end++;
        write_noun(file, all, first, end);
    }
    return records_close(file);
}
