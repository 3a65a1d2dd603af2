/* SPDX-License-Identifier: MIT */
/* container_write.c: writes a container; see container.h.
 *
 * HDF5 makes the structure and says where each array lies. The bytes of the arrays are written
 * here, so that each error of the file system shows when it happens. (On a full disk H5Fclose can
 * return success.) */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "data/container_head.h"
#include "data/whole_file.h"
#include "data/h5.h"

enum { ALIGNMENT = 64, PIECE = 1 << 20 };

typedef struct writing {
    const char *path, *name, *kind;
    int version;
    rmx_array *array;
    const rmx_array_data *data;
    int32_t arrays;
    rmx_error *error;
    char *index; /* the text, padded */
    int64_t index_bytes;
    rmx_array index_array;
} writing;

static rmx_status out_of_memory(const writing *w)
{
    return rmx_fail(w->error, RMX_ERR_MEMORY, "%.300s: out of memory", w->name);
}

/* ---- The index ------------------------------------------------------------------------------ */

static json_t *array_json(const rmx_array *a, int64_t offset)
{
    char hash[17];
    json_t *shape = json_array();
    int bad = 0;
    for (int32_t d = 0; d < a->dims; d++)
        bad |= json_array_append_new(shape, json_integer(a->shape[d]));
    rmx_hash_text(a->xxh3, hash);
    json_t *out = bad ? NULL
                      : json_pack("{s:s, s:s, s:O, s:I, s:s}", "name", a->name, "type",
                                  rmx_array_type_names[a->type], "shape", shape, "offset",
                                  (json_int_t)offset, "xxh3", hash);
    json_decref(shape);
    if (!out || !a->record_bytes ||
        json_object_set_new(out, "record_bytes", json_integer(a->record_bytes)) == 0)
        return out;
    json_decref(out);
    return NULL;
}

/* The text of the index. longest: with the longest offsets that there can be, else with those of
 * the arrays. */
static char *index_text(const writing *w, const json_t *about, bool longest)
{
    json_t *index = json_object(), *list = json_array();
    char *text = NULL;
    /* json_copy leaves entries out without an error where memory is out */
    int bad = !index || !list || json_object_update(index, (json_t *)(uintptr_t)about);
    for (int32_t i = 0; i < w->arrays && !bad; i++)
        bad |= json_array_append_new(
            list, array_json(&w->array[i], longest ? INT64_MAX : w->array[i].offset));
    if (!bad) bad |= json_object_set(index, "arrays", list);
    if (!bad) text = json_dumps(index, JSON_COMPACT);
    json_decref(list);
    json_decref(index);
    return text;
}

static rmx_status reserve_index(writing *w, const json_t *about)
{
    char *text = index_text(w, about, true);
    if (!text) return out_of_memory(w);
    w->index_bytes = (int64_t)strlen(text) + 1;
    free(text);
    if (w->index_bytes > RMX_INDEX_MAX)
        return rmx_fail(w->error, RMX_ERR_DATA, "%.300s: its index would be over 256 MiB",
                        w->name);
    w->index = malloc((size_t)w->index_bytes);
    if (!w->index) return out_of_memory(w);
    w->index_array =
        (rmx_array){.name = "/index", .type = RMX_ARRAY_U8, .dims = 1, .shape = {w->index_bytes}};
    return RMX_OK;
}

static rmx_status fill_index(const writing *w, const json_t *about)
{
    char *text = index_text(w, about, false);
    if (!text) return out_of_memory(w);
    const size_t n = strlen(text);
    memset(w->index, ' ', (size_t)w->index_bytes);
    memcpy(w->index, text, n);
    w->index[w->index_bytes - 1] = '\n';
    free(text);
    return RMX_OK;
}

/* ---- The structure, by HDF5 ----------------------------------------------------------------- */

static hid_t text_record(const rmx_array *a, const rmx_array_data *data)
{
    const hid_t record = H5Tcreate(H5T_COMPOUND, (size_t)a->record_bytes);
    size_t at = 0;
    bool good = record >= 0;
    for (int32_t i = 0; i < data->texts && good; i++) {
        const hid_t text = H5Tcopy(H5T_C_S1);
        good = text >= 0 && H5Tset_size(text, (size_t)data->text_bytes[i]) >= 0 &&
               H5Tset_strpad(text, H5T_STR_NULLPAD) >= 0 &&
               H5Tset_cset(text, H5T_CSET_UTF8) >= 0 &&
               H5Tinsert(record, data->text_names[i], at, text) >= 0;
        at += (size_t)data->text_bytes[i];
        if (text >= 0) (void)H5Tclose(text);
    }
    if (good) return record;
    if (record >= 0) (void)H5Tclose(record);
    return H5I_INVALID_HID;
}

static hid_t type_of(const rmx_array *a, const rmx_array_data *data)
{
    switch (a->type) {
    case RMX_ARRAY_U8: return H5Tcopy(H5T_STD_U8LE);
    case RMX_ARRAY_U32: return H5Tcopy(H5T_STD_U32LE);
    case RMX_ARRAY_U64: return H5Tcopy(H5T_STD_U64LE);
    case RMX_ARRAY_F32: return H5Tcopy(H5T_IEEE_F32LE);
    case RMX_ARRAY_BF16: return H5Tcopy(H5T_STD_U16LE);
    default: return text_record(a, data);
    }
}

/* Makes the group of "/group/name" unless it is there. Here and below HDF5 keeps no times, so that
 * equal content gives equal files. */
static bool create_group(hid_t file, const char *array)
{
    char name[RMX_CONTAINER_NAME + 1];
    const char *slash = strrchr(array, '/');
    if (slash == array) return true;
    snprintf(name, sizeof name, "%.*s", (int)(slash - array), array);
    const htri_t there = H5Lexists(file, name, H5P_DEFAULT);
    if (there != 0) return there > 0;
    const hid_t how = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = H5I_INVALID_HID;
    if (how >= 0 && H5Pset_obj_track_times(how, false) >= 0)
        group = H5Gcreate2(file, name, H5P_DEFAULT, how, H5P_DEFAULT);
    if (how >= 0) (void)H5Pclose(how);
    return group >= 0 && H5Gclose(group) >= 0;
}

static bool create_array(hid_t file, rmx_array *a, const rmx_array_data *data)
{
    hsize_t shape[4];
    for (int32_t d = 0; d < a->dims; d++) shape[d] = (hsize_t)a->shape[d];
    const hid_t type = type_of(a, data), space = H5Screate_simple(a->dims, shape, NULL);
    const hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    hid_t set = H5I_INVALID_HID;
    if (type >= 0 && space >= 0 && how >= 0 && H5Pset_layout(how, H5D_CONTIGUOUS) >= 0 &&
        H5Pset_alloc_time(how, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(how, H5D_FILL_TIME_NEVER) >= 0 && H5Pset_obj_track_times(how, false) >= 0)
        set = H5Dcreate2(file, a->name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    bool good = set >= 0;
    a->offset = 0;
    if (good && rmx_array_bytes(a) > 0) {
        const haddr_t offset = H5Dget_offset(set);
        good = offset != HADDR_UNDEF;
        a->offset = (int64_t)offset;
    }
    if (set >= 0 && H5Dclose(set) < 0) good = false;
    if (how >= 0) (void)H5Pclose(how);
    if (space >= 0) (void)H5Sclose(space);
    if (type >= 0) (void)H5Tclose(type);
    return good;
}

static hid_t create_file(const char *path)
{
    const hid_t create = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = H5I_INVALID_HID;
    /* no lock: a file never changes once it has its name, and some file systems have no locks */
    if (create >= 0 && access >= 0 && H5Pset_userblock(create, RMX_CONTAINER_HEAD) >= 0 &&
        H5Pset_obj_track_times(create, false) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST) >= 0 &&
        H5Pset_alignment(access, ALIGNMENT, ALIGNMENT) >= 0 &&
        H5Pset_file_locking(access, false, true) >= 0)
        file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
    if (access >= 0) (void)H5Pclose(access);
    if (create >= 0) (void)H5Pclose(create);
    return file;
}

/* Fills in the offsets. */
static rmx_status write_structure(writing *w)
{
    rmx_status status = RMX_OK;
    rmx_h5_begin();
    const hid_t file = create_file(w->path);
    bool good = file >= 0;
    for (int32_t i = 0; i < w->arrays && good; i++)
        good =
            create_group(file, w->array[i].name) && create_array(file, &w->array[i], &w->data[i]);
    good = good && create_array(file, &w->index_array, NULL);
    if (!good) status = rmx_h5_fail(w->error, "%.300s: cannot write", w->name);
    if (file >= 0 && H5Fclose(file) < 0 && status == RMX_OK)
        status = rmx_h5_fail(w->error, "%.300s: cannot write", w->name);
    (void)H5Eclear2(H5E_DEFAULT);
    rmx_h5_end();
    return status;
}

/* ---- The bytes ------------------------------------------------------------------------------ */

static rmx_status write_at(const writing *w, int fd, const void *from, int64_t bytes,
                           int64_t offset)
{
    return rmx_write_fully(fd, w->name, from, bytes, offset, w->error);
}

static rmx_status copy_file(const writing *w, int from, int fd, int64_t bytes, int64_t offset)
{
    char *piece = malloc(PIECE);
    rmx_status status = piece ? RMX_OK : out_of_memory(w);
    for (int64_t at = 0; at < bytes && status == RMX_OK; at += PIECE) {
        const int64_t n = bytes - at < PIECE ? bytes - at : PIECE;
        status = rmx_read_fully(from, w->name, piece, n, at, w->error);
        if (status == RMX_OK) status = write_at(w, fd, piece, n, offset + at);
    }
    free(piece);
    return status;
}

static rmx_status write_head(const writing *w, int fd)
{
    struct stat info;
    char head[RMX_CONTAINER_HEAD];
    rmx_extent *extent = calloc((size_t)w->arrays + 1, sizeof *extent);
    if (!extent) return out_of_memory(w);
    for (int32_t i = 0; i < w->arrays; i++)
        extent[i] = (rmx_extent){w->array[i].offset, rmx_array_bytes(&w->array[i])};
    extent[w->arrays] = (rmx_extent){w->index_array.offset, w->index_bytes};
    rmx_container_head h = {.index_offset = w->index_array.offset,
                            .index_bytes = w->index_bytes,
                            .index_xxh3 = XXH3_64bits(w->index, (size_t)w->index_bytes)};
    rmx_status status = RMX_OK;
    if (fstat(fd, &info) != 0)
        status = rmx_fail_system(w->error, errno, "%.300s: cannot write", w->name);
    h.file_bytes = (int64_t)info.st_size;
    if (status == RMX_OK)
        status = rmx_container_rest(fd, w->name, h.file_bytes, extent, w->arrays + 1, &h.rest_xxh3,
                                    w->error);
    free(extent);
    if (status != RMX_OK) return status;
    rmx_container_head_print(&h, w->kind, w->version, head);
    return write_at(w, fd, head, sizeof head, 0);
}

static rmx_status write_bytes(const writing *w)
{
    const int fd = open(w->path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return rmx_fail_system(w->error, errno, "%.300s: cannot write", w->name);
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < w->arrays && status == RMX_OK; i++) {
        const rmx_array *a = &w->array[i];
        status = w->data[i].memory
                     ? write_at(w, fd, w->data[i].memory, rmx_array_bytes(a), a->offset)
                     : copy_file(w, w->data[i].fd, fd, rmx_array_bytes(a), a->offset);
    }
    if (status == RMX_OK)
        status = write_at(w, fd, w->index, w->index_bytes, w->index_array.offset);
    if (status == RMX_OK) status = write_head(w, fd);
    if (status == RMX_OK && fsync(fd) != 0)
        status = rmx_fail_system(w->error, errno, "%.300s: cannot be brought to disk", w->name);
    if (close(fd) != 0 && status == RMX_OK)
        status = rmx_fail_system(w->error, errno, "%.300s: cannot write", w->name);
    return status;
}

/* Opens the file as a reader does and compares every checksum. */
static rmx_status look_again(const writing *w)
{
    rmx_container c;
    rmx_status status =
        rmx_container_open(w->path, w->kind, w->version, "write it anew", &c, w->error);
    if (status != RMX_OK) return status;
    for (int32_t i = 0; i < c.arrays && status == RMX_OK; i++)
        status = rmx_container_load(&c, &c.array[i], NULL, w->error);
    rmx_container_close(&c);
    return status;
}

rmx_status rmx_container_write(const char *path, const char *name, const char *kind, int version,
                               rmx_array *array, const rmx_array_data *data, int32_t arrays,
                               const json_t *about, rmx_error *error)
{
    writing w = {.path = path,
                 .name = name,
                 .kind = kind,
                 .version = version,
                 .array = array,
                 .data = data,
                 .arrays = arrays,
                 .error = error};
    rmx_status status = reserve_index(&w, about);
    if (status == RMX_OK) status = write_structure(&w);
    if (status == RMX_OK) status = fill_index(&w, about);
    if (status == RMX_OK) status = write_bytes(&w);
    if (status == RMX_OK) status = look_again(&w);
    free(w.index);
    return status;
}
