/* SPDX-License-Identifier: MIT */
/* test_token_mixer.c: token mixing, its inverse, and the fused token mixer. */
#include "layer_testing.h"
#include "rankmixer/token_mixer.h"
#include "refusals.h"
#include "token_mixer_testing.h"

static void mix(rmx_backend *backend, const token_mixer_case *c, bool inverse, const float *x,
                const float *residual, float *y)
{
    const rmx_token_mix_args args = {.samples = c->samples,
                                     .tokens = c->tokens,
                                     .width = c->width,
                                     .heads = c->heads,
                                     .inverse = inverse,
                                     .x = x,
                                     .residual = residual,
                                     .y = y};
    cr_assert_eq(backend->ops->token_mix(backend, &args), RMX_OK);
}

static void mix_case(rmx_backend *backend, const char *name, int i)
{
    const token_mixer_case *c = &token_mixer_cases[i / 2];
    const bool inverse = i % 2;
    kernel_operands all = {.backend = backend};
    const int64_t size = size_of(c);
    float *x = host_filled(size, PATTERN_SPECIAL, 1),
          *residual = host_filled(size, PATTERN_SPECIAL, 2);
    const float *bx = kernel_floats(&all, x, size);
    float *by = kernel_floats(&all, NULL, size), *br = kernel_floats(&all, residual, size);
    mix(backend, c, inverse, bx, NULL, by);
    kernel_compare(backend, by, size, name, "mix");
    mix(backend, c, inverse, bx, br, by);
    kernel_compare(backend, by, size, name, "mix + residual");
    float *onto = kernel_in_place(&all, br, residual, size);
    mix(backend, c, inverse, bx, br, onto);
    kernel_compare(backend, onto, size, name, "mix += ");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(residual);
}

Test(token_mixer, mix_kernel_has_reference_bits) { kernel_cases(2 * MIXER_CASES, mix_case); }

/* The five steps of the text, element by element: head h of token t goes to flat place
 * h * tokens + t. */
static void places(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < MIXER_CASES; i++) {
        const token_mixer_case *c = &token_mixer_cases[i];
        if (large(c)) continue;
        kernel_operands all = {.backend = backend};
        const int64_t size = size_of(c), sample = c->tokens * c->width;
        float *x = host_filled(size, PATTERN_NORMAL, 1), *y = host_floats(size);
        const float *bx = kernel_floats(&all, x, size);
        float *by = kernel_floats(&all, NULL, size);
        for (int64_t at = 0; at < size; at++)
            y[at] = x[at / sample * sample + mixed_from(c, at % sample)];
        mix(backend, c, false, bx, NULL, by);
        kernel_expect(backend, by, y, size, name, "places");
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(x), free(y);
    }
}

Test(token_mixer, mix_places) { kernel_each(places); }

/* Revert undoes mix; for heads == tokens mixing twice does too; mixing alone is not nothing. */
static void inverses(rmx_backend *backend, const char *name)
{
    for (int i = 0; i < MIXER_CASES; i++) {
        const token_mixer_case *c = &token_mixer_cases[i];
        kernel_operands all = {.backend = backend};
        const int64_t size = size_of(c);
        float *x = host_filled(size, PATTERN_NORMAL, 3), *host = host_floats(size);
        const float *bx = kernel_floats(&all, x, size);
        float *once = kernel_floats(&all, NULL, size), *back = kernel_floats(&all, NULL, size);
        mix(backend, c, false, bx, NULL, once);
        testing_get(backend, host, once, sizeof *host * (size_t)size);
        const bool moves = c->heads > 1 && c->tokens > 1 && size > 0;
        cr_assert_eq(testing_first_difference(host, x, size) >= 0, moves, "%s: %d", name, i);
        mix(backend, c, true, once, NULL, back);
        kernel_expect(backend, back, x, size, name, "revert(mix(x))");
        if (c->heads == c->tokens) {
            mix(backend, c, false, once, NULL, back);
            kernel_expect(backend, back, x, size, name, "mix(mix(x))");
        }
        cr_assert(kernel_end(&all), "%s: guard bytes", name);
        free(x), free(host);
    }
}

Test(token_mixer, mix_inverses) { kernel_each(inverses); }

/* ---- the fused mixer ----------------------------------------------------------------------- */

static void run_case(rmx_backend *backend, const char *name, const token_mixer_case *c,
                     testing_pattern pattern, bool affine, int parts)
{
    kernel_operands all = {.backend = backend};
    mixer_data d = make_data(c, pattern, affine);
    const rmx_token_mixer_args args =
        forward_case(backend, name, c, &d, &all, testing_pattern_name(pattern));
    backward_case(backend, name, c, &d, &args, parts);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

static void contract_case(rmx_backend *backend, const char *name, int i, testing_pattern p)
{
    run_case(backend, name, &token_mixer_cases[i], p, (i + (int)p) % 3 != 0, (i + (int)p) % 4);
}

static void normal_case(rmx_backend *backend, const char *name, int i)
{
    contract_case(backend, name, i, PATTERN_NORMAL);
}

static void pattern_case(rmx_backend *backend, const char *name, int i)
{
    const testing_pattern p = (testing_pattern)(1 + i % (PATTERN_COUNT - 1));
    contract_case(backend, name, small_case(i / (PATTERN_COUNT - 1)), p);
}

Test(token_mixer, kernel_has_reference_bits)
{
    kernel_cases(MIXER_CASES, normal_case);
    kernel_cases(small_cases() * (PATTERN_COUNT - 1), pattern_case);
}

/* Rows of -0 have the mean +0, as their gradients have: sums begin at +0. And gamma without beta,
 * beta without gamma. */
static void negative_zeros(rmx_backend *backend, const char *name, int n)
{
    const int i = small_case(n);
    kernel_operands all = {.backend = backend};
    mixer_data d = make_data(&token_mixer_cases[i], PATTERN_NORMAL, true);
    float *left_out = i % 2 ? d.gamma : d.beta;
    if (i % 2)
        d.gamma = NULL;
    else
        d.beta = NULL;
    for (int64_t j = 0; j < token_mixer_cases[i].width && d.beta; j++) d.beta[j] = -0.0f;
    const int64_t zeros = d.rows / 2 * token_mixer_cases[i].width; /* the first half of the rows */
    for (int64_t j = 0; j < zeros; j++) d.x[j] = d.dy[j] = -0.0f;
    const rmx_token_mixer_args args =
        forward_case(backend, name, &token_mixer_cases[i], &d, &all, "-0");
    backward_case(backend, name, &token_mixer_cases[i], &d, &args, DGAMMA | DBETA);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(left_out);
    free_data(&d);
}

Test(token_mixer, negative_zeros) { kernel_cases(small_cases(), negative_zeros); }

static void streamed_case(rmx_backend *backend, const char *name, int n)
{
    const int i = small_case(n);
    run_case(backend, name, &token_mixer_cases[i], PATTERN_NORMAL, i % 2 == 0, DGAMMA | DBETA);
}

Test(token_mixer, streamed)
{
    kernel_stream_everything();
    kernel_cases(small_cases(), streamed_case);
}

/* As norm_walks; mean and rstd are those of the forward pass. */
static void walk_case(rmx_backend *backend, const char *name, int i)
{
    run_case(backend, name, &token_mixer_walks[i], PATTERN_NORMAL, true, DGAMMA | DBETA);
}

Test(token_mixer, chains_over_blocks_of_threads)
{
    kernel_cases_on_gpu(CASES(token_mixer_walks), walk_case);
}

/* Heads == tokens: changing any one token changes every token of the output, of its sample only.
 * "Permute, flatten, undo both" would change one. */
static void information_moves(rmx_backend *backend, const char *name)
{
    enum { T = 8, D = 32, SAMPLES = 3, SIZE = SAMPLES * T * D };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(SIZE, PATTERN_NORMAL, 10), before[SIZE], after[SIZE];
    float *bx = kernel_floats(&all, x, SIZE);
    const rmx_token_mixer_args args = {.samples = SAMPLES,
                                       .tokens = T,
                                       .width = D,
                                       .heads = T,
                                       .eps = eps,
                                       .x = bx,
                                       .y = kernel_floats(&all, NULL, SIZE)};
    cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
    testing_get(backend, before, args.y, sizeof before);
    for (int t = 0; t < T; t++) {
        float changed[SIZE];
        memcpy(changed, x, sizeof changed);
        for (int j = 0; j < D; j++) changed[(T + t) * D + j] += 1.0f + (float)(j % 5);
        testing_put(backend, bx, changed, sizeof changed);
        cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
        testing_get(backend, after, args.y, sizeof after);
        for (int r = 0; r < SAMPLES * T; r++) {
            const bool same = testing_first_difference(before + r * D, after + r * D, D) < 0;
            cr_assert_eq(same, r / T != 1, "%s: token %d, output row %d", name, t, r);
        }
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x);
}

Test(token_mixer, information_moves) { kernel_each(information_moves); }

static void any_batch(rmx_backend *backend, const char *name)
{
    enum { SAMPLES = 300, T = 4, D = 24, SIZE = SAMPLES * T * D };
    kernel_operands all = {.backend = backend};
    float *x = host_filled(SIZE, PATTERN_NORMAL, 11), *whole = host_floats(SIZE);
    const float *bx = kernel_floats(&all, x, SIZE);
    rmx_token_mixer_args args = {.samples = SAMPLES,
                                 .tokens = T,
                                 .width = D,
                                 .heads = T,
                                 .eps = eps,
                                 .x = bx,
                                 .y = kernel_floats(&all, NULL, SIZE)};
    cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
    testing_get(backend, whole, args.y, sizeof(float) * SIZE);
    for (int64_t samples = 1; samples <= SAMPLES; samples++) {
        const int64_t first = samples * 37 % (SAMPLES - samples + 1);
        args.samples = samples;
        args.x = bx + first * T * D;
        cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
        kernel_expect(backend, args.y, whole + first * T * D, samples * T * D, name, "alone");
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free(x), free(whole);
}

Test(token_mixer, any_batch) { kernel_each(any_batch); }

/* ---- the layers: mix and revert, and the mixer --------------------------------------------- */

static rmx_token_mixer_desc desc_of(const layer *l)
{
    const token_mixer_case *c = l->of;
    return (rmx_token_mixer_desc){RMX_F32,           c->samples,        (int32_t)c->tokens,
                                  (int32_t)c->width, (int32_t)c->heads, eps};
}

static int64_t rows_of(const layer *l)
{
    const token_mixer_case *c = l->of;
    return c->samples * c->tokens;
}

static void mix_forward(layer *l)
{
    const rmx_token_mixer_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_token_mix(l->ctx, &desc, l->in[0], l->y));
}

static void mix_backward(layer *l)
{
    const rmx_token_mixer_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_token_revert(l->ctx, &desc, l->dy, l->d[0]));
}

static void mixer_forward(layer *l)
{
    const rmx_token_mixer_desc desc = desc_of(l);
    operands_must(l->ctx, rmx_token_mixer_forward(l->ctx, &desc, l->in[0], l->in[1], l->in[2],
                                                  l->y, layer_floats(l, 0, rows_of(l)),
                                                  layer_floats(l, 1, rows_of(l))));
}

static void mixer_backward(layer *l)
{
    const rmx_token_mixer_desc desc = desc_of(l);
    const size_t bytes = rmx_token_mixer_backward_workspace(&desc);
    operands_must(l->ctx, rmx_token_mixer_backward(
                              l->ctx, &desc, l->dy, l->in[0], l->in[1],
                              layer_floats(l, 0, rows_of(l)), layer_floats(l, 1, rows_of(l)),
                              l->d[0], l->d[1], l->d[2], layer_slot(l, 2, bytes), bytes));
}

/* Mixing copies. The mixer: a norm adds about 8 units, a sum over rows about their square root. */
static layer_bound bound(const layer *l, const char *tensor)
{
    if (l->inputs == 1) return (layer_bound){0.0, 0.0};
    const bool sum = strcmp(tensor, "d_gamma") == 0 || strcmp(tensor, "d_beta") == 0;
    return (layer_bound){2.0 * (sqrt(sum ? (double)rows_of(l) : 1.0) + 4.0), 0.0};
}

static void make(int i, layer *l)
{
    static char names[2][MIXER_CASES][GOLDEN_NAME];
    const bool fused = i % 2;
    const token_mixer_case *c = &token_mixer_cases[i / 2];
    char *name = names[i % 2][i / 2];
    snprintf(name, GOLDEN_NAME, "%s/%s", fused ? "token_mixer" : "shuffle",
             c->golden ? c->golden : "");
    l->of = c;
    l->name = name;
    l->forward = fused ? mixer_forward : mix_forward;
    l->backward = fused ? mixer_backward : mix_backward;
    l->outputs = size_of(c);
    l->gradients = c->gradients;
    l->golden = c->golden ? name : NULL;
    l->bound = bound;
    layer_input(l, "x", size_of(c));
    if (fused) layer_input(l, "gamma", c->width);
    if (fused) layer_input(l, "beta", c->width);
}

/* The large cases are left to the kernels' tests. */
static void make_small(int i, layer *l) { make(2 * small_case(i / 2) + i % 2, l); }

Test(token_mixer, layer_has_reference_bits)
{
    cr_expect(layers_have_reference_bits(make_small, 2 * small_cases()));
}
Test(token_mixer, layer_gradients)
{
    cr_expect(layers_match_differences(make_small, 2 * small_cases()));
}
GOLDEN_TESTS(token_mixer, make, 2 * MIXER_CASES, "shuffle", "token_mixer")

Test(token_mixer, refusals)
{
    refusals t = refusals_begin();
    float *x = t.a, *g = t.b, *y = t.out, *m = t.c, *r = t.c + 16;
    float *dg = t.c + 24, *db = t.c + 32;
    const rmx_token_mixer_desc good = {RMX_F32, 2, 4, 8, 4, eps};
    rmx_token_mixer_desc bad[6] = {good, good, good, good, good, good};
    static const char *const text[6] = {"samples = -1", "tokens = 0", "width = 0",
                                        "heads = 3",    "heads = 0",  "eps = 0"};
    bad[0].samples = -1;
    bad[1].tokens = 0;
    bad[2].width = 0;
    bad[3].heads = 3;
    bad[4].heads = 0;
    bad[5].eps = 0.0f;
    for (int i = 0; i < 6; i++) {
        REFUSES(rmx_token_mixer_forward(t.ctx, &bad[i], x, g, g, y, m, r), text[i]);
        if (i < 5) REFUSES(rmx_token_mix(t.ctx, &bad[i], x, y), text[i]);
        if (i < 5) REFUSES(rmx_token_revert(t.ctx, &bad[i], x, y), text[i]);
        cr_expect_eq(rmx_token_mixer_backward_workspace(&bad[i]), 0);
    }
    REFUSES(rmx_token_mix(t.ctx, NULL, x, y), "desc: NULL");
    REFUSES(rmx_token_mix(t.ctx, &good, NULL, y), "x: NULL");
    REFUSES(rmx_token_mix(t.ctx, &good, x, NULL), "y: NULL");
    REFUSES(rmx_token_mix(t.ctx, &good, y, y), "overlaps x");
    REFUSES(rmx_token_mixer_forward(t.ctx, &good, NULL, g, g, y, m, r), "x: NULL");
    REFUSES(rmx_token_mixer_forward(t.ctx, &good, y, g, g, y, m, r), "overlaps x");
    REFUSES(rmx_token_mixer_forward(t.ctx, &good, x, g, g, y, m, m), "overlaps rstd");
    const size_t bytes = rmx_token_mixer_backward_workspace(&good);
    REFUSES(rmx_token_mixer_backward(t.ctx, &good, x, x, g, NULL, r, y, dg, db, t.ws, bytes),
            "mean: NULL");
    REFUSES(rmx_token_mixer_backward(t.ctx, &good, x, y, g, m, r, y, dg, db, t.ws, bytes),
            "overlaps x");
    REFUSES_AS(RMX_ERR_WORKSPACE,
               rmx_token_mixer_backward(t.ctx, &good, x, x, g, m, r, y, dg, db, t.ws, 4),
               "ask rmx_token_mixer_backward_workspace");
    refusals_end(&t);
}
