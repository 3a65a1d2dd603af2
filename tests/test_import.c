/* SPDX-License-Identifier: MIT */
/* test_import.c: text tables into datasets: what a value becomes, and what is refused. */
#include <criterion/criterion.h>
#include <math.h>

#include "data/spec.h"
#include "data/value_table.h"
#include "import_testing.h"

TestSuite(import, .fini = remove_folder);

static const char spec_text[] = "[file]\nmissing = ?\n[columns]\n"
                                "age = dense zscore flag\ncity = sparse min_count=2\n"
                                "shop = sparse buckets=4\nuser = group\nnote = skip\n"
                                "bought = label positive=yes|y negative=no\n";
static const char table[] = "10, Bonn, a, u1, x, yes\n20, Bonn, b, u2, x, no\n"
                            "30, Ulm, ?, u1, x, y\n?, Jena, c, u3, x, no\n"
                            "40, Ulm, a, u2, \"x, y\", yes\n\n";

/* All rows of a file; free with rmx_rows_free. */
static rmx_rows load(const char *path, rmx_schema *schema)
{
    const loaded set = load_set(strrchr(path, '/') + 1);
    *schema = set.s;
    return set.r;
}

Test(import, values)
{
    rmx_error error = {.text = ""};
    rmx_import_result result;
    rmx_schema s;
    cr_assert_eq(import_text(spec_text, table, plain_options, &result, &error), RMX_OK, "%s",
                 error.text);
    cr_assert(result.rows == 5 && result.bad_rows == 0 && result.missing_values == 1 &&
              result.unknown_values == 1);
    const rmx_rows r = load(in_folder("out.h5"), &s);
    cr_assert(s.sparse_fields == 2 && s.dense_fields == 2 && s.tasks == 1 && s.has_group);
    cr_assert(s.vocabulary[0] == 3 && s.vocabulary[1] == 5);
    cr_assert_str_eq(s.names[2], "age");
    cr_assert_str_eq(s.names[3], "age_missing");
    cr_assert_str_eq(s.task_names[0], "bought");
    static const uint8_t labels[] = {1, 0, 1, 0, 1};
    cr_assert_eq(memcmp(r.label, labels, 5), 0);
    const double sd = sqrt(125.0); /* ages 10 20 30 40: mean 25 */
    for (int i = 0; i < 5; i++) {
        const double age = i == 4 ? 40.0 : 10.0 * (i + 1);
        cr_assert_eq(r.dense[2 * i], i == 3 ? 0.0f : (float)((age - 25.0) * (1.0 / sd)));
        cr_assert_eq(r.dense[2 * i + 1], i == 3 ? 1.0f : 0.0f);
    }
    cr_assert(r.sparse[0] == r.sparse[2] && r.sparse[0] > 0);  /* Bonn */
    cr_assert(r.sparse[4] == r.sparse[8] && r.sparse[4] > 0);  /* Ulm */
    cr_assert(r.sparse[4] != r.sparse[0] && r.sparse[6] == 0); /* Jena is rare */
    cr_assert(r.sparse[1] == r.sparse[9] && r.sparse[5] == 0); /* buckets; missing */
    cr_assert(r.group[0] == r.group[2] && r.group[1] == r.group[4] && r.group[0] != r.group[1]);
    rmx_rows free_rows = r;
    rmx_rows_free(&free_rows);
    rmx_schema_free(&s);
}

Test(import, log_transform)
{
    rmx_error error = {.text = ""};
    rmx_schema s;
    cr_assert_eq(import_text("[columns]\nx = dense log\ny = label positive=1\n",
                             "0,1\n1.5,0\n-2,1\n,0\n1e6,0\n", plain_options, NULL, &error),
                 RMX_OK, "%s", error.text);
    rmx_rows r = load(in_folder("out.h5"), &s);
    static const double want[] = {0.0, 0.91629073, -2.0, 0.0, 13.8155116};
    for (int i = 0; i < 5; i++) cr_assert(fabs((double)r.dense[i] - want[i]) < 1e-5);
    rmx_rows_free(&r);
    rmx_schema_free(&s);
}

Test(import, another_set_uses_the_fitted_numbers)
{
    rmx_error error = {.text = ""};
    rmx_import_result result;
    rmx_schema a, b;
    cr_assert_eq(import_text(spec_text, table, plain_options, NULL, &error), RMX_OK);
    char fitted[256], other[256];
    snprintf(fitted, sizeof fitted, "%s", in_folder("out.h5"));
    snprintf(other, sizeof other, "%s", in_folder("other.h5"));
    rmx_import_options more = {.fitted_on = fitted, .output = other};
    cr_assert_eq(
        import_text(NULL, "25,Ulm,a,u9,x,no\n10,Paris,a,u9,x,no\n", more, &result, &error), RMX_OK,
        "%s", error.text);
    cr_assert_eq(result.unknown_values, 1);
    rmx_rows x = load(fitted, &a), y = load(other, &b);
    cr_assert_eq(rmx_schema_match(&a, "a", &b, "b", &error), RMX_OK, "%s", error.text);
    cr_assert_str_eq(a.spec, b.spec);
    cr_assert(y.dense[0] == 0.0f && y.dense[2] == x.dense[0]);
    cr_assert(y.sparse[0] == x.sparse[4] && y.sparse[1] == x.sparse[1] && y.sparse[2] == 0);
    rmx_rows_free(&x);
    rmx_rows_free(&y);
    rmx_schema_free(&a);
    rmx_schema_free(&b);
    /* the third generation too: the tables are handed on; other columns are not */
    more.fitted_on = other;
    more.output = fitted;
    cr_assert_eq(import_text(spec_text, table, more, &result, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(
        import_text("[columns]\na = dense\nb = label positive=1\n", "1,1\n", more, NULL, &error),
        RMX_ERR_ARGUMENT);
    cr_assert(strstr(error.text, "other columns"), "%s", error.text);
}

Test(import, commonest_values_come_first)
{
    rmx_error error = {.text = ""};
    rmx_schema s;
    cr_assert_eq(import_text("[columns]\nc = sparse most=2\ny = label positive=1\n",
                             "b,1\na,0\nb,1\nc,0\na,1\nb,0\n", plain_options, NULL, &error),
                 RMX_OK, "%s", error.text);
    rmx_rows r = load(in_folder("out.h5"), &s);
    static const uint32_t want[] = {1, 2, 1, 0, 2, 1};
    cr_assert_eq(s.vocabulary[0], 3);
    cr_assert_eq(memcmp(r.sparse, want, sizeof want), 0);
    rmx_rows_free(&r);
    rmx_schema_free(&s);
}

Test(import, header_finds_columns_by_name)
{
    rmx_error error = {.text = ""};
    rmx_schema s;
    const char *spec = "[file]\nheader = yes\nseparator = tab\n[columns]\n"
                       "y = label positive=1\nx = dense\n";
    cr_assert_eq(
        import_text(spec, "x\tother\ty\r\n1\tq\t1\r\n2\tq\t0\r\n", plain_options, NULL, &error),
        RMX_OK, "%s", error.text);
    rmx_rows r = load(in_folder("out.h5"), &s);
    cr_assert(s.rows == 2 && r.dense[1] == 2.0f && r.label[0] == 1 && r.label[1] == 0);
    rmx_rows_free(&r);
    rmx_schema_free(&s);
    cr_assert_eq(import_text(spec, "x\tz\n1\t2\n", plain_options, NULL, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "no column 'y'"), "%s", error.text);
}

Test(import, bad_rows_are_counted_or_refused)
{
    rmx_error error = {.text = ""};
    rmx_import_result result;
    rmx_import_options strict = {.strict = true};
    const char *bad = "10,Bonn,a,u1,x,yes\n1,2\nabc,Bonn,a,u1,x,yes\n10,Bonn,a,u1,x,maybe\n"
                      "1e99,Bonn,a,u1,x,no\ninf,Bonn,a,u1,x,no\n\"10,Bonn,a,u1,x,no\n"
                      "10,Bonn,a,u1,x,no,more\n20,Bonn,a,u1,x,no\n";
    const rmx_import_options any = {.max_bad = 1.0};
    cr_assert_eq(import_text(spec_text, bad, any, &result, &error), RMX_OK, "%s", error.text);
    cr_assert(result.rows == 2 && result.bad_rows == 7, "%ld", (long)result.bad_rows);
    cr_assert(strstr(result.first_bad, "in.csv:2: 2 columns instead of 6"), "%s",
              result.first_bad);
    remove(in_folder("out.h5"));
    cr_assert_eq(import_text(spec_text, bad, strict, &result, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "in.csv:2:"), "%s", error.text);
    cr_assert_eq(import_text(spec_text, "a\n\n", plain_options, &result, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "0 good rows"), "%s", error.text);
    cr_assert_eq(files_in_folder(), 2); /* the table and the spec, no output */
}

Test(import, splits)
{
    static char text[200 * 16];
    for (int i = 0; i < 200; i++) sprintf(text + strlen(text), "%d,v%d,%d\n", i, i % 3, i % 2);
    const char *spec = "[columns]\nx = dense\nc = sparse\ny = label positive=1\n";
    char other[256];
    snprintf(other, sizeof other, "%s", in_folder("valid.h5"));
    rmx_error error = {.text = ""};
    rmx_import_result result;
    rmx_import_options more = {
        .split_output = other, .split_fraction = 0.25, .split_by = RMX_SPLIT_TAIL};
    rmx_schema a, b;
    cr_assert_eq(import_text(spec, text, more, &result, &error), RMX_OK, "%s", error.text);
    cr_assert(result.rows == 150 && result.split_rows == 50);
    rmx_rows x = load(in_folder("out.h5"), &a), y = load(other, &b);
    cr_assert(x.dense[149] == 149.0f && y.dense[0] == 150.0f && y.dense[49] == 199.0f);
    cr_assert_eq(rmx_schema_match(&a, "a", &b, "b", &error), RMX_OK);
    rmx_rows_free(&x);
    rmx_rows_free(&y);
    rmx_schema_free(&a);
    rmx_schema_free(&b);
    more.split_by = RMX_SPLIT_HASH;
    more.split_seed = 1;
    cr_assert_eq(import_text(spec, text, more, &result, &error), RMX_OK, "%s", error.text);
    cr_assert(result.rows + result.split_rows == 200 && result.split_rows > 30 &&
                  result.split_rows < 70,
              "%ld", (long)result.split_rows);
    more.split_fraction = 1.5;
    cr_assert_eq(import_text(spec, text, more, &result, &error), RMX_ERR_ARGUMENT);
}

/* Ids are fitted on the rows that stay: a value that only split-off rows have is unknown. */
Test(import, split_rows_take_no_part_in_fitting)
{
    char other[256];
    snprintf(other, sizeof other, "%s", in_folder("valid.h5"));
    const rmx_import_options more = {
        .split_output = other, .split_fraction = 0.5, .split_by = RMX_SPLIT_TAIL};
    rmx_error error = {.text = ""};
    rmx_schema a, b;
    cr_assert_eq(import_text("[columns]\nx = dense zscore\nc = sparse\ny = label positive=1\n",
                             "1,a,1\n3,a,0\n100,b,1\n100,a,0\n", more, NULL, &error),
                 RMX_OK, "%s", error.text);
    rmx_rows x = load(in_folder("out.h5"), &a), y = load(other, &b);
    cr_assert(x.dense[0] == -1.0f && x.dense[1] == 1.0f && y.dense[0] == 98.0f);
    cr_assert(y.sparse[0] == 0 && y.sparse[1] == 1);
    rmx_rows_free(&x);
    rmx_rows_free(&y);
    rmx_schema_free(&a);
    rmx_schema_free(&b);
}

Test(import, criteo_line)
{
    /* the two last categories are cut off, as in published samples */
    char text[600] = "1\t0\t-2\t\t5\t7\t7\t7\t7\t7\t7\t7\t7\t7";
    for (int i = 1; i <= 24; i++)
        snprintf(text + strlen(text), 16, "\t%08x%s", i, i == 24 ? "\n" : "");
    rmx_import_options more = {.format = "criteo"};
    rmx_import_result result;
    rmx_error error = {.text = ""};
    rmx_schema s;
    /* one line that lost columns is no table of another width; beside whole ones it is filled */
    cr_assert_eq(import_text(NULL, text, more, NULL, &error), RMX_ERR_DATA);
    char all[2000];
    snprintf(all, sizeof all, "%s", text);
    for (int line = 0; line < 2; line++) {
        snprintf(all + strlen(all), 40, "0%s", "\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1");
        for (int i = 1; i <= 26; i++)
            snprintf(all + strlen(all), 16, "\t%08x%s", i, i == 26 ? "\n" : "");
    }
    cr_assert_eq(import_text(NULL, all, more, &result, &error), RMX_OK, "%s", error.text);
    cr_assert(result.padded_rows == 1 && result.padded_values == 2);
    rmx_rows r = load(in_folder("out.h5"), &s);
    cr_assert(s.sparse_fields == 26 && s.dense_fields == 26 && r.label[0] == 1);
    cr_assert(r.dense[2] == -2.0f && r.dense[4] == 0.0f && r.dense[5] == 1.0f);
    rmx_rows_free(&r);
    rmx_schema_free(&s);
}

Test(import, several_files_are_one_table)
{
    const char *input[2] = {write_text("a.csv", "1,1\n2,0"), write_text("b.csv", "3,1\n")};
    const char *spec = write_text("spec.ini", "[columns]\nx = dense\ny = label positive=1\n");
    rmx_import_result result;
    rmx_error error = {.text = ""};
    const rmx_import_options o = {
        .format = "csv", .spec = spec, .input = input, .inputs = 2, .output = in_folder("out.h5")};
    cr_assert_eq(rmx_import(&o, &result, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(result.rows, 3);
    rmx_import_result_free(&result);
    input[1] = "/nonexistent.csv";
    cr_assert_eq(rmx_import(&o, &result, &error), RMX_ERR_DATA);
    rmx_import_result_free(&result);
}

/* ---- Parts ---------------------------------------------------------------------------------- */

Test(import, specs_print_as_they_are_read)
{
    const char *const texts[] = {spec_text, rmx_spec_preset("criteo"), rmx_spec_preset("avazu")};
    for (int i = 0; i < 3; i++) {
        rmx_spec a, b;
        rmx_error error = {.text = ""};
        cr_assert_eq(rmx_spec_parse("a", texts[i], &a, &error), RMX_OK, "%s", error.text);
        char *first = rmx_spec_print(&a);
        cr_assert_eq(rmx_spec_parse("b", first, &b, &error), RMX_OK, "%s", error.text);
        char *second = rmx_spec_print(&b);
        cr_assert_str_eq(first, second);
        free(first);
        free(second);
        rmx_spec_free(&a);
        rmx_spec_free(&b);
    }
    rmx_spec adult;
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_spec_load(testing_path("configs/adult.columns.ini"), &adult, &error), RMX_OK,
                 "%s", error.text);
    cr_assert_eq(adult.columns, 15);
    rmx_spec_free(&adult);
}

Test(import, lines_that_are_no_text)
{
    static char big[(1 << 20) + 100];
    memset(big, 'x', sizeof big - 2);
    big[sizeof big - 2] = '\n';
    FILE *f = fopen(in_folder("odd.csv"), "wb");
    fwrite("1,1\n1,\0001\n", 1, 9, f);
    fwrite(big, 1, sizeof big - 1, f);
    fputs("2,0", f);
    fclose(f);
    const char *input[1] = {in_folder("odd.csv")};
    const char *spec = write_text("spec.ini", "[columns]\nx = dense\ny = label positive=1\n");
    rmx_import_result result;
    rmx_error error = {.text = ""};
    const rmx_import_options o = {.format = "csv",
                                  .spec = spec,
                                  .input = input,
                                  .inputs = 1,
                                  .output = in_folder("out.h5"),
                                  .max_bad = 0.5};
    cr_assert_eq(rmx_import(&o, &result, &error), RMX_OK, "%s", error.text);
    cr_assert(result.rows == 2 && result.bad_rows == 2);
    cr_assert(strstr(result.first_bad, "odd.csv:2: there is a zero byte in the line"), "%s",
              result.first_bad);
    rmx_import_result_free(&result);
}

Test(import, tables_hold_many_values)
{
    enum { N = 100000 };
    rmx_value_table counts = {0}, ids = {0};
    for (uint64_t i = 0; i < N; i++)
        for (uint64_t k = 0; k <= i % 3; k++) cr_assert(rmx_value_count(&counts, i + 1));
    uint64_t *list;
    int64_t count;
    cr_assert(rmx_value_rank(&counts, 2, 0, &list, &count));
    cr_assert_eq(count, N - (N + 2) / 3);
    cr_assert(rmx_value_number(&ids, list, count));
    for (int64_t i = 0; i < count; i++)
        cr_assert_eq(rmx_value_id(&ids, list[i]), (uint32_t)(i + 1));
    cr_assert_eq(rmx_value_id(&ids, 1), 0u); /* seen once */
    cr_assert_eq(rmx_value_id(&ids, N + 7), 0u);
    list[1] = list[0];
    rmx_value_free(&ids);
    cr_assert(!rmx_value_number(&ids, list, count)); /* a table that names a value twice */
    rmx_value_free(&ids);
    rmx_value_free(&counts);
    free(list);
}
