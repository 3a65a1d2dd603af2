/* SPDX-License-Identifier: MIT */
/* same_file.c: see same_file.h. */
#include "data/same_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/whole_file.h"

static bool folder_status(const char *path, struct stat *out)
{
    char *folder = rmx_folder_of(path);
    const bool there = folder && stat(folder, out) == 0;
    free(folder);
    return there;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool one_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool rmx_files_same(const char *a, const char *b)
{
    struct stat x, y;
    if (strcmp(a, b) == 0) return true;
    const bool have_a = stat(a, &x) == 0, have_b = stat(b, &y) == 0;
    if (have_a && have_b) return one_inode(&x, &y);
    return folder_status(a, &x) && folder_status(b, &y) && one_inode(&x, &y) &&
           strcmp(last_part(a), last_part(b)) == 0;
}

rmx_status rmx_outputs_check(const char *const *output, int32_t outputs, const char *const *input,
                             int32_t inputs, rmx_error *error)
{
    for (int32_t i = 0; i < outputs; i++) {
        if (!output[i]) continue;
        for (int32_t j = 0; j < i; j++)
            if (output[j] && rmx_files_same(output[i], output[j]))
                return rmx_fail(error, RMX_ERR_ARGUMENT,
                                "the outputs %.300s and %.300s are one file: name another one",
                                output[j], output[i]);
        for (int32_t j = 0; j < inputs; j++) {
            if (!input[j]) continue;
            const char *from = strcmp(input[j], "-") == 0 ? "/dev/stdin" : input[j];
            if (rmx_files_same(output[i], from))
                return rmx_fail(error, RMX_ERR_ARGUMENT,
                                "the output %.300s would replace the input %.300s, as both are "
                                "one file: name another output",
                                output[i], input[j]);
        }
    }
    return RMX_OK;
}
