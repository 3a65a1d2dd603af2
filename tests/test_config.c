/* SPDX-License-Identifier: MIT */
/* Configs: each mistake is told in one exact line; what is printed reads back as it was. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"
#include "train/config.h"
#include "data/edit_distance.h"
#include "train/config_keys.h"
#include "train/model_setup.h"

static char long_line[512] = "[run]\ndir = "; /* 300 letters follow */

static const struct {
    const char *text, *set, *message;
} bad[] = {
#include "bad_configs.h"
};

static rmx_status parse(const char *text, const char *set, rmx_config *config, rmx_error *error)
{
    const char *sets[1] = {set};
    error->text[0] = '\0';
    return rmx_config_parse("c.ini", text, strlen(text), sets, set != NULL, config, error);
}

Test(config, every_mistake_has_its_line)
{
    rmx_config config;
    rmx_error error;
    const size_t cases = sizeof bad / sizeof bad[0];
    cr_assert_geq(cases, 40);
    memset(long_line + strlen(long_line), 'x', 300);
    for (size_t i = 0; i < cases; i++) {
        const rmx_status status = parse(bad[i].text, bad[i].set, &config, &error);
        cr_expect_eq(status, RMX_ERR_ARGUMENT, "case %zu: status %d", i, (int)status);
        cr_expect_str_eq(error.text, bad[i].message, "case %zu:\n  is  %s\n  not %s", i,
                         error.text, bad[i].message);
        rmx_config_destroy(&config);
    }
}

Test(config, bytes_that_are_no_text)
{
    rmx_config config;
    rmx_error error;
    static const char zero[] = "[run]\nseed = 1\0 2\n";
    cr_assert_eq(rmx_config_parse("c.ini", zero, sizeof zero - 1, NULL, 0, &config, &error),
                 RMX_ERR_ARGUMENT);
    cr_assert_str_eq(error.text,
                     "c.ini:2: byte 9 is a control character (0); is this a text file?");
    cr_assert_eq(rmx_config_read("/nowhere/c.ini", NULL, 0, &config, &error), RMX_ERR_ARGUMENT);
    cr_assert_str_eq(error.text,
                     "/nowhere/c.ini: cannot read the config: No such file or directory");
    cr_assert_eq(rmx_config_read("/tmp", NULL, 0, &config, &error), RMX_ERR_ARGUMENT);
    cr_assert_str_eq(error.text, "/tmp: cannot read the config: Is a directory");
}

Test(config, good_forms)
{
    rmx_config config;
    rmx_error error;
    const char *text = "\xef\xbb\xbf; a comment\r\n# another\n  ; indented\n\n[ run ]\n";
    cr_expect_eq(parse(text, NULL, &config, &error), RMX_ERR_ARGUMENT); /* not [run] */
    rmx_config_destroy(&config);
    text = "\xef\xbb\xbf; a comment\r\n# another\n  ; indented\n\n[run] ; why\r\nseed=5\r\n"
           "threads\t =  2  ; cores\n[model]\nmixer = none\n[run]\ndir=a b\n[train]\nbeta1=0.8\n"
           "lr = 1e-2";
    cr_assert_eq(parse(text, "run.seed= 7 ", &config, &error), RMX_OK, "%s", error.text);
    cr_expect_eq(config.run.seed, 7); /* --set wins over the file */
    cr_expect_eq(config.run.threads, 2);
    cr_expect_str_eq(config.run.dir, "a b");
    cr_expect_eq(config.model.mixer, 2);
    cr_expect_eq(config.train.lr, 0.01);
    cr_expect_eq(config.train.beta1, 0.8);
    cr_expect(isnan(config.train.beta2));
    rmx_config_destroy(&config);
}

Test(config, prints_what_it_reads)
{
    rmx_config config, again;
    rmx_error error;
    const char *text = "[run]\ndir = a/b\nseed = 9\n[model]\ntokens = 2\ntokenizer = groups\n"
                       "[tokenizer]\nt1 = c\nt0 = a, b\n[train]\nlr = 0.1\neps = 1e-7\nclip=0.3\n";
    cr_assert_eq(parse(text, NULL, &config, &error), RMX_OK, "%s", error.text);
    for (int comments = 0; comments < 2; comments++) {
        char *printed = NULL;
        size_t bytes;
        FILE *out = open_memstream(&printed, &bytes);
        rmx_config_print(&config, comments, out);
        fclose(out);
        cr_assert_eq(parse(printed, NULL, &again, &error), RMX_OK, "%s", error.text);
        char difference[256], *first = rmx_config_to_text(&config, false);
        char *second = rmx_config_to_text(&again, false);
        cr_expect_str_eq(first, second);
        cr_expect_eq(rmx_config_differences(&config, &again, difference, sizeof difference), 0);
        free(first);
        free(second);
        free(printed);
        rmx_config_destroy(&again);
    }
    rmx_config_destroy(&config);
}

/* What "auto" means depends on the optimiser; what no optimiser reads stays auto. */
Test(config, resolves_what_auto_means)
{
    rmx_config config, resolved;
    rmx_error error;
    cr_assert_eq(parse("", NULL, &config, &error), RMX_OK, "%s", error.text);
    rmx_config_resolve(&config, &resolved);
    cr_expect_eq(resolved.model.heads, 8);
    cr_expect(isnan(resolved.train.momentum) && isnan(resolved.train.initial_sum));
    cr_expect_eq(resolved.train.beta1, 0.9);
    cr_expect_eq(resolved.train.beta2, 0.999);
    cr_expect_eq(resolved.train.eps, 1e-8);
    cr_expect_eq(resolved.train.embedding_eps, 1e-10);
    cr_expect_eq(resolved.train.embedding_initial_sum, 0);
    cr_expect(isnan(resolved.train.embedding_beta1) && isnan(resolved.train.embedding_beta2));
    rmx_config_destroy(&config);

    const char *text = "[train]\noptimizer = sgd\nembedding_optimizer = rmsprop\neps = 1e-3\n";
    cr_assert_eq(parse(text, NULL, &config, &error), RMX_OK, "%s", error.text);
    rmx_config_resolve(&config, &resolved);
    cr_expect_eq(resolved.train.momentum, 0);
    cr_expect(isnan(resolved.train.eps), "sgd has none");
    cr_expect_eq(resolved.train.embedding_eps, 1e-3, "as train.eps says for both");
    cr_expect_eq(resolved.train.embedding_beta2, 0.99);
    rmx_config_destroy(&config);

    text = "[train]\noptimizer = adagrad\neps = 1e-3\nembedding_eps = 1e-4\n"
           "embedding_optimizer = rowwise_adagrad\nembedding_initial_sum = 0.1\n";
    cr_assert_eq(parse(text, NULL, &config, &error), RMX_OK, "%s", error.text);
    rmx_config_resolve(&config, &resolved);
    cr_expect_eq(resolved.train.eps, 1e-3);
    cr_expect_eq(resolved.train.embedding_eps, 1e-4);
    cr_expect_eq(resolved.train.initial_sum, 0);
    cr_expect_eq(resolved.train.embedding_initial_sum, 0.1);
    rmx_config_destroy(&config);
}

/* For every pair of optimisers: what is printed reads back, is the same run, and gives the model
 * the same settings to the bit. */
Test(config, a_resolved_config_is_the_same_run)
{
    static const char *const names[] = {"sgd", "rmsprop", "adagrad", "rowwise_adagrad", "adamw"};
    char text[256], difference[256];
    rmx_config config, again;
    rmx_schema schema;
    rmx_model_setup first, second;
    rmx_error error;
    cr_assert_eq(rmx_schema_init(&schema, 2, 2, 1, &error), RMX_OK);
    for (int pair = 0; pair < 25; pair++) {
        if (pair / 5 == 3) continue; /* not of dense parameters */
        snprintf(text, sizeof text, "[train]\noptimizer = %s\nembedding_optimizer = %s\n",
                 names[pair / 5], names[pair % 5]);
        cr_assert_eq(parse(text, NULL, &config, &error), RMX_OK, "%s", error.text);
        char *printed = rmx_config_to_text(&config, false);
        cr_assert_eq(parse(printed, NULL, &again, &error), RMX_OK, "%s: %s", text, error.text);
        cr_expect_eq(rmx_config_differences(&config, &again, difference, sizeof difference), 0,
                     "%s: %s", text, difference);
        cr_expect(!strstr(printed, "heads = 0"));
        char *once_more = rmx_config_to_text(&again, false);
        cr_expect_str_eq(printed, once_more);
        cr_assert_eq(rmx_model_setup_make(&config, &schema, &first, &error), RMX_OK);
        cr_assert_eq(rmx_model_setup_make(&again, &schema, &second, &error), RMX_OK);
        cr_expect_eq(memcmp(&first.training, &second.training, sizeof first.training), 0, "%s",
                     text);
        const rmx_optimizer_config own = rmx_optimizer_default((rmx_optimizer)(pair % 5));
        cr_expect_eq(first.training.embedding.eps, own.eps);
        cr_expect_eq(first.training.embedding.beta2, own.beta2);
        rmx_model_setup_free(&first);
        rmx_model_setup_free(&second);
        free(printed);
        free(once_more);
        rmx_config_destroy(&config);
        rmx_config_destroy(&again);
    }
    rmx_schema_free(&schema);
}

Test(config, differences_name_what_changes_the_mathematics)
{
    rmx_config was, is;
    rmx_error error;
    char text[256];
    cr_assert_eq(parse("[train]\nlr = 0.1\n", NULL, &was, &error), RMX_OK);
    cr_assert_eq(parse("[train]\nlr = 0.2\nepochs = 7\nmicro_batch = 128\nkeep = 9\n"
                       "eval_every = 3\n[run]\nthreads = 2\ndevice = cpu\n",
                       "model.tokens=16", &is, &error),
                 RMX_OK);
    cr_expect_eq(rmx_config_differences(&was, &is, text, sizeof text), 2);
    cr_expect_str_eq(text, "model.tokens (16, was 8), train.lr (0.2, was 0.1)");
    rmx_config_destroy(&was);
    rmx_config_destroy(&is);
}

Test(config, the_generators_defaults_are_ours)
{
    rmx_config config;
    rmx_error error;
    cr_assert_eq(parse("", NULL, &config, &error), RMX_OK, "%s", error.text);
    const rmx_synthetic_config ours = rmx_config_synthetic_of(&config);
    const rmx_synthetic_config theirs = rmx_synthetic_default();
    cr_expect_eq(ours.rows_train, theirs.rows_train);
    cr_expect_eq(ours.rows_valid, theirs.rows_valid);
    cr_expect_eq(ours.rows_test, theirs.rows_test);
    cr_expect_eq(ours.seed, theirs.seed);
    cr_expect_eq(ours.sparse_fields, theirs.sparse_fields);
    cr_expect_eq(ours.dense_fields, theirs.dense_fields);
    cr_expect_eq(ours.vocabulary, theirs.vocabulary);
    cr_expect_eq(ours.groups, theirs.groups);
    cr_expect_eq(ours.zipf, theirs.zipf);
    cr_expect_eq(ours.base_rate, theirs.base_rate);
    cr_expect_eq(ours.strength, theirs.strength);
    cr_expect_eq(ours.noise, theirs.noise);
    rmx_config_destroy(&config);
}

Test(config, the_documentation_has_the_table)
{
    char *table = NULL, *page = NULL;
    size_t bytes, room = 0;
    FILE *out = open_memstream(&table, &bytes);
    rmx_config_print_keys(out);
    fclose(out);
    FILE *file = fopen(testing_path("docs/training.md"), "r");
    cr_assert(file, "docs/training.md is missing");
    cr_assert_gt(getdelim(&page, &room, '\0', file), 0);
    fclose(file);
    cr_expect(strstr(page, table), "docs/training.md lacks the table of rmx-train --print-keys");
    free(page);
    free(table);
}

Test(config, edit_distance)
{
    cr_expect_eq(rmx_edit_distance("", ""), 0);
    cr_expect_eq(rmx_edit_distance("batch", "batch"), 0);
    cr_expect_eq(rmx_edit_distance("bacth", "batch"), 1);
    cr_expect_eq(rmx_edit_distance("kitten", "sitting"), 3);
    cr_expect_eq(rmx_edit_distance("", "abc"), 3);
}
