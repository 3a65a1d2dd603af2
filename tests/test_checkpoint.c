/* SPDX-License-Identifier: MIT */
/* Checkpoints: what was written comes back, what was damaged does not, and no crash, full disk or
 * retention loses the last good one. The tensors are made up; no model is needed. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "data_testing.h"
#include "kernels/numerics.h"
#include "train/checkpoint.h"

enum { TENSORS = 5 };

typedef struct made_up {
    rmx_checkpoint checkpoint;
    rmx_checkpoint_tensor tensor[TENSORS];
    float *data[TENSORS];
    char config[64];
    rmx_schema schema;
} made_up;

static void make(made_up *m, int64_t step, int64_t scale)
{
    const int64_t shapes[TENSORS][4] = {
        {50 * scale, 16}, {3, 5, 7 * scale}, {9}, {50 * scale}, {2, 2, 2, 2}};
    const int32_t dims[TENSORS] = {2, 3, 1, 1, 4};
    const char *names[TENSORS] = {"embedding.a/b", "block.0.ffn.w1", "head.bias",
                                  "embedding.a/b:sum", "window"};
    memset(m, 0, sizeof *m);
    for (int i = 0; i < TENSORS; i++) {
        rmx_checkpoint_tensor *t = &m->tensor[i];
        int64_t count = 1;
        snprintf(t->name, sizeof t->name, "%s", names[i]);
        t->parameter = i < 3;
        t->dims = dims[i];
        memcpy(t->shape, shapes[i], sizeof t->shape);
        for (int32_t d = 0; d < t->dims; d++) count *= t->shape[d];
        t->data = m->data[i] = malloc((size_t)count * sizeof(float));
        for (int64_t k = 0; k < count; k++)
            t->data[k] = (float)(k * 31 % 1009) * 0.25f - (float)(step + i);
    }
    snprintf(m->config, sizeof m->config, "[run]\nseed = %d\n", (int)step);
    cr_assert_eq(rmx_schema_init(&m->schema, 1, 1, 1, NULL), RMX_OK);
    cr_assert_eq(rmx_schema_set(&m->schema.names[0], "a/b", NULL), RMX_OK);
    m->schema.vocabulary[0] = 50;
    m->schema.encoding[0] = (rmx_encoding){m->schema.encoding[0].transform, 49, 77, true};
    cr_assert_eq(rmx_schema_set(&m->schema.spec, "[columns]\na/b = sparse\n", NULL), RMX_OK);
    m->checkpoint = (rmx_checkpoint){.state = {.step = step,
                                               .epoch = 1,
                                               .batch = 2,
                                               .examples = 3,
                                               .evaluated_step = 4,
                                               .best_auc = NAN,
                                               .seconds = 1.5,
                                               .train_fingerprint = UINT64_MAX},
                                     .config = m->config,
                                     .schema = &m->schema,
                                     .tensor = m->tensor,
                                     .tensors = TENSORS};
}

static void unmake(made_up *m)
{
    for (int i = 0; i < TENSORS; i++) free(m->data[i]);
    rmx_schema_free(&m->schema);
}

static bool equal_data(const made_up *a, const made_up *b)
{
    for (int i = 0; i < TENSORS; i++) {
        size_t count = sizeof(float);
        for (int32_t d = 0; d < a->tensor[i].dims; d++) count *= (size_t)a->tensor[i].shape[d];
        if (memcmp(a->data[i], b->data[i], count)) return false;
    }
    return true;
}

static int64_t newest_step(void)
{
    char path[256];
    rmx_error error;
    rmx_checkpoint found;
    if (rmx_checkpoint_newest(own_folder(), path, sizeof path, NULL, NULL, &error) != RMX_OK)
        return -1;
    if (!path[0]) return 0;
    cr_assert_eq(rmx_checkpoint_open(path, &found, &error), RMX_OK, "%s", error.text);
    const int64_t step = found.state.step;
    rmx_checkpoint_free(&found);
    return step;
}

TestSuite(checkpoint, .fini = remove_folder);

Test(checkpoint, comes_back_as_it_was)
{
    made_up a, b;
    rmx_checkpoint found;
    rmx_error error;
    make(&a, 7, 1);
    make(&b, 8, 1);
    const char *path = in_folder("x.h5");
    cr_assert_eq(rmx_checkpoint_write(path, &a.checkpoint, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_checkpoint_open(path, &found, &error), RMX_OK, "%s", error.text);
    cr_expect_eq(found.state.step, 7);
    cr_expect(isnan(found.state.best_auc));
    cr_expect_eq(found.state.seconds, 1.5);
    cr_expect_eq(found.state.train_fingerprint, UINT64_MAX);
    cr_expect_eq(found.state.params_xxh3, rmx_checkpoint_params_xxh3(a.tensor, TENSORS));
    cr_expect_neq(found.state.params_xxh3, rmx_checkpoint_params_xxh3(b.tensor, TENSORS));
    cr_expect_str_eq(found.config, a.config);
    cr_expect_str_eq(found.schema->names[0], "a/b");
    cr_expect_str_eq(found.schema->spec, a.schema.spec);
    cr_expect_eq(rmx_schema_encoding_hash(found.schema), rmx_schema_encoding_hash(&a.schema));
    cr_expect_eq(found.numerics, RMX_NUMERICS_CONTRACT);
    cr_assert_eq(found.tensors, TENSORS);
    cr_expect_str_eq(found.tensor[0].name, "embedding.a/b");
    cr_expect_eq(found.tensor[1].shape[2], 7);
    cr_expect(found.tensor[2].parameter && !found.tensor[3].parameter);
    rmx_checkpoint_free(&found);
    cr_assert_eq(rmx_checkpoint_load(path, b.tensor, TENSORS, true, &error), RMX_OK, "%s",
                 error.text);
    cr_expect(equal_data(&a, &b));
    unmake(&a);
    unmake(&b);
}

Test(checkpoint, refuses_what_does_not_fit_and_writes_nothing)
{
    made_up a, b, before;
    rmx_error error;
    const char *path = in_folder("x.h5");
    make(&a, 1, 1);
    make(&b, 2, 1);
    make(&before, 2, 1);
    cr_assert_eq(rmx_checkpoint_write(path, &a.checkpoint, &error), RMX_OK, "%s", error.text);
    b.tensor[1].shape[0] = 5;
    b.tensor[1].shape[1] = 3;
    cr_expect_eq(rmx_checkpoint_load(path, b.tensor, TENSORS, true, &error), RMX_ERR_DATA);
    cr_expect(strstr(error.text, "tensor 'block.0.ffn.w1' has another shape than the model's"));
    b.tensor[1] = before.tensor[1];
    b.tensor[1].data = b.data[1];
    snprintf(b.tensor[4].name, sizeof b.tensor[4].name, "other");
    cr_expect_eq(rmx_checkpoint_load(path, b.tensor, TENSORS, true, &error), RMX_ERR_DATA);
    cr_expect(strstr(error.text, "holds no tensor 'other'"), "%s", error.text);
    cr_expect_eq(rmx_checkpoint_load(path, b.tensor, 3, true, &error), RMX_ERR_DATA);
    cr_expect(strstr(error.text, "holds 5 tensors, the model has 3"), "%s", error.text);
    cr_expect(equal_data(&b, &before));
    cr_expect_eq(rmx_checkpoint_load(path, b.tensor, 3, false, &error), RMX_OK);
    unmake(&a);
    unmake(&b);
    unmake(&before);
}

/* Loads the file with one byte in about twelve changed, or cut short there, one after the other.
 * Returns how many were refused, or -1 where one gave other values than were written. */
static int refused_mutations(const made_up *a, const char *original, const char *mutated,
                             int *harmless)
{
    static unsigned char bytes[1 << 20], copy[1 << 20];
    rmx_error error;
    FILE *file = fopen(original, "rb");
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    int refused = 0;
    fclose(file);
    for (size_t i = 0; i < size; i += 1 + i % 23) {
        made_up b;
        memcpy(copy, bytes, size);
        copy[i] ^= (unsigned char)(1u << i % 8);
        file = fopen(mutated, "wb");
        fwrite(copy, 1, i % 3 == 2 ? i : size, file);
        fclose(file);
        make(&b, 4, 1);
        const bool loaded =
            rmx_checkpoint_load(mutated, b.tensor, TENSORS, true, &error) == RMX_OK;
        const bool right = loaded && equal_data(a, &b);
        unmake(&b);
        if (loaded && !right) return -1;
        refused += !loaded;
        *harmless += loaded;
    }
    return refused;
}

Test(checkpoint, a_changed_byte_is_found)
{
    made_up a;
    rmx_error error;
    char original[256], mutated[256];
    int counts[2] = {0, 0}, ends[2], status;
    snprintf(original, sizeof original, "%s/x.h5", own_folder());
    snprintf(mutated, sizeof mutated, "%s/y.h5", own_folder());
    make(&a, 3, 1);
    cr_assert_eq(rmx_checkpoint_write(original, &a.checkpoint, &error), RMX_OK);
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        counts[0] = refused_mutations(&a, original, mutated, &counts[1]);
        _exit(write(ends[1], counts, sizeof counts) == sizeof counts ? 0 : 1);
    }
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    cr_assert_eq(read(ends[0], counts, sizeof counts), (ssize_t)sizeof counts);
    cr_expect_gt(counts[0], 200, "%d refused", counts[0]);
    cr_expect_eq(counts[1], 0, "every byte is covered by a checksum; %d were not", counts[1]);
    unmake(&a);
}

Test(checkpoint, other_files_are_refused_in_words)
{
    rmx_error error;
    rmx_checkpoint found;
    cr_expect_eq(rmx_checkpoint_open(in_folder("none.h5"), &found, &error), RMX_ERR_DATA);
    cr_expect(strstr(error.text, "none.h5: cannot open the checkpoint: No such file or directory"),
              "%s", error.text);
    cr_expect_eq(rmx_checkpoint_open(own_folder(), &found, &error), RMX_ERR_DATA);
    cr_expect(strstr(error.text, "is no regular file"), "%s", error.text);
    cr_expect_eq(rmx_checkpoint_open(write_text("text.h5", "hello"), &found, &error),
                 RMX_ERR_DATA);
    cr_expect(strstr(error.text, "is no rankmixer checkpoint"), "%s", error.text);
}

Test(checkpoint, keeps_the_newest_and_the_best)
{
    made_up a;
    rmx_error error;
    int64_t *steps;
    int32_t count;
    char target[64] = "";
    for (int64_t step = 1; step <= 9; step++) {
        make(&a, step, 1);
        a.checkpoint.state.best_step = step < 3 ? 0 : step < 8 ? 3 : 8;
        cr_assert_eq(rmx_checkpoint_save(own_folder(), &a.checkpoint, 2, NULL, 0, &error), RMX_OK,
                     "%s", error.text);
        unmake(&a);
        if (step != 6) continue;
        cr_assert_eq(rmx_checkpoint_list(own_folder(), &steps, &count, &error), RMX_OK);
        cr_assert_eq(count, 3);
        cr_expect(steps[0] == 3 && steps[1] == 5 && steps[2] == 6);
        free(steps);
        cr_expect_gt(readlink(in_folder("best.h5"), target, sizeof target - 1), 0);
        cr_expect_str_eq(target, "step-000000000003.h5");
    }
    cr_assert_eq(rmx_checkpoint_list(own_folder(), &steps, &count, &error), RMX_OK);
    cr_assert_eq(count, 2);
    cr_expect(steps[0] == 8 && steps[1] == 9);
    free(steps);
    cr_expect_eq(rmx_checkpoint_verify(in_folder("best.h5"), &error), RMX_OK);
    cr_expect_eq(files_in_folder(), 3);
}

static int told;
static void count_refused(void *user, const char *text)
{
    (void)user;
    cr_expect(strstr(text, "step-00000000000"), "%s", text);
    told++;
}

Test(checkpoint, the_newest_that_verifies_is_taken)
{
    made_up a;
    rmx_error error;
    char path[256];
    cr_expect_eq(newest_step(), 0);
    for (int64_t step = 1; step <= 3; step++) {
        make(&a, step, 1);
        cr_assert_eq(
            rmx_checkpoint_save(own_folder(), &a.checkpoint, 5, path, sizeof path, &error),
            RMX_OK);
        unmake(&a);
    }
    cr_assert_eq(truncate(path, 3000), 0);
    cr_expect_eq(newest_step(), 2);
    cr_assert_eq(truncate(in_folder("step-000000000002.h5"), 0), 0);
    cr_assert_eq(
        rmx_checkpoint_newest(own_folder(), path, sizeof path, count_refused, NULL, &error),
        RMX_OK);
    cr_expect_eq(told, 2);
    cr_expect(strstr(path, "step-000000000001.h5"));
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(rmx_checkpoint_newest(own_folder(), path, sizeof path, NULL, NULL, &error),
                 RMX_ERR_DATA);
    cr_expect(strstr(error.text, "none of the 2 checkpoints can be used"), "%s", error.text);
}

/* A child saves generation after generation and is killed at a moment that no one chose. */
Test(checkpoint, kill_never_loses_the_last_good_one)
{
    made_up a;
    rmx_error error;
    int64_t at_least = 1;
    make(&a, 1, 200);
    cr_assert_eq(rmx_checkpoint_save(own_folder(), &a.checkpoint, 1, NULL, 0, &error), RMX_OK);
    for (int round = 0; round < 25; round++) {
        const pid_t child = fork();
        if (child == 0) {
            for (int64_t step = at_least + 1;; step++) {
                a.checkpoint.state.step = step;
                if (rmx_checkpoint_save(own_folder(), &a.checkpoint, 1, NULL, 0, &error) != RMX_OK)
                    _exit(1);
            }
        }
        usleep((useconds_t)(2000 + round * 1713));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status), "the child failed by itself");
        const int64_t step = newest_step();
        cr_assert_geq(step, at_least);
        at_least = step;
    }
    cr_expect_gt(at_least, 5);
    a.checkpoint.state.step = at_least + 1;
    cr_assert_eq(rmx_checkpoint_save(own_folder(), &a.checkpoint, 1, NULL, 0, &error), RMX_OK);
    cr_expect_eq(files_in_folder(), 1, "what killed processes left is gone");
    unmake(&a);
}

/* RLIMIT_FSIZE stands for a disk that fills up in the middle of a file. */
Test(checkpoint, a_full_disk_keeps_the_older_one)
{
    made_up a;
    rmx_error error;
    make(&a, 1, 40);
    cr_assert_eq(rmx_checkpoint_save(own_folder(), &a.checkpoint, 1, NULL, 0, &error), RMX_OK);
    struct stat info;
    cr_assert_eq(stat(in_folder("step-000000000001.h5"), &info), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < (rlim_t)info.st_size; limit += 1 + (rlim_t)info.st_size / 37) {
        const pid_t child = fork();
        if (child == 0) {
            const struct rlimit small = {limit, limit};
            setrlimit(RLIMIT_FSIZE, &small);
            a.checkpoint.state.step = 2;
            const rmx_status status =
                rmx_checkpoint_save(own_folder(), &a.checkpoint, 1, NULL, 0, &error);
            _exit(status == RMX_ERR_DATA ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "limit %d: status %d", (int)limit,
                  status);
        cr_assert_eq(newest_step(), 1);
        cr_assert_eq(files_in_folder(), 1);
    }
    unmake(&a);
}

Test(checkpoint, a_folder_that_cannot_be_written_is_told)
{
    made_up a;
    rmx_error error;
    make(&a, 1, 1);
    cr_expect_eq(rmx_checkpoint_write("/nowhere/x.h5", &a.checkpoint, &error), RMX_ERR_DATA);
    cr_expect_str_eq(error.text,
                     "/nowhere/: cannot write checkpoints here: No such file or directory");
    unmake(&a);
}
