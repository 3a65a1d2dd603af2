/* SPDX-License-Identifier: MIT */
/* container_read.c: opens a container and believes nothing in it; see container.h.
 *
 * The head must be, byte for byte, what the writer prints for its numbers. The index must have the
 * checksum in the head. Each number in the index is compared with the size of the file before it
 * is used, so allocations are at most a small multiple of that size. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "data/container_head.h"
#include "data/whole_file.h"

enum { PIECE = 1 << 20 };

/* What opening needs. fix: how to make such a file. */
typedef struct opening {
    rmx_container *c;
    const char *kind, *fix;
    int version;
    rmx_error *error;
} opening;

rmx_status rmx_container_refuse(const rmx_container *c, rmx_error *error, const char *format, ...)
{
    char what[600];
    va_list args;
    va_start(args, format);
    if (vsnprintf(what, sizeof what, format, args) < 0) what[0] = '\0';
    va_end(args);
    return rmx_fail(error, RMX_ERR_DATA, "%.300s: %s; the file is damaged or was changed", c->path,
                    what);
}

static bool holds(const char *bytes, size_t n, const char *word)
{
    return memmem(bytes, n, word, strlen(word)) != NULL;
}

/* Says what a file is that has no head of ours. Format version 1 was plain HDF5; it has "rankmixer
 * dataset" or "rankmixer checkpoint" in its metadata, usually near one end of the file. */
static rmx_status name_foreign(const opening *o, const char *head, int64_t n)
{
    enum { LOOK = 1 << 18 };
    const rmx_container *c = o->c;
    const bool hdf5 = n >= 8 && memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0;
    bool ours = false;
    char *look = hdf5 ? malloc(LOOK) : NULL;
    for (int end = 0; look && end < 2 && !ours; end++) {
        const int64_t bytes = c->bytes < LOOK ? c->bytes : LOOK;
        if (rmx_read_fully(c->fd, c->path, look, bytes, end ? c->bytes - bytes : 0, NULL) ==
            RMX_OK)
            ours = holds(look, (size_t)bytes, "rankmixer ");
    }
    free(look);
    if (ours)
        return rmx_fail(o->error, RMX_ERR_DATA,
                        "%.300s: is of format version 1, which is no longer read: %s", c->path,
                        o->fix);
    if (hdf5)
        return rmx_fail(o->error, RMX_ERR_DATA,
                        "%.300s: is an HDF5 file that another program wrote or changed: write its "
                        "rows as a text table and use rmx-data import",
                        c->path);
    return rmx_fail(o->error, RMX_ERR_DATA, "%.300s: is no rankmixer %s: %s", c->path, o->kind,
                    o->fix);
}

static rmx_status read_head(const opening *o, rmx_container_head *head)
{
    char found[RMX_CONTAINER_HEAD + 1] = "", expected[RMX_CONTAINER_HEAD], kind[32] = "";
    const rmx_container *c = o->c;
    int version = 0;
    const int64_t n = c->bytes < RMX_CONTAINER_HEAD ? c->bytes : RMX_CONTAINER_HEAD;
    rmx_status status = rmx_read_fully(c->fd, c->path, found, n, 0, o->error);
    if (status != RMX_OK) return status;
    if (n < RMX_CONTAINER_HEAD || sscanf(found, "rankmixer %31s %d\n", kind, &version) != 2)
        return name_foreign(o, found, n);
    if (strcmp(kind, o->kind) != 0 &&
        (strcmp(kind, "dataset") == 0 || strcmp(kind, "checkpoint") == 0))
        return rmx_fail(o->error, RMX_ERR_DATA, "%.300s: is a %s; a %s is needed here", c->path,
                        kind, o->kind);
    if (strcmp(kind, o->kind) == 0 && version != o->version && version > 0)
        return rmx_fail(o->error, RMX_ERR_DATA,
                        "%.300s: is of format version %d; this program reads version %d: %s",
                        c->path, version, o->version, o->fix);
    long long numbers[3];
    unsigned long long hashes[2];
    const char *second = strchr(found, '\n');
    if (!second || sscanf(second + 1, "file %20lld\nindex %20lld %20lld %16llx\nrest %16llx\n",
                          &numbers[0], &numbers[1], &numbers[2], &hashes[0], &hashes[1]) != 5)
        return rmx_container_refuse(c, o->error, "its head cannot be read");
    *head = (rmx_container_head){numbers[0], numbers[1], numbers[2], hashes[0], hashes[1]};
    rmx_container_head_print(head, o->kind, o->version, expected);
    if (memcmp(found, expected, sizeof expected) != 0)
        return rmx_container_refuse(c, o->error, "its head has another checksum than was written");
    if (head->file_bytes != c->bytes)
        return rmx_container_refuse(c, o->error, "it has %lld bytes, %lld were written",
                                    (long long)c->bytes, (long long)head->file_bytes);
    if (head->index_offset < RMX_CONTAINER_HEAD || head->index_bytes < 2 ||
        head->index_bytes > RMX_INDEX_MAX || head->index_bytes > c->bytes - head->index_offset)
        return rmx_container_refuse(c, o->error, "its index lies outside");
    return RMX_OK;
}

static rmx_status read_index(const opening *o, const rmx_container_head *head)
{
    rmx_container *c = o->c;
    json_error_t why;
    char *text = malloc((size_t)head->index_bytes);
    if (!text) return rmx_fail(o->error, RMX_ERR_MEMORY, "%.300s: out of memory", c->path);
    rmx_status status =
        rmx_read_fully(c->fd, c->path, text, head->index_bytes, head->index_offset, o->error);
    if (status == RMX_OK && XXH3_64bits(text, (size_t)head->index_bytes) != head->index_xxh3)
        status =
            rmx_container_refuse(c, o->error, "its index has another checksum than was written");
    if (status == RMX_OK) {
        c->index = json_loadb(text, (size_t)head->index_bytes, JSON_REJECT_DUPLICATES, &why);
        if (!c->index && json_error_code(&why) == json_error_out_of_memory)
            status = rmx_fail(o->error, RMX_ERR_MEMORY, "%.300s: out of memory", c->path);
        else if (!json_is_object(c->index))
            status = rmx_container_refuse(c, o->error, "its index is no JSON object");
    }
    free(text);
    return status;
}

static bool read_array(const json_t *from, int64_t file_bytes, rmx_array *out)
{
    const char *name, *type;
    int64_t record = 0;
    const json_t *shape = json_object_get(from, "shape");
    if (!rmx_json_get_text(from, "name", &name) || strlen(name) > RMX_CONTAINER_NAME ||
        !rmx_json_get_text(from, "type", &type) || !rmx_json_get_hash(from, "xxh3", &out->xxh3) ||
        !rmx_json_get_int(from, "offset", 0, file_bytes, &out->offset) || !json_is_array(shape) ||
        json_array_size(shape) < 1 || json_array_size(shape) > 4)
        return false;
    memcpy(out->name, name, strlen(name) + 1);
    int found = 0;
    while (found < RMX_ARRAY_TYPES && strcmp(type, rmx_array_type_names[found]) != 0) found++;
    if (found == RMX_ARRAY_TYPES) return false;
    out->type = (rmx_array_type)found;
    if (out->type == RMX_ARRAY_TEXT &&
        !rmx_json_get_int(from, "record_bytes", 1, 1 << 20, &record))
        return false;
    out->record_bytes = (int32_t)record;
    out->dims = (int32_t)json_array_size(shape);
    for (int32_t d = 0; d < out->dims; d++) {
        const json_t *size = json_array_get(shape, (size_t)d);
        if (!json_is_integer(size)) return false;
        out->shape[d] = (int64_t)json_integer_value(size);
    }
    const int64_t bytes = rmx_array_bytes(out);
    return bytes >= 0 && (bytes == 0 || (out->offset >= RMX_CONTAINER_HEAD &&
                                         bytes <= file_bytes - out->offset));
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const rmx_array *)left)->name, ((const rmx_array *)right)->name);
}

/* The arrays, sorted by name. */
static rmx_status read_arrays(const opening *o, const rmx_container_head *head)
{
    rmx_container *c = o->c;
    const json_t *list = json_object_get(c->index, "arrays");
    const size_t count = json_array_size(list);
    if (!json_is_array(list) || count > INT32_MAX - 1)
        return rmx_container_refuse(c, o->error, "its index lists no arrays");
    c->array = calloc(count + 1, sizeof *c->array);
    rmx_extent *extent = calloc(count + 1, sizeof *extent);
    rmx_status status = c->array && extent
                            ? RMX_OK
                            : rmx_fail(o->error, RMX_ERR_MEMORY, "%.300s: out of memory", c->path);
    for (size_t i = 0; i < count && status == RMX_OK; i++, c->arrays++) {
        rmx_array *a = &c->array[i];
        if (!read_array(json_array_get(list, i), c->bytes, a))
            status = rmx_container_refuse(c, o->error, "array %zu of its index is impossible", i);
        else
            extent[i] = (rmx_extent){a->offset, rmx_array_bytes(a)};
    }
    if (status == RMX_OK) {
        uint64_t rest = 0;
        extent[count] = (rmx_extent){head->index_offset, head->index_bytes};
        status = rmx_container_rest(c->fd, c->path, c->bytes, extent, (int64_t)count + 1, &rest,
                                    o->error);
        if (status == RMX_OK && rest != head->rest_xxh3)
            status = rmx_container_refuse(c, o->error,
                                          "its HDF5 structure has another checksum than was "
                                          "written");
    }
    free(extent);
    if (status != RMX_OK) return status;
    qsort(c->array, count, sizeof *c->array, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(c->array[i - 1].name, c->array[i].name) == 0)
            return rmx_container_refuse(c, o->error, "its index lists %s twice", c->array[i].name);
    (void)json_object_del(c->index, "arrays");
    return RMX_OK;
}

rmx_status rmx_container_open(const char *path, const char *kind, int version, const char *fix,
                              rmx_container *out, rmx_error *error)
{
    const opening o = {out, kind, fix, version, error};
    struct stat info;
    rmx_container_head head;
    memset(out, 0, sizeof *out);
    out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
    if (out->fd < 0)
        return rmx_fail_system(error, errno, "%.300s: cannot open the %s", path, kind);
    out->path = strdup(path);
    rmx_status status =
        out->path ? RMX_OK : rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", path);
    if (status == RMX_OK && fstat(out->fd, &info) != 0)
        status = rmx_fail_system(error, errno, "%.300s: cannot open the %s", path, kind);
    if (status == RMX_OK && !S_ISREG(info.st_mode))
        status = rmx_fail(error, RMX_ERR_DATA, "%.300s: is no regular file; a %s is needed here",
                          path, kind);
    if (status == RMX_OK) {
        out->bytes = (int64_t)info.st_size;
        status = read_head(&o, &head);
    }
    if (status == RMX_OK) status = read_index(&o, &head);
    if (status == RMX_OK) status = read_arrays(&o, &head);
    if (status != RMX_OK) rmx_container_close(out);
    return status;
}

rmx_status rmx_container_requires(const rmx_container *c, rmx_error *error)
{
    const json_t *needs = json_object_get(c->index, "requires");
    if (json_array_size(needs) == 0) return RMX_OK;
    const char *what = json_string_value(json_array_get(needs, 0));
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.300s: holds '%.100s', which this version does not know: use a newer one",
                    c->path, what ? what : "?");
}

void rmx_container_close(rmx_container *c)
{
    if (c->path || c->fd > 0) (void)close(c->fd);
    json_decref(c->index);
    free(c->array);
    free(c->path);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

/* ---- Arrays --------------------------------------------------------------------------------- */

const rmx_array *rmx_container_find(const rmx_container *c, const char *name, rmx_array_type type,
                                    int32_t dims)
{
    rmx_array key = {.dims = 0};
    if (c->arrays == 0 || strlen(name) > RMX_CONTAINER_NAME) return NULL;
    memcpy(key.name, name, strlen(name) + 1);
    const rmx_array *found = bsearch(&key, c->array, (size_t)c->arrays, sizeof *c->array, by_name);
    return found && found->type == type && found->dims == dims ? found : NULL;
}

rmx_status rmx_container_read(const rmx_container *c, const rmx_array *array, int64_t at,
                              int64_t bytes, void *out, rmx_error *error)
{
    return rmx_read_fully(c->fd, c->path, out, bytes, array->offset + at, error);
}

rmx_status rmx_container_load(const rmx_container *c, const rmx_array *array, void *out,
                              rmx_error *error)
{
    const int64_t bytes = rmx_array_bytes(array);
    rmx_status status = RMX_OK;
    char *piece = out ? NULL : malloc(PIECE);
    XXH3_state_t *state = XXH3_createState();
    if ((!out && !piece) || !state || XXH3_64bits_reset(state) != XXH_OK)
        status = rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", c->path);
    for (int64_t at = 0; at < bytes && status == RMX_OK; at += PIECE) {
        const int64_t n = bytes - at < PIECE ? bytes - at : PIECE;
        char *to = out ? (char *)out + at : piece;
        status = rmx_container_read(c, array, at, n, to, error);
        if (status == RMX_OK) (void)XXH3_64bits_update(state, to, (size_t)n);
    }
    if (status == RMX_OK && XXH3_64bits_digest(state) != array->xxh3)
        status = rmx_container_refuse(c, error, "%s has another checksum than was written",
                                      array->name);
    XXH3_freeState(state);
    free(piece);
    return status;
}

rmx_status rmx_container_text(const rmx_container *c, const rmx_array *array, char **out,
                              rmx_error *error)
{
    const int64_t bytes = rmx_array_bytes(array);
    *out = malloc((size_t)bytes + 1);
    if (!*out) return rmx_fail(error, RMX_ERR_MEMORY, "%.300s: out of memory", c->path);
    rmx_status status = rmx_container_load(c, array, *out, error);
    (*out)[bytes] = '\0';
    if (status == RMX_OK && strlen(*out) != (size_t)bytes)
        status = rmx_container_refuse(c, error, "%s is no text", array->name);
    if (status != RMX_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}
