/* SPDX-License-Identifier: MIT */
/* Where features lie: equal slices as ever where they fill all tokens, whole features where they do
 * not, for any number of tokens up to that of the features. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "job_testing.h"
#include "rankmixer/tokenizer.h"
#include "train/model_setup.h"

enum { MOST = 64 };

static rmx_context *ctx;

static void begin(void)
{
    const rmx_context_options options = {.device = RMX_DEVICE_CPU, .threads = 1};
    cr_assert_eq(rmx_context_create(&options, &ctx, NULL, 0), RMX_OK);
}

static void end(void) { rmx_context_destroy(ctx); }

TestSuite(tokenizer, .init = begin, .fini = end);

/* What auto did before whole features came: columns one after another. */
static bool slices_fit(int32_t sparse, int32_t dense, int32_t width, int32_t tokens,
                       int64_t *slice)
{
    const int64_t total = (int64_t)sparse * width + dense;
    *slice = (total + tokens - 1) / tokens;
    return *slice * (tokens - 1) < total;
}

static void look_at_slices(const rmx_tokenizer_desc *d, const int32_t *column, int32_t cut,
                           int64_t slice)
{
    int32_t next = 0, first = -1;
    for (int32_t f = 0; f < d->sparse_fields + d->dense_fields; f++) {
        const int32_t width = f < d->sparse_fields ? d->embedding_width : 1;
        cr_assert_eq(column[f], next);
        if (first < 0 && next / slice != (next + width - 1) / slice) first = f;
        next += width;
    }
    cr_assert_eq(d->slice, slice);
    cr_assert_eq(cut, first);
}

/* Each field lies whole in one token, tokens hold consecutive fields, none is empty, and the number
 * of fields of two tokens differs by one at most. */
static void look_at_whole_fields(const rmx_tokenizer_desc *d, const int32_t *column, int32_t cut)
{
    const int32_t fields = d->sparse_fields + d->dense_fields;
    int32_t held[MOST] = {0}, token = 0, used = 0, widest = 0;
    for (int32_t f = 0; f < fields; f++) {
        const int32_t width = f < d->sparse_fields ? d->embedding_width : 1;
        const int32_t is = (int32_t)((int64_t)f * d->tokens / fields);
        if (is != token) used = 0;
        cr_assert(is == token || is == token + 1);
        token = is;
        cr_assert_eq(column[f], token * d->slice + used);
        used += width;
        if (used > widest) widest = used;
        held[token]++;
    }
    cr_assert_eq(token, d->tokens - 1);
    cr_assert_eq(d->slice, widest);
    cr_assert_eq(cut, -1);
    for (int32_t t = 0; t < d->tokens; t++)
        cr_assert(held[t] == fields / d->tokens || held[t] == fields / d->tokens + 1);
}

Test(tokenizer, auto_keeps_equal_slices_and_deals_whole_fields_else)
{
    int sliced = 0, dealt = 0, refused = 0;
    for (int32_t sparse = 0; sparse <= 9; sparse++)
        for (int32_t dense = sparse ? 0 : 1; dense <= 12; dense++)
            for (int32_t width = 1; width <= 5; width += 2)
                for (int32_t tokens = 1; tokens <= 40; tokens++) {
                    rmx_tokenizer_desc d = {.samples = 1,
                                            .sparse_fields = sparse,
                                            .dense_fields = dense,
                                            .embedding_width = width,
                                            .tokens = tokens,
                                            .width = 8};
                    int32_t column[MOST], cut = 77;
                    int64_t slice;
                    const bool fit = slices_fit(sparse, dense, width, tokens, &slice);
                    const rmx_status status = rmx_tokenizer_layout(ctx, &d, NULL, column, &cut);
                    if (!fit && tokens > sparse + dense) {
                        char text[64];
                        snprintf(text, sizeof text, "use %d or fewer", sparse + dense);
                        cr_assert_eq(status, RMX_ERR_ARGUMENT);
                        cr_assert(strstr(rmx_last_error(ctx), text), "%s", rmx_last_error(ctx));
                        refused++;
                        continue;
                    }
                    cr_assert_eq(status, RMX_OK, "%d + %d, E %d, T %d: %s", sparse, dense, width,
                                 tokens, rmx_last_error(ctx));
                    if (fit)
                        look_at_slices(&d, column, cut, slice);
                    else
                        look_at_whole_fields(&d, column, cut);
                    *(fit ? &sliced : &dealt) += 1;
                }
    cr_expect(sliced > 1000 && dealt > 300 && refused > 300, "%d, %d, %d", sliced, dealt, refused);
}

/* The trainer's warning counts the fields that the layout cuts. */
Test(tokenizer, the_setup_knows_what_is_cut)
{
    for (int32_t tokens = 1; tokens <= 17; tokens++) {
        rmx_tokenizer_desc d = {.samples = 1,
                                .sparse_fields = 5,
                                .dense_fields = 7,
                                .embedding_width = 3,
                                .tokens = tokens,
                                .width = 8};
        const rmx_model_setup setup = {
            .model = {
                .sparse_fields = 5, .dense_fields = 7, .embedding_width = 3, .tokens = tokens}};
        int32_t column[MOST], cut, field;
        if (rmx_tokenizer_layout(ctx, &d, NULL, column, &cut) != RMX_OK) continue;
        const int32_t count = rmx_model_setup_cut_fields(&setup, &field);
        cr_expect_eq(field, cut, "T %d", tokens);
        cr_expect_eq(count > 0, cut >= 0, "T %d", tokens);
    }
}

/* Any T up to the number of features trains, and where whole features are dealt, groups that say
 * the same are the same run. */
Test(tokenizer, any_number_of_tokens_trains)
{
    char is[17], same[17];
    int dealt = 0;
    job_begin();
    job_put("c.ini", "[run]\nthreads = 1\ndevice = cpu\n[synthetic]\nrows_train = 700\n"
                     "rows_valid = 0\nsparse_fields = 3\ndense_fields = 9\nvocabulary = 20\n"
                     "[model]\nmixer = attention\nheads = 1\nwidth = 8\nlayers = 1\n"
                     "embedding_width = 3\n[train]\nbatch = 256\n");
    for (int32_t tokens = 1; tokens <= 12; tokens++) {
        int64_t slice;
        cr_assert_eq(
            job_run("rmx-train -q c.ini --set run.dir=a%d --set model.tokens=%d", tokens, tokens),
            0, "%d tokens: %s", tokens, job_text("err"));
        job_params(is);
        if (slices_fit(3, 9, 3, tokens, &slice)) continue;
        static const char *const names[] = {"c0", "c1", "c2", "d0", "d1", "d2",
                                            "d3", "d4", "d5", "d6", "d7", "d8"};
        char text[1024];
        size_t used = 0;
        for (int32_t f = 0; f < 12; f++) {
            const int32_t t = f * tokens / 12;
            const bool first = f == 0 || (f - 1) * tokens / 12 != t;
            used += first ? (size_t)snprintf(text + used, sizeof text - used, "%st%d = %s",
                                             f ? "\n" : "[tokenizer]\n", t, names[f])
                          : (size_t)snprintf(text + used, sizeof text - used, ", %s", names[f]);
        }
        job_put("groups", text);
        cr_assert_eq(job_run("cat c.ini groups > g.ini && rmx-train -q g.ini --set run.dir=g%d "
                             "--set model.tokens=%d --set model.tokenizer=groups",
                             tokens, tokens),
                     0, "%s", job_text("err"));
        cr_expect_str_eq(job_params(same), is, "%d tokens", tokens);
        dealt++;
    }
    cr_expect_gt(dealt, 1);
    cr_expect_eq(job_run("rmx-train c.ini --set run.dir=z --set model.tokens=13"), 2);
    cr_expect(job_said("tokens = 13: the 12 features make at most 12 tokens; use 12 or fewer"));
    job_end();
}
