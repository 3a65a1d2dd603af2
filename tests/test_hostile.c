/* SPDX-License-Identifier: MIT */
/* test_hostile.c: files that were damaged or made to do harm are refused, or read as they were. */
#include <criterion/criterion.h>
#include <hdf5.h>
#include <xxhash.h>

#include "data/container_head.h"
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
    const rmx_reader_options options = {.batch = BATCH};
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
        rmx_error error = {.text = ""};
        memcpy(bytes, good, whole);
        mutate(bytes, &size, &state);
        f = fopen(path, "wb");
        cr_assert_eq(fwrite(bytes, 1, size, f), size);
        cr_assert_eq(fclose(f), 0);
        const rmx_status status = read_all(path, &error);
        const bool changed = size != whole || memcmp(bytes, good, whole) != 0;
        cr_assert_eq(changed, status != RMX_OK, "mutation %d: '%s'", i, error.text);
        refused += status != RMX_OK;
        if (status != RMX_OK)
            cr_assert(strstr(error.text, "bad.h5"), "mutation %d: '%s'", i, error.text);
    }
    /* every byte is covered by a checksum: what is left are mutations that changed nothing */
    cr_assert(refused > count * 9 / 10, "%d of %d were refused", refused, count);
}

Test(hostile, mutated_1) { mutations(1, 1500); }
Test(hostile, mutated_2) { mutations(2, 1500); }

/* ---- Files whose checksums were all made anew ----------------------------------------------- */

static void expect_refused(const char *words)
{
    rmx_error error = {.text = ""};
    const rmx_status status = read_all(in_folder("good.h5"), &error);
    cr_assert_eq(status, RMX_ERR_DATA, "%s: accepted", words);
    cr_assert(strstr(error.text, words), "'%s' lacks '%s'", error.text, words);
}

enum { ARRAYS = 16 };

/* A container in memory, to be changed and written again. */
typedef struct forgery {
    rmx_array array[ARRAYS];
    rmx_array_data data[ARRAYS];
    void *bytes[ARRAYS];
    int32_t arrays;
    json_t *about;
} forgery;

static forgery take_apart(void)
{
    forgery f = {.arrays = 0};
    rmx_container c;
    cr_assert_eq(rmx_container_open(good_file(), "dataset", RMX_DATASET_VERSION, "", &c, NULL),
                 RMX_OK);
    for (; f.arrays < c.arrays; f.arrays++) {
        f.array[f.arrays] = c.array[f.arrays];
        f.bytes[f.arrays] = malloc((size_t)rmx_array_bytes(&c.array[f.arrays]) + 64);
        cr_assert_eq(rmx_container_load(&c, &c.array[f.arrays], f.bytes[f.arrays], NULL), RMX_OK);
    }
    f.about = json_incref(c.index);
    rmx_container_close(&c);
    return f;
}

static int32_t place_of(const forgery *f, const char *name)
{
    for (int32_t i = 0; i < f->arrays; i++)
        if (strcmp(f->array[i].name, name) == 0) return i;
    cr_assert(false, "no array %s", name);
    return -1;
}

static void *bytes_of(const forgery *f, const char *name) { return f->bytes[place_of(f, name)]; }

/* Makes the checksums of a set's rows agree with its bytes. */
static void mend(forgery *f, int set)
{
    char name[RMX_CONTAINER_NAME + 1];
    rmx_block_hash_name(set, name);
    const rmx_array *a = &f->array[place_of(f, rmx_set_name(set))];
    const size_t row = (size_t)(rmx_array_bytes(a) / ROWS);
    const char *bytes = bytes_of(f, rmx_set_name(set));
    uint64_t *hash = bytes_of(f, name);
    for (size_t first = 0; first < ROWS; first += CHUNK) {
        const size_t n = ROWS - first < CHUNK ? ROWS - first : CHUNK;
        hash[first / CHUNK] = XXH3_64bits(bytes + first * row, n * row);
    }
}

static void put_together(forgery *f)
{
    const char *path = in_folder("good.h5");
    rmx_error error = {.text = ""};
    for (int32_t i = 0; i < f->arrays; i++) {
        f->array[i].xxh3 = XXH3_64bits(f->bytes[i], (size_t)rmx_array_bytes(&f->array[i]));
        f->data[i] = (rmx_array_data){.memory = f->bytes[i], .fd = -1};
    }
    cr_assert_eq(rmx_container_write(path, path, "dataset", RMX_DATASET_VERSION, f->array, f->data,
                                     f->arrays, f->about, &error),
                 RMX_OK, "%s", error.text);
    for (int32_t i = 0; i < f->arrays; i++) free(f->bytes[i]);
    json_decref(f->about);
}

/* The fingerprint of the rows as they are now. */
static void mend_fingerprint(const forgery *f)
{
    uint64_t hash[RMX_SETS];
    rmx_schema s = good_schema();
    for (int set = 0; set < RMX_SETS; set++) {
        hash[set] = XXH3_64bits(NULL, 0);
        if (rmx_set_columns(&s, set) == 0) continue;
        const int32_t i = place_of(f, rmx_set_name(set));
        hash[set] = XXH3_64bits(f->bytes[i], (size_t)rmx_array_bytes(&f->array[i]));
    }
    cr_assert_eq(rmx_json_set_hash(f->about, "fingerprint",
                                   rmx_fingerprint(rmx_schema_hash(&s), hash, ROWS)),
                 0);
    rmx_schema_free(&s);
}

Test(hostile, forged_rows)
{
    forgery f = take_apart();
    put_together(&f); /* nothing changed: the forger's own work is sound */
    rmx_error error = {.text = ""};
    cr_assert_eq(read_all(in_folder("good.h5"), &error), RMX_OK, "%s", error.text);

    f = take_apart();
    ((uint8_t *)bytes_of(&f, "/label"))[60] = 2;
    mend(&f, RMX_SET_LABEL);
    mend_fingerprint(&f);
    put_together(&f);
    expect_refused("/label, row 60");

    f = take_apart();
    ((uint8_t *)bytes_of(&f, "/label"))[61] = RMX_LABEL_MASKED; /* the task hides no rows */
    mend(&f, RMX_SET_LABEL);
    mend_fingerprint(&f);
    put_together(&f);
    expect_refused("/label, row 61");

    f = take_apart();
    ((uint32_t *)bytes_of(&f, "/sparse"))[3 * 70 + 1] = 11;
    mend(&f, RMX_SET_SPARSE);
    mend_fingerprint(&f);
    put_together(&f);
    expect_refused("/sparse, row 70, field 'c1': id 11");

    f = take_apart();
    ((uint32_t *)bytes_of(&f, "/dense"))[2 * 89] = 0x7fc00000;
    mend(&f, RMX_SET_DENSE);
    mend_fingerprint(&f);
    put_together(&f);
    expect_refused("/dense, row 89, field 'd0'");
}

/* Values that are allowed but others than the checksums say. */
Test(hostile, changed_rows)
{
    forgery f = take_apart();
    ((uint8_t *)bytes_of(&f, "/label"))[33] ^= 1;
    put_together(&f);
    expect_refused("fingerprint");

    f = take_apart();
    ((uint8_t *)bytes_of(&f, "/label"))[33] ^= 1;
    mend_fingerprint(&f);
    put_together(&f);
    expect_refused("rows 32 to 63 of /label");

    f = take_apart();
    ((uint8_t *)bytes_of(&f, "/label"))[33] ^= 1;
    mend(&f, RMX_SET_LABEL);
    mend_fingerprint(&f);
    put_together(&f); /* the description counts the positives */
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_dataset_check(in_folder("good.h5"), NULL, NULL, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "counts other labels"), "%s", error.text);
}

static void forge_json(const char *object, const char *key, json_t *value, const char *words)
{
    forgery f = take_apart();
    json_t *in = object[0] ? json_object_get(f.about, object) : f.about;
    cr_assert_eq(value ? json_object_set_new(in, key, value) : json_object_del(in, key), 0);
    put_together(&f);
    expect_refused(words);
}

Test(hostile, forged_description)
{
    static const char *const root[] = {"rows", "block_rows", "fingerprint", "schema"};
    static const char *const schema[] = {
        "sparse",  "dense",  "tasks",       "texts",      "has_label",     "has_group",
        "has_row", "source", "ceiling_auc", "group_text", "encoding_hash", "rows_without_group"};
    for (size_t i = 0; i < sizeof root / sizeof *root; i++) {
        forge_json("", root[i], NULL, "good.h5");
        forge_json("", root[i], json_string("x"), "good.h5");
        forge_json("", root[i], json_integer(-1), "good.h5");
        forge_json("", root[i], json_integer(INT64_MAX), "good.h5");
        forge_json("", root[i], json_array(), "good.h5");
    }
    for (size_t i = 0; i < sizeof schema / sizeof *schema; i++) {
        forge_json("schema", schema[i], NULL, "good.h5");
        forge_json("schema", schema[i], json_integer(-2), "good.h5");
        forge_json("schema", schema[i], json_integer(INT64_MAX), "good.h5");
        forge_json("schema", schema[i], json_object(), "good.h5");
    }
    forge_json("", "rows", json_integer(ROWS - 1), "/label is missing or of another shape");
    forge_json("", "block_rows", json_integer(CHUNK - 1), "good.h5");
    forge_json("schema", "has_group", json_false(), "fingerprint");
    forge_json("", "requires", json_pack("[s]", "lists"), "holds 'lists'");
}

/* Sizes and places of arrays; HDF5 would refuse to make them, so the index is changed by hand. */
static void forge_index(const char *from, const char *to, const char *words)
{
    static char bytes[1 << 17];
    rmx_container_head head;
    FILE *file = fopen(good_file(), "rb");
    const size_t size = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    cr_assert_eq(sscanf(strchr(bytes, '\n') + 1, "file %20ld\nindex %20ld %20ld", &head.file_bytes,
                        &head.index_offset, &head.index_bytes),
                 3);
    char *index = bytes + head.index_offset;
    char *at = memmem(index, (size_t)head.index_bytes, from, strlen(from));
    cr_assert(at, "the index lacks %s", from);
    char *end = index + head.index_bytes; /* there are blanks before it */
    const size_t rest =
        (size_t)(end - at) - (strlen(to) > strlen(from) ? strlen(to) : strlen(from));
    memmove(at + strlen(to), at + strlen(from), rest);
    for (size_t i = 0; to[i]; i++) at[i] = to[i];
    head.index_xxh3 = XXH3_64bits(index, (size_t)head.index_bytes);
    cr_assert_eq(sscanf(strstr(bytes, "rest "), "rest %lx", &head.rest_xxh3), 1);
    rmx_container_head_print(&head, "dataset", RMX_DATASET_VERSION, bytes);
    file = fopen(in_folder("good.h5"), "wb");
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
    expect_refused(words);
}

Test(hostile, forged_arrays)
{
    forge_index("\"shape\":[90,1]", "\"shape\":[-9,1]", "of its index is impossible");
    forge_index("\"shape\":[90,1]", "\"shape\":[9e9,1]", "of its index is impossible");
    forge_index("\"shape\":[90,1]", "\"shape\":[]", "of its index is impossible");
    forge_index("\"shape\":[90,1]", "\"shape\":[1,90]", "good.h5");
    forge_index("\"shape\":[90,1]", "\"shape\":[91,1]", "good.h5");
    forge_index("\"type\":\"u64\"", "\"type\":\"u65\"", "of its index is impossible");
    forge_index("\"name\":\"/sparse\"", "\"name\":\"/dense\"", "lists /dense twice");
    forge_index("\"offset\":", "\"offset\":9", "good.h5");
    forge_index("\"offset\":", "\"offset\":-", "of its index is impossible");
    forge_index("{", "[", "no JSON object");
    forge_index("\"arrays\"", "\"Arrays\"", "lists no arrays");
}

/* ---- HDF5 files that others made or changed ------------------------------------------------- */

Test(hostile, other_hdf5_files)
{
    rmx_h5_begin();
    hid_t file = H5Fopen(good_file(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "/mine", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    rmx_h5_end();
    expect_refused("the file is damaged or was changed");

    rmx_h5_begin();
    file = H5Fcreate(in_folder("good.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "/data", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    rmx_h5_end();
    expect_refused("another program wrote");
    expect_refused("rmx-data import");

    rmx_h5_begin();
    file = H5Fcreate(in_folder("good.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, 18);
    const hid_t format = H5Acreate2(file, "format", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(format, type, "rankmixer dataset");
    H5Aclose(format);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
    rmx_h5_end();
    expect_refused("format version 1");
    expect_refused("rmx-data import");
}

Test(hostile, files_that_are_no_datasets)
{
    FILE *f = fopen(in_folder("good.h5"), "w");
    fputs("label,a,b\n1,2,3\n", f);
    fclose(f);
    expect_refused("is no rankmixer dataset");
    f = fopen(in_folder("good.h5"), "w");
    fclose(f);
    expect_refused("is no rankmixer dataset");
    f = fopen(in_folder("good.h5"), "w");
    fprintf(f, "rankmixer checkpoint 2\n%600s", "");
    fclose(f);
    expect_refused("is a checkpoint");
    f = fopen(in_folder("good.h5"), "w");
    fprintf(f, "rankmixer dataset 9\n%600s", "");
    fclose(f);
    expect_refused("format version 9; this program reads version 2");
}

Test(hostile, other_kinds_of_files)
{
    rmx_error error = {.text = ""};
    rmx_schema schema;
    cr_assert_eq(rmx_dataset_schema(own_folder(), &schema, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "regular"), "%s", error.text);
    cr_assert_eq(rmx_dataset_schema("/dev/zero", &schema, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "regular"), "%s", error.text);
}
