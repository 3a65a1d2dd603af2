/* SPDX-License-Identifier: MIT */
/* What a run and rmx-eval say of a model: figures that are undefined, several tasks, the best
 * checkpoint, a finished run. */
#include <math.h>

#include "program_testing.h"
#include "testing.h"

static void prepare(void)
{
    job_begin();
    job_put("c.ini", set_config);
}

TestSuite(eval, .init = prepare, .fini = job_end, .timeout = 120);

/* The best is the one of the lowest logloss, and why is said in every place. */
Test(eval, a_validation_set_of_one_class_says_so)
{
    make_set("train.h5", &(set_options){.rows = 1000, .tasks = 1});
    make_set("valid.h5", &(set_options){.rows = 120, .tasks = 1, .zeros = true, .seed = 1});
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --set data.valid=valid.h5"), 0, "%s",
                 job_text("err"));
    expect_words("err", "valid.h5: AUC is undefined: all 120 labels of task 'click' are 0");
    expect_words("err", "the best checkpoint is the one of the lowest logloss");
    expect_words("out", "\"valid_auc\":null");
    expect_words("out", "\"valid_auc_undefined\":\"all 120 labels of task 'click' are 0\"");
    expect_words("out", "\"best_auc\":null");
    expect_json_lines("out");
    const double best = value_in("out", "best_step"), logloss = value_in("out", "best_logloss");
    cr_expect_gt(best, 0);
    cr_expect_eq(
        job_run("test -L a/checkpoints/best.h5 && grep -q '\"step\":%d,.*\"auc\":null,"
                "\"auc_undefined\":\"all 120 labels of task .click. are 0\"' a/metrics.jsonl",
                (int)best),
        0);
    cr_assert_eq(job_run("rmx-eval a/checkpoints/best.h5 valid.h5"), 0, "%s", job_text("err"));
    cr_expect_eq(value_in("out", "logloss"), logloss);
    expect_words("out", "\"auc\":null,\"auc_undefined\":\"all 120 labels of task 'click' are 0\"");
    expect_words("out", "\"gauc\":null,\"gauc_undefined\":\"the set has no groups\"");
    expect_words("err", "AUC is undefined: all 120 labels");
    /* A resumed run goes on with the same best. */
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --set data.valid=valid.h5 "
                         "--set train.steps=40"),
                 0, "%s", job_text("err"));
    cr_expect_leq(value_in("out", "best_logloss"), logloss);
}

Test(eval, every_task_has_its_figures_whatever_its_name)
{
    const set_options train = {
        .rows = 1000, .tasks = 2, .task_name = {"a \"b\\", "k\xC3\xA4uft"}, .group = true};
    set_options valid = train;
    valid.seed = 1;
    make_set("train.h5", &train);
    make_set("valid.h5", &valid);
    cr_assert_eq(job_run("rmx-train c.ini --set run.dir='r \"x\" \xE9' --set data.valid=valid.h5"),
                 0, "%s", job_text("err"));
    expect_json_lines("out");
    expect_words("err", "        a \"b\\  logloss 0.");
    expect_words("err", "        k\xC3\xA4uft  logloss 0.");
    expect_words("err", "next    rmx-eval 'r \"x\" \xE9/checkpoints/best.h5' valid.h5");
    expect_words("out", "\"checkpoint\":\"r \\\"x\\\" \xEF\xBF\xBD/checkpoints/step-");
    cr_assert_eq(job_run("mv r* r"), 0);
    expect_json_lines("r/metrics.jsonl");
    expect_words("r/metrics.jsonl", "\"tasks\":{\"a \\\"b\\\\\":{\"examples\":1000,");
    expect_words("r/metrics.jsonl", "},\"k\xC3\xA4uft\":{\"examples\":1000,");
    cr_expect_eq(
        job_run("grep -c '^{\"type\":\"train\".*\"tasks\":{' r/metrics.jsonl | grep -qx 5"), 0);
    cr_expect_eq(
        job_run("for tag in valid/auc valid/gauc valid/normalized_entropy 'valid/a \"b\\/auc' "
                "valid/k\xC3\xA4uft/gauc train/k\xC3\xA4uft/logloss; do "
                "LC_ALL=C grep -aqF \"$tag\" r/tensorboard/* || exit 1; done"),
        0);
    cr_assert_eq(job_run("rmx-eval r/checkpoints/best.h5 valid.h5"), 0, "%s", job_text("err"));
    expect_json_lines("out");
    expect_words("out", "{\"task\":\"a \\\"b\\\\\",\"examples\":1000,");
    expect_words("out", "\"deciles\":[{\"count\":");
    expect_words("err", "calibration of 'k\xC3\xA4uft' by decile");
}

/* Masked labels and rows without a group are left out and counted; a mean is over the tasks where a
 * figure is defined. */
Test(eval, what_is_left_out_is_counted)
{
    set_options set = {.rows = 400, .tasks = 2, .group = true, .masked = true};
    make_set("train.h5", &set);
    make_set("valid.h5", &set);
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a"), 0, "%s", job_text("err"));
    /* 20 steps are 5 epochs */
    cr_expect_eq(
        job_run("grep '\"step\":20,' a/metrics.jsonl | "
                "grep -q '\"buy\":{\"examples\":1500,\"positives\":[0-9]*,\"masked\":500,'"),
        0, "%s", job_text("a/metrics.jsonl"));
    cr_assert_eq(job_run("rmx-eval a/checkpoints/step-000000000020.h5 valid.h5"), 0, "%s",
                 job_text("err"));
    expect_words("out", "{\"step\":20,\"examples\":400,\"auc\":0.");
    expect_words("out", "{\"task\":\"click\",\"examples\":300,\"positives\":");
    expect_words("out", "\"masked\":100,\"groups\":20,\"without_group\":100,\"auc\":0.");
    expect_words("err", "100 more rows have no label for it (masked)");
    expect_words("err", "20 groups have both classes; 100 rows have no group");
    set.no_labels = true;
    make_set("valid.h5", &set);
    cr_expect_eq(job_run("rmx-eval a/checkpoints/step-000000000020.h5 valid.h5"), 3);
    expect_words("err", "valid.h5: its rows have no labels");
    cr_expect_str_eq(job_text("out"), "");
}

/* With rates that overfit, the best step comes before the last. */
Test(eval, the_test_is_of_the_best_checkpoint)
{
    char test_auc[64], params[64];
    const char *how = "--set data.valid=valid.h5 --set train.lr=0.1 "
                      "--set train.embedding_lr=1 --set train.steps=60";
    make_set("train.h5", &(set_options){.rows = 200, .tasks = 1});
    make_set("valid.h5", &(set_options){.rows = 300, .tasks = 1, .seed = 1});
    make_set("test.h5", &(set_options){.rows = 500, .tasks = 1, .seed = 2});
    cr_assert_eq(job_run("rmx-train c.ini %s --set run.dir=a", how), 0, "%s", job_text("err"));
    cr_expect_not(holds("err", "already finished"));
    keep("out", "plain");
    const int best = (int)value_in("plain", "best_step");
    cr_assert(best > 0 && best < 60, "the best step is %d", best);
    cr_assert_eq(job_run("rmx-train c.ini %s --set data.test=test.h5 --set run.dir=a", how), 0,
                 "%s", job_text("err"));
    expect_words("err", "already finished: step 60 of 60");
    snprintf(params, sizeof params, "test    step %d  logloss ", best);
    expect_words("err", params);
    snprintf(params, sizeof params, "best    step %d, auc 0.", best);
    expect_words("err", params);
    expect_words("err", "next    rmx-eval a/checkpoints/best.h5 test.h5");
    keep("out", "tested");
    cr_expect_eq(value_in("tested", "test_step"), best);
    cr_expect_eq(value_in("tested", "valid_auc"), value_in("plain", "valid_auc"));
    snprintf(params, sizeof params, "%.33s", strstr(job_text("plain"), "\"params_xxh3\""));
    expect_words("tested", params); /* of the last step */
    cr_assert_eq(job_run("rmx-eval -q a/checkpoints/best.h5 test.h5"), 0);
    snprintf(test_auc, sizeof test_auc, "\"test_auc\":%.17g", value_in("out", "auc"));
    cr_expect_eq(value_in("out", "auc"), value_in("tested", "test_auc"), "%s", test_auc);
    expect_words("tested", "\"test_checkpoint\":\"a/checkpoints/step-0000000000");
    cr_expect_eq(job_run("test -e \"$(sed 's/.*\"test_checkpoint\":\"//; s/\".*//' tested)\""), 0);
    /* The same at the end of one run; without the file the last step is tested, as is said. */
    cr_assert_eq(job_run("rmx-train -q c.ini %s --set data.test=test.h5 --set run.dir=b", how), 0);
    cr_expect_eq(value_in("out", "test_auc"), value_in("tested", "test_auc"));
    expect_words("out", params);
    cr_assert_eq(job_run("rm b/checkpoints/step-0000000000%02d.h5", best), 0);
    cr_assert_eq(job_run("rmx-train -q c.ini %s --set data.test=test.h5 --set run.dir=b", how), 0);
    expect_words("err", "the best checkpoint cannot be read, so the last step is tested");
    cr_expect_eq(value_in("out", "test_step"), 60);
}

/* For people on stderr, for programs on stdout. */
Test(eval, a_run_says_what_comes_next)
{
    make_set("train.h5", &(set_options){.rows = 300, .tasks = 1});
    cr_assert_eq(job_run("rmx-train c.ini --set run.dir=a"), 0, "%s", job_text("err"));
    expect_words("err", "done    20 steps in ");
    expect_words("err", "a/checkpoints/step-000000000020.h5");
    expect_words("err", "figures a/metrics.jsonl");
    expect_words("err", "next    rmx-eval a/checkpoints/step-000000000020.h5 train.h5");
    expect_words("err", "rmx-predict a/checkpoints/step-000000000020.h5 train.h5 -o scores.csv");
    expect_words("out", "\"valid_auc\":null");
    cr_expect_not(holds("out", "test_auc"));
    expect_json_lines("out");
    cr_assert_eq(
        job_run("PATH=/nowhere %s/rmx-train -q c.ini --set run.dir=a", testing_programs()), 0);
    cr_expect_str_eq(job_text("err"),
                     "warning: no curves.svg: gnuplot is missing; apt-get install "
                     "gnuplot-nox\n");
}

/* A dense value that overflows: the row, the field and the tensor are named. */
Test(eval, scores_that_are_not_finite_are_refused)
{
    make_set("train.h5", &(set_options){.rows = 300, .tasks = 1});
    make_set("large.h5", &(set_options){.rows = 300, .tasks = 1, .large_row = 200, .keys = true});
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --set model.width=64"), 0, "%s",
                 job_text("err"));
    cr_expect_eq(job_run("rmx-eval a/checkpoints/step-000000000020.h5 large.h5"), 1);
    expect_words("err", "large.h5: row 200 (row 601 of its source): the score of task 'click' is "
                        "not finite: NaN or infinity, first in 'tokenizer'");
    expect_words("err",
                 "the row's largest dense value is -3.4e+38, in field 'd1': import that field "
                 "with log or zscore");
    cr_expect_str_eq(job_text("out"), "");
    cr_expect_eq(job_run("rmx-train -q c.ini --set run.dir=b --set model.width=64 "
                         "--set data.valid=large.h5"),
                 1);
    expect_words("err", "step 5: the evaluation of large.h5: row 200: the score of task 'click'");
}
