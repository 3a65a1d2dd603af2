/* SPDX-License-Identifier: MIT */
/* fuzz_text_rows.c: text tables of chance, for libFuzzer. The first bytes choose the format, the
 * rest is the file. Both passes must give the same rows, within the bounds of text_rows.h. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/text_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool right)
{
    if (!right) abort();
}

static uint64_t hash_of(uint64_t hash, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) hash = (hash ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* One pass; a hash of all that it gives. */
static rmx_status read_rows(rmx_text_rows *rows, uint64_t *hash)
{
    rmx_error error = {.text = ""};
    rmx_status status;
    bool more = true;
    int64_t line = 0;
    *hash = 0;
    for (;;) {
        rmx_text_row row;
        status = rmx_text_next(rows, &row, &more, &error);
        if (status != RMX_OK || !more) break;
        insist(row.line > line && row.file == 0 && row.raw_bytes <= RMX_TEXT_LINE_MAX);
        insist(row.bad ? row.values == 0 : row.values > 0 && row.values <= RMX_TEXT_COLUMNS_MAX);
        line = row.line;
        *hash = hash_of(*hash + (uint64_t)line, row.raw, row.raw_bytes);
        for (int32_t i = 0; i < row.values; i++)
            *hash = hash_of(*hash + 1, row.value[i], strlen(row.value[i]));
        if (row.bad) *hash = hash_of(*hash, row.bad, strlen(row.bad));
        insist(rmx_text_bytes(rows) <= rmx_text_total(rows));
    }
    if (status == RMX_OK)
        insist(rmx_text_bytes(rows) == rmx_text_total(rows));
    else
        insist(error.text[0] != '\0');
    return status;
}

static rmx_text_format format_of(const uint8_t *data, char separator[9])
{
    static const char *const separators[] = {",", "\t", ";", " ", "|", "::", " | ", ""};
    const char *known = separators[data[0] & 7];
    if (known[0]) {
        snprintf(separator, 9, "%s", known);
    } else { /* any bytes at all */
        memcpy(separator, data + 1, 2);
        separator[2] = '\0';
    }
    return (rmx_text_format){.separator = separator,
                             .quotes = data[0] & 8,
                             .trim = data[0] & 16,
                             .comment = data[0] & 32 ? "#" : "",
                             .skip_lines = data[0] >> 6};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    char separator[9], path[64];
    const rmx_text_format format = format_of(data, separator);
    const int file = memfd_create("table", MFD_CLOEXEC);
    insist(file >= 0);
    const bool written = write(file, data + 3, size - 3) == (ssize_t)(size - 3);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const char *paths[1] = {path};
    rmx_text_rows *rows;
    rmx_error error = {.text = ""};
    if (written && rmx_text_open(paths, 1, &format, &rows, &error) == RMX_OK) {
        uint64_t first, second;
        const rmx_status status = read_rows(rows, &first);
        insist(rmx_text_rewind(rows, &error) == RMX_OK);
        insist(read_rows(rows, &second) == status && first == second);
        rmx_text_close(rows);
    } else {
        insist(!written || (!rows && error.text[0] != '\0'));
    }
    close(file);
    return 0;
}
