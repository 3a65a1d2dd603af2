/* group_product.c: x W against the vendor's product: plain, and one a token with bias and GELU.
 *
 * Before anything is timed, elements of our result are compared bit by bit with the chain that
 * ops.h promises, and the vendor's with the same chain within the error of a sum. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rankmixer/gelu.h"
#include "rankmixer/product.h"

#define CHECKED 64 /* elements */

/* y[i, t, :] = act(x[i, t, :] w[t] + bias[t]), M rows of T tokens; T = 1 without bias: x W. */
typedef struct product {
    bench *b;
    int64_t m, n, k, tokens, sets;
    float *x, *w, *bias, *y;
} product;

static int64_t x_count(const product *p) { return p->m * p->tokens * p->k; }
static int64_t w_count(const product *p) { return p->tokens * p->k * p->n; }
static int64_t y_count(const product *p) { return p->m * p->tokens * p->n; }

static rmx_status ours(void *user, int64_t turn)
{
    const product *p = user;
    const int64_t set = turn % p->sets;
    const rmx_gemm_args args = {.m = p->m,
                                .n = p->n,
                                .k = p->k,
                                .batch = {p->tokens, 1},
                                .a = {p->x + set * x_count(p), p->tokens * p->k, 1, {p->k, 0}},
                                .b = {p->w + set * w_count(p), p->n, 1, {p->k * p->n, 0}},
                                .c = {p->y + set * y_count(p), p->tokens * p->n, {p->n, 0}},
                                .bias = {p->bias, 0, 1, {p->n, 0}},
                                .act = p->bias ? RMX_ACT_GELU_ERF : RMX_ACT_NONE,
                                .alpha = 1.0f,
                                .beta = 1.0f};
    return rmx_context_check(p->b->ctx, p->b->backend->ops->gemm(p->b->backend, &args));
}

/* The vendor's own interface has no bias and no GELU: it does less. */
static rmx_status theirs(void *user, int64_t turn)
{
    const product *p = user;
    const int64_t set = turn % p->sets;
    const vendor_product v = {.m = p->m,
                              .n = p->n,
                              .k = p->k,
                              .count = p->tokens,
                              .a = p->x + set * x_count(p),
                              .b = p->w + set * w_count(p),
                              .c = p->y + set * y_count(p),
                              .lda = p->tokens * p->k,
                              .ldb = p->n,
                              .ldc = p->tokens * p->n,
                              .step_a = p->k,
                              .step_b = p->k * p->n,
                              .step_c = p->n};
    return vendor_run(&p->b->yardstick, &v);
}

/* ---- check ------------------------------------------------------------------------------- */

typedef struct host_copies {
    float *x, *w, *bias, *y, *plain;
} host_copies;

/* The chain of element (i, t, j) before bias and GELU. */
static float chain(const product *p, const host_copies *h, int64_t i, int64_t t, int64_t j)
{
    float acc = 0.0f;
    for (int64_t k = 0; k < p->k; k++)
        acc = fmaf(h->x[(i * p->tokens + t) * p->k + k], h->w[(t * p->k + k) * p->n + j], acc);
    return acc;
}

static double gelu(double v) { return 0.5 * v * (1.0 + erf(v / sqrt(2.0))); }

/* Ours: equal where there is no GELU, else within its few ulp; the vendor's: near. */
static rmx_status compare(const product *p, const host_copies *h, int64_t at)
{
    const int64_t i = at / (p->tokens * p->n), t = at / p->n % p->tokens, j = at % p->n;
    const float plain = chain(p, h, i, t, j);
    const double full = p->bias ? gelu((double)plain + (double)h->bias[t * p->n + j]) : plain;
    const double ours_off = fabs((double)h->y[at] - full);
    const double theirs_off = h->plain ? fabs((double)h->plain[at] - (double)plain) : 0.0;
    const double near = 1e-6 * (double)(p->k + 8) * 0.25;
    if (p->bias ? ours_off > 1e-5 * (1.0 + fabs(full)) : h->y[at] != plain)
        return rmx_fail(&p->b->error, RMX_ERR_NUMERIC, "product: element %lld is %a, not %a",
                        (long long)at, (double)h->y[at], full);
    if (!(theirs_off <= near))
        return rmx_fail(&p->b->error, RMX_ERR_NUMERIC, "%s: element %lld is %a, not about %a",
                        p->b->yardstick.name, (long long)at, (double)h->plain[at], (double)plain);
    return RMX_OK;
}

static rmx_status fetch(const product *p, host_copies *h)
{
    bench *b = p->b;
    BENCH_TRY(ours((void *)(uintptr_t)p, 0));
    BENCH_TRY(bench_fetch(b, p->y, y_count(p), &h->y));
    BENCH_TRY(bench_fetch(b, p->x, x_count(p), &h->x));
    BENCH_TRY(bench_fetch(b, p->w, w_count(p), &h->w));
    if (p->bias) BENCH_TRY(bench_fetch(b, p->bias, p->tokens * p->n, &h->bias));
    if (!b->yardstick.open) return RMX_OK;
    BENCH_TRY(theirs((void *)(uintptr_t)p, 0));
    return bench_fetch(b, p->y, y_count(p), &h->plain);
}

static rmx_status check(const product *p)
{
    host_copies h = {.x = NULL};
    rmx_status status = fetch(p, &h);
    for (int64_t e = 0; status == RMX_OK && e < CHECKED; e++) {
        const uint64_t place = (uint64_t)e * 2654435761u * 40503u;
        status = compare(p, &h, (int64_t)(place % (uint64_t)y_count(p)));
    }
    free(h.x);
    free(h.w);
    free(h.bias);
    free(h.y);
    free(h.plain);
    return status;
}

/* ---- one line ---------------------------------------------------------------------------- */

static rmx_status operands(product *p)
{
    bench *b = p->b;
    const bool bias = p->tokens > 1;
    const double floats = (double)(x_count(p) + w_count(p) + y_count(p));
    p->sets = bench_sets(b, sizeof(float) * floats);
    BENCH_TRY(bench_floats(b, p->sets * x_count(p), &p->x));
    BENCH_TRY(bench_floats(b, p->sets * w_count(p), &p->w));
    BENCH_TRY(bench_floats(b, p->sets * y_count(p), &p->y));
    return bias ? bench_floats(b, p->tokens * p->n, &p->bias) : RMX_OK;
}

/* log of the ratio to the vendor, NaN without one. */
static rmx_status line(product *p, const char *group, double *log_ratio)
{
    bench *b = p->b;
    bench_times times[2];
    const double mnk = (double)p->m * (double)p->n * (double)p->k * (double)p->tokens;
    const double floats = (double)(x_count(p) + w_count(p) + y_count(p));
    *log_ratio = NAN;
    BENCH_TRY(operands(p));
    BENCH_TRY(check(p));
    const bench_side side[] = {{.run = ours, .user = p},
                               {.run = theirs, .user = p, .spins = true}};
    BENCH_TRY(bench_measure(b, side, b->yardstick.open ? 2 : 1, times));
    bench_record r = bench_record_of(b, group, &times[0], sizeof(float) * floats, 2.0 * mnk);
    snprintf(r.op, sizeof r.op, "%s", p->bias ? "per-token x W + b, GELU" : "x W");
    snprintf(r.series, sizeof r.series, "N=%lld K=%lld", (long long)p->n, (long long)p->k);
    if (p->tokens > 1)
        snprintf(r.shape, sizeof r.shape, "B=%lld T=%lld N=%lld K=%lld", (long long)p->m,
                 (long long)p->tokens, (long long)p->n, (long long)p->k);
    else
        snprintf(r.shape, sizeof r.shape, "M=%lld N=%lld K=%lld", (long long)p->m, (long long)p->n,
                 (long long)p->k);
    r.x = (double)p->m;
    if (b->yardstick.open) {
        r.ratio = times[1].median / times[0].median;
        snprintf(r.yardstick, sizeof r.yardstick, "%s", b->yardstick.name);
        *log_ratio = log(r.ratio);
    }
    bench_release(b);
    return records_add(b->out, &r) ? RMX_OK : RMX_ERR_MEMORY;
}

static rmx_status mean_line(bench *b, const char *group, double logs, int count)
{
    bench_record r = bench_record_none(group);
    if (!isfinite(logs) || count == 0) return RMX_OK;
    snprintf(r.op, sizeof r.op, "geometric mean");
    snprintf(r.shape, sizeof r.shape, "of %d shapes", count);
    snprintf(r.yardstick, sizeof r.yardstick, "%s", b->yardstick.name);
    r.ratio = exp(logs / count);
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
    double logs = 0.0, log_ratio = 0.0;
    int count = 0;
    for (; (*shape)[0]; shape++) {
        for (const int64_t *m = rows; *m; m++) {
            product p = {.b = b, .m = *m, .n = (*shape)[0], .k = (*shape)[1], .tokens = 1};
            BENCH_TRY(line(&p, "product", &log_ratio));
            logs += log_ratio;
            count++;
        }
    }
    return mean_line(b, "product", logs, count);
}

static const int64_t cpu_batches[] = {1, 8, 64, 256, 0};
static const int64_t cuda_batches[] = {1, 64, 512, 4096, 0};

rmx_status bench_grouped(bench *b)
{
    const int64_t *batch = b->quick ? quick_rows : b->cuda ? cuda_batches : cpu_batches;
    double logs = 0.0, log_ratio = 0.0;
    int count = 0;
    for (; *batch; batch++) {
        product p = {.b = b,
                     .m = *batch,
                     .n = b->quick ? 256 : 3072,
                     .k = b->quick ? 64 : 768,
                     .tokens = 16};
        BENCH_TRY(line(&p, "grouped", &log_ratio));
        logs += log_ratio;
        count++;
    }
    return mean_line(b, "grouped", logs, count);
}
