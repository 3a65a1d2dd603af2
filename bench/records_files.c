/* SPDX-License-Identifier: MIT */
/* records_files.c: records as CSV and JSON lines, and CSV read again, so that pictures can be drawn
 * on another machine than the one that measured. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"
#include "train/json.h"

/* ---- columns ----------------------------------------------------------------------------- */

/* RATE: a number over the median time. It follows from others and is there for people. */
typedef enum kind { TEXT, COUNT, NUMBER, RATE } kind;

static const struct column {
    const char *name;
    kind kind;
    bool shared; /* a field of records, not of a line */
    size_t at, bytes;
} columns[] = {
#define LINE(kind, name, field)                                                                 \
    {                                                                                           \
        name, kind, false, offsetof(bench_record, field), sizeof(((bench_record *)NULL)->field) \
    }
#define ALL(kind, name, field)                                                       \
    {                                                                                \
        name, kind, true, offsetof(records, field), sizeof(((records *)NULL)->field) \
    }
    LINE(TEXT, "noun", noun),
    LINE(TEXT, "op", op),
    LINE(TEXT, "shape", shape),
    LINE(TEXT, "series", series),
    LINE(TEXT, "ceiling", ceiling),
    LINE(TEXT, "yardstick", yardstick),
    LINE(TEXT, "unit", unit),
    ALL(TEXT, "device", device),
    ALL(TEXT, "code", code),
    ALL(COUNT, "threads", threads),
    LINE(COUNT, "runs", time.runs),
    LINE(NUMBER, "x", x),
    LINE(NUMBER, "median_s", time.median),
    LINE(NUMBER, "p10_s", time.p10),
    LINE(NUMBER, "p90_s", time.p90),
    LINE(NUMBER, "bytes", bytes),
    LINE(NUMBER, "flop", flop),
    LINE(NUMBER, "share", share),
    LINE(NUMBER, "ratio", ratio),
    LINE(NUMBER, "memory_bytes", memory),
    LINE(NUMBER, "per_second", per_second),
    LINE(RATE, "gb_per_s", bytes),
    LINE(RATE, "gflop_per_s", flop),
    ALL(NUMBER, "copy_b_per_s", copy_rate),
    ALL(NUMBER, "fma_flop_per_s", fma_rate),
#undef LINE
#undef ALL
};
#define COLUMNS (sizeof columns / sizeof *columns)

static const char *field_of(const struct column *c, const records *all, const bench_record *r)
{
    return (c->shared ? (const char *)all : (const char *)r) + c->at;
}

static double number_of(const struct column *c, const records *all, const bench_record *r)
{
    double value = 0.0;
    int32_t count = 0;
    memcpy(c->kind == COUNT ? (void *)&count : &value, field_of(c, all, r), c->bytes);
    return c->kind == COUNT ? count : c->kind == RATE ? value / r->time.median * 1e-9 : value;
}

/* ---- writing ----------------------------------------------------------------------------- */

bool records_write_json(const records *all, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    for (int32_t i = 0; i < all->count; i++) {
        for (const struct column *c = columns; c < columns + COLUMNS; c++) {
            if (c->kind == TEXT) {
                fprintf(file, "%s\"%s\":", c == columns ? "{" : ",", c->name);
                rmx_json_string(file, field_of(c, all, &all->line[i]));
            } else
                rmx_json_number(file, c->name, number_of(c, all, &all->line[i]));
        }
        fputs("}\n", file);
    }
    return records_close(file);
}

static void put_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', file);
}

/* As short as it can be and still be the same number. */
static void put_number(FILE *file, double value)
{
    char text[40] = "";
    if (!isnan(value)) snprintf(text, sizeof text, "%.9g", value);
    if (!isnan(value) && strtod(text, NULL) != value) snprintf(text, sizeof text, "%.17g", value);
    fputs(text, file);
}

bool records_write_csv(const records *all, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    for (size_t c = 0; c < COLUMNS; c++)
        fprintf(file, "%s%c", columns[c].name, c + 1 < COLUMNS ? ',' : '\n');
    for (int32_t i = 0; i < all->count; i++) {
        for (const struct column *c = columns; c < columns + COLUMNS; c++) {
            if (c->kind == TEXT)
                put_text(file, field_of(c, all, &all->line[i]));
            else
                put_number(file, number_of(c, all, &all->line[i]));
            fputc(c + 1 < columns + COLUMNS ? ',' : '\n', file);
        }
    }
    return records_close(file);
}

/* ---- reading ----------------------------------------------------------------------------- */

#define FIELDS_MOST 64

/* Takes a field off the front of *rest, without its quotes, in place; *rest becomes what follows
 * the comma, NULL at the end of the line. Returns NULL where a quote is left open. */
static char *cut_field(char **rest)
{
    char *field = *rest, *to = field, *at = field;
    const bool quoted = *at == '"';
    bool open = quoted;
    if (quoted) at++;
    while (*at && (open || *at != ',')) {
        if (open && *at == '"' && at[1] != '"') {
            open = false;
            at++;
            continue;
        }
        if (open && *at == '"') at++; /* a doubled one stands for itself */
        *to++ = *at++;
    }
    *rest = *at ? at + 1 : NULL;
    *to = '\0';
    return open ? NULL : field;
}

/* Cuts a line into its fields; returns how many, -1 where it is no line of a CSV. */
static int cut(char *line, char *field[FIELDS_MOST])
{
    int count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *rest = line; rest; count++) {
        field[count] = count < FIELDS_MOST - 1 ? cut_field(&rest) : NULL;
        if (!field[count]) return -1;
    }
    return count;
}

static bool read_double(const char *field, double *out)
{
    char *end = NULL;
    *out = *field ? strtod(field, &end) : NAN;
    return !*field || (end && *end == '\0' && end != field);
}

/* One field into the record or into what all share; an unknown column is skipped. */
static bool take(const char *name, const char *field, bench_record *r, records *all)
{
    const struct column *c = columns;
    double value = NAN;
    while (c < columns + COLUMNS && strcmp(name, c->name) != 0) c++;
    if (c == columns + COLUMNS || c->kind == RATE) return true;
    char *to = (c->shared ? (char *)all : (char *)r) + c->at;
    if (c->kind == TEXT) {
        snprintf(to, c->bytes, "%s", field);
        return true;
    }
    if (!read_double(field, &value)) return false;
    const int32_t count = c->kind == COUNT && value >= 0.0 && value < 1e9 ? (int32_t)value : 0;
    memcpy(to, c->kind == COUNT ? (const void *)&count : &value, c->bytes);
    return true;
}

static bool read_line(char *line, char *const name[], int names, records *out, char *why,
                      size_t bytes)
{
    char *field[FIELDS_MOST];
    bench_record r = bench_record_none("", "", "");
    const int fields = cut(line, field);
    if (fields < 0) {
        snprintf(why, bytes, "a quote is left open, or there are too many fields");
        return false;
    }
    if (fields != names) {
        snprintf(why, bytes, "%d fields where the head has %d", fields, names);
        return false;
    }
    for (int i = 0; i < fields; i++) {
        if (take(name[i], field[i], &r, out)) continue;
        snprintf(why, bytes, "%s is '%.40s', not a number", name[i], field[i]);
        return false;
    }
    if (records_add(out, &r)) return true;
    snprintf(why, bytes, "out of memory");
    return false;
}

bool records_read_csv(const char *path, records *out, char *why, size_t bytes)
{
    char head[4096] = "", line[4096], reason[128] = "", *name[FIELDS_MOST];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(head, sizeof head, file) || strncmp(head, "noun,op,shape,", 14) != 0) {
        snprintf(why, bytes, "%s: %s", path, file ? "not a CSV of rmx-bench" : strerror(errno));
        if (file) fclose(file);
        return false;
    }
    const int names = cut(head, name);
    bool good = true;
    int number = 1;
    out->quiet = true;
    while (good && fgets(line, sizeof line, file)) {
        number++;
        good = read_line(line, name, names, out, reason, sizeof reason);
    }
    if (!good) snprintf(why, bytes, "%s:%d: %s", path, number, reason);
    fclose(file);
    return good;
}
