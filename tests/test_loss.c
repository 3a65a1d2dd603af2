/* SPDX-License-Identifier: MIT */
/* test_loss.c: weighted binary cross-entropy from logits. */
#include "cases_features.h"
#include "kernel_testing.h"
#include "layer_testing.h"
#include "rankmixer/loss.h"
#include "refusals.h"

typedef struct loss_data { /* on the host */
    float *logits, *task_weight, *sample_weight, *dlogits;
    uint8_t *labels;
    float scale;
    double loss;
} loss_data;

static loss_data make_data(const loss_case *c, testing_pattern pattern)
{
    const int64_t n = c->samples * c->tasks;
    loss_data d = {.logits = host_filled(n, pattern, 1),
                   .dlogits = host_floats(n),
                   .task_weight = host_filled(c->tasks, pattern, 2),
                   .sample_weight = host_filled(c->samples, pattern, 3),
                   .labels = malloc((size_t)n + 1),
                   .scale = 1.0f / 777.0f,
                   .loss = 0.25};
    for (int64_t i = 0; i < n; i++) d.labels[i] = (uint8_t)(i * 7 % 3 == 0);
    for (int64_t i = 5; i < n && c->samples > 200; i += 11) d.labels[i] = RMX_LABEL_MASKED;
    return d;
}

static void free_data(loss_data *d)
{
    free(d->logits), free(d->dlogits), free(d->task_weight), free(d->sample_weight);
    free(d->labels);
}

static void run_case(rmx_backend *backend, const char *name, const loss_case *c,
                     testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t n = c->samples * c->tasks;
    loss_data d = make_data(c, pattern);
    double *loss = kernel_put(&all, &d.loss, sizeof d.loss);
    float *dlogits = kernel_floats(&all, NULL, n);
    const rmx_loss_args args = {
        .samples = c->samples,
        .tasks = c->tasks,
        .scale = d.scale,
        .logits = kernel_floats(&all, d.logits, n),
        .labels = kernel_put(&all, d.labels, (size_t)n),
        .task_weight = c->task_weight ? kernel_floats(&all, d.task_weight, c->tasks) : NULL,
        .sample_weight =
            c->sample_weight ? kernel_floats(&all, d.sample_weight, c->samples) : NULL,
        .loss = c->no_loss ? NULL : loss,
        .dlogits = c->no_gradient ? NULL : dlogits,
        .ws = kernel_put(&all, NULL, rmx_loss_scratch(c->samples))};
    cr_assert_eq(backend->ops->loss(backend, &args), RMX_OK);
    kernel_compare_double(backend, loss, name, "loss"); /* or what it held */
    kernel_compare(backend, dlogits, n, name, "dlogits");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

static void contract_case(rmx_backend *backend, const char *name, int i)
{
    run_case(backend, name, &loss_cases[i / PATTERN_COUNT], (testing_pattern)(i % PATTERN_COUNT));
}

Test(loss, kernel_has_reference_bits)
{
    kernel_cases(CASES(loss_cases) * PATTERN_COUNT, contract_case);
}

/* More blocks than a GPU's chain fetches at once, and a few. */
static void many_blocks(rmx_backend *backend, const char *name, int i)
{
    const loss_case c = {.samples = 1030 * 128 + 5, .tasks = 1, .sample_weight = true};
    (void)i;
    run_case(backend, name, &c, PATTERN_NORMAL);
}

Test(loss, many_blocks) { kernel_cases(1, many_blocks); }

/* Cutting the batch at multiples of 128 samples continues the chain: the loss keeps its bits, and
 * every gradient does wherever the batch is cut. One sample at a time is a plain sum of the losses,
 * which has others. */
static void cut_batches(rmx_backend *backend, const char *name, int i)
{
    const loss_case c = {.samples = 1000, .tasks = 2, .task_weight = true, .sample_weight = true};
    static const int64_t parts[] = {1000, 128, 256, 384, 512, 1};
    kernel_operands all = {.backend = backend};
    loss_data d = make_data(&c, PATTERN_NORMAL);
    double zero = 0, whole = 0, *loss = kernel_put(&all, &zero, sizeof zero);
    (void)i;
    rmx_loss_args args = {.tasks = c.tasks,
                          .scale = d.scale,
                          .loss = loss,
                          .task_weight = kernel_floats(&all, d.task_weight, c.tasks),
                          .ws = kernel_put(&all, NULL, rmx_loss_scratch(c.samples))};
    const float *logits = kernel_floats(&all, d.logits, c.samples * c.tasks);
    const uint8_t *labels = kernel_put(&all, d.labels, (size_t)(c.samples * c.tasks));
    const float *weight = kernel_floats(&all, d.sample_weight, c.samples);
    float *dlogits = kernel_floats(&all, NULL, c.samples * c.tasks);
    for (int cut = 0; cut < 6; cut++) {
        const int64_t part = parts[cut];
        testing_put(backend, loss, &zero, sizeof zero);
        for (int64_t first = 0; first < c.samples; first += part) {
            args.samples = c.samples - first < part ? c.samples - first : part;
            args.logits = logits + first * c.tasks;
            args.labels = labels + first * c.tasks;
            args.sample_weight = weight + first;
            args.dlogits = dlogits + first * c.tasks;
            cr_assert_eq(backend->ops->loss(backend, &args), RMX_OK);
        }
        double sum;
        testing_get(backend, &sum, loss, sizeof sum);
        if (cut == 0) whole = sum;
        cr_assert_eq(sum == whole, part > 1, "%s: parts of %lld: %a, the whole %a", name,
                     (long long)part, sum, whole);
        if (part > 1) kernel_compare_double(backend, loss, name, "loss");
        kernel_compare(backend, dlogits, c.samples * c.tasks, name, "dlogits");
    }
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

Test(loss, cut_batches) { kernel_cases(1, cut_batches); }

/* Against double: a loss has a few ulps of its own and 7 halvings; a gradient a few. */
static void near_float64(rmx_backend *backend, const char *name)
{
    const loss_case c = {.samples = 1000, .tasks = 1};
    kernel_operands all = {.backend = backend};
    loss_data d = make_data(&c, PATTERN_NORMAL);
    double zero = 0, exact = 0, loss;
    const rmx_loss_args args = {.samples = c.samples,
                                .tasks = 1,
                                .scale = 1.0f,
                                .logits = kernel_floats(&all, d.logits, c.samples),
                                .labels = kernel_put(&all, d.labels, (size_t)c.samples),
                                .loss = kernel_put(&all, &zero, sizeof zero),
                                .dlogits = kernel_floats(&all, NULL, c.samples),
                                .ws = kernel_put(&all, NULL, rmx_loss_scratch(c.samples))};
    cr_assert_eq(backend->ops->loss(backend, &args), RMX_OK);
    testing_get(backend, d.dlogits, args.dlogits, sizeof(float) * (size_t)c.samples);
    testing_get(backend, &loss, args.loss, sizeof loss);
    for (int64_t b = 0; b < c.samples; b++) {
        if (d.labels[b] == RMX_LABEL_MASKED) continue;
        const double z = (double)d.logits[b], y = d.labels[b], p = 1 / (1 + exp(-z));
        exact -= y * log(p) + (1 - y) * log1p(-p);
        const double error = fabs((double)d.dlogits[b] - (p - y));
        cr_assert_leq(error, 0x1p-21, "%s: sample %lld", name, (long long)b);
    }
    cr_assert_leq(fabs(loss - exact), 0x1p-20 * exact, "%s: %a, not %a", name, loss, exact);
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
    free_data(&d);
}

Test(loss, near_float64) { kernel_each(near_float64); }

/* ---- the layer ----------------------------------------------------------------------------- */

/* The loss is a double; dy scales it, and so does desc.scale its gradient. desc.scale is finite and
 * not negative. */
static void run_layer(layer *l, bool backward)
{
    const loss_case *c = l->of;
    const int64_t n = c->samples * c->tasks;
    loss_data d = make_data(c, PATTERN_NORMAL);
    float dy;
    operands_get(&l->all, &dy, l->dy, sizeof dy);
    const float sign = dy < 0.0f ? -1.0f : 1.0f, scale = isfinite(dy) ? fabsf(dy) : 1.0f;
    for (int64_t i = 0; i < c->samples; i++) d.sample_weight[i] = 0.25f * (float)(i + 1);
    const uint8_t *labels = layer_put(l, 0, d.labels, (size_t)n);
    const float *tasks = layer_put(l, 1, d.task_weight, sizeof(float) * (size_t)c->tasks);
    const float *samples = layer_put(l, 2, d.sample_weight, sizeof(float) * (size_t)c->samples);
    double *loss_at = layer_slot(l, 3, sizeof(double)), loss = 0.0;
    operands_must(l->ctx, rmx_zero(l->ctx, loss_at, sizeof loss));
    const rmx_loss_desc desc = {RMX_F32, c->samples, (int32_t)c->tasks, scale};
    const size_t bytes = rmx_loss_workspace(&desc);
    operands_must(l->ctx, rmx_loss_forward_backward(
                              l->ctx, &desc, l->in[0], labels, c->task_weight ? tasks : NULL,
                              c->sample_weight ? samples : NULL, loss_at,
                              backward ? l->d[0] : NULL, layer_slot(l, 4, bytes), bytes));
    operands_get(&l->all, &loss, loss_at, sizeof loss);
    const float y = sign * (float)loss;
    operands_must(l->ctx, rmx_upload(l->ctx, l->y, &y, sizeof y));
    operands_must(l->ctx, rmx_sync(l->ctx));
    free_data(&d);
}

static void forward(layer *l) { run_layer(l, false); }
static void backward(layer *l) { run_layer(l, true); }

static void make(int i, layer *l)
{
    const loss_case *c = &loss_cases[i];
    l->of = c;
    l->name = "loss";
    l->forward = forward;
    l->backward = backward;
    l->outputs = 1;
    l->gradients = c->gradients;
    layer_input(l, "logits", c->samples * c->tasks);
}

LAYER_TESTS(loss, make, CASES(loss_cases))

Test(loss, refusals)
{
    refusals t = refusals_begin();
    const rmx_loss_desc good = {RMX_F32, 4, 2, 0.25f};
    rmx_loss_desc bad[4] = {good, good, good, good};
    static const char *const text[4] = {"desc.samples = -1", "desc.tasks = 0", "desc.scale = nan",
                                        "desc.scale = -0.25"};
    const uint8_t *labels = operands_put_bytes(&t.all, (uint8_t[8]){0, 1, 0, 1}, 8);
    double *loss = operands_put_bytes(&t.all, (double[1]){0.0}, sizeof(double));
    const size_t bytes = rmx_loss_workspace(&good);
    float *z = t.a, *u = t.b, *dz = t.out;
    bad[0].samples = -1;
    bad[1].tasks = 0;
    bad[2].scale = NAN;
    bad[3].scale = -0.25f;
#define LOSS(d, z, labels, u, loss, dz, bytes) \
    rmx_loss_forward_backward(t.ctx, d, z, labels, u, NULL, loss, dz, t.ws, bytes)
    for (int i = 0; i < 4; i++) REFUSES(LOSS(&bad[i], z, labels, u, loss, dz, bytes), text[i]);
    REFUSES(LOSS(NULL, z, labels, u, loss, dz, bytes), "desc: NULL");
    REFUSES(LOSS(&good, NULL, labels, u, loss, dz, bytes), "logits: NULL");
    REFUSES(LOSS(&good, z, NULL, u, loss, dz, bytes), "labels: NULL");
    REFUSES(LOSS(&good, dz + 1, labels, u, loss, dz, bytes), "dlogits (at");
    REFUSES(LOSS(&good, z, labels, dz + 2, loss, dz, bytes), "task_weight");
    REFUSES_AS(RMX_ERR_WORKSPACE, LOSS(&good, z, labels, u, loss, dz, bytes - 1),
               "ask rmx_loss_workspace");
    cr_expect_eq(rmx_loss_workspace(&bad[1]), 0);
#undef LOSS
    refusals_end(&t);
}
