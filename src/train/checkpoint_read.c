/* SPDX-License-Identifier: MIT */
/* checkpoint_read.c: reads checkpoints as files of unknown origin. The container (container.h) has
 * already compared every size with the size of the file, and everything but the arrays with a
 * checksum. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/schema_json.h"
#include "train/checkpoint_format.h"

enum { PIECE = 1 << 20 };

typedef struct source {
    rmx_container container;
    rmx_error *error;
} source;

static rmx_status damaged(const source *s, const char *what)
{
    return rmx_container_refuse(&s->container, s->error, "its index has no usable '%s'", what);
}

static rmx_status out_of_memory(const source *s)
{
    return rmx_fail(s->error, RMX_ERR_MEMORY, "%.300s: out of memory", s->container.path);
}

static rmx_status open_source(const char *path, source *s, rmx_error *error)
{
    s->error = error;
    rmx_status status = rmx_container_open(path, RMX_CHECKPOINT_KIND, RMX_CHECKPOINT_VERSION,
                                           RMX_CHECKPOINT_FIX, &s->container, error);
    if (status != RMX_OK) return status;
    status = rmx_container_requires(&s->container, error);
    if (status != RMX_OK) rmx_container_close(&s->container);
    return status;
}

static rmx_status read_state(const source *s, rmx_checkpoint_state *out)
{
    const json_t *state = json_object_get(s->container.index, "state");
    for (int32_t i = 0; i < RMX_CHECKPOINT_FIELDS; i++) {
        const rmx_checkpoint_field *field = &rmx_checkpoint_fields[i];
        void *value = (char *)out + field->offset;
        const bool good = field->type == 'i'
                              ? rmx_json_get_int(state, field->name, INT64_MIN, INT64_MAX, value)
                          : field->type == 'u' ? rmx_json_get_hash(state, field->name, value)
                                               : rmx_json_get_real(state, field->name, value);
        if (!good) return damaged(s, field->name);
    }
    return RMX_OK;
}

static rmx_status read_tensor_head(const source *s, const json_t *from, int32_t index,
                                   rmx_checkpoint_tensor *out)
{
    const char *name, *array;
    char expected[RMX_CONTAINER_NAME + 1];
    const rmx_array *a = NULL;
    rmx_checkpoint_array_name(index, expected);
    if (!rmx_json_get_text(from, "name", &name) || strlen(name) >= sizeof out->name ||
        !rmx_json_get_bool(from, "parameter", &out->parameter) ||
        !rmx_json_get_text(from, "array", &array) || strcmp(array, expected) != 0)
        return damaged(s, "tensors");
    for (int32_t dims = 1; dims <= 4 && !a; dims++) {
        a = rmx_container_find(&s->container, array, RMX_ARRAY_F32, dims);
        if (!a) a = rmx_container_find(&s->container, array, RMX_ARRAY_BF16, dims);
    }
    if (!a) return damaged(s, array);
    memcpy(out->name, name, strlen(name) + 1);
    memcpy(out->shape, a->shape, sizeof a->shape);
    out->dims = a->dims;
    out->type = a->type;
    out->checksum = a->xxh3;
    return rmx_checkpoint_count(out) < 0 ? damaged(s, array) : RMX_OK;
}

static rmx_status read_tensor_heads(const source *s, rmx_checkpoint *out)
{
    const json_t *list = json_object_get(s->container.index, "tensors");
    const size_t count = json_array_size(list);
    rmx_status status = RMX_OK;
    if (!json_is_array(list) || count > RMX_CHECKPOINT_TENSORS_MAX) return damaged(s, "tensors");
    out->tensor = calloc(count + 1, sizeof *out->tensor);
    if (!out->tensor) return out_of_memory(s);
    for (size_t i = 0; i < count && status == RMX_OK; i++, out->tensors++)
        status = read_tensor_head(s, json_array_get(list, i), (int32_t)i, &out->tensor[i]);
    return status;
}

static rmx_status read_text(const source *s, const char *name, char **out)
{
    const rmx_array *a = rmx_container_find(&s->container, name, RMX_ARRAY_U8, 1);
    if (!a || rmx_array_bytes(a) > RMX_SCHEMA_TEXT_MAX) return damaged(s, name);
    free(*out);
    *out = NULL;
    return rmx_container_text(&s->container, a, out, s->error);
}

static rmx_status read_head(const source *s, rmx_checkpoint *out)
{
    const json_t *index = s->container.index;
    const char *version;
    if (!rmx_json_get_text(index, "library", &version) || strlen(version) >= sizeof out->version)
        return damaged(s, "library");
    memcpy(out->version, version, strlen(version) + 1);
    if (!rmx_json_get_int(index, "numerics", 1, INT32_MAX, &out->numerics))
        return damaged(s, "numerics");
    rmx_status status = read_state(s, &out->state);
    if (status != RMX_OK) return status;
    out->schema = calloc(1, sizeof *out->schema);
    if (!out->schema) return out_of_memory(s);
    status = rmx_schema_from_json(json_object_get(index, "schema"), s->container.path, out->schema,
                                  s->error);
    if (status == RMX_OK) status = read_text(s, "/spec", &out->schema->spec);
    if (status == RMX_OK) status = read_text(s, "/config", &out->config);
    return status == RMX_OK ? read_tensor_heads(s, out) : status;
}

rmx_status rmx_checkpoint_open(const char *path, rmx_checkpoint *out, rmx_error *error)
{
    source s;
    memset(out, 0, sizeof *out);
    rmx_status status = open_source(path, &s, error);
    if (status != RMX_OK) return status;
    status = read_head(&s, out);
    rmx_container_close(&s.container);
    if (status != RMX_OK) rmx_checkpoint_free(out);
    return status;
}

static const rmx_array *array_of(const source *s, const rmx_checkpoint *found, int32_t tensor)
{
    char name[RMX_CONTAINER_NAME + 1];
    rmx_checkpoint_array_name(tensor, name);
    return rmx_container_find(&s->container, name, found->tensor[tensor].type,
                              found->tensor[tensor].dims);
}

/* Finds each wanted tensor among those of the file. Both lists usually have the same order, so the
 * search continues after the last match. This also distinguishes names that are equal because they
 * were cut. */
static rmx_status match(const source *s, const rmx_checkpoint *found,
                        const rmx_checkpoint_tensor *wanted, int32_t count, int32_t *place)
{
    const char *path = s->container.path;
    for (int32_t w = 0, i = -1; w < count; w++) {
        int32_t tries = 0;
        do i = i + 1 < found->tensors ? i + 1 : 0;
        while (tries++ < found->tensors && strcmp(wanted[w].name, found->tensor[i].name));
        if (tries > found->tensors)
            return rmx_fail(s->error, RMX_ERR_DATA, "%.300s: holds no tensor '%s'", path,
                            wanted[w].name);
        if (found->tensor[i].type != RMX_ARRAY_F32)
            return rmx_fail(s->error, RMX_ERR_DATA,
                            "%.300s: tensor '%s' is not in fp32, which this version needs", path,
                            wanted[w].name);
        if (wanted[w].dims != found->tensor[i].dims ||
            memcmp(wanted[w].shape, found->tensor[i].shape,
                   (size_t)wanted[w].dims * sizeof(int64_t)) != 0)
            return rmx_fail(s->error, RMX_ERR_DATA,
                            "%.300s: tensor '%s' has another shape than the model's", path,
                            wanted[w].name);
        place[w] = i;
    }
    return RMX_OK;
}

/* Adds the bytes of a parameter to the hash of all parameters and compares them with the checksum
 * of the parameter. */
static rmx_status verify_parameter(const source *s, const rmx_array *a, char *piece,
                                   XXH3_state_t *own, XXH3_state_t *all)
{
    const int64_t bytes = rmx_array_bytes(a);
    rmx_status status = RMX_OK;
    (void)XXH3_64bits_reset(own);
    for (int64_t at = 0; at < bytes && status == RMX_OK; at += PIECE) {
        const int64_t n = bytes - at < PIECE ? bytes - at : PIECE;
        status = rmx_container_read(&s->container, a, at, n, piece, s->error);
        if (status != RMX_OK) break;
        (void)XXH3_64bits_update(own, piece, (size_t)n);
        (void)XXH3_64bits_update(all, piece, (size_t)n);
    }
    if (status == RMX_OK && XXH3_64bits_digest(own) != a->xxh3)
        status = rmx_container_refuse(&s->container, s->error,
                                      "%s has another checksum than was written", a->name);
    return status;
}

/* params_xxh3 identifies a run, so it has to be the hash of these parameters. */
static rmx_status verify_parameters(const source *s, const rmx_checkpoint *found)
{
    char *piece = malloc(PIECE);
    XXH3_state_t *own = XXH3_createState(), *all = XXH3_createState();
    rmx_status status =
        piece && own && all && XXH3_64bits_reset(all) == XXH_OK ? RMX_OK : out_of_memory(s);
    for (int32_t i = 0; i < found->tensors && status == RMX_OK; i++)
        if (found->tensor[i].parameter)
            status = verify_parameter(s, array_of(s, found, i), piece, own, all);
    if (status == RMX_OK && XXH3_64bits_digest(all) != found->state.params_xxh3)
        status = rmx_container_refuse(&s->container, s->error,
                                      "its parameters do not match its params_xxh3");
    XXH3_freeState(all);
    XXH3_freeState(own);
    free(piece);
    return status;
}

static bool is_parameter(const rmx_checkpoint *found, const char *name)
{
    char expected[RMX_CONTAINER_NAME + 1];
    if (strncmp(name, "/tensor/", 8) != 0) return false;
    const long i = strtol(name + 8, NULL, 10);
    if (i < 0 || i >= found->tensors || !found->tensor[i].parameter) return false;
    rmx_checkpoint_array_name((int32_t)i, expected);
    return strcmp(name, expected) == 0;
}

/* Verifies the whole file, then reads the wanted tensors. Nothing is written on failure. */
static rmx_status load(const source *s, rmx_checkpoint_tensor *wanted, int32_t count, bool all)
{
    rmx_checkpoint found = {.tensors = 0};
    int32_t *place = malloc(((size_t)count + 1) * sizeof *place);
    rmx_status status = place ? read_head(s, &found) : out_of_memory(s);
    for (int32_t i = 0; status == RMX_OK && i < s->container.arrays; i++)
        if (!is_parameter(&found, s->container.array[i].name))
            status = rmx_container_load(&s->container, &s->container.array[i], NULL, s->error);
    if (status == RMX_OK) status = verify_parameters(s, &found);
    if (status == RMX_OK) status = match(s, &found, wanted, count, place);
    if (status == RMX_OK && all && count != found.tensors)
        status = rmx_fail(s->error, RMX_ERR_DATA, "%.300s: holds %d tensors, the model has %d",
                          s->container.path, found.tensors, count);
    for (int32_t w = 0; status == RMX_OK && w < count; w++)
        status = rmx_container_load(&s->container, array_of(s, &found, place[w]), wanted[w].data,
                                    s->error);
    rmx_checkpoint_free(&found);
    free(place);
    return status;
}

rmx_status rmx_checkpoint_load(const char *path, rmx_checkpoint_tensor *tensor, int32_t tensors,
                               bool all, rmx_error *error)
{
    source s;
    rmx_status status = open_source(path, &s, error);
    if (status != RMX_OK) return status;
    status = load(&s, tensor, tensors, all);
    rmx_container_close(&s.container);
    return status;
}

rmx_status rmx_checkpoint_verify(const char *path, rmx_error *error)
{
    return rmx_checkpoint_load(path, NULL, 0, false, error);
}

void rmx_checkpoint_free(rmx_checkpoint *checkpoint)
{
    rmx_schema_free(checkpoint->schema);
    free(checkpoint->schema);
    free(checkpoint->config);
    free(checkpoint->tensor);
    memset(checkpoint, 0, sizeof *checkpoint);
}
