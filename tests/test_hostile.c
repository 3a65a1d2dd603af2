/* SPDX-License-Identifier: MIT */
/* test_hostile.c: files that were damaged or made to do harm are refused, or read as they were. */
#include <criterion/criterion.h>
#include <hdf5.h>

#include "data/h5.h"
#include "data_testing.h"

TestSuite(hostile, .fini = remove_folder, .timeout = 120);

enum { ROWS = 90, CHUNK = 32, BATCH = 16 };

static rmx_schema good_schema(void)
{
    rmx_schema s = small_schema(3, 2, 1, true);
    s.ceiling_auc = 0.75;
    return s;
}

static const char *good_file(void)
{
    rmx_schema s = good_schema();
    const char *path = in_folder("good.h5");
    write_small(path, &s, ROWS, CHUNK, 40);
    rmx_schema_free(&s);
    return path;
}

/* Reads everything in every way. RMX_OK only if all that was read equals what was written. */
static rmx_status read_all(const char *path, rmx_error *error)
{
    rmx_schema want = good_schema(), got;
    rmx_rows row;
    rmx_reader *reader = NULL;
    rmx_reader_view view = {0};
    const rmx_reader_options options = {BATCH, false, 0};
    cr_assert_eq(rmx_rows_alloc(&row, &want, 1, NULL), RMX_OK);
    rmx_status status = rmx_dataset_schema(path, &got, error);
    if (status == RMX_OK) {
        cr_assert_eq(rmx_schema_match(&want, "good", &got, path, error), RMX_OK);
        cr_assert(got.rows == ROWS && got.ceiling_auc == 0.75 &&
                  strcmp(got.source, "a test") == 0);
        rmx_schema_free(&got);
        status = rmx_reader_open(path, &options, &reader, error);
    }
    int64_t rows = 0;
    while (status == RMX_OK && rows < ROWS) {
        status = rmx_reader_next(reader, &view, error);
        for (int64_t i = 0; status == RMX_OK && i < view.samples; i++, rows++) {
            small_rows(&want, rows, 1, &row);
            cr_assert_eq(memcmp(view.labels + i, row.label, 1), 0);
            cr_assert_eq(memcmp(view.dense + 2 * i, row.dense, 8), 0);
            cr_assert_eq(memcmp(view.sparse + 3 * i, row.sparse, 12), 0);
            cr_assert_eq(view.group[i], row.group[0]);
        }
    }
    rmx_reader_close(reader);
    if (status == RMX_OK) status = rmx_dataset_check(path, NULL, NULL, error);
    rmx_rows_free(&row);
    rmx_schema_free(&want);
    return status;
}

static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void mutate(unsigned char *bytes, size_t *size, uint64_t *state)
{
    const uint64_t kind = mix(state) % 8;
    const size_t at = (size_t)(mix(state) % *size);
    size_t n = (size_t)(mix(state) % 64) + 1;
    if (n > *size - at) n = *size - at;
    switch (kind) {
    case 0: *size = at; break;               /* cut short */
    case 1: memset(bytes + at, 0, n); break; /* a hole */
    case 2: memset(bytes + at, 0xff, n); break;
    case 3: memmove(bytes + at, bytes + mix(state) % (*size - n + 1), n); break; /* moved */
    case 4:
        for (size_t i = 0; i < n; i++) bytes[at + i] = (unsigned char)mix(state);
        break;
    default: bytes[at] = (unsigned char)(bytes[at] ^ 1u << mix(state) % 8); /* one bit */
    }
}

static void mutations(uint64_t seed, int count)
{
    static unsigned char good[1 << 17], bytes[1 << 17];
    FILE *f = fopen(good_file(), "rb");
    const size_t whole = fread(good, 1, sizeof good, f);
    fclose(f);
    cr_assert(whole > 1000 && whole < sizeof good);
    const char *path = in_folder("bad.h5");
    int refused = 0;
    uint64_t state = seed;
    for (int i = 0; i < count; i++) {
        size_t size = whole;
        rmx_error error = {""};
        memcpy(bytes, good, whole);
        mutate(bytes, &size, &state);
        f = fopen(path, "wb");
        cr_assert_eq(fwrite(bytes, 1, size, f), size);
        cr_assert_eq(fclose(f), 0);
        const rmx_status status = read_all(path, &error);
        refused += status != RMX_OK;
        if (status != RMX_OK)
            cr_assert(strstr(error.text, "bad.h5"), "mutation %d: '%s'", i, error.text);
    }
    /* files have room that nothing uses; most mutations must still have hit something */
    cr_assert(refused > count / 4, "%d of %d were refused", refused, count);
}

Test(hostile, mutated_1) { mutations(1, 1500); }
Test(hostile, mutated_2) { mutations(2, 1500); }

/* ---- Files that are sound HDF5 ------------------------------------------------------------- */

static void expect_refused(const char *words)
{
    rmx_error error = {""};
    const rmx_status status = read_all(in_folder("good.h5"), &error);
    cr_assert_eq(status, RMX_ERR_DATA, "%s: accepted", words);
    cr_assert(strstr(error.text, words), "'%s' lacks '%s'", error.text, words);
}

static hid_t edit(const char *remove)
{
    rmx_h5_begin();
    const hid_t file = H5Fopen(good_file(), H5F_ACC_RDWR, H5P_DEFAULT);
    if (remove[0]) H5Ldelete(file, remove, H5P_DEFAULT);
    return file;
}

static void done(hid_t file)
{
    H5Fclose(file);
    rmx_h5_end();
}

/* A dataset as it should be but for what the caller did to `how` and the type. */
static void put(hid_t file, const char *name, hid_t type, int columns, hid_t how,
                const void *values)
{
    const hsize_t dims[2] = {ROWS, (hsize_t)columns};
    const hid_t space = H5Screate_simple(columns ? 2 : 1, dims, NULL);
    const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    cr_assert(set >= 0);
    if (values) cr_assert(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static hid_t usual(int columns, hsize_t chunk)
{
    const hsize_t size[2] = {chunk, (hsize_t)columns};
    const hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(how, columns ? 2 : 1, size);
    H5Pset_fletcher32(how);
    return how;
}

static uint8_t labels[ROWS * 4];

Test(hostile, links)
{
    hid_t file = edit("/label");
    H5Lcreate_external("/etc/passwd", "/label", file, "/label", H5P_DEFAULT, H5P_DEFAULT);
    done(file);
    expect_refused("/label is a link");
    file = edit("/dense");
    H5Lcreate_soft("/sparse", file, "/dense", H5P_DEFAULT, H5P_DEFAULT);
    done(file);
    expect_refused("/dense is a link");
    file = edit("/group");
    done(file);
    expect_refused("/group is missing");
    file = edit("/sparse");
    H5Gclose(H5Gcreate2(file, "/sparse", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    done(file);
    expect_refused("/sparse cannot be opened");
}

Test(hostile, storage)
{
    hid_t file = edit("/label"), how = H5Pcreate(H5P_DATASET_CREATE);
    put(file, "/label", H5T_STD_U8LE, 1, how, labels);
    done(file);
    expect_refused("/label is not chunked");

    file = edit("/label");
    H5Pset_external(how, "/etc/passwd", 0, ROWS);
    put(file, "/label", H5T_STD_U8LE, 1, how, NULL);
    H5Pclose(how);
    done(file);
    expect_refused("/label is not chunked");

    file = edit("/label");
    const hsize_t dims[2] = {ROWS, 1};
    const hid_t space = H5Screate_simple(2, dims, NULL);
    how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(how, space, "/etc/passwd", "/x", space);
    put(file, "/label", H5T_STD_U8LE, 1, how, NULL);
    H5Sclose(space);
    H5Pclose(how);
    done(file);
    expect_refused("/label is not chunked");

    file = edit("/label");
    how = usual(1, CHUNK);
    put(file, "/label", H5T_STD_U8LE, 1, how, NULL); /* chunks that were never written */
    H5Pclose(how);
    done(file);
    expect_refused("/label lacks some of its chunks");

    file = edit("/label");
    how = usual(1, CHUNK / 2);
    put(file, "/label", H5T_STD_U8LE, 1, how, labels);
    H5Pclose(how);
    done(file);
    expect_refused("has other chunks than /label");
}

Test(hostile, filters)
{
    hid_t file = edit("/label"), how = usual(1, CHUNK);
    H5Pset_shuffle(how);
    put(file, "/label", H5T_STD_U8LE, 1, how, labels);
    H5Pclose(how);
    done(file);
    expect_refused("other filters");
    file = edit("/label");
    how = usual(1, CHUNK);
    H5Premove_filter(how, H5Z_FILTER_FLETCHER32);
    put(file, "/label", H5T_STD_U8LE, 1, how, labels);
    H5Pclose(how);
    done(file);
    expect_refused("other filters");
}

Test(hostile, types_and_shapes)
{
    hid_t file = edit("/label"), how = usual(1, CHUNK);
    put(file, "/label", H5T_STD_I8LE, 1, how, labels);
    done(file);
    expect_refused("/label has another type");

    file = edit("/label");
    const hid_t vlen = H5Tvlen_create(H5T_STD_U8LE);
    put(file, "/label", vlen, 1, H5P_DEFAULT, NULL);
    H5Tclose(vlen);
    done(file);
    expect_refused("/label has another type");

    file = edit("/label");
    const hid_t committed = H5Tcopy(H5T_STD_U8LE);
    H5Tcommit2(file, "/type", committed, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "/label", committed, 1, how, labels);
    H5Tclose(committed);
    H5Pclose(how);
    done(file);
    expect_refused("/label has another type");

    file = edit("/label");
    how = usual(2, CHUNK);
    put(file, "/label", H5T_STD_U8LE, 2, how, labels);
    H5Pclose(how);
    done(file);
    expect_refused("/label has another size");

    file = edit("/label");
    how = usual(0, CHUNK);
    put(file, "/label", H5T_STD_U8LE, 0, how, labels);
    H5Pclose(how);
    done(file);
    expect_refused("/label has another rank");
}

Test(hostile, values)
{
    static const uint32_t ids[ROWS * 3] = {[3 * 70 + 1] = 11};
    static float dense[ROWS * 2];
    hid_t file = edit("/label"), how = usual(1, CHUNK);
    labels[60] = 2;
    put(file, "/label", H5T_STD_U8LE, 1, how, labels);
    labels[60] = 0;
    H5Pclose(how);
    done(file);
    expect_refused("/label, row 60");

    file = edit("/sparse");
    how = usual(3, CHUNK);
    put(file, "/sparse", H5T_STD_U32LE, 3, how, ids);
    H5Pclose(how);
    done(file);
    expect_refused("/sparse, row 70, field 'c1': id 11");

    file = edit("/dense");
    how = usual(2, CHUNK);
    const uint32_t nan_bits = 0x7fc00000;
    memcpy(&dense[2 * 89], &nan_bits, sizeof nan_bits);
    put(file, "/dense", H5T_IEEE_F32LE, 2, how, dense);
    H5Pclose(how);
    done(file);
    expect_refused("/dense, row 89, field 'd0'");
}

/* Values that are allowed but others than the fingerprint says: seen by the full check. */
Test(hostile, changed_rows)
{
    rmx_error error = {""};
    hid_t file = edit("/label"), how = usual(1, CHUNK);
    put(file, "/label", H5T_STD_U8LE, 1, how, labels);
    H5Pclose(how);
    done(file);
    cr_assert_eq(rmx_dataset_check(in_folder("good.h5"), NULL, NULL, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "/label do not match"), "%s", error.text);
}

static void set_number(const char *name, uint64_t value)
{
    const hid_t file = edit("");
    const hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_UINT64, &value);
    H5Aclose(attribute);
    done(file);
}

Test(hostile, attributes)
{
    set_number("rows", (uint64_t)1 << 60);
    expect_refused("'rows'");
    set_number("rows", ROWS - 1);
    expect_refused("fingerprint");
    set_number("schema_version", 9);
    expect_refused("schema version 9");
    set_number("fingerprint", 1);
    expect_refused("fingerprint");
    hid_t file = edit("");
    H5Adelete(file, "vocabulary");
    done(file);
    expect_refused("'vocabulary' is missing");
    FILE *f = fopen(in_folder("good.h5"), "w");
    fputs("label,a,b\n1,2,3\n", f);
    fclose(f);
    expect_refused("is no HDF5 file");
    f = fopen(in_folder("good.h5"), "w");
    fclose(f);
    expect_refused("is no HDF5 file");
}

Test(hostile, other_kinds_of_files)
{
    rmx_error error = {""};
    rmx_schema schema;
    cr_assert_eq(rmx_dataset_schema(own_folder(), &schema, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "regular"), "%s", error.text);
    cr_assert_eq(rmx_dataset_schema("/dev/zero", &schema, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "regular"), "%s", error.text);
}
