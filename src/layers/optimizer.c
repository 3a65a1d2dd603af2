/* SPDX-License-Identifier: MIT */
/* optimizer.c: see rankmixer/optimizer.h. */
#include "rankmixer/optimizer.h"

#include <stdio.h>

#include "layers/check.h"
#include "layers/optimizer_internal.h"

rmx_optimizer_config rmx_optimizer_default(rmx_optimizer kind)
{
    rmx_optimizer_config config = {
        .kind = kind, .momentum = 0.0f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f};
    switch (kind) {
    case RMX_OPTIMIZER_RMSPROP: config.beta2 = 0.99f; break;
    case RMX_OPTIMIZER_ADAGRAD:
    case RMX_OPTIMIZER_ROWWISE_ADAGRAD: config.eps = 1e-10f; break;
    case RMX_OPTIMIZER_ADAMW: config.weight_decay = 0.01f; break;
    case RMX_OPTIMIZER_SGD: break;
    default: config.kind = RMX_OPTIMIZER_SGD; break;
    }
    return config;
}

bool rmx_optimizer_has_s1(const rmx_optimizer_config *config)
{
    return config->kind != RMX_OPTIMIZER_SGD || config->momentum > 0.0f;
}

bool rmx_optimizer_s1_is_per_row(const rmx_optimizer_config *config)
{
    return config->kind == RMX_OPTIMIZER_ROWWISE_ADAGRAD;
}

bool rmx_optimizer_has_s2(const rmx_optimizer_config *config)
{
    return config->kind == RMX_OPTIMIZER_ADAMW;
}

static rmx_status check_field(rmx_context *ctx, const char *name, const char *field, float value,
                              float end)
{
    char text[96];
    snprintf(text, sizeof text, "%s.%s", name, field);
    return end > 0.0f ? rmx_check_range(ctx, text, value, 0.0f, end)
                      : rmx_check_positive(ctx, text, value);
}

/* Fields that a kind does not use are checked too: a NaN there is a mistake all the same. */
rmx_status rmx_check_optimizer(rmx_context *ctx, const char *name,
                               const rmx_optimizer_config *config)
{
    RMX_TRY(rmx_check_desc(ctx, name, config));
    const int kind = (int)config->kind;
    if (kind < (int)RMX_OPTIMIZER_SGD || kind > (int)RMX_OPTIMIZER_ADAMW)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT,
                                "%s.kind = %d: must be one of RMX_OPTIMIZER_SGD .. ADAMW", name,
                                kind);
    const float huge = 3e38f;
    RMX_TRY(check_field(ctx, name, "momentum", config->momentum, 1.0f));
    RMX_TRY(check_field(ctx, name, "beta1", config->beta1, 1.0f));
    RMX_TRY(check_field(ctx, name, "beta2", config->beta2, 1.0f));
    RMX_TRY(check_field(ctx, name, "eps", config->eps, 0.0f));
    RMX_TRY(check_field(ctx, name, "initial_sum", config->initial_sum, huge));
    return check_field(ctx, name, "weight_decay", config->weight_decay, huge);
}

/* base^exponent by repeated squaring: products of doubles in one fixed order, no libm. */
static double power(double base, uint64_t exponent)
{
    double result = 1.0;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result *= base;
        base *= base;
    }
    return result;
}

rmx_optimizer_scalars rmx_optimizer_scalars_of(const rmx_optimizer_config *config, uint64_t step,
                                               float lr)
{
    const double beta1 = config->beta1, beta2 = config->beta2;
    return (rmx_optimizer_scalars){
        .lr = lr,
        .momentum = config->momentum,
        .beta1 = config->beta1,
        .beta2 = config->beta2,
        .eps = config->eps,
        .weight_decay = config->weight_decay,
        .decay = (float)(1.0 - (double)lr * config->weight_decay),
        .bias1 = (float)(1.0 / (1.0 - power(beta1, step))),
        .bias2 = (float)(1.0 / (1.0 - power(beta2, step))),
        .one_minus_beta1 = (float)(1.0 - beta1),
        .one_minus_beta2 = (float)(1.0 - beta2),
    };
}

static rmx_status check_states(rmx_context *ctx, const rmx_optimizer_config *config, int64_t count,
                               const float *s1, const float *s2)
{
    if (rmx_optimizer_has_s1(config))
        RMX_TRY(rmx_check_array(ctx, "s1", s1, count));
    else
        RMX_TRY(rmx_check_unused(ctx, "s1", s1, "for sgd without momentum"));
    if (rmx_optimizer_has_s2(config)) return rmx_check_array(ctx, "s2", s2, count);
    return rmx_check_unused(ctx, "s2", s2, "for all kinds but adamw");
}

rmx_status rmx_optimizer_step(rmx_context *ctx, const rmx_optimizer_config *config, uint64_t step,
                              float lr, int64_t rows, int64_t width, const float *g, float *w,
                              float *s1, float *s2)
{
    int64_t count;
    RMX_TRY(rmx_check_optimizer(ctx, "config", config));
    if (step == 0) return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "step = 0: steps count from 1");
    RMX_TRY(rmx_check_range(ctx, "lr", lr, 0.0f, 3e38f));
    const int64_t sizes[2] = {rows, width};
    RMX_TRY(rmx_check_count(ctx, "rows * width", sizes, 2, &count));
    RMX_TRY(rmx_check_array(ctx, "g", g, count));
    RMX_TRY(rmx_check_array(ctx, "w", w, count));
    RMX_TRY(check_states(ctx, config, count, s1, s2));
    if (count == 0) return RMX_OK;
    const int64_t size = (int64_t)sizeof(float), bytes = count * size;
    const rmx_range in = {"g", g, bytes};
    const rmx_range outs[] = {
        {"w", w, bytes},
        {"s1", s1, rmx_optimizer_s1_is_per_row(config) ? rows * size : bytes},
        {"s2", s2, bytes}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 3, &in, 1));
    rmx_backend *backend = rmx_context_backend(ctx);
    const rmx_optimizer_scalars scalars = rmx_optimizer_scalars_of(config, step, lr);
    rmx_optimizer_scalars *on_backend = rmx_context_scratch(ctx);
    RMX_TRY(rmx_context_check(
        ctx, backend->ops->upload(backend, on_backend, &scalars, sizeof scalars)));
    const rmx_optimizer_args args = {
        .kind = config->kind,
        .rows = rows,
        .width = width,
        .w = w,
        .s1 = s1,
        .s2 = s2,
        .grad = g,
        .scalars = on_backend,
    };
    return rmx_run_optimizer(ctx, &args);
}
