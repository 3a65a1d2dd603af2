/* SPDX-License-Identifier: MIT */
/* token_mixer.c: token mixing, its inverse, and the fused token mixer, which is mixing and a norm.
 *
 * A token is split into `heads` head slices of width d = width / heads. Mixing writes the slices
 * of all tokens of a sample head by head: slice (token t, head h) becomes slice number
 * h * tokens + t. The result is read again as `tokens` tokens of width `width`. */
#include "kernels/reference/reference.h"

/* One head slice of one sample. x, residual and y are the sample's. */
static void move_slice(const rmx_token_mix_args *a, int64_t token, int64_t head, const float *x,
                       const float *residual, float *y)
{
    const int64_t d = a->width / a->heads;
    const int64_t plain = token * a->width + head * d, mixed = (head * a->tokens + token) * d;
    const int64_t from = a->inverse ? mixed : plain, to = a->inverse ? plain : mixed;
    for (int64_t j = 0; j < d; j++)
        y[to + j] = residual ? rmx_addf(x[from + j], residual[to + j]) : x[from + j];
}

rmx_status rmx_reference_token_mix(rmx_backend *backend, const rmx_token_mix_args *a)
{
    (void)backend;
    const float *x = a->x, *residual = a->residual;
    float *y = a->y;
    for (int64_t b = 0; b < a->samples; b++) {
        const int64_t sample = b * a->tokens * a->width;
        for (int64_t token = 0; token < a->tokens; token++)
            for (int64_t head = 0; head < a->heads; head++)
                move_slice(a, token, head, x + sample, residual ? residual + sample : NULL,
                           y + sample);
    }
    return RMX_OK;
}

/* First y = x + mix(x); then the norm of y, in place. */
rmx_status rmx_reference_token_mixer(rmx_backend *backend, const rmx_token_mixer_args *a)
{
    const rmx_token_mix_args mix = {.samples = a->samples,
                                    .tokens = a->tokens,
                                    .width = a->width,
                                    .heads = a->heads,
                                    .x = a->x,
                                    .residual = a->x,
                                    .y = a->y};
    const rmx_norm_args norm = {.kind = RMX_NORM_LAYER,
                                .rows = a->samples * a->tokens,
                                .dim = a->width,
                                .ld_x = a->width,
                                .ld_y = a->width,
                                .eps = a->eps,
                                .x = a->y,
                                .gamma = a->gamma,
                                .beta = a->beta,
                                .y = a->y,
                                .mean = a->mean,
                                .rstd = a->rstd};
    const rmx_status status = rmx_reference_token_mix(backend, &mix);
    return status == RMX_OK ? rmx_reference_norm(backend, &norm) : status;
}

/* First dx holds z = x + mix(x). The norm's backward pass makes dz of it, in the workspace. Then
 * dx = dz + revert(dz). */
rmx_status rmx_reference_token_mixer_backward(rmx_backend *backend,
                                              const rmx_token_mixer_backward_args *a)
{
    float *z = a->dx, *dz = a->ws;
    const rmx_token_mix_args mix = {.samples = a->samples,
                                    .tokens = a->tokens,
                                    .width = a->width,
                                    .heads = a->heads,
                                    .x = a->x,
                                    .residual = a->x,
                                    .y = z};
    const rmx_norm_backward_args norm = {.kind = RMX_NORM_LAYER,
                                         .rows = a->samples * a->tokens,
                                         .dim = a->width,
                                         .ld = a->width,
                                         .dy = a->dy,
                                         .x = z,
                                         .gamma = a->gamma,
                                         .mean = a->mean,
                                         .rstd = a->rstd,
                                         .dx = dz,
                                         .dgamma = a->dgamma,
                                         .dbeta = a->dbeta};
    rmx_token_mix_args revert = mix;
    revert.inverse = true;
    revert.x = revert.residual = dz;
    revert.y = a->dx;
    rmx_status status = rmx_reference_token_mix(backend, &mix);
    if (status == RMX_OK) status = rmx_reference_norm_backward(backend, &norm);
    return status == RMX_OK ? rmx_reference_token_mix(backend, &revert) : status;
}
