/* SPDX-License-Identifier: MIT */
/* rows.c: see rows.h. */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

/* ---- memory ------------------------------------------------------------------------------ */

/* More than the cache; on a GPU the batch of 4096 samples that a large model trains with. */
int64_t rows_count(const bench *b)
{
    const int64_t batch = b->cuda ? (int64_t)4096 * ROWS_TOKENS * 768 : 0;
    const int64_t cache = b->cache_bytes / 2;
    return b->quick ? (int64_t)1 << 18 : cache > batch ? cache : batch;
}

rmx_status rows_open(rows *r, bench *b, size_t ws_bytes)
{
    float **const buffers[] = {&r->x, &r->dy, &r->y, &r->dx, &r->s1, &r->s2};
    float *ws = NULL;
    r->b = b;
    r->count = rows_count(b);
    r->ws_bytes = ws_bytes;
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        BENCH_TRY(bench_floats(b, r->count, buffers[i]));
    BENCH_TRY(bench_zeros(b, r->count / 8, &r->stat));
    BENCH_TRY(bench_floats(b, ROWS_SMALL, &r->small));
    BENCH_TRY(bench_floats(b, (int64_t)(ws_bytes / sizeof(float)) + 1, &ws));
    r->ws = ws;
    return RMX_OK;
}

/* ---- one line ---------------------------------------------------------------------------- */

static rmx_status part(void *user, int64_t first, int64_t samples)
{
    const rows *r = user;
    return r->c->run(r, first, samples);
}

static rmx_status run_all(void *user, int64_t turn)
{
    const rows *r = user;
    (void)turn; /* one set is larger than the cache */
    return r->c->run(r, 0, rows_samples(r));
}

static rmx_status reset(void *user)
{
    rows *r = user;
    return r->c->reset ? r->c->reset(r) : RMX_OK;
}

static rmx_status run_copy(void *user, int64_t turn)
{
    const rows *r = user;
    (void)turn;
    return machine_copy(r->b, r->y, r->x, r->count);
}

rmx_status rows_line(rows *r, const char *op, const char *shape, const bench_side *ours,
                     double bytes)
{
    bench *b = r->b;
    bench_times times[2];
    const bench_side side[] = {*ours, {.run = run_copy, .user = r, .sets = 1}};
    const double copied = 2.0 * sizeof(float) * (double)r->count;
    BENCH_TRY(bench_measure(b, side, 2, times));
    bench_record line = bench_record_of(b, op, shape, &times[0], bytes, NAN);
    snprintf(line.series, sizeof line.series, "%s%s%s", op, *shape ? " " : "", shape);
    snprintf(line.ceiling, sizeof line.ceiling, "copy");
    line.share = bytes / copied * times[1].median / times[0].median;
    return bench_add(b, &line);
}

static rmx_status measure_case(rows *r)
{
    bench *b = r->b;
    const row_case *c = r->c;
    const bench_side side = {.run = run_all, .user = r, .sets = c->launched ? 0 : 1};
    const double values = (double)(rows_samples(r) * rows_unit(r)) * sizeof(float);
    BENCH_TRY(bench_fill(b, r->small, ROWS_SMALL, 9));
    BENCH_TRY(rmx_zero(b->ctx, r->stat, sizeof(uint64_t)));
    if (c->check)
        BENCH_TRY(c->check(r));
    else
        BENCH_TRY(bench_check_alone(b, c->op, part, reset, r, c->out == IN_DX ? r->dx : r->y,
                                    c->out_width ? c->out_width : rows_unit(r), rows_samples(r)));
    return rows_line(r, c->op, c->shape, &side, values * c->moved);
}

rmx_status rows_measure(bench *b, const row_case *cases, size_t count)
{
    rows r = {.b = b, .count = rows_count(b)};
    size_t most = 0;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        r.c = &cases[i];
        const size_t bytes = r.c->scratch ? r.c->scratch(&r) : 0;
        if (bytes > most) most = bytes;
        any = any || bench_wants(b, r.c->op, r.c->shape);
    }
    if (!any) return RMX_OK;
    BENCH_TRY(rows_open(&r, b, most));
    for (size_t i = 0; i < count; i++) {
        r.c = &cases[i];
        if (bench_wants(b, r.c->op, r.c->shape)) BENCH_TRY(measure_case(&r));
    }
    bench_release(b);
    return RMX_OK;
}

/* ---- checks of sums ---------------------------------------------------------------------- */

rmx_status rows_expect_near(rows *r, double is, double should)
{
    if (fabs(is - should) <= 1e-6 * (1.0 + fabs(should))) return RMX_OK;
    return rmx_fail(&r->b->error, RMX_ERR_NUMERIC, "%s: the result is %.9g, not %.9g", r->c->op,
                    is, should);
}

rmx_status rows_host_sum(rows *r, bool squares, double *sum)
{
    float *x = NULL;
    *sum = 0.0;
    BENCH_TRY(bench_fetch(r->b, r->x, r->count, &x));
    for (int64_t i = 0; i < rows_samples(r) * rows_unit(r); i++)
        *sum += squares ? (double)x[i] * (double)x[i] : (double)x[i];
    free(x);
    return RMX_OK;
}
