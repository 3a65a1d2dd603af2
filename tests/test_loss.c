/* SPDX-License-Identifier: MIT */
/* test_loss.c: weighted binary cross-entropy from logits. */
#include "kernel_testing.h"

typedef struct bce_case {
    int64_t samples, tasks;
    bool task_weight, sample_weight, no_loss, no_gradient;
} bce_case;

static const bce_case cases[] = {
    {0, 1, true, true, false, false},    {1, 1, false, false, false, false},
    {127, 1, false, true, false, false}, {128, 2, true, false, false, false},
    {129, 3, true, true, false, false},  {1000, 1, false, false, false, false},
    {4097, 2, true, true, false, false}, {300, 5, true, false, true, false},
    {300, 2, false, true, false, true},
};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct bce_data { /* on the host */
    float *logits, *task_weight, *sample_weight, *dlogits;
    uint8_t *labels;
    float scale;
    double loss;
} bce_data;

static bce_data make_data(const bce_case *c, testing_pattern pattern)
{
    const int64_t n = c->samples * c->tasks;
    bce_data d = {.logits = host_filled(n, pattern, 1),
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

static void free_data(bce_data *d)
{
    free(d->logits), free(d->dlogits), free(d->task_weight), free(d->sample_weight);
    free(d->labels);
}

static void run_case(rmx_backend *backend, const char *name, const bce_case *c,
                     testing_pattern pattern)
{
    kernel_operands all = {.backend = backend};
    const int64_t n = c->samples * c->tasks;
    bce_data d = make_data(c, pattern);
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
    run_case(backend, name, &cases[i / PATTERN_COUNT], (testing_pattern)(i % PATTERN_COUNT));
}

Test(bce, contract) { kernel_cases(CASES * PATTERN_COUNT, contract_case); }

/* More blocks than a GPU's chain fetches at once, and a few. */
static void many_blocks(rmx_backend *backend, const char *name, int i)
{
    const bce_case c = {1030 * 128 + 5, 1, false, true, false, false};
    (void)i;
    run_case(backend, name, &c, PATTERN_NORMAL);
}

Test(bce, many_blocks) { kernel_cases(1, many_blocks); }

/* Cutting the batch at multiples of 128 samples continues the chain: the loss keeps its bits, and
 * every gradient does wherever the batch is cut. One sample at a time is a plain sum of the losses,
 * which has others. */
static void cut_batches(rmx_backend *backend, const char *name, int i)
{
    const bce_case c = {1000, 2, true, true, false, false};
    static const int64_t parts[] = {1000, 128, 256, 384, 512, 1};
    kernel_operands all = {.backend = backend};
    bce_data d = make_data(&c, PATTERN_NORMAL);
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

Test(bce, cut_batches) { kernel_cases(1, cut_batches); }

/* Against double: a loss has a few ulps of its own and 7 halvings; a gradient a few. */
static void near_float64(rmx_backend *backend, const char *name)
{
    const bce_case c = {1000, 1, false, false, false, false};
    kernel_operands all = {.backend = backend};
    bce_data d = make_data(&c, PATTERN_NORMAL);
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

Test(bce, near_float64) { kernel_each(near_float64); }
