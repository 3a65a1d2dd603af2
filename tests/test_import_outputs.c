/* SPDX-License-Identifier: MIT */
/* test_import_outputs.c: what goes where: splits, outputs that are inputs, sets to go by. */
#include "import_testing.h"

#include <sys/stat.h>

#include "data/same_file.h"

TestSuite(import_outputs, .fini = remove_folder);

#define SPEC                                                                            \
    "[columns]\nuser = group\nday = skip\nx = dense\nc = sparse\ny = label positive=1 " \
    "negative=0\n"

static char valid[512], fitted[512];

/* 400 rows of 40 users; days go up and down. */
static const char *many_rows(void)
{
    static char text[400 * 48];
    text[0] = '\0';
    for (int i = 0; i < 400; i++)
        sprintf(text + strlen(text), "u%d,2026-%02d-%02d,%d,v%d,%d\n", i % 40, 1 + (i * 7) % 10,
                1 + i % 28, i % 9, i % 5, i % 2);
    return text;
}

static rmx_import_options split_by(rmx_split_by by, const char *column)
{
    snprintf(valid, sizeof valid, "%s", in_folder("valid.h5"));
    return (rmx_import_options){.split_output = valid,
                                .split_fraction = 0.25,
                                .split_by = by,
                                .split_column = column,
                                .split_seed = 3};
}

/* Does a text of column `column` occur in both sets? */
static bool shared_text(const loaded *a, const loaded *b, int32_t column)
{
    for (int64_t i = 0; i < a->s.rows; i++) {
        char text[RMX_TEXT_VALUE_MAX + 1];
        snprintf(text, sizeof text, "%s", text_at(a, i, column));
        for (int64_t j = 0; j < b->s.rows; j++)
            if (strcmp(text, text_at(b, j, column)) == 0) return true;
    }
    return false;
}

Test(import_outputs, a_group_is_on_one_side)
{
    rmx_import_result r = import_good(SPEC, many_rows(), split_by(RMX_SPLIT_GROUP, NULL));
    cr_assert(r.rows + r.split_rows == 400 && r.split_rows > 40 && r.split_rows < 180, "%d",
              (int)r.split_rows);
    loaded a = load_set("out.h5"), b = load_set("valid.h5");
    cr_assert(!shared_text(&a, &b, 0));
    const int64_t first = a.s.rows;
    unload_set(&a);
    unload_set(&b);
    /* the seed chooses other groups */
    rmx_import_options other = split_by(RMX_SPLIT_GROUP, NULL);
    bool differs = false;
    for (uint64_t seed = 4; seed < 8 && !differs; seed++) {
        other.split_seed = seed;
        differs = import_good(SPEC, many_rows(), other).rows != first;
    }
    cr_assert(differs);
    import_bad("[columns]\nx = dense\ny = label positive=1\n", "1,1\n", other, RMX_ERR_ARGUMENT,
               "needs a group");
}

Test(import_outputs, rows_without_a_group_go_by_themselves)
{
    static char text[200 * 20];
    for (int i = 0; i < 200; i++) sprintf(text + strlen(text), ",,%d,a,%d\n", i % 3, i % 2);
    const rmx_import_result r = import_good(SPEC, text, split_by(RMX_SPLIT_GROUP, NULL));
    cr_assert(r.split_rows > 20 && r.split_rows < 80, "%d", (int)r.split_rows);
}

Test(import_outputs, a_value_of_a_column_is_on_one_side)
{
    const char *spec = "[columns]\nuser = group\nday = key\nx = dense\nc = sparse\n"
                       "y = label positive=1\n";
    const rmx_import_result r = import_good(spec, many_rows(), split_by(RMX_SPLIT_COLUMN, "day"));
    cr_assert(r.rows + r.split_rows == 400 && r.split_rows > 20);
    loaded a = load_set("out.h5"), b = load_set("valid.h5");
    cr_assert(!shared_text(&a, &b, 1) && shared_text(&a, &b, 0));
    unload_set(&a);
    unload_set(&b);
}

Test(import_outputs, the_latest_rows)
{
    const char *spec = "[columns]\nuser = group\nday = key\nx = dense\nc = sparse\n"
                       "y = label positive=1\n";
    const rmx_import_result r = import_good(spec, many_rows(), split_by(RMX_SPLIT_TIME, "day"));
    cr_assert(r.split_rows >= 100 && r.split_rows < 130, "%d", (int)r.split_rows);
    loaded a = load_set("out.h5"), b = load_set("valid.h5");
    char latest[256] = "", earliest[256] = "9";
    for (int64_t i = 0; i < a.s.rows; i++)
        if (strcmp(text_at(&a, i, 1), latest) > 0)
            snprintf(latest, sizeof latest, "%s", text_at(&a, i, 1));
    for (int64_t i = 0; i < b.s.rows; i++)
        if (strcmp(text_at(&b, i, 1), earliest) < 0)
            snprintf(earliest, sizeof earliest, "%s", text_at(&b, i, 1));
    cr_assert(strcmp(latest, earliest) < 0, "%s %s", latest, earliest);
    unload_set(&a);
    unload_set(&b);
}

Test(import_outputs, times_to_split_by)
{
    const rmx_import_options o = split_by(RMX_SPLIT_TIME, "day");
    /* numbers of any kind; rows without one stay; equal ones stay together */
    rmx_import_result r =
        import_good(SPEC, "u,5,1,a,1\nu,,1,a,0\nu,7,1,a,0\nu,6,1,a,1\nu,7,1,a,1\n", o);
    cr_assert(r.rows == 3 && r.split_rows == 2);
    loaded b = load_set("valid.h5");
    cr_assert(b.r.row[0] == 2 && b.r.row[1] == 4);
    unload_set(&b);
    import_bad(SPEC, "u,5,1,a,1\nu,soon,1,a,0\nu,7,1,a,0\n", o, RMX_ERR_DATA,
               "column 'day': 'soon' is no time");
    import_bad(SPEC, "u,5,1,a,1\nu,5,1,a,0\n", o, RMX_ERR_DATA, "0 good rows for");
    import_bad(SPEC, "u,5,1,a,1\n", split_by(RMX_SPLIT_TIME, "week"), RMX_ERR_ARGUMENT,
               "'week', is not in the column spec");
    import_bad(SPEC, "u,5,1,a,1\n", split_by(RMX_SPLIT_TIME, NULL), RMX_ERR_ARGUMENT,
               "--split-column");
    import_bad("[file]\nheader = yes\n" SPEC, "user,x,c,y\nu,1,a,1\n", o, RMX_ERR_DATA,
               "no column 'day' to split by");
    /* bad rows have no time either */
    rmx_import_options any = o;
    any.max_bad = 0.5;
    r = import_good(SPEC, "u,5,1,a,1\nu,9\nu,7,1,a,0\nu,6,1,a,1\nu,8,1,a,1\n", any);
    cr_assert(r.rows == 3 && r.split_rows == 1 && r.bad_rows == 1);
}

Test(import_outputs, one_class_in_a_split_is_warned_about)
{
    static char text[4000];
    for (int i = 0; i < 100; i++)
        sprintf(text + strlen(text), "u%d,1,1,a,%d\n", i, i < 60 && i % 2);
    const rmx_import_result r = import_good(SPEC, text, split_by(RMX_SPLIT_TAIL, NULL));
    cr_assert(r.warnings == 1 && warned(&r, "valid.h5 are negative; AUC is undefined there"));
    cr_assert(r.output[1].label[0].negative == 25 && r.output[1].label[0].positive == 0);
    cr_assert(r.output[0].label[0].negative == 45 && r.output[0].label[0].positive == 30);
}

/* ---- Outputs that are inputs ----------------------------------------------------------------- */

Test(import_outputs, files_that_are_the_same)
{
    char a[512], other[600], hard[512], soft[512], absent[512];
    snprintf(a, sizeof a, "%s", write_text("a", "a"));
    snprintf(other, sizeof other, "%s/./a", own_folder());
    snprintf(hard, sizeof hard, "%s", in_folder("hard"));
    snprintf(soft, sizeof soft, "%s", in_folder("soft"));
    snprintf(absent, sizeof absent, "%s", in_folder("absent"));
    cr_assert(link(a, hard) == 0 && symlink("a", soft) == 0);
    cr_assert(rmx_files_same(a, a) && rmx_files_same(a, other));
    cr_assert(rmx_files_same(a, hard) && rmx_files_same(soft, hard));
    cr_assert(!rmx_files_same(a, absent) && rmx_files_same(absent, absent));
    snprintf(other, sizeof other, "%s/./absent", own_folder());
    cr_assert(rmx_files_same(absent, other));
    cr_assert(!rmx_files_same(absent, "absent") && !rmx_files_same(absent, "/absent"));
    (void)write_text("b", "a");
    cr_assert(!rmx_files_same(a, in_folder("b")));
}

/* One of output, split and bad is `path`, which is refused. */
static void refuse_output(const char *path)
{
    rmx_error error = {.text = ""};
    char out[512];
    snprintf(out, sizeof out, "%s", in_folder("new.h5"));
    for (int i = 0; i < 3; i++) {
        const rmx_import_options o = {.output = i == 0 ? path : out,
                                      .split_output = i == 1 ? path : NULL,
                                      .split_fraction = 0.5,
                                      .bad_output = i == 2 ? path : NULL,
                                      .fitted_on = fitted};
        cr_assert_eq(import_files(SPEC, "in.csv", o, NULL, &error), RMX_ERR_ARGUMENT, "%s %d",
                     path, i);
        cr_assert(strstr(error.text, "would replace the input"), "%s", error.text);
    }
}

Test(import_outputs, an_output_is_no_input)
{
    static const char *const inputs[] = {"in.csv", "spec.ini", "fitted.h5"};
    struct stat before, after;
    char hard[512], soft[512], other[700];
    (void)import_good(SPEC, many_rows(), plain_options);
    snprintf(fitted, sizeof fitted, "%s", in_folder("fitted.h5"));
    snprintf(hard, sizeof hard, "%s", in_folder("hard"));
    snprintf(soft, sizeof soft, "%s", in_folder("soft"));
    cr_assert_eq(rename(in_folder("out.h5"), fitted), 0);
    for (int i = 0; i < 3; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s", in_folder(inputs[i]));
        snprintf(other, sizeof other, "%s/../%s/%s", own_folder(), strrchr(own_folder(), '/') + 1,
                 inputs[i]);
        cr_assert(link(path, hard) == 0 && symlink(path, soft) == 0 && stat(path, &before) == 0);
        refuse_output(path);
        refuse_output(hard);
        refuse_output(soft);
        refuse_output(other);
        cr_assert(stat(path, &after) == 0 && after.st_ino == before.st_ino &&
                  after.st_size == before.st_size);
        cr_assert(unlink(hard) == 0 && unlink(soft) == 0);
    }
    const rmx_import_options twice = {.output = in_folder("new.h5"),
                                      .split_output = in_folder("./new.h5"),
                                      .split_fraction = 0.5};
    import_bad(SPEC, many_rows(), twice, RMX_ERR_ARGUMENT, "are one file");
    cr_assert_eq(files_in_folder(), 3);
}

/* The second of two outputs cannot take its place: the first one's older file comes back. */
Test(import_outputs, two_outputs_appear_together)
{
    char folder[512], old[512];
    rmx_error error = {.text = ""};
    snprintf(folder, sizeof folder, "%s", in_folder("folder"));
    snprintf(old, sizeof old, "%s", write_text("valid.h5", "old"));
    rmx_import_options o = split_by(RMX_SPLIT_TAIL, NULL);
    cr_assert_eq(mkdir(folder, 0777), 0);
    o.output = folder;
    cr_assert_neq(import_text(SPEC, many_rows(), o, NULL, &error), RMX_OK);
    char text[8] = "";
    FILE *f = fopen(old, "rb");
    cr_assert(f && fread(text, 1, 4, f) == 3 && strcmp(text, "old") == 0);
    fclose(f);
    /* and where there was none, there is none */
    cr_assert_eq(unlink(old), 0);
    cr_assert_neq(import_text(SPEC, many_rows(), o, NULL, &error), RMX_OK);
    cr_assert_eq(access(old, F_OK), -1);
    cr_assert_eq(rmdir(folder), 0);
    cr_assert_eq(files_in_folder(), 2);
    o.output = NULL;
    (void)import_good(SPEC, many_rows(), o);
    (void)import_good(SPEC, many_rows(), o); /* over the older ones */
    cr_assert_eq(files_in_folder(), 4);
}

/* ---- Sets to go by --------------------------------------------------------------------------- */

Test(import_outputs, sets_that_nothing_can_be_imported_by)
{
    rmx_schema s = small_schema(1, 1, 1, false);
    snprintf(fitted, sizeof fitted, "%s", in_folder("fitted.h5"));
    const rmx_import_options by = {.fitted_on = fitted};
    (void)write_small(fitted, &s, 10, 0, 10);
    import_bad(NULL, many_rows(), by, RMX_ERR_DATA, "has no column spec");
    /* a spec, but no table */
    cr_assert_eq(rmx_schema_set(
                     &s.spec, "[columns]\nc0 = sparse\nd0 = dense\ny = label positive=1\n", NULL),
                 RMX_OK);
    (void)write_small(fitted, &s, 10, 0, 10);
    import_bad(NULL, "a,1,1\n", by, RMX_ERR_DATA, "has no table for 'c0'");
    /* nothing fitted */
    cr_assert_eq(
        rmx_schema_set(&s.spec, "[columns]\nd0 = dense zscore\ny = label positive=1\n", NULL),
        RMX_OK);
    (void)write_small(fitted, &s, 10, 0, 10);
    import_bad(NULL, "1,1\n", by, RMX_ERR_DATA, "centre and factor");
    rmx_schema_free(&s);
}

Test(import_outputs, a_valid_set_with_its_own_numbers_does_not_match)
{
    rmx_error error = {.text = ""};
    const char *spec = "[columns]\nc = sparse\nx = dense zscore\ny = label positive=1\n";
    (void)import_good(spec, "a,1,1\na,1,1\nb,2,0\n", plain_options);
    loaded train = load_set("out.h5");
    (void)import_good(spec, "p,1,1\np,1,1\nq,2,0\n", plain_options);
    loaded other = load_set("out.h5");
    cr_assert_eq(rmx_schema_match(&train.s, "train.h5", &other.s, "valid.h5", &error),
                 RMX_ERR_DATA);
    cr_assert(strstr(error.text, "'c'") && strstr(error.text, "--vocab-from"), "%s", error.text);
    unload_set(&other);
    (void)import_good(spec, "a,1,1\na,1,1\nb,3,0\n", plain_options);
    other = load_set("out.h5");
    cr_assert_eq(rmx_schema_match(&train.s, "train.h5", &other.s, "valid.h5", &error),
                 RMX_ERR_DATA);
    cr_assert(strstr(error.text, "'x'") && strstr(error.text, "--vocab-from"), "%s", error.text);
    unload_set(&other);
    unload_set(&train);
}
