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
    rmx_error error = {.text = ""};
    rmx_dataset_file file;
    rmx_rows want, got;
    cr_assert_eq(rmx_dataset_file_open(path, &file, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(file.schema.rows, count);
    cr_assert_eq(rmx_rows_alloc(&want, schema, count, NULL), RMX_OK);
    cr_assert_eq(rmx_rows_alloc(&got, schema, count, NULL), RMX_OK);
    small_rows(schema, 0, count, &want);
    for (int64_t b = 0; b < rmx_dataset_file_blocks(&file); b++)
        cr_assert_eq(rmx_dataset_file_read(&file, b, &got, b * file.block_rows, &error), RMX_OK,
                     "%s", error.text);
    for (int set = 0; set < RMX_SETS; set++) {
        const int64_t bytes = rmx_set_row_bytes(schema, set) * count;
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
        rmx_error error = {.text = ""};
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
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_schema_set(&s.names[1], "Ünïcode field", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_set(&s.task_names[0], "click", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_set(&s.spec, "one\ntwo\n", NULL), RMX_OK);
    s.ceiling_auc = 0.875;
    s.vocabulary[0] = 4294967295;
    const uint64_t fingerprint = write_small(in_folder("s.h5"), &s, 10, 4, 3);
    cr_assert_eq(rmx_dataset_schema(in_folder("s.h5"), &back, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_schema_match(&s, "a", &back, "b", &error), RMX_OK, "%s", error.text);
    cr_assert_str_eq(back.names[1], "Ünïcode field");
    cr_assert_str_eq(back.spec, "one\ntwo\n");
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
    enum { fields = 2000 }; /* attributes of HDF5 would end at 64 KiB */
    rmx_schema s = small_schema(fields, 1, 1, false), back;
    rmx_error error = {.text = ""};
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
    cr_assert_eq(rmx_schema_set(&s.source, "/another/path", NULL), RMX_OK);
    cr_assert_eq(write_small(in_folder("e.h5"), &s, 50, 8, 50), a, "a source is no content");
    cr_assert_eq(rmx_schema_set(&s.encoding[1].transform, "buckets=9", NULL), RMX_OK);
    cr_assert_neq(write_small(in_folder("f.h5"), &s, 50, 8, 50), a, "an encoding is");
    cr_assert_eq(rmx_schema_set(&s.encoding[1].transform, "id", NULL), RMX_OK);
    s.ceiling_auc = 0.5;
    cr_assert_neq(write_small(in_folder("d.h5"), &s, 50, 8, 50), a);
    rmx_schema_free(&s);
}

static void expect_refused(const rmx_schema *s, const rmx_rows *rows, const char *names)
{
    rmx_writer *writer;
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_writer_open(in_folder("bad.h5"), s, 8, &writer, NULL), RMX_OK);
    const rmx_writer_rows values = {
        .label = rows->label, .dense = rows->dense, .sparse = rows->sparse, .group = rows->group};
    cr_assert_eq(rmx_writer_append(writer, 4, &values, &error), RMX_ERR_DATA);
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
    rmx_error error = {.text = ""};
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
        rmx_error error = {.text = ""};
        rmx_writer *writer = NULL;
        setrlimit(RLIMIT_FSIZE, &small);
        rmx_status status = rmx_writer_open(in_folder("old.h5"), &s, 64, &writer, &error);
        const rmx_writer_rows values = {
            .label = rows.label, .dense = rows.dense, .sparse = rows.sparse};
        for (int i = 0; i < 20 && status == RMX_OK; i++)
            status = rmx_writer_append(writer, 100, &values, &error);
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
    rmx_error error = {.text = ""};
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
    rmx_error error = {.text = ""};
    const uint64_t table[3] = {5, 1, 9};
    const uint8_t label = 1;
    const uint32_t ids[2] = {0, 1};
    cr_assert_eq(rmx_writer_open(in_folder("t.h5"), &s, 0, &writer, NULL), RMX_OK);
    cr_assert_eq(rmx_writer_table(writer, 1, table, 3, &error), RMX_OK, "%s", error.text);
    const rmx_writer_rows row = {.label = &label, .sparse = ids};
    cr_assert_eq(rmx_writer_append(writer, 1, &row, &error), RMX_OK);
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

static rmx_schema with_table(const char *name, const uint64_t *table, int64_t values)
{
    rmx_schema s = small_schema(2, 1, 1, false);
    rmx_writer *writer;
    rmx_error error = {.text = ""};
    const uint8_t label = 1;
    const uint32_t ids[2] = {0, 1};
    const float x = 0.5f;
    const rmx_writer_rows row = {.label = &label, .sparse = ids, .dense = &x};
    s.vocabulary[1] = values + 1;
    s.encoding[1].unknown = true;
    cr_assert_eq(rmx_schema_set(&s.encoding[1].transform, "table", NULL), RMX_OK);
    cr_assert_eq(rmx_writer_open(in_folder(name), &s, 0, &writer, NULL), RMX_OK);
    cr_assert_eq(rmx_writer_table(writer, 1, table, values, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_writer_append(writer, 1, &row, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_writer_finish(writer, NULL, &error), RMX_OK, "%s", error.text);
    rmx_schema_free(&s);
    cr_assert_eq(rmx_dataset_schema(in_folder(name), &s, &error), RMX_OK, "%s", error.text);
    return s;
}

static void expect_match(const rmx_schema *a, const rmx_schema *b, const char *words)
{
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_schema_match(a, "a.h5", b, "b.h5", &error), words ? RMX_ERR_DATA : RMX_OK,
                 "%s", error.text);
    if (words) cr_assert(strstr(error.text, words), "'%s' lacks '%s'", error.text, words);
    cr_assert_eq(words != NULL, rmx_schema_encoding_hash(a) != rmx_schema_encoding_hash(b));
}

/* Equal names and sizes are not enough: the same number has to mean the same. */
Test(dataset, encodings_are_compared)
{
    const uint64_t table[4] = {5, 1, 9, 7}, other[3] = {5, 9, 1};
    rmx_schema a = with_table("a.h5", table, 3), same = with_table("s.h5", table, 3);
    rmx_schema b = with_table("b.h5", other, 3), grown = with_table("g.h5", table, 4);
    rmx_error error = {.text = ""};
    cr_assert_eq(a.encoding[1].values, 3);
    expect_match(&a, &same, NULL);
    expect_match(&a, &b, "field 'c1': the ids of b.h5 stand for other values");
    expect_match(&a, &grown, "field 'c1' has vocabulary 5 in b.h5 but 4 in a.h5");
    cr_assert_eq(rmx_schema_set(&same.spec, "[columns]", NULL), RMX_OK);
    cr_assert_eq(rmx_schema_set(&same.encoding[2].transform, "zscore centre=1", NULL), RMX_OK);
    expect_match(&a, &same, "field 'd0' is encoded as 'zscore centre=1' in b.h5 but as 'none'");
    cr_assert_eq(rmx_schema_match(&a, "a.h5", &same, "b.h5", &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "--vocab-from"), "%s", error.text);

    cr_assert_eq(rmx_dataset_match(&a, "a.h5", in_folder("a.h5"), &error), RMX_OK);
    cr_assert_eq(rmx_dataset_match(&a, "a.h5", in_folder("g.h5"), &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "its tables have grown"), "%s", error.text);
    cr_assert_eq(rmx_dataset_match(&a, "a.h5", in_folder("b.h5"), &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "stand for other values"), "%s", error.text);
    cr_assert_eq(rmx_dataset_match(&grown, "g.h5", in_folder("a.h5"), &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "has vocabulary 4 in"), "%s", error.text);
    rmx_schema_free(&a);
    rmx_schema_free(&b);
    rmx_schema_free(&same);
    rmx_schema_free(&grown);
}

/* Keys, rows of the source, hidden labels, rows without a group: all come back. */
Test(dataset, keys_and_masks)
{
    enum { KEY_ROWS = 50 };
    rmx_schema s = small_schema(1, 1, 2, true);
    rmx_writer *writer;
    rmx_error error = {.text = ""};
    rmx_rows rows;
    uint64_t source[KEY_ROWS];
    static char names[2 * KEY_ROWS][32];
    const char *text[2 * KEY_ROWS];
    s.has_row = true;
    s.task_masked[1] = true;
    cr_assert_eq(rmx_schema_add_text(&s, "user", true, &error), RMX_OK);
    cr_assert_eq(rmx_schema_add_text(&s, "k\"ey", false, &error), RMX_OK);
    cr_assert_eq(rmx_rows_alloc(&rows, &s, KEY_ROWS, NULL), RMX_OK);
    small_rows(&s, 0, KEY_ROWS, &rows);
    for (int i = 0; i < KEY_ROWS; i++) {
        source[i] = (uint64_t)(3 * i + 1);
        snprintf(names[2 * i], sizeof *names, "user %d", i % 12);
        snprintf(names[2 * i + 1], sizeof *names, "%0*d", 1 + i % 20, i);
        if (i == 9) names[2 * i + 1][0] = '\0';
        text[2 * i] = names[2 * i];
        text[2 * i + 1] = names[2 * i + 1];
    }
    rows.label[2 * 7 + 1] = rows.label[2 * 8 + 1] = RMX_LABEL_MASKED;
    rows.group[3] = rows.group[4] = rows.group[5] = 0;
    const rmx_writer_rows values = {.label = rows.label,
                                    .dense = rows.dense,
                                    .sparse = rows.sparse,
                                    .group = rows.group,
                                    .row = source,
                                    .text = text};
    cr_assert_eq(rmx_writer_open(in_folder("k.h5"), &s, 16, &writer, &error), RMX_OK, "%s",
                 error.text);
    cr_assert_eq(rmx_writer_append(writer, KEY_ROWS, &values, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_writer_finish(writer, NULL, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_dataset_check(in_folder("k.h5"), NULL, NULL, &error), RMX_OK, "%s",
                 error.text);

    rmx_reader *reader;
    rmx_reader_view view;
    const rmx_reader_options how = {.batch = KEY_ROWS, .keys = true};
    cr_assert_eq(rmx_reader_open(in_folder("k.h5"), &how, &reader, &error), RMX_OK);
    const rmx_schema *got = rmx_reader_schema(reader);
    cr_assert_eq(got->rows_without_group, 3);
    cr_assert_eq(got->label_count[1].masked, 2);
    cr_assert_eq(got->label_count[1].positive + got->label_count[1].negative, KEY_ROWS - 2);
    cr_assert(got->text_columns == 2 && got->group_text == 0);
    cr_assert(got->text_bytes[0] == 7 && got->text_bytes[1] == 20);
    cr_assert_str_eq(got->text_names[1], "k\"ey");
    cr_assert_eq(rmx_reader_next(reader, &view, &error), RMX_OK, "%s", error.text);
    for (int i = 0; i < KEY_ROWS; i++) {
        cr_assert_eq(view.source[i], source[i]);
        cr_assert_eq(strncmp(view.text + 27 * i, names[2 * i], 7), 0);
        cr_assert_eq(strncmp(view.text + 27 * i + 7, names[2 * i + 1], 20), 0);
    }
    rmx_reader_close(reader);
    rmx_rows_free(&rows);
    rmx_schema_free(&s);
}

Test(dataset, rows_without_labels)
{
    rmx_schema s = small_schema(1, 1, 1, false), back;
    rmx_writer *writer;
    rmx_error error = {.text = ""};
    const uint32_t id = 3;
    const float x = 1.0f;
    const rmx_writer_rows row = {.sparse = &id, .dense = &x};
    s.has_label = false;
    cr_assert_eq(rmx_writer_open(in_folder("u.h5"), &s, 0, &writer, &error), RMX_OK);
    cr_assert_eq(rmx_writer_append(writer, 1, &row, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_writer_finish(writer, NULL, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_dataset_schema(in_folder("u.h5"), &back, &error), RMX_OK, "%s", error.text);
    cr_assert(!back.has_label && back.tasks == 1);
    cr_assert_eq(rmx_schema_need_labels(&back, "u.h5", &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "no labels") && strstr(error.text, "rmx-predict"), "%s",
              error.text);
    rmx_schema_free(&s);
    rmx_schema_free(&back);
}

/* Two outputs that belong together: both are complete before the first takes its place. */
Test(dataset, complete_then_finish)
{
    rmx_schema s = small_schema(1, 1, 1, false);
    rmx_writer *writer;
    rmx_error error = {.text = ""};
    const uint8_t label = 0;
    const uint32_t id = 3;
    const float x = 1.0f;
    const rmx_writer_rows row = {.label = &label, .sparse = &id, .dense = &x};
    const uint64_t old = write_small(in_folder("p.h5"), &s, 5, 8, 5);
    cr_assert_eq(rmx_writer_open(in_folder("p.h5"), &s, 0, &writer, &error), RMX_OK);
    cr_assert_eq(rmx_writer_append(writer, 1, &row, &error), RMX_OK);
    cr_assert_eq(rmx_writer_complete(writer, &error), RMX_OK, "%s", error.text);
    expect_equal_rows(in_folder("p.h5"), &s, 5);
    cr_assert_eq(files_in_folder(), 2);
    uint64_t fingerprint = 0;
    cr_assert_eq(rmx_writer_finish(writer, &fingerprint, &error), RMX_OK, "%s", error.text);
    cr_assert_neq(fingerprint, old);
    cr_assert_eq(files_in_folder(), 1);
    rmx_schema_free(&s);
}
