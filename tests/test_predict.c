/* SPDX-License-Identifier: MIT */
/* Files of predictions: what is in a CSV and in an HDF5 file, what is refused. */
#include <math.h>

#include "data/container.h"
#include "program_testing.h"
#include "train/checkpoint.h"
#include "train/predict_file.h"

static const char checkpoint[] = "a/checkpoints/step-000000000020.h5";

static void prepare(void)
{
    job_begin();
    job_put("c.ini", set_config);
}

TestSuite(predict, .init = prepare, .fini = job_end, .timeout = 120);

static void train(int32_t tasks)
{
    make_set("train.h5", &(set_options){.rows = 300, .tasks = tasks});
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a"), 0, "%s", job_text("err"));
}

static void expect_line(const char *name, int number, const char *line)
{
    cr_expect_eq(job_run("sed -n %dp %s | grep -qxE '%s'", number, name, line), 0,
                 "line %d is no %s: %.300s", number, line, job_text(name));
}

#define NUMBERS "0\\.[0-9]{1,9},-?[0-9.]+"

/* Keys and group as written, the row of the source, the label where there is one. A key that has
 * the name of another column is told apart. */
Test(predict, a_csv_can_be_joined_to_its_table)
{
    train(1);
    set_options set = {.rows = 300, .tasks = 1, .keys = true, .group = true, .masked = true};
    make_set("set.h5", &set);
    cr_assert_eq(job_run("rmx-predict -q %s set.h5 -o new/folder/s.csv", checkpoint), 0, "%s",
                 job_text("err"));
    cr_expect_str_eq(job_text("out"),
                     "{\"rows\":300,\"step\":20,\"output\":\"new/folder/s.csv\"}\n");
    cr_assert_eq(job_run("mv new/folder/s.csv . && ls new/folder | wc -l | grep -qx 0"), 0);
    cr_expect_eq(job_run("wc -l < s.csv | grep -qx 301"), 0);
    expect_line("s.csv", 1, "row,request,key_label,group,probability,logit,label");
    expect_line("s.csv", 2, "1,r0,k,," NUMBERS ","); /* no group, masked */
    expect_line("s.csv", 3, "4,\"r1,\"\"x\"\"\",k,user [0-9]+," NUMBERS ",[01]");
    /* Without texts: the row of the set and the hash; without labels: none. */
    set = (set_options){.rows = 300, .tasks = 1, .group = true, .no_labels = true};
    make_set("set.h5", &set);
    cr_assert_eq(job_run("rmx-predict -q %s set.h5 -o s.csv", checkpoint), 0, "%s",
                 job_text("err"));
    expect_line("s.csv", 1, "row,group,probability,logit");
    expect_line("s.csv", 2, "0,," NUMBERS);
    expect_line("s.csv", 3, "1,[0-9]+," NUMBERS);
}

Test(predict, every_task_has_its_columns)
{
    train(2);
    make_set("set.h5", &(set_options){.rows = 40, .tasks = 2});
    cr_assert_eq(job_run("rmx-predict -q %s set.h5 -o s.csv", checkpoint), 0, "%s",
                 job_text("err"));
    expect_line("s.csv", 1,
                "row,click_probability,click_logit,click_label,buy_probability,buy_logit,"
                "buy_label");
    expect_line("s.csv", 41, "39," NUMBERS ",[01]," NUMBERS ",[01]");
}

/* The text of a number in a CSV is the fp32 of the HDF5 file. */
Test(predict, hdf5_holds_the_same)
{
    rmx_container c;
    rmx_error error = {.text = ""};
    uint64_t row[50], group[50];
    float probability[100], logit[100];
    uint8_t label[100];
    train(2);
    make_set("set.h5", &(set_options){.rows = 50, .tasks = 2, .keys = true, .group = true});
    cr_assert_eq(job_run("rmx-predict -q %s set.h5 -o s.csv && rmx-predict -q %s set.h5 -o s.h5",
                         checkpoint, checkpoint),
                 0, "%s", job_text("err"));
    cr_assert_eq(rmx_container_open("s.h5", "predictions", 1, "", &c, &error), RMX_OK, "%s",
                 error.text);
    const struct {
        const char *name;
        rmx_array_type type;
        int32_t dims;
        void *to;
    } arrays[] = {{"/row", RMX_ARRAY_U64, 1, row},
                  {"/group", RMX_ARRAY_U64, 1, group},
                  {"/probability", RMX_ARRAY_F32, 2, probability},
                  {"/logit", RMX_ARRAY_F32, 2, logit},
                  {"/label", RMX_ARRAY_U8, 2, label}};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        const rmx_array *a =
            rmx_container_find(&c, arrays[i].name, arrays[i].type, arrays[i].dims);
        cr_assert(a, "no %s", arrays[i].name);
        cr_assert_eq(rmx_container_load(&c, a, arrays[i].to, &error), RMX_OK, "%s", error.text);
    }
    const rmx_array *text = rmx_container_find(&c, "/text", RMX_ARRAY_TEXT, 1);
    cr_assert(text);
    char *texts = malloc((size_t)rmx_array_bytes(text));
    cr_assert_eq(rmx_container_load(&c, text, texts, &error), RMX_OK, "%s", error.text);
    cr_expect_eq(memcmp(texts + text->record_bytes, "r1,\"x\"", 6), 0);
    free(texts);
    rmx_container_close(&c);
    FILE *csv = fopen("s.csv", "r");
    char line[400];
    cr_assert(csv && fgets(line, sizeof line, csv));
    for (int i = 0; i < 50; i++) {
        float p[2], z[2];
        unsigned l[2];
        unsigned long long source;
        cr_assert(fgets(line, sizeof line, csv));
        cr_assert_eq(sscanf(line, "%llu", &source), 1);
        const char *at = line + strlen(line);
        for (int commas = 0; commas < 6; commas += *at == ',') at--;
        cr_assert_eq(sscanf(at, ",%f,%f,%u,%f,%f,%u", &p[0], &z[0], &l[0], &p[1], &z[1], &l[1]), 6,
                     "%s", line);
        cr_expect_eq(source, row[i]);
        cr_expect_eq(group[i] == 0, i % 3 == 0);
        for (int t = 0; t < 2; t++) {
            cr_expect_eq(p[t], probability[2 * i + t]);
            cr_expect_eq(z[t], logit[2 * i + t]);
            cr_expect_eq(l[t], label[2 * i + t]);
            cr_expect_float_eq(p[t], 1 / (1 + exp(-(double)z[t])), 1e-7);
        }
    }
    fclose(csv);
}

/* Nothing under the output's name, and the row, the field and the tensor named. */
Test(predict, no_file_holds_a_score_that_is_not_finite)
{
    make_set("train.h5", &(set_options){.rows = 300, .tasks = 1});
    cr_assert_eq(job_run("rmx-train -q c.ini --set run.dir=a --set model.width=64"), 0);
    make_set("large.h5", &(set_options){.rows = 300, .tasks = 1, .large_row = 200, .keys = true});
    for (int h5 = 0; h5 < 2; h5++) {
        cr_expect_eq(
            job_run("rmx-predict %s large.h5 -o folder/s.%s", checkpoint, h5 ? "h5" : "csv"), 1);
        expect_words("err", "large.h5: row 200 (row 601 of its source): the score of task 'click' "
                            "is not finite: NaN or infinity, first in 'tokenizer'");
        expect_words("err", "-3.4e+38, in field 'd1'");
        cr_expect_str_eq(job_text("out"), "");
        cr_expect_eq(job_run("ls folder | wc -l | grep -qx 0"), 0, "something was left behind");
    }
}

/* A tensor of the checkpoint with one value changed, written as a sound file. */
static void spoil(const char *name, float value, const char *as)
{
    rmx_checkpoint c;
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_checkpoint_open(checkpoint, &c, &error), RMX_OK, "%s", error.text);
    bool found = false;
    for (int32_t i = 0; i < c.tensors; i++) {
        int64_t count = 1;
        for (int32_t d = 0; d < c.tensor[i].dims; d++) count *= c.tensor[i].shape[d];
        c.tensor[i].data = calloc((size_t)count, sizeof(float));
        cr_assert(c.tensor[i].data);
    }
    cr_assert_eq(rmx_checkpoint_load(checkpoint, c.tensor, c.tensors, true, &error), RMX_OK, "%s",
                 error.text);
    for (int32_t i = 0; i < c.tensors; i++)
        if (!strcmp(c.tensor[i].name, name)) {
            c.tensor[i].data[0] = value;
            found = true;
        }
    cr_assert(found, "no tensor %s", name);
    cr_assert_eq(rmx_checkpoint_write(as, &c, &error), RMX_OK, "%s", error.text);
    for (int32_t i = 0; i < c.tensors; i++) free(c.tensor[i].data);
    rmx_checkpoint_free(&c);
}

Test(predict, a_weight_that_is_not_finite_is_named)
{
    static const char *const names[] = {"head.weight", "block.1.ffn.w1", "tokenizer.weight"};
    train(1);
    for (int i = 0; i < 3; i++) {
        char words[128];
        spoil(names[i], i == 1 ? INFINITY : NAN, "bad.h5");
        cr_expect_eq(job_run("rmx-predict bad.h5 train.h5 -o s.csv"), 1, "%s: %s", names[i],
                     job_text("err"));
        snprintf(words, sizeof words, "first in 'parameter %s'", names[i]);
        expect_words("err", words);
        cr_expect_not(holds("err", "dense value"));
        cr_expect_eq(job_run("rmx-eval bad.h5 train.h5"), 1);
        expect_words("err", words);
        cr_expect_neq(job_run("ls s.csv*"), 0);
    }
}

Test(predict, the_output_is_no_input)
{
    train(1);
    cr_assert_eq(
        job_run("cp %s c.h5 && ln train.h5 hard.h5 && ln -s train.h5 soft.h5 && mkdir d && "
                "md5sum c.h5 train.h5 > sums",
                checkpoint),
        0);
    static const char *const outputs[] = {"train.h5", "hard.h5", "soft.h5", "d/../train.h5",
                                          "c.h5"};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        cr_expect_eq(job_run("rmx-predict -q c.h5 train.h5 -o %s", outputs[i]), 2, "%s",
                     outputs[i]);
        expect_words("err", "name another output");
    }
    cr_expect_eq(job_run("md5sum -c sums"), 0);
    cr_expect_eq(job_run("rmx-predict -q c.h5 train.h5 -o x.txt"), 2);
    expect_words("err", "x.txt: the output's name ends in .h5 or .csv");
    cr_expect_eq(job_run("rmx-predict -q c.h5 train.h5 -o c.ini/x.csv"), 3);
    cr_expect_eq(job_run("ulimit -f 8; rmx-predict -q c.h5 train.h5 -o big.csv"), 3);
    cr_expect_neq(job_run("ls big.csv*"), 0);
}
