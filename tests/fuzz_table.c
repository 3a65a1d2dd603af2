/* SPDX-License-Identifier: MIT */
/* fuzz_table.c: a column spec and a table, divided by a line "---", are imported. What is made is a
 * whole data set; the same table by the numbers of that set makes the same rows. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
    if (!good) abort();
}

static int file_of(const void *bytes, size_t size, char path[64])
{
    const int file = memfd_create("fuzz", MFD_CLOEXEC);
    require(file >= 0 && write(file, bytes, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", file);
    return file;
}

static rmx_status import(const char *spec, const char *table, const char *output,
                         const char *fitted_on, int64_t *rows)
{
    rmx_error error = {.text = ""};
    rmx_import_result result;
    memset(&result, 0, sizeof result);
    const rmx_import_options options = {.format = "csv",
                                        .spec = spec,
                                        .input = &table,
                                        .inputs = 1,
                                        .output = output,
                                        .fitted_on = fitted_on,
                                        .max_bad = 0.9};
    const rmx_status status = rmx_import(&options, &result, &error);
    require(status == RMX_OK || error.text[0]);
    require(status == RMX_OK || status == RMX_ERR_DATA || status == RMX_ERR_ARGUMENT);
    *rows = result.rows;
    if (status == RMX_OK) {
        require(result.data_rows == result.rows + result.bad_rows);
        if (rmx_dataset_check(output, NULL, NULL, &error) != RMX_OK) {
            fprintf(stderr, "%s\n", error.text);
            abort();
        }
    }
    rmx_import_result_free(&result);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char line[] = "\n---\n";
    static char outputs[2][64];
    char spec[64], table[64];
    const uint8_t *at = memmem(data, size, line, sizeof line - 1);
    if (!at || size > 1 << 16) return 0;
    for (int i = 0; i < 2; i++)
        snprintf(outputs[i], sizeof outputs[i], "%s/rmx-fuzz-table-%ld-%d.h5",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid(), i);
    const size_t first = (size_t)(at - data) + 1;
    const int files[2] = {file_of(data, first, spec),
                          file_of(data + first + 4, size - first - 4, table)};
    int64_t rows[2] = {0, 0};
    if (import(spec, table, outputs[0], NULL, &rows[0]) == RMX_OK)
        require(import(NULL, table, outputs[1], outputs[0], &rows[1]) == RMX_OK &&
                rows[0] == rows[1]);
    for (int i = 0; i < 2; i++) {
        unlink(outputs[i]);
        close(files[i]);
    }
    return 0;
}
