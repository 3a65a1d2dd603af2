/* SPDX-License-Identifier: MIT */
/* data_testing.h: what the tests of src/data share: a folder of their own, small datasets. */
#ifndef RMX_DATA_TESTING_H
#define RMX_DATA_TESTING_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset.h"
#include "data/dataset_file.h"

/* HDF5 loses some of its own memory where it meets a damaged file or a full disk. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhdf5"; }
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) { return "print_suppressions=0"; }

/* A new folder; every test has one, in its own process. */
static inline const char *own_folder(void)
{
    static char folder[32];
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/rmx-test-XXXXXX");
        if (!mkdtemp(folder)) abort();
    }
    return folder;
}

static inline const char *in_folder(const char *name)
{
    static char path[4][512];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", own_folder(), name);
    return out;
}

/* A file of the folder; its path. */
static inline const char *write_bytes(const char *name, const void *bytes, size_t count)
{
    const char *path = in_folder(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, count, f) != count || fclose(f) != 0) abort();
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

/* "." or ".." */
static inline bool itself(const char *name) { return !strcmp(name, ".") || !strcmp(name, ".."); }

static inline int files_in_folder(void)
{
    int count = 0;
    DIR *folder = opendir(own_folder());
    if (!folder) abort();
    for (const struct dirent *e; (e = readdir(folder));) count += !itself(e->d_name);
    closedir(folder);
    return count;
}

static inline void remove_folder(void)
{
    DIR *folder = opendir(own_folder());
    if (!folder) return;
    for (const struct dirent *e; (e = readdir(folder));)
        if (!itself(e->d_name)) (void)unlink(in_folder(e->d_name));
    closedir(folder);
    (void)rmdir(own_folder());
}

/* Fields f of vocabulary 10 + f; every value follows from (row, column). */
static inline rmx_schema small_schema(int32_t sparse, int32_t dense, int32_t tasks, bool group)
{
    rmx_schema schema;
    if (rmx_schema_init(&schema, sparse, dense, tasks, NULL) != RMX_OK) abort();
    for (int32_t f = 0; f < sparse; f++) schema.vocabulary[f] = 10 + f;
    schema.has_group = group;
    if (rmx_schema_set(&schema.source, "a test", NULL) != RMX_OK) abort();
    return schema;
}

static inline void small_rows(const rmx_schema *s, int64_t first, int64_t count, rmx_rows *rows)
{
    for (int64_t r = 0; r < count; r++) {
        const uint64_t row = (uint64_t)(first + r);
        for (int32_t i = 0; i < s->tasks; i++)
            rows->label[r * s->tasks + i] = (uint8_t)((row * 7 + (uint64_t)i) % 3 == 0);
        for (int32_t i = 0; i < s->dense_fields; i++)
            rows->dense[r * s->dense_fields + i] = (float)row * 0.5f - (float)i;
        for (int32_t i = 0; i < s->sparse_fields; i++)
            rows->sparse[r * s->sparse_fields + i] =
                (uint32_t)((row * 31 + (uint64_t)i) % (uint64_t)s->vocabulary[i]);
        if (s->has_group) rows->group[r] = 1 + row / 5;
    }
}

/* Writes `count` rows in appends of `piece`; aborts on failure. */
static inline uint64_t write_small(const char *path, const rmx_schema *schema, int64_t count,
                                   int64_t block_rows, int64_t piece)
{
    rmx_error error = {.text = ""};
    rmx_writer *writer;
    rmx_rows rows;
    uint64_t fingerprint = 0;
    rmx_status status = rmx_writer_open(path, schema, block_rows, &writer, &error);
    if (status != RMX_OK || rmx_rows_alloc(&rows, schema, piece, &error) != RMX_OK) abort();
    for (int64_t at = 0; at < count && status == RMX_OK; at += piece) {
        const int64_t n = count - at < piece ? count - at : piece;
        small_rows(schema, at, n, &rows);
        const rmx_writer_rows values = {
            .label = rows.label, .dense = rows.dense, .sparse = rows.sparse, .group = rows.group};
        status = rmx_writer_append(writer, n, &values, &error);
    }
    rmx_rows_free(&rows);
    if (status == RMX_OK) status = rmx_writer_finish(writer, &fingerprint, &error);
    if (status != RMX_OK) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return fingerprint;
}

#endif /* RMX_DATA_TESTING_H */
