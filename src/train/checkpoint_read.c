/* SPDX-License-Identifier: MIT */
/* checkpoint_read.c: reads checkpoints as files of unknown origin. Nothing is allocated by a
 * number in the file before that number was compared with the file's size. */
#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/h5.h"
#include "train/checkpoint_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PIECE_BYTES = 1 << 22 };

typedef struct source {
    const char *path;
    hid_t file;
    int64_t bytes; /* of the file */
    rmx_error *error;
} source;

static rmx_status damaged(const source *s, const char *what, const char *why)
{
    return rmx_h5_fail(s->error, RMX_ERR_DATA, "%s: not a usable checkpoint: %s %s", s->path, what,
                       why);
}

/* ---- attributes --------------------------------------------------------------------------- */

/* A scalar of exactly this class and size; anything else is refused before it is read. */
static rmx_status read_attribute(const source *s, hid_t object, const char *name, H5T_class_t kind,
                                 size_t size, hid_t memory_type, void *out)
{
    rmx_status status = RMX_OK;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0) return damaged(s, name, "is missing");
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    if (type < 0 || space < 0 || H5Tget_class(type) != kind || H5Tget_size(type) != size ||
        H5Sget_simple_extent_type(space) != H5S_SCALAR)
        status = damaged(s, name, "has another type");
    else if (H5Aread(attribute, memory_type, out) < 0)
        status = damaged(s, name, "cannot be read");
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

/* A fixed-length string shorter than bytes. */
static rmx_status read_string(const source *s, hid_t object, const char *name, char *out,
                              size_t bytes)
{
    rmx_status status = RMX_OK;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0) return damaged(s, name, "is missing");
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    const size_t size = type < 0 ? 0 : H5Tget_size(type);
    memset(out, 0, bytes);
    if (type < 0 || space < 0 || H5Tget_class(type) != H5T_STRING ||
        H5Tis_variable_str(type) != 0 || size < 1 || size > bytes ||
        H5Sget_simple_extent_type(space) != H5S_SCALAR)
        status = damaged(s, name, "has another type");
    else if (H5Aread(attribute, type, out) < 0 || memchr(out, '\0', bytes) == NULL)
        status = damaged(s, name, "cannot be read");
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

/* ---- datasets ----------------------------------------------------------------------------- */

/* Contiguous, in this file, without filters; elements of this class and size; 1 to 4 sizes whose
 * bytes lie within the file. */
static bool plain(const source *s, hid_t dataset, H5T_class_t kind, size_t size, int32_t *dims,
                  int64_t *shape)
{
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    const hid_t layout = H5Dget_create_plist(dataset);
    hsize_t sizes[4];
    bool fine = type >= 0 && space >= 0 && layout >= 0 && H5Tcommitted(type) == 0 &&
                H5Tget_class(type) == kind && H5Tget_size(type) == size &&
                (size == 1 || H5Tget_order(type) == H5T_ORDER_LE) &&
                H5Pget_layout(layout) == H5D_CONTIGUOUS && H5Pget_external_count(layout) == 0 &&
                H5Pget_nfilters(layout) == 0;
    if (fine) {
        *dims = H5Sget_simple_extent_ndims(space);
        fine = *dims >= 1 && *dims <= 4 && H5Sget_simple_extent_dims(space, sizes, NULL) > 0;
    }
    int64_t bytes = (int64_t)size;
    for (int32_t d = 0; fine && d < *dims; d++) {
        fine = sizes[d] >= 1 && sizes[d] <= (hsize_t)s->bytes &&
               !__builtin_mul_overflow(bytes, (int64_t)sizes[d], &bytes) && bytes <= s->bytes;
        shape[d] = (int64_t)sizes[d];
    }
    /* Space that was never allocated would read as zeros. */
    fine = fine && H5Dget_storage_size(dataset) == (hsize_t)bytes;
    if (layout >= 0) H5Pclose(layout);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    return fine;
}

/* A dataset under a hard link: soft and external links could lead anywhere. */
static hid_t open_plain(const source *s, const char *path, H5T_class_t kind, size_t size,
                        int32_t *dims, int64_t *shape)
{
    H5L_info_t link;
    if (H5Lget_info(s->file, path, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        return -1;
    const hid_t dataset = H5Dopen2(s->file, path, H5P_DEFAULT);
    if (dataset >= 0 && !plain(s, dataset, kind, size, dims, shape)) {
        H5Dclose(dataset);
        return -1;
    }
    return dataset;
}

static rmx_status read_text(const source *s, const char *path, char **out)
{
    int32_t dims = 0;
    int64_t shape[4] = {0};
    rmx_status status = RMX_OK;
    const hid_t dataset = open_plain(s, path, H5T_INTEGER, 1, &dims, shape);
    if (dataset < 0) return damaged(s, path, "is missing or of another kind");
    *out = dims == 1 ? malloc((size_t)shape[0]) : NULL;
    if (dims != 1)
        status = damaged(s, path, "is not a text");
    else if (!*out)
        status = rmx_fail(s->error, RMX_ERR_MEMORY, "%s: out of memory", s->path);
    else if (H5Dread(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, *out) < 0)
        status = damaged(s, path, "cannot be read");
    else if ((*out)[shape[0] - 1] || strlen(*out) + 1 != (size_t)shape[0])
        status = damaged(s, path, "is not a text");
    H5Dclose(dataset);
    return status;
}

static hid_t open_tensor(const source *s, int32_t index, int32_t *dims, int64_t *shape)
{
    char path[32];
    H5L_info_t link;
    snprintf(path, sizeof path, "/tensor/%06d", index);
    if (H5Lget_info(s->file, "/tensor", &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        return -1;
    return open_plain(s, path, H5T_FLOAT, sizeof(float), dims, shape);
}

static rmx_status read_tensor_head(const source *s, int32_t index, rmx_checkpoint_tensor *tensor)
{
    uint8_t parameter = 0;
    char what[48];
    snprintf(what, sizeof what, "/tensor/%06d", index);
    const hid_t dataset = open_tensor(s, index, &tensor->dims, tensor->shape);
    if (dataset < 0) return damaged(s, what, "is missing or of another kind");
    rmx_status status = read_string(s, dataset, "name", tensor->name, sizeof tensor->name);
    if (status == RMX_OK)
        status =
            read_attribute(s, dataset, "parameter", H5T_INTEGER, 1, H5T_NATIVE_UINT8, &parameter);
    if (status == RMX_OK)
        status = read_attribute(s, dataset, "xxh3", H5T_INTEGER, 8, H5T_NATIVE_UINT64,
                                &tensor->checksum);
    tensor->parameter = parameter != 0;
    H5Dclose(dataset);
    return status;
}

/* Reads the values in pieces of whole leading slices; into out, or only for the checksum. */
static rmx_status read_tensor(const source *s, int32_t index, const rmx_checkpoint_tensor *tensor,
                              float *out)
{
    rmx_status status = RMX_OK;
    rmx_checkpoint_tensor found = {.dims = 0};
    const hid_t dataset = open_tensor(s, index, &found.dims, found.shape);
    if (dataset < 0) return damaged(s, tensor->name, "is missing");
    const int64_t slice = rmx_checkpoint_count(tensor) / tensor->shape[0];
    int64_t rows = PIECE_BYTES / (4 * slice);
    rows = rows < 1 ? 1 : rows > tensor->shape[0] ? tensor->shape[0] : rows;
    float *buffer = out ? NULL : malloc((size_t)(rows * slice) * sizeof(float));
    const hid_t space = H5Dget_space(dataset);
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    if (!out && !buffer) status = rmx_fail(s->error, RMX_ERR_MEMORY, "%s: out of memory", s->path);
    for (int64_t row = 0; status == RMX_OK && row < tensor->shape[0]; row += rows) {
        hsize_t start[4] = {(hsize_t)row}, count[4];
        for (int32_t d = 1; d < tensor->dims; d++) count[d] = (hsize_t)tensor->shape[d];
        count[0] = (hsize_t)(tensor->shape[0] - row < rows ? tensor->shape[0] - row : rows);
        float *to = out ? out + row * slice : buffer;
        const hid_t memory = H5Screate_simple(tensor->dims, count, NULL);
        if (memory < 0 ||
            H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
            H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, to) < 0)
            status = damaged(s, tensor->name, "cannot be read");
        else
            XXH3_64bits_update(&state, to, (size_t)count[0] * (size_t)slice * sizeof(float));
        if (memory >= 0) H5Sclose(memory);
    }
    if (status == RMX_OK && XXH3_64bits_digest(&state) != tensor->checksum)
        status = damaged(s, tensor->name, "has another checksum than was written");
    H5Sclose(space);
    H5Dclose(dataset);
    free(buffer);
    return status;
}

/* ---- the file ----------------------------------------------------------------------------- */

static rmx_status open_source(const char *path, source *s, rmx_error *error)
{
    struct stat info;
    *s = (source){.path = path, .file = -1, .error = error};
    if (stat(path, &info) != 0)
        return rmx_fail(error, RMX_ERR_DATA, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return rmx_fail(error, RMX_ERR_DATA, "%s: not a file; a checkpoint ends in .h5", path);
    s->bytes = info.st_size;
    s->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    return s->file < 0 ? damaged(s, "the file", "cannot be opened as HDF5") : RMX_OK;
}

static rmx_status read_scalars(const source *s, rmx_checkpoint *out, uint64_t *checksum)
{
    char format[64];
    uint32_t version = 0;
    int64_t tensors = 0;
    rmx_status status = read_string(s, s->file, "format", format, sizeof format);
    if (status == RMX_OK && strcmp(format, RMX_CHECKPOINT_FORMAT))
        status = damaged(s, "format", "names another kind of file");
    if (status == RMX_OK)
        status = read_attribute(s, s->file, "format_version", H5T_INTEGER, 4, H5T_NATIVE_UINT32,
                                &version);
    if (status == RMX_OK && version != RMX_CHECKPOINT_VERSION)
        return rmx_fail(s->error, RMX_ERR_DATA,
                        "%s: checkpoint format %u; this program reads format %d", s->path, version,
                        RMX_CHECKPOINT_VERSION);
    if (status == RMX_OK)
        status = read_string(s, s->file, "library_version", out->version, sizeof out->version);
    if (status == RMX_OK)
        status = read_attribute(s, s->file, "tensors", H5T_INTEGER, 8, H5T_NATIVE_INT64, &tensors);
    if (status == RMX_OK)
        status = read_attribute(s, s->file, "xxh3", H5T_INTEGER, 8, H5T_NATIVE_UINT64, checksum);
    for (int32_t i = 0; status == RMX_OK && i < RMX_CHECKPOINT_FIELDS; i++) {
        const rmx_checkpoint_field *field = &rmx_checkpoint_fields[i];
        const bool real = field->type == 'd';
        status = read_attribute(s, s->file, field->name, real ? H5T_FLOAT : H5T_INTEGER, 8,
                                real                 ? H5T_NATIVE_DOUBLE
                                : field->type == 'u' ? H5T_NATIVE_UINT64
                                                     : H5T_NATIVE_INT64,
                                (char *)&out->state + field->offset);
    }
    if (status == RMX_OK &&
        (tensors < 0 || tensors > RMX_CHECKPOINT_TENSORS_MAX || tensors * 4 > s->bytes))
        status = damaged(s, "tensors", "is out of range");
    out->tensors = status == RMX_OK ? (int32_t)tensors : 0;
    return status;
}

static rmx_status read_head(const source *s, rmx_checkpoint *out)
{
    uint64_t checksum = 0;
    rmx_status status = read_scalars(s, out, &checksum);
    if (status == RMX_OK) status = read_text(s, "/config", &out->config);
    if (status == RMX_OK) status = read_text(s, "/schema", &out->schema);
    if (status != RMX_OK) return status;
    out->tensor = calloc((size_t)out->tensors + 1, sizeof *out->tensor);
    if (!out->tensor) return rmx_fail(s->error, RMX_ERR_MEMORY, "%s: out of memory", s->path);
    for (int32_t i = 0; status == RMX_OK && i < out->tensors; i++)
        status = read_tensor_head(s, i, &out->tensor[i]);
    if (status == RMX_OK && checksum != rmx_checkpoint_checksum(out))
        status = damaged(s, "the checksum over all", "differs from what was written");
    return status;
}

rmx_status rmx_checkpoint_open(const char *path, rmx_checkpoint *out, rmx_error *error)
{
    source s;
    memset(out, 0, sizeof *out);
    rmx_h5_begin();
    rmx_status status = open_source(path, &s, error);
    if (status == RMX_OK) status = read_head(&s, out);
    if (s.file >= 0) H5Fclose(s.file);
    rmx_h5_end();
    if (status != RMX_OK) rmx_checkpoint_free(out);
    return status;
}

/* Verifies all of the file, then reads the wanted tensors: nothing is written on failure. */
static rmx_status load(const source *s, rmx_checkpoint_tensor *wanted, int32_t count, bool all)
{
    rmx_checkpoint found = {.tensors = 0};
    int32_t *place = malloc(((size_t)count + 1) * sizeof *place);
    rmx_status status = place ? read_head(s, &found)
                              : rmx_fail(s->error, RMX_ERR_MEMORY, "%s: out of memory", s->path);
    for (int32_t i = 0; status == RMX_OK && i < found.tensors; i++)
        status = read_tensor(s, i, &found.tensor[i], NULL);
    for (int32_t w = 0, i = -1; status == RMX_OK && w < count; w++) {
        /* Both lists usually have one order: go on after the last match. That also tells apart
         * names that are equal because they were cut. */
        int32_t tries = 0;
        do i = i + 1 < found.tensors ? i + 1 : 0;
        while (tries++ < found.tensors && strcmp(wanted[w].name, found.tensor[i].name));
        if (tries > found.tensors)
            status = rmx_fail(s->error, RMX_ERR_DATA, "%s: holds no tensor '%s'", s->path,
                              wanted[w].name);
        else if (wanted[w].dims != found.tensor[i].dims ||
                 memcmp(wanted[w].shape, found.tensor[i].shape,
                        (size_t)wanted[w].dims * sizeof(int64_t)))
            status = rmx_fail(s->error, RMX_ERR_DATA,
                              "%s: tensor '%s' has another shape than the model's", s->path,
                              wanted[w].name);
        place[w] = i;
    }
    if (status == RMX_OK && all && count != found.tensors)
        status = rmx_fail(s->error, RMX_ERR_DATA, "%s: holds %d tensors, the model has %d",
                          s->path, found.tensors, count);
    for (int32_t w = 0; status == RMX_OK && w < count; w++)
        status = read_tensor(s, place[w], &found.tensor[place[w]], wanted[w].data);
    rmx_checkpoint_free(&found);
    free(place);
    return status;
}

rmx_status rmx_checkpoint_load(const char *path, rmx_checkpoint_tensor *tensor, int32_t tensors,
                               bool all, rmx_error *error)
{
    source s;
    rmx_h5_begin();
    rmx_status status = open_source(path, &s, error);
    if (status == RMX_OK) status = load(&s, tensor, tensors, all);
    if (s.file >= 0) H5Fclose(s.file);
    rmx_h5_end();
    return status;
}

rmx_status rmx_checkpoint_verify(const char *path, rmx_error *error)
{
    return rmx_checkpoint_load(path, NULL, 0, false, error);
}

void rmx_checkpoint_free(rmx_checkpoint *checkpoint)
{
    free(checkpoint->config);
    free(checkpoint->schema);
    free(checkpoint->tensor);
    memset(checkpoint, 0, sizeof *checkpoint);
}
