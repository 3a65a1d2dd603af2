/* SPDX-License-Identifier: MIT */
/* product_lines.c: see product_lines.h.
 *
 * Before anything is timed, elements of our result are compared bit by bit with the chain that
 * ops.h promises, and the vendor's with the same chain within the error of a sum. */
#include "product_lines.h"

#include <stdio.h>
#include <stdlib.h>
#ifdef RMX_WITH_CUDA
#include "variants_cuda.h"
#endif

#define CHECKED 64 /* elements */

/* x [M, T, K], W [T, K, N], y [M, T, N] of sets operands that take turns. */
typedef struct product {
    bench *b;
    product_shape s;
    int64_t sets;
    float *x, *w, *y, *bias;
    char op[32], shape[48];
} product;

static int64_t x_count(const product *p) { return p->s.m * p->s.tokens * p->s.k; }
static int64_t w_count(const product *p) { return p->s.tokens * p->s.k * p->s.n; }
static int64_t y_count(const product *p) { return p->s.m * p->s.tokens * p->s.n; }

static rmx_product_args args_of(const product *p, int64_t turn)
{
    const int64_t set = turn % p->sets, m = p->s.m, n = p->s.n, k = p->s.k, t = p->s.tokens;
    float *x = p->x + set * x_count(p), *w = p->w + set * w_count(p), *y = p->y + set * y_count(p);
    rmx_product_args g = {.batch = {t, 1}, .alpha = 1.0f, .beta = 1.0f};
    switch (p->s.pass) {
    case PRODUCT_FORWARD:
        g.m = m, g.n = n, g.k = k;
        g.a = (rmx_matrix){x, t * k, 1, {k, 0}};
        g.b = (rmx_matrix){w, n, 1, {k * n, 0}};
        g.c = (rmx_matrix_out){y, t * n, {n, 0}};
        break;
    case PRODUCT_OF_INPUT:
        g.m = m, g.n = k, g.k = n;
        g.a = (rmx_matrix){y, t * n, 1, {n, 0}};
        g.b = (rmx_matrix){w, 1, n, {k * n, 0}};
        g.c = (rmx_matrix_out){x, t * k, {k, 0}};
        break;
    case PRODUCT_OF_WEIGHT:
        g.m = k, g.n = n, g.k = m;
        g.a = (rmx_matrix){x, 1, t * k, {k, 0}};
        g.b = (rmx_matrix){y, t * n, 1, {n, 0}};
        g.c = (rmx_matrix_out){w, n, {k * n, 0}};
        g.accumulate = true;
        break;
    }
    if (p->bias) g.bias = (rmx_matrix){p->bias, 0, 1, {n, 0}};
    if (p->s.epilogue == PRODUCT_BIAS_GELU) g.activation = RMX_ACTIVATION_GELU_ERF;
    return g;
}

static rmx_status ours(void *user, int64_t turn)
{
    const product *p = user;
    const rmx_product_args args = args_of(p, turn);
    return rmx_run_product(p->b->ctx, &args);
}

/* The vendor's interface has neither bias nor GELU: it does less. */
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

/* Ours is equal where there is no GELU, else within its few ulp; the vendor's is near. */
static rmx_status compare(const product *p, const host_copies *h, uint64_t dice)
{
    const rmx_product_args g = args_of(p, 0);
    const int64_t t = (int64_t)(dice % (uint64_t)p->s.tokens);
    const int64_t i = (int64_t)((dice >> 8) % (uint64_t)g.m);
    const int64_t j = (int64_t)((dice >> 24) % (uint64_t)g.n);
    const int64_t at = t * g.c.batch[0] + i * g.c.rs + j;
    const float plain = chain(&g, h, t, i, j);
    const float biased = h->bias ? plain + h->bias[t * p->s.n + j] : plain;
    const bool activated = g.activation == RMX_ACTIVATION_GELU_ERF;
    const double full = activated ? gelu((double)biased) : (double)biased;
    const double ours_off = fabs((double)h->c[at] - full);
    const double theirs_off = h->plain ? fabs((double)h->plain[at] - (double)plain) : 0.0;
    const double near = 1e-6 * (double)(g.k + 8) * 0.25;
    if (activated ? ours_off > 1e-5 * (1.0 + fabs(full)) : h->c[at] != biased)
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
    const int64_t count = g.m * g.n * p->s.tokens;
    if (g.accumulate) BENCH_TRY(rmx_zero(p->b->ctx, g.c.p, sizeof(float) * (size_t)count));
    BENCH_TRY(run((void *)(uintptr_t)p, 0));
    return bench_fetch(p->b, g.c.p, count, out);
}

static rmx_status fetch(const product *p, host_copies *h)
{
    const rmx_product_args g = args_of(p, 0);
    BENCH_TRY(bench_fetch(p->b, g.a.p, g.m * g.k * p->s.tokens, &h->a));
    BENCH_TRY(bench_fetch(p->b, g.b.p, g.k * g.n * p->s.tokens, &h->b));
    if (p->bias) BENCH_TRY(bench_fetch(p->b, p->bias, p->s.tokens * p->s.n, &h->bias));
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
    static const char *const epilogues[] = {"", " + b", " + b, GELU"};
    char tokens[24] = "";
    const product_shape *s = &p->s;
    if (s->tokens > 1) snprintf(tokens, sizeof tokens, " T=%d", (int)s->tokens);
    snprintf(p->op, sizeof p->op, "%s%s%s", s->tokens > 1 ? "per-token " : "", ops[s->pass],
             epilogues[s->epilogue]);
    snprintf(p->shape, sizeof p->shape, "%s=%lld%s N=%lld K=%lld", s->tokens > 1 ? "B" : "M",
             (long long)s->m, tokens, (long long)s->n, (long long)s->k);
}

static rmx_status operands(product *p)
{
    bench *b = p->b;
    const double floats = (double)(x_count(p) + w_count(p) + y_count(p));
    p->sets = bench_sets(b, sizeof(float) * floats, 0.0);
    BENCH_TRY(bench_floats(b, p->sets * x_count(p), &p->x));
    BENCH_TRY(bench_floats(b, p->sets * w_count(p), &p->w));
    BENCH_TRY(bench_floats(b, p->sets * y_count(p), &p->y));
    if (p->s.epilogue == PRODUCT_PLAIN) return RMX_OK;
    return bench_floats(b, p->s.tokens * p->s.n, &p->bias);
}

static bench_record record_of(const product *p, const char *op, const bench_times *times)
{
    const double mnk = (double)p->s.m * (double)w_count(p);
    const double floats = (double)(x_count(p) + w_count(p) + y_count(p));
    const bool of_weight = p->s.pass == PRODUCT_OF_WEIGHT;
    const double again = of_weight ? (double)w_count(p) : 0.0; /* dW is read and written */
    bench_record r =
        bench_record_of(p->b, op, p->shape, times, sizeof(float) * (floats + again), 2.0 * mnk);
    r.x = (double)p->s.m;
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
        char op[32];
        snprintf(op, sizeof op, "%.12s, kernel %d", p->op, v);
        bench_record r = record_of(p, op, &times);
        snprintf(r.yardstick, sizeof r.yardstick, "the choice");
        r.ratio = chosen->median / times.median;
        BENCH_TRY(bench_add(p->b, &r));
    }
#endif
    (void)p, (void)chosen;
    return RMX_OK;
}

static rmx_status measure(product *p, product_mean *mean)
{
    bench *b = p->b;
    bench_times times[2];
    BENCH_TRY(operands(p));
    BENCH_TRY(check(p));
    const bench_side side[] = {{.run = ours, .user = p, .sets = p->sets},
                               {.run = theirs, .user = p, .sets = p->sets, .spins = true}};
    BENCH_TRY(bench_measure(b, side, b->yardstick.open ? 2 : 1, times));
    bench_record r = record_of(p, p->op, &times[0]);
    if (p->s.curve)
        snprintf(r.series, sizeof r.series, "N=%lld K=%lld", (long long)p->s.n, (long long)p->s.k);
    if (b->yardstick.open) {
        r.ratio = times[1].median / times[0].median;
        snprintf(r.yardstick, sizeof r.yardstick, "%s", b->yardstick.name);
        mean->logs += log(r.ratio);
        mean->count++;
    }
    BENCH_TRY(bench_add(b, &r));
    return b->variants && b->cuda ? variant_lines(p, &times[0]) : RMX_OK;
}

rmx_status product_line(bench *b, const product_shape *shape, product_mean *mean)
{
    product p = {.b = b, .s = *shape};
    name(&p);
    if (!bench_wants(b, p.op, p.shape)) return RMX_OK;
    const rmx_status status = measure(&p, mean);
    bench_release(b);
    return status;
}

rmx_status product_mean_line(bench *b, const char *of, const product_mean *mean)
{
    bench_record r = bench_record_none(b->noun, "geometric mean", "");
    if (mean->count < 2) return RMX_OK;
    snprintf(r.shape, sizeof r.shape, "of %d shapes%s", mean->count, of);
    snprintf(r.yardstick, sizeof r.yardstick, "%s", b->yardstick.name);
    r.ratio = exp(mean->logs / mean->count);
    return bench_add(b, &r);
}
