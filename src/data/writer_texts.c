/* SPDX-License-Identifier: MIT */
/* writer_texts.c: see writer_texts.h. */
#include "data/writer_texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "data/schema.h"

enum { BUFFER = 1 << 16 };

rmx_status rmx_writer_texts_open(const char *near, int32_t columns, rmx_writer_texts *out,
                                 rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->values.fd = -1;
    if (columns == 0) return RMX_OK;
    out->columns = columns;
    out->widest = calloc((size_t)columns, sizeof *out->widest);
    out->buffer = malloc(BUFFER);
    if (!out->widest || !out->buffer)
        return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory for its keys", near);
    for (int32_t i = 0; i < columns; i++) out->widest[i] = 1;
    return rmx_spool_open(near, &out->values, error);
}

void rmx_writer_texts_close(rmx_writer_texts *texts)
{
    if (texts->columns) rmx_spool_close(&texts->values);
    free(texts->widest);
    free(texts->buffer);
    memset(texts, 0, sizeof *texts);
    texts->values.fd = -1;
}

static rmx_status flush(rmx_writer_texts *texts, const char *name, rmx_error *error)
{
    const int64_t held = texts->held;
    texts->held = 0;
    return rmx_spool_write(&texts->values, name, texts->buffer, held, error);
}

rmx_status rmx_writer_texts_add(rmx_writer_texts *texts, const char *name, int64_t rows,
                                const char *const *text, rmx_error *error)
{
    for (int64_t i = 0; i < rows * texts->columns; i++) {
        const size_t n = strlen(text[i]);
        int32_t *widest = &texts->widest[i % texts->columns];
        if (n > RMX_TEXT_VALUE_MAX)
            return rmx_fail(error, RMX_ERR_DATA,
                            "%.300s: a key has %zu bytes; at most %d are kept", name, n,
                            RMX_TEXT_VALUE_MAX);
        if (texts->held + RMX_TEXT_VALUE_MAX + 1 > BUFFER) {
            const rmx_status status = flush(texts, name, error);
            if (status != RMX_OK) return status;
        }
        texts->buffer[texts->held] = (char)n;
        memcpy(texts->buffer + texts->held + 1, text[i], n);
        texts->held += (int64_t)n + 1;
        if ((int32_t)n > *widest) *widest = (int32_t)n;
    }
    return RMX_OK;
}

/* The record of one row from the stream of values. */
static bool read_record(FILE *values, const rmx_writer_texts *texts, char *record)
{
    for (int32_t i = 0; i < texts->columns; record += texts->widest[i++]) {
        const int n = getc(values);
        if (n == EOF || n > texts->widest[i]) return false;
        if (fread(record, 1, (size_t)n, values) != (size_t)n) return false;
        memset(record + n, 0, (size_t)(texts->widest[i] - n));
    }
    return true;
}

rmx_status rmx_writer_texts_records(rmx_writer_texts *texts, const char *name, int64_t rows,
                                    int64_t block_rows, rmx_spool *out, uint64_t *all,
                                    uint64_t *block_hash, rmx_error *error)
{
    size_t width = 0;
    for (int32_t i = 0; i < texts->columns; i++) width += (size_t)texts->widest[i];
    rmx_status status = flush(texts, name, error);
    if (status != RMX_OK) return status;
    const int copy = dup(texts->values.fd);
    FILE *values = copy >= 0 && lseek(copy, 0, SEEK_SET) == 0 ? fdopen(copy, "rb") : NULL;
    const int64_t most = rows < block_rows ? rows : block_rows;
    char *block = malloc((size_t)most * width);
    XXH3_state_t *state = XXH3_createState();
    if (!values || !block || !state || XXH3_64bits_reset(state) != XXH_OK)
        status = rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory for its keys", name);
    for (int64_t first = 0; first < rows && status == RMX_OK; first += block_rows) {
        const int64_t count = rows - first < block_rows ? rows - first : block_rows;
        const size_t bytes = (size_t)count * width;
        for (int64_t r = 0; r < count && status == RMX_OK; r++)
            if (!read_record(values, texts, block + (size_t)r * width))
                status =
                    rmx_fail(error, RMX_ERR_DATA, "%.300s: its keys cannot be read back", name);
        if (status != RMX_OK) break;
        block_hash[first / block_rows] = XXH3_64bits(block, bytes);
        (void)XXH3_64bits_update(state, block, bytes);
        status = rmx_spool_write(out, name, block, (int64_t)bytes, error);
    }
    if (status == RMX_OK) *all = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    free(block);
    if (values)
        (void)fclose(values);
    else if (copy >= 0)
        (void)close(copy);
    return status;
}
