/* SPDX-License-Identifier: MIT */
/* test_import_columns.c: labels, numbers, times, keys and groups: what a value becomes. */
#include "import_testing.h"

#include <math.h>

#include "data/column_time.h"
#include "data/decimal.h"
#include "data/double_log.h"

TestSuite(import_columns, .fini = remove_folder);

/* ---- Numbers -------------------------------------------------------------------------------- */

Test(import_columns, numbers_are_read_as_strtod_reads_them)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "1",
                                        "007",
                                        "+5",
                                        "-1.5",
                                        ".5",
                                        "5.",
                                        "1e3",
                                        "1E-3",
                                        "1e+22",
                                        "1e23",
                                        "0.1",
                                        "123456789012345678",
                                        "9007199254740993",
                                        "1.7976931348623157e308",
                                        "4.9e-324",
                                        "2.2250738585072011e-308",
                                        "1e-400",
                                        "179769313486231580793728971405301e276",
                                        "0.000000000000000000000000000001234567890123456789",
                                        "3.14159265358979323846264338327950288"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double x = 7.0, y = 7.0;
        char comma[64];
        snprintf(comma, sizeof comma, "%s", texts[i]);
        if (strchr(comma, '.')) *strchr(comma, '.') = ',';
        cr_assert(rmx_decimal_parse(texts[i], false, &x) && rmx_decimal_parse(comma, true, &y));
        const double want = strtod(texts[i], NULL);
        cr_assert(memcmp(&x, &want, 8) == 0 && memcmp(&y, &want, 8) == 0, "%s", texts[i]);
    }
    uint64_t state = 1;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        double x;
        state = state * 6364136223846793005u + 1442695040888963407u;
        const uint64_t digits = state >> (state >> 58);
        snprintf(text, sizeof text, "%llu.%03ue%d", (unsigned long long)digits,
                 (unsigned)(state % 1000), (int)(state % 61) - 30);
        cr_assert(rmx_decimal_parse(text, false, &x) && x == strtod(text, NULL), "%s", text);
    }
}

Test(import_columns, what_is_no_number)
{
    static const char *const texts[] = {"",    "-",   ".",     "e5",  "1e",      "1e+", "0x10",
                                        "nan", "inf", "1,5",   "1 2", "1..2",    "--1", "1a",
                                        "NaN", "INF", "1.5.2", "$1",  "infinity"};
    double x;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert(!rmx_decimal_parse(texts[i], false, &x), "%s", texts[i]);
    cr_assert(rmx_decimal_parse(" 1 ", false, &x) && x == 1.0);
    cr_assert(!rmx_decimal_parse("1.5", true, &x));
    static char longer[2000];
    memset(longer, '1', sizeof longer - 1);
    cr_assert(!rmx_decimal_parse(longer, false, &x));
    longer[RMX_DECIMAL_BYTES] = '\0';
    cr_assert(rmx_decimal_parse(longer, false, &x) && isinf(x));
}

Test(import_columns, the_logarithm_is_that_of_libm)
{
    double worst = 0.0;
    for (int i = -60000; i < 60000; i++) {
        const double x = exp2((double)i * 1e-3) * 1.2345;
        const double want = log1p(x), error = fabs(rmx_log1pd(x) - want) / want;
        worst = error > worst ? error : worst;
    }
    cr_assert(worst < 0x1p-50, "%g", worst);
    cr_assert(rmx_log1pd(0.0) == 0.0 && fabs(rmx_log1pd(1.0) - 0.69314718055994531) < 1e-16);
}

#define DENSE "[columns]\ny = label positive=1 negative=0\nx = dense"

Test(import_columns, times_of_a_day_stay_apart)
{
    static char text[4000];
    for (int i = 0; i < 60; i++)
        sprintf(text + strlen(text), "%d,%d\n", i % 2, 1700000000 + 10 * i);
    rmx_import_result result = import_good(DENSE " zscore\n", text, plain_options);
    cr_assert_eq(result.warnings, 0);
    loaded x = load_set("out.h5");
    for (int i = 0; i < 60; i++) {
        /* mean 295 s after the first, variance 100 (60^2 - 1) / 12 */
        const double want = (10.0 * i - 295.0) / sqrt(100.0 * 3599.0 / 12.0);
        cr_assert(fabs((double)x.r.dense[i] - want) < 1e-6, "%d", i);
        if (i > 0) cr_assert(x.r.dense[i] > x.r.dense[i - 1]);
    }
    unload_set(&x);
    /* logged first, all in double */
    result = import_good(DENSE " log zscore\n", text, plain_options);
    x = load_set("out.h5");
    for (int i = 1; i < 60; i++) cr_assert(x.r.dense[i] > x.r.dense[i - 1]);
    unload_set(&x);
    cr_assert_eq(result.warnings, 0);
    /* without zscore they are lost, and that is said */
    result = import_good(DENSE "\n", text, plain_options);
    cr_assert(warned(&result, "'x': 60 different values became 6") &&
              warned(&result, "add zscore"));
    result = import_good(DENSE " log\n", text, plain_options);
    cr_assert(warned(&result, "different values became"));
}

Test(import_columns, numbers_far_from_one_are_warned_about)
{
    rmx_import_result r = import_good(DENSE "\n", "1,101\n0,5\n", plain_options);
    cr_assert(warned(&r, "'x': its largest value has size 101, far from 1: add zscore"));
    r = import_good(DENSE "\n", "1,-3e38\n0,5\n", plain_options);
    cr_assert(warned(&r, "size 3e+38"));
    r = import_good(DENSE "\n", "1,0.5001\n0,0.5002\n", plain_options);
    cr_assert(warned(&r, "'x': its standard deviation is 5e-05, far from 1"));
    r = import_good(DENSE "\n", "1,100\n0,-5\n1,\n", plain_options);
    cr_assert_eq(r.warnings, 0);
    r = import_good(DENSE "\n", "1,3\n0,3\n", plain_options); /* a constant is no scale */
    cr_assert_eq(r.warnings, 0);
}

Test(import_columns, usual_words_for_missing)
{
    const char *spec = DENSE " flag\nc = sparse\n";
    const rmx_import_result r =
        import_good(spec,
                    "1,NULL,NULL\n0,\\N,a\n1,NA,a\n0,N/A,a\n1,nan,a\n0,NaN,a\n1,null,a\n0,None,a\n"
                    "1,,a\n0,na,a\n1,n/a,a\n0,<NA>,a\n1,2.5,NULL\n",
                    plain_options);
    cr_assert(r.rows == 13 && r.missing_values == 12 && r.bad_rows == 0);
    loaded x = load_set("out.h5");
    for (int i = 0; i < 13; i++)
        cr_assert(x.r.dense[2 * i] == (i == 12 ? 2.5f : 0.0f) &&
                  x.r.dense[2 * i + 1] == (i == 12 ? 0.0f : 1.0f));
    cr_assert_eq(x.s.vocabulary[0], 3); /* for a category such a word is a value */
    unload_set(&x);
    import_bad(spec, "1,nothing,a\n", plain_options, RMX_ERR_DATA, "'nothing' is no number");
}

Test(import_columns, numbers_that_mean_missing)
{
    const char *spec = "[file]\nmissing = ?|-999\n" DENSE " flag\n";
    (void)import_good(spec, "1,-999\n0,-999.0\n1,?\n0,-99\n", plain_options);
    loaded x = load_set("out.h5");
    static const float want[] = {0.0f, 1.0f, 0.0f, 1.0f, 0.0f, 1.0f, -99.0f, 0.0f};
    cr_assert_eq(memcmp(x.r.dense, want, sizeof want), 0);
    unload_set(&x);
}

Test(import_columns, decimal_comma)
{
    const char *spec = "[file]\nseparator = semicolon\ndecimal = comma\n" DENSE "\n";
    (void)import_good(spec, "1,0;2,5\n0;-1e1\n", plain_options);
    loaded x = load_set("out.h5");
    cr_assert(x.r.dense[0] == 2.5f && x.r.dense[1] == -10.0f && x.r.label[0] == 1);
    unload_set(&x);
    import_bad(spec, "1;2.5\n", plain_options, RMX_ERR_DATA, "'2.5' is no number");
}

Test(import_columns, numbers_beyond_a_float)
{
    import_bad(DENSE "\n", "1,3.5e38\n", plain_options, RMX_ERR_DATA, "too large a number");
    import_bad(DENSE " zscore\n", "1,1e99\n", plain_options, RMX_ERR_DATA, "too large a number");
    (void)import_good(DENSE "\n", "1,3.4028234e38\n0,1e-60\n", plain_options);
    /* fitted on others, a value may be too far away */
    (void)import_good(DENSE " zscore\n", "1,1e-30\n0,2e-30\n", plain_options);
    char fitted[512];
    snprintf(fitted, sizeof fitted, "%s", in_folder("train.h5"));
    cr_assert_eq(rename(in_folder("out.h5"), fitted), 0);
    import_bad(NULL, "1,1e30\n", (rmx_import_options){.fitted_on = fitted}, RMX_ERR_DATA,
               "too large a number");
}

/* ---- Labels --------------------------------------------------------------------------------- */

#define LABEL(rest) "[columns]\nx = dense\ny = label " rest "\n"

static void expect_labels(const char *spec, const char *text, const char *want)
{
    (void)import_good(spec, text, plain_options);
    loaded x = load_set("out.h5");
    cr_assert_eq((size_t)x.s.rows, strlen(want));
    for (int64_t i = 0; i < x.s.rows; i++)
        cr_assert_eq(x.r.label[i], want[i] == '-' ? RMX_LABEL_MASKED : (uint8_t)(want[i] - '0'),
                     "%s: %d", text, (int)i);
    unload_set(&x);
}

Test(import_columns, labels_compare_as_numbers)
{
    expect_labels(LABEL("positive=1 negative=0"), "1,1\n1,1.0\n1, 1 \n1,01\n1,1e0\n1,0\n1,-0.0\n",
                  "1111100");
    expect_labels(LABEL("positive=4|5"), "1,4.0\n1,3\n1,5\n1,4.5\n", "1010");
    expect_labels("[file]\ntrim = no\n" LABEL("positive=1 negative=0"), "1, 1\n1,0 \n", "10");
    expect_labels(LABEL("positive=yes negative=no|1x"), "1,yes\n1,1x\n1,no\n", "100");
    import_bad(LABEL("positive=1 negative=0"), "1,1x\n", plain_options, RMX_ERR_DATA,
               "'1x' is neither");
    import_bad(LABEL("positive=1 negative=0|1.0"), "1,1\n", plain_options, RMX_ERR_ARGUMENT,
               "1.0");
}

Test(import_columns, a_missing_label_is_never_zero)
{
    static const char *const missing[] = {"", "?", "NULL", "\\N", "NA", "nan", "None"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        char text[64];
        snprintf(text, sizeof text, "1,1\n1,%s\n1,0\n", missing[i]);
        import_bad("[file]\nmissing = ?\n" LABEL("positive=1"), text, plain_options, RMX_ERR_DATA,
                   "is a missing label");
        import_bad("[file]\nmissing = ?\n" LABEL("positive=1 negative=0"), text, plain_options,
                   RMX_ERR_DATA, "is a missing label");
        expect_labels("[file]\nmissing = ?\n" LABEL("positive=1 masked"), text, "1-0");
    }
    /* what the spec names is no missing value */
    expect_labels(LABEL("positive=NA negative=None"), "1,NA\n1,None\n", "10");
}

Test(import_columns, masked_labels_are_counted)
{
    const rmx_import_result r =
        import_good("[columns]\nx = dense\na = label positive=1 masked\nb = label positive=1\n",
                    "1,1,0\n1,,1\n1,0,1\n1,1,1\n", plain_options);
    cr_assert(r.tasks == 2 && strcmp(r.task[0], "a") == 0);
    const rmx_label_count *a = &r.output[0].label[0], *b = &r.output[0].label[1];
    cr_assert(a->positive == 2 && a->negative == 1 && a->masked == 1);
    cr_assert(b->positive == 3 && b->negative == 1 && b->masked == 0);
    loaded x = load_set("out.h5");
    cr_assert(x.s.task_masked[0] && !x.s.task_masked[1]);
    cr_assert(memcmp(&x.s.label_count[0], a, sizeof *a) == 0);
    unload_set(&x);
}

Test(import_columns, labels_that_never_occur_are_named)
{
    rmx_import_result r =
        import_good(LABEL("positive=clicked"), "1,no\n1,click\n1,no\n", plain_options);
    cr_assert(warned(&r, "label 'y': positive=clicked never occurs; the values that occur are "
                         "'no' (2), 'click' (1)"));
    cr_assert(warned(&r, "label 'y': all 3 of") && warned(&r, "negative"));
    r = import_good(LABEL("positive=1|2 negative=0|-1"), "1,1\n1,1.0\n", plain_options);
    cr_assert(warned(&r, "positive=2, negative=0, negative=-1 never occur; the values that occur "
                         "are '1' (2)"));
    r = import_good(LABEL("positive=1|2"), "1,1\n1,two\n1,1.0\n", plain_options);
    cr_assert(warned(&r, "positive=2 never occurs; the values that occur are '1' (2), 'two' (1)"));
    cr_assert_eq(r.warnings, 1);
    /* spellings of other files: all values of this one are named, on both sides */
    r = import_good(LABEL("positive=1|2 negative=0|-1"), "1,1\n1,0\n1,1.0\n", plain_options);
    cr_assert_eq(r.warnings, 0);
    r = import_good(LABEL("positive=1 negative=0"), "1,1\n1,0\n", plain_options);
    cr_assert_eq(r.warnings, 0);
    /* with negative= a typing error makes all rows bad; the values are named all the same */
    rmx_error error = {.text = ""};
    cr_assert_eq(import_text(LABEL("positive=clicked negative=no"), "1,no\n1,click\n1,no\n",
                             plain_options, &r, &error),
                 RMX_ERR_DATA);
    cr_assert(warned(&r, "'click' (1)"));
}

/* ---- Categories ----------------------------------------------------------------------------- */

Test(import_columns, unknown_ids_are_counted)
{
    const char *spec = "[columns]\na = sparse min_count=2\nb = sparse\ny = label positive=1\n";
    const rmx_import_result r = import_good(spec, "p,q,1\np,q,0\nr,q,1\ns,t,0\n", plain_options);
    const rmx_import_output *o = &r.output[0];
    cr_assert(o->sparse_values == 8 && o->unknown_values == 2 && r.unknown_values == 2);
    cr_assert_str_eq(o->worst, "a");
    cr_assert(o->worst_unknown == 2 && o->worst_values == 4);
}

Test(import_columns, encodings)
{
    const char *spec = "[columns]\na = sparse\nb = sparse last=2\nc = sparse buckets=7\n"
                       "x = dense\nz = dense log zscore flag\nt = time\ny = label positive=1\n";
    const char *text = "p,aaq,1,1,0,2026-11-27,1\np,bbq,2,1,0,2026-11-27,0\n";
    (void)import_good(spec, text, plain_options);
    loaded x = load_set("out.h5");
    static const char *const want[] = {"table",
                                       "table last=2",
                                       "buckets=7",
                                       "hour unit=auto",
                                       "weekday unit=auto",
                                       "none",
                                       "log zscore centre=0x0p+0 factor=0x1p+0",
                                       "missing",
                                       "seconds unit=auto"};
    static const char *const names[] = {"a", "b", "c",         "t_hour",   "t_weekday",
                                        "x", "z", "z_missing", "t_seconds"};
    cr_assert(x.s.sparse_fields == 5 && x.s.dense_fields == 4);
    for (int i = 0; i < 9; i++) {
        cr_assert_str_eq(x.s.encoding[i].transform, want[i]);
        cr_assert_str_eq(x.s.names[i], names[i]);
        cr_assert_eq(x.s.encoding[i].unknown, i < 5);
        cr_assert_eq(x.s.encoding[i].values, i == 0 ? 1 : i == 1 ? 2 : 0);
        cr_assert_eq(x.s.encoding[i].hash != 0, i < 2);
    }
    static const int64_t sizes[] = {2, 3, 8, 25, 8};
    for (int i = 0; i < 5; i++) cr_assert_eq(x.s.vocabulary[i], sizes[i]);
    unload_set(&x);
}

/* Equal rows have equal fingerprints, whatever the table was called. */
Test(import_columns, the_source_is_no_content)
{
    const char *spec = "[columns]\na = sparse\ny = label positive=1\n";
    rmx_error error = {.text = ""};
    (void)import_good(spec, "p,1\nq,0\n", plain_options);
    loaded x = load_set("out.h5");
    (void)write_text("other.csv", "p,1\nq,0\n");
    cr_assert_eq(import_files(spec, "other.csv", plain_options, NULL, &error), RMX_OK);
    loaded y = load_set("out.h5");
    cr_assert_eq(x.s.fingerprint, y.s.fingerprint);
    cr_assert_str_neq(x.s.source, y.s.source);
    unload_set(&y);
    (void)import_good(spec, "q,1\np,0\n", plain_options);
    y = load_set("out.h5");
    cr_assert_neq(x.s.fingerprint, y.s.fingerprint);
    unload_set(&x);
    unload_set(&y);
}

/* ---- Groups and keys ------------------------------------------------------------------------ */

Test(import_columns, a_column_may_be_feature_group_and_key)
{
    const char *spec = "[columns]\nid = key\nuser = sparse group key\nx = dense key\n"
                       "y = label positive=1\n";
    (void)import_good(spec, "r1,u1,0.50,1\nr2,u2,1,0\n\"r,3\",u1,,1\n", plain_options);
    loaded x = load_set("out.h5");
    cr_assert(x.s.sparse_fields == 1 && x.s.dense_fields == 1 && x.s.has_group);
    cr_assert(x.s.text_columns == 3 && x.s.group_text == 1);
    cr_assert_str_eq(x.s.text_names[1], "user");
    cr_assert(x.r.group[0] == x.r.group[2] && x.r.group[0] != x.r.group[1] && x.r.group[1] != 0);
    cr_assert(x.r.sparse[0] == 1 && x.r.sparse[1] == 2 && x.r.dense[0] == 0.5f);
    cr_assert_str_eq(text_at(&x, 0, 0), "r1");
    cr_assert_str_eq(text_at(&x, 2, 0), "r,3");
    cr_assert_str_eq(text_at(&x, 1, 1), "u2");
    cr_assert_str_eq(text_at(&x, 0, 2), "0.50");
    cr_assert_str_eq(text_at(&x, 2, 2), "");
    unload_set(&x);
}

Test(import_columns, rows_without_a_group)
{
    const char *spec = "[file]\nmissing = ?\n[columns]\nuser = group\nx = dense\n"
                       "y = label positive=1\n";
    const rmx_import_result r =
        import_good(spec, "u1,1,1\n,1,0\n?,1,1\nNULL,1,0\nu1,1,1\n", plain_options);
    cr_assert(r.has_group && r.output[0].rows_without_group == 3);
    loaded x = load_set("out.h5");
    cr_assert_eq(x.s.rows_without_group, 3);
    cr_assert(x.r.group[1] == 0 && x.r.group[2] == 0 && x.r.group[3] == 0);
    cr_assert(x.r.group[0] == x.r.group[4] && x.r.group[0] != 0);
    cr_assert_str_eq(text_at(&x, 2, 0), "");
    unload_set(&x);
}

Test(import_columns, keys_have_a_longest_value)
{
    const char *spec = "[columns]\nid = key\nx = dense\ny = label positive=1\n";
    char text[600];
    memset(text, 'k', sizeof text);
    snprintf(text + 255, 100, ",1,1\n");
    (void)import_good(spec, text, plain_options);
    memset(text, 'k', 256);
    snprintf(text + 256, 100, ",1,1\nshort,1,0\n");
    import_bad(spec, text, plain_options, RMX_ERR_DATA, "more than 255 bytes");
}

/* ---- Times ---------------------------------------------------------------------------------- */

Test(import_columns, times_as_texts_and_numbers)
{
    static const struct {
        const char *text;
        rmx_time_unit unit;
        int64_t seconds;
        double part;
    } cases[] = {
        {"2026-11-27", RMX_TIME_AUTO, 1795737600, 0},
        {"2026-11-27T10:00:00Z", RMX_TIME_AUTO, 1795773600, 0},
        {"2026-11-27 10:00", RMX_TIME_S, 1795773600, 0},
        {"2026-11-27T10:00:00.25+01:00", RMX_TIME_AUTO, 1795770000, 0.25},
        {"2026-11-27 10:00:00 -0530", RMX_TIME_AUTO, 1795793400, 0},
        {"20261127T100000Z", RMX_TIME_AUTO, 1795773600, 0},
        {"20261127", RMX_TIME_AUTO, 1795737600, 0},
        {"20261127100000", RMX_TIME_AUTO, 1795773600, 0},
        {"2024-02-29", RMX_TIME_AUTO, 1709164800, 0},
        {"2026-11-27T24:00", RMX_TIME_AUTO, 1795824000, 0},
        {"1969-12-31T23:59:59.5", RMX_TIME_AUTO, -1, 0.5},
        {"0001-01-01", RMX_TIME_AUTO, -62135596800, 0},
        {"9999-12-31T23:59:59", RMX_TIME_AUTO, 253402300799, 0},
        {"1700000000", RMX_TIME_AUTO, 1700000000, 0},
        {"1700000000.5", RMX_TIME_AUTO, 1700000000, 0.5},
        {"1.7e9", RMX_TIME_AUTO, 1700000000, 0},
        {"1700000000250", RMX_TIME_AUTO, 1700000000, 0.25},
        {"1700000000250000", RMX_TIME_AUTO, 1700000000, 0.25},
        {"1699999999999999999", RMX_TIME_AUTO, 1699999999, 0.999999999},
        {"978301000", RMX_TIME_AUTO, 978301000, 0},
        {"0", RMX_TIME_AUTO, 0, 0},
        {"-1", RMX_TIME_AUTO, -1, 0},
        {"20261127", RMX_TIME_S, 20261127, 0},
        {"1500", RMX_TIME_MS, 1, 0.5},
        {"1500", RMX_TIME_US, 0, 0.0015},
        {"-1", RMX_TIME_MS, -1, 0.999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rmx_time time = {0, 0};
        const char *why = rmx_time_parse(cases[i].text, cases[i].unit, false, &time);
        cr_assert(!why, "%s %s", cases[i].text, why);
        cr_assert(time.seconds == cases[i].seconds && fabs(time.part - cases[i].part) < 1e-12,
                  "%s: %lld", cases[i].text, (long long)time.seconds);
    }
    cr_assert(rmx_time_weekday(0) == 4 && rmx_time_weekday(-1) == 3 && rmx_time_hour(-1) == 23);
    cr_assert(rmx_time_weekday(1795737600) == 5 && rmx_time_hour(1795773600) == 10);
}

Test(import_columns, what_is_no_time)
{
    static const char *const texts[] = {"",
                                        "now",
                                        "2026-11",
                                        "2026-13-01",
                                        "2026-02-29",
                                        "2026-11-27T25:00",
                                        "2026-11-27T10:61",
                                        "2026-11-27T10:00:00+25:00",
                                        "27.11.2026",
                                        "11/27/2026",
                                        "14102100",
                                        "2026112710",
                                        "nan",
                                        "1e300",
                                        "0000-01-01",
                                        "2026-11-27T",
                                        "2026-11-27T10:00:00X"};
    rmx_time time;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert(rmx_time_parse(texts[i], RMX_TIME_AUTO, false, &time), "%s", texts[i]);
    cr_assert(!rmx_time_parse("2026112710", RMX_TIME_S, false, &time));
}

Test(import_columns, a_time_becomes_hour_weekday_and_seconds)
{
    const char *spec =
        "[columns]\nwhen = time hour weekday seconds zscore\ny = label positive=1\n";
    const rmx_import_result r = import_good(
        spec, "2026-11-27T10:00:00Z,1\n2026-11-29T00:30:00Z,0\nNULL,1\n", plain_options);
    cr_assert(r.missing_values == 1 && r.warnings == 0);
    loaded x = load_set("out.h5");
    static const uint32_t want[] = {11, 5, 1, 7, 0, 0};
    cr_assert_eq(memcmp(x.r.sparse, want, sizeof want), 0);
    cr_assert(x.r.dense[0] == -1.0f && x.r.dense[1] == 1.0f && x.r.dense[2] == 0.0f);
    unload_set(&x);
    /* other rows by the same numbers */
    char fitted[512];
    snprintf(fitted, sizeof fitted, "%s", in_folder("train.h5"));
    cr_assert_eq(rename(in_folder("out.h5"), fitted), 0);
    (void)import_good(NULL, "1795773600,1\n1795912200000,0\n",
                      (rmx_import_options){.fitted_on = fitted});
    x = load_set("out.h5");
    loaded y = load_set("train.h5");
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_schema_match(&y.s, "a", &x.s, "b", &error), RMX_OK, "%s", error.text);
    cr_assert_eq(memcmp(x.r.sparse, y.r.sparse, 16), 0);
    cr_assert_eq(memcmp(x.r.dense, y.r.dense, 8), 0);
    unload_set(&x);
    unload_set(&y);
    import_bad(spec, "2026-11-31,1\n", plain_options, RMX_ERR_DATA, "does not exist");
}
