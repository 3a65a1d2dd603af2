/* SPDX-License-Identifier: MIT */
/* test_synthetic.c: planted data is the same everywhere and is as hard as it says. */
#include <criterion/criterion.h>
#include <math.h>

#include "data/ceiling.h"
#include "data/synthetic.h"
#include "data_testing.h"

TestSuite(synthetic, .fini = remove_folder);

static rmx_synthetic_config small_config(void)
{
    rmx_synthetic_config c = rmx_synthetic_default();
    c.rows_train = 5000;
    c.rows_valid = 3000;
    c.rows_test = 1000;
    return c;
}

static rmx_synthetic_result make(const rmx_synthetic_config *c, rmx_synthetic_split split)
{
    rmx_synthetic_result result;
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_synthetic_write(c, split, in_folder("s.h5"), NULL, NULL, &result, &error),
                 RMX_OK, "%s", error.text);
    return result;
}

/* The numbers were taken once; they change only with the generator's meaning, and then every
 * result that was published for a seed does too. */
Test(synthetic, known_fingerprints)
{
    rmx_synthetic_config c = small_config();
    cr_expect_eq(make(&c, RMX_SYNTHETIC_TRAIN).fingerprint, 0x3b60d7d8d160e861u, "%016llx",
                 (unsigned long long)make(&c, RMX_SYNTHETIC_TRAIN).fingerprint);
    cr_expect_eq(make(&c, RMX_SYNTHETIC_VALID).fingerprint, 0xcc5062a8e5e47babu, "%016llx",
                 (unsigned long long)make(&c, RMX_SYNTHETIC_VALID).fingerprint);
    c.zipf = 1.1;
    c.noise = 0.7;
    c.vocabulary = 1001;
    c.groups = 0;
    c.dense_fields = 0;
    c.sparse_fields = 7;
    cr_expect_eq(make(&c, RMX_SYNTHETIC_TEST).fingerprint, 0xf9cbe39b37fe00a2u, "%016llx",
                 (unsigned long long)make(&c, RMX_SYNTHETIC_TEST).fingerprint);
}

Test(synthetic, file_holds_the_rows_and_their_ceiling)
{
    const rmx_synthetic_config c = small_config();
    const rmx_synthetic_result result = make(&c, RMX_SYNTHETIC_VALID);
    rmx_error error = {.text = ""};
    rmx_schema schema;
    cr_assert_eq(rmx_dataset_check(in_folder("s.h5"), NULL, NULL, &error), RMX_OK, "%s",
                 error.text);
    cr_assert_eq(rmx_dataset_schema(in_folder("s.h5"), &schema, &error), RMX_OK);
    cr_assert_eq(schema.rows, 3000);
    cr_assert_eq(schema.ceiling_auc, result.ceiling_auc);
    cr_assert(result.ceiling_auc > 0.9 && result.ceiling_auc < 0.94, "%g", result.ceiling_auc);
    cr_assert(fabs(result.base_rate - c.base_rate) < 0.03, "%g", result.base_rate);

    rmx_synthetic *plant;
    cr_assert_eq(rmx_synthetic_create(&c, &plant, &error), RMX_OK);
    rmx_rows row;
    float logit;
    cr_assert_eq(rmx_rows_alloc(&row, &schema, 1, NULL), RMX_OK);
    const rmx_reader_options options = {.batch = 512, .shuffle = true, .seed = 4};
    rmx_reader *reader;
    rmx_reader_view view;
    cr_assert_eq(rmx_reader_open(in_folder("s.h5"), &options, &reader, &error), RMX_OK);
    while (rmx_reader_next(reader, &view, &error) == RMX_OK && view.samples > 0)
        for (int64_t i = 0; i < view.samples; i++) { /* any row by itself, in any order */
            rmx_synthetic_rows(plant, RMX_SYNTHETIC_VALID, (int64_t)view.rows[i], 1, row.label,
                               row.dense, row.sparse, row.group, &logit);
            cr_assert_eq(view.labels[i], row.label[0]);
            cr_assert_eq(view.group[i], row.group[0]);
            cr_assert_eq(memcmp(view.dense + i * schema.dense_fields, row.dense,
                                4 * (size_t)schema.dense_fields),
                         0);
            cr_assert_eq(memcmp(view.sparse + i * schema.sparse_fields, row.sparse,
                                4 * (size_t)schema.sparse_fields),
                         0);
        }
    rmx_reader_close(reader);
    rmx_rows_free(&row);
    rmx_synthetic_destroy(plant);
    rmx_schema_free(&schema);
}

Test(synthetic, sets_differ_in_rows_and_share_the_plant)
{
    const rmx_synthetic_config c = small_config();
    rmx_synthetic *plant;
    float logit[2], x[2][16];
    uint32_t id[2][64];
    uint8_t label;
    uint64_t group;
    cr_assert_eq(rmx_synthetic_create(&c, &plant, NULL), RMX_OK);
    for (int v = 0; v < 2; v++)
        rmx_synthetic_rows(plant, (rmx_synthetic_split)v, 0, 1, &label, x[v], id[v], &group,
                           &logit[v]);
    cr_assert_neq(memcmp(id[0], id[1], sizeof(uint32_t) * (size_t)c.sparse_fields), 0);
    rmx_synthetic_destroy(plant);
}

Test(synthetic, skew_and_strength)
{
    rmx_synthetic_config c = small_config();
    c.zipf = 1.0;
    rmx_synthetic *plant;
    cr_assert_eq(rmx_synthetic_create(&c, &plant, NULL), RMX_OK);
    int count[50] = {0};
    float logit, x[16];
    uint32_t id[64];
    uint8_t label;
    uint64_t group;
    for (int64_t r = 0; r < 20000; r++) {
        rmx_synthetic_rows(plant, RMX_SYNTHETIC_TRAIN, r, 1, &label, x, id, &group, &logit);
        count[id[3]]++;
    }
    cr_assert(abs(count[0] - 4445) < 300, "%d", count[0]); /* 20000 / H(50) */
    cr_assert(abs(count[9] - 444) < 100, "%d", count[9]);
    rmx_synthetic_destroy(plant);
    c = small_config();
    c.strength = 1.0;
    const double weak = make(&c, RMX_SYNTHETIC_TRAIN).ceiling_auc;
    c.strength = 3.0;
    c.noise = 3.0;
    const double noisy = make(&c, RMX_SYNTHETIC_TRAIN).ceiling_auc;
    cr_assert(weak > 0.68 && weak < 0.8, "%g", weak);
    cr_assert(noisy > 0.75 && noisy < 0.88, "%g", noisy);
}

static bool stop_soon(void *user, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    return ++*(int *)user < 2;
}

Test(synthetic, stops_when_asked_and_leaves_nothing)
{
    rmx_synthetic_config c = small_config();
    rmx_error error = {.text = ""};
    int calls = 0;
    c.rows_train = 100000;
    cr_assert_eq(rmx_synthetic_write(&c, RMX_SYNTHETIC_TRAIN, in_folder("s.h5"), stop_soon, &calls,
                                     NULL, &error),
                 RMX_ERR_DATA);
    cr_assert_str_eq(error.text, "stopped");
    cr_assert_eq(files_in_folder(), 0);
}

Test(synthetic, refuses_nonsense)
{
    rmx_error error = {.text = ""};
    rmx_synthetic_config c = small_config();
    c.vocabulary = 1;
    cr_assert_eq(rmx_synthetic_check(&c, &error), RMX_ERR_ARGUMENT);
    cr_assert(strstr(error.text, "vocabulary 1 "), "%s", error.text);
    c = small_config();
    c.base_rate = (double)NAN;
    cr_assert_eq(rmx_synthetic_check(&c, &error), RMX_ERR_ARGUMENT);
    c = small_config();
    c.rows_train = 0;
    cr_assert_eq(
        rmx_synthetic_write(&c, RMX_SYNTHETIC_TRAIN, in_folder("s.h5"), NULL, NULL, NULL, &error),
        RMX_ERR_DATA);
    cr_assert_eq(files_in_folder(), 0);
}

Test(synthetic, smallest_sets)
{
    for (int32_t fields = 2; fields < 8; fields++) {
        rmx_synthetic_config c = small_config();
        c.sparse_fields = fields;
        c.dense_fields = 0;
        c.vocabulary = fields;
        c.rows_test = 100;
        make(&c, RMX_SYNTHETIC_TEST);
    }
}

Test(synthetic, ceiling_is_the_auc)
{
    static const float score[] = {-0.0f, 0.0f, 1.0f, -1.0f, 2.0f, 2.0f, -3.0f};
    static const uint8_t label[] = {1, 0, 1, 0, 0, 1, 1};
    double good = 0.0;
    rmx_ceiling ceiling;
    cr_assert_eq(rmx_ceiling_create(&ceiling, 7, NULL), RMX_OK);
    for (int i = 0; i < 7; i++) {
        rmx_ceiling_add(&ceiling, score[i], label[i]);
        for (int j = 0; j < 7; j++)
            if (label[i] && !label[j])
                good += score[i] > score[j] ? 1.0 : score[i] == score[j] ? 0.5 : 0.0;
    }
    cr_assert_eq(rmx_ceiling_auc(&ceiling), good / 12.0);
    rmx_ceiling_destroy(&ceiling);
}
