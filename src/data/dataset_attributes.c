/* dataset_attributes.c: the schema as attributes of the file's root.
 *
 *   format             text    "rankmixer dataset"
 *   schema_version     u64     RMX_DATASET_VERSION
 *   rows               u64
 *   has_group          u64     0 or 1
 *   sparse_names, dense_names, task_names   texts of one fixed length; absent where there are none
 *   vocabulary         u64 [sparse fields]; absent where there are none
 *   transform, source  text
 *   ceiling_auc        f64     absent where unknown
 *   rows_hash          u64 [4] label, dense, sparse, group
 *   fingerprint        u64
 * Texts have a fixed length, zero-terminated, UTF-8. The fingerprint ties all of them together, so
 * a change that HDF5's own checksums miss is still seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/dataset_file.h"
#include "data/h5.h"

static const char format_text[] = "rankmixer dataset";

/* ---- Writing ------------------------------------------------------------------------------ */

/* count < 0: a scalar */
static bool write_one(hid_t file, const char *name, hid_t type, int64_t count, const void *value)
{
    const hsize_t dims = (hsize_t)(count < 0 ? 1 : count);
    const hid_t space = count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dims, NULL);
    const hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    if (attribute >= 0 && H5Aclose(attribute) < 0) good = false;
    if (space >= 0) (void)H5Sclose(space);
    return good;
}

static bool write_number(hid_t file, const char *name, uint64_t value)
{
    return write_one(file, name, H5T_STD_U64LE, -1, &value);
}

static hid_t text_type(size_t bytes)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, bytes) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
        (void)H5Tclose(type);
        return H5I_INVALID_HID;
    }
    return type;
}

static bool write_text(hid_t file, const char *name, const char *text)
{
    const hid_t type = text_type(strlen(text) + 1);
    if (type < 0) return false;
    const bool good = write_one(file, name, type, -1, text);
    (void)H5Tclose(type);
    return good;
}

static bool write_names(hid_t file, const char *name, char *const *names, int32_t count)
{
    if (count <= 0) return true;
    size_t width = 1;
    for (int32_t i = 0; i < count; i++)
        if (strlen(names[i]) + 1 > width) width = strlen(names[i]) + 1;
    char *all = calloc((size_t)count, width);
    const hid_t type = text_type(width);
    bool good = all && type >= 0;
    for (int32_t i = 0; i < count && good; i++)
        memcpy(all + (size_t)i * width, names[i], strlen(names[i]));
    good = good && write_one(file, name, type, count, all);
    if (type >= 0) (void)H5Tclose(type);
    free(all);
    return good;
}

rmx_status rmx_attributes_write(hid_t file, const char *path, const rmx_schema *schema,
                                const uint64_t rows_hash[RMX_SETS], rmx_error *error)
{
    const int32_t fs = schema->sparse_fields, fd = schema->dense_fields;
    const bool good =
        write_text(file, "format", format_text) &&
        write_number(file, "schema_version", RMX_DATASET_VERSION) &&
        write_number(file, "rows", (uint64_t)schema->rows) &&
        write_number(file, "has_group", schema->has_group ? 1 : 0) &&
        write_names(file, "sparse_names", schema->names, fs) &&
        write_names(file, "dense_names", schema->names + fs, fd) &&
        write_names(file, "task_names", schema->task_names, schema->tasks) &&
        (fs == 0 || write_one(file, "vocabulary", H5T_STD_U64LE, fs, schema->vocabulary)) &&
        write_text(file, "transform", schema->transform) &&
        write_text(file, "source", schema->source) &&
        (isnan(schema->ceiling_auc) ||
         write_one(file, "ceiling_auc", H5T_IEEE_F64LE, -1, &schema->ceiling_auc)) &&
        write_one(file, "rows_hash", H5T_STD_U64LE, RMX_SETS, rows_hash) &&
        write_number(file, "fingerprint", schema->fingerprint);
    if (good) return RMX_OK;
    return rmx_h5_fail(error, RMX_ERR_DATA, "%.400s: cannot write the attributes", path);
}

/* ---- Reading ------------------------------------------------------------------------------ */

typedef struct attribute_reader {
    hid_t file;
    const char *path;
    rmx_error *error;
} attribute_reader;

static rmx_status refuse(const attribute_reader *r, const char *name, const char *why)
{
    return rmx_h5_fail(r->error, RMX_ERR_DATA,
                       "%.400s: attribute '%s' %s; it is no dataset of rmx-data, or it is damaged",
                       r->path, name, why);
}

/* Opens `name` and checks its space: one value, or up to `most` of them (into *count). */
static rmx_status open_one(const attribute_reader *r, const char *name, int64_t most,
                           hid_t *attribute, int64_t *count)
{
    if (H5Aexists(r->file, name) <= 0) return refuse(r, name, "is missing");
    *attribute = H5Aopen(r->file, name, H5P_DEFAULT);
    if (*attribute < 0) return refuse(r, name, "cannot be opened");
    const hid_t space = H5Aget_space(*attribute);
    const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    hsize_t dims = 1;
    bool good = rank == (count ? 1 : 0) && H5Sget_simple_extent_type(space) != H5S_NULL;
    if (good && count)
        good = H5Sget_simple_extent_dims(space, &dims, NULL) == 1 && dims >= 1 &&
               dims <= (hsize_t)most;
    if (good && count) *count = (int64_t)dims;
    if (space >= 0) (void)H5Sclose(space);
    if (good) return RMX_OK;
    (void)H5Aclose(*attribute);
    return refuse(r, name, "has another shape than expected");
}

static rmx_status read_values(const attribute_reader *r, const char *name, hid_t type,
                              int64_t expected, void *out)
{
    hid_t attribute = H5I_INVALID_HID;
    int64_t count = 1;
    rmx_status status = open_one(r, name, expected, &attribute, expected > 0 ? &count : NULL);
    if (status != RMX_OK) return status;
    const hid_t stored = H5Aget_type(attribute);
    if (stored < 0 || H5Tcommitted(stored) != 0 || H5Tequal(stored, type) <= 0 ||
        (expected > 0 && count != expected))
        status = refuse(r, name, "has another type or size than expected");
    else if (H5Aread(attribute, type, out) < 0)
        status = refuse(r, name, "cannot be read");
    if (stored >= 0) (void)H5Tclose(stored);
    (void)H5Aclose(attribute);
    return status;
}

static rmx_status read_number(const attribute_reader *r, const char *name, uint64_t *out)
{
    return read_values(r, name, H5T_STD_U64LE, 0, out);
}

/* *out: count texts of *width bytes each, the last byte of each 0. count NULL: one text. */
static rmx_status read_texts(const attribute_reader *r, const char *name, size_t widest,
                             int64_t *count, size_t *width, char **out)
{
    hid_t attribute = H5I_INVALID_HID;
    *out = NULL;
    rmx_status status = open_one(r, name, RMX_SCHEMA_FIELDS_MAX, &attribute, count);
    if (status != RMX_OK) return status;
    const size_t n = count ? (size_t)*count : 1;
    const hid_t type = H5Aget_type(attribute);
    const bool good = type >= 0 && H5Tcommitted(type) == 0 && H5Tget_class(type) == H5T_STRING &&
                      H5Tis_variable_str(type) == 0 && H5Tget_strpad(type) == H5T_STR_NULLTERM;
    *width = good ? H5Tget_size(type) : 0;
    if (*width < 1 || *width > widest) {
        status = refuse(r, name, "is no text of fixed length, or too long");
        goto cleanup;
    }
    *out = malloc(n * *width);
    if (!*out) {
        status = rmx_fail(r->error, RMX_ERR_MEMORY, "out of memory for attribute '%s'", name);
        goto cleanup;
    }
    if (H5Aread(attribute, type, *out) < 0) status = refuse(r, name, "cannot be read");
    for (size_t i = 0; i < n && status == RMX_OK; i++)
        if ((*out)[(i + 1) * *width - 1] != '\0') status = refuse(r, name, "has no end");
cleanup:
    if (status != RMX_OK) {
        free(*out);
        *out = NULL;
    }
    if (type >= 0) (void)H5Tclose(type);
    (void)H5Aclose(attribute);
    return status;
}

static rmx_status read_text(const attribute_reader *r, const char *name, char **slot)
{
    size_t width;
    char *text;
    const rmx_status status = read_texts(r, name, RMX_SCHEMA_TEXT_MAX, NULL, &width, &text);
    if (status != RMX_OK) return status;
    free(*slot);
    *slot = text;
    return RMX_OK;
}

/* Absent: no names. */
static rmx_status read_names(const attribute_reader *r, const char *name, int64_t *count,
                             size_t *width, char **out)
{
    *count = 0;
    *width = 1;
    *out = NULL;
    const htri_t exists = H5Aexists(r->file, name);
    if (exists == 0) return RMX_OK;
    return read_texts(r, name, RMX_SCHEMA_NAME_MAX + 1, count, width, out);
}

static rmx_status take_names(char **slots, const char *all, int64_t count, size_t width,
                             rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int64_t i = 0; i < count && status == RMX_OK; i++)
        status = rmx_schema_set(&slots[i], all + (size_t)i * width, error);
    return status;
}

/* Allocates *out with its names. */
static rmx_status read_fields(const attribute_reader *r, rmx_schema *out)
{
    static const char *const kind[3] = {"sparse_names", "dense_names", "task_names"};
    char *all[3] = {NULL, NULL, NULL};
    int64_t count[3];
    size_t width[3];
    rmx_status status = RMX_OK;
    for (int k = 0; k < 3 && status == RMX_OK; k++)
        status = read_names(r, kind[k], &count[k], &width[k], &all[k]);
    if (status == RMX_OK)
        status = rmx_schema_init(out, (int32_t)count[0], (int32_t)count[1], (int32_t)count[2],
                                 r->error);
    if (status == RMX_OK) status = take_names(out->names, all[0], count[0], width[0], r->error);
    if (status == RMX_OK)
        status = take_names(out->names + count[0], all[1], count[1], width[1], r->error);
    if (status == RMX_OK)
        status = take_names(out->task_names, all[2], count[2], width[2], r->error);
    for (int k = 0; k < 3; k++) free(all[k]);
    if (status == RMX_ERR_ARGUMENT) return refuse(r, "sparse_names", "and its kin name no field");
    return status;
}

static rmx_status check_format(const attribute_reader *r)
{
    char *text = NULL;
    size_t width;
    uint64_t version;
    rmx_status status = read_texts(r, "format", 64, NULL, &width, &text);
    if (status == RMX_OK && strcmp(text, format_text) != 0)
        status = refuse(r, "format", "says something else");
    free(text);
    if (status == RMX_OK) status = read_number(r, "schema_version", &version);
    if (status == RMX_OK && version != RMX_DATASET_VERSION)
        status = rmx_fail(r->error, RMX_ERR_DATA,
                          "%.400s: schema version %llu; this program reads %d: import it anew",
                          r->path, (unsigned long long)version, RMX_DATASET_VERSION);
    return status;
}

static rmx_status check_hashes(const attribute_reader *r, const rmx_schema *schema,
                               const uint64_t rows_hash[RMX_SETS])
{
    uint64_t schema_hash;
    rmx_status status = rmx_schema_hash(schema, &schema_hash, r->error);
    if (status == RMX_OK &&
        rmx_fingerprint(schema_hash, rows_hash, schema->rows) != schema->fingerprint)
        status = rmx_fail(r->error, RMX_ERR_DATA,
                          "%.400s: the attributes do not match their fingerprint; the file is "
                          "damaged: write it anew",
                          r->path);
    return status;
}

rmx_status rmx_attributes_read(hid_t file, const char *path, rmx_schema *out,
                               uint64_t rows_hash[RMX_SETS], rmx_error *error)
{
    const attribute_reader r = {file, path, error};
    memset(out, 0, sizeof *out);
    uint64_t rows = 0, has_group = 0;
    rmx_status status = check_format(&r);
    if (status == RMX_OK) status = read_number(&r, "rows", &rows);
    if (status == RMX_OK && (rows < 1 || rows > (uint64_t)1 << 48))
        status = refuse(&r, "rows", "is out of range");
    if (status == RMX_OK) status = read_number(&r, "has_group", &has_group);
    if (status == RMX_OK) status = read_fields(&r, out);
    if (status == RMX_OK) {
        out->rows = (int64_t)rows;
        out->has_group = has_group != 0;
        if (out->sparse_fields > 0)
            status =
                read_values(&r, "vocabulary", H5T_STD_U64LE, out->sparse_fields, out->vocabulary);
    }
    if (status == RMX_OK) status = read_text(&r, "transform", &out->transform);
    if (status == RMX_OK) status = read_text(&r, "source", &out->source);
    if (status == RMX_OK && H5Aexists(file, "ceiling_auc") > 0)
        status = read_values(&r, "ceiling_auc", H5T_IEEE_F64LE, 0, &out->ceiling_auc);
    if (status == RMX_OK)
        status = read_values(&r, "rows_hash", H5T_STD_U64LE, RMX_SETS, rows_hash);
    if (status == RMX_OK) status = read_number(&r, "fingerprint", &out->fingerprint);
    if (status == RMX_OK) {
        rmx_error why = {""};
        status = rmx_schema_check(out, &why);
        if (status == RMX_ERR_ARGUMENT)
            status = rmx_fail(error, RMX_ERR_DATA, "%.400s: %.400s", path, why.text);
    }
    if (status == RMX_OK) status = check_hashes(&r, out, rows_hash);
    if (status != RMX_OK) rmx_schema_free(out);
    return status;
}
