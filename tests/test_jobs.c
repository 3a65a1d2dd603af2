/* SPDX-License-Identifier: MIT */
/* A day's work with the programs: what a check says beforehand, that a run's own config gives the
 * run again, and that each optimiser of the tables trains, resumes and scores. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_testing.h"

static const char job[] =
    "[run]\ndir = run\nthreads = 1\ndevice = cpu\n[synthetic]\nrows_train = 3500\n"
    "rows_valid = 700\nsparse_fields = 4\ndense_fields = 2\nvocabulary = 20\n"
    "[model]\ntokens = 4\nwidth = 8\nlayers = 1\nembedding_width = 4\n"
    "[train]\nbatch = 256\nepochs = 2\neval_every = 10\n";

static void prepare(void)
{
    job_begin();
    job_put("c.ini", job);
}

TestSuite(jobs, .init = prepare, .fini = job_end, .timeout = 120);

/* What is said before is what is found afterwards. */
Test(jobs, a_check_says_steps_parameters_memory_and_positives)
{
    long long parameters = 0, counted = -1, positives = 0, rows = 0;
    cr_assert_eq(job_run("rmx-train c.ini --check-config"), 0, "%s", job_text("err"));
    cr_expect(job_said("train   run/data/synthetic-"));
    cr_expect(job_said(": 3.50k rows, to be made from [synthetic]"));
    cr_expect(job_said("steps   28 of 256 examples: 2 epochs of 14 steps\n"));
    cr_expect(job_said("memory  0."));
    cr_expect(job_said("on the host about "));
    cr_expect(job_said("c.ini: fine\n"));
    cr_expect_eq(job_run("test -e run"), 1, "a check writes nothing");
    cr_assert_eq(job_run("rmx-train -q c.ini"), 0, "%s", job_text("err"));
    cr_expect(strstr(job_text("out"), "{\"steps\":28,"));
    cr_assert_eq(job_run("rmx-train c.ini --check-config"), 0, "%s", job_text("err"));
    const char *at = strstr(job_text("err"), "\nmodel   ");
    cr_assert(at && sscanf(at, "\nmodel   %lld parameters (", &parameters) == 1);
    cr_expect(strstr(at, ", 320 of them in 4 embedding tables"));
    at = strstr(job_text("err"), "1 task");
    cr_assert(at && (at = strstr(at, ", ")));
    while (at && sscanf(at, ", %lld positive (", &positives) != 1) at = strstr(at + 1, ", ");
    cr_assert_eq(job_run("rmx-info run/checkpoints/best.h5"), 0);
    at = strstr(job_text("out"), "\n# ");
    while (at && sscanf(at, "\n# %lld parameters,", &counted) != 1) at = strstr(at + 1, "\n# ");
    cr_expect_eq(parameters, counted);
    cr_assert_eq(job_run("rmx-eval -q run/checkpoints/best.h5 run/data/*-train.h5"), 0);
    at = strstr(job_text("out"), "\"positives\":");
    cr_assert(at && sscanf(at, "\"positives\":%lld", &rows) == 1);
    cr_expect_eq(positives, rows);
    cr_assert_eq(job_run("rmx-train c.ini --check-config --set train.steps=7"), 0);
    cr_expect(job_said("steps   7 of 256 examples: 0.5 epochs of 14 steps\n"));
}

Test(jobs, the_config_of_a_run_gives_the_run_again)
{
    char whole[17], is[17];
    cr_assert_eq(job_run("rmx-train -q c.ini"), 0, "%s", job_text("err"));
    job_params(whole);
    cr_assert_eq(job_run("grep -E '^(eps|embedding_eps|beta1|heads) = ' run/config.ini"), 0);
    cr_expect_str_eq(job_text("out"),
                     "heads = 4\nbeta1 = 0.9\neps = 1e-08\nembedding_eps = 1e-10\n");
    cr_assert_eq(job_run("rmx-train -q run/config.ini --set run.dir=again"), 0, "%s",
                 job_text("err"));
    cr_expect_str_eq(job_params(is), whole);
    /* either goes on from what the other wrote */
    cr_assert_eq(job_run("cp run/config.ini kept.ini && "
                         "rmx-train -q kept.ini --set train.epochs=3"),
                 0, "%s", job_text("err"));
    job_params(whole);
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=again --set train.epochs=3"), 0, "%s",
                 job_text("err"));
    cr_expect_str_eq(job_params(is), whole);
    cr_assert_eq(job_run("rmx-train c.ini --print-config >printed.ini && "
                         "cmp printed.ini kept.ini"),
                 0, "%s", job_text("out"));
}

Test(jobs, each_optimiser_of_the_tables_trains_and_resumes)
{
    static const char *const kinds[] = {"sgd", "rmsprop", "adagrad", "rowwise_adagrad", "adamw"};
    char whole[5][17], is[17];
    for (int i = 0; i < 5; i++) {
        const char *how =
            "rmx-train -q c.ini --set train.embedding_optimizer=%s --set run.dir=%s%d";
        char line[256];
        snprintf(line, sizeof line, how, kinds[i], "whole", i);
        cr_assert_eq(job_run("%s", line), 0, "%s", job_text("err"));
        job_params(whole[i]);
        snprintf(line, sizeof line, how, kinds[i], "parts", i);
        cr_assert_eq(job_run("%s --set train.steps=9", line), 0, "%s", job_text("err"));
        cr_assert_eq(job_run("%s", line), 0, "%s", job_text("err"));
        cr_expect_str_eq(job_params(is), whole[i], "%s", kinds[i]);
        for (int j = 0; j < i; j++) cr_expect_str_neq(whole[i], whole[j]);
        cr_expect_eq(
            job_run("rmx-eval -q whole%d/checkpoints/best.h5 whole%d/data/*-valid.h5", i, i), 0,
            "%s", job_text("err"));
    }
    cr_expect_eq(job_run("rmx-train c.ini --set train.optimizer=rowwise_adagrad"), 2);
    cr_expect(
        job_said("train.optimizer = 'rowwise_adagrad' is not one of: sgd | rmsprop | adagrad "
                 "| adamw; train.embedding_optimizer takes it"));
}
