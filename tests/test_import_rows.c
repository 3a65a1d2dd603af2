/* SPDX-License-Identifier: MIT */
/* test_import_rows.c: headers, widths and bad rows: which rows of a table are taken, and how. */
#include "import_testing.h"

/* Appends to a text whose array has room. */
static char *add_row(char *text, const char *row)
{
    memcpy(text + strlen(text), row, strlen(row) + 1);
    return text;
}

TestSuite(import_rows, .fini = remove_folder);

#define SPEC                                                                         \
    "[columns]\nclick = label positive=1 negative=0\nuser = sparse\nitem = sparse\n" \
    "price = dense\n"
#define HEADED "[file]\nheader = yes\n" SPEC

/* ---- Headers -------------------------------------------------------------------------------- */

Test(import_rows, the_header_is_the_first_row_that_is_not_blank)
{
    (void)import_good(HEADED, "\n  \nclick,item,user,price\n1,i1,u1,0.5\n0,i1,u2,1.5\n",
                      plain_options);
    loaded x = load_set("out.h5");
    cr_assert(x.s.rows == 2 && x.s.vocabulary[0] == 3 && x.s.vocabulary[1] == 2);
    cr_assert(x.r.row[0] == 0 && x.r.row[1] == 1);
    unload_set(&x);
}

Test(import_rows, headers_that_are_refused)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"click,user,user,item,price\n1,a,b,c,2\n", "'user' twice (columns 2 and 3)"},
        {"click,user,item\n1,a,b\n", "no column 'price'"},
        {"user,item,price\na,b,2\n", "no column 'click' (with --unlabelled"},
        {"click,user,item,price\n1,a,b,2\nclick,user,item,price\n", ":3: the row holds the names"},
        {"click;user;item;price\n1;a;b;2\n", "are separator and spec right? It has 1 columns"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        import_bad(HEADED, cases[i].text, plain_options, RMX_ERR_DATA, cases[i].says);
    cr_assert_eq(files_in_folder(), 2);
}

Test(import_rows, columns_to_skip_may_be_absent)
{
    const char *spec = HEADED "note = skip\n";
    (void)import_good(spec, "click,user,item,price\n1,a,b,2\n0,a,b,3\n", plain_options);
    import_bad(HEADED "note = key\n", "click,user,item,price\n1,a,b,2\n", plain_options,
               RMX_ERR_DATA, "no column 'note'");
}

Test(import_rows, names_as_the_first_row_without_a_header)
{
    import_bad(SPEC, "click,user,item,price\n1,a,b,2\n", plain_options, RMX_ERR_DATA,
               ":1: the row holds the names of the columns; write header = yes");
    import_bad(SPEC, "Click, User, Item, Price\n1,a,b,2\n", plain_options, RMX_ERR_DATA,
               "write header = yes");
    /* other names for the categories, but a number's own name is no number */
    import_bad(SPEC, "label,uid,iid,price\n1,a,b,2\n", plain_options, RMX_ERR_DATA,
               "write header = yes");
    import_bad("[file]\nheader = no\n[columns]\nuser = sparse\nclick = label positive=1\n",
               "user,click\na,1\n", plain_options, RMX_ERR_DATA, "write header = yes");
    /* in the middle too, where files were put one after the other */
    import_bad(SPEC, "1,a,b,2\n0,a,b,2\nclick,user,item,price\n", plain_options, RMX_ERR_DATA,
               ":3: the row holds the names of the columns; take the row out");
    /* a value may be called as its column is */
    (void)import_good(SPEC, "1,user,b,2\n0,a,item,2\n", plain_options);
}

static rmx_status import_parts(const char *spec, const char *a, const char *b, const char *c,
                               rmx_error *error)
{
    (void)write_text("a.csv", a);
    (void)write_text("b.csv", b);
    (void)write_text("c.csv", c);
    return import_files(spec, "a.csv b.csv c.csv", plain_options, NULL, error);
}

Test(import_rows, a_header_in_the_first_part_only)
{
    rmx_error error = {.text = ""};
    static const char *const specs[] = {HEADED, "[file]\nheader = first\n" SPEC};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(import_parts(specs[i], "click,item,user,price\n1,i1,u1,0.5\n",
                                  "0,i1,u2,1.5\n0,i1,u3,1\n", "1,i1,u1,9\n", &error),
                     RMX_OK, "%s", error.text);
        loaded x = load_set("out.h5");
        cr_assert(x.s.rows == 4 && x.s.vocabulary[0] == 4 && x.s.vocabulary[1] == 2);
        cr_assert(x.r.dense[1] == 1.5f && x.r.dense[3] == 9.0f && x.r.label[3] == 1);
        cr_assert(x.r.row[3] == 3);
        unload_set(&x);
    }
    cr_assert_eq(import_parts("[file]\nheader = first\n" SPEC, "click,user,item,price\n1,a,b,1\n",
                              "click,user,item,price\n0,a,b,1\n", "0,a,b,1\n", &error),
                 RMX_ERR_DATA);
    cr_assert(strstr(error.text, "b.csv:1: the row holds the names") &&
                  strstr(error.text, "header = yes"),
              "%s", error.text);
}

Test(import_rows, each_header_has_its_order)
{
    rmx_error error = {.text = ""};
    cr_assert_eq(import_parts(HEADED, "click,user,item,price\n1,u1,i1,0.5\n",
                              "\nprice,click,more,item,user\n1.5,0,x,i1,u2\n",
                              "click,user,item,price\n0,u1,i1,2\n", &error),
                 RMX_OK, "%s", error.text);
    loaded x = load_set("out.h5");
    cr_assert(x.s.rows == 3 && x.r.dense[1] == 1.5f && x.r.label[1] == 0);
    cr_assert(x.s.vocabulary[0] == 3 && x.s.vocabulary[1] == 2);
    unload_set(&x);
    /* then a part without a header could mean anything */
    cr_assert_eq(import_parts(HEADED, "click,user,item,price\n1,u1,i1,0.5\n",
                              "price,click,item,user\n1.5,0,i1,u2\n", "0,u1,i1,2\n", &error),
                 RMX_ERR_DATA);
    cr_assert(strstr(error.text, "c.csv:1: the file has no header"), "%s", error.text);
    /* a header that lacks a column is no data */
    cr_assert_eq(import_parts(HEADED, "click,user,item,price\n1,u1,i1,0.5\n",
                              "click,user,item,cost\n0,u1,i1,2\n", "", &error),
                 RMX_ERR_DATA);
    cr_assert(strstr(error.text, "b.csv:1: the header has no column 'price'"), "%s", error.text);
}

Test(import_rows, patterns_take_the_rest_of_a_header)
{
    const char *spec = "[file]\nheader = yes\n[columns]\ny = label positive=1\nI* = dense\n"
                       "* = sparse\n";
    (void)import_good(spec, "I1,c,y,I2\n1,a,1,2\n3,b,0,4\n", plain_options);
    loaded x = load_set("out.h5");
    cr_assert(x.s.sparse_fields == 1 && x.s.dense_fields == 2);
    cr_assert_str_eq(x.s.names[0], "c");
    cr_assert_str_eq(x.s.names[1], "I1");
    cr_assert(x.r.dense[1] == 2.0f && x.r.dense[2] == 3.0f);
    unload_set(&x);
    import_bad("[columns]\ny = label positive=1\n* = sparse\n", "1,a\n", plain_options,
               RMX_ERR_ARGUMENT, "header");
}

Test(import_rows, an_empty_table)
{
    import_bad(SPEC, "", plain_options, RMX_ERR_DATA, "is empty");
    import_bad(SPEC, "\n \n", plain_options, RMX_ERR_DATA, "0 good rows");
    import_bad(HEADED, "click,user,item,price\n", plain_options, RMX_ERR_DATA, "0 good rows");
}

/* A log that is written to while it is imported. */
static bool append_a_row(void *user, int64_t done, int64_t total)
{
    (void)total;
    FILE *f = done > 0 && !*(bool *)user ? fopen(in_folder("in.csv"), "ab") : NULL;
    if (!f) return true;
    cr_assert(fputs("1,new,new,1\n", f) >= 0 && fclose(f) == 0);
    *(bool *)user = true;
    return true;
}

Test(import_rows, a_table_that_grows_is_refused)
{
    static char text[5000 * 16];
    bool done = false;
    for (int i = 0; i < 5000; i++) sprintf(text + 10 * i, "%d,u%d,i%d,1\n", i % 2, i % 7, i % 10);
    const rmx_import_options o = {.progress = append_a_row, .user = &done};
    import_bad(SPEC, text, o, RMX_ERR_DATA, "changed while it was read");
    cr_assert(done);
    cr_assert_eq(files_in_folder(), 2);
}

/* What names and separators may be is test_spec's; here they go through an import. */
Test(import_rows, typed_names_and_long_separators)
{
    (void)import_good("[file]\nseparator = \"||\"\nheader = yes\ncomment = #\n[columns]\n"
                      "\"user:token\" = sparse\n\"rating:float\" = label positive=4|5\n",
                      "# made by hand\nuser:token||rating:float||time\n8||3||1\n5||4.0||2\n",
                      plain_options);
    loaded x = load_set("out.h5");
    cr_assert(x.s.rows == 2 && x.r.label[0] == 0 && x.r.label[1] == 1);
    cr_assert_str_eq(x.s.task_names[0], "rating:float");
    unload_set(&x);
}

Test(import_rows, the_stored_spec_reads_back_as_itself)
{
    const char *text = "1,a,0.5,u\n0,;,;,u\n1,b,1.5,v\n0,a,2.5,w\n";
    cr_assert_eq(import_good("[file]\nmissing =;\n[columns]\ny = label positive=1\na = sparse\n"
                             "x = dense zscore\nu = group\n",
                             text, plain_options)
                     .rows,
                 4);
    char fitted[512];
    snprintf(fitted, sizeof fitted, "%s", in_folder("train.h5"));
    cr_assert_eq(rename(in_folder("out.h5"), fitted), 0);
    cr_assert_eq(import_good(NULL, text, (rmx_import_options){.fitted_on = fitted}).rows, 4);
    loaded x = load_set("train.h5"), y = load_set("out.h5");
    cr_assert_eq(x.s.fingerprint, y.s.fingerprint);
    unload_set(&x);
    unload_set(&y);
}

/* ---- Widths --------------------------------------------------------------------------------- */

#define PADDED "[file]\npad = yes\n" SPEC

Test(import_rows, pad_fills_single_rows)
{
    const char *text = "1,a,b,2\n0,a,b\n0,a\n1,c,d,4\n0,a,b,1\n";
    const rmx_import_result result = import_good(PADDED, text, plain_options);
    cr_assert(result.padded_rows == 2 && result.padded_values == 3 && result.bad_rows == 0);
    loaded x = load_set("out.h5");
    cr_assert(x.s.rows == 5 && x.r.dense[1] == 0.0f && x.r.dense[3] == 4.0f);
    unload_set(&x);
    import_bad(PADDED, text, (rmx_import_options){.strict = true}, RMX_ERR_DATA,
               "in.csv:2: 3 columns instead of 4, which pad = yes would fill");
}

Test(import_rows, a_file_of_another_width)
{
    const rmx_import_options any = {.max_bad = 1.0};
    char text[20000] = "";
    import_bad(PADDED, "1,a,b\n0,a,b\n1,c,d,4\n", any, RMX_ERR_DATA, "of another width");
    import_bad(PADDED, "1,a,b\n", any, RMX_ERR_DATA, "of another width");
    import_bad(SPEC, "1,a,b\n0,a,b\n1,c,d,4\n", plain_options, RMX_ERR_DATA,
               "2 of its first 3 rows do not have 4 columns (the last of them has 3)");
    cr_assert_eq(import_good(SPEC, "1,a,b\n0,a,b\n1,c,d,4\n", any).rows, 1);
    /* one file among others, however few rows it has */
    for (int i = 0; i < 1000; i++) add_row(text, "1,a,b,2\n");
    (void)write_text("long.csv", text);
    (void)write_text("odd.csv", "1,a\n0,b\n");
    rmx_error error = {.text = ""};
    cr_assert_eq(import_files(SPEC, "long.csv odd.csv", plain_options, NULL, &error),
                 RMX_ERR_DATA);
    cr_assert(strstr(error.text, "odd.csv: 2 of its first 2 rows"), "%s", error.text);
    cr_assert_eq(import_files(SPEC, "odd.csv long.csv", plain_options, NULL, &error),
                 RMX_ERR_DATA);
    /* rows after the first 1000 count no more */
    (void)write_text("late.csv", add_row(text, "1,a\n1,a\n"));
    cr_assert_eq(import_files(SPEC, "late.csv", plain_options, NULL, &error), RMX_OK, "%s",
                 error.text);
}

/* ---- Rows without labels -------------------------------------------------------------------- */

Test(import_rows, a_header_without_the_label)
{
    (void)import_good(HEADED, "click,user,item,price\n1,u1,i1,0.5\n0,u2,i1,1.5\n", plain_options);
    char fitted[512];
    snprintf(fitted, sizeof fitted, "%s", in_folder("train.h5"));
    cr_assert_eq(rename(in_folder("out.h5"), fitted), 0);
    const rmx_import_options by = {.fitted_on = fitted};
    const rmx_import_result result = import_good(NULL, "price,item,user\n1.5,i1,u2\n", by);
    cr_assert(result.no_labels && result.rows == 1);
    loaded x = load_set("out.h5"), train = load_set("train.h5");
    rmx_error error = {.text = ""};
    cr_assert(!x.s.has_label && !x.r.label && x.s.tasks == 1);
    cr_assert(x.r.sparse[0] == train.r.sparse[2] && x.r.dense[0] == 1.5f);
    cr_assert_eq(rmx_schema_match(&train.s, "a", &x.s, "b", &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_schema_need_labels(&x.s, "x", &error), RMX_ERR_DATA);
    unload_set(&x);
    unload_set(&train);
    /* labels that are not wanted, and files that do not agree */
    const rmx_import_options unlabelled = {.fitted_on = fitted, .unlabelled = true};
    const char *all = "click,user,item,price\n,u1,i1,0.5\n";
    cr_assert(import_good(NULL, all, unlabelled).no_labels);
    (void)write_text("a.csv", "click,user,item,price\n1,u1,i1,0.5\n");
    (void)write_text("b.csv", "user,item,price\nu1,i1,0.5\n");
    cr_assert_eq(import_files(NULL, "a.csv b.csv", by, NULL, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "no column 'click'"), "%s", error.text);
    cr_assert_eq(import_files(NULL, "b.csv a.csv", by, NULL, &error), RMX_OK, "%s", error.text);
}

Test(import_rows, a_table_without_header_and_labels)
{
    const rmx_import_options unlabelled = {.unlabelled = true};
    (void)import_good(SPEC, "u1,i1,0.5\nu2,i1,1.5\n", unlabelled);
    loaded x = load_set("out.h5");
    cr_assert(!x.s.has_label && x.s.rows == 2 && x.s.vocabulary[0] == 3 && x.r.dense[1] == 1.5f);
    unload_set(&x);
    import_bad(SPEC, "u1,i1,0.5\nu2,i1,1.5\n", plain_options, RMX_ERR_DATA,
               "import it with --unlabelled");
    import_bad(SPEC, "1,u1,i1,0.5\n0,u2,i1,1.5\n", unlabelled, RMX_ERR_DATA,
               "leave out --unlabelled");
    /* a spec without labels */
    (void)import_good("[columns]\nuser = sparse\nprice = dense\n", "u1,1\nu2,2\n", plain_options);
    x = load_set("out.h5");
    cr_assert(!x.s.has_label && x.s.tasks == 0 && x.s.rows == 2);
    unload_set(&x);
}

/* Criteo's test.txt has no label: its rows must not shift by one place. */
Test(import_rows, criteo_test_rows)
{
    static char train[60000], test[60000];
    for (int r = 0; r < 100; r++) {
        char row[400] = "";
        for (int i = 0; i < 13; i++) sprintf(row + strlen(row), "%s%d", i ? "\t" : "", r % 2 + i);
        for (int i = 0; i < 26; i++) sprintf(row + strlen(row), "\t%08x", r % 3 + i);
        sprintf(train + strlen(train), "%d\t%s\n", r % 2, row);
        sprintf(test + strlen(test), "%s\n", row);
    }
    rmx_import_options o = {.format = "criteo"};
    (void)import_good(NULL, train, o);
    char fitted[512];
    snprintf(fitted, sizeof fitted, "%s", in_folder("train.h5"));
    cr_assert_eq(rename(in_folder("out.h5"), fitted), 0);
    o.fitted_on = fitted;
    import_bad(NULL, test, o, RMX_ERR_DATA,
               "100 of its first 100 rows do not have 40 columns (the last of them has 39)");
    o.unlabelled = true;
    (void)import_good(NULL, test, o);
    loaded a = load_set("train.h5"), b = load_set("out.h5");
    cr_assert_eq(memcmp(a.r.sparse, b.r.sparse, 100 * 26 * 4), 0);
    cr_assert_eq(memcmp(a.r.dense, b.r.dense, 100 * 26 * 4), 0);
    unload_set(&a);
    unload_set(&b);
}

/* ---- Bad rows ------------------------------------------------------------------------------- */

Test(import_rows, bad_rows_by_reason_and_column)
{
    static char text[40000];
    for (int i = 0; i < 1000; i++)
        add_row(text, i == 7    ? "1,a\n"
                      : i == 8  ? "1,a,b,oops\n"
                      : i == 9  ? "1,a,b,oh\n"
                      : i == 10 ? "2,a,b,1\n"
                      : i == 11 ? ",a,b,1\n"
                      : i == 12 ? "1,a,b,1e300\n"
                      : i == 13 ? "1,\"a,b,1\n"
                                : "1,a,b,1\n");
    rmx_import_options o = {.max_bad = 0.007};
    const rmx_import_result r = import_good(SPEC, text, o);
    static const struct {
        rmx_bad_kind kind;
        const char *column, *value;
        int64_t rows;
        int line;
    } want[] = {
        {RMX_BAD_NUMBER, "price", "oops", 2, 9}, {RMX_BAD_TEXT, "", "", 1, 14},
        {RMX_BAD_WIDTH, "", "", 1, 8},           {RMX_BAD_RANGE, "price", "1e300", 1, 13},
        {RMX_BAD_LABEL, "click", "2", 1, 11},    {RMX_BAD_NO_LABEL, "click", "", 1, 12},
    };
    cr_assert(r.bad_rows == 7 && r.rows == 993 && r.data_rows == 1000 && r.reasons == 6);
    for (int i = 0; i < 6; i++) {
        char place[16];
        snprintf(place, sizeof place, "in.csv:%d", want[i].line);
        cr_assert(r.reason[i].kind == want[i].kind && r.reason[i].rows == want[i].rows, "%d", i);
        cr_assert_str_eq(r.reason[i].column, want[i].column);
        cr_assert_str_eq(r.reason[i].value, want[i].value);
        cr_assert_str_eq(strrchr(r.reason[i].first, '/') + 1, place);
    }
    loaded x = load_set("out.h5"); /* rows keep their numbers */
    cr_assert(x.r.row[6] == 6 && x.r.row[7] == 14 && x.r.row[992] == 999);
    unload_set(&x);
}

Test(import_rows, the_share_of_bad_rows)
{
    static char text[20000];
    rmx_error error = {.text = ""};
    rmx_import_result result;
    for (int i = 0; i < 1000; i++) add_row(text, i < 10 ? "1,a,b,bad\n" : "1,a,b,1\n");
    (void)import_good(SPEC, text, plain_options); /* 1 % */
    (void)remove(in_folder("out.h5"));
    add_row(text, "1,a,b,bad\n");
    cr_assert_eq(import_text(SPEC, text, plain_options, &result, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "11 of 1001 rows are bad") && strstr(error.text, "--max-bad"),
              "%s", error.text);
    cr_assert(result.bad_rows == 11 && result.reasons == 1 && result.reason[0].rows == 11);
    cr_assert_eq(files_in_folder(), 2);
    (void)import_good(SPEC, text, (rmx_import_options){.max_bad = 0.02});
    import_bad(SPEC, "1,a,b,1\n0,a,b,bad\n", (rmx_import_options){.max_bad = -1.0}, RMX_ERR_DATA,
               "1 of 2 rows are bad");
    (void)import_good(SPEC, "1,a,b,1\n0,a,b,bad\n", (rmx_import_options){.max_bad = 1.0});
    import_bad(SPEC, "1,a,b,1\n", (rmx_import_options){.max_bad = 1.5}, RMX_ERR_ARGUMENT, "1.5");
    /* with the numbers of another set there is one pass only */
    (void)import_good(SPEC, "1,a,b,1\n0,a,b,3\n", plain_options);
    char fitted[512];
    snprintf(fitted, sizeof fitted, "%s", in_folder("train.h5"));
    cr_assert_eq(rename(in_folder("out.h5"), fitted), 0);
    import_bad(NULL, text, (rmx_import_options){.fitted_on = fitted}, RMX_ERR_DATA,
               "11 of 1001 rows are bad");
    cr_assert_eq(access(in_folder("out.h5"), F_OK), -1);
}

static void slurp(const char *name, char *out, size_t room)
{
    FILE *f = fopen(in_folder(name), "rb");
    cr_assert(f);
    out[fread(out, 1, room - 1, f)] = '\0';
    fclose(f);
}

Test(import_rows, bad_rows_are_kept_as_they_stand)
{
    char kept[512], text[1024];
    snprintf(kept, sizeof kept, "%s", in_folder("bad.csv"));
    const rmx_import_options o = {.max_bad = 1.0, .bad_output = kept};
    (void)import_good("[file]\nheader = yes\nskip_lines = 1\n" SPEC,
                      "made by hand\nclick, user,item,price\r\n1,a,b,1\r\n0, \"a\n,\",b,two\r\n"
                      "1,a\r\n0,b,c,4\r\n",
                      o);
    slurp("bad.csv", text, sizeof text);
    cr_assert_str_eq(text, "(left out by skip_lines)\nclick, user,item,price\n"
                           "0, \"a\n,\",b,two\n1,a\n");
    /* once mended, the file can be imported as it is */
    char *two = strstr(text, "two");
    memcpy(two, "2.0", 3);
    (void)import_good("[file]\nheader = yes\nskip_lines = 1\n" SPEC, text, o);
    loaded x = load_set("out.h5");
    cr_assert(x.s.rows == 1 && x.r.dense[0] == 2.0f);
    unload_set(&x);
    /* without a header; without bad rows */
    (void)import_good(SPEC, "1,a,b,1\n1,a,b,?\n", o);
    slurp("bad.csv", text, sizeof text);
    cr_assert_str_eq(text, "1,a,b,?\n");
    (void)import_good(SPEC, "1,a,b,1\n1,a,b,2\n", o);
    slurp("bad.csv", text, sizeof text);
    cr_assert_str_eq(text, "");
    /* a refused import leaves the older file */
    (void)import_good(SPEC, "1,a,b,1\n1,a,b,?\n", o);
    import_bad(SPEC, "1,a,b,1\n1,a,b,x\n", (rmx_import_options){.bad_output = kept}, RMX_ERR_DATA,
               "--max-bad");
    slurp("bad.csv", text, sizeof text);
    cr_assert_str_eq(text, "1,a,b,?\n");
    cr_assert_eq(files_in_folder(), 4); /* in.csv, spec.ini, out.h5, bad.csv */
}

Test(import_rows, bad_rows_under_other_headers)
{
    char kept[512];
    rmx_error error = {.text = ""};
    snprintf(kept, sizeof kept, "%s", in_folder("bad.csv"));
    const rmx_import_options o = {.max_bad = 1.0, .bad_output = kept};
    (void)write_text("a.csv", "click,user,item,price\n1,a,b,1\n1,a,b,x\n");
    (void)write_text("b.csv", "user,click,item,price\na,1,b,1\n");
    cr_assert_eq(import_files(HEADED, "a.csv b.csv", o, NULL, &error), RMX_OK, "%s", error.text);
    (void)write_text("b.csv", "user,click,item,price\na,1,b,1\na,1,b,x\n");
    cr_assert_eq(import_files(HEADED, "a.csv b.csv", o, NULL, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "headers differ"), "%s", error.text);
}
