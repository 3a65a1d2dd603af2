/* SPDX-License-Identifier: MIT */
/* records_files.c: records for programs: CSV and JSON lines, and CSV back again, so that pictures
 * can be drawn on another machine than the one that measured. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"
#include "train/json.h"

/* ---- columns ----------------------------------------------------------------------------- */

#define TEXT(name, field)                                                           \
    {                                                                               \
#name, offsetof(bench_record, field), sizeof(((bench_record *)NULL)->field) \
    }
#define NUMBER(name, field)                  \
    {                                        \
#name, offsetof(bench_record, field) \
    }

static const struct text_column {
    const char *name;
    size_t at, bytes;
} texts[] = {TEXT(noun, noun),     TEXT(op, op),           TEXT(shape, shape),
             TEXT(series, series), TEXT(ceiling, ceiling), TEXT(yardstick, yardstick),
             TEXT(unit, unit)};
static const struct number_column {
    const char *name;
    size_t at;
} numbers[] = {NUMBER(x, x),
               NUMBER(median_s, time.median),
               NUMBER(p10_s, time.p10),
               NUMBER(p90_s, time.p90),
               NUMBER(bytes, bytes),
               NUMBER(flop, flop),
               NUMBER(share, share),
               NUMBER(ratio, ratio),
               NUMBER(memory_bytes, memory),
               NUMBER(per_second, per_second)};
#define TEXTS (sizeof texts / sizeof *texts)
#define NUMBERS (sizeof numbers / sizeof *numbers)

static const char *text_of(const bench_record *r, const struct text_column *c)
{
    return (const char *)r + c->at;
}

static double number_of(const bench_record *r, const struct number_column *c)
{
    double value;
    memcpy(&value, (const char *)r + c->at, sizeof value);
    return value;
}

/* Rates follow from the others; they stand there for people. */
static double gb_per_s(const bench_record *r) { return r->bytes / r->time.median * 1e-9; }
static double gflop_per_s(const bench_record *r) { return r->flop / r->time.median * 1e-9; }

/* ---- writing ----------------------------------------------------------------------------- */

bool records_write_json(const records *all, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    for (int32_t i = 0; i < all->count; i++) {
        const bench_record *r = &all->line[i];
        for (size_t t = 0; t < TEXTS; t++) {
            fprintf(file, "%s\"%s\":", t ? "," : "{", texts[t].name);
            rmx_json_string(file, text_of(r, &texts[t]));
        }
        fputs(",\"device\":", file);
        rmx_json_string(file, all->device);
        fputs(",\"code\":", file);
        rmx_json_string(file, all->code);
        fprintf(file, ",\"threads\":%d,\"runs\":%d", all->threads, r->time.runs);
        for (size_t n = 0; n < NUMBERS; n++)
            rmx_json_number(file, numbers[n].name, number_of(r, &numbers[n]));
        rmx_json_number(file, "gb_per_s", gb_per_s(r));
        rmx_json_number(file, "gflop_per_s", gflop_per_s(r));
        rmx_json_number(file, "copy_b_per_s", all->copy_rate);
        rmx_json_number(file, "fma_flop_per_s", all->fma_rate);
        fputs("}\n", file);
    }
    return records_close(file);
}

static void put_text(FILE *file, const char *text, char end)
{
    fputc('"', file);
    for (; *text; text++) fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', file);
    fputc(end, file);
}

/* As short as it can be and still be the same number. */
static void put_number(FILE *file, double value, char end)
{
    char text[40] = "";
    if (!isnan(value)) snprintf(text, sizeof text, "%.9g", value);
    if (!isnan(value) && strtod(text, NULL) != value) snprintf(text, sizeof text, "%.17g", value);
    fprintf(file, "%s%c", text, end);
}

bool records_write_csv(const records *all, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return false;
    for (size_t t = 0; t < TEXTS; t++) fprintf(file, "%s,", texts[t].name);
    fputs("device,code,threads,runs,", file);
    for (size_t n = 0; n < NUMBERS; n++) fprintf(file, "%s,", numbers[n].name);
    fputs("gb_per_s,gflop_per_s,copy_b_per_s,fma_flop_per_s\n", file);
    for (int32_t i = 0; i < all->count; i++) {
        const bench_record *r = &all->line[i];
        for (size_t t = 0; t < TEXTS; t++) put_text(file, text_of(r, &texts[t]), ',');
        put_text(file, all->device, ',');
        put_text(file, all->code, ',');
        fprintf(file, "%d,%d,", all->threads, r->time.runs);
        for (size_t n = 0; n < NUMBERS; n++) put_number(file, number_of(r, &numbers[n]), ',');
        put_number(file, gb_per_s(r), ',');
        put_number(file, gflop_per_s(r), ',');
        put_number(file, all->copy_rate, ',');
        put_number(file, all->fma_rate, '\n');
    }
    return records_close(file);
}

/* ---- reading ----------------------------------------------------------------------------- */

#define COLUMNS_MOST 64

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
static int cut(char *line, char *field[COLUMNS_MOST])
{
    int count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *rest = line; rest; count++) {
        field[count] = count < COLUMNS_MOST - 1 ? cut_field(&rest) : NULL;
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

static void keep(char *to, size_t bytes, const char *field) { snprintf(to, bytes, "%s", field); }

/* One field into the record or into what is the same for all; an unknown column is skipped. */
static bool take(const char *name, const char *field, bench_record *r, records *all)
{
    double value = NAN;
    for (size_t t = 0; t < TEXTS; t++)
        if (!strcmp(name, texts[t].name)) keep((char *)r + texts[t].at, texts[t].bytes, field);
    for (size_t n = 0; n < NUMBERS; n++) {
        if (strcmp(name, numbers[n].name) != 0) continue;
        if (!read_double(field, &value)) return false;
        memcpy((char *)r + numbers[n].at, &value, sizeof value);
    }
    if (!strcmp(name, "device")) keep(all->device, sizeof all->device, field);
    if (!strcmp(name, "code")) keep(all->code, sizeof all->code, field);
    if (!strcmp(name, "copy_b_per_s")) return read_double(field, &all->copy_rate);
    if (!strcmp(name, "fma_flop_per_s")) return read_double(field, &all->fma_rate);
    if (!strcmp(name, "threads")) all->threads = (int32_t)strtol(field, NULL, 10);
    if (!strcmp(name, "runs")) r->time.runs = (int32_t)strtol(field, NULL, 10);
    return true;
}

static bool read_line(char *line, char *const name[], int names, records *out, char *why,
                      size_t bytes)
{
    char *field[COLUMNS_MOST];
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
    char head[4096] = "", line[4096], reason[128] = "", *name[COLUMNS_MOST];
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
