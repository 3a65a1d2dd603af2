/* SPDX-License-Identifier: MIT */
/* golden.c: see golden.h. */
#include "golden.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
    hid_t file;
    void **owned;
    size_t n_owned;
};

static void *own(golden *file, size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    void **owned = realloc(file->owned, (file->n_owned + 1) * sizeof *owned);
    if (!memory || !owned) abort();
    owned[file->n_owned++] = memory;
    file->owned = owned;
    return memory;
}

golden *golden_open(const char *path)
{
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    golden *file = calloc(1, sizeof *file);
    if (!file) abort();
    file->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file->file >= 0) return file;
    fprintf(stderr, "golden: cannot open %s\n", path);
    free(file);
    return NULL;
}

void golden_close(golden *file)
{
    if (!file) return;
    H5Fclose(file->file);
    for (size_t i = 0; i < file->n_owned; i++) free(file->owned[i]);
    free(file->owned);
    free(file);
}

int golden_cases(golden *file, const char *group, char names[GOLDEN_CASES][GOLDEN_NAME])
{
    const hid_t id = H5Gopen2(file->file, group, H5P_DEFAULT);
    H5G_info_t info;
    if (id < 0 || H5Gget_info(id, &info) < 0) return 0;
    int n = 0;
    for (hsize_t i = 0; i < info.nlinks && n < GOLDEN_CASES; i++) {
        char name[GOLDEN_NAME / 2];
        H5Lget_name_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
        snprintf(names[n++], GOLDEN_NAME, "%.30s/%.31s", group, name);
    }
    H5Gclose(id);
    return n;
}

golden_tensor golden_read(golden *file, const char *name, const char *tensor)
{
    golden_tensor t = {.count = 1};
    char path[2 * GOLDEN_NAME];
    snprintf(path, sizeof path, "%s/%s", name, tensor);
    const hid_t set = H5Dopen2(file->file, path, H5P_DEFAULT);
    if (set < 0) return t;
    const hid_t space = H5Dget_space(set);
    hsize_t shape[GOLDEN_DIMS] = {0};
    t.dims = H5Sget_simple_extent_dims(space, shape, NULL);
    for (int32_t i = 0; i < t.dims; i++) {
        t.shape[i] = (int64_t)shape[i];
        t.count *= t.shape[i];
    }
    double *values = own(file, (size_t)t.count * sizeof *values);
    t.floats = own(file, (size_t)t.count * sizeof *t.floats);
    if (H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0)
        t.values = values;
    for (int64_t i = 0; t.values && i < t.count; i++) t.floats[i] = (float)values[i];
    H5Sclose(space);
    H5Dclose(set);
    return t;
}

static hid_t attribute_of(golden *file, const char *name, const char *attribute)
{
    const hid_t id = H5Aopen_by_name(file->file, name, attribute, H5P_DEFAULT, H5P_DEFAULT);
    if (id >= 0) return id;
    fprintf(stderr, "golden: %s has no attribute %s\n", name, attribute);
    abort();
}

int64_t golden_integer(golden *file, const char *name, const char *attribute)
{
    const hid_t id = attribute_of(file, name, attribute);
    int64_t value = -1;
    if (H5Aread(id, H5T_NATIVE_INT64, &value) < 0) abort();
    H5Aclose(id);
    return value;
}

double golden_number(golden *file, const char *name, const char *attribute)
{
    const hid_t id = attribute_of(file, name, attribute);
    double value = 0.0;
    if (H5Aread(id, H5T_NATIVE_DOUBLE, &value) < 0) abort();
    H5Aclose(id);
    return value;
}

bool golden_is(golden *file, const char *name, const char *attribute, const char *value)
{
    const hid_t id = attribute_of(file, name, attribute);
    const hid_t type = H5Aget_type(id);
    char *text = NULL;
    if (H5Tis_variable_str(type) <= 0 || H5Aread(id, type, &text) < 0 || !text) abort();
    const bool same = strcmp(text, value) == 0;
    H5free_memory(text);
    H5Tclose(type);
    H5Aclose(id);
    return same;
}

double golden_max(const golden_tensor *t)
{
    double max = 0.0;
    for (int64_t i = 0; t->values && i < t->count; i++) max = fmax(max, fabs(t->values[i]));
    return max;
}

bool golden_close_to(golden *file, const char *name, const char *tensor, const float *got,
                     double k, double scale)
{
    const golden_tensor want = golden_read(file, name, tensor);
    if (!want.values) {
        fprintf(stderr, "%s/%s: missing\n", name, tensor);
        return false;
    }
    if (scale == 0.0) scale = golden_max(&want);
    const double unit = 0x1p-24 * scale;
    int64_t worst = 0;
    double worst_error = -1.0;
    for (int64_t i = 0; i < want.count; i++) {
        const double error = fabs((double)got[i] - want.values[i]);
        if (error <= worst_error) continue;
        worst = i;
        worst_error = error;
        if (isnan(error)) break;
    }
    const bool good = worst_error <= k * unit;
    if (!good || getenv("GOLDEN_VERBOSE"))
        fprintf(stderr, "%s/%s[%lld]: %.9g for %.9g: off by %.3g units of %.3g, allowed %.3g\n",
                name, tensor, (long long)worst, (double)got[worst], want.values[worst],
                worst_error / unit, unit, k);
    return good;
}
