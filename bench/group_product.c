/* SPDX-License-Identifier: MIT */
/* group_product.c: products of fully connected layers against the vendor's: x W, plain or one
 * matrix a token with bias and GELU, and the two products of its backward pass.
 *
 * Before anything is timed, elements of our result are compared bit by bit with the chain that
 * ops.h promises, and the vendor's with the same chain within the error of a sum. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#ifdef RMX_WITH_CUDA
#include "variants_cuda.h"
#endif

#define CHECKED 64 /* elements */

typedef enum pass_kind {
    FORWARD,  /* y = x W */
    OF_INPUT, /* dx = dy W^T */
    OF_WEIGHT /* dW += x^T dy */
} pass_kind;

/* A layer of M rows: x [M, T, K], W [T, K, N], y [M, T, N]; a pass writes one of them. With bias
 * y = gelu(x W + bias). */
typedef struct product {
    bench *b;
    const char *group;
    pass_kind pass;
    int64_t m, n, k, tokens, sets;
    bool activated; /* with bias and GELU */
    float *x, *w, *y, *bias;
    char op[32], shape[48];
} product;

static int64_t x_count(const product *p) { return p->m * p->tokens * p->k; }
static int64_t w_count(const product *p) { return p->tokens * p->k * p->n; }
static int64_t y_count(const product *p) { return p->m * p->tokens * p->n; }

static rmx_product_args args_of(const product *p, int64_t turn)
{
    const int64_t set = turn % p->sets, m = p->m, n = p->n, k = p->k, t = p->tokens;
    float *x = p->x + set * x_count(p), *w = p->w + set * w_count(p), *y = p->y + set * y_count(p);
    rmx_product_args g = {.batch = {t, 1}, .alpha = 1.0f, .beta = 1.0f};
    switch (p->pass) {
    case FORWARD:
        g.m = m, g.n = n, g.k = k;
        g.a = (rmx_matrix){x, t * k, 1, {k, 0}};
        g.b = (rmx_matrix){w, n, 1, {k * n, 0}};
        g.c = (rmx_matrix_out){y, t * n, {n, 0}};
        break;
    case OF_INPUT:
        g.m = m, g.n = k, g.k = n;
        g.a = (rmx_matrix){y, t * n, 1, {n, 0}};
        g.b = (rmx_matrix){w, 1, n, {k * n, 0}};
        g.c = (rmx_matrix_out){x, t * k, {k, 0}};
        break;
    case OF_WEIGHT:
        g.m = k, g.n = n, g.k = m;
        g.a = (rmx_matrix){x, 1, t * k, {k, 0}};
        g.b = (rmx_matrix){y, t * n, 1, {n, 0}};
        g.c = (rmx_matrix_out){w, n, {k * n, 0}};
        g.accumulate = true;
        break;
    }
    if (!p->activated) return g;
    g.bias = (rmx_matrix){p->bias, 0, 1, {n, 0}};
    g.activation = RMX_ACTIVATION_GELU_ERF;
    return g;
}

static rmx_status ours(void *user, int64_t turn)
{
    const product *p = user;
    const rmx_product_args args = args_of(p, turn);
    return rmx_run_product(p->b->ctx, &args);
}

/* The vendor's own interface has no bias and no GELU: it does less. */
static rmx_status theirs(void *user, int64_t turn)
{
    const product *p = user;
    const rmx_product_args args = args_of(p, turn);
    return vendor_run_args(&p->b->yardstick, &args);
}

/* ---- check ------------------------------------------------------------------------------- */

typedef struct host_copies {
    float *a, *b, *bias, *c, *plain;
} host_copies;

/* Element (t, i, j) before bias and GELU; C was zero before. */
static float chain(const rmx_product_args *g, const host_copies *h, int64_t t, int64_t i,
                   int64_t j)
{
    const float *a = h->a + t * g->a.batch[0] + i * g->a.rs;
    const float *b = h->b + t * g->b.batch[0] + j * g->b.cs;
    float acc = 0.0f;
    for (int64_t k = 0; k < g->k; k++) acc = fmaf(a[k * g->a.cs], b[k * g->b.rs], acc);
    return acc;
}

static double gelu(double v) { return 0.5 * v * (1.0 + erf(v / sqrt(2.0))); }

/* Ours: equal where there is no GELU, else within its few ulp; the vendor's: near. */
static rmx_status compare(const product *p, const host_copies *h, uint64_t dice)
{
    const rmx_product_args g = args_of(p, 0);
    const int64_t t = (int64_t)(dice % (uint64_t)p->tokens);
    const int64_t i = (int64_t)((dice >> 8) % (uint64_t)g.m);
    const int64_t j = (int64_t)((dice >> 24) % (uint64_t)g.n);
    const int64_t at = t * g.c.batch[0] + i * g.c.rs + j;
    const float plain = chain(&g, h, t, i, j);
    const double full =
        p->activated ? gelu((double)plain + (double)h->bias[t * p->n + j]) : (double)plain;
    const double ours_off = fabs((double)h->c[at] - full);
    const double theirs_off = h->plain ? fabs((double)h->plain[at] - (double)plain) : 0.0;
    const double near = 1e-6 * (double)(g.k + 8) * 0.25;
    if (p->activated ? ours_off > 1e-5 * (1.0 + fabs(full)) : h->c[at] != plain)
        return rmx_fail(&p->b->error, RMX_ERR_NUMERIC, "%s: element %lld is %a, not %a", p->op,
                        (long long)at, (double)h->c[at], full);
    if (!(theirs_off <= near))
        return rmx_fail(&p->b->error, RMX_ERR_NUMERIC, "%s: element %lld is %a, not about %a",
                        p->b->yardstick.name, (long long)at, (double)h->plain[at], (double)plain);
    return RMX_OK;
}

static rmx_status result(const product *p, bench_run *run, float **out)
{
    const rmx_product_args g = args_of(p, 0);
    const int64_t count = g.m * g.n * p->tokens;
    if (g.accumulate) BENCH_TRY(rmx_zero(p->b->ctx, g.c.p, sizeof(float) * (size_t)count));
    BENCH_TRY(run((void *)(uintptr_t)p, 0));
    return bench_fetch(p->b, g.c.p, count, out);
}

static rmx_status fetch(const product *p, host_copies *h)
{
    const rmx_product_args g = args_of(p, 0);
    BENCH_TRY(bench_fetch(p->b, g.a.p, g.m * g.k * p->tokens, &h->a));
    BENCH_TRY(bench_fetch(p->b, g.b.p, g.k * g.n * p->tokens, &h->b));
    if (p->activated) BENCH_TRY(bench_fetch(p->b, p->bias, p->tokens * p->n, &h->bias));
    BENCH_TRY(result(p, ours, &h->c));
    return p->b->yardstick.open ? result(p, theirs, &h->plain) : RMX_OK;
}

static rmx_status check(const product *p)
{
    host_copies h = {.a = NULL};
    rmx_status status = fetch(p, &h);
    for (uint64_t e = 0; status == RMX_OK && e < CHECKED; e++)
        status = compare(p, &h, e * 2654435761u * 40503u);
    free(h.a);
    free(h.b);
    free(h.bias);
    free(h.c);
    free(h.plain);
    return status;
}

/* ---- one line ---------------------------------------------------------------------------- */

static void name(product *p)
{
    static const char *const ops[] = {"x W", "dy W^T", "dW += x^T dy"};
    char tokens[24] = "";
    if (p->tokens > 1) snprintf(tokens, sizeof tokens, " T=%d", (int)p->tokens);
    snprintf(p->op, sizeof p->op, "%s%s%s", p->tokens > 1 ? "per-token " : "", ops[p->pass],
             p->activated ? " + b, GELU" : "");
    snprintf(p->shape, sizeof p->shape, "%s=%lld%s N=%lld K=%lld", p->tokens > 1 ? "B" : "M",
             (long long)p->m, tokens, (long long)p->n, (long long)p->k);
}

static rmx_status operands(product *p)
{
    bench *b = p->b;
    const double floats = (double)(x_count(p) + w_count(p) + y_count(p));
    p->sets = bench_sets(b, sizeof(float) * floats, 0.0);
    BENCH_TRY(bench_floats(b, p->sets * x_count(p), &p->x));
    BENCH_TRY(bench_floats(b, p->sets * w_count(p), &p->w));
    BENCH_TRY(bench_floats(b, p->sets * y_count(p), &p->y));
    return p->activated ? bench_floats(b, p->tokens * p->n, &p->bias) : RMX_OK;
}

static bench_record record_of(const product *p, const bench_times *times)
{
    const double mnk = (double)p->m * (double)p->n * (double)p->k * (double)p->tokens;
    const double floats = (double)(x_count(p) + w_count(p) + y_count(p));
    const double again = p->pass == OF_WEIGHT ? (double)w_count(p) : 0.0; /* read and written */
    bench_record r =
        bench_record_of(p->b, p->group, times, sizeof(float) * (floats + again), 2.0 * mnk);
    snprintf(r.op, sizeof r.op, "%s", p->op);
    snprintf(r.shape, sizeof r.shape, "%s", p->shape);
    r.x = (double)p->m;
    return r;
}

/* Every kernel that there is, against the one that is chosen for the shape; one that the device
 * has no room for is left out. */
static rmx_status variant_lines(product *p, const bench_times *chosen)
{
#ifdef RMX_WITH_CUDA
    for (int32_t v = 0; v < variants_cuda_count(); v++) {
        bench_times times;
        variants_cuda_force(v);
        rmx_status status = check(p);
        if (status == RMX_OK)
            status = bench_measure(p->b, &(bench_side){.run = ours, .user = p, .sets = p->sets}, 1,
                                   &times);
        variants_cuda_force(-1);
        if (status == RMX_ERR_DEVICE) continue;
        BENCH_TRY(status);
        bench_record r = record_of(p, &times);
        snprintf(r.op, sizeof r.op, "%.12s, kernel %d", p->op, v);
        snprintf(r.yardstick, sizeof r.yardstick, "the choice");
        r.ratio = chosen->median / times.median;
        if (!records_add(p->b->out, &r)) return RMX_ERR_MEMORY;
    }
#endif
    (void)p, (void)chosen;
    return RMX_OK;
}

typedef struct mean {
    double logs; /* of the ratios to the vendor */
    int count;
} mean;

static rmx_status measured_line(product *p, mean *all)
{
    bench *b = p->b;
    bench_times times[2];
    BENCH_TRY(operands(p));
    BENCH_TRY(check(p));
    const bench_side side[] = {{.run = ours, .user = p, .sets = p->sets},
                               {.run = theirs, .user = p, .sets = p->sets, .spins = true}};
    BENCH_TRY(bench_measure(b, side, b->yardstick.open ? 2 : 1, times));
    bench_record r = record_of(p, &times[0]);
    snprintf(r.series, sizeof r.series, "N=%lld K=%lld", (long long)p->n, (long long)p->k);
    if (b->yardstick.open) {
        r.ratio = times[1].median / times[0].median;
        snprintf(r.yardstick, sizeof r.yardstick, "%s", b->yardstick.name);
        all->logs += log(r.ratio);
        all->count++;
    }
    if (!records_add(b->out, &r)) return RMX_ERR_MEMORY;
    return b->variants && b->cuda ? variant_lines(p, &times[0]) : RMX_OK;
}

static rmx_status line(product *p, mean *all)
{
    name(p);
    if (!bench_wants(p->b, p->op, p->shape)) return RMX_OK;
    const rmx_status status = measured_line(p, all);
    bench_release(p->b);
    return status;
}

static rmx_status mean_line(bench *b, const char *group, const mean *all)
{
    bench_record r = bench_record_none(group);
    if (all->count < 2) return RMX_OK;
    snprintf(r.op, sizeof r.op, "geometric mean");
    snprintf(r.shape, sizeof r.shape, "of %d shapes", all->count);
    snprintf(r.yardstick, sizeof r.yardstick, "%s", b->yardstick.name);
    r.ratio = exp(all->logs / all->count);
    return records_add(b->out, &r) ? RMX_OK : RMX_ERR_MEMORY;
}

/* ---- the groups -------------------------------------------------------------------------- */

static const int64_t cpu_rows[] = {1, 16, 128, 1024, 4096, 0};
static const int64_t quick_rows[] = {1, 16, 0};
static const int64_t cuda_rows[] = {1, 16, 64, 256, 1024, 4096, 16384, 0};
static const int64_t cpu_shapes[][2] = {{3072, 768}, {768, 3072}, {256, 64}, {1024, 1024}, {0}};
static const int64_t cuda_shapes[][2] = {{3072, 768},  {768, 3072},  {4096, 4096},
                                         {1536, 6144}, {6144, 1536}, {0}};

rmx_status bench_product(bench *b)
{
    const int64_t *rows = b->quick ? quick_rows : b->cuda ? cuda_rows : cpu_rows;
    const int64_t(*shape)[2] = b->cuda ? cuda_shapes : cpu_shapes;
    mean all = {.count = 0};
    for (; (*shape)[0]; shape++) {
        for (const int64_t *m = rows; *m; m++) {
            product p = {.b = b, .group = "product", .m = *m, .n = (*shape)[0], .k = (*shape)[1]};
            p.tokens = 1;
            BENCH_TRY(line(&p, &all));
        }
    }
    return mean_line(b, "product", &all);
}

static const int64_t cpu_batches[] = {1, 8, 64, 256, 0};
static const int64_t cuda_batches[] = {1, 64, 512, 4096, 0};

rmx_status bench_grouped(bench *b)
{
    const int64_t *batch = b->quick ? quick_rows : b->cuda ? cuda_batches : cpu_batches;
    mean all = {.count = 0};
    for (; *batch; batch++) {
        product p = {.b = b,
                     .group = "grouped",
                     .m = *batch,
                     .n = b->quick ? 256 : 3072,
                     .k = b->quick ? 64 : 768,
                     .tokens = 16,
                     .activated = true};
        BENCH_TRY(line(&p, &all));
    }
    return mean_line(b, "grouped", &all);
}

/* Feed-forwards large and small, the ones of base.ini among them, and a task's head. */
typedef struct layer {
    int64_t m, n, k, tokens;
} layer;
static const layer cpu_layers[] = {{512, 3072, 768, 1},
                                   {512, 768, 3072, 1},
                                   {256, 512, 128, 16},
                                   {256, 128, 512, 16},
                                   {1024, 32, 16, 16},
                                   {4096, 1, 768, 1},
                                   {0}};
static const layer cuda_layers[] = {
    {512, 3072, 768, 1},   {4096, 3072, 768, 1},  {4096, 768, 3072, 1},
    {4096, 4096, 4096, 1}, {1024, 3072, 768, 16}, {1024, 768, 3072, 16},
    {1024, 32, 16, 16},    {4096, 1, 768, 1},     {0}};
static const layer quick_layers[] = {{16, 256, 64, 1}, {8, 64, 32, 16}, {64, 1, 32, 1}, {0}};

rmx_status bench_gradients(bench *b)
{
    const layer *l = b->quick ? quick_layers : b->cuda ? cuda_layers : cpu_layers;
    mean all = {.count = 0};
    for (; l->m; l++) {
        for (int pass = OF_INPUT; pass <= OF_WEIGHT; pass++) {
            product p = {.b = b, .group = "gradients", .pass = (pass_kind)pass, .m = l->m};
            p.n = l->n, p.k = l->k, p.tokens = l->tokens;
            BENCH_TRY(line(&p, &all));
        }
    }
    return mean_line(b, "gradients", &all);
}
