/* SPDX-License-Identifier: MIT */
/* test_reference.c: the reference backend: complete, asked for by name only, the two orders of a
 * sum against values from elsewhere, and a training with the bits of the other codes. What each of
 * its kernels computes is in the tests of the kernels and layers, which run on it too. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_testing.h"
#include "kernels/reference/reference.h"
#include "rankmixer/context.h"
#include "testing.h"

/* A NULL slot would be called: all but the recordings', which a CPU has no use for, are there. */
Test(reference, has_every_kernel)
{
    rmx_backend *backend = testing_backend("reference", 1);
    cr_assert(backend);
    const size_t first = offsetof(rmx_ops, product);
    for (size_t at = first; at < sizeof *backend->ops; at += sizeof(void (*)(void))) {
        void (*kernel)(void);
        memcpy(&kernel, (const char *)backend->ops + at, sizeof kernel);
        cr_expect(kernel, "slot %zu after product has no kernel", (at - first) / sizeof kernel);
    }
    testing_backend_free(backend);
}

/* The code, threads and description of a context on the CPU. */
static void expect_context(const char *asked, bool reference)
{
    const rmx_context_options options = {
        .device = RMX_DEVICE_CPU, .threads = 3, .cpu_code = asked};
    rmx_context *ctx = NULL;
    cr_assert_eq(rmx_context_create(&options, &ctx, NULL, 0), RMX_OK);
    cr_expect_eq(strcmp(rmx_context_code(ctx), "reference") == 0, reference, "%s",
                 rmx_context_code(ctx));
    cr_expect_eq(rmx_context_threads(ctx), reference ? 1 : 3);
    cr_expect_eq(strstr(rmx_context_describe(ctx), "reference, 1 thread") != NULL, reference, "%s",
                 rmx_context_describe(ctx));
    rmx_context_destroy(ctx);
}

Test(reference, is_asked_for)
{
    unsetenv("RMX_CPU");
    expect_context(NULL, false);
    expect_context("reference", true);
    setenv("RMX_CPU", "reference", 1);
    expect_context(NULL, true);
    expect_context("generic", false);
    const rmx_context_options unknown = {.device = RMX_DEVICE_CPU, .cpu_code = "referee"};
    rmx_context *ctx = NULL;
    char text[256];
    cr_assert_eq(rmx_context_create(&unknown, &ctx, text, sizeof text), RMX_ERR_ARGUMENT);
    cr_expect(strstr(text, "\"referee\"") && strstr(text, "or reference"), "%s", text);
}

/* ---- the orders of a sum ------------------------------------------------------------------- */

/* Values from -1/2 to 1/2, multiples of 2^-24; the second half of a product. */
static float value(int64_t i) { return (float)((uint32_t)i * 2654435761u >> 8) * 0x1p-24f - 0.5f; }

static float add_value(const void *of, int64_t i, float sum)
{
    (void)of;
    return rmx_addf(sum, value(i));
}

/* What NumPy gives for the text of numerics.h, in float32: 128 partials, spans of 4096, spans of
 * spans; and, as a control, for a sum from left to right, where it differs. */
Test(reference, sum_along_a_row)
{
    static const struct {
        int64_t n;
        float sum, left_to_right;
    } rows[] = {{0, 0.0f, 0.0f},
                {1, -0x1p-1f, -0x1p-1f},
                {2, -0x1.87221cp-2f, -0x1.87221cp-2f},
                {127, -0x1.385bd6p-1f, -0x1.385bd2p-1f},
                {128, -0x1.3d511ap-1f, -0x1.3d5116p-1f},
                {4095, -0x1.e5c8f8p-3f, -0x1.e5c890p-3f},
                {4096, 0x1.caa770p-4f, 0x1.caa840p-4f},
                {4097, 0x1.445870p-4f, 0x1.445940p-4f},
                {8193, 0x1.662c38p-2f, 0x1.662cccp-2f},
                {100000, 0x1.3d9730p-3f, 0x1.3db7c8p-3f},
                {4096 * 4096, 0x1.4e8a48p-1f, 0.0f},
                {4096 * 4096 + 4097, 0x1.b22ab8p-2f, 0.0f}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const float sum = rmx_reference_sum_along(add_value, NULL, 0, rows[i].n);
        float plain = 0.0f;
        for (int64_t j = 0; j < rows[i].n; j++) plain = rmx_addf(plain, value(j));
        cr_expect_eq(sum, rows[i].sum, "%lld: %a", (long long)rows[i].n, (double)sum);
        if (rows[i].n > 4096 * 4096 - 1) continue;
        cr_expect_eq(plain, rows[i].left_to_right, "%lld: %a", (long long)rows[i].n,
                     (double)plain);
    }
}

/* The same for blocks of 128 rows that are added to what the destination holds, 1/2 here. */
Test(reference, sum_down_the_rows)
{
    static const struct {
        int64_t rows;
        float sum, one_chain;
    } columns[] = {{0, 0.5f, 0.5f},
                   {1, 0.0f, 0.0f},
                   {127, -0x1.c2de90p-4f, -0x1.c2dea0p-4f},
                   {128, -0x1.ea88b0p-4f, -0x1.ea88c0p-4f},
                   {129, -0x1.05d766p-1f, -0x1.05d768p-1f},
                   {1000, 0x1.e7cba4p-2f, 0x1.e7cb9cp-2f}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        const float sum = rmx_reference_sum_down(add_value, NULL, columns[i].rows, 0.5f);
        float plain = 0.5f;
        for (int64_t r = 0; r < columns[i].rows; r++) plain = rmx_addf(plain, value(r));
        cr_expect_eq(sum, columns[i].sum, "%lld: %a", (long long)columns[i].rows, (double)sum);
        cr_expect_eq(plain, columns[i].one_chain, "%lld: %a", (long long)columns[i].rows,
                     (double)plain);
    }
}

/* ---- a training ---------------------------------------------------------------------------- */

/* Some steps of the default config into the folder `run`; what comes out of them but for times and
 * paths. options: more of them. */
static void train(const char *code, const char *run, const char *options, char results[1024])
{
    cr_assert_eq(job_run("RMX_CPU=%s rmx-train %s --set run.device=cpu --set train.steps=20 "
                         "--set train.warmup=5 --set synthetic.rows_train=10240 "
                         "--set synthetic.rows_valid=512 --set run.dir=%s %s",
                         code, testing_path("configs/base.ini"), run, options),
                 0, "%s", job_text("err"));
    cr_assert_eq(strstr(job_text("err"), ", reference, 1 thread") != NULL,
                 strcmp(code, "reference") == 0, "'%s'", code);
    cr_assert_eq(system("sed -E 's/,\"(seconds|examples_per_s)\":[^,]*//g; s/,\"checkpoint.*//' "
                        "out > results"),
                 0);
    snprintf(results, 1024, "%s", job_text("results"));
    cr_assert(strstr(results, "\"params_xxh3\":\""), "no results on '%s': %s", code, results);
}

/* The parameters, and the metrics of the validation set, are those of this machine's best code; of
 * another seed they are not. */
Test(reference, trains_the_default_config, .init = job_begin, .fini = job_end, .timeout = 300)
{
    static const char same_data[] = "--set data.train=$(ls a/data/*-train.h5) "
                                    "--set data.valid=$(ls a/data/*-valid.h5)";
    char other_seed[256], reference[1024], fast[1024];
    snprintf(other_seed, sizeof other_seed, "--set run.seed=2 %s", same_data);
    train("reference", "a", "", reference);
    train("", "b", same_data, fast);
    cr_expect_str_eq(fast, reference);
    train("", "c", other_seed, fast);
    cr_expect_str_neq(fast, reference);
}
