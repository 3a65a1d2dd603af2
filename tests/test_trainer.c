/* SPDX-License-Identifier: MIT */
/* The programs end to end, on a tiny synthetic set: resuming, threads, micro-batches, signals, bad
 * input. Each case is a process with an exit code and a line of results. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "job_testing.h"

static const char config[] =
    "[run]\nseed = 3\nthreads = 1\ndevice = cpu\n[data]\ntrain = train.h5\nvalid = valid.h5\n"
    "[model]\ntokens = 4\nwidth = 8\nlayers = 1\nembedding_width = 4\ndropout = 0.1\n"
    "[train]\nbatch = 256\nsteps = 30\nlog_every = 4\neval_every = 10\nsave_every = 1000\n"
    "schedule = cosine\nwarmup = 5\nlr = 0.01\nclip = 1\n";
static const char making[] =
    "[run]\ndir = made\ndevice = cpu\n[synthetic]\nrows_train = 3500\nrows_valid = 700\n"
    "sparse_fields = 6\ndense_fields = 3\nvocabulary = 20\ngroups = 30\n"
    "[model]\ntokens = 4\nwidth = 8\nlayers = 1\nembedding_width = 4\n[train]\nsteps = 1\n";

static void expect_error(int code, int should, const char *words)
{
    cr_expect_eq(code, should, "exit %d, not %d: %s", code, should, job_text("err"));
    cr_expect(strstr(job_text("err"), words), "'%s' is not in: %s", words, job_text("err"));
}

/* Metrics but for what a clock says. */
static int keep_figures(const char *from, const char *to)
{
    return job_run("sed -E 's/,\"(examples_per_s|seconds)\":[^,}]*//g' %s/metrics.jsonl > %s",
                   from, to);
}

static void prepare(void)
{
    job_begin();
    job_put("c.ini", config);
    job_put("making.ini", making);
    cr_assert_eq(job_run("rmx-train -q making.ini"), 0, "%s", job_text("err"));
    cr_assert_eq(job_run("mv made/data/*-train.h5 train.h5 && mv made/data/*-valid.h5 valid.h5"),
                 0);
}

TestSuite(trainer, .init = prepare, .fini = job_end, .timeout = 120);

Test(trainer, results_do_not_depend_on_how_the_work_is_split)
{
    char whole[17], is[17];
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a"), 0, "%s", job_text("err"));
    job_params(whole);
    cr_expect(strstr(job_text("out"), "{\"steps\":30,\"epochs\":2,\"examples\":"));
    cr_expect(strstr(job_text("out"), "\"valid_auc\":0."));
    cr_expect(strstr(job_text("out"), "\"ceiling_auc\":0."));
    cr_expect_eq(job_run("test -s a/metrics.jsonl -a -L a/checkpoints/best.h5"), 0);
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=b --set run.threads=2"), 0);
    cr_expect_str_eq(job_params(is), whole, "2 threads");
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=d --set train.micro_batch=128"), 0);
    cr_expect_str_eq(job_params(is), whole, "micro-batches");
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=e --set run.seed=4"), 0);
    cr_expect_str_neq(job_params(is), whole, "another seed");
}

/* One run is stopped after every step in turn, by its number of steps; the other never was. */
Test(trainer, resuming_at_any_step_gives_the_same_bits)
{
    char whole[17], is[17];
    const char *constant = "--set train.schedule=warmup"; /* a cosine's end may not move */
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a %s", constant), 0);
    job_params(whole);
    for (int step = 1; step <= 30; step++) {
        cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=b %s --set train.steps=%d%s",
                             constant, step,
                             step % 3 ? "" : " --set run.threads=2 --set train.micro_batch=128"),
                     0, "step %d: %s", step, job_text("err"));
        if (step % 6) continue;
        cr_assert_eq(job_run("rm -rf d && mkdir d && cp -r b/checkpoints d/ && "
                             "rmx-train -q c.ini --set run.dir=d %s",
                             constant),
                     0);
        cr_expect_str_eq(job_params(is), whole, "from step %d", step);
    }
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=b %s", constant), 0);
    cr_expect_str_eq(job_params(is), whole);
}

Test(trainer, an_older_checkpoint_leads_to_the_same_end)
{
    char whole[17], is[17];
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --set train.save_every=7 "
                         "--set train.keep=9"),
                 0, "%s", job_text("err"));
    job_params(whole);
    cr_assert_eq(keep_figures("a", "figures"), 0);
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a "
                         "--resume a/checkpoints/step-000000000007.h5"),
                 0, "%s", job_text("err"));
    cr_expect_str_eq(job_params(is), whole);
    cr_assert_eq(keep_figures("a", "again"), 0);
    cr_expect_eq(job_run("cmp figures again"), 0, "metrics.jsonl is as if it had never stopped");
    cr_expect_eq(job_run("test -e a/checkpoints/step-000000000028.h5.aside"), 0);
    /* Damaged newest: the one before is taken, and says so. */
    cr_assert_eq(job_run("truncate -s 5000 a/checkpoints/step-000000000030.h5"), 0);
    cr_assert_eq(job_run("rmx-train c.ini --set run.dir=a"), 0);
    cr_expect(strstr(job_text("err"), "trying an older checkpoint"));
    cr_expect_str_eq(job_params(is), whole);
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --resume never"), 0);
    cr_expect_str_eq(job_params(is), whole);
    cr_expect_eq(job_run("test -d a/checkpoints.1 -a -s a/metrics.1.jsonl"), 0);
}

Test(trainer, a_signal_saves_and_the_run_goes_on)
{
    char whole[17], is[17];
    /* More steps, so that signals come in the middle. */
    job_put("long.ini", config);
    cr_assert_eq(job_run("sed -i 's/steps = 30/steps = 1500/' long.ini"), 0);
    cr_assert_eq(job_run("rmx-train -q long.ini --set run.dir=a"), 0, "%s", job_text("err"));
    job_params(whole);
    int stops = 0, code = 143;
    for (int i = 0; i < 40 && code == 143; i++) {
        code = job_run("rmx-train -q long.ini --set run.dir=b & p=$!; sleep 0.%d; kill -%s $p "
                       "2>/dev/null; wait $p",
                       15 + i % 5 * 7, i % 2 ? "INT" : "TERM");
        cr_assert(code == 143 || code == 0, "exit %d: %s", code, job_text("err"));
        stops += code == 143;
    }
    if (code == 143) cr_assert_eq(job_run("rmx-train -q long.ini --set run.dir=b"), 0);
    cr_expect_str_eq(job_params(is), whole);
    cr_expect_gt(stops, 0, "no signal came in time");
    cr_assert_eq(keep_figures("a", "figures"), 0);
    cr_assert_eq(keep_figures("b", "again"), 0);
    cr_expect_eq(job_run("cmp figures again"), 0);
}

Test(trainer, kill_loses_nothing_that_was_saved)
{
    char whole[17], is[17];
    const char *how = "--set train.save_every=3 --set train.keep=1";
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a"), 0);
    job_params(whole);
    for (int i = 0; i < 8; i++)
        (void)job_run("rmx-train -q c.ini --set run.dir=b %s & p=$!; sleep 0.%02d; kill -9 $p",
                      how, 3 + i * 3);
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=b %s", how), 0, "%s", job_text("err"));
    cr_expect_str_eq(job_params(is), whole);
}

Test(trainer, stops_at_a_nan_and_names_it)
{
    const int code = job_run("rmx-train -q c.ini --set run.dir=a --set train.lr=1e30 --set "
                             "train.optimizer=sgd --set train.clip=0 --set train.warmup=0");
    expect_error(code, 1, "NaN or infinity, first in '");
    cr_expect(strstr(job_text("err"),
                     "a/checkpoints/step-000000000001.h5 holds the parameters that failed"));
    cr_expect_str_eq(job_text("out"), "");
}

Test(trainer, bad_input_has_its_exit_code_and_writes_nothing)
{
    expect_error(job_run("rmx-train"), 2, "no CONFIG.ini given");
    expect_error(job_run("rmx-train c.ini --bogus"), 2, "unrecognized option '--bogus'");
    expect_error(job_run("rmx-train none.ini"), 2,
                 "none.ini: cannot read the config: No such file");
    expect_error(job_run("rmx-train c.ini --set train.lrr=1"), 2, "did you mean 'lr'?");
    expect_error(job_run("rmx-train c.ini --device tpu"), 2, "run.device = 'tpu' is not one of");
    expect_error(job_run("rmx-train c.ini --set run.dir=z --set data.train=none.h5"), 3,
                 "--set: data.train: none.h5");
    expect_error(job_run("rmx-train c.ini --set run.dir=z --set data.valid=c.ini"), 3,
                 "--set: data.valid: c.ini");
    job_put("groups.ini", config);
    cr_assert_eq(job_run("sed -i 's/tokens = 4/tokens = 2\\ntokenizer = groups/' groups.ini && "
                         "printf '[tokenizer]\\nt0 = c0, c1, cc2\\nt1 = d0\\n' >> groups.ini"),
                 0);
    expect_error(job_run("rmx-train groups.ini --set run.dir=z"), 2,
                 "tokenizer.t0: the data has no field 'cc2'; did you mean 'c2'?");
    cr_assert_eq(job_run("sed -i 's/cc2/c1/' groups.ini"), 0);
    expect_error(job_run("rmx-train groups.ini --set run.dir=z"), 2,
                 "field 'c1' is already in t0");
    cr_assert_eq(job_run("sed -i 's/c1, c1/c1/' groups.ini"), 0);
    expect_error(job_run("rmx-train groups.ini --set run.dir=z"), 2,
                 "field 'c2' of the data is in no token");
    cr_assert_eq(job_run("sed -i 's/t0 = c0/t0 = c0, c2, c3, c4, c5, d1, d2/' groups.ini"), 0);
    cr_expect_eq(job_run("rmx-train groups.ini --set run.dir=z --check-config"), 0, "%s",
                 job_text("err"));
    cr_expect_eq(job_run("test -e z"), 1, "nothing was written");
    cr_expect_eq(job_run("rmx-train groups.ini --set run.dir=z"), 0, "%s", job_text("err"));
    expect_error(job_run("rmx-train c.ini --set run.dir=c.ini/x"), 3, "cannot make the folder");
    expect_error(job_run("rmx-eval c.ini valid.h5"), 3, "c.ini: is no rankmixer checkpoint");
    expect_error(job_run("rmx-info none.h5"), 3,
                 "none.h5: cannot open the checkpoint: No such file or directory");
    expect_error(job_run("rmx-predict z/checkpoints/best.h5 valid.h5 -o x.txt"), 2,
                 "ends in .h5 or .csv");
}

/* gnuplot is not needed: where it is, it draws; without it a run ends well and says so. */
Test(trainer, draws_curves_where_gnuplot_is)
{
    const bool here = job_run("command -v gnuplot") == 0;
    cr_assert_eq(job_run("rmx-train c.ini --set run.dir=a"), 0, "%s", job_text("err"));
    cr_expect_eq(job_run("test -s a/curves.svg"), here ? 0 : 1);
    cr_assert_eq(job_run("t=$(command -v rmx-train); PATH=/nowhere \"$t\" c.ini --set run.dir=b"),
                 0, "%s", job_text("err"));
    cr_expect(strstr(job_text("err"), "no curves.svg: gnuplot is missing"), "%s", job_text("err"));
    cr_expect_eq(job_run("test -e b/curves.svg"), 1);
}

static int lines_of(const char *text)
{
    int lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

/* Whether or not there is a GPU, a driver or a build for either. */
Test(trainer, no_device_is_one_line)
{
    expect_error(job_run("CUDA_VISIBLE_DEVICES= rmx-train c.ini --device cuda --set run.dir=z"), 4,
                 "run.device = cuda: device cuda: ");
    cr_expect_eq(lines_of(job_text("err")), 1, "%s", job_text("err"));
    cr_expect_eq(job_run("test -e z"), 1, "nothing was written");
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --set train.steps=1 "
                         "--set train.schedule=constant --set train.warmup=0"),
                 0, "%s", job_text("err"));
    expect_error(job_run("CUDA_VISIBLE_DEVICES= rmx-eval --device cuda a/checkpoints/best.h5 "
                         "valid.h5"),
                 4, "device cuda: ");
    cr_expect_eq(lines_of(job_text("err")), 1, "%s", job_text("err"));
}

/* A model of two petabytes fits nowhere. */
static void run_out_of_memory(const char *device)
{
    expect_error(job_run("ASAN_OPTIONS=allocator_may_return_null=1 rmx-train -q c.ini --device %s "
                         "--set run.dir=z --set model.width=65536 --set model.expansion=64 "
                         "--set model.layers=255",
                         device),
                 4, "a smaller micro_batch or batch needs less");
    cr_expect(strstr(job_text("err"), " asked for"), "%s", job_text("err"));
    cr_expect(strstr(job_text("err"), "c.ini: the model: out of "), "%s", job_text("err"));
}

Test(trainer, too_little_memory_is_one_line)
{
    run_out_of_memory("cpu");
    cr_expect_neq(job_run("ls z/checkpoints"), 0);
}

Test(trainer, too_little_memory_of_a_gpu_is_one_line)
{
    if (job_run("rmx-train c.ini --device cuda --check-config") == 4 && !getenv("RMX_REQUIRE_GPU"))
        cr_skip_test("no GPU");
    run_out_of_memory("cuda");
    cr_expect(strstr(job_text("err"), " MiB are free"), "%s", job_text("err"));
    cr_expect_eq(lines_of(job_text("err")), 1, "%s", job_text("err"));
}

Test(trainer, another_mathematics_is_not_resumed)
{
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a"), 0);
    expect_error(
        job_run("rmx-train c.ini --set run.dir=a --set train.lr=0.02 --set model.width=16"), 2,
        "model.width (16, was 8), train.lr (0.02, was 0.01)");
    expect_error(job_run("rmx-train c.ini --set run.dir=a --set train.steps=40"), 2,
                 "the cosine ends at step 40, was 30");
    expect_error(job_run("rmx-train c.ini --set run.dir=a --set data.train=valid.h5"), 3,
                 "valid.h5 is another set than it was trained with");
}

Test(trainer, a_full_disk_is_one_line)
{
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --set train.steps=5 --set "
                         "train.schedule=warmup"),
                 0);
    const int code = job_run("ulimit -f 40; rmx-train -q c.ini --set run.dir=a --set "
                             "train.schedule=warmup");
    expect_error(code, 3, ": cannot write");
    cr_expect_eq(job_run("rmx-info a/checkpoints/step-000000000005.h5"), 0, "%s", job_text("err"));
    cr_expect_neq(job_run("ls a/checkpoints/*.tmp.*"), 0);
}

Test(trainer, evaluates_and_predicts_what_it_trained)
{
    char valid[64];
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a"), 0);
    const char *at = strstr(job_text("out"), "\"valid_auc\":");
    snprintf(valid, sizeof valid, "\"auc\":%.*s,", (int)strcspn(at + 12, ","), at + 12);
    cr_assert_eq(job_run("rmx-eval -q -t 2 a/checkpoints/step-000000000030.h5 valid.h5"), 0);
    cr_expect(strstr(job_text("out"), valid), "%s is not in %s", valid, job_text("out"));
    cr_assert_eq(job_run("rmx-predict -q a/checkpoints/best.h5 valid.h5 -o s.csv"), 0, "%s",
                 job_text("err"));
    cr_expect_eq(job_run("head -1 s.csv | grep -qx row,group,probability,logit,label"), 0);
    cr_expect_eq(job_run("test $(wc -l < s.csv) = 701"), 0);
    cr_assert_eq(job_run("rmx-predict -q a/checkpoints/best.h5 valid.h5 -o s.h5"), 0);
    cr_expect_eq(job_run("rmx-info --json a/checkpoints/best.h5"), 0);
    cr_expect_neq(job_run("ls *.tmp.*"), 0);
}

Test(trainer, synthetic_data_is_made_once_for_a_section)
{
    cr_assert_eq(job_run("rmx-train -q making.ini --set run.dir=m"), 0, "%s", job_text("err"));
    cr_assert_eq(job_run("ls m/data > first; stat -c %%Y.%%Z.%%i m/data/*train.h5 > t1; "
                         "rmx-train -q making.ini --set run.dir=m; "
                         "stat -c %%Y.%%Z.%%i m/data/*train.h5 > t2; cmp t1 t2"),
                 0);
    expect_error(job_run("rmx-train making.ini --set run.dir=m --set synthetic.vocabulary=21"), 2,
                 "synthetic.vocabulary (21, was 20)");
}
