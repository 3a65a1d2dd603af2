/* group_step.c: training steps and scoring of a whole model over the batch, and the products of
 * one step by themselves: what is left of a step is everything that is not a product. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "product_log.h"
#include "workload.h"

#define SETS 4 /* batches that take turns */

typedef struct steps {
    bench *b;
    const char *name;
    workload w;
    rmx_model *model;
    int64_t samples;
    uint64_t step;
    product_log log;
} steps;

static rmx_status train(void *user, int64_t turn)
{
    steps *s = user;
    const rmx_batch batch = workload_batch(&s->w, turn % SETS * s->samples, s->samples);
    const rmx_step step = {.step = ++s->step, .lr = 1e-4f, .embedding_lr = 1e-3f};
    BENCH_TRY(rmx_model_load(s->model, &batch));
    return rmx_model_step(s->model, &step);
}

/* A request as it comes in, until its scores are on the host. */
static rmx_status score(void *user, int64_t turn)
{
    static float logits[1 << 14];
    steps *s = user;
    rmx_batch batch = workload_batch(&s->w, turn % SETS * s->samples, s->samples);
    batch.labels = NULL;
    BENCH_TRY(rmx_model_load(s->model, &batch));
    BENCH_TRY(rmx_model_forward(s->model));
    return rmx_model_logits(s->model, logits);
}

static rmx_status replay(void *user, int64_t turn)
{
    const steps *s = user;
    (void)turn;
    return product_log_replay(&s->log, s->b->ctx);
}

static rmx_status replay_vendor(void *user, int64_t turn)
{
    const steps *s = user;
    (void)turn;
    return product_log_replay_vendor(&s->log, s->b->ctx, &s->b->yardstick);
}

/* ---- check ------------------------------------------------------------------------------- */

/* The last request of the batch has the logit that it has alone; the first loss is that of a
 * model that knows nothing, near log 2. */
static rmx_status check(steps *s)
{
    float together[1 << 14], alone = 0.0f;
    rmx_step_result result;
    const rmx_batch all = workload_batch(&s->w, 0, s->samples);
    const rmx_batch last = workload_batch(&s->w, s->samples - 1, 1);
    BENCH_TRY(rmx_model_load(s->model, &all));
    BENCH_TRY(rmx_model_forward(s->model));
    BENCH_TRY(rmx_model_logits(s->model, together));
    BENCH_TRY(rmx_model_load(s->model, &last));
    BENCH_TRY(rmx_model_forward(s->model));
    BENCH_TRY(rmx_model_logits(s->model, &alone));
    if (memcmp(&together[s->samples - 1], &alone, sizeof alone) != 0)
        return rmx_fail(&s->b->error, RMX_ERR_NUMERIC,
                        "scoring: a request is not what it is alone");
    BENCH_TRY(train(s, 0));
    BENCH_TRY(rmx_model_read(s->model, &result));
    if (!result.finite || !(result.loss > 0.1 && result.loss < 5.0))
        return rmx_fail(&s->b->error, RMX_ERR_NUMERIC, "training: the first loss is %g",
                        result.loss);
    return RMX_OK;
}

/* ---- lines ------------------------------------------------------------------------------- */

static rmx_status put(steps *s, const char *op, const bench_times *times, double flop,
                      bench_record *r)
{
    const rmx_model_memory memory = rmx_model_memory_of(s->model);
    const rmx_model_config *c = &s->w.setup.model;
    *r = bench_record_of(s->b, "step", times, NAN, flop);
    snprintf(r->op, sizeof r->op, "%s", op);
    snprintf(r->shape, sizeof r->shape, "B=%lld T=%d D=%d L=%d %s", (long long)s->samples,
             c->tokens, c->width, c->layers, s->name);
    snprintf(r->series, sizeof r->series, "%s, D=%d (%.16s)", op, c->width, s->name);
    snprintf(r->unit, sizeof r->unit, "samples");
    r->x = (double)s->samples;
    r->memory = (double)memory.total_bytes;
    r->per_second = (double)s->samples / times->median;
    return RMX_OK;
}

static rmx_status training_lines(steps *s)
{
    bench *b = s->b;
    bench_times times[3];
    bench_record r;
    product_log_begin(&s->log, b->ctx);
    const rmx_status status = train(s, 0);
    product_log_end(b->ctx);
    if (status != RMX_OK || s->log.full)
        return status != RMX_OK ? status : rmx_fail(&b->error, RMX_ERR_MEMORY, "out of memory");
    const double flop = product_log_flop(&s->log);
    const bench_side side[] = {{.run = train, .user = s},
                               {.run = replay, .user = s},
                               {.run = replay_vendor, .user = s, .spins = true}};
    BENCH_TRY(bench_measure(b, side, b->yardstick.open ? 3 : 2, times));
    BENCH_TRY(put(s, "training step", &times[0], flop, &r));
    r.ratio = times[1].median / times[0].median;
    snprintf(r.yardstick, sizeof r.yardstick, "its products");
    if (!records_add(b->out, &r)) return RMX_ERR_MEMORY;
    BENCH_TRY(put(s, "its products alone", &times[1], flop, &r));
    r.memory = r.per_second = NAN;
    if (b->yardstick.open) {
        r.ratio = times[2].median / times[1].median;
        snprintf(r.yardstick, sizeof r.yardstick, "%s", b->yardstick.name);
    }
    return records_add(b->out, &r) ? RMX_OK : RMX_ERR_MEMORY;
}

static rmx_status scoring_line(steps *s)
{
    bench *b = s->b;
    bench_times times;
    bench_record r;
    const rmx_batch batch = workload_batch(&s->w, 0, s->samples);
    BENCH_TRY(bench_measure(b, &(bench_side){.run = score, .user = s}, 1, &times));
    BENCH_TRY(rmx_model_load(s->model, &batch));
    BENCH_TRY(
        put(s, "scoring", &times, rmx_model_forward_flop(s->model) * (double)s->samples, &r));
    r.memory = NAN;
    return records_add(b->out, &r) ? RMX_OK : RMX_ERR_MEMORY;
}

static rmx_status one_batch(steps *s, const char *path, bool training)
{
    bench *b = s->b;
    BENCH_TRY(workload_open(path, SETS * s->samples, &s->w, &b->error));
    s->w.setup.model.batch = s->samples;
    if (s->w.setup.model.micro_batch > s->samples) s->w.setup.model.micro_batch = 0;
    s->name = path ? strrchr(path, '/') ? strrchr(path, '/') + 1 : path : "defaults";
    BENCH_TRY(rmx_model_create(b->ctx, &s->w.setup.model, &s->w.setup.training, &s->model));
    BENCH_TRY(check(s));
    if (training) BENCH_TRY(training_lines(s));
    return scoring_line(s);
}

static rmx_status one_config(bench *b, const char *path)
{
    static const int64_t sizes[] = {1, 16, 128, 512, 2048, 8192};
    static const int64_t quick[] = {1, 128};
    const int64_t *size = b->quick ? quick : sizes;
    const size_t count = b->quick ? 2 : sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i < count; i++) {
        steps s = {.b = b, .samples = size[i]};
        const rmx_status status = one_batch(&s, path, size[i] >= 128);
        rmx_model_destroy(s.model);
        workload_close(&s.w);
        product_log_free(&s.log);
        if (status != RMX_OK) return status;
    }
    return RMX_OK;
}

rmx_status bench_step(bench *b)
{
    if (b->config_count == 0) return one_config(b, NULL);
    for (int32_t i = 0; i < b->config_count; i++) BENCH_TRY(one_config(b, b->configs[i]));
    return RMX_OK;
}
