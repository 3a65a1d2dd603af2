/* SPDX-License-Identifier: MIT */
/* checkpoint_write.c: writes a checkpoint that is complete or does not appear at all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "data/schema_json.h"
#include "data/whole_file.h"
#include "kernels/numerics.h"
#include "train/checkpoint_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#ifndef RMX_VERSION
#define RMX_VERSION "0"
#endif

static json_t *state_json(const rmx_checkpoint *c)
{
    json_t *state = json_object();
    int bad = !state;
    for (int32_t i = 0; i < RMX_CHECKPOINT_FIELDS; i++) {
        const rmx_checkpoint_field *field = &rmx_checkpoint_fields[i];
        const void *value = (const char *)&c->state + field->offset;
        if (field->type == 'i')
            bad |= json_object_set_new(state, field->name, json_integer(*(const int64_t *)value));
        if (field->type == 'u')
            bad |= rmx_json_set_hash(state, field->name, *(const uint64_t *)value);
        if (field->type == 'd')
            bad |= rmx_json_set_real(state, field->name, *(const double *)value);
    }
    if (!bad) return state;
    json_decref(state);
    return NULL;
}

/* The names and roles of the tensors, in the order of the arrays. */
static json_t *tensors_json(const rmx_checkpoint *c)
{
    json_t *list = json_array();
    int bad = !list;
    for (int32_t i = 0; i < c->tensors && !bad; i++) {
        char array[RMX_CONTAINER_NAME + 1];
        json_t *tensor = json_object();
        rmx_checkpoint_array_name(i, array);
        bad |= json_object_set_new(tensor, "array", json_string(array));
        bad |= json_object_set_new(tensor, "name", json_string(c->tensor[i].name));
        bad |= json_object_set_new(tensor, "parameter", json_boolean(c->tensor[i].parameter));
        bad |= json_array_append_new(list, tensor);
    }
    if (!bad) return list;
    json_decref(list);
    return NULL;
}

static json_t *about_json(const rmx_checkpoint *c)
{
    json_t *about = json_object();
    int bad = json_object_set_new(about, "requires", json_array());
    bad |= json_object_set_new(about, "library", json_string(c->version));
    bad |= json_object_set_new(about, "numerics", json_integer(c->numerics));
    bad |= json_object_set_new(about, "state", state_json(c));
    bad |= json_object_set_new(about, "schema", rmx_schema_to_json(c->schema));
    bad |= json_object_set_new(about, "tensors", tensors_json(c));
    if (!bad) return about;
    json_decref(about);
    return NULL;
}

static void add_text(rmx_array *array, rmx_array_data *data, const char *name, const char *text)
{
    *array = (rmx_array){.type = RMX_ARRAY_U8, .dims = 1, .shape = {(int64_t)strlen(text)}};
    snprintf(array->name, sizeof array->name, "%s", name);
    array->xxh3 = XXH3_64bits(text, strlen(text));
    *data = (rmx_array_data){.memory = text, .fd = -1};
}

/* ---- the file -------------------------------------------------------------------------------- */

static rmx_status write_file(const char *temporary, const char *path, const rmx_checkpoint *c,
                             rmx_error *error)
{
    const size_t room = (size_t)c->tensors + 2;
    rmx_array *array = calloc(room, sizeof *array);
    rmx_array_data *data = calloc(room, sizeof *data);
    json_t *about = about_json(c);
    rmx_status status = array && data && about
                            ? RMX_OK
                            : rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", path);
    for (int32_t i = 0; i < c->tensors && status == RMX_OK; i++) {
        const rmx_checkpoint_tensor *t = &c->tensor[i];
        array[i] = (rmx_array){.type = t->type, .dims = t->dims, .xxh3 = t->checksum};
        memcpy(array[i].shape, t->shape, sizeof t->shape);
        rmx_checkpoint_array_name(i, array[i].name);
        data[i] = (rmx_array_data){.memory = t->data, .fd = -1};
    }
    if (status == RMX_OK) {
        add_text(&array[c->tensors], &data[c->tensors], "/config", c->config);
        add_text(&array[c->tensors + 1], &data[c->tensors + 1], "/spec", c->schema->spec);
        status = rmx_container_write(temporary, path, RMX_CHECKPOINT_KIND, RMX_CHECKPOINT_VERSION,
                                     array, data, c->tensors + 2, about, error);
    }
    json_decref(about);
    free(data);
    free(array);
    return status;
}

static rmx_status check_space(const char *path, const rmx_checkpoint *checkpoint, rmx_error *error)
{
    struct statvfs disk;
    double needed = 1 << 20; /* headers and texts */
    for (int32_t i = 0; i < checkpoint->tensors; i++)
        needed += 4.0 * (double)rmx_checkpoint_count(&checkpoint->tensor[i]) + 1024;
    char *folder = rmx_folder_of(path);
    if (!folder) return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", path);
    rmx_status status = RMX_OK;
    if (statvfs(folder, &disk) != 0)
        status = rmx_fail_system(error, errno, "%s/: cannot write checkpoints here", folder);
    const double available = (double)disk.f_bavail * (double)disk.f_frsize;
    if (status == RMX_OK && available < needed)
        status = rmx_fail(error, RMX_ERR_DATA,
                          "%s: a checkpoint needs %.1f MB and %.1f MB are free; make room or "
                          "choose another run.dir",
                          folder, needed / 1e6, available / 1e6);
    free(folder);
    return status;
}

/* Fills in version and checksums; checks the shapes. */
static rmx_status prepare(rmx_checkpoint *checkpoint, rmx_error *error)
{
    snprintf(checkpoint->version, sizeof checkpoint->version, "%s", RMX_VERSION);
    checkpoint->numerics = RMX_NUMERICS_CONTRACT;
    for (int32_t i = 0; i < checkpoint->tensors; i++) {
        rmx_checkpoint_tensor *tensor = &checkpoint->tensor[i];
        const int64_t count = rmx_checkpoint_count(tensor);
        tensor->type = RMX_ARRAY_F32;
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
    rmx_status status = prepare(checkpoint, error);
    if (status == RMX_OK) status = check_space(path, checkpoint, error);
    if (status != RMX_OK) return status;
    char *temporary = rmx_temporary_name(path);
    if (!temporary) return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", path);
    status = write_file(temporary, path, checkpoint, error);
    if (status == RMX_OK) status = rmx_put_in_place(temporary, path, error);
    if (status != RMX_OK) (void)unlink(temporary);
    free(temporary);
    return status;
}
