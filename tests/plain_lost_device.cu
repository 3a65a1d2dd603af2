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
                wanted == RMX_OK ? "" : text);
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

static void train(rmx_context *ctx, rmx_model *model, uint64_t number, rmx_status wanted)
{
    static uint32_t ids[BATCH * FIELDS];
    static uint8_t labels[BATCH];
    rmx_batch batch = {};
    batch.samples = BATCH;
    batch.sparse = ids;
    batch.labels = labels;
    rmx_step step = {};
    step.step = number;
    step.lr = step.embedding_lr = 0.01f;
    rmx_step_result result;
    expect("load", rmx_model_load(model, &batch), wanted, rmx_last_error(ctx));
    expect("step", rmx_model_step(model, &step), wanted, rmx_last_error(ctx));
    expect("read", rmx_model_read(model, &result), wanted, rmx_last_error(ctx));
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
    train(ctx, model, 1, RMX_OK);
    train(ctx, model, 2, RMX_OK);

    trap_kernel<<<1, 1>>>();
    std::printf("trap: %s\n", cudaGetErrorName(cudaDeviceSynchronize()));
    train(ctx, model, 3, RMX_ERR_DEVICE);
    train(ctx, unused, 1, RMX_ERR_DEVICE);
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
