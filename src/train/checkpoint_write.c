/* SPDX-License-Identifier: MIT */
/* checkpoint_write.c: writes one checkpoint so that it is either whole or not there.
 *
 * On a full disk H5Fclose can return success, so nothing that HDF5 says is trusted: the file is
 * opened again and every checksum compared before it gets its name. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "data/h5.h"
#include "train/checkpoint_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#ifndef RMX_VERSION
#define RMX_VERSION "0"
#endif

/* ---- pieces of the file; each returns a negative number on failure, as HDF5 does ------------ */

static herr_t write_attribute(hid_t object, const char *name, hid_t file_type, hid_t memory_type,
                              const void *value)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t result = attribute < 0 ? -1 : H5Awrite(attribute, memory_type, value);
    if (attribute >= 0 && H5Aclose(attribute) < 0) result = -1;
    if (H5Sclose(space) < 0) result = -1;
    return result;
}

static herr_t write_string(hid_t object, const char *name, const char *text)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    herr_t result = H5Tset_size(type, strlen(text) + 1);
    if (result >= 0) result = write_attribute(object, name, type, type, text);
    if (H5Tclose(type) < 0) result = -1;
    return result;
}

static herr_t write_array(hid_t file, const char *path, hid_t file_type, hid_t memory_type,
                          int dims, const hsize_t *shape, const void *data, hid_t *dataset)
{
    const hid_t space = H5Screate_simple(dims, shape, NULL);
    *dataset = H5Dcreate2(file, path, file_type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    herr_t result =
        *dataset < 0 ? -1 : H5Dwrite(*dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    if (H5Sclose(space) < 0) result = -1;
    return result;
}

static herr_t write_bytes(hid_t file, const char *path, const char *text)
{
    const hsize_t length = strlen(text) + 1;
    hid_t dataset;
    herr_t result =
        write_array(file, path, H5T_STD_U8LE, H5T_NATIVE_UINT8, 1, &length, text, &dataset);
    if (dataset >= 0 && H5Dclose(dataset) < 0) result = -1;
    return result;
}

static herr_t write_tensor(hid_t file, int32_t index, const rmx_checkpoint_tensor *tensor)
{
    hsize_t shape[4];
    hid_t dataset;
    char path[32];
    const uint8_t parameter = tensor->parameter;
    for (int32_t d = 0; d < tensor->dims; d++) shape[d] = (hsize_t)tensor->shape[d];
    snprintf(path, sizeof path, "/tensor/%06d", index);
    herr_t result = write_array(file, path, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, tensor->dims, shape,
                                tensor->data, &dataset);
    if (result >= 0) result = write_string(dataset, "name", tensor->name);
    if (result >= 0)
        result = write_attribute(dataset, "parameter", H5T_STD_U8LE, H5T_NATIVE_UINT8, &parameter);
    if (result >= 0)
        result =
            write_attribute(dataset, "xxh3", H5T_STD_U64LE, H5T_NATIVE_UINT64, &tensor->checksum);
    if (dataset >= 0 && H5Dclose(dataset) < 0) result = -1;
    return result;
}

static herr_t write_scalars(hid_t file, const rmx_checkpoint *checkpoint)
{
    const uint32_t version = RMX_CHECKPOINT_VERSION;
    const uint64_t checksum = rmx_checkpoint_checksum(checkpoint);
    const int64_t tensors = checkpoint->tensors;
    herr_t result = write_string(file, "format", RMX_CHECKPOINT_FORMAT);
    if (result >= 0)
        result =
            write_attribute(file, "format_version", H5T_STD_U32LE, H5T_NATIVE_UINT32, &version);
    if (result >= 0) result = write_string(file, "library_version", checkpoint->version);
    if (result >= 0)
        result = write_attribute(file, "tensors", H5T_STD_I64LE, H5T_NATIVE_INT64, &tensors);
    if (result >= 0)
        result = write_attribute(file, "xxh3", H5T_STD_U64LE, H5T_NATIVE_UINT64, &checksum);
    for (int32_t i = 0; result >= 0 && i < RMX_CHECKPOINT_FIELDS; i++) {
        const rmx_checkpoint_field *field = &rmx_checkpoint_fields[i];
        const void *value = (const char *)&checkpoint->state + field->offset;
        const hid_t disk = field->type == 'd'   ? H5T_IEEE_F64LE
                           : field->type == 'u' ? H5T_STD_U64LE
                                                : H5T_STD_I64LE;
        const hid_t memory = field->type == 'd'   ? H5T_NATIVE_DOUBLE
                             : field->type == 'u' ? H5T_NATIVE_UINT64
                                                  : H5T_NATIVE_INT64;
        result = write_attribute(file, field->name, disk, memory, value);
    }
    return result;
}

/* ---- the protocol ------------------------------------------------------------------------- */

static rmx_status write_file(const char *path, const rmx_checkpoint *checkpoint, rmx_error *error)
{
    rmx_status status = RMX_OK;
    rmx_h5_begin();
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = -1, group = -1;
    herr_t result = H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    if (result >= 0) file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (file >= 0) group = H5Gcreate2(file, "/tensor", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (group < 0) result = -1;
    if (result >= 0) result = write_bytes(file, "/config", checkpoint->config);
    if (result >= 0) result = write_bytes(file, "/schema", checkpoint->schema);
    for (int32_t i = 0; result >= 0 && i < checkpoint->tensors; i++)
        result = write_tensor(file, i, &checkpoint->tensor[i]);
    if (result >= 0) result = write_scalars(file, checkpoint);
    if (result >= 0) result = H5Fflush(file, H5F_SCOPE_GLOBAL);
    if (result < 0) status = rmx_h5_fail(error, RMX_ERR_DATA, "%s: cannot write", path);
    if (group >= 0 && H5Gclose(group) < 0) result = -1;
    if (file >= 0 && H5Fclose(file) < 0) result = -1;
    if (result < 0 && status == RMX_OK)
        status = rmx_h5_fail(error, RMX_ERR_DATA, "%s: cannot write", path);
    H5Pclose(access);
    rmx_h5_end();
    return status;
}

/* fsync of a file or a folder. */
static rmx_status sync_path(const char *path, rmx_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const int result = fd < 0 ? -1 : fsync(fd);
    const int reason = errno;
    if (fd >= 0) close(fd);
    if (result == 0) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA, "%s: cannot be brought to disk: %s", path,
                    strerror(reason));
}

static void folder_of(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, RMX_CHECKPOINT_PATH_MAX, ".");
    else
        snprintf(folder, RMX_CHECKPOINT_PATH_MAX, "%.*s", (int)(slash - path + 1), path);
}

static rmx_status check_space(const char *folder, const rmx_checkpoint *checkpoint,
                              rmx_error *error)
{
    struct statvfs disk;
    double needed = 1 << 20; /* headers and texts */
    for (int32_t i = 0; i < checkpoint->tensors; i++)
        needed += 4.0 * (double)rmx_checkpoint_count(&checkpoint->tensor[i]) + 1024;
    if (statvfs(folder, &disk) != 0)
        return rmx_fail(error, RMX_ERR_DATA, "%s: cannot write checkpoints here: %s", folder,
                        strerror(errno));
    const double available = (double)disk.f_bavail * (double)disk.f_frsize;
    if (available >= needed) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%s: a checkpoint needs %.1f MB and %.1f MB are free; make room or choose "
                    "another run.dir",
                    folder, needed / 1e6, available / 1e6);
}

/* Checksums, and the checks that concern the caller rather than the disk. */
static rmx_status prepare(rmx_checkpoint *checkpoint, rmx_error *error)
{
    snprintf(checkpoint->version, sizeof checkpoint->version, "%s", RMX_VERSION);
    for (int32_t i = 0; i < checkpoint->tensors; i++) {
        rmx_checkpoint_tensor *tensor = &checkpoint->tensor[i];
        const int64_t count = rmx_checkpoint_count(tensor);
        if (count < 0)
            return rmx_fail(error, RMX_ERR_INTERNAL, "tensor '%s' has no valid shape",
                            tensor->name);
        tensor->checksum = XXH3_64bits(tensor->data, (size_t)count * sizeof(float));
    }
    checkpoint->state.params_xxh3 =
        rmx_checkpoint_params_xxh3(checkpoint->tensor, checkpoint->tensors);
    return RMX_OK;
}

rmx_status rmx_checkpoint_write(const char *path, rmx_checkpoint *checkpoint, rmx_error *error)
{
    char temporary[RMX_CHECKPOINT_PATH_MAX], folder[RMX_CHECKPOINT_PATH_MAX];
    rmx_status status;
    if (snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid()) >=
        (int)sizeof temporary)
        return rmx_fail(error, RMX_ERR_DATA, "%.100s...: the path is too long", path);
    folder_of(path, folder);
    if ((status = prepare(checkpoint, error)) != RMX_OK) return status;
    if ((status = check_space(folder, checkpoint, error)) != RMX_OK) return status;
    if ((status = write_file(temporary, checkpoint, error)) != RMX_OK) goto cleanup;
    if ((status = sync_path(temporary, error)) != RMX_OK) goto cleanup;
    if ((status = rmx_checkpoint_verify(temporary, error)) != RMX_OK) goto cleanup;
    if (rename(temporary, path) != 0) {
        status = rmx_fail(error, RMX_ERR_DATA, "%s: cannot rename to its place: %s", temporary,
                          strerror(errno));
        goto cleanup;
    }
    return sync_path(folder, error);
cleanup:
    unlink(temporary);
    return status;
}
