/* SPDX-License-Identifier: MIT */
/* table.c: this instruction set's table of kernels; memory is the same for all. */
#include "kernels/cpu/backend.h"
#include "kernels/cpu/cpu.h"

#define RMX_STRING_(x) #x
#define RMX_STRING(x) RMX_STRING_(x)

const rmx_ops RMX_CPU(ops) = {
    .code = RMX_STRING(RMX_CPU_CODE),
    .alloc = rmx_cpu_alloc,
    .free = rmx_cpu_free,
    .upload = rmx_cpu_copy,
    .download = rmx_cpu_copy,
    .copy = rmx_cpu_copy,
    .zero = rmx_cpu_zero,
    .sync = rmx_cpu_sync,
    .host_alloc = rmx_cpu_alloc,
    .host_free = rmx_cpu_free,
    .send = rmx_cpu_copy,
    .fetch = rmx_cpu_copy,
    .signal = rmx_cpu_signal,
    .await = rmx_cpu_signal,
    .wait = rmx_cpu_wait,
    .product = RMX_CPU(product),
    .column_sum = RMX_CPU(column_sum),
    .softmax = RMX_CPU(softmax),
    .softmax_backward = RMX_CPU(softmax_backward),
    .mean = RMX_CPU(mean),
    .mean_backward = RMX_CPU(mean_backward),
    .norm = RMX_CPU(norm),
    .norm_backward = RMX_CPU(norm_backward),
    .token_mix = RMX_CPU(token_mix),
    .token_mixer = RMX_CPU(token_mixer),
    .token_mixer_backward = RMX_CPU(token_mixer_backward),
    .activation = RMX_CPU(activation),
    .activation_backward = RMX_CPU(activation_backward),
    .add = RMX_CPU(add),
    .dropout = RMX_CPU(dropout),
    .embedding_lookup = RMX_CPU(embedding_lookup),
    .embedding_sort_scratch = RMX_CPU(embedding_sort_scratch),
    .embedding_sort = RMX_CPU(embedding_sort),
    .embedding_gradient = RMX_CPU(embedding_gradient),
    .loss = RMX_CPU(loss),
    .sigmoid = RMX_CPU(sigmoid),
    .optimizer = RMX_CPU(optimizer),
    .gradient_norm_sum_squares = RMX_CPU(gradient_norm_sum_squares),
    .gradient_norm_clip = RMX_CPU(gradient_norm_clip),
    .nonfinite = RMX_CPU(nonfinite),
};
