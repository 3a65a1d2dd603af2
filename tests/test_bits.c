/* SPDX-License-Identifier: MIT */
/* test_bits.c: one training, one result: the same checksum of all parameters for every instruction
 * set, device, number of threads and micro-batch, and for whichever compiler built this: the
 * expected values are written here. */
#include <criterion/criterion.h>
#include <xxhash.h>

#include "rankmixer/loss.h"
#include "rankmixer/model.h"

enum { FIELDS = 6, DENSE = 2, BATCH = 300, STEPS = 4 };

typedef struct variant {
    const char *name;
    rmx_mixer mixer;
    rmx_norm_place norm_place;
    rmx_feed_forward_kind ffn;
    rmx_activation activation;
    int32_t heads;
    float dropout;
    rmx_optimizer dense, embedding;
    uint64_t expected;
    bool masked; /* some labels are not there, some fields have unknown values */
} variant;

static const variant variants[] = {
    {"mixing", RMX_MIXER_TOKEN, RMX_NORM_PLACE_POST, RMX_FEED_FORWARD_PER_TOKEN,
     RMX_ACTIVATION_GELU_ERF, 0, 0.1f, RMX_OPTIMIZER_ADAMW, RMX_OPTIMIZER_ADAGRAD,
     0x56617cb032e1f464, false},
    {"attention", RMX_MIXER_ATTENTION, RMX_NORM_PLACE_PRE, RMX_FEED_FORWARD_SHARED,
     RMX_ACTIVATION_GELU_TANH, 2, 0.0f, RMX_OPTIMIZER_RMSPROP, RMX_OPTIMIZER_ROWWISE_ADAGRAD,
     0x9cc3594f8fe9140c, false},
    {"shuffle", RMX_MIXER_TOKEN, RMX_NORM_PLACE_PRE, RMX_FEED_FORWARD_PER_TOKEN,
     RMX_ACTIVATION_GELU_ERF, 2, 0.0f, RMX_OPTIMIZER_SGD, RMX_OPTIMIZER_SGD, 0x469d0a4bcc23e1f0,
     false},
    {"masked labels", RMX_MIXER_TOKEN, RMX_NORM_PLACE_POST, RMX_FEED_FORWARD_PER_TOKEN,
     RMX_ACTIVATION_GELU_ERF, 0, 0.1f, RMX_OPTIMIZER_ADAMW, RMX_OPTIMIZER_ADAGRAD,
     0xcfe5d72b61866448, true}};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* splitmix64: the data of step s */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t checksum(rmx_context *ctx, const rmx_model *model)
{
    XXH3_state_t *state = XXH3_createState();
    cr_assert(state && XXH3_64bits_reset(state) == XXH_OK);
    for (int32_t i = 0; i < rmx_model_parameter_count(model); i++) {
        rmx_parameter p;
        static float host[1 << 16];
        cr_assert_eq(rmx_model_parameter(model, i, &p), RMX_OK);
        cr_assert_leq(p.count, 1 << 16);
        cr_assert_eq(rmx_download(ctx, host, p.value, (size_t)p.count * sizeof *host), RMX_OK);
        XXH3_64bits_update(state, host, (size_t)p.count * sizeof *host);
    }
    const uint64_t sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return sum;
}

static void train(rmx_context *ctx, rmx_model *model, bool masked)
{
    uint64_t seed = 7;
    for (uint64_t s = 1; s <= STEPS; s++) {
        uint32_t ids[BATCH * FIELDS];
        float dense[BATCH * DENSE];
        uint8_t labels[BATCH];
        for (int i = 0; i < BATCH * FIELDS; i++) ids[i] = (uint32_t)(next(&seed) % 40);
        for (int i = 0; i < BATCH * DENSE; i++)
            dense[i] = (float)(int32_t)(next(&seed) >> 40) * 0x1p-23f - 1.0f;
        for (int i = 0; i < BATCH; i++) labels[i] = next(&seed) % 3 == 0;
        for (int i = 3; masked && i < BATCH; i += 17) labels[i] = RMX_LABEL_MASKED;
        const rmx_batch batch = {
            .samples = s == STEPS ? 137 : BATCH, .sparse = ids, .dense = dense, .labels = labels};
        const rmx_step step = {.step = s, .lr = 0.01f, .embedding_lr = 0.05f};
        rmx_step_result result;
        cr_assert_eq(rmx_model_set_batch(model, &batch), RMX_OK, "%s", rmx_last_error(ctx));
        cr_assert_eq(rmx_model_step(model, &step), RMX_OK, "%s", rmx_last_error(ctx));
        cr_assert_eq(rmx_model_read(model, &result), RMX_OK, "%s", rmx_last_error(ctx));
        cr_assert(result.finite);
    }
}

static uint64_t run(rmx_context *ctx, const variant *v, int64_t micro_batch)
{
    const int64_t vocabulary[FIELDS] = {40, 41, 42, 43, 44, 45};
    const bool unknown[FIELDS] = {true, false, true};
    const rmx_model_config config = {.tokens = 4,
                                     .width = 16,
                                     .heads = v->heads,
                                     .layers = 2,
                                     .expansion = 2,
                                     .mixer = v->mixer,
                                     .ffn = v->ffn,
                                     .norm_place = v->norm_place,
                                     .activation = v->activation,
                                     .dropout = v->dropout,
                                     .embedding_width = 4,
                                     .sparse_fields = FIELDS,
                                     .vocabulary = vocabulary,
                                     .unknown = v->masked ? unknown : NULL,
                                     .dense_fields = DENSE,
                                     .tasks = 1,
                                     .batch = BATCH,
                                     .micro_batch = micro_batch,
                                     .seed = 3};
    const rmx_model_training how = {.dense = rmx_optimizer_default(v->dense),
                                    .embedding = rmx_optimizer_default(v->embedding),
                                    .clip = 0.5f};
    rmx_model *model = NULL;
    cr_assert_eq(rmx_model_create(ctx, &config, &how, &model), RMX_OK, "%s", rmx_last_error(ctx));
    train(ctx, model, v->masked);
    const uint64_t sum = checksum(ctx, model);
    rmx_model_destroy(model);
    return sum;
}

/* Every variant and micro-batch on one context; absent devices and codes are left out. */
static int check(const rmx_context_options *options)
{
    static const int64_t micro_batches[] = {0, 128, 256, BATCH};
    rmx_context *ctx = NULL;
    if (rmx_context_create(options, &ctx, NULL, 0) != RMX_OK) return 0;
    for (int i = 0; i < VARIANTS; i++) {
        for (int m = 0; m < 4; m++) {
            const uint64_t sum = run(ctx, &variants[i], micro_batches[m]);
            cr_expect_eq(sum, variants[i].expected, "%s on %s, %d threads, micro_batch %d: %llx",
                         variants[i].name, rmx_context_code(ctx), rmx_context_threads(ctx),
                         (int)micro_batches[m], (unsigned long long)sum);
        }
    }
    rmx_context_destroy(ctx);
    return 1;
}

/* Bytes that a pass keeps; width 16: weights are small against that, 256: they are not. */
static int64_t pass_bytes(rmx_context *ctx, int32_t width, int64_t micro_batch)
{
    const rmx_model_config config = {.tokens = 4,
                                     .width = width,
                                     .layers = 2,
                                     .expansion = 2,
                                     .dense_fields = 4,
                                     .tasks = 1,
                                     .batch = 2048,
                                     .micro_batch = micro_batch};
    const rmx_model_training how = {.dense = rmx_optimizer_default(RMX_OPTIMIZER_SGD),
                                    .embedding = rmx_optimizer_default(RMX_OPTIMIZER_SGD)};
    rmx_model_memory plan;
    cr_assert_eq(rmx_model_plan(ctx, &config, &how, &plan), RMX_OK, "%s", rmx_last_error(ctx));
    return plan.activation_bytes;
}

/* A pass has 64 samples a thread and more; where weights are large, so many that it keeps four
 * times their bytes; and where the batch ends first, all of it. */
Test(bits, passes_are_chosen)
{
    static const struct {
        int32_t threads, width, micro_batch;
    } cases[] = {{1, 16, 128},   {3, 16, 256},   {8, 16, 512},
                 {64, 16, 2048}, {1, 256, 1024}, {1, 1024, 2048}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rmx_context_options options = {.device = RMX_DEVICE_CPU,
                                             .threads = cases[i].threads};
        rmx_context *ctx = NULL;
        cr_assert_eq(rmx_context_create(&options, &ctx, NULL, 0), RMX_OK);
        cr_expect_eq(pass_bytes(ctx, cases[i].width, 0),
                     pass_bytes(ctx, cases[i].width, cases[i].micro_batch), "case %zu", i);
        rmx_context_destroy(ctx);
    }
}

Test(bits, every_cpu_code_and_thread_count)
{
    static const char *const codes[] = {"generic", "avx2", "avx512"};
    int ran = 0;
    for (int c = 0; c < 3; c++)
        for (int32_t threads = 1; threads <= 3; threads++)
            ran += check(&(rmx_context_options){
                .device = RMX_DEVICE_CPU, .threads = threads, .cpu_code = codes[c]});
    cr_assert_geq(ran, 3, "the generic code runs everywhere");
}

Test(bits, reference)
{
    cr_assert_eq(check(&(rmx_context_options){.device = RMX_DEVICE_CPU, .cpu_code = "reference"}),
                 1);
}

Test(bits, gpu)
{
    const int ran = check(&(rmx_context_options){.device = RMX_DEVICE_CUDA});
    if (!ran && getenv("RMX_REQUIRE_GPU")) cr_assert_fail("no GPU, and RMX_REQUIRE_GPU is set");
    if (!ran) cr_skip("no GPU");
}
