/* SPDX-License-Identifier: MIT */
/* token_mixer_testing.h: what the tests of the token mixer share: its data, and both passes of one
 * case compared with the reference's. */
#ifndef RMX_TOKEN_MIXER_TESTING_H
#define RMX_TOKEN_MIXER_TESTING_H

#include "cases_rows.h"
#include "kernel_testing.h"

enum { MIXER_CASES = CASES(token_mixer_cases) };

static inline int64_t size_of(const token_mixer_case *c)
{
    return c->samples * c->tokens * c->width;
}
static inline bool large(const token_mixer_case *c)
{
    return size_of(c) > 200000;
} /* fewer rounds of it */

/* Which case is number n of those that are not large; MIXER_CASES where there are no more. */
static inline int small_case(int n)
{
    int i = 0;
    for (; i < MIXER_CASES; i++)
        if (!large(&token_mixer_cases[i]) && n-- == 0) break;
    return i;
}

static inline int small_cases(void)
{
    int count = 0;
    while (small_case(count) < MIXER_CASES) count++;
    return count;
}

/* Where in x the element y[b, at] of the mixed sample comes from, by the five steps of the text:
 * head h of token t goes to flat place h * tokens + t. */
static inline int64_t mixed_from(const token_mixer_case *c, int64_t at)
{
    const int64_t d = c->width / c->heads, i = at / d;
    const int64_t h = i / c->tokens, t = i % c->tokens;
    return t * c->width + h * d + at % d;
}

static const float eps = 1e-5f;

typedef struct mixer_data { /* on the host */
    int64_t size, rows;
    float *x, *gamma, *beta, *dy, *dgamma, *dbeta;
} mixer_data;

static inline mixer_data make_data(const token_mixer_case *c, testing_pattern pattern, bool affine)
{
    mixer_data d = {.size = size_of(c), .rows = c->samples * c->tokens};
    d.x = host_filled(d.size, pattern, 4), d.dy = host_filled(d.size, pattern, 5);
    if (affine) d.gamma = host_filled(c->width, pattern, 6);
    if (affine) d.beta = host_filled(c->width, pattern, 7);
    d.dgamma = host_filled(c->width, pattern, 8), d.dbeta = host_filled(c->width, pattern, 9);
    return d;
}

static inline void free_data(mixer_data *d)
{
    free(d->x), free(d->gamma), free(d->beta), free(d->dy), free(d->dgamma), free(d->dbeta);
}

/* What is asked for besides dx. */
enum { DGAMMA = 1, DBETA = 2 };

static inline void backward_case(rmx_backend *backend, const char *name, const token_mixer_case *c,
                                 const mixer_data *d, const rmx_token_mixer_args *forward,
                                 int parts)
{
    kernel_operands all = {.backend = backend};
    rmx_token_mixer_backward_args args = {
        .samples = c->samples,
        .tokens = c->tokens,
        .width = c->width,
        .heads = c->heads,
        .x = forward->x,
        .gamma = forward->gamma,
        .mean = forward->mean,
        .rstd = forward->rstd,
        .dy = kernel_floats(&all, d->dy, d->size),
        .dx = kernel_floats(&all, NULL, d->size),
        .ws = kernel_put(&all, NULL, rmx_token_mixer_scratch(c->samples, c->tokens, c->width))};
    if (parts & DGAMMA) args.dgamma = kernel_floats(&all, d->dgamma, c->width);
    if (parts & DBETA) args.dbeta = kernel_floats(&all, d->dbeta, c->width);
    cr_assert_eq(backend->ops->token_mixer_backward(backend, &args), RMX_OK);
    kernel_compare(backend, args.dx, d->size, name, "dx");
    if (args.dgamma) kernel_compare(backend, args.dgamma, c->width, name, "dgamma");
    if (args.dbeta) kernel_compare(backend, args.dbeta, c->width, name, "dbeta");
    cr_assert(kernel_end(&all), "%s: guard bytes", name);
}

/* The arguments stay for the backward pass. */
static inline rmx_token_mixer_args forward_case(rmx_backend *backend, const char *name,
                                                const token_mixer_case *c, const mixer_data *d,
                                                kernel_operands *all, const char *what)
{
    const rmx_token_mixer_args args = {
        .samples = c->samples,
        .tokens = c->tokens,
        .width = c->width,
        .heads = c->heads,
        .eps = eps,
        .x = kernel_floats(all, d->x, d->size),
        .gamma = d->gamma ? kernel_floats(all, d->gamma, c->width) : NULL,
        .beta = d->beta ? kernel_floats(all, d->beta, c->width) : NULL,
        .y = kernel_floats(all, NULL, d->size),
        .mean = kernel_floats(all, NULL, d->rows),
        .rstd = kernel_floats(all, NULL, d->rows)};
    cr_assert_eq(backend->ops->token_mixer(backend, &args), RMX_OK);
    kernel_compare(backend, args.y, d->size, name, what);
    kernel_compare(backend, args.mean, d->rows, name, "mean");
    kernel_compare(backend, args.rstd, d->rows, name, "rstd");
    return args;
}

#endif /* RMX_TOKEN_MIXER_TESTING_H */
