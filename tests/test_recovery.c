/* SPDX-License-Identifier: MIT */
/* Runs in surroundings that fail: what the system refuses is not called damage and changes nothing,
 * killed runs leave nothing behind for long, a checkpoint's place is one that a run can come to,
 * and a step that is not finite says what to do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/whole_file.h"
#include "job_testing.h"
#include "train/checkpoint.h"

static const char job[] =
    "[run]\ndir = run\nthreads = 1\ndevice = cpu\n[synthetic]\nrows_train = 3500\n"
    "rows_valid = 700\nsparse_fields = 4\ndense_fields = 2\nvocabulary = 20\n"
    "[model]\ntokens = 4\nwidth = 8\nlayers = 1\nembedding_width = 4\n"
    "[train]\nbatch = 256\nsteps = 30\neval_every = 10\nsave_every = 7\nkeep = 9\n";

static void prepare(void)
{
    job_begin();
    job_put("c.ini", job);
}

TestSuite(recovery, .init = prepare, .fini = job_end, .timeout = 120);

/* ---- errors of the system ----------------------------------------------------------------- */

Test(recovery, an_error_knows_whether_the_system_is_at_fault)
{
    rmx_error error = {.text = ""};
    cr_expect_eq(rmx_fail_system(&error, EMFILE, "%s: cannot open", "a.h5"), RMX_ERR_DATA);
    cr_expect_str_eq(error.text, "a.h5: cannot open: Too many open files; raise the limit of open "
                                 "files (ulimit -n)");
    cr_expect_eq(error.system_error, EMFILE);
    cr_expect_eq(rmx_fail_system(&error, ENOMEM, "x"), RMX_ERR_MEMORY);
    cr_expect_eq(error.system_error, ENOMEM);
    cr_expect_eq(rmx_fail_system(&error, EACCES, "%s: cannot read", error.text), RMX_ERR_DATA);
    cr_expect_str_eq(error.text, "x: Cannot allocate memory: cannot read: Permission denied");
    cr_expect_eq(rmx_fail(&error, RMX_ERR_DATA, "damaged"), RMX_ERR_DATA);
    cr_expect_eq(error.system_error, 0, "the content is at fault");
    cr_expect_eq(rmx_fail_system(NULL, EIO, "no text wanted"), RMX_ERR_DATA);
}

/* A link that leads to itself cannot be opened by anybody, root included. */
Test(recovery, a_checkpoint_that_cannot_be_read_is_not_passed_over)
{
    char whole[17], is[17];
    const char *newest = "run/checkpoints/step-000000000030.h5";
    cr_assert_eq(job_run("rmx-train -q c.ini"), 0, "%s", job_text("err"));
    job_params(whole);
    cr_assert_eq(job_run("cp %s sound.h5 && ln -sf step-000000000030.h5 %s && "
                         "ls run/checkpoints > before",
                         newest, newest),
                 0);
    cr_expect_eq(job_run("rmx-train -q c.ini"), 3);
    cr_expect(job_said("step-000000000030.h5"));
    cr_expect(job_said("Too many levels of symbolic links"));
    cr_expect(job_said("nothing was changed"));
    cr_expect(!strstr(job_text("err"), "older") && !strstr(job_text("err"), "damaged"));
    cr_expect_eq(job_run("ls run/checkpoints | cmp - before"), 0, "%s", job_text("out"));
    cr_assert_eq(job_run("rm %s && mv sound.h5 %s && rmx-train -q c.ini", newest, newest), 0);
    cr_expect_str_eq(job_params(is), whole);
}

/* ---- what killed runs leave --------------------------------------------------------------- */

Test(recovery, the_next_run_removes_what_a_killed_one_left)
{
    static const char *const left[] = {"run/config.ini.tmp.1",
                                       "run/curves.svg.tmp.99999999",
                                       "run/metrics.jsonl.tmp.1",
                                       "run/data/synthetic-0123456789abcdef-train.h5.tmp.1",
                                       "run/data/synthetic-0123456789abcdef-valid.h5.tmp.4194000",
                                       "run/checkpoints/step-000000000007.h5.tmp.1",
                                       "run/checkpoints/best.h5.tmp.77"};
    static const char *const foreign[] = {"run/notes.tmp.1", "run/data/my.h5.tmp.1",
                                          "run/config.ini.tmp.", "run/config.ini.tmp.1x",
                                          "run/checkpoints/other.h5.tmp.1"};
    cr_assert_eq(job_run("mkdir -p run/data run/checkpoints"), 0);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) job_put(left[i], "half");
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) job_put(foreign[i], "mine");
    cr_assert_eq(job_run("rmx-train c.ini --check-config"), 0, "%s", job_text("err"));
    cr_expect_eq(access(left[0], F_OK), 0, "a check changes nothing");
    cr_assert_eq(job_run("rmx-train -q c.ini"), 0, "%s", job_text("err"));
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        cr_expect_neq(access(left[i], F_OK), 0, "%s is still there", left[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        cr_expect_eq(access(foreign[i], F_OK), 0, "%s is gone", foreign[i]);
}

Test(recovery, an_output_removes_what_dead_processes_left_of_it)
{
    char mine[64];
    snprintf(mine, sizeof mine, "out.h5.tmp.%ld", (long)getpid());
    job_put("out.h5.tmp.4194305", "half"); /* beyond the largest number of a process */
    job_put("out.h5.tmp.1", "of a living one");
    job_put("out.h5.tmp.99999999999999999999", "no number of a process");
    job_put("other.h5.tmp.4194305", "half");
    job_put(mine, "of this process, which may be at work on it");
    job_put("out.h5.tmp.4194305.old", "an older output's second name");
    job_put("out.h5.old", "another file");
    char *name = rmx_temporary_name("out.h5");
    cr_assert(name);
    cr_expect_str_eq(name, mine);
    free(name);
    cr_expect_neq(access("out.h5.tmp.4194305", F_OK), 0);
    cr_expect_neq(access("out.h5.tmp.4194305.old", F_OK), 0);
    cr_expect_eq(access("out.h5.old", F_OK), 0);
    cr_expect_eq(access(mine, F_OK), 0);
    cr_expect_eq(access("out.h5.tmp.1", F_OK), 0);
    cr_expect_eq(access("out.h5.tmp.99999999999999999999", F_OK), 0);
    cr_expect_eq(access("other.h5.tmp.4194305", F_OK), 0);
    cr_assert_eq(job_run("rmx-data generate -q --rows-train 100 --rows-valid 0 && "
                         "mv train.h5 whole.h5 && echo half > train.h5.tmp.4194305 && "
                         "rmx-data generate -q --rows-train 100 --rows-valid 0"),
                 0, "%s", job_text("err"));
    cr_expect_neq(access("train.h5.tmp.4194305", F_OK), 0);
    cr_expect_eq(job_run("cmp train.h5 whole.h5"), 0);
    cr_assert_eq(
        job_run("rmx-train -q c.ini --set train.steps=1 && echo half > p.csv.tmp.4194305 && "
                "rmx-predict -q run/checkpoints/step-*1.h5 run/data/*-valid.h5 -o p.csv"),
        0, "%s", job_text("err"));
    cr_expect_neq(access("p.csv.tmp.4194305", F_OK), 0);
}

/* ---- a checkpoint's place ----------------------------------------------------------------- */

/* 3500 rows are 14 batches of 256, the last of 172. */
static const rmx_checkpoint_state place = {.step = 30,
                                           .epoch = 2,
                                           .batch = 2,
                                           .examples = 2 * 3500 + 2 * 256,
                                           .evaluated_step = 30,
                                           .best_step = 20,
                                           .best_auc = 0.75,
                                           .best_logloss = 0.5,
                                           .seconds = 1.5};

static bool fits(rmx_checkpoint_state state)
{
    rmx_error error = {.text = ""};
    const bool fine = rmx_checkpoint_state_check(&state, "c.h5", 3500, 256, &error) == RMX_OK;
    cr_expect(fine == !error.text[0]);
    return fine;
}

#define BUT(field, v)                       \
    do {                                    \
        rmx_checkpoint_state s = place;     \
        s.field = (v);                      \
        cr_expect(!fits(s), #field "=" #v); \
    } while (0)

Test(recovery, a_place_that_no_run_comes_to_is_refused)
{
    cr_expect(fits(place));
    rmx_checkpoint_state first = {.step = 0, .best_auc = -1}, turn = place;
    cr_expect(fits(first));
    turn.step = 28;
    turn.batch = 0;
    turn.examples = 7000;
    turn.evaluated_step = 28;
    cr_expect(fits(turn));
    BUT(examples, INT64_MAX);
    BUT(examples, place.examples + 1);
    BUT(examples, -1);
    BUT(step, INT64_MAX);
    BUT(step, 29);
    BUT(step, 31);
    BUT(epoch, INT64_MAX);
    BUT(epoch, 3);
    BUT(batch, 14);
    BUT(batch, INT64_MAX);
    BUT(batch, -1);
    BUT(evaluated_step, 31);
    BUT(evaluated_step, -1);
    BUT(evaluated_step, INT64_MAX);
    BUT(best_step, 31);
    BUT(best_step, INT64_MIN);
    BUT(best_auc, 1.5);
    BUT(best_auc, -0.5);
    BUT(best_logloss, -0.5);
    BUT(best_logloss, (double)INFINITY);
    BUT(seconds, (double)INFINITY);
    BUT(seconds, (double)NAN);
    BUT(seconds, -1);
    rmx_checkpoint_state undefined = place;
    undefined.best_auc = NAN; /* one class only: the best is told by logloss */
    cr_expect(fits(undefined));
    undefined.best_logloss = NAN;
    cr_expect(!fits(undefined));
    rmx_checkpoint_state far = {.step = INT64_MAX - 1, .epoch = (INT64_MAX - 1) / 14, .batch = 0};
    cr_expect(!fits(far));
}

/* Every checksum is right: only the place is not. */
static void forge(const char *from, const char *to, int64_t examples)
{
    rmx_checkpoint found;
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_checkpoint_open(from, &found, &error), RMX_OK, "%s", error.text);
    for (int32_t i = 0; i < found.tensors; i++) {
        int64_t count = 1;
        for (int32_t d = 0; d < found.tensor[i].dims; d++) count *= found.tensor[i].shape[d];
        found.tensor[i].data = malloc((size_t)count * sizeof(float));
        cr_assert(found.tensor[i].data);
    }
    cr_assert_eq(rmx_checkpoint_load(from, found.tensor, found.tensors, true, &error), RMX_OK);
    found.state.examples = examples;
    cr_assert_eq(rmx_checkpoint_write(to, &found, &error), RMX_OK, "%s", error.text);
    for (int32_t i = 0; i < found.tensors; i++) free(found.tensor[i].data);
    rmx_checkpoint_free(&found);
}

Test(recovery, a_forged_place_ends_before_the_first_step)
{
    cr_assert_eq(job_run("rmx-train -q c.ini --set train.steps=28"), 0, "%s", job_text("err"));
    forge("run/checkpoints/step-000000000028.h5", "forged.h5", INT64_MAX);
    cr_expect_eq(job_run("rmx-info forged.h5"), 0, "every checksum is right");
    cr_expect_eq(job_run("rmx-train c.ini --set run.dir=z --resume forged.h5"), 3);
    cr_expect(job_said("forged.h5: not a usable checkpoint: its step, epoch, batch or examples"));
    forge("run/checkpoints/step-000000000028.h5", "forged.h5", 7001);
    cr_expect_eq(job_run("rmx-train c.ini --set run.dir=z --resume forged.h5"), 3);
    cr_expect(job_said("do not fit the training data"));
    cr_expect_eq(job_run("test -e z/metrics.jsonl"), 1, "no step was made");
    forge("run/checkpoints/step-000000000028.h5", "forged.h5", 7000);
    cr_expect_eq(job_run("rmx-train -q c.ini --set run.dir=z --resume forged.h5"), 0, "%s",
                 job_text("err"));
}

/* ---- steps that are not finite ------------------------------------------------------------ */

Test(recovery, a_nan_at_step_1_names_the_input)
{
    job_put("spec.ini",
            "[columns]\nsmall = dense\nhuge = dense\nc = sparse\ny = label positive=1\n");
    cr_assert_eq(job_run("for i in $(seq 64); do echo $i,$([ $i = 41 ] && echo -3e38 || echo 2),"
                         "v$((i %% 3)),$((i %% 2)); done > in.csv && "
                         "rmx-data import --spec spec.ini in.csv -o in.h5"),
                 0, "%s", job_text("err"));
    const char *how = "rmx-train -q c.ini --set data.train=in.h5 --set model.tokens=2";
    cr_expect_eq(job_run("%s --set train.batch=64", how), 1);
    cr_expect(job_said("step 1: NaN or infinity, first in 'block.0."));
    cr_expect(job_said("no update came before, so the input is at fault: dense field 'huge' is "
                       "-3e+38 in row 40"));
    cr_expect(job_said("zscore or log"));
    cr_expect(job_said("no checkpoint was written yet"));
    cr_expect(!strstr(job_text("err"), "train.lr"), "%s", job_text("err"));
    cr_expect_str_eq(job_text("out"), "");
    /* later the rates are suspected first, and the input is named as well */
    cr_expect_eq(job_run("%s --set train.batch=16 --set run.dir=later --set run.seed=3", how), 1);
    cr_expect(job_said("step 4: NaN"));
    cr_expect(job_said("lower train.lr"));
    cr_expect(job_said("besides, dense field 'huge' is -3e+38 in row 40"));
}

Test(recovery, only_a_checkpoint_seen_good_is_called_so)
{
    const char *how = "rmx-train -q c.ini --set train.optimizer=sgd --set train.embedding_lr=0";
    /* the first update ruins the parameters that the first checkpoint holds */
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(job_run("%s --set train.lr=1e30", how), 1);
        cr_expect(job_said("step 2: NaN or infinity"));
        cr_expect(
            job_said("run/checkpoints/step-000000000001.h5 holds the parameters that failed; "
                     "no older checkpoint is left"));
        cr_expect(job_said("the same config fails at this step again"));
        cr_expect(job_said("--resume never"));
        cr_expect(!strstr(job_text("err"), "good"), "%s", job_text("err"));
    }
    /* a rate that rises ruins them later; the checkpoint of step 1 was seen good by then */
    cr_expect_eq(
        job_run("%s --set run.dir=b --set train.schedule=warmup --set train.warmup=1000 "
                "--set train.lr=1e7 --set train.save_every=1000 --set train.eval_every=1000",
                how),
        1);
    cr_expect(job_said("the last good checkpoint is b/checkpoints/step-000000000001.h5"));
    /* one is saved after every step: the newest holds what failed, the one before is good */
    cr_expect_eq(job_run("%s --set run.dir=d --set train.schedule=warmup --set train.warmup=1000 "
                         "--set train.lr=1e7 --set train.save_every=1 --set train.eval_every=1000",
                         how),
                 1);
    int failed = 0, newest = 0, good = 0;
    const char *text = job_text("err"), *at = strstr(text, "d/checkpoints/step-");
    cr_assert(at && sscanf(text, "rmx-train: step %d", &failed) == 1, "%s", text);
    cr_assert_eq(sscanf(at,
                        "d/checkpoints/step-%d.h5 holds the parameters that failed; the last "
                        "good checkpoint is step-%d.h5 beside it",
                        &newest, &good),
                 2, "%s", text);
    cr_expect_eq(newest, failed - 1);
    cr_expect_eq(good, failed - 2);
}
