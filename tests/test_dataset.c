/* SPDX-License-Identifier: MIT */
/* test_dataset.c: what is written is what is read, or nothing is. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "data_testing.h"

TestSuite(dataset, .fini = remove_folder);

static void expect_equal_rows(const char *path, const rmx_schema *schema, int64_t count)
{
    rmx_error error = {""};
    rmx_dataset_file file;
    rmx_rows want, got;
    cr_assert_eq(rmx_dataset_file_open(path, &file, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(file.schema.rows, count);
    cr_assert_eq(rmx_rows_alloc(&want, schema, count, NULL), RMX_OK);
    cr_assert_eq(rmx_rows_alloc(&got, schema, count, NULL), RMX_OK);
    small_rows(schema, 0, count, &want);
    cr_assert_eq(rmx_dataset_file_read(&file, 0, count, &got, 0, &error), RMX_OK, "%s",
                 error.text);
    for (int set = 0; set < RMX_SETS; set++) {
        const int64_t bytes = rmx_set_columns(schema, set) * rmx_set_value_bytes(set) * count;
        if (bytes > 0)
            cr_assert_eq(
                memcmp(rmx_rows_pointer(&want, set), rmx_rows_pointer(&got, set), (size_t)bytes),
                0, "%s", rmx_set_name(set));
    }
    rmx_rows_free(&want);
    rmx_rows_free(&got);
    rmx_dataset_file_close(&file);
}

Test(dataset, round_trip)
{
    static const struct {
        int32_t sparse, dense, tasks;
        bool group;
        int64_t rows, chunk, piece;
    } cases[] = {{3, 2, 1, false, 100, 16, 7},  {0, 4, 2, true, 33, 33, 33},
                 {5, 0, 1, true, 1, 8, 1},      {1, 1, 3, false, 257, 64, 300},
                 {40, 13, 1, true, 64, 64, 10}, {2, 2, 1, false, 65, 1, 65}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rmx_schema s =
            small_schema(cases[i].sparse, cases[i].dense, cases[i].tasks, cases[i].group);
        rmx_error error = {""};
        const char *path = in_folder("a.h5");
        write_small(path, &s, cases[i].rows, cases[i].chunk, cases[i].piece);
        expect_equal_rows(path, &s, cases[i].rows);
        cr_assert_eq(rmx_dataset_check(path, NULL, NULL, &error), RMX_OK, "%s", error.text);
        rmx_schema_free(&s);
    }
    cr_assert_eq(files_in_folder(), 1);
}

Test(dataset, schema_round_trip)
{
    rmx_schema s = small_schema(2, 1, 2, true), back;
    rmx_error error = {""};
    cr_assert_eq(rmx_schema_set(&s.names[1], "Ünïcode field", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_set(&s.task_names[0], "click", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_set(&s.transform, "one\ntwo\n", NULL), RMX_OK);
    s.ceiling_auc = 0.875;
    s.vocabulary[0] = 4294967295;
    const uint64_t fingerprint = write_small(in_folder("s.h5"), &s, 10, 4, 3);
    cr_assert_eq(rmx_dataset_schema(in_folder("s.h5"), &back, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_schema_match(&s, "a", &back, "b", &error), RMX_OK, "%s", error.text);
    cr_assert_str_eq(back.names[1], "Ünïcode field");
    cr_assert_str_eq(back.transform, "one\ntwo\n");
    cr_assert_str_eq(back.source, "a test");
    cr_assert_eq(back.ceiling_auc, 0.875);
    cr_assert(back.has_group);
    cr_assert_eq(back.fingerprint, fingerprint);
    cr_assert_eq(back.rows, 10);
    rmx_schema_free(&s);
    rmx_schema_free(&back);
}

Test(dataset, many_fields_with_long_names)
{
    enum { fields = 2000 }; /* attributes above 64 KiB are stored in another way by HDF5 */
    rmx_schema s = small_schema(fields, 1, 1, false), back;
    rmx_error error = {""};
    for (int i = 0; i < fields; i++) {
        char name[128];
        snprintf(name, sizeof name, "%0100d", i);
        cr_assert_eq(rmx_schema_set(&s.names[i], name, NULL), RMX_OK);
    }
    write_small(in_folder("w.h5"), &s, 3, 4, 3);
    cr_assert_eq(rmx_dataset_schema(in_folder("w.h5"), &back, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_schema_match(&s, "a", &back, "b", &error), RMX_OK, "%s", error.text);
    rmx_schema_free(&s);
    rmx_schema_free(&back);
}

Test(dataset, fingerprint_is_of_the_content)
{
    rmx_schema s = small_schema(3, 2, 1, true);
    const uint64_t a = write_small(in_folder("a.h5"), &s, 50, 8, 50);
    cr_assert_eq(write_small(in_folder("b.h5"), &s, 50, 16, 7), a);
    cr_assert_neq(write_small(in_folder("c.h5"), &s, 49, 8, 50), a);
    s.ceiling_auc = 0.5;
    cr_assert_neq(write_small(in_folder("d.h5"), &s, 50, 8, 50), a);
    rmx_schema_free(&s);
}

static void expect_refused(const rmx_schema *s, const rmx_rows *rows, const char *names)
{
    rmx_writer *writer;
    rmx_error error = {""};
    cr_assert_eq(rmx_writer_open(in_folder("bad.h5"), s, 8, &writer, NULL), RMX_OK);
    cr_assert_eq(
        rmx_writer_append(writer, 4, rows->label, rows->dense, rows->sparse, rows->group, &error),
        RMX_ERR_DATA);
    cr_assert(strstr(error.text, names), "'%s' lacks '%s'", error.text, names);
    cr_assert(strstr(error.text, "row 2"), "%s", error.text);
    rmx_writer_discard(writer);
    cr_assert_eq(files_in_folder(), 0);
}

Test(dataset, writer_refuses_bad_values)
{
    rmx_schema s = small_schema(3, 2, 1, false);
    rmx_rows rows;
    cr_assert_eq(rmx_rows_alloc(&rows, &s, 4, NULL), RMX_OK);
    small_rows(&s, 0, 4, &rows);
    rows.label[2] = 2;
    expect_refused(&s, &rows, "/label");
    small_rows(&s, 0, 4, &rows);
    rows.dense[2 * 2 + 1] = NAN;
    expect_refused(&s, &rows, "'d1'");
    rows.dense[2 * 2 + 1] = -INFINITY;
    expect_refused(&s, &rows, "'d1'");
    small_rows(&s, 0, 4, &rows);
    rows.sparse[2 * 3 + 2] = 12;
    expect_refused(&s, &rows, "id 12");
    rmx_rows_free(&rows);
    rmx_schema_free(&s);
}

Test(dataset, nothing_is_left_of_an_empty_or_discarded_file)
{
    rmx_schema s = small_schema(1, 1, 1, false);
    rmx_writer *writer;
    rmx_error error = {""};
    cr_assert_eq(rmx_writer_open(in_folder("e.h5"), &s, 0, &writer, NULL), RMX_OK);
    cr_assert_eq(rmx_writer_finish(writer, NULL, &error), RMX_ERR_DATA);
    cr_assert_eq(files_in_folder(), 0);
    write_small(in_folder("file"), &s, 5, 8, 5);
    cr_assert_eq(rmx_writer_open(in_folder("file/e.h5"), &s, 0, &writer, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "not a folder"), "%s", error.text);
    cr_assert_eq(files_in_folder(), 1);
    rmx_schema_free(&s);
}

/* A limit on file sizes stands for a full disk: write() fails in the middle. */
Test(dataset, full_disk)
{
    rmx_schema s = small_schema(8, 4, 1, false);
    rmx_rows rows;
    write_small(in_folder("old.h5"), &s, 5, 8, 5);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(rmx_rows_alloc(&rows, &s, 100, NULL), RMX_OK);
    small_rows(&s, 0, 100, &rows);
    for (rlim_t limit = 0; limit < 60000; limit += limit < 6000 ? 700 : 6000) {
        const struct rlimit small = {limit, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
        rmx_error error = {""};
        rmx_writer *writer = NULL;
        setrlimit(RLIMIT_FSIZE, &small);
        rmx_status status = rmx_writer_open(in_folder("old.h5"), &s, 64, &writer, &error);
        for (int i = 0; i < 20 && status == RMX_OK; i++)
            status =
                rmx_writer_append(writer, 100, rows.label, rows.dense, rows.sparse, NULL, &error);
        if (status == RMX_OK)
            status = rmx_writer_finish(writer, NULL, &error);
        else
            rmx_writer_discard(writer);
        setrlimit(RLIMIT_FSIZE, &none);
        cr_assert_eq(status, RMX_ERR_DATA, "limit %ld", (long)limit);
        cr_assert(strlen(error.text) > 20, "%s", error.text);
        cr_assert_eq(files_in_folder(), 1);
    }
    expect_equal_rows(in_folder("old.h5"), &s, 5);
    rmx_rows_free(&rows);
    rmx_schema_free(&s);
}

Test(dataset, schemas_that_differ_are_named)
{
    rmx_schema a = small_schema(3, 2, 1, false), b = small_schema(3, 2, 1, false);
    rmx_error error = {""};
    cr_assert_eq(rmx_schema_match(&a, "a.h5", &b, "b.h5", &error), RMX_OK);
    b.vocabulary[1] = 99;
    cr_assert_eq(rmx_schema_match(&a, "a.h5", &b, "b.h5", &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "'c1'") && strstr(error.text, "99") && strstr(error.text, "b.h5"),
              "%s", error.text);
    b.vocabulary[1] = a.vocabulary[1];
    cr_assert_eq(rmx_schema_set(&b.names[4], "other", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_match(&a, "a.h5", &b, "b.h5", &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "'other'"), "%s", error.text);
    cr_assert_eq(rmx_schema_set(&b.names[4], "d0", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_check(&b, &error), RMX_ERR_ARGUMENT); /* twice the same name */
    cr_assert_eq(rmx_schema_set(&b.names[4], "a\nb", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_check(&b, &error), RMX_ERR_ARGUMENT);
    rmx_schema_free(&a);
    rmx_schema_free(&b);
}

Test(dataset, tables)
{
    rmx_schema s = small_schema(2, 0, 1, false);
    rmx_writer *writer;
    rmx_error error = {""};
    const uint64_t table[3] = {5, 1, 9};
    const uint8_t label = 1;
    const uint32_t ids[2] = {0, 1};
    cr_assert_eq(rmx_writer_open(in_folder("t.h5"), &s, 0, &writer, NULL), RMX_OK);
    cr_assert_eq(rmx_writer_table(writer, 1, table, 3, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_writer_append(writer, 1, &label, NULL, ids, NULL, &error), RMX_OK);
    cr_assert_eq(rmx_writer_finish(writer, NULL, &error), RMX_OK, "%s", error.text);
    uint64_t *back;
    int64_t count;
    cr_assert_eq(rmx_dataset_table(in_folder("t.h5"), "c1", &back, &count, &error), RMX_OK, "%s",
                 error.text);
    cr_assert_eq(count, 3);
    cr_assert_eq(memcmp(back, table, sizeof table), 0);
    free(back);
    cr_assert_eq(rmx_dataset_table(in_folder("t.h5"), "c0", &back, &count, &error), RMX_OK);
    cr_assert(!back && count == 0);
    cr_assert_eq(rmx_dataset_table(in_folder("t.h5"), "x", &back, &count, &error), RMX_ERR_DATA);
    rmx_schema_free(&s);
}
