/* SPDX-License-Identifier: MIT */
/* records.h: lines of results, and where they go: a table, CSV, JSON lines, Markdown. */
#ifndef RMX_BENCH_RECORDS_H
#define RMX_BENCH_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct bench_times {
    double median, p10, p90; /* seconds a call */
    int32_t runs;
} bench_times;

/* NaN: not known, or it makes no sense there. */
typedef struct bench_record {
    char noun[16];   /* "product" */
    char op[32];     /* "x W" */
    char shape[48];  /* "M=1 N=3072 K=768" */
    char series[48]; /* lines of one picture's curve; "" in no picture */
    double x;        /* the curve's abscissa: M, T, B */
    bench_times time;
    double bytes, flop; /* that cannot be avoided */
    char ceiling[12];   /* what bounds it: "copy" or "fma"; "GPU idle" is no bound */
    double share;       /* of that ceiling; 1 is all of it */
    char yardstick[16];
    double ratio;      /* its time over ours: above 1 ours is faster */
    double memory;     /* bytes */
    double per_second; /* of unit */
    char unit[12];     /* "tokens", "samples" */
} bench_record;

typedef struct records {
    bench_record *line;
    int32_t count, room;
    char device[160], code[16];
    int32_t threads;
    double copy_rate, fma_rate;
    char yardstick[96]; /* what it is, or why there is none */
    bool quiet;         /* no table */
} records;

/* A record whose numbers are NaN and whose other texts are "". */
bench_record bench_record_none(const char *noun, const char *op, const char *shape);
/* Keeps it and prints it; false: out of memory. */
bool records_add(records *out, const bench_record *record);
void records_free(records *out);

/* What was measured with, then the head of a noun's table. */
void records_print_machine(const records *out);
void records_print_head(const records *out, const char *title);

/* Each returns false where the file could not be written; errno says why. */
bool records_write_csv(const records *all, const char *path);
bool records_write_json(const records *all, const char *path);
bool records_write_markdown(const records *all, const char *path);
/* What records_write_csv wrote, here or elsewhere, to the last bit. False: *why says in which line
 * and why; out is to be freed all the same. */
bool records_read_csv(const char *path, records *out, char *why, size_t bytes);
/* Closes a file that was written; false where anything went wrong before. */
bool records_close(FILE *file);

/* Times, rates and bytes as a person writes them: "12.3 us", "4.1 GB". */
void records_seconds(char *out, size_t bytes, double seconds);
void records_quantity(char *out, size_t bytes, double value, const char *unit);

#endif /* RMX_BENCH_RECORDS_H */
