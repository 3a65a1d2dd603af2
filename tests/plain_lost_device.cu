/* SPDX-License-Identifier: MIT */
/* plain_lost_device.cu: a kernel that traps takes the device from the process. Every later call
 * says so in one line with RMX_ERR_DEVICE; none hangs or crashes, and all can be destroyed. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include <cuda_runtime.h>

#include "rankmixer/model.h"

enum { FIELDS = 4, BATCH = 64 };

static int failed;

__global__ void trap_kernel() { asm volatile("trap;"); }

static void expect(const char *call, rmx_status status, rmx_status wanted, const char *text)
{
    const bool good = status == wanted && std::strchr(text, '\n') == nullptr &&
                      (wanted == RMX_OK || std::strstr(text, "start it again"));
    std::printf("%s %-12s %s: %s\n", good ? "ok" : "not ok", call, rmx_status_name(status),
                status == RMX_OK ? "" : text);
    failed += !good;
}

static rmx_model *make_model(rmx_context *ctx)
{
    static const int64_t vocabulary[FIELDS] = {10, 10, 10, 10};
    rmx_model_config config = {};
    config.tokens = 2;
    config.width = 8;
    config.layers = 1;
    config.expansion = 2;
    config.embedding_width = 4;
    config.sparse_fields = FIELDS;
    config.vocabulary = vocabulary;
    config.tasks = 1;
    config.batch = BATCH;
    rmx_model_training how = {};
    how.dense = rmx_optimizer_default(RMX_OPTIMIZER_ADAMW);
    how.embedding = rmx_optimizer_default(RMX_OPTIMIZER_ADAGRAD);
    rmx_model *model = nullptr;
    expect("create", rmx_model_create(ctx, &config, &how, &model), RMX_OK, "");
    if (!model) std::exit(1);
    return model;
}

static rmx_step step_of(uint64_t number)
{
    rmx_step step = {};
    step.step = number;
    step.lr = step.embedding_lr = 0.01f;
    return step;
}

static rmx_status load(rmx_model *model)
{
    static const uint32_t ids[BATCH * FIELDS] = {};
    static const uint8_t labels[BATCH] = {};
    rmx_batch batch = {};
    batch.samples = BATCH;
    batch.sparse = ids;
    batch.labels = labels;
    return rmx_model_set_batch(model, &batch);
}

static void train(rmx_context *ctx, rmx_model *model, uint64_t number)
{
    const rmx_step step = step_of(number);
    rmx_step_result result;
    expect("load", load(model), RMX_OK, rmx_last_error(ctx));
    expect("step", rmx_model_step(model, &step), RMX_OK, rmx_last_error(ctx));
    expect("read", rmx_model_read(model, &result), RMX_OK, rmx_last_error(ctx));
}

/* The batch of the last step is still loaded; a new one comes last, as it may leave none. */
static void use_lost(rmx_context *ctx, rmx_model *model)
{
    const rmx_step step = step_of(3);
    const char *where = nullptr;
    float logits[BATCH];
    const rmx_status wanted = RMX_ERR_DEVICE;
    expect("step", rmx_model_step(model, &step), wanted, rmx_last_error(ctx));
    expect("backward", rmx_model_backward(model, 3), wanted, rmx_last_error(ctx));
    expect("update", rmx_model_update(model, &step), wanted, rmx_last_error(ctx));
    expect("forward", rmx_model_forward(model), wanted, rmx_last_error(ctx));
    expect("logits", rmx_model_logits(model, logits), wanted, rmx_last_error(ctx));
    expect("find", rmx_model_find_nonfinite(model, 2, &where), wanted, rmx_last_error(ctx));
    expect("load", load(model), wanted, rmx_last_error(ctx));
}

/* Calls that say nothing about a model. */
static void use(rmx_context *ctx, void *memory, rmx_status wanted)
{
    char host[64] = {0};
    void *more = nullptr;
    expect("upload", rmx_upload(ctx, memory, host, sizeof host), wanted, rmx_last_error(ctx));
    expect("zero", rmx_zero(ctx, memory, sizeof host), wanted, rmx_last_error(ctx));
    expect("download", rmx_download(ctx, host, memory, sizeof host), wanted, rmx_last_error(ctx));
    expect("alloc", rmx_alloc(ctx, sizeof host, &more), wanted, rmx_last_error(ctx));
    rmx_free(ctx, more);
    expect("sync", rmx_sync(ctx), wanted, rmx_last_error(ctx));
}

int main()
{
    char why[512] = "";
    rmx_context *ctx = nullptr, *second = nullptr;
    rmx_context_options options = {};
    void *memory = nullptr;
    options.device = RMX_DEVICE_CUDA;
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (rmx_context_create(&options, &ctx, why, sizeof why) != RMX_OK) {
        std::printf("no GPU: %s\n", why);
        return 77;
    }
    alarm(120); /* a call that hangs fails the test */
    rmx_model *model = make_model(ctx), *unused = make_model(ctx);
    expect("alloc", rmx_alloc(ctx, 64, &memory), RMX_OK, "");
    use(ctx, memory, RMX_OK);
    train(ctx, model, 1);
    train(ctx, model, 2);

    trap_kernel<<<1, 1>>>();
    std::printf("trap: %s\n", cudaGetErrorName(cudaDeviceSynchronize()));
    use_lost(ctx, model);
    expect("load", load(unused), RMX_ERR_DEVICE, rmx_last_error(ctx));
    use(ctx, memory, RMX_ERR_DEVICE);
    expect("context", rmx_context_create(&options, &second, why, sizeof why), RMX_ERR_DEVICE, why);
    options.device = RMX_DEVICE_CPU;
    expect("the CPU", rmx_context_create(&options, &second, why, sizeof why), RMX_OK, "");

    rmx_context_destroy(second);
    rmx_free(ctx, memory);
    rmx_model_destroy(model);
    rmx_model_destroy(unused);
    rmx_context_destroy(ctx);
    std::printf("all destroyed\n");
    return failed != 0;
}
