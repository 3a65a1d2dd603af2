/* SPDX-License-Identifier: MIT */
/* bench_step.c: training steps and scoring of a whole model over the batch. Beside a step stand
 * its products alone, the rest being all that is not a product, and a step in the trainer's loop,
 * where the rest is waiting for the next one. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "layers/model_internal.h"
#include "product_log.h"
#include "training_loop.h"
#include "workload.h"

#define SETS 4 /* batches that take turns */

typedef struct steps {
    bench *b;
    const char *config; /* see workload.h */
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
    BENCH_TRY(rmx_model_set_batch(s->model, &batch));
    return rmx_model_step(s->model, &step);
}

/* A request as it comes in, until its scores are on the host. */
static rmx_status score(void *user, int64_t turn)
{
    static float logits[1 << 14];
    steps *s = user;
    rmx_batch batch = workload_batch(&s->w, turn % SETS * s->samples, s->samples);
    batch.labels = NULL;
    BENCH_TRY(rmx_model_set_batch(s->model, &batch));
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

/* A recorded step once more, on whatever its slot of input holds: what the device does and nothing
 * else. */
static rmx_status replay_step(void *user, int64_t turn)
{
    const steps *s = user;
    rmx_backend *backend = s->b->backend;
    (void)turn;
    return rmx_context_check(s->b->ctx,
                             backend->ops->replay(backend, s->model->recordings[0].recording));
}

/* ---- check ------------------------------------------------------------------------------- */

/* The first one: later ones may be recorded already, and then nothing is called. */
static rmx_status first_step(steps *s)
{
    product_log_begin(&s->log, s->b->ctx);
    const rmx_status status = train(s, 0);
    product_log_end(s->b->ctx);
    if (status == RMX_OK && s->log.full)
        return rmx_fail(&s->b->error, RMX_ERR_MEMORY, "out of memory");
    return status;
}

/* The last request of the batch has the logit that it has alone; the first loss is that of a
 * model that knows nothing, near log 2. */
static rmx_status check(steps *s)
{
    float together[1 << 14], alone = 0.0f;
    rmx_step_result result;
    const rmx_batch all = workload_batch(&s->w, 0, s->samples);
    const rmx_batch last = workload_batch(&s->w, s->samples - 1, 1);
    BENCH_TRY(rmx_model_set_batch(s->model, &all));
    BENCH_TRY(rmx_model_forward(s->model));
    BENCH_TRY(rmx_model_logits(s->model, together));
    BENCH_TRY(rmx_model_set_batch(s->model, &last));
    BENCH_TRY(rmx_model_forward(s->model));
    BENCH_TRY(rmx_model_logits(s->model, &alone));
    if (memcmp(&together[s->samples - 1], &alone, sizeof alone) != 0)
        return rmx_fail(&s->b->error, RMX_ERR_NUMERIC,
                        "scoring: a request is not what it is alone");
    BENCH_TRY(first_step(s));
    BENCH_TRY(rmx_model_read(s->model, &result));
    if (!result.finite || !(result.loss > 0.1 && result.loss < 5.0))
        return rmx_fail(&s->b->error, RMX_ERR_NUMERIC, "training: the first loss is %g",
                        result.loss);
    return RMX_OK;
}

/* ---- lines ------------------------------------------------------------------------------- */

typedef struct step_shape {
    char text[48];
} step_shape;

static step_shape shape_of(const steps *s)
{
    step_shape shape;
    const rmx_model_config *c = &s->w.setup.model;
    snprintf(shape.text, sizeof shape.text, "B=%lld T=%d D=%d L=%d %s", (long long)s->samples,
             c->tokens, c->width, c->layers, workload_name(s->config).text);
    return shape;
}

static bool wanted(const steps *s, const char *op)
{
    return bench_wants(s->b, op, shape_of(s).text);
}

static bench_record record_of(const steps *s, const char *op, const bench_times *times,
                              double flop)
{
    bench_record r = bench_record_of(s->b, op, shape_of(s).text, times, NAN, flop);
    snprintf(r.series, sizeof r.series, "%s, %s", op, workload_name(s->config).text);
    r.x = (double)s->samples;
    return r;
}

static void put_samples(const steps *s, bench_record *r)
{
    snprintf(r->unit, sizeof r->unit, "samples");
    r->per_second = (double)s->samples / r->time.median;
}

static void put_ratio(bench_record *r, double theirs, const char *yardstick)
{
    r->ratio = theirs / r->time.median;
    snprintf(r->yardstick, sizeof r->yardstick, "%s", yardstick);
}

static rmx_status training_lines(steps *s, double *step_seconds)
{
    bench *b = s->b;
    bench_times times[3];
    const double flop = product_log_flop(&s->log);
    const bench_side side[] = {{.run = train, .user = s},
                               {.run = replay, .user = s, .sets = 1},
                               {.run = replay_vendor, .user = s, .sets = 1, .spins = true}};
    BENCH_TRY(bench_measure(b, side, b->yardstick.open ? 3 : 2, times));
    *step_seconds = times[0].median;
    bench_record r = record_of(s, "training step", &times[0], flop);
    r.memory = (double)rmx_model_memory_of(s->model).total_bytes;
    put_samples(s, &r);
    put_ratio(&r, times[1].median, "its products");
    BENCH_TRY(bench_add(b, &r));
    r = record_of(s, "its products alone", &times[1], flop);
    if (b->yardstick.open) put_ratio(&r, times[2].median, b->yardstick.name);
    return bench_add(b, &r);
}

/* On a GPU: of the time of a step in the loop, how much the step itself does not need. */
static rmx_status loop_line(steps *s, double step_seconds)
{
    bench *b = s->b;
    bench_times loop, graph;
    BENCH_TRY(training_loop_measure(b, s->config, s->samples, &loop));
    bench_record r = record_of(s, "training loop", &loop, product_log_flop(&s->log));
    put_samples(s, &r);
    if (!b->cuda) {
        put_ratio(&r, step_seconds, "a step");
        return bench_add(b, &r);
    }
    BENCH_TRY(bench_measure(b, &(bench_side){.run = replay_step, .user = s}, 1, &graph));
    put_ratio(&r, graph.median, "its graph");
    snprintf(r.ceiling, sizeof r.ceiling, "GPU idle");
    r.share = 1.0 - r.ratio;
    return bench_add(b, &r);
}

static rmx_status scoring_line(steps *s)
{
    bench *b = s->b;
    bench_times times;
    const rmx_batch batch = workload_batch(&s->w, 0, s->samples);
    BENCH_TRY(bench_measure(b, &(bench_side){.run = score, .user = s}, 1, &times));
    BENCH_TRY(rmx_model_set_batch(s->model, &batch));
    bench_record r =
        record_of(s, "scoring", &times, rmx_model_forward_flop(s->model) * (double)s->samples);
    put_samples(s, &r);
    return bench_add(b, &r);
}

/* ---- which lines ------------------------------------------------------------------------- */

/* Batches of a config's lines, 0 at the end; training begins at 128. loop: the batch of the line
 * of the loop, 0: none. */
typedef struct step_plan {
    const char *config;
    const int64_t *batches;
    int64_t loop;
} step_plan;

static rmx_status one_batch(steps *s, const step_plan *p)
{
    bench *b = s->b;
    double step_seconds = NAN;
    BENCH_TRY(workload_open(p->config, SETS * s->samples, &s->w, &b->error));
    s->w.setup.model.batch = s->samples;
    const bool scoring = wanted(s, "scoring");
    const bool loop = s->samples == p->loop && wanted(s, "training loop");
    const bool training =
        s->samples >= 128 && (wanted(s, "training step") || wanted(s, "its products alone"));
    if (!training && !loop && !scoring) return RMX_OK;
    BENCH_TRY(rmx_model_create(b->ctx, &s->w.setup.model, &s->w.setup.training, &s->model));
    BENCH_TRY(check(s));
    if (training || loop) BENCH_TRY(training_lines(s, &step_seconds));
    if (loop) BENCH_TRY(loop_line(s, step_seconds));
    return scoring ? scoring_line(s) : RMX_OK;
}

static rmx_status one_config(bench *b, const step_plan *p)
{
    for (const int64_t *batch = p->batches; *batch; batch++) {
        steps s = {.b = b, .config = p->config, .samples = *batch};
        const rmx_status status = one_batch(&s, p);
        rmx_model_destroy(s.model);
        workload_close(&s.w);
        product_log_free(&s.log);
        if (status != RMX_OK) return status;
    }
    return RMX_OK;
}

rmx_status bench_step(bench *b)
{
    static const int64_t sizes[] = {1, 16, 128, 512, 1024, 2048, 8192, 0}, quick[] = {1, 128, 0};
    static const int64_t large_cpu[] = {1, 128, 256, 0};
    static const int64_t large_cuda[] = {1, 512, 1024, 2048, 4096, 0};
    const step_plan base = {SHIPPED "base.ini", b->quick ? quick : sizes, b->quick ? 128 : 1024};
    const step_plan large = {SHIPPED "rankmixer-100m.ini", b->cuda ? large_cuda : large_cpu, 0};
    for (int32_t i = 0; i < b->config_count; i++) {
        const step_plan own = {b->configs[i], base.batches, 0};
        BENCH_TRY(one_config(b, &own));
    }
    if (b->config_count > 0) return RMX_OK;
    BENCH_TRY(one_config(b, &base));
    return b->quick ? RMX_OK : one_config(b, &large);
}
